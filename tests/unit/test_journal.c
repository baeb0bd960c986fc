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
#include "gt_test.h"
#include "vault/journal_text.h"

Suite *suite_journal(void);

static bench_t *bench;
static gt_journal_t *journal;
static const char *folder;
/* Some tests are run for both formats: with ids (loop 1) and without. */
static int with_ids;
static const gt_owner_t tom = {"tom\n/..", "microsoft"};
static const gt_owner_t ann = {"ann", "microsoft"};

static gt_journal_t *made(const char *in, const char *database, const gt_keyring_t *ring)
{
    gt_journal_t *fresh = gt_journal_make(in, database, bench->pool);

    gt_journal_judge_by(fresh, ring);
    return fresh;
}

static void begin(void)
{
    with_ids = 0;
    bench = bench_open(0);
    folder = apr_pstrcat(bench->pool, bench->folder, "/journal", NULL);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    journal = made(folder, "pgsql host=a", bench->ring);
}

static void end(void)
{
    apr_array_header_t *names = gt_journal_names(journal, NULL, bench->pool);

    for (int i = 0; i < names->nelts; i++)
        gt_journal_remove(journal, APR_ARRAY_IDX(names, i, const char *), bench->pool);
    ck_assert_int_eq(rmdir(folder), 0);
    bench_close(bench);
}

#define DATABASE "0123456789abcdef0123456789abcdef"
#define STORE "00112233445566778899aabbccddeeff"

