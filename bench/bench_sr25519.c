/* bench_sr25519.c - signatures per second on one core: sr25519 beside libsodium's ed25519, in one run.
 *
 *     bench_sr25519 [ROUNDS]      each figure is the best of five passes over 64 keys, CPU time */
#include "crypto.h"
#include "keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS        64
#define MESSAGE_LEN 110 /* what a transfer signs */
#define PASSES      5

typedef struct {
    keypair_t key;
    uint8_t message[MESSAGE_LEN];
    signature_t signature;
} case_t;

static case_t cases[KEYS];

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void prepare(key_kind_t kind)
{
    for (int i = 0; i < KEYS; i++) {
        uint8_t seed[32];
        crypto_random(seed, sizeof seed);
        crypto_random(cases[i].message, MESSAGE_LEN);
        if (key_from_seed(seed, kind, &cases[i].key) != KEY_OK) exit(1);
        key_sign(&cases[i].key, (bytes_t){cases[i].message, MESSAGE_LEN}, &cases[i].signature);
    }
}

static void verify(case_t *c)
{
    if (!crypto_verify(&c->signature, &c->key.account, (bytes_t){c->message, MESSAGE_LEN})) exit(1);
}

static void sign(case_t *c)
{
    signature_t signature;
    key_sign(&c->key, (bytes_t){c->message, MESSAGE_LEN}, &signature);
}

static double per_second(void (*work)(case_t *), int rounds)
{
    double best = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        double start = cpu_seconds();
        for (int i = 0; i < rounds; i++)
            work(&cases[i % KEYS]);
        double rate = rounds / (cpu_seconds() - start);
        best        = rate > best ? rate : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 4000;
    if (rounds < 1 || !crypto_init()) return 1;
    printf("%-10s %14s %14s\n", "", "verify/s", "sign/s");
    for (unsigned kind = KEY_ED25519; kind <= KEY_ECDSA; kind++) {
        prepare((key_kind_t)kind);
        printf("%-10s %14.0f %14.0f\n", key_kind_text((key_kind_t)kind), per_second(verify, rounds),
               per_second(sign, rounds));
    }
    return 0;
}
