/* client_rpc.c - requests and subscriptions over whatever connection there is.
 *
 * A request lives from client_rpc until its answer or its deadline; it is sent when a node is usable, and
 * again over the next connection if it may be.  Its ticket is its JSON-RPC id. */
#include "client_internal.h"
#include "log.h"
#include "runtime_version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static request_t **bucket_of(client_t *client, uint64_t ticket)
{
    return &client->requests[ticket % REQUEST_BUCKETS];
}

static request_t *request_take(client_t *client, uint64_t ticket)
{
    for (request_t **at = bucket_of(client, ticket); *at; at = &(*at)->next) {
        request_t *request = *at;
        if (request->ticket == ticket) {
            *at = request->next;
            client->request_count--;
            return request;
        }
    }
    return NULL;
}

static void request_free(request_t *request)
{
    free(request->text);
    free(request);
}

static void request_fail(request_t *request, const client_error_t *error)
{
    if (request->done) request->done(request->context, error, NULL);
    request_free(request);
}

static void request_send(client_t *client, request_t *request)
{
    request->is_sent = true;
    wire_send(client->wire, request->text, strlen(request->text));
}

static request_t *request_new(client_t *client, const char *method, const char *params, client_json_fn done,
                              void *context)
{
    request_t *request = must_alloc(sizeof *request);
    size_t cap         = strlen(method) + strlen(params) + 96;
    *request           = (request_t){.ticket      = client_ticket(client),
                                     .deadline_ms = wire_now_ms(client) + client->config.timeout_ms,
                                     .text        = must_alloc(cap),
                                     .done        = done,
                                     .context     = context};
    snprintf(request->text, cap, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"method\":\"%s\",\"params\":%s}",
             request->ticket, method, params);
    request->next                       = *bucket_of(client, request->ticket);
    *bucket_of(client, request->ticket) = request;
    client->request_count++;
    return request;
}

uint64_t client_rpc(client_t *client, const char *method, const char *params, client_json_fn done,
                    void *context)
{
    request_t *request = request_new(client, method, params, done, context);
    if (client->is_ready) request_send(client, request);
    return request->ticket;
}

uint64_t rpc_once(client_t *client, const char *method, const char *params, client_json_fn done,
                  void *context)
{
    request_t *request = request_new(client, method, params, done, context);
    request->is_once   = true;
    if (client->is_ready) request_send(client, request);
    return request->ticket;
}

static void send_waiting(client_t *client)
{
    for (uint32_t i = 0; i < REQUEST_BUCKETS; i++)
        for (request_t *request = client->requests[i]; request; request = request->next)
            if (!request->is_sent) request_send(client, request);
}

/* find_failing is any request that is_failing says so of, older than the limit. */
static request_t *find_failing(client_t *client, uint64_t limit,
                               bool (*is_failing)(const request_t *, uint64_t), uint64_t value)
{
    for (uint32_t i = 0; i < REQUEST_BUCKETS; i++)
        for (request_t *request = client->requests[i]; request; request = request->next)
            if (request->ticket < limit && is_failing(request, value)) return request;
    return NULL;
}

/* fail_matching looks anew after each: whoever is told may ask and cancel. */
static void fail_matching(client_t *client, client_status_t status,
                          bool (*is_failing)(const request_t *, uint64_t), uint64_t value)
{
    uint64_t limit       = client->next_ticket;
    client_error_t error = error_of(status, NULL);
    for (request_t *request; (request = find_failing(client, limit, is_failing, value));)
        request_fail(request_take(client, request->ticket), &error);
}

static bool any_request(const request_t *request, uint64_t unused)
{
    (void)request;
    (void)unused;
    return true;
}

static bool sent_once(const request_t *request, uint64_t unused)
{
    (void)unused;
    return request->is_sent && request->is_once;
}

static bool is_late(const request_t *request, uint64_t now_ms) { return request->deadline_ms <= now_ms; }
static bool is_late_unsent(const request_t *request, uint64_t now_ms)
{
    return !request->is_sent && is_late(request, now_ms);
}

void requests_fail_all(client_t *client, client_status_t status)
{
    fail_matching(client, status, any_request, 0);
}

void rpc_own_context(client_t *client, uint64_t ticket)
{
    for (request_t *request = *bucket_of(client, ticket); request; request = request->next)
        if (request->ticket == ticket) request->owns_context = true;
}

/* ---- greeting: which chain is this? ---- */

static void chain_refused(client_t *client, client_status_t status)
{
    log_warn(LOG_CLIENT, "node refused", LOG_TEXT("url", client->chain.url),
             LOG_TEXT("why", client_status_text(status)));
    if (status == CLIENT_WRONG_CHAIN && client->config.url_count == 1) requests_fail_all(client, status);
    wire_drop(client->wire);
}

