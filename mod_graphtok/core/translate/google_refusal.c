/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file google_refusal.c
 * The meaning of an answer of Google Calendar that is no success: by its reason, else by its
 * status. Source: Google Calendar API, "Handle API errors", "Manage quotas" (no Retry-After is
 * promised).
 */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "graph/text_of_api.h"
#include "translate/google_calendar.h"

#define WAIT_UNSAID apr_time_from_sec(5)

/** One meaning. */
typedef struct meaning_t {
    const char *reason; /* NULL: any */
    int status;         /* 0: any */
    gt_class_t cls;
    const char *tag;
    const char *advice; /* stands behind Google's own words; or NULL */
} meaning_t;

#define SCOPES                                                                                     \
    "the user has not granted the calendar: sign in again and leave its box ticked, with "         \
    "`calendar` in GraphTokScope"
#define NOT_ENABLED "enable the Google Calendar API in the project of the registration"

static const meaning_t meanings[] = {
    {"userRateLimitExceeded", 0, GT_THROTTLED, "GT1304", NULL},
    {"rateLimitExceeded", 0, GT_THROTTLED, "GT1304", NULL},
    {"quotaExceeded", 0, GT_THROTTLED, "GT1304", NULL},
    {"dailyLimitExceeded", 0, GT_THROTTLED, "GT1304", NULL},
    {"calendarUsageLimitsExceeded", 0, GT_THROTTLED, "GT1304", NULL},
    {"insufficientPermissions", 403, GT_INTERACTION, "GT1305", SCOPES},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", 403, GT_INTERACTION, "GT1305", SCOPES},
    {"accessNotConfigured", 403, GT_CLIENT_BROKEN, "GT1306", NOT_ENABLED},
    {"SERVICE_DISABLED", 403, GT_CLIENT_BROKEN, "GT1306", NOT_ENABLED},
    {NULL, 401, GT_SIGN_IN, "GT1307", NULL},
    {NULL, 403, GT_REFUSED, "GT1308", NULL},
    {NULL, 404, GT_NOT_FOUND, "GT1309", NULL},
    {NULL, 408, GT_TIMEOUT, "GT1312", NULL},
    {NULL, 409, GT_CONFLICT, "GT1310", NULL},
    {NULL, 410, GT_NOT_FOUND, "GT1309", NULL},
    {NULL, 412, GT_CONFLICT, "GT1310", NULL},
    {NULL, 429, GT_THROTTLED, "GT1304", NULL},
    {NULL, 504, GT_TIMEOUT, "GT1312", NULL},
};

static meaning_t meaning_of(int status, const char *reason)
{
    for (apr_size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        const meaning_t *row = &meanings[i];

        if ((row->status == 0 || row->status == status) &&
            (row->reason == NULL || (reason != NULL && strcmp(row->reason, reason) == 0)))
            return *row;
    }
    if (status >= 400 && status <= 499)
        return (meaning_t){NULL, status, GT_REFUSED, "GT1311", NULL};
    return (meaning_t){NULL, status, GT_UPSTREAM, "GT1312", NULL};
}

/** The status that the client gets; 0: that of the class. A 403 that is throttling is none. */
static int status_for_client(int status, gt_class_t cls)
{
    if (cls == GT_THROTTLED)
        return 429;
    if (cls == GT_REFUSED || cls == GT_NOT_FOUND || cls == GT_CONFLICT)
        return status;
    return cls == GT_UPSTREAM && status >= 500 && status <= 599 ? status : 0;
}

/** The first of the errors that Google lists; NULL: there is none. */
static const char *reason_of(const json_t *error)
{
    const json_t *first = json_array_get(json_object_get(error, "errors"), 0);
    const char *reason = gt_json_text(first, "reason");

    if (reason == NULL)
        reason = gt_json_text(json_array_get(json_object_get(error, "details"), 0), "reason");
    return reason;
}

gt_err_t *gt_google_error(int status, const char *body, apr_size_t len, const apr_table_t *headers,
                          apr_pool_t *p)
{
    apr_interval_time_t wait = gt_retry_after(apr_table_get(headers, "Retry-After"));
    const char *reason = NULL, *message = NULL;
    meaning_t meaning;
    json_t *root;
    gt_err_t *err;

    if (len > 0 && gt_json_parse_answer(&root, body, len, p) == GT_OK) {
        const json_t *error = json_object_get(root, "error");

        reason = gt_api_word(reason_of(error), p);
        message = gt_api_line(gt_json_text(error, "message"), p);
    }
    meaning = meaning_of(status, reason);
    if (status == 503 && wait > 0)
        meaning.cls = GT_THROTTLED;
    err = gt_err(p, meaning.cls, meaning.tag, "Google answered %d%s%s%s%s%s%s", status,
                 reason != NULL ? " " : "", reason != NULL ? reason : "",
                 message != NULL ? ": " : "", message != NULL ? message : "",
                 meaning.advice != NULL ? "; " : "", meaning.advice != NULL ? meaning.advice : "");
    err->status = status_for_client(status, meaning.cls);
    err->code = reason;
    err->extent = meaning.cls == GT_THROTTLED ? GT_EXTENT_MAILBOX : GT_EXTENT_CALL;
    err->retry_after = wait == 0 && meaning.cls == GT_THROTTLED ? WAIT_UNSAID : wait;
    return err;
}
