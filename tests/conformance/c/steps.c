/* One case, from its cluster to the end of its producer. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

static transaction *transaction_of(run *r, const json *step) {
    const char *name = json_text_of(step, "transaction", "t");
    transaction *free_one = NULL;
    for (size_t i = 0; i < sizeof r->transactions / sizeof r->transactions[0]; i++) {
        transaction *one = &r->transactions[i];
        if (one->name != NULL && strcmp(one->name, name) == 0) {
            return one;
        }
        free_one = one->name == NULL && free_one == NULL ? one : free_one;
    }
    if (free_one == NULL) {
        r->wrong = json_format("there are too many transactions");
        return &r->transactions[0];
    }
    free_one->name = name;
    return free_one;
}

static json *transaction_step(run *r, const json *step, const char *what) {
    transaction *of = transaction_of(r, step);
    mqp_error *error = NULL;
    mqp_status status;
    if (strcmp(what, "transaction_send") == 0) {
        mqp_message message = message_of(step);
        mqp_send_options options = options_of(r, step);
        mqp_receipt *receipt = NULL;
        status = mqp_transaction_send(of->handle, &message, &options, &receipt, &error);
        return outcome_of_receipt(status, receipt, error);
    }
    if (strcmp(what, "begin") == 0) {
        mqp_transaction_free(of->handle);
        status = mqp_transaction_begin(r->producer, &of->handle, &error);
    } else if (strcmp(what, "commit") == 0) {
        status = mqp_transaction_commit(of->handle, &error);
    } else if (strcmp(what, "rollback") == 0) {
        status = mqp_transaction_rollback(of->handle, &error);
    } else if (strcmp(what, "release") == 0) {
        mqp_transaction_free(of->handle);
        of->handle = NULL;
        return outcome_ok();
    } else {
        return NULL;
    }
    return outcome_of(status, &error);
}

static json *recall(run *r, const json *step) {
    mqp_receipt *receipt = NULL;
    mqp_error *error = NULL;
    mqp_str topic = mqp_str_of(json_text_of(step, "topic", "T")), handle = mqp_str_of(json_text_of(step, "handle", ""));
    uint32_t timeout_ms = (uint32_t)json_number_of(step, "timeout_ms", 0);
    mqp_status status = mqp_producer_recall(r->producer, topic, handle, timeout_ms, &receipt, &error);
    return outcome_of_receipt(status, receipt, error);
}

static json *brokers(run *r) {
    static const char *const names[] = {"healthy", "isolated", "unreachable"};
    mqp_broker_states *states = NULL;
    mqp_error *error = NULL;
    mqp_status status = mqp_producer_broker_states(r->producer, &states, &error);
    json *outcome = outcome_of(status, &error), *list = json_new(JSON_LIST);
    for (size_t i = 0; i < mqp_broker_states_count(states); i++) {
        mqp_broker_state_view view = MQP_BROKER_STATE_VIEW_INIT;
        mqp_broker_states_get(states, i, &view, NULL);
        json *one = json_new(JSON_OBJECT);
        json_put(one, "name", text_json(view.name));
        json_put(one, "state", json_string(view.state <= MQP_BROKER_UNREACHABLE ? names[view.state] : "?"));
        json_add(list, NULL, one);
    }
    mqp_broker_states_free(states);
    json_put(outcome, "brokers", list);
    return outcome;
}

static json *statistics(run *r) {
    mqp_statistics *taken = NULL;
    mqp_error *error = NULL;
    mqp_status status = mqp_producer_statistics(r->producer, &taken, &error);
    json *outcome = outcome_of(status, &error);
    if (status == MQP_OK) {
        json *parsed = json_parse(text_json(mqp_statistics_json(taken))->text);
        json_put(outcome, "statistics", parsed != NULL ? parsed : json_string("no JSON"));
    }
    mqp_statistics_free(taken);
    return outcome;
}

static json *statuses(void) {
    json *outcome = outcome_ok(), *names = json_new(JSON_OBJECT);
    for (size_t i = 0; i < mqp_status_count(); i++) {
        mqp_status_view view = MQP_STATUS_VIEW_INIT;
        mqp_status_get(i, &view, NULL);
        if (view.status != MQP_OK) {
            json_put(names, text_json(view.name)->text, json_number(view.status));
        }
    }
    json_put(outcome, "names", names);
    return outcome;
}

static json *notes(json *of, const json *step, const char *name) {
    json *came = wait_notes(of, (size_t)json_number_of(step, "count", 0));
    if (came == NULL) {
        return outcome_timeout();
    }
    json *outcome = outcome_ok();
    json_put(outcome, "count", json_number((double)came->count));
    json_put(outcome, name, came);
    return outcome;
}

static json *config_step(run *r, const json *step, bool set) {
    mqp_str key = mqp_str_of(json_text_of(step, "key", "")), value;
    mqp_error *error = NULL;
    if (set) {
        return outcome_of(mqp_config_set(r->config, key, mqp_str_of(json_text_of(step, "value", "")), &error), &error);
    }
    json *outcome = outcome_of(mqp_config_get(r->config, key, &value, &error), &error);
    if (json_is(json_get(outcome, "status"), "OK")) {
        json_put(outcome, "value", text_json(value));
    }
    return outcome;
}

static json *create(run *r) {
    mqp_error *error = NULL;
    /* One that was closed before, if any. */
    mqp_producer_free(r->producer);
    r->producer = NULL;
    mqp_status status = mqp_producer_new(r->config, &r->producer, &error);
    if (status == MQP_OK) {
        status = add_hooks(r, &error);
    }
    return outcome_of(status, &error);
}

