/* test_balances.c - money moved by users and by other pallets: refusals, reserves, birth and death. */
#include "balances/balances.h"
#include "blocks.h"
#include "test.h"

#define TFT 10000000

static void start(void)
{
    blocks_start();
    block_open();
}

static dispatch_t transfer(const keypair_t *from, const keypair_t *to, u128_t value)
{
    support_multi_address_t dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = to->account};
    if (apply(signed_call(from, CALL_BYTES(balances_transfer_allow_death, .dest = dest, .value = value))) !=
        VALID)
        return UINT32_MAX;
    return last_result;
}

TEST(a_new_account_is_told)
{
    start();
    EQ(transfer(&bob, &ed, 500), DISPATCH_OK);
    OK(strcmp(event_names(1),
              "Balances.Withdraw System.NewAccount Balances.Endowed Balances.Transfer "
              "Balances.Deposit TransactionPayment.TransactionFeePaid System.ExtrinsicSuccess") == 0);
    EQ(account_of(&ed.account).providers, 1);
    EQ(balances_total_issuance_get(&rt) >> 60, 15);
    blocks_stop();
}

TEST(too_little_for_a_new_account_is_refused)
{
    start();
    EQ(transfer(&bob, &ed, 499), DISPATCH_TOKEN(TOKEN_BELOW_MINIMUM));
    OK(!system_account_exists(&rt, &ed.account));
    EQ(transfer(&bob, &ed, 500), DISPATCH_OK);
    EQ(transfer(&bob, &ed, 1), DISPATCH_OK);
    blocks_stop();
}

TEST(a_reaped_account_leaves_its_dust)
{
    start();
    EQ(transfer(&bob, &ed, 20000), DISPATCH_OK);
    u128_t issuance = balances_total_issuance_get(&rt);
    u128_t fee      = 10000 + 141;
    EQ(transfer(&ed, &eve, 20000 - fee - 499), DISPATCH_OK);
    EQ(last_len, 141);
    OK(!system_account_exists(&rt, &ed.account));
    OK(balances_total_issuance_get(&rt) == issuance - 499);
    OK(strcmp(event_names(2),
              "Balances.Withdraw System.KilledAccount Balances.DustLost Balances.Transfer "
              "Balances.Deposit TransactionPayment.TransactionFeePaid System.ExtrinsicSuccess") == 0);
    OK(issuance_is_whole());
    blocks_stop();
}

TEST(keep_alive_keeps_the_account)
{
    start();
    EQ(transfer(&bob, &ed, 20000), DISPATCH_OK);
    EQ(APPLY(ed, balances_transfer_keep_alive, .dest = ID(eve), .value = 9500), VALID);
    EQ(last_result, DISPATCH_TOKEN(TOKEN_NOT_EXPENDABLE));
    OK(system_account_exists(&rt, &ed.account));
    blocks_stop();
}

