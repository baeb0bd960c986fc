/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The journal: what comes out is what went in, and nothing else ever does. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "bench.h"
#include "vault/journal.h"

Suite *suite_journal(void);

static bench_t *bench;
static gt_journal_t *journal;
static const char *folder;
static const gt_owner_t tom = {"tom\n/..", "microsoft"};
static const gt_owner_t ann = {"ann", "microsoft"};

static void begin(void)
{
    bench = bench_open(0);
    folder = apr_pstrcat(bench->pool, bench->folder, "/journal", NULL);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    journal = gt_journal_make(folder, "pgsql host=a", bench->ring, bench->pool);
}

static void end(void)
{
    apr_array_header_t *names = gt_journal_names(journal, NULL, NULL, bench->pool);

    for (int i = 0; i < names->nelts; i++)
        gt_journal_remove(journal, APR_ARRAY_IDX(names, i, const char *), bench->pool);
    ck_assert_int_eq(rmdir(folder), 0);
    bench_close(bench);
}

static gt_entry_t entry_of(const gt_owner_t *owner, apr_int64_t generation)
{
    gt_entry_t entry = {.store = "main", .owner = *owner, .generation = generation};

    entry.tokens.access = gt_secret_from("at-1", bench->pool);
    entry.tokens.refresh = gt_secret_from("rt-1", bench->pool);
    entry.tokens.scope = "User.Read openid";
    entry.tokens.expires_at = apr_time_from_sec(2000000000);
    entry.tokens.received = apr_time_from_sec(1999996400);
    return entry;
}

static const char *put(const gt_owner_t *owner, apr_int64_t generation)
{
    const gt_entry_t entry = entry_of(owner, generation);
    apr_array_header_t *names;

    bench_ok(gt_journal_put(journal, &entry, bench->pool));
    names = gt_journal_names(journal, "main", owner, bench->pool);
    return APR_ARRAY_IDX(names, names->nelts - 1, const char *);
}

static char *path_of(const char *name)
{
    return apr_pstrcat(bench->pool, folder, "/", name, NULL);
}

static char *content_of(const char *name)
{
    char *text = apr_pcalloc(bench->pool, 65536);
    int fd = open(path_of(name), O_RDONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(read(fd, text, 65535), 0);
    close(fd);
    return text;
}

static void write_file(const char *name, const char *text, apr_size_t len)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_eq((int)write(fd, text, len), (int)len);
    close(fd);
}

