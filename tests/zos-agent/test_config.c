/* The operator's file and options, the node's key, and what the machine offers by itself. */
#include "config.h"
#include "hardware.h"
#include "runner.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], error[CONFIG_ERROR_MAX + 1];

static const char *in_folder(const char *name)
{
    static char paths[4][PATH_CAP];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, PATH_CAP, "%s/%s", folder, name);
    return path;
}

static bool put(const char *name, const char *text, unsigned mode)
{
    char path[PATH_CAP];
    snprintf(path, sizeof path, "%s", in_folder(name));
    char *slash = strrchr(path, '/');
    *slash      = 0;
    bool is_ok  = folder_make(path, 0755);
    *slash      = '/';
    return is_ok && file_replace(path, text, strlen(text), mode);
}

/* Reads a file of this text, with one more option and its value. */
static bool reads(config_t *config, const char *text, const char *option, const char *value)
{
    char program[] = "zos-agent", config_option[] = "--config", path[PATH_CAP], name[64], given[256];
    int rest, count                               = option ? 5 : 3;
    snprintf(name, sizeof name, "%s", option ? option : "");
    snprintf(given, sizeof given, "%s", value ? value : "");
    if (!put("agent.json", text, 0600)) return false;
    snprintf(path, sizeof path, "%s", in_folder("agent.json"));
    char *argv[] = {program, config_option, path, name, given, NULL};
    return config_read(config, count, argv, &rest, error) && rest == count;
}

static bool is_refused(const char *text, const char *why)
{
    config_t config;
    bool is_ok = !reads(&config, text, NULL, NULL) && strstr(error, why);
    config_fini(&config);
    if (!is_ok) printf("%s: %s\n", text, error);
    return is_ok;
}

/* ---- the file ---- */

static const char every_key[] =
    "{\"state_dir\":\"/a\",\"run_dir\":\"/b\",\"prefix\":\"zz\",\"shim\":\"/"
    "c\",\"runtime\":\"crun\",\"pool_dir\":\"/d\","
    "\"pool_size\":1,\"block_lan\":false,\"user_namespaces\":false,\"btrfs\":false,\"stop_workloads\":true,"
    "\"dns\":[\"1.2.3.4\",\"5.6.7.8\"],\"gateway\":{\"domain\":\"g.example\",\"address\":\"1.2.3.4\","
    "\"certificate\":"
    "\"/e\",\"http_port\":8080,\"https_port\":8443},\"public\":{\"link\":\"eth1\",\"net6\":\"2001:db8::/64\","
    "\"gateway6\":\"2001:db8::1\",\"routed\":false},\"ipv6\":false,\"zdb\":{\"port\":9901,\"address\":[\"1.2."
    "3.4\"]},"
    "\"vm_kernel\":\"/boot/k\",\"vm_default\":true,\"vm_emulated\":true,\"substrate\":[\"ws://a\",\"ws://"
    "b\"],"
    "\"witnesses\":1,\"relay\":{\"domain\":[\"r.example\"]},\"relay_at\":{\"r.example\":\"wss://"
    "x\"},\"ca_file\":\"/f\","
    "\"key_file\":\"/g\",\"key_password_file\":\"/h\",\"seed\":\"11\",\"key_kind\":\"ed25519\",\"farm_id\":7,"
    "\"capacity\":{\"cru\":1,\"mru\":2,\"sru\":3,\"hru\":4},\"overcommit\":{\"cru\":2.5,\"mru\":1,\"sru\":1."
    "0,\"hru\":1},"
    "\"reserved\":{\"cru\":1,\"mru\":2,\"sru\":3,\"hru\":4},\"trash_hours\":0,\"image_cache\":5,\"image_"
    "days\":6,"
    "\"perf\":false,\"power_off\":\"/"
    "i\",\"kyc_url\":\"https://"
    "kyc.example\",\"iperf_servers\":\"1.2.3.4:5201\",\"admin_twins\":\"1,2\",\"location\":{\"city\":\"c\","
    "\"country\":"
    "\"d\",\"country_code\":\"BE\",\"continent\":\"Europe\","
    "\"latitude\":\"1\",\"longitude\":\"2\"},\"terms\":{\"link\":\"l\",\"hash\":\"h\"},\"prometheus_port\":"
    "9616,"
    "\"uptime_interval_s\":1,\"nru_interval_s\":2,\"meter_interval_s\":3,\"sync_interval_s\":4,\"log_level\":"
    "\"debug\","
    "\"log_json\":true,\"json\":true,\"lanes\":2}";

