/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * migrate: each store's table, step by step, up or down, and the tables of its mail and of its
 * change notifications. All steps are planned before the first one is done; each step is one
 * transaction, so a failure leaves whole steps only. Going down can lose values that S0's table has
 * no column for, so the verb asks first, or demands --yes.
 */

#include "ctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/text.h"
#include "store/hook_ladder.h"
#include "store/mail_ladder.h"
#include "store/store_ladder.h"
#include "store/store_steps.h"

#define LADDERS 2 /* beside a store's own */

typedef struct migrate_t {
    ctl_t *ctl;
    const char *store;      /* NULL: all */
    int to;                 /* -1: the newest */
    int beside_to[LADDERS]; /* -1: not said */
    int dry_run;
    int yes;
    gt_db_t *db;
    json_t *stores; /* the steps that were done, for --json */
} migrate_t;

/** One store's way. */
typedef struct way_t {
    const gt_store_conf_t *store;
    const char *what; /* "main", "mail of main" */
    gt_ladder_t *ladder;
    int from, to;
    apr_array_header_t *steps; /* of gt_migration_t */
} way_t;

/** The options that move one of the ladders beside a store's own. */
static const struct {
    const char *option;
    const gt_side_ladder_t *side;
} ladders[LADDERS] = {{"mail-to", &gt_mail_ladder}, {"notifications-to", &gt_hook_ladder}};

static const struct argp_option options[] = {
    {"to", 't', "N", 0, "go to version N; default: the newest", 0},
    {"mail-to", 'm', "N", 0, "go to version N of the tables of mail", 0},
    {"notifications-to", 'c', "N", 0, "go to version N of the tables of change notifications", 0},
    {"store", 's', "NAME", 0, "only this store; default: all", 0},
    {"dry-run", 'n', NULL, 0, "print the SQL and change nothing", 0},
    {"yes", 'y', NULL, 0, "do not ask before going down", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static void parse_to(int *to, const char *option, int newest, const char *arg,
                     struct argp_state *state)
{
    apr_int64_t number;

    if (!gt_number(&number, arg, 0, newest))
        argp_error(state, "--%s %s: it must be 0 to %d", option, arg, newest);
    else
        *to = (int)number;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    migrate_t *asked = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = asked->ctl;
    else if (key == 't')
        parse_to(&asked->to, "to", gt_store_newest(), arg, state);
    else if (key == 'm' || key == 'c')
        parse_to(&asked->beside_to[key == 'c'], ladders[key == 'c'].option,
                 ladders[key == 'c'].side->newest, arg, state);
    else if (key == 's')
        asked->store = arg;
    else if (key == 'n')
        asked->dry_run = 1;
    else if (key == 'y')
        asked->yes = 1;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static gt_err_t *add_way(apr_array_header_t *ways, const way_t *way, const migrate_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    way_t *added = apr_array_push(ways);

    *added = *way;
    GT_TRY(gt_ladder_version(&added->from, added->ladder, asked->db, p));
    return gt_ladder_plan(&added->steps, added->ladder, asked->db, added->to, p);
}

static int says_beside(const migrate_t *asked)
{
    for (int i = 0; i < LADDERS; i++)
        if (asked->beside_to[i] >= 0)
            return 1;
    return 0;
}

/** The number that the tables of a ladder beside a store's are to reach; -1: they stay as they are.
 * Below the step of ids nothing could open what is sealed in them. */
static int beside_target(const migrate_t *asked, const gt_store_conf_t *store, int i)
{
    const gt_side_ladder_t *side = ladders[i].side;

    if (asked->beside_to[i] >= 0)
        return asked->beside_to[i];
    if (asked->to >= 0 && asked->to < GT_STEP_IDS)
        return 0;
    return asked->to < 0 && !says_beside(asked) && side->is_wanted(store) ? side->newest : -1;
}

/** The ways of the ladders beside a store's own that go in one direction. */
static gt_err_t *plan_beside(apr_array_header_t *ways, const migrate_t *asked,
                             const gt_store_conf_t *store, int up)
{
    apr_pool_t *p = asked->ctl->pool;

    for (int i = 0; i < LADDERS; i++) {
        const gt_side_ladder_t *side = ladders[i].side;
        way_t way = {.store = store, .to = beside_target(asked, store, i)};
        int version;

        way.what = apr_pstrcat(p, side->what, " of ", store->name, NULL);
        way.ladder = gt_side_ladder(side, store, p);
        GT_TRY(gt_ladder_version(&version, way.ladder, asked->db, p));
        if (!side->is_wanted(store) && version == 0)
            way.to = -1;
        if (way.to >= 0 && (way.to >= version) == up)
            GT_TRY(add_way(ways, &way, asked));
    }
    return GT_OK;
}

/** Up, the store's table comes first; down, those beside it. */
static gt_err_t *plan_store(apr_array_header_t *ways, const migrate_t *asked,
                            const gt_store_conf_t *store)
{
    way_t own = {.store = store, .what = store->name, .to = asked->to};

    if (asked->to < 0)
        own.to = says_beside(asked) ? -1 : gt_store_newest();
    GT_TRY(gt_store_ladder(&own.ladder, store, asked->ctl->pool));
    GT_TRY(plan_beside(ways, asked, store, 0));
    if (own.to >= 0)
        GT_TRY(add_way(ways, &own, asked));
    return plan_beside(ways, asked, store, 1);
}

/** Ways of all asked stores; nothing is done yet. */
static gt_err_t *plan(apr_array_header_t *ways, const migrate_t *asked, const gt_config_t *config)
{
    if (asked->store != NULL && gt_config_store(config, asked->store) == NULL)
        return gt_err(asked->ctl->pool, GT_NOT_FOUND, "GT0913", "there is no store %s",
                      asked->store);
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *store = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);

        if (asked->store == NULL || strcmp(asked->store, store->name) == 0)
            GT_TRY(plan_store(ways, asked, store));
    }
    return GT_OK;
}

/** Ask whether to go down. */
static gt_err_t *confirm(const migrate_t *asked, const apr_array_header_t *ways)
{
    char answer[8] = "";

    for (int i = 0; i < ways->nelts; i++) {
        const way_t *way = &APR_ARRAY_IDX(ways, i, way_t);

        if (asked->yes || asked->dry_run || way->to >= way->from)
            continue;
        if (!isatty(STDIN_FILENO))
            return ctl_usage(
                gt_err(asked->ctl->pool, GT_INVALID, "GT0914",
                       "store %s would go down from %d to %d, which can lose columns and their "
                       "contents: say --yes",
                       way->what, way->from, way->to));
        fprintf(stderr,
                "Store %s goes down from %d to %d and loses what %d has no place for. "
                "Type yes: ",
                way->what, way->from, way->to, way->to);
        if (fgets(answer, sizeof(answer), stdin) == NULL || strcmp(answer, "yes\n") != 0)
            return gt_err(asked->ctl->pool, GT_CANCELLED, "GT0915", "nothing was changed");
    }
    return GT_OK;
}

static void print_texts(const gt_migration_t *step)
{
    for (int i = 0; i < step->texts->nelts; i++)
        printf("    %s;\n", APR_ARRAY_IDX(step->texts, i, const char *));
    for (int i = 0; step->last_texts != NULL && i < step->last_texts->nelts; i++)
        printf("%s    %s;\n", i == 0 ? "    -- where no other store is left:\n" : "",
               APR_ARRAY_IDX(step->last_texts, i, const char *));
}

static json_t *texts_json(const apr_array_header_t *texts)
{
    json_t *list = json_array();

    for (int i = 0; i < texts->nelts; i++)
        json_array_append_new(list, json_string(APR_ARRAY_IDX(texts, i, const char *)));
    return list;
}

static json_t *step_json(const gt_migration_t *step, int with_texts)
{
    json_t *json = json_object();

    gt_json_set_number(json, "number", step->number);
    gt_json_set(json, "title", step->title);
    if (with_texts)
        gt_json_put(json, "sql", texts_json(step->texts));
    if (with_texts && step->last_texts != NULL)
        gt_json_put(json, "sql_of_last_store", texts_json(step->last_texts));
    return json;
}

static json_t *way_json(const way_t *way, int dry_run)
{
    json_t *json = json_object();
    json_t *steps = json_array();

    gt_json_set(json, "store", way->store->name);
    gt_json_set(json, "table", way->ladder->names.table);
    gt_json_set_number(json, "from", way->from);
    gt_json_set_number(json, "to", way->to);
    for (int i = 0; i < way->steps->nelts; i++)
        json_array_append_new(steps,
                              step_json(&APR_ARRAY_IDX(way->steps, i, gt_migration_t), dry_run));
    gt_json_put(json, "steps", steps);
    return json;
}

/* Before the step, which may take minutes; the line that says that it is done covers this one. */
static void show_progress(const way_t *way, int step)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "%s: step %d of %d\r", way->what, step, way->steps->nelts);
}

