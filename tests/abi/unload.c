/* The library loaded by name and let go of while it is at work: its code stays, what it began ends, and it can be loaded
 * again. Not linked with it. */
#include "check.h"

#include <dlfcn.h>
#include <time.h>

#define MESSAGES 200

static int calls, drops;

static void on_call(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    __atomic_fetch_add(&calls, completion->status == MQP_OK, __ATOMIC_SEQ_CST);
}

static void on_drop(void *user_data) {
    (void)user_data;
    __atomic_fetch_add(&drops, 1, __ATOMIC_SEQ_CST);
}

/* The functions under their own types. */
#define LOAD(library, name) \
    __typeof__(&name) name##_ = NULL; \
    *(void **)&name##_ = dlsym(library, #name)

int main(int count, char **arguments) {
    mqp_message message = check_message();
    mqp_callback callback = {on_call, NULL, on_drop};
    mqp_config *config = NULL;
    mqp_producer *producer = NULL;
    struct timespec pause = {0, 1000000};
    void *library = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL);
    int i, failed = 0;
    LOAD(library, mqp_config_new);
    LOAD(library, mqp_config_set);
    LOAD(library, mqp_producer_new);
    LOAD(library, mqp_producer_start);
    LOAD(library, mqp_producer_send_async);
    failed += mqp_config_new_(&config, NULL) != MQP_OK;
    failed += mqp_config_set_(config, MQP_STR("url"), MQP_STR("mock://"), NULL) != MQP_OK;
    failed += mqp_config_set_(config, MQP_STR("producer_group"), MQP_STR("unload"), NULL) != MQP_OK;
    failed += mqp_producer_new_(config, &producer, NULL) != MQP_OK;
    failed += mqp_producer_start_(producer, NULL) != MQP_OK;
    for (i = 0; i < MESSAGES; i++) {
        failed += mqp_producer_send_async_(producer, &message, NULL, callback, NULL) != MQP_OK;
    }
    failed += dlclose(library) != 0;
    for (i = 0; i < 30000 && __atomic_load_n(&drops, __ATOMIC_SEQ_CST) < MESSAGES; i++) {
        nanosleep(&pause, NULL);
    }
    library = dlopen(arguments[count - 1], RTLD_NOW | RTLD_LOCAL);
    {
        LOAD(library, mqp_producer_send);
        LOAD(library, mqp_producer_free);
        LOAD(library, mqp_config_free);
        failed += mqp_producer_send_(producer, &message, NULL, NULL, NULL) != MQP_OK;
        mqp_producer_free_(producer);
        mqp_config_free_(config);
    }
    failed += dlclose(library) != 0;
    printf("%d failed, %d calls, %d drops\n", failed, calls, drops);
    return failed == 0 && calls == MESSAGES && drops == MESSAGES ? 0 : 1;
}
