/* rpc_keys.c - the node's own keys: stored, made anew, looked for. */

#include "keyring.h"
#include "keystore.h"
#include "rpc_internal.h"
#include "scale.h"

#include <string.h>

enum { TYPE_LEN = 4, SESSION_KEYS_MAX = 16 };

static json_t *no_keystore(call_t *call)
{
    return rpc_fail(call, RPC_AUTHOR, NULL, "The key store is unavailable");
}

static bool param_key_type(call_t *call, size_t index, const char **type)
{
    if (!param_text(call, index, type)) return false;
    if (strlen(*type) == TYPE_LEN) return true;
    rpc_fail(call, RPC_AUTHOR, NULL, "Invalid key type ID format (should be of length four)");
    return false;
}

/* is_key_of says whether a public key is a secret URI's, of whatever kind. */
static bool is_key_of(const char *suri, bytes_t public_key)
{
    static const key_kind_t kinds[] = {KEY_SR25519, KEY_ED25519, KEY_ECDSA};
    bool is_found                   = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !is_found; i++) {
        keypair_t key;
        is_found = key_from_suri(suri, kinds[i], &key) == KEY_OK &&
                   bytes_equal(public_key, (bytes_t){key.public_key, key_public_len(kinds[i])});
        key_wipe(&key);
    }
    return is_found;
}

/* Substrate stores whatever it is given, and fails when it wants to sign. */
static json_t *insert_key(call_t *call)
{
    const char *type, *suri;
    bytes_t public_key;
    if (!param_key_type(call, 0, &type) || !param_text(call, 1, &suri) || !param_bytes(call, 2, &public_key))
        return NULL;
    if (!is_key_of(suri, public_key))
        return rpc_bad_param(call, "parameter 3: it is not the public key of the secret URI");
    const char *path = call->rpc->o.keystore;
    return path && keystore_insert(path, type, public_key, suri) ? json_null() : no_keystore(call);
}

static bool make_key(const char *path, const char type[4], key_kind_t kind, uint8_t public_key[32])
{
    char phrase[MNEMONIC_TEXT_MAX + 1];
    keypair_t key;
    bool is_made = mnemonic_generate(12, phrase) && key_from_suri(phrase, kind, &key) == KEY_OK &&
                   keystore_insert(path, type, (bytes_t){key.public_key, 32}, phrase);
    if (is_made) memcpy(public_key, key.public_key, 32);
    crypto_wipe(phrase, sizeof phrase);
    key_wipe(&key);
    return is_made;
}

/* The session keys of the chain, in their order: aura, grandpa. */
static json_t *rotate_keys(call_t *call)
{
    uint8_t keys[64];
    const char *path = call->rpc->o.keystore;
    if (!path || !make_key(path, "aura", KEY_SR25519, keys) ||
        !make_key(path, "gran", KEY_ED25519, keys + 32))
        return no_keystore(call);
    return json_hex((bytes_t){keys, sizeof keys});
}

static bool is_in_use(const uint8_t *used, bytes_t public_key)
{
    return used && public_key.len == 32 && memcmp(used, public_key.data, 32) == 0;
}

static bool has(const rpc_t *rpc, const char type[4], bytes_t public_key)
{
    if (memcmp(type, "aura", 4) == 0 && is_in_use(rpc->o.aura_key, public_key)) return true;
    if (memcmp(type, "gran", 4) == 0 && is_in_use(rpc->o.grandpa_key, public_key)) return true;
    return rpc->o.keystore && keystore_has(rpc->o.keystore, type, public_key);
}

static json_t *has_key(call_t *call)
{
    const char *type;
    bytes_t public_key;
    if (!param_bytes(call, 0, &public_key) || !param_key_type(call, 1, &type)) return NULL;
    return json_boolean(has(call->rpc, type, public_key));
}

/* The runtime says which keys they are. */
static json_t *has_session_keys(call_t *call)
{
    bytes_t encoded, result;
    if (!param_bytes(call, 0, &encoded)) return NULL;
    uint32_t cap     = encoded.len + 8;
    scale_writer_t w = scale_writer(arena_take(call->arena, cap), cap);
    if (!w.start) return rpc_bad_param(call, "parameter 1: too long");
    scale_put_bytes(&w, encoded);
    hash_t best           = chain_best(call->rpc->o.chain).hash;
    chain_status_t status = chain_call(call->rpc->o.chain, &best, BYTES("SessionKeys_decode_session_keys"),
                                       scale_written(&w), call->arena, &result);
    if (status != CHAIN_OK) return rpc_chain_failed(call, status, &best);
    scale_reader_t r = scale_reader(result, NULL);
    if (!scale_get_option(&r))
        return rpc_fail(call, RPC_AUTHOR, NULL, "Session keys are not encoded correctly");
    uint32_t count = scale_get_compact_u32(&r);
    bool has_all   = count <= SESSION_KEYS_MAX;
    for (uint32_t i = 0; i < count && has_all; i++) {
        bytes_t public_key = scale_get_bytes(&r, 64), type = scale_get_slice(&r, TYPE_LEN);
        has_all = !r.failed && has(call->rpc, (const char *)type.data, public_key);
    }
    return json_boolean(has_all);
}

method_table_t rpc_key_methods(void)
{
    static const method_t methods[] = {
        {"author_hasKey",         true, has_key,          "public_key key_type" },
        {"author_hasSessionKeys", true, has_session_keys, "session_keys"        },
        {"author_insertKey",      true, insert_key,       "key_type suri public"},
        {"author_rotateKeys",     true, rotate_keys,      NULL                  },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
