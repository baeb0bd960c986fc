/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Limits: the sliding log as a table of moments and answers, in any span, then between threads and
 * processes, then damage. */

#include "gt_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "shm/limit.h"

Suite *suite_limit(void);

#define SECOND apr_time_from_sec(1)

static gt_limits_t *limits;
static void *memory;
static apr_size_t memory_size;

static void map_limits(apr_int64_t count)
{
    memory_size = gt_limits_size(count);
    memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(memory != MAP_FAILED);
    limits = gt_limits_open(memory, memory_size, count, pool);
    ck_assert_ptr_nonnull(limits);
}

static void begin(void)
{
    make_pool();
    memory = NULL;
}

static void end(void)
{
    if (memory)
        munmap(memory, memory_size);
    drop_pool();
}

static gt_limit_answer_t ask(const gt_limit_t *limit, const char *name)
{
    gt_limit_answer_t answer;

    gt_limit_check(&answer, limits, limit, name, strlen(name));
    return answer;
}

/* Three calls in three seconds; rows are calls of one key, in order. */
START_TEST(a_sliding_log_by_the_table)
{
    static const struct {
        apr_time_t at; /* ms */
        int allowed;
        apr_int64_t remaining;
        apr_interval_time_t retry_after; /* ms */
    } rows[] = {
        {0, 1, 2, 3000},    {0, 1, 1, 3000},     {0, 1, 0, 3000},    {0, 0, 0, 3000},
        {1, 0, 0, 2999},    {2999, 0, 0, 1},     {3000, 1, 2, 3000}, {4000, 1, 1, 3000},
        {5000, 1, 0, 3000}, {5500, 0, 0, 500},   {6000, 1, 0, 3000}, {6000, 0, 0, 1000},
        {7000, 1, 0, 3000}, {60000, 1, 2, 3000},
    };
    gt_limit_t limit = {3, 3 * SECOND};

    map_limits(8);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_limit_answer_t answer;

        fake_clock(1000 * SECOND + apr_time_from_msec(rows[i].at));
        answer = ask(&limit, "tom");
        ck_assert_msg(answer.allowed == rows[i].allowed, "row %d: allowed", (int)i);
        ck_assert_msg(answer.remaining == rows[i].remaining, "row %d: %d remaining", (int)i,
                      (int)answer.remaining);
        ck_assert_msg(answer.retry_after == apr_time_from_msec(rows[i].retry_after),
                      "row %d: retry after %d µs", (int)i, (int)answer.retry_after);
    }
}
END_TEST

/* The eight classes of mission O7, and limits whose cells hold several calls. */
static const gt_limit_t every_limit[] = {
    {10, 60 * SECOND}, {20, 3600 * SECOND},  {100, 60 * SECOND}, {200, 60 * SECOND},
    {50, 60 * SECOND}, {1, SECOND},          {64, SECOND},       {65, SECOND},
    {1000, SECOND},    {999999, 60 * SECOND}};

/* Ways to call: all at once, evenly at the limit's own rate and at three times of it, and bursts
 * with pauses between them that do not divide the span. */
static apr_interval_time_t pause_of(const gt_limit_t *limit, int way, apr_int64_t call)
{
    apr_interval_time_t even = limit->span / limit->count + 1;

    switch (way) {
    case 0:
        return 0;
    case 1:
        return even;
    case 2:
        return even / 3;
    default:
        return call % (limit->count / 3 + 2) == 0 ? limit->span * 5 / 13 : 0;
    }
}

/* The allowed calls of one way, each held against the one `count` before it. */
static apr_int64_t call_in_a_way(const gt_limit_t *limit, int way, apr_int64_t calls)
{
    apr_time_t *allowed_at = malloc((size_t)calls * sizeof(*allowed_at));
    const char *name = apr_psprintf(pool, "way %d", way);
    apr_int64_t allowed = 0;

    for (apr_int64_t call = 0; call < calls; call++) {
        fake_time += pause_of(limit, way, call);
        if (!ask(limit, name).allowed)
            continue;
        allowed_at[allowed++] = fake_time;
        if (allowed > limit->count)
            ck_assert_int_ge(fake_time - allowed_at[allowed - 1 - limit->count], limit->span);
    }
    free(allowed_at);
    return allowed;
}

