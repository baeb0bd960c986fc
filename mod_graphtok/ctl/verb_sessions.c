/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * sessions: listing browsers that are signed in, and signing them out. The list has sessions with
 * rows; an end of all sessions of a user holds for those without rows, too.
 */

#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/grant_view.h"
#include "base/clock.h"
#include "base/notice.h"
#include "base/text.h"
#include "pick_options.h"
#include "terminal.h"

#define PAGE 500
#define LIMIT_MOST 100000

typedef struct sessions_t {
    ctl_t *ctl;
    gt_pick_t pick;
    apr_array_header_t *words; /* of const char *: the action, and the sessions' names */
    int all;
    apr_int64_t limit, given;
    apr_int64_t ended, users; /* sessions, and users whose sessions all ended */
    json_t *list;
} sessions_t;

static const struct argp_option options[] = {
    {"all", 'A', NULL, 0, "end: the sessions of all users", 0},
    {"limit", 'l', "N", 0, "list: at most N; default: 100", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static int is_what(const sessions_t *asked, const char *what)
{
    return asked->words->nelts > 0 &&
           strcmp(APR_ARRAY_IDX(asked->words, 0, const char *), what) == 0;
}

static void check(sessions_t *asked, const struct argp_state *state)
{
    if (!is_what(asked, "list") && !is_what(asked, "end"))
        argp_error(state, "list or end?");
    if (asked->words->nelts > 2)
        argp_error(state, "name one ID, USER or E-MAIL");
    if (asked->words->nelts == 2)
        asked->pick.name = APR_ARRAY_IDX(asked->words, 1, const char *);
    if (is_what(asked, "end") && (asked->pick.name != NULL) == asked->all)
        argp_error(state, "whose sessions? Name an ID, USER or E-MAIL, or say --all");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    sessions_t *asked = state->input;

    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = asked->ctl;
        state->child_inputs[1] = &asked->pick;
    }
    else if (key == 'A')
        asked->all = 1;
    else if (key == 'l') {
        if (!gt_number(&asked->limit, arg, 1, LIMIT_MOST))
            argp_error(state, "--limit %s: it must be 1 to %d", arg, LIMIT_MOST);
    }
    else if (key == ARGP_KEY_ARG)
        APR_ARRAY_PUSH(asked->words, const char *) = arg;
    else if (key == ARGP_KEY_END)
        check(asked, state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* ---- list ---- */

static const char *began(const gt_session_t *session, apr_pool_t *p)
{
    return gt_rfc3339(apr_time_from_msec(session->began_ms), p);
}

static void list_json(json_t *list, gt_store_t *store, const gt_session_t *session, apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set(json, "id", session->id);
    gt_json_set(json, "store", gt_store_name(store));
    gt_json_set(json, "user", session->owner.user);
    gt_json_set(json, "provider", session->owner.provider);
    gt_json_set(json, "began_at", began(session, p));
    gt_json_set_time(json, "used_at", session->used_at, p);
    gt_json_set_time(json, "ends_at", session->ends_at, p);
    gt_json_set(json, "network", session->address);
    gt_json_set(json, "agent", session->agent);
    json_array_append_new(list, json);
}

static void list_one(sessions_t *asked, gt_store_t *store, const gt_session_t *session,
                     apr_pool_t *p)
{
    if (asked->given++ == 0)
        ctl_heading(asked->ctl, apr_psprintf(p, "%-*s  %-10s  %-20s  %-20s  %-18s  %-16s  %s",
                                             (int)strlen(session->id), "SESSION", "PROVIDER",
                                             "BEGAN", "LAST USED", "NETWORK", "BROWSER", "USER"));
    if (asked->ctl->json)
        list_json(asked->list, store, session, p);
    else
        printf("%s  %-10s  %s  %s  %-18s  %-16s  %s\n", session->id, session->owner.provider,
               began(session, p), gt_rfc3339(session->used_at, p),
               session->address != NULL ? session->address : "-",
               session->agent != NULL ? session->agent : "-", session->owner.user);
}

/* One piece. @param after  in: behind it, or NULL; out: its last row, in `p`; NULL: there is no
 * more. */
static gt_err_t *list_piece(const gt_session_t **after, sessions_t *asked, gt_store_t *store,
                            const gt_owner_t *owner, apr_pool_t *p)
{
    gt_sessions_page_t *page = apr_pcalloc(p, sizeof(*page));

    GT_TRY(gt_sessions_list(page, store, owner, *after, PAGE, p));
    for (int i = 0; i < page->sessions->nelts && asked->given < asked->limit; i++)
        list_one(asked, store, &APR_ARRAY_IDX(page->sessions, i, gt_session_t), p);
    *after = page->has_more && asked->given < asked->limit ? &page->last : NULL;
    return GT_OK;
}

/* Piece by piece, of one owner (NULL: of all). Two pools in turn: a piece is asked for by the last
 * row of the one before. */
static gt_err_t *list_store(sessions_t *asked, gt_store_t *store, const gt_owner_t *owner,
                            apr_pool_t *p)
{
    const gt_session_t *after = NULL;
    apr_pool_t *pools[2];
    gt_err_t *err;
    int turn = 0;

    apr_pool_create(&pools[0], p);
    apr_pool_create(&pools[1], p);
    do {
        turn = !turn;
        apr_pool_clear(pools[turn]);
        err = list_piece(&after, asked, store, owner, pools[turn]);
    } while (err == GT_OK && after != NULL);
    return err;
}

static gt_err_t *list_grant(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                            apr_pool_t *scratch)
{
    sessions_t *asked = baton;

    *go_on = asked->given < asked->limit;
    return *go_on ? list_store(asked, store, &grant->owner, scratch) : GT_OK;
}

/* ---- end ---- */

static void announce(const gt_store_t *store, const gt_owner_t *owner)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_SIGN_OUT,
                             .store = gt_store_name(store),
                             .provider = owner->provider,
                             .user = owner->user,
                             .detail = "administrator"});
}

