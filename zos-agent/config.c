/* config.c - the file and the options: one table for both. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB          1073741824.0
#define CREDENTIAL   "credential:"
#define PASSWORD_MAX 255

const char config_help[] =
    "  --config FILE            JSON; options go before it\n"
    "  --state-dir DIR          state that survives a reboot (default /var/lib/zos)\n"
    "  --run-dir DIR            state that need not (default /run/PREFIX)\n"
    "  --prefix TEXT            of namespaces, links, groups and rules: one to four letters (default zos)\n"
    "  --substrate URL          a node of the chain, ws:// or wss://; several, with commas\n"
    "  --witnesses N            so many of the others must confirm that a contract is over before its "
    "workloads are\n"
    "                           deleted (default 1, where there are others; 0: none is asked)\n"
    "  --relay DOMAIN           the relay that this node is reached by; several, with commas\n"
    "  --relay-at DOMAIN=URL    where a relay is reached; default wss://DOMAIN\n"
    "  --ca-file FILE           certificates (PEM) to trust beside the system's\n"
    "  --key-file FILE          the node's secret: a secret URI, or a sealed key file\n"
    "  --key-password-file FILE what unseals it; else TRELLIS_KEY_PASSWORD of the environment.  Either file "
    "may "
    "be\n"
    "                           credential:NAME, in the folder that CREDENTIALS_DIRECTORY names\n"
    "  --seed HEX               the same as 32 bytes; seen by others on this machine: for tests\n"
    "  --key-kind KIND          sr25519 (default) or ed25519\n"
    "  --farm-id N              the farm that this node joins\n"
    "  --cru N, --mru BYTES, --sru BYTES, --hru BYTES   what the node offers: at least 1 core, 2 GiB, 100 "
    "GiB\n"
    "                           (default: all cores and memory, nine tenths of pool_dir or seven of\n"
    "                           the disk of state_dir, as SSD or HDD)\n"
    "  --city, --country, --latitude, --longitude, --country-code, --continent   where it is\n"
    "  --runtime NAME           runc or crun (default: what fits)\n"
    "  --pool-dir DIR           a mounted btrfs for disks (default: a file in the state directory)\n"
    "  --pool-size BYTES        of that file\n"
    "  --block-lan BOOL         workloads reach no private address (default true)\n"
    "  --user-namespaces BOOL   run workloads in user namespaces where the kernel can (default true)\n"
    "  --dns ADDRESS            name servers of workloads; several, with commas\n"
    "  --gateway-domain NAME    be a gateway for names below this domain; --gateway-address, "
    "--gateway-http-port,\n"
    "                           --gateway-https-port, --gateway-certificate FILE\n"
    "  --public-link NAME       public addresses are on the wire of this link\n"
    "  --public-net6 NET, --public-gateway6 IP   a /64 of public IPv6 addresses on that link\n"
    "  --public-routed BOOL     or whatever is sent to them comes to this host (default false)\n"
    "  --ipv6 BOOL              workloads reach the outside by IPv6 where this host does (default true)\n"
    "  --overcommit-cru RATIO   how much of the cores may be given away (default: no limit); the same for "
    "mru,\n"
    "                           sru and hru (default 1.0)\n"
    "  --reserved-mru BYTES     kept for the system (default: a tenth, at least 2 GiB); sru, hru, cru: "
    "default 0\n"
    "  --trash-hours N          how long a deleted disk is kept (default 24; 0: not at all)\n"
    "  --image-cache BYTES, --image-days N   images that nobody uses: how much of them is kept, and how "
    "long\n"
    "                           (default 20 GiB, 30 days)\n"
    "  --lanes N                deployments that are made, and that are removed, at once (default: one a "
    "core,\n"
    "                           2 to 8)\n"
    "  --perf BOOL              measure the node now and then (default true)\n"
    "  --iperf-servers IP:PORT,...   iperf3 servers that the line's speed is measured with\n"
    "  --kyc-url URL            a service of KYC that must say VERIFIED of who deploys (default: none is "
    "asked)\n"
    "  --power-off PROGRAM      turns the machine off, when the farmer wants that and nothing is on it\n"
    "  --admin-twins N,N        who may ask zos.debug beside the farmer\n"
    "  --zdb-port N             of the first database, the next ones have the next ports (default 9900); 0: "
    "none\n"
    "  --zdb-address IP         where they are reached; several, with commas (default: the node's own)\n"
    "  --prometheus-port N      metrics on 127.0.0.1\n"
    "  --stop-workloads BOOL    stop workloads when the agent stops (default false)\n"
    "  --vm-kernel FILE         run virtual machines; /boot/NAME is for images without a kernel of their "
    "own\n"
    "  --vm-default BOOL        run all machines as virtual ones (default false)\n"
    "  --log-level LEVEL        error, warn, info or debug;  --log-json true: a JSON object a line\n";

typedef enum { TEXT, TEXTS, NUMBER32, NUMBER64, PORT, FLAG, RELAY_AT, RATIO } kind_t;

typedef struct {
    const char *key; /* in the file, with dots between levels; as an option without what is before the dot */
    kind_t kind;
    size_t offset, cap; /* TEXTS: cap of the list; its count follows where count is */
    size_t count;
} setting_t;

