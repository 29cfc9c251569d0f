// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The display engine: pipes, planes, PLLs, power wells, AUX, GMBUS and the PCH's display half.
//!
//! Requests are acknowledged at once; what takes time is the beam. Pipes run on the GPU's clock,
//! but for [updates](update) that are under way: at each vertical blank armed planes are taken
//! over, frame counters step and interrupts are raised. One monitor is connected, by HDMI (its
//! EDID is on GMBUS) or by DisplayPort (DPCD and EDID are on AUX). [`Display::picture`] is what it
//! shows.

pub mod aux_channel;
pub mod bits;
pub mod dpcd;
pub mod edid;
pub mod gmbus;
pub mod pcode;
pub mod pipe;
pub mod plane;
pub mod pll;
pub mod power;
pub mod scanout;
pub mod south;
pub mod tiling;
pub mod timing;
pub mod update;

use crate::address::{GgttAddress, MmioOffset};
use crate::clock::Nanos;
use crate::interrupt::{IrqGroup, IrqLines};
use crate::memory::DmaFault;
use crate::platform::{Platform, PlatformId};
use crate::register_file::RegisterFile;

use self::dpcd::{I2cEeprom, Sink};
use self::edid::Mode;
use self::gmbus::Gmbus;
use self::pipe::{Pipe, PIPES};
use self::plane::{Latched, Layer, PlaneId, PLANES};
use self::scanout::Picture;
use self::south::SideBand;
use self::update::Access;

/// What the display engine may touch while it handles an access or a tick.
pub struct DisplayBus<'a> {
    /// Storage of all registers; the display keeps its visible state there.
    pub regs: &'a mut RegisterFile,
    /// Interrupt lines of the display groups.
    pub irq: &'a mut dyn IrqLines,
    /// Virtual time now.
    pub now: Nanos,
}

/// Read access to what planes scan out.
pub trait FrameMemory {
    /// Fills `data` from graphics address `address` on, through the GGTT.
    ///
    /// # Errors
    /// [`DmaFault`] if a page is not mapped.
    fn read(&self, address: GgttAddress, data: &mut [u8]) -> Result<(), DmaFault>;
}

/// How the monitor is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// HDMI or DVI: the EDID is behind the port's GMBUS pins, AUX does not answer.
    Hdmi,
    /// DisplayPort: everything is behind the port's AUX channel.
    DisplayPort,
}

/// The monitor that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Port: 1 is B, 2 is C, 3 is D.
    pub port: u32,
    /// How it is connected.
    pub link: Link,
    /// What it offers, the preferred mode first.
    pub modes: Vec<Mode>,
}

/// The name that the monitor gives itself.
const MONITOR_NAME: &str = "Gen9 model";

impl Default for Monitor {
    /// An HDMI monitor at port B that prefers 1024×768: small pictures keep emulators quick.
    fn default() -> Self {
        Self {
            port: 1,
            link: Link::Hdmi,
            modes: vec![Mode::XGA, Mode::SXGA, Mode::FULL_HD],
        }
    }
}

/// Digital ports, A to E.
const PORTS: u32 = 5;
/// AUX channels, A to D.
const AUX_CHANNELS: u32 = 4;
/// Interrupt of GMBUS in the south group.
const SOUTH_GMBUS: u32 = 1 << 17;
/// Interrupt of GMBUS in the port group (BXT).
const BXT_PORT_GMBUS: u32 = 1 << 1;
/// Microseconds a second.
const MICROSECONDS: u64 = 1_000_000;
/// Interrupt groups of the pipes.
const PIPE_GROUPS: [IrqGroup; PIPES] = [IrqGroup::PipeA, IrqGroup::PipeB, IrqGroup::PipeC];

/// The value of a register whose state bit (30) follows its enable bit (31).
fn follow_enable(value: u32) -> u32 {
    if value & bits::ENABLE != 0 {
        value | bits::STATE
    } else {
        value & !bits::STATE
    }
}

/// The display engine.
pub struct Display {
    platform: PlatformId,
    present: bool,
    monitor: Monitor,
    connected: bool,
    pipes: [Pipe; PIPES],
    gmbus: Gmbus,
    sink: Option<Sink>,
    south: SideBand,
    /// Registers were set behind our back (reset, firmware): pipes must be looked at anew.
    adopt: bool,
}

