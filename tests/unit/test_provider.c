/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Discovery and key sets: what is believed, how long it is kept, how often it is asked for. */

#include "gt_test.h"

#include "base/text.h"
#include "fake_provider.h"
#include "net/loop.h"
#include "oauth/provider.h"
#include "oauth/resource.h"
#include "task/wait.h"

Suite *suite_provider(void);

#define LIMIT apr_time_from_sec(10)

static fake_t *fake;
static gt_loop_t *loop;
static gt_provider_conf_t *conf;
static gt_provider_t *provider;

static void begin(void)
{
    gt_loop_limits_t limits = {16, 8, 0};

    make_pool();
    fake = fake_start(pool);
    ck_ok(gt_loop_start(&loop, &limits, pool));
    conf = fake_conf(fake, "microsoft", pool);
    provider = gt_provider_make(conf, pool);
}

static void end(void)
{
    gt_loop_stop(loop);
    drop_pool();
}

/* ---- the document ---- */

#define ENTRA "https://login.example"
#define GUID "72f988bf-86f1-41af-91ab-2d7cd011db47"

typedef struct document_case_t {
    const char *tenant; /* NULL: no Entra */
    const char *issuer;
    const char *base; /* of all endpoints */
    int is_good;
} document_case_t;

static const document_case_t documents[] = {
    {GUID, ENTRA "/" GUID "/v2.0", ENTRA, 1},
    {"72F988BF-86F1-41AF-91AB-2D7CD011DB47", ENTRA "/" GUID "/v2.0", ENTRA, 1},
    {"contoso.example", ENTRA "/" GUID "/v2.0", ENTRA, 1},
    {"common", ENTRA "/{tenantid}/v2.0", ENTRA, 1},
    {"organizations", ENTRA "/{tenantid}/v2.0", ENTRA, 1},
    {"consumers", ENTRA "/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", ENTRA, 1},
    {GUID, ENTRA "/" GUID "/v2.0", "https://LOGIN.example:443", 1},
    {NULL, ENTRA, ENTRA, 1},
    {NULL, ENTRA "/", "https://token.example", 1},
    /* the issuer is another's */
    {GUID, ENTRA "/82f988bf-86f1-41af-91ab-2d7cd011db47/v2.0", ENTRA, 0},
    {GUID, ENTRA "/{tenantid}/v2.0", ENTRA, 0},
    {GUID, "https://evil.example/" GUID "/v2.0", ENTRA, 0},
    {GUID, ENTRA ".evil.example/" GUID "/v2.0", ENTRA, 0},
    {GUID, ENTRA "/" GUID, ENTRA, 0},
    {GUID, ENTRA "/" GUID "/v2.0/x", ENTRA, 0},
    {GUID, ENTRA "/" GUID "/v1.0", ENTRA, 0},
    {"contoso.example", ENTRA "/contoso.example/v2.0", ENTRA, 0},
    {"contoso.example", ENTRA "/{tenantid}/v2.0", ENTRA, 0},
    {"common", ENTRA "/" GUID "/v2.0", ENTRA, 0},
    {"consumers", ENTRA "/" GUID "/v2.0", ENTRA, 0},
    {GUID, "", ENTRA, 0},
    {NULL, ENTRA "/x", ENTRA, 0},
    {NULL, ENTRA ".evil.example", ENTRA, 0},
    /* endpoints elsewhere */
    {GUID, ENTRA "/" GUID "/v2.0", "https://evil.example", 0},
    {GUID, ENTRA "/" GUID "/v2.0", ENTRA ".evil.example", 0},
    {GUID, ENTRA "/" GUID "/v2.0", ENTRA "@evil.example", 0},
    {GUID, ENTRA "/" GUID "/v2.0", "http://login.example", 0},
    {GUID, ENTRA "/" GUID "/v2.0", ENTRA ":444", 0},
    {GUID, ENTRA "/" GUID "/v2.0", "http://127.0.0.1", 0},
    {GUID, ENTRA "/" GUID "/v2.0", "", 0},
    {GUID, ENTRA "/" GUID "/v2.0", "javascript:", 0},
    {NULL, ENTRA, "http://token.example", 0},
    {NULL, ENTRA, "http://127.0.0.1:9", 0},
};

