/// @file
/// Which queue a message goes to.

#ifndef MQPRODUCER_SELECTOR_HPP
#define MQPRODUCER_SELECTOR_HPP

#include "result.hpp"

#include <exception>
#include <functional>
#include <initializer_list>
#include <type_traits>
#include <vector>

#if MQPRODUCER_EXCEPTIONS && defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace mqproducer {

/// A queue of a topic; its text is borrowed for the duration of the callable it is passed to.
struct MessageQueueView {
    /// The broker's name.
    std::string_view broker_name;
    /// The queue's number on that broker.
    std::int32_t queue_id;
};

/// Chooses the queue of a message, for SendOptions::selector. A value: it copies the texts that it is made from, and
/// any threads may use one at the same time.
///
/// With all but round_robin() and random() the message stays on the queue chosen first, over its retries.
class Selector {
public:
    /// What the callable of callback() amounts to.
    using Function = std::function<std::size_t(const std::vector<MessageQueueView>&)>;

    /// As round_robin().
    Selector() = default;

    /// One queue after the other; retries go to another broker while there is one. The default.
    static Selector round_robin() { return Selector(); }

    /// Any queue; retries go to another broker while there is one.
    static Selector random() { return Selector(MQP_SELECT_RANDOM); }

    /// By a sharding key, as the Java client's hash selector: |`String.hashCode`| modulo the number of queues. The send
    /// fails with Status::invalid_argument when `key` is empty.
    static Selector hash(std::string_view key) { return Selector(MQP_SELECT_HASH, key); }

    /// By a sharding key on a ring of hashes: only the keys of queues that come or go move. The send fails with
    /// Status::invalid_argument when `key` is empty.
    static Selector consistent_hash(std::string_view key) { return Selector(MQP_SELECT_CONSISTENT_HASH, key); }

    /// One queue after the other of those whose broker's name is `room@name` with one of `rooms`, which hold no comma.
    /// The send fails with Status::no_route when there is none, with Status::invalid_argument without a room.
    static Selector machine_rooms(std::initializer_list<std::string_view> rooms) { return in_rooms(rooms); }

    /// The same with the rooms in a container of texts, such as std::vector<std::string>.
    template <class Rooms>
    static Selector machine_rooms(const Rooms& rooms) {
        return in_rooms(rooms);
    }

    /// The queue `queue_id` of the broker `broker_name`. The send fails with Status::invalid_argument when it is no
    /// writable queue of the topic.
    static Selector queue(std::string_view broker_name, std::int32_t queue_id) {
        Selector selector(MQP_SELECT_QUEUE, broker_name);
        selector.queue_id_ = queue_id;
        return selector;
    }

    /// The queue that a callable of the caller's chooses.
    ///
    /// `callable`: takes all queues of the topic as `const std::vector<MessageQueueView>&` and returns the index of
    /// one; any other number fails the send with Status::invalid_argument. Moved or copied, may be move-only; copies of
    /// the selector share it. It runs once for each send that gets so far, on the thread of the send and before that
    /// returns, not again for a retry; where several threads send with it, at the same time. An exception that leaves
    /// it leaves the call that sends, those named `try_` included; the message is not sent then.
    template <class F>
    static Selector callback(F&& callable) {
        static_assert(std::is_invocable_r_v<std::size_t, std::decay_t<F>&, const std::vector<MessageQueueView>&>,
                      "a queue selector takes a const std::vector<mqproducer::MessageQueueView>& and returns an index");
        Selector selector(MQP_SELECT_CALLBACK);
        auto shared = std::make_shared<std::decay_t<F>>(std::forward<F>(callable));
        selector.function_ = [shared](const std::vector<MessageQueueView>& queues) {
            return static_cast<std::size_t>((*shared)(queues));
        };
        return selector;
    }

    /// Writes the choice to options of the C interface, its texts borrowed from this object; without `queue_selector`.
    void write(mqp_send_options& options) const noexcept {
        options.selector = kind_;
        options.queue_id = queue_id_;
        switch (kind_) {
            case MQP_SELECT_HASH:
            case MQP_SELECT_CONSISTENT_HASH:
                options.sharding_key = detail::c_str(text_);
                break;
            case MQP_SELECT_MACHINE_ROOM:
                options.machine_rooms = detail::c_str(text_);
                break;
            case MQP_SELECT_QUEUE:
                options.broker_name = detail::c_str(text_);
                break;
            default:
                break;
        }
    }

    /// The callable of callback(); empty for all others.
    const Function& function() const noexcept { return function_; }

private:
    explicit Selector(std::uint32_t kind, std::string_view text = {}) : kind_(kind), text_(text) {}

    template <class Rooms>
    static Selector in_rooms(const Rooms& rooms) {
        Selector selector(MQP_SELECT_MACHINE_ROOM);
        for (const std::string_view room : rooms) {
            if (!selector.text_.empty()) {
                selector.text_ += ',';
            }
            selector.text_ += room;
        }
        return selector;
    }

    std::uint32_t kind_ = MQP_SELECT_ROUND_ROBIN;
    std::int32_t queue_id_ = 0;
    std::string text_;
    Function function_;
};

namespace detail {
inline namespace MQPRODUCER_ABI {

/// The callable of a selector during one call of the C interface. It stays at its place.
class SelectorCall {
public:
    SelectorCall(const Selector& selector, mqp_send_options& options) noexcept : selector_(selector) {
        if (selector.function()) {
            options.queue_selector = mqp_queue_selector{choose, this};
        }
    }

    SelectorCall(const SelectorCall&) = delete;
    SelectorCall& operator=(const SelectorCall&) = delete;

    /// Throws what left the callable, if anything did; to be called once the C interface has returned.
    void rethrow() const {
#if MQPRODUCER_EXCEPTIONS
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
#endif
    }

private:
    static std::size_t choose(void* user_data, const mqp_queue* queues, std::size_t count, std::size_t element_size) {
        auto& self = *static_cast<SelectorCall*>(user_data);
#if MQPRODUCER_EXCEPTIONS
        try {
            return self.index_of(queues, count, element_size);
        }
#if defined(__GLIBCXX__)
        catch (abi::__forced_unwind&) {
            throw;
        }
#endif
        catch (...) {
            self.thrown_ = std::current_exception();
            return SIZE_MAX;
        }
#else
        return self.index_of(queues, count, element_size);
#endif
    }

    std::size_t index_of(const mqp_queue* queues, std::size_t count, std::size_t element_size) const {
        std::vector<MessageQueueView> views;
        views.reserve(count);
        const auto* first = reinterpret_cast<const char*>(queues);
        for (std::size_t index = 0; index < count; ++index) {
            const auto& queue = *reinterpret_cast<const mqp_queue*>(first + index * element_size);
            views.push_back(MessageQueueView{view(queue.broker_name), queue.queue_id});
        }
        return selector_.function()(views);
    }

    const Selector& selector_;
#if MQPRODUCER_EXCEPTIONS
    std::exception_ptr thrown_;
#endif
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
