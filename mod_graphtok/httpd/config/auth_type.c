/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Each check looks at the rules of a fixed path. Those of sections without one may count there as
 * well, so a check that misses something keeps silent where such a section has it.
 */

#include "config/auth_type.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>

#include "base/text.h"
#include "config/access.h"
#include "config/mounts.h"
#include "config/setters.h"

APLOG_USE_MODULE(graphtok);

#define OURS "GraphTok"
#define CLAIM "graphtok-claim"

/** Shared by all checks. */
typedef struct check_t {
    const gtm_access_t *access;
    const gt_config_t *config;
    apr_array_header_t *warnings;
    apr_array_header_t *told; /* of place_t: where a Require is not met */
    apr_pool_t *p;
} check_t;

typedef struct place_t {
    const server_rec *server; /* NULL: every host */
    const char *path;
} place_t;

static void warn(const check_t *c, const ap_directive_t *node, const char *text)
{
    APR_ARRAY_PUSH(c->warnings, const char *) =
        apr_pstrcat(c->p, gtm_where(node, c->p), ": ", text, NULL);
}

static const char *shown(const char *path)
{
    return *path != '\0' ? path : "/";
}

static const gtm_dir_t *settings_at(const check_t *c, const server_rec *server, const char *path)
{
    const gtm_mount_t there = {.server = server, .path = path};

    return gtm_mount_settings(&there, c->access->servers, c->p);
}

/** The issuer whose tokens AuthType GraphTok takes there, or NULL: it takes sessions. */
static const char *jwt_at(const check_t *c, const server_rec *server, const char *path)
{
    const gtm_dir_t *dir = settings_at(c, server, path);

    if (dir->use_jwt != NULL && *dir->use_jwt != '\0')
        return dir->use_jwt;
    return dir->caller_from == GT_CALLER_JWT ? dir->caller_jwt : NULL;
}

static int is_ours(const gtm_rule_t *type, apr_pool_t *p)
{
    return strcasecmp(gtm_rule_word(type, p), OURS) == 0;
}

static int is_claim(const gtm_rule_t *rule, apr_pool_t *p)
{
    return strcasecmp(gtm_rule_word(rule, p), CLAIM) == 0;
}

/* ---- a Require that wants a user where httpd gets none ---- */

/* Of other modules' providers of Require only the log can tell. */
static int wants_known_user(const gtm_rule_t *rule, apr_pool_t *p)
{
    static const char *const words[] = {"valid-user", "user",       "group",
                                        "file-owner", "file-group", CLAIM};
    const char *word = gtm_rule_word(rule, p);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(word, words[i]) == 0)
            return 1;
    return 0;
}

static int was_told(const check_t *c, const server_rec *server, const char *path)
{
    for (int i = 0; i < c->told->nelts; i++) {
        const place_t *place = &APR_ARRAY_IDX(c->told, i, place_t);

        if (place->server == server && strcmp(place->path, path) == 0)
            return 1;
    }
    return 0;
}

/** @return 1 when the place was warned of, now or before */
static int check_place(const check_t *c, const server_rec *server, const char *path)
{
    const gtm_rule_t *unmet = gtm_access_require(c->access, server, path, wants_known_user);

    if (was_told(c, server, path))
        return 1;
    if (unmet == NULL || gtm_access_type(c->access, server, path) != NULL)
        return 0;
    APR_ARRAY_PUSH(c->told, place_t) = (place_t){server, path};
    warn(c, unmet->node,
         apr_psprintf(
             c->p,
             "Require %s holds at %s, where no AuthType says how httpd gets a user: every request "
             "gets 500 (GT0838). Write AuthType GraphTok there for the users of sessions or "
             "tokens, or another AuthType; routes and GraphTokPassToken ask for a session "
             "themselves, and need no Require",
             unmet->node->args, shown(path)));
    return 1;
}

/* ---- AuthType GraphTok and GraphTokUseJWT without effect ---- */

/** 1 when a rule may count at a part of the places of another: below its path, in a virtual host,
 * or where one of the two has no fixed path. Those of the path itself are known. */
