//! The spool's thread: it alone touches the file. Messages reach it through a list, and it sends on what waits, one
//! message at a time, so that neither the caller nor the I/O thread ever waits for a disk.

use super::Mode;
use super::accept::Rules;
use super::admission::Admission;
use super::base::Base;
use super::events::{Events, Facts, Subject};
use super::identity::now_ms;
use super::lifecycle::Core;
use super::reliable::Unsent;
use crate::completion::{Outcome, Owed};
use crate::config::{Fsync, SpoolRules};
use crate::error::{Error, ErrorKind, Result};
use crate::event::ReliabilityEventKind;
use crate::ffi::os::RawThread;
use crate::protocol::remoting::payload::Payload;
use crate::protocol::spool::{SpooledMessage, Target};
use crate::runtime::Dispatcher;
use crate::selector::{MessageQueue, Selector};
use crate::spool::{Entry, SpoolFile};
use crate::statistics::counters::Counters;
use crate::sync::{Condvar, Mutex, wait, wait_timeout};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

/// The longest pause, in pauses of the first length.
const LONGEST_PAUSE: u32 = 16;
/// How long a producer that was dropped lets messages in flight end, so that they are kept.
const LAST_GRACE: Duration = Duration::from_secs(1);
const GRACE_STEP: Duration = Duration::from_millis(10);
/// Most topics without a route that are remembered.
const MOST_UNROUTED: usize = 1024;

/// Told with the message and its end.
type End = Box<dyn FnOnce(Arc<Unsent>, Error) + Send>;

/// A message on its way into the file.
struct Arrival {
    unsent: Arc<Unsent>,
    cause: Error,
    end: End,
}

#[derive(Default)]
struct State {
    arrivals: Vec<Arrival>,
    /// How the message that was being sent ended.
    sent: Option<(u64, Arc<Unsent>, Outcome)>,
    /// No message is sent on any more.
    quiet: bool,
    /// The thread ends when it has done what is there; `Some`: not before messages in flight have ended, up to then.
    stopping: Option<Option<Instant>>,
    /// It has ended, or was never there.
    over: bool,
}

/// The spool of one producer.
pub(crate) struct Spooling {
    rules: SpoolRules,
    state: Mutex<State>,
    changed: Condvar,
    file: Mutex<Option<SpoolFile>>,
    core: OnceLock<Weak<Core>>,
    /// Topics whose route could not be found, when and why.
    unrouted: Mutex<HashMap<String, (Instant, Error)>>,
    admission: Arc<Admission>,
    events: Arc<Events>,
    dispatcher: Arc<Dispatcher>,
    waiting_messages: AtomicU64,
    waiting_bytes: AtomicU64,
    thread: Mutex<Option<RawThread>>,
}

/// Topics that could not be sent to: until when not to try again, and the pause after that.
type Resting = HashMap<Arc<str>, (Instant, Duration)>;

impl Spooling {
    pub(super) fn new(rules: &SpoolRules, base: &Base) -> Arc<Spooling> {
        Arc::new(Spooling {
            rules: rules.clone(),
            state: Mutex::new(State { over: true, ..State::default() }),
            changed: Condvar::new(),
            file: Mutex::new(None),
            core: OnceLock::new(),
            unrouted: Mutex::default(),
            admission: Arc::clone(&base.admission),
            events: Arc::clone(&base.events),
            dispatcher: Arc::clone(base.runtime.dispatcher()),
            waiting_messages: AtomicU64::new(0),
            waiting_bytes: AtomicU64::new(0),
            thread: Mutex::new(None),
        })
    }

    /// Opens the file; before the producer runs.
    pub(super) fn open(&self) -> Result<()> {
        let mut slot = self.file.lock();
        if slot.is_some() {
            return Ok(());
        }
        let (file, damage) = SpoolFile::open(&self.rules)?;
        self.show(&file);
        *slot = Some(file);
        for error in damage {
            tracing::error!(%error, "the spool was damaged");
            self.counters().spool_damaged.add(1);
            self.events.tell(Subject::Spool, || Facts::Damage(error), None, &self.dispatcher);
        }
        Ok(())
    }

