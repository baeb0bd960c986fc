/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The bytes of an IMAP server: answers, values, sets of UIDs, dates, names of folders. The lines
 * are those that Dovecot 2.3 and Gmail send, and those that a liar sends. */

#include "gt_test.h"

#include "imap/imap_fetched.h"
#include "imap/folder_name.h"
#include "imap/imap_stream.h"
#include "imap/uid_set.h"

/* A name that is no modified UTF-7 is taken as it stands; the server is told its own bytes. */
START_TEST(test_listed_names)
{
    static const char *const listed[][3] = {
        {"Entw&APw-rfe", "Entwürfe", "\"Entw&APw-rfe\""},
        {"A & B", "A & B", "\"A & B\""},
        {"Größe", "Größe", "\"Größe\""},
        {"a\"&AAk-", "a\"&AAk-", "\"a\\\"&AAk-\""},
    };
    static const char *const none[] = {"a\tb", "a\r\nA1 LOGOUT", "\xFC", "\x7F"};
    const char *name, *quoted;

    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        ck_assert_int_eq(gt_folder_listed(&name, &quoted, listed[i][0], pool), 1);
        ck_assert_str_eq(name, listed[i][1]);
        ck_assert_str_eq(quoted, listed[i][2]);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(gt_folder_listed(&name, &quoted, none[i], pool) == 0, "%s", none[i]);
}
END_TEST

