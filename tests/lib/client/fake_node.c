/* fake_node.c - just enough JSON-RPC for lib/client, over the real web edge. */
#include "fake_node.h"

#include "client_internal.h"
#include "hash.h"
#include "hex.h"
#include "web.h"

#include <stdlib.h>
#include <string.h>

#define SUBMITTED_CAP 16
#define COUNTED_CAP   32

struct fake_node {
    io_t *io;
    web_server_t *server;
    web_session_t *session; /* the last that came */
    uint16_t port;
    char url[64];
    fake_block_t blocks[FAKE_BLOCKS_CAP];
    int block_count, best, final;
    bool is_silent, has_heads, has_finals;
    int refuse_code;
    char *submitted[SUBMITTED_CAP];
    int submitted_count;
    uint32_t nonce;
    struct {
        char method[48];
        uint32_t count;
    } counted[COUNTED_CAP];
};

static json_t *hash_json(const hash_t *hash)
{
    char text[67] = "0x";
    hex_encode(text + 2, (bytes_t){hash->b, 32});
    return json_string(text);
}

static json_t *bytes_json(bytes_t v)
{
    char *text = must_alloc(2 * (size_t)v.len + 3);
    memcpy(text, "0x", 2);
    hex_encode(text + 2, v);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static void push(fake_node_t *node, const char *method, const char *subscription, json_t *result)
{
    json_t *message = json_pack("{s:s,s:s,s:{s:s,s:o}}", "jsonrpc", "2.0", "method", method, "params",
                                "subscription", subscription, "result", result);
    char *text      = json_dumps(message, JSON_COMPACT);
    if (node->session) (void)web_send(node->session, bytes_text(text), true);
    free(text);
    json_decref(message);
}

static int find_hash(const fake_node_t *node, const json_t *json)
{
    hash_t hash;
    if (!json_hex_hash(json, &hash)) return -1;
    for (int i = 0; i < node->block_count; i++)
        if (memcmp(&node->blocks[i].hash, &hash, sizeof hash) == 0) return i;
    return -1;
}

/* on_best finds the best chain's block with a number. */
static int at_number(const fake_node_t *node, json_int_t number)
{
    int i = node->best;
    while (i >= 0 && node->blocks[i].number > number)
        i = node->blocks[i].parent;
    return i;
}

static json_t *storage(const fake_node_t *node, const json_t *params)
{
    uint8_t *key;
    uint32_t len;
    json_t *value = json_null();
    int block     = json_array_size(params) > 1 ? find_hash(node, json_array_get(params, 1)) : node->best;
    if (!json_hex_bytes(json_array_get(params, 0), &key, &len)) return json_null();
    if (len == 32 && key[0] == 0x26 && key[16] == 0x80 && block >= 0) /* System.Events */
        value = bytes_json((bytes_t){node->blocks[block].events, node->blocks[block].events_len});
    if (len == 5 && memcmp(key, "known", 5) == 0) value = json_string("0x0102");
    free(key);
    return value;
}

static json_t *block_json(const fake_block_t *block)
{
    return json_pack("{s:{s:O,s:O},s:n}", "block", "header", block->header, "extrinsics", block->extrinsics,
                     "justifications");
}

static json_t *version(void)
{
    return json_pack("{s:s,s:i,s:i}", "specName", "fake", "specVersion", 152, "transactionVersion", 2);
}

/* answer makes the result of a method; NULL is "no such method". */
static json_t *answer(fake_node_t *node, const char *method, json_t *params)
{
    json_t *first = json_array_get(params, 0);
    int block     = node->best;
    if (strcmp(method, "chain_getBlockHash") == 0) {
        block = json_is_integer(first) ? at_number(node, json_integer_value(first)) : block;
        return block < 0 ? json_null() : hash_json(&node->blocks[block].hash);
    }
    if (strcmp(method, "chain_getHeader") == 0 || strcmp(method, "chain_getBlock") == 0) {
        block = first ? find_hash(node, first) : block;
        if (block < 0) return json_null();
        return method[strlen("chain_get")] == 'H' ? json_incref(node->blocks[block].header)
                                                  : block_json(&node->blocks[block]);
    }
    if (strcmp(method, "chain_getFinalizedHead") == 0) return hash_json(&node->blocks[node->final].hash);
    if (strcmp(method, "state_getRuntimeVersion") == 0) return version();
    if (strcmp(method, "state_subscribeRuntimeVersion") == 0) return json_string("version");
    if (strcmp(method, "state_getStorage") == 0) return storage(node, params);
    if (strcmp(method, "system_accountNextIndex") == 0) return json_integer(node->nonce);
    if (strcmp(method, "system_chain") == 0) return json_string("Fake");
    if (strcmp(method, "state_getKeysPaged") == 0) return json_pack("[s,s]", "0x6b6579", "0x6b657a");
    if (strncmp(method, "chain_subscribe", 15) == 0)
        return json_string(method[15] == 'F' ? "finals" : "heads");
    return strstr(method, "nsubscribe") || strstr(method, "nwatch") ? json_true() : NULL;
}

static json_t *submit(fake_node_t *node, json_t *params)
{
    char name[16];
    const char *text = json_string_value(json_array_get(params, 0));
    if (node->refuse_code || !text || node->submitted_count == SUBMITTED_CAP) return NULL;
    snprintf(name, sizeof name, "tx%d", node->submitted_count);
    node->submitted[node->submitted_count++] = strdup(text);
    node->nonce++;
    return json_string(name);
}

static void count(fake_node_t *node, const char *method)
{
    int i = 0;
    while (i < COUNTED_CAP - 1 && node->counted[i].count && strcmp(node->counted[i].method, method) != 0)
        i++;
    snprintf(node->counted[i].method, sizeof node->counted[i].method, "%s", method);
    node->counted[i].count++;
}

/* after_subscribing sends the head there is, as a node does. */
static void after_subscribing(fake_node_t *node, const char *method)
{
    if (strcmp(method, "chain_subscribeNewHeads") == 0) {
        node->has_heads = true;
        push(node, "chain_newHead", "heads", json_incref(node->blocks[node->best].header));
    }
    if (strcmp(method, "chain_subscribeFinalizedHeads") == 0) {
        node->has_finals = true;
        push(node, "chain_finalizedHead", "finals", json_incref(node->blocks[node->final].header));
    }
    if (strcmp(method, "state_subscribeRuntimeVersion") == 0)
        push(node, "state_runtimeVersion", "version", version());
    if (strcmp(method, "author_submitAndWatchExtrinsic") == 0 && !node->refuse_code)
        fake_node_tell_state(node, node->submitted_count - 1, "ready");
}

static void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    fake_node_t *node  = self;
    json_t *request    = json_loadb((const char *)message.data, message.len, 0, NULL), *reply;
    const char *method = json_string_value(json_object_get(request, "method"));
    json_t *params     = json_object_get(request, "params"), *result;
    (void)is_text;
    node->session = session;
    count(node, method);
    if (!node->is_silent) {
        bool is_submit = strcmp(method, "author_submitAndWatchExtrinsic") == 0;
        result         = is_submit ? submit(node, params) : answer(node, method, params);
        reply = result ? json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", json_object_get(request, "id"),
                                   "result", result)
                       : json_pack("{s:s,s:O,s:{s:i,s:s,s:s}}", "jsonrpc", "2.0", "id",
                                   json_object_get(request, "id"), "error", "code",
                                   is_submit ? node->refuse_code : -32601, "message",
                                   is_submit ? "Invalid Transaction" : "Method not found", "data", "because");
        char *text = json_dumps(reply, JSON_COMPACT);
        (void)web_send(session, bytes_text(text), true);
        free(text);
        json_decref(reply);
        after_subscribing(node, method);
    }
    json_decref(request);
}

