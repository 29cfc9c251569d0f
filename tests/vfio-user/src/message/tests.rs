// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;

/// A payload of the given 32-bit words.
fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// A DMA_MAP payload.
fn dma_map(flags: u32, offset: u64, address: u64, size: u64) -> Vec<u8> {
    let mut payload = words(&[DMA_MAP_SIZE as u32, flags]);
    for value in [offset, address, size] {
        payload.extend_from_slice(&value.to_ne_bytes());
    }
    payload
}

/// A SET_IRQS payload; `flags` are data and action or'ed.
fn irq_set(flags: u32, index: u32, start: u32, count: u32, data: &[u8]) -> Vec<u8> {
    let size = (IRQ_SET_SIZE + data.len()) as u32;
    let mut payload = words(&[size, flags, index, start, count]);
    payload.extend_from_slice(data);
    payload
}

fn parse(command: Command, payload: &[u8]) -> Result<Request<'_>, Errno> {
    Request::parse(command as u16, payload)
}

#[test]
fn header_when_encoded_then_parses_back() {
    let header = Header {
        id: 7,
        command: 9,
        size: 20,
        flags: 0x31,
        error: 22,
    };

    assert_eq!(Header::parse(&header.encode()), header);
    assert!(header.is_reply());
    assert!(!header.wants_reply());
}

#[test]
fn parse_when_command_is_unknown_then_enosys() {
    assert_eq!(Request::parse(0, &[]), Err(Errno::NOSYS));
    assert_eq!(Request::parse(19, &[0; 64]), Err(Errno::NOSYS));
}

#[test]
fn parse_when_command_is_not_served_then_enotsup() {
    let refused = [
        Command::GetRegionIoFds,
        Command::DmaRead,
        Command::DmaWrite,
        Command::DirtyPages,
        Command::DeviceFeature,
        Command::MigDataRead,
        Command::MigDataWrite,
    ];
    for command in refused {
        assert_eq!(parse(command, &[0; 16]), Err(Errno::NOTSUP), "{command:?}");
    }
}

#[test]
fn parse_when_payload_has_any_other_length_then_einval() {
    let right: [(Command, Vec<u8>); 8] = [
        (Command::DmaMap, dma_map(3, 0, 0, DMA_PAGE)),
        (Command::DmaUnmap, words(&[24, 0, 0, 0, 4096, 0])),
        (Command::GetInfo, words(&[16, 0, 0, 0])),
        (Command::GetRegionInfo, words(&[32, 0, 0, 0, 0, 0, 0, 0])),
        (Command::GetIrqInfo, words(&[16, 0, 0, 0])),
        (Command::SetIrqs, irq_set(0x21, 0, 0, 1, &[])),
        (Command::RegionRead, words(&[0, 0, 0, 4])),
        (Command::Reset, Vec::new()),
    ];
    for (command, payload) in right {
        assert!(parse(command, &payload).is_ok(), "{command:?}");
        for length in 0..payload.len() {
            assert_eq!(
                parse(command, &payload[..length]),
                Err(Errno::INVAL),
                "{command:?}"
            );
        }
        let longer = [payload, vec![0]].concat();
        assert_eq!(parse(command, &longer), Err(Errno::INVAL), "{command:?}");
    }
}

