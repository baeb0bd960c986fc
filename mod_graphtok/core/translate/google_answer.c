/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file google_answer.c Whole answers of Google Calendar in Graph's words: lists, calendars. */

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "net/url.h"
#include "translate/google_calendar.h"

#define ALWAYS "@odata.etag id"

static int is_of(const char *word, apr_size_t len, const char *list)
{
    while (*list != '\0') {
        apr_size_t n = strcspn(list, ",");

        if (n == len && memcmp(list, word, n) == 0)
            return 1;
        list += n + (list[n] == ',');
    }
    return 0;
}

/** The members that are wanted; the id and the tag come along, as from Graph. */
static void choose(json_t *object, const char *select)
{
    const char *name;
    json_t *value;
    void *next;

    if (select == NULL)
        return;
    json_object_foreach_safe (object, next, name, value) {
        if (!is_of(name, strlen(name), select) && !gt_has_word(ALWAYS, name))
            json_object_del(object, name);
    }
}

static int says(const json_t *object, const char *name, const char *word)
{
    const char *text = gt_json_text(object, name);

    return text != NULL && strcmp(text, word) == 0;
}

static json_t *owner_of(const json_t *calendar, const char *role)
{
    const char *id = gt_json_text(calendar, "id");
    json_t *owner = json_object();

    if (strcmp(role, "owner") != 0 || id == NULL || strchr(id, '@') == NULL)
        id = NULL;
    gt_json_set(owner, "name", id);
    gt_json_set(owner, "address", id);
    return owner;
}

/** An entry of the calendar list, or a calendar that is in no list of ours. */
static json_t *calendar(const json_t *theirs, const gt_google_ask_t *ask, apr_pool_t *p)
{
    json_t *ours = gt_json_object(p), *providers = json_array();
    const char *id = gt_json_text(theirs, "id"), *name = gt_json_text(theirs, "summaryOverride");
    const char *role = gt_json_text(theirs, "accessRole");
    int is_primary = json_is_true(json_object_get(theirs, "primary"));
    int may_write;

    role = role != NULL ? role : "";
    may_write = strcmp(role, "owner") == 0 || strcmp(role, "writer") == 0;
    gt_json_set(ours, "id", id != NULL ? gt_base64url(id, strlen(id), p) : NULL);
    gt_json_set(ours, "name", name != NULL ? name : gt_json_text(theirs, "summary"));
    gt_json_set(ours, "color", "auto");
    gt_json_set(ours, "hexColor", gt_json_text(theirs, "backgroundColor"));
    gt_json_set_bool(ours, "isDefaultCalendar", is_primary);
    gt_json_set(ours, "changeKey", gt_json_text(theirs, "etag"));
    gt_json_set_bool(ours, "canShare", strcmp(role, "owner") == 0);
    gt_json_set_bool(ours, "canViewPrivateItems", may_write);
    gt_json_set_bool(ours, "canEdit", may_write);
    json_array_append_new(providers, json_string("unknown"));
    gt_json_put(ours, "allowedOnlineMeetingProviders", providers);
    gt_json_set(ours, "defaultOnlineMeetingProvider", "unknown");
    gt_json_set_bool(ours, "isTallyingResponses", 0);
    gt_json_set_bool(ours, "isRemovable", !is_primary);
    gt_json_put(ours, "owner", owner_of(theirs, role));
    choose(ours, ask->select);
    return ours;
}

static json_t *event(const json_t *theirs, const json_t *reminders, const gt_google_ask_t *ask,
                     apr_pool_t *p)
{
    json_t *ours = gt_google_event(theirs, reminders, ask, p);

    choose(ours, ask->select);
    return ours;
}

/** Graph's list of events has series, and neither changed occurrences nor cancelled events. */
static int is_left_out(const json_t *item, const gt_google_ask_t *ask)
{
    return says(item, "status", "cancelled") ||
           (ask->is_of_masters && gt_json_text(item, "recurringEventId") != NULL);
}

static json_t *list(const json_t *answer, const gt_google_ask_t *ask,
                    const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const char *token = gt_json_text(answer, "nextPageToken");
    const json_t *reminders = json_object_get(answer, "defaultReminders"), *item;
    json_t *ours = gt_json_object(p), *items = json_array();
    size_t i;

    json_array_foreach (json_object_get(answer, "items"), i, item) {
        if (ask->holds == GT_GOOGLE_CALENDARS)
            json_array_append(items, calendar(item, ask, p));
        else if (!is_left_out(item, ask))
            json_array_append(items, event(item, reminders, ask, p));
    }
    gt_json_put(ours, "value", items);
    if (token != NULL)
        gt_json_set(ours, "@odata.nextLink",
                    gt_url_with_query(apr_pstrcat(p, conf->calendar_url, ask->own_path, NULL),
                                      apr_pstrcat(p, "$skiptoken=", gt_percent(token, p), NULL),
                                      p));
    return ours;
}

gt_err_t *gt_google_answer(json_t **value, const gt_google_ask_t *ask, const char *body,
                           apr_size_t len, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    int is_list = ask->holds == GT_GOOGLE_EVENTS || ask->holds == GT_GOOGLE_CALENDARS;
    json_t *answer;

    *value = NULL;
    if (ask->holds == GT_GOOGLE_NOTHING)
        return GT_OK;
    if (gt_json_parse_answer(&answer, body, len, p) != GT_OK || !json_is_object(answer) ||
        (is_list ? !json_is_array(json_object_get(answer, "items"))
                 : gt_json_text(answer, "id") == NULL))
        return gt_err(p, GT_UPSTREAM, "GT1303", "the answer of Google is no calendar's");
    if (ask->holds == GT_GOOGLE_EVENT && says(answer, "status", "cancelled"))
        return gt_err(p, GT_NOT_FOUND, "GT1319", "this event was deleted");
    if (is_list)
        *value = list(answer, ask, conf, p);
    else if (ask->holds == GT_GOOGLE_CALENDAR)
        *value = calendar(answer, ask, p);
    else
        *value = event(answer, NULL, ask, p);
    return GT_OK;
}
