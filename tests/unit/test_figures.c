/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Figures: what counts where, labels and their bounds, threads and processes that lose no count. */

#include "gt_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics/figures.h"

Suite *suite_figures(void);

#define TIMES 20000
#define WORKERS 4

static gt_figures_t *figures;
static void *memory;

static void begin(void)
{
    make_pool();
    memory =
        mmap(NULL, gt_figures_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(memory != MAP_FAILED);
    figures = gt_figures_open(memory, gt_figures_size());
    ck_assert_ptr_nonnull(figures);
    gt_figures_name(figures, GT_LABEL_PROVIDER, "microsoft");
    gt_figures_name(figures, GT_LABEL_LIMIT, "login");
    gt_figures_name(figures, GT_LABEL_CALLER, "expired");
}

static void end(void)
{
    munmap(memory, gt_figures_size());
    drop_pool();
}

static void say(gt_notice_t notice)
{
    gt_notice_sink_t sink = gt_figures_sink(figures);

    ck_assert_int_eq(sink.take(sink.baton, &notice), 1);
}

static int has_line(const char *line)
{
    gt_page_t *page = gt_page_make(pool);
    const char *at;

    gt_figures_print(page, figures);
    at = strstr(page->text, apr_pstrcat(pool, "\n", line, "\n", NULL));
    return at != NULL;
}

/* One announcement, and the line it makes. */
START_TEST(announcements_by_the_table)
{
    gt_err_t *dead = gt_err(pool, GT_SIGN_IN, "GT0101", "x");
    gt_err_t *away = gt_err(pool, GT_STORE_AWAY, "GT0101", "x");
    const struct {
        gt_notice_t notice;
        const char *line;
    } rows[] = {
        {{.kind = GT_NOTICE_CALLER, .detail = "expired"},
         "graphtok_caller_tokens_total{result=\"expired\"} 1"},
        {{.kind = GT_NOTICE_CALLER, .detail = "unheard-of"},
         "graphtok_caller_tokens_total{result=\"other\"} 1"},
        {{.kind = GT_NOTICE_REFRESH, .provider = "microsoft"},
         "graphtok_refreshes_total{provider=\"microsoft\",result=\"ok\"} 1"},
        {{.kind = GT_NOTICE_REFRESH, .provider = "microsoft", .err = dead},
         "graphtok_refreshes_total{provider=\"microsoft\",result=\"sign-in-required\"} 1"},
        {{.kind = GT_NOTICE_REFRESH, .provider = "nobody"},
         "graphtok_refreshes_total{provider=\"other\",result=\"ok\"} 1"},
        {{.kind = GT_NOTICE_SIGN_IN, .provider = "microsoft"},
         "graphtok_sign_ins_total{provider=\"microsoft\",result=\"ok\"} 1"},
        {{.kind = GT_NOTICE_REVOKE}, "graphtok_revokes_total{result=\"ok\"} 1"},
        {{.kind = GT_NOTICE_CALL}, "graphtok_tokens_handed_out_total{to=\"provider\"} 1"},
        {{.kind = GT_NOTICE_PASSED}, "graphtok_tokens_handed_out_total{to=\"application\"} 1"},
        {{.kind = GT_NOTICE_REFUSED, .err = dead},
         "graphtok_tokens_refused_total{result=\"sign-in-required\"} 1"},
        {{.kind = GT_NOTICE_CACHE, .detail = "hit"},
         "graphtok_cache_lookups_total{result=\"hit\"} 1"},
        {{.kind = GT_NOTICE_CACHE, .detail = "miss"},
         "graphtok_cache_lookups_total{result=\"miss\"} 1"},
        {{.kind = GT_NOTICE_LEASE_WAIT}, "graphtok_lease_waits_total 1"},
        {{.kind = GT_NOTICE_STORE_FAILED, .err = away},
         "graphtok_storage_errors_total{result=\"store-away\"} 1"},
        {{.kind = GT_NOTICE_LIMIT, .detail = "login"}, "graphtok_limited_total{class=\"login\"} 1"},
        {{.kind = GT_NOTICE_LIMIT, .detail = "new"}, "graphtok_limited_total{class=\"other\"} 1"},
        {{.kind = GT_NOTICE_AUDITED}, "graphtok_audit_records_total{result=\"ok\"} 1"},
        {{.kind = GT_NOTICE_AUDIT_FAILED}, "graphtok_audit_records_total{result=\"failed\"} 1"},
        {{.kind = GT_NOTICE_UPSTREAM, .provider = "microsoft", .detail = "token", .err = away},
         "graphtok_upstream_failures_total{provider=\"microsoft\",purpose=\"token\"} 1"},
        {{.kind = GT_NOTICE_MAIL_SYNC, .provider = "microsoft", .took = 1500000, .added = 5},
         "graphtok_mail_messages_total{provider=\"microsoft\",change=\"added\"} 5"},
        {{.kind = GT_NOTICE_MAIL_SYNC, .provider = "microsoft", .changed = 6},
         "graphtok_mail_messages_total{provider=\"microsoft\",change=\"changed\"} 6"},
        {{.kind = GT_NOTICE_MAIL_SYNC, .provider = "microsoft", .took = 1000000, .removed = 7},
         "graphtok_mail_messages_total{provider=\"microsoft\",change=\"removed\"} 7"},
        {{.kind = GT_NOTICE_MAIL_SYNC, .provider = "microsoft", .took = 500000, .err = away},
         "graphtok_mail_sync_seconds_total{provider=\"microsoft\"} 3.000000"},
    };

    /* Notices without a figure count as no other one. */
    say((gt_notice_t){.kind = GT_NOTICE_DEACTIVATE});
    say((gt_notice_t){.kind = GT_NOTICE_SIGN_OUT});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(!has_line(rows[i].line), "%s, before", rows[i].line);
        say(rows[i].notice);
        ck_assert_msg(has_line(rows[i].line), "%s", rows[i].line);
    }
}
END_TEST

