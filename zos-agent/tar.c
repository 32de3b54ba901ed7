/* tar.c - headers of 512 bytes, each followed by its content. */
#include "tar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK    512
#define PAX_MAX  65536
#define SIZE_CAP (UINT64_C(1) << 50)

__attribute__((format(printf, 2, 3))) static bool fail(tar_t *tar, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!tar->error[0]) vsnprintf(tar->error, sizeof tar->error, format, args);
    va_end(args);
    return false;
}

/* ---- bytes ---- */

static bool read_some(tar_t *tar, void *out, uint32_t len, uint32_t *got)
{
    *got = 0;
    while (*got < len) {
        int64_t now = tar->read(tar->context, (uint8_t *)out + *got, len - *got);
        if (now < 0) return fail(tar, "the layer cannot be read, or is damaged");
        if (now == 0) return true;
        *got += (uint32_t)now;
    }
    return true;
}

static bool read_exact(tar_t *tar, void *out, uint32_t len)
{
    uint32_t got;
    return read_some(tar, out, len, &got) && (got == len || fail(tar, "the layer is cut short"));
}

static bool skip_rest(tar_t *tar)
{
    uint8_t block[BLOCK];
    for (uint64_t left = tar->left + tar->padding; left > 0;) {
        uint32_t len = left < BLOCK ? (uint32_t)left : BLOCK;
        if (!read_exact(tar, block, len)) return false;
        left -= len;
    }
    tar->left = tar->padding = 0;
    return true;
}

static void expect(tar_t *tar, uint64_t size)
{
    tar->left    = size;
    tar->padding = (BLOCK - size % BLOCK) % BLOCK;
}

bool tar_read(tar_t *tar, void *out, uint32_t cap, uint32_t *len)
{
    *len = tar->left < cap ? (uint32_t)tar->left : cap;
    tar->left -= *len;
    return read_exact(tar, out, *len);
}

/* ---- fields ---- */

/* Octal, or GNU's binary form for what octal cannot say. */
static bool number(const uint8_t *field, size_t len, uint64_t *value)
{
    size_t i = 0;
    *value   = 0;
    if (field[0] & 0x80) {
        for (i = 1; i < len; i++) {
            if (*value >> 55) return false;
            *value = *value << 8 | field[i];
        }
        return field[0] == 0x80;
    }
    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    return i == len || field[i] == 0 || field[i] == ' ';
}

/* Cleans a name to "a/b/c"; refuses what climbs. */
static bool clean(tar_t *tar, const char *name, char out[TAR_NAME_CAP])
{
    size_t used = 0;
    while (*name) {
        size_t len = strcspn(name, "/");
        if (len == 2 && name[0] == '.' && name[1] == '.')
            return fail(tar, "an entry climbs out of the image by \"..\"");
        if (len > 0 && !(len == 1 && name[0] == '.')) {
            if (used + len + 2 > TAR_NAME_CAP) return fail(tar, "a name is too long");
            if (used > 0) out[used++] = '/';
            memcpy(out + used, name, len);
            used += len;
        }
        name += len + (name[len] == '/');
    }
    out[used] = 0;
    return true;
}

/* The content of a header that speaks of the next one. */
static bool read_text(tar_t *tar, uint64_t len, char *out, size_t cap)
{
    if (len >= cap) return fail(tar, "a name is too long");
    expect(tar, len);
    uint32_t got;
    if (!tar_read(tar, out, (uint32_t)len, &got) || !skip_rest(tar)) return false;
    out[len] = 0;
    return true;
}

static bool take_pax(tar_t *tar, const char *key, const char *value)
{
    if (strcmp(key, "path") == 0) {
        tar->has_name = true;
        return (size_t)snprintf(tar->name, TAR_NAME_CAP, "%s", value) < TAR_NAME_CAP ||
               fail(tar, "a name is too long");
    }
    if (strcmp(key, "linkpath") == 0) {
        tar->has_link = true;
        return (size_t)snprintf(tar->link, TAR_NAME_CAP, "%s", value) < TAR_NAME_CAP ||
               fail(tar, "a name is too long");
    }
    if (strcmp(key, "size") != 0) return true;
    char *end;
    tar->has_size = true;
    tar->size     = strtoull(value, &end, 10);
    return (value[0] >= '0' && value[0] <= '9' && *end == 0) || fail(tar, "a size is malformed");
}

