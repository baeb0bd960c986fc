/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Connections as httpd's children make them. Run by root, graphtokctl opens the database as the
 * user of httpd's children: with peer authentication PostgreSQL takes the connecting user from the
 * system, and a SQLite file belongs to the user who makes it, so that one of root's would be of no
 * use to them. Everything else stays root's: secrets, the keyring and the configuration are often
 * readable by root alone. The files that SQLite makes later, beside its own, it gives to the owner
 * of that one.
 *
 * The user is changed for the whole process while one thread opens a connection. The gate (db/db)
 * lets one thread in at a time.
 */

#include "ctl.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#define GROUPS_MAX 128
#define NEW_FILES 0027 /* not for others */

typedef struct owner_t {
    gt_db_source_t inner;
    uid_t user;
    gid_t group;
    gid_t groups[GROUPS_MAX], own[GROUPS_MAX]; /* the user's, and root's */
    int group_count, own_count;
    mode_t mask; /* root's */
} owner_t;

/* 0: the system refuses. */
static int become(owner_t *owner)
{
    owner->mask = umask(NEW_FILES);
    return setgroups((size_t)owner->group_count, owner->groups) == 0 &&
           setegid(owner->group) == 0 && seteuid(owner->user) == 0;
}

/* A failure ends the program: it must not go on with a part of another user's rights. */
static void come_back(const owner_t *owner)
{
    umask(owner->mask);
    if (seteuid(0) != 0 || setegid(0) != 0 || setgroups((size_t)owner->own_count, owner->own) != 0)
        abort();
}

static apr_status_t acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    owner_t *owner = baton;
    apr_status_t status = APR_EGENERAL;

    if (become(owner))
        status = owner->inner.acquire(conn, owner->inner.baton, p);
    else
        conn->why = gt_err(p, GT_INTERNAL, "GT0919",
                           "root cannot become the user %ld of httpd here, to open the database",
                           (long)owner->user);
    come_back(owner);
    return status;
}

static void release(gt_db_conn_t *conn, void *baton)
{
    const owner_t *owner = baton;

    owner->inner.release(conn, owner->inner.baton);
}

void ctl_connect_as_httpd(gt_db_source_t *source, const gt_config_t *config, apr_pool_t *p)
{
    const struct passwd *user = getpwuid((uid_t)config->httpd_user);
    owner_t *owner;

    if (geteuid() != 0 || config->httpd_user == 0)
        return;
    owner = apr_pcalloc(p, sizeof(*owner));
    owner->inner = *source;
    owner->user = (uid_t)config->httpd_user;
    owner->group = (gid_t)config->httpd_group;
    owner->own_count = getgroups(GROUPS_MAX, owner->own);
    owner->own_count = owner->own_count > 0 ? owner->own_count : 0;
    owner->group_count = GROUPS_MAX;
    if (user == NULL ||
        getgrouplist(user->pw_name, owner->group, owner->groups, &owner->group_count) < 0) {
        owner->groups[0] = owner->group;
        owner->group_count = 1;
    }
    /* Where libpq looks for .pgpass. */
    if (user != NULL)
        (void)setenv("HOME", user->pw_dir, 1);
    *source = (gt_db_source_t){owner, acquire, release};
}

void ctl_give_to_httpd(int fd, const gt_config_t *config)
{
    struct stat st;

    if (geteuid() == 0 && config->httpd_user != 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        st.st_uid == 0)
        (void)!fchown(fd, (uid_t)config->httpd_user, (gid_t)config->httpd_group);
}
