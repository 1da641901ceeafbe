//! Many messages in one call: their frames are held back so that they leave together, but never while the caller waits.

use super::Client;
use super::ids::Lane;
use crate::completion::Completion;
use crate::config::Backpressure;
use crate::error::{ErrorKind, Result};
use crate::message::{Message, SendOptions};
use crate::net::openwire::Link;
use crate::producer::Mode;
use crate::producer::admission::Permit;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

/// The connection whose frames are held back; they go when one write is full of them, when this is drawn or dropped.
#[derive(Default)]
pub(super) struct Held(RefCell<Option<Arc<Link>>>);

impl Held {
    /// Frames of a connection are held from now on; those of the one before go.
    pub(super) fn hold(&self, link: Arc<Link>) {
        let mut held = self.0.borrow_mut();
        if held.as_ref().is_some_and(|before| Arc::ptr_eq(before, &link)) {
            return;
        }
        if let Some(before) = held.replace(link) {
            before.release();
        }
    }

    fn draw(&self) {
        if let Some(link) = self.0.take() {
            link.release();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.draw();
    }
}

impl Client {
    /// In order, up to the first that is refused: how many were accepted, and that refusal, which names its index.
    pub(crate) fn submit_many<'m>(
        self: &Arc<Self>,
        messages: impl Iterator<Item = Result<(Message<'m>, Completion)>>,
        options: &SendOptions,
        mode: Mode,
    ) -> (usize, Result<()>) {
        let held = Held::default();
        let mut accepted = 0;
        for message in messages {
            let submitted = message.and_then(|(message, completion)| {
                self.transformed(&message, |message| {
                    let accepted = self.accept(message, options, mode, Lane::Plain, Some(&held))?;
                    self.launch(accepted, completion, None, Some(&held))
                })
            });
            if let Err(refused) = submitted {
                return (accepted, Err(refused.context(format_args!("messages[{accepted}]"))));
            }
            accepted += 1;
        }
        (accepted, Ok(()))
    }

    /// Takes room in flight. Where that is not there at once it may depend on what is held back.
    pub(super) fn admit(&self, bytes: usize, deadline: Instant, held: Option<&Held>) -> Result<Permit> {
        let policy = self.backpressure();
        let Some(held) = held else {
            return self.admission.admit(bytes, policy, deadline);
        };
        match self.admission.admit(bytes, Backpressure::Fail, deadline) {
            Err(full) if full.kind() == ErrorKind::Backpressure && policy != Backpressure::Fail => {
                held.draw();
                self.admission.admit(bytes, policy, deadline)
            }
            admitted => admitted,
        }
    }
}
