/* follow.c - rounds of blocks: forward, and back where the chain went another way. */
#include "follow_internal.h"
#include "hex.h"
#include "log.h"
#include "timestamp_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS    1000
#define RETRY_MOST  60000
#define PROGRESS_MS 2000
#define CLOSE_BY    2u

/* twox_128("System") twox_128("Events") */
static const char events_key[] = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";

static void key_of_time(char text[67])
{
    uint8_t room[64];
    scale_writer_t w = scale_writer(room, sizeof room);
    timestamp_now_key(&w);
    memcpy(text, "0x", 2);
    hex_encode(text + 2, scale_written(&w));
}

static void hash_text(char text[67], const hash_t *hash)
{
    memcpy(text, "0x", 2);
    hex_encode(text + 2, (bytes_t){hash->b, sizeof hash->b});
}

/* ---- when a round ends ---- */

static void again(void *self)
{
    follow_t *f = self;
    f->retry    = NULL;
    follow_round(f);
}

static void round_done(follow_t *f)
{
    f->state.failures = 0;
    if (!f->state.has_stopped) f->state.error[0] = 0;
    f->is_busy = false;
    if (f->is_wanted && !f->retry) follow_round(f);
}

void follow_later(follow_t *follow, const char *what, const char *why)
{
    uint64_t pause = RETRY_MS;
    log_warn(LOG_CHAIN, what, LOG_TEXT("why", why));
    snprintf(follow->state.error, sizeof follow->state.error, "%s: %s", what, why);
    for (uint32_t i = 0; i < follow->state.failures && pause < RETRY_MOST; i++)
        pause *= 2;
    follow->state.failures++;
    follow->is_busy = false;
    if (!follow->retry && !follow->state.has_stopped)
        follow->retry = io_timer_start(follow->io, pause < RETRY_MOST ? pause : RETRY_MOST, 0, again, follow);
}

void follow_stop(follow_t *follow, const char *why)
{
    if (follow->state.has_stopped) return;
    follow->state.has_stopped = true;
    snprintf(follow->state.error, sizeof follow->state.error, "%s", why);
    log_error(LOG_CHAIN, "the index stops", LOG_TEXT("why", why));
}

static void tell_progress(follow_t *f)
{
    const store_head_t *head = store_head(f->store);
    uint64_t now = io_ticks_ms(f->io), passed = now - f->told_ms;
    uint32_t behind = f->state.best > head->number ? f->state.best - head->number : 0;
    if (behind <= CLOSE_BY && !f->state.is_caught_up) {
        f->state.is_caught_up = true;
        log_info(LOG_CHAIN, "index caught up", LOG_U32("block", head->number));
    } else if (behind > WINDOW)
        f->state.is_caught_up = false;
    if (passed < PROGRESS_MS) return;
    f->state.blocks_a_second = (double)(f->state.blocks - f->told_blocks) * 1000 / (double)passed;
    if (behind > WINDOW)
        log_info(LOG_CHAIN, "indexing", LOG_U32("block", head->number), LOG_U32("of", f->state.best),
                 LOG_U32("percent", f->state.best ? (uint64_t)head->number * 100 / f->state.best : 0),
                 LOG_U64("blocks_a_second", f->state.blocks_a_second));
    f->told_ms     = now;
    f->told_blocks = f->state.blocks;
}

/* ---- blocks that came ---- */

uint8_t *follow_change(const json_t *answer, const char *key_hex, uint32_t *len)
{
    size_t i;
    json_t *change;
    *len = 0;
    json_array_foreach(json_object_get(json_array_get(answer, 0), "changes"), i, change)
    {
        const char *key = json_string_value(json_array_get(change, 0));
        json_t *value   = json_array_get(change, 1);
        if (!key || strcmp(key, key_hex) != 0 || !json_is_string(value)) continue;
        uint32_t cap  = (uint32_t)(json_string_length(value) / 2) + 1;
        uint8_t *data = malloc(cap);
        if (data && hex_decode(bytes_text(json_string_value(value)), data, cap, len)) return data;
        free(data);
    }
    return NULL;
}

/* Final blocks go together: one transaction for all of them, whole blocks each. */
static bool apply_slot(follow_t *f, const slot_t *slot)
{
    bool is_final       = slot->number <= f->state.final;
    store_block_t block = {slot->number, slot->hash, slot->time_s, is_final};
    store_block(f->store, &block);
    f->arena.used = 0;
    apply_events(f->store, (bytes_t){slot->events, slot->events_len}, &f->arena);
    return store_block_done(f->store);
}

