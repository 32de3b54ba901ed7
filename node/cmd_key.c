/* cmd_key.c - keys made, shown and stored. */

#include "cmd.h"
#include "keystore.h"

#include "hex.h"
#include "ss58.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SHARED_VALUES " scheme output-type network "

typedef enum { SHOW_PHRASE, SHOW_URI, SHOW_PUBLIC } show_t;

/* read_shared reads --scheme, --output-type and --network; 0, or what to end with. */
static int read_shared(const cmd_t *cmd, key_kind_t *kind, bool *is_json)
{
    const char *scheme = cmd_option(cmd, "scheme"), *output = cmd_option(cmd, "output-type"),
               *network = cmd_option(cmd, "network");
    *kind               = KEY_SR25519;
    *is_json            = output && strcasecmp(output, "json") == 0;
    if (scheme && !key_kind_parse(scheme, kind))
        return cmd_usage(cmd, "--scheme takes sr25519, ed25519 or ecdsa, not '%s'", scheme);
    if (output && !*is_json && strcasecmp(output, "text") != 0)
        return cmd_usage(cmd, "--output-type takes text or json, not '%s'", output);
    if (network && strcmp(network, "substrate") != 0 && strcmp(network, "42") != 0)
        return cmd_usage(cmd, "--network takes substrate (42), which is the grid's, not '%s'", network);
    return 0;
}

/* What is printed of a key. */
typedef struct {
    char seed[67], public_key[69], account[67], ss58_public[SS58_TEXT_MAX + 1],
        ss58_account[SS58_TEXT_MAX + 1];
} shown_t;

static void with_0x(char *text, bytes_t bytes)
{
    text[0] = '0';
    text[1] = 'x';
    hex_encode(text + 2, bytes);
}

static bool show(const keypair_t *key, shown_t *shown)
{
    bytes_t public_key = {key->public_key, key_public_len(key->kind)};
    memcpy(shown->seed, "n/a", 4);
    if (key->has_seed) with_0x(shown->seed, (bytes_t){key->seed, sizeof key->seed});
    with_0x(shown->public_key, public_key);
    with_0x(shown->account, (bytes_t){key->account.b, sizeof key->account});
    ss58_account(shown->ss58_account, &key->account);
    return ss58_encode(shown->ss58_public, SS58_PREFIX, public_key);
}

static void print_json(show_t what, const char *uri, const shown_t *k)
{
    static const char *const names[] = {"secretPhrase", "secretKeyUri", "publicKeyUri"};
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "accountId", k->account, "networkId", "substrate", "publicKey",
                  k->public_key, "ss58Address", k->ss58_account, "ss58PublicKey", k->ss58_public);
    json_object_set_new(out, names[what], json_string(uri));
    if (what != SHOW_PUBLIC) json_object_set_new(out, "secretSeed", json_string(k->seed));
    json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(out);
}

static void print_text(show_t what, const char *uri, const shown_t *k)
{
    if (what == SHOW_PUBLIC) {
        printf("Public Key URI `%s` is account:\n  Network ID/Version: substrate\n  Public key (hex):   %s\n"
               "  Account ID:         %s\n  Public key (SS58):  %s\n  SS58 Address:       %s\n",
               uri, k->public_key, k->account, k->ss58_public, k->ss58_account);
        return;
    }
    if (what == SHOW_PHRASE)
        printf("Secret phrase:       %s\n", uri);
    else
        printf("Secret Key URI `%s` is account:\n", uri);
    printf("  Network ID:        substrate\n  Secret seed:       %s\n  Public key (hex):  %s\n"
           "  Account ID:        %s\n  Public key (SS58): %s\n  SS58 Address:      %s\n",
           k->seed, k->public_key, k->account, k->ss58_public, k->ss58_account);
}

static int print(const cmd_t *cmd, show_t what, const char *uri, const keypair_t *key, bool is_json)
{
    shown_t shown;
    bool is_shown = show(key, &shown);
    if (is_shown && is_json) print_json(what, uri, &shown);
    if (is_shown && !is_json) print_text(what, uri, &shown);
    crypto_wipe(&shown, sizeof shown);
    return is_shown ? 0 : cmd_fail(cmd, "the key has no address");
}

