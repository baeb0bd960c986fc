/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file google_write.c Member by member from Graph's event to Google's. */

#include "translate/google_write.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/aead.h"
#include "translate/google_keep.h"
#include "translate/zones.h"

#define PROPERTY_MAX 1024  /* bytes of an extended property's value */
#define REMINDER_MAX 40320 /* minutes: four weeks */

/** An event under way. */
typedef struct writing_t {
    const json_t *event; /* Graph's */
    json_t *theirs;
    json_t *kept;        /* private extended properties */
    const json_t *known; /* Google's event as it is, or NULL */
    int creates;
    gt_err_t *wrong; /* NULL until the first member that Google does not have */
    apr_pool_t *pool;
} writing_t;

static void complain(writing_t *w, const char *field, const char *message)
{
    if (w->wrong == NULL)
        w->wrong = gt_err(w->pool, GT_INVALID, "GT1301", "Google Calendar has no such thing");
    gt_err_field(w->wrong, field, message);
}

static const json_t *member(const writing_t *w, const char *name)
{
    const json_t *value = json_object_get(w->event, name);

    return json_is_null(value) ? NULL : value;
}

static int is_false(const writing_t *w, const char *name)
{
    return json_is_false(member(w, name));
}

static int is_true(const writing_t *w, const char *name)
{
    return json_is_true(member(w, name));
}

/* ---- times ---- */

/** Graph's local time with its seconds, and without a fraction. */
static const char *local_time(const char *text, apr_pool_t *p)
{
    return strlen(text) < strlen("2026-11-21T07:00:00")
               ? apr_pstrcat(p, apr_pstrmemdup(p, text, strlen("2026-11-21T07:00")), ":00", NULL)
               : apr_pstrmemdup(p, text, strlen("2026-11-21T07:00:00"));
}

static int is_whole_day(const json_t *known)
{
    return gt_json_text(json_object_get(known, "start"), "date") != NULL;
}

/** Google tells whole days from others by the member that is there; of a change it keeps the other
 * member unless that is null. */
static void write_moment(writing_t *w, const char *name)
{
    const json_t *moment = member(w, name);
    const char *text = gt_json_text(moment, "dateTime"), *zone = gt_json_text(moment, "timeZone");
    int says_which = member(w, "isAllDay") != NULL;
    int is_day = says_which ? is_true(w, "isAllDay") : is_whole_day(w->known);
    json_t *when;

    if (moment == NULL)
        return;
    if (text == NULL || strlen(text) < strlen("2026-11-21T07:00")) {
        complain(w, apr_pstrcat(w->pool, name, ".dateTime", NULL), "must be a date and time");
        return;
    }
    when = json_object();
    if (is_day)
        gt_json_set(when, "date", apr_pstrmemdup(w->pool, text, strlen("2026-11-21")));
    else {
        gt_json_set(when, "dateTime", local_time(text, w->pool));
        gt_json_set(when, "timeZone", gt_zone_iana(zone != NULL ? zone : "UTC"));
    }
    if (says_which && !w->creates)
        gt_json_set(when, is_day ? "dateTime" : "date", NULL);
    gt_json_put(w->theirs, name, when);
}

static void write_times(writing_t *w)
{
    write_moment(w, "start");
    write_moment(w, "end");
    if (member(w, "isAllDay") != NULL && (member(w, "start") == NULL || member(w, "end") == NULL))
        complain(w, "isAllDay", "goes with start and end: Google keeps it in their form");
}

/* ---- texts ---- */

static void write_text(writing_t *w)
{
    const json_t *body = member(w, "body");

    if (json_object_get(w->event, "subject") != NULL)
        gt_json_set(w->theirs, "summary", gt_json_text(w->event, "subject"));
    if (body != NULL)
        gt_json_set(w->theirs, "description", gt_json_text(body, "content"));
}

/** A place is a line of text. */
static void check_place(writing_t *w, const json_t *location, const char *field)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)location, name, value) {
        if (!json_is_null(value) && strncmp(name, "locationType", 12) != 0 &&
            strcmp(name, "displayName") != 0 && strncmp(name, "uniqueId", 8) != 0)
            complain(w, apr_pstrcat(w->pool, field, ".", name, NULL),
                     "is none of Google's: a place there is a name alone");
    }
}

static void write_place(writing_t *w)
{
    const json_t *location = member(w, "location"), *list = member(w, "locations");

    if (json_array_size(list) > 1)
        complain(w, "locations", "must be one place at most: Google has one");
    if (location == NULL)
        location = json_array_get(list, 0);
    if (location == NULL)
        return;
    check_place(w, location, "location");
    gt_json_set(w->theirs, "location", gt_json_text(location, "displayName"));
}

/* ---- people ---- */

static int is_person(const json_t *attendee, const char *address)
{
    const char *own = gt_json_text(attendee, "email");

    return own != NULL && address != NULL && strcasecmp(own, address) == 0;
}

