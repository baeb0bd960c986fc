/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mailbox.c
 * A table of the mailboxes that are being called right now, each with a queue. A place that comes
 * free is handed to the first visit of the queue, not to the thread that happens to run first. One
 * lock: it is held for a few instructions, and under it only bells are rung. A mailbox that asked
 * to wait is left alone by vault/pause.h, which knows it by the name that its queue has, too.
 */

#include "graph/mailbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "graph/call.h"
#include "shm/siphash.h"
#include "vault/pause.h"

#define CHAINS 1024
#define BUSY_RETRY_AFTER apr_time_from_sec(2)
#define SMOOTHING 8 /* calls that the pace of a mailbox is a mean of */

typedef struct gt_mailbox_t {
    struct gt_mailbox_t *next; /* of its chain */
    unsigned char id[16];      /* keyed hash of its name */
    int in_hand, waiting;
    apr_time_t freed;         /* ticks: when a place came free while others waited; 0: never */
    apr_interval_time_t pace; /* from one such moment to the next, smoothed */
    gt_visit_t *first;
    gt_visit_t **end; /* the link that the next visit goes into */
} mailbox_t;

struct gt_mailboxes_t {
    gt_limits_t *pauses;
    gt_sip_key_t key;
    pthread_mutex_t lock; /* guards all below, and the own members of visits */
    gt_mailbox_figures_t figures;
    mailbox_t *chains[CHAINS];
};

/* A child that ends at once may have tasks inside still; they are never run again. */
static apr_status_t end(void *baton)
{
    gt_mailboxes_t *mailboxes = baton;

    for (int i = 0; i < CHAINS; i++) {
        while (mailboxes->chains[i]) {
            mailbox_t *mailbox = mailboxes->chains[i];

            mailboxes->chains[i] = mailbox->next;
            free(mailbox);
        }
    }
    pthread_mutex_destroy(&mailboxes->lock);
    return APR_SUCCESS;
}

gt_mailboxes_t *gt_mailboxes_make(gt_limits_t *pauses, apr_pool_t *p)
{
    gt_mailboxes_t *mailboxes = apr_pcalloc(p, sizeof(*mailboxes));

    mailboxes->pauses = pauses;
    gt_random(&mailboxes->key, sizeof(mailboxes->key));
    pthread_mutex_init(&mailboxes->lock, NULL);
    apr_pool_cleanup_register(p, mailboxes, end, apr_pool_cleanup_null);
    return mailboxes;
}

void gt_mailboxes_figures(gt_mailbox_figures_t *figures, gt_mailboxes_t *mailboxes)
{
    pthread_mutex_lock(&mailboxes->lock);
    *figures = mailboxes->figures;
    pthread_mutex_unlock(&mailboxes->lock);
}

/* Names of stores and providers have no line breaks: no two mailboxes have the same name. */
static const char *name_of(const gt_visit_t *visit, apr_pool_t *p)
{
    if (visit->shared != NULL)
        return apr_pstrcat(p, "shared mailbox\n", visit->key.store, "\n", visit->key.owner.provider,
                           "\n", gt_lower(visit->shared, p), NULL);
    return apr_pstrcat(p, "mailbox\n", visit->key.store, "\n", visit->key.owner.provider, "\n",
                       visit->key.owner.user, NULL);
}

/* ---- pauses ---- */

static gt_pause_scope_t scope_of(const gt_visit_t *visit)
{
    return (gt_pause_scope_t){.mailbox = visit->name};
}

void gt_visit_failed(const gt_visit_t *visit, gt_err_t *err)
{
    const gt_pause_scope_t scope = scope_of(visit);

    if (visit->name != NULL)
        gt_pause_begin(visit->mailboxes->pauses, &scope, err);
}

static gt_err_t *refuse_in_pause(const gt_visit_t *visit, apr_pool_t *p)
{
    const gt_pause_scope_t scope = scope_of(visit);
    apr_interval_time_t left = gt_pause_left(NULL, visit->mailboxes->pauses, &scope, p);
    gt_err_t *err;

    if (left <= 0)
        return GT_OK;
    err = gt_err(p, GT_LIMITED, "GT0714",
                 "the provider asked to wait before the next call to this mailbox");
    err->retry_after = left;
    return err;
}

/* ---- the table; under its lock ---- */

static mailbox_t **link_to(gt_mailboxes_t *mailboxes, const unsigned char id[16])
{
    mailbox_t **link = &mailboxes->chains[(id[0] << 8 | id[1]) % CHAINS];

    while (*link && memcmp((*link)->id, id, sizeof((*link)->id)) != 0)
        link = &(*link)->next;
    return link;
}

