/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * How the engines carry out each statement of a store on a large store, asked of EXPLAIN with
 * parameters bound as the program binds them. A statement that walks through a whole table is
 * refused unless it stands on a list here, with the reason. All statements are enumerated: a new
 * one fails here until it has arguments below.
 */

#include <string.h>

#include <apr_strings.h>
#include <check.h>
#include <jansson.h>

#include "bench.h"
#include "db/handle.h"
#include "store/hook_ladder.h"
#include "store/mail_ladder.h"
#include "store/sql_names.h"
#include "store/statements.h"

Suite *suite_plans(void);

#define T(text)                                                                                    \
    {                                                                                              \
        GT_DB_TEXT, text, 0                                                                        \
    }
#define N(number)                                                                                  \
    {                                                                                              \
        GT_DB_NUMBER, NULL, number                                                                 \
    }
#define ID "7f6a3f6c0c4e4b5f8f2f7b1c9d3e5a71"
#define RANGE T(ID), T("7fffffffffffffffffffffffffffffff")
#define OWNER T("u500"), T("microsoft")
/* A time in the middle of those below, as PostgreSQL's µs; SQLite compares texts. */
#define TIME T("1900000000000000")
#define LISTED N(-1), N(-1), T("microsoft"), T("microsoft"), N(-1), N(-1)
#define NOT_ACTIVE N(0), T("microsoft"), T("microsoft"), N(-1), N(-1)
#define PAGE 100
#define BEGINS N(8), T("gt1.new.")

