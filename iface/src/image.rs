// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which dwords of a logical context's image are the client's to write.
//!
//! An image is the per-process status page, and behind it the ring context: pairs of a register's
//! offset and its value, in a layout that is the same for all engines of Gen8 and Gen9 as far as it
//! is listed here (PRM Vol 7, Register State Context; observed: i915's layout). All the rest of it
//! is what the engine saves.

/// Bytes of the per-process status page, which comes first.
pub const STATUS_PAGE: u64 = 4096;

/// Bytes of a dword.
pub const DWORD: u64 = 4;

/// CTX_CONTEXT_CONTROL.
const CONTEXT_CONTROL: u64 = 0x03;
/// RING_HEAD, RING_TAIL, RING_START and RING_CTL.
const RING: [u64; 4] = [0x05, 0x07, 0x09, 0x0b];
/// PDP 3 to 0, the upper half of each first.
const PDP: [u64; 8] = [0x25, 0x27, 0x29, 0x2b, 0x2d, 0x2f, 0x31, 0x33];

/// Whether a client may write the dword at `offset` bytes of an image.
pub const fn is_client_writable(offset: u64) -> bool {
    if offset < STATUS_PAGE || offset % DWORD != 0 {
        return false;
    }
    // These say what is executed, where, and in which address space; the host half writes them.
    let dword = (offset - STATUS_PAGE) / DWORD;
    dword != CONTEXT_CONTROL && !contains(&RING, dword) && !contains(&PDP, dword)
}

const fn contains(list: &[u64], dword: u64) -> bool {
    let mut n = 0;
    while n < list.len() {
        if list[n] == dword {
            return true;
        }
        n += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_page_and_what_is_executed_are_the_hosts() {
        assert!(!is_client_writable(0));
        assert!(!is_client_writable(STATUS_PAGE - DWORD));
        for dword in [CONTEXT_CONTROL].into_iter().chain(RING).chain(PDP) {
            assert!(!is_client_writable(STATUS_PAGE + dword * DWORD));
        }
    }

    #[test]
    fn all_else_is_the_clients_in_whole_dwords() {
        // CTX_TIMESTAMP, and what the engine saves behind the ring context.
        assert!(is_client_writable(STATUS_PAGE + 0x23 * DWORD));
        assert!(is_client_writable(2 * STATUS_PAGE));
        assert!(!is_client_writable(2 * STATUS_PAGE + 1));
    }
}
