/* A layer is read to its end or refused; names never climb, sizes never lie. */
#include "tar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *at;
    size_t left;
} source_t;

static int64_t take(void *context, void *out, uint32_t len)
{
    source_t *source = context;
    size_t most      = source->left < len ? source->left : len;
    memcpy(out, source->at, most);
    source->at += most;
    source->left -= most;
    return (int64_t)most;
}

static void check_name(const char *name)
{
    if (name[0] == '/') abort();
    for (const char *at = name; *at;) {
        size_t len = strcspn(at, "/");
        if (len == 0 || (len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.')) abort();
        at += len;
        if (*at == '/' && at[1] == 0) abort();
        at += *at == '/';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tar_t tar;
    static tar_entry_t entry;
    static uint8_t piece[4096];
    source_t source = {data, size};
    tar             = (tar_t){.read = take, .context = &source};
    for (unsigned i = 0; tar_next(&tar, &entry); i++) {
        uint64_t seen = 0;
        uint32_t len  = 1;
        check_name(entry.name);
        if (entry.kind == TAR_HARDLINK) check_name(entry.link);
        while (len > 0 && i % 2 == 0 && entry.kind == TAR_FILE) { /* every other one is skipped */
            if (!tar_read(&tar, piece, sizeof piece, &len)) return 0;
            seen += len;
        }
        if (i % 2 == 0 && entry.kind == TAR_FILE && seen != entry.size) abort();
    }
    return 0;
}
