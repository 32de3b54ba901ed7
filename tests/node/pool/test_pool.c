/* test_pool.c - the pool on a real development chain: queues, replacement, bans, blocks, forks, finality. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"
#include "finality.h"
#include "pool.h"

#define NOW UINT64_C(1700000000000)

/* ---- a chain whose author takes from a pool ---- */

typedef struct {
    world_t world;
    pool_t *pool;
    keypair_t poor; /* who has nothing */
    int ready_calls;
} field_t;

static void count_ready(void *self) { ((field_t *)self)->ready_calls++; }

static bool field_start(field_t *f)
{
    memset(f, 0, sizeof *f);
    if (!world_start(&f->world, 0)) return false;
    author_free(f->world.author);
    f->pool                  = pool_new(f->world.chain);
    author_options_t options = {
        .sealing = SEALING_MANUAL, .pair = f->world.alice.sr25519, .source = pool_source(f->pool)};
    f->world.author = author_new(f->world.chain, &options);
    pool_on_ready(f->pool, count_ready, f);
    return key_from_suri("//Nobody", KEY_SR25519, &f->poor) == KEY_OK;
}

static void field_stop(field_t *f)
{
    pool_free(f->pool);
    world_stop(&f->world);
}

/* What a signature covers besides the call. */
typedef struct {
    uint32_t nonce;
    uint64_t tip;
    uint16_t era; /* as encoded; 0: immortal */
    hash_t birth;
    bool is_forged;
    const keypair_t *to; /* NULL: Bob */
} signing_t;

static bytes_t sign(field_t *f, const keypair_t *who, const signing_t *s, uint64_t amount, uint8_t *room)
{
    uint8_t payload[EXTRINSIC_MOST], inner[EXTRINSIC_MOST];
    hash_t genesis   = chain_genesis(f->world.chain).hash;
    scale_writer_t w = scale_writer(payload, sizeof payload);
    scale_put_u8(&w, 20);
    scale_put_u8(&w, 3); /* Balances.transfer_keep_alive */
    scale_put_u8(&w, 0);
    scale_put_account_id(&w, s->to ? &s->to->account : &f->world.bob.account);
    scale_put_compact(&w, amount);
    uint32_t call_len = w.len;
    if (s->era)
        scale_put_u16(&w, s->era);
    else
        scale_put_u8(&w, 0);
    scale_put_compact(&w, s->nonce);
    scale_put_compact(&w, s->tip);
    uint32_t extra_end = w.len;
    scale_put_u32(&w, spec_version(f->world.chain));
    scale_put_u32(&w, 2);
    scale_put_hash(&w, &genesis);
    scale_put_hash(&w, s->era ? &s->birth : &genesis);
    signature_t signature;
    key_sign(who, scale_written(&w), &signature);
    if (s->is_forged) signature.b[7] ^= 1;
    scale_writer_t i = scale_writer(inner, sizeof inner);
    scale_put_u8(&i, 0x84);
    scale_put_u8(&i, 0);
    scale_put_account_id(&i, &who->account);
    scale_put_u8(&i, KEY_SR25519);
    scale_put_raw(&i, signature.b, 64);
    scale_put_raw(&i, payload + call_len, extra_end - call_len);
    scale_put_raw(&i, payload, call_len);
    scale_writer_t out = scale_writer(room, EXTRINSIC_MOST);
    scale_put_bytes(&out, scale_written(&i));
    return scale_written(&out);
}

/* ---- a watcher that writes down what it hears ---- */

typedef struct {
    char heard[256]; /* "ready inBlock ..." */
    hash_t block;
} ear_t;

static void hear(void *self, pool_event_t event, const hash_t *block, uint32_t index)
{
    static const char *const names[] = {"future",    "ready",   "inBlock", "retracted",
                                        "finalized", "usurped", "dropped", "invalid"};
    ear_t *ear                       = self;
    size_t len                       = strlen(ear->heard);
    if (event == POOL_IN_BLOCK)
        snprintf(ear->heard + len, sizeof ear->heard - len, "%s%s[%u]", len ? " " : "", names[event], index);
    else
        snprintf(ear->heard + len, sizeof ear->heard - len, "%s%s", len ? " " : "", names[event]);
    if (block) ear->block = *block;
}

static bool heard(const ear_t *ear, const char *what)
{
    if (strcmp(ear->heard, what) != 0) printf("heard: %s\n", ear->heard);
    return strcmp(ear->heard, what) == 0;
}

