/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Issuers of callers' tokens as `httpd -t` judges them. Settings that would take any token, or a
 * token of any party, are errors; settings that take more than most want are warned of.
 */

#include "config/verify.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "base/text.h"
#include "conf/client_secret.h"
#include "config/mounts.h"
#include "config/setters.h"
#include "config/tree.h"
#include "crypt/key_set.h"

/* 1 when all required members are there. */
static int check_members(const gtm_verdict_t *v, const gt_jwt_conf_t *jwt)
{
    const struct {
        int is_there;
        const char *directive, *what;
    } members[] = {
        {jwt->issuer != NULL, "GraphTokJWTIssuer",
         "the claim iss of its tokens, or none where they have none"},
        {jwt->audience != NULL, "GraphTokJWTAudience",
         "what the claim aud of its tokens names, or none where they have none"},
        {jwt->algorithms != NULL, "GraphTokJWTAlgorithms", "how its tokens are signed, e.g. RS256"},
        {jwt->keys != NULL || jwt->keys_url != NULL, "GraphTokJWTKeys",
         "file:PATH of a shared secret, of PEM or of a JWKS, or the https address of a JWKS"}};
    int is_whole = 1;

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].is_there)
            continue;
        is_whole = 0;
        gtm_note(v->errors, jwt->where, "<GraphTokJWT %s> lacks %s: %s", jwt->name,
                 members[i].directive, members[i].what);
    }
    return is_whole;
}

/* Issuer and audience. */
static void check_parties(const gtm_verdict_t *v, const gt_jwt_conf_t *jwt)
{
    int any_issuer = strcmp(jwt->issuer, GT_JWT_NONE) == 0;
    int any_audience = strcmp(jwt->audience, GT_JWT_NONE) == 0;

    if (gt_jwt_conf_is_secret(jwt)) {
        if (any_issuer && any_audience)
            gtm_note(v->warnings, jwt->where,
                     "<GraphTokJWT %s>: GraphTokJWTIssuer none and GraphTokJWTAudience none: each "
                     "token passes that was signed with this secret, for any purpose",
                     jwt->name);
        else if (any_issuer || any_audience)
            gtm_note(v->warnings, jwt->where,
                     "<GraphTokJWT %s>: %s none: the claim %s is not judged", jwt->name,
                     any_issuer ? "GraphTokJWTIssuer" : "GraphTokJWTAudience",
                     any_issuer ? "iss" : "aud");
        return;
    }
    if (any_issuer && any_audience)
        gtm_note(
            v->errors, jwt->where,
            "<GraphTokJWT %s>: GraphTokJWTIssuer none and GraphTokJWTAudience none with public "
            "keys: each token of their owner would pass, also one made for another application; "
            "name the "
            "issuer and the audience",
            jwt->name);
    else if (any_audience)
        gtm_note(v->warnings, jwt->where,
                 "<GraphTokJWT %s>: GraphTokJWTAudience none: tokens that its issuer made for no "
                 "application by name pass",
                 jwt->name);
    else if (any_issuer)
        gtm_note(v->warnings, jwt->where,
                 "<GraphTokJWT %s>: GraphTokJWTIssuer none: the claim iss is not judged",
                 jwt->name);
}

/* ---- texts that no token has ---- */

#define DOCUMENT "/.well-known/openid-configuration"

static int is_document(const char *url)
{
    apr_size_t len = strlen(url), tail = strlen(DOCUMENT);

    return len >= tail && strcmp(url + len - tail, DOCUMENT) == 0;
}

/** NULL, or what is wrong with an issuer or audience. */
static const char *slip_of(const char *text)
{
    if (strcasecmp(text, GT_JWT_NONE) == 0 && strcmp(text, GT_JWT_NONE) != 0)
        return "is a name; the word for none at all is none";
    if (strcmp(text, "*") == 0)
        return "stands for itself alone, and is no pattern";
    if (strstr(text, "{tenantid}") != NULL)
        return "stands for itself alone: name the tenant; users of several tenants need a "
               "<GraphTokJWT NAME> for each";
    if (is_document(text))
        return "is the address of a document: write the issuer that stands in it";
    return NULL;
}

