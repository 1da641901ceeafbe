//! Sends to a queue that the caller chooses: by a selector, or by a sharding key.
//!
//! A selector runs once, on the caller's thread, while no frame here holds anything that needs a drop: it may end its
//! thread. The message then stays on its queue over all tries.

use crate::boundary::{
    self, Failure, OK, PRODUCER_SEND_ONEWAY_FAILED, PRODUCER_SEND_ORDERLY_FAILED, PRODUCER_SEND_ORDERLYASYNC_FAILED,
    text,
};
use crate::hash;
use crate::message::{self, Message};
use crate::producer::{self, Handle, Running};
use crate::send::{options, present};
use crate::send_async::{Callbacks, SendException, SendSuccess, submit};
use crate::send_result::CSendResult;
use mqproducer::{OwnedQueue, Selector};
use std::ffi::{c_char, c_int, c_void};

/// Retries of a send by its sharding key, as in the old client.
const SHARDING_KEY_RETRIES: u32 = 3;

/// `QueueSelectorCallback`. The number of queues fills its whole register: one binding reads it as 64 bits.
pub type SelectorCallback = unsafe extern "C-unwind" fn(size: usize, message: *mut Message, arg: *mut c_void) -> c_int;

/// The queues of a message's topic, and which of them it goes to.
struct Chosen {
    running: Running,
    queues: Vec<OwnedQueue>,
    index: c_int,
}

impl Chosen {
    fn queue(&self, failed: c_int) -> Result<&OwnedQueue, Failure> {
        let queue = usize::try_from(self.index).ok().and_then(|index| self.queues.get(index));
        queue.ok_or_else(|| {
            let (index, count) = (self.index, self.queues.len());
            let what =
                format!("INVALID_ARGUMENT: the selector returned the index {index}; the topic has {count} queues");
            Failure::new(failed, what)
        })
    }
}

fn queues(running: &Running, message: &Message, failed: c_int) -> Result<Vec<OwnedQueue>, Failure> {
    let message = message.lend(failed)?;
    let found = running.producer.queues(message.topic, running.rules.timeout);
    found.map_err(|error| Failure::of(failed, &error))
}

/// Asks the selector; NULL when the call failed, with its status in `code`.
///
/// # Safety
/// `handle` and `message` are NULL or live; `selector` may be called with `arg`.
unsafe fn choose(
    handle: *const Handle,
    message: *mut Message,
    selector: Option<SelectorCallback>,
    arg: *mut c_void,
    failed: c_int,
    code: &mut c_int,
) -> *mut Chosen {
    let mut chosen: *mut Chosen = std::ptr::null_mut();
    *code = boundary::status(failed, || {
        // SAFETY: the contract of this function.
        let (handle, message) = unsafe { (producer::borrow(handle)?, message::borrow(message)?) };
        if selector.is_none() {
            return Err(Failure::null("selector"));
        }
        let running = handle.running_plain(failed)?;
        let queues = queues(&running, message, failed)?;
        chosen = Box::into_raw(Box::new(Chosen { running, queues, index: -1 }));
        Ok(())
    });
    if let Some(selector) = selector
        && !chosen.is_null()
    {
        // SAFETY: made just now, and taken back by the caller of this function; the selector is the user's.
        unsafe { (*chosen).index = selector((*chosen).queues.len(), message, arg) };
    }
    chosen
}

/// Asks the selector, then sends to the queue that it chose; what the call returns. `send` must not call foreign code.
///
/// # Safety
/// As for [`choose`].
unsafe fn choose_and_send(
    handle: *const Handle,
    message: *mut Message,
    selector: Option<SelectorCallback>,
    arg: *mut c_void,
    failed: c_int,
    send: impl Copy + FnOnce(&Running, &Message, Selector<'_>) -> Result<(), Failure>,
) -> c_int {
    let mut code = OK;
    // SAFETY: the contract of this function.
    let chosen = unsafe { choose(handle, message, selector, arg, failed, &mut code) };
    if chosen.is_null() {
        return code;
    }
    boundary::status(failed, || {
        // SAFETY: `choose` made it, and it is taken back once; the message lives as before.
        let (chosen, message) = unsafe { (Box::from_raw(chosen), message::borrow(message)?) };
        let queue = chosen.queue(failed)?.as_queue();
        send(&chosen.running, message, Selector::Queue(queue))
    })
}

/// `retries`: how often it is tried again at most, each time for the time-out, and on the same queue.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SendMessageOrderly(
    handle: *const Handle,
    message: *mut Message,
    selector: Option<SelectorCallback>,
    arg: *mut c_void,
    retries: c_int,
    result: *mut CSendResult,
) -> c_int {
    const FAILED: c_int = PRODUCER_SEND_ORDERLY_FAILED;
    let refused = boundary::status(FAILED, || {
        present(result)?;
        if arg.is_null() { Err(Failure::null("arg")) } else { Ok(()) }
    });
    if refused != OK {
        return refused;
    }
    let retries = u32::try_from(retries).unwrap_or(0);
    // SAFETY: as the module `lib` says.
    unsafe {
        choose_and_send(handle, message, selector, arg, FAILED, |running, message, queue| {
            send_to(running, message, queue, retries, result)
        })
    }
}

