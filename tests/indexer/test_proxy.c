/* test_proxy.c - every filter filters: what the index answers is what a predicate says over the same random
 * grid. */
#include "grid_model.h"
#include "proxy.h"

#include <strings.h>

#define GIB ((uint64_t)1 << 30)

static model_t model;
static store_t *store;
static proxy_t proxy;
static char because[256];

static bool fresh(random_t *random)
{
    char error[DB_ERROR_MAX + 1];
    const char *where = getenv("TRELLIS_POSTGRES"); /* postgres://...: the same tests on a server */
    if (store) store_close(store);
    store = store_open(where ? where : ":memory:", true, error);
    if (!store) return false;
    model_make(&model, store, random);
    proxy = (proxy_t){.db = store_db(store), .now_s = MODEL_NOW, .version = "test"};
    return true;
}

static json_t *ask(const char *path, const char *query, int *status)
{
    proxy_result_t result;
    json_t *json = proxy_answer(&proxy, path, query, &result);
    *status      = result.status;
    return json;
}

/* ---- what the filters mean ---- */

static bool is(const char *value) { return strcmp(value, "true") == 0; }
static uint64_t number(const char *value) { return strtoull(value, NULL, 10); }
static const model_farm_t *farm_of(const model_node_t *n) { return &model.farms[n->farm - 1]; }

static bool in_list(uint64_t what, const char *list)
{
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (number(at) == what) return true;
    return false;
}

static bool has(const char *text, const char *part)
{
    for (; *text; text++)
        if (strncasecmp(text, part, strlen(part)) == 0) return true;
    return *part == 0;
}

static const char *status_of(const model_node_t *n)
{
    bool is_off = n->state && (strcmp(n->state, "Down") == 0 || strcmp(n->target, "Down") == 0);
    if (!is_off) return n->updated_at + 4800 >= MODEL_NOW ? "up" : "down";
    return n->updated_at + 86400 >= MODEL_NOW ? "standby" : "down";
}

static uint32_t free_ips(const model_farm_t *f)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->ip_count; i++)
        count += f->ips[i].contract == 0;
    return count;
}

static int64_t free_mru(const model_node_t *n) { return (int64_t)n->mru - (int64_t)n->used_mru; }
static int64_t free_sru(const model_node_t *n) { return (int64_t)n->sru - (int64_t)n->used_sru; }
static int64_t free_hru(const model_node_t *n) { return (int64_t)n->hru - (int64_t)n->used_hru; }
static bool rentable(const model_node_t *n)
{
    return (farm_of(n)->is_dedicated || n->contract_count == 0) && !n->renter;
}
static bool for_all(const model_node_t *n)
{
    return !n->renter && !farm_of(n)->is_dedicated && n->extra_fee == 0;
}
static double price(const model_node_t *n) { return farm_of(n)->pricing <= 1 ? n->price : 0; }

typedef bool (*node_fn)(const model_node_t *n, const char *value);
#define NODE(name_, ...)                                                                                     \
    static bool name_(const model_node_t *n, const char *v) { return __VA_ARGS__; }
