/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * token: a user's valid token for a script, as an application behind httpd would get it; refreshed
 * through the lease when it must be. Not shown on a terminal, where it would stay in the
 * scroll-back and in a recording of the session.
 */

#include "ctl.h"

#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/secret.h"
#include "oauth/resource.h"
#include "one_grant.h"
#include "vault/vault.h"

typedef struct asked_t {
    ctl_t *ctl;
    ctl_one_grant_t named;
    const char *resource; /* NULL: the default one */
    int force;
} asked_t;

static const struct argp_option options[] = {
    {"resource", 'r', "NAME", 0,
     "for this resource, by name or address, such as outlook; default: graph", 0},
    {"force", 'f', NULL, 0, "print it even on a terminal", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    asked_t *asked = state->input;

    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = asked->ctl;
        state->child_inputs[1] = &asked->named;
    }
    else if (key == 'r')
        asked->resource = arg;
    else if (key == 'f')
        asked->force = 1;
    else if (key == ARGP_KEY_END && asked->named.user == NULL)
        argp_error(state, "whose token? Name the USER");
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static void print_text(const gt_secret_t *token)
{
    fwrite(gt_secret_text(token), 1, gt_secret_len(token), stdout);
    fputc('\n', stdout);
}

static void print_json(const gt_token_for_t *params, const asked_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    json_t *json = gt_json_object(p);
    const json_t *token;

    gt_json_set(json, "token", gt_secret_text(params->token.access));
    gt_json_set_time(json, "expires_at", params->token.expires_at, p);
    gt_json_set(json, "user", params->key.grant.owner.user);
    gt_json_set(json, "provider", params->key.grant.owner.provider);
    gt_json_set(json, "store", params->key.grant.store);
    if (asked->resource != NULL)
        gt_json_set(json, "resource", params->key.resource);
    gt_json_set(json, "scope", params->token.scope);
    ctl_print_json(json);
    token = json_object_get(json, "token");
    if (json_is_string(token))
        OPENSSL_cleanse((void *)json_string_value(token), json_string_length(token));
}

/** A resource by its name or its address; one that is not known is told by the vault. */
static const char *resource_of(const asked_t *asked, const gt_provider_conf_t *conf)
{
    const char *known = asked->resource != NULL && conf != NULL
                            ? gt_provider_resource_named(conf, asked->resource, asked->ctl->pool)
                            : NULL;

    return known != NULL ? known : asked->resource;
}

static gt_err_t *get(gt_token_for_t *params, const asked_t *asked, const gt_config_t *config)
{
    apr_pool_t *p = asked->ctl->pool;
    static const gt_asker_t asker = {.route = "graphtokctl token"};
    gt_err_t *err;

    GT_TRY(ctl_one_grant(&params->key.grant, &asked->named, config, p));
    params->key.resource =
        resource_of(asked, gt_config_provider(config, params->key.grant.owner.provider));
    GT_TRY(ctl_vault_open(&params->vault, config, p));
    params->asker = &asker;
    err = ctl_vault_wait(params->vault, &gt_token_for, params, p);
    if (err == GT_OK)
        gt_vault_used(params->vault, &params->key.grant);
    ctl_vault_close(params->vault, p);
    return err;
}

gt_err_t *ctl_token(ctl_t *ctl, int argc, char **argv)
{
    const struct argp_child children[] = {ctl_common[0], {&ctl_one_grant_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {options,  parse, "USER", "Print a user's valid token.",
                              children, NULL,  NULL};
    asked_t asked = {.ctl = ctl};
    gt_token_for_t params = {.refresh_now = 0};
    gt_config_t *config;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    if (isatty(STDOUT_FILENO) && !asked.force)
        return ctl_usage(
            gt_err(ctl->pool, GT_INVALID, "GT0944",
                   "a token does not belong on a terminal: send the output elsewhere, or say "
                   "--force"));
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(get(&params, &asked, config));
    if (ctl->json)
        print_json(&params, &asked);
    else
        print_text(params.token.access);
    return GT_OK;
}
