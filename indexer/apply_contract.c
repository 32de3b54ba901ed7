/* apply_contract.c - contracts, bills and reports: the events of the pallet smart_contract. */
#include "apply.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define AMOUNT_MAX ((uint64_t)1 << 53)

static value_t amount(uint64_t v) { return value_int((int64_t)(v < AMOUNT_MAX ? v : AMOUNT_MAX)); }

static const char *state_name(smart_contract_contract_state_kind_t kind)
{
    switch (kind) {
    case SMART_CONTRACT_CONTRACT_STATE_CREATED: return "Created";
    case SMART_CONTRACT_CONTRACT_STATE_DELETED: return "Deleted";
    case SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD: return "GracePeriod";
    }
    return "Deleted";
}

/* ---- public addresses ---- */

/* Tells all addresses of the list that this contract has them, or nobody (0). */
static void give_ips(store_t *s, uint64_t contract_id, const support_public_ip_vec_t *ips)
{
    for (uint32_t i = 0; i < ips->len; i++) {
        uint32_t count;
        value_t text  = put_text(s, ips->items[i].ip);
        value_t *keys = row_keys(s, TABLE_PUBLIC_IP, IP_IP, text, &count);
        for (uint32_t k = 0; k < count; k++) {
            row_t row;
            if (!row_get(s, TABLE_PUBLIC_IP, keys[k], &row)) continue;
            row.v[IP_CONTRACT] = value_big(contract_id);
            row_put(s, &row);
            store_touch_farm(s, (uint32_t)row.v[IP_FARM].number);
        }
    }
}

/* What a contract that ends still had. */
static void free_ips(store_t *s, uint64_t contract_id)
{
    uint32_t count;
    value_t *keys = row_keys(s, TABLE_PUBLIC_IP, IP_CONTRACT, value_big(contract_id), &count);
    for (uint32_t k = 0; k < count; k++) {
        row_t row;
        if (!row_get(s, TABLE_PUBLIC_IP, keys[k], &row)) continue;
        row.v[IP_CONTRACT] = value_int(0);
        row_put(s, &row);
        store_touch_farm(s, (uint32_t)row.v[IP_FARM].number);
    }
}

/* ---- contracts ---- */

static void put_data(store_t *s, row_t *row, const smart_contract_contract_data_t *data)
{
    switch (data->kind) {
    case SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT:
        row->v[CONTRACT_KIND] = value_text("node");
        row->v[CONTRACT_NODE] = value_int(data->node_contract.node_id);
        row->v[CONTRACT_DATA] = put_text(s, data->node_contract.deployment_data);
        row->v[CONTRACT_HASH] = put_hash_text(s, data->node_contract.deployment_hash.b);
        row->v[CONTRACT_IPS]  = value_int(data->node_contract.public_ips);
        break;
    case SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT:
        row->v[CONTRACT_KIND] = value_text("name");
        row->v[CONTRACT_NAME] = put_text(s, data->name_contract.name);
        break;
    case SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT:
        row->v[CONTRACT_KIND] = value_text("rent");
        row->v[CONTRACT_NODE] = value_int(data->rent_contract.node_id);
        break;
    }
}

void apply_contract(store_t *store, uint32_t index, const smart_contract_contract_t *contract)
{
    row_t row;
    if (!row_get(store, TABLE_CONTRACT, value_big(contract->contract_id), &row)) {
        row.v[CONTRACT_EVENT]   = value_text(store_event_id(store, index));
        row.v[CONTRACT_CREATED] = value_big(store_now(store)->time_s);
        row.v[CONTRACT_NODE] = row.v[CONTRACT_IPS] = value_int(0);
        row.v[CONTRACT_NAME] = row.v[CONTRACT_DATA] = row.v[CONTRACT_HASH] = value_text("");
        row.v[CONTRACT_HAS_RESOURCES] = row.v[CONTRACT_HRU] = row.v[CONTRACT_SRU] = value_int(0);
        row.v[CONTRACT_CRU] = row.v[CONTRACT_MRU] = value_int(0);
    }
    row.v[CONTRACT_VERSION] = value_int(contract->version);
    row.v[CONTRACT_TWIN]    = value_int(contract->twin_id);
    row.v[CONTRACT_STATE]   = value_text(state_name(contract->state.kind));
    row.v[CONTRACT_PROVIDER] =
        value_big(contract->solution_provider_id.some ? contract->solution_provider_id.value : 0);
    put_data(store, &row, &contract->contract_type);
    row_put(store, &row);
    if (contract->contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT)
        give_ips(store, contract->contract_id, &contract->contract_type.node_contract.public_ips_list);
    store_touch_node(store, (uint32_t)row.v[CONTRACT_NODE].number);
}

