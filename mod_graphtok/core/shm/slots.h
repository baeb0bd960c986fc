/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SLOTS_H
#define GT_SLOTS_H

/**
 * @file slots.h
 * Fixed slots in memory that processes share. Set-associative: a key's hash names a set of 8 slots.
 * Readers take no lock: each slot has a sequence number (seqlock with C11 atomics, payload as
 * relaxed 64-bit words). A writer takes a slot by CAS of the sequence to odd, with its pid and a
 * monotonic stamp; a writer killed at any instruction leaves an odd sequence, which the next writer
 * takes over once the owner is gone or the stamp is old. No pointer is stored in the segment. The
 * contents are the caller's; gt_cache seals them first. Everything read back is bounded and
 * checked: a damaged slot is a miss.
 *
 * Plain memory in, plain memory out: the caller maps the segment (anonymous, MADV_DONTDUMP).
 */

#include "gt.h"

typedef struct gt_slots_t gt_slots_t; /* process-local view of a segment */

#define GT_SLOT_KEY_BYTES 16 /* a keyed hash of the real key */

/** Bytes a segment needs for `slots` slots (rounded up to whole sets) of `slot_bytes` payload. */
apr_size_t gt_slots_size(apr_int64_t slots, apr_int64_t slot_bytes);

/**
 * Use a segment; a fresh (zeroed) one is formatted, one of the same shape is taken as it is.
 * @param memory  8-byte aligned at least; stays mapped as long as the view
 * @return NULL when it holds another shape: make a new segment
 */
gt_slots_t *gt_slots_open(void *memory, apr_size_t size, apr_int64_t slots, apr_int64_t slot_bytes,
                          apr_pool_t *p);

/**
 * Look up. Lock-free; gives up (miss) after some tries beside a busy writer.
 * @param value    at least slot_bytes of room
 * @param len      out: its length
 * @param expires  out: monotonic time given with it
 * @return 1 found and not expired, 0 not
 */
int gt_slots_get(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES],
                 unsigned char *value, apr_size_t *len, apr_time_t *expires);

/**
 * Store, replacing the key's old value; evicts an expired or the oldest slot of the set.
 * @param expires  gt_ticks() from when on it is gone
 * @return 1 stored; 0 too large, or all slots of the set are being written (counted either way)
 */
int gt_slots_put(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES],
                 const unsigned char *value, apr_size_t len, apr_time_t expires);

/** Forget a key; 1 when it was there. Waits for a live writer of that slot (µs), heals a dead
 * one's. */
int gt_slots_remove(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES]);

/** Store only when the key is not there (states used once): 1 we were first, 0 it was there, -1 it
 * could not be stored. Two callers at once: exactly one gets 1. */
int gt_slots_add(gt_slots_t *slots, const unsigned char key[GT_SLOT_KEY_BYTES], apr_time_t expires);

/** Counters since the segment was made, and how many slots are in use now. */
typedef struct gt_slots_figures_t {
    apr_int64_t hits, misses, stored, too_large, evicted, healed, used, slots;
} gt_slots_figures_t;

void gt_slots_figures(gt_slots_figures_t *figures, gt_slots_t *slots);

#endif
