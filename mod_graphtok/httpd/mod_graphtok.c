/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mod_graphtok.c
 * The module record and its hooks, each one call long.
 */

#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_status.h>
#include <mpm_common.h>

#include "auth/authenticate.h"
#include "auth/claim.h"
#include "caller/strip_cookie.h"
#include "child/audit_sink.h"
#include "child/child.h"
#include "child/memory.h"
#include "child/status.h"
#include "config/auth_type.h"
#include "config/settings.h"
#include "handler.h"
#include "park/park.h"
#include "pass/functions.h"
#include "pass/pass.h"
#include "pass/strip.h"
#include "request/cors.h"
#include "request/secret_query.h"
#include "routes/route_sets.h"

static void dump(apr_pool_t *pconf, server_rec *s)
{
    gtm_dump(pconf, s, gtm_memory_json(gtm_server(s)->config, pconf));
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const after_dbd[] = {"mod_dbd.c", NULL};

    static const char *const choosers[] = {"mod_dir.c", "mod_rewrite.c", NULL};
    static const char *const headers[] = {"mod_headers.c", NULL};
    /* Modules that log a request as soon as it is read. */
    static const char *const early_logs[] = {"mod_log_forensic.c", "mod_security2.c",
                                             "mod_headers.c", NULL};

    static const char *const authn_core[] = {"mod_authn_core.c", NULL};

    gtm_claim_register(p);
    gtm_route_sets_use(gtm_all_route_sets);
    gtm_functions_register();
    gtm_strip_register();
    ap_hook_check_config(gtm_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(dump, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(gtm_post_config, after_dbd, NULL, APR_HOOK_MIDDLE);
    ap_hook_open_logs(gtm_audit_open, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(gtm_child_init, after_dbd, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(gtm_child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(gtm_park_stopping, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(gtm_secret_query_hide, NULL, early_logs, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(gtm_strip_request, NULL, headers, APR_HOOK_REALLY_FIRST);
    ap_hook_check_authn(gtm_authenticate, NULL, authn_core, APR_HOOK_MIDDLE,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_note_auth_failure(gtm_note_auth_failure, NULL, NULL, APR_HOOK_MIDDLE);
    /* Behind every authentication, before the one that says OK where there is none. */
    ap_hook_check_authn(gtm_auth_type_missing, NULL, authn_core, APR_HOOK_LAST,
                        AP_AUTH_INTERNAL_PER_CONF);
    /* Before httpd's authentication, and behind the hooks that set variables for logs. */
    ap_hook_header_parser(gtm_cors, NULL, NULL, APR_HOOK_LAST);
    ap_hook_fixups(gtm_pass, choosers, headers, APR_HOOK_LAST);
    ap_hook_fixups(gtm_strip_cookies, choosers, headers, APR_HOOK_LAST);
    ap_hook_log_transaction(gtm_pass_forget, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(gtm_park_logged, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_map_to_storage(gtm_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    /* Before mod_proxy and all others: a route of ours is never served by another module. */
    ap_hook_handler(gtm_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    APR_OPTIONAL_HOOK(ap, status_hook, gtm_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(gtm_park_process, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_suspend_connection(gtm_park_suspend, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_resume_connection(gtm_park_resume, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_close_connection(gtm_park_pre_close, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

/* -fvisibility=hidden would hide the one symbol that httpd looks for. */
__attribute__((visibility("default"))) AP_DECLARE_MODULE(graphtok) = {
    STANDARD20_MODULE_STUFF, gtm_create_dir, gtm_merge_dir,  gtm_create_server,
    gtm_merge_server,        gtm_directives, register_hooks, AP_MODULE_FLAG_NONE};
