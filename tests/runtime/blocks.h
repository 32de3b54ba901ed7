/* blocks.h - a dev chain over a table, block by block, with extrinsics signed by real keys. */
#ifndef BLOCKS_H
#define BLOCKS_H
#include "keyring.h"
#include "runtime.h"
#include "runtime_call.h"
#include "table_host.h"

/* The chain that the tests look at; blocks_start makes it anew. */
extern rt_t rt;
extern table_t *table;
extern keypair_t alice, bob, charlie, eve, ed, ec; /* ed: ed25519, ec: ecdsa, neither has an account */
extern hash_t genesis_hash;

void blocks_start(void);
void blocks_stop(void);

/* block_open starts a block in the next slot and sets its time; block_close ends it.  Both end the test
 * program when the runtime faults. */
void block_open(void);
header_t block_close(void);

/* The extrinsics of the block so far, as a body has them. */
extern scale_writer_t block_body;
extern uint32_t block_count;

/* How the next extrinsic is signed; set back to these after each. */
typedef struct {
    uint64_t nonce; /* SIGN_NEXT: the account's */
    u128_t tip;
    era_t era;    /* immortal */
    hash_t birth; /* of the era */
    uint32_t spec_version;
    bool is_forged; /* a bit of the signature is wrong */
} sign_t;
#define SIGN_NEXT UINT64_MAX
extern sign_t sign;

/* signed_call wraps an encoded call; the bytes last until the next one. */
bytes_t signed_call(const keypair_t *who, bytes_t call);

/* The last applied extrinsic: its result, fee (what the signer paid) and length. */
extern dispatch_t last_result;
validity_t apply(bytes_t extrinsic);
extern uint32_t last_len;

/* CALL_BYTES encodes a call; APPLY signs and applies it. */
extern scale_writer_t call_writer;
#define CALL_BYTES(name_, ...)                                                                               \
    (call_writer.len = 0, name_##_call_encode(&call_writer, &(name_##_args_t){__VA_ARGS__}),                 \
     scale_written(&call_writer))
#define APPLY(who_, name_, ...) apply(signed_call(&(who_), CALL_BYTES(name_, __VA_ARGS__)))
#define ID(who_)                                                                                             \
    {                                                                                                        \
        .kind = SUPPORT_MULTI_ADDRESS_ID, .id = (who_).account                                               \
    }

u128_t free_of(const account_id_t *who);
u128_t reserved_of(const account_id_t *who);
system_account_info_t account_of(const account_id_t *who);

/* events gives the records of the block so far; event_names writes "Pallet.Event ..." of one extrinsic (or
 * phase). */
system_event_record_vec_t events(void);
const char *event_names(uint32_t extrinsic);

/* issuance_is_whole: the sum of all accounts is the total issuance. */
bool issuance_is_whole(void);

#endif