static bool apply_run(follow_t *f, uint32_t from, uint32_t count)
{
    if (!store_begin(f->store)) return false;
    for (uint32_t i = 0; i < count && apply_slot(f, &f->slots[from + i]); i++)
        ;
    return store_commit(f->store);
}

static void forget_slots(follow_t *f)
{
    for (uint32_t i = 0; i < f->slot_count; i++)
        free(f->slots[i].events);
    f->slot_count = 0;
}

/* How many of the slots stand one on the other and on the index. */
static uint32_t slots_in_line(follow_t *f)
{
    const char *hash = store_head(f->store)->hash;
    uint32_t i       = 0;
    for (; i < f->slot_count; i++) {
        const slot_t *slot = &f->slots[i];
        if (slot->has_failed || strcmp(slot->parent, hash) != 0) break;
        hash = slot->hash;
    }
    return i;
}

static void window_done(follow_t *f)
{
    uint32_t count = slots_in_line(f), done = 0;
    bool is_ok = true, is_short = count < f->slot_count;
    while (done < count && is_ok) {
        uint32_t run = 1;
        while (f->slots[done].number <= f->state.final && done + run < count &&
               f->slots[done + run].number <= f->state.final)
            run++;
        is_ok = apply_run(f, done, run);
        if (is_ok) done += run;
    }
    f->state.blocks += done;
    forget_slots(f);
    if (!is_ok) {
        follow_later(f, "blocks not indexed", "see the errors above");
        return;
    }
    if (!store_finalized(f->store, f->state.final)) log_warn(LOG_CHAIN, "finality not noted");
    tell_progress(f);
    if (done > 0 && f->on_block) f->on_block(f->on_block_self);
    if (is_short && done == 0) {
        follow_later(f, "blocks not read", "the node did not give them, or its chain changed");
        return;
    }
    f->is_wanted = f->is_wanted || store_head(f->store)->number < f->state.best;
    round_done(f);
}

static void slot_done(slot_t *slot)
{
    if (--slot->follow->pending == 0) window_done(slot->follow);
}

static void on_header(void *self, const client_error_t *error, const json_t *result)
{
    slot_t *slot       = self;
    const char *parent = json_string_value(json_object_get(result, "parentHash"));
    if (error->status == CLIENT_FREED) return;
    if (error->status == CLIENT_OK && parent && strlen(parent) == 66)
        memcpy(slot->parent, parent, 67);
    else
        slot->has_failed = true;
    slot_done(slot);
}

static void on_state(void *self, const client_error_t *error, const json_t *result)
{
    slot_t *slot = self;
    char time_key[67];
    uint32_t len;
    if (error->status == CLIENT_FREED) return;
    key_of_time(time_key);
    uint8_t *time = follow_change(result, time_key, &len);
    if (error->status != CLIENT_OK) {
        slot->has_failed = true;
        log_warn(LOG_CHAIN, "events not read", LOG_U32("block", slot->number), LOG_TEXT("why", error->text));
    }
    if (time && len == 8) {
        scale_reader_t r = scale_reader((bytes_t){time, len}, NULL);
        slot->time_s     = scale_get_u64(&r) / 1000;
    }
    free(time);
    slot->events = follow_change(result, events_key, &slot->events_len);
    slot_done(slot);
}

/* ---- a round ---- */

static void ask_slot(follow_t *f, slot_t *slot)
{
    char params[320], time_key[67];
    key_of_time(time_key);
    snprintf(params, sizeof params, "[[\"%s\",\"%s\"],\"%s\"]", events_key, time_key, slot->hash);
    client_rpc(f->client, "state_queryStorageAt", params, on_state, slot);
    snprintf(params, sizeof params, "[\"%s\"]", slot->hash);
    client_rpc(f->client, "chain_getHeader", params, on_header, slot);
    f->pending += 2;
}

/* The block under the index is another one: take it back, or say why that cannot be. */
static void go_back(follow_t *f)
{
    const store_head_t *head = store_head(f->store);
    uint32_t number          = head->number;
    if (store_undo(f->store)) {
        f->state.undone++;
        log_info(LOG_CHAIN, "block taken back", LOG_U32("block", number));
        f->is_wanted = true;
        round_done(f);
        return;
    }
    f->is_busy = false;
    follow_stop(f, "a block that was final is not on this node's chain: run it with --rebuild, "
                   "or follow another node");
}