START_TEST(never_more_than_the_number_in_any_span)
{
    for (size_t i = 0; i < sizeof(every_limit) / sizeof(every_limit[0]); i++) {
        const gt_limit_t *limit = &every_limit[i];
        apr_int64_t calls = limit->count > 10000 ? limit->count + 100 : limit->count * 12;

        map_limits(8);
        for (int way = 0; way < 4; way++) {
            fake_clock(1000 * SECOND);
            call_in_a_way(limit, way, calls);
        }
        munmap(memory, memory_size);
        memory = NULL;
    }
}
END_TEST

/* A caller that keeps to the number is served: always up to 64, and nearly so above. */
START_TEST(a_steady_caller_at_the_number_is_served)
{
    for (size_t i = 0; i < 7; i++) {
        const gt_limit_t *limit = &every_limit[i];
        apr_int64_t calls = limit->count * 12;
        apr_int64_t allowed;

        fake_clock(1000 * SECOND);
        map_limits(8);
        allowed = call_in_a_way(limit, 1, calls);
        ck_assert_int_ge(allowed, limit->count <= 64 ? calls : calls * 98 / 100);
        munmap(memory, memory_size);
        memory = NULL;
    }
}
END_TEST

static void give_back(const gt_limit_t *limit, const char *name)
{
    gt_limit_give_back(limits, limit, name, strlen(name));
}

START_TEST(what_is_given_back_counts_no_more)
{
    static const gt_limit_t rows[] = {{1, SECOND}, {10, SECOND}, {200, SECOND}, {1000, SECOND}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_limit_t *limit = &rows[i];

        fake_clock(1000 * SECOND);
        map_limits(8);
        give_back(limit, "tom");
        for (int call = 0; call < 3 * limit->count; call++) {
            fake_time += 3;
            ck_assert(ask(limit, "tom").allowed);
            give_back(limit, "tom");
        }
        for (int call = 0; call < limit->count; call++)
            ck_assert(ask(limit, "tom").allowed);
        ck_assert(!ask(limit, "tom").allowed);
        give_back(limit, "ada");
        ck_assert(!ask(limit, "tom").allowed);
        give_back(limit, "tom");
        ck_assert(ask(limit, "tom").allowed);
        ck_assert(!ask(limit, "tom").allowed);
        munmap(memory, memory_size);
        memory = NULL;
    }
}
END_TEST

START_TEST(keys_do_not_share_a_counter)
{
    gt_limit_t limit = {1, SECOND};

    fake_clock(1000 * SECOND);
    map_limits(64);
    ck_assert(ask(&limit, "tom").allowed);
    ck_assert(ask(&limit, "ada").allowed);
    ck_assert(!ask(&limit, "tom").allowed);
    ck_assert(!ask(&limit, "ada").allowed);
}
END_TEST

/* A caller that never stops gets 200 in each minute of an hour. */
START_TEST(the_long_run_keeps_the_rate)
{
    gt_limit_t limit = {200, 60 * SECOND};
    int allowed = 0;

    map_limits(8);
    for (int i = 0; i < 36000; i++) {
        fake_clock(1000 * SECOND + apr_time_from_msec(100) * i);
        allowed += ask(&limit, "tom").allowed;
    }
    ck_assert_int_ge(allowed, 11800);
    ck_assert_int_le(allowed, 12000);
}
END_TEST

START_TEST(counts_that_do_not_divide_the_span)
{
    static const gt_limit_t rows[] = {{7, 1000}, {3, 10}, {1000, 1}, {999999, SECOND}, {20, 1}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_int64_t allowed = 0;

        fake_clock(1000 * SECOND);
        map_limits(8);
        while (ask(&rows[i], "tom").allowed)
            allowed++;
        ck_assert_int_eq(allowed, rows[i].count);
        munmap(memory, memory_size);
        memory = NULL;
    }
}
END_TEST