Suite *suite_imap(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const gt_imap_bounds_t bounds = {2000, 4000, 6000};

/* The next answer of all these bytes; NULL: none is whole. */
static gt_imap_answer_t *next_of(gt_imap_stream_t *stream)
{
    gt_imap_answer_t *answer;

    ck_assert_ptr_null(gt_imap_stream_next(&answer, stream, pool));
    return answer;
}

static gt_imap_stream_t *stream_of(const char *bytes, apr_size_t size)
{
    gt_imap_stream_t *stream = gt_imap_stream_make(&bounds, pool);

    gt_imap_stream_add(stream, bytes, size);
    return stream;
}

static gt_imap_answer_t *answer_of(const char *line)
{
    gt_imap_answer_t *answer = next_of(stream_of(line, strlen(line)));

    ck_assert_msg(answer != NULL, "%s", line);
    return answer;
}

/* Values as a text in which lists, strings and atoms differ. */
static const char *shown(const gt_imap_value_t *value)
{
    const char *text = "";

    for (; value != NULL; value = value->next) {
        const char *one = value->kind == GT_IMAP_NIL    ? "NIL"
                          : value->kind == GT_IMAP_ATOM ? value->bytes
                          : value->kind == GT_IMAP_LIST
                              ? apr_pstrcat(pool, "(", shown(value->first), ")", NULL)
                              : apr_psprintf(pool, "<%s>", value->bytes);

        text = apr_pstrcat(pool, text, *text != '\0' ? " " : "", one, NULL);
    }
    return text;
}

/* ---- answers ---- */

static const struct {
    const char *line;
    gt_imap_form_t form;
    const char *tag;
    const char *name;
    apr_uint32_t number;
    const char *code;
    const char *values;
} answers[] = {
    {"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready.\r\n", GT_IMAP_STATUS, NULL, "OK", 0,
     "CAPABILITY", "IMAP4rev1 SASL-IR AUTH=XOAUTH2"},
    {"* LIST (\\HasNoChildren) \"/\" INBOX\r\n", GT_IMAP_DATA, NULL, "LIST", 0, NULL,
     "(\\HasNoChildren) </> INBOX"},
    {"* LIST (\\HasNoChildren \\Sent) NIL {7}\r\nA \"b\" c\r\n", GT_IMAP_DATA, NULL, "LIST", 0,
     NULL, "(\\HasNoChildren \\Sent) NIL <A \"b\" c>"},
    {"* 4 EXISTS\r\n", GT_IMAP_DATA, NULL, "EXISTS", 4, NULL, ""},
    {"* SEARCH\r\n", GT_IMAP_DATA, NULL, "SEARCH", 0, NULL, ""},
    {"* ESEARCH (TAG \"A005\") UID MIN 1 MAX 5 ALL 1:5 COUNT 5\r\n", GT_IMAP_DATA, NULL, "ESEARCH",
     0, NULL, "(TAG <A005>) UID MIN 1 MAX 5 ALL 1:5 COUNT 5"},
    {"* VANISHED (EARLIER) 41,43:116\r\n", GT_IMAP_DATA, NULL, "VANISHED", 0, NULL,
     "(EARLIER) 41,43:116"},
    {"* OK [PERMANENTFLAGS (\\Answered \\*)] Flags permitted.\r\n", GT_IMAP_STATUS, NULL, "OK", 0,
     "PERMANENTFLAGS", "(\\Answered \\*)"},
    {"* OK [HIGHESTMODSEQ 6] Highest\r\n", GT_IMAP_STATUS, NULL, "OK", 0, "HIGHESTMODSEQ", "6"},
    {"x1 NO [UNAVAILABLE] try {5}\r\n", GT_IMAP_STATUS, "x1", "NO", 0, "UNAVAILABLE", ""},
    {"x1 OK done {5}\r\n", GT_IMAP_STATUS, "x1", "OK", 0, NULL, ""},
    {"* BYE {5}\r\n", GT_IMAP_STATUS, NULL, "BYE", 0, NULL, ""},
    {"* bye\r\n", GT_IMAP_STATUS, NULL, "bye", 0, NULL, ""},
    {"+ idling {9}\r\n", GT_IMAP_CONTINUE, NULL, NULL, 0, NULL, ""},
    {"+\r\n", GT_IMAP_CONTINUE, NULL, NULL, 0, NULL, ""},
    {"* OK no line feed's friend\n", GT_IMAP_STATUS, NULL, "OK", 0, NULL, ""},
    {"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM \"]\" DATE)]<0> \"a\\\"b\\\\\")\r\n", GT_IMAP_DATA,
     NULL, "FETCH", 1, NULL, "(UID 1 BODY[HEADER.FIELDS (FROM \"]\" DATE)]<0> <a\"b\\>)"},
    {"* 1 FETCH (BINARY[1] ~{3}\r\na)b ENVELOPE ((NIL NIL {0}\r\n \"x\")(nil)))\r\n", GT_IMAP_DATA,
     NULL, "FETCH", 1, NULL, "(BINARY[1] <a)b> ENVELOPE ((NIL NIL <> <x>) (NIL)))"},
    {"* 1 FETCH (FLAGS ($[x \\Seen))\r\n", GT_IMAP_DATA, NULL, "FETCH", 1, NULL,
     "(FLAGS ($[x \\Seen))"},
};

START_TEST(test_answers)
{
    const gt_imap_answer_t *answer = answer_of(answers[_i].line);

    ck_assert_int_eq(answer->form, answers[_i].form);
    ck_assert_pstr_eq(answer->ends, answers[_i].tag);
    ck_assert_pstr_eq(answer->name, answers[_i].name);
    ck_assert_uint_eq(answer->number, answers[_i].number);
    ck_assert_pstr_eq(answer->code, answers[_i].code);
    ck_assert_str_eq(shown(answer->values), answers[_i].values);
}
END_TEST

/* However the network cuts them, the answers are the same. */
START_TEST(test_one_byte_at_a_time)
{
    const char *line = answers[_i].line;
    gt_imap_stream_t *stream = gt_imap_stream_make(&bounds, pool);
    gt_imap_answer_t *answer = NULL;

    for (const char *at = line; *at != '\0'; at++) {
        ck_assert_ptr_null(answer);
        gt_imap_stream_add(stream, at, 1);
        answer = next_of(stream);
    }
    ck_assert_ptr_nonnull(answer);
    ck_assert_str_eq(shown(answer->values), answers[_i].values);
    ck_assert_ptr_null(next_of(stream));
}
END_TEST

static const char *const not_imap[] = {
    "\r\n",
    "*\r\n",
    "* \r\n",
    "* 12\r\n",
    "*  FETCH ()\r\n",
    "HTTP/1.1 400 Bad Request\r\n",
    "220 mail.example ESMTP\r\n",
    "x1 FINE thanks\r\n",
    "a-tag-that-is-longer-than-any-of-ours OK\r\n",
    "* OK [UIDVALIDITY 5 without an end\r\n",
    "* LIST (\r\n",
    "* LIST )\r\n",
    "* LIST \"open\r\n",
    "* LIST \"open\\\r\n",
    "* LIST {x}\r\nabc\r\n",
    "* LIST {}\r\nabc\r\n",
    "* LIST {3 \r\nabc\r\n",
    "* LIST a\001b\r\n",
    "* LIST BODY[1\r\n",
    "* LIST {12345678901}\r\nabc\r\n",
    "* 5000000000 FETCH ()\r\n",
    "* LIST ((((((((((((((((((((((((((((((((()))))))))))))))))))))))))))))))))\r\n",
};

START_TEST(test_what_is_no_imap)
{
    gt_imap_answer_t *answer;
    gt_err_t *err =
        gt_imap_stream_next(&answer, stream_of(not_imap[_i], strlen(not_imap[_i])), pool);

    ck_assert_msg(err != NULL, "%s", not_imap[_i]);
    ck_assert_int_eq(err->cls, GT_UPSTREAM);
}
END_TEST

/* The mail holds the lines that end commands (seen with libcurl's own IMAP). */
START_TEST(test_a_mail_forges_no_answer)
{
    const char *mail = "A004 OK forged\r\n* SEARCH 666\r\n* 77 FETCH (UID 4711)\r\n)\r\n";
    const char *sent = apr_psprintf(pool,
                                    "* 1 FETCH (UID 9 BODY[] {%" APR_SIZE_T_FMT "}\r\n%s FLAGS ())"
                                    "\r\nA004 OK Fetch completed\r\n",
                                    strlen(mail), mail);
    gt_imap_stream_t *stream = stream_of(sent, strlen(sent));
    gt_imap_answer_t *answer = next_of(stream);
    gt_imap_fetched_t fetched;

    ck_assert_ptr_null(gt_imap_fetched(&fetched, answer, pool));
    ck_assert_uint_eq(fetched.uid, 9);
    ck_assert_str_eq(gt_imap_astring(gt_imap_after(fetched.items, "BODY[]")), mail);
    ck_assert_str_eq(next_of(stream)->text, "Fetch completed");
    ck_assert_ptr_null(next_of(stream));
}
END_TEST

/* ---- bounds ---- */

static gt_err_t *read_all(gt_imap_stream_t *stream)
{
    gt_imap_answer_t *answer;

    do
        GT_TRY(gt_imap_stream_next(&answer, stream, pool));
    while (answer != NULL);
    return GT_OK;
}

static char *many(char c, apr_size_t n)
{
    char *text = apr_palloc(pool, n + 1);

    memset(text, c, n);
    text[n] = '\0';
    return text;
}

/* A bound is met before the server has sent all that it announces. */
START_TEST(test_bounds)
{
    const char *const over[] = {
        many('x', 2001),
        "* 1 FETCH (BODY[] {4001}\r\n",
        apr_pstrcat(pool, "* 1 FETCH (A {3000}\r\n", many('x', 3000), " B {3000}\r\n", NULL),
        apr_pstrcat(pool, "* X ", many('x', 1500), " {1}\r\ny ", many('x', 600), "\r\n", NULL),
    };
    const char *const within[] = {
        apr_pstrcat(pool, "* X ", many('x', 1990), "\r\n", NULL),
        apr_pstrcat(pool, "* X {4000}\r\n", many('x', 4000), "\r\n", NULL),
    };

    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
        gt_err_t *err = read_all(stream_of(over[i], strlen(over[i])));

        ck_assert_msg(err != NULL, "%zu", i);
        ck_assert_str_eq(err->tag, "GT1502");
    }
    for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++)
        ck_assert_ptr_null(read_all(stream_of(within[i], strlen(within[i]))));
}
END_TEST