static mailbox_t *find_or_make(gt_mailboxes_t *mailboxes, const unsigned char id[16])
{
    mailbox_t **link = link_to(mailboxes, id);

    if (*link)
        return *link;
    *link = calloc(1, sizeof(mailbox_t));
    if (!*link)
        abort();
    memcpy((*link)->id, id, sizeof((*link)->id));
    (*link)->end = &(*link)->first;
    mailboxes->figures.mailboxes++;
    return *link;
}

static void drop_if_idle(gt_mailboxes_t *mailboxes, mailbox_t *mailbox)
{
    if (mailbox->in_hand > 0)
        return;
    assert(mailbox->waiting == 0 && mailbox->first == NULL);
    *link_to(mailboxes, mailbox->id) = mailbox->next;
    free(mailbox);
    mailboxes->figures.mailboxes--;
}

static int places_of(const gt_visit_t *visit)
{
    return visit->places < 1 ? 1 : visit->places < visit->most ? visit->places : visit->most;
}

static int has_room(const mailbox_t *mailbox, const gt_visit_t *visit)
{
    return mailbox->in_hand + places_of(visit) <= visit->most;
}

static void let_in(mailbox_t *mailbox, gt_visit_t *visit)
{
    visit->is_in = 1;
    mailbox->in_hand += places_of(visit);
    visit->mailboxes->figures.in_hand += places_of(visit);
}

static void queue_up(mailbox_t *mailbox, gt_visit_t *visit)
{
    visit->next = NULL;
    *mailbox->end = visit;
    mailbox->end = &visit->next;
    mailbox->waiting++;
    visit->mailboxes->figures.waiting++;
    gt_bell_init(&visit->bell);
    visit->has_waited = 1;
}

static void leave_queue(mailbox_t *mailbox, gt_visit_t *visit)
{
    gt_visit_t **link = &mailbox->first;

    while (*link != visit)
        link = &(*link)->next;
    *link = visit->next;
    if (visit->next == NULL)
        mailbox->end = link;
    mailbox->waiting--;
    visit->mailboxes->figures.waiting--;
}

static void keep_pace(mailbox_t *mailbox)
{
    apr_time_t now = gt_ticks();
    apr_interval_time_t span = now - mailbox->freed;

    if (mailbox->freed && mailbox->pace)
        mailbox->pace += (span - mailbox->pace) / SMOOTHING;
    else if (mailbox->freed)
        mailbox->pace = span;
    mailbox->freed = now;
}

/* How long the whole queue will take: at least BUSY_RETRY_AFTER, also while no pace is known. */
static apr_interval_time_t outlook_of(const mailbox_t *mailbox)
{
    apr_interval_time_t span = mailbox->pace * (mailbox->waiting + 1);

    return span > BUSY_RETRY_AFTER ? span : BUSY_RETRY_AFTER;
}

/* In order: a visit that needs several places is not passed by those that need one. */
static void hand_on(mailbox_t *mailbox)
{
    while (mailbox->first != NULL && has_room(mailbox, mailbox->first)) {
        gt_visit_t *first = mailbox->first;

        keep_pace(mailbox);
        leave_queue(mailbox, first);
        let_in(mailbox, first);
        gt_bell_ring(&first->bell);
    }
}

/* ---- taking and leaving ---- */

typedef enum entry_t { IN, QUEUED, FULL } entry_t;

static entry_t enter(gt_visit_t *visit)
{
    gt_mailboxes_t *mailboxes = visit->mailboxes;
    unsigned char id[16];
    mailbox_t *mailbox;
    entry_t entry;

    gt_siphash128(id, &mailboxes->key, visit->name, strlen(visit->name));
    visit->is_in = 0;
    pthread_mutex_lock(&mailboxes->lock);
    mailbox = find_or_make(mailboxes, id);
    entry = mailbox->first == NULL && has_room(mailbox, visit) ? IN
            : mailbox->waiting < visit->queue                  ? QUEUED
                                                               : FULL;
    if (entry == IN)
        let_in(mailbox, visit);
    else if (entry == QUEUED)
        queue_up(mailbox, visit);
    visit->mailbox = entry == FULL ? NULL : mailbox;
    visit->outlook = outlook_of(mailbox);
    pthread_mutex_unlock(&mailboxes->lock);
    return entry;
}

