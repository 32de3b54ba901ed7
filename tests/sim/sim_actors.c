/* sim_actors.c - see sim_actors.h. */
#include "sim_actors.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "envelope.h"
#include "peer_internal.h"
#include "sim_chain.h"
#include "web.h"

#define NOTES_CAP   8192
#define ACT_MS      250
#define REPLIES_CAP 64
#define GRACE_US    4000000 /* clocks that differ, and the second that a life is counted in */
#define CHAIN_MS    100000  /* a change of the chain is known to all after this */
#define PAYLOAD_CAP (160u << 10)
#define TWINS_KEPT  8

typedef struct {
    uint32_t number, from, to;
    uint64_t sent_us, deadline_us;
    uint64_t sender_start;        /* of the machine */
    uint64_t safe_us, handled_us; /* 0: not */
    uint32_t handler;
    uint64_t handler_start, reply_us; /* who handled it last, and when it answered */
    uint64_t refused_us;              /* 0: not; a peer could not open it */
    uint32_t refuser;
    uint64_t refuser_start;
    bool is_answered, is_lost;
    peer_status_t status;
    char error[64];
    char uid[40];
} note_t;

typedef struct {
    peer_return_t to;
    note_t *note;
    uint64_t at_us;
} reply_t;

typedef struct {
    io_t *io;
    actor_t *actor;
    client_t *client;
    twin_chain_t *chain;
    twin_cache_t *twins;
    peer_t *peer;
    io_timer_t *timer;
    reply_t replies[REPLIES_CAP];
    uint32_t reply_count;
} program_state_t;

static struct {
    actor_t actors[ACTORS_CAP];
    uint32_t actor_count, broken;
    note_t notes[NOTES_CAP];
    uint32_t note_count;
    uint32_t last[ACTORS_CAP][ACTORS_CAP]; /* number + 1 of the last note that was new, by pair */
    bool is_quiet;
    char replayed[256][RMB_UID_MAX + 1]; /* uids that the rogue brought again */
    uint32_t replayed_count;
    actors_stats_t stats;
} world;

__attribute__((format(printf, 1, 2))) static void broken(const char *format, ...)
{
    va_list list;
    world.broken++;
    printf("%10.3f BROKEN: ", (double)sim_now_us() / 1e6);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
}

/* ---- notes ---- */

/* The payload of a note follows from its number. */
static uint32_t payload_of(uint32_t number, char *text)
{
    uint32_t pad = number % 97 == 5 ? 120000 : number % 11 * 40, len;
    len          = (uint32_t)snprintf(text, 64, "{\"note\":%u,\"pad\":\"", number);
    memset(text + len, 'a' + (int)(number % 26), pad);
    len += pad;
    memcpy(text + len, "\"}", 3);
    return len + 2;
}

static note_t *note_of(bytes_t payload)
{
    char head[32] = "";
    memcpy(head, payload.data ? payload.data : (const uint8_t *)"", payload.len < 31 ? payload.len : 31);
    unsigned number;
    if (sscanf(head, "{\"note\":%u", &number) != 1 || number >= world.note_count) return NULL;
    return &world.notes[number];
}

static note_t *note_of_uid(const char *uid)
{
    for (uint32_t i = world.note_count; uid && i > 0; i--)
        if (strcmp(world.notes[i - 1].uid, uid) == 0) return &world.notes[i - 1];
    return NULL;
}

static const char *name_of(uint32_t actor) { return world.actors[actor].name; }

