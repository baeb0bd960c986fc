/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What Graph gives can be sent back, and times are taken as programs write them. */

#include "gt_test.h"

#include "base/address.h"
#include "base/json.h"
#include "graph/event.h"

Suite *suite_event_back(void);

/* An event with all that Graph puts into one; Microsoft Graph v1.0, event resource type. */
static const char given[] =
    "{\"@odata.context\":\"https://graph/v1.0/$metadata#users('a')/events/$entity\","
    "\"@odata.etag\":\"W/\\\"x\\\"\",\"@microsoft.graph.tips\":\"x\",\"id\":\"AAMk=\","
    "\"createdDateTime\":\"2026-11-01T00:00:00Z\",\"lastModifiedDateTime\":\"2026-11-01T00:00:"
    "00Z\","
    "\"changeKey\":\"x\",\"categories\":[],\"transactionId\":null,"
    "\"originalStartTimeZone\":\"tzone://Microsoft/Custom\",\"originalEndTimeZone\":\"UTC\","
    "\"iCalUId\":\"x\",\"uid\":\"x\",\"reminderMinutesBeforeStart\":15,\"isReminderOn\":null,"
    "\"hasAttachments\":false,\"subject\":null,\"bodyPreview\":\"\",\"importance\":\"Normal\","
    "\"sensitivity\":\"normal\",\"isAllDay\":false,\"isCancelled\":false,\"isDraft\":false,"
    "\"isOrganizer\":true,\"responseRequested\":true,\"seriesMasterId\":null,\"showAs\":\"busy\","
    "\"type\":\"seriesMaster\",\"webLink\":\"https://x\",\"onlineMeetingUrl\":null,"
    "\"isOnlineMeeting\":false,\"onlineMeetingProvider\":\"unknown\",\"occurrenceId\":null,"
    "\"allowNewTimeProposals\":true,\"hideAttendees\":false,\"originalStart\":null,"
    "\"responseStatus\":{\"response\":\"organizer\",\"time\":\"0001-01-01T00:00:00Z\"},"
    "\"body\":{\"@odata.type\":\"x\",\"contentType\":\"html\",\"content\":\"\"},"
    "\"start\":{\"dateTime\":\"2026-11-21T07:00:00.0000000\",\"timeZone\":"
    "\"tzone://Microsoft/Custom\"},"
    "\"end\":{\"dateTime\":\"2026-11-21T08:00:00.0000000\",\"timeZone\":\"tzone://Microsoft/"
    "Custom\"},"
    "\"location\":{\"displayName\":\"Room\",\"locationType\":\"default\",\"uniqueId\":\"Room\","
    "\"uniqueIdType\":\"private\",\"locationUri\":null,\"locationEmailAddress\":\"\","
    "\"address\":{\"type\":\"unknown\",\"street\":null,\"city\":\"Bonn\"},"
    "\"coordinates\":{\"latitude\":47.5,\"longitude\":-122,\"accuracy\":\"NaN\",\"altitude\":null}}"
    ","
    "\"locations\":[{\"displayName\":\"Room\",\"coordinates\":{}}],"
    "\"recurrence\":{\"pattern\":{\"type\":\"daily\",\"interval\":1,\"month\":0,\"dayOfMonth\":0,"
    "\"daysOfWeek\":[\"Monday\"],\"firstDayOfWeek\":\"sunday\",\"index\":\"first\"},"
    "\"range\":{\"type\":\"noEnd\",\"startDate\":\"2026-11-21\",\"endDate\":\"0001-01-01\","
    "\"recurrenceTimeZone\":\"\",\"numberOfOccurrences\":0}},"
    "\"attendees\":[{\"type\":\"Required\",\"status\":{\"response\":\"none\",\"time\":"
    "\"0001-01-01T00:00:00Z\"},\"proposedNewTime\":null,\"emailAddress\":{\"name\":null,"
    "\"address\":\"/o=ExchangeLabs/ou=Exchange Administrative Group "
    "(FYDIBOHF23SPDLT)/cn=Recipients/"
    "cn=abc\"}}],"
    "\"organizer\":{\"emailAddress\":{\"name\":\"A\",\"address\":\"a@b.example\"}},"
    "\"onlineMeeting\":null,\"calendar@odata.navigationLink\":\"https://x\"}";

