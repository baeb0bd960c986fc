/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REMEMBERED_H
#define GT_REMEMBERED_H

/**
 * @file remembered.h
 * Tokens whose signature was verified before, in memory that all children share: hashes, and
 * nothing that a token could be made of. An entry's name is a keyed hash of the token, the rules of
 * its issuer and the set of keys, so that other keys, or other rules, have no entry of it. Only the
 * signature is remembered: claims and times are judged each time. Thread-safe, lock-free for
 * readers; a NULL gt_remembered_t remembers nothing.
 */

#include "crypt/key_set.h"
#include "shm/slots.h"

typedef struct gt_remembered_t gt_remembered_t;

/** Bytes of a slot's payload, for gt_slots_open. */
#define GT_REMEMBERED_BYTES 16

/** Bytes of the digests of rules and keys. */
#define GT_DIGEST_BYTES 32

/** The rules and keys that verified a token. */
typedef struct gt_remembered_by_t {
    const unsigned char *issuer; /* GT_DIGEST_BYTES: of the configuration */
    const unsigned char *keys;   /* GT_DIGEST_BYTES: gt_key_set_digest */
} gt_remembered_by_t;

/** The name by which a token is remembered. */
typedef struct gt_remembered_name_t {
    unsigned char hash[GT_DIGEST_BYTES];
    int is_made; /* 0: nothing is remembered by it */
} gt_remembered_name_t;

/** @param key  32 bytes, made by the parent, inherited; never on disk; copied */
gt_remembered_t *gt_remembered_make(gt_slots_t *slots, const unsigned char key[32], apr_pool_t *p);

/** 1 when the token's signature was verified before by the same. @param name  out: of the token */
int gt_remembered_has(gt_remembered_name_t *name, gt_remembered_t *remembered,
                      const gt_secret_t *token, const gt_remembered_by_t *by);

/** Remember it for `span` µs, or until its room is needed; not above 0: it is not remembered. */
void gt_remembered_keep(gt_remembered_t *remembered, const gt_remembered_name_t *name,
                        apr_interval_time_t span);

#endif
