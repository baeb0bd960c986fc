/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BEARER_H
#define GT_BEARER_H

/**
 * @file bearer.h
 * Tokens that callers show (RFC 6750, RFC 9068), held against what the configuration says of their
 * issuer (<GraphTokJWT>): algorithms, issuer, audience, times, keys. The token has no say in any of
 * it. Keys change without a restart: a shared secret, PEM or JWKS that the configuration names is
 * looked at once a second, by a thread that may wait; a JWKS at an address is fetched as
 * oauth/key_source.h says. A token that passed costs no signature again until it ends
 * (bearer/remembered.h). Thread-safe. Sources: RFC 6750, 7519, 8725, 9068.
 */

#include "base/json.h"
#include "conf/config.h"
#include "crypt/jwt.h"
#include "bearer/bearer_keys.h"
#include "bearer/remembered.h"

/** One issuer at work in this process. */
typedef struct gt_bearer_t gt_bearer_t;

/** Longest token that is looked at, bytes. */
#define GT_BEARER_MAX 16384

/**
 * Make it; nothing is waited for. A source that the parent has read serves at once.
 * @param conf     outlives it
 * @param crew     fetches keys; NULL: each task does it by itself
 * @param readers  read the source of keys (task/reader.h); NULL: it is read in place
 */
gt_bearer_t *gt_bearer_make(const gt_jwt_conf_t *conf, gt_crew_t *crew, gt_crew_t *readers,
                            apr_pool_t *p);

/** Look for other keys, when it is time. Cheap; for a periodic function of the crew, once a second.
 * @param scratch  for this call */
void gt_bearer_follow(gt_bearer_t *bearer, apr_pool_t *scratch);

/** Have tokens that passed be remembered. To be called before the first token is judged; NULL, as
 * at first: they are not. */
void gt_bearer_remember(gt_bearer_t *bearer, gt_remembered_t *remembered);

/** The results of judging a token, as GT_NOTICE_CALLER has them in `detail`, NULL last: "accepted",
 * "remembered" (accepted, its signature was known), then classes of refusals. */
extern const char *const gt_bearer_results[];

/** Count a request that brought two tokens, or half of one. */
void gt_bearer_count_malformed(void);

/** Its configuration. */
const gt_jwt_conf_t *gt_bearer_conf(const gt_bearer_t *bearer);

/** A token to be judged. */
typedef struct gt_bearer_check_t {
    gt_bearer_t *bearer;      /* in */
    const gt_secret_t *token; /* in; lives as long as the check */
    const json_t *claims;     /* out: an object, released with the pool */
    const char *user;         /* out: the user's id, in the pool */
    gt_jws_t *opened;         /* own, as is what follows; NULL at first */
    gt_find_bearer_keys_t find;
} gt_bearer_check_t;

/**
 * Work: judge it. The reason of a refusal goes into the log and into the figures, and not to the
 * caller.
 *
 * Fails with GT_SIGN_IN (GT0551) for a token that is not accepted, GT_TOO_LARGE for one that is
 * longer than GT_BEARER_MAX, and with status 503 while there are no keys.
 */
extern const gt_work_t gt_check_bearer;

/**
 * The same without waiting.
 * @param err  out: as the work
 * @return 0: keys have to be waited for, by the work; nothing was judged
 */
int gt_bearer_check_now(gt_err_t **err, gt_bearer_check_t *check, apr_pool_t *p);

#endif
