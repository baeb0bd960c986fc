/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_TREE_H
#define GTM_TREE_H

/**
 * @file tree.h
 * Walking httpd's own configuration tree (ap_conftree) after all directives were read: it knows
 * which section a directive stands in, which no other structure of httpd tells. IfModule, Include
 * and the like are resolved in it already. Parent only, while the configuration is read or checked.
 */

#include <httpd.h>
#include <http_config.h>

/** Called for each directive, outer before inner, in the order they were written. */
typedef void(gtm_tree_fn)(void *baton, const ap_directive_t *node);

/** Visit all directives of the tree. */
void gtm_tree_each(gtm_tree_fn *visit, void *baton);

/** 1 when a directive has this name ("SetHandler", "<Location"). */
int gtm_tree_is(const ap_directive_t *node, const char *name);

/** The next word of the arguments, unquoted, a container's closing '>' dropped. "" at the end. */
const char *gtm_tree_word(const char **args, apr_pool_t *p);

/** The innermost container of this name round a directive, or NULL. */
const ap_directive_t *gtm_tree_in(const ap_directive_t *node, const char *container);

/** The virtual host a directive stands in, or NULL: the main server. */
const server_rec *gtm_tree_host(const ap_directive_t *node, const server_rec *servers);

#endif
