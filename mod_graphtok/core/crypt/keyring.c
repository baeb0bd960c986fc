/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The keys, by id and purpose. All subkeys are derived while the text is parsed, so that using
 * one is a look-up. Complaints name a line, never a word of it: a key in the wrong column would
 * be that word.
 *
 * Readers take no lock: they load the pointer to the present set. A set that was replaced is freed
 * when ten minutes are over; a reader is in it for some microseconds.
 */

#include "crypt/keyring.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/aead.h"

#define KEYS_MAX 256
#define READERS_AT_MOST apr_time_from_sec(600)
#define DERIVED_FOR "graphtok/1/keyring of another secret"
#define GUESSABLE 16 /* bytes */
#define ID_MAX 32
#define ANY_PURPOSE ((1U << GT_PURPOSES) - 1)

/* A key as it is kept; its public front comes first. */
typedef struct full_key_t {
    gt_key_t shown;
    unsigned char raw[GT_KEY_BYTES];
    unsigned char sub[GT_PURPOSES][GT_KEY_BYTES];
    unsigned char prk[GT_PURPOSES][GT_PRK_BYTES]; /* of sub */
} full_key_t;

/* Keys as one text had them. */
typedef struct set_t {
    apr_array_header_t *keys; /* of const gt_key_t *, each the front of a full_key_t */
    apr_pool_t *pool;         /* its own */
    apr_time_t replaced_at;   /* ticks */
    struct set_t *next;       /* replaced before this one */
} set_t;

struct gt_keyring_t {
    set_t *now;      /* atomic */
    set_t *replaced; /* newest first; only the renewing thread's */
    void (*ask)(void *baton);
    void *baton;
};

/* A piece of the keyring's text: never copied, so no copy is left behind. */
typedef struct word_t {
    const char *at;
    apr_size_t len;
} word_t;

static const char *const purpose_names[GT_PURPOSES] = {
    [GT_KEY_ACCESS] = "access",
    [GT_KEY_REFRESH] = "refresh",
    [GT_KEY_PERSONAL] = "personal",
    [GT_KEY_COOKIE] = "cookie",
};

const char *gt_purpose_name(gt_purpose_t purpose)
{
    assert(purpose < GT_PURPOSES);
    return purpose_names[purpose];
}

static gt_err_t *wrong_line(int line, const char *what, apr_pool_t *p)
{
    return gt_err(p, GT_INTERNAL, "GT0202", "keyring line %d: %s", line, what);
}

/* 32 bytes from a word; text and bytes in between are wiped with the pool. 1, or 0. */
static int decode_key(unsigned char raw[GT_KEY_BYTES], word_t word, apr_pool_t *p)
{
    unsigned char *bytes;
    apr_size_t len;

    if (word.len != 44 && word.len != 60)
        return 0;
    if (!gt_base64_decode(&bytes, &len, word.at, word.len, 2, p))
        return 0;
    gt_wipe_with_pool(bytes, len, p);
    /* S3 wrapped a Fernet key, 44 characters, into base64 once more. */
    if (len == 44)
        return decode_key(raw, (word_t){(const char *)bytes, len}, p);
    if (len != GT_KEY_BYTES)
        return 0;
    memcpy(raw, bytes, GT_KEY_BYTES);
    return 1;
}

static int is_id(word_t word)
{
    apr_size_t i;

    for (i = 0; i < word.len; i++) {
        char c = word.at[i];

        if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' &&
            c != '_')
            return 0;
    }
    return word.len >= 1 && word.len <= ID_MAX;
}

/* One name of a list of purposes as bits; 0 when there is no such purpose. */
static unsigned purpose_bits(const char *name, apr_size_t len)
{
    unsigned i;

    if (len == 3 && memcmp(name, "any", 3) == 0)
        return ANY_PURPOSE;
    for (i = 0; i < GT_PURPOSES; i++)
        if (strlen(purpose_names[i]) == len && memcmp(purpose_names[i], name, len) == 0)
            return 1U << i;
    return 0;
}