impl Display {
    /// A display engine with the default monitor; with `present` false all pipes are fused off.
    pub fn new(platform: &'static Platform, present: bool) -> Self {
        Self::with_monitor(platform, present, Monitor::default())
    }

    /// A display engine with that monitor.
    pub fn with_monitor(platform: &'static Platform, present: bool, monitor: Monitor) -> Self {
        let edid = edid::build(MONITOR_NAME, &monitor.modes);
        let pin = gmbus::pin_of_port(platform.id, monitor.port);
        let on_gmbus = pin.filter(|_| monitor.link == Link::Hdmi && present);
        let on_aux = monitor.link == Link::DisplayPort && present;
        Self {
            platform: platform.id,
            present,
            connected: present,
            pipes: Default::default(),
            gmbus: Gmbus::new(on_gmbus.map(|pin| (pin, I2cEeprom::new(edid)))),
            sink: on_aux.then(|| Sink::new(edid)),
            south: SideBand::default(),
            monitor,
            adopt: true,
        }
    }

    /// The monitor.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Whether the register at `offset` belongs to the display engine.
    ///
    /// The interrupt registers of the display groups do not: they are in [`crate::interrupt`].
    pub fn owns(offset: MmioOffset) -> bool {
        const FPGA_DBG: u32 = 0x4_2300;
        match offset.0 {
            FPGA_DBG => false,
            // Fuses, chickens and clock gating; then, behind the interrupt registers, all units.
            0x4_1000..0x4_4200 | 0x4_4500..0x7_8000 | 0x7_9000..0x8_0000 => true,
            // The PCH, without its interrupt registers.
            0xc_0000..0xc_4000 | 0xc_4010..0x10_0000 => true,
            bits::LCPLL_CTL | bits::BXT_GT_DISP_PWRON => true,
            0x16_2000..0x16_3000 => true,
            _ => false,
        }
    }

    /// Returns to the reset state; registers already hold their seeded reset values.
    ///
    /// Call it before firmware programs registers. Pipes are looked at anew at the next access
    /// or tick.
    pub fn reset(&mut self, bus: &mut DisplayBus<'_>) {
        *self = Self::with_monitor(
            Platform::get(self.platform),
            self.present,
            self.monitor.clone(),
        );
        for (offset, value) in reset_values(self.platform, self.present) {
            bus.regs.set(MmioOffset(offset), value);
        }
        power::update_wells(bus.regs, self.platform);
        self.show_hotplug(bus, false);
    }

    /// Plugs the monitor in or out, with the interrupt that hardware raises.
    pub fn set_connected(&mut self, connected: bool, bus: &mut DisplayBus<'_>) {
        if self.present && connected != self.connected {
            self.connected = connected;
            self.show_hotplug(bus, true);
        }
    }

    fn show_hotplug(&self, bus: &mut DisplayBus<'_>, pulse: bool) {
        if let Some(line) = south::hotplug_line(self.platform, self.monitor.port) {
            line.set(bus.regs, bus.irq, self.connected, pulse);
        }
    }

    /// Reads the register at `offset` (dword aligned).
    pub fn read(&mut self, offset: MmioOffset, bus: &mut DisplayBus<'_>) -> u32 {
        self.tick(bus);
        let now = bus.now;
        if Gmbus::owns(offset.0) {
            return self.gmbus.read(bus.regs, offset.0);
        }
        if offset.0 == bits::TIMESTAMP_CTR {
            return now.ticks(MICROSECONDS) as u32;
        }
        let pipe = offset.0.wrapping_sub(bits::PIPEDSL) / bits::PIPE_STRIDE;
        let Some(state) = self.pipes.get_mut(pipe as usize) else {
            return bus.regs.get(offset);
        };
        let (value, access) = match offset.0 - pipe * bits::PIPE_STRIDE {
            bits::PIPEDSL => (state.scanline(now.0), Access::Line),
            bits::PIPE_FRMCOUNT => (state.frame_count(now.0), Access::Count),
            bits::PIPE_FRMTMSTMP => {
                return Nanos(state.frame_time(now.0)).ticks(MICROSECONDS) as u32
            }
            _ => return bus.regs.get(offset),
        };
        state.note(access, now.0);
        // An update that ends lets go of the vertical blank that has waited for it.
        self.tick(bus);
        value
    }