NODE(status, has(v, status_of(n)))
NODE(more_mru, free_mru(n) >= (int64_t)number(v))
NODE(more_sru, free_sru(n) >= (int64_t)number(v))
NODE(more_hru, free_hru(n) >= (int64_t)number(v))
NODE(total_mru, n->mru >= number(v))
NODE(total_sru, n->sru >= number(v))
NODE(total_hru, n->hru >= number(v))
NODE(total_cru, n->cru >= number(v))
NODE(country, strcasecmp(n->country, v) == 0)
NODE(country_has, has(n->country, v))
NODE(city, strcasecmp(n->city, v) == 0)
NODE(city_has, has(n->city, v))
NODE(region, strcasecmp(n->region, v) == 0)
NODE(farm_name, strcasecmp(farm_of(n)->name, v) == 0)
NODE(farm_name_has, has(farm_of(n)->name, v))
NODE(farm_ids, in_list(n->farm, v))
NODE(more_ips, free_ips(farm_of(n)) >= number(v))
NODE(ipv4, n->has_ipv4 == is(v))
NODE(ipv6, n->has_ipv6 == is(v))
NODE(domain, n->has_domain == is(v))
NODE(dedicated, (farm_of(n)->is_dedicated || !n->contract_count || n->renter || n->extra_fee) == is(v))
NODE(in_dedicated, farm_of(n)->is_dedicated == is(v))
NODE(is_rentable, rentable(n) == is(v))
NODE(rented, (n->renter != 0) == is(v))
NODE(rented_by, n->renter == number(v))
NODE(rentable_or_by, rentable(n) || n->renter == number(v))
NODE(available, n->renter == number(v) || for_all(n))
NODE(owned_by, farm_of(n)->twin == number(v))
NODE(node_id, n->id == number(v))
NODE(node_ids, in_list(n->id, v))
NODE(excluded, !in_list(n->id, v))
NODE(twin, n->twin == number(v))
NODE(certification, strcasecmp(n->is_certified ? "Certified" : "Diy", v) == 0)
NODE(has_gpu, (n->gpu_count > 0) == is(v))
NODE(num_gpu, n->gpu_count >= number(v))
NODE(free_gpu, (n->gpu_count && n->gpu_contract == 0) >= number(v))
NODE(farm_id_of, n->farm == number(v))
NODE(gpu_device, n->gpu_count &&has(n->gpu_device, v))
NODE(gpu_vendor, n->gpu_count &&has(n->gpu_vendor, v))
NODE(gpu_id, n->gpu_count &&has(n->gpu_id, v))
NODE(gpu_free, n->gpu_count && (n->gpu_contract == 0) == is(v))
NODE(healthy, n->is_healthy == is(v))
NODE(has_ipv6, n->has_net6 == is(v))
NODE(price_min, price(n) >= strtod(v, NULL))
NODE(price_max, price(n) <= strtod(v, NULL))

static bool features(const model_node_t *n, const char *v)
{
    char part[32];
    for (size_t len; *v; v += len + (v[len] == ',')) {
        len = strcspn(v, ",");
        snprintf(part, sizeof part, ",%.*s,", (int)len, v);
        if (!n->features || !strstr(n->features, part)) return false;
    }
    return true;
}

static const struct {
    const char *name, *values[4];
    node_fn holds;
} node_filters[] = {
    {"status",                {"up", "down", "standby", "up,standby"},                         status        },
    {"free_mru",              {"8589934592", "34359738368"},                                   more_mru      },
    {"free_sru",              {"214748364800"},                                                more_sru      },
    {"free_hru",              {"1", "536870912000"},                                           more_hru      },
    {"total_mru",             {"17179869184"},                                                 total_mru     },
    {"total_sru",             {"536870912000"},                                                total_sru     },
    {"total_hru",             {"536870912000"},                                                total_hru     },
    {"total_cru",             {"8", "16"},                                                     total_cru     },
    {"country",               {"belgium", "Egypt", "united states"},                           country       },
    {"country_contains",      {"GI", "united"},                                                country_has   },
    {"city",                  {"ghent", "New York"},                                           city          },
    {"city_contains",         {"o"},                                                           city_has      },
    {"region",                {"europe", "Asia", "americas"},                                  region        },
    {"farm_name",             {"farm-a1", "farm-b2", "farm-c3", "Farm-a2"},                    farm_name     },
    {"farm_name_contains",    {"-A", "-b"},                                                    farm_name_has },
    {"farm_ids",              {"1,2,3", "7"},                                                  farm_ids      },
    {"farm_id",               {"2", "7"},                                                      farm_id_of    },
    {"free_ips",              {"1", "2"},                                                      more_ips      },
    {"ipv4",                  {"true", "false"},                                               ipv4          },
    {"ipv6",                  {"true", "false"},                                               ipv6          },
    {"domain",                {"true", "false"},                                               domain        },
    {"dedicated",             {"true", "false"},                                               dedicated     },
    {"in_dedicated_farm",     {"true", "false"},                                               in_dedicated  },
    {"rentable",              {"true", "false"},                                               is_rentable   },
    {"rented",                {"true", "false"},                                               rented        },
    {"rented_by",             {"1", "2", "3"},                                                 rented_by     },
    {"rentedBy",              {"1", "2", "3"},                                                 rented_by     },
    {"rentable_or_rented_by", {"1", "2"},                                                      rentable_or_by},
    {"available_for",         {"1", "4"},                                                      available     },
    {"owned_by",              {"1", "5"},                                                      owned_by      },
    {"node_id",               {"7"},                                                           node_id       },
    {"node_ids",              {"3,9,27,4000000000"},                                           node_ids      },
    {"excluded",              {"1,2,3,4,5,6,7,8,9"},                                           excluded      },
    {"twin_id",               {"107"},                                                         twin          },
    {"certification_type",    {"certified", "Diy"},                                            certification },
    {"has_gpu",               {"true", "false"},                                               has_gpu       },
    {"num_gpu",               {"1"},                                                           num_gpu       },
    {"total_gpu",             {"1"},                                                           num_gpu       },
    {"free_gpu",              {"1"},                                                           free_gpu      },
    {"gpu_device_name",       {"rtx", "navi"},                                                 gpu_device    },
    {"gpu_vendor_name",       {"nvidia", "amd"},                                               gpu_vendor    },
    {"gpu_device_id",         {"2684", "744C"},                                                gpu_id        },
    {"gpu_vendor_id",         {"10de", "1002"},                                                gpu_id        },
    {"gpu_available",         {"true", "false"},                                               gpu_free      },
    {"healthy",               {"true", "false"},                                               healthy       },
    {"has_ipv6",              {"true", "false"},                                               has_ipv6      },
    {"price_min",             {"30", "60.5"},                                                  price_min     },
    {"price_max",             {"30", "60.5"},                                                  price_max     },
    {"features",              {"zmachine", "network,zmount", "mycelium", "zmachine,mycelium"}, features      },
};
#define NODE_FILTERS (sizeof node_filters / sizeof *node_filters)