    /// Begins to take messages and to send on what waits.
    pub(super) fn start(self: &Arc<Self>, core: &Arc<Core>) -> Result<()> {
        let _ = self.core.set(Arc::downgrade(core));
        self.state.lock().over = false;
        match RawThread::spawn("mqp-spool", Arc::clone(self), |spooling| spooling.run()) {
            Ok(thread) => {
                *self.thread.lock() = Some(thread);
                Ok(())
            }
            Err(error) => {
                self.state.lock().over = true;
                Err(Error::new(ErrorKind::Resource, format!("the system refused the spool's thread: {error}")))
            }
        }
    }

    /// Messages that wait, and the bytes that they take.
    pub(super) fn load(&self) -> (u64, u64) {
        (self.waiting_messages.load(Ordering::Relaxed), self.waiting_bytes.load(Ordering::Relaxed))
    }

    pub(super) fn limit(&self) -> u64 {
        self.rules.max_bytes
    }

    /// Why the topic's route was not found, if that was a moment ago.
    pub(super) fn unrouted(&self, topic: &str) -> Option<Error> {
        let unrouted = self.unrouted.lock();
        let (since, cause) = unrouted.get(topic)?;
        (since.elapsed() < self.rules.retry_interval).then(|| cause.clone())
    }

    pub(super) fn note_unrouted(&self, topic: &str, cause: &Error) {
        let mut unrouted = self.unrouted.lock();
        if unrouted.len() >= MOST_UNROUTED {
            unrouted.clear();
        }
        unrouted.insert(topic.to_owned(), (Instant::now(), cause.clone()));
    }

    fn counters(&self) -> &Counters {
        self.admission.counters()
    }

    /// Takes a message; `end` is told on the spool's thread when it is in the file, or is not to be. The message holds
    /// its room in flight until then, which bounds what waits here.
    pub(super) fn append(&self, unsent: Arc<Unsent>, cause: Error, end: End) {
        let mut state = self.state.lock();
        if state.over {
            drop(state);
            return end(unsent, cause);
        }
        state.arrivals.push(Arrival { unsent, cause, end });
        self.changed.notify_one();
    }

    /// What waits is not sent on any more.
    pub(super) fn rest(&self) {
        self.state.lock().quiet = true;
        self.changed.notify_one();
    }

