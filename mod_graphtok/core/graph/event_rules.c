/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file event_rules.c
 * The members of an event as Graph v1.0 documents them, and as Exchange really gives them. A limit
 * stands here where Graph has it.
 */

#include "graph/event_rules.h"

#include <apr_strings.h>

#define DAYS "sunday monday tuesday wednesday thursday friday saturday"

#define READ_ONLY(name)                                                                            \
    {                                                                                              \
        name, GT_RULE_READ_ONLY, 0, 0, 0, NULL, NULL                                               \
    }

/* clang-format off */
static const gt_rule_t coordinates_rules[] = {
    { "latitude", GT_RULE_REAL, 0, 0, 0, NULL, NULL },
    { "longitude", GT_RULE_REAL, 0, 0, 0, NULL, NULL },
    { "accuracy", GT_RULE_REAL, 0, 0, 0, NULL, NULL },
    { "altitude", GT_RULE_REAL, 0, 0, 0, NULL, NULL },
    { "altitudeAccuracy", GT_RULE_REAL, 0, 0, 0, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t address_rules[] = {
    { "street", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "city", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "state", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "countryOrRegion", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "postalCode", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    READ_ONLY("type"), /* given by Exchange, unknown to Graph */
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t location_rules[] = {
    { "displayName", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "locationType", GT_RULE_WORD, 0, 0, 0,
      "default conferenceRoom homeAddress businessAddress geoCoordinates streetAddress hotel "
      "restaurant localBusiness postalAddress", NULL },
    { "locationUri", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "locationEmailAddress", GT_RULE_EMAIL, 0, 0, 0, NULL, NULL },
    { "address", GT_RULE_OBJECT, 0, 0, 0, NULL, address_rules },
    { "coordinates", GT_RULE_OBJECT, 0, 0, 0, NULL, coordinates_rules },
    { "uniqueId", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "uniqueIdType", GT_RULE_WORD, 0, 0, 0, "unknown locationStore directory private bing", NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t email_rules[] = {
    { "address", GT_RULE_ADDRESS, 1, 0, 0, NULL, NULL },
    { "name", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

#define ATTENDEE_RULES(addresses)                                                                  \
    {                                                                                              \
        { "emailAddress", GT_RULE_OBJECT, 1, 0, 0, NULL, addresses },                              \
        { "type", GT_RULE_WORD, 0, 0, 0, "required optional resource", NULL },                     \
        READ_ONLY("status"), READ_ONLY("proposedNewTime"),                                         \
        { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }                                                  \
    }

static const gt_rule_t attendee_rules[] = ATTENDEE_RULES(email_rules);

/* Of an event that is there already: some people that Exchange knows have no address. */
static const gt_rule_t person_rules[] = {
    { "address", GT_RULE_PERSON, 0, 0, 0, NULL, NULL },
    { "name", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t kept_attendee_rules[] = ATTENDEE_RULES(person_rules);

static const gt_rule_t moment_rules[] = {
    { "dateTime", GT_RULE_MOMENT, 1, 0, 0, NULL, NULL },
    { "timeZone", GT_RULE_TEXT, 0, 1, GT_ZONE_MAX, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t body_rules[] = {
    { "contentType", GT_RULE_WORD, 0, 0, 0, "text html", NULL },
    { "content", GT_RULE_TEXT, 1, 0, 0, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t pattern_rules[] = {
    { "type", GT_RULE_WORD, 1, 0, 0,
      "daily weekly absoluteMonthly relativeMonthly absoluteYearly relativeYearly", NULL },
    { "interval", GT_RULE_NUMBER, 1, 1, INT32_MAX, NULL, NULL },
    { "daysOfWeek", GT_RULE_TEXTS, 0, 0, 7, DAYS, NULL },
    { "dayOfMonth", GT_RULE_NUMBER, 0, 0, 31, NULL, NULL },
    { "month", GT_RULE_NUMBER, 0, 0, 12, NULL, NULL },
    { "index", GT_RULE_WORD, 0, 0, 0, "first second third fourth last", NULL },
    { "firstDayOfWeek", GT_RULE_WORD, 0, 0, 0, DAYS, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t range_rules[] = {
    { "type", GT_RULE_WORD, 1, 0, 0, "endDate noEnd numbered", NULL },
    { "startDate", GT_RULE_TEXT, 1, 10, 10, NULL, NULL },
    { "endDate", GT_RULE_TEXT, 0, 10, 10, NULL, NULL },
    { "numberOfOccurrences", GT_RULE_NUMBER, 0, 0, INT32_MAX, NULL, NULL },
    { "recurrenceTimeZone", GT_RULE_TEXT, 0, 0, 0, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t recurrence_rules[] = {
    { "pattern", GT_RULE_OBJECT, 1, 0, 0, NULL, pattern_rules },
    { "range", GT_RULE_OBJECT, 1, 0, 0, NULL, range_rules },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t property_rules[] = {
    { "id", GT_RULE_TEXT, 1, 1, 0, NULL, NULL },
    { "value", GT_RULE_TEXT, 1, 0, 0, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t properties_rules[] = {
    { "id", GT_RULE_TEXT, 1, 1, 0, NULL, NULL },
    { "value", GT_RULE_TEXTS, 1, 0, 0, NULL, NULL },
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};

static const gt_rule_t event_rules[] = {
    { "subject", GT_RULE_TEXT, 2, 0, 0, NULL, NULL },
    { "start", GT_RULE_OBJECT, 2, 0, 0, NULL, moment_rules },
    { "end", GT_RULE_OBJECT, 2, 0, 0, NULL, moment_rules },
    { "isAllDay", GT_RULE_BOOL, 0, 0, 0, NULL, NULL },
    { "body", GT_RULE_OBJECT, 0, 0, 0, NULL, body_rules },
    { "location", GT_RULE_OBJECT, 0, 0, 0, NULL, location_rules },
    { "locations", GT_RULE_LIST, 0, 0, 0, NULL, location_rules },
    { "attendees", GT_RULE_LIST, 0, 0, 500, NULL, attendee_rules },
    { "importance", GT_RULE_WORD, 0, 0, 0, "low normal high", NULL },
    { "sensitivity", GT_RULE_WORD, 0, 0, 0, "normal personal private confidential", NULL },
    { "showAs", GT_RULE_WORD, 0, 0, 0, "free tentative busy oof workingElsewhere unknown", NULL },
    { "categories", GT_RULE_TEXTS, 0, 0, 0, NULL, NULL },
    { "isReminderOn", GT_RULE_BOOL, 0, 0, 0, NULL, NULL },
    /* Below 0: after the start, as Outlook has it for whole days ("at 9:00 of the day": -540). */
    { "reminderMinutesBeforeStart", GT_RULE_NUMBER, 0, INT32_MIN, INT32_MAX, NULL, NULL },
    { "responseRequested", GT_RULE_BOOL, 0, 0, 0, NULL, NULL },
    { "allowNewTimeProposals", GT_RULE_BOOL, 0, 0, 0, NULL, NULL },
    { "hideAttendees", GT_RULE_BOOL, 0, 0, 0, NULL, NULL },
    { "recurrence", GT_RULE_OBJECT, 0, 0, 0, NULL, recurrence_rules },
    { "isOnlineMeeting", GT_RULE_BOOL, 0, 0, 0, NULL, NULL },
    { "onlineMeetingProvider", GT_RULE_WORD, 0, 0, 0,
      "unknown skypeForBusiness skypeForConsumer teamsForBusiness", NULL },
    { "transactionId", GT_RULE_TEXT, 0, 1, 255, NULL, NULL },
    { "singleValueExtendedProperties", GT_RULE_LIST, 0, 0, 0, NULL, property_rules },
    { "multiValueExtendedProperties", GT_RULE_LIST, 0, 0, 0, NULL, properties_rules },
    { "extensions", GT_RULE_OPEN, 0, 0, 0, NULL, NULL },
    READ_ONLY("id"), READ_ONLY("iCalUId"), READ_ONLY("uid"), READ_ONLY("changeKey"),
    READ_ONLY("createdDateTime"), READ_ONLY("lastModifiedDateTime"), READ_ONLY("bodyPreview"),
    READ_ONLY("hasAttachments"), READ_ONLY("isCancelled"), READ_ONLY("isDraft"),
    READ_ONLY("isOrganizer"), READ_ONLY("organizer"), READ_ONLY("responseStatus"),
    READ_ONLY("seriesMasterId"), READ_ONLY("occurrenceId"), READ_ONLY("type"),
    READ_ONLY("webLink"), READ_ONLY("originalStart"), READ_ONLY("originalStartTimeZone"),
    READ_ONLY("originalEndTimeZone"), READ_ONLY("cancelledOccurrences"),
    READ_ONLY("onlineMeeting"), READ_ONLY("onlineMeetingUrl"),
    { "", GT_RULE_TEXT, 0, 0, 0, NULL, NULL }
};
/* clang-format on */

const gt_rule_t *gt_event_rules(gt_event_use_t use, apr_pool_t *p)
{
    gt_rule_t *rules;

    if (use == GT_EVENT_CREATE)
        return event_rules;
    rules = apr_pmemdup(p, event_rules, sizeof(event_rules));
    for (gt_rule_t *rule = rules; rule->name[0]; rule++) {
        if (rule->inner == attendee_rules)
            rule->inner = kept_attendee_rules;
    }
    return rules;
}