static bool is_listed(const json_t *list, const char *key, uint64_t id)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)list, i,
                       row) if ((uint64_t)json_integer_value(json_object_get(row, key)) == id) return true;
    return false;
}

/* Compares the answer with the predicate over all nodes; `a` and `b` are filters, b may be none. */
static bool agrees(size_t a, const char *va, size_t b, const char *vb, uint32_t *count)
{
    char query[256], counted[64];
    proxy_result_t result;
    int len = snprintf(query, sizeof query, "size=1000&ret_count=true&%s=%s", node_filters[a].name, va);
    if (b < NODE_FILTERS)
        snprintf(query + len, sizeof query - (size_t)len, "&%s=%s", node_filters[b].name, vb);
    json_t *list = proxy_answer(&proxy, "/nodes", query, &result);
    bool is_same = result.status == 200;
    *count       = 0;
    snprintf(because, sizeof because, "/nodes?%.200s: %d", query, result.status);
    for (uint32_t i = 0; is_same && i < model.node_count; i++) {
        const model_node_t *n = &model.nodes[i];
        bool holds = node_filters[a].holds(n, va) && (b >= NODE_FILTERS || node_filters[b].holds(n, vb));
        *count += holds;
        is_same = holds == is_listed(list, "nodeId", n->id);
        if (!is_same)
            snprintf(because, sizeof because, "/nodes?%.150s: node %u should %sbe there", query, n->id,
                     holds ? "" : "not ");
    }
    snprintf(counted, sizeof counted, "count: %u\r\n", *count);
    is_same =
        is_same && json_array_size(list) == *count && strncmp(result.headers, counted, strlen(counted)) == 0;
    json_decref(list);
    if (!is_same) printf("%s\n", because);
    return is_same;
}

static uint32_t filtered[NODE_FILTERS][2]; /* how often a filter let a node in, and left one out */

PROPERTY(each_filter_of_nodes_filters, 8)
{
    OK(fresh(random));
    for (size_t i = 0; i < NODE_FILTERS; i++)
        for (unsigned v = 0; v < 4 && node_filters[i].values[v]; v++) {
            uint32_t count;
            OK(agrees(i, node_filters[i].values[v], NODE_FILTERS, NULL, &count));
            filtered[i][0] += count;
            filtered[i][1] += model.node_count - count;
        }
}

