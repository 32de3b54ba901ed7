/* apply_grid.c - twins, farms, nodes, policies: the events of the pallet tfgrid. */
#include "apply.h"

#include <stdio.h>
#include <string.h>

#define AMOUNT_MAX ((uint64_t)1 << 53) /* of a node's or contract's resources: what JSON's readers hold */

static value_t amount(uint64_t v) { return value_int((int64_t)(v < AMOUNT_MAX ? v : AMOUNT_MAX)); }

static value_t optional_text(store_t *s, const bytes_opt_t *text)
{
    return text->some ? put_text(s, text->value) : VALUE_NONE;
}

static const char *farm_certification(support_farm_certification_t c)
{
    return c == SUPPORT_FARM_CERTIFICATION_GOLD ? "Gold" : "NotCertified";
}

static const char *node_certification(support_node_certification_t c)
{
    return c == SUPPORT_NODE_CERTIFICATION_CERTIFIED ? "Certified" : "Diy";
}

/* event_of gives a row with the key: the one that is there, or a new one made by this event. */
static bool event_of(store_t *s, uint32_t index, table_id_t table, uint32_t key, row_t *row)
{
    if (row_get(s, table, value_int(key), row)) return true;
    row->v[1] = value_text(store_event_id(s, index));
    return false;
}

/* ---- twins ---- */

void apply_twin(store_t *store, uint32_t index, const tfgrid_twin_t *twin)
{
    row_t row;
    event_of(store, index, TABLE_TWIN, twin->id, &row);
    row.v[TWIN_VERSION] = value_int(1);
    row.v[TWIN_ACCOUNT] = put_account(store, &twin->account_id);
    row.v[TWIN_RELAY]   = optional_text(store, &twin->relay);
    row.v[TWIN_KEY]     = VALUE_NONE;
    if (twin->pk.some) { /* bytes, not text: as the grid's processor has them */
        char hex[2 * 128 + 1];
        for (uint32_t i = 0; i < twin->pk.value.len && i < 128; i++)
            snprintf(hex + 2 * i, 3, "%02x", twin->pk.value.data[i]);
        hex[twin->pk.value.len < 128 ? 2 * twin->pk.value.len : 256] = 0;
        row.v[TWIN_KEY] = value_text(store_format(store, "0x%s", hex));
    }
    row_put(store, &row);
}

static value_t proof_key(store_t *s, uint32_t twin_id, uint32_t entity_id)
{
    return value_text(store_format(s, "%010u-%010u", twin_id, entity_id));
}

static void put_proof(store_t *s, uint32_t twin_id, uint32_t entity_id, bytes_t signature)
{
    row_t row              = row_new(TABLE_PROOF, proof_key(s, twin_id, entity_id));
    row.v[PROOF_TWIN]      = value_int(twin_id);
    row.v[PROOF_ENTITY]    = value_int(entity_id);
    row.v[PROOF_SIGNATURE] = put_text(s, signature);
    row_put(s, &row);
}

void apply_entity(store_t *store, uint32_t index, const tfgrid_entity_t *entity)
{
    row_t row;
    event_of(store, index, TABLE_ENTITY, entity->id, &row);
    row.v[ENTITY_VERSION] = value_int(entity->version);
    row.v[ENTITY_NAME]    = put_text(store, entity->name);
    row.v[ENTITY_COUNTRY] = put_text(store, entity->country);
    row.v[ENTITY_CITY]    = put_text(store, entity->city);
    row.v[ENTITY_ACCOUNT] = put_account(store, &entity->account_id);
    row_put(store, &row);
}

/* ---- farms ---- */

static value_t ip_key(store_t *s, uint32_t farm_id, bytes_t ip)
{
    return value_text(store_format(s, "%u-%s", farm_id, store_text(s, ip)));
}

