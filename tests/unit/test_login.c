/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The way through the browser: what goes out in the URL, what must hold when it comes back. */

#include "gt_test.h"

#include "base/secret.h"
#include "base/text.h"
#include "net/url.h"
#include "oauth/login.h"

Suite *suite_login(void);

#define STATE_TIME apr_time_from_sec(600)
#define BACK "https://app.example/auth/callback"

static gt_keyring_t *ring;
static gt_provider_conf_t *conf;
static gt_login_t *login;
static gt_endpoints_t endpoints;

static void begin(void)
{
    make_pool();
    fake_clock(apr_time_from_sec(1800000000));
    ck_ok(gt_keyring_parse(&ring, gt_keyring_generate(pool), pool));
    conf = gt_provider_conf_default("microsoft", pool);
    conf->tenant = "contoso.example";
    conf->client_id = "11111111-2222-3333-4444-555555555555";
    conf->scope = "openid User.Read";
    conf->authority = "https://login.example";
    endpoints.authorize = "https://login.example/t/oauth2/v2.0/authorize";
    login = gt_login_make(pool);
    login->store = "main";
    login->provider = "microsoft";
    login->host = "https://app.example:443";
    login->user = "tom";
    login->return_to = "/calendar/?a=b";
}

static apr_table_t *query_of(const char *url)
{
    apr_table_t *pairs;

    ck_assert_ptr_nonnull(strchr(url, '?'));
    ck_ok(gt_query_parse(&pairs, strchr(url, '?') + 1, 32, pool));
    return pairs;
}

START_TEST(the_url_asks_for_a_code_with_state_nonce_and_challenge)
{
    unsigned char digest[32];
    gt_secret_t *verifier = gt_login_verifier(login, pool);
    apr_table_t *query;
    const char *url;

    ck_ok(gt_login_url(&url, login, conf, &endpoints, BACK, NULL, pool));
    ck_assert_int_eq(strncmp(url, endpoints.authorize, strlen(endpoints.authorize)), 0);
    query = query_of(url);
    ck_assert_str_eq(apr_table_get(query, "response_type"), "code");
    ck_assert_str_eq(apr_table_get(query, "response_mode"), "query");
    ck_assert_str_eq(apr_table_get(query, "client_id"), conf->client_id);
    ck_assert_str_eq(apr_table_get(query, "redirect_uri"), BACK);
    ck_assert_str_eq(apr_table_get(query, "scope"), "openid User.Read offline_access");
    ck_assert_str_eq(apr_table_get(query, "state"), gt_login_state(login, pool));
    ck_assert_str_eq(apr_table_get(query, "nonce"), gt_login_nonce(login, pool));
    ck_assert_str_eq(apr_table_get(query, "code_challenge_method"), "S256");
    gt_sha256(digest, gt_secret_text(verifier), gt_secret_len(verifier));
    ck_assert_str_eq(apr_table_get(query, "code_challenge"),
                     gt_base64url(digest, sizeof(digest), pool));
    ck_assert_ptr_null(strstr(url, gt_secret_text(verifier)));
    ck_assert_ptr_null(apr_table_get(query, "prompt"));
}
END_TEST

START_TEST(what_is_derived_is_long_and_different)
{
    const char *state = gt_login_state(login, pool);
    const char *nonce = gt_login_nonce(login, pool);
    const char *verifier = gt_secret_text(gt_login_verifier(login, pool));
    gt_login_t *other = gt_login_make(pool);

    ck_assert_uint_eq(strlen(state), 43);
    ck_assert_uint_eq(strlen(nonce), 43);
    ck_assert_uint_eq(strlen(verifier), 43);
    ck_assert_str_ne(state, nonce);
    ck_assert_str_ne(state, verifier);
    ck_assert_str_ne(nonce, verifier);
    ck_assert_str_ne(gt_login_state(other, pool), state);
    ck_assert_str_eq(gt_login_state(login, pool), state);
}
END_TEST

