/* metrics.c - see metrics.h. */
#include "metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM } kind_t;

struct metric {
    kind_t kind;
    char *name, *labels, *help;
    double value; /* a histogram's sum */
    double *bounds;
    uint64_t *counts; /* one a bound, and the last for all above */
    uint32_t bound_count;
    metric_t *next;
};

typedef struct hook {
    void (*fn)(void *self);
    void *self;
    struct hook *next;
} hook_t;

struct metrics {
    metric_t *first;
    hook_t *hooks;
};

metrics_t *metrics_new(void)
{
    metrics_t *metrics = calloc(1, sizeof *metrics);
    assert(metrics);
    return metrics;
}

void metrics_free(metrics_t *metrics)
{
    if (!metrics) return;
    while (metrics->first) {
        metric_t *metric = metrics->first;
        metrics->first   = metric->next;
        free(metric->name);
        free(metric->labels);
        free(metric->help);
        free(metric->bounds);
        free(metric->counts);
        free(metric);
    }
    while (metrics->hooks) {
        hook_t *hook   = metrics->hooks;
        metrics->hooks = hook->next;
        free(hook);
    }
    free(metrics);
}

/* A new metric stands after the last one of its name. */
static metric_t *add(metrics_t *metrics, kind_t kind, const char *name, const char *given, const char *help)
{
    char labels[256]; /* without the braces around them */
    snprintf(labels, sizeof labels, "%s", given && *given == '{' ? given + 1 : given ? given : "");
    if (given && *given == '{') labels[strcspn(labels, "}")] = 0;
    metric_t **place = NULL, **at = &metrics->first;
    for (; *at; at = &(*at)->next) {
        if (strcmp((*at)->name, name) != 0) continue;
        assert((*at)->kind == kind);
        if (strcmp((*at)->labels, labels) == 0) return *at;
        place = &(*at)->next;
    }
    if (!place) place = at;
    metric_t *metric = calloc(1, sizeof *metric);
    assert(metric);
    metric->kind   = kind;
    metric->name   = strdup(name);
    metric->labels = strdup(labels);
    metric->help   = strdup(help);
    metric->next   = *place;
    *place         = metric;
    return metric;
}

metric_t *metrics_counter(metrics_t *metrics, const char *name, const char *labels, const char *help)
{
    return add(metrics, KIND_COUNTER, name, labels, help);
}
metric_t *metrics_gauge(metrics_t *metrics, const char *name, const char *labels, const char *help)
{
    return add(metrics, KIND_GAUGE, name, labels, help);
}
metric_t *metrics_histogram(metrics_t *metrics, const char *name, const char *labels, const char *help,
                            const double *bounds, uint32_t bound_count)
{
    metric_t *metric = add(metrics, KIND_HISTOGRAM, name, labels, help);
    if (metric->counts) return metric;
    metric->bounds = calloc(bound_count + 1, sizeof *bounds);
    metric->counts = calloc(bound_count + 1, sizeof *metric->counts);
    assert(metric->bounds && metric->counts);
    memcpy(metric->bounds, bounds, bound_count * sizeof *bounds);
    metric->bound_count = bound_count;
    return metric;
}

void metric_add(metric_t *metric, uint64_t by) { metric->value += (double)by; }
void metric_set(metric_t *metric, int64_t value) { metric->value = (double)value; }
double metric_value(const metric_t *metric) { return metric->value; }

void metric_observe(metric_t *metric, double seconds)
{
    assert(metric->kind == KIND_HISTOGRAM);
    uint32_t i = 0;
    while (i < metric->bound_count && seconds > metric->bounds[i])
        i++;
    metric->counts[i]++;
    metric->value += seconds;
}

void metrics_on_text(metrics_t *metrics, void (*fn)(void *self), void *self)
{
    hook_t *hook = malloc(sizeof *hook);
    assert(hook);
    *hook          = (hook_t){fn, self, metrics->hooks};
    metrics->hooks = hook;
}

typedef struct {
    char *data;
    size_t len, cap;
} text_t;

__attribute__((format(printf, 2, 3))) static void print(text_t *text, const char *format, ...)
{
    va_list arguments;
    for (;;) {
        va_start(arguments, format);
        int len = vsnprintf(text->data + text->len, text->cap - text->len, format, arguments);
        va_end(arguments);
        assert(len >= 0);
        if ((size_t)len < text->cap - text->len) {
            text->len += (size_t)len;
            return;
        }
        text->cap  = text->cap * 2 + (size_t)len;
        text->data = realloc(text->data, text->cap);
        assert(text->data);
    }
}

static void print_value(text_t *text, double value)
{
    if (value == floor(value) && fabs(value) < 9e15)
        print(text, " %" PRId64 "\n", (int64_t)value);
    else
        print(text, " %.17g\n", value);
}

static void print_histogram(text_t *text, const metric_t *metric)
{
    uint64_t count    = 0;
    const char *comma = *metric->labels ? "," : "";
    for (uint32_t i = 0; i <= metric->bound_count; i++) {
        count += metric->counts[i];
        print(text, "%s_bucket{%s%sle=\"", metric->name, metric->labels, comma);
        if (i < metric->bound_count)
            print(text, "%g\"} %" PRIu64 "\n", metric->bounds[i], count);
        else
            print(text, "+Inf\"} %" PRIu64 "\n", count);
    }
    const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
    print(text, "%s_sum%s%s%s", metric->name, open, metric->labels, close);
    print_value(text, metric->value);
    print(text, "%s_count%s%s%s %" PRIu64 "\n", metric->name, open, metric->labels, close, count);
}

char *metrics_text(metrics_t *metrics, size_t *len)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (hook_t *hook = metrics->hooks; hook; hook = hook->next)
        hook->fn(hook->self);
    text_t text = {.data = malloc(4096), .cap = 4096};
    assert(text.data);
    text.data[0]     = 0;
    const char *name = "";
    for (const metric_t *m = metrics->first; m; m = m->next) {
        if (strcmp(name, m->name) != 0)
            print(&text, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, kinds[m->kind]);
        name = m->name;
        if (m->kind == KIND_HISTOGRAM) {
            print_histogram(&text, m);
            continue;
        }
        if (*m->labels)
            print(&text, "%s{%s}", m->name, m->labels);
        else
            print(&text, "%s", m->name);
        print_value(&text, m->value);
    }
    *len = text.len;
    return text.data;
}