static int on_upgrade(void *self, const web_head_t *head, void **session_self)
{
    (void)self;
    (void)head;
    (void)session_self;
    return 101;
}

static void on_open(void *self, web_session_t *session) { ((fake_node_t *)self)->session = session; }

static void on_close(void *self, web_session_t *session)
{
    fake_node_t *node = self;
    if (node->session == session) {
        node->session   = NULL;
        node->has_heads = node->has_finals = false;
    }
}

void fake_node_start(fake_node_t *node)
{
    const char *error;
    web_listen_t listen   = {.address = "127.0.0.1", .port = node->port};
    web_handler_t handler = {.self       = node,
                             .on_upgrade = on_upgrade,
                             .on_open    = on_open,
                             .on_message = on_message,
                             .on_close   = on_close};
    node->server          = web_listen(node->io, &listen, &handler, &error);
    if (!node->server) {
        printf("fake node: %s\n", error);
        exit(1);
    }
    node->port = web_server_port(node->server);
    snprintf(node->url, sizeof node->url, "ws://127.0.0.1:%u", node->port);
}

void fake_node_stop(fake_node_t *node)
{
    web_server_free(node->server);
    node->server = NULL;
}

fake_node_t *fake_node_new(io_t *io, uint8_t salt)
{
    fake_node_t *node = must_alloc(sizeof *node);
    node->io          = io;
    node->block_count = salt; /* so that genesis differs */
    int genesis       = fake_node_block(node, -1);
    node->blocks[0]   = node->blocks[genesis];
    if (genesis != 0) node->blocks[genesis] = (fake_block_t){0};
    node->block_count = 1;
    fake_node_start(node);
    return node;
}

