/* Public addresses and IPv6 on the real machine, with a namespace that stands for the world outside: who
 * reaches a machine there, whom it reaches, and by which address it is seen.
 *     ZOS_CRASH_STRIDE=1 test_public     kills the core at every step instead of every twenty-ninth
 * Needs root.
 *
 * The test's own namespace is the farmer's host: `wan` is its way outside, `pub` the wire with the public
 * addresses.  Outside are 198.18.0.1 and 2001:db8:99::1, behind the farmer's router. */
#include "faults.h"
#include "netlink.h"
#include "shim.h"

#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define STRIDE     29
#define PORT       8000
#define HOST6      "2001:db8:1::2"
#define OUTSIDE    "198.18.0.1"
#define OUTSIDE6   "2001:db8:99::1"
#define GATEWAY    "203.0.113.1"
#define ROUTER6    "2001:db8:5::1"
#define FIRST      "203.0.113.10"
#define SECOND     "203.0.113.11"
#define SILENCE_US 400000

static char outside_name[32];
static int outside = -1;
static pid_t servers[4];
static unsigned server_count;

/* ---- the world ---- */

static bool shell(const char *command)
{
    spawn_result_t said;
    bool is_ok = SPAWN(&said, 10000, "sh", "-c", command, outside_name);
    if (!is_ok) printf("%s: %s\n", command, said.text);
    return is_ok;
}

/* Tells who calls by which address he is seen; in a child, in a namespace. */
static void serve(int netns)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = in6addr_any};
    int one = 1, fd = -1;
    if ((netns >= 0 && setns(netns, CLONE_NEWNET) != 0) ||
        (fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0)
        _exit(1);
    for (;;) {
        struct sockaddr_in6 peer;
        socklen_t len = sizeof peer;
        char text[64] = "";
        int caller    = accept(fd, (struct sockaddr *)&peer, &len);
        if (caller < 0) continue;
        const char *seen = inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text);
        if (strncmp(text, "::ffff:", 7) == 0) seen = text + 7;
        if (write(caller, seen, strlen(seen)) < 0) _exit(1);
        close(caller);
    }
}

static void start_server(int netns)
{
    pid_t child = fork();
    if (child == 0) serve(netns);
    servers[server_count++] = child;
}

static bool make_world(void)
{
    snprintf(outside_name, sizeof outside_name, "zo%d", getpid());
    if (unshare(CLONE_NEWNET) != 0) return false;
    bool is_ok =
        shell("ip link set lo up; ip netns add $0 && ip -n $0 link set lo up &&"
              " ip link add wan type veth peer name lan netns $0 &&"
              " ip link add pub type veth peer name street netns $0") &&
        shell("for i in wan pub; do ip link set $i up || exit 1; done;"
              " for i in lan street; do ip -n $0 link set $i up || exit 1; done;"
              " ip addr add 198.51.100.2/24 dev wan && ip addr add " HOST6 "/64 dev wan nodad &&"
              " ip route add default via 198.51.100.1 && ip -6 route add default via 2001:db8:1::1") &&
        shell("ip -n $0 addr add 198.51.100.1/24 dev lan && ip -n $0 addr add " GATEWAY
              "/24 dev street && ip -n $0 addr add " ROUTER6
              "/64 dev street nodad && ip -n $0 addr add " OUTSIDE "/32 dev lo &&"
              " ip -n $0 addr add 10.66.0.1/32 dev lo && ip -n $0 addr add 169.254.169.254/32 dev lo &&"
              " ip -n $0 addr add 2001:db8:1::1/64 dev lan nodad && ip -n $0 addr add fd00:66::1/128"
              " dev lo nodad && ip -n $0 addr add fd00:ec2::254/128 dev lo nodad &&"
              " ip -n $0 addr add " OUTSIDE6 "/128 dev lo nodad");
    outside = is_ok ? netns_open(outside_name) : -1;
    if (outside >= 0) start_server(outside);
    start_server(-1);
    return outside >= 0;
}

