/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Slots between threads, between processes, and after a writer's death. The death is tried at every
 * instruction: a child is single-stepped n instructions into a put and killed there, for each n.
 */

#include "gt_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/slots.h"

Suite *suite_slots(void);

#define ROOM 256
#define FAR (gt_ticks() + apr_time_from_sec(3600))

static gt_slots_t *slots;
static void *memory;
static apr_size_t memory_size;

static void map_slots(apr_int64_t count, apr_int64_t room)
{
    memory_size = gt_slots_size(count, room);
    memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(memory != MAP_FAILED);
    slots = gt_slots_open(memory, memory_size, count, room, pool);
    ck_assert_ptr_nonnull(slots);
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

/* The n-th key; in a segment of one set all share it. */
static const unsigned char *key_of(unsigned int n)
{
    static _Thread_local unsigned char key[GT_SLOT_KEY_BYTES];

    memset(key, 0, sizeof(key));
    memcpy(key, &n, sizeof(n));
    memcpy(key + 8, &n, sizeof(n));
    return key;
}

static int put(unsigned int n, const char *text, apr_time_t expires, apr_int64_t rank)
{
    gt_slot_item_t item = {(const unsigned char *)text, strlen(text), expires, rank};

    return gt_slots_put(slots, key_of(n), &item);
}

/* The text under a key, or NULL. */
static const char *get(unsigned int n)
{
    static _Thread_local unsigned char value[ROOM + 1];
    apr_size_t len;
    apr_time_t expires;

    if (!gt_slots_get(slots, key_of(n), value, &len, &expires))
        return NULL;
    ck_assert_uint_le(len, ROOM);
    value[len] = '\0';
    return (const char *)value;
}

/* ---- alone ---- */

START_TEST(what_is_put_is_got_until_it_is_replaced_or_removed)
{
    map_slots(64, ROOM);
    ck_assert_ptr_null(get(1));
    ck_assert(put(1, "one", FAR, 0));
    ck_assert(put(2, "two", FAR, 0));
    ck_assert_str_eq(get(1), "one");
    ck_assert_str_eq(get(2), "two");
    ck_assert(put(1, "another", FAR, 0));
    ck_assert_str_eq(get(1), "another");
    ck_assert_int_eq(gt_slots_remove(slots, key_of(1)), 1);
    ck_assert_int_eq(gt_slots_remove(slots, key_of(1)), 0);
    ck_assert_ptr_null(get(1));
    ck_assert_str_eq(get(2), "two");
}
END_TEST

START_TEST(removed_bytes_are_gone_from_the_segment)
{
    map_slots(8, ROOM);
    ck_assert(put(1, "xyzzy-unmistakable", FAR, 0));
    ck_assert_ptr_nonnull(memmem(memory, memory_size, "xyzzy-unmistakable", 18));
    gt_slots_remove(slots, key_of(1));
    ck_assert_ptr_null(memmem(memory, memory_size, "xyzzy", 5));
}
END_TEST

START_TEST(every_length_up_to_the_room_and_not_one_more)
{
    char text[ROOM + 2];

    map_slots(8, ROOM);
    ck_assert_uint_eq(gt_slots_room(slots), ROOM);
    for (apr_size_t len = 0; len <= ROOM; len++) {
        memset(text, 'a' + (int)(len % 26), len);
        text[len] = '\0';
        ck_assert(put(7, text, FAR, 0));
        ck_assert_str_eq(get(7), text);
    }
    memset(text, 'x', ROOM + 1);
    text[ROOM + 1] = '\0';
    ck_assert(!put(7, text, FAR, 0));
    /* What is too large must not leave its forerunner to be served. */
    ck_assert_ptr_null(get(7));
}
END_TEST

START_TEST(a_reader_with_less_room_than_was_stored_gets_nothing)
{
    unsigned char value[1001];
    apr_size_t len;
    apr_time_t expires;
    unsigned char large[1004] = {0};
    gt_slot_item_t item = {large, sizeof(large), 0, 0};
    gt_slots_t *smaller;

    map_slots(8, 1004);
    item.expires = FAR;
    ck_assert(gt_slots_put(slots, key_of(1), &item));
    /* 1,001 and 1,004 bytes are the same number of words. */
    smaller = gt_slots_open(memory, memory_size, 8, 1001, pool);
    ck_assert_ptr_nonnull(smaller);
    ck_assert(!gt_slots_get(smaller, key_of(1), value, &len, &expires));
}
END_TEST

START_TEST(expired_is_gone_to_the_microsecond)
{
    fake_clock(1000);
    map_slots(8, ROOM);
    ck_assert(put(1, "short", 1500, 0));
    fake_time = 1499;
    ck_assert_str_eq(get(1), "short");
    fake_time = 1500;
    ck_assert_ptr_null(get(1));
}
END_TEST

START_TEST(a_full_set_gives_up_the_expired_then_the_oldest)
{
    gt_slots_figures_t figures;

    fake_clock(1000);
    map_slots(8, ROOM);
    for (unsigned int n = 1; n <= 8; n++) {
        fake_time++;
        ck_assert(put(n, "x", n == 5 ? 2000 : 9000, 0));
    }
    fake_time = 3000;
    ck_assert(put(9, "in place of the expired fifth", 9000, 0));
    for (unsigned int n = 1; n <= 9; n++)
        ck_assert_int_eq(get(n) != NULL, n != 5);
    gt_slots_figures(&figures, slots);
    ck_assert_int_eq(figures.evicted, 0);
    ck_assert(put(10, "in place of the oldest", 9000, 0));
    ck_assert_ptr_null(get(1));
    ck_assert_ptr_nonnull(get(2));
    gt_slots_figures(&figures, slots);
    ck_assert_int_eq(figures.evicted, 1);
}
END_TEST

START_TEST(values_evict_no_mark_and_marks_no_more_than_half_of_the_values)
{
    fake_clock(1000);
    map_slots(8, ROOM);
    ck_assert_int_eq(gt_slots_add(slots, key_of(1), 9000), 1);
    for (unsigned int n = 100; n < 140; n++) {
        fake_time++;
        ck_assert(put(n, "of any client", 9000, 0));
    }
    ck_assert_int_eq(gt_slots_add(slots, key_of(1), 9000), 0);
    for (unsigned int n = 2; n < 40; n++) {
        fake_time++;
        ck_assert_int_eq(gt_slots_add(slots, key_of(n), 9000), 1);
    }
    for (unsigned int n = 136; n < 140; n++)
        ck_assert_ptr_nonnull(get(n));
    for (unsigned int n = 36; n < 40; n++)
        ck_assert_int_eq(gt_slots_add(slots, key_of(n), 9000), 0);
    ck_assert_int_eq(gt_slots_add(slots, key_of(1), 9000), 1);
}
END_TEST

START_TEST(a_lower_rank_replaces_only_what_has_expired)
{
    fake_clock(1000);
    map_slots(8, ROOM);
    ck_assert(put(1, "seventh", 2000, 7));
    ck_assert(!put(1, "sixth", 9000, 6));
    ck_assert_str_eq(get(1), "seventh");
    ck_assert(put(1, "seventh again", 2000, 7));
    ck_assert_str_eq(get(1), "seventh again");
    fake_time = 2000;
    ck_assert(put(1, "sixth", 9000, 6));
    ck_assert_str_eq(get(1), "sixth");
}
END_TEST

START_TEST(add_says_who_was_first)
{
    fake_clock(1000);
    map_slots(8, ROOM);
    ck_assert_int_eq(gt_slots_add(slots, key_of(1), 2000), 1);
    ck_assert_int_eq(gt_slots_add(slots, key_of(1), 2000), 0);
    ck_assert_int_eq(gt_slots_add(slots, key_of(2), 2000), 1);
    fake_time = 2000;
    ck_assert_int_eq(gt_slots_add(slots, key_of(1), 3000), 1);
}
END_TEST

START_TEST(a_segment_survives_and_another_shape_is_refused)
{
    map_slots(64, ROOM);
    ck_assert(put(1, "kept", FAR, 0));
    slots = gt_slots_open(memory, memory_size, 64, ROOM, pool);
    ck_assert_ptr_nonnull(slots);
    ck_assert_str_eq(get(1), "kept");
    ck_assert_ptr_null(gt_slots_open(memory, memory_size, 32, ROOM, pool));
    ck_assert_ptr_null(gt_slots_open(memory, memory_size, 64, ROOM / 2, pool));
    ck_assert_ptr_null(gt_slots_open(memory, memory_size - 1, 64, ROOM, pool));
    memset(memory, 'x', memory_size);
    ck_assert_ptr_null(gt_slots_open(memory, memory_size, 64, ROOM, pool));
}
END_TEST

START_TEST(memory_need_not_begin_at_a_cache_line)
{
    unsigned char *area;

    map_slots(16, ROOM);
    area = aligned_alloc(64, 64 * (memory_size / 64 + 3));
    for (apr_size_t lead = 0; lead <= 64; lead += 8) {
        memset(area, 0, memory_size + 64);
        slots = gt_slots_open(area + lead, memory_size, 16, ROOM, pool);
        ck_assert_ptr_nonnull(slots);
        memset(area + lead + memory_size, 'x', 64);
        for (unsigned int n = 0; n < 16; n++)
            ck_assert(put(n, "value", FAR, 0));
        for (unsigned int n = 0; n < 16; n++)
            ck_assert_str_eq(get(n), "value");
        for (int i = 0; i < 64; i++)
            ck_assert_int_eq(area[lead + memory_size + (apr_size_t)i], 'x');
    }
    free(area);
}
END_TEST

START_TEST(sizes_that_cannot_be)
{
    ck_assert_uint_eq(gt_slots_size(0, ROOM), 0);
    ck_assert_uint_eq(gt_slots_size(-1, ROOM), 0);
    ck_assert_uint_eq(gt_slots_size(8, 0), 0);
    ck_assert_uint_eq(gt_slots_size(8, -8), 0);
    ck_assert_uint_eq(gt_slots_size(APR_INT64_MAX, ROOM), 0);
    ck_assert_uint_eq(gt_slots_size(8, APR_INT64_MAX), 0);
    ck_assert_uint_eq(gt_slots_size(1, ROOM), gt_slots_size(8, ROOM));
    ck_assert_uint_gt(gt_slots_size(9, ROOM), gt_slots_size(8, ROOM));
}
END_TEST

START_TEST(figures_count)
{
    gt_slots_figures_t figures;
    char large[ROOM + 2];

    map_slots(64, ROOM);
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    get(1);
    put(1, "a", FAR, 0);
    put(2, "b", FAR, 0);
    get(1);
    get(2);
    get(1);
    put(3, large, FAR, 0);
    gt_slots_figures(&figures, slots);
    ck_assert_int_eq(figures.hits, 3);
    ck_assert_int_eq(figures.misses, 1);
    ck_assert_int_eq(figures.stored, 2);
    ck_assert_int_eq(figures.too_large, 1);
    ck_assert_int_eq(figures.healed, 0);
    ck_assert_int_eq(figures.used, 2);
    ck_assert_int_eq(figures.slots, 64);
}
END_TEST

/* ---- together ---- */

#define BUSY_KEYS 12
#define BUSY_ROUNDS 50000

/* Who is busy begins when all are there; in shared memory, for processes too. */
static pthread_barrier_t *all_there;

/* A value that shows any mixture: its length and every byte follow from its first. */
static void put_uniform(unsigned int n, unsigned char fill)
{
    unsigned char value[ROOM];
    gt_slot_item_t item = {value, 64 + fill % 192, FAR, 0};

    memset(value, fill, sizeof(value));
    value[0] = (unsigned char)n;
    value[1] = fill;
    gt_slots_put(slots, key_of(n), &item);
}

/* 1 found whole, 0 not found, -1 torn or another key's. */
static int look_uniform(unsigned int n)
{
    unsigned char value[ROOM];
    apr_size_t len;
    apr_time_t expires;

    if (!gt_slots_get(slots, key_of(n), value, &len, &expires))
        return 0;
    if (len < 64 || len != (apr_size_t)(64 + value[1] % 192) || value[0] != n)
        return -1;
    for (apr_size_t i = 2; i < len; i++) {
        if (value[i] != value[1])
            return -1;
    }
    return 1;
}

static void *write_busily(void *arg)
{
    unsigned int seed = *(unsigned int *)arg;

    pthread_barrier_wait(all_there);
    for (int i = 0; i < BUSY_ROUNDS; i++) {
        unsigned int n = (unsigned int)rand_r(&seed) % BUSY_KEYS;

        if (i % 16 == 0)
            gt_slots_remove(slots, key_of(n));
        else
            put_uniform(n, (unsigned char)rand_r(&seed));
    }
    return NULL;
}

/* How many looks were torn; the number found is added to *found. */
static int read_busily(unsigned int seed, int *found)
{
    int torn = 0;

    pthread_barrier_wait(all_there);
    for (int i = 0; i < 4 * BUSY_ROUNDS; i++) {
        int seen = look_uniform((unsigned int)rand_r(&seed) % BUSY_KEYS);

        torn += seen < 0;
        *found += seen > 0;
    }
    return torn;
}

static void map_busy_slots(void)
{
    pthread_barrierattr_t attr;

    all_there =
        mmap(NULL, sizeof(*all_there), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(all_there != MAP_FAILED);
    pthread_barrierattr_init(&attr);
    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(all_there, &attr, 4);
    map_slots(8, ROOM);
    for (unsigned int n = 0; n < BUSY_KEYS; n++)
        put_uniform(n, 1);
}

typedef struct reader_t {
    unsigned int seed;
    int torn, found;
} reader_t;

static void *read_as_thread(void *arg)
{
    reader_t *reader = arg;

    reader->torn = read_busily(reader->seed, &reader->found);
    return NULL;
}

START_TEST(threads_never_see_a_torn_value)
{
    pthread_t writers[2], readers[2];
    unsigned int seeds[2] = {11, 12};
    reader_t results[2] = {{21, 0, 0}, {22, 0, 0}};

    map_busy_slots();
    for (int i = 0; i < 2; i++) {
        pthread_create(&writers[i], NULL, write_busily, &seeds[i]);
        pthread_create(&readers[i], NULL, read_as_thread, &results[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(writers[i], NULL);
        pthread_join(readers[i], NULL);
        ck_assert_int_eq(results[i].torn, 0);
        ck_assert_int_gt(results[i].found, 0);
    }
}
END_TEST

static pid_t fork_one(int is_writer, unsigned int seed)
{
    pid_t pid = fork();
    int found = 0;

    if (pid != 0)
        return pid;
    if (is_writer)
        write_busily(&seed);
    _exit(!is_writer && (read_busily(seed, &found) != 0 || found == 0));
}

START_TEST(processes_never_see_a_torn_value)
{
    pid_t pids[4];

    map_busy_slots();
    for (int i = 0; i < 4; i++)
        pids[i] = fork_one(i < 2, (unsigned int)(31 + i));
    for (int i = 0; i < 4; i++) {
        int status;

        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    }
}
END_TEST

#define ADD_KEYS 500
#define ADDERS 4

static int firsts[ADDERS][ADD_KEYS];

static void *add_all(void *arg)
{
    int *first = arg;

    for (unsigned int n = 0; n < ADD_KEYS; n++)
        first[n] = gt_slots_add(slots, key_of(n), FAR);
    return NULL;
}

START_TEST(of_all_who_add_a_key_one_is_first)
{
    pthread_t threads[ADDERS];

    map_slots(64 * ADD_KEYS, 8);
    for (int i = 0; i < ADDERS; i++)
        pthread_create(&threads[i], NULL, add_all, firsts[i]);
    for (int i = 0; i < ADDERS; i++)
        pthread_join(threads[i], NULL);
    for (int n = 0; n < ADD_KEYS; n++) {
        int sum = 0;

        for (int i = 0; i < ADDERS; i++)
            sum += firsts[i][n];
        ck_assert_int_eq(sum, 1);
    }
}
END_TEST

/* ---- death ---- */

/* A child that stops, puts, and stops again; stepped by us. */
static pid_t fork_stepped(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        put_uniform(1, 99);
        raise(SIGSTOP);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSTOPPED(status));
    return pid;
}

/* One instruction; 0 when the child has put and stopped again. */
static int step(pid_t pid)
{
    int status = 0;

    ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSTOPPED(status));
    return WSTOPSIG(status) == SIGTRAP;
}

static void kill_and_reap(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* No slot is left behind that counts as used and can never be read. */
static void expect_all_used_are_found(void)
{
    gt_slots_figures_t figures;
    int found = 0;

    for (unsigned int n = 0; n < BUSY_KEYS; n++)
        found += look_uniform(n) == 1;
    gt_slots_figures(&figures, slots);
    ck_assert_int_eq(figures.used, found);
}

static void expect_whole(void)
{
    for (unsigned int n = 0; n < BUSY_KEYS; n++)
        ck_assert_int_ge(look_uniform(n), 0);
}

#define STATES 1000

/* What the segment looks like after each instruction of a put, without repetitions. */
static int record_states(unsigned char *states[STATES])
{
    pid_t pid = fork_stepped();
    int n = 0;

    do {
        if (n > 0 && memcmp(states[n - 1], memory, memory_size) == 0)
            continue;
        ck_assert_int_lt(n, STATES);
        states[n] = apr_pmemdup(pool, memory, memory_size);
        n++;
    } while (step(pid));
    /* Dead and gone, as after a kill at each of these instructions. */
    kill_and_reap(pid);
    return n;
}

START_TEST(a_writer_killed_at_any_instruction_leaves_a_set_that_heals)
{
    unsigned char *states[STATES];
    gt_slots_figures_t figures;
    int healed = 0;
    int n;

    map_slots(8, ROOM);
    put_uniform(1, 1);
    put_uniform(2, 2);
    n = record_states(states);
    /* The mark, the sequence, the tag, the head and each word of the value, and back. */
    ck_assert_int_gt(n, 25);
    for (int i = 0; i < n; i++) {
        memcpy(memory, states[i], memory_size);
        expect_whole();
        ck_assert_int_eq(look_uniform(2), 1);
        put_uniform(3, (unsigned char)i);
        ck_assert_int_eq(look_uniform(3), 1);
        expect_all_used_are_found();
        put_uniform(1, 7);
        ck_assert_int_eq(look_uniform(1), 1);
        gt_slots_figures(&figures, slots);
        healed += figures.healed > 0;

        memcpy(memory, states[i], memory_size);
        gt_slots_remove(slots, key_of(1));
        ck_assert_int_eq(look_uniform(1), 0);
        memcpy(memory, states[i], memory_size);
        ck_assert_int_eq(gt_slots_add(slots, key_of(4), FAR), 1);
        ck_assert_int_eq(gt_slots_add(slots, key_of(4), FAR), 0);
    }
    ck_assert_int_gt(healed, 20);
}
END_TEST

START_TEST(kill_9_in_a_loop_loses_nothing_but_the_value_under_way)
{
    gt_slots_figures_t figures;
    unsigned int seed = 5;

    map_slots(8, ROOM);
    for (int round = 0; round < 150; round++) {
        gt_slots_figures_t before;
        pid_t pid;

        gt_slots_figures(&before, slots);
        pid = fork();
        if (pid == 0) {
            for (;;)
                put_uniform((unsigned int)rand_r(&seed) % BUSY_KEYS, (unsigned char)round);
        }
        do {
            sched_yield();
            gt_slots_figures(&figures, slots);
        } while (figures.stored < before.stored + 50 + round % 7);
        kill_and_reap(pid);
        expect_whole();
        put_uniform(1, (unsigned char)round);
        ck_assert_int_eq(look_uniform(1), 1);
    }
}
END_TEST

/* A child that stands still with the set in its hands. */
static pid_t stop_in_the_middle(void)
{
    pid_t pid = fork_stepped();

    /* A busy set refuses a put; no other thread is here that could make it busy. */
    while (put(3, "probe", FAR, 0)) {
        for (int i = 0; i < 20; i++)
            ck_assert(step(pid));
    }
    return pid;
}

START_TEST(a_stopped_writer_is_passed_by_and_does_no_harm_later)
{
    pid_t pid;
    int status;

    fake_clock(apr_time_from_sec(1000));
    map_slots(8, ROOM);
    put_uniform(1, 1);
    pid = stop_in_the_middle();
    /* Its process lives and the stamp is young: no. Two seconds later: yes. */
    ck_assert(!put(4, "not yet", FAR, 0));
    fake_time += apr_time_from_msec(2100);
    put_uniform(2, 2);
    ck_assert_int_eq(look_uniform(2), 1);
    put_uniform(1, 3);
    ck_assert_int_eq(look_uniform(1), 1);
    /* It goes on, and finds out at its end that the set is not its own any more. */
    ptrace(PTRACE_CONT, pid, NULL, NULL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSTOPPED(status));
    kill_and_reap(pid);
    ck_assert_int_eq(look_uniform(2), 1);
    put_uniform(1, 4);
    ck_assert_int_eq(look_uniform(1), 1);
    ck_assert_int_eq(gt_slots_remove(slots, key_of(2)), 1);
}
END_TEST

Suite *suite_slots(void)
{
    Suite *suite = suite_create("slots");
    TCase *alone = tcase_create("alone");
    TCase *together = tcase_create("together");
    TCase *death = tcase_create("death");

    tcase_add_checked_fixture(alone, begin, end);
    tcase_add_test(alone, what_is_put_is_got_until_it_is_replaced_or_removed);
    tcase_add_test(alone, removed_bytes_are_gone_from_the_segment);
    tcase_add_test(alone, every_length_up_to_the_room_and_not_one_more);
    tcase_add_test(alone, a_reader_with_less_room_than_was_stored_gets_nothing);
    tcase_add_test(alone, expired_is_gone_to_the_microsecond);
    tcase_add_test(alone, a_full_set_gives_up_the_expired_then_the_oldest);
    tcase_add_test(alone, values_evict_no_mark_and_marks_no_more_than_half_of_the_values);
    tcase_add_test(alone, a_lower_rank_replaces_only_what_has_expired);
    tcase_add_test(alone, add_says_who_was_first);
    tcase_add_test(alone, a_segment_survives_and_another_shape_is_refused);
    tcase_add_test(alone, memory_need_not_begin_at_a_cache_line);
    tcase_add_test(alone, sizes_that_cannot_be);
    tcase_add_test(alone, figures_count);
    suite_add_tcase(suite, alone);
    tcase_add_checked_fixture(together, begin, end);
    tcase_set_timeout(together, 60);
    tcase_set_tags(together, "crowd");
    tcase_add_test(together, threads_never_see_a_torn_value);
    tcase_add_test(together, processes_never_see_a_torn_value);
    tcase_add_test(together, of_all_who_add_a_key_one_is_first);
    suite_add_tcase(suite, together);
    tcase_add_checked_fixture(death, begin, end);
    tcase_set_timeout(death, 60);
    tcase_set_tags(death, "crowd");
    tcase_add_test(death, a_writer_killed_at_any_instruction_leaves_a_set_that_heals);
    tcase_add_test(death, kill_9_in_a_loop_loses_nothing_but_the_value_under_way);
    tcase_add_test(death, a_stopped_writer_is_passed_by_and_does_no_harm_later);
    suite_add_tcase(suite, death);
    return suite;
}
