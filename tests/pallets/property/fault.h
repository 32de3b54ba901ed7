/* fault.h - the first thing that did not hold, and the call it was found after. */
#ifndef FAULT_H
#define FAULT_H
#include "base.h"

extern char fault_text[4096];

void fault_clear(void);
bool fault_is_set(void);

/* fault_note_call remembers which call is made; fault_set keeps the first fault, with that call. */
void fault_note_call(uint32_t number, uint32_t signer, bytes_t call);
void fault_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* HOLDS leaves the check with false, and the fault kept, unless the condition is so. */
#define HOLDS(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fault_set(#condition ": " __VA_ARGS__);                                                          \
            return false;                                                                                    \
        }                                                                                                    \
    } while (0)
#define U(v) ((unsigned long long)(v))

#endif
