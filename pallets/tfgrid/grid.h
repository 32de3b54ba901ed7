/* grid.h - what the files of this pallet share.
 *
 * A function that returns dispatch_t refuses with the error of the rule that is not met. */
#ifndef TFGRID_GRID_H
#define TFGRID_GRID_H
#include "tfgrid_pallet.h"

/* grid_now_s is the time of the present block, in seconds since 1970. */
uint64_t grid_now_s(rt_t *rt);

/* grid_twin_of finds the twin of an account. */
dispatch_t grid_twin_of(rt_t *rt, const account_id_t *who, uint32_t *twin_id);

/* grid_node_of_caller finds the node that the caller is. */
dispatch_t grid_node_of_caller(rt_t *rt, const account_id_t *who, support_node_t *node);

/* grid_country_check and grid_city_check judge the names of a place. */
dispatch_t grid_country_check(bytes_t country);
dispatch_t grid_city_check(bytes_t city);

/* grid_relay_check judges a twin's relay; none is fine. */
dispatch_t grid_relay_check(bytes_opt_t relay);

/* grid_proof_check tells whether `signature`, hexadecimal text, is `signer`'s ed25519 or sr25519 signature.
 */
dispatch_t grid_proof_check(rt_t *rt, bytes_t signature, bytes_t message, const account_id_t *signer);

/* What create_node and update_node are given in common. */
typedef struct {
    const support_resources_t *resources;
    const tfgrid_location_input_t *location;
    support_interface_vec_t interfaces;
    bytes_opt_t serial_number;
} node_input_t;

/* grid_node_input_check judges all that a node says about itself. */
dispatch_t grid_node_input_check(const node_input_t *input);

/* grid_policy_choose finds the farming policy of a node that joins its farm, and takes the node off the
 * farm's limits (spec tfgrid 7). */
dispatch_t grid_policy_choose(rt_t *rt, const support_node_t *node, tfgrid_farming_policy_t *policy);

/* grid_farm_list_add and grid_farm_list_remove keep NodesByFarmID. */
dispatch_t grid_farm_list_add(rt_t *rt, uint32_t farm_id, uint32_t node_id);
bool grid_farm_list_remove(rt_t *rt, uint32_t farm_id, uint32_t node_id);

/* grid_room takes room for `count` items in the block's memory; NULL, and the call exhausted, when there is
 * none. */
void *grid_room(rt_t *rt, uint32_t count, size_t item_size);

#endif
