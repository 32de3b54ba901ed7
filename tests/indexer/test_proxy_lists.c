/* test_proxy_lists.c - every list in every order and in pages, prices for a balance, twins, and what nodes
 * say of themselves. */
#include "grid_model.h"
#include "probe.h"
#include "proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static model_t model;
static store_t *store;
static proxy_t proxy;

#define TWINS 30

static void tell_twins(void)
{
    if (!store_begin(store)) abort();
    store_block_t block = *store_now(store);
    block.number++;
    store_block(store, &block);
    for (uint32_t id = 1; id <= TWINS; id++) {
        char relay[32], key[8];
        snprintf(relay, sizeof relay, "relay%u.example.org", id % 4);
        snprintf(key, sizeof key, "k%03u", id);
        tfgrid_event_t event  = {.kind = TFGRID_EVENT_TWIN_STORED, .twin_stored.id = id};
        tfgrid_twin_t *twin   = &event.twin_stored;
        twin->account_id.b[0] = (uint8_t)id;
        twin->relay.some      = id % 3 != 0;
        twin->relay.value     = bytes_text(relay);
        twin->pk.some         = id % 2 != 0;
        twin->pk.value        = (bytes_t){(const uint8_t *)key, 4};
        apply_tfgrid(store, id, &event);
    }
    if (!store_block_done(store) || !store_commit(store)) abort();
}

static bool fresh(random_t *random)
{
    char error[DB_ERROR_MAX + 1];
    const char *where = getenv("TRELLIS_POSTGRES"); /* postgres://...: the same tests on a server */
    if (store) store_close(store);
    store = store_open(where ? where : ":memory:", true, error);
    if (!store) return false;
    model_make(&model, store, random);
    tell_twins();
    proxy = (proxy_t){.db = store_db(store), .now_s = MODEL_NOW, .version = "test"};
    return true;
}

static json_t *ask(const char *path, const char *query, proxy_result_t *result)
{
    return proxy_answer(&proxy, path, query, result);
}

/* ---- orders ---- */

static double number_at(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_true(value) ? 1 : json_number_value(value);
}

static double resource(const json_t *row, const char *of, const char *unit)
{
    return json_number_value(json_object_get(json_object_get(row, of), unit));
}

static double ips_of(const json_t *farm, bool is_free)
{
    size_t i;
    json_t *ip;
    double count = 0;
    json_array_foreach(json_object_get(farm, "publicIps"), i, ip) count +=
        !is_free || json_integer_value(json_object_get(ip, "contract_id")) == 0;
    return count;
}

/* What a row is sorted by, as text that sorts the same; key is the sort field, or how the row calls it. */
static void sort_text(const json_t *row, const char *sort, const char *key, char text[128])
{
    const json_t *value = json_object_get(row, key);
    const char *unit    = sort + strcspn(sort, "_") + 1;
    double number       = number_at(row, key);
    if (strncmp(sort, "free_", 5) == 0 && json_object_get(row, "total_resources"))
        number = resource(row, "total_resources", unit) - resource(row, "used_resources", unit);
    else if (strncmp(sort, "total_", 6) == 0 && json_object_get(row, "total_resources"))
        number = resource(row, "total_resources", unit);
    else if (strncmp(sort, "used_", 5) == 0 && json_object_get(row, "used_resources"))
        number = resource(row, "used_resources", unit);
    else if (strcmp(sort, "status") == 0)
        number = strcmp(json_string_value(value), "up") == 0        ? 1
                 : strcmp(json_string_value(value), "standby") == 0 ? 2
                                                                    : 3;
    else if (strcmp(sort, "free_ips") == 0)
        number = ips_of(row, true);
    else if (strcmp(sort, "total_ips") == 0 || strcmp(sort, "public_ips") == 0)
        number = ips_of(row, false);
    else if (strcmp(sort, "used_ips") == 0)
        number = ips_of(row, false) - ips_of(row, true);
    else if (json_is_string(value)) {
        snprintf(text, 128, "%s", json_string_value(value));
        return;
    }
    snprintf(text, 128, "%025.3f", number + 1e17);
}

