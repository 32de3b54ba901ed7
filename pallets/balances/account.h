/* account.h - one account's balance while it is changed: load, change account.data, store. */
#ifndef BALANCES_ACCOUNT_H
#define BALANCES_ACCOUNT_H
#include "balances.h"
#include "system/system.h"

typedef struct {
    account_id_t who;
    system_account_info_t account; /* as it is to be */
    support_account_data_t was;
    bool is_new; /* there was no balance */
} money_t;

void money_load(rt_t *rt, const account_id_t *who, money_t *m);

/* money_store keeps the change: references, NewAccount, KilledAccount, Endowed, DustLost.  Refused, nothing
 * is kept. */
dispatch_t money_store(rt_t *rt, money_t *m);

/* money_spendable is what may leave the free balance; keep_alive: so that the account lives on. */
u128_t money_spendable(const money_t *m, bool keep_alive);

/* issuance_may_rise: so much more can be told in 128 bits.  issuance_rise with more than that is a fault. */
bool issuance_may_rise(rt_t *rt, u128_t amount);
void issuance_rise(rt_t *rt, u128_t amount);
void issuance_fall(rt_t *rt, u128_t amount);

#endif