    /// Ends the thread, and with `join` waits for that; what still waits stays in the file.
    pub(super) fn stop(&self, join: bool) {
        {
            let mut state = self.state.lock();
            state.quiet = true;
            state.stopping = Some((!join).then(|| Instant::now() + LAST_GRACE));
        }
        self.changed.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            if join { thread.join() } else { thread.detach() }
        }
    }

    fn show(&self, file: &SpoolFile) {
        let (messages, bytes) = file.load();
        self.waiting_messages.store(messages, Ordering::Relaxed);
        self.waiting_bytes.store(bytes, Ordering::Relaxed);
    }

    fn run(&self) {
        let Some(mut file) = self.file.lock().take() else { return };
        let mut resting = Resting::new();
        let mut sending = None;
        while let Some(State { arrivals, sent, quiet, .. }) = self.next(&file, &resting, sending.is_some()) {
            if !arrivals.is_empty() {
                self.keep(&mut file, arrivals);
            }
            if let Some((sequence, unsent, outcome)) = sent {
                sending = None;
                self.settle(&mut file, &mut resting, sequence, unsent, outcome);
            }
            if file.sync_due().is_some_and(|due| due <= Instant::now()) {
                self.sync(&mut file);
            }
            if sending.is_none() && !quiet {
                sending = self.send_next(&mut file, &mut resting);
            }
            self.show(&file);
        }
        self.sync(&mut file);
    }

    /// Waits for something to do; `None`: the end.
    fn next(&self, file: &SpoolFile, resting: &Resting, sending: bool) -> Option<State> {
        let mut state = self.state.lock();
        loop {
            let now = Instant::now();
            if !state.arrivals.is_empty() || state.sent.is_some() {
                break;
            }
            let mut wake = file.sync_due();
            if let Some(grace) = state.stopping {
                let in_flight = grace.is_some_and(|until| now < until && self.admission.in_flight().0 > 0);
                if !sending && !in_flight {
                    state.over = true;
                    return None;
                }
                wake = Some(now + GRACE_STEP);
            } else if !sending && !state.quiet {
                match next_due(file, resting, now) {
                    Some(due) if due <= now => break,
                    Some(due) => wake = Some(wake.map_or(due, |other| other.min(due))),
                    None => {}
                }
            }
            state = match wake {
                Some(at) if at <= now => break,
                Some(at) => wait_timeout(&self.changed, state, at - now),
                None => wait(&self.changed, state),
            };
        }
        let (arrivals, sent) = (std::mem::take(&mut state.arrivals), state.sent.take());
        Some(State { arrivals, sent, quiet: state.quiet, ..State::default() })
    }

    /// Writes all that came meanwhile, and forces it onto the disk at once.
    fn keep(&self, file: &mut SpoolFile, arrivals: Vec<Arrival>) {
        let records: Vec<SpooledMessage<'_>> = arrivals.iter().map(|arrival| arrival.unsent.record()).collect();
        let mut kept = file.append(&records);
        drop(records);
        if self.rules.fsync == Fsync::Always
            && kept.iter().any(std::result::Result::is_ok)
            && let Err(error) = file.sync()
        {
            // It is in the file and may be sent later, or not.
            let lost = |kept: &mut Result<()>| *kept = Err(error.with_maybe_persisted(true));
            kept.iter_mut().filter(|kept| kept.is_ok()).for_each(lost);
        }
        self.show(file);
        for (Arrival { unsent, cause, end }, kept) in arrivals.into_iter().zip(kept) {
            let error = match kept {
                Ok(()) => {
                    self.counters().spooled.add(unsent.head.messages as u64);
                    cause.spooled(format_args!("the message waits in the spool `{}`", self.rules.file.display()))
                }
                Err(error) => {
                    let maybe = cause.maybe_persisted() || error.maybe_persisted();
                    cause.context(error).with_maybe_persisted(maybe)
                }
            };
            end(unsent, error);
        }
    }

    fn sync(&self, file: &mut SpoolFile) {
        if let Err(error) = file.sync() {
            tracing::error!(%error, "messages of the spool may not be on the disk");
        }
    }

    /// Sends the oldest message of a topic that does not rest; its number.
    fn send_next(&self, file: &mut SpoolFile, resting: &mut Resting) -> Option<u64> {
        loop {
            let now = Instant::now();
            let rests = |entry: &&Entry| resting.get(&entry.topic).is_none_or(|(until, _)| *until <= now);
            let entry = file.waiting().find(rests)?.clone();
            let read = file.read(&entry).and_then(|content| Ok(Unsent::from_record(SpooledMessage::decode(&content)?)));
            let unsent = match read {
                Ok(unsent) => Arc::new(unsent),
                Err(error) => {
                    tracing::error!(%error, "a message of the spool is lost");
                    self.counters().spool_damaged.add(1);
                    self.done(file, entry.sequence);
                    self.events.tell(Subject::Spool, || Facts::Damage(error), None, &self.dispatcher);
                    continue;
                }
            };
            let age = Duration::from_millis(u64::try_from(now_ms() - entry.spooled).unwrap_or(0));
            if let Some(most) = self.rules.max_age.filter(|most| age > *most) {
                let (age, most) = (age.as_millis(), most.as_millis());
                let what = format!("the message was {age} ms in the spool; `spool_max_age` is {most}");
                self.lost(file, entry.sequence, unsent, Error::new(ErrorKind::Timeout, what));
                continue;
            }
            let core = self.core.get().and_then(Weak::upgrade)?;
            core.send_spooled(entry.sequence, unsent);
            return Some(entry.sequence);
        }
    }

    /// A message of the spool that was sent has ended.
    fn settle(
        &self,
        file: &mut SpoolFile,
        resting: &mut Resting,
        sequence: u64,
        unsent: Arc<Unsent>,
        outcome: Outcome,
    ) {
        let topic = Arc::from(unsent.head.topic());
        match outcome {
            Ok(receipt) => {
                resting.remove(&topic);
                self.counters().spool_delivered.add(unsent.head.messages as u64);
                self.done(file, sequence);
                self.tell(ReliabilityEventKind::SpoolDelivered, unsent, Ok(receipt));
            }
            Err(error) if is_final(&error) => self.lost(file, sequence, unsent, error),
            Err(error) => {
                let first = self.rules.retry_interval;
                let pause = resting.get(&topic).map_or(first, |(_, last)| (*last * 2).min(first * LONGEST_PAUSE));
                tracing::warn!(%topic, %error, "the spool's messages wait");
                resting.insert(topic, (Instant::now() + pause, pause));
            }
        }
    }

    fn lost(&self, file: &mut SpoolFile, sequence: u64, unsent: Arc<Unsent>, error: Error) {
        tracing::error!(message_id = unsent.head.message_id(), %error, "a message of the spool is lost");
        self.counters().spool_lost.add(unsent.head.messages as u64);
        self.done(file, sequence);
        self.tell(ReliabilityEventKind::SpoolLost, unsent, Err(error));
    }

    fn done(&self, file: &mut SpoolFile, sequence: u64) {
        if let Err(error) = file.done(sequence) {
            tracing::error!(%error, "a message of the spool may be sent once more");
        }
        self.show(file);
    }

    fn tell(&self, kind: ReliabilityEventKind, unsent: Arc<Unsent>, outcome: Outcome) {
        let topic = match self.core.get().and_then(Weak::upgrade) {
            Some(core) => core.settings.namespace.strip(unsent.head.topic()).into_owned(),
            None => unsent.head.topic().to_owned(),
        };
        let facts = || Facts::Message { kind, topic, unsent, outcome: Box::new(outcome) };
        self.events.tell(Subject::Spool, facts, None, &self.dispatcher);
    }

    fn sent(&self, sequence: u64, unsent: Arc<Unsent>, outcome: Outcome) {
        self.state.lock().sent = Some((sequence, unsent, outcome));
        self.changed.notify_one();
    }
}

