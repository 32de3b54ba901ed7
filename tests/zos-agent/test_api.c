/* Every command of the bus, as users ask it: what is answered, to whom, and what is refused with which text.
 *
 * The bus and the chain are not here: requests are handed to the api as the peer would, replies are caught,
 * and what the chain is asked of a contract is answered by the test.  The rest is the agent's own. */
#include "api_internal.h"
#include "chain_internal.h"
#include "perf.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#define GIB    (UINT64_C(1) << 30)
#define USER   7
#define PAL    8
#define FARMER 9
#define HELPER 11

static char folder[64];
static agent_t agent;
static config_t config;
static chain_side_t chain;
static io_t *io;
static keypair_t keys[2];
static rmb_twin_t twins[2];

/* ---- the bus ---- */

static json_t *answer; /* of the last request; NULL when it was refused */
static char refusal[600];
static unsigned replies;

void __wrap_peer_reply(peer_t *peer, const peer_return_t *to, bytes_t json);
void __wrap_peer_reply_error(peer_t *peer, const peer_return_t *to, uint32_t code, const char *message);
bool __wrap_peer_is_connected(const peer_t *peer);
chain_check_t *__wrap_chain_side_check(chain_side_t *side, const chain_expected_t *wanted,
                                       chain_check_fn done, void *context);
bool __wrap_client_is_connected(const client_t *client);
const char *__wrap_client_url(const client_t *client, uint32_t index);

void __wrap_peer_reply(peer_t *peer, const peer_return_t *to, bytes_t json)
{
    (void)peer;
    (void)to;
    replies++;
    json_decref(answer);
    answer     = json_loadb((const char *)json.data, json.len, JSON_DECODE_ANY, NULL);
    refusal[0] = 0;
}

void __wrap_peer_reply_error(peer_t *peer, const peer_return_t *to, uint32_t code, const char *message)
{
    (void)peer;
    (void)to;
    replies++;
    json_decref(answer);
    answer = NULL;
    snprintf(refusal, sizeof refusal, "%s%s", code == 0 ? "" : "code is not 0: ", message);
}

bool __wrap_peer_is_connected(const peer_t *peer)
{
    (void)peer;
    return true;
}

bool __wrap_client_is_connected(const client_t *client)
{
    (void)client;
    return true;
}

const char *__wrap_client_url(const client_t *client, uint32_t index)
{
    (void)client;
    return index == 0 ? "ws://127.0.0.1:9944" : NULL;
}

/* ---- the chain ---- */

static chain_check_fn check_done;
static void *check_context;
static chain_expected_t check_wanted;

chain_check_t *__wrap_chain_side_check(chain_side_t *side, const chain_expected_t *wanted,
                                       chain_check_fn done, void *context)
{
    static int one;
    (void)side;
    check_wanted  = *wanted;
    check_done    = done;
    check_context = context;
    return (chain_check_t *)(void *)&one;
}

/* ---- asking ---- */

static void ask(uint32_t twin, const char *command, const char *payload)
{
    peer_incoming_t request = {.from       = {.twin = twin},
                               .command    = command,
                               .payload    = bytes_text(payload),
                               .deadline_s = (uint64_t)agent_now_s(&agent) + 20};
    check_done              = NULL;
    replies                 = 0;
    snprintf(refusal, sizeof refusal, "no answer");
    api_answer(agent.api, NULL, &request);
    if (!check_done) return;
    chain_check_fn done = check_done;
    check_done          = NULL;
    done(check_context, CHAIN_CHECK_OK, "");
}

static bool refused(const char *text) { return !answer && strcmp(refusal, text) == 0; }

