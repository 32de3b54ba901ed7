/* main.c - trellis-node: flags, then the parts, then the loop. */
#define _GNU_SOURCE /* nftw */

#include "cmd.h"
#include "node.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/resource.h>

enum { FILES_MAX = 65536 };

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* Each client is an open file, and so is each file of the database. */
static void allow_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    config_t config;
    node_t node;
    int code;
    if (cmd_run(argc, argv, &code)) return code;
    switch (config_read(argc, argv, &config)) {
    case CONFIG_EXIT: return 0;
    case CONFIG_WRONG: return 2;
    case CONFIG_RUN: break;
    }
    log_json(config.is_log_json);
    if (!crypto_init()) {
        log_error(LOG_MAIN, "the system gives no randomness");
        return 1;
    }
    allow_files();
    bool is_up = node_start(&node, &config);
    if (is_up) {
        io_stop_on_signals(node.io, NULL, NULL);
        io_run(node.io);
        log_info(LOG_MAIN, "node stops", LOG_U64("best", chain_best(node.chain).number));
    }
    node_stop(&node);
    if (config.is_tmp && node.path[0]) nftw(node.path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return is_up ? 0 : 1;
}