static char *document(const char *issuer, const char *base)
{
    return apr_psprintf(pool,
                        "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/a\","
                        "\"token_endpoint\":\"%s/t\",\"jwks_uri\":\"%s/k\"}",
                        issuer, base, base, base);
}

static gt_err_t *parse(gt_endpoints_t *endpoints, const char *tenant, const char *body)
{
    gt_provider_conf_t *entra = gt_provider_conf_default("microsoft", pool);

    entra->kind = tenant == NULL ? GT_KIND_OPENID : GT_KIND_MICROSOFT;
    entra->tenant = tenant;
    entra->authority = ENTRA;
    return gt_discovery_parse(endpoints, entra, body, strlen(body), pool);
}

START_TEST(a_document_is_held_against_the_configuration)
{
    const document_case_t *row = &documents[_i];
    gt_endpoints_t endpoints;
    gt_err_t *err = parse(&endpoints, row->tenant, document(row->issuer, row->base));

    if (row->is_good) {
        ck_ok(err);
        ck_assert_str_eq(endpoints.token, apr_pstrcat(pool, row->base, "/t", NULL));
    }
    else
        ck_fails(err, GT_UPSTREAM, "GT0504");
}
END_TEST

/* authority, page, token endpoint, and whether that is believed */
static const struct {
    const char *authority, *page, *token;
    int is_good;
} local[] = {
    {"https://localhost:8443", "http://localhost:8080", "https://localhost:8443", 1},
    {"https://127.0.0.1:8443", "http://127.0.0.1:8080", "https://127.0.0.1:8443", 1},
    {"https://localhost:8443", "http://localhost:8080", "http://localhost:8080", 0},
    {"https://localhost:8443", "http://evil.example", "https://localhost:8443", 0},
    {"https://localhost:8443", "https://evil.example", "https://localhost:8443", 0},
    {"https://login.example", "http://localhost:8080", "https://login.example", 0},
};

START_TEST(a_page_on_this_machine_may_be_plain)
{
    gt_provider_conf_t *entra = gt_provider_conf_default("microsoft", pool);
    gt_endpoints_t endpoints;
    const char *body =
        apr_psprintf(pool,
                     "{\"issuer\":\"%s/{tenantid}/v2.0\",\"authorization_endpoint\":\"%s/a\","
                     "\"token_endpoint\":\"%s/t\",\"jwks_uri\":\"%s/k\"}",
                     local[_i].authority, local[_i].page, local[_i].token, local[_i].authority);
    gt_err_t *err;

    entra->tenant = "common";
    entra->authority = local[_i].authority;
    err = gt_discovery_parse(&endpoints, entra, body, strlen(body), pool);
    if (local[_i].is_good)
        ck_ok(err);
    else
        ck_fails(err, GT_UPSTREAM, "GT0504");
}
END_TEST

/* The secret and a device's code go there. */
START_TEST(a_device_is_served_by_the_provider_alone)
{
    static const char *const hosts[] = {ENTRA, "https://evil.example", "http://login.example"};
    json_t *whole = json_loads(document(ENTRA "/" GUID "/v2.0", ENTRA), 0, NULL);
    const char *url = apr_pstrcat(pool, hosts[_i], "/devicecode", NULL);
    gt_endpoints_t endpoints;
    char *text;

    json_object_set_new(whole, "device_authorization_endpoint", json_string(url));
    text = json_dumps(whole, 0);
    ck_ok(parse(&endpoints, GUID, text));
    if (_i == 0)
        ck_assert_str_eq(endpoints.device, url);
    else
        ck_assert_ptr_null(endpoints.device);
    free(text);
    json_decref(whole);
}
END_TEST

