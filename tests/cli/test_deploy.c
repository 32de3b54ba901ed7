/* test_deploy.c - `trellis deploy` against a real chain and a real relay; the test plays the node.
 *
 * It answers zos.deployment.* as an agent does, after checking what was sent as one must: the contract on the
 * chain, its hash, and the signature. */
#include "client.h"
#include "deployment.h"
#include "io.h"
#include "log.h"
#include "own_grid.h"
#include "peer.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

static io_t *io;
static client_t *client;
static twin_chain_t *chain;
static twin_cache_t *twins;
static peer_t *peer;
static json_t *deployed; /* what the node has */
static bool is_failing, is_checked;
static char why[256];

/* check looks at a deployment as an agent does; why says what is wrong. */
static bool check(const peer_incoming_t *request, json_t *json)
{
    static uint8_t memory[65536];
    uint8_t room[64];
    arena_t arena                        = {.start = memory, .size = sizeof memory};
    scale_writer_t key                   = scale_writer(room, sizeof room);
    char error[DEPLOYMENT_ERROR_MAX + 1] = "";
    keypair_t dave;
    bytes_t value;
    smart_contract_contract_t contract;
    deployment_form_t form;
    deployment_t *parsed = deployment_from_json(json, error);
    bool is_good         = parsed && deployment_valid(parsed, error) && parsed->twin_id == request->from.twin;
    if (is_good) {
        smart_contract_contracts_key(&key, parsed->contract_id);
        client_error_t read = client_storage_wait(client, scale_written(&key), NULL, &arena, &value);
        scale_reader_t r    = scale_reader(value, &arena);
        smart_contract_contract_decode(&r, &contract);
        is_good = read.status == CLIENT_OK && scale_done(&r) &&
                  deployment_has_hash(parsed, contract.contract_type.node_contract.deployment_hash.b, &form);
        if (!is_good) snprintf(error, sizeof error, "the contract has another hash");
    }
    if (is_good && key_from_suri("//Dave", KEY_SR25519, &dave) == KEY_OK) {
        deployment_signer_t signer = {.twin_id = parsed->twin_id, .account = dave.account};
        is_good                    = deployment_verify(parsed, &signer, 1, error);
    }
    snprintf(why, sizeof why, "%.200s", error);
    deployment_free(parsed);
    return is_good;
}

static void set_results(json_t *json)
{
    size_t i;
    json_t *workload;
    json_array_foreach(json_object_get(json, "workloads"), i, workload)
    {
        bool is_bad = is_failing && i == 1;
        json_object_set_new(workload, "result",
                            json_pack("{s:i,s:s,s:s,s:{}}", "created", 1, "state", is_bad ? "error" : "ok",
                                      "message", is_bad ? "no room" : "", "data"));
    }
}

static json_t *pending;
static peer_incoming_t pending_request;

static void on_request(void *context, peer_t *from, const peer_incoming_t *request)
{
    json_t *json = json_loadb((const char *)request->payload.data, request->payload.len, 0, NULL);
    (void)context;
    if (strcmp(request->command, "zos.deployment.get") == 0) {
        char *text = deployed ? json_dumps(deployed, JSON_COMPACT) : NULL;
        if (text)
            peer_reply(from, &request->from, bytes_text(text));
        else
            peer_reply_error(from, &request->from, 0, "deployment not found");
        free(text);
        json_decref(json);
        return;
    }
    json_decref(pending); /* looked at outside the callback, for the check waits for the chain */
    pending         = json;
    pending_request = *request;
}

static void answer_pending(void)
{
    if (!pending) return;
    json_t *json = pending;
    pending      = NULL;
    is_checked   = check(&pending_request, json);
    if (is_checked) {
        set_results(json);
        json_decref(deployed);
        deployed = json_incref(json);
        peer_reply(peer, &pending_request.from, BYTES("null"));
    } else {
        peer_reply_error(peer, &pending_request.from, 0, why);
    }
    json_decref(json);
}

/* deploy runs the command while the node of this test answers. */
static int deploy(const char *arguments)
{
    char line[1024];
    int status = -1;
    snprintf(line, sizeof line, "deploy %s --relay-at grid.local=%s --key //Dave --json", arguments,
             own_relay_url());
    pid_t child = run_begin(line);
    while ((status = run_ended(child)) < 0) {
        io_step(io, 20);
        answer_pending();
    }
    if (status != 0 && why[0]) printf("%s\n", why);
    return status;
}

static bool prepare_grid(void)
{
    static keypair_t eve;
    client_config_t config = {.io = io, .urls = {getenv("TRELLIS_URL")}, .url_count = 1};
    client                 = client_new(&config);
    if (client_connect_wait(client).status != CLIENT_OK) return false;
    bool is_made =
        run("twin create --relay grid.local --key //Bob") == 0 &&
        run("twin create --relay grid.local --key //Dave") == 0 &&
        run("twin create --relay grid.local --key //Eve") == 0 &&
        run("farm create green-farm --key //Bob") == 0 &&
        run("call TfgridModule.create_node "
            "'{\"farm_id\":1,\"resources\":{\"hru\":0,\"sru\":214748364800,\"cru\":4,\"mru\":8589934592},"
            "\"location\":{\"city\":\"Ghent\",\"country\":\"Belgium\",\"latitude\":\"51.05\",\"longitude\":"
            "\"3.71\"},"
            "\"interfaces\":[],\"secure_boot\":false,\"virtualized\":true,\"serial_number\":null}' --key "
            "//Eve") == 0;
    if (!is_made || key_from_suri("//Eve", KEY_SR25519, &eve) != KEY_OK) return false;
    own_relay_start();
    chain                     = twin_chain_new(client);
    twins                     = twin_cache_new(twin_chain_source(chain), 16);
    peer_config_t peer_config = {.io          = io,
                                 .twin        = 3,
                                 .key         = &eve,
                                 .twins       = twins,
                                 .relays      = {own_relay_url()},
                                 .relay_count = 1,
                                 .on_request  = on_request};
    peer                      = peer_new(&peer_config);
    return peer != NULL;
}

