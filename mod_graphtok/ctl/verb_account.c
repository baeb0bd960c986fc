/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * account: mail accounts listed, made and changed. One way out of OAuth in a hurry is the password:
 * for one account or for all of them, and back.
 */

#include "verb_account.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/grant_view.h"
#include "admin/mail_acts.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "terminal.h"

#define PAGE 500
enum { PASSWORD_FILE = 0x200, IMAP, SMTP, FOLDER, PUSH };

static const struct argp_option options[] = {
    {"all", 'A', NULL, 0, "every account, in place of an ID", 0},
    {"store", 's', "NAME", 0, "of this store; default: the one that keeps mail", 0},
    {"user", 'u', "USER", 0, "list: of this user alone; add: whose it is", 0},
    {"provider", 'p', "NAME", 0, "add: whose grants open it; default: the only one", 0},
    {"imap", IMAP, "URL", 0,
     "add, servers: imaps://HOST:PORT or imap://HOST:PORT; default of add: GraphTokIMAP", 0},
    {"smtp", SMTP, "URL", 0,
     "add, servers: smtp://HOST:PORT or smtps://HOST:PORT; default of add: GraphTokSMTP", 0},
    {"folder", FOLDER, "NAME", 0, "add: this folder (again for more); default: all", 0},
    {"push", PUSH, NULL, 0, "add: have news at once (IDLE)", 0},
    {"password-file", PASSWORD_FILE, "FILE", 0,
     "add, password: the mailbox's password out of FILE (-: standard input)", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static const char *word(const ctl_account_t *asked, int n)
{
    return n < asked->words->nelts ? APR_ARRAY_IDX(asked->words, n, const char *) : "";
}

static int is_what(const ctl_account_t *asked, const char *what)
{
    return strcmp(word(asked, 0), what) == 0;
}

/* The place of the account among the words: behind "sync on". */
static int account_at(const ctl_account_t *asked)
{
    return is_what(asked, "sync") ? 2 : 1;
}

static void check_account(ctl_account_t *asked, const struct argp_state *state)
{
    const int at = account_at(asked);

    if (is_what(asked, "sync") && strcmp(word(asked, 1), "on") != 0 &&
        strcmp(word(asked, 1), "off") != 0)
        argp_error(state, "sync on or sync off?");
    if (asked->words->nelts > at + 1 || (asked->words->nelts == at + 1) == asked->all)
        argp_error(state, "which account? Name one ID, or say --all");
    if (!asked->all && !gt_number(&asked->id, word(asked, at), 1, INT64_MAX))
        argp_error(state, "'%s' is no ID of an account: graphtokctl account list shows them",
                   word(asked, at));
}

static void check(ctl_account_t *asked, const struct argp_state *state)
{
    if (is_what(asked, "list")) {
        if (asked->words->nelts > 1)
            argp_error(state, "list takes --user and --store alone");
    }
    else if (is_what(asked, "add")) {
        if (asked->words->nelts != 2)
            argp_error(state, "add wants one ADDRESS");
        asked->address = word(asked, 1);
    }
    else if (is_what(asked, "password") || is_what(asked, "oauth") || is_what(asked, "sync") ||
             is_what(asked, "servers") || is_what(asked, "remove"))
        check_account(asked, state);
    else
        argp_error(state, "list, add, servers, password, oauth, sync or remove?");
    if (is_what(asked, "servers") && asked->imap == NULL && asked->smtp == NULL)
        argp_error(state, "servers wants --imap URL, --smtp URL or both");
    if (asked->all &&
        (is_what(asked, "remove") || is_what(asked, "servers") || asked->password_file != NULL))
        argp_error(state, "that is for one account, by its ID");
}

static error_t parse_value(int key, char *arg, ctl_account_t *asked)
{
    if (key == 's')
        asked->store = arg;
    else if (key == 'u')
        asked->user = arg;
    else if (key == 'p')
        asked->provider = arg;
    else if (key == IMAP)
        asked->imap = arg;
    else if (key == SMTP)
        asked->smtp = arg;
    else if (key == FOLDER)
        APR_ARRAY_PUSH(asked->folders, const char *) = arg;
    else if (key == PASSWORD_FILE)
        asked->password_file = arg;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    ctl_account_t *asked = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = asked->ctl;
    else if (key == 'A')
        asked->all = 1;
    else if (key == PUSH)
        asked->push = 1;
    else if (key == ARGP_KEY_ARG)
        APR_ARRAY_PUSH(asked->words, const char *) = arg;
    else if (key == ARGP_KEY_END)
        check(asked, state);
    else
        return parse_value(key, arg, asked);
    return 0;
}

static int is_meant(const ctl_account_t *asked, const gt_store_conf_t *conf)
{
    return asked->store != NULL ? strcmp(asked->store, conf->name) == 0 : conf->mail_sync;
}

gt_err_t *ctl_account_store(gt_store_t **store, const ctl_account_t *asked)
{
    const apr_array_header_t *stores = asked->config->stores;
    const gt_store_conf_t *meant = NULL;
    apr_pool_t *p = asked->ctl->pool;
    gt_keys_t *keys;

    for (int i = 0; i < stores->nelts; i++) {
        const gt_store_conf_t *conf = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);

        if (is_meant(asked, conf) && meant != NULL)
            return ctl_usage(gt_err(p, GT_INVALID, "GT0996",
                                    "several stores keep mail: say which, --store NAME"));
        if (is_meant(asked, conf))
            meant = conf;
    }
    if (meant == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0996", "%s",
                      asked->store != NULL
                          ? "there is no store of this name"
                          : "no store keeps mail: write GraphTokMailSync on in its section");
    keys = gt_keys_of(gt_keys_make_all(asked->config, p), meant->name);
    /* Keys are needed where a password is sealed alone. */
    if (asked->password_file != NULL)
        GT_TRY(ctl_keys_read(keys, p));
    *store = gt_store_make(meant, asked->db, keys->ring, p);
    return GT_OK;
}

/* ---- list ---- */

static void list_one(const ctl_account_t *asked, const gt_mail_account_t *account, int is_first,
                     apr_pool_t *p)
{
    const char *trouble = gt_mail_trouble(account);

    if (is_first)
        ctl_heading(asked->ctl,
                    apr_psprintf(p, "%8s  %-8s  %-9s  %-20s  %-10s  %-30s  %s", "ID", "STATE",
                                 "METHOD", "LAST SYNC", "PROVIDER", "ADDRESS", "USER"));
    printf("%8" APR_INT64_T_FMT "  %-8s  %-9s  %-20s  %-10s  %-30s  %s\n", account->id,
           gt_mail_state(account), account->by_password ? "password" : "oauth",
           account->last_sync_at != 0 ? gt_rfc3339(account->last_sync_at, p) : "-",
           account->owner.provider, gt_printable_line(account->address, p),
           gt_printable_line(account->owner.user, p));
    if (trouble != NULL)
        printf("%8s  %s\n", "", gt_printable_line(trouble, p));
}

/* A page at a time, in a pool of its own. */
static gt_err_t *list_store(json_t *list, const ctl_account_t *asked, gt_store_t *store)
{
    apr_int64_t after = 0, given = 0;
    apr_array_header_t *page;
    apr_pool_t *p;

    apr_pool_create(&p, asked->ctl->pool);
    do {
        apr_pool_clear(p);
        GT_TRY(gt_mail_account_list(&page, store, asked->user, after, PAGE, p));
        for (int i = 0; i < page->nelts; i++) {
            const gt_mail_account_t *account = &APR_ARRAY_IDX(page, i, gt_mail_account_t);

            after = account->id;
            if (asked->ctl->json)
                json_array_append_new(list, gt_mail_account_json(account, p));
            else
                list_one(asked, account, given++ == 0, p);
        }
    } while (page->nelts == PAGE);
    return GT_OK;
}

static gt_err_t *list(const ctl_account_t *asked)
{
    json_t *answer = gt_json_object(asked->ctl->pool), *accounts = json_array();
    gt_store_t *store;

    gt_json_put(answer, "accounts", accounts);
    GT_TRY(ctl_account_store(&store, asked));
    gt_json_set(answer, "store", gt_store_name(store));
    GT_TRY(list_store(accounts, asked, store));
    if (asked->ctl->json)
        ctl_print_json(answer);
    return GT_OK;
}

/* ---- acts ---- */

static void print_changed(const ctl_account_t *asked, int changed)
{
    json_t *answer = gt_json_object(asked->ctl->pool);

    gt_json_set_number(answer, "changed", changed);
    if (asked->ctl->json)
        ctl_print_json(answer);
    else
        printf("changed %s\n", gt_counted(changed, "account", "accounts", asked->ctl->pool));
}

static gt_err_t *act(const ctl_account_t *asked)
{
    const char *name = word(asked, 0);
    gt_store_t *store;
    int changed;

    if (is_what(asked, "sync"))
        name = strcmp(word(asked, 1), "on") == 0 ? "start" : "stop";
    GT_TRY(ctl_account_store(&store, asked));
    if (asked->password_file != NULL)
        GT_TRY(ctl_account_set_password(asked));
    GT_TRY(
        gt_mail_act(&changed, gt_mail_act_named(name), store, asked->id, NULL, asked->ctl->pool));
    print_changed(asked, changed);
    return GT_OK;
}

static gt_err_t *remove_one(const ctl_account_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    gt_mail_account_t *account;
    gt_store_t *store;
    int changed;

    GT_TRY(ctl_account_store(&store, asked));
    GT_TRY(gt_mail_account_get(&account, store, asked->id, NULL, p));
    GT_TRY(gt_mail_account_delete(&changed, store, asked->id, p));
    if (account == NULL || changed == 0)
        return gt_err(p, GT_NOT_FOUND, "GT0995", "store %s has no mail account %" APR_INT64_T_FMT,
                      gt_store_name(store), asked->id);
    gt_mail_announce(store, account, "remove", NULL);
    print_changed(asked, changed);
    return GT_OK;
}

static gt_err_t *change_servers(const ctl_account_t *asked)
{
    int changed;

    GT_TRY(ctl_account_set_servers(&changed, asked));
    print_changed(asked, changed);
    return GT_OK;
}

gt_err_t *ctl_account(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "list | add ADDRESS | servers ID | password ID | oauth ID | sync on|off ID | remove ID",
        "Show and change mail accounts: how they sign in, and whether their mail is synchronised.",
        ctl_common,
        NULL,
        NULL};
    ctl_account_t asked = {.ctl = ctl, .id = GT_MAIL_ALL};
    gt_config_t *config;

    asked.words = apr_array_make(ctl->pool, 3, sizeof(const char *));
    asked.folders = apr_array_make(ctl->pool, 1, sizeof(const char *));
    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    GT_TRY(ctl_config(&config, ctl));
    asked.config = config;
    GT_TRY(ctl_db(&asked.db, config, ctl->pool));
    if (is_what(&asked, "list"))
        return list(&asked);
    GT_TRY(ctl_audit_start(config, NULL, ctl->pool));
    if (is_what(&asked, "add"))
        return ctl_account_add(&asked);
    if (is_what(&asked, "servers"))
        return change_servers(&asked);
    return is_what(&asked, "remove") ? remove_one(&asked) : act(&asked);
}
