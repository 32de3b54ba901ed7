/* log.h - events and their values, one a line, on standard error.
 *
 *     #define LOG_IMPORT "import"
 *     log_info(LOG_IMPORT, "imported block", LOG_U32("number", n), LOG_HASH("hash", h));
 *
 *     2026-11-21 13:50:33.123  info import: imported block number=7 hash=0x12..ef
 *     {"time":"2026-11-21T13:50:33.123Z","level":"info","part":"import","event":"imported block","number":7,...}
 *
 * part and event are static text; what comes from outside is a value, and is escaped.  May be called from any
 * thread.  Pure code does not log. */
#ifndef LOG_H
#define LOG_H
#include "base.h"

typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_TRACE } log_level_t;

typedef enum { LOG_KIND_U64, LOG_KIND_I64, LOG_KIND_BOOL, LOG_KIND_TEXT, LOG_KIND_BYTES, LOG_KIND_U128 } log_kind_t;

typedef struct {
    const char *key;
    log_kind_t kind;
    union {
        uint64_t u64;
        int64_t i64;
        u128_t u128;
        const char *text; /* NULL is written as empty */
        bytes_t bytes;
    } as;
} log_value_t;

#define LOG_U32(key_, v_)   ((log_value_t){.key = (key_), .kind = LOG_KIND_U64, .as.u64 = (uint32_t)(v_)})
#define LOG_U64(key_, v_)   ((log_value_t){.key = (key_), .kind = LOG_KIND_U64, .as.u64 = (uint64_t)(v_)})
#define LOG_I64(key_, v_)   ((log_value_t){.key = (key_), .kind = LOG_KIND_I64, .as.i64 = (int64_t)(v_)})
#define LOG_U128(key_, v_)  ((log_value_t){.key = (key_), .kind = LOG_KIND_U128, .as.u128 = (u128_t)(v_)})
#define LOG_BOOL(key_, v_)  ((log_value_t){.key = (key_), .kind = LOG_KIND_BOOL, .as.u64 = (v_) ? 1 : 0})
#define LOG_TEXT(key_, v_)  ((log_value_t){.key = (key_), .kind = LOG_KIND_TEXT, .as.text = (v_)})
#define LOG_BYTES(key_, v_) ((log_value_t){.key = (key_), .kind = LOG_KIND_BYTES, .as.bytes = (v_)}) /* as hex */
/* LOG_HASH takes a hash_t or account_id_t value that lives until the statement's end. */
#define LOG_HASH(key_, v_)  ((log_value_t){.key = (key_), .kind = LOG_KIND_BYTES, .as.bytes = {(v_).b, 32}})

/* log_open sets what is written; before it: info and above, as text.  filter is Substrate's --log: levels and
 * part=level pairs by commas ("info,rpc=debug"), NULL for "info".  False, and nothing changed, when it is none. */
bool log_open(const char *filter, bool is_json);

/* log_is_on says whether a line of this level and part would be written. */
bool log_is_on(log_level_t level, const char *part);

void log_write(log_level_t level, const char *part, const char *event, const log_value_t *values, uint32_t count);

/* log_tap hands every line (without its end) to tap instead of standard error; NULL: back again.  For tests. */
void log_tap(void (*tap)(void *context, const char *line), void *context);

#define LOG_AT_(level_, part_, event_, ...)                                                         \
    log_write(level_, part_, event_, (const log_value_t[]){{0}, ##__VA_ARGS__} + 1,                 \
              (uint32_t)(sizeof((const log_value_t[]){{0}, ##__VA_ARGS__}) / sizeof(log_value_t)) - 1)

#define log_error(part_, event_, ...) LOG_AT_(LOG_LEVEL_ERROR, part_, event_, ##__VA_ARGS__)
#define log_warn(part_, event_, ...)  LOG_AT_(LOG_LEVEL_WARN, part_, event_, ##__VA_ARGS__)
#define log_info(part_, event_, ...)  LOG_AT_(LOG_LEVEL_INFO, part_, event_, ##__VA_ARGS__)
#define log_debug(part_, event_, ...) LOG_AT_(LOG_LEVEL_DEBUG, part_, event_, ##__VA_ARGS__)
#define log_trace(part_, event_, ...) LOG_AT_(LOG_LEVEL_TRACE, part_, event_, ##__VA_ARGS__)

#endif