static const struct {
    const char *name;
    gt_db_value_t args[GT_SQL_PARAMS + 1];
} bound[] = {
    {"find grant", {OWNER}},
    {"insert grant",
     {T(ID), OWNER, T("i"), T("t"), T("s"), T("e"), T("x"), T("a"), T("r"), T("i"), T("k"),
      N(3600)}},
    {"sign in again",
     {T("i"), T("t"), T("s"), T("e"), T("x"), T("a"), T("r"), T("i"), T("k"), N(3600), OWNER,
      N(1)}},
    {"commit refresh", {T("x"), T("a"), T("r"), T("i"), T("k"), N(3600), T("c"), OWNER, N(1)}},
    {"commit other", {T("r"), T("i"), T("k"), T("c"), OWNER, N(1)}},
    {"challenge grant", {N(0), T("c"), OWNER, N(1)}},
    {"begin account", {T(ID), OWNER, T("e")}},
    {"find mark", {OWNER}},
    {"refuse password", {T("m"), N(3600), T("s"), OWNER, N(1)}},
    {"find access", {OWNER, T("outlook"), N(1)}},
    {"keep access", {T("outlook"), T("a"), N(3600), T("x"), OWNER, N(1)}},
    {"drop access", {OWNER}},
    {"drop access of inactive", {OWNER, OWNER}},
    {"purge access", {N(500)}},
    {"look for access", {OWNER, N(1)}},
    {"count access keys", {RANGE}},
    {"count old access", {RANGE, BEGINS}},
    {"list old access", {RANGE, BEGINS, N(500)}},
    {"write access seals", {T("[]")}},
    {"count error", {T("m"), N(0), N(0), N(3), OWNER, N(1)}},
    {"set status", {T("m"), N(2), T("c"), OWNER, N(1)}},
    {"deactivate grant", {T("m"), OWNER}},
    {"activate grant", {OWNER}},
    {"note deletion", {OWNER}},
    {"look for deletion", {OWNER}},
    {"delete grant", {OWNER}},
    {"add uses", {T("[]")}},
    {"count part",
     {N(7), N(300), T("6fffffffffffffffffffffffffffffff"), T("7fffffffffffffffffffffffffffffff")}},
    {"list grants", {OWNER, LISTED, N(100)}},
    {"list grants by expiry", {TIME, OWNER, LISTED, N(100)}},
    {"list grants by expiry down", {TIME, OWNER, LISTED, N(100)}},
    {"list grants by change", {TIME, OWNER, LISTED, N(100)}},
    {"list grants by change down", {TIME, OWNER, LISTED, N(100)}},
    {"list not active", {OWNER, NOT_ACTIVE, N(100)}},
    {"list not active by expiry", {TIME, OWNER, NOT_ACTIVE, N(100)}},
    {"list not active by expiry down", {TIME, OWNER, NOT_ACTIVE, N(100)}},
    {"list not active by change", {TIME, OWNER, NOT_ACTIVE, N(100)}},
    {"list not active by change down", {TIME, OWNER, NOT_ACTIVE, N(100)}},
    {"list failing", {OWNER, LISTED, N(100)}},
    {"list failing by expiry", {TIME, OWNER, LISTED, N(100)}},
    {"list failing by expiry down", {TIME, OWNER, LISTED, N(100)}},
    {"list failing by change", {TIME, OWNER, LISTED, N(100)}},
    {"list failing by change down", {TIME, OWNER, LISTED, N(100)}},
    {"count list", {N(1), N(1), T("microsoft"), T("microsoft"), N(600), N(600)}},
    {"count not active", {NOT_ACTIVE}},
    {"count failing", {LISTED}},
    {"list changes", {N(4500), N(4500)}},
    {"list changes and ends", {N(4500), N(4500), N(4500)}},
    {"note session",
     {T(ID), N(0), N(0), N(3600), T("s"), T("192.0.2.0/24"), T("Firefox, Linux"), OWNER}},
    {"end session", {T(ID), N(0), N(3600), OWNER}},
    {"end sessions before", {T("*"), N(0), N(3600), OWNER}},
    {"drop sessions", {OWNER, N(0)}},
    {"owners of subject", {T("microsoft"), T("s")}},
    {"end session by id", {T(ID)}},
    {"end session by sid", {T("s"), T("microsoft")}},
    {"list ended sessions", {OWNER, N(50)}},
    {"look for ended session", {OWNER, T(ID)}},
    {"count ends", {RANGE, N(30), N(7)}},
    {"write hour",
     {T("r"), N(1), N(500000), N(1), N(1), N(1), N(1), N(1), N(1), N(1), N(1), N(1), N(1), N(1),
      N(1), N(1), N(1), N(1), N(1)}},
    {"list hours", {N(720)}},
    {"purge hours", {N(720)}},
    {"add history", {T("[]")}},
    {"add histories", {T("[]")}},
    {"list history", {OWNER}},
    {"purge history", {N(2592000), N(500)}},
    {"list sessions of owner", {OWNER, T(ID), N(100)}},
    {"list sessions", {OWNER, T(ID), N(100)}},
    {"list first sessions", {N(100)}},
    {"purge sessions", {N(500)}},
    {"purge deletions", {N(1800000), N(500)}},
    {"take lease", {T("h"), N(60), T("h"), OWNER, N(1), T("d")}},
    {"give back lease", {OWNER, T("h"), N(1)}},
    {"rest lease", {OWNER, T("h"), N(1)}},
    {"renew lease", {N(60), OWNER, T("h"), N(1)}},
    {"doubt lease", {N(60), OWNER, N(1)}},
    {"look at leases", {OWNER, OWNER, OWNER, OWNER, OWNER, OWNER, OWNER, OWNER}},
    {"make parts", {N(16), T("refresh")}},
    {"claim part", {T("refresh"), N(640), N(20), T("w"), T("refresh")}},
    {"put off part", {N(20), T("refresh"), N(3), T("w")}},
    {"call parts", {T("bulk")}},
    {"make bulk job", {T("j"), T("refresh"), T("{}"), T("ada"), T("192.0.2.7"), T("r"), N(50)}},
    {"find bulk job", {T("j500")}},
    {"list bulk jobs", {N(50)}},
    {"list active bulk jobs", {N(50)}},
    {"stop bulk job", {N(1), T("j500"), N(1)}},
    {"fill bulk job", {T("d"), T("j500")}},
    {"end bulk job", {T("j500")}},
    {"drop bulk job", {T("j500")}},
    {"find old bulk job", {N(2592000000)}},
    {"purge bulk items", {T("j500"), T("j500"), N(500)}},
    {"add named to bulk job", {T("j500"), T("no such grant"), T("t"), T("[]")}},
    {"fill bulk job from range",
     {T("j500"), T("j500"), RANGE, N(1), N(1), T("microsoft"), T("microsoft"), N(600), N(600), N(1),
      T("j500"), N(3)}},
    {"note range of bulk job", {T(ID), N(7), T("j500"), N(3)}},
    {"claim bulk items", {T("j500"), N(3600000), N(64), T("c"), N(150000), T("j500"), T("j500")}},
    {"begin bulk job", {T("j500")}},
    {"prolong bulk claim", {N(150000), T("j500"), T("c")}},
    {"give back bulk item", {N(0), N(1), T("j500"), N(500), T("c")}},
    {"note bulk result", {N(1), T("d"), T("t"), T("j500"), N(500), T("c")}},
    {"count bulk result", {N(1), N(0), T("j500")}},
    {"list bulk items", {T("j500"), N(500), N(51)}},
    {"list bulk outcome", {T("j500"), N(2), N(500), N(51)}},
    {"take turns", {N(20), N(20), N(20)}},
    {"pick due", {N(3), N(-3600), N(600), N(604800), N(151), N(64), N(150)}},
    {"let go", {OWNER}},
    {"not checked", {OWNER}},
    {"pick unchecked", {N(3), N(86400), N(604800), N(20)}},
    {"expire", {N(0), N(-7776000), N(7776000), N(200)}},
    {"remove inactive", {N(-2592000), N(200)}},
    {"count cleanup", {N(0), N(-7776000), N(7776000), N(-2592000), RANGE}},
    {"find by id", {T(ID)}},
    {"find id token", {T(ID)}},
    {"list of user", {T("u500")}},
    {"list of address", {T("U500@Example.com"), N(100)}},
    {"end of range", {T(ID), N(1000)}},
    {"end of range of mail messages", {N(5000), N(1000)}},
    {"count keys", {RANGE}},
    {"count old rows", {RANGE, BEGINS, BEGINS, BEGINS}},
    {"list old rows", {RANGE, BEGINS, BEGINS, BEGINS, N(500)}},
    {"write seals", {T("[]")}},
    {"list old passwords", {BEGINS}},
    {"count keys of mail messages", {N(5000), N(6000)}},
    {"count mail messages to be sealed anew", {N(5000), N(6000), BEGINS, BEGINS, BEGINS, BEGINS}},
    {"list mail messages to be sealed anew",
     {N(5000), N(6000), BEGINS, BEGINS, BEGINS, BEGINS, N(50)}},
    {"write seals of mail messages", {T("[]")}},
    {"write password seal", {T("new"), N(500), T("old")}},
    {"find mail account again", {OWNER, T("u500@example.com")}},
    {"find mail account by address", {OWNER, T("u500@example.com")}},
    {"set servers of mail account", {T("h"), N(993), T("tls"), T("h"), N(587), T("tls"), N(500)}},
    {"add mail account",
     {OWNER, T("a"), T("h"), N(993), T("tls"), T("h"), N(587), T("tls"), T("xoauth2"), T("xoauth2"),
      T("INBOX"), N(1)}},
    {"list mail accounts", {N(500), N(100)}},
    {"list mail accounts of user", {T("u500"), N(0), N(100)}},
    {"find mail account", {N(500)}},
    {"mail accounts by password", {N(500), N(500)}},
    {"mail accounts by token", {N(500), N(500), N(1)}},
    {"switch mail accounts", {N(1), N(500), N(500), N(1)}},
    {"make mail accounts due", {N(500), N(500)}},
    {"set password of mail account", {T("p"), N(500)}},
    {"delete mail account", {N(500)}},
    {"claim mail accounts", {N(64), T("c"), N(600), N(600)}},
    {"claim mail account", {T("c"), N(600), N(600), N(500)}},
    {"keep mail claim", {N(600), N(600), N(500), T("c"), N(0)}},
    {"give back mail claim", {T("e"), T("e"), T("e"), T("e"), N(300), N(500), T("c")}},
    {"let go mail claim", {N(500), T("c")}},
    {"place mail folder", {N(2), N(3), N(4), N(1), N(7), T("INBOX"), N(1), N(7), T("c")}},
    {"begin mail folder", {N(7), T("INBOX"), T("\\Sent"), N(1), N(3), N(7), T("c")}},
    {"add mail messages", {N(7), T("INBOX"), N(1), T("[]")}},
    {"flag mail messages", {T("[]"), N(7), T("INBOX"), N(1)}},
    {"remove mail messages",
     {T("[{\"first_uid\": 5, \"last_uid\": 90}]"), N(7), T("INBOX"), N(1), N(500)}},
    {"drop mail messages", {N(7), T("INBOX"), N(2), N(7), T("c"), N(500)}},
    {"drop mail messages of none", {N(7), T("INBOX"), N(7), N(500)}},
    {"drop mail folder", {N(7), T("INBOX"), N(7), T("c")}},
    {"drop mail folder of none", {N(7), T("INBOX"), N(7)}},
    {"drop old mail messages", {N(86400), N(500)}},
    {"list mail folders", {N(7)}},
    {"list mail uids", {N(7), T("INBOX"), N(1), N(100), N(5000)}},
    {"list mail messages", {N(7), N(1900000000), N(5000000), N(100)}},
    {"list mail messages of folder", {N(7), T("INBOX"), N(1900000000), N(5000000), N(100)}},
    {"list unread mail messages", {N(7), T("INBOX"), N(1900000000), N(5000000), N(100)}},
    {"find mail message", {N(7), N(5000)}},
    {"find account of mail message", {N(5000)}},
    {"begin mail", {OWNER, T("k"), T("d"), T("m"), T("h"), N(300)}},
    {"find mail", {OWNER, T("k500")}},
    {"begin mail again", {T("h"), N(300), OWNER, T("k500")}},
    {"take over mail", {T("h"), N(300), OWNER, T("k500"), T("h2")}},
    {"end mail", {T("sent"), N(0), OWNER, T("k500"), T("h")}},
    {"purge mails", {N(1000)}},
    {"add subscriptions", {T("calendar"), N(7), T("microsoft"), T("calendar"), N(200)}},
    {"tidy subscriptions", {N(7), N(200)}},
    {"call subscriptions", {T("mail")}},
    {"claim subscriptions", {N(32), T("c"), N(180), N(180)}},
    {"begin subscription", {T("h"), N(500), T("c")}},
    {"keep subscription", {T("s"), N(3600), N(2400), N(500), T("c")}},
    {"fail subscription", {T("e"), N(60), N(500), T("c")}},
    {"let go subscription", {N(500), T("c")}},
    {"drop subscription", {N(500), T("c")}},
    {"subscriptions of owner", {OWNER}},
    {"drop subscriptions of owner", {OWNER}},
    {"make subscription due", {N(0), N(500), T("s500")}},
    {"find subscriptions", {T("[\"s500\"]"), T("[\"h\"]")}},
    {"add notifications", {T("[]")}},
    {"claim deliveries", {N(128), T("c"), N(120)}},
    {"claim next delivery", {T("c"), N(120), T("l500")}},
    {"end delivery", {N(200), N(500), T("c")}},
    {"fail delivery", {N(0), N(0), N(500), T("e"), N(500), T("c")}},
    {"put off lane", {N(5), T("l500"), N(5), N(500), T("c")}},
    {"let go delivery", {N(500), T("c")}},
    {"purge notifications", {N(604800), N(1), N(1000)}},
};

