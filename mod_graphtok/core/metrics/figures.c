/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file figures.c
 * The memory is one struct: names and gauges, which hardly change, then the stripes. A counter's
 * place is computed from its labels, so that counting looks nothing up but a provider's name among
 * a handful. Error codes of the provider take one of a few places, first come; the rest is "other".
 */

#include "metrics/counts.h"

#include <assert.h>
#include <sched.h>
#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define SHAPE APR_UINT64_C(0x6774666967303130) /* "gtfig010": another layout, another number */

const char *const gt_purposes[PURPOSES] = {"token", "graph", "discovery"};

apr_size_t gt_figures_size(void)
{
    return sizeof(gt_figures_t);
}

gt_figures_t *gt_figures_open(void *memory, apr_size_t size)
{
    gt_figures_t *figures = memory;
    apr_uint64_t shape, run;

    if (size != sizeof(*figures))
        return NULL;
    shape = atomic_load(&figures->shape);
    if (shape != 0)
        return shape == SHAPE ? figures : NULL;
    for (int i = 0; i < GT_LABELS; i++)
        apr_cpystrn(figures->names[i][0], "other", NAME_BYTES);
    gt_random(&run, sizeof(run));
    atomic_store(&figures->run, run);
    atomic_store(&figures->shape, SHAPE);
    return figures;
}

/* ---- labels ---- */

int gt_figures_find(const gt_figures_t *figures, gt_label_t label, const char *name)
{
    for (int i = 1; name != NULL && i < NAMES; i++)
        if (strcmp(figures->names[label][i], name) == 0)
            return i;
    return 0;
}

void gt_figures_name(gt_figures_t *figures, gt_label_t label, const char *name)
{
    int free_place = gt_figures_find(figures, label, "");

    /* A name that is not UTF-8 or too long has no place on the page. */
    if (gt_figures_find(figures, label, name) == 0 && free_place > 0 && strlen(name) < NAME_BYTES &&
        gt_is_utf8(name, strlen(name)))
        apr_cpystrn(figures->names[label][free_place], name, NAME_BYTES);
}

/* "AADSTS700082" → its place, taken when it is new. */
static int code_place(gt_figures_t *figures, const char *code)
{
    apr_int64_t number;

    if (strncmp(code, "AADSTS", 6) != 0 || !gt_number(&number, code + 6, 1, 999999999))
        return 0;
    for (int i = 1; i < CODES; i++) {
        apr_uint64_t there = atomic_load(&figures->codes[i]);

        if (there == 0)
            (void)atomic_compare_exchange_strong(&figures->codes[i], &there, (apr_uint64_t)number);
        if (atomic_load(&figures->codes[i]) == (apr_uint64_t)number)
            return i;
    }
    return 0;
}

/* ---- counting ---- */

