/* client_follow.c - blocks as they become best or final: in order, without holes, and taken back when they
 * lose.
 *
 * `shown` are the last blocks that were shown, oldest first.  A new head becomes the target: its ancestors
 * are read until one is known (`path`, newest first); shown blocks above that one are retracted, then the
 * path is shown from its oldest, each with its events.  A head that comes meanwhile waits as the next target.
 */
#include "client_internal.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_CAP 256u /* how deep a reorganisation can be told block by block */

/* System.Events: twox_128("System") twox_128("Events") */
static const uint8_t events_key[32] = {0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae,
                                       0x0c, 0x95, 0x58, 0xce, 0xf7, 0x80, 0xd4, 0x1e, 0x5e, 0x16, 0x05,
                                       0x67, 0x65, 0xbc, 0x84, 0x61, 0x85, 0x10, 0x72, 0xc9, 0xd7};

typedef struct {
    uint32_t number;
    hash_t hash, parent;
} head_t;

struct follower {
    follower_t *next;
    client_t *client;
    uint64_t ticket, subscription, asking; /* asking: the one request under way, 0 for none */
    client_follow_t want;
    head_t shown[SHOWN_CAP];
    uint32_t shown_count;
    head_t *path; /* newest first; of the target that is being reached */
    uint32_t path_count;
    bool has_next, has_gap;
    head_t next_target;
    bool *is_freed; /* set when the follower is freed from within a function that it called */
};

static void start_target(follower_t *f);
static void show_next(follower_t *f);

static bool same_head(const head_t *a, const hash_t *hash)
{
    return memcmp(&a->hash, hash, sizeof *hash) == 0;
}

/* ---- retract and show ---- */

/* tell calls one of the user's functions; false when that cancelled the follower. */
static bool tell(follower_t *f, void (*told)(void *, const client_block_t *), const client_block_t *block)
{
    bool is_freed = false;
    f->is_freed   = &is_freed;
    told(f->want.context, block);
    if (!is_freed) f->is_freed = NULL;
    return !is_freed;
}

/* retract_above takes back what was shown after the first `keep` blocks. */
static bool retract_above(follower_t *f, uint32_t keep)
{
    while (f->shown_count > keep) {
        head_t head          = f->shown[--f->shown_count];
        client_block_t block = {.number = head.number, .hash = head.hash, .parent = head.parent};
        if (f->want.on_retracted && !tell(f, f->want.on_retracted, &block)) return false;
    }
    return true;
}

static void remember(follower_t *f, const head_t *head)
{
    if (f->shown_count == SHOWN_CAP) {
        memmove(f->shown, f->shown + 1, (SHOWN_CAP - 1) * sizeof *f->shown);
        f->shown_count--;
    }
    f->shown[f->shown_count++] = *head;
}

static void target_done(follower_t *f)
{
    f->path_count = 0;
    if (f->has_next) start_target(f);
}

static void on_events(void *self, const client_error_t *error, bytes_t value)
{
    follower_t *f = self;
    f->asking     = 0;
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK) {
        log_warn(LOG_CLIENT, "events not read", LOG_TEXT("why", error->text));
        target_done(f); /* the next head tries again from what was shown */
        return;
    }
    head_t head          = f->path[--f->path_count];
    client_block_t block = {.number    = head.number,
                            .hash      = head.hash,
                            .parent    = head.parent,
                            .events    = value,
                            .after_gap = f->has_gap};
    f->has_gap           = false;
    remember(f, &head);
    if (tell(f, f->want.on_block, &block)) show_next(f);
}

static void show_next(follower_t *f)
{
    if (f->path_count == 0) {
        target_done(f);
        return;
    }
    f->asking = client_storage(f->client, (bytes_t){events_key, sizeof events_key},
                               &f->path[f->path_count - 1].hash, on_events, f);
}

/* ---- the way back from the target to what is known ---- */

/* shown_index finds the block that `hash` names among those shown; -1 if none is. */
static int shown_index(const follower_t *f, const hash_t *hash)
{
    for (uint32_t i = f->shown_count; i > 0; i--)
        if (same_head(&f->shown[i - 1], hash)) return (int)(i - 1);
    return -1;
}

/* path_gap shows the target alone, or as much of the path as was asked for, after a gap. */
static void path_gap(follower_t *f, uint32_t count)
{
    f->path_count  = count;
    f->has_gap     = true;
    f->shown_count = 0; /* what was shown has no place any more: after a gap everything is read anew */
    show_next(f);
}