static void put_ips(store_t *s, const support_farm_t *farm)
{
    uint32_t count;
    value_t *known = row_keys(s, TABLE_PUBLIC_IP, IP_FARM, value_int(farm->id), &count);
    for (uint32_t k = 0; k < count; k++) {
        bool is_there = false;
        for (uint32_t i = 0; i < farm->public_ips.len && !is_there; i++)
            is_there = strcmp(known[k].text, ip_key(s, farm->id, farm->public_ips.items[i].ip).text) == 0;
        if (!is_there) row_remove(s, TABLE_PUBLIC_IP, known[k]);
    }
    for (uint32_t i = 0; i < farm->public_ips.len; i++) {
        const support_public_ip_t *ip = &farm->public_ips.items[i];
        row_t row                     = row_new(TABLE_PUBLIC_IP, ip_key(s, farm->id, ip->ip));
        row.v[IP_FARM]                = value_int(farm->id);
        row.v[IP_IP]                  = put_text(s, ip->ip);
        row.v[IP_GATEWAY]             = put_text(s, ip->gateway);
        row.v[IP_CONTRACT]            = value_big(ip->contract_id);
        row_put(s, &row);
    }
}

void apply_farm(store_t *store, uint32_t index, const support_farm_t *farm)
{
    row_t row;
    event_of(store, index, TABLE_FARM, farm->id, &row);
    row.v[FARM_VERSION]       = value_int(farm->version);
    row.v[FARM_NAME]          = put_text(store, farm->name);
    row.v[FARM_TWIN]          = value_int(farm->twin_id);
    row.v[FARM_PRICING]       = value_int(farm->pricing_policy_id);
    row.v[FARM_CERTIFICATION] = value_text(farm_certification(farm->certification));
    row.v[FARM_DEDICATED]     = value_int(farm->dedicated_farm);
    row_put(store, &row);
    put_ips(store, farm);
    store_touch_farm(store, farm->id);
}

static void delete_farm(store_t *s, uint32_t farm_id)
{
    uint32_t count;
    value_t *ips = row_keys(s, TABLE_PUBLIC_IP, IP_FARM, value_int(farm_id), &count);
    for (uint32_t i = 0; i < count; i++)
        row_remove(s, TABLE_PUBLIC_IP, ips[i]);
    row_remove(s, TABLE_FARM, value_int(farm_id));
}

static void set_farm(store_t *s, uint32_t farm_id, unsigned column, value_t value)
{
    row_t row;
    if (!row_get(s, TABLE_FARM, value_int(farm_id), &row)) return;
    row.v[column] = value;
    row_put(s, &row);
    store_touch_farm(s, farm_id);
}

/* ---- nodes ---- */

static void put_config(store_t *s, row_t *row, const support_public_config_opt_t *config)
{
    const support_public_config_t *c = &config->value;
    row->v[NODE_HAS_CONFIG]          = value_int(config->some);
    row->v[NODE_IPV4]                = config->some ? put_text(s, c->ip4.ip) : VALUE_NONE;
    row->v[NODE_GW4]                 = config->some ? put_text(s, c->ip4.gw) : VALUE_NONE;
    row->v[NODE_IPV6]   = config->some && c->ip6.some ? put_text(s, c->ip6.value.ip) : VALUE_NONE;
    row->v[NODE_GW6]    = config->some && c->ip6.some ? put_text(s, c->ip6.value.gw) : VALUE_NONE;
    row->v[NODE_DOMAIN] = config->some ? optional_text(s, &c->domain) : VALUE_NONE;
}

static void put_interfaces(store_t *s, uint32_t index, const support_node_t *node)
{
    uint32_t count;
    value_t *known = row_keys(s, TABLE_INTERFACE, INTERFACE_NODE, value_int(node->id), &count);
    for (uint32_t i = 0; i < count; i++)
        row_remove(s, TABLE_INTERFACE, known[i]);
    for (uint32_t i = 0; i < node->interfaces.len; i++) {
        const support_interface_t *f = &node->interfaces.items[i];
        const char *id = store_event_id(s, index), *ips = "";
        row_t row = row_new(TABLE_INTERFACE, value_text(store_format(s, "%s-%u", id, i)));
        for (uint32_t k = 0; k < f->ips.len; k++)
            ips = store_format(s, "%s%s%s", ips, k ? "," : "", store_text(s, f->ips.items[k]));
        row.v[INTERFACE_NODE] = value_int(node->id);
        row.v[INTERFACE_NAME] = put_text(s, f->name);
        row.v[INTERFACE_MAC]  = put_text(s, f->mac);
        row.v[INTERFACE_IPS]  = value_text(ips);
        row_put(s, &row);
    }
}

