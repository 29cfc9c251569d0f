// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the power controller's mailbox answers to the display driver.

use crate::platform::PlatformId;

/// Reads memory latencies, four a request, in µs or units of it (Gen9).
const READ_MEM_LATENCY: u8 = 0x06;
/// Loads the HDCP keys.
const LOAD_HDCP_KEYS: u8 = 0x05;
/// Announces a change of the CD clock, or its voltage.
const CDCLK_CONTROL: u8 = 0x07;
/// Tells the display's frequency (BDW).
const DE_WRITE_FREQUENCY: u8 = 0x17;
/// Announces a change of the display's frequency (BDW, BXT).
const DISPLAY_FREQUENCY_CHANGE: u8 = 0x18;
/// Turns intermediate pixel storage on or off (BDW).
const IPS_CONTROL: u8 = 0x19;
/// Turns system agent voltage changes on or off (Gen9).
const SAGV_CONTROL: u8 = 0x21;
/// Reply: ready for the new CD clock.
const CDCLK_READY: u32 = 1;
/// Reply: voltage changes are off.
const SAGV_DISABLED: u32 = 1;

/// The reply to a display request with that value in the data register.
///
/// `None` if the request is not one of the display's. Latencies are what boards with DDR4 report
/// (observed: GVT-g gives its guests the same).
pub fn reply(platform: PlatformId, command: u8, data: u32) -> Option<u32> {
    match command {
        READ_MEM_LATENCY if platform == PlatformId::Broxton => {
            Some(if data == 0 { 0x1608_0707 } else { 0x1616_1616 })
        }
        READ_MEM_LATENCY if platform != PlatformId::Broadwell => {
            Some(if data == 0 { 0x1e1a_1100 } else { 0x6151_4b3d })
        }
        CDCLK_CONTROL => Some(CDCLK_READY),
        SAGV_CONTROL => Some(SAGV_DISABLED),
        LOAD_HDCP_KEYS | DE_WRITE_FREQUENCY | DISPLAY_FREQUENCY_CHANGE | IPS_CONTROL => Some(data),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_when_read_rises_with_the_level() {
        let low = reply(PlatformId::Kabylake, READ_MEM_LATENCY, 0)
            .unwrap()
            .to_le_bytes();
        let high = reply(PlatformId::Kabylake, READ_MEM_LATENCY, 1)
            .unwrap()
            .to_le_bytes();

        assert!([low, high].concat().is_sorted());
    }

    #[test]
    fn cdclk_change_when_announced_is_granted() {
        assert_eq!(reply(PlatformId::Skylake, CDCLK_CONTROL, 3), Some(1));
    }

    #[test]
    fn command_when_not_of_the_display_is_left_to_others() {
        assert_eq!(reply(PlatformId::Skylake, 0x9, 0), None);
    }
}
