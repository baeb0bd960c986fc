/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The configuration tree. Nodes keep directives as they were written: names in any case, arguments
 * still quoted, containers with their '<' and, in the arguments, their '>'.
 */

#include "config/tree.h"

#include <string.h>

#include <apr_strings.h>
#include <util_cfgtree.h>

static void each(const ap_directive_t *first, gtm_tree_fn *visit, void *baton)
{
    for (const ap_directive_t *node = first; node != NULL; node = node->next) {
        visit(baton, node);
        each(node->first_child, visit, baton);
    }
}

void gtm_tree_each(gtm_tree_fn *visit, void *baton)
{
    each(ap_conftree, visit, baton);
}

int gtm_tree_is(const ap_directive_t *node, const char *name)
{
    return strcasecmp(node->directive, name) == 0;
}

const char *gtm_tree_word(const char **args, apr_pool_t *p)
{
    char *word = ap_getword_conf(p, args);
    apr_size_t len = strlen(word);

    if (len > 0 && word[len - 1] == '>' && **args == '\0')
        word[len - 1] = '\0';
    return word;
}

const ap_directive_t *gtm_tree_in(const ap_directive_t *node, const char *container)
{
    for (const ap_directive_t *at = node->parent; at != NULL; at = at->parent) {
        if (gtm_tree_is(at, container))
            return at;
    }
    return NULL;
}

const server_rec *gtm_tree_host(const ap_directive_t *node, const server_rec *servers)
{
    const ap_directive_t *host = gtm_tree_in(node, "<VirtualHost");

    if (host == NULL)
        return NULL;
    for (const server_rec *s = servers; s != NULL; s = s->next) {
        if (s->is_virtual && s->defn_name != NULL && strcmp(s->defn_name, host->filename) == 0 &&
            s->defn_line_number == (unsigned)host->line_num)
            return s;
    }
    return NULL;
}