static void open_agent(void)
{
    char error[256];
    static twin_table_t table = {twins, 2};
    static twin_source_t source;
    source = twin_table_source(&table);
    agent  = (agent_t){
         .io = io, .config = &config, .db = db_open(folder, false, error), .node_id = 3, .twin_id = 20};
    engine_config_t settings = {
        .db        = agent.db,
        .state_dir = folder,
        .pool_dir  = folder,
        .total     = {.cru = 4, .mru = 8 * GIB, .sru = 100 * GIB, .hru = 50 * GIB}
    };
    snprintf(agent.host.prefix, sizeof agent.host.prefix, "oa");
    snprintf(agent.host.run_dir, sizeof agent.host.run_dir, "%s", folder);
    agent.engine      = engine_new(&settings);
    agent.twins       = twin_cache_new(&source, 16);
    agent.chain       = &chain;
    agent.api         = api_new(&agent);
    agent.is_stopping = true; /* no worker: what is wanted is not carried out */
    chain.config.db   = agent.db;
    chain.node.said   = (chain_node_t){.is_known = true, .farmer_twin = FARMER};
}

static void close_agent(void)
{
    api_free(agent.api);
    twin_cache_free(agent.twins);
    engine_free(agent.engine);
    db_close(agent.db);
    json_decref(answer);
    answer = NULL;
}

/* Is there a value of this type at a path of keys? */
static bool has(const char *path, json_type type)
{
    const json_t *at = answer;
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *save, *key = strtok_r(copy, "/", &save); key; key = strtok_r(NULL, "/", &save))
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
    bool is_right = at && (json_typeof(at) == type || (type == JSON_TRUE && json_is_boolean(at)));
    if (!is_right) printf("not there: %s\n", path);
    return is_right;
}

/* ---- deployments ---- */

static json_t *disk(json_int_t size, int version)
{
    return json_pack("{s:i,s:s,s:s,s:{s:I}}", "version", version, "name", "data", "type", "zmount", "data",
                     "size", size);
}

/* A deployment of USER, to be signed by him and perhaps by PAL, as text; the caller's to free(). */
static char *signed_text(int version, uint64_t contract, json_t *workloads, bool is_pal_asked,
                         bool is_pal_signing)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    uint8_t hash[16];
    json_t *requests = json_pack("[{s:i,s:b,s:i}]", "twin_id", USER, "required", 1, "weight", 1);
    if (is_pal_asked)
        json_array_append_new(requests,
                              json_pack("{s:i,s:b,s:i}", "twin_id", PAL, "required", 0, "weight", 1));
    json_t *root =
        json_pack("{s:i,s:i,s:I,s:s,s:s,s:i,s:o,s:{s:o,s:i,s:[],s:s}}", "version", version, "twin_id", USER,
                  "contract_id", (json_int_t)contract, "metadata", "", "description", "", "expiration", 0,
                  "workloads", workloads, "signature_requirement", "requests", requests, "weight_required",
                  is_pal_asked ? 2 : 1, "signatures", "signature_style", "");
    deployment_t *d = deployment_from_json(root, error);
    if (!d || !deployment_hash(d, DEPLOYMENT_FORM_GO, hash)) exit(1);
    deployment_free(d);
    if (!deployment_json_sign(root, hash, USER, &keys[0])) exit(1);
    if (is_pal_signing && !deployment_json_sign(root, hash, PAL, &keys[1])) exit(1);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

static void send(uint32_t twin, const char *command, char *text)
{
    ask(twin, command, text);
    free(text);
}

#define ONE(version, size) json_pack("[o]", disk((json_int_t)(size), version))

TEST(a_deployment_is_taken_from_its_own_twin_signed_by_all_who_must)
{
    char text[160];
    open_agent();
    send(USER, "zos.deployment.deploy", signed_text(0, 41, ONE(0, GIB), false, false));
    OK(json_is_null(answer) && replies == 1);
    EQ(check_wanted.contract_id, 41);
    EQ(check_wanted.twin_id, USER);
    EQ(check_wanted.hash_count, DEPLOYMENT_FORM_COUNT);
    send(PAL, "zos.deployment.deploy", signed_text(0, 42, ONE(0, GIB), false, false));
    snprintf(text, sizeof text, "twin id mismatch (deployment: %d, message: %d)", USER, PAL);
    OK(refused(text));
    send(USER, "zos.deployment.deploy", signed_text(0, 42, ONE(0, GIB), true, false));
    OK(refused("failed to verify signature"));
    send(USER, "zos.deployment.deploy", signed_text(0, 42, ONE(0, GIB), true, true));
    OK(json_is_null(answer));
    send(USER, "zos.deployment.deploy", signed_text(0, 41, ONE(0, GIB), false, false));
    OK(refused("there is a deployment of this contract already: update it"));
    send(USER, "zos.deployment.deploy", signed_text(1, 43, ONE(1, GIB), false, false));
    OK(refused("expected version to be 0 on deployment creation: invalid version"));
    ask(USER, "zos.deployment.deploy", "{");
    OK(!answer && refusal[0]);
    ask(USER, "zos.deployment.deploy", "");
    OK(!answer && refusal[0]);
    char *changed = signed_text(0, 44, ONE(0, GIB), false, false), *at = strstr(changed, "1073741824");
    at[0] = '2'; /* another size than what was signed */
    send(USER, "zos.deployment.deploy", changed);
    OK(refused("failed to verify signature"));
    close_agent();
}

