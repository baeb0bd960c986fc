/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Rows of folders and messages on both engines: batches that are written twice, claims that were
 * lost, seals, lists, tidying. */

#include <string.h>

#include <apr_strings.h>
#include <check.h>

#include "aside.h"
#include "bench.h"
#include "store/mail_ladder.h"
#include "store/mail_message.h"
#include "store/rekey.h"

Suite *suite_mail_message(void);

static bench_t *bench;
static gt_store_t *store;
static gt_mail_account_t *account;
static gt_mail_folder_t inbox;

/* Ada's mailbox, claimed, with an empty inbox. */
static void open_mailbox(int loop, int seals)
{
    gt_mail_account_t one = {.owner = {"ada", "microsoft"},
                             .address = "ada@contoso.com",
                             .incoming = {"imap.example", 993, 0}};
    int is_new, is_ours;

    bench = bench_open(loop);
    bench->conf->mail_seal = seals;
    bench_migrate(bench, gt_store_newest());
    bench_mail(bench, gt_mail_ladder.newest);
    store = gt_store_make(bench->conf, bench->db, bench->ring, bench->pool);
    bench_run(bench, "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                     "encrypted_refresh_token, expires_at, status) VALUES ('ada', '', '', "
                     "'2030-01-01 00:00:00', 1)");
    bench_ok(gt_mail_account_put(&is_new, &one, store, bench->pool));
    bench_ok(gt_mail_account_claim_one(&account, store, one.id, "node/1", apr_time_from_sec(600),
                                       bench->pool));
    ck_assert_ptr_nonnull(account);
    inbox = (gt_mail_folder_t){.name = "INBOX", .uidvalidity = 7, .uidnext = 1, .exists = -1};
    bench_ok(gt_mail_folder_begin(&is_ours, store, account, &inbox, bench->pool));
    ck_assert_int_eq(is_ours, 1);
}

static gt_mail_message_t mail(int uid, const char *subject)
{
    return (gt_mail_message_t){.uid = uid,
                               .flags = uid % 2 == 0 ? "\\Seen" : "",
                               .is_seen = uid % 2 == 0,
                               .internal_date = apr_time_from_sec(1900000000 + uid),
                               .size = 1000,
                               .message_id = "m@example",
                               .subject = subject,
                               .addresses = "{\"from\": []}",
                               .text = "gt2.no.seal",
                               .fields = "{}"};
}

static apr_array_header_t *mails(int from, int to)
{
    apr_array_header_t *list = apr_array_make(bench->pool, 8, sizeof(gt_mail_message_t));

    for (int uid = from; uid <= to; uid++)
        APR_ARRAY_PUSH(list, gt_mail_message_t) =
            mail(uid, apr_psprintf(bench->pool, "Mail %d \xc3\xa9", uid));
    return list;
}

static gt_mail_batch_t write_some(const apr_array_header_t *fresh, apr_array_header_t *flagged,
                                  apr_array_header_t *gone, int wants)
{
    gt_mail_batch_t batch = {
        .account = account, .folder = &inbox, .fresh = fresh, .flagged = flagged, .gone = gone};
    int is_ours;

    bench_ok(gt_mail_write(&is_ours, &batch, store, bench->pool));
    ck_assert_int_eq(is_ours, wants);
    return batch;
}

static apr_array_header_t *list_of(gt_mail_list_t list)
{
    apr_array_header_t *messages;

    list.account = account;
    list.most = 100;
    bench_ok(gt_mail_messages(&messages, store, &list, bench->pool));
    return messages;
}

static int count(void)
{
    return atoi(bench_ask(bench, "SELECT count(*) FROM mail_messages"));
}

