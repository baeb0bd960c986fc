/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What the calendar routes make of parameters and bodies (missions C1 to C6). */

#include "gt_test.h"

#include "base/json.h"
#include "base/text.h"
#include "graph/calendar.h"
#include "graph/other_calendar.h"
#include "graph/event.h"

Suite *suite_calendar(void);

#define NOW apr_time_from_sec(1795244400) /* 2026-11-21T07:00:00Z */

static gt_graph_params_t params;

typedef gt_err_t *ask_fn(gt_graph_params_t *params, const apr_table_t *query, apr_pool_t *p);

/* "a=b&c=d" as the query parser would give it, unescaped already. */
static apr_table_t *query_of(const char *text)
{
    apr_table_t *query = apr_table_make(pool, 4);
    apr_array_header_t *pairs = gt_split(text, "&", pool);

    for (int i = 0; i < pairs->nelts; i++) {
        char *pair = APR_ARRAY_IDX(pairs, i, char *);
        char *equals = strchr(pair, '=');

        ck_assert_ptr_nonnull(equals);
        *equals = '\0';
        apr_table_set(query, pair, equals + 1);
    }
    return query;
}

static json_t *body_of(const char *text)
{
    json_t *body;

    ck_ok(gt_json_parse(&body, text, strlen(text), pool));
    return body;
}

/* The names of the wrong fields, with blanks between, in order. */
static const char *fields_of(const gt_err_t *err)
{
    const char *names = "";

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_INVALID);
    for (int i = 0; err->fields && i < err->fields->nelts; i++) {
        const gt_field_error_t *field = &APR_ARRAY_IDX(err->fields, i, gt_field_error_t);

        ck_assert_int_gt((int)strlen(field->message), 5);
        names = apr_pstrcat(pool, names, *names ? " " : "", field->field, NULL);
    }
    return names;
}

static const char *prefer(void)
{
    ck_assert_int_le(params.headers->nelts, 1);
    return params.headers->nelts ? APR_ARRAY_IDX(params.headers, 0, const char *) : "";
}

/* ---- parameters ---- */

typedef struct query_row_t {
    ask_fn *fn;
    const char *query;
    const char *path; /* or, after '!', the wrong fields */
    const char *prefer;
} query_row_t;

#define ZONE_OF(zone) "Prefer: outlook.timezone=\"" zone "\""

static const query_row_t good_rows[] = {
    {gt_calendar_info, "", "/me/calendar", ""},
    {gt_calendar_info, "select=name,owner", "/me/calendar?$select=name,owner", ""},
    {gt_calendar_events, "", "/me/events?$orderby=start/dateTime", ""},
    {gt_calendar_events, "order=-start&top=1&skip=0",
     "/me/events?$orderby=start/dateTime%20desc&$top=1&$skip=0", ""},
    {gt_calendar_events, "order=start&top=1000&skip=1000000&select=id,subject,start,end",
     "/me/events?$orderby=start/dateTime&$top=1000&$skip=1000000&$select=id,subject,start,end", ""},
    {gt_calendar_events, "start=2026-11-21T00:00:00Z&end=2026-11-22T00:00:00Z",
     "/me/calendarView?startDateTime=2026-11-21T00:00:00Z&endDateTime=2026-11-22T00:00:00Z"
     "&$orderby=start/dateTime",
     ""},
    {gt_calendar_events,
     "start=2026-11-21T00:00:00+01:00&end=2026-11-21T12:00:00.5-05:00&timezone=Europe/Berlin",
     "/me/calendarView?startDateTime=2026-11-20T23:00:00Z&endDateTime=2026-11-21T17:00:00Z"
     "&$orderby=start/dateTime",
     ZONE_OF("Europe/Berlin")},
    {gt_calendar_events, "start=2026-01-01T00:00:00Z&end=2030-12-31T00:00:00Z",
     "/me/calendarView?startDateTime=2026-01-01T00:00:00Z&endDateTime=2030-12-31T00:00:00Z"
     "&$orderby=start/dateTime",
     ""},
    {gt_calendar_events, "timezone=W. Europe Standard Time", "/me/events?$orderby=start/dateTime",
     ZONE_OF("W. Europe Standard Time")},
    {gt_calendar_events, "timezone=Central Standard Time (Mexico)",
     "/me/events?$orderby=start/dateTime", ZONE_OF("Central Standard Time (Mexico)")},
    {gt_calendar_events, "timezone=Etc/GMT+5", "/me/events?$orderby=start/dateTime",
     ZONE_OF("Etc/GMT+5")},
    {gt_calendar_events, "timezone=America/Port-au-Prince", "/me/events?$orderby=start/dateTime",
     ZONE_OF("America/Port-au-Prince")},
    {gt_calendar_events, "timezone=America/Argentina/Buenos_Aires",
     "/me/events?$orderby=start/dateTime", ZONE_OF("America/Argentina/Buenos_Aires")},
    {gt_calendar_next24, "",
     "/me/calendarView?startDateTime=2026-11-21T07:00:00Z&endDateTime=2026-11-22T07:00:00Z"
     "&$orderby=start/dateTime&$top=100",
     ""},
    {gt_calendar_next24, "top=5&timezone=UTC",
     "/me/calendarView?startDateTime=2026-11-21T07:00:00Z&endDateTime=2026-11-22T07:00:00Z"
     "&$orderby=start/dateTime&$top=5",
     ZONE_OF("UTC")},
};

