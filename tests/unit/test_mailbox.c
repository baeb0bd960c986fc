/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Who may call a mailbox, who waits, who is told to come later. */

#include <stdatomic.h>

#include "gt_test.h"
#include "graph/mailbox.h"
#include "latch.h"
#include "net/loop.h"
#include "task/wait.h"
#include "upstream.h"
#include "vault/pause.h"

Suite *suite_mailbox(void);

#define SECOND apr_time_from_sec(1)
#define MOST 4
#define WAITING_MAX 100

/** A task that wants to call. */
typedef struct guest_t {
    gt_visit_t visit;
    latch_t latch;
    gt_task_t *task;
} guest_t;

static gt_loop_t *loop;
static gt_limits_t *limits;
static gt_mailboxes_t *mailboxes;

static void begin(void)
{
    const gt_loop_limits_t bounds = {8, 8, 0};
    apr_size_t size = gt_limits_size(64);

    make_pool();
    ck_ok(gt_loop_start(&loop, &bounds, pool));
    limits = gt_limits_open(apr_pcalloc(pool, size), size, 64, pool);
    mailboxes = gt_mailboxes_make(limits, pool);
}

static void end(void)
{
    gt_loop_stop(loop);
    drop_pool();
}

static gt_visit_t visit_of(gt_mailboxes_t *where, const char *user)
{
    gt_visit_t visit = {.mailboxes = where,
                        .key = {"main", {user, "microsoft"}},
                        .most = MOST,
                        .queue = WAITING_MAX,
                        .patience = 3600 * SECOND};

    return visit;
}

static guest_t *guest(const gt_visit_t *visit)
{
    guest_t *guest = apr_pcalloc(pool, sizeof(*guest));
    gt_waker_t waker = latch_init(&guest->latch);

    guest->visit = *visit;
    guest->task = gt_task_make(&gt_visit_begin, &guest->visit, loop, &waker, pool);
    return guest;
}

static guest_t *tom(void)
{
    gt_visit_t visit = visit_of(mailboxes, "tom");

    return guest(&visit);
}

/* What running it once more comes to. */
static int is_in(guest_t *guest)
{
    return gt_task_run(guest->task) == GT_TASK_DONE && !gt_task_error(guest->task);
}

static int waits(guest_t *guest)
{
    return gt_task_run(guest->task) == GT_TASK_WAITS;
}

static gt_err_t *refusal(guest_t *guest)
{
    ck_assert_int_eq(gt_task_run(guest->task), GT_TASK_DONE);
    return gt_task_error(guest->task);
}

/* As many as a mailbox bears. */
static void fill(guest_t *inside[MOST])
{
    for (int i = 0; i < MOST; i++) {
        inside[i] = tom();
        ck_assert(is_in(inside[i]));
    }
}

static void leave(guest_t *guest)
{
    gt_visit_end(&guest->visit);
}

/* Graph asks to wait before the next call at this mailbox. */
static void ask_to_wait(const gt_visit_t *visit, apr_interval_time_t span)
{
    gt_err_t *err = gt_err(pool, GT_THROTTLED, "GT0707", "scripted");

    err->extent = GT_EXTENT_MAILBOX;
    err->retry_after = span;
    gt_visit_failed(visit, err);
}

static void figures_are(int boxes, int in_hand, int waiting)
{
    gt_mailbox_figures_t figures;

    gt_mailboxes_figures(&figures, mailboxes);
    ck_assert_int_eq(figures.mailboxes, boxes);
    ck_assert_int_eq(figures.in_hand, in_hand);
    ck_assert_int_eq(figures.waiting, waiting);
}

/* ---- order ---- */

START_TEST(four_are_let_in_in_the_order_they_came)
{
    guest_t *inside[MOST];
    guest_t *queue[6];

    fill(inside);
    for (int i = 0; i < 6; i++)
        ck_assert(waits(queue[i] = tom()));
    figures_are(1, MOST, 6);
    for (int i = 0; i < 6; i++) {
        leave(i < MOST ? inside[i] : queue[i - MOST]);
        for (int other = 0; other < 6; other++) {
            ck_assert_int_eq(latch_wakes(&queue[other]->latch), other <= i);
            ck_assert_int_eq(gt_task_ready(queue[other]->task), other <= i);
        }
        ck_assert(is_in(queue[i]));
        figures_are(1, MOST, 5 - i);
    }
    for (int i = 2; i < 6; i++)
        leave(queue[i]);
    figures_are(0, 0, 0);
}
END_TEST

