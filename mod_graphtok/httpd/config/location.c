/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The members of a location's settings, their defaults, and their JSON. The limits are no members:
 * each class has two numbers, which one directive sets in any combination.
 */

#include <stddef.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/member_rows.h"
#include "conf/allow.h"
#include "config/setters.h"
#include "net/url.h"

const char *const gtm_limit_names[GTM_LIMIT_CLASSES] = {
    "login",  "callback", "user",     "calendar", "events", "create",
    "update", "delete",   "exchange", "send",     "graph"};

const gt_limit_t gtm_limit_defaults[GTM_LIMIT_CLASSES] = {
    [GTM_LIMIT_LOGIN] = {10, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_CALLBACK] = {20, APR_USEC_PER_SEC * 3600},
    [GTM_LIMIT_USER] = {100, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_CALENDAR] = {100, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_EVENTS] = {200, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_CREATE] = {50, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_UPDATE] = {50, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_DELETE] = {50, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_EXCHANGE] = {600, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_SEND] = {30, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_GRAPH] = {600, APR_USEC_PER_SEC * 60},
};

/** A user id, or another name: no control characters. */
static int is_plain(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            return 0;
    }
    return 1;
}

static int is_return_to(const char *text)
{
    return gt_is_local_path(text) || gt_url_is_safe(text);
}

#define OWNER struct gtm_dir_t
#define IN_DIR(m) offsetof(OWNER, m)

const gt_member_t gtm_dir_members[] = {
#include "config/location.def"
    /* Directives with a syntax of their own set the others (location_setters.c). */
    {.name = "user_from",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(caller_from),
     .words = "static session remote-user expr jwt",
     .initial = "session"},
    {.name = "user",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_DIR(caller_name),
     .longest = 255,
     .is_good = is_plain,
     .expects = "a user id without control characters"},
    {.name = "user_expr", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(caller_text), .longest = 8191},
    {.name = "user_jwt", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(caller_jwt), .longest = 32},
    {.name = "provider", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(provider)},
    {.name = "providers", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(providers), .longest = 8191},
    {.name = "routes", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(routes)},
    {.name = "shared_mailboxes", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(mailboxes)},
    {.name = "allow_origin",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_DIR(origins),
     .longest = 8191,
     .initial = "none"},
    {.name = "pass_token",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(pass_to),
     .words = "off header env",
     .initial = "off"},
    {.name = "pass_name", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(pass_name), .longest = 64},
    {.name = "pass_resource",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(pass_resource),
     .words = "graph"},
    {.name = "pass_missing",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(pass_missing),
     .words = "sign-in refuse none"},
    {.name = "limiting",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(limits_off),
     .words = "on off",
     .initial = "on"},
    {.name = "where", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(where), .longest = 8191},
    {.name = ""}};

void gtm_dir_defaults(gtm_dir_t *dir, const gt_config_t *config, apr_pool_t *p)
{
    gt_members_fill(dir, gtm_dir_members, p);
    if (dir->provider == NULL && config->providers->nelts == 1)
        dir->provider = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *)->name;
    if (dir->providers == NULL)
        dir->providers = dir->provider;
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++) {
        if (dir->limits[i].count < 0)
            dir->limits[i] = gtm_limit_defaults[i];
    }
}

/** "200/min", "5/10s", "off". */
static const char *limit_text(const gt_limit_t *limit, apr_pool_t *p)
{
    const char *span;

    if (limit->count <= 0)
        return "off";
    span = gt_span_text(limit->span, p);
    if (span[0] == '1' && !apr_isdigit(span[1]))
        span++;
    return apr_psprintf(p, "%" APR_INT64_T_FMT "/%s", limit->count, span);
}

json_t *gtm_dir_to_json(const gtm_dir_t *dir, apr_pool_t *p)
{
    json_t *json = gt_json_object(p);
    json_t *limits = json_object(), *rules = json_array();

    gt_members_to_json(json, dir, gtm_dir_members, p);
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++)
        gt_json_set(limits, gtm_limit_names[i], limit_text(&dir->limits[i], p));
    gt_json_put(json, "limits", limits);
    for (int i = 0; dir->allow != NULL && i < dir->allow->nelts; i++)
        json_array_append_new(
            rules, json_string(gt_allow_text(&APR_ARRAY_IDX(dir->allow, i, gt_allow_t), p)));
    gt_json_put(json, "allow", rules);
    return json;
}