#define AT(member) offsetof(config_t, member)
static const setting_t settings[] = {
    {"state_dir",             TEXT,     AT(state_dir),             0,                  0                  },
    {"run_dir",               TEXT,     AT(run_dir),               0,                  0                  },
    {"prefix",                TEXT,     AT(prefix),                0,                  0                  },
    {"shim",                  TEXT,     AT(shim),                  0,                  0                  },
    {"runtime",               TEXT,     AT(runtime),               0,                  0                  },
    {"pool_dir",              TEXT,     AT(pool_dir),              0,                  0                  },
    {"pool_size",             NUMBER64, AT(pool_size),             0,                  0                  },
    {"block_lan",             FLAG,     AT(is_lan_blocked),        0,                  0                  },
    {"user_namespaces",       FLAG,     AT(is_user_space_off),     1,                  0                  },
    {"btrfs",                 FLAG,     AT(is_ext4_forced),        1,                  0                  },
    {"stop_workloads",        FLAG,     AT(is_stopping_workloads), 0,                  0                  },
    {"dns",                   TEXTS,    AT(dns),                   3,                  0                  },
    {"gateway.domain",        TEXT,     AT(gateway_domain),        0,                  0                  },
    {"gateway.address",       TEXT,     AT(gateway_address),       0,                  0                  },
    {"gateway.certificate",   TEXT,     AT(gateway_certificate),   0,                  0                  },
    {"gateway.http_port",     PORT,     AT(gateway_http_port),     0,                  0                  },
    {"gateway.https_port",    PORT,     AT(gateway_https_port),    0,                  0                  },
    {"public.link",           TEXT,     AT(public_link),           0,                  0                  },
    {"public.net6",           TEXT,     AT(public_net6),           0,                  0                  },
    {"public.gateway6",       TEXT,     AT(public_gateway6),       0,                  0                  },
    {"public.routed",         FLAG,     AT(is_public_routed),      0,                  0                  },
    {"ipv6",                  FLAG,     AT(is_ipv6_off),           1,                  0                  },
    {"zdb.port",              PORT,     AT(zdb_port),              0,                  0                  },
    {"zdb.address",           TEXTS,    AT(zdb_address),           3,                  0                  },
    {"vm_kernel",             TEXT,     AT(vm_kernel),             0,                  0                  },
    {"vm_default",            FLAG,     AT(is_vm_default),         0,                  0                  },
    {"vm_emulated",           FLAG,     AT(is_vm_emulated),        0,                  0                  },
    {"substrate",             TEXTS,    AT(substrate),             CONFIG_URLS_CAP,    AT(substrate_count)},
    {"witnesses",             NUMBER32, AT(witnesses),             0,                  0                  },
    {"relay.domain",          TEXTS,    AT(domains),               CONFIG_DOMAINS_CAP, AT(domain_count)   },
    {"relay_at",              RELAY_AT, AT(relay_at),              0,                  0                  },
    {"ca_file",               TEXT,     AT(ca_file),               0,                  0                  },
    {"key_file",              TEXT,     AT(key_file),              0,                  0                  },
    {"seed",                  TEXT,     AT(seed),                  0,                  0                  },
    {"key_kind",              TEXT,     AT(key_kind),              0,                  0                  },
    {"key_password_file",     TEXT,     AT(key_password_file),     0,                  0                  },
    {"farm_id",               NUMBER32, AT(farm_id),               0,                  0                  },
    {"capacity.cru",          NUMBER64, AT(capacity.cru),          0,                  0                  },
    {"capacity.mru",          NUMBER64, AT(capacity.mru),          0,                  0                  },
    {"capacity.sru",          NUMBER64, AT(capacity.sru),          0,                  0                  },
    {"capacity.hru",          NUMBER64, AT(capacity.hru),          0,                  0                  },
    {"overcommit.cru",        RATIO,    AT(overcommit.cru),        0,                  0                  },
    {"overcommit.mru",        RATIO,    AT(overcommit.mru),        0,                  0                  },
    {"overcommit.sru",        RATIO,    AT(overcommit.sru),        0,                  0                  },
    {"overcommit.hru",        RATIO,    AT(overcommit.hru),        0,                  0                  },
    {"reserved.cru",          NUMBER64, AT(reserved.cru),          0,                  0                  },
    {"reserved.mru",          NUMBER64, AT(reserved.mru),          0,                  0                  },
    {"reserved.sru",          NUMBER64, AT(reserved.sru),          0,                  0                  },
    {"reserved.hru",          NUMBER64, AT(reserved.hru),          0,                  0                  },
    {"trash_hours",           NUMBER32, AT(trash_hours),           0,                  0                  },
    {"image_cache",           NUMBER64, AT(image_cache),           0,                  0                  },
    {"image_days",            NUMBER32, AT(image_days),            0,                  0                  },
    {"lanes",                 NUMBER32, AT(lanes),                 0,                  0                  },
    {"perf",                  FLAG,     AT(is_perf_off),           1,                  0                  },
    {"iperf_servers",         TEXT,     AT(iperf_servers),         0,                  0                  },
    {"kyc_url",               TEXT,     AT(kyc_url),               0,                  0                  },
    {"power_off",             TEXT,     AT(power_off),             0,                  0                  },
    {"admin_twins",           TEXT,     AT(admin_twins),           0,                  0                  },
    {"location.city",         TEXT,     AT(city),                  0,                  0                  },
    {"location.country",      TEXT,     AT(country),               0,                  0                  },
    {"location.country_code", TEXT,     AT(country_code),          0,                  0                  },
    {"location.continent",    TEXT,     AT(continent),             0,                  0                  },
    {"location.latitude",     TEXT,     AT(latitude),              0,                  0                  },
    {"location.longitude",    TEXT,     AT(longitude),             0,                  0                  },
    {"terms.link",            TEXT,     AT(terms_link),            0,                  0                  },
    {"terms.hash",            TEXT,     AT(terms_hash),            0,                  0                  },
    {"prometheus_port",       PORT,     AT(prometheus_port),       0,                  0                  },
    {"uptime_interval_s",     NUMBER32, AT(uptime_s),              0,                  0                  },
    {"nru_interval_s",        NUMBER32, AT(nru_s),                 0,                  0                  },
    {"meter_interval_s",      NUMBER32, AT(meter_s),               0,                  0                  },
    {"sync_interval_s",       NUMBER32, AT(sync_s),                0,                  0                  },
    {"log_level",             TEXT,     AT(log_level),             0,                  0                  },
    {"log_json",              FLAG,     AT(is_log_json),           0,                  0                  },
    {"json",                  FLAG,     AT(is_json),               0,                  0                  },
};
#define SETTING_COUNT (sizeof settings / sizeof *settings)

