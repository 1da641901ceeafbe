/// @file
/// The embedded cluster, for tests and demonstrations.

#ifndef MQPRODUCER_MOCK_HPP
#define MQPRODUCER_MOCK_HPP

#include "result.hpp"

#include <iterator>
#include <vector>

namespace mqproducer {

/// A message that a cluster stored; borrowed, with its texts, from the MockMessages it comes from.
class MockMessage {
public:
    /// Wraps a message of the C interface.
    explicit MockMessage(const mqp_mock_message_view& view) noexcept : view_(view) {}

    /// The topic.
    std::string_view topic() const noexcept { return detail::view(view_.topic); }
    /// The body as it was sent.
    std::string_view body() const noexcept {
        return std::string_view(reinterpret_cast<const char*>(view_.body.ptr), view_.body.len);
    }
    /// The tag; empty: none.
    std::string_view tags() const noexcept { return detail::view(view_.tags); }
    /// The index keys; empty: none.
    std::string_view keys() const noexcept { return detail::view(view_.keys); }
    /// The flag that it was sent with.
    std::int32_t flag() const noexcept { return view_.flag; }
    /// The broker that stored it.
    std::string_view broker_name() const noexcept { return detail::view(view_.broker_name); }
    /// The queue that it is in.
    std::int32_t queue_id() const noexcept { return view_.queue_id; }
    /// Its offset in the queue.
    std::int64_t queue_offset() const noexcept { return view_.queue_offset; }
    /// The unique id that the producer gave it.
    std::string_view message_id() const noexcept { return detail::view(view_.message_id); }
    /// The broker's id.
    std::string_view offset_message_id() const noexcept { return detail::view(view_.offset_message_id); }
    /// When the producer made it, in milliseconds since 1970.
    std::int64_t born_timestamp() const noexcept { return view_.born_timestamp; }
    /// When the broker stored it, in milliseconds since 1970.
    std::int64_t store_timestamp() const noexcept { return view_.store_timestamp; }

    /// All properties as stored, those that the library sets included, as names with values.
    std::vector<std::pair<std::string_view, std::string_view>> properties() const {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        all.reserve(view_.property_count);
        for (std::size_t index = 0; index < view_.property_count; ++index) {
            const mqp_property& property = property_at(index);
            all.emplace_back(detail::view(property.name), detail::view(property.value));
        }
        return all;
    }

    /// The value of one property; nothing when there is none of that name.
    std::optional<std::string_view> property(std::string_view name) const noexcept {
        for (std::size_t index = 0; index < view_.property_count; ++index) {
            const mqp_property& property = property_at(index);
            if (detail::view(property.name) == name) {
                return detail::view(property.value);
            }
        }
        return std::nullopt;
    }

private:
    const mqp_property& property_at(std::size_t index) const noexcept {
        return detail::property_at(view_.properties, view_.property_size, index);
    }

    mqp_mock_message_view view_;
};

/// The messages that a cluster held at one moment, in the order of their storing. Any threads may read it at the same
/// time.
class MockMessages {
public:
    /// Reads one message after another.
    class Iterator {
    public:
        /// The iterator's traits: it makes its values.
        using iterator_category = std::input_iterator_tag;
        /// What it leads to.
        using value_type = MockMessage;
        /// Between two of them.
        using difference_type = std::ptrdiff_t;
        /// None: the value lives in no container.
        using pointer = void;
        /// Made by each reading.
        using reference = MockMessage;

        /// The place `index` in `messages`.
        Iterator(const MockMessages& messages, std::size_t index) noexcept : messages_(&messages), index_(index) {}
        /// The message here.
        MockMessage operator*() const noexcept { return (*messages_)[index_]; }
        /// On to the next.
        Iterator& operator++() noexcept {
            ++index_;
            return *this;
        }
        /// On to the next; the place before.
        Iterator operator++(int) noexcept { return Iterator(*messages_, index_++); }
        /// Whether it is the same place.
        friend bool operator==(const Iterator& left, const Iterator& right) noexcept {
            return left.index_ == right.index_;
        }
        /// Whether it is another place.
        friend bool operator!=(const Iterator& left, const Iterator& right) noexcept { return !(left == right); }

    private:
        const MockMessages* messages_;
        std::size_t index_;
    };

