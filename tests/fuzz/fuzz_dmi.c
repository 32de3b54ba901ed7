/* Firmware tables are foreign: whatever they hold becomes JSON of the documented form. */
#include "dmi.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t i;
    json_t *one, *json = dmi_decode((bytes_t){data, (uint32_t)size});
    if (!json) abort();
    json_array_foreach(json_object_get(json, "sections"), i, one)
    {
        if (!json_is_integer(json_object_get(one, "typenum")) ||
            !json_is_string(json_object_get(one, "typestr")))
            abort();
        if (json_array_size(json_object_get(one, "subsections")) != 1) abort();
    }
    char *text = json_dumps(json, JSON_COMPACT);
    if (!text) abort();
    free(text);
    json_decref(json);
    return 0;
}