START_TEST(nobody_overtakes)
{
    guest_t *inside[MOST];
    guest_t *first, *late;

    fill(inside);
    ck_assert(waits(first = tom()));
    leave(inside[0]);
    /* The place is given away, though its owner has not run yet. */
    ck_assert(waits(late = tom()));
    ck_assert(is_in(first));
    gt_task_drop(late->task);
    figures_are(1, MOST, 0);
}
END_TEST

START_TEST(other_mailboxes_do_not_wait)
{
    guest_t *inside[MOST];
    gt_visit_t other_user = visit_of(mailboxes, "ann");
    gt_visit_t other_store = visit_of(mailboxes, "tom");
    gt_visit_t other_provider = visit_of(mailboxes, "tom");
    guest_t *others[3];

    other_store.key.store = "second";
    other_provider.key.owner.provider = "google";
    fill(inside);
    others[0] = guest(&other_user);
    others[1] = guest(&other_store);
    others[2] = guest(&other_provider);
    for (int i = 0; i < 3; i++)
        ck_assert(is_in(others[i]));
    figures_are(4, MOST + 3, 0);
    for (int i = 0; i < 3; i++)
        leave(others[i]);
    figures_are(1, MOST, 0);
}
END_TEST

START_TEST(leaving_twice_or_without_having_come_is_harmless)
{
    guest_t *inside[MOST];
    gt_visit_t blank = {.most = 0};

    fill(inside);
    leave(inside[0]);
    leave(inside[0]);
    gt_visit_end(&blank);
    ask_to_wait(&blank, SECOND);
    figures_are(1, MOST - 1, 0);
}
END_TEST

START_TEST(a_visit_can_be_made_again)
{
    guest_t *inside[MOST];
    guest_t *last;
    gt_waker_t waker;

    fill(inside);
    ck_assert(waits(last = tom()));
    leave(inside[0]);
    ck_assert(is_in(last));
    leave(last);
    waker = latch_init(&last->latch);
    last->task = gt_task_make(&gt_visit_begin, &last->visit, loop, &waker, pool);
    ck_assert(is_in(last));
    figures_are(1, MOST, 0);
}
END_TEST

START_TEST(without_a_limit_all_are_let_in)
{
    gt_visit_t visit = visit_of(mailboxes, "tom");

    visit.most = 0;
    for (int i = 0; i < 50; i++)
        ck_assert(is_in(guest(&visit)));
    figures_are(0, 0, 0);
}
END_TEST

/* ---- the bound ---- */

START_TEST(a_hundred_may_wait)
{
    guest_t *inside[MOST];
    guest_t *queue[WAITING_MAX];
    gt_err_t *err;

    fill(inside);
    for (int i = 0; i < WAITING_MAX; i++)
        ck_assert(waits(queue[i] = tom()));
    err = refusal(tom());
    ck_fails(err, GT_BUSY, "GT0715");
    ck_assert_int_gt(err->retry_after, 0);
    figures_are(1, MOST, WAITING_MAX);
    gt_task_drop(queue[50]->task);
    ck_assert(waits(tom()));
    ck_fails(refusal(tom()), GT_BUSY, "GT0715");
}
END_TEST

START_TEST(a_full_queue_says_how_long_it_will_take)
{
    guest_t *inside[MOST];
    guest_t *queue[WAITING_MAX];
    gt_visit_t hasty = visit_of(mailboxes, "tom");

    fake_clock(1000 * SECOND);
    fill(inside);
    for (int i = 0; i < WAITING_MAX; i++)
        ck_assert(waits(queue[i] = tom()));
    ck_assert_int_eq(refusal(tom())->retry_after, 2 * SECOND); /* no pace is known yet */
    leave(inside[0]);
    fake_time += 10 * SECOND;
    leave(inside[1]);
    ck_assert(waits(tom()));
    ck_assert(waits(tom()));
    ck_assert_int_eq(refusal(tom())->retry_after, 10 * (WAITING_MAX + 1) * SECOND);
    hasty.patience = 60 * SECOND; /* no call waits longer */
    ck_assert_int_eq(refusal(guest(&hasty))->retry_after, 60 * SECOND);
    for (int i = 0; i < 2; i++)
        ck_assert(is_in(queue[i]));
}
END_TEST

