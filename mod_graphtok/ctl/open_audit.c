/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The audit of graphtokctl's own operations on tokens: like those of httpd's children they are
 * recorded in the configured file, in a chain of their own. A program behind a pipe is httpd's, and
 * cannot be written to: operations that must be recorded are then refused.
 */

#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/audit_tail.h"
#include "base/log.h"

static apr_status_t end_audit(void *audit)
{
    gt_audit_end(audit);
    gt_notice_to_none();
    return APR_SUCCESS;
}

/* -1: a program, or a file that cannot be had or holds something else. @param why then the
 * reason */
static int open_file(const char **why, const char *path, const gt_config_t *config)
{
    int fd;

    *why = "it is a program of httpd's";
    if (path == NULL || path[0] == '|')
        return -1;
    fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    *why = fd < 0 ? strerror(errno) : "it holds something else than records";
    if (fd < 0)
        return -1;
    if (gt_audit_may_append(fd)) {
        ctl_give_to_httpd(fd, config);
        return fd;
    }
    close(fd);
    return -1;
}

/* Without noted heads a missing end of this chain would not show. A program that takes the audit is
 * httpd's. */
static int open_notes(const gt_config_t *config, int audit, apr_pool_t *p)
{
    struct stat st;
    int is_file = fstat(audit, &st) == 0 && S_ISREG(st.st_mode);
    const char *path = gt_audit_notes(config->audit, config->audit_heads, is_file, p);
    const char *why;
    int notes = open_file(&why, path, config);

    if (notes < 0 && path != NULL && path[0] != '|')
        gt_log(GT_LOG_WARNING, "GT0985", "the audit's heads cannot be noted in %s: %s", path, why);
    return notes;
}

gt_err_t *ctl_audit_start(const gt_config_t *config, gt_keyring_t *ring, apr_pool_t *p)
{
    gt_audit_conf_t conf = {-1, -1, config->audit_required, NULL, ring};
    gt_notice_sink_t sink;
    const char *why;

    if (config->audit == NULL)
        return GT_OK;
    if (ring == NULL)
        GT_TRY(ctl_keyring(&ring, config, p));
    conf.ring = ring;
    conf.fd = open_file(&why, config->audit, config);
    if (conf.fd >= 0)
        conf.notes = open_notes(config, conf.fd, p);
    else
        gt_log(GT_LOG_WARNING, "GT0985", "the audit %s cannot be written from here (%s): %s",
               config->audit, why,
               config->audit_required ? "no token is handed out" : "nothing is recorded");
    sink = gt_audit_sink(gt_audit_make(&conf, p));
    apr_pool_cleanup_register(p, sink.baton, end_audit, apr_pool_cleanup_null);
    gt_notice_to(&sink);
    return GT_OK;
}