static void end_world(void)
{
    for (unsigned i = 0; i < server_count; i++) {
        kill(servers[i], SIGKILL);
        waitpid(servers[i], NULL, 0);
    }
    if (outside >= 0) close(outside);
    if (outside_name[0]) shell("ip netns delete $0");
}

/* ---- speaking ---- */

typedef struct {
    const char *address, *from; /* from may be NULL */
    uint16_t port;
    const char *send;
    char answer[4096];
} talk_t;

/* What is answered at an address, of either family; "%eth0" may follow it. */
static bool talk_inside(void *context)
{
    talk_t *talk = context;
    char plain[64];
    struct timeval limit    = {0, SILENCE_US};
    size_t used             = 0;
    bool is_v6              = strchr(talk->address, ':') != NULL;
    struct sockaddr_in to4  = {.sin_family = AF_INET, .sin_port = htons(talk->port)};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(talk->port)};
    snprintf(plain, sizeof plain, "%s", talk->address);
    char *percent = strchr(plain, '%');
    if (percent) {
        *percent          = 0;
        to6.sin6_scope_id = if_nametoindex(percent + 1);
    }
    inet_pton(AF_INET, plain, &to4.sin_addr);
    inet_pton(AF_INET6, plain, &to6.sin6_addr);
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    bool is_up = connect(fd, is_v6 ? (const struct sockaddr *)&to6 : (const struct sockaddr *)&to4,
                         is_v6 ? sizeof to6 : sizeof to4) == 0;
    if (is_up && (!talk->send || write(fd, talk->send, strlen(talk->send)) > 0))
        for (ssize_t got; used < sizeof talk->answer - 1 &&
                          (got = read(fd, talk->answer + used, sizeof talk->answer - 1 - used)) > 0;)
            used += (size_t)got;
    talk->answer[used] = 0;
    close(fd);
    return true;
}

static talk_t talk;

static const char *answer_in(int netns, const char *address, uint16_t port, const char *send)
{
    talk = (talk_t){.address = address, .port = port, .send = send};
    if (netns < 0 || !netns_inside(netns, talk_inside, &talk)) return "no such namespace";
    return talk.answer;
}

/* A page of a machine, as somebody outside sees it; asks again until it is there. */
static const char *page(const char *address, int tries)
{
    const char *got = "";
    for (int i = 0; i < tries && !strstr(got, "HTTP/1"); i++) {
        if (i > 0) poll(NULL, 0, 100);
        got = answer_in(outside, address, 80, "GET / HTTP/1.0\r\n\r\n");
    }
    return got;
}

static int machine_netns(uint64_t contract, uint32_t twin)
{
    int pid = core_process(twin, contract, "web");
    return pid ? netns_of(pid) : -1;
}

/* What a machine is told when it calls: by which address it is seen, or nothing. */
static const char *seen_from(uint64_t contract, uint32_t twin, const char *address)
{
    int netns         = machine_netns(contract, twin);
    const char *heard = answer_in(netns, address, PORT, NULL);
    if (netns >= 0) close(netns);
    return heard;
}
#define SEEN_AS(contract, address, source) SEEN_FROM(contract, 7, address, source)
#define SEEN_FROM(contract, twin, address, source)                                                           \
    do {                                                                                                     \
        const char *seen_ = seen_from(contract, twin, address);                                              \
        if (strcmp(seen_, source) != 0) printf("%s is seen as '%s', not '%s'\n", address, seen_, source);    \
        OK(strcmp(seen_, source) == 0);                                                                      \
    } while (0)
#define SILENT(contract, twin, address)                                                                      \
    do {                                                                                                     \
        const char *heard_ = seen_from(contract, twin, address);                                             \
        if (heard_[0]) printf("%s answers '%s'\n", address, heard_);                                         \
        OK(heard_[0] == 0);                                                                                  \
    } while (0)

/* ---- deployments ---- */

static json_t *address(const char *name, const char *kind)
{
    return strcmp(kind, "ip") == 0
               ? json_pack("{s:i,s:s,s:s,s:{s:b,s:b}}", "version", 0, "name", name, "type", kind, "data",
                           "v4", 1, "v6", 0)
               : json_pack("{s:i,s:s,s:s,s:{}}", "version", 0, "name", name, "type", kind, "data");
}

