/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEY_SET_H
#define GT_KEY_SET_H

/**
 * @file key_set.h
 * The keys that verify one issuer's tokens: the public ones of a JWKS (RFC 7517), or one shared
 * secret. A set is read once and never changes, so that any number of threads may verify with it.
 * Its holders are counted: it stays as long as a pool or a source holds it, and the last one frees
 * it. All functions are thread-safe.
 */

#include "gt.h"

typedef struct gt_key_set_t gt_key_set_t;

/**
 * Read a JWKS. Of its keys those are taken that may verify a signature: RSA of 2048 to 8192 bits,
 * EC on P-256, P-384 and P-521, Ed25519 but for points of small order, for signatures by their own
 * word, and without private members. A symmetric key (`oct`) is none of them: a secret that is
 * published is none (RFC 8725 section 3.1 has the attack).
 * @param text  1 MiB at most; need not end with a NUL
 * @param p     holds the set
 * @return NULL when it is no JWKS
 */
gt_key_set_t *gt_key_set_parse(const char *text, apr_size_t len, apr_pool_t *p);

/**
 * Read public keys in PEM: SubjectPublicKeyInfo (RFC 7468), or certificates, of which the key alone
 * counts. The rules of a JWKS hold for them; they have no id.
 * @return NULL when there is no public key in it
 */
gt_key_set_t *gt_key_set_parse_pem(const char *text, apr_size_t len, apr_pool_t *p);

/** Bytes that a shared secret must have at least. RFC 7518 section 3.2 demands as many as the
 * algorithm's hash has, 32 to 64; that is warned of where secrets are configured, since products
 * are out there whose secrets are shorter, and this is refused: it could be guessed. */
#define GT_SHARED_SECRET_MIN 16

/**
 * The set of a secret that two parties share, for HS256, HS384 and HS512 alone.
 * @param secret  copied, and wiped when the set goes
 * @param p       holds the set
 * @return NULL when it has fewer bytes than GT_SHARED_SECRET_MIN
 */
gt_key_set_t *gt_key_set_of_secret(const gt_secret_t *secret, apr_pool_t *p);

/** The one of the three that an algorithm is; NULL ends lists of names. */
typedef enum gt_algorithm_kind_t {
    GT_ALGORITHM_UNKNOWN,
    GT_ALGORITHM_PUBLIC, /* RS, PS, ES, EdDSA: verified with what may be published */
    GT_ALGORITHM_SECRET  /* HS: verified with what also signs */
} gt_algorithm_kind_t;

/** The kind of an algorithm, by its exact name. @param hash_bytes  out: of HS…; else 0 */
gt_algorithm_kind_t gt_algorithm_kind(apr_size_t *hash_bytes, const char *name);

/** 1 when some key of the set serves the algorithm. */
int gt_key_set_serves(const gt_key_set_t *set, const char *algorithm);

/**
 * The set of what an administrator configured: a shared secret, PEM or a JWKS, as the algorithms
 * demand. A text that is a published key is no secret, and one with a private key is neither.
 * @param fault       out: what is wrong with it, in words that quote nothing of it; else NULL
 * @param algorithms  their names, NULL last, all of one kind
 */
GT_MUST gt_key_set_t *gt_key_set_of_text(const char **fault, const gt_secret_t *text,
                                         const char *const *algorithms, apr_pool_t *p);

/** SHA-256, 32 bytes, of all that its keys verify with and for: another set has another one. */
const unsigned char *gt_key_set_digest(const gt_key_set_t *set);

/** How many keys it has. */
int gt_key_set_size(const gt_key_set_t *set);

/** 1 when a key of it has this id (NULL: when there is no more than one to choose). A NULL set has
 * none. */
int gt_key_set_has(const gt_key_set_t *set, const char *kid);

/** Hold it until `p` goes. Any thread may, while the set is held otherwise. */
void gt_key_set_hold(gt_key_set_t *set, apr_pool_t *p);

/** Hold it until gt_key_set_release. */
void gt_key_set_keep(gt_key_set_t *set);

/** Let go of it; NULL: nothing is done. */
void gt_key_set_release(gt_key_set_t *set);

#endif
