/* The header from the outside, as C99 and as C++17: included twice, each initialiser used, each text helper called. */
#include <mqproducer.h>

#include <mqproducer.h>

static const mqp_str fixed = MQP_STR_INIT("fixed");
static mqp_message message = MQP_MESSAGE_INIT;
static mqp_hook hook = MQP_HOOK_INIT;
static mqp_send_options options = MQP_SEND_OPTIONS_INIT;
static mqp_status_view status_row = MQP_STATUS_VIEW_INIT;
static mqp_error_view error_view = MQP_ERROR_VIEW_INIT;
static mqp_receipt_view receipt_view = MQP_RECEIPT_VIEW_INIT;
static mqp_config_option_view option_row = MQP_CONFIG_OPTION_VIEW_INIT;
static mqp_mock_message_view mock_view = MQP_MOCK_MESSAGE_VIEW_INIT;

int main(void) {
    size_t sizes = message.struct_size + hook.struct_size + options.struct_size + status_row.struct_size + error_view.struct_size +
                   receipt_view.struct_size + option_row.struct_size + mock_view.struct_size;
    message.topic = MQP_STR("topic");
    message.tags = mqp_str_of("tag");
    return sizes > 0 && message.topic.len == 5 && message.tags.len == 3 && mqp_str_of(NULL).len == 0 &&
                   fixed.len == 5 && message.property_size == sizeof(mqp_property)
               ? 0
               : 1;
}
