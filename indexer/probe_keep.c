/* probe_keep.c - what nodes said of themselves, checked and kept. */
#include "probe.h"
#include "sql.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX     (64u << 10)
#define FEATURES_MAX 64u
#define GPUS_MAX     64u
#define SECTIONS_MAX 1024u
#define PARTS_MAX    256u /* of a machine: processors, and pieces of memory */

typedef struct {
    db_t *db;
    value_t twin;
} said_t;

/* set writes one column. */
static bool set(const said_t *s, const char *sql, value_t value)
{
    return db_run(s->db, sql, (value_t[]){value, s->twin}, 2);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* set_json keeps a value as text; takes it over. */
static bool set_json(const said_t *s, const char *sql, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    bool is_ok = !text || strlen(text) > TEXT_MAX || set(s, sql, value_text(text));
    free(text);
    json_decref(value);
    return is_ok;
}

/* ---- one of each ---- */

static bool keep_features(const said_t *s, const json_t *list)
{
    char text[2048] = ",";
    size_t i, len = 1;
    json_t *item;
    if (!json_is_array(list) || json_array_size(list) > FEATURES_MAX) return true;
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(item);
        if (!name || strlen(name) > 30 ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(name))
            return true;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s,", name);
    }
    return set(s, "UPDATE probe SET features = $1 WHERE twin_id = $2", value_text(text));
}

static bool keep_gpus(const said_t *s, const json_t *list)
{
    size_t i, count = json_array_size(list);
    json_t *gpu;
    if ((!json_is_array(list) && !json_is_null(list)) || count > GPUS_MAX) return true;
    char *text = json_is_array(list) ? json_dumps(list, JSON_COMPACT) : strdup("[]");
    if (!text || strlen(text) > TEXT_MAX) {
        free(text);
        return true;
    }
    bool is_ok = db_run(s->db, "DELETE FROM probe_gpu WHERE twin_id = $1", &s->twin, 1) &&
                 db_run(s->db, "UPDATE probe SET gpus = $1, num_gpu = $2 WHERE twin_id = $3",
                        (value_t[]){value_text(text), value_int((int64_t)count), s->twin}, 3);
    json_array_foreach(list, i, gpu)
    {
        value_t v[] = {s->twin, value_text(text_of(gpu, "id")), value_text(text_of(gpu, "vendor")),
                       value_text(text_of(gpu, "device")),
                       value_int(json_integer_value(json_object_get(gpu, "contract")))};
        if (is_ok)
            is_ok = db_run(
                s->db,
                "INSERT INTO probe_gpu(twin_id, id, vendor, device, contract) VALUES($1, $2, $3, $4, $5) ON "
                "CONFLICT(twin_id, id) DO NOTHING",
                v, 5);
    }
    free(text);
    return is_ok;
}

static bool keep_ipv6(const said_t *s, const json_t *answer)
{
    return !json_is_boolean(answer) ||
           set(s, "UPDATE probe SET has_ipv6 = $1 WHERE twin_id = $2", value_int(json_is_true(answer)));
}

static bool keep_statistics(const said_t *s, const json_t *answer)
{
    const json_t *count = json_object_get(json_object_get(answer, "users"), "workloads");
    return !json_is_integer(count) ||
           set(s, "UPDATE probe SET workloads = $1 WHERE twin_id = $2", value_int(json_integer_value(count)));
}

static bool keep_health(const said_t *s, const json_t *answer)
{
    return set(s, "UPDATE probe SET healthy = $1 WHERE twin_id = $2",
               value_int(json_is_true(json_object_get(answer, "healthy"))));
}

/* ---- hardware ---- */

static const char *property(const json_t *part, const char *name)
{
    return text_of(json_object_get(json_object_get(part, "properties"), name), "value");
}

