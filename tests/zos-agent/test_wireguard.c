/* Two parts of a mesh on one machine: what is in one reaches what is in the other, through WireGuard alone.
 * Needs root, and WireGuard in the kernel or as wireguard-go. */
#include "core.h"
#include "netlink.h"

#include <signal.h>

/* Pairs of keys that `wg genkey` made for this test. */
#define SECRET_7 "IO86o08fuVjwXRS6hdcGPie/rqGZRSvfGvg/yoMAs34="
#define PUBLIC_7 "dX0pyJbCcmTihpTiqM0vjARm2VuRKqMT/a/0eGDn92Q="
#define SECRET_8 "mBWyfWWfps9BG34e3Jq4llb5l0heCHkzGfBJYkb3Ono="
#define PUBLIC_8 "jYLZ8kzdZkZ+BaO5j+ci4lOHn2XF8WpMa6cmSx2XPh0="

static uint16_t port_7, port_8;

/* A network workload with one peer; the endpoint is this host as its own namespace sees it. */
static json_t *part(uint32_t version, const char *name, const char *subnet, const char *secret, uint16_t port,
                    const char *peer, const char *peer_subnet, uint32_t link, uint16_t peer_port)
{
    uint8_t near[4];
    char endpoint[32];
    network_host_end(real_prefix, link, near);
    snprintf(endpoint, sizeof endpoint, "%u.%u.%u.%u:%u", near[0], near[1], near[2], near[3], peer_port);
    return json_pack("{s:i,s:s,s:s,s:{s:s,s:s,s:s,s:i,s:[{s:s,s:s,s:[s],s:s}]}}", "version", (int)version,
                     "name", name, "type", "network", "data", "ip_range", "10.20.0.0/16", "subnet", subnet,
                     "wireguard_private_key", secret, "wireguard_listen_port", (int)port, "peers", "subnet",
                     peer_subnet, "wireguard_public_key", peer, "allowed_ips", peer_subnet, "endpoint",
                     endpoint);
}

static json_t *machine_in(const char *network)
{
    return json_pack("{s:i,s:s,s:s,s:{s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:I}}}", "version", 0, "name", "web",
                     "type", "zmachine", "data", "flist", "oci:web-demo", "network", "interfaces", "network",
                     network, "ip", "10.20.3.2", "compute_capacity", "cpu", 1, "memory",
                     (json_int_t)268435456);
}

static void namespace_of(uint32_t twin, const char *network, char name[32])
{
    char id[NETWORK_LEN + 1];
    plan_network_id(twin, network, id);
    network_namespace(&host, id, name);
}

/* What curl reads from inside a network. */
static const char *fetch_from(uint32_t twin, const char *network, const char *url)
{
    static spawn_result_t said;
    char name[32];
    namespace_of(twin, network, name);
    SPAWN(&said, 20000, "ip", "netns", "exec", name, "curl", "--interface", "10.20.4.1", "-s", "-m", "10",
          "--retry", "3", "--retry-connrefused", url);
    return said.text;
}

TEST(a_machine_answers_through_the_mesh)
{
    core_open();
    OK(core_deploy(
        7, 42,
        json_pack("[o,o]",
                  part(0, "net", "10.20.3.0/24", SECRET_7, port_7, PUBLIC_8, "10.20.4.0/24", 0, port_8),
                  machine_in("net"))));
    OK(core_deploy(8, 43,
                   json_pack("[o]", part(0, "far", "10.20.4.0/24", SECRET_8, port_8, PUBLIC_7, "10.20.3.0/24",
                                         1, port_7))));
    core_work(60000);
    IS(42, "net", "ok");
    IS(42, "web", "ok");
    const char *page = fetch_from(8, "far", "http://10.20.3.2/");
    if (!strstr(page, "<b>42</b>")) printf("%s\n", page);
    OK(strstr(page, "<b>42</b>") != NULL);
    json_t *ports = engine_wireguard_ports(engine);
    EQ(json_array_size(ports), 2);
    json_decref(ports);
}

