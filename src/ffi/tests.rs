//! What needs the inside of the C surface: its table of numbers, its structs' sizes, its panic guard.

#![allow(unsafe_code)]

use super::boundary::test_hook;
use super::callback::{mqp_callback, mqp_completion};
use super::config::{self, mqp_config};
use super::error::{self, mqp_error};
use super::event::{self, mqp_reliability_callback};
use super::log::{self, mqp_log_callback};
use super::message::{mqp_message, mqp_send_options};
use super::mock::{self, mqp_mock_message_view};
use super::sized::{self, SizedStruct};
use super::statistics::{self, mqp_statistics_callback};
use super::status::{self, MQP_ERR_INTERNAL, MQP_ERR_INVALID_ARGUMENT, MQP_OK, STATUSES, mqp_status};
use super::types::{mqp_property, mqp_str};
use super::{
    attempt, batch, broker, completion_queue, find_route, hook, jms, mock_fault, mock_requests, producer, receipt,
    receipts, received, request, selector, send_queued, trace, transaction, transform, version,
};
use crate::error::ErrorKind;
use std::ffi::{CStr, c_void};
use std::mem::offset_of;
use std::ptr::{null, null_mut};

/// The text of an error, which is freed.
fn text_of(error: *mut mqp_error) -> String {
    // SAFETY: the error is not freed before the text is copied.
    unsafe {
        let text = CStr::from_ptr(error::mqp_error_message(error)).to_str().unwrap().to_owned();
        error::mqp_error_free(error);
        text
    }
}

#[test]
fn every_kind_has_its_status_and_no_status_is_without_a_kind() {
    let of_kinds = ErrorKind::ALL.iter().map(|kind| (*kind as mqp_status, kind.name().to_owned()));
    let expected: Vec<_> = std::iter::once((MQP_OK, "OK".to_owned())).chain(of_kinds).collect();
    let exported: Vec<_> = STATUSES.iter().map(|(status, name)| (*status, name.to_str().unwrap().to_owned())).collect();
    assert_eq!(exported, expected);
}

#[test]
fn send_statuses_have_the_core_numbers() {
    use crate::message::SendStatus;
    let pairs = [
        (SendStatus::Ok, receipt::MQP_SEND_OK),
        (SendStatus::FlushDiskTimeout, receipt::MQP_SEND_FLUSH_DISK_TIMEOUT),
        (SendStatus::FlushSlaveTimeout, receipt::MQP_SEND_FLUSH_SLAVE_TIMEOUT),
        (SendStatus::SlaveNotAvailable, receipt::MQP_SEND_SLAVE_NOT_AVAILABLE),
        (SendStatus::Oneway, receipt::MQP_SEND_ONEWAY),
    ];
    for (status, number) in pairs {
        assert_eq!(status as u32, number);
    }
}

fn ends_without_padding<T: SizedStruct>() {
    assert!(T::FIRST_SIZE <= size_of::<T>(), "{}", T::NAME);
    assert_eq!(
        T::FIRST_SIZE,
        size_of::<T>(),
        "{}: padding at the end would be read as a field by a later version",
        T::NAME
    );
}

#[test]
fn sized_structs_end_without_padding() {
    ends_without_padding::<broker::mqp_broker_state_view>();
    ends_without_padding::<attempt::mqp_attempt>();
    ends_without_padding::<batch::mqp_batch_options>();
    ends_without_padding::<received::mqp_received_message_view>();
    ends_without_padding::<request::mqp_reply_to>();
    ends_without_padding::<config::mqp_config_option_view>();
    ends_without_padding::<status::mqp_status_view>();
    ends_without_padding::<mqp_mock_message_view>();
    ends_without_padding::<mock_fault::mqp_mock_fault>();
    ends_without_padding::<mock_requests::mqp_mock_request_view>();
    ends_without_padding::<jms::mqp_jms>();
    // Grown since their first version.
    assert_eq!(offset_of!(hook::mqp_hook, end_transaction) + size_of::<usize>(), size_of::<hook::mqp_hook>());
    assert_eq!(offset_of!(mqp_message, jms) + size_of::<usize>(), size_of::<mqp_message>());
    assert_eq!(offset_of!(mqp_send_options, reserved) + 4, size_of::<mqp_send_options>());
    assert_eq!(offset_of!(receipt::mqp_receipt_view, reserved) + 4, size_of::<receipt::mqp_receipt_view>());
    assert_eq!(offset_of!(error::mqp_error_view, reserved) + 4, size_of::<error::mqp_error_view>());
}