static void on_header(void *self, const client_error_t *error, const json_t *result);

/* path_step: is the oldest block of the path joined to a shown one, or old enough?  Else reads its parent. */
static void path_step(follower_t *f)
{
    head_t *oldest = &f->path[f->path_count - 1];
    int at         = shown_index(f, &oldest->parent);
    bool is_all    = f->shown_count == 0 && (f->want.from == 0 || oldest->number <= f->want.from);
    if (at >= 0) {
        if (retract_above(f, (uint32_t)at + 1)) show_next(f);
    } else if (is_all || oldest->number == 0 ||
               (f->shown_count > 0 && oldest->number <= f->shown[0].number)) {
        path_gap(f, f->path_count);
    } else if (f->path_count == CLIENT_GAP_MAX) {
        path_gap(f, 1);
    } else {
        char params[80];
        params_hash(params, &oldest->parent);
        f->asking = client_rpc(f->client, "chain_getHeader", params, on_header, f);
    }
}

static void on_header(void *self, const client_error_t *error, const json_t *result)
{
    follower_t *f = self;
    head_t head   = {0};
    f->asking     = 0;
    if (error->status == CLIENT_FREED) return;
    if (error->status == CLIENT_OK && json_is_null(result)) {
        path_gap(f, f->path_count); /* the node has no older blocks */
        return;
    }
    if (error->status != CLIENT_OK || !header_read(result, &head.number, &head.parent, &head.hash) ||
        !same_head(&head, &f->path[f->path_count - 1].parent)) {
        target_done(f);
        return;
    }
    f->path[f->path_count++] = head;
    path_step(f);
}

static void start_target(follower_t *f)
{
    head_t target = f->next_target;
    f->has_next   = false;
    if (shown_index(f, &target.hash) >= 0) {
        /* Back to a block that was shown before: those after it lost. */
        if (!f->want.is_finalized && retract_above(f, (uint32_t)shown_index(f, &target.hash) + 1) &&
            f->has_next)
            start_target(f);
        return;
    }
    if (target.number < f->want.from && f->shown_count == 0) return; /* not there yet */
    f->path[0]    = target;
    f->path_count = 1;
    path_step(f);
}

static void on_head(void *self, const client_error_t *error, const json_t *result)
{
    follower_t *f = self;
    if (error->status != CLIENT_OK) {
        if (error->status == CLIENT_REFUSED)
            log_error(LOG_CLIENT, "node gives no heads", LOG_TEXT("why", error->text));
        return;
    }
    head_t head;
    if (!header_read(result, &head.number, &head.parent, &head.hash)) {
        log_warn(LOG_CLIENT, "head does not decode", LOG_TEXT("url", f->client->chain.url));
        return;
    }
    f->next_target = head;
    f->has_next    = true;
    if (f->path_count == 0 && !f->asking) start_target(f);
}

uint64_t client_follow(client_t *client, const client_follow_t *follow)
{
    follower_t *f = must_alloc(sizeof *f);
    *f            = (follower_t){
                   .next = client->followers, .client = client, .ticket = client_ticket(client), .want = *follow};
    f->path           = must_alloc(CLIENT_GAP_MAX * sizeof *f->path);
    client->followers = f;
    if (follow->is_finalized)
        f->subscription = rpc_subscribe(client, "chain_subscribeFinalizedHeads",
                                        "chain_unsubscribeFinalizedHeads", "[]", false, on_head, f);
    else
        f->subscription = rpc_subscribe(client, "chain_subscribeNewHeads", "chain_unsubscribeNewHeads", "[]",
                                        false, on_head, f);
    return f->ticket;
}

static void follower_free(follower_t *f)
{
    rpc_cancel(f->client, f->subscription);
    if (f->asking) rpc_cancel(f->client, f->asking);
    if (f->is_freed) *f->is_freed = true;
    free(f->path);
    free(f);
}

bool follow_cancel(client_t *client, uint64_t ticket)
{
    for (follower_t **at = &client->followers; *at; at = &(*at)->next) {
        follower_t *f = *at;
        if (f->ticket == ticket) {
            *at = f->next;
            follower_free(f);
            return true;
        }
    }
    return false;
}

void follow_free_all(client_t *client)
{
    while (client->followers) {
        follower_t *f     = client->followers;
        client->followers = f->next;
        follower_free(f);
    }
}
