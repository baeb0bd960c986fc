/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Mails to servers that keep to a script: sign-ins, transactions, and all the ways in which a
 * server says no, or nothing, before the end of a mail and after it. */

#include <sys/resource.h>

#include "mail/smtp.h"
#include "mail/smtp_reply.h"
#include "task/wait.h"
#include "wire.h"

Suite *suite_smtp(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* The mailbox alice@example.test with the token tok-alice. */
#define XOAUTH2 "dXNlcj1hbGljZUBleGFtcGxlLnRlc3QBYXV0aD1CZWFyZXIgdG9rLWFsaWNlAQE="
#define CAN(words) "250-mx.test\r\n250-PIPELINING\r\n" words "250 8BITMIME\r\n"
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }

/* libcurl's own greeting and ours; then the sign-in. */
#define HELLO(words)                                                                               \
    {"EHLO app.example.test", CAN(""), 0},                                                         \
    {                                                                                              \
        "EHLO app.example.test", CAN(words), 0                                                     \
    }
#define SIGNED_IN(words)                                                                           \
    HELLO("250-AUTH LOGIN XOAUTH2\r\n" words), {"AUTH XOAUTH2", "334 \r\n", 0},                    \
    {                                                                                              \
        XOAUTH2, "235 2.7.0 in\r\n", 0                                                             \
    }
#define SENDER                                                                                     \
    {                                                                                              \
        "MAIL FROM:<alice@example.test>", "250 2.1.0 ok\r\n", 0                                    \
    }
#define RECIPIENT                                                                                  \
    {                                                                                              \
        "RCPT TO:<bob@example.test>", "250 2.1.5 ok\r\n", 0                                        \
    }
#define DATA                                                                                       \
    {                                                                                              \
        "DATA", "354 go on\r\n", 0                                                                 \
    }
#define UP_TO_DATA SIGNED_IN(""), SENDER, RECIPIENT, DATA

static const char mail[] = "Subject: hello\r\n\r\nHi\r\n";

static gt_smtp_send_t sending;

static const apr_array_header_t *list(const char *a, const char *b)
{
    apr_array_header_t *made = apr_array_make(pool, 2, sizeof(const char *));

    APR_ARRAY_PUSH(made, const char *) = a;
    if (b != NULL)
        APR_ARRAY_PUSH(made, const char *) = b;
    return made;
}

static gt_err_t *run(const upstream_line_t *script)
{
    upstream_says_smtp(up, script);
    sending.server.url =
        apr_psprintf(pool, "smtps://localhost%s", strrchr(upstream_url(up, ""), ':'));
    sending.server.ca_file = upstream_ca(up);
    sending.loop = loop;
    return gt_wait_run(&gt_smtp_send, &sending, loop, PATIENCE, pool);
}

static void begin_mail(void)
{
    begin_tls();
    sending = (gt_smtp_send_t){.server = {.name = "app.example.test"},
                               .mailbox = "alice@example.test",
                               .secret = gt_secret_from("tok-alice", pool),
                               .from = "alice@example.test",
                               .recipients = list("bob@example.test", NULL),
                               .bytes = mail,
                               .len = sizeof(mail) - 1,
                               .patience = PATIENCE};
}

/* ---- signing in ---- */

static const upstream_line_t by_token[] = {
    UP_TO_DATA,
    {"Subject: hello\r\n\r\nHi\r\n", "250 2.0.0 queued as 7\r\n", 0},
    {"QUIT", "221 bye\r\n", 1},
    END};
/* "n,a=alice@example.test,^Aauth=Bearer tok-alice^A^A" */
static const upstream_line_t by_bearer[] = {
    HELLO("250-AUTH PLAIN OAUTHBEARER\r\n"),
    {"AUTH OAUTHBEARER", "334 \r\n", 0},
    {"bixhPWFsaWNlQGV4YW1wbGUudGVzdCwBYXV0aD1CZWFyZXIgdG9rLWFsaWNlAQE=", "235 in\r\n", 0},
    SENDER,
    RECIPIENT,
    DATA,
    {"Subject*", "250 2.0.0 queued as 7\r\n", 0},
    {"QUIT", "221 bye\r\n", 1},
    END};
