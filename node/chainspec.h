/* chainspec.h - how a chain begins, and what it is called: built in, or read from a JSON file.
 *
 * A file has Substrate's shape, in one of two forms: genesis.runtime, which a person can edit, or
 * genesis.raw.top, every key and value of block 0.  A field that is unknown, missing or wrong is refused by
 * its name. */
#ifndef CHAINSPEC_H
#define CHAINSPEC_H
#include "kv.h"
#include "runtime.h"

#include <stdio.h>

#define CHAINSPEC_ERROR_CAP 512

typedef struct {
    char id[65];    /* "dev"; also names the database's folder */
    char name[129]; /* system_chain: "Trellis Development" */
    char type[16];  /* system_chainType: Development, Local, Live */
    genesis_t genesis;
    bool is_raw;   /* raw instead of genesis */
    changes_t raw; /* none is removed */
    void *owned[2];
} chainspec_t;

/* chainspec_open finds "dev" or "local", or reads a file; slot_ms (0: as it is) becomes the slot of a new
 * chain. On failure error is a sentence.  chainspec_free gives back what it holds. */
NODISCARD bool chainspec_open(const char *chain, uint64_t slot_ms, chainspec_t *spec,
                              char error[CHAINSPEC_ERROR_CAP]);
void chainspec_free(chainspec_t *spec);

/* chainspec_parse does it for a file's text. */
NODISCARD bool chainspec_parse(bytes_t text, chainspec_t *spec, char error[CHAINSPEC_ERROR_CAP]);

/* chainspec_is_for_trial says that the chain is for development: its rules of time may be bent. */
bool chainspec_is_for_trial(const chainspec_t *spec);

/* chainspec_genesis writes the state of block 0; self is a const chainspec_t (chain_options_t). */
bool chainspec_genesis(void *self, const host_t *host);

/* chainspec_write writes the form that a person can edit; not of a raw one. */
NODISCARD bool chainspec_write(const chainspec_t *spec, FILE *out);

/* chainspec_raw_* write the raw form piece by piece: start, every key once in order, end. */
void chainspec_raw_start(const chainspec_t *spec, FILE *out);
void chainspec_raw_item(FILE *out, bytes_t key, bytes_t value, bool is_first);
NODISCARD bool chainspec_raw_end(FILE *out);

#endif
