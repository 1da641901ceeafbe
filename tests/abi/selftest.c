/* A case that passes and one that fails: the runner must notice. */
#include "check.h"

static void passes(void) {
    CHECK(1);
    CHECK_ERROR(mqp_config_new(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
}

static void fails(void) {
    CHECK(0);
    CHECK_OK(mqp_config_new(NULL, &error));
    CHECK_ERROR(mqp_config_new(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "another text");
    CHECK_ERROR(mqp_config_new(NULL, &error), MQP_ERR_TIMEOUT, "");
}

int main(void) {
    RUN(passes);
    RUN(fails);
    return check_finish();
}
