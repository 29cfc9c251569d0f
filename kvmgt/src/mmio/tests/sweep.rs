// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whatever is written anywhere at whatever width: nothing panics, and what is read makes sense.
use super::*;

/// Numbers without a pattern, always the same.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // xorshift64* (Vigna 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    /// A value as guests write them: zeros, ones, a single bit, a byte, or anything.
    fn value(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << self.below(64),
            3 => self.below(256),
            4 => 0x0001_0001_0001_0001 << self.below(16),
            _ => self.next(),
        }
    }
}

const WIDTHS: [usize; 4] = [1, 2, 4, 8];

/// Does what a hostile guest does, `steps` times, at offsets that `place` chooses.
fn storm(machine: &mut Machine, seed: u64, steps: u32, place: impl Fn(&mut Noise) -> u32) {
    let mut noise = Noise(seed);
    for step in 0..steps {
        let width = WIDTHS[noise.below(4) as usize];
        let at = place(&mut noise) & !(width as u32 - 1);
        let value = noise.value().to_le_bytes();
        if noise.below(3) > 0 {
            machine.write(at, &value[..width]);
        } else {
            machine.read(at, width);
        }
        if step % 64 == 0 {
            // Once in a while it is reset: out of failsafe mode, among other things.
            machine.mmio.state.failsafe = false;
            machine.vm.guest.events.clear();
            machine.mmio.take_interrupt();
        }
        for event in machine.vm.guest.events.drain(..) {
            if let GuestEvent::Complaint(complaint) = event {
                let line = complaint.to_string();
                assert!(!line.is_empty() && !line.contains('\n'), "{line}");
            }
        }
    }
}

/// What must hold whatever a guest has done.
fn check(machine: &Machine) {
    let own = machine.aperture();
    for fence in machine.host_fences() {
        let (first, last) = (fence & 0xffff_f000, fence >> 32 & 0xffff_f000);
        let inside = own.start <= first && first <= last && last < own.end;
        assert!(fence & 1 == 0 || inside, "{fence:#x}");
    }
    let page = MmioOffset(named("PVINFO") + 0x40);
    assert_eq!(u64::from(machine.mmio.peek(page)), own.start);
    assert_eq!(machine.peek("GEN6_GDRST"), 0);
    for slot in 0..12 {
        let value = machine
            .mmio
            .peek(MmioOffset(named("FORCE_TO_NONPRIV") + slot * 4));
        assert!(value == 0 || nonpriv::is_allowed(value), "{value:#x}");
    }
    for engine in Engine::ALL {
        let mode = machine.peek(&std::format!("{}_RING_MODE", engine.name()));
        assert_eq!(mode & 1, 0, "{engine:?}");
        let page = machine.peek(&std::format!("{}_RING_HWS_PGA", engine.name()));
        let page = u64::from(page);
        let (low, high) = (own.clone(), machine.ggtt.high());
        assert!(page == 0 || low.contains(&page) || high.contains(&page));
    }
}

#[test]
fn s_13_storm_at_handled_registers_breaks_nothing() {
    for (platform, vcs1) in each_gpu() {
        let handled = handled(platform, vcs1);
        let mut machine = Machine::with(platform, vcs1, |_| 0);
        storm(&mut machine, 0x5eed + platform as u64, 20_000, |noise| {
            let (_, at) = handled[noise.below(handled.len() as u64) as usize];
            at + noise.below(4) as u32
        });
        // In failsafe mode all is memory; without it the rules hold.
        machine.reset();
        storm(&mut machine, 0xbad + platform as u64, 5_000, |noise| {
            let (_, at) = handled[noise.below(handled.len() as u64) as usize];
            at
        });
    }
}

#[test]
fn storm_of_a_guest_that_is_never_failsafe_keeps_the_rules() {
    for (platform, vcs1) in each_gpu() {
        // What leads to failsafe mode is left out, and what is in one quadword with that.
        let deadly = |name: &str| {
            ["RING_MODE", "RING_0D4", "RING_RESET_CTL", "PVINFO"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        let mut handled = handled(platform, vcs1);
        handled.retain(|(name, _)| !deadly(name));
        let mut machine = Machine::with(platform, vcs1, |_| 0);
        machine.mmio.state.aware = true;
        storm(&mut machine, 0xcafe + platform as u64, 20_000, |noise| {
            let (_, at) = handled[noise.below(handled.len() as u64) as usize];
            at + noise.below(4) as u32
        });
        assert!(!machine.mmio.is_failsafe());
        check(&machine);
    }
}

#[test]
fn storm_anywhere_in_the_bar_breaks_nothing() {
    let mut machine = Machine::new(Platform::Bxt);
    storm(&mut machine, 7, 50_000, |noise| {
        noise.below(16 << 20) as u32
    });
}

#[test]
fn plain_registers_remember_what_is_written_at_each_width() {
    for platform in [Platform::Bdw, Platform::Bxt] {
        let mut machine = Machine::new(platform);
        let mut noise = Noise(platform as u64);
        for at in (0..MMIO_SIZE).step_by(8) {
            let rule = |at| *machine.device.dispatch().rule(MmioOffset(at));
            if rule(at) != PLAIN || rule(at + 4) != PLAIN {
                continue;
            }
            let bytes = noise.next().to_le_bytes();
            let width = WIDTHS[noise.below(4) as usize];
            for (index, part) in bytes.chunks(width).enumerate() {
                machine.write(at + (index * width) as u32, part);
            }
            assert_eq!(machine.read(at, 8), bytes, "{at:#x}");
        }
    }
}

#[test]
fn write_of_ones_and_zeros_to_each_register_reads_again() {
    for (platform, vcs1) in each_gpu() {
        let mut machine = Machine::with(platform, vcs1, |_| 0);
        for (name, at) in handled(platform, vcs1) {
            for value in [0, u32::MAX, 0x5a5a_5a5a] {
                machine.write32(at, value);
                machine.mmio.state.failsafe = false;
                let whole = machine.mmio.peek(MmioOffset(at)).to_le_bytes();
                let read = machine.read32(at).to_le_bytes();
                let again: Vec<u8> = (0..4).flat_map(|byte| machine.read(at + byte, 1)).collect();
                // Reads change two registers, once.
                let settles = ["GUC_STATUS", "PCH_GMBUS0", "DPLL_STATUS", "SBI_DATA"];
                let constant = name.starts_with("REG_E6") || name.contains("TX_DW3");
                let of_gpu = name.contains("_RING_TIMESTAMP");
                if settles.contains(&name) || constant || of_gpu || name == "FENCE" {
                    continue;
                }
                assert_eq!(
                    (whole, whole.to_vec()),
                    (read, again),
                    "{name} on {platform}"
                );
            }
        }
    }
}
