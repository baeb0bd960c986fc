/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mod_test_bodies.c
 * Input filters that use every freedom that a filter has with a body:
 *   TEST_SPLIT    one byte a bucket, one bucket a look, every other look none, metadata in between
 *   TEST_HOLD     nothing until it has seen EOS, then all at once, however little was asked for
 *   TEST_NOTHING  never anything, never an end
 *   TEST_ANSWER   answers 418 by itself
 */

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <util_filter.h>

typedef struct held_t {
    apr_bucket_brigade *bytes;
    int pauses; /* TEST_SPLIT: 1: this look gives nothing */
} held_t;

static held_t *held(ap_filter_t *f)
{
    held_t *h = f->ctx;

    if (!h) {
        f->ctx = h = apr_pcalloc(f->r->pool, sizeof(*h));
        h->bytes = apr_brigade_create(f->r->pool, f->c->bucket_alloc);
    }
    return h;
}

static apr_status_t give_one_byte(held_t *h, apr_bucket_brigade *bb)
{
    apr_bucket *first = APR_BRIGADE_FIRST(h->bytes);
    const char *bytes;
    apr_size_t len;
    apr_status_t rv = apr_bucket_read(first, &bytes, &len, APR_BLOCK_READ);

    if (rv == APR_SUCCESS && len > 1)
        rv = apr_bucket_split(first, 1);
    APR_BUCKET_REMOVE(first);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, first);
    return rv;
}

static apr_status_t split(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                          apr_read_type_e block, apr_off_t readbytes)
{
    held_t *h = held(f);
    apr_status_t rv = APR_SUCCESS;

    h->pauses = !h->pauses;
    if (h->pauses)
        return APR_SUCCESS;
    if (APR_BRIGADE_EMPTY(h->bytes))
        rv = ap_get_brigade(f->next, h->bytes, mode, block, readbytes);
    if (rv != APR_SUCCESS || APR_BRIGADE_EMPTY(h->bytes))
        return rv;
    return give_one_byte(h, bb);
}

static apr_status_t hold(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                         apr_read_type_e block, apr_off_t readbytes)
{
    apr_bucket_brigade *piece = apr_brigade_create(f->r->pool, f->c->bucket_alloc);
    held_t *h = held(f);
    apr_status_t rv = ap_get_brigade(f->next, piece, mode, block, readbytes > 64 ? 64 : readbytes);
    int ends = rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(piece) &&
               APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(piece));

    if (rv == APR_SUCCESS)
        rv = ap_save_brigade(f, &h->bytes, &piece, f->r->pool);
    if (rv == APR_SUCCESS && ends)
        APR_BRIGADE_CONCAT(bb, h->bytes);
    return rv;
}

static apr_status_t nothing(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                            apr_read_type_e block, apr_off_t readbytes)
{
    (void)f, (void)bb, (void)mode, (void)block, (void)readbytes;
    return APR_SUCCESS;
}

static apr_status_t answer(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                           apr_read_type_e block, apr_off_t readbytes)
{
    apr_bucket_alloc_t *alloc = f->c->bucket_alloc;

    (void)mode, (void)block, (void)readbytes;
    f->r->status = 418;
    f->r->status_line = "418 By A Filter";
    f->c->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_immortal_create("short and stout", 15, alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    (void)ap_pass_brigade(f->r->output_filters, bb);
    apr_brigade_cleanup(bb);
    return AP_FILTER_ERROR;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_register_input_filter("TEST_SPLIT", split, NULL, AP_FTYPE_CONTENT_SET);
    ap_register_input_filter("TEST_HOLD", hold, NULL, AP_FTYPE_CONTENT_SET);
    ap_register_input_filter("TEST_NOTHING", nothing, NULL, AP_FTYPE_CONTENT_SET);
    ap_register_input_filter("TEST_ANSWER", answer, NULL, AP_FTYPE_CONTENT_SET);
}

AP_DECLARE_MODULE(test_bodies) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