START_TEST(extras_are_handed_on)
{
    gt_login_extra_t extra = {"ada@sandbox.example", "consent", "sandbox.example",
                              "{\"access_token\":{}}", 0};
    apr_table_t *query;
    const char *url;

    ck_ok(gt_login_url(&url, login, conf, &endpoints, BACK, &extra, pool));
    query = query_of(url);
    ck_assert_str_eq(apr_table_get(query, "login_hint"), extra.login_hint);
    ck_assert_str_eq(apr_table_get(query, "prompt"), "consent");
    ck_assert_str_eq(apr_table_get(query, "domain_hint"), extra.domain_hint);
    ck_assert_str_eq(apr_table_get(query, "claims"), extra.claims);

    /* A capability is declared by the configuration, and by no browser. */
    extra.claims = "{\"access_token\":{\"xms_cc\":{\"values\":[\"cp1\"]},\"nbf\":1}}";
    ck_ok(gt_login_url(&url, login, conf, &endpoints, BACK, &extra, pool));
    ck_assert_str_eq(apr_table_get(query_of(url), "claims"), "{\"access_token\":{\"nbf\":1}}");
    conf->continuous_access = 1;
    ck_ok(gt_login_url(&url, login, conf, &endpoints, BACK, &extra, pool));
    ck_assert_str_eq(apr_table_get(query_of(url), "claims"),
                     "{\"access_token\":{\"nbf\":1,\"xms_cc\":{\"values\":[\"cp1\"]}}}");
    ck_ok(gt_login_url(&url, login, conf, &endpoints, BACK, NULL, pool));
    ck_assert_str_eq(apr_table_get(query_of(url), "claims"),
                     "{\"access_token\":{\"xms_cc\":{\"values\":[\"cp1\"]}}}");

    extra.prompt = "select_account"; /* Entra refuses both together */
    ck_ok(gt_login_url(&url, login, conf, &endpoints, BACK, &extra, pool));
    ck_assert_ptr_null(apr_table_get(query_of(url), "login_hint"));
}
END_TEST

/* What only Microsoft knows is not sent to others. */
START_TEST(extras_are_the_kinds)
{
    gt_login_extra_t extra = {"ada@sandbox.example", "select_account", "sandbox.example",
                              "{\"id_token\":{}}", 0};
    apr_table_t *query;
    const char *url;

    conf->kind = GT_KIND_OPENID;
    ck_ok(gt_login_url(&url, login, conf, &endpoints, BACK, &extra, pool));
    query = query_of(url);
    ck_assert_str_eq(apr_table_get(query, "login_hint"), extra.login_hint);
    ck_assert_str_eq(apr_table_get(query, "prompt"), "select_account");
    ck_assert_str_eq(apr_table_get(query, "claims"), extra.claims);
    ck_assert_ptr_null(apr_table_get(query, "domain_hint"));
    ck_assert_ptr_null(apr_table_get(query, "response_mode"));
}
END_TEST

START_TEST(bad_extras_are_all_named)
{
    gt_login_extra_t extra = {"ada\r\nX: y", "login consent", "", "[1]", 0};
    const char *url = NULL;
    gt_err_t *err = gt_login_url(&url, login, conf, &endpoints, BACK, &extra, pool);

    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_INVALID);
    ck_assert_int_eq(err->fields->nelts, 4);
    ck_assert_ptr_null(url);
}
END_TEST

static const char *const bad_redirects[] = {"http://app.example/auth/callback", "/auth/callback",
                                            "javascript:alert(1)", "https://a@b/x", ""};

START_TEST(an_unsafe_redirect_uri_is_refused)
{
    const char *url;

    ck_fails(gt_login_url(&url, login, conf, &endpoints, bad_redirects[_i], NULL, pool),
             GT_INTERNAL, "GT0545");
}
END_TEST

/* ---- the cookie ---- */

static const char *sealed_login(void)
{
    const char *sealed;

    ck_ok(gt_login_seal(&sealed, login, ring, pool));
    return sealed;
}

static gt_login_t expected(void)
{
    return (gt_login_t){.store = "main",
                        .provider = "microsoft",
                        .host = "https://app.example:443",
                        .user = "tom",
                        .return_to = ""};
}

static gt_err_t *open_with(gt_login_t **opened, const char *sealed, const char *state,
                           const gt_login_t *expect)
{
    return gt_login_open(opened, sealed, state, expect, STATE_TIME, ring, pool);
}

START_TEST(the_same_sign_in_comes_back)
{
    gt_login_t expect = expected();
    const char *sealed = sealed_login();
    gt_login_t *opened;

    fake_time += STATE_TIME;
    ck_ok(open_with(&opened, sealed, gt_login_state(login, pool), &expect));
    ck_assert_str_eq(opened->return_to, "/calendar/?a=b");
    ck_assert_str_eq(opened->store, "main");
    ck_assert_str_eq(opened->user, "tom");
    ck_assert_str_eq(gt_login_nonce(opened, pool), gt_login_nonce(login, pool));
    ck_assert(gt_secret_equal(gt_login_verifier(opened, pool), gt_login_verifier(login, pool)));
    ck_assert_int_eq(opened->started, login->started);
    ck_assert_uint_lt(strlen(sealed), 400);
    ck_assert_ptr_null(strstr(sealed, "calendar"));
}
END_TEST

