/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file holder.c
 * A lease's holder, as a text that names a process: its pid and its start time, as /proc/PID/stat
 * has it, since pids come back. Containers may share a host name, and a pid means something else in
 * each of them; so the boot and the namespace of pids are part of the name. So is the journal: two
 * servers on one machine with a journal each are two nodes. In doubt a holder counts as alive: that
 * costs a wait, the opposite could cost a token.
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

/** When a process started, in ticks since boot; "" when /proc does not say. The second field is a
 * name in parentheses that may hold any byte. */
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

static const char *node(const char *journal, apr_pool_t *p)
{
    const char *boot = first_line("/proc/sys/kernel/random/boot_id", p);
    char space[64] = "";
    unsigned char hash[32];
    ssize_t len = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);

    if (len < 0)
        len = 0;
    space[len] = '\0';
    boot = apr_pstrcat(p, boot, space, "\n", journal != NULL ? journal : "", NULL);
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

char *gt_holder_name(const char *journal, apr_pool_t *p)
{
    const char *pid = apr_psprintf(p, "%ld", (long)getpid());

    return apr_pstrcat(p, host(p), "/", pid, "/", start_of(pid, p), "/", node(journal, p), NULL);
}

int gt_holder_is_dead(const char *holder, const char *ours, apr_pool_t *p)
{
    apr_array_header_t *his = gt_split(holder, "/", p);
    apr_array_header_t *own = gt_split(ours, "/", p);
    const char *pid, *start;
    apr_int64_t number;

    if (his->nelts < 4 || own->nelts < 4 ||
        strcmp(APR_ARRAY_IDX(his, 0, const char *), APR_ARRAY_IDX(own, 0, const char *)) != 0 ||
        strcmp(APR_ARRAY_IDX(his, 3, const char *), APR_ARRAY_IDX(own, 3, const char *)) != 0)
        return 0;
    pid = APR_ARRAY_IDX(his, 1, const char *);
    if (!gt_number(&number, pid, 1, INT32_MAX))
        return 0;
    /* EPERM: a process of another user has this pid; /proc tells whether it is the same process. */
    if (kill((pid_t)number, 0) != 0 && errno == ESRCH)
        return 1;
    start = start_of(pid, p);
    return start[0] != '\0' && strcmp(start, APR_ARRAY_IDX(his, 2, const char *)) != 0;
}
