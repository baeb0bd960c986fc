/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file slots.c
 * The segment: a head (shape, striped counters), then all sets, then all slots. A set is two cache
 * lines, the writers' mark and the tags of its eight slots; sets lie close together, so that a
 * look-up goes far only once, to the one slot whose tag fits. The memory model is that of Boehm,
 * "Can seqlocks get along with programming language memory models?" (2012): all shared words are
 * atomic, the payload relaxed, two fences.
 *
 * Invariants: only the process that holds the set's mark writes tags and slots; tag and slot differ
 * only while the slot's sequence is odd; nothing read from the segment is used as an address or a
 * length without a bound. A segment of zeros is a valid empty one.
 */

#include "shm/slots.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define WAYS 8
#define LINE 64
#define STRIPES 32
#define MAX_SLOTS ((apr_int64_t)1 << 31)
#define MAX_SLOT_BYTES (256 * 1024)
#define SHAPE_MAGIC 0x6701ULL /* raised with each change of the layout */

#define READ_TRIES 200
#define AHEAD 2048    /* bytes of a slot asked of memory at once: an access token's size */
#define STALE_MS 2000 /* a mark older than this is taken over even from a living process */

/* A put may be given up: the token is served uncached once more. Forgetting may not: its patience
 * outlasts STALE_MS, so it always ends with the mark in hand. */
#define YIELD_ROUNDS 64
#define ROUND_WAIT 50 /* µs */
#define PUT_PATIENCE 100
#define LONG_PATIENCE (YIELD_ROUNDS + 2 * STALE_MS * 1000 / ROUND_WAIT)

typedef _Atomic apr_uint64_t word_t;

/* Only lock-free atomics mean the same in every process. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");
_Static_assert(sizeof(word_t) == 8, "an atomic word must be a plain word");

typedef enum figure_t { HITS, MISSES, STORED, TOO_LARGE, EVICTED, HEALED, FIGURES } figure_t;

typedef struct stripe_t {
    word_t count[LINE / 8]; /* by figure_t; a line of its own for each stripe */
} stripe_t;

typedef struct head_t {
    word_t shape; /* magic, words of a slot, sets; 0: fresh */
    word_t spare[LINE / 8 - 1];
    stripe_t stripes[STRIPES];
} head_t;

typedef struct set_t {
    word_t mark; /* the writer: pid << 32 | ms of the monotonic clock; 0: no process */
    word_t spare[LINE / 8 - 1];
    word_t tags[WAYS]; /* first word of each slot's key; 0: empty */
} set_t;

typedef struct slot_t {
    word_t sequence; /* odd: being written, or its writer died */
    word_t key[2];
    word_t expires; /* monotonic µs */
    word_t stored;  /* monotonic µs */
    word_t rank;
    word_t len;
    word_t words[]; /* the value */
} slot_t;

struct gt_slots_t {
    head_t *head;
    set_t *sets;
    unsigned char *slots; /* WAYS for each set, in the order of the sets */
    apr_uint64_t set_count;
    apr_size_t slot_stride; /* bytes */
    apr_size_t slot_bytes;
};

/** A key as words. */
typedef struct name_t {
    apr_uint64_t tag; /* never 0 */
    apr_uint64_t key[2];
} name_t;

