//! What changes messages before they are sent, for ActiveMQ.

use super::Producer;
use super::base::Base;
use super::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::sync::Mutex;
use crate::transformed::Transformed;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// A function of the user's.
type Function = dyn Fn(&Message<'_>, &mut Transformed) -> std::result::Result<(), String> + Send + Sync;

/// Who changes messages.
pub(crate) enum Transformer {
    Rust(Box<Function>),
    #[cfg(feature = "capi")]
    Foreign(crate::ffi::transform::ForeignTransformer),
}

impl Transformer {
    /// What it makes of a message, or its refusal.
    pub(super) fn apply(&self, message: &Message<'_>) -> Result<Transformed> {
        self.ask(message).map_err(|why| {
            let what = format!("destination `{}`: the message transformer refuses it: {why}", message.topic);
            Error::new(ErrorKind::InvalidMessage, what)
        })
    }

    fn ask(&self, message: &Message<'_>) -> std::result::Result<Transformed, String> {
        let mut made = Transformed::default();
        match self {
            Transformer::Rust(function) => catch_unwind(AssertUnwindSafe(|| function(message, &mut made)))
                .unwrap_or_else(|_| Err("it panicked".to_owned()))?,
            #[cfg(feature = "capi")]
            Transformer::Foreign(function) => made = function.ask(message)?,
        }
        Ok(made)
    }
}

/// Set before the start, fixed from then on.
#[derive(Default)]
pub(super) struct Transformers {
    set: Mutex<Option<Transformer>>,
    fixed: OnceLock<Transformer>,
}

impl Transformers {
    /// From now on messages go through what was set last.
    pub(super) fn fix(&self) {
        if let Some(transformer) = self.set.lock().take() {
            let _ = self.fixed.set(transformer);
        }
    }

    /// `None`: there is none, and a message costs nothing more.
    #[inline]
    pub(super) fn get(&self) -> Option<&Transformer> {
        self.fixed.get()
    }
}

impl Base {
    fn set_transformer(&self, make: impl FnOnce() -> Transformer) -> Result<()> {
        let replaced =
            self.before_start("a message transformer is set", || self.transformers.set.lock().replace(make()))?;
        // Not under a lock: it may call what it likes.
        drop(replaced);
        Ok(())
    }
}

impl Producer {
    /// Sets, before the start, what may put another message in the place of each that is sent, as the message
    /// transformer of ActiveMQ's client does; the last one set counts. Only for ActiveMQ.
    ///
    /// `transformer` is called for each message, those of transactions and requests too, once, on the thread that sends
    /// and before all else: hooks see what it made, and so do the rules of destinations and of who waits. It leaves
    /// `Transformed` alone to send the message as it is. An `Err`, and a panic, refuse the message with its text: the
    /// send fails with [`InvalidMessage`](ErrorKind::InvalidMessage).
    pub fn set_message_transformer(
        &self,
        transformer: impl Fn(&Message<'_>, &mut Transformed) -> std::result::Result<(), String> + Send + Sync + 'static,
    ) -> Result<()> {
        self.transform_by(|| Transformer::Rust(Box::new(transformer)))
    }

    /// The same; `make` is called when the transformer is taken.
    pub(crate) fn transform_by(&self, make: impl FnOnce() -> Transformer) -> Result<()> {
        match self.engine()? {
            Engine::ActiveMq(client) => client.set_transformer(make),
            engine @ Engine::RocketMq(_) => engine.activemq("message transformers").map(drop),
        }
    }
}
