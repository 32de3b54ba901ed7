/* client_json.c - the values in a node's answers. */
#include "client_internal.h"
#include "hash.h"
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#define DIGEST_LOGS_MAX 64u
#define HEADER_LEN_MAX  (256u << 10)

bool json_hex_bytes(const json_t *json, uint8_t **data, uint32_t *len)
{
    const char *text = json_string_value(json);
    *data            = NULL;
    if (!text || json_string_length(json) > UINT32_MAX / 2 || strncmp(text, "0x", 2) != 0) return false;
    uint32_t cap = (uint32_t)json_string_length(json) / 2;
    *data        = must_alloc(cap + 1);
    if (hex_decode((bytes_t){(const uint8_t *)text, (uint32_t)json_string_length(json)}, *data, cap, len))
        return true;
    free(*data);
    *data = NULL;
    return false;
}

bool json_hex_hash(const json_t *json, hash_t *hash)
{
    const char *text = json_string_value(json);
    return text && hex_decode_exact(bytes_text(text), hash->b, sizeof hash->b);
}

bool json_number(const json_t *json, uint32_t *number)
{
    if (json_is_integer(json)) {
        json_int_t v = json_integer_value(json);
        *number      = (uint32_t)v;
        return v >= 0 && v <= UINT32_MAX;
    }
    const char *text = json_string_value(json);
    if (!text || strncmp(text, "0x", 2) != 0 || text[2] == 0 || strlen(text) > 10 ||
        strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text + 2))
        return false;
    *number = (uint32_t)strtoul(text + 2, NULL, 16);
    return true;
}

static void put_hash(scale_writer_t *w, const json_t *header, const char *name)
{
    hash_t hash;
    if (!json_hex_hash(json_object_get(header, name), &hash))
        w->failed = true;
    else
        scale_put_hash(w, &hash);
}

static void put_digest(scale_writer_t *w, const json_t *logs)
{
    size_t i;
    json_t *log;
    if (!json_is_array(logs) || json_array_size(logs) > DIGEST_LOGS_MAX) {
        w->failed = true;
        return;
    }
    scale_put_compact(w, json_array_size(logs));
    json_array_foreach(logs, i, log)
    {
        uint8_t *data;
        uint32_t len;
        if (!json_hex_bytes(log, &data, &len)) {
            w->failed = true;
            return;
        }
        scale_put_raw(w, data, len);
        free(data);
    }
}

bool header_read(const json_t *json, uint32_t *number, hash_t *parent, hash_t *hash)
{
    if (!json_hex_hash(json_object_get(json, "parentHash"), parent) ||
        !json_number(json_object_get(json, "number"), number))
        return false;
    scale_writer_t w = scale_writer(must_alloc(HEADER_LEN_MAX), HEADER_LEN_MAX);
    scale_put_hash(&w, parent);
    scale_put_compact(&w, *number);
    put_hash(&w, json, "stateRoot");
    put_hash(&w, json, "extrinsicsRoot");
    put_digest(&w, json_object_get(json_object_get(json, "digest"), "logs"));
    *hash = blake2_256(scale_written(&w));
    free(w.start);
    return !w.failed;
}

void params_hash(char params[80], const hash_t *hash)
{
    memcpy(params, "[\"0x", sizeof "[\"0x");
    hex_encode(params + 4, (bytes_t){hash->b, sizeof hash->b});
    memcpy(params + 68, "\"]", 3);
}
