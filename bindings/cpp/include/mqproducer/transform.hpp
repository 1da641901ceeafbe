/// @file
/// What changes messages before they are sent, for ActiveMQ.

#ifndef MQPRODUCER_TRANSFORM_HPP
#define MQPRODUCER_TRANSFORM_HPP

#include "hook.hpp"
#include "message.hpp"

namespace mqproducer {
inline namespace MQPRODUCER_ABI {

/// Takes what a message transformer makes; borrowed for the duration of its call, on its thread.
class Transformed {
public:
    /// Wraps that of the C interface.
    explicit Transformed(mqp_transformed* handle) noexcept : handle_(handle) {}

    /// Sends a copy of `message` in the place of the one that was given; the last one set counts. Errors:
    /// Status::invalid_argument, invalid_message.
    Result<void> try_set(const Message& message) {
        const mqp_message view = message.view();
        return detail::call([&](mqp_error** error) { return mqp_transformed_set(handle_, &view, error); });
    }

#if MQPRODUCER_EXCEPTIONS
    /// As try_set().
    void set(const Message& message) { unwrap(try_set(message)); }
#endif

private:
    mqp_transformed* handle_;
};

}  // inline namespace MQPRODUCER_ABI

namespace detail {
inline namespace MQPRODUCER_ABI {

/// The caller's callable as the library's message transformer.
template <class F>
struct TransformerBox {
    F callable;

    static std::uint32_t call(void* user_data, const mqp_message* message, mqp_transformed* transformed, char* reason,
                              std::size_t reason_size) {
        bool refused = true;
        write_reason(reason, reason_size, "an exception left the message transformer");
        // Not on the threads of the log.
        guarded("the message transformer", false, [&] {
            Transformed made(transformed);
            const std::optional<std::string> answer =
                static_cast<TransformerBox*>(user_data)->callable(MessageView(*message), made);
            refused = answer.has_value();
            write_reason(reason, reason_size, refused ? std::string_view(*answer) : std::string_view());
        });
        return refused ? 1 : 0;
    }

    static void drop(void* user_data) { delete static_cast<TransformerBox*>(user_data); }

    static_assert(std::is_invocable_r_v<std::optional<std::string>, F&, const MessageView&, Transformed&>,
                  "a message transformer takes a const mqproducer::MessageView& and a mqproducer::Transformed&, and "
                  "returns a std::optional<std::string>");
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