static const struct {
    const char *path, *sort, *key;
} orders[] = {
    {"/nodes",      "node_id",          "nodeId"         },
    {"/nodes",      "farm_id",          "farmId"         },
    {"/nodes",      "farm_name",        "farmName"       },
    {"/nodes",      "twin_id",          "twinId"         },
    {"/nodes",      "country",          "country"        },
    {"/nodes",      "city",             "city"           },
    {"/nodes",      "uptime",           "uptime"         },
    {"/nodes",      "created",          "created"        },
    {"/nodes",      "updated_at",       "updatedAt"      },
    {"/nodes",      "total_cru",        ""               },
    {"/nodes",      "total_mru",        ""               },
    {"/nodes",      "total_sru",        ""               },
    {"/nodes",      "total_hru",        ""               },
    {"/nodes",      "used_cru",         ""               },
    {"/nodes",      "used_mru",         ""               },
    {"/nodes",      "used_sru",         ""               },
    {"/nodes",      "used_hru",         ""               },
    {"/nodes",      "free_cru",         ""               },
    {"/nodes",      "free_mru",         ""               },
    {"/nodes",      "free_sru",         ""               },
    {"/nodes",      "free_hru",         ""               },
    {"/nodes",      "status",           "status"         },
    {"/nodes",      "dedicated_farm",   "inDedicatedFarm"},
    {"/nodes",      "rent_contract_id", "rentContractId" },
    {"/nodes",      "rented",           "rented"         },
    {"/nodes",      "rentable",         "rentable"       },
    {"/nodes",      "num_gpu",          "num_gpu"        },
    {"/nodes",      "extra_fee",        "extraFee"       },
    {"/nodes",      "price_usd",        "price_usd"      },
    {"/farms",      "name",             "name"           },
    {"/farms",      "farm_id",          "farmId"         },
    {"/farms",      "twin_id",          "twinId"         },
    {"/farms",      "free_ips",         ""               },
    {"/farms",      "total_ips",        ""               },
    {"/farms",      "used_ips",         ""               },
    {"/farms",      "public_ips",       ""               },
    {"/farms",      "dedicated",        "dedicated"      },
    {"/contracts",  "contract_id",      "contract_id"    },
    {"/contracts",  "twin_id",          "twin_id"        },
    {"/contracts",  "state",            "state"          },
    {"/contracts",  "created_at",       "created_at"     },
    {"/contracts",  "type",             "type"           },
    {"/twins",      "twin_id",          "twinId"         },
    {"/twins",      "account_id",       "accountId"      },
    {"/twins",      "relay",            "relay"          },
    {"/twins",      "public_key",       "publicKey"      },
    {"/public_ips", "ip",               "ip"             },
    {"/public_ips", "contract_id",      "contract_id"    },
    {"/public_ips", "farm_id",          "farm_id"        },
};

static bool is_in_order(const json_t *list, size_t order, bool is_down)
{
    char before[128], now[128];
    for (size_t i = 0; i < json_array_size(list); i++) {
        sort_text(json_array_get(list, i), orders[order].sort, orders[order].key, now);
        int diff = i == 0 ? 0 : strcmp(before, now);
        if (is_down ? diff < 0 : diff > 0) return false;
        memcpy(before, now, sizeof before);
    }
    return true;
}

/* The pages of a question make up its whole answer, row by row, and each tells how many there are. */
static bool pages_make_it(const char *path, const char *question, const json_t *whole)
{
    size_t total = json_array_size(whole), size = total > 20 ? total / 3 : 2, at = 0;
    bool is_same = true;
    for (unsigned page = 1; is_same && page <= total / size + 2; page++) {
        char query[200], headers[96];
        proxy_result_t result;
        snprintf(query, sizeof query, "%s&ret_count=true&size=%zu&page=%u", question, size, page);
        snprintf(headers, sizeof headers, "count: %zu\r\nsize: %zu\r\npages: %zu\r\n", total, size,
                 (total + size - 1) / size);
        json_t *part = ask(path, query, &result);
        is_same      = result.status == 200 && strcmp(result.headers, headers) == 0;
        for (size_t i = 0; is_same && i < json_array_size(part); i++)
            is_same = json_equal(json_array_get(part, i), json_array_get(whole, at++));
        if (!is_same) printf("%s?%s: %s\n", path, query, result.headers);
        json_decref(part);
    }
    return is_same && at == total;
}

PROPERTY(every_list_comes_in_every_order_and_in_pages, 2)
{
    OK(fresh(random));
    for (size_t order = 0; order < sizeof orders / sizeof *orders; order++)
        for (int is_down = 0; is_down < 2; is_down++) {
            char question[96], query[128];
            proxy_result_t result;
            snprintf(question, sizeof question, "sort_by=%s&sort_order=%s", orders[order].sort,
                     is_down ? "desc" : "asc");
            snprintf(query, sizeof query, "%s&size=1000", question);
            json_t *list = ask(orders[order].path, query, &result);
            EQ(result.status, 200);
            EQ(result.headers[0], 0); /* nobody asked for them */
            OK(json_array_size(list) > 10);
            if (!is_in_order(list, order, is_down)) printf("%s?%s\n", orders[order].path, query);
            OK(is_in_order(list, order, is_down));
            OK(pages_make_it(orders[order].path, question, list));
            json_decref(list);
        }
}