void apply_node(store_t *store, uint32_t index, const support_node_t *node, bool is_new)
{
    row_t row;
    value_t now = value_big(store_now(store)->time_s);
    if (!event_of(store, index, TABLE_NODE, node->id, &row)) {
        row.v[NODE_CREATED_AT] = now;
        row.v[NODE_EXTRA_FEE]  = value_int(0);
    }
    row.v[NODE_UPDATED_AT]    = now;
    row.v[NODE_VERSION]       = value_int(node->version);
    row.v[NODE_FARM]          = value_int(node->farm_id);
    row.v[NODE_TWIN]          = value_int(node->twin_id);
    row.v[NODE_CITY]          = put_text(store, node->location.city);
    row.v[NODE_COUNTRY]       = put_text(store, node->location.country);
    row.v[NODE_LATITUDE]      = put_text(store, node->location.latitude);
    row.v[NODE_LONGITUDE]     = put_text(store, node->location.longitude);
    row.v[NODE_CREATED]       = value_big(node->created);
    row.v[NODE_FARMING]       = value_int(node->farming_policy_id);
    row.v[NODE_CERTIFICATION] = value_text(node_certification(node->certification));
    row.v[NODE_SECURE]        = value_int(node->secure_boot);
    row.v[NODE_VIRTUALIZED]   = value_int(node->virtualized);
    row.v[NODE_SERIAL] =
        node->serial_number.some ? put_text(store, node->serial_number.value) : value_text("Unknown");
    row.v[NODE_CONNECTION_PRICE] = value_int(node->connection_price);
    row.v[NODE_HRU]              = amount(node->resources.hru);
    row.v[NODE_SRU]              = amount(node->resources.sru);
    row.v[NODE_CRU]              = amount(node->resources.cru);
    row.v[NODE_MRU]              = amount(node->resources.mru);
    if (is_new || node->public_config.some) put_config(store, &row, &node->public_config);
    row_put(store, &row);
    put_interfaces(store, index, node);
    store_touch_node(store, node->id);
}

static void delete_node(store_t *s, uint32_t node_id)
{
    uint32_t count;
    value_t *known = row_keys(s, TABLE_INTERFACE, INTERFACE_NODE, value_int(node_id), &count);
    for (uint32_t i = 0; i < count; i++)
        row_remove(s, TABLE_INTERFACE, known[i]);
    row_remove(s, TABLE_NODE, value_int(node_id));
}

static void set_node(store_t *s, uint32_t node_id, unsigned column, value_t value)
{
    row_t row;
    if (!row_get(s, TABLE_NODE, value_int(node_id), &row)) return;
    row.v[column] = value;
    row_put(s, &row);
    store_touch_node(s, node_id);
}

void apply_extra_fee(store_t *store, uint32_t node_id, uint64_t fee)
{
    set_node(store, node_id, NODE_EXTRA_FEE, amount(fee));
}

void apply_power(store_t *store, uint32_t node_id, const support_node_power_t *power)
{
    bool is_up = power->state.kind == SUPPORT_POWER_STATE_UP;
    set_node(store, node_id, NODE_POWER_STATE, value_text(is_up ? "Up" : "Down"));
    set_node(store, node_id, NODE_POWER_TARGET,
             value_text(power->target == SUPPORT_POWER_UP ? "Up" : "Down"));
}

/* The other half of a node's power is Up until it is told. */
static void report_power(store_t *s, uint32_t index, uint32_t farm_id, uint32_t node_id, bool is_state,
                         bool is_up)
{
    row_t node, row = row_new(TABLE_POWER, value_text(store_event_id(s, index)));
    row.v[POWER_KIND]  = value_text(is_state ? "state" : "target");
    row.v[POWER_FARM]  = value_int(farm_id);
    row.v[POWER_NODE]  = value_int(node_id);
    row.v[POWER_VALUE] = value_text(is_up ? "Up" : "Down");
    row.v[POWER_BLOCK] = value_int(store_now(s)->number);
    row.v[POWER_TIME]  = value_big(store_now(s)->time_s);
    row_put(s, &row);
    if (!row_get(s, TABLE_NODE, value_int(node_id), &node)) return;
    unsigned told = is_state ? NODE_POWER_STATE : NODE_POWER_TARGET;
    unsigned rest = is_state ? NODE_POWER_TARGET : NODE_POWER_STATE;
    node.v[told]  = value_text(is_up ? "Up" : "Down");
    if (node.v[rest].kind == VALUE_NULL) node.v[rest] = value_text("Up");
    row_put(s, &node);
}

