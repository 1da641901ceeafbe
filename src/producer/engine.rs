//! The seam between a producer and its transport: which of the protocols brings its messages to brokers.

use super::Mode;
use super::base::Base;
use super::lifecycle::Core;
use super::openwire::Client;
use super::waiting::Receiver;
use crate::completion::Completion;
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, SendOptions};
use std::sync::Arc;
use std::time::Duration;

/// What brings messages to brokers: the other side of the seam, one for each protocol.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    RocketMq(Arc<Core>),
    ActiveMq(Arc<Client>),
}

impl Engine {
    pub(super) fn new(settings: Settings) -> Result<Engine> {
        match settings.activemq {
            Some(_) => Client::new(settings).map(Engine::ActiveMq),
            None => Core::new(settings).map(Engine::RocketMq),
        }
    }

    pub(super) fn base(&self) -> &Base {
        match self {
            Engine::RocketMq(core) => core,
            Engine::ActiveMq(client) => client,
        }
    }

    /// The producer of RocketMQ, which alone can do `what`.
    pub(super) fn rocketmq(&self, what: &str) -> Result<&Arc<Core>> {
        match self {
            Engine::RocketMq(core) => Ok(core),
            Engine::ActiveMq(_) => Err(Error::new(ErrorKind::Unsupported, format!("ActiveMQ has no {what}"))),
        }
    }

    /// The producer of ActiveMQ, which alone can do `what`.
    pub(super) fn activemq(&self, what: &str) -> Result<&Arc<Client>> {
        match self {
            Engine::ActiveMq(client) => Ok(client),
            Engine::RocketMq(_) => Err(Error::new(ErrorKind::Unsupported, format!("RocketMQ has no {what}"))),
        }
    }

    pub(super) fn submit(
        &self,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        completion: Completion,
    ) -> Result<()> {
        match self {
            Engine::RocketMq(core) => core.submit(message, options, mode, completion).map(drop),
            Engine::ActiveMq(client) => client.submit(message, options, mode, completion),
        }
    }

    pub(super) fn request(
        &self,
        message: &Message<'_>,
        options: &SendOptions,
        timeout: Duration,
        receiver: Receiver,
    ) -> Result<()> {
        match self {
            Engine::RocketMq(core) => core.request(message, options, timeout, receiver),
            Engine::ActiveMq(client) => client.request(message, options, timeout, receiver),
        }
    }

    pub(super) fn submit_many<'m>(
        &self,
        messages: impl Iterator<Item = Result<(Message<'m>, Completion)>>,
        options: &SendOptions,
        mode: Mode,
    ) -> (usize, Result<()>) {
        match self {
            Engine::RocketMq(core) => core.submit_many(messages, options, mode),
            Engine::ActiveMq(client) => client.submit_many(messages, options, mode),
        }
    }
}
