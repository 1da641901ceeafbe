// For a checker of transactions, set before the start: it must have the order delivered.
#include "page.hpp"

namespace {

bool is_saved(std::string_view keys) {
    return keys == "order-1";
}

}  // namespace

int main() {
    mqproducer::MockCluster cluster;
    cluster.set_transaction_check_interval(10ms);
    mqproducer::Producer producer(config_of(cluster));
    {
#include "block.inc"
    }
    mqproducer::Transaction transaction = producer.begin_transaction();
    transaction.send(Message("Orders", "hello").keys("order-1"));
    return stored(cluster, 1);
}
