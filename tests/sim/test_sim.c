/* test_sim.c - relays, peers and a chain under every fault, many histories long.
 *
 *     test_sim                  a few seeds
 *     test_sim --seeds N [--from M]   N of them
 *     test_sim --seed S [--trace]     one history again, and what happens in it
 *
 * Each history: chaos for a while (processes die at any event, machines lose their power and what their disks
 * had not synced, the network is cut, slow, and resets, disks are full, the chain takes blocks back), then
 * all is healed, and after a while every promise is looked at. */
#include "sim.h"
#include "sim_actors.h"
#include "sim_chain.h"
#include "sim_relay.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "e2e.h"
#include "log.h"

#define SECOND      UINT64_C(1000000)
#define CHAOS_US    (120 * SECOND)
#define SETTLE_US   (90 * SECOND)
#define BLOCK_US    (3 * SECOND)
#define RELAYS      3
#define NODES       2
#define SKEW_MS     1500
#define SEEDS_SHORT 20
#define ROGUE_TWIN  9

static const char *const domains[RELAYS]    = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
static const char *const nng_urls[RELAYS]   = {"tcp://10.0.0.1:4437", "tcp://10.0.0.2:4437",
                                               "tcp://10.0.0.3:4437"};
static const char *const web_urls[RELAYS]   = {"wss://10.0.0.1", "wss://10.0.0.2", "wss://10.0.0.3"};
static const char *const inbox_urls[RELAYS] = {"https://10.0.0.1/", "https://10.0.0.2/", "https://10.0.0.3/"};
static const char *const link_urls[2]       = {"ipc:///link1", "ipc:///link2"};
static const char *const links[2]           = {"10.0.0.2=ipc:///link2", "10.0.0.1=ipc:///link1"};
static const char *const stores[RELAYS]     = {"store1", "store2", "store3"};
static const char *const node_keys[NODES]   = {"node1:80", "node2:80"};
static const char *const node_urls[NODES]   = {"ws://node1:80", "ws://node2:80"};

static struct {
    sim_relay_t relays[RELAYS];
    machine_t *relay_machines[RELAYS], *node_machines[NODES], *rogue;
    bool is_calm;
} w;

/* ---- randomness of libsodium, of the seed too ---- */

static void no_log(void *self, const char *line)
{
    (void)self;
    sim_trace("log: %s", line);
}

static const char *sodium_name(void) { return "sim"; }
static uint32_t sodium_word(void) { return (uint32_t)sim_random(); }
static void sodium_fill(void *const out, const size_t len) { io_random(out, len); }
static randombytes_implementation from_seed = {sodium_name, sodium_word, NULL, NULL, sodium_fill, NULL};

/* ---- the chain's life ---- */

static rmb_twin_t twin_of(const actor_t *actor, const char *relay, bool has_pk)
{
    rmb_twin_t twin = {.id = actor->twin, .account = actor->key.account};
    uint8_t secret[32];
    snprintf(twin.relay, sizeof twin.relay, "%s", relay);
    twin.has_pk = has_pk && e2e_secret(&actor->key, secret, twin.pk);
    return twin;
}

/* A roaming actor's record goes round; a fickle one's key goes and comes back. */
static void change_some_twin(block_t *block)
{
    char both[64];
    const actor_t *actor = actor_at(sim_below(actor_count()));
    uint32_t a = sim_below(RELAYS), b = sim_below(RELAYS);
    rmb_twin_t twin;
    if (actor->is_disputed) return;
    const rmb_twin_t *now = chain_twin(block, actor->twin);
    snprintf(both, sizeof both, "%s_%s", domains[a], domains[b]);
    twin = twin_of(actor, actor->is_roaming ? (a == b ? domains[a] : both) : now->relay,
                   !actor->is_web && (!actor->is_fickle || sim_chance(500000)));
    chain_put(block, &twin);
}

/* Two actors want the same new twin: on one fork the one gets it, on the other fork the other. */
static void dispute(block_t *block)
{
    const actor_t *wanting[2] = {0};
    uint32_t count            = 0;
    for (uint32_t i = 0; i < actor_count(); i++)
        if (actor_at(i)->is_disputed && count < 2) wanting[count++] = actor_at(i);
    if (count == 0 || chain_twin(block, wanting[0]->twin)) return;
    rmb_twin_t twin = twin_of(wanting[sim_below(count)], domains[sim_below(RELAYS)], true);
    chain_put(block, &twin);
}

static block_t *grow(block_t *parent)
{
    block_t *block = chain_grow(parent);
    if (!w.is_calm && sim_chance(400000)) change_some_twin(block);
    if (!w.is_calm && sim_chance(300000)) dispute(block);
    chain_seal(block);
    return block;
}

static void on_block_time(void *self)
{
    block_t *parent = chain_best();
    uint32_t depth = !w.is_calm && sim_chance(200000) ? 1 + sim_below(4) : 0, back = 0;
    (void)self;
    while (back < depth && chain_parent(parent) && chain_number(parent) > 1) {
        parent = chain_parent(parent);
        back++;
    }
    if (back) sim_trace("the chain takes %u blocks back", back);
    for (uint32_t i = 0; i < back; i++)
        parent = grow(parent);
    chain_announce(grow(parent));
    sim_after(BLOCK_US, on_block_time, NULL);
}