static void report_uptime(store_t *s, uint32_t index, uint32_t node_id, uint64_t now_s, uint64_t uptime_s)
{
    row_t node, row = row_new(TABLE_UPTIME, value_text(store_event_id(s, index)));
    row.v[UPTIME_NODE]   = value_int(node_id);
    row.v[UPTIME_UPTIME] = value_big(uptime_s);
    row.v[UPTIME_TIME]   = value_big(now_s);
    row_put(s, &row);
    if (!row_get(s, TABLE_NODE, value_int(node_id), &node)) return;
    node.v[NODE_UPTIME]     = value_big(uptime_s);
    node.v[NODE_UPDATED_AT] = value_big(store_now(s)->time_s);
    row_put(s, &node);
}

static void store_config(store_t *s, uint32_t node_id, const support_public_config_opt_t *config)
{
    row_t node;
    if (!row_get(s, TABLE_NODE, value_int(node_id), &node)) return;
    put_config(s, &node, config);
    row_put(s, &node);
}

/* ---- policies ---- */

static const char *unit_name(tfgrid_unit_t unit)
{
    static const char *const names[] = {"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terrabytes"};
    return (unsigned)unit < sizeof names / sizeof *names ? names[unit] : "Bytes";
}

static void put_policy(row_t *row, unsigned column, const tfgrid_policy_t *policy)
{
    row->v[column]     = value_int(policy->value);
    row->v[column + 1] = value_text(unit_name(policy->unit));
}

void apply_pricing(store_t *store, uint32_t index, const tfgrid_pricing_policy_t *policy)
{
    row_t row;
    event_of(store, index, TABLE_PRICING, policy->id, &row);
    row.v[PRICING_VERSION] = value_int(policy->version);
    row.v[PRICING_NAME]    = put_text(store, policy->name);
    put_policy(&row, PRICING_SU, &policy->su);
    put_policy(&row, PRICING_CU, &policy->cu);
    put_policy(&row, PRICING_NU, &policy->nu);
    put_policy(&row, PRICING_IPU, &policy->ipu);
    row.v[PRICING_FOUNDATION] = put_account(store, &policy->foundation_account);
    row.v[PRICING_SALES]      = put_account(store, &policy->certified_sales_account);
    row.v[PRICING_DISCOUNT]   = value_int(policy->discount_for_dedication_nodes);
    row_put(store, &row);
    store_touch_prices(store);
}

void apply_farming(store_t *store, uint32_t index, const tfgrid_farming_policy_t *policy)
{
    row_t row;
    event_of(store, index, TABLE_FARMING, policy->id, &row);
    row.v[FARMING_VERSION]   = value_int(policy->version);
    row.v[FARMING_NAME]      = put_text(store, policy->name);
    row.v[FARMING_CU]        = value_int(policy->cu);
    row.v[FARMING_SU]        = value_int(policy->su);
    row.v[FARMING_NU]        = value_int(policy->nu);
    row.v[FARMING_IPV4]      = value_int(policy->ipv4);
    row.v[FARMING_MINIMAL]   = value_int(policy->minimal_uptime);
    row.v[FARMING_CREATED]   = value_int(policy->policy_created);
    row.v[FARMING_END]       = value_int(policy->policy_end);
    row.v[FARMING_IMMUTABLE] = value_int(policy->immutable);
    row.v[FARMING_DEFAULT]   = value_int(policy->default_);
    row.v[FARMING_NODE]      = value_text(node_certification(policy->node_certification));
    row.v[FARMING_FARM]      = value_text(farm_certification(policy->farm_certification));
    row_put(store, &row);
}

/* ---- events ---- */

