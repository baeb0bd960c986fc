/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file google_event.c
 * One event of Google's in Graph's words. Members that Google has no equal of get Graph's default,
 * so that an event has one shape for its reader.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "translate/google_calendar.h"
#include "translate/google_keep.h"

#define PREVIEW_MAX 255
#define NEVER "0001-01-01T00:00:00Z"

/** Words of two languages; the last pair has Graph's default. */
typedef struct pair_t {
    const char *google, *graph;
} pair_t;

static const pair_t responses[] = {{"needsAction", "notResponded"},
                                   {"declined", "declined"},
                                   {"tentative", "tentativelyAccepted"},
                                   {"accepted", "accepted"},
                                   {NULL, "none"}};
static const pair_t sensitivities[] = {
    {"private", "private"}, {"confidential", "confidential"}, {NULL, "normal"}};

static const char *in_graphs_words(const char *word, const pair_t *pairs)
{
    while (pairs->google != NULL && (word == NULL || strcmp(word, pairs->google) != 0))
        pairs++;
    return pairs->graph;
}

static int is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static int says(const json_t *object, const char *name, const char *word)
{
    const char *text = gt_json_text(object, name);

    return text != NULL && strcmp(text, word) == 0;
}

/* ---- times ---- */

/** With the seven decimals of Graph. @param local  at least "2026-11-21T07:00:00" */
static const char *graph_time(const char *local, apr_pool_t *p)
{
    return apr_pstrcat(p, apr_pstrmemdup(p, local, strlen("2026-11-21T07:00:00")), ".0000000",
                       NULL);
}

/** A time in UTC, unless Google gives it in a zone that is known. */
static void put_moment(json_t *event, const char *name, const json_t *when,
                       const gt_google_ask_t *ask, apr_pool_t *p)
{
    const char *text = gt_json_text(when, "dateTime"), *date = gt_json_text(when, "date");
    json_t *moment = json_object();
    const char *zone = "UTC";
    apr_time_t t;

    if (date != NULL && strlen(date) == strlen("2026-11-21")) {
        text = apr_pstrcat(p, date, "T00:00:00", NULL);
        zone = ask->zone;
    }
    else if (gt_rfc3339_parse(&t, text)) {
        if (ask->is_in_zone || says(when, "timeZone", ask->zone))
            zone = ask->zone;
        else
            text = gt_rfc3339(t, p);
    }
    else
        text = NULL;
    gt_json_set(moment, "dateTime", text != NULL ? graph_time(text, p) : NULL);
    gt_json_set(moment, "timeZone", zone);
    gt_json_put(event, name, moment);
}

/** The same moment as RFC 3339 in UTC; "": not known. */
static const char *in_utc(const json_t *when, apr_pool_t *p)
{
    const char *date = gt_json_text(when, "date");
    apr_time_t t;

    if (date != NULL)
        return apr_pstrcat(p, date, "T00:00:00Z", NULL);
    return gt_rfc3339_parse(&t, gt_json_text(when, "dateTime")) ? gt_rfc3339(t, p) : "";
}

static void put_stamp(json_t *event, const char *name, const char *text, apr_pool_t *p)
{
    apr_time_t t;

    gt_json_set(event, name, gt_rfc3339_parse(&t, text) ? gt_rfc3339(t, p) : NULL);
}

static void put_times(json_t *ours, const json_t *event, const gt_google_ask_t *ask, apr_pool_t *p)
{
    const json_t *start = json_object_get(event, "start");
    const json_t *original = json_object_get(event, "originalStartTime");

    gt_json_set_bool(ours, "isAllDay", gt_json_text(start, "date") != NULL);
    put_moment(ours, "start", start, ask, p);
    put_moment(ours, "end", json_object_get(event, "end"), ask, p);
    gt_json_set(ours, "originalStartTimeZone", gt_json_text(start, "timeZone"));
    gt_json_set(ours, "originalEndTimeZone",
                gt_json_text(json_object_get(event, "end"), "timeZone"));
    gt_json_set(ours, "originalStart", original != NULL ? in_utc(original, p) : NULL);
    put_stamp(ours, "createdDateTime", gt_json_text(event, "created"), p);
    put_stamp(ours, "lastModifiedDateTime", gt_json_text(event, "updated"), p);
}

/* ---- people ---- */

static json_t *address_of(const json_t *person)
{
    json_t *whole = json_object(), *address = json_object();
    const char *mail = gt_json_text(person, "email"), *name = gt_json_text(person, "displayName");

    gt_json_set(address, "name", name != NULL ? name : mail);
    gt_json_set(address, "address", mail);
    gt_json_put(whole, "emailAddress", address);
    return whole;
}

static json_t *response(const char *word)
{
    json_t *status = json_object();

    gt_json_set(status, "response", word);
    gt_json_set(status, "time", NEVER);
    return status;
}