static json_t *net(const char *subnet)
{
    return json_pack("{s:i,s:s,s:s,s:{s:s,s:s}}", "version", 0, "name", "net", "type", "network", "data",
                     "subnet", subnet, "ip_range", "10.20.0.0/16");
}

static json_t *machine(const char *ip, const char *public_ip, const char *metadata)
{
    return json_pack("{s:i,s:s,s:s,s:s,s:{s:s,s:{s:s,s:b,s:[{s:s,s:s}]},s:{s:i,s:I}}}", "version", 0, "name",
                     "web", "type", "zmachine", "metadata", metadata, "data", "flist", "oci:web-demo",
                     "network", "public_ip", public_ip, "planetary", 0, "interfaces", "network", "net", "ip",
                     ip, "compute_capacity", "cpu", 1, "memory", (json_int_t)268435456);
}

static bool reserve(uint64_t contract, const char *ip)
{
    engine_address_t one = {.gateway = GATEWAY};
    snprintf(one.ip, sizeof one.ip, "%s/24", ip);
    return engine_reserve(engine, contract, &one, 1);
}

static void desire(uint64_t contract, desired_t desired)
{
    engine_desire(engine, contract, desired, "test", "block", (int64_t)(now_ms() / 1000));
    core_work(8000);
}

/* The result's data of a workload, as JSON text. */
static const char *data_of(uint64_t contract, const char *name)
{
    static char text[512];
    json_t *json = engine_get(engine, 7, contract), *w;
    size_t i;
    text[0] = 0;
    json_array_foreach(json_object_get(json, "workloads"), i, w)
    {
        char *data = json_dumps(json_object_get(json_object_get(w, "result"), "data"), JSON_COMPACT);
        if (strcmp(json_string_value(json_object_get(w, "name")), name) == 0)
            snprintf(text, sizeof text, "%s", data ? data : "");
        free(data);
    }
    json_decref(json);
    return text;
}

static uint64_t counted(uint64_t contract) { return core_counted(contract, 5000); }

/* ---- public addresses ---- */

TEST(a_machine_is_reached_at_its_contracts_address_and_seen_with_it)
{
    core_open();
    OK(reserve(42, FIRST));
    OK(core_deploy(7, 42,
                   json_pack("[o,o,o]", net("10.20.3.0/24"), address("pub", "ip"),
                             machine("10.20.3.2", "pub", ports(real_port)))));
    core_work(6000);
    IS(42, "pub", "ok");
    IS(42, "web", "ok");
    OK(strcmp(data_of(42, "pub"), "{\"ip\":\"" FIRST "/24\",\"ip6\":\"\",\"gateway\":\"" GATEWAY "\"}") == 0);
    OK(strstr(page(FIRST, 30), "<b>42</b>"));
    SEEN_AS(42, OUTSIDE, FIRST);
    OK(strstr(real_fetch("127.0.0.1", real_port, 3000), "<b>42</b>")); /* the host's ports still answer */
    OK(answer_in(outside, FIRST, PORT, NULL)[0] == 0);                 /* it leads to the machine alone */
    json_t *list = engine_public_ips(engine);
    EQ(json_array_size(list), 1);
    OK(strcmp(json_string_value(json_array_get(list, 0)), FIRST "/24") == 0);
    json_decref(list);
    EQ(engine_resources(engine, 42).ipv4u, 1);
}

TEST(what_passes_by_the_address_is_counted)
{
    uint64_t first = counted(42);
    OK(first > 500);
    for (int i = 0; i < 10; i++)
        OK(strstr(page(FIRST, 1), "<b>42</b>"));
    uint64_t more = counted(42) - first;
    OK(more > 10 * 300 && more < 10 * 3000);
}

