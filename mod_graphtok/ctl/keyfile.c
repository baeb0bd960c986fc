/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A keyring's file is never written in place: a new one beside it gets owner and mode first, then
 * the text, is on the disk, and takes the name. The lock lies on the file itself, so it needs no
 * second file; a program that waited for the lock
 * of a file that has been replaced meanwhile looks again.
 */

#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/source.h"
#include "crypt/keytext.h"

#define LOOKS 5

struct ctl_keyfile_t {
    const char *path; /* without symbolic links */
    int fd;           /* with the lock; -1: there is no file yet */
    struct stat seen;
    gt_secret_t *text;
};

static gt_err_t *unread(const char *path, apr_pool_t *p)
{
    return gt_err_file(p, GT_INTERNAL, "GT0960", errno, "%s", path);
}

/* For every reason the file is not made (EX_CANTCREAT of sysexits.h). */
static gt_err_t *unmade(const char *what, apr_pool_t *p)
{
    gt_err_t *err = gt_err_file(p, GT_INTERNAL, "GT0960", errno, "%s", what);

    err->exit_code = EX_CANTCREAT;
    return err;
}

static apr_status_t close_file(void *baton)
{
    const ctl_keyfile_t *file = baton;

    if (file->fd >= 0)
        close(file->fd);
    return APR_SUCCESS;
}

/* 1: locked; 0: the name is another file's by now. */
static gt_err_t *try_lock(int *is_ours, ctl_keyfile_t *file, apr_pool_t *p)
{
    struct stat named;

    *is_ours = 0;
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file->fd < 0)
        return unread(file->path, p);
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? gt_err(p, GT_BUSY, "GT0961", "%s is being changed by another graphtokctl",
                            file->path)
                   : unread(file->path, p);
    if (fstat(file->fd, &file->seen) != 0)
        return unread(file->path, p);
    *is_ours = stat(file->path, &named) == 0 && named.st_ino == file->seen.st_ino &&
               named.st_dev == file->seen.st_dev;
    return GT_OK;
}

static gt_err_t *lock(ctl_keyfile_t *file, apr_pool_t *p)
{
    int is_ours = 0;

    for (int i = 0; i < LOOKS && !is_ours; i++) {
        close_file(file);
        GT_TRY(try_lock(&is_ours, file, p));
    }
    if (!is_ours)
        return gt_err(p, GT_BUSY, "GT0961", "%s is being changed by another graphtokctl",
                      file->path);
    return GT_OK;
}

static gt_err_t *read_text(ctl_keyfile_t *file, apr_pool_t *p)
{
    gt_source_t *source;
    const char *why;

    if (!gt_source_parse(&source, apr_pstrcat(p, "file:", file->path, NULL), NULL, &why, p))
        return gt_err(p, GT_INVALID, "GT0962", "--keyring %s: %s", file->path, why);
    GT_TRY(gt_source_read(&file->text, source, p));
    /* A source has no white space round it; a file's last line ends. */
    file->text = gt_keytext_append(file->text, gt_secret_from("", p), p);
    return GT_OK;
}

gt_err_t *ctl_keyfile_open(ctl_keyfile_t **file, const char *path, int may_make, apr_pool_t *p)
{
    ctl_keyfile_t *fresh = apr_pcalloc(p, sizeof(*fresh));
    char *real = realpath(path, NULL);

    *file = fresh;
    fresh->fd = -1;
    if (real == NULL && (errno != ENOENT || !may_make))
        return unread(path, p);
    apr_pool_cleanup_register(p, fresh, close_file, apr_pool_cleanup_null);
    fresh->path = apr_pstrdup(p, real != NULL ? real : path);
    free(real);
    fresh->text = gt_secret_from("", p);
    if (access(fresh->path, F_OK) != 0)
        return GT_OK;
    GT_TRY(lock(fresh, p));
    return read_text(fresh, p);
}

const gt_secret_t *ctl_keyfile_text(const ctl_keyfile_t *file)
{
    return file->text;
}

const char *ctl_keyfile_path(const ctl_keyfile_t *file)
{
    return file->path;
}

/* Owner and mode before the first byte. */
static int fill(int fd, const gt_secret_t *text, const struct stat *as, mode_t mode)
{
    const char *bytes = gt_secret_text(text);
    apr_size_t left = gt_secret_len(text);

    if (as != NULL && fchown(fd, as->st_uid, as->st_gid) != 0)
        return 0;
    if (fchmod(fd, mode) != 0)
        return 0;
    while (left > 0) {
        ssize_t n = write(fd, bytes, left);

        if (n < 0 && errno != EINTR)
            return 0;
        bytes += n > 0 ? n : 0;
        left -= n > 0 ? (apr_size_t)n : 0;
    }
    return fsync(fd) == 0;
}

/* Make or replace `path`. @param as  whose owner it gets; NULL: ours */
static gt_err_t *put(const char *path, const gt_secret_t *text, const struct stat *as, mode_t mode,
                     apr_pool_t *p)
{
    char *beside = apr_pstrcat(p, path, ".XXXXXX", NULL);
    int fd = mkstemp(beside);
    int is_there;

    if (fd < 0)
        return unmade(apr_pstrcat(p, "a file beside ", path, " cannot be made", NULL), p);
    is_there = fill(fd, text, as, mode);
    is_there = close(fd) == 0 && is_there;
    /* A file that came within the last moment is another program's and is not replaced. */
    is_there = is_there && (as != NULL ? rename(beside, path) : link(beside, path)) == 0;
    if (is_there && as != NULL)
        return GT_OK;
    gt_err_t *err = is_there ? GT_OK : unmade(apr_pstrcat(p, path, " cannot be written", NULL), p);

    unlink(beside);
    return err;
}

static void sync_folder(const char *path, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');
    int fd = open(slash == NULL ? "." : apr_pstrmemdup(p, path, (apr_size_t)(slash - path) + 1),
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

gt_err_t *ctl_keyfile_write(ctl_keyfile_t *file, const gt_secret_t *text, apr_pool_t *p)
{
    const struct stat *as = file->fd >= 0 ? &file->seen : NULL;

    if (as != NULL)
        GT_TRY(put(apr_pstrcat(p, file->path, ".backup", NULL), file->text, as, 0600, p));
    GT_TRY(put(file->path, text, as, as != NULL ? as->st_mode & 07777 : 0600, p));
    sync_folder(file->path, p);
    return GT_OK;
}
