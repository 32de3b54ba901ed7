/* Hostile deployments: who takes all that he can get takes nothing from his neighbour or the host, and what
 * is badly meant is refused before anything of it is made.  Needs root. */
#include "core.h"

#include <sys/statvfs.h>

#define GOOD       42
#define FIRST_BAD  100
#define ATTACK_MS  1000
#define PARSE_MS   2000 /* for the largest text that is looked at, under a sanitizer */
#define HUGE_COUNT (DEPLOYMENT_LIST_CAP + 1)

static char error[ENGINE_ERROR_MAX + 1];

/* ---- machines that attack ---- */

static json_t *attacker(const char *entrypoint)
{
    return json_pack("[{s:i,s:s,s:s,s:{s:I}},{s:i,s:s,s:s,s:{s:s}},{s:i,s:s,s:s,s:{s:s,s:s,s:{s:[{s:s,s:s}]},"
                     "s:{s:i,s:I},s:[{s:s,s:s}]}}]",
                     "version", 0, "name", "data", "type", "volume", "data", "size", (json_int_t)(16 << 20),
                     "version", 0, "name", "net", "type", "network-light", "data", "subnet", "10.20.3.0/24",
                     "version", 0, "name", "web", "type", "zmachine-light", "data", "flist", "oci:web-demo",
                     "entrypoint", entrypoint, "network", "interfaces", "network", "net", "ip", "10.20.3.2",
                     "compute_capacity", "cpu", 1, "memory", (json_int_t)268435456, "mounts", "name", "data",
                     "mountpoint", "/data");
}

static int first_process(uint32_t twin, uint64_t contract) { return core_process(twin, contract, "web"); }

static uint64_t oom_kills(uint32_t twin, uint64_t contract)
{
    char wid[WID_LEN + 1];
    cgroup_usage_t usage = {0};
    plan_wid(twin, contract, "web", wid);
    return machine_usage(&host, wid, &usage) ? usage.oom_kills : 0;
}

/* What a file system has left that others could use. */
static uint64_t room_left(const char *path)
{
    struct statvfs fs;
    return statvfs(path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}

static const struct {
    const char *entrypoint;
    bool is_for_memory;
} attacks[] = {
    {"sh -c 'while :; do dd if=/dev/zero of=/dev/null bs=1G count=1; sleep 1; done'",               true },
    {"sh -c 'bomb() { bomb | bomb & }; bomb 2>/dev/null; while :; do sleep 9; done'",               false},
    {"sh -c 'dd if=/dev/zero of=/big bs=1M; while :; do dd if=/dev/zero of=/data/big bs=1M; done'", false},
    {"yes a line that is written again and again until the disk of the host is full of it",         false},
    {"sh -c 'while :; do kill -9 -1; kill -STOP -1; done'",                                         false},
    {"sh -c 'i=0; while :; do i=$((i+1)); mkdir -p /data/$i/$i; : > /data/$i/f; done'",             false},
};
#define ATTACKS (sizeof attacks / sizeof *attacks)

/* One after the other, each for a second: together they would be felt by others on this machine. */
TEST(who_takes_all_he_can_get_takes_nothing_from_his_neighbour)
{
    core_open();
    OK(engine_deploy(engine, deployment(GOOD, web("oci:web-demo", ports(real_port), 16 << 20)), 1, error));
    core_work(5000);
    IS(GOOD, "web", "ok");
    int pid       = first_process(7, GOOD);
    uint64_t room = room_left(host.state_dir);
    OK(pid != 0);
    for (uint32_t i = 0; i < ATTACKS; i++) {
        uint64_t killed = 0, contract = FIRST_BAD + i, end_ms = now_ms() + ATTACK_MS;
        deployment_t *bad = deployment_of(8, 0, contract, attacker(attacks[i].entrypoint));
        bool is_taken = engine_deploy(engine, bad, (int64_t)(now_ms() / 1000), error), is_there = is_taken;
        while (now_ms() < end_ms ||
               (attacks[i].is_for_memory && killed == 0 && now_ms() < end_ms + 10 * ATTACK_MS)) {
            core_work(200);
            is_there = is_there && strstr(real_fetch("127.0.0.1", real_port, 5000), "<b>42</b>");
            killed += oom_kills(8, contract);
        }
        engine_desire(engine, contract, DESIRED_DELETED, "cancelled", "block", 2);
        core_work(8000);
        if (!is_taken || !is_there || (attacks[i].is_for_memory && killed == 0))
            printf("%s: %s\n", attacks[i].entrypoint,
                   is_there ? "nothing was killed" : "the neighbour is gone");
        OK(is_taken && is_there && (!attacks[i].is_for_memory || killed > 0));
        OK(first_process(7, GOOD) == pid);
    }
    uint64_t taken = room > room_left(host.state_dir) ? room - room_left(host.state_dir) : 0;
    if (taken > UINT64_C(4) << 30) printf("%llu bytes are gone\n", (unsigned long long)taken);
    OK(taken < UINT64_C(4) << 30); /* their disks and logs; others write here, too */
    IS(GOOD, "web", "ok");
    engine_desire(engine, GOOD, DESIRED_DELETED, "cancelled", "block", 2);
    core_work(8000);
    OK(engine_is_idle(engine));
    core_close();
    OK(left_nothing());
}

/* ---- deployments that are badly meant ---- */

/* Replaces the value at a path like "2.data.network.interfaces.0.ip" in a list of workloads. */
static void put(json_t *at, const char *path, json_t *value)
{
    char part[64];
    for (;;) {
        size_t len = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)len, path);
        bool is_index = json_is_array(at);
        if (path[len] == 0) {
            if (is_index)
                json_array_set_new(at, strtoul(part, NULL, 10), value);
            else
                json_object_set_new(at, part, value);
            return;
        }
        at   = is_index ? json_array_get(at, strtoul(part, NULL, 10)) : json_object_get(at, part);
        path = path + len + 1;
    }
}