/* One set: eight keys fit; the ninth takes the place of the one nearest to idle. */
START_TEST(a_full_set_gives_up_the_one_nearest_to_idle)
{
    gt_limit_t limit = {2, 10 * SECOND};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

    fake_clock(1000 * SECOND);
    map_limits(8);
    ask(&limit, names[4]);
    fake_time += SECOND;
    for (int i = 0; i < 8; i++) {
        if (i == 4)
            continue;
        ask(&limit, names[i]);
        ask(&limit, names[i]);
    }
    ck_assert(ask(&limit, "ninth").allowed);
    ck_assert_int_eq(ask(&limit, "ninth").remaining, 0);
    for (int i = 0; i < 8; i++) {
        if (i != 4)
            ck_assert(!ask(&limit, names[i]).allowed);
    }
    /* "e" begins anew: two calls again, where it had one left. */
    fake_time++;
    ck_assert_int_eq(ask(&limit, "e").remaining, 1);
}
END_TEST

START_TEST(idle_counters_are_used_again)
{
    gt_limit_t limit = {1, SECOND};

    map_limits(8);
    for (int i = 0; i < 1000; i++) {
        fake_clock(1000 * SECOND + 2 * SECOND * i);
        ck_assert(ask(&limit, apr_psprintf(pool, "user%d", i)).allowed);
        ck_assert(!ask(&limit, apr_psprintf(pool, "user%d", i)).allowed);
    }
}
END_TEST

START_TEST(a_segment_survives_and_another_shape_is_refused)
{
    gt_limit_t limit = {1, SECOND};

    fake_clock(1000 * SECOND);
    map_limits(64);
    ck_assert(ask(&limit, "tom").allowed);
    limits = gt_limits_open(memory, memory_size, 64, pool);
    ck_assert_ptr_nonnull(limits);
    ck_assert(!ask(&limit, "tom").allowed);
    ck_assert_ptr_null(gt_limits_open(memory, memory_size, 32, pool));
    ck_assert_ptr_null(gt_limits_open(memory, memory_size - 1, 64, pool));
    memset(memory, 'x', memory_size);
    ck_assert_ptr_null(gt_limits_open(memory, memory_size, 64, pool));
    ck_assert_uint_eq(gt_limits_size(0), 0);
    ck_assert_uint_eq(gt_limits_size(-5), 0);
    ck_assert_uint_eq(gt_limits_size(APR_INT64_MAX), 0);
}
END_TEST

/* Two segments hash the same names differently, or one could learn where to aim. */
START_TEST(each_segment_has_a_secret_of_its_own)
{
    gt_limit_t limit = {1, SECOND};
    void *first;

    fake_clock(1000 * SECOND);
    map_limits(1024);
    ask(&limit, "tom");
    first = memory;
    map_limits(1024);
    ask(&limit, "tom");
    ck_assert_mem_ne((char *)first + 64, (char *)memory + 64, memory_size - 128);
    munmap(first, memory_size);
}
END_TEST

/* ---- together ---- */

#define TOGETHER 4
#define CALLS 2000

static void *call_often(void *arg)
{
    gt_limit_t limit = {CALLS, apr_time_from_sec(3600 * 24)};
    int *allowed = arg;

    for (int i = 0; i < CALLS; i++)
        *allowed += ask(&limit, "tom").allowed;
    return NULL;
}

START_TEST(threads_get_no_more_than_the_limit)
{
    pthread_t threads[TOGETHER];
    int allowed[TOGETHER] = {0, 0, 0, 0};

    fake_clock(1000 * SECOND);
    map_limits(64);
    for (int i = 0; i < TOGETHER; i++)
        pthread_create(&threads[i], NULL, call_often, &allowed[i]);
    for (int i = 0; i < TOGETHER; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(allowed[0] + allowed[1] + allowed[2] + allowed[3], CALLS);
}
END_TEST

START_TEST(processes_get_no_more_than_the_limit)
{
    pid_t pids[TOGETHER];
    int *allowed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    fake_clock(1000 * SECOND);
    map_limits(64);
    for (int i = 0; i < TOGETHER; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            call_often(&allowed[i]);
            _exit(0);
        }
    }
    for (int i = 0; i < TOGETHER; i++)
        ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
    ck_assert_int_eq(allowed[0] + allowed[1] + allowed[2] + allowed[3], CALLS);
}
END_TEST

