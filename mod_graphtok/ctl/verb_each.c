/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * refresh, validate, deactivate, revoke: one operation on each grant that is named, many at a time
 * (admin/batch.h), each through the vault: the lease in the row keeps it apart from httpd. After a
 * signal the operations under way come to their end, and the verb says how far it came.
 */

#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/batch.h"
#include "admin/grant_view.h"
#include "conf/account.h"
#include "pick_options.h"
#include "progress.h"

/** More than this is not listed one by one; the numbers are always whole. */
#define LISTED_MOST 1000

/** An operation as a verb of the command line. */
typedef struct verb_t {
    const gt_operation_t *operation;
    const char *doc, *args; /* for its usage */
    const struct argp_option *options;
    int means_all; /* 1: without a word it is all active grants */
    int again;     /* so often an act is done again that met trouble which may pass */
} verb_t;

typedef struct each_t {
    ctl_t *ctl;
    const verb_t *verb;
    const gt_operation_t *operation;
    gt_pick_t pick;
    int all, accounts, dry_run; /* accounts: those of --token-type */
    int lists;                  /* 1: the grants are listed, and nothing else is done */
    int ending;                 /* 1: those that end within days */
    gt_vault_t *vault;
    gt_batch_t *batch;
    ctl_progress_t progress;
    gt_walk_t walk;
    apr_int64_t total; /* rows of all stores that are meant; 0: they were named */
    apr_int64_t done, failed, skipped, cut;
    int is_over;     /* 1: nothing is gained by trying the next */
    gt_err_t *first; /* failure */
    json_t *failures, *grants;
} each_t;

/* ---- options ---- */

#define WEEK 7 /* days */

#define LIST 0x101 /* options without a letter */
#define REFRESH_ALL 0x102
#define TOKEN_ID 0x103

/* Each verb has its options and all that stand behind them. */
static const struct argp_option options[] = {
    {"list", LIST, NULL, 0, "list the grants, as the verb list does, and refresh none", 0},
    {"refresh-all", REFRESH_ALL, NULL, 0,
     "all active grants whose tokens end within 7 days, or --days", 0},
    {"token-id", TOKEN_ID, "ID", 0, "the grant of this id", 0},
    {"all", 'A', NULL, 0, "all active grants", 0},
    {"token-type", 't', "TYPE", 0, "ropc: those of the server's own accounts that have a password",
     0},
    {"dry-run", 'n', NULL, 0, "say which grants are meant and change nothing", 0},
    {NULL, 0, NULL, 0, NULL, 0}};
#define OF_REFRESH options
#define OF_ALL (options + 3)
#define OF_NAMED (options + 5)

/** The words of a command line say which grants are meant in one way. */
static void check_scope(each_t *each, const struct argp_state *state)
{
    const gt_pick_t *pick = &each->pick;
    int narrows = pick->provider != NULL || pick->days >= 0 || each->accounts;

    if (each->lists)
        return;
    if (pick->name == NULL && !narrows && each->verb->means_all)
        each->all = 1;
    if (pick->name != NULL && (each->all || pick->days >= 0 || each->accounts))
        argp_error(state, "name an ID, USER or E-MAIL, or say --all, --days or --token-type, not "
                          "both");
    if (each->accounts && (each->all || pick->days >= 0))
        argp_error(state, "--token-type means each of its accounts: leave out --all and --days");
    if (pick->name == NULL && !(each->operation->takes_all && (each->all || narrows)))
        argp_error(state, "which grants? Name an ID, USER or E-MAIL%s",
                   each->operation->takes_all ? ", or say --all, --provider, --days or --token-type"
                                              : "");
}

static void take_type(each_t *each, const char *type, const struct argp_state *state)
{
    if (strcmp(type, "ropc") != 0)
        argp_error(state, "--token-type is ropc: an application's own token is kept in no row, "
                          "and `graphtokctl acquire --force' has a new one");
    each->accounts = 1;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    each_t *each = state->input;

    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = each->ctl;
        state->child_inputs[1] = &each->pick;
    }
    else if (key == 'A')
        each->all = 1;
    else if (key == 't')
        take_type(each, arg, state);
    else if (key == 'n')
        each->dry_run = 1;
    else if (key == LIST)
        each->lists = 1;
    else if (key == REFRESH_ALL)
        each->ending = 1;
    else if (key == TOKEN_ID && each->pick.name == NULL) {
        each->pick.name = arg;
        each->pick.is_id = 1;
    }
    else if (key == ARGP_KEY_ARG && each->pick.name == NULL)
        each->pick.name = arg;
    else if (key == ARGP_KEY_END) {
        if (each->ending && each->pick.days < 0)
            each->pick.days = WEEK;
        check_scope(each, state);
    }
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* ---- one of them ---- */

static void list_grant(json_t *list, const gt_grant_t *grant, const gt_err_t *err,
                       const char *detail)
{
    json_t *json;

    if (json_array_size(list) >= LISTED_MOST)
        return;
    json = json_object();
    gt_json_set(json, "id", grant->id);
    gt_json_set(json, "user", grant->owner.user);
    gt_json_set(json, "email", grant->account.email);
    gt_json_set(json, "provider", grant->owner.provider);
    if (err != GT_OK)
        gt_json_set(json, "tag", err->tag);
    gt_json_set(json, "detail", err != GT_OK ? err->detail : detail);
    json_array_append_new(list, json);
}