/* with_password appends ///password; false: too long. */
static bool with_password(const cmd_t *cmd, const char *uri, char out[SURI_TEXT_MAX + 1])
{
    const char *password = cmd_option(cmd, "password");
    int len =
        snprintf(out, SURI_TEXT_MAX + 1, "%s%s%s", uri, password ? "///" : "", password ? password : "");
    return len > 0 && len <= SURI_TEXT_MAX;
}

/* ------------------------------------------------------------------------------------ key generate */

static int generate(cmd_t *cmd)
{
    char phrase[MNEMONIC_TEXT_MAX + 1], uri[SURI_TEXT_MAX + 1];
    const char *text = cmd_option(cmd, "words");
    uint32_t words   = 12;
    key_kind_t kind;
    keypair_t key;
    bool is_json;
    int code = read_shared(cmd, &kind, &is_json);
    if (code != 0) return code;
    if ((text && !cmd_number(text, &words)) || words < 12 || words > 24 || words % 3 != 0)
        return cmd_usage(cmd, "--words takes 12, 15, 18, 21 or 24, not '%s'", text);
    if (!mnemonic_generate(words, phrase) || !with_password(cmd, phrase, uri) ||
        key_from_suri(uri, kind, &key) != KEY_OK)
        return cmd_fail(cmd, "no key can be made");
    code = print(cmd, SHOW_PHRASE, phrase, &key, is_json);
    key_wipe(&key);
    crypto_wipe(phrase, sizeof phrase);
    crypto_wipe(uri, sizeof uri);
    return code;
}

const command_t cmd_key_generate = {
    .name     = "key generate",
    .help     = "trellis-node key generate - make a key, and show it\n"
                "\n"
                "  --scheme sr25519|ed25519|ecdsa   (default sr25519)\n"
                "  --words N, -w N          of the phrase: 12, 15, 18, 21 or 24 (default 12)\n"
                "  --password TEXT          also needed to make the key of the phrase\n"
                "  --output-type text|json\n",
    .switches = " ",
    .values   = " words password" SHARED_VALUES,
    .run      = generate,
};

/* ------------------------------------------------------------------------------------ key inspect */

/* read_public reads a public key, as hexadecimal digits or an address. */
static bool read_public(const char *text, key_kind_t kind, keypair_t *key)
{
    uint16_t network;
    uint32_t len  = 0;
    bytes_t bytes = {(const uint8_t *)text, (uint32_t)strlen(text)};
    *key          = (keypair_t){.kind = kind};
    if (!hex_decode_exact(bytes, key->public_key, key_public_len(kind)) &&
        !(ss58_decode(bytes, &network, key->public_key, &len) && len == key_public_len(kind)))
        return false;
    key->account = key_account_of(kind, key->public_key);
    return true;
}

static int inspect(cmd_t *cmd)
{
    char uri[SURI_TEXT_MAX + 1];
    uint8_t entropy[32];
    uint32_t len;
    key_kind_t kind;
    keypair_t key;
    bool is_json, is_public = cmd_option(cmd, "public") != NULL;
    const char *given = cmd->words[0];
    int code          = read_shared(cmd, &kind, &is_json);
    if (code != 0) return code;
    if (!given) return cmd_usage(cmd, "a phrase, secret URI, public key or address is missing");
    key_status_t status =
        is_public || !with_password(cmd, given, uri) ? KEY_BAD_PATH : key_from_suri(uri, kind, &key);
    if (status == KEY_OK) {
        show_t what = mnemonic_entropy(given, entropy, &len) == KEY_OK ? SHOW_PHRASE : SHOW_URI;
        code        = print(cmd, what, given, &key, is_json);
    } else if (read_public(given, kind, &key))
        code = print(cmd, SHOW_PUBLIC, given, &key, is_json);
    else
        code = cmd_fail(cmd, "Invalid phrase/URI given: %s",
                        is_public ? "no public key of this scheme" : key_status_text(status));
    key_wipe(&key);
    crypto_wipe(entropy, sizeof entropy);
    crypto_wipe(uri, sizeof uri);
    return code;
}

