/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The wishes for a draft, and the text of an answer (mission E2). */

#include "gt_test.h"

#include "base/json.h"
#include "graph/draft_text.h"

Suite *suite_draft(void);

static gt_draft_wish_t wish;

static gt_err_t *read_wish(const char *text)
{
    json_t *body;

    ck_ok(gt_json_parse(&body, text, strlen(text), pool));
    return gt_draft_read(&wish, body, pool);
}

static const char *fields_of(const gt_err_t *err)
{
    const char *names = "";

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_INVALID);
    for (int i = 0; err->fields != NULL && i < err->fields->nelts; i++)
        names = apr_pstrcat(pool, names, *names ? " " : "",
                            APR_ARRAY_IDX(err->fields, i, gt_field_error_t).field, NULL);
    return names;
}

START_TEST(test_E2_a_new_draft_is_graphs_message)
{
    ck_ok(read_wish(
        "{\"to\": \"ann@x.example\", \"cc\": [\"\\\"Low, Ann\\\" <a@x.example>\", "
        "\" Bo <b@x.example> \"], \"bcc\": null, \"subject\": \"Hi\", \"body\": \"a\\nb\"}"));
    ck_assert_str_eq(
        gt_json_dump(wish.message, pool),
        "{\"toRecipients\":[{\"emailAddress\":{\"address\":\"ann@x.example\"}}],"
        "\"ccRecipients\":[{\"emailAddress\":{\"name\":\"Low, Ann\",\"address\":\"a@x.example\"}},"
        "{\"emailAddress\":{\"name\":\"Bo\",\"address\":\"b@x.example\"}}],\"bccRecipients\":[],"
        "\"subject\":\"Hi\",\"body\":{\"contentType\":\"text\",\"content\":\"a\\nb\"}}");
    ck_ok(read_wish("{\"subject\": \"Hi\"}"));
    ck_ok(read_wish("{\"body\": \"<b>x</b>\", \"body_type\": \"html\"}"));
    ck_assert_int_eq(wish.is_html, 1);
}
END_TEST

START_TEST(test_E2_every_wrong_field_is_named)
{
    static const char *const rows[][2] = {
        {"{}", "body"},
        {"{\"to\": \"ann\", \"subject\": \"x\"}", "to"},
        {"{\"to\": [\"a@x.example\", 5, \"b@x.example\\r\\nBcc: c@x.example\"], \"body\": \"x\"}",
         "to[1] to[2]"},
        {"{\"cc\": [\"A\\nB <a@x.example>\"], \"body\": \"x\"}", "cc[0]"},
        {"{\"bcc\": {\"a\": 1}, \"body\": \"x\"}", "bcc"},
        {"{\"to\": \"<>\", \"body\": \"x\"}", "to"},
        {"{\"subject\": \"a\\r\\nBcc: b@x.example\"}", "subject"},
        {"{\"subject\": 5, \"body\": \"x\", \"priority\": 1}", "subject priority"},
        {"{\"body\": \"x\", \"body_type\": \"rtf\"}", "body_type"},
        {"{\"message_id\": \"a\"}", "body"},
        {"{\"message_id\": \"a b\", \"body\": \"x\"}", "message_id"},
        {"{\"message_id\": \"\", \"body\": \"x\"}", "message_id message_id"},
        {"{\"message_id\": \"a\", \"body\": \"x\", \"to\": \"a@x.example\"}", "to"},
        {"{\"reply_all\": true, \"body\": \"x\"}", "reply_all"},
        {"{\"message_id\": \"a\", \"body\": \"x\", \"reply_all\": \"yes\"}", "reply_all"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        ck_assert_str_eq(fields_of(read_wish(rows[i][0])), rows[i][1]);
}
END_TEST

START_TEST(test_E2_a_message_has_500_recipients_at_most)
{
    const char *list = "\"a@x.example\"";
    apr_array_header_t *all = apr_array_make(pool, 500, sizeof(const char *));

    for (int i = 0; i < 250; i++)
        APR_ARRAY_PUSH(all, const char *) = list;
    list = apr_array_pstrcat(pool, all, ',');
    ck_ok(
        read_wish(apr_psprintf(pool, "{\"to\": [%s], \"cc\": [%s], \"body\": \"x\"}", list, list)));
    ck_assert_str_eq(
        fields_of(read_wish(apr_psprintf(
            pool, "{\"to\": [%s], \"cc\": [%s], \"bcc\": \"a@x.example\", \"body\": \"x\"}", list,
            list))),
        "to");
    ck_assert_str_eq(
        fields_of(read_wish(apr_psprintf(
            pool, "{\"to\": [%s, %s, \"a@x.example\"], \"body\": \"x\"}", list, list))),
        "to");
}
END_TEST

static const char *answer(const char *type, const char *earlier)
{
    json_t *graphs = gt_json_object(pool);

    gt_json_set(graphs, "contentType", type);
    gt_json_set(graphs, "content", earlier);
    return gt_json_text(gt_json_own(gt_draft_answer(graphs, &wish, pool), pool), "content");
}

START_TEST(test_E2_the_earlier_mail_stays_below_the_answer)
{
    ck_ok(read_wish("{\"message_id\": \"a\", \"body\": \"1 < 2\\r\\n& \\\"b\\\"\"}"));
    ck_assert_str_eq(answer("html", "<html><BODY class='x'><p>old</p></body></html>"),
                     "<html><BODY class='x'><div>1 &lt; 2<br>\n&amp; &quot;b&quot;</div>\n<br>"
                     "<p>old</p></body></html>");
    ck_assert_str_eq(answer("html", "<p>old</p>"),
                     "<div>1 &lt; 2<br>\n&amp; &quot;b&quot;</div>\n<br><p>old</p>");
    ck_assert_str_eq(answer("text", "old"), "1 < 2\r\n& \"b\"\r\n\r\nold");
    ck_ok(read_wish("{\"message_id\": \"a\", \"body\": \"<b>y</b>\", \"body_type\": \"HTML\"}"));
    ck_assert_str_eq(answer("html", "<body>old"), "<body><div><b>y</b></div>\n<br>old");
    ck_assert_str_eq(answer("text", "1 < 2"), "<div><b>y</b></div>\n<br><div>1 &lt; 2</div>");
    ck_assert_str_eq(answer(NULL, NULL), "<div><b>y</b></div>\n<br>");
}
END_TEST

START_TEST(test_E2_keys)
{
    static const char *const bad[] = {"", "\"\"", "a'b", "a b", "a\"b", "\xC3\xA4"};
    const char *key;

    ck_ok(gt_draft_key(&key, " \"8e03978e-40d5-43dd\" ", pool));
    ck_assert_str_eq(key, "8e03978e-40d5-43dd");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ck_fails(gt_draft_key(&key, bad[i], pool), GT_INVALID, "GT0728");
}
END_TEST

Suite *suite_draft(void)
{
    Suite *suite = suite_create("draft");
    TCase *tcase = case_with_pool(suite, "draft");

    tcase_add_test(tcase, test_E2_a_new_draft_is_graphs_message);
    tcase_add_test(tcase, test_E2_every_wrong_field_is_named);
    tcase_add_test(tcase, test_E2_a_message_has_500_recipients_at_most);
    tcase_add_test(tcase, test_E2_the_earlier_mail_stays_below_the_answer);
    tcase_add_test(tcase, test_E2_keys);
    return suite;
}
