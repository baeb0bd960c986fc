/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The errors that Graph's refusals become; bodies as Microsoft documents them, and broken ones. */

#include "gt_test.h"

#include "base/text.h"
#include "graph/call.h"
#include "graph/group_denied.h"
#include "oauth/claims.h"

Suite *suite_graph_refusal(void);

/* "Name: value" lines, as an answer's head. */
static apr_table_t *head_of(const char *lines)
{
    apr_table_t *head = apr_table_make(pool, 4);
    apr_array_header_t *split = gt_split(lines, "\n", pool);

    for (int i = 0; i < split->nelts; i++) {
        char *line = APR_ARRAY_IDX(split, i, char *);
        char *colon = strchr(line, ':');

        *colon = '\0';
        apr_table_add(head, line, colon + 2);
    }
    return head;
}

static gt_err_t *judge(int status, const char *head, const char *body)
{
    gt_err_t *err = gt_graph_error(status, body, strlen(body), head_of(head), pool);

    ck_assert_ptr_nonnull(err);
    return err;
}

#define NOT_FOUND                                                                                  \
    "{\"error\":{\"code\":\"ErrorItemNotFound\",\"message\":\"The specified object was not found " \
    "in the store.\",\"innerError\":{\"date\":\"2026-01-02T03:04:05\",\"request-id\":\"body-id\"," \
    "\"client-request-id\":\"c\"}}}"

