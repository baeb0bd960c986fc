/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Where secrets come from: real files, variables and commands. */

#include "gt_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_thread_proc.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/source.h"

Suite *suite_source(void);

#define MAX 65536

static char folder[64];
static char warning[1024];
static int warnings;

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_WARNING;
}

static void print(void *baton, int level, const char *line)
{
    (void)baton;
    (void)level;
    warnings++;
    apr_cpystrn(warning, line, sizeof(warning));
}

static const gt_log_sink_t sink = {NULL, wants, print};

static void make_folder(void)
{
    make_pool();
    apr_cpystrn(folder, "/tmp/graphtok-source-XXXXXX", sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    warnings = 0;
    gt_log_set(&sink);
}

static void drop_folder(void)
{
    const char *command = apr_pstrcat(pool, "rm -rf ", folder, NULL);

    gt_log_set(NULL);
    ck_assert_int_eq(system(command), 0);
    drop_pool();
}

static const char *in_folder(const char *name)
{
    return apr_pstrcat(pool, folder, "/", name, NULL);
}

static const char *write_bytes(const char *name, const void *bytes, size_t len, mode_t mode)
{
    const char *path = in_folder(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static const char *write_file(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text), 0600);
}

static void set_age(const char *path, long seconds)
{
    struct timespec times[2];

    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static gt_source_t *source_of(const char *text)
{
    gt_source_t *source;
    const char *why = NULL;

    ck_assert_msg(gt_source_parse(&source, text, folder, &why, pool), "%s: %s", text, why);
    return source;
}

static const char *value_of(gt_source_t *source)
{
    gt_secret_t *secret;

    ck_ok(gt_source_read(&secret, source, pool));
    ck_assert_uint_eq(gt_secret_len(secret), strlen(gt_secret_text(secret)));
    return gt_secret_text(secret);
}

static const char *failure_of(gt_source_t *source)
{
    gt_secret_t *secret;
    const gt_err_t *err = gt_source_read(&secret, source, pool);

    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_null(secret);
    ck_assert_int_eq(err->cls, GT_INTERNAL);
    return apr_pstrcat(pool, err->tag, ": ", err->detail, NULL);
}

static const char *file_source(const char *path)
{
    return apr_pstrcat(pool, "file:", path, NULL);
}

START_TEST(a_source_can_be_shown)
{
    static const struct {
        const char *text;
        gt_source_kind_t kind;
        const char *name;
    } rows[] = {
        {"file:/etc/key", GT_FROM_FILE, "file:/etc/key"},
        {"  file:/etc/key \n", GT_FROM_FILE, "file:/etc/key"},
        {"file:key", GT_FROM_FILE, "file:/base/key"},
        {"env:MY_KEY2", GT_FROM_ENV, "env:MY_KEY2"},
        {"exec:/usr/bin/vault read -field=secret hunter2", GT_FROM_EXEC, "exec:/usr/bin/vault"},
        {"hunter2", GT_LITERAL, "literal"},
        {"a:b", GT_LITERAL, "literal"},
    };
    gt_source_t *source;
    const char *why;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert(gt_source_parse(&source, rows[i].text, i % 2 ? "/base/" : "/base", &why, pool));
        ck_assert_int_eq(gt_source_kind(source), rows[i].kind);
        ck_assert_str_eq(gt_source_name(source), rows[i].name);
        ck_assert_int_eq(gt_source_path(source) != NULL, rows[i].kind == GT_FROM_FILE);
    }
}
END_TEST

START_TEST(what_is_no_source_is_said)
{
    static const char *const rows[] = {
        "",        " \t",   "file:",  "env:",         "env:A-B",  "env:1A",
        "env:A B", "exec:", "exec: ", "exec:vault x", "exec:./x", "exec:\"\""};
    char *longer = apr_pcalloc(pool, MAX + 2);
    gt_source_t *source;
    const char *why;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        why = NULL;
        ck_assert_msg(!gt_source_parse(&source, rows[i], folder, &why, pool), "\"%s\"", rows[i]);
        ck_assert_ptr_nonnull(why);
        ck_assert_ptr_null(source);
    }
    memset(longer, 'x', MAX + 1);
    ck_assert(!gt_source_parse(&source, longer, folder, &why, pool));
    longer[MAX] = '\0';
    ck_assert(gt_source_parse(&source, longer, folder, &why, pool));
}
END_TEST

