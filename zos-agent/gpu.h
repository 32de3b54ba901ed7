/* gpu.h - graphics processors of the machine, as the kernel lists them.
 *
 * Machines get none of them: they are shown so that a farmer and a client know what is there. */
#ifndef GPU_H
#define GPU_H
struct json_t;

/* gpu_list reads SYS/bus/pci/devices (SYS is /sys but in tests) and gives [{"id":"0000:28:00.0/1002/731f",
 * "vendor","device","vram","contract":0}], in the order of their addresses; names are those of the file
 * pci_ids (NULL: the system's), or numbers where it has none; vram is in bytes, 0 where nothing says it.
 * The caller's to json_decref. */
struct json_t *gpu_list(const char *sys, const char *pci_ids);

#endif
