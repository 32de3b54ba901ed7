/* grid_model.c - random farms, nodes and contracts, told to the index as a chain would. */
#include "grid_model.h"

#include <stdio.h>

#define GIB  ((uint64_t)1 << 30)
#define HASH "0xaabbccddeeff"

static const struct {
    const char *country, *city, *region;
} places[] = {
    {"Belgium",       "Ghent",     "Europe"  },
    {"Belgium",       "Lochristi", "Europe"  },
    {"Egypt",         "Cairo",     "Africa"  },
    {"Japan",         "Tokyo",     "Asia"    },
    {"United States", "New York",  "Americas"},
};
static const char *const feature_sets[] = {",zmachine,network,wireguard,zmount,",
                                           ",zmachine-light,network-light,mycelium,", ","};

static bool chance(random_t *r, uint32_t percent) { return random_below(r, 100) < percent; }
static bytes_t text(const char *t) { return bytes_text(t); }

static void tell_grid(store_t *s, uint32_t *index, tfgrid_event_t event)
{
    apply_tfgrid(s, (*index)++, &event);
}

static void tell_contract(store_t *s, uint32_t *index, smart_contract_event_t event)
{
    apply_smart_contract(s, (*index)++, &event);
}

/* ---- one of each ---- */

static void make_farm(model_t *m, store_t *s, random_t *r, uint32_t *index)
{
    model_farm_t *f = &m->farms[m->farm_count++];
    *f              = (model_farm_t){.id           = m->farm_count,
                                     .twin         = 1 + random_below(r, 5),
                                     .pricing      = chance(r, 90),
                                     .is_gold      = chance(r, 30),
                                     .is_dedicated = chance(r, 30),
                                     .ip_count     = random_below(r, MODEL_IPS + 1)};
    support_public_ip_t ips[MODEL_IPS];
    snprintf(f->name, sizeof f->name, "Farm-%c%u", 'a' + (char)random_below(r, 3), f->id);
    for (uint32_t i = 0; i < f->ip_count; i++) {
        snprintf(f->ips[i].ip, sizeof f->ips[i].ip, "185.%u.%u.2/24", f->id & 255, i & 255);
        ips[i] = (support_public_ip_t){text(f->ips[i].ip), text("185.0.0.1"), 0};
    }
    tell_grid(s, index,
              (tfgrid_event_t){
                  .kind        = TFGRID_EVENT_FARM_STORED,
                  .farm_stored = {.version           = 4,
                                  .id                = f->id,
                                  .name              = text(f->name),
                                  .twin_id           = f->twin,
                                  .pricing_policy_id = f->pricing,
                                  .certification     = f->is_gold ? SUPPORT_FARM_CERTIFICATION_GOLD
                                                                  : SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED,
                                  .public_ips        = {ips, f->ip_count},
                                  .dedicated_farm    = f->is_dedicated}
    });
    if (!chance(r, 50)) return;
    snprintf(f->stellar, sizeof f->stellar, "GSTELLAR%u", f->id);
    tell_grid(s, index,
              (tfgrid_event_t){
                  .kind                              = TFGRID_EVENT_FARM_PAYOUT_V2_ADDRESS_REGISTERED,
                  .farm_payout_v2_address_registered = {f->id, text(f->stellar)}
    });
}

static void make_power(const model_node_t *n, store_t *s, uint32_t *index)
{
    bool is_up = strcmp(n->target, "Up") == 0;
    tell_grid(s, index,
              (tfgrid_event_t){
                  .kind                 = TFGRID_EVENT_POWER_TARGET_CHANGED,
                  .power_target_changed = {n->farm, n->id, is_up ? SUPPORT_POWER_UP : SUPPORT_POWER_DOWN}
    });
    tell_grid(
        s, index,
        (tfgrid_event_t){
            .kind                = TFGRID_EVENT_POWER_STATE_CHANGED,
            .power_state_changed = {
                                    n->farm,
                                    n->id,
                                    {strcmp(n->state, "Up") == 0 ? SUPPORT_POWER_STATE_UP : SUPPORT_POWER_STATE_DOWN, {1}}}
    });
}

