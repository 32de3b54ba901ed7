/* The records in memory against a table of what each key has. */
#include "store_cache.h"

#include "test.h"

enum { KEYS = 400, ROOM = 12000 };

typedef struct {
    uint32_t number;
    bool is_known, is_removed;
    uint8_t byte;
    uint32_t len;
} model_t;

static bytes_t key_of(uint32_t i, uint8_t room[8])
{
    memset(room, 0, 8);
    memcpy(room, &i, sizeof i);
    return (bytes_t){room, 4 + i % 4};
}

/* A key's newest record is found or is not there; never an older one. */
PROPERTY(what_is_found_is_the_newest, 20)
{
    static model_t model[KEYS];
    static uint8_t bytes[CACHE_RECORD_MAX + 1];
    store_cache_t cache;
    uint32_t hits = 0;
    memset(model, 0, sizeof model);
    cache_init(&cache, ROOM, random_next(random));
    for (uint32_t step = 1; step < 20000 && !test_failed_; step++) {
        uint8_t room[8];
        uint32_t i        = random_below(random, KEYS), number;
        const bytes_t key = key_of(i, room);
        model_t *m        = &model[i];
        bool is_removed;
        bytes_t value;
        if (random_below(random, 3)) {
            if (!cache_find(&cache, COLUMN_VALUE, key, &number, &is_removed, &value)) continue;
            hits++;
            OK(m->is_known);
            EQ(number, m->number);
            EQ(is_removed, m->is_removed);
            if (is_removed) continue;
            EQ(value.len, m->len);
            OK(value.len == 0 || (value.data[0] == m->byte && value.data[value.len - 1] == m->byte));
            OK(!cache_find(&cache, COLUMN_NODE, key, &number, &is_removed, &value));
            continue;
        }
        *m = (model_t){.number     = step,
                       .is_known   = true,
                       .is_removed = random_below(random, 4) == 0,
                       .byte       = (uint8_t)step,
                       .len        = random_below(random, 50) ? random_below(random, 100) : sizeof bytes};
        memset(bytes, m->byte, m->len);
        const bytes_t put = {bytes, m->len};
        if (random_below(random, 2))
            cache_put(&cache, COLUMN_VALUE, key, step, m->is_removed ? NULL : &put);
        else
            cache_update(&cache, COLUMN_VALUE, key, step, m->is_removed ? NULL : &put);
        OK(cache.bytes <= ROOM);
    }
    OK(test_failed_ || hits > 100);
    cache_fini(&cache);
}

TEST(what_is_used_stays)
{
    store_cache_t cache;
    uint8_t room[8], value[100] = {7};
    uint32_t number;
    bool is_removed;
    bytes_t found, put = {value, sizeof value};
    cache_init(&cache, ROOM, 1);
    cache_put(&cache, COLUMN_NODE, key_of(2, room), 1, &put);
    for (uint32_t i = 3; i < 3000; i++) {
        cache_put(&cache, COLUMN_NODE, (bytes_t){(const uint8_t *)&i, sizeof i}, i, &put);
        OK(cache_find(&cache, COLUMN_NODE, key_of(2, room), &number, &is_removed, &found));
    }
    OK(cache.count > 10 && cache.count < 100);
    cache_fini(&cache);
}

TEST(nothing_is_kept_where_there_is_no_room)
{
    store_cache_t cache;
    uint32_t number;
    bool is_removed;
    bytes_t found;
    cache_init(&cache, 0, 1);
    cache_put(&cache, COLUMN_NODE, BYTES("key"), 1, &BYTES("value"));
    OK(!cache_find(&cache, COLUMN_NODE, BYTES("key"), &number, &is_removed, &found));
    cache_fini(&cache);
}

TEST_MAIN()