TEST(an_update_carries_the_next_version_and_changes_what_carries_it)
{
    open_agent(); /* 41 and 42 are there from before: over a restart, too */
    send(USER, "zos.deployment.update", signed_text(2, 41, ONE(2, 2 * GIB), false, false));
    OK(refused("expecting deployment version 1, got 2"));
    send(USER, "zos.deployment.update", signed_text(1, 41, ONE(0, 2 * GIB), false, false));
    OK(refused("invalid version number for workload 'data' expected '1'"));
    send(USER, "zos.deployment.update", signed_text(1, 41, ONE(2, 2 * GIB), false, false));
    OK(!answer && strstr(refusal, "version"));
    send(USER, "zos.deployment.update", signed_text(1, 41, ONE(1, GIB / 2), false, false));
    OK(refused("workload 'data': a disk cannot shrink"));
    send(USER, "zos.deployment.update",
         signed_text(1, 41,
                     json_pack("[{s:i,s:s,s:s,s:{s:I}}]", "version", 1, "name", "data", "type", "volume",
                               "data", "size", (json_int_t)GIB),
                     false, false));
    OK(refused("cannot change workload type 'data'"));
    send(USER, "zos.deployment.update",
         signed_text(1, 41,
                     json_pack("[o,{s:i,s:s,s:s,s:{s:I}}]", disk((json_int_t)GIB, 0), "version", 0, "name",
                               "more", "type", "zmount", "data", "size", (json_int_t)GIB),
                     false, false));
    OK(refused("invalid version number for workload 'more' expected '1'"));
    send(USER, "zos.deployment.update", signed_text(1, 99, ONE(1, GIB), false, false));
    OK(refused("deployment not found"));
    send(USER, "zos.deployment.update", signed_text(1, 42, ONE(1, 2 * GIB), true, false));
    OK(refused("failed to verify signature"));
    send(USER, "zos.deployment.update", signed_text(1, 41, ONE(1, 2 * GIB), false, false));
    OK(json_is_null(answer));
    send(USER, "zos.deployment.update",
         signed_text(1, 41, ONE(1, 2 * GIB), false, false)); /* the same once more */
    OK(refused("expecting deployment version 2, got 1"));
    ask(USER, "zos.deployment.delete", "{\"contract_id\":41}");
    OK(refused("deletion over the api is disabled, please cancel your contract instead"));
    close_agent();
}

static json_t *network(const char *subnet, int version, bool has_peer)
{
    json_t *json = json_pack("{s:i,s:s,s:s,s:{s:s,s:s,s:s,s:i,s:[]}}", "version", version, "name", "net",
                             "type", "network", "data", "ip_range", "10.20.0.0/16", "subnet", subnet,
                             "wireguard_private_key", "", "wireguard_listen_port", 0, "peers");
    if (has_peer)
        json_array_append_new(json_object_get(json_object_get(json, "data"), "peers"),
                              json_pack("{s:s,s:s,s:[s],s:s}", "subnet", "10.20.9.0/24",
                                        "wireguard_public_key",
                                        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "allowed_ips",
                                        "10.20.9.0/24", "endpoint", ""));
    return json;
}

static json_t *machine(const char *name, int cores, int version)
{
    return json_pack("{s:i,s:s,s:s,s:{s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:I}}}", "version", version, "name", name,
                     "type", "zmachine-light", "data", "flist", "oci:web", "network", "interfaces", "network",
                     "net", "ip", "10.20.2.2", "compute_capacity", "cpu", cores, "memory",
                     (json_int_t)268435456);
}