/* Statements that may walk through a table, and why. */
static const struct {
    const char *name;
    const char *table; /* as it ends */
    const char *why;
} allowed[] = {
    {"add up", "_counts", "16 rows"},
    {"add up with ends", "_counts", "16 rows"},
    {"count ends", "_counts", "16 rows"},
    {"list hours", "_hours", "all of 30 days are wanted, and there are no others"},
    {"purge hours", "_hours", "once a minute; some hundred rows for each node"},
    {"count list", "user_tokens", "counts them; once a verb of an administrator, for its bar"},
    {"count failing", "user_tokens", "the same, of those in an index of them alone"},
    {"count password keys", "mail_accounts", "once a verb of an administrator"},
    {"list old passwords", "mail_accounts", "the same"},
    {"list old passwords", "user_tokens", "the grants of those few"},
    {"sum mail accounts", "mail_accounts", "counts them, for a health check"},
    {"sum mail accounts", "user_tokens", "the grants of as many accounts"},
    {"find mail folder of none", "mail_folders", "once a minute; some dozen rows for each account"},
    {"find mail folder of none", "mail_accounts", "the accounts of all folders"},
    {"purge mails", "mail_sends", "once an hour; the mails of a day"},
    {"list jobs", "_jobs", "a few dozen rows"},
    {"make parts", "parts", "as many rows as it makes"},
    {"claim part", "_jobs", "a few dozen rows"},
    {"put off part", "_jobs", "a few dozen rows"},
    {"look for ids", "pg_namespace", "a dozen rows of the catalogue"},
    {"read both ids", "graphtok_ids", "a row for each store"},
    {"count access keys", "_access", "a range of a thousand grants; this table is small beside it"},
    {"count old access", "_access", "the same"},
    {"list first sessions", "_sessions", "from the first on, a piece of 500"},
    {"call parts", "_jobs", "a few dozen rows"},
    {"make bulk job", "_bulk", "some hundred rows: the jobs of 30 days"},
    {"list bulk jobs", "_bulk", "the same"},
    {"list active bulk jobs", "_bulk", "the same"},
    {"find old bulk job", "_bulk", "the same"},
    {"purge bulk items", "_bulk_items",
     "once an hour; 500 look-ups by index may cost more than a walk through a small table"},
    {"purge access", "_access",
     "once a minute; 500 look-ups by index may cost more than a walk through a small table"},
    {"purge history", "_history", "the same as that of access tokens"},
    {"purge deletions", "_gone",
     "once a minute; 500 look-ups by index may cost more than a walk through half an hour's notes"},
};

