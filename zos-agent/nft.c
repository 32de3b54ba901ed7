/* nft.c - rules as text, run by libnftables. */
#include "nft.h"
#include "hash.h"
#include "netlink.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <jansson.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NFT_LAN    "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, 100.64.0.0/10, 224.0.0.0/4"
#define NFT_LOCAL6 "::/96, ::ffff:0:0/96, fe80::/10, ff00::/8" /* no route leads there */
#define IP         "%u.%u.%u.%u"
#define IP_OF(a)   (a)[0], (a)[1], (a)[2], (a)[3]

#define NFT_FLOWS_SIZE  4096 /* links of networks, gone ones included */
#define NFT_FLOWS_BURST 16   /* seconds of them at once */

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

static void ip6_text(const uint8_t ip[16], char text[INET6_ADDRSTRLEN])
{
    inet_ntop(AF_INET6, ip, text, INET6_ADDRSTRLEN);
}

void public_link_name(const char *table, const char *wid, char name[16])
{
    snprintf(name, 16, "%sp%.10s", table, wid);
}

/* A guest that has a public address now, and by which link. */
static bool is_public(const nft_site_t *site, const guest_plan_t *guest, char link[16])
{
    if (site->is_public_routed)
        snprintf(link, 16, NFT_UPLINK);
    else
        public_link_name(site->table, guest->wid, link);
    return (guest->public_ip.is_given || guest->public_ip.has_ip6) && !guest->is_paused;
}

