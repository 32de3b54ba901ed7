/* Nobody gets out: a program that knows many ways runs in a machine, and says how far it came.  By hand with
 * another runtime, or without user namespaces and btrfs: TRELLIS_RUNTIME=crun, TRELLIS_PLAIN=1.  Needs root.
 */
#include "core.h"

#include <sys/sysmacros.h>

#define CONTRACT 60

static char error[ENGINE_ERROR_MAX + 1];

/* Images come from others: this one brings a device, and its program is root's whoever starts it. */
static bool make_badly(const char *tree)
{
    char path[PATH_CAP];
    return path_join(path, "%s/bin/memory", tree) && mknod(path, S_IFCHR | 0666, makedev(1, 1)) == 0 &&
           path_join(path, "%s/bin/disk", tree) && mknod(path, S_IFBLK | 0666, makedev(7, 0)) == 0 &&
           path_join(path, "%s/bin/escape", tree) && chmod(path, 06755) == 0;
}

/* An image with that program and little else. */
static bool make_image(void)
{
    char tree[PATH_CAP], path[PATH_CAP], why[IMAGE_ERROR_MAX + 1];
    static const char *const folders[] = {"bin", "etc", "tmp", "proc", "sys", "dev", "data"};
    snprintf(tree, sizeof tree, "%s", real_path("escape"));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!path_join(path, "%s/%s", tree, folders[i]) || !folder_make(path, 0755)) return false;
    if (!path_join(path, "%s/bin/escape", tree) || !SPAWN(NULL, 10000, "cp", ESCAPE_PROGRAM, path) ||
        !make_badly(tree) ||
        !SPAWN(NULL, 30000, "mksquashfs", tree, real_path("escape.sqfs"), "-quiet", "-no-progress",
               "-noappend", "-all-root"))
        return false;
    bool is_ok = image_import(db, host.state_dir, "escape", real_path("escape.sqfs"), why);
    if (!is_ok) printf("%s\n", why);
    folder_remove(tree);
    return is_ok;
}

static json_t *prisoner(void)
{
    json_t *list = web("oci:escape", "", 16 << 20);
    json_object_set_new(json_object_get(json_array_get(list, 2), "data"), "entrypoint",
                        json_string("/bin/escape"));
    return list;
}

static const char *log_of(void)
{
    static char text[1 << 16];
    char wid[WID_LEN + 1], folder[PATH_CAP], path[PATH_CAP];
    plan_wid(7, CONTRACT, "web", wid);
    text[0] = 0;
    if (machine_folder(&host, wid, folder) && path_join(path, "%s/log", folder) &&
        !file_read(path, text, sizeof text))
        text[0] = 0;
    return text;
}

TEST(who_tries_every_way_out_stays_inside)
{
    unsigned held = 0, broken = 0;
    core_open();
    OK(make_image());
    OK(engine_deploy(engine, deployment(CONTRACT, prisoner()), 1, error));
    core_work(5000);
    IS(CONTRACT, "web", "ok");
    const char *log = log_of();
    for (int i = 0; i < 300 && !strstr(log, "\nend\n"); i++, log = log_of())
        poll(NULL, 0, 50);
    for (const char *line = log; *line; line += strcspn(line, "\n") + 1) {
        held += strncmp(line, "held ", 5) == 0;
        if (strncmp(line, "BROKEN ", 7) != 0) continue;
        broken++;
        printf("%.*s\n", (int)strcspn(line, "\n"), line);
    }
    printf("%u tries\n", held + broken);
    OK(strstr(log, "\nend\n"));
    EQ(broken, 0);
    OK(held > 90);
    engine_desire(engine, CONTRACT, DESIRED_DELETED, "cancelled", "block", 2);
    core_work(8000);
    OK(engine_is_idle(engine));
    core_close();
    OK(left_nothing());
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    bool is_plain        = getenv("TRELLIS_PLAIN") != NULL;
    host_config_t config = {
        .runtime = getenv("TRELLIS_RUNTIME"), .is_user_space_off = is_plain, .is_ext4_forced = is_plain};
    if (obstacle) return test_skip("containers cannot be run here", obstacle);
    if (!core_start(&config)) return 1;
    int status = test_main_(argc, argv);
    folder_remove(real_dir);
    return status;
}
