/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * login: a person signs in without a browser on this machine: the code that is shown here is typed
 * in at the provider's page, on any other device (RFC 8628). The tokens are stored as those of any
 * sign-in: for that person, for a user who is named, or for an account of the server itself.
 */

#include "ctl.h"

#include <poll.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/account.h"
#include "oauth/device.h"
#include "oauth/resource.h"
#include "one_grant.h"
#include "progress.h"
#include "store/grant_account.h"
#include "vault/flow/flows.h"
#include "vault/vault.h"

#define SLOWER apr_time_from_sec(5) /* RFC 8628 3.5 */
#define SLOWEST apr_time_from_sec(60)
#define LOOK apr_time_from_msec(500)

typedef struct asked_t {
    ctl_t *ctl;
    ctl_one_grant_t named;
    const char *account;
} asked_t;

/** A login under way. */
typedef struct login_t {
    ctl_t *ctl;
    gt_vault_t *vault;
    gt_grant_key_t key;
    const gt_account_conf_t *account; /* that a person signs in for; NULL: for a user */
    gt_device_t device;
    gt_sign_in_t sign_in;
    apr_interval_time_t interval;
} login_t;

static const struct argp_option options[] = {
    {"account", 'a', "NAME", 0, "for this <GraphTokAccount>", 0}, {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    asked_t *asked = state->input;
    const ctl_one_grant_t *named = &asked->named;

    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = asked->ctl;
        state->child_inputs[1] = &asked->named;
    }
    else if (key == 'a')
        asked->account = arg;
    else if (key == ARGP_KEY_END && asked->account != NULL &&
             (named->user != NULL || named->store != NULL || named->provider != NULL))
        argp_error(state, "--account says user, store and provider itself");
    else if (key == ARGP_KEY_END && named->user != NULL && gt_account_is_user(named->user))
        argp_error(state, "name an account by --account");
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static gt_err_t *find_account(login_t *login, const asked_t *asked, const gt_config_t *config)
{
    const gt_account_conf_t *account = gt_config_account(config, asked->account);
    apr_pool_t *p = asked->ctl->pool;

    if (account == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0920", "there is no <GraphTokAccount %s>",
                      asked->account);
    if (account->grant != GT_GRANT_PASSWORD)
        return gt_err(p, GT_INVALID, "GT0922",
                      "account %s is the application itself (GraphTokAccountGrant "
                      "client-credentials): no person signs in for it",
                      account->name);
    login->key = gt_account_key(config, account, p);
    login->account = account;
    return GT_OK;
}

/** One of two lines for a program, which reads the first one while this program waits. */
static void print_line(const json_t *json)
{
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
}

/** The code goes to standard error for people, and for programs as the first line. */
static void show_code(const login_t *login)
{
    const gt_device_t *device = &login->device;
    json_t *json = gt_json_object(login->ctl->pool);

    fprintf(stderr, "To sign in, open %s and enter the code %s within %s\n", device->page,
            device->user_code, gt_span_text(device->life, login->ctl->pool));
    if (!login->ctl->json)
        return;
    gt_json_set(json, "verification_uri", device->page);
    gt_json_set(json, "user_code", device->user_code);
    gt_json_set_number(json, "expires_in", apr_time_sec(device->life));
    print_line(json);
}

static void show_result(const login_t *login)
{
    const gt_grant_t *grant = login->sign_in.grant;
    const char *email = login->sign_in.identity.email;
    json_t *json = gt_json_object(login->ctl->pool);

    if (login->account != NULL && (email == NULL || strcasecmp(email, login->account->user) != 0))
        gt_log(GT_LOG_WARNING, "GT0924",
               "%s signed in for account %s, whose GraphTokAccountUser is %s: the account acts as "
               "that person from now on",
               email != NULL ? email : "a person without an e-mail address", login->account->name,
               login->account->user);
    if (!login->ctl->json) {
        printf("signed in%s%s: user %s at %s in store %s\n", email != NULL ? " as " : "",
               email != NULL ? email : "", grant->owner.user, grant->owner.provider,
               login->key.store);
        return;
    }
    gt_json_set(json, "user", grant->owner.user);
    gt_json_set(json, "provider", grant->owner.provider);
    gt_json_set(json, "store", login->key.store);
    gt_json_set(json, "email", email);
    print_line(json);
}

/** Wait until the next question. A signal ends that at once, or within LOOK where another thread
 * got it. */
static void wait_a_while(const login_t *login)
{
    const apr_time_t until = gt_ticks() + login->interval;
    apr_interval_time_t left;

    while ((left = until - gt_ticks()) > 0 && !ctl_stop_asked())
        poll(NULL, 0, (int)apr_time_as_msec(left < LOOK ? left : LOOK) + 1);
}

/** Of the scopes that the person agrees to, those of the default resource; NULL: the provider's. */
static const char *token_scope(const login_t *login)
{
    if (login->account == NULL || login->account->scope == NULL)
        return NULL;
    return gt_scopes_of_resource(login->account->scope, NULL,
                                 gt_provider_conf(login->device.provider), login->ctl->pool);
}

static gt_err_t *ask(login_t *login)
{
    static const gt_asker_t asker = {.route = "graphtokctl login"};

    login->sign_in = (gt_sign_in_t){.vault = login->vault,
                                    .key = login->key,
                                    .asker = &asker,
                                    .flow = &gt_flow_device_code,
                                    .params = login->device.code,
                                    .scope = token_scope(login)};
    return ctl_vault_wait(login->vault, &gt_sign_in, &login->sign_in, login->ctl->pool);
}

/** Plan the next question, perhaps after a longer time than before. 0: there is none. */
static int plan_next(login_t *login, const gt_err_t *err)
{
    if (gt_flow_is_too_fast(err))
        login->interval += SLOWER;
    else if (!gt_flow_device_code.is_pending(err)) {
        if (err->cls != GT_UPSTREAM && err->cls != GT_TIMEOUT && err->cls != GT_THROTTLED)
            return 0;
        if (2 * login->interval <= SLOWEST)
            login->interval *= 2;
    }
    return 1;
}

static gt_err_t *wait_for_user(login_t *login)
{
    const apr_time_t ends_at = gt_ticks() + login->device.life;
    gt_err_t *err;

    login->interval = login->device.interval;
    do {
        wait_a_while(login);
        if (ctl_stop_asked())
            err = gt_err(login->ctl->pool, GT_CANCELLED, "GT0923",
                         "stopped before the sign-in was done; nothing was stored");
        else if (gt_ticks() >= ends_at)
            err = gt_flow_device_code_over(login->ctl->pool);
        else
            err = ask(login);
    } while (err != GT_OK && plan_next(login, err));
    return err;
}

static gt_err_t *sign_in(login_t *login)
{
    apr_pool_t *p = login->ctl->pool;

    /* Before the person does anything: without its columns the row would be a person's. */
    if (login->account != NULL)
        GT_TRY(gt_grant_accounts_check(gt_vault_store(login->vault, login->key.store), p));
    login->device.provider = gt_vault_provider(login->vault, login->key.owner.provider);
    login->device.scope = login->account != NULL ? login->account->scope : NULL;
    GT_TRY(ctl_vault_wait(login->vault, &gt_device_begin, &login->device, p));
    ctl_stop_begin();
    show_code(login);
    return wait_for_user(login);
}

gt_err_t *ctl_login(ctl_t *ctl, int argc, char **argv)
{
    const struct argp_child children[] = {ctl_common[0], {&ctl_one_grant_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {
        options,  parse, "[USER]", "Sign a person in without a browser on this machine.",
        children, NULL,  NULL};
    asked_t asked = {.ctl = ctl};
    login_t login = {.ctl = ctl};
    gt_config_t *config;
    gt_err_t *err;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    GT_TRY(ctl_config(&config, ctl));
    if (asked.account != NULL)
        GT_TRY(find_account(&login, &asked, config));
    else /* Without a user, the identity gives the id. */
        GT_TRY(ctl_one_grant(&login.key, &asked.named, config, ctl->pool));
    GT_TRY(ctl_vault_open(&login.vault, config, ctl->pool));
    err = sign_in(&login);
    if (err == GT_OK)
        show_result(&login);
    ctl_vault_close(login.vault, ctl->pool);
    return err;
}
