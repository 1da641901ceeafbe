// For settings of `config`.
#include "page.hpp"

int main() {
    const mqproducer::MockCluster cluster;
    mqproducer::Config config = config_of(cluster);
    {
#include "block.inc"
    }
    mqproducer::Producer producer(config);
    producer.start();
    producer.send(Message("Orders", "hello"));
    producer.close(10s);
    mqproducer::clear_log();
    return config.get("send_msg_timeout") == "5000" ? stored(cluster, 1) : 1;
}
