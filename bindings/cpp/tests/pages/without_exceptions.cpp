// For statements that send one message; compiled with -fno-exceptions.
#include "page.hpp"

int main() {
    const mqproducer::Result<mqproducer::MockCluster> cluster = mqproducer::MockCluster::create();
    mqproducer::Result<mqproducer::Config> config = mqproducer::Config::create();
    if (!cluster || !config || !config->try_set("url", cluster->url()) || !config->try_set("producer_group", "pages")) {
        return 1;
    }
    mqproducer::Result<mqproducer::Producer> made = mqproducer::Producer::create(*config);
    if (!made || !made->try_start()) {
        return 1;
    }
    mqproducer::Producer& producer = *made;
    {
#include "block.inc"
    }
    return stored(*cluster, 1);
}
