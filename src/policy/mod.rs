//! Decisions of the send path, pure: `now` is an argument, nothing here waits or does I/O.

pub(crate) mod address_map;
pub(crate) mod backoff;
pub(crate) mod batch;
pub(crate) mod compress;
pub(crate) mod destination;
pub(crate) mod exchange;
pub(crate) mod fault;
pub(crate) mod histogram;
pub(crate) mod linger;
pub(crate) mod namespace;
pub(crate) mod retry;
pub(crate) mod returns;
pub(crate) mod ring;
pub(crate) mod select;
pub(crate) mod special;
pub(crate) mod validate;
pub(crate) mod window;
