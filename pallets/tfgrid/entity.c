/* entity.c - entities: names that sign for twins. */
#include "grid.h"
#include "hex.h"

enum { PROOF_TEXT_LEN = 128, PROOF_LEN = 64, KIND_ED25519 = 0, KIND_SR25519 = 1 };

dispatch_t grid_proof_check(rt_t *rt, bytes_t signature, bytes_t message, const account_id_t *signer)
{
    uint8_t raw[PROOF_LEN];
    const bytes_t proof = {raw, sizeof raw};
    ENSURE(signature.len == PROOF_TEXT_LEN, TFGRID_ENTITY_SIGNATURE_DOES_NOT_MATCH);
    ENSURE(hex_decode_exact(signature, raw, sizeof raw), TFGRID_ENTITY_SIGNATURE_DOES_NOT_MATCH);
    const host_t *host = rt->host;
    ENSURE(host->verify(host->state, KIND_ED25519, proof, message, signer) ||
               host->verify(host->state, KIND_SR25519, proof, message, signer),
           TFGRID_ENTITY_SIGNATURE_DOES_NOT_MATCH);
    return DISPATCH_OK;
}

/* joined is name, country and city one after another. */
static dispatch_t joined(rt_t *rt, bytes_t name, bytes_t country, bytes_t city, bytes_t *message)
{
    const bytes_t parts[] = {name, country, city};
    uint32_t len          = 0;
    uint8_t *text         = grid_room(rt, name.len + country.len + city.len, 1);
    ENSURE(text, DISPATCH_EXHAUSTED);
    for (uint32_t p = 0; p < 3; p++)
        for (uint32_t i = 0; i < parts[p].len; i++)
            text[len++] = parts[p].data[i];
    *message = (bytes_t){text, len};
    return DISPATCH_OK;
}

dispatch_t tfgrid_create_entity(rt_t *rt, const account_id_t *who, const tfgrid_create_entity_args_t *args)
{
    (void)who; /* anyone may bring the entity's own signature */
    bytes_t message;
    ENSURE(!tfgrid_entity_id_by_name_exists(rt, args->name), TFGRID_ENTITY_WITH_NAME_EXISTS);
    ENSURE(!tfgrid_entity_id_by_account_id_exists(rt, &args->target), TFGRID_ENTITY_WITH_PUBKEY_EXISTS);
    ENSURE(args->signature.len == PROOF_TEXT_LEN, TFGRID_SIGNATURE_LENGTH_IS_INCORRECT);
    TRY(joined(rt, args->name, args->country, args->city, &message));
    TRY(grid_proof_check(rt, args->signature, message, &args->target));
    TRY(grid_country_check(args->country));
    TRY(grid_city_check(args->city));

    tfgrid_entity_t entity = {
        .version    = 1,
        .id         = tfgrid_entity_id_get(rt) + 1,
        .name       = args->name,
        .account_id = args->target,
        .country    = args->country,
        .city       = args->city,
    };

    tfgrid_entities_put(rt, entity.id, &entity);
    tfgrid_entity_id_by_name_put(rt, entity.name, entity.id);
    tfgrid_entity_id_by_account_id_put(rt, &entity.account_id, entity.id);
    tfgrid_entity_id_put(rt, entity.id);

    tfgrid_emit_entity_stored(rt, &entity);
    return DISPATCH_OK;
}

dispatch_t tfgrid_update_entity(rt_t *rt, const account_id_t *who, const tfgrid_update_entity_args_t *args)
{
    uint32_t id, holder = tfgrid_entity_id_by_name_get(rt, args->name);
    tfgrid_entity_t entity;
    bool is_entity = tfgrid_entity_id_by_account_id_get(rt, who, &id);
    ENSURE(holder == 0 || (is_entity && holder == id),
           TFGRID_ENTITY_WITH_NAME_EXISTS); /* G6: its own name is fine */
    ENSURE(is_entity && tfgrid_entities_get(rt, id, &entity), TFGRID_ENTITY_NOT_EXISTS);
    TRY(grid_country_check(args->country));
    TRY(grid_city_check(args->city));

    tfgrid_entity_id_by_name_remove(rt, entity.name);
    entity.name    = args->name;
    entity.country = args->country;
    entity.city    = args->city;

    tfgrid_entities_put(rt, id, &entity);
    tfgrid_entity_id_by_name_put(rt, entity.name, id);

    tfgrid_emit_entity_updated(rt, &entity);
    return DISPATCH_OK;
}

dispatch_t tfgrid_delete_entity(rt_t *rt, const account_id_t *who)
{
    uint32_t id;
    tfgrid_entity_t entity;
    ENSURE(tfgrid_entity_id_by_account_id_get(rt, who, &id), TFGRID_ENTITY_NOT_EXISTS);
    ENSURE(tfgrid_entities_get(rt, id, &entity), TFGRID_ENTITY_NOT_EXISTS);

    tfgrid_entities_remove(rt, id);
    tfgrid_entity_id_by_name_remove(rt, entity.name);
    tfgrid_entity_id_by_account_id_remove(rt, who);

    tfgrid_emit_entity_deleted(rt, id);
    return DISPATCH_OK;
}
