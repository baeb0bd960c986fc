/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file imap_refusal.c One row for each response code of RFC 5530 that a session meets. */

#include "imap/imap_refusal.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#define WORDS_MAX 160
#define ALLOWANCE "the mail server allows no more for now, or the mailbox is full"
#define THROTTLE_WAIT apr_time_from_sec(60) /* none of them names one */

static const struct {
    const char *code;
    gt_class_t cls;
    const char *tag; /* NULL, as the meaning: by the secret that was refused */
    const char *meaning;
} rows[] = {
    {"AUTHENTICATIONFAILED", GT_SIGN_IN, NULL, NULL},
    {"EXPIRED", GT_SIGN_IN, NULL, NULL},
    {"AUTHORIZATIONFAILED", GT_FORBIDDEN, "GT1504", "the token does not open this mailbox"},
    {"PRIVACYREQUIRED", GT_UPSTREAM, "GT1505", "the mail server wants TLS"},
    {"UNAVAILABLE", GT_UPSTREAM, "GT1505",
     "the mail server cannot answer now, and is asked again by itself"},
    {"INUSE", GT_UPSTREAM, "GT1505",
     "the mailbox is in use: close the other program that has it open, or wait"},
    {"LIMIT", GT_UPSTREAM, "GT1505", "the mail server's limit is reached"},
    {"OVERQUOTA", GT_THROTTLED, "GT1516", "the mailbox is full: make room in it"},
    {"THROTTLED", GT_THROTTLED, "GT1516", ALLOWANCE},
    {"SERVERBUG", GT_UPSTREAM, "GT1505", "the mail server failed"},
    {"CONTACTADMIN", GT_FORBIDDEN, "GT1504", "the mail server's administrator must be asked"},
    {"NOPERM", GT_FORBIDDEN, "GT1504", "the mailbox allows this user no such thing"},
    {"NONEXISTENT", GT_NOT_FOUND, "GT1506", "the mailbox has no such folder"},
    {"TRYCREATE", GT_NOT_FOUND, "GT1506", "the mailbox has no such folder"},
};

const char *gt_imap_words(const char *text, apr_pool_t *p)
{
    char *words = apr_pstrndup(p, text != NULL ? text : "", WORDS_MAX);

    for (char *c = words; *c != '\0'; c++)
        if (*c < ' ' || *c >= 0x7F)
            *c = '_';
    return words;
}

static gt_err_t *told(const gt_imap_answer_t *answer, gt_class_t cls, const char *tag,
                      const char *meaning, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, cls, tag, "%s: %s%s%s%s", meaning, answer->code != NULL ? "[" : "",
                           gt_imap_words(answer->code, p), answer->code != NULL ? "] " : "",
                           gt_imap_words(answer->text, p));

    if (cls == GT_THROTTLED || cls == GT_UPSTREAM)
        err->retry_after = THROTTLE_WAIT;
    return err;
}

/* Exchange signs in a token of the wrong resource, and then serves it nothing. */
static int is_not_connected(const gt_imap_answer_t *answer)
{
    return answer->text != NULL && strstr(answer->text, "authenticated but not connected") != NULL;
}

/* Gmail and Exchange have no code of their own for their limits, and an ALERT is any text. Such an
 * answer is about no secret and about no message. */
static const struct {
    const char *words;
    gt_class_t cls;
    const char *tag;
    const char *meaning;
} passing[] = {{"Too many simultaneous connections", GT_THROTTLED, "GT1516", ALLOWANCE},
               {"exceeded command or bandwidth limits", GT_THROTTLED, "GT1516", ALLOWANCE},
               {"is throttled", GT_THROTTLED, "GT1516", ALLOWANCE},
               {"Server Unavailable", GT_UPSTREAM, "GT1505", "the mail server cannot answer now"},
               {"System Error", GT_UPSTREAM, "GT1505", "the mail server cannot answer now"}};

static gt_err_t *passing_refusal(const gt_imap_answer_t *answer, apr_pool_t *p)
{
    for (size_t i = 0; answer->text != NULL && i < sizeof(passing) / sizeof(passing[0]); i++)
        if (strstr(answer->text, passing[i].words) != NULL)
            return told(answer, passing[i].cls, passing[i].tag, passing[i].meaning, p);
    return GT_OK;
}

/* The server refuses to sign in. */
static gt_err_t *no_entry(const gt_imap_answer_t *answer, gt_imap_by_t sign_in, apr_pool_t *p)
{
    return sign_in == GT_IMAP_BY_PASSWORD
               ? told(answer, GT_SIGN_IN, "GT1514", "the mail server refuses the password", p)
               : told(answer, GT_SIGN_IN, "GT1503", "the mail server refuses the token", p);
}

gt_err_t *gt_imap_refusal(const gt_imap_answer_t *answer, gt_imap_by_t sign_in, apr_pool_t *p)
{
    gt_err_t *err = passing_refusal(answer, p);

    if (err != GT_OK)
        return err;
    if (is_not_connected(answer))
        return told(answer, GT_FORBIDDEN, "GT1504",
                    "the token is good, but does not open this mailbox: is IMAP on for it, and "
                    "is the token asked for with IMAP's scope of outlook.office.com",
                    p);
    for (size_t i = 0; answer->code != NULL && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcasecmp(answer->code, rows[i].code) == 0)
            return rows[i].cls == GT_SIGN_IN
                       ? no_entry(answer, sign_in, p)
                       : told(answer, rows[i].cls, rows[i].tag, rows[i].meaning, p);
    if (gt_imap_is_named(answer, "BYE"))
        return told(answer, GT_UPSTREAM, "GT1505",
                    "the mail server ends the session; another one begins by itself", p);
    if (gt_imap_is_named(answer, "BAD"))
        return told(answer, sign_in != GT_IMAP_BY_NOTHING ? GT_UPSTREAM : GT_REFUSED, "GT1507",
                    "the mail server does not take a command", p);
    if (sign_in != GT_IMAP_BY_NOTHING)
        return no_entry(answer, sign_in, p);
    return told(answer, GT_REFUSED, "GT1508", "the mail server refuses a command", p);
}
