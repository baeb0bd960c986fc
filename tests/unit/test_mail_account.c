/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Rows of mail accounts on both engines: their ladder, what sign-ins and administrators do to them,
 * and claims of several workers. */

#include <string.h>

#include <apr_strings.h>
#include <check.h>

#include "base/secret.h"
#include "bench.h"
#include "store/mail_account.h"
#include "store/mail_ladder.h"
#include "store/rekey.h"
#include "vault/admit_mail.h"

Suite *suite_mail_account(void);

#define SPAN apr_time_from_sec(600)
#define LONG_AGO "UPDATE mail_accounts SET due_at = 1, claimed_until = 1"

static gt_store_t *open_store(bench_t **bench, int loop)
{
    *bench = bench_open(loop);
    bench_migrate(*bench, gt_store_newest());
    bench_mail(*bench, gt_mail_ladder.newest);
    return gt_store_make((*bench)->conf, (*bench)->db, (*bench)->ring, (*bench)->pool);
}

static void add_grant(bench_t *bench, const char *user, int status)
{
    bench_run(bench, apr_psprintf(bench->pool,
                                  "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                                  "encrypted_refresh_token, expires_at, status) VALUES "
                                  "('%s', 'x', 'y', '2030-01-01 00:00:00', %d)",
                                  user, status));
}

static gt_mail_account_t account_of(const char *user)
{
    return (gt_mail_account_t){.owner = {user, "microsoft"},
                               .address = "ada@contoso.com",
                               .incoming = {"imap.example", 993, 0},
                               .outgoing = {"smtp.example", 587, 1}};
}

static gt_mail_account_t *get(bench_t *bench, gt_store_t *store, apr_int64_t id)
{
    gt_mail_account_t *account;

    bench_ok(gt_mail_account_get(&account, store, id, NULL, bench->pool));
    ck_assert_ptr_nonnull(account);
    return account;
}

static apr_array_header_t *claim(bench_t *bench, gt_store_t *store, int most)
{
    apr_array_header_t *accounts;

    bench_ok(gt_mail_account_claim(&accounts, store, "node/1", SPAN, most, bench->pool));
    return accounts;
}

START_TEST(the_ladder_goes_up_and_down)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    const gt_ladder_t *ladder = gt_side_ladder(&gt_mail_ladder, bench->conf, bench->pool);
    int version;

    bench_ok(gt_ladder_version(&version, ladder, bench->db, bench->pool));
    ck_assert_int_eq(version, gt_mail_ladder.newest);
    ck_assert_int_eq(gt_mail_is_kept(store, bench->pool), 1);
    bench_mail(bench, 0);
    bench_ok(gt_ladder_version(&version, ladder, bench->db, bench->pool));
    ck_assert_int_eq(version, 0);
    add_grant(bench, "tom", 1);
    bench_run(bench, "DELETE FROM user_tokens"); /* no trigger is left that fails */
    bench_mail(bench, gt_mail_ladder.newest);
    bench_close(bench);
}
END_TEST

START_TEST(without_its_tables_a_store_says_so)
{
    bench_t *bench = bench_open(_i);
    gt_store_t *store;
    apr_array_header_t *accounts;

    bench_migrate(bench, gt_store_newest());
    store = gt_store_make(bench->conf, bench->db, bench->ring, bench->pool);
    bench_tag(gt_mail_account_list(&accounts, store, NULL, 0, 10, bench->pool), "GT0496");
    bench->conf->mail_sync = 1;
    ck_assert_int_eq(gt_mail_is_kept(store, bench->pool), 0);
    bench_tag(gt_mail_account_list(&accounts, store, NULL, 0, 10, bench->pool), "GT0497");
    bench_mail(bench, gt_mail_ladder.newest);
    bench_ok(gt_mail_account_list(&accounts, store, NULL, 0, 10, bench->pool));
    ck_assert_int_eq(gt_mail_is_kept(store, bench->pool), 1);
    bench_close(bench);
}
END_TEST

