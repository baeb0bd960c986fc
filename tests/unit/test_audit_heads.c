/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Heads of chains, named by other records and outside of the file, so that a cut is noticed. */

#include "audit_file.h"

Suite *suite_audit_heads(void);

/* The last lines cut off show as soon as another process has noted the ends. */
START_TEST(a_cut_chain_shows)
{
    write_seven();
    audit = writer(file, 1);
    ck_assert(record("next"));
    read_lines();
    ck_assert_ptr_nonnull(strstr(lines[7], "\"after\":"));
    check_all();
    found_nothing();
    lines[6] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
    lines[5] = lines[4] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
    for (int i = 0; i < 7; i++)
        lines[i] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

/* Start and two calls of each of three processes; then the next server's start. */
static void three_chains(void)
{
    for (int c = 0; c < 3; c++) {
        memset(heads, 0, gt_heads_size());
        audit = writer(file, 1);
        ck_assert(record("tom"));
        ck_assert(record("tom"));
    }
    stop_server();
    ck_assert(record("next"));
    read_lines();
    ck_assert_int_eq(line_count, 11);
}

START_TEST(a_start_names_what_stands)
{
    three_chains();
    ck_assert_ptr_null(strstr(lines[9], "\"after\":"));
    check_all();
    found_nothing();
    for (int i = 0; i < 3; i++)
        lines[3 * _i + i] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
    read_lines();
    lines[3 * _i + 2] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

START_TEST(a_torn_end_hides_nothing)
{
    three_chains();
    ck_assert_int_eq(write(file, "{\"torn", 6), 6);
    stop_server();
    ck_assert_int_eq(write(file, "\n", 1), 1);
    ck_assert(record("next"));
    read_lines();
    lines[11] = NULL;
    check_all();
    found_nothing();
    lines[9] = lines[10] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

/* A disk that was full when one process wrote: the others' records stay records. */
START_TEST(a_torn_end_swallows_no_record)
{
    static const char piece[] = "{\"time\":\"2026";

    ck_assert(record("tom"));
    ck_assert_int_eq(write(file, piece, sizeof(piece) - 1), (ssize_t)sizeof(piece) - 1);
    ck_assert(record("tom"));
    ck_assert_int_eq(write(file, piece, sizeof(piece) - 1), (ssize_t)sizeof(piece) - 1);
    stop_server();
    ck_assert(record("next"));
    read_lines();
    ck_assert_int_eq(line_count, 7);
    lines[2] = lines[4] = NULL;
    check_all();
    found_nothing();
    ck_assert_int_eq(counts.records, 5);
}
END_TEST

/* What ends last names those that ended before it. */
START_TEST(an_end_names_the_others)
{
    gt_audit_t *one = audit, *other = writer(file, 1);
    int status;
    pid_t pid;

    ck_assert(record("one"));
    pid = fork();
    if (pid == 0) {
        audit = other;
        ck_assert(record("other"));
        ck_assert(record("other"));
        gt_audit_end(audit);
        _exit(0);
    }
    ck_assert(waitpid(pid, &status, 0) == pid && status == 0);
    gt_audit_end(one);
    read_lines();
    ck_assert_int_eq(line_count, 7);
    check_all();
    found_nothing();
    lines[5] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
    lines[2] = lines[3] = lines[4] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

/* The end of the file: cut to any length, also to nothing. */
START_TEST(a_cut_tail_shows_outside)
{
    write_seven();
    check_with_notes(0);
    found_nothing();
    ck_assert_int_eq(counts.notes, 2);
    for (int i = _i; i < 7; i++)
        lines[i] = NULL;
    check_all();
    found_nothing();
    check_with_notes(0);
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

/* A living server notes now and then. */
START_TEST(a_mark_is_noted_outside)
{
    ck_assert(record("tom"));
    gt_audit_mark(audit);
    ck_assert(record("tom"));
    read_lines();
    ck_assert_int_eq(line_count, 4);
    lines[3] = NULL;
    check_with_notes(0);
    found_nothing();
    lines[2] = NULL;
    check_with_notes(0);
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

/* A mark is no reason for the next one. */
START_TEST(an_idle_server_marks_nothing)
{
    fake_clock(apr_time_from_sec(1795244400));
    ck_assert(record("tom"));
    for (int i = 0; i < 5; i++) {
        fake_time += apr_time_from_sec(61);
        gt_audit_mark(audit);
    }
    read_lines();
    ck_assert_int_eq(line_count, 3);
    ck_assert(record("tom"));
    fake_time += apr_time_from_sec(61);
    gt_audit_mark(audit);
    read_lines();
    ck_assert_int_eq(line_count, 5);
}
END_TEST

START_TEST(notes_are_believed_by_their_mac)
{
    char *text, *at;

    write_seven();
    text = text_of(notes);
    *strchr(text, '\n') = '\0';
    begin_check(0);
    at = strstr(text, "\"pid\":") + 6;
    *at = *at == '9' ? '8' : '9';
    gt_audit_check_note(check, "notes", 1, text, strlen(text), 1);
    counts = gt_audit_check_end(check);
    found(GT_AUDIT_CHANGED, 1);
    begin_check(0);
    gt_audit_check_note(check, "notes", 1, "{}", 2, 1);
    counts = gt_audit_check_end(check);
    found(GT_AUDIT_DAMAGED, 1);
    ring = ring_of(OLD_KEYS);
    check_with_notes(0);
    ck_assert_int_eq(counts.notes, 0);
    ck_assert_int_gt(faults[GT_AUDIT_UNSIGNED], 0);
}
END_TEST

/* A new file after a stop: what was noted of the one before is named in it. */
START_TEST(a_new_file_names_the_one_before)
{
    write_seven();
    ck_assert_int_eq(ftruncate(file, 0), 0);
    stop_server();
    ck_assert(record("next"));
    read_lines();
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
    check_with_notes(1);
    found_nothing();
    /* A chain that was begun within these files is missed all the same. */
    stop_server();
    ck_assert(record("cut out"));
    check_with_notes(1);
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

/* Written by version 1: no heads in starts and ends, nothing outside. */
START_TEST(files_of_before_verify)
{
    int old = open(GT_TEST_VECTORS "/audit-1.log", O_RDONLY);

    ck_assert(old >= 0);
    ck_assert(dup2(old, file) >= 0);
    close(old);
    read_lines();
    ck_assert_int_eq(line_count, 10);
    check_all();
    found_nothing();
    ck_assert_int_eq(counts.records, 10);
    lines[5] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
}
END_TEST

START_TEST(what_cannot_be_noted_stops_nothing)
{
    int full = open("/dev/full", O_WRONLY);

    ck_assert(dup2(full, notes) >= 0);
    close(full);
    write_seven();
    check_all();
    found_nothing();
}
END_TEST

START_TEST(older_files_may_be_gone)
{
    write_seven();
    begin_check(1);
    check_lines(3, 7);
    counts = gt_audit_check_end(check);
    found_nothing();
    begin_check(0);
    check_lines(3, 7);
    counts = gt_audit_check_end(check);
    found(GT_AUDIT_REMOVED, 1);
}
END_TEST

START_TEST(marks_vouch_for_living_chains)
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
    gt_audit_mark(audit);
    gt_audit_mark(audit); /* not due again */
    read_lines();
    ck_assert_int_eq(line_count, 6);
    ck_assert_ptr_nonnull(strstr(lines[5], "\"event\":\"mark\""));
    check_all();
    found_nothing();
    lines[3] = NULL;
    check_all();
    found(GT_AUDIT_TRUNCATED, 1);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_line_says_which_head_it_is)
{
    static const char *const wrong[] = {"", "{}", ",\"chain\":\"",
                                        "{\"x\":\",\\\"chain\\\":\\\"0123456789abcdef\"}"};
    gt_head_t head, expected = {APR_UINT64_C(0xcd4fd52db51b9624), 5, {0, 0}};
    char *line;

    write_seven();
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(gt_head_of_line(&head, lines[i]), 1);
        ck_assert_uint_eq(head.seq, (unsigned)i);
        line = apr_pstrcat(pool, lines[i], " ", NULL);
        ck_assert_int_eq(gt_head_of_line(&expected, line), 0);
        line[strlen(line) - 3] = '\0';
        ck_assert_int_eq(gt_head_of_line(&expected, line), 0);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_int_eq(gt_head_of_line(&head, wrong[i]), 0);
}
END_TEST

START_TEST(heads_are_read_strictly)
{
    static const char *const wrong[] = {
        "",
        ":",
        "0123456789abcdef:1:",
        "0123456789abcdef:1:0123456789abcdef0123456789abcde",
        "0123456789ABCDEF:1:0123456789abcdef0123456789abcdef",
        "0123456789abcdef:-1:0123456789abcdef0123456789abcdef",
        "0123456789abcdef::0123456789abcdef0123456789abcdef",
        "0123456789abcdef:1:0123456789abcdef0123456789abcdef ",
        "0123456789abcdef:99999999999999999999999999:0123456789abcdef0123456789abcdef"};
    const gt_head_t head = {APR_UINT64_C(0xfedcba9876543210), 12345, {1, APR_UINT64_MAX}};
    char text[GT_CHAIN_TEXT];
    gt_head_t again;

    gt_head_print(text, &head);
    ck_assert_int_eq(gt_head_parse(&again, text), 1);
    ck_assert_int_eq(memcmp(&head, &again, sizeof(head)), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!gt_head_parse(&again, wrong[i]), "%s", wrong[i]);
}
END_TEST

Suite *suite_audit_heads(void)
{
    Suite *suite = suite_create("audit_heads");
    TCase *tcase = tcase_create("audit_heads");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_cut_chain_shows);
    tcase_add_test(tcase, older_files_may_be_gone);
    tcase_add_test(tcase, marks_vouch_for_living_chains);
    tcase_add_loop_test(tcase, a_start_names_what_stands, 0, 3);
    tcase_add_test(tcase, a_torn_end_hides_nothing);
    tcase_add_test(tcase, a_torn_end_swallows_no_record);
    tcase_add_test(tcase, an_end_names_the_others);
    tcase_add_loop_test(tcase, a_cut_tail_shows_outside, 0, 7);
    tcase_add_test(tcase, a_mark_is_noted_outside);
    tcase_add_test(tcase, an_idle_server_marks_nothing);
    tcase_add_test(tcase, notes_are_believed_by_their_mac);
    tcase_add_test(tcase, a_new_file_names_the_one_before);
    tcase_add_test(tcase, files_of_before_verify);
    tcase_add_test(tcase, what_cannot_be_noted_stops_nothing);
    tcase_add_test(tcase, a_line_says_which_head_it_is);
    tcase_add_test(tcase, heads_are_read_strictly);
    suite_add_tcase(suite, tcase);
    return suite;
}
