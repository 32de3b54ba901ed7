/* chain_witness.c - nothing is destroyed on the word of one node: others are asked before (ADR 18).
 *
 * That a contract is over, as the node that is followed says, is a claim.  It is carried out when so many
 * other nodes as are wanted say the same, each at a finalized block that is not older, and all have the same
 * block where the claim was made.  A node that says otherwise holds it up until it agrees; one that is not
 * reached is waited for.  Meanwhile the contract stays what it is.
 *
 * A round asks one node after the other, over a connection of its own, which is for all claims; the next
 * round comes later each time.  Claims are in memory alone: after a start a pass makes them again. */
#include "chain_internal.h"
#include "hex.h"
#include "log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHORT_MAX   100   /* of a URL in a line with more */
#define PROGRESS_MS 30000 /* in which a node has to answer, or to come to the block that is asked for */

static void round_start(void *self);
static void endpoint_next(chain_side_t *side);
static void ask_next(chain_side_t *side);

/* ---- endpoints ---- */

static size_t url_len(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return len;
}

static bool is_same_url(const char *a, const char *b)
{
    return url_len(a) == url_len(b) && strncasecmp(a, b, url_len(a)) == 0;
}

/* The number of the first URL that is the same; the count of URLs when there is none. */
static uint32_t url_number(const chain_side_t *side, const char *url)
{
    const char *one;
    uint32_t i = 0;
    while ((one = client_url(side->config.client, i)) && !is_same_url(one, url))
        i++;
    return i;
}

/* Was the URL listed before, by the same name? */
static bool is_again(const chain_side_t *side, uint32_t url)
{
    return url_number(side, client_url(side->config.client, url)) != url;
}

static uint32_t url_count(const chain_side_t *side)
{
    uint32_t count = 0;
    for (uint32_t i = 0; client_url(side->config.client, i); i++)
        count += !is_again(side, i);
    return count;
}

/* For people: without what is behind a '?', where operators of nodes put keys. */
static int shown_len(const char *url) { return (int)strcspn(url, "?#"); }
static int shown_short(const char *url) { return shown_len(url) < SHORT_MAX ? shown_len(url) : SHORT_MAX; }

/* ---- claims ---- */

static claim_t *claim_find(const witness_t *w, uint64_t contract_id)
{
    for (uint32_t i = 0; i < w->claim_count; i++)
        if (w->claims[i].contract_id == contract_id) return &w->claims[i];
    return NULL;
}

/* claim_take gives room for a contract's claim, the old one's if there is one; NULL when memory is short. */
static claim_t *claim_take(witness_t *w, uint64_t contract_id)
{
    claim_t *found = claim_find(w, contract_id);
    if (found) return found;
    claim_t *more = realloc(w->claims, (w->claim_count + 1) * sizeof *more);
    if (!more) return NULL;
    w->claims = more;
    return &w->claims[w->claim_count++];
}

static void claim_drop(witness_t *w, claim_t *claim) { *claim = w->claims[--w->claim_count]; }

/* May the node at this URL still say something of it in this round? */
static bool is_open(const claim_t *claim, uint32_t url)
{
    return !claim->is_settled && claim->speaker != url && claim->words[url] != WORD_OVER;
}

static bool has_open(const witness_t *w, uint32_t url)
{
    for (uint32_t i = 0; i < w->claim_count; i++)
        if (is_open(&w->claims[i], url)) return true;
    return false;
}

static bool has_word(const claim_t *claim, word_t word)
{
    for (uint32_t i = 0; i < CLIENT_URLS_CAP; i++)
        if (claim->words[i] == word) return true;
    return false;
}

static bool is_contradicted(const claim_t *claim)
{
    return has_word(claim, WORD_OTHERWISE) || has_word(claim, WORD_ELSEWHERE);
}

static bool is_confirmed(const witness_t *w, const claim_t *claim)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < CLIENT_URLS_CAP; i++)
        count += claim->words[i] == WORD_OVER;
    return count >= w->needed && !is_contradicted(claim);
}

