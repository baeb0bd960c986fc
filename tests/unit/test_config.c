/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The configuration: members by table, what the whole must hold, JSON there and back. */

#include "gt_test.h"

#include <stddef.h>

#include "conf/config.h"

Suite *suite_config(void);

/* A table of every kind, to see bounds that no directive has. */
typedef struct sample_t {
    const char *text, *url, *file;
    gt_source_t *source;
    apr_int64_t number, size;
    apr_interval_time_t span;
    int word;
} sample_t;

static int is_lower(const char *text)
{
    return text[strspn(text, "abc")] == '\0';
}

static const gt_member_t table[] = {
    {.name = "text",
     .kind = GT_MEMBER_TEXT,
     .offset = offsetof(sample_t, text),
     .longest = 4,
     .is_good = is_lower,
     .expects = "made of a, b, c"},
    {.name = "url", .kind = GT_MEMBER_URL, .offset = offsetof(sample_t, url)},
    {.name = "file", .kind = GT_MEMBER_FILE, .offset = offsetof(sample_t, file)},
    {.name = "source", .kind = GT_MEMBER_SOURCE, .offset = offsetof(sample_t, source)},
    {.name = "number",
     .kind = GT_MEMBER_NUMBER,
     .offset = offsetof(sample_t, number),
     .least = "2",
     .most = "9"},
    {.name = "size",
     .kind = GT_MEMBER_SIZE,
     .offset = offsetof(sample_t, size),
     .least = "1K",
     .most = "4K"},
    {.name = "span",
     .kind = GT_MEMBER_SPAN,
     .offset = offsetof(sample_t, span),
     .least = "1s",
     .most = "1min"},
    {.name = "word",
     .kind = GT_MEMBER_WORD,
     .offset = offsetof(sample_t, word),
     .words = "red green"},
    {.name = ""}};

static const sample_t unset = {NULL, NULL, NULL, NULL, -1, -1, -1, -1};

START_TEST(members_take_what_fits)
{
    sample_t s = unset;
    const char *why;

    ck_assert(gt_member_set(&s, gt_member_find(table, "text"), "abca", "/", &why, pool));
    ck_assert(
        gt_member_set(&s, gt_member_find(table, "url"), "https://a.example//", "/", &why, pool));
    ck_assert(gt_member_set(&s, gt_member_find(table, "file"), "x/../ca.pem", "/etc", &why, pool));
    ck_assert(gt_member_set(&s, gt_member_find(table, "source"), "env:KEY", "/", &why, pool));
    ck_assert(gt_member_set(&s, gt_member_find(table, "number"), "9", "/", &why, pool));
    ck_assert(gt_member_set(&s, gt_member_find(table, "size"), "4k", "/", &why, pool));
    ck_assert(gt_member_set(&s, gt_member_find(table, "span"), "1min", "/", &why, pool));
    ck_assert(gt_member_set(&s, gt_member_find(table, "word"), "green", "/", &why, pool));
    ck_assert_str_eq(s.text, "abca");
    ck_assert_str_eq(s.url, "https://a.example");
    ck_assert_str_eq(s.file, "/etc/ca.pem");
    ck_assert_str_eq(gt_source_name(s.source), "env:KEY");
    ck_assert_int_eq(s.number, 9);
    ck_assert_int_eq(s.size, 4096);
    ck_assert_int_eq(s.span, 60 * APR_USEC_PER_SEC);
    ck_assert_int_eq(s.word, 1);
    ck_assert_ptr_null(gt_member_find(table, "other"));
}
END_TEST

