/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file journal_folder.c
 * Making or taking the journal's folder. A folder that other users may enter or write is not used:
 * entries are sealed, but a user who can remove one takes a sign-in away.
 */

#include "config/journal_folder.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <http_log.h>
#include <sys/stat.h>
#include <unixd.h>
#include <unistd.h>

APLOG_USE_MODULE(graphtok);

/* Whether a folder can be the journal's. */
typedef enum fit_t {
    FIT_NONE,  /* it holds other things, or is of another user */
    FIT_EMPTY, /* it becomes ours by owner and mode */
    FIT_AS_IT_IS
} fit_t;

static int is_off(const gt_config_t *config)
{
    return config->journal == NULL || strcmp(config->journal, "off") == 0;
}

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int is_empty(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own < 0 ? NULL : fdopendir(own);
    int names = 0;

    if (folder == NULL) {
        if (own >= 0)
            close(own);
        return 0;
    }
    /* "." and ".." are always there. */
    while (names < 3 && readdir(folder))
        names++;
    closedir(folder);
    return names == 2;
}

/* @param owner the user of the children, who must own it */
static fit_t fit(int fd, uid_t owner)
{
    struct stat info;

    if (fd < 0 || fstat(fd, &info) != 0)
        return FIT_NONE;
    if (info.st_uid == owner && (info.st_mode & 077) == 0)
        return FIT_AS_IT_IS;
    /* Files in a folder are other programs', which need it as it is. */
    return (info.st_uid == owner || info.st_uid == geteuid()) && is_empty(fd) ? FIT_EMPTY
                                                                              : FIT_NONE;
}

static uid_t owner_wanted(void)
{
    return geteuid() == 0 ? ap_unixd_config.user_id : geteuid();
}

/* Judged and changed through one descriptor: the path cannot be exchanged in between. */
static int take(const char *path, int was_there, server_rec *s)
{
    int fd = open_folder(path);
    fit_t found = fit(fd, owner_wanted());
    int is_ours = found == FIT_AS_IT_IS;

    if (found == FIT_EMPTY)
        is_ours = (geteuid() != 0 ||
                   fchown(fd, ap_unixd_config.user_id, ap_unixd_config.group_id) == 0) &&
                  fchmod(fd, 0700) == 0;
    if (is_ours && found == FIT_EMPTY && was_there)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "GT0849: the empty folder %s (GraphTokJournal) now belongs to the user of "
                     "httpd's children, mode 0700",
                     path);
    if (fd >= 0)
        close(fd);
    return is_ours;
}

/* Why there is no journal, and the way to one. */
static const char *refusal(const char *path, apr_pool_t *p)
{
    const char *user = geteuid() == 0 && ap_unixd_config.user_name ? ap_unixd_config.user_name
                                                                   : "of httpd's children";

    return apr_psprintf(p,
                        "there is no journal, since %s is neither empty nor a folder of the user "
                        "%s with mode 0700, and it is left as it is: name a folder of its own in "
                        "GraphTokJournal, or change this one's owner and mode",
                        path, user);
}

const char *gtm_folder_fault(const gt_config_t *config, apr_pool_t *p)
{
    struct stat info;
    int fd;
    fit_t found;

    /* A folder that is not there is made at the start. */
    if (is_off(config) || lstat(config->journal, &info) != 0)
        return NULL;
    fd = open_folder(config->journal);
    /* A test by another user than root cannot know. */
    if (fd < 0 && errno == EACCES)
        return NULL;
    found = fit(fd, owner_wanted());
    if (fd >= 0)
        close(fd);
    return found == FIT_NONE ? refusal(config->journal, p) : NULL;
}

void gtm_folder_prepare(const gt_config_t *config, server_rec *s)
{
    struct stat info;
    int was_there;
    apr_pool_t *p;

    if (is_off(config))
        return;
    apr_pool_create(&p, s->process->pool);
    was_there = lstat(config->journal, &info) == 0;
    if (!was_there)
        (void)apr_dir_make_recursive(config->journal, APR_FPROT_OS_DEFAULT, p);
    if (!take(config->journal, was_there, s))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "GT0848: %s; a token that is refreshed while the database goes away may be "
                     "lost",
                     refusal(config->journal, p));
    apr_pool_destroy(p);
}

gt_journal_t *gtm_folder_journal(const gt_config_t *config, apr_pool_t *p)
{
    int fd;
    fit_t found;

    if (is_off(config))
        return NULL;
    fd = open_folder(config->journal);
    found = fit(fd, geteuid());
    if (fd >= 0)
        close(fd);
    if (found != FIT_AS_IT_IS)
        return NULL;
    return gt_journal_make(config->journal, gt_config_database(config, p), p);
}
