/* test_scale.c - SCALE: values have one encoding each, and everything else is refused. */
#include "scale.h"
#include "test.h"
#include "vectors.h"

static u128_t u128_parse(const char *text)
{
    u128_t v = 0;
    for (; *text; text++)
        v = v * 10 + (unsigned)(*text - '0');
    return v;
}

static bool compact_is(const char *number, bytes_t encoded)
{
    uint8_t room[20];
    u128_t v         = u128_parse(number);
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_reader_t r = scale_reader(encoded, NULL);
    scale_put_compact_u128(&w, v);
    if (!bytes_equal(scale_written(&w), encoded) || scale_get_compact_u128(&r) != v || !scale_done(&r))
        return false;
    r              = scale_reader(encoded, NULL);
    uint64_t small = scale_get_compact(&r);
    return v <= UINT64_MAX ? small == v && scale_done(&r) && scale_compact_len(small) == encoded.len
                           : r.failed;
}

TEST(compact_numbers_are_as_the_vectors_say)
{
    json_t *root = vectors_load("scale-vectors.json"), *item, *value;
    size_t i;
    const char *number;
    json_array_foreach(json_object_get(root, "compact"), i, item)
    {
        OK(compact_is(vector_text(item, "n"), vector_bytes(item, "hex")));
    }
    json_decref(root);
    root = vectors_load("host-vectors.json");
    json_object_foreach(json_object_get(root, "compact"), number, value)
    {
        OK(compact_is(number, vector_hex(json_string_value(value))));
    }
    json_decref(root);
}

TEST(a_compact_number_in_a_longer_form_is_refused)
{
    static const char *const bad[] = {
        "0x0100",         "0xfd00",         "0x02000000",        "0xfeff0000",
        "0x03ffffff3f",   "0x03000000",     "0x0700000000",      "0x07ffffffff00",
        "0x0f0000000001", "0x37ffffffffff", "0x13ffffffffffff00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        scale_reader_t r = scale_reader(vector_hex(bad[i]), NULL);
        EQ(scale_get_compact_u128(&r), 0);
        OK(r.failed);
    }
}

TEST(compact_u32_fails_above_its_range)
{
    scale_reader_t r = scale_reader(vector_hex("0x03ffffffff"), NULL);
    EQ(scale_get_compact_u32(&r), UINT32_MAX);
    OK(scale_done(&r));
    r = scale_reader(vector_hex("0x070000000001"), NULL);
    EQ(scale_get_compact_u32(&r), 0);
    OK(r.failed);
}

PROPERTY(numbers_come_back_as_they_went, 500)
{
    uint8_t room[256];
    uint64_t a = random_next(random) >> random_below(random, 64), b = random_next(random);
    u128_t c         = ((u128_t)random_next(random) << 64 | b) >> random_below(random, 128);
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_compact(&w, a);
    scale_put_compact_u128(&w, c);
    scale_put_u128(&w, c);
    scale_put_i64(&w, (int64_t)b);
    scale_put_i32(&w, (int32_t)b);
    scale_put_i16(&w, (int16_t)b);
    scale_put_i8(&w, (int8_t)b);
    scale_reader_t r = scale_reader(scale_written(&w), NULL);
    OK(scale_get_compact(&r) == a && scale_get_compact_u128(&r) == c && scale_get_u128(&r) == c);
    OK(scale_get_i64(&r) == (int64_t)b && scale_get_i32(&r) == (int32_t)b);
    OK(scale_get_i16(&r) == (int16_t)b && scale_get_i8(&r) == (int8_t)b && scale_done(&r));
}

TEST(booleans_have_two_bytes_and_optional_ones_three)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t b = (uint8_t)byte;
        bool v, is_some;
        scale_reader_t r = scale_reader((bytes_t){&b, 1}, NULL);
        EQ(scale_get_bool(&r), byte == 1);
        EQ(r.failed, byte > 1);
        r       = scale_reader((bytes_t){&b, 1}, NULL);
        is_some = scale_get_option_bool(&r, &v);
        EQ(is_some, byte == 1 || byte == 2);
        EQ(v, byte == 1);
        EQ(r.failed, byte > 2);
    }
    uint8_t room[3];
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_option_bool(&w, false, true);
    scale_put_option_bool(&w, true, true);
    scale_put_option_bool(&w, true, false);
    OK(bytes_equal(scale_written(&w), vector_hex("0x000102")));
}

TEST(a_failed_reader_gives_zeros_and_stays_failed)
{
    uint8_t out[4]   = {1, 1, 1, 1};
    scale_reader_t r = scale_reader(vector_hex("0x0102"), NULL);
    EQ(scale_get_u32(&r), 0);
    OK(r.failed);
    EQ(scale_get_u8(&r), 0);
    scale_get_raw(&r, out, sizeof out);
    EQ(out[0] | out[3], 0);
    EQ(scale_left(&r), 0);
    OK(!scale_done(&r));
}