void actors_lost(const char *key, bytes_t frame)
{
    uint8_t room[ENVELOPE_ARENA_SPARE + PAYLOAD_CAP + 1024];
    arena_t arena = {.start = room, .size = sizeof room};
    envelope_t envelope;
    size_t len = strlen(key);
    if (len < 4 || strcmp(key + len - 4, ":443") != 0 || frame.len < 2 || frame.data[0] != WEB_FRAME_BINARY)
        return;
    if (envelope_decode((bytes_t){frame.data + 1, frame.len - 1}, &arena, &envelope) != ENVELOPE_OK) return;
    note_t *note = envelope.kind == ENVELOPE_REQUEST ? note_of_uid(envelope.uid) : NULL;
    if (!note) return;
    sim_trace("note %u: lost in a WebSocket", note->number);
    /* What a relay sends is taken when a pong says so; what it is sent has no such word. */
    note->is_lost |= world.actors[note->from].is_web;
}

/* ---- receiving ---- */

static bool was_replayed(const char *uid)
{
    for (uint32_t i = 0; i < world.replayed_count && i < 256; i++)
        if (strcmp(world.replayed[i], uid) == 0) return true;
    return false;
}

/* What its sender lost in a WebSocket is sent again only when that session is lost; of what was refused when
 * it was sent again, for want of room, an earlier copy may still come. */
static void check_first(const note_t *note, const char *uid)
{
    const actor_t *from = &world.actors[note->from], *to = &world.actors[note->to];
    uint32_t *last = &world.last[note->from][note->to];
    if (note->is_answered && note->status != PEER_OK) return;
    if (from->is_roaming || to->is_roaming || note->is_lost || was_replayed(uid)) return;
    if (note->number + 1 <= *last)
        broken("note %u of %s came to %s after note %u", note->number, from->name, to->name, *last - 1);
    else
        *last = note->number + 1;
}

/* What was refused has come as what was handled has: a copy of it that a relay did not know to be taken comes
 * later to the next run of the program, which may be able to open it. */
static void check_came(const actor_t *self, const note_t *note, const char *uid)
{
    uint64_t start   = machine_starts(self->machine);
    bool was_handled = note->handled_us && &world.actors[note->handler] == self;
    bool was_refused = note->refused_us && &world.actors[note->refuser] == self;
    bool is_in_same_run =
        (was_handled && note->handler_start == start) || (was_refused && note->refuser_start == start);
    if (is_in_same_run) broken("note %u came twice to the same run of %s", note->number, self->name);
    if (note->handled_us || note->refused_us)
        world.stats.again++;
    else
        check_first(note, uid);
}

static void check_note(const actor_t *self, note_t *note, const peer_incoming_t *request)
{
    static char expected[PAYLOAD_CAP];
    const actor_t *from = &world.actors[note->from], *to = &world.actors[note->to];
    uint32_t len = payload_of(note->number, expected);
    if (request->payload.len != len || memcmp(request->payload.data, expected, len) != 0)
        broken("note %u came changed", note->number);
    if (to != self && to->twin != self->twin)
        broken("note %u for %s came to %s", note->number, to->name, self->name);
    if (request->from.twin != from->twin)
        broken("note %u of twin %u came from twin %u", note->number, from->twin, request->from.twin);
    if (!chain_was(from->twin, &from->key.account, CHAIN_MS))
        broken("note %u of %s, who was not twin %u any more", note->number, from->name, from->twin);
    if (sim_now_us() > note->deadline_us + GRACE_US)
        broken("note %u came %llu ms after its end", note->number,
               (unsigned long long)(sim_now_us() - note->deadline_us) / 1000);
    check_came(self, note, request->from.uid);
}

static void on_request(void *context, peer_t *peer, const peer_incoming_t *request)
{
    program_state_t *state = context;
    note_t *note           = note_of(request->payload);
    (void)peer;
    if (io_is_dead(state->io)) return;
    if (!note) {
        broken("something that nobody wrote came to %s from twin %u: %.*s", state->actor->name,
               request->from.twin, (int)(request->payload.len < 60 ? request->payload.len : 60),
               (const char *)request->payload.data);
        return;
    }
    check_note(state->actor, note, request);
    sim_trace("note %u of %s handled by %s", note->number, name_of(note->from), state->actor->name);
    note->handled_us    = sim_now_us();
    note->handler       = (uint32_t)(state->actor - world.actors);
    note->handler_start = machine_starts(state->actor->machine);
    note->reply_us      = 0;
    if (state->reply_count == REPLIES_CAP) return;
    state->replies[state->reply_count++] =
        (reply_t){request->from, note, sim_now_us() + (sim_chance(300000) ? sim_below(4000000) : 0)};
}

