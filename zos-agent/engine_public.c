/* engine_public.c - public addresses: which contract has which, and whose machine gets it.
 *
 * Only the chain gives them: a contract's list is kept before its deployment is taken (engine_reserve), each
 * `ip` or `ipv4` workload takes one of it, and remembers that in its result.  There is nothing to do on the
 * machine for the workload itself: the address is part of the network of the machine that names it. */
#include "base58.h"
#include "engine_internal.h"
#include "hash.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool workload_is_address(const workload_t *w) { return w->kind == WORKLOAD_IP || w->kind == WORKLOAD_IPV4; }

bool address_offered(const engine_t *engine, const workload_t *w, char error[ENGINE_ERROR_MAX + 1])
{
    const char *why = NULL;
    if (!engine->config.has_public) why = "this node has no public config: it offers no public addresses";
    if (!why && w->kind == WORKLOAD_IP && w->ip.v6 && !engine->config.has_public6)
        why = "this node offers no public IPv6 addresses";
    if (why) snprintf(error, ENGINE_ERROR_MAX + 1, "workload '%s': %s", w->name, why);
    return why == NULL;
}

/* ---- what the chain reserved ---- */

/* An address that a machine can have: "A.B.C.D/N" and a gateway. */
static bool read_address(const char *ip, const char *gateway, public_plan_t *plan)
{
    char text[INET_ADDRSTRLEN], *end;
    const char *slash = strchr(ip, '/');
    size_t len        = slash ? (size_t)(slash - ip) : 0;
    *plan             = (public_plan_t){0};
    if (len == 0 || len >= sizeof text) return false;
    memcpy(text, ip, len);
    text[len]            = 0;
    unsigned long prefix = strtoul(slash + 1, &end, 10);
    plan->prefix         = (uint8_t)prefix;
    plan->is_given = *end == 0 && slash[1] != 0 && prefix <= 32 && inet_pton(AF_INET, text, plan->ip) == 1 &&
                     inet_pton(AF_INET, gateway, plan->gateway) == 1 && plan->ip[0] != 0 &&
                     plan->ip[0] != 127 && plan->ip[0] < 224 && memcmp(plan->ip, plan->gateway, 4) != 0;
    return plan->is_given;
}

/* What a workload has, by its result. */
static bool address_of(const record_t *record, public_plan_t *plan)
{
    json_t *json        = record->data && record->data[0] ? json_loads(record->data, 0, NULL) : NULL;
    const char *ip      = json_string_value(json_object_get(json, "ip"));
    const char *gateway = json_string_value(json_object_get(json, "gateway"));
    const char *ip6     = json_string_value(json_object_get(json, "ip6"));
    char text[INET6_ADDRSTRLEN];
    if (!ip || !gateway || !read_address(ip, gateway, plan)) *plan = (public_plan_t){0};
    snprintf(text, sizeof text, "%.*s", (int)strcspn(ip6 ? ip6 : "", "/"), ip6 ? ip6 : "");
    plan->has_ip6 = inet_pton(AF_INET6, text, plan->ip6) == 1;
    json_decref(json);
    return plan->is_given || plan->has_ip6;
}

static bool is_kept(const engine_t *engine, uint64_t contract_id, const engine_address_t *addresses,
                    uint32_t count)
{
    uint32_t at  = 0;
    bool is_same = true;
    db_rows_t *rows =
        db_ask(engine->config.db, "SELECT ip, gateway FROM reserved WHERE contract = ?1 ORDER BY rowid", "i",
               (int64_t)contract_id);
    for (; db_next(&rows); at++)
        is_same = is_same && at < count && strcmp(db_text(rows, 0), addresses[at].ip) == 0 &&
                  strcmp(db_text(rows, 1), addresses[at].gateway) == 0;
    return is_same && at == count;
}

static bool is_among(const public_plan_t *plan, const engine_address_t *addresses, uint32_t count)
{
    public_plan_t one;
    for (uint32_t i = 0; i < count; i++)
        if (read_address(addresses[i].ip, addresses[i].gateway, &one) && memcmp(one.ip, plan->ip, 4) == 0)
            return true;
    return false;
}

