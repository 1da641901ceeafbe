//! The alarm and the spool's callback: who is told, and how the dispatcher tells them.

use super::base::Base;
use super::reliable::Unsent;
use crate::completion::Outcome;
use crate::error::{Error, Result};
use crate::event::{ReliabilityEvent, ReliabilityEventKind};
use crate::runtime::{Dispatcher, Job};
use crate::sync::{Gate, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Who is told.
#[derive(Clone)]
pub(crate) enum EventListener {
    Closure(Arc<dyn Fn(&ReliabilityEvent) + Send + Sync>),
    #[cfg(feature = "capi")]
    Foreign(Arc<crate::ffi::event::ForeignEvents>),
}

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Messages that were given up.
    Alarm,
    /// What becomes of messages in the spool.
    Spool,
}

/// The listeners of a producer, set before its start.
#[derive(Default)]
pub(crate) struct Events {
    alarm: Mutex<Option<EventListener>>,
    spool: Mutex<Option<EventListener>>,
}

impl Events {
    fn slot(&self, subject: Subject) -> &Mutex<Option<EventListener>> {
        match subject {
            Subject::Alarm => &self.alarm,
            Subject::Spool => &self.spool,
        }
    }

    /// Has the dispatcher tell the listener, then do `after`; without a listener, does that here.
    pub(super) fn tell(
        &self,
        subject: Subject,
        facts: impl FnOnce() -> Facts,
        after: Option<Box<dyn FnOnce() + Send>>,
        dispatcher: &Dispatcher,
    ) {
        let listener = self.slot(subject).lock().clone();
        match listener {
            None => after.into_iter().for_each(|after| after()),
            Some(EventListener::Closure(closure)) => {
                let facts = facts();
                dispatcher.push(Job::Closure(Box::new(move || {
                    for event in facts.events() {
                        if catch_unwind(AssertUnwindSafe(|| closure(&event))).is_err() {
                            tracing::error!("an alarm or spool callback panicked");
                        }
                    }
                    after.into_iter().for_each(|after| after());
                })));
            }
            #[cfg(feature = "capi")]
            Some(EventListener::Foreign(foreign)) => {
                let telling = crate::ffi::callback::ForeignJob::events(foreign, facts(), after);
                dispatcher.push(Job::Foreign(telling));
            }
        }
    }

    /// Waits until what was pushed so far was told, at most up to the deadline; then nobody is told any more.
    pub(super) fn stop(&self, told_by: Option<(&Dispatcher, Instant)>) {
        let anybody = [&self.alarm, &self.spool].into_iter().any(|slot| slot.lock().is_some());
        if let Some((dispatcher, deadline)) = told_by
            && anybody
        {
            let gate = Arc::new(Gate::default());
            let opens = Arc::clone(&gate);
            dispatcher.push(Job::Closure(Box::new(move || opens.open())));
            gate.wait(deadline);
        }
        // Dropped outside the locks: the drop is user code.
        let listeners = [self.alarm.lock().take(), self.spool.lock().take()];
        drop(listeners);
    }

    /// Nobody is told any more, and no listener is given back: whoever they belong to is about to end.
    #[cfg(feature = "capi")]
    pub(super) fn discard(&self) {
        for slot in [&self.alarm, &self.spool] {
            if let Some(EventListener::Foreign(foreign)) = slot.lock().take() {
                foreign.discard();
            }
        }
    }
}

/// What an event tells, in the form in which the library has it.
pub(crate) enum Facts {
    /// Of a message, or of several in one request.
    Message {
        kind: ReliabilityEventKind,
        /// Its topic, as its sender called it.
        topic: String,
        unsent: Arc<Unsent>,
        outcome: Box<Outcome>,
    },
    /// Of the spool itself.
    Damage(Error),
}

impl Facts {
    /// One event for each message.
    pub(crate) fn events(self) -> Vec<ReliabilityEvent> {
        let (kind, topic, unsent, outcome) = match self {
            Facts::Damage(error) => {
                let kind = ReliabilityEventKind::SpoolDamaged;
                return vec![ReliabilityEvent { kind, message: None, receipt: None, error: Some(error) }];
            }
            Facts::Message { kind, topic, unsent, outcome } => (kind, topic, unsent, *outcome),
        };
        let messages = unsent.messages(&topic);
        let receipts = unsent.receipts(&outcome, &messages);
        let each = messages.into_iter().zip(receipts).map(|(message, receipt)| ReliabilityEvent {
            kind,
            message: Some(message),
            receipt,
            error: outcome.as_ref().err().cloned(),
        });
        each.collect()
    }
}

impl Base {
    pub(super) fn set_listener(&self, subject: Subject, make: impl FnOnce() -> EventListener) -> Result<()> {
        let what = match subject {
            Subject::Alarm => "the alarm callback is set",
            Subject::Spool => "the spool callback is set",
        };
        self.before_start(what, || self.events.slot(subject).lock().replace(make())).map(drop)
    }
}
