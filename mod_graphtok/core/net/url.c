/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * URLs, taken apart by one strict reader: a form that it does not know is refused, so that no two
 * readers (ours, libcurl's, a browser's) can understand one text differently. RFC 3986; of it only
 * http and https, an ASCII host, no user info, no fragment.
 */

#include "net/url.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"

/* Longest URL taken; providers' next links stay below. */
#define URL_MAX 8192
#define DECODED_MOST 8 /* layers of escapes that a path is looked at through */
#define HOST_MAX 255

/* A URL taken apart; everything points into the text. */
typedef struct url_t {
    int is_https;
    const char *host; /* with brackets when it is an IPv6 address */
    apr_size_t host_len;
    int port;
    const char *rest; /* path, query; begins with '/' or '?' or is empty */
} url_t;

/* The printable ASCII that may stand in a URL; '#' begins a fragment, which is never sent. */
static int is_url_char(char c)
{
    return c > ' ' && c < 0x7F && strchr("\"#<>\\^`{|}", c) == NULL;
}

static int is_url_text(const char *text)
{
    apr_size_t n;

    for (n = 0; text[n] != '\0'; n++)
        if (n >= URL_MAX || !is_url_char(text[n]))
            return 0;
    return 1;
}

/* Letters, digits, inner '-' '.' and '_'; or an IPv6 address in brackets. */
static int is_host(const char *host, apr_size_t len)
{
    apr_size_t i;

    if (len == 0 || len > HOST_MAX)
        return 0;
    if (host[0] == '[') {
        for (i = 1; i < len - 1; i++)
            if (!apr_isxdigit(host[i]) && host[i] != ':' && host[i] != '.')
                return 0;
        return len > 3 && host[len - 1] == ']';
    }
    for (i = 0; i < len; i++)
        if (!apr_isalnum(host[i]) && (i == 0 || strchr("-._", host[i]) == NULL))
            return 0;
    return 1;
}

/* The port after the host; 0 when it is none. */
static int read_port(const char *digits, apr_size_t len)
{
    char text[6];
    apr_int64_t port;

    if (len == 0 || len >= sizeof(text) || digits[0] == '-')
        return 0;
    memcpy(text, digits, len);
    text[len] = '\0';
    return gt_number(&port, text, 1, 65535) ? (int)port : 0;
}

static int take_apart(url_t *url, const char *text)
{
    const char *authority, *end, *colon;

    if (text == NULL || !is_url_text(text))
        return 0;
    url->is_https = strncasecmp(text, "https://", 8) == 0;
    if (!url->is_https && strncasecmp(text, "http://", 7) != 0)
        return 0;
    authority = text + (url->is_https ? 8 : 7);
    end = authority + strcspn(authority, "/?");
    url->rest = end;
    url->host = authority;
    url->port = url->is_https ? 443 : 80;
    colon = *authority == '[' ? memchr(authority, ']', (apr_size_t)(end - authority)) : authority;
    colon = colon == NULL ? NULL : memchr(colon, ':', (apr_size_t)(end - colon));
    if (colon != NULL) {
        url->port = read_port(colon + 1, (apr_size_t)(end - colon - 1));
        end = colon;
    }
    url->host_len = (apr_size_t)(end - authority);
    /* An '@' (user info) is no character of a host, so it is refused there. */
    return url->port != 0 && is_host(url->host, url->host_len);
}

/* 127.0.0.0/8 as four plain decimal numbers; other spellings are not known to every reader. */
static int is_loopback_v4(const char *host, apr_size_t len)
{
    int part = -1;
    int dots = 0;
    apr_size_t i;

    if (len < 9 || strncmp(host, "127.", 4) != 0)
        return 0;
    for (i = 0; i < len; i++) {
        if (host[i] == '.') {
            if (part < 0 || ++dots > 3)
                return 0;
            part = -1;
            continue;
        }
        if (!apr_isdigit(host[i]) || part == 0)
            return 0;
        part = (part < 0 ? 0 : part * 10) + (host[i] - '0');
        if (part > 255)
            return 0;
    }
    return dots == 3 && part >= 0;
}

static int is_loopback(const url_t *url)
{
    return (url->host_len == 9 && strncasecmp(url->host, "localhost", 9) == 0) ||
           (url->host_len == 5 && strncmp(url->host, "[::1]", 5) == 0) ||
           is_loopback_v4(url->host, url->host_len);
}

int gt_url_is_safe(const char *url)
{
    url_t parts;

    return take_apart(&parts, url) && (parts.is_https || is_loopback(&parts));
}

char *gt_url_origin(const char *url, apr_pool_t *p)
{
    url_t parts;
    char *host, *c;

    if (!take_apart(&parts, url))
        return NULL;
    host = apr_pstrmemdup(p, parts.host, parts.host_len);
    for (c = host; *c != '\0'; c++)
        *c = (char)apr_tolower(*c);
    if (parts.port == (parts.is_https ? 443 : 80))
        return apr_pstrcat(p, parts.is_https ? "https://" : "http://", host, NULL);
    return apr_psprintf(p, "%s://%s:%d", parts.is_https ? "https" : "http", host, parts.port);
}

