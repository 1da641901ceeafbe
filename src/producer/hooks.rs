//! The hooks of a producer, and their calls around one message.

#[cfg(feature = "capi")]
use super::admission::Admission;
use super::admission::Permit;
use crate::completion::{Outcome, Owed};
use crate::error::{Error, ErrorKind, Result};
use crate::hook::{HookContext, HookEnd, MessageType, SendHook, SendMode};
use crate::message::Message;
use crate::route::Queue;
use crate::runtime::{Dispatcher, Job};
use crate::sync::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One hook.
#[derive(Clone)]
pub(crate) enum Hook {
    Rust(Arc<dyn SendHook>),
    /// Called apart after the send: it may end the dispatcher's thread.
    #[cfg(feature = "capi")]
    Foreign(Arc<crate::ffi::hook::ForeignHook>),
}

impl Hook {
    pub(super) fn get(&self) -> &dyn SendHook {
        match self {
            Hook::Rust(hook) => &**hook,
            #[cfg(feature = "capi")]
            Hook::Foreign(hook) => &**hook,
        }
    }
}

/// Added before the start, fixed from then on.
#[derive(Default)]
pub(crate) struct Hooks {
    added: Mutex<Vec<Hook>>,
    fixed: OnceLock<Arc<[Hook]>>,
}

impl Hooks {
    pub(crate) fn add(&self, hook: Hook) {
        self.added.lock().push(hook);
    }

    /// From now on messages see them.
    pub(crate) fn fix(&self) {
        let added = std::mem::take(&mut *self.added.lock());
        if !added.is_empty() {
            let _ = self.fixed.set(added.into());
        }
    }

    /// `None`: there are none, and a message costs nothing more.
    #[inline]
    pub(crate) fn get(&self) -> Option<&Arc<[Hook]>> {
        self.fixed.get()
    }
}

/// What hooks are told of a message before it is sent.
pub(crate) struct Sending<'a> {
    #[cfg(feature = "capi")]
    pub(crate) admission: &'a Arc<Admission>,
    pub(crate) producer_group: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) mode: SendMode,
    pub(crate) message: &'a Message<'a>,
    pub(crate) batch: &'a [Message<'a>],
    pub(crate) body_length: usize,
    pub(crate) properties: &'a str,
    pub(crate) message_id: &'a str,
    pub(crate) born_host: &'a str,
    pub(crate) queue: &'a Queue,
    pub(crate) started: Instant,
}

/// Asks every hook whether the message may go, then tells each that it goes.
pub(crate) fn before(hooks: &Arc<[Hook]>, sending: &Sending<'_>) -> Result<Box<After>> {
    let message_type = MessageType::of(sending.properties);
    let context = HookContext {
        producer_group: sending.producer_group,
        namespace: sending.namespace,
        mode: sending.mode,
        message_type,
        topic: sending.message.topic,
        message_id: sending.message_id,
        body_length: sending.body_length,
        message_count: sending.batch.len().max(1),
        born_host: sending.born_host,
        broker_name: &sending.queue.broker.name,
        broker_address: &sending.queue.broker.address,
        queue_id: sending.queue.id,
        message: Some(sending.message),
        batch: sending.batch,
    };
    for hook in hooks.iter() {
        let allowed = catch_unwind(AssertUnwindSafe(|| hook.get().check_forbidden(&context)));
        let reason = match allowed {
            Ok(Ok(())) => continue,
            Ok(Err(reason)) => reason,
            Err(_) => {
                tracing::error!("a check-forbidden hook panicked; the message is refused");
                "the hook panicked".to_owned()
            }
        };
        let what = format!("topic `{}`: a hook forbids the message: {reason}", sending.message.topic);
        return Err(Error::new(ErrorKind::Forbidden, what));
    }
    for hook in hooks.iter() {
        if catch_unwind(AssertUnwindSafe(|| hook.get().before_send(&context))).is_err() {
            tracing::error!("a before-send hook panicked");
        }
    }
    Ok(Box::new(After {
        #[cfg(feature = "capi")]
        admission: Arc::clone(sending.admission),
        hooks: Arc::clone(hooks),
        producer_group: sending.producer_group.to_owned(),
        namespace: sending.namespace.to_owned(),
        mode: sending.mode,
        message_type,
        topic: sending.message.topic.to_owned(),
        message_id: sending.message_id.to_owned(),
        body_length: sending.body_length,
        message_count: sending.batch.len().max(1),
        born_host: sending.born_host.to_owned(),
        queue: sending.queue.clone(),
        started: sending.started,
        cost: Duration::ZERO,
        attempts: 0,
        end: None,
        held: None,
    }))
}