TEST(filters_and_pages_go_together)
{
    static const char *const questions[][2] = {
        {"/nodes",      "status=up&free_mru=1&sort_by=free_cru&sort_order=desc"},
        {"/nodes",      "available_for=1"                                      },
        {"/nodes",      "rentable_or_rented_by=2"                              },
        {"/nodes",      "country_contains=e&has_gpu=false"                     },
        {"/gateways",   "ipv4=true"                                            },
        {"/farms",      "node_status=up,standby"                               },
        {"/farms",      "node_available_for=1&node_certified=false"            },
        {"/contracts",  "state=Created,GracePeriod&type=node"                  },
        {"/contracts",  "twin_id=2"                                            },
        {"/twins",      "relay=relay1.example.org"                             },
        {"/public_ips", "free=true"                                            },
    };
    random_t random = {5};
    OK(fresh(&random));
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        char query[128];
        proxy_result_t result;
        snprintf(query, sizeof query, "%s&size=1000", questions[i][1]);
        json_t *list = ask(questions[i][0], query, &result);
        EQ(result.status, 200);
        if (json_array_size(list) < 2) printf("%s?%s\n", questions[i][0], query);
        OK(json_array_size(list) >= 2);
        OK(pages_make_it(questions[i][0], questions[i][1], list));
        json_decref(list);
    }
}

/* ---- twins ---- */

static size_t twins_by(const char *name, const char *value)
{
    char query[160];
    proxy_result_t result;
    snprintf(query, sizeof query, "size=1000&%s=%s", name, value);
    json_t *list    = ask("/twins", query, &result);
    size_t count    = json_array_size(list), i;
    const char *key = strcmp(name, "account_id") == 0 ? "accountId"
                      : strcmp(name, "relay") == 0    ? "relay"
                                                      : "publicKey";
    json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *text = json_string_value(json_object_get(row, key));
        bool is_it       = strcmp(name, "twin_id") == 0
                               ? json_integer_value(json_object_get(row, "twinId")) == atoll(value)
                               : text && strcmp(text, value) == 0;
        if (!is_it) count = 99999;
    }
    json_decref(list);
    return count;
}

TEST(each_filter_of_twins_filters)
{
    random_t random = {6};
    proxy_result_t result;
    OK(fresh(&random));
    json_t *all = ask("/twins", "size=1000", &result);
    EQ(json_array_size(all), TWINS);
    const json_t *one = json_array_get(all, 4); /* twin 5: it has a relay and a key */
    EQ(twins_by("twin_id", "5"), 1);
    EQ(twins_by("twin_id", "5000"), 0);
    EQ(twins_by("account_id", json_string_value(json_object_get(one, "accountId"))), 1);
    EQ(twins_by("account_id", "5nobody"), 0);
    EQ(twins_by("public_key", json_string_value(json_object_get(one, "publicKey"))), 1);
    EQ(twins_by("public_key", "k999"), 0);
    size_t with_relay = 0;
    for (uint32_t id = 1; id <= TWINS; id++)
        with_relay += id % 3 != 0 && id % 4 == 1;
    EQ(twins_by("relay", "relay1.example.org"), with_relay);
    EQ(twins_by("relay", "elsewhere.example.org"), 0);
    json_decref(all);
}

/* ---- prices ---- */

static double rest_of(double price, double balance)
{
    return balance >= price * 18    ? 0.4
           : balance >= price * 6   ? 0.6
           : balance >= price * 3   ? 0.7
           : balance >= price * 1.5 ? 0.8
                                    : 1;
}

TEST(prices_are_told_and_filtered_with_the_discount_for_a_balance)
{
    static const char *const balances[] = {"0", "30", "120.5", "400", "100000"};
    random_t random                     = {8};
    OK(fresh(&random));
    for (size_t b = 0; b < sizeof balances / sizeof *balances; b++) {
        char query[128];
        proxy_result_t result;
        double balance = strtod(balances[b], NULL), before = 0;
        snprintf(query, sizeof query, "size=1000&sort_by=price_usd&balance=%s", balances[b]);
        json_t *list = ask("/nodes", query, &result);
        EQ(json_array_size(list), model.node_count);
        size_t i, below = 0;
        json_t *row;
        json_array_foreach(list, i, row)
        {
            const model_node_t *n = &model.nodes[json_integer_value(json_object_get(row, "nodeId")) - 1];
            double full           = model.farms[n->farm - 1].pricing <= 1 ? n->price : 0;
            double price = full * rest_of(full, balance), told = number_at(row, "price_usd");
            OK(told > price - 0.001 && told < price + 0.001);
            OK(told >= before - 0.001);
            before = told;
            below += price <= 40;
        }
        json_decref(list);
        snprintf(query, sizeof query, "size=1000&price_max=40&balance=%s", balances[b]);
        list = ask("/nodes", query, &result);
        EQ(json_array_size(list), below);
        json_decref(list);
    }
}

