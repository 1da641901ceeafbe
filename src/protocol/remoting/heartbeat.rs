//! The heartbeat's body, and the fingerprint by which brokers of version 5 skip unchanged ones.

use bytes::{BufMut, BytesMut};

use super::error::CodecError;
use super::json::{Reader, put_int, put_string};

/// Response field: the broker understands fingerprints.
pub const IS_SUPPORT_V2: &str = "IS_SUPPORT_HEART_BEAT_V2";
/// Response field: the broker saw the groups change.
pub const IS_SUB_CHANGE: &str = "IS_SUB_CHANGE";
/// The group under which every Java client registers besides its own.
pub const CLIENT_INNER_PRODUCER: &str = "CLIENT_INNER_PRODUCER";

/// Names in UNREGISTER_CLIENT.
pub mod unregister {
    /// The client that leaves.
    pub const CLIENT_ID: &str = "clientID";
    /// The producer group it leaves.
    pub const PRODUCER_GROUP: &str = "producerGroup";
}

/// What a heartbeat tells of a client; consumers are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The client's id.
    pub client_id: String,
    /// Its producer groups.
    pub producer_groups: Vec<String>,
    /// [`fingerprint`] of the rest; 0: first version.
    pub fingerprint: i32,
    /// Whether the body may be skipped when the fingerprint is known.
    pub without_sub: bool,
}

fn put(out: &mut BytesMut, client_id: &str, groups: &[impl AsRef<str>], fingerprint: i32, without_sub: bool) {
    out.put_slice(b"{\"clientID\":");
    put_string(out, client_id);
    out.put_slice(b",\"consumerDataSet\":[],\"heartbeatFingerprint\":");
    put_int(out, fingerprint);
    out.put_slice(b",\"producerDataSet\":[");
    for (at, group) in groups.iter().enumerate() {
        out.put_slice(if at == 0 { b"{\"groupName\":" } else { b",{\"groupName\":" });
        put_string(out, group.as_ref());
        out.put_u8(b'}');
    }
    out.put_slice(b"],\"withoutSub\":");
    out.put_slice(if without_sub { b"true}" } else { b"false}" });
}

/// Java's `String.hashCode`.
pub fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The fingerprint of a client's groups, in this order.
pub fn fingerprint(groups: &[impl AsRef<str>]) -> i32 {
    let mut body = BytesMut::new();
    put(&mut body, "", groups, 0, false);
    java_hash(&String::from_utf8_lossy(&body))
}

impl Heartbeat {
    /// A heartbeat without a fingerprint.
    pub fn v1(client_id: &str, groups: &[impl AsRef<str>]) -> Self {
        Heartbeat {
            client_id: client_id.to_owned(),
            producer_groups: groups.iter().map(|group| group.as_ref().to_owned()).collect(),
            fingerprint: 0,
            without_sub: false,
        }
    }

    /// A heartbeat with its fingerprint; `known`: the broker has seen this fingerprint on this connection.
    pub fn v2(client_id: &str, groups: &[impl AsRef<str>], known: bool) -> Self {
        Heartbeat { fingerprint: fingerprint(groups), without_sub: known, ..Heartbeat::v1(client_id, groups) }
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut BytesMut) {
        put(out, &self.client_id, &self.producer_groups, self.fingerprint, self.without_sub);
    }

    /// Reads a body.
    pub fn decode(body: &[u8]) -> Result<Self, CodecError> {
        const WHAT: &str = "heartbeat";
        let mut json = Reader::new(body, WHAT)?;
        let mut heartbeat = Heartbeat::default();
        let mut client_id = None;
        let mut first = true;
        if !json.object(WHAT)? {
            return Err(CodecError::Missing(WHAT));
        }
        while let Some(key) = json.key(&mut first, WHAT)? {
            match &*key {
                "clientID" => client_id = json.scalar("clientID")?,
                "heartbeatFingerprint" => heartbeat.fingerprint = json.int("heartbeatFingerprint")?.unwrap_or(0),
                "withoutSub" => heartbeat.without_sub = json.boolean("withoutSub")?.unwrap_or(false),
                "producerDataSet" => heartbeat.producer_groups = groups(&mut json)?,
                _ => json.skip(WHAT)?,
            }
        }
        json.end(WHAT)?;
        heartbeat.client_id = client_id.ok_or(CodecError::Missing("clientID"))?.into_owned();
        Ok(heartbeat)
    }
}

fn groups(json: &mut Reader<'_>) -> Result<Vec<String>, CodecError> {
    const WHAT: &str = "producerDataSet";
    let mut groups = Vec::new();
    if json.array(WHAT)? {
        let mut first_item = true;
        while json.item(&mut first_item, WHAT)? {
            let mut first = true;
            if !json.object(WHAT)? {
                continue;
            }
            while let Some(key) = json.key(&mut first, WHAT)? {
                match &*key {
                    "groupName" => groups.extend(json.scalar("groupName")?.map(|name| name.into_owned())),
                    _ => json.skip(WHAT)?,
                }
            }
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_java_does() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("\u{1f600}"), 0xd83d * 31 + 0xde00);
    }

    #[test]
    fn the_least_that_brokers_accept_is_read() {
        let got = Heartbeat::decode(br#"{"producerDataSet":[{"groupName":"G"},null],"clientID":"c"}"#).unwrap();
        assert_eq!(got, Heartbeat::v1("c", &["G"]));
        assert_eq!(Heartbeat::decode(b"{}"), Err(CodecError::Missing("clientID")));
    }
}
