/* chain_watch.c - what becomes of contracts: pauses by the best chain, destruction by finalized evidence
 * alone, which chain_witness.c has confirmed.
 *
 * Events tell at once; a pass over all contracts of the engine, read at one finalized block, finds what no
 * event told: at the start, after a gap, after blocks were retracted, and every few minutes. */
#include "chain_internal.h"
#include "hex.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS     10000 /* after a pass that failed, or that misses a contract */
#define PRUNE_BLOCKS 100   /* a checked contract comes to the engine at once, or never */
#define NOTES_CAP    50    /* of one contract: a chain that says this now, and that then, fills no disk */

static void pass_start(void *self);
static void pass_next(chain_side_t *side);

/* ---- contracts ---- */

static track_t *track_find(const chain_side_t *side, uint64_t contract_id)
{
    for (uint32_t i = 0; i < side->watch.track_count; i++)
        if (side->watch.tracks[i].contract_id == contract_id) return &side->watch.tracks[i];
    return NULL;
}

/* track gives the contract's, made if need be; NULL when memory is short. */
static track_t *track(chain_side_t *side, uint64_t contract_id)
{
    watch_t *w     = &side->watch;
    track_t *found = track_find(side, contract_id);
    if (found) return found;
    track_t *more = realloc(w->tracks, (w->track_count + 1) * sizeof *more);
    if (!more) return NULL;
    w->tracks                   = more;
    w->tracks[w->track_count++] = (track_t){.contract_id = contract_id};
    return &w->tracks[w->track_count - 1];
}

static void track_forget(chain_side_t *side, uint64_t contract_id)
{
    watch_t *w     = &side->watch;
    track_t *found = track_find(side, contract_id);
    if (found) *found = w->tracks[--w->track_count];
    db_do(side->config.db, "DELETE FROM chain_accepted WHERE contract = ?1", "i", (int64_t)contract_id);
}

void watch_accepted(chain_side_t *side, uint64_t contract_id, uint32_t number)
{
    track_t *t = track(side, contract_id);
    if (!t || t->accepted >= number) return;
    t->accepted = number;
    t->absent   = 0;
    db_do(side->config.db,
          "INSERT INTO chain_accepted(contract, block) VALUES(?1, ?2) ON CONFLICT(contract) DO UPDATE SET "
          "block = ?2",
          "ii", (int64_t)contract_id, (int64_t)number);
}

bool watch_has(const chain_side_t *side, uint64_t contract_id)
{
    uint32_t count;
    bool is_there  = false;
    uint64_t *list = engine_contracts(side->config.engine, &count);
    for (uint32_t i = 0; i < count && !is_there; i++)
        is_there = list[i] == contract_id;
    free(list);
    return is_there;
}

/* ---- what follows ---- */

void watch_place(char *text, size_t cap, const char *what, const place_t *place)
{
    char hash[65];
    hex_encode(hash, (bytes_t){place->hash.b, sizeof place->hash.b});
    hash[64] = 0;
    snprintf(text, cap, "%s #%u 0x%s", what, place->number, hash);
}

static int64_t now_s(const chain_side_t *side)
{
    return (int64_t)((side->now_ms ? side->now_ms : io_now_ms(side->config.io)) / 1000);
}

static void desire(chain_side_t *side, uint64_t contract_id, desired_t desired, const char *reason,
                   const char *evidence)
{
    if (!watch_has(side, contract_id)) return;
    engine_desire(side->config.engine, contract_id, desired, reason, evidence, now_s(side));
    if (side->config.on_desire) side->config.on_desire(side->config.context);
}

void watch_destroy(chain_side_t *side, uint64_t contract_id, const char *reason, const char *evidence)
{
    if (!watch_has(side, contract_id)) return;
    side->deleted++;
    track_forget(side, contract_id);
    desire(side, contract_id, DESIRED_DELETED, reason, evidence);
}