START_TEST(what_goes_in_comes_out)
{
    const char *name = put(&tom, 7);
    gt_entry_t *entry;
    struct stat info;

    bench_ok(gt_journal_read(&entry, journal, name, bench->pool));
    ck_assert_str_eq(entry->store, "main");
    ck_assert_str_eq(entry->owner.user, tom.user);
    ck_assert_str_eq(entry->owner.provider, "microsoft");
    ck_assert_int_eq(entry->generation, 7);
    ck_assert_str_eq(gt_secret_text(entry->tokens.access), "at-1");
    ck_assert_str_eq(gt_secret_text(entry->tokens.refresh), "rt-1");
    ck_assert_ptr_null(entry->tokens.id_token);
    ck_assert_str_eq(entry->tokens.scope, "User.Read openid");
    ck_assert_int_eq(entry->tokens.expires_at, apr_time_from_sec(2000000000));
    ck_assert_int_eq(entry->tokens.received, apr_time_from_sec(1999996400));
    ck_assert_int_eq(stat(path_of(name), &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_refresh_token_may_be_alone)
{
    gt_entry_t entry = entry_of(&tom, 41);
    gt_entry_t *found;
    apr_array_header_t *names;

    entry.tokens.access = NULL;
    bench_ok(gt_journal_put(journal, &entry, bench->pool));
    names = gt_journal_names(journal, "main", &tom, bench->pool);
    bench_ok(gt_journal_read(&found, journal, APR_ARRAY_IDX(names, 0, const char *), bench->pool));
    ck_assert_ptr_nonnull(found);
    ck_assert_ptr_null(found->tokens.access);
    ck_assert_str_eq(gt_secret_text(found->tokens.refresh), "rt-1");
}
END_TEST

START_TEST(test_T5_nothing_is_in_the_clear)
{
    const char *text = content_of(put(&tom, 7));

    ck_assert_ptr_null(strstr(text, "at-1"));
    ck_assert_ptr_null(strstr(text, "rt-1"));
    ck_assert_ptr_null(strstr(text, "User.Read"));
}
END_TEST

START_TEST(names_are_in_order_and_of_one_owner_on_wish)
{
    const char *first = put(&tom, 1);
    const char *second = put(&ann, 5);
    apr_array_header_t *names;

    put(&tom, 2);
    names = gt_journal_names(journal, NULL, NULL, bench->pool);
    ck_assert_int_eq(names->nelts, 3);
    ck_assert_str_eq(APR_ARRAY_IDX(names, 0, const char *), first);
    ck_assert_str_eq(APR_ARRAY_IDX(names, 1, const char *), second);
    ck_assert_int_eq(gt_journal_names(journal, "main", &tom, bench->pool)->nelts, 2);
    ck_assert_int_eq(gt_journal_names(journal, "beta", &tom, bench->pool)->nelts, 0);
    ck_assert_int_eq(gt_journal_length(journal, bench->pool), 3);
    gt_journal_remove(journal, first, bench->pool);
    ck_assert_int_eq(gt_journal_length(journal, bench->pool), 2);
}
END_TEST

START_TEST(another_databases_entries_are_left_alone)
{
    const char *name = put(&tom, 1);
    gt_journal_t *other = gt_journal_make(folder, "pgsql host=b", bench->ring, bench->pool);
    gt_entry_t *entry;

    bench_ok(gt_journal_read(&entry, other, name, bench->pool));
    ck_assert_ptr_null(entry);
    ck_assert_int_eq(gt_journal_names(other, "main", &tom, bench->pool)->nelts, 0);
    bench_ok(gt_journal_read(&entry, journal, "gone.entry", bench->pool));
    ck_assert_ptr_null(entry);
}
END_TEST

/* Each byte changed by itself: no entry, or (a byte of the database's line) another's. */
START_TEST(no_byte_can_be_changed)
{
    const char *name = put(&ann, 41);
    const char *good = content_of(name);
    apr_size_t len = strlen(good);
    apr_pool_t *round;

    apr_pool_create(&round, bench->pool);
    for (apr_size_t i = 0; i < len; i++) {
        char *bad = apr_pstrmemdup(round, good, len);
        gt_entry_t *entry = NULL;
        gt_err_t *err;

        bad[i] = (char)(bad[i] == '2' ? '3' : '2');
        write_file(name, bad, len);
        err = gt_journal_read(&entry, journal, name, round);
        ck_assert_msg(entry == NULL, "byte %d", (int)i);
        ck_assert(err == GT_OK || err->cls == GT_DAMAGED);
        apr_pool_clear(round);
    }
    for (apr_size_t cut = 0; cut < len - 1; cut++) {
        gt_entry_t *entry = NULL;

        write_file(name, good, cut);
        (void)!gt_journal_read(&entry, journal, name, round);
        ck_assert_msg(entry == NULL, "cut to %d", (int)cut);
        apr_pool_clear(round);
    }
}
END_TEST

START_TEST(a_folder_that_is_away_is_an_error)
{
    const gt_entry_t entry = entry_of(&tom, 1);
    gt_journal_t *nowhere = gt_journal_make("/no/such/folder", "d", bench->ring, bench->pool);
    gt_err_t *err = gt_journal_put(nowhere, &entry, bench->pool);

    bench_tag(err, "GT0615");
    ck_assert_int_eq(gt_class_row(err->cls)->may_retry, 1);
    ck_assert_int_eq(gt_journal_length(nowhere, bench->pool), 0);
}
END_TEST

START_TEST(it_is_bounded)
{
    const gt_entry_t entry = entry_of(&tom, 1);

    for (int i = 0; i < GT_JOURNAL_MAX; i++)
        write_file(apr_psprintf(bench->pool, "%05d-0123456789abcdef.entry", i), "x", 1);
    bench_tag(gt_journal_put(journal, &entry, bench->pool), "GT0616");
}
END_TEST

START_TEST(what_a_killed_writer_left_is_swept)
{
    const char *old = "0001700000000000-7-0-0123456789abcdef.entry.new";
    const char *fresh = apr_psprintf(bench->pool, "%016" APR_INT64_T_FMT "-7-1-0123456789abcdef%s",
                                     gt_now(), ".entry.new");
    const char *entry = put(&tom, 1);
    const char *others = "0001700000000000-notes.new";

    write_file(old, "x", 1);
    write_file(fresh, "x", 1);
    write_file(others, "x", 1);
    gt_journal_make(folder, "pgsql host=a", bench->ring, bench->pool);
    ck_assert_int_ne(access(path_of(old), F_OK), 0);
    ck_assert_int_eq(access(path_of(entry), F_OK), 0);
    /* Somebody may be writing it; the other was never ours. */
    ck_assert_int_eq(unlink(path_of(fresh)), 0);
    ck_assert_int_eq(unlink(path_of(others)), 0);
}
END_TEST

Suite *suite_journal(void)
{
    Suite *suite = suite_create("journal");
    TCase *tcase = tcase_create("entries");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, what_goes_in_comes_out);
    tcase_add_test(tcase, what_a_killed_writer_left_is_swept);
    tcase_add_test(tcase, a_refresh_token_may_be_alone);
    tcase_add_test(tcase, test_T5_nothing_is_in_the_clear);
    tcase_add_test(tcase, names_are_in_order_and_of_one_owner_on_wish);
    tcase_add_test(tcase, another_databases_entries_are_left_alone);
    tcase_add_test(tcase, no_byte_can_be_changed);
    tcase_add_test(tcase, a_folder_that_is_away_is_an_error);
    tcase_add_test(tcase, it_is_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}