static void on_hashes(void *self, const client_error_t *error, const json_t *result)
{
    follow_t *f              = self;
    const store_head_t *head = store_head(f->store);
    const char *own          = json_string_value(json_array_get(result, 0));
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK || !json_is_array(result)) {
        follow_later(f, "blocks not read", error->status == CLIENT_OK ? "no list came" : error->text);
        return;
    }
    if (!own || strcmp(own, head->hash) != 0) {
        go_back(f);
        return;
    }
    f->pending = 1;
    for (size_t i = 1; i < json_array_size(result) && f->slot_count < WINDOW; i++) {
        const char *hash = json_string_value(json_array_get(result, i));
        slot_t *slot     = &f->slots[f->slot_count];
        if (!hash || strlen(hash) != 66) break;
        *slot = (slot_t){.follow = f, .number = head->number + (uint32_t)i};
        memcpy(slot->hash, hash, 67);
        f->slot_count++;
        ask_slot(f, slot);
    }
    if (--f->pending == 0) { /* nothing new */
        if (!store_finalized(f->store, f->state.final)) log_warn(LOG_CHAIN, "finality not noted");
        tell_progress(f);
        round_done(f);
    }
}

static void ask_hashes(follow_t *f)
{
    const store_head_t *head = store_head(f->store);
    uint32_t ahead           = f->state.best > head->number ? f->state.best - head->number : 0;
    json_t *list             = json_array();
    for (uint32_t i = 0; i <= (ahead < WINDOW ? ahead : WINDOW); i++)
        json_array_append_new(list, json_integer(head->number + i));
    json_t *params = json_pack("[o]", list);
    char *text     = params ? json_dumps(params, JSON_COMPACT) : NULL;
    if (text)
        client_rpc(f->client, "chain_getBlockHash", text, on_hashes, f);
    else
        follow_later(f, "blocks not read", "no memory");
    free(text);
    json_decref(params);
}

/* An index of another chain is emptied: it can be made again at any time. */
static bool check_genesis(follow_t *f)
{
    char genesis[67];
    hash_text(genesis, &client_chain(f->client)->genesis);
    const store_head_t *head = store_head(f->store);
    if (strcmp(head->genesis, genesis) == 0) return true;
    if (head->genesis[0])
        log_warn(LOG_CHAIN, "another chain: the index is made anew", LOG_TEXT("genesis", genesis));
    return (!head->genesis[0] || store_clear(f->store)) && store_set_genesis(f->store, genesis);
}

void follow_round(follow_t *follow)
{
    follow->is_wanted = true;
    if (follow->is_busy || follow->retry || follow->state.has_stopped || !client_chain(follow->client))
        return;
    follow->is_wanted = false;
    follow->is_busy   = true;
    if (!store_check(follow->store) || !check_genesis(follow)) {
        follow_later(follow, "index not made", "see the errors above");
        return;
    }
    if (store_head(follow->store)->has_block)
        ask_hashes(follow);
    else
        genesis_start(follow);
}

/* ---- heads ---- */

static void on_best(void *self, const client_block_t *block)
{
    follow_t *f   = self;
    f->state.best = block->number;
    follow_round(f);
}

static void on_final(void *self, const client_block_t *block)
{
    follow_t *f    = self;
    f->state.final = block->number;
    follow_round(f);
}

follow_t *follow_new(io_t *io, client_t *client, store_t *store)
{
    follow_t *f   = calloc(1, sizeof *f);
    uint8_t *room = malloc(EVENTS_ARENA);
    if (!f || !room) abort();
    *f = (follow_t){
        .io = io, .client = client, .store = store, .arena = {room, EVENTS_ARENA, 0}
    };
    f->told_ms     = io_ticks_ms(io);
    f->best_ticket = client_follow(client, &(client_follow_t){.on_block = on_best, .context = f});
    f->final_ticket =
        client_follow(client, &(client_follow_t){.is_finalized = true, .on_block = on_final, .context = f});
    return f;
}

/* The client is freed before: nothing of it comes any more. */
void follow_free(follow_t *follow)
{
    if (!follow) return;
    if (follow->retry) io_timer_stop(follow->retry);
    genesis_free(follow);
    forget_slots(follow);
    free(follow->arena.start);
    free(follow);
}

const follow_state_t *follow_state(follow_t *follow)
{
    follow->state.is_connected = client_is_connected(follow->client);
    return &follow->state;
}

void follow_on_block(follow_t *follow, void (*fn)(void *self), void *self)
{
    follow->on_block      = fn;
    follow->on_block_self = self;
}