void watch_note(chain_side_t *side, uint64_t contract_id, const char *what, const char *why)
{
    static const char trim[] =
        "DELETE FROM audit WHERE contract = ?1 AND what LIKE 'witness%' AND seq NOT IN (SELECT seq FROM audit"
        " WHERE contract = ?1 AND what LIKE 'witness%' ORDER BY seq DESC LIMIT ?2)";
    db_begin(side->config.db);
    db_do(side->config.db, "INSERT INTO audit(at, contract, what, evidence) VALUES(?1, ?2, ?3, ?4)", "iitt",
          now_s(side), (int64_t)contract_id, what, why);
    db_do(side->config.db, trim, "ii", (int64_t)contract_id, (int64_t)NOTES_CAP);
    (void)db_end(side->config.db);
}

static void missing(chain_side_t *side, uint64_t contract_id, const place_t *place)
{
    char first[CHAIN_EVIDENCE_CAP / 2], second[CHAIN_EVIDENCE_CAP / 2], evidence[CHAIN_EVIDENCE_CAP];
    track_t *t = track(side, contract_id);
    if (!t) return;
    if (t->absent == 0 || memcmp(&t->absent_hash, &place->hash, sizeof place->hash) == 0) {
        t->absent              = place->number;
        t->absent_hash         = place->hash;
        side->watch.has_absent = true;
        log_warn(LOG_CHAIN, "contract missing", LOG_U64("contract", contract_id),
                 LOG_U32("finalized", place->number), LOG_HASH("hash", place->hash));
        return;
    }
    place_t before = {t->absent, t->absent_hash};
    watch_place(first, sizeof first, "absent at finalized", &before);
    watch_place(second, sizeof second, "and", place);
    snprintf(evidence, sizeof evidence, "%s %s", first, second);
    witness_claim(side, contract_id, CHAIN_REASON_GONE, evidence, place);
}

void watch_view(chain_side_t *side, uint64_t contract_id, view_t view, const place_t *place)
{
    char evidence[CHAIN_EVIDENCE_CAP];
    track_t *t        = track_find(side, contract_id);
    uint32_t accepted = t ? t->accepted : 0, heard = t ? t->heard : 0;
    if (place->number < accepted) return; /* it was taken later: this block says nothing of it */
    if (t && view != VIEW_ABSENT) t->absent = 0;
    if (view == VIEW_GRACE || view == VIEW_CREATED) witness_withdraw(side, contract_id, place);
    watch_place(evidence, sizeof evidence, "state at finalized", place);
    switch (view) {
    case VIEW_ABSENT: missing(side, contract_id, place); break;
    case VIEW_DELETED:
        witness_claim(side, contract_id, "contract is deleted on chain", evidence, place);
        break;
    case VIEW_GRACE:
        if (place->number >= heard)
            desire(side, contract_id, DESIRED_PAUSED, "contract is in its grace period", evidence);
        break;
    case VIEW_CREATED:
        if (place->number >= heard)
            desire(side, contract_id, DESIRED_RUN, "contract is active on chain", evidence);
        break;
    case VIEW_UNKNOWN:
    case VIEW_FOREIGN:
        log_error(LOG_CHAIN, "contract not understood", LOG_U64("contract", contract_id),
                  LOG_TEXT("why", view == VIEW_FOREIGN ? "it is not this node's" : "it does not decode"));
        break;
    }
}

/* ---- the pass ---- */

static void pass_at(chain_side_t *side, uint64_t delay_ms)
{
    watch_t *w = &side->watch;
    if (w->timer) io_timer_stop(w->timer);
    w->timer = io_timer_start(side->config.io, delay_ms, 0, pass_start, side);
}

/* prune forgets contracts that were checked, but never came, or are gone. */
static void prune(chain_side_t *side)
{
    watch_t *w = &side->watch;
    for (uint32_t i = w->track_count; i > 0; i--) {
        const track_t *t = &w->tracks[i - 1];
        if (t->accepted + PRUNE_BLOCKS < w->pass.number && !watch_has(side, t->contract_id))
            track_forget(side, t->contract_id);
    }
}

static void pass_end(chain_side_t *side, bool is_whole)
{
    watch_t *w = &side->watch;
    if (is_whole) prune(side);
    free(w->contracts);
    w->contracts      = NULL;
    w->contract_count = 0;
    bool is_soon      = !is_whole || w->has_absent;
    uint64_t pause_ms = side->config.reconcile_ms;
    if (is_soon && pause_ms > AGAIN_MS) pause_ms = AGAIN_MS;
    pass_at(side, w->is_wanted ? 0 : pause_ms);
}