/* NULL with `r->wrong` or `*later` set. */
static json *do_step(run *r, const json *step, waiter **later) {
    const char *what = json_text_of(step, "do", "");
    uint32_t timeout_ms = (uint32_t)json_number_of(step, "timeout_ms", 0);
    mqp_error *error = NULL;
    mqp_status status;
    if (strcmp(what, "start") == 0) {
        status = mqp_producer_start(r->producer, &error);
        return outcome_of(status, &error);
    }
    if (strcmp(what, "flush") == 0) {
        status = mqp_producer_flush(r->producer, timeout_ms, &error);
        return outcome_of(status, &error);
    }
    if (strcmp(what, "close") == 0) {
        status = mqp_producer_close(r->producer, timeout_ms, &error);
        return outcome_of(status, &error);
    }
    if (strncmp(what, "config_", 7) == 0) {
        return config_step(r, step, strcmp(what, "config_set") == 0);
    }
    if (strcmp(what, "hook_calls") == 0) {
        return notes(r->calls, step, "calls");
    }
    if (strcmp(what, "checks") == 0) {
        return notes(r->asked, step, "messages");
    }
    json *outcome = strcmp(what, "create") == 0       ? create(r)
                    : strcmp(what, "brokers") == 0    ? brokers(r)
                    : strcmp(what, "statistics") == 0 ? statistics(r)
                    : strcmp(what, "statuses") == 0   ? statuses()
                    : strcmp(what, "recall") == 0     ? recall(r, step)
                    : strcmp(what, "stored") == 0     ? stored_step(r, step)
                                                      : send_step(r, step, later);
    static const char *const of_transactions = " begin transaction_send commit rollback release ";
    if (outcome == NULL && *later == NULL && r->wrong == NULL) {
        bool is_one = strstr(of_transactions, json_format(" %s ", what)) != NULL;
        outcome = is_one ? transaction_step(r, step, what) : cluster_step(r, step);
    }
    if (outcome == NULL && *later == NULL && r->wrong == NULL) {
        r->wrong = json_format("there is no step `%s`", what);
    }
    return r->wrong == NULL ? outcome : NULL;
}

static waiters *kept_as(run *r, const char *name) {
    size_t i = 0;
    while (i < 7 && r->kept[i].name != NULL && strcmp(r->kept[i].name, name) != 0) {
        i++;
    }
    r->kept[i].name = name;
    return &r->kept[i];
}

