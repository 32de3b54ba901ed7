/* cmd_chain.c - a chain that is here: check a block again, forget some, remove all. */

#include "cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------ check-block */

static int check_block(cmd_t *cmd)
{
    chain_point_t block;
    if (cmd->word_count == 0) return cmd_usage(cmd, "which block? its number or its hash is missing");
    chain_t *chain = cmd_open(cmd, false);
    if (!chain) return 1;
    int code = 1;
    if (cmd_find(cmd, chain, cmd->words[0], &block)) {
        cmd_progress_t progress = cmd_progress("executed", "blocks", 1);
        chain_status_t status   = chain_check(chain, &block.hash);
        if (status == CHAIN_OK) {
            cmd_progress_end(&progress, 1);
            printf("block %u is good\n", block.number);
            code = 0;
        } else
            code = cmd_fail(cmd, "block %u: %s", block.number, chain_status_text(status));
    }
    chain_free(chain);
    return code;
}

const command_t cmd_check_block = {
    .name      = "check-block",
    .help      = "trellis-node check-block NUMBER|HASH - execute a block again, on its parent's state\n"
                 "\n"
                 "Ends with 0 when its seal, its roots and each of its extrinsics are as they must be.\n",
    .switches  = " ",
    .values    = " ",
    .words_max = 1,
    .has_chain = true,
    .run       = check_block,
};

/* ------------------------------------------------------------------------------------ revert */

enum { REVERT_DEFAULT = 256 };

static int revert(cmd_t *cmd)
{
    uint32_t count = REVERT_DEFAULT;
    if (cmd->words[0] && (!cmd_number(cmd->words[0], &count) || count == 0))
        return cmd_usage(cmd, "'%s' is no number of blocks", cmd->words[0]);
    chain_t *chain = cmd_open(cmd, false);
    if (!chain) return 1;
    chain_point_t best = chain_best(chain), final = chain_finalized(chain);
    uint32_t most = best.number - final.number;
    int code      = 0;
    if (!cmd->words[0] && count > most) count = most;
    if (most == 0)
        code = cmd_fail(cmd, "there are no blocks to revert: the best one, %u, is final", best.number);
    else if (count > most)
        code = cmd_fail(cmd, "%u blocks cannot be reverted: %u is final, so at most %u", count, final.number,
                        most);
    else if (chain_revert(chain, best.number - count) != CHAIN_OK)
        code = cmd_fail(cmd, "the blocks cannot be reverted");
    else
        printf("reverted %u blocks: the best one is %u\n", count, chain_best(chain).number);
    chain_free(chain);
    return code;
}

const command_t cmd_revert = {
    .name      = "revert",
    .help      = "trellis-node revert [N] - forget the last N blocks (default: up to 256)\n"
                 "\n"
                 "Only blocks that are not final can be; blocks of other forks at these heights go too.\n",
    .switches  = " ",
    .values    = " ",
    .words_max = 1,
    .has_chain = true,
    .run       = revert,
};

/* ------------------------------------------------------------------------------------ purge-chain */

static bool is_yes(const cmd_t *cmd)
{
    char answer[16] = "";
    fprintf(stderr, "Are you sure to remove \"%s\"? [y/N]: ", cmd->path);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* is_in_use asks for the lock that an open database holds. */
static bool is_in_use(const cmd_t *cmd)
{
    char path[CMD_PATH_CAP + 16];
    snprintf(path, sizeof path, "%s/LOCK", cmd->path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return false;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool is_locked    = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    (void)close(fd);
    return is_locked;
}

/* remove_files removes the files of the folder; other folders in it (the keystore) stay. */
static bool remove_files(const cmd_t *cmd)
{
    char path[CMD_PATH_CAP + 300];
    DIR *folder  = opendir(cmd->path);
    bool is_fine = folder != NULL;
    for (struct dirent *entry; is_fine && (entry = readdir(folder));) {
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", cmd->path, entry->d_name);
        is_fine = lstat(path, &info) == 0 && (S_ISDIR(info.st_mode) || unlink(path) == 0);
    }
    if (folder) (void)closedir(folder);
    (void)rmdir(cmd->path); /* unless something is kept */
    return is_fine;
}

static int purge(cmd_t *cmd)
{
    char current[CMD_PATH_CAP + 16];
    struct stat info;
    snprintf(current, sizeof current, "%s/CURRENT", cmd->path);
    if (stat(current, &info) != 0) {
        fprintf(stderr, "\"%s\" did not exist.\n", cmd->path);
        return 0;
    }
    if (is_in_use(cmd)) return cmd_fail(cmd, "a node runs on %s: stop it first", cmd->path);
    if (!cmd_option(cmd, "yes") && !is_yes(cmd)) {
        fprintf(stderr, "Aborted\n");
        return 0;
    }
    if (!remove_files(cmd)) return cmd_fail(cmd, "%s: %s", cmd->path, strerror(errno));
    fprintf(stderr, "\"%s\" removed.\n", cmd->path);
    return 0;
}

const command_t cmd_purge_chain = {
    .name      = "purge-chain",
    .help      = "trellis-node purge-chain [-y] - remove the chain's database; its keystore stays\n"
                 "\n"
                 "  -y, --yes                do not ask\n",
    .switches  = " yes ",
    .values    = " ",
    .has_chain = true,
    .run       = purge,
};
