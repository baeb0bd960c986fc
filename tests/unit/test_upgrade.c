/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A node of the version before and one of this version at one database, as in a rolling upgrade.
 * The former is played by the statements that it sent and the entry that it wrote, taken from it
 * (forms_before_resources); what it did with them, a refresh under the lease, is done here. The
 * provider rotates and takes a refresh token that comes twice for theft.
 */

#include "children.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/notice.h"
#include "base/secret.h"
#include "oauth/resource.h"
#include "store/store.h"
#include "vault/flow/flows.h"

Suite *suite_upgrade(void);

#define OUTLOOK "outlook"

#ifdef GT_TESTS
#define VECTORS GT_TESTS "/vectors"
#else
#define VECTORS "tests/vectors"
#endif

/* Columns of the old row. */
enum { ACCESS = 8, REFRESH = 9, GENERATION = 18 };

static const gt_sql_names_t names = {"user_tokens", NULL, NULL, "the version before"};
static json_t *forms;

static void load_forms(void)
{
    const char *folder = getenv("GRAPHTOK_VECTORS");
    json_error_t error;

    forms = json_load_file(apr_pstrcat(pool, folder != NULL ? folder : VECTORS,
                                       "/forms_before_resources/forms.json", NULL),
                           0, &error);
    ck_assert_msg(forms != NULL, "%s", error.text);
}

/* A statement as that version sent it. */
static gt_sql_t *old_sql(const char *name)
{
    const char *driver = bench->engine == GT_PGSQL ? "pgsql" : "sqlite3";
    const json_t *texts = json_object_get(json_object_get(forms, "statements"), driver);
    gt_sql_t *sql = apr_pcalloc(pool, sizeof(*sql));

    sql->name = name;
    sql->text = apr_pstrdup(pool, json_string_value(json_object_get(texts, name)));
    return sql;
}

static gt_db_t *old_db(void)
{
    return gt_store_db(child[1].store);
}

/* ---- what the old node does ---- */

typedef struct old_row_t {
    const char *access, *refresh; /* sealed */
    apr_int64_t generation;
} old_row_t;

static old_row_t old_find(void)
{
    const gt_db_value_t args[] = {GT_TEXT("tom"), GT_TEXT("microsoft")};
    apr_array_header_t *rows;
    const gt_db_row_t *row;

    bench_ok(gt_db_rows(&rows, old_db(), old_sql("find grant"), &names, args, pool));
    ck_assert_int_eq(rows->nelts, 1);
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    return (old_row_t){row->column[ACCESS], row->column[REFRESH],
                       apr_atoi64(row->column[GENERATION])};
}

static gt_place_t place_of(const char *column)
{
    gt_ids_t *ids = apr_palloc(pool, sizeof(*ids)); /* the place points into it */

    gt_store_ids(ids, child[1].store, pool);
    return gt_store_place(child[1].store, ids, column, &tom);
}

static gt_secret_t *old_open(const char *column, gt_purpose_t purpose, const char *sealed)
{
    const gt_place_t place = place_of(column);
    gt_secret_t *clear;

    bench_ok(gt_unseal(&clear, bench->ring, purpose, &place, sealed, pool));
    return clear;
}

static const char *old_seal(const char *column, gt_purpose_t purpose, const gt_secret_t *clear)
{
    const gt_place_t place = place_of(column);
    const char *sealed;

    bench_ok(gt_seal(&sealed, bench->ring, purpose, GT_AES_256_GCM, &place, clear, pool));
    return sealed;
}

/* 1: it has the lease. */
static int old_take(const old_row_t *row)
{
    const gt_db_value_t args[] = {GT_TEXT("old/1"),     GT_NUM(9),
                                  GT_TEXT("old/1"),     GT_TEXT("tom"),
                                  GT_TEXT("microsoft"), GT_NUM(row->generation),
                                  GT_TEXT(NULL)};
    int changed;

    bench_ok(gt_db_change(&changed, old_db(), old_sql("take lease"), &names, args, pool));
    return changed;
}

