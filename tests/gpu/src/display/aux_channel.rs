// SPDX-License-Identifier: GPL-2.0 OR MIT
//! AUX channels: requests to a DisplayPort sink, done at once.

use crate::address::MmioOffset;
use crate::register_file::RegisterFile;

use super::dpcd::{I2cMessage, Reply, Sink};

/// Control: a request is on its way.
const SEND_BUSY: u32 = 1 << 31;
/// Control: the request is done; cleared by writing 1.
const DONE: u32 = 1 << 30;
/// Control: raise an interrupt when done.
const INTERRUPT: u32 = 1 << 29;
/// Control: the sink did not answer; cleared by writing 1.
const TIMEOUT: u32 = 1 << 28;
/// Control: the answer was damaged; cleared by writing 1.
const RECEIVE_ERROR: u32 = 1 << 25;
/// Control: bytes of the message (24:20).
const SIZE_SHIFT: u32 = 20;
const SIZE_MASK: u32 = 0x1f << SIZE_SHIFT;
/// Data registers behind the control register, and their bytes.
const DATA_REGISTERS: u32 = 5;
const DATA_BYTES: usize = 20;
/// Bytes of a request's header: command and address, address, address, length.
const HEADER: usize = 4;

/// Request: native, or else I²C over AUX.
const NATIVE: u8 = 8;
/// Request: read, or else write.
const READ: u8 = 1;
/// Request (I²C): more messages follow, the bus is not released.
const MIDDLE: u8 = 4;
/// Request (I²C): a query of how a write went.
const WRITE_STATUS: u8 = 2;
/// Reply: acknowledged.
const ACK: u8 = 0;
/// Reply: refused.
const NACK: u8 = 1;
/// Reply: the sink is there but the I²C device refused.
const I2C_NACK: u8 = 4;

/// Handles a write to the control register at `control`.
///
/// `sink` is what is connected, if anything. Returns whether an interrupt is due.
pub fn write_control(
    regs: &mut RegisterFile,
    control: u32,
    value: u32,
    sink: Option<&mut Sink>,
) -> bool {
    const STICKY: u32 = DONE | TIMEOUT | RECEIVE_ERROR;
    let status = regs.get(MmioOffset(control)) & STICKY & !value;
    let plain = value & !(STICKY | SEND_BUSY);
    if value & SEND_BUSY == 0 {
        regs.set(MmioOffset(control), plain | status);
        return false;
    }
    let request = load(regs, control, (value >> SIZE_SHIFT & 0x1f) as usize);
    let outcome = match sink.and_then(|sink| handle(sink, &request)) {
        Some(reply) => {
            store(regs, control, &reply);
            DONE | (reply.len() as u32) << SIZE_SHIFT
        }
        // Hardware marks a request that timed out as done, too.
        None => DONE | TIMEOUT,
    };
    regs.set(MmioOffset(control), plain & !SIZE_MASK | outcome);
    value & INTERRUPT != 0
}

/// The bytes that the data registers hold, most significant first.
fn load(regs: &RegisterFile, control: u32, length: usize) -> Vec<u8> {
    (1..=DATA_REGISTERS)
        .flat_map(|n| regs.get(MmioOffset(control + 4 * n)).to_be_bytes())
        .take(length.min(DATA_BYTES))
        .collect()
}

/// Puts a reply into the data registers.
fn store(regs: &mut RegisterFile, control: u32, reply: &[u8]) {
    for (n, chunk) in reply.chunks(4).enumerate() {
        let mut bytes = [0; 4];
        bytes[..chunk.len()].copy_from_slice(chunk);
        regs.set(
            MmioOffset(control + 4 * (n as u32 + 1)),
            u32::from_be_bytes(bytes),
        );
    }
}

