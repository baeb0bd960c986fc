/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What a Prefer field says, as parameters of ours. */

#include "gt_test.h"

#include "graph/prefer.h"

Suite *suite_prefer(void);

static const struct {
    const char *field, *timezone, *body_type, *id_type;
} rows[] = {
    {NULL, NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
    {"outlook.timezone=\"W. Europe Standard Time\"", "W. Europe Standard Time", NULL, NULL},
    {"Outlook.TimeZone = UTC , IDTYPE=\"ImmutableId\"", "UTC", NULL, "ImmutableId"},
    {"return=minimal;x=\"a,b\", outlook.body-content-type=text", NULL, "text", NULL},
    {"outlook.body-content-type=\"html\"; outlook.timezone=UTC", NULL, "html", NULL},
    {"outlook.body-content-type=html, outlook.body-content-type=text", NULL, "html", NULL},
    {"outlook.timezone=\"a\\\"b\"", "a\"b", NULL, NULL},
    {"x=\"outlook.timezone=UTC, IdType=1\"", NULL, NULL, NULL},
    {"outlook.timezone, IdType", NULL, NULL, NULL},
    {"outlook.timezone=\"open", "open", NULL, NULL},
    {",,=,\"=\", odd=;;, IdType=ImmutableId", NULL, NULL, "ImmutableId"},
};

START_TEST(known_preferences_become_parameters)
{
    apr_table_t *query = apr_table_make(pool, 4);

    gt_prefer_read(query, rows[_i].field, pool);
    ck_assert_pstr_eq(apr_table_get(query, "timezone"), rows[_i].timezone);
    ck_assert_pstr_eq(apr_table_get(query, "body_type"), rows[_i].body_type);
    ck_assert_pstr_eq(apr_table_get(query, "id_type"), rows[_i].id_type);
}
END_TEST

START_TEST(what_the_query_names_counts)
{
    apr_table_t *query = apr_table_make(pool, 4);

    apr_table_set(query, "body_type", "text");
    gt_prefer_read(query, "outlook.body-content-type=html, IdType=ImmutableId", pool);
    ck_assert_str_eq(apr_table_get(query, "body_type"), "text");
    ck_assert_str_eq(apr_table_get(query, "id_type"), "ImmutableId");
}
END_TEST

Suite *suite_prefer(void)
{
    Suite *suite = suite_create("prefer");
    TCase *tcase = case_with_pool(suite, "prefer");

    tcase_add_loop_test(tcase, known_preferences_become_parameters, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, what_the_query_names_counts);
    return suite;
}