static void destroy(chain_side_t *side, claim_t *claim)
{
    char evidence[CHAIN_EVIDENCE_CAP + CLIENT_URLS_CAP * (CLIENT_URL_MAX + 128)], place[128];
    const char *url      = client_url(side->config.client, claim->speaker);
    uint64_t contract_id = claim->contract_id;
    const char *reason   = claim->reason;
    int len = snprintf(evidence, sizeof evidence, "%s at %.*s", claim->evidence, shown_len(url), url);
    for (uint32_t i = 0; i < CLIENT_URLS_CAP; i++) {
        if (claim->words[i] != WORD_OVER) continue;
        url = client_url(side->config.client, i);
        watch_place(place, sizeof place, "; confirmed at finalized", &claim->places[i]);
        len +=
            snprintf(evidence + len, sizeof evidence - (size_t)len, "%s at %.*s", place, shown_len(url), url);
    }
    claim_drop(&side->witness, claim);
    watch_destroy(side, contract_id, reason, evidence);
}

/* ---- what a node says ---- */

/* The node that is asked cannot be, for now.  It chose the text: what comes of it is plain. */
static void keep_why(chain_side_t *side, const char *why)
{
    witness_t *w    = &side->witness;
    char *kept      = w->why[w->url];
    const char *url = client_url(side->config.client, w->url);
    char text[CHAIN_ERROR_MAX + 1];
    snprintf(text, sizeof text, "%s", why);
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
    if (strcmp(kept, text) == 0) return; /* told already */
    memcpy(kept, text, sizeof text);
    log_warn(LOG_CHAIN, "no witness", LOG_BYTES("url", url, (size_t)shown_len(url)), LOG_TEXT("why", kept),
             LOG_U32("waiting", w->claim_count));
}

static void left(void *self)
{
    chain_side_t *side = self;
    witness_t *w       = &side->witness;
    client_t *client   = w->client;
    w->timer           = NULL;
    w->client          = NULL;
    w->ticket          = 0;
    client_free(client);
    endpoint_next(side);
}

/* leave goes on to the next node, soon: a client is not freed from within what it calls.  why: NULL, if the
 * node said all. */
static void leave(chain_side_t *side, const char *why)
{
    witness_t *w = &side->witness;
    if (w->is_leaving) return;
    w->is_leaving = true;
    if (why)
        keep_why(side, why);
    else
        w->why[w->url][0] = 0;
    if (w->timer) io_timer_stop(w->timer);
    w->timer = io_timer_start(side->config.io, 0, 0, left, side);
}

static void agree(chain_side_t *side, claim_t *claim)
{
    witness_t *w          = &side->witness;
    claim->words[w->url]  = WORD_OVER;
    claim->places[w->url] = w->at;
    if (is_confirmed(w, claim)) destroy(side, claim);
}

static void disagree(chain_side_t *side, claim_t *claim, word_t word, const char *says)
{
    witness_t *w       = &side->witness;
    const char *url    = client_url(side->config.client, w->url);
    const char *spoken = client_url(side->config.client, claim->speaker);
    bool is_news       = claim->words[w->url] != word;
    char place[128];
    watch_place(place, sizeof place, "finalized", &w->at);
    snprintf(claim->why, sizeof claim->why, "%.*s says at %s: %s", shown_short(url), url, place, says);
    claim->words[w->url] = word;
    claim->is_settled    = true;
    w->disagreements++;
    if (!is_news) return;
    log_warn(LOG_CHAIN, "nodes of the chain disagree", LOG_U64("contract", claim->contract_id),
             LOG_BYTES("claimed_by", spoken, (size_t)shown_len(spoken)),
             LOG_TEXT("evidence", claim->evidence), LOG_BYTES("url", url, (size_t)shown_len(url)),
             LOG_U32("finalized", w->at.number), LOG_HASH("hash", w->at.hash), LOG_TEXT("says", says));
    watch_note(side, claim->contract_id, "witness disagrees", claim->why);
}

