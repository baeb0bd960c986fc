/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file figures_text.c
 * The figures as a page: every counter added up over the stripes. docs/metrics.md has the same
 * names.
 */

#include "metrics/counts.h"

#include <stddef.h>

#include <apr_strings.h>

static const char *const bound_texts[BUCKETS] = {"0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
                                                 "1",    "2.5",   "5",    "10",  "20",   "60"};

/* A counter is named by its offset in a stripe. */
static apr_int64_t total(const gt_figures_t *figures, apr_size_t offset)
{
    apr_uint64_t sum = 0;

    for (int i = 0; i < STRIPES; i++)
        sum += atomic_load_explicit((const count_t *)((const char *)&figures->stripes[i] + offset),
                                    memory_order_relaxed);
    return (apr_int64_t)sum;
}

#define AT(member) offsetof(stripe_t, member)
#define NEXT(i) ((apr_size_t)(i) * sizeof(count_t))

static const char *result_name(int result)
{
    return result == 0 ? "ok" : gt_class_row((gt_class_t)(result - 1))->name;
}

/* A series that never counted is left out, but for the one that rates are made from. */
static void print_results(gt_page_t *page, const gt_figures_t *figures, apr_size_t at,
                          const char *provider)
{
    for (int i = 0; i < RESULTS; i++) {
        apr_int64_t value = total(figures, at + NEXT(i));
        const gt_page_label_t both[] = {
            {"provider", provider}, {"result", result_name(i)}, {NULL, NULL}};

        if (value > 0 || i == 0)
            gt_page_sample(page, provider != NULL ? both : both + 1, value);
    }
}

/* For each provider that has a name, and "other" when it counted. */
static int is_shown(const gt_figures_t *figures, int provider, apr_size_t at, apr_size_t counters)
{
    if (provider > 0)
        return figures->names[GT_LABEL_PROVIDER][provider][0] != '\0';
    for (apr_size_t i = 0; i < counters; i++)
        if (total(figures, at + NEXT(i)) > 0)
            return 1;
    return 0;
}

static void print_by_provider(gt_page_t *page, const gt_figures_t *figures, apr_size_t at)
{
    for (int i = 0; i < NAMES; i++)
        if (is_shown(figures, i, at + NEXT(i * RESULTS), RESULTS))
            print_results(page, figures, at + NEXT(i * RESULTS),
                          figures->names[GT_LABEL_PROVIDER][i]);
}

static void print_failures(gt_page_t *page, const gt_figures_t *figures, apr_size_t at)
{
    for (int i = 1; i < RESULTS; i++) {
        apr_int64_t value = total(figures, at + NEXT(i));
        const gt_page_label_t labels[] = {{"result", result_name(i)}, {NULL, NULL}};

        if (value > 0 || i == GT_STORE_AWAY + 1)
            gt_page_sample(page, labels, value);
    }
}

static void print_pair(gt_page_t *page, const gt_figures_t *figures, apr_size_t at,
                       const gt_page_label_t pair[2])
{
    for (int i = 0; i < 2; i++) {
        const gt_page_label_t labels[] = {pair[i], {NULL, NULL}};

        gt_page_sample(page, labels, total(figures, at + NEXT(i)));
    }
}

static void print_codes(gt_page_t *page, gt_figures_t *figures)
{
    for (int i = 0; i < CODES; i++) {
        apr_uint64_t code = atomic_load(&figures->codes[i]);
        const gt_page_label_t labels[] = {
            {"code",
             code == 0 ? "other" : apr_psprintf(page->pool, "AADSTS%" APR_UINT64_T_FMT, code)},
            {NULL, NULL}};

        if (i == 0 || code != 0)
            gt_page_sample(page, labels, total(figures, AT(refusals) + NEXT(i)));
    }
}

/* Counters by names that were registered; "other" when it counted. */
static void print_named(gt_page_t *page, const gt_figures_t *figures, apr_size_t at,
                        const char *label, gt_label_t names)
{
    for (int i = 0; i < NAMES; i++) {
        const gt_page_label_t labels[] = {{label, figures->names[names][i]}, {NULL, NULL}};
        apr_int64_t value = total(figures, at + NEXT(i));

        if (value > 0 || (i > 0 && figures->names[names][i][0] != '\0'))
            gt_page_sample(page, labels, value);
    }
}

static void print_times(gt_page_t *page, const gt_figures_t *figures, int provider, int purpose)
{
    apr_size_t at = AT(upstream) + (apr_size_t)(provider * PURPOSES + purpose) * sizeof(times_t);
    const char *name = figures->names[GT_LABEL_PROVIDER][provider];
    apr_int64_t sum = 0;
    gt_page_label_t labels[] = {
        {"provider", name}, {"purpose", gt_purposes[purpose]}, {NULL, NULL}, {NULL, NULL}};

    for (int i = 0; i <= BUCKETS; i++) {
        sum += total(figures, at + offsetof(times_t, bucket) + NEXT(i));
        labels[2] = (gt_page_label_t){"le", i < BUCKETS ? bound_texts[i] : "+Inf"};
        gt_page_part(page, "_bucket", labels, sum, 0);
    }
    labels[2] = (gt_page_label_t){NULL, NULL};
    gt_page_part(page, "_sum", labels, total(figures, at + offsetof(times_t, sum)), 1);
    gt_page_part(page, "_count", labels, sum, 0);
}