/* take_part puts what gridproxy shows of one part of the machine into its place. */
static void take_part(const char *type, const json_t *part, json_t *dmi)
{
    const char *title  = text_of(part, "title");
    json_t *processors = json_object_get(dmi, "processor"), *memory = json_object_get(dmi, "memory");
    if (strcmp(type, "Processor") == 0 && strcmp(title, "Processor Information") == 0) {
        if (json_array_size(processors) < PARTS_MAX)
            json_array_append_new(processors, json_pack("{s:s,s:s}", "version", property(part, "Version"),
                                                        "thread_count", property(part, "Thread Count")));
    } else if (strcmp(type, "MemoryDevice") == 0 && strcmp(title, "Memory Device") == 0) {
        if (strcmp(property(part, "Type"), "Unknown") != 0 && json_array_size(memory) < PARTS_MAX)
            json_array_append_new(memory,
                                  json_pack("{s:s,s:s}", "manufacturer", property(part, "Manufacturer"),
                                            "type", property(part, "Type")));
    } else if (strcmp(type, "Baseboard") == 0 && strcmp(title, "Base Board Information") == 0) {
        json_object_set_new(dmi, "baseboard",
                            json_pack("{s:s,s:s}", "manufacturer", property(part, "Manufacturer"),
                                      "product_name", property(part, "Product Name")));
    } else if (strcmp(type, "BIOS") == 0 && strcmp(title, "BIOS Information") == 0) {
        json_object_set_new(
            dmi, "bios",
            json_pack("{s:s,s:s}", "vendor", property(part, "Vendor"), "version", property(part, "Version")));
    }
}

static bool keep_dmi(const said_t *s, const json_t *answer)
{
    const json_t *sections = json_object_get(answer, "sections");
    size_t i, j;
    json_t *section, *part;
    if (!json_is_array(sections) || json_array_size(sections) > SECTIONS_MAX) return true;
    json_t *dmi = json_pack("{s:{s:s,s:s},s:{s:s,s:s},s:[],s:[]}", "bios", "vendor", "", "version", "",
                            "baseboard", "manufacturer", "", "product_name", "", "processor", "memory");
    json_array_foreach(sections, i, section)
    {
        json_array_foreach(json_object_get(section, "subsections"), j, part)
            take_part(text_of(section, "typestr"), part, dmi);
    }
    return set_json(s, "UPDATE probe SET dmi = $1 WHERE twin_id = $2", dmi);
}

/* ---- what it measured ---- */

/* The first that got anything through, as gridproxy takes it: bits a second. */
static bool keep_speed(const said_t *s, const json_t *answer)
{
    size_t i;
    json_t *report;
    json_array_foreach(json_object_get(answer, "result"), i, report)
    {
        double down = json_number_value(json_object_get(report, "download_speed")),
               up   = json_number_value(json_object_get(report, "upload_speed"));
        if (!(down > 0 && down < 1e15 && up >= 0 && up < 1e15)) continue;
        return db_run(s->db, "UPDATE probe SET upload = $1, download = $2 WHERE twin_id = $3",
                      (value_t[]){value_real(up), value_real(down), s->twin}, 3);
    }
    return true;
}

static bool keep_benchmark(const said_t *s, const json_t *answer)
{
    const json_t *result = json_object_get(answer, "result");
    double single        = json_number_value(json_object_get(result, "single")),
           multi         = json_number_value(json_object_get(result, "multi"));
    if (!(single > 0 && multi > 0)) return true;
    return set_json(s, "UPDATE probe SET benchmark = $1 WHERE twin_id = $2",
                    json_pack("{s:f,s:f,s:I,s:I}", "single", single, "multi", multi, "threads",
                              json_integer_value(json_object_get(result, "threads")), "workloads",
                              json_integer_value(json_object_get(result, "workloads"))));
}

/* ---- questions ---- */

const probe_question_t probe_questions[PROBE_QUESTIONS] = {
    {"zos.system.node_features_get", ""                            },
    {"zos.gpu.list",                 ""                            },
    {"zos.network.has_ipv6",         ""                            },
    {"zos.statistics.get",           ""                            },
    {"zos.system.diagnostics",       ""                            },
    {"zos.system.dmi",               ""                            },
    {"zos.perf.get",                 "{\"name\":\"iperf\"}"        },
    {"zos.perf.get",                 "{\"name\":\"cpu-benchmark\"}"},
};
static bool (*const keepers[PROBE_QUESTIONS])(const said_t *s, const json_t *answer) = {
    keep_features, keep_gpus, keep_ipv6, keep_statistics, keep_health, keep_dmi, keep_speed, keep_benchmark};

bool probe_keep(db_t *db, uint32_t twin_id, uint32_t question, const json_t *answer)
{
    said_t said = {db, value_int(twin_id)};
    return question >= PROBE_QUESTIONS || keepers[question](&said, answer);
}