/* "^@alice@example.test^@tok-alice" */
static const upstream_line_t by_password[] = {
    HELLO("250-AUTH XOAUTH2 PLAIN\r\n"),
    {"AUTH PLAIN", "334 \r\n", 0},
    {"AGFsaWNlQGV4YW1wbGUudGVzdAB0b2stYWxpY2U=", "235 in\r\n", 0},
    SENDER,
    RECIPIENT,
    DATA,
    {"Subject*", "250 2.0.0 queued as 7\r\n", 0},
    {"QUIT", "221 bye\r\n", 1},
    END};
static const upstream_line_t *const ways_in[] = {by_token, by_bearer, by_password};

START_TEST(test_sending)
{
    sending.by_password = _i == 2;
    ck_ok(run(ways_in[_i]));
    ck_assert_str_eq(sending.reply, "2.0.0 queued as 7");
    upstream_await_gone(up, 1);
    ck_assert_int_eq(upstream_requests(up), 9);
}
END_TEST

/* A token of 6,000 characters, on a line of its own. */
START_TEST(test_a_long_token)
{
    char *token = apr_palloc(pool, 6001);

    memset(token, 'x', 6000);
    token[6000] = '\0';
    sending.secret = gt_secret_from(token, pool);
    static const upstream_line_t script[] = {
        HELLO("250-AUTH XOAUTH2\r\n"),
        {"AUTH XOAUTH2", "334 \r\n", 0},
        {"dXNlcj1hbGljZUBleGFtcGxlLnRlc3QBYXV0aD1CZWFyZXIg*eHh4AQE=", "235 in\r\n", 0},
        SENDER,
        RECIPIENT,
        DATA,
        {"*", "250 ok\r\n", 0},
        {"QUIT", "221\r\n", 1},
        END};
    ck_ok(run(script));
}
END_TEST

/* ---- refusals ---- */

#define AUTH(answer)                                                                               \
    {                                                                                              \
        HELLO("250-AUTH XOAUTH2\r\n"), {"AUTH XOAUTH2", "334 \r\n", 0}, {XOAUTH2, answer, 0}, END  \
    }
#define MAIL(answer)                                                                               \
    {                                                                                              \
        SIGNED_IN(""), {"MAIL*", answer, 0}, END                                                   \
    }
#define RCPT(answer)                                                                               \
    {                                                                                              \
        SIGNED_IN(""), SENDER, {"RCPT*", answer, 0}, END                                           \
    }
#define VERDICT(answer)                                                                            \
    {                                                                                              \
        UP_TO_DATA, {"Subject*", answer, 0}, END                                                   \
    }

