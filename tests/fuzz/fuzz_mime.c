/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Mails of any bytes: all that is read of one is bounded UTF-8 without control characters. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>

#include "base/text.h"
#include "mail/html_text.h"
#include "mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t most, const char *controls)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len > most || !gt_is_utf8(text != NULL ? text : "", len))
        abort();
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 || text[i] == 0x7F) && !strchr(controls, text[i]))
            abort();
}

static void check_addresses(const apr_array_header_t *addresses)
{
    if (addresses->nelts > GT_MIME_ADDRESSES_MAX)
        abort();
    for (int i = 0; i < addresses->nelts; i++) {
        const gt_mime_address_t *one = &APR_ARRAY_IDX(addresses, i, gt_mime_address_t);

        check_text(one->name, GT_MIME_NAME_MAX, "");
        check_text(one->address, GT_MIME_ADDRESS_MAX, "");
        if (*one->address == '\0')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    gt_mime_t found;
    const apr_table_entry_t *headers;
    int is_cut = 0;

    apr_pool_create(&p, NULL);
    gt_mime_read(&found, (const char *)data, size, p);
    check_text(found.subject, GT_MIME_SUBJECT_MAX, "");
    check_text(found.message_id, GT_MIME_ID_MAX, "");
    check_text(found.in_reply_to, GT_MIME_ID_MAX, "");
    check_text(found.text, GT_MIME_TEXT_MAX, "\n\t");
    check_addresses(found.from);
    check_addresses(found.to);
    check_addresses(found.cc);
    check_addresses(found.reply_to);
    headers = (const apr_table_entry_t *)apr_table_elts(found.headers)->elts;
    if (apr_table_elts(found.headers)->nelts > GT_MIME_FIELDS_MAX)
        abort();
    for (int i = 0; i < apr_table_elts(found.headers)->nelts; i++) {
        check_text(headers[i].key, GT_MIME_NAME_MAX, "");
        check_text(headers[i].val, GT_MIME_FIELD_MAX, "");
    }
    if (strlen(gt_html_text((const char *)data, size, 4096, &is_cut, p)) > 4096)
        abort();
    apr_pool_destroy(p);
    return 0;
}
