/* vectors.h - known answers for tests, from the JSON files of tests/vectors.  Link lib_jansson and base. */
#ifndef VECTORS_H
#define VECTORS_H
#include "hex.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* vectors_load reads tests/vectors/NAME; ends the test program when it cannot.  json_decref it. */
static inline json_t *vectors_load(const char *name)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/tests/vectors/%s", TRELLIS_SOURCE_DIR, name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) {
        printf("%s:%d: %s\n", path, error.line, error.text);
        exit(1);
    }
    return root;
}

/* vector_text is the string under key; ends the test program when there is none. */
static inline const char *vector_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text) {
        printf("vector without a string '%s'\n", key);
        exit(1);
    }
    return text;
}

/* vector_hex decodes a string of hex into one of eight rotating buffers of 64 KiB. */
static inline bytes_t vector_hex(const char *text)
{
    static uint8_t room[8][65536];
    static unsigned turn;
    uint8_t *out = room[turn++ % 8];
    uint32_t len;
    if (!hex_decode(bytes_text(text), out, sizeof room[0], &len)) {
        printf("vector is not hex: %s\n", text);
        exit(1);
    }
    return (bytes_t){out, len};
}

static inline bytes_t vector_bytes(const json_t *object, const char *key)
{
    return vector_hex(vector_text(object, key));
}

#endif
