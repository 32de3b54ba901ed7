/* cost.h - what a contract costs, from resources and seconds to TFT (spec smart-contract 8).
 *
 * Units USD are 10^-7 USD, amounts of TFT 10^-7 TFT. */
#ifndef SMART_CONTRACT_COST_H
#define SMART_CONTRACT_COST_H
#include "contract.h"

/* cost_of_resources is the price of resources, in units USD.  has_compute is false on a rented node: its
 * computing and storage are paid by the rent. */
uint64_t cost_of_resources(const tfgrid_pricing_policy_t *policy, const support_resources_t *used,
                           uint32_t public_ips, uint64_t seconds, bool has_compute);

/* cost_of_contract is what a contract costs for so many seconds, in units USD; nothing for none. */
uint64_t cost_of_contract(rt_t *rt, const contract_t *contract, const support_node_t *node,
                          const tfgrid_pricing_policy_t *policy, uint64_t seconds);

/* cost_of_network is the price of traffic within a window, in units USD. */
uint64_t cost_of_network(const tfgrid_policy_t *nu, uint64_t nru_bytes, uint64_t window_s);

/* cost_of_extra_fee is the share of a fee (mUSD in 30 days) for so many seconds, in units USD. */
uint64_t cost_of_extra_fee(uint64_t fee_musd, uint64_t seconds);

/* cost_in_tft converts units USD at the present price; refused when there is no price. */
dispatch_t cost_in_tft(rt_t *rt, uint64_t units, uint64_t *tft);

/* cost_discounted is what is left of an amount due for so many seconds, when `balance` pays for many months
 * of it; a quarter more on a certified node. */
uint64_t cost_discounted(uint64_t tft, uint64_t seconds, u128_t balance, bool is_certified,
                         smart_contract_discount_level_t *level);

#endif
