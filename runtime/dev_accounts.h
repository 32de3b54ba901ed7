/* dev_accounts.h - the accounts of development chains: their secrets are public, so never for a live one. */
#ifndef DEV_ACCOUNTS_H
#define DEV_ACCOUNTS_H
#include "base.h"

enum {
    DEV_ALICE,
    DEV_BOB,
    DEV_CHARLIE,
    DEV_DAVE,
    DEV_EVE,
    DEV_FERDIE,
    DEV_ALICE_STASH,
    DEV_BOB_STASH,
    DEV_CHARLIE_STASH,
    DEV_DAVE_STASH,
    DEV_EVE_STASH,
    DEV_FERDIE_STASH,
    DEV_BRIDGE_1,
    DEV_BRIDGE_2,
    DEV_BRIDGE_3,
    DEV_ACCOUNT_COUNT
};
extern const account_id_t dev_accounts[DEV_ACCOUNT_COUNT];
extern const account_id_t dev_grandpa_keys[2]; /* Alice, Bob */

#endif