/* "LEN KEY=VALUE\n" again and again. */
static bool read_pax(tar_t *tar, uint64_t len)
{
    char *text = malloc(PAX_MAX);
    bool is_ok = text && read_text(tar, len, text, PAX_MAX);
    for (char *at = text; is_ok && *at;) {
        char *key          = at;
        unsigned long size = strtoul(at, &key, 10);
        char *equals       = strchr(key, '=');
        bool is_record     = key > at && *key == ' ' && equals && size > 0 && size <= strlen(at) &&
                         at[size - 1] == '\n' && (size_t)(equals - at) < size;
        if (!is_record) {
            is_ok = fail(tar, "a header is malformed");
            break;
        }
        at[size - 1] = *equals = 0;
        is_ok                  = take_pax(tar, key + 1, equals + 1);
        at += size;
    }
    free(text);
    return is_ok;
}

/* ---- headers ---- */

static bool is_zero(const uint8_t *block)
{
    for (int i = 0; i < BLOCK; i++)
        if (block[i]) return false;
    return true;
}

static bool checksum_is_right(const uint8_t *header)
{
    uint64_t sum = 0, said;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : header[i];
    return number(header + 148, 8, &said) && said == sum;
}

static tar_kind_t kind_of(uint8_t type)
{
    switch (type) {
    case 0:
    case '0':
    case '7': return TAR_FILE;
    case '1': return TAR_HARDLINK;
    case '2': return TAR_SYMLINK;
    case '5': return TAR_FOLDER;
    default: return TAR_OTHER;
    }
}

static bool take_names(tar_t *tar, const uint8_t *header, tar_entry_t *entry)
{
    char name[300], link[104];
    bool is_ustar = memcmp(header + 257, "ustar", 5) == 0;
    snprintf(name, sizeof name, "%.*s%s%.100s", is_ustar ? 155 : 0, (const char *)header + 345,
             is_ustar && header[345] ? "/" : "", (const char *)header);
    snprintf(link, sizeof link, "%.100s", (const char *)header + 157);
    const char *target = tar->has_link ? tar->link : link;
    if (entry->kind == TAR_HARDLINK)
        return clean(tar, tar->has_name ? tar->name : name, entry->name) && clean(tar, target, entry->link);
    snprintf(entry->link, sizeof entry->link, "%s", target);
    return clean(tar, tar->has_name ? tar->name : name, entry->name);
}

static bool take_entry(tar_t *tar, const uint8_t *header, uint64_t size, tar_entry_t *entry)
{
    uint64_t mode, uid, gid, time_s;
    *entry = (tar_entry_t){.kind = kind_of(header[156])};
    if (!number(header + 100, 8, &mode) || !number(header + 108, 8, &uid) || !number(header + 116, 8, &gid) ||
        !number(header + 136, 12, &time_s) || uid > UINT32_MAX || gid > UINT32_MAX)
        return fail(tar, "a header is malformed");
    if (tar->has_size) size = tar->size;
    if (size > SIZE_CAP) return fail(tar, "a file is too large");
    if (!take_names(tar, header, entry)) return false;
    entry->mode   = (uint32_t)(mode & 07777);
    entry->uid    = (uint32_t)uid;
    entry->gid    = (uint32_t)gid;
    entry->time_s = (int64_t)time_s;
    entry->size   = entry->kind == TAR_FILE ? size : 0;
    expect(tar, size);
    tar->has_name = tar->has_link = tar->has_size = false;
    return true;
}

/* Takes a header; *is_entry is false when it only speaks of the next one. */
static bool take_header(tar_t *tar, const uint8_t *header, tar_entry_t *entry, bool *is_entry)
{
    uint64_t size;
    *is_entry = false;
    if (!checksum_is_right(header) || !number(header + 124, 12, &size))
        return fail(tar, "not a tar archive, or damaged");
    if (header[156] == 'x') return read_pax(tar, size);
    if (header[156] == 'L') return tar->has_name = read_text(tar, size, tar->name, TAR_NAME_CAP);
    if (header[156] == 'K') return tar->has_link = read_text(tar, size, tar->link, TAR_NAME_CAP);
    if (header[156] == 'g') {
        if (size > PAX_MAX) return fail(tar, "a header is malformed");
        expect(tar, size);
        return skip_rest(tar);
    }
    *is_entry = true;
    return take_entry(tar, header, size, entry);
}

bool tar_next(tar_t *tar, tar_entry_t *entry)
{
    uint8_t header[BLOCK];
    bool is_entry = false;
    uint32_t got;
    while (!is_entry) {
        if (tar->error[0] || !skip_rest(tar) || !read_some(tar, header, BLOCK, &got)) return false;
        if (got == 0) return false; /* some writers leave the end mark out */
        if (got != BLOCK) return fail(tar, "the layer is cut short");
        if (is_zero(header)) return false;
        if (!take_header(tar, header, entry, &is_entry)) return false;
    }
    return true;
}
