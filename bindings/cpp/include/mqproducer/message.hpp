/// @file
/// Messages to send, and how one send departs from the configuration.

#ifndef MQPRODUCER_MESSAGE_HPP
#define MQPRODUCER_MESSAGE_HPP

#include "error.hpp"
#include "jms.hpp"
#include "selector.hpp"

#include <chrono>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace mqproducer {

namespace detail {

/// Whether T is a contiguous container of single bytes that is no text, such as std::vector<std::byte> or std::span.
template <class T, class = void>
struct IsBytes : std::false_type {};

template <class T>
struct IsBytes<T, std::void_t<decltype(std::declval<const T&>().data()), decltype(std::declval<const T&>().size())>>
    : std::bool_constant<sizeof(*std::declval<const T&>().data()) == 1 &&
                         !std::is_convertible_v<const T&, std::string_view>> {};

}  // namespace detail

/// A message to send.
///
/// It holds views, not copies: topic, body and all other texts must live until the call that sends the message returns,
/// which every temporary in the same expression does. The library copies what it keeps. Setters can be chained.
class Message {
public:
    /// A message for `topic` (1 to 127 bytes of `%|a-zA-Z0-9_-`) with a `body` (1 byte to `max_message_size`).
    explicit Message(std::string_view topic, std::string_view body = {}) noexcept {
        message_.topic = detail::c_str(topic);
        this->body(body);
    }

    /// The same with a body of `size` bytes at `data`.
    Message(std::string_view topic, const void* data, std::size_t size) noexcept : Message(topic) { body(data, size); }

    /// The same with a body in a contiguous container of bytes, such as std::vector<std::byte> or std::span.
    template <class Bytes, std::enable_if_t<detail::IsBytes<Bytes>::value, int> = 0>
    Message(std::string_view topic, const Bytes& bytes) noexcept : Message(topic, bytes.data(), bytes.size()) {}

    /// Replaces the body.
    Message& body(std::string_view text) noexcept { return body(text.data(), text.size()); }

    /// Replaces the body by `size` bytes at `data`.
    Message& body(const void* data, std::size_t size) noexcept {
        message_.body = mqp_bytes{static_cast<const std::uint8_t*>(data), size};
        return *this;
    }

    /// Replaces the body by a contiguous container of bytes.
    template <class Bytes, std::enable_if_t<detail::IsBytes<Bytes>::value, int> = 0>
    Message& body(const Bytes& bytes) noexcept {
        return body(bytes.data(), bytes.size());
    }

    /// The tag for the broker's filter. Default: none.
    Message& tags(std::string_view text) noexcept {
        message_.tags = detail::c_str(text);
        return *this;
    }

    /// The index keys, separated by spaces. Default: none.
    Message& keys(std::string_view text) noexcept {
        message_.keys = detail::c_str(text);
        return *this;
    }

    /// Adds a user property; neither name nor value is empty or holds the bytes 1 and 2.
    Message& property(std::string_view name, std::string_view value) {
        properties_.push_back(mqp_property{detail::c_str(name), detail::c_str(value)});
        return *this;
    }

    /// A number carried to the consumer, not read by the broker. Default 0.
    Message& flag(std::int32_t number) noexcept {
        message_.flag = number;
        return *this;
    }

    /// Whether the broker may answer before the message is stored to its configured safety. Default: it may not.
    Message& no_wait_store(bool may = true) noexcept {
        message_.no_wait_store = may ? 1 : 0;
        return *this;
    }

    /// Delivered after the delay of this level, from 1; a broker takes a level over its highest (18, unless configured
    /// otherwise) for that one. Of this, delay() and deliver_at() one may be set. Default, and 0: at once.
    Message& delay_level(std::uint32_t level) noexcept {
        message_.delay_level = level;
        return *this;
    }

