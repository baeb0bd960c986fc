/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file kind_microsoft.c
 * Microsoft Entra: a tenant stands in its paths, issuers and tokens. Source: Microsoft, "OpenID
 * Connect on the Microsoft identity platform", "ID token claims reference", "Microsoft Entra
 * authentication and authorization error codes".
 */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"
#include "conf/cloud.h"
#include "net/url.h"
#include "oauth/kind.h"
#include "oauth/provider.h"
#include "oauth/resource.h"

#define MSA_TENANT "9188040d-6c67-4c5b-b112-36a304b66dad" /* of personal accounts */
#define LOOP_WAIT apr_time_from_sec(300)
#define THROTTLE_WAIT apr_time_from_sec(5)

#define CODES(...) ((const int[]){__VA_ARGS__, 0})

static const gt_refusal_row_t refusal_rows[] = {
    /* the grant is dead */
    {{GT_SIGN_IN, GT_EXTENT_USER, "the grant was revoked", 0, 0}, CODES(50173)},
    {{GT_SIGN_IN, GT_EXTENT_USER, "the session was revoked by a change of password", 0, 0},
     CODES(50132, 50133)},
    {{GT_SIGN_IN, GT_EXTENT_USER, "the refresh token or code has expired", 0, 0}, CODES(70008)},
    {{GT_SIGN_IN, GT_EXTENT_USER, "the refresh token was not used for 90 days", 0, 0},
     CODES(700082)},
    {{GT_SIGN_IN, GT_EXTENT_USER, "the refresh token's fixed life is over", 0, 0},
     CODES(700081, 700084)},
    {{GT_SIGN_IN, GT_EXTENT_USER, "the tenant's sign-in frequency ended the grant", 0, 0},
     CODES(70043)},
    {{GT_SIGN_IN, GT_EXTENT_USER, "the sign-in took too long", 0, 0}, CODES(50085, 50089)},
    {{GT_SIGN_IN, GT_EXTENT_USER, "the code was used before or is meant for another tenant", 0, 0},
     CODES(54005, 700005)},

    /* the grant lives; the user is wanted */
    {{GT_INTERACTION, GT_EXTENT_USER, "an account must be chosen", 0, 0}, CODES(16000)},
    {{GT_INTERACTION, GT_EXTENT_USER, "the password has expired", 0, 0}, CODES(50055)},
    {{GT_INTERACTION, GT_EXTENT_USER, "no session at the provider", 0, 0}, CODES(50058)},
    {{GT_INTERACTION, GT_EXTENT_USER, "a second factor is wanted", 0, 0},
     CODES(50072, 50074, 50076, 50078, 50079)},
    {{GT_INTERACTION, GT_EXTENT_USER, "the provider wants to see the user", 0, 0},
     CODES(50131, 50140, 50158)},
    {{GT_INTERACTION, GT_EXTENT_USER, "Conditional Access stops this sign-in", 0, 1},
     CODES(50097, 53000, 53001, 53002, 53003, 530032, 530034, 530035)},
    {{GT_INTERACTION, GT_EXTENT_USER, "consent is missing", 0, 0}, CODES(65001)},
    {{GT_INTERACTION, GT_EXTENT_USER, "consent was declined", 0, 0}, CODES(65004)},
    {{GT_INTERACTION, GT_EXTENT_USER, "an administrator of the tenant must consent", 0, 1},
     CODES(90093, 90094, 90095)},

    /* no to this user, for reasons that signing in does not cure */
    {{GT_REFUSED, GT_EXTENT_USER, "the account is disabled", 0, 1}, CODES(50057)},
    {{GT_REFUSED, GT_EXTENT_USER, "the user is not in the tenant", 0, 1}, CODES(50034, 51004)},
    {{GT_REFUSED, GT_EXTENT_USER, "the user's tenant or account type is not allowed", 0, 1},
     CODES(50020, 90072, 500207, 500208, 500212, 500213)},
    {{GT_REFUSED, GT_EXTENT_USER, "the user is not assigned to the application", 0, 1},
     CODES(50105)},
    {{GT_REFUSED, GT_EXTENT_USER, "wrong user name or password", 0, 0}, CODES(50126)},
    {{GT_REFUSED, GT_EXTENT_USER, "the code verifier does not fit", 0, 0},
     CODES(50147, 50148, 501481, 501491)},
    {{GT_REFUSED, GT_EXTENT_USER, "the assertion is not valid", 0, 0}, CODES(50013, 500133)},
    {{GT_REFUSED, GT_EXTENT_USER, "the device code is wrong or expired", 0, 0},
     CODES(70018, 70019, 70020)},

    /* wait */
    {{GT_THROTTLED, GT_EXTENT_USER, "the account is locked", LOOP_WAIT, 0}, CODES(50053)},
    {{GT_THROTTLED, GT_EXTENT_USER, "the same request came too often", LOOP_WAIT, 0}, CODES(50196)},
    {{GT_THROTTLED, GT_EXTENT_TENANT, "the tenant is throttled", LOOP_WAIT, 0}, CODES(90055)},
    {{GT_THROTTLED, GT_EXTENT_PROVIDER, "the request budget is used up", THROTTLE_WAIT, 0},
     CODES(90024)},
    {{GT_THROTTLED, GT_EXTENT_USER, "the user has not answered yet", THROTTLE_WAIT, 0},
     CODES(70016)},

    /* the provider's own trouble */
    {{GT_UPSTREAM, GT_EXTENT_PROVIDER, "a passing fault of the provider", 0, 0},
     CODES(40010, 50033, 50087, 70012, 80002, 80005, 90006, 90012, 90033, 90090)},
    {{GT_UPSTREAM, GT_EXTENT_PROVIDER, "an unexpected fault of the provider", 0, 0}, CODES(90036)},

    /* our registration, our secret */
    {{GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the client secret has expired", 0, 0},
     CODES(7000222)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the client secret is wrong (or its id was pasted)",
      0, 0},
     CODES(7000215)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the client secret is missing", 0, 0},
     CODES(7000218)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION,
      "the registration is a public client and takes no secret", 0, 0},
     CODES(700025)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION,
      "the client's certificate or assertion is not accepted", 0, 0},
     CODES(50012, 50027, 70021, 700021, 700023, 700024, 700027, 700030, 700211, 700212, 700213)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the sign-in host is wrong", 0, 0},
     CODES(50049, 50050)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "the application is for one tenant only", 0, 0},
     CODES(50194)},

    /* what one tenant has not, or does not allow */
    {{GT_CLIENT_BROKEN, GT_EXTENT_TENANT, "the application is not known in the tenant, or disabled",
      0, 0},
     CODES(70001, 700011, 700016, 7000112, 7000229)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_TENANT, "the tenant is not known or belongs elsewhere", 0, 0},
     CODES(50059, 50128, 90002, 90019, 90038, 900382, 900432, 900439, 9002332)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_TENANT, "the scopes are not valid together", 0, 0},
     CODES(28000, 28002, 28003, 70011, 700022, 1002012)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_TENANT,
      "the resource or permission is not available to the application", 0, 0},
     CODES(50001, 500011, 65002, 65005, 650051, 650052, 650053, 650054, 650056, 650057, 90008)},

    /* what depends on the request: its address, or a code that a stranger may have sent */
    {{GT_CLIENT_BROKEN, GT_EXTENT_CALL, "the redirect URI is not registered", 0, 0},
     CODES(50011, 70004, 900971)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_CALL,
      "the redirect URI is registered for another platform than web", 0, 0},
     CODES(9002325, 9002326, 9002327)},
    {{GT_CLIENT_BROKEN, GT_EXTENT_CALL, "the provider does not accept our kind of request", 0, 0},
     CODES(70003, 70007, 700054, 90009, 90010, 90013, 90014, 90015, 90056, 900144, 900561, 901002,
           9001023)},
    {{GT_CLASSES, GT_EXTENT_USER, NULL, 0, 0}, NULL},
};

