/* sr25519.c - schnorrkel: Schnorr signatures on ristretto255 over Merlin transcripts.
 *
 * docs/formats/keys.md 2 and 3.  libsodium's multiplications report the identity as an error; the
 * equations here hold for it too, so `multiply` turns it back into its encoding, 32 zeros. */
#include "crypto.h"
#include "merlin.h"

#include <sodium.h>
#include <string.h>

#define MARKER 0x80 /* in the last byte: a schnorrkel signature, not an ed25519 one */

static bytes_t key_bytes(const uint8_t key[32]) { return (bytes_t){key, 32}; }

/* multiply is scalar * point.  False when point is no canonical encoding. */
static bool multiply(uint8_t out[32], const uint8_t scalar[32], const uint8_t point[32])
{
    if (crypto_scalarmult_ristretto255(out, scalar, point) == 0) return true;
    sodium_memzero(out, 32);
    return crypto_core_ristretto255_is_valid_point(point) == 1;
}

static void multiply_base(uint8_t out[32], const uint8_t scalar[32])
{
    if (crypto_scalarmult_ristretto255_base(out, scalar) != 0) sodium_memzero(out, 32);
}

static bool is_canonical_scalar(const uint8_t scalar[32])
{
    uint8_t wide[64] = {0}, reduced[32];
    memcpy(wide, scalar, 32);
    crypto_core_ristretto255_scalar_reduce(reduced, wide);
    return sodium_memcmp(reduced, scalar, 32) == 0;
}

static void challenge_scalar(merlin_t *t, bytes_t label, uint8_t scalar[32])
{
    uint8_t wide[64];
    merlin_challenge(t, label, wide, sizeof wide);
    crypto_core_ristretto255_scalar_reduce(scalar, wide);
    sodium_memzero(wide, sizeof wide);
}

static void witness_scalar(const merlin_t *t, bytes_t label, const uint8_t nonce[32], uint8_t scalar[32])
{
    uint8_t wide[64];
    merlin_witness(t, label, nonce, wide);
    crypto_core_ristretto255_scalar_reduce(scalar, wide);
    sodium_memzero(wide, sizeof wide);
}

static void start_signing(merlin_t *t, bytes_t context, bytes_t message)
{
    merlin_start(t, BYTES("SigningContext"));
    merlin_append(t, BYTES(""), context);
    merlin_append(t, BYTES("sign-bytes"), message);
}

/* from_halves keeps a scalar and a nonce; divides the scalar by the cofactor first when it is times 8. */
static void from_halves(const uint8_t secret[64], bool is_times_8, sr25519_pair_t *pair)
{
    memcpy(pair->scalar, secret, 32);
    memcpy(pair->nonce, secret + 32, 32);
    for (int i = 0; is_times_8 && i < 32; i++)
        pair->scalar[i] = (uint8_t)(pair->scalar[i] >> 3 | (i < 31 ? pair->scalar[i + 1] << 5 : 0));
    multiply_base(pair->public_key, pair->scalar);
}

void sr25519_from_seed(const uint8_t mini_secret[32], sr25519_pair_t *pair)
{
    uint8_t hash[64];
    crypto_hash_sha512(hash, mini_secret, 32);
    hash[0] &= 248;
    hash[31] &= 63;
    hash[31] |= 64;
    from_halves(hash, true, pair);
    sodium_memzero(hash, sizeof hash);
}

bool sr25519_from_secret(const uint8_t secret[64], bool is_ed25519_form, sr25519_pair_t *pair)
{
    from_halves(secret, is_ed25519_form, pair);
    return !is_ed25519_form || (secret[0] & 7) == 0;
}

void sr25519_sign(const sr25519_pair_t *pair, bytes_t message, uint8_t signature[64])
{
    merlin_t t;
    uint8_t r[32], k[32], commitment[32];
    start_signing(&t, BYTES("substrate"), message);
    merlin_append(&t, BYTES("proto-name"), BYTES("Schnorr-sig"));
    merlin_append(&t, BYTES("sign:pk"), key_bytes(pair->public_key));
    witness_scalar(&t, BYTES("signing"), pair->nonce, r);
    multiply_base(commitment, r);
    merlin_append(&t, BYTES("sign:R"), key_bytes(commitment));
    challenge_scalar(&t, BYTES("sign:c"), k);
    crypto_core_ristretto255_scalar_mul(k, k, pair->scalar);
    crypto_core_ristretto255_scalar_add(signature + 32, k, r);
    memcpy(signature, commitment, 32);
    signature[63] |= MARKER;
    sodium_memzero(r, sizeof r);
    sodium_memzero(k, sizeof k);
}

bool sr25519_verify(const uint8_t signature[64], const uint8_t public_key[32], bytes_t message)
{
    merlin_t t;
    uint8_t s[32], k[32], left[32], right[32];
    memcpy(s, signature + 32, 32);
    if (!(s[31] & MARKER)) return false;
    s[31] &= (uint8_t)~MARKER;
    if (!is_canonical_scalar(s)) return false;
    start_signing(&t, BYTES("substrate"), message);
    merlin_append(&t, BYTES("proto-name"), BYTES("Schnorr-sig"));
    merlin_append(&t, BYTES("sign:pk"), key_bytes(public_key));
    merlin_append(&t, BYTES("sign:R"), key_bytes(signature));
    challenge_scalar(&t, BYTES("sign:c"), k);
    multiply_base(left, s);
    return multiply(right, k, public_key) && crypto_core_ristretto255_sub(left, left, right) == 0 &&
           memcmp(left, signature, 32) == 0;
}

