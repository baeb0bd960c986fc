/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mod_test_buckets.c The output filter TEST_BUCKETS logs what an answer is made of. */

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <util_filter.h>

static void register_hooks(apr_pool_t *p);

AP_DECLARE_MODULE(test_buckets) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};

static apr_status_t tell(ap_filter_t *f, apr_bucket_brigade *bb)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b))
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, f->r, "bucket %s of %" APR_SIZE_T_FMT,
                      b->type->name, b->length);
    return ap_pass_brigade(f->next, bb);
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_register_output_filter("TEST_BUCKETS", tell, NULL, AP_FTYPE_RESOURCE);
}