/* Networks and disks change in place; a machine goes and comes under another name. */
TEST(what_may_change_changes_and_what_may_not_says_how_it_could)
{
    open_agent();
    send(USER, "zos.deployment.deploy",
         signed_text(0, 50, json_pack("[o,o]", network("10.20.2.0/24", 0, false), machine("vm", 1, 0)), false,
                     false));
    OK(json_is_null(answer));
    send(USER, "zos.deployment.update",
         signed_text(1, 50, json_pack("[o,o]", network("10.20.3.0/24", 1, false), machine("vm", 1, 0)), false,
                     false));
    OK(refused("workload 'net': a network's subnet cannot change"));
    send(USER, "zos.deployment.update",
         signed_text(1, 50, json_pack("[o,o]", network("10.20.2.0/24", 0, false), machine("vm", 2, 1)), false,
                     false));
    OK(refused("workload 'vm': a zmachine-light cannot be changed; remove it and add it under another name"));
    send(USER, "zos.deployment.update",
         signed_text(1, 50, json_pack("[o,o]", network("10.20.2.0/24", 1, true), machine("vm", 1, 0)), false,
                     false));
    OK(json_is_null(answer));
    send(USER, "zos.deployment.update",
         signed_text(2, 50, json_pack("[o,o]", network("10.20.2.0/24", 1, true), machine("vm2", 2, 2)), false,
                     false));
    OK(json_is_null(answer)); /* vm is removed, vm2 is added */
    send(USER, "zos.deployment.update",
         signed_text(3, 50, json_pack("[o,o]", network("10.20.2.0/24", 1, true), machine("vm", 1, 3)), false,
                     false));
    OK(refused("workload 'vm' is still being removed")); /* nobody works here */
    ask(USER, "zos.network.list_private_ips", "{\"network_name\":\"net\"}");
    EQ(json_array_size(answer), 1); /* of vm2 */
    ask(PAL, "zos.network.list_private_ips", "{\"network_name\":\"net\"}");
    EQ(json_array_size(answer), 0);
    send(USER, "zos.deployment.deploy",
         signed_text(0, 51, json_pack("[o]", network("10.20.4.0/24", 0, false)), false, false));
    OK(refused("workload 'net': a network of this name is there already, of contract 50"));
    engine_desire(agent.engine, 50, DESIRED_DELETED, "over", "", 5);
    close_agent();
}

TEST(deployments_are_given_back_to_their_twin_alone)
{
    open_agent();
    ask(USER, "zos.deployment.get", "{\"contract_id\":41}");
    OK(has("version", JSON_INTEGER) && has("signature_requirement/signatures/0/signature", JSON_STRING));
    OK(has("workloads/0/result/created", JSON_INTEGER) && has("workloads/0/result/state", JSON_STRING) &&
       has("workloads/0/result/message", JSON_STRING) && has("workloads/0/result/data", JSON_OBJECT));
    EQ(json_integer_value(json_object_get(answer, "version")), 1);
    ask(PAL, "zos.deployment.get", "{\"contract_id\":41}");
    OK(refused("deployment not found"));
    ask(USER, "zos.deployment.get", "{\"contract_id\":77}");
    OK(refused("deployment not found"));
    ask(USER, "zos.deployment.get", "{\"contract_id\":\"41\"}");
    OK(refused("the payload must be {\"contract_id\":number}"));
    ask(USER, "zos.deployment.list", "");
    EQ(json_array_size(answer), 3);
    ask(PAL, "zos.deployment.list", "");
    OK(json_is_array(answer) && json_array_size(answer) == 0);
    ask(USER, "zos.deployment.changes", "{\"contract_id\":41}");
    OK(json_is_array(answer));
    ask(PAL, "zos.deployment.changes", "{\"contract_id\":41}");
    OK(refused("deployment not found"));
    close_agent();
}

/* ---- the node ---- */

