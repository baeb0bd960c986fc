/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mod_test_threads.c
 * In every hook of a request's life: is the thread that runs the one that httpd says it is?
 * Handler "test-threads" tells for each place how often it was reached, how often by a finisher,
 * and how often the answer was no. In the error log's hook and in mod_dbd's there is no
 * connection: there the thread must only be known. Connections' pools share one allocator, which
 * must have a lock.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <httpd.h>
#include <ap_mpm.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>
#include <util_filter.h>
#include <apr_allocator.h>
#include <apr_dbd.h>
#include <apr_portable.h>
#include <mod_dbd.h>

enum {
    PRE_CONNECTION,
    PROCESS_CONNECTION,
    POST_READ,
    TRANSLATE,
    MAP_TO_STORAGE,
    HEADER_PARSER,
    ACCESS,
    FIXUPS,
    INSERT_FILTER,
    HANDLER,
    LOG,
    INPUT,
    CONNECTION_INPUT,
    OUTPUT,
    CONNECTION_OUTPUT,
    PRE_CLEANUP,
    CLEANUP,
    SUSPEND,
    PRE_CLOSE,
    ERROR_LOG,
    DATABASE,
    PLACES
};

static const char *const names[PLACES] = {"pre_connection",    "process_connection",
                                          "post_read_request", "translate_name",
                                          "map_to_storage",    "header_parser",
                                          "access_checker",    "fixups",
                                          "insert_filter",     "handler",
                                          "log_transaction",   "input_filter",
                                          "conn_input",        "output_filter",
                                          "conn_output",       "pool_pre_cleanup",
                                          "pool_cleanup",      "suspend",
                                          "pre_close",         "error_log",
                                          "dbd_post_connect"};

static struct {
    atomic_int times, by_finisher, wrong;
} seen[PLACES];

static int is_child;

static int is_known(const conn_rec *c)
{
    apr_thread_t *current = ap_thread_current();
    apr_os_thread_t *os;

    if (!current || !c)
        return current != NULL;
    return c->current_thread == current && apr_os_thread_get(&os, current) == APR_SUCCESS &&
           apr_os_thread_equal(*os, apr_os_thread_current());
}

static void look(int place, const conn_rec *c)
{
    char name[16] = "";

    if (!is_child)
        return;
    pthread_getname_np(pthread_self(), name, sizeof(name));
    seen[place].times++;
    seen[place].by_finisher += strcmp(name, "gt-finisher") == 0;
    seen[place].wrong += !is_known(c);
}

/* ---- filters ---- */

static apr_status_t look_in(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                            apr_read_type_e block, apr_off_t readbytes)
{
    look(f->r ? INPUT : CONNECTION_INPUT, f->c);
    return ap_get_brigade(f->next, bb, mode, block, readbytes);
}

static apr_status_t look_out(ap_filter_t *f, apr_bucket_brigade *bb)
{
    look(f->r ? OUTPUT : CONNECTION_OUTPUT, f->c);
    return ap_pass_brigade(f->next, bb);
}

static void insert(request_rec *r)
{
    look(INSERT_FILTER, r->connection);
    ap_add_input_filter("TEST_LOOK", NULL, r, r->connection);
    ap_add_output_filter("TEST_LOOK", NULL, r, r->connection);
}

/* ---- hooks ---- */

static int pre_connection(conn_rec *c, void *socket)
{
    (void)socket;
    look(PRE_CONNECTION, c);
    ap_add_input_filter("TEST_LOOK_CONN", NULL, NULL, c);
    ap_add_output_filter("TEST_LOOK_CONN", NULL, NULL, c);
    return OK;
}

static int process_connection(conn_rec *c)
{
    look(PROCESS_CONNECTION, c);
    return DECLINED;
}

static int pre_close(conn_rec *c)
{
    look(PRE_CLOSE, c);
    return OK;
}

static void suspend(conn_rec *c, request_rec *r)
{
    (void)r;
    look(SUSPEND, c);
}

static apr_status_t pre_cleanup(void *c)
{
    look(PRE_CLEANUP, c);
    return APR_SUCCESS;
}

static apr_status_t cleanup(void *c)
{
    look(CLEANUP, c);
    return APR_SUCCESS;
}

static int post_read(request_rec *r)
{
    look(POST_READ, r->connection);
    apr_pool_pre_cleanup_register(r->pool, r->connection, pre_cleanup);
    apr_pool_cleanup_register(r->pool, r->connection, cleanup, apr_pool_cleanup_null);
    return DECLINED;
}

static int translate(request_rec *r)
{
    look(TRANSLATE, r->connection);
    return DECLINED;
}

static int map_to_storage(request_rec *r)
{
    look(MAP_TO_STORAGE, r->connection);
    return DECLINED;
}

static int header_parser(request_rec *r)
{
    look(HEADER_PARSER, r->connection);
    return DECLINED;
}

static int check_access(request_rec *r)
{
    look(ACCESS, r->connection);
    return DECLINED;
}

static int fixups(request_rec *r)
{
    look(FIXUPS, r->connection);
    return DECLINED;
}

static int log_transaction(request_rec *r)
{
    look(LOG, r->connection);
    return DECLINED;
}

static void error_log(const ap_errorlog_info *info, const char *line)
{
    (void)info, (void)line;
    look(ERROR_LOG, NULL);
}

static int post_connect(apr_pool_t *p, dbd_cfg_t *conf, ap_dbd_t *dbd)
{
    (void)conf, (void)dbd;
    look(DATABASE, NULL);
    seen[DATABASE].wrong += !apr_allocator_mutex_get(apr_pool_allocator_get(p));
    return OK;
}

static int handler(request_rec *r)
{
    look(HANDLER, r->connection);
    if (!r->handler || strcmp(r->handler, "test-threads") != 0)
        return DECLINED;
    for (int i = 0; i < PLACES; i++)
        ap_rprintf(r, "%s %d %d %d\n", names[i], seen[i].times, seen[i].by_finisher, seen[i].wrong);
    return OK;
}

static void begin_child(apr_pool_t *p, server_rec *s)
{
    (void)p, (void)s;
    is_child = 1;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_register_input_filter("TEST_LOOK", look_in, NULL, AP_FTYPE_RESOURCE);
    ap_register_output_filter("TEST_LOOK", look_out, NULL, AP_FTYPE_RESOURCE);
    ap_register_input_filter("TEST_LOOK_CONN", look_in, NULL, AP_FTYPE_CONNECTION);
    ap_register_output_filter("TEST_LOOK_CONN", look_out, NULL, AP_FTYPE_CONNECTION);
    ap_hook_child_init(begin_child, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(process_connection, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_post_read_request(post_read, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(translate, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_header_parser(header_parser, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_access_checker(check_access, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_filter(insert, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_suspend_connection(suspend, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_close_connection(pre_close, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_error_log(error_log, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(dbd, post_connect, post_connect, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_threads) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
