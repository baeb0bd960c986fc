/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_AUDIT_FILE_H
#define GT_TEST_AUDIT_FILE_H

/*
 * What the suites of the audit share: records come from a real writer into a temporary file, notes
 * into another; tests cut and paste the lines and check what is left. Everything is static, as in
 * gt_test.h.
 */

#include "gt_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/thread.h"
#include "audit/audit.h"
#include "audit/audit_check.h"

#define KEYS "k1 any VOoMX9FEJrDoJr71Rdc9wJNTxMMOu9emH1fiMWSMTRw=\n"
#define OLD_KEYS "k0 any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define LINES_MAX 400

static MAYBE_UNUSED char path[64], notes_path[64];
static int file, notes;
static void *heads;
static gt_keyring_t *ring;
static gt_audit_t *audit;
static char *lines[LINES_MAX]; /* of the file, without newline */
static int line_count;

/* What a check found. */
static int faults[GT_AUDIT_FAULTS];
static gt_audit_finding_t first;
static gt_audit_counts_t counts;

static MAYBE_UNUSED gt_keyring_t *ring_of(const char *text)
{
    gt_keyring_t *made;

    ck_ok(gt_keyring_parse(&made, gt_secret_from(text, pool), pool));
    return made;
}

static MAYBE_UNUSED gt_audit_t *writer(int fd, int is_required)
{
    const gt_audit_conf_t conf = {fd, notes, is_required, heads, ring};

    return gt_audit_make(&conf, pool);
}

static MAYBE_UNUSED void begin(void)
{
    make_pool();
    apr_cpystrn(path, "/tmp/graphtok-audit-XXXXXX", sizeof(path));
    file = mkstemp(path);
    ck_assert(file >= 0);
    ck_assert_int_eq(fcntl(file, F_SETFL, O_APPEND), 0);
    apr_cpystrn(notes_path, "/tmp/graphtok-heads-XXXXXX", sizeof(notes_path));
    notes = mkstemp(notes_path);
    ck_assert(notes >= 0);
    ck_assert_int_eq(fcntl(notes, F_SETFL, O_APPEND), 0);
    heads = mmap(NULL, gt_heads_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(heads != MAP_FAILED);
    ring = ring_of(KEYS);
    audit = writer(file, 1);
}

static MAYBE_UNUSED void end(void)
{
    gt_notice_to_none();
    munmap(heads, gt_heads_size());
    close(file);
    unlink(path);
    close(notes);
    unlink(notes_path);
    drop_pool();
}

static MAYBE_UNUSED int record_by(gt_audit_t *by, gt_notice_t event)
{
    gt_notice_sink_t sink = gt_audit_sink(by);

    return sink.take(sink.baton, &event);
}

static MAYBE_UNUSED int record(const char *user)
{
    return record_by(
        audit, (gt_notice_t){
                   .kind = GT_NOTICE_CALL, .store = "main", .provider = "microsoft", .user = user});
}

static MAYBE_UNUSED char *text_of(int fd)
{
    apr_off_t size = lseek(fd, 0, SEEK_END);
    char *text = apr_pcalloc(pool, (apr_size_t)size + 1);

    ck_assert_int_eq(pread(fd, text, (size_t)size, 0), size);
    return text;
}

static MAYBE_UNUSED void read_lines(void)
{
    char *text = text_of(file);
    char *state = NULL;

    line_count = 0;
    for (char *line = apr_strtok(text, "\n", &state); line; line = apr_strtok(NULL, "\n", &state)) {
        ck_assert_int_lt(line_count, LINES_MAX);
        lines[line_count++] = line;
    }
}

/* start, five calls, end */
static MAYBE_UNUSED void write_seven(void)
{
    for (int i = 0; i < 5; i++)
        ck_assert(record(apr_psprintf(pool, "user%d", i)));
    gt_audit_end(audit);
    read_lines();
    ck_assert_int_eq(line_count, 7);
}

static MAYBE_UNUSED void note(void *baton, const gt_audit_finding_t *finding)
{
    (void)baton;
    if (faults[finding->fault]++ == 0 && first.text == NULL)
        first = *finding;
}

static MAYBE_UNUSED gt_audit_check_t *check;

static MAYBE_UNUSED void begin_check(int may_begin_late)
{
    const gt_audit_check_conf_t conf = {ring, may_begin_late, NULL, note};

    memset(faults, 0, sizeof(faults));
    memset(&first, 0, sizeof(first));
    check = gt_audit_check_make(&conf, pool);
}

static MAYBE_UNUSED void check_lines(int from, int to)
{
    for (int i = from; i < to; i++)
        if (lines[i])
            gt_audit_check_line(check, "file", i + 1, lines[i], strlen(lines[i]), 1);
}

/* Check all lines there are; NULLs are left out. */
static MAYBE_UNUSED void check_all(void)
{
    begin_check(0);
    check_lines(0, line_count);
    counts = gt_audit_check_end(check);
}

/* Check what was noted, too. */
static MAYBE_UNUSED void check_with_notes(int may_begin_late)
{
    char *text = text_of(notes);
    char *state = NULL;

    begin_check(may_begin_late);
    for (char *line = apr_strtok(text, "\n", &state); line; line = apr_strtok(NULL, "\n", &state))
        gt_audit_check_note(check, "notes", 1, line, strlen(line), 1);
    check_lines(0, line_count);
    counts = gt_audit_check_end(check);
}

/* A server that was stopped: nothing is shared with the next one. */
static MAYBE_UNUSED void stop_server(void)
{
    memset(heads, 0, gt_heads_size());
    audit = writer(file, 1);
}

/* The check found this and nothing else. */
static MAYBE_UNUSED void found(gt_audit_fault_t fault, int times)
{
    for (int i = 0; i < GT_AUDIT_FAULTS; i++)
        ck_assert_msg(faults[i] == (i == (int)fault ? times : 0), "%s: %d times, first %s:%d %s",
                      gt_audit_fault_name((gt_audit_fault_t)i), faults[i], first.file,
                      (int)first.line, first.text ? first.text : "");
}

static MAYBE_UNUSED void found_nothing(void)
{
    found(GT_AUDIT_FAULTS, 0);
    ck_assert_int_eq(counts.wrong, 0);
}

static MAYBE_UNUSED void child_writes(int n)
{
    audit = writer(file, 1);
    for (int i = 0; i < n; i++)
        if (!record("child"))
            _exit(1);
}

#endif