view_t watch_read(chain_side_t *side, bytes_t value, smart_contract_contract_t *contract)
{
    if (!value.data) return VIEW_ABSENT;
    if (!chain_contract_decode(side, value, contract)) return VIEW_UNKNOWN;
    if (contract->contract_type.kind != SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT ||
        contract->contract_type.node_contract.node_id != side->node_id)
        return VIEW_FOREIGN;
    switch (contract->state.kind) {
    case SMART_CONTRACT_CONTRACT_STATE_CREATED: return VIEW_CREATED;
    case SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD: return VIEW_GRACE;
    case SMART_CONTRACT_CONTRACT_STATE_DELETED: return VIEW_DELETED;
    }
    return VIEW_UNKNOWN;
}

static view_t read_and_keep(chain_side_t *side, uint64_t contract_id, bytes_t value)
{
    smart_contract_contract_t contract;
    view_t view = watch_read(side, value, &contract);
    if (view != VIEW_ABSENT && view != VIEW_UNKNOWN && view != VIEW_FOREIGN &&
        !verify_reserve(side, contract_id, &contract.contract_type.node_contract))
        log_warn(LOG_CHAIN, "addresses not kept", LOG_U64("contract", contract_id));
    return view;
}

static void got_contract(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    watch_t *w         = &side->watch;
    w->ticket          = 0;
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK) {
        log_warn(LOG_CHAIN, "contracts not compared", LOG_TEXT("why", error->text));
        pass_end(side, false);
        return;
    }
    uint64_t contract_id = w->contracts[w->at++];
    watch_view(side, contract_id, read_and_keep(side, contract_id, value), &w->pass);
    pass_next(side);
}

static void pass_next(chain_side_t *side)
{
    watch_t *w = &side->watch;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    if (w->at == w->contract_count) {
        pass_end(side, true);
        return;
    }
    smart_contract_contracts_key(&key, w->contracts[w->at]);
    w->ticket = client_storage(side->config.client, scale_written(&key), &w->pass.hash, got_contract, side);
}

static void pass_start(void *self)
{
    chain_side_t *side = self;
    watch_t *w         = &side->watch;
    w->timer           = NULL;
    if (w->contracts) { /* one is under way: another one after it */
        w->is_wanted = true;
        return;
    }
    if (!side->is_registered || w->finalized.number == 0) {
        pass_at(side, AGAIN_MS); /* registration and the first finalized block ask for one, too */
        return;
    }
    w->is_wanted  = false;
    w->has_absent = false;
    w->pass       = w->finalized;
    w->at         = 0;
    w->contracts  = engine_contracts(side->config.engine, &w->contract_count);
    if (w->contracts)
        pass_next(side);
    else
        pass_end(side, false);
}

void watch_reconcile(chain_side_t *side)
{
    if (side->watch.contracts)
        side->watch.is_wanted = true;
    else
        pass_at(side, 0);
}

/* ---- events ---- */

/* watch_event pauses or resumes, which can be undone: on the best block at once, and again when the block is
 * finalized, for what was not seen on the best one. */
void watch_event(chain_side_t *side, uint64_t contract_id, desired_t desired, const char *reason,
                 source_t source, const place_t *place)
{
    char evidence[CHAIN_EVIDENCE_CAP];
    track_t *t = watch_has(side, contract_id) ? track(side, contract_id) : NULL;
    if (!t || place->number < t->heard) return;
    if (desired == DESIRED_PAUSED && place->number > t->heard) side->paused++;
    t->heard = place->number;
    watch_place(evidence, sizeof evidence,
                source == FROM_BEST ? "event in best block" : "event in finalized block", place);
    desire(side, contract_id, desired, reason, evidence);
}

static void on_canceled(chain_side_t *side, uint64_t contract_id, source_t source, const place_t *place)
{
    char evidence[CHAIN_EVIDENCE_CAP];
    if (source == FROM_BEST) {
        watch_event(side, contract_id, DESIRED_PAUSED, "contract is cancelled, until that is final", source,
                    place);
        return;
    }
    watch_place(evidence, sizeof evidence, "NodeContractCanceled in finalized", place);
    if (watch_has(side, contract_id))
        witness_claim(side, contract_id, "contract canceled event received", evidence, place);
}