/* ---- chaos ---- */

static void start_again(void *self)
{
    machine_t *machine = self;
    if (!machine_is_up(machine)) machine_start(machine);
}

static machine_t *some_machine(void)
{
    uint32_t at = sim_below(RELAYS * 3 + NODES + actor_count());
    if (at < RELAYS * 3) return w.relay_machines[at / 3];
    at -= RELAYS * 3;
    return at < NODES ? w.node_machines[at] : actor_at(at - NODES)->machine;
}

static void hurt_machine(void)
{
    machine_t *machine = some_machine();
    uint32_t how       = sim_below(10);
    if (!machine_is_up(machine)) return;
    if (how < 5)
        machine_doom(machine, sim_chance(400000));
    else if (how < 9)
        machine_kill(machine, sim_chance(400000));
    else
        machine_stop(machine);
    sim_after(sim_chance(700000) ? sim_below(3 * SECOND) + 100 : sim_below(20 * SECOND), start_again,
              machine);
}

/* A machine that is doomed dies when it next does something; this sees to its return. */
static void watch_doomed(void *self)
{
    (void)self;
    for (uint32_t i = 0; i < RELAYS + NODES + actor_count(); i++) {
        machine_t *machine = i < RELAYS           ? w.relay_machines[i]
                             : i < RELAYS + NODES ? w.node_machines[i - RELAYS]
                                                  : actor_at(i - RELAYS - NODES)->machine;
        if (!machine_is_up(machine) && (w.is_calm || sim_chance(200000))) machine_start(machine);
    }
    sim_after(5 * SECOND, watch_doomed, NULL);
}

static void join_again(void *self)
{
    uint64_t both = (uint64_t)(uintptr_t)self;
    net_partition((uint32_t)(both >> 16), (uint32_t)(both & 0xffff), false);
}

static void disk_again(void *self)
{
    (void)self;
    disk_set_full(false);
}

static void on_chaos(void *self)
{
    (void)self;
    if (w.is_calm) return;
    uint32_t what = sim_below(100);
    if (what < 35) {
        hurt_machine();
    } else if (what < 60) {
        net_break_one();
    } else if (what < 85) {
        uint32_t a = machine_index(some_machine()), b = machine_index(some_machine());
        if (a != b) {
            net_partition(a, b, true);
            sim_after(sim_below(30 * SECOND), join_again, (void *)(uintptr_t)((uint64_t)a << 16 | b));
        }
    } else if (what < 95) {
        net_set_delay(sim_chance(300000) ? 800 : sim_below(40));
    } else {
        disk_set_full(true);
        sim_after(sim_below(4 * SECOND), disk_again, NULL);
    }
    sim_after(sim_below(3 * SECOND), on_chaos, NULL);
}

static void heal(void)
{
    sim_trace("all is healed");
    w.is_calm = true;
    actors_quiet();
    net_heal();
    net_set_delay(20);
    disk_set_full(false);
    for (uint32_t i = 0; i < RELAYS; i++)
        start_again(w.relay_machines[i]);
    for (uint32_t i = 0; i < NODES; i++)
        start_again(w.node_machines[i]);
    for (uint32_t i = 0; i < actor_count(); i++)
        start_again(actor_at(i)->machine);
}

/* ---- the world ---- */

static void add_actors(void)
{
    static const char *const names[] = {"ann", "ben", "cat", "dan", "eve", "fay", "gil", "hal"};
    for (uint32_t i = 0; i < 8; i++) {
        actor_t actor = {
            .name = names[i], .twin = i + 1, .nodes = node_urls, .node_count = NODES, .relay_count = 1};
        actor.is_web      = i == 2 || i == 5;
        actor.is_fickle   = i == 3;
        actor.is_disputed = i >= 6;
        actor.is_roaming  = i == 4 || actor.is_disputed;
        if (actor.is_disputed) actor.twin = 7;
        if (key_from_seed((uint8_t[32]){(uint8_t)(i + 1), 7}, KEY_ED25519, &actor.key) != KEY_OK) abort();
        actor.relays[0] = actor.is_web ? web_urls[i % RELAYS] : nng_urls[i % RELAYS];
        for (uint32_t r = 0; r < RELAYS && (actor.is_roaming || actor.is_disputed); r++)
            actor.relays[r] = nng_urls[r];
        if (actor.is_roaming) actor.relay_count = RELAYS;
        machine_set_skew(actor_add(&actor)->machine, (int64_t)sim_below(2 * SKEW_MS) - SKEW_MS);
    }
}

