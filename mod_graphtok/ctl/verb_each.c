/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * refresh, validate, revoke: one thing done to each grant that is meant, one after the other, each
 * through the vault: beside httpd the lease in the row keeps them apart. Stopped, the verb brings
 * the grant under way to its end and says how far it came; what was done stays done.
 */

#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "grants.h"
#include "jobs/validate.h"
#include "progress.h"
#include "vault/vault.h"

/** More than this is not listed one by one; the numbers are always whole. */
#define LISTED_MOST 1000

typedef struct each_t each_t;

/** What a verb does to one grant, and how it speaks of it. */
typedef struct deed_t {
    const char *name, *done, *doc, *args;
    int takes_all; /* 1: may be asked for all grants */
    gt_err_t *(*act)(const char **detail, each_t *each, const gt_grant_t *grant, apr_pool_t *p);
} deed_t;

struct each_t {
    ctl_t *ctl;
    const deed_t *deed;
    ctl_pick_t pick;
    int all, dry_run;
    gt_vault_t *vault;
    gt_store_t *store; /* the vault's, of the present grant */
    ctl_progress_t progress;
    ctl_walk_t walk;
    apr_int64_t done, failed, skipped;
    gt_err_t *first; /* failure */
    json_t *failures, *grants;
};

/* ---- deeds ---- */

static gt_err_t *refresh_one(const char **detail, each_t *each, const gt_grant_t *grant,
                             apr_pool_t *p)
{
    gt_token_for_t ask = {.vault = each->vault,
                          .store = each->store,
                          .owner = grant->owner,
                          .refresh_now = 1,
                          .refused = grant->generation};

    GT_TRY(ctl_vault_wait(each->vault, &gt_token_for, &ask, p));
    *detail = apr_pstrcat(p, "until ", gt_rfc3339(ask.expires_at, p), NULL);
    return GT_OK;
}

static gt_err_t *validate_one(const char **detail, each_t *each, const gt_grant_t *grant,
                              apr_pool_t *p)
{
    gt_validate_t ask = {.vault = each->vault, .store = each->store, .owner = grant->owner};

    GT_TRY(ctl_vault_wait(each->vault, &gt_validate, &ask, p));
    *detail = "works";
    return ask.works ? GT_OK : ask.failure;
}

static gt_err_t *revoke_one(const char **detail, each_t *each, const gt_grant_t *grant,
                            apr_pool_t *p)
{
    gt_revoke_t ask = {.vault = each->vault, .store = each->store, .owner = grant->owner};

    GT_TRY(ctl_vault_wait(each->vault, &gt_revoke, &ask, p));
    *detail = ask.had_grant ? "it is gone" : "it was gone already";
    return GT_OK;
}

/* ---- options ---- */

