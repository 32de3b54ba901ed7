/* cmd_deploy.c - from a file to a running workload: contract, copy on the chain, message to the node,
 * waiting.
 *
 * When something fails after the contract was made it is cancelled again, so that nobody pays for nothing. */
#include "bus_open.h"
#include "cli.h"
#include "deployment.h"
#include "io.h"
#include "recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PALLET       "SmartContractModule"
#define ASK_S        30 /* life of one message */
#define POLL_MS      1000
#define WAIT_S       300
#define METADATA_MAX 512

typedef struct {
    cli_t *cli;
    json_t *json; /* the deployment */
    const char *file;
    uint32_t twin, node_twin, public_ips;
    uint64_t node, contract, block, version;
    char hash[DEPLOYMENT_HASH_TEXT_LEN + 1];
    uint8_t *sealed, data[RECOVERY_DATA_MAX];
    uint32_t sealed_len, data_len, parts;
    cli_bus_t bus;
} deploy_t;

/* ---- the file ---- */

static bool read_file(deploy_t *d)
{
    json_error_t error;
    d->json = json_load_file(d->file, JSON_REJECT_DUPLICATES, &error);
    if (!d->json && error.line < 0) return !cli_fail(d->cli, "%s: %s", d->file, strerror(errno));
    return d->json || !cli_fail(d->cli, "%s:%d: %s", d->file, error.line, error.text);
}

/* check makes the deployment whole, checks it and hashes it. */
static bool check(deploy_t *d)
{
    char error[DEPLOYMENT_ERROR_MAX + 1] = "it is no deployment: an object with workloads";
    bool is_good = deployment_json_prepare(d->json, d->twin, d->contract ? d->contract : 1); /* not hashed */
    json_object_set_new(d->json, "version", json_integer((json_int_t)d->version));
    deployment_t *parsed = is_good ? deployment_from_json(d->json, error) : NULL;
    is_good              = parsed && deployment_valid(parsed, error) &&
              deployment_hash_text(parsed, DEPLOYMENT_FORM_GO, d->hash);
    d->public_ips = 0;
    for (uint32_t i = 0; is_good && i < parsed->workload_count; i++)
        d->public_ips += (uint32_t)workload_capacity(&parsed->workloads[i]).ipv4u;
    deployment_free(parsed);
    return is_good || !cli_fail(d->cli, "%s: %s", d->file, error);
}

/* make_copy prepares deployment_data: the sealed copy, or the deployment's own metadata. */
static bool make_copy(deploy_t *d)
{
    const char *metadata = json_string_value(json_object_get(d->json, "metadata"));
    free(d->sealed);
    d->sealed   = NULL;
    d->parts    = 0;
    d->data_len = 0;
    if (!cli_option(d->cli, "no-copy") && d->cli->keys[0].has_seed) {
        if (!recovery_pack(d->json, &d->cli->keys[0], &d->sealed, &d->sealed_len))
            return !cli_fail(d->cli, "%s is too long for a copy on the chain: deploy it with --no-copy",
                             d->file);
        d->data_len = recovery_data(d->sealed, d->sealed_len, d->data, &d->parts);
    } else if (metadata && strlen(metadata) <= METADATA_MAX) {
        d->data_len = (uint32_t)strlen(metadata);
        memcpy(d->data, metadata, d->data_len);
    }
    return true;
}

/* ---- the chain ---- */

/* part_calls are the calls that keep the copy in TFKVStore. */
static json_t *part_calls(const deploy_t *d)
{
    json_t *calls = json_array();
    char key[64];
    for (uint32_t i = 0; i < d->parts; i++) {
        uint32_t start = i * RECOVERY_PART_MAX, left = d->sealed_len - start;
        snprintf(key, sizeof key, "trellis/%" PRIu64 "/%u", d->contract, i);
        json_array_append_new(
            calls, json_pack("{s:{s:{s:s,s:o}}}", "TFKVStore", "set", "key", key, "value",
                             json_hex((bytes_t){d->sealed + start,
                                                left < RECOVERY_PART_MAX ? left : RECOVERY_PART_MAX})));
    }
    return calls;
}

static bool batch(deploy_t *d, json_t *calls)
{
    json_t *result;
    if (!cli_call(d->cli, "Utility", "batch_all", json_pack("{s:o}", "calls", calls), &result)) return false;
    json_decref(result);
    return true;
}

