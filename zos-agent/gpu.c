/* gpu.c - display controllers on the PCI bus, their names and memory. */
#include "gpu.h"
#include "files.h"

#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS_MAX       64
#define CLASS_DISPLAY  0x03
#define IORESOURCE_MEM 0x200
#define PREFETCHABLE   0x2000
#define NAME_CAP       128

/* What emulators and boards for remote consoles show: a picture, and no processor. */
static const uint16_t plain_vendors[] = {0x1013, 0x102b, 0x1234, 0x15ad, 0x1a03, 0x1af4, 0x1b36, 0x80ee};

typedef struct {
    uint16_t vendor, device;
    uint64_t vram;
} gpu_t;

static bool read_in(const char *folder, const char *name, char *text, size_t cap)
{
    char path[PATH_CAP];
    return path_join(path, "%s/%s", folder, name) && file_read(path, text, cap);
}

static bool read_hex(const char *folder, const char *name, uint32_t *value)
{
    char text[32];
    return read_in(folder, name, text, sizeof text) && sscanf(text, "%" SCNx32, value) == 1;
}

/* The driver says it; else the largest window of memory through which the processor's can be reached. */
static uint64_t read_vram(const char *folder)
{
    char text[4096];
    uint64_t most = 0, start, end, flags;
    if (read_in(folder, "mem_info_vram_total", text, sizeof text)) return strtoull(text, NULL, 10);
    if (!read_in(folder, "resource", text, sizeof text)) return 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) != 3) break;
        bool is_window = flags & IORESOURCE_MEM && flags & PREFETCHABLE && end > start;
        if (is_window && end - start + 1 > most) most = end - start + 1;
    }
    return most;
}

static bool read_gpu(const char *folder, gpu_t *gpu)
{
    uint32_t class, vendor, device;
    if (!read_hex(folder, "class", &class) || class >> 16 != CLASS_DISPLAY) return false;
    if (!read_hex(folder, "vendor", &vendor) || !read_hex(folder, "device", &device)) return false;
    for (size_t i = 0; i < sizeof plain_vendors / sizeof *plain_vendors; i++)
        if (vendor == plain_vendors[i]) return false;
    *gpu = (gpu_t){.vendor = (uint16_t)vendor, .device = (uint16_t)device, .vram = read_vram(folder)};
    return true;
}

/* ---- names ---- */

static void take_name(char name[NAME_CAP], char *line)
{
    line[strcspn(line, "\n")] = 0;
    snprintf(name, NAME_CAP, "%s", line);
}

/* pci.ids: "1002  AMD" and below it "\t731f  Navi 10". */
static void find_names(const char *pci_ids, const gpu_t *gpu, char vendor[NAME_CAP], char device[NAME_CAP])
{
    static const char *const files[] = {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"};
    char line[512], start[8];
    FILE *file   = pci_ids ? fopen(pci_ids, "re") : NULL;
    bool is_ours = false;
    for (size_t i = 0; !pci_ids && !file && i < sizeof files / sizeof *files; i++)
        file = fopen(files[i], "re");
    snprintf(vendor, NAME_CAP, "0x%04x", gpu->vendor);
    snprintf(device, NAME_CAP, "0x%04x", gpu->device);
    while (file && fgets(line, sizeof line, file)) {
        if (line[0] == '#' || strlen(line) < 7) continue;
        if (is_ours && line[0] != '\t') break;
        snprintf(start, sizeof start, is_ours ? "\t%04x  " : "%04x  ", is_ours ? gpu->device : gpu->vendor);
        size_t len = strlen(start);
        if (strncmp(line, start, len) != 0) continue;
        take_name(is_ours ? device : vendor, line + len);
        if (is_ours) break;
        is_ours = true;
    }
    if (file) fclose(file);
}

/* ---- the list ---- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

json_t *gpu_list(const char *sys, const char *pci_ids)
{
    char bus[PATH_CAP], folder[PATH_CAP], id[64], vendor[NAME_CAP], device[NAME_CAP];
    struct dirent **names = NULL;
    json_t *list          = json_array();
    gpu_t gpu;
    int count = path_join(bus, "%s/bus/pci/devices", sys) ? scandir(bus, &names, NULL, by_name) : 0;
    for (int i = 0; i < count; i++) {
        const char *address = names[i]->d_name;
        bool is_one         = address[0] != '.' && strlen(address) < 32 && json_array_size(list) < GPUS_MAX &&
                      path_join(folder, "%s/%s", bus, address) && read_gpu(folder, &gpu);
        if (is_one) {
            snprintf(id, sizeof id, "%.31s/%04x/%04x", address, gpu.vendor, gpu.device);
            find_names(pci_ids, &gpu, vendor, device);
            json_array_append_new(list,
                                  json_pack("{s:s,s:s,s:s,s:I,s:i}", "id", id, "vendor", vendor, "device",
                                            device, "vram", (json_int_t)gpu.vram, "contract", 0));
        }
        free(names[i]);
    }
    free(names);
    return list;
}