static const struct {
    upstream_line_t script[10];
    gt_class_t cls;
    int status, is_said;
    const char *text;
} refusals[] = {
    {AUTH("535 5.7.3 Authentication unsuccessful\r\n"), GT_SIGN_IN, 401, 0, "5.7.3 Auth"},
    {AUTH("535 5.7.139 SmtpClientAuthentication is disabled\r\n"), GT_FORBIDDEN, 403, 0, "off"},
    {AUTH("454 4.7.0 later\r\n"), GT_UPSTREAM, 502, 0, "later"},
    {AUTH("235-half\r\n999 rubbish\r\n"), GT_UPSTREAM, 502, 0, "SMTP"},
    {{HELLO("250-AUTH LOGIN\r\n"), END}, GT_UPSTREAM, 502, 0, "offers no sign-in by a token"},
    {{HELLO(""), END}, GT_UPSTREAM, 502, 0, "offers no sign-in"},
    {{{"EHLO*", CAN(""), 0}, {"EHLO*", "502 no\r\n", 0}, END}, GT_UPSTREAM, 502, 0, "502 no"},
    {{HELLO("250-AUTH XOAUTH2\r\n250-SIZE 10\r\n"), END}, GT_TOO_LARGE, 413, 0, "takes 10"},
    {MAIL("552 5.3.4 Too big\r\n"), GT_TOO_LARGE, 413, 0, "Too big"},
    {MAIL("550 5.7.60 SendAsDenied\r\n"), GT_FORBIDDEN, 403, 0, "SendAsDenied"},
    {MAIL("432 4.3.2 Concurrent connections\r\n"), GT_UPSTREAM, 502, 0, "Concurrent"},
    {MAIL("421 bye\r\n"), GT_UPSTREAM, 502, 0, "421 bye"},
    {RCPT("550 5.1.1 No such user\r\n"), GT_REFUSED, 422, 0, "5.1.1 No such user"},
    {RCPT("451 4.2.1 Greylisted\r\n"), GT_UPSTREAM, 502, 0, "Greylisted"},
    {RCPT("421 4.3.0 closing\r\n"), GT_UPSTREAM, 502, 0, "closing"},
    {{SIGNED_IN(""), SENDER, RECIPIENT, {"DATA", "554 5.5.1 no\r\n", 0}, END},
     GT_REFUSED,
     422,
     0,
     "554 5.5.1 no"},
    {VERDICT("554 5.7.1 Spam\r\n"), GT_REFUSED, 422, 0, "Spam"},
    {VERDICT("552 5.2.3 too large\r\n"), GT_TOO_LARGE, 413, 0, "too large"},
    {VERDICT("451 4.3.0 try again\r\n"), GT_UPSTREAM, 502, 0, "try again"},
    {VERDICT("550 \033[2J\200\r\n"), GT_REFUSED, 422, 0, "_[2J_"},
    {{{"EHLO*", "220 x\r\n", 1}, END}, GT_UPSTREAM, 502, 0, ""},
};

START_TEST(test_refusals)
{
    gt_err_t *err = run(refusals[_i].script);

    ck_assert_msg(err != NULL, "%d", _i);
    ck_assert_msg(err->cls == refusals[_i].cls, "%d: %s", _i, err->detail);
    ck_assert_msg(gt_err_status(err) == refusals[_i].status, "%d: %s", _i, err->detail);
    ck_assert_msg(strstr(err->detail, refusals[_i].text) != NULL, "%d: %s", _i, err->detail);
    ck_assert_int_eq(sending.is_said, refusals[_i].is_said);
    ck_assert_ptr_null(strstr(err->detail, "tok-alice"));
    ck_assert_ptr_null(strstr(err->detail, XOAUTH2));
}
END_TEST

/* After a refusal's challenge the client says an empty line, or one byte; then comes the 535. */
static const upstream_line_t challenged[] = {HELLO("250-AUTH XOAUTH2\r\n"),
                                             {"AUTH*", "334 \r\n", 0},
                                             {XOAUTH2, "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", 0},
                                             {"", "535 expired\r\n", 0},
                                             END};
static const upstream_line_t bearer_challenged[] = {HELLO("250-AUTH OAUTHBEARER\r\n"),
                                                    {"AUTH*", "334 \r\n", 0},
                                                    {"bix*", "334 eyJ9\r\n", 0},
                                                    {"AQ==", "535 expired\r\n", 0},
                                                    END};

/* A server that repeats in its words what it was told, whole or cut. */
static const char *const echoes[] = {"535 5.7.8 what is " XOAUTH2 "\r\n",
                                     "535 5.7.8 bad token tok-alice\r\n",
                                     "535-5.7.8 bad\r\n535 5.7.8 dXNlcj1hbGljZUBleGFt\r\n"};

START_TEST(test_words_that_repeat_the_secret)
{
    const upstream_line_t script[] = {HELLO("250-AUTH XOAUTH2\r\n"),
                                      {"AUTH XOAUTH2", "334 \r\n", 0},
                                      {XOAUTH2, echoes[_i], 0},
                                      END};
    gt_err_t *err = run(script);

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_SIGN_IN);
    ck_assert_ptr_null(strstr(err->detail, "tok-al"));
    ck_assert_ptr_null(strstr(err->detail, "dXNlcj"));
}
END_TEST

