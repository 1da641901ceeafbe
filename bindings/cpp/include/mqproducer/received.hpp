/// @file
/// Messages that come back: half messages that a broker asks about, replies to requests, and what could not be sent.

#ifndef MQPRODUCER_RECEIVED_HPP
#define MQPRODUCER_RECEIVED_HPP

#include "result.hpp"

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace mqproducer {

/// What a received message tells; borrowed, with its texts, from where it comes from. Any threads may read it at the same
/// time.
class ReceivedMessageView {
public:
    /// Reads a message of the C interface; the view is borrowed from it. An empty view for NULL.
    explicit ReceivedMessageView(const mqp_received_message* handle) noexcept : handle_(handle) {
        if (handle != nullptr) {
            mqp_received_message_get(handle, &view_, nullptr);
        }
    }

    /// The topic.
    std::string_view topic() const noexcept { return detail::view(view_.topic); }
    /// The body, decompressed.
    std::string_view body() const noexcept {
        return {reinterpret_cast<const char*>(view_.body.ptr), view_.body.len};
    }
    /// The tag; empty: none.
    std::string_view tags() const noexcept { return detail::view(view_.tags); }
    /// The index keys, separated by spaces; empty: none.
    std::string_view keys() const noexcept { return detail::view(view_.keys); }
    /// Carried from its producer.
    std::int32_t flag() const noexcept { return view_.flag; }
    /// The unique id that its producer gave.
    std::string_view message_id() const noexcept { return detail::view(view_.message_id); }
    /// The broker's id: store address and commit-log offset. Empty for a reply.
    std::string_view offset_message_id() const noexcept { return detail::view(view_.offset_message_id); }
    /// Its transaction id; empty when there is none.
    std::string_view transaction_id() const noexcept { return detail::view(view_.transaction_id); }
    /// The queue.
    std::int32_t queue_id() const noexcept { return view_.queue_id; }
    /// Its offset in the queue; -1 for a reply.
    std::int64_t queue_offset() const noexcept { return view_.queue_offset; }
    /// Its offset in the broker's commit log; -1 for a reply.
    std::int64_t commit_log_offset() const noexcept { return view_.commit_log_offset; }
    /// When its producer made it.
    std::chrono::system_clock::time_point born() const noexcept { return time(view_.born_timestamp); }
    /// When the broker got it.
    std::chrono::system_clock::time_point stored() const noexcept { return time(view_.store_timestamp); }
    /// Its producer's `host:port`; empty when the broker does not tell.
    std::string_view born_host() const noexcept { return detail::view(view_.born_host); }
    /// The broker's `host:port`; empty when it does not tell.
    std::string_view store_host() const noexcept { return detail::view(view_.store_host); }
    /// How often consumers gave it back.
    std::int32_t reconsume_times() const noexcept { return view_.reconsume_times; }

    /// The value of a property, those of the system included; nothing when there is none of that name.
    std::optional<std::string_view> property(std::string_view name) const noexcept {
        mqp_str value = {nullptr, 0};
        if (mqp_received_message_property(handle_, detail::c_str(name), &value) == 0) {
            return std::nullopt;
        }
        return detail::view(value);
    }

    /// All properties, in the order in which the broker told them.
    std::vector<std::pair<std::string_view, std::string_view>> properties() const {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        const std::size_t count = mqp_received_message_property_count(handle_);
        for (std::size_t index = 0; index < count; ++index) {
            mqp_str name = {nullptr, 0};
            mqp_str value = {nullptr, 0};
            mqp_received_message_property_at(handle_, index, &name, &value, nullptr);
            all.emplace_back(detail::view(name), detail::view(value));
        }
        return all;
    }

    /// The handle, for calls of the C interface; borrowed.
    const mqp_received_message* handle() const noexcept { return handle_; }

private:
    static std::chrono::system_clock::time_point time(std::int64_t milliseconds) noexcept {
        return std::chrono::system_clock::time_point(std::chrono::milliseconds(milliseconds));
    }

    const mqp_received_message* handle_;
    mqp_received_message_view view_ = MQP_RECEIVED_MESSAGE_VIEW_INIT;
};

/// A received message: the owner of what its base shows. The texts stay where they are when it is moved.
class ReceivedMessage : public ReceivedMessageView {
public:
    /// Takes ownership of a message of the C interface.
    explicit ReceivedMessage(mqp_received_message* handle) noexcept : ReceivedMessageView(handle), owner_(handle) {}

    /// A copy of what is only borrowed, as in a callback.
    static ReceivedMessage copy(const ReceivedMessageView& view) noexcept {
        return ReceivedMessage(mqp_received_message_clone(view.handle()));
    }

    /// Takes what `other` owns, which is then empty.
    ReceivedMessage(ReceivedMessage&& other) noexcept
        : ReceivedMessageView(other), owner_(std::move(other.owner_)) {
        static_cast<ReceivedMessageView&>(other) = ReceivedMessageView(nullptr);
    }

    /// Takes what `other` owns, which is then empty.
    ReceivedMessage& operator=(ReceivedMessage&& other) noexcept {
        ReceivedMessage taken(std::move(other));
        std::swap(static_cast<ReceivedMessageView&>(*this), static_cast<ReceivedMessageView&>(taken));
        std::swap(owner_, taken.owner_);
        return *this;
    }

private:
    std::unique_ptr<mqp_received_message, detail::Deleter<mqp_received_message_free>> owner_;
};

}  // namespace mqproducer

#endif