TEST(no_filter_let_all_in_or_none)
{
    for (size_t i = 0; i < NODE_FILTERS; i++)
        if (filtered[i][0] == 0 || filtered[i][1] == 0) {
            printf("%s: in %u, out %u\n", node_filters[i].name, filtered[i][0], filtered[i][1]);
            EQ(filtered[i][0] + filtered[i][1], 0); /* 0: only this test was asked for */
        }
}

PROPERTY(two_filters_are_both_held, 4)
{
    OK(fresh(random));
    for (int i = 0; i < 300; i++) {
        size_t a = random_below(random, NODE_FILTERS), b = random_below(random, NODE_FILTERS);
        uint32_t count, va = random_below(random, 4), vb = random_below(random, 4);
        const char *left =
            node_filters[a].values[va] ? node_filters[a].values[va] : node_filters[a].values[0];
        const char *right =
            node_filters[b].values[vb] ? node_filters[b].values[vb] : node_filters[b].values[0];
        OK(agrees(a, left, b, right, &count));
    }
}

/* ---- order and pages ---- */

static int64_t by(const model_node_t *n, const char *name)
{
    if (strcmp(name, "node_id") == 0) return n->id;
    if (strcmp(name, "farm_id") == 0) return n->farm;
    if (strcmp(name, "total_cru") == 0) return (int64_t)n->cru;
    if (strcmp(name, "free_cru") == 0) return (int64_t)n->cru - (int64_t)n->used_cru;
    if (strcmp(name, "used_sru") == 0) return (int64_t)n->used_sru;
    if (strcmp(name, "extra_fee") == 0) return (int64_t)n->extra_fee;
    if (strcmp(name, "updated_at") == 0) return (int64_t)n->updated_at;
    if (strcmp(name, "created") == 0) return (int64_t)n->created;
    if (strcmp(name, "num_gpu") == 0) return n->gpu_count;
    if (strcmp(name, "rented") == 0) return n->renter != 0;
    if (strcmp(name, "dedicated_farm") == 0) return farm_of(n)->is_dedicated;
    if (strcmp(name, "status") == 0)
        return strcmp(status_of(n), "up") == 0 ? 1 : strcmp(status_of(n), "standby") == 0 ? 2 : 3;
    abort();
}

PROPERTY(nodes_come_in_the_order_asked_for, 3)
{
    static const char *const names[] = {"node_id",  "farm_id",   "total_cru",      "free_cru",
                                        "used_sru", "extra_fee", "updated_at",     "created",
                                        "num_gpu",  "rented",    "dedicated_farm", "status"};
    OK(fresh(random));
    for (size_t s = 0; s < sizeof names / sizeof *names; s++)
        for (int down = 0; down < 2; down++) {
            char query[128];
            int code;
            snprintf(query, sizeof query, "size=100&sort_by=%s&sort_order=%s", names[s],
                     down ? "desc" : "ASC");
            json_t *list = ask("/nodes", query, &code);
            EQ(code, 200);
            EQ(json_array_size(list), model.node_count);
            for (size_t i = 1; i < json_array_size(list); i++) {
                const model_node_t *a =
                    &model.nodes[json_integer_value(json_object_get(json_array_get(list, i - 1), "nodeId")) -
                                 1];
                const model_node_t *b =
                    &model.nodes[json_integer_value(json_object_get(json_array_get(list, i), "nodeId")) - 1];
                OK(down ? by(a, names[s]) >= by(b, names[s]) : by(a, names[s]) <= by(b, names[s]));
            }
            json_decref(list);
        }
}

TEST(pages_make_up_the_list_and_its_count_is_told)
{
    random_t random = {99};
    proxy_result_t result;
    uint32_t seen = 0;
    OK(fresh(&random));
    for (uint32_t page = 1; page < 20; page++) {
        char query[64];
        snprintf(query, sizeof query, "size=7&page=%u&ret_count=true", page);
        json_t *list = proxy_answer(&proxy, "/nodes", query, &result);
        EQ(result.status, 200);
        OK(strcmp(result.headers, "count: 60\r\nsize: 7\r\npages: 9\r\n") == 0);
        for (size_t i = 0; i < json_array_size(list); i++)
            EQ(json_integer_value(json_object_get(json_array_get(list, i), "nodeId")), ++seen);
        json_decref(list);
    }
    EQ(seen, model.node_count);
}

