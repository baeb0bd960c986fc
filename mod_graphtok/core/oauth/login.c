/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file login.c
 * A sign-in on its way through the browser. Everything that must be unguessable comes from one
 * seed by HKDF, each under a name of its own, so that nothing the browser shows (state, nonce,
 * challenge) helps to find the verifier. The cookie holds, sealed for its virtual host, user and
 * provider:
 *
 *     seed[32]  started[8, seconds, big-endian]  store NUL  return_to
 *
 * and behind it, where the callback cannot name the caller, NUL and the user; then it is sealed for
 * no user. A sign-in at a named tenant, or with a purpose of its own, has three texts more,
 * each after NUL: the user or none, the tenant or none, and the purpose: "consent", "again" where
 * the user is asked for consent a second time, or none.
 */

#include "oauth/login.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/aead.h"
#include "net/url.h"
#include "oauth/claims.h"
#include "oauth/kind.h"
#include "oauth/oauth_refusal.h"

#define SEED_BYTES 32
#define TIME_BYTES 8
#define HEAD_BYTES (SEED_BYTES + TIME_BYTES)
#define DERIVED_BYTES 32
#define HINT_MAX 320
#define TEXTS_MAX 5
#define EARLY apr_time_from_sec(60) /* clocks of two nodes behind one name */

gt_login_t *gt_login_make(apr_pool_t *p)
{
    gt_login_t *login = apr_pcalloc(p, sizeof(*login));

    gt_random(login->seed, sizeof(login->seed));
    gt_wipe_with_pool(login->seed, sizeof(login->seed), p);
    login->store = login->provider = login->host = login->user = login->return_to = "";
    login->tenant = "";
    login->started = gt_now();
    return login;
}

static char *derive(const gt_login_t *login, const char *name, apr_pool_t *p)
{
    unsigned char bytes[DERIVED_BYTES];

    gt_hkdf(bytes, sizeof(bytes), login->seed, sizeof(login->seed), NULL, 0, name, strlen(name));
    return gt_base64url(bytes, sizeof(bytes), p);
}

const char *gt_login_state(const gt_login_t *login, apr_pool_t *p)
{
    return derive(login, "graphtok/1/login/state", p);
}

const char *gt_login_nonce(const gt_login_t *login, apr_pool_t *p)
{
    return derive(login, "graphtok/1/login/nonce", p);
}

const char *gt_login_kept_name(const gt_login_t *login, apr_pool_t *p)
{
    return derive(login, "graphtok/1/login/kept", p);
}

gt_secret_t *gt_login_verifier(const gt_login_t *login, apr_pool_t *p)
{
    char *text = derive(login, "graphtok/1/login/verifier", p);

    gt_wipe_with_pool(text, strlen(text), p);
    return gt_secret_from(text, p);
}

static const char *challenge_of(const gt_secret_t *verifier, apr_pool_t *p)
{
    unsigned char digest[32];

    gt_sha256(digest, gt_secret_text(verifier), gt_secret_len(verifier));
    return gt_base64url(digest, sizeof(digest), p);
}

/* ---- the URL ---- */

static int is_hint(const char *hint)
{
    size_t len = strlen(hint);

    return len >= 1 && len <= HINT_MAX && gt_is_utf8(hint, len) && !gt_has_control(hint, len);
}

static gt_err_t *check_extra(const gt_login_extra_t *extra, const gt_provider_conf_t *conf,
                             apr_pool_t *p)
{
    const char *prompts = gt_provider_kind(conf)->prompts;
    gt_err_t *err = gt_err(p, GT_INVALID, "GT0546", "a parameter of the sign-in is not valid");

    if (extra->login_hint != NULL && !is_hint(extra->login_hint))
        gt_err_field(err, "login_hint", "must be a user name of at most 320 characters");
    if (extra->domain_hint != NULL && !is_hint(extra->domain_hint))
        gt_err_field(err, "domain_hint", "must be a domain");
    if (extra->prompt != NULL && !gt_has_word(prompts, extra->prompt))
        gt_err_field(err, "prompt", apr_pstrcat(p, "must be one of: ", prompts, NULL));
    if (extra->claims != NULL && gt_claims_read(extra->claims, p) == NULL)
        gt_err_field(err, "claims", "must be a JSON object of at most 2,048 bytes");
    return err->fields != NULL && err->fields->nelts > 0 ? err : GT_OK;
}

