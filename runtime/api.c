/* api.c - the runtime's functions by name, as state_call and the blob have them (spec chain-host 5.8). */

#include "aura/aura.h"
#include "authorship/authorship.h"
#include "extension.h"
#include "runtime.h"
#include "runtime_version.h"
#include "smart_contract/smart_contract.h"
#include "system/system.h"
#include "transaction_payment/transaction_payment.h"

#include <string.h>

enum { RESULT_SMALL = 4096 };

typedef struct {
    rt_t *rt;
    scale_reader_t in;
    scale_writer_t out;
} api_call_t;

static void room(api_call_t *c, uint32_t cap)
{
    c->out = scale_writer(arena_take(&c->rt->arena, cap), cap);
    if (!c->out.start) rt_fault(c->rt, "memory is too small for an answer");
}

/* ------------------------------------------------------------------------------------ questions */

uint32_t runtime_account_nonce(rt_t *rt, const account_id_t *who)
{
    system_account_info_t account;
    system_account_get(rt, who, &account);
    return account.nonce;
}

uint64_t runtime_slot_duration(rt_t *rt) { return aura_slot_duration(rt); }
uint64_t runtime_now(rt_t *rt) { return timestamp_now_get(rt); }

uint32_t runtime_aura_authorities(rt_t *rt, account_id_t *keys, uint32_t most)
{
    bytes32_vec_t authorities;
    aura_authorities_get(rt, &authorities);
    for (uint32_t i = 0; i < authorities.len && i < most; i++)
        memcpy(keys[i].b, authorities.items[i].b, 32);
    return authorities.len;
}

void runtime_ahead(rt_t *rt, uint32_t number, const host_t *notes)
{
    smart_contract_bills_ahead(rt, number, notes);
}

/* The list stands under a raw key: a version byte, then Vec<(key, weight)> (spec tfgrid 1.6). */
static bytes_t grandpa_list(rt_t *rt)
{
    bytes_t value;
    if (!rt->host->get(rt->host->state, BYTES(":grandpa_authorities"), &rt->arena, &value) || value.len < 1)
        return BYTES("\0");
    return (bytes_t){value.data + 1, value.len - 1};
}

uint32_t runtime_grandpa_authorities(rt_t *rt, account_id_t *keys, uint32_t most)
{
    scale_reader_t r = scale_reader(grandpa_list(rt), NULL);
    uint32_t count   = scale_get_compact_u32(&r);
    for (uint32_t i = 0; i < count && i < most; i++) {
        scale_get_account_id(&r, &keys[i]);
        (void)scale_get_u64(&r);
    }
    return r.failed ? 0 : count;
}

void runtime_version_encode(scale_writer_t *w)
{
    static const uint8_t version[] = {RUNTIME_VERSION_BYTES};
    scale_put_raw(w, version, sizeof version);
}

bool runtime_code_version(bytes_t code, arena_t *arena, scale_writer_t *w)
{
    system_runtime_version_t version;
    if (!system_code_version(code, arena, &version)) return false;
    system_runtime_version_encode(w, &version);
    return true;
}

bool runtime_code_is_own(bytes_t code, arena_t *arena)
{
    system_runtime_version_t version;
    return system_code_version(code, arena, &version) && version.spec_version == RUNTIME_SPEC_VERSION &&
           bytes_equal(version.spec_name, BYTES(RUNTIME_SPEC_NAME));
}

/* ------------------------------------------------------------------------------------ Core, BlockBuilder */

static void core_version(api_call_t *c)
{
    room(c, RESULT_SMALL);
    runtime_version_encode(&c->out);
}

static void core_initialize_block(api_call_t *c)
{
    header_t header;
    header_decode(&c->in, &header);
    if (scale_done(&c->in)) runtime_initialize_block(c->rt, &header);
    room(c, 1);
}

static void core_execute_block(api_call_t *c)
{
    header_t header;
    header_decode(&c->in, &header);
    while (header.digest_count > 0 && header.digest[header.digest_count - 1].kind == DIGEST_SEAL)
        header.digest_count--;
    bytes_t body = scale_get_slice(&c->in, scale_left(&c->in));
    if (c->in.failed || !runtime_execute_block(c->rt, &header, body))
        rt_fault(c->rt, "the block is not valid");
    room(c, 1);
}