static gt_entry_t entry_of(const gt_owner_t *owner, apr_int64_t generation)
{
    gt_entry_t entry = {.key.grant = {"main", *owner}, .generation = generation};

    if (with_ids) {
        entry.database = DATABASE;
        entry.store_id = STORE;
    }

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

    bench_ok(gt_journal_put(journal, &entry, bench->ring, bench->pool));
    names = gt_journal_names(journal, &(gt_grant_key_t){"main", *owner}, bench->pool);
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

/* Head and tokens. */
static gt_err_t *take(gt_entry_t **entry, const char *name, apr_pool_t *p)
{
    gt_err_t *err = gt_journal_read(entry, journal, name, p);

    if (err == GT_OK && *entry != NULL)
        err = gt_entry_open(*entry, bench->ring, p);
    if (err != GT_OK)
        *entry = NULL;
    return err;
}

START_TEST(what_goes_in_comes_out)
{
    with_ids = _i;
    const char *name = put(&tom, 7);
    gt_entry_t *entry;
    struct stat info;

    bench_ok(take(&entry, name, bench->pool));
    ck_assert_str_eq(entry->store_id, with_ids ? STORE : "");
    ck_assert_str_eq(entry->key.grant.store, "main");
    ck_assert_str_eq(entry->key.grant.owner.user, tom.user);
    ck_assert_str_eq(entry->key.grant.owner.provider, "microsoft");
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
    bench_ok(gt_journal_put(journal, &entry, bench->ring, bench->pool));
    names = gt_journal_names(journal, &(gt_grant_key_t){"main", tom}, bench->pool);
    bench_ok(take(&found, APR_ARRAY_IDX(names, 0, const char *), bench->pool));
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
    names = gt_journal_names(journal, NULL, bench->pool);
    ck_assert_int_eq(names->nelts, 3);
    ck_assert_str_eq(APR_ARRAY_IDX(names, 0, const char *), first);
    ck_assert_str_eq(APR_ARRAY_IDX(names, 1, const char *), second);
    ck_assert_int_eq(gt_journal_names(journal, &(gt_grant_key_t){"main", tom}, bench->pool)->nelts,
                     2);
    ck_assert_int_eq(gt_journal_names(journal, &(gt_grant_key_t){"beta", tom}, bench->pool)->nelts,
                     0);
    ck_assert_int_eq(gt_journal_length(journal, bench->pool), 3);
    gt_journal_remove(journal, first, bench->pool);
    ck_assert_int_eq(gt_journal_length(journal, bench->pool), 2);
}
END_TEST

static int is_of(const gt_entry_t *entry, const char *database, const char *store, const char *id)
{
    gt_journal_t *other = made(folder, database, bench->ring);
    gt_ids_t ids = {.is_read = 1};

    apr_cpystrn(ids.store, id, sizeof(ids.store));
    return gt_journal_is_of(other, entry, store, &ids);
}

START_TEST(an_entry_without_ids_is_of_a_database_and_a_name)
{
    const char *name = put(&tom, 1);
    gt_journal_t *other = made(folder, "pgsql host=b", bench->ring);
    gt_entry_t *entry;

    bench_ok(gt_journal_read(&entry, journal, name, bench->pool));
    ck_assert(is_of(entry, "pgsql host=a", "main", ""));
    ck_assert(is_of(entry, "pgsql host=a", "main", STORE));
    ck_assert(!is_of(entry, "pgsql host=b", "main", ""));
    ck_assert(!is_of(entry, "pgsql host=a", "beta", ""));
    ck_assert_int_eq(gt_journal_names(other, &(gt_grant_key_t){"main", tom}, bench->pool)->nelts,
                     0);
    bench_ok(gt_journal_read(&entry, journal, "gone.entry", bench->pool));
    ck_assert_ptr_null(entry);
}
END_TEST

START_TEST(an_entry_with_ids_is_of_its_store_wherever_that_is)
{
    gt_entry_t *entry;
    const char *name;
    gt_journal_t *other = made(folder, "pgsql host=b", bench->ring);

    with_ids = 1;
    name = put(&tom, 1);
    bench_ok(gt_journal_read(&entry, journal, name, bench->pool));
    ck_assert(is_of(entry, "pgsql host=a", "main", STORE));
    ck_assert(is_of(entry, "pgsql host=b", "renamed", STORE));
    ck_assert(!is_of(entry, "pgsql host=a", "main", ""));
    ck_assert(!is_of(entry, "pgsql host=a", "main", DATABASE));
    ck_assert_int_eq(gt_journal_names(other, &(gt_grant_key_t){"renamed", tom}, bench->pool)->nelts,
                     1);
}
END_TEST

START_TEST(an_entry_names_its_resource)
{
    gt_entry_t entry;
    apr_array_header_t *names;
    gt_entry_t *found;

    with_ids = 1;
    entry = entry_of(&tom, 1);
    entry.key.resource = "mail";
    bench_ok(gt_journal_put(journal, &entry, bench->ring, bench->pool));
    names = gt_journal_names(journal, NULL, bench->pool);
    bench_ok(gt_journal_read(&found, journal, APR_ARRAY_IDX(names, 0, const char *), bench->pool));
    ck_assert_str_eq(found->key.resource, "mail");
    bench_ok(gt_entry_open(found, bench->ring, bench->pool));
    ck_assert(is_of(found, "pgsql host=a", "main", STORE));
    bench_tag((found->key.resource = "graph", gt_entry_open(found, bench->ring, bench->pool)),
              "GT0209");
}
END_TEST

/* The format without ids would give it to the default resource. */
START_TEST(without_ids_another_resources_token_is_left_out)
{
    const gt_store_conf_t *conf = gt_store_conf_default("main", bench->pool);
    gt_store_t *store = gt_store_make(conf, bench->db, bench->ring, bench->pool);
    gt_token_key_t key = {{"main", tom}, "mail"};
    gt_tokens_t tokens = entry_of(&tom, 1).tokens;
    gt_entry_t entry = gt_journal_entry(store, &key, 1, &tokens, bench->pool);

    ck_assert_ptr_null(entry.tokens.access);
    ck_assert_ptr_nonnull(entry.tokens.refresh);
    bench_ok(gt_journal_put(journal, &entry, bench->ring, bench->pool));
    ck_assert_int_eq(gt_journal_length(journal, bench->pool), 1);
    tokens.refresh = NULL;
    entry = gt_journal_entry(store, &key, 1, &tokens, bench->pool);
    bench_ok(gt_journal_put(journal, &entry, bench->ring, bench->pool));
    ck_assert_int_eq(gt_journal_length(journal, bench->pool), 1);
    key.resource = "graph";
    ck_assert_ptr_nonnull(gt_journal_entry(store, &key, 1, &tokens, bench->pool).tokens.access);
}
END_TEST

START_TEST(what_the_version_before_wrote_is_read)
{
    json_t *forms = load_vectors("forms_before_ids/forms.json");
    const json_t *old = json_object_get(forms, "journal");
    const char *name = json_string_value(json_object_get(old, "name"));
    const char *text = json_string_value(json_object_get(old, "text"));
    const gt_owner_t owner = {"tom", "microsoft"};
    gt_entry_t *entry;

    ck_assert_ptr_nonnull(text);
    write_file(name, text, strlen(text));
    ck_assert_int_eq(
        gt_journal_names(journal, &(gt_grant_key_t){"main", owner}, bench->pool)->nelts, 1);
    bench_ok(take(&entry, name, bench->pool));
    ck_assert(is_of(entry, json_string_value(json_object_get(old, "database")), "main", ""));
    ck_assert_int_eq(entry->generation, 7);
    ck_assert_str_eq(gt_secret_text(entry->tokens.access), "at-1");
    ck_assert_str_eq(gt_secret_text(entry->tokens.refresh), "rt-1");
    ck_assert_str_eq(entry->tokens.scope, "User.Read openid");
    json_decref(forms);
}
END_TEST

/* Each byte changed by itself, or all after it missing. */
START_TEST(no_byte_can_be_changed)
{
    with_ids = _i;
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
        err = take(&entry, name, round);
        ck_assert_msg(entry == NULL, "byte %d", (int)i);
        ck_assert(err != GT_OK && err->cls == GT_DAMAGED);
        apr_pool_clear(round);
    }
    for (apr_size_t cut = 0; cut < len; cut++) {
        gt_entry_t *entry = NULL;

        write_file(name, good, cut);
        (void)!take(&entry, name, round);
        ck_assert_msg(entry == NULL, "cut to %d", (int)cut);
        apr_pool_clear(round);
    }
}
END_TEST

