/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file arrival.c
 * The first of the threads that come while none is storing stores what waits by then, also that of
 * the others, which wait for it. Theirs are a lookup of subscriptions and an INSERT together, and
 * each has its own counts.
 */

#include "hooks/arrival.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "hooks/arrival_item.h"

#define AT_ONCE 2000 /* notifications in one statement; a post is not cut */
/* Personal accounts have this tenant, and Outlook tells of them by another one. */
#define PERSONAL "9188040d-6c67-4c5b-b112-36a304b66dad"

/* One post. It lies in its thread's memory, which waits until it is done. */
typedef struct post_t {
    gt_store_t *store;
    apr_array_header_t *items; /* of gt_arrival_item_t */
    const gt_asker_t *asker;
    gt_arrived_t *arrived;
    gt_err_t *err;
    int is_done;
    apr_pool_t *pool;
    struct post_t *next;
} post_t;

struct gt_arrivals_t {
    pthread_mutex_t lock;  /* guards the members below, and each waiting post's */
    pthread_cond_t stored; /* a thread has stored some */
    post_t *first, **end;
    int is_storing;
};

static apr_status_t destroy(void *baton)
{
    gt_arrivals_t *arrivals = baton;

    pthread_cond_destroy(&arrivals->stored);
    pthread_mutex_destroy(&arrivals->lock);
    return APR_SUCCESS;
}

gt_arrivals_t *gt_arrivals_make(apr_pool_t *p)
{
    gt_arrivals_t *arrivals = apr_pcalloc(p, sizeof(*arrivals));

    if (pthread_mutex_init(&arrivals->lock, NULL) != 0 ||
        gt_cond_init(&arrivals->stored) != APR_SUCCESS)
        abort();
    arrivals->end = &arrivals->first;
    apr_pool_cleanup_register(p, arrivals, destroy, apr_pool_cleanup_null);
    return arrivals;
}

/* ---- which are ours ---- */

static json_t *names_of(const post_t *posts, apr_pool_t *p)
{
    json_t *names = gt_json_own(json_array(), p);

    for (const post_t *post = posts; post != NULL; post = post->next)
        for (int i = 0; i < post->items->nelts; i++) {
            const gt_arrival_item_t *item = &APR_ARRAY_IDX(post->items, i, gt_arrival_item_t);

            json_array_append_new(names, json_string(item->subscription_id));
            json_array_append_new(names, json_string(item->state_hash));
        }
    return names;
}

/* By Graph's id, or where that is not heard of yet by the hash of the secret. */
static apr_hash_t *by_name(const apr_array_header_t *subscriptions, apr_pool_t *p)
{
    apr_hash_t *known = apr_hash_make(p);

    for (int i = 0; i < subscriptions->nelts; i++) {
        const gt_subscription_t *sub = &APR_ARRAY_IDX(subscriptions, i, gt_subscription_t);
        const char *name = sub->subscription_id != NULL ? sub->subscription_id : sub->state_hash;

        if (name != NULL)
            apr_hash_set(known, name, APR_HASH_KEY_STRING, sub);
    }
    return known;
}

static int is_of_tenant(const gt_arrival_item_t *item)
{
    const char *tenant = item->sub->tenant;

    return tenant == NULL || *tenant == '\0' || *item->tenant == '\0' ||
           strcasecmp(tenant, PERSONAL) == 0 || strcasecmp(tenant, item->tenant) == 0;
}

/* Its subscription named the secret, which came back wrong. */
static void tell_refused(const gt_arrival_item_t *item, const post_t *post)
{
    const gt_notice_t notice = {.kind = GT_NOTICE_FORGED,
                                .store = gt_store_name(post->store),
                                .provider = item->sub->owner.provider,
                                .user = item->sub->owner.user,
                                .asker = post->asker,
                                .detail = "dropped"};

    gt_notice(&notice);
    gt_log(GT_LOG_WARNING, "GT1110",
           "store %s: a notification for subscription %s of user %s came without its clientState, "
           "or for another tenant, and was dropped",
           gt_store_name(post->store), item->subscription_id, item->sub->owner.user);
}

/* @return 1: it is one of ours */
static int admit(gt_arrival_item_t *item, const post_t *post, apr_hash_t *known, apr_pool_t *p)
{
    item->sub = apr_hash_get(known, item->subscription_id, APR_HASH_KEY_STRING);
    if (item->sub == NULL)
        item->sub = apr_hash_get(known, item->state_hash, APR_HASH_KEY_STRING);
    if (item->sub == NULL) {
        post->arrived->unknown++;
        return 0;
    }
    if (!gt_equal_ct(item->state_hash, item->sub->state_hash) || !is_of_tenant(item)) {
        post->arrived->refused++;
        tell_refused(item, post);
        return 0;
    }
    item->row.subscription = item->sub->id;
    item->row.lane = gt_arrival_lane(item->sub->id, item->row.resource, p);
    return 1;
}

/* ---- storing ---- */

/* Renewed, or made anew, by the job whose turn the row then has. */
static gt_err_t *act_on(const gt_arrival_item_t *item, gt_store_t *store, apr_pool_t *p)
{
    if (item->life == GT_LIFE_NONE || item->life == GT_LIFE_MISSED ||
        item->sub->subscription_id == NULL)
        return GT_OK;
    return gt_subscription_due(store, item->sub, item->life == GT_LIFE_REMOVED, p);
}

/* A reauthorization is ours alone to do; all else is the application's to know. */
static int is_told(const gt_arrival_item_t *item)
{
    return item->life != GT_LIFE_REAUTHORIZE;
}

