/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * list: the grants with their users and states. Of the sealed values only names are opened, where
 * the keyring can be read. A page ends with the cursor for the next one.
 */

#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/cursor.h"
#include "admin/grant_view.h"
#include "base/clock.h"
#include "base/text.h"
#include "pick_options.h"
#include "terminal.h"

#define LIMIT_MOST 100000

typedef struct listed_t {
    ctl_t *ctl;
    const gt_config_t *config;
    gt_pick_t pick;
    apr_int64_t limit;
    apr_int64_t given;
    json_t *grants;
    const char *last;        /* cursor behind the last one that was given */
    apr_array_header_t *all; /* of gt_keys_t *; without a key names stay closed */
    gt_db_t *db;
    gt_store_t *opened; /* the store of the grant before, with it */
    int has_more;
} listed_t;

static const struct argp_option options[] = {
    {"status", 'S', "STATUS", 0, "only active, inactive, needs-user or failing ones", 0},
    {"limit", 'l', "N", 0, "at most N; default: 100", 0},
    {"after", 'a', "CURSOR", 0, "go on where the page before ended; a grant's id will do, too", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    listed_t *listed = state->input;

    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = listed->ctl;
        state->child_inputs[1] = &listed->pick;
    }
    else if (key == 'S') {
        if (!gt_pick_status(&listed->pick, arg))
            argp_error(state, "--status %s: active, inactive, needs-user or failing is expected",
                       arg);
    }
    else if (key == 'l') {
        if (!gt_number(&listed->limit, arg, 1, LIMIT_MOST))
            argp_error(state, "--limit %s: it must be 1 to %d", arg, LIMIT_MOST);
    }
    else if (key == 'a')
        listed->pick.after = arg;
    else if (key == ARGP_KEY_ARG && listed->pick.name == NULL)
        listed->pick.name = arg;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/** Aligned for a terminal. */
static void print_line(const listed_t *listed, const gt_grant_t *grant, apr_pool_t *p)
{
    static const ctl_hue_t hues[] = {
        [GT_INACTIVE] = CTL_BAD, [GT_ACTIVE] = CTL_GOOD, [GT_NEEDS_USER] = CTL_WARNS};

    if (listed->given == 1)
        ctl_heading(listed->ctl,
                    apr_psprintf(p, "%-36s  %-10s  %-10s  %-20s  %-20s  %s", "ID", "STATUS",
                                 "PROVIDER", "TOKEN ENDS", "LAST USED", "USER"));
    printf("%-36s  %s%-10s%s  %-10s  %s  %s  %s\n", grant->id,
           ctl_hue(listed->ctl, stdout, hues[grant->status]), gt_status_name(grant->status),
           ctl_hue_end(listed->ctl, stdout), grant->owner.provider,
           gt_rfc3339(grant->expires_at, p),
           grant->last_used_at != 0 ? gt_rfc3339(grant->last_used_at, p) : "never               ",
           gt_grant_user_line(grant, p));
}

/* A copy: the grant is the walk's. */
static gt_err_t *take_name(listed_t *listed, const gt_store_t *store, const gt_grant_t **grant,
                           apr_pool_t *p)
{
    gt_grant_t *named = apr_pmemdup(p, *grant, sizeof(*named));
    const gt_keyring_t *ring = gt_keys_of(listed->all, gt_store_name(store))->ring;

    if (gt_keyring_is_empty(ring))
        return GT_OK;
    if (listed->opened == NULL || gt_store_conf(listed->opened) != gt_store_conf(store))
        listed->opened = gt_store_make(gt_store_conf(store), listed->db, ring, listed->ctl->pool);
    *grant = named;
    return gt_grant_take_name(named, listed->opened, p);
}

static gt_err_t *give(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                      apr_pool_t *scratch)
{
    listed_t *listed = baton;

    if (listed->given == listed->limit) {
        listed->has_more = 1;
        *go_on = 0;
        return GT_OK;
    }
    GT_TRY(take_name(listed, store, &grant, scratch));
    listed->given++;
    if (listed->given == listed->limit)
        listed->last = gt_cursor(&listed->pick, grant, listed->ctl->pool);
    if (listed->ctl->json)
        json_array_append_new(listed->grants, gt_grant_json(store, grant, listed->config, scratch));
    else
        print_line(listed, grant, scratch);
    return GT_OK;
}

static void finish(const listed_t *listed, json_t *answer)
{
    if (listed->ctl->json) {
        gt_json_set(answer, "next", listed->has_more ? listed->last : NULL);
        ctl_print_json(answer);
    }
    else if (listed->has_more)
        fprintf(stderr, "graphtokctl: there are more: --after %s\n", listed->last);
}

static gt_err_t *list(listed_t *listed)
{
    ctl_t *ctl = listed->ctl;
    json_t *answer = gt_json_object(ctl->pool);
    gt_walk_t walk = {.pick = &listed->pick, .fn = give, .baton = listed};
    gt_config_t *config;

    listed->pick.is_question = 1;
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(gt_pick_check(&listed->pick, config, ctl->pool));
    GT_TRY(ctl_db(&walk.db, config, ctl->pool));
    listed->db = walk.db;
    (void)!ctl_keys_all(&listed->all, config, ctl->pool);
    walk.config = listed->config = config;
    listed->grants = json_array();
    gt_json_put(answer, "grants", listed->grants);
    GT_TRY(gt_pick_each(&walk, ctl->pool));
    finish(listed, answer);
    return GT_OK;
}

gt_err_t *ctl_list_picked(ctl_t *ctl, const gt_pick_t *pick)
{
    listed_t listed = {.ctl = ctl, .pick = *pick, .limit = LIMIT_MOST};

    return list(&listed);
}

gt_err_t *ctl_list(ctl_t *ctl, int argc, char **argv)
{
    const struct argp_child both[] = {ctl_common[0], {&ctl_pick_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {
        options, parse, "[ID|USER|E-MAIL]", "List grants, without their tokens.", both, NULL, NULL};
    listed_t listed = {.ctl = ctl, .pick = gt_pick_all(), .limit = 100};

    listed.pick.store = "main";
    GT_TRY(ctl_options(ctl, &argp, argc, argv, &listed));
    return list(&listed);
}