/* The claim that an answer is for; NULL when it is no more, or is another one by now. */
static claim_t *claim_asked(const witness_t *w)
{
    claim_t *claim = claim_find(w, w->contract_id);
    return claim && claim->speaker != w->url && claim->place.number == w->number ? claim : NULL;
}

/* A node may be on a fork of its own where a contract never was. */
static void compare_blocks(chain_side_t *side)
{
    witness_t *w   = &side->witness;
    claim_t *claim = claim_asked(w);
    char says[128];
    if (claim && memcmp(&w->same.hash, &claim->place.hash, sizeof w->same.hash) == 0) {
        agree(side, claim);
    } else if (claim) {
        watch_place(says, sizeof says, "it is over, but on another fork, of", &w->same);
        disagree(side, claim, WORD_ELSEWHERE, says);
    }
    ask_next(side);
}

static void too_slow(void *self)
{
    chain_side_t *side   = self;
    const place_t *final = &side->witness.final;
    char why[CHAIN_ERROR_MAX + 1];
    side->witness.timer = NULL;
    snprintf(why, sizeof why, "it answers too late");
    if (final->number) watch_place(why, sizeof why, "it is behind: its last finalized block is", final);
    leave(side, why);
}

/* Each answer gives the node time for the next one; blocks that are too old do not. */
static bool has_answer(chain_side_t *side, const client_error_t *error)
{
    witness_t *w = &side->witness;
    w->ticket    = 0;
    if (error->status == CLIENT_FREED || w->is_leaving) return false;
    if (error->status != CLIENT_OK) {
        leave(side, error->text);
        return false;
    }
    io_timer_stop(w->timer);
    w->timer = io_timer_start(side->config.io, PROGRESS_MS, 0, too_slow, side);
    return true;
}

static void got_hash(void *context, const client_error_t *error, const json_t *result)
{
    chain_side_t *side = context;
    witness_t *w       = &side->witness;
    const char *text   = json_string_value(result);
    if (!has_answer(side, error)) return;
    if (!text || strncmp(text, "0x", 2) != 0 ||
        !hex_decode_exact(bytes_text(text + 2), w->same.hash.b, sizeof w->same.hash.b)) {
        leave(side, "it does not know the block that is asked about");
        return;
    }
    w->same.number = w->number;
    compare_blocks(side);
}

static const char *view_text(view_t view)
{
    switch (view) {
    case VIEW_ABSENT:
    case VIEW_DELETED: return "it is over";
    case VIEW_CREATED: return "it is active";
    case VIEW_GRACE: return "it is in its grace period";
    case VIEW_FOREIGN: return "it is not this node's";
    case VIEW_UNKNOWN: return "something that does not decode";
    }
    return "";
}

static void got_state(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    witness_t *w       = &side->witness;
    claim_t *claim     = claim_asked(w);
    smart_contract_contract_t contract;
    if (!has_answer(side, error)) return;
    view_t view = watch_read(side, value, &contract);
    if (claim && view != VIEW_ABSENT && view != VIEW_DELETED) {
        disagree(side, claim, WORD_OTHERWISE, view_text(view));
    } else if (claim && w->same.number != w->number) {
        char params[16];
        snprintf(params, sizeof params, "[%u]", w->number);
        w->ticket = client_rpc(w->client, "chain_getBlockHash", params, got_hash, side);
        return;
    } else if (claim) {
        compare_blocks(side);
        return;
    }
    ask_next(side);
}

/* ---- a round ---- */

/* ask_next asks for the next claim that the node's block is not too old for; it leaves when none is left, and
 * waits for the node's next block when all that are left are newer. */
static void ask_next(chain_side_t *side)
{
    witness_t *w  = &side->witness;
    bool has_more = false;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    for (uint32_t i = 0; i < w->claim_count; i++) {
        claim_t *claim = &w->claims[i];
        if (claim->is_asked || !is_open(claim, w->url)) continue;
        has_more = true;
        if (claim->place.number > w->final.number) continue;
        claim->is_asked = true;
        w->at           = w->final;
        w->contract_id  = claim->contract_id;
        w->number       = claim->place.number;
        smart_contract_contracts_key(&key, claim->contract_id);
        w->ticket = client_storage(w->client, scale_written(&key), &w->at.hash, got_state, side);
        return;
    }
    if (!has_more) leave(side, NULL);
}

