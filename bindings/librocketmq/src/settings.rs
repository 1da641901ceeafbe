//! What is set before the start, with the defaults of the old client.

use crate::boundary::{self, Failure, PRODUCER_START_FAILED as REFUSED, text};
use crate::producer::{self, Handle, Rules};
use crate::{log, tls_file};
use mqproducer::Config;
use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::time::Duration;

/// Retries of synchronous sends, as in the old client.
const SYNC_RETRIES: u32 = 5;
/// Retries of asynchronous sends.
const ASYNC_RETRIES: u32 = 1;
/// Milliseconds for each try.
const SEND_TIMEOUT: &str = "3000";
/// Largest body in bytes.
const MAX_MESSAGE_SIZE: &str = "131072";
/// The largest that the core takes; more than any broker takes.
const LARGEST_MESSAGE_SIZE: c_int = 16_000_000;
/// The level that zlib takes for -1.
const ZLIB_DEFAULT_LEVEL: c_int = 6;
/// `tls.properties` where nothing else was set.
const TLS_FILE: &CStr = c"/etc/rocketmq/tls.properties";
/// The path of an address server that was named without one.
const ADDRESS_PATH: &str = "/rocketmq/nsaddr";
/// `java` in here chooses the queue of a sharding key as the Java client does.
const HASH_VARIABLE: &str = "LIBROCKETMQ_SHARDING_HASH";

#[derive(Debug)]
pub struct Settings {
    config: Config,
    /// Kept as it came: what is wrong with it is told by the start, as in the old client.
    group: Vec<u8>,
    tls_file: Option<CString>,
    has_size: bool,
}

fn refuse(what: String) -> Failure {
    Failure::new(REFUSED, what)
}

impl Settings {
    pub fn new(group: &[u8]) -> Self {
        Settings { config: Config::new(), group: group.to_owned(), tls_file: None, has_size: false }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        self.config.set(key, value).map_err(|error| Failure::of(REFUSED, &error))
    }

    fn is_set(&self, key: &str) -> bool {
        self.config.get(key).is_some_and(|value| !value.is_empty())
    }

    /// `host:port;host:port`, or the endpoint of a cloud instance, whose first label is its namespace.
    fn set_name_servers(&mut self, addresses: &str) -> Result<(), Failure> {
        let bare = addresses.trim().trim_end_matches([';', '/']);
        let bare = bare.strip_prefix("http://").or_else(|| bare.strip_prefix("https://")).unwrap_or(bare);
        if bare.starts_with("MQ_INST_")
            && let Some((instance, _)) = bare.split_once('.')
        {
            self.set("namespace", instance)?;
        }
        self.set("url", &format!("rocketmq://{bare}"))
    }

    fn set_domain(&mut self, domain: &str) -> Result<(), Failure> {
        let domain = domain.trim();
        let bare = domain.strip_prefix("http://").unwrap_or(domain);
        let path = if bare.contains('/') { "" } else { ADDRESS_PATH };
        self.set("name_server_address_url", &format!("http://{bare}{path}"))
    }

    /// The configuration of the core.
    pub fn finish(&self) -> Result<(Config, Rules), Failure> {
        if !self.is_set("url") && !self.is_set("name_server_address_url") {
            let what =
                "INVALID_CONFIG: neither SetProducerNameServerAddress nor SetProducerNameServerDomain was called";
            return Err(refuse(what.to_owned()));
        }
        let mut all = Settings { config: self.config.clone(), ..Settings::new(&[]) };
        let group = str::from_utf8(&self.group).map_err(|_| refuse("INVALID_CONFIG: the group is not UTF-8".into()))?;
        all.set("producer_group", group)?;
        let set = all.config.clone();
        for (key, value) in [
            ("retry_times_when_send_failed", SYNC_RETRIES.to_string()),
            ("retry_times_when_send_async_failed", ASYNC_RETRIES.to_string()),
        ] {
            all.set(key, &value)?;
        }
        if !self.has_size {
            all.set("max_message_size", MAX_MESSAGE_SIZE)?;
        }
        let timeout = set.get("send_msg_timeout").unwrap_or(SEND_TIMEOUT).to_owned();
        // A try that takes long is not tried again before its own time is up: the broker may have the message.
        all.set("send_msg_max_timeout_per_request", &timeout)?;
        if set.get("use_tls") == Some("true") {
            let named = self.tls_file.as_deref();
            for (key, value) in tls_file::read(named.unwrap_or(TLS_FILE), named.is_some()).map_err(refuse)? {
                all.set(key, &value)?;
            }
        }
        let rules = Rules {
            timeout: Duration::from_millis(timeout.parse().unwrap_or(3000)),
            sync_tries: SYNC_RETRIES + 1,
            async_tries: ASYNC_RETRIES + 1,
            java_hash: std::env::var_os(HASH_VARIABLE).is_some_and(|value| value == "java"),
        };
        Ok((all.config, rules))
    }
}