/* The peers of the world refuse by this (the linker's --wrap): what on_request never hears of. */
void __real_peer_reply_error(peer_t *peer, const peer_return_t *to, uint32_t code, const char *message);
void __wrap_peer_reply_error(peer_t *peer, const peer_return_t *to, uint32_t code, const char *message);

void __wrap_peer_reply_error(peer_t *peer, const peer_return_t *to, uint32_t code, const char *message)
{
    const program_state_t *state = peer->config.context;
    const actor_t *self          = state->actor;
    note_t *note                 = note_of_uid(to->uid);
    __real_peer_reply_error(peer, to, code, message);
    if (io_is_dead(state->io)) return;
    if (!note) {
        broken("%s refused what nobody wrote: %s", self->name, message);
        return;
    }
    const actor_t *from = &world.actors[note->from], *meant = &world.actors[note->to];
    if (!from->is_fickle && !meant->is_disputed)
        broken("note %u of %s was refused by %s: %s", note->number, from->name, self->name, message);
    check_came(self, note, to->uid);
    sim_trace("note %u of %s refused by %s: %s", note->number, from->name, self->name, message);
    note->refused_us    = sim_now_us();
    note->refuser       = (uint32_t)(self - world.actors);
    note->refuser_start = machine_starts(self->machine);
}

static void reply_all(program_state_t *state)
{
    char text[32];
    for (uint32_t i = 0; i < state->reply_count;) {
        reply_t *reply = &state->replies[i];
        if (reply->at_us > sim_now_us()) {
            i++;
            continue;
        }
        snprintf(text, sizeof text, "{\"note\":%u}", reply->note->number);
        reply->note->reply_us = sim_now_us();
        peer_reply(state->peer, &reply->to, bytes_text(text));
        *reply = state->replies[--state->reply_count];
    }
}

/* ---- sending ---- */

static void on_safe(void *context)
{
    note_t *note = context;
    if (sim_current() && io_is_dead(sim_current())) return;
    if (!note->safe_us) world.stats.safe++;
    note->safe_us = sim_now_us();
    sim_trace("note %u is safe", note->number);
}

/* A failure excuses, so it must be one that can be: to who stays at his relay with his key on the chain there
 * is only want of room, of the chain, or of time (a relay whose clock is ahead says that he is offline),
 * and when the relay's report finds no room or no way the peer cannot say which. */
static void check_failure(const note_t *note)
{
    const actor_t *from = &world.actors[note->from], *to = &world.actors[note->to];
    bool is_disputed = from->is_disputed || to->is_disputed, is_possible = true;
    bool is_over = sim_now_us() + GRACE_US > note->deadline_us;
    if (note->status == PEER_REFUSED) is_possible = note->refused_us != 0;
    if (note->status == PEER_BAD_ANSWER) is_possible = to->is_fickle || is_disputed;
    if (note->status == PEER_NO_TWIN) is_possible = to->is_disputed;
    if (note->status == PEER_TOO_LONG) is_possible = false;
    if (note->status == PEER_RELAY && strstr(note->error, "no room") == NULL &&
        strstr(note->error, "chain") == NULL && strstr(note->error, "expired") == NULL &&
        strcmp(note->error, peer_status_text(PEER_RELAY)) != 0)
        is_possible = is_over || to->is_roaming || is_disputed;
    if (!is_possible)
        broken("note %u from %s to %s failed: %s", note->number, from->name, to->name, note->error);
}