static bool create_contract(deploy_t *d)
{
    json_t *result, *provider = json_null();
    uint64_t id;
    const char *text = cli_option(d->cli, "provider"), *ips = cli_option(d->cli, "public-ips");
    if (text && !cli_u64(d->cli, text, "--provider", &id)) return false;
    if (text) provider = json_integer((json_int_t)id);
    if (ips && !cli_u64(d->cli, ips, "--public-ips", &id)) return false;
    if (!cli_call(d->cli, PALLET, "create_node_contract",
                  json_pack("{s:I,s:o,s:o,s:I,s:o}", "node_id", (json_int_t)d->node, "deployment_hash",
                            json_hex(bytes_text(d->hash)), "deployment_data",
                            json_hex((bytes_t){d->data, d->data_len}), "public_ips",
                            (json_int_t)(ips ? id : d->public_ips), "solution_provider_id", provider),
                  &result))
        return false;
    d->contract = (uint64_t)json_integer_value(
        json_object_get(cli_event(result, PALLET, "ContractCreated"), "contract_id"));
    d->block = (uint64_t)json_integer_value(json_object_get(result, "block"));
    json_decref(result);
    if (d->contract == 0) return !cli_fail(d->cli, "the chain did not tell the contract it made");
    cli_note(d->cli, "contract %" PRIu64 " in block %" PRIu64, d->contract, d->block);
    return true;
}

static bool update_contract(deploy_t *d)
{
    json_t *calls = part_calls(d);
    json_array_append_new(calls,
                          json_pack("{s:{s:{s:I,s:o,s:o}}}", PALLET, "update_node_contract", "contract_id",
                                    (json_int_t)d->contract, "deployment_hash", json_hex(bytes_text(d->hash)),
                                    "deployment_data", json_hex((bytes_t){d->data, d->data_len})));
    return batch(d, calls);
}

static void cancel_contract(deploy_t *d)
{
    json_t *result;
    if (cli_option(d->cli, "keep") || cli_option(d->cli, "update")) {
        cli_note(d->cli, "contract %" PRIu64 " is kept and goes on to be billed", d->contract);
        return;
    }
    if (cli_call(d->cli, PALLET, "cancel_contract",
                 json_pack("{s:I}", "contract_id", (json_int_t)d->contract), &result)) {
        json_decref(result);
        cli_note(d->cli, "contract %" PRIu64 " is cancelled", d->contract);
        if (d->parts) cli_forget_copy(d->cli, d->contract, d->parts);
    }
}

static bool read_node_twin(deploy_t *d)
{
    json_t *node;
    if (!cli_read(d->cli, "TfgridModule", "Nodes", json_pack("[I]", (json_int_t)d->node), NULL, &node))
        return false;
    d->node_twin = (uint32_t)json_integer_value(json_object_get(node, "twin_id"));
    json_decref(node);
    return d->node_twin || !cli_fail(d->cli, "there is no node %" PRIu64 " (trellis node list)", d->node);
}

/* ---- the node ---- */

static bool open_peer(deploy_t *d) { return cli_bus_open(d->cli, &d->bus, d->twin, NULL); }

/* ask sends a command to the node; *answer is its JSON, NULL on failure, and text then says why. */
static bool ask(deploy_t *d, const char *command, const json_t *payload, json_t **answer, char text[512])
{
    char *json             = json_dumps(payload, JSON_COMPACT);
    uint32_t mark          = d->cli->arena.used;
    peer_request_t request = {
        .twin = d->node_twin, .command = command, .payload = bytes_text(json), .expiration_s = ASK_S};
    peer_answer_t got    = {0};
    peer_status_t status = peer_ask(d->bus.peer, &request, &d->cli->arena, &got);
    *answer              = status == PEER_OK
                               ? json_loadb((const char *)got.payload.data, got.payload.len, JSON_DECODE_ANY, NULL)
                               : NULL;
    snprintf(text, 512, "%s",
             status == PEER_REFUSED || status == PEER_RELAY ? got.error : peer_status_text(status));
    if (status == PEER_OK && !*answer) snprintf(text, 512, "the node's answer is no JSON");
    d->cli->arena.used = mark;
    free(json);
    return *answer != NULL;
}