START_TEST(a_sign_in_makes_an_account_and_leaves_settings_alone)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t account = account_of("tom"), again, *found;
    int is_new;

    add_grant(bench, "tom", 1);
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    ck_assert_int_eq(is_new, 1);
    found = get(bench, store, account.id);
    ck_assert_str_eq(found->incoming.host, "imap.example");
    ck_assert_int_eq(found->incoming.port, 993);
    ck_assert_int_eq(found->incoming.is_starttls, 0);
    ck_assert_int_eq(found->outgoing.is_starttls, 1);
    ck_assert_int_eq(found->sync_enabled, 1);
    ck_assert_int_eq(found->status, GT_MAIL_NEW);
    ck_assert_int_eq(found->halt, GT_MAIL_RUNS);
    ck_assert(found->due_at <= apr_time_now() + apr_time_from_sec(2));
    bench_run(bench, "UPDATE mail_accounts SET sync_enabled = false, incoming_server = 'other', "
                     "incoming_auth_method = 'password', due_at = 99999999999, failures = 7");
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    ck_assert_int_eq(is_new, 0);
    /* a provider may spell an address in other letters at the next sign-in */
    again = account;
    again.address = apr_pstrdup(bench->pool, account.address);
    *(char *)again.address = (char)(account.address[0] - 'a' + 'A');
    bench_ok(gt_mail_account_put(&is_new, &again, store, bench->pool));
    ck_assert_int_eq(is_new, 0);
    ck_assert_int_eq(again.id, account.id);
    found = get(bench, store, account.id);
    ck_assert_str_eq(found->incoming.host, "other");
    ck_assert_int_eq(found->sync_enabled, 0);
    ck_assert_int_eq(found->by_password, 1);
    ck_assert_int_eq(found->failures, 0);
    ck_assert(found->due_at <= apr_time_now() + apr_time_from_sec(2));
    bench_tag(gt_mail_account_add(&account, store, NULL, bench->pool), "GT0498");
    bench_tag(gt_mail_account_add(&again, store, NULL, bench->pool), "GT0498");
    bench_close(bench);
}
END_TEST

START_TEST(a_claim_is_one_workers)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t account = account_of("tom"), *one, *none;
    const gt_mail_outcome_t failed = {"the server is away", apr_time_from_sec(60)},
                            well = {NULL, apr_time_from_sec(300)};
    int is_new, goes_on;

    add_grant(bench, "tom", 1);
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    one = &APR_ARRAY_IDX(claim(bench, store, 10), 0, gt_mail_account_t);
    ck_assert_int_eq(one->id, account.id);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 0);
    bench_ok(gt_mail_account_claim_one(&none, store, account.id, "node/2", SPAN, bench->pool));
    ck_assert_ptr_null(none);
    bench_ok(gt_mail_account_keep(&goes_on, store, one, SPAN, bench->pool));
    ck_assert_int_eq(goes_on, 1);
    bench_ok(gt_mail_account_done(store, one, &failed, bench->pool));
    none = get(bench, store, account.id);
    ck_assert_int_eq(none->status, GT_MAIL_ERROR);
    ck_assert_str_eq(none->last_error, "the server is away");
    ck_assert_int_eq(none->failures, 1);
    ck_assert(none->last_sync_at == 0 && none->tried_at != 0);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 0); /* not due before its time */
    bench_ok(gt_mail_account_keep(&goes_on, store, one, SPAN, bench->pool));
    ck_assert_int_eq(goes_on, 0);
    /* A process that was held up past its claim does nothing to the next one's. */
    bench_ok(gt_mail_account_due(NULL, store, account.id, bench->pool));
    one = &APR_ARRAY_IDX(claim(bench, store, 10), 0, gt_mail_account_t);
    bench_run(bench, LONG_AGO);
    none = &APR_ARRAY_IDX(claim(bench, store, 10), 0, gt_mail_account_t);
    bench_ok(gt_mail_account_done(store, one, &failed, bench->pool));
    bench_ok(gt_mail_account_keep(&goes_on, store, none, SPAN, bench->pool));
    ck_assert_int_eq(goes_on, 1);
    /* What makes it due meanwhile is not lost. */
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    bench_ok(gt_mail_account_done(store, none, &well, bench->pool));
    ck_assert_int_eq(get(bench, store, account.id)->status, GT_MAIL_OK);
    ck_assert_ptr_null(get(bench, store, account.id)->last_error);
    one = &APR_ARRAY_IDX(claim(bench, store, 10), 0, gt_mail_account_t);
    bench_ok(gt_mail_account_let_go(store, one, bench->pool));
    ck_assert_int_eq(get(bench, store, account.id)->status, GT_MAIL_OK);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 1);
    bench_close(bench);
}
END_TEST

