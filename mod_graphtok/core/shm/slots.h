/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SLOTS_H
#define GT_SLOTS_H

/**
 * @file slots.h
 * Fixed slots in memory that processes share. Set-associative: a key's hash names a set of 8
 * slots. Readers take no lock: each slot has a sequence number (seqlock with C11 atomics, payload
 * as relaxed 64-bit words). A writer takes the set by CAS of one word to its pid and a monotonic
 * stamp, then makes the slot's sequence odd while it writes; a writer killed at any instruction
 * leaves that word behind, and the next writer takes it over once the owner is gone or the stamp
 * is 2 s old, and empties the slot whose sequence is odd. No pointer is stored in the segment. The
 * contents are the caller's; gt_cache seals them first, so that even a writer stopped for those 2
 * s in the middle of a slot and continued later can make a miss, not a wrong answer. Everything
 * read back is bounded and checked: a damaged slot is a miss.
 *
 * Plain memory in, plain memory out: the caller maps the segment (anonymous, MADV_DONTDUMP). Safe
 * in any thread and process.
 */

#include "gt.h"

typedef struct gt_slots_t gt_slots_t; /* process-local view of a segment */

#define GT_SLOT_KEY_BYTES 16 /* a keyed hash of the real key */

/** Bytes a segment needs for `slots` slots (rounded up to whole sets) of `slot_bytes` payload; 0
 * when there can be no such segment (more than 2^31 slots, or a slot of more than 256 KiB). */
apr_size_t gt_slots_size(apr_int64_t slots, apr_int64_t slot_bytes);

/**
 * Use a segment; a fresh (zeroed) one is formatted, one of the same shape is taken as it is.
 * @param memory  8-byte aligned at least; stays mapped as long as the view
 * @return NULL when it holds another shape: make a new segment
 */
gt_slots_t *gt_slots_open(void *memory, apr_size_t size, apr_int64_t slots, apr_int64_t slot_bytes,
                          apr_pool_t *p);

/** The room a reader must bring: slot_bytes as it was opened. */
apr_size_t gt_slots_room(const gt_slots_t *slots);

/**
 * Look up. Lock-free; gives up (miss) after some tries beside a busy writer.
 * @param value    at least slot_bytes of room
 * @param len      out: its length
 * @param expires  out: monotonic time given with it
 * @return 1 found and not expired, 0 not
 */
int gt_slots_get(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES],
                 unsigned char *value, apr_size_t *len, apr_time_t *expires);

/** A value to be stored. */
typedef struct gt_slot_item_t {
    const unsigned char *value;
    apr_size_t len;     /* ≤ slot_bytes */
    apr_time_t expires; /* gt_ticks() from when on it is gone */
    apr_int64_t rank;   /* does not replace a live value of a higher rank under the same key */
} gt_slot_item_t;

/**
 * Store, replacing the key's old value; evicts an expired or the oldest value of the set.
 * @return 1 stored; 0 too large (counted; the key's old value is gone then), outranked, or the set
 *         was busy
 */
int gt_slots_put(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES],
                 const gt_slot_item_t *item);

/** Forget a key; 1 when it was there. Waits for a live writer of that set (µs), heals a dead
 * one's. */
int gt_slots_remove(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES]);

/** Store a mark only when the key is not there (states used once): 1 we were first, 0 it was there,
 * -1 it could not be stored. Two callers at once: exactly one gets 1. Values evict no mark, as long
 * as a set has no more than four. */
int gt_slots_add(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES], apr_time_t expires);

/** Counters since the segment was made, and how many slots are in use now. */
typedef struct gt_slots_figures_t {
    apr_int64_t hits, misses, stored, too_large, evicted, healed, used, slots;
} gt_slots_figures_t;

/** Add up the counters and count the slots in use: a walk over all sets, for pages of figures. */
void gt_slots_figures(gt_slots_figures_t *figures, gt_slots_t *slots);

#endif