/* ---- stats ---- */

TEST(stats_are_those_of_the_nodes_of_that_status)
{
    static const char *const statuses[] = {"up", "down", "standby", "up,standby"};
    random_t random                     = {9};
    OK(fresh(&random));
    for (size_t k = 0; k < sizeof statuses / sizeof *statuses; k++) {
        char query[64];
        proxy_result_t result;
        json_int_t sums[8] = {0};
        snprintf(query, sizeof query, "size=1000&status=%s", statuses[k]);
        json_t *list = ask("/nodes", query, &result), *countries = json_object(), *row;
        size_t i;
        json_array_foreach(list, i, row)
        {
            static const char *const units[] = {"cru", "sru", "mru", "hru"};
            const json_t *config             = json_object_get(row, "publicConfig");
            const char *country              = json_string_value(json_object_get(row, "country"));
            for (int u = 0; u < 4; u++)
                sums[u] += (json_int_t)resource(row, "total_resources", units[u]);
            bool has_ip = json_string_length(json_object_get(config, "ipv4")) > 0 ||
                          json_string_length(json_object_get(config, "ipv6")) > 0;
            sums[4] += has_ip;
            sums[5] += has_ip && json_string_length(json_object_get(config, "domain")) > 0;
            sums[6] += json_integer_value(json_object_get(row, "num_gpu")) > 0;
            json_object_set_new(countries, country,
                                json_integer(json_integer_value(json_object_get(countries, country)) + 1));
        }
        snprintf(query, sizeof query, "status=%s", statuses[k]);
        json_t *stats                    = ask("/stats", query, &result);
        static const char *const names[] = {"totalCru",    "totalSru", "totalMru", "totalHru",
                                            "accessNodes", "gateways", "gpus"};
        EQ(json_integer_value(json_object_get(stats, "nodes")), json_array_size(list));
        OK(json_array_size(list) > 0 && json_array_size(list) < model.node_count);
        for (int n = 0; n < 7; n++)
            EQ(json_integer_value(json_object_get(stats, names[n])), sums[n]);
        OK(json_equal(json_object_get(stats, "nodesDistribution"), countries));
        EQ(json_integer_value(json_object_get(stats, "countries")), json_object_size(countries));
        EQ(json_integer_value(json_object_get(stats, "twins")), TWINS);
        json_decref(stats);
        json_decref(countries);
        json_decref(list);
    }
}

/* ---- what a node says of itself ---- */

static void say(uint32_t twin_id, uint32_t question, const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!json || !probe_keep(store_db(store), twin_id, question, json)) abort();
    json_decref(json);
}

static uint32_t question(const char *command, const char *payload)
{
    for (uint32_t i = 0; i < PROBE_QUESTIONS; i++)
        if (strcmp(probe_questions[i].command, command) == 0 && strstr(probe_questions[i].payload, payload))
            return i;
    abort();
}

static json_t *node_seven(void)
{
    proxy_result_t result;
    return ask("/nodes/7", "", &result);
}

