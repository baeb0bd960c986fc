/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file audit_sink.c
 * Opening the audit's file or program. A restart opens it anew, so a file is rotated by rename and
 * reload; children of the generation before write to the renamed file until they end. A pipe must
 * never hold up a request for long: writing to it does not block, and the writer waits by itself
 * (audit/audit).
 */

#include "child/audit_sink.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <http_config.h>
#include <http_log.h>
#include <unixd.h>
#include <unistd.h>

#include "audit/audit_tail.h"
#include "base/log.h"
#include "config/settings.h"

APLOG_USE_MODULE(graphtok);

#define READING_ENDS_MAX 2
#define LOOK_EVERY apr_time_from_sec(15)
#define PERMISSIONS (APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD)

/* Of this generation; -1: none, or it could not be opened. */
static int opened = -1, opened_notes = -1;

/* The reading ends of programs' pipes. Only the parent keeps them, for a program's next start: a
 * child that held one could write on, to no reader, after a restart ended the program. */
static apr_file_t *reading_ends[READING_ENDS_MAX];
static int reading_end_count;

static apr_file_t *open_program(const char *command, apr_pool_t *p)
{
    apr_cmdtype_e how = APR_PROGRAM_ENV;
    piped_log *program;

    /* As in httpd's own logs: "||" is "|", "|$" asks for a shell. */
    if (*command == '$')
        how = APR_SHELLCMD_ENV;
    if (*command == '$' || *command == '|')
        command++;
    program = ap_open_piped_log_ex(p, command, how);
    if (program == NULL)
        return NULL;
    if (reading_end_count < READING_ENDS_MAX)
        reading_ends[reading_end_count++] = ap_piped_log_read_fd(program);
    return ap_piped_log_write_fd(program);
}

static int descriptor_of(apr_file_t *file)
{
    apr_os_file_t fd;

    return file != NULL && apr_os_file_get(&fd, file) == APR_SUCCESS ? fd : -1;
}

/* Its owner is the user of the children, so that graphtokctl can be run as that user, too. */
static void give_to_children(int fd)
{
    struct stat st;

    if (geteuid() == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0)
        (void)!fchown(fd, ap_unixd_config.user_id, ap_unixd_config.group_id);
}

static int open_file(const char *path, apr_pool_t *p, server_rec *s)
{
    apr_file_t *file = NULL;
    int fd;

    /* Read, too: a chain begins by naming what stands at its end. */
    (void)apr_file_open(&file, path, APR_READ | APR_WRITE | APR_APPEND | APR_CREATE | APR_LARGEFILE,
                        PERMISSIONS, p);
    fd = descriptor_of(file);
    if (fd < 0)
        return -1;
    if (!gt_audit_may_append(fd)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "GT0894: %s holds something else than audit records: it is left as it is",
                     path);
        apr_file_close(file);
        errno = EEXIST;
        return -1;
    }
    give_to_children(fd);
    return fd;
}

/* A file that is not regular may be full: a program's pipe, a FIFO, /dev/stdout of a container. */
static int open_audit(const char *audit, apr_pool_t *p, server_rec *s)
{
    int fd, flags;

    fd = *audit == '|' ? descriptor_of(open_program(audit + 1, p)) : open_file(audit, p, s);
    flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? fd : -1;
}

static int is_regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void open_notes(const gt_config_t *config, apr_pool_t *p, server_rec *s)
{
    const char *notes = gt_audit_notes(config->audit, config->audit_heads, is_regular(opened), p);

    if (notes == NULL)
        return;
    opened_notes = open_audit(notes, p, s);
    if (opened_notes < 0)
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, errno, s,
            "GT0870: GraphTokAuditHeads %s cannot be opened: should the audit's end be cut "
            "off, verification will not see it",
            notes);
}

int gtm_audit_open(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const gtm_server_t *server = gtm_server(s);

    (void)plog;
    (void)ptemp;
    opened = opened_notes = -1;
    reading_end_count = 0;
    if (server == NULL || server->config->audit == NULL)
        return OK;
    opened = open_audit(server->config->audit, pconf, s);
    if (opened < 0)
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s, "GT0880: GraphTokAudit %s cannot be opened%s",
                     server->config->audit,
                     server->config->audit_required ? ": no token will be handed out" : "");
    else
        open_notes(server->config, pconf, s);
    return OK;
}

static void mark(void *audit, apr_pool_t *scratch)
{
    (void)scratch;
    gt_audit_mark(audit);
}

gt_audit_t *gtm_audit_start(const gtm_child_t *child, void *heads, const gt_keyring_t *ring,
                            apr_pool_t *p)
{
    gt_audit_conf_t conf = {opened, opened_notes, child->config->audit_required, heads, ring};
    gt_notice_sink_t sink;
    gt_audit_t *audit;

    if (child->config->audit == NULL)
        return NULL;
    while (reading_end_count > 0)
        apr_file_close(reading_ends[--reading_end_count]);
    audit = gt_audit_make(&conf, p);
    sink = gt_audit_sink(audit);
    gt_notice_to(&sink);
    gt_crew_every(child->crew, "audit", LOOK_EVERY, mark, audit);
    return audit;
}
