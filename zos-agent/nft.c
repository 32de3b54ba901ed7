/* nft.c - rules as text, run by libnftables. */
#include "nft.h"
#include "netlink.h"

#include <inttypes.h>
#include <jansson.h>
#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define IP       "%u.%u.%u.%u"
#define IP_OF(a) (a)[0], (a)[1], (a)[2], (a)[3]

/* ---- text ---- */

static void chain(FILE *out, const char *table, const char *name, const char *hook)
{
    fprintf(out, "add chain inet %s %s { %s }\nflush chain inet %s %s\n", table, name, hook, table, name);
}

__attribute__((format(printf, 4, 5))) static void rule(FILE *out, const char *table, const char *name,
                                                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(out, "add rule inet %s %s ", table, name);
    vfprintf(out, format, args);
    fputc('\n', out);
    va_end(args);
}

static void network_nat(FILE *out, const char *table, const network_plan_t *network)
{
    chain(out, table, "nat_in", "type nat hook prerouting priority dstnat; policy accept;");
    chain(out, table, "nat_out", "type nat hook postrouting priority srcnat; policy accept;");
    uint8_t near[4];
    network_host_end(table, network->index, near);
    for (uint32_t i = 0; i < network->guest_count; i++) {
        const guest_plan_t *guest = &network->guests[i];
        for (uint32_t p = 0; p < guest->port_count && !guest->is_paused; p++)
            rule(out, table, "nat_in", "iifname \"" NFT_UPLINK "\" %s dport %u dnat ip to " IP ":%u",
                 guest->ports[p].is_udp ? "udp" : "tcp", guest->ports[p].host, IP_OF(guest->ip),
                 guest->ports[p].guest);
    }
    for (uint32_t i = 0; i < network->forward_count; i++) {
        const forward_plan_t *forward = &network->forwards[i];
        rule(out, table, "nat_in",
             "iifname \"" NFT_UPLINK "\" ip saddr " IP " tcp dport %u dnat ip to " IP ":%u", IP_OF(near),
             forward->port, IP_OF(forward->ip), forward->to);
    }
    rule(out, table, "nat_out", "oifname \"" NFT_UPLINK "\" masquerade");
}

/* What a gateway sends on is counted there, and not once more as its machine's. */
static void network_forwarded(FILE *out, const char *table, const network_plan_t *network)
{
    if (network->forward_count > 0)
        rule(out, table, "forward",
             "meta l4proto tcp ct original proto-dst >= %d ct status dnat ct state established accept",
             FORWARD_FIRST_PORT);
    for (uint32_t i = 0; i < network->forward_count; i++)
        rule(out, table, "forward",
             "iifname \"" NFT_UPLINK "\" meta l4proto tcp ct original proto-dst %u ip daddr " IP
             " ct status dnat accept",
             network->forwards[i].port, IP_OF(network->forwards[i].ip));
}

static void network_forward(FILE *out, const char *table, const network_plan_t *network)
{
    chain(out, table, "forward", "type filter hook forward priority filter; policy drop;");
    for (uint32_t i = 0; i < network->guest_count; i++) {
        const guest_plan_t *guest = &network->guests[i];
        if (!guest->is_paused) continue;
        rule(out, table, "forward", "ip saddr " IP " drop", IP_OF(guest->ip));
        rule(out, table, "forward", "ip daddr " IP " drop", IP_OF(guest->ip));
    }
    network_forwarded(out, table, network);
    for (uint32_t i = 0; i < network->guest_count; i++) {
        const guest_plan_t *guest = &network->guests[i];
        if (guest->is_paused) continue;
        rule(out, table, "forward", "oifname \"" NFT_UPLINK "\" ip saddr " IP " counter name \"w_%s\"",
             IP_OF(guest->ip), guest->wid);
        rule(out, table, "forward", "iifname \"" NFT_UPLINK "\" ip daddr " IP " counter name \"w_%s\"",
             IP_OF(guest->ip), guest->wid);
    }
    rule(out, table, "forward", "ct state established,related accept");
    if (network->wireguard.text) {
        rule(out, table, "forward", "iifname \"%sw*\" oifname \"" NFT_BRIDGE "\" accept", table);
        rule(out, table, "forward", "iifname \"%sw*\" oifname \"%sw*\" accept", table, table);
    }
    for (uint32_t i = 0; i < network->guest_count; i++) {
        const guest_plan_t *guest = &network->guests[i];
        if (guest->is_paused) continue;
        rule(out, table, "forward", "iifname \"" NFT_BRIDGE "\" ip saddr " IP " accept", IP_OF(guest->ip));
        rule(out, table, "forward",
             "iifname \"" NFT_UPLINK "\" oifname \"" NFT_BRIDGE "\" ip daddr " IP " ct status dnat accept",
             IP_OF(guest->ip));
    }
}