START_TEST(a_status_has_one_meaning)
{
    static const struct {
        int status;
        const char *head;
        gt_class_t cls;
        const char *tag;
        int client_status;
        int wait; /* s */
    } rows[] = {
        {400, "", GT_REFUSED, "GT0701", 400, 0},
        {401, "", GT_SIGN_IN, "GT0702", 401, 0},
        {403, "", GT_REFUSED, "GT0704", 403, 0},
        {404, "", GT_NOT_FOUND, "GT0705", 404, 0},
        {405, "", GT_REFUSED, "GT0701", 405, 0},
        {408, "", GT_TIMEOUT, "GT0708", 504, 0},
        {409, "", GT_CONFLICT, "GT0706", 409, 0},
        {410, "", GT_NOT_FOUND, "GT0705", 410, 0},
        {412, "", GT_CONFLICT, "GT0706", 412, 0},
        {413, "", GT_REFUSED, "GT0701", 413, 0},
        {423, "", GT_REFUSED, "GT0701", 423, 0},
        {429, "", GT_THROTTLED, "GT0707", 429, 3},
        {429, "Retry-After: 17", GT_THROTTLED, "GT0707", 429, 17},
        {429, "Retry-After: soon", GT_THROTTLED, "GT0707", 429, 3},
        {429, "Retry-After: 99999999", GT_THROTTLED, "GT0707", 429, 3600},
        {499, "", GT_REFUSED, "GT0701", 499, 0},
        {500, "", GT_UPSTREAM, "GT0708", 500, 0},
        {501, "", GT_REFUSED, "GT0701", 501, 0},
        {502, "", GT_UPSTREAM, "GT0708", 502, 0},
        {503, "", GT_UPSTREAM, "GT0708", 503, 0},
        {503, "Retry-After: 5", GT_THROTTLED, "GT0707", 503, 5},
        {504, "", GT_TIMEOUT, "GT0708", 504, 0},
        {507, "", GT_REFUSED, "GT0701", 507, 0},
        {509, "", GT_THROTTLED, "GT0707", 503, 3},
        {599, "", GT_UPSTREAM, "GT0708", 599, 0},
        {302, "Location: https://elsewhere", GT_UPSTREAM, "GT0709", 502, 0},
        {100, "", GT_UPSTREAM, "GT0709", 502, 0},
        {0, "", GT_UPSTREAM, "GT0709", 502, 0},
        {600, "", GT_UPSTREAM, "GT0709", 502, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_err_t *err = judge(rows[i].status, rows[i].head, "");

        ck_assert_msg(err->cls == rows[i].cls, "%d: class %d", rows[i].status, (int)err->cls);
        ck_assert_str_eq(err->tag, rows[i].tag);
        ck_assert_int_eq(gt_err_status(err), rows[i].client_status);
        ck_assert_int_eq(err->retry_after, apr_time_from_sec(rows[i].wait));
    }
}
END_TEST

START_TEST(graphs_own_words_are_kept)
{
    gt_err_t *err = judge(404, "request-id: head-id", NOT_FOUND);

    ck_assert_str_eq(err->code, "ErrorItemNotFound");
    ck_assert_str_eq(err->request_id, "head-id");
    ck_assert_str_eq(err->detail, "Graph answered 404 ErrorItemNotFound: The specified object was "
                                  "not found in the store.");
    err = judge(404, "", NOT_FOUND);
    ck_assert_str_eq(err->request_id, "body-id");
    err = judge(400, "",
                "{\"error\":{\"code\":\"BadRequest\",\"innererror\":{\"request-id\":\"lower\"}}}");
    ck_assert_str_eq(err->request_id, "lower");
    ck_assert_str_eq(err->detail, "Graph answered 400 BadRequest");
}
END_TEST

START_TEST(bodies_of_nobody_add_nothing)
{
    static const char *const bodies[] = {
        "",
        "<html><body>Bad gateway</body></html>",
        "null",
        "[]",
        "\"error\"",
        "{\"error\":\"invalid_request\",\"error_description\":\"x\"}",
        "{\"error\":{\"code\":7,\"message\":[]}}",
        "{\"error\":{\"code\":\"\",\"message\":\"\",\"innerError\":[]}}",
        "{\"error\":{\"code\":\"with blank\"}}",
        "{\"error\":{\"code\":\"line\\nbreak\"}}",
        "{\"error\":{\"code\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}",
        "{\"error\":{\"code\":\"Cut",
        "{\"error\":{\"code\":\"\xff\"}}",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        gt_err_t *err = judge(500, "request-id: a b", bodies[i]);

        ck_assert_str_eq(err->detail, "Graph answered 500");
        ck_assert_ptr_null(err->code);
        ck_assert_ptr_null(err->request_id);
    }
}
END_TEST

START_TEST(messages_are_one_bounded_line_without_tokens)
{
    char *filler = apr_pcalloc(pool, 600);
    gt_err_t *err;

    err = judge(400, "", "{\"error\":{\"message\":\"a\\r\\nb\\u0000\"}}");
    ck_assert_str_eq(err->detail, "Graph answered 400: a  b\xef\xbf\xbd");
    err = judge(
        404, "",
        "\xef\xbb\xbf{\"error\":{\"code\":\"ErrorItemNotFound\",\"x\":1e999,\"x\":\"\\ud800\"}}");
    ck_assert_str_eq(err->code, "ErrorItemNotFound");
    err = judge(400, "", "{\"error\":{\"message\":\"a\\r\\nb\\u007f\\u0085c\\u00e4\"}}");
    ck_assert_str_eq(err->detail, "Graph answered 400: a  b   c\xc3\xa4");
    err = judge(401, "", "{\"error\":{\"message\":\"Invalid token eyJhbGciOi\"}}");
    ck_assert_str_eq(err->detail, "Graph answered 401");
    err = judge(401, "", "{\"error\":{\"message\":\"Bearer abc is wrong\"}}");
    ck_assert_str_eq(err->detail, "Graph answered 401");
    /* 255 bytes and a character of two: it is not cut through the middle. */
    memset(filler, 'x', 255);
    memcpy(filler + 255, "\xc3\xa4\xc3\xa4", 4);
    err = judge(400, "", apr_pstrcat(pool, "{\"error\":{\"message\":\"", filler, "\"}}", NULL));
    ck_assert_uint_eq(strlen(err->detail), strlen("Graph answered 400: ") + 255);
}
END_TEST

#define CLAIMS "{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1700000000\"}}}"
#define CLAIMS_64                                                                                  \
    "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAwMDAwMDAwIn19fQ=="
#define CLAIMS_BARE                                                                                \
    "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAwMDAwMDAwIn19fQ"
#define BEARER                                                                                     \
    "WWW-Authenticate: Bearer realm=\"\", authorization_uri=\"https://login.example/a\", "

START_TEST(a_claims_challenge_needs_the_user)
{
    static const struct {
        int status;
        const char *head;
        int is_challenge;
    } rows[] = {
        {401, BEARER "error=\"insufficient_claims\", claims=\"" CLAIMS_64 "\"", 1},
        {403, BEARER "error=\"insufficient_claims\", claims=\"" CLAIMS_64 "\"", 1},
        {401, BEARER "CLAIMS=\"" CLAIMS_64 "\"", 1},
        {401, BEARER "x=\"1\"\nWWW-Authenticate: Bearer claims=\"" CLAIMS_64 "\"", 1},
        {401, BEARER "error=\"claims=\", claims=\"" CLAIMS_64 "\"", 1},
        {401, BEARER "error=\"invalid_token\"", 0},
        {401, BEARER "claims=\"\"", 0},
        {401, BEARER "claims=\"not base64!\"", 0},
        {401, BEARER "claims=\"bm90IGpzb24=\"", 0},
        {401, BEARER "claims=\"W10=\"", 0},
        {401, BEARER "claims=\"" CLAIMS_64, 0},
        {401, BEARER "claims=\"" CLAIMS_BARE "\"", 1},
        {401, BEARER "claims=\"" CLAIMS_64 "\", claims=\"" CLAIMS_64 "\"", 0},
        {401, BEARER "claims=\"eyJhY2Nlc3NfdG9rZW4iOnsiYSI6In5+fj4ifX0=\"", 2},
        {401, BEARER "claims=\"eyJhY2Nlc3NfdG9rZW4iOnsiYSI6In5-fj4ifX0=\"", 2},
        {401, BEARER "claims=\"eyJhY2Nlc3NfdG9rZW4iOnsiYSI6In5-fj4ifX0\"", 2},
        {401, BEARER "claims=\"eyJhY2Nlc3NfdG9rZW4iOlsxXX0=\"", 0},
        {401, BEARER "claims=\"eyJhIjoxLCJhIjoyfQ==\"", 0},
        {401, BEARER "xclaims=\"" CLAIMS_64 "\"", 0},
        {401, BEARER "error=\"\\\", claims=\\\"" CLAIMS_64 "\"", 0},
        {401, BEARER "error=\", claims=", 0},
        {400, BEARER "claims=\"" CLAIMS_64 "\"", 0},
        {500, BEARER "claims=\"" CLAIMS_64 "\"", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_err_t *err = judge(rows[i].status, rows[i].head, "");

        ck_assert_msg((err->cls == GT_INTERACTION) == (rows[i].is_challenge > 0), "row %d", (int)i);
        if (rows[i].is_challenge)
            ck_assert_str_eq(err->claims, rows[i].is_challenge == 1
                                              ? CLAIMS
                                              : "{\"access_token\":{\"a\":\"~~~>\"}}");
        else
            ck_assert_ptr_null(err->claims);
    }
}
END_TEST

START_TEST(claims_are_bounded)
{
    static const size_t lengths[] = {GT_CLAIMS_MAX, GT_CLAIMS_MAX + 1, 1024 * 1024};

    for (int i = 0; i < 3; i++) {
        char *text = apr_pcalloc(pool, lengths[i] + 1);

        memset(text, 'x', lengths[i]);
        memcpy(text, "{\"a\":\"", 6);
        memcpy(text + lengths[i] - 2, "\"}", 2);
        text = gt_base64url(text, lengths[i], pool);
        text = apr_pstrcat(pool, BEARER "claims=\"", text, "\"", NULL);
        ck_assert_int_eq(judge(401, text, "")->cls, i == 0 ? GT_INTERACTION : GT_SIGN_IN);
    }
}
END_TEST

static apr_interval_time_t wait_of(int status, const char *head)
{
    const gt_err_t *err = judge(status, head, "");

    return err->extent == GT_EXTENT_MAILBOX ? err->retry_after : 0;
}

START_TEST(throttling_asks_to_wait)
{
    ck_assert_int_eq(wait_of(429, "Retry-After: 17"), apr_time_from_sec(17));
    ck_assert_int_eq(wait_of(503, "Retry-After: 17"), apr_time_from_sec(17));
    ck_assert_int_gt(wait_of(429, ""), 0);
    ck_assert_int_eq(wait_of(503, ""), 0);
    ck_assert_int_eq(wait_of(200, "Retry-After: 17"), 0);
    ck_assert_int_eq(wait_of(404, "Retry-After: 17"), 0);
}
END_TEST

#define GROUP "01d4ee64-15ce-491e-bad1-b91aa3223df4"
#define GRAPHS "https://graph.microsoft.com/"

START_TEST(test_C5_a_refused_group_says_why)
{
    static const struct {
        int status;
        gt_group_call_t call;
        const char *tag, *says; /* NULL: nothing is added */
    } rows[] = {
        {403, {GROUP, "", 0, 1}, "GT0771", "no application permission"},
        {403,
         {GROUP, "User.Read", 0, 0},
         "GT0772",
         "lacks the delegated permission Group.ReadWrite"},
        {403, {GROUP, "Group.Read.All", 0, 0}, "GT0772", "grant admin consent"},
        {403, {GROUP, "User.Read", 1, 0}, "GT0772", "permission Group.Read.All or Group.ReadWrite"},
        {403, {GROUP, "Group.Read.All", 1, 0}, "GT0773", "must be a member of group " GROUP},
        {403, {GROUP, GRAPHS "Group.ReadWrite.All", 1, 0}, "GT0773", "member of group"},
        {403, {GROUP, GRAPHS "Group.ReadWrite.All", 0, 0}, "GT0773", "second factor"},
        {403, {GROUP, "", 0, 0}, "GT0773", "member of group"},
        {403, {GROUP, NULL, 0, 0}, "GT0773", "member of group"},
        {404, {GROUP, "User.Read", 0, 0}, "GT0705", NULL},
        {429, {GROUP, "User.Read", 0, 0}, "GT0707", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_err_t *err = judge(rows[i].status, "", "");
        const char *before = err->detail;

        gt_group_denied(err, &rows[i].call);
        ck_assert_str_eq(err->tag, rows[i].tag);
        if (rows[i].says == NULL)
            ck_assert_str_eq(err->detail, before);
        else {
            ck_assert_msg(strstr(err->detail, rows[i].says) != NULL, "%s", err->detail);
            ck_assert_int_eq(strncmp(err->detail, before, strlen(before)), 0);
        }
    }
}
END_TEST

Suite *suite_graph_refusal(void)
{
    Suite *suite = suite_create("graph_refusal");
    TCase *tcase = case_with_pool(suite, "graph_refusal");

    tcase_add_test(tcase, a_status_has_one_meaning);
    tcase_add_test(tcase, graphs_own_words_are_kept);
    tcase_add_test(tcase, bodies_of_nobody_add_nothing);
    tcase_add_test(tcase, messages_are_one_bounded_line_without_tokens);
    tcase_add_test(tcase, a_claims_challenge_needs_the_user);
    tcase_add_test(tcase, claims_are_bounded);
    tcase_add_test(tcase, throttling_asks_to_wait);
    tcase_add_test(tcase, test_C5_a_refused_group_says_why);
    return suite;
}
