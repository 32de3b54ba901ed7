/* federation.c - see federation.h. */
#include "federation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "relay_internal.h"

#define RECORD_DOMAINS_MAX 4 /* as the chain allows */
#define PASSES             3
#define PASS_PAUSE_MS      100
#define ROUND_PAUSE_MS     3000
#define LINK_PAUSE_MS      100
#define PROBE_PAUSE_MS     50   /* of a relay that fails: one post at a time, after growing pauses */
#define PROBE_PAUSE_MS_MAX 3000 /* so that it takes no room from others, and is back soon */
#define RUN_MS             50
#define SWEEP_MS           1000
#define FAILURES_MAX       16
#define DOMAINS_KEPT       1024
#define DOMAIN_BUCKETS     256
#define LANE_BUCKETS       1024

typedef struct lane lane_t;

typedef struct domain {
    char name[RMB_RELAY_MAX + 1];
    uint32_t refs, posting, failed_row;
    uint32_t count; /* envelopes that wait whose record begins with it */
    uint64_t bytes;
    uint64_t retry_ms;
    uint64_t failed_ms[FAILURES_MAX]; /* a ring; 0: none */
    uint32_t turn;
    bool is_counted;
    uint64_t done, failed;
    void *link;
    struct domain *next, *counted_next;
} domain_t;

struct federation_item {
    relay_message_t *message;
    lane_t *lane;
    enum { ITEM_WAITING, ITEM_POSTING, ITEM_LINKED } state;
    domain_t *by; /* of ITEM_POSTING and ITEM_LINKED */
    domain_t *first_domain;
    domain_t *domains[RECORD_DOMAINS_MAX];
    uint32_t domain_count;
    federation_item_t *next, *previous;
};

/* What one address sends to another. */
struct lane {
    federation_item_t *first, *last;
    federation_item_t *unsent; /* the first that is not on its way; all behind it are not either */
    uint32_t posting, linked;  /* of its items */
    domain_t *link_domain;     /* of those that are linked */
    uint32_t at, pass;         /* where the first item is in its domains */
    uint64_t next_ms;
    bool is_held;  /* the link had no room for one: wait until it has answered the others */
    bool is_ready; /* in the list of those that may go on */
    lane_t *ready_next, *next, **back;
};

struct federation {
    federation_ops_t ops;
    uint64_t period_ms, look_ms, sweep_ms;
    relay_t *relay;
    lane_t *lanes[LANE_BUCKETS];
    lane_t *ready_first, *ready_last;
    uint32_t lane_count, count, posting, domain_count, counted_count;
    uint64_t bytes;
    domain_t *domains[DOMAIN_BUCKETS], *counted_first, **counted_end;
};

static uint64_t ticks(const federation_t *f) { return f->ops.ticks_ms(f->ops.self); }

static uint64_t jitter(const federation_t *f, uint64_t most)
{
    uint32_t random;
    f->ops.random(f->ops.self, &random, sizeof random);
    return random % (most + 1);
}

/* ---- domains ---- */

static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

static void domains_forget(federation_t *f)
{
    for (uint32_t i = 0; i < DOMAIN_BUCKETS; i++) {
        for (domain_t **at = &f->domains[i]; *at;) {
            domain_t *domain = *at;
            if (domain->refs || domain->link || domain->is_counted) {
                at = &domain->next;
                continue;
            }
            *at = domain->next;
            f->domain_count--;
            free(domain);
        }
    }
}

static domain_t *domain_get(federation_t *f, const char *name)
{
    domain_t **bucket = &f->domains[hash_text(2166136261u, name) % DOMAIN_BUCKETS], *domain = *bucket;
    while (domain && strcmp(domain->name, name) != 0)
        domain = domain->next;
    if (domain) return domain;
    if (f->domain_count >= DOMAINS_KEPT) domains_forget(f);
    domain = calloc(1, sizeof *domain);
    snprintf(domain->name, sizeof domain->name, "%s", name);
    domain->next = *bucket;
    *bucket      = domain;
    f->domain_count++;
    if (f->counted_count == FEDERATION_RELAYS_MAX) return domain;
    f->counted_count++;
    domain->is_counted = true;
    *f->counted_end    = domain;
    f->counted_end     = &domain->counted_next;
    return domain;
}

static void domain_failed(const federation_t *f, domain_t *domain)
{
    uint64_t pause = (uint64_t)PROBE_PAUSE_MS << (domain->failed_row < 6 ? domain->failed_row : 6);
    domain->failed_ms[domain->turn++ % FAILURES_MAX] = ticks(f) + 1;
    domain->failed_row++;
    domain->retry_ms = ticks(f) + (pause < PROBE_PAUSE_MS_MAX ? pause : PROBE_PAUSE_MS_MAX);
}

