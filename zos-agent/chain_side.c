/* chain_side.c - the chain side as a whole. */
#include "chain_internal.h"
#include "hex.h"
#include "log.h"
#include "timestamp_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t chain_backoff(uint64_t pause_ms)
{
    if (pause_ms == 0) return CHAIN_RETRY_MS;
    return pause_ms * 2 < CHAIN_RETRY_MAX ? pause_ms * 2 : CHAIN_RETRY_MAX;
}

arena_t chain_arena(chain_side_t *side) { return (arena_t){.start = side->memory, .size = CHAIN_ARENA}; }

bool chain_contract_decode(chain_side_t *side, bytes_t value, smart_contract_contract_t *contract)
{
    arena_t arena    = chain_arena(side);
    scale_reader_t r = scale_reader(value, &arena);
    smart_contract_contract_decode(&r, contract);
    return scale_done(&r);
}

uint64_t chain_read_time(chain_side_t *side, client_value_fn done)
{
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    timestamp_now_key(&key);
    return client_storage(side->config.client, scale_written(&key), NULL, done, side);
}

bool chain_took_time(chain_side_t *side, const client_error_t *error, bytes_t value)
{
    if (error->status != CLIENT_OK || !value.data) return false;
    scale_reader_t r = scale_reader(value, NULL);
    uint64_t now_ms  = scale_get_u64(&r);
    if (!scale_done(&r) || now_ms == 0) return false;
    side->now_ms = now_ms;
    return true;
}

bool chain_side_genesis(db_t *db, hash_t *genesis)
{
    char text[2 * sizeof genesis->b + 1];
    db_noted(db, CHAIN_NOTE_GENESIS, text, sizeof text);
    return hex_decode_exact(bytes_text(text), genesis->b, sizeof genesis->b);
}

/* Else another chain, by a mistake in a configuration, would have none of the contracts: all would be over.
 */
static void keep_genesis(chain_side_t *side)
{
    const client_chain_t *chain = client_chain(side->config.client);
    char text[2 * sizeof chain->genesis.b + 1];
    hash_t known;
    if (chain_side_genesis(side->config.db, &known)) return;
    hex_encode(text, (bytes_t){chain->genesis.b, sizeof chain->genesis.b});
    (void)db_note(side->config.db, CHAIN_NOTE_GENESIS, text);
}

void chain_registered(chain_side_t *side)
{
    if (side->is_registered) return;
    keep_genesis(side);
    side->is_registered = true;
    log_info(LOG_CHAIN, "registered", LOG_U32("twin", side->twin_id), LOG_U32("node", side->node_id),
             LOG_U32("farm", side->config.farm_id), LOG_TEXT("relay", side->relay));
    report_start(side);
    node_start(side);
    watch_reconcile(side);
    if (side->config.on_registered)
        side->config.on_registered(side->config.context, side->twin_id, side->node_id);
}

/* ---- what the operator said ---- */

/* keep copies one of the configuration's texts, in its place; false when it is missing or too long. */
static bool keep(chain_side_t *side, const char **text)
{
    if (!*text || strlen(*text) > CHAIN_TEXT_MAX || side->text_count == CHAIN_TEXTS_CAP) return false;
    char *copy = strdup(*text);
    if (!copy) return false;
    side->texts[side->text_count++] = copy;
    *text                           = copy;
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* join_relays writes the domains sorted, each once, joined by '_'. */
static bool join_relays(const chain_side_config_t *config, char relay[CHAIN_RELAY_CAP])
{
    const char *sorted[CHAIN_RELAYS_CAP];
    size_t len = 0;
    if (config->relay_count == 0 || config->relay_count > CHAIN_RELAYS_CAP) return false;
    memcpy(sorted, config->relays, config->relay_count * sizeof *sorted);
    qsort(sorted, config->relay_count, sizeof *sorted, compare_texts);
    for (uint32_t i = 0; i < config->relay_count; i++) {
        if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0) continue;
        int n = snprintf(relay + len, CHAIN_RELAY_CAP - len, "%s%s", len ? "_" : "", sorted[i]);
        if (n <= 0 || len + (size_t)n >= CHAIN_RELAY_CAP) return false;
        len += (size_t)n;
    }
    return true;
}

static bool take_config(chain_side_t *side, const chain_side_config_t *config)
{
    chain_side_config_t *c = &side->config;
    *c                     = *config;
    side->key              = *config->key;
    c->key                 = &side->key;
    c->uptime_ms           = c->uptime_ms ? c->uptime_ms : CHAIN_UPTIME_MS;
    c->nru_ms              = c->nru_ms ? c->nru_ms : CHAIN_NRU_MS;
    c->reconcile_ms        = c->reconcile_ms ? c->reconcile_ms : CHAIN_RECONCILE_MS;
    for (uint32_t i = 0; i < CHAIN_RELAYS_CAP; i++)
        c->relays[i] = i < config->relay_count ? config->relays[i] : NULL;
    bool is_ok = join_relays(c, side->relay) && c->interface_count <= CHAIN_INTERFACES_CAP;
    memset(c->relays, 0, sizeof c->relays);
    return is_ok && keep(side, &c->terms_link) && keep(side, &c->terms_hash) && keep(side, &c->city) &&
           keep(side, &c->country) && keep(side, &c->latitude) && keep(side, &c->longitude) &&
           (!c->serial || keep(side, &c->serial));
}

chain_side_t *chain_side_new(const chain_side_config_t *config)
{
    chain_side_t *side = calloc(1, sizeof *side);
    if (!side) return NULL;
    side->memory = malloc(CHAIN_ARENA);
    if (!side->memory || !take_config(side, config) || !report_prepare(side)) {
        chain_side_free(side);
        return NULL;
    }
    witness_start(side);
    watch_start(side);
    register_start(side);
    return side;
}

void chain_side_free(chain_side_t *side)
{
    if (!side) return;
    verify_stop(side);
    report_stop(side);
    node_stop(side);
    watch_stop(side);
    witness_stop(side);
    register_stop(side);
    key_wipe(&side->key);
    for (uint32_t i = 0; i < side->text_count; i++)
        free(side->texts[i]);
    free(side->memory);
    free(side);
}

uint32_t chain_side_twin_id(const chain_side_t *side) { return side->is_registered ? side->twin_id : 0; }

uint32_t chain_side_node_id(const chain_side_t *side) { return side->is_registered ? side->node_id : 0; }

const char *chain_side_relay(const chain_side_t *side) { return side->relay; }

void chain_side_changed(chain_side_t *side, uint64_t contract_id) { report_changed(side, contract_id); }

void chain_side_figures(const chain_side_t *side, chain_figures_t *figures)
{
    *figures = (chain_figures_t){
        .is_connected   = client_is_connected(side->config.client),
        .is_registered  = side->is_registered,
        .twin_id        = chain_side_twin_id(side),
        .node_id        = chain_side_node_id(side),
        .best           = side->watch.best.number,
        .finalized      = side->watch.finalized.number,
        .chain_now_ms   = side->now_ms,
        .reports_sent   = side->report.sent,
        .reports_failed = side->report.failed,
        .outbox         = report_backlog(side),
        .paused         = side->paused,
        .deleted        = side->deleted,
    };
    witness_figures(side, &figures->witness);
}
