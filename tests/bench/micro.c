/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * What a look-up in the token cache and one check of a limit cost, with 1 to 8 processes at it.
 * Figures are processor time per operation, the median over processes and rounds, so that they hold
 * on a machine with fewer processors than processes. tests/bench/run calls it; by hand:
 *
 *     make libgraphtok-core.la && gcc -O2 … tests/bench/micro.c … && ./micro
 *
 * An argument chooses the lines whose names hold it.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "shm/limit.h"
#include "vault/cache.h"

#define USERS 1000
#define ROUNDS 7
#define OPERATIONS 20000
#define MOST 8

static const unsigned char cache_key[GT_CACHE_KEY_BYTES] = {7};
static gt_cache_t *cache;
static gt_slots_t *slots;
static gt_limits_t *limits;
static gt_token_key_t keys[USERS];
static apr_pool_t *pool;
static double *figures; /* shared: ns for each process and round */

typedef struct scenario_t {
    const char *name;
    void (*operation)(unsigned int n, apr_pool_t *scratch);
    int has_writer; /* 1: one more process puts all the time */
} scenario_t;

static void put(unsigned int n, apr_size_t len, apr_pool_t *p)
{
    char *token = apr_pcalloc(p, len + 1);
    gt_token_t cached = {NULL, gt_now() + apr_time_from_sec(3600), 1, "User.Read", 1};

    memset(token, 'x', len);
    cached.access = gt_secret_from(token, p);
    gt_cache_put(cache, &keys[n % USERS], &cached);
}

static void look_up(unsigned int n, apr_pool_t *scratch)
{
    gt_token_t cached;

    if (!gt_cache_get(&cached, cache, &keys[n * 7 % USERS], scratch))
        exit(2);
}

/* A writer that lost its processor in the middle of a slot makes a miss, which is allowed. */
static void look_up_perhaps(unsigned int n, apr_pool_t *scratch)
{
    gt_token_t cached;

    (void)gt_cache_get(&cached, cache, &keys[n * 7 % USERS], scratch);
}

static void look_up_unknown(unsigned int n, apr_pool_t *scratch)
{
    gt_token_key_t key = keys[n * 7 % USERS];
    gt_token_t cached;

    key.grant.store = "beta";
    if (gt_cache_get(&cached, cache, &key, scratch))
        exit(2);
}

/* The slot alone, without its decryption. */
static void read_slot(unsigned int n, apr_pool_t *scratch)
{
    static unsigned char value[4096];
    unsigned char key[GT_SLOT_KEY_BYTES] = {1};
    apr_size_t len;
    apr_time_t expires;

    (void)n;
    (void)scratch;
    if (!gt_slots_get(slots, key, value, &len, &expires))
        exit(2);
}

/* What OpenSSL alone takes of a look-up. */
static void decrypt(unsigned int n, apr_pool_t *scratch)
{
    static unsigned char sealed[1072], clear[1072];
    static const unsigned char nonce[GT_NONCE_BYTES];
    static int is_sealed;

    (void)n;
    (void)scratch;
    if (!is_sealed && !gt_aead_seal(sealed, cache_key, nonce, "associated data", 15, clear, 1056))
        exit(2);
    is_sealed = 1;
    if (!gt_aead_open(clear, cache_key, nonce, "associated data", 15, sealed, sizeof(sealed)))
        exit(2);
}

static void check_own(unsigned int n, apr_pool_t *scratch)
{
    gt_limit_t limit = {1000000, apr_time_from_sec(1)};
    gt_limit_answer_t answer;
    const char *user = keys[n * 7 % USERS].grant.owner.user;

    (void)scratch;
    gt_limit_check(&answer, limits, &limit, user, strlen(user));
}

static void check_shared(unsigned int n, apr_pool_t *scratch)
{
    gt_limit_t limit = {1000000, apr_time_from_sec(1)};
    gt_limit_answer_t answer;

    (void)n;
    (void)scratch;
    gt_limit_check(&answer, limits, &limit, "everybody", 9);
}