char *nft_network_text(const char *table, const network_plan_t *network)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out  = open_memstream(&text, &len);
    if (!out) return NULL;
    fprintf(out, "add table inet %s\n", table);
    for (uint32_t i = 0; i < network->guest_count; i++)
        fprintf(out, "add counter inet %s w_%s\n", table, network->guests[i].wid);
    network_nat(out, table, network);
    network_forward(out, table, network);
    chain(out, table, "input", "type filter hook input priority filter; policy drop;");
    rule(out, table, "input", "ct state established,related accept");
    rule(out, table, "input", "iifname \"lo\" accept");
    rule(out, table, "input", "meta l4proto icmp accept");
    if (network->wireguard.port)
        rule(out, table, "input", "iifname \"" NFT_UPLINK "\" udp dport %u accept", network->wireguard.port);
    return fclose(out) == 0 ? text : NULL;
}

static void publish(FILE *out, const char *table, const char *name, const network_plan_t *network)
{
    uint8_t far[4];
    network_far_end(table, network->index, far);
    if (network->wireguard.port)
        rule(out, table, name, "fib daddr type local meta nfproto ipv4 udp dport %u dnat ip to " IP ":%u",
             network->wireguard.port, IP_OF(far), network->wireguard.port);
    for (uint32_t i = 0; i < network->guest_count; i++) {
        const guest_plan_t *guest = &network->guests[i];
        for (uint32_t p = 0; p < guest->port_count && !guest->is_paused; p++)
            rule(out, table, name, "fib daddr type local meta nfproto ipv4 %s dport %u dnat ip to " IP ":%u",
                 guest->ports[p].is_udp ? "udp" : "tcp", guest->ports[p].host, IP_OF(far),
                 guest->ports[p].host);
    }
}

char *nft_host_text(const char *t, bool is_lan_blocked, const firewall_plan_t *firewall)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out  = open_memstream(&text, &len);
    if (!out) return NULL;
    uint8_t range[4];
    network_range(t, range);
    fprintf(out, "add table inet %s\n", t);
    chain(out, t, "nat_in", "type nat hook prerouting priority dstnat; policy accept;");
    chain(out, t, "nat_local", "type nat hook output priority -100; policy accept;");
    for (uint32_t i = 0; i < firewall->network_count; i++) {
        publish(out, t, "nat_in", &firewall->networks[i]);
        publish(out, t, "nat_local", &firewall->networks[i]);
    }
    chain(out, t, "nat_out", "type nat hook postrouting priority srcnat; policy accept;");
    rule(out, t, "nat_out", "oifname \"%su*\" ip saddr 127.0.0.0/8 masquerade", t);
    rule(out, t, "nat_out", "oifname != \"%su*\" ip saddr " IP "/%d masquerade", t, IP_OF(range),
         NETWORK_RANGE_PREFIX);

    /* Nobody but the host itself speaks to its loopback addresses, which the links accept for its own sake.
     */
    chain(out, t, "raw", "type filter hook prerouting priority raw; policy accept;");
    rule(out, t, "raw", "iifname \"%su*\" ip daddr 127.0.0.0/8 drop", t);
    chain(out, t, "input", "type filter hook input priority filter; policy accept;");
    rule(out, t, "input", "iifname \"%su*\" ct state established,related accept", t);
    rule(out, t, "input", "iifname \"%su*\" drop", t);
    chain(out, t, "forward", "type filter hook forward priority filter; policy accept;");
    rule(out, t, "forward", "iifname \"%su*\" ct state established,related accept", t);
    rule(out, t, "forward", "iifname \"%su*\" oifname \"%su*\" ct status dnat accept", t, t);
    rule(out, t, "forward", "iifname \"%su*\" oifname \"%su*\" drop", t, t);
    if (is_lan_blocked)
        rule(out, t, "forward",
             "iifname \"%su*\" ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, "
             "100.64.0.0/10,"
             " 224.0.0.0/4 } drop",
             t);
    rule(out, t, "forward", "oifname \"%su*\" ct state established,related accept", t);
    rule(out, t, "forward", "oifname \"%su*\" ct status dnat accept", t);
    rule(out, t, "forward", "oifname \"%su*\" drop", t);
    return fclose(out) == 0 ? text : NULL;
}