fn options(struct_size: u32, timeout_ms: u32) -> mqp_send_options {
    mqp_send_options {
        struct_size,
        timeout_ms,
        selector: selector::MQP_SELECT_ROUND_ROBIN,
        queue_id: 0,
        sharding_key: mqp_str::EMPTY,
        broker_name: mqp_str::EMPTY,
        machine_rooms: mqp_str::EMPTY,
        queue_selector: selector::mqp_queue_selector { call: None, user_data: null_mut() },
        awaited: 0,
        reserved: 0,
    }
}

/// What a later header might make of `mqp_send_options`.
#[repr(C)]
struct LaterOptions {
    known: mqp_send_options,
    unknown: u64,
}

#[test]
fn a_larger_struct_is_read_when_its_tail_is_zero_and_refused_otherwise() {
    let size = size_of::<LaterOptions>() as u32;
    let mut later = LaterOptions { known: options(size, 7), unknown: 0 };
    // SAFETY: the struct has the size that it says.
    let read = |later: &LaterOptions| unsafe { sized::read(std::ptr::from_ref(later).cast::<mqp_send_options>()) };
    assert_eq!(read(&later).unwrap().timeout_ms, 7);
    later.unknown = 1 << 8;
    assert_eq!(
        read(&later).unwrap_err().message(),
        "`mqp_send_options` has the size 96 and sets the byte at 89; this library knows 88 bytes, the rest must be zero"
    );
}

#[test]
fn a_view_is_written_up_to_the_callers_size_and_its_unknown_tail_is_cleared() {
    let view = options(0, 9);
    let mut later = LaterOptions { known: options(92, 0), unknown: 0x1111_1111_2222_2222 };
    // SAFETY: the struct is larger than the size that it says.
    unsafe { sized::write(std::ptr::from_mut(&mut later).cast::<mqp_send_options>(), &view).unwrap() };
    assert_eq!((later.known.struct_size, later.known.timeout_ms), (92, 9));
    let bytes = later.unknown.to_ne_bytes();
    assert_eq!(bytes[..4], [0; 4], "known to be within the caller's struct");
    assert_ne!(bytes[4..], [0; 4], "beyond the caller's struct");
}

#[test]
fn a_size_too_small_or_absurd_is_refused() {
    for (size, what) in [(0, "the minimum is 8"), (7, "the minimum is 8"), (4097, "the maximum is 4096")] {
        let options = options(size, 0);
        // SAFETY: a refused struct is read no further than its size.
        let refused = unsafe { sized::read(&options) }.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        assert_eq!(refused.message(), format!("`mqp_send_options.struct_size` is {size}; {what}"));
    }
}

unsafe extern "C-unwind" fn call(_: *mut c_void, _: *const mqp_completion) {}
unsafe extern "C-unwind" fn call_request(_: *mut c_void, _: *const request::mqp_request_completion) {}
unsafe extern "C-unwind" fn call_batch(_: *mut c_void, _: *const batch::mqp_batch_completion) {}
unsafe extern "C-unwind" fn call_log(_: *mut c_void, _: *const log::mqp_log_record) {}