START_TEST(each_endpoint_is_needed)
{
    static const char *const members[] = {"issuer", "authorization_endpoint", "token_endpoint",
                                          "jwks_uri"};
    json_t *whole = json_loads(document(ENTRA "/" GUID "/v2.0", ENTRA), 0, NULL);
    gt_endpoints_t endpoints;
    char *text;
    gt_err_t *err;

    json_object_del(whole, members[_i]);
    text = json_dumps(whole, 0);
    err = parse(&endpoints, GUID, text);
    ck_fails(err, GT_UPSTREAM, "GT0504");
    ck_assert_ptr_nonnull(strstr(err->detail, members[_i]));
    free(text);
    json_decref(whole);
}
END_TEST

static const char *const no_documents[] = {"", "<html>", "[]", "{"};

START_TEST(no_document_is_no_document)
{
    gt_endpoints_t endpoints;

    ck_fails(parse(&endpoints, GUID, no_documents[_i]), GT_UPSTREAM, "GT0503");
}
END_TEST

START_TEST(an_odd_document_is_read_all_the_same)
{
    static const char body[] =
        "\xef\xbb\xbf{\"x\":\"\\u0000\",\"x\":1e999,\"issuer\":\"" ENTRA "/" GUID "/v2.0\","
        "\"authorization_endpoint\":\"" ENTRA "/a\",\"token_endpoint\":\"" ENTRA "/t\","
        "\"jwks_uri\":\"" ENTRA "/k\",\"userinfo_endpoint\":\"\xff\"}\n ";
    gt_endpoints_t endpoints;

    ck_ok(parse(&endpoints, GUID, body));
    ck_assert_str_eq(endpoints.token, ENTRA "/t");
    ck_assert_ptr_null(endpoints.userinfo);
}
END_TEST

START_TEST(scopes_that_are_needed_are_asked_for)
{
    gt_provider_conf_t *entra = gt_provider_conf_default("microsoft", pool);

    entra->tenant = "common";
    entra->scope = "User.Read";
    ck_assert_str_eq(gt_provider_scope(entra, pool), "openid User.Read offline_access");
    entra->scope = "offline_access User.Read openid";
    ck_assert_str_eq(gt_provider_scope(entra, pool), entra->scope);
    entra->scope = NULL;
    ck_assert_str_eq(gt_provider_scope(entra, pool), "openid offline_access");
    entra->kind = GT_KIND_OPENID;
    entra->scope = "email";
    ck_assert_str_eq(gt_provider_scope(entra, pool), "openid email");
}
END_TEST

static const char *resources_of(const gt_provider_conf_t *entra)
{
    return apr_array_pstrcat(pool, gt_provider_resources(entra, pool), ' ');
}

START_TEST(a_token_is_asked_for_with_the_scopes_of_its_resource)
{
    gt_provider_conf_t *entra = gt_provider_conf_default("microsoft", pool);

    entra->tenant = "common";
    entra->scope = "openid profile email offline_access User.Read";
    ck_assert_str_eq(resources_of(entra), "graph");
    ck_assert_str_eq(gt_provider_token_scope(entra, NULL, pool), entra->scope);
    entra->scope = "Mail.Send https://outlook.office.com/IMAP.AccessAsUser.All "
                   "https://Outlook.Office365.com/SMTP.Send https://graph.microsoft.com/Mail.Read "
                   "api://99/x/y.z profile";
    ck_assert_str_eq(resources_of(entra), "graph outlook api://99/x");
    ck_assert_str_eq(gt_provider_token_scope(entra, "graph", pool),
                     "openid Mail.Send https://graph.microsoft.com/Mail.Read profile "
                     "offline_access");
    ck_assert_str_eq(gt_provider_token_scope(entra, "outlook", pool),
                     "openid https://outlook.office.com/IMAP.AccessAsUser.All "
                     "https://Outlook.Office365.com/SMTP.Send profile offline_access");
    ck_assert_str_eq(gt_provider_token_scope(entra, "api://99/x", pool),
                     "openid api://99/x/y.z profile offline_access");
    ck_assert_int_eq(gt_provider_has_resource(entra, "outlook", pool), 1);
    ck_assert_int_eq(gt_provider_has_resource(entra, NULL, pool), 1);
    ck_assert_int_eq(gt_provider_has_resource(entra, "mail", pool), 0);
    /* A national cloud's Graph goes by the address that is configured. */
    entra->graph_url = "https://microsoftgraph.chinacloudapi.cn/v1.0";
    entra->scope = "https://microsoftgraph.chinacloudapi.cn/User.Read";
    ck_assert_str_eq(resources_of(entra), "graph");
    /* Elsewhere one token is for all scopes, of any form. */
    entra->kind = GT_KIND_OPENID;
    entra->scope = "https://mail.google.com/ https://www.googleapis.com/auth/calendar";
    ck_assert_str_eq(resources_of(entra), "graph");
    ck_assert_str_eq(gt_provider_token_scope(entra, NULL, pool),
                     "openid https://mail.google.com/ https://www.googleapis.com/auth/calendar");
}
END_TEST