/* sign_and_send gives the node the signed deployment. */
static bool sign_and_send(deploy_t *d, const char *command)
{
    char error[DEPLOYMENT_ERROR_MAX + 1] = "", text[512];
    uint8_t hash[16];
    json_t *answer;
    json_object_set_new(d->json, "contract_id", json_integer((json_int_t)d->contract));
    deployment_t *parsed = deployment_from_json(d->json, error);
    bool is_signed       = parsed && deployment_hash(parsed, DEPLOYMENT_FORM_GO, hash) &&
                     deployment_json_sign(d->json, hash, d->twin, &d->cli->keys[0]);
    deployment_free(parsed);
    if (!is_signed)
        return !cli_fail(d->cli, "the deployment cannot be signed: %s",
                         error[0] ? error : "the key must be sr25519 or ed25519");
    cli_note(d->cli, "sending it to node %" PRIu64 " (twin %u)", d->node, d->node_twin);
    if (!ask(d, command, d->json, &answer, text))
        return !cli_fail(d->cli, "the node did not take it: %s", text);
    json_decref(answer);
    return true;
}

/* ---- waiting ---- */

typedef enum { RUN_WAITING, RUN_OK, RUN_FAILED } run_t;

static run_t look_at(deploy_t *d, const json_t *deployment)
{
    size_t i;
    json_t *workload;
    run_t run = RUN_OK;
    if ((uint64_t)json_integer_value(json_object_get(deployment, "version")) != d->version)
        return RUN_WAITING;
    json_array_foreach(json_object_get(deployment, "workloads"), i, workload)
    {
        json_t *result    = json_object_get(workload, "result");
        const char *state = json_string_value(json_object_get(result, "state")),
                   *name  = json_string_value(json_object_get(workload, "name"));
        if (state && strcmp(state, "error") == 0) {
            const char *message = json_string_value(json_object_get(result, "message"));
            (void)cli_fail(d->cli, "workload %s failed: %s", name ? name : "?",
                           message ? message : "the node gave no reason");
            return RUN_FAILED;
        }
        if (!state || (strcmp(state, "ok") != 0 && strcmp(state, "deleted") != 0)) run = RUN_WAITING;
    }
    return run;
}

static void pause_ms(const cli_t *cli, uint64_t ms)
{
    uint64_t end_ms = io_ticks_ms(cli->io) + ms;
    while (io_ticks_ms(cli->io) < end_ms)
        io_step(cli->io, end_ms - io_ticks_ms(cli->io));
}

static bool wait_until_running(deploy_t *d, json_t **deployment)
{
    uint64_t wait_s = WAIT_S, end_ms;
    char text[512]  = "the node has not finished";
    if (cli_option(d->cli, "wait") && !cli_u64(d->cli, cli_option(d->cli, "wait"), "--wait", &wait_s))
        return false;
    end_ms          = io_ticks_ms(d->cli->io) + wait_s * 1000;
    json_t *payload = json_pack("{s:I}", "contract_id", (json_int_t)d->contract);
    run_t run       = RUN_WAITING;
    *deployment     = NULL;
    cli_note(d->cli, "accepted; waiting until it runs");
    while (run == RUN_WAITING && io_ticks_ms(d->cli->io) < end_ms) {
        json_decref(*deployment);
        if (ask(d, "zos.deployment.get", payload, deployment, text)) run = look_at(d, *deployment);
        if (run == RUN_WAITING) pause_ms(d->cli, POLL_MS);
    }
    json_decref(payload);
    if (run == RUN_WAITING) (void)cli_fail(d->cli, "it does not run after %" PRIu64 " s: %s", wait_s, text);
    return run == RUN_OK;
}

static int print_result(const deploy_t *d, json_t *deployment)
{
    json_t *rows = json_array(), *workload;
    size_t i;
    json_array_foreach(json_object_get(deployment, "workloads"), i, workload)
    {
        json_t *result = json_object_get(workload, "result");
        json_array_append_new(rows, json_pack("{s:O,s:O,s:O,s:O*}", "name", json_object_get(workload, "name"),
                                              "type", json_object_get(workload, "type"), "state",
                                              json_object_get(result, "state"), "data",
                                              json_object_get(result, "data")));
    }
    json_decref(deployment);
    return cli_print(d->cli,
                     json_pack("{s:I,s:I,s:I,s:s,s:I,s:I,s:o}", "contract_id", (json_int_t)d->contract,
                               "node_id", (json_int_t)d->node, "twin_id", (json_int_t)d->twin, "hash",
                               d->hash, "version", (json_int_t)d->version, "block", (json_int_t)d->block,
                               "workloads", rows),
                     NULL);
}

