/* notify.c - who hears of what. */
#include "chain_internal.h"

#include <assert.h>

void chain_listen(chain_t *chain, chain_listener_t listener, void *self)
{
    assert(chain->listener_count < CHAIN_LISTENERS_MAX);
    chain->listeners[chain->listener_count].call   = listener;
    chain->listeners[chain->listener_count++].self = self;
}

void chain_unlisten(chain_t *chain, chain_listener_t listener, void *self)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < chain->listener_count; i++) {
        bool is_leaving = chain->listeners[i].call == listener && chain->listeners[i].self == self;
        if (!is_leaving) chain->listeners[kept++] = chain->listeners[i];
    }
    chain->listener_count = kept;
}

void chain_notify(chain_t *chain, const chain_event_t *event)
{
    for (uint32_t i = 0; i < chain->listener_count; i++)
        chain->listeners[i].call(chain->listeners[i].self, event);
}