START_TEST(literals_and_variables_are_trimmed)
{
    gt_source_t *source = source_of("env:GRAPHTOK_TEST");

    ck_assert_str_eq(value_of(source_of(" hunter2\t")), "hunter2");
    unsetenv("GRAPHTOK_TEST");
    ck_assert_str_eq(apr_pstrmemdup(pool, failure_of(source), 27), "GT0109: env:GRAPHTOK_TEST i");
    setenv("GRAPHTOK_TEST", " \n", 1);
    ck_assert_str_eq(failure_of(source),
                     "GT0105: env:GRAPHTOK_TEST gives nothing; a secret is a text");
    setenv("GRAPHTOK_TEST", " hunter3\n", 1);
    ck_assert_str_eq(value_of(source), "hunter3");
    ck_assert_str_eq(value_of(source), "hunter3");
}
END_TEST

START_TEST(a_file_gives_its_text)
{
    char *most = apr_palloc(pool, MAX + 1);

    ck_assert_str_eq(value_of(source_of(file_source(write_file("a", "hunter2\n")))), "hunter2");
    ck_assert_str_eq(value_of(source_of(file_source(write_file("b", "\r\n one\ntwo \n\n")))),
                     "one\ntwo");
    write_file("c", "relative");
    ck_assert_str_eq(value_of(source_of("file:c")), "relative");
    memset(most, 'x', MAX + 1);
    ck_assert_uint_eq(strlen(value_of(source_of(file_source(write_bytes("d", most, MAX, 0600))))),
                      MAX);
}
END_TEST