/* Refused before it is taken, or an error of its workload with nothing made. */
static bool is_refused(uint64_t contract, json_t *workloads)
{
    char why[DEPLOYMENT_ERROR_MAX + 1] = "";
    json_t *json    = json_pack("{s:i,s:i,s:I,s:o}", "version", 0, "twin_id", 7, "contract_id",
                                (json_int_t)contract, "workloads", workloads);
    deployment_t *d = json ? deployment_from_json(json, why) : NULL;
    json_decref(json);
    bool is_taken = d && deployment_valid(d, why);
    if (!is_taken) {
        deployment_free(d);
        return why[0] != 0 || json == NULL;
    }
    if (!engine_deploy(engine, d, (int64_t)(now_ms() / 1000), error)) return error[0] != 0;
    core_work(1500);
    bool is_error =
        strcmp(result_of(contract, "web", "state"), "error") == 0 && first_process(7, contract) == 0;
    engine_desire(engine, contract, DESIRED_DELETED, "cancelled", "block", 2);
    core_work(1000);
    return is_error;
}

static const struct {
    const char *path, *value; /* JSON */
} meant_badly[] = {
    {"2.name",                         "\"../../etc\""                                                                        },
    {"2.name",                         "\"a/b\""                                                                              },
    {"2.name",                         "\"a\\nb\""                                                                            },
    {"2.name",                         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""                                            },
    {"1.name",                         "\"..\""                                                                               },
    {"0.name",                         "\"$(reboot)\""                                                                        },
    {"2.data.mounts.0.mountpoint",     "\"/data/../../etc\""                                                                  },
    {"2.data.mounts.0.mountpoint",     "\"data\""                                                                             },
    {"2.data.mounts.0.mountpoint",     "\"/\""                                                                                },
    {"2.data.mounts.0.mountpoint",     "\"/proc/sys\""                                                                        },
    {"2.data.mounts.0.mountpoint",     "\"/sys/fs/cgroup\""                                                                   },
    {"2.data.mounts.0.mountpoint",     "\"/etc/resolv.conf\""                                                                 },
    {"2.data.mounts.0.name",           "\"../root\""                                                                          },
    {"2.data.flist",                   "\"/etc/shadow\""                                                                      },
    {"2.data.flist",                   "\"file:///etc/shadow\""                                                               },
    {"2.data.flist",                   "\"oci:../../../etc\""                                                                 },
    {"2.data.flist",                   "\"sha256:../../state.db\""                                                            },
    {"2.data.flist",                   "\"http://169.254.169.254/x\""                                                         },
    {"2.data.entrypoint",              "\"/usr/sbin/runc\""                                                                   },
    {"2.data.env",                     "{\"A=B\": \"c\"}"                                                                     },
    {"2.data.network.interfaces.0.ip", "\"10.20.3.1\""                                                                        },
    {"2.data.network.interfaces.0.ip", "\"10.20.3.255\""                                                                      },
    {"2.data.network.interfaces.0.ip", "\"10.20.4.2\""                                                                        },
    {"2.data.network.interfaces.0.ip", "\"127.0.0.1\""                                                                        },
    {"2.data.network.interfaces.0.ip", "\"fe80::1\""                                                                          },
    {"2.data.network.interfaces",      "[]"                                                                                   },
    {"2.data.compute_capacity.memory", "1"                                                                                    },
    {"2.data.compute_capacity.memory", "9223372036854775807"                                                                  },
    {"2.data.compute_capacity.memory", "-1"                                                                                   },
    {"2.data.compute_capacity.memory", "1e30"                                                                                 },
    {"2.data.compute_capacity.cpu",    "0"                                                                                    },
    {"2.data.compute_capacity.cpu",    "300"                                                                                  },
    {"2.data.size",                    "9007199254740993"                                                                     },
    {"2.data.gpu",                     "[\"0000:00:00.0/../../etc\"]"                                                         },
    {"1.data.subnet",                  "\"0.0.0.0/0\""                                                                        },
    {"1.data.subnet",                  "\"10.20.3.0/31\""                                                                     },
    {"1.data.subnet",                  "\"10.20.3.0/-1\""                                                                     },
    {"1.data.subnet",                  "\"fd00::/64\""                                                                        },
    {"1.data.wireguard_private_key",   "\"key\\nPostUp = reboot\""                                                            },
    {"0.data.size",                    "-1"                                                                                   },
    {"0.data.size",                    "0"                                                                                    },
    {"2.metadata",                     "\"{\\\"ports\\\":[{\\\"proto\\\":\\\"tcp\\\",\\\"host\\\":0,\\\"guest\\\":80}]}\""    },
    {"2.metadata",                     "\"{\\\"ports\\\":[{\\\"proto\\\":\\\"tcp\\\",\\\"host\\\":65536,\\\"guest\\\":80}]}\""},
    {"2.metadata",                     "\"{\\\"ports\\\":{\\\"tcp; drop\\\":80}}\""                                           },
    {"2.type",                         "\"zmachine; reboot\""                                                                 },
    {"2.data",                         "null"                                                                                 },
};

