/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file limit.c
 * GCRA, the generic cell rate algorithm (ITU-T I.371), as a virtual schedule: a counter is one
 * moment, "from then on nothing is used up". A call moves it on by one interval, and is refused
 * when that would be more than `count` intervals ahead of now.
 *
 * The segment: a head (shape, secret), then sets of two cache lines, eight names and eight moments.
 * A name is a keyed hash of 64 bits. No word here must agree with another: a process killed between
 * two stores leaves at worst one call miscounted, and a damaged moment is cut to what its limit
 * allows. A segment of zeros is a valid empty one.
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
#define SHAPE_MAGIC 0x6C01ULL /* raised with each change of the layout */
#define MAX_COUNT 1000000
#define MAX_SPAN (31 * 24 * apr_time_from_sec(3600))

#define MAX_HOLD apr_time_from_sec(3600)

#define CLAIM_TRIES 16

typedef _Atomic apr_uint64_t word_t;

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");

typedef struct head_t {
    word_t shape;
    word_t secret[2]; /* 0: not drawn yet */
    word_t spare[LINE / 8 - 3];
} head_t;

typedef struct set_t {
    word_t names[WAYS];   /* 0: free */
    word_t moments[WAYS]; /* gt_ticks() at which nothing is used up */
} set_t;

struct gt_limits_t {
    set_t *sets;
    apr_uint64_t set_count;
    gt_sip_key_t secret;
};

/** A limit in numbers that GCRA needs, µs. */
typedef struct pace_t {
    apr_time_t now;
    apr_interval_time_t interval; /* between calls in the long run */
    apr_interval_time_t burst;    /* count × interval */
} pace_t;

apr_size_t gt_limits_size(apr_int64_t slots)
{
    if (slots < 1 || slots > MAX_SLOTS)
        return 0;
    return LINE + sizeof(head_t) + ((apr_size_t)slots + WAYS - 1) / WAYS * sizeof(set_t);
}

/* Whoever comes first draws it; the others take what is there. */
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

static int find(const set_t *set, apr_uint64_t name)
{
    for (int way = 0; way < WAYS; way++) {
        if (load(&set->names[way]) == name)
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

        if (load(&set->names[way]) == 0 || moment <= now)
            return way;
        if (nearest < 0 || moment < nearest_at) {
            nearest_at = moment;
            nearest = way;
        }
    }
    return nearest;
}

/* Make a counter ours. One that was not idle starts anew; its old owner starts anew elsewhere. */
static int claim(set_t *set, apr_uint64_t name, apr_time_t now)
{
    int way = choose(set, now);
    apr_uint64_t old_name = load(&set->names[way]);
    apr_uint64_t moment = load(&set->moments[way]);

    if (old_name == name)
        return way;
    if (!atomic_compare_exchange_strong(&set->names[way], &old_name, name))
        return -1;
    if ((apr_time_t)moment > now)
        atomic_compare_exchange_strong(&set->moments[way], &moment, (apr_uint64_t)now);
    return way;
}

static apr_uint64_t hash_of(const gt_limits_t *limits, const void *name, apr_size_t name_len)
{
    apr_uint64_t hash = gt_siphash64(&limits->secret, name, name_len);

    return hash ? hash : 1;
}

static set_t *set_of(const gt_limits_t *limits, apr_uint64_t name)
{
    return &limits->sets[name % limits->set_count];
}

static word_t *counter_of(gt_limits_t *limits, apr_uint64_t name, apr_time_t now)
{
    set_t *set = set_of(limits, name);

    for (int tries = 0; tries < CLAIM_TRIES; tries++) {
        int way = find(set, name);

        if (way < 0)
            way = claim(set, name, now);
        if (way >= 0)
            return &set->moments[way];
    }
    /* Sixteen others were quicker each time: count with one of them rather than not at all. */
    return &set->moments[name / limits->set_count % WAYS];
}

/* ---- counting ---- */

static pace_t pace_of(const gt_limit_t *limit)
{
    pace_t pace;

    assert(limit->count >= 1 && limit->count <= MAX_COUNT);
    assert(limit->span >= 1 && limit->span <= MAX_SPAN);
    pace.now = gt_ticks();
    /* Rounded up: never more calls than the limit says. */
    pace.interval = (limit->span + limit->count - 1) / limit->count;
    pace.burst = pace.interval * limit->count;
    return pace;
}

/* A moment from the segment, cut to what can be: not in the past, at most all used up. */
static apr_time_t within(const pace_t *pace, apr_uint64_t word)
{
    apr_time_t moment = (apr_time_t)word;

    if (moment < pace->now)
        return pace->now;
    return moment > pace->now + pace->burst ? pace->now + pace->burst : moment;
}

static void refuse(gt_limit_answer_t *answer, const pace_t *pace, word_t *counter,
                   apr_uint64_t seen)
{
    apr_time_t moment = within(pace, seen);

    /* A moment too far ahead (a limit that was longer before a restart) would refuse for ever. */
    if ((apr_uint64_t)moment != seen)
        atomic_compare_exchange_strong(counter, &seen, (apr_uint64_t)moment);
    answer->allowed = 0;
    answer->remaining = 0;
    answer->retry_after = moment + pace->interval - pace->now - pace->burst;
}

static void allow(gt_limit_answer_t *answer, const pace_t *pace, apr_time_t moment)
{
    answer->allowed = 1;
    answer->remaining = (pace->burst - (moment - pace->now)) / pace->interval;
    answer->retry_after = moment - pace->now;
}

void gt_limit_check(gt_limit_answer_t *answer, gt_limits_t *limits, const gt_limit_t *limit,
                    const void *name, apr_size_t name_len)
{
    pace_t pace = pace_of(limit);
    word_t *counter = counter_of(limits, hash_of(limits, name, name_len), pace.now);
    apr_uint64_t seen = load(counter);

    for (;;) {
        apr_time_t next = within(&pace, seen) + pace.interval;

        if (next - pace.now > pace.burst) {
            refuse(answer, &pace, counter, seen);
            return;
        }
        if (atomic_compare_exchange_weak_explicit(counter, &seen, (apr_uint64_t)next,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            allow(answer, &pace, next);
            return;
        }
    }
}

/* ---- holding ---- */

void gt_limit_hold(gt_limits_t *limits, apr_interval_time_t span, const void *name,
                   apr_size_t name_len)
{
    apr_time_t now = gt_ticks();
    apr_time_t until = now + (span > MAX_HOLD ? MAX_HOLD : span);
    word_t *moment = counter_of(limits, hash_of(limits, name, name_len), now);
    apr_uint64_t seen = load(moment);

    while ((apr_time_t)seen < until || (apr_time_t)seen > now + MAX_HOLD) {
        if (atomic_compare_exchange_weak(moment, &seen, (apr_uint64_t)until))
            return;
    }
}

apr_interval_time_t gt_limit_held(gt_limits_t *limits, const void *name, apr_size_t name_len)
{
    apr_uint64_t hash = hash_of(limits, name, name_len);
    const set_t *set = set_of(limits, hash);
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
    apr_size_t count_len = slash ? (apr_size_t)(slash - text) : 0;
    apr_size_t span_len = slash ? strlen(slash + 1) : 0;
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
