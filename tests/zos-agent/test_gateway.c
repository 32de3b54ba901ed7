/* Names of the web on the real machine: led to a workload, counted, paused, found again, taken away.  Needs
 * root and haproxy. */
#include "core.h"

#include <signal.h>

#define DOMAIN "gw.example.org"

static uint16_t http_port, https_port;

/* What curl says of a name, asked of our own gateway; "" when it failed. */
static const char *ask(const char *scheme, const char *name)
{
    static spawn_result_t said;
    char resolve[GATEWAY_HOST_MAX + 32], url[GATEWAY_HOST_MAX + 32];
    uint16_t port = strcmp(scheme, "http") == 0 ? http_port : https_port;
    snprintf(resolve, sizeof resolve, "%s:%u:127.0.0.1", name, port);
    snprintf(url, sizeof url, "%s://%s:%u/", scheme, name, port);
    SPAWN(&said, 15000, "curl", "-ks", "-m", "10", "-w", "\nstatus %{http_code}", "--resolve", resolve, url);
    return said.text;
}
#define SAYS(scheme, name, text)                                                                             \
    do {                                                                                                     \
        const char *said_ = ask(scheme, name);                                                               \
        if (!strstr(said_, text)) printf("%s: %s\n", name, said_);                                           \
        OK(strstr(said_, text) != NULL);                                                                     \
    } while (0)

static json_t *gateway(const char *name, const char *kind, const char *host_name, const char *backend,
                       const char *net, bool is_passthrough)
{
    return json_pack("{s:i,s:s,s:s,s:{s:s,s:b,s:[s],s:s}}", "version", 0, "name", name, "type", kind, "data",
                     strcmp(kind, "gateway-fqdn-proxy") == 0 ? "fqdn" : "name", host_name, "tls_passthrough",
                     is_passthrough, "backends", backend, "network", net);
}

static bool deploy(uint64_t contract, json_t *workloads, char error[ENGINE_ERROR_MAX + 1])
{
    return engine_deploy(engine, deployment(contract, workloads), (int64_t)(now_ms() / 1000), error);
}

static uint64_t counted(uint64_t contract) { return core_counted(contract, 300); }

TEST(a_name_leads_to_a_workload_in_its_network)
{
    char error[ENGINE_ERROR_MAX + 1];
    core_open();
    OK(deploy(42, web("oci:web-demo", ports(real_port), 16 << 20), error));
    OK(deploy(
        43,
        json_pack("[o]", gateway("site", "gateway-name-proxy", "shop", "http://10.20.3.2:80", "net", false)),
        error));
    core_work(6000);
    IS(42, "web", "ok");
    IS(43, "site", "ok");
    json_t *got = engine_get(engine, 7, 43);
    char *text  = json_dumps(got, JSON_COMPACT);
    OK(text && strstr(text, "\"fqdn\":\"shop." DOMAIN "\""));
    free(text);
    json_decref(got);
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "<b>42</b>"));
    SAYS("http", "shop." DOMAIN, "<b>42</b>");
    SAYS("http", "SHOP." DOMAIN, "<b>42</b>");
    SAYS("https", "shop." DOMAIN, "<b>42</b>");
    SAYS("http", "other." DOMAIN, "status 404");
}

TEST(what_went_through_is_counted_once)
{
    uint64_t first = counted(43), machine = counted(42);
    OK(first > 500);
    for (int i = 0; i < 10; i++)
        SAYS("http", "shop." DOMAIN, "<b>42</b>");
    uint64_t second = counted(43);
    OK(second - first > 10 * 300 && second - first < 10 * 3000);
    EQ(counted(42), machine);
}