/* The bits of a comma-separated list; 0 when any of it is wrong. */
static unsigned purposes_of(word_t word)
{
    const char *end = word.at + word.len;
    const char *at = word.at;
    unsigned bits = 0;

    while (1) {
        const char *comma = memchr(at, ',', (apr_size_t)(end - at));
        unsigned here = purpose_bits(at, (apr_size_t)((comma != NULL ? comma : end) - at));

        if (here == 0)
            return 0;
        bits |= here;
        if (comma == NULL)
            return bits;
        at = comma + 1;
    }
}

static void derive_subkeys(full_key_t *key)
{
    char info[32];
    int i;

    for (i = 0; i < GT_PURPOSES; i++) {
        apr_size_t len =
            (apr_size_t)apr_snprintf(info, sizeof(info), "graphtok/1/%s", purpose_names[i]);

        gt_hkdf(key->sub[i], GT_KEY_BYTES, key->raw, GT_KEY_BYTES, NULL, 0, info, len);
        gt_hkdf_extract(key->prk[i], key->sub[i], GT_KEY_BYTES);
    }
}

static const gt_key_t *find_id(const apr_array_header_t *keys, const char *id)
{
    int i;

    for (i = 0; i < keys->nelts; i++) {
        const gt_key_t *key = APR_ARRAY_IDX(keys, i, const gt_key_t *);

        if (strcmp(key->id, id) == 0)
            return key;
    }
    return NULL;
}

/* Words of a line, at most `room`. @return how many there are, room + 1 for more */
static int split_words(word_t *words, int room, const char *line, apr_size_t len)
{
    apr_size_t at = 0;
    int n = 0;

    while (1) {
        apr_size_t start;

        while (at < len && strchr(" \t\r\v\f", line[at]) != NULL)
            at++;
        if (at == len)
            return n;
        if (n == room)
            return room + 1;
        start = at;
        while (at < len && strchr(" \t\r\v\f", line[at]) == NULL)
            at++;
        words[n++] = (word_t){line + start, at - start};
    }
}

static gt_err_t *add_key(apr_array_header_t *keys, const word_t *words, int n, int line,
                         apr_pool_t *p)
{
    full_key_t *key = apr_pcalloc(p, sizeof(*key));
    unsigned char digest[32];

    gt_wipe_with_pool(key, sizeof(*key), p);
    if (!decode_key(key->raw, words[n - 1], p))
        return wrong_line(line, "the key must be 44 characters, base64 of 32 random bytes", p);
    gt_sha256(digest, key->raw, GT_KEY_BYTES);
    key->shown.fingerprint = gt_hex(digest, 4, p);
    key->shown.id = n == 1 ? key->shown.fingerprint : apr_pstrmemdup(p, words[0].at, words[0].len);
    key->shown.purposes = n == 1 ? ANY_PURPOSE : purposes_of(words[1]);
    if (key->shown.purposes == 0)
        return wrong_line(line, "a purpose is none of: access refresh personal cookie any", p);
    if (find_id(keys, key->shown.id) != NULL)
        return wrong_line(line, "a key with this id stands above", p);
    if (keys->nelts == KEYS_MAX)
        return wrong_line(line, "more than 256 keys", p);
    derive_subkeys(key);
    APR_ARRAY_PUSH(keys, const gt_key_t *) = &key->shown;
    return GT_OK;
}

static gt_err_t *parse_line(apr_array_header_t *keys, const char *text, apr_size_t len, int line,
                            apr_pool_t *p)
{
    word_t words[3];
    int n = split_words(words, 3, text, len);

    if (n == 0 || words[0].at[0] == '#')
        return GT_OK;
    if (n != 1 && n != 3)
        return wrong_line(line, "expected ID PURPOSE KEY, or a key alone", p);
    if (n == 3 && !is_id(words[0]))
        return wrong_line(line, "the id must be 1 to 32 of A-Z a-z 0-9 - _", p);
    return add_key(keys, words, n, line, p);
}

static set_t *blank_set(apr_pool_t *p)
{
    set_t *set = apr_pcalloc(p, sizeof(*set));

    set->pool = p;
    set->keys = apr_array_make(p, 4, sizeof(const gt_key_t *));
    return set;
}

