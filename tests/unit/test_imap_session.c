/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Sessions with mail servers that keep to a script: signing in, commands, waiting for news, and all
 * the ways in which a server says no. */

#include <sys/resource.h>

#include "imap/imap_session.h"
#include "task/wait.h"
#include "wire.h"

Suite *suite_imap_session(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* The mailbox alice@example.test with the token tok-alice. */
#define XOAUTH2 "dXNlcj1hbGljZUBleGFtcGxlLnRlc3QBYXV0aD1CZWFyZXIgdG9rLWFsaWNlAQE="
#define CAN(words) "* CAPABILITY IMAP4rev1 " words "\r\n$ OK done\r\n"

/* libcurl's own question and ours; then the sign-in and its end. */
#define BEFORE(words)                                                                              \
    {"CAPABILITY", CAN(""), 0},                                                                    \
    {                                                                                              \
        "CAPABILITY", CAN(words), 0                                                                \
    }
#define SIGNED_IN                                                                                  \
    BEFORE("SASL-IR AUTH=XOAUTH2"), {"AUTHENTICATE XOAUTH2 " XOAUTH2, "$ OK Logged in\r\n", 0},    \
    {                                                                                              \
        "CAPABILITY", CAN("IDLE CONDSTORE"), 0                                                     \
    }

static gt_imap_session_t *session;

static void begin_session(const upstream_line_t *script)
{
    const gt_imap_server_t server = {
        .url = apr_psprintf(pool, "imaps://localhost%s", strrchr(upstream_url(up, ""), ':')),
        .ca_file = upstream_ca(up)};

    upstream_says(up, script);
    ck_ok(gt_imap_session_make(&session, &server, loop, pool));
}

static gt_err_t *sign_in_as(const char *mailbox)
{
    gt_imap_sign_in_t in = {.session = session,
                            .mailbox = mailbox,
                            .token = gt_secret_from("tok-alice", pool),
                            .patience = PATIENCE};

    return gt_wait_run(&gt_imap_sign_in, &in, loop, PATIENCE, pool);
}

static gt_err_t *sign_in(const upstream_line_t *script)
{
    begin_session(script);
    return sign_in_as("alice@example.test");
}

/* ---- signing in ---- */

static const upstream_line_t at_once[] = {SIGNED_IN, {NULL, NULL, 0}};
static const upstream_line_t step_by_step[] = {BEFORE("AUTH=XOAUTH2"),
                                               {"AUTHENTICATE XOAUTH2", "+\r\n", 0},
                                               {XOAUTH2, "$ OK\r\n", 0},
                                               {"CAPABILITY", CAN("CONDSTORE"), 0},
                                               {NULL, NULL, 0}};
/* "n,a=alice@example.test,^Aauth=Bearer tok-alice^A^A" */
static const upstream_line_t bearer[] = {
    BEFORE("SASL-IR AUTH=OAUTHBEARER"),
    {"AUTHENTICATE OAUTHBEARER "
     "bixhPWFsaWNlQGV4YW1wbGUudGVzdCwBYXV0aD1CZWFyZXIgdG9rLWFsaWNlAQE=",
     "$ OK\r\n", 0},
    {"CAPABILITY", CAN("CONDSTORE"), 0},
    {NULL, NULL, 0}};
static const upstream_line_t *const ways_in[] = {at_once, step_by_step, bearer};

START_TEST(test_signing_in)
{
    ck_ok(sign_in(ways_in[_i]));
    ck_assert_int_eq(gt_imap_can(session, "CONDSTORE"), 1);
    ck_assert_int_eq(gt_imap_can(session, "QRESYNC"), 0);
    ck_assert_int_eq(gt_imap_can(session, "SASL-IR"), 0);
}
END_TEST

#define REFUSED(answer)                                                                            \
    {                                                                                              \
        BEFORE("SASL-IR AUTH=XOAUTH2"), {"AUTHENTICATE *", answer, 0}, {"*", "$ NO gone\r\n", 1},  \
        {                                                                                          \
            NULL, NULL, 0                                                                          \
        }                                                                                          \
    }

static const struct {
    upstream_line_t script[6];
    gt_class_t cls;
    const char *text;
} refusals[] = {
    {REFUSED("$ NO [AUTHENTICATIONFAILED] no\r\n"), GT_SIGN_IN, "[AUTHENTICATIONFAILED] no"},
    {REFUSED("$ NO AUTHENTICATE failed.\r\n"), GT_SIGN_IN, "AUTHENTICATE failed."},
    {REFUSED("$ NO [EXPIRED] x\r\n"), GT_SIGN_IN, ""},
    {REFUSED("$ NO [UNAVAILABLE] Temporary failure\r\n"), GT_UPSTREAM, "Temporary failure"},
    {REFUSED("$ NO [AUTHORIZATIONFAILED] x\r\n"), GT_FORBIDDEN, ""},
    {REFUSED("$ BAD User is authenticated but not connected.\r\n"), GT_FORBIDDEN, "is IMAP on"},
    {REFUSED("$ NO [ALERT] Too many simultaneous connections. (Failure)\r\n"), GT_THROTTLED, ""},
    {REFUSED("$ BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n"),
     GT_THROTTLED, "299961"},
    {REFUSED("$ NO Server Unavailable. 15\r\n"), GT_UPSTREAM, "cannot answer now"},
    {REFUSED("$ NO [ALERT] Invalid credentials (Failure)\r\n"), GT_SIGN_IN, "Invalid"},
    {REFUSED("$ BAD what\r\n"), GT_UPSTREAM, "what"},
    {REFUSED("* BYE too many\r\n"), GT_UPSTREAM, "too many"},
    {REFUSED("* BYE\r\n"), GT_UPSTREAM, "another one begins by itself"},
    {REFUSED("$ NO [UNAVAILABLE] x\r\n"), GT_UPSTREAM, "is asked again by itself"},
    {REFUSED("$ NO [INUSE] x\r\n"), GT_UPSTREAM, "close the other program"},
    {REFUSED("$ NO [OVERQUOTA] x\r\n"), GT_THROTTLED, "make room in it"},
    {REFUSED("rubbish\r\n"), GT_UPSTREAM, "not IMAP"},
    /* words that repeat what the server was told, whole or cut */
    {REFUSED("$ NO bad line: AUTHENTICATE XOAUTH2 " XOAUTH2 "\r\n"), GT_SIGN_IN, "left out"},
    {REFUSED("$ NO [AUTHENTICATIONFAILED] tok-ali...\r\n"), GT_SIGN_IN, "left out"},
    {REFUSED("* BYE what is dXNlcj1hbGljZUBleGFtcGxlLnRlc3Q\r\n"), GT_UPSTREAM, "left out"},
    {REFUSED("$ NO \033[2J\200\r\n"), GT_SIGN_IN, "_[2J_"},
    {{BEFORE("AUTH=PLAIN"), {NULL, NULL, 0}}, GT_UPSTREAM, "no sign-in by a token"},
};

START_TEST(test_refusals)
{
    gt_err_t *err = sign_in(refusals[_i].script);

    ck_assert_msg(err != NULL, "%d", _i);
    ck_assert_msg(err->cls == refusals[_i].cls, "%d: %s", _i, err->detail);
    ck_assert_msg(strstr(err->detail, refusals[_i].text) != NULL, "%s", err->detail);
    ck_assert_ptr_null(strstr(err->detail, "tok-alice"));
    ck_assert_ptr_null(strstr(err->detail, XOAUTH2));
}
END_TEST

/* ---- by a password ---- */

/* NUL alice@example.test NUL se"cret\ */
#define PLAIN "AGFsaWNlQGV4YW1wbGUudGVzdABzZSJjcmV0XA=="
#define PASSWORD "se\"cret\\"

static gt_err_t *sign_in_by(const char *password, const upstream_line_t *script)
{
    gt_imap_sign_in_t in = {.patience = PATIENCE};

    begin_session(script);
    in.session = session;
    in.mailbox = "alice@example.test";
    in.password = gt_secret_from(password, pool);
    return gt_wait_run(&gt_imap_sign_in, &in, loop, PATIENCE, pool);
}

static const upstream_line_t plain_at_once[] = {BEFORE("SASL-IR AUTH=XOAUTH2 AUTH=PLAIN"),
                                                {"AUTHENTICATE PLAIN " PLAIN, "$ OK\r\n", 0},
                                                {"CAPABILITY", CAN("IDLE"), 0},
                                                {NULL, NULL, 0}};
static const upstream_line_t plain_step_by_step[] = {BEFORE("AUTH=PLAIN"),
                                                     {"AUTHENTICATE PLAIN", "+ \r\n", 0},
                                                     {PLAIN, "$ OK\r\n", 0},
                                                     {"CAPABILITY", CAN("IDLE"), 0},
                                                     {NULL, NULL, 0}};
static const upstream_line_t login[] = {
    BEFORE(""),
    {"LOGIN \"alice@example.test\" \"se\\\\\"cret\\\\\\\\\"", "$ OK\r\n", 0},
    {"CAPABILITY", CAN("IDLE"), 0},
    {NULL, NULL, 0}};
static const upstream_line_t *const ways_by_password[] = {plain_at_once, plain_step_by_step, login};

START_TEST(test_signing_in_by_password)
{
    ck_ok(sign_in_by(PASSWORD, ways_by_password[_i]));
    ck_assert_int_eq(gt_imap_can(session, "IDLE"), 1);
}
END_TEST

static const struct {
    upstream_line_t script[5];
    const char *password;
    const char *tag;
} password_refusals[] = {
    {{BEFORE("SASL-IR AUTH=PLAIN"), {"AUTHENTICATE *", "$ NO [AUTHENTICATIONFAILED] x\r\n", 0}},
     PASSWORD,
     "GT1514"},
    {{BEFORE(""), {"LOGIN *", "$ NO wrong\r\n", 0}}, PASSWORD, "GT1514"},
    {{BEFORE("LOGINDISABLED AUTH=XOAUTH2"), {NULL, NULL, 0}}, PASSWORD, "GT1515"},
    {{BEFORE("AUTH=XOAUTH2"), {NULL, NULL, 0}}, "se\xc3\xa9", "GT1515"},
    {{BEFORE("AUTH=PLAIN"), {NULL, NULL, 0}}, "a\r\nx LOGOUT", "GT1511"},
    {{BEFORE(""), {"LOGIN *", "$ BAD LOGIN \"x\" \"se\\\"cret\\\\\"\r\n", 0}}, PASSWORD, "GT1507"},
};

START_TEST(test_refusals_of_passwords)
{
    gt_err_t *err = sign_in_by(password_refusals[_i].password, password_refusals[_i].script);

    ck_assert_ptr_nonnull(err);
    ck_assert_str_eq(err->tag, password_refusals[_i].tag);
    ck_assert_ptr_null(strstr(err->detail, "cret"));
}
END_TEST

/* After a refusal's challenge the client says an empty line, or one byte; then comes the NO. */
static const upstream_line_t challenged[] = {
    BEFORE("SASL-IR AUTH=XOAUTH2"),
    {"AUTHENTICATE *", "+ eyJzdGF0dXMiOiI0MDEifQ==\r\n", 0},
    {"", "$ NO [AUTHENTICATIONFAILED] expired\r\n", 0},
    {NULL, NULL, 0}};
static const upstream_line_t bearer_challenged[] = {
    BEFORE("SASL-IR AUTH=OAUTHBEARER"),
    {"AUTHENTICATE *", "+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n", 0},
    {"AQ==", "$ NO [AUTHENTICATIONFAILED] expired\r\n", 0},
    {NULL, NULL, 0}};

START_TEST(test_challenges)
{
    gt_err_t *err = sign_in(_i == 0 ? challenged : bearer_challenged);

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_SIGN_IN);
    ck_assert_ptr_nonnull(strstr(err->detail, "expired"));
}
END_TEST