static bool await_all(run *r, waiters *of, json *outcomes) {
    for (size_t i = 0; i < of->count; i++) {
        json *outcome = await(r, of->list[i]);
        if (outcome == NULL) {
            return false;
        }
        json_add(outcomes, NULL, outcome);
    }
    of->count = 0;
    return true;
}

/* The outcomes of a step, one for each time that it is done; false with `r->wrong` set. */
static bool outcomes_of(run *r, const json *step, json *outcomes) {
    if (json_is(json_get(step, "do"), "await")) {
        return await_all(r, kept_as(r, json_text_of(step, "of", "")), outcomes);
    }
    const char *name = json_text_of(step, "as", NULL);
    waiters *list = name != NULL ? kept_as(r, name) : json_memory(sizeof *list);
    json *bare = json_new(JSON_OBJECT);
    for (size_t i = 0; i < step->count; i++) {
        if (strcmp(step->names[i], "expect") != 0) {
            json_add(bare, step->names[i], step->items[i]);
        }
    }
    for (size_t number = 0; number < (size_t)json_number_of(step, "times", 1); number++) {
        json *resolved = resolve(bare, number, &r->from, &r->wrong);
        waiter *later = NULL;
        json *outcome = resolved != NULL ? do_step(r, resolved, &later) : NULL;
        if (later != NULL && list->count < sizeof list->list / sizeof list->list[0]) {
            list->list[list->count++] = later;
            outcome = name != NULL ? outcome_ok() : NULL;
        } else if (outcome == NULL) {
            return false;
        }
        if (outcome != NULL) {
            json_add(outcomes, NULL, outcome);
        }
    }
    return name != NULL || await_all(r, list, outcomes);
}

static void steps(run *r, json *differences) {
    const json *list = json_get(r->at, "steps");
    for (size_t number = 0; number < list->count && differences->count == 0; number++) {
        const json *step = list->items[number];
        const char *at = json_format("steps[%zu] %s", number, json_text_of(step, "do", ""));
        json *outcomes = json_new(JSON_LIST);
        bool done = outcomes_of(r, step, outcomes);
        const char *save = json_text_of(step, "save", NULL);
        if (done && save != NULL && outcomes->count > 0) {
            json_put(r->saved, save, outcomes->items[outcomes->count - 1]);
        }
        for (size_t time = 0; done && time < outcomes->count; time++) {
            const json *expect = json_get(step, "expect");
            json *pattern = resolve(expect != NULL ? expect : json_new(JSON_OBJECT), time, &r->from, &r->wrong);
            if (pattern == NULL) {
                done = false;
                break;
            }
            if (json_get(pattern, "status") == NULL) {
                json_put(pattern, "status", json_string("OK"));
            }
            compare(pattern, outcomes->items[time], outcomes->count > 1 ? json_format("%s, time %zu", at, time) : at,
                    differences);
        }
        if (!done) {
            json_add(differences, NULL, json_string(json_format("%s: %s", at, r->wrong)));
        }
    }
}

static json *saved(void *of, const char *name, const char *field) {
    return json_get(json_get(((run *)of)->saved, name), field);
}

static json *stored(void *of, const char *topic, size_t index, const char *property) {
    const run *r = of;
    json *messages = r->cluster != NULL ? stored_messages(r->cluster, topic) : json_new(JSON_LIST);
    return index < messages->count ? json_get(json_get(messages->items[index], "properties"), property) : NULL;
}

static bool is_fine(run *r, mqp_status status, mqp_error **error) {
    if (status != MQP_OK && r->wrong == NULL) {
        r->wrong = json_format("%s: %s", mqp_status_name(status), mqp_error_message(*error));
    }
    mqp_error_free(*error);
    return status == MQP_OK;
}