static gt_err_t *parse_set(set_t **set, const gt_secret_t *text, apr_pool_t *p)
{
    set_t *fresh = blank_set(p);
    const char *at = gt_secret_text(text);
    const char *end = at + gt_secret_len(text);
    int line;

    for (line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (apr_size_t)(end - at));
        apr_size_t len = (apr_size_t)((newline != NULL ? newline : end) - at);

        if (memchr(at, '\0', len) != NULL)
            return wrong_line(line, "a NUL byte", p);
        GT_TRY(parse_line(fresh->keys, at, len, line, p));
        at += len + (newline != NULL);
    }
    if (fresh->keys->nelts == 0)
        return gt_err(p, GT_INTERNAL, "GT0203",
                      "the keyring holds no key; graphtokctl genkey prints one");
    *set = fresh;
    return GT_OK;
}

/* Sets that came later stand in pools of their own; the first one goes with the keyring's. */
static apr_status_t drop_sets(void *baton)
{
    gt_keyring_t *ring = baton;
    set_t *set = ring->replaced;

    if (set == NULL)
        return APR_SUCCESS;
    apr_pool_destroy(ring->now->pool);
    while (set->next != NULL) {
        set_t *next = set->next;

        apr_pool_destroy(set->pool);
        set = next;
    }
    return APR_SUCCESS;
}

static gt_keyring_t *ring_of(set_t *set, apr_pool_t *p)
{
    gt_keyring_t *ring = apr_pcalloc(p, sizeof(*ring));

    ring->now = set;
    apr_pool_cleanup_register(p, ring, drop_sets, apr_pool_cleanup_null);
    return ring;
}

gt_err_t *gt_keyring_parse(gt_keyring_t **ring, const gt_secret_t *text, apr_pool_t *p)
{
    set_t *set;

    *ring = NULL;
    GT_TRY(parse_set(&set, text, p));
    *ring = ring_of(set, p);
    return GT_OK;
}

gt_keyring_t *gt_keyring_empty(apr_pool_t *p)
{
    return ring_of(blank_set(p), p);
}

static const set_t *present(const gt_keyring_t *ring)
{
    return __atomic_load_n(&ring->now, __ATOMIC_ACQUIRE);
}

int gt_keyring_is_empty(const gt_keyring_t *ring)
{
    return present(ring)->keys->nelts == 0;
}

static const gt_key_t *writer(const set_t *set, gt_purpose_t purpose)
{
    int i;

    for (i = 0; i < set->keys->nelts; i++) {
        const gt_key_t *key = APR_ARRAY_IDX(set->keys, i, const gt_key_t *);

        if ((key->purposes & 1U << purpose) != 0)
            return key;
    }
    return NULL;
}

/* Free those that no reader can be in; the oldest, which lies in the keyring's pool, stays. */
static void free_old_sets(const gt_keyring_t *ring)
{
    set_t *set;

    for (set = ring->replaced; set->next != NULL && set->next->next != NULL;) {
        set_t *older = set->next;

        if (gt_ticks() - older->replaced_at <= READERS_AT_MOST) {
            set = older;
            continue;
        }
        set->next = older->next;
        apr_pool_destroy(older->pool);
    }
}

static gt_err_t *judge_set(const set_t *now, const set_t *fresh)
{
    int i;

    for (i = 0; i < GT_PURPOSES; i++)
        if (writer(now, (gt_purpose_t)i) != NULL && writer(fresh, (gt_purpose_t)i) == NULL)
            return gt_err(fresh->pool, GT_INTERNAL, "GT0213",
                          "the changed keyring has no key for the purpose %s any more",
                          purpose_names[i]);
    return GT_OK;
}

gt_err_t *gt_keyring_renew(gt_keyring_t *ring, const gt_secret_t *text, apr_pool_t *p)
{
    apr_pool_t *own;
    set_t *fresh = NULL;
    gt_err_t *err;

    /* No child of another pool: in any order of their ends, this pool ends once. */
    if (apr_pool_create_unmanaged_ex(&own, NULL, NULL) != APR_SUCCESS)
        abort();
    err = parse_set(&fresh, text, own);
    if (err == GT_OK)
        err = judge_set(ring->now, fresh);
    if (err != GT_OK) {
        err = gt_err_dup(err, p);
        apr_pool_destroy(own);
        return err;
    }
    ring->now->replaced_at = gt_ticks();
    ring->now->next = ring->replaced;
    ring->replaced = ring->now;
    __atomic_store_n(&ring->now, fresh, __ATOMIC_RELEASE);
    free_old_sets(ring);
    return GT_OK;
}