static void make_config(const model_node_t *n, store_t *s, uint32_t *index)
{
    support_public_config_opt_t c = {
        .some = true, .value.ip4 = {text(n->has_ipv4 ? "185.9.9.9/24" : ""), text("185.9.9.1")}
    };
    c.value.ip6.some     = n->has_ipv6;
    c.value.ip6.value    = (support_ip6_t){text("2a02::9/64"), text("2a02::1")};
    c.value.domain.some  = n->has_domain;
    c.value.domain.value = text("gw.example.org");
    tell_grid(s, index,
              (tfgrid_event_t){
                  .kind = TFGRID_EVENT_NODE_PUBLIC_CONFIG_STORED, .node_public_config_stored = {n->id, c}
    });
}

static void choose_node(model_t *m, model_node_t *n, random_t *r)
{
    static const char *const powers[][2] = {
        {NULL,   NULL  },
        {NULL,   NULL  },
        {"Up",   "Up"  },
        {"Down", "Down"},
        {"Up",   "Down"},
        {"Down", "Up"  }
    };
    static const uint32_t ages[] = {0, 100, 4799, 4801, 80000, 86399, 86401, 500000};
    uint32_t place = random_below(r, sizeof places / sizeof *places), power = random_below(r, 6);
    *n = (model_node_t){.id           = m->node_count,
                        .farm         = 1 + random_below(r, m->farm_count),
                        .twin         = 100 + m->node_count,
                        .country      = places[place].country,
                        .city         = places[place].city,
                        .region       = places[place].region,
                        .hru          = random_below(r, 4) * 500 * GIB,
                        .sru          = (100 + random_below(r, 900)) * GIB,
                        .cru          = 1 + random_below(r, 32),
                        .mru          = (2 + random_below(r, 62)) * GIB,
                        .is_certified = chance(r, 30),
                        .has_ipv4     = chance(r, 30),
                        .has_ipv6     = chance(r, 30),
                        .has_domain   = chance(r, 20),
                        .state        = powers[power][0],
                        .target       = powers[power][1],
                        .extra_fee    = chance(r, 20) ? 1 + random_below(r, 1000) : 0,
                        .updated_at   = MODEL_NOW - ages[random_below(r, sizeof ages / sizeof *ages)],
                        .created      = 1700000000 + random_below(r, 1000)};
}

static void make_node(model_t *m, store_t *s, random_t *r, uint32_t *index)
{
    model_node_t *n = &m->nodes[m->node_count++];
    choose_node(m, n, r);
    store_block_t block = *store_now(s);
    block.hash          = HASH; /* each node in a block of its own */
    block.time_s        = n->updated_at;
    block.number++;
    if (!store_block_done(s)) abort();
    store_block(s, &block);
    tell_grid(s, index,
              (tfgrid_event_t){
                  .kind        = TFGRID_EVENT_NODE_STORED,
                  .node_stored = {.version   = 5,
                                  .id        = n->id,
                                  .farm_id   = n->farm,
                                  .twin_id   = n->twin,
                                  .resources = {n->hru, n->sru, n->cru, n->mru},
                                  .location  = {text(n->city), text(n->country), text("51.05"), text("3.71")},
                                  .created   = n->created,
                                  .farming_policy_id = 1,
                                  .certification     = n->is_certified ? SUPPORT_NODE_CERTIFICATION_CERTIFIED
                                                                       : SUPPORT_NODE_CERTIFICATION_DIY}
    });
    if (n->state) make_power(n, s, index);
    if (n->has_ipv4 || n->has_ipv6 || n->has_domain) make_config(n, s, index);
    if (n->extra_fee)
        tell_contract(s, index,
                      (smart_contract_event_t){
                          .kind               = SMART_CONTRACT_EVENT_NODE_EXTRA_FEE_SET,
                          .node_extra_fee_set = {n->id, n->extra_fee}
        });
}

