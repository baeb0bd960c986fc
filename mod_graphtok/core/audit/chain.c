/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file chain.c
 * The shared memory with the heads of all chains, and the texts of heads. A process's place is
 * written by that process alone and read by all: a number that is odd during a write tells readers
 * to skip the place. All words are atomic, in order; this is memory touched a few times a second.
 */

#include "audit/chain.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/text.h"

#define PLACES 1024
#define KEY_FOR "graphtok/1/audit"

typedef _Atomic apr_uint64_t word_t;

struct gt_head_place_t {
    word_t pid;  /* 0: the place is free */
    word_t turn; /* odd: being written */
    word_t chain, seq, mac[2];
    word_t marked; /* chain and number of the head that gt_heads_moved last told */
    word_t spare;  /* a place is one cache line */
};

typedef struct heads_t {
    word_t marked_at; /* gt_ticks() */
    word_t spare[7];
    gt_head_place_t places[PLACES];
} heads_t;

/* ---- keys and texts ---- */

int gt_chain_key(gt_chain_key_t *key, const gt_keyring_t *ring, const char *id)
{
    const apr_array_header_t *keys = ring != NULL ? gt_keyring_keys(ring) : NULL;

    memset(key, 0, sizeof(*key));
    for (int i = 0; keys != NULL && i < keys->nelts; i++) {
        const gt_key_t *one = APR_ARRAY_IDX(keys, i, const gt_key_t *);

        if (id != NULL && strcmp(id, one->id) != 0)
            continue;
        gt_key_derive(key->key, one, KEY_FOR);
        key->id = one->id;
        return 1;
    }
    return 0;
}

void gt_chain_mac(gt_head_t *head, const gt_chain_key_t *key, const void *bytes, apr_size_t len)
{
    unsigned char digest[32];
    unsigned size = sizeof(digest);

    if (key->id == NULL)
        gt_sha256(digest, bytes, len);
    else if (HMAC(EVP_sha256(), key->key, GT_KEY_BYTES, bytes, len, digest, &size) == NULL)
        memset(digest, 0, sizeof(digest)); /* no memory: a record that will not verify */
    for (int half = 0; half < 2; half++) {
        head->mac[half] = 0;
        for (int i = 0; i < 8; i++)
            head->mac[half] = head->mac[half] << 8 | digest[8 * half + i];
    }
}

void gt_head_print(char text[GT_CHAIN_TEXT], const gt_head_t *head)
{
    snprintf(text, GT_CHAIN_TEXT, "%016llx:%llu:%016llx%016llx", (unsigned long long)head->chain,
             (unsigned long long)head->seq, (unsigned long long)head->mac[0],
             (unsigned long long)head->mac[1]);
}

/* Each of these functions takes a piece from the begin of a text. It returns the end of the piece,
 * or NULL when the text does not begin with one, and NULL for NULL. */

static const char *take(const char *literal, const char *text)
{
    apr_size_t len = strlen(literal);

    return text != NULL && strncmp(text, literal, len) == 0 ? text + len : NULL;
}

/* 16 lower-case hex digits. */
static const char *take_hex(apr_uint64_t *number, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    *number = 0;
    for (int i = 0; text != NULL && i < 16; i++, text++) {
        const char *digit = *text != '\0' ? strchr(digits, *text) : NULL;

        if (digit == NULL)
            return NULL;
        *number = *number << 4 | (apr_uint64_t)(digit - digits);
    }
    return text;
}

static const char *take_mac(apr_uint64_t mac[2], const char *text)
{
    return take_hex(&mac[1], take_hex(&mac[0], text));
}

static const char *take_number(apr_uint64_t *number, const char *text)
{
    apr_size_t len = text != NULL ? strspn(text, "0123456789") : 0;
    apr_int64_t value;
    char digits[24];

    if (len == 0 || len >= sizeof(digits))
        return NULL;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!gt_number(&value, digits, 0, APR_INT64_MAX))
        return NULL;
    *number = (apr_uint64_t)value;
    return text + len;
}