static void set_state(store_t *s, uint64_t contract_id, const char *state)
{
    row_t row;
    if (!row_get(s, TABLE_CONTRACT, value_big(contract_id), &row)) return;
    row.v[CONTRACT_STATE] = value_text(state);
    row_put(s, &row);
    store_touch_node(s, (uint32_t)row.v[CONTRACT_NODE].number);
    if (strcmp(state, "Deleted") == 0) free_ips(s, contract_id);
}

void apply_resources(store_t *store, const smart_contract_contract_resources_t *resources)
{
    row_t row;
    if (!row_get(store, TABLE_CONTRACT, value_big(resources->contract_id), &row)) return;
    row.v[CONTRACT_HAS_RESOURCES] = value_int(1);
    row.v[CONTRACT_HRU]           = amount(resources->used.hru);
    row.v[CONTRACT_SRU]           = amount(resources->used.sru);
    row.v[CONTRACT_CRU]           = amount(resources->used.cru);
    row.v[CONTRACT_MRU]           = amount(resources->used.mru);
    row_put(store, &row);
    store_touch_node(store, (uint32_t)row.v[CONTRACT_NODE].number);
}

/* ---- reports ---- */

static const char *discount_name(smart_contract_discount_level_t level)
{
    static const char *const names[] = {"None", "Default", "Bronze", "Silver", "Gold"};
    return (unsigned)level < sizeof names / sizeof *names ? names[level] : "None";
}

static void put_bill(store_t *s, uint32_t index, const smart_contract_contract_bill_t *bill)
{
    row_t row            = row_new(TABLE_BILL, value_text(store_event_id(s, index)));
    row.v[BILL_CONTRACT] = value_big(bill->contract_id);
    row.v[BILL_DISCOUNT] = value_text(discount_name(bill->discount_level));
    row.v[BILL_AMOUNT]   = put_wide(s, bill->amount_billed);
    row.v[BILL_TIME]     = value_big(bill->timestamp);
    row_put(s, &row);
}

static void put_nru(store_t *s, uint32_t index, const smart_contract_nru_consumption_t *report)
{
    row_t row           = row_new(TABLE_NRU, value_text(store_event_id(s, index)));
    row.v[NRU_CONTRACT] = value_big(report->contract_id);
    row.v[NRU_TIME]     = value_big(report->timestamp);
    row.v[NRU_WINDOW]   = value_big(report->window);
    row.v[NRU_NRU]      = value_big(report->nru);
    row_put(s, &row);
}

/* ---- solution providers ---- */

void apply_provider(store_t *store, uint32_t index, const smart_contract_solution_provider_t *provider)
{
    row_t row;
    json_t *list = json_array();
    if (!row_get(store, TABLE_PROVIDER, value_big(provider->solution_provider_id), &row))
        row.v[PROVIDER_EVENT] = value_text(store_event_id(store, index));
    for (uint32_t i = 0; i < provider->providers.len; i++)
        json_array_append_new(list, json_pack("{s:s,s:i}", "who",
                                              put_account(store, &provider->providers.items[i].who).text,
                                              "take", (int)provider->providers.items[i].take));
    char *text                  = json_dumps(list, JSON_COMPACT);
    row.v[PROVIDER_DESCRIPTION] = put_text(store, provider->description);
    row.v[PROVIDER_LINK]        = put_text(store, provider->link);
    row.v[PROVIDER_APPROVED]    = value_int(provider->approved);
    row.v[PROVIDER_PROVIDERS]   = value_text(store_format(store, "%s", text ? text : "[]"));
    free(text);
    json_decref(list);
    row_put(store, &row);
}

static void approve_provider(store_t *s, uint64_t id, bool is_approved)
{
    row_t row;
    if (!row_get(s, TABLE_PROVIDER, value_big(id), &row)) return;
    row.v[PROVIDER_APPROVED] = value_int(is_approved);
    row_put(s, &row);
}

/* ---- service contracts ---- */

void apply_service(store_t *store, uint32_t index, const smart_contract_service_contract_t *service)
{
    static const char *const states[] = {"Created", "AgreementReady", "ApprovedByBoth"};
    row_t row;
    if (!row_get(store, TABLE_SERVICE, value_big(service->service_contract_id), &row))
        row.v[SERVICE_EVENT] = value_text(store_event_id(store, index));
    row.v[SERVICE_TWIN]        = value_int(service->service_twin_id);
    row.v[SERVICE_CONSUMER]    = value_int(service->consumer_twin_id);
    row.v[SERVICE_BASE]        = value_big(service->base_fee);
    row.v[SERVICE_VARIABLE]    = value_big(service->variable_fee);
    row.v[SERVICE_METADATA]    = put_text(store, service->metadata);
    row.v[SERVICE_BY_SERVICE]  = value_int(service->accepted_by_service);
    row.v[SERVICE_BY_CONSUMER] = value_int(service->accepted_by_consumer);
    row.v[SERVICE_LAST_BILL]   = value_big(service->last_bill);
    row.v[SERVICE_STATE] = value_text((unsigned)service->state < 3 ? states[service->state] : "Created");
    row_put(store, &row);
}