static void start_world(uint64_t seed)
{
    memset(&w, 0, sizeof w);
    sim_start(seed);
    net_start(actors_lost);
    disk_start();
    chain_start();
    actors_start();
    net_set_delay(10);
    for (uint32_t i = 0; i < NODES; i++)
        w.node_machines[i] = machine_new(node_keys[i], &(program_t){chain_node(node_keys[i]).start,
                                                                    chain_node(node_keys[i]).stop,
                                                                    chain_node(node_keys[i]).self});
    for (uint32_t i = 0; i < RELAYS; i++) {
        w.relays[i] = (sim_relay_t){.domain     = domains[i],
                                    .nng        = nng_urls[i],
                                    .store      = stores[i],
                                    .nodes      = node_urls,
                                    .node_count = NODES};
        if (i < 2) { /* the first two are of one operator */
            w.relays[i].link_listen                     = link_urls[i];
            w.relays[i].links[w.relays[i].link_count++] = links[i];
        }
        program_t program   = sim_relay_program(&w.relays[i]);
        w.relay_machines[i] = machine_new(domains[i], &program);
        machine_set_skew(w.relay_machines[i], (int64_t)sim_below(2 * SKEW_MS) - SKEW_MS);
    }
    add_actors();
    block_t *genesis = chain_best();
    chain_seal(genesis);
    block_t *first = chain_grow(genesis);
    for (uint32_t i = 0; i < 6; i++) {
        rmb_twin_t twin = twin_of(actor_at(i), domains[i % RELAYS], !actor_at(i)->is_web);
        chain_put(first, &twin);
    }
    keypair_t rogue;
    if (key_from_seed((uint8_t[32]){99}, KEY_ED25519, &rogue) != KEY_OK) abort();
    rmb_twin_t bad = {.id = ROGUE_TWIN, .account = rogue.account};
    snprintf(bad.relay, sizeof bad.relay, "%s", domains[0]);
    w.rogue = rogue_new(&rogue, ROGUE_TWIN, nng_urls[0], inbox_urls, RELAYS);
    chain_put(first, &bad);
    chain_seal(first);
    chain_announce(first);
    for (uint32_t i = 0; i < NODES; i++)
        machine_start(w.node_machines[i]);
    for (uint32_t i = 0; i < RELAYS; i++)
        machine_start(w.relay_machines[i]);
    for (uint32_t i = 0; i < actor_count(); i++)
        machine_start(actor_at(i)->machine);
    machine_start(w.rogue);
}

static void end_world(void)
{
    sim_end();
    rogue_end();
    chain_end();
    disk_end();
    net_end();
}

/* ---- what must be true of relays ---- */

static uint32_t check_relays(void)
{
    uint32_t broken = 0;
    for (uint32_t i = 0; i < RELAYS; i++) {
        relay_stats_t stats;
        if (!machine_is_up(w.relay_machines[i])) continue;
        sim_relay_stats(w.relay_machines[i], &stats);
        uint32_t rows = disk_rows(stores[i], "mo");
        if (rows == stats.stored_count) continue;
        printf("BROKEN: relay %s counts %llu messages that wait, its disk has %u\n", domains[i],
               (unsigned long long)stats.stored_count, rows);
        broken++;
    }
    return broken;
}

static uint32_t broken_rows;
static void on_check(void *self)
{
    (void)self;
    if (broken_rows == 0) broken_rows += check_relays();
    sim_after(SECOND, on_check, NULL);
}

typedef struct {
    uint64_t events;
    actors_stats_t stats;
} history_t;

static uint32_t run_history(uint64_t seed, history_t *history)
{
    start_world(seed);
    broken_rows = 0;
    sim_after(BLOCK_US, on_block_time, NULL);
    sim_after(6 * SECOND, on_chaos, NULL);
    sim_after(5 * SECOND, watch_doomed, NULL);
    sim_after(SECOND / 2, on_check, NULL);
    sim_run(CHAOS_US);
    heal();
    sim_run(CHAOS_US + SETTLE_US);
    net_tell_lost();
    uint32_t broken = actors_check() + broken_rows;
    actors_stats(&history->stats);
    history->events = sim_events();
    end_world();
    return broken;
}

static uint64_t seeds = SEEDS_SHORT, from = 1;

static bool run_seed(uint64_t seed)
{
    history_t history       = {0};
    uint32_t broken         = run_history(seed, &history);
    const actors_stats_t *s = &history.stats;
    if (broken || sim_is_traced || seeds <= SEEDS_SHORT)
        printf("seed %llu: %llu events, %u notes, %u safe, %u handled, %u answered, %u again, %u excused%s\n",
               (unsigned long long)seed, (unsigned long long)history.events, s->notes, s->safe, s->handled,
               s->answered, s->again, s->excused, broken ? ": BROKEN" : "");
    return broken == 0;
}

int main(int argc, char **argv)
{
    uint64_t only = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            sim_is_traced = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            only = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
            seeds = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
            from = strtoull(argv[++i], NULL, 0);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!log_filter(sim_is_traced ? "info,peer=debug" : "error")) return 2;
    log_tap(no_log, NULL);
    randombytes_set_implementation(&from_seed);
    if (!crypto_init()) return 2;
    if (only) {
        failed = !run_seed(only);
        seeds  = 1;
    } else {
        for (uint64_t seed = from; seed < from + seeds; seed++)
            if (!run_seed(seed)) {
                failed++;
                printf("again with --seed %llu --trace\n", (unsigned long long)seed);
            }
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)(seeds - failed), (unsigned long long)failed);
    return failed != 0;
}
