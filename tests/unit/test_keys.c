/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A configuration's keyring: derived, followed while it is used, asked when a key is missing. */

#include "aside.h"
#include "gt_test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/thread.h"
#include "crypt/seal.h"
#include "conf/keys.h"

Suite *suite_keys(void);

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA="
#define READERS 3
#define SWAPS 300

static const gt_place_t place = {.table = "user_tokens",
                                 .column = "encrypted_access_token",
                                 .user = "tom",
                                 .provider = "microsoft"};

static char folder[64];
static char said[1024];
static int errors, notices;

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_NOTICE;
}

static void print(void *baton, int level, const char *line)
{
    (void)baton;
    if (level == GT_LOG_NOTICE)
        notices++;
    else
        errors++;
    apr_cpystrn(said, line, sizeof(said));
}

static const gt_log_sink_t sink = {NULL, wants, print};

static void make_folder(void)
{
    make_pool();
    apr_cpystrn(folder, "/tmp/graphtok-keys-XXXXXX", sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    errors = notices = 0;
    gt_log_set(&sink);
}

static void drop_folder(void)
{
    const char *command = apr_pstrcat(pool, "rm -rf ", folder, NULL);

    gt_log_set(NULL);
    ck_assert_int_eq(system(command), 0);
    drop_pool();
}

/* Another file under the name, as editors and graphtokctl do. */
static const char *write_ring(const char *text)
{
    const char *path = apr_pstrcat(pool, folder, "/keyring", NULL);
    const char *beside = apr_pstrcat(pool, path, ".new", NULL);
    FILE *file = fopen(beside, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(beside, 0600), 0);
    ck_assert_int_eq(rename(beside, path), 0);
    return path;
}

static void add_source(void *object, const gt_member_t *members, const char *text)
{
    const char *why;

    ck_assert(gt_member_set(object, gt_member_find(members, "keyring"), text, NULL, &why, pool));
}

static gt_config_t *config_of(const char *keyring, const char *secret)
{
    gt_config_t *config = gt_config_default(pool);
    gt_provider_conf_t *provider = gt_provider_conf_default("microsoft", pool);
    const char *why;

    if (keyring != NULL)
        add_source(config, gt_config_members, keyring);
    if (secret != NULL)
        ck_assert(gt_source_parse(&provider->client_secret, secret, NULL, &why, pool));
    APR_ARRAY_PUSH(config->providers, gt_provider_conf_t *) = provider;
    return config;
}

static const char *writer(const gt_keys_t *keys)
{
    return gt_keyring_writer(keys->ring, GT_KEY_ACCESS)->id;
}

static gt_keys_t *keys_of(const char *keyring, const char *secret)
{
    gt_keys_t *keys = gt_keys_make(config_of(keyring, secret), NULL, pool);

    ck_ok(gt_keys_read(keys, pool));
    return keys;
}

static gt_keys_t *keys_of_file(const char *text)
{
    const char *source = apr_pstrcat(pool, "file:", write_ring(text), NULL);

    return keys_of(source, "client-secret-of-32-characters");
}

START_TEST(test_T4_without_a_keyring_a_key_is_derived)
{
    gt_keys_t *one = keys_of(NULL, "client-secret-of-32-characters");
    gt_keys_t *same = keys_of(NULL, "client-secret-of-32-characters");
    gt_keys_t *other = keys_of(NULL, "another-secret-of-32-characters");
    const gt_key_t *key = gt_keyring_writer(one->ring, GT_KEY_COOKIE);

    ck_assert_int_eq(strncmp(key->id, "derived-", 8), 0);
    ck_assert_str_eq(key->id + 8, key->fingerprint);
    ck_assert_str_eq(writer(one), writer(same));
    ck_assert_str_ne(writer(one), writer(other));
    ck_assert(!one->is_followed);
    ck_assert_str_eq(gt_keys_derived_from(config_of(NULL, "client-secret-of-32-characters"))->name,
                     "microsoft");
    ck_assert_ptr_null(gt_keys_derived_from(config_of(KEY_A, NULL)));
}
END_TEST

START_TEST(nothing_is_derived_from_what_can_be_guessed)
{
    gt_config_t *nobody = gt_config_default(pool);
    gt_err_t *err =
        gt_keys_read(gt_keys_make(config_of(NULL, "fifteen--bytes."), NULL, pool), pool);

    ck_fails(err, GT_INTERNAL, "GT0214");
    ck_assert_ptr_nonnull(strstr(err->detail, "provider microsoft"));
    ck_assert_ptr_null(strstr(err->detail, "fifteen"));
    (void)keys_of(NULL, "sixteen---bytes.");
    ck_fails(gt_keys_read(gt_keys_make(config_of(NULL, NULL), NULL, pool), pool), GT_INTERNAL,
             "GT0162");
    ck_fails(gt_keys_read(gt_keys_make(nobody, NULL, pool), pool), GT_INTERNAL, "GT0162");
}
END_TEST

static void count_change(void *baton)
{
    ++*(int *)baton;
}

START_TEST(a_changed_file_is_followed)
{
    gt_keys_t *keys = keys_of_file("a any " KEY_A "\n");
    const gt_keyring_t *ring = keys->ring;
    gt_secret_t *clear;
    const char *sealed;
    int changes = 0;

    keys->changed = count_change;
    keys->baton = &changes;
    ck_ok(gt_seal(&sealed, ring, GT_KEY_ACCESS, GT_AES_256_GCM, &place,
                  gt_secret_from("token", pool), pool));
    gt_keys_follow(keys, pool);
    ck_assert_int_eq(notices + errors + changes, 0);
    write_ring("b any " KEY_B "\na any " KEY_A "\n");
    gt_keys_follow(keys, pool);
    ck_assert_int_eq(notices, 1);
    ck_assert_int_eq(changes, 1);
    ck_assert_ptr_nonnull(strstr(said, "access b"));
    ck_assert_ptr_null(strstr(said, KEY_B));
    ck_assert_str_eq(writer(keys), "b");
    ck_ok(gt_unseal(&clear, ring, GT_KEY_ACCESS, &place, sealed, pool));
    write_ring("b any " KEY_B "\n");
    gt_keys_follow(keys, pool);
    ck_fails(gt_unseal(&clear, ring, GT_KEY_ACCESS, &place, sealed, pool), GT_DAMAGED, "GT0211");
    ck_assert_int_eq(errors, 0);
}
END_TEST

START_TEST(a_broken_file_is_said_once_and_changes_nothing)
{
    static const struct {
        const char *text, *tag;
    } rows[] = {{"b any nonsense\n", "keyring line 1"},
                {"# nothing\n", "holds no key"},
                {"b access,refresh,personal " KEY_B "\n", "no key for the purpose cookie"}};
    gt_keys_t *keys = keys_of_file("a any " KEY_A "\n");

    write_ring(rows[_i].text);
    gt_keys_follow(keys, pool);
    gt_keys_follow(keys, pool);
    ck_assert_int_eq(errors, 1);
    ck_assert_ptr_nonnull(strstr(said, "GT0163"));
    ck_assert_ptr_nonnull(strstr(said, rows[_i].tag));
    ck_assert_str_eq(writer(keys), "a");
    write_ring("b any " KEY_B "\n");
    gt_keys_follow(keys, pool);
    ck_assert_str_eq(writer(keys), "b");
}
END_TEST

/* Another child was first, and wrote with the new key. */
START_TEST(a_missing_key_is_asked_for_at_once)
{
    gt_keys_t *keys = keys_of_file("a any " KEY_A "\n");
    gt_keyring_t *newer;
    gt_secret_t *clear;
    const char *sealed;

    ck_ok(gt_keyring_parse(&newer, gt_secret_from("b any " KEY_B "\n", pool), pool));
    ck_ok(gt_seal(&sealed, newer, GT_KEY_ACCESS, _i == 0 ? GT_AES_256_GCM : GT_FERNET, &place,
                  gt_secret_from("token", pool), pool));
    ck_assert_ptr_nonnull(gt_unseal(&clear, keys->ring, GT_KEY_ACCESS, &place, sealed, pool));
    write_ring("b any " KEY_B "\na any " KEY_A "\n");
    ck_ok(gt_unseal(&clear, keys->ring, GT_KEY_ACCESS, &place, sealed, pool));
    ck_assert(gt_secret_equal(clear, gt_secret_from("token", pool)));
    ck_assert_str_eq(writer(keys), "b");
}
END_TEST

static int looks;

static void never_looks(void *baton)
{
    (void)baton;
    looks++;
}

/* A tenth of a second, once for all who lack a key. */
START_TEST(a_source_that_hangs_is_waited_for_once)
{
    gt_keys_t *keys = keys_of_file("a any " KEY_A "\n");
    apr_time_t began = gt_mono();

    keys->look_soon = never_looks;
    looks = 0;
    for (int i = 0; i < 50; i++)
        ck_assert_ptr_null(gt_keyring_find(keys->ring, "b", GT_KEY_COOKIE));
    ck_assert_int_eq(looks, 50);
    ck_assert_int_lt(gt_mono() - began, apr_time_from_sec(3));
}
END_TEST

static void look_now(void *keys)
{
    apr_pool_t *own;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    gt_keys_follow(keys, own);
    apr_pool_destroy(own);
}

static aside_t looker;

static void start_looking(void *keys)
{
    aside_start(&looker, look_now, keys);
}

START_TEST(another_thread_brings_the_missing_key)
{
    gt_keys_t *keys = keys_of_file("a any " KEY_A "\n");

    keys->look_soon = start_looking;
    keys->baton = keys;
    write_ring("b any " KEY_B "\na any " KEY_A "\n");
    (void)gt_keyring_find(keys->ring, "b", GT_KEY_COOKIE);
    aside_join(&looker);
    keys->look_soon = NULL;
    ck_assert_str_eq(writer(keys), "b");
}
END_TEST

START_TEST(a_command_is_asked_again)
{
    const char *path = write_ring("");
    const char *script = apr_pstrcat(pool, folder, "/vault", NULL);
    gt_keys_t *keys;
    FILE *file = fopen(script, "w");

    fprintf(file, "#!/bin/sh\necho run >> %s/runs\ncat %s\n", folder, path);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(script, 0700), 0);
    write_ring("a any " KEY_A "\nold any " KEY_B "\n");
    fake_clock(apr_time_from_sec(1795249815));
    keys = keys_of(apr_pstrcat(pool, "exec:", script, NULL), NULL);
    ck_assert_ptr_nonnull(gt_keyring_find(keys->ring, "old", GT_KEY_COOKIE));
    write_ring("b any " KEY_B "\n");
    gt_keys_follow(keys, pool);
    ck_assert_str_eq(writer(keys), "a");
    /* Any client can name a key that is not there: no run for each. */
    ck_assert_ptr_null(gt_keyring_find(keys->ring, "b", GT_KEY_COOKIE));
    fake_time += apr_time_from_sec(5);
    ck_assert_ptr_nonnull(gt_keyring_find(keys->ring, "b", GT_KEY_COOKIE));
    write_ring("c any " KEY_A "\n");
    fake_time += apr_time_from_sec(299);
    gt_keys_follow(keys, pool);
    ck_assert_str_eq(writer(keys), "b");
    fake_time += apr_time_from_sec(1);
    gt_keys_follow(keys, pool);
    ck_assert_str_eq(writer(keys), "c");
}
END_TEST

