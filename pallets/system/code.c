/* code.c - the runtime's own code: what version a blob is of, and putting a newer one in place. */

#include "runtime_version.h"
#include "system.h"
#include "wasm_section.h"

#include <string.h>

enum { API_LEN = 12, APIS_MAX = 256 };

/* read_apis reads the section's items, which stand there without their count. */
static bool read_apis(bytes_t section, arena_t *arena, bytes8_u32_vec_t *apis)
{
    uint32_t count = section.len / API_LEN;
    if (section.len % API_LEN != 0 || count > APIS_MAX) return false;
    *apis = (bytes8_u32_vec_t){.items = arena_take(arena, (count + 1) * (uint32_t)sizeof *apis->items)};
    scale_reader_t r = scale_reader(section, NULL);
    if (!apis->items) return false;
    for (; apis->len < count; apis->len++) {
        scale_get_raw(&r, &apis->items[apis->len].f0, sizeof apis->items->f0);
        apis->items[apis->len].f1 = scale_get_u32(&r);
    }
    return scale_done(&r);
}

bool system_code_version(bytes_t code, arena_t *arena, system_runtime_version_t *version)
{
    bytes_t section, apis;
    if (!wasm_custom_section(code, BYTES("runtime_version"), &section) ||
        !wasm_custom_section(code, BYTES("runtime_apis"), &apis))
        return false;
    scale_reader_t r = scale_reader(section, arena);
    system_runtime_version_decode(&r, version);
    return scale_done(&r) && version->apis.len == 0 && read_apis(apis, arena, &version->apis);
}

bool system_was_upgraded(rt_t *rt)
{
    system_last_runtime_upgrade_info_t last;
    if (!system_last_runtime_upgrade_get(rt, &last)) return true;
    return last.spec_version < RUNTIME_SPEC_VERSION || !bytes_equal(last.spec_name, BYTES(RUNTIME_SPEC_NAME));
}

void system_note_upgrade(rt_t *rt)
{
    system_last_runtime_upgrade_put(
        rt, &(system_last_runtime_upgrade_info_t){.spec_version = RUNTIME_SPEC_VERSION,
                                                  .spec_name    = BYTES(RUNTIME_SPEC_NAME)});
}

static dispatch_t check_code(rt_t *rt, bytes_t code)
{
    system_runtime_version_t version;
    ENSURE(system_code_version(code, &rt->arena, &version), SYSTEM_FAILED_TO_EXTRACT_RUNTIME_VERSION);
    ENSURE(bytes_equal(version.spec_name, BYTES(RUNTIME_SPEC_NAME)), SYSTEM_INVALID_SPEC_NAME);
    ENSURE(version.spec_version > RUNTIME_SPEC_VERSION, SYSTEM_SPEC_VERSION_NEEDS_TO_INCREASE);
    return DISPATCH_OK;
}

static void put_code(rt_t *rt, bytes_t code)
{
    rt->host->put(rt->host->state, BYTES(":code"), code);
    system_digest_add(rt, &(support_digest_item_t){.kind = SUPPORT_DIGEST_ITEM_RUNTIME_ENVIRONMENT_UPDATED});
    system_emit_code_updated(rt);
}

dispatch_t system_set_code(rt_t *rt, const system_set_code_args_t *args)
{
    TRY(check_code(rt, args->code));
    put_code(rt, args->code);
    return DISPATCH_OK;
}

dispatch_t system_set_code_without_checks(rt_t *rt, const system_set_code_without_checks_args_t *args)
{
    put_code(rt, args->code);
    return DISPATCH_OK;
}
