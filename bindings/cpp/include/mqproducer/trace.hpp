/// @file
/// Where messages get their trace context from.

#ifndef MQPRODUCER_TRACE_HPP
#define MQPRODUCER_TRACE_HPP

#include "log.hpp"

#include <cstring>

namespace mqproducer {
namespace detail {
inline namespace MQPRODUCER_ABI {

/// The caller's callable as the library's source of trace contexts.
template <class F>
struct TraceContextBox {
    F callable;

    static std::size_t call(void* user_data, char* out, std::size_t capacity) {
        std::size_t length = 0;
        // Not on the threads of the log.
        guarded("the trace context", false, [&] {
            const std::optional<std::string> text = static_cast<TraceContextBox*>(user_data)->callable();
            if (text) {
                // One that is too long is left out by the library, which tells of it.
                length = text->size();
                std::memcpy(out, text->data(), length <= capacity ? length : 0);
            }
        });
        return length;
    }

    static void drop(void* user_data) { delete static_cast<TraceContextBox*>(user_data); }

    static_assert(std::is_invocable_r_v<std::optional<std::string>, F&>,
                  "a trace context takes nothing and returns a std::string or a std::optional of one");
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
