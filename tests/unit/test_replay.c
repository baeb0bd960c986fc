/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The replay of the journal (vault/replay): when it happens, and that no entry stops another
 * one. */

#include "children.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/notice.h"
#include "base/log.h"
#include "base/secret.h"

Suite *suite_replay(void);

#define DEAD "host/3999999/1/node/7"

static gt_journal_t *journal;
static apr_int64_t generation;
static int acquires_left;

/* Nothing happens by itself from then on. */
static void stop_crews(void)
{
    gt_crew_stop(child[0].crew, 0);
    gt_crew_stop(child[1].crew, 0);
}

/* ---- a holder that dies ---- */

static void put_before_the_lease(void)
{
    if (--acquires_left == 0)
        put_answer(journal, "main", generation);
}

/* The process that holds the lease writes its answer, and has died, right after our look into the
 * journal: our first statement reads the row, the second takes the lease. */
START_TEST(a_lease_taken_over_from_the_dead_has_the_journal_looked_into_again)
{
    gt_refresh_params_t what = {.vault = child[0].vault, .key = toms};
    gt_refresh_t *refresh;

    stop_crews(); /* so that nothing else uses its connection */
    journal = share_journal();
    child[0].vault->parts.holder = "host/4000000/1/node";
    sign_in_row(&tom, 0);
    generation = row()->generation;
    bench_run(bench, "UPDATE user_tokens SET lease_owner = '" DEAD "', intent_owner = '" DEAD
                     "', lease_until = 9999999999");
    refresh = gt_refresh_init(&what, pool);
    acquires_left = 2;
    child[0].acquires = put_before_the_lease;
    bench_ok(gt_wait_run(&gt_refresh, refresh, child[0].loop, LIMIT, pool));
    child[0].acquires = NULL;
    ck_assert_str_eq(gt_secret_text(refresh->token.access), "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_ptr_null(row()->lease_owner);
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
}
END_TEST

/* ---- an answer that waits for the database ---- */

static atomic_int waits;

static int count_wait(void *baton, const gt_notice_t *event)
{
    (void)baton;
    (void)event;
    atomic_fetch_add(&waits, 1);
    return 1;
}

START_TEST(whoever_waits_elsewhere_hears_of_an_answer_in_the_journal)
{
    const gt_notice_sink_t sink = {NULL, GT_NOTICES(GT_NOTICE_LEASE_WAIT), count_wait};
    asker_t winner, waiter;

    gt_notice_to(&sink);
    journal = share_journal();
    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&winner, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    start_asker(&waiter, &child[1]);
    while (atomic_load(&waits) == 0)
        sched_yield();
    atomic_store(&child[0].away, 1000000);
    atomic_store(&child[1].away, 1000000);
    fake_release(fake);
    ck_assert_str_eq(answer_of(&winner), "at-1");
    ck_assert_str_eq(answer_of(&waiter), "at-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 1);
    atomic_store(&child[0].away, 0);
}
END_TEST

/* ---- a store that fails ---- */

static atomic_int said;

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_WARNING;
}

static void count(void *baton, int level, const char *line)
{
    (void)baton;
    (void)level;
    if (strstr(line, "GT0625") != NULL)
        atomic_fetch_add(&said, 1);
}

START_TEST(what_waits_is_stored_whatever_else_fails)
{
    static const gt_log_sink_t sink = {NULL, wants, count};
    gt_vault_t *vault;

    gt_log_set(NULL);
    stop_crews();
    journal = share_journal();
    sign_in_row(&tom, 0);
    put_answer(journal, "beta", row()->generation);
    put_answer(journal, "main", row()->generation);
    put_answer(journal, "beta", row()->generation + 1);
    bench_run(bench, "ALTER TABLE user_tokens_gone RENAME TO hidden");
    vault = vault_with_beta(NULL);
    gt_log_set(&sink);
    gt_changes_read(vault, pool);
    gt_replay_all(vault, pool);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 2);
    /* Of both stores: what changed, what is to be dropped. Of beta: the journal. */
    ck_assert_int_eq(atomic_load(&said), 5);
    while (gt_periodic_find(vault, "beta")->replay.failures < 3) {
        gt_periodic_find(vault, "beta")->replay.until = 0;
        gt_replay_all(vault, pool);
    }
    ck_assert_int_eq(atomic_load(&said), 5);
    gt_log_set(NULL);
}
END_TEST

START_TEST(news_of_a_store_come_whatever_becomes_of_another)
{
    gt_vault_t *vault;

    stop_crews();
    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    bench_run(bench, "UPDATE user_tokens SET status = 0, revision = revision + 1");
    vault = vault_with_beta(NULL);
    while (is_cached("at-0"))
        gt_changes_read(vault, pool);
}
END_TEST

