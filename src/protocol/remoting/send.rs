//! The send requests: the library's hottest encoder, and their decoding for the embedded cluster.

use bytes::BytesMut;

use super::command::{ONEWAY, request_code};
use super::error::CodecError;
use super::frame::{PREFIX, Serializer, write_prefix};
use super::header::{Header, Identity};
use super::json::{ESCAPES, escapes, needs_escape};
use super::payload::Payload;
use super::request::{Fixed, encode};

/// The header of every send request; the names on the wire follow from the request code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendHeader<'a> {
    /// The producer's group.
    pub producer_group: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The topic whose settings a topic made on the fly inherits.
    pub default_topic: &'a str,
    /// How many queues such a topic gets.
    pub default_topic_queue_nums: i32,
    /// The queue; -1 lets the broker choose.
    pub queue_id: i32,
    /// Bits of [`super::sys_flag`].
    pub sys_flag: i32,
    /// Milliseconds since 1970.
    pub born_timestamp: i64,
    /// The message's own flag.
    pub flag: i32,
    /// See [`super::properties`].
    pub properties: &'a str,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// Whether the client works in a unit.
    pub unit_mode: bool,
    /// After how many returns it is dead.
    pub max_reconsume_times: Option<i32>,
    /// Whether the body is a batch.
    pub batch: bool,
    /// The broker meant; empty: left out.
    pub broker_name: &'a str,
}

const SHORT_NAMES: [&str; 14] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"];
const LONG_NAMES: [&str; 14] = [
    "producerGroup",
    "topic",
    "defaultTopic",
    "defaultTopicQueueNums",
    "queueId",
    "sysFlag",
    "bornTimestamp",
    "flag",
    "properties",
    "reconsumeTimes",
    "unitMode",
    "maxReconsumeTimes",
    "batch",
    "bname",
];

/// Whether a send request spells its fields' names out.
const fn has_long_names(code: i32) -> bool {
    matches!(code, request_code::SEND_MESSAGE | request_code::SEND_REPLY_MESSAGE)
}

/// The names of a send request's fields, in the order of [`SendHeader`].
const fn names(code: i32) -> &'static [&'static str; 14] {
    if has_long_names(code) { &LONG_NAMES } else { &SHORT_NAMES }
}

/// Where [`SendHeader::fields`] writes its numbers.
pub struct NumberText([itoa::Buffer; 7]);

impl std::fmt::Debug for NumberText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NumberText")
    }
}

impl Default for NumberText {
    fn default() -> Self {
        NumberText(std::array::from_fn(|_| itoa::Buffer::new()))
    }
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

impl<'a> SendHeader<'a> {
    /// The fields as they go into request `code`, for signing.
    pub fn fields<'t>(&self, code: i32, text: &'t mut NumberText) -> Vec<(&'static str, &'t str)>
    where
        'a: 't,
    {
        let [queues, queue, sys, born, flag, reconsume, max] = &mut text.0;
        let values: [Option<&'t str>; 14] = [
            Some(self.producer_group),
            Some(self.topic),
            Some(self.default_topic),
            Some(queues.format(self.default_topic_queue_nums)),
            Some(queue.format(self.queue_id)),
            Some(sys.format(self.sys_flag)),
            Some(born.format(self.born_timestamp)),
            Some(flag.format(self.flag)),
            Some(self.properties),
            Some(reconsume.format(self.reconsume_times)),
            Some(truth(self.unit_mode)),
            self.max_reconsume_times.map(|times| max.format(times)),
            Some(truth(self.batch)),
            (!self.broker_name.is_empty()).then_some(self.broker_name),
        ];
        let named = names(code).iter().zip(values);
        named.filter_map(|(&name, value)| Some((name, value?))).collect()
    }

    /// The send header inside a decoded one; absent numbers count as 0, absent texts as empty.
    pub fn decode(header: &'a Header) -> Result<Self, CodecError> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *names(header.code);
        let text = |name| header.get(name).unwrap_or_default();
        Ok(SendHeader {
            producer_group: text(a),
            topic: header.require(b)?,
            default_topic: text(c),
            default_topic_queue_nums: header.int_or(d, 0)?,
            queue_id: header.int_or(e, 0)?,
            sys_flag: header.int_or(f, 0)?,
            born_timestamp: header.int_or(g, 0)?,
            flag: header.int_or(h, 0)?,
            properties: text(i),
            reconsume_times: header.int_or(j, 0)?,
            unit_mode: header.is_true(k),
            max_reconsume_times: match header.get(l) {
                None | Some("") => None,
                Some(_) => Some(header.require_int(l)?),
            },
            batch: header.is_true(m),
            broker_name: text(n),
        })
    }
}

/// Appends a send request as a whole frame. `extra` are further fields: namespace, signature.
///
/// The caller keeps the frame below [`super::MAX_FRAME`]: body and properties have limits far under it.
#[allow(clippy::too_many_arguments)]
pub fn encode_send(
    out: &mut BytesMut,
    code: i32,
    serializer: Serializer,
    opaque: i32,
    oneway: bool,
    header: &SendHeader<'_>,
    extra: &[(&str, &str)],
    body: &[u8],
) {
    encode_send_as(out, Identity::OURS, code, serializer, opaque, oneway, header, extra, body);
}

