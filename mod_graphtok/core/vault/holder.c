/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file holder.c
 * A process is its pid and its start time, as /proc/PID/stat says it: pids come back. Containers
 * may share a host name, and a pid means something else in each of them; so the boot and the
 * namespace of pids are part of the name. Whoever is in doubt takes the other for alive: the price
 * is a wait, not a token.
 */

#include "vault/holder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/text.h"

#define HOST_BYTES 128
#define START_FIELD 22 /* of /proc/PID/stat, counted from 1 */
#define STAT_BYTES 1024

/** The first line of a small file, "" when there is none. */
static const char *first_line(const char *path, apr_pool_t *p)
{
    char line[STAT_BYTES] = "";
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return "";
    if (fgets(line, sizeof(line), file) == NULL)
        line[0] = '\0';
    fclose(file);
    return apr_pstrdup(p, line);
}

/** When a process started, in ticks since boot; "" when nobody says. The second field is a name in
 * parentheses that may hold anything. */
static const char *start_of(const char *pid, apr_pool_t *p)
{
    const char *stat = first_line(apr_pstrcat(p, "/proc/", pid, "/stat", NULL), p);
    const char *at = strrchr(stat, ')');
    apr_array_header_t *fields;

    if (at == NULL)
        return "";
    fields = gt_split(at + 1, " \n", p);
    if (fields->nelts <= START_FIELD - 3)
        return "";
    return APR_ARRAY_IDX(fields, START_FIELD - 3, const char *);
}

static const char *machine(apr_pool_t *p)
{
    const char *boot = first_line("/proc/sys/kernel/random/boot_id", p);
    char space[64] = "";
    unsigned char hash[32];
    ssize_t len = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);

    if (len < 0)
        len = 0;
    space[len] = '\0';
    boot = apr_pstrcat(p, boot, space, NULL);
    gt_sha256(hash, boot, strlen(boot));
    return gt_hex(hash, 8, p);
}

static const char *host(apr_pool_t *p)
{
    char name[HOST_BYTES] = "";
    char *c;

    if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
        return "localhost";
    for (c = name; *c != '\0'; c++)
        if (*c == '/')
            *c = '_';
    return apr_pstrdup(p, name);
}

char *gt_holder_name(apr_pool_t *p)
{
    const char *pid = apr_psprintf(p, "%ld", (long)getpid());

    return apr_pstrcat(p, host(p), "/", pid, "/", start_of(pid, p), "/", machine(p), NULL);
}

int gt_holder_is_dead(const char *holder, apr_pool_t *p)
{
    apr_array_header_t *parts = gt_split(holder, "/", p);
    const char *pid, *start;
    apr_int64_t number;

    if (parts->nelts < 4)
        return 0;
    pid = APR_ARRAY_IDX(parts, 1, const char *);
    start = APR_ARRAY_IDX(parts, 2, const char *);
    if (strcmp(APR_ARRAY_IDX(parts, 0, const char *), host(p)) != 0 ||
        strcmp(APR_ARRAY_IDX(parts, 3, const char *), machine(p)) != 0 ||
        !gt_number(&number, pid, 1, INT32_MAX))
        return 0;
    if (kill((pid_t)number, 0) != 0)
        return errno == ESRCH;
    return start_of(pid, p)[0] != '\0' && strcmp(start_of(pid, p), start) != 0;
}
