#include "started.h"

static void place_an_order(void) {
    mqp_producer *producer = start();
    mqp_error *error = NULL;
    mqp_message message = new_message("Orders", "hello");
    must(mqp_producer_send(producer, &message, NULL, NULL, &error), &error);
    stored("Orders", 1);
    close_producer(producer);
}

int main(void) {
    mqp_error *error = NULL;
#include "block.h"
    return 0;
}
