/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * account add, and passwords of accounts: out of a file or from standard input, never from the
 * command line, where every process of the machine could read them.
 */

#include "verb_account.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin/grant_view.h"
#include "admin/mail_acts.h"
#include "base/address.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/grant.h"

#define PASSWORD_MOST 1024

static gt_err_t *no_password(const char *file, const char *why, apr_pool_t *p)
{
    return gt_err(p, GT_INVALID, "GT0997", "no password in %s: %s",
                  strcmp(file, "-") == 0 ? "standard input" : file, why);
}

/* All of it, up to one byte more than a password and its line end may have. */
static apr_size_t read_all(int fd, char *bytes, apr_size_t most)
{
    apr_size_t len = 0;
    ssize_t got = 1;

    while (len < most && got > 0) {
        got = read(fd, bytes + len, most - len);
        if (got > 0)
            len += (apr_size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    return len;
}

gt_err_t *ctl_account_password(gt_secret_t **password, const char *file, apr_pool_t *p)
{
    const int is_stdin = strcmp(file, "-") == 0;
    char *bytes = apr_pcalloc(p, PASSWORD_MOST + 3);
    int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    apr_size_t len;

    gt_wipe_with_pool(bytes, PASSWORD_MOST + 3, p);
    if (fd < 0)
        return no_password(file, strerror(errno), p);
    len = read_all(fd, bytes, PASSWORD_MOST + 2);
    if (!is_stdin)
        close(fd);
    if (len > 0 && bytes[len - 1] == '\n')
        len--;
    if (len > 0 && bytes[len - 1] == '\r')
        len--;
    if (len == 0 || len > PASSWORD_MOST)
        return no_password(file, "it has one line of 1 to 1024 bytes", p);
    if (gt_has_control(bytes, len))
        return no_password(file, "it has one line, without control characters", p);
    *password = gt_secret_make(bytes, len, p);
    return GT_OK;
}

static gt_err_t *bad(const char *option, const char *why, apr_pool_t *p)
{
    return ctl_usage(gt_err(p, GT_INVALID, "GT0998", "account: %s %s", option, why));
}

/* A server that was typed, else the provider's. */
static gt_err_t *read_server(gt_mail_server_t *server, const char *typed, const char *of_provider,
                             const char *protocol, apr_pool_t *p)
{
    const char *url = typed != NULL ? typed : of_provider;

    *server = (gt_mail_server_t){0};
    if (url == NULL || gt_mail_server_read(server, url, protocol, p))
        return GT_OK;
    return bad(apr_pstrcat(p, "--", protocol, NULL),
               apr_psprintf(p,
                            "'%s' is no such server: %ss://HOST:PORT, or %s://HOST:PORT for "
                            "STARTTLS",
                            gt_printable_line(url, p), protocol, protocol),
               p);
}

static const gt_provider_conf_t *provider_of(const ctl_account_t *asked)
{
    const apr_array_header_t *all = asked->config->providers;

    if (asked->provider != NULL)
        return gt_config_provider(asked->config, asked->provider);
    return all->nelts == 1 ? APR_ARRAY_IDX(all, 0, const gt_provider_conf_t *) : NULL;
}

/* The row holds one name a line. */
static int are_folders(const apr_array_header_t *folders)
{
    for (int i = 0; i < folders->nelts; i++) {
        const char *name = APR_ARRAY_IDX(folders, i, const char *);

        if (*name == '\0' || gt_has_control(name, strlen(name)))
            return 0;
    }
    return 1;
}

static gt_err_t *describe(gt_mail_account_t *account, const ctl_account_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    const gt_provider_conf_t *provider = provider_of(asked);

    if (asked->user == NULL)
        return bad("--user", "is needed: whose account is it?", p);
    if (provider == NULL && asked->provider != NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0943", "there is no provider %s",
                      gt_printable_line(asked->provider, p));
    if (provider == NULL)
        return bad("--provider", "is needed, the name of a <GraphTokProvider>", p);
    if (!gt_is_email(asked->address))
        return bad("ADDRESS", "is needed: the mailbox's, as in office@contoso.com", p);
    if (!are_folders(asked->folders))
        return bad("--folder", "is a folder's name, without control characters", p);
    *account = (gt_mail_account_t){.owner = {asked->user, provider->name},
                                   .address = asked->address,
                                   .by_password = asked->password_file != NULL,
                                   .push = asked->push};
    if (asked->folders->nelts > 0)
        account->folders = apr_array_pstrcat(p, asked->folders, '\n');
    GT_TRY(read_server(&account->incoming, asked->imap, provider->imap, "imap", p));
    if (account->incoming.host == NULL)
        return bad("--imap", "is needed: the provider has no GraphTokIMAP", p);
    return read_server(&account->outgoing, asked->smtp, provider->smtp, "smtp", p);
}

gt_err_t *ctl_account_add(const ctl_account_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    gt_secret_t *password = NULL;
    gt_mail_account_t account;
    gt_store_t *store;

    GT_TRY(describe(&account, asked));
    if (asked->password_file != NULL)
        GT_TRY(ctl_account_password(&password, asked->password_file, p));
    GT_TRY(ctl_account_store(&store, asked));
    GT_TRY(gt_mail_account_add(&account, store, password, p));
    gt_mail_announce(store, &account, "add", NULL);
    if (asked->ctl->json) {
        json_t *json = gt_json_object(p);

        gt_json_set_number(json, "id", account.id);
        ctl_print_json(json);
    }
    else
        printf("made mail account %" APR_INT64_T_FMT " for %s\n", account.id, account.address);
    return GT_OK;
}

static gt_err_t *missing(const ctl_account_t *asked, const gt_store_t *store)
{
    return gt_err(asked->ctl->pool, GT_NOT_FOUND, "GT0995",
                  "store %s has no mail account %" APR_INT64_T_FMT, gt_store_name(store),
                  asked->id);
}

gt_err_t *ctl_account_set_servers(int *changed, const ctl_account_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    gt_mail_account_t *account;
    gt_store_t *store;

    GT_TRY(ctl_account_store(&store, asked));
    GT_TRY(gt_mail_account_get(&account, store, asked->id, NULL, p));
    if (account == NULL)
        return missing(asked, store);
    if (asked->imap != NULL)
        GT_TRY(read_server(&account->incoming, asked->imap, NULL, "imap", p));
    if (asked->smtp != NULL)
        GT_TRY(read_server(&account->outgoing, asked->smtp, NULL, "smtp", p));
    GT_TRY(gt_mail_account_set_servers(changed, store, account, p));
    if (*changed == 0)
        return missing(asked, store);
    gt_mail_announce(store, account, "servers", NULL);
    return GT_OK;
}

gt_err_t *ctl_account_set_password(const ctl_account_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    gt_mail_account_t *account;
    gt_secret_t *password;
    gt_store_t *store;

    GT_TRY(ctl_account_password(&password, asked->password_file, p));
    GT_TRY(ctl_account_store(&store, asked));
    GT_TRY(gt_mail_account_get(&account, store, asked->id, NULL, p));
    if (account == NULL)
        return missing(asked, store);
    GT_TRY(gt_mail_account_set_password(store, account, password, p));
    gt_mail_announce(store, account, "set-password", NULL);
    return GT_OK;
}
