/* merlin.c - STROBE-128 and the transcripts on it. */
#include "merlin.h"

#include "hash.h"

#include <sodium.h>
#include <string.h>

#define RATE 166
enum { FLAG_I = 1, FLAG_A = 2, FLAG_C = 4, FLAG_M = 16 };

static uint8_t *state_of(merlin_t *t) { return (uint8_t *)t->lanes; }

static void permute(merlin_t *t)
{
    uint8_t *state = state_of(t);
    state[t->pos] ^= t->pos_begin;
    state[t->pos + 1] ^= 0x04;
    state[RATE + 1] ^= 0x80;
    keccak_f1600(t->lanes);
    t->pos = t->pos_begin = 0;
}

static void step(merlin_t *t)
{
    if (++t->pos == RATE) permute(t);
}

static void absorb(merlin_t *t, const uint8_t *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        state_of(t)[t->pos] ^= data[i];
        step(t);
    }
}

static void overwrite(merlin_t *t, const uint8_t *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        state_of(t)[t->pos] = data[i];
        step(t);
    }
}

static void squeeze(merlin_t *t, uint8_t *out, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        out[i]              = state_of(t)[t->pos];
        state_of(t)[t->pos] = 0;
        step(t);
    }
}

static void begin(merlin_t *t, uint8_t flags)
{
    uint8_t frame[2] = {t->pos_begin, flags};
    t->pos_begin     = (uint8_t)(t->pos + 1);
    absorb(t, frame, sizeof frame);
    if ((flags & FLAG_C) && t->pos != 0) permute(t);
}

/* name says what comes next, and how long it is. */
static void name(merlin_t *t, bytes_t label, uint32_t len)
{
    uint8_t length[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};
    begin(t, FLAG_M | FLAG_A);
    absorb(t, label.data, label.len);
    absorb(t, length, sizeof length);
}

void merlin_start(merlin_t *t, bytes_t label)
{
    static const uint8_t head[] = {1,   RATE + 2, 1,   0,   1,   96,  'S', 'T', 'R',
                                   'O', 'B',      'E', 'v', '1', '.', '0', '.', '2'};
    bytes_t version             = BYTES("Merlin v1.0");
    *t                          = (merlin_t){0};
    memcpy(t->lanes, head, sizeof head);
    keccak_f1600(t->lanes);
    begin(t, FLAG_M | FLAG_A);
    absorb(t, version.data, version.len);
    merlin_append(t, BYTES("dom-sep"), label);
}

void merlin_append(merlin_t *t, bytes_t label, bytes_t message)
{
    name(t, label, message.len);
    begin(t, FLAG_A);
    absorb(t, message.data, message.len);
}

void merlin_challenge(merlin_t *t, bytes_t label, uint8_t *out, uint32_t len)
{
    name(t, label, len);
    begin(t, FLAG_I | FLAG_A | FLAG_C);
    squeeze(t, out, len);
}

void merlin_witness(const merlin_t *t, bytes_t label, const uint8_t nonce[32], uint8_t out[64])
{
    merlin_t copy = *t;
    uint8_t fresh[32];
    randombytes_buf(fresh, sizeof fresh);
    name(&copy, label, 32);
    begin(&copy, FLAG_A | FLAG_C);
    overwrite(&copy, nonce, 32);
    begin(&copy, FLAG_M | FLAG_A);
    absorb(&copy, (const uint8_t *)"rng", 3);
    begin(&copy, FLAG_A | FLAG_C);
    overwrite(&copy, fresh, sizeof fresh);
    merlin_challenge(&copy, (bytes_t){0}, out, 64);
    sodium_memzero(fresh, sizeof fresh);
    sodium_memzero(&copy, sizeof copy);
}
