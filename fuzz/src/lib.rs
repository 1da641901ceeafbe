//! What several fuzz targets share.

use bytes::BytesMut;
use mqproducer::protocol::remoting::{Frame, Header, Serializer, split};

/// Reads a header; what can be read is written and read again as the same.
pub fn header(serializer: Serializer, header: &[u8]) {
    let Ok(header) = Header::decode(&Frame { serializer, header, body: b"" }) else { return };
    let mut out = BytesMut::new();
    header.encode(serializer, b"body", &mut out);
    let (frame, used) = split(&out).expect("a frame of ours").expect("a whole frame");
    assert_eq!((frame.body, used), (&b"body"[..], out.len()));
    assert_eq!(Header::decode(&frame).as_ref(), Ok(&header));
}