TEST(each_machine_has_its_own)
{
    OK(reserve(43, SECOND));
    OK(core_deploy(7, 43, json_pack("[o,o]", address("pub", "ipv4"), machine("10.20.3.3", "pub", ""))));
    OK(core_deploy(7, 44, json_pack("[o]", machine("10.20.3.4", "", ""))));
    core_work(6000);
    OK(strcmp(data_of(43, "pub"), "{\"ip\":\"" SECOND "/24\",\"gateway\":\"" GATEWAY "\"}") == 0);
    OK(strstr(page(SECOND, 30), "<b>43</b>"));
    OK(strstr(page(FIRST, 30), "<b>42</b>"));
    SEEN_AS(42, OUTSIDE, FIRST);
    SEEN_AS(43, OUTSIDE, SECOND);
    SEEN_AS(44, OUTSIDE, "198.51.100.2"); /* who has none leaves by the host */
    int netns = machine_netns(42, 7);
    OK(strstr(answer_in(netns, SECOND, 80, "GET / HTTP/1.0\r\n\r\n"), "<b>43</b>")); /* a neighbour's */
    close(netns);
}

TEST(nobody_has_what_the_chain_did_not_reserve_or_another_has)
{
    OK(core_deploy(7, 50, json_pack("[o]", address("pub", "ip"))));
    OK(reserve(51, SECOND));
    OK(core_deploy(7, 51, json_pack("[o]", address("pub", "ip"))));
    core_work(5000);
    IS(50, "pub", "error");
    OK(strstr(result_of(50, "pub", "message"), "reserves no public address"));
    IS(51, "pub", "init");
    OK(strstr(result_of(51, "pub", "message"), "still in use"));
    desire(43, DESIRED_DELETED);
    OK(page(SECOND, 1)[0] == 0);
    core_work(1500);
    IS(51, "pub", "ok"); /* it is free now */
    desire(50, DESIRED_DELETED);
    desire(51, DESIRED_DELETED);
}

TEST(a_chain_that_was_reorganised_gives_another)
{
    OK(reserve(42, SECOND));
    core_work(5000);
    OK(strstr(data_of(42, "pub"), SECOND));
    OK(strstr(page(SECOND, 30), "<b>42</b>") && page(FIRST, 1)[0] == 0);
    SEEN_AS(42, OUTSIDE, SECOND);
    OK(reserve(42, FIRST));
    core_work(5000);
    OK(strstr(page(FIRST, 30), "<b>42</b>") && page(SECOND, 1)[0] == 0);
    SEEN_AS(42, OUTSIDE, FIRST);
    IS(42, "web", "ok");
}

TEST(a_node_without_a_place_for_them_says_so)
{
    char error[ENGINE_ERROR_MAX + 1];
    engine_config_t config = {
        .db        = db,
        .state_dir = host.state_dir,
        .pool_dir  = host.pool_dir,
        .total     = {.cru = 4, .mru = UINT64_C(8) << 30, .sru = UINT64_C(100) << 30}
    };
    engine_t *plain = engine_new(&config);
    OK(!engine_deploy(plain, deployment(60, json_pack("[o]", address("pub", "ip"))), 1, error));
    OK(strstr(error, "has no public config"));
    engine_free(plain);
    config.has_public = true;
    plain             = engine_new(&config);
    json_t *both      = address("pub", "ip");
    json_object_set_new(json_object_get(both, "data"), "v6", json_true());
    OK(!engine_deploy(plain, deployment(60, json_pack("[o]", both)), 1, error));
    OK(strstr(error, "no public IPv6"));
    engine_free(plain);
}

TEST(a_paused_machine_is_not_there_and_comes_back)
{
    desire(42, DESIRED_PAUSED);
    IS(42, "pub", "paused");
    OK(page(FIRST, 1)[0] == 0);
    OK(!SPAWN(NULL, 5000, "ip", "netns", "exec", outside_name, "ping", "-c", "1", "-W", "1", FIRST));
    core_close();
    core_open();
    core_work(5000);
    OK(page(FIRST, 1)[0] == 0);
    desire(42, DESIRED_RUN);
    IS(42, "pub", "ok");
    OK(strstr(page(FIRST, 30), "<b>42</b>"));
    SEEN_AS(42, OUTSIDE, FIRST);
}