__attribute__((constructor)) static void prepare(void)
{
    io = io_new();
    log_level(LOG_LEVEL_ERROR);
    if (!io || !crypto_init()) abort();
    own_node_start();
}

#define WEB TRELLIS_SOURCE_DIR "/examples/web.json"

TEST(a_deployment_runs_and_its_contract_holds_its_hash)
{
    OK(prepare_grid());
    EQ(run("deploy " WEB " --key //Dave"), 2);
    OK(says("--node"));
    EQ(run("deploy " WEB " --node 9 --key //Dave"), 1);
    OK(says("no node 9"));
    EQ(deploy(WEB " --node 1"), 0);
    OK(is_checked);
    json_t *result = json_loads(out, 0, NULL);
    EQ(json_integer_value(json_object_get(result, "contract_id")), 1);
    EQ(json_array_size(json_object_get(result, "workloads")), 3);
    json_decref(result);
}

TEST(its_copy_comes_back_from_the_chain)
{
    json_t *copy = answer("contract recover 1 --key //Dave"), *original = json_load_file(WEB, 0, NULL);
    OK(json_equal(json_object_get(copy, "workloads"), json_object_get(original, "workloads")));
    json_decref(copy);
    json_decref(original);
    EQ(run("contract recover 1 --key //Bob"), 1);
    OK(says("does not open"));
}

/* write_changed makes the example with another size of disk, and a description. */
static void write_changed(const char *path, json_int_t size, const char *description)
{
    json_t *json = json_load_file(WEB, 0, NULL);
    json_t *disk = json_array_get(json_object_get(json, "workloads"), 1);
    json_object_set_new(json_object_get(disk, "data"), "size", json_integer(size));
    json_object_set_new(json, "description", json_string(description));
    (void)json_dump_file(json, path, 0);
    json_decref(json);
}

TEST(an_update_changes_only_what_differs)
{
    char path[64], line[160];
    snprintf(path, sizeof path, "/tmp/trellis-test-web-%ld.json", (long)getpid());
    write_changed(path, 209715200, "larger");
    snprintf(line, sizeof line, "%s --update 1", path);
    EQ(deploy(line), 0);
    json_t *workloads = json_object_get(deployed, "workloads");
    EQ(json_integer_value(json_object_get(deployed, "version")), 1);
    EQ(json_integer_value(json_object_get(json_array_get(workloads, 0), "version")), 0);
    EQ(json_integer_value(json_object_get(json_array_get(workloads, 1), "version")), 1);
    json_t *copy = answer("contract recover 1 --key //Dave");
    OK(strcmp(json_string_value(json_object_get(copy, "description")), "larger") == 0);
    json_decref(copy);
    unlink(path);
}

TEST(a_long_copy_is_kept_under_the_contracts_id)
{
    char path[64], line[160], noise[6000] = {0};
    random_t random = {42};
    for (size_t i = 0; i + 1 < sizeof noise; i++)
        noise[i] = (char)('#' + (int)random_below(&random, 80));
    for (char *at = noise; (at = strpbrk(at, "\\\"")); at++)
        *at = 'x';
    snprintf(path, sizeof path, "/tmp/trellis-test-long-%ld.json", (long)getpid());
    write_changed(path, 104857600, noise);
    snprintf(line, sizeof line, "%s --node 1", path);
    EQ(deploy(line), 0);
    json_t *copy = answer("contract recover 2 --key //Dave");
    OK(strcmp(json_string_value(json_object_get(copy, "description")), noise) == 0);
    json_decref(copy);
    json_t *parts = answer("query TFKVStore.TFKVStore 5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy");
    OK(json_array_size(parts) >= 2);
    json_decref(parts);
    EQ(run("contract cancel 2 --key //Dave"), 0);
    parts = answer("query TFKVStore.TFKVStore 5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy");
    EQ(json_array_size(parts), 0);
    json_decref(parts);
    unlink(path);
}

TEST(a_failed_workload_costs_nothing)
{
    char path[64], line[160];
    snprintf(path, sizeof path, "/tmp/trellis-test-fail-%ld.json", (long)getpid());
    write_changed(path, 104857601, "other");
    snprintf(line, sizeof line, "%s --node 1", path);
    is_failing = true;
    EQ(deploy(line), 1);
    is_failing = false;
    OK(says("workload data failed: no room"));
    EQ(run("contract show 3"), 1);
    OK(says("no contract 3"));
    unlink(path);
}

TEST(a_wrong_file_is_told_before_anything_is_paid)
{
    char path[64], line[160];
    snprintf(path, sizeof path, "/tmp/trellis-test-wrong-%ld.json", (long)getpid());
    write_changed(path, -5, "wrong");
    snprintf(line, sizeof line, "%s --node 1", path);
    EQ(deploy(line), 1);
    OK(says("size"));
    EQ(run("deploy /nonexistent.json --node 1 --key //Dave"), 1);
    OK(says("No such file"));
    json_t *list = answer("contract list --key //Dave");
    EQ(json_array_size(list), 1);
    json_decref(list);
    unlink(path);
}

TEST(all_ends_cleanly)
{
    peer_free(peer);
    twin_cache_free(twins);
    twin_chain_free(chain);
    client_free(client);
    json_decref(deployed);
    json_decref(pending);
    bool never = false;
    (void)io_wait(io, &never, 200); /* the peer says good-bye */
    io_free(io);
    OK(true);
}

TEST_MAIN()
