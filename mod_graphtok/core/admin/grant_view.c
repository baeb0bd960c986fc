/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A grant's words and JSON, the same on the command line, in the API and on the page. Tokens are
 * never part of them.
 */

#include "admin/grant_view.h"

#include <string.h>

#include <apr_strings.h>

#include "oauth/kind.h"

static const char *const status_names[] = {"inactive", "active", "needs-user"};

const char *gt_printable_line(const char *text, apr_pool_t *p)
{
    char *line = apr_pstrdup(p, text);

    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return line;
}

static int is_text(const char *text)
{
    return text != NULL && *text != '\0';
}

const char *gt_person(const char *name, const char *email, apr_pool_t *p)
{
    if (is_text(name) && is_text(email) && strcmp(name, email) != 0)
        return apr_pstrcat(p, name, " (", email, ")", NULL);
    return is_text(name) ? name : is_text(email) ? email : NULL;
}

const char *gt_grant_user_line(const gt_grant_t *grant, apr_pool_t *p)
{
    const char *name = grant->account.name, *email = grant->account.email;
    const char *user = grant->owner.user;

    if (is_text(name) && is_text(email))
        user = apr_pstrcat(p, user, " (", name, ", ", email, ")", NULL);
    else if (is_text(name) || is_text(email))
        user = apr_pstrcat(p, user, " (", is_text(name) ? name : email, ")", NULL);
    return gt_printable_line(user, p);
}

const char *gt_status_name(gt_status_t status)
{
    return status_names[status];
}

int gt_status_of_name(const char *name)
{
    for (int status = GT_INACTIVE; status <= GT_NEEDS_USER; status++)
        if (strcmp(name, status_names[status]) == 0)
            return status;
    return -1;
}

/* Of a row's message "WORD TAG CODE" the code, in the words of its provider's kind. */
static const char *error_meaning(const gt_grant_t *grant, const gt_config_t *config)
{
    const gt_provider_conf_t *provider = gt_config_provider(config, grant->owner.provider);
    const char *code = grant->error_message != NULL ? strrchr(grant->error_message, ' ') : NULL;

    return provider != NULL && code != NULL
               ? gt_refusal_meaning(gt_provider_kind(provider)->refusals, code + 1)
               : NULL;
}

json_t *gt_grant_json(const gt_store_t *store, const gt_grant_t *grant, const gt_config_t *config,
                      apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set(json, "id", grant->id);
    gt_json_set(json, "store", gt_store_conf(store)->name);
    gt_json_set(json, "user", grant->owner.user);
    gt_json_set(json, "provider", grant->owner.provider);
    gt_json_set(json, "name", grant->account.name);
    gt_json_set(json, "email", grant->account.email);
    gt_json_set(json, "scope", grant->scope);
    gt_json_set(json, "status", gt_status_name(grant->status));
    gt_json_set_time(json, "expires_at", grant->expires_at, p);
    gt_json_set_time(json, "created_at", grant->created_at, p);
    gt_json_set_time(json, "updated_at", grant->updated_at, p);
    if (grant->last_used_at != 0)
        gt_json_set_time(json, "last_used_at", grant->last_used_at, p);
    else
        gt_json_set(json, "last_used_at", NULL);
    gt_json_set_number(json, "use_count", grant->use_count);
    gt_json_set_number(json, "error_count", grant->error_count);
    gt_json_set(json, "error_message", grant->error_message);
    gt_json_set(json, "error_meaning", error_meaning(grant, config));
    return json;
}

json_t *gt_history_json(const apr_array_header_t *entries, apr_pool_t *p)
{
    json_t *list = json_array();

    for (int i = 0; i < entries->nelts; i++) {
        const gt_history_t *entry = &APR_ARRAY_IDX(entries, i, gt_history_t);
        json_t *json = json_object();

        json_array_append_new(list, json);
        gt_json_set_time(json, "at", entry->at, p);
        gt_json_set(json, "event", entry->event);
        gt_json_set(json, "outcome", entry->outcome);
        gt_json_set(json, "detail", entry->detail);
        gt_json_set(json, "tag", entry->tag);
        gt_json_set(json, "administrator", entry->administrator);
        gt_json_set(json, "address", entry->address);
    }
    return list;
}

void gt_stats_show(json_t *json, const gt_grant_stats_t *stats)
{
    gt_json_set_number(json, "total", stats->total);
    gt_json_set_number(json, "active", stats->active);
    gt_json_set_number(json, "inactive", stats->inactive);
    gt_json_set_number(json, "needs_user", stats->needs_user);
    gt_json_set_number(json, "expired", stats->expired);
    gt_json_set_number(json, "expiring_soon", stats->expiring_soon);
    gt_json_set_number(json, "refresh_failures", stats->refresh_failures);
}
