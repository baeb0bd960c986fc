/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The rights of httpd's children in a file. access(2) would judge the parent, which is root and may
 * do everything. */

#include "config/child_user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <apr_strings.h>
#include <unixd.h>

#define GROUPS_MAX 64

/* Without root no child can be another user. */
static uid_t user_id(void)
{
    return geteuid() == 0 ? ap_unixd_config.user_id : geteuid();
}

static gid_t group_id(void)
{
    return geteuid() == 0 ? ap_unixd_config.group_id : getegid();
}

static int is_in_group(gid_t group)
{
    const struct passwd *user = getpwuid(user_id());
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;

    if (group == group_id())
        return 1;
    if (user == NULL || getgrouplist(user->pw_name, group_id(), groups, &count) < 0)
        return 0;
    for (int i = 0; i < count; i++) {
        if (groups[i] == group)
            return 1;
    }
    return 0;
}

int gtm_child_may(const struct stat *file, mode_t rights)
{
    if (user_id() == 0)
        return 1;
    if (file->st_uid == user_id())
        rights <<= 6;
    else if (is_in_group(file->st_gid))
        rights <<= 3;
    return (file->st_mode & rights) == rights;
}

const char *gtm_child_user(apr_pool_t *p)
{
    const struct passwd *user = getpwuid(user_id());

    return user != NULL ? apr_pstrdup(p, user->pw_name) : apr_psprintf(p, "%ld", (long)user_id());
}