static void apply_extrinsic(api_call_t *c)
{
    const uint8_t *start = c->in.at;
    (void)scale_get_bytes(&c->in, UINT32_MAX);
    dispatch_t result;
    validity_t validity =
        c->in.failed
            ? INVALID_CALL
            : runtime_apply_extrinsic(c->rt, (bytes_t){start, (uint32_t)(c->in.at - start)}, &result);
    room(c, RESULT_SMALL);
    scale_put_u8(&c->out, validity != VALID);
    if (validity != VALID) {
        validity_encode(&c->out, validity);
        return;
    }
    support_dispatch_error_result_t told = support_dispatch_result_from(result);
    support_dispatch_error_result_encode(&c->out, &told);
}

static void finalize_block(api_call_t *c)
{
    header_t header;
    runtime_finalize_block(c->rt, &header);
    room(c, RESULT_SMALL * 2);
    header_encode(&c->out, &header);
}

/* InherentData is Vec<(id, bytes)>; of it only the time makes an extrinsic. */
static void inherent_extrinsics(api_call_t *c)
{
    uint32_t count = scale_get_compact_u32(&c->in);
    uint64_t now   = 0;
    bool has_time  = false;
    for (uint32_t i = 0; i < count && !c->in.failed; i++) {
        uint8_t id[8];
        scale_get_raw(&c->in, id, sizeof id);
        scale_reader_t value = scale_reader(scale_get_bytes(&c->in, UINT32_MAX), NULL);
        if (memcmp(id, "timstap0", sizeof id) == 0) {
            now      = scale_get_u64(&value);
            has_time = scale_done(&value);
        }
    }
    room(c, 64);
    scale_put_compact(&c->out, has_time ? 1 : 0);
    if (has_time) runtime_timestamp_inherent(&c->out, now);
}

/* CheckInherentsResult: okay, no fatal error, no errors.  A wrong time is a fault when the block is executed.
 */
static void check_inherents(api_call_t *c)
{
    (void)scale_get_slice(&c->in, scale_left(&c->in));
    room(c, 8);
    scale_put_bool(&c->out, true);
    scale_put_bool(&c->out, false);
    scale_put_compact(&c->out, 0);
}

/* ------------------------------------------------------------------------------------ Metadata */

/* Metadata 14 is what clients of old know; 15 adds the runtime API with its types. */
static bytes_t metadata_of(uint32_t version)
{
    if (version == 14) return (bytes_t){runtime_metadata, runtime_metadata_len};
    return version == 15 ? (bytes_t){runtime_metadata_v15, runtime_metadata_v15_len} : (bytes_t){0};
}

static void metadata(api_call_t *c)
{
    room(c, runtime_metadata_len + 16);
    scale_put_bytes(&c->out, metadata_of(14));
}

static void metadata_versions(api_call_t *c)
{
    room(c, 16);
    scale_put_compact(&c->out, 2);
    scale_put_u32(&c->out, 14);
    scale_put_u32(&c->out, 15);
}

static void metadata_at_version(api_call_t *c)
{
    bytes_t found = metadata_of(scale_get_u32(&c->in));
    room(c, found.len + 16);
    scale_put_option(&c->out, found.len != 0);
    if (found.len) scale_put_bytes(&c->out, found);
}

/* ------------------------------------------------------------------------------------ the pool */

static void put_tags(scale_writer_t *w, const bytes_t *tags, uint32_t count)
{
    scale_put_compact(w, count);
    for (uint32_t i = 0; i < count; i++)
        scale_put_bytes(w, tags[i]);
}

