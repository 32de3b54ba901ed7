/* TFT between this chain and Stellar. */
#include "test.h"
#include "tft_bridge/stellar.h"
#include "world.h"

enum { BRIDGE = 27, FEE = 1000 };

#define STELLAR BYTES("GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ")

/* Three validators, of whom two decide; a fee of 1000 each way, for sales. */
static void start(void)
{
    world_start();
    const account_id_t *validators[] = {&farmer, &council, &bob};
    for (size_t i = 0; i < 3; i++)
        if (ROOT(tft_bridge_add_bridge_validator, .target = *validators[i])) printf("no validator\n");
    (void)ROOT(tft_bridge_set_fee_account, .target = sales);
    (void)ROOT(tft_bridge_set_withdraw_fee, .amount = FEE);
    (void)ROOT(tft_bridge_set_deposit_fee, .amount = FEE);
}

static dispatch_t mint(const account_id_t *who, const account_id_t *target, uint64_t amount)
{
    return CALL(*who, tft_bridge_propose_or_vote_mint_transaction, .transaction = BYTES("tx"),
                .target = *target, .amount = amount);
}

static dispatch_t burn_sign(const account_id_t *who, uint64_t id, uint64_t amount, bytes_t key,
                            bytes_t signature)
{
    return CALL(*who, tft_bridge_propose_burn_transaction_or_add_sig, .transaction_id = id, .target = STELLAR,
                .amount = amount, .signature = signature, .stellar_pub_key = key, .sequence_number = 7);
}

static dispatch_t refund_sign(const account_id_t *who, uint64_t amount, bytes_t key, bytes_t signature)
{
    return CALL(*who, tft_bridge_create_refund_transaction_or_add_sig, .tx_hash = BYTES("hash"),
                .target = STELLAR, .amount = amount, .signature = signature, .stellar_pub_key = key,
                .sequence_number = 7);
}

TEST(a_stellar_address_carries_its_checksum)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",  true },
        {"GAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6JAN",  false}, /* a letter off */
        {"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGA",  false},
        {"SA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",  false},
        {"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSG",   false},
        {"GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZA", false},
        {"ga7qynf7sowq3glr2bgmzehxavirza4kvwltjjfc7mgxua74p7ujvsgz",  false},
        {"",                                                          false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EQ(stellar_is_address(bytes_text(cases[i].text)), cases[i].want);
}

TEST(validators_are_a_sorted_list)
{
    account_id_vec_t list;
    start();
    EQ(CALL(alice, tft_bridge_add_bridge_validator, .target = alice), DISPATCH_BAD_ORIGIN);
    EQ(ROOT(tft_bridge_add_bridge_validator, .target = bob), TFT_BRIDGE_VALIDATOR_EXISTS);
    EQ(ROOT(tft_bridge_remove_bridge_validator, .target = alice), TFT_BRIDGE_VALIDATOR_NOT_EXISTS);
    tft_bridge_validators_get(rt, &list);
    EQ(list.len, 3);
    EQ(memcmp(list.items[0].b, bob.b, 32), 0);
    EQ(memcmp(list.items[1].b, council.b, 32), 0);
    EQ(ROOT(tft_bridge_remove_bridge_validator, .target = bob), DISPATCH_OK);
    EQ(mint(&bob, &alice, 5000), TFT_BRIDGE_VALIDATOR_NOT_EXISTS);
}

TEST(b29_a_validator_votes_once)
{
    start();
    const u128_t before = world_free(&alice), fees = world_free(&sales), issuance = world_issuance();
    EQ(mint(&alice, &alice, 50000), TFT_BRIDGE_VALIDATOR_NOT_EXISTS);
    EQ(mint(&bob, &alice, 50000), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 0), 1);
    EQ(world_event_count(BRIDGE, 1), 1);
    EQ(mint(&bob, &alice, 50000), TFT_BRIDGE_MINT_TRANSACTION_EXISTS);
    EQ(mint(&council, &bob, 50000), TFT_BRIDGE_WRONG_PARAMETERS_PROVIDED);
    EQ(mint(&council, &alice, 60000), TFT_BRIDGE_WRONG_PARAMETERS_PROVIDED);
    EQ(world_free(&alice), before);
    EQ(mint(&council, &alice, 50000), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 2), 1);
    EQ(world_free(&alice), before + 50000 - FEE);
    EQ(world_free(&sales), fees + FEE);
    EQ(world_issuance(), issuance + 50000);
    EQ(mint(&farmer, &alice, 50000), TFT_BRIDGE_MINT_TRANSACTION_ALREADY_EXECUTED);
    OK(!tft_bridge_mint_transactions_exists(rt, BYTES("tx")) &&
       !tft_bridge_mint_voters_exists(rt, BYTES("tx")));
    OK(world_is_sound());
}

