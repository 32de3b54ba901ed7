/* override.c - what a block of a development chain changes besides what it executes.
 *
 * Its header says so: the data of a pre-runtime item of engine "devs" is a SCALE Vec of (key: Bytes, value:
 * Option<Bytes>), put or removed after the block's last hook, before its root is made.  So the header's root
 * is that of the state that is there, and whoever executes the block again comes to it.  On any other chain
 * such a block is refused. */
#include "chain_internal.h"

#include <string.h>

static const uint8_t engine[4] = {'d', 'e', 'v', 's'};

bool chain_override_find(const header_t *header, bytes_t *data)
{
    uint32_t count = 0;
    *data          = (bytes_t){0};
    for (uint32_t i = 0; i < header->digest_count; i++) {
        const digest_item_t *item = &header->digest[i];
        if (item->kind != DIGEST_PRE_RUNTIME || memcmp(item->engine, engine, sizeof engine) != 0) continue;
        *data = item->data;
        count++;
    }
    return count <= 1;
}

/* next_item reads one; false at the end, or with r->failed. */
static bool next_item(scale_reader_t *r, change_t *item)
{
    item->key        = scale_get_bytes(r, TRIE_KEY_MAX);
    item->is_removed = !scale_get_option(r);
    item->value      = item->is_removed ? (bytes_t){0} : scale_get_bytes(r, UINT32_MAX);
    return !r->failed;
}

bool chain_override_is_good(bytes_t data)
{
    scale_reader_t r = scale_reader(data, NULL);
    uint32_t count   = scale_get_compact_u32(&r);
    change_t item;
    for (uint32_t i = 0; i < count && !r.failed; i++)
        (void)next_item(&r, &item);
    return count > 0 && scale_done(&r);
}

void exec_override(exec_t *exec)
{
    scale_reader_t r = scale_reader(exec->overrides, NULL);
    change_t item;
    uint32_t count  = exec->overrides.len ? scale_get_compact_u32(&r) : 0;
    exec->overrides = (bytes_t){0};
    for (uint32_t i = 0; i < count && next_item(&r, &item); i++) {
        if (item.is_removed)
            overlay_remove(&exec->overlay, item.key);
        else
            overlay_put(&exec->overlay, item.key, item.value);
    }
    if (r.failed) exec->has_failed = true;
}

bool chain_override_write(scale_writer_t *w, const change_t *items, uint32_t count)
{
    uint64_t len = scale_compact_len(count);
    for (uint32_t i = 0; i < count; i++)
        len += 2 * 5 + 1 + (uint64_t)items[i].key.len + items[i].value.len;
    if (len > CHAIN_OVERRIDE_MAX || count == 0) return false;
    uint8_t room[CHAIN_OVERRIDE_MAX + 16];
    scale_writer_t data = scale_writer(room, sizeof room);
    scale_put_compact(&data, count);
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].key.len > TRIE_KEY_MAX) return false;
        scale_put_bytes(&data, items[i].key);
        scale_put_u8(&data, !items[i].is_removed);
        if (!items[i].is_removed) scale_put_bytes(&data, items[i].value);
    }
    digest_item_t item = {.kind = DIGEST_PRE_RUNTIME, .data = scale_written(&data)};
    memcpy(item.engine, engine, sizeof engine);
    digest_item_encode(w, &item);
    return !data.failed && !w->failed;
}
