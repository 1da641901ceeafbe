//! The RocketMQ remoting protocol: frames, headers and the bodies a producer meets.
//!
//! Everything here takes bytes and gives values, or the other way round. No decoder panics on any input, and none
//! allocates more than a small multiple of what it was given.

pub mod acl;
pub mod batch;
mod binary;
pub mod command;
pub mod compress;
pub mod envelope;
mod error;
pub mod frame;
pub mod header;
pub mod heartbeat;
mod json;
pub mod message_id;
pub mod payload;
pub mod properties;
mod quick;
pub mod recall;
pub mod reply;
pub mod request;

pub mod route;
pub mod scan;
pub mod send;
pub mod shape;
pub mod stored_message;
pub mod sys_flag;
pub mod template;
pub mod trace;
pub mod transaction;

pub use error::CodecError;
pub use frame::{Frame, MAX_FRAME, Serializer, split};
pub use header::{Header, Identity, Language};
pub use request::{encode_request, encode_request_as};
pub use scan::{Scan, scan};
pub use send::{SendHeader, encode_send, encode_send_as};