void gt_visit_end(gt_visit_t *visit)
{
    gt_mailboxes_t *mailboxes = visit->mailboxes;
    mailbox_t *mailbox = visit->mailbox;

    if (mailbox == NULL)
        return;
    pthread_mutex_lock(&mailboxes->lock);
    if (visit->is_in) {
        mailboxes->figures.in_hand -= places_of(visit);
        mailbox->in_hand -= places_of(visit);
    }
    else {
        leave_queue(mailbox, visit);
    }
    hand_on(mailbox);
    visit->mailbox = NULL;
    drop_if_idle(mailboxes, mailbox);
    pthread_mutex_unlock(&mailboxes->lock);
    if (visit->has_waited)
        gt_bell_destroy(&visit->bell);
    visit->has_waited = 0;
}

/* ---- the place while the call is under way ---- */

typedef struct held_t {
    gt_visit_t visit;
    struct held_t *next; /* of the same transfer */
    char name[];
} held_t;

/* The status and the head of an answer say whether the mailbox is to be left alone. This runs on
 * the transfer loop, before the place is given to the next visit; a pause of a mailbox writes no
 * log. */
static void hear(const gt_visit_t *visit, const gt_answer_t *answer)
{
    apr_pool_t *p = gt_pool_make(NULL, "graphtok_refusal");

    gt_visit_failed(visit, gt_graph_error(answer->status, NULL, 0, answer->headers, p));
    apr_pool_destroy(p);
}

static void give_back(void *baton, const gt_answer_t *answer)
{
    for (held_t *held = baton, *next; held != NULL; held = next) {
        next = held->next;
        if (answer != NULL && answer->status >= 400)
            hear(&held->visit, answer);
        gt_visit_end(&held->visit);
        free(held);
    }
}

/* The visit has been let in, so its bell rings no more. The memory of its other members may go
 * before the call ends, so they are not copied. */
static held_t *hold(gt_visit_t *visit)
{
    apr_size_t size = strlen(visit->name) + 1;
    held_t *held = malloc(sizeof(*held) + size);

    if (held == NULL)
        abort();
    held->visit = (gt_visit_t){.mailboxes = visit->mailboxes,
                               .name = memcpy(held->name, visit->name, size),
                               .mailbox = visit->mailbox,
                               .places = visit->places,
                               .most = visit->most,
                               .is_in = 1};
    if (visit->has_waited)
        gt_bell_destroy(&visit->bell);
    visit->has_waited = 0;
    visit->mailbox = NULL;
    return held;
}

void gt_visits_hand_over(gt_visit_t *const *visits, int count, gt_transfer_t *transfer)
{
    held_t *first = NULL;

    for (int i = 0; i < count; i++) {
        held_t *held = hold(visits[i]);

        held->next = first;
        first = held;
    }
    gt_transfer_when_over(transfer, give_back, first);
}

void gt_visit_hand_over(gt_visit_t *visit, gt_transfer_t *transfer)
{
    gt_visits_hand_over(&visit, 1, transfer);
}

/* ---- the work ---- */

static gt_err_t *busy(const gt_visit_t *visit, const char *why, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, GT_BUSY, "GT0715", "%s", why);

    /* A call waits no longer than its patience. */
    err->retry_after = visit->outlook < visit->patience ? visit->outlook : visit->patience;
    if (err->retry_after < BUSY_RETRY_AFTER)
        err->retry_after = BUSY_RETRY_AFTER;
    return err;
}

static gt_err_t *ask_in(gt_task_t *task, void *state)
{
    gt_visit_t *visit = state;
    apr_pool_t *p = gt_task_pool(task);
    entry_t entry;

    assert(visit->mailboxes != NULL && visit->mailbox == NULL);
    visit->name = name_of(visit, p);
    GT_TRY(refuse_in_pause(visit, p));
    visit->is_in = visit->most == 0;
    entry = visit->is_in ? IN : enter(visit);
    if (entry == FULL)
        return busy(visit, "too many calls wait for this mailbox", p);
    if (entry == QUEUED)
        gt_await_bell(task, &visit->bell, gt_ticks() + visit->patience);
    else
        gt_done(task);
    return GT_OK;
}

static int has_been_let_in(gt_visit_t *visit)
{
    int is_in;

    pthread_mutex_lock(&visit->mailboxes->lock);
    is_in = visit->is_in;
    pthread_mutex_unlock(&visit->mailboxes->lock);
    return is_in;
}

/* Graph may have asked the call before this one to wait. */
static gt_err_t *look_again(gt_task_t *task, void *state)
{
    gt_visit_t *visit = state;
    apr_pool_t *p = gt_task_pool(task);

    if (!has_been_let_in(visit))
        return busy(visit, "calls to this mailbox take too long", p);
    return refuse_in_pause(visit, p);
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task;
    if (err != GT_OK)
        gt_visit_end(state);
}

static gt_step_fn *const steps[] = {ask_in, look_again, NULL};
const gt_work_t gt_visit_begin = {"wait for a place at a mailbox", steps, finish};
