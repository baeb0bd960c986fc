/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_VAULT_H
#define GT_VAULT_H

/**
 * @file vault.h
 * THE interface: work that leaves a valid access token for (store, user, provider), or an error
 * that says what helps. Cache, else row; within the margin of its end the token is refreshed by
 * exactly one (vault/refresh) while others use what is still valid or wait. One vault per child.
 */

#include <apr_hash.h>

#include "base/notice.h"
#include "oauth/identity.h"
#include "oauth/token.h"
#include "shm/limit.h"
#include "shm/signal.h"
#include "store/grant.h"
#include "store/session_rows.h"
#include "store/survey.h"
#include "task/crew.h"
#include "vault/cache.h"
#include "vault/grant_key.h"
#include "vault/journal.h"

/** The parts that a vault uses. All outlive it. */
typedef struct gt_vault_parts_t {
    const gt_config_t *config;
    const gt_keyring_t *ring; /* of the server */
    apr_hash_t *rings; /* of const gt_keyring_t *, by the names of stores that have their own; or
                          NULL */
    gt_db_t *db;
    gt_cache_t *cache; /* NULL in the command line: none */
    gt_loop_t *loop;
    gt_crew_t *crew;
    gt_crew_t *readers;  /* of secrets, see task/reader.h; NULL: they are read in place */
    gt_limits_t *limits; /* of all children of a server: for pauses; NULL: of this process alone */
    gt_signal_t *signal; /* tells the children of a server of new tokens; NULL: none */
    gt_journal_t *journal; /* for answers that cannot be stored; NULL: none */
    const char *holder;    /* our name in a lease: gt_holder_name */
} gt_vault_parts_t;

/** Make it, with the runtime of every configured store and provider. Nothing is fetched or
 * opened. */
gt_vault_t *gt_vault_make(const gt_vault_parts_t *parts, apr_pool_t *p);

/** The parts that it was made with. */
const gt_vault_parts_t *gt_vault_parts(const gt_vault_t *vault);

/** Runtime objects by configured name; NULL when there is none. */
gt_store_t *gt_vault_store(const gt_vault_t *vault, const char *name);
gt_provider_t *gt_vault_provider(const gt_vault_t *vault, const char *name);

/** The use that a token is asked for. It is announced, and recorded where that is demanded, before
 * the token goes. */
typedef enum gt_use_t {
    GT_USE_PASS, /* it is given to an application */
    GT_USE_CALL, /* it is sent to the provider's API */
    GT_USE_LOOK  /* it stays here: the caller asks whether there is one */
} gt_use_t;

/** Work: get a token. */
typedef struct gt_token_for_t {
    gt_vault_t *vault;
    gt_token_key_t key; /* out: as the database knows it */
    gt_use_t use;
    const gt_asker_t *asker;      /* the request that this is done for, or NULL */
    const gt_secret_t *assertion; /* not NULL: the token is had on behalf of its user, whom the key
                                     names then, and of no grant (vault/on_behalf_of.h) */
    int refresh_now;     /* 1: the API refused the token we hold: refresh even if it looks valid */
    apr_int64_t refused; /* with refresh_now: the generation that was refused */
    int anew;            /* 1: of an account: the provider is asked in any case */
    gt_token_t token;    /* out */
    gt_grant_t *grant;   /* out: its row as it was before a refresh; NULL: none was read */
    gt_flight_t *flight; /* own */
    struct gt_on_behalf_of_t *behalf; /* own */
    struct gt_app_token_t *app;       /* own: of an account without a user */
} gt_token_for_t;
/** Fails with GT_SIGN_IN (no grant, inactive, refused), GT_INTERACTION, GT_STORE_AWAY, GT_DAMAGED,
 * or an error of the provider. A token that is still valid is served even if its refresh failed,
 * and after a second even if it has said nothing yet. */
extern const gt_work_t gt_token_for;

/** Work: sign a user in by a flow: its tokens are acquired, and their person admitted.
 * A job of the crew does it, and goes on to its end when the task is dropped: there may be
 * tokens. */
