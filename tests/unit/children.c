/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* See children.h. */

#include "children.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/notice.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/store_ladder.h"

/* No test's marks and tokens push out one another: a set holds eight. */
#define CACHE_SLOTS 2048

apr_pool_t *pool;
bench_t *bench;
fake_t *fake;
gt_config_t *config;
gt_cache_t *cache;
child_t child[2];
relay_t *relay;
const gt_owner_t tom = {"tom", "microsoft"};
const gt_token_key_t toms = {{"main", {"tom", "microsoft"}}, "graph"};
const char *beta_table = "beta_tokens";

static void ck_ok(gt_err_t *err)
{
    bench_ok(err);
}

/* ---- two children ---- */

static apr_status_t acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    child_t *c = baton;
    void (*acquires)(void) = atomic_load(&c->acquires);

    if (acquires != NULL)
        acquires();
    if (atomic_load(&c->away) > 0) {
        atomic_fetch_sub(&c->away, 1);
        return APR_EGENERAL;
    }
    return c->real.acquire(conn, c->real.baton, p);
}

static void release(gt_db_conn_t *conn, void *baton)
{
    child_t *c = baton;

    c->real.release(conn, c->real.baton);
}

static void start_child(child_t *c, const char *name)
{
    const gt_loop_limits_t transfers = {32, 8, 0};
    const gt_db_limits_t limits = {1, SECONDS(10), relay != NULL ? ANSWER_LIMIT : 0};
    const char *params = bench->params;
    gt_db_source_t source = {c, acquire, release};
    gt_vault_parts_t parts = {.config = config, .ring = bench->ring, .cache = cache};

    atomic_init(&c->away, 0);
    atomic_init(&c->acquires, NULL);
    if (relay != NULL && c == &child[0])
        params = apr_pstrcat(pool, params, relay_params(relay), NULL);
    ck_ok(gt_handle_source(&c->real, bench->driver, params, pool));
    ck_ok(gt_loop_start(&c->loop, &transfers, pool));
    ck_ok(gt_crew_start(&c->crew, "gt-crew", 2, c->loop, pool));
    parts.db = gt_db_make(&source, &limits, pool);
    parts.loop = c->loop;
    parts.crew = c->crew;
    parts.holder = name;
    c->vault = gt_vault_make(&parts, pool);
    c->store = gt_vault_store(c->vault, "main");
}

static void stop_child(child_t *c)
{
    gt_crew_stop(c->crew, SECONDS(5));
    gt_loop_stop(c->loop);
}

static void make_cache(void)
{
    static const unsigned char key[GT_CACHE_KEY_BYTES] = "for tests only";
    apr_size_t size = gt_slots_size(CACHE_SLOTS, 4096);
    gt_slots_t *slots = gt_slots_open(apr_pcalloc(pool, size), size, CACHE_SLOTS, 4096, pool);

    ck_assert_ptr_nonnull(slots);
    cache = gt_cache_make(slots, key, SECONDS(300), pool);
}

static void begin(gt_engine_t engine)
{
    apr_pool_create(&pool, NULL);
    bench = bench_open(engine == GT_SQLITE ? 0 : 1);
    bench_migrate(bench, gt_store_newest());
    fake = fake_start(pool);
    config = gt_config_default(pool);
    APR_ARRAY_PUSH(config->providers, gt_provider_conf_t *) = fake_conf(fake, "microsoft", pool);
    config->lease = SECONDS(8);
    make_cache();
    start_child(&child[0], "node/1");
    start_child(&child[1], "node/2");
}

/* Without a fork the next test, of any suite, has this process. */
static void take_back_hooks(void)
{
    gt_clock_set(NULL, NULL);
    gt_notice_to_none();
    gt_log_set(NULL);
}

static void end(void)
{
    fake_release(fake);
    for (int i = 0; i < 2; i++) {
        atomic_store(&child[i].acquires, NULL);
        stop_child(&child[i]);
    }
    take_back_hooks(); /* when no thread reads them any more */
    apr_pool_destroy(pool);
    bench_close(bench);
}

static void begin_on_sqlite(void)
{
    begin(GT_SQLITE);
}

static void begin_on_pgsql(void)
{
    begin(GT_PGSQL);
}

static void begin_on_relay(void)
{
    relay = relay_open();
    begin(GT_PGSQL);
}

static void end_relay(void)
{
    end();
    relay_close(relay);
    relay = NULL;
}