typedef struct {
    pool_status_t status;
    validity_t validity;
    hash_t hash;
} answer_t;

static answer_t submit_bytes(field_t *f, bytes_t extrinsic, uint64_t now_ms, ear_t *ear)
{
    answer_t a;
    if (ear) memset(ear, 0, sizeof *ear);
    a.status = pool_submit(f->pool, extrinsic, SOURCE_EXTERNAL, now_ms, ear ? hear : NULL, ear, &a.hash,
                           &a.validity);
    return a;
}

static answer_t submit(field_t *f, const keypair_t *who, uint32_t nonce, uint64_t tip, ear_t *ear)
{
    uint8_t room[EXTRINSIC_MOST];
    return submit_bytes(f, sign(f, who, &(signing_t){.nonce = nonce, .tip = tip}, 1000, room), NOW, ear);
}

static bool build_on(field_t *f, const hash_t *parent, chain_point_t *block)
{
    chain_point_t ignored;
    bool is_made = author_create(f->world.author, NOW, true, parent, block ? block : &ignored) == AUTHOR_OK;
    pool_tick(f->pool, NOW);
    return is_made;
}

static uint32_t ready(field_t *f) { return pool_counters(f->pool).ready; }
static uint32_t future(field_t *f) { return pool_counters(f->pool).future; }

/* ---- the tests ---- */

TEST(an_extrinsic_goes_from_ready_to_finalized)
{
    field_t f;
    ear_t ear;
    chain_point_t block;
    OK(field_start(&f));
    OK(submit(&f, &f.world.alice, 0, 0, &ear).status == POOL_OK);
    EQ(f.ready_calls, 1);
    EQ(pool_next_nonce(f.pool, &f.world.alice.account), 1);
    OK(build_on(&f, NULL, &block));
    OK(memcmp(ear.block.b, block.hash.b, 32) == 0);
    EQ(ready(&f), 0);
    EQ(pool_next_nonce(f.pool, &f.world.alice.account), 1);
    OK(chain_finalize(f.world.chain, &block.hash, (bytes_t){0}) == CHAIN_OK);
    OK(pool_has_work(f.pool));
    pool_tick(f.pool, NOW);
    OK(!pool_has_work(f.pool));
    OK(heard(&ear, "ready inBlock[1] finalized"));
    field_stop(&f);
}

TEST(a_later_nonce_waits_for_the_one_before)
{
    field_t f;
    ear_t ears[4];
    OK(field_start(&f));
    OK(submit(&f, &f.world.alice, 3, 0, &ears[3]).status == POOL_OK);
    OK(submit(&f, &f.world.alice, 1, 0, &ears[1]).status == POOL_OK);
    OK(submit(&f, &f.world.alice, 2, 0, &ears[2]).status == POOL_OK);
    EQ(future(&f), 3);
    EQ(pool_next_nonce(f.pool, &f.world.alice.account), 0);
    OK(submit(&f, &f.world.alice, 0, 0, &ears[0]).status == POOL_OK);
    EQ(ready(&f), 4);
    EQ(pool_next_nonce(f.pool, &f.world.alice.account), 4);
    OK(build_on(&f, NULL, NULL));
    OK(heard(&ears[0], "ready inBlock[1]") && heard(&ears[1], "future ready inBlock[2]"));
    OK(heard(&ears[2], "future ready inBlock[3]") && heard(&ears[3], "future ready inBlock[4]"));
    field_stop(&f);
}

TEST(a_future_one_becomes_ready_when_the_chain_provides_what_it_waits_for)
{
    field_t f;
    ear_t first, second;
    OK(field_start(&f));
    OK(submit(&f, &f.world.alice, 0, 0, &first).status == POOL_OK);
    OK(build_on(&f, NULL, NULL));
    OK(submit(&f, &f.world.alice, 2, 0, &second).status == POOL_OK);
    EQ(future(&f), 1);
    OK(submit(&f, &f.world.alice, 1, 0, NULL).status == POOL_OK);
    EQ(ready(&f), 2);
    OK(build_on(&f, NULL, NULL));
    OK(heard(&second, "future ready inBlock[2]"));
    field_stop(&f);
}

