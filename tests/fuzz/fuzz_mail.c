/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Graph's answers about mail: the same bytes as a list of messages, as a user, and as a list of
 * messages that were sent; then each message is sorted by the rules that are built in.
 */

#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
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
    }
    apr_pool_destroy(p);
    return 0;
}
