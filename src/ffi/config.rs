//! Configurations as handles, and the table of keys for the bindings.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::handle::Out;
use super::os::ForkLocal;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::text::Texts;
use super::types::{invalid, mqp_str};
use super::{boundary, handle};
use crate::config::{Config, OPTIONS, OptionKind, OptionSpec};
use crate::error::Result;
use std::collections::BTreeMap;

/// The configuration of a producer: an *owned* handle, freed by mqp_config_free. One thread at a time may use it.
#[derive(Debug)]
pub struct mqp_config {
    pub(crate) config: Config,
    texts: BTreeMap<String, Texts<1>>,
}

/// One configuration key. Set `struct_size`, or start from MQP_CONFIG_OPTION_VIEW_INIT. The strings are *borrowed* for
/// ever.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_config_option_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// The key.
    pub key: mqp_str,
    /// The type of its value: `text`, `integer`, `milliseconds`, `flag`, `choice`, `codes` or `list`.
    pub type_name: mqp_str,
    /// The value when it is not set; empty when there is none.
    pub default_value: mqp_str,
    /// The legal values, for a person, such as `0 to 100`; empty when any text of the type is legal.
    pub range: mqp_str,
    /// What it does.
    pub doc: mqp_str,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_config_option_view {
    const NAME: &'static str = "mqp_config_option_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, doc) + size_of::<mqp_str>();
}

fn row(option: &OptionSpec) -> Texts<5> {
    let (type_name, range) = match option.kind {
        OptionKind::Text => ("text", String::new()),
        OptionKind::Integer { min, max } => ("integer", format!("{min} to {max}")),
        OptionKind::Milliseconds { min, max } => ("milliseconds", format!("{min} to {max}")),
        OptionKind::Flag => ("flag", "true or false".to_owned()),
        OptionKind::Choice(words) => ("choice", words.join(", ")),
        OptionKind::Codes => ("codes", "whole numbers separated by commas".to_owned()),
        OptionKind::List => ("list", "texts separated by commas or semicolons".to_owned()),
    };
    Texts::new([option.key, type_name, option.default, &range, option.doc])
}

fn table() -> &'static [Texts<5>] {
    static TABLE: ForkLocal<Vec<Texts<5>>> = ForkLocal::new();
    TABLE.get_or_init(|| OPTIONS.iter().map(row).collect())
}

/// Makes a configuration with every default. The environment is read here and nowhere else: `NAMESRV_ADDR`
/// (`host:port;host:port`) stands for a `url` that is not set.
///
/// `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any.
/// Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_config_new(out: *mut *mut mqp_config, error: *mut *mut mqp_error) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        let config = Config::new();
        // What the environment gives is no default of the table.
        let url = config.get("url").filter(|url| !url.is_empty());
        let texts = url.map(|url| ("url".to_owned(), Texts::new([url]))).into_iter().collect();
        out.set(handle::give(mqp_config { config, texts }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sets one key. A refused value leaves the earlier one in force.
///
/// `config`: changed; producers made from it before keep what they have. `key`, `value`: *copied*. `error`: may be
/// NULL. Threads: one at a time for one configuration. Errors: MQP_ERR_INVALID_CONFIG for an unknown key, with the
/// nearest one suggested, or an illegal value, with its range; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_config_set(
    config: *mut mqp_config,
    key: mqp_str,
    value: mqp_str,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a configuration that nothing else uses now.
        let config = unsafe { handle::borrow_mut(config, "config")? };
        // SAFETY: the caller lends both texts until the call returns.
        let (key, value) = unsafe { (key.read(|| "key".to_owned())?, value.read(|| "value".to_owned())?) };
        config.config.set(key, value)?;
        config.texts.insert(key.to_owned(), Texts::new([value]));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Reads the value in force of one key: what was set, else the default.
///
/// `key`: *borrowed* for the call. `out`: written; *borrowed* until the same key is set again or the configuration is
/// freed. `error`: may be NULL. Threads: one at a time for one configuration. Errors: MQP_ERR_INVALID_CONFIG for an
/// unknown key; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_config_get(
    config: *const mqp_config,
    key: mqp_str,
    out: *mut mqp_str,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the text.
        let out = unsafe { Out::required(out, "out", mqp_str::EMPTY)? };
        // SAFETY: the caller passes NULL or a configuration that nothing changes now.
        let config = unsafe { handle::borrow(config, "config")? };
        // SAFETY: the caller lends the text until the call returns.
        let key = unsafe { key.read(|| "key".to_owned())? };
        out.set(value_in_force(config, key)?);
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

fn value_in_force(config: &mqp_config, key: &str) -> Result<mqp_str> {
    if let Some(text) = config.texts.get(key) {
        return Ok(text.get(0));
    }
    match OPTIONS.iter().position(|option| option.key == key) {
        Some(index) => Ok(table()[index].get(2)),
        // Setting an unknown key fails with the nearest one in the text, whatever the value is.
        None => config.config.clone().set(key, "").map(|()| mqp_str::EMPTY),
    }
}

/// Frees a configuration; NULL is allowed. Producers made from it keep what they have.
///
/// `config`: *owned*, taken. Threads: any, when no other uses it. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_config_free(config: *mut mqp_config) {
    // SAFETY: the caller gives up a configuration that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(config) }));
}

/// How many configuration keys there are: the bound of mqp_config_option_get.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn mqp_config_option_count() -> usize {
    boundary::infallible(0, || table().len())
}

/// Reads one row of the table of configuration keys.
///
/// `index`: 0 to mqp_config_option_count() - 1. `out`: written, its strings *borrowed* for ever. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_config_option_get(
    index: usize,
    out: *mut mqp_config_option_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        let row = table()
            .get(index)
            .ok_or_else(|| invalid(format!("`index` is {index}; the maximum is {}", table().len() - 1)))?;
        let view = mqp_config_option_view {
            struct_size: 0,
            key: row.get(0),
            type_name: row.get(1),
            default_value: row.get(2),
            range: row.get(3),
            doc: row.get(4),
        };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &view) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