    /// Delivered after this time. The broker's timer rounds to its precision, 1 s by default, and refuses what is over
    /// its limit, 3 days by default. A duration of whole seconds, minutes and so on is sent in seconds, any other in
    /// milliseconds, as the two setters of the Java client do. Default, and what is not positive: at once.
    template <class Number, class Period>
    Message& delay(std::chrono::duration<Number, Period> time) noexcept {
        using Target = std::conditional_t<Period::den == 1 && std::is_integral_v<Number>, std::chrono::seconds,
                                          std::chrono::milliseconds>;
        const auto count = std::chrono::duration_cast<Target>(time).count();
        const std::uint64_t positive = count > 0 ? static_cast<std::uint64_t>(count) : 0;
        message_.delay_seconds = std::is_same_v<Target, std::chrono::seconds> ? positive : 0;
        message_.delay_ms = std::is_same_v<Target, std::chrono::seconds> ? 0 : positive;
        return *this;
    }

    /// Delivered at this time, as above; a time that has passed: at once.
    Message& deliver_at(std::chrono::system_clock::time_point time) noexcept {
        message_.deliver_at_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
        return *this;
    }

    /// The priority, from 0: a RocketMQ broker then chooses the queue by it. Default: none.
    Message& priority(std::int32_t number) noexcept {
        message_.has_priority = 1;
        message_.priority = number;
        return *this;
    }

    /// The lite topic inside the topic. Default: none.
    Message& lite_topic(std::string_view name) noexcept {
        message_.lite_topic = detail::c_str(name);
        return *this;
    }

    /// What orders messages, for those who read it as the message's property; it does not choose the queue, which
    /// Selector::hash() does. Default: none.
    Message& sharding_key(std::string_view key) noexcept {
        message_.sharding_key = detail::c_str(key);
        return *this;
    }

    /// The W3C trace context, as `00-<32 hex digits>-<16>-<2>`: the property `traceparent`. Default: none, or what
    /// Producer::try_set_trace_context() tells.
    Message& trace_parent(std::string_view text) noexcept {
        message_.trace_parent = detail::c_str(text);
        return *this;
    }

    /// What a JMS message has beside the rest, for ActiveMQ: viewed, not copied, and read now. Default: nothing.
    Message& jms(const Jms& jms) noexcept {
        jms_ = jms.view();
        has_jms_ = true;
        return *this;
    }

    /// The message as the C interface takes it; borrowed from this object, unchanged, and from what it views.
    mqp_message view() const noexcept {
        mqp_message message = message_;
        message.properties = properties_.data();
        message.property_count = properties_.size();
        message.jms = has_jms_ ? &jms_ : nullptr;
        return message;
    }

private:
    mqp_message message_ = MQP_MESSAGE_INIT;
    mqp_jms jms_ = MQP_JMS_INIT;
    bool has_jms_ = false;
    std::vector<mqp_property> properties_;
};

/// How one send departs from the configuration.
///
/// No aggregate: GCC before 13 spoils temporary ones in expressions with `co_await`.
struct SendOptions {
    /// As configured.
    SendOptions() noexcept {}
    /// With this deadline.
    SendOptions(std::optional<std::chrono::milliseconds> time) noexcept : timeout(time) {}
    /// With this deadline and this choice of a queue.
    SendOptions(std::optional<std::chrono::milliseconds> time, Selector queue) noexcept
        : timeout(time), selector(std::move(queue)) {}

    /// The total deadline of this send, 1 ms to 1 hour. Default: the configured `send_msg_timeout`.
    std::optional<std::chrono::milliseconds> timeout;
    /// Which queue the message goes to. Default: one after the other.
    Selector selector;
};

namespace detail {

/// Milliseconds as the C interface counts them: a time that is over is 0, one too long the longest.
inline std::uint32_t c_milliseconds(std::chrono::milliseconds time) noexcept {
    if (time.count() <= 0) {
        return 0;
    }
    return time.count() >= UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(time.count());
}

}  // namespace detail
}  // namespace mqproducer

#endif
