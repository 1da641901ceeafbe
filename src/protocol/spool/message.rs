//! A message in the spool: what its request needs, whenever that is made.

use super::super::remoting::CodecError;

/// The form of what follows; a later one is not read.
const VERSION: u8 = 1;

/// Which queue a message goes to, chosen when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The next of the round.
    RoundRobin,
    /// Any.
    Random,
    /// This one.
    Queue {
        /// Its broker.
        broker_name: String,
        /// Its number.
        queue_id: i32,
    },
    /// That of a key's hash.
    Hash(String),
    /// That of a key on the ring.
    ConsistentHash(String),
    /// One of brokers in these rooms.
    MachineRoom(Vec<String>),
}

/// A message, or several in one request, as the spool keeps them: the unique ids in the properties stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpooledMessage<'a> {
    /// The request that carries it.
    pub code: i32,
    /// Whether the body is a batch.
    pub batch: bool,
    /// How many messages it stands for.
    pub messages: u32,
    /// The message's flag.
    pub flag: i32,
    /// Bits of its form: compression and the like.
    pub sys_flag: i32,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// The most that it may be given back.
    pub max_reconsume_times: Option<i32>,
    /// When it was made, in milliseconds since 1970.
    pub born_timestamp: i64,
    /// When it came into the spool, likewise.
    pub spooled: i64,
    /// Which queue it goes to.
    pub target: Target,
    /// The topic, as brokers call it.
    pub topic: &'a str,
    /// Its unique id.
    pub message_id: &'a str,
    /// Its encoded properties.
    pub properties: &'a str,
    /// The body, as it goes out.
    pub body: &'a [u8],
}

impl SpooledMessage<'_> {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.push(u8::from(self.batch));
        for number in [self.code, self.messages as i32, self.flag, self.sys_flag, self.reconsume_times] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.push(u8::from(self.max_reconsume_times.is_some()));
        out.extend_from_slice(&self.max_reconsume_times.unwrap_or_default().to_le_bytes());
        out.extend_from_slice(&self.born_timestamp.to_le_bytes());
        out.extend_from_slice(&self.spooled.to_le_bytes());
        let texts = |out: &mut Vec<u8>, kind: u8, texts: &[String]| {
            out.push(kind);
            out.extend_from_slice(&(texts.len() as u32).to_le_bytes());
            texts.iter().for_each(|text| put(out, text.as_bytes()));
        };
        match &self.target {
            Target::RoundRobin => out.push(0),
            Target::Random => out.push(1),
            Target::Queue { broker_name, queue_id } => {
                out.push(2);
                out.extend_from_slice(&queue_id.to_le_bytes());
                put(out, broker_name.as_bytes());
            }
            Target::Hash(key) => texts(out, 3, std::slice::from_ref(key)),
            Target::ConsistentHash(key) => texts(out, 4, std::slice::from_ref(key)),
            Target::MachineRoom(rooms) => texts(out, 5, rooms),
        }
        for text in [self.topic, self.message_id, self.properties] {
            put(out, text.as_bytes());
        }
        put(out, self.body);
    }
}

impl<'a> SpooledMessage<'a> {
    /// Reads the content of a record.
    pub fn decode(content: &'a [u8]) -> Result<Self, CodecError> {
        let mut rest = Reader(content);
        let version = rest.byte("version")?;
        if version != VERSION {
            return Err(CodecError::invalid("version", &version.to_string(), "1"));
        }
        let batch = rest.flag("batch")?;
        let [code, messages, flag, sys_flag, reconsume_times] =
            [rest.i32("code")?, rest.i32("messages")?, rest.i32("flag")?, rest.i32("sysFlag")?, rest.i32("times")?];
        let has_most = rest.flag("most times")?;
        let most = rest.i32("most times")?;
        let message = SpooledMessage {
            code,
            batch,
            messages: messages as u32,
            flag,
            sys_flag,
            reconsume_times,
            max_reconsume_times: has_most.then_some(most),
            born_timestamp: rest.i64("born")?,
            spooled: rest.i64("spooled")?,
            target: rest.target()?,
            topic: rest.text("topic")?,
            message_id: rest.text("message id")?,
            properties: rest.text("properties")?,
            body: rest.bytes("body")?,
        };
        match rest.0.is_empty() {
            true => Ok(message),
            false => Err(CodecError::invalid("length", &content.len().to_string(), "the length of the parts")),
        }
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], CodecError> {
        let Some((taken, rest)) = self.0.split_at_checked(length) else {
            return Err(CodecError::invalid(field, &format!("{} of {length} bytes", self.0.len()), "all of them"));
        };
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, CodecError> {
        Ok(self.take(1, field)?[0])
    }

    fn flag(&mut self, field: &'static str) -> Result<bool, CodecError> {
        match self.byte(field)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(CodecError::invalid(field, &other.to_string(), "0 or 1")),
        }
    }

