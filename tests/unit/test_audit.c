/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The audit: records as they are written, then every way to tamper with them, one writer and
 * several processes, full pipes and disks.
 */

#include "audit_file.h"
#include "aside.h"

Suite *suite_audit(void);

START_TEST(a_record_has_its_members)
{
    const gt_trace_t trace = {"4bf92f3577b34da6a3ce929d0e0e4736", 1};
    const gt_asker_t asker = {"192.0.2.7", "id-1", "events", "agent", "root", "job-1", &trace};
    gt_err_t *err = gt_err(pool, GT_SIGN_IN, "GT0602", "never shown");
    json_t *json;
    const char *name;
    apr_size_t at = 0;
    static const char *const order[] = {
        "time",          "event", "result",  "tag",        "code",   "store",
        "provider",      "user",  "address", "request_id", "route",  "client",
        "administrator", "job",   "trace",   "took_ms",    "detail", "node",
        "pid",           "chain", "seq",     "prev",       "mac"};
    json_t *value;

    err->code = "AADSTS700082";
    ck_assert(record_by(audit, (gt_notice_t){.kind = GT_NOTICE_REFRESH,
                                             .store = "main",
                                             .provider = "microsoft",
                                             .user = "tom",
                                             .asker = &asker,
                                             .err = err,
                                             .detail = "words",
                                             .took = 12345}));
    read_lines();
    ck_ok(gt_json_parse(&json, lines[1], strlen(lines[1]), pool));
    json_object_foreach (json, name, value)
        ck_assert_str_eq(name, order[at++]);
    ck_assert_uint_eq(at, sizeof(order) / sizeof(order[0]));
    ck_assert_str_eq(gt_json_text(json, "event"), "refresh");
    ck_assert_str_eq(gt_json_text(json, "result"), "sign-in-required");
    ck_assert_str_eq(gt_json_text(json, "address"), "192.0.2.7");
    ck_assert_int_eq(json_integer_value(json_object_get(json, "took_ms")), 12);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "pid")), getpid());
    ck_assert_ptr_null(strstr(lines[1], "never shown"));
}
END_TEST

START_TEST(whatever_a_name_holds_it_is_one_valid_line)
{
    char *long_name = apr_pcalloc(pool, 256);
    static const char *const names[] = {"a\"b\\c",       "line\nbreak\r\t\x01\x7f",
                                        "J\xC3\xBCrgen", "\xFF\xFE no UTF-8",
                                        "},\"mac\":\"",  ""};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert(record(names[i]));
    memset(long_name, '\x01', 255);
    ck_assert(record(long_name));
    read_lines();
    ck_assert_int_eq(line_count, 8);
    for (int i = 0; i < line_count; i++) {
        json_t *json;

        ck_assert_uint_lt(strlen(lines[i]), GT_AUDIT_LINE - 1);
        ck_ok(gt_json_parse(&json, lines[i], strlen(lines[i]), pool));
        if (i == 7)
            ck_assert_str_eq(gt_json_text(json, "user"), long_name);
    }
    check_all();
    found_nothing();
}
END_TEST

START_TEST(the_longest_record_fits_its_line)
{
    char *text = apr_pcalloc(pool, 3000);
    const gt_trace_t trace = {"4bf92f3577b34da6a3ce929d0e0e4736", 1};
    gt_asker_t asker = {text, text, text, text, text, text, &trace};
    gt_err_t *err = gt_err(pool, GT_SIGN_IN, "GT0602", "x");

    memset(text, '\x01', 2999);
    err->code = text;
    ck_assert(record_by(audit, (gt_notice_t){.kind = GT_NOTICE_REFRESH,
                                             .store = text,
                                             .provider = text,
                                             .user = text,
                                             .asker = &asker,
                                             .err = err,
                                             .detail = text,
                                             .took = APR_INT64_MAX}));
    read_lines();
    ck_assert_int_eq(line_count, 2);
    ck_assert_uint_lt(strlen(lines[1]), GT_AUDIT_LINE);
    check_all();
    found_nothing();
}
END_TEST