START_TEST(nobody_waits_longer_than_his_patience)
{
    guest_t *inside[MOST];
    gt_visit_t visit = visit_of(mailboxes, "tom");
    guest_t *last;

    visit.patience = 2000;
    fill(inside);
    last = guest(&visit);
    while (waits(last))
        latch_await(&last->latch, latch_wakes(&last->latch) + 1);
    ck_fails(gt_task_error(last->task), GT_BUSY, "GT0715");
    figures_are(1, MOST, 0);
}
END_TEST

/* ---- those who go ---- */

START_TEST(who_is_dropped_leaves_the_queue)
{
    static const int gone[] = {0, 2, 4};
    guest_t *inside[MOST];
    guest_t *queue[5];

    fill(inside);
    for (int i = 0; i < 5; i++)
        ck_assert(waits(queue[i] = tom()));
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        gt_task_drop(queue[gone[i]]->task);
        latch_die(&queue[gone[i]]->latch);
    }
    figures_are(1, MOST, 2);
    leave(inside[0]);
    leave(inside[1]);
    ck_assert(is_in(queue[1]) && is_in(queue[3]));
    /* The queue's end is where it should be. */
    ck_assert(waits(queue[0] = tom()));
    leave(inside[2]);
    ck_assert(is_in(queue[0]));
}
END_TEST

START_TEST(who_is_dropped_at_his_turn_passes_it_on)
{
    guest_t *inside[MOST];
    guest_t *first, *second;

    fill(inside);
    ck_assert(waits(first = tom()));
    ck_assert(waits(second = tom()));
    leave(inside[0]);
    gt_task_drop(first->task);
    ck_assert_int_eq(latch_wakes(&second->latch), 1);
    ck_assert(is_in(second));
    figures_are(1, MOST, 0);
}
END_TEST

/* ---- pauses ---- */

START_TEST(a_mailbox_in_a_pause_is_not_called)
{
    guest_t *caller = tom();
    gt_visit_t ann = visit_of(mailboxes, "ann");
    gt_err_t *err;

    fake_clock(1000 * SECOND);
    ck_assert(is_in(caller));
    ask_to_wait(&caller->visit, 17 * SECOND);
    leave(caller);
    fake_time += 5 * SECOND;
    err = refusal(tom());
    ck_fails(err, GT_LIMITED, "GT0714");
    ck_assert_int_eq(err->retry_after, 12 * SECOND);
    ck_assert(is_in(guest(&ann)));
    fake_time += 12 * SECOND;
    ck_assert(is_in(tom()));
}
END_TEST

START_TEST(other_children_know_of_it)
{
    gt_mailboxes_t *other_child = gt_mailboxes_make(limits, pool);
    gt_visit_t there = visit_of(other_child, "tom");
    guest_t *here = tom();

    fake_clock(1000 * SECOND);
    ck_assert(is_in(here));
    ask_to_wait(&here->visit, 2 * SECOND);
    ck_fails(refusal(guest(&there)), GT_LIMITED, "GT0714");
    there.most = 0;
    ck_fails(refusal(guest(&there)), GT_LIMITED, "GT0714");
    fake_time += 2 * SECOND;
    ck_assert(is_in(guest(&there)));
}
END_TEST

START_TEST(those_in_the_queue_learn_of_it_at_their_turn)
{
    guest_t *inside[MOST];
    guest_t *first, *second;

    fill(inside);
    ck_assert(waits(first = tom()));
    ck_assert(waits(second = tom()));
    ask_to_wait(&inside[0]->visit, 3600 * SECOND);
    leave(inside[0]);
    ck_fails(refusal(first), GT_LIMITED, "GT0714");
    ck_fails(refusal(second), GT_LIMITED, "GT0714");
    figures_are(1, MOST - 1, 0);
}
END_TEST

