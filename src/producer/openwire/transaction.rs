//! A transaction of OpenWire: any number of messages that consumers see together, or not at all.

use super::Client;
use super::ids::Lane;
use super::send::{Within, rolled_back};
use crate::completion::{Completion, Outcome, Waiter};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, SendOptions};
use crate::net::openwire::{Answer, Link, refusal};
use crate::policy::exchange::Exchange;
use crate::producer::Mode;
use crate::protocol::openwire::{LocalTransactionId, Prepared, TransactionId, TransactionInfo};
use crate::sync::Mutex;
use std::sync::Arc;
use std::time::Instant;

/// See the module's text.
pub(crate) struct Transacted {
    client: Arc<Client>,
    id: LocalTransactionId,
    text: String,
    prepared: Prepared,
    stage: Mutex<Stage>,
}

enum Stage {
    /// The broker has not heard of it.
    Open,
    /// It began on this connection.
    Begun(u64),
    /// A call that ends it is under way.
    Busy,
    /// Nothing more can be done; why.
    Over(String),
}

impl std::fmt::Debug for Transacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transacted").field("id", &self.text).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn begin_transaction(self: &Arc<Self>) -> Result<Transacted> {
        self.must_run()?;
        let id = self.ids.next_transaction();
        let prepared = Prepared::new(&TransactionId::Local(id.clone()))?;
        Ok(Transacted { client: Arc::clone(self), text: id.to_string(), id, prepared, stage: Mutex::new(Stage::Open) })
    }
}

impl Transacted {
    /// Sends one of its messages. Without an answer, unless the producer always wants one: the commit tells.
    pub(crate) fn send(&self, message: &Message<'_>, options: &SendOptions) -> Outcome {
        self.client.transformed(message, |message| self.send_as_it_is(message, options))
    }

    fn send_as_it_is(&self, message: &Message<'_>, options: &SendOptions) -> Outcome {
        let client = &self.client;
        let exchange = client.exchange_of(message, true, false);
        let mode = if exchange == Exchange::Silent { Mode::Oneway } else { Mode::Sync };
        let accepted = client.accept(message, options, mode, Lane::Transacted, None)?;
        let connection = self.begin(accepted.rules.deadline)?;
        let within = Within { prepared: &self.prepared, text: &self.text, connection };
        let sent = match exchange {
            Exchange::Silent => client.push(accepted, Some(within)),
            _ => {
                let waiter = Arc::new(Waiter::new());
                let submitted = client.launch(accepted, Completion::Waiter(Arc::clone(&waiter)), Some(within), None);
                submitted.and_then(|()| waiter.wait())
            }
        };
        if let Err(error) = &sent
            && error.kind() == ErrorKind::TransactionRolledBack
        {
            *self.stage.lock() = Stage::Over(error.message().to_owned());
        }
        sent
    }

    /// Tells the broker of it, before its first message; the connection that it is on.
    fn begin(&self, deadline: Instant) -> Result<u64> {
        let mut stage = self.stage.lock();
        match &*stage {
            Stage::Begun(connection) => return Ok(*connection),
            Stage::Busy => return Err(busy()),
            Stage::Over(why) => return Err(over("a message", why)),
            Stage::Open => {}
        }
        let session = self.client.wait_until_up(deadline)?;
        let Some(up) = session.up() else {
            return Err(Error::new(ErrorKind::Internal, "the session is not up"));
        };
        up.link.tell(self.client.command(), &self.info(TransactionInfo::BEGIN).into())?;
        *stage = Stage::Begun(up.number);
        Ok(up.number)
    }

    fn info(&self, operation: u8) -> TransactionInfo {
        TransactionInfo {
            connection_id: self.client.ids.connection.clone(),
            transaction_id: Some(TransactionId::Local(self.id.clone())),
            operation,
        }
    }

    /// Waits for the broker's word that all is stored.
    pub(crate) fn commit(&self) -> Result<()> {
        let Some(answer) = self.end(TransactionInfo::COMMIT_ONE_PHASE, "a commit")? else {
            return Ok(());
        };
        let (ended, why) = match answer {
            Answer::Done => {
                self.client.counters().commits.add(1);
                (Ok(()), "it was committed".to_owned())
            }
            Answer::Refused(exception) => {
                let error = refusal(&exception).as_kind(ErrorKind::TransactionRolledBack);
                let why = format!("it was rolled back: {}", error.message());
                (Err(error.context(format_args!("transaction {}", self.text))), why)
            }
            Answer::Lost { cause, maybe_sent: false } => {
                let error = rolled_back(cause.message());
                (Err(error.clone()), error.message().to_owned())
            }
            Answer::Lost { cause, maybe_sent: true } => {
                let what = format!(
                    "transaction {} is in doubt: the broker did not answer the commit, which it may have done ({cause})",
                    self.text
                );
                let error = Error::new(ErrorKind::TransactionInDoubt, what.clone()).with_maybe_persisted(true);
                (Err(error), what)
            }
        };
        *self.stage.lock() = Stage::Over(why);
        ended
    }

    /// Has the broker drop it; when its connection is gone, the broker has done that already.
    pub(crate) fn rollback(&self) -> Result<()> {
        let Some(answer) = self.end(TransactionInfo::ROLLBACK, "a rollback")? else {
            return Ok(());
        };
        let ended = match answer {
            Answer::Done | Answer::Lost { .. } => Ok(()),
            Answer::Refused(exception) => Err(refusal(&exception)),
        };
        self.client.counters().rollbacks.add(1);
        *self.stage.lock() = Stage::Over("it was rolled back".to_owned());
        ended
    }

    /// Sends its last word and waits for the answer; `None`: the broker need not hear it.
    fn end(&self, operation: u8, what: &str) -> Result<Option<Answer>> {
        self.client.must_run()?;
        let connection = {
            let mut stage = self.stage.lock();
            match &*stage {
                Stage::Busy => return Err(busy()),
                Stage::Over(why) => return Err(over(what, why)),
                Stage::Open => {
                    *stage = Stage::Over("it ended without a message".to_owned());
                    return Ok(None);
                }
                Stage::Begun(connection) => {
                    let connection = *connection;
                    *stage = Stage::Busy;
                    connection
                }
            }
        };
        let deadline = Instant::now() + self.client.settings.send_msg_timeout;
        let Some(link) = self.link(connection) else {
            let cause = Error::new(ErrorKind::ConnectionLost, "the connection that it began on has ended");
            return Ok(Some(Answer::Lost { cause, maybe_sent: false }));
        };
        let call = link.call(self.client.command(), &self.info(operation).into(), deadline);
        Ok(Some(self.client.wait_for(call)))
    }

    /// The connection that it began on, if it lives.
    fn link(&self, connection: u64) -> Option<Arc<Link>> {
        let session = self.client.session.lock();
        session.up().filter(|up| up.number == connection).map(|up| Arc::clone(&up.link))
    }

    /// In a forked child: what is the parent's stays as it is.
    pub(crate) fn leak(&self) {
        std::mem::forget(Arc::clone(&self.client));
    }

    /// Has the broker drop it without waiting, unless its end was attempted.
    pub(crate) fn give_up(&self) {
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::Over("it was given up".to_owned()));
        if let Stage::Begun(connection) = stage
            && let Some(link) = self.link(connection)
        {
            let _ = link.tell(self.client.command(), &self.info(TransactionInfo::ROLLBACK).into());
        }
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::InvalidArgument, "another call uses the transaction just now")
}

fn over(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("the transaction cannot take {what}: {why}"))
}