/** The organizer stands among Google's attendees, and not among Graph's. */
static json_t *attendees_of(const json_t *event)
{
    json_t *list = json_array();
    const json_t *one;
    size_t i;

    json_array_foreach (json_object_get(event, "attendees"), i, one) {
        json_t *whole;

        if (is_true(one, "organizer"))
            continue;
        whole = address_of(one);
        gt_json_set(whole, "type",
                    is_true(one, "resource")   ? "resource"
                    : is_true(one, "optional") ? "optional"
                                               : "required");
        gt_json_put(whole, "status",
                    response(in_graphs_words(gt_json_text(one, "responseStatus"), responses)));
        json_array_append_new(list, whole);
    }
    return list;
}

static const char *own_response(const json_t *event)
{
    const json_t *one;
    size_t i;

    if (is_true(json_object_get(event, "organizer"), "self"))
        return "organizer";
    json_array_foreach (json_object_get(event, "attendees"), i, one) {
        if (is_true(one, "self"))
            return in_graphs_words(gt_json_text(one, "responseStatus"), responses);
    }
    return "none";
}

static void put_people(json_t *ours, const json_t *event)
{
    const json_t *organizer = json_object_get(event, "organizer");

    gt_json_put(ours, "attendees", attendees_of(event));
    gt_json_put(ours, "organizer", address_of(organizer));
    gt_json_set_bool(ours, "isOrganizer", is_true(organizer, "self"));
    gt_json_put(ours, "responseStatus", response(own_response(event)));
    gt_json_set_bool(ours, "responseRequested", 1);
    gt_json_set_bool(ours, "allowNewTimeProposals", 1);
    gt_json_set_bool(ours, "hideAttendees",
                     json_is_false(json_object_get(event, "guestsCanSeeOtherGuests")));
}

/* ---- text and place ---- */

/** Text of HTML: what stands outside of tags. */
static const char *plain(const char *html, apr_pool_t *p)
{
    char *text = apr_palloc(p, strlen(html) + 1), *out = text;
    int in_tag = 0;

    for (; *html != '\0'; html++) {
        if (*html == '<')
            in_tag = 1;
        else if (*html == '>' && in_tag)
            in_tag = 0;
        else if (!in_tag)
            *out++ = *html;
    }
    *out = '\0';
    return text;
}

static const char *preview_of(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text);

    if (len > PREVIEW_MAX)
        for (len = PREVIEW_MAX; len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--;
    return apr_pstrmemdup(p, text, len);
}

/** Google has one text, in which some HTML may stand. */
static void put_text(json_t *ours, const json_t *event, const gt_google_ask_t *ask, apr_pool_t *p)
{
    const char *text = gt_json_text(event, "description");
    json_t *body = json_object();
    int is_html;

    if (text == NULL)
        text = "";
    is_html = !ask->wants_text && strchr(text, '<') != NULL;
    gt_json_set(body, "contentType", is_html ? "html" : "text");
    gt_json_set(body, "content", ask->wants_text ? plain(text, p) : text);
    gt_json_put(ours, "body", body);
    gt_json_set(ours, "bodyPreview", preview_of(plain(text, p), p));
    gt_json_set(ours, "subject",
                gt_json_text(event, "summary") != NULL ? gt_json_text(event, "summary") : "");
}

static json_t *place(const char *name)
{
    json_t *location = json_object();

    gt_json_set(location, "displayName", name != NULL ? name : "");
    gt_json_set(location, "locationType", "default");
    return location;
}

static void put_place(json_t *ours, const json_t *event)
{
    const char *name = gt_json_text(event, "location");
    json_t *list = json_array();

    gt_json_put(ours, "location", place(name));
    if (name != NULL)
        json_array_append_new(list, place(name));
    gt_json_put(ours, "locations", list);
}

/* ---- state ---- */

static const char *show_as(const json_t *event)
{
    if (says(event, "eventType", "outOfOffice"))
        return "oof";
    if (says(event, "eventType", "workingLocation"))
        return "workingElsewhere";
    if (says(event, "transparency", "transparent"))
        return "free";
    return says(event, "status", "tentative") ? "tentative" : "busy";
}

/** The nearest of the reminders that pop up. */
static int find_reminder(apr_int64_t *minutes, const json_t *list)
{
    const json_t *one;
    int found = 0;
    size_t i;

    json_array_foreach (list, i, one) {
        apr_int64_t number;

        if (says(one, "method", "popup") && gt_json_number(&number, one, "minutes") &&
            (!found || number < *minutes)) {
            *minutes = number;
            found = 1;
        }
    }
    return found;
}

/** Those of the calendar are told with lists alone; then null stands for the number. */
static void put_reminder(json_t *ours, const json_t *event, const json_t *defaults)
{
    const json_t *reminders = json_object_get(event, "reminders");
    int is_default = is_true(reminders, "useDefault");
    apr_int64_t minutes;
    int has_one =
        find_reminder(&minutes, is_default ? defaults : json_object_get(reminders, "overrides"));

    gt_json_set_bool(ours, "isReminderOn", has_one || (is_default && defaults == NULL));
    if (has_one)
        gt_json_set_number(ours, "reminderMinutesBeforeStart", minutes);
    else
        gt_json_set(ours, "reminderMinutesBeforeStart", NULL);
}

