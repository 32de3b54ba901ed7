/* sim_chain.c - see sim_chain.h. */
#include "sim_chain.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hex.h"
#include "runtime_types.h"
#include "runtime_version.h"
#include "web.h"

#define EVENTS_LEN 8192
#define TEXT_LEN   (64u << 10)
#define LAG_US     400000 /* a node hears of a block so much later, at most */

struct block {
    uint32_t number;
    hash_t hash, extrinsics;
    block_t *parent, *next;
    rmb_twin_t twins[CHAIN_TWINS_CAP]; /* by id; id 0: none */
    uint8_t events[EVENTS_LEN];
    scale_writer_t writer;
    uint32_t event_count;
    uint64_t best_us, lost_us; /* when it was the best; UINT64_MAX: never, and not yet */
};

typedef struct subscriber {
    web_session_t *session;
    bool has_heads;
    struct subscriber *next;
} subscriber_t;

typedef struct {
    io_t *io;
    web_server_t *server;
    block_t *head;
    subscriber_t *subscribers;
} node_t;

static struct {
    block_t *blocks, *best;
    node_t *nodes[CHAIN_NODES_CAP];
    uint32_t node_count;
} chain;

/* ---- blocks ---- */

static tfgrid_twin_t encoded_twin(const rmb_twin_t *twin)
{
    return (tfgrid_twin_t){
        .id         = twin->id,
        .account_id = twin->account,
        .relay      = {twin->relay[0] != 0, bytes_text(twin->relay)},
        .pk         = {twin->has_pk,        {twin->pk, RMB_PK_LEN} }
    };
}

block_t *chain_best(void) { return chain.best; }
block_t *chain_parent(const block_t *block) { return block->parent; }
uint32_t chain_number(const block_t *block) { return block->number; }

block_t *chain_grow(block_t *parent)
{
    block_t *block = calloc(1, sizeof *block);
    if (parent) memcpy(block->twins, parent->twins, sizeof block->twins);
    block->number  = parent ? parent->number + 1 : 0;
    block->parent  = parent;
    block->best_us = block->lost_us = UINT64_MAX;
    block->next                     = chain.blocks;
    chain.blocks                    = block;
    block->writer                   = scale_writer(block->events + 1, EVENTS_LEN - 1); /* behind the count */
    return block;
}

void chain_put(block_t *block, const rmb_twin_t *twin)
{
    assert(twin->id > 0 && twin->id < CHAIN_TWINS_CAP && block->event_count < 60);
    bool is_new             = block->twins[twin->id].id == 0;
    block->twins[twin->id]  = *twin;
    runtime_event_t *event  = calloc(1, sizeof *event);
    event->pallet           = TFGRID_PALLET;
    event->tfgrid.kind      = is_new ? TFGRID_EVENT_TWIN_STORED : TFGRID_EVENT_TWIN_UPDATED;
    tfgrid_twin_t as_stored = encoded_twin(twin);
    if (is_new)
        event->tfgrid.twin_stored = as_stored;
    else
        event->tfgrid.twin_updated = as_stored;
    scale_put_u8(&block->writer, 0); /* of extrinsic ... */
    scale_put_u32(&block->writer, block->event_count++);
    runtime_event_encode(&block->writer, event);
    scale_put_compact(&block->writer, 0);
    free(event);
}

void chain_seal(block_t *block)
{
    uint8_t room[256];
    scale_writer_t w = scale_writer(room, sizeof room);
    hash_t zero      = {0};
    block->events[0] = (uint8_t)(block->event_count << 2);
    assert(!block->writer.failed);
    io_random(block->extrinsics.b, sizeof block->extrinsics.b);
    scale_put_hash(&w, block->parent ? &block->parent->hash : &zero);
    scale_put_compact(&w, block->number);
    scale_put_hash(&w, &zero);
    scale_put_hash(&w, &block->extrinsics);
    scale_put_compact(&w, 0);
    block->hash = blake2_256(scale_written(&w));
}

const rmb_twin_t *chain_twin(const block_t *block, uint32_t id)
{
    return id > 0 && id < CHAIN_TWINS_CAP && block->twins[id].id ? &block->twins[id] : NULL;
}

bool chain_was(uint32_t id, const account_id_t *account, uint64_t ms)
{
    uint64_t since_us = sim_now_us() > ms * 1000 ? sim_now_us() - ms * 1000 : 0;
    for (const block_t *block = chain.blocks; block; block = block->next) {
        const rmb_twin_t *twin = chain_twin(block, id);
        if (!twin || memcmp(&twin->account, account, sizeof *account) != 0 || block->best_us == UINT64_MAX)
            continue;
        if (block->lost_us == UINT64_MAX || block->lost_us >= since_us) return true;
    }
    return false;
}

