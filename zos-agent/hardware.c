/* hardware.c - /sys/block, /proc/meminfo, and the disk under a folder. */
#include "hardware.h"
#include "files.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTOR      512
#define MEMORY_STEP (UINT64_C(64) << 20) /* kernels take more or less for themselves */
#define DISK_STEP   (UINT64_C(1) << 30)

/* ---- one disk ---- */

/* The first line of a file, without blanks at its ends. */
static bool read_line(const char *folder, const char *name, char *text, size_t cap)
{
    char path[PATH_CAP], raw[256];
    if (!path_join(path, "%s/%s", folder, name) || !file_read(path, raw, sizeof raw)) return false;
    char *start = raw + strspn(raw, " \t");
    size_t len  = strcspn(start, "\n");
    while (len > 0 && isspace((unsigned char)start[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++)
        if (start[i] < ' ' || start[i] > '~') start[i] = '.';
    snprintf(text, cap, "%.*s", (int)len, start);
    return true;
}

static uint64_t read_number(const char *folder, const char *name)
{
    char text[32];
    return read_line(folder, name, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

/* What stands on other disks, or comes and goes, is none. */
static bool is_disk(const char *folder, const char *name)
{
    static const char *const others[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "mtd"};
    if (name[0] == '.') return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0) return false;
    return read_number(folder, "removable") == 0 && read_number(folder, "size") > 0;
}

/* Disks of virtual machines say that they turn unless somebody told them otherwise: nobody knows. */
static bool turns(const char *folder)
{
    const char *slash = strrchr(folder, '/'), *name = slash ? slash + 1 : folder;
    if (strncmp(name, "vd", 2) == 0 || strncmp(name, "xvd", 3) == 0) return false;
    return read_number(folder, "queue/rotational") == 1;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void look_at_disks(hardware_t *hardware, const char *sys)
{
    char block[PATH_CAP], folder[PATH_CAP];
    struct dirent **names = NULL;
    int count             = path_join(block, "%s/block", sys) ? scandir(block, &names, NULL, by_name) : 0;
    for (int i = 0; i < count; i++) {
        bool is_one = hardware->disk_count < HARDWARE_DISKS_CAP &&
                      path_join(folder, "%s/%s", block, names[i]->d_name) &&
                      is_disk(folder, names[i]->d_name);
        if (is_one) {
            hardware_disk_t *disk = &hardware->disks[hardware->disk_count++];
            snprintf(disk->name, sizeof disk->name, "%.*s", HARDWARE_NAME_MAX, names[i]->d_name);
            if (!read_line(folder, "device/model", disk->model, sizeof disk->model)) disk->model[0] = 0;
            disk->size          = read_number(folder, "size") * SECTOR;
            disk->is_rotational = turns(folder);
        }
        free(names[i]);
    }
    free(names);
}

void hardware_look(hardware_t *hardware, const char *sys, const char *proc)
{
    char path[PATH_CAP], text[256];
    uint64_t kib = 0;
    long cores   = sysconf(_SC_NPROCESSORS_ONLN);
    *hardware    = (hardware_t){.cores = cores > 0 ? (uint32_t)cores : 1};
    FILE *file   = path_join(path, "%s/meminfo", proc) ? fopen(path, "re") : NULL;
    while (file && kib == 0 && fgets(text, sizeof text, file))
        if (sscanf(text, "MemTotal: %" SCNu64, &kib) != 1) kib = 0;
    if (file) fclose(file);
    hardware->memory = kib * 1024;
    look_at_disks(hardware, sys);
}

/* ---- the disk under a folder ---- */

/* The device that is mounted nearest above; file systems of several devices have a number of their own, and
 * name one of them. */
static dev_t device_of(const char *folder)
{
    char point[PATH_CAP], source[PATH_CAP];
    size_t best = 0;
    struct stat st;
    dev_t device = stat(folder, &st) == 0 ? st.st_dev : 0;
    char *line = NULL, *real = realpath(folder, NULL);
    size_t cap = 0;
    FILE *file = major(device) == 0 && real ? fopen("/proc/self/mountinfo", "re") : NULL;
    while (file && getline(&line, &cap, file) > 0) {
        const char *dash = strstr(line, " - ");
        if (!dash || sscanf(line, "%*s %*s %*s %*s %511s", point) != 1 ||
            sscanf(dash, " - %*s %511s", source) != 1)
            continue;
        size_t len    = strlen(point);
        bool is_above = strcmp(point, "/") == 0 ||
                        (strncmp(real, point, len) == 0 && (real[len] == 0 || real[len] == '/'));
        if (!is_above || len < best || stat(source, &st) != 0 || !S_ISBLK(st.st_mode)) continue;
        best   = len;
        device = st.st_rdev;
    }
    if (file) fclose(file);
    free(line);
    free(real);
    return device;
}

bool hardware_room(const char *sys, const char *folder, uint64_t *size, bool *is_rotational)
{
    char near[PATH_CAP], path[PATH_CAP];
    struct statvfs fs;
    if (!path_join(near, "%s", folder)) return false;
    for (char *slash = strrchr(near, '/'); slash && !file_exists(near); slash = strrchr(near, '/'))
        slash[slash == near] = 0; /* "/" at last */
    if (statvfs(near, &fs) != 0) return false;
    *size          = (uint64_t)fs.f_blocks * fs.f_frsize;
    *is_rotational = false;
    dev_t device   = device_of(near);
    if (!path_join(path, "%s/dev/block/%u:%u", sys, major(device), minor(device))) return true;
    char *real = realpath(path, NULL), *slash = real ? strrchr(real, '/') : NULL, queue[PATH_CAP];
    bool is_whole = real && path_join(queue, "%s/queue", real) && file_exists(queue);
    if (slash && !is_whole) *slash = 0; /* a part of a disk */
    *is_rotational = real && turns(real);
    free(real);
    return true;
}

void hardware_offer(const hardware_t *hardware, const char *sys, const char *state_dir, const char *pool_dir,
                    capacity_t *capacity)
{
    uint64_t size, part = pool_dir ? 9 : 7;
    bool is_rotational;
    if (capacity->cru == 0) capacity->cru = hardware->cores;
    if (capacity->mru == 0) capacity->mru = hardware->memory / MEMORY_STEP * MEMORY_STEP;
    if (capacity->sru > 0 || capacity->hru > 0 ||
        !hardware_room(sys, pool_dir ? pool_dir : state_dir, &size, &is_rotational))
        return;
    *(is_rotational ? &capacity->hru : &capacity->sru) = size / 10 * part / DISK_STEP * DISK_STEP;
}
