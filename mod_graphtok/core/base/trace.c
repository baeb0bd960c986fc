/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A header that is not to the letter begins no trace of ours: the standard has it ignored, and no
 * byte of it gets into a log or a call.
 */

#include "base/trace.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define VERSION 2
#define PARENT 16
#define FLAGS 2
#define SAMPLED 1

static const char hex[] = "0123456789abcdef";

/** The text after `digits` digits, which are not all zeros unless those may be; NULL: it is none.
 */
static const char *skip(const char *text, apr_size_t digits, int may_be_zero)
{
    if (text == NULL || strspn(text, hex) < digits || (!may_be_zero && strspn(text, "0") >= digits))
        return NULL;
    return text + digits;
}

static const char *skip_dash(const char *text)
{
    return text != NULL && *text == '-' ? text + 1 : NULL;
}

int gt_trace_read(gt_trace_t *trace, const char *header)
{
    const char *id, *flags, *end;

    if (header == NULL || strncmp(header, "ff", VERSION) == 0)
        return 0;
    id = skip_dash(skip(header, VERSION, 1));
    flags = skip_dash(skip(skip_dash(skip(id, GT_TRACE_ID, 0)), PARENT, 0));
    end = skip(flags, FLAGS, 1);
    /* A later version may go on after another dash. */
    if (end == NULL || (*end != '\0' && (*end != '-' || strncmp(header, "00", VERSION) == 0)))
        return 0;
    memcpy(trace->id, id, GT_TRACE_ID);
    trace->id[GT_TRACE_ID] = '\0';
    trace->is_sampled = (strchr(hex, flags[1]) - hex) & SAMPLED;
    return 1;
}

const char *gt_trace_next(const gt_trace_t *trace, apr_pool_t *p)
{
    unsigned char parent[PARENT / 2];

    do
        gt_random(parent, sizeof(parent));
    while (memcmp(parent, (unsigned char[PARENT / 2]){0}, sizeof(parent)) == 0);
    return apr_psprintf(p, "00-%s-%s-%02x", trace->id, gt_hex(parent, sizeof(parent), p),
                        trace->is_sampled ? SAMPLED : 0);
}
