/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file discovery.c
 * Judging a discovery document. It comes over TLS, but from a host that an administrator typed, and
 * perhaps through a proxy that opens TLS. The endpoints that it names get our secret, so it is held
 * against the configuration. Source: OpenID Connect Discovery 1.0, section 4.3; Microsoft, "OpenID
 * Connect on the Microsoft identity platform".
 */

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "base/text.h"
#include "net/url.h"
#include "oauth/kind.h"
#include "oauth/provider.h"

#define URL_MAX 2048
#define LIST_MAX 32
#define WORD_MAX 64

static int issuer_fits(const char *issuer, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return issuer != NULL && strlen(issuer) <= URL_MAX &&
           gt_provider_kind(conf)->issuer_fits(issuer, conf, p);
}

/** An endpoint gets our secret and codes, so a forged document must not lead it elsewhere. */
static int endpoint_fits(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return url != NULL && strlen(url) <= URL_MAX && gt_url_is_safe(url) &&
           gt_provider_kind(conf)->endpoint_fits(url, conf, p);
}

/** 1 for a URL on this machine. */
static int is_loopback(const char *url, apr_pool_t *p)
{
    const char *host = url != NULL ? strstr(url, "://") : NULL;
    apr_size_t len;

    if (host == NULL || strlen(url) > URL_MAX || !gt_url_is_safe(url))
        return 0;
    host += 3;
    len = strcspn(host, ":/?");
    host = apr_pstrmemdup(p, host, len);
    return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0;
}

/**
 * The browser's endpoint gets no secret. A sandbox on this machine may serve it by plain http on a
 * port of its own, so that no browser warns of its certificate.
 */
static int browser_endpoint_fits(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return endpoint_fits(url, conf, p) || (is_loopback(conf->authority, p) && is_loopback(url, p));
}

/** The words of a list, of which only short ones can be meant; NULL: there is no list. */
static const char *words_of(const json_t *document, const char *name, apr_pool_t *p)
{
    const json_t *list = json_object_get(document, name);
    const char *words = "";

    if (!json_is_array(list))
        return NULL;
    for (size_t i = 0; i < json_array_size(list) && i < LIST_MAX; i++) {
        const char *word = json_string_value(json_array_get(list, i));

        if (word != NULL && strlen(word) <= WORD_MAX && strchr(word, ' ') == NULL)
            words = apr_pstrcat(p, words, words[0] != '\0' ? " " : "", word, NULL);
    }
    return words;
}

/** RFC 8414 section 2: where nothing is said the header is meant. */
static void read_client_auth(gt_endpoints_t *endpoints, const json_t *document, apr_pool_t *p)
{
    const char *methods = words_of(document, "token_endpoint_auth_methods_supported", p);

    endpoints->takes_basic_alone =
        methods == NULL || (strstr(methods, "client_secret_post") == NULL &&
                            strstr(methods, "client_secret_basic") != NULL);
    endpoints->assertion_algorithms =
        words_of(document, "token_endpoint_auth_signing_alg_values_supported", p);
}

gt_err_t *gt_discovery_parse(gt_endpoints_t *endpoints, const gt_provider_conf_t *conf,
                             const char *body, apr_size_t len, apr_pool_t *p)
{
    json_t *document;
    const char *wrong = NULL;

    memset(endpoints, 0, sizeof(*endpoints));
    if (gt_json_parse_answer(&document, body, len, p) != GT_OK || !json_is_object(document))
        return gt_err(p, GT_UPSTREAM, "GT0503", "discovery document of provider %s: not JSON",
                      conf->name);
    endpoints->issuer = gt_json_text(document, "issuer");
    endpoints->authorize = gt_json_text(document, "authorization_endpoint");
    endpoints->token = gt_json_text(document, "token_endpoint");
    endpoints->jwks_uri = gt_json_text(document, "jwks_uri");
    endpoints->userinfo = gt_json_text(document, "userinfo_endpoint");
    endpoints->names_itself =
        json_is_true(json_object_get(document, "authorization_response_iss_parameter_supported"));

    if (!issuer_fits(endpoints->issuer, conf, p))
        wrong = "issuer";
    else if (!browser_endpoint_fits(endpoints->authorize, conf, p))
        wrong = "authorization_endpoint";
    else if (!endpoint_fits(endpoints->token, conf, p))
        wrong = "token_endpoint";
    else if (!endpoint_fits(endpoints->jwks_uri, conf, p))
        wrong = "jwks_uri";
    if (wrong != NULL)
        return gt_err(p, GT_UPSTREAM, "GT0504",
                      "discovery document of provider %s: its %s does not belong to %s%s%s",
                      conf->name, wrong, conf->authority, conf->tenant != NULL ? "/" : "",
                      conf->tenant != NULL ? conf->tenant : "");
    read_client_auth(endpoints, document, p);
    /* Entra's stands on Graph's host and gets no secret of ours but a token meant for it. */
    if (endpoints->userinfo != NULL &&
        (strlen(endpoints->userinfo) > URL_MAX || !gt_url_is_safe(endpoints->userinfo)))
        endpoints->userinfo = NULL;
    endpoints->end_session = gt_json_text(document, "end_session_endpoint");
    if (!browser_endpoint_fits(endpoints->end_session, conf, p))
        endpoints->end_session = NULL;
    /* This endpoint gets tokens and our secret, as the token endpoint does. */
    endpoints->revocation = gt_json_text(document, "revocation_endpoint");
    if (!endpoint_fits(endpoints->revocation, conf, p))
        endpoints->revocation = NULL;
    endpoints->device = gt_json_text(document, "device_authorization_endpoint");
    if (!endpoint_fits(endpoints->device, conf, p))
        endpoints->device = NULL;
    return GT_OK;
}
