//! What a send request carries behind its header.

use bytes::{Bytes, BytesMut};

use super::batch::{self, BatchMessage};

/// The body of a send request: as it is, or messages that become a batch as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Bytes that go out as they are: one message's body, or an encoded batch.
    Plain(&'a [u8]),
    /// The messages of a batch, whose properties are within [`super::properties::MAX_PROPERTIES`].
    Batch(&'a [BatchMessage<'a>]),
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Payload::Plain(bytes)
    }
}

impl Payload<'_> {
    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            Payload::Plain(bytes) => bytes.len(),
            Payload::Batch(messages) => messages.iter().map(batch::encoded_len).sum(),
        }
    }

    /// Appends it.
    #[inline]
    pub fn put(&self, out: &mut BytesMut) {
        match self {
            Payload::Plain(bytes) => out.extend_from_slice(bytes),
            Payload::Batch(messages) => messages.iter().for_each(|message| batch::put(out, message)),
        }
    }

    /// Shows its bytes piece by piece, in order.
    pub fn each_piece(&self, mut show: impl FnMut(&[u8])) {
        match self {
            Payload::Plain(bytes) => show(bytes),
            Payload::Batch(messages) => {
                for message in *messages {
                    show(&batch::head(message));
                    show(message.body);
                    show(&(message.properties.len() as i16).to_be_bytes());
                    show(message.properties.as_bytes());
                }
            }
        }
    }

    /// Its bytes in memory of their own.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.size());
        self.put(&mut out);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_the_same_bytes_written_in_one_go_and_shown_piece_by_piece() {
        let messages = [
            BatchMessage { flag: -7, body: b"one", properties: "a\u{1}b\u{2}" },
            BatchMessage { flag: 0, body: &[0; 300], properties: "" },
        ];
        let payload = Payload::Batch(&messages);
        let mut encoded = BytesMut::new();
        for message in &messages {
            batch::encode(&mut encoded, message).unwrap();
        }
        assert_eq!((payload.to_bytes(), payload.size()), (encoded.clone().freeze(), encoded.len()));
        let mut pieces = Vec::new();
        payload.each_piece(|piece| pieces.extend_from_slice(piece));
        assert_eq!(pieces, encoded);
        assert_eq!(Payload::from(&encoded[..]).to_bytes(), encoded);
    }
}
