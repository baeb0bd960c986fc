/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Claims of mail accounts. The statement that picks an account claims it, in its own row, until a
 * moment: so any number of nodes share the work, and the claim of one that dies ends by itself.
 * While it is claimed it is due when its claim is over; what makes it due meanwhile is seen by that
 * when the claim is given back.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/mail_rows.h"
#include "store/row.h"
#include "store/statements.h"

/* No claim is longer: one that ends later was written before the database's clock was set back. So
 * was an account that has changed later than now, which counts when its due time is further ahead
 * than a failure puts it off, and any due time further ahead than the longest
 * GraphTokMailSyncEvery (conf/store.def), doubled. */
#define LONGEST "3602"
#define TOO_FAR "1209600"
/* One that cannot be synchronised stands aside for so long, s: it must not be in the way of others
 * that are due. A sign-in, and an administrator's act, make it due at once. */
#define ASIDE "60"
#define ASIDE_MOST 16 /* statements of a claim that found too many of these */
#define ERROR_MOST 500

#define IS_FREE                                                                                    \
    "(mail_accounts.claimed_until <= {now} OR mail_accounts.claimed_until > {now} + " LONGEST ")"
#define CLAIM                                                                                      \
    "UPDATE {mail_accounts} SET "                                                                  \
    "sync_status = CASE WHEN {halt} = 0 THEN 'syncing' ELSE mail_accounts.sync_status END, "       \
    "claimed_by = CASE WHEN {halt} = 0 THEN CAST(%s AS VARCHAR) END, "                             \
    "claimed_until = CASE WHEN {halt} = 0 THEN {clock} + %lld ELSE 0 END, "                        \
    "due_at = {clock} + CASE WHEN {halt} = 0 THEN %lld ELSE " ASIDE " END"

/* how many, claim, span twice → accounts */
static const gt_sql_t claim_due = {
    "claim mail accounts",
    "WITH picked AS MATERIALIZED (SELECT mail_accounts.id AS of_id FROM {mail_accounts} "
    "WHERE mail_accounts.sync_enabled AND mail_accounts.due_at <= {now} AND " IS_FREE
    " ORDER BY mail_accounts.due_at LIMIT %lld {unclaimed}) " CLAIM
    " WHERE mail_accounts.id IN (SELECT of_id FROM picked) RETURNING {account}",
    gt_mail_words};

/* claim, span twice, id → account */
static const gt_sql_t claim_one = {
    "claim mail account",
    CLAIM " WHERE mail_accounts.id = %lld AND " IS_FREE " RETURNING {account}", gt_mail_words};

static const gt_sql_t bring_back = {
    "bring back mail accounts",
    "UPDATE {mail_accounts} SET due_at = {now}, tried_at = CASE WHEN mail_accounts.tried_at > "
    "{now} "
    "THEN {now} ELSE mail_accounts.tried_at END, updated_at = {now} "
    "WHERE mail_accounts.sync_enabled AND mail_accounts.due_at > {now} + " LONGEST
    " AND (mail_accounts.due_at > {now} + " TOO_FAR " OR mail_accounts.tried_at > {now} + 1 "
    "OR mail_accounts.updated_at > {now} + 1)",
    NULL};

#define IS_OURS "WHERE mail_accounts.id = %lld AND mail_accounts.claimed_by = %s"

/* span twice, id, claim, 1 for a password */
static const gt_sql_t keep_claim = {
    "keep mail claim",
    "UPDATE {mail_accounts} SET claimed_until = {clock} + %lld, "
    "due_at = CASE WHEN mail_accounts.due_at <= {clock} THEN mail_accounts.due_at ELSE {clock} + "
    "%lld END "
    "" IS_OURS " AND {halt} = 0 AND "
    "CASE WHEN mail_accounts.incoming_auth_method = 'password' THEN 1 ELSE 0 END = %lld",
    gt_mail_words};

