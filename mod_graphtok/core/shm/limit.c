/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file limit.c
 * A counter keeps the moments of its last calls in up to 64 cells, a sliding log. A limit of
 * `count` is spread over the cells: each stands for its share of the calls, one where count is at
 * most 64. A cell says when its latest call was and how many calls it holds. A call takes room in
 * a cell that is not full, or a cell whose latest call is at least a span ago, with one CAS. The
 * cells together have room for `count` calls, and a call leaves its cell a span later at the
 * earliest: so no span, wherever it begins, sees more than `count` calls. A cell of several calls
 * is freed by the latest of them, so a limit beyond 64 that is used up without a pause loses a few
 * calls a span.
 *
 * The segment: a head (shape, secret), sets of two cache lines (eight names and eight moments),
 * then the cells. A name is a keyed hash of 64 bits, odd; its even twin marks a counter whose
 * cells are being cleared for it. A moment says from when on a counter is idle, or until when
 * something is held. No two words must agree: a process killed between two stores leaves a counter
 * that the next caller clears, or a call miscounted. A damaged cell that lies in the future counts
 * as free. A segment of zeros is a valid empty one.
 */

#include "shm/limit.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "shm/siphash.h"

#define WAYS 8
#define LINE 64
#define MAX_SLOTS ((apr_int64_t)1 << 31)
#define SHAPE_MAGIC 0x6C02ULL /* raised with each change of the layout */
#define CELLS 64
#define MAX_COUNT 1000000
#define MAX_SPAN (31 * 24 * apr_time_from_sec(3600))

#define MAX_HOLD apr_time_from_sec(3600)
#define AHEAD apr_time_from_sec(1) /* what lies further ahead of the clock is damage */

#define CLAIM_TRIES 16
#define COUNT_TRIES 64
#define CLEARING_LOOKS 100

/* A cell: the moment of its latest call in µs (50 bits are 35 years since the machine's start),
 * and how many calls it holds. */
#define CELL_BITS 14
#define CELL_CALLS ((1ULL << CELL_BITS) - 1)

typedef _Atomic apr_uint64_t word_t;

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");

typedef struct head_t {
    word_t shape;
    word_t secret[2]; /* 0: not drawn yet */
    word_t spare[LINE / 8 - 3];
} head_t;

typedef struct set_t {
    word_t names[WAYS];   /* 0: free */
    word_t moments[WAYS]; /* gt_ticks() from when on the counter is idle */
} set_t;

typedef struct cells_t {
    word_t of[CELLS];
} cells_t;

_Static_assert(MAX_COUNT / CELLS < CELL_CALLS, "a cell's share must fit its bits");

struct gt_limits_t {
    set_t *sets;
    cells_t *cells; /* WAYS a set */
    apr_uint64_t set_count;
    gt_sip_key_t secret;
};

/** A counter's words. */
typedef struct counter_t {
    word_t *name;
    word_t *moment;
    cells_t *cells;
} counter_t;

/** A limit at a moment, which is after its counter was found. */
typedef struct pace_t {
    apr_time_t now;
    apr_interval_time_t span;
    int cells;         /* of a counter that are used */
    apr_int64_t share; /* calls that each of them has room for */
    int larger;        /* so many of them, the first, have room for one more */
} pace_t;

apr_size_t gt_limits_size(apr_int64_t slots)
{
    apr_size_t sets = ((apr_size_t)slots + WAYS - 1) / WAYS;

    if (slots < 1 || slots > MAX_SLOTS)
        return 0;
    return LINE + sizeof(head_t) + sets * (sizeof(set_t) + WAYS * sizeof(cells_t));
}

/* The first process draws it; the others take what is there. */
static apr_uint64_t settle_secret(word_t *word)
{
    apr_uint64_t found = 0;
    apr_uint64_t drawn;

    gt_random(&drawn, sizeof(drawn));
    drawn |= 1;
    return atomic_compare_exchange_strong(word, &found, drawn) ? drawn : found;
}