static const char sent[] =
    "{\"allowNewTimeProposals\":true,"
    "\"attendees\":[{\"emailAddress\":{\"address\":\"/o=ExchangeLabs/ou=Exchange Administrative "
    "Group "
    "(FYDIBOHF23SPDLT)/cn=Recipients/cn=abc\"},\"type\":\"required\"}],"
    "\"body\":{\"content\":\"\",\"contentType\":\"html\"},\"categories\":[],"
    "\"end\":{\"dateTime\":\"2026-11-21T08:00:00.0000000\",\"timeZone\":\"tzone://Microsoft/"
    "Custom\"},"
    "\"hideAttendees\":false,\"importance\":\"normal\",\"isAllDay\":false,\"isOnlineMeeting\":"
    "false,"
    "\"location\":{\"address\":{\"city\":\"Bonn\"},\"coordinates\":{\"accuracy\":\"NaN\","
    "\"latitude\":47.5,\"longitude\":-122},\"displayName\":\"Room\",\"locationType\":\"default\","
    "\"uniqueId\":\"Room\",\"uniqueIdType\":\"private\"},"
    "\"locations\":[{\"coordinates\":{},\"displayName\":\"Room\"}],"
    "\"onlineMeetingProvider\":\"unknown\","
    "\"recurrence\":{\"pattern\":{\"dayOfMonth\":0,\"daysOfWeek\":[\"monday\"],"
    "\"firstDayOfWeek\":\"sunday\",\"index\":\"first\",\"interval\":1,\"month\":0,\"type\":"
    "\"daily\"},"
    "\"range\":{\"endDate\":\"0001-01-01\",\"numberOfOccurrences\":0,\"startDate\":\"2026-11-21\","
    "\"type\":\"noEnd\"}},"
    "\"reminderMinutesBeforeStart\":15,\"responseRequested\":true,\"sensitivity\":\"normal\","
    "\"showAs\":\"busy\","
    "\"start\":{\"dateTime\":\"2026-11-21T07:00:00.0000000\",\"timeZone\":"
    "\"tzone://Microsoft/Custom\"},"
    "\"subject\":\"\"}";

static json_t *body_of(const char *text)
{
    json_t *body;

    ck_ok(gt_json_parse(&body, text, strlen(text), pool));
    return body;
}

static const char *read_as(gt_event_use_t use, const char *text)
{
    json_t *event;
    gt_err_t *err = gt_event_read(&event, body_of(text), use, pool);
    const char *names = "!";

    if (!err) {
        char *text_of = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
        const char *kept = apr_pstrdup(pool, text_of);

        free(text_of);
        return kept;
    }
    for (int i = 0; err->fields && i < err->fields->nelts; i++)
        names = apr_pstrcat(pool, names, APR_ARRAY_IDX(err->fields, i, gt_field_error_t).field, " ",
                            NULL);
    return names;
}

START_TEST(an_event_that_graph_gave_is_taken_back)
{
    ck_assert_str_eq(read_as(GT_EVENT_REPLACE, given), sent);
}
END_TEST

/* Graph knows no such limits, so its events may be larger than any that we would make up. */
START_TEST(a_limit_of_ours_refuses_nothing_that_graph_gave)
{
    static const char *const parts[] = {"street",          "city",       "state",
                                        "countryOrRegion", "postalCode", NULL};
    char *line = apr_pcalloc(pool, 3001);
    json_t *body = body_of(given), *place = json_object_get(body, "location");
    json_t *event, *address = json_object_get(place, "address");
    json_t *recurrence = json_object_get(body, "recurrence");

    memset(line, 'x', 3000);
    for (int i = 0; parts[i]; i++)
        gt_json_set(address, parts[i], line);
    gt_json_set(body, "subject", line);
    gt_json_set(place, "displayName", line);
    gt_json_set(place, "locationUri", line);
    gt_json_set(place, "uniqueId", line);
    gt_json_set(json_object_get(body, "body"), "content", line);
    json_object_set_new(json_object_get(recurrence, "pattern"), "interval", json_integer(1000));
    json_object_set_new(json_object_get(recurrence, "range"), "numberOfOccurrences",
                        json_integer(10000));
    gt_json_set(json_object_get(recurrence, "range"), "recurrenceTimeZone",
                "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna - and still more");
    for (int i = 0; i < 100; i++) {
        json_array_append_new(json_object_get(body, "categories"), json_string("Blue"));
        json_array_append(json_object_get(body, "locations"), place);
    }
    ck_ok(gt_event_read(&event, body, GT_EVENT_REPLACE, pool));
    ck_ok(gt_event_read(&event, body, GT_EVENT_CHANGE, pool));
    ck_assert_uint_eq(json_array_size(json_object_get(event, "categories")), 100);
}
END_TEST