START_TEST(a_batch_may_be_written_twice)
{
    apr_array_header_t *flagged, *gone, *folders, *uids;
    gt_mail_batch_t done;

    open_mailbox(_i, 1);
    inbox.uidnext = 11;
    inbox.modseq = INT64_MAX;
    inbox.exists = 10;
    done = write_some(mails(1, 10), NULL, NULL, 1);
    ck_assert_int_eq(done.added, 10);
    bench_run(bench, "UPDATE mail_messages SET flags = 'old', is_seen = 0 WHERE uid = 2");
    done = write_some(mails(1, 12), NULL, NULL, 1);
    ck_assert_int_eq(done.added, 3);
    ck_assert_str_eq(bench_ask(bench, "SELECT flags FROM mail_messages WHERE uid = 2"), "\\Seen");
    flagged = apr_array_make(bench->pool, 2, sizeof(gt_mail_flags_t));
    APR_ARRAY_PUSH(flagged, gt_mail_flags_t) = (gt_mail_flags_t){3, "\\Flagged \\Seen", 1};
    APR_ARRAY_PUSH(flagged, gt_mail_flags_t) = (gt_mail_flags_t){4, "\\Seen", 1};
    gone = apr_array_make(bench->pool, 2, sizeof(gt_mail_range_t));
    APR_ARRAY_PUSH(gone, gt_mail_range_t) = (gt_mail_range_t){5, 6};
    APR_ARRAY_PUSH(gone, gt_mail_range_t) = (gt_mail_range_t){12, APR_UINT32_MAX};
    done = write_some(NULL, flagged, gone, 1);
    ck_assert_int_eq(done.changed, 1);
    ck_assert_int_eq(done.removed, 3);
    ck_assert_int_eq(count(), 9);
    bench_ok(gt_mail_folders(&folders, store, account, bench->pool));
    ck_assert_int_eq(APR_ARRAY_IDX(folders, 0, gt_mail_folder_t).uidnext, 11);
    ck_assert(APR_ARRAY_IDX(folders, 0, gt_mail_folder_t).modseq == INT64_MAX);
    bench_ok(gt_mail_uids(&uids, store, account, &inbox, 3, 2, bench->pool));
    ck_assert_int_eq(uids->nelts, 2);
    ck_assert_int_eq(APR_ARRAY_IDX(uids, 1, apr_int64_t), 7);
    bench_close(bench);
}
END_TEST

/* Neither a process whose claim went to another, nor one that read another UIDVALIDITY. */
START_TEST(who_lost_its_claim_writes_nothing)
{
    const char *claim;
    int is_ours;

    open_mailbox(_i, 1);
    claim = account->claim;
    account->claim = "another#claim";
    (void)write_some(mails(1, 3), NULL, NULL, 0);
    bench_ok(gt_mail_folder_begin(&is_ours, store, account, &inbox, bench->pool));
    ck_assert_int_eq(is_ours, 0);
    account->claim = claim;
    inbox.uidvalidity = 8;
    (void)write_some(mails(1, 3), NULL, NULL, 0);
    ck_assert_int_eq(count(), 0);
    bench_close(bench);
}
END_TEST

/* A process that was held up drops nothing of what another one has read since. */
START_TEST(who_lost_its_claim_drops_nothing)
{
    int dropped;

    open_mailbox(_i, 1);
    (void)write_some(mails(1, 3), NULL, NULL, 1);
    account->claim = "another#claim";
    bench_ok(gt_mail_drop(&dropped, store, account, "INBOX", 6, bench->pool));
    ck_assert_int_eq(dropped, 0);
    bench_ok(gt_mail_folder_drop(store, account, "INBOX", bench->pool));
    ck_assert_int_eq(count(), 3);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM mail_folders"), "1");
    bench_close(bench);
}
END_TEST

