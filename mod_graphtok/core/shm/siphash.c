/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file siphash.c
 * SipHash-2-4 after the paper: four words of state, two rounds for each eight bytes of input, four
 * at the end. The variant with 128 bits of result differs in two constants and a second end.
 */

#include "shm/siphash.h"

typedef struct state_t {
    apr_uint64_t v0, v1, v2, v3;
} state_t;

static inline apr_uint64_t rotate(apr_uint64_t word, int bits)
{
    return (word << bits) | (word >> (64 - bits));
}

static inline apr_uint64_t read_word(const unsigned char *bytes, apr_size_t len)
{
    apr_uint64_t word = 0;

    for (apr_size_t i = 0; i < len; i++)
        word |= (apr_uint64_t)bytes[i] << (8 * i);
    return word;
}

static inline void rounds(state_t *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static inline void take(state_t *s, apr_uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

static void take_all(state_t *s, const gt_sip_key_t *key, const void *bytes, apr_size_t len)
{
    const unsigned char *at = bytes;
    apr_size_t rest = len & 7;

    s->v0 = key->half[0] ^ 0x736f6d6570736575ULL;
    s->v1 ^= key->half[1] ^ 0x646f72616e646f6dULL;
    s->v2 = key->half[0] ^ 0x6c7967656e657261ULL;
    s->v3 = key->half[1] ^ 0x7465646279746573ULL;
    for (const unsigned char *end = at + (len - rest); at < end; at += 8)
        take(s, read_word(at, 8));
    take(s, ((apr_uint64_t)(len & 0xFF) << 56) | read_word(at, rest));
}

static inline apr_uint64_t end_word(const state_t *s)
{
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

gt_sip_key_t gt_sip_key(const unsigned char bytes[16])
{
    gt_sip_key_t key = {{read_word(bytes, 8), read_word(bytes + 8, 8)}};

    return key;
}

apr_uint64_t gt_siphash64(const gt_sip_key_t *key, const void *bytes, apr_size_t len)
{
    state_t s = {0, 0, 0, 0};

    take_all(&s, key, bytes, len);
    s.v2 ^= 0xFF;
    rounds(&s, 4);
    return end_word(&s);
}

static void put_word(unsigned char *bytes, apr_uint64_t word)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(word >> (8 * i));
}

void gt_siphash128(unsigned char hash[16], const gt_sip_key_t *key, const void *bytes,
                   apr_size_t len)
{
    state_t s = {0, 0xEE, 0, 0};

    take_all(&s, key, bytes, len);
    s.v2 ^= 0xEE;
    rounds(&s, 4);
    put_word(hash, end_word(&s));
    s.v1 ^= 0xDD;
    rounds(&s, 4);
    put_word(hash + 8, end_word(&s));
}