static void validate_transaction(api_call_t *c)
{
    transaction_source_t source = (transaction_source_t)scale_get_u8(&c->in);
    const uint8_t *start        = c->in.at;
    (void)scale_get_bytes(&c->in, UINT32_MAX);
    bytes_t extrinsic = {start, (uint32_t)(c->in.at - start)};
    hash_t at;
    scale_get_hash(&c->in, &at);
    transaction_t t;
    validity_t validity = c->in.failed ? INVALID_CALL : runtime_validate(c->rt, source, extrinsic, &at, &t);
    room(c, RESULT_SMALL);
    scale_put_u8(&c->out, validity != VALID);
    if (validity != VALID) {
        validity_encode(&c->out, validity);
        return;
    }
    scale_put_u64(&c->out, t.priority);
    put_tags(&c->out, t.requires, t.requires_count);
    put_tags(&c->out, t.provides, t.provides_count);
    scale_put_u64(&c->out, t.longevity);
    scale_put_bool(&c->out, t.propagate);
}

static void offchain_worker(api_call_t *c)
{
    (void)scale_get_slice(
        &c->in, scale_left(&c->in)); /* billing is done in the block: there is no work left for it */
    room(c, 1);
}

static void account_nonce(api_call_t *c)
{
    account_id_t who;
    scale_get_account_id(&c->in, &who);
    room(c, 8);
    scale_put_u32(&c->out, runtime_account_nonce(c->rt, &who));
}

/* ------------------------------------------------------------------------------------ fees */

static void put_info(scale_writer_t *w, const dispatch_info_t *info, u128_t fee)
{
    scale_put_compact(w, info->weight.ref_time);
    scale_put_compact(w, info->weight.proof_size);
    scale_put_u8(w, (uint8_t)info->class);
    scale_put_u128(w, fee);
}

/* The tip is not part of what query_info and query_fee_details foretell; the signature is never looked at. */
static bool read_queried(api_call_t *c, dispatch_info_t *info, uint32_t *len)
{
    const uint8_t *start = c->in.at;
    (void)scale_get_bytes(&c->in, UINT32_MAX);
    extrinsic_t x;
    if (c->in.failed ||
        !extrinsic_decode((bytes_t){start, (uint32_t)(c->in.at - start)}, &c->rt->arena, &x)) {
        scale_fail(&c->in);
        return false;
    }
    *len              = scale_get_u32(&c->in);
    *info             = runtime_call_dispatch_info(&x.call);
    info->pays_no_fee = info->pays_no_fee || !x.is_signed;
    return !c->in.failed;
}

static void query_info(api_call_t *c)
{
    dispatch_info_t info;
    uint32_t len;
    room(c, 64);
    if (!read_queried(c, &info, &len)) return;
    fee_details_t fee = extension_fee(c->rt, &info, len, 0);
    put_info(&c->out, &info, fee_total(&fee));
}

static void put_fee_details(scale_writer_t *w, const dispatch_info_t *info, const fee_details_t *fee)
{
    scale_put_option(w, !info->pays_no_fee);
    if (!info->pays_no_fee) {
        scale_put_u128(w, fee->base_fee);
        scale_put_u128(w, fee->len_fee);
        scale_put_u128(w, fee->adjusted_weight_fee);
    }
    scale_put_u128(w, 0);
}

static void query_fee_details(api_call_t *c)
{
    dispatch_info_t info;
    uint32_t len;
    room(c, 128);
    if (!read_queried(c, &info, &len)) return;
    fee_details_t fee = extension_fee(c->rt, &info, len, 0);
    put_fee_details(&c->out, &info, &fee);
}

static void weight_to_fee(api_call_t *c)
{
    uint64_t ref_time = scale_get_compact(&c->in);
    (void)scale_get_compact(&c->in);
    room(c, 32);
    scale_put_u128(&c->out, transaction_payment_weight_fee(ref_time));
}

static void length_to_fee(api_call_t *c)
{
    uint32_t len = scale_get_u32(&c->in);
    room(c, 32);
    scale_put_u128(&c->out, len);
}

/* ------------------------------------------------------------------------------------ consensus, session
 * keys */

static void aura_slot_duration_call(api_call_t *c)
{
    room(c, 8);
    scale_put_u64(&c->out, aura_slot_duration(c->rt));
}