START_TEST(texts_are_sealed_for_their_message)
{
    static const char *const columns[] = {"subject", "addresses", "fields"};
    apr_array_header_t *messages;
    gt_mail_message_t *one;
    int seals = _i % 2;
    gt_err_t *err;

    open_mailbox(_i / 2, seals);
    (void)write_some(mails(1, 2), NULL, NULL, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(
            strncmp(bench_ask(bench, apr_psprintf(bench->pool, "SELECT min(%s) FROM mail_messages",
                                                  columns[i])),
                    "gt2.", 4) == 0,
            seals);
    messages = list_of((gt_mail_list_t){.folder = "INBOX"});
    ck_assert_int_eq(messages->nelts, 2);
    one = &APR_ARRAY_IDX(messages, 0, gt_mail_message_t);
    ck_assert_str_eq(one->subject, "Mail 2 \xc3\xa9");
    ck_assert_str_eq(one->text, "gt2.no.seal");
    ck_assert_int_eq(one->is_seen, 1);
    bench_run(bench, "UPDATE mail_messages SET uid = uid + 100");
    err = gt_mail_message(&one, store, account, one->id, bench->pool);
    ck_assert_int_eq(err != GT_OK && err->cls == GT_DAMAGED, seals);
    bench_close(bench);
}
END_TEST

START_TEST(lists_go_from_the_newest)
{
    apr_array_header_t *messages;
    const gt_mail_message_t *last;
    apr_int64_t of;

    open_mailbox(_i, 1);
    (void)write_some(mails(1, 150), NULL, NULL, 1);
    messages = list_of((gt_mail_list_t){.folder = "INBOX"});
    ck_assert_int_eq(messages->nelts, 100);
    last = &APR_ARRAY_IDX(messages, 99, gt_mail_message_t);
    ck_assert_int_eq(last->uid, 51);
    messages = list_of((gt_mail_list_t){.before_date = last->internal_date, .before_id = last->id});
    ck_assert_int_eq(messages->nelts, 50);
    ck_assert_int_eq(APR_ARRAY_IDX(messages, 0, gt_mail_message_t).uid, 50);
    messages = list_of((gt_mail_list_t){.folder = "INBOX", .is_unread = 1});
    ck_assert_int_eq(messages->nelts, 75);
    ck_assert_int_eq(APR_ARRAY_IDX(messages, 0, gt_mail_message_t).uid, 149);
    ck_assert_int_eq(list_of((gt_mail_list_t){.folder = "inbox"})->nelts, 0);
    bench_ok(gt_mail_message_account(&of, store, last->id, bench->pool));
    ck_assert_int_eq(of, account->id);
    bench_close(bench);
}
END_TEST

/* Old mail goes, and all of a mailbox whose account is gone. */
START_TEST(tidying)
{
    apr_int64_t dropped = 0;
    int more, changed;

    open_mailbox(_i, 0);
    (void)write_some(mails(1, 20), NULL, NULL, 1);
    bench_run(bench, "UPDATE mail_messages SET internal_date = 1000 WHERE uid <= 5");
    bench_ok(gt_mail_tidy(&dropped, &more, store, bench->pool));
    ck_assert_int_eq(dropped, 0);
    bench->conf->mail_keep = apr_time_from_sec(86400);
    bench_ok(gt_mail_tidy(&dropped, &more, store, bench->pool));
    ck_assert_int_eq(dropped, 5);
    ck_assert_int_eq(more, 0);
    bench_ok(gt_mail_account_delete(&changed, store, account->id, bench->pool));
    bench_ok(gt_mail_tidy(&dropped, &more, store, bench->pool));
    ck_assert_int_eq(dropped, 20);
    ck_assert_int_eq(more, 1);
    bench_ok(gt_mail_tidy(&dropped, &more, store, bench->pool));
    ck_assert_int_eq(more, 0);
    bench_close(bench);
}
END_TEST

typedef struct act_t {
    gt_store_t *store; /* with a connection of its own */
    const apr_array_header_t *fresh;
    gt_err_t *err;
    apr_pool_t *pool;
    aside_t aside;
} act_t;

static void act_begin(act_t *act)
{
    act->store = gt_store_make(bench->conf, bench_db(bench, ""), bench->ring, bench->pool);
    act->err = GT_OK;
    apr_pool_create(&act->pool, NULL);
}

static void write_aside(void *baton)
{
    act_t *act = baton;
    gt_mail_batch_t batch = {.account = account, .folder = &inbox, .fresh = act->fresh};
    int is_ours;

    act->err = gt_mail_write(&is_ours, &batch, act->store, act->pool);
}

static void delete_aside(void *baton)
{
    act_t *act = baton;
    apr_int64_t dropped = 0;
    int more = 1;

    act->err = gt_mail_account_delete(&more, act->store, account->id, act->pool);
    for (more = 1; act->err == GT_OK && more;)
        act->err = gt_mail_tidy(&dropped, &more, act->store, act->pool);
}

/* Until so many wait for a lock of the database. */
static void until_waiting(gt_db_t *db, int n)
{
    apr_array_header_t *rows;

    do
        bench_ok(gt_db_literal_rows(&rows, db,
                                    "SELECT count(*) FROM pg_stat_activity WHERE "
                                    "wait_event_type = 'Lock' AND datname = current_database()",
                                    bench->pool));
    while (atoi(APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0]) < n);
}

static void gate(gt_db_t *db, const char *act)
{
    apr_array_header_t *rows;

    bench_ok(gt_db_literal_rows(
        &rows, db, apr_psprintf(bench->pool, "SELECT pg_advisory_%s(7)", act), bench->pool));
}