/* ---- what nodes say ---- */

static void hex_of(char *text, bytes_t bytes)
{
    text[0] = '0';
    text[1] = 'x';
    hex_encode(text + 2, bytes);
}

static void header_text(const block_t *block, char *text, size_t cap)
{
    char parent[70], extrinsics[70], root[70];
    hash_t zero = {0};
    hex_of(parent, (bytes_t){block->parent ? block->parent->hash.b : zero.b, 32});
    hex_of(extrinsics, (bytes_t){block->extrinsics.b, 32});
    hex_of(root, (bytes_t){zero.b, 32});
    snprintf(text, cap,
             "{\"parentHash\":\"%s\",\"number\":\"0x%x\",\"stateRoot\":\"%s\",\"extrinsicsRoot\":\"%s\","
             "\"digest\":{\"logs\":[]}}",
             parent, block->number, root, extrinsics);
}

static const block_t *block_of(const json_t *hash)
{
    hash_t wanted;
    const char *text = json_string_value(hash);
    if (!text || !hex_decode_exact(bytes_text(text), wanted.b, sizeof wanted.b)) return NULL;
    for (const block_t *block = chain.blocks; block; block = block->next)
        if (memcmp(&block->hash, &wanted, sizeof wanted) == 0) return block;
    return NULL;
}

static bool is_key(const char *text, const scale_writer_t *key)
{
    char hex[400];
    hex_of(hex, scale_written(key));
    return strcmp(hex, text) == 0;
}

/* The value under a key, as JSON. */
static void storage_text(const block_t *block, const char *key, char *text, size_t cap)
{
    static const char events_key[] = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";
    uint8_t room[EVENTS_LEN];
    scale_writer_t w = scale_writer(room, sizeof room), name;
    uint8_t name_room[128];
    bool is_found = false;
    if (strcmp(key, events_key) == 0) {
        scale_put_raw(&w, block->events, block->writer.len + 1);
        is_found = true;
    }
    name = scale_writer(name_room, sizeof name_room);
    tfgrid_twin_id_key(&name);
    if (is_key(key, &name)) {
        uint32_t count = 0;
        for (uint32_t id = 1; id < CHAIN_TWINS_CAP; id++)
            if (block->twins[id].id) count = id;
        scale_put_u32(&w, count);
        is_found = true;
    }
    for (uint32_t id = 1; id < CHAIN_TWINS_CAP && !is_found; id++) {
        name = scale_writer(name_room, sizeof name_room);
        tfgrid_twins_key(&name, id);
        if (!block->twins[id].id || !is_key(key, &name)) continue;
        tfgrid_twin_t twin = encoded_twin(&block->twins[id]);
        tfgrid_twin_encode(&w, &twin);
        is_found = true;
    }
    assert(!w.failed && cap > 2 * (size_t)w.len + 8);
    snprintf(text, cap, "null");
    if (!is_found) return;
    text[0] = '"';
    hex_of(text + 1, scale_written(&w));
    snprintf(text + 3 + 2 * (size_t)w.len, 2, "\"");
}

static void say(web_session_t *session, const char *text) { (void)web_send(session, bytes_text(text), true); }

static void say_head(const node_t *node, const subscriber_t *to)
{
    char header[512], text[700];
    header_text(node->head, header, sizeof header);
    snprintf(text, sizeof text,
             "{\"jsonrpc\":\"2.0\",\"method\":\"chain_newHead\",\"params\":{\"subscription\":\"heads\","
             "\"result\":%s}}",
             header);
    say(to->session, text);
}

static subscriber_t *subscriber_of(const node_t *node, const web_session_t *session)
{
    subscriber_t *s = node->subscribers;
    while (s && s->session != session)
        s = s->next;
    return s;
}

static void result_of(node_t *node, const char *method, const json_t *params, char *text, size_t cap)
{
    const json_t *first = json_array_get(params, 0);
    const block_t *at;
    snprintf(text, cap, "null");
    if (strcmp(method, "chain_getBlockHash") == 0) {
        const block_t *genesis = node->head;
        while (genesis->parent)
            genesis = genesis->parent;
        text[0] = '"';
        hex_of(text + 1, (bytes_t){genesis->hash.b, 32});
        snprintf(text + 67, 2, "\"");
    } else if (strcmp(method, "state_getRuntimeVersion") == 0) {
        snprintf(text, cap, "{\"specName\":\"%s\",\"specVersion\":%d,\"transactionVersion\":1}",
                 RUNTIME_SPEC_NAME, RUNTIME_SPEC_VERSION);
    } else if (strcmp(method, "chain_getHeader") == 0) {
        at = first ? block_of(first) : node->head;
        if (at) header_text(at, text, cap);
    } else if (strcmp(method, "state_getStorage") == 0) {
        at = json_array_get(params, 1) ? block_of(json_array_get(params, 1)) : node->head;
        if (at && json_is_string(first)) storage_text(at, json_string_value(first), text, cap);
    } else if (strcmp(method, "chain_subscribeNewHeads") == 0) {
        snprintf(text, cap, "\"heads\"");
    } else if (strcmp(method, "state_subscribeRuntimeVersion") == 0) {
        snprintf(text, cap, "\"version\"");
    } else if (strcmp(method, "system_name") == 0) {
        snprintf(text, cap, "\"sim\"");
    }
}