gt_err_t *gt_login_url(const char **url, const gt_login_t *login, const gt_provider_conf_t *conf,
                       const gt_endpoints_t *endpoints, const char *redirect_uri,
                       const gt_login_extra_t *extra, apr_pool_t *p)
{
    gt_login_extra_t asked = {NULL, NULL, NULL, NULL, 0};
    gt_form_t *form = gt_form_make(p);

    if (!gt_url_is_safe(redirect_uri))
        return gt_err(p, GT_INTERNAL, "GT0545",
                      "the redirect URI %s must be https, or http on a loopback host",
                      redirect_uri);
    if (extra != NULL) {
        GT_TRY(check_extra(extra, conf, p));
        asked = *extra;
    }
    asked.claims = gt_claims_for(conf, asked.claims, 1, p);
    gt_form_add(form, "client_id", gt_provider_conf_for(conf, login->tenant, p)->client_id);
    gt_form_add(form, "response_type", "code");
    gt_form_add(form, "redirect_uri", redirect_uri);
    gt_form_add(form, "scope", gt_provider_scope(conf, p));
    gt_form_add(form, "state", gt_login_state(login, p));
    gt_form_add(form, "nonce", gt_login_nonce(login, p));
    gt_form_add(form, "code_challenge", challenge_of(gt_login_verifier(login, p), p));
    gt_form_add(form, "code_challenge_method", "S256");
    gt_provider_kind(conf)->ask(form, &asked, conf);
    *url = gt_url_with_query(gt_provider_endpoint(conf, endpoints->authorize, login->tenant, p),
                             gt_form_text(form), p);
    return GT_OK;
}

gt_err_t *gt_login_consent_url(const char **url, const gt_login_t *login,
                               const gt_provider_conf_t *conf, const gt_endpoints_t *endpoints,
                               const char *redirect_uri, apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);
    const char *tenant = login->tenant[0] != '\0' ? login->tenant : NULL;
    const char *place =
        kind->consent_url != NULL ? kind->consent_url(endpoints->authorize, tenant, conf, p) : NULL;
    gt_form_t *form = gt_form_make(p);

    if (place == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0558",
                      "provider %s asks no administrator for consent: it has no tenants, or only "
                      "personal accounts",
                      conf->name);
    if (!gt_url_is_safe(redirect_uri))
        return gt_err(p, GT_INTERNAL, "GT0545",
                      "the redirect URI %s must be https, or http on a loopback host",
                      redirect_uri);
    gt_form_add(form, "client_id", gt_provider_conf_for(conf, tenant, p)->client_id);
    gt_form_add(form, "scope", gt_provider_scope(conf, p));
    gt_form_add(form, "redirect_uri", redirect_uri);
    gt_form_add(form, "state", gt_login_state(login, p));
    *url = gt_url_with_query(place, gt_form_text(form), p);
    return GT_OK;
}

/* ---- the cookie ---- */

static gt_place_t place_of(const gt_login_t *login)
{
    return (gt_place_t){.table = "state",
                        .column = login->host,
                        .user = login->carries_user ? "" : login->user,
                        .provider = login->provider};
}

/* By gt_login_for_t. */
static const char *const purposes[] = {"", "again", "consent"};
#define PURPOSES ((int)(sizeof(purposes) / sizeof(purposes[0])))

/** The texts behind the head, NULs between them. */
static const char *join_texts(apr_size_t *len, const gt_login_t *login, apr_pool_t *p)
{
    int has_purpose = login->is_for != GT_LOGIN_SIGN_IN;
    const char *const texts[TEXTS_MAX] = {login->store, login->return_to,
                                          login->carries_user ? login->user : "", login->tenant,
                                          purposes[login->is_for]};
    int number = has_purpose || login->tenant[0] != '\0' ? TEXTS_MAX : login->carries_user ? 3 : 2;
    char *joined, *at;

    *len = (apr_size_t)number - 1;
    for (int i = 0; i < number; i++)
        *len += strlen(texts[i]);
    at = joined = apr_pcalloc(p, *len + 1);
    for (int i = 0; i < number; i++) {
        memcpy(at, texts[i], strlen(texts[i]));
        at += strlen(texts[i]) + 1;
    }
    return joined;
}

