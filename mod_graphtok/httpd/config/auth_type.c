/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A warning for a Require that cannot be met. httpd merges Require by its own rules (AuthMerging,
 * containers of Require); here the nearest sections with a Require count, as they do without
 * AuthMerging, which is enough for a warning.
 */

#include "config/auth_type.h"

#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>

#include "config/mounts.h"
#include "config/setters.h"
#include "config/tree.h"

APLOG_USE_MODULE(graphtok);

/** One AuthType, Require, or GraphTokPassToken. */
typedef struct rule_t {
    const ap_directive_t *node;
    const server_rec *server; /* NULL: every host */
    const char *path;
} rule_t;

/** The result of a walk, arrays of rule_t. */
typedef struct survey_t {
    const server_rec *servers;
    apr_array_header_t *types;
    apr_array_header_t *requires;
    apr_array_header_t *applications;
    apr_pool_t *p;
} survey_t;

static const char *first_word(const ap_directive_t *node, apr_pool_t *p)
{
    const char *args = node->args;

    return gtm_tree_word(&args, p);
}

static void visit(void *baton, const ap_directive_t *node)
{
    const survey_t *survey = baton;
    apr_array_header_t *list = NULL;
    const char *why, *path;

    if (gtm_tree_is(node, "AuthType"))
        list = survey->types;
    else if (gtm_tree_is(node, "Require"))
    list = survey->requires;
    else if (gtm_tree_is(node, "GraphTokPassToken") &&
             strcasecmp(first_word(node, survey->p), "off") != 0) list = survey->applications;
    path = list != NULL ? gtm_mounts_path(&why, node, survey->p) : NULL;
    if (path != NULL)
        APR_ARRAY_PUSH(list, rule_t) = (rule_t){node, gtm_tree_host(node, survey->servers), path};
}

/** 1 when a rule holds at a place. */
static int covers(const rule_t *rule, const server_rec *server, const char *path)
{
    return (rule->server == NULL || rule->server == server) &&
           gtm_mounts_is_below(path, rule->path);
}

/* Providers of Require that other modules bring are left to the log. */
static int wants_user(const ap_directive_t *node, apr_pool_t *p)
{
    static const char *const words[] = {"valid-user", "user", "group", "file-owner", "file-group"};
    const char *word = first_word(node, p);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(word, words[i]) == 0)
            return 1;
    }
    return 0;
}

/** The Require that cannot be met at a place, or NULL. */
static const rule_t *find_unmet(const survey_t *survey, const server_rec *server, const char *path)
{
    const rule_t *unmet = NULL;
    apr_size_t nearest = 0;

    for (int i = 0; i < survey->types->nelts; i++) {
        const rule_t *type = &APR_ARRAY_IDX(survey->types, i, rule_t);

        if (covers(type, server, path) &&
            strcasecmp(first_word(type->node, survey->p), "none") != 0)
            return NULL;
    }
    for (int i = 0; i < survey->requires->nelts; i++) {
        const rule_t *rule = &APR_ARRAY_IDX(survey->requires, i, rule_t);

        if (!covers(rule, server, path) || strlen(rule->path) < nearest)
            continue;
        if (strlen(rule->path) > nearest)
            unmet = NULL;
        nearest = strlen(rule->path);
        if (unmet == NULL && wants_user(rule->node, survey->p))
            unmet = rule;
    }
    return unmet;
}

static void check_place(apr_array_header_t *warnings, const survey_t *survey,
                        const server_rec *server, const char *path)
{
    const rule_t *unmet = find_unmet(survey, server, path);

    if (unmet == NULL)
        return;
    APR_ARRAY_PUSH(warnings, const char *) = apr_psprintf(
        survey->p,
        "%s: Require %s holds at %s, where no AuthType says how httpd gets a user: every request "
        "gets 500 (GT0838). Write AuthType GraphTok there for the users of sessions or tokens, or "
        "another AuthType; routes and GraphTokPassToken ask for a session themselves, and need no "
        "Require",
        gtm_where(unmet->node, survey->p), unmet->node->args, *path != '\0' ? path : "/");
}

void gtm_auth_type_check(apr_array_header_t *warnings, const apr_array_header_t *mounts,
                         const server_rec *s, apr_pool_t *p)
{
    survey_t survey = {s, apr_array_make(p, 4, sizeof(rule_t)),
                       apr_array_make(p, 4, sizeof(rule_t)), apr_array_make(p, 4, sizeof(rule_t)),
                       p};

    gtm_tree_each(visit, &survey);
    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);

        check_place(warnings, &survey, mount->server, mount->path);
    }
    for (int i = 0; i < survey.applications->nelts; i++) {
        const rule_t *rule = &APR_ARRAY_IDX(survey.applications, i, rule_t);

        check_place(warnings, &survey, rule->server, rule->path);
    }
}

int gtm_auth_type_missing(request_rec *r)
{
    const char *type = ap_auth_type(r);
    const gtm_dir_t *dir = gtm_dir(r);

    if (type != NULL && strcasecmp(type, "none") != 0)
        return DECLINED;
    if (gtm_mount(r) != NULL || (dir != NULL && dir->pass_to > GTM_PASS_OFF))
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "GT0838: a Require wants a user here, and no AuthType that httpd knows says how "
            "it gets one: %s is answered with 500. Write AuthType GraphTok, or leave this Require "
            "out",
            r->uri);
    return DECLINED;
}
