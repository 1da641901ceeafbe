//! A request whose answer a future waits for: routes, heartbeats, farewells.

use super::connection::{Connection, Failure, Responder};
use crate::error::{Error, Result};
use crate::protocol::remoting::frame::{Frame, Serializer};
use crate::protocol::remoting::scan::Scan;
use bytes::BytesMut;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// A request by its code, fields and body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) code: i32,
    pub(crate) serializer: Serializer,
    pub(crate) fields: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// A server's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) remark: String,
    pub(crate) body: Vec<u8>,
}

struct Call(oneshot::Sender<Result<Answer>>);

impl Responder for Call {
    fn on_response(self: Box<Self>, frame: &Frame<'_>, scan: &Scan<'_>) {
        let answer = Answer { code: scan.code, remark: scan.remark.to_string(), body: frame.body.to_vec() };
        // Nobody waits any more: the future was dropped.
        let _ = self.0.send(Ok(answer));
    }

    fn on_failure(self: Box<Self>, failure: Failure) {
        let _ = self.0.send(Err(failure.cause));
    }
}

/// Sends a request now; the future resolves with the answer or the cause, at the deadline at the latest.
pub(crate) fn call(
    connection: &Arc<Connection>,
    request: Request<'_>,
    deadline: Instant,
) -> impl Future<Output = Result<Answer>> + Send + 'static {
    let (sender, receiver) = oneshot::channel();
    let started = connection.reserve().and_then(|opaque| {
        let mut out = BytesMut::new();
        let Request { code, serializer, fields, body } = request;
        connection.envelope().encode_request(&mut out, code, serializer, opaque, 0, fields, body);
        connection.request(opaque, out.freeze(), Box::new(Call(sender)), deadline).map_err(|(_, cause)| cause)
    });
    let address = Arc::clone(connection.address());
    async move {
        started?;
        receiver.await.unwrap_or_else(|_| {
            let lost = format!("the request to {address} was dropped inside the library");
            Err(Error::new(crate::error::ErrorKind::Internal, lost))
        })
    }
}
