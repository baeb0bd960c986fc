/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Rounds with mail servers that keep to a script: each road, servers that lie in each field, and
 * rounds that end at each command and are gone on with. */

#include <apr_strings.h>
#include <check.h>

#include "children.h"
#include "imap/uid_set.h"
#include "mail/sync.h"
#include "store/mail_ladder.h"
#include "store/mail_message.h"
#include "upstream.h"

Suite *suite_mail_sync(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))
#define CAN(words) "* CAPABILITY IMAP4rev1 " words "\r\n$ OK done\r\n"
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }
/* libcurl's own question and ours, the sign-in, and what the server can do then. */
#define SIGNED_IN(words)                                                                           \
    {"CAPABILITY", CAN(""), 0}, {"CAPABILITY", CAN("SASL-IR AUTH=PLAIN"), 0},                      \
        {"AUTHENTICATE PLAIN *", "$ OK in\r\n", 0},                                                \
    {                                                                                              \
        "CAPABILITY", CAN(words), 0                                                                \
    }
#define INBOX                                                                                      \
    {                                                                                              \
        "LIST \"\" \"\\*\"", "* LIST () \"/\" INBOX\r\n$ OK\r\n", 0                                \
    }
#define EXAMINED(exists, validity, next)                                                           \
    "* " exists " EXISTS\r\n* OK [UIDVALIDITY " validity "] x\r\n* OK [UIDNEXT " next "] x\r\n"    \
    "$ OK [READ-ONLY] x\r\n"
#define EXAMINE(answer)                                                                            \
    {                                                                                              \
        "EXAMINE \"INBOX\"", answer, 0                                                             \
    }
/* 21 bytes of a mail. */
#define MAIL(n, uid)                                                                               \
    "* " n " FETCH (UID " uid " FLAGS (\\Seen) INTERNALDATE \" 1-Jun-2026 10:00:00 +0000\" "       \
    "RFC822.SIZE 21 BODY[]<0> {21}\r\nSubject: a\r\n\r\ntext" uid "\r\n)\r\n"
#define FETCH "UID FETCH * (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK\\[\\]<0.262144>)"

static upstream_t *up;
static gt_mail_account_t *account;

/* Tom's mailbox, which a password opens. */
static void open_mailbox(void)
{
    gt_mail_account_t one = {.owner = tom, .address = "tom@example.org", .by_password = 1};
    gt_provider_conf_t *conf =
        (gt_provider_conf_t *)gt_provider_conf(gt_vault_provider(child[0].vault, tom.provider));

    up = upstream_open(1);
    upstream_greets(up, "* OK ready\r\n", 0);
    conf->ca_file = upstream_ca(up);
    one.incoming = (gt_mail_server_t){"localhost", atoi(strrchr(upstream_url(up, ""), ':') + 1), 0};
    bench_mail(bench, gt_mail_ladder.newest);
    ((gt_store_conf_t *)gt_store_conf(child[0].store))->mail_sync = 1;
    bench_ok(gt_mail_account_add(&one, child[0].store, gt_secret_from("secret", pool), pool));
    bench_ok(
        gt_mail_account_claim_one(&account, child[0].store, one.id, "node/1", GT_MAIL_CLAIM, pool));
    ck_assert_ptr_nonnull(account);
}

/* @param crew  writes rows  @param look  NULL: nothing ends it early  @param p  destroyed then */
static gt_err_t *round_by(const upstream_line_t *script, gt_crew_t *crew, int (*look)(void *baton),
                          apr_pool_t *p)
{
    const gt_end_t end = {look, NULL};
    gt_mail_sync_t round = {.vault = child[0].vault,
                            .store = child[0].store,
                            .crew = crew,
                            .account = gt_mail_account_dup(account, p)};
    gt_err_t *err;

    upstream_says(up, script);
    err = gt_wait_run_until(look != NULL ? &end : NULL, &gt_mail_sync, &round, child[0].loop, LIMIT,
                            p);
    gt_mail_sync_close(&round);
    err = gt_err_dup(err, pool);
    apr_pool_destroy(p);
    return err;
}

/* Of an allocator of its own, so that a use after its end is seen. */
static apr_pool_t *pool_of_round(void)
{
    apr_pool_t *p;

    ck_assert_int_eq(apr_pool_create_unmanaged_ex(&p, NULL, NULL), APR_SUCCESS);
    return p;
}

