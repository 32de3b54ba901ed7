/* test_twin_cache.c - one question for a twin, fresh answers, a bounded memory. */
#include "test.h"

#include "twin_cache.h"

/* A chain that answers when told to. */
typedef struct {
    uint32_t asked;
    uint32_t ids[32];
    twin_done_fn done[32];
    void *context[32];
} slow_t;

static void slow_get(void *self, uint32_t id, twin_done_fn done, void *context)
{
    slow_t *slow               = self;
    slow->ids[slow->asked]     = id;
    slow->done[slow->asked]    = done;
    slow->context[slow->asked] = context;
    slow->asked++;
}

static void slow_answer(slow_t *slow, uint32_t i, twin_status_t status, const char *relay)
{
    rmb_twin_t twin = {.id = slow->ids[i]};
    snprintf(twin.relay, sizeof twin.relay, "%s", relay);
    slow->done[i](slow->context[i], status, status == TWIN_FOUND ? &twin : NULL);
}

typedef struct {
    int count;
    twin_status_t status;
    char relay[RMB_RELAY_MAX + 1];
} heard_t;

static void hear(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    heard_t *heard = context;
    heard->count++;
    heard->status = status;
    snprintf(heard->relay, sizeof heard->relay, "%s", twin ? twin->relay : "");
}

static slow_t slow;
static twin_cache_t *cache;

static void fresh(uint32_t capacity)
{
    slow  = (slow_t){0};
    cache = twin_cache_new(&(twin_source_t){&slow, slow_get}, capacity);
}

TEST(many_who_ask_cost_one_question)
{
    fresh(4);
    heard_t heard[3] = {0};
    for (int i = 0; i < 3; i++)
        twin_cache_get(cache, 7, hear, &heard[i]);
    EQ(slow.asked, 1);
    slow_answer(&slow, 0, TWIN_FOUND, "a");
    for (int i = 0; i < 3; i++)
        OK(heard[i].count == 1 && strcmp(heard[i].relay, "a") == 0);
    twin_cache_get(cache, 7, hear, &heard[0]);
    EQ(heard[0].count, 2);
    EQ(slow.asked, 1);
    twin_cache_stats_t stats;
    twin_cache_stats(cache, &stats);
    EQ(stats.hits, 1);
    EQ(stats.misses, 3);
    EQ(stats.entries, 1);
    twin_cache_free(cache);
}

TEST(what_is_unknown_is_asked_again)
{
    fresh(4);
    heard_t heard = {0};
    twin_cache_get(cache, 7, hear, &heard);
    slow_answer(&slow, 0, TWIN_UNKNOWN, "");
    EQ(heard.status, TWIN_UNKNOWN);
    twin_cache_get(cache, 7, hear, &heard);
    EQ(slow.asked, 2);
    slow_answer(&slow, 1, TWIN_UNAVAILABLE, "");
    EQ(heard.status, TWIN_UNAVAILABLE);
    EQ(heard.count, 2);
    twin_cache_free(cache);
}

TEST(the_one_that_was_used_longest_ago_leaves)
{
    fresh(2);
    heard_t heard = {0};
    for (uint32_t id = 1; id <= 2; id++) {
        twin_cache_get(cache, id, hear, &heard);
        slow_answer(&slow, id - 1, TWIN_FOUND, "a");
    }
    twin_cache_get(cache, 1, hear, &heard);
    twin_cache_get(cache, 3, hear, &heard);
    slow_answer(&slow, 2, TWIN_FOUND, "a");
    twin_cache_get(cache, 1, hear, &heard);
    EQ(slow.asked, 3);
    twin_cache_get(cache, 2, hear, &heard);
    EQ(slow.asked, 4);
    twin_cache_free(cache);
    EQ(heard.status, TWIN_UNAVAILABLE);
    slow_answer(&slow, 3, TWIN_FOUND, "late");
    EQ(heard.status, TWIN_UNAVAILABLE);
}

TEST(news_of_the_chain_beat_an_older_answer)
{
    fresh(2);
    heard_t heard = {0};
    twin_cache_get(cache, 5, hear, &heard);
    rmb_twin_t news = {.id = 5, .relay = "new"};
    twin_cache_put(cache, &news);
    EQ(heard.count, 1);
    OK(strcmp(heard.relay, "new") == 0);
    slow_answer(&slow, 0, TWIN_FOUND, "old");
    twin_cache_get(cache, 5, hear, &heard);
    OK(strcmp(heard.relay, "new") == 0);
    EQ(heard.count, 2);
    news.id = 6;
    twin_cache_put(cache, &news);
    twin_cache_get(cache, 6, hear, &heard);
    EQ(slow.asked, 2);
    twin_cache_free(cache);
    slow_answer(&slow, 1, TWIN_FOUND, "a");
}

TEST(who_cancels_hears_nothing)
{
    fresh(2);
    heard_t one = {0}, two = {0};
    twin_cache_get(cache, 5, hear, &one);
    twin_cache_get(cache, 5, hear, &two);
    twin_cache_cancel(cache, &one);
    slow_answer(&slow, 0, TWIN_FOUND, "a");
    EQ(one.count, 0);
    EQ(two.count, 1);
    twin_cache_free(cache);
}

TEST(a_flush_asks_again_for_those_who_wait)
{
    fresh(2);
    heard_t heard = {0};
    twin_cache_get(cache, 5, hear, &heard);
    twin_cache_flush(cache);
    EQ(slow.asked, 2);
    slow_answer(&slow, 0, TWIN_FOUND, "old");
    EQ(heard.count, 0);
    slow_answer(&slow, 1, TWIN_FOUND, "new");
    OK(strcmp(heard.relay, "new") == 0);
    twin_cache_free(cache);
}

TEST(relay_records_are_split)
{
    char domain[RMB_RELAY_MAX + 1];
    uint32_t at = 0;
    OK(relay_domain_next("a.org_b.org", &at, domain) && strcmp(domain, "a.org") == 0);
    OK(relay_domain_next("a.org_b.org", &at, domain) && strcmp(domain, "b.org") == 0);
    OK(!relay_domain_next("a.org_b.org", &at, domain));
    at = 0;
    OK(!relay_domain_next("", &at, domain));
}

TEST(a_domain_may_be_elsewhere)
{
    static relay_at_t map;
    char url[RMB_URL_MAX];
    OK(relay_at_add(&map, "a.org=tcp://127.0.0.1:4000"));
    OK(!relay_at_add(&map, "a.org"));
    OK(!relay_at_add(&map, "=tcp://x:1"));
    OK(!relay_at_add(&map, "a.org=ftp://x"));
    OK(!relay_at_add(&map, "a.org=wss://"));
    relay_at_get(&map, "a.org", url);
    OK(strcmp(url, "tcp://127.0.0.1:4000") == 0 && relay_url_is_nng(url));
    relay_at_get(&map, "b.org", url);
    OK(strcmp(url, "wss://b.org") == 0 && !relay_url_is_nng(url));
    relay_at_get(NULL, "b.org", url);
    OK(strcmp(url, "wss://b.org") == 0);
}

TEST_MAIN()
