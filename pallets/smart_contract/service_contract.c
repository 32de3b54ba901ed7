/* service_contract.c - a service that one twin sells to another: agreed by both, billed by the service. */
#include "checked.h"
#include "contract.h"
#include "cost.h"
#include "fixed.h"
#include "funds.h"

enum { METADATA_MAX = 64, BILL_METADATA_MAX = 50 };

typedef smart_contract_service_contract_t service_t;

static dispatch_t service_of(rt_t *rt, uint64_t id, service_t *service)
{
    ENSURE(smart_contract_service_contracts_get(rt, id, service), SMART_CONTRACT_SERVICE_CONTRACT_NOT_EXISTS);
    return DISPATCH_OK;
}

dispatch_t smart_contract_service_contract_create(rt_t *rt, const account_id_t *who,
                                                  const smart_contract_service_contract_create_args_t *args)
{
    uint32_t caller, service_twin, consumer_twin;
    TRY(contract_twin_of(rt, who, &caller));
    TRY(contract_twin_of(rt, &args->service_account, &service_twin));
    TRY(contract_twin_of(rt, &args->consumer_account, &consumer_twin));
    ENSURE(caller == service_twin || caller == consumer_twin, SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    ENSURE(service_twin != consumer_twin, SMART_CONTRACT_SERVICE_CONTRACT_CREATION_NOT_ALLOWED);

    const service_t service = {
        .service_contract_id = smart_contract_service_contract_id_get(rt) + 1,
        .service_twin_id     = service_twin,
        .consumer_twin_id    = consumer_twin,
        .state               = SMART_CONTRACT_SERVICE_CONTRACT_STATE_CREATED,
    };

    smart_contract_service_contracts_put(rt, service.service_contract_id, &service);
    smart_contract_service_contract_id_put(rt, service.service_contract_id);

    smart_contract_emit_service_contract_created(rt, &service);
    return DISPATCH_OK;
}

dispatch_t
smart_contract_service_contract_set_metadata(rt_t *rt, const account_id_t *who,
                                             const smart_contract_service_contract_set_metadata_args_t *args)
{
    uint32_t twin_id;
    service_t service;
    TRY(contract_twin_of(rt, who, &twin_id));
    TRY(service_of(rt, args->service_contract_id, &service));
    ENSURE(twin_id == service.service_twin_id || twin_id == service.consumer_twin_id,
           SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    ENSURE(service.state != SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH,
           SMART_CONTRACT_SERVICE_CONTRACT_MODIFICATION_NOT_ALLOWED);
    ENSURE(args->metadata.len <= METADATA_MAX, SMART_CONTRACT_SERVICE_CONTRACT_METADATA_TOO_LONG);

    service.metadata = args->metadata;
    if (service.base_fee != 0) service.state = SMART_CONTRACT_SERVICE_CONTRACT_STATE_AGREEMENT_READY;

    smart_contract_service_contracts_put(rt, service.service_contract_id, &service);
    smart_contract_emit_service_contract_metadata_set(rt, &service);
    return DISPATCH_OK;
}

dispatch_t
smart_contract_service_contract_set_fees(rt_t *rt, const account_id_t *who,
                                         const smart_contract_service_contract_set_fees_args_t *args)
{
    uint32_t twin_id;
    service_t service;
    TRY(contract_twin_of(rt, who, &twin_id));
    TRY(service_of(rt, args->service_contract_id, &service));
    ENSURE(twin_id == service.service_twin_id, SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    ENSURE(service.state != SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH,
           SMART_CONTRACT_SERVICE_CONTRACT_MODIFICATION_NOT_ALLOWED);

    service.base_fee     = args->base_fee;
    service.variable_fee = args->variable_fee;
    if (service.metadata.len > 0) service.state = SMART_CONTRACT_SERVICE_CONTRACT_STATE_AGREEMENT_READY;

    smart_contract_service_contracts_put(rt, service.service_contract_id, &service);
    smart_contract_emit_service_contract_fees_set(rt, &service);
    return DISPATCH_OK;
}

dispatch_t smart_contract_service_contract_approve(rt_t *rt, const account_id_t *who,
                                                   const smart_contract_service_contract_approve_args_t *args)
{
    uint32_t twin_id;
    service_t service;
    TRY(contract_twin_of(rt, who, &twin_id));
    TRY(service_of(rt, args->service_contract_id, &service));
    ENSURE(service.state == SMART_CONTRACT_SERVICE_CONTRACT_STATE_AGREEMENT_READY,
           SMART_CONTRACT_SERVICE_CONTRACT_APPROVAL_NOT_ALLOWED);
    ENSURE(twin_id == service.service_twin_id || twin_id == service.consumer_twin_id,
           SMART_CONTRACT_TWIN_NOT_AUTHORIZED);

    if (twin_id == service.service_twin_id)
        service.accepted_by_service = true;
    else
        service.accepted_by_consumer = true;
    if (service.accepted_by_service && service.accepted_by_consumer) {
        service.state     = SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH;
        service.last_bill = contract_now_s(rt);
    }

    smart_contract_service_contracts_put(rt, service.service_contract_id, &service);
    smart_contract_emit_service_contract_approved(rt, &service);
    return DISPATCH_OK;
}

static dispatch_t cancel(rt_t *rt, const account_id_t *who, uint64_t id)
{
    uint32_t twin_id;
    service_t service;
    TRY(contract_twin_of(rt, who, &twin_id));
    TRY(service_of(rt, id, &service));
    ENSURE(twin_id == service.service_twin_id || twin_id == service.consumer_twin_id,
           SMART_CONTRACT_TWIN_NOT_AUTHORIZED);

    smart_contract_service_contracts_remove(rt, id);
    smart_contract_emit_service_contract_canceled(rt, id, SMART_CONTRACT_CAUSE_CANCELED_BY_USER);
    return DISPATCH_OK;
}

dispatch_t smart_contract_service_contract_reject(rt_t *rt, const account_id_t *who,
                                                  const smart_contract_service_contract_reject_args_t *args)
{
    service_t service;
    TRY(service_of(rt, args->service_contract_id, &service));
    ENSURE(service.state == SMART_CONTRACT_SERVICE_CONTRACT_STATE_AGREEMENT_READY,
           SMART_CONTRACT_SERVICE_CONTRACT_REJECTION_NOT_ALLOWED);
    return cancel(rt, who, args->service_contract_id);
}

dispatch_t smart_contract_service_contract_cancel(rt_t *rt, const account_id_t *who,
                                                  const smart_contract_service_contract_cancel_args_t *args)
{
    return cancel(rt, who, args->service_contract_id);
}

/* ---------------------------------------------------------------------------------- billing */

/* pay moves the whole bill from the consumer's account to the service's; neither may be reaped by it. */
static dispatch_t pay(rt_t *rt, const service_t *service, u128_t amount)
{
    tfgrid_twin_t consumer, seller;
    ENSURE(tfgrid_twins_get(rt, service->consumer_twin_id, &consumer), SMART_CONTRACT_TWIN_NOT_EXISTS);
    ENSURE(tfgrid_twins_get(rt, service->service_twin_id, &seller), SMART_CONTRACT_TWIN_NOT_EXISTS);
    ENSURE(funds_usable(rt, &consumer.account_id) >= amount,
           SMART_CONTRACT_SERVICE_CONTRACT_NOT_ENOUGH_FUNDS_TO_PAY_BILL);
    return amount == 0 ? DISPATCH_OK : funds_transfer(rt, &consumer.account_id, &seller.account_id, amount);
}

dispatch_t smart_contract_service_contract_bill(rt_t *rt, const account_id_t *who,
                                                const smart_contract_service_contract_bill_args_t *args)
{
    uint32_t twin_id;
    service_t service;
    uint64_t amount;
    const uint64_t now = contract_now_s(rt);
    TRY(contract_twin_of(rt, who, &twin_id));
    TRY(service_of(rt, args->service_contract_id, &service));
    ENSURE(twin_id == service.service_twin_id, SMART_CONTRACT_TWIN_NOT_AUTHORIZED);
    ENSURE(service.state == SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH,
           SMART_CONTRACT_SERVICE_CONTRACT_BILLING_NOT_APPROVED_BY_BOTH);

    const uint64_t elapsed = u64_sub_sat(now, service.last_bill);
    const uint64_t window  = elapsed < BILLING_REFERENCE_S ? elapsed : BILLING_REFERENCE_S;
    const uint64_t most =
        fixed_round(fixed_times(fixed_ratio(window, BILLING_REFERENCE_S), service.variable_fee));
    ENSURE(args->variable_amount <= most, SMART_CONTRACT_SERVICE_CONTRACT_BILLING_VARIABLE_AMOUNT_TOO_HIGH);
    ENSURE(args->metadata.len <= BILL_METADATA_MAX, SMART_CONTRACT_SERVICE_CONTRACT_BILL_METADATA_TOO_LONG);

    u128_t base   = u128_mul_sat((u128_t)service.base_fee * UNITS_PER_MUSD, window);
    fixed_t units = fixed_add(fixed_ratio(base, BILLING_REFERENCE_S),
                              fixed_from((u128_t)args->variable_amount * UNITS_PER_MUSD));
    TRY(cost_in_tft(rt, fixed_round(units), &amount));
    TRY(pay(rt, &service, amount));
    service.last_bill = now;

    smart_contract_service_contracts_put(rt, service.service_contract_id, &service);
    const smart_contract_service_contract_bill_t bill = {args->variable_amount, window, args->metadata};
    smart_contract_emit_service_contract_billed(rt, &service, &bill, amount);
    return DISPATCH_OK;
}
