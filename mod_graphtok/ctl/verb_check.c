/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * check: everything that a sign-in needs, one line each, with the remedy where it is wrong.
 * Nothing is changed, and no user is touched. Each part is looked at, also after one that failed.
 * The provider's endpoints are the exception: without its metadata they are not known.
 *
 * Two questions to a provider have no side effect and show what only a sign-in would: a refresh
 * token that cannot exist is refused as such when client id and secret are right, and an
 * authorization request with prompt=none comes back to the redirect URI (with login_required) only
 * when that is registered, since a provider that does not know it shows a page of its own.
 */

#include "verb_check.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/source.h"
#include "base/text.h"
#include "conf/client_secret.h"
#include "crypt/client_key.h"
#include "net/loop.h"
#include "net/transfer.h"
#include "net/url.h"
#include "oauth/login.h"
#include "oauth/token.h"
#include "task/wait.h"
#include "terminal.h"
#include "triage/rules.h"
#include "vault/flow/flows.h"

#define LONGEST apr_time_from_sec(60)
#define NO_TOKEN "0.graphtokctl-check"

/** One question to a provider's authorization endpoint. */
typedef struct return_t {
    gt_provider_t *provider;
    const char *redirect_uri;
    gt_discover_t discover;
    gt_transfer_t *transfer;
} return_t;

