/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LANGUAGE_H
#define GT_LANGUAGE_H

/**
 * @file language.h
 * The Accept-Language field: which of the languages that are offered a person reads best.
 */

/**
 * Choose one of the languages offered (RFC 9110, 12.5.4; ranges fall back as in RFC 4647, 3.4:
 * de-AT is served by de). The highest q counts, of equal ones the range that stands first. Ranges
 * that are not well-formed, or have q=0, count for nothing. Allocates nothing; safe in any thread.
 * @param accept   the field, untrusted; NULL: there is none
 * @param offered  primary language tags in lower case ("de"), NULL last; the first is the default
 * @return an index of `offered`
 */
int gt_language_choose(const char *accept, const char *const *offered);

#endif
