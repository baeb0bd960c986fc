/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The core's Fernet on a pipe, for comparing it with Python's: a request a line, an answer a line.
 * All bytes are base64url.
 *
 *     seal RING TIME CLEAR        the token, sealed with the keyring's writing key
 *     open RING TTL NOW TOKEN     CLEAR, or "refused"; TTL 0: time is not judged
 *     unseal RING TOKEN           the same through the door that stored values go through
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/fernet.h"
#include "crypt/seal.h"

static const gt_place_t place = {.table = "user_tokens",
                                 .column = "encrypted_access_token",
                                 .user = "tom",
                                 .provider = "microsoft"};

static void die(const char *what)
{
    fprintf(stderr, "fernet_pipe: %s\n", what);
    exit(2);
}

/* "-" stands for no bytes at all: a word of a line cannot be empty. */
static gt_secret_t *decoded(const char *word, apr_pool_t *p)
{
    unsigned char *bytes;
    apr_size_t len;

    if (strcmp(word, "-") == 0)
        return gt_secret_make("", 0, p);
    if (!gt_base64_decode(&bytes, &len, word, strlen(word), 0, p))
        die("not base64url");
    return gt_secret_make(bytes, len, p);
}

static gt_keyring_t *ring_of(const char *word, apr_pool_t *p)
{
    gt_keyring_t *ring;

    if (gt_keyring_parse(&ring, decoded(word, p), p) != GT_OK)
        die("no keyring");
    return ring;
}

static const unsigned char *writing_key(const char *word, apr_pool_t *p)
{
    return gt_key_raw(gt_keyring_writer(ring_of(word, p), GT_KEY_ACCESS));
}

static apr_int64_t number(const char *word)
{
    apr_int64_t n;

    if (!gt_number(&n, word, 0, APR_INT64_MAX))
        die("not a number");
    return n;
}

static void print_clear(const gt_err_t *err, const gt_secret_t *clear, apr_pool_t *p)
{
    if (err != GT_OK)
        puts("refused");
    else if (gt_secret_len(clear) == 0)
        puts("-");
    else
        puts(gt_base64url(gt_secret_text(clear), gt_secret_len(clear), p));
}

static void answer(char *const *words, int n, apr_pool_t *p)
{
    gt_secret_t *clear = NULL;
    const char *token;
    gt_err_t *err;

    if (n == 4 && strcmp(words[0], "seal") == 0) {
        err = gt_fernet_seal(&token, writing_key(words[1], p), decoded(words[3], p),
                             number(words[2]), p);
        puts(err == GT_OK ? token : "refused");
    }
    else if (n == 5 && strcmp(words[0], "open") == 0) {
        err = gt_fernet_open(&clear, writing_key(words[1], p), gt_secret_text(decoded(words[4], p)),
                             number(words[2]), number(words[3]), p);
        print_clear(err, clear, p);
    }
    else if (n == 3 && strcmp(words[0], "unseal") == 0) {
        err = gt_unseal(&clear, ring_of(words[1], p), GT_KEY_ACCESS, &place,
                        gt_secret_text(decoded(words[2], p)), p);
        print_clear(err, clear, p);
    }
    else
        die("no such request");
}

int main(void)
{
    static char line[1 << 20];
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        const apr_array_header_t *words = gt_split(line, " \n", pool);

        answer((char *const *)words->elts, words->nelts, pool);
        fflush(stdout);
        apr_pool_clear(pool);
    }
    apr_terminate();
    return 0;
}
