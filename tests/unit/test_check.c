/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Bodies held against rules: every wrong field is named (C6). */

#include "gt_test.h"

#include "base/address.h"
#include "base/check.h"
#include "base/text.h"

Suite *suite_check(void);

static const gt_rule_t end_of_rules = {"", GT_RULE_TEXT, 0, 0, 0, NULL, NULL};

static const gt_rule_t address_rules[] = {
    {"address", GT_RULE_EMAIL, 1, 0, 0, NULL, NULL},
    {"name", GT_RULE_TEXT, 0, 0, 10, NULL, NULL},
    {"", GT_RULE_TEXT, 0, 0, 0, NULL, NULL},
};
static const gt_rule_t attendee_rules[] = {
    {"emailAddress", GT_RULE_OBJECT, 1, 0, 0, NULL, address_rules},
    {"type", GT_RULE_WORD, 0, 0, 0, "required optional", NULL},
    {"", GT_RULE_TEXT, 0, 0, 0, NULL, NULL},
};
static const gt_rule_t event_rules[] = {
    {"subject", GT_RULE_TEXT, 2, 1, 5, NULL, NULL},
    {"start", GT_RULE_MOMENT, 2, 0, 0, NULL, NULL},
    {"id", GT_RULE_NUMBER, 1, 1, 10, NULL, NULL},
    {"allDay", GT_RULE_BOOL, 0, 0, 0, NULL, NULL},
    {"attendees", GT_RULE_LIST, 0, 0, 2, NULL, attendee_rules},
    {"categories", GT_RULE_TEXTS, 0, 1, 2, NULL, NULL},
    {"", GT_RULE_TEXT, 0, 0, 0, NULL, NULL},
};

/* "field: message; …" of what is wrong, "" when nothing is. */
static const char *complaints(const char *body, const gt_rule_t *rules, int partial)
{
    json_t *object;
    gt_err_t *err;
    const char *text = "";
    int i;

    ck_ok(gt_json_parse(&object, body, strlen(body), pool));
    err = gt_check(object, rules, partial, pool);
    if (err == GT_OK)
        return "";
    ck_assert_int_eq(err->cls, GT_INVALID);
    ck_assert_ptr_nonnull(err->fields);
    for (i = 0; i < err->fields->nelts; i++) {
        const gt_field_error_t *wrong = &APR_ARRAY_IDX(err->fields, i, gt_field_error_t);

        text = apr_pstrcat(pool, text, i > 0 ? "; " : "", wrong->field, ": ", wrong->message, NULL);
    }
    return text;
}

