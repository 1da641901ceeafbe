//! What the peers agree on before anything else: [`WireFormatInfo`].

use bytes::{BufMut, BytesMut};

use super::error::CodecError;
use super::properties::{self, Value};
use super::wire::{Object, Reader, Writer};

/// The version that is offered.
pub const VERSION: i32 = 12;

/// The oldest version that is spoken; before it, commands have other fields.
pub const MIN_VERSION: i32 = 10;

const MAGIC: [u8; 8] = *b"ActiveMQ";

/// The first command of either side, always loose and without a number. What a peer leaves out is off.
///
/// Unknown properties are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WireFormatInfo {
    /// The highest version that the sender speaks.
    pub version: i32,
    /// Its properties, in the order of the wire.
    pub properties: Vec<(String, Setting)>,
}

/// A property of [`WireFormatInfo`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The names say it.
pub enum Setting {
    Bool(bool),
    Int(i32),
    Long(i64),
    Text(String),
}

/// Most properties, as ActiveMQ's broker takes them.
const MAX_PROPERTIES: usize = 64;
/// Longest properties as a whole.
const MAX_PROPERTIES_SIZE: usize = 64 * 1024;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The names of the properties.
        pub mod name {
            $($(#[$doc])* pub const $name: &str = $text;)*
        }
    };
}

names! {
    /// Exceptions come with their stack and cause.
    STACK_TRACE = "StackTraceEnabled";
    /// Objects are sent once and then by number.
    CACHE = "CacheEnabled";
    /// How many objects.
    CACHE_SIZE = "CacheSize";
    /// Small writes leave at once.
    TCP_NO_DELAY = "TcpNoDelayEnabled";
    /// Frames have no length.
    SIZE_PREFIX_DISABLED = "SizePrefixDisabled";
    /// The encoding that packs bits.
    TIGHT_ENCODING = "TightEncodingEnabled";
    /// Frames have a largest size.
    MAX_FRAME_SIZE_ENABLED = "MaxFrameSizeEnabled";
    /// The largest frame.
    MAX_FRAME_SIZE = "MaxFrameSize";
    /// Milliseconds without a sign of life after which the peer counts as dead; 0: never.
    MAX_INACTIVITY_DURATION = "MaxInactivityDuration";
    /// Milliseconds for the negotiation; the spelling is the protocol's.
    MAX_INACTIVITY_INITIAL_DELAY = "MaxInactivityDurationInitalDelay";
    /// The host that the client dialled.
    HOST = "Host";
    /// Whose program it is.
    PROVIDER_NAME = "ProviderName";
    /// Its version.
    PROVIDER_VERSION = "ProviderVersion";
    /// What it runs on.
    PLATFORM_DETAILS = "PlatformDetails";
}

/// What two peers agreed on. Frames have a length: nothing else is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireFormat {
    /// 10 to 12.
    pub version: i32,
    /// Whether truth values stand apart from all else: the tight encoding.
    pub tight: bool,
    /// How many objects are known by number once they were sent; 0: none.
    pub cache_size: u16,
    /// Whether exceptions come with their stack and cause.
    pub stack_traces: bool,
    /// The largest frame, its length field not counted.
    pub max_frame_size: usize,
    /// Milliseconds without a sign of life after which the peer counts as dead; 0: never.
    pub max_inactivity_duration: u64,
    /// The same for the time of the negotiation.
    pub max_inactivity_initial_delay: u64,
}

impl WireFormatInfo {
    /// The type's number on the wire.
    pub const KIND: u8 = 1;

    /// What this library offers, before [`WireFormatInfo::offer`]: loose encoding, no cache, no stack traces, no limit of
    /// its own to frames.
    /// `inactivity` and `initial_delay` are milliseconds; `host` is what was dialled, empty for a broker.
    pub fn ours(host: &str, inactivity: u64, initial_delay: u64) -> Self {
        let long = |value: u64| Setting::Long(i64::try_from(value).unwrap_or(i64::MAX));
        let text = |value: &str| Setting::Text(value.to_owned());
        let mut properties = vec![
            (name::STACK_TRACE, Setting::Bool(false)),
            (name::PLATFORM_DETAILS, text("Rust")),
            (name::CACHE, Setting::Bool(false)),
            (name::TCP_NO_DELAY, Setting::Bool(true)),
            (name::SIZE_PREFIX_DISABLED, Setting::Bool(false)),
            (name::CACHE_SIZE, Setting::Int(1024)),
            (name::PROVIDER_NAME, text(env!("CARGO_PKG_NAME"))),
            (name::TIGHT_ENCODING, Setting::Bool(false)),
            (name::MAX_FRAME_SIZE, Setting::Long(i64::MAX)),
            (name::MAX_INACTIVITY_DURATION, long(inactivity)),
            (name::MAX_INACTIVITY_INITIAL_DELAY, long(initial_delay)),
            (name::MAX_FRAME_SIZE_ENABLED, Setting::Bool(true)),
            (name::PROVIDER_VERSION, text(env!("CARGO_PKG_VERSION"))),
        ];
        if !host.is_empty() {
            properties.push((name::HOST, text(host)));
        }
        let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        WireFormatInfo { version: VERSION, properties }
    }

