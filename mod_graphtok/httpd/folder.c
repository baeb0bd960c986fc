/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file folder.c
 * A folder that others may enter or write is not used: entries are sealed, but whoever can remove
 * one takes a sign-in away.
 */

#include "folder.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <http_log.h>
#include <sys/stat.h>
#include <unixd.h>
#include <unistd.h>

APLOG_USE_MODULE(graphtok);

static int is_off(const gt_config_t *config)
{
    return !config->journal || strcmp(config->journal, "off") == 0;
}

/* 1 when it is ours to use. Looked at through one descriptor: nobody can change it in between. */
static int take(const char *path, int may_own)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    int is_good;

    if (fd < 0)
        return 0;
    if (may_own && fstat(fd, &info) == 0 && info.st_uid == 0)
        (void)(fchown(fd, ap_unixd_config.user_id, ap_unixd_config.group_id) == 0 &&
               fchmod(fd, 0700) == 0);
    is_good = fstat(fd, &info) == 0 && (info.st_mode & 077) == 0 &&
              info.st_uid == (may_own ? ap_unixd_config.user_id : geteuid());
    if (!is_good)
        errno = EPERM;
    close(fd);
    return is_good;
}

void gtm_folder_prepare(const gt_config_t *config, server_rec *s)
{
    apr_pool_t *p;
    int is_root = geteuid() == 0;

    if (is_off(config))
        return;
    apr_pool_create(&p, s->process->pool);
    (void)apr_dir_make_recursive(config->journal, APR_FPROT_OS_DEFAULT, p);
    if (!is_root)
        (void)chmod(config->journal, 0700);
    if (!take(config->journal, is_root))
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, errno, s,
            "GT0848: there is no journal: %s must be a folder of the user that httpd's "
            "children run as, mode 0700 (GraphTokJournal); a token that is refreshed while "
            "the database goes away may be lost",
            config->journal);
    apr_pool_destroy(p);
}

gt_journal_t *gtm_folder_journal(const gt_config_t *config, const gt_keyring_t *ring, apr_pool_t *p)
{
    if (is_off(config) || !take(config->journal, 0))
        return NULL;
    return gt_journal_make(config->journal, gt_config_database(config, p), ring, p);
}
