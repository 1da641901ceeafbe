#include "pattern.h"

#include <stdio.h>
#include <string.h>

/* The name of the only field of an object, when it is `$something`, else the empty text. */
static const char *operator_of(const json *value) {
    bool is_operator = value->kind == JSON_OBJECT && value->count == 1 && value->names[0][0] == '$';
    return is_operator ? value->names[0] : "";
}

static char *replace(char *text, const char *what, const char *with) {
    char *found = strstr(text, what);
    if (found == NULL) {
        return text;
    }
    char *rest = replace(found + strlen(what), what, with);
    return json_format("%.*s%s%s", (int)(found - text), text, with, rest);
}

static json *made_up(const char *name, const json *argument, const source *from) {
    if (strcmp(name, "$saved") == 0) {
        const char *dot = argument->kind == JSON_TEXT ? strchr(argument->text, '.') : NULL;
        return dot != NULL ? from->saved(from->of, json_text(argument->text, (size_t)(dot - argument->text))->text, dot + 1)
                           : NULL;
    }
    bool of_two = argument->kind == JSON_LIST && argument->count >= 2;
    if (!of_two || argument->items[0]->kind != JSON_TEXT || argument->items[1]->kind != JSON_NUMBER) {
        return NULL;
    }
    const char *text = argument->items[0]->text;
    size_t number = (size_t)argument->items[1]->number;
    if (strcmp(name, "$stored") == 0) {
        return argument->count == 3 && argument->items[2]->kind == JSON_TEXT
                   ? from->stored(from->of, text, number, argument->items[2]->text)
                   : NULL;
    }
    size_t length = strlen(text);
    char *repeated = json_memory(number * length + 1);
    for (size_t i = 0; i < number; i++) {
        memcpy(repeated + i * length, text, length);
    }
    return json_string(repeated);
}

json *resolve(const json *value, size_t number, const source *from, char **wrong) {
    if (value->kind == JSON_TEXT) {
        char *text = replace(value->text, "{n}", json_format("%zu", number));
        text = replace(text, "{url}", from->url);
        text = replace(text, "{address}", from->address);
        text = replace(text, "{temporary}", from->temporary);
        return json_string(replace(text, "{id}", from->id));
    }
    json *made = json_new(value->kind);
    made->boolean = value->boolean;
    made->number = value->number;
    for (size_t i = 0; i < value->count; i++) {
        json *item = resolve(value->items[i], number, from, wrong);
        if (item == NULL) {
            return NULL;
        }
        json_add(made, value->names[i], item);
    }
    const char *name = operator_of(made);
    if (strcmp(name, "$repeat") != 0 && strcmp(name, "$saved") != 0 && strcmp(name, "$stored") != 0) {
        return made;
    }
    json *result = made_up(name, made->items[0], from);
    if (result == NULL) {
        *wrong = json_format("there is no %s", json_print(made));
    }
    return result;
}

static const char *shown(const json *value) {
    const char *text = json_print(value);
    return strlen(text) <= 400 ? text : json_format("%.400s... (%zu bytes)", text, strlen(text));
}

static bool fits(const json *pattern, const json *value) {
    json *differences = json_new(JSON_LIST);
    compare(pattern, value, "", differences);
    return differences->count == 0;
}

static void differ(json *differences, const char *path, const char *what) {
    json_add(differences, NULL, json_string(json_format("%s: %s", path, what)));
}

static void compare_unordered(const json *patterns, const json *value, const char *path, json *differences) {
    if (patterns->count != value->count) {
        differ(differences, path,
               json_format("has %zu elements, not %zu: %s", value->count, patterns->count, shown(value)));
        return;
    }
    bool *taken = json_memory(value->count * sizeof *taken + 1);
    for (size_t i = 0; i < patterns->count; i++) {
        size_t at = 0;
        while (at < value->count && (taken[at] || !fits(patterns->items[i], value->items[at]))) {
            at++;
        }
        if (at == value->count) {
            differ(differences, path, json_format("no element left of %s is %s", shown(value), shown(patterns->items[i])));
        } else {
            taken[at] = true;
        }
    }
}

