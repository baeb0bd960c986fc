/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_server.c Host and port are judged as those of an http URL are. */

#include "net/mail_server.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"
#include "net/url.h"

#define LONGEST 300

/* The part behind the scheme and its "://"; NULL: not this protocol's, or no host with a port. */
static const char *authority_of(int *is_starttls, const char *url, const char *protocol)
{
    const apr_size_t len = strlen(protocol);
    char http[LONGEST + sizeof("http")];

    if (strlen(url) > LONGEST || strncasecmp(url, protocol, len) != 0)
        return NULL;
    *is_starttls = apr_tolower(url[len]) != 's';
    url += len + !*is_starttls;
    if (strncmp(url, "://", 3) != 0)
        return NULL;
    apr_snprintf(http, sizeof(http), "http%s", url);
    return gt_url_is_proxy(http) ? url + 3 : NULL;
}

int gt_mail_server_is_good(const char *url, const char *protocol)
{
    int is_starttls;

    return authority_of(&is_starttls, url, protocol) != NULL;
}

int gt_mail_server_read(gt_mail_server_t *server, const char *url, const char *protocol,
                        apr_pool_t *p)
{
    const char *host = authority_of(&server->is_starttls, url, protocol), *colon;
    apr_int64_t port;
    char *c;

    if (host == NULL)
        return 0;
    colon = strrchr(host, ':');
    if (!gt_number(&port, colon + 1, 1, 65535))
        return 0;
    server->port = (int)port;
    server->host = c = *host == '[' ? apr_pstrmemdup(p, host + 1, (apr_size_t)(colon - host) - 2)
                                    : apr_pstrmemdup(p, host, (apr_size_t)(colon - host));
    for (; *c != '\0'; c++)
        *c = (char)apr_tolower(*c);
    return 1;
}

const char *gt_mail_server_url(const gt_mail_server_t *server, const char *protocol, apr_pool_t *p)
{
    const char *url;

    if (server->host == NULL)
        return NULL;
    url = apr_psprintf(p, strchr(server->host, ':') != NULL ? "%s%s://[%s]:%d" : "%s%s://%s:%d",
                       protocol, server->is_starttls ? "" : "s", server->host, server->port);
    return gt_mail_server_is_good(url, protocol) ? url : NULL;
}

/* Ports whose use is fixed by custom. */
static const struct {
    const char *protocol;
    int port;
    int is_starttls;
} ports[] = {
    {"imap", 143, 1}, {"imap", 993, 0}, {"smtp", 25, 1}, {"smtp", 587, 1}, {"smtp", 465, 0}};

const char *gt_mail_server_meant(const char *url, const char *protocol, apr_pool_t *p)
{
    gt_mail_server_t server;

    if (!gt_mail_server_read(&server, url, protocol, p))
        return NULL;
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (strcmp(ports[i].protocol, protocol) == 0 && ports[i].port == server.port &&
            ports[i].is_starttls != server.is_starttls) {
            server.is_starttls = ports[i].is_starttls;
            return gt_mail_server_url(&server, protocol, p);
        }
    return NULL;
}
