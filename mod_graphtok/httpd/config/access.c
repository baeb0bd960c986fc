/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file access.c AuthType and Require by path. */

#include "config/access.h"

#include <strings.h>

#include <apr_strings.h>

#include "config/mounts.h"
#include "config/tree.h"

static apr_array_header_t *list_of(const gtm_access_t *access, const ap_directive_t *node)
{
    const char *args = node->args;

    if (gtm_tree_is(node, "AuthType"))
        return access->types;
    if (gtm_tree_is(node, "Require"))
    return access->requires;
    if (gtm_tree_is(node, "GraphTokUseJWT"))
        return gtm_tree_in(node, "<GraphTokClient") == NULL ? access->use_jwts : NULL;
    if (gtm_tree_is(node, "GraphTokPassToken") &&
        strcasecmp(gtm_tree_word(&args, access->p), "off") != 0)
        return access->applications;
    return NULL;
}

static void visit(void *baton, const ap_directive_t *node)
{
    const gtm_access_t *access = baton;
    apr_array_header_t *list = list_of(access, node);
    const char *why;

    if (list == NULL)
        return;
    APR_ARRAY_PUSH(list, gtm_rule_t) = (gtm_rule_t){.node = node,
                                                    .section = gtm_tree_in(node, "<Location"),
                                                    .server = gtm_tree_host(node, access->servers),
                                                    .path = gtm_mounts_path(&why, node, access->p)};
}

gtm_access_t *gtm_access_find(const server_rec *s, apr_pool_t *p)
{
    gtm_access_t *access = apr_pcalloc(p, sizeof(*access));

    *access = (gtm_access_t){s,
                             apr_array_make(p, 4, sizeof(gtm_rule_t)),
                             apr_array_make(p, 4, sizeof(gtm_rule_t)),
                             apr_array_make(p, 4, sizeof(gtm_rule_t)),
                             apr_array_make(p, 4, sizeof(gtm_rule_t)),
                             p};
    gtm_tree_each(visit, access);
    return access;
}

const char *gtm_rule_word(const gtm_rule_t *rule, apr_pool_t *p)
{
    const char *args = rule->node->args;

    return gtm_tree_word(&args, p);
}

/** 1 when a rule of this server (NULL: of the main one) holds at a path. */
static int covers(const gtm_rule_t *rule, const server_rec *server, const char *path)
{
    return rule->path != NULL && rule->server == server && gtm_mounts_is_below(path, rule->path);
}

static const gtm_rule_t *last_of(const apr_array_header_t *rules, const server_rec *server,
                                 const char *path)
{
    for (int i = rules->nelts - 1; i >= 0; i--)
        if (covers(&APR_ARRAY_IDX(rules, i, gtm_rule_t), server, path))
            return &APR_ARRAY_IDX(rules, i, gtm_rule_t);
    return server != NULL ? last_of(rules, NULL, path) : NULL;
}

const char *gtm_access_type(const gtm_access_t *access, const server_rec *server, const char *path)
{
    const gtm_rule_t *rule = last_of(access->types, server, path);
    const char *type = rule != NULL ? gtm_rule_word(rule, access->p) : "None";

    return strcasecmp(type, "None") != 0 ? type : NULL;
}

int gtm_require_wants_user(const gtm_rule_t *rule, apr_pool_t *p)
{
    static const char *const words[] = {"all",    "env",   "expr", "forward-dns",      "host", "ip",
                                        "method", "local", "ssl",  "ssl-verify-client"};
    const char *word = gtm_rule_word(rule, p);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(word, words[i]) == 0)
            return 0;
    return 1;
}

const gtm_rule_t *gtm_access_require(const gtm_access_t *access, const server_rec *server,
                                     const char *path,
                                     int (*fits)(const gtm_rule_t *rule, apr_pool_t *p))
{
    const gtm_rule_t *last = last_of(access->requires, server, path);

    for (int i = 0; last != NULL && i < access->requires->nelts; i++) {
        const gtm_rule_t *rule = &APR_ARRAY_IDX(access->requires, i, gtm_rule_t);

        if (rule->section == last->section && rule->path != NULL && fits(rule, access->p))
            return rule;
    }
    return NULL;
}

static int is_all_granted(const gtm_rule_t *rule, apr_pool_t *p)
{
    const char *args = rule->node->args;
    const char *first = gtm_tree_word(&args, p), *second = gtm_tree_word(&args, p);

    return strcasecmp(first, "all") == 0 && strcasecmp(second, "granted") == 0;
}

/** A rule of some methods leaves the others open. */
static int is_guard(const gtm_rule_t *rule, apr_pool_t *p)
{
    return !is_all_granted(rule, p) && gtm_tree_in(rule->node, "<Limit") == NULL &&
           gtm_tree_in(rule->node, "<LimitExcept") == NULL;
}

/** One of several is enough, unless they stand in a section that says otherwise. */
static int opens(const gtm_rule_t *rule, apr_pool_t *p)
{
    return is_all_granted(rule, p) && gtm_tree_in(rule->node, "<RequireAll") == NULL &&
           gtm_tree_in(rule->node, "<RequireNone") == NULL;
}

int gtm_access_is_open(const gtm_access_t *access, const server_rec *server, const char *path)
{
    return gtm_access_require(access, server, path, opens) != NULL ||
           gtm_access_require(access, server, path, is_guard) == NULL;
}

int gtm_access_is_guarded(const gtm_access_t *access, const server_rec *server, const char *path)
{
    int is_open = gtm_access_is_open(access, server, path);

    for (const server_rec *s = access->servers; s != NULL && server == NULL; s = s->next)
        is_open |= gtm_access_is_open(access, s, path);
    return !is_open;
}