TEST(what_the_node_says_of_itself_has_the_fields_of_zos)
{
    static const struct {
        const char *command, *payload, *path;
        json_type type;
    } cases[] = {
        {"zos.system.version",           "",                           "zos",                                      JSON_STRING },
        {"zos.system.version",           "",                           "zinit",                                    JSON_STRING },
        {"zos.system.hypervisor",        "",                           "",                                         JSON_STRING },
        {"zos.system.diagnostics",       "",                           "system_status_ok",                         JSON_TRUE   },
        {"zos.system.diagnostics",       "",                           "healthy",                                  JSON_TRUE   },
        {"zos.system.diagnostics",       "",                           "modules/provision/status/workers/0/state", JSON_STRING },
        {"zos.system.node_features_get", "",                           "0",                                        JSON_STRING },
        {"zos.statistics.get",           "",                           "total/cru",                                JSON_INTEGER},
        {"zos.statistics.get",           "",                           "used/mru",                                 JSON_INTEGER},
        {"zos.statistics.get",           "",                           "system/ipv4u",                             JSON_INTEGER},
        {"zos.statistics.get",           "",                           "users/deployments",                        JSON_INTEGER},
        {"zos.statistics.get",           "",                           "users/workloads",                          JSON_INTEGER},
        {"zos.statistics.get",           "",                           "users/last_deployment_timestamp",          JSON_INTEGER},
        {"zos.statistics.get",           "",                           "open_connections",                         JSON_INTEGER},
        {"zos.storage.pools",            "",                           "0/name",                                   JSON_STRING },
        {"zos.storage.pools",            "",                           "0/type",                                   JSON_STRING },
        {"zos.storage.pools",            "",                           "0/size",                                   JSON_INTEGER},
        {"zos.storage.pools",            "",                           "1/used",                                   JSON_INTEGER},
        {"zos.gpu.list",                 "",                           "",                                         JSON_ARRAY  },
        {"zos.perf.get_all",             "",                           "",                                         JSON_ARRAY  },
        {"zos.network.list_wg_ports",    "",                           "",                                         JSON_ARRAY  },
        {"zos.network.interfaces",       "",                           "zos",                                      JSON_ARRAY  },
        {"zos.network.interfaces",       "",                           "ygg",                                      JSON_ARRAY  },
        {"zos.network.has_ipv6",         "",                           "",                                         JSON_TRUE   },
        {"zos.network.list_public_ips",  "",                           "",                                         JSON_ARRAY  },
        {"zos.network.list_private_ips", "{\"network_name\":\"net\"}", "",                                         JSON_ARRAY  },
        {"zos.location.get",             "",                           "longitude",                                JSON_REAL   },
        {"zos.location.get",             "",                           "country_code",                             JSON_STRING },
        {"zos.location.get",             "",                           "city_name",                                JSON_STRING },
    };
    open_agent();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(USER, cases[i].command, cases[i].payload);
        bool is_right = answer && has(cases[i].path, cases[i].type);
        if (!is_right) printf("%s: %s\n", cases[i].command, refusal);
        OK(is_right);
    }
    ask(USER, "zos.network.public_config_get", "");
    OK(refused("no public config found"));
    ask(USER, "zos.network.list_private_ips", "{}");
    OK(!answer && refusal[0]);
    ask(USER, "zos.nothing", "");
    OK(refused("function is not found"));
    ask(USER, "zos.system", "");
    OK(refused("function is not found"));
    close_agent();
}

/* Statistics, pools and what is admitted say the same. */
TEST(where_the_node_is_is_what_its_operator_said)
{
    open_agent();
    config.continent    = strdup("Europe");
    config.country_code = strdup("BE");
    ask(USER, "zos.location.get", "");
    OK(answer && strcmp(json_string_value(json_object_get(answer, "continent")), "Europe") == 0);
    OK(strcmp(json_string_value(json_object_get(answer, "country_code")), "BE") == 0);
    free(config.continent);
    free(config.country_code);
    config.continent = config.country_code = NULL;
    close_agent();
}

