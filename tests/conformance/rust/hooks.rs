//! Hooks that write down what they were told.

use mqproducer::{EndTransactionContext, HookContext, HookEnd, MessageType, SendHook, SendMode, TransactionState};
use serde_json::{Value, json};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What was noted so far, for those who wait for more of it.
#[derive(Clone, Default)]
pub struct Notes(Arc<(Mutex<Vec<Value>>, Condvar)>);

impl Notes {
    /// How many there are now.
    pub fn add(&self, note: Value) -> usize {
        let mut notes = self.0.0.lock().unwrap();
        notes.push(note);
        self.0.1.notify_all();
        notes.len()
    }

    /// All of them, once there are `count`.
    pub fn wait(&self, count: usize, limit: Duration) -> Option<Vec<Value>> {
        let (notes, changed) = &*self.0;
        let waiting = changed.wait_timeout_while(notes.lock().unwrap(), limit, |notes| notes.len() < count);
        let notes = waiting.unwrap().0;
        (notes.len() >= count).then(|| notes.clone())
    }
}

pub struct Recorder {
    pub name: String,
    pub forbid: Option<String>,
    pub calls: Notes,
}

impl Recorder {
    fn told(&self, call: &str, context: &HookContext<'_>) -> Value {
        let mode = match context.mode {
            SendMode::Async => "async",
            SendMode::Oneway => "oneway",
            _ => "sync",
        };
        let message_type = match context.message_type {
            MessageType::TransactionHalf => "half",
            MessageType::Delay => "delay",
            _ => "normal",
        };
        json!({
            "hook": self.name,
            "call": call,
            "mode": mode,
            "message_type": message_type,
            "topic": context.topic,
            "broker": context.broker_name,
            "queue_id": context.queue_id,
            "body_length": context.body_length,
            "message_count": context.message_count,
            "group": context.producer_group,
            "namespace": context.namespace,
            "message_id": context.message_id,
        })
    }
}

impl SendHook for Recorder {
    fn check_forbidden(&self, context: &HookContext<'_>) -> Result<(), String> {
        self.calls.add(self.told("check_forbidden", context));
        self.forbid.clone().map_or(Ok(()), Err)
    }

    fn before_send(&self, context: &HookContext<'_>) {
        self.calls.add(self.told("before_send", context));
    }

    fn after_send(&self, context: &HookContext<'_>, end: &HookEnd<'_>) {
        let mut call = self.told("after_send", context);
        call["status"] = end.result.map_or_else(|error| error.kind().name(), |_| "OK").into();
        call["attempts"] = end.attempts.into();
        self.calls.add(call);
    }

    fn end_transaction(&self, context: &EndTransactionContext<'_>) {
        let state = match context.state {
            TransactionState::Commit => "commit",
            TransactionState::Rollback => "rollback",
            TransactionState::Unknown => "unknown",
        };
        self.calls.add(json!({
            "hook": self.name,
            "call": "end_transaction",
            "topic": context.topic,
            "broker": context.broker_name,
            "state": state,
            "from_check": context.from_check,
        }));
    }
}