static const gt_refusal_tables_t refusals = {"AADSTS", refusal_rows, 65004, NULL};

static int is_of_many(const char *tenant)
{
    return strcmp(tenant, "common") == 0 || strcmp(tenant, "organizations") == 0;
}

static const char *discovery_url(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return apr_pstrcat(p, conf->authority, "/", gt_percent(conf->tenant, p),
                       "/v2.0/.well-known/openid-configuration", NULL);
}

/** 1 when an issuer names `tenant` and the configuration says `wanted`. */
static int tenant_fits(const char *tenant, const char *wanted)
{
    if (is_of_many(wanted))
        return strcmp(tenant, "{tenantid}") == 0;
    if (strcmp(wanted, "consumers") == 0)
        return strcmp(tenant, MSA_TENANT) == 0;
    if (gt_is_guid(wanted))
        return strcasecmp(tenant, wanted) == 0;
    return gt_is_guid(tenant); /* of the domain that is configured */
}

/** <authority>/<tenant>/v2.0, the tenant a GUID, or {tenantid} for many. */
static int issuer_fits(const char *issuer, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    size_t base = strlen(conf->authority);
    const char *tenant, *rest;

    if (strncmp(issuer, conf->authority, base) != 0 || issuer[base] != '/')
        return 0;
    tenant = issuer + base + 1;
    rest = strchr(tenant, '/');
    if (rest == NULL || strcmp(rest, "/v2.0") != 0)
        return 0;
    return tenant_fits(apr_pstrmemdup(p, tenant, (apr_size_t)(rest - tenant)), conf->tenant);
}

