/* The conformance cases in C; tests/conformance/README.md says what they are. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static json *read_file(const char *name) {
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        exit(2);
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = json_memory((size_t)size + 1);
    size_t read = fread(text, 1, (size_t)size, file);
    fclose(file);
    json *value = read == (size_t)size ? json_parse(text) : NULL;
    if (json_get(value, "cases") == NULL) {
        fprintf(stderr, "%s: no file of cases\n", name);
        exit(2);
    }
    return value;
}

/* Whether a case did not fail. C has every feature, so it runs every case. */
static bool report(const char *group, const json *at, const char *url, const char *id) {
    json *differences = json_new(JSON_LIST), *line = json_new(JSON_OBJECT);
    run_case(at, url, id, differences);
    json_put(line, "group", json_string(group));
    json_put(line, "case", json_get(at, "name"));
    json_put(line, "result", json_string(differences->count == 0 ? "ok" : "failed"));
    json_put(line, "why", differences);
    printf("%s\n", json_print(line));
    fflush(stdout);
    return differences->count == 0;
}

int main(int count, char **arguments) {
    const char *url = NULL, *id = "embedded";
    int first = 1;
    if (count > 4 && strcmp(arguments[1], "--url") == 0 && strcmp(arguments[3], "--id") == 0) {
        url = arguments[2];
        id = arguments[4];
        first = 5;
    }
    bool good = true;
    for (int i = first; i < count; i++) {
        json *file = read_file(arguments[i]), *cases = json_get(file, "cases");
        for (size_t j = 0; j < cases->count; j++) {
            const char *needs = json_text_of(cases->items[j], "needs", "embedded");
            if (strcmp(needs, "both") == 0 || strcmp(needs, url != NULL ? "broker" : "embedded") == 0) {
                json_mark();
                good = report(json_text_of(file, "group", ""), cases->items[j], url, id) && good;
                json_release();
            }
        }
    }
    return good ? 0 : 1;
}