START_TEST(without_a_server_the_process_knows_of_it_itself)
{
    gt_visit_t visit = visit_of(gt_mailboxes_make(gt_pauses_make(NULL, pool), pool), "tom");
    guest_t *caller = guest(&visit);

    ck_assert(is_in(caller));
    ask_to_wait(&caller->visit, 3600 * SECOND);
    ck_fails(refusal(guest(&visit)), GT_LIMITED, "GT0714");
    ck_assert(is_in(tom()));
}
END_TEST

/* Another failure, or one that concerns no other call, leaves the mailbox alone. */
START_TEST(other_failures_begin_no_pause)
{
    guest_t *caller = tom();
    gt_err_t *err = gt_err(pool, GT_UPSTREAM, "GT0708", "scripted");

    ck_assert(is_in(caller));
    err->extent = GT_EXTENT_MAILBOX;
    err->retry_after = 3600 * SECOND;
    gt_visit_failed(&caller->visit, err);
    err = gt_err(pool, GT_THROTTLED, "GT0707", "scripted");
    err->retry_after = 3600 * SECOND;
    for (err->extent = GT_EXTENT_CALL; err->extent <= GT_EXTENT_PROVIDER; err->extent++) {
        if (err->extent != GT_EXTENT_MAILBOX)
            gt_visit_failed(&caller->visit, err);
    }
    ck_assert(is_in(tom()));
}
END_TEST

/* ---- the place while its call is under way ---- */

static upstream_t *graph;

static void begin_with_graph(void)
{
    begin();
    graph = upstream_open(0);
}

static void end_with_graph(void)
{
    end();
    upstream_close(graph);
}

/* Let in, and its place handed over to a call. */
static gt_transfer_t *calling(guest_t *guest, const char *method, const char *path, apr_pool_t *p)
{
    gt_request_t request = {.method = method,
                            .url = upstream_url(graph, path),
                            .keep_going = strcmp(method, "GET") != 0};
    gt_transfer_t *transfer;

    ck_assert(is_in(guest));
    ck_ok(gt_transfer_make(&transfer, &request, loop, p));
    gt_visit_hand_over(&guest->visit, transfer);
    return transfer;
}

static void send_and_await(gt_transfer_t *transfer)
{
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    latch_await(&latch, 1);
}

START_TEST(a_place_ends_with_its_call)
{
    gt_transfer_t *transfer = calling(tom(), "GET", "/hello", pool);

    figures_are(1, 1, 0);
    send_and_await(transfer);
    /* The answer has not been taken. */
    figures_are(0, 0, 0);
}
END_TEST

START_TEST(a_place_outlives_the_client_of_a_change)
{
    guest_t *inside[MOST];
    guest_t *next;
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    apr_pool_t *own;

    fill(inside);
    ck_assert(waits(next = tom()));
    leave(inside[0]);
    apr_pool_create(&own, pool);
    gt_transfer_wait(calling(next, "POST", "/hang", own), GT_POINT_END, &waker);
    upstream_await_requests(graph, 1);
    ck_assert(waits(next = tom()));
    /* Its task goes, and with it all that it had. */
    apr_pool_destroy(own);
    figures_are(1, MOST, 1);
    ck_assert_int_eq(latch_wakes(&next->latch), 0);
    gt_loop_stop(loop);
    ck_assert_int_eq(latch_wakes(&next->latch), 1);
    ck_assert(is_in(next));
    figures_are(1, MOST, 0);
}
END_TEST

START_TEST(who_asks_to_wait_is_heard_by_the_next_though_nobody_reads_the_answer)
{
    guest_t *inside[MOST];
    guest_t *next;

    fill(inside);
    ck_assert(waits(next = tom()));
    leave(inside[0]);
    send_and_await(calling(next, "POST", "/status/429", pool));
    ck_fails(refusal(tom()), GT_LIMITED, "GT0714");
}
END_TEST