START_TEST(a_clock_that_is_set_back_stops_nothing)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t account = account_of("tom");
    int is_new;

    add_grant(bench, "tom", 1);
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    bench_run(bench, "UPDATE mail_accounts SET due_at = 99999999999, claimed_until = 99999999999");
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 0);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 1);
    /* By a day: a due time that may be one of the configuration's. */
    bench_run(bench, "UPDATE mail_accounts SET due_at = due_at + 86400, tried_at = due_at + 86400, "
                     "updated_at = updated_at + 86400, claimed_until = claimed_until + 86400");
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 0);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 1);
    bench_run(bench, "UPDATE mail_accounts SET due_at = due_at + 86400, claimed_until = 0");
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 0);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 0);
    bench_close(bench);
}
END_TEST

/* A hundred users who must sign in again are due before the one whose mail is to be read. */
START_TEST(accounts_that_halt_are_in_no_way)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    apr_array_header_t *claimed;
    gt_mail_account_t account;
    int is_new;

    for (int i = 0; i < 100; i++) {
        account = account_of(apr_psprintf(bench->pool, "u%d", i));
        bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    }
    bench_run(bench, LONG_AGO);
    account = account_of("tom");
    add_grant(bench, "tom", 1);
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    claimed = claim(bench, store, 10);
    ck_assert_int_eq(claimed->nelts, 1);
    ck_assert(APR_ARRAY_IDX(claimed, 0, gt_mail_account_t).id == account.id);
    bench_close(bench);
}
END_TEST

/* The transaction of a process that stands still in a batch: it holds the account's key. */
START_TEST(accounts_of_a_batch_that_stands_still_are_claimed)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t account = account_of("tom");
    gt_db_t *other = bench_db(bench, "");
    apr_array_header_t *none;
    int is_new;

    add_grant(bench, "tom", 1);
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    bench_ok(gt_db_literal_rows(&none, other, "BEGIN", bench->pool));
    bench_ok(gt_db_literal_rows(&none, other, "SELECT id FROM mail_accounts FOR KEY SHARE",
                                bench->pool));
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 1);
    bench_ok(gt_db_literal_rows(&none, other, "ROLLBACK", bench->pool));
    bench_close(bench);
}
END_TEST

/* What is changed under a claim, and what the account says. */
static const struct {
    const char *sql;
    gt_mail_halt_t halt;
} halts[] = {
    {"UPDATE mail_accounts SET sync_enabled = false", GT_MAIL_SWITCHED_OFF},
    {"UPDATE mail_accounts SET incoming_auth_method = 'password' WHERE incoming_auth_method IN "
     "('oauth', 'oauth2', 'xoauth2')",
     GT_MAIL_NO_PASSWORD},
    {"UPDATE mail_accounts SET incoming_server = NULL", GT_MAIL_NO_SERVER},
    {"UPDATE user_tokens SET status = 0", GT_MAIL_GRANT_INACTIVE},
    {"UPDATE user_tokens SET status = 2", GT_MAIL_GRANT_INACTIVE},
    {"UPDATE user_tokens SET provider = 'google'", GT_MAIL_NO_GRANT},
};

START_TEST(what_halts_an_account_is_seen_at_once)
{
    const int n = _i % (int)(sizeof(halts) / sizeof(halts[0]));
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i / (int)(sizeof(halts) / sizeof(halts[0])));
    gt_mail_account_t account = account_of("tom"), *one;
    int is_new, goes_on;

    add_grant(bench, "tom", 1);
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    one = &APR_ARRAY_IDX(claim(bench, store, 10), 0, gt_mail_account_t);
    bench_run(bench, halts[n].sql);
    bench_ok(gt_mail_account_keep(&goes_on, store, one, SPAN, bench->pool));
    ck_assert_int_eq(goes_on, 0);
    bench_run(bench, LONG_AGO);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 0);
    ck_assert_int_eq(get(bench, store, account.id)->halt, halts[n].halt);
    ck_assert_ptr_nonnull(gt_mail_halt_text(halts[n].halt));
    bench_close(bench);
}
END_TEST