    /// Writes the register at `offset` (dword aligned).
    pub fn write(&mut self, offset: MmioOffset, value: u32, bus: &mut DisplayBus<'_>) {
        self.tick(bus);
        let now = bus.now.0;
        let pipe = pipe_of_plane(offset.0).and_then(|pipe| self.pipes.get_mut(pipe as usize));
        if let Some(state) = pipe {
            state.note(Access::Plane, now);
        }
        let (regs, at) = (&mut *bus.regs, offset.0);
        if power::write(regs, self.platform, at, value)
            || pll::write(regs, self.platform, at, value)
            || self.south.write(regs, at, value)
            || self.write_port(at, value, bus)
            || self.write_read_only(at)
        {
            return self.retime(bus, now);
        }
        bus.regs.set(offset, value);
        if let Some((pipe, plane)) = PlaneId::armed_by(at) {
            self.arm(pipe, plane, bus);
        } else if let Some(transcoder) = transcoder_enable(at) {
            bus.regs.set(transcoder, follow_enable(value));
        }
        self.retime(bus, now);
    }

    /// Lets time-driven events happen that are due at `bus.now`.
    pub fn tick(&mut self, bus: &mut DisplayBus<'_>) {
        self.adopt_registers(bus);
        let now = bus.now.0;
        for ((pipe, state), group) in (0u32..).zip(&mut self.pipes).zip(PIPE_GROUPS) {
            let due = state.advance(bus.regs, self.platform, pipe, now);
            if due != 0 {
                bus.irq.raise(group, due);
            }
        }
    }

    /// Virtual time at which to call [`Display::tick`] again, if any event is coming.
    ///
    /// It may be too early, never too late, also if registers are accessed in between.
    pub fn next_event(&self) -> Option<Nanos> {
        self.pipes
            .iter()
            .filter_map(Pipe::next_vblank)
            .min()
            .map(Nanos)
    }

    /// The first pipe that sends frames.
    pub fn active_pipe(&self) -> Option<u32> {
        (0u32..)
            .zip(&self.pipes)
            .find(|(_, pipe)| pipe.is_running())
            .map(|(pipe, _)| pipe)
    }

    /// Refresh rate of a pipe in thousandths of Hz; `None` if it sends no frames.
    pub fn refresh_mhz(&self, pipe: u32) -> Option<u64> {
        self.pipes
            .get(pipe as usize)?
            .timing()
            .map(|timing| timing.refresh_mhz())
    }

    /// What a pipe shows now; `None` if it sends no frames.
    pub fn picture(
        &self,
        regs: &RegisterFile,
        memory: &dyn FrameMemory,
        pipe: u32,
    ) -> Option<Picture> {
        let layers = self.layers(regs, pipe)?;
        let (width, height) = pipe::source_size(regs, pipe);
        let mut picture = Picture::black(width, height);
        layers.iter().for_each(|layer| picture.add(layer, memory));
        Some(picture)
    }

    /// A number that changes when [`Display::picture`] changes, but is cheaper to get.
    pub fn fingerprint(
        &self,
        regs: &RegisterFile,
        memory: &dyn FrameMemory,
        pipe: u32,
    ) -> Option<u32> {
        self.layers(regs, pipe)
            .map(|layers| scanout::fingerprint(&layers, memory))
    }

    /// The layers of a running pipe, lowest first.
    fn layers(&self, regs: &RegisterFile, pipe: u32) -> Option<Vec<Layer>> {
        let state = self
            .pipes
            .get(pipe as usize)
            .filter(|state| state.is_running())?;
        let size = pipe::source_size(regs, pipe);
        let (planes, cursor): (&[Latched], &[Latched]) = state.latched().split_at(PLANES as usize);
        let planes = planes
            .iter()
            .filter_map(|it| Layer::of_plane(it, self.platform, size));
        Some(
            planes
                .chain(cursor.iter().filter_map(Layer::of_cursor))
                .collect(),
        )
    }

    /// Takes over what was put into registers without our seeing it.
    fn adopt_registers(&mut self, bus: &mut DisplayBus<'_>) {
        if !std::mem::take(&mut self.adopt) {
            return;
        }
        for (pipe, state) in (0u32..).zip(&mut self.pipes) {
            for plane in (0..PLANES).map(PlaneId::Universal).chain([PlaneId::Cursor]) {
                state.arm(bus.regs, self.platform, pipe, plane);
            }
        }
        self.retime(bus, bus.now.0);
    }