#define ROUNDS 10000

static atomic_int rounds_begun[2];

/* Call once under the name of each round, when the other thread is there, too. */
static void *call_new_names(void *arg)
{
    const gt_limit_t limit = {1, apr_time_from_sec(3600)};
    int own = *(const int *)arg, allowed = 0;

    for (int round = 1; round <= ROUNDS; round++) {
        char name[16];

        apr_snprintf(name, sizeof(name), "r%d", round);
        atomic_store(&rounds_begun[own], round);
        while (atomic_load(&rounds_begun[!own]) < round)
            sched_yield();
        allowed += ask(&limit, name).allowed;
    }
    return (void *)(apr_uintptr_t)allowed;
}

/* Neither two counters for a name nor a counter that is cleared after its first call. */
START_TEST(a_new_name_has_one_counter)
{
    static const int numbers[] = {0, 1};
    apr_uintptr_t allowed = 0;
    pthread_t threads[2];

    map_limits(ROUNDS * 2);
    for (int i = 0; i < 2; i++) {
        atomic_store(&rounds_begun[i], 0);
        pthread_create(&threads[i], NULL, call_new_names, (void *)(apr_uintptr_t)&numbers[i]);
    }
    for (int i = 0; i < 2; i++) {
        void *got;

        pthread_join(threads[i], &got);
        allowed += (apr_uintptr_t)got;
    }
    ck_assert_uint_eq(allowed, ROUNDS);
}
END_TEST

static apr_time_t ticks_of_late, reads;

/* A thread that reads the clock once, and then again five seconds later. */
static apr_time_t late_ticks(void)
{
    return reads++ < ticks_of_late ? 1000 * SECOND : 1005 * SECOND;
}

START_TEST(a_caller_that_was_held_up_sees_what_was_counted_meanwhile)
{
    const gt_limit_t limit = {2, 60 * SECOND};

    for (ticks_of_late = 1; ticks_of_late <= 2; ticks_of_late++) {
        fake_clock(1005 * SECOND);
        map_limits(8);
        ck_assert(ask(&limit, "tom").allowed);
        ck_assert(ask(&limit, "tom").allowed);
        reads = 0;
        gt_clock_set(NULL, late_ticks);
        ck_assert(!ask(&limit, "tom").allowed);
        gt_clock_set(NULL, NULL);
        munmap(memory, memory_size);
        memory = NULL;
    }
}
END_TEST

/* ---- damage ---- */

/* Put a word into the place of the only one of its value. */
static void damage_word(apr_uint64_t value, apr_uint64_t damage)
{
    apr_uint64_t *words = memory;
    int found = 0;

    for (apr_size_t i = 0; i < memory_size / 8; i++) {
        if (words[i] == value) {
            words[i] = damage;
            found++;
        }
    }
    ck_assert_int_eq(found, 1);
}

/* A cell is a moment and a number of calls, 14 bits. */
#define CELL(at, calls) ((apr_uint64_t)(at) << 14 | (calls))

START_TEST(a_damaged_word_neither_opens_nor_closes_for_ever)
{
    static const apr_uint64_t damages[] = {0, 1, APR_UINT64_MAX, UINT64_C(1) << 63, APR_INT64_MAX};
    gt_limit_t limit = {2, 2 * SECOND};

    for (size_t i = 0; i < 2 * sizeof(damages) / sizeof(damages[0]); i++) {
        int allowed = 0;

        fake_clock(1000 * SECOND);
        map_limits(8);
        ck_assert(ask(&limit, "tom").allowed);
        damage_word(i % 2 ? CELL(1000 * SECOND, 1) : (apr_uint64_t)(1002 * SECOND), damages[i / 2]);
        while (ask(&limit, "tom").allowed)
            allowed++;
        ck_assert_int_le(allowed, 2);
        fake_time += 2 * SECOND;
        ck_assert(ask(&limit, "tom").allowed);
        munmap(memory, memory_size);
        memory = NULL;
    }
}
END_TEST

