/// @file
/// What a JMS message has beside what every message has, for ActiveMQ.

#ifndef MQPRODUCER_JMS_HPP
#define MQPRODUCER_JMS_HPP

#include "error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace mqproducer {

/// How a message outlives its broker.
enum class DeliveryMode : std::uint32_t {
    /// As the configuration's `delivery_mode` says.
    configured = MQP_DELIVERY_CONFIGURED,
    /// It is kept in the broker's store, and survives its end.
    persistent = MQP_DELIVERY_PERSISTENT,
    /// It is kept in the broker's memory.
    non_persistent = MQP_DELIVERY_NON_PERSISTENT,
};

/// A value of a typed property or of a map's entry. It holds views: texts and bytes must live as long as it is used.
class JmsValue {
public:
    /// No value.
    JmsValue() noexcept { value_.value_type = MQP_VALUE_NULL; }
    /// A whole number or a truth value, with the type of JMS that has as many bits as `Number`; `char16_t` is a char.
    template <class Number, std::enable_if_t<std::is_integral_v<Number>, int> = 0>
    JmsValue(Number number) noexcept {
        value_.value_type = type_of<Number>();
        value_.integer = static_cast<std::int64_t>(number);
    }
    /// A float.
    JmsValue(float number) noexcept {
        value_.value_type = MQP_VALUE_FLOAT;
        value_.number = static_cast<double>(number);
    }
    /// A double.
    JmsValue(double number) noexcept {
        value_.value_type = MQP_VALUE_DOUBLE;
        value_.number = number;
    }
    /// A text.
    JmsValue(std::string_view text) noexcept : JmsValue(text.data(), text.size()) { value_.value_type = MQP_VALUE_TEXT; }
    /// A text.
    JmsValue(const char* text) noexcept : JmsValue(std::string_view(text)) {}
    /// `size` bytes at `data`.
    JmsValue(const void* data, std::size_t size) noexcept {
        value_.value_type = MQP_VALUE_BYTES;
        value_.data = mqp_bytes{static_cast<const std::uint8_t*>(data), size};
    }

    /// The value as the C interface takes it, under this name.
    mqp_typed_property view(std::string_view name) const noexcept {
        mqp_typed_property value = value_;
        value.name = detail::c_str(name);
        return value;
    }

private:
    template <class Number>
    static constexpr std::uint32_t type_of() noexcept {
        if constexpr (std::is_same_v<Number, bool>) {
            return MQP_VALUE_BOOL;
        } else if constexpr (std::is_same_v<Number, char16_t>) {
            return MQP_VALUE_CHAR;
        } else if constexpr (sizeof(Number) == 1) {
            return MQP_VALUE_BYTE;
        } else if constexpr (sizeof(Number) == 2) {
            return MQP_VALUE_SHORT;
        } else if constexpr (sizeof(Number) == 4) {
            return MQP_VALUE_INT;
        } else {
            return MQP_VALUE_LONG;
        }
    }

    mqp_typed_property value_{};
};

/// What a JMS message has beside the rest; see Message::jms(). It holds views, as Message does, and must live until the
/// call that sends the message returns. Setters can be chained.
class Jms {
public:
    /// The message's body, which must be UTF-8 and may be empty, is that of a TextMessage. Default: of a BytesMessage.
    Jms& text() noexcept {
        jms_.body_type = MQP_BODY_TEXT;
        return *this;
    }

    /// The message's body, which must be empty, is that of a MapMessage with the entries added so far and later, or none.
    Jms& map() noexcept {
        jms_.body_type = MQP_BODY_MAP;
        return *this;
    }

    /// Adds an entry to the body of a MapMessage; the message's own body must be empty.
    Jms& entry(std::string_view name, JmsValue value) {
        jms_.body_type = MQP_BODY_MAP;
        entries_.push_back(value.view(name));
        return *this;
    }

    /// Adds a typed property, beside the text ones of the message.
    Jms& property(std::string_view name, JmsValue value) {
        properties_.push_back(value.view(name));
        return *this;
    }

    /// Default: as configured.
    Jms& delivery_mode(DeliveryMode mode) noexcept {
        jms_.delivery_mode = static_cast<std::uint32_t>(mode);
        return *this;
    }

    /// How long the broker keeps the message; zero: for ever. Default: the configured `time_to_live`.
    Jms& time_to_live(std::chrono::milliseconds time) noexcept {
        jms_.has_time_to_live = 1;
        jms_.time_to_live_ms = time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0;
        return *this;
    }

    /// `JMSCorrelationID`. Default: none.
    Jms& correlation_id(std::string_view id) noexcept {
        jms_.correlation_id = detail::c_str(id);
        return *this;
    }

    /// `JMSReplyTo`, a destination. Default: none.
    Jms& reply_to(std::string_view destination) noexcept {
        jms_.reply_to = detail::c_str(destination);
        return *this;
    }

    /// `JMSType`. Default: none.
    Jms& message_type(std::string_view type) noexcept {
        jms_.message_type = detail::c_str(type);
        return *this;
    }

    /// `JMSXGroupID` and `JMSXGroupSeq`: one consumer gets all messages of a group, in order. Default: the message's
    /// sharding key.
    Jms& group(std::string_view id, std::int32_t sequence = 0) noexcept {
        jms_.group_id = detail::c_str(id);
        jms_.group_sequence = sequence;
        return *this;
    }

    /// All of it as the C interface takes it; borrowed from this object, unchanged, and from what it views.
    mqp_jms view() const noexcept {
        mqp_jms jms = jms_;
        jms.properties = properties_.data();
        jms.property_count = properties_.size();
        jms.entries = entries_.data();
        jms.entry_count = entries_.size();
        return jms;
    }

private:
    mqp_jms jms_ = MQP_JMS_INIT;
    std::vector<mqp_typed_property> properties_;
    std::vector<mqp_typed_property> entries_;
};

}  // namespace mqproducer

#endif
