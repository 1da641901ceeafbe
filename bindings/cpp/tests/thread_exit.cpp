// A program of its own: its callback ends the library's thread by pthread_exit, which must not end the process.

#include <mqproducer.hpp>

#include <pthread.h>

#include <cstdio>
#include <future>

int main() {
    mqproducer::MockCluster cluster;
    mqproducer::Producer producer(mqproducer::Config{{"url", cluster.url()}, {"producer_group", "cpp-tests"}});
    producer.start();
    std::promise<void> called;
    producer.send_async(mqproducer::Message("Topic", "body"), [&](const mqproducer::Completion&) {
        called.set_value();
        pthread_exit(nullptr);
    });
    const bool in_time = called.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    const bool sent = producer.try_send(mqproducer::Message("Topic", "after")).has_value();
    std::printf("%d passed, %d failed\n", in_time && sent ? 1 : 0, in_time && sent ? 0 : 1);
    return in_time && sent ? 0 : 1;
}