/* Tokens that ended lately or end soon, two thirds of them used lately, one in twenty inactive;
 * each has a token of another resource. */
#define COLUMNS                                                                                    \
    "user_id, encrypted_access_token, encrypted_refresh_token, expires_at, status, last_used_at, " \
    "revision"
#define PG_EPOCH "CAST(extract(epoch FROM now()) AS BIGINT)"
#define FILL_ACCESS(now)                                                                           \
    "INSERT INTO user_tokens_access (user_id, provider, resource, encrypted_access_token, "        \
    "expires_at, generation, obtained_at) SELECT user_id, provider, 'outlook', 'x', " now " - "    \
    "CASE WHEN user_id LIKE '%7' THEN 7200 ELSE 0 END, 1, 1 FROM user_tokens"
/* Of one user ten thousand; every third session was ended. */
#define FILL_SESSIONS(now, rest)                                                                   \
    "INSERT INTO user_tokens_sessions (user_id, provider, id, began_at, used_at, ends_at, "        \
    "ended_at, revision, sid) SELECT CASE WHEN n <= 10000 THEN 'u500' ELSE 'u' || n END, "         \
    "'microsoft', 'f' || n, 1, 1, " now " + n % 100000, CASE WHEN n % 3 = 0 THEN 1 ELSE 0 END, "   \
    "CASE WHEN n % 3 = 0 THEN (" now " - n) * 1000 ELSE 0 END, 's' || n FROM " rest
