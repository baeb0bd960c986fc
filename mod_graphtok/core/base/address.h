/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ADDRESS_H
#define GT_ADDRESS_H

/** @file address.h Addresses of people as mail programs and Exchange write them. */

#include "gt.h"

/** 1 for one well-formed address (RFC 5321 mailbox, RFC 6531 for letters of any script): a dot-string
 * or a quoted string, @, a domain name, ≤ 254 bytes; no comments, no literals. */
int gt_is_email(const char *text);

/** 1 for the X.500 name that Exchange gives for somebody of its own directory, like
 * "/o=ExchangeLabs/ou=…/cn=Recipients/cn=…", ≤ 1024 bytes. */
int gt_is_x500(const char *text);

#endif
