/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The setters of directives of a location that take more than one value. They run as those of
 * setters.c do.
 */

#include "config/setters.h"

#include <string.h>

#include <apr_strings.h>
#include <http_log.h>

#include "base/address.h"
#include "base/text.h"
#include "config/given_names.h"
#include "config/route_set.h"
#include "net/url.h"

APLOG_USE_MODULE(graphtok);

/** The names of all routes, by handler, for a message. */
static const char *route_names(apr_pool_t *p)
{
    const char *names = "";

    for (const gtm_route_set_t *set_row = gtm_route_sets(); set_row->handler != NULL; set_row++)
        names =
            apr_pstrcat(p, names, *names != '\0' ? "; " : "", gtm_route_names(set_row->handler, p),
                        " (", set_row->handler, ")", NULL);
    return names;
}

const char *gtm_set_providers(cmd_parms *cmd, void *baton, const char *args)
{
    gtm_dir_t *dir = baton;
    const char *list = gtm_setter_joined(cmd, args), *rest = list;

    if (*list == '\0')
        return "GraphTokUseProvider takes the name of a <GraphTokProvider>, or several";
    dir->provider = ap_getword_conf(cmd->pool, &rest);
    return gtm_set_in_dir(cmd, dir, list);
}

const char *gtm_set_routes(cmd_parms *cmd, void *dir, const char *args)
{
    const char *list = gtm_setter_joined(cmd, args);
    const apr_array_header_t *names = gt_split(list, " ", cmd->pool);

    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (!gtm_route_is_name(name))
            return apr_psprintf(cmd->pool, "GraphTokRoutes: '%s' is none of: %s", name,
                                route_names(cmd->pool));
    }
    return gtm_set_in_dir(cmd, dir, list);
}

const char *gtm_set_mailboxes(cmd_parms *cmd, void *dir, const char *args)
{
    const char *list = gtm_setter_joined(cmd, args);
    const apr_array_header_t *patterns = gt_split(list, " ", cmd->pool);

    for (int i = 0; i < patterns->nelts; i++) {
        const char *pattern = APR_ARRAY_IDX(patterns, i, const char *);

        if (strcmp(pattern, "*") != 0 &&
            !gt_is_email(*pattern == '*' ? apr_pstrcat(cmd->pool, "a", pattern + 1, NULL)
                                         : pattern))
            return apr_psprintf(
                cmd->pool, "GraphTokSharedMailboxes: '%s' is no address, no *@domain and not *",
                pattern);
    }
    return gtm_set_in_dir(cmd, dir, list);
}

/** An origin, or "*"; NULL with what is wrong. */
static const char *origin_of(const char **why, const char *word, apr_pool_t *p)
{
    const char *origin = strcmp(word, "*") == 0 ? word : gt_url_exact_origin(word, p);

    *why = NULL;
    if (origin != NULL)
        return origin;
    if (strcasecmp(word, "null") == 0)
        *why = "is what frames and files of any site send: name the origin of a site";
    else if (strchr(word, '*') != NULL)
        *why = "stands for many hosts: name each origin, or write * for all, without their cookies";
    else
        *why = "is no origin: write scheme, host and, if it is not the scheme's own, the port, "
               "such as https://app.example.org, without a path and without / at the end";
    return NULL;
}

const char *gtm_set_origins(cmd_parms *cmd, void *dir, const char *args)
{
    const apr_array_header_t *words = gt_split(gtm_setter_joined(cmd, args), " ", cmd->pool);
    const char *list = "", *why;

    if (words->nelts == 1 && strcmp(APR_ARRAY_IDX(words, 0, const char *), "none") == 0)
        return gtm_set_in_dir(cmd, dir, "none");
    if (words->nelts == 0 || *APR_ARRAY_IDX(words, 0, const char *) == '\0')
        return "GraphTokAllowOrigin needs: ORIGIN ..., * for all origins, or none";
    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        const char *origin = origin_of(&why, word, cmd->pool);

        if (origin == NULL)
            return apr_psprintf(cmd->pool, "GraphTokAllowOrigin: '%s' %s", word, why);
        list = apr_pstrcat(cmd->pool, list, *list != '\0' ? " " : "", origin, NULL);
    }
    return gtm_set_in_dir(cmd, dir, list);
}

/** GraphTokUser expr=…: httpd's own parser finds the faults. */
static const char *set_user_expr(cmd_parms *cmd, gtm_dir_t *dir, const char *text)
{
    const char *fault = NULL;
    const char *err = gtm_setter_set(cmd, dir, gtm_dir_members, "user_expr", text);

    if (err != NULL)
        return err;
    dir->caller_from = GT_CALLER_EXPR;
    dir->caller_expr = ap_expr_parse_cmd(cmd, text, AP_EXPR_FLAG_STRING_RESULT, &fault, NULL);
    return fault == NULL ? NULL
                         : apr_pstrcat(cmd->pool, "GraphTokUser expr=", text, ": ", fault, NULL);
}

