/// @file
/// The embedded cluster, for tests and demonstrations.

#ifndef MQPRODUCER_MOCK_HPP
#define MQPRODUCER_MOCK_HPP

#include "call.hpp"
#include "mock_script.hpp"

namespace mqproducer {

/// A message that a cluster stored; borrowed, with its texts, from the MockMessages it comes from.
class MockMessage {
public:
    /// Wraps a message of the C interface.
    explicit MockMessage(const mqp_mock_message_view& view) noexcept : view_(view) {}

    /// The topic.
    std::string_view topic() const noexcept { return detail::view(view_.topic); }
    /// The body as it was sent.
    std::string_view body() const noexcept {
        return std::string_view(reinterpret_cast<const char*>(view_.body.ptr), view_.body.len);
    }
    /// The tag; empty: none.
    std::string_view tags() const noexcept { return detail::view(view_.tags); }
    /// The index keys; empty: none.
    std::string_view keys() const noexcept { return detail::view(view_.keys); }
    /// The flag that it was sent with.
    std::int32_t flag() const noexcept { return view_.flag; }
    /// The broker that stored it.
    std::string_view broker_name() const noexcept { return detail::view(view_.broker_name); }
    /// The queue that it is in.
    std::int32_t queue_id() const noexcept { return view_.queue_id; }
    /// Its offset in the queue.
    std::int64_t queue_offset() const noexcept { return view_.queue_offset; }
    /// The unique id that the producer gave it.
    std::string_view message_id() const noexcept { return detail::view(view_.message_id); }
    /// The broker's id.
    std::string_view offset_message_id() const noexcept { return detail::view(view_.offset_message_id); }
    /// When the producer made it, in milliseconds since 1970.
    std::int64_t born_timestamp() const noexcept { return view_.born_timestamp; }
    /// When the broker stored it, in milliseconds since 1970.
    std::int64_t store_timestamp() const noexcept { return view_.store_timestamp; }

    /// All properties as stored, those that the library sets included, as names with values.
    std::vector<std::pair<std::string_view, std::string_view>> properties() const {
        return detail::all_properties(view_.properties, view_.property_count, view_.property_size);
    }

    /// The value of one property; nothing when there is none of that name.
    std::optional<std::string_view> property(std::string_view name) const noexcept {
        return detail::find_property(view_.properties, view_.property_count, view_.property_size, name);
    }

private:
    mqp_mock_message_view view_;
};

/// The messages that a cluster held at one moment, in the order of their storing. Any threads may read it at the same
/// time.
class MockMessages {
public:
    /// Reads one message after another.
    using Iterator = detail::SnapshotIterator<MockMessages, MockMessage>;

    /// Takes ownership of a snapshot of the C interface.
    explicit MockMessages(mqp_mock_messages* handle) noexcept : handle_(handle) {}

    /// How many there are.
    std::size_t size() const noexcept { return mqp_mock_messages_count(handle_.get()); }
    /// Whether there is none.
    bool empty() const noexcept { return size() == 0; }

    /// One of them; all empty when `index` is not below size().
    MockMessage operator[](std::size_t index) const noexcept {
        mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
        mqp_mock_messages_get(handle_.get(), index, &view, nullptr);
        return MockMessage(view);
    }