TEST(nobody_without_the_key_comes_in)
{
    /* Another peer key: the part that is called knows nobody of it. */
    char error[ENGINE_ERROR_MAX + 1];
    static const char stranger[] = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    deployment_t *changed        = deployment_of(8, 1, 43,
                                                 json_pack("[o]", part(1, "far", "10.20.4.0/24", stranger, port_8,
                                                                       PUBLIC_7, "10.20.3.0/24", 1, port_7)));
    OK(engine_update(engine, changed, (int64_t)(now_ms() / 1000), error));
    core_work(1000);
    OK(!strstr(fetch_from(8, "far", "http://10.20.3.2/"), "42"));
    deployment_t *back = deployment_of(8, 2, 43,
                                       json_pack("[o]", part(2, "far", "10.20.4.0/24", SECRET_8, port_8,
                                                             PUBLIC_7, "10.20.3.0/24", 1, port_7)));
    OK(engine_update(engine, back, (int64_t)(now_ms() / 1000), error));
    core_work(1000);
    OK(strstr(fetch_from(8, "far", "http://10.20.3.2/"), "<b>42</b>"));
}

TEST(a_port_that_is_taken_is_refused)
{
    OK(core_deploy(9, 44,
                   json_pack("[o]", part(0, "third", "10.20.5.0/24", SECRET_8, port_7, PUBLIC_7,
                                         "10.20.3.0/24", 2, port_7))));
    core_work(500);
    json_t *got = engine_get(engine, 9, 44);
    char *text  = json_dumps(got, JSON_COMPACT);
    OK(text && strstr(text, "WireGuard port"));
    free(text);
    json_decref(got);
    engine_desire(engine, 44, DESIRED_DELETED, "canceled", "", 0);
    core_work(500);
}

TEST(a_link_that_is_lost_is_seen_and_made_again)
{
    char name[32], link[LINK_NAME_CAP], id[NETWORK_LEN + 1];
    network_plan_t plan = {
        .index = 0, .prefix = 24, .subnet = {10, 20, 3, 0}
    };
    static char nothing[] = "x";
    plan.wireguard.text   = nothing;
    plan_network_id(7, "net", plan.id);
    memcpy(id, plan.id, sizeof id);
    OK(network_is_whole(&host, &plan));
    namespace_of(7, "net", name);
    wireguard_name(real_prefix, id, link);
    OK(SPAWN(NULL, 5000, "ip", "netns", "exec", name, "ip", "link", "del", link));
    OK(!network_is_whole(&host, &plan));
    core_close();
    core_open(); /* what is there is looked at anew */
    core_work(2000);
    OK(network_is_whole(&host, &plan));
    OK(strstr(fetch_from(8, "far", "http://10.20.3.2/"), "<b>42</b>"));
}

TEST(nothing_is_left)
{
    engine_desire(engine, 42, DESIRED_DELETED, "canceled", "block 9", 0);
    engine_desire(engine, 43, DESIRED_DELETED, "canceled", "block 9", 0);
    core_work(8000);
    OK(engine_is_idle(engine));
    core_close();
    for (int i = 0; i < 50 && strcmp(before, real_traces()) != 0; i++) {
        host_rest(&host); /* a wireguard-go ends when it sees that its link is gone */
        poll(NULL, 0, 100);
    }
    OK(left_nothing());
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (!obstacle && !core_start(NULL)) return 1;
    if (!obstacle && host.wireguard == HOST_WIREGUARD_NONE)
        obstacle = "no WireGuard, neither kernel nor wireguard-go";
    if (obstacle) {
        if (real_dir[0]) folder_remove(real_dir);
        return test_skip("meshes cannot be run here", obstacle);
    }
    port_7 = real_port;
    port_8 = (uint16_t)(real_port + 1);
    printf("WireGuard by %s\n", host.wireguard == HOST_WIREGUARD_KERNEL ? "the kernel" : "wireguard-go");
    int status = test_main_(argc, argv);
    folder_remove(real_dir);
    return status;
}