static void start_derivation(merlin_t *t, const uint8_t chain_code[32])
{
    merlin_start(t, BYTES("SchnorrRistrettoHDKD"));
    merlin_append(t, BYTES("sign-bytes"), BYTES(""));
    merlin_append(t, BYTES("chain-code"), key_bytes(chain_code));
}

void sr25519_derive_hard(const sr25519_pair_t *parent, const uint8_t chain_code[32], uint8_t mini_secret[32])
{
    merlin_t t;
    start_derivation(&t, chain_code);
    merlin_append(&t, BYTES("secret-key"), key_bytes(parent->scalar));
    merlin_challenge(&t, BYTES("HDKD-hard"), mini_secret, 32);
    sodium_memzero(&t, sizeof t);
}

static void soft_scalar(const uint8_t parent[32], const uint8_t chain_code[32], uint8_t scalar[32])
{
    merlin_t t;
    start_derivation(&t, chain_code);
    merlin_append(&t, BYTES("public-key"), key_bytes(parent));
    challenge_scalar(&t, BYTES("HDKD-scalar"), scalar);
}

void sr25519_derive_soft(const sr25519_pair_t *parent, const uint8_t chain_code[32], sr25519_pair_t *child)
{
    uint8_t scalar[32], reduced[32], wide[64] = {0};
    soft_scalar(parent->public_key, chain_code, scalar);
    memcpy(wide, parent->scalar, 32); /* may be above the group's order */
    crypto_core_ristretto255_scalar_reduce(reduced, wide);
    crypto_core_ristretto255_scalar_add(child->scalar, reduced, scalar);
    randombytes_buf(child->nonce, sizeof child->nonce);
    multiply_base(child->public_key, child->scalar);
    sodium_memzero(reduced, sizeof reduced);
    sodium_memzero(wide, sizeof wide);
}

bool sr25519_derive_soft_public(const uint8_t parent[32], const uint8_t chain_code[32], uint8_t child[32])
{
    uint8_t scalar[32], point[32];
    soft_scalar(parent, chain_code, scalar);
    multiply_base(point, scalar);
    return crypto_core_ristretto255_add(child, parent, point) == 0;
}

/* vrf_input hashes the transcript, bound to one key, to a point. */
static void vrf_input(const uint8_t public_key[32], bytes_t context, bytes_t message, uint8_t input[32])
{
    merlin_t t;
    uint8_t uniform[64];
    start_signing(&t, context, message);
    merlin_append(&t, BYTES("vrf-nm-pk"), key_bytes(public_key));
    merlin_challenge(&t, BYTES("VRFHash"), uniform, sizeof uniform);
    crypto_core_ristretto255_from_hash(input, uniform);
}

/* vrf_challenge ends the proof's transcript, which holds the input, with all that the prover committed to. */
static void vrf_challenge(merlin_t *t, const uint8_t r_base[32], const uint8_t r_input[32],
                          const uint8_t public_key[32], const uint8_t output[32], uint8_t c[32])
{
    merlin_append(t, BYTES("vrf:R=g^r"), key_bytes(r_base));
    merlin_append(t, BYTES("vrf:h^r"), key_bytes(r_input));
    merlin_append(t, BYTES("vrf:pk"), key_bytes(public_key));
    merlin_append(t, BYTES("vrf:h^sk"), key_bytes(output));
    challenge_scalar(t, BYTES("prove"), c);
}

static void vrf_start(merlin_t *t, const uint8_t input[32])
{
    merlin_start(t, BYTES("VRF"));
    merlin_append(t, BYTES("proto-name"), BYTES("DLEQProof"));
    merlin_append(t, BYTES("vrf:h"), key_bytes(input));
}

void sr25519_vrf_sign(const sr25519_pair_t *pair, bytes_t context, bytes_t message, uint8_t signature[96])
{
    merlin_t t;
    uint8_t input[32], r[32], r_base[32], r_input[32], product[32];
    uint8_t *output = signature, *c = signature + 32, *s = signature + 64;
    vrf_input(pair->public_key, context, message, input);
    (void)multiply(output, pair->scalar, input); /* a hash to the curve is a valid point */
    vrf_start(&t, input);
    witness_scalar(&t, BYTES("proving\0"), pair->nonce, r);
    multiply_base(r_base, r);
    (void)multiply(r_input, r, input);
    vrf_challenge(&t, r_base, r_input, pair->public_key, output, c);
    crypto_core_ristretto255_scalar_mul(product, c, pair->scalar);
    crypto_core_ristretto255_scalar_sub(s, r, product);
    sodium_memzero(r, sizeof r);
    sodium_memzero(product, sizeof product);
}

bool sr25519_vrf_verify(const uint8_t signature[96], const uint8_t public_key[32], bytes_t context,
                        bytes_t message)
{
    merlin_t t;
    uint8_t input[32], a[32], b[32], r_base[32], r_input[32], challenge[32];
    const uint8_t *output = signature, *c = signature + 32, *s = signature + 64;
    if (!is_canonical_scalar(c) || !is_canonical_scalar(s)) return false;
    vrf_input(public_key, context, message, input);
    multiply_base(b, s);
    if (!multiply(a, c, public_key) || crypto_core_ristretto255_add(r_base, a, b) != 0) return false;
    if (!multiply(a, c, output) || !multiply(b, s, input) || crypto_core_ristretto255_add(r_input, a, b) != 0)
        return false;
    vrf_start(&t, input);
    vrf_challenge(&t, r_base, r_input, public_key, output, challenge);
    return sodium_memcmp(challenge, c, 32) == 0;
}