void fake_node_free(fake_node_t *node)
{
    if (node->server) fake_node_stop(node);
    for (int i = 0; i < node->block_count; i++) {
        json_decref(node->blocks[i].header);
        json_decref(node->blocks[i].extrinsics);
    }
    for (int i = 0; i < node->submitted_count; i++)
        free(node->submitted[i]);
    free(node);
}

const char *fake_node_url(const fake_node_t *node) { return node->url; }
fake_block_t *fake_node_at(fake_node_t *node, int block) { return &node->blocks[block]; }

int fake_node_block(fake_node_t *node, int parent)
{
    int index           = node->block_count++;
    fake_block_t *block = &node->blocks[index];
    hash_t none =
               {
                   {0}
    },
           root = {{(uint8_t)index, 1}}, unused;
    char number[16];
    block->parent = parent;
    block->number = parent < 0 ? 0 : node->blocks[parent].number + 1;
    snprintf(number, sizeof number, "0x%x", block->number);
    block->header =
        json_pack("{s:o,s:s,s:o,s:o,s:{s:[s]}}", "parentHash",
                  hash_json(parent < 0 ? &none : &node->blocks[parent].hash), "number", number, "stateRoot",
                  hash_json(&root), "extrinsicsRoot", hash_json(&none), "digest", "logs", "0x0410aabbccdd");
    block->extrinsics = json_pack("[s]", "0x280403000b"); /* an inherent */
    block->events_len = 1;
    if (!header_read(block->header, &block->number, &unused, &block->hash)) abort();
    return index;
}

void fake_node_best(fake_node_t *node, int block)
{
    node->best = block;
    if (node->has_heads) push(node, "chain_newHead", "heads", json_incref(node->blocks[block].header));
}

void fake_node_final(fake_node_t *node, int block)
{
    node->final = block;
    if (node->has_finals)
        push(node, "chain_finalizedHead", "finals", json_incref(node->blocks[block].header));
}

int fake_node_submitted(const fake_node_t *node) { return node->submitted_count; }

void fake_node_include(fake_node_t *node, int block, int submitted, bool is_success)
{
    fake_block_t *b       = &node->blocks[block];
    scale_writer_t w      = scale_writer(b->events, sizeof b->events);
    runtime_event_t event = {.pallet = SYSTEM_PALLET, .system = {.kind = SYSTEM_EVENT_EXTRINSIC_SUCCESS}};
    if (!is_success) {
        event.system.kind                            = SYSTEM_EVENT_EXTRINSIC_FAILED;
        event.system.extrinsic_failed.dispatch_error = (support_dispatch_error_t){
            .kind = SUPPORT_DISPATCH_ERROR_MODULE, .module = {TFGRID_PALLET, {{8}}}
        };
    }
    json_array_append_new(b->extrinsics, json_string(node->submitted[submitted]));
    scale_put_compact(&w, 1);
    scale_put_u8(&w, 0);
    scale_put_u32(&w, 1);
    runtime_event_encode(&w, &event);
    scale_put_compact(&w, 0);
    b->events_len = w.len;
}

void fake_node_tell(fake_node_t *node, int submitted, const char *name, int block)
{
    char subscription[16];
    snprintf(subscription, sizeof subscription, "tx%d", submitted);
    push(node, "author_extrinsicUpdate", subscription,
         json_pack("{s:o}", name, hash_json(&node->blocks[block].hash)));
}

void fake_node_tell_state(fake_node_t *node, int submitted, const char *state)
{
    char subscription[16];
    snprintf(subscription, sizeof subscription, "tx%d", submitted);
    push(node, "author_extrinsicUpdate", subscription, json_string(state));
}

void fake_node_silent(fake_node_t *node, bool is_silent) { node->is_silent = is_silent; }
void fake_node_refuse(fake_node_t *node, int code) { node->refuse_code = code; }

uint32_t fake_node_asked(const fake_node_t *node, const char *method)
{
    for (int i = 0; i < COUNTED_CAP; i++)
        if (strcmp(node->counted[i].method, method) == 0) return node->counted[i].count;
    return 0;
}