static void on_event(chain_side_t *side, const smart_contract_event_t *event, source_t source,
                     const place_t *place)
{
    if (event->kind == SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED &&
        event->node_contract_canceled.node_id == side->node_id)
        on_canceled(side, event->node_contract_canceled.contract_id, source, place);
    if (event->kind == SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_STARTED &&
        event->contract_grace_period_started.node_id == side->node_id)
        watch_event(side, event->contract_grace_period_started.contract_id, DESIRED_PAUSED,
                    "contract grace period started", source, place);
    if (event->kind == SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_ENDED &&
        event->contract_grace_period_ended.node_id == side->node_id)
        watch_event(side, event->contract_grace_period_ended.contract_id, DESIRED_RUN,
                    "contract grace period ended", source, place);
}

/* read_events: what cannot be read is made up for by a pass. */
static void read_events(chain_side_t *side, const client_block_t *block, source_t source)
{
    place_t place = {block->number, block->hash};
    arena_t arena = chain_arena(side);
    client_events_t events;
    client_event_t event;
    if (side->node_id == 0) return;
    client_events_start(&events, block->events, &arena);
    while (client_events_next(&events, &event)) {
        if (event.event.pallet == SMART_CONTRACT_PALLET)
            on_event(side, &event.event.smart_contract, source, &place);
        if (source == FROM_FINALIZED) node_heard(side, &event.event);
    }
    if (!client_events_failed(&events)) return;
    log_warn(LOG_CHAIN, "events do not decode", LOG_U32("block", block->number));
    if (source == FROM_FINALIZED) watch_reconcile(side);
}

static void got_time(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side      = context;
    side->watch.time_ticket = 0;
    (void)chain_took_time(side, error, value);
}

static void on_best(void *context, const client_block_t *block)
{
    chain_side_t *side = context;
    side->watch.best   = (place_t){block->number, block->hash};
    if (!side->watch.time_ticket) side->watch.time_ticket = chain_read_time(side, got_time);
    if (block->after_gap) watch_retracted(side, block->number + 1); /* heard of another node's blocks */
    verify_wake(side);
    read_events(side, block, FROM_BEST);
}

void watch_retracted(chain_side_t *side, uint32_t number)
{
    watch_t *w   = &side->watch;
    bool is_void = false;
    for (uint32_t i = 0; i < w->track_count; i++) {
        if (w->tracks[i].heard < number || w->tracks[i].heard == 0) continue;
        w->tracks[i].heard = 0; /* what that block said is void: the finalized state counts */
        is_void            = true;
    }
    if (is_void) watch_reconcile(side);
}

static void on_retracted(void *context, const client_block_t *block)
{
    watch_retracted(context, block->number);
}

static void on_finalized(void *context, const client_block_t *block)
{
    chain_side_t *side    = context;
    side->watch.finalized = (place_t){block->number, block->hash};
    if (block->after_gap) witness_gap(side, block->number);
    read_events(side, block, FROM_FINALIZED);
    if (block->after_gap) watch_reconcile(side);
    report_finalized(side);
}

void watch_start(chain_side_t *side)
{
    client_follow_t best  = {.on_block = on_best, .on_retracted = on_retracted, .context = side};
    client_follow_t final = {.is_finalized = true, .on_block = on_finalized, .context = side};
    for (db_rows_t *rows = db_ask(side->config.db, "SELECT contract, block FROM chain_accepted", "");
         db_next(&rows);) {
        track_t *t = track(side, (uint64_t)db_number(rows, 0));
        if (t) t->accepted = (uint32_t)db_number(rows, 1);
    }
    side->watch.best_ticket  = client_follow(side->config.client, &best);
    side->watch.final_ticket = client_follow(side->config.client, &final);
}

void watch_stop(chain_side_t *side)
{
    watch_t *w = &side->watch;
    if (w->best_ticket) client_cancel(side->config.client, w->best_ticket);
    if (w->final_ticket) client_cancel(side->config.client, w->final_ticket);
    if (w->ticket) client_cancel(side->config.client, w->ticket);
    if (w->time_ticket) client_cancel(side->config.client, w->time_ticket);
    if (w->timer) io_timer_stop(w->timer);
    free(w->contracts);
    free(w->tracks);
    *w = (watch_t){0};
}
