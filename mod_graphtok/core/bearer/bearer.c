/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Judging a caller's token: by crypt/jwt.h, with the profile that the configuration makes. All
 * refusals look the same from outside; the log names the rule, and never the token, nor a text of
 * it.
 */

#include "bearer/bearer.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/notice.h"
#include "base/secret.h"
#include "base/text.h"
#include "bearer/bearer_keys.h"
#include "crypt/jwt.h"

#define AHEAD apr_time_from_sec(60)      /* of `iat`: the issuer's clock is not ours */
#define LONGEST apr_time_from_sec(86400) /* that a token is remembered */
#define ACCESS_TOKEN "at+jwt"            /* RFC 9068 */

struct gt_bearer_t {
    const gt_jwt_conf_t *conf;
    gt_jwt_profile_t profile;
    gt_bearer_keys_t *keys;
    gt_remembered_t *remembered; /* NULL: none */
    unsigned char digest[32];    /* of all that is configured but the keys */
};

/** Classes of rules, for the figures; any other rule is about "claims". */
static const struct {
    const char *rule, *result;
} classes[] = {{"exp", "expired"},
               {"nbf", "too_early"},
               {"iat", "too_early"},
               {"iss", "issuer"},
               {"aud", "audience"},
               {"alg", "algorithm"},
               {"key-set", "key"},
               {"no-key", "key"},
               {"two-keys", "key"},
               {"signature", "signature"},
               {"signature-length", "signature"},
               {"typ", "header"},
               {"crit", "header"},
               {"b64", "header"},
               {"jku", "header"},
               {"x5u", "header"},
               {"jwk", "header"},
               {"kid", "header"},
               {"header", "header"},
               {"three-parts", "form"},
               {"payload-form", "form"},
               {"signature-form", "form"},
               {"payload", "form"},
               {"size", "size"}};

const char *const gt_bearer_results[] = {"accepted", "remembered", "expired", "too_early", "issuer",
                                         "audience", "algorithm",  "key",     "signature", "header",
                                         "form",     "size",       "claims",  "request",   NULL};

static void count(const char *result)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_CALLER, .detail = result});
}

static const char *class_of(const char *rule)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strcmp(classes[i].rule, rule) == 0)
            return classes[i].result;
    return "claims";
}

void gt_bearer_count_malformed(void)
{
    count("request");
}

/** A blank-separated text as a list that ends with NULL; NULL or "none": gt_jwt_any. */
static const char *const *list_of(const char *text, apr_pool_t *p)
{
    const apr_array_header_t *words;
    const char **list;

    if (text == NULL || strcmp(text, GT_JWT_NONE) == 0)
        return gt_jwt_any;
    words = gt_split(text, " ", p);
    list = apr_pcalloc(p, sizeof(*list) * (apr_size_t)(words->nelts + 1));
    for (int i = 0; i < words->nelts; i++)
        list[i] = APR_ARRAY_IDX(words, i, const char *);
    return list;
}

/** The same of one text, which may have blanks. */
static const char *const *only(const char *text, apr_pool_t *p)
{
    const char **list = apr_pcalloc(p, sizeof(*list) * 2);

    list[0] = text;
    return strcmp(text, GT_JWT_NONE) == 0 ? gt_jwt_any : list;
}

/* An issuer whose rules changed has no token of before. */
static void take_digest(gt_bearer_t *bearer, apr_pool_t *p)
{
    json_t *all = gt_json_object(p);
    const char *text;

    gt_members_to_json(all, bearer->conf, gt_jwt_members, p);
    text = gt_json_dump(all, p);
    gt_sha256(bearer->digest, text, strlen(text));
}

gt_bearer_t *gt_bearer_make(const gt_jwt_conf_t *conf, gt_crew_t *crew, gt_crew_t *readers,
                            apr_pool_t *p)
{
    gt_bearer_t *bearer = apr_pcalloc(p, sizeof(*bearer));

    bearer->conf = conf;
    bearer->profile = (gt_jwt_profile_t){.algorithms = list_of(conf->algorithms, p),
                                         .issuers = only(conf->issuer, p),
                                         .audiences = list_of(conf->audience, p),
                                         .also = ACCESS_TOKEN,
                                         .required = only(conf->user, p),
                                         .leeway = conf->leeway,
                                         .ahead = AHEAD};
    bearer->keys = gt_bearer_keys_make(conf, bearer->profile.algorithms, crew, readers, p);
    take_digest(bearer, p);
    return bearer;
}

void gt_bearer_remember(gt_bearer_t *bearer, gt_remembered_t *remembered)
{
    bearer->remembered = remembered;
}

void gt_bearer_follow(gt_bearer_t *bearer, apr_pool_t *scratch)
{
    gt_bearer_keys_follow(bearer->keys, scratch);
}

const gt_jwt_conf_t *gt_bearer_conf(const gt_bearer_t *bearer)
{
    return bearer->conf;
}