static void on_final(void *context, const client_block_t *block)
{
    chain_side_t *side = context;
    witness_t *w       = &side->witness;
    if (w->is_leaving) return;
    w->final = (place_t){block->number, block->hash};
    if (!w->ticket) ask_next(side);
}

/* Claims changed while the node's next block was waited for. */
static void look_again(chain_side_t *side)
{
    const witness_t *w = &side->witness;
    if (w->client && !w->is_leaving && !w->ticket && w->final.number) ask_next(side);
}

/* The client takes no node of another chain; and a node that is reached has said that it is of this one. */
static void got_genesis(void *context, const client_error_t *error, const json_t *result)
{
    chain_side_t *side = context;
    (void)result;
    if (error->status == CLIENT_WRONG_CHAIN) {
        place_t genesis = {0, client_chain(side->config.client)->genesis};
        char why[CHAIN_ERROR_MAX + 1];
        watch_place(why, sizeof why, "it is a node of another chain: this one begins with", &genesis);
        side->witness.ticket = 0;
        leave(side, why);
        return;
    }
    if (!has_answer(side, error)) return;
    client_follow_t final = {.is_finalized = true, .on_block = on_final, .context = side};
    (void)client_follow(side->witness.client, &final); /* ends with the client */
}

/* A node that went away may come back as another one: it is asked in the next round. */
static void on_state(void *context, bool is_connected)
{
    chain_side_t *side = context;
    if (!is_connected && side->witness.client) leave(side, "the connection was lost");
}

static bool endpoint_ask(chain_side_t *side)
{
    witness_t *w = &side->witness;
    w->client    = client_sibling(side->config.client, w->url, on_state, side);
    if (!w->client) return false;
    w->is_leaving = false;
    w->final = w->same = (place_t){0};
    for (uint32_t i = 0; i < w->claim_count; i++)
        w->claims[i].is_asked = false;
    w->timer  = io_timer_start(side->config.io, PROGRESS_MS, 0, too_slow, side);
    w->ticket = client_rpc(w->client, "chain_getBlockHash", "[0]", got_genesis, side);
    return true;
}

static void endpoint_next(chain_side_t *side)
{
    witness_t *w = &side->witness;
    for (w->url++; client_url(side->config.client, w->url); w->url++)
        if (!is_again(side, w->url) && has_open(w, w->url) && endpoint_ask(side)) return;
    if (w->claim_count == 0) {
        free(w->claims);
        w->claims = NULL;
        return;
    }
    w->pause_ms = chain_backoff(w->pause_ms);
    w->timer    = io_timer_start(side->config.io, w->pause_ms, 0, round_start, side);
}

static void round_start(void *self)
{
    chain_side_t *side = self;
    witness_t *w       = &side->witness;
    w->timer           = NULL;
    for (uint32_t i = w->claim_count; i > 0; i--) {
        w->claims[i - 1].is_settled = false;
        if (!watch_has(side, w->claims[i - 1].contract_id)) claim_drop(w, &w->claims[i - 1]);
    }
    w->url = UINT32_MAX; /* before the first */
    endpoint_next(side);
}

/* ---- from the watch ---- */

static void claim_make(chain_side_t *side, const claim_t *said)
{
    witness_t *w    = &side->witness;
    const char *url = client_url(side->config.client, said->speaker);
    claim_t *claim  = claim_take(w, said->contract_id);
    char why[CHAIN_EVIDENCE_CAP + 128];
    if (!claim) return; /* the next pass comes to the same */
    *claim = *said;
    snprintf(why, sizeof why, "%s at %.*s", said->evidence, shown_short(url), url);
    log_info(LOG_CHAIN, "witness awaited", LOG_U64("contract", said->contract_id),
             LOG_TEXT("reason", said->reason), LOG_TEXT("evidence", why), LOG_U32("needed", w->needed));
    watch_note(side, said->contract_id, "witness awaited", why);
    w->pause_ms = 0;
    look_again(side);
    if (w->client) return; /* this round, or the next one */
    if (w->timer) io_timer_stop(w->timer);
    w->timer = io_timer_start(side->config.io, 0, 0, round_start, side);
}

