/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PINS_H
#define GT_PINS_H

/**
 * @file pins.h
 * Pins: the public keys one of which a server must show. A pin is "sha256//" and the Base64 of the
 * SHA-256 of a key as a certificate holds it (SubjectPublicKeyInfo), as curl writes it. It fits
 * when any certificate of the chain that was verified has that key, the server's own, one between,
 * or the authority's (RFC 7469 section 2.6): providers change their servers' keys when they like,
 * and their authorities' seldom. libcurl's own option knows the server's key alone.
 *
 * The chain is known after a whole handshake only, since a resumed TLS session brings no
 * certificates: a loop that carries pinned calls resumes none (gt_loop_limits_t).
 */

#include <curl/curl.h>

#include "gt.h"

/** 1 for pins, blank-separated, none of them twice, at most 32. */
int gt_pins_are_good(const char *text);

/** How many. @param pins  good ones, or NULL: none */
int gt_pins_count(const char *pins);

/** Why this libcurl shows no chains; NULL: it does. */
const char *gt_pins_fault(void);

/** 1 when one of the pins is among keys that a server showed. @param keys  from gt_pins_of */
int gt_pins_are_in(const char *pins, const char *keys);

/**
 * The keys of the verified chain of the connection that a transfer has, the server's first: "PIN
 * (NAME), PIN (NAME)", NAME the common name of the certificate's subject. In `p`. For
 * CURLOPT_PREREQFUNCTION.
 * @return NULL when no chain is known: no TLS, a resumed session, or another library's TLS
 */
char *gt_pins_of(CURL *easy, apr_pool_t *p);

#endif