static uint32_t failures(const federation_t *f, const domain_t *domain)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < FAILURES_MAX; i++)
        count += domain->failed_ms[i] && ticks(f) - (domain->failed_ms[i] - 1) < f->period_ms;
    return count;
}

/* Fewest failures first; the order of equals is by chance. */
static void sort(const federation_t *f, federation_item_t *item)
{
    for (uint32_t i = 1; i < item->domain_count; i++) {
        for (uint32_t j = i; j > 0; j--) {
            domain_t *before = item->domains[j - 1], *after = item->domains[j];
            uint32_t first = failures(f, before), second = failures(f, after);
            if (first < second || (first == second && jitter(f, 1) == 0)) break;
            item->domains[j]     = before;
            item->domains[j - 1] = after;
        }
    }
}

/* ---- lanes ---- */

static lane_t **bucket_of(federation_t *f, const relay_message_t *message)
{
    uint32_t hash = (message->from.twin ^ 2166136261u) * 16777619u;
    hash          = hash_text(hash, message->from.connection);
    hash          = (hash ^ message->to.twin) * 16777619u;
    return &f->lanes[hash_text(hash, message->to.connection) % LANE_BUCKETS];
}

static void lane_ready(federation_t *f, lane_t *lane)
{
    if (lane->is_ready) return;
    lane->is_ready   = true;
    lane->ready_next = NULL;
    if (f->ready_first)
        f->ready_last->ready_next = lane;
    else
        f->ready_first = lane;
    f->ready_last = lane;
}

static lane_t *lane_open(federation_t *f, const relay_message_t *message)
{
    lane_t **bucket = bucket_of(f, message);
    for (lane_t *lane = *bucket; lane; lane = lane->next) {
        const relay_message_t *first = lane->first ? lane->first->message : NULL;
        if (first && relay_address_equal(&first->from, &message->from) &&
            relay_address_equal(&first->to, &message->to))
            return lane;
    }
    lane_t *lane = calloc(1, sizeof *lane);
    lane->next   = *bucket;
    lane->back   = bucket;
    if (lane->next) lane->next->back = &lane->next;
    *bucket = lane;
    f->lane_count++;
    return lane;
}

static void lane_free(federation_t *f, lane_t *lane)
{
    *lane->back = lane->next;
    if (lane->next) lane->next->back = lane->back;
    f->lane_count--;
    free(lane);
}

/* ---- items ---- */

static void item_free(federation_t *f, federation_item_t *item)
{
    for (uint32_t i = 0; i < item->domain_count; i++)
        item->domains[i]->refs--;
    if (item->first_domain) {
        item->first_domain->count--;
        item->first_domain->bytes -= item->message->wire_len;
    }
    f->count--;
    f->bytes -= item->message->wire_len;
    free(item);
}

/* Its lane stays, perhaps empty: it is ready, and freed when its turn comes. */
static void item_end(federation_t *f, federation_item_t *item, relay_fed_t result)
{
    lane_t *lane             = item->lane;
    relay_message_t *message = item->message;
    domain_t *domain         = item->by ? item->by : item->first_domain;
    assert(item->state == ITEM_WAITING);
    if (domain) {
        domain->done += result == RELAY_FED_DONE;
        domain->failed += result != RELAY_FED_DONE;
    }
    if (lane->first == item) lane->at = lane->pass = 0;
    if (lane->first == item) lane->next_ms = 0;
    if (lane->unsent == item) lane->unsent = item->next;
    if (item->previous)
        item->previous->next = item->next;
    else
        lane->first = item->next;
    if (item->next)
        item->next->previous = item->previous;
    else
        lane->last = item->previous;
    item_free(f, item);
    lane_ready(f, lane);
    relay_federated(f->relay, message, result);
}

static void item_rest(federation_t *f, federation_item_t *item)
{
    if (item->state == ITEM_POSTING) {
        f->posting--;
        item->by->posting--;
        item->lane->posting--;
    } else if (item->state == ITEM_LINKED) {
        item->lane->linked--;
    }
    item->state = ITEM_WAITING;
}

/* ---- by post ---- */

static void next_pass(const federation_t *f, lane_t *lane)
{
    uint64_t pause = ROUND_PAUSE_MS;
    lane->at       = 0;
    if (++lane->pass < PASSES)
        pause = (uint64_t)PASS_PAUSE_MS << (lane->pass - 1);
    else
        lane->pass = 0;
    lane->next_ms = ticks(f) + pause + jitter(f, pause / 2);
    sort(f, lane->first);
}