void witness_claim(chain_side_t *side, uint64_t contract_id, const char *reason, const char *evidence,
                   const place_t *place)
{
    witness_t *w = &side->witness;
    if (w->needed == 0) {
        watch_destroy(side, contract_id, reason, evidence);
        return;
    }
    claim_t said = {.contract_id = contract_id,
                    .reason      = reason,
                    .place       = *place,
                    .speaker     = url_number(side, client_chain(side->config.client)->url)};
    snprintf(said.evidence, sizeof said.evidence, "%s", evidence);
    claim_t *known = claim_find(w, contract_id);
    if (!known || known->speaker != said.speaker) {
        claim_make(side, &said);
    } else if (has_word(known, WORD_ELSEWHERE) || place->number < known->place.number) {
        known->reason = reason; /* the node may have left its fork: its newest block is what is compared */
        known->place  = *place;
        memcpy(known->evidence, said.evidence, sizeof said.evidence);
        look_again(side);
    }
}

void witness_gap(chain_side_t *side, uint32_t number)
{
    witness_t *w = &side->witness;
    for (uint32_t i = w->claim_count; i > 0; i--)
        if (w->claims[i - 1].place.number > number) claim_drop(w, &w->claims[i - 1]);
    look_again(side);
}

void witness_withdraw(chain_side_t *side, uint64_t contract_id, const place_t *place)
{
    witness_t *w   = &side->witness;
    claim_t *claim = claim_find(w, contract_id);
    char why[128];
    if (!claim || place->number < claim->place.number) return;
    watch_place(why, sizeof why, "it is not over at finalized", place);
    log_warn(LOG_CHAIN, "contract is not over after all", LOG_U64("contract", contract_id),
             LOG_TEXT("evidence", claim->evidence), LOG_U32("finalized", place->number),
             LOG_HASH("hash", place->hash));
    watch_note(side, contract_id, "witness not awaited any more", why);
    claim_drop(w, claim);
    look_again(side);
}

void witness_figures(const chain_side_t *side, chain_witness_t *figures)
{
    const witness_t *w = &side->witness;
    uint32_t count     = url_count(side);
    *figures           = (chain_witness_t){.needed        = w->needed,
                                           .others        = count ? count - 1 : 0,
                                           .waiting       = w->claim_count,
                                           .disagreements = w->disagreements};
    for (uint32_t i = 0; i < w->claim_count; i++) {
        if (!is_contradicted(&w->claims[i])) continue;
        figures->contradicted++;
        if (!figures->why[0]) snprintf(figures->why, sizeof figures->why, "%s", w->claims[i].why);
    }
    for (uint32_t url = 0; w->claim_count > 0 && url < CLIENT_URLS_CAP && !figures->why[0]; url++) {
        const char *text = client_url(side->config.client, url);
        if (w->why[url][0])
            snprintf(figures->why, sizeof figures->why, "%.*s: %.*s", shown_short(text), text, 150,
                     w->why[url]);
    }
}

void witness_start(chain_side_t *side)
{
    const chain_side_config_t *c = &side->config;
    const uint32_t count         = url_count(side);
    side->witness.needed         = c->has_witnesses ? c->witnesses : count > 1;
    if (side->witness.needed >= count)
        log_error(LOG_CHAIN, "more witnesses are wanted than there are: nothing will be deleted",
                  LOG_U32("witnesses", side->witness.needed), LOG_U32("others", count - 1));
}

void witness_stop(chain_side_t *side)
{
    witness_t *w  = &side->witness;
    w->is_leaving = true;
    if (w->timer) io_timer_stop(w->timer);
    client_free(w->client);
    free(w->claims);
    *w = (witness_t){0};
}
