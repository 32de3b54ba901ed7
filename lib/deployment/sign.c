/* sign.c - signatures of a deployment: made and checked. */
#include "deployment.h"
#include "hex.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define POLKA_WALLET "polka-wallet"

/* What a signer signs: the hash, or the text that a browser's wallet makes of it. */
static bytes_t signed_message(const char *style, const uint8_t hash[16], char room[64])
{
    if (strcmp(style, POLKA_WALLET) != 0) return (bytes_t){hash, 16};
    char text[DEPLOYMENT_HASH_TEXT_LEN + 1];
    hex_encode(text, (bytes_t){hash, 16});
    snprintf(room, 64, "<Bytes>%s</Bytes>", text);
    return bytes_text(room);
}

static const deployment_signature_t *first_signature(const deployment_t *d, uint32_t twin_id)
{
    for (uint32_t i = 0; i < d->signature_count; i++)
        if (d->signatures[i].twin_id == twin_id) return &d->signatures[i];
    return NULL;
}

static const account_id_t *account_of(const deployment_signer_t *signers, uint32_t count, uint32_t twin_id)
{
    for (uint32_t i = 0; i < count; i++)
        if (signers[i].twin_id == twin_id) return &signers[i].account;
    return NULL;
}

/* One signature over the deployment in any form that clients hash. */
static bool is_signed_by(const deployment_t *d, signature_t *raw, const account_id_t *who)
{
    for (unsigned form = 0; form < DEPLOYMENT_FORM_COUNT; form++) {
        uint8_t hash[16];
        char room[64];
        if (!deployment_hash(d, (deployment_form_t)form, hash)) return false;
        if (crypto_verify(raw, who, signed_message(d->signature_style, hash, room))) return true;
    }
    return false;
}

__attribute__((format(printf, 2, 3))) static bool refuse(char error[DEPLOYMENT_ERROR_MAX + 1],
                                                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, DEPLOYMENT_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}

/* Who is asked and not required must sign too: zos looks at the empty signature. */
static bool verify_one(const deployment_t *d, const signature_request_t *request, const account_id_t *account,
                       char error[DEPLOYMENT_ERROR_MAX + 1])
{
    const deployment_signature_t *signature = first_signature(d, request->twin_id);
    bool is_required                        = request->is_required || request->twin_id == d->twin_id;
    if (!signature && is_required)
        return refuse(error, "missing required signature for twin '%u'", request->twin_id);
    if (!account) return refuse(error, "failed to get public key for twin '%u'", request->twin_id);
    const char *text = signature ? signature->signature : "";
    size_t len       = strlen(text);
    if (len % 2 != 0 || text[strspn(text, "0123456789abcdefABCDEF")] != 0)
        return refuse(error, "invalid signature: of twin '%u', not hex", request->twin_id);
    signature_t raw = {.kind =
                           signature && strcmp(signature->kind, "sr25519") == 0 ? KEY_SR25519 : KEY_ED25519};
    if (len != 128 || !hex_decode_exact(bytes_text(text), raw.b, 64) || !is_signed_by(d, &raw, account))
        return refuse(error, "failed to verify signature");
    return true;
}

bool deployment_verify(const deployment_t *d, const deployment_signer_t *signers, uint32_t signer_count,
                       char error[DEPLOYMENT_ERROR_MAX + 1])
{
    uint64_t weight = 0;
    bool is_asked   = false;
    for (uint32_t i = 0; i < d->request_count; i++) {
        const signature_request_t *request = &d->requests[i];
        if (!verify_one(d, request, account_of(signers, signer_count, request->twin_id), error)) return false;
        weight += request->weight;
        is_asked = is_asked || request->twin_id == d->twin_id;
    }
    if (!is_asked) return refuse(error, "originator twin id must be in the signature requests");
    return weight >= d->weight_required || refuse(error, "required signature weight is not reached");
}

/* ---- making one ---- */

static bool set_default(json_t *object, const char *key, json_t *value)
{
    if (!json_object_get(object, key)) return json_object_set_new(object, key, value) == 0;
    json_decref(value);
    return true;
}

bool deployment_json_prepare(json_t *json, uint32_t twin_id, uint64_t contract_id)
{
    if (!json_is_object(json)) return false;
    bool is_ok = set_default(json, "version", json_integer(0)) &&
                 set_default(json, "metadata", json_string("")) &&
                 set_default(json, "description", json_string("")) &&
                 set_default(json, "expiration", json_integer(0)) &&
                 json_object_set_new(json, "twin_id", json_integer(twin_id)) == 0 &&
                 json_object_set_new(json, "contract_id", json_integer((json_int_t)contract_id)) == 0;
    if (!json_is_object(json_object_get(json, "signature_requirement")))
        is_ok = is_ok && json_object_set_new(json, "signature_requirement",
                                             json_pack("{s:[{s:I,s:b,s:i}],s:i}", "requests", "twin_id",
                                                       (json_int_t)twin_id, "required", 0, "weight", 1,
                                                       "weight_required", 1)) == 0;
    json_t *requirement = json_object_get(json, "signature_requirement"), *workload;
    is_ok               = is_ok && json_object_set_new(requirement, "signatures", json_array()) == 0;
    size_t i;
    json_array_foreach(json_object_get(json, "workloads"), i, workload)
    {
        json_object_del(workload, "result");
    }
    return is_ok;
}

bool deployment_json_sign(json_t *json, const uint8_t hash[16], uint32_t twin_id, const keypair_t *key)
{
    if (key->kind == KEY_ECDSA) return false;
    json_t *requirement = json_object_get(json, "signature_requirement");
    const char *style   = json_string_value(json_object_get(requirement, "signature_style"));
    json_t *list        = json_object_get(requirement, "signatures");
    if (!json_is_object(requirement)) return false;
    if (!json_is_array(list)) {
        list = json_array();
        if (json_object_set_new(requirement, "signatures", list) != 0) return false;
    }
    char room[64], text[129];
    signature_t signature;
    key_sign(key, signed_message(style ? style : "", hash, room), &signature);
    hex_encode(text, (bytes_t){signature.b, 64});

    for (size_t i = json_array_size(list); i-- > 0;)
        if (json_integer_value(json_object_get(json_array_get(list, i), "twin_id")) == twin_id)
            json_array_remove(list, i);
    json_t *entry = json_pack("{s:I,s:s,s:s}", "twin_id", (json_int_t)twin_id, "signature", text,
                              "signature_type", key->kind == KEY_SR25519 ? "sr25519" : "ed25519");
    return entry && json_array_append_new(list, entry) == 0;
}
