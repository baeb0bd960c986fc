/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_HTTPD_THREAD_H
#define GTM_HTTPD_THREAD_H

/**
 * @file httpd_thread.h
 * Threads of ours run other modules' hooks: a finisher those of a request's end, the crew those of
 * mod_dbd and of the error log. A module may keep state for each thread, in the pool of the
 * apr_thread_t that conn_rec's current_thread or ap_thread_current() names. So each thread of ours
 * is an apr_thread_t of its own, and a connection names the thread that works on it.
 */

#include <httpd.h>

/** Give each thread of ours that starts from now on an apr_thread_t, whose pool is destroyed when
 * the thread ends. Call it in a child before its first thread starts. @param pchild  outlives
 * them */
void gtm_threads_begin(apr_pool_t *pchild);

/**
 * Name the running thread in a connection. Only the thread that works on the connection may.
 * @return the thread that was named, for the caller to put back when its work is done
 */
apr_thread_t *gtm_thread_enter(conn_rec *c);

#endif
