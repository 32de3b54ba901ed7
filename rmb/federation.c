/* federation.c - see federation.h. */
#include "federation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "relay_internal.h"
#include "web.h"

#define DOMAINS_MAX    4 /* of one record, as the chain allows */
#define FETCHES_MAX    64
#define TRY_MS         3000
#define PASSES         3
#define PASS_PAUSE_MS  100
#define ROUND_PAUSE_MS 5000
#define TICK_MS        50
#define RANKED_MAX     64
#define FAILURES_MAX   16
#define HOUR_MS        3600000

typedef struct item {
    federation_t *federation;
    relay_message_t *message;
    char domains[DOMAINS_MAX][RMB_RELAY_MAX + 1];
    uint32_t domain_count, at, pass;
    bool is_under_way, is_refused;
    uint64_t next_ms;
    struct item *next;
} item_t;

typedef struct {
    char domain[RMB_RELAY_MAX + 1];
    uint64_t failed_ms[FAILURES_MAX]; /* a ring */
    uint32_t turn;
} ranked_t;

typedef struct {
    char domain[RMB_RELAY_MAX + 1];
    uint64_t done, failed;
} counted_t;

/* A fetch cannot be taken back: it may end after its item. */
typedef struct fetch {
    item_t *item; /* NULL: nobody waits */
    struct fetch *next, **back;
} fetch_t;

struct federation {
    io_t *io;
    const relay_at_t *at;
    const char *ca_file;
    relay_t *relay;
    item_t *items, **items_end;
    fetch_t *fetches;
    uint32_t count, fetch_count, ranked_count;
    uint64_t bytes;
    ranked_t ranked[RANKED_MAX];
    counted_t counted[FEDERATION_RELAYS_MAX];
    uint32_t counted_count;
    io_timer_t *timer;
};

/* ---- ranks ---- */

static ranked_t *rank_of(federation_t *federation, const char *domain, bool is_new)
{
    for (uint32_t i = 0; i < federation->ranked_count; i++)
        if (strcmp(federation->ranked[i].domain, domain) == 0) return &federation->ranked[i];
    if (!is_new) return NULL;
    uint32_t slot  = federation->ranked_count < RANKED_MAX
                         ? federation->ranked_count++
                         : (uint32_t)(io_ticks_ms(federation->io) % RANKED_MAX);
    ranked_t *rank = &federation->ranked[slot];
    *rank          = (ranked_t){0};
    snprintf(rank->domain, sizeof rank->domain, "%s", domain);
    return rank;
}

static void failed(federation_t *federation, const char *domain)
{
    ranked_t *rank                               = rank_of(federation, domain, true);
    rank->failed_ms[rank->turn++ % FAILURES_MAX] = io_ticks_ms(federation->io) + 1;
}

static uint32_t failures(federation_t *federation, const char *domain)
{
    const ranked_t *rank = rank_of(federation, domain, false);
    uint32_t count       = 0;
    for (uint32_t i = 0; rank && i < FAILURES_MAX; i++)
        count += rank->failed_ms[i] && io_ticks_ms(federation->io) - rank->failed_ms[i] < HOUR_MS;
    return count;
}

/* Fewest failures first; the order of equals is by chance. */
static void sort(federation_t *federation, item_t *item)
{
    for (uint32_t i = 1; i < item->domain_count; i++) {
        for (uint32_t j = i; j > 0; j--) {
            uint32_t before = failures(federation, item->domains[j - 1]),
                     after  = failures(federation, item->domains[j]);
            uint8_t chance;
            io_random(&chance, 1);
            if (before < after || (before == after && chance < 128)) break;
            char held[RMB_RELAY_MAX + 1];
            memcpy(held, item->domains[j], sizeof held);
            memcpy(item->domains[j], item->domains[j - 1], sizeof held);
            memcpy(item->domains[j - 1], held, sizeof held);
        }
    }
}

/* ---- items ---- */

static void count(federation_t *federation, const char *domain, bool is_done)
{
    uint32_t at = 0;
    while (at < federation->counted_count && strcmp(federation->counted[at].domain, domain) != 0)
        at++;
    if (at == FEDERATION_RELAYS_MAX) return;
    if (at == federation->counted_count)
        snprintf(federation->counted[federation->counted_count++].domain, RMB_RELAY_MAX + 1, "%s", domain);
    federation->counted[at].done += is_done;
    federation->counted[at].failed += !is_done;
}

static void item_end(item_t *item, relay_fed_t result)
{
    federation_t *federation = item->federation;
    if (item->domain_count) count(federation, item->domains[item->at], result == RELAY_FED_DONE);
    item_t **at = &federation->items;
    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    if (!item->next) federation->items_end = at;
    federation->count--;
    federation->bytes -= item->message->wire_len;
    relay_federated(federation->relay, item->message, result);
    free(item);
}