START_TEST(a_sign_in_without_return_to)
{
    gt_login_t expect = expected();
    gt_login_t *opened;

    login->return_to = "";
    ck_ok(open_with(&opened, sealed_login(), gt_login_state(login, pool), &expect));
    ck_assert_str_eq(opened->return_to, "");
}
END_TEST

START_TEST(a_sign_in_at_a_tenant_and_a_consent_come_back)
{
    static const char *const tenants[] = {"", "contoso.example"};

    for (int i = 0; i < 4; i++) {
        gt_login_t expect = expected();
        gt_login_t *opened;

        login->tenant = tenants[i & 1];
        login->is_for = i & 2 ? GT_LOGIN_ADMIN_CONSENT : GT_LOGIN_SIGN_IN;
        ck_ok(open_with(&opened, sealed_login(), gt_login_state(login, pool), &expect));
        ck_assert_str_eq(opened->tenant, tenants[i & 1]);
        ck_assert_int_eq(opened->is_for, login->is_for);
        ck_assert_str_eq(opened->return_to, login->return_to);
    }
}
END_TEST

#define REFUSED(call) ck_fails(call, GT_OVER, "GT0540")

START_TEST(a_sign_in_carries_its_user)
{
    gt_login_t expect = expected(), *opened = NULL;
    const char *state = gt_login_state(login, pool), *sealed;

    login->carries_user = 1;
    login->user = "tom \xc3\xa4";
    sealed = sealed_login();
    REFUSED(open_with(&opened, sealed, state, &expect));
    expect.user = "";
    REFUSED(open_with(&opened, sealed, state, &expect));
    expect.carries_user = 1;
    ck_ok(open_with(&opened, sealed, state, &expect));
    ck_assert_str_eq(opened->user, "tom \xc3\xa4");
    ck_assert_str_eq(opened->return_to, "/calendar/?a=b");
    ck_assert_ptr_null(strstr(sealed, "tom"));
}
END_TEST

START_TEST(a_sign_in_that_carries_no_user_has_none)
{
    gt_login_t expect = expected(), *opened = NULL;
    const char *state = gt_login_state(login, pool);

    login->user = expect.user = "";
    expect.carries_user = 1;
    REFUSED(open_with(&opened, sealed_login(), state, &expect));
    login->carries_user = 1;
    REFUSED(open_with(&opened, sealed_login(), state, &expect));
    ck_assert_ptr_null(opened);
}
END_TEST

START_TEST(anything_else_is_refused_alike)
{
    gt_login_t *opened = NULL;
    const char *sealed = sealed_login();
    const char *state = gt_login_state(login, pool);
    gt_login_t expect = expected();
    gt_err_t *err = open_with(&opened, sealed, "x", &expect);

    ck_assert_int_eq(gt_err_status(err), 400);
    REFUSED(open_with(&opened, sealed, "", &expect));
    REFUSED(open_with(&opened, sealed, NULL, &expect));
    REFUSED(open_with(&opened, NULL, state, &expect));
    REFUSED(open_with(&opened, "", state, &expect));
    REFUSED(open_with(&opened, "gt1.x.AAAA", state, &expect));
    REFUSED(open_with(&opened, apr_pstrcat(pool, sealed, "A", NULL), state, &expect));
    REFUSED(open_with(&opened, sealed, gt_login_state(gt_login_make(pool), pool), &expect));
    ck_assert_str_eq(open_with(&opened, NULL, state, &expect)->detail, err->detail);
    ck_assert_ptr_null(opened);
}
END_TEST

START_TEST(a_sign_in_for_something_else_is_refused)
{
    gt_login_t *opened = NULL;
    const char *sealed = sealed_login();
    const char *state = gt_login_state(login, pool);
    gt_login_t expect = expected();

    expect.store = "beta";
    REFUSED(open_with(&opened, sealed, state, &expect));
    expect = expected();
    expect.user = "bob";
    REFUSED(open_with(&opened, sealed, state, &expect));
    expect = expected();
    expect.provider = "google";
    REFUSED(open_with(&opened, sealed, state, &expect));
    expect = expected();
    expect.host = "https://other.example:443";
    REFUSED(open_with(&opened, sealed, state, &expect));
}
END_TEST

