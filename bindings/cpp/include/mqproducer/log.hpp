/// @file
/// The library's log, and what becomes of an exception that leaves a callback.

#ifndef MQPRODUCER_LOG_HPP
#define MQPRODUCER_LOG_HPP

#include "result.hpp"

#include <cstdio>
#include <exception>
#include <functional>
#include <mutex>
#include <type_traits>

#if MQPRODUCER_EXCEPTIONS && defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace mqproducer {

/// How much is logged; each level includes those before it.
enum class LogLevel : std::uint32_t {
    /// No record at all.
    off = MQP_LOG_OFF,
    /// Something failed that the library does not mend by itself.
    error = MQP_LOG_ERROR,
    /// Something failed and is tried again.
    warn = MQP_LOG_WARN,
    /// Rare events of normal life: a producer starts, a connection opens.
    info = MQP_LOG_INFO,
    /// What helps to find a fault.
    debug = MQP_LOG_DEBUG,
    /// Every message.
    trace = MQP_LOG_TRACE,
};

/// One record of the log; its texts are borrowed for the duration of the callback it is passed to.
struct LogRecord {
    /// LogLevel::error to LogLevel::trace.
    LogLevel level;
    /// The part of the library that speaks.
    std::string_view target;
    /// What it says, on one line.
    std::string_view message;
};

namespace detail {

/// Where log records go; shared by the library's callback and by the report of exceptions.
struct LogSink {
    LogLevel max_level = LogLevel::off;
    std::function<void(const LogRecord&)> call;
};

using ExceptionHandler = std::function<void(std::exception_ptr)>;

/// A pointer that one thread replaces while others use what it led to.
template <class T>
class Shared {
public:
    std::shared_ptr<T> get() {
        std::lock_guard<std::mutex> lock(mutex_);
        return value_;
    }

    void set(std::shared_ptr<T> value) {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            value_.swap(value);
        }
    }

private:
    std::mutex mutex_;
    std::shared_ptr<T> value_;
};

/// Of the process, and never destroyed: the library's threads may outlive static objects.
inline Shared<LogSink>& log_sink() {
    static auto* const sink = new Shared<LogSink>;
    return *sink;
}

inline Shared<ExceptionHandler>& exception_handler() {
    static auto* const handler = new Shared<ExceptionHandler>;
    return *handler;
}

/// A copyable function from any callable, move-only ones included.
template <class Signature, class F>
std::function<Signature> shared_function(F&& callable) {
    auto shared = std::make_shared<std::decay_t<F>>(std::forward<F>(callable));
    return [shared](auto&&... arguments) { (*shared)(std::forward<decltype(arguments)>(arguments)...); };
}

inline void print_callback_failure(const char* where, const char* what) noexcept {
    std::fprintf(stderr, "mqproducer: an exception left %s: %s\n", where, what);
}

#if MQPRODUCER_EXCEPTIONS

/// Tells of the exception being handled: to the handler if one is set, else to the log, else to standard error.
inline void report_current_exception(const char* where, bool may_log) noexcept {
    const char* what = "it is not a std::exception";
    std::exception_ptr held;
    try {
        throw;
    } catch (const std::exception& exception) {
        held = std::current_exception();
        what = exception.what();
    } catch (...) {
        held = std::current_exception();
    }
    try {
        if (const auto handler = exception_handler().get()) {
            (*handler)(held);
            return;
        }
        const auto sink = may_log ? log_sink().get() : nullptr;
        if (sink != nullptr && sink->max_level >= LogLevel::error) {
            const std::string message = std::string("an exception left ") + where + ": " + what;
            sink->call(LogRecord{LogLevel::error, "mqproducer::cpp", message});
            return;
        }
    } catch (...) {
        print_callback_failure("the handler of callback exceptions", "the exception that it was given follows");
    }
    print_callback_failure(where, what);
}

#endif

inline namespace MQPRODUCER_ABI {

/// Runs the caller's code for the library: no exception leaves it, but the end of the thread does.
template <class F>
void guarded(const char* where, bool may_log, F&& body) {
#if MQPRODUCER_EXCEPTIONS
    try {
        body();
    }
#if defined(__GLIBCXX__)
    catch (abi::__forced_unwind&) {
        throw;
    }
#endif
    catch (...) {
        report_current_exception(where, may_log);
    }
#else
    static_cast<void>(where);
    static_cast<void>(may_log);
    body();
#endif
}

/// What the library's log callback leads to.
struct LogBox {
    std::shared_ptr<LogSink> sink;

    static void call(void* user_data, const mqp_log_record* record) {
        guarded("the log callback", false, [&] {
            static_cast<LogBox*>(user_data)->sink->call(
                LogRecord{static_cast<LogLevel>(record->level), view(record->target), view(record->message)});
        });
    }

    static void drop(void* user_data) { delete static_cast<LogBox*>(user_data); }
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail

#if MQPRODUCER_EXCEPTIONS

/// Sets who receives an exception that leaves a callback, as a `std::exception_ptr`; the message it belongs to is done
/// all the same. An empty function restores the default: a record of level error for the callable of set_log(), or a
/// line on standard error when there is none. What a hook throws on the thread that sends is always a line there
/// without a handler, since the log has threads of its own.
///
/// Threads: any. The handler runs on the thread of the callback, mostly the library's dispatcher, and must not block;
/// for hooks that throw on threads that send it may run on several at the same time.
inline void set_callback_exception_handler(std::function<void(std::exception_ptr)> handler) {
    detail::exception_handler().set(
        handler ? std::make_shared<detail::ExceptionHandler>(std::move(handler)) : nullptr);
}

#endif

inline namespace MQPRODUCER_ABI {

/// Sends the log of the whole process to `callable`, in place of what was set before. By default nobody receives it.
///
/// `max_level`: records above it are not made. `callable`: takes `const LogRecord&`; moved or copied, may be move-only;
/// destroyed after its last record, at some time after it was replaced. Its threads: the library's dispatcher; before
/// the first producer starts and after the last is gone, the thread that makes the record. It must not call the library
/// or block. Threads: any. Errors: Status::version_mismatch; Status::unsupported in a Rust program with its own log.
template <class F>
Result<void> try_set_log(LogLevel max_level, F&& callable) {
    static_assert(std::is_invocable_v<std::decay_t<F>&, const LogRecord&>,
                  "a log callable takes a const mqproducer::LogRecord&");
    if (Result<void> fits = detail::check_version(); !fits) {
        return fits;
    }
    auto sink = std::make_shared<detail::LogSink>();
    sink->max_level = max_level;
    sink->call = detail::shared_function<void(const LogRecord&)>(std::forward<F>(callable));
    auto box = std::make_unique<detail::LogBox>();
    box->sink = sink;
    mqp_error* error = nullptr;
    const mqp_log_callback callback = {detail::LogBox::call, box.get(), detail::LogBox::drop};
    const mqp_status status = mqp_log_set(static_cast<std::uint32_t>(max_level), callback, &error);
    if (status == MQP_OK) {
        static_cast<void>(box.release());
        detail::log_sink().set(std::move(sink));
    }
    return detail::result_of(status, error);
}

/// Ends the log: nobody receives it. The callable before is destroyed some time later. Any thread.
inline void clear_log() noexcept {
    mqp_log_set(MQP_LOG_OFF, mqp_log_callback{nullptr, nullptr, nullptr}, nullptr);
    detail::log_sink().set(nullptr);
}

#if MQPRODUCER_EXCEPTIONS
/// As try_set_log().
template <class F>
void set_log(LogLevel max_level, F&& callable) {
    unwrap(try_set_log(max_level, std::forward<F>(callable)));
}
#endif

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
