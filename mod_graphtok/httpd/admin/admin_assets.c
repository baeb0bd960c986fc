/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file admin_assets.c Files of this folder, compiled in as bytes (Makefile.am). A name with the
 * digest of another version, as a page of another node has it during an upgrade, gets our version,
 * which browsers do not keep then. */

#include "admin/admin_assets.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_protocol.h>

#include "base/text.h"
#include "request/answer.h"

#define DIGEST_DIGITS 16

/* admin_bytes.c, which Makefile.am makes. */
extern const unsigned char gtm_admin_css[], gtm_admin_js[], gtm_admin_svg[];
extern const unsigned long gtm_admin_css_len, gtm_admin_js_len, gtm_admin_svg_len;

static const struct {
    const char *extension, *type;
    const unsigned char *bytes;
    const unsigned long *len;
} files[] = {
    {".css", "text/css; charset=utf-8", gtm_admin_css, &gtm_admin_css_len},
    {".js", "text/javascript; charset=utf-8", gtm_admin_js, &gtm_admin_js_len},
    {".svg", "image/svg+xml", gtm_admin_svg, &gtm_admin_svg_len},
};

#define FILES ((int)(sizeof(files) / sizeof(files[0])))
#define STEM "admin-"

static const char *digest_of(int file, apr_pool_t *p)
{
    unsigned char digest[32];

    gt_sha256(digest, files[file].bytes, *files[file].len);
    return gt_hex(digest, DIGEST_DIGITS / 2, p);
}

static const char *name_of(int file, apr_pool_t *p)
{
    return apr_pstrcat(p, STEM, digest_of(file, p), files[file].extension, NULL);
}

const char *gtm_admin_asset_name(const char *extension, apr_pool_t *p)
{
    int file = 0;

    while (strcmp(files[file].extension, extension) != 0)
        file++;
    return name_of(file, p);
}

/* The file of such a name with any digest; -1: there is none. */
static int find(const char *name)
{
    const apr_size_t rest = strlen(STEM) + DIGEST_DIGITS;

    if (strlen(name) < rest || strncmp(name, STEM, strlen(STEM)) != 0)
        return -1;
    for (int i = 0; i < FILES; i++)
        if (strcmp(name + rest, files[i].extension) == 0)
            return i;
    return -1;
}

static gt_err_t *show(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    request_rec *r = x->r;
    int file = find(x->param), is_current;

    (void)task;
    if (file < 0)
        return gt_err(r->pool, GT_NOT_FOUND, "GT1253", "the page has no such file");
    is_current = strcmp(x->param, name_of(file, r->pool)) == 0;
    apr_table_setn(r->err_headers_out, "Cache-Control",
                   is_current ? "private, max-age=31536000, immutable" : "no-cache");
    apr_table_setn(r->headers_out, "ETag",
                   apr_pstrcat(r->pool, "\"", digest_of(file, r->pool), "\"", NULL));
    if (ap_meets_conditions(r) == HTTP_NOT_MODIFIED) {
        gtm_answer_empty(x, HTTP_NOT_MODIFIED);
        return GT_OK;
    }
    x->reply = (gtm_reply_t){.status = HTTP_OK,
                             .content_type = files[file].type,
                             .text = (const char *)files[file].bytes,
                             .len = *files[file].len};
    return GT_OK;
}

static gt_step_fn *const asset_steps[] = {show, NULL};
const gt_work_t gtm_admin_asset = {"file of a page", asset_steps, NULL};
