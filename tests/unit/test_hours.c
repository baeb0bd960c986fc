/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Figures by hours: counted in pieces (metrics/pieces), kept in rows (store/hour_rows), merged
 * (base/hour); and the ends of tokens by days (store/grant_sums). */

#include <string.h>
#include <sys/mman.h>

#include <apr_strings.h>
#include <check.h>

#include "desk.h"
#include "metrics/pieces.h"
#include "store/hour_rows.h"

Suite *suite_hours(void);

#define NOW_HOUR (apr_time_sec(apr_time_now()) / 3600)

static gt_figures_t *make_figures(void)
{
    const apr_size_t size = gt_figures_size();
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    gt_figures_t *figures;

    ck_assert(memory != MAP_FAILED);
    figures = gt_figures_open(memory, size);
    gt_figures_name(figures, GT_LABEL_STORE, "main");
    gt_figures_name(figures, GT_LABEL_STORE, "beta");
    return figures;
}

static void refresh(gt_figures_t *figures, const char *store)
{
    gt_notice_sink_t sink = gt_figures_sink(figures);
    const gt_notice_t notice = {.kind = GT_NOTICE_REFRESH, .store = store};

    ck_assert_int_eq(sink.take(sink.baton, &notice), 1);
}

static void call(gt_figures_t *figures, apr_interval_time_t took)
{
    gt_notice_sink_t sink = gt_figures_sink(figures);
    const gt_notice_t notice = {.kind = GT_NOTICE_UPSTREAM, .detail = "graph", .took = took};

    ck_assert_int_eq(sink.take(sink.baton, &notice), 1);
}

/* What httpd's children do once a minute (child/write_hours.c); `dies` before the hour's end is
 * noted. */
static void write_piece(gt_figures_t *figures, desk_t *desk, apr_int64_t now, int dies)
{
    const gt_piece_t piece = gt_piece_now(figures);
    const gt_counted_t *counted = gt_figures_counted(figures, desk->pool);
    const gt_hour_t hour = gt_piece_figures(figures, counted, "main");
    const gt_hour_key_t key = {piece.run, piece.number};

    if (piece.hour != 0)
        bench_ok(gt_hour_write(desk->store, &key, &hour, desk->pool));
    if (piece.hour != now && !dies)
        gt_piece_begin(figures, counted, now);
}

/* The figures of each hour from `first` on: "2+0 calls 1, …". */
static const char *told(desk_t *desk, apr_int64_t first)
{
    apr_array_header_t *hours;
    const char *line = "";

    bench_ok(gt_hour_list(&hours, desk->store, desk->pool));
    for (int i = 0; i < hours->nelts; i++) {
        const gt_hour_t *hour = &APR_ARRAY_IDX(hours, i, gt_hour_t);

        line = apr_psprintf(desk->pool, "%s%s%d: %d calls %d", line, i > 0 ? ", " : "",
                            (int)(hour->hour - first), (int)(hour->refreshed + hour->failed),
                            (int)gt_hour_calls(hour));
    }
    return line;
}

START_TEST(each_count_is_in_one_hour)
{
    desk_t desk = desk_open(_i);
    gt_figures_t *node = make_figures(), *other = make_figures();
    const apr_int64_t first = NOW_HOUR - 3;

    write_piece(node, &desk, first, 0);
    write_piece(other, &desk, first, 0);
    refresh(node, "main");
    refresh(node, "beta");
    call(node, 60000);
    refresh(other, "main");
    write_piece(node, &desk, first, 0);
    write_piece(node, &desk, first, 0);
    write_piece(other, &desk, first, 0);
    ck_assert_str_eq(told(&desk, first), "0: 2 calls 1");
    /* Killed after the row was written: the next one writes the same, and what came since. */
    write_piece(node, &desk, first + 1, 1);
    refresh(node, "main");
    write_piece(node, &desk, first + 1, 0);
    refresh(node, "main");
    call(node, 60000);
    write_piece(node, &desk, first + 1, 0);
    write_piece(node, &desk, first + 2, 0);
    ck_assert_str_eq(told(&desk, first), "0: 3 calls 1, 1: 1 calls 1");
    /* A restart: other memory, which counts from nothing. */
    node = make_figures();
    write_piece(node, &desk, first + 1, 0);
    refresh(node, "main");
    write_piece(node, &desk, first + 1, 0);
    ck_assert_str_eq(told(&desk, first), "0: 3 calls 1, 1: 2 calls 1");
    bench_close(desk.bench);
}
END_TEST

