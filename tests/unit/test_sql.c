/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Texts and names: every statement of a store is complete for both engines and every store. */

#include <string.h>

#include <apr_hash.h>
#include <check.h>

#include "store/sql_names.h"
#include "store/statements.h"

Suite *suite_sql(void);

static apr_pool_t *pool;

static void open_pool(void)
{
    apr_pool_create(&pool, NULL);
}

static void close_pool(void)
{
    apr_pool_destroy(pool);
}

static int placeholders(const char *text)
{
    int n = 0;

    for (text = strchr(text, '%'); text != NULL; text = strchr(text + 1, '%')) {
        ck_assert_msg(text[1] == 's' || strncmp(text, "%lld", 4) == 0, "%s", text);
        n++;
    }
    return n;
}

static const gt_store_conf_t stores[] = {
    {.table = "user_tokens", .user_column = "user_id", .user_type = "text"},
    {.table = "app.beta_tokens",
     .user_column = "teacher_id",
     .user_type = "integer",
     .references = "app.users(id)"},
    {.table = "t", .user_column = "user", .user_type = "uuid", .references = "users(id)"},
};

static const char *fill(const char *text, gt_engine_t engine, int store)
{
    const gt_sql_names_t names = gt_store_names(&stores[store], pool);

    return gt_sql_fill(text, engine, &names, pool);
}

static void look_at_text(const gt_sql_t *sql, const gt_store_conf_t *store, gt_engine_t engine)
{
    const gt_sql_names_t names = gt_store_names(store, pool);
    const char *text = gt_sql_text(sql, engine, &names, pool);

    ck_assert_ptr_null(strpbrk(text, "{};"));
    ck_assert_int_le(placeholders(text), GT_SQL_PARAMS);
}

START_TEST(every_text_is_filled_and_counted)
{
    for (apr_size_t s = 0; s < sizeof stores / sizeof stores[0]; s++)
        for (int file = 0; gt_store_sql[file] != NULL; file++)
            for (int i = 0; gt_store_sql[file][i] != NULL; i++)
                for (int engine = 0; engine < GT_ENGINES; engine++)
                    look_at_text(gt_store_sql[file][i], &stores[s], (gt_engine_t)engine);
}
END_TEST

/* Two of one name could not be told apart in a list of them. */
START_TEST(every_statement_has_a_name_of_its_own)
{
    apr_hash_t *names = apr_hash_make(pool);

    for (int file = 0; gt_store_sql[file] != NULL; file++)
        for (int i = 0; gt_store_sql[file][i] != NULL; i++) {
            const char *name = gt_store_sql[file][i]->name;

            ck_assert_msg(apr_hash_get(names, name, APR_HASH_KEY_STRING) == NULL, "%s", name);
            apr_hash_set(names, name, APR_HASH_KEY_STRING, name);
        }
    ck_assert_uint_gt(apr_hash_count(names), 40);
}
END_TEST

START_TEST(reads_are_told_from_writes)
{
    static const struct {
        const char *text;
        int is_read;
    } rows[] = {
        {"SELECT {row} FROM {table}", 1},
        {"INSERT INTO {table} (id) SELECT 1", 0},
        {"UPDATE {table} SET id = 1", 0},
        {"WITH x AS (SELECT 1) DELETE FROM {table}", 0},
    };

    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_int_eq(gt_sql_is_read(&(gt_sql_t){"test", rows[i].text, NULL}), rows[i].is_read);
}
END_TEST