static const scenario_t scenarios[] = {
    {"AES-256-GCM alone, 1 KiB", decrypt, 0},
    {"look-up with decryption, 1 KiB", look_up, 0},
    {"the same beside a busy writer", look_up_perhaps, 1},
    {"look-up of an unknown user", look_up_unknown, 0},
    {"one slot of 1 KiB, not decrypted", read_slot, 0},
    {"limit check, 1,000 keys", check_own, 0},
    {"limit check, one key for all", check_shared, 0},
};

static double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const scenario_t *scenario, int process)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns();

        for (unsigned int n = 0; n < OPERATIONS; n++) {
            scenario->operation(n + (unsigned int)process * 131, scratch);
            if (n % 8 == 7)
                apr_pool_clear(scratch);
        }
        figures[process * ROUNDS + round] = (cpu_ns() - start) / OPERATIONS;
    }
    _exit(0);
}

static void write_for_ever(void)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    for (unsigned int n = 0;; n++) {
        put(n, 1024, scratch);
        apr_pool_clear(scratch);
    }
}

/* A child, which ends with us even when we are killed: the writer would run for ever. */
static pid_t start(const scenario_t *scenario, int process, int is_measured)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(2);
    if (is_measured)
        measure(scenario, process);
    write_for_ever();
    return 0;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double run(const scenario_t *scenario, int processes)
{
    pid_t pids[MOST + 1];
    int all = processes + scenario->has_writer;

    for (int i = 0; i < all; i++)
        pids[i] = start(scenario, i, i < processes);
    for (int i = 0; i < all; i++) {
        int status;

        if (i == processes)
            kill(pids[i], SIGKILL);
        waitpid(pids[i], &status, 0);
        if (i < processes && status != 0)
            exit(2);
    }
    qsort(figures, (size_t)(processes * ROUNDS), sizeof(*figures), by_size);
    return figures[processes * ROUNDS / 2];
}

static void *map(apr_size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        exit(2);
    return memory;
}

static void prepare(void)
{
    apr_size_t slots_size = gt_slots_size(16384, 4096);
    apr_size_t limits_size = gt_limits_size(16384);
    unsigned char key[GT_SLOT_KEY_BYTES] = {1};
    unsigned char value[1024] = {0};
    gt_slot_item_t item = {value, sizeof(value), gt_ticks() + apr_time_from_sec(3600), 0};

    slots = gt_slots_open(map(slots_size), slots_size, 16384, 4096, pool);
    limits = gt_limits_open(map(limits_size), limits_size, 16384, pool);
    cache = gt_cache_make(slots, cache_key, apr_time_from_sec(3600), pool);
    figures = map(MOST * ROUNDS * sizeof(*figures));
    for (unsigned int n = 0; n < USERS; n++) {
        keys[n] = (gt_token_key_t){
            {"main", {apr_psprintf(pool, "user%u@tenant.example", n), "microsoft"}}, NULL};
        put(n, 1024, pool);
    }
    gt_slots_put(slots, key, &item);
}

int main(int argc, char **argv)
{
    static const int processes[] = {1, 2, 4, 8};

    apr_initialize();
    apr_pool_create(&pool, NULL);
    prepare();
    printf("%-36s", "ns of processor time, processes:");
    for (int i = 0; i < 4; i++)
        printf("%8d", processes[i]);
    printf("\n");
    for (size_t s = 0; s < sizeof(scenarios) / sizeof(scenarios[0]); s++) {
        if (argc > 1 && strstr(scenarios[s].name, argv[1]) == NULL)
            continue;
        printf("%-36s", scenarios[s].name);
        for (int i = 0; i < 4; i++) {
            printf("%8.0f", run(&scenarios[s], processes[i]));
            fflush(stdout);
        }
        printf("\n");
    }
    return 0;
}