TEST(what_is_badly_meant_is_refused)
{
    core_open();
    for (size_t i = 0; i < sizeof meant_badly / sizeof *meant_badly; i++) {
        json_t *workloads = attacker(""), *value = json_loads(meant_badly[i].value, JSON_DECODE_ANY, NULL);
        OK(workloads && value);
        put(workloads, meant_badly[i].path, value);
        bool is_right = is_refused(200 + i, workloads);
        if (!is_right)
            printf("taken: %s = %s: %s\n", meant_badly[i].path, meant_badly[i].value,
                   result_of(200 + i, "web", "state"));
        OK(is_right);
    }
    core_work(3000);
    OK(engine_is_idle(engine));
    core_close();
    OK(left_nothing());
}

static bool parses_quickly(const char *text, size_t len)
{
    char why[DEPLOYMENT_ERROR_MAX + 1];
    uint64_t start_ms = now_ms();
    deployment_t *d   = deployment_parse((bytes_t){(const uint8_t *)text, (uint32_t)len}, why);
    bool is_parsed    = d != NULL;
    deployment_free(d);
    if (now_ms() - start_ms > PARSE_MS) printf("%llu ms\n", (unsigned long long)(now_ms() - start_ms));
    return is_parsed || now_ms() - start_ms > PARSE_MS;
}

/* A deployment whose metadata, or list of workloads, or environment, has so many parts. */
TEST(huge_texts_are_refused_at_once)
{
    json_t *many = json_array(), *env = json_object(), *workloads = attacker("");
    char key[16], *text;
    for (unsigned i = 0; i < HUGE_COUNT; i++) {
        snprintf(key, sizeof key, "k%u", i);
        json_array_append(many, json_array_get(workloads, 0));
        json_object_set_new(env, key, json_string("v"));
    }
    json_t *json =
        json_pack("{s:i,s:i,s:i,s:o}", "version", 0, "twin_id", 7, "contract_id", 1, "workloads", many);
    text = json_dumps(json, 0);
    OK(text && !parses_quickly(text, strlen(text)));
    free(text);
    json_object_set(json, "workloads", workloads);
    put(workloads, "2.data.env", env);
    text = json_dumps(json, 0);
    OK(text && !parses_quickly(text, strlen(text)));
    free(text);
    json_decref(workloads);
    json_decref(json);

    size_t len = 8 << 20; /* each of these is far more than a node takes */
    text       = malloc(len + 1);
    OK(text);
    static const struct {
        const char *start, *again;
    } floods[] = {
        {"",                 "["                },
        {"",                 "{\"a\":"          },
        {"{\"metadata\":\"", "\\u0041"          },
        {"{\"version\":",    "9"                },
        {"{\"workloads\":[", "{},"              },
        {"{",                "\"same\":1,"      },
        {"{\"workloads\":[", "[[[[[[[[]]]]]]]],"},
    };
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++)
        for (size_t size = DEPLOYMENT_JSON_MAX - 64; size <= len; size = size < len ? len : len + 1) {
            size_t used = strlen(floods[i].start), part = strlen(floods[i].again);
            memcpy(text, floods[i].start, used);
            for (; used + part < size; used += part)
                memcpy(text + used, floods[i].again, part);
            OK(!parses_quickly(text, used));
        }
    free(text);
}

int main(int argc, char **argv) { return core_main(argc, argv, real_obstacle()); }
