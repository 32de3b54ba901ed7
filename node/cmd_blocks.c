/* cmd_blocks.c - blocks to a file, and out of one. */

#include "cmd.h"
#include "finality.h"
#include "signed_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK_ARENA = 32 << 20, VOTERS_MAX = 256, WINDOW_START = 1 << 20 };

/* open_file opens the file that was named, or the standard one. */
static FILE *open_file(const cmd_t *cmd, const char *mode, FILE *standard)
{
    const char *path = cmd->words[0];
    if (!path || strcmp(path, "-") == 0) return standard;
    FILE *file = fopen(path, mode);
    if (!file) cmd_fail(cmd, "%s: %s", path, strerror(errno));
    return file;
}

/* ------------------------------------------------------------------------------------ export-blocks */

static bool put(FILE *out, bytes_t bytes) { return fwrite(bytes.data, 1, bytes.len, out) == bytes.len; }

static bool export_one(chain_t *chain, uint32_t number, arena_t *arena, FILE *out)
{
    hash_t hash;
    signed_block_t block = {.number = number};
    arena->used          = 0;
    if (!chain_hash(chain, number, &hash) || !chain_header(chain, &hash, arena, &block.header) ||
        !chain_body(chain, &hash, arena, &block.body))
        return false;
    if (!chain_justification(chain, &hash, arena, &block.justification)) block.justification = (bytes_t){0};
    uint64_t cap  = 64 + (uint64_t)block.header.len + block.body.len + block.justification.len;
    uint8_t *room = malloc(cap);
    if (!room) return false;
    scale_writer_t w = scale_writer(room, (uint32_t)cap);
    signed_block_write(&w, &block);
    bool is_written = !w.failed && put(out, scale_written(&w));
    free(room);
    return is_written;
}

static bool has_no_body(chain_t *chain, uint32_t number)
{
    hash_t hash;
    bytes_t body;
    arena_t arena = {malloc(BLOCK_ARENA), BLOCK_ARENA, 0};
    bool is_absent =
        arena.start && chain_hash(chain, number, &hash) && !chain_body(chain, &hash, &arena, &body);
    free(arena.start);
    return is_absent;
}

static int export_range(cmd_t *cmd, chain_t *chain, uint32_t from, uint32_t to, FILE *out)
{
    uint8_t count[8];
    scale_writer_t w        = scale_writer(count, sizeof count);
    uint64_t total          = to >= from ? (uint64_t)to - from + 1 : 0;
    arena_t arena           = {malloc(BLOCK_ARENA), BLOCK_ARENA, 0};
    cmd_progress_t progress = cmd_progress("exported", "blocks", total);
    scale_put_u64(&w, total);
    bool is_fine  = arena.start && put(out, scale_written(&w));
    uint64_t done = 0;
    for (; is_fine && done < total; done++) {
        cmd_progress_at(&progress, done);
        is_fine = export_one(chain, from + (uint32_t)done, &arena, out);
    }
    free(arena.start);
    if (!is_fine || fflush(out) != 0)
        return cmd_fail(cmd, "block %llu cannot be read or written%s", (unsigned long long)from + done,
                        has_no_body(chain, from + (uint32_t)done) ? ": its body was let go (--blocks-pruning)"
                                                                  : "");
    cmd_progress_end(&progress, done);
    return 0;
}

static int export_blocks(cmd_t *cmd)
{
    const char *from_text = cmd_option(cmd, "from"), *to_text = cmd_option(cmd, "to");
    uint32_t from = 1, to = 0;
    chain_t *chain = cmd_open(cmd, false);
    if (!chain) return 1;
    uint32_t best = chain_best(chain).number;
    FILE *out     = NULL;
    int code      = 1;
    to            = best;
    if ((from_text && !cmd_number(from_text, &from)) || (to_text && !cmd_number(to_text, &to)))
        code = cmd_usage(cmd, "--from and --to take the number of a block");
    else if (to > best)
        code = cmd_fail(cmd, "there is no block %u; the best one is %u", to, best);
    else if (to_text && to < from)
        code = cmd_usage(cmd, "--to %u is before --from %u", to, from);
    else
        out = open_file(cmd, "we", stdout);
    if (out) code = export_range(cmd, chain, from, to, out);
    if (out && out != stdout && fclose(out) != 0 && code == 0)
        code = cmd_fail(cmd, "%s: %s", cmd->words[0], strerror(errno));
    chain_free(chain);
    return code;
}

const command_t cmd_export_blocks = {
    .name = "export-blocks",
    .help =
        "trellis-node export-blocks [--from N] [--to N] [FILE] - write blocks to a file\n"
        "\n"
        "  --from N                 (default 1)\n"
        "  --to N                   (default: the best block)\n"
        "  --binary                 accepted: the form is always Substrate's binary one, a u64 count and\n"
        "                           SCALE SignedBlocks, with their justifications\n"
        "\n"
        "Without FILE, or with -, to standard output.  The node must not be running.\n",
    .switches  = " binary ",
    .values    = " from to ",
    .words_max = 1,
    .has_chain = true,
    .run       = export_blocks,
};

/* ------------------------------------------------------------------------------------ import-blocks */

/* What is read of the file and not taken yet. */
typedef struct {
    FILE *file;
    uint8_t *bytes;
    size_t start, len, cap;
    bool is_at_end;
} window_t;