START_TEST(test_too_many_values)
{
    const gt_imap_bounds_t wide = {APR_SIZE_MAX, APR_SIZE_MAX, APR_SIZE_MAX};
    gt_imap_stream_t *stream = gt_imap_stream_make(&wide, pool);

    gt_imap_stream_add(stream, "* SEARCH", 8);
    for (int i = 0; i < 100001; i++)
        gt_imap_stream_add(stream, " 1 1", 4);
    gt_imap_stream_add(stream, "\r\n", 2);
    ck_assert_str_eq(read_all(stream)->tag, "GT1501");
}
END_TEST

/* ---- FETCH ---- */

START_TEST(test_fetched)
{
    const gt_imap_answer_t *answer =
        answer_of("* 12 FETCH (FLAGS (\\Seen $Work \\Recent) MODSEQ (9223372036854775807) UID "
                  "4294967295 RFC822.SIZE 44827 INTERNALDATE \" 1-Jun-2026 10:00:00 +0200\" "
                  "X-GM-MSGID 1278455344230334865)\r\n");
    gt_imap_fetched_t fetched;

    ck_assert_ptr_null(gt_imap_fetched(&fetched, answer, pool));
    ck_assert_uint_eq(fetched.number, 12);
    ck_assert_uint_eq(fetched.uid, 4294967295U);
    ck_assert_int_eq(fetched.modseq, APR_INT64_MAX);
    ck_assert_int_eq(fetched.size, 44827);
    ck_assert_int_eq(fetched.internal_date, apr_time_from_sec(1780300800));
    ck_assert_str_eq(gt_imap_flags_text(fetched.flags, pool), "$Work \\Seen");
    ck_assert_str_eq(gt_imap_after(fetched.items, "x-gm-msgid")->bytes, "1278455344230334865");
}
END_TEST