TEST(a_deposit_is_more_than_its_fee)
{
    start();
    EQ(mint(&bob, &alice, FEE), DISPATCH_OK);
    EQ(mint(&council, &alice, FEE), TFT_BRIDGE_AMOUNT_IS_LESS_THAN_DEPOSIT_FEE);
    tft_bridge_mint_transaction_t pending;
    OK(tft_bridge_mint_transactions_get(rt, BYTES("tx"), &pending));
    EQ(pending.votes, 1); /* the refused vote is undone */
}

TEST(a_withdrawal_burns)
{
    tft_bridge_burn_transaction_t burn;
    start();
    const u128_t before = world_free(&alice), fees = world_free(&sales), issuance = world_issuance();
    EQ(CALL(alice, tft_bridge_swap_to_stellar, .target_stellar_address = BYTES("GA"), .amount = 5000),
       TFT_BRIDGE_INVALID_STELLAR_PUBLIC_KEY);
    EQ(CALL(alice, tft_bridge_swap_to_stellar, .target_stellar_address = STELLAR, .amount = FEE),
       TFT_BRIDGE_AMOUNT_IS_LESS_THAN_WITHDRAW_FEE);
    EQ(CALL(alice, tft_bridge_swap_to_stellar, .target_stellar_address = STELLAR,
            .amount = before - EXISTENTIAL + 1),
       TFT_BRIDGE_NOT_ENOUGH_BALANCE_TO_SWAP);
    EQ(CALL(alice, tft_bridge_swap_to_stellar, .target_stellar_address = STELLAR, .amount = 5000),
       DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 4), 1);
    EQ(world_free(&alice), before - 5000);
    EQ(world_free(&sales), fees + FEE);
    EQ(world_issuance(), issuance - 5000 + FEE);
    OK(tft_bridge_burn_transactions_get(rt, 1, &burn));
    EQ(burn.amount, 4000);
    OK(burn.source.some && memcmp(burn.source.value.b, alice.b, 32) == 0);
    OK(world_is_sound());
}

TEST(signatures_of_a_majority_make_a_burn_ready)
{
    start();
    EQ(CALL(alice, tft_bridge_swap_to_stellar, .target_stellar_address = STELLAR, .amount = 5000),
       DISPATCH_OK);
    EQ(burn_sign(&alice, 1, 4000, BYTES("k1"), BYTES("s1")), TFT_BRIDGE_VALIDATOR_NOT_EXISTS);
    EQ(burn_sign(&bob, 2, 4000, BYTES("k1"), BYTES("s1")), TFT_BRIDGE_BURN_TRANSACTION_NOT_EXISTS);
    EQ(burn_sign(&bob, 1, 5000, BYTES("k1"), BYTES("s1")), TFT_BRIDGE_WRONG_PARAMETERS_PROVIDED);
    EQ(burn_sign(&bob, 1, 4000, BYTES("k1"), BYTES("s1")), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 6), 1);
    EQ(world_event_count(BRIDGE, 7), 0);
    EQ(burn_sign(&council, 1, 4000, BYTES("k1"), BYTES("s2")), TFT_BRIDGE_BURN_SIGNATURE_EXISTS);
    EQ(burn_sign(&council, 1, 4000, BYTES("k2"), BYTES("s1")), TFT_BRIDGE_BURN_SIGNATURE_EXISTS);
    EQ(burn_sign(&council, 1, 4000, BYTES("k2"), BYTES("s2")), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 7), 1);
    EQ(burn_sign(&farmer, 1, 4000, BYTES("k3"), BYTES("s3")), TFT_BRIDGE_ENOUGH_BURN_SIGNATURES_PRESENT);
    EQ(CALL(alice, tft_bridge_set_burn_transaction_executed, .transaction_id = 1),
       TFT_BRIDGE_VALIDATOR_NOT_EXISTS);
    EQ(CALL(bob, tft_bridge_set_burn_transaction_executed, .transaction_id = 2),
       TFT_BRIDGE_BURN_TRANSACTION_NOT_EXISTS);
    EQ(CALL(bob, tft_bridge_set_burn_transaction_executed, .transaction_id = 1), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 8), 1);
    EQ(CALL(bob, tft_bridge_set_burn_transaction_executed, .transaction_id = 1),
       TFT_BRIDGE_BURN_TRANSACTION_ALREADY_EXECUTED);
    EQ(burn_sign(&farmer, 1, 4000, BYTES("k3"), BYTES("s3")), TFT_BRIDGE_BURN_TRANSACTION_ALREADY_EXECUTED);
}

