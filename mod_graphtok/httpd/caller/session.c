/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file session.c
 * The clear text is "2 <end> <began, ms> <used> <id> <grant> <user>", times in Unix seconds where
 * nothing else is said. A version before wrote "<end> <grant> <user>": its cookies have another
 * name, so that both versions can serve side by side, and are good until they end. The id of such a
 * session is a hash of its cookie.
 */

#include "caller/session.h"

#include <apr_strings.h>
#include <http_log.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "caller/cookies.h"
#include "caller/session_client.h"
#include "crypt/seal.h"
#include "request/own_origin.h"
#include "request/realm.h"
#include "vault/sessions.h"

APLOG_USE_MODULE(graphtok);

#define LONGEST_COOKIE 3500
#define ID_BYTES 16
#define NOTE_EVERY apr_time_from_sec(600)

/* The name of a session's cookie in each version, and the place that its sealed value is bound
 * to. */
static const struct {
    const char *name, *table;
} forms[] = {{"session\n", "session"}, {"grant\n", "session of a grant"}};
#define NOW 0 /* the form that is written */
#define FORMS ((int)(sizeof(forms) / sizeof(forms[0])))

/* Two mounts of one host with other stores keep their sessions apart. */
static const char *name_of(const gtm_request_t *x, int form)
{
    unsigned char digest[32];
    const char *bound = apr_pstrcat(x->r->pool, forms[form].name, gtm_realm(x), "\n", x->dir->store,
                                    "\n", x->owner.provider, NULL);

    gt_sha256(digest, bound, strlen(bound));
    return gtm_cookie_name(x,
                           apr_pstrcat(x->r->pool, GTM_COOKIE_STEM,
                                       gt_hex(digest, GTM_SESSION_DIGITS / 2, x->r->pool), NULL));
}

static gt_place_t place_of(const gtm_request_t *x, int form)
{
    return (gt_place_t){.table = forms[form].table,
                        .column = gtm_realm(x),
                        .user = x->dir->store,
                        .provider = x->owner.provider};
}

/* Rows hold no more than this of what a cookie holds. */
static const char *id_of(const char *secret, apr_pool_t *p)
{
    const char *bound = apr_pstrcat(p, "session id\n", secret, NULL);
    unsigned char digest[32];

    gt_sha256(digest, bound, strlen(bound));
    return gt_hex(digest, GT_SESSION_ID_DIGITS / 2, p);
}

/* ---- reading ---- */

/* The next word of a clear text; "" at its end. */
static const char *take_word(const char **text, apr_pool_t *p)
{
    apr_size_t len = strcspn(*text, " ");
    const char *word = apr_pstrmemdup(p, *text, len);

    *text += len + ((*text)[len] == ' ');
    return word;
}

static int take_number(apr_int64_t *number, const char **text, apr_pool_t *p)
{
    return gt_number(number, take_word(text, p), 0, APR_INT64_MAX);
}

static int is_over(const gtm_request_t *x, const gtm_session_t *session)
{
    apr_interval_time_t idle = x->child->config->session_idle;

    return session->ends_at <= gt_now() ||
           (idle > 0 && session->used_at > 0 && gt_now() - session->used_at >= idle);
}

/* A text that is not as it was written is no session. */
static gtm_session_t *read_clear(const gtm_request_t *x, const char *text, int form,
                                 const char *sealed)
{
    apr_pool_t *p = x->r->pool;
    gtm_session_t *session = apr_pcalloc(p, sizeof(*session));
    apr_int64_t version = 2, end, used = 0;
    int is_whole;

    if (form == NOW)
        is_whole = take_number(&version, &text, p) && version == 2 && take_number(&end, &text, p) &&
                   take_number(&session->name.began_ms, &text, p) && take_number(&used, &text, p);
    else
        is_whole = take_number(&end, &text, p);
    if (!is_whole || end > apr_time_sec(APR_INT64_MAX) || used > apr_time_sec(APR_INT64_MAX))
        return NULL;
    session->secret = form == NOW ? take_word(&text, p) : id_of(sealed, p);
    session->name.id = id_of(session->secret, p);
    session->name.grant = take_word(&text, p);
    session->user = apr_pstrdup(p, text);
    session->ends_at = apr_time_from_sec(end);
    session->used_at = apr_time_from_sec(used);
    session->is_former = form != NOW;
    return *session->secret && *session->name.grant && *session->user && !is_over(x, session)
               ? session
               : NULL;
}

/* NULL: the cookie of this form is missing, or none of ours for any reason, or over. */
static gtm_session_t *find(const gtm_request_t *x, int form)
{
    const gt_keyring_t *ring = gt_store_ring(x->store);
    const char *sealed = gtm_cookie_get(x->r, name_of(x, form));
    gt_place_t place = place_of(x, form);
    gt_secret_t *clear;

    if (sealed == NULL || strlen(sealed) > LONGEST_COOKIE ||
        gt_unseal(&clear, ring, GT_KEY_COOKIE, &place, sealed, x->r->pool) != GT_OK)
        return NULL;
    return read_clear(x, gt_secret_text(clear), form, sealed);
}

