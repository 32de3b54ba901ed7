/* metrics.h - what a daemon counts, as Prometheus reads it.
 *
 * A metric is made once, by a name that is not made again; labels are part of its text, as
 * `{status="best"}`.  Counting is a plain addition: one thread counts. */
#ifndef METRICS_H
#define METRICS_H
#include "base.h"

typedef struct metrics metrics_t;
typedef struct metric metric_t;

metrics_t *metrics_new(void);
void metrics_free(metrics_t *metrics);

/* The metric is owned by metrics.  help is a sentence, not copied; name and labels are copied; labels may be
 * NULL. Metrics of one name with different labels share the help of the first. */
metric_t *metrics_counter(metrics_t *metrics, const char *name, const char *labels, const char *help);
metric_t *metrics_gauge(metrics_t *metrics, const char *name, const char *labels, const char *help);
/* bounds: upper bounds in seconds, ascending, `count` of them (at most 16); not copied. */
metric_t *metrics_histogram(metrics_t *metrics, const char *name, const char *labels, const char *help,
                            const double *bounds, uint32_t count);

void metric_add(metric_t *metric, uint64_t by);
void metric_set(metric_t *metric, int64_t value);
void metric_observe(metric_t *metric, double seconds);

double metric_value(const metric_t *metric); /* of a histogram: the sum */

/* metrics_on_text calls fn before each metrics_text, to set what is known only then. */
void metrics_on_text(metrics_t *metrics, void (*fn)(void *self), void *self);

/* metrics_text gives the exposition text (version 0.0.4), the caller's to free(). */
char *metrics_text(metrics_t *metrics, size_t *len);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