static void on_answer(void *context, const peer_answer_t *answer)
{
    note_t *note = context;
    if (answer->status == PEER_CLOSED) return; /* its program ended */
    if (note->is_answered) broken("note %u was answered twice", note->number);
    note->is_answered = true;
    note->status      = answer->status;
    snprintf(note->error, sizeof note->error, "%s", answer->error);
    sim_trace("note %u answered: %s", note->number, answer->status == PEER_OK ? "ok" : answer->error);
    if (answer->status != PEER_OK) {
        check_failure(note);
        return;
    }
    world.stats.answered++;
    char expected[32];
    snprintf(expected, sizeof expected, "{\"note\":%u}", note->number);
    if (!bytes_equal(answer->payload, bytes_text(expected)))
        broken("note %u has the answer of another", note->number);
    if (!note->handled_us) broken("note %u was answered, and nobody handled it", note->number);
}

static void send_note(program_state_t *state)
{
    static const uint32_t lives[] = {10, 20, 45, 1800, 1800, 1800};
    static char text[PAYLOAD_CAP];
    if (world.note_count == NOTES_CAP) return;
    uint32_t from = (uint32_t)(state->actor - world.actors), to = sim_below(world.actor_count);
    if (to == from) return;
    note_t *note           = &world.notes[world.note_count];
    uint32_t life_s        = lives[sim_below(6)];
    *note                  = (note_t){.number       = world.note_count++,
                                      .from         = from,
                                      .to           = to,
                                      .sent_us      = sim_now_us(),
                                      .deadline_us  = sim_now_us() + life_s * UINT64_C(1000000),
                                      .sender_start = machine_starts(state->actor->machine)};
    uint32_t len           = payload_of(note->number, text);
    peer_request_t request = {
        .twin         = world.actors[to].twin,
        .command      = "note",
        .payload      = {(uint8_t *)text, len},
        .expiration_s = life_s,
        .on_safe      = on_safe
    };
    (void)peer_request(state->peer, &request, on_answer, note);
    const out_t *out = state->peer->outs;
    while (out->next)
        out = out->next;
    snprintf(note->uid, sizeof note->uid, "%.36s", out->to.uid);
    sim_trace("note %u from %s to %s, life %u s, uid %s", note->number, state->actor->name, name_of(to),
              life_s, note->uid);
}

static void act(void *self)
{
    program_state_t *state = self;
    reply_all(state);
    if (world.is_quiet) return;
    uint32_t count = sim_chance(400000) ? 1 : sim_chance(15000) ? 40 : 0;
    for (uint32_t i = 0; i < count; i++)
        send_note(state);
}

/* ---- the program ---- */

static void *actor_start(machine_t *machine, io_t *io, void *self)
{
    program_state_t *state = calloc(1, sizeof *state);
    actor_t *actor         = self;
    client_config_t config = {.io = io, .url_count = actor->node_count};
    (void)machine;
    state->io    = io;
    state->actor = actor;
    for (uint32_t i = 0; i < actor->node_count; i++)
        config.urls[i] = actor->nodes[i];
    state->client = client_new(&config);
    state->chain  = twin_chain_new(state->client);
    state->twins  = twin_cache_new(twin_chain_source(state->chain), TWINS_KEPT);
    twin_chain_follow(state->chain, state->twins, false);
    peer_config_t peer = {.io          = io,
                          .twin        = actor->twin,
                          .key         = &actor->key,
                          .twins       = state->twins,
                          .relay_count = actor->relay_count,
                          .on_request  = on_request,
                          .context     = state};
    for (uint32_t i = 0; i < actor->relay_count; i++)
        peer.relays[i] = actor->relays[i];
    state->peer = peer_new(&peer);
    assert(state->peer);
    state->timer = io_timer_start(io, sim_below(ACT_MS), ACT_MS, act, state);
    return state;
}

/* What came by a WebSocket and was not handled is lost with the process: sessions of that kind have no word
 * for what was taken. */
