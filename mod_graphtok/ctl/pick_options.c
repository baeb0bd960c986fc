/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The options of a pick, shared by the verbs that act on grants and by list. */

#include "pick_options.h"

#include "base/text.h"

#define DAYS_MOST 36500

static const struct argp_option options[] = {
    {"days", 'd', "N", 0, "only tokens that end within N days, or have ended", 0},
    {"store", 's', "NAME", 0, "only this store", 0},
    {"provider", 'p', "NAME", 0, "only at this provider", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    gt_pick_t *pick = state->input;

    if (key == 's')
        pick->store = arg;
    else if (key == 'p')
        pick->provider = arg;
    else if (key != 'd')
        return ARGP_ERR_UNKNOWN;
    else if (!gt_number(&pick->days, arg, 0, DAYS_MOST))
        argp_error(state, "--days %s: a number of days is expected", arg);
    return 0;
}

const struct argp ctl_pick_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
const struct argp ctl_pick_named_argp = {options + 1, parse, NULL, NULL, NULL, NULL, NULL};