/// The result is written on success.
fn send_to(
    running: &Running,
    message: &Message,
    selector: Selector<'_>,
    retries: u32,
    result: *mut CSendResult,
) -> Result<(), Failure> {
    const FAILED: c_int = PRODUCER_SEND_ORDERLY_FAILED;
    let mut options = options(&running.rules, retries.saturating_add(1)).with_selector(selector);
    options.retries = Some(retries);
    let sent = running.producer.send(&message.lend(FAILED)?, &options);
    let receipt = sent.map_err(|error| Failure::of(FAILED, &error))?;
    // SAFETY: `present` was asked, and by contract it is writable.
    unsafe { result.write(CSendResult::new(&receipt)) };
    Ok(())
}

#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SendMessageOnewayOrderly(
    handle: *const Handle,
    message: *mut Message,
    selector: Option<SelectorCallback>,
    arg: *mut c_void,
) -> c_int {
    const FAILED: c_int = PRODUCER_SEND_ONEWAY_FAILED;
    // SAFETY: as the module `lib` says.
    unsafe {
        choose_and_send(handle, message, selector, arg, FAILED, |running, message, queue| {
            let options = options(&running.rules, 1).with_selector(queue);
            let sent = running.producer.send_oneway(&message.lend(FAILED)?, &options);
            sent.map(drop).map_err(|error| Failure::of(FAILED, &error))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SendMessageOrderlyAsync(
    handle: *const Handle,
    message: *mut Message,
    selector: Option<SelectorCallback>,
    arg: *mut c_void,
    success: Option<SendSuccess>,
    exception: Option<SendException>,
) -> c_int {
    const FAILED: c_int = PRODUCER_SEND_ORDERLYASYNC_FAILED;
    let mut callbacks = None;
    let refused = boundary::status(FAILED, || {
        callbacks = Some(Callbacks::plain(success, exception)?);
        Ok(())
    });
    let Some(callbacks) = callbacks else { return refused };
    // SAFETY: as the module `lib` says.
    unsafe {
        choose_and_send(handle, message, selector, arg, FAILED, |running, message, queue| {
            submit(running, message, queue, callbacks, FAILED)
        })
    }
}

/// The queue is that of the old client, by libstdc++'s hash; with `LIBROCKETMQ_SHARDING_HASH=java` in the environment of
/// the start it is that of the Java client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SendMessageOrderlyByShardingKey(
    handle: *const Handle,
    message: *mut Message,
    sharding_key: *const c_char,
    result: *mut CSendResult,
) -> c_int {
    const FAILED: c_int = PRODUCER_SEND_ORDERLY_FAILED;
    boundary::status(FAILED, || {
        // SAFETY: as the module `lib` says.
        let (handle, key) = unsafe { (producer::borrow(handle)?, text(sharding_key, "shardingKey", FAILED)?) };
        present(result)?;
        // SAFETY: as the module `lib` says; nothing else uses the message during the call.
        let message = unsafe { message.as_mut() }.ok_or_else(|| Failure::null("message"))?;
        let running = handle.running_plain(FAILED)?;
        message.set_sharding_key(key);
        if running.rules.java_hash {
            return send_to(&running, message, Selector::Hash(key), SHARDING_KEY_RETRIES, result);
        }
        let queues = queues(&running, message, FAILED)?;
        let index = hash::of_libstdcxx(key.as_bytes()).checked_rem(queues.len() as u64);
        let queue = index.and_then(|index| queues.get(usize::try_from(index).ok()?));
        let queue = queue.ok_or_else(|| Failure::new(FAILED, "NO_ROUTE: the topic has no queues"))?;
        send_to(&running, message, Selector::Queue(queue.as_queue()), SHARDING_KEY_RETRIES, result)
    })
}