START_TEST(test_challenges)
{
    gt_err_t *err = run(_i == 0 ? challenged : bearer_challenged);

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_SIGN_IN);
    ck_assert_ptr_nonnull(strstr(err->detail, "expired"));
}
END_TEST

/* Each recipient that is refused is named; none gets the mail. */
START_TEST(test_recipients_refused)
{
    static const upstream_line_t script[] = {SIGNED_IN(""),
                                             SENDER,
                                             {"RCPT TO:<a@x.test>", "451 4.7.1 later\r\n", 0},
                                             {"RCPT TO:<b@x.test>", "550 5.1.1 none\r\n", 0},
                                             END};
    gt_err_t *err;

    sending.recipients = list("a@x.test", "b@x.test");
    sending.fields = list("to[0]", "cc[0]");
    err = run(script);
    ck_assert_int_eq(err->cls, GT_REFUSED);
    ck_assert_int_eq(err->fields->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(err->fields, 0, gt_field_error_t).field, "cc[0]");
    ck_assert_str_eq(APR_ARRAY_IDX(err->fields, 0, gt_field_error_t).message,
                     "b@x.test is refused: 550 5.1.1 none");
}
END_TEST

/* ---- cuts: before the end of the mail nothing was sent, after it no one knows ---- */

static const struct {
    upstream_line_t script[10];
    gt_class_t cls;
    int is_said;
} cuts[] = {
    {{{"EHLO*", "250 x\r\n", 1}, END}, GT_UPSTREAM, 0},
    {{{"EHLO*", CAN(""), 0}, {"EHLO*", "", 1}, END}, GT_UPSTREAM, 0},
    {{HELLO("250-AUTH XOAUTH2\r\n"), {"AUTH*", "334", 1}, END}, GT_UPSTREAM, 0},
    {{SIGNED_IN(""), {"MAIL*", "", 1}, END}, GT_UPSTREAM, 0},
    {{SIGNED_IN(""), SENDER, {"RCPT*", "", 1}, END}, GT_UPSTREAM, 0},
    {{SIGNED_IN(""), SENDER, RECIPIENT, {"DATA", "", 1}, END}, GT_UPSTREAM, 0},
    {VERDICT(""), GT_TIMEOUT, 1},
    {{UP_TO_DATA, {"Subject*", "", 1}, END}, GT_UPSTREAM, 1},
    {{UP_TO_DATA, {"Subject*", "25", 1}, END}, GT_UPSTREAM, 1},
    {{UP_TO_DATA, {"Subject*", "rubbish\r\n", 0}, END}, GT_UPSTREAM, 1},
    {{SIGNED_IN(""), SENDER, {"RCPT*", "", 0}, END}, GT_TIMEOUT, 0},
};

START_TEST(test_cuts)
{
    gt_err_t *err;

    if (cuts[_i].cls == GT_TIMEOUT)
        sending.patience = apr_time_from_msec(300);
    err = run(cuts[_i].script);
    ck_assert_msg(err != NULL, "%d", _i);
    ck_assert_msg(err->cls == cuts[_i].cls, "%d: %s", _i, err->detail);
    ck_assert_msg(sending.is_said == cuts[_i].is_said, "%d: %s", _i, err->detail);
}
END_TEST

/* ---- what goes out ---- */

/* Neither a line break, nor the end of a path, nor a blank, nor a byte of 1 gets out. */
static const char *const injections[] = {"bob@example.test>\r\nRCPT TO:<evil@example.test",
                                         "bob@example.test\r\nDATA",
                                         "bob@x.test\n",
                                         "bob@x.test>",
                                         "<bob@x.test",
                                         "\"a> SIZE=1\"@x.test",
                                         "\"a b\"@x.test",
                                         "bob",
                                         "",
                                         "bob@",
                                         "bob@x.test SMTPUTF8",
                                         "bob\001@x.test",
                                         "bob@[127.0.0.1]",
                                         "b\xffob@x.test"};

START_TEST(test_injections)
{
    if (_i % 2 == 0)
        sending.recipients = list(injections[_i / 2], NULL);
    else
        sending.from = injections[_i / 2];
    ck_assert_int_eq(run(by_token)->cls, GT_INVALID);
    ck_assert_int_eq(upstream_requests(up), 0);
}
END_TEST