static void tell_slip(const gtm_verdict_t *v, const gt_jwt_conf_t *jwt, const char *directive,
                      const char *text, const char *slip)
{
    if (slip != NULL)
        gtm_note(v->warnings, jwt->where, "<GraphTokJWT %s>: %s '%s' %s: no token has it",
                 jwt->name, directive, text, slip);
}

static void check_texts(const gtm_verdict_t *v, const gt_jwt_conf_t *jwt)
{
    const apr_array_header_t *words = gt_split(jwt->audience, " ", v->p);

    tell_slip(v, jwt, "GraphTokJWTIssuer", jwt->issuer, slip_of(jwt->issuer));
    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *), *slip = slip_of(word);

        if (slip == NULL && words->nelts > 1 && strcmp(word, GT_JWT_NONE) == 0)
            slip = "among others is a name";
        if (slip == NULL && strchr(word, ',') != NULL)
            slip = "has a comma in it: write blanks between audiences";
        tell_slip(v, jwt, "GraphTokJWTAudience", word, slip);
    }
    if (jwt->keys_url != NULL && is_document(jwt->keys_url))
        gtm_note(v->warnings, jwt->where,
                 "<GraphTokJWT %s>: GraphTokJWTKeys %s holds no keys: write the jwks_uri that "
                 "stands in it",
                 jwt->name, jwt->keys_url);
}

static void check_secret(const gtm_verdict_t *v, const gt_jwt_conf_t *jwt, const gt_secret_t *text,
                         const char *const *algorithms)
{
    apr_size_t longest = 0, hash;

    if (!gt_jwt_conf_is_secret(jwt))
        return;
    if (gt_secret_has_lines(text))
        gtm_note(v->warnings, jwt->where,
                 "<GraphTokJWT %s>: the shared secret %s has several lines, all of which are the "
                 "one secret; it alone belongs there",
                 jwt->name, gt_source_name(jwt->keys));
    for (; *algorithms != NULL; algorithms++) {
        (void)gt_algorithm_kind(&hash, *algorithms);
        longest = hash > longest ? hash : longest;
    }
    if (gt_secret_len(text) < longest)
        gtm_note(
            v->warnings, jwt->where,
            "<GraphTokJWT %s>: the shared secret %s has %d bytes, and %s wants %d at least (RFC "
            "7518 section 3.2): who has one token can search for a weak secret; a good one: "
            "openssl rand -base64 48",
            jwt->name, gt_source_name(jwt->keys), (int)gt_secret_len(text), jwt->algorithms,
            (int)longest);
}

static void check_keys(const gtm_verdict_t *v, const gt_jwt_conf_t *jwt)
{
    const apr_array_header_t *words = gt_split(jwt->algorithms, " ", v->p);
    const char **algorithms =
        apr_pcalloc(v->p, sizeof(*algorithms) * (apr_size_t)(words->nelts + 1));
    const char *fault;
    gt_secret_t *text;

    for (int i = 0; i < words->nelts; i++)
        algorithms[i] = APR_ARRAY_IDX(words, i, const char *);
    if (jwt->keys == NULL)
        return;
    if (gt_source_kind(jwt->keys) == GT_LITERAL && gt_jwt_conf_is_secret(jwt))
        gtm_note(
            v->warnings, jwt->where,
            "<GraphTokJWT %s>: the shared secret stands in the configuration itself; file:PATH "
            "keeps it apart",
            jwt->name);
    gtm_look_at_secret(&text, v, jwt->where, "GraphTokJWTKeys", jwt->keys);
    if (text == NULL)
        return;
    if (gt_key_set_of_text(&fault, text, algorithms, v->p) == NULL)
        gtm_note(v->faults, jwt->where, "GraphTokJWTKeys of <GraphTokJWT %s>: %s %s", jwt->name,
                 gt_source_name(jwt->keys), fault);
    else
        check_secret(v, jwt, text, algorithms);
    gt_secret_wipe(text);
}

