/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Texts of a mail are a stranger's: what is kept of each is bounded. */

#include "triage/sorted.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"

#define SHOWN_MAX 1000 /* bytes of a subject, name or address */
#define TEXT_MAX 2000  /* bytes of a text that is kept */

const char *gt_sorted_front(const char *text, apr_size_t most, apr_pool_t *p)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;

    if (text == NULL || len <= most)
        return apr_pstrdup(p, text);
    len = most;
    while (((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return apr_pstrmemdup(p, text, len);
}

gt_sorted_t *gt_sorted_add(apr_array_header_t *sorted, const gt_mail_t *mail,
                           const gt_mail_owner_t *owner, const gt_triage_rules_t *rules,
                           int keeps_text)
{
    gt_sorted_t *row = &APR_ARRAY_PUSH(sorted, gt_sorted_t);
    apr_pool_t *p = sorted->pool;

    memset(row, 0, sizeof(*row));
    gt_triage_score(&row->triage, mail, owner, rules, p);
    row->subject = gt_sorted_front(mail->subject, SHOWN_MAX, p);
    row->from = gt_sorted_front(mail->from, SHOWN_MAX, p);
    row->from_name = gt_sorted_front(mail->from_name, SHOWN_MAX, p);
    if (keeps_text)
        row->text = gt_sorted_front(mail->text, TEXT_MAX, p);
    return row;
}

static json_t *reasons_json(const gt_sorted_t *sorted)
{
    json_t *list = json_array();

    for (int i = 0; i < sorted->triage.reasons->nelts; i++)
        json_array_append_new(list,
                              json_string(APR_ARRAY_IDX(sorted->triage.reasons, i, const char *)));
    return list;
}

static json_t *row_json(const gt_sorted_t *sorted)
{
    static const char *const applied[] = {NULL, "written", "unchanged", "failed"};
    json_t *json = json_object();

    gt_json_set(json, "id", sorted->id);
    gt_json_set(json, "subject", sorted->subject);
    gt_json_set(json, "from", sorted->from);
    gt_json_set(json, "from_name", sorted->from_name);
    gt_json_set(json, "received", sorted->received);
    gt_json_set(json, "class", gt_triage_names[sorted->triage.cls]);
    gt_json_put(json, "reasons", reasons_json(sorted));
    if (sorted->is_of_model)
        gt_json_set(json, "sorted_by", "model");
    if (sorted->applied != GT_APPLIED_NOT)
        gt_json_set(json, "category", applied[sorted->applied]);
    if (sorted->problem != NULL)
        gt_json_set(json, "problem", sorted->problem);
    return json;
}

json_t *gt_sorted_json(const apr_array_header_t *sorted, int has_more, apr_pool_t *p)
{
    json_t *json = gt_json_object(p), *list = json_array();

    gt_json_put(json, "messages", list);
    for (int i = 0; i < sorted->nelts; i++)
        json_array_append_new(list, row_json(&APR_ARRAY_IDX(sorted, i, gt_sorted_t)));
    gt_json_set_bool(json, "more", has_more);
    return json;
}
