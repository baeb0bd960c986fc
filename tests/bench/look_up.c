/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * What the database costs: `grant`, one look-up of a grant with the opening of its tokens, as a
 * request pays for them that misses the cache; `page`, `not-active` and `expiry`, 100 grants of a
 * list that an administrator turns over; `user` and `address`, a search; `overview`, what that
 * route answers. Printed are the medians in microseconds by the wall and of this
 * process's own time; users are drawn at random, so that a large table shows the depth of its
 * index.
 *
 *     look_up DRIVER PARAMS KEYRING_LINE USERS LOOK_UPS WHAT
 *
 * Users are called u1, u2 and so on, at microsoft.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_dbd.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "admin/overview.h"
#include "base/secret.h"
#include "conf/config.h"
#include "crypt/keyring.h"
#include "store/due.h"
#include "store/grant.h"

#define MOST 100000
#define PAGE 100

static gt_db_conn_t the_one;
static double wall[MOST], own[MOST];

static apr_status_t acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    (void)baton, (void)p;
    *conn = the_one;
    return APR_SUCCESS;
}

static void release(gt_db_conn_t *conn, void *baton)
{
    (void)conn, (void)baton;
}

static void fail(const char *what)
{
    fprintf(stderr, "look_up: %s\n", what);
    exit(1);
}

static void must(const gt_err_t *err)
{
    if (err != NULL)
        fail(err->detail);
}

static void connect_to(const char *driver, const char *params, apr_pool_t *p)
{
    apr_dbd_init(p);
    the_one.pool = p;
    if (apr_dbd_get_driver(p, driver, &the_one.driver) != APR_SUCCESS ||
        apr_dbd_open(the_one.driver, p, params, &the_one.handle) != APR_SUCCESS)
        fail("no connection");
}

static gt_store_t *open_store(const char *keys, apr_pool_t *p)
{
    gt_store_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    const gt_db_source_t source = {NULL, acquire, release};
    const gt_db_limits_t limits = {1, apr_time_from_sec(1), 0};
    gt_keyring_t *ring;

    conf->name = "main";
    conf->table = "user_tokens";
    conf->user_column = "user_id";
    conf->user_type = "text";
    must(gt_keyring_parse(&ring, gt_secret_from(keys, p), p));
    return gt_store_make(conf, gt_db_make(&source, &limits, p), ring, p);
}

static double ns_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void find(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch)
{
    gt_grant_t *grant;

    must(gt_grant_find(&grant, store, owner, scratch));
    if (grant == NULL)
        fail("a user is missing");
}

static void list(gt_store_t *store, const gt_owner_t *owner, int status, apr_pool_t *scratch)
{
    const gt_grant_filter_t filter = {.status = status, .within = -1};
    const gt_grant_place_t after = {.owner = *owner};
    apr_array_header_t *grants;

    must(gt_grant_list(&grants, store, &filter, &after, PAGE, scratch));
}

static void page(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch)
{
    list(store, owner, -1, scratch);
}

static void not_active(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch)
{
    list(store, owner, GT_INACTIVE, scratch);
}

static void by_expiry(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch)
{
    const gt_grant_filter_t filter = {.status = -1, .within = -1, .order = GT_BY_EXPIRY};
    apr_array_header_t *grants;

    (void)owner;
    must(gt_grant_list(&grants, store, &filter, NULL, PAGE, scratch));
}

static void one(const apr_array_header_t *grants)
{
    if (grants->nelts != 1)
        fail("a user is missing");
}

static void by_user(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch)
{
    apr_array_header_t *grants;

    must(gt_grants_named(&grants, store, owner->user, scratch));
    one(grants);
}

static void by_address(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch)
{
    const char *address = apr_pstrcat(scratch, owner->user, "@example.org", NULL);
    apr_array_header_t *grants;

    must(gt_grants_addressed(&grants, store, address, scratch));
    one(grants);
}

static gt_survey_t *survey;

static void overview(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch)
{
    json_t *json = gt_json_object(scratch);

    (void)owner;
    must(gt_overview(json, store, survey, scratch));
    if (gt_json_dump(json, scratch) == NULL)
        fail("no text");
}

typedef void ask_fn(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *scratch);

static ask_fn *ask_of(const char *name)
{
    static const struct {
        const char *name;
        ask_fn *ask;
    } rows[] = {{"grant", find},       {"page", page},    {"not-active", not_active},
                {"expiry", by_expiry}, {"user", by_user}, {"address", by_address},
                {"overview", overview}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(name, rows[i].name) == 0)
            return rows[i].ask;
    fail("no such question");
    return NULL;
}

static void measure(ask_fn *ask, gt_store_t *store, long user, long n, apr_pool_t *scratch)
{
    gt_owner_t owner = {apr_psprintf(scratch, "u%ld", user), "microsoft"};
    double wall_from = ns_of(CLOCK_MONOTONIC), own_from = ns_of(CLOCK_PROCESS_CPUTIME_ID);

    ask(store, &owner, scratch);
    own[n] = ns_of(CLOCK_PROCESS_CPUTIME_ID) - own_from;
    wall[n] = ns_of(CLOCK_MONOTONIC) - wall_from;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool, *scratch;
    gt_store_t *store;
    long users, count;

    if (argc != 7)
        fail("DRIVER PARAMS KEYRING_LINE USERS LOOK_UPS WHAT");
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    connect_to(argv[1], argv[2], pool);
    store = open_store(argv[3], pool);
    users = strtol(argv[4], NULL, 10);
    count = strtol(argv[5], NULL, 10);
    if (users < 1 || count < 1 || count > MOST)
        fail("numbers out of range");
    survey = gt_survey_make(store, 0, "bench", pool);
    for (int part = 0; strcmp(argv[6], "overview") == 0 && part < GT_COUNT_PARTS; part++)
        must(gt_grant_count(store, part, 0, scratch));
    srandom(1);
    for (long n = -count / 10; n < count; n++) {
        measure(ask_of(argv[6]), store, 1 + random() % users, n < 0 ? 0 : n, scratch);
        apr_pool_clear(scratch);
    }
    qsort(wall, (size_t)count, sizeof(*wall), by_size);
    qsort(own, (size_t)count, sizeof(*own), by_size);
    printf("%.1f %.1f\n", wall[count / 2] / 1000, own[count / 2] / 1000);
    apr_pool_destroy(pool);
    return 0;
}