    /// Takes ownership of a snapshot of the C interface.
    explicit MockMessages(mqp_mock_messages* handle) noexcept : handle_(handle) {}

    /// How many there are.
    std::size_t size() const noexcept { return mqp_mock_messages_count(handle_.get()); }
    /// Whether there is none.
    bool empty() const noexcept { return size() == 0; }

    /// One of them; all empty when `index` is not below size().
    MockMessage operator[](std::size_t index) const noexcept {
        mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
        mqp_mock_messages_get(handle_.get(), index, &view, nullptr);
        return MockMessage(view);
    }

    /// The first.
    Iterator begin() const noexcept { return Iterator(*this, 0); }
    /// Behind the last.
    Iterator end() const noexcept { return Iterator(*this, size()); }

private:
    std::unique_ptr<mqp_mock_messages, detail::Deleter<mqp_mock_messages_free>> handle_;
};

inline namespace MQPRODUCER_ABI {

/// A cluster of name server and brokers inside this process, on real sockets of the loopback interface. Its brokers
/// make a topic when the first message for it comes. Any threads may use it at the same time.
///
/// The last owner or producer of its name stops it.
class MockCluster {
public:
    /// Opens a cluster.
    ///
    /// `name`: empty makes a new one of the caller's own; another name is shared in this process with each cluster
    /// opened by it and each `mock://name` URL, and the first of them decides its size. `brokers`: 1 to 64; 0: 1.
    /// `queues` of a topic: 1 to 1024; 0: 4. Any thread. Errors: Status::invalid_argument, resource; unsupported in a
    /// library built without the embedded cluster.
    static Result<MockCluster> create(std::string_view name = {}, std::uint32_t brokers = 0, std::uint32_t queues = 0) {
        if (Result<void> fits = detail::check_version(); !fits) {
            return detail::Failure(std::move(fits).error());
        }
        mqp_mock_cluster* handle = nullptr;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_mock_cluster_new(detail::c_str(name), brokers, queues, &handle, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return MockCluster(handle);
    }

    /// The URL that a producer's configuration takes to send to this cluster; borrowed from this object.
    std::string_view url() const noexcept { return mqp_mock_cluster_url(handle_.get()); }

    /// Takes a snapshot of the messages that it holds. `topic`: empty: all topics. Errors: Status::invalid_argument.
    Result<MockMessages> try_messages(std::string_view topic = {}) const {
        mqp_mock_messages* messages = nullptr;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_mock_cluster_messages(handle_.get(), detail::c_str(topic), &messages, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return MockMessages(messages);
    }

    /// How many messages it holds. `topic`: empty: all topics. Errors: Status::invalid_argument.
    Result<std::size_t> try_message_count(std::string_view topic = {}) const {
        std::size_t count = 0;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_mock_cluster_message_count(handle_.get(), detail::c_str(topic), &count, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return count;
    }

    /// Forgets the messages that it holds. Errors: Status::invalid_argument.
    Result<void> try_clear() {
        mqp_error* error = nullptr;
        const mqp_status status = mqp_mock_cluster_clear(handle_.get(), &error);
        return detail::result_of(status, error);
    }

    /// Gives this cluster back before the object ends; each later call fails with Status::invalid_argument.
    void close() noexcept { handle_.reset(); }

#if MQPRODUCER_EXCEPTIONS
    /// As create().
    explicit MockCluster(std::string_view name = {}, std::uint32_t brokers = 0, std::uint32_t queues = 0)
        : MockCluster(unwrap(create(name, brokers, queues))) {}

    /// As try_messages().
    MockMessages messages(std::string_view topic = {}) const { return unwrap(try_messages(topic)); }

    /// As try_message_count().
    std::size_t message_count(std::string_view topic = {}) const { return unwrap(try_message_count(topic)); }

    /// As try_clear().
    void clear() { unwrap(try_clear()); }
#endif

    /// The handle, for calls of the C interface; borrowed from this object.
    mqp_mock_cluster* handle() const noexcept { return handle_.get(); }

private:
    explicit MockCluster(mqp_mock_cluster* handle) noexcept : handle_(handle) {}

    std::unique_ptr<mqp_mock_cluster, detail::Deleter<mqp_mock_cluster_free>> handle_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