TEST(statistics_are_what_is_admitted)
{
    open_agent();
    ask(USER, "zos.statistics.get", "");
    json_t *total = json_object_get(answer, "total"), *system = json_object_get(answer, "system");
    EQ(json_integer_value(json_object_get(total, "sru")), 100 * GIB);
    EQ(json_integer_value(json_object_get(system, "mru")), 2 * GIB);
    ask(USER, "zos.storage.pools", "");
    EQ(json_array_size(answer), 2);
    EQ(json_integer_value(json_object_get(json_array_get(answer, 0), "size")), 100 * GIB);
    EQ(json_integer_value(json_object_get(json_array_get(answer, 1), "size")), 50 * GIB);
    close_agent();
}

TEST(the_firmware_is_asked_where_there_is_one)
{
    open_agent();
    ask(USER, "zos.system.dmi", "");
    OK(answer ? has("tooling/aggregator", JSON_STRING) && has("sections", JSON_ARRAY)
              : refused("this machine has no DMI tables"));
    close_agent();
}

TEST(results_of_tasks_are_given_by_name_in_any_case)
{
    open_agent();
    ask(USER, "zos.perf.get", "{\"name\":\"cpu-benchmark\"}");
    OK(refused("result not found"));
    ask(USER, "zos.perf.get", "[]");
    OK(!answer && strstr(refusal, "payload"));
    db_do(agent.db,
          "INSERT INTO perf VALUES('cpu-benchmark', 'd', 5, '{\"single\":1.5,\"multi\":0.5,\"threads\":4,"
          "\"workloads\":2}')",
          "");
    ask(USER, "zos.perf.get", "{\"Name\":\"CPU-Benchmark\"}");
    OK(has("name", JSON_STRING) && has("description", JSON_STRING) && has("timestamp", JSON_INTEGER) &&
       has("result/single", JSON_REAL) && has("result/threads", JSON_INTEGER));
    ask(USER, "zos.perf.get_all", "");
    EQ(json_array_size(answer), 1);
    ask(USER, "zos.perf.get", "{\"name\":\"iperf\"}"); /* no peers: it never ran */
    OK(refused("result not found"));
    close_agent();
}

/* ---- who may ask ---- */

TEST(the_farmer_alone_sees_and_sets_interfaces)
{
    static const char *const commands[] = {"zos.admin.interfaces",
                                           "zos.admin.get_public_nic",
                                           "zos.admin.set_public_nic",
                                           "zos.network.admin.interfaces",
                                           "zos.network.admin.get_public_nic",
                                           "zos.network.admin.set_public_nic",
                                           "zos.network.public_config_set"};
    open_agent();
    config.admin_twins = strdup("11,12");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        ask(USER, commands[i], "\"eth0\"");
        OK(refused("unauthorized"));
        ask(HELPER, commands[i], "\"eth0\"");
        OK(refused("unauthorized"));
    }
    ask(FARMER, "zos.admin.interfaces", "");
    OK(json_is_object(answer) && !json_object_get(answer, "lo"));
    ask(FARMER, "zos.admin.get_public_nic", "");
    OK(has("is_single", JSON_TRUE) && has("is_dual", JSON_TRUE) && has("dual_interface", JSON_STRING));
    ask(FARMER, "zos.network.admin.interfaces", "");
    OK(json_is_object(answer));
    ask(FARMER, "zos.network.public_config_set", "{}");
    OK(!answer && strstr(refusal, "on the chain"));
    ask(FARMER, "zos.admin.set_public_nic", "\"none0\"");
    OK(refused("there is no such interface on this node"));
    ask(FARMER, "zos.admin.set_public_nic", "{\"a\":1}");
    OK(refused("failed to decode input, expecting string"));
    ask(FARMER, "zos.admin.set_public_nic", "\"lo\"");
    OK(json_is_null(answer));
    char noted[16];
    db_noted(agent.db, AGENT_NOTE_NIC, noted, sizeof noted);
    OK(strcmp(noted, "lo") == 0);
    ask(FARMER, "zos.admin.reboot", "");
    OK(refused("function is not found"));
    chain.node.said.is_known = false; /* before the chain was read nobody is the farmer */
    ask(FARMER, "zos.admin.interfaces", "");
    OK(refused("unauthorized"));
    close_agent();
}

