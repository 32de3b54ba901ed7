/* terms.c - the terms that a user accepts before anything else. */
#include "grid.h"
#include "text.h"

/* An account keeps its newest acceptances: the whole list is written each time. */
enum { LINK_MAX = 2048, HASH_MAX = 50, KEPT_MAX = 16 };

static bool is_hash(bytes_t v) { return text_is_farm_name(v); } /* the same characters */

dispatch_t tfgrid_user_accept_tc(rt_t *rt, const account_id_t *who, const tfgrid_user_accept_tc_args_t *args)
{
    ENSURE(args->document_link.len >= 1, TFGRID_DOCUMENT_LINK_INPUT_TOO_SHORT);
    ENSURE(args->document_link.len <= LINK_MAX, TFGRID_DOCUMENT_LINK_INPUT_TOO_LONG);
    ENSURE(text_is_link(args->document_link), TFGRID_INVALID_DOCUMENT_LINK_INPUT);
    ENSURE(args->document_hash.len >= 1, TFGRID_DOCUMENT_HASH_INPUT_TOO_SHORT);
    ENSURE(args->document_hash.len <= HASH_MAX, TFGRID_DOCUMENT_HASH_INPUT_TOO_LONG);
    ENSURE(is_hash(args->document_hash), TFGRID_INVALID_DOCUMENT_HASH_INPUT);

    tfgrid_terms_and_conditions_vec_t accepted = {0};
    tfgrid_users_terms_and_conditions_get(rt, who, &accepted);
    const uint32_t kept  = accepted.len < KEPT_MAX ? accepted.len : KEPT_MAX - 1;
    const uint32_t first = accepted.len - kept;

    tfgrid_terms_and_conditions_t *items = grid_room(rt, kept + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < kept; i++)
        items[i] = accepted.items[first + i];
    items[kept] = (tfgrid_terms_and_conditions_t){
        .account_id    = *who,
        .timestamp     = grid_now_s(rt),
        .document_link = args->document_link,
        .document_hash = args->document_hash,
    };

    tfgrid_users_terms_and_conditions_put(
        rt, who, (tfgrid_terms_and_conditions_vec_t){.items = items, .len = kept + 1});
    return DISPATCH_OK;
}
