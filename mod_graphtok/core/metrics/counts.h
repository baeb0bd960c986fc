/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_COUNTS_H
#define GT_COUNTS_H

/**
 * @file counts.h
 * The memory of the figures, for figures.c, which counts, and figures_text.c, which prints.
 */

#include <stdatomic.h>

#include "base/hour.h"
#include "metrics/figures.h"

#define STRIPES 16
#define NAME_BYTES 40
#define NAMES 16                 /* of each label; place 0 is "other" */
#define CODES 64                 /* place 0 is "other" */
#define RESULTS (GT_CLASSES + 1) /* 0: it went well */
#define BUCKETS (GT_HOUR_BUCKETS - 1)
#define PURPOSES 3
#define GRAPH 1        /* of the purposes: calls to a provider's API */
#define MAILS 4        /* outcomes of a mail */
#define MAIL_CHANGES 3 /* of the copy of a message */
#define NOTIFIED 5     /* what became of notifications */
#define DELIVERED 3    /* how tries to deliver one end */
#define SECRET_USES 4  /* the first and the second of two, refused and taken */

/** The purposes of calls. */
extern const char *const gt_purposes[PURPOSES];

/** The results of notifications: "stored", … */
extern const char *const gt_notified[NOTIFIED];

/** The ends of tries to deliver one: "delivered", "retried", "dead". */
extern const char *const gt_delivered[DELIVERED];

typedef _Atomic apr_uint64_t count_t;

/** A histogram: how many in each bucket (the last one has no bound), and their sum in µs. */
typedef struct times_t {
    count_t bucket[BUCKETS + 1];
    count_t sum;
} times_t;

/** One stripe. */
typedef struct stripe_t {
    count_t refreshes[NAMES][RESULTS];
    count_t of_store[NAMES][2]; /* refreshes by store: those that went well, the others */
    count_t refusals[CODES];
    count_t sign_ins[NAMES][RESULTS];
    count_t challenges[NAMES][2]; /* followed by a refresh, by a sign-in */
    count_t revokes[RESULTS];
    count_t handed_out[2]; /* to the provider's API, to an application */
    count_t refused[RESULTS];
    count_t exchanges[RESULTS];
    count_t client_calls[RESULTS];
    count_t bulk[RESULTS];
    count_t mail_syncs[NAMES][RESULTS];
    count_t mails[MAILS];
    count_t subscriptions[RESULTS];
    count_t notified[NOTIFIED];
    count_t delivered[DELIVERED];
    count_t mail_took[NAMES];                   /* µs */
    count_t mail_messages[NAMES][MAIL_CHANGES]; /* added, changed, removed */
    count_t cache[2];                           /* misses, hits */
    count_t lease_waits;
    times_t upstream[NAMES][PURPOSES];
    count_t upstream_failed[NAMES][PURPOSES];
    count_t secrets[NAMES][SECRET_USES];
    count_t store_failed[RESULTS];
    count_t limited[NAMES];
    count_t callers[NAMES];
    count_t audit[2]; /* written, failed */
} __attribute__((aligned(64))) stripe_t;

/** Counters at the beginning of a piece (pieces.h), and its number and hour. */
typedef struct base_t {
    apr_int64_t number, hour;
    apr_int64_t refreshes[NAMES][2];
    apr_int64_t failed_calls;
    apr_int64_t calls[GT_HOUR_BUCKETS];
} base_t;

struct gt_figures_t {
    count_t shape;
    count_t run;  /* random, of this memory */
    count_t base; /* which of the two is the present one: even or odd */
    base_t bases[2];
    count_t gauges[GT_GAUGES];
    char names[GT_LABELS][NAMES][NAME_BYTES]; /* written by the parent alone */
    count_t codes[CODES];
    stripe_t stripes[STRIPES];
};

/** The place of a label's value; 0: "other". */
int gt_figures_find(const gt_figures_t *figures, gt_label_t label, const char *name);

#endif
