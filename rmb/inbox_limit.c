/* inbox_limit.c - see inbox_limit.h. */
#include "inbox_limit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_S 60
#define SLOTS    (INBOX_ADDRESSES_MAX * 2) /* half of them stay free, so that a search ends soon */
#define KEY_LEN  8

typedef struct {
    uint8_t key[KEY_LEN];
    uint32_t count; /* 0: free */
    uint64_t bytes;
} slot_t;

struct inbox_limit {
    uint32_t count_max;
    uint64_t bytes_max;
    uint64_t minute, refused;
    uint32_t used;
    slot_t others; /* whoever found no slot */
    slot_t slots[SLOTS];
};

inbox_limit_t *inbox_limit_new(uint32_t count, uint64_t bytes)
{
    inbox_limit_t *limit = calloc(1, sizeof *limit);
    limit->count_max     = count;
    limit->bytes_max     = bytes;
    return limit;
}

void inbox_limit_free(inbox_limit_t *limit) { free(limit); }

/* key_of: the network of IPv6; an IPv4 address behind a prefix that no network has. */
static void key_of(const char *address, uint8_t key[KEY_LEN])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t six[16];
    memset(key, 0, KEY_LEN);
    if (inet_pton(AF_INET, address, six) == 1) {
        memset(key, 0xff, KEY_LEN - 4);
        memcpy(key + 4, six, 4);
    } else if (inet_pton(AF_INET6, address, six) == 1) {
        if (memcmp(six, mapped, sizeof mapped) == 0) {
            memset(key, 0xff, KEY_LEN - 4);
            memcpy(key + 4, six + 12, 4);
        } else {
            memcpy(key, six, KEY_LEN);
        }
    }
}

static slot_t *slot_of(inbox_limit_t *limit, const uint8_t key[KEY_LEN])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < KEY_LEN; i++)
        hash = (hash ^ key[i]) * UINT64_C(0x100000001b3);
    for (uint32_t at = (uint32_t)(hash >> 32) % SLOTS;; at = (at + 1) % SLOTS) {
        slot_t *slot = &limit->slots[at];
        if (slot->count && memcmp(slot->key, key, KEY_LEN) == 0) return slot;
        if (slot->count) continue;
        if (limit->used == INBOX_ADDRESSES_MAX) return &limit->others;
        limit->used++;
        memcpy(slot->key, key, KEY_LEN);
        return slot;
    }
}

bool inbox_limit_take(inbox_limit_t *limit, const char *address, uint32_t len, uint64_t now_s)
{
    uint8_t key[KEY_LEN];
    if (!limit->count_max && !limit->bytes_max) return true;
    if (now_s / MINUTE_S != limit->minute) {
        memset(limit->slots, 0, sizeof limit->slots);
        limit->others = (slot_t){0};
        limit->used   = 0;
        limit->minute = now_s / MINUTE_S;
    }
    key_of(address, key);
    slot_t *slot = slot_of(limit, key);
    if (slot->count < UINT32_MAX) slot->count++;
    slot->bytes += len;
    bool is_within = (!limit->count_max || slot->count <= limit->count_max) &&
                     (!limit->bytes_max || slot->bytes <= limit->bytes_max);
    limit->refused += !is_within;
    return is_within;
}

uint64_t inbox_limit_refused(const inbox_limit_t *limit) { return limit->refused; }