START_TEST(a_call_falls_into_its_bucket)
{
    static const apr_interval_time_t took[] = {0, 10000, 10001, 250000, 60000001};
#define GRAPH "{provider=\"microsoft\",purpose=\"graph\""

    for (size_t i = 0; i < sizeof(took) / sizeof(took[0]); i++)
        say((gt_notice_t){.kind = GT_NOTICE_UPSTREAM,
                          .provider = "microsoft",
                          .detail = "graph",
                          .took = took[i]});
    ck_assert(has_line("graphtok_upstream_duration_seconds_bucket" GRAPH ",le=\"0.01\"} 2"));
    ck_assert(has_line("graphtok_upstream_duration_seconds_bucket" GRAPH ",le=\"0.025\"} 3"));
    ck_assert(has_line("graphtok_upstream_duration_seconds_bucket" GRAPH ",le=\"0.25\"} 4"));
    ck_assert(has_line("graphtok_upstream_duration_seconds_bucket" GRAPH ",le=\"60\"} 4"));
    ck_assert(has_line("graphtok_upstream_duration_seconds_bucket" GRAPH ",le=\"+Inf\"} 5"));
    ck_assert(has_line("graphtok_upstream_duration_seconds_sum" GRAPH "} 60.270002"));
    ck_assert(has_line("graphtok_upstream_duration_seconds_count" GRAPH "} 5"));
}
END_TEST

static void refuse_with(const char *code)
{
    gt_err_t *err = gt_err(pool, GT_SIGN_IN, "GT0101", "x");

    err->code = code;
    say((gt_notice_t){.kind = GT_NOTICE_REFRESH, .provider = "microsoft", .err = err});
}

START_TEST(codes_are_bounded)
{
    refuse_with("AADSTS700082");
    refuse_with("AADSTS700082");
    refuse_with("invalid_grant");
    refuse_with("AADSTS\"} 1\nevil 1");
    ck_assert(has_line("graphtok_refresh_refusals_total{code=\"AADSTS700082\"} 2"));
    ck_assert(has_line("graphtok_refresh_refusals_total{code=\"other\"} 2"));
    for (int i = 1; i <= 200; i++)
        refuse_with(apr_psprintf(pool, "AADSTS%d", i));
    ck_assert(has_line("graphtok_refresh_refusals_total{code=\"AADSTS62\"} 1"));
    ck_assert(!has_line("graphtok_refresh_refusals_total{code=\"AADSTS63\"} 1"));
    ck_assert(has_line("graphtok_refresh_refusals_total{code=\"other\"} 140"));
}
END_TEST

START_TEST(names_are_bounded)
{
    for (int i = 0; i < 30; i++)
        gt_figures_name(figures, GT_LABEL_PROVIDER, apr_psprintf(pool, "p%d", i));
    gt_figures_name(figures, GT_LABEL_PROVIDER, "p0");
    say((gt_notice_t){.kind = GT_NOTICE_SIGN_IN, .provider = "p0"});
    say((gt_notice_t){.kind = GT_NOTICE_SIGN_IN, .provider = "p13"});
    say((gt_notice_t){.kind = GT_NOTICE_SIGN_IN, .provider = "p14"});
    ck_assert(has_line("graphtok_sign_ins_total{provider=\"p0\",result=\"ok\"} 1"));
    ck_assert(has_line("graphtok_sign_ins_total{provider=\"p13\",result=\"ok\"} 1"));
    ck_assert(has_line("graphtok_sign_ins_total{provider=\"other\",result=\"ok\"} 1"));
}
END_TEST

