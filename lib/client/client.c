/* client.c - a client's life, its errors, and the functions that wait. */
#include "client_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_alloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory) abort();
    return memory;
}

char *must_copy_text(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = must_alloc(len);
    memcpy(copy, text, len);
    return copy;
}

const char *client_status_text(client_status_t status)
{
    switch (status) {
    case CLIENT_OK: return "it went well";
    case CLIENT_UNAVAILABLE: return "no node could be reached: is it running, and is its URL right?";
    case CLIENT_TIMEOUT: return "the node did not answer in time";
    case CLIENT_REFUSED: return "the node refused";
    case CLIENT_MALFORMED: return "the node's answer makes no sense: is this a node of this chain?";
    case CLIENT_WRONG_CHAIN: return "the node is on another chain";
    case CLIENT_INVALID: return "what was asked for cannot be";
    case CLIENT_FREED: return "the connection was closed";
    }
    return "unknown";
}

client_error_t error_of(client_status_t status, const char *text)
{
    client_error_t error = {.status = status};
    if (status != CLIENT_OK)
        snprintf(error.text, sizeof error.text, "%s", text ? text : client_status_text(status));
    return error;
}

uint64_t client_ticket(client_t *client) { return client->next_ticket++; }

static bool url_is_valid(const char *url)
{
    return strlen(url) <= CLIENT_URL_MAX && (strncmp(url, "ws://", 5) == 0 || strncmp(url, "wss://", 6) == 0);
}

static void on_runtime_version(void *self, const client_error_t *error, const json_t *result)
{
    if (error->status == CLIENT_OK) (void)version_read(self, result);
}

client_t *client_new(const client_config_t *config)
{
    if (config->url_count == 0 || config->url_count > CLIENT_URLS_CAP) return NULL;
    for (uint32_t i = 0; i < config->url_count; i++)
        if (!url_is_valid(config->urls[i])) return NULL;
    client_t *client = must_alloc(sizeof *client);
    *client          = (client_t){.io = config->io, .config = *config, .next_ticket = 1};
    for (uint32_t i = 0; i < config->url_count; i++)
        snprintf(client->urls[i], sizeof client->urls[i], "%s", config->urls[i]);
    if (config->genesis) client->chain.genesis = *config->genesis;
    if (config->timeout_ms == 0) client->config.timeout_ms = CLIENT_TIMEOUT_MS;
    client->ca_file        = config->ca_file ? must_copy_text(config->ca_file) : NULL;
    client->config.ca_file = client->ca_file;
    client->wire           = wire_new(client);
    (void)rpc_subscribe(client, "state_subscribeRuntimeVersion", "state_unsubscribeRuntimeVersion", "[]",
                        false, on_runtime_version, client);
    return client;
}

void client_free(client_t *client)
{
    if (!client) return;
    client->is_ready = false;
    submit_free_all(client);
    follow_free_all(client);
    rpc_free(client);
    wire_free(client->wire);
    free(client->ca_file);
    free(client);
}

bool client_is_connected(const client_t *client) { return client->is_ready; }
const client_chain_t *client_chain(const client_t *client)
{
    return client->has_chain ? &client->chain : NULL;
}

const char *client_url(const client_t *client, uint32_t index)
{
    return index < client->config.url_count ? client->urls[index] : NULL;
}

client_t *client_sibling(const client_t *client, uint32_t index,
                         void (*on_state)(void *context, bool is_connected), void *context)
{
    client_config_t config = {.io         = client->io,
                              .urls       = {client_url(client, index)},
                              .url_count  = 1,
                              .timeout_ms = client->config.timeout_ms,
                              .genesis    = &client->chain.genesis,
                              .ca_file    = client->ca_file,
                              .on_state   = on_state,
                              .context    = context};
    return client->has_chain && config.urls[0] ? client_new(&config) : NULL;
}

void client_cancel(client_t *client, uint64_t ticket)
{
    if (!submit_cancel(client, ticket) && !follow_cancel(client, ticket)) rpc_cancel(client, ticket);
}

/* ---- waiting ---- */

/* wait_for runs the loop until the asked thing is done; forgets it when the loop was stopped. */
static void wait_for(client_t *client, uint64_t ticket, const bool *is_done, client_error_t *error)
{
    if (wire_wait(client, is_done)) return;
    client_cancel(client, ticket);
    *error = error_of(CLIENT_FREED, "interrupted");
}

typedef struct {
    bool is_done;
    client_error_t error;
    json_t *result;
} json_wait_t;

static void on_json(void *self, const client_error_t *error, const json_t *result)
{
    json_wait_t *wait = self;
    wait->is_done     = true;
    wait->error       = *error;
    wait->result      = result ? json_deep_copy(result) : NULL;
}

client_error_t client_rpc_wait(client_t *client, const char *method, const char *params, json_t **result)
{
    json_wait_t wait = {0};
    wait_for(client, client_rpc(client, method, params, on_json, &wait), &wait.is_done, &wait.error);
    *result = wait.result;
    return wait.error;
}

client_error_t client_connect_wait(client_t *client)
{
    json_t *result;
    client_error_t error = client_rpc_wait(client, "system_chain", "[]", &result);
    json_decref(result);
    return error;
}

typedef struct {
    bool is_done, is_too_long;
    client_error_t error;
    arena_t *arena;
    bytes_t value;
    bytes_t *keys;
    uint32_t count;
} value_wait_t;

static void on_value(void *self, const client_error_t *error, bytes_t value)
{
    value_wait_t *wait = self;
    wait->is_done      = true;
    wait->error        = *error;
    if (value.data && !arena_copy(wait->arena, value, &wait->value))
        wait->error = error_of(CLIENT_INVALID, "the value is longer than there is room for");
}

client_error_t client_storage_wait(client_t *client, bytes_t key, const hash_t *at, arena_t *arena,
                                   bytes_t *value)
{
    value_wait_t wait = {.arena = arena};
    wait_for(client, client_storage(client, key, at, on_value, &wait), &wait.is_done, &wait.error);
    *value = wait.value;
    return wait.error;
}

client_error_t client_state_call_wait(client_t *client, const char *method, bytes_t arguments,
                                      const hash_t *at, arena_t *arena, bytes_t *value)
{
    value_wait_t wait = {.arena = arena};
    wait_for(client, client_state_call(client, method, arguments, at, on_value, &wait), &wait.is_done,
             &wait.error);
    *value = wait.value;
    return wait.error;
}

static void on_keys(void *self, const client_error_t *error, const bytes_t *keys, uint32_t count)
{
    value_wait_t *wait = self;
    wait->is_done      = true;
    wait->error        = *error;
    wait->keys         = count ? arena_take(wait->arena, count * (uint32_t)sizeof *keys) : NULL;
    wait->count        = count;
    bool is_kept       = count == 0 || wait->keys;
    for (uint32_t i = 0; i < count && is_kept; i++)
        is_kept = arena_copy(wait->arena, keys[i], &wait->keys[i]);
    if (!is_kept) {
        wait->count = 0;
        wait->error = error_of(CLIENT_INVALID, "there are more keys than there is room for");
    }
}

client_error_t client_keys_wait(client_t *client, bytes_t prefix, bytes_t after, uint32_t most,
                                const hash_t *at, arena_t *arena, bytes_t **keys, uint32_t *count)
{
    value_wait_t wait = {.arena = arena};
    wait_for(client, client_keys(client, prefix, after, most, at, on_keys, &wait), &wait.is_done,
             &wait.error);
    *keys  = wait.keys;
    *count = wait.count;
    return wait.error;
}
