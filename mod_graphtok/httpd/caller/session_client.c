/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file session_client.c Naming a session's browser in words of ours, by its User-Agent field; the
 * field's own text is never used. */

#include "caller/session_client.h"

#include <arpa/inet.h>
#include <string.h>

#include <apr_strings.h>

#define NETWORK_V6 6 /* bytes of a site's network: a /48 */

typedef struct known_t {
    const char *mark; /* in the field */
    const char *name;
} known_t;

/* Browsers name those that they descend from, too: the youngest come first. */
static const known_t browsers[] = {{"Edg", "Edge"},
                                   {"OPR/", "Opera"},
                                   {"SamsungBrowser/", "Samsung Internet"},
                                   {"Firefox/", "Firefox"},
                                   {"FxiOS/", "Firefox"},
                                   {"CriOS/", "Chrome"},
                                   {"Chrome/", "Chrome"},
                                   {"Safari/", "Safari"},
                                   {"curl/", "curl"},
                                   {NULL, NULL}};
static const known_t systems[] = {
    {"Android", "Android"}, {"iPhone", "iOS"},    {"iPad", "iOS"},    {"Windows", "Windows"},
    {"Macintosh", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}, {NULL, NULL}};

static const char *find(const known_t *known, const char *field)
{
    while (known->mark != NULL && strstr(field, known->mark) == NULL)
        known++;
    return known->name;
}

const char *gtm_client_agent(const request_rec *r)
{
    const char *field = apr_table_get(r->headers_in, "User-Agent");
    const char *browser = field != NULL ? find(browsers, field) : NULL;
    const char *system = field != NULL ? find(systems, field) : NULL;

    if (browser == NULL || system == NULL)
        return browser != NULL ? browser : system;
    return apr_pstrcat(r->pool, browser, ", ", system, NULL);
}

const char *gtm_client_network(const request_rec *r)
{
    const char *address = r->useragent_ip, *v4;
    char text[INET6_ADDRSTRLEN];
    struct in6_addr v6;

    if (address == NULL)
        return NULL;
    v4 = strrchr(address, ':') != NULL ? strrchr(address, ':') + 1 : address;
    if (strchr(v4, '.') != NULL)
        return apr_pstrcat(r->pool,
                           apr_pstrmemdup(r->pool, v4, (apr_size_t)(strrchr(v4, '.') - v4)),
                           ".0/24", NULL);
    if (inet_pton(AF_INET6, address, &v6) != 1)
        return NULL;
    memset(&v6.s6_addr[NETWORK_V6], 0, sizeof(v6.s6_addr) - NETWORK_V6);
    if (inet_ntop(AF_INET6, &v6, text, sizeof(text)) == NULL)
        return NULL;
    return apr_pstrcat(r->pool, text, "/48", NULL);
}