TEST(a_refund_is_made_by_its_first_signature)
{
    tft_bridge_refund_transaction_t refund;
    start();
    EQ(refund_sign(&alice, 9, BYTES("k1"), BYTES("s1")), TFT_BRIDGE_VALIDATOR_NOT_EXISTS);
    EQ(refund_sign(&bob, 9, BYTES("k1"), BYTES("s1")), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 10), 1);
    EQ(world_event_count(BRIDGE, 11), 1);
    EQ(refund_sign(&council, 8, BYTES("k2"), BYTES("s2")), TFT_BRIDGE_WRONG_PARAMETERS_PROVIDED);
    EQ(refund_sign(&council, 9, BYTES("k2"), BYTES("s1")), TFT_BRIDGE_REFUND_SIGNATURE_EXISTS);
    EQ(refund_sign(&council, 9, BYTES("k2"), BYTES("s2")), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 10), 0);
    EQ(world_event_count(BRIDGE, 12), 1);
    EQ(refund_sign(&farmer, 9, BYTES("k3"), BYTES("s3")), TFT_BRIDGE_ENOUGH_REFUND_SIGNATURES_PRESENT);
    tft_bridge_refund_transactions_get(rt, BYTES("hash"), &refund);
    EQ(refund.signatures.len, 2);
    EQ(CALL(bob, tft_bridge_set_refund_transaction_executed, .tx_hash = BYTES("x")),
       TFT_BRIDGE_REFUND_TRANSACTION_NOT_EXISTS);
    EQ(CALL(bob, tft_bridge_set_refund_transaction_executed, .tx_hash = BYTES("hash")), DISPATCH_OK);
    EQ(world_event_count(BRIDGE, 13), 1);
    EQ(refund_sign(&farmer, 9, BYTES("k3"), BYTES("s3")), TFT_BRIDGE_REFUND_TRANSACTION_ALREADY_EXECUTED);
}

TEST(signatures_last_20_blocks)
{
    tft_bridge_burn_transaction_t burn;
    tft_bridge_refund_transaction_t refund;
    start();
    EQ(CALL(alice, tft_bridge_swap_to_stellar, .target_stellar_address = STELLAR, .amount = 5000),
       DISPATCH_OK);
    EQ(burn_sign(&bob, 1, 4000, BYTES("k1"), BYTES("s1")), DISPATCH_OK);
    EQ(refund_sign(&bob, 9, BYTES("k1"), BYTES("s1")), DISPATCH_OK);
    world_blocks(20); /* the hooks of blocks 1 to 20: 19 blocks old */
    OK(tft_bridge_burn_transactions_get(rt, 1, &burn));
    EQ(burn.signatures.len, 1);
    world_next_block();
    EQ(world_event_count(BRIDGE, 9), 1);
    EQ(world_event_count(BRIDGE, 14), 1);
    OK(tft_bridge_burn_transactions_get(rt, 1, &burn));
    EQ(burn.signatures.len, 0);
    EQ(burn.sequence_number, 0);
    EQ(burn.block, 21);
    tft_bridge_refund_transactions_get(rt, BYTES("hash"), &refund);
    EQ(refund.signatures.len, 0);
    EQ(burn_sign(&bob, 1, 4000, BYTES("k1"), BYTES("s1")), DISPATCH_OK);
}

TEST_MAIN()