static gt_err_t *walk(const migrate_t *asked, const way_t *way)
{
    const ctl_t *ctl = asked->ctl;
    int up = way->to > way->from;

    for (int i = 0; i < way->steps->nelts; i++) {
        const gt_migration_t *step = &APR_ARRAY_IDX(way->steps, i, gt_migration_t);

        if (!asked->dry_run) {
            show_progress(way, i + 1);
            GT_TRY(gt_ladder_apply(step, way->ladder, up, asked->db, ctl->pool));
        }
        if (!ctl->json)
            printf("%s: %s step %d %s: %s\n", way->what, asked->dry_run ? "would do" : "done,",
                   step->number, up ? "up" : "down", step->title);
        if (!ctl->json && asked->dry_run)
            print_texts(step);
    }
    if (!ctl->json && way->steps->nelts == 0)
        printf("%s: nothing to do, version %d\n", way->what, way->from);
    if (ctl->json)
        json_array_append_new(asked->stores, way_json(way, asked->dry_run));
    return GT_OK;
}

gt_err_t *ctl_migrate(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {options,    parse, "",  "Bring the stores' tables up or down.",
                                     ctl_common, NULL,  NULL};
    migrate_t asked = {.ctl = ctl, .to = -1, .beside_to = {-1, -1}};
    apr_array_header_t *ways = apr_array_make(ctl->pool, 2, sizeof(way_t));
    json_t *answer = gt_json_object(ctl->pool);
    gt_config_t *config;
    gt_err_t *err = GT_OK;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(ctl_db(&asked.db, config, ctl->pool));
    GT_TRY(plan(ways, &asked, config));
    GT_TRY(confirm(&asked, ways));
    asked.stores = json_array();
    gt_json_put(answer, "stores", asked.stores);
    gt_json_set_bool(answer, "dry_run", asked.dry_run);
    for (int i = 0; err == GT_OK && i < ways->nelts; i++)
        err = walk(&asked, &APR_ARRAY_IDX(ways, i, way_t));
    if (ctl->json)
        ctl_print_json(answer);
    return err;
}