/* error four times, span, id, claim */
static const gt_sql_t give_back = {
    "give back mail claim",
    "UPDATE {mail_accounts} SET "
    "sync_status = CASE WHEN CAST(%s AS VARCHAR) IS NULL THEN 'ok' ELSE 'error' END, "
    "failures = CASE WHEN CAST(%s AS VARCHAR) IS NULL THEN 0 ELSE mail_accounts.failures + 1 END, "
    "last_sync_at = CASE WHEN CAST(%s AS VARCHAR) IS NULL THEN {clock} "
    "ELSE mail_accounts.last_sync_at END, last_error = %s, tried_at = {clock}, "
    "due_at = CASE WHEN mail_accounts.due_at <= {clock} THEN mail_accounts.due_at ELSE {clock} + "
    "%lld END, "
    "claimed_by = NULL, claimed_until = 0 " IS_OURS,
    NULL};

/* id, claim */
static const gt_sql_t let_go = {
    "let go mail claim",
    "UPDATE {mail_accounts} SET due_at = {clock}, claimed_by = NULL, "
    "claimed_until = 0, sync_status = CASE WHEN mail_accounts.last_error IS NOT NULL THEN 'error' "
    "WHEN mail_accounts.last_sync_at IS NOT NULL THEN 'ok' ELSE 'new' END " IS_OURS,
    NULL};

/* → total, active, error, off, tried, synced, latest, clock. Without the word MATERIALIZED
 * PostgreSQL would look for the grant of an account once for each sum. */
static const gt_sql_t sum_accounts = {
    "sum mail accounts",
    "WITH one AS MATERIALIZED (SELECT {halt} AS halt, "
    "CASE WHEN mail_accounts.last_error IS NULL THEN 1 ELSE 0 END AS fine, "
    "CASE WHEN mail_accounts.tried_at > {now} - 86400 THEN 1 ELSE 0 END AS tried, "
    "mail_accounts.last_sync_at FROM {mail_accounts}) "
    "SELECT count(*), coalesce(sum(CASE WHEN halt = 0 THEN fine ELSE 0 END), 0), "
    "coalesce(sum(CASE WHEN halt > 1 OR (halt = 0 AND fine = 0) THEN 1 ELSE 0 END), 0), "
    "coalesce(sum(CASE WHEN halt = 1 THEN 1 ELSE 0 END), 0), coalesce(sum(tried), 0), "
    "coalesce(sum(tried * fine), 0), coalesce(max(last_sync_at), 0), {now} FROM one",
    gt_mail_words};

/* Another one each time: a process that was held up past its claim must not take the next one for
 * its own. */
static const char *new_claim(const char *worker, apr_pool_t *p)
{
    return apr_pstrcat(p, worker, "#", gt_random_text(9, p), NULL);
}

/* Of those that the statement changed, the ones that it claimed. */
static gt_err_t *read_claimed(apr_array_header_t *accounts, const apr_array_header_t *rows,
                              const char *claim, apr_pool_t *p)
{
    for (int i = 0; i < rows->nelts; i++) {
        gt_mail_account_t account;

        GT_TRY(gt_mail_row_read(&account, &APR_ARRAY_IDX(rows, i, gt_db_row_t), p));
        if (account.claim != NULL && strcmp(account.claim, claim) == 0)
            APR_ARRAY_PUSH(accounts, gt_mail_account_t) = account;
    }
    return GT_OK;
}

/* Many that cannot be synchronised are due before the others: they are put aside at once. */
gt_err_t *gt_mail_account_claim(apr_array_header_t **accounts, gt_store_t *store,
                                const char *worker, apr_interval_time_t span, int most,
                                apr_pool_t *p)
{
    const char *claim = new_claim(worker, p);
    int found = 0, asked = most;

    GT_TRY(gt_mail_demand(store, p));
    *accounts = apr_array_make(p, most, sizeof(gt_mail_account_t));
    for (int i = 0; i < ASIDE_MOST && asked > 0; i++) {
        const gt_db_value_t args[] = {GT_NUM(asked), GT_TEXT(claim), GT_NUM(apr_time_sec(span)),
                                      GT_NUM(apr_time_sec(span))};
        apr_array_header_t *rows;

        GT_TRY(gt_db_rows(&rows, store->db, &claim_due, &store->names, args, p));
        GT_TRY(read_claimed(*accounts, rows, claim, p));
        found += rows->nelts;
        asked = rows->nelts == asked ? most - (*accounts)->nelts : 0;
    }
    return found > 0 ? GT_OK : gt_db_change(NULL, store->db, &bring_back, &store->names, NULL, p);
}