TEST(an_empty_value_is_no_filter_and_size_zero_is_nothing)
{
    int code;
    json_t *list = ask("/nodes", "status=&country=&features=&size=100", &code);
    EQ(json_array_size(list), model.node_count);
    json_decref(list);
    list = ask("/nodes", "size=0", &code);
    EQ(code, 200);
    EQ(json_array_size(list), 0);
    json_decref(list);
    list = ask("/nodes", "randomize=true&size=999999999999", &code);
    EQ(json_array_size(list), model.node_count);
    json_decref(list);
}

/* ---- what is refused ---- */

TEST(what_is_no_filter_or_no_value_is_refused)
{
    static const char *const wrong[][2] = {
        {"/nodes",             "colour=red"                },
        {"/nodes",             "free_mru=-1"               },
        {"/nodes",             "free_mru=1e9"              },
        {"/nodes",             "ipv4=maybe"                },
        {"/nodes",             "status=asleep"             },
        {"/nodes",             "node_ids=1,x"              },
        {"/nodes",             "node_ids=,"                },
        {"/nodes",             "price_min=nan"             },
        {"/nodes",             "page=0"                    },
        {"/nodes",             "sort_by=id;DROP TABLE node"},
        {"/nodes",             "sort_order=up"             },
        {"/nodes",             "size=many"                 },
        {"/nodes",             "node_status=up"            },
        {"/farms",             "status=up"                 },
        {"/contracts",         "contract_id=one"           },
        {"/twins",             "twin_id='1'"               },
        {"/public_ips",        "free=2"                    },
        {"/stats",             "status=x"                  },
        {"/contracts/1/bills", "colour=red"                }
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int code;
        json_t *json = ask(wrong[i][0], wrong[i][1], &code);
        if (code != 400) printf("%s?%s\n", wrong[i][0], wrong[i][1]);
        EQ(code, 400);
        OK(json_string_value(json_object_get(json, "error")));
        json_decref(json);
    }
}

TEST(quotes_and_signs_of_sql_are_only_text)
{
    static const char *const texts[] = {"country='; DROP TABLE node; --",
                                        "farm_name=$1",
                                        "city_contains=%",
                                        "city_contains=_",
                                        "region=?",
                                        "features=',"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int code;
        json_t *list = ask("/nodes", texts[i], &code);
        EQ(code, 200);
        EQ(json_array_size(list), 0);
        json_decref(list);
    }
}

TEST(what_is_not_there_is_said)
{
    static const char *const paths[] = {"/nodes/9999", "/nodes/99999999999999999", "/contracts/99999",
                                        "/gateways/9999", "/nodes/9999/status"};
    int code;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        json_t *json = ask(paths[i], "", &code);
        EQ(code, 404);
        OK(json_object_get(json, "error"));
        json_decref(json);
    }
    OK(!ask("/nowhere", "", &code));
    OK(!ask("/nodes/1/secrets", "", &code));
    OK(!ask("/nodes/1x", "", &code));
    OK(!ask("nodes", "", &code));
}

/* ---- one of each ---- */

TEST(a_node_shows_what_it_has_and_what_is_used)
{
    random_t random = {7};
    int code;
    OK(fresh(&random));
    for (uint32_t i = 0; i < model.node_count; i++) {
        const model_node_t *n = &model.nodes[i];
        char path[32];
        snprintf(path, sizeof path, "/nodes/%u", n->id);
        json_t *json = ask(path, "", &code);
        EQ(code, 200);
        const json_t *capacity = json_object_get(json, "capacity");
        const json_t *total    = json_object_get(capacity, "total_resources"),
                     *used     = json_object_get(capacity, "used_resources");
        EQ(json_integer_value(json_object_get(total, "mru")), n->mru);
        EQ(json_integer_value(json_object_get(used, "cru")), n->used_cru);
        EQ(json_integer_value(json_object_get(used, "mru")), n->used_mru);
        EQ(json_integer_value(json_object_get(used, "sru")), n->used_sru);
        EQ(json_integer_value(json_object_get(used, "hru")), n->used_hru);
        EQ(json_integer_value(json_object_get(json, "rentedByTwinId")), n->renter);
        EQ(json_integer_value(json_object_get(json, "rentContractId")), n->rent_contract);
        EQ(json_is_true(json_object_get(json, "rentable")), rentable(n));
        OK(strcmp(json_string_value(json_object_get(json, "status")), status_of(n)) == 0);
        EQ(json_integer_value(json_object_get(json, "farm_free_ips")), free_ips(farm_of(n)));
        json_decref(json);
        snprintf(path, sizeof path, "/gateways/%u", n->id);
        json = ask(path, "", &code);
        EQ(code, n->has_domain ? 200 : 404);
        json_decref(json);
    }
}

