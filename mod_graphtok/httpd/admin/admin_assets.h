/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ADMIN_ASSETS_H
#define GTM_ADMIN_ASSETS_H

/**
 * @file admin_assets.h
 * The style, script and icon of the pages for administrators, which are part of the module. Their
 * addresses hold a digest of their content, so that browsers may keep them for good. Constant; any
 * thread may ask.
 */

#include "request/request.h"

/** The last segment of a file's address, "admin-0123456789abcdef.css". In `p`.
 * @param extension  ".css", ".js" or ".svg" */
const char *gtm_admin_asset_name(const char *extension, apr_pool_t *p);

/** Work (state: gtm_request_t): answer with the file that the path names. */
extern const gt_work_t gtm_admin_asset;

#endif