/* A process that was killed while it cleared a counter for a new name leaves the name's even
 * twin. */
START_TEST(a_counter_whose_clearing_was_cut_off_is_cleared)
{
    gt_limit_t limit = {2, 2 * SECOND};
    apr_uint64_t *names;

    fake_clock(1000 * SECOND);
    map_limits(8);
    ck_assert(ask(&limit, "tom").allowed);
    ck_assert(ask(&limit, "tom").allowed);
    ck_assert(!ask(&limit, "tom").allowed);
    names = (apr_uint64_t *)(((apr_uintptr_t)memory + 63) / 64 * 64) + 8;
    ck_assert_uint_eq(names[0] & 1, 1);
    names[0] ^= 1;
    fake_time++;
    ck_assert_int_eq(ask(&limit, "tom").remaining, 1);
    ck_assert_uint_eq(names[0] & 1, 1);
}
END_TEST

START_TEST(a_shorter_limit_after_a_restart_is_not_held_up_by_the_longer)
{
    gt_limit_t longer = {1, apr_time_from_sec(3600)};
    gt_limit_t shorter = {10, 60 * SECOND};

    fake_clock(1000 * SECOND);
    map_limits(8);
    ck_assert(ask(&longer, "tom").allowed);
    ck_assert_int_eq(ask(&shorter, "tom").remaining, 8);
    fake_time += 60 * SECOND;
    ck_assert_int_eq(ask(&shorter, "tom").remaining, 9);
}
END_TEST

/* ---- as text ---- */

/* ---- holding ---- */

static void hold(const char *name, apr_interval_time_t span)
{
    gt_limit_hold(limits, span, name, strlen(name));
}

static apr_interval_time_t held(const char *name)
{
    return gt_limit_held(limits, name, strlen(name));
}

START_TEST(what_is_held_is_held_until_its_moment)
{
    fake_clock(1000 * SECOND);
    map_limits(64);
    ck_assert_int_eq(held("tom"), 0);
    hold("tom", 10 * SECOND);
    ck_assert_int_eq(held("tom"), 10 * SECOND);
    ck_assert_int_eq(held("ann"), 0);
    ck_assert_int_eq(gt_limits_used(limits), 1);
    fake_time += 4 * SECOND;
    hold("tom", SECOND);
    ck_assert_int_eq(held("tom"), 6 * SECOND);
    hold("tom", 8 * SECOND);
    ck_assert_int_eq(held("tom"), 8 * SECOND);
    hold("tom", 0);
    hold("tom", -SECOND);
    fake_time += 8 * SECOND;
    ck_assert_int_eq(held("tom"), 0);
    ck_assert_int_eq(gt_limits_used(limits), 0);
}
END_TEST

START_TEST(nothing_is_held_for_more_than_an_hour)
{
    fake_clock(1000 * SECOND);
    map_limits(64);
    hold("tom", 40 * 24 * 3600 * SECOND);
    ck_assert_int_eq(held("tom"), 3600 * SECOND);
}
END_TEST

START_TEST(a_damaged_hold_neither_holds_for_ever_nor_stays)
{
    static const apr_uint64_t damages[] = {~(apr_uint64_t)0, (apr_uint64_t)1 << 62, 1};

    fake_clock(1000 * SECOND);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        map_limits(64);
        hold("tom", 10 * SECOND);
        damage_word(1010 * SECOND, damages[i]);
        ck_assert_int_eq(held("tom"), 0);
        hold("tom", 10 * SECOND);
        ck_assert_int_eq(held("tom"), 10 * SECOND);
        munmap(memory, memory_size);
        memory = NULL;
    }
}
END_TEST