uint32_t public_mark(const public_plan_t *plan)
{
    uint8_t hash[4];
    memcpy(hash, plan->ip, sizeof hash);
    if (!plan->is_given) {
        blake2b(hash, sizeof hash, (bytes_t){plan->ip6, sizeof plan->ip6});
        hash[0] |= 0xe0; /* no number of a common table, nor an address of the kind above */
    }
    return (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
}

/* What a guest begins leaves by its own link, and so do answers to what came in there; answers to what came
 * by the host go back to it. */
static void network_marks(FILE *out, const nft_site_t *site, const network_plan_t *network)
{
    char link[16];
    chain(out, site->table, "marks", "type filter hook prerouting priority mangle; policy accept;");
    for (uint32_t i = 0; i < network->guest_count && !site->is_public_routed; i++) {
        const guest_plan_t *guest = &network->guests[i];
        if (!is_public(site, guest, link)) continue;
        char from[64], from6[64] = "ip6 saddr ", *ways[] = {from, from6};
        unsigned mark = public_mark(&guest->public_ip);
        snprintf(from, sizeof from, "ip saddr " IP, IP_OF(guest->ip));
        ip6_text(guest->ip6, from6 + strlen(from6));
        rule(out, site->table, "marks", "iifname \"%s\" ct mark set 0x%x", link, mark);
        for (int w = guest->public_ip.is_given ? 0 : 1; w < (guest->public_ip.has_ip6 ? 2 : 1); w++) {
            rule(out, site->table, "marks",
                 "iifname \"" NFT_BRIDGE "\" %s ct direction original meta mark set 0x%x", ways[w], mark);
            rule(out, site->table, "marks",
                 "iifname \"" NFT_BRIDGE "\" %s ct direction reply ct mark 0x%x meta mark set 0x%x", ways[w],
                 mark, mark);
        }
    }
}

/* The same for IPv6. */
static void public_nat6(FILE *out, const nft_site_t *site, const guest_plan_t *guest, const char *link)
{
    char inner[INET6_ADDRSTRLEN], outer[INET6_ADDRSTRLEN];
    if (!guest->public_ip.has_ip6) return;
    ip6_text(guest->ip6, inner);
    ip6_text(guest->public_ip.ip6, outer);
    rule(out, site->table, "nat_in", "iifname \"%s\" ip6 daddr %s dnat ip6 to %s", link, outer, inner);
    rule(out, site->table, "nat_out", "oifname \"%s\" ip6 saddr %s snat ip6 to %s", link, inner, outer);
}

static void public_nat(FILE *out, const nft_site_t *site, const network_plan_t *network)
{
    char link[16];
    for (uint32_t i = 0; i < network->guest_count; i++) {
        const guest_plan_t *guest = &network->guests[i];
        const uint8_t *ip         = guest->public_ip.ip;
        if (!is_public(site, guest, link)) continue;
        public_nat6(out, site, guest, link);
        if (!guest->public_ip.is_given) continue;
        rule(out, site->table, "nat_in",
             "iifname { \"%s\", \"" NFT_BRIDGE "\" } ip daddr " IP " dnat ip to " IP, link, IP_OF(ip),
             IP_OF(guest->ip));
        rule(out, site->table, "nat_out", "oifname \"%s\" ip saddr " IP " snat ip to " IP, link,
             IP_OF(guest->ip), IP_OF(ip));
        rule(out, site->table, "nat_out",
             "oifname \"" NFT_BRIDGE "\" ip daddr " IP " ct original ip daddr " IP " iifname \"" NFT_BRIDGE
             "\" masquerade",
             IP_OF(guest->ip), IP_OF(ip));
    }
}

static void network_nat(FILE *out, const nft_site_t *site, const network_plan_t *network)
{
    const char *table = site->table;
    chain(out, table, "nat_in", "type nat hook prerouting priority dstnat; policy accept;");
    chain(out, table, "nat_out", "type nat hook postrouting priority srcnat; policy accept;");
    public_nat(out, site, network);
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

/* What passes to and from outside is counted, whichever way it takes. */
static void count_guest(FILE *out, const nft_site_t *site, const network_plan_t *network,
                        const guest_plan_t *guest)
{
    char link[16], ip6[INET6_ADDRSTRLEN];
    const char *t = site->table;
    if (guest->is_closed) return;
    rule(out, t, "forward", "oifname \"" NFT_UPLINK "\" ip saddr " IP " counter name \"w_%s\"",
         IP_OF(guest->ip), guest->wid);
    rule(out, t, "forward", "iifname \"" NFT_UPLINK "\" ip daddr " IP " counter name \"w_%s\"",
         IP_OF(guest->ip), guest->wid);
    if (is_public(site, guest, link) && !site->is_public_routed) {
        rule(out, t, "forward", "oifname \"%s\" ip saddr " IP " counter name \"w_%s\"", link,
             IP_OF(guest->ip), guest->wid);
        rule(out, t, "forward", "iifname \"%s\" ip daddr " IP " counter name \"w_%s\"", link,
             IP_OF(guest->ip), guest->wid);
    }
    if (!network_has_ip6(network)) return;
    ip6_text(guest->ip6, ip6);
    if (is_public(site, guest, link) && guest->public_ip.has_ip6) {
        rule(out, t, "forward", "oifname \"%s\" ip6 saddr %s counter name \"w_%s\"", link, ip6, guest->wid);
        rule(out, t, "forward", "iifname \"%s\" ip6 daddr %s counter name \"w_%s\"", link, ip6, guest->wid);
    }
    rule(out, t, "forward", "oifname \"" NFT_UPLINK "\" ip6 saddr %s counter name \"w_%s\"", ip6, guest->wid);
    rule(out, t, "forward", "iifname \"" NFT_UPLINK "\" ip6 daddr %s counter name \"w_%s\"", ip6, guest->wid);
}

static void pause_guest(FILE *out, const char *t, const network_plan_t *network, const guest_plan_t *guest)
{
    char ip6[INET6_ADDRSTRLEN];
    rule(out, t, "forward", "ip saddr " IP " drop", IP_OF(guest->ip));
    rule(out, t, "forward", "ip daddr " IP " drop", IP_OF(guest->ip));
    if (!network_has_ip6(network)) return;
    ip6_text(guest->ip6, ip6);
    rule(out, t, "forward", "ip6 saddr %s drop", ip6);
    rule(out, t, "forward", "ip6 daddr %s drop", ip6);
}

static void accept_guest(FILE *out, const nft_site_t *site, const network_plan_t *network,
                         const guest_plan_t *guest)
{
    char link[16], ip6[INET6_ADDRSTRLEN];
    const char *t = site->table;
    bool is_out   = is_public(site, guest, link);
    if (is_out && !site->is_public_routed) {
        rule(out, t, "forward", "oifname \"%s\" ip saddr != " IP " drop", link, IP_OF(guest->ip));
        if (site->is_lan_blocked)
            rule(out, t, "forward", "oifname \"%s\" ip daddr { " NFT_LAN " } drop", link);
    }
    if (!guest->is_closed)
        rule(out, t, "forward", "iifname \"" NFT_BRIDGE "\" ip saddr " IP " accept", IP_OF(guest->ip));
    rule(out, t, "forward",
         "iifname \"" NFT_UPLINK "\" oifname \"" NFT_BRIDGE "\" ip daddr " IP " ct status dnat accept",
         IP_OF(guest->ip));
    if (is_out && !site->is_public_routed)
        rule(out, t, "forward",
             "iifname \"%s\" oifname \"" NFT_BRIDGE "\" ip daddr " IP " ct status dnat accept", link,
             IP_OF(guest->ip));
    if (!network_has_ip6(network) || guest->is_closed) return;
    ip6_text(guest->ip6, ip6);
    if (is_out && guest->public_ip.has_ip6) {
        rule(out, t, "forward", "oifname \"%s\" ip6 saddr != %s drop", link, ip6);
        rule(out, t, "forward", "oifname \"%s\" ip6 daddr { " NFT_LOCAL6 "%s } drop", link,
             site->is_lan_blocked ? ", fc00::/7" : ", fd00:ec2::/32");
        rule(out, t, "forward",
             "iifname \"%s\" oifname \"" NFT_BRIDGE "\" ip6 daddr %s ct status dnat accept", link, ip6);
    }
    rule(out, t, "forward", "iifname \"" NFT_BRIDGE "\" ip6 saddr %s accept", ip6);
}

static void network_forward(FILE *out, const nft_site_t *site, const network_plan_t *network)
{
    const char *table = site->table;
    chain(out, table, "forward", "type filter hook forward priority filter; policy drop;");
    for (uint32_t i = 0; i < network->guest_count; i++)
        if (network->guests[i].is_paused) pause_guest(out, table, network, &network->guests[i]);
    network_forwarded(out, table, network);
    for (uint32_t i = 0; i < network->guest_count; i++)
        if (!network->guests[i].is_paused) count_guest(out, site, network, &network->guests[i]);
    rule(out, table, "forward", "ct state established,related accept");
    if (network->wireguard.text) {
        rule(out, table, "forward", "iifname \"%sw*\" oifname \"" NFT_BRIDGE "\" accept", table);
        rule(out, table, "forward", "iifname \"%sw*\" oifname \"%sw*\" accept", table, table);
    }
    for (uint32_t i = 0; i < network->guest_count; i++)
        if (!network->guests[i].is_paused) accept_guest(out, site, network, &network->guests[i]);
}

/* What one guest may not say on the bridge, in a chain of its own. */
static void bridge_guest(FILE *out, const char *t, const network_plan_t *network, const guest_plan_t *guest)
{
    char ip6[INET6_ADDRSTRLEN];
    const uint8_t *mac = guest->mac;
    const char *wid    = guest->wid;
    fprintf(out, "add chain bridge %s g_%s\n", t, wid);
    if (mac[0] != 0)
        fprintf(out, "add rule bridge %s g_%s ether saddr != %02x:%02x:%02x:%02x:%02x:%02x drop\n", t, wid,
                mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    fprintf(out, "add rule bridge %s g_%s ip saddr != " IP " drop\n", t, wid, IP_OF(guest->ip));
    fprintf(out, "add rule bridge %s g_%s arp saddr ip != { 0.0.0.0, " IP " } drop\n", t, wid,
            IP_OF(guest->ip));
    ip6_text(guest->ip6, ip6);
    if (network_has_ip6(network))
        fprintf(out, "add rule bridge %s g_%s ip6 saddr != { ::, fe80::/10, %s } drop\n", t, wid, ip6);
    fprintf(out, "add rule bridge %s g_%s icmpv6 type nd-router-advert drop\n", t, wid);
}

/* On the bridge nobody speaks for another.  A frame goes through the rules of its own guest alone, however
 * many there are.  The table counts nothing: it is made anew, in one step of the kernel. */
static void network_bridge(FILE *out, const char *table, const network_plan_t *network)
{
    fprintf(out,
            "add table bridge %s\ndelete table bridge %s\nadd table bridge %s\n"
            "add chain bridge %s guests { type filter hook prerouting priority -300; policy accept; }\n",
            table, table, table, table);
    for (uint32_t i = 0; i < network->guest_count; i++)
        bridge_guest(out, table, network, &network->guests[i]);
    if (network->guest_count == 0) return;
    fprintf(out, "add rule bridge %s guests iifname vmap {", table);
    for (uint32_t i = 0; i < network->guest_count; i++)
        fprintf(out, "%s \"v%s\" : jump g_%s", i == 0 ? "" : ",", network->guests[i].wid,
                network->guests[i].wid);
    fputs(" }\n", out);
}

char *nft_network_text(const nft_site_t *site, const network_plan_t *network)
{
    const char *table = site->table;
    char *text        = NULL;
    size_t len        = 0;
    FILE *out         = open_memstream(&text, &len);
    if (!out) return NULL;
    fprintf(out, "add table inet %s\n", table);
    for (uint32_t i = 0; i < network->guest_count; i++)
        if (!network->guests[i].is_closed)
            fprintf(out, "add counter inet %s w_%s\n", table, network->guests[i].wid);
    network_marks(out, site, network);
    network_nat(out, site, network);
    network_forward(out, site, network);
    chain(out, table, "input", "type filter hook input priority filter; policy drop;");
    rule(out, table, "input",
         "iifname \"%sp*\" icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept", table);
    rule(out, table, "input", "iifname \"%sp*\" drop", table);
    rule(out, table, "input", "ct state established,related accept");
    rule(out, table, "input", "iifname \"lo\" accept");
    rule(out, table, "input", "meta l4proto icmp accept");
    rule(out, table, "input", "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept");
    if (network->wireguard.port)
        rule(out, table, "input", "iifname \"" NFT_UPLINK "\" udp dport %u accept", network->wireguard.port);
    network_bridge(out, table, network);
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

/* What no workload reaches: the host, addresses of one link, other networks, and what is private around. */
static void host_forbidden(FILE *out, const nft_site_t *site)
{
    const char *t = site->table;
    rule(out, t, "forward", "iifname \"%su*\" oifname \"%su*\" drop", t, t);
    rule(out, t, "forward", "iifname \"%su*\" ip daddr { 169.254.0.0/16, 224.0.0.0/4 } drop", t);
    rule(out, t, "forward", "iifname \"%su*\" ip6 daddr { " NFT_LOCAL6 ", fd00:ec2::/32 } drop", t);
    if (!site->is_lan_blocked) return;
    rule(out, t, "forward", "iifname \"%su*\" ip daddr { " NFT_LAN " } drop", t);
    rule(out, t, "forward", "iifname \"%su*\" ip6 daddr { fc00::/7%s%s } drop", t,
         site->lan6 && site->lan6[0] ? ", " : "", site->lan6 ? site->lan6 : "");
}

/* Public addresses that the farmer's router sends here. */
static void host_public(FILE *out, const nft_site_t *site, const firewall_plan_t *firewall)
{
    char link[16];
    for (uint32_t n = 0; n < firewall->network_count && site->is_public_routed; n++)
        for (uint32_t i = 0; i < firewall->networks[n].guest_count; i++) {
            const guest_plan_t *guest = &firewall->networks[n].guests[i];
            if (is_public(site, guest, link) && guest->public_ip.is_given)
                rule(out, site->table, "forward", "oifname \"%su*\" ip daddr " IP " accept", site->table,
                     IP_OF(guest->public_ip.ip));
        }
}

static void host_forward(FILE *out, const nft_site_t *site, const firewall_plan_t *firewall)
{
    const char *t = site->table;
    chain(out, t, "forward", "type filter hook forward priority filter; policy accept;");
    rule(out, t, "forward", "iifname \"%su*\" ct state established,related accept", t);
    if (site->flows > 0) { /* the set stays, with its counts, when the rules are made anew */
        fprintf(out, "add set inet %s flows { type ifname; size %d; flags dynamic; }\n", t, NFT_FLOWS_SIZE);
        rule(out, t, "forward",
             "iifname \"%su*\" ct state new add @flows { iifname limit rate over %u/second burst %u packets "
             "} drop",
             t, site->flows, NFT_FLOWS_BURST * site->flows);
    }
    rule(out, t, "forward", "iifname \"%su*\" oifname \"%su*\" ct status dnat accept", t, t);
    host_public(out, site, firewall);
    host_forbidden(out, site);
    rule(out, t, "forward", "oifname \"%su*\" ct state established,related accept", t);
    rule(out, t, "forward", "oifname \"%su*\" ct status dnat accept", t);
    rule(out, t, "forward", "oifname \"%su*\" drop", t);
}

char *nft_host_text(const nft_site_t *site, const firewall_plan_t *firewall)
{
    const char *t = site->table;
    char *text    = NULL, range6_text[INET6_ADDRSTRLEN];
    size_t len    = 0;
    FILE *out     = open_memstream(&text, &len);
    if (!out) return NULL;
    uint8_t range[4], range6[16];
    network_range(t, range);
    network_range6(t, range6);
    ip6_text(range6, range6_text);
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
    rule(out, t, "nat_out", "oifname != \"%su*\" ip6 saddr %s/%d masquerade", t, range6_text,
         NETWORK_RANGE6_PREFIX);

    /* Nobody but the host itself speaks to its loopback addresses, which the links accept for its own sake.
     */
    chain(out, t, "raw", "type filter hook prerouting priority raw; policy accept;");
    rule(out, t, "raw", "iifname \"%su*\" ip daddr 127.0.0.0/8 drop", t);
    chain(out, t, "input", "type filter hook input priority filter; policy accept;");
    rule(out, t, "input", "iifname \"%su*\" ct state established,related accept", t);
    rule(out, t, "input", "iifname \"%su*\" icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
         t);
    rule(out, t, "input", "iifname \"%su*\" drop", t);
    host_forward(out, site, firewall);
    return fclose(out) == 0 ? text : NULL;
}

/* ---- running ---- */

typedef struct {
    const char *text;
    bool is_json, is_ok;
    char *output, *error;
} run_t;

/* The library keeps things of its own between calls, and says of no two threads that they may. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

/* To end a context takes the kernel 5 to 20 ms: what was deleted before is freed first.  So the host's is
 * kept; one of a network would keep its namespace alive.  A child, and who went to another namespace, has his
 * own. */
static struct {
    struct nft_ctx *nft;
    pid_t pid;
    ino_t netns;
} kept;

static struct nft_ctx *context_new(void)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft) return NULL;
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
    return nft;
}

static void context_drop(void)
{
    if (kept.nft) nft_ctx_free(kept.nft);
    kept.nft = NULL;
}

static struct nft_ctx *context_of_host(void)
{
    struct stat own = {0};
    (void)stat("/proc/thread-self/ns/net", &own);
    if (kept.nft && kept.pid == getpid() && kept.netns == own.st_ino) return kept.nft;
    context_drop();
    kept.nft   = context_new();
    kept.pid   = getpid();
    kept.netns = own.st_ino;
    return kept.nft;
}

static void run_with(struct nft_ctx *nft, run_t *run)
{
    if (!nft) return;
    nft_ctx_output_set_flags(nft, run->is_json ? NFT_CTX_OUTPUT_JSON : 0);
    run->is_ok  = nft_run_cmd_from_buffer(nft, run->text) == 0;
    run->output = strdup(nft_ctx_get_output_buffer(nft));
    run->error  = strdup(nft_ctx_get_error_buffer(nft));
}

static bool run_inside(void *context)
{
    run_t *run = context;
    pthread_mutex_lock(&library);
    struct nft_ctx *nft = context_new();
    run_with(nft, run);
    if (nft) nft_ctx_free(nft);
    pthread_mutex_unlock(&library);
    return run->is_ok;
}

static bool run_on_host(run_t *run)
{
    pthread_mutex_lock(&library);
    run_with(context_of_host(), run);
    if (!run->is_ok) context_drop(); /* whatever it was, the next one begins anew */
    pthread_mutex_unlock(&library);
    return run->is_ok;
}

static bool run_in(int netns, run_t *run)
{
    return netns == NFT_HOST ? run_on_host(run) : netns_inside(netns, run_inside, run);
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
    bool is_ok = run_in(netns, &run);
    snprintf(error, NFT_ERROR_MAX + 1, "%s", is_ok ? "" : run.error ? run.error : "no such namespace");
    error[strcspn(error, "\n")] = 0;
    run_fini(&run);
    return is_ok;
}

bool nft_has_table(int netns, const char *family, const char *table)
{
    char text[64], error[NFT_ERROR_MAX + 1];
    snprintf(text, sizeof text, "list table %s %s", family, table);
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
            if (network->guests[i].is_closed) continue;
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
    if (!run_in(netns, &run)) {
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
