/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file audit_tail.c
 * Reading the last records of an audit file, from the last line to the first. A last line without a
 * newline is skipped: another process is writing it, or the machine died while it was written.
 */

#include "audit/audit_tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAX 65536

/* @return a copy of the end of the file that the caller frees, NUL-terminated; NULL: none */
static char *read_end(int fd, apr_size_t *len)
{
    struct stat st;
    off_t from;
    char *text;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return NULL;
    text = malloc(TAIL_MAX + 1);
    if (text == NULL)
        return NULL;
    from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
    do
        n = pread(fd, text, TAIL_MAX, from);
    while (n < 0 && errno == EINTR);
    *len = n > 0 ? (apr_size_t)n : 0;
    text[*len] = '\0';
    return text;
}

static int has_chain(const gt_head_t *heads, int count, apr_uint64_t chain)
{
    for (int i = 0; i < count; i++)
        if (heads[i].chain == chain)
            return 1;
    return 0;
}

int gt_audit_tail(gt_head_t *heads, int most, int fd)
{
    apr_size_t len;
    char *text = read_end(fd, &len);
    char *end = text != NULL ? memrchr(text, '\n', len) : NULL;
    int count = 0;

    while (end != NULL && count < most) {
        char *before = memrchr(text, '\n', (apr_size_t)(end - text));
        gt_head_t head;

        *end = '\0';
        if (gt_head_of_line(&head, before != NULL ? before + 1 : text) &&
            !has_chain(heads, count, head.chain))
            heads[count++] = head;
        end = before;
    }
    free(text);
    return count;
}

int gt_audit_may_append(int fd)
{
    static const char begin[] = "{\"time\":\"";
    char bytes[sizeof(begin) - 1];
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) != 0)
        return 0;
    if (!S_ISREG(st.st_mode))
        return 1;
    n = pread(fd, bytes, sizeof(bytes), 0);
    return n >= 0 && memcmp(bytes, begin, (size_t)n) == 0;
}
