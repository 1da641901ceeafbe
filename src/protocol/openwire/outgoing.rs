//! Messages on their way out: the library's hottest encoder. Nothing is copied but into the frame.

use bytes::{BufMut, BytesMut};

use super::body;
use super::command::{Structure, frame, frame_as};
use super::error::CodecError;
use super::form::Caching;
use super::message::{MessageKind, WINDOW_BASE, window_size};
use super::properties::{self, Value};
use super::wire::{Object, Reader, Writer};
use super::wire_format::WireFormat;

/// An id or a destination as it goes into each message, encoded once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prepared {
    /// The loose form, which begins with its presence.
    loose: Box<[u8]>,
    /// For the tight encoding.
    object: Structure,
}

impl Prepared {
    /// Refuses what is too long.
    pub fn new(object: &impl Object) -> Result<Self, CodecError> {
        let mut out = BytesMut::new();
        let mut w = Writer::new(&mut out);
        w.bool(true);
        w.out.put_u8(object.kind());
        object.write_body(&mut w);
        w.finish()?;
        let kind = object.kind();
        let copy = Structure::read_body(kind, &mut Reader::new(&out[2..], false))?;
        let unknown = CodecError::UnexpectedType { field: "object", kind, expected: Structure::EXPECTED };
        Ok(Prepared { loose: out.as_ref().into(), object: copy.ok_or(unknown)? })
    }
}