START_TEST(bodies_are_judged_by_their_rules)
{
    static const struct {
        const char *body;
        const char *wrong;
    } rows[] = {
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\"}", ""},
        {"{\"id\":10,\"subject\":\"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac\","
         "\"start\":\"2026-11-21T07:00:00.0000000\",\"allDay\":false,\"categories\":[\"x\"],"
         "\"attendees\":[{\"emailAddress\":{\"address\":\"a@b.c\",\"name\":\"\"},"
         "\"type\":\"optional\"}]}",
         ""},
        {"{}", "subject: is missing; start: is missing; id: is missing"},
        {"{\"id\":0,\"subject\":\"\",\"start\":\"today\"}",
         "subject: must be a text of 1 to 5 characters; "
         "start: must be a date and time like 2026-11-21T07:00:00; "
         "id: must be a whole number, 1 to 10"},
        {"{\"id\":11,\"subject\":\"abcdef\",\"start\":\"2026-11-21T07:00Z\"}",
         "subject: must be a text of 1 to 5 characters; "
         "start: must be a date and time like 2026-11-21T07:00:00; "
         "id: must be a whole number, 1 to 10"},
        {"{\"id\":\"1\",\"subject\":null,\"start\":5}",
         "subject: must be a text of 1 to 5 characters; "
         "start: must be a date and time like 2026-11-21T07:00:00; "
         "id: must be a whole number, 1 to 10"},
        {"{\"id\":1.0,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\"}",
         "id: must be a whole number, 1 to 10"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"allDay\":\"true\"}",
         "allDay: must be true or false"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"colour\":1}",
         "colour: is not known here"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"Subject\":\"x\"}",
         "Subject: is not known here"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"attendees\":{}}",
         "attendees: must be a list of 0 to 2 objects"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"attendees\":[{},{},{}]}",
         "attendees: must be a list of 0 to 2 objects"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"attendees\":[1,{\"type\":"
         "\"none\",\"emailAddress\":{\"address\":\"@\",\"nick\":1,\"name\":\"12345678901\"}}]}",
         "attendees[0]: must be an object; "
         "attendees[1].emailAddress.address: must be one e-mail address; "
         "attendees[1].emailAddress.name: must be a text of 0 to 10 characters; "
         "attendees[1].emailAddress.nick: is not known here; "
         "attendees[1].type: must be one of: required optional"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"attendees\":"
         "[{\"emailAddress\":\"a@b.c\"}]}",
         "attendees[0].emailAddress: must be an object"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"categories\":[]}",
         "categories: must be a list of 1 to 2 texts"},
        {"{\"id\":1,\"subject\":\"a\",\"start\":\"2026-11-21T07:00\",\"categories\":[\"\",7]}",
         "categories[0]: must be a text of 1 to 255 characters; "
         "categories[1]: must be a text of 1 to 255 characters"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(complaints(rows[i].body, event_rules, 0), rows[i].wrong);
}
END_TEST

START_TEST(a_change_may_leave_members_out)
{
    ck_assert_str_eq(complaints("{\"id\":1}", event_rules, 1), "");
    ck_assert_str_eq(complaints("{\"subject\":\"a\"}", event_rules, 1), "id: is missing");
    ck_assert_str_eq(complaints("{\"id\":1,\"subject\":\"\"}", event_rules, 1),
                     "subject: must be a text of 1 to 5 characters");
}
END_TEST

START_TEST(words_are_whole)
{
    static const char *const wrong[] = {"",        " ",         "require",  "required optional",
                                        "ptional", "required2", "optional "};
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_str_eq(
            complaints(apr_pstrcat(pool, "{\"emailAddress\":{\"address\":\"a@b.c\"},\"type\":\"",
                                   wrong[i], "\"}", NULL),
                       attendee_rules, 0),
            "type: must be one of: required optional");
}
END_TEST

START_TEST(texts_hold_no_controls)
{
    static const char *const wrong[] = {"a\\u0001", "\\u001b[2J", "\\u007f", "a\\b"};
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_str_eq(
            complaints(apr_pstrcat(pool, "{\"id\":1,\"subject\":\"", wrong[i], "\"}", NULL),
                       event_rules, 1),
            "subject: must hold no control characters but line ends and tabs");
    ck_assert_str_eq(complaints("{\"id\":1,\"subject\":\"a\\r\\n\\t\"}", event_rules, 1), "");
}
END_TEST

START_TEST(a_body_is_an_object)
{
    json_t *list;

    ck_ok(gt_json_parse(&list, "[]", 2, pool));
    ck_fails(gt_check(list, event_rules, 0, pool), GT_INVALID, "GT0113");
    ck_fails(gt_check(NULL, event_rules, 0, pool), GT_INVALID, "GT0113");
    ck_assert_str_eq(complaints("{}", &end_of_rules, 0), "");
}
END_TEST

START_TEST(a_strangers_name_is_cut_between_characters)
{
    char *name = apr_palloc(pool, 200001);
    const char *text;
    int i;

    for (i = 0; i < 100000; i++)
        memcpy(name + 2 * i, "\xc3\xa4", 2);
    name[200000] = '\0';
    text = complaints(apr_pstrcat(pool, "{\"x", name, "\":1}", NULL), &end_of_rules, 0);
    ck_assert_uint_lt(strlen(text), 100);
    ck_assert(gt_is_utf8(text, strlen(text)));
    ck_assert_ptr_nonnull(strstr(text, "...: is not known here"));
}
END_TEST

START_TEST(many_wrong_members_make_no_longer_answer)
{
    const char *body = "{\"m0\":0";
    json_t *object;
    gt_err_t *err;
    int i;

    for (i = 1; i < 500; i++)
        body = apr_psprintf(pool, "%s,\"m%d\":0", body, i);
    body = apr_pstrcat(pool, body, "}", NULL);
    ck_ok(gt_json_parse(&object, body, strlen(body), pool));
    err = gt_check(object, &end_of_rules, 0, pool);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->fields->nelts, 100);
}
END_TEST