TEST(the_farmer_and_his_helpers_see_deployments)
{
    static const char *const commands[] = {"zos.debug.deployment.list", "zos.debug.deployment.get",
                                           "zos.debug.deployment.history", "zos.debug.deployment.info",
                                           "zos.debug.deployment.health"};
    open_agent();
    for (size_t i = 0; i < 5; i++) {
        ask(USER, commands[i], "{\"deployment\":\"7:41\"}");
        OK(refused("unauthorized"));
        ask(1, commands[i], "{\"deployment\":\"7:41\"}");
        OK(refused("unauthorized"));
    }
    ask(FARMER, "zos.debug.deployment.list", "");
    OK(has("deployments/0/twin_id", JSON_INTEGER) && has("deployments/1/contract_id", JSON_INTEGER) &&
       has("deployments/0/workloads/0/state", JSON_STRING));
    ask(HELPER, "zos.debug.deployment.list", "{\"twin_id\":8}");
    EQ(json_array_size(json_object_get(answer, "deployments")), 0);
    ask(HELPER, "zos.debug.deployment.get", "{\"deployment\":\"7:41\"}");
    OK(has("deployment/workloads/0/name", JSON_STRING));
    ask(HELPER, "zos.debug.deployment.get", "{\"deployment\":\"8:41\"}");
    OK(refused("deployment not found"));
    ask(HELPER, "zos.debug.deployment.get", "{}");
    OK(refused("deployment identifier is required"));
    ask(HELPER, "zos.debug.deployment.get", "{\"deployment\":\"7-41\"}");
    OK(refused("invalid deployment format: expected 'twin-id:contract-id', got '7-41'"));
    engine_desire(agent.engine, 41, DESIRED_PAUSED, "grace period", "", 5);
    ask(HELPER, "zos.debug.deployment.history", "{\"deployment\":\"7:41\"}");
    OK(has("deployment", JSON_STRING) && has("history", JSON_ARRAY));
    ask(HELPER, "zos.debug.deployment.info", "{\"deployment\":\"7:41\"}");
    OK(refused("workload name is required"));
    ask(HELPER, "zos.debug.deployment.info", "{\"deployment\":\"7:41\",\"workload\":\"data\"}");
    OK(refused("workload type 'zmount' not supported for info command"));
    ask(HELPER, "zos.debug.deployment.info", "{\"deployment\":\"7:41\",\"workload\":\"other\"}");
    OK(refused("workload 'other' not found in deployment"));
    ask(HELPER, "zos.debug.deployment.health", "{\"deployment\":\"7:41\"}");
    OK(has("twin_id", JSON_INTEGER) && has("workloads", JSON_ARRAY));
    ask(HELPER, "zos.debug.deployment.health", "{\"options\":{\"system_probe\":\"id\"}}");
    OK(!answer && strstr(refusal, "system_probe is not offered"));
    close_agent();
}

TEST(who_asks_too_often_waits)
{
    unsigned taken = 0;
    open_agent();
    for (unsigned i = 0; i < LIMIT_BURST + 50; i++) {
        ask(USER, "zos.system.version", "");
        taken += answer != NULL;
    }
    OK(taken >= LIMIT_BURST && taken <= LIMIT_BURST + 10);
    OK(refused("too many requests: wait a minute"));
    ask(PAL, "zos.system.version", "");
    OK(answer);
    close_agent();
}

/* ---- tasks ---- */

static const chain_node_t *known_node(void *context)
{
    (void)context;
    return &chain.node.said;
}

static bool has_result(const char *name)
{
    json_t *result = perf_get(agent.db, name);
    bool has       = result != NULL;
    json_decref(result);
    return has;
}

