/// @file
/// What an embedded cluster does on purpose, and the requests that it got.

#ifndef MQPRODUCER_MOCK_SCRIPT_HPP
#define MQPRODUCER_MOCK_SCRIPT_HPP

#include "message.hpp"
#include "result.hpp"
#include "snapshot.hpp"

#include <vector>

namespace mqproducer {

/// What happens to a request; docs/EMBEDDED_CLUSTER.md has a table. Later versions of the library may give other numbers.
enum class MockFaultAction : std::uint32_t {
    /// No fault hit the request.
    none = MQP_MOCK_FAULT_NONE,
    /// It is not executed; the answer has MockFault::response_code and MockFault::remark.
    answer = MQP_MOCK_FAULT_ANSWER,
    /// It is executed, and its answer gets MockFault::response_code and MockFault::remark while its fields stay: as when
    /// a message is stored but was not flushed in time (code 10).
    change_answer = MQP_MOCK_FAULT_CHANGE_ANSWER,
    /// It is executed at once and well; its answer comes after MockFault::delay.
    delay = MQP_MOCK_FAULT_DELAY,
    /// It is not executed and not answered.
    drop = MQP_MOCK_FAULT_DROP,
    /// It is executed and not answered.
    lose_answer = MQP_MOCK_FAULT_LOSE_ANSWER,
    /// The connection is closed in place of an answer; it is not executed.
    close_before = MQP_MOCK_FAULT_CLOSE_BEFORE,
    /// The connection is closed in place of an answer; it is executed.
    close_after = MQP_MOCK_FAULT_CLOSE_AFTER,
    /// It is executed, the first half of its answer is written, and the connection is closed.
    half_answer = MQP_MOCK_FAULT_HALF_ANSWER,
    /// It is not executed; MockFault::bytes, 64 of 0xff when there are none, come in place of an answer. The connection
    /// stays open.
    garbage = MQP_MOCK_FAULT_GARBAGE,
    /// Nothing more of this connection is read or written until MockFault::delay is over or faults are cleared; without
    /// a delay, until they are cleared: as by a process that is stopped. Then it is executed and answered.
    stop_reading = MQP_MOCK_FAULT_STOP_READING,
};

/// What servers of an embedded cluster do to requests to come; fields that the action does not read stay as they are.
/// Texts and bytes are views: they must live until the call that takes the fault returns, which copies them.
struct MockFault {
    /// All but MockFaultAction::none. A one-way request has no answer: all but that happens to it, too.
    MockFaultAction action = MockFaultAction::none;
    /// The server: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`. Empty, the default: every
    /// broker, and not the name server.
    std::string_view broker = {};
    /// The request code. Default 0: every code.
    std::int32_t request_code = 0;
    /// How many requests. Default 0: all, until faults are cleared.
    std::uint32_t count = 0;
    /// The code that MockFaultAction::answer and change_answer answer.
    std::int32_t response_code = 0;
    /// The remark that MockFaultAction::answer and change_answer answer. Default: none.
    std::string_view remark = {};
    /// How long the answer, the bytes or the close wait, at most 1 hour. Other requests of the connection are answered
    /// meanwhile. Not for MockFaultAction::drop and lose_answer. Default: not at all.
    std::chrono::milliseconds delay{0};
    /// What MockFaultAction::garbage writes.
    std::string_view bytes = {};

    /// As the C interface takes it; borrowed from what this views.
    mqp_mock_fault view() const noexcept {
        mqp_mock_fault raw = MQP_MOCK_FAULT_INIT;
        raw.action = static_cast<std::uint32_t>(action);
        raw.broker = detail::c_str(broker);
        raw.request_code = request_code;
        raw.count = count;
        raw.response_code = response_code;
        raw.delay_ms = detail::c_milliseconds(delay);
        raw.remark = detail::c_str(remark);
        raw.bytes = mqp_bytes{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
        return raw;
    }
};

/// How a server of an embedded cluster is.
enum class MockBrokerState : std::uint32_t {
    /// In its routes, and listens.
    up = MQP_MOCK_BROKER_UP,
    /// In no route, as after its shutdown. It serves those who know its address.
    out_of_route = MQP_MOCK_BROKER_OUT_OF_ROUTE,
    /// It does not listen and its connections are closed, as after its death. Its port stays its own.
    stopped = MQP_MOCK_BROKER_STOPPED,
    /// Both.
    stopped_and_out_of_route = MQP_MOCK_BROKER_STOPPED | MQP_MOCK_BROKER_OUT_OF_ROUTE,
};

/// A request that a cluster got; borrowed, with its texts, from the MockRequests it comes from.
class MockRequest {
public:
    /// Wraps a request of the C interface.
    explicit MockRequest(const mqp_mock_request_view& view) noexcept : view_(view) {}

    /// The request code.
    std::int32_t code() const noexcept { return view_.code; }
    /// The number that ties the answer to it.
    std::int32_t opaque() const noexcept { return view_.opaque; }
    /// Whether it wanted no answer.
    bool oneway() const noexcept { return view_.oneway != 0; }
    /// The action of the fault that hit it.
    MockFaultAction fault() const noexcept { return static_cast<MockFaultAction>(view_.fault); }
    /// When it came.
    std::chrono::system_clock::time_point time() const noexcept {
        return std::chrono::system_clock::time_point(std::chrono::milliseconds(view_.timestamp));
    }
    /// The broker, or `name-server`.
    std::string_view broker_name() const noexcept { return detail::view(view_.broker_name); }
    /// The body.
    std::string_view body() const noexcept {
        return std::string_view(reinterpret_cast<const char*>(view_.body.ptr), view_.body.len);
    }

    /// The header's fields (`extFields`), in the order of the wire, as names with values.
    std::vector<std::pair<std::string_view, std::string_view>> fields() const {
        return detail::all_properties(view_.fields, view_.field_count, view_.field_size);
    }

    /// The value of one field; nothing when there is none of that name.
    std::optional<std::string_view> field(std::string_view name) const noexcept {
        return detail::find_property(view_.fields, view_.field_count, view_.field_size, name);
    }

private:
    mqp_mock_request_view view_;
};

/// Requests that a cluster had got at one moment, in the order of their arrival. Any threads may read it at the same
/// time.
class MockRequests {
public:
    /// Reads one request after another.
    using Iterator = detail::SnapshotIterator<MockRequests, MockRequest>;

    /// Takes ownership of a snapshot of the C interface.
    explicit MockRequests(mqp_mock_requests* handle) noexcept : handle_(handle) {}

    /// How many there are.
    std::size_t size() const noexcept { return mqp_mock_requests_count(handle_.get()); }
    /// Whether there is none.
    bool empty() const noexcept { return size() == 0; }
    /// How many requests, of all servers and codes, the cluster had forgotten because newer ones took their place.
    std::uint64_t dropped() const noexcept { return mqp_mock_requests_dropped(handle_.get()); }

    /// One of them; all empty when `index` is not below size().
    MockRequest operator[](std::size_t index) const noexcept {
        mqp_mock_request_view view = MQP_MOCK_REQUEST_VIEW_INIT;
        mqp_mock_requests_get(handle_.get(), index, &view, nullptr);
        return MockRequest(view);
    }

    /// The first.
    Iterator begin() const noexcept { return Iterator(*this, 0); }
    /// Behind the last.
    Iterator end() const noexcept { return Iterator(*this, size()); }

private:
    std::unique_ptr<mqp_mock_requests, detail::Deleter<mqp_mock_requests_free>> handle_;
};

}  // namespace mqproducer

#endif
