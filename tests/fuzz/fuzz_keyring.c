/* fuzz_keyring.c - what people type as a secret: URIs and phrases.  A key, or a reason, never more. */
#include "keyring.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    char text[SURI_TEXT_MAX + 16], again[MNEMONIC_TEXT_MAX + 1];
    uint8_t entropy[32];
    uint32_t len;
    keypair_t key;
    if (!is_ready) is_ready = crypto_init();
    if (size == 0 || size - 1 >= sizeof text) return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1]  = 0;
    key_kind_t kind = (key_kind_t)(data[0] % 3);
    if (key_from_suri(text, kind, &key) == KEY_OK) {
        signature_t signature;
        key_sign(&key, BYTES("message"), &signature);
        assert(crypto_verify(&signature, &key.account, BYTES("message")));
    }
    if (mnemonic_entropy(text, entropy, &len) == KEY_OK)
        assert(mnemonic_from_entropy((bytes_t){entropy, len}, again));
    return 0;
}