bool version_read(client_t *client, const json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "specName"));
    if (!name || strlen(name) >= sizeof client->chain.spec_name ||
        !json_number(json_object_get(json, "specVersion"), &client->chain.spec_version) ||
        !json_number(json_object_get(json, "transactionVersion"), &client->chain.transaction_version))
        return false;
    memcpy(client->chain.spec_name, name, strlen(name) + 1);
    return true;
}

static void on_version(void *self, const client_error_t *error, const json_t *result)
{
    client_t *client = self;
    if (error->status == CLIENT_OK && !version_read(client, result)) {
        chain_refused(client, CLIENT_MALFORMED);
    } else if (error->status == CLIENT_OK) {
        client->has_chain = client->is_ready = true;
        wire_greeted(client->wire);
        send_waiting(client);
        subscriptions_renew(client);
        log_info(LOG_CLIENT, "connected", LOG_TEXT("url", client->chain.url),
                 LOG_U32("spec_version", client->chain.spec_version));
        if (client->chain.spec_version != RUNTIME_SPEC_VERSION ||
            strcmp(client->chain.spec_name, RUNTIME_SPEC_NAME) != 0)
            log_warn(LOG_CLIENT, "runtime differs from this program's",
                     LOG_TEXT("spec_name", client->chain.spec_name),
                     LOG_U32("spec_version", client->chain.spec_version));
        if (client->config.on_state) client->config.on_state(client->config.context, true);
    } else if (error->status == CLIENT_REFUSED || error->status == CLIENT_TIMEOUT) {
        chain_refused(client, error->status);
    }
}

static void on_genesis(void *self, const client_error_t *error, const json_t *result)
{
    client_t *client = self;
    hash_t genesis;
    if (error->status == CLIENT_REFUSED || error->status == CLIENT_TIMEOUT) {
        chain_refused(client, error->status);
    } else if (error->status == CLIENT_OK && !json_hex_hash(result, &genesis)) {
        chain_refused(client, CLIENT_MALFORMED);
    } else if (error->status == CLIENT_OK) {
        bool is_known = client->has_chain || client->config.genesis;
        if (is_known && memcmp(&genesis, &client->chain.genesis, sizeof genesis) != 0) {
            chain_refused(client, CLIENT_WRONG_CHAIN);
            return;
        }
        client->chain.genesis = genesis;
        request_t *request    = request_new(client, "state_getRuntimeVersion", "[]", on_version, client);
        request->is_once      = true;
        request_send(client, request);
    }
}

void client_on_open(client_t *client, const char *url)
{
    snprintf(client->chain.url, sizeof client->chain.url, "%s", url);
    request_t *request = request_new(client, "chain_getBlockHash", "[0]", on_genesis, client);
    request->is_once   = true;
    request_send(client, request);
}

void client_on_closed(client_t *client)
{
    bool was_ready   = client->is_ready;
    client->is_ready = false;
    fail_matching(client, CLIENT_UNAVAILABLE, sent_once, 0);
    for (uint32_t i = 0; i < REQUEST_BUCKETS; i++)
        for (request_t *request = client->requests[i]; request; request = request->next)
            request->is_sent = false;
    subscriptions_lost(client);
    if (was_ready && client->config.on_state) client->config.on_state(client->config.context, false);
}

void client_on_tick(client_t *client)
{
    uint64_t now_ms = wire_now_ms(client);
    if (client->request_count == 0) return;
    fail_matching(client, CLIENT_UNAVAILABLE, is_late_unsent, now_ms);
    fail_matching(client, CLIENT_TIMEOUT, is_late, now_ms);
}

/* ---- what comes in ---- */

static client_error_t error_read(const json_t *json)
{
    client_error_t error = {.status = CLIENT_REFUSED,
                            .code   = json_integer_value(json_object_get(json, "code"))};
    const char *message  = json_string_value(json_object_get(json, "message"));
    const char *data     = json_string_value(json_object_get(json, "data"));
    snprintf(error.text, sizeof error.text, "%s%s%s", message ? message : "the node refused",
             data ? ": " : "", data ? data : "");
    return error;
}

static void on_answer(client_t *client, uint64_t ticket, const json_t *message)
{
    client_error_t error = {.status = CLIENT_OK};
    request_t *request   = request_take(client, ticket);
    json_t *result = json_object_get(message, "result"), *refusal = json_object_get(message, "error");
    if (!request) return; /* cancelled, or too late */
    if (refusal)
        error = error_read(refusal);
    else if (!result)
        error = error_of(CLIENT_MALFORMED, NULL);
    if (request->done) request->done(request->context, &error, error.status == CLIENT_OK ? result : NULL);
    request_free(request);
}

/* id_text writes a subscription's name as JSON has it: a string or an integer. */
static bool id_text(const json_t *id, char text[64])
{
    const char *name = json_string_value(id);
    if (json_is_integer(id)) return snprintf(text, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(id)) < 64;
    return name && !strpbrk(name, "\"\\") && snprintf(text, 64, "\"%s\"", name) < 64;
}

