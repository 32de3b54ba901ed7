/* log.h - events and their values, one line each, on standard error.
 *
 *     log_info(LOG_IMPORT, "imported block", LOG_U64("number", n), LOG_HEX("hash", hash.b, 32));
 *
 * The text is fixed and names what happened; what differs is a value.  error: someone must act.
 * warn: it healed.  info: once a block at most.  debug: the rest.  No secret is ever a value. */
#ifndef LOG_H
#define LOG_H
#include "base.h"

typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } log_level_t;

/* The part of the system that speaks. */
#define LOG_MAIN   "main"
#define LOG_IMPORT "import"
#define LOG_AUTHOR "author"
#define LOG_FINAL  "finality"
#define LOG_POOL   "pool"
#define LOG_RPC    "rpc"
#define LOG_STORE  "store"
#define LOG_WEB    "web"
#define LOG_CLIENT "client"
#define LOG_RELAY  "relay"
#define LOG_PEER   "peer"
#define LOG_ENGINE "engine"
#define LOG_CHAIN  "chain"
#define LOG_REPORT "report"

typedef struct {
    const char *name;
    enum {
        LOG_KIND_U64,
        LOG_KIND_I64,
        LOG_KIND_TEXT,
        LOG_KIND_BYTES,
        LOG_KIND_HEX,
        LOG_KIND_BOOL,
        LOG_KIND_U128
    } kind;
    union {
        uint64_t u64;
        int64_t i64;
        const char *text;
        u128_t u128;
    };
    size_t len; /* BYTES and HEX */
} log_value_t;

#define LOG_U64(name_, v) ((log_value_t){.name = (name_), .kind = LOG_KIND_U64, .u64 = (uint64_t)(v)})
#define LOG_I64(name_, v) ((log_value_t){.name = (name_), .kind = LOG_KIND_I64, .i64 = (int64_t)(v)})
#define LOG_TEXT(name_, v)                                                                                   \
    ((log_value_t){.name = (name_), .kind = LOG_KIND_TEXT, .text = (v)}) /* may be NULL */
#define LOG_BYTES(name_, data, n)                                                                            \
    ((log_value_t){.name = (name_), .kind = LOG_KIND_BYTES, .text = (const char *)(data), .len = (n)})
#define LOG_HEX(name_, data, n)                                                                              \
    ((log_value_t){.name = (name_), .kind = LOG_KIND_HEX, .text = (const char *)(data), .len = (n)})

#define LOG_U32(name_, v)  LOG_U64(name_, (uint32_t)(v))
#define LOG_U128(name_, v) ((log_value_t){.name = (name_), .kind = LOG_KIND_U128, .u128 = (v)})
#define LOG_BOOL(name_, v) ((log_value_t){.name = (name_), .kind = LOG_KIND_BOOL, .u64 = (v) ? 1 : 0})
#define LOG_HASH(name_, v) LOG_HEX(name_, (v).b, 32) /* a hash_t or account_id_t variable */

/* log_level sets what is written (info to begin with); log_json writes lines of JSON instead of text.
 * log_level_named reads "error", "warn", "info" or "debug". */
void log_level(log_level_t level);
bool log_level_named(const char *name, log_level_t *level);
void log_json(bool json);
bool log_is_on(log_level_t level);

/* log_filter takes Substrate's --log: levels and part=level pairs by commas ("info,rpc=debug"); "trace" is as
 * "debug".  False, and nothing changed, when it is none. */
bool log_filter(const char *filter);

/* log_tap hands every line, without its end, to tap instead of standard error; NULL: back again.  For tests.
 */
void log_tap(void (*tap)(void *self, const char *line), void *self);

/* log_write ends the line; the values last until it returns.  Safe from any thread. */
void log_write(log_level_t level, const char *part, const char *event, const log_value_t *values,
               size_t count);

#define LOG_AT_(level, part, event, ...)                                                                     \
    do {                                                                                                     \
        const log_value_t values_[] = {__VA_ARGS__ __VA_OPT__(, ) LOG_TEXT(NULL, NULL)};                     \
        if (log_is_on(level)) log_write(level, part, event, values_, sizeof values_ / sizeof *values_ - 1);  \
    } while (0)
#define log_error(part, event, ...) LOG_AT_(LOG_LEVEL_ERROR, part, event, __VA_ARGS__)
#define log_warn(part, event, ...)  LOG_AT_(LOG_LEVEL_WARN, part, event, __VA_ARGS__)
#define log_info(part, event, ...)  LOG_AT_(LOG_LEVEL_INFO, part, event, __VA_ARGS__)
#define log_debug(part, event, ...) LOG_AT_(LOG_LEVEL_DEBUG, part, event, __VA_ARGS__)

#endif
