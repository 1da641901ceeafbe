// A test is a function registered by TEST; CHECK and its like record a failure and go on, REQUIRE ends the test.

#ifndef MQPRODUCER_TESTS_HARNESS_HPP
#define MQPRODUCER_TESTS_HARNESS_HPP

#include <mqproducer.hpp>

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace harness {

struct Test {
    const char* name;
    void (*run)();
};

struct TestEnded {};

inline std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}

inline bool& failed() {
    static bool value = false;
    return value;
}

struct Registration {
    Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline void fail(const char* file, int line, const std::string& text) {
    static std::mutex one_at_a_time;
    std::lock_guard<std::mutex> lock(one_at_a_time);
    failed() = true;
    std::cout << file << ':' << line << ": " << text << std::endl;
}

template <class T>
std::string show(const T& value) {
    std::ostringstream text;
    if constexpr (std::is_enum_v<T>) {
        text << static_cast<long long>(value);
    } else {
        text << value;
    }
    return text.str();
}

template <class A, class B>
void check_equal(const char* file, int line, const char* what, const A& left, const B& right) {
    if (!(left == right)) {
        fail(file, line, std::string(what) + ": " + show(left) + " is not " + show(right));
    }
}

inline void check_contains(const char* file, int line, std::string_view text, std::string_view part) {
    if (text.find(part) == std::string_view::npos) {
        fail(file, line, "\"" + std::string(text) + "\" does not hold \"" + std::string(part) + "\"");
    }
}

/// The error that `body` throws; a failure, and an error without a meaning, when it throws none.
template <class Body>
mqproducer::Error error_of(const char* file, int line, Body&& body) {
    try {
        body();
    } catch (const mqproducer::Error& error) {
        return error;
    }
    fail(file, line, "no mqproducer::Error was thrown");
    throw TestEnded();
}

/// A number that threads raise and one waits for.
class Counter {
public:
    void add() {
        std::lock_guard<std::mutex> lock(mutex_);
        ++value_;
        changed_.notify_all();
    }

    int value() {
        std::lock_guard<std::mutex> lock(mutex_);
        return value_;
    }

    bool wait_for(int value) {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return value_ >= value; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int value_ = 0;
};

/// Waits, up to a minute, until `condition` holds; whether it does.
template <class Condition>
bool eventually(Condition&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

inline mqproducer::Config config(std::string_view url) {
    // Long: a busy machine is no failure.
    return mqproducer::Config{{"url", url}, {"producer_group", "cpp-tests"}, {"send_msg_timeout", "60000"}};
}

inline mqproducer::Producer started(std::string_view url) {
    mqproducer::Producer producer(config(url));
    producer.start();
    return producer;
}

}  // namespace harness

#define TEST(name)                                                   \
    static void name();                                              \
    static const harness::Registration registered_##name(#name, name); \
    static void name()

#define CHECK(condition) ((condition) ? void() : harness::fail(__FILE__, __LINE__, "not so: " #condition))
#define REQUIRE(condition)                                             \
    do {                                                               \
        if (!(condition)) {                                            \
            harness::fail(__FILE__, __LINE__, "not so: " #condition); \
            throw harness::TestEnded();                                \
        }                                                              \
    } while (false)
#define CHECK_EQUAL(left, right) harness::check_equal(__FILE__, __LINE__, #left, left, right)
#define CHECK_CONTAINS(text, part) harness::check_contains(__FILE__, __LINE__, text, part)
#define ERROR_OF(expression) harness::error_of(__FILE__, __LINE__, [&] { static_cast<void>(expression); })

#endif
