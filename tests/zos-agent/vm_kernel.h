/* vm_kernel.h - a kernel of Debian's for tests of virtual machines: the newest for clouds in /boot that has
 * its modules, or what TRELLIS_VM_KERNEL names. */
#ifndef VM_KERNEL_H
#define VM_KERNEL_H
#include "core.h"
#include "shim.h"

#include <fcntl.h>
#include <glob.h>

static char kernel[PATH_CAP], version[128];

static inline bool take_kernel(const char *path)
{
    char depends[PATH_CAP];
    int fd     = open(path, O_RDONLY | O_CLOEXEC);
    bool is_ok = fd >= 0 && vm_kernel_version(fd, version) &&
                 path_join(depends, "/lib/modules/%s/modules.dep", version) && file_exists(depends) &&
                 path_join(kernel, "%s", path);
    if (fd >= 0) close(fd);
    return is_ok;
}

static inline bool find_kernel(void)
{
    static const char *const patterns[] = {"/boot/vmlinuz-*-cloud-amd64", "/boot/vmlinuz-*"};
    const char *given                   = getenv("TRELLIS_VM_KERNEL");
    bool is_found                       = given && take_kernel(given);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns && !given && !is_found; i++) {
        glob_t found = {0};
        glob(patterns[i], 0, NULL, &found);
        for (size_t n = found.gl_pathc; n > 0 && !is_found; n--)
            is_found = take_kernel(found.gl_pathv[n - 1]);
        globfree(&found);
    }
    return is_found;
}

/* Why virtual machines cannot be run here at all; NULL when they can. */
static inline const char *vm_obstacle(void)
{
    const char *obstacle = real_obstacle();
    if (!obstacle && access("/usr/bin/qemu-system-x86_64", X_OK) != 0)
        obstacle = "no QEMU: install qemu-system-x86";
    if (!obstacle && !find_kernel())
        obstacle = "no kernel in /boot with its modules: install linux-image-cloud-amd64";
    if (!obstacle && access("/dev/net/tun", R_OK) != 0) obstacle = "no /dev/net/tun";
    return obstacle;
}

#endif
