/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Rules of triage, and a mail that they sort: rules up to a NUL byte, then the subject's line, then
 * the text. Rules that are refused name a line; those that are built in take any mail.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "triage/rules.h"
#include "triage/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sort(const gt_triage_rules_t *rules, const char *text, apr_pool_t *p)
{
    const char *newline = strchr(text, '\n');
    gt_mail_t mail = {.from = "ann@x.example", .text = text};
    gt_mail_owner_t owner = {.name = "Tom Keller", .given_name = "Tom"};
    gt_triage_t triage;

    mail.subject = newline != NULL ? apr_pstrndup(p, text, (apr_size_t)(newline - text)) : text;
    owner.addresses = apr_array_make(p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(owner.addresses, const char *) = "tom@x.example";
    mail.to = owner.addresses;
    gt_triage_score(&triage, &mail, &owner, rules, p);
    if (triage.cls > GT_CAN_WAIT || triage.reasons->nelts > 12)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t len = nul != NULL ? (size_t)(nul - data) : size;
    const char *text;
    gt_triage_rules_t *rules;
    gt_err_t *err;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, nul != NULL ? (const char *)nul + 1 : "", size - len - (nul != NULL));
    err = gt_triage_parse(&rules, "r", (const char *)data, len, p);
    if (err == GT_OK)
        sort(rules, text, p);
    else if (err->cls != GT_INVALID || strncmp(err->detail, "r:", 2) != 0)
        abort();
    if (gt_triage_load(&rules, NULL, p) != GT_OK)
        abort();
    sort(rules, text, p);
    apr_pool_destroy(p);
    return 0;
}