#define FILL_HISTORY(now)                                                                          \
    "INSERT INTO user_tokens_history (user_id, provider, place, number, noted_at, event, "         \
    "outcome) "                                                                                    \
    "SELECT user_id, provider, 1, 1, " now ", 'refresh', 'failed' FROM user_tokens"
#define SQLITE_SERIES                                                                              \
    "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100000) "           \
    "SELECT n FROM s)"
/* A thousand jobs, one of them large. */
#define FILL_BULK(now, rest)                                                                       \
    "INSERT INTO user_tokens_bulk (id, act, created_at, updated_at) SELECT 'j' || n, "             \
    "'refresh', " now " * 1000 - n, " now " * 1000 - n FROM " rest " WHERE n <= 1000",             \
        "INSERT INTO user_tokens_bulk_items (job, n, grant_id, of_user, of_provider, outcome, "    \
        "claim) SELECT CASE WHEN n <= 50000 THEN 'j500' ELSE 'j' || n % 1000 END, n, 'g' || n, "   \
        "'u' || n, 'microsoft', n % 3, CASE WHEN n % 900 = 0 THEN 'c' END FROM " rest
/* A mailbox of each fifth user; each hundredth is due. */
#define FILL_MAIL(now)                                                                             \
    "INSERT INTO mail_accounts (user_id, provider, email_address, incoming_server, "               \
    "incoming_port, due_at, created_at, updated_at) SELECT user_id, provider, "                    \
    "user_id || '@example.com', 'imap.example.com', 993, " now " + CASE WHEN user_id LIKE '%00' "  \
    "THEN -1 ELSE 300 END, 1, 1 FROM user_tokens WHERE user_id LIKE '%5' OR user_id LIKE '%0'"
/* Half of them are in one folder; each tenth is unread. */
#define FILL_MESSAGES(now, rest)                                                                   \
    "INSERT INTO mail_folders (account_id, name, uidvalidity) SELECT n, 'INBOX', 1 FROM " rest     \
    " WHERE n <= 20000",                                                                           \
        "INSERT INTO mail_messages (account_id, folder, uidvalidity, uid, is_seen, "               \
        "internal_date, is_sealed, text) SELECT CASE WHEN n % 2 = 0 THEN 7 ELSE n % 997 END, "     \
        "'INBOX', 1, n, "                                                                          \
        "CASE WHEN n % 10 = 1 THEN 0 ELSE 1 END, " now " - n, 1, 'x' FROM " rest
/* A mail with a key of each grant. */
#define FILL_SENDS                                                                                 \
    "INSERT INTO mail_sends (user_id, provider, idempotency_key, request_digest, message_id, "     \
    "holder, state, began_at, ends_at) SELECT user_id, provider, 'k500', 'd', 'm', 'h', 'sent', "  \
    "1, 1 FROM user_tokens"
/* A subscription of each fifth user, each hundredth due; notifications, each tenth pending. */
#define FILL_HOOKS(now, rest)                                                                      \
    "INSERT INTO graph_subscriptions (user_id, provider, resource, subscription_id, "              \
    "client_state_hash, due_at, created_at, updated_at) SELECT user_id, provider, 'calendar', "    \
    "user_id || 's', user_id || 'h', " now " + CASE WHEN user_id LIKE '%00' THEN -1 ELSE 3000 "    \
    "END, 1, 1 FROM user_tokens WHERE user_id LIKE '%5' OR user_id LIKE '%0'",                     \
        "INSERT INTO graph_notifications (subscription, user_id, provider, kind, change_type, "    \
        "resource, lane, repeat_key, body, state, due_at, received_at) SELECT n % 997, 'u5', "     \
        "'microsoft', 'calendar', 'updated', 'r', 'l' || (n % 997), 'k' || n, '{}', "              \
        "CASE WHEN n % 10 = 1 THEN 'pending' WHEN n % 10 = 2 THEN 'dead' ELSE 'delivered' "        \
        "END, " now " - n, " now " - n FROM " rest