START_TEST(a_folder_that_is_away_is_an_error)
{
    const gt_entry_t entry = entry_of(&tom, 1);
    gt_journal_t *nowhere = made("/no/such/folder", "d", bench->ring);
    gt_err_t *err = gt_journal_put(nowhere, &entry, bench->ring, bench->pool);

    bench_tag(err, "GT0615");
    ck_assert_int_eq(gt_class_row(err->cls)->may_retry, 1);
    ck_assert_int_eq(gt_journal_length(nowhere, bench->pool), 0);
}
END_TEST

/* The command line run by root, beside children of another user. */
START_TEST(what_root_writes_is_the_folders_owners)
{
    const uid_t theirs = geteuid() == 0 ? 12345 : geteuid();
    struct stat info;

    ck_assert_int_eq(chown(folder, theirs, (gid_t)-1), 0);
    ck_assert_int_eq(stat(path_of(put(&tom, 1)), &info), 0);
    ck_assert_uint_eq(info.st_uid, theirs);
}
END_TEST

START_TEST(it_is_bounded)
{
    const gt_entry_t entry = entry_of(&tom, 1);

    for (int i = 0; i < GT_JOURNAL_MAX; i++)
        write_file(apr_psprintf(bench->pool, "%05d-0123456789abcdef.entry", i), "x", 1);
    bench_tag(gt_journal_put(journal, &entry, bench->ring, bench->pool), "GT0616");
}
END_TEST

/* Begun in this moment, or long ago. */
static const char *left_name(int is_old, int n)
{
    return apr_psprintf(bench->pool, "%016" APR_INT64_T_FMT "-7-%d-0123456789abcdef.entry.new",
                        is_old ? APR_INT64_C(1700000000000000) : gt_now(), n);
}

START_TEST(what_a_killed_writer_left_torn_is_swept)
{
    const char *old = left_name(1, 0);
    const char *fresh = left_name(0, 1);
    const char *entry = put(&tom, 1);
    const char *others = "0001700000000000-notes.new";
    const char *half = apr_pstrndup(bench->pool, content_of(entry), strlen(content_of(entry)) - 30);

    write_file(old, half, strlen(half));
    write_file(fresh, half, strlen(half));
    write_file(others, "x", 1);
    ck_assert_int_eq(gt_journal_names(journal, NULL, bench->pool)->nelts, 1);
    ck_assert_int_ne(access(path_of(old), F_OK), 0);
    ck_assert_int_eq(access(path_of(entry), F_OK), 0);
    /* Another process may be writing it; the other was never ours. */
    ck_assert_int_eq(unlink(path_of(fresh)), 0);
    ck_assert_int_eq(unlink(path_of(others)), 0);
}
END_TEST