/* A post whose rows the INSERT left out were there before; which post's they were is not known of
 * many at once, so that they are counted as the first's. */
static void count_repeats(post_t *posts, int repeated)
{
    for (post_t *post = posts; post != NULL && repeated > 0; post = post->next) {
        int here = post->arrived->stored < repeated ? post->arrived->stored : repeated;

        post->arrived->stored -= here;
        post->arrived->repeated += here;
        repeated -= here;
    }
}

static gt_err_t *store_posts(post_t *posts, apr_pool_t *p)
{
    gt_store_t *store = posts->store;
    apr_array_header_t *rows = apr_array_make(p, 16, sizeof(const gt_notification_t *));
    apr_array_header_t *subscriptions;
    apr_hash_t *known;
    int stored;

    GT_TRY(gt_subscriptions_named(&subscriptions, store, names_of(posts, p), p));
    known = by_name(subscriptions, p);
    for (post_t *post = posts; post != NULL; post = post->next)
        for (int i = 0; i < post->items->nelts; i++) {
            gt_arrival_item_t *item = &APR_ARRAY_IDX(post->items, i, gt_arrival_item_t);

            if (!admit(item, post, known, p))
                continue;
            post->arrived->stored++;
            GT_TRY(act_on(item, store, p));
            if (is_told(item))
                APR_ARRAY_PUSH(rows, const gt_notification_t *) = &item->row;
        }
    GT_TRY(gt_notifications_add(&stored, store, rows, p));
    count_repeats(posts, rows->nelts - stored);
    return GT_OK;
}

/* Take posts of one store out of the queue; the lock is held. */
static post_t *take_some(gt_arrivals_t *arrivals)
{
    gt_store_t *store = arrivals->first->store;
    post_t *taken = NULL, **end = &taken, **at = &arrivals->first;
    int count = 0;

    while (*at != NULL && count < AT_ONCE) {
        post_t *post = *at;

        if (post->store != store) {
            at = &post->next;
            continue;
        }
        count += post->items->nelts;
        *at = post->next;
        post->next = NULL;
        *end = post;
        end = &post->next;
    }
    arrivals->end = &arrivals->first;
    while (*arrivals->end != NULL)
        arrivals->end = &(*arrivals->end)->next;
    return taken;
}

/* The lock is held, but while the database works. A failure is each post's own: they wait, so that
 * their memory may be used. */
static void store_some(gt_arrivals_t *arrivals, apr_pool_t *p)
{
    post_t *posts = take_some(arrivals), *next;
    apr_pool_t *scratch;
    gt_err_t *err;

    arrivals->is_storing = 1;
    pthread_mutex_unlock(&arrivals->lock);
    apr_pool_create(&scratch, p);
    err = store_posts(posts, scratch);
    for (post_t *post = posts; post != NULL; post = post->next)
        post->err = gt_err_dup(err, post->pool);
    apr_pool_destroy(scratch);
    pthread_mutex_lock(&arrivals->lock);
    for (post_t *post = posts; post != NULL; post = next) {
        next = post->next; /* it may be gone as soon as it is done and the lock is free */
        post->is_done = 1;
    }
    arrivals->is_storing = 0;
    pthread_cond_broadcast(&arrivals->stored);
}

/* ---- a post ---- */

static void tell(const gt_arrived_t *arrived, const gt_store_t *store)
{
    const struct {
        const char *what;
        int count;
    } rows[] = {{"stored", arrived->stored},
                {"repeated", arrived->repeated},
                {"unknown", arrived->unknown},
                {"refused", arrived->refused},
                {"malformed", arrived->malformed}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_notice_t notice = {.kind = GT_NOTICE_NOTIFIED,
                                    .store = gt_store_name(store),
                                    .detail = rows[i].what,
                                    .added = rows[i].count};

        if (rows[i].count > 0)
            gt_notice(&notice);
    }
}

static void read_items(post_t *post, const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach (value, i, one) {
        gt_arrival_item_t *item = apr_array_push(post->items);

        if (gt_arrival_item_read(item, one, post->pool))
            continue;
        (void)apr_array_pop(post->items);
        post->arrived->malformed++;
    }
}

static gt_err_t *wait_until_stored(gt_arrivals_t *arrivals, post_t *post)
{
    pthread_mutex_lock(&arrivals->lock);
    *arrivals->end = post;
    arrivals->end = &post->next;
    while (!post->is_done) {
        if (arrivals->is_storing)
            gt_cond_wait(&arrivals->stored, &arrivals->lock, APR_INT64_MAX);
        else
            store_some(arrivals, post->pool);
    }
    pthread_mutex_unlock(&arrivals->lock);
    return post->err;
}

gt_err_t *gt_arrivals_take(gt_arrived_t *arrived, gt_arrivals_t *arrivals, gt_store_t *store,
                           const json_t *value, const gt_asker_t *asker, apr_pool_t *p)
{
    post_t post = {.store = store, .asker = asker, .arrived = arrived, .pool = p};

    memset(arrived, 0, sizeof(*arrived));
    if (json_array_size(value) > GT_ARRIVAL_MAX)
        return gt_err(p, GT_INVALID, "GT1108", "more than %d notifications at once",
                      GT_ARRIVAL_MAX);
    GT_TRY(gt_subscriptions_demand(store, p));
    post.items = apr_array_make(p, (int)json_array_size(value) + 1, sizeof(gt_arrival_item_t));
    read_items(&post, value);
    if (post.items->nelts > 0)
        GT_TRY(wait_until_stored(arrivals, &post));
    tell(arrived, store);
    return GT_OK;
}