    fn i32(&mut self, field: &'static str) -> Result<i32, CodecError> {
        let bytes = self.take(4, field)?;
        Ok(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn i64(&mut self, field: &'static str) -> Result<i64, CodecError> {
        let (low, high) = (self.i32(field)?, self.i32(field)?);
        Ok(i64::from(low as u32) | i64::from(high) << 32)
    }

    fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], CodecError> {
        let length = self.i32(field)? as u32;
        self.take(length as usize, field)
    }

    fn text(&mut self, field: &'static str) -> Result<&'a str, CodecError> {
        let bytes = self.bytes(field)?;
        std::str::from_utf8(bytes).map_err(|error| CodecError::invalid(field, &error.to_string(), "UTF-8"))
    }

    fn target(&mut self) -> Result<Target, CodecError> {
        let kind = self.byte("target")?;
        Ok(match kind {
            0 => Target::RoundRobin,
            1 => Target::Random,
            2 => {
                let queue_id = self.i32("queue")?;
                Target::Queue { broker_name: self.text("broker")?.to_owned(), queue_id }
            }
            3..=5 => {
                let count = self.i32("target")? as u32 as usize;
                // Each takes four bytes at least, which bounds what a wrong number can ask for.
                if count > self.0.len() / 4 || (kind < 5 && count != 1) {
                    return Err(CodecError::invalid("target", &count.to_string(), "the number of texts behind it"));
                }
                let mut texts = (0..count).map(|_| self.text("target").map(str::to_owned));
                match kind {
                    5 => Target::MachineRoom(texts.collect::<Result<_, _>>()?),
                    _ => {
                        let key = texts.next().transpose()?.unwrap_or_default();
                        if kind == 3 { Target::Hash(key) } else { Target::ConsistentHash(key) }
                    }
                }
            }
            other => return Err(CodecError::invalid("target", &other.to_string(), "0 to 5")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(target: Target) -> SpooledMessage<'static> {
        SpooledMessage {
            code: 310,
            batch: false,
            messages: 1,
            flag: -7,
            sys_flag: 1,
            reconsume_times: 2,
            max_reconsume_times: Some(16),
            born_timestamp: 1_700_000_000_123,
            spooled: -1,
            target,
            topic: "NS%T",
            message_id: "id",
            properties: "UNIQ_KEY\u{1}id\u{2}",
            body: b"a\0b",
        }
    }

    fn targets() -> Vec<Target> {
        let (a, b) = ("room a".to_owned(), String::new());
        vec![
            Target::RoundRobin,
            Target::Random,
            Target::Queue { broker_name: "broker-a".to_owned(), queue_id: 3 },
            Target::Hash(a.clone()),
            Target::ConsistentHash(b.clone()),
            Target::MachineRoom(vec![a, b]),
            Target::MachineRoom(Vec::new()),
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        for target in targets() {
            let message = message(target);
            let mut content = Vec::new();
            message.encode(&mut content);
            assert_eq!(SpooledMessage::decode(&content).unwrap(), message);
            let other = SpooledMessage { batch: true, max_reconsume_times: None, ..message };
            content.clear();
            other.encode(&mut content);
            assert_eq!(SpooledMessage::decode(&content).unwrap(), other);
        }
    }

    #[test]
    fn no_content_that_is_cut_or_longer_is_read() {
        for target in targets() {
            let mut content = Vec::new();
            message(target).encode(&mut content);
            for cut in 0..content.len() {
                SpooledMessage::decode(&content[..cut]).unwrap_err();
            }
            content.push(0);
            SpooledMessage::decode(&content).unwrap_err();
            content[0] = 2;
            assert!(SpooledMessage::decode(&content).unwrap_err().to_string().contains("version"));
        }
    }
}
