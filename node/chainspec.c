/* chainspec.c - the chains that are built in, and block 0 of any. */

#include "chainspec.h"

#include "blob.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 30 };

static bool find_built_in(const char *id, chainspec_t *spec)
{
    bool is_local = strcmp(id, "local") == 0;
    if (!is_local && strcmp(id, "dev") != 0) return false;
    *spec = (chainspec_t){0};
    snprintf(spec->id, sizeof spec->id, "%s", id);
    snprintf(spec->name, sizeof spec->name, "%s", is_local ? "Trellis Local" : "Trellis Development");
    snprintf(spec->type, sizeof spec->type, "%s", is_local ? "Local" : "Development");
    if (is_local)
        runtime_genesis_local(&spec->genesis);
    else
        runtime_genesis_dev(&spec->genesis);
    spec->genesis.code = runtime_blob();
    return true;
}

/* read_file gives a whole file (malloc). */
static uint8_t *read_file(const char *path, size_t *len, char error[CHAINSPEC_ERROR_CAP])
{
    FILE *file    = fopen(path, "re");
    uint8_t *text = NULL;
    long size     = -1;
    if (file && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    if (size < 0)
        snprintf(error, CHAINSPEC_ERROR_CAP,
                 "there is no chain '%s': take dev, local, or the file of a chain spec (%s)", path,
                 strerror(errno));
    else if (size > FILE_MAX)
        snprintf(error, CHAINSPEC_ERROR_CAP, "%s: the file is larger than 1 GiB", path);
    else
        text = malloc((size_t)size + 1);
    if (text) {
        rewind(file);
        *len = fread(text, 1, (size_t)size, file);
    }
    if (file) (void)fclose(file);
    return text;
}

static bool read_spec(const char *path, chainspec_t *spec, char error[CHAINSPEC_ERROR_CAP])
{
    char reason[CHAINSPEC_ERROR_CAP];
    size_t len    = 0;
    uint8_t *text = read_file(path, &len, error);
    if (!text) return false;
    bool is_read = chainspec_parse((bytes_t){text, (uint32_t)len}, spec, reason);
    free(text);
    if (!is_read) snprintf(error, CHAINSPEC_ERROR_CAP, "%.200s: %.300s", path, reason);
    return is_read;
}

bool chainspec_open(const char *chain, uint64_t slot_ms, chainspec_t *spec, char error[CHAINSPEC_ERROR_CAP])
{
    *spec = (chainspec_t){0};
    if (!find_built_in(chain, spec) && !read_spec(chain, spec, error)) return false;
    uint64_t own_ms = spec->genesis.slot_duration_ms;
    if (slot_ms > 0 && (spec->is_raw || (own_ms > 0 && own_ms != slot_ms))) {
        snprintf(error, CHAINSPEC_ERROR_CAP,
                 "%.200s: the chain spec says how long a slot is: leave --sealing MS out", chain);
        chainspec_free(spec);
        return false;
    }
    if (slot_ms > 0) spec->genesis.slot_duration_ms = slot_ms;
    return true;
}

void chainspec_free(chainspec_t *spec)
{
    free(spec->owned[0]);
    free(spec->owned[1]);
    *spec = (chainspec_t){0};
}

bool chainspec_is_for_trial(const chainspec_t *spec)
{
    return strcmp(spec->type, "Development") == 0 || strcmp(spec->type, "Local") == 0;
}

bool chainspec_genesis(void *self, const host_t *host)
{
    const chainspec_t *spec = self;
    for (uint32_t i = 0; i < spec->raw.count; i++)
        host->put(host->state, spec->raw.items[i].key, spec->raw.items[i].value);
    if (spec->is_raw) return true;

    void *memory = malloc(RUNTIME_QUERY_MEMORY);
    if (!memory) return false;
    rt_t rt;
    rt_start(&rt, host, memory, RUNTIME_QUERY_MEMORY);
    runtime_genesis_build(&rt, &spec->genesis);
    if (rt.fault) log_error(LOG_MAIN, "genesis cannot be built", LOG_TEXT("reason", rt.fault));
    free(memory);
    return !rt.fault;
}
