/* cmd_spec.c - chain specs out: of a chain that is not yet, or of a state. */
#define _GNU_SOURCE /* nftw */

#include "cmd.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_MAX = 64 << 20 };

/* write_state writes the raw chain spec of the state at a block. */
static int write_state(cmd_t *cmd, chain_t *chain, const hash_t *at)
{
    static uint8_t key_room[8192];
    arena_t arena           = {malloc(ITEM_MAX), ITEM_MAX, 0};
    bytes_t key             = {key_room, 0}, next, value;
    cmd_progress_t progress = cmd_progress("wrote", "keys", 0);
    uint64_t count          = 0;
    bool is_fine            = arena.start != NULL;
    chainspec_raw_start(&cmd->spec, stdout);
    while (is_fine && chain_state_next_key(chain, at, key, &arena, &next)) {
        is_fine = next.len <= sizeof key_room && chain_state_get(chain, at, next, &arena, &value);
        if (!is_fine) break;
        chainspec_raw_item(stdout, next, value, count++ == 0);
        memmove(key_room, next.data, next.len);
        key.len    = next.len;
        arena.used = 0;
        cmd_progress_at(&progress, count);
    }
    free(arena.start);
    if (!is_fine) return cmd_fail(cmd, "the state cannot be read");
    if (!chainspec_raw_end(stdout)) return cmd_fail(cmd, "the output cannot be written");
    if (count > 10000) cmd_progress_end(&progress, count);
    return 0;
}

/* ------------------------------------------------------------------------------------ build-spec */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* build_raw makes block 0 in a folder that it removes, and writes its state. */
static int build_raw(cmd_t *cmd)
{
    memcpy(cmd->path, "/tmp/trellis-spec-XXXXXX", sizeof "/tmp/trellis-spec-XXXXXX");
    if (!mkdtemp(cmd->path)) return cmd_fail(cmd, "no folder can be made in /tmp");
    chain_t *chain = cmd_open(cmd, true);
    int code       = 1;
    if (chain) {
        chain_point_t genesis = chain_genesis(chain);
        code                  = write_state(cmd, chain, &genesis.hash);
    }
    chain_free(chain);
    nftw(cmd->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}

static int build_spec(cmd_t *cmd)
{
    if (cmd_option(cmd, "raw")) return build_raw(cmd);
    if (cmd->spec.is_raw) return cmd_fail(cmd, "this chain spec is raw: only build-spec --raw can write it");
    return chainspec_write(&cmd->spec, stdout) ? 0 : cmd_fail(cmd, "the output cannot be written");
}

const command_t cmd_build_spec = {
    .name = "build-spec",
    .help =
        "trellis-node build-spec [--raw] - write a chain spec to standard output\n"
        "\n"
        "  trellis-node build-spec --dev > my.json        one that a person can edit\n"
        "  trellis-node build-spec --chain my.json --raw > my-raw.json\n"
        "                                                 the same chain, key by key: hand out this one\n"
        "  trellis-node --chain my-raw.json --validator   run it\n"
        "\n"
        "  --raw                    every key and value of block 0, whatever version of the node reads it\n"
        "  --disable-default-bootnode   accepted: there is none\n",
    .switches  = " raw disable-default-bootnode ",
    .values    = " ",
    .has_chain = true,
    .run       = build_spec,
};

/* ------------------------------------------------------------------------------------ export-state */

static int export_state(cmd_t *cmd)
{
    chain_t *chain = cmd_open(cmd, false);
    if (!chain) return 1;
    chain_point_t block = chain_best(chain);
    int code            = 1;
    if (!cmd->words[0] || cmd_find(cmd, chain, cmd->words[0], &block))
        code = chain_has_state(chain, &block.hash)
                   ? write_state(cmd, chain, &block.hash)
                   : cmd_fail(cmd, "the state of block %u is not kept", block.number);
    chain_free(chain);
    return code;
}

const command_t cmd_export_state = {
    .name = "export-state",
    .help =
        "trellis-node export-state [BLOCK] - write the raw chain spec of a block's state to standard output\n"
        "\n"
        "BLOCK is a number or a hash (default: the best block).  A chain of that spec begins with this "
        "state.\n",
    .switches  = " ",
    .values    = " ",
    .words_max = 1,
    .has_chain = true,
    .run       = export_state,
};