TEST(refusals_say_why_and_are_banned)
{
    field_t f;
    uint8_t room[EXTRINSIC_MOST];
    OK(field_start(&f));
    bytes_t same = sign(&f, &f.poor, &(signing_t){0}, 1000, room);
    answer_t a   = submit_bytes(&f, same, NOW, NULL);
    EQ(a.status, POOL_INVALID);
    EQ(a.validity, INVALID_PAYMENT);
    EQ(submit_bytes(&f, same, NOW, NULL).status, POOL_BANNED);
    EQ(submit_bytes(&f, same, NOW + POOL_BAN_MS, NULL).status, POOL_INVALID);
    a = submit_bytes(&f, sign(&f, &f.world.alice, &(signing_t){.is_forged = true}, 1, room), NOW, NULL);
    EQ(a.validity, INVALID_BAD_PROOF);
    EQ(submit_bytes(&f, BYTES("\x0c\x84\x00\x01"), NOW, NULL).status, POOL_MALFORMED);
    EQ(submit_bytes(&f, BYTES("\x10\x84\x00\x01"), NOW, NULL).status, POOL_MALFORMED);
    EQ(submit_bytes(&f, (bytes_t){0}, NOW, NULL).status, POOL_MALFORMED);
    same = sign(&f, &f.world.alice, &(signing_t){0}, 1000, room);
    EQ(submit_bytes(&f, same, NOW, NULL).status, POOL_OK);
    EQ(submit_bytes(&f, same, NOW, NULL).status, POOL_KNOWN);
    OK(build_on(&f, NULL, NULL));
    a = submit(&f, &f.world.alice, 0, 5, NULL);
    EQ(a.status, POOL_INVALID);
    EQ(a.validity, INVALID_STALE);
    EQ(pool_counters(f.pool).refused, 5);
    field_stop(&f);
}

TEST(a_higher_tip_replaces_and_a_lower_one_does_not)
{
    field_t f;
    ear_t low, high, next;
    OK(field_start(&f));
    OK(submit(&f, &f.world.alice, 0, 10, &low).status == POOL_OK);
    OK(submit(&f, &f.world.alice, 1, 0, &next).status == POOL_OK);
    EQ(submit(&f, &f.world.alice, 0, 9, NULL).status, POOL_LOW_PRIORITY);
    answer_t a = submit(&f, &f.world.alice, 0, 100000, &high);
    EQ(a.status, POOL_OK);
    OK(heard(&low, "ready usurped"));
    OK(memcmp(low.block.b, a.hash.b, 32) == 0);
    EQ(ready(&f), 2);
    OK(build_on(&f, NULL, NULL));
    OK(heard(&high, "ready inBlock[1]") && heard(&next, "ready inBlock[2]"));
    field_stop(&f);
}

TEST(of_two_future_ones_of_a_nonce_the_better_stays)
{
    field_t f;
    ear_t low, high;
    OK(field_start(&f));
    OK(submit(&f, &f.world.alice, 1, 5, &low).status == POOL_OK);
    OK(submit(&f, &f.world.alice, 1, 100000, &high).status == POOL_OK);
    EQ(future(&f), 2);
    OK(submit(&f, &f.world.alice, 0, 0, NULL).status == POOL_OK);
    EQ(ready(&f), 2);
    EQ(future(&f), 0);
    OK(build_on(&f, NULL, NULL));
    OK(heard(&high, "future ready inBlock[2]"));
    OK(strcmp(low.heard, "future ready usurped") == 0 || strcmp(low.heard, "future invalid") == 0);
    field_stop(&f);
}

static void note_order(void *self, const hash_t *hash, bytes_t extrinsic, bool is_ready)
{
    (void)extrinsic, (void)is_ready;
    hash_t **at = self;
    *(*at)++    = *hash;
}

TEST(higher_tips_come_first_but_never_before_what_they_need)
{
    field_t f;
    hash_t order[4], *at = order;
    OK(field_start(&f));
    answer_t a0 = submit(&f, &f.world.alice, 0, 0, NULL), a1 = submit(&f, &f.world.alice, 1, 900000, NULL);
    answer_t b0 = submit(&f, &f.world.bob, 0, 500000, NULL), b1 = submit(&f, &f.world.bob, 1, 0, NULL);
    pool_each(f.pool, note_order, &at);
    EQ(at - order, 4);
    OK(memcmp(&order[0], &b0.hash, 32) == 0);
    OK(memcmp(&order[1], &a0.hash, 32) == 0 || memcmp(&order[1], &b1.hash, 32) == 0);
    size_t place_a0 = 0, place_a1 = 0;
    for (size_t i = 0; i < 4; i++) {
        if (memcmp(&order[i], &a0.hash, 32) == 0) place_a0 = i;
        if (memcmp(&order[i], &a1.hash, 32) == 0) place_a1 = i;
    }
    EQ(place_a1, place_a0 + 1);
    field_stop(&f);
}

