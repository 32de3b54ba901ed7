/* sim_rogue.c - a twin that abuses what it has: its session, the inboxes of relays, and what it hears. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "bus_frame.h"
#include "envelope.h"
#include "sim_actors.h"
#include "token.h"
#include "web.h"

#define CAPTURES_CAP 32
#define ACT_MS       400
#define WIRE_CAP     2048
#define OTHER_TWINS  7

typedef struct {
    uint8_t *data;
    uint32_t len;
} capture_t;

typedef struct {
    io_t *io;
    bus_t *bus;
    uint32_t pipe;
    bool is_in;
    io_timer_t *timer;
} state_t;

static struct {
    keypair_t key;
    uint32_t twin, inbox_count;
    const char *relay;
    const char *const *inboxes;
    capture_t captures[CAPTURES_CAP];
} rogue;

/* ---- what it hears ---- */

static void on_seen(const char *key, bytes_t frame)
{
    static const char head[] = "POST\0/"; /* and a zero */
    uint32_t skip            = 1 + sizeof head;
    (void)key;
    if (frame.len < skip || frame.data[0] != WEB_FRAME_POST || frame.len > 8192 || !sim_chance(100000))
        return;
    capture_t *capture = &rogue.captures[sim_below(CAPTURES_CAP)];
    free(capture->data);
    capture->len  = frame.len - skip;
    capture->data = malloc(capture->len + 1);
    memcpy(capture->data, frame.data + skip, capture->len);
}

/* ---- what it says ---- */

static uint32_t forge(uint8_t *wire, uint32_t source, bool is_signature_changed)
{
    uint8_t signature[ENVELOPE_SIGNATURE_LEN];
    char uid[37];
    envelope_uid(uid);
    envelope_t e = {
        .uid             = uid,
        .timestamp_s     = SIM_EPOCH_MS / 1000 + sim_now_us() / 1000000,
        .expiration_s    = 600,
        .has_source      = true,
        .has_destination = true,
        .source          = {source,                     NULL},
        .destination     = {1 + sim_below(OTHER_TWINS), NULL},
        .kind            = sim_chance(800000) ? ENVELOPE_REQUEST : ENVELOPE_RESPONSE,
        .command         = "note",
        .schema          = "application/json",
        .payload_kind    = PAYLOAD_PLAIN,
        .payload         = BYTES("{\"note\":4000000000}")
    };
    if (!envelope_sign(&e, &rogue.key, signature)) abort();
    if (is_signature_changed) signature[1 + sim_below(64)] ^= (uint8_t)(1 + sim_below(255));
    envelope_encode(&e, wire);
    return envelope_encoded_len(&e);
}

/* What finds no room is not missed. */
static void say(const state_t *state, bytes_t message)
{
    if (state->is_in && !bus_send(state->bus, state->pipe, message)) sim_trace("the rogue is not heard");
}

static void on_posted(void *self, int status, bytes_t body)
{
    (void)self;
    (void)status;
    (void)body;
}

static void post(const state_t *state, bytes_t wire)
{
    (void)web_fetch(state->io, "POST", rogue.inboxes[sim_below(rogue.inbox_count)], NULL, "", wire, 3000,
                    on_posted, NULL);
}

static void replay(const state_t *state)
{
    const capture_t *capture = &rogue.captures[sim_below(CAPTURES_CAP)];
    static uint8_t room[8192 + ENVELOPE_ARENA_SPARE];
    arena_t arena = {.start = room, .size = sizeof room};
    envelope_t envelope;
    bytes_t wire = {capture->data, capture->len};
    if (!capture->data || envelope_decode(wire, &arena, &envelope) != ENVELOPE_OK) return;
    actors_replayed(envelope.uid);
    if (sim_chance(700000) || !state->is_in)
        post(state, wire);
    else
        say(state, wire);
}

static void act(void *self)
{
    state_t *state = self;
    uint8_t wire[WIRE_CAP];
    uint32_t what = sim_below(6), len;
    if (what == 0) {
        replay(state);
    } else if (what == 1) {
        len = forge(wire, 1 + sim_below(OTHER_TWINS), false); /* another's name */
        post(state, (bytes_t){wire, len});
    } else if (what == 2 && state->is_in) {
        len = forge(wire, 1 + sim_below(OTHER_TWINS), false);
        say(state, (bytes_t){wire, len});
    } else if (what == 3 && state->is_in) {
        len = forge(wire, rogue.twin, true); /* its own, and not signed */
        say(state, (bytes_t){wire, len});
    } else if (what == 4) {
        len = forge(wire, 1 + sim_below(OTHER_TWINS), true);
        len = sim_below(len); /* torn */
        post(state, (bytes_t){wire, len});
    } else if (what == 5 && state->is_in && sim_chance(200000)) {
        io_random(wire, 64);
        say(state, (bytes_t){wire, 64});
    }
}

/* ---- its session ---- */

static void on_open(void *self, uint32_t pipe)
{
    state_t *state = self;
    char token[TOKEN_MAX + 1];
    uint32_t len =
        token_write(&rogue.key, rogue.twin, NULL, io_now_ms(state->io) / 1000, TOKEN_LIFE_S, token);
    state->pipe = pipe;
    if (!bus_send(state->bus, pipe, (bytes_t){(uint8_t *)token, len})) bus_close(state->bus, pipe);
}

/* It does not acknowledge what the relay says: the relay is to live with that. */
static void on_message(void *self, uint32_t pipe, bytes_t message)
{
    state_t *state = self;
    (void)pipe;
    if (message.len == 1 && message.data[0] == BUS_WELCOME) state->is_in = true;
}

static void dial(void *self);

static void on_close(void *self, uint32_t pipe)
{
    state_t *state = self;
    (void)pipe;
    state->is_in = false;
    bus_free(state->bus);
    state->bus = NULL;
    (void)io_timer_start(state->io, 500, 0, dial, state);
}

static void dial(void *self)
{
    state_t *state    = self;
    const char *error = "";
    state->bus        = bus_dial(state->io, rogue.relay, NULL,
                                 &(bus_handler_t){state, on_open, on_message, on_close}, &error);
}

static void *rogue_start(machine_t *machine, io_t *io, void *self)
{
    state_t *state = calloc(1, sizeof *state);
    (void)machine;
    (void)self;
    state->io = io;
    dial(state);
    state->timer = io_timer_start(io, ACT_MS, ACT_MS, act, state);
    return state;
}

static void rogue_stop(void *program)
{
    state_t *state = program;
    bus_free(state->bus);
    io_timer_stop(state->timer);
    io_free(state->io);
    free(state);
}

machine_t *rogue_new(const keypair_t *key, uint32_t twin, const char *relay, const char *const *inboxes,
                     uint32_t inbox_count)
{
    memset(&rogue, 0, sizeof rogue);
    rogue.key         = *key;
    rogue.twin        = twin;
    rogue.relay       = relay;
    rogue.inboxes     = inboxes;
    rogue.inbox_count = inbox_count;
    net_tap(on_seen);
    return machine_new("rogue", &(program_t){rogue_start, rogue_stop, NULL});
}

void rogue_end(void)
{
    for (uint32_t i = 0; i < CAPTURES_CAP; i++)
        free(rogue.captures[i].data);
    memset(&rogue, 0, sizeof rogue);
}