    /// The first.
    Iterator begin() const noexcept { return Iterator(*this, 0); }
    /// Behind the last.
    Iterator end() const noexcept { return Iterator(*this, size()); }

private:
    std::unique_ptr<mqp_mock_messages, detail::Deleter<mqp_mock_messages_free>> handle_;
};

inline namespace MQPRODUCER_ABI {

/// A cluster of name server and brokers inside this process, on real sockets of the loopback interface. Its brokers
/// make a topic when the first message for it comes. Any threads may use it at the same time.
///
/// The last owner or producer of its name stops it.
class MockCluster {
public:
    /// Takes ownership of a cluster of the C interface.
    explicit MockCluster(mqp_mock_cluster* handle) noexcept : handle_(handle) {}

    /// Opens a cluster.
    ///
    /// `name`: empty makes a new one of the caller's own; another name is shared in this process with each cluster
    /// opened by it and each `mock://name` URL, and the first of them decides its size. `brokers`: 1 to 64; 0: 1.
    /// `queues` of a topic: 1 to 1024; 0: 4. Any thread. Errors: Status::invalid_argument, resource; unsupported in a
    /// library built without the embedded cluster.
    static Result<MockCluster> create(std::string_view name = {}, std::uint32_t brokers = 0, std::uint32_t queues = 0) {
        if (Result<void> fits = detail::check_version(); !fits) {
            return detail::Failure(std::move(fits).error());
        }
        return detail::call_for<MockCluster, mqp_mock_cluster>([&](mqp_mock_cluster** handle, mqp_error** error) {
            return mqp_mock_cluster_new(detail::c_str(name), brokers, queues, handle, error);
        });
    }

    /// The URL that a producer's configuration takes to send to this cluster; borrowed from this object.
    std::string_view url() const noexcept { return mqp_mock_cluster_url(handle_.get()); }

    /// Takes a snapshot of the messages that it holds. `topic`: empty: all topics. Errors: Status::invalid_argument.
    Result<MockMessages> try_messages(std::string_view topic = {}) const {
        return detail::call_for<MockMessages, mqp_mock_messages>([&](mqp_mock_messages** messages, mqp_error** error) {
            return mqp_mock_cluster_messages(handle_.get(), detail::c_str(topic), messages, error);
        });
    }

    /// How many messages it holds. `topic`: empty: all topics. Errors: Status::invalid_argument.
    Result<std::size_t> try_message_count(std::string_view topic = {}) const {
        std::size_t count = 0;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_mock_cluster_message_count(handle_.get(), detail::c_str(topic), &count, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return count;
    }

    /// Forgets the messages that it holds. Errors: Status::invalid_argument.
    Result<void> try_clear() {
        return detail::call([&](mqp_error** error) { return mqp_mock_cluster_clear(handle_.get(), error); });
    }

    /// Waits until it holds at least `count` messages, as one-way messages need. `topic`: empty: all topics. `timeout`:
    /// zero or less only looks. Blocks. Errors: Status::timeout, invalid_argument; would_deadlock in a callback.
    Result<void> try_wait(std::size_t count, std::chrono::milliseconds timeout, std::string_view topic = {}) const {
        return detail::call([&](mqp_error** error) {
            return mqp_mock_cluster_wait(handle_.get(), detail::c_str(topic), count, detail::c_milliseconds(timeout),
                                         error);
        });
    }

    /// Has it answer the requests of `topic`, its name on the wire, each with the request's own body, as if a consumer
    /// did. Errors: Status::invalid_argument, forked.
    Result<void> try_echo(std::string_view topic) {
        return detail::call(
            [&](mqp_error** error) { return mqp_mock_cluster_echo(handle_.get(), detail::c_str(topic), error); });
    }

    /// Sets how long its brokers wait before they ask for the end of a transaction, and before they ask again: 1 ms to
    /// 24 hours; 1 s by default, where real brokers wait 6 s at first and 30 s then. Errors: Status::invalid_argument.
    Result<void> try_set_transaction_check_interval(std::chrono::milliseconds interval) {
        return detail::call([&](mqp_error** error) {
            return mqp_mock_cluster_set_transaction_check_interval(handle_.get(), detail::c_milliseconds(interval),
                                                                   error);
        });
    }

    /// Adds a fault behind those that wait: each request takes the oldest that fits it, and is counted by that alone.
    /// Errors: Status::invalid_argument for an unknown broker, a field that the action does not read, a delay that is
    /// too long or that nothing waits for; forked.
    Result<void> try_push_fault(const MockFault& fault) {
        const mqp_mock_fault raw = fault.view();
        return detail::call([&](mqp_error** error) { return mqp_mock_cluster_push_fault(handle_.get(), &raw, error); });
    }

    /// Takes back all faults, and lets connections go on that stopped reading. Answers that are late still come.
    /// Errors: Status::invalid_argument, forked.
    Result<void> try_clear_faults() {
        return detail::call([&](mqp_error** error) { return mqp_mock_cluster_clear_faults(handle_.get(), error); });
    }

    /// Takes a broker out of its routes, stops it, or brings it back. Its messages and its port stay. All that has
    /// happened when the call returns.
    ///
    /// `broker`: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`, which can only stop. Blocks.
    /// Errors: Status::invalid_argument, forked; resource when the system refuses the port; would_deadlock in a callback.
    Result<void> try_set_broker_state(std::string_view broker, MockBrokerState state) {
        return detail::call([&](mqp_error** error) {
            return mqp_mock_cluster_set_broker_state(handle_.get(), detail::c_str(broker),
                                                     static_cast<std::uint32_t>(state), error);
        });
    }

    /// Takes a snapshot of the requests that servers got, in the order of their arrival: each is there before its answer
    /// goes out. A cluster keeps the newest 8192, in at most 32 MiB; see MockRequests::dropped().
    ///
    /// `broker`: as in try_set_broker_state(); empty: all servers. `request_code`: 0: all codes. Errors:
    /// Status::invalid_argument, forked.
    Result<MockRequests> try_requests(std::string_view broker = {}, std::int32_t request_code = 0) const {
        return detail::call_for<MockRequests, mqp_mock_requests>([&](mqp_mock_requests** requests, mqp_error** error) {
            return mqp_mock_cluster_requests(handle_.get(), detail::c_str(broker), request_code, requests, error);
        });
    }

    /// Waits until servers got at least `count` requests since the start or the last try_clear_requests(), those that
    /// are not listed any more included.
    ///
    /// `timeout`: zero or less only looks. `broker`, `request_code`: as in try_requests(). Blocks. Errors:
    /// Status::timeout, invalid_argument, forked; would_deadlock in a callback.
    Result<void> try_wait_requests(std::size_t count, std::chrono::milliseconds timeout, std::string_view broker = {},
                                   std::int32_t request_code = 0) const {
        return detail::call([&](mqp_error** error) {
            return mqp_mock_cluster_wait_requests(handle_.get(), detail::c_str(broker), request_code, count,
                                                  detail::c_milliseconds(timeout), error);
        });
    }

    /// Forgets the requests that it got, and their numbers. Errors: Status::invalid_argument, forked.
    Result<void> try_clear_requests() {
        return detail::call([&](mqp_error** error) { return mqp_mock_cluster_clear_requests(handle_.get(), error); });
    }

    /// Gives this cluster back before the object ends; each later call fails with Status::invalid_argument.
    void close() noexcept { handle_.reset(); }

#if MQPRODUCER_EXCEPTIONS
    /// As create().
    explicit MockCluster(std::string_view name = {}, std::uint32_t brokers = 0, std::uint32_t queues = 0)
        : MockCluster(unwrap(create(name, brokers, queues))) {}

    /// As try_messages().
    MockMessages messages(std::string_view topic = {}) const { return unwrap(try_messages(topic)); }

    /// As try_message_count().
    std::size_t message_count(std::string_view topic = {}) const { return unwrap(try_message_count(topic)); }

    /// As try_clear().
    void clear() { unwrap(try_clear()); }

    /// As try_wait().
    void wait(std::size_t count, std::chrono::milliseconds timeout, std::string_view topic = {}) const {
        unwrap(try_wait(count, timeout, topic));
    }

    /// As try_echo().
    void echo(std::string_view topic) { unwrap(try_echo(topic)); }

    /// As try_set_transaction_check_interval().
    void set_transaction_check_interval(std::chrono::milliseconds interval) {
        unwrap(try_set_transaction_check_interval(interval));
    }

    /// As try_push_fault().
    void push_fault(const MockFault& fault) { unwrap(try_push_fault(fault)); }

    /// As try_clear_faults().
    void clear_faults() { unwrap(try_clear_faults()); }

    /// As try_set_broker_state().
    void set_broker_state(std::string_view broker, MockBrokerState state) {
        unwrap(try_set_broker_state(broker, state));
    }

    /// As try_requests().
    MockRequests requests(std::string_view broker = {}, std::int32_t request_code = 0) const {
        return unwrap(try_requests(broker, request_code));
    }

    /// As try_wait_requests().
    void wait_requests(std::size_t count, std::chrono::milliseconds timeout, std::string_view broker = {},
                       std::int32_t request_code = 0) const {
        unwrap(try_wait_requests(count, timeout, broker, request_code));
    }

    /// As try_clear_requests().
    void clear_requests() { unwrap(try_clear_requests()); }
#endif

    /// The handle, for calls of the C interface; borrowed from this object.
    mqp_mock_cluster* handle() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<mqp_mock_cluster, detail::Deleter<mqp_mock_cluster_free>> handle_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
