//! Temporary destinations of ActiveMQ.

use super::Producer;
use crate::error::Result;
use std::time::Duration;

impl Producer {
    /// Makes a queue that lives as long as this producer, for the answers of others: its name, `temp-queue://...`, for
    /// [`Jms::reply_to`](crate::jms::Jms::reply_to). Only ActiveMQ has such. Waits for the broker, for at most `timeout`.
    pub fn create_temporary_queue(&self, timeout: Duration) -> Result<String> {
        self.blocking()?.activemq("temporary queues")?.create_temporary(false, timeout)
    }

    /// The same for a topic, `temp-topic://...`.
    pub fn create_temporary_topic(&self, timeout: Duration) -> Result<String> {
        self.blocking()?.activemq("temporary topics")?.create_temporary(true, timeout)
    }

    /// Takes one of them away; from now on messages to it are refused.
    pub fn delete_temporary(&self, name: &str, timeout: Duration) -> Result<()> {
        self.blocking()?.activemq("temporary destinations")?.delete_temporary(name, timeout)
    }
}
