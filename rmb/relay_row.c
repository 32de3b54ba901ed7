/* relay_row.c - see relay_row.h. */
#include "relay_row.h"

#include <string.h>

static void add(relay_row_key_t *key, uint64_t number, uint32_t bytes)
{
    while (bytes-- > 0)
        key->b[key->len++] = (uint8_t)(number >> (8 * bytes));
}

static uint64_t number_at(const uint8_t *at, uint32_t bytes)
{
    uint64_t number = 0;
    while (bytes-- > 0)
        number = number << 8 | *at++;
    return number;
}

static void add_address(relay_row_key_t *key, const relay_address_t *to)
{
    uint32_t len = (uint32_t)strlen(to->connection);
    add(key, to->twin, 4);
    add(key, to->has_connection, 1);
    add(key, len, 1);
    memcpy(key->b + key->len, to->connection, len);
    key->len += len;
}

relay_row_key_t relay_row_prefix(const relay_address_t *to)
{
    relay_row_key_t key = {.b = {'m'}, .len = 1};
    add_address(&key, to);
    return key;
}

relay_row_key_t relay_row_after(const relay_address_t *to, uint64_t seq)
{
    relay_row_key_t key = relay_row_prefix(to);
    add(&key, seq + 1, 8);
    return key;
}

relay_row_key_t relay_row_key(const relay_row_t *row)
{
    relay_row_key_t key = {.b = {'o'}, .len = 1};
    if (!row->is_outward) key = relay_row_prefix(&row->to);
    add(&key, row->seq, 8);
    return key;
}

relay_row_key_t relay_row_end_key(const relay_row_t *row)
{
    relay_row_key_t key = {.b = {'d'}, .len = 1};
    add(&key, row->deadline_s, 8);
    add(&key, row->seq, 8);
    return key;
}

relay_row_key_t relay_row_head(const relay_row_t *row)
{
    relay_row_key_t head = {.len = 0};
    add(&head, row->deadline_s, 8);
    add_address(&head, &row->to);
    return head;
}

/* Takes an address from the front of `from`. */
static bool address_take(bytes_t *from, relay_address_t *to)
{
    if (from->len < 6 || from->len - 6 < from->data[5]) return false;
    uint32_t len = from->data[5];
    *to = (relay_address_t){.twin = (uint32_t)number_at(from->data, 4), .has_connection = from->data[4] == 1};
    if (from->data[4] > 1 || (len > 0 && !to->has_connection) || memchr(from->data + 6, 0, len)) return false;
    memcpy(to->connection, from->data + 6, len);
    *from = (bytes_t){from->data + 6 + len, from->len - 6 - len};
    return true;
}

/* The keys that are written have one form for each row: a key that another row would have is none. */
bool relay_row_decode(bytes_t key, bytes_t value, relay_row_t *row)
{
    if (key.len < 9 || value.len < 8) return false;
    *row       = (relay_row_t){.seq        = number_at(key.data + key.len - 8, 8),
                               .deadline_s = number_at(value.data, 8),
                               .is_outward = key.data[0] == 'o'};
    bytes_t at = {value.data + 8, value.len - 8};
    if (!address_take(&at, &row->to) || at.len > RMB_MESSAGE_MAX) return false;
    row->wire             = at;
    relay_row_key_t wrote = relay_row_key(row);
    return bytes_equal((bytes_t){wrote.b, wrote.len}, key);
}

bool relay_row_end_decode(bytes_t key, uint64_t *end_s, uint64_t *seq)
{
    if (key.len != 17 || key.data[0] != 'd') return false;
    *end_s = number_at(key.data + 1, 8);
    *seq   = number_at(key.data + 9, 8);
    return true;
}