START_TEST(short_scopes_are_written_in_full_outside_the_global_cloud)
{
    static const struct {
        gt_cloud_t cloud;
        const char *root;
    } rows[] = {{GT_CLOUD_GLOBAL, ""},
                {GT_CLOUD_US_GOV, "https://graph.microsoft.us/"},
                {GT_CLOUD_US_DOD, "https://dod-graph.microsoft.us/"},
                {GT_CLOUD_CHINA, "https://microsoftgraph.chinacloudapi.cn/"}};
    gt_provider_conf_t *entra = gt_provider_conf_default("microsoft", pool);

    entra->scope = "openid User.Read https://outlook.office365.us/SMTP.Send";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        entra->cloud = rows[i].cloud;
        ck_assert_str_eq(gt_provider_scope(entra, pool),
                         apr_pstrcat(pool, "openid ", rows[i].root,
                                     "User.Read https://outlook.office365.us/SMTP.Send "
                                     "offline_access",
                                     NULL));
        ck_assert_str_eq(
            gt_provider_token_scope(entra, "graph", pool),
            apr_pstrcat(pool, "openid ", rows[i].root, "User.Read offline_access", NULL));
        ck_assert_str_eq(resources_of(entra), "graph outlook");
    }
}
END_TEST

START_TEST(a_guid_is_a_guid)
{
    ck_assert(gt_is_guid(GUID));
    ck_assert(gt_is_guid("72F988BF-86F1-41AF-91AB-2D7CD011DB47"));
    ck_assert(!gt_is_guid(GUID "0"));
    ck_assert(!gt_is_guid("72f988bf-86f1-41af-91ab-2d7cd011db4"));
    ck_assert(!gt_is_guid("72f988bf-86f1-41af-91ab-2d7cd011db4g"));
    ck_assert(!gt_is_guid("72f988bf186f1-41af-91ab-2d7cd011db47"));
    ck_assert(!gt_is_guid("{tenantid}"));
    ck_assert(!gt_is_guid(""));
}
END_TEST

/* ---- fetching ---- */

static gt_err_t *discover(gt_endpoints_t *endpoints)
{
    gt_discover_t params = {.provider = provider};
    gt_err_t *err = gt_wait_run(&gt_discover, &params, loop, LIMIT, pool);

    *endpoints = params.endpoints;
    return err;
}

static gt_err_t *fetch_keys(const gt_key_set_t **keys, const char *kid)
{
    gt_find_keys_t params = {.source = gt_provider_keys(provider), .kid = kid};
    gt_err_t *err = gt_wait_run(&gt_find_keys, &params, loop, LIMIT, pool);

    *keys = params.keys;
    return err;
}

START_TEST(discovery_is_kept_for_a_day)
{
    gt_endpoints_t endpoints;

    fake_clock(apr_time_from_sec(1800000000));
    ck_ok(discover(&endpoints));
    ck_ok(discover(&endpoints));
    ck_assert_int_eq(fake_calls(fake, FAKE_DISCOVERY), 1);
    fake_time += apr_time_from_sec(86400) - 1;
    ck_ok(discover(&endpoints));
    ck_assert_int_eq(fake_calls(fake, FAKE_DISCOVERY), 1);
    fake_time += 2;
    ck_ok(discover(&endpoints));
    ck_assert_int_eq(fake_calls(fake, FAKE_DISCOVERY), 2);
    ck_assert_ptr_nonnull(strstr(endpoints.token, "/" FAKE_TENANT "/token"));
    ck_assert_str_eq(endpoints.userinfo, "https://graph.example/oidc/userinfo");
}
END_TEST

