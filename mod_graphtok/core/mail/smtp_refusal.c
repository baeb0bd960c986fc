/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file smtp_refusal.c
 * A reply that says no: by its enhanced status (RFC 3463) or its code, and where the session is.
 * The first row that fits counts.
 */

#include <string.h>

#include <apr_strings.h>

#include "mail/smtp_session.h"

#define PASSES_IN apr_time_from_sec(60)
#define ANYWHERE (-1)

static const struct {
    int place;          /* a gt_smtp_place_t, or ANYWHERE */
    int code;           /* or 0: any that begins with 5 */
    const char *status; /* or NULL: any */
    gt_class_t cls;
    int http; /* status; 0: the class's */
    const char *tag;
    const char *meaning;
} rows[] = {
    {GT_SMTP_AT_TOKEN, 0, "5.7.139", GT_FORBIDDEN, 0, "GT1651",
     "sending by SMTP is switched off for this mailbox or its organization"},
    {GT_SMTP_AT_TOKEN, 0, NULL, GT_SIGN_IN, 0, "GT1650", "the mail server refuses the token"},
    {GT_SMTP_AT_PASSWORD, 0, NULL, GT_FORBIDDEN, 0, "GT1652",
     "the mail server refuses the account's password (graphtokctl account password)"},
    {ANYWHERE, 0, "5.3.4", GT_TOO_LARGE, 0, "GT1653", "the mail is too large for the mail server"},
    {ANYWHERE, 0, "5.2.3", GT_TOO_LARGE, 0, "GT1653", "the mail is too large for the mail server"},
    {GT_SMTP_AT_SENDER, 552, NULL, GT_TOO_LARGE, 0, "GT1653",
     "the mail is too large for the mail server"},
    {GT_SMTP_AT_MESSAGE, 552, NULL, GT_TOO_LARGE, 0, "GT1653",
     "the mail is too large for the mail server"},
    {GT_SMTP_AT_SENDER, 0, NULL, GT_FORBIDDEN, 0, "GT1654",
     "the mail server sends nothing from this address"},
    {GT_SMTP_AT_RECIPIENT, 0, NULL, GT_REFUSED, 422, "GT1655",
     "the mail server refuses a recipient"},
    {GT_SMTP_AT_MESSAGE, 0, NULL, GT_REFUSED, 422, "GT1656", "the mail server refuses the mail"},
};

static int fits(apr_size_t row, const gt_smtp_reply_t *reply, gt_smtp_place_t place)
{
    return (rows[row].place == ANYWHERE || rows[row].place == (int)place) &&
           (rows[row].code == 0 || rows[row].code == reply->code) &&
           (rows[row].status == NULL || strcmp(rows[row].status, reply->status) == 0);
}

static gt_err_t *told(const gt_smtp_reply_t *reply, gt_class_t cls, const char *tag,
                      const char *meaning, apr_pool_t *p)
{
    return gt_err(p, cls, tag, "%s: %d %s", meaning, reply->code, reply->words);
}

gt_err_t *gt_smtp_refusal(const gt_smtp_reply_t *reply, gt_smtp_place_t place, apr_pool_t *p)
{
    gt_err_t *err;

    if (reply->code / 100 == 4) {
        err = told(reply, GT_UPSTREAM, "GT1657", "the mail server takes no mail now", p);
        err->retry_after = PASSES_IN;
        return err;
    }
    for (apr_size_t i = 0; reply->code / 100 == 5 && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (fits(i, reply, place)) {
            err = told(reply, rows[i].cls, rows[i].tag, rows[i].meaning, p);
            err->status = rows[i].http;
            return err;
        }
    return told(reply, GT_UPSTREAM, "GT1658", "the mail server does not take a command", p);
}