START_TEST(untouched_it_verifies)
{
    write_seven();
    check_all();
    found_nothing();
    ck_assert_int_eq(counts.records, 7);
    ck_assert_int_eq(counts.chains, 1);
    ck_assert_int_eq(counts.open, 0);
}
END_TEST

/* Any line but the last taken out. */
START_TEST(a_removed_record_shows)
{
    write_seven();
    lines[_i] = NULL;
    check_all();
    found(GT_AUDIT_REMOVED, 1);
}
END_TEST

START_TEST(several_removed_records_show)
{
    write_seven();
    lines[2] = lines[3] = lines[5] = NULL;
    check_all();
    found(GT_AUDIT_REMOVED, 2);
    ck_assert_int_eq(counts.records, 4);
}
END_TEST

/* Any byte of any line. */
START_TEST(a_changed_byte_shows)
{
    char *was, *is;

    write_seven();
    was = lines[_i];
    for (apr_size_t at = 0; at < strlen(was); at++) {
        is = apr_pstrdup(pool, was);
        is[at] = (char)(is[at] == '1' ? '2' : '1');
        lines[_i] = is;
        check_all();
        ck_assert_msg(counts.wrong > 0, "byte %d of line %d", (int)at, _i + 1);
    }
}
END_TEST

START_TEST(a_changed_record_is_told_once)
{
    write_seven();
    lines[3] = apr_pstrdup(pool, lines[3]);
    memcpy(strstr(lines[3], "user2"), "user9", 5);
    check_all();
    found(GT_AUDIT_CHANGED, 1);
    ck_assert_int_eq(first.line, 4);
}
END_TEST

START_TEST(reordered_records_show)
{
    char *held;

    write_seven();
    held = lines[2];
    lines[2] = lines[4];
    lines[4] = held;
    check_all();
    found(GT_AUDIT_REORDERED, 2);
}
END_TEST

START_TEST(the_first_record_at_the_end_shows)
{
    char *held;

    write_seven();
    held = lines[0];
    memmove(lines, lines + 1, 6 * sizeof(lines[0]));
    lines[6] = held;
    check_all();
    found(GT_AUDIT_REORDERED, 1);
}
END_TEST

START_TEST(a_repeated_record_shows)
{
    write_seven();
    lines[line_count++] = lines[3];
    check_all();
    found(GT_AUDIT_REPEATED, 1);
}
END_TEST

START_TEST(a_record_of_another_chain_in_its_place_shows)
{
    char *foreign;

    write_seven();
    foreign = lines[3];
    audit = writer(file, 1);
    for (int i = 0; i < 5; i++)
        ck_assert(record("tom"));
    gt_audit_end(audit);
    read_lines();
    ck_assert_int_eq(line_count, 14);
    lines[10] = foreign;
    check_all();
    ck_assert_int_eq(faults[GT_AUDIT_REMOVED], 1);
    ck_assert_int_eq(faults[GT_AUDIT_REPEATED], 1);
}
END_TEST

START_TEST(what_is_no_record_shows)
{
    static const char *const texts[] = {"{}", "x", "[1]", "{\"chain\":\"1\"}"};

    write_seven();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        lines[7] = apr_pstrdup(pool, texts[i]);
        line_count = 8;
        check_all();
        found(GT_AUDIT_DAMAGED, 1);
    }
    lines[7] = apr_pcalloc(pool, 5001);
    memset(lines[7], 'x', 5000);
    check_all();
    found(GT_AUDIT_DAMAGED, 1);
    begin_check(0);
    check_lines(0, 6);
    gt_audit_check_line(check, "file", 7, lines[6], strlen(lines[6]), 0);
    (void)gt_audit_check_end(check);
    found(GT_AUDIT_DAMAGED, 1);
}
END_TEST

START_TEST(without_the_key_nobody_makes_records)
{
    write_seven();
    ring = NULL;
    audit = writer(file, 1);
    ck_assert(record("forged"));
    ring = ring_of(OLD_KEYS);
    audit = writer(file, 1);
    ck_assert(record("forged"));
    ring = ring_of(KEYS);
    read_lines();
    check_all();
    ck_assert_int_eq(faults[GT_AUDIT_UNSIGNED], 4);
    ck_assert_int_eq(counts.records, 7);
}
END_TEST

