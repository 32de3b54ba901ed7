/* dmi.c - SMBIOS structures: a head, bytes of fixed places, then texts that those number. */
#include "dmi.h"
#include "files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#define TABLES_MAX   (1u << 20)
#define SECTIONS_MAX 1024
#define TYPE_END     127

typedef struct {
    const uint8_t *head; /* its fixed part */
    uint8_t len;
    const char *texts[256]; /* from 1 */
    uint32_t text_count;
} structure_t;

/* ---- taking apart ---- */

/* The texts end with an empty one, and where there are none there is one zero more; a table that ends before
 * is no structure. */
static bool read_structure(bytes_t *rest, structure_t *s)
{
    if (rest->len < 6 || rest->data[1] < 4 || rest->data[1] + 2u > rest->len) return false;
    *s           = (structure_t){.head = rest->data, .len = rest->data[1]};
    uint32_t at  = s->len;
    bool is_bare = rest->data[at] == 0;
    while (!is_bare && rest->data[at] != 0) {
        const uint8_t *end = memchr(rest->data + at, 0, rest->len - at);
        if (!end || end + 1 == rest->data + rest->len) return false;
        if (s->text_count < 255) s->texts[++s->text_count] = (const char *)rest->data + at;
        at = (uint32_t)(end - rest->data) + 1;
    }
    at += is_bare ? 2 : 1;
    *rest = (bytes_t){rest->data + at, rest->len - at};
    return true;
}

static uint64_t number(const structure_t *s, uint32_t at, uint32_t size)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < size && at + i < s->len; i++)
        value |= (uint64_t)s->head[at + i] << 8 * i;
    return value;
}

/* ---- properties ---- */

static void put(json_t *to, const char *key, const char *text)
{
    char plain[256];
    size_t len = 0;
    for (; text[len] && len < sizeof plain - 1; len++)
        plain[len] = text[len] < ' ' || text[len] > '~' ? '.' : text[len];
    while (len > 0 && plain[len - 1] == ' ')
        len--;
    plain[len] = 0;
    json_object_set_new(to, key, json_pack("{s:s}", "value", len ? plain : "Not Specified"));
}

static void put_text(json_t *to, const char *key, const structure_t *s, uint32_t at)
{
    uint64_t index = at < s->len ? number(s, at, 1) : 0;
    put(to, key, index > 0 && index <= s->text_count ? s->texts[index] : "Not Specified");
}

static void put_number(json_t *to, const char *key, uint64_t value, const char *unit)
{
    char text[64];
    snprintf(text, sizeof text, "%llu%s", (unsigned long long)value, unit);
    put(to, key, value ? text : "Unknown");
}

typedef struct {
    uint8_t type, at;
    const char *key;
} text_place_t;

static const text_place_t text_places[] = {
    {0,  0x04, "Vendor"            },
    {0,  0x05, "Version"           },
    {0,  0x08, "Release Date"      },
    {1,  0x04, "Manufacturer"      },
    {1,  0x05, "Product Name"      },
    {1,  0x06, "Version"           },
    {1,  0x07, "Serial Number"     },
    {1,  0x19, "SKU Number"        },
    {1,  0x1a, "Family"            },
    {2,  0x04, "Manufacturer"      },
    {2,  0x05, "Product Name"      },
    {2,  0x06, "Version"           },
    {2,  0x07, "Serial Number"     },
    {2,  0x08, "Asset Tag"         },
    {3,  0x04, "Manufacturer"      },
    {3,  0x06, "Version"           },
    {3,  0x07, "Serial Number"     },
    {3,  0x08, "Asset Tag"         },
    {4,  0x04, "Socket Designation"},
    {4,  0x07, "Manufacturer"      },
    {4,  0x10, "Version"           },
    {17, 0x10, "Locator"           },
    {17, 0x11, "Bank Locator"      },
    {17, 0x17, "Manufacturer"      },
    {17, 0x18, "Serial Number"     },
    {17, 0x1a, "Part Number"       },
};

static void put_uuid(json_t *to, const structure_t *s)
{
    char text[40];
    const uint8_t *u = s->head + 8;
    if (s->len < 24) return;
    snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[3],
             u[2], u[1], u[0], u[5], u[4], u[7], u[6], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
    put(to, "UUID", text);
}

static void put_memory(json_t *to, const structure_t *s)
{
    uint64_t size = number(s, 0x0c, 2);
    if (size == 0x7fff)
        put_number(to, "Size", number(s, 0x1c, 4) & 0x7fffffff, " MB");
    else if (size == 0)
        put(to, "Size", "No Module Installed");
    else
        put_number(to, "Size", size & 0x7fff, size & 0x8000 ? " kB" : " MB");
    put_number(to, "Speed", number(s, 0x15, 2), " MT/s");
}

