/* collector.c - images that nobody uses go, within the operator's limits. */
#include "agent.h"
#include "image.h"
#include "log.h"

#include <stdlib.h>

#define EVERY_MS 3600000
#define DAY_S    INT64_C(86400)
#define STEP_MS  20

struct collector {
    agent_t *agent;
    io_timer_t *timer;
    image_garbage_t garbage; /* the pool's, while is_deleting */
    bool is_deleting;
};

static void work(void *self) { image_delete(&((const collector_t *)self)->garbage); }

static void worked(void *self)
{
    collector_t *collector = self;
    collector->is_deleting = false;
    image_garbage_fini(&collector->garbage);
}

bool collector_run(collector_t *collector, uint32_t *forgotten, uint32_t *files)
{
    agent_t *agent        = collector->agent;
    image_limits_t limits = {agent->config->image_cache, agent->config->image_days * DAY_S};
    uint32_t count;
    if (collector->is_deleting) return false;
    char(*wanted)[IMAGE_DIGEST_LEN + 1];
    if (!engine_images(agent->engine, &wanted, &count)) return false;
    collector->garbage = image_collect(agent->db, agent->host.state_dir, &limits, agent_now_s(agent),
                                       (const char(*)[IMAGE_DIGEST_LEN + 1]) wanted, count);
    free(wanted);
    *forgotten = collector->garbage.forgotten;
    *files     = collector->garbage.count;
    if (*files == 0) {
        image_garbage_fini(&collector->garbage);
        return true;
    }
    log_info(LOG_MAIN, "images collected", LOG_U64("files", *files));
    collector->is_deleting = true;
    io_work(agent->io, work, worked, collector);
    return true;
}

static void every(void *self)
{
    uint32_t forgotten, files;
    if (!collector_run(self, &forgotten, &files)) log_warn(LOG_MAIN, "images are not collected now");
}

collector_t *collector_new(agent_t *agent)
{
    collector_t *collector = calloc(1, sizeof *collector);
    if (!collector) return NULL;
    collector->agent = agent;
    collector->timer = io_timer_start(agent->io, EVERY_MS, EVERY_MS, every, collector);
    return collector;
}

void collector_free(collector_t *collector)
{
    if (!collector) return;
    if (collector->timer) io_timer_stop(collector->timer);
    while (collector->is_deleting)
        io_step(collector->agent->io, STEP_MS);
    free(collector);
}
