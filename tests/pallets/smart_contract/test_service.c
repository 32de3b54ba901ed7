/* Service contracts: agreed by both, billed by the service. */
#include "test.h"
#include "world.h"

/* bob serves, alice consumes. */
static void start(void)
{
    world_start();
    world_twin(&alice);
    world_twin(&bob);
    world_twin(&farmer);
}

static dispatch_t create(const account_id_t *who)
{
    return CALL(*who, smart_contract_service_contract_create, .service_account = bob,
                .consumer_account = alice);
}
static dispatch_t fees(const account_id_t *who, uint64_t base, uint64_t variable)
{
    return CALL(*who, smart_contract_service_contract_set_fees, .service_contract_id = 1, .base_fee = base,
                .variable_fee = variable);
}
static dispatch_t metadata(const account_id_t *who, bytes_t text)
{
    return CALL(*who, smart_contract_service_contract_set_metadata, .service_contract_id = 1,
                .metadata = text);
}
static dispatch_t approve(const account_id_t *who)
{
    return CALL(*who, smart_contract_service_contract_approve, .service_contract_id = 1);
}
static dispatch_t reject(const account_id_t *who)
{
    return CALL(*who, smart_contract_service_contract_reject, .service_contract_id = 1);
}
static dispatch_t cancel(const account_id_t *who)
{
    return CALL(*who, smart_contract_service_contract_cancel, .service_contract_id = 1);
}
static dispatch_t bill(const account_id_t *who, uint64_t variable, bytes_t text)
{
    return CALL(*who, smart_contract_service_contract_bill, .service_contract_id = 1,
                .variable_amount = variable, .metadata = text);
}

static smart_contract_service_contract_state_t state(void)
{
    smart_contract_service_contract_t service = {0};
    if (!smart_contract_service_contracts_get(rt, 1, &service))
        return (smart_contract_service_contract_state_t)9;
    return service.state;
}

