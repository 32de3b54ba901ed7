/* twin_chain.c - twins as the chain has them, read and followed through lib/client. */
#include "client.h"
#include "twin_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "log.h"
#include "tfgrid_types.h"

#define TWIN_ARENA   (64u << 10) /* room for the entity proofs of one twin */
#define EVENTS_ARENA (512u << 10)
#define FILL_AT_ONCE 32
#define KEY_LEN_MAX  96

typedef struct read {
    twin_chain_t *chain;
    uint32_t id;
    uint64_t ticket;
    twin_done_fn done;
    void *context;
    struct read *next, **back;
} read_t;

struct twin_chain {
    client_t *client;
    twin_source_t source;
    read_t *reads;
    twin_cache_t *cache;
    bool is_full, is_filling;
    uint64_t follow_ticket, count_ticket;
    uint32_t fill_next, fill_last, fill_pending;
    uint8_t *memory;
    twin_chain_stats_t stats;
};

/* ---- reading ---- */

static void twin_of(const tfgrid_twin_t *from, rmb_twin_t *to)
{
    uint8_t secret_one[32] = {[31] = 1}, unused[32];
    *to                    = (rmb_twin_t){.id = from->id, .account = from->account_id};
    if (from->relay.some && from->relay.value.len <= RMB_RELAY_MAX)
        memcpy(to->relay, from->relay.value.data, from->relay.value.len);
    if (!from->pk.some || from->pk.value.len != RMB_PK_LEN) return;
    memcpy(to->pk, from->pk.value.data, RMB_PK_LEN);
    to->has_pk = secp256k1_ecdh_x(secret_one, to->pk, unused); /* is it a point? */
}

static bool twin_read(bytes_t value, rmb_twin_t *twin)
{
    uint8_t *memory  = malloc(TWIN_ARENA);
    arena_t arena    = {.start = memory, .size = TWIN_ARENA};
    scale_reader_t r = scale_reader(value, &arena);
    tfgrid_twin_t from;
    tfgrid_twin_decode(&r, &from);
    bool is_good = scale_done(&r);
    if (is_good) twin_of(&from, twin);
    free(memory);
    return is_good;
}

static void read_end(read_t *read, twin_status_t status, const rmb_twin_t *twin)
{
    *read->back = read->next;
    if (read->next) read->next->back = read->back;
    twin_done_fn done = read->done;
    void *context     = read->context;
    free(read);
    done(context, status, twin);
}

static void on_value(void *context, const client_error_t *error, bytes_t value)
{
    read_t *read = context;
    rmb_twin_t twin;
    if (error->status != CLIENT_OK) {
        read->chain->stats.errors++;
        log_warn(LOG_RELAY, "twin not read", LOG_U64("twin", read->id), LOG_TEXT("reason", error->text));
        read_end(read, TWIN_UNAVAILABLE, NULL);
    } else if (!value.data) {
        read_end(read, TWIN_UNKNOWN, NULL);
    } else if (!twin_read(value, &twin)) {
        read->chain->stats.errors++;
        log_error(LOG_RELAY, "twin does not decode", LOG_U64("twin", read->id));
        read_end(read, TWIN_UNAVAILABLE, NULL);
    } else {
        read_end(read, TWIN_FOUND, &twin);
    }
}

static void chain_get(void *self, uint32_t twin_id, twin_done_fn done, void *context)
{
    twin_chain_t *chain = self;
    uint8_t room[KEY_LEN_MAX];
    scale_writer_t key = scale_writer(room, sizeof room);
    tfgrid_twins_key(&key, twin_id);
    read_t *read = calloc(1, sizeof *read);
    *read        = (read_t){chain, twin_id, 0, done, context, chain->reads, &chain->reads};
    if (read->next) read->next->back = &read->next;
    chain->reads = read;
    read->ticket = client_storage(chain->client, scale_written(&key), NULL, on_value, read);
}

/* ---- filling: all twins, a few at a time ---- */

static void fill(twin_chain_t *chain);

static void on_filled(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    twin_chain_t *chain = context;
    (void)status;
    (void)twin;
    chain->fill_pending--;
    fill(chain);
}

