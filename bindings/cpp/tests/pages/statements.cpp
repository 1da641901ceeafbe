// For statements, and for pieces without a mark: a producer, a message and a hook are there.
#include "page.hpp"

namespace {

struct Audit : mqproducer::SendHook {};

}  // namespace

int main() {
    // What pieces send to by a URL of their own.
    const mqproducer::MockCluster own("demo");
    PageProducer producer(own);
    const Message message("Orders", "hello");
    std::make_shared<Audit>();
    {
#include "block.inc"
    }
    producer.ready().flush(30s);
    return own.message_count() > 0 ? 0 : 1;
}
