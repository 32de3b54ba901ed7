/* test_index.c - blocks forward and back: what was taken back was never there. */
#include "grid_model.h"

#include <stdio.h>
#include <unistd.h>

static char path[64];
static char error[DB_ERROR_MAX + 1];

static void name_file(void) { snprintf(path, sizeof path, "/tmp/trellis-test-index-%d", (int)getpid()); }

static void remove_file(void)
{
    char name[80];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

/* The whole index as one number: every column of every row of every table, in the order of keys. */
static uint64_t digest(store_t *store)
{
    uint64_t sum = 1469598103934665603u;
    for (int t = 0; t < TABLE_COUNT; t++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY 1", tables[t].name);
        db_rows_t *rows = db_query(store_db(store), sql, NULL, 0);
        while (rows && db_next(rows))
            for (unsigned c = 0; c < tables[t].count; c++) {
                char text[64];
                value_t v       = db_value(rows, c);
                const char *one = v.kind == VALUE_TEXT ? v.text : text;
                if (v.kind == VALUE_NULL) snprintf(text, sizeof text, "-");
                if (v.kind == VALUE_INT) snprintf(text, sizeof text, "%lld", (long long)v.number);
                if (v.kind == VALUE_REAL) snprintf(text, sizeof text, "%.12g", v.real);
                for (; *one; one++)
                    sum = (sum ^ (uint8_t)*one) * 1099511628211u;
                sum = (sum ^ 0xff) * 1099511628211u;
            }
        if (!rows || !db_rows_free(rows)) abort();
    }
    return sum;
}

/* ---- random blocks: some events of all kinds, chosen by the block's seed alone ---- */

static void an_event_of_tfgrid(store_t *s, random_t *r, uint32_t index)
{
    uint32_t node = 1 + random_below(r, MODEL_NODES), farm = 1 + random_below(r, MODEL_FARMS);
    tfgrid_event_t g         = {0};
    support_public_ip_t ip   = {BYTES("185.3.0.2/24"), BYTES("185.0.0.1"), random_below(r, 99)};
    support_interface_t face = {
        BYTES("zos"), BYTES("00:00:5e:00:53:af"), {NULL, 0}
    };
    switch (random_below(r, 6)) {
    case 0:
        g.kind         = TFGRID_EVENT_FARM_UPDATED;
        g.farm_updated = (support_farm_t){
            .id             = farm,
            .name           = BYTES("renamed"),
            .twin_id        = random_below(r, 9),
            .public_ips     = {&ip, random_below(r, 2)},
            .dedicated_farm = random_below(r, 2)
        };
        break;
    case 1:
        g.kind         = TFGRID_EVENT_NODE_UPDATED;
        g.node_updated = (support_node_t){
            .id         = node,
            .farm_id    = farm,
            .twin_id    = node,
            .resources  = {random_next(r),  1u << 30, random_below(r, 64), random_next(r)},
            .location   = {BYTES("Paris"), BYTES("France"),         BYTES("x"),          BYTES("y")},
            .interfaces = {&face,     random_below(r,2)}
        };
        break;
    case 2:
        g.kind         = TFGRID_EVENT_NODE_DELETED;
        g.node_deleted = node;
        break;
    case 3:
        g.kind         = TFGRID_EVENT_FARM_DELETED;
        g.farm_deleted = farm;
        break;
    case 4:
        g.kind        = TFGRID_EVENT_TWIN_STORED;
        g.twin_stored = (tfgrid_twin_t){
            .id = random_below(r, 30), .relay = {random_below(r, 2), BYTES("relay.example.org")}
        };
        break;
    case 5:
        g.kind                          = TFGRID_EVENT_NODE_UPTIME_REPORTED;
        g.node_uptime_reported.node_id  = node;
        g.node_uptime_reported.uptime_s = random_next(r);
        break;
    default: break;
    }
    apply_tfgrid(s, index, &g);
}

static void an_event_of_contracts(store_t *s, random_t *r, uint32_t index)
{
    uint32_t node            = 1 + random_below(r, MODEL_NODES);
    uint64_t contract        = 1 + random_below(r, MODEL_CONTRACTS + 20);
    smart_contract_event_t c = {0};
    support_public_ip_t ip   = {BYTES("185.3.0.2/24"), BYTES("185.0.0.1"), contract};
    switch (random_below(r, 6)) {
    case 0:
        c.kind             = SMART_CONTRACT_EVENT_CONTRACT_CREATED;
        c.contract_created = (smart_contract_contract_t){.contract_id = contract, .twin_id = 3};
        c.contract_created.contract_type.node_contract = (smart_contract_node_contract_t){
            .node_id = node, .deployment_data = BYTES("\xff\0z{}"), .public_ips_list = {&ip, 1}
        };
        break;
    case 1:
        c.kind                               = SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED;
        c.node_contract_canceled.contract_id = contract;
        break;
    case 2:
        c.kind                   = SMART_CONTRACT_EVENT_UPDATED_USED_RESOURCES;
        c.updated_used_resources = (smart_contract_contract_resources_t){
            contract, {random_next(r), random_next(r), random_next(r), random_next(r)}
        };
        break;
    case 3:
        c.kind            = SMART_CONTRACT_EVENT_CONTRACT_BILLED;
        c.contract_billed = (smart_contract_contract_bill_t){contract, 5, SMART_CONTRACT_DISCOUNT_LEVEL_GOLD,
                                                             ((u128_t)random_next(r) << 64) + random_next(r)};
        break;
    case 4:
        c.kind                         = SMART_CONTRACT_EVENT_NODE_EXTRA_FEE_SET;
        c.node_extra_fee_set.node_id   = node;
        c.node_extra_fee_set.extra_fee = random_next(r);
        break;
    default:
        c.kind                   = SMART_CONTRACT_EVENT_RENT_CONTRACT_CANCELED;
        c.rent_contract_canceled = contract;
        break;
    }
    apply_smart_contract(s, index, &c);
}

static void an_event(store_t *s, random_t *r, uint32_t index)
{
    if (random_below(r, 2))
        an_event_of_tfgrid(s, r, index);
    else
        an_event_of_contracts(s, r, index);
}

static bool block_of(store_t *s, uint32_t number, uint64_t seed, bool is_final)
{
    char hash[67];
    random_t r = {seed};
    snprintf(hash, sizeof hash, "0x%064llx", (unsigned long long)seed);
    if (!store_begin(s)) return false;
    store_block(
        s, &(store_block_t){.number = number, .hash = hash, .time_s = 1000 + number, .is_final = is_final});
    for (uint32_t i = 0, count = random_below(&r, 9); i < count; i++)
        an_event(s, &r, i);
    return store_block_done(s) && store_commit(s);
}

static store_t *with_grid(random_t *random, const char *where)
{
    static model_t model;
    store_t *s = store_open(where, true, error);
    if (s) model_make(&model, s, random);
    return s;
}

/* A walk of blocks forward and back ends where a straight walk over the same chain ends. */
PROPERTY(a_chain_with_reorganisations_gives_what_its_last_branch_alone_gives, 8)
{
    uint64_t seeds[64], base = random_next(random);
    uint32_t top = 0, first;
    store_t *s   = with_grid(&(random_t){base}, ":memory:");
    OK(s);
    first = store_head(s)->number;
    for (int step = 0; step < 60; step++)
        if (top > 0 && random_below(random, 3) == 0) {
            for (uint32_t back = 1 + random_below(random, 4); back > 0 && top > 0; back--, top--)
                OK(store_undo(s));
        } else if (top < 64) {
            seeds[top] = random_next(random);
            OK(block_of(s, first + top + 1, seeds[top], false));
            top++;
        }
    store_t *straight = with_grid(&(random_t){base}, ":memory:");
    for (uint32_t i = 0; i < top; i++)
        OK(block_of(straight, first + i + 1, seeds[i], random_below(random, 2)));
    EQ(digest(s), digest(straight));
    EQ(store_head(s)->number, store_head(straight)->number);
    OK(strcmp(store_head(s)->hash, store_head(straight)->hash) == 0);
    store_close(s);
    store_close(straight);
}

TEST(a_final_block_is_not_taken_back)
{
    random_t random = {5};
    store_t *s      = with_grid(&random, ":memory:");
    uint32_t first  = store_head(s)->number;
    for (uint32_t i = 1; i <= 6; i++)
        OK(block_of(s, first + i, i, false));
    uint64_t at_four = 0;
    OK(store_finalized(s, first + 4));
    OK(store_undo(s));
    OK(store_undo(s));
    at_four = digest(s);
    OK(!store_undo(s));
    EQ(digest(s), at_four);
    EQ(store_head(s)->number, first + 4);
    store_close(s);
}

TEST(a_block_that_fails_leaves_nothing)
{
    random_t random = {6};
    store_t *s      = with_grid(&random, ":memory:");
    uint64_t before = digest(s);
    uint32_t first  = store_head(s)->number;
    OK(store_begin(s));
    store_block(s, &(store_block_t){.number = first + 1, .hash = "0x1", .time_s = 1});
    for (uint32_t i = 0; i < 20; i++)
        an_event(s, &random, i);
    store_fail(s, "on purpose");
    OK(!store_block_done(s));
    OK(!store_commit(s));
    EQ(digest(s), before);
    EQ(store_head(s)->number, first);
    OK(block_of(s, first + 1, 77, false));
    store_close(s);
}

TEST(events_that_do_not_decode_fail_the_block)
{
    random_t random = {8};
    static uint8_t room[1 << 16];
    arena_t arena = {room, sizeof room, 0};
    store_t *s    = with_grid(&random, ":memory:");
    OK(store_begin(s));
    store_block(s, &(store_block_t){.number = 1000, .hash = "0x1", .time_s = 1});
    apply_events(s, BYTES("\x04\x00\x01\x00\x00\x00\xfe\xfe"), &arena);
    OK(!store_commit(s));
    store_close(s);
}

TEST(an_index_goes_on_where_it_was_closed)
{
    random_t random = {9};
    name_file();
    remove_file();
    store_t *s = with_grid(&random, path);
    OK(s);
    uint32_t first = store_head(s)->number;
    for (uint32_t i = 1; i <= 3; i++)
        OK(block_of(s, first + i, i, false));
    uint64_t at_three = digest(s);
    OK(block_of(s, first + 4, 4, false));
    store_close(s);
    s = store_open(path, false, error);
    OK(s);
    EQ(store_head(s)->number, first + 4);
    OK(store_undo(s)); /* over a restart, too */
    EQ(digest(s), at_three);
    store_close(s);
    s = store_open(path, true, error);
    OK(s);
    OK(!store_head(s)->has_block);
    store_close(s);
    remove_file();
}

TEST(a_place_that_cannot_hold_an_index_is_said)
{
    OK(!store_open("/nowhere/at/all.db", false, error));
    OK(strstr(error, "/nowhere/at/all.db"));
    OK(!store_open("postgres://127.0.0.1:1/none", false, error));
    OK(error[0]);
}

TEST(what_is_no_text_becomes_one)
{
    store_t *s = store_open(":memory:", true, error);
    static const struct {
        const char *in;
        uint32_t len;
        const char *out;
    } cases[] = {
        {"plain",            5, "plain"                                           },
        {"a\0b",             3, "ab"                                              },
        {"\xc3\xa9",         2, "\xc3\xa9"                                        },
        {"\xc3",             1, "\xef\xbf\xbd"                                    },
        {"\xed\xa0\x80",     3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"            },
        {"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"                                },
        {"\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\x80",         2, "\xef\xbf\xbd\xef\xbf\xbd"                        }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        OK(strcmp(store_text(s, (bytes_t){(const uint8_t *)cases[i].in, cases[i].len}), cases[i].out) == 0);
    store_close(s);
}

TEST(hostile_amounts_neither_overflow_nor_wrap)
{
    store_t *s = store_open(":memory:", true, error);
    OK(store_begin(s));
    store_block(s, &(store_block_t){.number = 1, .hash = "0x1", .time_s = 1, .is_final = true});
    tfgrid_event_t n = {
        .kind        = TFGRID_EVENT_NODE_STORED,
        .node_stored = {
                        .id = 1, .farm_id = 1, .resources = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}
    };
    apply_tfgrid(s, 0, &n);
    for (uint64_t id = 1; id <= 3000; id++) {
        smart_contract_event_t c = {.kind             = SMART_CONTRACT_EVENT_CONTRACT_CREATED,
                                    .contract_created = {.contract_id = id}};
        c.contract_created.contract_type.node_contract.node_id = 1;
        apply_smart_contract(s, 1, &c);
        apply_smart_contract(
            s, 2,
            &(smart_contract_event_t){
                .kind                   = SMART_CONTRACT_EVENT_UPDATED_USED_RESOURCES,
                .updated_used_resources = {id, {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}
        });
    }
    OK(store_block_done(s));
    OK(store_commit(s));
    db_rows_t *rows = db_query(store_db(s), "SELECT used_mru, total_mru, free_mru FROM node", NULL, 0);
    OK(db_next(rows));
    EQ(db_int(rows, 0), INT64_MAX);
    EQ(db_int(rows, 1), (int64_t)1 << 53);
    OK(db_int(rows, 2) < 0);
    OK(db_rows_free(rows));
    store_close(s);
}
TEST_MAIN()