START_TEST(out_of_oauth_and_back)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t tom = account_of("tom"), ann = account_of("ann");
    gt_secret_t *password;
    int changed, is_new;

    add_grant(bench, "tom", 1);
    ann.by_password = 1;
    bench_ok(gt_mail_account_put(&is_new, &tom, store, bench->pool));
    bench_ok(gt_mail_account_add(&ann, store, gt_secret_from("geheim", bench->pool), bench->pool));
    bench_ok(gt_mail_account_password(&password, get(bench, store, ann.id), store, bench->pool));
    ck_assert_str_eq(gt_secret_text(password), "geheim");
    bench_ok(gt_mail_account_auth(&changed, store, GT_MAIL_ALL, 1, bench->pool));
    ck_assert_int_eq(changed, 1);
    ck_assert_int_eq(get(bench, store, tom.id)->by_password, 1);
    bench_ok(gt_mail_account_auth(&changed, store, GT_MAIL_ALL, 0, bench->pool));
    ck_assert_int_eq(changed, 1);
    ck_assert_int_eq(get(bench, store, tom.id)->by_password, 0);
    ck_assert_int_eq(get(bench, store, ann.id)->by_password, 1);
    /* The document's own statements, and the way back. */
    bench_run(bench, halts[1].sql);
    bench_run(bench, halts[0].sql);
    bench_ok(gt_mail_account_auth(&changed, store, tom.id, 0, bench->pool));
    ck_assert_int_eq(changed, 1);
    bench_ok(gt_mail_account_sync(&changed, store, GT_MAIL_ALL, 1, bench->pool));
    ck_assert_int_eq(changed, 2);
    ck_assert_int_eq(get(bench, store, tom.id)->halt, GT_MAIL_RUNS);
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 2);
    bench_ok(gt_mail_account_sync(&changed, store, tom.id, 0, bench->pool));
    ck_assert_int_eq(changed, 1);
    bench_ok(gt_mail_account_due(&changed, store, GT_MAIL_ALL, bench->pool));
    ck_assert_int_eq(changed, 1);
    bench_close(bench);
}
END_TEST

/* In a store without a grant, too: a key that seals a password alone is one that is needed. */
START_TEST(passwords_move_to_the_writing_key)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t ann = account_of("ann");
    gt_keyring_t *old = bench->ring;
    apr_array_header_t *keys = apr_array_make(bench->pool, 2, sizeof(gt_key_rows_t));
    gt_rekey_t pass;
    gt_range_t range = bench_range(store, bench->pool);
    apr_int64_t left = 0;
    gt_secret_t *password;

    ann.by_password = 1;
    bench_ok(gt_mail_account_add(&ann, store, gt_secret_from("geheim", bench->pool), bench->pool));
    bench_ok(gt_rekey_rows(keys, &range, bench->pool));
    ck_assert_int_eq(keys->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(keys, 0, gt_key_rows_t).id, "new");
    bench_ok(gt_keyring_parse(&bench->ring,
                              gt_secret_from("newer any "
                                             "ZDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
                                             "new any "
                                             "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
                                             bench->pool),
                              bench->pool));
    ck_assert_ptr_ne(old, bench->ring);
    store = gt_store_make(bench->conf, bench->db, bench->ring, bench->pool);
    range = bench_range(store, bench->pool);
    bench_ok(gt_rekey_left(&left, &range, bench->pool));
    ck_assert_int_eq(left, 1);
    for (gt_rekey_begin(&pass, store); !pass.ended;)
        bench_ok(gt_rekey_some(&pass, 100, bench->pool));
    ck_assert_int_eq(pass.moved, 1);
    ck_assert_int_eq(strncmp(get(bench, store, ann.id)->password, "gt2.newer.", 10), 0);
    bench_ok(gt_mail_account_password(&password, get(bench, store, ann.id), store, bench->pool));
    ck_assert_str_eq(gt_secret_text(password), "geheim");
    left = 0;
    bench_ok(gt_rekey_left(&left, &range, bench->pool));
    ck_assert_int_eq(left, 0);
    bench_close(bench);
}
END_TEST

/* A password that another account's row holds does not open there. */
START_TEST(a_password_belongs_to_one_account)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t ann = account_of("ann"), other = account_of("ann"), *found;
    gt_secret_t *password;

    ann.by_password = other.by_password = 1;
    other.address = "shared@contoso.com";
    bench_ok(gt_mail_account_add(&ann, store, gt_secret_from("geheim", bench->pool), bench->pool));
    bench_ok(gt_mail_account_add(&other, store, NULL, bench->pool));
    ck_assert_int_eq(get(bench, store, other.id)->halt, GT_MAIL_NO_PASSWORD);
    bench_run(bench, "UPDATE mail_accounts SET password_encrypted = (SELECT password_encrypted "
                     "FROM mail_accounts AS a WHERE a.email_address = 'ada@contoso.com')");
    found = get(bench, store, other.id);
    ck_assert_ptr_null(strstr(found->password, "geheim"));
    ck_assert_int_eq(gt_mail_account_password(&password, found, store, bench->pool)->cls,
                     GT_DAMAGED);
    bench_ok(gt_mail_account_set_password(store, &other, NULL, bench->pool));
    ck_assert_ptr_null(get(bench, store, other.id)->password);
    bench_close(bench);
}
END_TEST