gt_err_t *gt_login_seal(const char **sealed, const gt_login_t *login, const gt_keyring_t *ring,
                        apr_pool_t *p)
{
    gt_place_t place = place_of(login);
    apr_size_t len;
    const char *texts = join_texts(&len, login, p);
    gt_secret_t *clear = gt_secret_blank(HEAD_BYTES + len, p);
    unsigned char *out = gt_secret_bytes(clear);
    apr_uint64_t seconds = (apr_uint64_t)apr_time_sec(login->started);

    memcpy(out, login->seed, SEED_BYTES);
    for (int i = 0; i < TIME_BYTES; i++)
        out[SEED_BYTES + i] = (unsigned char)(seconds >> (8 * (TIME_BYTES - 1 - i)));
    memcpy(out + HEAD_BYTES, texts, len);
    return gt_seal(sealed, ring, GT_KEY_COOKIE, GT_AES_256_GCM, &place, clear, p);
}

/** How many texts there are behind the head; 0: too many. @param texts  room for TEXTS_MAX */
static int split_texts(const char **texts, const char *in, apr_size_t len, apr_pool_t *p)
{
    for (int i = 0; i < TEXTS_MAX; i++) {
        const char *nul = memchr(in, '\0', len);
        apr_size_t here = nul != NULL ? (apr_size_t)(nul - in) : len;

        texts[i] = apr_pstrmemdup(p, in, here);
        if (nul == NULL)
            return i + 1;
        in = nul + 1;
        len -= here + 1;
    }
    return 0;
}

/** A user stands in it where the callback cannot name one, and only there. */
static int read_texts(gt_login_t *login, const char *in, apr_size_t len, apr_pool_t *p)
{
    const char *texts[TEXTS_MAX] = {"", "", "", "", ""};
    int number = split_texts(texts, in, len, p);

    if (number != TEXTS_MAX && number != (login->carries_user ? 3 : 2))
        return 0;
    if ((*texts[2] != '\0') != login->carries_user)
        return 0;
    login->store = texts[0];
    login->return_to = texts[1];
    if (login->carries_user)
        login->user = texts[2];
    login->tenant = texts[3];
    for (int i = 0; i < PURPOSES; i++) {
        if (strcmp(texts[4], purposes[i]) == 0) {
            login->is_for = (gt_login_for_t)i;
            return 1;
        }
    }
    return 0;
}

/** Read what gt_login_seal wrote; 0 when it is not that. */
static int read_clear(gt_login_t *login, const gt_secret_t *clear, apr_pool_t *p)
{
    const unsigned char *in = (const unsigned char *)gt_secret_text(clear);
    apr_size_t len = gt_secret_len(clear);
    apr_uint64_t seconds = 0;

    if (len < HEAD_BYTES + 1)
        return 0;
    memcpy(login->seed, in, SEED_BYTES);
    for (int i = 0; i < TIME_BYTES; i++)
        seconds = seconds << 8 | in[SEED_BYTES + i];
    if (seconds > APR_INT64_MAX / APR_USEC_PER_SEC)
        return 0;
    login->started = (apr_time_t)seconds * APR_USEC_PER_SEC;
    return read_texts(login, (const char *)in + HEAD_BYTES, len - HEAD_BYTES, p);
}

/** Why a cookie that opened is not for this callback, or NULL. */
static const char *fault_of(const gt_login_t *login, const char *state, const gt_login_t *expect,
                            apr_interval_time_t longest, apr_pool_t *p)
{
    apr_interval_time_t age = gt_now() - login->started;

    if (!gt_equal_ct(gt_login_state(login, p), state))
        return "it is another sign-in's";
    if (strcmp(login->store, expect->store) != 0)
        return "it is for another store";
    if (age > longest)
        return "it is too old";
    if (age < -EARLY)
        return "it is from the future";
    if (login->return_to[0] != '\0' && strcmp(login->return_to, GT_RETURN_KEPT) != 0 &&
        !gt_is_local_path(login->return_to))
        return "its return_to leads elsewhere";
    return NULL;
}