START_TEST(members_say_what_is_wrong)
{
    static const struct {
        const char *member, *text, *why;
    } rows[] = {
        {"text", "", "it must have 1 to 4 characters"},
        {"text", "abcab", "it must have 1 to 4 characters"},
        {"text", "\xff", "it is not UTF-8"},
        {"text", "abd", "'abd' is not made of a, b, c"},
        {"url", "http://a.example", "'http://a.example' is not an https URL"},
        {"url", "https://a.example/?x", "'https://a.example/?x' is not an https URL"},
        {"url", "https://u@a.example/", "'https://u@a.example/' is not an https URL"},
        {"url", "a.example", "'a.example' is not an https URL"},
        {"file", "", "'' is not a path"},
        {"source", "file:", "file: needs a path"},
        {"number", "1", "'1' is below the smallest, 2"},
        {"number", "10", "'10' is above the largest, 9"},
        {"number", "-3", "'-3' is below the smallest, 2"},
        {"number", "9x", "'9x' is not a whole number"},
        {"number", "99999999999999999999", "is not a whole number"},
        {"number", "", "'' is not a whole number"},
        {"size", "1023", "'1023' is below the smallest, 1024"},
        {"size", "5K", "'5K' is above the largest, 4096"},
        {"size", "K", "'K' is not a size"},
        {"size", "", "'' is not a size"},
        {"size", "-1K", "'-1K' is not a size"},
        {"size", "9999999999G", "'9999999999G' is not a size"},
        {"span", "999ms", "'999ms' is below the smallest, 1s"},
        {"span", "61", "'61' is above the largest, 1min"},
        {"span", "soon", "'soon' is not a span such as"},
        {"word", "blue", "'blue' is none of: red green"},
        {"word", "Red", "'Red' is none of: red green"},
        {"word", "", "'' is none of: red green"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = NULL;
        sample_t s;

        /* With its padding, which the comparison below sees too. */
        memcpy(&s, &unset, sizeof(s));
        ck_assert_msg(!gt_member_set(&s, gt_member_find(table, rows[i].member), rows[i].text, "/",
                                     &why, pool),
                      "%s takes '%s'", rows[i].member, rows[i].text);
        ck_assert_msg(strstr(why, rows[i].why) != NULL, "%s: '%s' instead of '%s'", rows[i].member,
                      why, rows[i].why);
        ck_assert_mem_eq(&s, &unset, sizeof(s));
    }
}
END_TEST

START_TEST(unset_members_are_inherited)
{
    gt_source_t *source;
    const char *why;
    sample_t base = {"a", "u", "f", NULL, 3, 2048, 5, 1};
    sample_t s = unset;

    ck_assert(gt_source_parse(&source, "env:X", "/", &why, pool));
    base.source = source;
    s.number = 4;
    s.text = "";
    gt_members_inherit(&s, &base, table);
    ck_assert_str_eq(s.text, "");
    ck_assert_str_eq(s.url, "u");
    ck_assert_str_eq(s.file, "f");
    ck_assert_ptr_eq(s.source, source);
    ck_assert_int_eq(s.number, 4);
    ck_assert_int_eq(s.size, 2048);
    ck_assert_int_eq(s.span, 5);
    ck_assert_int_eq(s.word, 1);
}
END_TEST

static void set_keyring(gt_config_t *config, const char *text)
{
    const char *why;

    config->keyring = NULL;
    ck_assert(
        gt_member_set(config, gt_member_find(gt_config_members, "keyring"), text, "/", &why, pool));
}

/* A complete configuration: one provider, two stores. */
static gt_config_t *complete(void)
{
    gt_config_t *config = gt_config_default(pool);
    gt_provider_conf_t *provider = gt_provider_conf_default("microsoft", pool);
    gt_store_conf_t *beta = gt_store_conf_default("beta", pool);
    const char *why;

    set_keyring(config, "file:/etc/graphtok/keyring");
    ck_assert(gt_source_parse(&provider->client_secret, "env:SECRET", "/", &why, pool));
    config->public_url = "https://app.example";
    config->db_driver = "pgsql";
    config->db_params = "host=/run/postgresql password='hid\\'den' dbname=graphtok";
    config->db_params_where = "/etc/x.conf:12";
    provider->tenant = "contoso.example";
    provider->client_id = "11111111-2222-3333-4444-555555555555";
    provider->ca_file = "/etc/ca.pem";
    provider->proxy = "http://proxy.example:3128";
    ck_assert(gt_source_parse(&provider->proxy_login, "file:/etc/proxy", "/", &why, pool));
    provider->where = "/etc/x.conf:20";
    beta->table = "beta.tokens";
    beta->cipher = GT_FERNET;
    beta->user_type = "uuid";
    beta->references = "users(id)";
    beta->where = "/etc/x.conf:30";
    APR_ARRAY_PUSH(config->providers, gt_provider_conf_t *) = provider;
    APR_ARRAY_PUSH(config->stores, gt_store_conf_t *) = beta;
    return config;
}

static gt_provider_conf_t *first_provider(gt_config_t *config)
{
    return APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *);
}

