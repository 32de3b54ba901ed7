/* hash.c - the text of a deployment that is hashed, in each form that clients write it. */
#include "deployment.h"
#include "hex.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows.  is_short: memory was, and the text is worth nothing. */
typedef struct {
    char *data;
    size_t len, cap;
    bool is_short;
    deployment_form_t form;
} text_t;

static void put(text_t *t, const char *text)
{
    size_t len = strlen(text);
    if (t->len + len + 1 > t->cap) {
        size_t cap  = (t->cap + len + 1) * 2;
        char *wider = realloc(t->data, cap);
        t->is_short = t->is_short || !wider;
        if (!wider) return;
        t->data = wider;
        t->cap  = cap;
    }
    memcpy(t->data + t->len, text, len + 1);
    t->len += len;
}

static void put_number(text_t *t, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    put(t, text);
}

static void put_flag(text_t *t, bool flag) { put(t, flag ? "true" : "false"); }

static void put_ip(text_t *t, const deployment_ip_t *ip)
{
    put(t, t->form == DEPLOYMENT_FORM_GO ? ip->canonical : ip->text);
}

/* Go prints bytes as lower-case hex, whatever they came as. */
static void put_hex(text_t *t, const char *hex)
{
    char lower[2] = {0};
    for (; *hex; hex++) {
        bool is_upper = *hex >= 'A' && *hex <= 'F' && t->form == DEPLOYMENT_FORM_GO;
        lower[0]      = (char)(is_upper ? *hex + ('a' - 'A') : *hex);
        put(t, lower);
    }
}

static void put_network(text_t *t, const network_data_t *n, bool is_light)
{
    bool is_js_light = is_light && t->form == DEPLOYMENT_FORM_JS_LIGHT;
    put_ip(t, &n->ip_range);
    put_ip(t, &n->subnet);
    put(t, n->private_key);
    if (!is_js_light || n->listen_port != 0) put_number(t, n->listen_port);
    for (uint32_t i = 0; i < n->peer_count; i++) {
        const network_peer_t *peer = &n->peers[i];
        put(t, peer->public_key);
        put(t, peer->endpoint);
        put_ip(t, &peer->subnet);
        for (uint32_t j = 0; j < peer->allowed_ip_count; j++)
            put_ip(t, &peer->allowed_ips[j]);
    }
    if (!n->has_mycelium && is_js_light) put(t, "undefined");
    put_hex(t, n->mycelium_key);
    for (uint32_t i = 0; i < n->mycelium_peer_count; i++)
        put(t, n->mycelium_peers[i]);
}

static void put_machine(text_t *t, const machine_data_t *m, bool is_light)
{
    put(t, m->flist);
    if (!is_light) {
        put(t, m->public_ip);
        put_flag(t, m->is_planetary);
    }
    for (uint32_t i = 0; i < m->interface_count; i++) {
        put(t, m->interfaces[i].network);
        put_ip(t, &m->interfaces[i].ip);
    }
    put(t, m->mycelium_network);
    put_hex(t, m->mycelium_seed);
    put_number(t, m->size);
    put_number(t, m->cpu);
    put_number(t, m->memory);
    for (uint32_t i = 0; i < m->mount_count; i++) {
        put(t, m->mounts[i].name);
        put(t, m->mounts[i].mountpoint);
    }
    put(t, m->entrypoint);
    for (uint32_t i = 0; i < m->env_count; i++) {
        put(t, m->env[i].key);
        put(t, "=");
        put(t, m->env[i].value);
    }
    for (uint32_t i = 0; i < m->gpu_count; i++)
        put(t, m->gpus[i]);
}

static void put_zdb(text_t *t, const zdb_data_t *zdb)
{
    put_number(t, zdb->size);
    put(t, zdb->mode);
    put(t, zdb->password);
    put_flag(t, zdb->is_public);
}

static void put_gateway(text_t *t, const gateway_data_t *g)
{
    put(t, g->name);
    put_flag(t, g->is_tls_passthrough);
    for (uint32_t i = 0; i < g->backend_count; i++)
        put(t, g->backends[i]);
    put(t, g->network);
}

static void put_group(text_t *t, const qsfs_group_t *group)
{
    for (uint32_t i = 0; i < group->backend_count; i++) {
        put(t, group->backends[i].address);
        put(t, group->backends[i].space);
        put(t, group->backends[i].password);
    }
}

