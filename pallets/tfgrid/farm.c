/* farm.c - farms: the nodes that one farmer runs, and the public addresses that they lend. */
#include "address.h"
#include "grid.h"
#include "text.h"

enum {
    FARM_VERSION         = 4,
    FIRST_PRICING_POLICY = 1,
    FARM_NAME_MIN        = 3,
    FARM_NAME_MAX        = 40,
    FARM_IPS_MAX         = 256
};

static dispatch_t check_name(bytes_t name)
{
    ENSURE(name.len >= FARM_NAME_MIN, TFGRID_FARM_NAME_TOO_SHORT);
    ENSURE(name.len <= FARM_NAME_MAX, TFGRID_FARM_NAME_TOO_LONG);
    ENSURE(text_is_farm_name(name), TFGRID_INVALID_FARM_NAME);
    return DISPATCH_OK;
}

/* lend_addresses makes the farm's free public addresses of those that the farmer gave, each given once. */
static dispatch_t lend_addresses(rt_t *rt, support_ip4_vec_t given, support_public_ip_vec_t *lent)
{
    ENSURE(given.len <= FARM_IPS_MAX, TFGRID_INVALID_PUBLIC_IP);
    *lent = (support_public_ip_vec_t){.items = grid_room(rt, given.len, sizeof *lent->items)};
    ENSURE(lent->items || given.len == 0, DISPATCH_EXHAUSTED);

    for (uint32_t i = 0; i < given.len; i++) {
        const support_ip4_t *ip4 = &given.items[i];
        ENSURE(address_pair_is_valid_ip4(ip4->ip, ip4->gw), TFGRID_INVALID_PUBLIC_IP);
        for (uint32_t j = 0; j < lent->len; j++)
            ENSURE(!bytes_equal(lent->items[j].ip, ip4->ip) || !bytes_equal(lent->items[j].gateway, ip4->gw),
                   TFGRID_IP_EXISTS);
        lent->items[lent->len++] = (support_public_ip_t){.ip = ip4->ip, .gateway = ip4->gw};
    }
    return DISPATCH_OK;
}

dispatch_t tfgrid_create_farm(rt_t *rt, const account_id_t *who, const tfgrid_create_farm_args_t *args)
{
    uint32_t twin_id;
    tfgrid_twin_t twin;
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_twins_get(rt, twin_id, &twin), TFGRID_TWIN_NOT_EXISTS);
    ENSURE(!tfgrid_farm_id_by_name_exists(rt, args->name), TFGRID_FARM_EXISTS);
    TRY(check_name(args->name));

    support_farm_t farm = {
        .version           = FARM_VERSION,
        .id                = tfgrid_farm_id_get(rt) + 1,
        .name              = args->name,
        .twin_id           = twin_id,
        .pricing_policy_id = FIRST_PRICING_POLICY,
        .certification     = SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED,
    };
    TRY(lend_addresses(rt, args->public_ips, &farm.public_ips));

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_farm_id_by_name_put(rt, farm.name, farm.id);
    tfgrid_farm_id_put(rt, farm.id);

    tfgrid_emit_farm_stored(rt, &farm);
    return DISPATCH_OK;
}

dispatch_t tfgrid_update_farm(rt_t *rt, const account_id_t *who, const tfgrid_update_farm_args_t *args)
{
    uint32_t twin_id;
    support_farm_t farm;
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);
    ENSURE(farm.twin_id == twin_id, TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    TRY(check_name(args->name));
    uint32_t holder = tfgrid_farm_id_by_name_get(rt, args->name);
    if (holder == farm.id) return DISPATCH_OK;
    ENSURE(holder == 0, TFGRID_INVALID_FARM_NAME);

    tfgrid_farm_id_by_name_remove(rt, farm.name);
    farm.name = args->name;

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_farm_id_by_name_put(rt, farm.name, farm.id);

    tfgrid_emit_farm_updated(rt, &farm);
    return DISPATCH_OK;
}