static gt_err_t *end_grant(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                           apr_pool_t *scratch)
{
    sessions_t *asked = baton;
    int ended;

    GT_TRY(gt_sessions_end(&ended, store, &grant->owner, 0, scratch));
    announce(store, &grant->owner);
    asked->ended += ended;
    asked->users++;
    *go_on = 1;
    return GT_OK;
}

static int is_session_id(const char *text)
{
    return text != NULL && strlen(text) == GT_SESSION_ID_DIGITS &&
           strspn(text, "0123456789abcdef") == GT_SESSION_ID_DIGITS;
}

static gt_err_t *end_marked(sessions_t *asked, gt_store_t *store)
{
    const gt_session_mark_t mark = {.id = asked->pick.name};
    apr_array_header_t *ended;

    GT_TRY(gt_sessions_end_marked(&ended, store, &mark, asked->ctl->pool));
    for (int i = 0; i < ended->nelts; i++)
        announce(store, &APR_ARRAY_IDX(ended, i, gt_session_t).owner);
    asked->ended += ended->nelts;
    return GT_OK;
}

/* ---- both ---- */

static gt_err_t *each_store(sessions_t *asked, gt_walk_t *walk,
                            gt_err_t *(*fn)(sessions_t *, gt_store_t *))
{
    const apr_array_header_t *stores = walk->config->stores;

    for (int i = 0; i < stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);

        if (asked->pick.store == NULL || strcmp(asked->pick.store, conf->name) == 0)
            GT_TRY(fn(asked, gt_store_make(conf, walk->db, NULL, asked->ctl->pool)));
    }
    return GT_OK;
}

static gt_err_t *list_all(sessions_t *asked, gt_store_t *store)
{
    return asked->given < asked->limit ? list_store(asked, store, NULL, asked->ctl->pool) : GT_OK;
}

static gt_err_t *list(sessions_t *asked, gt_walk_t *walk)
{
    json_t *answer = gt_json_object(asked->ctl->pool);

    asked->list = json_array();
    gt_json_put(answer, "sessions", asked->list);
    walk->fn = list_grant;
    if (asked->pick.name != NULL)
        GT_TRY(gt_pick_each(walk, asked->ctl->pool));
    else
        GT_TRY(each_store(asked, walk, list_all));
    if (asked->ctl->json)
        ctl_print_json(answer);
    else if (asked->given == asked->limit)
        fprintf(stderr, "graphtokctl: there may be more: --limit\n");
    return GT_OK;
}

static void print_ended(const sessions_t *asked)
{
    json_t *answer;

    if (!asked->ctl->json) {
        printf("ended %" APR_INT64_T_FMT " listed sessions", asked->ended);
        if (asked->users > 0)
            printf(", and all others of %s that began before",
                   gt_counted(asked->users, "user", "users", asked->ctl->pool));
        printf("\n");
        return;
    }
    answer = gt_json_object(asked->ctl->pool);
    gt_json_set_number(answer, "ended", asked->ended);
    gt_json_set_number(answer, "users", asked->users);
    ctl_print_json(answer);
}

static gt_err_t *end(sessions_t *asked, gt_walk_t *walk)
{
    GT_TRY(ctl_audit_start(walk->config, NULL, asked->ctl->pool));
    walk->fn = end_grant;
    if (is_session_id(asked->pick.name))
        GT_TRY(each_store(asked, walk, end_marked));
    if (asked->ended == 0)
        GT_TRY(gt_pick_each(walk, asked->ctl->pool));
    print_ended(asked);
    if (asked->pick.name != NULL && asked->ended == 0 && asked->users == 0)
        return gt_err(asked->ctl->pool, GT_NOT_FOUND, "GT0956",
                      "there is no session with the id %s, nor a grant of such an id, user or "
                      "e-mail address",
                      asked->pick.name);
    return GT_OK;
}

gt_err_t *ctl_sessions(ctl_t *ctl, int argc, char **argv)
{
    const struct argp_child both[] = {ctl_common[0], {&ctl_pick_named_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {options,
                              parse,
                              "list [USER|E-MAIL] | end [ID|USER|E-MAIL]",
                              "List the browsers that are signed in, or end their sessions; the "
                              "grants stay.",
                              both,
                              NULL,
                              NULL};
    sessions_t asked = {.ctl = ctl, .pick = gt_pick_all(), .limit = 100};
    gt_walk_t walk = {.pick = &asked.pick, .baton = &asked};
    gt_config_t *config;

    asked.words = apr_array_make(ctl->pool, 2, sizeof(const char *));
    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    GT_TRY(ctl_config(&config, ctl));
    asked.pick.is_question = is_what(&asked, "list");
    GT_TRY(gt_pick_check(&asked.pick, config, ctl->pool));
    GT_TRY(ctl_db(&walk.db, config, ctl->pool));
    walk.config = config;
    return is_what(&asked, "list") ? list(&asked, &walk) : end(&asked, &walk);
}
