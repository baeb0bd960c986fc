/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Triage: text made comparable, rules and their mistakes, and how well the rules that are built in
 * sort mail that was made for it (mission E1). */

#include "gt_test.h"

#include <apr_file_io.h>

#include "base/text.h"
#include "mail/mail_triage.h"
#include "triage/fold.h"
#include "triage/own_text.h"
#include "triage/rules.h"
#include "triage/score.h"

Suite *suite_triage(void);

#define ME "tom.keller@contoso.example"

static gt_triage_rules_t *rules;
static gt_triage_t verdict;

static const char *folded(const char *text)
{
    return gt_fold(text, strlen(text), pool);
}

START_TEST(test_text_is_made_comparable)
{
    static const char *const rows[][2] = {
        {"", " "},
        {"Are you FREE?", " are you free ? "},
        {"\xC3\x89t\xC3\xA9, stra\xC3\x9F"
         "e; \xC5\x92uvre",
         " ete strasse . oeuvre "},
        {"e\xCC\x81t\xC3\xA9", " ete "},
        {"\xC2\xBFPuedes?!", " puedes ? "},
        {"n\xE2\x80\x99"
         "arrive",
         " n arrive "},
        {"what...?", " what ? "},
        {"see https://x.example/?a=b?c now", " see now "},
        {"@Tom.", " @ tom . "},
        {"\xD0\x9F\xD0\xA0\xD0\x98 \xCE\x91\xCE\x92",
         " \xD0\xBF\xD1\x80\xD0\xB8 \xCE\xB1\xCE\xB2 "},
        {"\xE5\x85\x83\xE6\xB0\x97\xEF\xBC\x9F", " \xE5\x85\x83\xE6\xB0\x97 ? "},
        {"a\xFF"
         "b",
         " a b "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        ck_assert_str_eq(folded(rows[i][0]), rows[i][1]);
}
END_TEST

START_TEST(test_earlier_mail_is_no_text_of_the_sender)
{
    static const char *const rows[][2] = {
        {"yes\r\n> shall we?\r\nno", " hello . yes no "},
        {"yes\n-- \nTom?", " hello . yes "},
        {"yes\n__________________\nFrom: x\nshall we?", " hello . yes "},
        {"yes\nOn Tue, 3 May, Tom Keller wrote:\nshall we?", " hello . yes "},
        {"yes\n-----Urspr\xC3\xBCngliche Nachricht-----\nshall we?", " hello . yes "},
        {"one\n\ntwo", " hello . one . two "},
    };

    ck_ok(gt_triage_load(&rules, NULL, pool));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        ck_assert_str_eq(gt_own_text("Hello", rows[i][0], rules, pool), rows[i][1]);
    ck_assert_str_eq(gt_own_text(NULL, NULL, rules, pool), " . ");
}
END_TEST

/* ---- rules ---- */

static gt_err_t *parse(const char *text)
{
    return gt_triage_parse(&rules, "r", text, strlen(text), pool);
}

START_TEST(test_mistakes_in_rules_name_their_line)
{
    static const char *const rows[][2] = {
        {"", "r:0: there is no rule"},
        {"# x\n\nsignal alone 20 to you\nbogus 1", "r:4: 'bogus' is none of: "},
        {"signal alone 20", "r:1: after the points stands the reason"},
        {"signal alone twenty to you", "r:1: the points must be a whole number"},
        {"signal alone 1001 to you", "r:1: the points must be a whole number"},
        {"signal lonely 1 x", "r:1: the signals are: alone "},
        {"signal alone 1 x\nsignal alone 2 y", "r:2: there is a rule called alone already"},
        {"words A 1 x", "r:1: a rule's name has small letters"},
        {"    en: x", "r:1: an indented line belongs to"},
        {"words a 1 x\n  please", "r:2: a line of phrases begins with their language"},
        {"words a 1 x\n  en: a,,b", "r:2: between two commas stands nothing"},
        {"words a 1 x\n  en: a*b", "r:2: in a phrase * stands at the end alone"},
        {"words a 1 x\n  en: ,-", "r:2: between two commas"},
        {"words a 1 x\n  en: !!*", NULL},
        {"words a 1 x\n  en: --", "r:2: a phrase has a letter or digit"},
        {"quoted\n  en: *", "r:2: a phrase has a letter or digit"},
        {"ignored x", "r:1: ignored stands alone"},
        {"senders s 1 x\n  noreply", "r:2: a sender is an address"},
        {"headers h 1 x\n  a b", "r:2: a header is a field's name"},
        {"headers h 1 x\n  List-Id:", "r:2: after the colon stands a value"},
        {"category later X", "r:1: write: category needs-answer"},
        {"category to-know a,b", "r:1: the name of a category"},
        {"category to-know Can wait\nsignal alone 1 x", "r:2: two classes have the same category"},
        {"needs-answer 3", "r:1: write: needs-answer from"},
        {"needs-answer from x", "r:1: the points must be"},
        {"can-wait below 5\nneeds-answer from 4\nsignal alone 1 x", "r:3: can-wait below must not"},
        {"signal alone 1 \xFF", "r:1: this line is not UTF-8"},
        {"signal alone 1 \x01", "r:1: this line holds a control character"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const gt_err_t *err = parse(rows[i][0]);

        if (rows[i][1] == NULL) {
            ck_assert_msg(err == GT_OK, "%s: %s", rows[i][0], err ? err->detail : "");
            continue;
        }
        ck_assert_msg(err != GT_OK, "taken: %s", rows[i][0]);
        ck_assert_str_eq(err->tag, "GT1402");
        ck_assert_msg(strncmp(err->detail, rows[i][1], strlen(rows[i][1])) == 0, "%s: %s",
                      rows[i][0], err->detail);
    }
}
END_TEST

START_TEST(test_rules_of_a_file)
{
    ck_fails(gt_triage_load(&rules, "/nowhere/rules", pool), GT_INVALID, "GT1401");
    ck_fails(gt_triage_load(&rules, "/dev/zero", pool), GT_INVALID, "GT1403");
    ck_ok(gt_triage_load(&rules, GT_TESTS "/../conf/triage.rules", pool));
    ck_assert_str_eq(gt_triage_category(rules, GT_NEEDS_ANSWER), "Needs answer");
}
END_TEST

static const char *reasons(void)
{
    return apr_array_pstrcat(pool, verdict.reasons, '|');
}

static apr_array_header_t *list_of(const char *text)
{
    return gt_split(text, " ", pool);
}

START_TEST(test_each_rule_counts_once_and_says_why)
{
    gt_mail_t mail = {.subject = "Please, could you?", .text = "Please! Questions? how is it?"};
    gt_mail_owner_t owner = {.addresses = list_of(ME)};

    ck_ok(parse("needs-answer from 15\ncan-wait below -5\nsignal alone 10 alone\n"
                "signal question 0 asks\nwords request 3 requests\n en: please, could you, plea*\n"
                "headers list -20 a list\n List-Id\n Precedence: bu*\nsenders boss 8 the boss\n"
                " boss@*\nignored\n en: questions ?\n"));
    mail.to = list_of("Tom.Keller@contoso.example");
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_int_eq(verdict.sum, 13);
    ck_assert_int_eq(verdict.cls, GT_TO_KNOW);
    ck_assert_str_eq(reasons(), "alone|requests");
    mail.from = "BOSS@contoso.example";
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_int_eq(verdict.cls, GT_NEEDS_ANSWER);
    ck_assert_str_eq(reasons(), "alone|the boss|requests");
    mail.headers = apr_table_make(pool, 2);
    apr_table_set(mail.headers, "precedence", "none");
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_int_eq(verdict.cls, GT_NEEDS_ANSWER);
    apr_table_set(mail.headers, "precedence", "BULK");
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_int_eq(verdict.sum, 1);
    mail.to = NULL;
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_int_eq(verdict.cls, GT_CAN_WAIT);
    ck_assert_str_eq(reasons(), "a list|the boss|requests");
}
END_TEST

/* What is overlooked asks nothing: with or without its question mark. */
START_TEST(test_pleasantries_are_overlooked)
{
    gt_mail_t mail = {.subject = "Re: x", .text = "How are you? Please find the plan."};
    const gt_mail_owner_t owner = {.addresses = list_of(ME)};

    ck_ok(gt_triage_load(&rules, NULL, pool));
    mail.to = list_of(ME);
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_str_eq(reasons(), "addressed to you alone|answers an earlier mail");
    mail.text = "How are you? And Ann?";
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_int_eq(verdict.cls, GT_NEEDS_ANSWER);
}
END_TEST

START_TEST(test_hostile_sizes_end_soon)
{
    apr_size_t len = 4 * 1024 * 1024;
    char *text = apr_palloc(pool, len + 1);
    gt_mail_t mail = {.text = text, .subject = text};
    const gt_mail_owner_t owner = {.addresses = list_of(ME)};

    memset(text, '?', len);
    for (apr_size_t i = 0; i < len; i += 2)
        text[i] = 'a';
    text[len] = '\0';
    ck_ok(gt_triage_load(&rules, NULL, pool));
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    ck_assert_str_eq(reasons(), "you are in neither To nor Cc|asks a question");
}
END_TEST

/* ---- the labelled mail ---- */

typedef struct tally_t {
    int of[GT_TRIAGE_CLASSES][GT_TRIAGE_CLASSES]; /* by label, then by verdict */
} tally_t;

static void unescape(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] == 'n') {
            *to++ = '\n';
            text++;
        }
        else
            *to++ = *text;
    }
    *to = '\0';
}

