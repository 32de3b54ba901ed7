/* recovery.c - deflate, seal, split; and back. */
#include "recovery.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAGIC_LEN   4u
#define WINDOW_BITS 15

/* What deployments say, most frequent last.  Part of the format TRL1/TRL2: never change it. */
static const char dictionary[] =
    "\"mycelium\":{\"hex_key\":\"\"wireguard_private_key\":\"\"wireguard_listen_port\":\"peers\":[]\"gpu\":[]"
    ",\"planetary\":false"
    "\"public_ip\":\"\"corex\":false\"mode\":\"user\",\"password\":\"\"public\":false\"type\":"
    "\"zdb\"\"type\":\"volume\"\"type\":\"zmachine\""
    "\"type\":\"network\"\"backends\":[\"http://"
    "\"tls_passthrough\":false\"type\":\"gateway-name-proxy\"\"v4\":true,\"v6\":false\"SSH_KEY\":\"ssh-"
    "ed25519 "
    "AAAA\"metadata\":\"{\\\"version\\\":3,\\\"type\\\":\\\"vm\\\",\\\"name\\\":\\\"\\\",\\\"projectName\\\":"
    "\\\"\"metadata\":\"{\\\"ports\\\":[{"
    "\\\"proto\\\":\\\"tcp\\\",\\\"host\\\":8080,\\\"guest\\\":80}]}\"twin_id\":\"expiration\":0,\"network\":"
    "{\"interfaces\":[{\"network\":\"net\",\"ip\":\"10.20."
    "2.2\"}]},\"size\":0,\"compute_capacity\":{\"cpu\":1,\"memory\":268435456},\"mounts\":[{\"name\":"
    "\"data\",\"mountpoint\":\"/data\"}],\"entrypoint\":\"\","
    "\"env\":{},\"flist\":\"oci:https://hub.grid.tf/"
    "\"type\":\"zmachine-light\",\"type\":\"network-light\",\"data\":{\"subnet\":\"10.20.2.0/"
    "24\",\"ip_range\":"
    "\"10.20.0.0/"
    "16\"},\"type\":\"zmount\",\"data\":{\"size\":1073741824},\"metadata\":\"\",\"description\":\"\"},{"
    "\"version\":0,\"name\":\"workloads\":[";

/* slim is a copy without what deployment_json_prepare makes anew. */
static json_t *slim(const json_t *deployment)
{
    json_t *copy = json_deep_copy(deployment), *workload;
    size_t i;
    json_object_del(copy, "contract_id");
    json_object_del(json_object_get(copy, "signature_requirement"), "signatures");
    json_array_foreach(json_object_get(copy, "workloads"), i, workload)
    {
        json_object_del(workload, "result");
    }
    return copy;
}

static bool deflate_text(const char *text, uint8_t *out, uint32_t cap, uint32_t *len)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, 9, Z_DEFLATED, -WINDOW_BITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    bool is_set     = deflateSetDictionary(&stream, (const Bytef *)dictionary, sizeof dictionary - 1) == Z_OK;
    uint8_t *in     = (uint8_t *)strdup(text); /* zlib's next_in is not const */
    stream.next_in  = in;
    stream.avail_in = (uInt)strlen(text);
    stream.next_out = out;
    stream.avail_out = cap;
    bool is_done     = is_set && in && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *len             = cap - stream.avail_out;
    (void)deflateEnd(&stream);
    free(in);
    return is_done;
}

bool recovery_pack(const json_t *deployment, const keypair_t *key, uint8_t **sealed, uint32_t *len)
{
    json_t *copy = slim(deployment);
    char *text   = json_dumps(copy, JSON_COMPACT);
    uint32_t cap = RECOVERY_PARTS_MAX * RECOVERY_PART_MAX - KEY_SEAL_OVERHEAD, plain_len = 0;
    uint8_t *plain = malloc(cap);
    bool is_made   = false;
    *sealed        = NULL;
    if (text && plain && strlen(text) <= RECOVERY_JSON_MAX && deflate_text(text, plain, cap, &plain_len)) {
        *len    = plain_len + KEY_SEAL_OVERHEAD;
        *sealed = malloc(*len);
        is_made = *sealed && key_seal(key, (bytes_t){plain, plain_len}, *sealed);
    }
    json_decref(copy);
    free(text);
    free(plain);
    if (!is_made) {
        free(*sealed);
        *sealed = NULL;
    }
    return is_made;
}

uint32_t recovery_data(const uint8_t *sealed, uint32_t len, uint8_t data[RECOVERY_DATA_MAX], uint32_t *parts)
{
    bool is_short = len <= RECOVERY_DATA_MAX - MAGIC_LEN;
    memcpy(data, is_short ? "TRL1" : "TRL2", MAGIC_LEN); /* NOLINT(bugprone-not-null-terminated-result) */
    *parts = is_short ? 0 : (len + RECOVERY_PART_MAX - 1) / RECOVERY_PART_MAX;
    if (is_short)
        memcpy(data + MAGIC_LEN, sealed, len);
    else
        data[MAGIC_LEN] = (uint8_t)*parts;
    return MAGIC_LEN + (is_short ? len : 1);
}

bool recovery_read(bytes_t data, bytes_t *sealed, uint32_t *parts)
{
    *parts  = 0;
    *sealed = (bytes_t){0};
    if (data.len > MAGIC_LEN && memcmp(data.data, "TRL1", MAGIC_LEN) == 0)
        *sealed = (bytes_t){data.data + MAGIC_LEN, data.len - MAGIC_LEN};
    else if (data.len == MAGIC_LEN + 1 && memcmp(data.data, "TRL2", MAGIC_LEN) == 0)
        *parts = data.data[MAGIC_LEN];
    return sealed->len > KEY_SEAL_OVERHEAD || (*parts > 0 && *parts <= RECOVERY_PARTS_MAX);
}

json_t *recovery_unpack(bytes_t sealed, const keypair_t *key)
{
    uint8_t *plain = malloc(sealed.len + 1), *text = malloc(RECOVERY_JSON_MAX);
    json_t *json    = NULL;
    z_stream stream = {0};
    bool is_open =
        plain && text && key_unseal(key, sealed, plain) && inflateInit2(&stream, -WINDOW_BITS) == Z_OK;
    if (is_open) {
        stream.next_in   = plain;
        stream.avail_in  = sealed.len - KEY_SEAL_OVERHEAD;
        stream.next_out  = text;
        stream.avail_out = RECOVERY_JSON_MAX;
        if (inflateSetDictionary(&stream, (const Bytef *)dictionary, sizeof dictionary - 1) == Z_OK &&
            inflate(&stream, Z_FINISH) == Z_STREAM_END)
            json = json_loadb((const char *)text, RECOVERY_JSON_MAX - stream.avail_out, 0, NULL);
        (void)inflateEnd(&stream);
    }
    free(plain);
    free(text);
    return json;
}