static const char *const fill[GT_ENGINES][14] = {
    [GT_PGSQL] =
        {"INSERT INTO user_tokens (" COLUMNS ") SELECT 'u' || n, repeat('x', 100), "
         "CASE WHEN n % 50 = 0 THEN '' ELSE repeat('y', 100) END, now() + (n % 7200 - 900) * "
         "interval '1 second', CASE WHEN n % 20 = 0 THEN 0 WHEN n % 20 = 1 THEN 2 ELSE 1 "
         "END, " PG_EPOCH " - n % 1000000, (" PG_EPOCH " - n) * 1000 "
         "FROM generate_series(1, 120000) AS n",
         "INSERT INTO user_tokens_gone (user_id, provider, revision) SELECT 'g' || n, "
         "'microsoft', (" PG_EPOCH " - n) * 1000 FROM generate_series(1, 20000) AS n",
         FILL_ACCESS(PG_EPOCH), FILL_SESSIONS(PG_EPOCH, "generate_series(1, 100000) AS n"),
         FILL_BULK(PG_EPOCH, "generate_series(1, 100000) AS n"), FILL_HISTORY(PG_EPOCH),
         FILL_MAIL(PG_EPOCH), FILL_SENDS,
         FILL_MESSAGES(PG_EPOCH, "generate_series(1, 100000) AS n"),
         FILL_HOOKS(PG_EPOCH, "generate_series(1, 100000) AS n")},
    [GT_SQLITE] =
        {"INSERT INTO user_tokens (" COLUMNS ") WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL "
         "SELECT n + 1 FROM s WHERE n < 120000) SELECT 'u' || n, 'x', CASE WHEN n % 50 = 0 THEN "
         "'' ELSE 'y' END, datetime(unixepoch('now') + n % 7200 - 900, 'unixepoch'), "
         "CASE WHEN n % 20 = 0 THEN 0 WHEN n % 20 = 1 THEN 2 ELSE 1 END, "
         "unixepoch('now') - n % 1000000, (unixepoch('now') - n) * 1000 FROM s",
         "INSERT INTO user_tokens_gone (user_id, provider, revision) SELECT 'g' || user_id, "
         "provider, revision FROM user_tokens LIMIT 20000",
         FILL_ACCESS("unixepoch('now')"), FILL_SESSIONS("unixepoch('now')", SQLITE_SERIES),
         FILL_BULK("unixepoch('now')", SQLITE_SERIES), FILL_HISTORY("unixepoch('now')"),
         FILL_MAIL("unixepoch('now')"), FILL_SENDS,
         FILL_MESSAGES("unixepoch('now')", SQLITE_SERIES),
         FILL_HOOKS("unixepoch('now')", SQLITE_SERIES)},
};

/* ---- what EXPLAIN says ---- */

/* All that is refused is told of at once. */
typedef struct findings_t {
    const gt_sql_t *sql;
    const char *text; /* a line each */
    int n;
    apr_pool_t *pool;
} findings_t;

static void refuse(findings_t *found, const char *table, const char *how)
{
    const apr_size_t length = strlen(table);

    for (apr_size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        const apr_size_t tail = strlen(allowed[i].table);

        if (strcmp(allowed[i].name, found->sql->name) == 0 && length >= tail &&
            strcmp(table + length - tail, allowed[i].table) == 0)
            return;
    }
    found->text =
        apr_psprintf(found->pool, "%s\n%s: %s of %s", found->text, found->sql->name, how, table);
    found->n++;
}

/* A page of a list of grants: its order is an index's. */
static int is_page(const gt_sql_t *sql)
{
    return strncmp(sql->name, "list grants", 11) == 0 ||
           strncmp(sql->name, "list not active", 15) == 0 ||
           strncmp(sql->name, "list failing", 12) == 0;
}

/* How many rows the planner expects of a node. */
static apr_int64_t rows_of(const json_t *node)
{
    return (apr_int64_t)json_number_value(json_object_get(node, "Plan Rows"));
}

/* A node and those below it. */
static void look_at_node(findings_t *found, const json_t *node)
{
    const char *kind = json_string_value(json_object_get(node, "Node Type"));
    const char *table = json_string_value(json_object_get(node, "Relation Name"));
    apr_size_t i;
    json_t *below;

    ck_assert_ptr_nonnull(kind);
    if (strcmp(kind, "Seq Scan") == 0)
        refuse(found, table, "sequential scan");
    if (strcmp(kind, "Sort") == 0 && is_page(found->sql) && rows_of(node) > PAGE)
        refuse(found, "its rows", "sort of all, for a page");
    if ((strcmp(kind, "Index Scan") == 0 || strcmp(kind, "Index Only Scan") == 0) &&
        json_object_get(node, "Index Cond") == NULL)
        refuse(found, table, "walk through a whole index");
    json_array_foreach (json_object_get(node, "Plans"), i, below)
        look_at_node(found, below);
}

