/* test_relay_store.c - the rows of the list and of RocksDB, held against each other. */
#include "test.h"

#include "io.h"
#include "relay.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static char path[64];

static void remove_all(void)
{
    char name[400];
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    if (directory) closedir(directory);
    rmdir(path);
}

static relay_store_disk_t *open_disk(io_t *io)
{
    const char *error        = "";
    relay_store_disk_t *disk = relay_store_disk_new(io, path, &error);
    if (!disk) {
        printf("%s: %s\n", path, error);
        exit(1);
    }
    return disk;
}

/* What a walk saw, as text. */
typedef struct {
    char text[65536];
    size_t len;
    uint32_t most;
} seen_t;

static bool see(void *context, const relay_row_t *row)
{
    seen_t *seen = context;
    seen->len +=
        (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len, "%llu %u/%d%s %llu %d %.*s\n",
                         (unsigned long long)row->seq, row->to.twin, row->to.has_connection,
                         row->to.connection, (unsigned long long)row->deadline_s, row->is_outward,
                         (int)row->wire.len, (const char *)row->wire.data);
    return --seen->most > 0;
}

static relay_address_t address(uint32_t i)
{
    static const relay_address_t all[] = {
        {1,   false, ""  },
        {1,   true,  ""  },
        {1,   true,  "a" },
        {1,   true,  "ab"},
        {2,   false, ""  },
        {256, true,  "a" }
    };
    return all[i];
}

static void done(void *context) { *(bool *)context = true; }

PROPERTY(both_stores_hold_the_same, 4)
{
    snprintf(path, sizeof path, "/tmp/trellis-test-store-%d", (int)getpid());
    remove_all();
    io_t *io                   = io_new();
    relay_store_memory_t *list = relay_store_memory_new();
    relay_store_disk_t *disk   = open_disk(io);
    relay_store_t a = relay_store_memory_ops(list), b = relay_store_disk_ops(disk);
    static relay_row_t rows[300];
    static char wires[300][16];
    static seen_t x, y;
    uint32_t count = 0;
    for (int step = 0; step < 400; step++) {
        uint32_t what = random_below(random, 12), most = 1 + random_below(random, 20);
        x                  = (seen_t){.most = most};
        y                  = (seen_t){.most = most};
        relay_address_t to = address(random_below(random, 6));
        if (what < 6 && count < 300) {
            snprintf(wires[count], sizeof wires[0], "wire%u", count);
            rows[count] = (relay_row_t){
                count + 1,
                100 + random_below(random, 400),
                to,
                random_below(random, 5) == 0,
                {(uint8_t *)wires[count], (uint32_t)strlen(wires[count])}
            };
            OK(a.put(a.self, &rows[count]) && b.put(b.self, &rows[count]));
            count++;
        } else if (what < 8 && count) {
            const relay_row_t *row = &rows[random_below(random, count)];
            a.remove(a.self, row);
            b.remove(b.self, row);
        } else if (what == 8) {
            x.most = y.most = 1000;
            a.expire(a.self, 100 + (uint64_t)step, 1000, see, &x);
            b.expire(b.self, 100 + (uint64_t)step, 1000, see, &y);
            OK(strlen(x.text) == strlen(y.text)); /* in another order */
        } else if (what < 11) {
            uint64_t after = random_below(random, count + 1);
            a.load(a.self, &to, after, see, &x);
            b.load(b.self, &to, after, see, &y);
            OK(strcmp(x.text, y.text) == 0);
        } else {
            bool is_done = false;
            b.sync(b.self, done, &is_done);
            while (!is_done)
                io_step(io, 100);
            relay_store_disk_free(disk);
            disk = open_disk(io);
            b    = relay_store_disk_ops(disk);
        }
    }
    x = (seen_t){.most = 1000};
    y = (seen_t){.most = 1000};
    a.all(a.self, see, &x);
    b.all(b.self, see, &y);
    EQ(strlen(x.text), strlen(y.text));
    relay_store_disk_free(disk);
    relay_store_memory_free(list);
    io_free(io);
    remove_all();
}

TEST(a_directory_that_cannot_be_is_told)
{
    const char *error = NULL;
    io_t *io          = io_new();
    OK(!relay_store_disk_new(io, "/proc/no-such-place", &error));
    OK(error && error[0]);
    io_free(io);
}

TEST_MAIN()