TEST(what_is_deleted_under_it_is_made_again)
{
    static const char *const harms[] = {
        "ip -n $1 link delete dev $2",
        "ip -n $1 addr flush dev $2",
        "ip netns delete $1",
        "ip netns exec $1 nft delete table inet $3",
        "ip netns exec $1 nft delete table bridge $3",
    };
    char id[NETWORK_LEN + 1], netns[32], wid[WID_LEN + 1], link[32];
    plan_network_id(7, "net", id);
    plan_wid(7, 42, "web", wid);
    network_namespace(&host, id, netns);
    snprintf(link, sizeof link, "%sp%.10s", real_prefix, wid);
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        OK(SPAWN(NULL, 5000, "sh", "-c", harms[i], "sh", netns, link, real_prefix));
        engine_sweep(engine);
        core_work(5000);
        bool is_back = strstr(page(FIRST, 30), "<b>42</b>") != NULL;
        if (!is_back) printf("not back after: %s\n", harms[i]);
        OK(is_back);
        SEEN_AS(42, OUTSIDE, FIRST);
    }
}

/* ---- IPv6 ---- */

static const char *ip6_of(uint32_t twin, const char *name, const char *subnet, const char *ip)
{
    static char texts[4][INET6_ADDRSTRLEN];
    static unsigned turn;
    char *text          = texts[turn++ % 4];
    network_plan_t plan = {.prefix = 24};
    uint8_t ip4[4], ip6[16];
    inet_pton(AF_INET, subnet, plan.subnet);
    inet_pton(AF_INET, ip, ip4);
    engine_subnet6(twin, name, &plan);
    network_ip6(&plan, ip4, ip6);
    inet_ntop(AF_INET6, ip6, text, INET6_ADDRSTRLEN);
    return text;
}

static const char *page_from(uint64_t contract, uint32_t twin, const char *to)
{
    int netns       = machine_netns(contract, twin);
    const char *got = answer_in(netns, to, 80, "GET / HTTP/1.0\r\n\r\n");
    if (netns >= 0) close(netns);
    return got;
}

TEST(machines_of_one_network_reach_each_other_by_ipv6_and_the_world_where_the_host_does)
{
    const char *mine = ip6_of(7, "net", "10.20.3.0", "10.20.3.2");
    OK(strncmp(mine, "fd", 2) == 0 && strcmp(mine + strlen(mine) - 5, ":3::2") == 0);
    OK(strstr(page_from(44, 7, mine), "<b>42</b>"));
    SEEN_AS(44, OUTSIDE6, HOST6);
    uint64_t before_bytes = counted(44);
    SEEN_AS(44, OUTSIDE6, HOST6);
    OK(counted(44) > before_bytes);
}

/* One with both, one with IPv6 alone: the chain reserves nothing for that. */
TEST(a_public_ipv6_address_is_made_of_the_farmers_net)
{
    char ip6[2][64] = {"", ""};
    for (uint64_t contract = 46; contract < 48; contract++) {
        json_t *pub = address("pub", "ip"), *data = json_object_get(pub, "data");
        json_object_set_new(data, "v6", json_true());
        if (contract == 47) json_object_set_new(data, "v4", json_false());
        if (contract == 46) OK(reserve(contract, SECOND));
        OK(core_deploy(
            7, contract,
            json_pack("[o,o]", pub, machine(contract == 46 ? "10.20.3.6" : "10.20.3.7", "pub", ""))));
        core_work(6000);
        IS(contract, "web", "ok");
        const char *at = strstr(data_of(contract, "pub"), "2001:db8:5:0:");
        OK(at != NULL);
        snprintf(ip6[contract - 46], 64, "%.*s", (int)strcspn(at, "/"), at);
        OK(strncmp(at + strcspn(at, "/"), "/64\"", 4) == 0);
        const char *heard = "";
        for (int i = 0; i < 30 && !strstr(heard, "<b>"); i++) {
            if (i > 0) poll(NULL, 0, 100);
            heard = answer_in(outside, ip6[contract - 46], 80, "GET / HTTP/1.0\r\n\r\n");
        }
        OK(strstr(heard, contract == 46 ? "<b>46</b>" : "<b>47</b>"));
        SEEN_AS(contract, OUTSIDE6, ip6[contract - 46]);
    }
    OK(strstr(data_of(47, "pub"), "\"ip\":\"\"") && strstr(data_of(47, "pub"), "\"gateway\":\"\""));
    SEEN_AS(46, OUTSIDE, SECOND);
    SEEN_AS(47, OUTSIDE, "198.51.100.2");
    EQ(engine_resources(engine, 46).ipv4u, 1);
    EQ(engine_resources(engine, 47).ipv4u, 0);
    SILENT(47, 7, "fd00:66::1");
    desire(46, DESIRED_PAUSED);
    OK(answer_in(outside, ip6[0], 80, "GET / HTTP/1.0\r\n\r\n")[0] == 0);
    OK(strstr(answer_in(outside, ip6[1], 80, "GET / HTTP/1.0\r\n\r\n"), "<b>47</b>"));
    desire(46, DESIRED_DELETED);
    desire(47, DESIRED_DELETED);
    OK(answer_in(outside, ip6[1], 80, "GET / HTTP/1.0\r\n\r\n")[0] == 0);
}