static const struct {
    gt_event_use_t use;
    const char *text, *wanted; /* after '!': the wrong fields */
} changes[] = {
    {GT_EVENT_CHANGE, "{\"subject\":\"x\",\"id\":\"a\",\"transactionId\":\"t\"}",
     "{\"subject\":\"x\"}"},
    {GT_EVENT_CHANGE, "{\"id\":\"a\",\"@odata.etag\":\"x\"}", "!id @odata.etag "},
    {GT_EVENT_CHANGE, "{\"location\":null,\"body\":null}", "{\"body\":null,\"location\":null}"},
    {GT_EVENT_CHANGE, "{\"recurrence\":null}", "{\"recurrence\":null}"},
    {GT_EVENT_CHANGE, "{\"recurrence\":null,\"subject\":\"x\",\"type\":\"occurrence\"}",
     "{\"subject\":\"x\"}"},
    {GT_EVENT_CHANGE, "{\"attendees\":null,\"start\":null,\"nonsense\":null}",
     "!start attendees nonsense "},
    {GT_EVENT_CHANGE, "{\"attendees\":[]}", "{\"attendees\":[]}"},
    {GT_EVENT_CHANGE, "{\"subject\":\"x\",\"extensions\":[{\"extensionName\":\"a.b\"}]}",
     "{\"subject\":\"x\"}"},
    {GT_EVENT_CHANGE, "{\"showAs\":\"BUSY\"}", "{\"showAs\":\"busy\"}"},
};

START_TEST(a_change_says_what_it_clears)
{
    ck_assert_str_eq(read_as(changes[_i].use, changes[_i].text), changes[_i].wanted);
}
END_TEST

#define UNTIL ",\"end\":{\"dateTime\":\"2030-01-01T00:00\",\"timeZone\":\"UTC\"}}"

static const struct {
    const char *start;  /* of a change */
    const char *wanted; /* start as it is sent; after '!': the wrong fields */
} moments[] = {
    {"{\"dateTime\":\"2027-03-14T07:00:00.000Z\",\"timeZone\":\"UTC\"}",
     "{\"dateTime\":\"2027-03-14T07:00:00\",\"timeZone\":\"UTC\"}"},
    {"{\"dateTime\":\"2027-03-14T07:00:00.250Z\"}",
     "{\"dateTime\":\"2027-03-14T07:00:00.250000\",\"timeZone\":\"UTC\"}"},
    {"{\"dateTime\":\"2027-03-14T07:00:00+05:30\",\"timeZone\":\"etc/utc\"}",
     "{\"dateTime\":\"2027-03-14T01:30:00\",\"timeZone\":\"UTC\"}"},
    {"{\"dateTime\":\"2027-03-14T07:00:00-01:00\",\"timeZone\":null}",
     "{\"dateTime\":\"2027-03-14T08:00:00\",\"timeZone\":\"UTC\"}"},
    {"{\"dateTime\":\"2027-03-14T07:00:00.123456789\",\"timeZone\":\"Asia/Tokyo\"}",
     "{\"dateTime\":\"2027-03-14T07:00:00.123456789\",\"timeZone\":\"Asia/Tokyo\"}"},
    {"{\"dateTime\":\"2027-03-14T07:00:00Z\",\"timeZone\":\"India Standard Time\"}",
     "!start.dateTime "},
    {"{\"dateTime\":\"2027-03-14T07:00:00\"}", "!start.timeZone "},
    {"{\"dateTime\":\"14/03/2027\",\"timeZone\":\"UTC\"}", "!start.dateTime "},
    {"{\"dateTime\":\"2027-03-14T07:00:00Z\",\"timeZone\":7}", "!start.timeZone "},
};

START_TEST(a_time_with_an_offset_is_one_of_utc)
{
    const char *text = apr_pstrcat(pool, "{\"start\":", moments[_i].start, UNTIL, NULL);
    const char *got = read_as(GT_EVENT_CHANGE, text);

    if (moments[_i].wanted[0] == '!')
        ck_assert_str_eq(got, moments[_i].wanted);
    else
        ck_assert_msg(strstr(got, moments[_i].wanted) != NULL, "%s", got);
}
END_TEST

START_TEST(an_end_is_read_as_a_start_is)
{
    const char *got =
        read_as(GT_EVENT_CHANGE, "{\"end\":{\"dateTime\":\"2027-03-14T07:00:00+05:30\"}}");

    ck_assert_str_eq(got, "{\"end\":{\"dateTime\":\"2027-03-14T01:30:00\",\"timeZone\":\"UTC\"}}");
    got = read_as(GT_EVENT_CHANGE, "{\"end\":{\"dateTime\":\"2027-03-14T07:00:00\"}}");
    ck_assert_str_eq(got, "!end.timeZone ");
}
END_TEST

START_TEST(a_replacement_without_recurrence_ends_the_series)
{
    static const char more[] = "\"subject\":\"x\",\"start\":{\"dateTime\":\"2030-01-01T00:00\","
                               "\"timeZone\":\"UTC\"},\"recurrence\":null" UNTIL;
    const char *whole = read_as(GT_EVENT_REPLACE, apr_pstrcat(pool, "{", more, NULL));

    ck_assert_msg(strstr(whole, "\"recurrence\":null") != NULL, "%s", whole);
    whole = read_as(GT_EVENT_REPLACE, apr_pstrcat(pool, "{\"type\":\"exception\",", more, NULL));
    ck_assert_msg(strstr(whole, "recurrence") == NULL && *whole == '{', "%s", whole);
}
END_TEST

