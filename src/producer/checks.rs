//! A broker's question what became of a transaction: asked of the user's checker on the dispatcher, answered one-way.

use super::Producer;
use super::end_transaction::tell;
use super::hooks::Hook;
use super::lifecycle::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::hook::EndTransactionContext;
use crate::net::connection::{Connection, Served};
use crate::protocol::remoting::header::Header;
use crate::protocol::remoting::transaction::{CheckTransactionState, TransactionState};
use crate::protocol::remoting::{properties, stored_message};
use crate::received::ReceivedMessage;
use crate::runtime::Job;
use crate::sync::{Condvar, Mutex, wait_until};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

/// The most checks that wait for the checker, as in the Java client; the broker asks again for those over it.
const MAX_WAITING: usize = 2000;
/// The most bytes of messages that wait for the checker.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Who knows what became of a transaction.
#[derive(Clone)]
pub(crate) enum Checker {
    Rust(Arc<dyn Fn(&ReceivedMessage) -> TransactionState + Send + Sync>),
    #[cfg(feature = "capi")]
    Foreign(Arc<crate::ffi::transaction::ForeignChecker>),
    #[cfg(feature = "raw")]
    Raw(Arc<crate::ffi::raw::RawChecker>),
}

/// A producer's checker and the checks that wait for it.
#[derive(Default)]
pub(super) struct Checks {
    checker: OnceLock<Checker>,
    waiting: Arc<Waiting>,
    answering: Arc<Answering>,
}

#[derive(Default)]
struct Waiting {
    checks: AtomicUsize,
    bytes: AtomicUsize,
}

/// A check's place among those that wait.
struct Place {
    waiting: Arc<Waiting>,
    bytes: usize,
}