/// A message's body.
#[derive(Clone, Copy, Debug, Default)]
pub enum Content<'a> {
    /// Null.
    #[default]
    None,
    /// Of a [`MessageKind::Text`].
    Text(&'a str),
    /// Of a [`MessageKind::Bytes`], and of those whose form only Java knows.
    Bytes(&'a [u8]),
    /// Of a [`MessageKind::Map`].
    Map(&'a [(&'a str, Value<'a>)]),
    /// Of any, as it goes onto the wire: what [`compress`](super::compress) made.
    Raw(&'a [u8]),
}

impl Content<'_> {
    /// At least as many bytes as it takes, as long as its text needs no more than UTF-8 does.
    fn bound(&self) -> usize {
        match self {
            Content::None | Content::Map(_) => 0,
            Content::Text(text) => 4 + text.len(),
            Content::Bytes(bytes) | Content::Raw(bytes) => bytes.len(),
        }
    }

    #[inline]
    pub(super) fn put(&self, w: &mut Writer<'_>) {
        match self {
            Content::None => {}
            Content::Text(text) => body::put_text(w, text),
            Content::Bytes(bytes) | Content::Raw(bytes) => w.out.put_slice(bytes),
            Content::Map(map) => properties::put_map(w, map, 0),
        }
    }
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingMessage<'a> {
    /// Its type.
    pub kind: MessageKind,
    /// The [`ProducerId`](super::ProducerId).
    pub producer: &'a Prepared,
    /// The producer's number of it, from 1: the same number is the same message.
    pub sequence: i64,
    /// The [`Destination`](super::Destination).
    pub destination: &'a Prepared,
    /// The [`TransactionId`](super::TransactionId).
    pub transaction: Option<&'a Prepared>,
    /// Messages of a group go to one consumer: `JMSXGroupID`.
    pub group_id: Option<&'a str>,
    /// The number in the group; -1 ends the group: `JMSXGroupSeq`.
    pub group_sequence: i32,
    /// `JMSCorrelationID`.
    pub correlation_id: Option<&'a str>,
    /// Whether it outlives the broker's process.
    pub persistent: bool,
    /// Milliseconds since 1970 after which nobody gets it; 0: never.
    pub expiration: i64,
    /// From 0 to 9.
    pub priority: u8,
    /// The [`Destination`](super::Destination) of an answer.
    pub reply_to: Option<&'a Prepared>,
    /// When it is sent, in milliseconds since 1970; 0: not told.
    pub timestamp: i64,
    /// `JMSType`.
    pub message_type: Option<&'a str>,
    /// The body.
    pub content: Content<'a>,
    /// Whether the content is compressed.
    pub compressed: bool,
    /// Its properties; none are left out.
    pub properties: &'a [(&'a str, Value<'a>)],
}

/// More than all fields of a message take that have the same size in each.
const FIXED_BOUND: usize = 160;
/// The same for a property without its name and its text.
const PROPERTY_BOUND: usize = 16;

/// What only brokers fill in: redelivery counter, broker path, arrival, user, bridge, droppable, cluster, times in and
/// out, first of its group.
const OF_THE_BROKER: [u8; 34] = [0; 34];

fn text_size(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

fn object_size(object: Option<&Prepared>) -> usize {
    object.map_or(0, |object| object.loose.len())
}

impl OutgoingMessage<'_> {
    fn bound(&self) -> usize {
        let of_property = |(name, value): &(&str, Value<'_>)| {
            let text = if let Value::Text(text) = value { text.len() } else { 0 };
            PROPERTY_BOUND + name.len() + text
        };
        FIXED_BOUND
            + 2 * self.producer.loose.len()
            + self.destination.loose.len()
            + object_size(self.transaction)
            + object_size(self.reply_to)
            + text_size(self.group_id)
            + text_size(self.correlation_id)
            + text_size(self.message_type)
            + self.content.bound()
            + self.properties.iter().map(of_property).sum::<usize>()
    }
}

#[inline]
fn put_object(w: &mut Writer<'_>, object: Option<&Prepared>) {
    match object {
        Some(object) => w.out.put_slice(&object.loose),
        None => w.out.put_u8(0),
    }
}

/// Appends bytes behind their length, as `put` writes them; returns how many.
#[inline]
fn put_sized(w: &mut Writer<'_>, field: &'static str, put: impl FnOnce(&mut Writer<'_>)) -> usize {
    w.bool(true);
    w.out.put_i32(0);
    let start = w.out.len();
    put(w);
    let size = w.out.len() - start;
    match i32::try_from(size) {
        Ok(length) => w.out[start - 4..start].copy_from_slice(&length.to_be_bytes()),
        Err(_) => w.fail(CodecError::TooLong { field, size, limit: i32::MAX as usize }),
    }
    size
}

/// Appends a message's loose frame; on failure `out` is as before. Returns what the message counts in its producer's window:
/// 1024, and the bytes of its properties and content.
pub fn encode_message(
    out: &mut BytesMut,
    command_id: i32,
    response_required: bool,
    message: &OutgoingMessage<'_>,
) -> Result<i32, CodecError> {
    let m = message;
    out.reserve(m.bound());
    let mut window = WINDOW_BASE as i32;
    frame(out, |w| {
        w.out.put_u8(m.kind as u8);
        w.out.put_i32(command_id);
        w.bool(response_required);
        w.out.put_slice(&m.producer.loose);
        w.out.put_slice(&m.destination.loose);
        put_object(w, m.transaction);
        // No original destination; the message's id: there, its type, no text.
        w.out.put_slice(&[0, 1, super::MessageId::KIND, 0]);
        w.out.put_slice(&m.producer.loose);
        w.out.put_i64(m.sequence);
        // The broker's number, and no original transaction.
        w.out.put_slice(&[0; 9]);
        w.string(m.group_id, "Message.group_id");
        w.out.put_i32(m.group_sequence);
        w.string(m.correlation_id, "Message.correlation_id");
        w.bool(m.persistent);
        w.out.put_i64(m.expiration);
        w.out.put_u8(m.priority);
        put_object(w, m.reply_to);
        w.out.put_i64(m.timestamp);
        w.string(m.message_type, "Message.message_type");
        window = put_body(w, m);
        // No structure, and no only consumer.
        w.out.put_slice(&[0, 0, m.compressed.into()]);
        w.out.put_slice(&OF_THE_BROKER);
    })?;
    Ok(window)
}

/// The content and the properties; returns what they count in the window.
#[inline]
fn put_body(w: &mut Writer<'_>, m: &OutgoingMessage<'_>) -> i32 {
    let content = match m.content {
        Content::None => {
            w.bool(false);
            0
        }
        content => put_sized(w, "Message.content", |w| content.put(w)),
    };
    let properties = match m.properties {
        [] => {
            w.bool(false);
            0
        }
        values => put_sized(w, "Message.marshalled_properties", |w| properties::put_map(w, values, 0)),
    };
    window_size(properties, content)
}

/// Appends a message's frame in the form that the peers agreed on, as [`encode_message`] does. `numbers`: those by which
/// the peer knows the producer and the destination; without them each is written as a whole.
pub fn encode_message_as(
    out: &mut BytesMut,
    format: &WireFormat,
    numbers: Option<[i16; 2]>,
    command_id: i32,
    response_required: bool,
    message: &OutgoingMessage<'_>,
) -> Result<i32, CodecError> {
    if !format.tight && format.cache_size == 0 {
        return encode_message(out, command_id, response_required, message);
    }
    let m = message;
    out.reserve(m.bound());
    let mut window = WINDOW_BASE as i32;
    let numbers = numbers.filter(|_| format.cache_size > 0);
    let known = |w: &mut Writer<'_>, object: &Prepared, at: usize, field| match numbers {
        Some(numbers) => w.number(numbers[at]),
        None => w.object(Some(&object.object), field),
    };
    let caching = if format.cache_size > 0 { Caching::Whole } else { Caching::Off };
    let start = out.len();
    let done = frame_as(out, m.kind as u8, format.tight, caching, |w| {
        w.out.put_i32(command_id);
        w.bool(response_required);
        known(w, m.producer, 0, "Message.producer_id");
        known(w, m.destination, 1, "Message.destination");
        w.object(m.transaction.map(|id| &id.object), "Message.transaction_id");
        w.object(None::<&Structure>, "Message.original_destination");
        // The message's id: there, its type, no text.
        w.bool(true);
        w.out.put_u8(super::MessageId::KIND);
        w.bool(false);
        known(w, m.producer, 0, "MessageId.producer_id");
        w.long(m.sequence);
        w.long(0);
        w.object(None::<&Structure>, "Message.original_transaction_id");
        w.string(m.group_id, "Message.group_id");
        w.out.put_i32(m.group_sequence);
        w.string(m.correlation_id, "Message.correlation_id");
        w.bool(m.persistent);
        w.long(m.expiration);
        w.out.put_u8(m.priority);
        w.object(m.reply_to.map(|to| &to.object), "Message.reply_to");
        w.long(m.timestamp);
        w.string(m.message_type, "Message.message_type");
        window = put_body(w, m);
        put_rest(w, m.compressed);
    });
    done.inspect_err(|_| out.truncate(start))?;
    Ok(window)
}

/// What follows the properties: what only brokers fill in, as in [`OF_THE_BROKER`], but for one field.
fn put_rest(w: &mut Writer<'_>, compressed: bool) {
    // No structure.
    w.bool(false);
    w.object(None::<&Structure>, "Message.target_consumer_id");
    w.bool(compressed);
    w.out.put_i32(0);
    w.bool(false);
    w.long(0);
    for _ in 0..4 {
        w.bool(false);
    }
    w.long(0);
    w.long(0);
    w.bool(false);
}