typedef struct gt_sign_in_t {
    gt_vault_t *vault;
    gt_grant_key_t key;      /* the user is "" where the identity gives it */
    const gt_asker_t *asker; /* the request that this is done for, or NULL */
    const gt_flow_t *flow;   /* vault/flow/flows.h */
    const void *params;      /* the flow's, copied */
    const char *nonce;       /* that the id_token must repeat; NULL: none */
    const char *tenant;      /* that is asked; NULL or "": the configured one */
    const char *scope;       /* of the token request; NULL: the configured one */
    int may_ask_again;       /* 1: the user can be asked for consent once more */
    gt_identity_t identity;  /* out */
    int needs_consent;       /* out, on failure: 1: the user is to be asked, as there would be no
                                refresh token otherwise */
    const char *at_tenant;   /* out, on failure: the tenant of the person has a registration to
                                itself, which a sign-in there goes by; else NULL */
    const gt_grant_t *grant; /* out */
    gt_flight_t *flight;     /* own; holds what is left */
} gt_sign_in_t;
extern const gt_work_t gt_sign_in;

/** 1 when the owner signed in on this machine less than a minute ago. A refusal of the
 * provider's API so soon after is not cured by another sign-in: the browser would go in circles. */
int gt_vault_signed_in_lately(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p);

/** A session as its cookie names it. */
typedef struct gt_session_name_t {
    const char *id;       /* as in gt_session_t */
    const char *grant;    /* id of the grant that it began with */
    apr_int64_t began_ms; /* 0: not known */
} gt_session_name_t;

/**
 * Ask whether a session is still good: its owner's grant is the one that it began with, and it was
 * not ended. A revoke, or an end of the session, is known on all nodes within a second. Without a
 * statement as a rule; may block on the database.
 * @param has  0: it is over, or is none of this owner
 * @return GT_STORE_AWAY when neither shared memory nor the database can tell
 */
GT_MUST gt_err_t *gt_vault_has_session(int *has, const gt_vault_t *vault, const gt_grant_key_t *key,
                                       const gt_session_name_t *session, apr_pool_t *p);

/**
 * The id of an owner's grant, as gt_session_name_t has it. Without a statement as a rule; may block
 * on the database.
 * @param id  NULL: there is no grant
 * @return GT_STORE_AWAY when neither shared memory nor the database can tell
 */
GT_MUST gt_err_t *gt_vault_grant_id(const char **id, const gt_vault_t *vault,
                                    const gt_grant_key_t *key, apr_pool_t *p);

/** Work: revoke: at the provider where it can be (Microsoft: cannot), row, cache. */
typedef struct gt_revoke_t {
    gt_vault_t *vault;
    gt_grant_key_t key;      /* out: as the database knows it */
    const gt_asker_t *asker; /* the request that this is done for, or NULL */
    int had_grant;           /* out */
} gt_revoke_t;
extern const gt_work_t gt_revoke;

/** Work: deactivate (state: gt_revoke_t): the row stays, its token is served no more until the user
 * signs in, and no refresh that is under way brings it back. */
extern const gt_work_t gt_deactivate;

/** Work: activate (state: gt_revoke_t; had_grant 0: it is active, or there is none): a grant that
 * was deactivated, or waits for its user, is tried again when its token is asked for. */
extern const gt_work_t gt_activate;

/** Note one use of a token; written to the row in batches, at most 10 s later. */
void gt_vault_used(gt_vault_t *vault, const gt_grant_key_t *key);

/** Note that the provider's API took a token: errors that its grant counted before are forgotten.
 * Written as uses are. @param is_use 1: that was a use as well */
void gt_vault_worked(gt_vault_t *vault, const gt_grant_key_t *key, int is_use);

/** A store of the vault as this process knows it: whether it answers, and its sums. */
gt_survey_t *gt_vault_survey(const gt_vault_t *vault, const gt_store_t *store);

/** How many answers of providers wait in the journal for the database. */
int gt_vault_journal_length(const gt_vault_t *vault, apr_pool_t *p);

/**
 * End the work of vault and crew, when all requests have ended: no thread of theirs runs after this
 * returns. A refresh that has not sent its token yet is given up. A request that the provider has
 * is waited for: its answer may carry the only refresh token that works from now on.
 * @param is_graceful  1: as long as the provider may take (GraphTokTimeout) and its answer needs to
 *                     be stored; 0: a few seconds, since httpd's parent kills what takes longer
 */
void gt_vault_stop(gt_vault_t *vault, int is_graceful);

/** Write use counts that are not written yet, at a child's end. May block. */
void gt_vault_flush(gt_vault_t *vault, apr_pool_t *scratch);

#endif
