//! Hooks of C around each message.

#![allow(unsafe_code, non_camel_case_types)]

use super::boundary;
use super::end_transaction::{EndShown, mqp_end_transaction_context};
use super::error::mqp_error;
use super::handle;
use super::lent::Parts;
use super::message::mqp_message;
use super::producer::mqp_producer;
use super::reason;
use super::receipt::mqp_receipt;
use super::sized::{self, SizedStruct};
use super::status::{MQP_OK, mqp_status, number};
use super::text::Texts;
use super::types::{invalid, mqp_str};
use crate::hook::{EndTransactionContext, HookContext, HookEnd, MessageType, SendHook, SendMode};
use crate::producer::hooks::{After, Hook};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// The caller waits for the message's end.
pub const MQP_MODE_SYNC: u32 = 0;
/// A callback is told of the message's end.
pub const MQP_MODE_ASYNC: u32 = 1;
/// Nobody hears of the message's end.
pub const MQP_MODE_ONEWAY: u32 = 2;
/// A message that is delivered at once.
pub const MQP_MESSAGE_TYPE_NORMAL: u32 = 0;
/// A message that is delivered once its transaction is committed.
pub const MQP_MESSAGE_TYPE_HALF: u32 = 1;
/// A message that is delivered later.
pub const MQP_MESSAGE_TYPE_DELAY: u32 = 3;

/// A message on its way. Everything in it is *borrowed* for the duration of the hook that it is passed to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_hook_context {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// How the message is sent: MQP_MODE_SYNC or another of MQP_MODE_....
    pub mode: u32,
    /// What it is to the broker: MQP_MESSAGE_TYPE_NORMAL or another of MQP_MESSAGE_TYPE_....
    pub message_type: u32,
    /// The queue chosen; after the send the one of the last try. With the key `auto_batch` it is chosen after the hooks,
    /// unless the caller's selector names it: then it is -1, and `broker_name` and `broker_address` are empty, before the
    /// send.
    pub queue_id: i32,
    /// The producer's group.
    pub producer_group: mqp_str,
    /// The producer's namespace; empty: none.
    pub namespace_name: mqp_str,
    /// The topic.
    pub topic: mqp_str,
    /// The unique id that the producer gave the message; of a batch, its first request's own.
    pub message_id: mqp_str,
    /// This client's address.
    pub born_host: mqp_str,
    /// The broker chosen; after the send the one of the last try.
    pub broker_name: mqp_str,
    /// Its `host:port`.
    pub broker_address: mqp_str,
    /// The length of the body before it was compressed; of a batch, of all bodies together.
    pub body_length: usize,
    /// The message itself, its texts without a NUL at the end; NULL after the send. Of a batch, which hooks see as one
    /// message, it has the topic and `no_wait_store`, but no body.
    pub message: *const mqp_message,
    /// How many messages there are: 1, or as many as a batch holds.
    pub message_count: usize,
    /// The first message of a batch; NULL after the send and for a single message.
    pub batch: *const mqp_message,
    /// Size in bytes of one element of `batch`.
    pub message_size: u32,
    /// 0.
    pub reserved: u32,
}

/// How a message ended. Everything in it is *borrowed* for the duration of the hook that it is passed to;
/// mqp_receipt_clone and mqp_error_clone keep more.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_hook_end {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// MQP_OK, or why the message failed.
    pub status: mqp_status,
    /// How many tries it took.
    pub attempts: u32,
    /// Always 0.
    pub reserved: u32,
    /// Microseconds from the message's acceptance to its end.
    pub cost_us: u64,
    /// The receipt; NULL on failure. Of a batch: that of its first request, with the ids of all messages joined by commas.
    pub receipt: *const mqp_receipt,
    /// The error; NULL on success.
    pub error: *const mqp_error,
}

