/* kvstore.c - what an account keeps on the chain under keys of its own. */
#include "kvstore_pallet.h"

enum { KEY_MAX = 512, VALUE_MAX = 2048 };

dispatch_t kvstore_set(rt_t *rt, const account_id_t *who, const kvstore_set_args_t *args)
{
    ENSURE(args->key.len <= KEY_MAX, KVSTORE_KEY_IS_TOO_LARGE);
    ENSURE(args->value.len <= VALUE_MAX, KVSTORE_VALUE_IS_TOO_LARGE);

    kvstore_tfkv_store_put(rt, who, args->key, args->value);
    kvstore_emit_entry_set(rt, who, args->key, args->value);
    return DISPATCH_OK;
}

dispatch_t kvstore_delete(rt_t *rt, const account_id_t *who, const kvstore_delete_args_t *args)
{
    ENSURE(args->key.len <= KEY_MAX, KVSTORE_NO_VALUE_STORED); /* none so long was ever stored */
    ENSURE(kvstore_tfkv_store_exists(rt, who, args->key), KVSTORE_NO_VALUE_STORED);

    const bytes_t value = kvstore_tfkv_store_get(rt, who, args->key);
    kvstore_tfkv_store_remove(rt, who, args->key);
    kvstore_emit_entry_taken(rt, who, args->key, value);
    return DISPATCH_OK;
}
