/* What of a tree like /sys is a graphics processor, and what is said of it. */
#include "files.h"
#include "gpu.h"
#include "test.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

static char root[] = "/tmp/zt-gpu-XXXXXX";

static void put(const char *device, const char *name, const char *text)
{
    char folder[PATH_CAP], path[PATH_CAP];
    if (!path_join(folder, "%s/bus/pci/devices/%s", root, device) || !folder_make(folder, 0755) ||
        !path_join(path, "%s/%s", folder, name) || !file_replace(path, text, strlen(text), 0644))
        exit(1);
}

static void add(const char *device, const char *class, const char *vendor, const char *id)
{
    put(device, "class", class);
    put(device, "vendor", vendor);
    put(device, "device", id);
}

static const char *text_of(const json_t *list, size_t i, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(list, i), key));
    return text ? text : "";
}

static json_int_t number_of(const json_t *list, size_t i, const char *key)
{
    return json_integer_value(json_object_get(json_array_get(list, i), key));
}

static json_t *list_with(const char *names)
{
    char path[PATH_CAP];
    if (!path_join(path, "%s/pci.ids", root) || !file_replace(path, names, strlen(names), 0644)) exit(1);
    return gpu_list(root, path);
}

static const char names[] =
    "# a comment\n1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t1234  Another\n"
    "\t731f  Navi 10 [Radeon RX 5600]\n\t\t1002 0b36  A board\n"
    "10de  NVIDIA Corporation\n\t20b0  GA100 [A100 SXM4 40GB]\nC 03  Display controller\n";

TEST(a_machine_without_any_has_an_empty_list)
{
    json_t *list = list_with(names);
    EQ(json_array_size(list), 0);
    json_decref(list);
}

TEST(processors_are_listed_with_names_and_memory)
{
    add("0000:65:00.0", "0x030200\n", "0x10de\n", "0x20b0\n"); /* 3D controller */
    put("0000:65:00.0", "resource",
        "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n"
        "0x0000380000000000 0x0000380fffffffff 0x000000000014220c\n"
        "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
    add("0000:28:00.0", "0x030000\n", "0x1002\n", "0x731f\n"); /* VGA */
    put("0000:28:00.0", "mem_info_vram_total", "6425673728\n");
    json_t *list = list_with(names);
    EQ(json_array_size(list), 2);
    OK(strcmp(text_of(list, 0, "id"), "0000:28:00.0/1002/731f") == 0);
    OK(strcmp(text_of(list, 0, "vendor"), "Advanced Micro Devices, Inc. [AMD/ATI]") == 0);
    OK(strcmp(text_of(list, 0, "device"), "Navi 10 [Radeon RX 5600]") == 0);
    EQ(number_of(list, 0, "vram"), INT64_C(6425673728));
    EQ(number_of(list, 0, "contract"), 0);
    OK(strcmp(text_of(list, 1, "id"), "0000:65:00.0/10de/20b0") == 0);
    OK(strcmp(text_of(list, 1, "device"), "GA100 [A100 SXM4 40GB]") == 0);
    EQ(number_of(list, 1, "vram"), INT64_C(64) << 30);
    json_decref(list);
}

TEST(other_devices_and_emulated_screens_are_none)
{
    add("0000:00:02.0", "0x020000\n", "0x1002\n", "0x731f\n"); /* a network card */
    add("0000:00:03.0", "0x030000\n", "0x1af4\n", "0x1050\n"); /* an emulator's */
    add("0000:00:04.0", "0x030000\n", "0x1a03\n", "0x2000\n"); /* a server board's console */
    add("0000:00:05.0", "garbage", "0x10de\n", "0x20b0\n");
    put("0000:00:06.0", "class", "0x030000\n"); /* and nothing else */
    json_t *list = list_with(names);
    EQ(json_array_size(list), 2);
    json_decref(list);
}

TEST(without_names_there_are_numbers)
{
    json_t *list = list_with("");
    OK(strcmp(text_of(list, 0, "vendor"), "0x1002") == 0 &&
       strcmp(text_of(list, 0, "device"), "0x731f") == 0);
    json_decref(list);
    list = gpu_list("/no/such/tree", NULL);
    EQ(json_array_size(list), 0);
    json_decref(list);
}

int main(int argc, char **argv)
{
    if (!mkdtemp(root)) return 1;
    int status = test_main_(argc, argv);
    folder_remove(root);
    return status;
}
