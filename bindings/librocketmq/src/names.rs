//! Properties that a message's own fields stand for.

pub const KEYS: &[u8] = b"KEYS";
pub const TAGS: &[u8] = b"TAGS";
pub const DELAY: &[u8] = b"DELAY";
pub const WAIT: &[u8] = b"WAIT";
pub const UNIQ_KEY: &[u8] = b"UNIQ_KEY";
pub const SHARDING_KEY: &[u8] = b"__SHARDINGKEY";