TEST(what_a_lost_fork_held_is_included_in_the_other_or_waits_again)
{
    field_t f;
    ear_t both, alone;
    uint8_t first[EXTRINSIC_MOST], second[EXTRINSIC_MOST];
    chain_point_t a1, b1, b2;
    OK(field_start(&f));
    hash_t genesis   = chain_genesis(f.world.chain).hash;
    bytes_t of_both  = sign(&f, &f.world.alice, &(signing_t){.nonce = 0}, 1, first);
    bytes_t of_alone = sign(&f, &f.world.bob, &(signing_t){.nonce = 0}, 2, second);
    OK(submit_bytes(&f, of_both, NOW, &both).status == POOL_OK);
    OK(submit_bytes(&f, of_alone, NOW, &alone).status == POOL_OK);
    OK(build_on(&f, NULL, &a1));
    /* another author's fork holds only the first */
    author_options_t options = {
        .sealing = SEALING_MANUAL, .pair = f.world.alice.sr25519, .source = world_source(&f.world)};
    author_t *other = author_new(f.world.chain, &options);
    pool_add(&f.world, of_both);
    OK(author_create(other, NOW + 60000, true, &genesis, &b1) == AUTHOR_OK);
    f.world.pool->count = 0;
    OK(author_create(other, NOW + 60000, true, &b1.hash, &b2) == AUTHOR_OK);
    pool_tick(f.pool, NOW);
    chain_point_t now_best = chain_best(f.world.chain);
    OK(memcmp(&now_best.hash, &b2.hash, 32) == 0);
    OK(heard(&both, "ready inBlock[1] retracted inBlock[1]"));
    OK(memcmp(&both.block, &b1.hash, 32) == 0);
    OK(heard(&alone, "ready inBlock[2] retracted ready"));
    EQ(ready(&f), 1);
    EQ(pool_next_nonce(f.pool, &f.world.bob.account), 1);
    OK(build_on(&f, NULL, NULL));
    chain_point_t best = chain_best(f.world.chain);
    OK(chain_finalize(f.world.chain, &best.hash, (bytes_t){0}) == CHAIN_OK);
    pool_tick(f.pool, NOW);
    OK(heard(&both, "ready inBlock[1] retracted inBlock[1] finalized"));
    OK(heard(&alone, "ready inBlock[2] retracted ready inBlock[1] finalized"));
    author_free(other);
    field_stop(&f);
}

TEST(a_fork_that_finalizing_another_dropped_is_retracted)
{
    field_t f;
    ear_t both, alone;
    uint8_t first[EXTRINSIC_MOST], second[EXTRINSIC_MOST];
    chain_point_t a1, b1;
    OK(field_start(&f));
    hash_t genesis   = chain_genesis(f.world.chain).hash;
    bytes_t of_both  = sign(&f, &f.world.alice, &(signing_t){.nonce = 0}, 1, first);
    bytes_t of_alone = sign(&f, &f.world.bob, &(signing_t){.nonce = 0}, 2, second);
    OK(submit_bytes(&f, of_both, NOW, &both).status == POOL_OK);
    OK(submit_bytes(&f, of_alone, NOW, &alone).status == POOL_OK);
    OK(build_on(&f, NULL, &a1));
    OK(build_on(&f, NULL, NULL));
    author_options_t options = {
        .sealing = SEALING_MANUAL, .pair = f.world.alice.sr25519, .source = world_source(&f.world)};
    author_t *other = author_new(f.world.chain, &options);
    pool_add(&f.world, of_both);
    OK(author_create(other, NOW + 60000, true, &genesis, &b1) == AUTHOR_OK);
    OK(chain_finalize(f.world.chain, &b1.hash, (bytes_t){0}) == CHAIN_OK);
    pool_tick(f.pool, NOW);
    chain_point_t best = chain_best(f.world.chain);
    OK(memcmp(&best.hash, &b1.hash, 32) == 0);
    OK(heard(&both, "ready inBlock[1] retracted inBlock[1] finalized"));
    OK(heard(&alone, "ready inBlock[2] retracted ready"));
    OK(build_on(&f, NULL, NULL));
    OK(heard(&alone, "ready inBlock[2] retracted ready inBlock[1]"));
    author_free(other);
    field_stop(&f);
}