static gt_store_conf_t *store_number(gt_config_t *config, int i)
{
    return APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);
}

START_TEST(defaults_are_those_of_the_missions)
{
    const gt_config_t *config = gt_config_default(pool);
    const gt_store_conf_t *store = gt_config_store(config, "main");
    const gt_provider_conf_t *provider = gt_provider_conf_default("x", pool);

    ck_assert_int_eq(config->refresh_margin, apr_time_from_sec(300)); /* T6 */
    ck_assert_int_eq(config->cache_time, apr_time_from_sec(300));     /* T7 */
    ck_assert_int_eq(config->state_time, apr_time_from_sec(600));     /* A2 */
    ck_assert_str_eq(store->table, "user_tokens");                    /* S0 */
    ck_assert_str_eq(store->user_column, "user_id");
    ck_assert_int_eq(store->cipher, GT_AES_256_GCM); /* T2 */
    ck_assert_str_eq(provider->authority, "https://login.microsoftonline.com");
    ck_assert_str_eq(provider->graph_url, "https://graph.microsoft.com/v1.0");
    ck_assert_int_lt(provider->timeout, config->lease);
    ck_assert_ptr_null(gt_config_provider(config, "microsoft"));
    ck_assert_ptr_null(gt_config_store(config, "beta"));
}
END_TEST

/* Every default passes its own bounds and rule. */
START_TEST(defaults_keep_their_own_bounds)
{
    gt_config_t *config = complete();
    gt_config_t *back;

    ck_ok(gt_config_from_json(&back, gt_config_to_json(config, pool), pool));
}
END_TEST

START_TEST(an_openid_provider_comes_back_from_json)
{
    gt_config_t *config = complete(), *back;
    gt_provider_conf_t *provider = first_provider(config);

    provider->kind = GT_KIND_OPENID;
    provider->tenant = provider->graph_url = NULL;
    provider->cloud = GT_CLOUD_UNSET;
    ck_ok(gt_config_from_json(&back, gt_config_to_json(config, pool), pool));
    provider = first_provider(back);
    ck_assert_int_eq(provider->kind, GT_KIND_OPENID);
    ck_assert_ptr_null(provider->tenant);
    ck_assert_ptr_null(provider->graph_url);
    ck_assert_int_eq(provider->cloud, GT_CLOUD_UNSET);
    first_provider(config)->authority = NULL;
    ck_fails(gt_config_from_json(&back, gt_config_to_json(config, pool), pool), GT_INVALID,
             "GT0156");
}
END_TEST

START_TEST(json_comes_back_as_it_was)
{
    json_t *json = gt_config_to_json(complete(), pool);
    gt_config_t *back;
    json_t *again;

    ck_ok(gt_config_from_json(&back, json, pool));
    /* The masked parameters are a bare text now; everything else is the same. */
    ck_assert_str_eq(back->db_params, "host=/run/postgresql password=*** dbname=graphtok");
    again = gt_config_to_json(back, pool);
    ck_assert_msg(json_equal(json, again), "%s\n%s", gt_json_dump(json, pool),
                  gt_json_dump(again, pool));
    ck_assert_str_eq(gt_config_provider(back, "microsoft")->ca_file, "/etc/ca.pem");
    ck_assert_str_eq(gt_config_provider(back, "microsoft")->proxy, "http://proxy.example:3128");
    ck_assert_str_eq(gt_source_name(gt_config_provider(back, "microsoft")->proxy_login),
                     "file:/etc/proxy");
    ck_assert_int_eq(gt_config_store(back, "beta")->cipher, GT_FERNET);
    ck_assert_int_eq(back->keyring->nelts, 1);
    ck_assert_str_eq(gt_source_name(APR_ARRAY_IDX(back->keyring, 0, gt_source_t *)),
                     "file:/etc/graphtok/keyring");
}
END_TEST

