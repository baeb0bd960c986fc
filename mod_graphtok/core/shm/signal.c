/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file signal.c
 * The signal as futex(2) without the private flag, since the word is shared by processes. The
 * kernel compares the word with what was heard before it puts a thread to sleep, so no signal is
 * missed.
 */

#include "shm/signal.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

apr_uint32_t gt_signal_count(gt_signal_t *signal)
{
    return __atomic_load_n(&signal->count, __ATOMIC_ACQUIRE);
}

void gt_signal_broadcast(gt_signal_t *signal)
{
    if (signal == NULL)
        return;
    __atomic_fetch_add(&signal->count, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &signal->count, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void gt_signal_wait(gt_signal_t *signal, apr_uint32_t heard, apr_interval_time_t span)
{
    struct timespec left = {(time_t)apr_time_sec(span), (long)apr_time_usec(span) * 1000};

    if (span > 0)
        (void)syscall(SYS_futex, &signal->count, FUTEX_WAIT, heard, &left, NULL, 0);
}
