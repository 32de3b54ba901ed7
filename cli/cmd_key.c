/* cmd_key.c - keys: made, shown, sealed; signing and checking a text. */
#include "cli.h"
#include "hex.h"
#include "ss58.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *public_key_json(const keypair_t *key)
{
    return json_hex((bytes_t){key->public_key, key_public_len(key->kind)});
}

/* write_private makes a file that only its owner reads; never replaces one. */
static bool write_private(const cli_t *cli, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return !cli_fail(cli, "%s: %s%s", path, strerror(errno),
                         errno == EEXIST ? " (a key is never replaced)" : "");
    bool is_written = dprintf(fd, "%s\n", text) > 0 && fsync(fd) == 0;
    if (close(fd) != 0 || !is_written) return !cli_fail(cli, "%s: %s", path, strerror(errno));
    return true;
}

int cmd_key_generate(cli_t *cli)
{
    char phrase[MNEMONIC_TEXT_MAX + 1];
    uint64_t words  = 12;
    key_kind_t kind = KEY_SR25519;
    keypair_t key;
    const char *out = cli_option(cli, "out"), *type = cli_option(cli, "key-type");
    if (cli_option(cli, "words") && !cli_u64(cli, cli_option(cli, "words"), "--words", &words)) return 2;
    if ((type && !key_kind_parse(type, &kind)) || words > 24 || !mnemonic_generate((unsigned)words, phrase))
        return cli_usage(cli, "--words is 12, 15, 18, 21 or 24; --key-type is sr25519, ed25519 or ecdsa");
    if (key_from_suri(phrase, kind, &key) != KEY_OK)
        return cli_fail(cli, "the new phrase makes no key: try again");
    if (out && !write_private(cli, out, phrase)) return 1;
    json_t *result = json_pack("{s:o,s:s,s:o}", "address", json_account(&key.account), "type",
                               key_kind_text(kind), "public_key", public_key_json(&key));
    if (out)
        json_object_set_new(result, "file", json_string(out));
    else
        json_object_set_new(result, "secret", json_string(phrase));
    crypto_wipe(phrase, sizeof phrase);
    key_wipe(&key);
    return cli_print(cli, result, NULL);
}

int cmd_key_inspect(cli_t *cli)
{
    const char *text = cli_argument(cli, 0), *prefix_text = cli_option(cli, "prefix");
    uint64_t prefix      = SS58_PREFIX;
    const keypair_t *key = &cli->keys[0];
    account_id_t account;
    uint8_t pk[33];
    char address[SS58_TEXT_MAX + 1];
    if (prefix_text && !cli_u64(cli, prefix_text, "--prefix", &prefix)) return 2;
    if (!text && cli->key_count == 0) return cli_usage(cli, "give an address, or a key by --key-file");
    if (text && !cli_account(cli, text, &account)) return 2;
    if (!text) account = key->account;
    if (prefix > UINT16_MAX ||
        !ss58_encode(address, (uint16_t)prefix, (bytes_t){account.b, sizeof account.b}))
        return cli_usage(cli, "--prefix is 0 to 16383");
    json_t *result = json_pack("{s:s,s:o}", "address", address, "account",
                               json_hex((bytes_t){account.b, sizeof account.b}));
    if (!text) {
        json_object_set_new(result, "type", json_string(key_kind_text(key->kind)));
        json_object_set_new(result, "public_key", public_key_json(key));
        if (key->has_seed && secp256k1_public(key->seed, pk))
            json_object_set_new(result, "pk", json_hex((bytes_t){pk, sizeof pk}));
    }
    return cli_print(cli, result, NULL);
}

/* seal_input reads the secret from standard input: an argument would be seen by others. */
static bool seal_input(const cli_t *cli, char suri[SURI_TEXT_MAX + 1])
{
    if (isatty(STDIN_FILENO)) fputs("Secret URI (words, 0xseed, with //hard /soft ///password): ", stderr);
    if (!fgets(suri, SURI_TEXT_MAX + 1, stdin))
        return !cli_usage(cli, "the secret is read from standard input");
    suri[strcspn(suri, "\r\n")] = 0;
    return true;
}

int cmd_key_seal(cli_t *cli)
{
    char suri[SURI_TEXT_MAX + 1], password[512] = "";
    const char *path = cli_argument(cli, 0), *file = cli_option(cli, "password-file"),
               *environment = getenv("TRELLIS_PASSWORD");
    const char *type        = cli_option(cli, "key-type");
    key_kind_t kind         = KEY_SR25519;
    keypair_t key;
    FILE *from = file ? fopen(file, "re") : NULL;
    if (!path || (type && !key_kind_parse(type, &kind))) return cli_usage(cli, "which file?");
    if (from && fgets(password, sizeof password, from)) password[strcspn(password, "\r\n")] = 0;
    if (from) (void)fclose(from);
    if (!file && environment) snprintf(password, sizeof password, "%s", environment);
    if (!password[0])
        return cli_usage(cli, "with which password? give --password-file FILE or TRELLIS_PASSWORD");
    if (!seal_input(cli, suri)) return 2;
    key_status_t status = key_from_suri(suri, kind, &key);
    if (status == KEY_OK) status = key_file_write(path, suri, kind, password);
    crypto_wipe(suri, sizeof suri);
    crypto_wipe(password, sizeof password);
    if (status != KEY_OK) return cli_fail(cli, "%s: %s", path, key_status_text(status));
    json_t *result = json_pack("{s:o,s:s,s:s}", "address", json_account(&key.account), "type",
                               key_kind_text(kind), "file", path);
    key_wipe(&key);
    return cli_print(cli, result, NULL);
}

int cmd_key_sign(cli_t *cli)
{
    signature_t signature;
    const char *text = cli_argument(cli, 0);
    if (!text) return cli_usage(cli, "the text is missing");
    key_sign(&cli->keys[0], bytes_text(text), &signature);
    return cli_print(cli,
                     json_pack("{s:o,s:s,s:o}", "signature",
                               json_hex((bytes_t){signature.b, signature_len(signature.kind)}), "type",
                               key_kind_text(signature.kind), "address", json_account(&cli->keys[0].account)),
                     NULL);
}

int cmd_key_verify(cli_t *cli)
{
    signature_t signature = {.kind = KEY_SR25519};
    account_id_t account;
    const char *text = cli_argument(cli, 0), *hex = cli_argument(cli, 1), *type = cli_option(cli, "key-type");
    if (!text || !hex || (type && !key_kind_parse(type, &signature.kind)))
        return cli_usage(cli, "give the text, its signature and the address");
    if (!cli_account(cli, cli_argument(cli, 2), &account)) return 2;
    if (!hex_decode_exact(bytes_text(hex), signature.b, signature_len(signature.kind)))
        return cli_usage(cli, "a signature is 0x and %u hexadecimal digits",
                         2 * signature_len(signature.kind));
    bool is_valid = crypto_verify(&signature, &account, bytes_text(text));
    (void)cli_print(cli, json_pack("{s:b}", "valid", is_valid), NULL);
    return is_valid ? 0 : 1;
}