/** The response of a person who was invited already. */
static void keep_response(json_t *person, const json_t *known)
{
    static const char *const names[] = {"responseStatus", "comment", "additionalGuests", NULL};
    const json_t *one;
    size_t i;

    json_array_foreach (json_object_get(known, "attendees"), i, one) {
        if (!is_person(one, gt_json_text(person, "email")))
            continue;
        for (int n = 0; names[n] != NULL; n++)
            if (json_object_get(one, names[n]) != NULL)
                json_object_set(person, names[n], json_object_get(one, names[n]));
    }
}

/** The organizer, who stands among Google's attendees and not among Graph's. */
static void keep_organizer(json_t *theirs, const json_t *known)
{
    const json_t *one;
    size_t i;

    json_array_foreach (json_object_get(known, "attendees"), i, one) {
        if (json_is_true(json_object_get(one, "organizer")))
            json_array_append(theirs, (json_t *)one);
    }
}

static void write_attendees(writing_t *w)
{
    const json_t *list = member(w, "attendees"), *one;
    json_t *theirs;
    size_t i;

    if (is_false(w, "responseRequested"))
        complain(w, "responseRequested", "must be true: Google asks all for a response");
    if (is_false(w, "allowNewTimeProposals"))
        complain(w, "allowNewTimeProposals", "must be true: Google lets all propose another time");
    if (member(w, "hideAttendees") != NULL)
        gt_json_set_bool(w->theirs, "guestsCanSeeOtherGuests", !is_true(w, "hideAttendees"));
    if (list == NULL)
        return;
    theirs = json_array();
    json_array_foreach (list, i, one) {
        const json_t *address = json_object_get(one, "emailAddress");
        const char *type = gt_json_text(one, "type");
        json_t *person = json_object();

        gt_json_set(person, "email", gt_json_text(address, "address"));
        if (gt_json_text(address, "name") != NULL)
            gt_json_set(person, "displayName", gt_json_text(address, "name"));
        gt_json_set_bool(person, "optional", type != NULL && strcmp(type, "optional") == 0);
        if (type != NULL && strcmp(type, "resource") == 0)
            gt_json_set_bool(person, "resource", 1);
        keep_response(person, w->known);
        json_array_append_new(theirs, person);
    }
    keep_organizer(theirs, w->known);
    gt_json_put(w->theirs, "attendees", theirs);
}

/* ---- state ---- */

static void write_state(writing_t *w)
{
    const char *importance = gt_json_text(w->event, "importance");
    const char *sensitivity = gt_json_text(w->event, "sensitivity");
    const char *show_as = gt_json_text(w->event, "showAs");

    if (importance != NULL && strcmp(importance, "normal") != 0)
        complain(w, "importance", "must be normal: Google has no other");
    if (sensitivity != NULL && strcmp(sensitivity, "personal") == 0)
        complain(w, "sensitivity", "must be normal, private or confidential at Google");
    else if (sensitivity != NULL)
        gt_json_set(w->theirs, "visibility",
                    strcmp(sensitivity, "normal") == 0 ? "default" : sensitivity);
    if (show_as == NULL)
        return;
    if (!gt_has_word("free busy tentative", show_as)) {
        complain(w, "showAs", "must be free, busy or tentative at Google");
        return;
    }
    gt_json_set(w->theirs, "transparency", strcmp(show_as, "free") == 0 ? "transparent" : "opaque");
    gt_json_set(w->theirs, "status", strcmp(show_as, "tentative") == 0 ? "tentative" : "confirmed");
}

static void write_reminder(writing_t *w)
{
    json_t *reminders, *list, *one;
    apr_int64_t minutes;
    int has_minutes = gt_json_number(&minutes, w->event, "reminderMinutesBeforeStart");

    if (member(w, "isReminderOn") == NULL && !has_minutes)
        return;
    if (has_minutes && (minutes < 0 || minutes > REMINDER_MAX)) {
        complain(w, "reminderMinutesBeforeStart", "must be 0 to 40320 at Google");
        return;
    }
    reminders = json_object();
    list = json_array();
    gt_json_set_bool(reminders, "useDefault", is_true(w, "isReminderOn") && !has_minutes);
    if (has_minutes && !is_false(w, "isReminderOn")) {
        one = json_object();
        gt_json_set(one, "method", "popup");
        gt_json_set_number(one, "minutes", minutes);
        json_array_append_new(list, one);
    }
    gt_json_put(reminders, "overrides", list);
    gt_json_put(w->theirs, "reminders", reminders);
}

