/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file route_set.c Looking up routes in the sets that the module handed down. Before that there
 * are none. */

#include "config/route_set.h"

#include <string.h>

#include <apr_strings.h>

static const gtm_route_set_t none[] = {{NULL, NULL, 0}};
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

int gtm_route_has(const char *handler, const char *name)
{
    for (const gtm_route_t *route = gtm_route_set_find(handler)->routes; route->name != NULL;
         route++)
        if (strcmp(route->name, name) == 0)
            return 1;
    return 0;
}

int gtm_route_is_name(const char *name)
{
    for (const gtm_route_set_t *set = sets_in_use; set->handler != NULL; set++)
        if (gtm_route_has(set->handler, name))
            return 1;
    return 0;
}

/* Some routes share a name: it is told once. */
static int is_told(const gtm_route_t *routes, const gtm_route_t *route)
{
    for (const gtm_route_t *before = routes; before < route; before++)
        if (strcmp(before->name, route->name) == 0)
            return 1;
    return 0;
}

const char *gtm_route_names(const char *handler, apr_pool_t *p)
{
    const gtm_route_t *routes = gtm_route_set_find(handler)->routes;
    const char *names = "";

    for (const gtm_route_t *route = routes; route->name != NULL; route++)
        if (!is_told(routes, route))
            names = apr_pstrcat(p, names, *names ? " " : "", route->name, NULL);
    return names;
}