/// Sees every message of a producer: *copied*. Set `struct_size`, or start from MQP_HOOK_INIT. Each function may be
/// NULL.
///
/// `check_forbidden` and `before_send` run on the thread that sends, once for each message and not again for a further
/// try; `after_send` runs on the library's dispatcher, once for each message that `before_send` was due for, before the
/// message's callback runs or its synchronous send returns; `end_transaction` says it itself. No function may throw, `longjmp` or end its thread, and
/// `after_send` MUST NOT block for long: all callbacks and synchronous sends wait for it. The functions of one hook may
/// run on several threads at the same time.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_hook {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// Always 0.
    pub reserved: u32,
    /// Whether the message may be sent: 0, or any other number to refuse it. It may write why, as NUL-terminated UTF-8
    /// of at most `reason_size` bytes, to `reason`, which is empty at first. A refused send fails with
    /// MQP_ERR_FORBIDDEN, and no other function is called for its message.
    pub check_forbidden: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            context: *const mqp_hook_context,
            reason: *mut c_char,
            reason_size: usize,
        ) -> u32,
    >,
    /// Told that the message is about to be sent.
    pub before_send: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, context: *const mqp_hook_context)>,
    /// Told how the message ended.
    pub after_send: Option<
        unsafe extern "C-unwind" fn(user_data: *mut c_void, context: *const mqp_hook_context, end: *const mqp_hook_end),
    >,
    /// Passed to all functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back once the producer is freed and no function of the hook runs any more, on any thread,
    /// those of the library included; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// Told that a broker was told the end of a transaction: on the thread that committed or rolled back, or freed the
    /// transaction, and on the library's dispatcher for the answer to a broker's check. Once for each word to a broker,
    /// an unknown state included; not for one that could not be written.
    pub end_transaction:
        Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, context: *const mqp_end_transaction_context)>,
}

// SAFETY: `repr(C)`, begins with a `u32`, has no padding, and holds only numbers and pointers that may be NULL.
unsafe impl SizedStruct for mqp_hook {
    const NAME: &'static str = "mqp_hook";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, drop) + size_of::<usize>();
}

/// Adds a hook to a producer that is not started. Hooks run in the order in which they were added.
///
/// `hook`: *copied*; its `user_data` is taken when the call returns MQP_OK. `error`: may be NULL. Threads: any.
/// Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_add_hook(
    producer: *mut mqp_producer,
    hook: *const mqp_hook,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller passes NULL or a hook with its size set.
        let hook = unsafe { sized::read(hook)? };
        if hook.reserved != 0 {
            return Err(invalid(format!("`reserved` is {}; it must be 0", hook.reserved)));
        }
        producer.producer.add(|| Hook::Foreign(Arc::new(ForeignHook(hook))))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// A hook that was taken; its `user_data` is given back when it is dropped.
pub(crate) struct ForeignHook(mqp_hook);

// SAFETY: `user_data` is never read here, and the documentation of `mqp_hook` says on which threads it is used.
unsafe impl Send for ForeignHook {}
// SAFETY: the same.
unsafe impl Sync for ForeignHook {}

impl Drop for ForeignHook {
    fn drop(&mut self) {
        if let Some(give_back) = self.0.drop {
            // SAFETY: called as `mqp_hook` promises, once.
            unsafe { give_back(self.0.user_data) };
        }
    }
}

impl SendHook for ForeignHook {
    fn check_forbidden(&self, context: &HookContext<'_>) -> Result<(), String> {
        let Some(check) = self.0.check_forbidden else {
            return Ok(());
        };
        reason::ask(|out, size| {
            lend(context, |view| {
                // SAFETY: called as `mqp_hook` promises, with a view that lives for the call and room of the size told.
                unsafe { check(self.0.user_data, view, out, size) }
            })
        })
    }

    fn before_send(&self, context: &HookContext<'_>) {
        if let Some(before) = self.0.before_send {
            // SAFETY: called as `mqp_hook` promises, with a view that lives for the call.
            lend(context, |view| unsafe { before(self.0.user_data, view) });
        }
    }

    fn end_transaction(&self, context: &EndTransactionContext<'_>) {
        if self.0.end_transaction.is_some() {
            self.tell_end(&EndShown::new(context).context);
        }
    }
}

impl ForeignHook {
    /// Nothing here needs a drop while the foreign function runs.
    pub(super) fn tell_end(&self, context: &mqp_end_transaction_context) {
        if let Some(end_transaction) = self.0.end_transaction {
            // SAFETY: called as `mqp_hook` promises, with a context that lives for the call.
            unsafe { end_transaction(self.0.user_data, context) };
        }
    }
}

/// Shows the context, with its message, to C.
fn lend<T>(context: &HookContext<'_>, call: impl FnOnce(*const mqp_hook_context) -> T) -> T {
    let (texts, mut view) = view(context);
    let parts = context.message.map(Parts::of);
    let message = parts.as_ref().map(Parts::message);
    view.message = message.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let parts_of_batch: Vec<_> = context.batch.iter().map(Parts::of).collect();
    let batch: Vec<_> = parts_of_batch.iter().map(Parts::message).collect();
    if !batch.is_empty() {
        view.batch = batch.as_ptr();
    }
    let result = call(&raw const view);
    drop(texts);
    result
}

