//! An answer as senders read it and as tests do: both say the same. The first byte chooses the form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::{Frame, Header, Serializer, scan};

fuzz_target!(|bytes: &[u8]| {
    let Some((form, header)) = bytes.split_first() else { return };
    let serializer = if form & 1 == 0 { Serializer::Json } else { Serializer::Rocketmq };
    let frame = Frame { serializer, header, body: b"" };
    // The whole reader does not look at what the fields of a receipt hold.
    let Ok(scan) = scan(&frame) else { return };
    let whole = Header::decode(&frame).expect("what a sender reads is a header");
    assert_eq!(
        (scan.code, scan.flag, scan.opaque, scan.version),
        (whole.code, whole.flag, whole.opaque, whole.version)
    );
    assert_eq!(&*scan.remark, whole.remark.as_deref().unwrap_or_default());
    assert_eq!(&*scan.msg_id, whole.get("msgId").unwrap_or_default());
    assert_eq!(&*scan.recall_handle, whole.get("recallHandle").unwrap_or_default());
});
