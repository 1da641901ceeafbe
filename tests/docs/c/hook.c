#include "started.h"

static int ended;

static void after(void *user_data, const mqp_hook_context *context, const mqp_hook_end *end) {
    (void)user_data, (void)context, (void)end;
    ended++;
}

int main(void) {
    mqp_error *error = NULL;
    mqp_receipt *receipt = NULL;
    mqp_hook hook = MQP_HOOK_INIT;
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_message message = new_message("Orders", "hello");
    mqp_producer *producer = new_producer(new_config("mock://orders-test", "orders"));
    hook.after_send = after;
#include "block.h"
    must(error == NULL ? MQP_OK : mqp_error_status(error), &error);
    mqp_receipt_free(receipt);
    close_producer(producer);
    return ended == 1 ? 0 : 1;
}
