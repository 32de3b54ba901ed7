/* keys.c - who signs: from the command line, a file, the environment, or a password that is asked for. */
#include "cli.h"
#include "hex.h"
#include "ss58.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX 512
#define SEALED       "trellis-key-"

static bool read_password(const cli_t *cli, char password[PASSWORD_MAX])
{
    struct termios shown, hidden;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown) != 0)
        return !cli_fail(cli,
                         "the key file is sealed: give its password by --password-file or TRELLIS_PASSWORD");
    fputs("Password of the key file: ", stderr);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool is_read = fgets(password, PASSWORD_MAX, stdin) != NULL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    password[strcspn(password, "\n")] = 0;
    return is_read;
}

/* read_line reads the first line of a file that only its owner can read. */
static bool read_line(const cli_t *cli, const char *path, char *line, int cap)
{
    struct stat info;
    FILE *file = fopen(path, "re");
    if (!file) return !cli_fail(cli, "%s: %s", path, strerror(errno));
    bool is_private = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077) == 0;
    bool is_read    = is_private && fgets(line, cap, file);
    (void)fclose(file);
    if (!is_private) return !cli_fail(cli, "%s: %s", path, key_status_text(KEY_FILE_TOO_OPEN));
    if (!is_read) return !cli_fail(cli, "%s: the file is empty", path);
    line[strcspn(line, "\r\n")] = 0;
    return true;
}

static bool find_password(const cli_t *cli, char password[PASSWORD_MAX])
{
    const char *file = cli_option(cli, "password-file"), *environment = getenv("TRELLIS_PASSWORD");
    if (file) return read_line(cli, file, password, PASSWORD_MAX);
    if (!environment) return read_password(cli, password);
    snprintf(password, PASSWORD_MAX, "%s", environment);
    return true;
}

static bool key_type(const cli_t *cli, key_kind_t *kind)
{
    const char *text = cli_option(cli, "key-type");
    *kind            = KEY_SR25519;
    return !text || key_kind_parse(text, kind) ||
           !cli_usage(cli, "--key-type is sr25519, ed25519 or ecdsa, not '%s'", text);
}

static bool add_key(cli_t *cli, const char *suri, key_kind_t kind)
{
    if (cli->key_count == CLI_KEYS_CAP) return !cli_usage(cli, "too many keys");
    key_status_t status = key_from_suri(suri, kind, &cli->keys[cli->key_count]);
    if (status != KEY_OK) return !cli_fail(cli, "%s", key_status_text(status));
    cli->key_count++;
    return true;
}

static bool add_file(cli_t *cli, const char *path, key_kind_t kind)
{
    char suri[SURI_TEXT_MAX + 1], password[PASSWORD_MAX] = "", line[SURI_TEXT_MAX + 2] = "";
    bool is_added = false;
    if (!read_line(cli, path, line, sizeof line)) return false;
    if (strncmp(line, SEALED, strlen(SEALED)) != 0) {
        is_added = add_key(cli, line, kind);
    } else if (find_password(cli, password)) {
        key_status_t status = key_file_read(path, password, suri, &kind);
        is_added            = status == KEY_OK ? add_key(cli, suri, kind)
                                               : !cli_fail(cli, "%s: %s", path, key_status_text(status));
    }
    crypto_wipe(suri, sizeof suri);
    crypto_wipe(password, sizeof password);
    crypto_wipe(line, sizeof line);
    return is_added;
}

bool cli_load_keys(cli_t *cli)
{
    const char *environment = getenv("TRELLIS_KEY_FILE");
    key_kind_t kind;
    if (!key_type(cli, &kind)) return false;
    for (int i = 0; i < cli->given_count; i++) {
        const char *name = cli->given[i].option->name, *value = cli->given[i].value;
        if ((strcmp(name, "key") == 0 || strcmp(name, "seed") == 0) && !add_key(cli, value, kind))
            return false;
        if (strcmp(name, "key-file") == 0 && !add_file(cli, value, kind)) return false;
    }
    if (cli->key_count == 0 && environment && !add_file(cli, environment, kind)) return false;
    if (cli->key_count == 0 && (cli->command->needs & NEEDS_KEY))
        return !cli_usage(cli, "who signs? give --key-file FILE (make one: trellis key generate --out FILE)");
    return true;
}

/* ---- accounts by name ---- */

/* dev_account knows the accounts of a development chain by name: alice, bob-stash. */
static bool dev_account(const char *text, account_id_t *account)
{
    static const char *const names[] = {"Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"};
    char suri[32];
    keypair_t key;
    size_t len    = strcspn(text, "-/");
    bool is_stash = text[len] && strcmp(text + len + strspn(text + len, "-/"), "stash") == 0;
    if (text[len] && !is_stash) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) != len || strncasecmp(names[i], text, len) != 0) continue;
        snprintf(suri, sizeof suri, "//%s%s", names[i], is_stash ? "//stash" : "");
        if (key_from_suri(suri, KEY_SR25519, &key) != KEY_OK) return false;
        *account = key.account;
        key_wipe(&key);
        return true;
    }
    return false;
}

static bool file_account(const cli_t *cli, const char *path, account_id_t *account)
{
    cli_t reader     = *cli;
    reader.key_count = 0;
    bool is_read     = add_file(&reader, path, KEY_SR25519);
    if (is_read) *account = reader.keys[0].account;
    key_wipe(&reader.keys[0]);
    crypto_wipe(&reader, sizeof reader);
    return is_read;
}

bool cli_account_read(const cli_t *cli, const char *text, account_id_t *account)
{
    keypair_t key;
    size_t len = strlen(text);
    if (ss58_account_decode(bytes_text(text), account)) return true;
    if (strncmp(text, "0x", 2) == 0) return hex_decode_exact(bytes_text(text), account->b, sizeof account->b);
    if (strcmp(text, "me") == 0) {
        if (cli->key_count > 0) *account = cli->keys[0].account;
        return cli->key_count > 0;
    }
    if (strncmp(text, "//", 2) == 0) {
        bool is_key = key_from_suri(text, KEY_SR25519, &key) == KEY_OK;
        if (is_key) *account = key.account;
        key_wipe(&key);
        return is_key;
    }
    if (len > 4 && strcmp(text + len - 4, ".key") == 0) return file_account(cli, text, account);
    return dev_account(text, account);
}