    fn arm(&mut self, pipe: u32, plane: PlaneId, bus: &mut DisplayBus<'_>) {
        let Some(state) = self.pipes.get_mut(pipe as usize) else {
            return;
        };
        let due = state.arm(bus.regs, self.platform, pipe, plane);
        if plane == PlaneId::Universal(0) {
            let flips = MmioOffset(bits::PIPE_FLIPCOUNT + pipe * bits::PIPE_STRIDE);
            bus.regs.set(flips, bus.regs.get(flips).wrapping_add(1));
        }
        if due != 0 {
            bus.irq.raise(PIPE_GROUPS[pipe as usize], due);
        }
    }

    /// Starts and stops pipes as registers now say.
    fn retime(&mut self, bus: &mut DisplayBus<'_>, now: u64) {
        for (pipe, state) in (0u32..).zip(&mut self.pipes) {
            let was_running = state.is_running();
            let timing = pipe::timing(bus.regs, self.platform, pipe).filter(|_| self.present);
            state.retime(timing, now);
            if was_running && !state.is_running() {
                // Nobody will see the next vertical blank: what is armed takes effect now.
                for plane in (0..PLANES).map(PlaneId::Universal).chain([PlaneId::Cursor]) {
                    state.arm(bus.regs, self.platform, pipe, plane);
                }
            }
        }
    }

    /// Handles a write to a digital port; `false` if `offset` is no such register.
    fn write_port(&mut self, offset: u32, value: u32, bus: &mut DisplayBus<'_>) -> bool {
        if Gmbus::owns(offset) {
            if self.gmbus.write(bus.regs, offset, value, self.connected) {
                match self.platform {
                    PlatformId::Broxton => bus.irq.raise(IrqGroup::Port, BXT_PORT_GMBUS),
                    _ => bus.irq.raise(IrqGroup::South, SOUTH_GMBUS),
                }
            }
            return true;
        }
        if let Some(channel) = self.aux_channel(offset) {
            let here = self.connected && channel == self.monitor.port;
            let sink = self.sink.as_mut().filter(|_| here);
            if aux_channel::write_control(bus.regs, offset, value, sink) {
                let (group, bit) = self.aux_interrupt(channel);
                bus.irq.raise(group, bit);
            }
            return true;
        }
        let port = offset.wrapping_sub(bits::DDI_BUF_CTL) / bits::PORT_STRIDE;
        if port >= PORTS {
            return false;
        }
        let status = MmioOffset(bits::DP_TP_STATUS + port * bits::PORT_STRIDE);
        match offset - port * bits::PORT_STRIDE {
            bits::DDI_BUF_CTL => {
                let on = value & bits::ENABLE != 0;
                let idle = if on { 0 } else { bits::DDI_BUF_IDLE };
                bus.regs
                    .set(MmioOffset(offset), value & !bits::DDI_BUF_IDLE | idle);
                if let Some(sink) = self
                    .sink
                    .as_mut()
                    .filter(|_| !on && port == self.monitor.port)
                {
                    sink.link_lost();
                }
            }
            bits::DP_TP_CTL => {
                bus.regs.set(MmioOffset(offset), value);
                if value >> bits::DP_TP_TRAIN_SHIFT & 7 == bits::DP_TP_TRAIN_IDLE {
                    bus.regs
                        .update(status, bits::DP_TP_IDLE_DONE, bits::DP_TP_IDLE_DONE);
                }
            }
            bits::DP_TP_STATUS => {
                let sticky = bus.regs.get(status) & bits::DP_TP_STICKY & !value;
                bus.regs.set(status, value & !bits::DP_TP_STICKY | sticky);
            }
            _ => return false,
        }
        true
    }

    /// Whether a register of the display cannot be written at all.
    fn write_read_only(&self, offset: u32) -> bool {
        let pipe = offset.wrapping_sub(bits::PIPEDSL) / bits::PIPE_STRIDE;
        let of_pipe_a = offset.wrapping_sub(pipe.wrapping_mul(bits::PIPE_STRIDE));
        let live = (pipe as usize) < PIPES
            && (matches!(
                of_pipe_a,
                bits::PIPEDSL
                    | bits::PIPE_FRMCOUNT
                    | bits::PIPE_FLIPCOUNT
                    | bits::PIPE_FRMTMSTMP
                    | bits::CUR_SURFLIVE
            ) || (0..PLANES)
                .any(|plane| of_pipe_a == bits::PLANE_SURFLIVE + plane * bits::PLANE_STRIDE_BYTES));
        let gen9 = self.platform != PlatformId::Broadwell;
        live || gen9 && matches!(offset, bits::FUSE_STATUS | bits::DFSM | bits::DPLL_STATUS)
    }

