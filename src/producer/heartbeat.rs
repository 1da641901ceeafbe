//! What brokers hear of a producer: heartbeats, and its farewell.

use super::identity::Identity;
use super::lifecycle::Core;
use crate::config::Settings;
use crate::net::call::{Request, call};
use crate::net::connection::Connection;
use crate::net::pool::Greeting;
use crate::protocol::remoting::command::request_code;
use crate::protocol::remoting::heartbeat::Heartbeat;
use crate::runtime::Runtime;
use crate::sync::Gate;
use bytes::BytesMut;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Core {
    /// Sends a heartbeat to each broker of the routes; a connection that is made for it is greeted by one anyway.
    ///
    /// A connection to a broker that is in no route any more is closed once nothing waits on it.
    pub(super) fn heartbeat(&self) {
        let brokers = self.routes.broker_addresses();
        for connection in self.pool.open() {
            let address = connection.address();
            if !brokers.contains(address) && !self.name_servers.include(address) && connection.is_idle() {
                self.pool.forget(address);
            }
        }
        for address in &brokers {
            let connection = self.pool.broker(address);
            if connection.is_open() {
                greet(&connection, &self.settings, &self.identity, &self.runtime);
            }
        }
    }

    /// Tells each connected broker that this client is gone, and waits for their answers.
    pub(super) fn unregister(&self, deadline: Instant) {
        let fields =
            [("clientID", self.identity.client_id()), ("producerGroup", self.settings.producer_group.as_str())];
        let request = Request {
            code: request_code::UNREGISTER_CLIENT,
            serializer: self.settings.serializer,
            fields: &fields,
            body: &[],
        };
        let brokers = self.routes.broker_addresses();
        let answers: Vec<_> = (self.pool.open().iter())
            .filter(|connection| brokers.contains(connection.address()))
            .map(|connection| self.runtime.spawn(call(connection, request, deadline)))
            .collect();
        let done = Arc::new(Gate::default());
        let open = Arc::clone(&done);
        self.runtime.spawn(async move {
            for answer in answers {
                if let Ok(Err(cause)) = answer.await {
                    tracing::debug!(%cause, "a broker did not answer the farewell");
                }
            }
            open.open();
        });
        done.wait(deadline);
    }
}

pub(super) fn greeting(settings: &Settings, identity: &Identity, runtime: &Arc<Runtime>) -> Greeting {
    let runtime = Arc::downgrade(runtime);
    let (timeout, serializer) = (settings.api_timeout, settings.serializer);
    let body = heartbeat_body(settings, identity);
    Box::new(move |connection| {
        if let Some(runtime) = runtime.upgrade() {
            send_heartbeat(connection, &body, serializer, timeout, &runtime);
        }
    })
}

fn greet(connection: &Arc<Connection>, settings: &Settings, identity: &Identity, runtime: &Runtime) {
    let body = heartbeat_body(settings, identity);
    send_heartbeat(connection, &body, settings.serializer, settings.api_timeout, runtime);
}

fn heartbeat_body(settings: &Settings, identity: &Identity) -> Vec<u8> {
    let mut body = BytesMut::new();
    Heartbeat::v1(identity.client_id(), &[settings.producer_group.as_str()]).encode(&mut body);
    body.to_vec()
}

fn send_heartbeat(
    connection: &Arc<Connection>,
    body: &[u8],
    serializer: crate::protocol::remoting::frame::Serializer,
    timeout: Duration,
    runtime: &Runtime,
) {
    let request = Request { code: request_code::HEART_BEAT, serializer, fields: &[], body };
    let answer = call(connection, request, Instant::now() + timeout);
    let address = Arc::clone(connection.address());
    runtime.spawn(async move {
        match answer.await {
            Ok(answer) if answer.code == 0 => tracing::debug!(%address, "heartbeat"),
            Ok(answer) => {
                tracing::warn!(%address, code = answer.code, remark = answer.remark, "a broker refused the heartbeat");
            }
            Err(cause) => tracing::warn!(%address, %cause, "a broker did not answer the heartbeat"),
        }
    });
}
