/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file oauth_refusal.c
 * The words of refusals, and the reading of a token endpoint's refusing answer.
 *
 * A number is looked up first, in the table of the provider's kind, because it alone tells "the
 * secret expired" from "the secret is wrong"; Microsoft may add numbers, so an unknown one is
 * judged by suberror, then by error, then by status. Only invalid_grant with status 400 may take a
 * grant away: a proxy's 502, a captive portal's page, our own expired secret must never sign all
 * users out. Each row says as well how far the cause reaches (gt_extent_t): a refusal holds back
 * all calls that the same cause would fail, and no others.
 */

#include "oauth/oauth_refusal.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "base/text.h"
#include "oauth/claims.h"
#include "oauth/token.h"

#define CODES_MAX 8
#define THROTTLE_WAIT apr_time_from_sec(5)

static const gt_refusal_word_t by_suberror[] = {
    {"bad_token", {GT_SIGN_IN, GT_EXTENT_USER, "the grant is dead", 0, 0}},
    {"token_expired", {GT_SIGN_IN, GT_EXTENT_USER, "the grant has expired", 0, 0}},
    {"invalid_rapt",
     {GT_SIGN_IN, GT_EXTENT_USER, "the organisation's session length ended the grant", 0, 0}},
    {"rapt_required",
     {GT_SIGN_IN, GT_EXTENT_USER, "the organisation's session length ended the grant", 0, 0}},
    {"basic_action", {GT_INTERACTION, GT_EXTENT_USER, "the user can mend it by signing in", 0, 0}},
    {"additional_action",
     {GT_INTERACTION, GT_EXTENT_USER, "the user must do something at the provider", 0, 0}},
    {"message_only",
     {GT_INTERACTION, GT_EXTENT_USER, "a policy of the tenant stops this sign-in", 0, 0}},
    {"consent_required", {GT_INTERACTION, GT_EXTENT_USER, "consent is missing", 0, 0}},
    {"user_password_expired", {GT_INTERACTION, GT_EXTENT_USER, "the password has expired", 0, 0}},
    {"client_mismatch", {GT_REFUSED, GT_EXTENT_USER, "the grant belongs to another client", 0, 0}},
    {"protection_policy_required",
     {GT_REFUSED, GT_EXTENT_USER, "a managed device is wanted", 0, 0}},
    {"device_authentication_failed", {GT_REFUSED, GT_EXTENT_USER, "the device is not known", 0, 0}},
};