START_TEST(names_are_quoted_as_the_engine_wants)
{
    static const struct {
        gt_engine_t engine;
        const char *text, *filled;
    } rows[] = {
        {GT_PGSQL, "{table} {user}", "\"app\".\"beta_tokens\" \"teacher_id\""},
        {GT_SQLITE, "{table} {user}", "[app].[beta_tokens] [teacher_id]"},
        {GT_PGSQL, "{index}_x ON {on}", "beta_tokens_x ON \"app\".\"beta_tokens\""},
        {GT_SQLITE, "{index}_x ON {on}", "[app].beta_tokens_x ON [beta_tokens]"},
        {GT_PGSQL, "{schema}x {bare} {name}", "\"app\".x beta_tokens \"beta_tokens\""},
        {GT_PGSQL, "c{references}", "c REFERENCES \"app\".\"users\" (\"id\") ON DELETE CASCADE"},
        {GT_PGSQL, "{user_kind} {user_arg}", "BIGINT CAST(%s AS BIGINT)"},
        {GT_SQLITE, "no words", "no words"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_str_eq(fill(rows[i].text, rows[i].engine, 1), rows[i].filled);
    ck_assert_str_eq(fill("{user_kind} {user_arg}", GT_PGSQL, 2), "UUID CAST(%s AS UUID)");
    ck_assert_str_eq(fill("{user_kind} {user_arg}", GT_SQLITE, 2), "VARCHAR %s");
    ck_assert_str_eq(fill("[{references}{schema}]", GT_SQLITE, 0), "[]");
}
END_TEST

START_TEST(only_identifiers_are_names)
{
    static const struct {
        const char *name;
        int bare, dotted;
    } rows[] = {
        {"user_tokens", 1, 1},
        {"_t9", 1, 1},
        {"U", 1, 1},
        {"a23456789012345678901234567890123456789012345678901234567890123", 1, 1},
        {"a234567890123456789012345678901234567890123456789012345678901234", 0, 0},
        {"app.user_tokens", 0, 1},
        {"a.b.c", 0, 0},
        {".a", 0, 0},
        {"a.", 0, 0},
        {"a.9", 0, 0},
        {"", 0, 0},
        {"9a", 0, 0},
        {"a b", 0, 0},
        {"a;DROP TABLE t", 0, 0},
        {"a\"", 0, 0},
        {"a]", 0, 0},
        {"a'", 0, 0},
        {"a-b", 0, 0},
        {"a%s", 0, 0},
        {"a{now}", 0, 0},
        {"t\xc3\xa4", 0, 0},
        {"a\n", 0, 0},
        {NULL, 0, 0},
    };
    apr_size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_int_eq(gt_sql_is_name(rows[i].name, 0), rows[i].bare);
        ck_assert_int_eq(gt_sql_is_name(rows[i].name, 1), rows[i].dotted);
    }
}
END_TEST

START_TEST(only_table_and_column_are_a_reference)
{
    static const struct {
        const char *text;
        int is_reference;
    } rows[] = {
        {"users(id)", 1},
        {"app.users(user_id)", 1},
        {"users", 0},
        {"users()", 0},
        {"(id)", 0},
        {"users(id", 0},
        {"users(id) x", 0},
        {"users(a.b)", 0},
        {"a.b.users(id)", 0},
        {"users(id,b)", 0},
        {"users (id)", 0},
        {".users(id)", 0},
        {"app.(id)", 0},
        {"u'(id)", 0},
        {"", 0},
        {NULL, 0},
        {"users(id))", 0},
        {"users(i.d)", 0},
    };
    apr_size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(gt_sql_is_reference(rows[i].text) == rows[i].is_reference, "%s",
                      rows[i].text);
}
END_TEST

Suite *suite_sql(void)
{
    Suite *suite = suite_create("sql");
    TCase *tcase = tcase_create("texts");

    tcase_add_checked_fixture(tcase, open_pool, close_pool);
    tcase_add_test(tcase, every_text_is_filled_and_counted);
    tcase_add_test(tcase, every_statement_has_a_name_of_its_own);
    tcase_add_test(tcase, reads_are_told_from_writes);
    tcase_add_test(tcase, names_are_quoted_as_the_engine_wants);
    tcase_add_test(tcase, only_identifiers_are_names);
    tcase_add_test(tcase, only_table_and_column_are_a_reference);
    suite_add_tcase(suite, tcase);
    return suite;
}
