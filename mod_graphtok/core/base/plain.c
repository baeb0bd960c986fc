/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Most texts are ASCII: eight bytes are looked at at once. */

#include "base/plain.h"

#include <string.h>

/* Eight bytes at once: the high bit of one is set when that one is beyond ASCII, below a blank (by
 * the difference) or DEL (by the sum). A borrow or a carry comes from such a byte alone. */
static int are_plain(const char *eight)
{
    const apr_uint64_t ones = 0x0101010101010101U;
    apr_uint64_t bytes;

    memcpy(&bytes, eight, sizeof(bytes));
    return ((bytes | (bytes - ones * ' ') | (bytes + ones)) & (ones * 0x80)) == 0;
}

apr_size_t gt_plain_len(const char *text, apr_size_t len)
{
    apr_size_t n = 0;

    while (len - n >= 8 && are_plain(text + n))
        n += 8;
    while (n < len && text[n] >= ' ' && text[n] < 0x7F)
        n++;
    return n;
}