START_TEST(test_mailboxes_with_controls)
{
    sending.mailbox = _i ? "a@b\001auth=Bearer x" : "a@b\r\nQUIT";
    ck_assert_int_eq(run(by_token)->cls, GT_INVALID);
    ck_assert_int_eq(upstream_requests(up), 0);
}
END_TEST

#define UTF8 "jos\xc3\xa9@x.test"

START_TEST(test_letters_beyond_ascii)
{
    static const upstream_line_t script[] = {
        SIGNED_IN("250-SMTPUTF8\r\n"),
        {"MAIL FROM:<alice@example.test> BODY=8BITMIME SMTPUTF8", "250\r\n", 0},
        {"RCPT TO:<" UTF8 ">", "250\r\n", 0},
        DATA,
        {"*", "250 ok\r\n", 0},
        {"QUIT", "221\r\n", 1},
        END};

    sending.recipients = list(UTF8, NULL);
    ck_assert_str_eq(run(by_token)->tag, "GT1660");
    ck_ok(run(script));
}
END_TEST

/* Lines that begin with a dot get one more, wherever the pieces end. */
static const struct {
    const char *clear, *wire;
} dots[] = {
    {".\r\n", "..\r\n"},
    {"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"},
    {"..a\r\n.b\r\nc.\r\n", "...a\r\n..b\r\nc.\r\n"},
    {"a\r\n.\r\n", "a\r\n..\r\n"},
};

START_TEST(test_dots)
{
    const upstream_line_t script[] = {
        UP_TO_DATA, {dots[_i].wire, "250 ok\r\n", 0}, {"QUIT", "221\r\n", 1}, END};

    sending.bytes = dots[_i].clear;
    sending.len = strlen(dots[_i].clear);
    ck_ok(run(script));
}
END_TEST

/* More than waits at once, of lines that are all dots: the pieces end everywhere. */
START_TEST(test_a_large_mail)
{
    enum { LINES = 60000 };
    char *bytes = apr_palloc(pool, LINES * 5 + 1), *wire = apr_palloc(pool, LINES * 6 + 1);

    for (int i = 0; i < LINES; i++) {
        memcpy(bytes + i * 5, ".ab\r\n", 5);
        memcpy(wire + i * 6, "..ab\r\n", 6);
    }
    bytes[LINES * 5] = wire[LINES * 6] = '\0';
    const upstream_line_t script[] = {SIGNED_IN("250-SIZE 1000000\r\n"),
                                      {"MAIL FROM:<alice@example.test> SIZE=300000", "250\r\n", 0},
                                      RECIPIENT,
                                      DATA,
                                      {wire, "250 ok\r\n", 0},
                                      {"QUIT", "221\r\n", 1},
                                      END};
    sending.bytes = bytes;
    sending.len = LINES * 5;
    ck_ok(run(script));
}
END_TEST

/* ---- replies ---- */

static const struct {
    const char *bytes;
    int code;
    apr_size_t used;
    const char *status, *words;
} replies[] = {
    {"250 ok\r\nx", 250, 8, "", "ok"},
    {"250\r\n", 250, 5, "", ""},
    {"250 \n", 250, 5, "", ""},
    {"250-a\r\n250 b\r\n", 250, 14, "", "a b"},
    {"550 5.1.1 none\r\n", 550, 16, "5.1.1", "5.1.1 none"},
    {"550 5.1 none\r\n", 550, 14, "", "5.1 none"},
    {"550 5.1.100\r\n", 550, 13, "5.1.100", "5.1.100"},
    {"550 3.1.1 x\r\n", 550, 13, "", "3.1.1 x"},
    {"250-a\r\n", 0, 0, "", ""},
    {"250 a", 0, 0, "", ""},
    {"", 0, 0, "", ""},
    {"999 a\r\n", -1, 0, "", ""},
    {"25 a\r\n", -1, 0, "", ""},
    {"250a\r\n", -1, 0, "", ""},
    {"250-a\r\n251 b\r\n", -1, 0, "", ""},
    {"\r\n", -1, 0, "", ""},
    {"150 a\r\n", -1, 0, "", ""},
};

