/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * names: the names that the configuration has, a line each, for scripts and for the completion of
 * shells. No database is asked.
 */

#include "ctl.h"

#include <string.h>

#include "base/json.h"
#include "conf/entry.h"

typedef struct asked_t {
    ctl_t *ctl;
    const gt_entry_kind_t *kind;
} asked_t;

static const gt_entry_kind_t *kind_named(const char *word)
{
    static const gt_entry_kind_t *const kinds[] = {&gt_entry_account, &gt_entry_client,
                                                   &gt_entry_provider, &gt_entry_store};

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i]->list, word) == 0)
            return kinds[i];
    }
    return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    asked_t *asked = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = asked->ctl;
    else if (key == ARGP_KEY_ARG && asked->kind == NULL)
        asked->kind = kind_named(arg);
    else if (key != ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    if (key == ARGP_KEY_ARG || key == ARGP_KEY_END) {
        if (asked->kind == NULL)
            argp_error(state, "whose names? Say accounts, clients, providers or stores");
    }
    return 0;
}

gt_err_t *ctl_names(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {NULL,
                                     parse,
                                     "accounts|clients|providers|stores",
                                     "Print the names that the configuration has.",
                                     ctl_common,
                                     NULL,
                                     NULL};
    json_t *answer = gt_json_object(ctl->pool), *names = json_array();
    asked_t asked = {.ctl = ctl};
    const apr_array_header_t *entries;
    gt_config_t *config;

    gt_json_put(answer, "names", names);
    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    GT_TRY(ctl_config(&config, ctl));
    entries = gt_entries(config, asked.kind);
    for (int i = 0; i < entries->nelts; i++) {
        const gt_conf_entry_t *entry = APR_ARRAY_IDX(entries, i, gt_conf_entry_t *);

        json_array_append_new(names, json_string(entry->name));
        if (!ctl->json)
            printf("%s\n", entry->name);
    }
    if (ctl->json)
        ctl_print_json(answer);
    return GT_OK;
}