/* The pool measures, the database keeps, another agent does not measure again before its time. */
TEST(tasks_run_in_their_time_and_once)
{
    open_agent();
    db_do(agent.db, "DELETE FROM perf", "");
    perf_config_t settings = {.io        = io,
                              .db        = agent.db,
                              .state_dir = folder,
                              .urls      = {"relay=tcp://127.0.0.1:1"},
                              .url_count = 1,
                              .node      = known_node,
                              .look_ms   = 20};
    OK(perf_is_healthy(agent.db));
    perf_t *perf = perf_new(&settings);
    for (int i = 0; i < 500 && !has_result("cpu-benchmark"); i++)
        io_step(io, 20);
    perf_free(perf);
    OK(has_result("cpu-benchmark") && has_result("HealthCheck") && has_result("public-ip-validation"));
    OK(!perf_is_healthy(agent.db)); /* nothing listens there */
    db_do(agent.db, "UPDATE perf SET result = 'null'", "");
    perf = perf_new(&settings);
    for (int i = 0; i < 10; i++)
        io_step(io, 20);
    perf_free(perf);
    json_t *all = perf_all(agent.db);
    EQ(json_array_size(all), 4);
    for (size_t i = 0; i < 4; i++)
        OK(json_is_null(json_object_get(json_array_get(all, i), "result")));
    json_decref(all);
    close_agent();
}

/* ---- KYC ---- */

static unsigned kyc_asked;
static const char *kyc_status;

static void kyc_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    char text[64];
    (void)self;
    (void)body;
    kyc_asked += strcmp(head->path, "/api/v1/status") == 0 && strcmp(head->query, "twin_id=7") == 0;
    snprintf(text, sizeof text, "{\"result\":{\"status\":\"%s\"}}", kyc_status);
    web_answer(request, kyc_status[0] ? 200 : 404, "application/json", NULL, bytes_text(text));
}

/* A disk of USER, deployed while the service says this of him. */
static void deploy_as(uint64_t contract, const char *status)
{
    kyc_status = status;
    send(USER, "zos.deployment.deploy", signed_text(0, contract, ONE(0, GIB), false, false));
    for (int i = 0; i < 300 && replies == 0 && !check_done; i++)
        io_step(io, 20);
    if (check_done) check_done(check_context, CHAIN_CHECK_OK, "");
    check_done = NULL;
}

TEST(only_who_is_verified_deploys_where_the_operator_asks_for_it)
{
    char url[64];
    const char *error;
    web_listen_t at       = {.address = "127.0.0.1"};
    web_handler_t handler = {.on_request = kyc_request};
    web_server_t *server  = web_listen(io, &at, &handler, &error);
    OK(server);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", web_server_port(server));
    config.kyc_url = url;
    open_agent();
    deploy_as(60, "VERIFIED");
    OK(json_is_null(answer) && kyc_asked == 1);
    deploy_as(61, "PENDING");
    OK(refused("user with twin id 7 is not verified") && kyc_asked == 2);
    deploy_as(61, "");
    OK(refused("failed to get twin verification status"));
    send(PAL, "zos.deployment.deploy", signed_text(0, 62, ONE(0, GIB), false, false));
    OK(!answer && kyc_asked == 3); /* what is wrong by itself is not asked for */
    ask(USER, "zos.deployment.get", "{\"contract_id\":61}");
    OK(refused("deployment not found"));
    web_server_free(server);
    deploy_as(61, "VERIFIED");
    OK(refused("failed to get twin verification status")); /* it is away */
    kyc_status = "VERIFIED";
    send(USER, "zos.deployment.deploy", signed_text(0, 63, ONE(0, GIB), false, false));
    engine_desire(agent.engine, 60, DESIRED_DELETED, "over", "", 5);
    close_agent(); /* while it is asked */
    config.kyc_url = NULL;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"//Alice", "//Bob"};
    snprintf(folder, sizeof folder, "/tmp/zt-api-%d", getpid());
    folder_remove(folder);
    if (!crypto_init() || !folder_make(folder, 0700) || !(io = io_new())) return 1;
    for (uint32_t i = 0; i < 2; i++) {
        if (key_from_suri(names[i], KEY_SR25519, &keys[i]) != KEY_OK) return 1;
        twins[i] = (rmb_twin_t){.id = i ? PAL : USER, .account = keys[i].account};
    }
    config.latitude  = strdup("51.05");
    config.longitude = strdup("3.71");
    config.city      = strdup("Ghent");
    config.country   = strdup("Belgium");
    config.capacity  = (capacity_t){4, 8 * GIB, 100 * GIB, 50 * GIB, 0};
    int code         = test_main_(argc, argv);
    folder_remove(folder);
    config_fini(&config);
    io_free(io);
    return code;
}