TEST(every_key_is_read_and_an_option_goes_before_it)
{
    config_t config;
    OK(reads(&config, every_key, "--prometheus-port", "9700"));
    EQ(config.prometheus_port, 9700);
    EQ(config.gateway_https_port, 8443);
    OK(strcmp(config.continent, "Europe") == 0 && strcmp(config.iperf_servers, "1.2.3.4:5201") == 0);
    EQ(config.overcommit.cru, 250);
    EQ(config.capacity.hru, 4);
    EQ(config.substrate_count, 2);
    OK(config.is_user_space_off && config.is_ext4_forced && config.is_ipv6_off && config.is_perf_off);
    OK(strcmp(config.dns[1], "5.6.7.8") == 0 && strcmp(config.key_password_file, "/h") == 0);
    config_fini(&config);
    const char *missing                = NULL; /* in the help */
    static const char *const options[] = {"--state-dir",   "--key-password-file", "--witnesses",
                                          "--trash-hours", "--vm-kernel",         "--public-link",
                                          "--zdb-port",    "--power-off"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!strstr(config_help, options[i])) missing = options[i];
    if (missing) printf("%s is not in the help\n", missing);
    OK(!missing);
}

TEST(a_mistake_is_named)
{
    static const struct {
        const char *text, *why;
    } mistakes[] = {
        {"{\"capcity\":{}}",                    "capcity"          },
        {"{\"capacity\":{\"cpu\":1}}",          "capacity.cpu"     },
        {"{\"capacity\":{\"cru\":-1}}",         "capacity.cru"     },
        {"{\"capacity\":{\"cru\":1.5}}",        "capacity.cru"     },
        {"{\"state_dir\":{}}",                  "state_dir"        },
        {"{\"state_dir\":null}",                "state_dir"        },
        {"{\"prometheus_port\":65536}",         "prometheus_port"  },
        {"{\"zdb\":{\"port\":99999}}",          "zdb.port"         },
        {"{\"gateway\":{\"http_port\":\"x\"}}", "gateway.http_port"},
        {"{\"dns\":[\"1\",\"2\",\"3\",\"4\"]}", "dns"              },
        {"{\"dns\":[1]}",                       "dns"              },
        {"{\"overcommit\":{\"mru\":0}}",        "overcommit.mru"   },
        {"{\"overcommit\":{\"mru\":101}}",      "overcommit.mru"   },
        {"{\"block_lan\":\"yes\"}",             "block_lan"        },
        {"{\"farm_id\":1,\"farm_id\":2}",       "duplicate"        },
        {"{\"relay_at\":{\"r\":\"ftp://x\"}}",  "relay_at"         },
        {"{\"farm_id\":4294967296}",            "farm_id"          },
        {"[]",                                  "not an object"    },
        {"{\"farm_id\":1",                      "line 1"           },
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        OK(is_refused(mistakes[i].text, mistakes[i].why));
}

/* ---- the key ---- */

static const char sealed_by[] = "correct horse";

static bool has_key(const char *key_file, const char *password_file)
{
    keypair_t key   = {0};
    config_t config = {0};
    char name[PATH_CAP], word[PATH_CAP], kind[] = "sr25519";
    snprintf(name, sizeof name, "%s", key_file);
    snprintf(word, sizeof word, "%s", password_file ? password_file : "");
    config.key_file          = name;
    config.key_kind          = kind;
    config.key_password_file = password_file ? word : NULL;
    bool is_ok               = config_key(&config, &key, error);
    key_wipe(&key);
    return is_ok;
}

static bool seal(const char *name)
{
    unlink(in_folder(name));
    return key_file_write(in_folder(name), "//Alice", KEY_SR25519, sealed_by) == KEY_OK;
}

TEST(a_key_that_others_can_read_is_not_taken)
{
    OK(put("plain", "//Alice\n", 0600) && has_key(in_folder("plain"), NULL));
    OK(put("plain", "//Alice\n", 0640) && !has_key(in_folder("plain"), NULL) && strstr(error, "chmod 600"));
    OK(put("plain", "//Alice\n", 0600));
    if (geteuid() == 0) {
        OK(chown(in_folder("plain"), 12345, 0) == 0 && !has_key(in_folder("plain"), NULL));
        OK(strstr(error, "another user"));
    }
    OK(!has_key(in_folder("none"), NULL));
}

TEST(a_sealed_key_is_opened_by_a_word_from_the_environment_which_is_gone_then_or_from_a_file)
{
    OK(seal("sealed"));
    OK(!has_key(in_folder("sealed"), NULL));
    setenv("TRELLIS_KEY_PASSWORD", sealed_by, 1);
    OK(has_key(in_folder("sealed"), NULL));
    OK(!getenv("TRELLIS_KEY_PASSWORD"));
    OK(put("word", "wrong\n", 0600) && !has_key(in_folder("sealed"), in_folder("word")));
    OK(!strstr(error, "wrong\n") && !strstr(error, sealed_by));
    OK(put("word", "correct horse\n", 0600) && has_key(in_folder("sealed"), in_folder("word")));
    OK(put("word", "correct horse\n", 0644) && !has_key(in_folder("sealed"), in_folder("word")));
}

TEST(a_key_comes_from_the_service_manager_too)
{
    unsetenv("CREDENTIALS_DIRECTORY");
    OK(!has_key("credential:node.key", NULL) && strstr(error, "service manager"));
    OK(put("credentials/node.key", "//Alice", 0400) && seal("credentials/sealed") &&
       put("credentials/word", sealed_by, 0400));
    setenv("CREDENTIALS_DIRECTORY", in_folder("credentials"), 1);
    OK(has_key("credential:node.key", NULL));
    OK(has_key("credential:sealed", "credential:word"));
    OK(!has_key("credential:../plain", NULL));
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* ---- the machine ---- */

static bool make_disk(const char *name, const char *sectors, const char *turns, const char *model,
                      const char *removable)
{
    char path[128];
    snprintf(path, sizeof path, "sys/block/%s/size", name);
    bool is_ok = put(path, sectors, 0644);
    snprintf(path, sizeof path, "sys/block/%s/queue/rotational", name);
    is_ok = is_ok && put(path, turns, 0644);
    snprintf(path, sizeof path, "sys/block/%s/removable", name);
    is_ok = is_ok && put(path, removable, 0644);
    snprintf(path, sizeof path, "sys/block/%s/device/model", name);
    return is_ok && put(path, model, 0644);
}

TEST(disks_are_found_with_what_they_are)
{
    hardware_t hardware;
    OK(make_disk("sda", "3907029168\n", "1\n", "  WDC WD20EFRX \n", "0\n"));
    OK(make_disk("nvme0n1", "1953525168\n", "0\n", "Samsung\x01SSD\n", "0\n"));
    OK(make_disk("vda", "1000\n", "1\n", "", "0\n"));
    OK(make_disk("sdb", "1000\n", "1\n", "stick", "1\n") && make_disk("loop0", "1000\n", "1\n", "", "0\n"));
    OK(make_disk("dm-0", "1000\n", "1\n", "", "0\n") && make_disk("sr0", "1000\n", "1\n", "DVD", "1\n"));
    OK(put("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\n", 0644));
    hardware_look(&hardware, in_folder("sys"), in_folder("proc"));
    EQ(hardware.memory, UINT64_C(16384000) * 1024);
    OK(hardware.cores >= 1);
    EQ(hardware.disk_count, 3);
    OK(strcmp(hardware.disks[0].name, "nvme0n1") == 0 && !hardware.disks[0].is_rotational);
    OK(strcmp(hardware.disks[0].model, "Samsung.SSD") == 0);
    OK(strcmp(hardware.disks[1].name, "sda") == 0 && hardware.disks[1].is_rotational);
    OK(strcmp(hardware.disks[1].model, "WDC WD20EFRX") == 0);
    EQ(hardware.disks[1].size, UINT64_C(3907029168) * 512);
    OK(!hardware.disks[2].is_rotational);
}

TEST(what_the_operator_left_open_is_what_there_is_and_the_same_each_time)
{
    hardware_t hardware = {.cores = 8, .memory = UINT64_C(16384000) * 1024};
    capacity_t open = {0}, again = {0}, given = {.cru = 2, .mru = 5, .hru = 7};
    uint64_t size;
    bool is_rotational;
    OK(hardware_room("/sys", in_folder("not/there/yet"), &size, &is_rotational) && size > 0);
    hardware_offer(&hardware, "/sys", "/", folder, &open);
    hardware_offer(&hardware, "/sys", "/", folder, &again);
    EQ(open.cru, 8);
    OK(open.mru <= hardware.memory && hardware.memory - open.mru < 64 << 20 && open.mru % (64 << 20) == 0);
    OK(open.sru + open.hru <= size / 10 * 9 && size / 10 * 9 - open.sru - open.hru < 1 << 30);
    OK((open.hru > 0) == is_rotational || open.sru + open.hru == 0);
    OK(memcmp(&open, &again, sizeof open) == 0);
    again.sru = again.hru = 0;
    hardware_offer(&hardware, "/sys", folder, NULL, &again);
    OK(again.sru + again.hru <= size / 10 * 7); /* images and logs are there, too */
    hardware_offer(&hardware, "/sys", folder, NULL, &given);
    EQ(given.cru, 2);
    EQ(given.mru, 5);
    EQ(given.sru, 0);
    EQ(given.hru, 7);
}

int main(int argc, char **argv)
{
    snprintf(folder, sizeof folder, "/tmp/zt-config-%d", getpid());
    if (!crypto_init() || !folder_make(folder, 0755)) return 1;
    int code = test_main_(argc, argv);
    folder_remove(folder);
    return code;
}