START_TEST(accounts_without_a_password_go_with_their_grant)
{
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_account_t tom = account_of("tom"), shared = account_of("tom"), ann = account_of("ann");
    apr_array_header_t *left;
    gt_mail_account_t *none;
    int is_new;

    add_grant(bench, "tom", 1);
    add_grant(bench, "ann", 1);
    shared.address = "shared@contoso.com";
    shared.by_password = 1;
    bench_ok(gt_mail_account_put(&is_new, &tom, store, bench->pool));
    bench_ok(gt_mail_account_put(&is_new, &ann, store, bench->pool));
    bench_ok(gt_mail_account_add(&shared, store, gt_secret_from("x", bench->pool), bench->pool));
    bench_run(bench, "DELETE FROM user_tokens WHERE user_id = 'tom'");
    bench_ok(gt_mail_account_list(&left, store, NULL, 0, 10, bench->pool));
    ck_assert_int_eq(left->nelts, 2);
    bench_ok(gt_mail_account_list(&left, store, "tom", 0, 10, bench->pool));
    ck_assert_int_eq(left->nelts, 1);
    ck_assert_int_eq(APR_ARRAY_IDX(left, 0, gt_mail_account_t).id, shared.id);
    bench_ok(gt_mail_account_get(&none, store, shared.id, "ann", bench->pool));
    ck_assert_ptr_null(none);
    bench_ok(gt_mail_account_list(&left, store, NULL, ann.id, 10, bench->pool));
    ck_assert_int_eq(left->nelts, 1);
    bench_ok(gt_mail_account_delete(&is_new, store, shared.id, bench->pool));
    ck_assert_int_eq(is_new, 1);
    bench_close(bench);
}
END_TEST

START_TEST(accounts_are_counted)
{
    static const char *const users[] = {"fine", "new", "wrong", "gone", "off"};
    const gt_mail_outcome_t failed = {"away", SPAN}, well = {NULL, SPAN};
    bench_t *bench;
    gt_store_t *store = open_store(&bench, _i);
    gt_mail_sums_t sums;
    int is_new;

    for (int i = 0; i < 5; i++) {
        gt_mail_account_t account = account_of(users[i]), *one;

        if (i != 3)
            add_grant(bench, users[i], 1);
        bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
        if (i == 0 || i == 2) {
            bench_ok(gt_mail_account_claim_one(&one, store, account.id, "n", SPAN, bench->pool));
            bench_ok(gt_mail_account_done(store, one, i == 0 ? &well : &failed, bench->pool));
        }
        if (i == 4)
            bench_ok(gt_mail_account_sync(NULL, store, account.id, 0, bench->pool));
    }
    bench_ok(gt_mail_sums(&sums, store, bench->pool));
    ck_assert_int_eq(sums.total, 5);
    ck_assert_int_eq(sums.active, 2);
    ck_assert_int_eq(sums.error, 2);
    ck_assert_int_eq(sums.off, 1);
    ck_assert_int_eq(sums.tried, 2);
    ck_assert_int_eq(sums.synced, 1);
    ck_assert(sums.last_sync_at != 0);
    bench_close(bench);
}
END_TEST

/* Scopes as a provider of a kind has them, and as a sign-in was granted them. */
static const struct {
    gt_provider_kind_id_t kind;
    const char *imap, *scope, *granted;
    int opens;
} granted[] = {
    {GT_KIND_GOOGLE, "imaps://i:993", "openid", "openid https://mail.google.com/", 1},
    {GT_KIND_GOOGLE, "imaps://i:993", "openid https://mail.google.com/", "openid", 0},
    {GT_KIND_GOOGLE, "imaps://i:993", "openid https://mail.google.com/", NULL, 1},
    {GT_KIND_MICROSOFT, "imaps://i:993", "openid https://outlook.office.com/IMAP.AccessAsUser.All",
     "openid User.Read", 1},
    {GT_KIND_MICROSOFT, "imaps://i:993", "openid IMAP.AccessAsUser.All",
     "openid IMAP.AccessAsUser.All", 0},
    {GT_KIND_MICROSOFT, "imaps://i:993", "openid https://outlook.office.com/SMTP.Send", NULL, 0},
    {GT_KIND_OPENID, "imaps://i:993", "openid", "openid", 1},
    {GT_KIND_OPENID, NULL, "openid", "openid", 0},
};

