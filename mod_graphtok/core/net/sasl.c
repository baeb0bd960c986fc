/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file sasl.c Each response is a head with the name, the secret, and a tail. */

#include "net/sasl.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "base/secret.h"
#include "base/text.h"

static const struct {
    const char *name, *end;
} mechanisms[] = {[GT_SASL_XOAUTH2] = {"XOAUTH2", ""},
                  [GT_SASL_OAUTHBEARER] = {"OAUTHBEARER", "AQ=="},
                  [GT_SASL_PLAIN] = {"PLAIN", "*"}};

const char *gt_sasl_name(gt_sasl_t mechanism)
{
    return mechanisms[mechanism].name;
}

const char *gt_sasl_end(gt_sasl_t mechanism)
{
    return mechanisms[mechanism].end;
}

int gt_sasl_is_clean(const char *mailbox, const gt_secret_t *secret)
{
    return !gt_has_control(mailbox, strlen(mailbox)) &&
           !gt_has_control(gt_secret_text(secret), gt_secret_len(secret));
}

/* In OAUTHBEARER's header a comma and an equals sign are written out (RFC 5801 section 4). */
static const char *saslname(const char *mailbox, apr_pool_t *p)
{
    char *name = apr_palloc(p, strlen(mailbox) * 3 + 1), *at = name;

    for (; *mailbox != '\0'; mailbox++) {
        if (*mailbox == ',' || *mailbox == '=')
            at += apr_snprintf(at, 4, "=%02X", *mailbox);
        else
            *at++ = *mailbox;
    }
    *at = '\0';
    return name;
}

/* A part of a response; its bytes may be 0. */
typedef struct part_t {
    const char *bytes;
    apr_size_t len;
} part_t;

/* "user=NAME^Aauth=Bearer ", "n,a=NAME,^Aauth=Bearer ", or "^@NAME^@". */
static part_t head_of(gt_sasl_t mechanism, const char *mailbox, apr_pool_t *p)
{
    const char *text;

    if (mechanism == GT_SASL_PLAIN) {
        char *plain = apr_pcalloc(p, strlen(mailbox) + 2);

        memcpy(plain + 1, mailbox, strlen(mailbox));
        return (part_t){plain, strlen(mailbox) + 2};
    }
    text = mechanism == GT_SASL_XOAUTH2
               ? apr_pstrcat(p, "user=", mailbox, "\001auth=Bearer ", NULL)
               : apr_pstrcat(p, "n,a=", saslname(mailbox, p), ",\001auth=Bearer ", NULL);
    return (part_t){text, strlen(text)};
}

gt_secret_t *gt_sasl_response(gt_sasl_t mechanism, const char *mailbox, const gt_secret_t *secret,
                              apr_pool_t *p)
{
    const part_t head = head_of(mechanism, mailbox, p);
    apr_size_t secret_len = gt_secret_len(secret), tail = mechanism == GT_SASL_PLAIN ? 0 : 2;
    apr_size_t len = head.len + secret_len + tail;
    gt_secret_t *plain = gt_secret_blank(len, p);
    gt_secret_t *line = gt_secret_blank((apr_size_t)apr_base64_encode_len((int)len), p);
    char *bytes = (char *)gt_secret_bytes(plain);

    memcpy(bytes, head.bytes, head.len);
    memcpy(bytes + head.len, gt_secret_text(secret), secret_len);
    memcpy(bytes + head.len + secret_len, "\001\001", tail);
    apr_base64_encode((char *)gt_secret_bytes(line), bytes, (int)len);
    gt_secret_wipe(plain);
    return line;
}

/* ---- words of servers ---- */

#define TELLING 6 /* bytes */

/* A server escapes what it quotes. */
static gt_secret_t *unescaped(const char *text, apr_pool_t *p)
{
    gt_secret_t *made = gt_secret_blank(strlen(text), p);
    char *at = (char *)gt_secret_bytes(made);

    for (; *text != '\0'; text++)
        if (*text != '\\')
            *at++ = *text;
    *at = '\0';
    return made;
}

static int tells(const char *words, const char *secret)
{
    const apr_size_t len = strlen(secret), window = len < TELLING ? len : TELLING;

    for (apr_size_t i = 0; window > 0 && i + window <= len; i++)
        if (memmem(words, strlen(words), secret + i, window) != NULL)
            return 1;
    return 0;
}

gt_err_t *gt_sasl_hush(gt_err_t *err, const gt_secret_t *secret, apr_pool_t *p)
{
    gt_secret_t *plain = unescaped(gt_secret_text(secret), p);
    gt_secret_t *words = unescaped(err->detail, p);

    if (tells(gt_secret_text(words), gt_secret_text(plain)))
        err->detail = "the mail server refuses the sign-in; its words are left out, since they "
                      "repeat the token or password";
    gt_secret_wipe(plain);
    gt_secret_wipe(words);
    return err;
}