/* A byte of 1 would begin another field, a line break another command. */
START_TEST(test_mailboxes_with_controls)
{
    static const char *const mailboxes[] = {"a@b\001auth=Bearer x", "a@b\r\nx LOGOUT", "a\x7f"};

    begin_session(at_once);
    ck_assert_int_eq(sign_in_as(mailboxes[_i])->cls, GT_INVALID);
    ck_assert_int_eq(upstream_requests(up), 0);
}
END_TEST

/* ---- commands ---- */

typedef struct seen_t {
    int exists, fetched, statuses;
    gt_err_t *fails;
} seen_t;

static gt_err_t *look(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    seen_t *seen = baton;

    (void)p;
    seen->exists += gt_imap_is_named(answer, "EXISTS");
    seen->fetched += gt_imap_is_named(answer, "FETCH");
    seen->statuses += answer->form == GT_IMAP_STATUS;
    return seen->fails;
}

static gt_err_t *command(const char *text, seen_t *seen, apr_interval_time_t patience)
{
    gt_imap_command_t command = {
        .session = session, .text = text, .patience = patience, .take = look, .baton = seen};

    return gt_wait_run(&gt_imap_command, &command, loop, PATIENCE, pool);
}

static const upstream_line_t folder[] = {
    SIGNED_IN,
    {"EXAMINE INBOX", "* 3 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\nA001 OK of another\r\n$ OK\r\n", 0},
    {"UID FETCH 1:3 (UID)", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n$ OK\r\n", 0},
    {"EXAMINE None", "$ NO [NONEXISTENT] no\r\n", 0},
    {"EXAMINE Mine", "$ NO not yours\r\n", 0},
    {"NOOP", "$ BAD no\r\n", 0},
    {"LOGOUT", "* BYE bye\r\n$ OK\r\n", 1},
    {NULL, NULL, 0}};

START_TEST(test_commands)
{
    seen_t seen = {0};

    ck_ok(sign_in(folder));
    ck_ok(command("EXAMINE INBOX", &seen, 0));
    ck_ok(command("UID FETCH 1:3 (UID)", &seen, 0));
    ck_assert_int_eq(seen.exists, 1);
    ck_assert_int_eq(seen.fetched, 2);
    ck_assert_int_eq(seen.statuses, 4);
    ck_assert_int_eq(command("EXAMINE None", &seen, 0)->cls, GT_NOT_FOUND);
    ck_assert_int_eq(command("EXAMINE Mine", &seen, 0)->cls, GT_REFUSED);
    ck_assert_int_eq(command("NOOP", &seen, 0)->cls, GT_REFUSED);
    ck_ok(command("LOGOUT", &seen, 0));
    ck_assert_str_eq(command("NOOP", &seen, PATIENCE)->tag, "GT1505");
}
END_TEST

START_TEST(test_answers_that_do_not_end)
{
    static const upstream_line_t script[] = {
        SIGNED_IN, {"NOOP", "* 1 EXISTS\r\n* 2 EX", 0}, {NULL, NULL, 0}};
    seen_t seen = {0};

    ck_ok(sign_in(script));
    ck_assert_int_eq(command("NOOP", &seen, apr_time_from_msec(50))->cls, GT_TIMEOUT);
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

/* As fast as they are read: all waits have their ends, and others of the same thread their turns.
 * What a session keeps of them does not grow. */
START_TEST(test_answers_without_end)
{
    static const struct {
        upstream_line_t script[7];
        int is_long;
        gt_class_t cls;
    } floods[] = {
        {{SIGNED_IN, {"NOOP", "* 1 EXISTS\r\n", UPSTREAM_FOREVER}}, 0, GT_TIMEOUT},
        {{SIGNED_IN, {"NOOP", "* CAPABILITY ONE TWO THREE FOUR FIVE SIX\r\n", UPSTREAM_FOREVER}},
         0,
         GT_TIMEOUT},
        {{SIGNED_IN, {"NOOP", "* BYE go away, all of you\r\n", UPSTREAM_FOREVER}}, 1, GT_UPSTREAM},
    };
    gt_imap_command_t command = {
        .text = "NOOP", .patience = apr_time_from_sec(1), .is_long = floods[_i].is_long};
    long used;

    ck_ok(sign_in(floods[_i].script));
    command.session = session;
    used = resident();
    ck_assert_int_eq(gt_wait_run(&gt_imap_command, &command, loop, PATIENCE, pool)->cls,
                     floods[_i].cls);
    ck_assert_int_lt(resident() - used, GROWTH_MOST);
}
END_TEST

START_TEST(test_a_plus_that_is_not_expected)
{
    static const upstream_line_t script[] = {SIGNED_IN, {"NOOP", "+ more\r\n", 0}, {NULL, NULL, 0}};
    seen_t seen = {0};

    ck_ok(sign_in(script));
    ck_assert_str_eq(command("NOOP", &seen, PATIENCE)->tag, "GT1501");
}
END_TEST

START_TEST(test_a_taker_that_fails)
{
    seen_t seen = {.fails = gt_err(pool, GT_STORE_AWAY, "GT0400", "away")};

    ck_ok(sign_in(folder));
    ck_assert_int_eq(command("EXAMINE INBOX", &seen, 0)->cls, GT_STORE_AWAY);
}
END_TEST

/* ---- news ---- */

static gt_err_t *idle(gt_imap_idle_t *idle, seen_t *seen, apr_interval_time_t span)
{
    *idle = (gt_imap_idle_t){
        .session = session, .until = gt_ticks() + span, .take = look, .baton = seen};
    return gt_wait_run(&gt_imap_idle, idle, loop, PATIENCE, pool);
}

static const upstream_line_t news[] = {
    SIGNED_IN,
    {"IDLE", "+ idling\r\n* OK Still here\r\n* 6 EXISTS\r\n* 1 RECENT\r\n", 0},
    {"DONE", "* 2 FETCH (FLAGS ())\r\n$ OK\r\n", 0},
    {"IDLE", "+ idling\r\n", 0},
    {"DONE", "$ OK\r\n", 0},
    {"IDLE", "$ BAD no\r\n", 0},
    {NULL, NULL, 0}};

/* Folders with news, without, and a server that does not wait. */
START_TEST(test_news)
{
    gt_imap_idle_t waiting;
    seen_t seen = {0};

    ck_ok(sign_in(news));
    ck_ok(idle(&waiting, &seen, PATIENCE));
    ck_assert_int_eq(waiting.has_news, 1);
    ck_assert_int_eq(seen.exists, 1);
    ck_assert_int_eq(seen.fetched, 1);
    ck_ok(idle(&waiting, &seen, apr_time_from_msec(20)));
    ck_assert_int_eq(waiting.has_news, 0);
    ck_assert_int_eq(idle(&waiting, &seen, PATIENCE)->cls, GT_REFUSED);
}
END_TEST

Suite *suite_imap_session(void)
{
    Suite *suite = suite_create("imap_session");
    TCase *tcase = add_case(suite, "sign-in", begin_tls);

    tcase_add_loop_test(tcase, test_signing_in, 0, COUNT(ways_in));
    tcase_add_loop_test(tcase, test_refusals, 0, COUNT(refusals));
    tcase_add_loop_test(tcase, test_signing_in_by_password, 0, COUNT(ways_by_password));
    tcase_add_loop_test(tcase, test_refusals_of_passwords, 0, COUNT(password_refusals));
    tcase_add_loop_test(tcase, test_challenges, 0, 2);
    tcase_add_loop_test(tcase, test_mailboxes_with_controls, 0, 3);
    tcase = add_case(suite, "commands", begin_tls);
    tcase_add_test(tcase, test_commands);
    tcase_add_test(tcase, test_answers_that_do_not_end);
    tcase_add_loop_test(tcase, test_answers_without_end, 0, 3);
    tcase_add_test(tcase, test_a_plus_that_is_not_expected);
    tcase_add_test(tcase, test_a_taker_that_fails);
    tcase_add_test(tcase, test_news);
    return suite;
}