START_TEST(addresses)
{
    static const char *const right[] = {
        "tom@example.com",
        "a@b",
        "t.o.m+x@mail.example.co.uk",
        "o'brien@example.ie",
        "x!#$%&'*+-/=?^_`{|}~@example.com",
        "1@2.3",
        "a@xn--bcher-kva.example",
        "\"tom\"@example.com",
        "t\xc3\xb6m@example.com",
        "tom@ex\xc3\xa4mple.com",
    };
    static const char *const wrong[] = {
        "",
        "@",
        "tom",
        "tom@",
        "@example.com",
        "a@evil@example.com",
        "tom@example.com,eve@example.com",
        "tom@example.com;eve@example.com",
        "tom @example.com",
        "tom@ example.com",
        "tom@example.com ",
        "tom(x)@example.com",
        "<tom@example.com>",
        "Tom <tom@example.com>",
        "tom@[127.0.0.1]",
        ".tom@example.com",
        "tom.@example.com",
        "t..om@example.com",
        "tom@.example.com",
        "tom@example.com.",
        "tom@example..com",
        "tom@-example.com",
        "tom@example-.com",
        "tom@exa_mple.com",
        "tom@example.com\r\nBcc: eve@example.com",
        "tom\r\n@example.com",
        "tom\\@example.com",
        "tom:x@example.com",
    };
    char longest[300];
    size_t i;

    for (i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        ck_assert_msg(gt_is_email(right[i]), "\"%s\"", right[i]);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!gt_is_email(wrong[i]), "\"%s\"", wrong[i]);
    ck_assert(!gt_is_email(NULL));
    /* 64 characters before the @, labels of 63, 254 in all. */
    memset(longest, 'a', sizeof(longest));
    longest[64] = '@';
    longest[128] = longest[192] = '.';
    longest[254] = '\0';
    ck_assert(gt_is_email(longest));
    longest[254] = 'a';
    longest[255] = '\0';
    ck_assert(!gt_is_email(longest));
    longest[100] = '\0';
    ck_assert(gt_is_email(longest));
    ck_assert(!gt_is_email(apr_pstrcat(pool, "a", longest, NULL)));
    longest[128] = 'a';
    memcpy(longest, "a@", 2);
    memset(longest + 2, 'a', 64);
    longest[66] = '\0';
    ck_assert(!gt_is_email(longest));
    longest[65] = '\0';
    ck_assert(gt_is_email(longest));
}
END_TEST

Suite *suite_check(void)
{
    Suite *suite = suite_create("check");
    TCase *tcase = case_with_pool(suite, "check");

    tcase_add_test(tcase, bodies_are_judged_by_their_rules);
    tcase_add_test(tcase, a_change_may_leave_members_out);
    tcase_add_test(tcase, words_are_whole);
    tcase_add_test(tcase, texts_hold_no_controls);
    tcase_add_test(tcase, a_body_is_an_object);
    tcase_add_test(tcase, a_strangers_name_is_cut_between_characters);
    tcase_add_test(tcase, many_wrong_members_make_no_longer_answer);
    tcase_add_test(tcase, addresses);
    return suite;
}