static void choose_probe(model_node_t *n, store_t *s, random_t *r)
{
    n->was_asked = chance(r, 80);
    if (!n->was_asked) return;
    n->is_healthy   = chance(r, 70);
    n->has_net6     = chance(r, 40);
    n->features     = feature_sets[random_below(r, 3)];
    n->gpu_count    = chance(r, 30) ? 1 : 0;
    n->gpu_vendor   = chance(r, 50) ? "NVIDIA Corporation" : "AMD";
    n->gpu_device   = chance(r, 50) ? "GeForce RTX 4090" : "Navi 31";
    n->gpu_id       = chance(r, 50) ? "0000:28:00.0/10de/2684" : "0000:01:00.0/1002/744c";
    n->gpu_contract = chance(r, 50) ? 0 : 7;
    value_t v[]     = {value_int(n->twin), value_text(n->features), value_int(n->gpu_count),
                       value_int(n->has_net6), value_int(n->is_healthy)};
    if (!db_run(store_db(s),
                "INSERT INTO probe(twin_id, features, num_gpu, has_ipv6, healthy) VALUES($1, $2, $3, $4, $5)",
                v, 5))
        abort();
    value_t g[] = {value_int(n->twin), value_text(n->gpu_id), value_text(n->gpu_vendor),
                   value_text(n->gpu_device), value_int((int64_t)n->gpu_contract)};
    if (n->gpu_count &&
        !db_run(store_db(s),
                "INSERT INTO probe_gpu(twin_id, id, vendor, device, contract) VALUES($1, $2, $3, $4, $5)", g,
                5))
        abort();
}

/* ---- contracts ---- */

static void choose_contract(model_t *m, model_contract_t *c, random_t *r)
{
    static const char *const states[] = {"Created", "Created", "GracePeriod", "Deleted"};
    *c                                = (model_contract_t){.id    = m->contract_count,
                                                           .kind  = "nnnndr"[random_below(r, 6)],
                                                           .twin  = 1 + random_below(r, 5),
                                                           .node  = 1 + random_below(r, m->node_count),
                                                           .state = states[random_below(r, 4)]};
    if (c->kind == 'r' && m->nodes[c->node - 1].renter) c->kind = 'n'; /* a node is rented once */
    if (c->kind == 'n') {
        c->hru = chance(r, 20) ? random_below(r, 50) * GIB : 0;
        c->sru = random_below(r, 50) * GIB;
        c->cru = random_below(r, 4);
        c->mru = random_below(r, 4) * GIB;
        snprintf(c->data, sizeof c->data, "{\"type\":\"%s\",\"name\":\"d%u\"}",
                 chance(r, 50) ? "vm" : "network", m->contract_count);
        snprintf(c->hash, sizeof c->hash, "%032x", random_below(r, 1u << 30));
    } else if (c->kind == 'd') {
        c->node = 0;
        snprintf(c->name, sizeof c->name, "name%u", m->contract_count);
    }
}

/* A contract takes a free address of the node's farm. */
static void give_ip(model_t *m, model_contract_t *c, support_public_ip_t *ip)
{
    model_farm_t *f = &m->farms[m->nodes[c->node - 1].farm - 1];
    for (uint32_t i = 0; i < f->ip_count && !c->ips; i++)
        if (f->ips[i].contract == 0) {
            if (strcmp(c->state, "Deleted") != 0) f->ips[i].contract = c->id;
            *ip    = (support_public_ip_t){text(f->ips[i].ip), text("185.0.0.1"), c->id};
            c->ips = 1;
        }
}

static void tell_new_contract(const model_contract_t *c, store_t *s, uint32_t *index, support_public_ip_t *ip)
{
    smart_contract_contract_t on_chain = {.version = 4, .contract_id = c->id, .twin_id = c->twin};
    if (c->kind == 'n') {
        on_chain.contract_type.kind       = SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT;
        smart_contract_node_contract_t *n = &on_chain.contract_type.node_contract;
        n->node_id                        = c->node;
        memcpy(n->deployment_hash.b, c->hash, 32);
        n->deployment_data = text(c->data);
        n->public_ips      = c->ips;
        n->public_ips_list = (support_public_ip_vec_t){ip, c->ips};
    } else if (c->kind == 'd') {
        on_chain.contract_type.kind               = SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT;
        on_chain.contract_type.name_contract.name = text(c->name);
    } else {
        on_chain.contract_type.kind                  = SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT;
        on_chain.contract_type.rent_contract.node_id = c->node;
    }
    tell_contract(s, index,
                  (smart_contract_event_t){.kind             = SMART_CONTRACT_EVENT_CONTRACT_CREATED,
                                           .contract_created = on_chain});
}