static int may_count_below(const gtm_rule_t *rule, const gtm_rule_t *from)
{
    return rule->path == NULL || from->path == NULL ||
           (gtm_mounts_is_below(rule->path, from->path) &&
            (strcmp(rule->path, from->path) != 0 || rule->server != from->server));
}

static int has_below(const apr_array_header_t *rules, const gtm_rule_t *from, apr_pool_t *p,
                     int (*fits)(const gtm_rule_t *rule, apr_pool_t *p))
{
    for (int i = 0; i < rules->nelts; i++) {
        const gtm_rule_t *rule = &APR_ARRAY_IDX(rules, i, gtm_rule_t);

        if (fits(rule, p) && may_count_below(rule, from))
            return 1;
    }
    return 0;
}

static const char *place_of(const gtm_rule_t *rule)
{
    return rule->path != NULL ? shown(rule->path) : "the places of its section";
}

static void check_use_jwt(const check_t *c, const gtm_rule_t *rule)
{
    const char *type =
        rule->path != NULL ? gtm_access_type(c->access, rule->server, rule->path) : NULL;

    if ((type != NULL && strcasecmp(type, OURS) == 0) ||
        has_below(c->access->types, rule, c->p, is_ours) ||
        (rule->path != NULL && check_place(c, rule->server, rule->path)))
        return;
    warn(c, rule->node,
         apr_psprintf(c->p,
                      "GraphTokUseJWT %s has no effect at %s: %s, and no token is looked at. Write "
                      "AuthType GraphTok and a Require there, such as Require valid-user",
                      rule->node->args, place_of(rule),
                      type != NULL ? apr_psprintf(c->p, "AuthType %s holds", type)
                                   : "no AuthType GraphTok holds"));
}

static void check_our_type(const check_t *c, const gtm_rule_t *rule)
{
    if ((rule->path != NULL &&
         gtm_access_require(c->access, rule->server, rule->path, gtm_require_wants_user) != NULL) ||
        has_below(c->access->requires, rule, c->p, gtm_require_wants_user))
        return;
    warn(c, rule->node,
         apr_psprintf(c->p,
                      "AuthType GraphTok has no effect at %s: no Require wants a user, so that "
                      "httpd asks for no token or session. Write Require valid-user, or "
                      "Require " CLAIM " NAME VALUE",
                      place_of(rule)));
}

static void check_claim(const check_t *c, const gtm_rule_t *rule)
{
    const char *type;

    if (rule->path == NULL || check_place(c, rule->server, rule->path))
        return;
    type = gtm_access_type(c->access, rule->server, rule->path);
    if (type != NULL && strcasecmp(type, OURS) == 0 && jwt_at(c, rule->server, rule->path) != NULL)
        return;
    warn(c, rule->node,
         apr_psprintf(c->p,
                      "Require %s is met by no request at %s: it judges the tokens of AuthType "
                      "GraphTok with GraphTokUseJWT, and there %s",
                      rule->node->args, shown(rule->path),
                      type != NULL && strcasecmp(type, OURS) != 0
                          ? apr_psprintf(c->p, "AuthType %s holds", type)
                          : "users come by sessions, which have no claims"));
}

/* ---- a sign-in that stands behind itself ---- */

static int serves(const gtm_dir_t *dir, const char *name)
{
    return dir->routes == NULL || gt_has_word(dir->routes, name);
}

/** The Require that wants a user of AuthType GraphTok at a route below a mount, or NULL. */
static const gtm_rule_t *ours_before(const check_t *c, const gtm_mount_t *mount, const char *route)
{
    const char *path = apr_pstrcat(c->p, mount->path, route, NULL);
    const char *type = gtm_access_type(c->access, mount->server, path);

    return type != NULL && strcasecmp(type, OURS) == 0
               ? gtm_access_require(c->access, mount->server, path, gtm_require_wants_user)
               : NULL;
}

