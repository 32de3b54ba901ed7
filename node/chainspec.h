/* chainspec.h - the chains that this node knows: how each begins, and what it is called. */
#ifndef CHAINSPEC_H
#define CHAINSPEC_H
#include "rt.h"

typedef struct {
    const char *id;   /* "dev", "local" */
    const char *name; /* system_chain: "Development" */
    const char *type; /* system_chainType */
    bytes_t code;     /* the wasm blob for :code; empty: none */
    uint64_t slot_ms; /* the slot of a new chain; 0: the default */
} chainspec_t;

/* chainspec_find knows "dev" and "local"; slot_ms is left 0. */
bool chainspec_find(const char *id, chainspec_t *spec);

/* chainspec_genesis writes the state of block 0; self is a const chainspec_t (chain_options_t). */
bool chainspec_genesis(void *self, const host_t *host);

#endif
