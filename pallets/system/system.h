/* system.h - what other pallets and the executive ask of the system pallet: accounts, digest, limits.
 *
 * An account exists while something provides for it (its balance); it cannot end while something consumes it
 * (a reserve, session keys). */
#ifndef SYSTEM_H
#define SYSTEM_H
#include "system_pallet.h"

enum { SYSTEM_MAX_CONSUMERS = 16 };

/* system_account_is_alive tells whether anything provides for the account. */
bool system_account_is_alive(rt_t *rt, const account_id_t *who);

/* These count references in an account that is held in memory; the caller stores it.  They emit NewAccount
 * and KilledAccount.  system_provider_remove refuses (CONSUMER_REMAINING) to take the last one of a consumed
 * account; *is_dead tells that the account is to be removed. */
void system_provider_add(rt_t *rt, const account_id_t *who, system_account_info_t *account);
dispatch_t system_provider_remove(rt_t *rt, const account_id_t *who, system_account_info_t *account,
                                  bool *is_dead);
bool system_provider_may_go(const system_account_info_t *account);
dispatch_t system_consumer_add(system_account_info_t *account);
void system_consumer_remove(system_account_info_t *account);

/* system_lookup gives the account that an address names; CANNOT_LOOKUP for all forms but Id. */
dispatch_t system_lookup(const support_multi_address_t *address, account_id_t *who);

/* system_digest_add puts an item at the end of the block's digest; that the environment changed is said once.
 */
void system_digest_add(rt_t *rt, const support_digest_item_t *item);

/* system_code_version reads the RuntimeVersion from a blob's custom sections runtime_version and
 * runtime_apis; what it points to is in the blob or the arena.  False: the blob does not tell it, or is
 * compressed. */
NODISCARD bool system_code_version(bytes_t code, arena_t *arena, system_runtime_version_t *version);

/* system_was_upgraded says that this runtime is newer than the one that made the last block;
 * system_note_upgrade notes that it makes them now. */
bool system_was_upgraded(rt_t *rt);
void system_note_upgrade(rt_t *rt);

/* system_weight_add counts weight that the block used. */
void system_weight_add(rt_t *rt, dispatch_class_t class, weight_t weight);

/* system_weight_refund takes back what was counted and not used. */
void system_weight_refund(rt_t *rt, dispatch_class_t class, weight_t unused);

#endif
