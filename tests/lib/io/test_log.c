/* test_log.c - lines as text and as JSON, levels by part, hostile values. */
#include "log.h"
#include "test.h"

static char last[16384];
static int lines;
static void tap(void *self, const char *line)
{
    (void)self;
    snprintf(last, sizeof last, "%s", line);
    lines++;
}

/* What follows the time. */
static bool ends_with(const char *want)
{
    size_t have = strlen(last), len = strlen(want);
    bool is_so = have >= len && strcmp(last + have - len, want) == 0;
    if (!is_so) printf("line: %s\n", last);
    return is_so;
}

TEST(values_stand_behind_the_event)
{
    log_tap(tap, NULL);
    hash_t hash = {{0x12}};
    log_info(LOG_IMPORT, "imported block", LOG_U32("number", 7), LOG_HASH("hash", hash), LOG_I64("late", -3));
    OK(ends_with("  info import: imported block number=7 "
                 "hash=0x1200000000000000000000000000000000000000000000000000000000000000 late=-3"));
    log_warn(LOG_RPC, "no values");
    OK(ends_with("  warn rpc: no values"));
    log_error(LOG_RPC, "wide", LOG_U128("fee", ((u128_t)1 << 100)), LOG_BOOL("is_paid", true));
    OK(ends_with(" error rpc: wide fee=1267650600228229401496703205376 is_paid=true"));
}

TEST(a_value_from_outside_cannot_forge_a_line)
{
    log_info(LOG_RPC, "asked", LOG_TEXT("method", "a\n2026 error x: \"y\""));
    OK(ends_with("method=\"a\\u000a2026 error x: \\\"y\\\"\""));
    log_info(LOG_RPC, "asked", LOG_BYTES("method", "\x1b[31mred", 8), LOG_TEXT("none", NULL));
    OK(ends_with("method=?[31mred none=\"\""));
}

TEST(json_lines)
{
    log_json(true);
    log_info(LOG_RPC, "asked", LOG_U64("id", 18446744073709551615ull), LOG_TEXT("who", "a\"b"),
             LOG_HEX("raw", "\x01\xff", 2));
    OK(ends_with("\"level\":\"info\",\"part\":\"rpc\",\"event\":\"asked\",\"id\":18446744073709551615,"
                 "\"who\":\"a\\\"b\",\"raw\":\"0x01ff\"}"));
    log_json(false);
}

TEST(levels_are_set_for_all_and_for_parts)
{
    OK(log_filter("warn,rpc=debug"));
    lines = 0;
    log_info(LOG_IMPORT, "not written");
    log_debug(LOG_RPC, "written");
    log_warn(LOG_IMPORT, "written");
    EQ(lines, 2);
    OK(!log_filter("loud"));
    OK(!log_filter("rpc=loud"));
    OK(!log_filter("=info"));
    OK(log_filter("trace"));
    log_level_t level;
    OK(log_level_named("error", &level) && level == LOG_LEVEL_ERROR);
    OK(!log_level_named("loud", &level));
    OK(log_filter("info"));
}

TEST(a_long_line_is_cut)
{
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    log_info(LOG_RPC, "long", LOG_TEXT("text", text));
    OK(strlen(last) < 9000);
    OK(ends_with(".."));
    log_tap(NULL, NULL);
}

TEST_MAIN()
