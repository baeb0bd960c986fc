/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_MOUNTS_H
#define GTM_MOUNTS_H

/**
 * @file mounts.h
 * Where our handlers are mounted, found once in check_config. Built in the parent while the
 * configuration is read; constant afterwards, so any thread may read it.
 */

#include "config/settings.h"

/**
 * Find every `SetHandler graphtok-…`, longest path first.
 * @param mounts  array of gtm_mount_t
 * @param errors  array of const char *, "FILE:LINE: text", for those that cannot work
 * @param s       the main server
 */
void gtm_mounts_find(apr_array_header_t *mounts, apr_array_header_t *errors, const server_rec *s,
                     apr_pool_t *p);

/** The fixed path that a directive of the tree holds for: its Location's without trailing slash, ""
 * outside of one; NULL with *why, as the middle of a sentence, where there is none. */
const char *gtm_mounts_path(const char **why, const ap_directive_t *node, apr_pool_t *p);

/** 1 when `path` is `prefix` or below it; neither has a trailing slash. */
int gtm_mounts_is_below(const char *path, const char *prefix);

/** The settings that hold at a mount: the server's, and those of every Location its path is in, in
 * httpd's order. `s` is the main server, for mounts of all hosts. */
const gtm_dir_t *gtm_mount_settings(const gtm_mount_t *mount, const server_rec *s, apr_pool_t *p);

#endif