#[test]
fn parse_when_argsz_is_below_the_reply_then_einval() {
    assert_eq!(
        parse(Command::GetInfo, &words(&[15, 0, 0, 0])),
        Err(Errno::INVAL)
    );
    assert_eq!(
        parse(Command::GetIrqInfo, &words(&[15, 0, 0, 0])),
        Err(Errno::INVAL)
    );
    let region = words(&[31, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(parse(Command::GetRegionInfo, &region), Err(Errno::INVAL));
}

#[test]
fn version_when_there_is_json_then_its_nul_is_cut() {
    let payload = [&[0, 0, 1, 0][..], b"{}\0"].concat();

    let expected = Request::Version {
        major: 0,
        minor: 1,
        json: b"{}",
    };
    assert_eq!(parse(Command::Version, &payload), Ok(expected));
}

#[test]
fn version_when_there_is_no_json_then_it_is_empty() {
    let expected = Request::Version {
        major: 0,
        minor: 0,
        json: b"",
    };

    assert_eq!(parse(Command::Version, &[0; 4]), Ok(expected));
    assert_eq!(parse(Command::Version, &[0; 3]), Err(Errno::INVAL));
}

#[test]
fn dma_map_when_right_then_fields_are_there() {
    let payload = dma_map(1, 0x1000, 0x8000, 0x2000);

    let expected = Request::DmaMap {
        writable: false,
        readable: true,
        offset: 0x1000,
        address: 0x8000,
        size: 0x2000,
    };
    assert_eq!(parse(Command::DmaMap, &payload), Ok(expected));
}

#[test]
fn dma_map_when_range_or_flags_are_bad_then_einval() {
    let bad = [
        dma_map(0, 0, 0, DMA_PAGE),
        dma_map(4, 0, 0, DMA_PAGE),
        dma_map(3, 0, 0, 0),
        dma_map(3, 1, 0, DMA_PAGE),
        dma_map(3, 0, 0x800, DMA_PAGE),
        dma_map(3, 0, 0, DMA_PAGE + 1),
        dma_map(3, 0, u64::MAX - DMA_PAGE + 1, DMA_PAGE),
        dma_map(3, 0, DMA_PAGE, u64::MAX - DMA_PAGE + 1),
    ];
    for payload in bad {
        assert_eq!(parse(Command::DmaMap, &payload), Err(Errno::INVAL));
    }
}

#[test]
fn dma_unmap_when_flags_vary_then_each_has_its_meaning() {
    let one = parse(Command::DmaUnmap, &words(&[24, 0, 4096, 0, 8192, 0])).map(|_| ());
    assert_eq!(one, Ok(()));
    let all = words(&[24, 2, 0, 0, 0, 0]);
    assert_eq!(parse(Command::DmaUnmap, &all), Ok(Request::DmaUnmapAll));
    let all_with_range = words(&[24, 2, 4096, 0, 4096, 0]);
    assert_eq!(parse(Command::DmaUnmap, &all_with_range), Err(Errno::INVAL));
    let dirty = words(&[24, 1, 0, 0, 4096, 0]);
    assert_eq!(parse(Command::DmaUnmap, &dirty), Err(Errno::NOTSUP));
}

#[test]
fn set_irqs_when_right_then_fields_are_there() {
    // Trigger by a list of booleans.
    let payload = irq_set(0x22, 1, 2, 3, &[0, 1, 0]);

    let expected = IrqSet {
        action: IrqAction::Trigger,
        data: IrqData::Bool(&[0, 1, 0]),
        index: 1,
        start: 2,
        count: 3,
    };
    assert_eq!(
        parse(Command::SetIrqs, &payload),
        Ok(Request::SetIrqs(expected))
    );
}

#[test]
fn set_irqs_when_malformed_then_einval() {
    let bad = [
        irq_set(0x20, 0, 0, 1, &[]),        // No data flag.
        irq_set(0x01, 0, 0, 1, &[]),        // No action.
        irq_set(0x23, 0, 0, 1, &[]),        // Two data flags.
        irq_set(0x31, 0, 0, 1, &[]),        // Two actions.
        irq_set(0x61, 0, 0, 1, &[]),        // Unknown flag.
        irq_set(0x22, 0, 0, 2, &[1]),       // Fewer booleans than vectors.
        irq_set(0x21, 0, 0, 1, &[1]),       // Data where there should be none.
        irq_set(0x21, 0, 1, 0, &[]),        // Disabling starts at 0.
        irq_set(0x24, 0, 0, 0, &[]),        // Disabling has no eventfds.
        irq_set(0x09, 0, 0, 0, &[]),        // Masking nothing.
        irq_set(0x21, 0, u32::MAX, 1, &[]), // Wraps.
        irq_set(0x22, 0, 0, u32::MAX, &[]), // Wraps in the length of the data.
    ];
    for (index, payload) in bad.iter().enumerate() {
        assert_eq!(
            parse(Command::SetIrqs, payload),
            Err(Errno::INVAL),
            "case {index}"
        );
    }
}

#[test]
fn region_write_when_count_is_not_the_data_then_einval() {
    let mut payload = words(&[0, 0, 0, 4, 0xaabb_ccdd]);
    let access = Access {
        offset: 0,
        region: 0,
        count: 4,
    };
    let expected = Request::RegionWrite(access, &payload[16..]);
    assert_eq!(parse(Command::RegionWrite, &payload), Ok(expected));

    payload.push(0);
    assert_eq!(parse(Command::RegionWrite, &payload), Err(Errno::INVAL));
    let huge = words(&[0, 0, 0, u32::MAX, 0]);
    assert_eq!(parse(Command::RegionWrite, &huge), Err(Errno::INVAL));
}

#[test]
fn region_write_multi_when_right_then_yields_each() {
    let payload = words(&[2, 0, 8, 0, 1, 4, 0x11, 0, 16, 0, 2, 8, 0x22, 0x33]);

    let Ok(Request::RegionWriteMulti(writes)) = parse(Command::RegionWriteMulti, &payload) else {
        panic!("refused");
    };
    let writes: Vec<_> = writes.iter().map(Result::unwrap).collect();

    assert_eq!(
        writes[0].0,
        Access {
            offset: 8,
            region: 1,
            count: 4
        }
    );
    assert_eq!(writes[0].1, 0x11u32.to_ne_bytes());
    assert_eq!(
        writes[1].0,
        Access {
            offset: 16,
            region: 2,
            count: 8
        }
    );
    assert_eq!(writes[1].1.len(), 8);
}

#[test]
fn region_write_multi_when_count_does_not_fit_then_einval() {
    let one = [8, 0, 1, 4, 0x11, 0];
    for count in [0, 2, u32::MAX] {
        let payload = [words(&[count, 0]), words(&one)].concat();
        assert_eq!(
            parse(Command::RegionWriteMulti, &payload),
            Err(Errno::INVAL)
        );
    }
    let wraps = [words(&[1, 0x8000_0000]), words(&one)].concat();
    assert_eq!(parse(Command::RegionWriteMulti, &wraps), Err(Errno::INVAL));
    let torn = [words(&[1, 0]), words(&one[..5])].concat();
    assert_eq!(parse(Command::RegionWriteMulti, &torn), Err(Errno::INVAL));
}

#[test]
fn region_write_multi_when_one_is_longer_than_its_data_then_only_that_fails() {
    let payload = words(&[2, 0, 8, 0, 1, 4, 0x11, 0, 16, 0, 2, 9, 0x22, 0x33]);

    let Ok(Request::RegionWriteMulti(writes)) = parse(Command::RegionWriteMulti, &payload) else {
        panic!("refused");
    };
    let mut writes = writes.iter();

    assert!(writes.next().unwrap().is_ok());
    assert_eq!(writes.next().unwrap(), Err(Errno::INVAL));
}

#[test]
fn outgoing_when_reused_then_only_the_new_message_is_there() {
    let request = Header {
        id: 3,
        command: 13,
        size: 16,
        flags: 0,
        error: 0,
    };
    let mut out = Outgoing::default();
    out.reply_to(&request);
    out.u64(1);
    assert_eq!(out.finish().len(), HEADER_SIZE + 8);

    out.error_to(&request, Errno::INVAL);
    let bytes = out.finish();

    let header = Header::parse(bytes.try_into().unwrap());
    assert_eq!(header.id, 3);
    assert_eq!(header.flags, TYPE_REPLY | FLAG_ERROR);
    assert_eq!(header.error, 22);
    assert_eq!(header.size, 16);
}