const char *gtm_set_user(cmd_parms *cmd, void *baton, const char *from, const char *name)
{
    gtm_dir_t *dir = baton;
    const char *err = gtm_setter_enter_dir(cmd, dir);

    dir->caller_name = "";
    dir->caller_text = "";
    dir->caller_jwt = "";
    dir->caller_expr = NULL;
    if (err == NULL && name == NULL && strncmp(from, "expr=", 5) == 0)
        return set_user_expr(cmd, dir, from + 5);
    if (err == NULL && strncmp(from, "expr", 4) == 0)
        return "GraphTokUser expr= needs one expression: GraphTokUser \"expr=%{…}\"";
    if (err == NULL)
        err = gtm_setter_set(cmd, dir, gtm_dir_members, "user_from", from);
    if (err != NULL)
        return err;
    if (dir->caller_from == GT_CALLER_STATIC)
        return name != NULL ? gtm_setter_set(cmd, dir, gtm_dir_members, "user", name)
                            : "GraphTokUser static needs a user: GraphTokUser static NAME";
    if (dir->caller_from == GT_CALLER_JWT)
        return name != NULL ? gtm_setter_set(cmd, dir, gtm_dir_members, "user_jwt", name)
                            : "GraphTokUser jwt needs the name of a <GraphTokJWT NAME>";
    if (name != NULL)
        return apr_psprintf(cmd->pool, "GraphTokUser %s takes no name: static and jwt do", from);
    return NULL;
}

/** NAME or KEY=VALUE of GraphTokPassToken. */
static const char *set_pass_option(cmd_parms *cmd, gtm_dir_t *dir, const char *word)
{
    const char *why;

    if (strncmp(word, "resource=", 9) == 0)
        return gtm_setter_set(cmd, dir, gtm_dir_members, "pass_resource", word + 9);
    if (strncmp(word, "missing=", 8) == 0)
        return gtm_setter_set(cmd, dir, gtm_dir_members, "pass_missing", word + 8);
    if (strchr(word, '=') != NULL)
        return apr_psprintf(cmd->pool,
                            "GraphTokPassToken: '%s' is neither a NAME nor resource=graph nor "
                            "missing=sign-in|refuse|none",
                            word);
    why = gtm_given_name_refuse(word, dir->pass_to == GTM_PASS_ENV);
    if (why != NULL)
        return apr_psprintf(cmd->pool, "GraphTokPassToken: '%s' %s", word, why);
    return gtm_setter_set(cmd, dir, gtm_dir_members, "pass_name", word);
}

/* Name and options of an outer section do not belong to this one's header or env. */
const char *gtm_set_pass(cmd_parms *cmd, void *baton, const char *args)
{
    gtm_dir_t *dir = baton;
    const char *err = gtm_setter_enter_dir(cmd, dir);

    if (err == NULL)
        err = gtm_setter_set(cmd, dir, gtm_dir_members, "pass_token",
                             ap_getword_conf(cmd->pool, &args));
    if (err != NULL)
        return err;
    if (dir->pass_to == GTM_PASS_OFF)
        return *args == '\0' ? NULL : "GraphTokPassToken off stands alone";
    dir->pass_name = dir->pass_to == GTM_PASS_ENV ? GTM_PASS_VARIABLE : GTM_PASS_FIELD;
    dir->pass_resource = 0;
    dir->pass_missing = GTM_MISSING_SIGN_IN;
    while (err == NULL && *args != '\0')
        err = set_pass_option(cmd, dir, ap_getword_conf(cmd->pool, &args));
    return err;
}

static int limit_class(const char *name)
{
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++) {
        if (strcmp(gtm_limit_names[i], name) == 0)
            return i;
    }
    return -1;
}

static const char *set_all_limits(gtm_dir_t *dir, int is_off)
{
    dir->limits_off = is_off;
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++)
        dir->limits[i] = is_off ? (gt_limit_t){0, 0} : gtm_limit_defaults[i];
    return NULL;
}

/** One pair of GraphTokLimit. A class that is named counts, even where an outer section said
 * off. */
static const char *set_class_limit(cmd_parms *cmd, gtm_dir_t *dir, const char *name,
                                   const char *value)
{
    int cls = limit_class(name);
    gt_limit_t limit = {0, 0};

    if (cls < 0) {
        const char *names = gtm_limit_names[0];

        for (int i = 1; i < GTM_LIMIT_CLASSES; i++)
            names = apr_pstrcat(cmd->pool, names, " ", gtm_limit_names[i], NULL);
        return apr_psprintf(cmd->pool, "GraphTokLimit: '%s' is none of: off on %s", name, names);
    }
    if (*value == '\0')
        return apr_psprintf(
            cmd->pool, "GraphTokLimit %s lacks its value: COUNT/SPAN such as 10/min, or off", name);
    if (strcmp(value, "off") != 0 && !gt_limit_parse(&limit, value))
        return apr_psprintf(cmd->pool,
                            "GraphTokLimit %s: '%s' is neither COUNT/SPAN, such as 10/min, 20/h or "
                            "5/10s, nor off",
                            name, value);
    dir->limits[cls] = limit;
    dir->limits_off = 0;
    return NULL;
}

const char *gtm_set_limit(cmd_parms *cmd, void *baton, const char *args)
{
    gtm_dir_t *dir = baton;
    const char *err = gtm_setter_enter_dir(cmd, dir);
    const char *word = ap_getword_conf(cmd->pool, &args);

    if (err == NULL && *word == '\0')
        return "GraphTokLimit needs: off, on, or CLASS COUNT/SPAN pairs such as events 200/min";
    if (err == NULL && (strcmp(word, "off") == 0 || strcmp(word, "on") == 0)) {
        if (*args != '\0')
            return apr_psprintf(cmd->pool,
                                "GraphTokLimit %s stands alone: classes go on a line "
                                "of their own",
                                word);
        return set_all_limits(dir, strcmp(word, "off") == 0);
    }
    while (err == NULL && *word != '\0') {
        err = set_class_limit(cmd, dir, word, ap_getword_conf(cmd->pool, &args));
        word = ap_getword_conf(cmd->pool, &args);
    }
    return err;
}