static void aura_authorities_call(api_call_t *c)
{
    bytes32_vec_t authorities;
    aura_authorities_get(c->rt, &authorities);
    room(c, authorities.len * 32 + 8);
    bytes32_vec_encode(&c->out, authorities);
}

static void grandpa_authorities_call(api_call_t *c)
{
    bytes_t list = grandpa_list(c->rt);
    room(c, list.len + 1);
    scale_put_raw(&c->out, list.data, list.len);
}

static void grandpa_set_id(api_call_t *c)
{
    room(c, 8);
    scale_put_u64(&c->out, grandpa_current_set_id_get(c->rt));
}

static void no_proof(api_call_t *c)
{
    (void)scale_get_slice(&c->in, scale_left(&c->in)); /* equivocations are not reported on this chain */
    room(c, 1);
    scale_put_option(&c->out, false);
}

/* Session keys are aura sr25519, then grandpa ed25519; decoded as Option<Vec<(key, key type)>>. */
static void decode_session_keys(api_call_t *c)
{
    bytes_t keys = scale_get_bytes(&c->in, UINT32_MAX);
    room(c, 128);
    scale_put_option(&c->out, keys.len == 64);
    if (keys.len != 64) return;
    scale_put_compact(&c->out, 2);
    scale_put_bytes(&c->out, (bytes_t){keys.data, 32});
    scale_put_raw(&c->out, "aura", 4);
    scale_put_bytes(&c->out, (bytes_t){keys.data + 32, 32});
    scale_put_raw(&c->out, "gran", 4);
}

static const struct {
    const char *name;
    void (*run)(api_call_t *c);
} functions[] = {
    {"Core_version",                                             core_version            },
    {"Core_initialize_block",                                    core_initialize_block   },
    {"Core_execute_block",                                       core_execute_block      },
    {"BlockBuilder_apply_extrinsic",                             apply_extrinsic         },
    {"BlockBuilder_finalize_block",                              finalize_block          },
    {"BlockBuilder_inherent_extrinsics",                         inherent_extrinsics     },
    {"BlockBuilder_check_inherents",                             check_inherents         },
    {"Metadata_metadata",                                        metadata                },
    {"Metadata_metadata_versions",                               metadata_versions       },
    {"Metadata_metadata_at_version",                             metadata_at_version     },
    {"TaggedTransactionQueue_validate_transaction",              validate_transaction    },
    {"OffchainWorkerApi_offchain_worker",                        offchain_worker         },
    {"AccountNonceApi_account_nonce",                            account_nonce           },
    {"TransactionPaymentApi_query_info",                         query_info              },
    {"TransactionPaymentApi_query_fee_details",                  query_fee_details       },
    {"TransactionPaymentApi_query_weight_to_fee",                weight_to_fee           },
    {"TransactionPaymentApi_query_length_to_fee",                length_to_fee           },
    {"AuraApi_slot_duration",                                    aura_slot_duration_call },
    {"AuraApi_authorities",                                      aura_authorities_call   },
    {"GrandpaApi_grandpa_authorities",                           grandpa_authorities_call},
    {"GrandpaApi_current_set_id",                                grandpa_set_id          },
    {"GrandpaApi_generate_key_ownership_proof",                  no_proof                },
    {"GrandpaApi_submit_report_equivocation_unsigned_extrinsic", no_proof                },
    {"SessionKeys_decode_session_keys",                          decode_session_keys     },
};

bool runtime_api(rt_t *rt, bytes_t name, bytes_t args, bytes_t *result)
{
    for (uint32_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const char *known = functions[i].name;
        uint32_t len      = 0;
        while (known[len])
            len++;
        if (!bytes_equal(name, (bytes_t){(const uint8_t *)known, len})) continue;
        api_call_t c = {.rt = rt, .in = scale_reader(args, &rt->arena)};
        functions[i].run(&c);
        if (!scale_done(&c.in)) rt_fault(rt, "the arguments do not decode");
        if (c.out.failed) rt_fault(rt, "the answer is too long");
        *result = scale_written(&c.out);
        return !rt->fault;
    }
    return false;
}