/* A chain that was reorganised may have reserved others: who has none of them takes a new one, and his
 * machine with him. */
static void take_back(engine_t *engine, uint64_t contract_id, const engine_address_t *addresses,
                      uint32_t count)
{
    public_plan_t plan;
    entry_t *entry = entry_find(engine, contract_id);
    for (record_t *record = entry ? entry->records : NULL; record; record = record->next) {
        if (!workload_is_address(record->workload) || !address_of(record, &plan) || !plan.is_given ||
            is_among(&plan, addresses, count))
            continue;
        free(record->data);
        record->data     = NULL;
        record->is_dirty = true;
        for (record_t *machine = entry->records; machine; machine = machine->next)
            if (machine->workload->kind == WORKLOAD_ZMACHINE &&
                strcmp(machine->workload->machine.public_ip, record->workload->name) == 0) {
                machine->is_dirty = true;
                machine->is_known = false;
                machine->gate     = GATE_UNKNOWN;
            }
    }
}

bool engine_reserve(engine_t *engine, uint64_t contract_id, const engine_address_t *addresses, uint32_t count)
{
    db_t *db = engine->config.db;
    if (is_kept(engine, contract_id, addresses, count)) return true;
    db_begin(db);
    bool is_ok = db_do(db, "DELETE FROM reserved WHERE contract = ?1", "i", (int64_t)contract_id);
    for (uint32_t i = 0; i < count && is_ok; i++)
        is_ok = db_do(db, "INSERT OR IGNORE INTO reserved(contract, ip, gateway) VALUES(?1, ?2, ?3)", "itt",
                      (int64_t)contract_id, addresses[i].ip, addresses[i].gateway);
    is_ok = is_ok ? db_end(db) : db_undo(db);
    if (is_ok) take_back(engine, contract_id, addresses, count);
    return is_ok;
}

static bool is_taken(const engine_t *engine, const record_t *record, const public_plan_t *plan)
{
    public_plan_t theirs;
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *other = entry->records; other; other = other->next)
            if (other != record && workload_is_address(other->workload) && record_is_active(other) &&
                address_of(other, &theirs) && theirs.is_given && memcmp(theirs.ip, plan->ip, 4) == 0)
                return true;
    return false;
}

/* The second half as zos makes it of an Ethernet address: here of the workload's name, so it stays. */
static void make_ip6(const engine_t *engine, const record_t *record, char text[INET6_ADDRSTRLEN + 4])
{
    uint8_t ip6[16];
    char plain[INET6_ADDRSTRLEN];
    memcpy(ip6, engine->config.public_net6, 8);
    blake2b(ip6 + 8, 8, bytes_text(record->wid));
    ip6[8] = (uint8_t)((ip6[8] & ~0x03) | 0x02);
    snprintf(text, INET6_ADDRSTRLEN + 4, "%s/64", inet_ntop(AF_INET6, ip6, plain, sizeof plain));
}

