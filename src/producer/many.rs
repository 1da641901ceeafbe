//! Many messages in one call: their frames are held back so that they leave together, but never while the caller waits.

use super::Mode;
use super::accept::Form;
use super::admission::Permit;
use super::lifecycle::Core;
use super::lookup::Found;
use crate::completion::Completion;
use crate::config::Backpressure;
use crate::error::{ErrorKind, Result};
use crate::message::{Message, SendOptions};
use crate::net::cork::Cork;
use std::sync::Arc;
use std::time::Instant;

impl Core {
    /// In order, up to the first that is refused: how many were accepted, and that refusal, which names its index.
    pub(crate) fn submit_many<'m>(
        self: &Arc<Self>,
        messages: impl Iterator<Item = Result<(Message<'m>, Completion)>>,
        options: &SendOptions,
        mode: Mode,
    ) -> (usize, Result<()>) {
        let cork = Cork::default();
        let form = Form { cork: Some(&cork), ..Form::default() };
        let mut accepted = 0;
        for message in messages {
            let submitted = message.and_then(|(message, completion)| match &self.accumulator {
                Some(accumulator) => self.accumulate(accumulator, &message, options, mode, &form, completion),
                None => self.submit_as(&message, options, mode, &form, completion),
            });
            if let Err(refused) = submitted {
                return (accepted, Err(refused.context(format_args!("messages[{accepted}]"))));
            }
            accepted += 1;
        }
        (accepted, Ok(()))
    }

    /// Room that is not there at once may depend on what is held back.
    pub(super) fn admit_one_of_many(&self, bytes: usize, deadline: Instant, cork: &Cork) -> Result<Permit> {
        let policy = self.backpressure();
        match self.admission.admit(bytes, Backpressure::Fail, deadline) {
            Err(full) if full.kind() == ErrorKind::Backpressure && policy != Backpressure::Fail => {
                cork.draw();
                self.admission.admit(bytes, policy, deadline)
            }
            admitted => admitted,
        }
    }

    /// What is held back need not wait for a lookup.
    pub(super) fn route_of_one_of_many(self: &Arc<Self>, topic: &str, deadline: Instant, cork: &Cork) -> Found {
        match self.routes.get(topic) {
            Some(route) => Ok(route),
            None => {
                cork.draw();
                self.route(topic, deadline)
            }
        }
    }
}