int gt_head_parse(gt_head_t *head, const char *text)
{
    const char *at = take(":", take_hex(&head->chain, text));

    at = take(":", take_number(&head->seq, at));
    at = take_mac(head->mac, at);
    return at != NULL && *at == '\0';
}

int gt_head_of_line(gt_head_t *head, const char *line)
{
    static const char begin[] = ",\"chain\":\"";
    apr_uint64_t before[2];
    const char *at = NULL;

    /* Quotes within a value have a backslash before them, so the last one is the member. */
    for (const char *next = line; (next = strstr(next, begin)) != NULL; next++)
        at = next;
    at = take_hex(&head->chain, take(begin, at));
    at = take_number(&head->seq, take("\",\"seq\":", at));
    at = take_mac(before, take(",\"prev\":\"", at));
    at = take_mac(head->mac, take("\",\"mac\":\"", at));
    at = take("\"}", at);
    return at != NULL && *at == '\0';
}

/* ---- shared memory ---- */

apr_size_t gt_heads_size(void)
{
    return sizeof(heads_t);
}

static int is_alive(apr_uint64_t pid)
{
    return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

/* The head in a place; 0 when its owner is writing it, or died while it wrote. */
static int look(gt_head_t *head, gt_head_place_t *place)
{
    apr_uint64_t turn = atomic_load(&place->turn);

    *head = (gt_head_t){atomic_load(&place->chain),
                        atomic_load(&place->seq),
                        {atomic_load(&place->mac[0]), atomic_load(&place->mac[1])}};
    return turn % 2 == 0 && atomic_load(&place->turn) == turn;
}

gt_head_place_t *gt_heads_claim(void *memory, gt_head_t *before)
{
    heads_t *heads = memory;
    apr_uint64_t me = (apr_uint64_t)getpid();

    for (int i = 0; i < PLACES; i++) {
        gt_head_place_t *place = &heads->places[i];
        apr_uint64_t owner = atomic_load(&place->pid);

        if (owner != 0 && owner != me && is_alive(owner))
            continue;
        if (!atomic_compare_exchange_strong(&place->pid, &owner, me))
            continue;
        if (!look(before, place)) {
            before->chain = 0;
            atomic_fetch_add(&place->turn, 1);
        }
        return place;
    }
    before->chain = 0;
    return NULL;
}

void gt_head_set(gt_head_place_t *place, const gt_head_t *head)
{
    if (place == NULL)
        return;
    atomic_fetch_add(&place->turn, 1);
    atomic_store(&place->chain, head->chain);
    atomic_store(&place->seq, head->seq);
    atomic_store(&place->mac[0], head->mac[0]);
    atomic_store(&place->mac[1], head->mac[1]);
    atomic_fetch_add(&place->turn, 1);
}

/* A chain's numbers begin anew, so the mark holds the chain as well. */
static apr_uint64_t mark_of(const gt_head_t *head)
{
    return head->chain ^ (head->seq + 1);
}

void gt_head_told(gt_head_place_t *place)
{
    gt_head_t head;

    if (place != NULL && look(&head, place))
        atomic_store(&place->marked, mark_of(&head));
}

void gt_head_release(gt_head_place_t *place)
{
    if (place != NULL)
        atomic_store(&place->pid, 0);
}

int gt_heads_due(void *memory, apr_interval_time_t span)
{
    heads_t *heads = memory;
    apr_uint64_t last = atomic_load(&heads->marked_at), now = (apr_uint64_t)gt_ticks();

    return now - last >= (apr_uint64_t)span &&
           atomic_compare_exchange_strong(&heads->marked_at, &last, now);
}

int gt_heads_moved(gt_head_t *found, int most, int *from, void *memory)
{
    heads_t *heads = memory;
    int count = 0;

    for (; *from < PLACES && count < most; ++*from) {
        gt_head_place_t *place = &heads->places[*from];
        if (!look(&found[count], place) || found[count].chain == 0)
            continue;
        if (atomic_exchange(&place->marked, mark_of(&found[count])) != mark_of(&found[count]))
            count++;
    }
    return count;
}
