//! Many messages in one call: their frames are held back so that they leave together, but never while the caller waits.

use super::Mode;
use super::accept::Form;
use super::lifecycle::Core;
use super::lookup::Found;
use crate::completion::Completion;
use crate::error::Result;
use crate::message::{Message, SendOptions};
use crate::net::cork::Cork;
use std::sync::Arc;
use std::time::Instant;

/// Submits messages in order, up to the first that is refused: how many were accepted, and that refusal, which names its
/// index.
pub(super) fn submit_each<'m, T>(
    messages: impl Iterator<Item = Result<(Message<'m>, Completion)>>,
    mut submit: impl FnMut(&Message<'m>, Completion) -> Result<T>,
) -> (usize, Result<()>) {
    let mut accepted = 0;
    for message in messages {
        if let Err(refused) = message.and_then(|(message, completion)| submit(&message, completion)) {
            return (accepted, Err(refused.context(format_args!("messages[{accepted}]"))));
        }
        accepted += 1;
    }
    (accepted, Ok(()))
}

impl Core {
    /// As [`submit_each`]; what is accepted leaves together.
    pub(crate) fn submit_many<'m>(
        self: &Arc<Self>,
        messages: impl Iterator<Item = Result<(Message<'m>, Completion)>>,
        options: &SendOptions,
        mode: Mode,
    ) -> (usize, Result<()>) {
        let cork = Cork::default();
        let form = Form { cork: Some(&cork), ..Form::default() };
        submit_each(messages, |message, completion| match &self.accumulator {
            Some(accumulator) => self.accumulate(accumulator, message, options, mode, &form, completion),
            None => self.submit_as(message, options, mode, &form, completion),
        })
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