static const struct argp_option options[] = {
    {"url", 'u', "URL", 0,
     "scheme, host and port that browsers use; default: what GraphTokPublicURL says", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    check_t *check = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = check->ctl;
    else if (key == 'u')
        check->url = arg;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

void ctl_check_tell(check_t *check, const char *what, const gt_err_t *err, const char *fine)
{
    const char *end = ctl_hue_end(check->ctl, stdout);
    json_t *json = json_object();

    gt_json_set(json, "what", what);
    gt_json_set_bool(json, "ok", err == GT_OK);
    gt_json_set(json, "tag", err != GT_OK ? err->tag : NULL);
    gt_json_set(json, "says", err != GT_OK ? err->detail : fine);
    json_array_append_new(check->steps, json);
    if (err != GT_OK && check->ctl->exit_code == 0)
        check->ctl->exit_code = gt_err_exit_code(err);
    if (check->ctl->json)
        return;
    if (err == GT_OK)
        printf("%sOK%s     %s: %s\n", ctl_hue(check->ctl, stdout, CTL_GOOD), end, what, fine);
    else
        printf("%sWRONG%s  %s: %s: %s\n", ctl_hue(check->ctl, stdout, CTL_BAD), end, what, err->tag,
               err->detail);
}

/* ---- keys and secrets ---- */

/** "keyring", "keyring of store beta" */
static void check_keyrings(check_t *check)
{
    apr_pool_t *p = check->ctl->pool;
    const apr_array_header_t *all = gt_keys_make_all(check->config, p);

    for (int i = 0; i < all->nelts; i++) {
        gt_keys_t *keys = APR_ARRAY_IDX(all, i, gt_keys_t *);
        const char *what = keys->name + strlen("the "), *shown = gt_keys_shown(keys, p);

        if (!ctl_keys_are_ours(keys, p))
            ctl_check_tell(check, what, GT_OK, apr_pstrcat(p, shown, ", for httpd alone", NULL));
        else
            ctl_check_tell(check, what, ctl_keys_read(keys, p), shown);
    }
}

static const char *const credential_names[] = {
    "client secret", "second client secret", "client certificate", "client key", "federated token"};

/** Of a file alone or with another that belongs to it. */
static gt_err_t *judge_credential(const gt_provider_conf_t *conf, const gt_source_t *source,
                                  const gt_secret_t *value, const gt_secret_t *before,
                                  apr_pool_t *p)
{
    gt_client_key_t *key;
    apr_int64_t left;

    if (source == conf->client_assertion)
        return gt_client_token_left(&left, value, gt_source_name(source), p);
    if (source != conf->certificate_key || before == NULL)
        return GT_OK;
    GT_TRY(gt_client_key_make(&key, before, value, p));
    gt_client_key_release(key);
    return GT_OK;
}

/** A line for each credential whose end is known. */
static void check_expiries(check_t *check, const gt_provider_conf_t *conf)
{
    apr_pool_t *p = check->ctl->pool;
    gt_expiry_t expiries[GT_EXPIRIES_MAX];
    int count = ctl_expiries(expiries, conf, p);

    for (int i = 0; i < count; i++) {
        int is_over;
        const char *alarm = gt_expiry_alarm(&is_over, &expiries[i], conf, gt_now(), p);
        gt_err_t *err =
            alarm != NULL && is_over ? gt_err(p, GT_CLIENT_BROKEN, "GT0927", "%s", alarm) : GT_OK;

        ctl_check_tell(check,
                       apr_psprintf(p, "end of the client %s of %s", expiries[i].what, conf->name),
                       err, alarm != NULL ? alarm : gt_rfc3339(expiries[i].at, p));
    }
}

static void check_credentials(check_t *check, const gt_provider_conf_t *conf)
{
    apr_pool_t *p = check->ctl->pool;
    gt_secret_t *value = NULL;

    for (int s = 0; s < GT_PROVIDER_SOURCES; s++) {
        const char *directive, *what;
        gt_source_t *source = gt_provider_conf_source(conf, s, &directive);
        gt_secret_t *before = value;
        gt_err_t *err;

        value = NULL;
        if (source == NULL || source == conf->proxy_login)
            continue;
        what = apr_pstrcat(p, credential_names[s], " of ", conf->name, NULL);
        if (ctl_demand_readable(source, directive, p) != GT_OK) {
            ctl_check_tell(check, what, GT_OK,
                           apr_pstrcat(p, gt_source_name(source), ", for httpd alone", NULL));
            continue;
        }
        err = gt_source_read(&value, source, p);
        if (err == GT_OK)
            err = judge_credential(conf, source, value, before, p);
        ctl_check_tell(check, what, err, gt_source_name(source));
    }
    check_expiries(check, conf);
}

/* ---- mail ---- */

/** httpd has read the file already; graphtokctl may be another user's. */
static void check_triage(check_t *check)
{
    const char *file = check->config->triage_rules;
    gt_triage_rules_t *rules;

    if (file != NULL)
        ctl_check_tell(check, "rules of triage", gt_triage_load(&rules, file, check->ctl->pool),
                       file);
}

/* ---- the database ---- */

static void check_database(check_t *check)
{
    const gt_config_t *config = check->config;
    apr_pool_t *p = check->ctl->pool;
    gt_engine_t engine;
    gt_db_t *db;
    gt_err_t *err = ctl_db(&db, config, p);

    if (err == GT_OK)
        err = gt_db_engine(&engine, db, p);
    ctl_check_tell(check, "database", err, gt_config_database(config, p));
    for (int i = 0; err == GT_OK && i < config->stores->nelts; i++) {
        const gt_store_conf_t *store = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);
        int version;
        gt_err_t *fault = ctl_store_version(&version, store, db, p);

        ctl_check_tell(
            check, apr_pstrcat(p, "store ", store->name, NULL), fault,
            apr_psprintf(p, "table %s, version %d, with its rights", store->table, version));
    }
}

/* ---- the provider ---- */

static gt_err_t *ask_whereabouts(gt_task_t *task, void *state)
{
    return_t *params = state;

    params->discover.provider = params->provider;
    gt_then(task, &gt_discover, &params->discover);
    return GT_OK;
}

static gt_err_t *ask_to_return(gt_task_t *task, void *state)
{
    static const gt_login_extra_t silent = {.prompt = "none"};
    return_t *params = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_provider_conf_t *conf = gt_provider_conf(params->provider);
    gt_login_t *login = gt_login_make(p);
    gt_request_t request = {.purpose = "check the redirect URI"};

    GT_TRY(gt_provider_route(&request, params->provider, p));
    GT_TRY(gt_login_url(&request.url, login, conf, &params->discover.endpoints,
                        params->redirect_uri, &silent, p));
    GT_TRY(gt_transfer_make(&params->transfer, &request, gt_task_loop(task), p));
    gt_await(task, params->transfer);
    return GT_OK;
}

static gt_err_t *judge_return(gt_task_t *task, void *state)
{
    return_t *params = state;
    apr_pool_t *p = gt_task_pool(task);
    const apr_size_t len = strlen(params->redirect_uri);
    const gt_answer_t *answer;
    const char *to;

    GT_TRY(gt_transfer_error(params->transfer, p));
    answer = gt_transfer_answer(params->transfer);
    to = apr_table_get(answer->headers, "Location");
    if (answer->status >= 300 && answer->status < 400 && to != NULL &&
        strncmp(to, params->redirect_uri, len) == 0 && (to[len] == '?' || to[len] == '&'))
        return GT_OK;
    return gt_err(p, GT_CLIENT_BROKEN, "GT0917",
                  "the provider does not send browsers back to %s (status %d): register exactly "
                  "this redirect URI, of the platform Web, for client id %s",
                  params->redirect_uri, answer->status,
                  gt_provider_conf(params->provider)->client_id);
}

static gt_step_fn *const return_steps[] = {ask_whereabouts, ask_to_return, judge_return, NULL};
static const gt_work_t return_work = {"check the redirect URI", return_steps, NULL};

/** The answer that we want is the refusal of a token that cannot exist. */
static gt_err_t *try_client(gt_provider_t *provider, const char *tenant, const check_t *check)
{
    apr_pool_t *p = check->ctl->pool;
    gt_token_params_t params = {.provider = provider,
                                .flow = &gt_flow_refresh_token,
                                .tenant = tenant,
                                .params = gt_secret_make(NO_TOKEN, strlen(NO_TOKEN), p)};
    gt_err_t *err = gt_wait_run(&gt_token_post, &params, check->loop, LONGEST, p);

    return err == GT_OK || err->cls == GT_SIGN_IN || err->cls == GT_INTERACTION ? GT_OK : err;
}

/** The registrations that tenants have to themselves. */
static void check_tenants(check_t *check, gt_provider_t *provider)
{
    const gt_provider_conf_t *conf = gt_provider_conf(provider);
    apr_pool_t *p = check->ctl->pool;

    for (int i = 0; i < conf->tenant_clients->nelts; i++) {
        const gt_tenant_client_t *client =
            APR_ARRAY_IDX(conf->tenant_clients, i, gt_tenant_client_t *);

        if (ctl_demand_readable(client->client_secret, "", p) == GT_OK)
            ctl_check_tell(
                check, apr_pstrcat(p, "client of ", conf->name, ", tenant ", client->tenant, NULL),
                try_client(provider, client->tenant, check), client->client_id);
    }
}

static int has_provider(const json_t *mount, const gt_provider_conf_t *conf)
{
    const char *names = gt_json_text(json_object_get(mount, "settings"), "providers");
    const char *handler = gt_json_text(mount, "handler");

    return handler != NULL && strcmp(handler, "graphtok-auth") == 0 &&
           (names == NULL || gt_has_word(names, conf->name));
}

/** Of several providers of a place the first needs no name. */
static const char *callback_of(const json_t *mount, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const char *first = gt_json_text(json_object_get(mount, "settings"), "provider");
    const char *path = gt_json_text(mount, "path");

    return first == NULL || strcmp(first, conf->name) == 0
               ? apr_pstrcat(p, path, "/callback", NULL)
               : apr_pstrcat(p, path, "/callback/", conf->name, NULL);
}

static void check_return(check_t *check, gt_provider_t *provider, const json_t *mount)
{
    const char *base = check->url != NULL ? check->url : check->config->public_url;
    apr_pool_t *p = check->ctl->pool;
    const char *path = callback_of(mount, gt_provider_conf(provider), p);
    return_t params = {.provider = provider,
                       .redirect_uri = gt_provider_conf(provider)->redirect_uri};
    gt_err_t *err;

    if (base == NULL && params.redirect_uri == NULL) {
        ctl_check_tell(
            check, "redirect URI",
            ctl_usage(gt_err(p, GT_INVALID, "GT0918",
                             "it is the address of %s as browsers see it: say --url, for instance "
                             "https://www.example.org, or write GraphTokPublicURL",
                             path)),
            NULL);
        return;
    }
    if (params.redirect_uri == NULL)
        params.redirect_uri = apr_pstrcat(p, base, path, NULL);
    err = gt_wait_run(&return_work, &params, check->loop, LONGEST, p);
    ctl_check_tell(check, "redirect URI", err, params.redirect_uri);
}

static void check_provider(check_t *check, const gt_provider_conf_t *conf)
{
    apr_pool_t *p = check->ctl->pool;
    gt_provider_t *provider = gt_provider_make(conf, p);
    gt_discover_t discover = {.provider = provider};
    gt_err_t *err = gt_wait_run(&gt_discover, &discover, check->loop, LONGEST, p);
    apr_size_t i;
    json_t *mount;

    ctl_check_tell(check, apr_pstrcat(p, "provider ", conf->name, NULL), err,
                   apr_pstrcat(p, conf->authority, conf->tenant != NULL ? ", tenant " : NULL,
                               conf->tenant, NULL));
    ctl_check_keys(check, provider, err == GT_OK ? &discover.endpoints : NULL);
    if (err != GT_OK)
        return;
    if (ctl_demand_credentials(conf, p) == GT_OK)
        ctl_check_tell(check, apr_pstrcat(p, "client of ", conf->name, NULL),
                       try_client(provider, NULL, check), conf->client_id);
    check_tenants(check, provider);
    json_array_foreach (check->mounts, i, mount)
        if (has_provider(mount, conf))
            check_return(check, provider, mount);
}

gt_err_t *ctl_check(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options,    parse, "",  "Go through keys, secrets, database, provider and redirect URI.",
        ctl_common, NULL,  NULL};
    const gt_loop_limits_t limits = {4, 4, 1}; /* chains of keys are shown */
    json_t *answer = gt_json_object(ctl->pool);
    check_t check = {.ctl = ctl, .steps = json_array()};

    gt_json_put(answer, "steps", check.steps);
    GT_TRY(ctl_options(ctl, &argp, argc, argv, &check));
    GT_TRY(ctl_config_with_mounts(&check.config, &check.mounts, ctl));
    ctl_check_tell(&check, "configuration", GT_OK, "httpd takes it");
    check_keyrings(&check);
    for (int i = 0; i < check.config->providers->nelts; i++)
        check_credentials(&check, APR_ARRAY_IDX(check.config->providers, i, gt_provider_conf_t *));
    check_triage(&check);
    check_database(&check);
    GT_TRY(gt_loop_start(&check.loop, &limits, ctl->pool));
    for (int i = 0; i < check.config->providers->nelts; i++)
        check_provider(&check, APR_ARRAY_IDX(check.config->providers, i, gt_provider_conf_t *));
    gt_loop_stop(check.loop);
    if (ctl->json)
        ctl_print_json(answer);
    return GT_OK;
}
