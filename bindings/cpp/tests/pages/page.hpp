// What the programs around pieces of the pages share. `block.inc` is the piece.

#ifndef PAGES_PAGE_HPP
#define PAGES_PAGE_HPP

#include <mqproducer.hpp>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

using mqproducer::Message;
using mqproducer::Receipt;
using namespace std::chrono_literals;

/// The exit status of a program whose piece sent so many messages to the cluster.
inline int stored(const mqproducer::MockCluster& cluster, std::size_t count) {
    const mqproducer::Result<void> waited = cluster.try_wait(count, 30s);
    const mqproducer::Result<std::size_t> found = cluster.try_message_count();
    if (waited && found && *found == count) {
        return 0;
    }
    std::fprintf(stderr, "%zu messages are stored, not %zu\n", found ? *found : 0, count);
    return 1;
}

#if MQPRODUCER_EXCEPTIONS
inline mqproducer::Config config_of(const mqproducer::MockCluster& cluster) {
    return mqproducer::Config{{"url", cluster.url()}, {"producer_group", "pages"}};
}

/// Started by its first call that sends, so that a piece may do things before the start.
class PageProducer : public mqproducer::Producer {
public:
    explicit PageProducer(const mqproducer::MockCluster& cluster) : Producer(config_of(cluster)) {}

    template <class... Arguments>
    Receipt send(const Message& message, Arguments&&... arguments) {
        ready();
        return Producer::send(message, std::forward<Arguments>(arguments)...);
    }

    Receipt send(const Message& message, const mqproducer::SendOptions& options) {
        ready();
        return Producer::send(message, options);
    }

    template <class F>
    void send_async(const Message& message, F&& callable) {
        ready();
        Producer::send_async(message, std::forward<F>(callable));
    }

    std::future<Receipt> send_future(const Message& message) {
        ready();
        return Producer::send_future(message);
    }

    PageProducer& ready() {
        static_cast<void>(try_start());
        return *this;
    }
};
#endif

#endif