typedef enum { STEP_REST, STEP_AGAIN, STEP_FULL } step_t;

/* STEP_FULL: as many posts as may be are under way, of all or to this relay. */
static step_t post(federation_t *f, lane_t *lane)
{
    federation_item_t *item = lane->first;
    for (; lane->at < item->domain_count; lane->at++) {
        domain_t *domain = item->domains[lane->at];
        uint32_t most    = domain->failed_row ? 1 : FEDERATION_POSTS_MAX / 4;
        if (domain->retry_ms > ticks(f)) continue;
        if (f->posting >= FEDERATION_POSTS_MAX || domain->posting >= most) return STEP_FULL;
        item->state = ITEM_POSTING;
        item->by    = domain;
        f->posting++;
        domain->posting++;
        lane->posting++;
        lane->unsent = item->next;
        f->ops.post(f->ops.self, item, domain->name, relay_message_wire(item->message));
        return STEP_REST;
    }
    next_pass(f, lane);
    return STEP_REST;
}

/* ---- by link ---- */

static domain_t *linked_domain(const federation_item_t *item)
{
    for (uint32_t i = 0; i < item->domain_count; i++)
        if (item->domains[i]->link) return item->domains[i];
    return NULL;
}

static step_t link_send(federation_t *f, lane_t *lane)
{
    while (lane->unsent) {
        federation_item_t *item = lane->unsent;
        domain_t *domain        = linked_domain(item);
        if (!domain || (lane->linked && domain != lane->link_domain)) return STEP_REST;
        item->state       = ITEM_LINKED;
        item->by          = domain;
        lane->link_domain = domain;
        lane->linked++;
        lane->unsent = item->next;
        if (f->ops.link_send(f->ops.self, domain->link, item, relay_message_wire(item->message))) continue;
        item_rest(f, item);
        lane->unsent = item;
        return STEP_FULL;
    }
    return STEP_REST;
}

/* ---- going on ---- */

static step_t step(federation_t *f, lane_t *lane)
{
    federation_item_t *item = lane->first;
    uint64_t now_s          = f->ops.now_ms(f->ops.self) / 1000;
    if (!item || lane->posting) return STEP_REST;
    if (lane->is_held && lane->linked) return STEP_REST;
    if (lane->is_held) lane->next_ms = ticks(f) + LINK_PAUSE_MS;
    lane->is_held = false;
    if (item->state == ITEM_WAITING && (item->message->deadline_s <= now_s || item->domain_count == 0)) {
        item_end(f, item, item->domain_count ? RELAY_FED_EXPIRED : RELAY_FED_REFUSED);
        return STEP_AGAIN;
    }
    if (lane->linked) return link_send(f, lane);
    if (lane->next_ms > ticks(f)) return STEP_REST;
    return linked_domain(item) ? link_send(f, lane) : post(f, lane);
}

/* Lanes that wait for their time, and items that expired behind others. */
static void look_through(federation_t *f)
{
    uint64_t now_ms = ticks(f), now_s = f->ops.now_ms(f->ops.self) / 1000;
    bool is_sweep = now_ms >= f->sweep_ms;
    if (now_ms < f->look_ms) return;
    f->look_ms = now_ms + RUN_MS;
    if (is_sweep) f->sweep_ms = now_ms + SWEEP_MS;
    for (uint32_t i = 0; i < LANE_BUCKETS; i++) {
        for (lane_t *lane = f->lanes[i]; lane; lane = lane->next) {
            federation_item_t *next;
            for (federation_item_t *item = is_sweep ? lane->first : NULL; item; item = next) {
                next = item->next;
                if (item->state == ITEM_WAITING && item->message->deadline_s <= now_s)
                    item_end(f, item, RELAY_FED_EXPIRED);
            }
            if (lane->next_ms <= now_ms && !lane->posting) lane_ready(f, lane);
        }
    }
}

void federation_run(federation_t *f)
{
    look_through(f);
    lane_t *next, *lane = f->ready_first;
    f->ready_first = f->ready_last = NULL;
    for (; lane; lane = next) {
        step_t went = STEP_AGAIN;
        next        = lane->ready_next;
        while (went == STEP_AGAIN)
            went = step(f, lane);
        lane->is_ready = false;
        if (went == STEP_FULL)
            lane_ready(f, lane);
        else if (!lane->first)
            lane_free(f, lane);
    }
    if (f->lane_count) f->ops.wake(f->ops.self, RUN_MS);
}

