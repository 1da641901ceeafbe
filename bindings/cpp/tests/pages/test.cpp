// For a test of a service: `place_an_order` sends to mock://orders-test.
#undef NDEBUG
#include "page.hpp"

#include <cassert>

namespace {

void place_an_order() {
    mqproducer::Producer producer(
        mqproducer::Config{{"url", "mock://orders-test"}, {"producer_group", "orders"}});
    producer.start();
    producer.send(Message("Orders", "hello"));
    producer.close(10s);
}

}  // namespace

int main() {
    {
#include "block.inc"
    }
}
