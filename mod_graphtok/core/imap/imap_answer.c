/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file imap_answer.c The words of one answer, whose end the stream has found. */

#include "imap/imap_answer.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"

#define TAG_MAX 32

static const char *const statuses[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};

int gt_imap_is_named(const gt_imap_answer_t *answer, const char *name)
{
    return answer->name != NULL && strcasecmp(answer->name, name) == 0;
}

/* A word up to a space, or NULL when there is none of printable characters. */
static const char *take_word(gt_imap_text_t *text, apr_pool_t *p)
{
    const char *from = text->at;

    while (text->at<text->end && * text->at> ' ' && *text->at < 0x7F)
        text->at++;
    if (text->at == from || (text->at < text->end && *text->at != ' '))
        return NULL;
    return apr_pstrmemdup(p, from, (apr_size_t)(text->at - from));
}

static void skip_space(gt_imap_text_t *text)
{
    if (text->at < text->end && *text->at == ' ')
        text->at++;
}

int gt_imap_is_status(const char *name)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (name != NULL && strcasecmp(name, statuses[i]) == 0)
            return 1;
    return 0;
}

/* The code's first word is its name; a code that begins otherwise is for no program. */
static gt_err_t *take_code(gt_imap_answer_t *answer, gt_imap_text_t *text, apr_pool_t *p)
{
    gt_imap_value_t *first;

    text->at++;
    text->ends_at_bracket = 1;
    GT_TRY(gt_imap_values(&first, text, p));
    if (text->at == text->end)
        return gt_imap_broken("a response code has no end", p);
    text->at++;
    if (first != NULL && first->kind == GT_IMAP_ATOM) {
        answer->code = first->bytes;
        answer->values = first->next;
    }
    return GT_OK;
}

static gt_err_t *take_status(gt_imap_answer_t *answer, gt_imap_text_t *text, apr_pool_t *p)
{
    answer->form = GT_IMAP_STATUS;
    skip_space(text);
    if (text->at < text->end && *text->at == '[')
        GT_TRY(take_code(answer, text, p));
    skip_space(text);
    answer->text = apr_pstrmemdup(p, text->at, (apr_size_t)(text->end - text->at));
    return GT_OK;
}

static gt_err_t *take_data(gt_imap_answer_t *answer, gt_imap_text_t *text, apr_pool_t *p)
{
    gt_imap_value_t *first;

    answer->form = GT_IMAP_DATA;
    GT_TRY(gt_imap_values(&first, text, p));
    answer->values = first;
    return GT_OK;
}

/* The number stands before the name: "* 12 FETCH". */
static gt_err_t *take_untagged(gt_imap_answer_t *answer, gt_imap_text_t *text, apr_pool_t *p)
{
    apr_int64_t number;

    answer->name = take_word(text, p);
    if (answer->name != NULL && apr_isdigit(*answer->name)) {
        if (!gt_number(&number, answer->name, 0, APR_UINT32_MAX))
            return gt_imap_broken("the number of a message is too large", p);
        answer->number = (apr_uint32_t)number;
        skip_space(text);
        answer->name = take_word(text, p);
    }
    if (answer->name == NULL)
        return gt_imap_broken("an answer has no name", p);
    return gt_imap_is_status(answer->name) ? take_status(answer, text, p)
                                           : take_data(answer, text, p);
}

static gt_err_t *take_tagged(gt_imap_answer_t *answer, gt_imap_text_t *text, apr_pool_t *p)
{
    answer->ends = take_word(text, p);
    skip_space(text);
    answer->name = take_word(text, p);
    if (answer->ends == NULL || strlen(answer->ends) > TAG_MAX || !gt_imap_is_status(answer->name))
        return gt_imap_broken("a line that is no answer", p);
    return take_status(answer, text, p);
}

gt_err_t *gt_imap_answer_of(gt_imap_answer_t **answer, const char *bytes, apr_size_t size,
                            apr_pool_t *p)
{
    gt_imap_text_t text = {bytes, bytes + size, 0};
    gt_imap_answer_t *made = apr_pcalloc(p, sizeof(*made));

    *answer = made;
    if (size > 0 && *bytes == '+') {
        made->form = GT_IMAP_CONTINUE;
        text.at++;
        skip_space(&text);
        made->text = apr_pstrmemdup(p, text.at, (apr_size_t)(text.end - text.at));
        return GT_OK;
    }
    if (size > 1 && bytes[0] == '*' && bytes[1] == ' ') {
        text.at += 2;
        return take_untagged(made, &text, p);
    }
    return take_tagged(made, &text, p);
}
