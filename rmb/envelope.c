/* envelope.c - envelopes between C and protobuf, and the maths of their life and signature. */
#include "envelope.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "types.pb-c.h"

#define DECIMAL_MAX 21 /* digits of a u64, and a zero */

/* ---- decoding ---- */

static void *take(void *arena, size_t size)
{
    return size > UINT32_MAX ? NULL : arena_take(arena, (uint32_t)size);
}

static void keep(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

/* The shortest form only, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const char *text)
{
    const uint8_t *s = (const uint8_t *)text;
    while (*s) {
        if (*s < 0x80) {
            s++;
            continue;
        }
        uint32_t more  = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : 1;
        uint32_t point = *s & (0x3fu >> more);
        if (*s < 0xc2 || *s > 0xf4) return false;
        for (uint32_t i = 1; i <= more; i++) {
            if ((s[i] & 0xc0) != 0x80) return false;
            point = point << 6 | (s[i] & 0x3fu);
        }
        if (more == 2 && (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))) return false;
        if (more == 3 && (point < 0x10000 || point > 0x10ffff)) return false;
        s += more + 1;
    }
    return true;
}

static bool text_read(const char *from, const char **to)
{
    *to = from;
    return !from || is_utf8(from);
}

static bool address_read(const Rmb__Address *from, bool *has, envelope_address_t *to)
{
    *has = from != NULL;
    if (!from) return true;
    to->twin = from->twin;
    return text_read(from->connection, &to->connection);
}

static bool kind_read(const Rmb__Envelope *from, envelope_t *to)
{
    switch ((int)from->message_case) {
    case RMB__ENVELOPE__MESSAGE_REQUEST:
        to->kind = ENVELOPE_REQUEST;
        return text_read(from->request->command, &to->command);
    case RMB__ENVELOPE__MESSAGE_RESPONSE: to->kind = ENVELOPE_RESPONSE; return true;
    case RMB__ENVELOPE__MESSAGE_ERROR:
        to->kind       = ENVELOPE_ERROR;
        to->error_code = from->error->code;
        return text_read(from->error->message, &to->error_message);
    case RMB__ENVELOPE__MESSAGE_PING: to->kind = ENVELOPE_PING; return true;
    case RMB__ENVELOPE__MESSAGE_PONG: to->kind = ENVELOPE_PONG; return true;
    default: to->kind = ENVELOPE_NONE; return true;
    }
}

static bytes_t binary(const ProtobufCBinaryData *data)
{
    static const uint8_t nothing[1] = {0};
    return (bytes_t){data->len ? data->data : nothing, (uint32_t)data->len};
}

static void payload_read(const Rmb__Envelope *from, envelope_t *to)
{
    switch ((int)from->payload_case) {
    case RMB__ENVELOPE__PAYLOAD_PLAIN:
        to->payload_kind = PAYLOAD_PLAIN;
        to->payload      = binary(&from->plain);
        return;
    case RMB__ENVELOPE__PAYLOAD_CIPHER:
        to->payload_kind = PAYLOAD_CIPHER;
        to->payload      = binary(&from->cipher);
        return;
    default: to->payload_kind = PAYLOAD_NONE; return;
    }
}

static bool relays_read(const Rmb__Envelope *from, envelope_t *to)
{
    if (from->n_relays > ENVELOPE_RELAYS_CAP) return false;
    to->relay_count = (uint32_t)from->n_relays;
    for (uint32_t i = 0; i < to->relay_count; i++)
        if (!text_read(from->relays[i], &to->relays[i])) return false;
    return true;
}

static bool is_short(const char *text, size_t max) { return !text || strlen(text) <= max; }

envelope_status_t envelope_decode(bytes_t wire, arena_t *arena, envelope_t *envelope)
{
    *envelope = (envelope_t){0};
    if (wire.len > RMB_MESSAGE_MAX) return ENVELOPE_TOO_LONG;
    ProtobufCAllocator allocator = {.alloc = take, .free = keep, .allocator_data = arena};
    const Rmb__Envelope *from    = rmb__envelope__unpack(&allocator, wire.len, wire.data);
    if (!from) return ENVELOPE_MALFORMED;

    envelope->timestamp_s  = from->timestamp;
    envelope->expiration_s = from->expiration;
    if (from->has_signature) envelope->signature = binary(&from->signature);
    payload_read(from, envelope);
    if (!text_read(from->uid, &envelope->uid) || !text_read(from->tags, &envelope->tags) ||
        !text_read(from->schema, &envelope->schema) || !text_read(from->federation, &envelope->federation) ||
        !address_read(from->source, &envelope->has_source, &envelope->source) ||
        !address_read(from->destination, &envelope->has_destination, &envelope->destination) ||
        !kind_read(from, envelope) || !relays_read(from, envelope))
        return ENVELOPE_MALFORMED;
    if (!is_short(envelope->uid, RMB_UID_MAX) || !is_short(envelope->source.connection, RMB_CONNECTION_MAX) ||
        !is_short(envelope->destination.connection, RMB_CONNECTION_MAX))
        return ENVELOPE_TOO_LONG;
    return ENVELOPE_OK;
}

/* ---- encoding ---- */

/* What protobuf-c needs to write an envelope; it only reads what the texts point to. */
typedef struct {
    Rmb__Envelope envelope;
    Rmb__Address source, destination;
    Rmb__Request request;
    Rmb__Response response;
    Rmb__Error error;
    Rmb__Ping ping;
    Rmb__Pong pong;
    char *relays[ENVELOPE_RELAYS_CAP];
} packing_t;

/* protobuf-c's structs serve reading and writing, so that their pointers are not const. */
static char *unconst(const char *text)
{
    union {
        const char *in;
        char *out;
    } view = {text};
    return view.out;
}

static ProtobufCBinaryData binary_of(bytes_t v)
{
    return (ProtobufCBinaryData){v.len, (uint8_t *)unconst((const char *)v.data)};
}

static void address_write(const envelope_address_t *from, Rmb__Address *to)
{
    rmb__address__init(to);
    to->has_twin   = from->twin != 0;
    to->twin       = from->twin;
    to->connection = unconst(from->connection);
}

static void kind_write(const envelope_t *from, packing_t *packing)
{
    Rmb__Envelope *to = &packing->envelope;
    switch (from->kind) {
    case ENVELOPE_NONE: break;
    case ENVELOPE_REQUEST:
        rmb__request__init(&packing->request);
        packing->request.command = unconst(from->command);
        to->message_case         = RMB__ENVELOPE__MESSAGE_REQUEST;
        to->request              = &packing->request;
        break;
    case ENVELOPE_RESPONSE:
        rmb__response__init(&packing->response);
        to->message_case = RMB__ENVELOPE__MESSAGE_RESPONSE;
        to->response     = &packing->response;
        break;
    case ENVELOPE_ERROR:
        rmb__error__init(&packing->error);
        packing->error.has_code = from->error_code != 0;
        packing->error.code     = from->error_code;
        packing->error.message  = unconst(from->error_message);
        to->message_case        = RMB__ENVELOPE__MESSAGE_ERROR;
        to->error               = &packing->error;
        break;
    case ENVELOPE_PING:
        rmb__ping__init(&packing->ping);
        to->message_case = RMB__ENVELOPE__MESSAGE_PING;
        to->ping         = &packing->ping;
        break;
    case ENVELOPE_PONG:
        rmb__pong__init(&packing->pong);
        to->message_case = RMB__ENVELOPE__MESSAGE_PONG;
        to->pong         = &packing->pong;
        break;
    }
}

static void payload_write(const envelope_t *from, Rmb__Envelope *to)
{
    switch (from->payload_kind) {
    case PAYLOAD_NONE: break;
    case PAYLOAD_PLAIN:
        to->payload_case = RMB__ENVELOPE__PAYLOAD_PLAIN;
        to->plain        = binary_of(from->payload);
        break;
    case PAYLOAD_CIPHER:
        to->payload_case = RMB__ENVELOPE__PAYLOAD_CIPHER;
        to->cipher       = binary_of(from->payload);
        break;
    }
}

static void pack(const envelope_t *from, packing_t *packing)
{
    assert(from->relay_count <= ENVELOPE_RELAYS_CAP);
    Rmb__Envelope *to = &packing->envelope;
    rmb__envelope__init(to);
    to->uid            = unconst(from->uid);
    to->tags           = unconst(from->tags);
    to->has_timestamp  = from->timestamp_s != 0;
    to->timestamp      = from->timestamp_s;
    to->has_expiration = from->expiration_s != 0;
    to->expiration     = from->expiration_s;
    address_write(&from->source, &packing->source);
    address_write(&from->destination, &packing->destination);
    if (from->has_source) to->source = &packing->source;
    if (from->has_destination) to->destination = &packing->destination;
    kind_write(from, packing);
    to->has_signature = from->signature.data != NULL;
    to->signature     = binary_of(from->signature);
    to->schema        = unconst(from->schema);
    to->federation    = unconst(from->federation);
    payload_write(from, to);
    to->n_relays = from->relay_count;
    to->relays   = packing->relays;
    for (uint32_t i = 0; i < from->relay_count; i++)
        packing->relays[i] = unconst(from->relays[i]);
}

uint32_t envelope_encoded_len(const envelope_t *envelope)
{
    packing_t packing;
    pack(envelope, &packing);
    size_t len = rmb__envelope__get_packed_size(&packing.envelope);
    return len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
}

void envelope_encode(const envelope_t *envelope, uint8_t *wire)
{
    packing_t packing;
    pack(envelope, &packing);
    rmb__envelope__pack(&packing.envelope, wire);
}

/* ---- signature ---- */

static void add_text(EVP_MD_CTX *md5, const char *text)
{
    if (text) EVP_DigestUpdate(md5, text, strlen(text));
}

static void add_decimal(EVP_MD_CTX *md5, uint64_t number)
{
    char text[DECIMAL_MAX];
    snprintf(text, sizeof text, "%" PRIu64, number);
    add_text(md5, text);
}

static void add_address(EVP_MD_CTX *md5, const envelope_address_t *address)
{
    add_decimal(md5, address->twin);
    add_text(md5, address->connection);
}

void envelope_challenge(const envelope_t *envelope, uint8_t challenge[16])
{
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    bool ok         = md5 && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1;
    assert(ok);
    add_text(md5, envelope->uid);
    add_text(md5, envelope->tags);
    add_decimal(md5, envelope->timestamp_s);
    add_decimal(md5, envelope->expiration_s);
    add_address(md5, &envelope->source);
    add_address(md5, &envelope->destination);
    if (envelope->kind == ENVELOPE_REQUEST) add_text(md5, envelope->command);
    if (envelope->kind == ENVELOPE_ERROR) {
        add_decimal(md5, envelope->error_code);
        add_text(md5, envelope->error_message);
    }
    add_text(md5, envelope->schema);
    add_text(md5, envelope->federation);
    if (envelope->payload.len) EVP_DigestUpdate(md5, envelope->payload.data, envelope->payload.len);
    for (uint32_t i = 0; i < envelope->relay_count; i++)
        add_text(md5, envelope->relays[i]);
    EVP_DigestFinal_ex(md5, challenge, NULL);
    EVP_MD_CTX_free(md5);
}

bool envelope_sign(envelope_t *envelope, const keypair_t *key, uint8_t signature[ENVELOPE_SIGNATURE_LEN])
{
    if (key->kind == KEY_ECDSA) return false;
    uint8_t challenge[16];
    envelope_challenge(envelope, challenge);
    signature_t made;
    key_sign(key, (bytes_t){challenge, sizeof challenge}, &made);
    signature[0] = key->kind == KEY_SR25519 ? 's' : 'e';
    memcpy(signature + 1, made.b, 64);
    envelope->signature = (bytes_t){signature, ENVELOPE_SIGNATURE_LEN};
    return true;
}

bool envelope_verify(const envelope_t *envelope, const account_id_t *account)
{
    if (!envelope->signature.data || envelope->signature.len != ENVELOPE_SIGNATURE_LEN) return false;
    uint8_t challenge[16];
    envelope_challenge(envelope, challenge);
    const uint8_t *signature = envelope->signature.data + 1;
    bytes_t message          = {challenge, sizeof challenge};
    switch (envelope->signature.data[0]) {
    case 'e': return ed25519_verify(signature, account->b, message);
    case 's': return sr25519_verify(signature, account->b, message);
    default: return false;
    }
}

/* ---- life ---- */

void envelope_uid(char uid[37])
{
    uint8_t b[16];
    crypto_random(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(uid, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

int64_t envelope_left_s(const envelope_t *envelope, uint64_t now_s)
{
    u128_t end = (u128_t)envelope->timestamp_s + envelope->expiration_s;
    if (end >= now_s) return end - now_s > INT64_MAX ? INT64_MAX : (int64_t)(end - now_s);
    return now_s - end > INT64_MAX ? INT64_MIN : -(int64_t)(now_s - end);
}

bool envelope_stamp(envelope_t *envelope, uint64_t now_s)
{
    if (envelope->timestamp_s != 0 && envelope->timestamp_s <= now_s) {
        int64_t left = envelope_left_s(envelope, now_s);
        if (left <= 0) return false;
        envelope->expiration_s = (uint64_t)left;
    }
    envelope->timestamp_s = now_s;
    return envelope->expiration_s > 0;
}

uint64_t envelope_expiration(uint64_t asked_s)
{
    if (asked_s == 0) return RMB_EXPIRATION_S;
    return asked_s > RMB_EXPIRATION_S_MAX ? RMB_EXPIRATION_S_MAX : asked_s;
}

bool envelope_has_tag(const envelope_t *envelope, const char *tag)
{
    const char *at = envelope->tags ? envelope->tags : "";
    size_t len     = strlen(tag);
    while (*at) {
        size_t word = strcspn(at, ", ");
        if (word == len && memcmp(at, tag, len) == 0) return true;
        at += word + (at[word] != 0);
    }
    return false;
}