/* The link-local address of a link in a namespace. */
static const char *link_local(const char *netns, const char *link)
{
    static spawn_result_t said;
    SPAWN(&said, 5000, "sh", "-c",
          "ip -n $0 -6 -o addr show dev $1 scope link | grep -o 'fe80[^/ ]*' | head -1", netns, link);
    said.text[strcspn(said.text, "\n")] = 0;
    return said.text;
}

TEST(nothing_forbidden_is_reached)
{
    static const char *const forbidden[] = {
        "198.51.100.2",  "10.66.0.1",  "169.254.169.254", "127.0.0.1", HOST6,
        "2001:db8:1::1", "fd00:66::1", "fd00:ec2::254",   "::1",
    };
    char netns[32], id[NETWORK_LEN + 1], near4[20], near6[INET6_ADDRSTRLEN], local[80];
    uint8_t near[16];
    OK(core_deploy(8, 45, json_pack("[o,o]", net("10.20.3.0/24"), machine("10.20.3.2", "", ""))));
    core_work(5000);
    int own = netns_own();
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        OK(answer_in(own, forbidden[i], PORT, NULL)[0]); /* it is there, for the host */
        SILENT(45, 8, forbidden[i]);
    }
    close(own);
    network_host_end(real_prefix, 0, near);
    snprintf(near4, sizeof near4, "%u.%u.%u.%u", near[0], near[1], near[2], near[3]);
    SILENT(45, 8, near4);
    for (uint32_t index = 0; index < 2; index++)
        for (int is_far = 0; is_far < 2; is_far++) {
            network_link6(real_prefix, index, is_far, near);
            inet_ntop(AF_INET6, near, near6, sizeof near6);
            SILENT(45, 8, near6);
        }
    OK(page_from(45, 8, ip6_of(7, "net", "10.20.3.0", "10.20.3.2"))[0] == 0); /* another tenant's */
    OK(strstr(page_from(45, 8, ip6_of(8, "net", "10.20.3.0", "10.20.3.2")), "<b>45</b>"));
    plan_network_id(8, "net", id);
    network_namespace(&host, id, netns);
    snprintf(local, sizeof local, "%s%%eth0", link_local(netns, "br"));
    OK(strncmp(local, "fe80", 4) == 0);
    SILENT(45, 8, local);
    plan_network_id(7, "net", id);
    network_namespace(&host, id, netns);
    snprintf(local, sizeof local, "%s%%eth0", link_local(netns, "br")); /* of another tenant's network */
    SILENT(45, 8, local);
    SILENT(45, 8, "ff02::1%eth0");
    SEEN_FROM(45, 8, OUTSIDE, "198.51.100.2"); /* and the rest of the world is */
    SEEN_FROM(45, 8, OUTSIDE6, HOST6);
}