type NamedCall = (&'static str, Box<dyn Fn() -> mqp_status>);

/// Every fallible function, called so that it would reach its body.
fn fallible_calls(error: *mut *mut mqp_error) -> Vec<NamedCall> {
    let empty = mqp_str::EMPTY;
    let callback = mqp_callback { call: Some(call), user_data: null_mut(), drop: None };
    let request_callback =
        request::mqp_request_callback { call: Some(call_request), user_data: null_mut(), drop: None };
    let batch_callback = batch::mqp_batch_callback { call: Some(call_batch), user_data: null_mut(), drop: None };
    let log_callback = mqp_log_callback { call: Some(call_log), user_data: null_mut(), drop: None };
    let trace_context = trace::mqp_trace_context { call: None, user_data: null_mut(), drop: None };
    let checker = transaction::mqp_transaction_checker { call: None, user_data: null_mut(), drop: None };
    let statistics_callback = mqp_statistics_callback { call: None, user_data: null_mut(), drop: None };
    let reliability_callback = mqp_reliability_callback { call: None, user_data: null_mut(), drop: None };
    let transformer = transform::mqp_message_transformer { call: None, user_data: null_mut(), drop: None };
    // SAFETY (of all): NULL is allowed everywhere, and `error` outlives the calls.
    macro_rules! calls {
        ($($module:ident :: $name:ident ( $($argument:expr),* )),* $(,)?) => {
            vec![$((stringify!($name), Box::new(move || unsafe { $module::$name($($argument,)* error) }) as _)),*]
        };
    }
    calls![
        status::mqp_status_get(0, null_mut()),
        error::mqp_error_get(null(), null_mut()),
        version::mqp_version_check(0),
        config::mqp_config_new(null_mut()),
        config::mqp_config_set(null_mut(), empty, empty),
        config::mqp_config_get(null(), empty, null_mut()),
        config::mqp_config_option_get(0, null_mut()),
        receipt::mqp_receipt_get(null(), null_mut()),
        received::mqp_received_message_get(null(), null_mut()),
        received::mqp_received_message_property_at(null(), 0, null_mut(), null_mut()),
        producer::mqp_producer_new(null(), null_mut()),
        hook::mqp_producer_add_hook(null_mut(), null()),
        trace::mqp_producer_set_trace_context(null_mut(), trace_context),
        producer::mqp_producer_start(null_mut()),
        producer::mqp_producer_send(null_mut(), null(), null(), null_mut()),
        producer::mqp_producer_send_async(null_mut(), null(), null(), callback),
        producer::mqp_producer_send_oneway(null_mut(), null(), null(), null_mut()),
        request::mqp_producer_request(null_mut(), null(), null(), 0, null_mut()),
        request::mqp_producer_request_async(null_mut(), null(), null(), 0, request_callback),
        request::mqp_producer_reply(null_mut(), null(), null(), null(), null_mut()),
        request::mqp_producer_reply_async(null_mut(), null(), null(), null(), callback),
        batch::mqp_producer_send_batch(null_mut(), null(), 0, 0, null(), null(), null_mut()),
        batch::mqp_producer_send_batch_async(null_mut(), null(), 0, 0, null(), null(), batch_callback),
        batch::mqp_producer_send_batch_oneway(null_mut(), null(), 0, 0, null(), null(), null_mut()),
        batch::mqp_batch_result_get(null(), 0, null_mut(), null_mut()),
        producer::mqp_producer_recall(null_mut(), empty, empty, 0, null_mut()),
        transaction::mqp_producer_set_transaction_checker(null_mut(), checker),
        transaction::mqp_transaction_begin(null_mut(), null_mut()),
        transaction::mqp_transaction_send(null_mut(), null(), null(), null_mut()),
        transaction::mqp_transaction_commit(null_mut()),
        transaction::mqp_transaction_rollback(null_mut()),
        jms::mqp_producer_create_temporary(null_mut(), 0, 0, null_mut()),
        jms::mqp_producer_delete_temporary(null_mut(), empty, 0),
        completion_queue::mqp_completion_queue_new(null_mut()),
        completion_queue::mqp_completion_queue_poll(null_mut(), null_mut(), 0, 0, 0, null_mut()),
        receipts::mqp_completions_receipts(null(), 0, 0, null_mut(), 0, null_mut(), 0, null_mut()),
        receipts::mqp_batch_result_receipts(null(), null_mut(), 0, null_mut(), 0, null_mut()),
        receipts::mqp_producer_send_read(null_mut(), null(), null(), 0, null_mut(), null_mut(), 0, null_mut()),
        find_route::mqp_producer_find_route(null_mut(), empty, 0, null_mut(), null_mut()),
        send_queued::mqp_producer_send_queued(null_mut(), null(), null(), null_mut(), null_mut()),
        send_queued::mqp_producer_send_many(null_mut(), null(), 0, 0, null(), null_mut(), null(), null_mut()),
        send_queued::mqp_producer_discard_completions(null_mut()),
        producer::mqp_producer_flush(null_mut(), 0),
        producer::mqp_producer_close(null_mut(), 0),
        broker::mqp_producer_broker_states(null(), null_mut()),
        broker::mqp_broker_states_get(null(), 0, null_mut()),
        log::mqp_log_set(99, log_callback),
        statistics::mqp_producer_statistics(null(), null_mut()),
        statistics::mqp_producer_set_statistics_callback(null_mut(), statistics_callback),
        transform::mqp_producer_set_message_transformer(null_mut(), transformer),
        transform::mqp_transformed_set(null_mut(), null()),
        event::mqp_producer_set_alarm_callback(null_mut(), reliability_callback),
        event::mqp_producer_set_spool_callback(null_mut(), reliability_callback),
        attempt::mqp_receipt_attempt_at(null(), 0, null_mut()),
        attempt::mqp_error_attempt_at(null(), 0, null_mut()),
        mock::mqp_mock_cluster_new(empty, 0, 0, null_mut()),
        mock::mqp_mock_cluster_messages(null(), empty, null_mut()),
        mock::mqp_mock_cluster_message_count(null(), empty, null_mut()),
        mock::mqp_mock_cluster_wait(null(), empty, 0, 0),
        mock::mqp_mock_cluster_set_transaction_check_interval(null_mut(), 0),
        mock::mqp_mock_cluster_clear(null_mut()),
        mock::mqp_mock_cluster_echo(null_mut(), empty),
        mock::mqp_mock_messages_get(null(), 0, null_mut()),
        mock_fault::mqp_mock_cluster_push_fault(null(), null()),
        mock_fault::mqp_mock_cluster_clear_faults(null()),
        mock_fault::mqp_mock_cluster_set_broker_state(null(), empty, 0),
        mock_requests::mqp_mock_cluster_requests(null(), empty, 0, null_mut()),
        mock_requests::mqp_mock_cluster_wait_requests(null(), empty, 0, 0, 0),
        mock_requests::mqp_mock_cluster_clear_requests(null()),
        mock_requests::mqp_mock_requests_get(null(), 0, null_mut()),
    ]
}

#[test]
fn a_panic_in_any_function_becomes_an_error_with_its_text() {
    let mut error = null_mut();
    let calls = fallible_calls(&raw mut error);
    for (name, run) in &calls {
        test_hook::arm();
        assert_eq!(run(), MQP_ERR_INTERNAL, "{name}");
        assert_eq!(text_of(error), "the library panicked: armed by a test", "{name}");
        // Without the panic the same call fails for another reason, so the panic came from inside it.
        assert_ne!(run(), MQP_ERR_INTERNAL, "{name}");
        text_of(error);
    }
    let header = include_str!("../../include/mqproducer.h");
    let declared = header.matches("struct mqp_error **error);").count();
    assert_eq!(calls.len(), declared, "a fallible function of the header is missing in this test");
}

#[test]
fn a_panic_where_no_error_can_be_reported_gives_the_fallback() {
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        test_hook::arm();
        assert_eq!(mock::mqp_mock_messages_count(null()), 0);
        test_hook::arm();
        assert_eq!(config::mqp_config_option_count(), 0);
        test_hook::arm();
        producer::mqp_producer_free(null_mut());
        test_hook::arm();
        assert!(receipt::mqp_receipt_clone(null()).is_null());
    }
    assert!(config::mqp_config_option_count() > 0);
}