TEST(stats_add_up)
{
    int code;
    uint64_t cru = 0, up = 0, up_cru = 0;
    for (uint32_t i = 0; i < model.node_count; i++) {
        bool is_up = strcmp(status_of(&model.nodes[i]), "up") == 0;
        cru += model.nodes[i].cru;
        up += is_up;
        up_cru += is_up ? model.nodes[i].cru : 0;
    }
    json_t *json = ask("/stats", "", &code);
    EQ(json_integer_value(json_object_get(json, "totalCru")), cru);
    EQ(json_integer_value(json_object_get(json, "nodes")), model.node_count);
    EQ(json_integer_value(json_object_get(json, "farms")), model.farm_count);
    EQ(json_integer_value(json_object_get(json, "contracts")), model.contract_count);
    json_decref(json);
    json = ask("/stats", "status=up", &code);
    EQ(json_integer_value(json_object_get(json, "totalCru")), up_cru);
    EQ(json_integer_value(json_object_get(json, "nodes")), up);
    json_decref(json);
}

/* ---- farms, contracts, addresses ---- */

static bool has_node(const model_farm_t *f, const char *name, const char *value)
{
    for (size_t k = 0; k < NODE_FILTERS; k++)
        for (uint32_t i = 0; strcmp(node_filters[k].name, name) == 0 && i < model.node_count; i++)
            if (model.nodes[i].farm == f->id && node_filters[k].holds(&model.nodes[i], value)) return true;
    return false;
}

typedef bool (*farm_fn)(const model_farm_t *f, const char *value);
#define FARM(name_, ...)                                                                                     \
    static bool name_(const model_farm_t *f, const char *v) { return __VA_ARGS__; }
FARM(farm_free, free_ips(f) >= number(v))
FARM(farm_total, f->ip_count >= number(v))
FARM(farm_stellar, strcmp(f->stellar, v) == 0)
FARM(farm_pricing, f->pricing == number(v))
FARM(farm_id, f->id == number(v))
FARM(farm_ids_in, in_list(f->id, v))
FARM(farm_twin, f->twin == number(v))
FARM(farm_named, strcasecmp(f->name, v) == 0)
FARM(farm_name_part, has(f->name, v))
FARM(farm_version, f->id > 0 && number(v) == 4)
FARM(farm_certified, strcmp(f->is_gold ? "Gold" : "NotCertified", v) == 0)
FARM(farm_dedicated, f->is_dedicated == is(v))
FARM(node_mru, has_node(f, "free_mru", v))
FARM(node_sru, has_node(f, "free_sru", v))
FARM(node_hru, has_node(f, "free_hru", v))
FARM(node_cru, has_node(f, "total_cru", v))
FARM(node_state, has_node(f, "status", v))
FARM(node_renter, has_node(f, "rented_by", v))
FARM(node_for, has_node(f, "available_for", v))
FARM(node_gpu, has_node(f, "has_gpu", v))
FARM(node_ipv6, has_node(f, "has_ipv6", v))
FARM(node_certified, has_node(f, "certification_type", is(v) ? "Certified" : "Diy"))
FARM(node_features, has_node(f, "features", v))
FARM(in_country, has_node(f, "country", v))
FARM(in_region, has_node(f, "region", v))