static void put_service_bill(store_t *s, uint32_t index, const smart_contract_event_t *e)
{
    row_t row                    = row_new(TABLE_SERVICE_BILL, value_text(store_event_id(s, index)));
    row.v[SERVICE_BILL_CONTRACT] = value_big(e->service_contract_billed.service_contract.service_contract_id);
    row.v[SERVICE_BILL_VARIABLE] = value_big(e->service_contract_billed.bill.variable_amount);
    row.v[SERVICE_BILL_WINDOW]   = value_big(e->service_contract_billed.bill.window);
    row.v[SERVICE_BILL_METADATA] = put_text(s, e->service_contract_billed.bill.metadata);
    row.v[SERVICE_BILL_AMOUNT]   = put_wide(s, e->service_contract_billed.amount);
    row_put(s, &row);
    apply_service(s, index, &e->service_contract_billed.service_contract);
}

/* ---- events ---- */

static void apply_service_event(store_t *s, uint32_t index, const smart_contract_event_t *e)
{
    switch ((unsigned)e->kind) {
    case SMART_CONTRACT_EVENT_SOLUTION_PROVIDER_CREATED:
        apply_provider(s, index, &e->solution_provider_created);
        break;
    case SMART_CONTRACT_EVENT_SOLUTION_PROVIDER_APPROVED:
        approve_provider(s, e->solution_provider_approved.solution_provider_id,
                         e->solution_provider_approved.approved);
        break;
    case SMART_CONTRACT_EVENT_SERVICE_CONTRACT_CREATED:
        apply_service(s, index, &e->service_contract_created);
        break;
    case SMART_CONTRACT_EVENT_SERVICE_CONTRACT_METADATA_SET:
        apply_service(s, index, &e->service_contract_metadata_set);
        break;
    case SMART_CONTRACT_EVENT_SERVICE_CONTRACT_FEES_SET:
        apply_service(s, index, &e->service_contract_fees_set);
        break;
    case SMART_CONTRACT_EVENT_SERVICE_CONTRACT_APPROVED:
        apply_service(s, index, &e->service_contract_approved);
        break;
    case SMART_CONTRACT_EVENT_SERVICE_CONTRACT_CANCELED:
        row_remove(s, TABLE_SERVICE, value_big(e->service_contract_canceled.service_contract_id));
        break;
    case SMART_CONTRACT_EVENT_SERVICE_CONTRACT_BILLED: put_service_bill(s, index, e); break;
    default: break;
    }
}

void apply_smart_contract(store_t *store, uint32_t index, const smart_contract_event_t *e)
{
    switch ((unsigned)e->kind) {
    case SMART_CONTRACT_EVENT_CONTRACT_CREATED: apply_contract(store, index, &e->contract_created); break;
    case SMART_CONTRACT_EVENT_CONTRACT_UPDATED: apply_contract(store, index, &e->contract_updated); break;
    case SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED:
        set_state(store, e->node_contract_canceled.contract_id, "Deleted");
        break;
    case SMART_CONTRACT_EVENT_NAME_CONTRACT_CANCELED:
        set_state(store, e->name_contract_canceled, "Deleted");
        break;
    case SMART_CONTRACT_EVENT_RENT_CONTRACT_CANCELED:
        set_state(store, e->rent_contract_canceled, "Deleted");
        break;
    case SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_STARTED:
        set_state(store, e->contract_grace_period_started.contract_id, "GracePeriod");
        break;
    case SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_ENDED:
        set_state(store, e->contract_grace_period_ended.contract_id, "Created");
        break;
    case SMART_CONTRACT_EVENT_IPS_RESERVED:
        give_ips(store, e->ips_reserved.contract_id, &e->ips_reserved.public_ips);
        break;
    case SMART_CONTRACT_EVENT_IPS_FREED: give_ips(store, 0, &e->ips_freed.public_ips); break;
    case SMART_CONTRACT_EVENT_CONTRACT_BILLED: put_bill(store, index, &e->contract_billed); break;
    case SMART_CONTRACT_EVENT_UPDATED_USED_RESOURCES:
        apply_resources(store, &e->updated_used_resources);
        break;
    case SMART_CONTRACT_EVENT_NRU_CONSUMPTION_REPORT_RECEIVED:
        put_nru(store, index, &e->nru_consumption_report_received);
        break;
    case SMART_CONTRACT_EVENT_NODE_EXTRA_FEE_SET:
        apply_extra_fee(store, e->node_extra_fee_set.node_id, e->node_extra_fee_set.extra_fee);
        break;
    default: apply_service_event(store, index, e);
    }
}