/* Documents of these schemes have the origin "null". */
static int has_no_origin(const char *text, apr_size_t len)
{
    static const char *const schemes[] = {"file", "data", "blob", "javascript", "about"};

    for (apr_size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strlen(schemes[i]) == len && strncasecmp(text, schemes[i], len) == 0)
            return 1;
    return 0;
}

/* A scheme of an application's own has no port that goes without saying. */
static char *origin_of_application(const char *text, apr_pool_t *p)
{
    const char *host = strstr(text, "://"), *colon;
    apr_size_t scheme = host != NULL ? (apr_size_t)(host - text) : 0, len;
    char *origin, *c;

    if (scheme == 0 || !apr_isalpha(*text) || has_no_origin(text, scheme))
        return NULL;
    for (apr_size_t i = 0; i < scheme; i++)
        if (!apr_isalnum(text[i]) && strchr("+-.", text[i]) == NULL)
            return NULL;
    host += 3;
    colon = strchr(host, ':');
    len = colon != NULL ? (apr_size_t)(colon - host) : strlen(host);
    if (!is_host(host, len) || host[len - 1] == '.' ||
        (colon != NULL && read_port(colon + 1, strlen(colon + 1)) == 0))
        return NULL;
    origin = apr_pstrdup(p, text);
    for (c = origin; *c != '\0'; c++)
        *c = (char)apr_tolower(*c);
    return origin;
}

char *gt_url_exact_origin(const char *text, apr_pool_t *p)
{
    url_t parts;

    if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
        return origin_of_application(text, p);
    if (!take_apart(&parts, text) || parts.rest[0] != '\0' || parts.host[parts.host_len - 1] == '.')
        return NULL;
    return gt_url_origin(text, p);
}

int gt_url_is_proxy(const char *url)
{
    url_t parts;

    /* With a port behind the host, and nothing behind the port. */
    return take_apart(&parts, url) && !parts.is_https && parts.rest[0] == '\0' &&
           parts.host[parts.host_len] == ':';
}

/* 1 when a segment is "." or "..", which resolves to another path. */
static int is_dots(const char *segment, apr_size_t len)
{
    return (len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0);
}

/* 1 when a path (up to '?') has a segment of dots. */
static int has_dots(const char *path)
{
    const char *end = path + strcspn(path, "?");

    while (path < end) {
        apr_size_t len = strcspn(path, "/?");

        if (is_dots(path, len))
            return 1;
        path += len + (path[len] == '/');
        if (*path == '?')
            break;
    }
    return 0;
}

static int hex_value(char c)
{
    if (apr_isdigit(c))
        return c - '0';
    return apr_isxdigit(c) ? apr_tolower(c) - 'a' + 10 : -1;
}

/*
 * Undo one layer of percent-encoding, in place.
 * Returns how many escapes there were, -1 when one is broken or hides a NUL.
 */
static int peel(char *text)
{
    char *out = text;
    int escapes = 0;

    for (; *text != '\0'; text++, out++) {
        int high, low;

        *out = *text;
        if (*text != '%')
            continue;
        high = hex_value(text[1]);
        low = high < 0 ? -1 : hex_value(text[2]);
        if (low < 0 || high + low == 0)
            return -1;
        *out = (char)(high << 4 | low);
        text += 2;
        escapes++;
    }
    *out = '\0';
    return escapes;
}

/* Decode one layer of escapes in place; a broken one stays, and a NUL becomes a control character.
 * Returns how many there were. */
static int decode(char *text)
{
    char *out = text;
    int escapes = 0;

    for (; *text != '\0'; text++, out++) {
        int high = *text == '%' ? hex_value(text[1]) : -1;
        int low = high < 0 ? -1 : hex_value(text[2]);

        *out = *text;
        if (low < 0)
            continue;
        *out = (char)(high + low == 0 ? 1 : high << 4 | low);
        text += 2;
        escapes++;
    }
    *out = '\0';
    return escapes;
}

/* 1 when a path leads upwards for some reader: libcurl and servers read %2e as a dot in a segment,
 * some servers %2f as its end, and a gateway may decode once more. Decodes the path. */
static int climbs(char *path)
{
    for (int layers = 0; layers <= DECODED_MOST; layers++) {
        if (has_dots(path) || strchr(path, '\\') != NULL)
            return 1;
        if (decode(path) == 0)
            return 0;
    }
    return 1;
}

