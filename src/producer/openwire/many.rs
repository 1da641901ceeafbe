//! Many messages in one call: their frames are held back so that they leave together, but never while the caller waits.

use super::Client;
use super::ids::Lane;
use crate::completion::Completion;
use crate::error::Result;
use crate::message::{Message, SendOptions};
use crate::net::openwire::Link;
use crate::producer::Mode;
use crate::producer::many::submit_each;
use std::cell::RefCell;
use std::sync::Arc;

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

    pub(super) fn draw(&self) {
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
    /// As [`submit_each`]; what is accepted leaves together.
    pub(crate) fn submit_many<'m>(
        self: &Arc<Self>,
        messages: impl Iterator<Item = Result<(Message<'m>, Completion)>>,
        options: &SendOptions,
        mode: Mode,
    ) -> (usize, Result<()>) {
        let held = Held::default();
        submit_each(messages, |message, completion| {
            self.transformed(message, |message| {
                let accepted = self.accept(message, options, mode, Lane::Plain, Some(&held))?;
                self.launch(accepted, completion, None, Some(&held))
            })
        })
    }
}
