//! A message as its sender fills it.
//!
//! One type stands behind `CMessage` and `CMessageExt`: bindings read a message that they send by the functions of one
//! that was received, and the other way round.

use crate::boundary::{self, Failure, NULL_POINTER, bytes};
use crate::names;
use mqproducer::{Delay, ReceivedMessage};
use std::ffi::{CStr, CString, c_char, c_int};

/// `CMessage` and `CMessageExt`.
#[derive(Clone, Debug, Default)]
pub struct Message {
    topic: CString,
    tags: CString,
    keys: CString,
    /// With a NUL behind it that does not count.
    body: Vec<u8>,
    properties: Vec<(CString, CString)>,
    delay_level: c_int,
    /// The same as its property.
    delay_text: CString,
    wait: bool,
    sharding_key: CString,
    /// What only a broker, or the end of a send, tells.
    pub told: Told,
}

#[derive(Clone, Debug, Default)]
pub struct Told {
    pub message_id: CString,
    pub queue_id: i32,
    pub reconsume_times: i32,
    pub store_size: i32,
    pub born_timestamp: i64,
    pub store_timestamp: i64,
    pub queue_offset: i64,
    pub commit_log_offset: i64,
    pub prepared_transaction_offset: i64,
    pub store_host: CString,
    pub born_host: CString,
}

/// A string without the NUL bytes that C could not show.
pub fn c_string(text: impl Into<Vec<u8>>) -> CString {
    let mut bytes = text.into();
    bytes.retain(|byte| *byte != 0);
    CString::new(bytes).unwrap_or_default()
}

fn utf8<'a>(what: &str, text: &'a CStr, refused: c_int) -> Result<&'a str, Failure> {
    text.to_str().map_err(|_| Failure::new(refused, format!("INVALID_MESSAGE: {what} is not UTF-8")))
}

impl Message {
    fn new(topic: &[u8]) -> Self {
        Message { topic: c_string(topic), body: vec![0], wait: true, ..Message::default() }
    }

    fn set_body(&mut self, body: &[u8]) {
        self.body.clear();
        self.body.reserve_exact(body.len() + 1);
        self.body.extend_from_slice(body);
        self.body.push(0);
    }

    pub fn topic(&self) -> &CStr {
        &self.topic
    }

    pub fn tags(&self) -> &CStr {
        &self.tags
    }

    pub fn keys(&self) -> &CStr {
        &self.keys
    }

    pub fn delay_level(&self) -> c_int {
        self.delay_level
    }

    /// The body with a NUL behind it.
    pub fn body_with_nul(&self) -> &[u8] {
        &self.body
    }

    pub fn body(&self) -> &[u8] {
        self.body.split_last().map_or(&[], |(_, body)| body)
    }

    fn set_delay(&mut self, level: c_int) {
        self.delay_level = level;
        self.delay_text = if level > 0 { c_string(level.to_string()) } else { CString::default() };
    }

    pub fn set_sharding_key(&mut self, key: &str) {
        self.sharding_key = c_string(key);
    }

    /// Sets a property; those that have fields of their own go there.
    fn set_property(&mut self, name: &[u8], value: &[u8]) {
        match name {
            names::TAGS => self.tags = c_string(value),
            names::KEYS => self.keys = c_string(value),
            names::SHARDING_KEY => self.sharding_key = c_string(value),
            names::WAIT => self.wait = value != b"false",
            names::DELAY => {
                self.set_delay(str::from_utf8(value).ok().and_then(|level| level.parse().ok()).unwrap_or(0))
            }
            // The core gives each message its own.
            names::UNIQ_KEY => {}
            _ => {
                self.properties.retain(|(known, _)| known.as_bytes() != name);
                self.properties.push((c_string(name), c_string(value)));
            }
        }
    }

