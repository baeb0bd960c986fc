/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Shared memory that another process wrote: slots, limits and the token cache on top of it must
 * neither crash, nor write beyond the segment, nor hand out what is not sealed. The input is laid
 * over a formatted segment, from its second word on, again and again to its end.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "shm/limit.h"
#include "vault/cache.h"

#define ROOM 128
#define SLOTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static apr_time_t ticks;

/* Runs fast, so that no mark in the memory looks young for long. */
static apr_time_t run_fast(void)
{
    return ticks += apr_time_from_msec(500);
}

static void lay_over(void *memory, apr_size_t memory_size, const uint8_t *data, size_t size)
{
    unsigned char *base = (unsigned char *)memory + 8;
    apr_size_t room = memory_size - 8;

    for (apr_size_t at = 0; at < room; at += size)
        memcpy(base + at, data, room - at < size ? room - at : size);
}

/* Exactly as long as said, so that a sanitizer sees the first byte too many. */
static void *fresh(apr_size_t size)
{
    void *memory = aligned_alloc(64, size);

    if (!memory)
        abort();
    memset(memory, 0, size);
    return memory;
}

static void use_slots(gt_slots_t *slots, const uint8_t *data, size_t size)
{
    unsigned char key[GT_SLOT_KEY_BYTES] = {0};
    unsigned char *value = malloc(ROOM);
    gt_slot_item_t item = {data, size < ROOM ? size : ROOM, ticks + apr_time_from_sec(3600), 0};
    gt_slots_figures_t figures;
    apr_size_t len;
    apr_time_t expires;

    for (size_t at = 0; at + sizeof(key) <= size && at < 512; at += 8) {
        memcpy(key, data + at, sizeof(key));
        if (gt_slots_get(slots, key, value, &len, &expires) && len > ROOM)
            abort();
        gt_slots_put(slots, key, &item);
        gt_slots_remove(slots, key);
        gt_slots_add(slots, key, item.expires);
    }
    gt_slots_figures(&figures, slots);
    if (figures.used < 0 || figures.used > figures.slots)
        abort();
    free(value);
}

static void use_cache(gt_slots_t *slots, apr_pool_t *p)
{
    static const unsigned char key[GT_CACHE_KEY_BYTES] = {1};
    gt_cache_t *cache = gt_cache_make(slots, key, apr_time_from_sec(300), p);
    const gt_token_key_t toms = {{"main", {"tom", "microsoft"}}, NULL};
    gt_token_t cached = {gt_secret_from("token", p), gt_now() + apr_time_from_sec(3600), 1, "", 1};
    gt_token_t back;

    if (gt_cache_get(&back, cache, &toms, p))
        abort();
    gt_cache_put(cache, &toms, &cached);
    if (gt_cache_get(&back, cache, &toms, p) && !gt_secret_equal(back.access, cached.access))
        abort();
}

static void use_limits(gt_limits_t *limits)
{
    gt_limit_t limit = {3, apr_time_from_sec(3600)};
    gt_limit_answer_t answer;
    int allowed = 0;

    for (int i = 0; i < 20; i++) {
        gt_limit_check(&answer, limits, &limit, "tom", 3);
        if (answer.retry_after < 0 || answer.retry_after > limit.span || answer.remaining < 0 ||
            answer.remaining >= limit.count)
            abort();
        allowed += answer.allowed;
    }
    if (allowed > 3)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_size_t slots_size = gt_slots_size(SLOTS, ROOM);
    apr_size_t limits_size = gt_limits_size(SLOTS);
    void *slots_memory, *limits_memory;
    gt_limits_t *limits;
    gt_slots_t *slots;
    apr_pool_t *p;

    if (size == 0)
        return 0;
    apr_pool_create(&p, NULL);
    gt_clock_set(NULL, run_fast);
    slots_memory = fresh(slots_size);
    limits_memory = fresh(limits_size);
    slots = gt_slots_open(slots_memory, slots_size, SLOTS, ROOM, p);
    lay_over(slots_memory, slots_size, data, size);
    use_slots(slots, data, size);
    lay_over(slots_memory, slots_size, data, size);
    use_cache(slots, p);
    limits = gt_limits_open(limits_memory, limits_size, SLOTS, p);
    lay_over(limits_memory, limits_size, data, size);
    /* Opened before and after: the secret may be anything. */
    use_limits(limits);
    use_limits(gt_limits_open(limits_memory, limits_size, SLOTS, p));
    free(slots_memory);
    free(limits_memory);
    gt_clock_set(NULL, NULL);
    apr_pool_destroy(p);
    return 0;
}