int gt_url_is_below(const char *url, const char *base, apr_pool_t *p)
{
    url_t u, b;
    apr_size_t len;
    char *path;

    if (!gt_url_is_safe(url) || !gt_url_is_safe(base) || !take_apart(&u, url) ||
        !take_apart(&b, base) || strcmp(gt_url_origin(url, p), gt_url_origin(base, p)) != 0)
        return 0;
    len = strcspn(b.rest, "?");
    while (len > 0 && b.rest[len - 1] == '/')
        len--;
    if (strncmp(u.rest, b.rest, len) != 0 ||
        (u.rest[len] != '\0' && strchr("/?", u.rest[len]) == NULL))
        return 0;
    path = apr_pstrmemdup(p, u.rest, strcspn(u.rest, "?"));
    return peel(apr_pstrdup(p, path)) >= 0 && !climbs(path);
}

char *gt_url_with_query(const char *url, const char *query, apr_pool_t *p)
{
    const char *old = strchr(url, '?');
    apr_size_t len = strlen(url);

    if (query == NULL || *query == '\0')
        return apr_pstrdup(p, url);
    if (old == NULL)
        return apr_pstrcat(p, url, "?", query, NULL);
    return apr_pstrcat(p, url, url[len - 1] == '?' || url[len - 1] == '&' ? "" : "&", query, NULL);
}

char *gt_url_escape_stray(const char *text, apr_pool_t *p)
{
    char *escaped = apr_palloc(p, 3 * strlen(text) + 1), *out = escaped;

    for (; *text != '\0'; text++) {
        if (*text > ' ' && *text < 0x7F && strchr("\"<>\\^`{|}", *text) == NULL)
            *out++ = *text;
        else
            out += apr_snprintf(out, 4, "%%%02X", (unsigned)(unsigned char)*text);
    }
    *out = '\0';
    return escaped;
}

/* ---- a path on our own origin ---- */

/* How many dots a segment is, 0 for any other; a browser reads %2e as a dot, too. */
static int dots_in(const char *segment, apr_size_t len)
{
    int dots = 0;

    while (len > 0) {
        apr_size_t step = segment[0] == '.'                                 ? 1
                          : len >= 3 && strncasecmp(segment, "%2e", 3) == 0 ? 3
                                                                            : 0;

        if (step == 0 || ++dots > 2)
            return 0;
        segment += step;
        len -= step;
    }
    return dots;
}

/* Take the segments of dots out of a path, in place, as a browser does. */
static void remove_dots(char *path)
{
    char *begin = path, *out = path;

    while (*path == '/') {
        apr_size_t len = strcspn(path + 1, "/");
        int dots = dots_in(path + 1, len), is_last = path[1 + len] == '\0';

        if (dots == 2)
            while (out > begin && *--out != '/')
                continue;
        if (dots > 0 && is_last)
            *out++ = '/';
        for (apr_size_t i = 0; dots == 0 && i <= len; i++)
            *out++ = path[i];
        path += len + 1;
    }
    *out = '\0';
}

static int is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* 1 when a path begins as the name of another host would: browsers drop blanks and control
 * characters there, and read a backslash as a slash. "/https://host" is one for a program that
 * takes the first slash away. */
static int names_a_host(const char *path)
{
    const char *c = path + 1;

    if (path[0] != '/')
        return 1;
    while ((*c > 0 && *c <= ' ') || *c == 0x7F)
        c++;
    if (is_slash(*c))
        return 1;
    while (apr_isalnum(*c) || (*c != '\0' && strchr("+-.", *c) != NULL))
        c++;
    return c[0] == ':' && is_slash(c[1]) && is_slash(c[2]);
}

/* A browser takes a host from the beginning before it removes dots ("//host/../.."), and dots may
 * hide one ("/x/..//host"). */
static int leads_to_a_host(const char *text)
{
    char without_dots[GT_LOCAL_PATH_MAX + 1];

    if (names_a_host(text))
        return 1;
    apr_cpystrn(without_dots, text, sizeof(without_dots));
    remove_dots(without_dots);
    return names_a_host(without_dots);
}

int gt_is_local_path(const char *path)
{
    char text[GT_LOCAL_PATH_MAX + 1];
    apr_size_t len = 0;
    int layers = 0;

    for (; path != NULL && path[len] != '\0'; len++) {
        if (len >= GT_LOCAL_PATH_MAX || path[len] <= ' ' || path[len] >= 0x7F || path[len] == '\\')
            return 0;
    }
    if (len == 0)
        return 0;
    len = strcspn(path, "?#");
    memcpy(text, path, len);
    text[len] = '\0';
    /* A proxy or framework may decode once more before it redirects: the beginning of each layer is
     * judged. Only the beginning can lead to another host. */
    do {
        if (leads_to_a_host(text))
            return 0;
    } while (decode(text) > 0 && ++layers < DECODED_MOST);
    return 1;
}

int gt_path_is_below(const char *path, const char *prefix)
{
    char text[GT_LOCAL_PATH_MAX + 1];
    apr_size_t len = strcspn(path, "?#");
    apr_size_t begin = strlen(prefix);

    if (len > GT_LOCAL_PATH_MAX)
        return 0;
    memcpy(text, path, len);
    text[len] = '\0';
    remove_dots(text);
    return strncmp(text, prefix, begin) == 0 && (text[begin] == '/' || text[begin] == '\0');
}