/* The account is deleted, and tidied away, while a batch of it is under way. */
START_TEST(a_batch_leaves_nothing_of_an_account_that_goes)
{
    apr_int64_t dropped = 0;
    act_t writer, deleter;
    gt_db_t *keeper;
    int more = 1;

    open_mailbox(1, 0);
    act_begin(&writer);
    act_begin(&deleter);
    writer.fresh = mails(1, 3);
    keeper = bench_db(bench, "");
    bench_run(bench, "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
                     "'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END'");
    bench_run(bench, "CREATE TRIGGER wait BEFORE INSERT ON mail_messages FOR EACH STATEMENT "
                     "EXECUTE FUNCTION wait()");
    gate(keeper, "lock");
    aside_start(&writer.aside, write_aside, &writer);
    until_waiting(keeper, 1);
    aside_start(&deleter.aside, delete_aside, &deleter);
    until_waiting(keeper, 2);
    gate(keeper, "unlock");
    aside_join(&writer.aside);
    aside_join(&deleter.aside);
    bench_ok(writer.err);
    bench_ok(deleter.err);
    while (more)
        bench_ok(gt_mail_tidy(&dropped, &more, store, bench->pool));
    ck_assert_int_eq(count(), 0);
    apr_pool_destroy(writer.pool);
    apr_pool_destroy(deleter.pool);
    bench_close(bench);
}
END_TEST

/* ---- another key ---- */

#define NEWER "newer any ZDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
#define NEW "new any MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"

static void with_keys(const char *text)
{
    bench_ok(gt_keyring_parse(&bench->ring, gt_secret_from(text, bench->pool), bench->pool));
    store = gt_store_make(bench->conf, bench->db, bench->ring, bench->pool);
}

/* What a walk through all that is sealed counts. */
typedef struct sealed_t {
    apr_int64_t before, newer; /* on these keys */
    apr_int64_t left, fernet;
} sealed_t;

static sealed_t look(void)
{
    apr_array_header_t *keys = apr_array_make(bench->pool, 2, sizeof(gt_key_rows_t));
    sealed_t sealed = {0};
    gt_range_t range;
    int found;

    gt_range_begin_with_mail(&range, store);
    for (bench_ok(gt_range_next(&found, &range, bench->pool)); found;
         bench_ok(gt_range_next(&found, &range, bench->pool))) {
        if (!range.is_mail)
            continue;
        bench_ok(gt_rekey_rows(keys, &range, bench->pool));
        bench_ok(gt_rekey_left(&sealed.left, &range, bench->pool));
        bench_ok(gt_rekey_fernet_rows(&sealed.fernet, &range, "new", bench->pool));
    }
    for (int i = 0; i < keys->nelts; i++) {
        const gt_key_rows_t *one = &APR_ARRAY_IDX(keys, i, gt_key_rows_t);

        *(strcmp(one->id, "newer") == 0 ? &sealed.newer : &sealed.before) += one->rows;
    }
    return sealed;
}

static gt_rekey_t pass_over(int most)
{
    gt_rekey_t pass;
    int rounds = 0;

    gt_rekey_begin(&pass, store);
    while (!pass.ended && rounds++ < 200)
        bench_ok(gt_rekey_some(&pass, most, bench->pool));
    ck_assert(pass.ended);
    return pass;
}

/* More of them than a range has, of both engines; some in clear, and some of an account that is
 * gone. */