TEST(names_of_others_private_addresses_and_strange_networks_are_refused)
{
    static const struct {
        const char *kind, *name, *backend, *network, *says;
    } cases[] = {
        {"gateway-name-proxy", "shop",         "http://8.8.8.8:80",     "",    "in use on this node"       },
        {"gateway-name-proxy", "Shop",         "http://8.8.8.8:80",     "",    "in use on this node"       },
        {"gateway-fqdn-proxy", "shop." DOMAIN, "http://8.8.8.8:80",     "",    "reserved by name contracts"},
        {"gateway-fqdn-proxy", DOMAIN,         "http://8.8.8.8:80",     "",    "reserved by name contracts"},
        {"gateway-name-proxy", "lan",          "http://192.168.1.1:80", "",    "private address"           },
        {"gateway-name-proxy", "lan",          "http://100.64.1.1:80",  "",    "private address"           },
        {"gateway-name-proxy", "lan",          "http://[fd00::1]:80",   "",    "private address"           },
        {"gateway-name-proxy", "lan",          "http://[2001::1]:80",   "net", "IPv4"                      },
    };
    char error[ENGINE_ERROR_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OK(!deploy(50,
                   json_pack("[o]", gateway("g", cases[i].kind, cases[i].name, cases[i].backend,
                                            cases[i].network, false)),
                   error));
        if (!strstr(error, cases[i].says)) printf("%s\n", error);
        OK(strstr(error, cases[i].says) != NULL);
    }
    OK(deploy(
        51, json_pack("[o]", gateway("g", "gateway-name-proxy", "far", "http://10.99.3.2:80", "net", false)),
        error));
    core_work(500);
    IS(51, "g", "error");
    OK(strstr(result_of(51, "g", "message"), "not in its network"));
    engine_desire(engine, 51, DESIRED_DELETED, "canceled", "", 0);
    core_work(500);
}

TEST(a_paused_gateway_says_so_and_comes_back)
{
    engine_desire(engine, 43, DESIRED_PAUSED, "grace period", "", 0);
    core_work(500);
    IS(43, "site", "paused");
    SAYS("http", "shop." DOMAIN, "status 503");
    engine_desire(engine, 43, DESIRED_RUN, "paid", "", 0);
    core_work(500);
    IS(43, "site", "ok");
    SAYS("http", "shop." DOMAIN, "<b>42</b>");
}

TEST(it_outlives_the_agent_and_is_started_again_when_it_dies)
{
    char text[32];
    uint64_t moved = counted(43);
    OK(file_read(real_path("run/gateway/pid"), text, sizeof text));
    core_close();
    SAYS("http", "shop." DOMAIN, "<b>42</b>");
    core_open();
    core_work(500);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    OK(kill(pid, SIGKILL) == 0);
    for (int i = 0; i < 100 && gateway_is_up(&host); i++)
        poll(NULL, 0, 20);
    core_work(3000);
    IS(43, "site", "ok");
    SAYS("http", "shop." DOMAIN, "<b>42</b>");
    OK(counted(43) > moved);
}

TEST(tls_passes_through_to_a_backend_that_ends_it_itself)
{
    char error[ENGINE_ERROR_MAX + 1];
    OK(deploy(44,
              json_pack("[o]", gateway("tls", "gateway-fqdn-proxy", "secure.example.net", "10.20.3.2:80",
                                       "net", true)),
              error));
    core_work(1000);
    IS(44, "tls", "ok");
    /* The workload speaks no TLS: bytes of the handshake reach it, and its answer is no TLS, either. */
    SAYS("https", "secure.example.net", "status 000");
    OK(counted(44) > 0);
    SAYS("http", "secure.example.net", "status 404");
}

TEST(nothing_is_left_when_all_contracts_end)
{
    for (uint64_t contract = 42; contract <= 44; contract++)
        engine_desire(engine, contract, DESIRED_DELETED, "canceled", "block 9", 0);
    core_work(8000);
    OK(engine_is_idle(engine));
    OK(!gateway_is_up(&host));
    core_close();
    host_rest(&host);
    OK(left_nothing());
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (!obstacle && access("/usr/sbin/haproxy", X_OK) != 0) obstacle = "no haproxy";
    if (obstacle) return test_skip("gateways cannot be run here", obstacle);
    real_name_run();
    http_port = real_port;
    do
        http_port++;
    while (!real_port_is_free(http_port));
    https_port = http_port;
    do
        https_port++;
    while (!real_port_is_free(https_port));
    host_config_t config = {.gateway_domain     = DOMAIN,
                            .gateway_address    = "127.0.0.1",
                            .gateway_http_port  = http_port,
                            .gateway_https_port = https_port};
    if (!core_start(&config)) return 1;
    int status = test_main_(argc, argv);
    gateway_stop(&host);
    folder_remove(real_dir);
    return status;
}