TEST(what_a_node_says_of_itself_is_shown)
{
    random_t random = {11};
    OK(fresh(&random));
    uint32_t twin = model.nodes[6].twin;
    OK(db_run(store_db(store), "DELETE FROM probe WHERE twin_id = $1", (value_t[]){value_int(twin)}, 1));
    OK(db_run(store_db(store), "INSERT INTO probe(twin_id, updated_at) VALUES($1, 0)",
              (value_t[]){value_int(twin)}, 1));
    json_t *bare = node_seven();
    OK(json_is_false(json_object_get(bare, "healthy")));
    EQ(number_at(json_object_get(bare, "cpu_benchmark"), "threads"), 0);
    say(twin, question("zos.system.node_features_get", ""), "[\"zmachine\",\"zlogs\"]");
    say(twin, question("zos.system.diagnostics", ""), "{\"system_status_ok\":true,\"healthy\":true}");
    say(twin, question("zos.gpu.list", ""),
        "[{\"id\":\"0000:0e:00.0/1002/744c\",\"vendor\":\"AMD\",\"device\":\"Navi 31\",\"contract\":0},"
        "{\"id\":\"0000:0f:00.0/1002/744c\",\"vendor\":\"AMD\",\"device\":\"Navi 31\",\"contract\":9}]");
    say(twin, question("zos.perf.get", "iperf"),
        "{\"name\":\"iperf\",\"result\":[{\"upload_speed\":0,\"download_speed\":0,\"error\":\"busy\"},"
        "{\"upload_speed\":2500000,\"download_speed\":1e9}]}");
    say(twin, question("zos.perf.get", "cpu-benchmark"),
        "{\"name\":\"cpu-benchmark\",\"result\":{\"single\":0.25,\"multi\":0.5,\"threads\":8,\"workloads\":3}"
        "}");
    say(twin, question("zos.system.dmi", ""),
        "{\"sections\":[{\"typestr\":\"BIOS\",\"subsections\":[{\"title\":\"BIOS "
        "Information\",\"properties\":{"
        "\"Vendor\":{\"value\":\"SeaBIOS\"},\"Version\":{\"value\":\"1.16\"}}}]},{\"typestr\":\"Processor\","
        "\"subsections\":[{\"title\":\"Processor "
        "Information\",\"properties\":{\"Version\":{\"value\":\"EPYC\"},"
        "\"Thread Count\":{\"value\":\"16\"}}}]},{\"typestr\":\"MemoryDevice\",\"subsections\":[{\"title\":"
        "\"Memory Device\",\"properties\":{\"Type\":{\"value\":\"Unknown\"}}},{\"title\":\"Memory Device\","
        "\"properties\":{\"Type\":{\"value\":\"DDR4\"},\"Manufacturer\":{\"value\":\"Micron\"}}}]}]}");
    json_t *node     = node_seven();
    json_t *expected = json_loads(
        "{\"bios\":{\"vendor\":\"SeaBIOS\",\"version\":\"1.16\"},\"baseboard\":{\"manufacturer\":\"\","
        "\"product_name\":\"\"},\"processor\":[{\"version\":\"EPYC\",\"thread_count\":\"16\"}],"
        "\"memory\":[{\"manufacturer\":\"Micron\",\"type\":\"DDR4\"}]}",
        0, NULL);
    OK(json_equal(json_object_get(node, "dmi"), expected));
    OK(json_is_true(json_object_get(node, "healthy")));
    EQ(json_array_size(json_object_get(node, "features")), 2);
    EQ(json_array_size(json_object_get(node, "gpus")), 2);
    EQ(number_at(json_object_get(node, "speed"), "upload"), 2500000);
    EQ(number_at(json_object_get(node, "speed"), "download"), 1000000000);
    EQ(number_at(json_object_get(node, "cpu_benchmark"), "threads"), 8);
    say(twin, question("zos.system.diagnostics", ""), "{\"system_status_ok\":true,\"healthy\":false}");
    json_t *ill = node_seven();
    OK(json_is_false(json_object_get(ill, "healthy")));
    json_decref(ill);
    json_decref(bare);
    json_decref(node);
    json_decref(expected);
}

/* Answers of another form, and hostile ones, change nothing. */
TEST(what_no_node_of_zos_would_say_changes_nothing)
{
    static const char *const answers[] = {"null",
                                          "3",
                                          "\"x\"",
                                          "[[[]]]",
                                          "{\"result\":3,\"sections\":{},\"users\":[],\"healthy\":0}",
                                          "[\"a,b'); DROP TABLE probe\"]",
                                          "{\"result\":[{\"download_speed\":-1},{\"download_speed\":1e300}]}",
                                          ("{\"sections\":[3,{\"subsections\":7},{\"typestr\":\"BIOS\","
                                           "\"subsections\":[{\"title\":\"BIOS Information\"}]}]}")};
    random_t random                    = {12};
    OK(fresh(&random));
    uint32_t twin = model.nodes[6].twin;
    OK(db_run(store_db(store), "DELETE FROM probe WHERE twin_id = $1", (value_t[]){value_int(twin)}, 1));
    OK(db_run(store_db(store), "INSERT INTO probe(twin_id, num_gpu, healthy) VALUES($1, 0, 0)",
              (value_t[]){value_int(twin)}, 1));
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        for (uint32_t q = 0; q <= PROBE_QUESTIONS; q++)
            say(twin, q, answers[i]);
    json_t *node = node_seven();
    OK(json_is_false(json_object_get(node, "healthy")));
    EQ(json_array_size(json_object_get(node, "features")), 0);
    EQ(number_at(json_object_get(node, "speed"), "download"), 0);
    json_decref(node);
}
TEST_MAIN()
