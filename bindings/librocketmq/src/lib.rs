//! `librocketmq.so`: the C functions of RocketMQ's native client, for producers, over `mqproducer`.
//!
//! The names, layouts and numbers are those of that client, so that programs and bindings made for it run unchanged;
//! `docs/MIGRATION.md` tells what differs. Consumers are not here: to create one fails with a text that says so, and
//! every other function of theirs answers `NULL_POINTER`.
//!
//! What each exported function asks of its caller is what the C header says of it, and the same for all: a handle is
//! NULL or came from its `Create` function and was not destroyed, a string is NULL or ends with a NUL byte, a result is
//! NULL or writable.

#![allow(clippy::missing_safety_doc, non_snake_case)]

mod batch;
mod boundary;
mod calls;
mod error_text;
mod hash;
mod log;
mod message;
mod message_ext;
mod names;
mod orderly;
mod process;
mod producer;
mod pull_consumer;
mod push_consumer;
mod send;
mod send_async;
mod send_result;
mod settings;
mod tls_file;
mod transaction;