/** The same origin as the authority. */
static int endpoint_fits(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const char *origin = gt_url_origin(url, p);

    return origin != NULL && strcmp(origin, gt_url_origin(conf->authority, p)) == 0;
}

static const char *tenant(const gt_provider_conf_t *conf, const char *home)
{
    if (!is_of_many(conf->tenant))
        return conf->tenant;
    return home != NULL && home[0] != '\0' ? home : NULL;
}

/** The first segment of an endpoint's path is the tenant that was asked for. */
static const char *endpoint_of(const char *url, const char *tenant, const gt_provider_conf_t *conf,
                               apr_pool_t *p)
{
    const char *path = strstr(url, "://");
    size_t len = strlen(conf->tenant);

    path = path != NULL ? strchr(path + 3, '/') : NULL;
    if (!is_of_many(conf->tenant) || path == NULL || strncmp(path + 1, conf->tenant, len) != 0 ||
        path[1 + len] != '/')
        return url;
    return apr_pstrcat(p, apr_pstrmemdup(p, url, (apr_size_t)(path + 1 - url)),
                       gt_percent(tenant, p), path + 1 + len, NULL);
}

/** Personal accounts have no administrator, and `common` is not for this. */
static const char *consent_url(const char *authorize, const char *tenant,
                               const gt_provider_conf_t *conf, apr_pool_t *p)
{
    static const char tail[] = "/oauth2/v2.0/authorize";
    size_t len = strlen(authorize);

    if (strcmp(conf->tenant, "consumers") == 0 || len < sizeof(tail) - 1 ||
        strcmp(authorize + len - (sizeof(tail) - 1), tail) != 0)
        return NULL;
    if (tenant == NULL && strcmp(conf->tenant, "common") == 0)
        tenant = "organizations";
    if (tenant != NULL)
        authorize = endpoint_of(authorize, tenant, conf, p);
    return apr_pstrcat(p, apr_pstrmemdup(p, authorize, strlen(authorize) - (sizeof(tail) - 1)),
                       "/v2.0/adminconsent", NULL);
}

