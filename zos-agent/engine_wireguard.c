/* engine_wireguard.c - the mesh of a network, from what its user sent: keys, peers, routes. */
#include "engine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEPALIVE_S 20 /* as zos: shorter than what translators of addresses forget */

/* Nodes of one network know each other by 100.64.B.C, where their subnet is 10.B.C.0 (zos). */
static void mesh_address(const network_data_t *data, uint8_t address[4])
{
    address[0] = 100;
    address[1] = 64;
    address[2] = data->subnet.address[1];
    address[3] = data->subnet.address[2];
}

static bool add_route(wireguard_plan_t *plan, const deployment_ip_t *ip)
{
    route_plan_t *more = realloc(plan->routes, (plan->route_count + 1) * sizeof *more);
    if (!more) return false;
    plan->routes      = more;
    route_plan_t *one = &more[plan->route_count++];
    one->prefix       = ip->prefix;
    memcpy(one->ip, ip->address, 4);
    for (unsigned bit = ip->prefix; bit < 32; bit++)
        one->ip[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return true;
}

/* The own subnet goes to no peer, whatever a peer may claim. */
static bool is_own(const network_data_t *data, const deployment_ip_t *ip)
{
    uint8_t prefix = ip->prefix < data->subnet.prefix ? ip->prefix : data->subnet.prefix;
    for (unsigned bit = 0; bit < prefix; bit++)
        if ((ip->address[bit / 8] ^ data->subnet.address[bit / 8]) & (0x80 >> bit % 8)) return false;
    return true;
}

static bool write_peer(FILE *out, const network_data_t *data, const network_peer_t *peer,
                       wireguard_plan_t *plan)
{
    bool is_first = true, is_ok = true;
    fprintf(out, "[Peer]\nPublicKey = %s\n", peer->public_key);
    if (peer->endpoint[0])
        fprintf(out, "Endpoint = %s\nPersistentKeepalive = %d\n", peer->endpoint, KEEPALIVE_S);
    for (uint32_t i = 0; i < peer->allowed_ip_count && is_ok; i++) {
        const deployment_ip_t *ip = &peer->allowed_ips[i];
        if (ip->is_v6 || is_own(data, ip)) continue;
        is_ok = add_route(plan, ip);
        fprintf(out, "%s%u.%u.%u.%u/%u", is_first ? "AllowedIPs = " : ", ", ip->address[0], ip->address[1],
                ip->address[2], ip->address[3], ip->prefix);
        is_first = false;
    }
    fputc('\n', out);
    return is_ok;
}

bool plan_wireguard(const engine_t *engine, const network_data_t *data, wireguard_plan_t *plan)
{
    size_t len = 0;
    *plan      = (wireguard_plan_t){0};
    if (!engine->config.has_wireguard || !data->private_key[0]) return true;
    FILE *out = open_memstream(&plan->text, &len);
    if (!out) return false;
    bool is_ok = true;
    plan->port = data->listen_port;
    mesh_address(data, plan->address);
    fprintf(out, "[Interface]\nPrivateKey = %s\n", data->private_key);
    if (data->listen_port) fprintf(out, "ListenPort = %u\n", data->listen_port);
    for (uint32_t i = 0; i < data->peer_count && is_ok; i++)
        is_ok = write_peer(out, data, &data->peers[i], plan);
    return fclose(out) == 0 && is_ok;
}

json_t *engine_wireguard_ports(engine_t *engine)
{
    json_t *list = json_array();
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next)
            if (workload_is_network(record->workload) && (record->is_made || record_is_active(record)) &&
                record->workload->network.listen_port)
                json_array_append_new(list, json_integer(record->workload->network.listen_port));
    return list;
}