/* S3 names one variable for each key. */
START_TEST(the_keys_of_several_sources_add_up)
{
    gt_config_t *config = config_of("first any " KEY_A, NULL);
    gt_keys_t *keys;

    add_source(config, gt_config_members,
               apr_pstrcat(pool, "file:", write_ring("b any " KEY_B "\n"), NULL));
    keys = gt_keys_make(config, NULL, pool);
    ck_ok(gt_keys_read(keys, pool));
    ck_assert_str_eq(writer(keys), "first");
    ck_assert_ptr_nonnull(gt_keyring_find(keys->ring, "b", GT_KEY_COOKIE));
    write_ring("c any " KEY_B "\n");
    gt_keys_follow(keys, pool);
    ck_assert_str_eq(writer(keys), "first");
    ck_assert_ptr_nonnull(gt_keyring_find(keys->ring, "c", GT_KEY_COOKIE));
    ck_assert_int_eq(errors, 0);
    write_ring("\nfirst any " KEY_B "\n");
    gt_keys_follow(keys, pool);
    ck_assert_int_eq(errors, 1);
    ck_assert_ptr_nonnull(strstr(said, "a key with this id stands above"));
    write_ring("nonsense\n");
    gt_keys_follow(keys, pool);
    ck_assert_ptr_nonnull(strstr(said, "/keyring: keyring line 1"));
}
END_TEST

