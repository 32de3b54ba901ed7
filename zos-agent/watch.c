/* watch.c - what becomes of contracts, block by block.
 *
 * The best chain pauses and resumes, which can be undone; only finalized blocks delete.  A contract that a
 * finalized block says is deleted is deleted; one that is not there must be missing in two finalized blocks,
 * neither older than the block at which it was taken.  An answer that did not come says nothing. */
#include "agent.h"
#include "hex.h"
#include "log.h"
#include "smart_contract_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_ARENA (256u << 10)
#define KEY_CAP      128
#define EVIDENCE_CAP 128

/* What is known of one contract beside the engine's record. */
typedef struct note {
    struct note *next;
    uint64_t contract_id;
    uint32_t taken_at;   /* best block when it was taken, or first seen by this process */
    uint32_t missing_at; /* finalized block at which it was missing; 0: none */
    bool wants_final;    /* look again at the next finalized block */
    bool was_cancelled;  /* a finalized block said so by an event */
} note_t;

typedef struct look {
    struct look *next;
    watch_t *watch;
    uint64_t contract_id, ticket;
    bool is_final;
    uint32_t number;
    hash_t hash;
} look_t;

struct watch {
    agent_t *agent;
    note_t *notes;
    look_t *looks;
    uint32_t best, finalized;
    uint64_t best_ticket, final_ticket;
    io_timer_t *sync_timer;
    uint8_t *memory;
};

static note_t *note_of(watch_t *watch, uint64_t contract_id)
{
    for (note_t *note = watch->notes; note; note = note->next)
        if (note->contract_id == contract_id) return note;
    note_t *note = calloc(1, sizeof *note);
    if (!note) return NULL;
    *note        = (note_t){.next = watch->notes, .contract_id = contract_id, .taken_at = watch->best};
    watch->notes = note;
    return note;
}

uint32_t watch_best(const watch_t *watch) { return watch->best; }

void watch_accepted(watch_t *watch, uint64_t contract_id)
{
    note_t *note = note_of(watch, contract_id);
    if (!note) return;
    note->taken_at      = watch->best;
    note->missing_at    = 0;
    note->was_cancelled = false;
}

/* ---- what an answer means ---- */

static void desire(const look_t *look, desired_t desired, const char *reason)
{
    agent_t *agent = look->watch->agent;
    char evidence[EVIDENCE_CAP], hash[65];
    hex_encode(hash, (bytes_t){look->hash.b, 32});
    snprintf(evidence, sizeof evidence, "%s block %u 0x%s", look->is_final ? "finalized" : "best",
             look->number, hash);
    engine_desire(agent->engine, look->contract_id, desired, reason, evidence, agent_now_s(agent));
    agent_pump(agent);
}

static void best_says(look_t *look, contract_view_t view, note_t *note)
{
    switch (view) {
    case CONTRACT_CREATED: desire(look, DESIRED_RUN, "contract is paid"); return;
    case CONTRACT_GRACE: desire(look, DESIRED_PAUSED, "contract is in its grace period"); return;
    case CONTRACT_ABSENT:
        if (look->number < note->taken_at) return;
        desire(look, DESIRED_PAUSED, "contract is gone, until that is final");
        note->wants_final = true;
        return;
    case CONTRACT_DELETED:
        desire(look, DESIRED_PAUSED, "contract is cancelled, until that is final");
        note->wants_final = true;
        return;
    case CONTRACT_FOREIGN:
    case CONTRACT_UNKNOWN: return;
    }
}

static void final_says(look_t *look, contract_view_t view, note_t *note)
{
    switch (view) {
    case CONTRACT_DELETED: desire(look, DESIRED_DELETED, "contract canceled"); return;
    case CONTRACT_CREATED:
    case CONTRACT_GRACE:
        note->missing_at  = 0;
        note->wants_final = false;
        return;
    case CONTRACT_ABSENT:
        if (look->number < note->taken_at) return;
        if (note->was_cancelled || (note->missing_at != 0 && note->missing_at != look->number)) {
            desire(look, DESIRED_DELETED,
                   note->was_cancelled ? "contract canceled event received" : "contract not active on chain");
            return;
        }
        note->missing_at  = look->number;
        note->wants_final = true;
        return;
    case CONTRACT_FOREIGN:
    case CONTRACT_UNKNOWN: return;
    }
}

static void on_contract(void *context, const client_error_t *error, bytes_t value)
{
    look_t *look   = context;
    watch_t *watch = look->watch;
    for (look_t **at = &watch->looks; *at; at = &(*at)->next) {
        if (*at != look) continue;
        *at = look->next;
        break;
    }
    note_t *note = note_of(watch, look->contract_id);
    if (note && error->status == CLIENT_OK) {
        contract_view_t view = chain_view(watch->agent, value);
        if (look->is_final)
            final_says(look, view, note);
        else
            best_says(look, view, note);
    } else if (note && look->is_final) {
        note->wants_final = true; /* ask again at the next block */
    }
    free(look);
}