START_TEST(what_cannot_be_dropped_holds_up_no_news)
{
    gt_periodic_t *periodic = gt_periodic_find(child[0].vault, "main");

    stop_crews();
    bench_run(bench, "INSERT INTO user_tokens_gone (user_id, provider, revision) "
                     "VALUES ('ann', 'microsoft', 1)");
    bench_run(bench, "CREATE TRIGGER none_goes BEFORE DELETE ON user_tokens_gone "
                     "BEGIN SELECT RAISE(ABORT, 'none goes'); END");
    periodic->purge_goes_on = 1; /* due, however the others went before */
    gt_changes_read(child[0].vault, pool);
    ck_assert_int_eq(periodic->purge.failures, 1);
    ck_assert_int_eq(periodic->changes.failures, 0);
    ck_assert(!gt_backoff_lasts(&periodic->changes));
}
END_TEST

/* ---- a child that is new ---- */

/* A revocation elsewhere, a minute ago; no child has looked since. */
START_TEST(a_new_child_looks_back_to_the_last_round_of_the_others)
{
    gt_vault_t *vault;

    stop_crews();
    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    bench_run(bench, "UPDATE user_tokens SET status = 0, revision = revision - 60000");
    ck_assert(gt_cache_keep_text(cache, "news read main",
                                 apr_psprintf(pool, "%ld", (long)(gt_ticks() - SECONDS(61))),
                                 SECONDS(300)));
    vault = vault_with_beta(NULL);
    while (is_cached("at-0"))
        gt_changes_read(vault, pool);
}
END_TEST

/* The same where it is not known when the last round was. */
START_TEST(where_that_is_not_known_it_looks_back_as_far_as_tokens_are_cached)
{
    gt_vault_t *vault;

    stop_crews();
    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    bench_run(bench, "UPDATE user_tokens SET status = 0, revision = revision - 60000");
    ck_assert(gt_cache_keep_text(cache, "news read main", "99999999999999999", SECONDS(300)));
    vault = vault_with_beta(NULL);
    while (is_cached("at-0"))
        gt_changes_read(vault, pool);
}
END_TEST

/* ---- what cannot be replayed ---- */

/* The tail of an entry's seal is another one. */
static void damage(const char *name)
{
    const char *path = apr_pstrcat(pool, bench->folder, "/journal/", name, NULL);
    int fd = open(path, O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(lseek(fd, -20, SEEK_END), 0);
    ck_assert_int_eq(write(fd, "#", 1), 1);
    close(fd);
}

static const char *oldest(void)
{
    apr_array_header_t *names = gt_journal_names(journal, &toms.grant, pool);

    ck_assert_int_gt(names->nelts, 0);
    return APR_ARRAY_IDX(names, 0, const char *);
}

static atomic_int strange_said;

static void count_strange(void *baton, int level, const char *line)
{
    (void)baton;
    (void)level;
    if (strstr(line, "GT0635") != NULL)
        atomic_fetch_add(&strange_said, 1);
}

/* Into `into`, as tom's store has its ids; or with the id of another. */
static void put_entry(gt_journal_t *into, apr_int64_t from, const char *store_id)
{
    gt_tokens_t tokens = {.scope = "User.Read",
                          .expires_at = gt_now() + SECONDS(3600),
                          .received = gt_now() + SECONDS(1)};
    gt_entry_t entry;

    tokens.access = gt_secret_from("at-1", pool);
    tokens.refresh = gt_secret_from("rt-1", pool);
    entry = gt_journal_entry(child[0].store, &toms, from, &tokens, pool);
    ck_assert_str_ne(entry.store_id, "");
    if (store_id != NULL)
        entry.store_id = store_id;
    bench_ok(gt_journal_put(into, &entry, bench->ring, pool));
}

START_TEST(an_entry_that_cannot_be_read_hides_no_newer_one)
{
    int count;

    stop_crews();
    journal = share_journal();
    sign_in_row(&tom, 0);
    generation = row()->generation;
    put_entry(journal, generation - 1, NULL);
    damage(oldest());
    put_entry(journal, generation, NULL);
    bench_ok(gt_replay_owner(&count, child[0].vault, &toms.grant, pool));
    ck_assert_int_eq(count, 1);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 1);
}
END_TEST

/* A store whose schema is not there (or not for our role) cannot even say whether it has an id. */
#define NOWHERE "nowhere.beta_tokens"

START_TEST(a_store_that_tells_no_id_holds_up_no_entry_of_another)
{
    gt_vault_t *vault;

    stop_crews();
    journal = share_journal();
    sign_in_row(&tom, 0);
    put_entry(journal, row()->generation, NULL);
    beta_table = NOWHERE;
    vault = vault_with_beta(NULL);
    gt_replay_all(vault, pool);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
}
END_TEST