static const gt_refusal_word_t by_error[] = {
    {"invalid_grant", {GT_SIGN_IN, GT_EXTENT_USER, "the grant is not valid any more", 0, 0}},
    {"interaction_required",
     {GT_INTERACTION, GT_EXTENT_USER, "the provider wants to see the user", 0, 0}},
    {"login_required", {GT_INTERACTION, GT_EXTENT_USER, "no session at the provider", 0, 0}},
    {"consent_required", {GT_INTERACTION, GT_EXTENT_USER, "consent is missing", 0, 0}},
    {"account_selection_required",
     {GT_INTERACTION, GT_EXTENT_USER, "an account must be chosen", 0, 0}},
    {"access_denied", {GT_REFUSED, GT_EXTENT_USER, "access was denied", 0, 0}},
    {"admin_policy_enforced",
     {GT_REFUSED, GT_EXTENT_USER, "a policy of the organisation forbids it", 0, 0}},
    {"invalid_client",
     {GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the client id or secret is not accepted", 0, 0}},
    {"deleted_client",
     {GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the registration was deleted", 0, 0}},
    {"unauthorized_client",
     {GT_CLIENT_BROKEN, GT_EXTENT_TENANT, "the client may not do this", 0, 0}},
    {"invalid_request",
     {GT_CLIENT_BROKEN, GT_EXTENT_CALL, "the provider does not accept our kind of request", 0, 0}},
    {"invalid_scope", {GT_CLIENT_BROKEN, GT_EXTENT_TENANT, "the scopes are not valid", 0, 0}},
    {"invalid_resource", {GT_CLIENT_BROKEN, GT_EXTENT_TENANT, "the resource is not known", 0, 0}},
    {"invalid_tenant", {GT_CLIENT_BROKEN, GT_EXTENT_TENANT, "the tenant is not known", 0, 0}},
    {"invalid_instance",
     {GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the sign-in host is wrong", 0, 0}},
    {"redirect_uri_mismatch",
     {GT_CLIENT_BROKEN, GT_EXTENT_CALL, "the redirect URI is not registered", 0, 0}},
    {"unsupported_grant_type",
     {GT_CLIENT_BROKEN, GT_EXTENT_CALL, "the grant type is not supported", 0, 0}},
    {"unsupported_response_type",
     {GT_CLIENT_BROKEN, GT_EXTENT_CALL, "the response type is not supported", 0, 0}},
    {"temporarily_unavailable",
     {GT_UPSTREAM, GT_EXTENT_PROVIDER, "the provider is not available now", 0, 0}},
    {"server_error", {GT_UPSTREAM, GT_EXTENT_PROVIDER, "a fault of the provider", 0, 0}},
    {"bad_verification_code",
     {GT_REFUSED, GT_EXTENT_USER, "the device code is wrong or expired", 0, 0}},
    {"authorization_pending",
     {GT_THROTTLED, GT_EXTENT_USER, "the user has not answered yet", THROTTLE_WAIT, 0}},
    {"rate_limit", {GT_THROTTLED, GT_EXTENT_PROVIDER, "we ask too often", THROTTLE_WAIT, 0}},
    {"rate_limit_exceeded",
     {GT_THROTTLED, GT_EXTENT_PROVIDER, "we ask too often", THROTTLE_WAIT, 0}},
};

/* RFC 8628 3.5. These tell more than a number that may come with them, which can be the one of a
 * sign-in that is still awaited. */
static const gt_refusal_word_t by_device[] = {
    {"slow_down", {GT_THROTTLED, GT_EXTENT_USER, "we ask too often", THROTTLE_WAIT, 0}},
    {"authorization_declined",
     {GT_REFUSED, GT_EXTENT_USER, "the user has declined the sign-in", 0, 0}},
    {"expired_token", {GT_REFUSED, GT_EXTENT_USER, "the device code has expired", 0, 0}},
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const gt_refusal_t *find_number(const gt_refusal_tables_t *tables, apr_int64_t number)
{
    const gt_refusal_row_t *rows = tables != NULL ? tables->rows : NULL;

    for (; rows != NULL && rows->codes != NULL; rows++)
        for (const int *code = rows->codes; *code != 0; code++)
            if (*code == number)
                return &rows->verdict;
    return NULL;
}

static const gt_refusal_t *find_word(const gt_refusal_word_t *rows, size_t n, const char *word)
{
    for (size_t i = 0; word != NULL && i < n; i++)
        if (strcmp(rows[i].word, word) == 0)
            return &rows[i].verdict;
    return NULL;
}

/** A word of the provider's kind. */
static const gt_refusal_t *find_own_word(const gt_refusal_tables_t *tables, const char *word)
{
    const gt_refusal_word_t *row = tables != NULL ? tables->words : NULL;

    for (; word != NULL && row != NULL && row->word != NULL; row++)
        if (strcmp(row->word, word) == 0)
            return &row->verdict;
    return NULL;
}

const gt_refusal_t *gt_refusal_find(apr_int64_t *code, const gt_said_t *said)
{
    const gt_refusal_t *verdict = find_word(by_device, ROWS(by_device), said->error);

    *code = 0;
    if (verdict != NULL)
        return verdict;
    /* Several numbers come general first (70002, 54005): the general ones are in no table. */
    for (int i = 0; i < said->n_codes; i++) {
        verdict = find_number(said->tables, said->codes[i]);
        if (verdict != NULL) {
            *code = said->codes[i];
            return verdict;
        }
    }
    *code = said->n_codes > 0 ? said->codes[said->n_codes - 1] : 0;
    verdict = find_word(by_suberror, ROWS(by_suberror), said->suberror);
    if (verdict == NULL)
        verdict = find_own_word(said->tables, said->error);
    if (verdict == NULL)
        verdict = find_word(by_error, ROWS(by_error), said->error);
    return verdict;
}

apr_int64_t gt_refusal_number(const gt_refusal_tables_t *tables, const char *description)
{
    apr_size_t head = tables != NULL ? strlen(tables->prefix) : 0;
    apr_int64_t number = 0;
    const char *digit;

    if (head == 0 || description == NULL || strncmp(description, tables->prefix, head) != 0)
        return 0;
    for (digit = description + head; *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (*digit - '0');
        if (number > 999999999)
            return 0;
    }
    return number;
}

const char *gt_refusal_code(const gt_refusal_tables_t *tables, apr_int64_t number, const char *word,
                            apr_pool_t *p)
{
    if (tables != NULL && number > 0)
        return apr_psprintf(p, "%s%" APR_INT64_T_FMT, tables->prefix, number);
    return apr_pstrdup(p, word);
}

const char *gt_refusal_meaning(const gt_refusal_tables_t *tables, const char *code)
{
    const apr_int64_t number = gt_refusal_number(tables, code);
    apr_int64_t decided;
    const gt_said_t said = {
        .error = code, .tables = tables, .codes = &number, .n_codes = number > 0};
    const gt_refusal_t *verdict = gt_refusal_find(&decided, &said);

    return verdict != NULL ? verdict->meaning : NULL;
}

const char *gt_refusal_word(const char *word)
{
    size_t len;

    if (word == NULL)
        return NULL;
    len = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return len >= 1 && len <= 64 && word[len] == '\0' ? word : NULL;
}

/** The numbers of an answer: from error_codes, else from the head of the description. */
static int read_codes(apr_int64_t codes[CODES_MAX], const json_t *answer,
                      const gt_refusal_tables_t *tables)
{
    const json_t *list = json_object_get(answer, "error_codes");
    int n = 0;

    for (size_t i = 0; i < json_array_size(list) && n < CODES_MAX; i++) {
        json_int_t number = json_integer_value(json_array_get(list, i));

        if (number > 0 && number <= 999999999)
            codes[n++] = number;
    }
    if (n == 0) {
        codes[0] = gt_refusal_number(tables, gt_json_text(answer, "error_description"));
        n = codes[0] > 0;
    }
    return n;
}

static const char *tag_of(gt_class_t cls)
{
    switch (cls) {
    case GT_SIGN_IN:
        return "GT0520";
    case GT_INTERACTION:
        return "GT0521";
    case GT_CLIENT_BROKEN:
        return "GT0522";
    case GT_THROTTLED:
        return "GT0523";
    case GT_UPSTREAM:
        return "GT0524";
    default:
        return "GT0525";
    }
}

/** The class that a status gives by itself; GT_CLASSES: the body decides. */
static gt_class_t class_of_status(int status, apr_interval_time_t retry_after)
{
    if (status == 429)
        return GT_THROTTLED;
    if (status >= 500 && status <= 599 && retry_after > 0)
        return GT_THROTTLED;
    if (status < 400 || status == 408 || status >= 500)
        return GT_UPSTREAM;
    return GT_CLASSES;
}

static gt_refusal_t judge(int status, apr_interval_time_t retry_after, const gt_refusal_t *found,
                          const char *error)
{
    gt_refusal_t verdict = {GT_REFUSED, GT_EXTENT_USER, "the provider gives an unknown reason", 0,
                            0};
    gt_class_t fixed = class_of_status(status, retry_after);

    if (found != NULL)
        verdict = *found;
    else if (error == NULL)
        verdict = (gt_refusal_t){GT_UPSTREAM, GT_EXTENT_PROVIDER,
                                 "the provider's answer is not OAuth's", 0, 0};
    else if (status == 401) /* RFC 6749 5.2: the client is not who it says */
        verdict = (gt_refusal_t){GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, verdict.meaning, 0, 0};

    if (fixed != GT_CLASSES && verdict.cls != GT_THROTTLED) {
        verdict.cls = fixed;
        verdict.extent = GT_EXTENT_PROVIDER;
        verdict.meaning =
            fixed == GT_THROTTLED ? "the provider asks us to wait" : "the provider is in trouble";
    }
    if (verdict.cls == GT_SIGN_IN &&
        (status != 400 || error == NULL || strcmp(error, "invalid_grant") != 0))
        verdict.cls = GT_INTERACTION;
    if (verdict.cls == GT_THROTTLED && verdict.retry_after == 0)
        verdict.retry_after = THROTTLE_WAIT;
    if (retry_after > 0)
        verdict.retry_after = retry_after;
    return verdict;
}

gt_err_t *gt_token_verdict(const gt_refusal_tables_t *tables, int status, const char *body,
                           apr_size_t len, apr_interval_time_t retry_after, apr_pool_t *p)
{
    apr_int64_t codes[CODES_MAX];
    apr_int64_t code = 0;
    gt_said_t said = {NULL, NULL, tables, codes, 0};
    const gt_refusal_t *found = NULL;
    const char *request_id = NULL;
    gt_refusal_t verdict;
    json_t *answer = NULL;
    gt_err_t *err;

    if (gt_json_parse_answer(&answer, body, len, p) != GT_OK || !json_is_object(answer))
        answer = NULL;
    if (answer != NULL) {
        said.error = gt_refusal_word(gt_json_text(answer, "error"));
        said.suberror = gt_json_text(answer, "suberror");
        if (said.suberror == NULL)
            said.suberror = gt_json_text(answer, "error_subtype");
        said.n_codes = read_codes(codes, answer, tables);
        found = said.error != NULL ? gt_refusal_find(&code, &said) : NULL;
        request_id = gt_refusal_word(gt_json_text(answer, "trace_id"));
    }
    verdict = judge(status, retry_after, found, said.error);
    err = gt_err(p, verdict.cls, tag_of(verdict.cls), "%s (status %d)", verdict.meaning, status);
    err->code = gt_refusal_code(tables, code, said.error, p);
    err->request_id = request_id != NULL ? apr_pstrdup(p, request_id) : NULL;
    err->extent = verdict.extent;
    err->retry_after = verdict.retry_after;
    /* A user who may not is no outage of the provider's. */
    if (verdict.cls == GT_REFUSED && verdict.ends_sign_in) {
        err->status = 403;
        err->hint = GT_HINT_ACCOUNT;
    }
    if (verdict.cls == GT_INTERACTION)
        err->claims = gt_claims_read(gt_json_text(answer, "claims"), p);
    return err;
}
