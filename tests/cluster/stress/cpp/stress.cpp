// Sends many messages of known content in all modes through the C++ headers and writes down what became of each.
// Usage: stress URL TOPIC [COUNT] OUT-FILE. Exit status 1 is a defect of this client, not a failed send.

#include <mqproducer.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace mqproducer;
using namespace std::chrono_literals;

/// What became of one message.
struct Outcome {
    const char* mode = "";
    bool ok = false;
    bool maybe_persisted = false;
    std::string error;
    std::string message_id;
    std::string broker;
    std::int32_t queue_id = -1;
    std::int64_t queue_offset = -1;
    std::atomic<int> completions{0};
};

/// The outcomes of all messages; each is written once, by the thread that learns it.
class Book {
public:
    explicit Book(std::size_t count) : outcomes_(count) {}

    void set_mode(std::size_t index, const char* mode) { outcomes_[index].mode = mode; }

    void complete(std::size_t index, const Result<Receipt>& result) {
        complete(index, result ? &*result : nullptr, result ? nullptr : &result.error());
    }

    /// With the receipt or else the error.
    void complete(std::size_t index, const Receipt* receipt, const Error* error) {
        Outcome& outcome = outcomes_[index];
        if (outcome.completions++ > 0) {
            return;
        }
        if (receipt != nullptr) {
            outcome.ok = true;
            outcome.message_id = receipt->message_id();
            outcome.broker = receipt->broker_name();
            outcome.queue_id = receipt->queue_id();
            outcome.queue_offset = receipt->queue_offset();
        } else {
            outcome.error = std::string(error->name()) + ": " + error->what();
            outcome.maybe_persisted = error->maybe_persisted();
        }
        std::lock_guard<std::mutex> lock(mutex_);
        ++completed_;
        changed_.notify_all();
    }

    /// Waits until each message has its outcome; gives up after a minute.
    void wait_for_all() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, 60s, [this] { return completed_ == outcomes_.size(); });
    }

    const std::vector<Outcome>& outcomes() const { return outcomes_; }

private:
    std::vector<Outcome> outcomes_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t completed_ = 0;
};

std::string body_of(std::size_t index) {
    std::string body = "cpp-" + std::to_string(index) + "|";
    body += '\0';
    body += static_cast<char>(index % 256);
    body += '\xff';
    body += '\0';
    const std::size_t length = index * 7 % 900;
    for (std::size_t at = 0; at < length; ++at) {
        body += static_cast<char>((index + at) % 256);
    }
    return body;
}

void send_one(Producer& producer, Book& book, std::string_view topic, std::size_t index) {
    const std::string number = std::to_string(index);
    const std::string body = body_of(index);
    const std::string tags = "T" + std::to_string(index % 5);
    const std::string keys = "cpp-" + number + " k" + std::to_string(index % 7);
    const std::string name = "p" + std::to_string(index % 3);
    const std::string value = "value é " + number;
    const Message message = Message(topic, body)
                                .tags(tags)
                                .keys(keys)
                                .flag(static_cast<std::int32_t>(index % 1000))
                                .property("index", number)
                                .property("lang", "cpp")
                                .property(name, value);
    if (index % 10 == 9) {
        book.set_mode(index, "oneway");
        book.complete(index, producer.try_send_oneway(message));
    } else if (index % 2 == 0) {
        book.set_mode(index, "sync");
        book.complete(index, producer.try_send(message));
    } else {
        book.set_mode(index, "async");
        const auto tell = [&book, index](const Result<Receipt>& result) { book.complete(index, result); };
        if (const Result<void> accepted = producer.try_send_async(message, tell); !accepted) {
            book.complete(index, nullptr, &accepted.error());
        }
    }
}

std::string quoted(std::string_view text) {
    std::string json = "\"";
    for (const char byte : text) {
        if (byte == '"' || byte == '\\') {
            json += '\\';
            json += byte;
        } else if (static_cast<unsigned char>(byte) < 0x20) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
            json += escape.data();
        } else {
            json += byte;
        }
    }
    return json + '"';
}

bool write_out(const Book& book, const char* path) {
    std::ofstream out(path);
    std::size_t index = 0;
    for (const Outcome& outcome : book.outcomes()) {
        out << "{\"i\":" << index++ << ",\"mode\":\"" << outcome.mode << "\",\"ok\":" << (outcome.ok ? "true" : "false")
            << ",\"error\":" << (outcome.ok ? "null" : quoted(outcome.error))
            << ",\"message_id\":" << quoted(outcome.message_id) << ",\"queue_id\":" << outcome.queue_id
            << ",\"queue_offset\":" << outcome.queue_offset << ",\"broker\":" << quoted(outcome.broker)
            << ",\"maybe_persisted\":" << (outcome.maybe_persisted ? "true" : "false") << "}\n";
    }
    return out.flush().good();
}

/// How many messages have not exactly one outcome.
std::size_t count_defects(const Book& book) {
    std::size_t defects = 0;
    std::size_t index = 0;
    for (const Outcome& outcome : book.outcomes()) {
        if (const int completions = outcome.completions; completions != 1) {
            ++defects;
            std::cerr << "stress-cpp: message " << index << " (" << outcome.mode << ") has " << completions
                      << " completions" << std::endl;
        }
        ++index;
    }
    return defects;
}

Producer make_producer(std::string_view url, std::string_view group) {
    Producer producer(Config{{"url", url}, {"producer_group", group}});
    producer.start();
    return producer;
}

int run(std::string_view url, std::string_view topic, std::size_t count, const char* path) {
    Book book(count);
    std::array<Producer, 2> producers = {make_producer(url, "cpp-a"), make_producer(url, "cpp-b")};
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (std::size_t index = next++; index < count; index = next++) {
                send_one(producers[index / 2 % 2], book, topic, index);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (Producer& producer : producers) {
        for (const Result<void>& done : {producer.try_flush(60s), producer.try_close(10s)}) {
            if (!done) {
                std::cerr << "stress-cpp: " << done.error().name() << ": " << done.error().what() << std::endl;
            }
        }
    }
    book.wait_for_all();

    std::size_t good = 0;
    for (const Outcome& outcome : book.outcomes()) {
        good += outcome.ok ? 1 : 0;
    }
    const std::size_t defects = count_defects(book);
    const bool written = write_out(book, path);
    std::cout << "cpp: " << count << " messages, " << good << " ok, " << count - good << " failed, " << defects
              << " defects" << std::endl;
    if (!written) {
        std::cerr << "stress-cpp: cannot write " << path << std::endl;
    }
    return defects == 0 && written ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) {
        std::cerr << "usage: stress URL TOPIC [COUNT] OUT-FILE" << std::endl;
        return 2;
    }
    try {
        return run(argv[1], argv[2], argc == 5 ? std::stoul(argv[3]) : 10000, argv[argc - 1]);
    } catch (const std::exception& exception) {
        std::cerr << "stress-cpp: " << exception.what() << std::endl;
        return 1;
    }
}