__attribute__((format(printf, 2, 3))) static bool fail(char error[CONFIG_ERROR_MAX + 1], const char *format,
                                                       ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, CONFIG_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}

/* ---- one value ---- */

static bool set_text(char **to, const char *text)
{
    free(*to);
    *to = strdup(text);
    return *to != NULL;
}

static bool set_number(void *to, kind_t kind, const char *text)
{
    char *end;
    errno                    = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end || errno) return false;
    if (kind == PORT && value > UINT16_MAX) return false;
    if (kind == NUMBER32 && value > UINT32_MAX) return false;
    if (kind != NUMBER64)
        *(uint32_t *)to = (uint32_t)value;
    else
        *(uint64_t *)to = value;
    return true;
}

/* "1.5" is 150 percent; between a tenth and the hundredfold. */
static bool set_ratio(uint32_t *percent, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (!isdigit((unsigned char)text[0]) || *end || !(value >= 0.1 && value <= 100)) return false;
    *percent = (uint32_t)(value * 100 + 0.5);
    return true;
}

static bool set_flag(bool *to, bool is_inverted, const char *text)
{
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) return false;
    *to = is_true != is_inverted;
    return true;
}

static bool set_texts(config_t *config, const setting_t *s, const char *text)
{
    char **list    = (char **)(void *)((char *)config + s->offset);
    uint32_t count = 0;
    const char *at = text;
    for (; *at && count < s->cap; count++) {
        size_t len = strcspn(at, ",");
        free(list[count]);
        list[count] = strndup(at, len);
        at += len + (at[len] == ',');
    }
    if (s->count) *(uint32_t *)(void *)((char *)config + s->count) = count;
    return count > 0 && !*at; /* more than there can be are not left out in silence */
}

