/* runtime.h - the chain as a function: from state and a block to state.
 *
 * Everything here runs on an rt_t (lib/rt/rt.h) that stands on the state of one block, and writes through its
 * host.  Order of a block: runtime_initialize_block, runtime_apply_extrinsic for each (the inherents first),
 * runtime_finalize_block.  A fault (rt->fault) means that nothing of it may be kept.
 * Formats: docs/formats/chain.md (spec chain-host 4.1, 5, 5.8). */
#ifndef RUNTIME_H
#define RUNTIME_H
#include "rt.h"

#define RUNTIME_MEMORY       (64u << 20) /* what rt_start wants for building or executing a block */
#define RUNTIME_QUERY_MEMORY (8u << 20)  /* of one runtime function, or one extrinsic's validity */
#define RUNTIME_DIGEST_CAP   8           /* items of a header's digest at most */

/* ---- headers ---- */

typedef enum {
    DIGEST_OTHER               = 0,
    DIGEST_CONSENSUS           = 4,
    DIGEST_SEAL                = 5,
    DIGEST_PRE_RUNTIME         = 6,
    DIGEST_ENVIRONMENT_UPDATED = 8
} digest_kind_t;
typedef struct {
    digest_kind_t kind;
    uint8_t engine[4]; /* "aura", "FRNK"; not for OTHER and ENVIRONMENT_UPDATED */
    bytes_t data;
} digest_item_t;

typedef struct {
    hash_t parent_hash;
    uint32_t number;
    hash_t state_root, extrinsics_root;
    digest_item_t digest[RUNTIME_DIGEST_CAP];
    uint32_t digest_count;
} header_t;

void digest_item_encode(scale_writer_t *w, const digest_item_t *item);
void digest_item_decode(scale_reader_t *r, digest_item_t *item);
void header_encode(scale_writer_t *w, const header_t *header);
/* header_decode: the digest's bytes point into what is read. */
void header_decode(scale_reader_t *r, header_t *header);
/* header_hash is the block's hash: BLAKE2b-256 of the encoded header. */
hash_t header_hash(const header_t *header);
/* header_slot finds the Aura slot in the pre-runtime digest. */
NODISCARD bool header_slot(const header_t *header, uint64_t *slot);

/* ---- versions and constants of this build ---- */

extern const uint8_t runtime_metadata[]; /* metadata 14, as state_getMetadata gives it */
extern const uint32_t runtime_metadata_len;

/* runtime_version_encode writes the RuntimeVersion (Core_version). */
void runtime_version_encode(scale_writer_t *w);

/* runtime_code_version writes the RuntimeVersion that a blob tells in its custom sections
 * (docs/formats/chain.md 7); false: it tells none.  runtime_code_is_own says that it is of this build's name
 * and version.  arena is scratch. */
NODISCARD bool runtime_code_version(bytes_t code, arena_t *arena, scale_writer_t *w);
NODISCARD bool runtime_code_is_own(bytes_t code, arena_t *arena);

/* ---- validity and results ---- */

/* TransactionValidityError as one number: 0 is valid; INVALID carries InvalidTransaction's index and, for
 * Custom, its byte; UNKNOWN carries UnknownTransaction's (spec chain-host 5.4). */
typedef uint32_t validity_t;
#define VALID                 UINT32_C(0)
#define VALIDITY_INVALID(i)   (UINT32_C(0x10000) | (uint32_t)(i) << 8)
#define VALIDITY_UNKNOWN(i)   (UINT32_C(0x20000) | (uint32_t)(i) << 8)
#define INVALID_CALL          VALIDITY_INVALID(0)
#define INVALID_PAYMENT       VALIDITY_INVALID(1)
#define INVALID_FUTURE        VALIDITY_INVALID(2)
#define INVALID_STALE         VALIDITY_INVALID(3)
#define INVALID_BAD_PROOF     VALIDITY_INVALID(4)
#define INVALID_ANCIENT_BIRTH VALIDITY_INVALID(5)
#define INVALID_EXHAUSTS      VALIDITY_INVALID(6)
#define INVALID_CUSTOM(n)     (VALIDITY_INVALID(7) | (uint8_t)(n))
#define INVALID_BAD_MANDATORY VALIDITY_INVALID(8)
#define INVALID_MANDATORY     VALIDITY_INVALID(9)
#define INVALID_BAD_SIGNER    VALIDITY_INVALID(10)
#define UNKNOWN_CANNOT_LOOKUP VALIDITY_UNKNOWN(0)
#define UNKNOWN_NO_VALIDATOR  VALIDITY_UNKNOWN(1)

/* validity_encode writes the TransactionValidityError; not for VALID. */
void validity_encode(scale_writer_t *w, validity_t validity);

