/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file route_set.c Looking up routes in the sets that the module handed down. Before that there
 * are none. */

#include "config/route_set.h"

#include <string.h>

#include <apr_strings.h>

static const gtm_route_set_t none[] = {{.handler = NULL}};
static const gtm_route_set_t *sets_in_use = none;

void gtm_route_sets_use(const gtm_route_set_t *sets)
{
    sets_in_use = sets;
}

const gtm_route_set_t *gtm_route_sets(void)
{
    return sets_in_use;
}

const gtm_route_set_t *gtm_route_set_find(const char *handler)
{
    for (const gtm_route_set_t *set = sets_in_use; set->handler != NULL; set++)
        if (strcmp(set->handler, handler) == 0)
            return set;
    return NULL;
}

int gtm_route_is_set(const char *handler)
{
    return handler != NULL && gtm_route_set_find(handler) != NULL;
}

int gtm_route_is_administration(const char *handler)
{
    return (gtm_route_set_find(handler)->routes->demands & GTM_ADMINISTRATOR) != 0;
}

static int has_name(const gtm_route_t *routes, const char *name)
{
    for (; routes != NULL && routes->name != NULL; routes++)
        if (strcmp(routes->name, name) == 0)
            return 1;
    return 0;
}

int gtm_route_has(const char *handler, const char *name)
{
    const gtm_route_set_t *set = gtm_route_set_find(handler);

    return has_name(set->routes, name) || has_name(set->api, name);
}

int gtm_route_is_name(const char *name)
{
    for (const gtm_route_set_t *set = sets_in_use; set->handler != NULL; set++)
        if (gtm_route_has(set->handler, name))
            return 1;
    return 0;
}

/* Some routes share a name: it is told once. */
static void add_names(apr_array_header_t *names, const gtm_route_t *routes)
{
    for (; routes != NULL && routes->name != NULL; routes++) {
        int is_told = 0;

        for (int i = 0; i < names->nelts; i++)
            is_told |= strcmp(APR_ARRAY_IDX(names, i, const char *), routes->name) == 0;
        if (!is_told)
            APR_ARRAY_PUSH(names, const char *) = routes->name;
    }
}

const char *gtm_route_names(const char *handler, apr_pool_t *p)
{
    const gtm_route_set_t *set = gtm_route_set_find(handler);
    apr_array_header_t *names = apr_array_make(p, 16, sizeof(const char *));

    add_names(names, set->routes);
    add_names(names, set->api);
    return apr_array_pstrcat(p, names, ' ');
}
