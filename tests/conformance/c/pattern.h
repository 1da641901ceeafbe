/* What a case's values mean: placeholders, made-up values, and patterns. */
#ifndef CONFORMANCE_PATTERN_H
#define CONFORMANCE_PATTERN_H

#include "json.h"

/* Where made-up values come from. */
typedef struct source {
    void *of;
    /* The field of an outcome that was saved; NULL: there is none. */
    json *(*saved)(void *of, const char *name, const char *field);
    /* A property of a stored message; NULL: there is none. */
    json *(*stored)(void *of, const char *topic, size_t index, const char *property);
    /* `temporary`: a folder that the case has for itself. */
    const char *url, *address, *id, *temporary;
} source;

/* The value with its placeholders and made-up parts filled in; NULL, with `*wrong` set, when one cannot be. */
json *resolve(const json *value, size_t number, const source *from, char **wrong);
/* Adds a text to the list `differences` for each difference between a pattern and a value. */
void compare(const json *pattern, const json *value, const char *path, json *differences);

#endif
