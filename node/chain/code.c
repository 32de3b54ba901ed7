/* code.c - whose runtime the chain has at a block: this node executes natively, and only what is its own.
 *
 * The verdict of a block is its parent's unless it changed `:code`; the last few are remembered. */
#include "chain_internal.h"

#include <stdlib.h>
#include <string.h>

enum { CODE_MEMORY = 64 << 20, VERSION_MAX = 8192 };

static const bytes_t code_key = {(const uint8_t *)":code", 5};

static runtime_note_t *note_of(chain_t *chain, const hash_t *at)
{
    return &chain->runtimes[at->b[0] % RUNTIME_NOTES];
}

static const runtime_note_t *find_note(chain_t *chain, const hash_t *at)
{
    const runtime_note_t *note = note_of(chain, at);
    return note->is_known && memcmp(&note->at, at, sizeof *at) == 0 ? note : NULL;
}

static void set_note(chain_t *chain, const hash_t *at, bool is_own)
{
    *note_of(chain, at) = (runtime_note_t){.at = *at, .is_known = true, .is_own = is_own};
}

void chain_runtime_note(chain_t *chain, const hash_t *parent, const hash_t *block, const changes_t *values)
{
    const runtime_note_t *before = find_note(chain, parent);
    if (!before) return;
    for (uint32_t i = 0; i < values->count; i++)
        if (bytes_equal(values->items[i].key, code_key)) return;
    set_note(chain, block, before->is_own);
}

/* A state without code has no other runtime than this one: a chain for tests. */
static bool judge(bytes_t code, bool is_there, arena_t *arena)
{
    return !is_there || runtime_code_is_own(code, arena);
}

chain_status_t chain_runtime(chain_t *chain, const hash_t *at)
{
    chain_point_t best;
    at                         = chain_at(chain, at, &best);
    const runtime_note_t *note = find_note(chain, at);
    if (note) return note->is_own ? CHAIN_OK : CHAIN_OTHER_RUNTIME;
    if (!chain_has_state(chain, at)) return CHAIN_UNKNOWN_BLOCK;
    arena_t arena = {malloc(CODE_MEMORY), CODE_MEMORY, 0};
    bytes_t code  = {0};
    if (!arena.start) return CHAIN_FAULT;
    bool is_there = chain_state_get(chain, at, code_key, &arena, &code);
    bool is_own   = judge(code, is_there, &arena);
    free(arena.start);
    set_note(chain, at, is_own);
    return is_own ? CHAIN_OK : CHAIN_OTHER_RUNTIME;
}

static bool other_version(chain_t *chain, const hash_t *at, scale_writer_t *w)
{
    arena_t arena = {malloc(CODE_MEMORY), CODE_MEMORY, 0};
    bytes_t code;
    bool is_told = arena.start && chain_state_get(chain, at, code_key, &arena, &code) &&
                   runtime_code_version(code, &arena, w);
    free(arena.start);
    return is_told;
}

chain_status_t chain_runtime_version(chain_t *chain, const hash_t *at, arena_t *arena, bytes_t *version)
{
    chain_point_t best;
    uint8_t room[VERSION_MAX];
    scale_writer_t w      = scale_writer(room, sizeof room);
    chain_status_t status = chain_runtime(chain, at = chain_at(chain, at, &best));
    *version              = (bytes_t){0};
    if (status == CHAIN_OK) runtime_version_encode(&w);
    if (status == CHAIN_OTHER_RUNTIME && other_version(chain, at, &w)) status = CHAIN_OK;
    if (status != CHAIN_OK) return status;
    return !w.failed && arena_copy(arena, scale_written(&w), version) ? CHAIN_OK : CHAIN_FAULT;
}