START_TEST(test_fetched_without_items)
{
    gt_imap_fetched_t fetched;

    ck_assert_ptr_null(gt_imap_fetched(&fetched, answer_of("* 3 FETCH ()\r\n"), pool));
    ck_assert_uint_eq(fetched.uid, 0);
    ck_assert_int_eq(fetched.size, -1);
    ck_assert_str_eq(gt_imap_flags_text(fetched.flags, pool), "");
}
END_TEST

static const char *const not_fetched[] = {
    "* FETCH (UID 1)\r\n",
    "* 0 FETCH (UID 1)\r\n",
    "* 1 EXISTS\r\n",
    "* 1 FETCH\r\n",
    "* 1 FETCH UID 1\r\n",
    "* 1 FETCH (UID)\r\n",
    "* 1 FETCH (UID 0)\r\n",
    "* 1 FETCH (UID -1)\r\n",
    "* 1 FETCH (UID 4294967296)\r\n",
    "* 1 FETCH (UID \"1\")\r\n",
    "* 1 FETCH (UID (1))\r\n",
    "* 1 FETCH (FLAGS \\Seen)\r\n",
    "* 1 FETCH (FLAGS (\"Seen\"))\r\n",
    "* 1 FETCH (FLAGS ((\\Seen)))\r\n",
    "* 1 FETCH (MODSEQ 6)\r\n",
    "* 1 FETCH (MODSEQ (9223372036854775808))\r\n",
    "* 1 FETCH ((UID) 1)\r\n",
};

START_TEST(test_what_is_not_fetched)
{
    gt_imap_fetched_t fetched;

    ck_assert_msg(gt_imap_fetched(&fetched, answer_of(not_fetched[_i]), pool) != NULL, "%s",
                  not_fetched[_i]);
}
END_TEST

START_TEST(test_dates)
{
    static const char *const none[] = {
        "",
        "1-Jun-2026 10:00:00 +0200",
        "32-Jun-2026 10:00:00 +0200",
        "00-Jun-2026 10:00:00 +0200",
        "01-Jux-2026 10:00:00 +0200",
        "01-Jun-1826 10:00:00 +0200",
        "01-Jun-2026 24:00:00 +0200",
        "01-Jun-2026 10:60:00 +0200",
        "01-Jun-2026 10:00:00 02000",
        "01-Jun-2026 10:00:00 +9900",
        "01-Jun-2026 10:00:00 +0260",
        "01-Jun-2026 10:00:0x +0200",
        "01-Jun-2026 10:00:00 +0200 ",
    };

    ck_assert_int_eq(gt_imap_date("01-Jun-2026 08:00:00 +0000"), apr_time_from_sec(1780300800));
    ck_assert_int_eq(gt_imap_date(" 1-Jan-1970 00:00:00 +0000"), 0);
    ck_assert_int_eq(gt_imap_date("31-DEC-1999 23:59:59 -0130"), apr_time_from_sec(946690199));
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(gt_imap_date(none[i]) == GT_IMAP_NO_DATE, "%s", none[i]);
}
END_TEST

/* ---- sets of UIDs ---- */

