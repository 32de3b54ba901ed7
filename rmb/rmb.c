/* rmb.c - where relays are: domains of a twin's record, and the URLs they are reached at. */
#include "rmb.h"

#include <stdio.h>
#include <string.h>

static bool has_scheme(const char *url, const char *const *schemes)
{
    for (; *schemes; schemes++)
        if (strncmp(url, *schemes, strlen(*schemes)) == 0 && url[strlen(*schemes)] != 0) return true;
    return false;
}

bool relay_url_is_nng(const char *url)
{
    static const char *const schemes[] = {"tls+tcp://", "tcp://", "ipc://", "inproc://", NULL};
    return has_scheme(url, schemes);
}

bool relay_url_is_web(const char *url)
{
    static const char *const schemes[] = {"wss://", "ws://", "https://", "http://", NULL};
    return has_scheme(url, schemes);
}

bool relay_at_add(relay_at_t *map, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || map->count == RELAY_AT_CAP) return false;
    size_t domain_len = (size_t)(equals - text), url_len = strlen(equals + 1);
    if (domain_len > RMB_RELAY_MAX || url_len >= RMB_URL_MAX) return false;
    if (!relay_url_is_nng(equals + 1) && !relay_url_is_web(equals + 1)) return false;
    memcpy(map->entry[map->count].domain, text, domain_len);
    map->entry[map->count].domain[domain_len] = 0;
    memcpy(map->entry[map->count].url, equals + 1, url_len + 1);
    map->count++;
    return true;
}

void relay_at_get(const relay_at_t *map, const char *domain, char url[RMB_URL_MAX])
{
    for (uint32_t i = 0; map && i < map->count; i++) {
        if (strcmp(map->entry[i].domain, domain) != 0) continue;
        memcpy(url, map->entry[i].url, RMB_URL_MAX);
        return;
    }
    snprintf(url, RMB_URL_MAX, "wss://%s", domain);
}

bool relay_domain_next(const char *relay, uint32_t *at, char domain[RMB_RELAY_MAX + 1])
{
    while (relay[*at] == '_')
        ++*at;
    size_t len = strcspn(relay + *at, "_");
    if (len == 0 || len > RMB_RELAY_MAX) return false;
    memcpy(domain, relay + *at, len);
    domain[len] = 0;
    *at += (uint32_t)len;
    return true;
}
