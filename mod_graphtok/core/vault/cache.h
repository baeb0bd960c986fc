/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CACHE_H
#define GT_CACHE_H

/**
 * @file cache.h
 * Access tokens in shared memory, sealed with a key that exists only in this server's memory. The
 * slot's key is SipHash-128, with a key of its own, of store, provider, user and resource; the same
 * four are the associated data. Beside tokens it keeps short-lived texts, sealed likewise.
 * Thread-safe, lock-free for readers. All functions but gt_cache_make take a cache of NULL for one
 * that keeps nothing: the command line has none.
 */

#include "crypt/aead.h"
#include "shm/slots.h"
#include "vault/access_token.h"

#define GT_CACHE_KEY_BYTES 32

/** @param key made by the parent, inherited; never on disk */
gt_cache_t *gt_cache_make(gt_slots_t *slots, const unsigned char key[GT_CACHE_KEY_BYTES],
                          apr_interval_time_t longest, apr_pool_t *p);

/** 1 when there is a token that has not expired; 0 otherwise (and for anything damaged). */
int gt_cache_get(gt_token_t *token, gt_cache_t *cache, const gt_token_key_t *key, apr_pool_t *p);

/** Put; too large is counted and simply not cached. A value of an older generation does not replace
 * a newer one that is there. */
void gt_cache_put(gt_cache_t *cache, const gt_token_key_t *key, const gt_token_t *token);

/** Forget, in every process of this machine. */
void gt_cache_forget(gt_cache_t *cache, const gt_token_key_t *key);

/** Keep a text, of any length, for `span` µs under a name that cannot be guessed.
 * @return 1 kept (until then, or until its room is needed), 0 not */
int gt_cache_keep_text(gt_cache_t *cache, const char *name, const char *text,
                       apr_interval_time_t span);

/** A text that was kept, in `p`; NULL when it is not there any more. */
const char *gt_cache_text(gt_cache_t *cache, const char *name, apr_pool_t *p);

/** Forget a text, in every process of this machine. */
void gt_cache_forget_text(gt_cache_t *cache, const char *name);

/** Remember for `span` that a one-time text (a state) was used: 1 first time, 0 used before
 * (or not to be remembered, which is refused as well). */
int gt_cache_once(gt_cache_t *cache, const char *text, apr_interval_time_t span);

/**
 * Claim, among all processes of this machine, the right to fetch a token.
 * @param span  after it the claim is over, also when its process died
 * @return 1 it is ours (also where there is no room for a claim, or no cache), 0 another one has it
 */
int gt_cache_claim(gt_cache_t *cache, const gt_token_key_t *key, apr_interval_time_t span);

/** End the claim. */
void gt_cache_end_claim(gt_cache_t *cache, const gt_token_key_t *key);

#endif