gt_err_t *gt_login_open(gt_login_t **login, const char *sealed, const char *state,
                        const gt_login_t *expect, apr_interval_time_t longest,
                        const gt_keyring_t *ring, apr_pool_t *p)
{
    gt_login_t *opened = apr_pmemdup(p, expect, sizeof(*expect));
    gt_place_t place = place_of(expect);
    gt_secret_t *clear = NULL;
    const char *fault = "it does not open";

    gt_wipe_with_pool(opened->seed, sizeof(opened->seed), p);
    if (sealed != NULL && state != NULL &&
        gt_unseal(&clear, ring, GT_KEY_COOKIE, &place, sealed, p) == GT_OK)
        fault = read_clear(opened, clear, p) ? fault_of(opened, state, expect, longest, p)
                                             : "it holds something else";
    if (fault == NULL) {
        *login = opened;
        return GT_OK;
    }
    gt_log(GT_LOG_INFO, NULL, "state of a sign-in with %s refused: %s", expect->provider, fault);
    return gt_err(p, GT_OVER, "GT0540",
                  "this sign-in is not known, too old, or began in another browser");
}

/* ---- the provider's answer ---- */

gt_err_t *gt_login_check_issuer(const gt_endpoints_t *endpoints, const char *iss, apr_pool_t *p)
{
    const char *issuer = endpoints->issuer, *hole = strstr(issuer, "{tenantid}");
    apr_size_t head = hole != NULL ? (apr_size_t)(hole - issuer) : strlen(issuer);
    const char *tail = hole != NULL ? hole + strlen("{tenantid}") : "";
    apr_size_t len = iss != NULL ? strlen(iss) : 0;
    int fits;

    if (iss == NULL && !endpoints->names_itself)
        return GT_OK;
    fits = len >= head + strlen(tail) && strncmp(iss, issuer, head) == 0 &&
           strcmp(iss + len - strlen(tail), tail) == 0 && (hole != NULL || len == head);
    return fits ? GT_OK
                : gt_err(p, GT_OVER, "GT0548",
                         "the answer is not of the provider that this sign-in was begun with");
}

static const char *tag_of(gt_class_t cls)
{
    switch (cls) {
    case GT_INTERACTION:
        return "GT0542";
    case GT_UPSTREAM:
    case GT_THROTTLED:
        return "GT0543";
    default:
        return "GT0547";
    }
}

/* The class of a provider's verdict that a browser brings: it concerns this sign-in alone. */
static gt_class_t class_of(const gt_refusal_t *found)
{
    if (found == NULL || found->cls == GT_CLIENT_BROKEN)
        return GT_REFUSED;
    if (found->ends_sign_in)
        return GT_FORBIDDEN;
    /* A callback says nothing about the grant that is stored. */
    return found->cls == GT_SIGN_IN ? GT_INTERACTION : found->cls;
}

gt_err_t *gt_login_error(const gt_provider_conf_t *conf, const char *error, const char *subcode,
                         const char *description, apr_pool_t *p)
{
    const gt_refusal_tables_t *tables = gt_provider_kind(conf)->refusals;
    apr_int64_t code = gt_refusal_number(tables, description);
    gt_said_t said = {gt_refusal_word(error), NULL, tables, &code, code > 0};
    const gt_refusal_t *found;
    apr_int64_t decided = 0;
    gt_err_t *err;
    gt_class_t cls;

    found = said.error != NULL ? gt_refusal_find(&decided, &said) : NULL;
    if (said.error != NULL && strcmp(said.error, "access_denied") == 0 &&
        (code == 0 || code == tables->cancelled ||
         (subcode != NULL && strcmp(subcode, "cancel") == 0))) {
        err = gt_err(p, GT_FORBIDDEN, "GT0541", "the sign-in was cancelled");
        err->hint = GT_HINT_CANCELLED;
    }
    else {
        cls = class_of(found);
        err = gt_err(p, cls, tag_of(cls), "the provider ended the sign-in: %s",
                     found != NULL ? found->meaning : "unknown reason");
        if (cls == GT_REFUSED)
            err->status = 403;
        if (cls == GT_FORBIDDEN)
            err->hint = GT_HINT_ACCOUNT;
    }
    err->code = gt_refusal_code(tables, decided, said.error, p);
    return err;
}