static bool set_key(run *r, const char *key, const json *value) {
    if (value->kind == JSON_NULL) {
        return true;
    }
    json *resolved = resolve(value, 0, &r->from, &r->wrong);
    mqp_error *error = NULL;
    return resolved != NULL &&
           is_fine(r, mqp_config_set(r->config, mqp_str_of(key), mqp_str_of(resolved->text), &error), &error);
}

static bool open_cluster(run *r) {
    const json *of = json_get(r->at, "cluster"), *echo = json_get(of, "echo");
    mqp_error *error = NULL;
    uint32_t brokers = (uint32_t)json_number_of(of, "brokers", 1), queues = (uint32_t)json_number_of(of, "queues", 4);
    mqp_str name = mqp_str_of(json_text_of(of, "name", ""));
    mqp_status status = mqp_mock_cluster_new(name, brokers, queues, &r->cluster, &error);
    for (size_t i = 0; status == MQP_OK && echo != NULL && i < echo->count; i++) {
        status = mqp_mock_cluster_echo(r->cluster, mqp_str_of(echo->items[i]->text), &error);
    }
    if (status == MQP_OK) {
        uint32_t interval_ms = (uint32_t)json_number_of(of, "check_interval_ms", 3600000);
        status = mqp_mock_cluster_set_transaction_check_interval(r->cluster, interval_ms, &error);
    }
    r->from.url = mqp_mock_cluster_url(r->cluster);
    return is_fine(r, status, &error);
}

static char *temporary_folder(void) {
    const char *of_system = getenv("TMPDIR");
    return mkdtemp(json_format("%s/mqp-conformance-XXXXXX", of_system != NULL ? of_system : "/tmp"));
}

/* Removes a folder with the files in it. */
static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        /* Of itself and its parent that does nothing. */
        unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
    rmdir(path);
}

static bool prepare(run *r) {
    const json *config = json_get(r->at, "config");
    mqp_error *error = NULL;
    const char *colon = strstr(r->from.url, "://");
    r->from.address = colon != NULL ? colon + 3 : r->from.url;
    bool fine = is_fine(r, mqp_config_new(&r->config, &error), &error);
    if (json_get(config, "url") == NULL) {
        fine = fine && set_key(r, "url", json_string("{url}"));
    }
    if (json_get(config, "producer_group") == NULL) {
        fine = fine && set_key(r, "producer_group", json_string("conformance"));
    }
    for (size_t i = 0; fine && config != NULL && i < config->count; i++) {
        fine = set_key(r, config->names[i], config->items[i]);
    }
    const json *start = json_get(r->at, "start");
    if (!fine || (start != NULL && !start->boolean)) {
        return fine;
    }
    json *made = create(r);
    if (!json_is(json_get(made, "status"), "OK")) {
        r->wrong = json_print(made);
        return false;
    }
    error = NULL;
    return is_fine(r, mqp_producer_start(r->producer, &error), &error);
}

void run_case(const json *at, const char *url, const char *id, json *differences) {
    run *r = json_memory(sizeof *r);
    r->at = at;
    r->from = (source){r, saved, stored, url, NULL, id, temporary_folder()};
    r->saved = json_new(JSON_OBJECT);
    r->calls = json_new(JSON_LIST);
    r->asked = json_new(JSON_LIST);
    if (r->from.temporary == NULL) {
        json_add(differences, NULL, json_string("there is no temporary folder"));
    } else if ((url != NULL || open_cluster(r)) && prepare(r)) {
        steps(r, differences);
    } else {
        json_add(differences, NULL, json_string(r->wrong));
    }
    for (size_t i = 0; i < sizeof r->transactions / sizeof r->transactions[0]; i++) {
        mqp_transaction_free(r->transactions[i].handle);
    }
    if (r->producer != NULL) {
        /* How a producer of any state closes is for the steps to say. */
        mqp_producer_close(r->producer, LIMIT_MS, NULL);
    }
    mqp_producer_free(r->producer);
    mqp_completion_queue_free(r->queue);
    mqp_config_free(r->config);
    mqp_mock_cluster_free(r->cluster);
    if (r->from.temporary != NULL) {
        remove_folder(r->from.temporary);
    }
}