START_TEST(a_sign_in_has_its_time)
{
    gt_login_t *opened = NULL;
    const char *sealed = sealed_login();
    const char *state = gt_login_state(login, pool);
    gt_login_t expect = expected();

    fake_time += STATE_TIME + apr_time_from_sec(1);
    REFUSED(open_with(&opened, sealed, state, &expect));
    fake_time = login->started - apr_time_from_sec(61);
    REFUSED(open_with(&opened, sealed, state, &expect));
    fake_time = login->started - apr_time_from_sec(30);
    ck_ok(open_with(&opened, sealed, state, &expect));
}
END_TEST

START_TEST(another_ring_does_not_open_it)
{
    gt_login_t *opened = NULL;
    const char *sealed = sealed_login();
    gt_login_t expect = expected();

    ck_ok(gt_keyring_parse(&ring, gt_keyring_generate(pool), pool));
    REFUSED(open_with(&opened, sealed, gt_login_state(login, pool), &expect));
}
END_TEST

START_TEST(a_return_to_that_leads_elsewhere_is_refused)
{
    static const char *const paths[] = {"//evil.example", "/\\evil.example", "https://evil.example",
                                        "/%09/evil.example"};
    gt_login_t *opened = NULL;
    gt_login_t expect = expected();

    login->return_to = paths[_i];
    REFUSED(open_with(&opened, sealed_login(), gt_login_state(login, pool), &expect));
}
END_TEST

/* What another cookie of the same place holds must not be read as a sign-in. */
START_TEST(other_contents_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } contents[] = {
        {"", 0},
        {"short", 5},
        {"0123456789012345678901234567890123456789", 40},
        {"0123456789012345678901234567890123456789main", 44},
        {"01234567890123456789012345678901\0\0\0\0\0\0\0\0main", 44},
        {"01234567890123456789012345678901\0\0\0\0\0\0\0\0main\0/a\0b\0c", 51},
        {"01234567890123456789012345678901\0\0\0\0\0\0\0\0main\0/a\0b\0consent\0", 58},
        {"01234567890123456789012345678901\xff\xff\xff\xff\xff\xff\xff\xffmain\0/a", 47},
    };
    gt_place_t place = {.table = "state",
                        .column = "https://app.example:443",
                        .user = "tom",
                        .provider = "microsoft"};
    gt_login_t *opened = NULL;
    gt_login_t expect = expected();
    const char *sealed;

    memcpy(login->seed, "01234567890123456789012345678901", 32);
    ck_ok(gt_seal(&sealed, ring, GT_KEY_COOKIE, GT_AES_256_GCM, &place,
                  gt_secret_make(contents[_i].bytes, contents[_i].len, pool), pool));
    REFUSED(open_with(&opened, sealed, gt_login_state(login, pool), &expect));
}
END_TEST

/* ---- what comes back ---- */

static const struct {
    const char *issuer;
    int names_itself;
    const char *iss;
    int is_right;
} issuers[] = {
    {"https://op.example", 0, NULL, 1},
    {"https://op.example", 1, NULL, 0},
    {"https://op.example", 1, "https://op.example", 1},
    {"https://op.example", 0, "https://op.example", 1},
    {"https://op.example", 0, "https://op.example/", 0},
    {"https://op.example", 0, "https://other.example", 0},
    {"https://op.example", 0, "", 0},
    {"https://op.example/{tenantid}/v2.0", 0, "https://op.example/1-2/v2.0", 1},
    {"https://op.example/{tenantid}/v2.0", 0, "https://op.example/v2.0", 0},
    {"https://op.example/{tenantid}/v2.0", 0, "https://evil.example/1-2/v2.0", 0},
};

START_TEST(an_answer_names_its_issuer)
{
    const gt_endpoints_t told = {.issuer = issuers[_i].issuer,
                                 .names_itself = issuers[_i].names_itself};
    gt_err_t *err = gt_login_check_issuer(&told, issuers[_i].iss, pool);

    if (issuers[_i].is_right)
        ck_ok(err);
    else
        ck_fails(err, GT_OVER, "GT0548");
}
END_TEST

/* ---- errors that come back ---- */