static const struct {
    const char *name, *values[3];
    farm_fn holds;
} farm_filters[] = {
    {"free_ips",           {"1", "2"},                              farm_free     },
    {"total_ips",          {"1", "3"},                              farm_total    },
    {"stellar_address",    {"GSTELLAR1", "GSTELLAR2", "GSTELLAR3"}, farm_stellar  },
    {"pricing_policy_id",  {"0", "1"},                              farm_pricing  },
    {"farm_id",            {"3"},                                   farm_id       },
    {"farm_ids",           {"1,2,9"},                               farm_ids_in   },
    {"twin_id",            {"2", "3"},                              farm_twin     },
    {"name",               {"farm-a1", "FARM-B2", "farm-c1"},       farm_named    },
    {"name_contains",      {"-a", "-B"},                            farm_name_part},
    {"farm_name",          {"farm-a1", "FARM-B2", "farm-c1"},       farm_named    },
    {"version",            {"4", "3"},                              farm_version  },
    {"certification_type", {"Gold", "NotCertified"},                farm_certified},
    {"dedicated",          {"true", "false"},                       farm_dedicated},
    {"node_free_mru",      {"53687091200"},                         node_mru      },
    {"node_free_sru",      {"900000000000"},                        node_sru      },
    {"node_free_hru",      {"1500000000000"},                       node_hru      },
    {"node_total_cru",     {"30"},                                  node_cru      },
    {"node_status",        {"standby", "down"},                     node_state    },
    {"node_rented_by",     {"1", "2"},                              node_renter   },
    {"node_available_for", {"1", "2"},                              node_for      },
    {"node_has_gpu",       {"true", "false"},                       node_gpu      },
    {"node_has_ipv6",      {"true", "false"},                       node_ipv6     },
    {"node_certified",     {"true", "false"},                       node_certified},
    {"node_features",      {"zmachine,wireguard", "mycelium"},      node_features },
    {"country",            {"japan", "Egypt"},                      in_country    },
    {"region",             {"asia", "Europe"},                      in_region     },
};
#define FARM_FILTERS (sizeof farm_filters / sizeof *farm_filters)
static uint32_t farms_filtered[FARM_FILTERS][2];

PROPERTY(each_filter_of_farms_filters, 8)
{
    OK(fresh(random));
    for (size_t k = 0; k < FARM_FILTERS; k++)
        for (unsigned v = 0; v < 3 && farm_filters[k].values[v]; v++) {
            char query[128];
            int code;
            snprintf(query, sizeof query, "%s=%s", farm_filters[k].name, farm_filters[k].values[v]);
            json_t *list = ask("/farms", query, &code);
            EQ(code, 200);
            for (uint32_t i = 0; i < model.farm_count; i++) {
                bool holds = farm_filters[k].holds(&model.farms[i], farm_filters[k].values[v]);
                if (holds != is_listed(list, "farmId", model.farms[i].id))
                    printf("/farms?%s: farm %u\n", query, i + 1);
                EQ(is_listed(list, "farmId", model.farms[i].id), holds);
                farms_filtered[k][holds]++;
            }
            json_decref(list);
        }
}

TEST(no_filter_let_all_farms_in_or_none)
{
    for (size_t k = 0; k < FARM_FILTERS; k++) {
        bool is_run = farms_filtered[k][0] + farms_filtered[k][1] > 0;
        if (is_run && (!farms_filtered[k][0] || !farms_filtered[k][1])) printf("%s\n", farm_filters[k].name);
        OK(!is_run || (farms_filtered[k][0] && farms_filtered[k][1]));
    }
}

static const char *kind_name(char kind) { return kind == 'n' ? "node" : kind == 'r' ? "rent" : "name"; }

typedef bool (*contract_fn)(const model_contract_t *c, const char *value);
#define CONTRACT(name_, ...)                                                                                 \
    static bool name_(const model_contract_t *c, const char *v) { return __VA_ARGS__; }