/// The sink's reply to a request; `None` if it makes no sense, which sinks do not answer.
fn handle(sink: &mut Sink, request: &[u8]) -> Option<Vec<u8>> {
    let &[first, high, low, ..] = request else {
        return None;
    };
    let command = first >> 4;
    let address = u32::from(first & 0xf) << 16 | u32::from(high) << 8 | u32::from(low);
    // A message without length byte has no payload: it starts or ends an I²C transaction.
    let length = request
        .get(HEADER - 1)
        .map(|length| usize::from(*length) + 1);
    if length.is_some_and(|length| length > DATA_BYTES - HEADER) {
        return None;
    }
    let data = request.get(HEADER..).unwrap_or_default();
    if command & NATIVE != 0 {
        return native(sink, command, address, length?, data);
    }
    let stop = command & MIDDLE == 0;
    let message = match command & 3 {
        READ => I2cMessage::Read(length.unwrap_or(0)),
        WRITE_STATUS => return Some(vec![ACK]),
        _ => I2cMessage::Write(data.get(..length.unwrap_or(0))?),
    };
    Some(match sink.i2c((address & 0x7f) as u8, message, stop) {
        Reply::Ack(read) => [&[ACK], read.as_slice()].concat(),
        Reply::I2cNack => vec![I2C_NACK << 4],
    })
}

/// A read or write of DPCD.
fn native(
    sink: &mut Sink,
    command: u8,
    address: u32,
    length: usize,
    data: &[u8],
) -> Option<Vec<u8>> {
    if command & READ != 0 {
        return Some([&[ACK], sink.read(address, length).as_slice()].concat());
    }
    match data.get(..length) {
        Some(data) => {
            sink.write(address, data);
            Some(vec![ACK])
        }
        None => Some(vec![NACK << 4]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::edid::{build, Mode};

    const CONTROL: u32 = 0x6_4110;

    fn send(sink: Option<&mut Sink>, request: &[u8]) -> (u32, Vec<u8>) {
        let mut regs = RegisterFile::default();
        store(&mut regs, CONTROL, request);
        let size = (request.len() as u32) << SIZE_SHIFT;
        write_control(&mut regs, CONTROL, SEND_BUSY | size, sink);
        let status = regs.get(MmioOffset(CONTROL));
        (
            status,
            load(&regs, CONTROL, (status >> SIZE_SHIFT & 0x1f) as usize),
        )
    }

    fn sink() -> Sink {
        Sink::new(build("test", &[Mode::XGA]))
    }

    #[test]
    fn request_when_nothing_is_connected_times_out() {
        let (status, _) = send(None, &[0x90, 0, 0, 0]);

        assert_eq!(status & (SEND_BUSY | DONE | TIMEOUT), DONE | TIMEOUT);
    }

    #[test]
    fn native_read_when_sink_is_there_returns_dpcd() {
        let (status, reply) = send(Some(&mut sink()), &[0x90, 0, 0, 2]);

        assert_eq!(status & (DONE | TIMEOUT), DONE);
        assert_eq!(reply, [0, 0x12, 0x0a, 0xc4]);
    }

    #[test]
    fn edid_when_read_over_aux_is_whole() {
        let mut sink = sink();
        let edid = build("test", &[Mode::XGA]);
        send(Some(&mut sink), &[0x40, 0, 0x50, 0, 0]);

        let read: Vec<u8> = (0..8)
            .flat_map(|_| send(Some(&mut sink), &[0x50, 0, 0x50, 15]).1[1..].to_vec())
            .collect();

        assert_eq!(read, edid);
    }

    #[test]
    fn i2c_when_no_device_answers_is_refused() {
        let (_, reply) = send(Some(&mut sink()), &[0x40, 0, 0x37, 0, 0]);

        assert_eq!(reply, [I2C_NACK << 4]);
    }

    #[test]
    fn request_when_it_is_garbage_times_out_and_changes_nothing() {
        let mut sink = sink();

        for request in [
            &[][..],
            &[0x90],
            &[0x90, 0, 0, 16],
            &[0x80, 1, 0, 255, 9],
            &[0; 31],
        ] {
            let (status, _) = send(Some(&mut sink), request);
            assert_ne!(status & DONE, 0);
        }
        assert_eq!(sink.read(0x100, 2), [0, 0]);
    }

    #[test]
    fn status_when_ones_are_written_clears() {
        let mut regs = RegisterFile::default();
        write_control(&mut regs, CONTROL, SEND_BUSY | 4 << SIZE_SHIFT, None);

        write_control(&mut regs, CONTROL, DONE | TIMEOUT | RECEIVE_ERROR, None);

        assert_eq!(regs.get(MmioOffset(CONTROL)) & (DONE | TIMEOUT), 0);
    }
}