static void later(item_t *item)
{
    federation_t *federation = item->federation;
    uint32_t random;
    io_random(&random, sizeof random);
    failed(federation, item->domains[item->at]);
    item->is_under_way = false;
    item->next_ms      = 0;
    if (++item->at < item->domain_count) return;
    item->at       = 0;
    uint64_t pause = ++item->pass < PASSES ? (uint64_t)PASS_PAUSE_MS * item->pass : ROUND_PAUSE_MS;
    item->next_ms  = io_ticks_ms(federation->io) + pause + random % (pause / 2);
    if (item->pass == PASSES) item->pass = 0;
    sort(federation, item);
}

static void on_fetched(void *self, int status, bytes_t body)
{
    fetch_t *fetch = self;
    item_t *item   = fetch->item;
    *fetch->back   = fetch->next;
    if (fetch->next) fetch->next->back = fetch->back;
    free(fetch);
    if (!item) return;
    item->federation->fetch_count--;
    if (status == 202) {
        item_end(item, RELAY_FED_DONE);
    } else if (status >= 400 && status < 500) {
        item_end(item, RELAY_FED_REFUSED);
    } else {
        log_debug(LOG_RELAY, "other relay not reached", LOG_TEXT("domain", item->domains[item->at]),
                  LOG_U64("status", status), LOG_BYTES("reason", body.data, body.len));
        later(item);
    }
}

static void url_of(const federation_t *federation, const char *domain, char url[RMB_URL_MAX + 8])
{
    char at[RMB_URL_MAX];
    const char *rest;
    relay_at_get(federation->at, domain, at);
    rest           = strstr(at, "://");
    bool is_secure = strncmp(at, "wss", 3) == 0 || strncmp(at, "https", 5) == 0;
    assert(rest);
    snprintf(url, RMB_URL_MAX + 8, "%s%s/", is_secure ? "https" : "http", rest);
}

static void start(item_t *item)
{
    federation_t *federation = item->federation;
    char url[RMB_URL_MAX + 8];
    fetch_t *fetch = calloc(1, sizeof *fetch);
    *fetch         = (fetch_t){item, federation->fetches, &federation->fetches};
    if (fetch->next) fetch->next->back = &fetch->next;
    federation->fetches = fetch;
    federation->fetch_count++;
    item->is_under_way = true;
    url_of(federation, item->domains[item->at], url);
    if (!web_fetch(federation->io, "POST", url, federation->ca_file, "application/octet-stream",
                   relay_message_wire(item->message), TRY_MS, on_fetched, fetch))
        on_fetched(fetch, 0, BYTES("the URL cannot be read"));
}

static void tick(void *self)
{
    federation_t *federation = self;
    uint64_t now_ms = io_ticks_ms(federation->io), now_s = io_now_ms(federation->io) / 1000;
    item_t *next;
    for (item_t *item = federation->items; item; item = next) {
        next = item->next;
        if (item->is_under_way) continue;
        if (item->is_refused || item->domain_count == 0)
            item_end(item, RELAY_FED_REFUSED);
        else if (item->message->deadline_s <= now_s)
            item_end(item, RELAY_FED_EXPIRED);
        else if (item->next_ms <= now_ms && federation->fetch_count < FETCHES_MAX)
            start(item);
    }
}

/* ---- the owner's side ---- */

federation_t *federation_new(io_t *io, const relay_at_t *at, const char *ca_file)
{
    federation_t *federation = calloc(1, sizeof *federation);
    federation->io           = io;
    federation->at           = at;
    federation->ca_file      = ca_file;
    federation->items_end    = &federation->items;
    federation->timer        = io_timer_start(io, TICK_MS, TICK_MS, tick, federation);
    return federation;
}

void federation_set_relay(federation_t *federation, relay_t *relay) { federation->relay = relay; }

void federation_send(federation_t *federation, relay_message_t *message, const char *record)
{
    item_t *item     = calloc(1, sizeof *item);
    uint32_t at      = 0;
    item->federation = federation;
    item->message    = message;
    item->is_refused = federation->count >= FEDERATION_COUNT_MAX ||
                       federation->bytes + message->wire_len > FEDERATION_BYTES_MAX;
    while (item->domain_count < DOMAINS_MAX &&
           relay_domain_next(record, &at, item->domains[item->domain_count]))
        item->domain_count++;
    sort(federation, item);
    *federation->items_end = item;
    federation->items_end  = &item->next;
    federation->count++;
    federation->bytes += message->wire_len;
}

void federation_counts(const federation_t *federation,
                       void (*each)(void *context, const char *domain, uint64_t done, uint64_t failed),
                       void *context)
{
    for (uint32_t i = 0; i < federation->counted_count; i++)
        each(context, federation->counted[i].domain, federation->counted[i].done,
             federation->counted[i].failed);
}

void federation_free(federation_t *federation)
{
    if (!federation) return;
    io_timer_stop(federation->timer);
    /* The list of fetches must stay a list: each unlinks itself when it ends. */
    while (federation->fetches) {
        fetch_t *fetch      = federation->fetches;
        federation->fetches = fetch->next;
        fetch->item         = NULL;
        fetch->next         = NULL;
        fetch->back         = &fetch->next;
    }
    while (federation->items) {
        item_t *item      = federation->items;
        federation->items = item->next;
        relay_message_drop(item->message);
        free(item);
    }
    free(federation);
}