/* A datagram to each port, from some ports: connections all of them, to whoever translates addresses. */
static bool flood_inside(void *context)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    unsigned *left        = context;
    inet_pton(AF_INET, OUTSIDE, &to.sin_addr);
    while (*left > 0) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return false;
        for (unsigned port = 1; port < 65535 && *left > 0; port++, --*left) {
            to.sin_port = htons((uint16_t)port);
            (void)!sendto(fd, "x", 1, MSG_DONTWAIT, (const struct sockaddr *)&to, sizeof to);
        }
        close(fd);
    }
    return true;
}

static unsigned long number_of(const char *what)
{
    char path[96], text[32];
    snprintf(path, sizeof path, "/proc/sys/net/netfilter/nf_conntrack_%s", what);
    return file_read(path, text, sizeof text) ? strtoul(text, NULL, 10) : 0;
}

TEST(nobody_takes_all_connections_of_the_host_at_once)
{
    unsigned flood     = 60000;
    unsigned long most = number_of("max") / 256, first = number_of("count");
    uint64_t started_ms = now_ms();
    int netns           = machine_netns(45, 8);
    OK(netns >= 0 && netns_inside(netns, flood_inside, &flood));
    close(netns);
    unsigned long count   = number_of("count") - first,
                  seconds = (unsigned long)(now_ms() - started_ms) / 1000 + 1;
    printf("%lu connections of 60000 datagrams\n", count);
    OK(count > most && count <= most * (16 + seconds) + 100);
    SEEN_FROM(44, 7, OUTSIDE, "198.51.100.2"); /* others go on */
}

TEST(nobody_speaks_with_anothers_address)
{
    char pid[16], wid[WID_LEN + 1], folder[PATH_CAP];
    shim_run_t run;
    const char *other = ip6_of(7, "net", "10.20.3.0", "10.20.3.9");
    plan_wid(7, 44, "web", wid);
    OK(machine_folder(&host, wid, folder) && shim_run_read(folder, &run));
    snprintf(pid, sizeof pid, "%d", run.pid);
    OK(strstr(page_from(44, 7, "10.20.3.2"), "<b>42</b>"));
    OK(SPAWN(NULL, 5000, "nsenter", "-t", pid, "-n", "sh", "-ec",
             "ip addr flush dev eth0 scope global; ip addr add 10.20.3.9/24 dev eth0;"
             "ip addr add $0/64 dev eth0 nodad; ip route replace default via 10.20.3.1;"
             "ip -6 route replace default via $1",
             other, ip6_of(7, "net", "10.20.3.0", "10.20.3.1")));
    OK(page_from(44, 7, "10.20.3.2")[0] == 0);
    OK(page_from(44, 7, ip6_of(7, "net", "10.20.3.0", "10.20.3.2"))[0] == 0);
    SILENT(44, 7, OUTSIDE);
    SILENT(44, 7, OUTSIDE6);
}

TEST(cancelled_contracts_leave_nothing)
{
    for (uint64_t contract = 45; contract >= 42; contract--)
        desire(contract, DESIRED_DELETED);
    core_work(4000);
    OK(engine_is_idle(engine));
    OK(page(FIRST, 1)[0] == 0);
    OK(!SPAWN(NULL, 5000, "ip", "netns", "exec", outside_name, "ping", "-c", "1", "-W", "1", FIRST));
    core_close();
    OK(left_nothing());
}

/* ---- the core is killed ---- */

static uint64_t victim = 80;

static const char *victim_state(void) { return result_of(victim, "web", "state"); }

static bool has_settled(void)
{
    return strcmp(victim_state(), "ok") == 0 || strcmp(victim_state(), "deleted") == 0;
}

static bool is_gone(void) { return engine_is_idle(engine); }

/* A machine that ends when it is asked to, so that nobody waits for it. */
static bool deploy_victim(void)
{
    char error[ENGINE_ERROR_MAX + 1];
    json_t *web = machine("10.20.3.2", "pub", "");
    json_object_set_new(json_object_get(web, "data"), "entrypoint",
                        json_string("sh -c 'trap exit TERM; httpd -f -p 80 & wait'"));
    return reserve(victim, FIRST) &&
           engine_deploy(
               engine,
               deployment(victim, json_pack("[o,o,o]", net("10.20.3.0/24"), address("pub", "ip"), web)),
               (int64_t)(virtual_ms() / 1000), error);
}

