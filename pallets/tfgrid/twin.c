/* twin.c - twins: an account's place on the grid, and where it is reached. */
#include "grid.h"
#include "text.h"

/* A twin is written whole with each proof. */
enum { PROOFS_MAX = 32 };

dispatch_t grid_twin_of(rt_t *rt, const account_id_t *who, uint32_t *twin_id)
{
    ENSURE(tfgrid_twin_id_by_account_id_get(rt, who, twin_id), TFGRID_TWIN_NOT_EXISTS);
    return DISPATCH_OK;
}

dispatch_t grid_relay_check(bytes_opt_t relay)
{
    ENSURE(!relay.some || text_is_relay(relay.value), TFGRID_INVALID_RELAY_ADDRESS);
    return DISPATCH_OK;
}

static bool is_same_account(const account_id_t *a, const account_id_t *b)
{
    return bytes_equal((bytes_t){a->b, sizeof a->b}, (bytes_t){b->b, sizeof b->b});
}

dispatch_t tfgrid_create_twin(rt_t *rt, const account_id_t *who, const tfgrid_create_twin_args_t *args)
{
    ENSURE(tfgrid_users_terms_and_conditions_exists(rt, who), TFGRID_USER_DID_NOT_SIGN_TERMS_AND_CONDITIONS);
    ENSURE(!tfgrid_twin_id_by_account_id_exists(rt, who), TFGRID_TWIN_WITH_PUBKEY_EXISTS);
    TRY(grid_relay_check(args->relay));

    tfgrid_twin_t twin = {
        .id         = tfgrid_twin_id_get(rt) + 1,
        .account_id = *who,
        .relay      = args->relay,
        .pk         = args->pk,
    };

    tfgrid_twins_put(rt, twin.id, &twin);
    tfgrid_twin_id_put(rt, twin.id);
    tfgrid_twin_id_by_account_id_put(rt, who, twin.id);

    tfgrid_emit_twin_stored(rt, &twin);
    return DISPATCH_OK;
}

dispatch_t tfgrid_update_twin(rt_t *rt, const account_id_t *who, const tfgrid_update_twin_args_t *args)
{
    uint32_t twin_id;
    tfgrid_twin_t twin;
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_twins_get(rt, twin_id, &twin), TFGRID_TWIN_NOT_EXISTS);
    ENSURE(is_same_account(&twin.account_id, who), TFGRID_UNAUTHORIZED_TO_UPDATE_TWIN);
    TRY(grid_relay_check(args->relay));

    twin.relay = args->relay;
    twin.pk    = args->pk;

    tfgrid_twins_put(rt, twin_id, &twin);
    tfgrid_emit_twin_updated(rt, &twin);
    return DISPATCH_OK;
}

/* A first bond is open to any account but the owner; afterwards only the bonded account or the owner of the
 * twin may change it (spec tfgrid, G8). */
dispatch_t tfgrid_bond_twin_account(rt_t *rt, const account_id_t *who,
                                    const tfgrid_bond_twin_account_args_t *args)
{
    tfgrid_twin_t twin;
    account_id_t bonded;
    ENSURE(tfgrid_twins_get(rt, args->twin_id, &twin), TFGRID_TWIN_NOT_EXISTS);
    ENSURE(!is_same_account(&twin.account_id, who), TFGRID_TWIN_CANNOT_BOUND_TO_ITSELF);
    if (tfgrid_twin_bounded_account_id_get(rt, args->twin_id, &bonded))
        ENSURE(is_same_account(&bonded, who), TFGRID_UNAUTHORIZED_TO_UPDATE_TWIN);

    tfgrid_twin_bounded_account_id_put(rt, args->twin_id, who);
    tfgrid_emit_twin_account_bounded(rt, args->twin_id, who);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------- entities that vouch for a twin */

dispatch_t tfgrid_add_twin_entity(rt_t *rt, const account_id_t *who,
                                  const tfgrid_add_twin_entity_args_t *args)
{
    tfgrid_entity_t entity;
    tfgrid_twin_t twin;
    ENSURE(tfgrid_entities_get(rt, args->entity_id, &entity), TFGRID_ENTITY_NOT_EXISTS);
    ENSURE(tfgrid_twins_get(rt, args->twin_id, &twin), TFGRID_TWIN_NOT_EXISTS);
    ENSURE(is_same_account(&twin.account_id, who), TFGRID_UNAUTHORIZED_TO_UPDATE_TWIN);
    for (uint32_t i = 0; i < twin.entities.len; i++)
        ENSURE(twin.entities.items[i].entity_id != args->entity_id ||
                   !bytes_equal(twin.entities.items[i].signature, args->signature),
               TFGRID_ENTITY_WITH_SIGNATURE_ALREADY_EXISTS);

    ENSURE(twin.entities.len < PROOFS_MAX, TFGRID_STORAGE_OVERFLOW);

    uint8_t message[8]; /* both ids, most significant byte first */
    for (uint32_t i = 0; i < 4; i++) {
        message[i]     = (uint8_t)(args->entity_id >> (24 - 8 * i));
        message[4 + i] = (uint8_t)(args->twin_id >> (24 - 8 * i));
    }
    TRY(grid_proof_check(rt, args->signature, (bytes_t){message, sizeof message}, &entity.account_id));

    tfgrid_entity_proof_t *items = grid_room(rt, twin.entities.len + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < twin.entities.len; i++)
        items[i] = twin.entities.items[i];
    items[twin.entities.len] =
        (tfgrid_entity_proof_t){.entity_id = args->entity_id, .signature = args->signature};
    twin.entities = (tfgrid_entity_proof_vec_t){.items = items, .len = twin.entities.len + 1};

    tfgrid_twins_put(rt, args->twin_id, &twin);
    tfgrid_emit_twin_entity_stored(rt, args->twin_id, args->entity_id, args->signature);
    return DISPATCH_OK;
}

dispatch_t tfgrid_delete_twin_entity(rt_t *rt, const account_id_t *who,
                                     const tfgrid_delete_twin_entity_args_t *args)
{
    tfgrid_twin_t twin;
    ENSURE(tfgrid_twins_get(rt, args->twin_id, &twin), TFGRID_TWIN_NOT_EXISTS);
    ENSURE(is_same_account(&twin.account_id, who), TFGRID_UNAUTHORIZED_TO_UPDATE_TWIN);
    uint32_t at = 0;
    while (at < twin.entities.len && twin.entities.items[at].entity_id != args->entity_id)
        at++;
    ENSURE(at < twin.entities.len, TFGRID_ENTITY_NOT_EXISTS);

    for (; at + 1 < twin.entities.len; at++)
        twin.entities.items[at] = twin.entities.items[at + 1];
    twin.entities.len--;

    tfgrid_twins_put(rt, args->twin_id, &twin);
    tfgrid_emit_twin_entity_removed(rt, args->twin_id, args->entity_id);
    return DISPATCH_OK;
}
