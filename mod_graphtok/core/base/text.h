/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEXT_H
#define GT_TEXT_H

/**
 * @file text.h
 * Small things about bytes: base64 of both alphabets, percent-encoding, UTF-8, strict numbers,
 * random identifiers, comparison in constant time. Nothing here trusts its input.
 */

#include "gt.h"

/** base64url without padding (RFC 4648 section 5), NUL-terminated. */
char *gt_base64url(const void *bytes, apr_size_t len, apr_pool_t *p);

/**
 * Decode base64url, with or without padding, strictly: no white space, nothing after the padding,
 * unused bits zero.
 * @param alphabet  0: base64url only, 1: plain base64 (+ and /) only, 2: either
 * @return 1, or 0 when it is not base64; *bytes is NUL-terminated in `p`
 */
GT_MUST int gt_base64_decode(unsigned char **bytes, apr_size_t *len, const char *text,
                             apr_size_t text_len, int alphabet, apr_pool_t *p);

/** Lower-case hex. */
char *gt_hex(const void *bytes, apr_size_t len, apr_pool_t *p);

/** Percent-encode everything but the unreserved characters of RFC 3986. */
char *gt_percent(const char *text, apr_pool_t *p);

/**
 * Decode one form or query value ('+' is a blank). 0 when an escape is broken, a NUL or other
 * control character (below 0x20, 0x7F) comes out, or the result is not UTF-8.
 */
GT_MUST int gt_unpercent(char **text, const char *encoded, apr_size_t len, apr_pool_t *p);

/** The same up to where gt_unpercent would refuse it. */
char *gt_unpercent_front(const char *encoded, apr_size_t len, apr_pool_t *p);

/** Length of the well-formed UTF-8 sequence (RFC 3629 section 4) at the front of `left` ≥ 1
 * bytes; 0: there is none. */
apr_size_t gt_utf8_sequence(const char *text, apr_size_t left);

/** 1 when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
int gt_is_utf8(const char *text, apr_size_t len);

/**
 * 1 when two names are one for a reader that folds case and takes every character but ASCII letters
 * and digits for the same: so CGI and many frameworks name header fields (X-A_b, x_a.B).
 */
int gt_is_alike(const char *a, const char *b);

/** 1 when both texts are equal; constant time for equal lengths. NULL equals nothing. */
int gt_equal_ct(const char *a, const char *b);

/** A whole decimal number within [min, max], nothing else around it. 0 when it is not. */
GT_MUST int gt_number(apr_int64_t *number, const char *text, apr_int64_t min, apr_int64_t max);

/** `n` random bytes (RAND_bytes) as base64url. Aborts the process when the system has no
 * entropy. */
char *gt_random_text(apr_size_t n, apr_pool_t *p);

/** Fill with random bytes (RAND_bytes); aborts the process when the system has no entropy. */
void gt_random(void *bytes, apr_size_t n);

/** The inside of a text in quotation marks, which are cut off in place; else the text. */
char *gt_unquoted(char *text);

/** 1 when a byte is a control character of ASCII: below a blank, or DEL. */
int gt_has_control(const char *bytes, apr_size_t len);

/** Without surrounding white space, copied. */
char *gt_trim(const char *text, apr_pool_t *p);

/** In lower case, ASCII letters alone; a copy. */
char *gt_lower(const char *text, apr_pool_t *p);

/** Split at any of `separators`; empty parts are dropped. Array of char *. */
apr_array_header_t *gt_split(const char *text, const char *separators, apr_pool_t *p);

/** 1 when `word` is one of a blank-separated list, to the letter. */
int gt_has_word(const char *list, const char *word);

/** 1 when a blank-separated list of scopes has one, by its short name or behind the address of its
 * resource (https://graph.microsoft.com/User.Read). Without regard to case, as Entra compares. */
int gt_has_scope(const char *scopes, const char *name);

/** 1 for a name with a dot: letters, digits and '-' in labels of 63 bytes, 253 in all. */
int gt_is_domain(const char *text);

/** 1 for a GUID in its usual form of 36 characters. */
int gt_is_guid(const char *text);

/** A random UUID (RFC 9562, version 4), in lower case. */
const char *gt_uuid(apr_pool_t *p);

/** A number with its noun: "1 row", "2 rows". */
const char *gt_counted(apr_int64_t n, const char *one, const char *many, apr_pool_t *p);

/** SHA-256 as 32 bytes. */
void gt_sha256(unsigned char digest[32], const void *bytes, apr_size_t len);

#endif