static void write_meeting(writing_t *w)
{
    const char *provider = gt_json_text(w->event, "onlineMeetingProvider");
    json_t *conference, *request, *key;

    if (provider != NULL && strcmp(provider, "unknown") != 0)
        complain(w, "onlineMeetingProvider", "must be unknown: Google's meetings are Meet's");
    /* Graph keeps a meeting, too, when it is switched off again. */
    if (!is_true(w, "isOnlineMeeting") || json_object_get(w->known, "conferenceData") != NULL ||
        json_object_get(w->known, "hangoutLink") != NULL)
        return;
    conference = json_object();
    request = json_object();
    key = json_object();
    gt_json_set(key, "type", "hangoutsMeet");
    gt_json_set(request, "requestId", gt_random_text(16, w->pool));
    gt_json_put(request, "conferenceSolutionKey", key);
    gt_json_put(conference, "createRequest", request);
    gt_json_put(w->theirs, "conferenceData", conference);
}

/* ---- members that are kept beside ---- */

static void keep(writing_t *w, const char *name, const char *field, const char *text)
{
    if (text != NULL && strlen(text) > PROPERTY_MAX)
        complain(w, field, "must not be longer than 1024 bytes at Google");
    else
        gt_json_set(w->kept, name, text);
}

static void write_categories(writing_t *w)
{
    const json_t *list = member(w, "categories"), *one;
    const char *text = "";
    size_t i;

    if (list == NULL)
        return;
    json_array_foreach (list, i, one)
        text = apr_pstrcat(w->pool, text, *text != '\0' ? "\n" : "", json_string_value(one), NULL);
    keep(w, GT_KEEP_CATEGORIES, "categories", text);
}

static void write_transaction(writing_t *w)
{
    const char *id = gt_json_text(w->event, "transactionId");

    if (id == NULL || !w->creates)
        return;
    keep(w, GT_KEEP_TRANSACTION, "transactionId", id);
    gt_json_set(w->theirs, "id", gt_google_id_of(id, w->pool));
}

static void refuse_extended(writing_t *w)
{
    static const char *const names[] = {"singleValueExtendedProperties",
                                        "multiValueExtendedProperties", "extensions", NULL};

    for (int i = 0; names[i] != NULL; i++)
        if (member(w, names[i]) != NULL)
            complain(w, names[i], "are Outlook's: Google's events have none");
}

/* ---- series ---- */

/** The end date, for as long as the rule is the one that was made for it. */
static void keep_end(writing_t *w, const json_t *range, const char *rule)
{
    const char *type = gt_json_text(range, "type");

    if (type != NULL && strcmp(type, "endDate") == 0)
        gt_json_set(w->kept, GT_KEEP_END_DATE,
                    apr_pstrcat(w->pool, gt_json_text(range, "endDate"), " ", rule, NULL));
}

static void write_series(writing_t *w)
{
    const json_t *recurrence = json_object_get(w->event, "recurrence");
    const char *start = gt_json_text(member(w, "start"), "dateTime");
    const char *first = gt_json_text(json_object_get(recurrence, "range"), "startDate");
    json_t *lines;
    gt_google_fault_t fault;
    const char *rule;

    if (recurrence == NULL)
        return;
    lines = gt_json_own(json_array(), w->pool);
    json_object_set(w->theirs, "recurrence", lines);
    if (json_is_null(recurrence))
        return;
    if (start != NULL && first != NULL && strncmp(start, first, 10) != 0)
        complain(w, "recurrence.range.startDate", "must be the day of start at Google");
    else if (!gt_google_rule(&rule, &fault, recurrence, w->pool))
        complain(w, fault.field, fault.message);
    else {
        json_array_append_new(lines, json_string(rule));
        keep_end(w, json_object_get(recurrence, "range"), rule);
    }
}

const char *gt_google_id_of(const char *transaction_id, apr_pool_t *p)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuv";
    unsigned char digest[32];
    char *id = apr_pcalloc(p, sizeof(digest) + 1);

    gt_sha256(digest, transaction_id, strlen(transaction_id));
    for (apr_size_t i = 0; i < sizeof(digest); i++)
        id[i] = letters[digest[i] % 32];
    return id;
}

int gt_google_needs_known(const json_t *change)
{
    int has_times =
        json_object_get(change, "start") != NULL || json_object_get(change, "end") != NULL;

    return json_object_get(change, "attendees") != NULL ||
           json_is_true(json_object_get(change, "isOnlineMeeting")) ||
           (has_times && json_object_get(change, "isAllDay") == NULL);
}

gt_err_t *gt_google_write(json_t **theirs, const json_t *event, const json_t *known, int creates,
                          apr_pool_t *p)
{
    writing_t w = {event, gt_json_object(p), gt_json_object(p), known, creates, NULL, p};
    json_t *properties;

    write_times(&w);
    write_text(&w);
    write_place(&w);
    write_attendees(&w);
    write_state(&w);
    write_reminder(&w);
    write_meeting(&w);
    write_categories(&w);
    write_transaction(&w);
    write_series(&w);
    refuse_extended(&w);
    if (json_object_size(w.kept) > 0) {
        properties = json_object();
        json_object_set(properties, "private", w.kept);
        gt_json_put(w.theirs, "extendedProperties", properties);
    }
    *theirs = w.theirs;
    return w.wrong;
}