static void put_qsfs(text_t *t, const qsfs_data_t *q)
{
    const uint64_t numbers[] = {q->cache,           q->minimal_shards,
                                q->expected_shards, q->redundant_groups,
                                q->redundant_nodes, q->max_data_dir_size};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        put_number(t, numbers[i]);
    put(t, q->algorithm);
    put_hex(t, q->key);
    put(t, q->meta_type);
    put(t, q->meta_prefix);
    put(t, q->meta_algorithm);
    put_hex(t, q->meta_key);
    put_group(t, &q->meta);
    for (uint32_t i = 0; i < q->group_count; i++)
        put_group(t, &q->groups[i]);
    put(t, q->compression);
}

static void put_data(text_t *t, const workload_t *w)
{
    switch (w->kind) {
    case WORKLOAD_ZMOUNT:
    case WORKLOAD_VOLUME: put_number(t, w->size); return;
    case WORKLOAD_NETWORK:
    case WORKLOAD_NETWORK_LIGHT: put_network(t, &w->network, w->kind == WORKLOAD_NETWORK_LIGHT); return;
    case WORKLOAD_ZMACHINE:
    case WORKLOAD_ZMACHINE_LIGHT: put_machine(t, &w->machine, w->kind == WORKLOAD_ZMACHINE_LIGHT); return;
    case WORKLOAD_ZDB: put_zdb(t, &w->zdb); return;
    case WORKLOAD_IP:
        put_flag(t, w->ip.v4);
        put_flag(t, w->ip.v6);
        return;
    case WORKLOAD_GATEWAY_NAME:
    case WORKLOAD_GATEWAY_FQDN: put_gateway(t, &w->gateway); return;
    case WORKLOAD_QSFS: put_qsfs(t, &w->qsfs); return;
    case WORKLOAD_ZLOGS:
        put(t, w->zlogs.machine);
        put(t, w->zlogs.output);
        return;
    case WORKLOAD_IPV4:
    case WORKLOAD_KIND_COUNT: return;
    }
}

static void put_workload(text_t *t, const workload_t *w)
{
    put_number(t, w->version);
    put(t, w->name);
    put(t, workload_kind_text(w->kind));
    put(t, w->metadata);
    put(t, w->description);
    put_data(t, w);
}

static char *text_end(text_t *t)
{
    if (!t->is_short) return t->data;
    free(t->data);
    return NULL;
}

char *workload_challenge(const workload_t *workload, deployment_form_t form)
{
    text_t t = {.form = form};
    put_workload(&t, workload);
    return text_end(&t);
}

char *deployment_challenge(const deployment_t *d, deployment_form_t form)
{
    text_t t = {.form = form};
    char expiration[24];
    put_number(&t, d->version);
    put_number(&t, d->twin_id);
    put(&t, d->metadata);
    put(&t, d->description);
    snprintf(expiration, sizeof expiration, "%" PRId64, d->expiration_s);
    put(&t, expiration);
    for (uint32_t i = 0; i < d->workload_count; i++)
        put_workload(&t, &d->workloads[i]);
    for (uint32_t i = 0; i < d->request_count; i++) {
        put_number(&t, d->requests[i].twin_id);
        put_flag(&t, d->requests[i].is_required);
        put_number(&t, d->requests[i].weight);
    }
    put_number(&t, d->weight_required);
    if (form == DEPLOYMENT_FORM_GO) put(&t, d->signature_style); /* clients in JS do not know it */
    return text_end(&t);
}

bool deployment_hash(const deployment_t *deployment, deployment_form_t form, uint8_t hash[16])
{
    char *text = deployment_challenge(deployment, form);
    bool is_ok = text && EVP_Digest(text, strlen(text), hash, NULL, EVP_md5(), NULL) == 1;
    free(text);
    return is_ok;
}

bool deployment_hash_text(const deployment_t *deployment, deployment_form_t form,
                          char text[DEPLOYMENT_HASH_TEXT_LEN + 1])
{
    uint8_t hash[16];
    if (!deployment_hash(deployment, form, hash)) return false;
    hex_encode(text, (bytes_t){hash, sizeof hash});
    return true;
}

bool deployment_has_hash(const deployment_t *deployment, const uint8_t contract_hash[32],
                         deployment_form_t *form)
{
    char text[DEPLOYMENT_HASH_TEXT_LEN + 1];
    for (unsigned i = 0; i < DEPLOYMENT_FORM_COUNT; i++) {
        *form = (deployment_form_t)i;
        if (!deployment_hash_text(deployment, *form, text)) return false;
        if (memcmp(text, contract_hash, DEPLOYMENT_HASH_TEXT_LEN) == 0) return true;
    }
    return false;
}
