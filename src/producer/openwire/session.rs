//! Where the connection is in its life, the messages that wait for one, and what is done when it fails.

use super::Client;
use super::ids::Lane;
use super::numbers::Told;
use super::send::SendOp;
use crate::config::Failover;
use crate::error::{Error, ErrorKind, Result};
use crate::net::openwire::Link;
use crate::policy::backoff::reconnect_pause;
use crate::protocol::openwire::Destination;
use crate::random::generator;
use crate::route::Queue;
use crate::sync::{MutexGuard, wait_timeout};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Stands for the absence of a deadline.
const FAR: Duration = Duration::from_secs(3600);

/// A connection that takes messages.
#[derive(Clone)]
pub(super) struct Up {
    pub(super) link: Arc<Link>,
    /// Its broker, in the place of a queue.
    pub(super) queue: Queue,
    /// Its number, from 1.
    pub(super) number: u64,
}

pub(super) enum State {
    /// There is none, and nobody makes one. `cause`: of the last end; `None` before the first.
    Idle {
        cause: Option<Error>,
        since: Instant,
    },
    /// One ended, and those who waited on it are being told.
    Ending,
    Connecting,
    Up(Up),
    Closed(Error),
}

/// See the module's text.
pub(super) struct Session {
    pub(super) state: State,
    /// The last message's number in each lane.
    sequences: [i64; 2],
    /// Messages that wait for a connection, by their numbers.
    queue: BTreeMap<i64, Box<SendOp>>,
    /// How many connections there were.
    connections: u64,
    /// How many rounds of dialling have failed in all; and in a row.
    rounds: u64,
    failures: u32,
    /// Where the replies to requests go, once there was one.
    pub(super) reply_queue: Option<Destination>,
    /// What the connection's broker knows by number.
    pub(super) told: Option<Told>,
}

impl Default for Session {
    fn default() -> Self {
        Session {
            state: State::Idle { cause: None, since: Instant::now() },
            sequences: [0; 2],
            queue: BTreeMap::new(),
            connections: 0,
            rounds: 0,
            failures: 0,
            reply_queue: None,
            told: None,
        }
    }
}

impl Session {
    /// The number of the next message, from 1; it counts once [`Session::take`] is called.
    pub(super) fn next(&self, lane: Lane) -> i64 {
        self.sequences[lane as usize] + 1
    }

    pub(super) fn take(&mut self, lane: Lane) {
        self.sequences[lane as usize] += 1;
    }

    pub(super) fn up(&self) -> Option<&Up> {
        match &self.state {
            State::Up(up) => Some(up),
            _ => None,
        }
    }

    /// The connection, where [`Client::wait_until_up`] has waited for it.
    pub(super) fn link_of_up(&self) -> Result<Arc<Link>> {
        let none = || Error::new(ErrorKind::Internal, "the session is not up");
        self.up().map(|up| Arc::clone(&up.link)).ok_or_else(none)
    }

    pub(super) fn has_been_up(&self) -> bool {
        self.connections > 0
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl Client {
    /// The connection that takes messages.
    pub(super) fn link(&self) -> Option<Arc<Link>> {
        self.session.lock().up().map(|up| Arc::clone(&up.link))
    }

    /// Waits until a connection takes messages, and has one made if need be.
    pub(super) fn wait_until_up(self: &Arc<Self>, deadline: Instant) -> Result<MutexGuard<'_, Session>> {
        let deadline = self.patience(deadline);
        let mut session = self.session.lock();
        let round = session.rounds;
        loop {
            match &session.state {
                State::Up(_) => return Ok(session),
                State::Closed(cause) => return Err(cause.clone()),
                State::Idle { cause: Some(cause), .. } if session.rounds > round => return Err(cause.clone()),
                State::Idle { .. } => self.begin_to_connect(&mut session),
                State::Ending | State::Connecting => {}
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(self.no_connection(&session));
            }
            session = wait_timeout(&self.changed, session, deadline - now);
        }
    }

    /// Has a connection made, so that sends need not wait for it; what `make` makes, once nothing refuses that, hears how
    /// it ended.
    #[cfg(feature = "capi")]
    pub(crate) fn find_connection<T: FnOnce(Result<()>) + Send + 'static>(
        self: &Arc<Self>,
        _timeout: Option<Duration>,
        make: impl FnOnce() -> T,
    ) -> Result<()> {
        // Messages wait for a connection without their sender.
        self.must_run()?;
        make()(Ok(()));
        Ok(())
    }

