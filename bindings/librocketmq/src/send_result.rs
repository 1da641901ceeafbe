//! What sends give back, by value: the layouts that old programs and bindings were compiled with.

use mqproducer::{Error, Receipt, SendStatus};
use std::ffi::{c_char, c_int, c_longlong};

pub const MAX_MESSAGE_ID: usize = 256;

/// `struct _SendResult_`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CSendResult {
    pub send_status: c_int,
    pub msg_id: [c_char; MAX_MESSAGE_ID],
    pub offset: c_longlong,
}

/// `struct _CMQException_` with room behind it.
///
/// Programs in C read the first 904 bytes. One binding in Python declares its fields longer than they are and reads the
/// text at 520 and the type at 1032: there stands the same once more. Both take it by value, so that what follows the
/// part that they know does no harm.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WideException {
    error: c_int,
    line: c_int,
    file: [c_char; 256],
    msg: [c_char; 256],
    msg_again: [c_char; 256],
    /// Where `type` is in C.
    kind: [c_char; 128],
    gap: [c_char; 128],
    kind_again: [c_char; 128],
    end: [c_char; 384],
}

const _: () = {
    assert!(size_of::<CSendResult>() == 272);
    assert!(std::mem::offset_of!(CSendResult, msg_id) == 4);
    assert!(std::mem::offset_of!(CSendResult, offset) == 264);
    assert!(size_of::<WideException>() == 1544);
    assert!(std::mem::offset_of!(WideException, file) == 8);
    assert!(std::mem::offset_of!(WideException, msg) == 264);
    assert!(std::mem::offset_of!(WideException, msg_again) == 520);
    assert!(std::mem::offset_of!(WideException, kind) == 776);
    assert!(std::mem::offset_of!(WideException, kind_again) == 1032);
};

/// Copies a text, cut between two characters so that it fits with its NUL; the rest is zero.
pub fn put<const N: usize>(place: &mut [c_char; N], text: &str) {
    let mut length = text.len().min(N - 1);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    *place = [0; N];
    for (to, &from) in place.iter_mut().zip(&text.as_bytes()[..length]) {
        *to = from as c_char;
    }
}

impl CSendResult {
    pub fn new(receipt: &Receipt) -> Self {
        let mut msg_id = [0; MAX_MESSAGE_ID];
        put(&mut msg_id, &receipt.message_id);
        let send_status = match receipt.status {
            SendStatus::Ok | SendStatus::Oneway => 0,
            SendStatus::FlushDiskTimeout => 1,
            SendStatus::FlushSlaveTimeout => 2,
            SendStatus::SlaveNotAvailable => 3,
        };
        CSendResult { send_status, msg_id, offset: receipt.queue_offset }
    }
}

impl WideException {
    pub fn new(error: &Error) -> Self {
        let mut wide = WideException {
            error: error.code().unwrap_or(-1),
            line: 0,
            file: [0; 256],
            msg: [0; 256],
            msg_again: [0; 256],
            kind: [0; 128],
            gap: [0; 128],
            kind_again: [0; 128],
            end: [0; 384],
        };
        let text = format!("{}: {}", error.kind().name(), error.message());
        put(&mut wide.file, "librocketmq");
        put(&mut wide.msg, &text);
        put(&mut wide.msg_again, &text);
        put(&mut wide.kind, "MQClientException");
        put(&mut wide.kind_again, "MQClientException");
        wide
    }
}
