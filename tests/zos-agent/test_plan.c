/* What plans become: config.json, rules, names, words; and what the operator writes.  Nothing here needs a
 * machine.
 *
 * Golden files: golden/.  A change in one is seen in review; write them anew with `test_plan --write`. */
#include "config.h"
#include "nft.h"
#include "oci.h"
#include "shim.h"
#include "test.h"

#include <unistd.h>

static bool is_writing;

/* Says where the text differs from the golden file. */
static bool is_golden(const char *name, const char *text)
{
    static char golden[65536];
    char path[PATH_CAP];
    if (!path_join(path, "%s/tests/zos-agent/golden/%s", TRELLIS_SOURCE_DIR, name)) return false;
    if (is_writing) return file_replace(path, text, strlen(text), 0644);
    if (!file_read(path, golden, sizeof golden)) return false;
    if (strcmp(golden, text) == 0) return true;
    printf("%s is not what is made now:\n%s\n", path, text);
    return false;
}

static const nft_site_t site = {
    .table = "zos", .is_lan_blocked = true, .flows = 1024, .lan6 = "2001:db8::/64"};
static guest_plan_t guests[] = {
    {.wid        = "aaaaaaaaaaaa",
     .ip         = {10, 20, 2, 2},
     .ip6        = {0xfd, [15] = 2},
     .public_ip  = {.is_given = true,
                    .has_ip6  = true,
                    .ip       = {203, 0, 113, 10},
                    .prefix   = 24,
                    .gateway  = {203, 0, 113, 1},
                    .ip6      = {0x20, [15] = 10}},
     .port_count = 2,
     .ports      = {{false, 8080, 80}, {true, 8053, 53}}},
    {.wid        = "bbbbbbbbbbbb",
     .ip         = {10, 20, 2, 3},
     .ip6        = {0xfd, [15] = 3},
     .is_paused  = true,
     .port_count = 1,
     .ports      = {{false, 8081, 80}}                  },
};
static network_plan_t network = {
    .id          = "netnetne",
    .index       = 64,
    .subnet      = {10, 20, 2, 77},
    .prefix      = 24,
    .subnet6     = {0xfd},
    .guests      = guests,
    .guest_count = 2
};

TEST(the_rules_of_a_network_are_these)
{
    char *text = nft_network_text(&site, &network);
    OK(is_golden("network.nft", text));
    free(text);
}

TEST(the_rules_of_the_host_are_these)
{
    char *text = nft_host_text(&site, &(firewall_plan_t){&network, 1});
    OK(is_golden("host.nft", text));
    free(text);
}

TEST(the_config_of_a_machine_is_this)
{
    static char web[] = "/bin/web", arg[] = "--port=80", key[] = "CONTRACT_ID", value[] = "42",
                cwd[] = "/srv", target[] = "/data";
    char *args[]     = {web, arg, NULL};
    plan_env_t env[] = {
        {key, value}
    };
    plan_mount_t mount  = {.source = "/pool/vol-x", .target = target};
    machine_plan_t plan = {.wid         = "aaaaaaaaaaaa",
                           .user_base   = 165536,
                           .cpu_millis  = 1500,
                           .memory      = 268435456,
                           .hostname    = "web",
                           .args        = args,
                           .cwd         = cwd,
                           .uid         = 33,
                           .gid         = 33,
                           .env         = env,
                           .env_count   = 1,
                           .mounts      = &mount,
                           .mount_count = 1};
    oci_place_t place   = {"/zos/aaaaaaaaaaaa", "/run/zos/w/aaaaaaaaaaaa", false};
    char *text          = oci_config(&plan, &place);
    OK(is_golden("config-v1.json", text));
    free(text);
    plan.user_base     = 0;
    place.is_cgroup_v2 = true;
    text               = oci_config(&plan, &place);
    OK(is_golden("config-v2-plain.json", text));
    free(text);
}