static json_t *properties(const structure_t *s)
{
    json_t *to   = json_object();
    uint8_t type = s->head[0];
    for (size_t i = 0; i < sizeof text_places / sizeof *text_places; i++)
        if (text_places[i].type == type && text_places[i].at < s->len)
            put_text(to, text_places[i].key, s, text_places[i].at);
    if (type == 1) put_uuid(to, s);
    if (type == 17) put_memory(to, s);
    if (type == 4) {
        put_number(to, "Max Speed", number(s, 0x14, 2), " MHz");
        put_number(to, "Current Speed", number(s, 0x16, 2), " MHz");
        put_number(to, "Core Count", number(s, 0x23, 1), "");
        put_number(to, "Thread Count", number(s, 0x25, 1), "");
    }
    if (type == 16) put_number(to, "Number Of Devices", number(s, 0x0d, 2), "");
    return to;
}

/* ---- sections: names as zos and dmidecode have them ---- */

static const struct {
    const char *name, *title;
} types[] = {
    {"BIOS",                       "BIOS Information"             },
    {"System",                     "System Information"           },
    {"Baseboard",                  "Base Board Information"       },
    {"Chassis",                    "Chassis Information"          },
    {"Processor",                  "Processor Information"        },
    {"MemoryController",           "Memory Controller Information"},
    {"MemoryModule",               "Memory Module Information"    },
    {"Cache",                      "Cache Information"            },
    {"PortConnector",              "Port Connector Information"   },
    {"SystemSlots",                "System Slot Information"      },
    {"OnBoardDevices",             "On Board Device"              },
    {"OEMSettings",                "OEM Strings"                  },
    {"SystemConfigurationOptions", "System Configuration Options" },
    {"BIOSLanguage",               "BIOS Language Information"    },
    {"GroupAssociations",          "Group Associations"           },
    {"SystemEventLog",             "System Event Log"             },
    {"PhysicalMemoryArray",        "Physical Memory Array"        },
    {"MemoryDevice",               "Memory Device"                },
    {"32BitMemoryError",           "32-bit Memory Error"          },
    {"MemoryArrayMappedAddress",   "Memory Array Mapped Address"  },
    {"MemoryDeviceMappedAddress",  "Memory Device Mapped Address" },
};

static json_t *section(const structure_t *s)
{
    char line[80], custom[32];
    unsigned type = s->head[0];
    bool is_known = type < sizeof types / sizeof *types;
    snprintf(line, sizeof line, "Handle 0x%04X, DMI type %u, %u bytes", (unsigned)number(s, 2, 2), type,
             s->len);
    snprintf(custom, sizeof custom, "Custom Type %u", type);
    return json_pack("{s:s,s:s,s:i,s:[{s:s,s:o}]}", "handleline", line, "typestr",
                     is_known ? types[type].name : custom, "typenum", (int)type, "subsections", "title",
                     is_known ? types[type].title : custom, "properties", properties(s));
}

json_t *dmi_decode(bytes_t tables)
{
    structure_t s;
    json_t *list = json_array();
    while (json_array_size(list) < SECTIONS_MAX && read_structure(&tables, &s)) {
        json_array_append_new(list, section(&s));
        if (s.head[0] == TYPE_END) break;
    }
    return json_pack("{s:{s:s,s:s},s:o}", "tooling", "aggregator", "zos-agent", "decoder", "zos-agent dmi 1",
                     "sections", list);
}

json_t *dmi_json(const char *folder)
{
    char path[PATH_CAP];
    uint8_t *room = malloc(TABLES_MAX);
    FILE *file    = room && path_join(path, "%s/DMI", folder) ? fopen(path, "re") : NULL;
    size_t len    = file ? fread(room, 1, TABLES_MAX, file) : 0;
    json_t *json  = len > 0 ? dmi_decode((bytes_t){room, (uint32_t)len}) : NULL;
    if (file) fclose(file);
    free(room);
    return json;
}

/* ---- who runs the machine ---- */

const char *dmi_hypervisor(void)
{
#if defined(__x86_64__) || defined(__i386__)
    static const struct {
        const char *says, *name;
    } known[] = {
        {"KVMKVMKVM",    "kvm"      },
        {"Linux KVM Hv", "kvm"      },
        {"TCGTCGTCGTCG", "qemu"     },
        {"VMwareVMware", "vmware"   },
        {"Microsoft Hv", "microsoft"},
        {"XenVMMXenVMM", "xen"      },
        {"bhyve bhyve ", "bhyve"    },
        {"ACRNACRNACRN", "acrn"     },
    };
    unsigned a, b, c, d;
    char says[13] = "";
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 31)) return "";
    __cpuid(0x40000000, a, b, c, d);
    memcpy(says, &b, 4);
    memcpy(says + 4, &c, 4);
    memcpy(says + 8, &d, 4);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(says, known[i].says) == 0) return known[i].name;
    return "unknown";
#else
    return "";
#endif
}