/* Thirty days are told and kept. */
START_TEST(old_hours_go)
{
    desk_t desk = desk_open(_i);
    const gt_hour_key_t old = {"aa", 1}, lately = {"aa", 2}, ahead = {"aa", 3};
    gt_hour_t hour = {.hour = NOW_HOUR - 30 * 24 - 1, .refreshed = 1};

    bench_ok(gt_hour_write(desk.store, &old, &hour, desk.pool));
    hour.hour = NOW_HOUR + 100; /* written by a node whose clock is wrong */
    bench_ok(gt_hour_write(desk.store, &ahead, &hour, desk.pool));
    hour.hour = NOW_HOUR - 29 * 24;
    bench_ok(gt_hour_write(desk.store, &lately, &hour, desk.pool));
    ck_assert_str_eq(told(&desk, hour.hour), "0: 1 calls 0");
    bench_ok(gt_hour_purge(desk.store, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens_hours"), "2");
    bench_close(desk.bench);
}
END_TEST

/* Before the step that makes the table nothing is kept, and nothing fails. */
START_TEST(a_store_without_the_table_keeps_none)
{
    desk_t desk = desk_open(_i);
    const gt_hour_key_t key = {"aa", 1};
    const gt_hour_t hour = {.hour = NOW_HOUR, .refreshed = 1};
    gt_grant_stats_t stats;

    bench_migrate(desk.bench, 17);
    desk.store =
        gt_store_make(desk.bench->conf, desk.bench->db, gt_store_ring(desk.store), desk.pool);
    bench_ok(gt_hour_write(desk.store, &key, &hour, desk.pool));
    ck_assert_str_eq(told(&desk, 0), "");
    bench_ok(gt_hour_purge(desk.store, desk.pool));
    for (int part = 0; part < GT_COUNT_PARTS; part++)
        bench_ok(gt_grant_count(desk.store, part, 0, desk.pool));
    bench_ok(gt_grant_stats(&stats, desk.store, desk.pool));
    ck_assert_int_eq(stats.is_whole, 1);
    bench_close(desk.bench);
}
END_TEST

START_TEST(ends_are_counted_by_days)
{
    static const struct {
        const char *user, *end; /* on both engines */
        int status, day;        /* -1: not counted */
    } rows[] = {{"u0", "1", 1, 0},   {"u1", "1", 1, 0},  {"u2", "2", 1, 1},  {"u3", "30", 1, 29},
                {"u4", "31", 1, -1}, {"u5", "2", 0, -1}, {"u6", "0", 1, -1}, {"u7", "2", 2, -1},
                {"u8", "12", 1, 11}, {"u9", "12", 1, 11}};
    desk_t desk = desk_open(_i);
    const char *const before[] = {"datetime('now', 'start of day', '-1 second', '+",
                                  "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' "
                                  "- INTERVAL '1 second' + INTERVAL '"};
    const char *const after[] = {" days')", " days'"};
    gt_grant_stats_t stats;
    apr_int64_t wanted[GT_END_DAYS] = {0};

    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_owner_t owner = {rows[i].user, "microsoft"};
        const char *end = apr_pstrcat(desk.pool, before[_i], rows[i].end, after[_i], NULL);

        desk_signed_in(&desk, &owner, "a");
        bench_run(desk.bench, apr_psprintf(desk.pool,
                                           "UPDATE user_tokens SET expires_at = %s, status = %d "
                                           "WHERE user_id = '%s'",
                                           end, rows[i].status, rows[i].user));
        if (rows[i].day >= 0)
            wanted[rows[i].day]++;
    }
    for (int part = 0; part < GT_COUNT_PARTS; part++)
        bench_ok(gt_grant_count(desk.store, part, 0, desk.pool));
    bench_ok(gt_grant_stats(&stats, desk.store, desk.pool));
    for (int i = 0; i < GT_END_DAYS; i++)
        ck_assert_int_eq(stats.ends[i], wanted[i]);
    bench_run(desk.bench,
              "UPDATE user_tokens_counts SET ends = '1:1 x:y 99999999999999999999:1 7'");
    bench_ok(gt_grant_stats(&stats, desk.store, desk.pool));
    ck_assert_int_eq(stats.ends[0], 0);
    bench_close(desk.bench);
}
END_TEST

/* Histograms of two servers add up to that of both. */
START_TEST(quantiles_are_of_all_calls)
{
    gt_hour_t hour = {.hour = 1};

    ck_assert_int_eq(gt_hour_quantile(&hour, 50), 0);
    hour.calls[3] = 100; /* 50 to 100 ms */
    ck_assert_int_eq(gt_hour_quantile(&hour, 50), 75000);
    ck_assert_int_eq(gt_hour_quantile(&hour, 100), 100000);
    hour.calls[5] = 100; /* 250 to 500 ms */
    ck_assert_int_eq(gt_hour_quantile(&hour, 50), 100000);
    ck_assert_int_eq(gt_hour_quantile(&hour, 95), 475000);
    hour.calls[GT_HOUR_BUCKETS - 1] = 1000;
    ck_assert_int_eq(gt_hour_quantile(&hour, 95), 60000000);
}
END_TEST

Suite *suite_hours(void)
{
    Suite *suite = suite_create("hours");
    TCase *tcase = tcase_create("both engines");

    tcase_add_loop_test(tcase, each_count_is_in_one_hour, 0, bench_engines());
    tcase_add_loop_test(tcase, old_hours_go, 0, bench_engines());
    tcase_add_loop_test(tcase, a_store_without_the_table_keeps_none, 0, bench_engines());
    tcase_add_loop_test(tcase, ends_are_counted_by_days, 0, bench_engines());
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("pure");
    tcase_add_test(tcase, quantiles_are_of_all_calls);
    suite_add_tcase(suite, tcase);
    return suite;
}