static void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    static char result[TEXT_LEN], text[TEXT_LEN + 128];
    node_t *node    = self;
    json_t *request = json_loadb((const char *)message.data, message.len, 0, NULL);
    assert(is_text && request);
    const char *method = json_string_value(json_object_get(request, "method"));
    result_of(node, method, json_object_get(request, "params"), result, sizeof result);
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%" JSON_INTEGER_FORMAT ",\"result\":%s}",
             json_integer_value(json_object_get(request, "id")), result);
    say(session, text);
    subscriber_t *s = subscriber_of(node, session);
    if (strcmp(method, "chain_subscribeNewHeads") == 0 && s) {
        s->has_heads = true;
        say_head(node, s);
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

static void on_open(void *self, web_session_t *session)
{
    node_t *node      = self;
    subscriber_t *s   = calloc(1, sizeof *s);
    *s                = (subscriber_t){.session = session, .next = node->subscribers};
    node->subscribers = s;
}

static void on_close(void *self, web_session_t *session)
{
    node_t *node = self;
    for (subscriber_t **at = &node->subscribers; *at; at = &(*at)->next) {
        subscriber_t *s = *at;
        if (s->session != session) continue;
        *at = s->next;
        free(s);
        return;
    }
}

static void on_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    (void)self;
    (void)head;
    (void)body;
    web_answer(request, 404, "", NULL, (bytes_t){0});
}

/* ---- nodes ---- */

static void adopt(void *self)
{
    node_t *node = self;
    if (node->head == chain.best) return;
    node->head = chain.best;
    for (const subscriber_t *s = node->subscribers; s; s = s->next)
        if (s->has_heads) say_head(node, s);
}

void chain_announce(block_t *block)
{
    for (block_t *old = chain.best; old; old = old->parent) {
        const block_t *at = block;
        while (at && at->number > old->number)
            at = at->parent;
        if (at == old) break;
        old->lost_us = sim_now_us();
    }
    for (block_t *at = block; at && (at->best_us == UINT64_MAX || at->lost_us != UINT64_MAX);
         at          = at->parent) {
        at->best_us = sim_now_us();
        at->lost_us = UINT64_MAX;
    }
    chain.best = block;
    for (uint32_t i = 0; i < chain.node_count; i++)
        if (chain.nodes[i]) (void)sim_event_add(chain.nodes[i]->io, sim_below(LAG_US), adopt, chain.nodes[i]);
}

static void *node_start(machine_t *machine, io_t *io, void *self)
{
    const char *error = "", *key = self;
    node_t *node          = calloc(1, sizeof *node);
    char address[64]      = "";
    web_handler_t handler = {.self       = node,
                             .on_request = on_request,
                             .on_upgrade = on_upgrade,
                             .on_open    = on_open,
                             .on_message = on_message,
                             .on_close   = on_close};
    (void)machine;
    memcpy(address, key, strcspn(key, ":"));
    node->io     = io;
    node->head   = chain.best;
    node->server = web_listen(io, &(web_listen_t){.address = address, .port = 80}, &handler, &error);
    assert(node->server);
    for (uint32_t i = 0; i < CHAIN_NODES_CAP; i++) {
        if (chain.nodes[i]) continue;
        chain.nodes[i] = node;
        if (i >= chain.node_count) chain.node_count = i + 1;
        break;
    }
    return node;
}

static void node_stop(void *program)
{
    node_t *node = program;
    for (uint32_t i = 0; i < CHAIN_NODES_CAP; i++)
        if (chain.nodes[i] == node) chain.nodes[i] = NULL;
    web_server_free(node->server);
    io_free(node->io);
    free(node);
}

program_t chain_node(const char *key)
{
    union {
        const char *in;
        void *out;
    } name = {.in = key};
    return (program_t){node_start, node_stop, name.out};
}

void chain_start(void)
{
    memset(&chain, 0, sizeof chain);
    block_t *genesis = chain_grow(NULL);
    genesis->best_us = 0;
    chain.best       = genesis;
}

void chain_end(void)
{
    while (chain.blocks) {
        block_t *block = chain.blocks;
        chain.blocks   = block->next;
        free(block);
    }
}