static const struct argp_option options[] = {
    {"all", 'A', NULL, 0, "all active grants", 0},
    {"dry-run", 'n', NULL, 0, "say which grants are meant and change nothing", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static void check_scope(const each_t *each, const struct argp_state *state)
{
    int narrows = each->pick.provider != NULL || each->pick.days >= 0;

    if (each->pick.name != NULL && (each->all || each->pick.days >= 0))
        argp_error(state, "name an ID or USER, or say --all or --days, not both");
    if (each->pick.name == NULL && !(each->deed->takes_all && (each->all || narrows)))
        argp_error(state, "which grants? Name an ID or USER%s",
                   each->deed->takes_all ? ", or say --all, --provider or --days" : "");
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
    else if (key == 'n')
        each->dry_run = 1;
    else if (key == ARGP_KEY_ARG && each->pick.name == NULL)
        each->pick.name = arg;
    else if (key == ARGP_KEY_END)
        check_scope(each, state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* ---- one after the other ---- */

static void list_grant(json_t *list, const gt_grant_t *grant, const gt_err_t *err,
                       const char *detail)
{
    json_t *json;

    if (json_array_size(list) >= LISTED_MOST)
        return;
    json = json_object();
    gt_json_set(json, "id", grant->id);
    gt_json_set(json, "user", grant->owner.user);
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
        fprintf(stderr, "graphtokctl: %s, user %s at %s: %s: %s\n", grant->id, grant->owner.user,
                grant->owner.provider, err->tag, err->detail);
}

static void note_done(each_t *each, const gt_grant_t *grant, const char *detail)
{
    each->done++;
    list_grant(each->grants, grant, GT_OK, detail);
    if (!each->ctl->json && (each->pick.name != NULL || each->dry_run))
        printf("%s, user %s at %s: %s\n", grant->id, grant->owner.user, grant->owner.provider,
               detail);
}

/** A failure of one grant is that grant's; a database or an httpd that is away is everybody's, and
 * nothing is gained by trying the next. */
static int is_everybodys(const gt_err_t *err)
{
    return err->cls == GT_STORE_AWAY || err->extent == GT_EXTENT_REGISTRATION;
}

static gt_err_t *act(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                     apr_pool_t *scratch)
{
    each_t *each = baton;
    const char *detail = "would be";
    gt_err_t *err = GT_OK;
    apr_pool_t *p;

    if (each->pick.name == NULL && grant->status != GT_ACTIVE) {
        each->skipped++;
        return GT_OK;
    }
    apr_pool_create(&p, scratch);
    each->store = gt_vault_store(each->vault, gt_store_conf(store)->name);
    if (!each->dry_run)
        err = each->deed->act(&detail, each, grant, p);
    if (err == GT_OK)
        note_done(each, grant, detail);
    else
        note_failure(each, grant, err);
    if (err != GT_OK && is_everybodys(err))
        *go_on = 0;
    apr_pool_destroy(p);
    if (ctl_stop_asked())
        *go_on = 0;
    ctl_progress_show(&each->progress, each->walk.seen);
    return GT_OK;
}

/* ---- the end ---- */

static void print_result(const each_t *each)
{
    json_t *answer;

    if (!each->ctl->json) {
        printf("%s%s %" APR_INT64_T_FMT ", failed %" APR_INT64_T_FMT ", skipped %" APR_INT64_T_FMT
               "%s\n",
               each->dry_run ? "would be " : "", each->deed->done, each->done, each->failed,
               each->skipped, ctl_stop_asked() ? " when it was stopped" : "");
        return;
    }
    answer = gt_json_object(each->ctl->pool);
    gt_json_set_number(answer, each->deed->done, each->done);
    gt_json_set_number(answer, "failed", each->failed);
    gt_json_set_number(answer, "skipped", each->skipped);
    gt_json_set_bool(answer, "dry_run", each->dry_run);
    gt_json_set_bool(answer, "stopped", ctl_stop_asked());
    gt_json_put(answer, "grants", json_incref(each->grants));
    gt_json_put(answer, "failures", json_incref(each->failures));
    ctl_print_json(answer);
}

static gt_err_t *verdict(const each_t *each)
{
    apr_pool_t *p = each->ctl->pool;

    if (each->first != GT_OK)
        return gt_err(p, each->first->cls, "GT0951",
                      "%" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " failed, the first with %s",
                      each->failed, each->failed + each->done, each->first->tag);
    if (each->pick.name != NULL && each->done == 0)
        return gt_err(p, GT_NOT_FOUND, "GT0952", "there is no grant with the id or of the user %s",
                      each->pick.name);
    if (ctl_stop_asked())
        return gt_err(
            p, GT_CANCELLED, "GT0953",
            "stopped; what was done stays done, the rest can be done by the same command");
    return GT_OK;
}

static gt_err_t *go(each_t *each, const gt_config_t *config)
{
    apr_pool_t *p = each->ctl->pool;
    apr_int64_t total = 0;
    gt_err_t *err;

    each->walk = (ctl_walk_t){.pick = &each->pick,
                              .config = config,
                              .db = gt_vault_parts(each->vault)->db,
                              .fn = act,
                              .baton = each};
    if (each->pick.name == NULL)
        GT_TRY(ctl_count_grants(&total, &each->pick, config, each->walk.db, p));
    ctl_progress_begin(&each->progress, each->deed->name, total);
    ctl_stop_begin();
    err = ctl_each_grant(&each->walk, p);
    ctl_progress_end(&each->progress);
    print_result(each);
    return err != GT_OK ? err : verdict(each);
}

static gt_err_t *run(ctl_t *ctl, const deed_t *deed, int argc, char **argv)
{
    struct argp_child children[3] = {ctl_common[0], {&ctl_pick_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {options, parse, deed->args, deed->doc, children, NULL, NULL};
    each_t each = {.ctl = ctl, .deed = deed, .pick = ctl_pick_all()};
    gt_config_t *config;
    gt_err_t *err;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &each));
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(ctl_pick_check(&each.pick, config, ctl->pool));
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
    static const deed_t deed = {"refresh",   "refreshed", "Refresh tokens, due or not.",
                                "[ID|USER]", 1,           refresh_one};

    return run(ctl, &deed, argc, argv);
}

gt_err_t *ctl_validate(ctl_t *ctl, int argc, char **argv)
{
    static const deed_t deed = {"validate",
                                "valid",
                                "Ask the providers whether tokens still work, and mark those that "
                                "do not.",
                                "[ID|USER]",
                                1,
                                validate_one};

    return run(ctl, &deed, argc, argv);
}

gt_err_t *ctl_revoke(ctl_t *ctl, int argc, char **argv)
{
    static const deed_t deed = {
        "revoke",  "revoked", "Delete a user's grants; the user can sign in again.",
        "ID|USER", 0,         revoke_one};

    return run(ctl, &deed, argc, argv);
}
