/* blob.c - the wasm module, as the assembler includes it. */
#include "blob.h"

__asm__(".section .rodata\n"
        ".balign 16\n"
        "runtime_blob_start:\n"
        ".incbin \"" RUNTIME_BLOB_PATH "\"\n"
        "runtime_blob_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const uint8_t runtime_blob_start[], runtime_blob_end[];

bytes_t runtime_blob(void)
{
    return (bytes_t){runtime_blob_start, (uint32_t)(runtime_blob_end - runtime_blob_start)};
}