static void check_jwt(const gtm_verdict_t *v, const gt_jwt_conf_t *jwt)
{
    if (!check_members(v, jwt))
        return;
    check_parties(v, jwt);
    check_texts(v, jwt);
    if (jwt->keys_url != NULL && gt_jwt_conf_is_secret(jwt))
        gtm_note(
            v->errors, jwt->where,
            "<GraphTokJWT %s>: GraphTokJWTKeys %s publishes keys, and %s want a shared secret: "
            "each reader could sign",
            jwt->name, jwt->keys_url, jwt->algorithms);
    if (jwt->ca_file != NULL && jwt->keys_url == NULL)
        gtm_note(v->errors, jwt->where,
                 "<GraphTokJWT %s>: GraphTokCAFile goes with the https address of a JWKS",
                 jwt->name);
    check_keys(v, jwt);
    gtm_check_ca_file(v, jwt->where, jwt->ca_file);
}

/* Places that name one. */
static void visit(void *baton, const ap_directive_t *node)
{
    const gtm_verdict_t *v = baton;
    int is_user = gtm_tree_is(node, "GraphTokUser");
    const char *args = node->args, *name;

    if (is_user && strcmp(gtm_tree_word(&args, v->p), "jwt") != 0)
        return;
    if (!is_user && !gtm_tree_is(node, "GraphTokUseJWT"))
        return;
    name = gtm_tree_word(&args, v->p);
    if (gt_config_jwt(v->server->config, name) == NULL)
        gtm_note(v->errors, gtm_where(node, v->p), "%s: there is no <GraphTokJWT %s>",
                 is_user ? "GraphTokUser jwt" : "GraphTokUseJWT", name);
}

/* ---- two stores that take tokens of one issuer ---- */

/** A place whose callers show tokens. */
typedef struct place_t {
    const char *jwt;
    const gt_store_conf_t *store; /* NULL: it is not configured */
} place_t;

static place_t place_of(const gtm_verdict_t *v, const gtm_mount_t *mount)
{
    const gtm_dir_t *dir = gtm_mount_settings(mount, v->s, v->p);

    if (dir->caller_from != GT_CALLER_JWT)
        return (place_t){NULL, NULL};
    return (place_t){dir->caller_jwt, gt_config_store(v->server->config, dir->store)};
}

/** 1 when both take the same tokens, and a user id in one is another person's in the other. */
static int is_mixed(const place_t *one, const place_t *other)
{
    return one->store != NULL && other->store != NULL && strcmp(one->jwt, other->jwt) == 0 &&
           strcmp(one->store->user_column, other->store->user_column) != 0;
}

static void tell_mixed(const gtm_verdict_t *v, const gtm_mount_t *mount, const place_t *here,
                       const place_t *there)
{
    gtm_note(v->warnings, mount->where,
             "SetHandler %s at %s: <GraphTokJWT %s> serves the stores %s (%s) and %s (%s): a token "
             "of one is taken for the same id of the other; write a <GraphTokJWT> with keys of its "
             "own for each",
             mount->handler, mount->path, here->jwt, here->store->name, here->store->user_column,
             there->store->name, there->store->user_column);
}

/* Columns of other names hold the ids of other people: the number of a user is a teacher's, too.
 * Each place is told of once. */
static void check_stores(const gtm_verdict_t *v)
{
    const gtm_mount_t *mounts = (const gtm_mount_t *)v->server->mounts->elts;

    for (int i = 1; i < v->server->mounts->nelts; i++) {
        place_t here = place_of(v, &mounts[i]);
        int is_told = 0;

        for (int k = 0; k < i && !is_told; k++) {
            place_t there = place_of(v, &mounts[k]);

            is_told = is_mixed(&here, &there);
            if (is_told)
                tell_mixed(v, &mounts[i], &here, &there);
        }
    }
}

void gtm_check_jwts(const gtm_verdict_t *v)
{
    const apr_array_header_t *jwts = v->server->config->jwts;

    for (int i = 0; i < jwts->nelts; i++)
        check_jwt(v, APR_ARRAY_IDX(jwts, i, gt_jwt_conf_t *));
    gtm_tree_each(visit, (void *)v);
    check_stores(v);
}
