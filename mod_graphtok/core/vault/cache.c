/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file cache.c
 * A cached token is one slot: nonce, then sealed { access token, scope, tail }. The tail has a
 * fixed size and stands last, so that opening needs no second copy: the token is the front of what
 * was opened. The slot's key is a keyed hash of store, provider, user and resource; the same four
 * are the associated data, so not even a collision of hashes could serve one user's token to
 * another.
 */

#include "vault/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/pool.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/seal.h"
#include "shm/siphash.h"

#define NAME_MAX_BYTES 1024
#define NEAR_BYTES 8192 /* slots up to this size, 6 KiB as a rule, are copied to the stack */
#define OVERHEAD (GT_NONCE_BYTES + GT_TAG_BYTES)

/* The first byte of a name says what kind it is of. */
#define KIND_TOKEN 1
#define KIND_ONCE 2
#define KIND_TEXT 3
#define KIND_CLAIM 4

/* A text's piece begins with one of these; a text has 64 pieces at most. */
#define PIECE_LAST 'l'
#define PIECE_MORE 'm'
#define PIECES 64

struct gt_cache_t {
    gt_slots_t *slots;
    unsigned char seal_key[32];
    gt_sip_key_t name_key;
    apr_interval_time_t longest;
};

/** The end of a clear value; never leaves this machine, so host order. */
typedef struct tail_t {
    apr_int64_t expires_at;
    apr_int64_t generation;
    apr_int64_t margin;
    apr_int64_t scope_len;
} tail_t;

/** The name of a slot. */
typedef struct name_t {
    unsigned char bytes[NAME_MAX_BYTES];
    apr_size_t len;
    unsigned char key[GT_SLOT_KEY_BYTES];
} name_t;

gt_cache_t *gt_cache_make(gt_slots_t *slots, const unsigned char key[GT_CACHE_KEY_BYTES],
                          apr_interval_time_t longest, apr_pool_t *p)
{
    gt_cache_t *cache = apr_pcalloc(p, sizeof(*cache));
    static const char seal_for[] = "graphtok cache: seal";
    static const char name_for[] = "graphtok cache: name";
    unsigned char name_key[16];

    gt_wipe_with_pool(cache, sizeof(*cache), p);
    gt_hkdf(cache->seal_key, sizeof(cache->seal_key), key, GT_CACHE_KEY_BYTES, NULL, 0, seal_for,
            sizeof(seal_for) - 1);
    gt_hkdf(name_key, sizeof(name_key), key, GT_CACHE_KEY_BYTES, NULL, 0, name_for,
            sizeof(name_for) - 1);
    cache->slots = slots;
    cache->name_key = gt_sip_key(name_key);
    OPENSSL_cleanse(name_key, sizeof(name_key));
    cache->longest = longest;
    return cache;
}

/* ---- names ---- */

/* Length first: no two lists of texts make the same bytes. */
static int name_add(name_t *name, const char *text)
{
    apr_size_t len = strlen(text);

    if (len > 0xFFFF || len + 2 > sizeof(name->bytes) - name->len)
        return 0;
    name->bytes[name->len++] = (unsigned char)(len >> 8);
    name->bytes[name->len++] = (unsigned char)len;
    memcpy(name->bytes + name->len, text, len);
    name->len += len;
    return 1;
}

static void name_begin(name_t *name, int kind)
{
    name->bytes[0] = (unsigned char)kind;
    name->len = 1;
}

/* 0: longer than any name we give out; a value of such a name is not cached. */
static int name_key(name_t *name, int kind, const gt_cache_t *cache, const gt_token_key_t *key)
{
    const gt_owner_t *owner = &key->grant.owner;

    name_begin(name, kind);
    if (!name_add(name, key->grant.store) || !name_add(name, owner->provider) ||
        !name_add(name, owner->user) ||
        !name_add(name, key->resource != NULL ? key->resource : GT_RESOURCE_GRAPH))
        return 0;
    gt_siphash128(name->key, &cache->name_key, name->bytes, name->len);
    return 1;
}

static int name_token(name_t *name, const gt_cache_t *cache, const gt_token_key_t *key)
{
    return name_key(name, KIND_TOKEN, cache, key);
}

/* ---- reading ---- */