START_TEST(an_old_document_serves_while_there_is_no_new_one)
{
    fake_reply_t down = {503, NULL, ""};
    gt_endpoints_t endpoints;

    fake_clock(apr_time_from_sec(1800000000));
    ck_ok(discover(&endpoints));
    fake_time += apr_time_from_sec(86401);
    fake_answer(fake, FAKE_DISCOVERY, &down);
    ck_ok(discover(&endpoints));
    ck_assert_ptr_nonnull(endpoints.token);
    ck_ok(discover(&endpoints)); /* and is not asked for again at once */
    ck_assert_int_eq(fake_calls(fake, FAKE_DISCOVERY), 2);
    fake_time += apr_time_from_sec(60);
    ck_ok(discover(&endpoints));
    ck_assert_int_eq(fake_calls(fake, FAKE_DISCOVERY), 3);
}
END_TEST

static const struct {
    fake_reply_t reply;
    gt_class_t cls;
    const char *tag;
} failures[] = {
    {{503, NULL, ""}, GT_UPSTREAM, "GT0501"},
    {{302, "Location: https://evil.example/\r\n", ""}, GT_UPSTREAM, "GT0501"},
    {{200, NULL, "<html>"}, GT_UPSTREAM, "GT0503"},
    {{200, NULL, "{}"}, GT_UPSTREAM, "GT0504"},
    {{400, NULL, "{\"error\":\"invalid_tenant\"}"}, GT_CLIENT_BROKEN, "GT0502"},
};

START_TEST(a_first_document_that_fails_is_an_error)
{
    gt_endpoints_t endpoints;

    fake_answer(fake, FAKE_DISCOVERY, &failures[_i].reply);
    ck_fails(discover(&endpoints), failures[_i].cls, failures[_i].tag);
    fake_answer(fake, FAKE_DISCOVERY, NULL);
    ck_ok(discover(&endpoints));
}
END_TEST

START_TEST(a_cut_connection_is_an_error)
{
    fake_reply_t cut = {0, NULL, NULL};
    gt_endpoints_t endpoints;
    gt_err_t *err;

    fake_answer(fake, FAKE_DISCOVERY, &cut);
    err = discover(&endpoints);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_UPSTREAM);
}
END_TEST

START_TEST(unknown_kids_make_one_fetch_a_minute)
{
    const gt_key_set_t *keys;

    fake_clock(apr_time_from_sec(1800000000));
    ck_ok(fetch_keys(&keys, "key-1"));
    ck_ok(fetch_keys(&keys, "key-1"));
    ck_assert_int_eq(fake_calls(fake, FAKE_KEYS), 1);
    ck_ok(fetch_keys(&keys, "invented-1")); /* the keys may have been rolled right then */
    ck_ok(fetch_keys(&keys, "invented-2"));
    ck_assert_int_eq(fake_calls(fake, FAKE_KEYS), 2);
    fake_time += apr_time_from_sec(61);
    ck_ok(fetch_keys(&keys, "invented-3"));
    ck_ok(fetch_keys(&keys, "invented-4"));
    ck_assert_int_eq(fake_calls(fake, FAKE_KEYS), 3);
}
END_TEST

START_TEST(a_new_key_is_found)
{
    fake_reply_t rolled = {200, NULL, fake_jwks("key-2", NULL, pool)};
    const gt_key_set_t *keys;

    fake_clock(apr_time_from_sec(1800000000));
    ck_ok(fetch_keys(&keys, "key-1"));
    fake_answer(fake, FAKE_KEYS, &rolled);
    ck_ok(fetch_keys(&keys, "key-2"));
    ck_assert(gt_key_set_has(keys, "key-2"));
}
END_TEST