static const struct {
    const char *error, *subcode, *description;
    gt_class_t cls;
    const char *tag;
} came_back[] = {
    {"access_denied", NULL, NULL, GT_FORBIDDEN, "GT0541"},
    {"access_denied", "cancel", "AADSTS90094: admin", GT_FORBIDDEN, "GT0541"},
    {"access_denied", NULL, "AADSTS65004: declined", GT_FORBIDDEN, "GT0541"},
    {"access_denied", NULL, "AADSTS90094: admin", GT_FORBIDDEN, "GT0547"},
    {"access_denied", NULL, "AADSTS50105: not assigned", GT_FORBIDDEN, "GT0547"},
    {"invalid_request", NULL, "AADSTS50020: guest", GT_FORBIDDEN, "GT0547"},
    {"access_denied", NULL, "AADSTS53003: policy", GT_FORBIDDEN, "GT0547"},
    {"consent_required", NULL, NULL, GT_INTERACTION, "GT0542"},
    {"interaction_required", NULL, NULL, GT_INTERACTION, "GT0542"},
    {"login_required", NULL, "AADSTS50058: none", GT_INTERACTION, "GT0542"},
    {"server_error", NULL, NULL, GT_UPSTREAM, "GT0543"},
    {"temporarily_unavailable", NULL, NULL, GT_UPSTREAM, "GT0543"},
    {"invalid_request", NULL, NULL, GT_REFUSED, "GT0547"},
    {"unauthorized_client", NULL, NULL, GT_REFUSED, "GT0547"},
    {"invalid_scope", NULL, "AADSTS70011: scope", GT_REFUSED, "GT0547"},
    {"invalid_client", NULL, NULL, GT_REFUSED, "GT0547"},
    {"invalid_grant", NULL, NULL, GT_INTERACTION, "GT0542"},
    {"brand_new", NULL, NULL, GT_REFUSED, "GT0547"},
    {"<b>", NULL, NULL, GT_REFUSED, "GT0547"},
    {"", NULL, "", GT_REFUSED, "GT0547"},
    {NULL, NULL, NULL, GT_REFUSED, "GT0547"},
};

static const gt_provider_conf_t entra = {.name = "microsoft", .tenant = "common"};

START_TEST(an_error_that_came_back_has_its_class)
{
    ck_fails(gt_login_error(&entra, came_back[_i].error, came_back[_i].subcode,
                            came_back[_i].description, pool),
             came_back[_i].cls, came_back[_i].tag);
}
END_TEST

START_TEST(a_description_is_never_quoted)
{
    gt_err_t *err = gt_login_error(&entra, "server_error", NULL, "<script>alert(1)</script>", pool);

    ck_assert_ptr_null(strstr(err->detail, "script"));
    ck_assert_str_eq(err->code, "server_error");
}
END_TEST

START_TEST(another_kind_has_no_numbers)
{
    const gt_provider_conf_t other = {.name = "other", .kind = GT_KIND_OPENID};
    gt_err_t *err = gt_login_error(&other, "server_error", NULL, "AADSTS50076: text", pool);

    ck_fails(err, GT_UPSTREAM, "GT0543");
    ck_assert_str_eq(err->code, "server_error");
    ck_fails(gt_login_error(&other, "access_denied", NULL, "AADSTS65004", pool), GT_FORBIDDEN,
             "GT0541");
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *suite_login(void)
{
    Suite *suite = suite_create("login");
    TCase *tcase = tcase_create("login");

    tcase_add_checked_fixture(tcase, begin, drop_pool);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, the_url_asks_for_a_code_with_state_nonce_and_challenge);
    tcase_add_test(tcase, what_is_derived_is_long_and_different);
    tcase_add_test(tcase, extras_are_handed_on);
    tcase_add_test(tcase, extras_are_the_kinds);
    tcase_add_test(tcase, bad_extras_are_all_named);
    tcase_add_loop_test(tcase, an_unsafe_redirect_uri_is_refused, 0, ROWS(bad_redirects));
    tcase_add_test(tcase, the_same_sign_in_comes_back);
    tcase_add_test(tcase, a_sign_in_without_return_to);
    tcase_add_test(tcase, a_sign_in_carries_its_user);
    tcase_add_test(tcase, a_sign_in_that_carries_no_user_has_none);
    tcase_add_test(tcase, a_sign_in_at_a_tenant_and_a_consent_come_back);
    tcase_add_test(tcase, anything_else_is_refused_alike);
    tcase_add_test(tcase, a_sign_in_for_something_else_is_refused);
    tcase_add_test(tcase, a_sign_in_has_its_time);
    tcase_add_test(tcase, another_ring_does_not_open_it);
    tcase_add_loop_test(tcase, a_return_to_that_leads_elsewhere_is_refused, 0, 4);
    tcase_add_loop_test(tcase, other_contents_are_refused, 0, 8);
    tcase_add_loop_test(tcase, an_answer_names_its_issuer, 0,
                        (int)(sizeof(issuers) / sizeof(issuers[0])));
    tcase_add_loop_test(tcase, an_error_that_came_back_has_its_class, 0, ROWS(came_back));
    tcase_add_test(tcase, another_kind_has_no_numbers);
    tcase_add_test(tcase, a_description_is_never_quoted);
    return suite;
}
