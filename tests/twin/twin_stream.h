/* twin_stream.h - what a chain does, told on standard output to whoever repeats it
 * (tests/e2e/wasm_host/replay.mjs).
 *
 * Records of SCALE: Vec<u8> header | Vec<u8> body | Vec<(Vec<u8> key, Option<Vec<u8>> value)> of what the
 * block changed in state, as the store was told.  The first record of a chain is its genesis, with all of its
 * state. */
#ifndef TWIN_STREAM_H
#define TWIN_STREAM_H
#include "chain.h"

typedef struct {
    chain_t *chain;
    arena_t arena;
    scale_writer_t out;
} twin_stream_t;

/* twin_stream_start writes the genesis of an open chain, and from now on every block that the chain takes;
 * the program ends when that cannot be written. */
void twin_stream_start(twin_stream_t *stream, chain_t *chain);

/* twin_stream_end stops it, before the chain is freed. */
void twin_stream_end(twin_stream_t *stream);

#endif
