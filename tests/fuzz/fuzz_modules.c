/* An image's list of modules, and its kernel's version: short paths, each once, whatever they say. */
#include "vm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_version(const uint8_t *data, size_t size)
{
    char version[128];
    int fd = memfd_create("kernel", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    if (vm_kernel_version(fd, version) && (strlen(version) == 0 || strchr(version, '/') || version[0] == '.'))
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vm_modules_t modules;
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    vm_modules_find(&modules, text);
    for (uint32_t i = 0; i < modules.count; i++) {
        if (strlen(modules.paths[i]) >= PATH_CAP || strchr(modules.paths[i], '\n')) abort();
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(modules.paths[i], modules.paths[j]) == 0) abort();
    }
    vm_modules_fini(&modules);
    free(text);
    look_at_version(data, size);
    return 0;
}
