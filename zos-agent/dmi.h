/* dmi.h - what the machine's firmware says of it: its SMBIOS tables as zos gives them, and who runs it. */
#ifndef DMI_H
#define DMI_H
#include "base.h"

struct json_t;

/* dmi_json reads tables as the kernel shows them (FOLDER/DMI):
 * {"tooling":{"aggregator","decoder"},"sections":[{"handleline","typestr","typenum","subsections":[{"title",
 * "properties":{KEY:{"value","items"?}}}]}]}.  NULL when there are none.  dmi_decode is the same of bytes. */
struct json_t *dmi_json(const char *folder);
struct json_t *dmi_decode(bytes_t tables);

/* dmi_hypervisor is "" on bare metal, else as "kvm". */
const char *dmi_hypervisor(void);

#endif