    /// Says whether the tight encoding is offered, and the cache of objects.
    pub fn offer(&mut self, tight: bool, cache: bool) {
        self.set(name::TIGHT_ENCODING, Setting::Bool(tight));
        self.set(name::CACHE, Setting::Bool(cache));
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        self.properties.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Sets a property.
    pub fn set(&mut self, name: &str, value: Setting) {
        self.properties.retain(|(own, _)| own != name);
        self.properties.push((name.to_owned(), value));
    }

    /// Whether a property is there and true.
    pub fn flag(&self, name: &str) -> bool {
        self.setting(name) == Some(&Setting::Bool(true))
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.setting(name)? {
            Setting::Int(value) => Some((*value).into()),
            Setting::Long(value) => Some(*value),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.setting(name)? {
            Setting::Text(value) => Some(value),
            _ => None,
        }
    }

    /// What both agree on: the lower version, the smaller numbers, and only what both can.
    ///
    /// Refused is what this codec does not speak.
    pub fn negotiate(&self, peer: &WireFormatInfo) -> Result<WireFormat, CodecError> {
        let version = self.version.min(peer.version);
        if version < MIN_VERSION {
            let (field, value) = ("WireFormatInfo.version", version.into());
            return Err(CodecError::Invalid { field, value, expected: "a version of 10 or more" });
        }
        let both = |name: &str| self.flag(name) && peer.flag(name);
        if both(name::SIZE_PREFIX_DISABLED) {
            let field = "WireFormatInfo.SizePrefixDisabled";
            return Err(CodecError::Invalid { field, value: 1, expected: "0 from one side at least" });
        }
        // A size or duration that a peer leaves out, or a negative one, is no limit of frames, and no keep-alive.
        let smaller = |name: &str, missing: i64| {
            let of = |info: &WireFormatInfo| info.number(name).unwrap_or(missing);
            of(self).min(of(peer))
        };
        let max_frame_size = match smaller(name::MAX_FRAME_SIZE, i64::MAX) {
            size @ 1.. => usize::try_from(size).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let duration = |name: &str| u64::try_from(smaller(name, 0)).unwrap_or(0);
        Ok(WireFormat {
            version,
            tight: both(name::TIGHT_ENCODING),
            cache_size: if both(name::CACHE) { cache_size(smaller(name::CACHE_SIZE, 0)) } else { 0 },
            stack_traces: both(name::STACK_TRACE),
            max_frame_size,
            max_inactivity_duration: duration(name::MAX_INACTIVITY_DURATION),
            max_inactivity_initial_delay: duration(name::MAX_INACTIVITY_INITIAL_DELAY),
        })
    }
}

/// Java's peers take a size that is missing or illegal for the greatest that there may be.
fn cache_size(told: i64) -> u16 {
    const MOST: u16 = i16::MAX as u16 / 2;
    u16::try_from(told).ok().filter(|size| (1..=MOST).contains(size)).unwrap_or(MOST)
}

impl Object for WireFormatInfo {
    const EXPECTED: &'static str = "WireFormatInfo";

    fn kind(&self) -> u8 {
        Self::KIND
    }

    fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
        if kind != Self::KIND {
            return Ok(None);
        }
        let magic = r.cursor.take(8, "WireFormatInfo.magic")?;
        if magic != MAGIC {
            let value = magic.iter().fold(0, |all: i64, &byte| all << 8 | i64::from(byte));
            return Err(CodecError::Invalid { field: "WireFormatInfo.magic", value, expected: "\"ActiveMQ\"" });
        }
        let version = r.cursor.i32("WireFormatInfo.version")?;
        let field = "WireFormatInfo.properties";
        let mut all = Vec::new();
        if r.bool(field)? {
            let size = r.cursor.i32(field)?;
            let marshalled = r.cursor.take(size, field)?;
            if marshalled.len() > MAX_PROPERTIES_SIZE {
                return Err(CodecError::TooLong { field, size: marshalled.len(), limit: MAX_PROPERTIES_SIZE });
            }
            for (name, value) in properties::decode(marshalled)? {
                if all.len() == MAX_PROPERTIES {
                    return Err(CodecError::TooLong { field, size: all.len() + 1, limit: MAX_PROPERTIES });
                }
                let setting = match value {
                    Value::Bool(value) => Setting::Bool(value),
                    Value::Int(value) => Setting::Int(value),
                    Value::Long(value) => Setting::Long(value),
                    Value::Text(value) => Setting::Text(value.into_owned()),
                    _ => continue,
                };
                all.push((name.into_owned(), setting));
            }
        }
        Ok(Some(WireFormatInfo { version, properties: all }))
    }

    fn write_body(&self, w: &mut Writer<'_>) {
        w.out.put_slice(&MAGIC);
        w.out.put_i32(self.version);
        w.bool(true);
        let values = self.properties.iter().map(|(name, value)| {
            let value = match value {
                Setting::Bool(value) => Value::Bool(*value),
                Setting::Int(value) => Value::Int(*value),
                Setting::Long(value) => Value::Long(*value),
                Setting::Text(value) => Value::Text(value.as_str().into()),
            };
            (name.as_str(), value)
        });
        let mut marshalled = BytesMut::new();
        match properties::encode(&mut marshalled, self.properties.len(), values) {
            Ok(()) => {
                w.length(marshalled.len(), "WireFormatInfo.properties");
                w.out.put_slice(&marshalled);
            }
            Err(error) => w.fail(error),
        }
    }
}