START_TEST(gauges_are_set)
{
    ck_assert(has_line("graphtok_journal_entries 0"));
    gt_figures_set(figures, GT_GAUGE_JOURNAL, 7);
    ck_assert(has_line("graphtok_journal_entries 7"));
    gt_figures_set(figures, GT_GAUGE_JOURNAL, 0);
    ck_assert(has_line("graphtok_journal_entries 0"));
}
END_TEST

START_TEST(memory_is_taken_over_or_refused)
{
    apr_uint64_t other = 1;

    say((gt_notice_t){.kind = GT_NOTICE_LEASE_WAIT});
    figures = gt_figures_open(memory, gt_figures_size());
    ck_assert(has_line("graphtok_lease_waits_total 1"));
    ck_assert_ptr_null(gt_figures_open(memory, gt_figures_size() - 1));
    memcpy(memory, &other, sizeof(other));
    ck_assert_ptr_null(gt_figures_open(memory, gt_figures_size()));
}
END_TEST

static void *count_much(void *baton)
{
    (void)baton;
    for (int i = 0; i < TIMES; i++)
        say((gt_notice_t){.kind = GT_NOTICE_CACHE, .detail = "hit"});
    return NULL;
}

START_TEST(threads_lose_no_count)
{
    pthread_t threads[WORKERS];

    for (int i = 0; i < WORKERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_much, NULL), 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert(has_line("graphtok_cache_lookups_total{result=\"hit\"} 80000"));
}
END_TEST

START_TEST(processes_lose_no_count)
{
    for (int i = 0; i < WORKERS; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            count_much(NULL);
            _exit(0);
        }
        ck_assert(pid > 0);
    }
    for (int i = 0; i < WORKERS; i++)
        ck_assert(wait(NULL) > 0);
    ck_assert(has_line("graphtok_cache_lookups_total{result=\"hit\"} 80000"));
}
END_TEST

START_TEST(a_killed_process_leaves_its_counts)
{
    int pipe_ends[2], status;
    char done;
    pid_t pid;

    ck_assert_int_eq(pipe(pipe_ends), 0);
    pid = fork();
    if (pid == 0) {
        say((gt_notice_t){.kind = GT_NOTICE_REVOKE});
        ck_assert_int_eq(write(pipe_ends[1], "x", 1), 1);
        while (1)
            pause();
    }
    ck_assert_int_eq(read(pipe_ends[0], &done, 1), 1);
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(has_line("graphtok_revokes_total{result=\"ok\"} 1"));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}
END_TEST

START_TEST(labels_are_escaped)
{
    static const gt_page_label_t labels[] = {{"a", "x\"y\\z\n"}, {"b", ""}, {NULL, NULL}};
    gt_page_t *page = gt_page_make(pool);

    gt_page_family(page, "f", "gauge", "h");
    gt_page_sample(page, labels, -5);
    gt_page_comment(page, "c");
    ck_assert_str_eq(page->text,
                     "# HELP f h\n# TYPE f gauge\nf{a=\"x\\\"y\\\\z\\n\",b=\"\"} -5\n# c\n");
    for (int i = 0; i < 10000; i++)
        gt_page_sample(page, NULL, i);
    ck_assert_uint_eq(page->len, strlen(page->text));
    ck_assert_str_eq(page->text + page->len - 7, "f 9999\n");
}
END_TEST

Suite *suite_figures(void)
{
    Suite *suite = suite_create("figures");
    TCase *tcase = tcase_create("figures");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, announcements_by_the_table);
    tcase_add_test(tcase, a_call_falls_into_its_bucket);
    tcase_add_test(tcase, codes_are_bounded);
    tcase_add_test(tcase, names_are_bounded);
    tcase_add_test(tcase, gauges_are_set);
    tcase_add_test(tcase, memory_is_taken_over_or_refused);
    tcase_add_test(tcase, threads_lose_no_count);
    tcase_add_test(tcase, processes_lose_no_count);
    tcase_add_test(tcase, a_killed_process_leaves_its_counts);
    tcase_add_test(tcase, labels_are_escaped);
    suite_add_tcase(suite, tcase);
    return suite;
}