static void note_failure(each_t *each, const gt_grant_t *grant, const gt_err_t *err)
{
    each->failed++;
    if (each->first == GT_OK)
        each->first = gt_err_dup(err, each->ctl->pool);
    list_grant(each->failures, grant, err, NULL);
    ctl_progress_end(&each->progress);
    if (!each->ctl->json)
        fprintf(stderr, "graphtokctl: %s, user %s at %s: %s: %s\n", grant->id,
                gt_grant_user_line(grant, each->ctl->pool), grant->owner.provider, err->tag,
                err->detail);
}

static void note_done(each_t *each, const gt_grant_t *grant, const char *detail)
{
    each->done++;
    list_grant(each->grants, grant, GT_OK, detail);
    if (!each->ctl->json && (each->pick.name != NULL || each->dry_run))
        printf("%s, user %s at %s: %s\n", grant->id, gt_grant_user_line(grant, each->ctl->pool),
               grant->owner.provider, detail);
}

/** 1 for a failure that concerns all grants: a database that is away, a configuration that is
 * wrong. Then nothing is gained by trying the next grant. */
static int is_everybodys(const gt_err_t *err)
{
    return err->cls == GT_STORE_AWAY || err->extent == GT_EXTENT_REGISTRATION;
}

static void show(each_t *each)
{
    ctl_progress_show(&each->progress, each->done + each->failed + each->skipped);
}

static void note_ended(void *baton, const gt_batch_item_t *item)
{
    each_t *each = baton;

    if (item->is_cut)
        each->cut++;
    else if (item->failure == GT_OK)
        note_done(each, &item->target.grant, item->detail);
    else
        note_failure(each, &item->target.grant, item->failure);
    if (!item->is_cut && item->failure != GT_OK && is_everybodys(item->failure))
        each->is_over = 1;
    show(each);
}

static void note_pause(void *baton, apr_interval_time_t span)
{
    each_t *each = baton;

    ctl_progress_end(&each->progress);
    fprintf(stderr, "graphtokctl: the provider asks to wait %d s; %s goes on after that\n",
            (int)apr_time_sec(span + APR_USEC_PER_SEC - 1), each->operation->name);
}

static int is_stopped(void *baton)
{
    (void)baton;
    return ctl_stop_asked();
}

static gt_err_t *begin(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                       apr_pool_t *scratch)
{
    each_t *each = baton;

    (void)scratch;
    if ((each->pick.name == NULL || each->accounts) && grant->status != GT_ACTIVE)
        each->skipped++;
    else if (each->dry_run)
        note_done(each, grant, "would be");
    else
        GT_TRY(gt_batch_put(each->batch, gt_vault_store(each->vault, gt_store_conf(store)->name),
                            grant));
    if (each->is_over || ctl_stop_asked())
        *go_on = 0;
    show(each);
    return GT_OK;
}

/* ---- the end ---- */

/** The number of grants that were not begun, and of rows that were not looked at. */
static apr_int64_t left(const each_t *each)
{
    apr_int64_t unseen = each->total - each->walk.seen;

    return each->cut + (unseen > 0 ? unseen : 0);
}

static void print_result(const each_t *each)
{
    apr_pool_t *p = each->ctl->pool;
    json_t *answer;

    if (!each->ctl->json) {
        printf("%s%s %" APR_INT64_T_FMT ", failed %" APR_INT64_T_FMT ", skipped %" APR_INT64_T_FMT
               "%s%s\n",
               each->dry_run ? "would be " : "", each->operation->done, each->done, each->failed,
               each->skipped,
               left(each) > 0 ? apr_psprintf(p, ", left %" APR_INT64_T_FMT, left(each)) : "",
               ctl_stop_asked() ? " when it was stopped" : "");
        return;
    }
    answer = gt_json_object(each->ctl->pool);
    gt_json_set_number(answer, each->operation->done, each->done);
    gt_json_set_number(answer, "failed", each->failed);
    gt_json_set_number(answer, "skipped", each->skipped);
    gt_json_set_number(answer, "left", left(each));
    gt_json_set_bool(answer, "dry_run", each->dry_run);
    gt_json_set_bool(answer, "stopped", ctl_stop_asked());
    gt_json_put(answer, "grants", json_incref(each->grants));
    gt_json_put(answer, "failures", json_incref(each->failures));
    ctl_print_json(answer);
}

static gt_err_t *verdict(const each_t *each)
{
    apr_pool_t *p = each->ctl->pool;

    if (ctl_stop_asked())
        return gt_err(
            p, GT_CANCELLED, "GT0953",
            "stopped; what was done stays done, the rest can be done by the same command");
    if (each->first != GT_OK)
        return gt_err(p, each->first->cls, "GT0951",
                      "%" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " failed, the first with %s",
                      each->failed, each->failed + each->done, each->first->tag);
    if (each->pick.name != NULL && !each->accounts && each->done == 0)
        return gt_err(p, GT_NOT_FOUND, "GT0952", "there is no grant with the id %s%s",
                      each->pick.name,
                      each->pick.is_id ? "" : ", nor of such a user or e-mail address");
    return GT_OK;
}

