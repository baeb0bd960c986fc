/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FAKE_PROVIDER_H
#define GT_FAKE_PROVIDER_H

/*
 * A provider for unit tests: one thread on a loopback port that answers discovery, keys and token
 * requests as Entra does. It rotates: each refresh token works once, and one that comes a second
 * time ends the whole family. Any answer can be replaced, or held back until the test lets it go;
 * a request that cuts the connection has no answer at all. It stops when its pool goes.
 */

#include <apr_pools.h>
#include <jansson.h>

#include "conf/config.h"

#define FAKE_TENANT "72f988bf-86f1-41af-91ab-2d7cd011db47"
#define FAKE_CLIENT "11111111-2222-3333-4444-555555555555"

typedef struct fake_t fake_t;

/* What it is asked for; only a document of the test's own names the place for revocations. */
typedef enum fake_what_t {
    FAKE_DISCOVERY,
    FAKE_KEYS,
    FAKE_TOKEN,
    FAKE_REVOKE,
    FAKE_WHATS
} fake_what_t;

typedef struct fake_reply_t {
    int status;          /* 0: the connection is cut after the request was read */
    const char *headers; /* more lines, each with CR LF, or NULL */
    const char *body;
} fake_reply_t;

fake_t *fake_start(apr_pool_t *p);

/* A configuration for it: one tenant, short timeouts. */
gt_provider_conf_t *fake_conf(fake_t *fake, const char *name, apr_pool_t *p);

/* From now on answer so (NULL: as at the start). */
void fake_answer(fake_t *fake, fake_what_t what, const fake_reply_t *reply);

/* Hold token answers back, after the request was counted; let them go. */
void fake_hold(fake_t *fake);
void fake_release(fake_t *fake);

/* How often it was asked; wait (10 s at most) until that is at least `n`. */
int fake_calls(fake_t *fake, fake_what_t what);
void fake_wait(fake_t *fake, fake_what_t what, int n);

/* The form of the last token request or revocation, and its head. */
char *fake_form(fake_t *fake, apr_pool_t *p);
char *fake_head(fake_t *fake, apr_pool_t *p);

/* 1 when a refresh token came a second time. */
int fake_was_reused(fake_t *fake);

/* The id_token of coming token answers (NULL: none). */
void fake_give_id_token(fake_t *fake, const char *token);

/* Sign with a key that is made once a process: as `kid` says; fake_key makes it in advance. */
void fake_key(void);
char *fake_sign(const char *kid, const json_t *claims, apr_pool_t *p);

/* A key set that has that key under a kid; `issuer` is the key's own, or NULL. */
char *fake_jwks(const char *kid, const char *issuer, apr_pool_t *p);

#endif