/* As editors, other systems and copies from a page leave it. */
START_TEST(what_surrounds_a_secret_is_no_part_of_it)
{
    static const char *const rows[][2] = {
        {"\xEF\xBB\xBFsecret\r\n", "secret"},
        {"\xEF\xBB\xBF\xC2\xA0 secret \xC2\xA0\t", "secret"},
        {"secret\r", "secret"},
        {"one\r\ntwo\r\n", "one\ntwo"},
        {"one\rtwo\r", "one\ntwo"},
        {"\xC2\xA0\xC2\xA3pound\xC2\xA3", "\xC2\xA3pound\xC2\xA3"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(value_of(source_of(file_source(write_file("a", rows[i][0])))), rows[i][1]);
}
END_TEST

START_TEST(UTF_16_is_named)
{
    const char *text =
        failure_of(source_of(file_source(write_bytes("a", "\xFF\xFEs\0e\0c\0", 8, 0600))));

    ck_assert_ptr_nonnull(strstr(text, "UTF-16"));
    text = failure_of(source_of(file_source(write_bytes("a", "\xFE\xFF\0s\0e\0c", 8, 0600))));
    ck_assert_ptr_nonnull(strstr(text, "UTF-16"));
    text = failure_of(source_of(file_source(write_file("a", "\xEF\xBB\xBF"))));
    ck_assert_ptr_nonnull(strstr(text, "gives nothing"));
}
END_TEST

START_TEST(a_file_that_is_no_secret_is_refused)
{
    char *most = apr_palloc(pool, MAX + 1);
    const char *text;

    memset(most, 'x', MAX + 1);
    ck_assert_ptr_nonnull(strstr(failure_of(source_of("file:missing")), "GT0104: file:"));
    ck_assert_ptr_nonnull(strstr(failure_of(source_of(file_source(folder))), "GT0106: file:"));
    text = failure_of(source_of(file_source(write_bytes("a", most, MAX + 1, 0600))));
    ck_assert_ptr_nonnull(strstr(text, "GT0107: file:"));
    text = failure_of(source_of(file_source(write_file("b", " \n\t "))));
    ck_assert_ptr_nonnull(strstr(text, "gives nothing"));
    text = failure_of(source_of(file_source(write_bytes("c", "a\0b", 3, 0600))));
    ck_assert_ptr_nonnull(strstr(text, "gives a NUL byte"));
    /* A FIFO without a writer does not hang the reader. */
    ck_assert_int_eq(mkfifo(in_folder("d"), 0600), 0);
    ck_assert_ptr_nonnull(strstr(failure_of(source_of("file:d")), "GT0106"));
}
END_TEST

START_TEST(a_file_that_others_can_read_or_write_is_refused)
{
    static const struct {
        mode_t mode;
        int is_right;
    } rows[] = {
        {0600, 1}, {0400, 1}, {0640, 1}, {0440, 1}, {0700, 1}, {0604, 0}, {0644, 0},
        {0660, 0}, {0620, 0}, {0602, 0}, {0666, 0}, {0777, 0}, {0444, 0},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_source_t *source = source_of(file_source(write_bytes("a", "hunter2", 7, rows[i].mode)));

        if (rows[i].is_right) {
            ck_assert_str_eq(value_of(source), "hunter2");
        }
        else {
            ck_assert_ptr_nonnull(strstr(failure_of(source), "GT0108: file:"));
            ck_assert_ptr_nonnull(strstr(failure_of(source), "chmod"));
        }
        ck_assert_int_eq(unlink(gt_source_path(source)), 0);
    }
}
END_TEST

START_TEST(a_changed_file_is_read_again)
{
    const char *path = write_file("key", "one");
    gt_source_t *source = source_of("file:key");
    struct stat before;
    struct timespec times[2];

    ck_assert_str_eq(value_of(source), "one");
    write_file("key", "three");
    ck_assert_str_eq(value_of(source), "three");
    /* Replaced by another file, as editors and secret managers do it. */
    write_file("key.new", "seven");
    ck_assert_int_eq(stat(path, &before), 0);
    times[0] = before.st_atim;
    times[1] = before.st_mtim;
    ck_assert_int_eq(utimensat(AT_FDCWD, in_folder("key.new"), times, 0), 0);
    ck_assert_int_eq(rename(in_folder("key.new"), path), 0);
    ck_assert_str_eq(value_of(source), "seven");
    /* Same file, same size, same time: within the clock's tick only reading can tell. */
    write_file("key", "eight");
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    ck_assert_str_eq(value_of(source), "eight");
    ck_assert_int_eq(warnings, 0);
}
END_TEST

START_TEST(another_file_of_the_same_size_and_time_is_read)
{
    const char *path = write_file("key", "seven");
    gt_source_t *source = source_of("file:key");
    struct timespec times[2];
    struct stat before;

    set_age(path, 60);
    ck_assert_str_eq(value_of(source), "seven");
    ck_assert_int_eq(stat(path, &before), 0);
    times[0] = times[1] = before.st_mtim;
    ck_assert_int_eq(utimensat(AT_FDCWD, write_file("key.new", "eight"), times, 0), 0);
    ck_assert_int_eq(rename(in_folder("key.new"), path), 0);
    ck_assert_str_eq(value_of(source), "eight");
}
END_TEST

START_TEST(an_unchanged_file_is_not_read)
{
    const char *path = write_file("key", "one");
    gt_source_t *source = source_of("file:key");

    set_age(path, 60);
    ck_assert_str_eq(value_of(source), "one");
    /* A reading would refuse this mode and warn. */
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(warnings, 0);
    set_age(path, 30);
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(warnings, 1);
}
END_TEST

START_TEST(the_last_value_is_used_when_the_file_goes)
{
    gt_source_t *source = source_of(file_source(write_file("key", "one")));

    fake_clock(apr_time_from_sec(1795244400));
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(unlink(in_folder("key")), 0);
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(warnings, 1);
    ck_assert_ptr_eq(strstr(warning, "GT0110: the value read before is used on: file:"), warning);
    ck_assert_ptr_null(strstr(warning, "one:"));
    /* Not a warning for each request. */
    value_of(source);
    ck_assert_int_eq(warnings, 1);
    fake_time += apr_time_from_sec(601);
    value_of(source);
    ck_assert_int_eq(warnings, 2);
    write_file("key", "two");
    ck_assert_str_eq(value_of(source), "two");
}
END_TEST

/* httpd's parent reads as root what its children may not reach. */
START_TEST(a_folder_that_is_closed_later_is_no_trouble)
{
    gt_source_t *source;
    const char *path = in_folder("closed");

    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_file("closed/key", "one");
    source = source_of("file:closed/key");
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(chmod(path, 0), 0);
    ck_assert(geteuid() != 0 || seteuid(65534) == 0);
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(warnings, 0);
    ck_assert_ptr_nonnull(strstr(failure_of(source_of("file:closed/key")), "GT0104"));
    ck_assert(getuid() != 0 || seteuid(0) == 0);
    ck_assert_int_eq(chmod(path, 0700), 0);
}
END_TEST

START_TEST(a_command_gives_its_first_line)
{
    ck_assert_str_eq(value_of(source_of("exec:/bin/echo hunter2")), "hunter2");
    ck_assert_str_eq(value_of(source_of("exec:/usr/bin/printf ' a b \\\\nsecond\\\\n'")), "a b");
    ck_assert_str_eq(value_of(source_of("exec:/usr/bin/printf unended")), "unended");
    /* No shell stands between. */
    ck_assert_str_eq(value_of(source_of("exec:/bin/echo $HOME;id|cat")), "$HOME;id|cat");
}
END_TEST

START_TEST(a_command_that_fails_is_said)
{
    static const char *const rows[][2] = {
        {"exec:/bin/false", "GT0111: exec:/bin/false failed: exit code 1"},
        {"exec:/nonexistent/x hunter2", "GT0111: exec:/nonexistent/x failed: "},
        {"exec:/bin/sh -c 'echo hunter2; exit 3'", "GT0111: exec:/bin/sh failed: exit code 3"},
        {"exec:/bin/sh -c 'kill -TERM $$'", "GT0111: exec:/bin/sh failed: ended by signal 15"},
        {"exec:/usr/bin/yes", "GT0111: exec:/usr/bin/yes failed: it prints more than 64 KiB"},
        {"exec:/bin/true", "GT0105: exec:/bin/true gives nothing"},
        {"exec:/usr/bin/printf '\\\\nsecond'", "GT0105: exec:/usr/bin/printf gives nothing"},
        {"exec:/usr/bin/printf 'a\\\\0b'", "GT0105: exec:/usr/bin/printf gives a NUL byte"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = failure_of(source_of(rows[i][0]));

        ck_assert_msg(strncmp(text, rows[i][1], strlen(rows[i][1])) == 0, "%s", text);
        ck_assert_ptr_null(strstr(text, "hunter2"));
    }
}
END_TEST

START_TEST(a_command_gets_nothing_of_ours)
{
    sigset_t blocked, before;
    void (*on_pipe)(int);
    const char *descriptors, *signals;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    on_pipe = signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(dup2(1, 77), 77);
    descriptors = value_of(source_of("exec:/bin/sh -c 'echo /proc/$$/fd/*; cat'"));
    ck_assert_ptr_null(strstr(descriptors, "fd/77"));
    ck_assert_ptr_nonnull(strstr(descriptors, "fd/2"));
    close(77);
    signals = value_of(source_of("exec:/bin/sh -c \"grep -E 'Sig(Blk|Ign)' /proc/self/status | "
                                 "tr -d '\\\\n\\\\t'\""));
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, on_pipe);
    /* glibc itself ignores two of its own in what it spawns, 32 and 33. */
    ck_assert_int_eq(strncmp(signals, "SigBlk:0000000000000000SigIgn:0000000", 37), 0);
    ck_assert_str_eq(signals + strlen(signals) - 7, "0000000");
}
END_TEST

/* A FIFO to which the command writes when it runs; then the clock jumps beyond the limit. */
static int fifo;

static apr_time_t jump_when_written(void)
{
    struct pollfd look = {fifo, POLLIN, 0};

    return poll(&look, 1, 0) == 1 && (look.revents & POLLIN) != 0 ? apr_time_from_sec(1011)
                                                                  : apr_time_from_sec(1000);
}

/* Wait for the end of all that hold the FIFO open for writing. */
static void await_closing(void)
{
    struct pollfd look = {fifo, POLLIN, 0};
    char bytes[16];

    while (1) {
        ck_assert_msg(poll(&look, 1, 10000) == 1, "what the command started goes on");
        if (read(fifo, bytes, sizeof(bytes)) == 0)
            return;
    }
}

START_TEST(a_command_that_takes_too_long_ends_with_all_it_started)
{
    static const char *const commands[] = {
        "{ echo x; sleep 1000; } > $FIFO & wait",               /* keeps its output open */
        "exec >&-; { echo x; exec sleep 1000; } > $FIFO & wait" /* closes it and goes on */
    };
    const char *path = in_folder("fifo");
    size_t i;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(setenv("FIFO", path, 1), 0);
    for (i = 0; i < 2; i++) {
        const char *text;

        fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        gt_clock_set(NULL, jump_when_written);
        text =
            failure_of(source_of(apr_pstrcat(pool, "exec:/bin/sh -c '", commands[i], "'", NULL)));
        ck_assert_str_eq(text, "GT0111: exec:/bin/sh failed: it took longer than 10 s");
        await_closing();
        close(fifo);
    }
}
END_TEST

/* A command that tells how often it ran. */
static const char *counting_command(void)
{
    const char *count = write_file("count", "");

    return apr_psprintf(pool, "exec:/bin/sh -c 'echo x >>%s; wc -l <%s'", count, count);
}

START_TEST(a_commands_result_is_kept)
{
    gt_source_t *source = source_of(counting_command());

    fake_clock(apr_time_from_sec(1795244400));
    ck_assert_str_eq(value_of(source), "1");
    fake_time += apr_time_from_sec(299);
    ck_assert_str_eq(value_of(source), "1");
    fake_time += apr_time_from_sec(1);
    ck_assert_str_eq(value_of(source), "2");
    gt_source_keep(source, apr_time_from_sec(10));
    fake_time += apr_time_from_sec(10);
    ck_assert_str_eq(value_of(source), "3");
    gt_source_keep(source, 0);
    ck_assert_str_eq(value_of(source), "4");
    ck_assert_str_eq(value_of(source), "5");
}
END_TEST

START_TEST(a_command_that_fails_later_leaves_its_last_value)
{
    const char *path = write_file("key", "one");
    gt_source_t *source = source_of(apr_pstrcat(pool, "exec:/bin/grep -s . ", path, NULL));

    fake_clock(apr_time_from_sec(1795244400));
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(unlink(path), 0);
    fake_time += apr_time_from_sec(300);
    ck_assert_str_eq(value_of(source), "one");
    ck_assert_int_eq(warnings, 1);
    /* It is not run again at once: the new value is seen only when the time is over. */
    write_file("key", "two");
    ck_assert_str_eq(value_of(source), "one");
    fake_time += apr_time_from_sec(300);
    ck_assert_str_eq(value_of(source), "two");
}
END_TEST

static gt_source_t *shared;

static void *APR_THREAD_FUNC read_often(apr_thread_t *thread, void *wrong)
{
    apr_pool_t *p = apr_thread_pool_get(thread);
    int i;

    for (i = 0; i < 300; i++) {
        gt_secret_t *secret;

        if (gt_source_read(&secret, shared, p) != GT_OK ||
            (strcmp(gt_secret_text(secret), "first") != 0 &&
             strcmp(gt_secret_text(secret), "second!") != 0))
            *(int *)wrong = 1;
    }
    return NULL;
}

START_TEST(readers_see_whole_values_while_the_file_changes)
{
    apr_thread_t *threads[4];
    int wrong[4] = {0, 0, 0, 0};
    apr_status_t status;
    int i;

    write_file("key", "first");
    shared = source_of("file:key");
    for (i = 0; i < 4; i++)
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL, read_often, &wrong[i], pool), 0);
    for (i = 0; i < 50; i++) {
        write_file("new", i % 2 ? "first" : "second!");
        ck_assert_int_eq(rename(in_folder("new"), in_folder("key")), 0);
    }
    for (i = 0; i < 4; i++) {
        apr_thread_join(&status, threads[i]);
        ck_assert_int_eq(wrong[i], 0);
    }
}
END_TEST