START_TEST(test_C1_C2_C4_parameters_become_graphs)
{
    fake_clock(NOW);
    for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
        ck_ok(good_rows[i].fn(&params, query_of(good_rows[i].query), pool));
        ck_assert_str_eq(params.method, "GET");
        ck_assert_str_eq(params.path, good_rows[i].path);
        ck_assert_str_eq(prefer(), good_rows[i].prefer);
        ck_assert_ptr_null(params.body);
    }
}
END_TEST

static const query_row_t bad_rows[] = {
    {gt_calendar_info, "top=1", "top", NULL},
    {gt_calendar_info, "select=subject", "select", NULL},
    {gt_calendar_events, "$top=1&filter=x", "$top filter", NULL},
    {gt_calendar_events, "Top=1", "Top", NULL},
    {gt_calendar_events, "top=0", "top", NULL},
    {gt_calendar_events, "top=1001", "top", NULL},
    {gt_calendar_events, "top=", "top", NULL},
    {gt_calendar_events, "top=1e2", "top", NULL},
    {gt_calendar_events, "top= 1", "top", NULL},
    {gt_calendar_events, "skip=-1", "skip", NULL},
    {gt_calendar_events, "skip=1000001", "skip", NULL},
    {gt_calendar_events, "order=subject", "order", NULL},
    {gt_calendar_events, "order=", "order", NULL},
    {gt_calendar_events, "select=", "select", NULL},
    {gt_calendar_events, "select=id,", "select", NULL},
    {gt_calendar_events, "select=id,,subject", "select", NULL},
    {gt_calendar_events, "select=id, subject", "select", NULL},
    {gt_calendar_events, "select=ID", "select", NULL},
    {gt_calendar_events, "select=id subject", "select", NULL},
    {gt_calendar_events, "select=attachments", "select", NULL},
    {gt_calendar_events, "start=2026-11-21T00:00:00Z", "end", NULL},
    {gt_calendar_events, "end=2026-11-21T00:00:00Z", "start", NULL},
    {gt_calendar_events, "start=2026-11-21T00:00:00&end=tomorrow", "start end", NULL},
    {gt_calendar_events, "start=2026-11-21T00:00:00 01:00&end=2026-11-22T00:00:00Z", "start", NULL},
    {gt_calendar_events, "start=2026-11-22T00:00:00Z&end=2026-11-22T00:00:00Z", "end", NULL},
    {gt_calendar_events, "start=2026-11-22T00:00:00Z&end=2026-11-21T00:00:00Z", "end", NULL},
    {gt_calendar_events, "start=2026-01-01T00:00:00Z&end=2031-01-01T00:00:00Z", "end", NULL},
    {gt_calendar_events, "timezone=", "timezone", NULL},
    {gt_calendar_events, "timezone=1", "timezone", NULL},
    {gt_calendar_events, "timezone=UTC\"", "timezone", NULL},
    {gt_calendar_events, "timezone=UTC\r\nX: y", "timezone", NULL},
    {gt_calendar_events, "timezone=UTC, IdType", "timezone", NULL},
    {gt_calendar_events, "timezone=Europe\\Berlin", "timezone", NULL},
    {gt_calendar_events, "timezone=\xc3\x84quator", "timezone", NULL},
    {gt_calendar_events,
     "timezone=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "timezone",
     NULL},
    {gt_calendar_events, "top=x&skip=y&order=z&select=1&timezone=2&what=3",
     "what order top skip select timezone", NULL},
    {gt_calendar_next24, "start=2026-11-21T00:00:00Z&top=0&timezone=\t", "start top timezone",
     NULL},
    {gt_calendar_next24, "skip=1", "skip", NULL},
};