START_TEST(old_keys_verify_old_records)
{
    gt_keyring_t *now;

    write_seven();
    now = ring_of(OLD_KEYS KEYS);
    ring = now;
    check_all();
    found_nothing();
    audit = writer(file, 1);
    ck_assert(record("tom"));
    read_lines();
    ck_assert_ptr_nonnull(strstr(lines[7], "\"key\":\"k0\""));
    check_all();
    found_nothing();
}
END_TEST

START_TEST(a_keyring_that_comes_late_begins_a_chain)
{
    gt_keyring_t *late = ring;

    ring = NULL;
    audit = writer(file, 1);
    ck_assert(record("before"));
    ring = late;
    gt_audit_key(audit, ring);
    ck_assert(record("after"));
    gt_audit_end(audit);
    read_lines();
    ck_assert_int_eq(line_count, 6);
    check_all();
    ck_assert_int_eq(faults[GT_AUDIT_UNSIGNED], 3);
    ck_assert_int_eq(counts.records, 3);
}
END_TEST

START_TEST(chains_go_on_over_files)
{
    write_seven();
    begin_check(0);
    for (int i = 0; i < 7; i++)
        gt_audit_check_line(check, i < 4 ? "one" : "two", i, lines[i], strlen(lines[i]), 1);
    counts = gt_audit_check_end(check);
    found_nothing();
    begin_check(0);
    for (int i = 0; i < 7; i++)
        gt_audit_check_line(check, "wrong order", i, lines[(i + 4) % 7], strlen(lines[(i + 4) % 7]),
                            1);
    counts = gt_audit_check_end(check);
    found(GT_AUDIT_REORDERED, 4);
}
END_TEST

START_TEST(several_processes_write_to_one_file)
{
    int status;

    for (int c = 0; c < 4; c++) {
        pid_t pid = fork();

        if (pid == 0) {
            child_writes(50);
            gt_audit_end(audit);
            _exit(0);
        }
        ck_assert(pid > 0);
    }
    for (int c = 0; c < 4; c++) {
        ck_assert(wait(&status) > 0);
        ck_assert_int_eq(status, 0);
    }
    read_lines();
    ck_assert_int_eq(line_count, 4 * 52);
    check_all();
    found_nothing();
    ck_assert_int_eq(counts.chains, 4);
    ck_assert_int_eq(counts.open, 0);
}
END_TEST

