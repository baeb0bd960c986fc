/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ADDRESS_H
#define GT_ADDRESS_H

/** @file address.h Addresses of people as mail programs and Exchange write them. Pure;
 * thread-safe. */

#include "gt.h"

/** 1 for one well-formed address (RFC 5321 mailbox, RFC 6531 for letters of any script): a
 * dot-string or a quoted string, @, a domain name, ≤ 254 bytes; no comments, no literals. */
int gt_is_email(const char *text);

/**
 * Take "ada@example.org", "Ada <ada@example.org>" or "\"Ada\" <ada@example.org>" apart.
 * @param name     out: without quotation marks, NULL: there is none
 * @param address  out: not judged; gt_is_email does
 * @return 0: it is too long (255 bytes of name), or has a control character, which would begin
 *         another header field of a mail
 */
int gt_split_mailbox(const char **name, const char **address, const char *text, apr_pool_t *p);

/** 1 for the X.500 name that Exchange gives for a person of its own directory, like
 * "/o=ExchangeLabs/ou=…/cn=Recipients/cn=…", ≤ 1024 bytes. */
int gt_is_x500(const char *text);

/**
 * 1 for a text that Exchange gives as the address of an attendee: an address; an X.500 name; where
 * Exchange knows neither, a name without '@', or a name with an address behind it, like "Ada
 * <ada@example.org>"; ≤ 1024 bytes.
 */
int gt_is_person(const char *text);

/**
 * 1 when an address is one of blank-separated patterns: an address, "*@example.org" (all of a
 * domain), "*" (all). Letters of ASCII are compared without regard to case.
 * @param patterns  NULL: none
 */
int gt_is_address_of(const char *address, const char *patterns);

#endif