const gt_key_t *gt_keyring_writer(const gt_keyring_t *ring, gt_purpose_t purpose)
{
    return writer(present(ring), purpose);
}

void gt_keyring_on_miss(gt_keyring_t *ring, void (*ask)(void *baton), void *baton)
{
    ring->ask = ask;
    ring->baton = baton;
}

int gt_keyring_miss(const gt_keyring_t *ring, const apr_array_header_t *before)
{
    if (ring->ask != NULL)
        ring->ask(ring->baton);
    return present(ring)->keys != before;
}

const gt_key_t *gt_keyring_find(const gt_keyring_t *ring, const char *id, gt_purpose_t purpose)
{
    const apr_array_header_t *keys;
    const gt_key_t *key;

    do {
        keys = present(ring)->keys;
        key = find_id(keys, id);
        if (key != NULL && (key->purposes & 1U << purpose) != 0)
            return key;
    } while (gt_keyring_miss(ring, keys));
    return NULL;
}

const apr_array_header_t *gt_keyring_keys(const gt_keyring_t *ring)
{
    return present(ring)->keys;
}

static const full_key_t *full(const gt_key_t *key)
{
    static_assert(offsetof(full_key_t, shown) == 0, "a shown key is the front of a full one");
    return (const full_key_t *)key;
}

const unsigned char *gt_key_raw(const gt_key_t *key)
{
    return full(key)->raw;
}

void gt_key_derive(unsigned char out[GT_KEY_BYTES], const gt_key_t *key, const char *info)
{
    gt_hkdf(out, GT_KEY_BYTES, gt_key_raw(key), GT_KEY_BYTES, NULL, 0, info, strlen(info));
}

const unsigned char *gt_key_sub(const gt_key_t *key, gt_purpose_t purpose)
{
    assert(purpose < GT_PURPOSES);
    return full(key)->sub[purpose];
}

void gt_key_of_row(unsigned char out[GT_KEY_BYTES], const gt_key_t *key, gt_purpose_t purpose,
                   const void *info, apr_size_t len)
{
    assert(purpose < GT_PURPOSES);
    gt_hkdf_expand(out, full(key)->prk[purpose], info, len);
}

/* "<id> any <key>\n". With padding it is a Fernet key, too: Python refuses one without. */
static gt_secret_t *line_of(const char *id, const unsigned char raw[GT_KEY_BYTES], apr_pool_t *p)
{
    char *key = gt_base64url(raw, GT_KEY_BYTES, p);
    char *line = apr_pstrcat(p, id, " any ", key, "=\n", NULL);

    gt_wipe_with_pool(key, strlen(key), p);
    gt_wipe_with_pool(line, strlen(line), p);
    return gt_secret_from(line, p);
}

gt_secret_t *gt_keyring_generate(apr_pool_t *p)
{
    const char *day = apr_pstrmemdup(p, gt_rfc3339(gt_now(), p), 10);
    unsigned char raw[GT_KEY_BYTES];
    gt_secret_t *line;

    gt_random(raw, sizeof(raw));
    line = line_of(apr_pstrcat(p, day, "-", gt_random_text(3, p), NULL), raw, p);
    OPENSSL_cleanse(raw, sizeof(raw));
    return line;
}

gt_err_t *gt_keyring_derive(gt_secret_t **line, const gt_secret_t *secret, apr_pool_t *p)
{
    unsigned char raw[GT_KEY_BYTES];
    unsigned char digest[32];

    *line = NULL;
    if (gt_secret_len(secret) < GUESSABLE)
        return gt_err(p, GT_INTERNAL, "GT0214",
                      "no key can be derived from a secret of less than %d bytes: it could be "
                      "guessed",
                      GUESSABLE);
    gt_hkdf(raw, sizeof(raw), gt_secret_text(secret), gt_secret_len(secret), NULL, 0, DERIVED_FOR,
            strlen(DERIVED_FOR));
    gt_sha256(digest, raw, sizeof(raw));
    *line = line_of(apr_pstrcat(p, "derived-", gt_hex(digest, 4, p), NULL), raw, p);
    OPENSSL_cleanse(raw, sizeof(raw));
    return GT_OK;
}
