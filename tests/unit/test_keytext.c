/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A keyring's text, edited: what is not meant stays, byte for byte. */

#include "gt_test.h"

#include "base/secret.h"
#include "crypt/keytext.h"

Suite *suite_keytext(void);

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA="
#define FINGERPRINT_A "630dcd29"
#define NOTE " writes since 2026-11-21T08:30:15Z\n"
#define WHEN apr_time_from_sec(1795249815)

static gt_secret_t *secret(const char *text)
{
    return gt_secret_from(text, pool);
}

START_TEST(a_key_is_appended)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"", "b any " KEY_B "\n"},
        {"a any " KEY_A, "a any " KEY_A "\nb any " KEY_B "\n"},
        {"# head\n\na any " KEY_A "\n", "# head\n\na any " KEY_A "\nb any " KEY_B "\n"},
    };

    ck_assert_str_eq(
        gt_secret_text(gt_keytext_append(secret(rows[_i].before), secret("b any " KEY_B), pool)),
        rows[_i].after);
}
END_TEST

START_TEST(a_key_leads)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"a any " KEY_A "\n", "# b" NOTE "b any " KEY_B "\na any " KEY_A "\n"},
        {"# our keys\n\n# of summer\na any " KEY_A,
         "# our keys\n\n# of summer\n# b" NOTE "b any " KEY_B "\na any " KEY_A "\n"},
        {"# our keys\n# a" NOTE "a any " KEY_A "\n",
         "# our keys\n# b" NOTE "b any " KEY_B "\n# a" NOTE "a any " KEY_A "\n"},
        {"# no key yet\n", "# no key yet\n# b" NOTE "b any " KEY_B "\n"},
    };

    ck_assert_str_eq(gt_secret_text(gt_keytext_lead(secret(rows[_i].before),
                                                    secret("b any " KEY_B "\n"), WHEN, pool)),
                     rows[_i].after);
}
END_TEST

START_TEST(a_key_is_taken_out_with_our_comment)
{
    gt_secret_t *rest, *line;

    ck_ok(gt_keytext_take(&rest, &line,
                          secret("# head\n# a" NOTE "a any " KEY_A "\n# mine\nb any " KEY_B), "a",
                          pool));
    ck_assert_str_eq(gt_secret_text(rest), "# head\n# mine\nb any " KEY_B "\n");
    ck_assert_str_eq(gt_secret_text(line), "a any " KEY_A "\n");
    ck_ok(gt_keytext_take(&rest, NULL, secret(KEY_A "\nb any " KEY_B "\n"), FINGERPRINT_A, pool));
    ck_assert_str_eq(gt_secret_text(rest), "b any " KEY_B "\n");
    ck_fails(gt_keytext_take(&rest, &line, secret("a any " KEY_A), "b", pool), GT_NOT_FOUND,
             "GT0215");
}
END_TEST

START_TEST(a_comment_says_since_when)
{
    const gt_secret_t *text = secret("# b" NOTE "b any " KEY_B "\n# aa" NOTE "a any " KEY_A "\n");

    ck_assert_str_eq(gt_keytext_since(text, "b", pool), "2026-11-21T08:30:15Z");
    ck_assert_ptr_null(gt_keytext_since(text, "a", pool));
}
END_TEST

START_TEST(what_is_given_becomes_a_line)
{
    static const struct {
        const char *given, *id, *purposes, *line, *tag;
    } rows[] = {
        {KEY_A, NULL, NULL, FINGERPRINT_A " any " KEY_A "\n", NULL},
        {KEY_A "\n", "x", "refresh,cookie", "x refresh,cookie " KEY_A "\n", NULL},
        {"a personal,access " KEY_A, NULL, NULL, "a access,personal " KEY_A "\n", NULL},
        {"a\taccess  " KEY_A " \n", "b", NULL, "b access " KEY_A "\n", NULL},
        {"", NULL, NULL, NULL, "GT0216"},
        {"secret", NULL, NULL, NULL, "GT0216"},
        {"# c\n" KEY_A, NULL, NULL, NULL, "GT0216"},
        {KEY_A "\n" KEY_B "\n", NULL, NULL, NULL, "GT0216"},
        {KEY_A, "a b", NULL, NULL, "GT0217"},
        {KEY_A, "", NULL, NULL, "GT0217"},
        {KEY_A, NULL, "all", NULL, "GT0217"},
        {KEY_A, "a", "any\n", NULL, "GT0217"},
    };
    gt_secret_t *line;
    gt_err_t *err =
        gt_keytext_line(&line, secret(rows[_i].given), rows[_i].id, rows[_i].purposes, pool);

    if (rows[_i].tag != NULL) {
        ck_fails(err, GT_INVALID, rows[_i].tag);
        ck_assert_ptr_null(strstr(err->detail, KEY_A));
        return;
    }
    ck_ok(err);
    ck_assert_str_eq(gt_secret_text(line), rows[_i].line);
}
END_TEST

Suite *suite_keytext(void)
{
    Suite *suite = suite_create("keytext");
    TCase *tcase = case_with_pool(suite, "text");

    tcase_add_loop_test(tcase, a_key_is_appended, 0, 3);
    tcase_add_loop_test(tcase, a_key_leads, 0, 4);
    tcase_add_test(tcase, a_key_is_taken_out_with_our_comment);
    tcase_add_test(tcase, a_comment_says_since_when);
    tcase_add_loop_test(tcase, what_is_given_becomes_a_line, 0, 12);
    return suite;
}
