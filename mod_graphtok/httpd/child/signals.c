/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Holding back the signals that end a child: they are blocked meanwhile, and the handler runs when
 * they are let through again. */

#include "child/signals.h"

#include <pthread.h>

void gtm_signals_hold(sigset_t *before, const gtm_child_t *child)
{
    sigset_t ends;

    if (!child->single)
        return;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &ends, before);
}

void gtm_signals_release(const sigset_t *before, const gtm_child_t *child)
{
    if (child->single)
        pthread_sigmask(SIG_SETMASK, before, NULL);
}