gt_err_t *gtm_session_read(gtm_request_t *x)
{
    GT_TRY(gtm_origin_find(x));
    for (int form = 0; form < FORMS && x->session == NULL; form++)
        x->session = find(x, form);
    if (x->session != NULL)
        x->caller.id = x->session->user;
    return GT_OK;
}

/* ---- writing ---- */

static gt_err_t *set_cookie(gtm_request_t *x, const gtm_session_t *session)
{
    const gt_keyring_t *ring = gt_store_ring(x->store);
    gt_place_t place = place_of(x, NOW);
    gt_secret_t *clear = gt_secret_from(
        apr_psprintf(
            x->r->pool, "2 %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %s %s %s",
            apr_time_sec(session->ends_at), session->name.began_ms, apr_time_sec(session->used_at),
            session->secret, session->name.grant, session->user),
        x->r->pool);
    const char *sealed;

    GT_TRY(gt_seal(&sealed, ring, GT_KEY_COOKIE, GT_AES_256_GCM, &place, clear, x->r->pool));
    gtm_cookie_set(x, name_of(x, NOW), sealed, apr_time_sec(session->ends_at - gt_now()));
    return GT_OK;
}

/* @param session  out: when it began, as its row has it */
static void note(const gtm_request_t *x, gtm_session_t *session, const char *sid)
{
    gt_session_t row = {.id = session->name.id,
                        .owner = {session->user, x->owner.provider},
                        .began_ms = session->name.began_ms,
                        .sid = sid,
                        .address = gtm_client_network(x->r),
                        .agent = gtm_client_agent(x->r)};
    gt_err_t *err = gt_session_note(&row, x->store, session->ends_at - gt_now(), x->r->pool);

    if (err != GT_OK)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, x->r,
                      "the use of a session of user %s is not noted: %s", session->user,
                      err->detail);
    else if (!session->is_former)
        session->name.began_ms = row.began_ms;
}

gt_err_t *gtm_session_begin(gtm_request_t *x, const gt_grant_t *grant, const char *sid)
{
    apr_pool_t *p = x->r->pool;
    const apr_time_t now = gt_now();
    gtm_session_t *session = apr_pcalloc(p, sizeof(*session));

    session->secret = gt_random_text(ID_BYTES, p);
    session->name = (gt_session_name_t){.id = id_of(session->secret, p), .grant = grant->id};
    session->user = grant->owner.user;
    session->used_at = now;
    session->ends_at = now + x->child->config->session_time;
    note(x, session, sid != NULL ? gt_sid_hash(x->owner.provider, sid, p) : NULL);
    if (session->name.began_ms == 0)
        session->name.began_ms = apr_time_as_msec(now);
    return set_cookie(x, session);
}

/* How old the last noted use may be. */
static apr_interval_time_t note_every(const gtm_request_t *x)
{
    apr_interval_time_t idle = x->child->config->session_idle;

    return idle > 0 && idle / 10 < NOTE_EVERY ? idle / 10 : NOTE_EVERY;
}

void gtm_session_use(gtm_request_t *x)
{
    gtm_session_t *session = x->session;
    gt_err_t *err;

    /* A sub-request's fields go nowhere. */
    if (x->r->main != NULL || gt_now() - session->used_at < note_every(x))
        return;
    if (gt_db_is_up(gt_vault_parts(x->child->vault)->db))
        note(x, session, NULL);
    session->used_at = gt_now();
    err = set_cookie(x, session);
    if (err != GT_OK)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, x->r, "the session's cookie stays as it is: %s",
                      err->detail);
}

/* ---- the end ---- */

gt_err_t *gtm_session_sign_out(int *ended, gtm_request_t *x)
{
    const gt_sign_out_t out = {x->child->vault, &x->asker, "user"};

    *ended = 0;
    GT_TRY(gtm_origin_find(x));
    for (int form = 0; form < FORMS; form++) {
        const gtm_session_t *session = find(x, form);
        gt_session_t row;
        gt_grant_key_t key;
        int was_ended = 0;

        if (session == NULL)
            continue;
        row = (gt_session_t){.id = session->name.id,
                             .owner = {session->user, x->owner.provider},
                             .began_ms = session->name.began_ms};
        key = gt_grant_key(x->store, &row.owner);
        GT_TRY(
            gt_sign_out_one(&was_ended, &out, &key, &row, session->ends_at - gt_now(), x->r->pool));
        *ended += was_ended;
    }
    return GT_OK;
}

void gtm_session_forget(gtm_request_t *x)
{
    for (int form = 0; form < FORMS; form++)
        if (form == NOW || gtm_cookie_get(x->r, name_of(x, form)) != NULL)
            gtm_cookie_set(x, name_of(x, form), "", 0);
}