gt_err_t *gt_mail_account_claim_one(gt_mail_account_t **account, gt_store_t *store, apr_int64_t id,
                                    const char *worker, apr_interval_time_t span, apr_pool_t *p)
{
    const char *claim = new_claim(worker, p);
    const gt_db_value_t args[] = {GT_TEXT(claim), GT_NUM(apr_time_sec(span)),
                                  GT_NUM(apr_time_sec(span)), GT_NUM(id)};
    apr_array_header_t *rows, *claimed = apr_array_make(p, 1, sizeof(gt_mail_account_t));

    *account = NULL;
    GT_TRY(gt_mail_demand(store, p));
    GT_TRY(gt_db_rows(&rows, store->db, &claim_one, &store->names, args, p));
    GT_TRY(read_claimed(claimed, rows, claim, p));
    if (claimed->nelts > 0)
        *account = &APR_ARRAY_IDX(claimed, 0, gt_mail_account_t);
    return GT_OK;
}

gt_err_t *gt_mail_account_keep(int *goes_on, gt_store_t *store, const gt_mail_account_t *account,
                               apr_interval_time_t span, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_sec(span)), GT_NUM(apr_time_sec(span)),
                                  GT_NUM(account->id), GT_TEXT(account->claim),
                                  GT_NUM(account->by_password)};

    return gt_db_change(goes_on, store->db, &keep_claim, &store->names, args, p);
}

/* Whole characters of a text for people: a server may have a part in it. */
static const char *readable(const char *text, apr_pool_t *p)
{
    apr_size_t left = text != NULL ? strlen(text) : 0, len = 0, more;

    if (text == NULL)
        return NULL;
    while (len < left && (more = gt_utf8_sequence(text + len, left - len)) > 0 &&
           len + more <= ERROR_MOST)
        len += more;
    return apr_pstrmemdup(p, text, len);
}

gt_err_t *gt_mail_account_done(gt_store_t *store, const gt_mail_account_t *account,
                               const gt_mail_outcome_t *outcome, apr_pool_t *p)
{
    const char *error = readable(outcome->error, p);
    const gt_db_value_t args[] = {GT_TEXT(error),
                                  GT_TEXT(error),
                                  GT_TEXT(error),
                                  GT_TEXT(error),
                                  GT_NUM(apr_time_sec(outcome->next)),
                                  GT_NUM(account->id),
                                  GT_TEXT(account->claim)};

    return gt_db_change(NULL, store->db, &give_back, &store->names, args, p);
}

gt_err_t *gt_mail_account_let_go(gt_store_t *store, const gt_mail_account_t *account, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(account->id), GT_TEXT(account->claim)};

    return gt_db_change(NULL, store->db, &let_go, &store->names, args, p);
}

gt_err_t *gt_mail_sums(gt_mail_sums_t *sums, gt_store_t *store, apr_pool_t *p)
{
    apr_int64_t values[8] = {0};
    apr_array_header_t *rows;

    GT_TRY(gt_mail_demand(store, p));
    GT_TRY(gt_db_rows(&rows, store->db, &sum_accounts, &store->names, NULL, p));
    for (int i = 0; rows->nelts > 0 && i < 8; i++)
        if (!gt_number(&values[i], APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[i], 0,
                       INT64_MAX / APR_USEC_PER_SEC))
            return gt_mail_damaged(NULL, p);
    *sums = (gt_mail_sums_t){.total = values[0],
                             .active = values[1],
                             .error = values[2],
                             .off = values[3],
                             .tried = values[4],
                             .synced = values[5]};
    if (values[6] != 0)
        sums->last_sync_at =
            apr_time_from_sec(values[6]) + gt_row_offset(apr_time_from_sec(values[7]));
    return GT_OK;
}

const gt_sql_t *const gt_mail_claim_sql[] = {&claim_due, &claim_one, &bring_back,   &keep_claim,
                                             &give_back, &let_go,    &sum_accounts, NULL};
