/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file password.c
 * The flow that shows an account's password. Behind an account stands no person who could be sent
 * to sign in, so every refusal is the administrator's to mend, and says how. Source: RFC 6749 4.3;
 * Microsoft, "OAuth 2.0 Resource Owner Password Credentials", "Microsoft Entra authentication and
 * authorization error codes".
 */

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "net/url.h"
#include "vault/flow/flows.h"

static void add(gt_form_t *form, const void *params)
{
    const gt_flow_password_t *password = params;

    gt_form_add(form, "username", password->user);
    gt_form_add_secret(form, "password", password->password);
}

static const void *copy(const void *params, apr_pool_t *p)
{
    const gt_flow_password_t *from = params;
    gt_flow_password_t *password = apr_palloc(p, sizeof(*password));

    password->user = apr_pstrdup(p, from->user);
    password->password = gt_secret_dup(from->password, p);
    return password;
}

#define SIGN_IN_INSTEAD                                                                            \
    "exempt the account from it, or sign in for it once by graphtokctl login --account, or use "   \
    "GraphTokAccountGrant client-credentials"

/** A cure for each refusal; codes as they stand in an error. */
static const struct {
    const char *codes; /* with blanks round each */
    const char *advice;
} advices[] = {
    {" AADSTS50126 ", "correct GraphTokAccountUser, or what GraphTokAccountPassword gives; if both "
                      "are right, the account may be a federated or passwordless one, which this "
                      "grant cannot serve"},
    {" AADSTS50034 AADSTS51004 AADSTS50020 AADSTS90072 AADSTS500207 AADSTS500208 ",
     "correct GraphTokAccountUser and GraphTokTenant; personal accounts and guests cannot be used "
     "by this grant"},
    {" AADSTS50053 ",
     "wait until the provider unlocks it, or have an administrator do so, and look "
     "for what else sends wrong passwords of it"},
    {" AADSTS50055 ", "set a new password at the provider, then where GraphTokAccountPassword "
                      "reads it"},
    {" AADSTS50057 ", "enable the account at the provider, or name another one"},
    {" AADSTS50072 AADSTS50074 AADSTS50076 AADSTS50078 AADSTS50079 AADSTS50158 ",
     "a password alone cannot give a second factor: " SIGN_IN_INSTEAD},
    {" AADSTS50097 AADSTS50131 AADSTS53000 AADSTS53001 AADSTS53002 AADSTS53003 AADSTS530032 "
     "AADSTS530034 AADSTS530035 ",
     "Conditional Access or the security defaults stop this grant: " SIGN_IN_INSTEAD},
    {" AADSTS65001 consent_required AADSTS90094 ",
     "grant administrator's consent for the delegated (not application) permissions of "
     "GraphTokAccountScope"},
    {" AADSTS50105 ", "assign the account to the application at the provider"},
    {NULL, "see what the provider's administration says of the account's sign-ins"},
};

static const char *advice_for(const char *code, apr_pool_t *p)
{
    const char *word = apr_pstrcat(p, " ", code != NULL ? code : "", " ", NULL);
    int i = 0;

    while (advices[i].codes != NULL && strstr(advices[i].codes, word) == NULL)
        i++;
    return advices[i].advice;
}

/** 1 for a verdict about the account, however the tables call it. */
static int is_about_account(const gt_err_t *err)
{
    return err->cls == GT_SIGN_IN || err->cls == GT_INTERACTION || err->cls == GT_REFUSED ||
           (err->cls == GT_THROTTLED && err->extent == GT_EXTENT_USER);
}

/** A fault of the registration that this grant alone meets holds back no user. */
static gt_err_t *refused_registration(gt_err_t *err)
{
    err->extent = GT_EXTENT_CALL;
    if (err->code != NULL && strcmp(err->code, "AADSTS7000218") == 0)
        return gt_err_in(err, "allow public client flows in the registration, or give it a "
                              "GraphTokClientSecret");
    return err;
}

static gt_err_t *refused(gt_err_t *err)
{
    gt_err_t *ours;

    if (err->cls == GT_CLIENT_BROKEN &&
        (err->extent < GT_EXTENT_REGISTRATION ||
         (err->code != NULL && strcmp(err->code, "AADSTS7000218") == 0)))
        return refused_registration(err);
    if (!is_about_account(err))
        return err;
    ours = gt_err(err->pool, GT_CLIENT_BROKEN, "GT0622", "the account is refused: %s: %s",
                  err->detail, advice_for(err->code, err->pool));
    ours->code = err->code;
    ours->request_id = err->request_id;
    ours->extent = GT_EXTENT_USER;
    return ours;
}

const gt_flow_t gt_flow_password = {"password", "account's password", add, copy, refused, NULL};