/* fill reads more; false: there is no more, or it would be too much for one block. */
static bool fill(window_t *w)
{
    if (w->is_at_end || w->len - w->start >= SIGNED_BLOCK_MAX) return false;
    memmove(w->bytes, w->bytes + w->start, w->len - w->start);
    w->len -= w->start;
    w->start = 0;
    if (w->len * 2 > w->cap) {
        uint8_t *grown = realloc(w->bytes, w->cap * 2);
        if (!grown) return false;
        w->bytes = grown;
        w->cap *= 2;
    }
    size_t got   = fread(w->bytes + w->len, 1, w->cap - w->len, w->file);
    w->is_at_end = got == 0;
    w->len += got;
    return got > 0;
}

static bytes_t seen(const window_t *w)
{
    return (bytes_t){w->bytes + w->start, (uint32_t)(w->len - w->start)};
}

static bool next_block(window_t *w, signed_block_t *block)
{
    uint32_t len;
    while (!signed_block_read(seen(w), block, &len))
        if (!fill(w)) return false;
    w->start += len;
    return true;
}

static bool read_count(window_t *w, uint64_t *count)
{
    while (w->len - w->start < 8)
        if (!fill(w)) return false;
    scale_reader_t r = scale_reader((bytes_t){w->bytes + w->start, 8}, NULL);
    *count           = scale_get_u64(&r);
    w->start += 8;
    return true;
}

typedef struct {
    account_id_t voters[VOTERS_MAX];
    uint32_t count;
    uint64_t set_id;
    bool has_set;
} voting_t;

static void ask_voting(void *self, rt_t *rt)
{
    voting_t *voting = self;
    bytes_t result;
    voting->count   = runtime_grandpa_authorities(rt, voting->voters, VOTERS_MAX);
    voting->has_set = runtime_api(rt, BYTES("GrandpaApi_current_set_id"), (bytes_t){0}, &result);
    if (!voting->has_set) return;
    scale_reader_t r = scale_reader(result, NULL);
    voting->set_id   = scale_get_u64(&r);
    voting->has_set  = scale_done(&r);
}

/* finalize makes an imported block final when its proof is good. */
static bool finalize(chain_t *chain, const chain_point_t *block, bytes_t justification)
{
    static voting_t voting;
    chain_point_t final = chain_finalized(chain);
    return chain_run(chain, &final.hash, ask_voting, &voting) == CHAIN_OK && voting.has_set &&
           voting.count <= VOTERS_MAX &&
           finality_check(justification, block, voting.voters, voting.count, voting.set_id) &&
           chain_finalize(chain, &block->hash, justification) == CHAIN_OK;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* import_one; false with the error written.  *is_new: it was not here before. */
static bool import_one(const cmd_t *cmd, chain_t *chain, const signed_block_t *block, bool *is_new)
{
    chain_point_t point;
    /* A development chain's time may be ahead of the clock. */
    uint64_t time_ms      = chainspec_is_for_trial(&cmd->spec) ? UINT64_MAX / 2 : now_ms();
    chain_status_t status = chain_import(chain, block->header, block->body, time_ms, &point);
    *is_new               = status == CHAIN_OK;
    if (status == CHAIN_KNOWN_BLOCK) return true;
    if (status != CHAIN_OK)
        return !cmd_fail(cmd, "block %u is refused: %s", block->number, chain_status_text(status));
    return block->justification.len == 0 || finalize(chain, &point, block->justification) ||
           !cmd_fail(cmd, "block %u is refused: its justification is not good", block->number);
}

static int import_all(cmd_t *cmd, chain_t *chain, window_t *w)
{
    uint64_t total, done = 0, new_count = 0;
    signed_block_t block;
    bool is_new;
    if (!read_count(w, &total)) return cmd_fail(cmd, "the file is empty");
    cmd_progress_t progress = cmd_progress("imported", "blocks", total);
    for (; done < total; done++) {
        cmd_progress_at(&progress, done);
        if (!next_block(w, &block))
            return cmd_fail(cmd, "block %llu of %llu in the file does not decode, or the file ends before it",
                            (unsigned long long)done + 1, (unsigned long long)total);
        if (!import_one(cmd, chain, &block, &is_new)) return 1;
        new_count += is_new;
    }
    cmd_progress_end(&progress, done);
    if (seen(w).len > 0 || fill(w)) return cmd_fail(cmd, "the file goes on after its last block");
    chain_point_t best = chain_best(chain);
    fprintf(stderr, "%llu new, %llu here before; best is #%u, finalized #%u\n", (unsigned long long)new_count,
            (unsigned long long)(done - new_count), best.number, chain_finalized(chain).number);
    return 0;
}

static int import_blocks(cmd_t *cmd)
{
    window_t w     = {.bytes = malloc(WINDOW_START), .cap = WINDOW_START};
    int code       = 1;
    w.file         = open_file(cmd, "re", stdin);
    chain_t *chain = w.file && w.bytes ? cmd_open(cmd, true) : NULL;
    if (chain) code = import_all(cmd, chain, &w);
    chain_free(chain);
    if (w.file && w.file != stdin) (void)fclose(w.file);
    free(w.bytes);
    return code;
}

const command_t cmd_import_blocks = {
    .name = "import-blocks",
    .help =
        "trellis-node import-blocks [FILE] - check, execute and keep the blocks of a file\n"
        "\n"
        "The file is one of export-blocks, Substrate's binary form.  A block with a justification becomes\n"
        "final.  Blocks that are here already are passed over, so that it can be started again.\n"
        "Without FILE, or with -, from standard input.  A new base path begins with the chain's genesis.\n"
        "\n"
        "  --binary                 accepted: the form is always the binary one\n",
    .switches  = " binary ",
    .values    = " ",
    .words_max = 1,
    .has_chain = true,
    .run       = import_blocks,
};