TEST(entry_points_are_split_as_a_shell_does_and_no_more)
{
    static const struct {
        const char *text, *words[6];
    } cases[] = {
        {"/sbin/zinit init",           {"/sbin/zinit", "init"}            },
        {"  a\tb\n",                   {"a", "b"}                         },
        {"sh -c 'echo \"$A\" > x; y'", {"sh", "-c", "echo \"$A\" > x; y"} },
        {"a \"b \\\" c\" d\\ e",       {"a", "b \" c", "d e"}             },
        {"a '' \"\"b",                 {"a", "", "b"}                     },
        {"",                           {NULL}                             },
        {"$(reboot) `x` ; | &",        {"$(reboot)", "`x`", ";", "|", "&"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char **words = plan_words(cases[i].text);
        OK(words);
        size_t n = 0;
        for (; words[n]; n++)
            OK(cases[i].words[n] && strcmp(words[n], cases[i].words[n]) == 0);
        OK(!cases[i].words[n]);
        plan_words_free(words);
    }
    OK(!plan_words("a 'b"));
    OK(!plan_words("\""));
}

TEST(names_and_addresses_are_those_of_their_owner)
{
    char a[WID_LEN + 1], b[WID_LEN + 1], n[NETWORK_LEN + 1];
    uint8_t address[4];
    plan_wid(7, 42, "web", a);
    plan_wid(7, 42, "web", b);
    OK(strcmp(a, b) == 0 && strlen(a) == WID_LEN && strspn(a, "abcdefghijklmnopqrstuvwxyz234567") == WID_LEN);
    plan_wid(7, 4, "2-web", b); /* the parts cannot run into each other: names have no dash */
    OK(strcmp(a, b) != 0);
    plan_network_id(7, "net", n);
    EQ(strlen(n), NETWORK_LEN);
    uint8_t range[4], other[4];
    network_range("zos", range);
    network_range("zt", other);
    OK(memcmp(range, other, 4) != 0);
    EQ(range[0], 100);
    OK(range[1] >= 65 && range[1] <= 127);
    EQ(range[2] % 64, 0);
    network_host_end("zos", 0, address);
    OK(memcmp(address, range, 3) == 0);
    EQ(address[3], 1);
    network_far_end("zos", NETWORK_INDEX_MAX, address);
    EQ(address[2], range[2] + 63);
    EQ(address[3], 254);
    network_gateway(&network, address);
    OK(memcmp(address, (uint8_t[]){10, 20, 2, 1}, 4) == 0);
    OK(network_has_guest((uint8_t[]){10, 20, 2, 0}, 24, (uint8_t[]){10, 20, 2, 2}));
    OK(network_has_guest((uint8_t[]){10, 20, 2, 0}, 24, (uint8_t[]){10, 20, 2, 254}));
    OK(!network_has_guest((uint8_t[]){10, 20, 2, 0}, 24, (uint8_t[]){10, 20, 2, 1}));
    OK(!network_has_guest((uint8_t[]){10, 20, 2, 0}, 24, (uint8_t[]){10, 20, 2, 255}));
    OK(!network_has_guest((uint8_t[]){10, 20, 2, 0}, 24, (uint8_t[]){10, 20, 3, 2}));
}

TEST(the_shim_reads_what_the_agent_writes)
{
    static shim_plan_t plan, again;
    char folder[64];
    snprintf(folder, sizeof folder, "/tmp/zt-plan-%d", getpid());
    OK(folder_make(folder, 0700));
    plan = (shim_plan_t){
        .wid          = "aaaaaaaaaaaa",
        .image        = "/i",
        .root         = "/r",
        .runtime      = "/usr/sbin/runc",
        .runtime_root = "/rr",
        .cgroup       = "zos/a",
        .user_base    = 4294901760u,
        .volume_count = 1,
        .volumes      = {"/p/vol-x"},
        .netns        = "zosn-x",
        .bridge       = "br",
        .veth         = "vx",
        .ip           = {  255,        20, 2, 2},
        .prefix       = 24,
        .gateway      = { 10,          20, 2, 1},
        .ip6          = {         0xfd,         [15] = 2},
        .gateway6     = {         0xfd,       [15] = 1}
    };
    snprintf(plan.folder, sizeof plan.folder, "%s", folder);
    char path[PATH_CAP], written[8192], rewritten[8192];
    OK(path_join(path, "%s/shim.json", folder));
    OK(shim_plan_write(&plan) && file_read(path, written, sizeof written));
    OK(shim_plan_read(folder, &again));
    OK(memcmp(again.ip6, plan.ip6, 16) == 0 && memcmp(again.gateway6, plan.gateway6, 16) == 0);
    OK(shim_plan_write(&again) && file_read(path, rewritten, sizeof rewritten));
    OK(strcmp(written, rewritten) == 0);
    shim_run_t run = {.pid = getpid(), .start_ticks = process_start_ticks(getpid())};
    boot_id(run.boot);
    OK(shim_run_is_alive(&run));
    run.start_ticks++;
    OK(!shim_run_is_alive(&run));
    OK(folder_remove(folder));
    OK(!file_exists(folder));
}

static bool reads(const char *text, char error[CONFIG_ERROR_MAX + 1], config_t *config)
{
    char path[64];
    int rest;
    snprintf(path, sizeof path, "/tmp/zt-config-%d.json", getpid());
    if (!file_replace(path, text, strlen(text), 0600)) return false;
    char program[] = "zos-agent", option[] = "--config", memory[] = "--mru", bytes[] = "4294967296",
         word[]  = "status";
    char *argv[] = {program, option, path, memory, bytes, word, NULL};
    bool is_ok   = config_read(config, 6, argv, &rest, error);
    unlink(path);
    return is_ok && rest == 5;
}

TEST(the_operator_is_understood_or_told)
{
    char error[CONFIG_ERROR_MAX + 1];
    config_t config;
    OK(reads("{\"state_dir\":\"/s\",\"substrate\":[\"ws://a\",\"ws://b\"],\"key_file\":\"/"
             "k\",\"farm_id\":3,\"relay\":{\"domain\":\"grid.local\"},"
             "\"relay_at\":{\"grid.local\":\"tcp://"
             "127.0.0.1:1\"},\"capacity\":{\"cru\":4,\"mru\":1,\"sru\":107374182400,\"hru\":0},\"block_lan\":"
             "false,"
             "\"location\":{\"city\":\"Ghent\"},\"prometheus_port\":9616}",
             error, &config));
    EQ(config.substrate_count, 2);
    OK(strcmp(config.substrate[1], "ws://b") == 0);
    EQ(config.farm_id, 3);
    EQ(config.capacity.mru, UINT64_C(4) << 30); /* the option goes before the file */
    EQ(config.is_lan_blocked, false);
    OK(config_check(&config, error));
    EQ(config.relay_at.count, 1);
    EQ(config.witnesses, CONFIG_WITNESSES_AUTO);
    config.witnesses = 2; /* two others of two nodes */
    OK(!config_check(&config, error));
    OK(strstr(error, "witnesses is 2, but substrate lists 1 nodes"));
    config.witnesses = 1;
    OK(config_check(&config, error));
    config_fini(&config);

    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"{\"farm\":1}",                       "not known"    },
        {"{\"farm_id\":\"x\"}",                "does not fit" },
        {"{\"farm_id\":-1}",                   "does not fit" },
        {"{\"witnesses\":-1}",                 "does not fit" },
        {"{\"farm_id\":4294967296}",           "does not fit" },
        {"{\"block_lan\":1}",                  "does not fit" },
        {"[]",                                 "not an object"},
        {"{\"relay_at\":{\"a\":\"ftp://x\"}}", "no URL"       },
        {"{",                                  "line"         },
        {"{\"farm_id\":1,\"farm_id\":2}",      "line"         },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        OK(!reads(wrong[i].text, error, &config));
        if (!strstr(error, wrong[i].says)) printf("%s: %s\n", wrong[i].text, error);
        OK(strstr(error, wrong[i].says));
        config_fini(&config);
    }
    OK(reads("{\"substrate\":\"ws://"
             "a\",\"relay\":{\"domain\":\"d\"},\"farm_id\":1,\"key_file\":\"k\",\"capacity\":{\"cru\":1,"
             "\"sru\":1}}",
             error, &config));
    OK(!config_check(&config, error));
    OK(strstr(error, "100 GiB"));
    config_fini(&config);
}