static void compare_contains(const json *parts, const json *value, const char *path, json *differences) {
    const json *single[] = {parts};
    const json *const *list = parts->kind == JSON_LIST ? (const json *const *)parts->items : single;
    size_t count = parts->kind == JSON_LIST ? parts->count : 1;
    for (size_t i = 0; i < count; i++) {
        if (list[i]->kind != JSON_TEXT || strstr(value->text, list[i]->text) == NULL) {
            differ(differences, path, json_format("%s does not hold %s", shown(value), shown(list[i])));
        }
    }
}

static void compare_operator(const json *pattern, const json *value, const char *path, json *differences) {
    const char *name = pattern->names[0];
    const json *argument = pattern->items[0];
    if (strcmp(name, "$contains") == 0 && value->kind == JSON_TEXT) {
        compare_contains(argument, value, path, differences);
    } else if (strcmp(name, "$present") == 0 && value->kind == JSON_TEXT && argument->kind == JSON_BOOLEAN) {
        if (argument->boolean != (value->text[0] != 0)) {
            differ(differences, path, json_format("is %s", shown(value)));
        }
    } else if (strcmp(name, "$not") == 0) {
        if (fits(argument, value)) {
            differ(differences, path, json_format("is %s, and should not be", shown(value)));
        }
    } else if (strcmp(name, "$unordered") == 0 && value->kind == JSON_LIST && argument->kind == JSON_LIST) {
        compare_unordered(argument, value, path, differences);
    } else if (strcmp(name, "$each") == 0 && value->kind == JSON_LIST) {
        if (value->count == 0) {
            differ(differences, path, "is empty");
        }
        for (size_t i = 0; i < value->count; i++) {
            compare(argument, value->items[i], json_format("%s[%zu]", path, i), differences);
        }
    } else {
        differ(differences, path, json_format("%s is not for %s", shown(pattern), shown(value)));
    }
}

static void compare_fields(const json *pattern, const json *value, const char *path, json *differences) {
    for (size_t i = 0; i < pattern->count; i++) {
        const char *at = json_format("%s.%s", path, pattern->names[i]);
        const json *field = json_get(value, pattern->names[i]);
        bool absent = strcmp(operator_of(pattern->items[i]), "$absent") == 0;
        if (absent && field != NULL) {
            differ(differences, at, json_format("is %s, and should not be", shown(field)));
        } else if (!absent && field == NULL) {
            differ(differences, at, json_format("there is none in %s", shown(value)));
        } else if (!absent) {
            compare(pattern->items[i], field, at, differences);
        }
    }
}

static bool equal(const json *a, const json *b) {
    switch (a->kind) {
    case JSON_BOOLEAN:
        return a->kind == b->kind && a->boolean == b->boolean;
    case JSON_NUMBER:
        return a->kind == b->kind && a->number == b->number;
    case JSON_TEXT:
        return a->kind == b->kind && strcmp(a->text, b->text) == 0;
    default:
        return a->kind == JSON_NULL && b->kind == JSON_NULL;
    }
}

void compare(const json *pattern, const json *value, const char *path, json *differences) {
    if (operator_of(pattern)[0] != 0) {
        compare_operator(pattern, value, path, differences);
    } else if (pattern->kind == JSON_OBJECT && value->kind == JSON_OBJECT) {
        compare_fields(pattern, value, path, differences);
    } else if (pattern->kind == JSON_LIST && value->kind == JSON_LIST) {
        if (pattern->count != value->count) {
            differ(differences, path,
                   json_format("has %zu elements, not %zu: %s", value->count, pattern->count, shown(value)));
        }
        for (size_t i = 0; i < pattern->count && i < value->count; i++) {
            compare(pattern->items[i], value->items[i], json_format("%s[%zu]", path, i), differences);
        }
    } else if (!equal(pattern, value)) {
        differ(differences, path, json_format("is %s, not %s", shown(value), shown(pattern)));
    }
}