static gt_tokens_t old_post(const old_row_t *row)
{
    gt_token_params_t params = {
        .provider = gt_vault_provider(child[1].vault, "microsoft"),
        .flow = &gt_flow_refresh_token,
        .params = old_open(GT_REFRESH_COLUMN, GT_KEY_REFRESH, row->refresh),
    };

    bench_ok(gt_wait_run(&gt_token_post, &params, child[1].loop, LIMIT, pool));
    return params.tokens;
}

/* It kept the refresh token of before. */
static int old_commit(const old_row_t *row, const gt_tokens_t *tokens)
{
    const char *refresh = old_seal(GT_REFRESH_COLUMN, GT_KEY_REFRESH, tokens->refresh);
    const char *kept = old_seal("previous_refresh_token", GT_KEY_REFRESH,
                                old_open(GT_REFRESH_COLUMN, GT_KEY_REFRESH, row->refresh));
    const gt_db_value_t args[] = {
        GT_TEXT(tokens->scope),
        GT_TEXT(old_seal(GT_ACCESS_COLUMN, GT_KEY_ACCESS, tokens->access)),
        GT_TEXT(refresh),
        GT_TEXT(NULL),
        GT_TEXT(gt_sealed_key_id(refresh, pool)),
        GT_NUM(gt_tokens_left(tokens)),
        GT_TEXT(kept),
        GT_NUM(86400),
        GT_NUM(86400),
        GT_TEXT("tom"),
        GT_TEXT("microsoft"),
        GT_NUM(row->generation),
    };
    int changed;

    bench_ok(gt_db_change(&changed, old_db(), old_sql("commit refresh"), &names, args, pool));
    return changed;
}

static const char *old_access(void)
{
    const old_row_t row = old_find();

    return gt_secret_text(old_open(GT_ACCESS_COLUMN, GT_KEY_ACCESS, row.access));
}

/* ---- rounds ---- */

static void end_token(void)
{
    bench_run(bench, "UPDATE user_tokens SET expires_at = '2001-01-01 00:00:00'");
    gt_cache_forget(cache, &toms);
}

static const char *nth(const char *prefix, int n)
{
    return apr_psprintf(pool, "%s-%d", prefix, n);
}

static void agree(int n)
{
    ck_assert_str_eq(old_access(), nth("at", n));
    ck_assert_str_eq(gt_secret_text(row()->refresh), nth("rt", n));
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_ptr_null(row()->lease_owner);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), n);
    ck_assert_int_eq(fake_was_reused(fake), 0);
}

static atomic_int waits;

static int count_wait(void *baton, const gt_notice_t *notice)
{
    (void)baton;
    (void)notice;
    atomic_fetch_add(&waits, 1);
    return 1;
}

/* The old node refreshes, and the new one is asked meanwhile: it waits, and serves what came. */
static void old_is_first(int n)
{
    const int before_it = atomic_load(&waits);
    old_row_t before;
    gt_tokens_t tokens;
    asker_t asker;

    end_token();
    before = old_find();
    ck_assert_int_eq(old_take(&before), 1);
    start_asker(&asker, &child[0]);
    while (atomic_load(&waits) == before_it)
        sched_yield();
    tokens = old_post(&before);
    ck_assert_int_eq(old_commit(&before, &tokens), 1);
    ck_assert_str_eq(answer_of(&asker), nth("at", n));
    agree(n);
}

/* The new node refreshes; the old one gets no lease, and its late result would write nothing. */
static void new_is_first(int n)
{
    old_row_t before;
    gt_tokens_t late;
    asker_t asker;

    end_token();
    before = old_find();
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, n);
    ck_assert_int_eq(old_take(&before), 0);
    fake_release(fake);
    ck_assert_str_eq(answer_of(&asker), nth("at", n));
    late = (gt_tokens_t){.access = gt_secret_from("at-late", pool),
                         .refresh = gt_secret_from("rt-late", pool),
                         .expires_at = gt_now() + SECONDS(3600),
                         .received = gt_now()};
    ck_assert_int_eq(old_commit(&before, &late), 0);
    agree(n);
}