/// [`encode_send`] of any payload, in the name of any client.
#[allow(clippy::too_many_arguments)]
#[inline]
pub fn encode_send_as<'a>(
    out: &mut BytesMut,
    identity: Identity,
    code: i32,
    serializer: Serializer,
    opaque: i32,
    oneway: bool,
    header: &SendHeader<'_>,
    extra: &[(&str, &str)],
    body: impl Into<Payload<'a>>,
) {
    let body = body.into();
    let fixed = Fixed { code, identity, opaque, flag: if oneway { ONEWAY } else { 0 }, remark: None };
    if has_long_names(code) {
        let mut text = NumberText::default();
        let fields = header.fields(code, &mut text);
        return encode(out, serializer, &fixed, fields.iter().chain(extra).copied(), &body.to_bytes());
    }
    let start = out.len();
    let bound = PREFIX + header_bound(serializer, header, extra);
    let size = body.size();
    out.reserve(bound + size);
    out.resize(start + bound, 0);
    let mut writer = Writer { frame: &mut out[start..], at: PREFIX };
    match serializer {
        Serializer::Json => writer.json(&fixed, header, extra),
        Serializer::Rocketmq => writer.rocketmq(&fixed, header, extra),
    }
    let end = writer.at;
    write_prefix(writer.frame, serializer, end - PREFIX, size);
    out.truncate(start + end);
    body.put(out);
}

/// More than all names, punctuation, numbers and fixed fields of a send header take, and the eight bytes by which
/// [`Writer::text`] may write beyond its end.
pub(super) const FIXED_BOUND: usize = 448;
/// The same for one extra field.
const EXTRA_BOUND: usize = 16;

/// At least as many bytes as the header takes.
#[inline]
pub(super) fn header_bound(serializer: Serializer, header: &SendHeader<'_>, extra: &[(&str, &str)]) -> usize {
    let json = serializer == Serializer::Json;
    let size = |text: &str| text.len() + if json { 5 * most_escapes(text) } else { 0 };
    let mut bound = FIXED_BOUND
        + size(header.producer_group)
        + size(header.topic)
        + size(header.default_topic)
        + size(header.properties)
        + size(header.broker_name);
    for (name, value) in extra {
        bound += EXTRA_BOUND + size(name) + size(value);
    }
    bound
}

/// At least as many as there are bytes that need an escape: behind the first of eight it may count one too many.
#[inline]
pub(super) fn most_escapes(text: &str) -> usize {
    let mut words = text.as_bytes().chunks_exact(8);
    let mut most = 0;
    for word in words.by_ref() {
        let hits = escapes(word.try_into().map_or(0, u64::from_le_bytes));
        if hits != 0 {
            most += hits.count_ones() as usize;
        }
    }
    most + words.remainder().iter().filter(|byte| needs_escape(**byte)).count()
}

/// Writes into space that is known to be enough: no growth checks between the pieces.
pub(super) struct Writer<'a> {
    pub(super) frame: &'a mut [u8],
    pub(super) at: usize,
}