    /// The value of a property.
    pub fn property(&self, name: &[u8]) -> Option<&CStr> {
        match name {
            names::TAGS => Some(&self.tags),
            names::KEYS => Some(&self.keys),
            names::SHARDING_KEY => Some(&self.sharding_key),
            names::WAIT => Some(if self.wait { c"true" } else { c"false" }),
            names::DELAY => Some(&self.delay_text),
            names::UNIQ_KEY => Some(&self.told.message_id),
            _ => self.properties.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, value)| value.as_c_str()),
        }
    }

    /// The message that the core sends, borrowed from this one; `refused`: the status of texts that are not UTF-8.
    pub fn lend(&self, refused: c_int) -> Result<mqproducer::Message<'_>, Failure> {
        let text = |what, text| utf8(what, text, refused);
        let mut message = mqproducer::Message::new(text("the topic", &self.topic)?, self.body())
            .with_tags(text("the tags", &self.tags)?)
            .with_keys(text("the keys", &self.keys)?)
            .with_sharding_key(text("the sharding key", &self.sharding_key)?);
        message.wait_store_msg_ok = self.wait;
        if self.delay_level > 0 {
            message.delay = Delay::Level(self.delay_level.unsigned_abs());
        }
        for (name, value) in &self.properties {
            let (name, value) = (text("a property's name", name)?, text("a property's value", value)?);
            // Old programs may set one without a value, which a consumer reads as none.
            if !value.is_empty() {
                message.properties.push((name, value));
            }
        }
        Ok(message)
    }

    /// What a broker handed to the transaction checker.
    pub fn received(received: &ReceivedMessage) -> Self {
        let mut message = Message::new(received.topic.as_bytes());
        message.set_body(&received.body);
        for (name, value) in received.properties() {
            message.set_property(name.as_bytes(), value.as_bytes());
        }
        message.told = Told {
            message_id: c_string(received.message_id.as_str()),
            queue_id: received.queue_id,
            reconsume_times: received.reconsume_times,
            store_size: i32::try_from(received.store_size).unwrap_or(i32::MAX),
            born_timestamp: received.born_timestamp,
            store_timestamp: received.store_timestamp,
            queue_offset: received.queue_offset,
            commit_log_offset: received.commit_log_offset,
            prepared_transaction_offset: received.prepared_transaction_offset,
            store_host: c_string(received.store_host.as_str()),
            born_host: c_string(received.born_host.as_str()),
        };
        message
    }
}

/// Borrows a message for one call.
///
/// # Safety
/// `message` is NULL or a message that is not destroyed.
pub unsafe fn borrow<'a>(message: *const Message) -> Result<&'a Message, Failure> {
    // SAFETY: the contract of this function.
    unsafe { message.as_ref() }.ok_or_else(|| Failure::null("message"))
}

/// Changes a message.
///
/// # Safety
/// As for [`borrow`], and nothing else uses the message meanwhile.
unsafe fn change(message: *mut Message, change: impl FnOnce(&mut Message) -> Result<(), Failure>) -> c_int {
    boundary::status(NULL_POINTER, || {
        // SAFETY: the contract of this function.
        let message = unsafe { message.as_mut() }.ok_or_else(|| Failure::null("message"))?;
        change(message)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn CreateMessage(topic: *const c_char) -> *mut Message {
    boundary::value(std::ptr::null_mut(), || {
        // SAFETY: as the module `lib` says. NULL is a message without a topic yet.
        let topic = unsafe { bytes(topic, "topic") }.unwrap_or_default();
        Box::into_raw(Box::new(Message::new(topic)))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn DestroyMessage(message: *mut Message) -> c_int {
    boundary::status(NULL_POINTER, || {
        if message.is_null() {
            return Err(Failure::null("message"));
        }
        // SAFETY: not NULL, made by `CreateMessage`, and given up by the caller.
        drop(unsafe { Box::from_raw(message) });
        Ok(())
    })
}

/// The setters of one string.
macro_rules! text_setters {
    ($($function:ident($name:literal) $set:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(message: *mut Message, text: *const c_char) -> c_int {
            let set: fn(&mut Message, &[u8]) = $set;
            // SAFETY: as the module `lib` says.
            unsafe {
                change(message, |message| {
                    set(message, bytes(text, $name)?);
                    Ok(())
                })
            }
        }
    )*};
}

text_setters! {
    SetMessageTopic("topic") |message, text| message.topic = c_string(text);
    SetMessageTags("tags") |message, text| message.tags = c_string(text);
    SetMessageKeys("keys") |message, text| message.keys = c_string(text);
    SetMessageBody("body") |message, text| message.set_body(text);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetByteMessageBody(message: *mut Message, body: *const c_char, length: c_int) -> c_int {
    let set = |message: &mut Message| {
        let length = usize::try_from(length)
            .map_err(|_| Failure::new(NULL_POINTER, format!("`len` is {length}; it must not be negative")))?;
        if body.is_null() {
            return Err(Failure::null("body"));
        }
        // SAFETY: not NULL, and the caller lends so many bytes.
        message.set_body(unsafe { std::slice::from_raw_parts(body.cast(), length) });
        Ok(())
    };
    // SAFETY: as the module `lib` says.
    unsafe { change(message, set) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetMessageProperty(message: *mut Message, key: *const c_char, value: *const c_char) -> c_int {
    // SAFETY: as the module `lib` says.
    unsafe {
        change(message, |message| {
            message.set_property(bytes(key, "key")?, bytes(value, "value")?);
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetDelayTimeLevel(message: *mut Message, level: c_int) -> c_int {
    let set = |message: &mut Message| {
        message.set_delay(level);
        Ok(())
    };
    // SAFETY: as the module `lib` says.
    unsafe { change(message, set) }
}