TEST(transfer_all_takes_all_or_keeps_the_deposit)
{
    start();
    EQ(transfer(&bob, &ed, TFT), DISPATCH_OK);
    EQ(APPLY(ed, balances_transfer_all, .dest = ID(eve), .keep_alive = true), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(free_of(&ed.account) == 500);
    EQ(transfer(&bob, &ec, TFT), DISPATCH_OK);
    EQ(APPLY(ec, balances_transfer_all, .dest = ID(eve), .keep_alive = false), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(!system_account_exists(&rt, &ec.account));
    OK(issuance_is_whole());
    blocks_stop();
}

TEST(who_is_consumed_cannot_be_reaped)
{
    start(); /* Alice's session keys hold her account */
    u128_t all = free_of(&alice.account);
    EQ(transfer(&alice, &eve, all - 10400), DISPATCH_TOKEN(TOKEN_FROZEN));
    EQ(balances_slash(&rt, &alice.account, ~(u128_t)0) > 0, true);
    OK(free_of(&alice.account) == 500);
    OK(issuance_is_whole());
    blocks_stop();
}

TEST(an_address_that_names_no_account_is_refused)
{
    start();
    support_multi_address_t raw = {.kind = SUPPORT_MULTI_ADDRESS_INDEX};
    EQ(APPLY(bob, balances_transfer_keep_alive, .dest = raw, .value = 5), VALID);
    EQ(last_result, DISPATCH_CANNOT_LOOKUP);
    blocks_stop();
}

TEST(calls_of_root_are_refused_to_others)
{
    start();
    EQ(APPLY(bob, balances_force_set_balance, .who = ID(eve), .new_free = 5), VALID);
    EQ(last_result, DISPATCH_BAD_ORIGIN);
    EQ(APPLY(bob, balances_force_transfer, .source = ID(eve), .dest = ID(bob), .value = 5), VALID);
    EQ(last_result, DISPATCH_BAD_ORIGIN);
    blocks_stop();
}

TEST(root_sets_a_balance_and_the_issuance_follows)
{
    start();
    balances_force_set_balance_args_t args = {.who = ID(eve), .new_free = 1234};
    EQ(balances_force_set_balance(&rt, &args), DISPATCH_OK);
    OK(free_of(&eve.account) == 1234);
    OK(issuance_is_whole());
    args.new_free = 499;
    EQ(balances_force_set_balance(&rt, &args), DISPATCH_OK);
    OK(!system_account_exists(&rt, &eve.account));
    OK(issuance_is_whole());
    blocks_stop();
}

/* Once a fault, which no block survives: root could have stopped the chain. */
TEST(more_than_can_be_issued_is_refused)
{
    start();
    const u128_t most                      = ~(u128_t)0;
    balances_force_set_balance_args_t args = {.who = ID(eve), .new_free = most};
    EQ(balances_force_set_balance(&rt, &args), DISPATCH_ARITHMETIC(ARITHMETIC_OVERFLOW));
    args.new_free = free_of(&eve.account) + (most - balances_total_issuance_get(&rt));
    EQ(balances_force_set_balance(&rt, &args), DISPATCH_OK);
    OK(balances_total_issuance_get(&rt) == most);
    EQ(balances_deposit(&rt, &bob.account, 1), DISPATCH_ARITHMETIC(ARITHMETIC_OVERFLOW));
    OK(!rt.fault);
    OK(issuance_is_whole());
    blocks_stop();
}

TEST(a_reserve_consumes_the_account)
{
    start();
    EQ(balances_reserve(&rt, &eve.account, 1000), DISPATCH_OK);
    OK(reserved_of(&eve.account) == 1000);
    EQ(account_of(&eve.account).consumers, 1);
    EQ(balances_reserve(&rt, &eve.account, 1000), DISPATCH_OK);
    EQ(account_of(&eve.account).consumers, 1);
    EQ(balances_unreserve(&rt, &eve.account, 500), 0);
    EQ(balances_unreserve(&rt, &eve.account, 5000), 3500);
    EQ(account_of(&eve.account).consumers, 0);
    OK(reserved_of(&eve.account) == 0);
    OK(issuance_is_whole());
    blocks_stop();
}

TEST(what_cannot_be_reserved_is_refused)
{
    start();
    u128_t all = free_of(&eve.account);
    EQ(balances_reserve(&rt, &eve.account, all + 1), BALANCES_INSUFFICIENT_BALANCE);
    EQ(balances_reserve(&rt, &eve.account, all - 499), DISPATCH_CONSUMER_REMAINING);
    EQ(account_of(&eve.account).consumers, 0);
    EQ(balances_reserve(&rt, &eve.account, all - 500), DISPATCH_OK);
    OK(balances_usable(&rt, &eve.account) == 0);
    blocks_stop();
}

TEST(a_reserve_is_paid_out_to_another)
{
    start();
    u128_t left, bobs = free_of(&bob.account);
    EQ(balances_reserve(&rt, &eve.account, 1000), DISPATCH_OK);
    EQ(balances_repatriate(&rt, &eve.account, &bob.account, 300, &left), DISPATCH_OK);
    EQ(left, 0);
    OK(free_of(&bob.account) == bobs + 300);
    EQ(balances_repatriate(&rt, &eve.account, &bob.account, 900, &left), DISPATCH_OK);
    EQ(left, 200);
    OK(reserved_of(&eve.account) == 0);
    EQ(account_of(&eve.account).consumers, 0);
    EQ(balances_repatriate(&rt, &eve.account, &ed.account, 1, &left), BALANCES_DEAD_ACCOUNT);
    EQ(balances_reserve(&rt, &eve.account, 1000), DISPATCH_OK);
    EQ(balances_repatriate(&rt, &eve.account, &eve.account, 400, &left), DISPATCH_OK);
    OK(reserved_of(&eve.account) == 600);
    OK(issuance_is_whole());
    blocks_stop();
}

TEST(money_is_made_and_destroyed)
{
    start();
    EQ(balances_deposit(&rt, &ed.account, 1000), BALANCES_DEAD_ACCOUNT);
    EQ(balances_deposit_creating(&rt, &ed.account, 499), BALANCES_EXISTENTIAL_DEPOSIT_ERROR);
    EQ(balances_deposit_creating(&rt, &ed.account, 2000), DISPATCH_OK);
    EQ(balances_withdraw(&rt, &ed.account, 2001, false), BALANCES_INSUFFICIENT_BALANCE);
    EQ(balances_withdraw(&rt, &ed.account, 1501, true), BALANCES_EXPENDABILITY);
    EQ(balances_withdraw(&rt, &ed.account, 1500, true), DISPATCH_OK);
    EQ(balances_withdraw(&rt, &ed.account, 500, false), DISPATCH_OK);
    OK(!system_account_exists(&rt, &ed.account));
    EQ(balances_reserve(&rt, &eve.account, 1000), DISPATCH_OK);
    EQ(balances_slash_reserved(&rt, &eve.account, 1500), 500);
    EQ(account_of(&eve.account).consumers, 0);
    OK(issuance_is_whole());
    blocks_stop();
}

PROPERTY(money_is_conserved_by_pallets, 50)
{
    start();
    const account_id_t *who[] = {&alice.account, &bob.account, &eve.account, &ed.account, &ec.account};
    for (uint32_t i = 0; i < 60; i++) {
        const account_id_t *a = who[random_below(random, 5)], *b = who[random_below(random, 5)];
        u128_t amount =
            random_below(random, 3) ? random_below(random, 1500) : free_of(a) / (1 + random_below(random, 3));
        u128_t left;
        rt_layer_t layer  = rt_layer_begin(&rt);
        dispatch_t result = DISPATCH_OK;
        switch (random_below(random, 8)) {
        case 0: result = balances_reserve(&rt, a, amount); break;
        case 1: (void)balances_unreserve(&rt, a, amount); break;
        case 2: result = balances_repatriate(&rt, a, b, amount, &left); break;
        case 3: (void)balances_slash(&rt, a, amount); break;
        case 4: (void)balances_slash_reserved(&rt, a, amount); break;
        case 5: result = balances_deposit_creating(&rt, a, amount % 5000); break;
        case 6: result = balances_withdraw(&rt, a, amount, random_below(random, 2)); break;
        default: result = balances_move(&rt, a, b, amount, random_below(random, 2)); break;
        }
        rt_layer_end(&rt, layer, result == DISPATCH_OK);
        OK(!rt.fault);
        OK(issuance_is_whole());
        for (uint32_t n = 0; n < 5; n++) {
            system_account_info_t info = account_of(who[n]);
            OK(info.data.free >= 500 || info.data.free == 0 || info.data.reserved > 0);
            OK(info.consumers == (uint32_t)(info.data.reserved > 0) + (n == 0));
            OK(info.data.reserved == 0 || info.providers > 0);
        }
    }
    blocks_stop();
}

TEST_MAIN()