impl Writer<'_> {
    #[inline(always)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        self.frame[self.at..end].copy_from_slice(bytes);
        self.at = end;
    }

    /// Most numbers of a send are one digit.
    #[inline(always)]
    fn int(&mut self, value: impl Into<i64>) {
        match value.into() {
            digit @ 0..=9 => self.put(&[b'0' + digit as u8]),
            value => self.long_int(value),
        }
    }

    fn long_int(&mut self, value: i64) {
        self.put(itoa::Buffer::new().format(value).as_bytes());
    }

    /// The inside of a JSON string. Copies eight bytes at a time and corrects where one needs an escape.
    #[inline]
    fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(chunk) = bytes[from..].first_chunk::<8>() {
            let hit = escapes(u64::from_le_bytes(*chunk));
            self.frame[self.at..self.at + 8].copy_from_slice(chunk);
            if hit == 0 {
                self.at += 8;
                from += 8;
                continue;
            }
            let plain = hit.trailing_zeros() as usize / 8;
            self.at += plain;
            self.escape(chunk[plain & 7]);
            from += plain + 1;
        }
        for &byte in &bytes[from..] {
            if needs_escape(byte) {
                self.escape(byte);
            } else {
                self.frame[self.at] = byte;
                self.at += 1;
            }
        }
    }

    #[inline(always)]
    fn escape(&mut self, byte: u8) {
        let (escape, length) = &ESCAPES[byte as usize];
        self.frame[self.at..self.at + 8].copy_from_slice(escape);
        self.at += *length as usize;
    }

    /// Keys in the order in which Java writes them.
    #[inline(always)]
    fn json(&mut self, fixed: &Fixed<'_>, h: &SendHeader<'_>, extra: &[(&str, &str)]) {
        self.json_begin(fixed.code, h);
        self.json_message(h);
        self.json_rest(h);
        for (name, value) in extra {
            self.put(b"\",\"");
            self.text(name);
            self.put(b"\":\"");
            self.text(value);
        }
        self.json_end(fixed);
    }

    /// What is the same for all messages to a topic.
    #[inline(always)]
    pub(super) fn json_begin(&mut self, code: i32, h: &SendHeader<'_>) {
        self.put(b"{\"code\":");
        self.int(code);
        self.put(b",\"extFields\":{\"a\":\"");
        self.text(h.producer_group);
        self.put(b"\",\"b\":\"");
        self.text(h.topic);
        self.put(b"\",\"c\":\"");
        self.text(h.default_topic);
        self.put(b"\",\"d\":\"");
        self.int(h.default_topic_queue_nums);
        self.put(b"\",\"e\":\"");
    }

    /// What each message has of its own.
    #[inline(always)]
    pub(super) fn json_message(&mut self, h: &SendHeader<'_>) {
        self.int(h.queue_id);
        self.put(b"\",\"f\":\"");
        self.int(h.sys_flag);
        self.put(b"\",\"g\":\"");
        self.int(h.born_timestamp);
        self.put(b"\",\"h\":\"");
        self.int(h.flag);
        self.put(b"\",\"i\":\"");
        self.text(h.properties);
    }

    /// What is the same for all plain messages to a broker.
    #[inline(always)]
    pub(super) fn json_rest(&mut self, h: &SendHeader<'_>) {
        self.put(b"\",\"j\":\"");
        self.int(h.reconsume_times);
        self.put(if h.unit_mode { b"\",\"k\":\"true" } else { b"\",\"k\":\"false" });
        if let Some(times) = h.max_reconsume_times {
            self.put(b"\",\"l\":\"");
            self.int(times);
        }
        self.put(if h.batch { b"\",\"m\":\"true" } else { b"\",\"m\":\"false" });
        if !h.broker_name.is_empty() {
            self.put(b"\",\"n\":\"");
            self.text(h.broker_name);
        }
    }

    #[inline(always)]
    pub(super) fn json_end(&mut self, fixed: &Fixed<'_>) {
        self.put(b"\"},\"flag\":");
        self.int(fixed.flag);
        self.put(b",\"language\":\"");
        self.put(fixed.identity.language.name().as_bytes());
        self.put(b"\",\"opaque\":");
        self.int(fixed.opaque);
        self.put(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
        self.int(fixed.identity.version);
        self.put(b"}");
    }

    #[inline(always)]
    fn rocketmq(&mut self, fixed: &Fixed<'_>, h: &SendHeader<'_>, extra: &[(&str, &str)]) {
        self.put(&(fixed.code as i16).to_be_bytes());
        self.put(&[fixed.identity.language.0]);
        self.put(&(fixed.identity.version as i16).to_be_bytes());
        self.put(&fixed.opaque.to_be_bytes());
        self.put(&fixed.flag.to_be_bytes());
        let mark = self.at + 4;
        self.put(&[0; 8]);
        self.field(b'a', h.producer_group.as_bytes());
        self.field(b'b', h.topic.as_bytes());
        self.field(b'c', h.default_topic.as_bytes());
        self.int_field(b'd', h.default_topic_queue_nums);
        self.int_field(b'e', h.queue_id);
        self.int_field(b'f', h.sys_flag);
        self.int_field(b'g', h.born_timestamp);
        self.int_field(b'h', h.flag);
        self.field(b'i', h.properties.as_bytes());
        self.int_field(b'j', h.reconsume_times);
        self.field(b'k', truth(h.unit_mode).as_bytes());
        if let Some(times) = h.max_reconsume_times {
            self.int_field(b'l', times);
        }
        self.field(b'm', truth(h.batch).as_bytes());
        if !h.broker_name.is_empty() {
            self.field(b'n', h.broker_name.as_bytes());
        }
        for (name, value) in extra {
            let Ok(length) = i16::try_from(name.len()) else { continue };
            self.put(&length.to_be_bytes());
            self.put(name.as_bytes());
            self.put(&(value.len() as i32).to_be_bytes());
            self.put(value.as_bytes());
        }
        let length = (self.at - mark - 4) as i32;
        self.frame[mark..mark + 4].copy_from_slice(&length.to_be_bytes());
    }

    #[inline(always)]
    fn field(&mut self, name: u8, value: &[u8]) {
        let length = (value.len() as u32).to_be_bytes();
        self.put(&[0, 1, name, length[0], length[1], length[2], length[3]]);
        self.put(value);
    }

    #[inline(always)]
    fn int_field(&mut self, name: u8, value: impl Into<i64>) {
        match value.into() {
            digit @ 0..=9 => self.put(&[0, 1, name, 0, 0, 0, 1, b'0' + digit as u8]),
            value => self.field(name, itoa::Buffer::new().format(value).as_bytes()),
        }
    }
}