/* ---- running ---- */

typedef struct {
    const char *text;
    bool is_json, is_ok;
    char *output, *error;
} run_t;

static bool run_inside(void *context)
{
    run_t *run          = context;
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft) return false;
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
    if (run->is_json) nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
    run->is_ok  = nft_run_cmd_from_buffer(nft, run->text) == 0;
    run->output = strdup(nft_ctx_get_output_buffer(nft));
    run->error  = strdup(nft_ctx_get_error_buffer(nft));
    nft_ctx_free(nft);
    return run->is_ok;
}

static void run_fini(run_t *run)
{
    free(run->output);
    free(run->error);
}

bool nft_apply(int netns, const char *text, char error[NFT_ERROR_MAX + 1])
{
    run_t run = {.text = text};
    crash_point();
    bool is_ok = netns_inside(netns, run_inside, &run);
    snprintf(error, NFT_ERROR_MAX + 1, "%s", is_ok ? "" : run.error ? run.error : "no such namespace");
    error[strcspn(error, "\n")] = 0;
    run_fini(&run);
    return is_ok;
}

bool nft_has_table(int netns, const char *table)
{
    char text[64], error[NFT_ERROR_MAX + 1];
    snprintf(text, sizeof text, "list table inet %s", table);
    return nft_apply(netns, text, error);
}

bool nft_drop_table(int netns, const char *table)
{
    char text[128], error[NFT_ERROR_MAX + 1];
    snprintf(text, sizeof text, "add table inet %s\ndelete table inet %s\n", table, table);
    return nft_apply(netns, text, error);
}

bool nft_drop_counter(int netns, const char *table, const char *wid)
{
    char text[256], error[NFT_ERROR_MAX + 1];
    snprintf(text, sizeof text,
             "add counter inet %s w_%s\ndelete counter inet %s w_%s\n"
             "add counter inet %s b_%s\ndelete counter inet %s b_%s\n",
             table, wid, table, wid, table, wid, table, wid);
    return nft_apply(netns, text, error);
}

/* Adding what is there changes nothing: the first number stays. */
char *nft_with_births(const char *table, const network_plan_t *network, char *text)
{
    char *all = NULL;
    size_t len;
    FILE *out = text ? open_memstream(&all, &len) : NULL;
    if (out) {
        fprintf(out, "add table inet %s\n", table);
        for (uint32_t i = 0; i < network->guest_count; i++) {
            uint64_t born = 0;
            if (getrandom(&born, sizeof born, 0) != sizeof born) continue;
            fprintf(out, "add counter inet %s b_%s { packets 0 bytes %" PRIu64 " }\n", table,
                    network->guests[i].wid, born >> 2 | 1);
        }
        fputs(text, out);
        if (fclose(out) != 0) {
            free(all);
            all = NULL;
        }
    }
    free(text);
    return all;
}

static uint64_t birth_of(const json_t *list, const char *wid)
{
    json_t *entry;
    size_t i;
    json_array_foreach(list, i, entry)
    {
        const json_t *counter = json_object_get(entry, "counter");
        const char *name      = json_string_value(json_object_get(counter, "name"));
        if (name && strncmp(name, "b_", 2) == 0 && strcmp(name + 2, wid) == 0)
            return (uint64_t)json_integer_value(json_object_get(counter, "bytes"));
    }
    return 0;
}

bool nft_counters(int netns, const char *table,
                  void (*fn)(void *context, const char *wid, uint64_t bytes, uint64_t born), void *context)
{
    char text[64];
    snprintf(text, sizeof text, "list counters table inet %s", table);
    run_t run = {.text = text, .is_json = true};
    if (!netns_inside(netns, run_inside, &run)) {
        run_fini(&run);
        return false;
    }
    json_t *root = json_loads(run.output, 0, NULL), *list = json_object_get(root, "nftables"), *entry;
    size_t i;
    json_array_foreach(list, i, entry)
    {
        const json_t *counter = json_object_get(entry, "counter");
        const char *name      = json_string_value(json_object_get(counter, "name"));
        if (!name || strncmp(name, "w_", 2) != 0) continue;
        fn(context, name + 2, (uint64_t)json_integer_value(json_object_get(counter, "bytes")),
           birth_of(list, name + 2));
    }
    json_decref(root);
    run_fini(&run);
    return true;
}