/// When the next message can be tried; `None`: none waits.
fn next_due(file: &SpoolFile, resting: &Resting, now: Instant) -> Option<Instant> {
    let due = |entry: &Entry| resting.get(&entry.topic).map_or(now, |(until, _)| *until);
    let mut soonest = None;
    for entry in file.waiting() {
        let due = due(entry);
        if due <= now {
            return Some(due);
        }
        soonest = Some(soonest.map_or(due, |soonest: Instant| soonest.min(due)));
    }
    soonest
}

/// Whether no later try can end otherwise.
fn is_final(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Broker => !error.retriable(),
        ErrorKind::InvalidMessage | ErrorKind::MessageTooLarge => true,
        _ => false,
    }
}

impl Core {
    /// Sends a message of the spool, once; the spool hears of its end.
    fn send_spooled(self: &Arc<Self>, sequence: u64, unsent: Arc<Unsent>) {
        let Some(spooling) = self.spooling.clone() else { return };
        let core = Arc::clone(self);
        let told = Arc::clone(&unsent);
        // Dropped untold, as when the event loop ends, it says so.
        let owed = Owed::inline(move |ending| spooling.sent(sequence, told, ending.outcome));
        self.runtime.spawn(async move {
            let started = Instant::now();
            let total = core.settings.send_msg_timeout;
            let rules = Rules { mode: Mode::Resend, tries: None, started, total, deadline: started + total };
            let topic = unsent.head.topic();
            let route = match core.routes.get(topic) {
                Some(route) => Ok(route),
                None => core.fetch_route(topic, started + core.settings.api_timeout).await,
            };
            let chosen =
                route.and_then(|route| select(&unsent.target, |selector| core.choose(topic, &route, selector)));
            // Whoever ends the producer from here on ends the send, too.
            let chosen = core.must_end().map_or(chosen, Err);
            match chosen {
                Ok(queue) => {
                    let body = unsent.body.clone();
                    core.launch(unsent.head.again(), queue, rules, None, owed, Payload::Plain(&body));
                }
                Err(cause) => {
                    // Its broker may be in a route that is not known yet.
                    core.refresh_soon(topic);
                    drop(core);
                    owed.deliver(Err(cause));
                }
            }
        });
    }
}

fn select<T>(target: &Target, choose: impl FnOnce(&Selector<'_>) -> T) -> T {
    match target {
        Target::RoundRobin => choose(&Selector::RoundRobin),
        Target::Random => choose(&Selector::Random),
        Target::Queue { broker_name, queue_id } => {
            choose(&Selector::Queue(MessageQueue { broker_name, queue_id: *queue_id }))
        }
        Target::Hash(key) => choose(&Selector::Hash(key)),
        Target::ConsistentHash(key) => choose(&Selector::ConsistentHash(key)),
        Target::MachineRoom(rooms) => {
            let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
            choose(&Selector::MachineRoom(&rooms))
        }
    }
}