static void look_at_pgsql(findings_t *found, const char *plan)
{
    json_t *tree = json_loads(plan, 0, NULL);

    ck_assert_ptr_nonnull(tree);
    look_at_node(found, json_object_get(json_array_get(tree, 0), "Plan"));
    json_decref(tree);
}

/* "SCAN user_tokens", "SCAN user_tokens USING INDEX …"; a name that is no table of ours is a
 * subquery's. */
static void look_at_sqlite(findings_t *found, const char *line)
{
    const char *table;

    if (strstr(line, "TEMP B-TREE FOR ORDER BY") != NULL && is_page(found->sql))
        refuse(found, "its rows", line);
    if (strncmp(line, "SCAN ", 5) != 0)
        return;
    table = apr_pstrmemdup(found->pool, line + 5, strcspn(line + 5, " "));
    if (strncmp(table, "user_tokens", 11) == 0 || strncmp(table, "mail_", 5) == 0 ||
        strncmp(table, "graph_", 6) == 0)
        refuse(found, table, line);
}

/* ---- asking ---- */

static const gt_db_value_t *args_of(const gt_sql_t *sql)
{
    static const gt_db_value_t none[1];

    for (apr_size_t i = 0; i < sizeof(bound) / sizeof(bound[0]); i++)
        if (strcmp(bound[i].name, sql->name) == 0)
            return bound[i].args;
    return none;
}

/* What the program would bind, in the driver's form. */
static const void **slots_of(const gt_sql_t *sql, const char *text, apr_pool_t *p)
{
    const gt_db_value_t *args = args_of(sql);
    const void **slots = apr_pcalloc(p, sizeof(void *) * (GT_SQL_PARAMS + 1));
    int n = 0;

    for (text = strchr(text, '%'); text != NULL; text = strchr(text + 1, '%')) {
        const gt_db_value_t *value = &args[n];

        ck_assert_msg(value->kind == (text[1] == 's' ? GT_DB_TEXT : GT_DB_NUMBER),
                      "%s: argument %d is missing here, or of another kind", sql->name, n);
        slots[n++] = value->kind == GT_DB_TEXT ? (const void *)value->text : &value->number;
    }
    ck_assert_msg(args[n].kind == GT_DB_NULL, "%s: too many arguments", sql->name);
    return slots;
}

static void explain(findings_t *found, const bench_t *bench, const gt_db_conn_t *conn,
                    apr_pool_t *p)
{
    const gt_sql_t *sql = found->sql;
    const gt_sql_names_t names = gt_store_names(bench->conf, p);
    const char *text = gt_sql_text(sql, bench->engine, &names, p);
    const void **slots = slots_of(sql, text, p);
    const int is_pgsql = bench->engine == GT_PGSQL;
    apr_dbd_prepared_t *prepared = NULL;
    apr_dbd_results_t *rows = NULL;
    apr_dbd_row_t *row = NULL;
    int rc;

    text = apr_pstrcat(p, is_pgsql ? "EXPLAIN (FORMAT JSON) " : "EXPLAIN QUERY PLAN ", text, NULL);
    rc = apr_dbd_prepare(conn->driver, p, conn->handle, text, NULL, &prepared);
    if (rc == 0)
        rc = apr_dbd_pbselect(conn->driver, p, conn->handle, &rows, prepared, 1, slots);
    ck_assert_msg(rc == 0, "%s: %s\n%s", sql->name, apr_dbd_error(conn->driver, conn->handle, rc),
                  text);
    while (apr_dbd_get_row(conn->driver, p, rows, &row, -1) == 0) {
        const char *said = apr_dbd_get_entry(conn->driver, row, is_pgsql ? 0 : 3);

        if (is_pgsql)
            look_at_pgsql(found, said);
        else
            look_at_sqlite(found, said);
    }
}

/* Partitions of the grants' table that a plan names, as words. */
static void note_partitions(const char **names, const json_t *node, apr_pool_t *p)
{
    const char *table = json_string_value(json_object_get(node, "Relation Name"));
    apr_size_t i;
    json_t *below;

    if (table != NULL && strncmp(table, "user_tokens_p", 13) == 0 && strstr(*names, table) == NULL)
        *names = apr_pstrcat(p, *names, table, " ", NULL);
    json_array_foreach (json_object_get(node, "Target Tables"), i, below)
        note_partitions(names, below, p);
    json_array_foreach (json_object_get(node, "Plans"), i, below)
        note_partitions(names, below, p);
}