/** The grants of the server's own accounts, one after the other: there are few. */
static gt_err_t *walk_accounts(each_t *each, const gt_config_t *config)
{
    const gt_pick_t asked = each->pick;
    apr_pool_t *p = each->ctl->pool;

    each->walk.go_on = 1;
    for (int i = 0; each->walk.go_on && i < config->accounts->nelts; i++) {
        const gt_account_conf_t *account = APR_ARRAY_IDX(config->accounts, i, gt_account_conf_t *);
        const gt_grant_key_t key = gt_account_key(config, account, p);

        if (account->grant != GT_GRANT_PASSWORD ||
            (asked.store != NULL && strcmp(asked.store, key.store) != 0) ||
            (asked.provider != NULL && strcmp(asked.provider, key.owner.provider) != 0))
            continue;
        each->pick.name = key.owner.user;
        each->pick.store = key.store;
        each->pick.provider = key.owner.provider;
        GT_TRY(gt_pick_each(&each->walk, p));
    }
    return GT_OK;
}

static gt_err_t *go(each_t *each, const gt_config_t *config)
{
    const gt_batch_report_t report = {note_ended, note_pause, is_stopped, each->verb->again, each};
    apr_pool_t *p = each->ctl->pool;
    gt_err_t *err;

    each->walk = (gt_walk_t){.pick = &each->pick,
                             .config = config,
                             .db = gt_vault_parts(each->vault)->db,
                             .fn = begin,
                             .baton = each};
    if (each->pick.name == NULL && !each->accounts)
        GT_TRY(gt_pick_count(&each->total, &each->pick, config, each->walk.db, p));
    each->batch = gt_batch_make(each->vault, each->operation, &report, p);
    ctl_progress_begin(&each->progress, each->operation->name, each->total);
    ctl_stop_begin();
    err = each->accounts ? walk_accounts(each, config) : gt_pick_each(&each->walk, p);
    gt_batch_drain(each->batch);
    ctl_progress_end(&each->progress);
    print_result(each);
    return err != GT_OK ? err : verdict(each);
}

static gt_err_t *run(ctl_t *ctl, const verb_t *verb, int argc, char **argv)
{
    const gt_operation_t *operation = verb->operation;
    const struct argp *pick = operation->takes_all ? &ctl_pick_argp : &ctl_pick_named_argp;
    struct argp_child children[3] = {ctl_common[0], {pick, 0, NULL, 0}, {0}};
    const struct argp argp = {verb->options, parse, verb->args, verb->doc, children, NULL, NULL};
    each_t each = {.ctl = ctl, .verb = verb, .operation = operation, .pick = gt_pick_all()};
    gt_config_t *config;
    gt_err_t *err;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &each));
    if (each.lists)
        return ctl_list_picked(ctl, &each.pick);
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(gt_pick_check(&each.pick, config, ctl->pool));
    GT_TRY(ctl_vault_open(&each.vault, config, ctl->pool));
    each.failures = json_array();
    each.grants = json_array();
    err = go(&each, config);
    json_decref(each.failures);
    json_decref(each.grants);
    ctl_vault_close(each.vault, ctl->pool);
    return err;
}

gt_err_t *ctl_refresh(ctl_t *ctl, int argc, char **argv)
{
    static const verb_t verb = {.operation = &gt_operation_refresh,
                                .doc = "Refresh tokens, due or not.",
                                .args = "[ID|USER|E-MAIL]",
                                .options = OF_REFRESH,
                                .again = 3};

    return run(ctl, &verb, argc, argv);
}

gt_err_t *ctl_validate(ctl_t *ctl, int argc, char **argv)
{
    static const verb_t verb = {.operation = &gt_operation_validate,
                                .doc = "Ask the providers whether tokens still work, and mark "
                                       "those that do not: of all active grants, unless some are "
                                       "named.",
                                .args = "[ID|USER|E-MAIL]",
                                .options = OF_ALL,
                                .means_all = 1};

    return run(ctl, &verb, argc, argv);
}

gt_err_t *ctl_deactivate(ctl_t *ctl, int argc, char **argv)
{
    static const verb_t verb = {.operation = &gt_operation_deactivate,
                                .doc = "Serve a user's tokens no more until the user signs in.",
                                .args = "ID|USER|E-MAIL",
                                .options = OF_NAMED};

    return run(ctl, &verb, argc, argv);
}

gt_err_t *ctl_revoke(ctl_t *ctl, int argc, char **argv)
{
    static const verb_t verb = {.operation = &gt_operation_revoke,
                                .doc = "Delete a user's grants; the user can sign in again.",
                                .args = "ID|USER|E-MAIL",
                                .options = OF_NAMED};

    return run(ctl, &verb, argc, argv);
}