impl Place {
    /// Checks come on the I/O thread alone, so that none comes between the look and the count.
    fn take(waiting: &Arc<Waiting>, bytes: usize) -> Option<Place> {
        let full = waiting.checks.load(Ordering::Relaxed) >= MAX_WAITING
            || waiting.bytes.load(Ordering::Relaxed).saturating_add(bytes) > MAX_WAITING_BYTES;
        if full {
            return None;
        }
        waiting.checks.fetch_add(1, Ordering::Relaxed);
        waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(Place { waiting: Arc::clone(waiting), bytes })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.checks.fetch_sub(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The checks that are being answered: a close waits for them, since the broker heard nothing of a decision that the
/// checker has made already, and may find nobody else to ask; and until they let go of the checker and the hooks, so
/// that a program knows when both were used last.
#[derive(Default)]
struct Answering {
    count: Mutex<usize>,
    ended: Condvar,
}

/// A check's stay among those.
struct Turn(Arc<Answering>);

impl Turn {
    fn begin(answering: &Arc<Answering>) -> Turn {
        *answering.count.lock() += 1;
        Turn(Arc::clone(answering))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.ended.notify_all();
    }
}

impl Checks {
    /// Waits until no check is being answered.
    pub(super) fn wait_idle(&self, deadline: Instant) {
        wait_until(&self.answering.ended, self.answering.count.lock(), deadline, |count| *count == 0);
    }

    pub(super) fn has_checker(&self) -> bool {
        self.checker.get().is_some()
    }

    /// Takes the checker; `make` is called when there is none yet.
    pub(super) fn set(&self, make: impl FnOnce() -> Checker) -> Result<()> {
        let mut made = false;
        self.checker.get_or_init(|| {
            made = true;
            make()
        });
        if made {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidArgument, "the producer has a transaction checker already"))
    }
}

impl Producer {
    /// Sets who knows what became of a transaction, before the start and once. Needed for
    /// [`begin_transaction`](Self::begin_transaction).
    ///
    /// A broker that hears no end of a transaction asks any producer of its group that is connected, with the half
    /// message: RocketMQ after 6 s at first, then each 30 s, up to 15 times, unless configured otherwise. `checker` runs
    /// on the dispatcher, where it must not block for long, since all callbacks wait; blocking calls return
    /// `WouldDeadlock` there. [`TransactionState::Unknown`] has the broker ask again, as does a panic, which is caught
    /// and told to the broker. Up to 2000 checks wait, more are dropped with a warning, and asked again.
    ///
    /// A process that only answers checks, for another one of its group that ended, names the `topics` in its
    /// configuration: the start then connects it to their brokers, although it sends nothing.
    pub fn set_transaction_checker(
        &self,
        checker: impl Fn(&ReceivedMessage) -> TransactionState + Send + Sync + 'static,
    ) -> Result<()> {
        self.set_checker(|| Checker::Rust(Arc::new(checker)))
    }

    /// The same; `make` is called when the checker is taken.
    pub(crate) fn set_checker(&self, make: impl FnOnce() -> Checker) -> Result<()> {
        let core = self.engine()?.rocketmq("transaction checks: the broker decides at the commit")?;
        core.before_start("the transaction checker is set", || core.checks.set(make))?
    }
}

impl Core {
    /// Whether a binding that ends had all calls end.
    fn is_discarding(&self) -> bool {
        self.admission.is_discarding()
    }

    /// Takes a broker's check, on the I/O thread.
    pub(super) fn serve_check(self: &Arc<Self>, connection: &Arc<Connection>, request: &Header, body: &[u8]) -> Served {
        let address = connection.address();
        let group =
            stored_message::decode_one(body).map(|stored| properties::get(stored.properties, properties::PGROUP));
        let checker = match (group, self.checks.checker.get()) {
            (Err(error), _) => {
                tracing::warn!(%address, %error, "a transaction check cannot be read");
                return Served::Answer(0, None);
            }
            (Ok(group), _) if group != Some(self.settings.producer_group.as_str()) => {
                tracing::warn!(%address, group, "a transaction check of another producer group is not answered");
                return Served::Answer(0, None);
            }
            (Ok(_), None) => {
                tracing::warn!(%address, "a transaction check is not answered: the producer has no checker");
                return Served::Answer(0, None);
            }
            (Ok(_), Some(checker)) => checker.clone(),
        };
        let Some(place) = Place::take(&self.checks.waiting, body.len()) else {
            self.counters().checks_dropped.add(1);
            let dropped = self.counters().checks_dropped.get();
            tracing::warn!(%address, dropped, "too many transaction checks wait; the broker asks again");
            return Served::Answer(0, None);
        };
        let check = Box::new(Check {
            core: Arc::downgrade(self),
            connection: Arc::clone(connection),
            checker,
            request: request.clone(),
            body: body.to_vec(),
            tags: String::new(),
            keys: String::new(),
            region_id: String::new(),
            topic: String::new(),
            place: Some(place),
            turn: None,
        });
        #[cfg(feature = "raw")]
        if let Checker::Raw(checker) = &check.checker {
            let checker = Arc::clone(checker);
            self.runtime.dispatcher().push(Job::Raw(crate::ffi::raw::RawJob::check(check, checker)));
            return Served::Answer(0, None);
        }
        #[cfg(feature = "capi")]
        self.runtime.dispatcher().push(Job::Foreign(crate::ffi::callback::ForeignJob::check(check)));
        #[cfg(not(feature = "capi"))]
        self.runtime.dispatcher().push(Job::Closure(Box::new(move || check.run())));
        Served::Answer(0, None)
    }
}

/// One check on its way through the dispatcher. It does not keep its producer alive.
pub(crate) struct Check {
    core: Weak<Core>,
    connection: Arc<Connection>,
    checker: Checker,
    request: Header,
    body: Vec<u8>,
    tags: String,
    keys: String,
    region_id: String,
    topic: String,
    place: Option<Place>,
    /// The last to be dropped.
    turn: Option<Turn>,
}

impl Check {
    #[cfg(feature = "capi")]
    pub(crate) fn checker(&self) -> &Checker {
        &self.checker
    }

    /// The message to show to the checker; `None`: the producer is closed or calls nobody any more, or it cannot be read.
    pub(crate) fn open(&mut self) -> Option<ReceivedMessage> {
        drop(self.place.take());
        let core = self.core.upgrade()?;
        // Before the look at the phase: a close that this look does not see waits for the turn.
        self.turn = Some(Turn::begin(&core.checks.answering));
        if core.must_run().is_err() || core.is_discarding() {
            return None;
        }
        let body = std::mem::take(&mut self.body);
        let transaction_id = self.request.get("transactionId").unwrap_or_default();
        let message = match ReceivedMessage::from_check(&body, transaction_id) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(address = %self.connection.address(), %error, "a transaction check cannot be read");
                return None;
            }
        };
        self.topic = core.settings.namespace.strip(&message.topic).into_owned();
        self.tags = message.tags().to_owned();
        self.keys = message.keys().to_owned();
        self.region_id = message.property(properties::MSG_REGION).unwrap_or_default().to_owned();
        Some(message.with_topic(&self.topic))
    }