typedef struct {
    uint64_t priority, longevity; /* blocks that it stays valid; UINT64_MAX for ever */
    bytes_t requires[1], provides[2];
    uint32_t requires_count, provides_count;
    bool propagate;
} transaction_t; /* ValidTransaction; the tags are in the rt's arena */

typedef enum { SOURCE_IN_BLOCK, SOURCE_LOCAL, SOURCE_EXTERNAL } transaction_source_t;

/* runtime_validate says whether an extrinsic (bytes with their length prefix) may enter the pool, on top of
 * the block `at`, after which the rt stands.  Writes nothing. */
validity_t runtime_validate(rt_t *rt, transaction_source_t source, bytes_t extrinsic, const hash_t *at,
                            transaction_t *transaction);

/* ---- blocks ---- */

/* runtime_initialize_block starts a block on top of the state: number, parent_hash and digest (the slot) of
 * header count. */
void runtime_initialize_block(rt_t *rt, const header_t *header);

/* runtime_timestamp_inherent writes the extrinsic, length prefix included, that gives the block its time. */
void runtime_timestamp_inherent(scale_writer_t *w, uint64_t now_ms);

/* runtime_apply_extrinsic applies one extrinsic (bytes with their length prefix).  VALID: it is in the block,
 * and *result is how its call ended.  Otherwise it is not, and nothing was written. */
validity_t runtime_apply_extrinsic(rt_t *rt, bytes_t extrinsic, dispatch_t *result);

/* runtime_finalize_block ends the block and gives its header, without a seal; state_root is the host's. */
void runtime_finalize_block(rt_t *rt, header_t *header);

/* runtime_execute_block runs a whole block of a peer and says whether all of it is true: every extrinsic
 * valid, inherents in place, both roots equal.  header without its seal; body as SCALE Vec of opaque
 * extrinsics. */
NODISCARD bool runtime_execute_block(rt_t *rt, const header_t *header, bytes_t body);

/* ---- questions ---- */

uint32_t runtime_account_nonce(rt_t *rt, const account_id_t *who);
uint64_t runtime_slot_duration(rt_t *rt); /* ms */
uint64_t runtime_now(rt_t *rt);           /* Timestamp.Now, ms */
/* runtime_aura_authorities gives the sr25519 keys; their count; at most `most` are written. */
uint32_t runtime_aura_authorities(rt_t *rt, account_id_t *keys, uint32_t most);
/* runtime_grandpa_authorities gives the ed25519 keys. */
uint32_t runtime_grandpa_authorities(rt_t *rt, account_id_t *keys, uint32_t most);

/* runtime_ahead lets a host that only takes notes know of what the end of the block `number` will read (get)
 * and write (remove), as far as it can be told from the state of the block before: of keys that nobody else
 * asks for.  A hint. */
void runtime_ahead(rt_t *rt, uint32_t number, const host_t *notes);

/* What an extrinsic costs at most, as its parts (spec tfgrid 1.4). */
typedef struct {
    u128_t base_fee, len_fee, adjusted_weight_fee, tip;
} fee_details_t;

/* runtime_api runs a runtime function by its name ("Core_version") with encoded arguments; *result is in the
 * rt's arena. false: there is no such function, or the arguments do not decode (rt->fault then says why). */
NODISCARD bool runtime_api(rt_t *rt, bytes_t name, bytes_t args, bytes_t *result);

/* ---- genesis ---- */

#define GENESIS_AUTHORITIES_CAP 16
typedef struct {
    account_id_t account, aura, grandpa;
} genesis_authority_t;
typedef struct {
    account_id_t who;
    u128_t amount;
} genesis_balance_t;
typedef struct {
    genesis_authority_t authorities[GENESIS_AUTHORITIES_CAP];
    uint32_t authority_count;
    const genesis_balance_t *balances;
    uint32_t balance_count;
    account_id_t council[GENESIS_AUTHORITIES_CAP];
    uint32_t council_count;
    account_id_t foundation, sales;
    account_id_t bridge_validators[GENESIS_AUTHORITIES_CAP];
    uint32_t bridge_validator_count;
    account_id_t bridge_fee_account;
    uint64_t billing_frequency;            /* blocks */
    uint32_t tft_price_min, tft_price_max; /* mUSD */
    uint64_t slot_duration_ms;             /* 0: the default of 6000, nothing is written */
    bytes_t code;                          /* the wasm blob; empty: none is written */
} genesis_t;

/* runtime_genesis_dev fills in what `--dev` has (spec tfgrid 1.6); runtime_genesis_local the same with Alice
 * and Bob and frequency 5.  The balances are the runtime's own. */
void runtime_genesis_dev(genesis_t *genesis);
void runtime_genesis_local(genesis_t *genesis);

/* runtime_genesis_build writes the state of block 0. */
void runtime_genesis_build(rt_t *rt, const genesis_t *genesis);

#endif