static void set_header(gt_mail_t *mail, const char *name, const char *value)
{
    apr_table_set(mail->headers, name, value);
}

static void take_trait(gt_mail_t *mail, gt_mail_owner_t *owner, const char *trait)
{
    if (strcmp(trait, "alone") == 0)
        mail->to = list_of(ME);
    else if (strcmp(trait, "many") == 0)
        mail->to = list_of("ann@contoso.example " ME " sam@contoso.example");
    else if (strcmp(trait, "cc") == 0) {
        mail->to = list_of("ann@contoso.example");
        mail->cc = list_of(ME);
    }
    else if (strcmp(trait, "bcc") == 0)
        mail->to = list_of("everyone@lists.example");
    else if (strcmp(trait, "known") == 0)
        apr_table_set(owner->written_to, mail->from, "");
    else if (strcmp(trait, "reply") == 0)
        set_header(mail, "In-Reply-To", "<1@contoso.example>");
    else if (strcmp(trait, "high") == 0)
        mail->importance = 1;
    else if (strcmp(trait, "list") == 0)
        set_header(mail, "List-Id", "<x.lists.example>");
    else if (strcmp(trait, "unsubscribe") == 0)
        set_header(mail, "List-Unsubscribe", "<https://x.example/u>");
    else if (strcmp(trait, "bulk") == 0)
        set_header(mail, "Precedence", "bulk");
    else if (strcmp(trait, "auto") == 0)
        set_header(mail, "Auto-Submitted", "auto-replied");
    else if (strcmp(trait, "request") == 0)
        mail->meeting = GT_MEETING_REQUEST;
    else if (strcmp(trait, "cancelled") == 0)
        mail->meeting = GT_MEETING_CANCELLED;
    else if (strcmp(trait, "accepted") == 0)
        mail->meeting = GT_MEETING_ANSWER;
    else
        ck_abort_msg("no such trait: %s", trait);
}