static void check_sign_in(const check_t *c, const gtm_mount_t *mount)
{
    const gtm_dir_t *dir = settings_at(c, mount->server, mount->path);
    const char *name = jwt_at(c, mount->server, mount->path);
    const gt_jwt_conf_t *jwt = name != NULL ? gt_config_jwt(c->config, name) : NULL;
    const gtm_rule_t *login = ours_before(c, mount, "/login");
    const gtm_rule_t *callback = ours_before(c, mount, "/callback");

    if (name == NULL && login != NULL && serves(dir, "login"))
        warn(c, login->node,
             apr_psprintf(c->p,
                          "Require %s with AuthType GraphTok stands before the sign-in at %s: it "
                          "lets in users with a session, and none can begin one. Write <Location "
                          "\"%s\"> with Require all granted behind it; the other routes there ask "
                          "for the session themselves",
                          login->node->args, shown(mount->path), shown(mount->path)));
    else if (jwt != NULL && jwt->cookie == NULL && callback != NULL && serves(dir, "callback"))
        warn(c, callback->node,
             apr_psprintf(c->p,
                          "Require %s with AuthType GraphTok stands before %s/callback: browsers "
                          "come there from the provider, without a token, and get 401. Write "
                          "<Location \"%s/callback\"> with Require all granted, or name a "
                          "GraphTokJWTCookie",
                          callback->node->args, mount->path, mount->path));
}

/** A provider that calls the back channel shows no user. */
static void check_back_channel(const check_t *c, const gtm_mount_t *mount)
{
    const gtm_dir_t *dir = settings_at(c, mount->server, mount->path);
    const gt_provider_conf_t *provider =
        dir->provider != NULL ? gt_config_provider(c->config, dir->provider) : NULL;
    const char *path = apr_pstrcat(c->p, mount->path, "/logout/backchannel", NULL);
    const gtm_rule_t *rule =
        gtm_access_require(c->access, mount->server, path, gtm_require_wants_user);

    if (rule == NULL || provider == NULL || provider->kind != GT_KIND_OPENID ||
        dir->caller_from != GT_CALLER_SESSION || !serves(dir, "backchannel") ||
        ours_before(c, mount, "/login") != NULL)
        return;
    warn(c, rule->node,
         apr_psprintf(c->p,
                      "Require %s stands before %s, where the provider itself calls, as no user: "
                      "its sign-outs do not get through. Write <Location \"%s\"> with Require all "
                      "granted; the provider's signature is verified there",
                      rule->node->args, path, path));
}

static void each(const check_t *c, const apr_array_header_t *rules,
                 void (*check)(const check_t *c, const gtm_rule_t *rule),
                 int (*fits)(const gtm_rule_t *rule, apr_pool_t *p))
{
    for (int i = 0; i < rules->nelts; i++) {
        const gtm_rule_t *rule = &APR_ARRAY_IDX(rules, i, gtm_rule_t);

        if (fits == NULL || fits(rule, c->p))
            check(c, rule);
    }
}

static void check_application(const check_t *c, const gtm_rule_t *rule)
{
    if (rule->path != NULL)
        (void)check_place(c, rule->server, rule->path);
}

void gtm_auth_type_check(apr_array_header_t *warnings, const apr_array_header_t *mounts,
                         const gt_config_t *config, const server_rec *s, apr_pool_t *p)
{
    const check_t c = {gtm_access_find(s, p), config, warnings,
                       apr_array_make(p, 4, sizeof(place_t)), p};

    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);

        (void)check_place(&c, mount->server, mount->path);
        if (strcmp(mount->handler, "graphtok-auth") != 0)
            continue;
        check_sign_in(&c, mount);
        check_back_channel(&c, mount);
    }
    each(&c, c.access->applications, check_application, NULL);
    each(&c, c.access->use_jwts, check_use_jwt, NULL);
    each(&c, c.access->types, check_our_type, is_ours);
    each(&c, c.access->requires, check_claim, is_claim);
}

int gtm_auth_type_missing(request_rec *r)
{
    const char *type = ap_auth_type(r);
    const gtm_dir_t *dir = gtm_dir(r);

    if (type != NULL && strcasecmp(type, "none") != 0)
        return DECLINED;
    if (gtm_mount(r) != NULL ||
        (dir != NULL && (dir->pass_to > GTM_PASS_OFF || dir->use_jwt != NULL)))
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "GT0838: a Require wants a user here, and no AuthType that httpd knows says how "
            "it gets one: %s is answered with 500. Write AuthType GraphTok, or leave this Require "
            "out",
            r->uri);
    return DECLINED;
}
