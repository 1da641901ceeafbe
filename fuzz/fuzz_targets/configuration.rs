//! Configurations: lines of `key=value`. A value that is taken is the one that is given back; a producer is made of
//! whatever is taken, or refused. A line without `=` is a `url`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::{Config, Producer};

fuzz_target!(|text: &str| {
    let mut config = Config::default();
    for line in text.lines() {
        let (key, value) = line.split_once('=').unwrap_or(("url", line));
        // Names of files are left out: reading what they name is not what is tried here.
        if !key.ends_with("file") && config.set(key, value).is_ok() {
            assert_eq!(config.get(key), Some(value));
        }
    }
    let _ = Producer::new(&config);
});