/// # Safety
/// `handle` is NULL or a producer that is not destroyed.
unsafe fn change(handle: *const Handle, change: impl FnOnce(&mut Settings) -> Result<(), Failure>) -> c_int {
    boundary::status(REFUSED, || {
        // SAFETY: the contract of this function.
        let handle = unsafe { producer::borrow(handle)? };
        change(&mut *handle.settings()?)
    })
}

/// # Safety
/// As for [`change`]; `value` is NULL or ends with a NUL byte.
unsafe fn change_text(
    handle: *const Handle,
    name: &str,
    value: *const c_char,
    set: impl FnOnce(&mut Settings, &str) -> Result<(), Failure>,
) -> c_int {
    // SAFETY: the contract of this function.
    unsafe { change(handle, |settings| set(settings, text(value, name, REFUSED)?)) }
}

/// # Safety
/// As for [`change`].
unsafe fn change_number(handle: *const Handle, key: &str, value: impl ToString) -> c_int {
    // SAFETY: the contract of this function.
    unsafe { change(handle, |settings| settings.set(key, &value.to_string())) }
}

macro_rules! text_settings {
    ($($function:ident($name:literal) $set:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(handle: *const Handle, value: *const c_char) -> c_int {
            // SAFETY: as the module `lib` says.
            unsafe { change_text(handle, $name, value, $set) }
        }
    )*};
}

text_settings! {
    SetProducerNameServerAddress("namesrv") Settings::set_name_servers;
    SetProducerNameServerDomain("domain") Settings::set_domain;
    SetProducerGroupName("groupName") |settings, name| {
        settings.group = name.as_bytes().to_owned();
        Ok(())
    };
    SetProducerInstanceName("instanceName") |settings, name| settings.set("instance_name", name);
    SetProducerSslPropertyFile("sslPropertyFile") |settings, path| {
        settings.tls_file = Some(crate::message::c_string(path));
        Ok(())
    };
}

/// `channel` says where traces of a cloud go; it is required and not read otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerSessionCredentials(
    handle: *const Handle,
    access_key: *const c_char,
    secret_key: *const c_char,
    channel: *const c_char,
) -> c_int {
    let set = |settings: &mut Settings| {
        // SAFETY: as the module `lib` says.
        let (access_key, secret_key, _) = unsafe {
            let channel = text(channel, "onsChannel", REFUSED)?;
            (text(access_key, "accessKey", REFUSED)?, text(secret_key, "secretKey", REFUSED)?, channel)
        };
        settings.set("access_key", access_key)?;
        settings.set("secret_key", secret_key)
    };
    // SAFETY: as the module `lib` says.
    unsafe { change(handle, set) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerSendMsgTimeout(handle: *const Handle, timeout: c_int) -> c_int {
    // SAFETY: as the module `lib` says.
    unsafe { change_number(handle, "send_msg_timeout", timeout) }
}

/// From 0 to 9; -1 is zlib's own default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerCompressLevel(handle: *const Handle, level: c_int) -> c_int {
    let level = if level == -1 { ZLIB_DEFAULT_LEVEL } else { level };
    if level > 9 {
        return boundary::status(REFUSED, || Err(refuse(format!("`level` is {level}; it must be from -1 to 9"))));
    }
    // SAFETY: as the module `lib` says.
    unsafe { change_number(handle, "compress_level", level) }
}

/// More than the core takes is that: no broker takes more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerMaxMessageSize(handle: *const Handle, size: c_int) -> c_int {
    // SAFETY: as the module `lib` says.
    unsafe {
        change(handle, |settings| {
            settings.has_size = true;
            settings.set("max_message_size", &size.min(LARGEST_MESSAGE_SIZE).to_string())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerCompressMsgBodyOverHowmuch(handle: *const Handle, size: c_int) -> c_int {
    // SAFETY: as the module `lib` says.
    unsafe { change_number(handle, "compress_msg_body_over_howmuch", size) }
}

/// 0 switches traces on, anything else off.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerMessageTrace(handle: *const Handle, model: c_int) -> c_int {
    // SAFETY: as the module `lib` says.
    unsafe { change_number(handle, "enable_trace", model == 0) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerSsl(handle: *const Handle, enable: c_int) -> c_int {
    // SAFETY: as the module `lib` says.
    unsafe { change_number(handle, "use_tls", enable != 0) }
}

/// The log is the process's; it is written once a path was set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerLogPath(handle: *const Handle, path: *const c_char) -> c_int {
    boundary::status(REFUSED, || {
        // SAFETY: as the module `lib` says.
        let (_, path) = unsafe { (producer::borrow(handle)?, text(path, "logPath", REFUSED)?) };
        log::set_path(path).map_err(refuse)
    })
}

/// `size` is in MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerLogFileNumAndSize(handle: *const Handle, count: c_int, size: c_long) -> c_int {
    boundary::status(REFUSED, || {
        // SAFETY: as the module `lib` says.
        unsafe { producer::borrow(handle)? };
        log::set_files(count, size).map_err(refuse)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SetProducerLogLevel(handle: *const Handle, level: c_int) -> c_int {
    boundary::status(REFUSED, || {
        // SAFETY: as the module `lib` says.
        unsafe { producer::borrow(handle)? };
        log::set_level(level).map_err(refuse)
    })
}