/* As `key`, `.last` of a row that begins with the others of its object, or `object` as a whole. */
static bool is_documented(const char *text, const char *key)
{
    char whole[64], last[64], object[64];
    const char *dot = strchr(key, '.');
    snprintf(whole, sizeof whole, "`%s`", key);
    snprintf(last, sizeof last, "`%s`", dot ? dot : key);
    snprintf(object, sizeof object, "`%.*s`", (int)(dot ? dot - key : 0), key);
    return strstr(text, whole) || (dot && (strstr(text, last) || strstr(text, object)));
}

TEST(every_key_of_the_configuration_is_documented)
{
    static char text[128 << 10], code[64 << 10];
    unsigned count = 0;
    OK(file_read(TRELLIS_SOURCE_DIR "/docs/zos-agent.md", text, sizeof text));
    OK(file_read(TRELLIS_SOURCE_DIR "/zos-agent/config.c", code, sizeof code));
    char *row = strstr(code, "settings[] = {"), *end = row ? strstr(row, "\n};") : NULL;
    OK(end);
    *end = 0;
    while ((row = strstr(row, "    {\""))) {
        char key[48];
        OK(sscanf(row += strlen("    {\""), "%47[a-z0-9_.]", key) == 1);
        if (!is_documented(text, key)) printf("%s is not in docs/zos-agent.md\n", key);
        OK(is_documented(text, key));
        count++;
    }
    OK(count > 60);
}

TEST(a_key_that_others_can_read_is_refused)
{
    char path[64], error[CONFIG_ERROR_MAX + 1], kind[] = "sr25519";
    keypair_t key;
    snprintf(path, sizeof path, "/tmp/zt-key-%d", getpid());
    config_t config = {.key_file = path, .key_kind = kind};
    OK(crypto_init());
    OK(file_replace(path, "//Alice\n", 8, 0644));
    OK(!config_key(&config, &key, error));
    OK(strstr(error, "chmod"));
    unlink(path);
    OK(file_replace(path, "//Alice\n", 8, 0600));
    OK(config_key(&config, &key, error));
    EQ(key.account.b[0], 0xd4);
    unlink(path);
    OK(!config_key(&config, &key, error));
}

int main(int argc, char **argv)
{
    is_writing = argc == 2 && strcmp(argv[1], "--write") == 0;
    return test_main_(is_writing ? 1 : argc, argv);
}
