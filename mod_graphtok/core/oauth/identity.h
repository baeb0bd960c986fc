/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IDENTITY_H
#define GT_IDENTITY_H

/**
 * @file identity.h
 * The person who signed in, from the claims of a verified id_token. A person is issuer, tenant and
 * subject id (Microsoft: tid and oid; others: sub), never the e-mail address. Thread-safe.
 */

#include "oauth/provider.h"

typedef struct gt_identity_t {
    const char *issuer;  /* as in the token */
    const char *tenant;  /* tid, "" where the provider has none */
    const char *subject; /* oid, else sub */
    const char *email;   /* display only; may be NULL */
    const char *name;    /* display only; may be NULL */
    const char *sid;     /* the provider's name for its own session; may be NULL */
} gt_identity_t;

/** Work: verify an id_token and leave the identity. */
typedef struct gt_identify_t {
    gt_provider_t *provider;
    const gt_secret_t *id_token;
    const gt_secret_t *access; /* that came with it, for its at_hash; NULL: there is none */
    const char *nonce;         /* NULL: not demanded (refresh) */
    const char *tenant;        /* that the token was asked for at: a GUID or domain; NULL: any */
    const char *shown_by;   /* NULL: the provider gave it; else which client sent it, for the log */
    gt_identity_t identity; /* out */
    const json_t *claims;   /* out: verified; in the task's pool */
    gt_discover_t discover; /* own */
    gt_find_keys_t keys;    /* own */
} gt_identify_t;
/** Fails with GT_REFUSED; the reason stands in the log, one detail for every reason. */
extern const gt_work_t gt_identify;

/** The rules for an id_token's claims beyond those of crypt/jwt. */
typedef struct gt_id_rules_t {
    const gt_provider_conf_t *conf;
    const char *issuer;     /* the discovery document's, may hold {tenantid} */
    const char *key_issuer; /* the verifying key's, may hold {tenantid}; NULL: it has none */
    int is_shown;           /* 1: a client sent it; 0: the provider gave it */
} gt_id_rules_t;

/**
 * Judge verified claims and read the person. Fuzzed.
 * @return NULL, or the fault, for the log
 */
GT_MUST const char *gt_identity_read(gt_identity_t *identity, const json_t *claims,
                                     const gt_id_rules_t *rules, apr_pool_t *p);

/** "<subject>@<tenant or issuer host>": the user id of a session caller. */
char *gt_identity_user(const gt_identity_t *identity, apr_pool_t *p);

/** 1 when both are the same person. Unknown (empty) stored fields match: S0's rows have none. */
int gt_identity_same(const gt_identity_t *stored, const gt_identity_t *now);

#endif