static void print_upstream(gt_page_t *page, const gt_figures_t *figures)
{
    gt_page_family(page, "graphtok_upstream_duration_seconds", "histogram",
                   "Time from a call's start to the head of the provider's answer.");
    for (int i = 0; i < NAMES * PURPOSES; i++)
        if (is_shown(figures, i / PURPOSES, AT(upstream), PURPOSES * sizeof(times_t) / 8))
            print_times(page, figures, i / PURPOSES, i % PURPOSES);
    gt_page_family(page, "graphtok_upstream_failures_total", "counter",
                   "Calls to a provider that brought no answer.");
    for (int i = 0; i < NAMES * PURPOSES; i++) {
        const gt_page_label_t labels[] = {
            {"provider", figures->names[GT_LABEL_PROVIDER][i / PURPOSES]},
            {"purpose", gt_purposes[i % PURPOSES]},
            {NULL, NULL}};

        if (is_shown(figures, i / PURPOSES, AT(upstream_failed), PURPOSES))
            gt_page_sample(page, labels, total(figures, AT(upstream_failed) + NEXT(i)));
    }
}

static void print_challenges(gt_page_t *page, const gt_figures_t *figures)
{
    for (int i = 0; i < NAMES * 2; i++) {
        const gt_page_label_t labels[] = {{"provider", figures->names[GT_LABEL_PROVIDER][i / 2]},
                                          {"next", i % 2 ? "sign-in" : "refresh"},
                                          {NULL, NULL}};

        if (is_shown(figures, i / 2, AT(challenges) + NEXT(i / 2 * 2), 2))
            gt_page_sample(page, labels, total(figures, AT(challenges) + NEXT(i)));
    }
}

static void print_tokens(gt_page_t *page, gt_figures_t *figures)
{
    static const gt_page_label_t cache[] = {{"result", "miss"}, {"result", "hit"}};
    static const gt_page_label_t to[] = {{"to", "provider"}, {"to", "application"}};

    gt_page_family(page, "graphtok_refreshes_total", "counter", "Refreshes by how they ended.");
    print_by_provider(page, figures, AT(refreshes));
    gt_page_family(page, "graphtok_refresh_refusals_total", "counter",
                   "Refreshes that failed with an error code of the provider.");
    print_codes(page, figures);
    gt_page_family(page, "graphtok_sign_ins_total", "counter", "Sign-ins by how they ended.");
    print_by_provider(page, figures, AT(sign_ins));
    gt_page_family(page, "graphtok_claims_challenges_total", "counter",
                   "Tokens that a claims challenge dropped, by what came next.");
    print_challenges(page, figures);
    gt_page_family(page, "graphtok_revokes_total", "counter", "Revocations by how they ended.");
    print_results(page, figures, AT(revokes), NULL);
    gt_page_family(page, "graphtok_tokens_handed_out_total", "counter",
                   "Tokens sent to the provider's API and given to applications.");
    print_pair(page, figures, AT(handed_out), to);
    gt_page_family(page, "graphtok_tokens_refused_total", "counter",
                   "Times that a token was wanted and there was none to be had.");
    print_failures(page, figures, AT(refused));
    gt_page_family(page, "graphtok_exchanges_total", "counter",
                   "Exchanges of clients by how they ended.");
    print_results(page, figures, AT(exchanges), NULL);
    gt_page_family(page, "graphtok_client_calls_total", "counter",
                   "Calls of clients to our own routes as users, by how they were judged.");
    print_results(page, figures, AT(client_calls), NULL);
    gt_page_family(page, "graphtok_bulk_results_total", "counter",
                   "Grants of bulk jobs by how the act on them ended.");
    print_results(page, figures, AT(bulk), NULL);
    gt_page_family(page, "graphtok_cache_lookups_total", "counter",
                   "Look-ups of a token in shared memory.");
    print_pair(page, figures, AT(cache), cache);
    gt_page_family(page, "graphtok_lease_waits_total", "counter",
                   "Refreshes that waited for another process or node with the same in hand.");
    gt_page_sample(page, NULL, total(figures, AT(lease_waits)));
}