TEST(an_era_that_ends_takes_its_extrinsic_along)
{
    field_t f;
    ear_t ear, next;
    uint8_t room[EXTRINSIC_MOST];
    OK(field_start(&f));
    hash_t genesis   = chain_genesis(f.world.chain).hash;
    signing_t mortal = {.nonce = 1, .era = 0x0001, .birth = genesis}; /* period 4, phase 0 */
    OK(submit_bytes(&f, sign(&f, &f.world.alice, &mortal, 1, room), NOW, &ear).status == POOL_OK);
    OK(submit(&f, &f.world.alice, 2, 0, &next).status == POOL_OK);
    for (int i = 0; i < 4; i++)
        OK(build_on(&f, NULL, NULL));
    OK(heard(&ear, "future invalid"));
    OK(heard(&next, "future"));
    mortal.nonce = 0;
    EQ(submit_bytes(&f, sign(&f, &f.world.alice, &mortal, 1, room), NOW, NULL).validity,
       INVALID_BAD_PROOF); /* its birth would be another now */
    field_stop(&f);
}

TEST(what_can_no_longer_be_paid_falls_out)
{
    field_t f;
    ear_t first, second;
    uint8_t room[EXTRINSIC_MOST];
    OK(field_start(&f));
    signing_t gift = {.to = &f.poor}, spend = {.nonce = 0}, late = {.nonce = 1, .tip = 30000000};
    OK(submit_bytes(&f, sign(&f, &f.world.alice, &gift, 50000000, room), NOW, NULL).status == POOL_OK);
    OK(build_on(&f, NULL, NULL));
    OK(submit_bytes(&f, sign(&f, &f.poor, &spend, 30000000, room), NOW, &first).status == POOL_OK);
    bytes_t last = sign(&f, &f.poor, &late, 1, room);
    EQ(submit_bytes(&f, last, NOW, &second).status, POOL_OK);
    OK(build_on(&f, NULL, NULL));
    OK(heard(&first, "ready inBlock[1]") && heard(&second, "ready invalid"));
    EQ(pool_counters(f.pool).ready, 0);
    EQ(submit_bytes(&f, last, NOW, NULL).status, POOL_BANNED);
    field_stop(&f);
}

TEST(one_that_is_removed_is_banned_and_its_dependents_wait)
{
    field_t f;
    ear_t first, second;
    OK(field_start(&f));
    uint8_t room[EXTRINSIC_MOST];
    bytes_t bytes = sign(&f, &f.world.alice, &(signing_t){0}, 1, room);
    answer_t a    = submit_bytes(&f, bytes, NOW, &first);
    OK(submit(&f, &f.world.alice, 1, 0, &second).status == POOL_OK);
    OK(pool_remove(f.pool, &a.hash, NOW));
    OK(!pool_remove(f.pool, &a.hash, NOW));
    OK(heard(&first, "ready invalid") && heard(&second, "ready future"));
    EQ(submit_bytes(&f, bytes, NOW, NULL).status, POOL_BANNED);
    OK(submit(&f, &f.world.alice, 0, 3, NULL).status == POOL_OK);
    OK(heard(&second, "ready future ready"));
    field_stop(&f);
}

TEST(a_watcher_that_leaves_hears_no_more)
{
    field_t f;
    ear_t ear;
    OK(field_start(&f));
    OK(submit(&f, &f.world.alice, 0, 0, &ear).status == POOL_OK);
    pool_unwatch(f.pool, &ear);
    OK(build_on(&f, NULL, NULL));
    OK(heard(&ear, "ready"));
    field_stop(&f);
}

TEST(the_future_queue_has_a_limit)
{
    field_t f;
    ear_t worst;
    OK(field_start(&f));
    for (uint32_t i = 0; i < POOL_FUTURE_MAX; i++)
        OK(submit(&f, &f.world.alice, i + 2, 1000, NULL).status == POOL_OK);
    EQ(future(&f), POOL_FUTURE_MAX);
    EQ(submit(&f, &f.world.alice, 5000, 0, &worst).status, POOL_FULL);
    OK(heard(&worst, "future dropped"));
    OK(submit(&f, &f.world.alice, 5001, 5000000, NULL).status == POOL_OK);
    EQ(future(&f), POOL_FUTURE_MAX);
    field_stop(&f);
}