CONTRACT(c_id, c->id == number(v))
CONTRACT(c_twin, c->twin == number(v))
CONTRACT(c_node, c->node == number(v))
CONTRACT(c_type, strcmp(kind_name(c->kind), v) == 0)
CONTRACT(c_state, has(v, c->state))
CONTRACT(c_name, strcmp(c->name, v) == 0)
CONTRACT(c_ips, c->ips >= number(v))
CONTRACT(c_data, strcmp(c->data, v) == 0)
CONTRACT(c_hash, strcmp(c->hash, v) == 0)
CONTRACT(c_farm, c->node &&model.nodes[c->node - 1].farm == number(v))
CONTRACT(c_farm_name, c->node &&strcasecmp(farm_of(&model.nodes[c->node - 1])->name, v) == 0)

#define CONTRACT_FILTERS 17
static uint32_t contracts_filtered[CONTRACT_FILTERS][2];

PROPERTY(each_filter_of_contracts_filters, 6)
{
    OK(fresh(random));
    const model_contract_t *some = &model.contracts[random_below(random, model.contract_count)];
    const struct {
        const char *name, *value;
        contract_fn holds;
    } filters[] = {
        {"contract_id",          "17",                             c_id       },
        {"twin_id",              "2",                              c_twin     },
        {"node_id",              "5",                              c_node     },
        {"type",                 "node",                           c_type     },
        {"type",                 "rent",                           c_type     },
        {"type",                 "name",                           c_type     },
        {"state",                "created",                        c_state    },
        {"state",                "Deleted",                        c_state    },
        {"state",                "created,GRACEPERIOD",            c_state    },
        {"name",                 "name12",                         c_name     },
        {"number_of_public_ips", "1",                              c_ips      },
        {"deployment_data",      some->data[0] ? some->data : "x", c_data     },
        {"deployment_hash",      some->hash[0] ? some->hash : "x", c_hash     },
        {"farm_id",              "3",                              c_farm     },
        {"farm_name",            "FARM-a2",                        c_farm_name},
        {"farm_name",            farm_of(&model.nodes[0])->name,   c_farm_name},
        {"node_id",              "7",                              c_node     }
    };
    _Static_assert(sizeof filters / sizeof *filters == CONTRACT_FILTERS, "count them");
    for (size_t k = 0; k < sizeof filters / sizeof *filters; k++) {
        char query[160];
        int code;
        snprintf(query, sizeof query, "size=1000&%s=%s", filters[k].name, filters[k].value);
        json_t *list = ask("/contracts", query, &code);
        EQ(code, 200);
        for (uint32_t i = 0; i < model.contract_count; i++) {
            bool holds = filters[k].holds(&model.contracts[i], filters[k].value);
            if (holds != is_listed(list, "contract_id", i + 1))
                printf("/contracts?%s: contract %u\n", query, i + 1);
            EQ(is_listed(list, "contract_id", i + 1), holds);
            contracts_filtered[k][holds]++;
        }
        json_decref(list);
    }
}

TEST(no_filter_let_all_contracts_in_or_none)
{
    for (size_t k = 0; k < CONTRACT_FILTERS; k++) {
        bool is_run = contracts_filtered[k][0] + contracts_filtered[k][1] > 0;
        if (is_run && (!contracts_filtered[k][0] || !contracts_filtered[k][1])) printf("filter %zu\n", k);
        OK(!is_run || (contracts_filtered[k][0] && contracts_filtered[k][1]));
    }
}

PROPERTY(addresses_are_those_of_farms_and_their_contracts, 4)
{
    static const char *const queries[] = {"size=1000",
                                          "size=1000&free=true",
                                          "size=1000&free=false",
                                          "size=1000&farm_ids=1,2,3",
                                          "size=1000&ip=185.2.0.2/24",
                                          "size=1000&gateway=185.0.0.1"};
    OK(fresh(random));
    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
        int code;
        size_t expected = 0;
        for (uint32_t f = 0; f < model.farm_count; f++)
            for (uint32_t i = 0; i < model.farms[f].ip_count; i++) {
                bool is_free = model.farms[f].ips[i].contract == 0;
                expected += q == 0 || q == 5 || (q == 1 && is_free) || (q == 2 && !is_free) ||
                            (q == 3 && f < 3) || (q == 4 && f == 1 && i == 0);
            }
        json_t *list = ask("/public_ips", queries[q], &code);
        EQ(code, 200);
        EQ(json_array_size(list), expected);
        json_decref(list);
    }
}
TEST_MAIN()
