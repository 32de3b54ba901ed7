/* client_storage.c - values and keys of the state, and calls of the runtime API. */
#include "client_internal.h"
#include "hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 1000u

typedef struct {
    client_value_fn done;
    client_keys_fn done_keys;
    void *context;
} asked_t;

static asked_t *asked_new(client_value_fn done, client_keys_fn done_keys, void *context)
{
    asked_t *asked = must_alloc(sizeof *asked);
    *asked         = (asked_t){.done = done, .done_keys = done_keys, .context = context};
    return asked;
}

static void on_value(void *self, const client_error_t *error, const json_t *result)
{
    asked_t asked      = *(asked_t *)self;
    uint8_t *data      = NULL;
    uint32_t len       = 0;
    client_error_t own = *error;
    free(self);
    if (own.status == CLIENT_OK && !json_is_null(result) && !json_hex_bytes(result, &data, &len))
        own = error_of(CLIENT_MALFORMED, NULL);
    asked.done(asked.context, &own, (bytes_t){data, len});
    free(data);
}

/* put_text and put_hex write at *at and move it; the room was measured before. */
static void put_text(char **at, const char *text)
{
    size_t len = strlen(text);
    memcpy(*at, text, len + 1);
    *at += len;
}

static void put_hex(char **at, bytes_t v)
{
    put_text(at, "\"0x");
    hex_encode(*at, v);
    *at += 2 * (size_t)v.len;
    put_text(at, "\"");
}

static void put_block(char **at, const hash_t *block)
{
    if (block) {
        put_text(at, ",");
        put_hex(at, (bytes_t){block->b, sizeof block->b});
    }
    put_text(at, "]");
}

uint64_t client_storage(client_t *client, bytes_t key, const hash_t *at, client_value_fn done, void *context)
{
    char *params = must_alloc(2 * (size_t)key.len + 96), *end = params;
    put_text(&end, "[");
    put_hex(&end, key);
    put_block(&end, at);
    uint64_t ticket =
        client_rpc(client, "state_getStorage", params, on_value, asked_new(done, NULL, context));
    rpc_own_context(client, ticket);
    free(params);
    return ticket;
}

uint64_t client_state_call(client_t *client, const char *method, bytes_t arguments, const hash_t *at,
                           client_value_fn done, void *context)
{
    char *params = must_alloc(2 * (size_t)arguments.len + strlen(method) + 112), *end = params;
    put_text(&end, "[\"");
    put_text(&end, method);
    put_text(&end, "\",");
    put_hex(&end, arguments);
    put_block(&end, at);
    uint64_t ticket = client_rpc(client, "state_call", params, on_value, asked_new(done, NULL, context));
    rpc_own_context(client, ticket);
    free(params);
    return ticket;
}

static bool read_keys(const json_t *result, bytes_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *data;
        if (!json_hex_bytes(json_array_get(result, i), &data, &keys[i].len)) return false;
        keys[i].data = data;
    }
    return true;
}

static void on_keys(void *self, const client_error_t *error, const json_t *result)
{
    asked_t asked      = *(asked_t *)self;
    client_error_t own = *error;
    uint32_t count     = own.status == CLIENT_OK ? (uint32_t)json_array_size(result) : 0;
    free(self);
    if (own.status == CLIENT_OK && (!json_is_array(result) || json_array_size(result) > KEYS_MAX)) {
        own   = error_of(CLIENT_MALFORMED, NULL);
        count = 0;
    }
    bytes_t *keys = must_alloc(count * sizeof *keys);
    if (!read_keys(result, keys, count)) own = error_of(CLIENT_MALFORMED, NULL);
    asked.done_keys(asked.context, &own, keys, own.status == CLIENT_OK ? count : 0);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *data;
        memcpy(&data, &keys[i].data, sizeof data); /* ours: const only for who reads it */
        free(data);
    }
    free(keys);
}

uint64_t client_keys(client_t *client, bytes_t prefix, bytes_t after, uint32_t most, const hash_t *at,
                     client_keys_fn done, void *context)
{
    char *params = must_alloc(2 * ((size_t)prefix.len + after.len) + 128), *end = params;
    put_text(&end, "[");
    put_hex(&end, prefix);
    end += snprintf(end, 16, ",%u,", most < KEYS_MAX ? most : KEYS_MAX);
    if (after.len)
        put_hex(&end, after);
    else
        put_text(&end, "null");
    put_block(&end, at);
    uint64_t ticket =
        client_rpc(client, "state_getKeysPaged", params, on_keys, asked_new(NULL, done, context));
    rpc_own_context(client, ticket);
    free(params);
    return ticket;
}
