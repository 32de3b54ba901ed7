/* rt.h - what a pallet stands on: state, events, origins, weight and the result of a call.
 *
 * A runtime call is a function of state: it reads and writes storage through the host and has
 * no other effect.  The host is the node's overlay in a native build, imports in the wasm build
 * and a table in tests.
 *
 * Faults.  A rule of the chain that is not met is a dispatch_t, returned.  A broken runtime
 * (state that does not decode, an arena too small) is a fault: it is remembered in rt->fault,
 * after which reads find nothing and writes do nothing, and whoever started the block drops all
 * it did.  A fault is never a dispatch error: peers would disagree about it.
 *
 * Limits.  What an extrinsic can drive too far by its own choice (a key or a value too long, too many events)
 * is no fault, or anybody could stop the chain: rt_exhaust notes it, and the whole call is refused as
 * Exhausted.  The limits are the same in every build. */
#ifndef RT_H
#define RT_H
#include "scale.h"

/* The result of a call: 0, or the DispatchError that it is refused with (spec: docs/formats).
 * variant is DispatchError's index; a and b its data (Module: pallet, error; Token: its index). */
typedef uint32_t dispatch_t;
#define DISPATCH_OK UINT32_C(0)
#define DISPATCH_ERROR(variant, a, b)                                                                        \
    (UINT32_C(0x1000000) | (uint32_t)(variant) << 16 | (uint32_t)(a) << 8 | (uint32_t)(b))
#define DISPATCH_MODULE(pallet, err) DISPATCH_ERROR(3, pallet, err)
#define DISPATCH_OTHER               DISPATCH_ERROR(0, 0, 0)
#define DISPATCH_CANNOT_LOOKUP       DISPATCH_ERROR(1, 0, 0)
#define DISPATCH_BAD_ORIGIN          DISPATCH_ERROR(2, 0, 0)
#define DISPATCH_CONSUMER_REMAINING  DISPATCH_ERROR(4, 0, 0)
#define DISPATCH_NO_PROVIDERS        DISPATCH_ERROR(5, 0, 0)
#define DISPATCH_TOO_MANY_CONSUMERS  DISPATCH_ERROR(6, 0, 0)
#define DISPATCH_TOKEN(index)        DISPATCH_ERROR(7, index, 0)
#define DISPATCH_ARITHMETIC(index)   DISPATCH_ERROR(8, index, 0)
#define DISPATCH_EXHAUSTED           DISPATCH_ERROR(10, 0, 0)
#define DISPATCH_UNAVAILABLE         DISPATCH_ERROR(12, 0, 0)

enum {
    TOKEN_FUNDS_UNAVAILABLE,
    TOKEN_ONLY_PROVIDER,
    TOKEN_BELOW_MINIMUM,
    TOKEN_CANNOT_CREATE,
    TOKEN_UNKNOWN_ASSET,
    TOKEN_FROZEN,
    TOKEN_UNSUPPORTED,
    TOKEN_CANNOT_CREATE_HOLD,
    TOKEN_NOT_EXPENDABLE,
    TOKEN_BLOCKED
};
enum { ARITHMETIC_UNDERFLOW, ARITHMETIC_OVERFLOW, ARITHMETIC_DIVISION_BY_ZERO };

/* ENSURE leaves the call with `error` unless `condition` holds. */
#define ENSURE(condition, error)                                                                             \
    do {                                                                                                     \
        if (!(condition)) return (error);                                                                    \
    } while (0)
/* TRY leaves the call with the error of another call or check, if it has one. */
#define TRY(call)                                                                                            \
    do {                                                                                                     \
        dispatch_t result_ = (call);                                                                         \
        if (result_ != DISPATCH_OK) return result_;                                                          \
    } while (0)

/* Who asks.  COUNCIL carries how many of how many members said aye. */
typedef enum {
    ORIGIN_ROOT,
    ORIGIN_SIGNED,
    ORIGIN_NONE,
    ORIGIN_COUNCIL_MEMBERS,
    ORIGIN_COUNCIL_MEMBER
} origin_kind_t;
typedef struct {
    origin_kind_t kind;
    account_id_t who;     /* SIGNED and COUNCIL_MEMBER */
    uint32_t ayes, seats; /* COUNCIL_MEMBERS */
} origin_t;

/* What a call costs at most: reference time and proof size, ready computed with its reads and writes. */
typedef struct {
    uint64_t ref_time /* ps */;
    uint64_t proof_size;
} weight_t;
typedef enum { CLASS_NORMAL, CLASS_OPERATIONAL, CLASS_MANDATORY } dispatch_class_t;
typedef struct {
    weight_t weight;
    dispatch_class_t class;
    bool pays_no_fee;
} dispatch_info_t;

#define WEIGHT_READ  UINT64_C(25000000) /* RocksDB, ps */
#define WEIGHT_WRITE UINT64_C(100000000)