void federation_send(federation_t *f, relay_message_t *message, const char *record)
{
    char name[RMB_RELAY_MAX + 1];
    uint32_t at    = 0;
    domain_t *main = relay_domain_next(record, &at, name) ? domain_get(f, name) : NULL;
    if (f->count >= FEDERATION_COUNT_MAX || f->bytes + message->wire_len > FEDERATION_BYTES_MAX ||
        (main && (main->count >= FEDERATION_COUNT_MAX / 2 ||
                  main->bytes + message->wire_len > FEDERATION_BYTES_MAX / 2))) {
        relay_federated(f->relay, message, RELAY_FED_FULL);
        return;
    }
    lane_t *lane            = lane_open(f, message);
    federation_item_t *item = calloc(1, sizeof *item);
    *item =
        (federation_item_t){.message = message, .lane = lane, .previous = lane->last, .first_domain = main};
    for (at = 0; item->domain_count < RECORD_DOMAINS_MAX && relay_domain_next(record, &at, name);) {
        domain_t *domain                    = domain_get(f, name);
        item->domains[item->domain_count++] = domain;
        domain->refs++;
    }
    if (main) main->count++;
    if (main) main->bytes += message->wire_len;
    if (lane->last)
        lane->last->next = item;
    else
        lane->first = item;
    lane->last = item;
    if (!lane->unsent) lane->unsent = item;
    f->count++;
    f->bytes += message->wire_len;
    sort(f, item);
    lane_ready(f, lane);
    f->ops.wake(f->ops.self, 0);
}

void federation_posted(federation_t *f, federation_item_t *item, federation_result_t result)
{
    lane_t *lane     = item->lane;
    bool was_linked  = item->state == ITEM_LINKED;
    domain_t *domain = item->by;
    item_rest(f, item);
    lane_ready(f, lane);
    f->ops.wake(f->ops.self, 0);
    if (result != FEDERATION_FAILED) {
        domain->failed_row = 0;
        domain->retry_ms   = 0;
        item_end(f, item, result == FEDERATION_TAKEN ? RELAY_FED_DONE : RELAY_FED_REFUSED);
        return;
    }
    lane->unsent = lane->first;
    if (was_linked) {
        lane->is_held = true;
        return;
    }
    domain_failed(f, domain);
    if (++lane->at >= item->domain_count) next_pass(f, lane);
}

static bool has_domain(const federation_item_t *item, const domain_t *domain)
{
    for (uint32_t i = 0; item && i < item->domain_count; i++)
        if (item->domains[i] == domain) return true;
    return false;
}

void federation_link(federation_t *f, const char *name, void *link)
{
    domain_t *domain = domain_get(f, name);
    domain->link     = link;
    domain->retry_ms = 0;
    for (uint32_t i = 0; i < LANE_BUCKETS; i++) {
        for (lane_t *lane = f->lanes[i]; lane; lane = lane->next) {
            if (lane->linked && lane->link_domain == domain && !link) {
                for (federation_item_t *item = lane->first; item; item = item->next)
                    item_rest(f, item);
                lane->unsent  = lane->first;
                lane->is_held = false;
            }
            if (!has_domain(lane->first, domain)) continue;
            lane->next_ms = 0;
            lane_ready(f, lane);
        }
    }
    f->ops.wake(f->ops.self, 0);
}

/* ---- the owner's side ---- */

federation_t *federation_new(const federation_ops_t *ops, uint32_t period_s)
{
    federation_t *f = calloc(1, sizeof *f);
    f->ops          = *ops;
    f->period_ms    = (uint64_t)(period_s ? period_s : FEDERATION_PERIOD_S) * 1000;
    f->counted_end  = &f->counted_first;
    return f;
}

void federation_set_relay(federation_t *f, relay_t *relay) { f->relay = relay; }

void federation_counts(const federation_t *f,
                       void (*each)(void *context, const char *domain, uint64_t done, uint64_t failed),
                       void *context)
{
    for (const domain_t *domain = f->counted_first; domain; domain = domain->counted_next)
        each(context, domain->name, domain->done, domain->failed);
}

void federation_free(federation_t *f)
{
    if (!f) return;
    for (uint32_t i = 0; i < LANE_BUCKETS; i++) {
        while (f->lanes[i]) {
            lane_t *lane = f->lanes[i];
            while (lane->first) {
                federation_item_t *item = lane->first;
                lane->first             = item->next;
                relay_message_drop(item->message);
                free(item);
            }
            lane_free(f, lane);
        }
    }
    for (uint32_t i = 0; i < DOMAIN_BUCKETS; i++) {
        while (f->domains[i]) {
            domain_t *next = f->domains[i]->next;
            free(f->domains[i]);
            f->domains[i] = next;
        }
    }
    free(f);
}
