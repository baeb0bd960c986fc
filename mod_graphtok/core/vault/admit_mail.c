/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file admit_mail.c The scopes that open a mailbox, and the account that is made of them. */

#include "vault/admit_mail.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "oauth/resource.h"
#include "store/mail_account.h"

#define GOOGLE_MAIL "https://mail.google.com/"
#define OUTLOOK "outlook"
#define OUTLOOK_IMAP "IMAP.AccessAsUser.All"

int gt_mail_is_granted(const gt_provider_conf_t *conf, const char *granted, apr_pool_t *p)
{
    if (conf->imap == NULL)
        return 0;
    switch (conf->kind) {
    case GT_KIND_GOOGLE:
        return gt_has_word(granted != NULL ? granted : conf->scope, GOOGLE_MAIL);
    case GT_KIND_MICROSOFT:
        return gt_provider_has_resource(conf, OUTLOOK, p) &&
               gt_has_scope(gt_provider_resource_scope(conf, OUTLOOK, p), OUTLOOK_IMAP);
    default:
        return 1;
    }
}

static gt_err_t *put(const gt_admit_t *admit, const gt_provider_conf_t *conf, gt_store_t *store,
                     apr_pool_t *p)
{
    gt_mail_account_t account = {.owner = admit->key.owner,
                                 .address = admit->identify.identity.email};
    int is_new;

    (void)gt_mail_server_read(&account.incoming, conf->imap, "imap", p);
    if (conf->smtp == NULL || !gt_mail_server_read(&account.outgoing, conf->smtp, "smtp", p))
        account.outgoing = (gt_mail_server_t){0};
    GT_TRY(gt_mail_account_put(&is_new, &account, store, p));
    gt_log(GT_LOG_INFO, NULL, "mail account %" APR_INT64_T_FMT " of user %s at %s %s", account.id,
           account.owner.user, conf->name, is_new ? "was made" : "is due");
    return GT_OK;
}

void gt_admit_mail(const gt_admit_t *admit, apr_pool_t *p)
{
    gt_store_t *store = gt_vault_store(admit->vault, admit->key.store);
    const gt_provider_conf_t *conf =
        gt_provider_conf(gt_vault_provider(admit->vault, admit->key.owner.provider));
    const char *address = admit->identify.identity.email;
    gt_err_t *err;

    if (!gt_mail_is_kept(store, p))
        return;
    if (!gt_mail_is_granted(conf, admit->tokens->scope, p)) {
        gt_log(GT_LOG_INFO, NULL,
               "user %s signed in at %s without the scope of mail, or %s has no GraphTokIMAP: no "
               "mail account was made",
               admit->key.owner.user, conf->name, conf->name);
        return;
    }
    if (address == NULL || strchr(address, '@') == NULL) {
        gt_log(GT_LOG_WARNING, "GT0677",
               "user %s signed in at %s, which vouches for no e-mail address: no mail account was "
               "made",
               admit->key.owner.user, conf->name);
        return;
    }
    err = put(admit, conf, store, p);
    if (err != GT_OK)
        gt_log_err(err, "making the mail account of a sign-in");
}
