/* pallet.c - what generated pallets share: walking maps, who may call, errors as types. */
#include "pallet.h"

bool rt_origin_is_restricted(const origin_t *origin)
{
    if (origin->kind == ORIGIN_ROOT) return true;
    return origin->kind == ORIGIN_COUNCIL_MEMBERS &&
           (uint64_t)origin->ayes * 5 >= (uint64_t)origin->seats * 3;
}

bool rt_map_next(rt_t *rt, const uint8_t prefix[32], bytes_t *at, scale_reader_t *r)
{
    bytes_t all = {prefix, 32};

    if (at->len == 0) *at = all;
    if (!rt_storage_next(rt, all, at)) return false;
    *r = scale_reader((bytes_t){at->data + 32, at->len - 32}, &rt->arena);
    return true;
}

static bool key_from(rt_t *rt, bytes_t key, rt_key_t *k)
{
    if (key.len > sizeof k->bytes) {
        rt_fault(rt, "a key is too long");
        return false;
    }
    k->failed = false;
    k->len    = key.len;
    for (uint32_t i = 0; i < key.len; i++)
        k->bytes[i] = key.data[i];
    return true;
}

bool rt_map_value(rt_t *rt, bytes_t key, scale_reader_t *r)
{
    rt_key_t k;

    return key_from(rt, key, &k) && rt_storage_read(rt, &k, r);
}

void rt_map_remove_all(rt_t *rt, const uint8_t prefix[32])
{
    bytes_t at = {0};
    rt_key_t k;

    for (scale_reader_t r; rt_map_next(rt, prefix, &at, &r) && key_from(rt, at, &k);)
        rt_storage_remove(rt, &k);
}

support_dispatch_error_t support_dispatch_error_from(dispatch_t result)
{
    uint8_t a                      = (uint8_t)(result >> 8);
    support_dispatch_error_t error = {.kind = (support_dispatch_error_kind_t)(result >> 16 & 0xff)};

    switch (error.kind) {
    case SUPPORT_DISPATCH_ERROR_MODULE:
        error.module = (support_module_error_t){.index = a, .error = {{(uint8_t)result}}};
        break;
    case SUPPORT_DISPATCH_ERROR_TOKEN: error.token = (support_token_error_t)a; break;
    case SUPPORT_DISPATCH_ERROR_ARITHMETIC: error.arithmetic = (support_arithmetic_error_t)a; break;
    case SUPPORT_DISPATCH_ERROR_TRANSACTIONAL: error.transactional = (support_transactional_error_t)a; break;
    case SUPPORT_DISPATCH_ERROR_OTHER:
    case SUPPORT_DISPATCH_ERROR_CANNOT_LOOKUP:
    case SUPPORT_DISPATCH_ERROR_BAD_ORIGIN:
    case SUPPORT_DISPATCH_ERROR_CONSUMER_REMAINING:
    case SUPPORT_DISPATCH_ERROR_NO_PROVIDERS:
    case SUPPORT_DISPATCH_ERROR_TOO_MANY_CONSUMERS:
    case SUPPORT_DISPATCH_ERROR_EXHAUSTED:
    case SUPPORT_DISPATCH_ERROR_CORRUPTION:
    case SUPPORT_DISPATCH_ERROR_UNAVAILABLE:
    case SUPPORT_DISPATCH_ERROR_ROOT_NOT_ALLOWED: break;
    }
    return error;
}

support_dispatch_error_result_t support_dispatch_result_from(dispatch_t result)
{
    return (support_dispatch_error_result_t){.is_ok = result == DISPATCH_OK,
                                             .error = support_dispatch_error_from(result)};
}