/* A store's keyring that is away closes that store, until it is there. */
START_TEST(test_O6_a_store_may_have_a_keyring_of_its_own)
{
    gt_config_t *config = config_of("main any " KEY_A, NULL);
    gt_store_conf_t *beta = gt_store_conf_default("beta", pool);
    const char *path = write_ring("");
    apr_array_header_t *all;
    gt_keys_t *keys;
    gt_err_t *err;

    APR_ARRAY_PUSH(config->stores, gt_store_conf_t *) = beta;
    add_source(beta, gt_store_members, apr_pstrcat(pool, "file:", path, NULL));
    ck_assert_int_eq(unlink(path), 0);
    fake_clock(apr_time_from_sec(1795249815));
    all = gt_keys_make_all(config, pool);
    ck_assert_int_eq(all->nelts, 2);
    ck_assert_ptr_eq(gt_keys_of(all, "main"), APR_ARRAY_IDX(all, 0, gt_keys_t *));
    keys = gt_keys_of(all, "beta");
    ck_ok(gt_keys_read(gt_keys_of(all, "main"), pool));
    err = gt_keys_read(keys, pool);
    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_nonnull(strstr(err->detail, "the keyring of store beta"));
    ck_assert_ptr_nonnull(strstr(err->detail, path));
    ck_assert(gt_keyring_is_empty(keys->ring));
    for (int i = 0; i < 11; i++) {
        fake_time += apr_time_from_sec(6);
        gt_keys_follow(keys, pool);
    }
    ck_assert_int_eq(errors, 2);
    write_ring("b any " KEY_B "\n");
    fake_time += apr_time_from_sec(6);
    gt_keys_follow(keys, pool);
    ck_assert_str_eq(writer(keys), "b");
    ck_assert_str_eq(writer(gt_keys_of(all, "main")), "main");
    ck_assert_ptr_nonnull(strstr(said, "the keyring of store beta file:"));
}
END_TEST

