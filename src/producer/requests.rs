//! What brokers ask of a producer of their own accord.

use super::lifecycle::Core;
use crate::net::connection::{Connection, Served, ServerRequests};
use crate::protocol::remoting::command::request_code;
use crate::protocol::remoting::header::Header;
use std::sync::{Arc, OnceLock, Weak};

/// Hands a server's request to the producer, as long as there is one.
#[derive(Default)]
pub(super) struct Requests(OnceLock<Weak<Core>>);

impl Requests {
    pub(super) fn serve_for(&self, core: &Arc<Core>) {
        let _ = self.0.set(Arc::downgrade(core));
    }
}

impl ServerRequests for Requests {
    fn serve(&self, connection: &Arc<Connection>, request: &Header, body: &[u8]) -> Served {
        let Some(core) = self.0.get().and_then(Weak::upgrade) else {
            return Served::NotServed;
        };
        core.serve(connection, request, body)
    }

    fn ended(&self, connection: &Connection) {
        if let Some(core) = self.0.get().and_then(Weak::upgrade) {
            core.stay_known(connection);
        }
    }
}

impl Core {
    /// By the request's code.
    fn serve(self: &Arc<Self>, connection: &Arc<Connection>, request: &Header, body: &[u8]) -> Served {
        match request.code {
            request_code::PUSH_REPLY_MESSAGE_TO_CLIENT => self.take_reply(connection, request, body),
            request_code::CHECK_TRANSACTION_STATE => self.serve_check(connection, request, body),
            _ => Served::NotServed,
        }
    }
}
