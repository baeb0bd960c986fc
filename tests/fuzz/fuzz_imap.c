/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The bytes of an IMAP server: in one piece or one by one they give the same answers, and all that
 * is read of these keeps its promises. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "imap/imap_fetched.h"
#include "imap/folder_name.h"
#include "imap/imap_stream.h"
#include "imap/uid_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const gt_imap_bounds_t bounds = {4096, 8192, 16384};

/* Sums over all that an answer holds, so that two readings can be compared. */
static apr_size_t sum_of(const gt_imap_value_t *value)
{
    apr_size_t sum = 0;

    for (; value != NULL; value = value->next) {
        if ((value->bytes != NULL) !=
                (value->kind == GT_IMAP_ATOM || value->kind == GT_IMAP_STRING) ||
            (value->bytes != NULL && value->bytes[value->size] != '\0'))
            abort();
        sum = sum * 31 + value->kind + value->size + sum_of(value->first);
    }
    return sum;
}

static void read_names(const gt_imap_value_t *value, apr_pool_t *p)
{
    for (; value != NULL; value = value->next) {
        const char *text = gt_imap_astring(value);
        const char *name = text != NULL ? gt_folder_name(text, p) : NULL;
        apr_array_header_t *set;

        if (name != NULL && gt_folder_quoted(name, p) == NULL)
            abort();
        if (text != NULL && gt_imap_uid_set(&set, text, p) == GT_OK) {
            const char *first = gt_imap_uid_text(set, p);

            if (gt_imap_uid_set(&set, first, p) != GT_OK ||
                strcmp(gt_imap_uid_text(set, p), first) != 0)
                abort();
        }
        if (text != NULL && gt_imap_date(text) < 0 && gt_imap_date(text) != GT_IMAP_NO_DATE &&
            strstr(text, "19") == NULL)
            abort();
    }
}

static apr_size_t read_all(gt_imap_stream_t *stream, apr_size_t sum, int *is_broken, apr_pool_t *p)
{
    gt_imap_answer_t *answer;
    gt_imap_fetched_t fetched;

    while (!*is_broken) {
        gt_err_t *err = gt_imap_stream_next(&answer, stream, p);

        *is_broken = err != GT_OK;
        if (err != GT_OK && err->cls != GT_UPSTREAM)
            abort();
        if (answer == NULL || err != GT_OK)
            break;
        sum = sum * 31 + answer->form + answer->number + sum_of(answer->values);
        read_names(answer->values, p);
        if (gt_imap_fetched(&fetched, answer, p) == GT_OK)
            sum += strlen(gt_imap_flags_text(fetched.flags, p)) + fetched.uid;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    gt_imap_stream_t *whole, *cut;
    apr_size_t sum = 0;
    int whole_is_broken = 0, cut_is_broken = 0;

    apr_pool_create(&p, NULL);
    whole = gt_imap_stream_make(&bounds, p);
    cut = gt_imap_stream_make(&bounds, p);
    gt_imap_stream_add(whole, (const char *)data, size);
    for (size_t i = 0; i < size; i++) {
        gt_imap_stream_add(cut, (const char *)data + i, 1);
        sum = read_all(cut, sum, &cut_is_broken, p);
    }
    if (read_all(whole, 0, &whole_is_broken, p) != sum || whole_is_broken != cut_is_broken)
        abort();
    apr_pool_destroy(p);
    return 0;
}