static void tell_state(const model_contract_t *c, store_t *s, uint32_t *index)
{
    if (strcmp(c->state, "GracePeriod") == 0)
        tell_contract(s, index,
                      (smart_contract_event_t){
                          .kind                          = SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_STARTED,
                          .contract_grace_period_started = {c->id, c->node, c->twin, 5}
        });
    if (strcmp(c->state, "Deleted") != 0) return;
    if (c->kind == 'n')
        tell_contract(s, index,
                      (smart_contract_event_t){
                          .kind                   = SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED,
                          .node_contract_canceled = {c->id, c->node, c->twin}
        });
    else if (c->kind == 'd')
        tell_contract(s, index,
                      (smart_contract_event_t){.kind = SMART_CONTRACT_EVENT_NAME_CONTRACT_CANCELED,
                                               .name_contract_canceled = c->id});
    else
        tell_contract(s, index,
                      (smart_contract_event_t){.kind = SMART_CONTRACT_EVENT_RENT_CONTRACT_CANCELED,
                                               .rent_contract_canceled = c->id});
}

static void make_contract(model_t *m, store_t *s, random_t *r, uint32_t *index)
{
    model_contract_t *c    = &m->contracts[m->contract_count++];
    support_public_ip_t ip = {0};
    choose_contract(m, c, r);
    if (c->kind == 'n' && chance(r, 40)) give_ip(m, c, &ip);
    tell_new_contract(c, s, index, &ip);
    if (c->kind == 'n')
        tell_contract(s, index,
                      (smart_contract_event_t){
                          .kind                   = SMART_CONTRACT_EVENT_UPDATED_USED_RESOURCES,
                          .updated_used_resources = {c->id, {c->hru, c->sru, c->cru, c->mru}}
        });
    tell_state(c, s, index);
    if (strcmp(c->state, "Deleted") == 0 || c->kind == 'd') return;
    model_node_t *n = &m->nodes[c->node - 1];
    if (c->kind == 'r') {
        n->renter        = c->twin;
        n->rent_contract = c->id;
        return;
    }
    n->contract_count++;
    n->used_hru += c->hru;
    n->used_sru += c->sru;
    n->used_cru += c->cru;
    n->used_mru += c->mru;
}

/* ---- the whole ---- */

static double most(double a, double b) { return a > b ? a : b; }
static double least(double a, double b) { return a < b ? a : b; }

static void reckon(model_node_t *n)
{
    double mru = (double)n->mru / (double)GIB, cru = (double)n->cru;
    double cu = least(least(most(mru / 4, cru / 2), most(mru / 8, cru)), most(mru / 2, cru / 4));
    double su = (double)n->hru / (double)GIB / 1200 + (double)n->sru / (double)GIB / 200;
    n->price  = (cu * 100000 + su * 50000 + (double)n->extra_fee) * (n->is_certified ? 1.25 : 1) * 720 / 1e7;
    n->used_sru += 20 * GIB;
    n->used_mru += n->mru / 10 > 2 * GIB ? n->mru / 10 : 2 * GIB;
}

void model_make(model_t *model, store_t *store, random_t *random)
{
    uint32_t index        = 0;
    store_block_t block   = {.number = 1, .hash = HASH, .time_s = MODEL_NOW, .is_final = true};
    tfgrid_event_t policy = {
        .kind                  = TFGRID_EVENT_PRICING_POLICY_STORED,
        .pricing_policy_stored = {.id   = 1,
                                  .name = text("p"),
                                  .su   = {50000, TFGRID_UNIT_GIGABYTES},
                                  .cu   = {100000, TFGRID_UNIT_GIGABYTES}}
    };
    (void)tests_end_; /* test.h's list of tests: there are none here */
    *model = (model_t){0};
    if (!store_begin(store)) abort();
    store_block(store, &block);
    tell_grid(store, &index, policy);
    for (int i = 0; i < MODEL_FARMS; i++)
        make_farm(model, store, random, &index);
    for (int i = 0; i < MODEL_NODES; i++)
        make_node(model, store, random, &index);
    for (int i = 0; i < MODEL_CONTRACTS; i++)
        make_contract(model, store, random, &index);
    if (!store_block_done(store) || !store_commit(store)) abort();
    for (uint32_t i = 0; i < model->node_count; i++) {
        choose_probe(&model->nodes[i], store, random);
        reckon(&model->nodes[i]);
    }
}