START_TEST(old_keys_serve_while_there_are_no_new_ones)
{
    fake_reply_t rubbish = {200, NULL, "{\"keys\":[]}"};
    const gt_key_set_t *keys;

    fake_clock(apr_time_from_sec(1800000000));
    ck_ok(fetch_keys(&keys, "key-1"));
    fake_answer(fake, FAKE_KEYS, &rubbish);
    fake_time += apr_time_from_sec(86401);
    ck_ok(fetch_keys(&keys, "key-1"));
    ck_assert(gt_key_set_has(keys, "key-1"));
    ck_assert_int_eq(fake_calls(fake, FAKE_KEYS), 2);
}
END_TEST

/* As a token's: the members that are read are there, unknown ones beside them. */
START_TEST(odd_keys_are_fetched_once_and_serve)
{
    const char *set = fake_jwks("key-1", NULL, pool);
    fake_reply_t odd = {200, NULL, NULL};
    const gt_key_set_t *keys;

    odd.body = apr_pstrcat(pool, "\xef\xbb\xbf{\"x\":1e999,\"x\":\"\\u0000\",", set + 1, NULL);
    fake_answer(fake, FAKE_KEYS, &odd);
    ck_ok(fetch_keys(&keys, "key-1"));
    ck_ok(fetch_keys(&keys, "key-1"));
    ck_assert(gt_key_set_has(keys, "key-1"));
    ck_assert_int_eq(fake_calls(fake, FAKE_KEYS), 1);
}
END_TEST

START_TEST(first_keys_that_fail_are_an_error)
{
    fake_reply_t rubbish = {200, NULL, "{\"keys\":[]}"};
    const gt_key_set_t *keys;

    fake_answer(fake, FAKE_KEYS, &rubbish);
    ck_fails(fetch_keys(&keys, "key-1"), GT_UPSTREAM, "GT0505");
}
END_TEST

/* ---- what was heard ---- */

static gt_err_t *error_of(gt_class_t cls, int seconds)
{
    gt_err_t *err = gt_err(pool, cls, "GT0999", "for a test");

    err->retry_after = apr_time_from_sec(seconds);
    err->extent = cls == GT_CLIENT_BROKEN ? GT_EXTENT_REGISTRATION : GT_EXTENT_USER;
    return err;
}

START_TEST(health_is_the_last_answer)
{
    apr_time_t last;
    int is_well;

    fake_clock(apr_time_from_sec(1800000000));
    gt_provider_health(&last, &is_well, provider);
    ck_assert_int_eq(last, 0);
    gt_provider_heard(provider, GT_OK);
    gt_provider_health(&last, &is_well, provider);
    ck_assert_int_eq(last, fake_time);
    ck_assert_int_eq(is_well, 1);
    fake_time += 1000;
    gt_provider_heard(provider, error_of(GT_UPSTREAM, 0));
    gt_provider_health(&last, &is_well, provider);
    ck_assert_int_eq(last, fake_time - 1000);
    ck_assert_int_eq(is_well, 0);
    gt_provider_heard(provider, error_of(GT_SIGN_IN, 0)); /* a user's grant: the provider is well */
    gt_provider_health(&last, &is_well, provider);
    ck_assert_int_eq(last, fake_time);
    ck_assert_int_eq(is_well, 1);
    gt_provider_heard(provider, error_of(GT_CLIENT_BROKEN, 0));
    gt_provider_heard(provider, error_of(GT_BUSY, 0)); /* nothing was asked */
    gt_provider_health(&last, &is_well, provider);
    ck_assert_int_eq(is_well, 0);
}
END_TEST

START_TEST(one_users_or_tenants_trouble_is_not_the_providers)
{
    gt_err_t *err = error_of(GT_CLIENT_BROKEN, 0);
    apr_time_t last;
    int is_well;

    fake_clock(apr_time_from_sec(1800000000));
    conf->tenant = "common";
    for (err->extent = GT_EXTENT_CALL; err->extent <= GT_EXTENT_TENANT; err->extent++) {
        gt_provider_heard(provider, err);
        gt_provider_health(&last, &is_well, provider);
        ck_assert_int_eq(is_well, 1);
    }
    conf->tenant = FAKE_TENANT; /* there is no other */
    err->extent = GT_EXTENT_TENANT;
    gt_provider_heard(provider, err);
    gt_provider_health(&last, &is_well, provider);
    ck_assert_int_eq(is_well, 0);
}
END_TEST

