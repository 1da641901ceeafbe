#include "started.h"

struct order {
    int number, sent;
};

#include "block.h"

int main(void) {
    mqp_producer *producer = start();
    mqp_error *error = NULL;
    mqp_message message = new_message("Orders", "hello");
    struct order order = {1, 0};
    must(send_order(producer, &message, &order, &error), &error);
    close_producer(producer);
    return order.sent == 1 ? 0 : 1;
}
