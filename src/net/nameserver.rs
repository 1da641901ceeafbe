//! The name servers: asked one after another from a random start, staying with the one that answered.

use super::call::{Answer, Request, call};
use super::pool::Pool;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::frame::Serializer;
use crate::protocol::remoting::route::TopicRouteData;
use crate::random::generator;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct NameServers {
    addresses: Vec<Arc<str>>,
    current: AtomicUsize,
    pool: Arc<Pool>,
    api_timeout: Duration,
    serializer: Serializer,
}

impl NameServers {
    pub(crate) fn new(
        mut addresses: Vec<Arc<str>>,
        pool: Arc<Pool>,
        api_timeout: Duration,
        serializer: Serializer,
    ) -> Self {
        generator().shuffle(&mut addresses);
        NameServers { addresses, current: AtomicUsize::new(0), pool, api_timeout, serializer }
    }

    /// The route of a topic; `NoRoute` when the name servers know none.
    pub(crate) async fn route(&self, topic: &str, deadline: Instant) -> Result<TopicRouteData> {
        let fields = [("topic", topic), ("acceptStandardJsonOnly", "true")];
        let request = Request {
            code: request_code::GET_ROUTEINFO_BY_TOPIC,
            serializer: self.serializer,
            fields: &fields,
            body: &[],
        };
        let (address, answer) = self.ask(request, deadline).await?;
        match answer.code {
            response_code::SUCCESS => TopicRouteData::decode(&answer.body).map_err(|error| {
                Error::new(ErrorKind::Protocol, format!("{address} sent a malformed route of `{topic}`: {error}"))
            }),
            response_code::TOPIC_NOT_EXIST => {
                Err(Error::new(ErrorKind::NoRoute, format!("no route of topic `{topic}`: {}", answer.remark)))
            }
            code => Err(Error::broker(code, answer.remark, false).context(format!("route of topic `{topic}`"))),
        }
    }

    /// Asks until one answers; otherwise the error names each address and its cause.
    async fn ask(&self, request: Request<'_>, deadline: Instant) -> Result<(Arc<str>, Answer)> {
        let n = self.addresses.len();
        let first = self.current.load(Ordering::Relaxed);
        let mut causes = Vec::with_capacity(n);
        for step in 0..n {
            let index = (first + step) % n;
            let address = &self.addresses[index];
            let now = Instant::now();
            // A silent server must leave time for those after it.
            let share = deadline.saturating_duration_since(now) / (n - step) as u32;
            let until = now + share.min(self.api_timeout);
            match call(&self.pool.name_server(address), request, until).await {
                Ok(answer) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok((Arc::clone(address), answer));
                }
                Err(cause) => {
                    tracing::warn!(%address, %cause, "a name server did not answer");
                    causes.push(format!("{address} ({})", cause.message()));
                }
            }
        }
        Err(Error::new(ErrorKind::NoNameServer, format!("no name server answered: {}", causes.join("; "))))
    }
}