START_TEST(test_uid_sets)
{
    static const char *const sets[][2] = {
        {"1", "1"},
        {"1:3,5", "1:3,5"},
        {"7,1:3,4,5:6", "1:7"},
        {"9:2", "2:9"},
        {"1:4,2:3,8", "1:4,8"},
        {"4294967295,4294967294", "4294967294:4294967295"},
        {"1:4294967295", "1:4294967295"},
    };
    static const char *const none[] = {
        "",  ",",   "1,",  ",1",         "0",   "1:",    ":1", "*",
        "a", "1:*", "1 2", "4294967296", "1:0", "1:2:3", "-1", "1;2"};
    apr_array_header_t *set;

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        ck_assert_ptr_null(gt_imap_uid_set(&set, sets[i][0], pool));
        ck_assert_str_eq(gt_imap_uid_text(set, pool), sets[i][1]);
    }
    ck_assert_int_eq(gt_imap_uid_count(set), 4294967295);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(gt_imap_uid_set(&set, none[i], pool) != NULL, "%s", none[i]);
}
END_TEST

START_TEST(test_uids_that_are_added)
{
    apr_array_header_t *set = apr_array_make(pool, 1, sizeof(gt_imap_range_t));

    ck_assert_str_eq(gt_imap_uid_text(set, pool), "");
    for (apr_uint32_t uid = 1; uid < 12; uid++)
        if (uid % 4 != 0)
            gt_imap_uid_add(set, uid);
    gt_imap_uid_add(set, 11);
    ck_assert_str_eq(gt_imap_uid_text(set, pool), "1:3,5:7,9:11");
    ck_assert_int_eq(gt_imap_uid_count(set), 9);
    for (apr_uint32_t uid = 0; uid < 14; uid++)
        ck_assert_int_eq(gt_imap_uid_in(set, uid), uid > 0 && uid < 12 && uid % 4 != 0);
}
END_TEST

/* ---- folders ---- */

START_TEST(test_folder_names)
{
    static const char *const names[][2] = {
        {"INBOX", "\"INBOX\""},
        {"Entwürfe", "\"Entw&APw-rfe\""},
        {"[Gmail]/All Mail", "\"[Gmail]/All Mail\""},
        {"Tom & Jerry", "\"Tom &- Jerry\""},
        {"~peter/mail/台北/日本語", "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\xF0\x9F\x8E\x89", "\"&2DzfiQ-\""},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *quoted = gt_folder_quoted(names[i][0], pool);
        gt_imap_value_t *value;
        gt_imap_text_t text = {quoted, quoted + strlen(quoted), 0};

        ck_assert_str_eq(quoted, names[i][1]);
        ck_assert_ptr_null(gt_imap_values(&value, &text, pool));
        ck_assert_str_eq(gt_folder_name(gt_imap_astring(value), pool), names[i][0]);
    }
}
END_TEST

/* Two wires that read as one name would make one folder's mail the other's. */
START_TEST(test_names_of_no_folder)
{
    static const char *const wires[] = {
        "&",    "&AGE-",        "&Jjo",  "a&*-b", "&U,BTFw-&ZeVnLIqe-",
        "\xFC", "Entw\xC3\xBC", "&AAo-", "&2Dw-", "a\nb"};
    static const char *const names[] = {"a\r\nA1 LOGOUT", "a\x01", "\xFC", "\xED\xA0\x80", "\x7F"};

    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
        ck_assert_msg(gt_folder_name(wires[i], pool) == NULL, "%s", wires[i]);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(gt_folder_quoted(names[i], pool) == NULL, "%s", names[i]);
    ck_assert_ptr_null(gt_folder_quoted(many('x', 5000), pool));
}
END_TEST

Suite *suite_imap(void)
{
    Suite *suite = suite_create("imap");
    TCase *tcase = case_with_pool(suite, "imap");

    tcase_add_loop_test(tcase, test_answers, 0, COUNT(answers));
    tcase_add_loop_test(tcase, test_one_byte_at_a_time, 0, COUNT(answers));
    tcase_add_loop_test(tcase, test_what_is_no_imap, 0, COUNT(not_imap));
    tcase_add_test(tcase, test_a_mail_forges_no_answer);
    tcase_add_test(tcase, test_bounds);
    tcase_add_test(tcase, test_too_many_values);
    tcase_add_test(tcase, test_fetched);
    tcase_add_test(tcase, test_fetched_without_items);
    tcase_add_loop_test(tcase, test_what_is_not_fetched, 0, COUNT(not_fetched));
    tcase_add_test(tcase, test_dates);
    tcase_add_test(tcase, test_uid_sets);
    tcase_add_test(tcase, test_uids_that_are_added);
    tcase_add_test(tcase, test_folder_names);
    tcase_add_test(tcase, test_listed_names);
    tcase_add_test(tcase, test_names_of_no_folder);
    return suite;
}
