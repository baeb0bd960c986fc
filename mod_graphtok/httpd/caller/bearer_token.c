/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The token of a caller. It comes in Authorization, or in the cookie that the administrator names;
 * in one of them and once (RFC 6750 section 2). It is never looked for in the query or the body:
 * addresses get into logs and histories. Another scheme than Bearer is no token of ours.
 */

#include "caller/bearer_token.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/secret.h"
#include "caller/cookies.h"
#include "child/bearers.h"
#include "request/rate_limit.h"

/* RFC 6750 section 2.1: b64token. */
static int is_b64token(const char *text)
{
    static const char others[] = "-._~+/";
    apr_size_t len = 0;

    while (apr_isalnum(text[len]) || (text[len] != '\0' && strchr(others, text[len]) != NULL))
        len++;
    return len > 0 && text[len + strspn(text + len, "=")] == '\0';
}

const char *gtm_bearer_shown(request_rec *r)
{
    const char *field = apr_table_get(r->headers_in, "Authorization");

    while (field != NULL && *field == ' ')
        field++;
    if (field == NULL || strncasecmp(field, "Bearer", 6) != 0 ||
        (field[6] != ' ' && field[6] != '\0'))
        return NULL;
    field += 6;
    return field + strspn(field, " ");
}

/** Tokens of one request. */
typedef struct shown_t {
    const char *token; /* the last one */
    int number;
} shown_t;

static void look_into_cookies(shown_t *shown, request_rec *r, const char *name)
{
    const apr_array_header_t *cookies = gtm_cookies(r);

    for (int i = 0; i < cookies->nelts; i++) {
        const gtm_cookie_t *cookie = &APR_ARRAY_IDX(cookies, i, gtm_cookie_t);

        if (strcmp(cookie->name, name) != 0 || *cookie->value == '\0')
            continue;
        shown->token = cookie->value;
        shown->number++;
    }
}

static gt_err_t *refuse_request(gtm_request_t *x, const char *why)
{
    x->bearer_error = "invalid_request";
    gt_bearer_count_malformed();
    return gt_err(x->r->pool, GT_INVALID, "GT0862", "%s", why);
}

static gt_err_t *find_token(const char **token, gtm_request_t *x, const char *cookie)
{
    shown_t shown = {gtm_bearer_shown(x->r), 0};

    *token = NULL;
    shown.number = shown.token != NULL;
    if (shown.token != NULL && !is_b64token(shown.token))
        return refuse_request(x, "Authorization holds no one token: write Bearer, a blank and it");
    if (cookie != NULL)
        look_into_cookies(&shown, x->r, cookie);
    if (shown.number > 1)
        return refuse_request(x, "the request brings several tokens: send one, in Authorization or "
                                 "in its cookie");
    *token = shown.token;
    x->bearer_in_cookie = shown.token != NULL && gtm_bearer_shown(x->r) == NULL;
    return GT_OK;
}

static gt_err_t *begin(int *is_done, gtm_request_t *x)
{
    gt_bearer_t *bearer = gtm_bearers_find(x->child, x->dir->caller_jwt);
    const char *token;
    gt_err_t *err;

    *is_done = 1;
    if (bearer == NULL)
        return gt_err(x->r->pool, GT_INTERNAL, "GT0863",
                      "this location names no <GraphTokJWT> that is configured");
    GT_TRY(find_token(&token, x, gt_bearer_conf(bearer)->cookie));
    if (token == NULL)
        return GT_OK;
    x->bearer = apr_pcalloc(x->r->pool, sizeof(*x->bearer));
    x->bearer->bearer = bearer;
    x->bearer->token = gt_secret_from(token, x->r->pool);
    *is_done = gt_bearer_check_now(&err, x->bearer, x->r->pool);
    return *is_done ? err : GT_OK;
}

gt_err_t *gtm_bearer_read(gtm_request_t *x)
{
    gt_err_t *err = GT_OK;
    int is_done = 1;

    x->caller.id = "";
    if (x->bearer == NULL)
        err = begin(&is_done, x);
    x->bearer_waits = !is_done;
    if (err != GT_OK)
        return gtm_bearer_refused(x, err);
    if (x->bearer == NULL || x->bearer_waits)
        return GT_OK;
    x->caller.id = x->bearer->user;
    x->caller.claims = x->bearer->claims;
    return GT_OK;
}

/* A refused token was verified first: a good one from the same address passes all the same. */
gt_err_t *gtm_bearer_refused(gtm_request_t *x, gt_err_t *err)
{
    if (err->cls == GT_SIGN_IN)
        x->bearer_error = "invalid_token";
    if (x->bearer_error != NULL) {
        gt_err_t *limited = gtm_limit_check(x);

        if (limited != GT_OK) {
            x->bearer_error = NULL;
            return limited;
        }
    }
    return err;
}