const command_t cmd_key_inspect = {
    .name      = "key inspect",
    .help      = "trellis-node key inspect URI - show a key\n"
                 "\n"
                 "URI is a phrase, a secret URI (//Alice, 0xseed//path), a public key as hexadecimal digits, or "
                 "an address.\n"
                 "\n"
                 "  --public                 URI is a public key\n"
                 "  --scheme sr25519|ed25519|ecdsa   (default sr25519)\n"
                 "  --password TEXT          of the phrase\n"
                 "  --output-type text|json\n",
    .switches  = " public ",
    .values    = " password" SHARED_VALUES,
    .words_max = 1,
    .run       = inspect,
};

/* ------------------------------------------------------------------------------------ key insert */

/* make_parent makes the folder that a path is in. */
static bool make_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path) return true;
    *slash       = 0;
    bool is_made = config_make_folders(path);
    *slash       = '/';
    return is_made;
}

/* read_uri takes --suri, or the first line of standard input. */
static bool read_uri(const cmd_t *cmd, char uri[SURI_TEXT_MAX + 1])
{
    char line[SURI_TEXT_MAX + 2] = "";
    const char *given            = cmd_option(cmd, "suri");
    if (!given) {
        fputs("URI: ", stderr);
        if (!fgets(line, sizeof line, stdin)) return false;
        line[strcspn(line, "\r\n")] = 0;
    }
    bool is_fine = with_password(cmd, given ? given : line, uri);
    crypto_wipe(line, sizeof line);
    return is_fine;
}

static int insert(cmd_t *cmd)
{
    char uri[SURI_TEXT_MAX + 1], path[KEYSTORE_PATH_CAP];
    const char *type = cmd_option(cmd, "key-type"), *folder = cmd_option(cmd, "keystore-path");
    key_kind_t kind;
    keypair_t key;
    bool is_json;
    int code = read_shared(cmd, &kind, &is_json);
    if (code != 0) return code;
    if (!type || strlen(type) != 4)
        return cmd_usage(cmd, "--key-type is missing, or not 4 letters: aura, gran");
    if (!cmd_option(cmd, "scheme"))
        return cmd_usage(cmd, "--scheme is missing: sr25519 for aura, ed25519 for gran");
    if (folder ? strlen(folder) >= sizeof path : !keystore_path(cmd->path, path))
        return cmd_fail(cmd, "the path is too long");
    if (folder) memcpy(path, folder, strlen(folder) + 1);
    if (!read_uri(cmd, uri))
        return cmd_usage(cmd, "the secret URI is missing, or too long: give it by --suri");
    key_status_t status = key_from_suri(uri, kind, &key);
    if (status != KEY_OK)
        code = cmd_fail(cmd, "%s", key_status_text(status));
    else if (!make_parent(path) ||
             !keystore_insert(path, type, (bytes_t){key.public_key, key_public_len(kind)}, uri))
        code = cmd_fail(cmd, "%s: %s", path, strerror(errno));
    key_wipe(&key);
    crypto_wipe(uri, sizeof uri);
    return code;
}

const command_t cmd_key_insert = {
    .name = "key insert",
    .help =
        "trellis-node key insert --key-type aura|gran --scheme sr25519|ed25519 [--suri URI] - store a key\n"
        "\n"
        "A validator signs blocks with its aura key (sr25519) and finality with its gran key (ed25519).\n"
        "\n"
        "  --suri URI               its secret URI; without it the first line of standard input is taken\n"
        "  --password TEXT          of the URI\n"
        "  --keystore-path DIR      (default: keystore in the chain's folder)\n",
    .switches  = " ",
    .values    = " key-type suri password keystore-path" SHARED_VALUES,
    .has_chain = true,
    .run       = insert,
};
