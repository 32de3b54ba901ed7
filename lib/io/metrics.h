/* metrics.h - numbers of a daemon, as Prometheus reads them.
 *
 *     metric_t *best = metrics_gauge(m, "substrate_block_height", "status=\"best\"", "Block height of the chain");
 *     metric_set(best, 7);
 *
 * Metrics of one name stand together, with one HELP and TYPE.  All from one thread. */
#ifndef METRICS_H
#define METRICS_H
#include "base.h"

typedef struct metrics metrics_t;
typedef struct metric metric_t;

metrics_t *metrics_new(void);
void metrics_free(metrics_t *metrics); /* and all its metrics */

/* These add a metric.  name, labels ("" for none, else `key="value",...`) and help are copied; the same name
 * and labels again give the same metric.  A histogram's bounds rise; +Inf is added by itself. */
metric_t *metrics_counter(metrics_t *metrics, const char *name, const char *labels, const char *help);
metric_t *metrics_gauge(metrics_t *metrics, const char *name, const char *labels, const char *help);
metric_t *metrics_histogram(metrics_t *metrics, const char *name, const char *labels, const char *help,
                            const double *bounds, uint32_t bound_count);

void metric_add(metric_t *metric, double by); /* counter (by >= 0) or gauge */
void metric_set(metric_t *metric, double to); /* gauge; or a counter that is counted elsewhere */
void metric_observe(metric_t *metric, double value); /* histogram */
double metric_value(const metric_t *metric); /* of a histogram: the sum */

/* metrics_on_write calls fn before each metrics_text, to set what is only known then. */
void metrics_on_write(metrics_t *metrics, void (*fn)(void *context), void *context);

/* metrics_text is Prometheus' text format 0.0.4.  The caller frees it. */
char *metrics_text(metrics_t *metrics);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