static void put_meeting(json_t *ours, const json_t *event)
{
    const json_t *points = json_object_get(json_object_get(event, "conferenceData"), "entryPoints");
    const char *link = gt_json_text(event, "hangoutLink");
    json_t *meeting = json_object();
    const json_t *one;
    size_t i;

    json_array_foreach (points, i, one) {
        if (link == NULL && says(one, "entryPointType", "video"))
            link = gt_json_text(one, "uri");
    }
    gt_json_set_bool(ours, "isOnlineMeeting", link != NULL);
    gt_json_set(ours, "onlineMeetingProvider", "unknown");
    gt_json_set(ours, "onlineMeetingUrl", NULL);
    gt_json_set(meeting, "joinUrl", link);
    if (link == NULL)
        json_decref(meeting);
    gt_json_put(ours, "onlineMeeting", link != NULL ? meeting : json_null());
}

static void put_state(json_t *ours, const json_t *event, const json_t *defaults, apr_pool_t *p)
{
    gt_json_set_bool(ours, "isCancelled", says(event, "status", "cancelled"));
    gt_json_set_bool(ours, "isDraft", 0);
    gt_json_set_bool(ours, "hasAttachments",
                     json_array_size(json_object_get(event, "attachments")) > 0);
    gt_json_set(ours, "importance", "normal");
    gt_json_set(ours, "sensitivity",
                in_graphs_words(gt_json_text(event, "visibility"), sensitivities));
    gt_json_set(ours, "showAs", show_as(event));
    gt_json_put(ours, "categories", gt_google_kept_categories(event, p));
    gt_json_set(ours, "transactionId", gt_google_kept(event, GT_KEEP_TRANSACTION));
    put_reminder(ours, event, defaults);
    put_meeting(ours, event);
}

/* ---- series ---- */

/** An occurrence that was moved is an exception; other changes to one do not show. */
static const char *type_of(const json_t *event, apr_pool_t *p)
{
    if (json_array_size(json_object_get(event, "recurrence")) > 0)
        return "seriesMaster";
    if (gt_json_text(event, "recurringEventId") == NULL)
        return "singleInstance";
    return strcmp(in_utc(json_object_get(event, "originalStartTime"), p),
                  in_utc(json_object_get(event, "start"), p)) == 0
               ? "occurrence"
               : "exception";
}

/** An end date that was counted when it was written, if the rule is still the same. */
static void put_kept_end(json_t *recurrence, const json_t *event)
{
    const char *kept = gt_google_kept(event, GT_KEEP_END_DATE);
    const char *rule = json_string_value(json_array_get(json_object_get(event, "recurrence"), 0));
    json_t *range = json_object_get(recurrence, "range");
    char date[sizeof("2026-11-21")];

    if (kept == NULL || strlen(kept) <= sizeof(date) || strcmp(kept + sizeof(date), rule) != 0)
        return;
    apr_cpystrn(date, kept, sizeof(date));
    gt_json_set(range, "type", "endDate");
    gt_json_set(range, "endDate", date);
    gt_json_set_number(range, "numberOfOccurrences", 0);
}

/** A rule that Graph has no pattern for is told as Google has it, in a member of its own. */
static void put_series(json_t *ours, const json_t *event, apr_pool_t *p)
{
    const json_t *lines = json_object_get(event, "recurrence");
    json_t *recurrence = NULL, *unmapped;

    gt_json_set(ours, "type", type_of(event, p));
    gt_json_set(ours, "seriesMasterId", gt_json_text(event, "recurringEventId"));
    if (json_array_size(lines) == 1)
        recurrence = gt_google_recurrence(json_string_value(json_array_get(lines, 0)),
                                          json_object_get(event, "start"), p);
    if (recurrence != NULL)
        put_kept_end(recurrence, event);
    gt_json_put(ours, "recurrence", recurrence != NULL ? json_incref(recurrence) : json_null());
    if (json_array_size(lines) == 0 || recurrence != NULL)
        return;
    unmapped = json_object();
    json_object_set(unmapped, "recurrence", (json_t *)lines);
    gt_json_put(ours, "unmapped", unmapped);
}

json_t *gt_google_event(const json_t *event, const json_t *reminders, const gt_google_ask_t *ask,
                        apr_pool_t *p)
{
    json_t *ours = gt_json_object(p);
    const char *tag = gt_json_text(event, "etag");

    gt_json_set(ours, "@odata.etag", tag);
    gt_json_set(ours, "id", gt_json_text(event, "id"));
    gt_json_set(ours, "iCalUId", gt_json_text(event, "iCalUID"));
    gt_json_set(ours, "changeKey", tag);
    put_times(ours, event, ask, p);
    put_text(ours, event, ask, p);
    put_place(ours, event);
    put_people(ours, event);
    put_state(ours, event, reminders, p);
    put_series(ours, event, p);
    gt_json_set(ours, "webLink", gt_json_text(event, "htmlLink"));
    return ours;
}