/* Take an opened value apart. We wrote it, yet its lengths are checked against its size. */
static int unpack(gt_token_t *token, gt_secret_t *clear, apr_pool_t *p)
{
    const unsigned char *bytes = gt_secret_bytes(clear);
    apr_size_t len = gt_secret_len(clear);
    apr_size_t access_len;
    tail_t tail;

    if (len < sizeof(tail))
        return 0;
    len -= sizeof(tail);
    memcpy(&tail, bytes + len, sizeof(tail));
    if (tail.scope_len < 0 || (apr_uint64_t)tail.scope_len > len || tail.expires_at <= gt_now())
        return 0;
    access_len = len - (apr_size_t)tail.scope_len;
    token->scope = apr_pstrmemdup(p, (const char *)bytes + access_len, (apr_size_t)tail.scope_len);
    token->expires_at = tail.expires_at;
    token->generation = tail.generation;
    token->margin = tail.margin;
    token->access = clear;
    gt_secret_cut(clear, access_len);
    return 1;
}

/* By way of `sealed`, which has room for a whole slot. */
static gt_secret_t *open_by(unsigned char *sealed, gt_cache_t *cache, const name_t *name,
                            apr_pool_t *p)
{
    apr_size_t len;
    apr_time_t expires;
    gt_secret_t *clear;

    if (!gt_slots_get(cache->slots, name->key, sealed, &len, &expires) || len < OVERHEAD)
        return NULL;
    clear = gt_secret_blank(len - OVERHEAD, p);
    return gt_aead_open(gt_secret_bytes(clear), cache->seal_key, sealed, name->bytes, name->len,
                        sealed + GT_NONCE_BYTES, len - GT_NONCE_BYTES)
               ? clear
               : NULL;
}

/* The clear value of a slot; NULL when there is none that opens. Only the value is in the pool,
 * which as a rule is that of a request that waits for its answer. */
static gt_secret_t *open_slot(gt_cache_t *cache, const name_t *name, apr_pool_t *p)
{
    apr_size_t room = gt_slots_room(cache->slots);
    unsigned char near[NEAR_BYTES];
    unsigned char *sealed = room <= sizeof(near) ? near : malloc(room);
    gt_secret_t *clear = sealed != NULL ? open_by(sealed, cache, name, p) : NULL;

    if (sealed != near)
        free(sealed);
    return clear;
}

int gt_cache_get(gt_token_t *token, gt_cache_t *cache, const gt_token_key_t *key, apr_pool_t *p)
{
    gt_secret_t *clear;
    name_t name;

    if (cache == NULL || !name_token(&name, cache, key))
        return 0;
    clear = open_slot(cache, &name, p);
    return clear != NULL && unpack(token, clear, p);
}

/* ---- writing ---- */

static gt_secret_t *pack(const gt_token_t *token, apr_pool_t *p)
{
    const char *scope = token->scope != NULL ? token->scope : "";
    apr_size_t access_len = gt_secret_len(token->access);
    apr_size_t scope_len = strlen(scope);
    tail_t tail = {token->expires_at, token->generation, token->margin, (apr_int64_t)scope_len};
    gt_secret_t *clear = gt_secret_blank(access_len + scope_len + sizeof(tail), p);
    unsigned char *at = gt_secret_bytes(clear);

    memcpy(at, gt_secret_text(token->access), access_len);
    memcpy(at + access_len, scope, scope_len);
    memcpy(at + access_len + scope_len, &tail, sizeof(tail));
    return clear;
}

/* Seal a value into its slot; 0: it is not stored, and the slots count why. */
static int seal_slot(gt_cache_t *cache, const name_t *name, const gt_secret_t *clear,
                     gt_slot_item_t item, apr_pool_t *p)
{
    apr_size_t len = gt_secret_len(clear);
    unsigned char *sealed = apr_palloc(p, len + OVERHEAD);

    item.value = sealed;
    item.len = len + OVERHEAD;
    gt_random(sealed, GT_NONCE_BYTES);
    return gt_aead_seal(sealed + GT_NONCE_BYTES, cache->seal_key, sealed, name->bytes, name->len,
                        gt_secret_text(clear), len) &&
           gt_slots_put(cache->slots, name->key, &item);
}

static void put(gt_cache_t *cache, const name_t *name, const gt_token_t *token, apr_pool_t *p)
{
    apr_interval_time_t stay = token->expires_at - gt_now();
    gt_slot_item_t item = {NULL, 0, 0, token->generation};

    if (stay > cache->longest)
        stay = cache->longest;
    item.expires = gt_ticks() + stay;
    (void)seal_slot(cache, name, pack(token, p), item, p);
}