static gt_triage_class_t class_of(const char *name)
{
    int cls = 0;

    while (cls < GT_TRIAGE_CLASSES && strcmp(gt_triage_names[cls], name) != 0)
        cls++;
    ck_assert_msg(cls < GT_TRIAGE_CLASSES, "no such class: %s", name);
    return (gt_triage_class_t)cls;
}

/* "Ann Low <ann@x.example>" or an address alone. */
static void take_sender(gt_mail_t *mail, char *text)
{
    char *open = strchr(text, '<');

    mail->from = open != NULL ? apr_pstrmemdup(pool, open + 1, strlen(open) - 2) : text;
    mail->from_name = open != NULL ? apr_pstrmemdup(pool, text, (apr_size_t)(open - text)) : NULL;
}

static void sort_row(tally_t *tally, char *row, const char *file)
{
    gt_mail_t mail = {.headers = apr_table_make(pool, 2)};
    gt_mail_owner_t owner = {list_of(ME), "Tom Keller", "Tom", apr_table_make(pool, 1)};
    char *fields[6];
    apr_array_header_t *traits;
    gt_triage_class_t label;

    for (int i = 0; i < 6; i++) {
        fields[i] = row;
        row = i < 5 ? strchr(row, '|') : row;
        ck_assert_msg(row != NULL, "%s: %s", file, fields[0]);
        if (i < 5)
            *row++ = '\0';
    }
    take_sender(&mail, fields[3]);
    traits = list_of(fields[2]);
    for (int i = 0; i < traits->nelts; i++)
        take_trait(&mail, &owner, APR_ARRAY_IDX(traits, i, const char *));
    unescape(fields[5]);
    mail.subject = fields[4];
    mail.text = fields[5];
    label = class_of(fields[0]);
    gt_triage_score(&verdict, &mail, &owner, rules, pool);
    tally->of[label][verdict.cls]++;
    if (verdict.cls != label)
        printf("triage %s: %s taken for %s (%d): %s: %s\n", file, fields[0],
               gt_triage_names[verdict.cls], verdict.sum, fields[4], reasons());
}

