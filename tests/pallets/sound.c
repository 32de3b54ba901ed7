/* sound.c - what holds in the world after anything that happens. */
#include "property/sound.h"
#include "fault.h"
#include "world.h"

#include <stdio.h>

bool world_is_sound(void)
{
    fault_clear();
    const bool is_sound = sound_all(rt);
    if (!is_sound) printf("unsound: %s\n", fault_text);
    return is_sound;
}