typedef struct host {
    void *state;
    /* get finds the value of key; its bytes are the host's or in arena, and stay valid until the call ends.
     */
    bool (*get)(void *state, bytes_t key, arena_t *arena, bytes_t *value);
    void (*put)(void *state, bytes_t key, bytes_t value);
    void (*remove)(void *state, bytes_t key);
    /* append adds items (already encoded, count of them) to the Vec stored at key. */
    void (*append)(void *state, bytes_t key, uint32_t count, bytes_t items);
    /* next_key finds the first key after `key` in byte order. */
    bool (*next_key)(void *state, bytes_t key, arena_t *arena, bytes_t *next);
    void (*begin)(void *state);          /* open a layer that can be undone */
    void (*end)(void *state, bool keep); /* keep or undo the newest layer */
    hash_t (*storage_root)(void *state); /* of everything put so far; only at a block's end */
    /* verify checks a signature of kind 0 ed25519 (64), 1 sr25519 (64), 2 ecdsa (65) by `signer`. */
    bool (*verify)(void *state, uint8_t kind, bytes_t signature, bytes_t message, const account_id_t *signer);
    void (*log)(void *state, const char *message);
} host_t;

/* Phase of an event: the number of the extrinsic it happened in, or one of these. */
#define PHASE_INITIALIZATION UINT32_MAX
#define PHASE_FINALIZATION   (UINT32_MAX - 1)

typedef struct {
    const host_t *host;
    arena_t arena;          /* one block's memory; frames of calls within it */
    scale_writer_t scratch; /* the value being written */
    scale_writer_t events;  /* EventRecords of the extrinsic under way, not yet in state */
    uint32_t event_count;
    uint32_t phase;
    uint32_t call_depth; /* of nested calls */
    /* What the call under way said about its own cost after it ran: */
    bool pays_no_fee;
    const char *fault; /* NULL, or the first thing that broke */
    bool has_used_weight;
    weight_t used_weight; /* rt_weight_used */
    uint32_t layer_depth; /* of rt_layer_begin */
    uint32_t event_start; /* where the event being written begins */
    bool is_bounded;      /* a call is under way that a limit may undo: see rt_exhaust */
    bool is_exhausted;    /* it asked for more than there can be */
} rt_t;

/* rt_start makes a runtime over host with `size` bytes of memory for everything it decodes. */
void rt_start(rt_t *rt, const host_t *host, void *memory, uint32_t size);
void rt_fault(rt_t *rt, const char *reason);

/* rt_exhaust says that a limit was met: when is_bounded, whoever runs the call undoes it and refuses it as
 * Exhausted; elsewhere it is a fault. */
void rt_exhaust(rt_t *rt, const char *reason);

/* rt_pays_no says that the call under way, having succeeded, costs no fee (Pays::No). */
void rt_pays_no(rt_t *rt);

/* rt_weight_used says what the call under way really cost; it counts when that is less than was announced. */
void rt_weight_used(rt_t *rt, weight_t used);

/* rt_layer_begin and rt_layer_end bracket writes and events that are kept or undone as one. */
typedef struct {
    uint32_t events_len, event_count;
} rt_layer_t;
rt_layer_t rt_layer_begin(rt_t *rt);
void rt_layer_end(rt_t *rt, rt_layer_t layer, bool keep);

/* rt_events_flush appends the gathered events to System.Events and counts them in System.EventCount;
 * rt_events_relieve does so when they are many and no layer is open, and is called after each event. */
void rt_events_flush(rt_t *rt);
void rt_events_relieve(rt_t *rt);

/* ------------------------------------------------- for generated code: keys, storage, events */

#define RT_KEY_MAX 2048
typedef struct {
    uint8_t bytes[RT_KEY_MAX];
    uint32_t len;
    uint8_t part_bytes[RT_KEY_MAX];
    scale_writer_t part; /* the encoded key that is hashed next */
    bool failed;
} rt_key_t;

void rt_key_start(rt_key_t *k, const uint8_t prefix[32]);
void rt_key_blake2_128_concat(rt_key_t *k);
void rt_key_twox_64_concat(rt_key_t *k);
void rt_key_identity(rt_key_t *k);

bool rt_storage_read(rt_t *rt, const rt_key_t *k, scale_reader_t *r);
bool rt_storage_check(rt_t *rt, const scale_reader_t *r);
bool rt_storage_exists(rt_t *rt, const rt_key_t *k);
scale_writer_t *rt_storage_write(rt_t *rt);
void rt_storage_put(rt_t *rt, const rt_key_t *k, scale_writer_t *w);
void rt_storage_remove(rt_t *rt, const rt_key_t *k);

/* rt_storage_next walks the keys that start with prefix: *key is the last one found (prefix itself
 * to begin with) and becomes the next. */
bool rt_storage_next(rt_t *rt, bytes_t prefix, bytes_t *key);

scale_writer_t *rt_event_start(rt_t *rt, uint8_t pallet, uint8_t event);
void rt_event_end(rt_t *rt, scale_writer_t *w);

#endif
