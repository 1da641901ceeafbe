#include "json.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct block {
    struct block *before;
    max_align_t memory[];
} block;

static pthread_mutex_t arena_lock = PTHREAD_MUTEX_INITIALIZER;
static block *newest, *mark;

void *json_memory(size_t size) {
    block *made = calloc(1, sizeof(block) + size);
    if (made == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    pthread_mutex_lock(&arena_lock);
    made->before = newest;
    newest = made;
    pthread_mutex_unlock(&arena_lock);
    return made->memory;
}

void json_mark(void) { mark = newest; }

void json_release(void) {
    pthread_mutex_lock(&arena_lock);
    while (newest != mark) {
        block *gone = newest;
        newest = gone->before;
        free(gone);
    }
    pthread_mutex_unlock(&arena_lock);
}

char *json_format(const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = json_memory((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

json *json_new(json_kind kind) {
    json *value = json_memory(sizeof *value);
    value->kind = kind;
    return value;
}

json *json_boolean(bool boolean) {
    json *value = json_new(JSON_BOOLEAN);
    value->boolean = boolean;
    return value;
}

json *json_number(double number) {
    json *value = json_new(JSON_NUMBER);
    value->number = number;
    return value;
}

json *json_text(const char *text, size_t length) {
    json *value = json_new(JSON_TEXT);
    value->text = json_memory(length + 1);
    if (length > 0) {
        memcpy(value->text, text, length);
    }
    return value;
}

json *json_string(const char *text) { return json_text(text, strlen(text)); }

void json_add(json *to, const char *name, json *value) {
    if (to->count == to->room) {
        to->room = to->room == 0 ? 8 : 2 * to->room;
        json **items = json_memory(to->room * sizeof *items);
        char **names = json_memory(to->room * sizeof *names);
        for (size_t i = 0; i < to->count; i++) {
            items[i] = to->items[i];
            names[i] = to->names[i];
        }
        to->items = items;
        to->names = names;
    }
    to->names[to->count] = name != NULL ? json_string(name)->text : NULL;
    to->items[to->count++] = value;
}

void json_put(json *object, const char *name, json *value) {
    for (size_t i = 0; i < object->count; i++) {
        if (strcmp(object->names[i], name) == 0) {
            object->items[i] = value;
            return;
        }
    }
    json_add(object, name, value);
}

json *json_get(const json *object, const char *name) {
    if (object == NULL || object->kind != JSON_OBJECT) {
        return NULL;
    }
    for (size_t i = 0; i < object->count; i++) {
        if (strcmp(object->names[i], name) == 0) {
            return object->items[i];
        }
    }
    return NULL;
}

const char *json_text_of(const json *object, const char *name, const char *otherwise) {
    const json *field = json_get(object, name);
    return field != NULL && field->kind == JSON_TEXT ? field->text : otherwise;
}

double json_number_of(const json *object, const char *name, double otherwise) {
    const json *field = json_get(object, name);
    return field != NULL && field->kind == JSON_NUMBER ? field->number : otherwise;
}

bool json_is(const json *value, const char *text) {
    return value != NULL && value->kind == JSON_TEXT && strcmp(value->text, text) == 0;
}

static json *parse_value(const char **at);

static void skip_space(const char **at) { *at += strspn(*at, " \t\r\n"); }

static bool take(const char **at, const char *word) {
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

/* Four hexadecimal digits, or -1. */
static long parse_unit(const char **at) {
    char digits[5] = {0}, *end;
    strncpy(digits, *at, 4);
    long unit = strtol(digits, &end, 16);
    if (end != digits + 4) {
        return -1;
    }
    *at += 4;
    return unit;
}

static char *put_utf8(char *to, long code) {
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const int lead[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(lead[more] | (code >> (6 * more)));
    while (more-- > 0) {
        *to++ = (char)(0x80 | ((code >> (6 * more)) & 0x3f));
    }
    return to;
}

static char *parse_text(const char **at) {
    if (!take(at, "\"")) {
        return NULL;
    }
    const char *end = *at;
    while (*end != '"' && *end != 0) {
        end += *end == '\\' && end[1] != 0 ? 2 : 1;
    }
    /* An escape is never shorter than what it stands for. */
    char *text = json_memory((size_t)(end - *at) + 1), *to = text;
    while (**at != '"') {
        static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
        char byte = *(*at)++;
        if (byte == 0) {
            return NULL;
        }
        if (byte != '\\') {
            *to++ = byte;
        } else if (**at == 'u') {
            ++*at;
            long code = parse_unit(at);
            if (code >= 0xd800 && code < 0xdc00 && take(at, "\\u")) {
                code = 0x10000 + ((code - 0xd800) << 10) + (parse_unit(at) - 0xdc00);
            }
            if (code <= 0 || code > 0x10ffff) {
                return NULL;
            }
            to = put_utf8(to, code);
        } else {
            const char *found = **at != 0 ? strchr(names, **at) : NULL;
            if (found == NULL) {
                return NULL;
            }
            *to++ = meanings[found - names];
            ++*at;
        }
    }
    ++*at;
    return text;
}

static json *parse_items(const char **at, json_kind kind, const char *close) {
    json *value = json_new(kind);
    skip_space(at);
    if (take(at, close)) {
        return value;
    }
    do {
        char *name = NULL;
        skip_space(at);
        if (kind == JSON_OBJECT) {
            name = parse_text(at);
            skip_space(at);
            if (name == NULL || !take(at, ":")) {
                return NULL;
            }
        }
        json *item = parse_value(at);
        if (item == NULL) {
            return NULL;
        }
        json_add(value, name, item);
        skip_space(at);
    } while (take(at, ","));
    return take(at, close) ? value : NULL;
}

static json *parse_value(const char **at) {
    skip_space(at);
    if (take(at, "{")) {
        return parse_items(at, JSON_OBJECT, "}");
    }
    if (take(at, "[")) {
        return parse_items(at, JSON_LIST, "]");
    }
    if (**at == '"') {
        char *text = parse_text(at);
        return text != NULL ? json_string(text) : NULL;
    }
    if (take(at, "null")) {
        return json_new(JSON_NULL);
    }
    if (take(at, "true")) {
        return json_boolean(true);
    }
    if (take(at, "false")) {
        return json_boolean(false);
    }
    char *end;
    double number = strtod(*at, &end);
    if (end == *at) {
        return NULL;
    }
    *at = end;
    return json_number(number);
}

json *json_parse(const char *text) {
    json *value = parse_value(&text);
    skip_space(&text);
    return *text == 0 ? value : NULL;
}

static void print_text(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') {
            fprintf(out, "\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)*text);
        } else {
            fputc(*text, out);
        }
    }
    fputc('"', out);
}

static void print_value(FILE *out, const json *value) {
    switch (value->kind) {
    case JSON_NULL:
        fputs("null", out);
        return;
    case JSON_BOOLEAN:
        fputs(value->boolean ? "true" : "false", out);
        return;
    case JSON_NUMBER:
        fprintf(out, value->number == floor(value->number) ? "%.0f" : "%.17g", value->number);
        return;
    case JSON_TEXT:
        print_text(out, value->text);
        return;
    default:
        break;
    }
    bool is_object = value->kind == JSON_OBJECT;
    fputc(is_object ? '{' : '[', out);
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0) {
            fputs(", ", out);
        }
        if (is_object) {
            print_text(out, value->names[i]);
            fputs(": ", out);
        }
        print_value(out, value->items[i]);
    }
    fputc(is_object ? '}' : ']', out);
}

char *json_print(const json *value) {
    char *made = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&made, &length);
    if (out == NULL) {
        abort();
    }
    print_value(out, value);
    fclose(out);
    char *text = json_text(made, length)->text;
    free(made);
    return text;
}
