#include "started.h"

int main(void) {
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    mqp_producer *producer = NULL;
    mqp_receipt *receipt = NULL;
    mqp_message message = new_message("Orders", "hello");
    must(mqp_config_new(&config, &error), &error);
#include "block.h"
    must(error == NULL ? MQP_OK : mqp_error_status(error), &error);
    mqp_config_free(config);
    mqp_receipt_free(receipt);
    close_producer(producer);
    return receipt == NULL;
}
