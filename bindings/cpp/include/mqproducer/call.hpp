/// @file
/// What calls of the C interface have in common: errors, options, handles that they make, callables that they take.

#ifndef MQPRODUCER_CALL_HPP
#define MQPRODUCER_CALL_HPP

#include "log.hpp"
#include "message.hpp"
#include "result.hpp"

#include <string>

namespace mqproducer {
namespace detail {
inline namespace MQPRODUCER_ABI {

/// Milliseconds of a deadline as the C interface takes them; zero would stand for the configured time there.
inline Result<std::uint32_t> c_timeout(std::chrono::milliseconds time) {
    if (time.count() < 1) {
        return Failure(Error(Status::invalid_argument,
                             "`timeout` is " + std::to_string(time.count()) + " ms; the minimum is 1 ms"));
    }
    return c_milliseconds(time);
}

/// The options as the C interface takes them, borrowed from `options`; without the callable of a selector.
inline Result<mqp_send_options> c_options(const SendOptions& options) {
    mqp_send_options raw = MQP_SEND_OPTIONS_INIT;
    if (options.timeout) {
        Result<std::uint32_t> timeout = c_timeout(*options.timeout);
        if (!timeout) {
            return Failure(std::move(timeout).error());
        }
        raw.timeout_ms = *timeout;
    }
    options.selector.write(raw);
    return raw;
}

/// Calls `function` with an `mqp_error**`.
template <class F>
Result<void> call(F&& function) {
    mqp_error* error = nullptr;
    const mqp_status status = function(&error);
    return result_of(status, error);
}

/// Calls `function` with the place for a handle and an `mqp_error**`.
template <class Owner, class Handle, class F>
Result<Owner> call_for(F&& function) {
    Handle* handle = nullptr;
    mqp_error* error = nullptr;
    const mqp_status status = function(&handle, &error);
    if (status != MQP_OK) {
        return failure(status, error);
    }
    return Owner(handle);
}

/// Calls `function`, which sends, with the options and an `mqp_error**`. What leaves the callable of a selector goes on.
template <class F>
Result<void> call_with(const SendOptions& options, F&& function) {
    Result<mqp_send_options> raw = c_options(options);
    if (!raw) {
        return Failure(std::move(raw).error());
    }
    SelectorCall selection(options.selector, *raw);
    mqp_error* error = nullptr;
    const mqp_status status = function(&*raw, &error);
    Result<void> result = result_of(status, error);
    selection.rethrow();
    return result;
}

/// Calls `function`, which sends, with the options, the place for a handle and an `mqp_error**`.
template <class Owner, class Handle, class F>
Result<Owner> call_for_with(const SendOptions& options, F&& function) {
    Handle* handle = nullptr;
    Result<void> result = call_with(options, [&](const mqp_send_options* raw, mqp_error** error) {
        return function(raw, &handle, error);
    });
    if (!result) {
        return Failure(std::move(result).error());
    }
    return Owner(handle);
}

/// The caller's callable as a callback of the library, which tells the end `Raw` that `Shown` wraps.
template <class F, class Raw, class Shown>
struct CallbackBox {
    using Kept = decltype(std::declval<const Shown&>().result());

    F callable;

    static void call(void* user_data, const Raw* raw) {
        F& callable = static_cast<CallbackBox*>(user_data)->callable;
        guarded("a send callback", true, [&] {
            const Shown shown(*raw);
            if constexpr (std::is_invocable_v<F&, Kept>) {
                static_cast<void>(callable(shown.result()));
            } else {
                static_cast<void>(callable(shown));
            }
        });
    }

    static void drop(void* user_data) { delete static_cast<CallbackBox*>(user_data); }

    // Not by `||`, which would also try the second with a callable that takes `auto`.
    static_assert(std::disjunction_v<std::is_invocable<F&, Kept>, std::is_invocable<F&, const Shown&>>,
                  "a callback takes a mqproducer::Result, as the call that takes it says, or a const reference to its "
                  "completion");
};

/// Calls `function`, which sends, with the options, a callback that leads to the caller's callable, and an `mqp_error**`.
/// The library owns the callable after a success, nobody after a failure.
template <class Callback, class Raw, class Shown, class Callable, class F>
Result<void> call_async(Callable&& callable, const SendOptions& options, F&& function) {
    using Box = CallbackBox<std::decay_t<Callable>, Raw, Shown>;
    std::unique_ptr<Box> box(new Box{std::forward<Callable>(callable)});
    const Callback callback = {Box::call, box.get(), Box::drop};
    Result<void> result = call_with(options, [&](const mqp_send_options* raw, mqp_error** error) {
        return function(raw, callback, error);
    });
    if (result) {
        static_cast<void>(box.release());
    }
    return result;
}

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
