/* name_contract.c - contracts for a name that no other contract has. */
#include "contract.h"

enum { NAME_MIN = 3, NAME_MAX = 64 };

static dispatch_t check_name(bytes_t name)
{
    ENSURE(name.len >= NAME_MIN, SMART_CONTRACT_NAME_CONTRACT_NAME_TOO_SHORT);
    ENSURE(name.len <= NAME_MAX, SMART_CONTRACT_NAME_CONTRACT_NAME_TOO_LONG);
    for (uint32_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        ENSURE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_',
               SMART_CONTRACT_NAME_NOT_VALID);
    }
    return DISPATCH_OK;
}

dispatch_t smart_contract_create_name_contract(rt_t *rt, const account_id_t *who,
                                               const smart_contract_create_name_contract_args_t *args)
{
    uint32_t twin_id;
    contract_t contract;
    TRY(contract_twin_of(rt, who, &twin_id));
    TRY(check_name(args->name));
    ENSURE(!smart_contract_contract_id_by_name_registration_exists(rt, args->name),
           SMART_CONTRACT_NAME_EXISTS);

    const smart_contract_contract_data_t data = {
        .kind          = SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT,
        .name_contract = {.name = args->name},
    };
    TRY(contract_store(rt, twin_id, &data, (u64_opt_t){0}, &contract));
    smart_contract_contract_id_by_name_registration_put(rt, args->name, contract.contract_id);

    smart_contract_emit_contract_created(rt, &contract);
    return DISPATCH_OK;
}