#[test]
fn an_error_is_cleared_by_success_and_may_be_left_out() {
    let mut config: *mut mqp_config = null_mut();
    let mut error = std::ptr::dangling_mut();
    // SAFETY: the places outlive the calls.
    unsafe {
        assert_eq!(config::mqp_config_new(&raw mut config, &raw mut error), MQP_OK);
        assert!(error.is_null());
        assert_eq!(config::mqp_config_new(null_mut(), null_mut()), MQP_ERR_INVALID_ARGUMENT);
        config::mqp_config_free(config);
    }
}

fn lent(text: &str) -> mqp_str {
    mqp_str { ptr: text.as_ptr().cast(), len: text.len() }
}

#[test]
fn properties_are_stepped_by_their_element_size() {
    #[repr(C)]
    struct LaterProperty {
        known: mqp_property,
        unknown: u64,
    }
    let later = |name, unknown| LaterProperty { known: mqp_property { name: lent(name), value: lent("v") }, unknown };
    let mut properties = [later("a", 0), later("b", 0)];
    let read = |properties: &[LaterProperty], size: usize| {
        let message = mqp_message {
            struct_size: size_of::<mqp_message>() as u32,
            flag: 0,
            topic: lent("T"),
            body: super::types::mqp_bytes { ptr: b"x".as_ptr(), len: 1 },
            tags: mqp_str { ptr: null(), len: 0 },
            keys: mqp_str::EMPTY,
            properties: properties.as_ptr().cast(),
            property_count: properties.len(),
            property_size: size as u32,
            // SAFETY: all bytes zero is a message.
            ..unsafe { std::mem::zeroed() }
        };
        // SAFETY: the message and what it points to outlive the call; a refused element is not read.
        unsafe { super::message::read_message(&message) }.map(|message| message.properties.len())
    };
    let size = size_of::<LaterProperty>();
    assert_eq!(read(&properties, size).unwrap(), 2);
    assert!(read(&properties, 8).unwrap_err().message().starts_with("`property_size` is 8; the minimum is"));
    properties[1].unknown = 1;
    assert!(read(&properties, size).unwrap_err().message().starts_with("`mqp_property` has the size"));
}