static inline apr_uint64_t load(const word_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void store(word_t *word, apr_uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static apr_size_t round_up(apr_size_t n, apr_size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* The number of a processor spreads the counters; a stale number only costs a shared line. */
static void count(gt_slots_t *slots, figure_t figure)
{
    unsigned int stripe = (unsigned int)sched_getcpu() % STRIPES;

    atomic_fetch_add_explicit(&slots->head->stripes[stripe].count[figure], 1, memory_order_relaxed);
}

/* ---- shape ---- */

static int lay_out(gt_slots_t *view, apr_int64_t slots, apr_int64_t slot_bytes)
{
    if (slots < 1 || slots > MAX_SLOTS || slot_bytes < 1 || slot_bytes > MAX_SLOT_BYTES)
        return 0;
    view->set_count = ((apr_uint64_t)slots + WAYS - 1) / WAYS;
    view->slot_bytes = (apr_size_t)slot_bytes;
    view->slot_stride = round_up(sizeof(slot_t) + round_up(view->slot_bytes, 8), LINE);
    return 1;
}

static apr_uint64_t shape_of(const gt_slots_t *view)
{
    apr_uint64_t words = round_up(view->slot_bytes, 8) / 8;

    return (SHAPE_MAGIC << 48) | (words << 32) | view->set_count;
}

apr_size_t gt_slots_size(apr_int64_t slots, apr_int64_t slot_bytes)
{
    gt_slots_t view;

    if (!lay_out(&view, slots, slot_bytes))
        return 0;
    /* APR's anonymous memory begins eight bytes into a page: one line more to align. */
    return LINE + sizeof(head_t) + view.set_count * (sizeof(set_t) + WAYS * view.slot_stride);
}

gt_slots_t *gt_slots_open(void *memory, apr_size_t size, apr_int64_t slots, apr_int64_t slot_bytes,
                          apr_pool_t *p)
{
    gt_slots_t *view = apr_pcalloc(p, sizeof(*view));
    apr_uint64_t found = 0;

    if (!lay_out(view, slots, slot_bytes) || size < gt_slots_size(slots, slot_bytes))
        return NULL;
    view->head = (head_t *)round_up((apr_uintptr_t)memory, LINE);
    view->sets = (set_t *)(view->head + 1);
    view->slots = (unsigned char *)(view->sets + view->set_count);
    if (!atomic_compare_exchange_strong(&view->head->shape, &found, shape_of(view)) &&
        found != shape_of(view))
        return NULL;
    return view;
}

apr_size_t gt_slots_room(const gt_slots_t *slots)
{
    return slots->slot_bytes;
}

static name_t name_of(const unsigned char key[GT_SLOT_KEY_BYTES])
{
    name_t name;

    memcpy(name.key, key, sizeof(name.key));
    name.tag = name.key[0] ? name.key[0] : 1;
    return name;
}

/* The tag is the other half of the key, so that within a set all its bits tell slots apart. */
static set_t *set_of(const gt_slots_t *slots, const name_t *name)
{
    return &slots->sets[name->key[1] % slots->set_count];
}

static slot_t *slot_at(const gt_slots_t *slots, const set_t *set, int way)
{
    apr_size_t number = (apr_size_t)(set - slots->sets) * WAYS + (apr_size_t)way;

    assert(number < slots->set_count * WAYS);
    return (slot_t *)(slots->slots + number * slots->slot_stride);
}

/* ---- readers ---- */

static void copy_out(unsigned char *value, const slot_t *slot, apr_size_t len)
{
    apr_size_t whole = len / 8;

    for (apr_size_t i = 0; i < whole; i++) {
        apr_uint64_t word = load(&slot->words[i]);
        memcpy(value + 8 * i, &word, 8);
    }
    if (len % 8) {
        apr_uint64_t word = load(&slot->words[whole]);
        memcpy(value + 8 * whole, &word, len % 8);
    }
}

static int is_of(const slot_t *slot, const name_t *name)
{
    return load(&slot->key[0]) == name->key[0] && load(&slot->key[1]) == name->key[1];
}

typedef struct found_t {
    unsigned char *value;
    apr_size_t len;
    apr_time_t expires;
} found_t;

static int read_slot(found_t *found, const gt_slots_t *slots, const slot_t *slot,
                     const name_t *name)
{
    for (int tries = 0; tries < READ_TRIES; tries++) {
        apr_uint64_t before = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        int is_ours;

        if (before & 1)
            continue;
        found->len = load(&slot->len);
        found->expires = (apr_time_t)load(&slot->expires);
        is_ours = is_of(slot, name) && found->len <= slots->slot_bytes;
        if (is_ours)
            copy_out(found->value, slot, found->len);
        atomic_thread_fence(memory_order_acquire);
        if (load(&slot->sequence) == before)
            return is_ours;
    }
    return 0;
}

/* The slot is far away as a rule: let all its lines come while the first is waited for. */
static const slot_t *fetch(const gt_slots_t *slots, const slot_t *slot)
{
    apr_size_t most = slots->slot_stride < AHEAD ? slots->slot_stride : AHEAD;

    for (apr_size_t at = 0; at < most; at += LINE)
        __builtin_prefetch((const char *)slot + at);
    return slot;
}

static int look_up(found_t *found, const gt_slots_t *slots, const name_t *name)
{
    set_t *set = set_of(slots, name);

    for (int way = 0; way < WAYS; way++) {
        if (load(&set->tags[way]) == name->tag &&
            read_slot(found, slots, fetch(slots, slot_at(slots, set, way)), name))
            return found->expires > gt_ticks();
    }
    return 0;
}

int gt_slots_get(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES],
                 unsigned char *value, apr_size_t *len, apr_time_t *expires)
{
    name_t name = name_of(key);
    found_t found = {value, 0, 0};
    int is_found = look_up(&found, slots, &name);

    count(slots, is_found ? HITS : MISSES);
    *len = is_found ? found.len : 0;
    *expires = is_found ? found.expires : 0;
    return is_found;
}

/* ---- one slot, by the process that holds the set's mark ---- */

static apr_uint64_t begin(slot_t *slot)
{
    apr_uint64_t odd = (load(&slot->sequence) + 1) | 1;

    store(&slot->sequence, odd);
    atomic_thread_fence(memory_order_release);
    return odd;
}

/* Fails for a writer whose mark was taken over meanwhile: the new owner moved the sequence on. */
static void end(slot_t *slot, apr_uint64_t odd)
{
    atomic_compare_exchange_strong_explicit(&slot->sequence, &odd, odd + 1, memory_order_release,
                                            memory_order_relaxed);
}

static void copy_in(slot_t *slot, const unsigned char *value, apr_size_t len)
{
    apr_size_t whole = len / 8;
    apr_uint64_t word = 0;

    for (apr_size_t i = 0; i < whole; i++) {
        memcpy(&word, value + 8 * i, 8);
        store(&slot->words[i], word);
    }
    if (len % 8) {
        word = 0;
        memcpy(&word, value + 8 * whole, len % 8);
        store(&slot->words[whole], word);
    }
}

static void fill(gt_slots_t *slots, set_t *set, int way, const name_t *name,
                 const gt_slot_item_t *item)
{
    slot_t *slot = slot_at(slots, set, way);
    apr_uint64_t odd = begin(slot);

    assert(item->len <= slots->slot_bytes);
    store(&set->tags[way], name->tag);
    store(&slot->key[0], name->key[0]);
    store(&slot->key[1], name->key[1]);
    store(&slot->expires, (apr_uint64_t)item->expires);
    store(&slot->stored, (apr_uint64_t)gt_ticks());
    store(&slot->rank, (apr_uint64_t)item->rank);
    store(&slot->len, item->len);
    copy_in(slot, item->value, item->len);
    end(slot, odd);
}

static void empty(gt_slots_t *slots, set_t *set, int way)
{
    slot_t *slot = slot_at(slots, set, way);
    apr_uint64_t odd = begin(slot);

    store(&set->tags[way], 0);
    store(&slot->key[0], 0);
    store(&slot->key[1], 0);
    store(&slot->expires, 0);
    store(&slot->rank, 0);
    store(&slot->len, 0);
    for (apr_size_t i = 0; i < round_up(slots->slot_bytes, 8) / 8; i++)
        store(&slot->words[i], 0);
    end(slot, odd);
}

static int find(const gt_slots_t *slots, set_t *set, const name_t *name)
{
    for (int way = 0; way < WAYS; way++) {
        if (load(&set->tags[way]) == name->tag && is_of(slot_at(slots, set, way), name))
            return way;
    }
    return -1;
}

static int is_live(const slot_t *slot)
{
    return (apr_time_t)load(&slot->expires) > gt_ticks();
}

/* ---- the set's mark ---- */

static apr_uint64_t own_mark(void)
{
    apr_uint64_t ms = (apr_uint64_t)(gt_ticks() / 1000) & 0xFFFFFFFFULL;

    return ((apr_uint64_t)getpid() << 32) | ms;
}

static int is_abandoned(apr_uint64_t mark)
{
    pid_t pid = (pid_t)(mark >> 32);
    apr_uint32_t age = (apr_uint32_t)own_mark() - (apr_uint32_t)mark;

    /* The age decides for a stopped process, and for a pid that another program has now. */
    return pid <= 0 || age > STALE_MS || (kill(pid, 0) != 0 && errno == ESRCH);
}

static void heal(gt_slots_t *slots, set_t *set)
{
    for (int way = 0; way < WAYS; way++) {
        if (load(&slot_at(slots, set, way)->sequence) & 1)
            empty(slots, set, way);
    }
    count(slots, HEALED);
}

/* Take the set to write; 0 when patience ran out. */
static apr_uint64_t take(gt_slots_t *slots, set_t *set, int patience)
{
    for (int round = 0; round < patience; round++) {
        apr_uint64_t seen = 0;
        apr_uint64_t mine = own_mark();

        if (atomic_compare_exchange_strong(&set->mark, &seen, mine))
            return mine;
        if (round % 8 == 7 && is_abandoned(seen) &&
            atomic_compare_exchange_strong(&set->mark, &seen, mine)) {
            heal(slots, set);
            return mine;
        }
        if (round < YIELD_ROUNDS)
            sched_yield();
        else
            apr_sleep(ROUND_WAIT);
    }
    return 0;
}

static void give_back(set_t *set, apr_uint64_t mine)
{
    atomic_compare_exchange_strong(&set->mark, &mine, 0);
}

/* ---- writers ---- */

/** The slots of one kind in a full set. */
typedef struct kind_t {
    int number, oldest;
    apr_uint64_t oldest_at;
} kind_t;

/* An empty or expired slot, else the oldest. Values and marks (gt_slots_add) make room for their
 * own kind: a value that went is asked for anew, a mark that went lets through once more what it
 * stood against. Half a set at the most is kept for marks. */
static int choose(gt_slots_t *slots, set_t *set, int is_mark)
{
    kind_t kinds[2] = {{0, 0, APR_UINT64_MAX}, {0, 0, APR_UINT64_MAX}};
    const kind_t *values = &kinds[0], *marks = &kinds[1];

    for (int way = 0; way < WAYS; way++) {
        const slot_t *slot = slot_at(slots, set, way);
        kind_t *kind = &kinds[load(&slot->len) == 0];

        if (load(&set->tags[way]) == 0 || !is_live(slot))
            return way;
        kind->number++;
        if (load(&slot->stored) < kind->oldest_at) {
            kind->oldest_at = load(&slot->stored);
            kind->oldest = way;
        }
    }
    count(slots, EVICTED);
    return marks->number + is_mark > WAYS / 2 ? marks->oldest : values->oldest;
}

static void enter(gt_slots_t *slots, set_t *set, const name_t *name, const gt_slot_item_t *item)
{
    int way = find(slots, set, name);

    fill(slots, set, way >= 0 ? way : choose(slots, set, item->len == 0), name, item);
    count(slots, STORED);
}

static int is_outranked(const gt_slots_t *slots, set_t *set, const name_t *name, apr_int64_t rank)
{
    int way = find(slots, set, name);
    const slot_t *slot = way >= 0 ? slot_at(slots, set, way) : NULL;

    return slot != NULL && is_live(slot) && (apr_int64_t)load(&slot->rank) > rank;
}

int gt_slots_put(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES],
                 const gt_slot_item_t *item)
{
    name_t name = name_of(key);
    set_t *set = set_of(slots, &name);
    apr_uint64_t mine;
    int is_stored;

    if (item->len > slots->slot_bytes) {
        count(slots, TOO_LARGE);
        gt_slots_remove(slots, key);
        return 0;
    }
    mine = take(slots, set, PUT_PATIENCE);
    if (!mine)
        return 0;
    is_stored = !is_outranked(slots, set, &name, item->rank);
    if (is_stored)
        enter(slots, set, &name, item);
    give_back(set, mine);
    return is_stored;
}

int gt_slots_remove(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES])
{
    name_t name = name_of(key);
    set_t *set = set_of(slots, &name);
    apr_uint64_t mine = take(slots, set, LONG_PATIENCE);
    int way = find(slots, set, &name);

    /* Without the mark too: a revoked token must go, a slot torn by that is only a miss. */
    if (way >= 0)
        empty(slots, set, way);
    if (mine)
        give_back(set, mine);
    return way >= 0;
}