START_TEST(a_request_concerns_a_tenant_or_nobody_knows_which)
{
    gt_provider_conf_t asked = {.tenant = "common"};

    ck_assert_str_eq(gt_provider_tenant(&asked, FAKE_TENANT), FAKE_TENANT);
    ck_assert_ptr_null(gt_provider_tenant(&asked, ""));
    ck_assert_ptr_null(gt_provider_tenant(&asked, NULL));
    asked.tenant = "organizations";
    ck_assert_ptr_null(gt_provider_tenant(&asked, NULL));
    asked.tenant = "contoso.example"; /* a guest's own tenant is not asked */
    ck_assert_str_eq(gt_provider_tenant(&asked, FAKE_TENANT), "contoso.example");
    asked.kind = GT_KIND_OPENID;
    ck_assert_ptr_null(gt_provider_tenant(&asked, FAKE_TENANT));
}
END_TEST

START_TEST(the_date_tells_our_clocks_error)
{
    fake_clock(apr_time_from_sec(1800000000));
    gt_provider_dated(provider, 0);
    ck_assert_int_eq(gt_provider_skew(provider), 0);
    gt_provider_dated(provider, fake_time - apr_time_from_sec(1));
    ck_assert_int_eq(gt_provider_skew(provider), 0); /* whole seconds: nothing to tell */
    gt_provider_dated(provider, fake_time - apr_time_from_sec(100));
    ck_assert_int_eq(apr_time_sec(gt_provider_skew(provider)), 99);
    gt_provider_dated(provider, fake_time + apr_time_from_sec(100));
    ck_assert_int_eq(apr_time_sec(gt_provider_skew(provider)), -100);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *suite_provider(void)
{
    Suite *suite = suite_create("provider");
    TCase *parsing = case_with_pool(suite, "document");
    TCase *fetching = tcase_create("fetch");

    tcase_add_loop_test(parsing, a_document_is_held_against_the_configuration, 0, ROWS(documents));
    tcase_add_loop_test(parsing, a_page_on_this_machine_may_be_plain, 0, ROWS(local));
    tcase_add_loop_test(parsing, a_device_is_served_by_the_provider_alone, 0, 3);
    tcase_add_loop_test(parsing, each_endpoint_is_needed, 0, 4);
    tcase_add_loop_test(parsing, no_document_is_no_document, 0, ROWS(no_documents));
    tcase_add_test(parsing, an_odd_document_is_read_all_the_same);
    tcase_add_test(parsing, scopes_that_are_needed_are_asked_for);
    tcase_add_test(parsing, a_token_is_asked_for_with_the_scopes_of_its_resource);
    tcase_add_test(parsing, short_scopes_are_written_in_full_outside_the_global_cloud);
    tcase_add_test(parsing, a_guid_is_a_guid);

    tcase_add_unchecked_fixture(fetching, fake_key, NULL);
    tcase_add_checked_fixture(fetching, begin, end);
    suite_add_tcase(suite, fetching);
    tcase_add_test(fetching, discovery_is_kept_for_a_day);
    tcase_add_test(fetching, an_old_document_serves_while_there_is_no_new_one);
    tcase_add_loop_test(fetching, a_first_document_that_fails_is_an_error, 0, ROWS(failures));
    tcase_add_test(fetching, a_cut_connection_is_an_error);
    tcase_add_test(fetching, unknown_kids_make_one_fetch_a_minute);
    tcase_add_test(fetching, a_new_key_is_found);
    tcase_add_test(fetching, old_keys_serve_while_there_are_no_new_ones);
    tcase_add_test(fetching, odd_keys_are_fetched_once_and_serve);
    tcase_add_test(fetching, first_keys_that_fail_are_an_error);
    tcase_add_test(fetching, health_is_the_last_answer);
    tcase_add_test(fetching, one_users_or_tenants_trouble_is_not_the_providers);
    tcase_add_test(fetching, a_request_concerns_a_tenant_or_nobody_knows_which);
    tcase_add_test(fetching, the_date_tells_our_clocks_error);
    return suite;
}
