//! Where messages without a trace context of their own get one.

use crate::error::Result;
use crate::message::Message;
use crate::policy::special;
use crate::protocol::remoting::properties::{self, TRACEPARENT};
use crate::sync::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::base::Base;

/// Tells the trace context of the caller.
pub(crate) enum ContextSource {
    Rust(Box<dyn Fn() -> Option<String> + Send + Sync>),
    #[cfg(feature = "capi")]
    Foreign(crate::ffi::trace::ForeignTraceContext),
}

impl ContextSource {
    /// `None`: there is none. An error: what the source told is no context.
    fn ask(&self) -> std::result::Result<Option<String>, String> {
        match self {
            ContextSource::Rust(source) => {
                catch_unwind(AssertUnwindSafe(source)).map_err(|_| "the function panicked".to_owned())
            }
            #[cfg(feature = "capi")]
            ContextSource::Foreign(source) => source.ask(),
        }
    }
}

/// Set before the start, fixed from then on.
#[derive(Default)]
pub(super) struct TraceContexts {
    set: Mutex<Option<ContextSource>>,
    fixed: OnceLock<ContextSource>,
    /// Whether the log has told of a bad one.
    told: AtomicBool,
}

impl TraceContexts {
    /// From now on messages get theirs from what was set last.
    pub(super) fn fix(&self) {
        if let Some(source) = self.set.lock().take() {
            let _ = self.fixed.set(source);
        }
    }

    /// Adds the caller's trace context to the properties of a message that has none.
    #[inline]
    pub(super) fn append(&self, text: &mut String, message: &Message<'_>) {
        if let Some(context) = self.of(message) {
            properties::append(text, TRACEPARENT, &context);
        }
    }

    /// Whether messages get contexts here.
    pub(super) fn are_given(&self) -> bool {
        self.fixed.get().is_some()
    }

    /// The caller's trace context for a message that has none.
    #[inline]
    pub(super) fn of(&self, message: &Message<'_>) -> Option<String> {
        self.fixed.get().and_then(|source| self.ask(source, message))
    }

    fn ask(&self, source: &ContextSource, message: &Message<'_>) -> Option<String> {
        let has_one =
            !message.trace_parent.is_empty() || message.properties.iter().any(|(name, _)| *name == TRACEPARENT);
        if has_one {
            return None;
        }
        let told = source.ask().and_then(|context| match context.filter(|context| !context.is_empty()) {
            Some(context) => match special::trace_parent(&context) {
                Ok(()) => Ok(Some(context)),
                Err(error) => Err(error.message().to_owned()),
            },
            None => Ok(None),
        });
        match told {
            Ok(context) => context,
            Err(why) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%why, "a trace context is left out, and more of them will be without a word");
                }
                None
            }
        }
    }
}

impl Base {
    /// `make` is called when the source is taken.
    pub(super) fn set_trace_context(&self, make: impl FnOnce() -> ContextSource) -> Result<()> {
        let replaced = self.before_start("a trace context is set", || self.contexts.set.lock().replace(make()))?;
        // Not under a lock: it may call what it likes.
        drop(replaced);
        Ok(())
    }
}