static void count(count_t *counter, apr_uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static stripe_t *my_stripe(gt_figures_t *figures)
{
    int cpu = sched_getcpu();

    return &figures->stripes[cpu < 0 ? 0 : cpu % STRIPES];
}

static void count_call(stripe_t *stripe, int provider, const gt_notice_t *notice)
{
    int purpose = 0, bucket = 0;

    while (purpose < PURPOSES - 1 && strcmp(gt_purposes[purpose], notice->detail) != 0)
        purpose++;
    if (notice->err != GT_OK) {
        count(&stripe->upstream_failed[provider][purpose], 1);
        return;
    }
    while (bucket < BUCKETS && notice->took > gt_hour_bounds[bucket])
        bucket++;
    count(&stripe->upstream[provider][purpose].bucket[bucket], 1);
    count(&stripe->upstream[provider][purpose].sum,
          (apr_uint64_t)(notice->took > 0 ? notice->took : 0));
}

static void count_refresh(gt_figures_t *figures, stripe_t *stripe, int provider,
                          const gt_notice_t *notice)
{
    int result = notice->err != GT_OK ? (int)notice->err->cls + 1 : 0;

    count(&stripe->refreshes[provider][result], 1);
    count(&stripe->of_store[gt_figures_find(figures, GT_LABEL_STORE, notice->store)][result != 0],
          1);
    if (notice->err != GT_OK && notice->err->code != NULL)
        count(&stripe->refusals[code_place(figures, notice->err->code)], 1);
}

static void count_mail(stripe_t *stripe, int provider, const gt_notice_t *notice)
{
    const apr_int64_t by[MAIL_CHANGES] = {notice->added, notice->changed, notice->removed};

    count(&stripe->mail_took[provider], (apr_uint64_t)(notice->took > 0 ? notice->took : 0));
    for (int i = 0; i < MAIL_CHANGES; i++)
        count(&stripe->mail_messages[provider][i], (apr_uint64_t)by[i]);
}

/* "first refused", "first taken", "second …". */
static int place_of_use(const char *detail)
{
    return 2 * (detail[0] == 's') + (strstr(detail, "taken") != NULL);
}

/* "sent: …"; see GT_NOTICE_MAIL. */
static int place_of_mail(const char *detail)
{
    static const char begins[MAILS + 1] = "srtu";
    const char *found = strchr(begins, detail[0]);

    return found != NULL ? (int)(found - begins) : MAILS - 1;
}

const char *const gt_notified[NOTIFIED] = {"stored", "repeated", "unknown", "refused", "malformed"};

const char *const gt_delivered[DELIVERED] = {"delivered", "retried", "dead"};

/* By their ends: notifications that came, or tries to deliver one. */
static void count_hooks(stripe_t *stripe, const gt_notice_t *notice)
{
    for (int i = 0; notice->kind == GT_NOTICE_NOTIFIED && i < NOTIFIED; i++)
        if (strcmp(gt_notified[i], notice->detail) == 0)
            count(&stripe->notified[i], (apr_uint64_t)notice->added);
    for (int i = 0; notice->kind == GT_NOTICE_DELIVERED && i < DELIVERED; i++)
        if (strcmp(gt_delivered[i], notice->detail) == 0)
            count(&stripe->delivered[i], 1);
}

/* The counters of a kind that is counted by its result and nothing else; NULL: it is not. */
static count_t *by_result(stripe_t *stripe, gt_notice_kind_t kind)
{
    switch (kind) {
    case GT_NOTICE_REVOKE:
        return stripe->revokes;
    case GT_NOTICE_REFUSED:
        return stripe->refused;
    case GT_NOTICE_EXCHANGE:
        return stripe->exchanges;
    case GT_NOTICE_CLIENT_CALL:
        return stripe->client_calls;
    case GT_NOTICE_BULK:
        return stripe->bulk;
    case GT_NOTICE_SUBSCRIPTION:
        return stripe->subscriptions;
    case GT_NOTICE_STORE_FAILED:
        return stripe->store_failed;
    default:
        return NULL;
    }
}

static int take(void *baton, const gt_notice_t *notice)
{
    gt_figures_t *figures = baton;
    stripe_t *stripe = my_stripe(figures);
    int result = notice->err != GT_OK ? (int)notice->err->cls + 1 : 0;
    int provider = gt_figures_find(figures, GT_LABEL_PROVIDER, notice->provider);

    switch (notice->kind) {
    case GT_NOTICE_CACHE:
        count(&stripe->cache[notice->detail[0] == 'h'], 1);
        break;
    case GT_NOTICE_CALL:
    case GT_NOTICE_PASSED:
        count(&stripe->handed_out[notice->kind == GT_NOTICE_PASSED], 1);
        break;
    case GT_NOTICE_UPSTREAM:
        count_call(stripe, provider, notice);
        break;
    case GT_NOTICE_REFRESH:
        count_refresh(figures, stripe, provider, notice);
        break;
    case GT_NOTICE_SIGN_IN:
        count(&stripe->sign_ins[provider][result], 1);
        break;
    case GT_NOTICE_MAIL_SYNC:
        count(&stripe->mail_syncs[provider][result], 1);
        count_mail(stripe, provider, notice);
        break;
    case GT_NOTICE_CHALLENGE:
        count(&stripe->challenges[provider][notice->detail[0] == 's'], 1);
        break;
    case GT_NOTICE_CALLER:
        count(&stripe->callers[gt_figures_find(figures, GT_LABEL_CALLER, notice->detail)], 1);
        break;
    case GT_NOTICE_LEASE_WAIT:
        count(&stripe->lease_waits, 1);
        break;
    case GT_NOTICE_CLIENT:
        count(&stripe->secrets[provider][place_of_use(notice->detail)], 1);
        break;
    case GT_NOTICE_MAIL:
        count(&stripe->mails[place_of_mail(notice->detail)], 1);
        break;
    case GT_NOTICE_DELIVERED:
    case GT_NOTICE_NOTIFIED:
        count_hooks(stripe, notice);
        break;
    case GT_NOTICE_LIMIT:
        count(&stripe->limited[gt_figures_find(figures, GT_LABEL_LIMIT, notice->detail)], 1);
        break;
    case GT_NOTICE_AUDITED:
    case GT_NOTICE_AUDIT_FAILED:
        count(&stripe->audit[notice->kind == GT_NOTICE_AUDIT_FAILED], 1);
        break;
    default:
        if (by_result(stripe, notice->kind) != NULL)
            count(by_result(stripe, notice->kind) + result, 1);
    }
    return 1;
}

gt_notice_sink_t gt_figures_sink(gt_figures_t *figures)
{
    return (gt_notice_sink_t){figures, ~(gt_notices_t)0, take};
}

void gt_figures_set(gt_figures_t *figures, gt_gauge_t gauge, apr_int64_t value)
{
    assert(gauge < GT_GAUGES);
    atomic_store(&figures->gauges[gauge], (apr_uint64_t)value);
}