static const char *tenant_fault(const char *tenant, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const apr_array_header_t *allowed;

    if (strcmp(conf->tenant, "organizations") == 0 && strcasecmp(tenant, MSA_TENANT) == 0)
        return "a personal account, where the tenant is organizations";
    if (conf->allowed_tenants == NULL)
        return NULL;
    allowed = gt_split(conf->allowed_tenants, " ", p);
    for (int i = 0; i < allowed->nelts; i++)
        if (strcasecmp(APR_ARRAY_IDX(allowed, i, const char *), tenant) == 0)
            return NULL;
    return "its tenant is not among the allowed ones";
}

static gt_err_t *judge_status(int status, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    gt_err_t *err;

    if (status != 400)
        return GT_OK;
    err = gt_err(p, GT_CLIENT_BROKEN, "GT0502", "provider %s does not know tenant %s", conf->name,
                 conf->tenant);
    err->extent = GT_EXTENT_REGISTRATION;
    return err;
}

/** A short name means the Graph of the cloud that is asked, which is one name for two of them: of
 * all but the global one it is written in full. */
static const char *full_scope(const char *scope, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const char *graph = gt_cloud(conf->cloud)->graph;

    if (conf->cloud <= GT_CLOUD_GLOBAL || strstr(scope, "://") != NULL || gt_scope_is_of_all(scope))
        return scope;
    return apr_pstrcat(p, graph, "/", scope, NULL);
}

/** A short name is Graph's. A full one has the resource's address before its last slash; Outlook
 * goes by two of them, and in other clouds by others. */
static const char *resource(const char *scope, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    static const struct {
        const char *address, *name;
    } known[] = {
        {"https://outlook.office.com", "outlook"},
        {"https://outlook.office365.com", "outlook"},
        {"https://outlook.office365.us", "outlook"},
        {"https://partner.outlook.cn", "outlook"},
    };
    const char *end = strrchr(scope, '/');
    const char *address;

    if (strstr(scope, "://") == NULL || end == NULL)
        return GT_RESOURCE_GRAPH;
    address = apr_pstrmemdup(p, scope, (apr_size_t)(end - scope));
    if (gt_cloud_is_graph(address) ||
        (strncasecmp(conf->graph_url, address, strlen(address)) == 0 &&
         conf->graph_url[strlen(address)] == '/'))
        return GT_RESOURCE_GRAPH;
    for (apr_size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcasecmp(address, known[i].address) == 0)
            return known[i].name;
    return address;
}

static const char *const algorithms[] = {"RS256", NULL};

static void ask(gt_form_t *form, const gt_login_extra_t *extra, const gt_provider_conf_t *conf)
{
    int chooses = extra->prompt != NULL && strcmp(extra->prompt, "select_account") == 0;

    (void)conf;
    gt_form_add(form, "response_mode", "query");
    gt_form_add(form, "prompt", extra->prompt);
    /* Entra refuses a hint together with the account chooser. */
    gt_form_add(form, "login_hint", chooses ? NULL : extra->login_hint);
    gt_form_add(form, "domain_hint", extra->domain_hint);
    gt_form_add(form, "claims", extra->claims);
}

const gt_provider_kind_t gt_kind_microsoft = {
    .name = "microsoft",
    .offline_scope = "offline_access",
    .algorithms = algorithms,
    .takes_body = 1,
    .assertion_algorithms = "PS256",
    .subject_claim = "oid",
    .tenant_claim = "tid",
    .organisation_claim = "tid",
    .prompts = GT_PROMPTS,
    .capability = "cp1",
    .refusals = &refusals,
    .full_scope = full_scope,
    .resource = resource,
    .discovery_url = discovery_url,
    .issuer_fits = issuer_fits,
    .endpoint_fits = endpoint_fits,
    .tenant = tenant,
    .endpoint_of = endpoint_of,
    .consent_url = consent_url,
    .is_tenant = gt_is_guid,
    .tenant_fault = tenant_fault,
    .judge_status = judge_status,
    .ask = ask,
};