START_TEST(a_killed_process_leaves_whole_lines)
{
    int ends[2], status;
    char done;
    pid_t pid;

    ck_assert_int_eq(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        child_writes(3);
        if (write(ends[1], "x", 1) != 1)
            _exit(1);
        while (1)
            pause();
    }
    ck_assert_int_eq(read(ends[0], &done, 1), 1);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    ck_assert(record("parent"));
    read_lines();
    check_all();
    found_nothing();
    ck_assert_int_eq(counts.open, 2);
    /* The next in its place vouches for it. */
    lines[3] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(what_cannot_be_written_is_refused_or_counted)
{
    int full = open("/dev/full", O_WRONLY);

    audit = writer(full, 1);
    ck_assert(!record("tom"));
    audit = writer(-1, 1);
    ck_assert(!record("tom"));
    audit = writer(-1, 0);
    ck_assert(record("tom"));
    audit = writer(full, 0);
    ck_assert(record("tom"));
    ck_assert(record("tom"));
    /* The disk has room again. */
    ck_assert(dup2(file, full) >= 0);
    ck_assert(record("tom"));
    gt_audit_end(audit);
    read_lines();
    ck_assert_int_eq(line_count, 4);
    ck_assert_ptr_nonnull(strstr(lines[1], "\"event\":\"lost\",\"result\":\"ok\",\"count\":2,"));
    check_all();
    found_nothing();
    ck_assert_int_eq(counts.lost, 2);
    close(full);
}
END_TEST

START_TEST(a_full_pipe_is_waited_for_once)
{
    static char taken[16384];
    int ends[2];
    apr_time_t began;
    int written = 0;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    audit = writer(ends[1], 1);
    began = apr_time_now();
    while (record("tom"))
        written++;
    ck_assert_int_gt(written, 50);
    ck_assert(apr_time_now() - began >= apr_time_from_msec(190));
    /* Once, however many come: fifty waits would be ten seconds. */
    began = apr_time_now();
    for (int i = 0; i < 50; i++)
        ck_assert(!record("tom"));
    ck_assert(apr_time_now() - began < apr_time_from_sec(5));
    /* Nor again after a while. */
    for (apr_time_t until = gt_mono() + apr_time_from_msec(2500); gt_mono() < until;) {
        began = apr_time_now();
        ck_assert(!record("tom"));
        ck_assert(apr_time_now() - began < apr_time_from_msec(900));
    }
    /* What can be written is, at once. */
    ck_assert_int_gt(read(ends[0], taken, sizeof(taken)), 0);
    ck_assert(record("tom"));
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static void record_in_thread(void *refused)
{
    *(int *)refused = !record("tom");
}

/* No thread waits for one that waits: all wait at the same time. */
START_TEST(a_full_pipe_is_waited_for_side_by_side)
{
    enum { CROWD = 40 };
    int ends[2], refused[CROWD];
    char blank[4096] = "";
    aside_t crowd[CROWD];
    apr_time_t began;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], blank, sizeof(blank)) > 0)
        continue;
    audit = writer(ends[1], 1);
    began = apr_time_now();
    for (int i = 0; i < CROWD; i++)
        aside_start(&crowd[i], record_in_thread, &refused[i]);
    for (int i = 0; i < CROWD; i++) {
        aside_join(&crowd[i]);
        ck_assert(refused[i]);
    }
    /* One after the other it would be eight seconds. */
    ck_assert(apr_time_now() - began < apr_time_from_sec(7));
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* A program that is slow for a moment loses nothing. */
START_TEST(a_pipe_that_is_read_again_takes_all)
{
    char blank[4096] = "";
    aside_t aside;
    int ends[2], refused = 1;
    apr_time_t until = gt_mono() + apr_time_from_msec(50);

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], blank, sizeof(blank)) > 0)
        continue;
    audit = writer(ends[1], 1);
    aside_start(&aside, record_in_thread, &refused);
    while (gt_mono() < until)
        sched_yield();
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(read(ends[0], blank, sizeof(blank)), sizeof(blank));
    aside_join(&aside);
    ck_assert_int_eq(refused, 0);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

Suite *suite_audit(void)
{
    Suite *suite = suite_create("audit");
    TCase *tcase = tcase_create("audit");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_record_has_its_members);
    tcase_add_test(tcase, whatever_a_name_holds_it_is_one_valid_line);
    tcase_add_test(tcase, the_longest_record_fits_its_line);
    tcase_add_test(tcase, untouched_it_verifies);
    tcase_add_loop_test(tcase, a_removed_record_shows, 0, 6);
    tcase_add_test(tcase, several_removed_records_show);
    tcase_add_loop_test(tcase, a_changed_byte_shows, 0, 7);
    tcase_add_test(tcase, a_changed_record_is_told_once);
    tcase_add_test(tcase, reordered_records_show);
    tcase_add_test(tcase, the_first_record_at_the_end_shows);
    tcase_add_test(tcase, a_repeated_record_shows);
    tcase_add_test(tcase, a_record_of_another_chain_in_its_place_shows);
    tcase_add_test(tcase, what_is_no_record_shows);
    tcase_add_test(tcase, without_the_key_nobody_makes_records);
    tcase_add_test(tcase, old_keys_verify_old_records);
    tcase_add_test(tcase, a_keyring_that_comes_late_begins_a_chain);
    tcase_add_test(tcase, chains_go_on_over_files);
    tcase_add_test(tcase, several_processes_write_to_one_file);
    tcase_add_test(tcase, a_killed_process_leaves_whole_lines);
    tcase_add_test(tcase, what_cannot_be_written_is_refused_or_counted);
    tcase_add_test(tcase, a_full_pipe_is_waited_for_once);
    tcase_add_test(tcase, a_full_pipe_is_waited_for_side_by_side);
    tcase_add_test(tcase, a_pipe_that_is_read_again_takes_all);
    suite_add_tcase(suite, tcase);
    return suite;
}