gt_limits_t *gt_limits_open(void *memory, apr_size_t size, apr_int64_t slots, apr_pool_t *p)
{
    gt_limits_t *view = apr_pcalloc(p, sizeof(*view));
    head_t *head = (head_t *)(((apr_uintptr_t)memory + LINE - 1) / LINE * LINE);
    apr_uint64_t found = 0;
    apr_uint64_t shape;

    if (gt_limits_size(slots) == 0 || size < gt_limits_size(slots))
        return NULL;
    view->set_count = ((apr_uint64_t)slots + WAYS - 1) / WAYS;
    view->sets = (set_t *)(head + 1);
    view->cells = (cells_t *)(view->sets + view->set_count);
    shape = (SHAPE_MAGIC << 48) | view->set_count;
    if (!atomic_compare_exchange_strong(&head->shape, &found, shape) && found != shape)
        return NULL;
    view->secret.half[0] = settle_secret(&head->secret[0]);
    view->secret.half[1] = settle_secret(&head->secret[1]);
    return view;
}

/* ---- finding a counter ---- */

static inline apr_uint64_t load(const word_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline apr_time_t time_of(apr_uint64_t word)
{
    return (apr_time_t)(word >> CELL_BITS);
}

static inline apr_uint64_t marked(apr_uint64_t name)
{
    return name ^ 1;
}

static int find(const set_t *set, apr_uint64_t name)
{
    for (int way = 0; way < WAYS; way++) {
        if ((load(&set->names[way]) | 1) == name)
            return way;
    }
    return -1;
}

/* The first idle counter, else the one nearest to idle. */
static int choose(const set_t *set, apr_time_t now)
{
    apr_time_t nearest_at = 0;
    int nearest = -1;

    for (int way = 0; way < WAYS; way++) {
        apr_time_t moment = (apr_time_t)load(&set->moments[way]);

        if (load(&set->names[way]) == 0 || moment <= now || moment > now + MAX_SPAN)
            return way;
        if (nearest < 0 || moment < nearest_at) {
            nearest_at = moment;
            nearest = way;
        }
    }
    return nearest;
}

static apr_uint64_t hash_of(const gt_limits_t *limits, const void *name, apr_size_t name_len)
{
    return gt_siphash64(&limits->secret, name, name_len) | 1;
}

static counter_t counter_at(const gt_limits_t *limits, apr_uint64_t name, int way)
{
    apr_uint64_t index = (name >> 1) % limits->set_count;
    set_t *set = &limits->sets[index];

    return (counter_t){&set->names[way], &set->moments[way],
                       &limits->cells[index * WAYS + (apr_uint64_t)way]};
}

/* Clear the calls that another name counted here. A caller that was held up here finds what others,
 * which did not wait for it, have counted since it claimed: that stays.
 * @param moment  the counter's, before it was claimed */
static void clear(const counter_t *counter, apr_uint64_t name, apr_uint64_t moment,
                  apr_time_t claimed)
{
    apr_uint64_t seen = marked(name);

    for (int i = 0; i < CELLS; i++) {
        apr_uint64_t word = load(&counter->cells->of[i]);

        if (time_of(word) < claimed || time_of(word) > claimed + MAX_SPAN)
            atomic_compare_exchange_strong_explicit(&counter->cells->of[i], &word, 0,
                                                    memory_order_relaxed, memory_order_relaxed);
    }
    atomic_compare_exchange_strong_explicit(counter->moment, &moment, 0, memory_order_relaxed,
                                            memory_order_relaxed);
    atomic_compare_exchange_strong_explicit(counter->name, &seen, name, memory_order_release,
                                            memory_order_relaxed);
}

/* Another process is clearing these cells; if it was killed meanwhile, they are cleared here. */
static void await_clear(const counter_t *counter, apr_uint64_t name, apr_time_t now)
{
    for (int looks = 0; looks < CLEARING_LOOKS; looks++) {
        if (atomic_load_explicit(counter->name, memory_order_acquire) != marked(name))
            return;
    }
    clear(counter, name, load(counter->moment), now);
}

/* 1 when another counter of the set has the name, too: two callers have claimed one each. */
static int is_twice(set_t *set, apr_uint64_t name, int own)
{
    for (int way = 0; way < WAYS; way++) {
        if (way != own && (atomic_load(&set->names[way]) | 1) == name)
            return 1;
    }
    return 0;
}

/* Make a counter ours. One that was not idle starts anew; its old owner starts anew elsewhere.
 * @return -1: another caller was quicker */
static int claim(const gt_limits_t *limits, apr_uint64_t name, apr_time_t now)
{
    set_t *set = &limits->sets[(name >> 1) % limits->set_count];
    int way = choose(set, now);
    apr_uint64_t old_name = load(&set->names[way]), moment = load(&set->moments[way]);
    apr_uint64_t mark = marked(name);
    counter_t counter = counter_at(limits, name, way);

    if ((old_name | 1) == name)
        return way;
    if (!atomic_compare_exchange_strong(&set->names[way], &old_name, mark))
        return -1;
    if (is_twice(set, name, way)) {
        atomic_compare_exchange_strong(&set->names[way], &mark, 0);
        return -1;
    }
    clear(&counter, name, moment, now);
    return way;
}

static counter_t counter_of(const gt_limits_t *limits, apr_uint64_t name, apr_time_t now)
{
    const set_t *set = &limits->sets[(name >> 1) % limits->set_count];
    counter_t counter;
    int way = -1;

    for (int tries = 0; tries < CLAIM_TRIES && way < 0; tries++) {
        way = find(set, name);
        if (way < 0)
            way = claim(limits, name, now);
    }
    /* All counters were taken by other callers in each try: count with one of them rather than not
     * at all. */
    if (way < 0)
        way = (int)(name / 2 / limits->set_count % WAYS);
    counter = counter_at(limits, name, way);
    if (load(counter.name) == marked(name))
        await_clear(&counter, name, now);
    return counter;
}

/* ---- counting ---- */

static pace_t pace_of(const gt_limit_t *limit)
{
    assert(limit->count >= 1 && limit->count <= MAX_COUNT);
    assert(limit->span >= 1 && limit->span <= MAX_SPAN);
    if (limit->count <= CELLS)
        return (pace_t){gt_ticks(), limit->span, (int)limit->count, 1, 0};
    return (pace_t){gt_ticks(), limit->span, CELLS, limit->count / CELLS,
                    (int)(limit->count % CELLS)};
}

static inline int is_ahead(const pace_t *pace, apr_uint64_t word)
{
    return time_of(word) > pace->now + AHEAD;
}

/* Calls of the last span in a cell; a moment ahead of this machine's clock is damage. */
static inline apr_int64_t calls_in(const pace_t *pace, apr_uint64_t word)
{
    if (time_of(word) + pace->span <= pace->now || is_ahead(pace, word))
        return 0;
    return (apr_int64_t)(word & CELL_CALLS);
}

/** The result of one look at all cells. */
typedef struct look_t {
    int way;           /* a cell with room; -1: none */
    apr_uint64_t seen; /* what it held */
    apr_int64_t left;  /* calls that there is room for */
    apr_time_t first;  /* the earliest moment of a cell in use; 0: none is */
    apr_time_t last;   /* the latest */
    int is_ahead;      /* 1: some cell is ahead of the clock */
} look_t;

static inline void look_at(look_t *look, const pace_t *pace, apr_uint64_t word, int cell)
{
    apr_int64_t calls = calls_in(pace, word), share = pace->share + (cell < pace->larger);

    if (calls < share) {
        /* A cell that is in use already is filled first. */
        if (look->way < 0 || calls > 0) {
            look->way = cell;
            look->seen = word;
        }
        look->left += share - calls;
    }
    look->is_ahead |= is_ahead(pace, word);
    if (calls == 0)
        return;
    if (look->first == 0 || time_of(word) < look->first)
        look->first = time_of(word);
    if (time_of(word) > look->last)
        look->last = time_of(word);
}

static look_t look(const cells_t *cells, const pace_t *pace)
{
    look_t all = {-1, 0, 0, 0, 0, 0};

    for (int i = 0; i < pace->cells; i++)
        look_at(&all, pace, load(&cells->of[i]), i);
    return all;
}

static void refuse(gt_limit_answer_t *answer, const pace_t *pace, apr_time_t first)
{
    *answer = (gt_limit_answer_t){0, 0, first + pace->span - pace->now};
    if (answer->retry_after < 1)
        answer->retry_after = 1;
}

void gt_limit_check(gt_limit_answer_t *answer, gt_limits_t *limits, const gt_limit_t *limit,
                    const void *name, apr_size_t name_len)
{
    counter_t counter = counter_of(limits, hash_of(limits, name, name_len), gt_ticks());
    pace_t pace = pace_of(limit);

    for (int tries = 0; tries < COUNT_TRIES; tries++) {
        look_t seen = look(counter.cells, &pace);
        apr_uint64_t next =
            ((apr_uint64_t)pace.now << CELL_BITS) + (apr_uint64_t)(calls_in(&pace, seen.seen) + 1);

        /* It may be this caller that is behind: it was held up since it read the clock. */
        if (seen.is_ahead && gt_ticks() > pace.now + AHEAD / 2) {
            pace.now = gt_ticks();
            continue;
        }
        if (seen.way < 0) {
            refuse(answer, &pace, seen.first);
            return;
        }
        if (!atomic_compare_exchange_strong_explicit(&counter.cells->of[seen.way], &seen.seen, next,
                                                     memory_order_relaxed, memory_order_relaxed))
            continue;
        atomic_store_explicit(counter.moment, (apr_uint64_t)(pace.now + pace.span),
                              memory_order_relaxed);
        *answer = (gt_limit_answer_t){1, seen.left - 1, pace.span};
        return;
    }
    /* In each of the tries another caller was first: so many callers at once have to wait. */
    refuse(answer, &pace, pace.now);
}

void gt_limit_give_back(gt_limits_t *limits, const gt_limit_t *limit, const void *name,
                        apr_size_t name_len)
{
    pace_t pace = pace_of(limit);
    apr_uint64_t hash = hash_of(limits, name, name_len);
    int way = find(&limits->sets[(hash >> 1) % limits->set_count], hash);
    counter_t counter = counter_at(limits, hash, way < 0 ? 0 : way);

    for (int tries = 0; way >= 0 && tries < COUNT_TRIES; tries++) {
        apr_time_t last = look(counter.cells, &pace).last;

        for (int i = 0; i < pace.cells; i++) {
            apr_uint64_t word = load(&counter.cells->of[i]);

            if (time_of(word) == last && calls_in(&pace, word) > 0 &&
                atomic_compare_exchange_strong(&counter.cells->of[i], &word, word - 1))
                return;
        }
        if (last == 0)
            return;
    }
}

/* ---- holding ---- */

void gt_limit_hold(gt_limits_t *limits, apr_interval_time_t span, const void *name,
                   apr_size_t name_len)
{
    apr_time_t now = gt_ticks();
    apr_time_t until = now + (span > MAX_HOLD ? MAX_HOLD : span);
    word_t *moment = counter_of(limits, hash_of(limits, name, name_len), now).moment;
    apr_uint64_t seen = load(moment);

    while ((apr_time_t)seen < until || (apr_time_t)seen > now + MAX_HOLD) {
        if (atomic_compare_exchange_weak(moment, &seen, (apr_uint64_t)until))
            return;
    }
}

apr_interval_time_t gt_limit_held(gt_limits_t *limits, const void *name, apr_size_t name_len)
{
    apr_uint64_t hash = hash_of(limits, name, name_len);
    const set_t *set = &limits->sets[(hash >> 1) % limits->set_count];
    int way = find(set, hash);
    apr_interval_time_t left = way < 0 ? 0 : (apr_time_t)load(&set->moments[way]) - gt_ticks();

    /* No hold reaches further: the word is damaged. */
    return left < 0 || left > MAX_HOLD ? 0 : left;
}

apr_int64_t gt_limits_used(const gt_limits_t *limits)
{
    apr_time_t now = gt_ticks();
    apr_int64_t used = 0;

    for (apr_uint64_t i = 0; i < limits->set_count; i++) {
        for (int way = 0; way < WAYS; way++)
            used += (apr_time_t)load(&limits->sets[i].moments[way]) > now;
    }
    return used;
}

int gt_limit_parse(gt_limit_t *limit, const char *text)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    apr_size_t count_len = slash != NULL ? (apr_size_t)(slash - text) : 0;
    apr_size_t span_len = slash != NULL ? strlen(slash + 1) : 0;
    char count[16];
    char span[32] = "1"; /* "min" is one minute */
    int is_bare;

    if (span_len == 0 || span_len >= sizeof(span) - 1 || count_len >= sizeof(count))
        return 0;
    memcpy(count, text, count_len);
    count[count_len] = '\0';
    is_bare = slash[1] < '0' || slash[1] > '9';
    memcpy(span + is_bare, slash + 1, span_len + 1);
    return gt_number(&limit->count, count, 1, MAX_COUNT) && gt_span_parse(&limit->span, span) &&
           limit->span >= 1 && limit->span <= MAX_SPAN;
}