/* ---- judging ---- */

/** The user's id: a text, or a whole number in decimal; NULL: the claim is neither. */
static const char *user_of(const json_t *claims, const char *name, apr_pool_t *p)
{
    const json_t *claim = json_object_get(claims, name);
    const char *text = json_string_value(claim);

    if (json_is_integer(claim))
        return apr_psprintf(p, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(claim));
    return text != NULL && *text != '\0' && strlen(text) == json_string_length(claim) ? text : NULL;
}

/* RFC 7519 section 4.1.3: a token that names audiences is for them alone. */
static const char *judge_rest(const gt_bearer_check_t *check)
{
    const gt_bearer_t *bearer = check->bearer;

    if (bearer->profile.audiences == gt_jwt_any && json_object_get(check->claims, "aud") != NULL)
        return "aud";
    return check->user == NULL ? "user" : NULL;
}

static gt_err_t *refuse(gt_bearer_check_t *check, const char *rule, apr_pool_t *p)
{
    const gt_jwt_conf_t *conf = check->bearer->conf;

    check->claims = NULL;
    check->user = NULL;
    count(class_of(rule));
    gt_log(GT_LOG_INFO, NULL, "a caller's token is refused by <GraphTokJWT %s>: rule %s",
           conf->name, rule);
    return gt_err(p, GT_SIGN_IN, "GT0551", "the token is not accepted");
}

/** µs until `exp`, which was judged; LONGEST at the most. */
static apr_interval_time_t left_of(const json_t *claims, apr_time_t now)
{
    apr_interval_time_t left = gt_jwt_ends_at(claims) - now;

    return left < LONGEST ? left : LONGEST;
}

static gt_err_t *judge_claims(gt_bearer_check_t *check, const json_t *claims, apr_pool_t *p)
{
    const char *broken;

    check->claims = claims;
    check->user = user_of(claims, check->bearer->conf->user, p);
    broken = judge_rest(check);
    return broken != NULL ? refuse(check, broken, p) : GT_OK;
}

static gt_err_t *judge(gt_bearer_check_t *check, const gt_key_set_t *keys, apr_pool_t *p)
{
    const gt_bearer_t *bearer = check->bearer;
    const gt_remembered_by_t by = {bearer->digest, gt_key_set_digest(keys)};
    const gt_jwt_rules_t rules = {&bearer->profile, NULL, gt_now()};
    gt_remembered_name_t name;
    int is_known = gt_remembered_has(&name, bearer->remembered, check->token, &by);
    gt_jwt_t jwt;
    gt_err_t *err = gt_jwt_judge(&jwt, check->opened, keys, is_known, &rules, p);

    if (err != GT_OK)
        return refuse(check, err->code, p);
    GT_TRY(judge_claims(check, jwt.claims, p));
    if (!is_known)
        gt_remembered_keep(bearer->remembered, &name, left_of(jwt.claims, rules.now));
    count(is_known ? "remembered" : "accepted");
    return GT_OK;
}

/* Faults of form, which no key could cure: for such a token no key is looked for. @param kid out */
static gt_err_t *judge_form(const char **kid, gt_bearer_check_t *check, apr_pool_t *p)
{
    if (gt_secret_len(check->token) > GT_BEARER_MAX) {
        count("size");
        return gt_err(p, GT_TOO_LARGE, "GT0550", "the token is larger than 16 KiB");
    }
    if (check->opened == NULL) {
        const char *broken = gt_jwt_open(&check->opened, check->token, &check->bearer->profile, p);

        if (broken != NULL)
            return refuse(check, broken, p);
    }
    *kid = gt_jwt_opened_kid(check->opened);
    return GT_OK;
}

int gt_bearer_check_now(gt_err_t **err, gt_bearer_check_t *check, apr_pool_t *p)
{
    const gt_key_set_t *keys;
    const char *kid;

    *err = judge_form(&kid, check, p);
    if (*err != GT_OK)
        return 1;
    if (!gt_bearer_keys_at_hand(&keys, check->bearer->keys, kid, p))
        return 0;
    *err = judge(check, keys, p);
    return 1;
}

static gt_err_t *find(gt_task_t *task, void *state)
{
    gt_bearer_check_t *check = state;
    const char *kid;

    GT_TRY(judge_form(&kid, check, gt_task_pool(task)));
    check->find = (gt_find_bearer_keys_t){.keys = check->bearer->keys, .kid = kid};
    gt_then(task, &gt_find_bearer_keys, &check->find);
    return GT_OK;
}

static gt_err_t *judge_found(gt_task_t *task, void *state)
{
    gt_bearer_check_t *check = state;

    return judge(check, check->find.set, gt_task_pool(task));
}

static gt_step_fn *const check_steps[] = {find, judge_found, NULL};
const gt_work_t gt_check_bearer = {"check a caller's token", check_steps, NULL};