dispatch_t tfgrid_add_stellar_payout_v2address(rt_t *rt, const account_id_t *who,
                                               const tfgrid_add_stellar_payout_v2address_args_t *args)
{
    uint32_t twin_id;
    support_farm_t farm;
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);
    ENSURE(farm.twin_id == twin_id, TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);

    tfgrid_farm_payout_v2_address_by_farm_id_put(rt, args->farm_id, args->stellar_address);
    tfgrid_emit_farm_payout_v2_address_registered(rt, args->farm_id, args->stellar_address);
    return DISPATCH_OK;
}

dispatch_t tfgrid_set_farm_certification(rt_t *rt, const tfgrid_set_farm_certification_args_t *args)
{
    support_farm_t farm;
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);

    farm.certification = args->certification;

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_emit_farm_certification_set(rt, farm.id, farm.certification);
    return DISPATCH_OK;
}

dispatch_t tfgrid_set_farm_dedicated(rt_t *rt, const tfgrid_set_farm_dedicated_args_t *args)
{
    support_farm_t farm;
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);

    farm.dedicated_farm = args->dedicated;

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_emit_farm_updated(rt, &farm);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------------- public addresses */

/* farm_of finds a farm that the caller owns. */
static dispatch_t farm_of(rt_t *rt, const account_id_t *who, uint32_t farm_id, support_farm_t *farm)
{
    uint32_t twin_id;
    ENSURE(tfgrid_farms_get(rt, farm_id, farm), TFGRID_FARM_NOT_EXISTS);
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(farm->twin_id == twin_id, TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    return DISPATCH_OK;
}

static support_public_ip_t *find_ip(const support_farm_t *farm, bytes_t ip)
{
    for (uint32_t i = 0; i < farm->public_ips.len; i++)
        if (bytes_equal(farm->public_ips.items[i].ip, ip)) return &farm->public_ips.items[i];
    return NULL;
}

dispatch_t tfgrid_add_farm_ip(rt_t *rt, const account_id_t *who, const tfgrid_add_farm_ip_args_t *args)
{
    support_farm_t farm;
    TRY(farm_of(rt, who, args->farm_id, &farm));
    ENSURE(address_pair_is_valid_ip4(args->ip, args->gw), TFGRID_INVALID_PUBLIC_IP);
    ENSURE(!find_ip(&farm, args->ip), TFGRID_IP_EXISTS);
    ENSURE(farm.public_ips.len < FARM_IPS_MAX, TFGRID_INVALID_PUBLIC_IP);

    uint32_t count             = farm.public_ips.len;
    support_public_ip_t *items = grid_room(rt, count + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < count; i++)
        items[i] = farm.public_ips.items[i];
    items[count]    = (support_public_ip_t){.ip = args->ip, .gateway = args->gw};
    farm.public_ips = (support_public_ip_vec_t){.items = items, .len = count + 1};

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_emit_farm_updated(rt, &farm);
    return DISPATCH_OK;
}

dispatch_t tfgrid_remove_farm_ip(rt_t *rt, const account_id_t *who, const tfgrid_remove_farm_ip_args_t *args)
{
    support_farm_t farm;
    TRY(farm_of(rt, who, args->farm_id, &farm));
    support_public_ip_t *ip = find_ip(&farm, args->ip);
    ENSURE(ip && ip->contract_id == 0, TFGRID_IP_NOT_EXISTS);

    const support_public_ip_t *last = &farm.public_ips.items[farm.public_ips.len - 1];
    for (; ip < last; ip++)
        ip[0] = ip[1];
    farm.public_ips.len--;

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_emit_farm_updated(rt, &farm);
    return DISPATCH_OK;
}

dispatch_t tfgrid_force_reset_farm_ip(rt_t *rt, const tfgrid_force_reset_farm_ip_args_t *args)
{
    support_farm_t farm;
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);
    support_public_ip_t *ip = find_ip(&farm, args->ip);
    ENSURE(ip, TFGRID_IP_NOT_EXISTS);

    ip->contract_id = 0;

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_emit_farm_updated(rt, &farm);
    return DISPATCH_OK;
}