TEST(a_service_is_between_two_twins)
{
    start();
    EQ(create(&nobody), SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(create(&farmer), SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    EQ(CALL(bob, smart_contract_service_contract_create, .service_account = bob, .consumer_account = bob),
       SMART_CONTRACT_SERVICE_CONTRACT_CREATION_NOT_ALLOWED);
    EQ(CALL(bob, smart_contract_service_contract_create, .service_account = bob, .consumer_account = nobody),
       SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(create(&alice), DISPATCH_OK);
    EQ(world_event_count(26, 17), 1);
    EQ(create(&bob), DISPATCH_OK);
    EQ(smart_contract_service_contract_id_get(rt), 2);
}

TEST(an_agreement_wants_a_fee_and_words)
{
    static uint8_t text[65];
    start();
    EQ(fees(&bob, 1, 1), SMART_CONTRACT_SERVICE_CONTRACT_NOT_EXISTS);
    EQ(create(&alice), DISPATCH_OK);
    EQ(fees(&alice, 1, 1), SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    EQ(metadata(&farmer, BYTES("x")), SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    EQ(metadata(&alice, (bytes_t){text, 65}), SMART_CONTRACT_SERVICE_CONTRACT_METADATA_TOO_LONG);
    EQ(approve(&alice), SMART_CONTRACT_SERVICE_CONTRACT_APPROVAL_NOT_ALLOWED);
    EQ(reject(&alice), SMART_CONTRACT_SERVICE_CONTRACT_REJECTION_NOT_ALLOWED);
    EQ(metadata(&alice, (bytes_t){text, 64}), DISPATCH_OK);
    EQ(world_event_count(26, 18), 1);
    EQ(state(), SMART_CONTRACT_SERVICE_CONTRACT_STATE_CREATED);
    EQ(fees(&bob, 100, 10), DISPATCH_OK);
    EQ(world_event_count(26, 19), 1);
    EQ(state(), SMART_CONTRACT_SERVICE_CONTRACT_STATE_AGREEMENT_READY);
    EQ(approve(&farmer), SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    EQ(approve(&nobody), SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(approve(&alice), DISPATCH_OK);
    EQ(fees(&bob, 200, 10), DISPATCH_OK); /* the other side's approval stays */
    EQ(approve(&bob), DISPATCH_OK);
    EQ(world_event_count(26, 20), 1);
    EQ(state(), SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH);
    EQ(fees(&bob, 1, 1), SMART_CONTRACT_SERVICE_CONTRACT_MODIFICATION_NOT_ALLOWED);
    EQ(metadata(&bob, BYTES("x")), SMART_CONTRACT_SERVICE_CONTRACT_MODIFICATION_NOT_ALLOWED);
    EQ(approve(&bob), SMART_CONTRACT_SERVICE_CONTRACT_APPROVAL_NOT_ALLOWED);
}

TEST(either_side_ends_it)
{
    start();
    EQ(create(&alice), DISPATCH_OK);
    EQ(cancel(&farmer), SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    EQ(cancel(&bob), DISPATCH_OK);
    EQ(world_event_count(26, 21), 1);
    EQ(cancel(&bob), SMART_CONTRACT_SERVICE_CONTRACT_NOT_EXISTS);
    world_start();
    start();
    EQ(create(&alice), DISPATCH_OK);
    EQ(metadata(&bob, BYTES("x")), DISPATCH_OK);
    EQ(fees(&bob, 100, 10), DISPATCH_OK);
    EQ(reject(&farmer), SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    EQ(reject(&alice), DISPATCH_OK);
    EQ(world_event_count(26, 21), 1);
}

static void agree(uint64_t base, uint64_t variable)
{
    start();
    if (create(&alice) || metadata(&bob, BYTES("x")) || fees(&bob, base, variable) || approve(&alice) ||
        approve(&bob))
        printf("no agreement\n");
}

/* base * 10 000 * window / 3600 + variable * 10 000 units; 20 units TFT each at 50 mUSD; variable at most
 * round(window / 3600 * fee). */
TEST(a_bill_is_proportional_to_time)
{
    static const struct {
        uint64_t base, variable_fee, elapsed, variable;
        dispatch_t want;
        uint64_t amount;
    } cases[] = {
        {100,        10,         3600, 0,          DISPATCH_OK,                                                      20000000}, /* 1 000 000 units */
        {100,        10,         3600, 10,         DISPATCH_OK,                                                      22000000}, /* and 100 000 */
        {100,        10,         3600, 11,         SMART_CONTRACT_SERVICE_CONTRACT_BILLING_VARIABLE_AMOUNT_TOO_HIGH, 0       },
        {100,        10,         7200, 10,         DISPATCH_OK,                                                      22000000}, /* never more than an hour */
        {100,        10,         60,   0,          DISPATCH_OK,                                                      333340  }, /* 16 666.7 becomes 16 667 units */
        {100,        100,        60,   2,          DISPATCH_OK,                                                      733340  }, /* 60 / 3600 * 100 = 1.67: 2 */
        {100,        100,        60,   3,          SMART_CONTRACT_SERVICE_CONTRACT_BILLING_VARIABLE_AMOUNT_TOO_HIGH, 0       },
        {100,        10,         0,    0,          DISPATCH_OK,                                                      0       },
        {100000000,  10,         3600, 0,          SMART_CONTRACT_SERVICE_CONTRACT_NOT_ENOUGH_FUNDS_TO_PAY_BILL,
         0                                                                                                                   }, /* B27: nothing changes */
        {UINT64_MAX, UINT64_MAX, 3600, UINT64_MAX,
         SMART_CONTRACT_SERVICE_CONTRACT_NOT_ENOUGH_FUNDS_TO_PAY_BILL,                                               0       },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        agree(cases[i].base, cases[i].variable_fee);
        world_skip(1, cases[i].elapsed);
        const u128_t issuance = world_issuance(), consumer = world_free(&alice), service = world_free(&bob);
        EQ(bill(&bob, cases[i].variable, BYTES("m")), cases[i].want);
        EQ(world_free(&alice), consumer - cases[i].amount);
        EQ(world_free(&bob), service + cases[i].amount);
        EQ(world_issuance(), issuance);
        EQ(world_event_count(26, 22), cases[i].want == DISPATCH_OK);
        EQ(state(), SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH);
        if (cases[i].want != DISPATCH_OK) continue;
        EQ(bill(&bob, 0, BYTES("")), DISPATCH_OK); /* the same second again: nothing is due */
        EQ(world_free(&alice), consumer - cases[i].amount);
    }
}

TEST(only_the_service_bills)
{
    static uint8_t text[51];
    start();
    EQ(bill(&nobody, 0, BYTES("")), SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(bill(&bob, 0, BYTES("")), SMART_CONTRACT_SERVICE_CONTRACT_NOT_EXISTS);
    EQ(create(&alice), DISPATCH_OK);
    EQ(bill(&alice, 0, BYTES("")), SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    EQ(bill(&bob, 0, BYTES("")), SMART_CONTRACT_SERVICE_CONTRACT_BILLING_NOT_APPROVED_BY_BOTH);
    agree(100, 10);
    EQ(bill(&bob, 0, (bytes_t){text, 51}), SMART_CONTRACT_SERVICE_CONTRACT_BILL_METADATA_TOO_LONG);
    EQ(bill(&bob, 0, (bytes_t){text, 50}), DISPATCH_OK);
}

TEST_MAIN()