    /// The AUX channel whose control register is at `offset`.
    fn aux_channel(&self, offset: u32) -> Option<u32> {
        let north = offset
            .checked_sub(bits::AUX_CTL)
            .filter(|at| at % bits::PORT_STRIDE == 0);
        let south = offset
            .checked_sub(bits::PCH_AUX_CTL_B)
            .filter(|at| at % bits::PORT_STRIDE == 0);
        let channel = match self.platform {
            PlatformId::Broadwell if offset == bits::AUX_CTL => 0,
            PlatformId::Broadwell => south? / bits::PORT_STRIDE + 1,
            _ => north? / bits::PORT_STRIDE,
        };
        (channel < AUX_CHANNELS).then_some(channel)
    }

    /// The interrupt of an AUX channel.
    fn aux_interrupt(&self, channel: u32) -> (IrqGroup, u32) {
        match (self.platform, channel) {
            (_, 0) => (IrqGroup::Port, 1),
            (PlatformId::Broadwell, _) => (IrqGroup::South, 1 << (24 + channel)),
            _ => (IrqGroup::Port, 1 << (24 + channel)),
        }
    }
}

/// The number of the pipe whose plane or cursor a register belongs to, if it is one's.
fn pipe_of_plane(offset: u32) -> Option<u32> {
    let of_plane = offset % bits::PIPE_STRIDE >= bits::FIRST_PLANE_REGISTER;
    of_plane.then_some(offset.wrapping_sub(bits::PIPEDSL) / bits::PIPE_STRIDE)
}

/// The transcoder's configuration register, if `offset` is one.
fn transcoder_enable(offset: u32) -> Option<MmioOffset> {
    bits::Transcoder::ALL
        .into_iter()
        .map(|transcoder| transcoder.register(bits::TRANSCONF))
        .find(|register| register.0 == offset)
}

/// Registers that have a certain value after reset, whatever the seed: fuses, straps, idle bits.
pub fn reset_values(platform: PlatformId, present: bool) -> Vec<(u32, u32)> {
    let mut values = vec![
        (bits::PWR_WELL_CTL_BIOS, 0),
        (bits::PWR_WELL_CTL_DRIVER, 0),
        (bits::PWR_WELL_CTL_KVMR, 0),
        (bits::PWR_WELL_CTL_DEBUG, 0),
        (bits::PORT_HOTPLUG, 0),
        (bits::PORT_HOTPLUG2, 0),
        (bits::PCH_RAWCLK_FREQ, bits::RAWCLK_24_MHZ),
        (bits::PP_STATUS, 0),
        (bits::PP_CONTROL, 0),
    ];
    values.extend((0..PORTS).map(|port| {
        (
            bits::DDI_BUF_CTL + port * bits::PORT_STRIDE,
            bits::DDI_BUF_IDLE,
        )
    }));
    if platform == PlatformId::Broadwell {
        let off = if present {
            0
        } else {
            bits::SFUSE_DISPLAY_DISABLED
        };
        let straps = bits::SFUSE_PORTS_BCD | bits::SFUSE_CRT_DISABLED | off;
        let select = |port| bits::PORT_CLK_SEL + 4 * port;
        values.extend((0..PORTS).map(|port| (select(port), bits::PORT_CLK_SEL_NONE)));
        values.extend([(bits::SFUSE_STRAP, straps), (bits::LCPLL_CTL, bits::STATE)]);
        return values;
    }
    values.push((bits::SFUSE_STRAP, bits::SFUSE_PORTS_BCD));
    values.push((bits::DFSM, if present { 0 } else { bits::DFSM_NO_PIPES }));
    if platform != PlatformId::Broxton {
        values.push((bits::DPLL_CTRL2, bits::DPLL_CTRL2_ALL_OFF));
        values.push((bits::DPLL_STATUS, 0));
        values.extend(bits::DPLL_ENABLE.map(|enable| (enable, 0)));
    }
    values
}

#[cfg(test)]
mod tests;
