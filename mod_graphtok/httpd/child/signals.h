/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SIGNALS_H
#define GTM_SIGNALS_H

/**
 * @file signals.h
 * Signals that end a child, held back while httpd's own thread holds locks that their handler
 * needs.
 */

#include <signal.h>

#include "child/child.h"

/**
 * Under prefork a signal's handler ends the child from wherever it is, and takes locks of ours.
 * From here to gtm_signals_release it is put off. Pairs may lie within each other; elsewhere they
 * do nothing.
 * @param before  kept by the caller for gtm_signals_release
 */
void gtm_signals_hold(sigset_t *before, const gtm_child_t *child);

/** Let the held signals through. */
void gtm_signals_release(const sigset_t *before, const gtm_child_t *child);

#endif