/// What the log callback of the test below waits for and counts.
struct SlowSink {
    open: std::sync::Mutex<bool>,
    opened: std::sync::Condvar,
    texts: std::sync::Mutex<Vec<String>>,
}

// Static, because a record may reach it as long as the process lives.
static SLOW_SINK: SlowSink = SlowSink {
    open: std::sync::Mutex::new(false),
    opened: std::sync::Condvar::new(),
    texts: std::sync::Mutex::new(Vec::new()),
};

unsafe extern "C-unwind" fn slow(user_data: *mut c_void, record: *const log::mqp_log_record) {
    // SAFETY: the test passes the static sink, the library a record with a NUL-terminated message.
    let (sink, text) = unsafe { (&*user_data.cast::<SlowSink>(), CStr::from_ptr((*record).message.ptr)) };
    let open = sink.open.lock().unwrap();
    drop(sink.opened.wait_while(open, |open| !*open).unwrap());
    sink.texts.lock().unwrap().push(text.to_str().unwrap().to_owned());
}

#[test]
fn a_slow_log_callback_loses_records_and_is_told_how_many() {
    const EMITTED: usize = log::QUEUE_LIMIT + 50;
    let _running = crate::runtime::Runtime::shared().unwrap();
    let sink = &SLOW_SINK;
    let user_data = std::ptr::from_ref(sink).cast_mut().cast();
    let callback = mqp_log_callback { call: Some(slow), user_data, drop: None };
    // SAFETY: the sink is static.
    assert_eq!(unsafe { log::mqp_log_set(log::MQP_LOG_ERROR, callback, null_mut()) }, MQP_OK);
    for n in 0..EMITTED {
        tracing::error!(n, "flood");
    }
    *sink.open.lock().unwrap() = true;
    sink.opened.notify_all();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let reported = || sink.texts.lock().unwrap().iter().any(|text| text.ends_with("the log callback is too slow"));
    while !reported() {
        assert!(std::time::Instant::now() < deadline, "the loss was not reported");
        tracing::error!("after the flood");
        std::thread::yield_now();
    }
    let flood = sink.texts.lock().unwrap().iter().filter(|text| text.starts_with("flood n=")).count();
    assert!((1..EMITTED).contains(&flood), "{flood} of {EMITTED} arrived");
    let nobody = mqp_log_callback { call: None, user_data: null_mut(), drop: None };
    // SAFETY: nothing is taken.
    assert_eq!(unsafe { log::mqp_log_set(log::MQP_LOG_OFF, nobody, null_mut()) }, MQP_OK);
}
