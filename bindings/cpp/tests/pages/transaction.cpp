// For a transaction that is committed.
#include "page.hpp"

namespace {

void save_order(std::string_view) {}

}  // namespace

int main() {
    const mqproducer::MockCluster cluster;
    PageProducer producer(cluster);
    producer.set_transaction_checker([](const auto&) { return mqproducer::TransactionState::unknown; });
    producer.start();
    {
#include "block.inc"
    }
    return stored(cluster, 1);
}
