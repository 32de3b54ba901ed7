/* plan.c - names and addresses that follow from what a user asked for. */
#include "plan.h"
#include "hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 100.65.0.0; clients give their own machines addresses in 100.64.0.0/16. */
#define LINK_FIRST  (UINT32_C(100) << 24 | UINT32_C(65) << 16)
#define LINK_RANGES (63 * 4)

/* ---- addresses ---- */

static void link_address_of(const char *prefix, uint32_t offset, uint8_t address[4])
{
    uint8_t digest[4];
    blake2b(digest, sizeof digest, bytes_text(prefix));
    uint32_t range = ((uint32_t)digest[0] << 8 | digest[1]) % LINK_RANGES;
    uint32_t value = LINK_FIRST + (range << (32 - NETWORK_RANGE_PREFIX)) + offset;
    for (int i = 0; i < 4; i++)
        address[i] = (uint8_t)(value >> (24 - 8 * i));
}

void network_range(const char *prefix, uint8_t address[4]) { link_address_of(prefix, 0, address); }

void network_host_end(const char *prefix, uint32_t index, uint8_t address[4])
{
    link_address_of(prefix, index * 4 + 1, address);
}

void network_far_end(const char *prefix, uint32_t index, uint8_t address[4])
{
    link_address_of(prefix, index * 4 + 2, address);
}

static uint32_t address_number(const uint8_t address[4])
{
    return (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 | address[3];
}

void network_gateway(const network_plan_t *network, uint8_t address[4])
{
    uint32_t mask  = UINT32_MAX << (32 - network->prefix);
    uint32_t value = (address_number(network->subnet) & mask) + 1;
    for (int i = 0; i < 4; i++)
        address[i] = (uint8_t)(value >> (24 - 8 * i));
}

void network_ip6(const network_plan_t *network, const uint8_t ip[4], uint8_t ip6[16])
{
    uint32_t host = network->prefix < 24 ? address_number(ip) & (UINT32_MAX >> network->prefix) : ip[3];
    memset(ip6, 0, 16);
    if (!network_has_ip6(network)) return;
    memcpy(ip6, network->subnet6, sizeof network->subnet6);
    for (int i = 0; i < 4; i++)
        ip6[12 + i] = (uint8_t)(host >> (24 - 8 * i));
}

bool network_has_ip6(const network_plan_t *network) { return network->subnet6[0] != 0; }

void network_range6(const char *prefix, uint8_t address[16])
{
    memset(address, 0, 16);
    address[0] = 0xfd;
    blake2b(address + 1, 5, bytes_text(prefix));
}

void network_link6(const char *prefix, uint32_t index, bool is_far, uint8_t address[16])
{
    network_range6(prefix, address);
    address[6]  = (uint8_t)(index >> 8);
    address[7]  = (uint8_t)index;
    address[15] = is_far ? 2 : 1;
}

bool network_has_guest(const uint8_t subnet[4], uint8_t prefix, const uint8_t ip[4])
{
    uint32_t mask = UINT32_MAX << (32 - prefix), value = address_number(ip);
    uint32_t host = value & ~mask;
    return (value & mask) == (address_number(subnet) & mask) && host > 1 && host < ~mask;
}

/* ---- names ---- */

/* Letters and digits that are fine in file, cgroup and interface names. */
static void name_of(const char *text, char *name, uint32_t len)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t digest[16];
    blake2b(digest, sizeof digest, bytes_text(text));
    for (uint32_t i = 0; i < len; i++)
        name[i] = digits[digest[i] & 31];
    name[len] = 0;
}

void plan_wid(uint32_t twin_id, uint64_t contract_id, const char *name, char wid[WID_LEN + 1])
{
    char text[96];
    snprintf(text, sizeof text, "%" PRIu32 "-%" PRIu64 "-%s", twin_id, contract_id, name);
    name_of(text, wid, WID_LEN);
}

void plan_network_id(uint32_t twin_id, const char *name, char id[NETWORK_LEN + 1])
{
    char text[96];
    snprintf(text, sizeof text, "%" PRIu32 ":%s", twin_id, name);
    name_of(text, id, NETWORK_LEN);
}

/* ---- words ---- */

/* One word from *at on into room, which is as long as the whole text.  False when a quote stays open. */
static bool take_word(const char **at, char *room)
{
    char quote = 0;
    for (; **at && (quote || !strchr(" \t\n", **at)); ++*at) {
        char c = **at;
        if (quote && c == quote)
            quote = 0;
        else if (!quote && (c == '"' || c == '\''))
            quote = c;
        else if (c == '\\' && quote != '\'' && (*at)[1])
            *room++ = *++*at;
        else
            *room++ = c;
    }
    *room = 0;
    return quote == 0;
}

char **plan_words(const char *text)
{
    size_t len   = strlen(text);
    char **words = calloc(len / 2 + 2, sizeof *words), *room = malloc(len + 1);
    bool is_ok = words && room;
    for (size_t count = 0; is_ok && *(text += strspn(text, " \t\n"));) {
        is_ok = take_word(&text, room) && (words[count++] = strdup(room));
    }
    free(room);
    if (is_ok) return words;
    plan_words_free(words);
    return NULL;
}

void plan_words_free(char **words)
{
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}

void network_plan_fini(network_plan_t *plan)
{
    if (plan->wireguard.text) explicit_bzero(plan->wireguard.text, strlen(plan->wireguard.text));
    free(plan->wireguard.text);
    free(plan->wireguard.routes);
    free(plan->guests);
    free(plan->forwards);
    *plan = (network_plan_t){0};
}

void gateways_plan_fini(gateways_plan_t *plan)
{
    free(plan->gateways);
    *plan = (gateways_plan_t){0};
}

void machine_plan_fini(machine_plan_t *plan)
{
    for (uint32_t i = 0; i < plan->env_count; i++) {
        free(plan->env[i].key);
        free(plan->env[i].value);
    }
    for (uint32_t i = 0; i < plan->mount_count; i++)
        free(plan->mounts[i].target);
    plan_words_free(plan->args);
    free(plan->cwd);
    free(plan->settings);
    free(plan->env);
    free(plan->mounts);
    network_plan_fini(&plan->network);
    *plan = (machine_plan_t){0};
}

void firewall_plan_fini(firewall_plan_t *plan)
{
    for (uint32_t i = 0; i < plan->network_count; i++)
        network_plan_fini(&plan->networks[i]);
    free(plan->networks);
    *plan = (firewall_plan_t){0};
}
