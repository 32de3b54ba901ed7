/* The overlay against a model that copies everything at each layer. */
#include "overlay.h"
#include "scale.h"
#include "state_support.h"

#define LAYER_MOST 8

typedef struct {
    kv_memory_t base;
    kv_memory_t model[LAYER_MOST + 1]; /* one whole copy a layer */
    uint32_t layer;
    overlay_t overlay;
} world_t;

static void start(random_t *random, world_t *world)
{
    arena_t *arena = fresh_arena(0);
    kv_memory_init(&world->base, arena);
    kv_memory_init(&world->model[0], arena);
    world->layer = 0;
    for (uint32_t i = random_below(random, 20); i > 0; i--) {
        bytes_t key = random_key(random, arena), value = random_value(random, arena);
        kv_memory_put(&world->base, key, value);
        kv_memory_put(&world->model[0], key, value);
    }
    kv_t base = kv_memory_view(&world->base);
    overlay_init(&world->overlay, &base, fresh_arena(1), random_next(random));
}

static void open_layer(world_t *world)
{
    if (world->layer == LAYER_MOST) return;
    const kv_memory_t *from = &world->model[world->layer++];
    kv_memory_init(&world->model[world->layer], from->arena);
    for (uint32_t i = 0; i < from->count; i++)
        kv_memory_put(&world->model[world->layer], from->items[i].key, from->items[i].value);
    overlay_begin(&world->overlay);
}

static void close_layer(world_t *world, bool keep)
{
    if (world->layer == 0) return;
    if (keep) world->model[world->layer - 1] = world->model[world->layer];
    world->layer--;
    overlay_end(&world->overlay, keep);
}

/* model_append does the slow way what overlay_append does. */
static void model_append(kv_memory_t *model, bytes_t key, uint32_t count, bytes_t items)
{
    kv_t view = kv_memory_view(model);
    bytes_t old;
    uint64_t before = 0;
    bytes_t rest    = {0};
    static uint8_t room[1 << 20];
    if (view.get(view.self, key, NULL, &old)) {
        scale_reader_t r = scale_reader(old, NULL);
        before           = scale_get_compact(&r);
        rest             = (bytes_t){r.at, (uint32_t)(r.end - r.at)};
        if (r.failed || before > UINT32_MAX) before = 0, rest.len = 0;
    }
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_compact(&w, before + count);
    scale_put_raw(&w, rest.data, rest.len);
    scale_put_raw(&w, items.data, items.len);
    kv_memory_put(model, key, scale_written(&w));
}

static void check_key(world_t *world, bytes_t key)
{
    kv_t view = kv_memory_view(&world->model[world->layer]);
    bytes_t want, got;
    bool is_there = view.get(view.self, key, NULL, &want);
    EQ(overlay_get(&world->overlay, key, &got), is_there);
    OK(!is_there || bytes_equal(got, want));
    is_there = view.next(view.self, key, NULL, &want);
    EQ(overlay_next_key(&world->overlay, key, fresh_arena(3), &got), is_there);
    OK(!is_there || bytes_equal(got, want));
}

static void one_step(random_t *random, world_t *world)
{
    kv_memory_t *model = &world->model[world->layer];
    bytes_t key = random_key(random, model->arena), value = random_value(random, model->arena);
    uint32_t count = 1 + random_below(random, 3);
    switch (random_below(random, 9)) {
    case 0: open_layer(world); break;
    case 1: close_layer(world, true); break;
    case 2: close_layer(world, false); break;
    case 3:
        kv_memory_remove(model, key);
        overlay_remove(&world->overlay, key);
        break;
    case 4:
    case 5:
        model_append(model, key, count, value);
        overlay_append(&world->overlay, key, count, value);
        break;
    case 6: check_key(world, key); break;
    default: kv_memory_put(model, key, value); overlay_put(&world->overlay, key, value);
    }
}

/* The base with the changes applied must be the model. */
static void check_changes(world_t *world)
{
    changes_t changes;
    while (world->layer)
        close_layer(world, true);
    OK(overlay_changes(&world->overlay, fresh_arena(2), &changes));
    for (uint32_t i = 1; i < changes.count; i++)
        OK(bytes_compare(changes.items[i - 1].key, changes.items[i].key) < 0);
    kv_memory_apply(&world->base, &changes);
    EQ(world->base.count, world->model[0].count);
    for (uint32_t i = 0; i < world->base.count; i++) {
        OK(bytes_equal(world->base.items[i].key, world->model[0].items[i].key));
        OK(bytes_equal(world->base.items[i].value, world->model[0].items[i].value));
    }
}

PROPERTY(an_overlay_is_a_copy_that_can_be_undone, 400)
{
    world_t world;
    start(random, &world);
    for (uint32_t block = 0; block < 4; block++) {
        for (uint32_t i = 0; i < 120 && !test_failed_; i++)
            one_step(random, &world);
        check_key(&world, random_key(random, world.base.arena));
        if (test_failed_) return;
        check_changes(&world);
        kv_t base = kv_memory_view(&world.base);
        overlay_settle(&world.overlay, &base);
    }
    OK(!world.overlay.has_failed && !world.base.has_failed);
}

TEST(bytes_that_were_read_do_not_change_after)
{
    world_t world;
    bytes_t first, again;
    start(&(random_t){3}, &world);
    overlay_put(&world.overlay, BYTES("events"), BYTES("\x04x"));
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t copy[512];
        bool undo = i % 3 == 0;
        if (undo) overlay_begin(&world.overlay);
        overlay_append(&world.overlay, BYTES("events"), 1, BYTES("y"));
        OK(overlay_get(&world.overlay, BYTES("events"), &first));
        memcpy(copy, first.data, first.len);
        overlay_append(&world.overlay, BYTES("events"), 100, BYTES("z"));
        OK(overlay_get(&world.overlay, BYTES("events"), &again));
        if (undo) overlay_end(&world.overlay, false);
        overlay_append(&world.overlay, BYTES("events"), 1, BYTES("w"));
        OK(overlay_get(&world.overlay, BYTES("events"), &again));
        OK(memcmp(copy, first.data, first.len) == 0);
    }
}

TEST(appending_takes_memory_in_proportion)
{
    world_t world;
    start(&(random_t){5}, &world);
    for (uint32_t i = 0; i < 100000; i++)
        overlay_append(&world.overlay, BYTES("events"), 1, BYTES("0123456789"));
    OK(!world.overlay.has_failed);
    OK(world.overlay.arena->used < 6 << 20);
    bytes_t events;
    OK(overlay_get(&world.overlay, BYTES("events"), &events));
    EQ(events.len, 4 + 1000000);
}

TEST(a_full_arena_fails_the_overlay_for_good)
{
    world_t world;
    changes_t changes;
    start(&(random_t){7}, &world);
    world.overlay.arena->size = world.overlay.arena->used + 4096;
    for (uint32_t i = 0; i < 200; i++)
        overlay_put(&world.overlay, (bytes_t){(const uint8_t *)&i, 4}, BYTES("some value"));
    OK(world.overlay.has_failed);
    OK(!overlay_changes(&world.overlay, fresh_arena(2), &changes));
    world.overlay.arena->size = 64 << 20;
}

TEST(too_many_layers_fail_the_overlay)
{
    world_t world;
    start(&(random_t){9}, &world);
    for (uint32_t i = 0; i < OVERLAY_LAYER_MAX; i++)
        overlay_begin(&world.overlay);
    OK(!world.overlay.has_failed);
    overlay_begin(&world.overlay);
    OK(world.overlay.has_failed);
}

TEST_MAIN()