/* Killed between the last byte and the name: its seal says that it is whole. */
/* A link is a file that cannot be opened here. */
START_TEST(a_file_that_cannot_be_read_now_is_no_torn_one)
{
    const char *old = left_name(1, 0);

    ck_assert_int_eq(symlink("elsewhere", path_of(old)), 0);
    ck_assert_int_eq(gt_journal_names(journal, NULL, bench->pool)->nelts, 0);
    ck_assert_int_eq(unlink(path_of(old)), 0);
}
END_TEST

START_TEST(what_a_killed_writer_left_whole_is_taken_in)
{
    with_ids = _i;
    const char *name = put(&tom, 1);
    const char *beside = apr_pstrcat(bench->pool, name, ".new", NULL);
    gt_entry_t *entry;

    ck_assert_int_eq(rename(path_of(name), path_of(beside)), 0);
    ck_assert_int_eq(gt_journal_names(journal, &(gt_grant_key_t){"main", ann}, bench->pool)->nelts,
                     0);
    ck_assert_int_eq(access(path_of(beside), F_OK), 0);
    ck_assert_int_eq(gt_journal_names(journal, &(gt_grant_key_t){"main", tom}, bench->pool)->nelts,
                     1);
    ck_assert_int_ne(access(path_of(beside), F_OK), 0);
    bench_ok(take(&entry, name, bench->pool));
    ck_assert_str_eq(gt_secret_text(entry->tokens.refresh), "rt-1");
}
END_TEST

/* Of a store that has a keyring of its own. */
START_TEST(each_keyring_takes_in_what_it_sealed)
{
    static const char text[] = "other any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    const char *left = left_name(1, 0);
    const char *name = put(&tom, 1);
    gt_keyring_t *ring;
    gt_journal_t *other;

    bench_ok(gt_keyring_parse(&ring, gt_secret_from(text, bench->pool), bench->pool));
    write_file(left, content_of(name), strlen(content_of(name)));
    other = made(folder, "pgsql host=a", ring);
    gt_journal_judge_by(other, bench->ring);
    ck_assert_int_eq(gt_journal_names(other, NULL, bench->pool)->nelts, 2);
}
END_TEST

/* Perhaps another server's, or the keyring comes back. */
START_TEST(what_lacks_its_key_is_never_swept)
{
    static const char text[] = "other any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    const char *old = left_name(1, 0);
    const char *name = put(&tom, 1);
    gt_keyring_t *ring;
    gt_journal_t *other;

    write_file(old, content_of(name), strlen(content_of(name)));
    bench_ok(gt_keyring_parse(&ring, gt_secret_from(text, bench->pool), bench->pool));
    other = made(folder, "pgsql host=a", ring);
    ck_assert_int_eq(gt_journal_names(other, NULL, bench->pool)->nelts, 1);
    ck_assert_int_eq(unlink(path_of(old)), 0);
}
END_TEST

Suite *suite_journal(void)
{
    Suite *suite = suite_create("journal");
    TCase *tcase = tcase_create("entries");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, what_goes_in_comes_out, 0, 2);
    tcase_add_test(tcase, what_a_killed_writer_left_torn_is_swept);
    tcase_add_test(tcase, a_file_that_cannot_be_read_now_is_no_torn_one);
    tcase_add_loop_test(tcase, what_a_killed_writer_left_whole_is_taken_in, 0, 2);
    tcase_add_test(tcase, each_keyring_takes_in_what_it_sealed);
    tcase_add_test(tcase, what_lacks_its_key_is_never_swept);
    tcase_add_test(tcase, a_refresh_token_may_be_alone);
    tcase_add_test(tcase, test_T5_nothing_is_in_the_clear);
    tcase_add_test(tcase, names_are_in_order_and_of_one_owner_on_wish);
    tcase_add_test(tcase, an_entry_without_ids_is_of_a_database_and_a_name);
    tcase_add_test(tcase, an_entry_with_ids_is_of_its_store_wherever_that_is);
    tcase_add_test(tcase, an_entry_names_its_resource);
    tcase_add_test(tcase, without_ids_another_resources_token_is_left_out);
    tcase_add_test(tcase, what_the_version_before_wrote_is_read);
    tcase_add_loop_test(tcase, no_byte_can_be_changed, 0, 2);
    tcase_add_test(tcase, a_folder_that_is_away_is_an_error);
    tcase_add_test(tcase, what_root_writes_is_the_folders_owners);
    tcase_add_test(tcase, it_is_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}