static void apply_node_event(store_t *s, uint32_t index, const tfgrid_event_t *e)
{
    switch ((unsigned)e->kind) {
    case TFGRID_EVENT_NODE_STORED: apply_node(s, index, &e->node_stored, true); break;
    case TFGRID_EVENT_NODE_UPDATED: apply_node(s, index, &e->node_updated, false); break;
    case TFGRID_EVENT_NODE_DELETED: delete_node(s, e->node_deleted); break;
    case TFGRID_EVENT_NODE_UPTIME_REPORTED:
        report_uptime(s, index, e->node_uptime_reported.node_id, e->node_uptime_reported.now_s,
                      e->node_uptime_reported.uptime_s);
        break;
    case TFGRID_EVENT_NODE_PUBLIC_CONFIG_STORED:
        store_config(s, e->node_public_config_stored.node_id, &e->node_public_config_stored.public_config);
        break;
    case TFGRID_EVENT_NODE_CERTIFICATION_SET:
        set_node(s, e->node_certification_set.node_id, NODE_CERTIFICATION,
                 value_text(node_certification(e->node_certification_set.certification)));
        break;
    case TFGRID_EVENT_POWER_TARGET_CHANGED:
        report_power(s, index, e->power_target_changed.farm_id, e->power_target_changed.node_id, false,
                     e->power_target_changed.power_target == SUPPORT_POWER_UP);
        break;
    case TFGRID_EVENT_POWER_STATE_CHANGED:
        report_power(s, index, e->power_state_changed.farm_id, e->power_state_changed.node_id, true,
                     e->power_state_changed.power_state.kind == SUPPORT_POWER_STATE_UP);
        break;
    default: break;
    }
}

static void apply_farm_event(store_t *s, uint32_t index, const tfgrid_event_t *e)
{
    switch ((unsigned)e->kind) {
    case TFGRID_EVENT_FARM_STORED: apply_farm(s, index, &e->farm_stored); break;
    case TFGRID_EVENT_FARM_UPDATED: apply_farm(s, index, &e->farm_updated); break;
    case TFGRID_EVENT_FARM_DELETED: delete_farm(s, e->farm_deleted); break;
    case TFGRID_EVENT_FARM_PAYOUT_V2_ADDRESS_REGISTERED:
        set_farm(s, e->farm_payout_v2_address_registered.farm_id, FARM_STELLAR,
                 put_text(s, e->farm_payout_v2_address_registered.address));
        break;
    case TFGRID_EVENT_FARM_MARKED_AS_DEDICATED:
        set_farm(s, e->farm_marked_as_dedicated, FARM_DEDICATED, value_int(1));
        break;
    case TFGRID_EVENT_FARM_CERTIFICATION_SET:
        set_farm(s, e->farm_certification_set.farm_id, FARM_CERTIFICATION,
                 value_text(farm_certification(e->farm_certification_set.certification)));
        break;
    default: break;
    }
}

void apply_tfgrid(store_t *store, uint32_t index, const tfgrid_event_t *e)
{
    switch ((unsigned)e->kind) {
    case TFGRID_EVENT_TWIN_STORED: apply_twin(store, index, &e->twin_stored); break;
    case TFGRID_EVENT_TWIN_UPDATED: apply_twin(store, index, &e->twin_updated); break;
    case TFGRID_EVENT_TWIN_DELETED: row_remove(store, TABLE_TWIN, value_int(e->twin_deleted)); break;
    case TFGRID_EVENT_TWIN_ENTITY_STORED:
        put_proof(store, e->twin_entity_stored.twin_id, e->twin_entity_stored.entity_id,
                  e->twin_entity_stored.signature);
        break;
    case TFGRID_EVENT_TWIN_ENTITY_REMOVED:
        row_remove(store, TABLE_PROOF,
                   proof_key(store, e->twin_entity_removed.twin_id, e->twin_entity_removed.entity_id));
        break;
    case TFGRID_EVENT_ENTITY_STORED: apply_entity(store, index, &e->entity_stored); break;
    case TFGRID_EVENT_ENTITY_UPDATED: apply_entity(store, index, &e->entity_updated); break;
    case TFGRID_EVENT_ENTITY_DELETED: row_remove(store, TABLE_ENTITY, value_int(e->entity_deleted)); break;
    case TFGRID_EVENT_PRICING_POLICY_STORED: apply_pricing(store, index, &e->pricing_policy_stored); break;
    case TFGRID_EVENT_FARMING_POLICY_STORED: apply_farming(store, index, &e->farming_policy_stored); break;
    case TFGRID_EVENT_FARMING_POLICY_UPDATED: apply_farming(store, index, &e->farming_policy_updated); break;
    default: apply_node_event(store, index, e); apply_farm_event(store, index, e);
    }
}