START_TEST(without_a_limit_the_answer_is_heard_too)
{
    gt_visit_t visit = visit_of(mailboxes, "tom");

    visit.most = 0;
    send_and_await(calling(guest(&visit), "GET", "/status/429", pool));
    ck_fails(refusal(tom()), GT_LIMITED, "GT0714");
    figures_are(0, 0, 0);
}
END_TEST

START_TEST(a_place_of_a_call_that_is_never_sent_is_given_back)
{
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    calling(tom(), "POST", "/hello", own);
    figures_are(1, 1, 0);
    apr_pool_destroy(own);
    figures_are(0, 0, 0);
}
END_TEST

/* ---- threads ---- */

#define CALLERS 12
#define ROUNDS 200

static atomic_int inside_now, inside_most, calls;

static gt_err_t *enter(gt_task_t *task, void *state)
{
    gt_then(task, &gt_visit_begin, state);
    return GT_OK;
}

static gt_err_t *call(gt_task_t *task, void *state)
{
    int now = atomic_fetch_add(&inside_now, 1) + 1;
    int most = atomic_load(&inside_most);

    (void)task, (void)state;
    while (now > most && !atomic_compare_exchange_weak(&inside_most, &most, now))
        ;
    sched_yield();
    atomic_fetch_add(&calls, 1);
    atomic_fetch_sub(&inside_now, 1);
    return GT_OK;
}

static void go(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task, (void)err;
    gt_visit_end(state);
}

static gt_step_fn *const call_steps[] = {enter, call, NULL};
static const gt_work_t call_work = {"call", call_steps, go};

static void *call_often(void *baton)
{
    apr_pool_t *own;

    (void)baton;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        gt_visit_t visit = visit_of(mailboxes, "tom");

        ck_ok(gt_wait_run(&call_work, &visit, loop, 60 * SECOND, own));
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    return NULL;
}

START_TEST(threads_are_never_more_than_four_inside)
{
    pthread_t threads[CALLERS];

    atomic_store(&inside_most, 0);
    atomic_store(&calls, 0);
    for (int i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, NULL), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&calls), CALLERS * ROUNDS);
    ck_assert_int_le(atomic_load(&inside_most), MOST);
    figures_are(0, 0, 0);
}
END_TEST

Suite *suite_mailbox(void)
{
    Suite *suite = suite_create("mailbox");
    TCase *tcase = tcase_create("mailbox");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, four_are_let_in_in_the_order_they_came);
    tcase_add_test(tcase, nobody_overtakes);
    tcase_add_test(tcase, other_mailboxes_do_not_wait);
    tcase_add_test(tcase, leaving_twice_or_without_having_come_is_harmless);
    tcase_add_test(tcase, a_visit_can_be_made_again);
    tcase_add_test(tcase, without_a_limit_all_are_let_in);
    tcase_add_test(tcase, a_hundred_may_wait);
    tcase_add_test(tcase, a_full_queue_says_how_long_it_will_take);
    tcase_add_test(tcase, nobody_waits_longer_than_his_patience);
    tcase_add_test(tcase, who_is_dropped_leaves_the_queue);
    tcase_add_test(tcase, who_is_dropped_at_his_turn_passes_it_on);
    tcase_add_test(tcase, a_mailbox_in_a_pause_is_not_called);
    tcase_add_test(tcase, other_children_know_of_it);
    tcase_add_test(tcase, those_in_the_queue_learn_of_it_at_their_turn);
    tcase_add_test(tcase, without_a_server_the_process_knows_of_it_itself);
    tcase_add_test(tcase, other_failures_begin_no_pause);
    tcase_add_test(tcase, threads_are_never_more_than_four_inside);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("call");
    tcase_add_checked_fixture(tcase, begin_with_graph, end_with_graph);
    tcase_add_test(tcase, a_place_ends_with_its_call);
    tcase_add_test(tcase, a_place_outlives_the_client_of_a_change);
    tcase_add_test(tcase, who_asks_to_wait_is_heard_by_the_next_though_nobody_reads_the_answer);
    tcase_add_test(tcase, without_a_limit_the_answer_is_heard_too);
    tcase_add_test(tcase, a_place_of_a_call_that_is_never_sent_is_given_back);
    suite_add_tcase(suite, tcase);
    return suite;
}
