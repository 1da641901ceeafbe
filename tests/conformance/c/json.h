/* JSON values, and what cases make of them. All memory belongs to one arena, which is given back at once. */
#ifndef CONFORMANCE_JSON_H
#define CONFORMANCE_JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } json_kind;

typedef struct json {
    json_kind kind;
    bool boolean;
    double number;
    /* NUL-terminated UTF-8, which holds no NUL itself. */
    char *text;
    /* Elements of a list, or fields of an object with their names. */
    size_t count, room;
    struct json **items;
    char **names;
} json;

/* Zeroed memory of the arena; any thread may ask for it. The program ends when there is none. */
void *json_memory(size_t size);
/* Gives back all of it that was asked for since `json_mark`. */
void json_mark(void);
void json_release(void);
/* A text of the arena, as printf makes it. */
char *json_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

json *json_new(json_kind kind);
json *json_boolean(bool value);
json *json_number(double value);
json *json_text(const char *text, size_t length);
json *json_string(const char *text);

/* `name` is NULL in a list. */
void json_add(json *to, const char *name, json *value);
/* Puts a field in, in place of one with its name. */
void json_put(json *object, const char *name, json *value);
/* NULL when there is no such field, or no object. */
json *json_get(const json *object, const char *name);
const char *json_text_of(const json *object, const char *name, const char *otherwise);
double json_number_of(const json *object, const char *name, double otherwise);
bool json_is(const json *value, const char *text);

/* NULL when the text is no JSON. */
json *json_parse(const char *text);
/* On one line. */
char *json_print(const json *value);

#endif