static double share(int part, int whole)
{
    return whole > 0 ? 100.0 * part / whole : 0;
}

static int sum_of(const tally_t *tally, int cls, int is_label)
{
    int sum = 0;

    for (int i = 0; i < GT_TRIAGE_CLASSES; i++)
        sum += is_label ? tally->of[cls][i] : tally->of[i][cls];
    return sum;
}

static char *read_set(const char *file)
{
    const char *path = apr_pstrcat(pool, GT_TESTS "/triage/", file, ".txt", NULL);
    apr_file_t *in;
    apr_size_t len = 256 * 1024;
    char *text = apr_pcalloc(pool, len + 1);

    ck_assert_int_eq(apr_file_open(&in, path, APR_FOPEN_READ, 0, pool), APR_SUCCESS);
    apr_file_read_full(in, text, len, &len);
    apr_file_close(in);
    return text;
}

/* Prints recall and precision of each class, and holds those of needs-answer. */
static void sort_set(const char *file, int least)
{
    tally_t tally = {{{0}}};
    apr_array_header_t *rows = gt_split(read_set(file), "\n", pool);
    int found = 0;

    ck_ok(gt_triage_load(&rules, NULL, pool));
    for (int i = 0; i < rows->nelts; i++) {
        char *row = APR_ARRAY_IDX(rows, i, char *);

        if (*row != '#') {
            sort_row(&tally, row, file);
            found++;
        }
    }
    ck_assert_int_ge(found, least);
    for (int i = 0; i < GT_TRIAGE_CLASSES; i++)
        printf("triage %s: %-12s %3d mails, recall %5.1f %%, precision %5.1f %%\n", file,
               gt_triage_names[i], sum_of(&tally, i, 1),
               share(tally.of[i][i], sum_of(&tally, i, 1)),
               share(tally.of[i][i], sum_of(&tally, i, 0)));
    fflush(stdout);
    ck_assert_double_ge(share(tally.of[0][0], sum_of(&tally, 0, 1)), 95);
    ck_assert_double_ge(share(tally.of[0][0], sum_of(&tally, 0, 0)), 80);
}

START_TEST(test_E1_mail_that_rules_were_fitted_to)
{
    sort_set("tuned", 140);
}
END_TEST

START_TEST(test_E1_mail_that_was_set_aside)
{
    sort_set("held_out", 100);
}
END_TEST

START_TEST(test_keywords_of_categories)
{
    static const char *const rows[][2] = {{"Needs answer", "Needs_answer"},
                                          {"To know", "To_know"},
                                          {"Kann warten (später)", "Kann_warten__sp&AOQ-ter_"},
                                          {"a\\b\"c]%*{", "a__b__c____"},
                                          {"R&D", "R&-D"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(gt_mail_keyword(rows[i][0], pool), rows[i][1]);
}
END_TEST

START_TEST(test_texts_end_at_a_character)
{
    ck_assert_ptr_null(gt_sorted_front(NULL, 5, pool));
    ck_assert_str_eq(gt_sorted_front("abc", 3, pool), "abc");
    ck_assert_str_eq(gt_sorted_front("ab\xC3\xA4", 3, pool), "ab");
}
END_TEST

Suite *suite_triage(void)
{
    Suite *suite = suite_create("triage");
    TCase *tcase = case_with_pool(suite, "triage");

    tcase_add_test(tcase, test_keywords_of_categories);
    tcase_add_test(tcase, test_texts_end_at_a_character);
    tcase_add_test(tcase, test_text_is_made_comparable);
    tcase_add_test(tcase, test_earlier_mail_is_no_text_of_the_sender);
    tcase_add_test(tcase, test_mistakes_in_rules_name_their_line);
    tcase_add_test(tcase, test_rules_of_a_file);
    tcase_add_test(tcase, test_each_rule_counts_once_and_says_why);
    tcase_add_test(tcase, test_pleasantries_are_overlooked);
    tcase_add_test(tcase, test_hostile_sizes_end_soon);
    tcase_add_test(tcase, test_E1_mail_that_rules_were_fitted_to);
    tcase_add_test(tcase, test_E1_mail_that_was_set_aside);
    return suite;
}