START_TEST(addresses_of_all_the_world)
{
    static const char *const right[] = {"j\xc3\xb6rg@m\xc3\xbcnchen.example",
                                        "\"john smith\"@b.example",
                                        "\"a@b\"@c.example",
                                        "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.example",
                                        "o'brien+tag@b.example",
                                        NULL};
    static const char *const wrong[] = {
        "\"\"@b.example",       "\"a\"b@c.example",        "\"a\\\"@b.example",
        "a\xc2\xa0z@b.example", "a@b\xe2\x80\xae.example", "a@\xff.example",
        "a@evil@b.example",     "a\xe3\x80\x80@b.example", NULL};

    for (int i = 0; right[i]; i++)
        ck_assert_msg(gt_is_email(right[i]), "%s", right[i]);
    for (int i = 0; wrong[i]; i++)
        ck_assert_msg(!gt_is_email(wrong[i]), "%s", wrong[i]);
    ck_assert(gt_is_x500("/O=First/ou=a b/CN=Recipients/cn=x"));
    ck_assert(!gt_is_x500("/o=First/ou=a"));
    ck_assert(!gt_is_x500("/o=First/cn="));
    ck_assert(!gt_is_x500("/o=First\r\n/cn=x"));
    ck_assert(!gt_is_x500("x/o=First/cn=x"));
    ck_assert(!gt_is_x500(NULL));
}
END_TEST

START_TEST(attendees_whom_exchange_knows_by_name)
{
    static const char *const right[] = {
        "ada@a.example",       "/o=First/cn=x",   "Ada", "Room 1 \xc3\xbc",
        "Ada <ada@a.example>", "<ada@a.example>", NULL};
    static const char *const wrong[] = {"",
                                        "a@",
                                        "@",
                                        "Ada <ada>@",
                                        "Ada <a@b@c>",
                                        "Ada <ada@a.example",
                                        "Ada ada@a.example>",
                                        "Ada <ada@a.example> x",
                                        "Ada\n",
                                        "\xff",
                                        NULL};
    char *longest = apr_palloc(pool, 1026);

    for (int i = 0; right[i]; i++)
        ck_assert_msg(gt_is_person(right[i]), "%s", right[i]);
    for (int i = 0; wrong[i]; i++)
        ck_assert_msg(!gt_is_person(wrong[i]), "%s", wrong[i]);
    ck_assert(!gt_is_person(NULL));
    memset(longest, 'a', 1025);
    longest[1025] = '\0';
    ck_assert(!gt_is_person(longest));
    longest[1024] = '\0';
    ck_assert(gt_is_person(longest));
    ck_assert(!gt_is_person(apr_pstrcat(pool, "<", longest + 700, "@a.example>", NULL)));
}
END_TEST

START_TEST(patterns_of_addresses)
{
    static const char patterns[] = "  ada@a.example *@B.example ";

    ck_assert(gt_is_address_of("Ada@A.example", patterns));
    ck_assert(gt_is_address_of("x@b.EXAMPLE", patterns));
    ck_assert(!gt_is_address_of("x@a.example", patterns));
    ck_assert(!gt_is_address_of("x@c.b.example", patterns));
    ck_assert(!gt_is_address_of("x@ab.example", patterns));
    ck_assert(!gt_is_address_of("", patterns));
    ck_assert(!gt_is_address_of("b.example", patterns));
    ck_assert(!gt_is_address_of("ada@a.example", NULL));
    ck_assert(gt_is_address_of("any", "x@y.example *"));
}
END_TEST

Suite *suite_event_back(void)
{
    Suite *suite = suite_create("event_back");
    TCase *tcase = case_with_pool(suite, "event_back");

    tcase_add_test(tcase, an_event_that_graph_gave_is_taken_back);
    tcase_add_test(tcase, a_limit_of_ours_refuses_nothing_that_graph_gave);
    tcase_add_loop_test(tcase, a_change_says_what_it_clears, 0,
                        sizeof(changes) / sizeof(changes[0]));
    tcase_add_loop_test(tcase, a_time_with_an_offset_is_one_of_utc, 0,
                        sizeof(moments) / sizeof(moments[0]));
    tcase_add_test(tcase, an_end_is_read_as_a_start_is);
    tcase_add_test(tcase, a_replacement_without_recurrence_ends_the_series);
    tcase_add_test(tcase, addresses_of_all_the_world);
    tcase_add_test(tcase, attendees_whom_exchange_knows_by_name);
    tcase_add_test(tcase, patterns_of_addresses);
    return suite;
}