void gt_cache_put(gt_cache_t *cache, const gt_token_key_t *key, const gt_token_t *token)
{
    apr_pool_t *p;
    name_t name;

    assert(token->access != NULL);
    if (cache == NULL || !name_token(&name, cache, key) || token->expires_at <= gt_now())
        return;
    p = gt_pool_make(NULL, "gt_cache");
    put(cache, &name, token, p);
    apr_pool_destroy(p);
}

void gt_cache_forget(gt_cache_t *cache, const gt_token_key_t *key)
{
    name_t name;

    if (cache != NULL && name_token(&name, cache, key))
        gt_slots_remove(cache->slots, name.key);
}

/* ---- claims ---- */

int gt_cache_claim(gt_cache_t *cache, const gt_token_key_t *key, apr_interval_time_t span)
{
    name_t name;

    return cache == NULL || !name_key(&name, KIND_CLAIM, cache, key) ||
           gt_slots_add(cache->slots, name.key, gt_ticks() + span) != 0;
}

void gt_cache_end_claim(gt_cache_t *cache, const gt_token_key_t *key)
{
    name_t name;

    if (cache != NULL && name_key(&name, KIND_CLAIM, cache, key))
        gt_slots_remove(cache->slots, name.key);
}

/* ---- texts ---- */

static int name_piece(name_t *name, const gt_cache_t *cache, const char *text, int piece)
{
    char number[2] = {(char)('0' + piece), '\0'};

    name_begin(name, KIND_TEXT);
    if (piece >= PIECES || !name_add(name, text) || !name_add(name, number))
        return 0;
    gt_siphash128(name->key, &cache->name_key, name->bytes, name->len);
    return 1;
}

static int keep_pieces(gt_cache_t *cache, const char *name, const char *text, apr_time_t expires,
                       apr_pool_t *p)
{
    apr_size_t most = gt_slots_room(cache->slots) - OVERHEAD - 1;
    apr_size_t left = strlen(text);
    int piece = 0, is_kept = 1;

    do {
        apr_size_t len = left < most ? left : most;
        gt_secret_t *clear = gt_secret_blank(len + 1, p);
        name_t of_piece;

        gt_secret_bytes(clear)[0] = len < left ? PIECE_MORE : PIECE_LAST;
        memcpy(gt_secret_bytes(clear) + 1, text, len);
        is_kept = name_piece(&of_piece, cache, name, piece++) &&
                  seal_slot(cache, &of_piece, clear, (gt_slot_item_t){NULL, 0, expires, 0}, p);
        text += len;
        left -= len;
    } while (is_kept && left > 0);
    return is_kept;
}

int gt_cache_keep_text(gt_cache_t *cache, const char *name, const char *text,
                       apr_interval_time_t span)
{
    apr_pool_t *p;
    int is_kept;

    if (cache == NULL)
        return 0;
    p = gt_pool_make(NULL, "gt_cache");
    is_kept = keep_pieces(cache, name, text, gt_ticks() + span, p);
    apr_pool_destroy(p);
    return is_kept;
}

const char *gt_cache_text(gt_cache_t *cache, const char *name, apr_pool_t *p)
{
    const char *text = "";
    int piece = 0;

    if (cache == NULL)
        return NULL;
    for (;;) {
        gt_secret_t *clear = NULL;
        name_t of_piece;

        if (name_piece(&of_piece, cache, name, piece++))
            clear = open_slot(cache, &of_piece, p);
        if (clear == NULL || gt_secret_len(clear) < 1)
            return NULL;
        text = apr_pstrcat(p, text, gt_secret_text(clear) + 1, NULL);
        if (gt_secret_text(clear)[0] == PIECE_LAST)
            return text;
    }
}

void gt_cache_forget_text(gt_cache_t *cache, const char *name)
{
    name_t of_piece;

    if (cache != NULL && name_piece(&of_piece, cache, name, 0))
        gt_slots_remove(cache->slots, of_piece.key);
}

int gt_cache_once(gt_cache_t *cache, const char *text, apr_interval_time_t span)
{
    name_t name;

    name_begin(&name, KIND_ONCE);
    if (cache == NULL || !name_add(&name, text))
        return 0;
    gt_siphash128(name.key, &cache->name_key, name.bytes, name.len);
    return gt_slots_add(cache->slots, name.key, gt_ticks() + span) == 1;
}