static void lose_what_waits(const program_state_t *state)
{
    for (const in_t *in = state->peer->ins; in && state->actor->is_web; in = in->next) {
        note_t *note = in->envelope.kind == ENVELOPE_REQUEST ? note_of_uid(in->envelope.uid) : NULL;
        if (note) note->is_lost = true;
    }
}

static void actor_stop(void *program)
{
    program_state_t *state = program;
    lose_what_waits(state);
    peer_free(state->peer);
    twin_chain_free(state->chain);
    twin_cache_free(state->twins);
    client_free(state->client);
    io_timer_stop(state->timer);
    io_free(state->io);
    free(state);
}

void actors_start(void) { memset(&world, 0, sizeof world); }

actor_t *actor_add(const actor_t *actor)
{
    assert(world.actor_count < ACTORS_CAP);
    actor_t *kept = &world.actors[world.actor_count++];
    *kept         = *actor;
    kept->machine = machine_new(actor->name, &(program_t){actor_start, actor_stop, kept});
    return kept;
}

uint32_t actor_count(void) { return world.actor_count; }
actor_t *actor_at(uint32_t i) { return &world.actors[i]; }
void actors_quiet(void) { world.is_quiet = true; }
uint32_t actors_broken(void) { return world.broken; }

/* ---- what must be true in the end ---- */

static bool is_failure_told(const note_t *note)
{
    return note->is_answered && note->status != PEER_OK && note->status != PEER_TIMEOUT;
}

static void check_end(const note_t *note)
{
    const actor_t *from = &world.actors[note->from], *to = &world.actors[note->to];
    bool is_sender_same  = machine_starts(from->machine) == note->sender_start;
    bool is_handler_same = machine_starts(to->machine) == note->handler_start;
    bool has_time        = note->deadline_us > sim_now_us() + GRACE_US;
    if (is_sender_same && !note->is_answered && sim_now_us() > note->deadline_us + GRACE_US)
        broken("note %u of %s is over, and %s was not told", note->number, from->name, from->name);
    if (!has_time) return;
    /* Who asked is told of a refusal, unless either process is not the same any more, or who refused is not
     * that twin where the asker looks: what he signed is dropped. */
    bool is_refuser_same = machine_starts(world.actors[note->refuser].machine) == note->refuser_start;
    bool is_refused      = note->refused_us && (to->is_disputed || !is_sender_same || !is_refuser_same);
    /* Perhaps, and the process that was told had not sent it: who moves between relays is refused by the one
     * he left. */
    is_refused |= to->is_roaming && !is_sender_same;
    /* A note of who is not that twin any more is dropped too, though a relay had acknowledged it. */
    if (from->is_disputed || is_failure_told(note) || is_refused) {
        world.stats.excused += !note->handled_us;
        return;
    }
    bool is_promised = note->safe_us || is_sender_same;
    if (is_promised && !note->handled_us && !note->is_lost)
        broken("note %u from %s to %s is lost%s", note->number, from->name, to->name,
               note->safe_us ? ", which was acknowledged" : "");
    world.stats.excused += note->is_lost && !note->handled_us;
    /* An answer to who moves between relays may meet one that is not his any more: that is final. */
    if (note->handled_us && note->reply_us && !to->is_web && !to->is_disputed && !from->is_roaming &&
        is_sender_same && is_handler_same && !(note->is_answered && note->status == PEER_OK))
        broken("the answer to note %u of %s to %s is lost", note->number, from->name, to->name);
}

uint32_t actors_check(void)
{
    for (uint32_t i = 0; i < world.note_count; i++)
        check_end(&world.notes[i]);
    return world.broken;
}

void actors_stats(actors_stats_t *stats)
{
    world.stats.notes   = world.note_count;
    world.stats.handled = 0;
    for (uint32_t i = 0; i < world.note_count; i++)
        world.stats.handled += world.notes[i].handled_us != 0;
    *stats = world.stats;
}

void actors_replayed(const char *uid)
{
    snprintf(world.replayed[world.replayed_count++ % 256], RMB_UID_MAX + 1, "%s", uid);
}