Suite *suite_source(void)
{
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("source");

    tcase_add_checked_fixture(tcase, make_folder, drop_folder);
    tcase_set_timeout(tcase, 30);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, a_source_can_be_shown);
    tcase_add_test(tcase, what_is_no_source_is_said);
    tcase_add_test(tcase, literals_and_variables_are_trimmed);
    tcase_add_test(tcase, a_file_gives_its_text);
    tcase_add_test(tcase, what_surrounds_a_secret_is_no_part_of_it);
    tcase_add_test(tcase, UTF_16_is_named);
    tcase_add_test(tcase, a_file_that_is_no_secret_is_refused);
    tcase_add_test(tcase, a_file_that_others_can_read_or_write_is_refused);
    tcase_add_test(tcase, a_changed_file_is_read_again);
    tcase_add_test(tcase, another_file_of_the_same_size_and_time_is_read);
    tcase_add_test(tcase, an_unchanged_file_is_not_read);
    tcase_add_test(tcase, the_last_value_is_used_when_the_file_goes);
    tcase_add_test(tcase, a_folder_that_is_closed_later_is_no_trouble);
    tcase_add_test(tcase, a_command_gives_its_first_line);
    tcase_add_test(tcase, a_command_that_fails_is_said);
    tcase_add_test(tcase, a_command_gets_nothing_of_ours);
    tcase_add_test(tcase, a_command_that_takes_too_long_ends_with_all_it_started);
    tcase_add_test(tcase, a_commands_result_is_kept);
    tcase_add_test(tcase, a_command_that_fails_later_leaves_its_last_value);
    tcase_add_test(tcase, readers_see_whole_values_while_the_file_changes);
    return suite;
}
