/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SIPHASH_H
#define GT_SIPHASH_H

/**
 * @file siphash.h
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), with 64 and with
 * 128 bits of result. A keyed hash for names of slots: without the key one cannot aim at a
 * slot. OpenSSL has it too, but setting up its context costs ten times the hash. Pure; thread-safe.
 */

#include "gt.h"

/** A secret of 128 bits. */
typedef struct gt_sip_key_t {
    apr_uint64_t half[2];
} gt_sip_key_t;

/** The key as the paper reads it: two little-endian words. */
gt_sip_key_t gt_sip_key(const unsigned char bytes[16]);

/** 64 bits. */
apr_uint64_t gt_siphash64(const gt_sip_key_t *key, const void *bytes, apr_size_t len);

/** 128 bits, as bytes. */
void gt_siphash128(unsigned char hash[16], const gt_sip_key_t *key, const void *bytes,
                   apr_size_t len);

#endif