static bool set_value(config_t *config, const setting_t *s, const char *text)
{
    void *to = (char *)config + s->offset;
    switch (s->kind) {
    case TEXT: return set_text(to, text);
    case TEXTS: return set_texts(config, s, text);
    case PORT:
    case NUMBER32:
    case NUMBER64: return set_number(to, s->kind, text);
    case FLAG: return set_flag(to, s->cap == 1, text);
    case RELAY_AT: return relay_at_add(to, text);
    case RATIO: return set_ratio(to, text);
    }
    return false;
}

/* ---- the file ---- */

static const setting_t *find_key(const char *key)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (strcmp(settings[i].key, key) == 0) return &settings[i];
    return NULL;
}

/* A JSON value as the text that an option would give. */
static bool value_text(const json_t *value, char *text, size_t cap)
{
    size_t used = 0;
    text[0]     = 0;
    if (json_is_string(value)) return (size_t)snprintf(text, cap, "%s", json_string_value(value)) < cap;
    if (json_is_integer(value))
        return snprintf(text, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) > 0;
    if (json_is_real(value)) return snprintf(text, cap, "%g", json_real_value(value)) > 0;
    if (json_is_boolean(value)) return snprintf(text, cap, "%s", json_is_true(value) ? "true" : "false") > 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *entry = json_string_value(json_array_get(value, i));
        if (!entry || used + strlen(entry) + 2 > cap) return false;
        used += (size_t)snprintf(text + used, cap - used, "%s%s", i ? "," : "", entry);
    }
    return json_is_array(value);
}

static bool read_relay_at(config_t *config, json_t *object, char error[CONFIG_ERROR_MAX + 1])
{
    const char *domain;
    json_t *url;
    json_object_foreach(object, domain, url)
    {
        char text[RMB_RELAY_MAX + RMB_URL_MAX];
        snprintf(text, sizeof text, "%s=%s", domain, json_is_string(url) ? json_string_value(url) : "");
        if (!relay_at_add(&config->relay_at, text))
            return fail(error, "relay_at: %.100s has no URL that is known", domain);
    }
    return true;
}

static bool is_level(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (strncmp(settings[i].key, name, len) == 0 && settings[i].key[len] == '.') return true;
    return false;
}

