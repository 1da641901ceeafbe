#include "started.h"

int main(void) {
    mqp_error *error = NULL;
    mqp_receipt *receipt = NULL;
    mqp_producer *producer = start();
    mqp_message message = new_message("no such topic!", "hello");
    int failed = 0;
    {
#include "block.h"
        failed = view.status == MQP_ERR_INVALID_MESSAGE;
    }
    close_producer(producer);
    return failed ? 0 : 1;
}