    /// Tells the broker; the hooks to be told of it. A producer whose close did not wait for it tells nothing.
    pub(crate) fn answer(&mut self, state: TransactionState, remark: Option<&str>) -> Option<Arc<[Hook]>> {
        let core = self.core.upgrade().filter(|core| core.must_end().is_none())?;
        let told = self.fields().and_then(|check| {
            let end = check.answer(&core.settings.producer_group, state);
            core.push_end(&self.connection, &end, remark, None)
        });
        match told {
            Ok(()) => {
                if let Some(tracer) = &core.tracer {
                    let topic = core.settings.namespace.wrap(&self.topic);
                    self.with(state, |context| tracer.end_transaction(&topic, context));
                }
                core.hooks.get().filter(|_| !core.is_discarding()).cloned()
            }
            Err(cause) => {
                tracing::warn!(address = %self.connection.address(), %cause, "a transaction check is not answered");
                None
            }
        }
    }

    fn fields(&self) -> Result<CheckTransactionState<'_>> {
        CheckTransactionState::decode(&self.request).map_err(|error| Error::new(ErrorKind::Protocol, error.to_string()))
    }

    /// What hooks are told of the answer.
    pub(crate) fn with<T>(
        &self,
        state: TransactionState,
        tell: impl FnOnce(&EndTransactionContext<'_>) -> T,
    ) -> Option<T> {
        let core = self.core.upgrade()?;
        let check = self.fields().ok()?;
        Some(tell(&EndTransactionContext {
            producer_group: &core.settings.producer_group,
            namespace: core.settings.namespace.name().unwrap_or_default(),
            topic: &self.topic,
            message_id: check.msg_id,
            transaction_id: check.transaction_id,
            tags: &self.tags,
            keys: &self.keys,
            region_id: &self.region_id,
            broker_name: check.broker_name,
            broker_address: self.connection.address(),
            state,
            from_check: true,
        }))
    }

    /// Calls one hook.
    pub(crate) fn tell(&self, hook: &Hook, state: TransactionState) {
        self.with(state, |context| tell(hook, context));
    }

    /// The whole of it, with a checker of Rust.
    #[cfg(not(feature = "capi"))]
    fn run(mut self: Box<Self>) {
        let message = self.open();
        let (Checker::Rust(checker), Some(message)) = (&self.checker, message) else { return };
        let (state, remark) = ask(&**checker, &message);
        for hook in self.answer(state, remark).iter().flat_map(|hooks| hooks.iter()) {
            self.tell(hook, state);
        }
    }
}

/// What a checker of Rust says, and what the broker is told beside it.
pub(crate) fn ask(
    checker: &dyn Fn(&ReceivedMessage) -> TransactionState,
    message: &ReceivedMessage,
) -> (TransactionState, Option<&'static str>) {
    match catch_unwind(AssertUnwindSafe(|| checker(message))) {
        Ok(state) => (state, None),
        Err(_) => {
            tracing::error!(message_id = message.message_id, "the transaction checker panicked");
            (TransactionState::Unknown, Some("the transaction checker panicked"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_checks_wait_as_in_java_and_so_many_bytes() {
        let waiting = Arc::default();
        let mut places: Vec<_> = (0..MAX_WAITING).map(|_| Place::take(&waiting, 1).unwrap()).collect();
        assert!(Place::take(&waiting, 1).is_none());
        places.pop();
        assert!(Place::take(&waiting, MAX_WAITING_BYTES).is_none());
        places.clear();
        assert!(Place::take(&waiting, MAX_WAITING_BYTES).is_some());
    }

    #[test]
    fn a_producer_has_one_checker() {
        let checks = Checks::default();
        assert!(!checks.has_checker());
        let committing = || Checker::Rust(Arc::new(|_: &ReceivedMessage| TransactionState::Commit));
        checks.set(committing).unwrap();
        assert!(checks.has_checker());
        let error = checks.set(|| unreachable!("it is refused")).unwrap_err();
        assert!(error.message().contains("already"), "{error}");
    }
}
