// For a loop over `messages` and a queue.
#include "page.hpp"

#include <poll.h>

int main() {
    const mqproducer::MockCluster cluster;
    mqproducer::Producer producer(config_of(cluster).set("backpressure", "fail").set("max_in_flight_messages", 100));
    producer.start();
    const std::vector<Message> messages(1000, Message("Orders", "hello"));
    {
#include "block.inc"
    }
    return stored(cluster, 1000);
}