const fn mode(mode: SendMode) -> u32 {
    match mode {
        SendMode::Sync => MQP_MODE_SYNC,
        SendMode::Async => MQP_MODE_ASYNC,
        SendMode::Oneway => MQP_MODE_ONEWAY,
    }
}

const fn message_type(message_type: MessageType) -> u32 {
    match message_type {
        MessageType::Normal => MQP_MESSAGE_TYPE_NORMAL,
        MessageType::TransactionHalf => MQP_MESSAGE_TYPE_HALF,
        MessageType::Delay => MQP_MESSAGE_TYPE_DELAY,
    }
}

/// The context for C, with the buffer that its texts are in.
fn view(context: &HookContext<'_>) -> (Texts<7>, mqp_hook_context) {
    let texts = Texts::new([
        context.producer_group,
        context.namespace,
        context.topic,
        context.message_id,
        context.born_host,
        context.broker_name,
        context.broker_address,
    ]);
    let view = mqp_hook_context {
        struct_size: size_of::<mqp_hook_context>() as u32,
        mode: mode(context.mode),
        message_type: message_type(context.message_type),
        queue_id: context.queue_id,
        producer_group: texts.get(0),
        namespace_name: texts.get(1),
        topic: texts.get(2),
        message_id: texts.get(3),
        born_host: texts.get(4),
        broker_name: texts.get(5),
        broker_address: texts.get(6),
        body_length: context.body_length,
        message: std::ptr::null(),
        message_count: context.message_count,
        batch: std::ptr::null(),
        message_size: size_of::<mqp_message>() as u32,
        reserved: 0,
    };
    (texts, view)
}

/// An ended message with all that C is shown of it.
pub(crate) struct HeldAfter {
    after: Box<After>,
    shown: Option<Shown>,
}

/// What the pointers lead to stays at its place: the whole is boxed.
struct Shown {
    context: mqp_hook_context,
    end: mqp_hook_end,
    receipt: Option<mqp_receipt>,
    error: Option<mqp_error>,
    _texts: Texts<7>,
}

// SAFETY: the pointers of `shown` are set by the thread that uses them; all else can be sent.
unsafe impl Send for HeldAfter {}

impl HeldAfter {
    pub(crate) fn new(after: Box<After>) -> Self {
        HeldAfter { after, shown: None }
    }

    /// Puts the end into the form that C reads.
    fn fill(&mut self) {
        self.shown = self.after.with(Shown::new);
        if let Some(shown) = &mut self.shown {
            shown.end.receipt = shown.receipt.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            shown.end.error = shown.error.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        }
    }
}

impl Shown {
    fn new(context: &HookContext<'_>, end: &HookEnd<'_>) -> Self {
        let (texts, context) = view(context);
        let error = end.result.err().map(|error| mqp_error::new(error.clone()));
        let end_view = mqp_hook_end {
            struct_size: size_of::<mqp_hook_end>() as u32,
            status: end.result.err().map_or(MQP_OK, |error| number(error.kind())),
            attempts: end.attempts,
            reserved: 0,
            cost_us: u64::try_from(end.cost.as_micros()).unwrap_or(u64::MAX),
            receipt: std::ptr::null(),
            error: std::ptr::null(),
        };
        Shown { context, end: end_view, receipt: end.result.ok().map(mqp_receipt::new), error, _texts: texts }
    }
}

/// Tells the hooks, then the sender. While a foreign function runs, no frame here holds anything that needs a drop.
pub(crate) fn tell(held: *mut HeldAfter) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the functions
    // are called as `mqp_hook` promises.
    unsafe {
        (*held).fill();
        let count = (*held).after.hooks().len();
        let mut index = 0;
        while index < count {
            match &(*held).after.hooks()[index] {
                Hook::Foreign(_) if (*held).after.is_discarding() => {}
                Hook::Foreign(hook) => {
                    if let (Some(after_send), Some(shown)) = (hook.0.after_send, &(*held).shown) {
                        after_send(hook.0.user_data, &raw const shown.context, &raw const shown.end);
                    }
                }
                hook => (*held).after.tell(hook),
            }
            index += 1;
        }
        if let Some(held) = handle::take(held) {
            held.after.deliver();
        }
    }
}