START_TEST(other_processes_see_what_is_held)
{
    pid_t pid;

    fake_clock(1000 * SECOND);
    map_limits(64);
    pid = fork();
    if (pid == 0) {
        hold("tom", 10 * SECOND);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(held("tom"), 10 * SECOND);
}
END_TEST

START_TEST(limits_as_text)
{
    static const struct {
        const char *text;
        apr_int64_t count;
        apr_interval_time_t seconds; /* 0: not a limit */
    } rows[] = {
        {"10/min", 10, 60},
        {"20/h", 20, 3600},
        {"5/10s", 5, 10},
        {"100/1min", 100, 60},
        {"1/d", 1, 86400},
        {"3/7", 3, 7},
        {"1000000/s", 1000000, 1},
        {"", 0, 0},
        {"10", 0, 0},
        {"/min", 0, 0},
        {"10/", 0, 0},
        {"0/min", 0, 0},
        {"-1/min", 0, 0},
        {"10/0s", 0, 0},
        {"10/-1s", 0, 0},
        {"10/fortnight", 0, 0},
        {"10/min/h", 0, 0},
        {" 10/min", 0, 0},
        {"10 /min", 0, 0},
        {"10/min ", 0, 0},
        {"1000001/s", 0, 0},
        {"1/32d", 0, 0},
        {"1/99999999999999d", 0, 0},
        {"x/min", 0, 0},
        {"99999999999999999999/min", 0, 0},
        {"10/00000000000000000000000000000000001s", 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_limit_t limit;
        int is_right = gt_limit_parse(&limit, rows[i].text);

        ck_assert_msg(is_right == (rows[i].seconds != 0), "\"%s\"", rows[i].text);
        if (!is_right)
            continue;
        ck_assert_int_eq(limit.count, rows[i].count);
        ck_assert_int_eq(limit.span, apr_time_from_sec(rows[i].seconds));
    }
    ck_assert(!gt_limit_parse(&(gt_limit_t){0, 0}, NULL));
}
END_TEST

Suite *suite_limit(void)
{
    Suite *suite = suite_create("limit");
    TCase *tcase = tcase_create("limit");
    TCase *large = tcase_create("millions of calls");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_checked_fixture(large, begin, end);
    tcase_set_timeout(large, 60);
    tcase_set_tags(large, "size");
    tcase_add_test(large, never_more_than_the_number_in_any_span);
    tcase_add_test(large, counts_that_do_not_divide_the_span);
    suite_add_tcase(suite, large);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_sliding_log_by_the_table);
    tcase_add_test(tcase, a_steady_caller_at_the_number_is_served);
    tcase_add_test(tcase, what_is_given_back_counts_no_more);
    tcase_add_test(tcase, keys_do_not_share_a_counter);
    tcase_add_test(tcase, the_long_run_keeps_the_rate);
    tcase_add_test(tcase, a_full_set_gives_up_the_one_nearest_to_idle);
    tcase_add_test(tcase, idle_counters_are_used_again);
    tcase_add_test(tcase, a_segment_survives_and_another_shape_is_refused);
    tcase_add_test(tcase, each_segment_has_a_secret_of_its_own);
    tcase_add_test(tcase, threads_get_no_more_than_the_limit);
    tcase_add_test(tcase, processes_get_no_more_than_the_limit);
    tcase_add_test(tcase, a_new_name_has_one_counter);
    tcase_add_test(tcase, a_caller_that_was_held_up_sees_what_was_counted_meanwhile);
    tcase_add_test(tcase, a_damaged_word_neither_opens_nor_closes_for_ever);
    tcase_add_test(tcase, a_counter_whose_clearing_was_cut_off_is_cleared);
    tcase_add_test(tcase, a_shorter_limit_after_a_restart_is_not_held_up_by_the_longer);
    tcase_add_test(tcase, what_is_held_is_held_until_its_moment);
    tcase_add_test(tcase, nothing_is_held_for_more_than_an_hour);
    tcase_add_test(tcase, a_damaged_hold_neither_holds_for_ever_nor_stays);
    tcase_add_test(tcase, other_processes_see_what_is_held);
    tcase_add_test(tcase, limits_as_text);
    suite_add_tcase(suite, tcase);
    return suite;
}