static TCase *a_case(Suite *suite, const char *name, void (*setup)(void), void (*teardown)(void))
{
    TCase *tcase = tcase_create(name);

    tcase_add_unchecked_fixture(tcase, fake_key, NULL);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

TCase *children_case(Suite *suite, const char *name, gt_engine_t engine)
{
    return a_case(suite, name, engine == GT_SQLITE ? begin_on_sqlite : begin_on_pgsql, end);
}

TCase *children_case_on_relay(Suite *suite, const char *name)
{
    return a_case(suite, name, begin_on_relay, end_relay);
}

/* ---- words ---- */

gt_grant_t *row(void)
{
    gt_grant_t *grant;

    ck_ok(gt_grant_find(&grant, child[0].store, &tom, pool));
    return grant;
}

void sign_in_row(const gt_owner_t *owner, int seconds)
{
    const gt_identity_t identity = {"https://i",           FAKE_TENANT, ADA,
                                    "ada@sandbox.example", "Ada",       NULL};
    gt_tokens_t tokens = {
        .access = gt_secret_from("at-0", pool),
        .refresh = gt_secret_from("rt-0", pool),
        .scope = "User.Read",
        .expires_at = gt_now() + SECONDS(seconds),
        .received = gt_now(),
    };
    int past = seconds < 3600 ? 3600 - seconds : 0;
    gt_grant_t *grant;

    ck_ok(gt_grant_sign_in(&grant, child[0].store, owner, &identity, &tokens, pool));
    bench_run(bench, apr_psprintf(pool,
                                  bench->engine == GT_SQLITE
                                      ? "UPDATE user_tokens SET updated_at = datetime('now', '-%d "
                                        "seconds') || '.000000' WHERE user_id = '%s'"
                                      : "UPDATE user_tokens SET updated_at = now() - interval '%d "
                                        "seconds' WHERE user_id = '%s'",
                                  past, owner->user));
}

gt_token_for_t ask_of(child_t *c)
{
    return (gt_token_for_t){.vault = c->vault, .key = toms};
}

gt_err_t *ask(gt_token_for_t *what, child_t *c)
{
    return gt_wait_run(&gt_token_for, what, c->loop, LIMIT, pool);
}

void gives(child_t *c, const char *wanted)
{
    gt_token_for_t what = ask_of(c);

    ck_ok(ask(&what, c));
    ck_assert_str_eq(gt_secret_text(what.token.access), wanted);
}

gt_err_t *error_of(child_t *c)
{
    gt_token_for_t what = ask_of(c);
    gt_err_t *err = ask(&what, c);

    ck_assert_ptr_nonnull(err);
    ck_assert_ptr_null(what.token.access);
    return err;
}

gt_err_t *fails(child_t *c, gt_class_t cls, const char *tag)
{
    gt_err_t *err = error_of(c);

    bench_tag(err, tag);
    ck_assert_int_eq(err->cls, cls);
    return err;
}

int is_cached(const char *wanted)
{
    gt_token_t cached;

    return gt_cache_get(&cached, cache, &toms, pool) &&
           strcmp(gt_secret_text(cached.access), wanted) == 0;
}

static void ask_once(void *baton)
{
    asker_t *asker = baton;
    gt_token_for_t what = ask_of(asker->child);
    apr_pool_t *p;
    gt_err_t *err;

    apr_pool_create(&p, NULL);
    err = gt_wait_run(&gt_token_for, &what, asker->child->loop, LIMIT, p);
    apr_cpystrn(asker->token, err == GT_OK ? gt_secret_text(what.token.access) : err->tag,
                sizeof(asker->token));
    apr_pool_destroy(p);
}

void start_asker(asker_t *asker, child_t *c)
{
    asker->child = c;
    aside_start(&asker->aside, ask_once, asker);
}

const char *answer_of(asker_t *asker)
{
    aside_join(&asker->aside);
    return asker->token;
}

static apr_status_t remove_journal(void *baton)
{
    gt_journal_t *journal = child[0].vault->parts.journal;
    apr_array_header_t *names = gt_journal_names(journal, NULL, pool);

    for (int i = 0; i < names->nelts; i++)
        gt_journal_remove(journal, APR_ARRAY_IDX(names, i, const char *), pool);
    return apr_dir_remove(baton, pool);
}

gt_journal_t *share_journal(void)
{
    const char *folder = apr_pstrcat(pool, bench->folder, "/journal", NULL);
    gt_journal_t *journal;

    ck_assert_int_eq(apr_dir_make(folder, 0x0700, pool), APR_SUCCESS);
    apr_pool_pre_cleanup_register(pool, folder, remove_journal);
    journal = gt_journal_make(folder, "db", pool);
    gt_journal_judge_by(journal, bench->ring);
    child[0].vault->parts.journal = child[1].vault->parts.journal = journal;
    return journal;
}

void put_answer(gt_journal_t *journal, const char *store, apr_int64_t generation)
{
    gt_entry_t entry = {.key.grant = {store, tom}, .generation = generation};

    entry.tokens.access = gt_secret_from("at-1", pool);
    entry.tokens.refresh = gt_secret_from("rt-1", pool);
    entry.tokens.scope = "User.Read";
    entry.tokens.expires_at = gt_now() + SECONDS(3600);
    ck_ok(gt_journal_put(journal, &entry, bench->ring, pool));
}

gt_vault_t *vault_with_beta(gt_crew_t *crew)
{
    gt_config_t *both = apr_pmemdup(pool, config, sizeof(*config));
    gt_store_conf_t *beta = gt_store_conf_default("beta", pool);
    gt_vault_parts_t parts = child[0].vault->parts;
    gt_vault_t *vault;

    beta->table = beta_table;
    both->stores = apr_array_make(pool, 2, sizeof(gt_store_conf_t *));
    APR_ARRAY_PUSH(both->stores, gt_store_conf_t *) = beta;
    apr_array_cat(both->stores, config->stores);
    parts.config = both;
    parts.crew = NULL;
    vault = gt_vault_make(&parts, pool);
    vault->parts.crew = crew;
    return vault;
}

gt_err_t *revoke_tom(child_t *c, int *had_grant)
{
    gt_revoke_t work = {.vault = c->vault, .key = toms.grant};
    gt_err_t *err = gt_wait_run(&gt_revoke, &work, c->loop, LIMIT, pool);

    *had_grant = work.had_grant;
    return err;
}
