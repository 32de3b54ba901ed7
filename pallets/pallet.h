/* pallet.h - what generated pallets share: walking maps, who may call, errors as types.
 *
 * Used by generated code; pallets use the last two to tell a result in an event. */
#ifndef PALLET_H
#define PALLET_H
#include "rt.h"
#include "support_types.h"

/* rt_origin_is_restricted holds for root, and for the council when 3/5 of its seats said aye. */
bool rt_origin_is_restricted(const origin_t *origin);

/* rt_map_next moves *at to the next key of the map under prefix, from its start when *at is empty; r then
 * reads the key after the prefix.  False at the end. */
bool rt_map_next(rt_t *rt, const uint8_t prefix[32], bytes_t *at, scale_reader_t *r);

/* rt_map_value makes r read the value at a key that rt_map_next found. */
bool rt_map_value(rt_t *rt, bytes_t key, scale_reader_t *r);

/* rt_map_remove_all removes every entry under prefix. */
void rt_map_remove_all(rt_t *rt, const uint8_t prefix[32]);

/* support_dispatch_error_from and support_dispatch_result_from give a call's result as the chain's type. */
support_dispatch_error_t support_dispatch_error_from(dispatch_t result);
support_dispatch_error_result_t support_dispatch_result_from(dispatch_t result);

#endif