static bool read_level(config_t *config, const char *above, json_t *object, char error[CONFIG_ERROR_MAX + 1])
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        char key[128], text[4096];
        snprintf(key, sizeof key, "%s%s%s", above, above[0] ? "." : "", name);
        if (strcmp(key, "relay_at") == 0 && json_is_object(value)) {
            if (!read_relay_at(config, value, error)) return false;
        } else if (json_is_object(value) && above[0] == 0 && is_level(name)) {
            if (!read_level(config, name, value, error)) return false;
        } else {
            const setting_t *setting = find_key(key);
            if (!setting) return fail(error, "the key %.100s is not known", key);
            if (!value_text(value, text, sizeof text) || !set_value(config, setting, text))
                return fail(error, "%.100s has a value that does not fit", key);
        }
    }
    return true;
}

static bool read_file(config_t *config, const char *path, char error[CONFIG_ERROR_MAX + 1])
{
    json_error_t where;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(root)) {
        json_decref(root);
        return fail(error, "%.200s: line %d: %.200s", path, where.line, root ? "not an object" : where.text);
    }
    bool is_ok = read_level(config, "", root, error);
    json_decref(root);
    return is_ok;
}

/* ---- options ---- */

static bool is_named_in_full(const char *key)
{
    return strncmp(key, "gateway.", 8) == 0 || strncmp(key, "public.", 7) == 0 ||
           strncmp(key, "overcommit.", 11) == 0 || strncmp(key, "reserved.", 9) == 0 ||
           strncmp(key, "zdb.", 4) == 0;
}

/* "--state-dir" is state_dir, "--cru" is capacity.cru, "--relay" is relay.domain. */
static const setting_t *find_option(const char *option)
{
    char name[64];
    if (strlen(option) < 3 || strlen(option) - 2 >= sizeof name) return NULL;
    snprintf(name, sizeof name, "%s", option + 2);
    for (char *c = name; *c; c++)
        if (*c == '-') *c = '_';
    if (strcmp(name, "relay") == 0) return find_key("relay.domain");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *key = settings[i].key, *dot = strchr(key, '.');
        size_t len   = dot ? (size_t)(dot - key) : 0;
        bool is_full = is_named_in_full(key), has_level = strncmp(name, key, len) == 0 && name[len] == '_';
        if (strcmp(dot ? dot + 1 : key, is_full && has_level ? name + len + 1 : name) == 0 &&
            is_full == (is_full && has_level))
            return &settings[i];
    }
    return NULL;
}

/* Starting a machine takes a core; waiting for one that ends takes none. */
static uint32_t lanes_by_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 2 ? 2 : cores > 8 ? 8 : (uint32_t)cores;
}

static void set_defaults(config_t *config)
{
    *config            = (config_t){.is_lan_blocked     = true,
                                    .gateway_http_port  = 80,
                                    .gateway_https_port = 443,
                                    .zdb_port           = 9900,
                                    .trash_hours        = 24,
                                    .image_days         = 30,
                                    .image_cache        = UINT64_C(20) << 30,
                                    .witnesses          = CONFIG_WITNESSES_AUTO,
                                    .uptime_s           = 2400,
                                    .nru_s              = 3600,
                                    .meter_s            = 60,
                                    .sync_s             = 300,
                                    .lanes              = lanes_by_cores()};
    config->state_dir  = strdup("/var/lib/zos");
    config->prefix     = strdup("zos");
    config->key_kind   = strdup("sr25519");
    config->city       = strdup("Unknown");
    config->country    = strdup("Unknown");
    config->latitude   = strdup("0");
    config->longitude  = strdup("0");
    config->terms_link = strdup("https://manual.grid.tf/knowledge_base/legal/terms_conditions_all3.html");
    config->terms_hash = strdup("unread");
}