static void on_notification(client_t *client, const json_t *params)
{
    static const client_error_t none = {.status = CLIENT_OK};
    char id[64];
    json_t *result = json_object_get(params, "result");
    if (!result || !id_text(json_object_get(params, "subscription"), id)) return;
    for (subscription_t *s = client->subscriptions; s; s = s->next) {
        if (s->has_id && strcmp(s->id, id) == 0) {
            s->item(s->context, &none, result);
            return;
        }
    }
}

void client_on_text(client_t *client, const char *text, size_t len)
{
    json_error_t error;
    json_t *message = json_loadb(text, len, 0, &error);
    json_t *id      = json_object_get(message, "id");
    if (json_is_integer(id))
        on_answer(client, (uint64_t)json_integer_value(id), message);
    else if (json_is_string(json_object_get(message, "method")))
        on_notification(client, json_object_get(message, "params"));
    json_decref(message);
}

/* ---- subscriptions ---- */

static subscription_t *subscription_find(client_t *client, uint64_t ticket)
{
    subscription_t *s = client->subscriptions;
    while (s && s->ticket != ticket)
        s = s->next;
    return s;
}

static void subscription_remove(client_t *client, subscription_t *s)
{
    subscription_t **at = &client->subscriptions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free(s->params);
    free(s);
}

static void on_subscribed(void *self, const client_error_t *error, const json_t *result)
{
    subscription_t *s = self;
    s->asking         = 0;
    if (error->status == CLIENT_UNAVAILABLE || error->status == CLIENT_FREED)
        return; /* subscriptions_lost tells */
    if (error->status == CLIENT_OK && id_text(result, s->id)) {
        s->has_id = true;
        return;
    }
    client_error_t malformed = error_of(CLIENT_MALFORMED, NULL);
    client_json_fn item      = s->item;
    void *context            = s->context;
    subscription_remove(s->client, s);
    item(context, error->status == CLIENT_OK ? &malformed : error, NULL);
}

static void subscription_ask(subscription_t *s)
{
    s->asking = rpc_once(s->client, s->method, s->params, on_subscribed, s);
}

uint64_t rpc_subscribe(client_t *client, const char *method, const char *unsubscribe, const char *params,
                       bool is_once, client_json_fn item, void *context)
{
    subscription_t *s     = must_alloc(sizeof *s);
    *s                    = (subscription_t){.next        = client->subscriptions,
                                             .ticket      = client_ticket(client),
                                             .client      = client,
                                             .method      = method,
                                             .unsubscribe = unsubscribe,
                                             .params      = must_copy_text(params),
                                             .is_once     = is_once,
                                             .item        = item,
                                             .context     = context};
    client->subscriptions = s;
    if (client->is_ready) subscription_ask(s);
    return s->ticket;
}

/* next_after is the subscription with the lowest ticket above `after`: a walk that changes may not disturb.
 */
static subscription_t *next_after(client_t *client, uint64_t after)
{
    subscription_t *best = NULL;
    for (subscription_t *s = client->subscriptions; s; s = s->next)
        if (s->ticket > after && (!best || s->ticket < best->ticket)) best = s;
    return best;
}

void subscriptions_lost(client_t *client)
{
    client_error_t error = error_of(CLIENT_UNAVAILABLE, NULL);
    uint64_t after = 0, limit = client->next_ticket;
    for (subscription_t *s; (s = next_after(client, after)) && s->ticket < limit;) {
        client_json_fn item = s->item;
        void *context       = s->context;
        after               = s->ticket;
        if (s->asking) request_free(request_take(client, s->asking));
        s->asking = 0;
        s->has_id = false;
        if (s->is_once) subscription_remove(client, s);
        item(context, &error, NULL);
    }
}

void subscriptions_renew(client_t *client)
{
    for (subscription_t *s = client->subscriptions; s; s = s->next)
        if (!s->has_id && !s->asking) subscription_ask(s);
}

void rpc_cancel(client_t *client, uint64_t ticket)
{
    request_t *request = request_take(client, ticket);
    subscription_t *s  = subscription_find(client, ticket);
    if (request && request->owns_context) free(request->context);
    if (request) request_free(request);
    if (!s) return;
    if (s->asking) rpc_cancel(client, s->asking);
    if (s->has_id && client->is_ready) {
        char params[80];
        snprintf(params, sizeof params, "[%s]", s->id);
        (void)rpc_once(client, s->unsubscribe, params, NULL, NULL);
    }
    subscription_remove(client, s);
}

void rpc_free(client_t *client)
{
    while (client->subscriptions) {
        request_t *request = request_take(client, client->subscriptions->asking);
        if (request) request_free(request); /* its context is the subscription */
        subscription_remove(client, client->subscriptions);
    }
    requests_fail_all(client, CLIENT_FREED);
}