int gt_slots_add(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES], apr_time_t expires)
{
    gt_slot_item_t item = {NULL, 0, expires, 0};
    name_t name = name_of(key);
    set_t *set = set_of(slots, &name);
    apr_uint64_t mine = take(slots, set, LONG_PATIENCE);
    int way, is_first;

    if (!mine)
        return -1;
    way = find(slots, set, &name);
    is_first = way < 0 || !is_live(slot_at(slots, set, way));
    if (is_first)
        enter(slots, set, &name, &item);
    give_back(set, mine);
    return is_first;
}

/* ---- figures ---- */

static apr_int64_t total(gt_slots_t *slots, figure_t figure)
{
    apr_uint64_t sum = 0;

    for (int i = 0; i < STRIPES; i++)
        sum += load(&slots->head->stripes[i].count[figure]);
    return (apr_int64_t)sum;
}

static apr_int64_t used(gt_slots_t *slots)
{
    apr_int64_t sum = 0;

    for (apr_uint64_t i = 0; i < slots->set_count; i++) {
        set_t *set = &slots->sets[i];

        for (int way = 0; way < WAYS; way++)
            sum += load(&set->tags[way]) != 0 && is_live(slot_at(slots, set, way));
    }
    return sum;
}

void gt_slots_figures(gt_slots_figures_t *figures, gt_slots_t *slots)
{
    figures->hits = total(slots, HITS);
    figures->misses = total(slots, MISSES);
    figures->stored = total(slots, STORED);
    figures->too_large = total(slots, TOO_LARGE);
    figures->evicted = total(slots, EVICTED);
    figures->healed = total(slots, HEALED);
    figures->used = used(slots);
    figures->slots = (apr_int64_t)slots->set_count * WAYS;
}