static bool read_options(config_t *config, int argc, char **argv, int *rest, char error[CONFIG_ERROR_MAX + 1])
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        const char *option       = argv[i];
        const setting_t *setting = find_option(option);
        bool is_plain_json       = strcmp(option, "--json") == 0;
        bool is_file             = strcmp(option, "--config") == 0;
        if (!setting && !is_file) return fail(error, "the option %.100s is not known; try --help", option);
        if (!is_plain_json && ++i == argc) return fail(error, "%.100s needs a value", option);
        if (is_file) continue; /* read already */
        if (!set_value(config, setting, is_plain_json ? "true" : argv[i]))
            return fail(error, "%.100s: the value does not fit", option);
    }
    *rest = i;
    return true;
}

bool config_read(config_t *config, int argc, char **argv, int *rest, char error[CONFIG_ERROR_MAX + 1])
{
    set_defaults(config);
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--config") == 0 && !read_file(config, argv[i + 1], error)) return false;
    return read_options(config, argc, argv, rest, error);
}

bool config_check(const config_t *c, char error[CONFIG_ERROR_MAX + 1])
{
    if (c->substrate_count == 0) return fail(error, "substrate is missing: the URL of a node of the chain");
    if (c->witnesses != CONFIG_WITNESSES_AUTO && c->witnesses >= c->substrate_count)
        return fail(error, "witnesses is %u, but substrate lists %u nodes beside the one that is followed",
                    c->witnesses, c->substrate_count - 1);
    if (c->domain_count == 0)
        return fail(error, "relay.domain is missing: the relay that this node is reached by");
    if (c->kyc_url && strncmp(c->kyc_url, "http://", 7) != 0 && strncmp(c->kyc_url, "https://", 8) != 0)
        return fail(error, "kyc_url is no http:// or https:// URL");
    if (c->farm_id == 0) return fail(error, "farm_id is missing: the farm that this node joins");
    if (!c->key_file && !c->seed) return fail(error, "key_file is missing: the node's secret");
    if (c->capacity.cru < 1 || c->capacity.mru < UINT64_C(2) << 30 ||
        (c->capacity.sru < UINT64_C(100) << 30 && c->capacity.hru < UINT64_C(100) << 30))
        return fail(
            error,
            "capacity: the chain demands at least cru 1, mru 2 GiB, and sru or hru 100 GiB; this is cru "
            "%llu, mru %.1f GiB, sru %.1f GiB, hru %.1f GiB",
            (unsigned long long)c->capacity.cru, (double)c->capacity.mru / GIB, (double)c->capacity.sru / GIB,
            (double)c->capacity.hru / GIB);
    if (c->lanes < 1 || c->lanes > ENGINE_LANES_MAX)
        return fail(error, "lanes must be 1 to %d", ENGINE_LANES_MAX);
    return true;
}

/* ---- the key ---- */

/* The first line of a file that nobody else reads.  "credential:NAME" is one that the service manager
 * unsealed for this process alone. */