/* Of the ready ones the worst falls out: the one of the lowest priority, with who waits for it. */
TEST(the_ready_queue_has_a_limit_of_extrinsics_and_of_bytes)
{
    field_t f;
    ear_t worst, next;
    uint8_t room[EXTRINSIC_MOST];
    OK(field_start(&f));
    pool_limit(f.pool,
               &(pool_limits_t){.ready_max = 3, .future_max = 3, .ready_bytes_max = 1 << 20, .ban_ms = 5});
    bytes_t cheap = sign(&f, &f.world.alice, &(signing_t){.nonce = 0, .tip = 10}, 1000, room);
    OK(submit_bytes(&f, cheap, NOW, &worst).status == POOL_OK);
    OK(submit(&f, &f.world.alice, 1, 10000000, &next).status == POOL_OK);
    OK(submit(&f, &f.world.bob, 0, 20000000, NULL).status == POOL_OK);
    OK(submit(&f, &f.world.bob, 1, 30000000, NULL).status == POOL_OK);
    OK(heard(&worst, "ready dropped") && heard(&next, "ready future"));
    EQ(ready(&f), 2);
    EQ(submit_bytes(&f, cheap, NOW, NULL).status, POOL_BANNED);
    uint64_t each = pool_counters(f.pool).bytes / 3;
    pool_limit(f.pool, &(pool_limits_t){.ready_max = 10, .future_max = 10, .ready_bytes_max = 3 * each + 10});
    answer_t a = submit(&f, &f.world.alice, 0, 100, NULL);
    OK(a.status == POOL_FULL); /* it is the worst of all itself */
    OK(pool_counters(f.pool).bytes <= 3 * each + 10);
    EQ(ready(&f), 2);
    field_stop(&f);
}

TEST(a_ban_lasts_as_long_as_the_operator_says)
{
    field_t f;
    uint8_t room[EXTRINSIC_MOST];
    OK(field_start(&f));
    pool_limit(f.pool,
               &(pool_limits_t){.ready_max = 3, .future_max = 3, .ready_bytes_max = 1 << 20, .ban_ms = 5});
    bytes_t poor = sign(&f, &f.poor, &(signing_t){0}, 1000, room);
    EQ(submit_bytes(&f, poor, NOW, NULL).status, POOL_INVALID);
    EQ(submit_bytes(&f, poor, NOW + 4, NULL).status, POOL_BANNED);
    EQ(submit_bytes(&f, poor, NOW + 5, NULL).status, POOL_INVALID);
    field_stop(&f);
}

TEST(one_that_is_too_low_tells_both_priorities)
{
    field_t f;
    uint64_t old, now;
    OK(field_start(&f));
    OK(submit(&f, &f.world.alice, 0, 1000000, NULL).status == POOL_OK);
    EQ(submit(&f, &f.world.alice, 0, 0, NULL).status, POOL_LOW_PRIORITY);
    pool_last_priorities(f.pool, &old, &now);
    OK(old > now && now > 0);
    field_stop(&f);
}

/* Random calls keep what must hold: ready and future add up, nonces that are ready stand without a gap from
 * the account's own, and every block takes all that is ready. */
PROPERTY(ready_nonces_never_have_a_gap, 6)
{
    field_t f;
    OK(field_start(&f));
    const keypair_t *who[2] = {&f.world.alice, &f.world.bob};
    uint32_t made           = 0;
    for (int step = 0; step < 60; step++) {
        uint32_t what = random_below(random, 10);
        if (what < 8) {
            const keypair_t *one = who[random_below(random, 2)];
            uint32_t nonce       = pool_next_nonce(f.pool, &one->account) + random_below(random, 3) -
                             (random_below(random, 4) == 0);
            if (nonce < 1000) (void)submit(&f, one, nonce, random_below(random, 3) * 1000000, NULL);
        } else {
            uint32_t before = ready(&f);
            OK(build_on(&f, NULL, NULL));
            made += before;
            EQ(ready(&f) > before, false);
        }
    }
    OK(build_on(&f, NULL, NULL));
    uint32_t nonces = pool_next_nonce(f.pool, &who[0]->account) + pool_next_nonce(f.pool, &who[1]->account);
    OK(nonces >= made);
    field_stop(&f);
}

TEST_MAIN()