/// What hooks are told of a message after it ended, and the sender who is told next.
pub(crate) struct After {
    #[cfg(feature = "capi")]
    admission: Arc<Admission>,
    hooks: Arc<[Hook]>,
    producer_group: String,
    namespace: String,
    mode: SendMode,
    message_type: MessageType,
    topic: String,
    message_id: String,
    body_length: usize,
    message_count: usize,
    born_host: String,
    queue: Queue,
    started: Instant,
    cost: Duration,
    attempts: u32,
    end: Option<(Outcome, Option<Owed>)>,
    held: Option<Arc<Permit>>,
}

impl After {
    /// The message counts as in flight until its hooks have returned: flush waits for them, too.
    pub(crate) fn hold(mut self: Box<Self>, permit: Arc<Permit>) -> Box<Self> {
        self.held = Some(permit);
        self
    }

    /// Lets the dispatcher tell the hooks and then the sender. `queue` is the last try's.
    pub(crate) fn end(
        mut self: Box<Self>,
        queue: &Queue,
        attempts: u32,
        outcome: Outcome,
        owed: Option<Owed>,
        dispatcher: &Dispatcher,
    ) {
        self.queue = queue.clone();
        self.attempts = attempts;
        self.cost = self.started.elapsed();
        self.end = Some((outcome, owed));
        #[cfg(feature = "capi")]
        dispatcher.push(Job::Foreign(crate::ffi::callback::ForeignJob::hooks(self)));
        #[cfg(not(feature = "capi"))]
        dispatcher.push(Job::Closure(Box::new(move || {
            for hook in self.hooks() {
                self.tell(hook);
            }
            self.deliver();
        })));
    }

    pub(crate) fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// Whether foreign hooks are not called for it any more.
    #[cfg(feature = "capi")]
    pub(crate) fn is_discarding(&self) -> bool {
        self.admission.is_discarding()
    }

    /// Calls one hook.
    pub(crate) fn tell(&self, hook: &Hook) {
        let call = || self.with(|context, end| hook.get().after_send(context, end));
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            tracing::error!("an after-send hook panicked");
        }
    }

    /// What a hook is told.
    pub(crate) fn with<T>(&self, tell: impl FnOnce(&HookContext<'_>, &HookEnd<'_>) -> T) -> Option<T> {
        let (outcome, _) = self.end.as_ref()?;
        let context = HookContext {
            producer_group: &self.producer_group,
            namespace: &self.namespace,
            mode: self.mode,
            message_type: self.message_type,
            topic: &self.topic,
            message_id: &self.message_id,
            body_length: self.body_length,
            message_count: self.message_count,
            born_host: &self.born_host,
            broker_name: &self.queue.broker.name,
            broker_address: &self.queue.broker.address,
            queue_id: self.queue.id,
            message: None,
            batch: &[],
        };
        Some(tell(&context, &HookEnd { result: outcome.as_ref(), cost: self.cost, attempts: self.attempts }))
    }

    /// Tells the sender.
    pub(crate) fn deliver(self: Box<Self>) {
        if let Some((outcome, Some(owed))) = self.end {
            owed.deliver(outcome);
        }
    }
}