START_TEST(test_replies)
{
    gt_smtp_reply_t *reply;
    apr_size_t used;
    gt_err_t *err =
        gt_smtp_reply_of(&reply, &used, replies[_i].bytes, strlen(replies[_i].bytes), pool);

    ck_assert_msg((err != NULL) == (replies[_i].code < 0), "%s", replies[_i].bytes);
    ck_assert_msg((reply != NULL) == (replies[_i].code > 0), "%s", replies[_i].bytes);
    if (reply == NULL)
        return;
    ck_assert_int_eq(reply->code, replies[_i].code);
    ck_assert_uint_eq(used, replies[_i].used);
    ck_assert_str_eq(reply->status, replies[_i].status);
    ck_assert_str_eq(reply->words, replies[_i].words);
}
END_TEST

/* KiB; the address sanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define GROWTH_MOST 1000000
#else
#define GROWTH_MOST 8192
#endif

static long resident(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Looked at for each of its bytes, a reply of many lines costs no more memory than once. */
START_TEST(test_a_reply_in_small_pieces)
{
    const apr_size_t len = GT_SMTP_REPLY_MAX / 6 * 6;
    char *bytes = apr_palloc(pool, len);
    gt_smtp_reply_t *reply;
    apr_size_t used;
    long before;

    for (apr_size_t i = 0; i < len; i++)
        bytes[i] = "250-a\n"[i % 6];
    before = resident();
    for (apr_size_t n = 0; n < len; n++) {
        ck_ok(gt_smtp_reply_of(&reply, &used, bytes, n, pool));
        ck_assert_ptr_null(reply);
    }
    bytes[len - 3] = ' ';
    ck_ok(gt_smtp_reply_of(&reply, &used, bytes, len, pool));
    ck_assert_int_eq(reply->lines->nelts, (int)len / 6);
    ck_assert_int_lt(resident() - before, GROWTH_MOST);
}
END_TEST

START_TEST(test_a_reply_without_an_end)
{
    apr_size_t len = GT_SMTP_REPLY_MAX + 6, used;
    char *bytes = apr_palloc(pool, len);
    gt_smtp_reply_t *reply;

    for (apr_size_t i = 0; i + 6 <= len; i += 6)
        memcpy(bytes + i, "250-a\n", 6);
    ck_assert_ptr_nonnull(gt_smtp_reply_of(&reply, &used, bytes, len / 6 * 6, pool));
}
END_TEST

Suite *suite_smtp(void)
{
    Suite *suite = suite_create("smtp");
    TCase *tcase = add_case(suite, "sign-in", begin_mail);

    tcase_add_loop_test(tcase, test_sending, 0, COUNT(ways_in));
    tcase_add_test(tcase, test_a_long_token);
    tcase_add_loop_test(tcase, test_refusals, 0, COUNT(refusals));
    tcase_add_loop_test(tcase, test_challenges, 0, 2);
    tcase_add_loop_test(tcase, test_words_that_repeat_the_secret, 0, COUNT(echoes));
    tcase = add_case(suite, "transaction", begin_mail);
    tcase_add_test(tcase, test_recipients_refused);
    tcase_add_loop_test(tcase, test_cuts, 0, COUNT(cuts));
    tcase_add_loop_test(tcase, test_injections, 0, 2 * COUNT(injections));
    tcase_add_loop_test(tcase, test_mailboxes_with_controls, 0, 2);
    tcase_add_test(tcase, test_letters_beyond_ascii);
    tcase_add_loop_test(tcase, test_dots, 0, COUNT(dots));
    tcase_add_test(tcase, test_a_large_mail);
    tcase = add_case(suite, "replies", begin);
    tcase_add_loop_test(tcase, test_replies, 0, COUNT(replies));
    tcase_add_test(tcase, test_a_reply_without_an_end);
    tcase_add_test(tcase, test_a_reply_in_small_pieces);
    return suite;
}