START_TEST(only_scopes_for_mail_open_a_mailbox)
{
    bench_t *bench = bench_open(0);
    gt_provider_conf_t *conf = gt_provider_conf_blank("x", bench->pool);

    conf->kind = granted[_i].kind;
    gt_provider_conf_complete(conf, bench->pool);
    conf->imap = granted[_i].imap;
    conf->scope = granted[_i].scope;
    ck_assert_int_eq(gt_mail_is_granted(conf, granted[_i].granted, bench->pool), granted[_i].opens);
    bench_close(bench);
}
END_TEST

/* In a schema of its own, with the application's users beside, whose ids are numbers. */
START_TEST(mail_stands_in_the_schema_of_its_store)
{
    bench_t *bench = bench_open(1);
    gt_mail_account_t account = account_of("7");
    gt_store_t *store;
    int is_new;

    bench_run(bench, "DROP SCHEMA IF EXISTS app CASCADE");
    bench_run(bench, "CREATE SCHEMA app");
    bench_run(bench, "CREATE TABLE app.people (id BIGINT PRIMARY KEY)");
    bench_run(bench, "INSERT INTO app.people VALUES (7)");
    bench->conf->table = "app.grants";
    bench->conf->user_type = "integer";
    bench->conf->references = "app.people(id)";
    bench_migrate(bench, gt_store_newest());
    bench_mail(bench, gt_mail_ladder.newest);
    store = gt_store_make(bench->conf, bench->db, bench->ring, bench->pool);
    bench_run(bench, "INSERT INTO app.grants (user_id, encrypted_access_token, "
                     "encrypted_refresh_token, expires_at) VALUES (7, 'x', 'y', now())");
    bench_ok(gt_mail_account_put(&is_new, &account, store, bench->pool));
    ck_assert_int_eq(claim(bench, store, 10)->nelts, 1);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM app.mail_accounts"), "1");
    bench_run(bench, "DELETE FROM app.people"); /* a cascade's deletion leaves nothing either */
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM app.mail_accounts"), "0");
    bench_run(bench, "SET client_min_messages = warning");
    bench_run(bench, "DROP FUNCTION app.mail_accounts_go() CASCADE"); /* lost by hand */
    bench_mail(bench, 0);
    bench_run(bench, "DROP SCHEMA app CASCADE");
    bench_close(bench);
}
END_TEST

Suite *suite_mail_account(void)
{
    Suite *suite = suite_create("mail_account");
    TCase *tcase = tcase_create("both engines");
    const int engines = bench_engines(), causes = (int)(sizeof(halts) / sizeof(halts[0]));

    tcase_add_loop_test(tcase, the_ladder_goes_up_and_down, 0, engines);
    tcase_add_loop_test(tcase, without_its_tables_a_store_says_so, 0, engines);
    tcase_add_loop_test(tcase, a_sign_in_makes_an_account_and_leaves_settings_alone, 0, engines);
    tcase_add_loop_test(tcase, a_claim_is_one_workers, 0, engines);
    tcase_add_loop_test(tcase, a_clock_that_is_set_back_stops_nothing, 0, engines);
    tcase_add_loop_test(tcase, accounts_of_a_batch_that_stands_still_are_claimed, 1, engines);
    tcase_add_loop_test(tcase, accounts_that_halt_are_in_no_way, 0, engines);
    tcase_add_loop_test(tcase, what_halts_an_account_is_seen_at_once, 0, engines * causes);
    tcase_add_loop_test(tcase, out_of_oauth_and_back, 0, engines);
    tcase_add_loop_test(tcase, passwords_move_to_the_writing_key, 0, engines);
    tcase_add_loop_test(tcase, a_password_belongs_to_one_account, 0, engines);
    tcase_add_loop_test(tcase, accounts_without_a_password_go_with_their_grant, 0, engines);
    tcase_add_loop_test(tcase, accounts_are_counted, 0, engines);
    tcase_add_loop_test(tcase, only_scopes_for_mail_open_a_mailbox, 0,
                        (int)(sizeof(granted) / sizeof(granted[0])));
    if (engines > 1)
        tcase_add_test(tcase, mail_stands_in_the_schema_of_its_store);
    suite_add_tcase(suite, tcase);
    return suite;
}