static char *result_text(const workload_t *w, const char *ip, const char *ip6, const char *gateway)
{
    json_t *json = w->kind == WORKLOAD_IPV4
                       ? json_pack("{s:s,s:s}", "ip", ip, "gateway", gateway)
                       : json_pack("{s:s,s:s,s:s}", "ip", ip, "ip6", ip6, "gateway", gateway);
    char *text   = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

/* The first address of its contract that nobody has. */
static host_result_t find_address(const engine_t *engine, const record_t *record, engine_address_t *found)
{
    public_plan_t plan;
    uint32_t count = 0;
    found->ip[0]   = 0;
    db_rows_t *rows =
        db_ask(engine->config.db, "SELECT ip, gateway FROM reserved WHERE contract = ?1 ORDER BY rowid", "i",
               (int64_t)record->entry->contract_id);
    while (db_next(&rows)) {
        if (found->ip[0] || !read_address(db_text(rows, 0), db_text(rows, 1), &plan)) continue;
        count++;
        if (is_taken(engine, record, &plan)) continue;
        snprintf(found->ip, sizeof found->ip, "%s", db_text(rows, 0));
        snprintf(found->gateway, sizeof found->gateway, "%s", db_text(rows, 1));
    }
    if (found->ip[0]) return host_ok();
    if (count > 0) return host_fail(HOST_WAITS, "its contract's public address is still in use on this node");
    return host_fail(HOST_REFUSED, "its contract reserves no public address");
}

host_result_t plan_address(engine_t *engine, record_t *record)
{
    public_plan_t plan;
    const workload_t *w            = record->workload;
    engine_address_t found         = {.ip = ""};
    char ip6[INET6_ADDRSTRLEN + 4] = "";
    host_result_t result           = host_ok();
    if (address_of(record, &plan)) return result;
    if (w->kind == WORKLOAD_IPV4 || w->ip.v4) result = find_address(engine, record, &found);
    if (result.status != HOST_OK) return result;
    if (w->kind == WORKLOAD_IP && w->ip.v6) make_ip6(engine, record, ip6);
    char *text = result_text(w, found.ip, ip6, found.gateway);
    if (!text) return host_fail(HOST_LATER, "no memory");
    free(record->data);
    record->data = text;
    return result;
}

/* ---- who gets it ---- */

host_result_t plan_public_wait(const record_t *machine)
{
    const char *name      = machine->workload->machine.public_ip;
    const record_t *other = name[0] ? record_find(machine->entry, name) : NULL;
    if (!name[0]) return host_ok();
    if (!other || !record_is_active(other))
        return host_fail(HOST_REFUSED, "its public address %s failed", name);
    if (other->state == WORKLOAD_INIT) return host_fail(HOST_WAITS, "waits for its public address %s", name);
    return host_ok();
}

void plan_public(const record_t *machine, public_plan_t *plan)
{
    const char *name =
        machine->workload->kind == WORKLOAD_ZMACHINE ? machine->workload->machine.public_ip : "";
    const record_t *other = name[0] ? record_find(machine->entry, name) : NULL;
    *plan                 = (public_plan_t){0};
    if (other && workload_is_address(other->workload) && record_is_active(other))
        (void)address_of(other, plan);
}

json_t *engine_public_ips(const engine_t *engine)
{
    json_t *list = json_array();
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next) {
            if (!workload_is_address(record->workload) || record->state != WORKLOAD_OK) continue;
            json_t *data   = record->data ? json_loads(record->data, 0, NULL) : NULL;
            const char *ip = json_string_value(json_object_get(data, "ip"));
            if (ip && ip[0]) json_array_append_new(list, json_string(ip));
            json_decref(data);
        }
    return list;
}

/* ---- IPv6 inside networks ---- */

/* fdXX:XXXX:XXXX:SS::/64, as zos has it: the first letters of the network's id, and the third byte of its
 * subnet, so that the parts of one network on several nodes differ. */
void engine_subnet6(uint32_t twin_id, const char *name, network_plan_t *plan)
{
    char text[96], id[BASE58_TEXT_MAX + 1];
    uint8_t hash[16];
    snprintf(text, sizeof text, "%u:%s", twin_id, name);
    memset(plan->subnet6, 0, sizeof plan->subnet6);
    if (EVP_Digest(text, strlen(text), hash, NULL, EVP_md5(), NULL) != 1 ||
        !base58_encode(id, sizeof id, (bytes_t){hash, sizeof hash}))
        return;
    plan->subnet6[0] = 0xfd;
    memcpy(plan->subnet6 + 1, id, 5);
    unsigned kept    = plan->prefix >= 24  ? 8
                       : plan->prefix > 16 ? plan->prefix - 16u
                                           : 0; /* bits of that byte */
    plan->subnet6[7] = (uint8_t)(plan->subnet[2] & (0xff00 >> kept));
}
