/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The source address or interface of calls. An address is tried by binding a socket to it, as a
 * call would. */

#include "net/local_end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>

/** An address with its family; family 0: the text is none. */
typedef struct end_t {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len;
} end_t;

static int read_address(end_t *end, const char *text)
{
    memset(end, 0, sizeof(*end));
    if (inet_pton(AF_INET, text, &end->address.v4.sin_addr) == 1) {
        end->address.v4.sin_family = AF_INET;
        end->len = sizeof(end->address.v4);
    }
    else if (inet_pton(AF_INET6, text, &end->address.v6.sin6_addr) == 1) {
        end->address.v6.sin6_family = AF_INET6;
        end->len = sizeof(end->address.v6);
    }
    return end->len > 0;
}

static int is_interface_name(const char *text)
{
    size_t len = strlen(text);

    for (const char *c = text; *c != '\0'; c++)
        if (!apr_isalnum(*c) && strchr("-_.", *c) == NULL)
            return 0;
    return len > 0 && len < IF_NAMESIZE && apr_isalpha(text[0]);
}

int gt_local_is_good(const char *text)
{
    end_t end;

    return read_address(&end, text) || is_interface_name(text);
}

static int is_bindable(const end_t *end)
{
    int fd = socket(end->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int is_bound = fd >= 0 && bind(fd, &end->address.any, end->len) == 0;

    if (fd >= 0)
        close(fd);
    return is_bound;
}

const char *gt_local_fault(const char *text, apr_pool_t *p)
{
    end_t end;

    if (read_address(&end, text))
        return is_bindable(&end) ? NULL
                                 : apr_pstrcat(p, "this machine has no address ", text, NULL);
    return if_nametoindex(text) != 0 ? NULL
                                     : apr_pstrcat(p, "this machine has no interface ", text, NULL);
}

const char *gt_local_option(const char *text, apr_pool_t *p)
{
    end_t end;

    if (text == NULL)
        return NULL;
    return apr_pstrcat(p, read_address(&end, text) ? "host!" : "if!", text, NULL);
}
