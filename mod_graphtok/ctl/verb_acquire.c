/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * acquire: have tokens of accounts of the server itself, of those that are named or of all. A token
 * that is there and lasts is left; --force has the provider asked, also where a password was
 * refused lately.
 */

#include "ctl.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "conf/account.h"
#include "vault/vault.h"

typedef struct asked_t {
    ctl_t *ctl;
    const char *type; /* of tokens; NULL: any */
    int force;
    apr_array_header_t *names; /* of const char *; none: all accounts */
    json_t *results;
} asked_t;

static const struct argp_option options[] = {
    {"token-type", 't', "TYPE", 0, "accounts of this type alone: ropc or client_credentials", 0},
    {"force", 'f', NULL, 0,
     "ask the provider also where there is a valid token, or where it has refused the account", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

/** The type of its tokens, as programs and tables call it. */
static const char *type_of(const gt_account_conf_t *account)
{
    return account->grant == GT_GRANT_PASSWORD ? "ropc" : "client_credentials";
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    asked_t *asked = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = asked->ctl;
    else if (key == 't' && strcmp(arg, "ropc") != 0 && strcmp(arg, "client_credentials") != 0)
        argp_error(state, "--token-type is ropc or client_credentials");
    else if (key == 't')
        asked->type = arg;
    else if (key == 'f')
        asked->force = 1;
    else if (key == ARGP_KEY_ARG)
        APR_ARRAY_PUSH(asked->names, const char *) = arg;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static int is_meant(const asked_t *asked, const gt_account_conf_t *account)
{
    if (asked->type != NULL && strcmp(asked->type, type_of(account)) != 0)
        return 0;
    for (int i = 0; i < asked->names->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(asked->names, i, const char *), account->name) == 0)
            return 1;
    return asked->names->nelts == 0;
}

static gt_err_t *check_names(const asked_t *asked, const gt_config_t *config)
{
    int found = 0;

    for (int i = 0; i < asked->names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(asked->names, i, const char *);

        if (gt_config_account(config, name) == NULL)
            return gt_err(asked->ctl->pool, GT_NOT_FOUND, "GT0920",
                          "there is no <GraphTokAccount %s>", name);
    }
    for (int i = 0; i < config->accounts->nelts; i++)
        found += is_meant(asked, APR_ARRAY_IDX(config->accounts, i, gt_account_conf_t *));
    if (found > 0)
        return GT_OK;
    return gt_err(asked->ctl->pool, GT_NOT_FOUND, "GT0921",
                  asked->type != NULL ? "there is no <GraphTokAccount NAME> of this token type"
                                      : "there is no <GraphTokAccount NAME> in the configuration");
}

static void tell(asked_t *asked, const gt_account_conf_t *account, const gt_token_for_t *params,
                 const gt_err_t *err)
{
    apr_pool_t *p = asked->ctl->pool;
    json_t *json = json_object();

    gt_json_set(json, "account", account->name);
    gt_json_set(json, "token_type", type_of(account));
    gt_json_set_bool(json, "ok", err == GT_OK);
    if (err == GT_OK)
        gt_json_set_time(json, "expires_at", params->token.expires_at, p);
    gt_json_set(json, "tag", err != GT_OK ? err->tag : NULL);
    gt_json_set(json, "code", err != GT_OK ? err->code : NULL);
    gt_json_set(json, "says", err != GT_OK ? err->detail : NULL);
    json_array_append_new(asked->results, json);
    if (err != GT_OK && asked->ctl->exit_code == 0)
        asked->ctl->exit_code = gt_err_exit_code(err);
    if (err != GT_OK)
        fprintf(stderr, "graphtokctl: %s: %s: %s\n", err->tag, account->name, err->detail);
    else if (!asked->ctl->json)
        printf("%s: a token until %s\n", account->name, gt_rfc3339(params->token.expires_at, p));
}

static void acquire(asked_t *asked, gt_vault_t *vault, const gt_account_conf_t *account)
{
    static const gt_asker_t asker = {.route = "graphtokctl acquire"};
    apr_pool_t *p = asked->ctl->pool;
    gt_token_for_t params = {.vault = vault,
                             .key.grant = gt_account_key(gt_vault_parts(vault)->config, account, p),
                             .use = GT_USE_LOOK,
                             .asker = &asker,
                             .anew = asked->force};

    tell(asked, account, &params, ctl_vault_wait(vault, &gt_token_for, &params, p));
}

gt_err_t *ctl_acquire(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options,    parse, "[NAME...]", "Have tokens of the server's own accounts.",
        ctl_common, NULL,  NULL};
    json_t *answer = gt_json_object(ctl->pool);
    asked_t asked = {.ctl = ctl,
                     .names = apr_array_make(ctl->pool, 2, sizeof(const char *)),
                     .results = json_array()};
    gt_config_t *config;
    gt_vault_t *vault;

    gt_json_put(answer, "accounts", asked.results);
    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    GT_TRY(ctl_config(&config, ctl));
    GT_TRY(check_names(&asked, config));
    GT_TRY(ctl_vault_open(&vault, config, ctl->pool));
    for (int i = 0; i < config->accounts->nelts; i++) {
        const gt_account_conf_t *account = APR_ARRAY_IDX(config->accounts, i, gt_account_conf_t *);

        if (is_meant(&asked, account))
            acquire(&asked, vault, account);
    }
    ctl_vault_close(vault, ctl->pool);
    if (ctl->json)
        ctl_print_json(answer);
    return GT_OK;
}