static void look_at(watch_t *watch, uint64_t contract_id, bool is_final, uint32_t number, const hash_t *hash)
{
    uint8_t room[KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    look_t *look       = calloc(1, sizeof *look);
    if (!look) return;
    smart_contract_contracts_key(&key, contract_id);
    *look        = (look_t){.next        = watch->looks,
                            .watch       = watch,
                            .contract_id = contract_id,
                            .is_final    = is_final,
                            .number      = number,
                            .hash        = *hash};
    watch->looks = look;
    look->ticket = client_storage(watch->agent->client, scale_written(&key), hash, on_contract, look);
}

/* ---- blocks ---- */

static uint64_t contract_of(const runtime_event_t *event)
{
    if (event->pallet != SMART_CONTRACT_PALLET) return 0;
    if (event->smart_contract.kind == SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED)
        return event->smart_contract.node_contract_canceled.contract_id;
    if (event->smart_contract.kind == SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_STARTED)
        return event->smart_contract.contract_grace_period_started.contract_id;
    if (event->smart_contract.kind == SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_ENDED)
        return event->smart_contract.contract_grace_period_ended.contract_id;
    return 0;
}

static void look_at_all(watch_t *watch, bool is_final, const client_block_t *block)
{
    uint32_t count;
    uint64_t *list = engine_contracts(watch->agent->engine, &count);
    for (uint32_t i = 0; i < count; i++)
        if (note_of(watch, list[i])) look_at(watch, list[i], is_final, block->number, &block->hash);
    free(list);
}

/* Looks at each contract of ours that the block's events name; false when they cannot be read. */
static bool look_at_events(watch_t *watch, bool is_final, const client_block_t *block)
{
    arena_t arena = {.start = watch->memory, .size = EVENTS_ARENA};
    client_events_t events;
    client_event_t event;
    client_events_start(&events, block->events, &arena);
    while (client_events_next(&events, &event)) {
        uint64_t contract_id = contract_of(&event.event);
        uint32_t twin_id;
        if (contract_id == 0 || !engine_contract_twin(watch->agent->engine, contract_id, &twin_id)) continue;
        note_t *note = note_of(watch, contract_id);
        if (note && is_final &&
            event.event.smart_contract.kind == SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED)
            note->was_cancelled = true;
        if (note) look_at(watch, contract_id, is_final, block->number, &block->hash);
    }
    return !client_events_failed(&events);
}

static void on_best(void *context, const client_block_t *block)
{
    watch_t *watch = context;
    watch->best    = block->number;
    if (block->after_gap || !look_at_events(watch, false, block)) look_at_all(watch, false, block);
}

/* What a block brought is gone with it: whatever is said by the blocks that come instead. */
static void on_retracted(void *context, const client_block_t *block)
{
    watch_t *watch        = context;
    hash_t parent         = block->parent;
    client_block_t before = {.number = block->number - 1, .hash = parent};
    look_at_all(watch, false, &before);
}

static void on_finalized(void *context, const client_block_t *block)
{
    watch_t *watch   = context;
    watch->finalized = block->number;
    if (block->after_gap || !look_at_events(watch, true, block)) {
        look_at_all(watch, true, block);
        return;
    }
    for (note_t *note = watch->notes; note; note = note->next) {
        if (!note->wants_final) continue;
        note->wants_final = false;
        look_at(watch, note->contract_id, true, block->number, &block->hash);
    }
}

/* The safety net: everything is compared with the next finalized block. */
static void sync_all(void *self)
{
    watch_t *watch = self;
    uint32_t count;
    uint64_t *list = engine_contracts(watch->agent->engine, &count);
    for (uint32_t i = 0; i < count; i++) {
        note_t *note = note_of(watch, list[i]);
        if (note) note->wants_final = true;
    }
    free(list);
}

watch_t *watch_new(agent_t *agent)
{
    watch_t *watch = calloc(1, sizeof *watch);
    if (!watch) return NULL;
    watch->agent       = agent;
    watch->memory      = malloc(EVENTS_ARENA);
    watch->best_ticket = client_follow(
        agent->client,
        &(client_follow_t){.on_block = on_best, .on_retracted = on_retracted, .context = watch});
    watch->final_ticket = client_follow(
        agent->client, &(client_follow_t){.is_finalized = true, .on_block = on_finalized, .context = watch});
    watch->sync_timer = io_timer_start(agent->io, agent->config->sync_s * UINT64_C(1000),
                                       agent->config->sync_s * UINT64_C(1000), sync_all, watch);
    return watch;
}

void watch_free(watch_t *watch)
{
    if (!watch) return;
    client_cancel(watch->agent->client, watch->best_ticket);
    client_cancel(watch->agent->client, watch->final_ticket);
    io_timer_stop(watch->sync_timer);
    while (watch->looks) {
        look_t *look = watch->looks;
        watch->looks = look->next;
        client_cancel(watch->agent->client, look->ticket);
        free(look);
    }
    while (watch->notes) {
        note_t *note = watch->notes;
        watch->notes = note->next;
        free(note);
    }
    free(watch->memory);
    free(watch);
}
