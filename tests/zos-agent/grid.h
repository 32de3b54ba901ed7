/* grid.h - a real chain under the agent's core: blocks are made when the test says, and may be unmade.
 *
 * A trellis-node with manual sealing.  Its time goes on by a slot with each block, so an hour is done in a
 * few seconds; a block is final at once, but for those of grid_fork. */
#ifndef GRID_H
#define GRID_H
#include "chain_internal.h"
#include "files.h"
#include "keyring.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRID_WAIT_MS   60000
#define GRID_BLOCK_MS  40 /* between two blocks, where nothing hurries */
#define GRID_FORK_MAX  3
#define GRID_TFT       UINT64_C(10000000)
#define GRID_ARENA_LEN (4u << 20)

extern char **environ;

static pid_t grid_node;
static char grid_url[64], grid_other_url[64]; /* the other: of a second node, or "" */
static char grid_third_url[64];               /* behind the other, or "" */
static const char *grid_chain = "dev";        /* that nodes are started on */
static const hash_t *grid_genesis;            /* of the only chain that is taken; NULL: of any */
static uint64_t grid_timeout_ms;              /* of each question; 0: the client's default */
static io_t *grid_io;
static client_t *grid_client;
static uint64_t grid_made_ms; /* when the last block was made */
static uint32_t grid_forks;
static uint8_t grid_memory[GRID_ARENA_LEN];

static inline void grid_end(void)
{
    if (grid_node > 0) {
        (void)kill(grid_node, SIGTERM);
        (void)waitpid(grid_node, NULL, 0);
    }
    grid_node = 0;
}

