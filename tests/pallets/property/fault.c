/* fault.c - the first thing that did not hold. */
#include "fault.h"

#include "runtime_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 160 };

char fault_text[4096];

static struct {
    uint32_t number, signer, len;
    uint8_t shown[SHOWN_MAX];
} last;

void fault_clear(void)
{
    fault_text[0] = 0;
    last.len      = 0;
}
bool fault_is_set(void) { return fault_text[0] != 0; }

void fault_note_call(uint32_t number, uint32_t signer, bytes_t call)
{
    last.number = number;
    last.signer = signer;
    last.len    = call.len;
    memcpy(last.shown, call.data, call.len < SHOWN_MAX ? call.len : SHOWN_MAX);
}

static const char *name_of(const table_pallet_t *pallet, uint8_t index)
{
    for (uint32_t i = 0; i < pallet->call_count; i++)
        if (pallet->calls[i].index == index) return pallet->calls[i].name;
    return "?";
}

void fault_set(const char *format, ...)
{
    if (fault_is_set()) return;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(fault_text, sizeof fault_text / 2, format, args);
    va_end(args);
    if (len < 0 || len >= (int)sizeof fault_text / 2) len = (int)sizeof fault_text / 2 - 1;
    const table_pallet_t *pallet = last.len >= 2 ? table_pallet_at(last.shown[0]) : NULL;
    if (!pallet) return;
    len += snprintf(fault_text + len, sizeof fault_text - (size_t)len,
                    "\n  after call %u, %s.%s by %d: ", last.number, pallet->prefix,
                    name_of(pallet, last.shown[1]), (int)last.signer);
    for (uint32_t i = 0; i < last.len && i < SHOWN_MAX; i++)
        len += snprintf(fault_text + len, sizeof fault_text - (size_t)len, "%02x", last.shown[i]);
}