static const char *partitions_of(const gt_sql_t *sql, const bench_t *bench,
                                 const gt_db_conn_t *conn, apr_pool_t *p)
{
    const gt_sql_names_t names = gt_store_names(bench->conf, p);
    const char *text = gt_sql_text(sql, bench->engine, &names, p);
    const void **slots = slots_of(sql, text, p);
    apr_dbd_prepared_t *prepared = NULL;
    apr_dbd_results_t *rows = NULL;
    apr_dbd_row_t *row = NULL;
    const char *found = "";

    text = apr_pstrcat(p, "EXPLAIN (FORMAT JSON) ", text, NULL);
    ck_assert_int_eq(apr_dbd_prepare(conn->driver, p, conn->handle, text, NULL, &prepared), 0);
    ck_assert_int_eq(apr_dbd_pbselect(conn->driver, p, conn->handle, &rows, prepared, 1, slots), 0);
    while (apr_dbd_get_row(conn->driver, p, rows, &row, -1) == 0) {
        json_t *tree = json_loads(apr_dbd_get_entry(conn->driver, row, 0), 0, NULL);

        note_partitions(&found, json_object_get(json_array_get(tree, 0), "Plan"), p);
        json_decref(tree);
    }
    return found;
}

static void fill_store(bench_t *bench)
{
    bench_migrate(bench, gt_store_newest());
    bench_mail(bench, gt_mail_ladder.newest);
    bench_hooks(bench, gt_hook_ladder.newest);
    for (int i = 0; fill[bench->engine][i] != NULL; i++)
        bench_run(bench, fill[bench->engine][i]);
    bench_ask(bench, bench->engine == GT_PGSQL ? "VACUUM ANALYZE" : "PRAGMA optimize");
}

START_TEST(no_statement_walks_through_a_large_table)
{
    bench_t *bench = bench_open(_i);
    gt_db_source_t source;
    gt_db_conn_t conn;
    findings_t found = {.text = "", .pool = bench->pool};

    fill_store(bench);
    bench_ok(gt_handle_source(&source, bench->driver, bench->params, bench->pool));
    ck_assert_int_eq(source.acquire(&conn, source.baton, bench->pool), APR_SUCCESS);
    for (int file = 0; gt_store_sql[file] != NULL; file++)
        for (int i = 0; gt_store_sql[file][i] != NULL; i++) {
            apr_pool_t *p;

            apr_pool_create(&p, conn.pool);
            found.sql = gt_store_sql[file][i];
            explain(&found, bench, &conn, p);
            apr_pool_destroy(p);
        }
    source.release(&conn, source.baton);
    ck_assert_msg(found.n == 0, "%s%s", bench->driver, found.text);
    bench_close(bench);
}
END_TEST

/* What a request asks of a store that is partitioned by the user stays within one partition. */
START_TEST(a_statement_of_an_owner_looks_at_one_partition)
{
    bench_t *bench = bench_open(1);
    gt_db_source_t source;
    gt_db_conn_t conn;
    int looked = 0;

    bench_migrate(bench, gt_store_newest());
    bench_mail(bench, gt_mail_ladder.newest);
    bench_hooks(bench, gt_hook_ladder.newest);
    bench_partition(bench);
    bench_ok(gt_handle_source(&source, bench->driver, bench->params, bench->pool));
    ck_assert_int_eq(source.acquire(&conn, source.baton, bench->pool), APR_SUCCESS);
    for (int file = 0; gt_store_sql[file] != NULL; file++)
        for (int i = 0; gt_store_sql[file][i] != NULL; i++) {
            const gt_sql_t *sql = gt_store_sql[file][i];
            const char *found;

            if (strstr(sql->text, "{owner}") == NULL)
                continue;
            found = partitions_of(sql, bench, &conn, conn.pool);
            ck_assert_msg(strchr(found, ' ') == strrchr(found, ' '), "%s: %s", sql->name, found);
            looked += found[0] != '\0';
        }
    source.release(&conn, source.baton);
    ck_assert_int_gt(looked, 12);
    bench_close(bench);
}
END_TEST

Suite *suite_plans(void)
{
    Suite *suite = suite_create("plans");
    TCase *tcase = tcase_create("both engines");

    tcase_set_tags(tcase, "size");
    tcase_add_loop_test(tcase, no_statement_walks_through_a_large_table, 0, bench_engines());
    suite_add_tcase(suite, tcase);
    if (bench_engines() > 1) {
        tcase = tcase_create("partitions");
        tcase_add_test(tcase, a_statement_of_an_owner_looks_at_one_partition);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}
