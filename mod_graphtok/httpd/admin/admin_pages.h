/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ADMIN_PAGES_H
#define GTM_ADMIN_PAGES_H

/**
 * @file admin_pages.h
 * The pages for administrators, a file for each. A page is made of the JSON with which the API
 * answers the same question. Each function answers its request,
 * unless it says otherwise.
 */

#include "admin/admin_frame.h"
#include "base/json.h"
#include "request/request.h"

/** admin_overview.c: sums of the store, with pictures of what happened and what is ahead. */
void gtm_admin_overview(gtm_request_t *x, const json_t *value);

/** admin_grants.c: the table of grants, with its filter. */
void gtm_admin_grants(gtm_request_t *x, const json_t *value);

/** admin_grant.c: one grant, with its history and what can be done to it. */
void gtm_admin_grant(gtm_request_t *x, const json_t *value);

/** admin_grant.c: the way on after an act on one grant. */
void gtm_admin_acted(gtm_request_t *x, const json_t *value);

/** admin_accounts.c: the mail accounts, with what can be done to each. */
void gtm_admin_accounts(gtm_request_t *x, const json_t *value);

/** admin_accounts.c: the way on after an act on a mail account. */
void gtm_admin_account_acted(gtm_request_t *x, const json_t *value);

/** admin_jobs.c: the newest jobs over many grants. */
void gtm_admin_jobs(gtm_request_t *x, const json_t *value);

/** admin_jobs.c: one job, with its bar and a result for each grant. */
void gtm_admin_job(gtm_request_t *x, const json_t *value);

/** admin_jobs.c: the way on after a job was stopped or continued. */
void gtm_admin_job_set(gtm_request_t *x, const json_t *value);

/** admin_grant.c: write that an act was done, on the page that it led to. */
void gtm_admin_tell_done(gtm_admin_page_t *page);

/** admin_overview.c: the way on after a cleanup. */
void gtm_admin_cleaned(gtm_request_t *x, const json_t *value);

#endif