    /// Until when a message may wait for a connection.
    pub(super) fn patience(&self, deadline: Instant) -> Instant {
        match self.failover().and_then(|failover| failover.timeout) {
            Some(timeout) => deadline.min(Instant::now() + timeout),
            None => deadline,
        }
    }

    pub(super) fn failover(&self) -> Option<&Failover> {
        self.activemq.url.failover.as_ref()
    }

    fn no_connection(&self, session: &Session) -> Error {
        let all: Vec<&str> = self.activemq.url.brokers.iter().map(|broker| broker.address.as_str()).collect();
        let what = match session.connections {
            0 => format!("no connection to {} in time", all.join(", ")),
            _ => format!("no connection to {} again in time", all.join(", ")),
        };
        Error::new(ErrorKind::Connect, what)
    }

    /// Lets a message wait for a connection, and has one made if need be. It is given back when it must end now.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        session: &mut Session,
        op: Box<SendOp>,
    ) -> std::result::Result<(), (Box<SendOp>, Error)> {
        if let State::Closed(cause) = &session.state {
            return Err((op, cause.clone()));
        }
        session.queue.insert(op.sequence, op);
        if matches!(session.state, State::Idle { .. }) {
            self.begin_to_connect(session);
        }
        self.queued.notify_one();
        Ok(())
    }

    /// Takes a message back whose connection failed.
    pub(super) fn requeue(self: &Arc<Self>, op: Box<SendOp>) -> std::result::Result<(), (Box<SendOp>, Error)> {
        self.counters().resends.add(1);
        self.enqueue(&mut self.session.lock(), op)
    }

    fn begin_to_connect(self: &Arc<Self>, session: &mut Session) {
        let pause = match &session.state {
            // The second failure in a row costs a pause.
            State::Idle { since, .. } if self.failover().is_none() => {
                reconnect_pause(session.failures, self.settings.reconnect_backoff_max, generator().f64())
                    .saturating_sub(since.elapsed())
            }
            _ => Duration::ZERO,
        };
        session.state = State::Connecting;
        let client = Arc::clone(self);
        self.runtime.spawn(async move { client.connect(pause).await });
    }

    /// Connects, while those whose time is over are told.
    async fn connect(self: Arc<Self>, pause: Duration) {
        tokio::select! {
            () = self.dial(pause) => {}
            () = self.give_up_those_that_are_late() => {}
            () = self.ended() => {}
        }
    }

    async fn ended(&self) {
        loop {
            let told = self.ending.notified();
            if self.must_end().is_some() {
                return;
            }
            // The second look is for an end between the first one and the wait.
            let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
        }
    }

    async fn dial(self: &Arc<Self>, pause: Duration) {
        tokio::time::sleep(pause).await;
        let mut order: Vec<_> = self.activemq.url.brokers.iter().collect();
        if self.failover().is_some_and(|failover| failover.randomize) {
            generator().shuffle(&mut order);
        }
        loop {
            let mut cause = None;
            for broker in &order {
                match self.establish(broker).await {
                    Ok(up) => match self.go_up(up) {
                        Ok(()) => return,
                        Err(ended) => cause = Some(ended),
                    },
                    Err(refused) => {
                        self.counters().connect_failures.add(1);
                        tracing::debug!(address = broker.address, cause = %refused, "a connection failed");
                        // Another broker of the cluster would say the same.
                        let is_final = refused.kind() == ErrorKind::Broker;
                        cause = Some(refused);
                        if is_final {
                            break;
                        }
                    }
                }
            }
            let cause = cause.unwrap_or_else(|| Error::new(ErrorKind::Internal, "no broker to dial"));
            let Some(pause) = self.pause_after(&cause) else {
                return self.fail(cause);
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// How long to wait before the brokers are dialled again; `None`: not at all.
    fn pause_after(&self, cause: &Error) -> Option<Duration> {
        let mut session = self.session.lock();
        session.failures = session.failures.saturating_add(1);
        let failover = self.failover().filter(|_| cause.kind() != ErrorKind::Broker)?;
        let most = if session.connections == 0 { failover.startup_max_attempts } else { failover.max_attempts };
        if most.or(failover.max_attempts).is_some_and(|most| session.failures >= most) {
            return None;
        }
        Some(failover.pause(session.failures))
    }

    /// Nobody dials any more; all who wait hear the cause.
    fn fail(self: &Arc<Self>, cause: Error) {
        let waiting = {
            let mut session = self.session.lock();
            session.rounds += 1;
            if !matches!(session.state, State::Closed(_)) {
                session.state = State::Idle { cause: Some(cause.clone()), since: Instant::now() };
            }
            std::mem::take(&mut session.queue)
        };
        self.changed.notify_all();
        for op in waiting.into_values() {
            op.fail(cause.clone());
        }
    }

    /// The connection takes messages from now on, those that wait first, in their order.
    fn go_up(self: &Arc<Self>, up: Up) -> Result<()> {
        let link = Arc::clone(&up.link);
        let mut refused = Vec::new();
        {
            let mut session = self.session.lock();
            if let State::Closed(cause) = &session.state {
                link.doom(cause.clone());
                return Err(cause.clone());
            }
            if let Some(cause) = link.end() {
                return Err(cause);
            }
            session.connections += 1;
            session.failures = 0;
            let up = Up { number: session.connections, ..up };
            session.told = Told::new(&up);
            for room in self.rooms.iter().flatten() {
                room.restart();
            }
            if let Some(queue) = &session.reply_queue {
                self.open_reply_queue(&link, queue);
            }
            for op in std::mem::take(&mut session.queue).into_values() {
                refused.extend(op.transmit(&up, None, true).err());
            }
            self.counters().connects.add(1);
            if session.connections > 1 {
                self.counters().reconnects.add(1);
            }
            session.state = State::Up(up);
        }
        self.changed.notify_all();
        link.release();
        for (asker, cause) in refused {
            asker.lost(&cause);
        }
        Ok(())
    }

    /// The connection takes no more messages; those who wait on it are about to be told.
    pub(super) fn going_down(&self, link: &Link) {
        let mut session = self.session.lock();
        if session.up().is_some_and(|up| std::ptr::eq(&*up.link, link)) {
            session.state = State::Ending;
        }
    }

    /// They have been told: another connection is made when somebody waits for it, or `failover:` wishes it.
    pub(super) fn gone_down(self: &Arc<Self>, cause: &Error) {
        {
            let mut session = self.session.lock();
            if !matches!(session.state, State::Ending) {
                return;
            }
            session.state = State::Idle { cause: Some(cause.clone()), since: Instant::now() };
            if (self.failover().is_some() || session.waiting() > 0) && self.must_end().is_none() {
                self.begin_to_connect(&mut session);
            }
        }
        self.changed.notify_all();
    }

    async fn give_up_those_that_are_late(&self) {
        loop {
            let added = self.queued.notified();
            let now = Instant::now();
            let (late, next) = {
                let mut session = self.session.lock();
                let numbers = session.queue.iter().filter(|(_, op)| op.patience <= now).map(|(number, _)| *number);
                let numbers: Vec<i64> = numbers.collect();
                let late: Vec<_> = numbers.iter().filter_map(|number| session.queue.remove(number)).collect();
                (late, session.queue.values().map(|op| op.patience).min())
            };
            if !late.is_empty() {
                let cause = self.no_connection(&self.session.lock());
                for op in late {
                    op.fail(cause.clone());
                }
            }
            let _ = tokio::time::timeout_at(next.unwrap_or(now + FAR).into(), added).await;
        }
    }

    /// Nothing goes any more; everything that waits ends with `cause`.
    pub(super) fn end_session(self: &Arc<Self>, cause: &Error) {
        let (before, waiting) = {
            let mut session = self.session.lock();
            let before = std::mem::replace(&mut session.state, State::Closed(cause.clone()));
            (before, std::mem::take(&mut session.queue))
        };
        self.changed.notify_all();
        for room in self.rooms.iter().flatten() {
            room.close();
        }
        for op in waiting.into_values() {
            op.fail(cause.clone());
        }
        if let State::Up(up) = before {
            up.link.doom(cause.clone());
        }
    }
}