static gt_err_t *round_of(const upstream_line_t *script)
{
    return round_by(script, child[0].crew, NULL, pool_of_round());
}

static const char *rows(void)
{
    return bench_ask(bench, "SELECT count(*) || ' ' || coalesce(min(uid), 0) || ' ' || "
                            "coalesce(max(uid), 0) || ' ' || coalesce(sum(is_seen), 0) FROM "
                            "mail_messages");
}

static const char *place(void)
{
    return bench_ask(bench, "SELECT uidvalidity || ' ' || uidnext || ' ' || highestmodseq || ' ' "
                            "|| messages FROM mail_folders");
}

/* ---- the roads ---- */

static const upstream_line_t first[] = {
    SIGNED_IN(""),
    INBOX,
    EXAMINE(EXAMINED("2", "7", "4")),
    {"UID FETCH 1:3 (UID)", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n$ OK\r\n", 0},
    {FETCH, MAIL("2", "3") MAIL("1", "1") "$ OK\r\n", 0},
    END};
static const upstream_line_t by_flags[] = {
    SIGNED_IN(""),
    INBOX,
    EXAMINE(EXAMINED("2", "7", "6")),
    {"UID FETCH 1:3 (UID FLAGS)", "* 1 FETCH (FLAGS () UID 3)\r\n$ OK\r\n", 0},
    {"UID FETCH 4:5 (UID)", "* 2 FETCH (UID 5)\r\n$ OK\r\n", 0},
    {FETCH, MAIL("2", "5") "$ OK\r\n", 0},
    END};

START_TEST(without_modification_sequences)
{
    open_mailbox();
    bench_ok(round_of(first));
    ck_assert_str_eq(rows(), "2 1 3 2");
    ck_assert_str_eq(place(), "7 4 0 2");
    bench_ok(round_of(by_flags));
    ck_assert_str_eq(rows(), "2 3 5 1");
    ck_assert_str_eq(place(), "7 6 0 2");
    upstream_close(up);
}
END_TEST

#define MODSEQ(n) "* OK [HIGHESTMODSEQ " n "] x\r\n"
static const upstream_line_t first_modseq[] = {
    SIGNED_IN("CONDSTORE ESEARCH"),
    INBOX,
    {"EXAMINE \"INBOX\" (CONDSTORE)", MODSEQ("10") EXAMINED("2", "7", "4"), 0},
    {"UID SEARCH RETURN (ALL) UID 1:3", "* ESEARCH (TAG \"x\") UID ALL 1,3\r\n$ OK\r\n", 0},
    {FETCH, MAIL("1", "1") MAIL("2", "3") "$ OK\r\n", 0},
    END};
static const upstream_line_t by_condstore[] = {
    SIGNED_IN("CONDSTORE ESEARCH"),
    INBOX,
    {"EXAMINE \"INBOX\" (CONDSTORE)", MODSEQ("12") EXAMINED("1", "7", "4"), 0},
    {"UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE 10)",
     "* 1 FETCH (UID 3 FLAGS () MODSEQ (12))\r\n$ OK\r\n", 0},
    {"UID SEARCH RETURN (ALL) UID 1:3", "* ESEARCH (TAG \"x\") UID ALL 3\r\n$ OK\r\n", 0},
    END};
/* A server that looks at one message of a command (RFC 9738). */
static const upstream_line_t by_condstore_in_parts[] = {
    SIGNED_IN("CONDSTORE ESEARCH"),
    INBOX,
    {"EXAMINE \"INBOX\" (CONDSTORE)", MODSEQ("12") EXAMINED("2", "7", "4"), 0},
    {"UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE 10)",
     "* 2 FETCH (UID 3 FLAGS () MODSEQ (12))\r\n$ OK [MESSAGELIMIT 1 3] x\r\n", 0},
    {"UID FETCH 1:2 (UID FLAGS) (CHANGEDSINCE 10)",
     "* 1 FETCH (UID 1 FLAGS () MODSEQ (11))\r\n$ OK [MESSAGELIMIT 1 1] x\r\n", 0},
    END};
static const upstream_line_t by_flags_in_parts[] = {
    SIGNED_IN(""),
    INBOX,
    EXAMINE(EXAMINED("2", "7", "4")),
    {"UID FETCH 1:3 (UID FLAGS)", "* 2 FETCH (FLAGS () UID 3)\r\n$ OK [MESSAGELIMIT 1 3] x\r\n", 0},
    {"UID FETCH 1:2 (UID FLAGS)", "* 1 FETCH (FLAGS () UID 1)\r\n$ OK\r\n", 0},
    END};

START_TEST(changes_in_parts)
{
    open_mailbox();
    bench_ok(round_of(_i == 0 ? first_modseq : first));
    ck_assert_str_eq(rows(), "2 1 3 2");
    bench_ok(round_of(_i == 0 ? by_condstore_in_parts : by_flags_in_parts));
    ck_assert_str_eq(rows(), "2 1 3 0");
    ck_assert_str_eq(place(), _i == 0 ? "7 4 12 2" : "7 4 0 2");
    upstream_close(up);
}
END_TEST

static const upstream_line_t unchanged[] = {
    SIGNED_IN("CONDSTORE ESEARCH"),
    INBOX,
    {"EXAMINE \"INBOX\" (CONDSTORE)", MODSEQ("12") EXAMINED("1", "7", "4"), 0},
    END};

START_TEST(by_modification_sequences)
{
    open_mailbox();
    bench_ok(round_of(first_modseq));
    ck_assert_str_eq(place(), "7 4 10 2");
    bench_ok(round_of(by_condstore));
    ck_assert_str_eq(rows(), "1 3 3 0");
    ck_assert_str_eq(place(), "7 4 12 1");
    bench_ok(round_of(unchanged));
    upstream_close(up);
}
END_TEST

static const upstream_line_t by_qresync[] = {
    SIGNED_IN("CONDSTORE QRESYNC ENABLE"),
    {"ENABLE QRESYNC", "* ENABLED QRESYNC\r\n$ OK\r\n", 0},
    INBOX,
    {"EXAMINE \"INBOX\" (QRESYNC (7 10 1:3))",
     MODSEQ("13") "* VANISHED (EARLIER) 1:2\r\n* 1 FETCH (UID 3 FLAGS () MODSEQ (13))\r\n" EXAMINED(
         "1", "7", "4"),
     0},
    END};

/* It tells what happened to the newest message alone; the older one is gone as well. */
static const upstream_line_t by_qresync_in_parts[] = {
    SIGNED_IN("CONDSTORE QRESYNC ENABLE ESEARCH"),
    {"ENABLE QRESYNC", "* ENABLED QRESYNC\r\n$ OK\r\n", 0},
    INBOX,
    {"EXAMINE \"INBOX\" (QRESYNC (7 10 1:3))",
     MODSEQ("13") "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\n"
                  "$ OK [MESSAGELIMIT 1 3] x\r\n",
     0},
    {"UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE 10)",
     "* 1 FETCH (UID 3 FLAGS () MODSEQ (13))\r\n$ OK\r\n", 0},
    {"UID SEARCH RETURN (ALL) UID 1:3", "* ESEARCH (TAG \"x\") UID ALL 3\r\n$ OK\r\n", 0},
    END};

START_TEST(by_quick_resynchronisation)
{
    open_mailbox();
    bench_ok(round_of(first_modseq));
    bench_ok(round_of(_i == 0 ? by_qresync : by_qresync_in_parts));
    ck_assert_str_eq(rows(), "1 3 3 0");
    ck_assert_str_eq(place(), "7 4 13 1");
    upstream_close(up);
}
END_TEST

static const upstream_line_t another_validity[] = {
    SIGNED_IN(""),
    INBOX,
    EXAMINE(EXAMINED("1", "8", "2")),
    {"UID FETCH 1:1 (UID)", "* 1 FETCH (UID 1)\r\n$ OK\r\n", 0},
    {FETCH, MAIL("1", "1") "$ OK\r\n", 0},
    END};

START_TEST(another_uidvalidity_begins_anew)
{
    open_mailbox();
    bench_ok(round_of(first));
    bench_ok(round_of(another_validity));
    ck_assert_str_eq(rows(), "1 1 1 1");
    ck_assert_str_eq(place(), "8 2 0 1");
    upstream_close(up);
}
END_TEST

/* Flags that come in no order, a change by another client among them. */
static const upstream_line_t in_any_order[] = {
    SIGNED_IN(""),
    INBOX,
    EXAMINE(EXAMINED("2", "7", "4")),
    {"UID FETCH 1:3 (UID FLAGS)",
     "* 2 FETCH (UID 3 FLAGS ())\r\n* 1 FETCH (UID 1 FLAGS ())\r\n"
     "* 2 FETCH (UID 3 FLAGS (\\Seen))\r\n$ OK\r\n",
     0},
    END};

START_TEST(flags_in_any_order)
{
    open_mailbox();
    bench_ok(round_of(first));
    bench_ok(round_of(in_any_order));
    ck_assert_str_ge(rows(), "2 1 3 ");
    ck_assert_str_eq(place(), "7 4 0 2");
    upstream_close(up);
}
END_TEST

/* ---- lies ---- */

#define LIST(answer)                                                                               \
    {                                                                                              \
        "LIST \"\" \"\\*\"", answer "$ OK\r\n", 0                                                  \
    }
#define FOUND(answer)                                                                              \
    {                                                                                              \
        "UID FETCH * (UID)", answer "$ OK\r\n", 0                                                  \
    }
#define BODY(answer)                                                                               \
    {                                                                                              \
        FETCH, answer, 0                                                                           \
    }
#define THREE EXAMINE(EXAMINED("2", "7", "4"))
#define ONE FOUND("* 1 FETCH (UID 1)\r\n")

static const struct {
    upstream_line_t script[10];
    const char *rows; /* then */
    int fails;        /* the round */
} lies[] = {
    /* a list without an inbox is no ground to drop anything */
    {{SIGNED_IN(""), LIST("* LIST () \"/\" Other\r\n"), END}, "2 1 3 2", 1},
    {{SIGNED_IN(""), LIST(""), END}, "2 1 3 2", 1},
    {{SIGNED_IN(""), LIST("* LIST INBOX\r\n"), END}, "2 1 3 2", 1},
    /* EXAMINE */
    {{SIGNED_IN(""), INBOX, EXAMINE("* 2 EXISTS\r\n$ OK\r\n"), END}, "2 1 3 2", 1},
    {{SIGNED_IN(""), INBOX, EXAMINE(EXAMINED("2", "0", "4")), END}, "2 1 3 2", 1},
    {{SIGNED_IN(""), INBOX, EXAMINE(EXAMINED("2", "7", "99999999999")), END}, "2 1 3 2", 1},
    {{SIGNED_IN(""), INBOX, EXAMINE("$ NO [NONEXISTENT] gone\r\n"), END}, "2 1 3 2", 0},
    {{SIGNED_IN(""), INBOX, EXAMINE("$ BAD what\r\n"), END}, "2 1 3 2", 0},
    /* it has messages, and has none */
    {{SIGNED_IN(""), INBOX, THREE, {"UID FETCH 1:3 (UID FLAGS)", "$ OK\r\n", 0}, END},
     "2 1 3 2",
     1},
    {{SIGNED_IN(""), INBOX, THREE, {"UID FETCH 1:3 (UID FLAGS)", "* 1 FETCH (UID x)\r\n", 0}, END},
     "2 1 3 2",
     1},
    {{SIGNED_IN(""),
      INBOX,
      THREE,
      {"UID FETCH 1:3 (UID FLAGS)",
       "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 9 EXPUNGE\r\n* 2 FETCH (UID 3 FLAGS (\\Seen))\r\n"
       "* 3 FETCH (UID 4000000000 FLAGS ())\r\n$ OK\r\n",
       0},
      END},
     "2 1 3 2",
     0},
};

START_TEST(a_server_that_lies_of_what_is_kept)
{
    gt_err_t *err;

    open_mailbox();
    bench_ok(round_of(first));
    err = round_of(lies[_i].script);
    ck_assert_msg((err != GT_OK) == lies[_i].fails, "%d: %s", _i, err != GT_OK ? err->detail : "");
    ck_assert_msg(strcmp(rows(), lies[_i].rows) == 0, "%d: %s", _i, rows());
    upstream_close(up);
}
END_TEST

static const struct {
    upstream_line_t script[12];
    const char *rows; /* then */
    int fails;
} fresh_lies[] = {
    /* more than was asked for, the same twice, none of it */
    {{SIGNED_IN(""), INBOX, THREE, ONE,
      BODY(MAIL("1", "1") MAIL("1", "1") MAIL("2", "3") "$ OK\r\n"), END},
     "1 1 1 1",
     0},
    {{SIGNED_IN(""), INBOX, THREE, ONE, BODY("$ OK\r\n"), END}, "0 0 0 0", 0},
    {{SIGNED_IN(""), INBOX, THREE, ONE,
      BODY("* 1 FETCH (UID 1 FLAGS ())\r\n* 1 FETCH (UID 1 BODY[]<0> NIL)\r\n$ OK\r\n"), END},
     "1 1 1 0",
     0},
    /* wrong values */
    {{SIGNED_IN(""), INBOX, THREE, FOUND("* 1 FETCH (UID 0)\r\n"), END}, "0 0 0 0", 1},
    {{SIGNED_IN(""), INBOX, THREE, FOUND("* 1 FETCH (UID 1 UID)\r\n"), END}, "0 0 0 0", 1},
    {{SIGNED_IN(""), INBOX, THREE, ONE,
      BODY("* 1 FETCH (UID 1 RFC822.SIZE -5 BODY[]<0> \"x\")\r\n$ OK\r\n"), END},
     "0 0 0 0",
     1},
    {{SIGNED_IN(""), INBOX, THREE, ONE,
      BODY("* 1 FETCH (UID 1 INTERNALDATE \"today\" BODY[]<0> \"x\")\r\n$ OK\r\n"), END},
     "1 1 1 0",
     0},
    {{SIGNED_IN(""), INBOX, THREE, ONE, BODY("* 1 FETCH (UID 1 BODY[]<0> {9999999}\r\n"), END},
     "0 0 0 0",
     1},
    {{SIGNED_IN(""), INBOX, THREE, ONE, BODY("* BYE enough\r\n"), END}, "0 0 0 0", 1},
    /* an answer inside a mail is none */
    {{SIGNED_IN(""), INBOX, THREE, ONE,
      BODY("* 1 FETCH (UID 1 BODY[]<0> {42}\r\nA1 OK done\r\n* 9 FETCH (UID 3 BODY[] x)\r\n"
           "\r\n)\r\n$ OK\r\n"),
      END},
     "1 1 1 0",
     0},
    /* one message that the server cannot give: the other one comes */
    {{SIGNED_IN(""), INBOX, THREE, FOUND("* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n"),
      BODY("$ NO [SERVERBUG] x\r\n"), END},
     "0 0 0 0",
     1},
    /* a limit is about no message: the next round asks again */
    {{SIGNED_IN(""), INBOX, THREE, FOUND("* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n"),
      BODY("$ NO [OVERQUOTA] x\r\n"), END},
     "0 0 0 0",
     1},
    {{SIGNED_IN(""), INBOX, THREE, FOUND("* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n"),
      BODY("$ BAD Request is throttled. Suggested Backoff Time: 9 milliseconds\r\n"), END},
     "0 0 0 0",
     1},
    /* a server that knows no date, no size and no flags of a message */
    {{SIGNED_IN(""), INBOX, THREE, FOUND("* 1 FETCH (UID 1)\r\n"),
      BODY("* 1 FETCH (UID 1 FLAGS NIL INTERNALDATE NIL RFC822.SIZE NIL BODY[]<0> {4}\r\nA: b)\r\n"
           "$ OK\r\n"),
      END},
     "1 1 1 0",
     0},
    {{SIGNED_IN(""), INBOX, THREE, FOUND("* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n"),
      BODY("$ NO broken\r\n"), BODY("$ NO broken\r\n"), BODY(MAIL("2", "3") "$ OK\r\n"), END},
     "2 1 3 1",
     0},
    /* and one that it gives before it says no */
    {{SIGNED_IN(""), INBOX, THREE, ONE, BODY(MAIL("1", "1") "$ NO broken\r\n"), END}, "1 1 1 1", 0},
};

START_TEST(a_server_that_lies_of_new_mail)
{
    gt_err_t *err;

    open_mailbox();
    err = round_of(fresh_lies[_i].script);
    ck_assert_msg((err != GT_OK) == fresh_lies[_i].fails, "%d: %s", _i,
                  err != GT_OK ? err->detail : "");
    ck_assert_msg(strcmp(rows(), fresh_lies[_i].rows) == 0, "%d: %s", _i, rows());
    upstream_close(up);
}
END_TEST

/* What a round keeps of answers is bounded, be there as many as there may: folders of one name, and
 * sets of UIDs in parts. */
static const char *same_folder(void)
{
    char *text = apr_pcalloc(pool, 10001 * 32), *at = text;

    for (int i = 0; i < 10001; i++)
        at += apr_snprintf(at, 32, "* LIST () \"/\" INBOX\r\n");
    return apr_pstrcat(pool, text, "$ OK\r\n", NULL);
}

/* All odd UIDs. */
static const char *in_parts(void)
{
    const int parts = 4, of_one = GT_IMAP_RANGES_MAX / 3;
    char *text = apr_pcalloc(pool, (apr_size_t)(parts * of_one) * 8), *at = text;

    for (int i = 0; i < parts * of_one; i++)
        at += apr_snprintf(at, 32, "%s%d", i % of_one != 0 ? "," : "\r\n* ESEARCH UID ALL ",
                           2 * i + 1);
    return apr_pstrcat(pool, text + 2, "\r\n$ OK\r\n", NULL);
}

START_TEST(answers_that_are_many)
{
    upstream_line_t scripts[][8] = {{SIGNED_IN(""), {"LIST *", same_folder(), 0}, END},
                                    {SIGNED_IN("ESEARCH"),
                                     INBOX,
                                     EXAMINE(EXAMINED("2", "7", "800000")),
                                     {"UID SEARCH *", in_parts(), 0},
                                     END}};
    static const char *const tags[] = {"GT1603", "GT1501"};
    gt_err_t *err;

    open_mailbox();
    err = round_of(scripts[_i]);
    ck_assert_ptr_nonnull(err);
    ck_assert_str_eq(err->tag, tags[_i]);
    upstream_close(up);
}
END_TEST

/* ---- names of folders ---- */

/* The inbox twice, in two cases of letters; a name with a bare "&"; one that cannot be read. */
static const upstream_line_t odd_names[] = {
    SIGNED_IN(""),
    {"LIST \"\" \"\\*\"",
     "* LIST () \"/\" Inbox\r\n* LIST () \"/\" INBOX\r\n* LIST () \"/\" \"A & B\"\r\n"
     "* LIST () \"/\" {3}\r\na\tb\r\n$ OK\r\n",
     0},
    EXAMINE(EXAMINED("0", "7", "1")),
    {"EXAMINE \"A & B\"", EXAMINED("0", "8", "1"), 0},
    END};

START_TEST(names_that_are_no_utf7)
{
    gt_mail_sync_t round = {.vault = child[0].vault, .store = child[0].store};
    gt_mail_settled_t settled;

    open_mailbox();
    round.account = account;
    upstream_says(up, odd_names);
    bench_ok(gt_wait_run(&gt_mail_sync, &round, child[0].loop, LIMIT, pool));
    bench_ok(gt_mail_settle(&settled, &round, GT_OK, 0, pool));
    ck_assert_ptr_nonnull(strstr(settled.error, "1 folder with a name that cannot be read: a_b"));
    /* a folder that fails alone does not keep the others waiting */
    ck_assert_int_eq(settled.next, gt_store_conf(child[0].store)->mail_sync_every);
    /* A server that says no is there. */
    for (int answers = 0; answers < 2; answers++) {
        gt_err_t *err = gt_err(pool, GT_UPSTREAM, "GT1505", "no");

        err->retry_after = apr_time_from_sec(answers);
        bench_ok(gt_mail_settle(&settled, &round, err, 0, pool));
        ck_assert_int_eq(strstr(settled.error, "the right server") == NULL, answers);
    }
    gt_mail_sync_close(&round);
    ck_assert_str_eq(bench_ask(bench, "SELECT min(name) || max(name) FROM mail_folders"),
                     "A & BINBOX");
    upstream_close(up);
}
END_TEST

/* ---- ends ---- */

/* The server goes at each command of a first round; the one after these is whole. */
START_TEST(a_round_goes_on_where_one_ended)
{
    upstream_line_t cut[COUNT(first)];

    open_mailbox();
    for (int n = 0; n < COUNT(first) - 1; n++) {
        memcpy(cut, first, sizeof(cut));
        cut[n] = (upstream_line_t){cut[n].wants, "* 1 FETCH (UID", 1};
        ck_assert_ptr_nonnull(round_of(cut));
    }
    bench_ok(round_of(first));
    ck_assert_str_eq(rows(), "2 1 3 2");
    ck_assert_str_eq(place(), "7 4 0 2");
    upstream_close(up);
}
END_TEST

/* ---- rows that a job writes while more are read ---- */

#define WRITERS "gt-writers"
#define MANY 251       /* one more than a command asks for */
#define SECOND_CHUNK 9 /* commands until it is asked for */
static gt_crew_t *writers;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opens = PTHREAD_COND_INITIALIZER;
static int is_open;     /* under the lock; 0 when a test begins, as the next one */
static atomic_int jobs; /* that came to the database */

static int is_writer(void)
{
    char name[16] = "";

    pthread_getname_np(pthread_self(), name, sizeof(name));
    return strcmp(name, WRITERS) == 0;
}

static void wait_at_gate(void)
{
    if (!is_writer())
        return;
    atomic_fetch_add(&jobs, 1);
    pthread_mutex_lock(&gate_lock);
    while (!is_open)
        pthread_cond_wait(&gate_opens, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    is_open = 1;
    pthread_cond_broadcast(&gate_opens);
    pthread_mutex_unlock(&gate_lock);
}

static void wait_for_second_chunk(void)
{
    if (is_writer() && atomic_fetch_add(&jobs, 1) == 0)
        upstream_await_requests(up, SECOND_CHUNK);
}

static void open_with_writers(void (*at_database)(void))
{
    open_mailbox();
    is_open = 0;
    atomic_store(&jobs, 0);
    bench_ok(gt_crew_start(&writers, WRITERS, 2, child[0].loop, pool));
    atomic_store(&child[0].acquires, at_database);
}

static const char *mails(int from, int to)
{
    const char *text = "";

    for (int n = from; n <= to; n++)
        text = apr_psprintf(pool,
                            "%s* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 23 BODY[]<0> "
                            "{23}\r\nSubject: a\r\n\r\ntext%03d\r\n)\r\n",
                            text, n, n, n);
    return apr_pstrcat(pool, text, "$ OK\r\n", NULL);
}

static const char *uids(void)
{
    const char *text = "";

    for (int n = 1; n <= MANY; n++)
        text = apr_psprintf(pool, "%s* %d FETCH (UID %d)\r\n", text, n, n);
    return apr_pstrcat(pool, text, "$ OK\r\n", NULL);
}

/* @param second  the answer with the last of them */
static const upstream_line_t *many(const char *second, int ends)
{
    const upstream_line_t script[] = {SIGNED_IN(""),
                                      INBOX,
                                      EXAMINE(EXAMINED("251", "7", "252")),
                                      {"UID FETCH 1:251 (UID)", uids(), 0},
                                      {FETCH, mails(1, MANY - 1), 0},
                                      {FETCH, second, ends},
                                      END};

    return apr_pmemdup(pool, script, sizeof(script));
}

START_TEST(rows_are_written_while_more_are_read)
{
    open_with_writers(wait_for_second_chunk);
    bench_ok(round_by(many(mails(MANY, MANY), 0), writers, NULL, pool_of_round()));
    ck_assert_int_eq(atomic_load(&jobs), 2);
    ck_assert_str_eq(rows(), "251 1 251 251");
    ck_assert_str_eq(place(), "7 252 0 251");
    upstream_close(up);
}
END_TEST

/* The server goes while the rows before are being written: these stay, and the place with them. */
START_TEST(what_was_read_before_an_end_is_kept)
{
    const upstream_line_t last_one[] = {
        SIGNED_IN(""),
        INBOX,
        EXAMINE(EXAMINED("251", "7", "252")),
        {"UID FETCH 1:250 (UID FLAGS)", "* 1 FETCH (FLAGS () UID 1)\r\n$ OK\r\n", 0},
        {"UID FETCH 251:251 (UID)", "* 2 FETCH (UID 251)\r\n$ OK\r\n", 0},
        {FETCH, mails(MANY, MANY), 0},
        END};

    open_with_writers(wait_for_second_chunk);
    ck_assert_ptr_nonnull(round_by(many("* 251 FETCH (UID", 1), writers, NULL, pool_of_round()));
    ck_assert_str_eq(rows(), "250 1 250 250");
    ck_assert_str_eq(place(), "7 251 0 -1");
    bench_ok(round_by(last_one, writers, NULL, pool_of_round()));
    ck_assert_str_eq(place(), "7 252 0 251");
    upstream_close(up);
}
END_TEST

static int lose_claim(void *baton)
{
    (void)baton;
    if (atomic_load(&jobs) == 0)
        return 0;
    bench_ask(bench, "UPDATE mail_accounts SET claimed_by = 'another' RETURNING 1");
    open_gate();
    return 0;
}

START_TEST(a_claim_that_was_lost_ends_a_round_at_its_rows)
{
    open_with_writers(wait_at_gate);
    bench_tag(round_by(first, writers, lose_claim, pool_of_round()), "GT1602");
    ck_assert_str_eq(rows(), "0 0 0 0");
    upstream_close(up);
}
END_TEST

static int lose_database(void *baton)
{
    (void)baton;
    if (atomic_load(&jobs) == 0)
        return 0;
    atomic_store(&child[0].away, 1000000);
    open_gate();
    return 0;
}

START_TEST(a_database_that_goes_while_a_job_writes_fails_the_round)
{
    gt_err_t *err;

    open_with_writers(wait_at_gate);
    err = round_by(first, writers, lose_database, pool_of_round());
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_STORE_AWAY);
    ck_assert_str_eq(rows(), "0 0 0 0");
    ck_assert_str_eq(place(), "7 1 0 -1");
    upstream_close(up);
}
END_TEST

static int has_job(void *baton)
{
    (void)baton;
    return atomic_load(&jobs) > 0;
}

/* The process ends: the round goes with all its memory, the claim is given back, and the job, which
 * hangs at the database meanwhile, writes nothing any more. */
START_TEST(a_job_outlives_its_round)
{
    open_with_writers(wait_at_gate);
    bench_tag(round_by(first, writers, has_job, pool_of_round()), "GT0322");
    bench_ok(gt_mail_account_let_go(child[1].store, account, pool));
    open_gate();
    gt_crew_stop(writers, LIMIT);
    ck_assert_str_eq(rows(), "0 0 0 0");
    ck_assert_str_eq(place(), "7 1 0 -1");
    upstream_close(up);
}
END_TEST

Suite *suite_mail_sync(void)
{
    Suite *suite = suite_create("mail_sync");
    TCase *tcase = children_case(suite, "a round", GT_SQLITE);

    tcase_add_test(tcase, without_modification_sequences);
    tcase_add_test(tcase, by_modification_sequences);
    tcase_add_loop_test(tcase, changes_in_parts, 0, 2);
    tcase_add_loop_test(tcase, by_quick_resynchronisation, 0, 2);
    tcase_add_test(tcase, another_uidvalidity_begins_anew);
    tcase_add_loop_test(tcase, a_server_that_lies_of_what_is_kept, 0, COUNT(lies));
    tcase_add_loop_test(tcase, a_server_that_lies_of_new_mail, 0, COUNT(fresh_lies));
    tcase_add_test(tcase, flags_in_any_order);
    tcase_add_loop_test(tcase, answers_that_are_many, 0, 2);
    tcase_add_test(tcase, names_that_are_no_utf7);
    tcase_add_test(tcase, a_round_goes_on_where_one_ended);
    tcase_add_test(tcase, rows_are_written_while_more_are_read);
    tcase_add_test(tcase, what_was_read_before_an_end_is_kept);
    tcase_add_test(tcase, a_claim_that_was_lost_ends_a_round_at_its_rows);
    tcase_add_test(tcase, a_database_that_goes_while_a_job_writes_fails_the_round);
    tcase_add_test(tcase, a_job_outlives_its_round);
    return suite;
}