START_TEST(messages_move_to_the_writing_key)
{
    const int gone = 3, clear = 5, kept = GT_RANGE_ROWS + 100;
    apr_array_header_t *messages;
    gt_rekey_t pass;
    sealed_t sealed;

    open_mailbox(_i, 1);
    for (int from = 1; from <= kept; from += GT_MAIL_BATCH)
        (void)write_some(
            mails(from, from + GT_MAIL_BATCH - 1 < kept ? from + GT_MAIL_BATCH - 1 : kept), NULL,
            NULL, 1);
    bench->conf->mail_seal = 0;
    (void)write_some(mails(kept + 1, kept + clear), NULL, NULL, 1);
    bench->conf->mail_seal = 1;
    (void)write_some(mails(kept + clear + 1, kept + clear + gone), NULL, NULL, 1);
    bench_run(bench,
              apr_psprintf(bench->pool, "UPDATE mail_messages SET account_id = 999 WHERE uid > %d",
                           kept + clear));
    with_keys(NEWER NEW);
    sealed = look();
    ck_assert_int_eq(sealed.before, kept);
    ck_assert_int_eq(sealed.newer, 0);
    ck_assert_int_eq(sealed.left, kept);
    /* Killed in the middle, and begun again. */
    gt_rekey_begin(&pass, store);
    while (pass.moved < kept / 2)
        bench_ok(gt_rekey_some(&pass, 100, bench->pool));
    sealed = look();
    ck_assert_int_eq(sealed.newer, pass.moved);
    ck_assert_int_eq(sealed.left, kept - pass.moved);
    ck_assert_int_eq(pass_over(100).moved, kept - pass.moved);
    pass = pass_over(100);
    ck_assert_int_eq(pass.looked + pass.stuck + pass.changed, 0);
    with_keys(NEWER);
    sealed = look();
    ck_assert_int_eq(sealed.newer, kept);
    ck_assert_int_eq(sealed.before + sealed.left, 0);
    messages = list_of((gt_mail_list_t){.folder = "INBOX"});
    ck_assert_int_eq(messages->nelts, 100);
    ck_assert_str_eq(APR_ARRAY_IDX(messages, 99, gt_mail_message_t).text, "gt2.no.seal");
    bench_close(bench);
}
END_TEST

/* One column that does not open holds back neither the others nor other messages. */
START_TEST(damaged_messages_are_told_of)
{
    gt_mail_message_t *one;
    gt_rekey_t pass;
    gt_err_t *err;

    open_mailbox(_i, 1);
    (void)write_some(mails(1, 3), NULL, NULL, 1);
    bench_run(bench, "UPDATE mail_messages SET text = replace(text, '.new.', '.lost.') "
                     "WHERE uid = 2");
    with_keys(NEWER NEW);
    pass = pass_over(2);
    ck_assert_int_eq(pass.moved, 3);
    ck_assert_int_eq(pass.stuck, 1);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM mail_messages "
                                      "WHERE subject LIKE 'gt2.newer.%'"),
                     "3");
    ck_assert_int_eq(look().before, 1);
    ck_assert_int_eq(look().left, 1);
    err = gt_mail_message(&one, store, account, 2, bench->pool);
    ck_assert(err != GT_OK && err->cls == GT_DAMAGED);
    bench_close(bench);
}
END_TEST

/* Fernet names no key: all are read, and those that are on the writing key stay as they are. */
START_TEST(messages_become_fernet)
{
    open_mailbox(_i, 1);
    (void)write_some(mails(1, 60), NULL, NULL, 1);
    bench->conf->cipher = GT_FERNET;
    ck_assert_int_eq(look().fernet, 0);
    ck_assert_int_eq(pass_over(100).moved, 60);
    ck_assert_int_eq(look().fernet, 60);
    with_keys(NEWER NEW);
    ck_assert_int_eq(pass_over(100).moved, 60);
    ck_assert_int_eq(look().fernet, 0);
    ck_assert_int_eq(pass_over(100).moved, 0);
    with_keys(NEWER);
    ck_assert_int_eq(list_of((gt_mail_list_t){.folder = "INBOX"})->nelts, 60);
    bench_close(bench);
}
END_TEST

Suite *suite_mail_message(void)
{
    Suite *suite = suite_create("mail_message");
    TCase *tcase = tcase_create("both engines");
    int n = bench_engines();

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_batch_may_be_written_twice, 0, n);
    tcase_add_loop_test(tcase, who_lost_its_claim_writes_nothing, 0, n);
    tcase_add_loop_test(tcase, who_lost_its_claim_drops_nothing, 0, n);
    if (n > 1)
        tcase_add_test(tcase, a_batch_leaves_nothing_of_an_account_that_goes);
    tcase_add_loop_test(tcase, texts_are_sealed_for_their_message, 0, 2 * n);
    tcase_add_loop_test(tcase, lists_go_from_the_newest, 0, n);
    tcase_add_loop_test(tcase, tidying, 0, n);
    tcase_add_loop_test(tcase, messages_move_to_the_writing_key, 0, n);
    tcase_add_loop_test(tcase, damaged_messages_are_told_of, 0, n);
    tcase_add_loop_test(tcase, messages_become_fernet, 0, n);
    suite_add_tcase(suite, tcase);
    return suite;
}
