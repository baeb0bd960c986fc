/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Graph's answers about mail: the same bytes as a list of messages, as a user, and as a list of
 * messages that were sent; then each message is sorted by the rules that are built in. Besides as
 * the answer to a batch, and as what a client wishes for a draft.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "graph/draft_text.h"
#include "graph/json_batch.h"
#include "graph/mail_read.h"
#include "triage/rules.h"
#include "triage/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sort(const json_t *row, const gt_mail_owner_t *owner, const gt_triage_rules_t *rules,
                 apr_pool_t *p)
{
    gt_graph_mail_t found;
    gt_triage_t triage;

    if (!gt_mail_read(&found, row, p))
        return;
    gt_triage_score(&triage, &found.mail, owner, rules, p);
    if (*found.id == '\0' || triage.cls > GT_CAN_WAIT)
        abort();
}

/* No line end comes into a field of the mail. */
static void wish(const json_t *root, apr_pool_t *p)
{
    gt_draft_wish_t wished;
    gt_err_t *err = gt_draft_read(&wished, root, p);
    const char *subject;

    if (err != GT_OK && err->cls != GT_INVALID)
        abort();
    if (err != GT_OK || wished.message == NULL)
        return;
    subject = gt_json_text(wished.message, "subject");
    if (subject != NULL && strpbrk(subject, "\r\n") != NULL)
        abort();
    if (strstr(gt_json_dump(json_object_get(wished.message, "toRecipients"), p), "\\n") != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gt_mail_owner_t owner = {.addresses = NULL};
    gt_triage_rules_t *rules;
    json_t *root, *row;
    apr_size_t i;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    if (gt_triage_load(&rules, NULL, p) != GT_OK)
        abort();
    if (gt_json_parse_answer(&root, (const char *)data, size, p) == GT_OK) {
        gt_mail_read_owner(&owner, root, p);
        gt_mail_read_sent(&owner, root, p);
        json_array_foreach (json_object_get(root, "value"), i, row)
            sort(row, &owner, rules, p);
        if (gt_batch_outcome(root, 0, p) != GT_OK && json_object_size(root) == 0)
            gt_mail_read_sent(&owner, root, p);
        if (json_is_object(root))
            wish(root, p);
    }
    apr_pool_destroy(p);
    return 0;
}
