/* test_metrics.c - Prometheus' text. */
#include "metrics.h"
#include "test.h"

static void set_late(void *self) { metric_set(self, 5); }

TEST(metrics_of_one_name_stand_together)
{
    metrics_t *m                 = metrics_new();
    metric_t *best               = metrics_gauge(m, "height", "status=\"best\"", "Block height");
    metric_t *count              = metrics_counter(m, "blocks_total", NULL, "Blocks");
    metric_t *final              = metrics_gauge(m, "height", "{status=\"finalized\"}", "Block height");
    static const double bounds[] = {0.1, 1};
    metric_t *seconds            = metrics_histogram(m, "took_seconds", "kind=\"x\"", "How long", bounds, 2);
    metric_set(best, 7);
    metric_add(count, 2);
    metric_add(count, 1);
    metrics_on_text(m, set_late, final);
    metric_observe(seconds, 0.05);
    metric_observe(seconds, 0.5);
    metric_observe(seconds, 3);
    OK(metrics_gauge(m, "height", "status=\"best\"", "") == best);
    size_t len;
    char *text = metrics_text(m, &len);
    const char *want =
        "# HELP height Block height\n# TYPE height gauge\nheight{status=\"best\"} "
        "7\nheight{status=\"finalized\"} 5\n"
        "# HELP blocks_total Blocks\n# TYPE blocks_total counter\nblocks_total 3\n"
        "# HELP took_seconds How long\n# TYPE took_seconds histogram\n"
        "took_seconds_bucket{kind=\"x\",le=\"0.1\"} 1\ntook_seconds_bucket{kind=\"x\",le=\"1\"} 2\n"
        "took_seconds_bucket{kind=\"x\",le=\"+Inf\"} 3\ntook_seconds_sum{kind=\"x\"} 3.5499999999999998\n"
        "took_seconds_count{kind=\"x\"} 3\n";
    if (strcmp(text, want) != 0) printf("%s", text);
    OK(strcmp(text, want) == 0);
    EQ(len, strlen(want));
    free(text);
    metrics_free(m);
}

TEST_MAIN()