static void cancel_victim(void)
{
    engine_desire(engine, victim, DESIRED_DELETED, "cancelled", "block", (int64_t)(virtual_ms() / 1000));
}

/* A life with a pause in it. */
static bool live(void)
{
    if (!deploy_victim() || !work_until(has_settled)) return false;
    engine_desire(engine, victim, DESIRED_PAUSED, "grace", "block", (int64_t)(virtual_ms() / 1000));
    core_work(50);
    engine_desire(engine, victim, DESIRED_RUN, "paid", "block", (int64_t)(virtual_ms() / 1000));
    if (!work_until(has_settled)) return false;
    cancel_victim();
    return work_until(is_gone);
}

TEST(a_core_that_is_killed_at_any_step_leaves_each_address_where_it_belongs)
{
    unsigned point = 1;
    for (; point < POINTS_MAX; point += crash_stride(STRIDE), victim++) {
        life_t life = life_until(point, live);
        OK(life != LIFE_WRONG);
        if (life == LIFE_WHOLE) break; /* there are no more steps */
        core_open();
        json_t *known = engine_get(engine, 7, victim);
        json_decref(known);
        if (!known) OK(deploy_victim());
        engine_desire(engine, victim, DESIRED_RUN, "paid", "block", (int64_t)(virtual_ms() / 1000));
        OK(work_until(has_settled));
        if (strcmp(victim_state(), "ok") == 0) OK(strstr(page(FIRST, 30), "HTTP/1"));
        cancel_victim();
        OK(work_until(is_gone));
        OK(page(FIRST, 1)[0] == 0);
        core_close();
        OK(left_nothing());
    }
    printf("%u steps of one life\n", point);
    OK(point < POINTS_MAX);
    OK(left_nothing());
}

/* ---- routed ---- */

TEST(where_the_router_sends_them_to_the_host_no_link_is_needed)
{
    spawn_result_t said;
    host_t usual          = host;
    host.is_public_routed = true;
    host.public_link[0]   = 0;
    OK(shell("ip -n $0 route add " FIRST "/32 via 198.51.100.2"));
    core_open();
    OK(reserve(70, FIRST));
    OK(core_deploy(
        7, 70,
        json_pack("[o,o,o]", net("10.20.3.0/24"), address("pub", "ip"), machine("10.20.3.2", "pub", ""))));
    core_work(6000);
    IS(70, "web", "ok");
    OK(strstr(page(FIRST, 30), "<b>70</b>"));
    SEEN_AS(70, OUTSIDE, FIRST);
    SILENT(70, 7, "10.66.0.1");
    OK(SPAWN(NULL, 5000, "ip", "route", "del", FIRST "/32"));
    engine_sweep(engine);
    core_work(5000);
    OK(strstr(page(FIRST, 30), "<b>70</b>"));
    desire(70, DESIRED_PAUSED);
    OK(page(FIRST, 1)[0] == 0);
    OK(SPAWN(&said, 5000, "ip", "route", "show", FIRST "/32") && said.text[0] == 0);
    desire(70, DESIRED_RUN);
    OK(strstr(page(FIRST, 30), "<b>70</b>"));
    desire(70, DESIRED_DELETED);
    OK(engine_is_idle(engine));
    OK(page(FIRST, 1)[0] == 0);
    core_close();
    OK(left_nothing());
    host = usual;
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (obstacle) return test_skip("containers cannot be run here", obstacle);
    int status = 1;
    if (make_world() && core_start(&(host_config_t){.public_link     = "pub",
                                                    .public_net6     = "2001:db8:5::/64",
                                                    .public_gateway6 = ROUTER6,
                                                    .is_lan_blocked  = true}))
        status = test_main_(argc, argv);
    end_world();
    folder_remove(real_dir);
    return status;
}
