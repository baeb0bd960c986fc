/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CHAIN_H
#define GT_CHAIN_H

/**
 * @file chain.h
 * The chains that tie audit records together. Each process that writes has a chain of its own: a
 * random id, numbers from 0, and in each record the MAC of the one before. One chain for all would
 * need a lock that every token waits for, would stand between two files while a graceful restart
 * changes them, and would be broken by a process killed between its record and the common head.
 *
 * The end of a chain proves nothing by itself: cut off, it looks like a process that stopped. So
 * the last record of each chain (its head) stands in memory that all processes share, and other
 * processes record the heads that they see there ("mark" and "start" records): a head that a record
 * names must be in the file. Each process writes its own place in that memory, without a lock: a
 * process killed at any instruction leaves a head that is one record behind, which is true as well.
 */

#include "crypt/keyring.h"

#define GT_CHAIN_MAC 32  /* hex digits: 128 bits of HMAC-SHA-256 */
#define GT_CHAIN_TEXT 80 /* room for gt_head_print */

/** The last record of a chain. */
typedef struct gt_head_t {
    apr_uint64_t chain; /* 0: none */
    apr_uint64_t seq;
    apr_uint64_t mac[2];
} gt_head_t;

/** The key of a chain. The function that holds it wipes it. */
typedef struct gt_chain_key_t {
    unsigned char key[GT_KEY_BYTES];
    const char *id; /* of the key it is derived from; NULL: no key, SHA-256 alone */
} gt_chain_key_t;

/**
 * The key for new records, or for reading those of `id`.
 * @param ring  NULL: there is none
 * @param id    NULL: for writing, the ring's first key
 * @return 0 when the ring has no such key
 */
GT_MUST int gt_chain_key(gt_chain_key_t *key, const gt_keyring_t *ring, const char *id);

/** MAC of a record up to its own MAC, which holds the MAC of the one before. */
void gt_chain_mac(gt_head_t *head, const gt_chain_key_t *key, const void *bytes, apr_size_t len);

/** "<chain>:<number>:<mac>", and back. */
void gt_head_print(char text[GT_CHAIN_TEXT], const gt_head_t *head);
GT_MUST int gt_head_parse(gt_head_t *head, const char *text);

/**
 * The head in a line of the audit. Nothing in the line is verified: any process that can write the
 * file may have made it.
 * @return 0 when it is no record
 */
GT_MUST int gt_head_of_line(gt_head_t *head, const char *line);

/** A process's place in the shared memory. */
typedef struct gt_head_place_t gt_head_place_t;

/** Bytes of the memory. Zeroed it is ready. */
apr_size_t gt_heads_size(void);

/**
 * Claim a place, a free one or a dead process's.
 * @param before  the head of its former owner; chain 0: there was none
 * @return NULL when all are taken: no other process then names this chain's head
 */
gt_head_place_t *gt_heads_claim(void *memory, gt_head_t *before);

/** The owner's new head. One thread at a time. */
void gt_head_set(gt_head_place_t *place, const gt_head_t *head);

/** The owner's head needs not be told by gt_heads_moved. */
void gt_head_told(gt_head_place_t *place);

/** Give the place back; its head stays for the next one. */
void gt_head_release(gt_head_place_t *place);

/** 1 for one caller every `span` µs: it is time to mark. */
int gt_heads_due(void *memory, apr_interval_time_t span);

/**
 * Heads that moved since they were last taken by this.
 * @param from  place to begin at; out: where to go on
 * @return how many, at most `most`; 0: no more
 */
int gt_heads_moved(gt_head_t *heads, int most, int *from, void *memory);

#endif