/* grid_spawn starts a node; -1 when it cannot be started.  A folder that has a chain goes on with it. */
static inline pid_t grid_spawn(const char *program, const char *folder, uint16_t port)
{
    char path[PATH_CAP], log[PATH_CAP], text[16], chain[PATH_CAP];
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    snprintf(text, sizeof text, "%u", (unsigned)port);
    if (!path_join(path, "%s", program) || !path_join(log, "%s/node.log", folder) ||
        !path_join(chain, "%s/chain", folder) || !folder_make(folder, 0755))
        return -1;
    char kind[16];
    snprintf(kind, sizeof kind, "%s", grid_chain);
    char *const words[] = {path,
                           (char[]){"--chain"},
                           kind,
                           (char[]){"--alice"},
                           (char[]){"--bob"},
                           (char[]){"--base-path"},
                           chain,
                           (char[]){"--sealing"},
                           (char[]){"manual"},
                           (char[]){"--rpc-port"},
                           text,
                           (char[]){"--state-pruning"},
                           (char[]){"archive"},
                           (char[]){"--no-prometheus"},
                           NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (posix_spawn(&pid, path, &actions, NULL, words, environ) != 0) pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static inline bool grid_start(const char *program, const char *folder, uint16_t port)
{
    snprintf(grid_url, sizeof grid_url, "ws://127.0.0.1:%u", (unsigned)port);
    grid_node = grid_spawn(program, folder, port);
    return grid_node > 0;
}

static inline bool grid_connect(void)
{
    grid_io     = io_new();
    grid_client = client_new(&(client_config_t){
        .io         = grid_io,
        .urls       = {grid_url, grid_other_url, grid_third_url},
        .url_count  = grid_third_url[0]   ? 3u
                      : grid_other_url[0] ? 2u
                                          : 1u,
        .timeout_ms = grid_timeout_ms,
        .genesis    = grid_genesis,
    });
    return grid_client && client_connect_wait(grid_client).status == CLIENT_OK;
}

static inline void grid_disconnect(void)
{
    client_free(grid_client);
    io_free(grid_io);
    grid_client = NULL;
    grid_io     = NULL;
}

/* ---- blocks ---- */

/* grid_block makes a block; parent "" is the best one.  Writes its hash, 0x and 64 digits, if made is given.
 */
static inline bool grid_block(bool is_final, const char *parent, char made[67])
{
    char params[128];
    json_t *result = NULL;
    snprintf(params, sizeof params, parent[0] ? "[true,%s,\"%s\"]" : "[true,%s]", is_final ? "true" : "false",
             parent);
    client_error_t error = client_rpc_wait(grid_client, "engine_createBlock", params, &result);
    const char *hash     = json_string_value(json_object_get(result, "hash"));
    if (made) snprintf(made, 67, "%s", hash ? hash : "");
    bool is_made = hash != NULL;
    json_decref(result);
    grid_made_ms = io_ticks_ms(grid_io);
    return is_made && error.status == CLIENT_OK;
}

static inline void grid_step(uint64_t most_ms) { io_step(grid_io, most_ms); }

/* grid_goes_on is to be called again and again: the loop moves, and now and then there is a block. */
static inline void grid_goes_on(void)
{
    for (int i = 0; i < 4; i++)
        grid_step(0);
    if (io_ticks_ms(grid_io) - grid_made_ms >= GRID_BLOCK_MS) (void)grid_block(true, "", NULL);
}

/* grid_hurry makes a block at once, and lets everybody hear of it. */
static inline void grid_hurry(void)
{
    (void)grid_block(true, "", NULL);
    for (int i = 0; i < 4; i++)
        grid_step(1);
}

/* grid_fork: some blocks are made and heard of, then others in their place. */
static inline bool grid_fork(uint32_t depth)
{
    char root[67] = "", at[67];
    json_t *best  = NULL;
    if (client_rpc_wait(grid_client, "chain_getBlockHash", "[]", &best).status != CLIENT_OK) return false;
    snprintf(root, sizeof root, "%s", json_string_value(best) ? json_string_value(best) : "");
    json_decref(best);
    for (uint32_t i = 0; i < depth; i++) {
        if (!grid_block(false, "", NULL)) return false;
        for (int k = 0; k < 6; k++)
            grid_step(2);
    }
    snprintf(at, sizeof at, "%s", root);
    for (uint32_t i = 0; i <= depth; i++)
        if (!grid_block(false, at, at)) return false;
    for (int k = 0; k < 6; k++)
        grid_step(2);
    grid_forks++;
    return grid_block(true, "", NULL);
}

/* ---- state ---- */

static inline scale_writer_t grid_blank(void)
{
    static uint8_t room[4096];
    return scale_writer(room, sizeof room);
}

static inline bytes_t grid_value(const scale_writer_t *key, const hash_t *at, arena_t *arena)
{
    bytes_t value = {0};
    *arena        = (arena_t){.start = grid_memory, .size = sizeof grid_memory};
    (void)client_storage_wait(grid_client, scale_written(key), at, arena, &value);
    return value;
}

static inline uint64_t grid_number(const scale_writer_t *key, const hash_t *at)
{
    arena_t arena;
    bytes_t value    = grid_value(key, at, &arena);
    scale_reader_t r = scale_reader(value, NULL);
    return value.len == 8 ? scale_get_u64(&r) : value.len == 4 ? scale_get_u32(&r) : 0;
}

static inline uint64_t grid_now_s(const hash_t *at)
{
    scale_writer_t key = grid_blank();
    timestamp_now_key(&key);
    return grid_number(&key, at) / 1000;
}

static inline uint32_t grid_twin(const keypair_t *key)
{
    scale_writer_t w = grid_blank();
    tfgrid_twin_id_by_account_id_key(&w, &key->account);
    return (uint32_t)grid_number(&w, NULL);
}

static inline u128_t grid_free(const account_id_t *who, const hash_t *at)
{
    arena_t arena;
    system_account_info_t info = {0};
    scale_writer_t key         = grid_blank();
    system_account_key(&key, who);
    bytes_t value    = grid_value(&key, at, &arena);
    scale_reader_t r = scale_reader(value, &arena);
    if (value.data) system_account_info_decode(&r, &info);
    return value.data && scale_done(&r) ? info.data.free : 0;
}

/* ---- calls ---- */

static char grid_why[CLIENT_ERROR_MAX + 1]; /* what grid_send was last refused for */

typedef struct {
    bool is_sent, is_told, is_success;
} grid_told_t;

static inline void grid_forget(void *context, const client_outcome_t *outcome)
{
    (void)context;
    (void)outcome;
}

static inline void grid_on_told(void *context, const client_outcome_t *outcome)
{
    grid_told_t *told = context;
    told->is_sent     = true;
    if (!outcome->is_last) return;
    told->is_told    = true;
    told->is_success = client_outcome_text(outcome, grid_why, sizeof grid_why) == CLIENT_OK;
}

/* grid_send waits until a call is final, and makes the blocks for it. */
static inline bool grid_send(const keypair_t *key, const scale_writer_t *call)
{
    static grid_told_t told;
    client_submit_t submit = {.key = key, .call = scale_written(call), .until_final = true};
    uint64_t end_ms        = io_ticks_ms(grid_io) + GRID_WAIT_MS;
    told                   = (grid_told_t){0};
    snprintf(grid_why, sizeof grid_why, "not in a block in time");
    uint64_t ticket = client_submit(grid_client, &submit, grid_on_told, &told);
    while (!told.is_told && io_ticks_ms(grid_io) < end_ms) {
        grid_step(2);
        if (told.is_sent && io_ticks_ms(grid_io) - grid_made_ms >= 5) (void)grid_block(true, "", NULL);
    }
    if (!told.is_told) client_cancel(grid_client, ticket);
    if (!told.is_success) printf("call refused: %s\n", grid_why);
    return told.is_success;
}

static inline bool grid_pay(const keypair_t *from, const keypair_t *to, uint64_t amount)
{
    scale_writer_t w             = grid_blank();
    support_multi_address_t dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = to->account};
    balances_transfer_allow_death_call_encode(
        &w, &(balances_transfer_allow_death_args_t){.dest = dest, .value = amount});
    return grid_send(from, &w);
}

/* grid_drain takes all that an account can give and live on. */
static inline bool grid_drain(const keypair_t *from, const keypair_t *to)
{
    scale_writer_t w             = grid_blank();
    support_multi_address_t dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = to->account};
    balances_transfer_all_call_encode(&w, &(balances_transfer_all_args_t){.dest = dest, .keep_alive = true});
    return grid_send(from, &w);
}

static inline bool grid_make_twin(const keypair_t *key)
{
    scale_writer_t terms = grid_blank();
    tfgrid_user_accept_tc_call_encode(&terms, &(tfgrid_user_accept_tc_args_t){BYTES("http://a"), BYTES("x")});
    if (!grid_send(key, &terms)) return false;
    scale_writer_t twin = grid_blank();
    tfgrid_create_twin_call_encode(&twin, &(tfgrid_create_twin_args_t){
                                              {true,  BYTES("grid.local")},
                                              {false, {0}                }
    });
    return grid_send(key, &twin);
}

static inline bool grid_make_farm(const keypair_t *key, uint32_t *farm_id)
{
    scale_writer_t w = grid_blank();
    tfgrid_create_farm_call_encode(&w, &(tfgrid_create_farm_args_t){.name = BYTES("soak-farm")});
    if (!grid_send(key, &w)) return false;
    w = grid_blank();
    tfgrid_farm_id_key(&w);
    *farm_id = (uint32_t)grid_number(&w, NULL);
    return *farm_id != 0;
}

#endif