static void fill(twin_chain_t *chain)
{
    if (chain->is_filling) return; /* an answer that came at once */
    chain->is_filling = true;
    while (chain->fill_next <= chain->fill_last && chain->fill_pending < FILL_AT_ONCE) {
        chain->fill_pending++;
        uint32_t id = chain->fill_next++;
        twin_cache_get(chain->cache, id, on_filled, chain);
    }
    chain->is_filling = false;
}

static void on_count(void *context, const client_error_t *error, bytes_t value)
{
    twin_chain_t *chain = context;
    scale_reader_t r    = scale_reader(value, NULL);
    chain->count_ticket = 0;
    if (error->status != CLIENT_OK || !value.data) return;
    uint32_t count = scale_get_u32(&r);
    if (!scale_done(&r)) return;
    chain->fill_next = 1;
    chain->fill_last = count;
    fill(chain);
}

static void fill_start(twin_chain_t *chain)
{
    uint8_t room[KEY_LEN_MAX];
    scale_writer_t key = scale_writer(room, sizeof room);
    tfgrid_twin_id_key(&key);
    if (chain->count_ticket) client_cancel(chain->client, chain->count_ticket);
    chain->count_ticket = client_storage(chain->client, scale_written(&key), NULL, on_count, chain);
}

/* ---- following ---- */

static void keep(twin_chain_t *chain, const tfgrid_twin_t *from)
{
    rmb_twin_t twin;
    twin_of(from, &twin);
    if (chain->is_full)
        twin_cache_add(chain->cache, &twin);
    else
        twin_cache_put(chain->cache, &twin);
}

static void start_anew(twin_chain_t *chain)
{
    chain->stats.gaps++;
    twin_cache_flush(chain->cache);
    if (chain->is_full) fill_start(chain);
}

static void on_block(void *context, const client_block_t *block)
{
    twin_chain_t *chain = context;
    chain->stats.block  = block->number;
    if (block->after_gap) {
        start_anew(chain);
        return;
    }
    arena_t arena = {.start = chain->memory, .size = EVENTS_ARENA};
    client_events_t events;
    client_event_t event;
    client_events_start(&events, block->events, &arena);
    while (client_events_next(&events, &event)) {
        if (event.event.pallet != TFGRID_PALLET) continue;
        const tfgrid_event_t *said = &event.event.tfgrid;
        if (said->kind == TFGRID_EVENT_TWIN_STORED) {
            chain->stats.stored++;
            keep(chain, &said->twin_stored);
        } else if (said->kind == TFGRID_EVENT_TWIN_UPDATED) {
            chain->stats.updated++;
            keep(chain, &said->twin_updated);
        }
    }
    if (!client_events_failed(&events)) return;
    chain->stats.errors++;
    log_error(LOG_RELAY, "events do not decode", LOG_U64("block", block->number));
    start_anew(chain);
}

/* What a block said that is no longer on the chain is not known any more. */
static void on_retracted(void *context, const client_block_t *block)
{
    (void)block;
    start_anew(context);
}

void twin_chain_follow(twin_chain_t *chain, twin_cache_t *cache, bool is_full)
{
    assert(!chain->cache);
    chain->cache           = cache;
    chain->is_full         = is_full;
    chain->memory          = malloc(EVENTS_ARENA);
    client_follow_t follow = {.on_block = on_block, .on_retracted = on_retracted, .context = chain};
    chain->follow_ticket   = client_follow(chain->client, &follow);
}

twin_chain_t *twin_chain_new(client_t *client)
{
    twin_chain_t *chain = calloc(1, sizeof *chain);
    chain->client       = client;
    chain->source       = (twin_source_t){chain, chain_get};
    return chain;
}

const twin_source_t *twin_chain_source(const twin_chain_t *chain) { return &chain->source; }
void twin_chain_stats(const twin_chain_t *chain, twin_chain_stats_t *stats) { *stats = chain->stats; }

void twin_chain_free(twin_chain_t *chain)
{
    if (!chain) return;
    if (chain->cache) {
        client_cancel(chain->client, chain->follow_ticket);
        if (chain->count_ticket) client_cancel(chain->client, chain->count_ticket);
        chain->fill_next = 1;
        chain->fill_last = 0;
        twin_cache_cancel(chain->cache, chain);
    }
    read_t *next;
    for (read_t *read = chain->reads; read; read = next) {
        next = read->next;
        client_cancel(chain->client, read->ticket);
        read_end(read, TWIN_UNAVAILABLE, NULL);
    }
    free(chain->memory);
    free(chain);
}