static int stop;

typedef struct opener_t {
    aside_t aside;
    const gt_keyring_t *ring;
    int failed;
} opener_t;

/* Every value opens, while keyrings are swapped. */
static void seal_and_open(void *baton)
{
    opener_t *opener = baton;
    apr_pool_t *own;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        const char *sealed;
        gt_secret_t *clear;

        apr_pool_clear(own);
        opener->failed +=
            (gt_seal(&sealed, opener->ring, GT_KEY_ACCESS, GT_AES_256_GCM, &place,
                     gt_secret_from("token", own), own) != GT_OK ||
             gt_unseal(&clear, opener->ring, GT_KEY_ACCESS, &place, sealed, own) != GT_OK);
    }
    apr_pool_destroy(own);
}

START_TEST(keys_are_swapped_under_readers)
{
    static const char *const texts[] = {"a any " KEY_A "\nb any " KEY_B "\n",
                                        "b any " KEY_B "\na any " KEY_A "\n"};
    opener_t openers[READERS];
    gt_keyring_t *ring;
    int i;

    fake_clock(apr_time_from_sec(1795249815));
    ck_ok(gt_keyring_parse(&ring, gt_secret_from(texts[0], pool), pool));
    __atomic_store_n(&stop, 0, __ATOMIC_RELEASE);
    for (i = 0; i < READERS; i++) {
        openers[i].ring = ring;
        openers[i].failed = 0;
        aside_start(&openers[i].aside, seal_and_open, &openers[i]);
    }
    for (i = rounds(SWAPS); i > 0; i--)
        ck_ok(gt_keyring_renew(ring, gt_secret_from(texts[i % 2], pool), pool));
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (i = 0; i < READERS; i++) {
        aside_join(&openers[i].aside);
        ck_assert_int_eq(openers[i].failed, 0);
    }
}
END_TEST

START_TEST(replaced_keys_are_freed_in_time)
{
    const gt_key_t *first, *second;
    gt_keyring_t *ring;

    fake_clock(apr_time_from_sec(1795249815));
    ck_ok(gt_keyring_parse(&ring, gt_secret_from("a any " KEY_A, pool), pool));
    first = gt_keyring_writer(ring, GT_KEY_ACCESS);
    ck_ok(gt_keyring_renew(ring, gt_secret_from("b any " KEY_B, pool), pool));
    second = gt_keyring_writer(ring, GT_KEY_ACCESS);
    fake_time += apr_time_from_sec(601);
    ck_ok(gt_keyring_renew(ring, gt_secret_from("c any " KEY_A, pool), pool));
    /* Replaced just now: still to be read. */
    ck_assert_str_eq(second->id, "b");
    fake_time += apr_time_from_sec(601);
    for (int i = 0; i < 3; i++)
        ck_ok(gt_keyring_renew(ring, gt_secret_from("d any " KEY_B, pool), pool));
    ck_assert_str_eq(first->id, "a");
    ck_assert_str_eq(gt_keyring_writer(ring, GT_KEY_ACCESS)->id, "d");
}
END_TEST

Suite *suite_keys(void)
{
    Suite *suite = suite_create("keys");
    TCase *tcase = tcase_create("files");

    tcase_add_checked_fixture(tcase, make_folder, drop_folder);
    tcase_add_test(tcase, test_T4_without_a_keyring_a_key_is_derived);
    tcase_add_test(tcase, nothing_is_derived_from_what_can_be_guessed);
    tcase_add_test(tcase, a_changed_file_is_followed);
    tcase_add_loop_test(tcase, a_broken_file_is_said_once_and_changes_nothing, 0, 3);
    tcase_add_loop_test(tcase, a_missing_key_is_asked_for_at_once, 0, 2);
    tcase_add_test(tcase, a_source_that_hangs_is_waited_for_once);
    tcase_add_test(tcase, another_thread_brings_the_missing_key);
    tcase_add_test(tcase, a_command_is_asked_again);
    tcase_add_test(tcase, the_keys_of_several_sources_add_up);
    tcase_add_test(tcase, test_O6_a_store_may_have_a_keyring_of_its_own);
    tcase_add_test(tcase, keys_are_swapped_under_readers);
    tcase_add_test(tcase, replaced_keys_are_freed_in_time);
    suite_add_tcase(suite, tcase);
    return suite;
}