/* ---- new, or changed ---- */

static int deploy_new(deploy_t *d)
{
    json_t *deployment;
    if (!cli_u64(d->cli, cli_option(d->cli, "node"), "--node (trellis node list shows them)", &d->node))
        return 2;
    if (!check(d) || !make_copy(d) || !read_node_twin(d) || !open_peer(d) || !create_contract(d)) return 1;
    if ((d->parts && !batch(d, part_calls(d))) || !sign_and_send(d, "zos.deployment.deploy") ||
        !wait_until_running(d, &deployment)) {
        cancel_contract(d);
        return 1;
    }
    return print_result(d, deployment);
}

/* is_same: would the node leave this workload as it is? */
static bool is_same(const json_t *a, const json_t *b)
{
    static const char *const names[] = {"type", "data", "metadata", "description"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *x = json_object_get(a, names[i]), *y = json_object_get(b, names[i]);
        if (x && y ? !json_equal(x, y) : x != y) return false;
    }
    return true;
}

/* carry_versions keeps the versions of workloads that stay; those that are new or changed get the new one. */
static void carry_versions(deploy_t *d, const json_t *stored)
{
    size_t i, j;
    json_t *workload, *old;
    json_array_foreach(json_object_get(d->json, "workloads"), i, workload)
    {
        uint64_t version = d->version;
        const char *name = json_string_value(json_object_get(workload, "name"));
        json_array_foreach(json_object_get(stored, "workloads"), j, old)
        {
            const char *old_name = json_string_value(json_object_get(old, "name"));
            if (name && old_name && strcmp(name, old_name) == 0 && is_same(workload, old))
                version = (uint64_t)json_integer_value(json_object_get(old, "version"));
        }
        json_object_set_new(workload, "version", json_integer((json_int_t)version));
    }
}

static bool read_stored(deploy_t *d, json_t **stored)
{
    char text[512];
    json_t *contract, *payload = json_pack("{s:I}", "contract_id", (json_int_t)d->contract);
    *stored = NULL;
    if (cli_read(d->cli, PALLET, "Contracts", json_pack("[I]", (json_int_t)d->contract), NULL, &contract)) {
        json_t *node = json_object_get(json_object_get(contract, "contract_type"), "NodeContract");
        d->node      = (uint64_t)json_integer_value(json_object_get(node, "node_id"));
        json_decref(contract);
        if (d->node == 0)
            (void)cli_fail(d->cli, "there is no node contract %" PRIu64, d->contract);
        else if (read_node_twin(d) && open_peer(d) && !ask(d, "zos.deployment.get", payload, stored, text))
            (void)cli_fail(d->cli, "the node does not tell what runs now: %s", text);
    }
    json_decref(payload);
    return *stored != NULL;
}

static int deploy_update(deploy_t *d)
{
    json_t *stored, *deployment;
    if (!cli_u64(d->cli, cli_option(d->cli, "update"), "--update", &d->contract)) return 2;
    if (!read_stored(d, &stored)) return 1;
    d->version = (uint64_t)json_integer_value(json_object_get(stored, "version")) + 1;
    if (!deployment_json_prepare(d->json, d->twin, d->contract))
        return cli_fail(d->cli, "%s: it is no deployment: an object with workloads", d->file);
    carry_versions(d, stored);
    json_decref(stored);
    if (!check(d) || !make_copy(d) || !update_contract(d) || !sign_and_send(d, "zos.deployment.update") ||
        !wait_until_running(d, &deployment))
        return 1;
    return print_result(d, deployment);
}

int cmd_deploy(cli_t *cli)
{
    deploy_t d = {.cli = cli, .file = cli_argument(cli, 0)};
    if (!d.file) return cli_usage(cli, "which file?");
    int status = 1;
    if (read_file(&d) && cli_own_twin(cli, &d.twin))
        status = cli_option(cli, "update") ? deploy_update(&d) : deploy_new(&d);
    cli_bus_close(&d.bus);
    json_decref(d.json);
    free(d.sealed);
    return status;
}
