/* fuzz_envelope.c - any bytes through the envelope's decoder: what is accepted is written and read as the
 * same message. */
#include "envelope.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536) return 0;
    uint32_t room = (uint32_t)size + ENVELOPE_ARENA_SPARE;
    uint8_t *one = malloc(room), *two = malloc(room + 65536), *wire = NULL;
    arena_t first = {.start = one, .size = room}, second = {.start = two, .size = room + 65536};
    envelope_t envelope, again;
    uint8_t a[16], b[16];
    if (envelope_decode((bytes_t){data, (uint32_t)size}, &first, &envelope) == ENVELOPE_OK) {
        uint32_t len = envelope_encoded_len(&envelope);
        wire         = malloc(len + 1);
        envelope_encode(&envelope, wire);
        envelope_status_t status = envelope_decode((bytes_t){wire, len}, &second, &again);
        assert(status == ENVELOPE_OK);
        envelope_challenge(&envelope, a);
        envelope_challenge(&again, b);
        assert(memcmp(a, b, sizeof a) == 0);
        assert(envelope_left_s(&envelope, 1700000000) == envelope_left_s(&again, 1700000000));
        (void)envelope_has_tag(&envelope, "fail-fast");
        account_id_t nobody = {.b = {0}};
        bool is_signed      = envelope_verify(&envelope, &nobody),
             is_alive       = envelope_stamp(&envelope, 1700000000);
        assert(!is_signed || envelope.signature.len == ENVELOPE_SIGNATURE_LEN);
        assert(!is_alive || envelope_left_s(&envelope, 1700000000) > 0);
    }
    free(one);
    free(two);
    free(wire);
    return 0;
}