START_TEST(an_empty_configuration_comes_back_too)
{
    json_t *json = gt_config_to_json(gt_config_default(pool), pool);
    gt_config_t *back;

    ck_ok(gt_config_from_json(&back, json, pool));
    ck_assert_str_eq(back->db_driver, "");
    ck_assert_str_eq(back->db_params, "");
    ck_assert_ptr_null(back->keyring);
    ck_assert(json_equal(json, gt_config_to_json(back, pool)));
}
END_TEST

START_TEST(secrets_are_not_in_the_json)
{
    gt_config_t *config = complete();
    const char *why, *text;

    set_keyring(config, "Zm9vYmFy-literal-key");
    ck_assert(gt_source_parse(&first_provider(config)->client_secret, "exec:/bin/vault -t s3", "/",
                              &why, pool));
    text = gt_json_dump(gt_config_to_json(config, pool), pool);
    ck_assert_ptr_null(strstr(text, "Zm9v"));
    ck_assert_ptr_null(strstr(text, "s3"));
    ck_assert_ptr_null(strstr(text, "hid"));
    ck_assert_ptr_nonnull(strstr(text, "\"literal\""));
    ck_assert_ptr_nonnull(strstr(text, "exec:/bin/vault"));
}
END_TEST

START_TEST(wrong_json_is_refused_with_the_member)
{
    static const struct {
        const char *text, *detail;
    } rows[] = {
        {"[]", "it must be an object"},
        {"{}", "providers: it must be a list"},
        {"{\"providers\": [], \"stores\": []}", "stores: main is missing"},
        {"{\"providers\": {}, \"stores\": []}", "providers: it must be a list"},
        {"{\"providers\": [], \"stores\": 3}", "stores: it must be a list"},
        {"{\"surprise\": 1}", "surprise: no such member"},
        {"{\"cache_slots\": \"many\"}", "cache_slots: it must be a whole number"},
        {"{\"cache_slots\": 1.5}", "cache_slots: it must be a whole number"},
        {"{\"cache_slots\": 63}", "cache_slots: '63' is below the smallest, 64"},
        {"{\"cache_slots\": null}", "cache_slots: it must be a whole number"},
        {"{\"lease\": 30}", "lease: it must be a text"},
        {"{\"lease\": \"1h\"}", "lease: '1h' is above the largest, 10min"},
        {"{\"public_url\": \"ftp://x\"}", "public_url: 'ftp://x' is not an https URL"},
        {"{\"keyring\": 7}", "keyring: it must be a text, or a list of texts"},
        {"{\"providers\": [5]}", "providers[0]: it must be an object"},
        {"{\"providers\": [{}]}", "providers[0]: name: it must be there"},
        {"{\"providers\": [{\"name\": \"a b\"}]}", "providers[0]: name: 'a b' is not a name"},
        {"{\"providers\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}", "providers[1]: name"},
        {"{\"providers\": [{\"name\": \"a\", \"tenant\": \"x/y\"}]}", "tenant: 'x/y' is not"},
        {"{\"providers\": [{\"name\": \"a\", \"tenant\": null}], \"stores\": [{\"name\": "
         "\"main\"}]}",
         "provider a: tenant, scope, authority and graph_url cannot be null"},
        {"{\"providers\": [], \"stores\": [{\"name\": \"main\", \"table\": \"a;b\"}]}",
         "stores[0]: table: 'a;b' is not a table's name"},
        {"{\"providers\": [], \"stores\": [{\"name\": \"main\", \"table\": null}]}",
         "store main: table, user_column and user_type cannot be null"},
        {"{\"providers\": [], \"stores\": [{\"name\": \"main\", \"cipher\": \"rot13\"}]}",
         "cipher: 'rot13' is none of: aes-256-gcm fernet"},
        {"{\"providers\": [], \"stores\": [{\"name\": \"main\", \"user_column\": \"a.b\"}]}",
         "user_column: 'a.b' is not a column's name"},
        {"{\"providers\": [], \"stores\": [{\"name\": \"main\", \"references\": \"users\"}]}",
         "references: 'users' is not table(column)"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_config_t *config = NULL;
        json_t *json;
        gt_err_t *err;

        ck_ok(gt_json_parse(&json, rows[i].text, strlen(rows[i].text), pool));
        err = gt_config_from_json(&config, json, pool);
        ck_assert_msg(err != GT_OK, "%s", rows[i].text);
        ck_assert_int_eq(err->cls, GT_INVALID);
        ck_assert_msg(strstr(err->detail, rows[i].detail) != NULL, "'%s' instead of '%s'",
                      err->detail, rows[i].detail);
        ck_assert_ptr_null(config);
    }
}
END_TEST

START_TEST(rules_of_members_hold)
{
    static const struct {
        const gt_member_t *table;
        const char *member, *good, *bad;
    } rows[] = {
        {gt_provider_members, "tenant", "72f988bf-86f1-41af-91ab-2d7cd011db47", "a/../b"},
        {gt_provider_members, "tenant", "contoso.onmicrosoft.com", ".hidden"},
        {gt_provider_members, "client_id", "1-a.apps.googleusercontent.com", "a b"},
        {gt_provider_members, "scope", "openid https://graph.microsoft.com/.default", "a \"b\""},
        {gt_provider_members, "scope", "openid", "   "},
        {gt_provider_members, "scope", "a b", "a\tb"},
        {gt_provider_members, "allowed_tenants", "72f988bf-86f1-41af-91ab-2d7cd011db47",
         "72f988bf-86f1-41af-91ab-2d7cd011db4"},
        {gt_provider_members, "allowed_tenants",
         "72f988bf-86f1-41af-91ab-2d7cd011db47 82F988BF-86f1-41af-91ab-2d7cd011db47",
         "72f988bf-86f1-41af-91ab-2d7cd011db47,82f988bf-86f1-41af-91ab-2d7cd011db47"},
        {gt_provider_members, "allowed_tenants", "72f988bf-86f1-41af-91ab-2d7cd011db47",
         "contoso.com"},
        {gt_provider_members, "name", "Microsoft-2_x", "-x"},
        {gt_store_members, "name", "main", "a.b"},
        {gt_store_members, "table", "app.tokens", "a.b.c"},
        {gt_store_members, "table", "_t1", "1t"},
        {gt_store_members, "user_column", "teacher_id", "drop table"},
        {gt_store_members, "user_type", "integer", "int"},
        {gt_store_members, "references", "app.users(id)", "users(id) ON DELETE"},
        {gt_store_members, "references", "users(id)", "users(i d)"},
        {gt_store_members, "references", "users(id)", "(id)"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_member_t *member = gt_member_find(rows[i].table, rows[i].member);
        gt_provider_conf_t provider;
        gt_store_conf_t store;
        void *object = rows[i].table == gt_store_members ? (void *)&store : (void *)&provider;
        const char *why = "";

        ck_assert_msg(gt_member_set(object, member, rows[i].good, "/", &why, pool), "%s: %s",
                      rows[i].good, why);
        ck_assert_msg(!gt_member_set(object, member, rows[i].bad, "/", &why, pool), "%s",
                      rows[i].bad);
    }
}
END_TEST

/* One change to a complete configuration, and what is said about it. */
typedef struct change_t {
    void (*change)(gt_config_t *config);
    const char *error;   /* NULL: none */
    const char *warning; /* NULL: none but the one of `beta`, which writes Fernet */
} change_t;

static void nothing(gt_config_t *config)
{
    store_number(config, 1)->cipher = GT_AES_256_GCM;
}

static void only_fernet(gt_config_t *config)
{
    (void)config;
}

static void no_provider(gt_config_t *config)
{
    apr_array_clear(config->providers);
    config->keyring = NULL;
    config->db_driver = "";
}

static void no_keyring(gt_config_t *config)
{
    config->keyring = NULL;
}

static void literal_keyring(gt_config_t *config)
{
    set_keyring(config, "abc");
}

static void no_client_id(gt_config_t *config)
{
    first_provider(config)->client_id = NULL;
}

static void no_guid(gt_config_t *config)
{
    first_provider(config)->client_id = "foo";
}

static void no_guid_at_another_kind(gt_config_t *config)
{
    first_provider(config)->client_id = "1-a.apps.googleusercontent.com";
    first_provider(config)->kind = GT_KIND_OPENID;
    first_provider(config)->tenant = NULL;
    first_provider(config)->graph_url = NULL;
    first_provider(config)->cloud = GT_CLOUD_UNSET;
}

static void no_client_secret(gt_config_t *config)
{
    first_provider(config)->client_secret = NULL;
}

static void literal_secret(gt_config_t *config)
{
    const char *why;

    ck_assert(gt_source_parse(&first_provider(config)->client_secret, "abc", "/", &why, pool));
}

static void no_openid(gt_config_t *config)
{
    first_provider(config)->scope = "openid2 offline_access";
}

static void no_offline(gt_config_t *config)
{
    first_provider(config)->scope = "openid User.Read";
}

static void any_tenant(gt_config_t *config)
{
    first_provider(config)->tenant = "organizations";
}

static void useless_tenants(gt_config_t *config)
{
    first_provider(config)->allowed_tenants = "72f988bf-86f1-41af-91ab-2d7cd011db47";
}

static void outlives_lease(gt_config_t *config)
{
    first_provider(config)->timeout = config->lease;
}

static void no_database(gt_config_t *config)
{
    config->db_driver = "";
}

static void other_database(gt_config_t *config)
{
    config->db_driver = "mysql";
}

static void no_params(gt_config_t *config)
{
    config->db_params = "";
}

static void relative_file(gt_config_t *config)
{
    config->db_driver = "sqlite3";
    config->db_params = "tokens.db";
}

static void same_table(gt_config_t *config)
{
    store_number(config, 1)->table = "User_Tokens";
}

static void huge_cache(gt_config_t *config)
{
    config->cache_slots = 1048576;
}

START_TEST(the_whole_is_judged)
{
    static const change_t rows[] = {
        {nothing, NULL, NULL},
        {only_fernet, NULL, "/etc/x.conf:30: store beta writes Fernet"},
        {no_provider, NULL, NULL},
        {no_keyring, NULL, "GraphTokKeyring is missing"},
        {literal_keyring, NULL, "GraphTokKeyring: the key stands in the configuration"},
        {no_client_id, "/etc/x.conf:20: provider microsoft lacks GraphTokClientID", NULL},
        {no_guid, NULL, "GraphTokClientID 'foo' is none of Entra's ids, which are GUIDs"},
        {no_guid_at_another_kind, NULL, NULL},
        {no_client_secret, "lacks GraphTokClientSecret", NULL},
        {literal_secret, NULL, "the client secret stands in the configuration"},
        {no_openid, "GraphTokScope lacks openid", NULL},
        {no_offline, NULL, "GraphTokScope lacks offline_access"},
        {any_tenant, NULL, "GraphTokTenant organizations lets accounts"},
        {useless_tenants, "GraphTokAllowedTenants goes with", NULL},
        {outlives_lease, "GraphTokTimeout 30s must be shorter than GraphTokLease 30s", NULL},
        {no_database, "there is no database", NULL},
        {other_database, "DBDriver mysql cannot be used", NULL},
        {no_params, "/etc/x.conf:12: DBDParams is missing", NULL},
        {relative_file, NULL, "DBDParams 'tokens.db'"},
        {same_table, "store beta has the table of store main", NULL},
        {huge_cache, NULL, "more than 1 GiB"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_config_t *config = complete();
        apr_array_header_t *errors = apr_array_make(pool, 1, sizeof(const char *));
        apr_array_header_t *warnings = apr_array_make(pool, 1, sizeof(const char *));

        if (rows[i].change != only_fernet)
            nothing(config);
        rows[i].change(config);
        gt_config_check(config, errors, warnings, pool);
        ck_assert_msg(errors->nelts == (rows[i].error != NULL), "row %zu: %d errors", i,
                      errors->nelts);
        ck_assert_msg(warnings->nelts == (rows[i].warning != NULL), "row %zu: %d warnings", i,
                      warnings->nelts);
        if (rows[i].error != NULL)
            ck_assert_msg(strstr(APR_ARRAY_IDX(errors, 0, const char *), rows[i].error) != NULL,
                          "%s", APR_ARRAY_IDX(errors, 0, const char *));
        if (rows[i].warning != NULL)
            ck_assert_msg(strstr(APR_ARRAY_IDX(warnings, 0, const char *), rows[i].warning) != NULL,
                          "%s", APR_ARRAY_IDX(warnings, 0, const char *));
    }
}
END_TEST

START_TEST(passwords_of_the_database_are_masked)
{
    static const struct {
        const char *driver, *params, *shown;
    } rows[] = {
        {"pgsql", "", ""},
        {"pgsql", "host=h dbname=d", "host=h dbname=d"},
        {"pgsql", "password=s3cret host=h", "password=*** host=h"},
        {"pgsql", "host=a,b PASSWORD = s3,cret", "host=a,b PASSWORD = ***"},
        {"pgsql", "host=h password='s3 cret' user=u", "host=h password=*** user=u"},
        {"pgsql", "password='a\\' s3cret' user=u", "password=*** user=u"},
        {"pgsql", "password=a\\ s3cret user=u", "password=*** user=u"},
        {"pgsql", "password='s3cret", "password=***"},
        {"pgsql", "sslpassword=s3cret passfile=/p", "sslpassword=*** passfile=/p"},
        {"pgsql", "user=u s3cret", "user=u ***"},
        {"pgsql", "password == s3cret", "password =*** ***"},
        {"pgsql", "password=", "password="},
        {"pgsql", "postgresql://u:s3cret@h/d", "postgresql://u:***@h/d"},
        {"pgsql", "postgresql://u@h:5432/d?sslmode=require",
         "postgresql://u@h:5432/d?sslmode=require"},
        {"pgsql", "postgresql://h/d?user=u&password=s3cret&x=1",
         "postgresql://h/d?user=u&password=***&x=1"},
        {"pgsql", "postgresql://u:s3/cret@h/d", "postgresql://***"},
        {"pgsql", "postgresql://u:s3?cret@h/d", "postgresql://***"},
        {"pgsql", "host=h password=a://s3cret", "host=h password=***"},
        {"sqlite3", "/var/lib/graphtok/tokens.db", "/var/lib/graphtok/tokens.db"},
        {"mysql", "host=h,pass=s3cret", "***"},
        {"", "host=h,pass=s3cret", "***"},
        {"", "", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *shown = gt_db_params_shown(rows[i].driver, rows[i].params, pool);

        ck_assert_ptr_null(strstr(shown, "s3"));
        ck_assert_str_eq(shown, rows[i].shown);
    }
}
END_TEST

Suite *suite_config(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = case_with_pool(suite, "config");

    tcase_add_test(tcase, members_take_what_fits);
    tcase_add_test(tcase, members_say_what_is_wrong);
    tcase_add_test(tcase, unset_members_are_inherited);
    tcase_add_test(tcase, defaults_are_those_of_the_missions);
    tcase_add_test(tcase, defaults_keep_their_own_bounds);
    tcase_add_test(tcase, an_openid_provider_comes_back_from_json);
    tcase_add_test(tcase, json_comes_back_as_it_was);
    tcase_add_test(tcase, an_empty_configuration_comes_back_too);
    tcase_add_test(tcase, secrets_are_not_in_the_json);
    tcase_add_test(tcase, wrong_json_is_refused_with_the_member);
    tcase_add_test(tcase, rules_of_members_hold);
    tcase_add_test(tcase, the_whole_is_judged);
    tcase_add_test(tcase, passwords_of_the_database_are_masked);
    return suite;
}