static bool read_secret(const char *name, char path[PATH_CAP], char *text, size_t cap,
                        char error[CONFIG_ERROR_MAX + 1])
{
    struct stat st;
    bool is_given      = strncmp(name, CREDENTIAL, strlen(CREDENTIAL)) == 0;
    const char *folder = getenv("CREDENTIALS_DIRECTORY"), *file = name + strlen(CREDENTIAL);
    if (is_given && (!folder || strchr(file, '/')))
        return fail(error, "%.200s: the service manager gave no credentials", name);
    if (!(is_given ? path_join(path, "%s/%s", folder, file) : path_join(path, "%s", name)))
        return fail(error, "%.200s: a long path", name);
    if (stat(path, &st) != 0) return fail(error, "%.200s: %s", path, strerror(errno));
    if (st.st_mode & 077) return fail(error, "%.200s can be read by others: chmod 600 it", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return fail(error, "%.200s belongs to another user: chown it", path);
    if (!file_read(path, text, cap)) return fail(error, "%.200s cannot be read, or is too long", path);
    text[strcspn(text, "\r\n")] = 0;
    return true;
}

/* Programs that are started have no need of it. */
static bool read_password(const config_t *config, char password[PASSWORD_MAX + 1],
                          char error[CONFIG_ERROR_MAX + 1])
{
    char path[PATH_CAP];
    const char *given = getenv("TRELLIS_KEY_PASSWORD");
    bool is_ok        = true;
    password[0]       = 0;
    if (config->key_password_file)
        is_ok = read_secret(config->key_password_file, path, password, PASSWORD_MAX + 1, error);
    else if (given)
        snprintf(password, PASSWORD_MAX + 1, "%s", given);
    unsetenv("TRELLIS_KEY_PASSWORD");
    return is_ok;
}

static bool read_key_file(const config_t *config, char suri[SURI_TEXT_MAX + 1], key_kind_t *kind,
                          char error[CONFIG_ERROR_MAX + 1])
{
    char path[PATH_CAP], password[PASSWORD_MAX + 1];
    if (!read_secret(config->key_file, path, suri, SURI_TEXT_MAX + 1, error)) return false;
    if (strncmp(suri, "trellis-key-1 ", 14) != 0) return true;
    if (!read_password(config, password, error)) return false;
    key_status_t status = key_file_read(path, password, suri, kind);
    crypto_wipe(password, sizeof password);
    return status == KEY_OK || fail(error, "%.200s: %s", path, key_status_text(status));
}

/* Neither in a swap file nor in a dump.  What the machine does not grant is done without. */
static void guard(const keypair_t *key)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)key / page * page;
    size_t len = ((uintptr_t)key + sizeof *key - from + page - 1) / page * page;
    (void)!mlock(key, sizeof *key);
    (void)!madvise((void *)from, len, MADV_DONTDUMP);
}

bool config_key(const config_t *config, keypair_t *key, char error[CONFIG_ERROR_MAX + 1])
{
    char suri[SURI_TEXT_MAX + 1];
    key_kind_t kind;
    if (!key_kind_parse(config->key_kind, &kind) || kind == KEY_ECDSA)
        return fail(error, "key_kind must be sr25519 or ed25519");
    if (config->seed)
        snprintf(suri, sizeof suri, "%s%.100s", strncmp(config->seed, "0x", 2) == 0 ? "" : "0x",
                 config->seed);
    else if (!read_key_file(config, suri, &kind, error))
        return false;
    guard(key);
    key_status_t status = key_from_suri(suri, kind, key);
    crypto_wipe(suri, sizeof suri);
    return status == KEY_OK || fail(error, "the node's key: %s", key_status_text(status));
}

host_config_t config_host(const config_t *c)
{
    return (host_config_t){.state_dir      = c->state_dir,
                           .run_dir        = c->run_dir,
                           .prefix         = c->prefix,
                           .shim           = c->shim,
                           .runtime        = c->runtime,
                           .pool_dir       = c->pool_dir,
                           .pool_size      = c->pool_size ? c->pool_size : c->capacity.sru + c->capacity.hru,
                           .is_lan_blocked = c->is_lan_blocked,
                           .is_ext4_forced = c->is_ext4_forced,
                           .is_user_space_off   = c->is_user_space_off,
                           .gateway_domain      = c->gateway_domain,
                           .gateway_address     = c->gateway_address,
                           .gateway_certificate = c->gateway_certificate,
                           .gateway_http_port   = c->gateway_http_port,
                           .gateway_https_port  = c->gateway_https_port,
                           .vm_kernel           = c->vm_kernel,
                           .is_vm_emulated      = c->is_vm_emulated,
                           .public_link         = c->public_link,
                           .public_net6         = c->public_net6,
                           .public_gateway6     = c->public_gateway6,
                           .is_public_routed    = c->is_public_routed,
                           .is_ipv6_off         = c->is_ipv6_off};
}

void config_fini(config_t *config)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char **texts = (char **)(void *)((char *)config + settings[i].offset);
        if (settings[i].kind == TEXT) free(*texts);
        for (size_t n = 0; settings[i].kind == TEXTS && n < settings[i].cap; n++)
            free(texts[n]);
    }
    crypto_wipe(config, sizeof *config);
}