TEST(a_writer_without_room_writes_nothing_more)
{
    uint8_t room[4];
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_u32(&w, 7);
    scale_put_u8(&w, 1);
    OK(w.failed);
    EQ(w.len, 4);
    EQ(scale_written(&w).len, 0);
}

TEST(bytes_and_items_are_bounded)
{
    uint8_t room[64];
    arena_t arena    = {.start = room, .size = sizeof room};
    scale_reader_t r = scale_reader(vector_hex("0x10aabbccdd"), &arena);
    EQ(scale_get_bytes(&r, 4).len, 4);
    OK(scale_done(&r));
    r = scale_reader(vector_hex("0x10aabbccdd"), &arena);
    EQ(scale_get_bytes(&r, 3).len, 0);
    OK(r.failed);
    uint32_t len;
    r = scale_reader(vector_hex("0x1001000200"), &arena); /* claims four, brings two */
    OK(!scale_get_items(&r, 10, 2, 2, &len));
    EQ(len, 0);
    r = scale_reader(vector_hex("0x0801000200"), &arena);
    OK(scale_get_items(&r, 10, 2, 2, &len));
    EQ(len, 2);
    r = scale_reader(vector_hex("0xfeffffff"), &arena); /* items of no bytes do not exhaust the arena */
    OK(!scale_get_items(&r, UINT32_MAX, 0, 8, &len));
}

TEST(an_arena_never_gives_more_than_it_has)
{
    _Alignas(16) uint8_t room[64];
    arena_t arena = {.start = room, .size = sizeof room};
    bytes_t copy;
    OK(arena_take(&arena, 33));
    OK(!arena_take(&arena, 17));
    OK(arena_copy(&arena, BYTES("0123456789abcdef"), &copy));
    OK(bytes_equal(copy, BYTES("0123456789abcdef")));
    OK(!arena_copy(&arena, BYTES("x"), &copy));
    EQ(copy.len, 0);
    OK(!arena_take(&arena, UINT32_MAX));
}

static bool era_is(uint64_t current, uint32_t period, bytes_t want)
{
    uint8_t room[2];
    scale_writer_t w = scale_writer(room, sizeof room);
    era_t era        = era_at(current, period);
    era_put(&w, era);
    scale_reader_t r = scale_reader(want, NULL);
    era_t got        = era_get(&r);
    return bytes_equal(scale_written(&w), want) && scale_done(&r) && got.period == era.period &&
           got.phase == era.phase;
}

TEST(mortal_eras_are_as_the_vectors_say)
{
    json_t *root = vectors_load("scale-vectors.json"), *item, *value;
    size_t i;
    const char *name;
    json_array_foreach(json_object_get(root, "mortalEra"), i, item)
    {
        uint64_t current = (uint64_t)json_integer_value(json_object_get(item, "current"));
        OK(era_is(current, (uint32_t)json_integer_value(json_object_get(item, "period")),
                  vector_bytes(item, "hex")));
    }
    json_decref(root);
    root           = vectors_load("host-vectors.json");
    unsigned count = 0;
    json_object_foreach(root, name, value)
    {
        unsigned current, period;
        if (sscanf(name, "era current=%u period=%u", &current, &period) != 2) continue;
        OK(era_is(current, period, vector_hex(json_string_value(value))));
        count++;
    }
    EQ(count, 5);
    json_decref(root);
}

TEST(an_era_knows_its_birth_and_death)
{
    era_t era = era_at(1000, 64);
    EQ(era_birth(era, 1000), 1000);
    EQ(era_birth(era, 1063), 1000);
    EQ(era_birth(era, 1064), 1064);
    EQ(era_death(era, 1000), 1064);
    EQ(era_birth((era_t){0}, 1000), 0);
    EQ(era_death((era_t){0}, 1000), UINT64_MAX);
    EQ(era_birth((era_t){.period = 64, .phase = 40}, 5), 40);
}

TEST(an_era_that_cannot_be_is_refused)
{
    scale_reader_t r = scale_reader(vector_hex("0x0100"), NULL);
    EQ(era_get(&r).period, 4);
    OK(scale_done(&r));
    static const char *const bad[] = {"0x1000", "0x4100", "0x0504", "0x01",
                                      "0x"}; /* period 2, phases beyond, short */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r = scale_reader(vector_hex(bad[i]), NULL);
        EQ(era_get(&r).period, 0);
        OK(r.failed);
    }
}

TEST(bytes_are_ordered_like_words_in_a_dictionary)
{
    OK(bytes_compare(BYTES("a"), BYTES("b")) < 0);
    OK(bytes_compare(BYTES("ab"), BYTES("a")) > 0);
    EQ(bytes_compare(BYTES("ab"), BYTES("ab")), 0);
    OK(bytes_compare((bytes_t){0}, BYTES("a")) < 0);
    OK(bytes_compare(BYTES("\xff"), BYTES("a")) > 0);
}

TEST_MAIN()