START_TEST(test_C6_every_wrong_parameter_is_named_at_once)
{
    fake_clock(NOW);
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
        gt_err_t *err = bad_rows[i].fn(&params, query_of(bad_rows[i].query), pool);

        ck_assert_msg(err != GT_OK, "\"%s\" is taken", bad_rows[i].query);
        ck_assert_str_eq(fields_of(err), bad_rows[i].path);
        ck_assert_str_eq(err->tag, "GT0713");
    }
}
END_TEST

START_TEST(a_strangers_name_is_shown_short)
{
    char *name = apr_pcalloc(pool, 1001);
    gt_err_t *err;

    memset(name, 'n', 1000);
    err = gt_calendar_events(&params, query_of(apr_pstrcat(pool, name, "=1", NULL)), pool);
    ck_assert_int_lt((int)strlen(fields_of(err)), 65);
}
END_TEST

START_TEST(no_query_at_all_is_a_query_of_nothing)
{
    ck_ok(gt_calendar_events(&params, NULL, pool));
    ck_ok(gt_calendar_info(&params, NULL, pool));
}
END_TEST

/* ---- ids ---- */

START_TEST(ids_are_looked_at_and_escaped)
{
    static const struct {
        const char *id, *path;
    } rows[] = {
        {"AAMkAGI1-_=", "/me/events/AAMkAGI1-_%3D"},
        {"old/id+with=", "/me/events/old-id_with%3D"},
        {"ID/attachments", "/me/events/ID-attachments"},
        {"a", "/me/events/a"},
        {"", NULL},
        {"..", NULL},
        {"a b", NULL},
        {"a?b", NULL},
        {"a#b", NULL},
        {"a%2e", NULL},
        {"a\\b", NULL},
        {"a\r\nb", NULL},
        {"a'b", NULL},
        {"\xc3\xa4", NULL},
        {NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_err_t *read = gt_calendar_event(&params, rows[i].id, NULL, pool);
        gt_err_t *deleted = gt_calendar_delete(&params, rows[i].id, pool);

        ck_assert_int_eq(read == GT_OK, rows[i].path != NULL);
        if (rows[i].path) {
            ck_ok(deleted);
            ck_assert_str_eq(params.path, rows[i].path);
            ck_assert_str_eq(params.method, "DELETE");
            continue;
        }
        ck_assert_str_eq(fields_of(read), "id");
        ck_assert_str_eq(fields_of(deleted), "id");
    }
}
END_TEST

START_TEST(an_id_has_1024_bytes_at_most)
{
    char *id = apr_pcalloc(pool, 1026);

    memset(id, 'A', 1024);
    ck_ok(gt_calendar_event(&params, id, NULL, pool));
    id[1024] = 'A';
    ck_assert_str_eq(fields_of(gt_calendar_event(&params, id, NULL, pool)), "id");
}
END_TEST

START_TEST(the_instances_of_a_series)
{
    apr_table_t *query = query_of("start=2026-11-21T01:00:00+01:00&end=2026-11-22T00:00:00Z&top=5");

    ck_ok(gt_calendar_instances(&params, "a/b=", query, pool));
    ck_assert_str_eq(params.method, "GET");
    ck_assert_str_eq(params.path, "/me/events/a-b%3D/instances?startDateTime=2026-11-21T00:00:00Z"
                                  "&endDateTime=2026-11-22T00:00:00Z&$top=5");
    ck_assert_str_eq(fields_of(gt_calendar_instances(&params, "a?", query_of("order=start"), pool)),
                     "id order start");
    ck_assert_str_eq(fields_of(gt_calendar_instances(&params, "a",
                                                     query_of("start=2026-11-21T00:00:00Z"), pool)),
                     "end");
}
END_TEST

START_TEST(another_calendar_is_asked_in_the_same_words)
{
    static const struct {
        const char *path, *mailbox, *calendar, *moved; /* or, after '!', the wrong fields */
    } rows[] = {
        {"/me/calendar?$select=name", NULL, NULL, "/me/calendar?$select=name"},
        {"/me/calendar", NULL, "a/b=", "/me/calendars/a-b%3D"},
        {"/me/calendar?$select=name", "a@b.example", "c",
         "/users/a%40b.example/calendars/c?$select=name"},
        {"/me/calendarView?x", "a@b.example", NULL, "/users/a%40b.example/calendarView?x"},
        {"/me/calendarView?x", NULL, "c", "/me/calendars/c/calendarView?x"},
        {"/me/events/e", "a0a0a0a0-1815-4d12-8a10-000000001815", "c",
         "/users/a0a0a0a0-1815-4d12-8a10-000000001815/calendars/c/events/e"},
        {"/me/events", "a/b@c.example", "c?", "!mailbox calendar"},
        {"/me/events", "a%2Fb@c.example", NULL, "!mailbox"},
        {"/me/events", "..", NULL, "!mailbox"},
        {"/me/events", "", "", "!mailbox calendar"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_err_t *err;

        params.path = rows[i].path;
        err = gt_other_calendar(&params, rows[i].mailbox, rows[i].calendar, pool);
        if (*rows[i].moved == '!')
            ck_assert_str_eq(fields_of(err), rows[i].moved + 1);
        else {
            ck_ok(err);
            ck_assert_str_eq(params.path, rows[i].moved);
        }
    }
}
END_TEST

START_TEST(test_C5_a_group_is_one_segment)
{
    static const char *const bad[] = {"",
                                      "me",
                                      "01d4ee64-15ce-491e-bad1-b91aa3223df",
                                      "01d4ee64-15ce-491e-bad1-b91aa3223df4/",
                                      "01d4ee64-15ce-491e-bad1-b91aa3223dg4",
                                      "01d4ee64x15ce-491e-bad1-b91aa3223df4",
                                      "01d4ee64-15ce-491e-bad1-b91aa3223df4?$top=1",
                                      "../me/events/a0a0a0a0-1815-4d12-8a10"};
    const char *group = NULL;

    ck_ok(gt_calendar_group(&group, "01D4EE64-15ce-491e-bad1-b91aa3223df4", pool));
    ck_assert_str_eq(group, "01d4ee64-15ce-491e-bad1-b91aa3223df4");
    params.path = "/me/calendarView?x";
    gt_other_calendar_of_group(&params, group, pool);
    ck_assert_str_eq(params.path, "/groups/01d4ee64-15ce-491e-bad1-b91aa3223df4/calendarView?x");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_str_eq(fields_of(gt_calendar_group(&group, bad[i], pool)), "group");
}
END_TEST

START_TEST(all_preferences_go_in_one_field)
{
    ck_ok(gt_calendar_event(&params, "A", query_of("id_type=immutable&body_type=text&timezone=UTC"),
                            pool));
    ck_assert_str_eq(params.path, "/me/events/A");
    ck_assert_str_eq(prefer(), ZONE_OF("UTC") ", outlook.body-content-type=\"text\", "
                                              "IdType=\"ImmutableId\"");
    ck_assert_str_eq(
        fields_of(gt_calendar_event(&params, "A", query_of("id_type=x&body_type=TEXT"), pool)),
        "body_type id_type");
}
END_TEST

START_TEST(one_event_by_its_parameters)
{
    ck_ok(gt_calendar_event(&params, "A", query_of("select=subject&timezone=UTC"), pool));
    ck_assert_str_eq(params.path, "/me/events/A?$select=subject");
    ck_assert_str_eq(prefer(), ZONE_OF("UTC"));
    ck_assert_str_eq(fields_of(gt_calendar_event(&params, "A?", query_of("top=1"), pool)),
                     "id top");
}
END_TEST

/* ---- bodies ---- */

#define START "\"start\":{\"dateTime\":\"2026-11-21T09:00:00\",\"timeZone\":\"Europe/Berlin\"}"
#define END "\"end\":{\"dateTime\":\"2026-11-21T10:00\",\"timeZone\":\"Europe/Berlin\"}"
#define BASE "\"subject\":\"x\"," START "," END
#define MOMENT(name, time, zone)                                                                   \
    "\"" name "\":{\"dateTime\":\"" time "\",\"timeZone\":\"" zone "\"}"

static const char full_event[] =
    "{" BASE
    ",\"isAllDay\":false,\"body\":{\"contentType\":\"html\",\"content\":\"<p>\\u00e4</p>\"},"
    "\"location\":{\"displayName\":\"Room 1\",\"address\":{\"city\":\"Bonn\"}},"
    "\"locations\":[{\"displayName\":\"Room 1\"}],"
    "\"attendees\":[{\"type\":\"optional\",\"emailAddress\":{\"address\":\"a@b.example\","
    "\"name\":\"A\"}}],\"importance\":\"high\",\"sensitivity\":\"private\",\"showAs\":\"oof\","
    "\"categories\":[\"Blue\"],\"isReminderOn\":true,\"reminderMinutesBeforeStart\":15,"
    "\"responseRequested\":true,\"allowNewTimeProposals\":false,\"hideAttendees\":true,"
    "\"recurrence\":{\"pattern\":{\"type\":\"weekly\",\"interval\":1,\"daysOfWeek\":[\"monday\"],"
    "\"firstDayOfWeek\":\"monday\"},\"range\":{\"type\":\"numbered\",\"startDate\":\"2026-11-21\","
    "\"numberOfOccurrences\":3,\"recurrenceTimeZone\":\"Europe/Berlin\"}},"
    "\"isOnlineMeeting\":true,\"onlineMeetingProvider\":\"teamsForBusiness\"}";

START_TEST(test_C3_create_adds_a_transaction_id)
{
    json_t *body = body_of(full_event);
    json_t *sent;
    const char *first;

    ck_ok(gt_calendar_create(&params, body, query_of("timezone=UTC"), pool));
    ck_assert_str_eq(params.method, "POST");
    ck_assert_str_eq(params.path, "/me/events");
    ck_assert_str_eq(prefer(), ZONE_OF("UTC"));
    first = gt_json_text(params.body, "transactionId");
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(strlen(first), 36);
    ck_assert_int_eq(first[14], '4');
    ck_assert_ptr_nonnull(strchr("89ab", first[19]));
    /* The rest is the client's, and the client's own is untouched. */
    sent = gt_json_own(json_copy(params.body), pool);
    json_object_del(sent, "transactionId");
    ck_assert(json_equal(sent, body));
    ck_assert_ptr_null(json_object_get(body, "transactionId"));
    ck_ok(gt_calendar_create(&params, body, NULL, pool));
    ck_assert_str_ne(gt_json_text(params.body, "transactionId"), first);
    ck_ok(
        gt_calendar_create(&params, body_of("{" BASE ",\"transactionId\":\"mine\"}"), NULL, pool));
    ck_assert_str_eq(gt_json_text(params.body, "transactionId"), "mine");
}
END_TEST

START_TEST(test_C3_put_and_patch_both_become_patch)
{
    ck_ok(gt_calendar_update(&params, "A=", 0, body_of(full_event), NULL, pool));
    ck_assert_str_eq(params.method, "PATCH");
    ck_assert_str_eq(params.path, "/me/events/A%3D");
    ck_assert_ptr_null(json_object_get(params.body, "transactionId"));
    ck_ok(gt_calendar_update(&params, "A", 1, body_of("{\"subject\":\"y\"}"), NULL, pool));
    ck_assert_str_eq(params.method, "PATCH");
    ck_assert_str_eq(gt_json_dump(params.body, pool), "{\"subject\":\"y\"}");
    ck_ok(gt_calendar_update(&params, "A", 1, body_of("{\"recurrence\":null}"), NULL, pool));
    ck_assert_str_eq(gt_json_dump(params.body, pool), "{\"recurrence\":null}");
    ck_fails(gt_calendar_update(&params, "A", 1, body_of("{}"), NULL, pool), GT_INVALID, "GT0712");
    ck_assert_str_eq(fields_of(gt_calendar_update(&params, "A", 0, body_of("{}"), NULL, pool)),
                     "subject start end");
    ck_assert_str_eq(fields_of(gt_calendar_update(
                         &params, "A", 1, body_of("{\"transactionId\":\"x\"}"), NULL, pool)),
                     "transactionId");
    ck_assert_str_eq(fields_of(gt_calendar_update(&params, "?", 0, body_of("{\"subject\":1}"),
                                                  query_of("a=b"), pool)),
                     "id a subject start end");
}
END_TEST

static const struct {
    const char *body;   /* of a creation */
    const char *fields; /* that are wrong; NULL: none */
} body_rows[] = {
    {"{" BASE "}", NULL},
    {"{}", "subject start end"},
    {"[]", ""},
    {"{" START "," END "}", "subject"},
    {"{\"subject\":\"\"," START "," END "}", "subject"},
    {"{\"subject\":null," START "," END "}", "subject"},
    {"{\"subject\":\"x\",\"start\":\"2026-11-21T09:00:00Z\"," END "}", "start"},
    {"{\"subject\":\"x\",\"start\":{}," END "}", "start.dateTime start.timeZone"},
    {"{\"subject\":\"x\"," MOMENT("start", "2026-11-21T09:00:00Z", "UTC") "," END "}", NULL},
    {"{\"subject\":\"x\"," MOMENT("start", "2026-11-21T09:00:00Z", "Europe/Berlin") "," END "}",
     "start.dateTime"},
    {"{\"subject\":\"x\",\"start\":{\"dateTime\":\"2026-11-21T09:00:00\"}," END "}",
     "start.timeZone"},
    {"{\"subject\":\"x\"," MOMENT("start", "2026-02-30T09:00:00", "UTC") "," END "}",
     "start.dateTime"},
    {"{\"subject\":\"x\"," MOMENT("start", "2026-11-21T09:00:00", "U\\\"TC") "," END "}",
     "start.timeZone"},
    {"{\"subject\":\"x\"," MOMENT("start", "2026-11-21T10:00:00.0000001", "europe/berlin") "," END
                                                                                           "}",
     NULL},
    {"{\"subject\":\"x\"," MOMENT("start", "2026-11-21T10:01", "Europe/Berlin") "," END "}",
     "end.dateTime"},
    {"{\"subject\":\"x\"," MOMENT("start", "2026-11-21T11:00:00", "Asia/Tokyo") "," END "}", NULL},
    /* all-day */
    {"{\"subject\":\"x\",\"isAllDay\":true," MOMENT("start", "2026-11-21T00:00", "UTC") "," MOMENT(
         "end", "2026-11-22T00:00", "UTC") "}",
     NULL},
    {"{\"subject\":\"x\",\"isAllDay\":true," MOMENT("start", "2026-11-21T00:00", "UTC") "," MOMENT(
         "end", "2026-11-21T00:00", "UTC") "}",
     "end.dateTime"},
    {"{\"subject\":\"x\",\"isAllDay\":true," MOMENT("start", "2026-11-21T01:00", "UTC") "," MOMENT(
         "end", "2026-11-22T02:00", "Asia/Tokyo") "}",
     "start.dateTime end.dateTime end.timeZone"},
    /* members */
    {"{" BASE ",\"id\":\"A\",\"webLink\":\"x\"}", NULL},
    {"{" BASE ",\"idd\":\"A\",\"location\":{\"link\":\"x\"}}", "location.link idd"},
    {"{" BASE ",\"isAllDay\":\"no\",\"importance\":\"higher\",\"showAs\":1}",
     "isAllDay importance showAs"},
    {"{" BASE ",\"body\":{\"contentType\":\"markdown\"}}", "body.contentType body.content"},
    {"{" BASE ",\"body\":\"text\"}", "body"},
    {"{" BASE ",\"location\":\"Room\"}", "location"},
    {"{" BASE ",\"attendees\":[{\"emailAddress\":{\"address\":\"no\"}},{\"type\":\"x\"},7]}",
     "attendees[0].emailAddress.address attendees[1].emailAddress attendees[1].type attendees[2]"},
    {"{" BASE ",\"reminderMinutesBeforeStart\":-540}", NULL},
    {"{" BASE ",\"reminderMinutesBeforeStart\":-2147483649}", "reminderMinutesBeforeStart"},
    {"{" BASE ",\"reminderMinutesBeforeStart\":2147483648}", "reminderMinutesBeforeStart"},
    {"{" BASE ",\"categories\":[\"\"]}", "categories[0]"},
    {"{" BASE ",\"transactionId\":\"\"}", "transactionId"},
    {"{" BASE ",\"onlineMeetingProvider\":\"zoom\"}", "onlineMeetingProvider"},
    {"{" BASE ",\"recurrence\":null}", NULL},
};

START_TEST(test_C6_every_wrong_field_is_named_at_once)
{
    for (size_t i = 0; i < sizeof(body_rows) / sizeof(body_rows[0]); i++) {
        gt_err_t *err = gt_calendar_create(&params, body_of(body_rows[i].body), NULL, pool);

        if (body_rows[i].fields)
            ck_assert_str_eq(fields_of(err), body_rows[i].fields);
        else
            ck_assert_msg(err == GT_OK, "%s: %s", body_rows[i].body, fields_of(err));
    }
}
END_TEST

#define PATTERN "recurrence.pattern."
#define RANGE "recurrence.range."
#define NO_END "{\"type\":\"noEnd\",\"startDate\":\"2026-11-21\"}"
#define DAILY "{\"type\":\"daily\",\"interval\":1}"

static const struct {
    const char *pattern, *range, *fields;
} series_rows[] = {
    {DAILY, NO_END, NULL},
    {"{\"type\":\"weekly\",\"interval\":2,\"daysOfWeek\":[\"sunday\",\"saturday\"]}", NO_END, NULL},
    {"{\"type\":\"weekly\",\"interval\":2}", NO_END, PATTERN "daysOfWeek"},
    {"{\"type\":\"weekly\",\"interval\":1,\"daysOfWeek\":[\"Monday\",\"day\",\"mon tue\",\"\"]}",
     NO_END, PATTERN "daysOfWeek[1] " PATTERN "daysOfWeek[2] " PATTERN "daysOfWeek[3]"},
    {"{\"type\":\"absoluteMonthly\",\"interval\":1,\"dayOfMonth\":31}", NO_END, NULL},
    {"{\"type\":\"absoluteMonthly\",\"interval\":1}", NO_END, PATTERN "dayOfMonth"},
    {"{\"type\":\"absoluteYearly\",\"interval\":1,\"dayOfMonth\":1}", NO_END, PATTERN "month"},
    {"{\"type\":\"relativeMonthly\",\"interval\":1,\"index\":\"last\"}", NO_END,
     PATTERN "daysOfWeek"},
    {"{\"type\":\"relativeYearly\",\"interval\":1,\"daysOfWeek\":[\"friday\"],\"month\":13}",
     NO_END, PATTERN "month"},
    {"{\"type\":\"hourly\",\"interval\":0}", NO_END, PATTERN "type " PATTERN "interval"},
    {DAILY, "{\"type\":\"endDate\",\"startDate\":\"2026-11-21\",\"endDate\":\"2026-11-21\"}", NULL},
    {DAILY, "{\"type\":\"endDate\",\"startDate\":\"2026-11-21\",\"endDate\":\"2026-11-20\"}",
     RANGE "endDate"},
    {DAILY, "{\"type\":\"endDate\",\"startDate\":\"2026-11-21\"}", RANGE "endDate"},
    {DAILY, "{\"type\":\"numbered\",\"startDate\":\"2026-11-21\"}", RANGE "numberOfOccurrences"},
    {DAILY, "{\"type\":\"noEnd\",\"startDate\":\"2026-11-31\"}", RANGE "startDate"},
    {DAILY, "{\"type\":\"noEnd\",\"startDate\":\"21.11.2026\"}", RANGE "startDate"},
    {DAILY, "{\"type\":\"noEnd\",\"startDate\":\"2026-11-21\",\"recurrenceTimeZone\":\"#\"}",
     RANGE "recurrenceTimeZone"},
    {"[]", "{}", "recurrence.pattern " RANGE "type " RANGE "startDate"},
};

START_TEST(test_C6_a_series_must_fit_together)
{
    for (size_t i = 0; i < sizeof(series_rows) / sizeof(series_rows[0]); i++) {
        const char *text =
            apr_pstrcat(pool, "{" BASE ",\"recurrence\":{\"pattern\":", series_rows[i].pattern,
                        ",\"range\":", series_rows[i].range, "}}", NULL);
        gt_err_t *err = gt_calendar_create(&params, body_of(text), NULL, pool);

        if (series_rows[i].fields)
            ck_assert_str_eq(fields_of(err), series_rows[i].fields);
        else
            ck_assert_msg(err == GT_OK, "%s: %s", text, fields_of(err));
    }
}
END_TEST

START_TEST(test_C6_500_attendees_and_not_one_more)
{
    json_t *body = body_of("{" BASE "}");
    json_t *attendees = json_array();

    for (int i = 0; i < 500; i++)
        json_array_append_new(attendees, json_pack("{s:{s:s}}", "emailAddress", "address",
                                                   apr_psprintf(pool, "u%d@a.example", i)));
    gt_json_put(body, "attendees", attendees);
    ck_ok(gt_calendar_create(&params, body, NULL, pool));
    json_array_append_new(attendees,
                          json_pack("{s:{s:s}}", "emailAddress", "address", "z@a.example"));
    ck_assert_str_eq(fields_of(gt_calendar_create(&params, body, NULL, pool)), "attendees");
}
END_TEST

START_TEST(test_C6_a_subject_of_255_characters)
{
    char *subject = apr_pcalloc(pool, 2 * 256 + 1);
    json_t *body = body_of("{" BASE "}");

    for (int i = 0; i < 256; i++)
        memcpy(subject + 2 * i, "\xc3\xa4", 2);
    gt_json_set(body, "subject", subject);
    ck_assert_str_eq(fields_of(gt_calendar_create(&params, body, NULL, pool)), "subject");
    subject[2 * 255] = '\0';
    gt_json_set(body, "subject", subject);
    ck_ok(gt_calendar_create(&params, body, NULL, pool));
}
END_TEST

Suite *suite_calendar(void)
{
    Suite *suite = suite_create("calendar");
    TCase *tcase = case_with_pool(suite, "calendar");

    tcase_add_test(tcase, test_C1_C2_C4_parameters_become_graphs);
    tcase_add_test(tcase, test_C6_every_wrong_parameter_is_named_at_once);
    tcase_add_test(tcase, a_strangers_name_is_shown_short);
    tcase_add_test(tcase, no_query_at_all_is_a_query_of_nothing);
    tcase_add_test(tcase, ids_are_looked_at_and_escaped);
    tcase_add_test(tcase, an_id_has_1024_bytes_at_most);
    tcase_add_test(tcase, the_instances_of_a_series);
    tcase_add_test(tcase, another_calendar_is_asked_in_the_same_words);
    tcase_add_test(tcase, test_C5_a_group_is_one_segment);
    tcase_add_test(tcase, all_preferences_go_in_one_field);
    tcase_add_test(tcase, one_event_by_its_parameters);
    tcase_add_test(tcase, test_C3_create_adds_a_transaction_id);
    tcase_add_test(tcase, test_C3_put_and_patch_both_become_patch);
    tcase_add_test(tcase, test_C6_every_wrong_field_is_named_at_once);
    tcase_add_test(tcase, test_C6_a_series_must_fit_together);
    tcase_add_test(tcase, test_C6_500_attendees_and_not_one_more);
    tcase_add_test(tcase, test_C6_a_subject_of_255_characters);
    return suite;
}