static void print_mail(gt_page_t *page, const gt_figures_t *figures)
{
    static const char *const changes[MAIL_CHANGES] = {"added", "changed", "removed"};

    gt_page_family(page, "graphtok_mail_syncs_total", "counter",
                   "Synchronisations of mail accounts by how they ended.");
    print_by_provider(page, figures, AT(mail_syncs));
    gt_page_family(page, "graphtok_mail_sync_seconds_total", "counter",
                   "Seconds that synchronisations of mail accounts took.");
    for (int i = 0; i < NAMES; i++) {
        const gt_page_label_t labels[] = {{"provider", figures->names[GT_LABEL_PROVIDER][i]},
                                          {NULL, NULL}};

        if (is_shown(figures, i, AT(mail_took) + NEXT(i), 1))
            gt_page_part(page, "", labels, total(figures, AT(mail_took) + NEXT(i)), 1);
    }
    gt_page_family(page, "graphtok_mail_messages_total", "counter",
                   "Mails that synchronisations added, changed and removed here.");
    for (int i = 0; i < NAMES * MAIL_CHANGES; i++) {
        int first = i / MAIL_CHANGES * MAIL_CHANGES;
        const gt_page_label_t labels[] = {
            {"provider", figures->names[GT_LABEL_PROVIDER][i / MAIL_CHANGES]},
            {"change", changes[i % MAIL_CHANGES]},
            {NULL, NULL}};

        if (is_shown(figures, i / MAIL_CHANGES, AT(mail_messages) + NEXT(first), MAIL_CHANGES))
            gt_page_sample(page, labels, total(figures, AT(mail_messages) + NEXT(i)));
    }
}

static void print_secrets(gt_page_t *page, const gt_figures_t *figures)
{
    for (int i = 0; i < NAMES * SECRET_USES; i++) {
        int use = i % SECRET_USES;
        apr_int64_t value = total(figures, AT(secrets) + NEXT(i));
        const gt_page_label_t labels[] = {
            {"provider", figures->names[GT_LABEL_PROVIDER][i / SECRET_USES]},
            {"secret", use / 2 ? "second" : "first"},
            {"result", use % 2 ? "taken" : "refused"},
            {NULL, NULL}};

        if (value > 0)
            gt_page_sample(page, labels, value);
    }
}

static void print_mails(gt_page_t *page, const gt_figures_t *figures)
{
    static const char *const outcomes[MAILS] = {"sent", "refused", "temporary", "unknown"};

    for (int i = 0; i < MAILS; i++) {
        const gt_page_label_t labels[] = {{"outcome", outcomes[i]}, {NULL, NULL}};

        gt_page_sample(page, labels, total(figures, AT(mails) + NEXT(i)));
    }
}

static void print_hooks(gt_page_t *page, const gt_figures_t *figures)
{
    gt_page_family(page, "graphtok_subscriptions_total", "counter",
                   "Subscriptions made, renewed and ended at Microsoft Graph, by the result.");
    print_results(page, figures, AT(subscriptions), NULL);
    gt_page_family(page, "graphtok_notifications_total", "counter",
                   "Change notifications that came, by what became of them.");
    for (int i = 0; i < NOTIFIED; i++) {
        const gt_page_label_t labels[] = {{"result", gt_notified[i]}, {NULL, NULL}};

        gt_page_sample(page, labels, total(figures, AT(notified) + NEXT(i)));
    }
    gt_page_family(page, "graphtok_deliveries_total", "counter",
                   "Tries to deliver a notification to the application, by how they ended.");
    for (int i = 0; i < DELIVERED; i++) {
        const gt_page_label_t labels[] = {{"result", gt_delivered[i]}, {NULL, NULL}};

        gt_page_sample(page, labels, total(figures, AT(delivered) + NEXT(i)));
    }
}

static void print_rest(gt_page_t *page, gt_figures_t *figures)
{
    static const gt_page_label_t audit[] = {{"result", "ok"}, {"result", "failed"}};

    gt_page_family(page, "graphtok_client_secrets_total", "counter",
                   "Times that a provider took or refused one of two client secrets.");
    print_secrets(page, figures);
    gt_page_family(page, "graphtok_mails_total", "counter", "Mails by how sending them ended.");
    print_mails(page, figures);
    gt_page_family(page, "graphtok_storage_errors_total", "counter",
                   "Statements that the database did not carry out.");
    print_failures(page, figures, AT(store_failed));
    gt_page_family(page, "graphtok_journal_entries", "gauge",
                   "Entries of the journal that wait for the database.");
    gt_page_sample(page, NULL, (apr_int64_t)atomic_load(&figures->gauges[GT_GAUGE_JOURNAL]));
    gt_page_family(page, "graphtok_limited_total", "counter", "Requests that a limit refused.");
    print_named(page, figures, AT(limited), "class", GT_LABEL_LIMIT);
    gt_page_family(page, "graphtok_caller_tokens_total", "counter",
                   "Tokens of callers by how they were judged.");
    print_named(page, figures, AT(callers), "result", GT_LABEL_CALLER);
    gt_page_family(page, "graphtok_audit_records_total", "counter",
                   "Audit records that were written, and that could not be.");
    print_pair(page, figures, AT(audit), audit);
}

void gt_figures_print(gt_page_t *page, gt_figures_t *figures)
{
    print_tokens(page, figures);
    print_mail(page, figures);
    print_hooks(page, figures);
    print_upstream(page, figures);
    print_rest(page, figures);
}
