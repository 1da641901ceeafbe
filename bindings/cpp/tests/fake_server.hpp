// A name server and broker in one that answers as a test wants, or not at all.

#ifndef MQPRODUCER_TESTS_FAKE_SERVER_HPP
#define MQPRODUCER_TESTS_FAKE_SERVER_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What happens to each send.
struct SendAnswer {
    /// Whether there is an answer.
    bool answers = false;
    /// The response code of the answer.
    int code = 0;
    /// Its remark.
    std::string remark;
};

class FakeServer {
public:
    /// `has_route`: whether the name server knows every topic, or none. `name`: the broker's.
    explicit FakeServer(SendAnswer answer, bool has_route = true, std::string name = "fake")
        : answer_(std::move(answer)),
          has_route_(has_route),
          name_(std::move(name)),
          listener_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 ||
            getsockname(listener_, generic, &size) != 0) {
            throw std::runtime_error("no listening socket");
        }
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }

    ~FakeServer() {
        shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        {
            std::lock_guard<std::mutex> lock(mutex_);
            for (const int connection : connections_) {
                shutdown(connection, SHUT_RDWR);
            }
        }
        for (std::thread& thread : threads_) {
            thread.join();
        }
        for (const int connection : connections_) {
            close(connection);
        }
        close(listener_);
    }

    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string url() const { return "rocketmq://" + address(); }
    /// How many sends came in.
    int sends() const { return sends_; }

private:
    void accept_all() {
        for (int connection = accept(listener_, nullptr, nullptr); connection >= 0;
             connection = accept(listener_, nullptr, nullptr)) {
            std::lock_guard<std::mutex> lock(mutex_);
            connections_.push_back(connection);
            threads_.emplace_back([this, connection] { serve(connection); });
        }
    }

    void serve(int connection) {
        std::string frame;
        while (read_exactly(connection, frame, 4) && read_exactly(connection, frame, number(frame, 0, 4))) {
            const std::string header = frame.substr(4, number(frame, 1, 3));
            const long flag = field(header, "\"flag\":");
            const std::string response = respond(field(header, "\"code\":"), field(header, "\"opaque\":"));
            if ((flag & 2) == 0 && !response.empty() &&
                send(connection, response.data(), response.size(), MSG_NOSIGNAL) < 0) {
                return;
            }
        }
    }

    std::string respond(long code, long opaque) {
        constexpr long route_of_topic = 105;
        constexpr long send_message = 10;
        constexpr long send_message_short = 310;
        if (code == route_of_topic) {
            return has_route_ ? packed(opaque, 0, "", route()) : packed(opaque, 17, "No topic route info", "");
        }
        if (code == send_message || code == send_message_short) {
            ++sends_;
            return answer_.answers ? packed(opaque, answer_.code, answer_.remark, "") : "";
        }
        return packed(opaque, 0, "", "");
    }

    std::string route() const {
        return R"({"brokerDatas":[{"brokerAddrs":{"0":")" + address() +
               R"("},"brokerName":")" + name_ +
               R"(","cluster":"fakes"}],"filterServerTable":{},"queueDatas":[{"brokerName":")" + name_ +
               R"(","perm":6,"readQueueNums":1,"writeQueueNums":1,"topicSysFlag":0}]})";
    }

    static std::string packed(long opaque, int code, const std::string& remark, const std::string& body) {
        const std::string header = R"({"code":)" + std::to_string(code) +
                                   R"(,"flag":1,"language":"JAVA","version":500,"opaque":)" + std::to_string(opaque) +
                                   R"(,"remark":")" + remark + R"(","serializeTypeCurrentRPC":"JSON"})";
        return bytes_of(4 + header.size() + body.size()) + bytes_of(header.size()) + header + body;
    }

    static std::string bytes_of(std::size_t value) {
        std::string bytes(4, '\0');
        for (std::size_t index = 0; index < 4; ++index) {
            bytes[index] = static_cast<char>(value >> (24 - 8 * index));
        }
        return bytes;
    }

    static std::size_t number(const std::string& bytes, std::size_t from, std::size_t count) {
        std::size_t value = 0;
        for (std::size_t index = from; index < from + count; ++index) {
            value = value << 8 | static_cast<unsigned char>(bytes[index]);
        }
        return value;
    }

    static long field(const std::string& header, const std::string& name) {
        const std::size_t found = header.find(name);
        return found == std::string::npos ? 0 : std::stol(header.substr(found + name.size()));
    }

    static bool read_exactly(int connection, std::string& into, std::size_t size) {
        into.resize(size);
        return size > 0 && recv(connection, into.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
    }

    SendAnswer answer_;
    bool has_route_;
    std::string name_;
    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<int> sends_{0};
    std::mutex mutex_;
    std::vector<int> connections_;
    // Alone adds to the connections and their threads.
    std::thread acceptor_;
    std::vector<std::thread> threads_;
};

#endif