static void begin_at(int version)
{
    const gt_notice_sink_t sink = {NULL, GT_NOTICES(GT_NOTICE_LEASE_WAIT), count_wait};
    gt_ids_t ids;
    int is_new;

    gt_notice_to(&sink);
    load_forms();
    bench_migrate(bench, version);
    for (int i = 0; i < 2; i++) {
        gt_store_ids(&ids, child[i].store, pool);
        bench_ok(gt_store_ids_now(&is_new, &ids, child[i].store, pool));
    }
}

/* Before the database is migrated, and after, but for the last step, which is for after the
 * upgrade. */
static const int versions[] = {8, 10};

START_TEST(two_versions_serve_side_by_side)
{
    begin_at(versions[_i]);
    sign_in_row(&tom, 0);
    for (int n = 1; n < 7; n += 2) {
        old_is_first(n);
        new_is_first(n + 1);
    }
    json_decref(forms);
}
END_TEST

/* What the old node does not know stays as it is. */
START_TEST(other_resources_live_beside_an_old_node)
{
    const gt_provider_conf_t *conf = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *);
    const gt_db_value_t most = GT_NUM(500);
    gt_token_for_t what = ask_of(&child[0]);

    begin_at(10);
    ((gt_provider_conf_t *)conf)->scope = "User.Read https://outlook.office.com/SMTP.Send";
    apr_hash_set(child[0].vault->resources, "microsoft", APR_HASH_KEY_STRING,
                 gt_provider_resources(conf, pool));
    sign_in_row(&tom, 3600);
    what.key.resource = OUTLOOK;
    bench_ok(ask(&what, &child[0]));
    ck_assert_str_eq(gt_secret_text(what.token.access), "at-1");
    old_is_first(2);
    gt_cache_forget(cache, &what.key);
    bench_ok(ask(&what, &child[0]));
    ck_assert_str_eq(gt_secret_text(what.token.access), "at-1");
    bench_ok(gt_db_change(NULL, old_db(), old_sql("purge tokens"), &names, &most, pool));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 2);
    json_decref(forms);
}
END_TEST

START_TEST(an_entry_that_the_version_before_left_is_stored)
{
    gt_journal_t *journal = share_journal();
    const json_t *entry;
    const char *text;
    FILE *file;

    load_forms();
    entry = json_object_get(forms, "journal");
    text = json_string_value(json_object_get(entry, "text"));
    bench_run(bench, apr_psprintf(pool, "UPDATE graphtok_ids SET id = '%s' WHERE what = 'database'",
                                  json_string_value(json_object_get(entry, "database"))));
    bench_run(bench,
              apr_psprintf(pool, "UPDATE graphtok_ids SET id = '%s' WHERE what <> 'database'",
                           json_string_value(json_object_get(entry, "store"))));
    sign_in_row(&tom, 0);
    bench_run(bench, "UPDATE user_tokens SET generation = 7");
    file = fopen(apr_pstrcat(pool, bench->folder, "/journal/",
                             json_string_value(json_object_get(entry, "name")), NULL),
                 "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    ck_assert_int_eq(fclose(file), 0);
    for (int i = 0; i < 100 && gt_journal_length(journal, pool) > 0; i++) {
        gt_replay_all(child[0].vault, pool);
        apr_sleep(apr_time_from_msec(50));
    }
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
    ck_assert_int_eq(row()->generation, 8);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-old");
    gives(&child[0], "at-old");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
    json_decref(forms);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, two_versions_serve_side_by_side, 0, 2);
    tcase_add_test(tcase, other_resources_live_beside_an_old_node);
    tcase_add_test(tcase, an_entry_that_the_version_before_left_is_stored);
}

Suite *suite_upgrade(void)
{
    Suite *suite = suite_create("upgrade");

    add_tests(children_case(suite, "a rolling upgrade", GT_SQLITE));
    if (bench_engines() > 1)
        add_tests(children_case(suite, "a rolling upgrade on pgsql", GT_PGSQL));
    return suite;
}