START_TEST(a_store_that_tells_no_id_has_no_token_sent_twice)
{
    gt_refresh_params_t what = {.key = toms};
    gt_refresh_t *refresh;

    stop_crews();
    journal = share_journal();
    sign_in_row(&tom, 0);
    put_entry(journal, row()->generation, NULL);
    beta_table = NOWHERE;
    what.vault = vault_with_beta(NULL);
    refresh = gt_refresh_init(&what, pool);
    bench_ok(gt_wait_run(&gt_refresh, refresh, child[0].loop, LIMIT, pool));
    ck_assert_str_eq(gt_secret_text(refresh->token.access), "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
}
END_TEST

/* A failover by hand: the same database behind another DBDParams. */
START_TEST(other_parameters_of_the_database_lose_no_entry)
{
    gt_journal_t *former = share_journal();
    const char *folder = apr_pstrcat(pool, bench->folder, "/journal", NULL);

    stop_crews();
    sign_in_row(&tom, 0);
    put_entry(former, row()->generation, NULL);
    journal = gt_journal_make(folder, "pgsql host=db2", pool);
    child[0].vault->parts.journal = journal;
    gt_replay_all(child[0].vault, pool);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
}
END_TEST

/* A standby that lagged is the primary now: it has lost the last commits, and the token that it
 * holds is spent. */
START_TEST(a_database_that_lost_commits_gets_the_newer_answer)
{
    stop_crews();
    journal = share_journal();
    sign_in_row(&tom, 0);
    put_entry(journal, row()->generation + 2, NULL);
    gt_replay_all(child[0].vault, pool);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
}
END_TEST

/* The same, but tom signed in anew there before the journal was looked into. */
START_TEST(an_answer_older_than_a_sign_in_is_dropped)
{
    stop_crews();
    journal = share_journal();
    sign_in_row(&tom, 0);
    put_entry(journal, row()->generation + 2, NULL);
    bench_run(bench, "UPDATE user_tokens SET updated_at = datetime('now', '3 seconds')");
    gt_replay_all(child[0].vault, pool);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-0");
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
}
END_TEST

/* Each look at the clock takes a while, so that a round is over before it has come to all. */
static apr_time_t moved;

static apr_time_t moved_ticks(void)
{
    return moved += apr_time_from_msec(2);
}

START_TEST(any_number_of_strange_and_damaged_entries_holds_up_none)
{
    static const gt_log_sink_t sink = {NULL, wants, count_strange};
    int rounds;

    stop_crews();
    journal = share_journal();
    sign_in_row(&tom, 0);
    generation = row()->generation;
    for (int i = 0; i < 60; i++) {
        put_entry(journal, 1, NULL);
        damage(APR_ARRAY_IDX(gt_journal_names(journal, NULL, pool), 2 * i, const char *));
        put_entry(journal, 1, "ffffffffffffffffffffffffffffffff");
    }
    put_entry(journal, generation, NULL);
    gt_log_set(&sink);
    moved = gt_ticks();
    gt_clock_set(NULL, moved_ticks);
    for (rounds = 0; rounds < 50 && gt_journal_length(journal, pool) > 120; rounds++) {
        gt_replay_all(child[0].vault, pool);
        moved += SECONDS(1);
    }
    gt_clock_set(NULL, NULL);
    gt_log_set(NULL);
    ck_assert_int_eq(gt_journal_length(journal, pool), 120);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_gt(rounds, 1);
    ck_assert_int_eq(atomic_load(&strange_said), 1);
}
END_TEST

Suite *suite_replay(void)
{
    Suite *suite = suite_create("replay");
    TCase *away = children_case(suite, "away", GT_SQLITE);
    TCase *stores = children_case(suite, "stores", GT_SQLITE);
    TCase *dead = children_case(suite, "dead", GT_SQLITE);

    tcase_add_test(stores, what_waits_is_stored_whatever_else_fails);
    tcase_add_test(stores, news_of_a_store_come_whatever_becomes_of_another);
    tcase_add_test(stores, what_cannot_be_dropped_holds_up_no_news);
    tcase_add_test(stores, a_new_child_looks_back_to_the_last_round_of_the_others);
    tcase_add_test(stores, where_that_is_not_known_it_looks_back_as_far_as_tokens_are_cached);
    tcase_add_test(dead, an_entry_that_cannot_be_read_hides_no_newer_one);
    tcase_add_test(stores, a_store_that_tells_no_id_holds_up_no_entry_of_another);
    tcase_add_test(stores, a_store_that_tells_no_id_has_no_token_sent_twice);
    tcase_add_test(dead, other_parameters_of_the_database_lose_no_entry);
    tcase_add_test(dead, a_database_that_lost_commits_gets_the_newer_answer);
    tcase_add_test(dead, an_answer_older_than_a_sign_in_is_dropped);
    tcase_add_test(dead, any_number_of_strange_and_damaged_entries_holds_up_none);
    tcase_add_test(away, whoever_waits_elsewhere_hears_of_an_answer_in_the_journal);
    tcase_add_test(dead, a_lease_taken_over_from_the_dead_has_the_journal_looked_into_again);
    return suite;
}
