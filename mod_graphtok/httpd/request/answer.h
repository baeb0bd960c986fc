/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ANSWER_H
#define GTM_ANSWER_H

/**
 * @file answer.h
 * The only place where results and errors become HTTP. Nothing of ours may be cached unless its
 * maker has set Cache-Control. An error is application/problem+json (RFC 9457), or a page where a
 * person looks at it, the administrator's own if there is one (ErrorDocument). Texts in both come
 * through a JSON or HTML encoder. Called by the thread that has the request: a worker, or a
 * finisher (park/park.h).
 */

#include "request/request.h"

/** Answer a JSON value, or the page that its route makes of it. */
void gtm_answer_json(gtm_request_t *x, int status, const json_t *value);

/** Answer a text of a type. */
void gtm_answer_text(gtm_request_t *x, int status, const char *type, const char *text);

/** Answer a page. @param html encoded by the caller */
void gtm_answer_page(gtm_request_t *x, int status, const char *html);

/** Answer with an empty body (204). */
void gtm_answer_empty(gtm_request_t *x, int status);

/** Send the browser elsewhere. @param status 302 or 303 */
void gtm_answer_redirect(gtm_request_t *x, int status, const char *url);

/** Set the status of the answer: the provider's own, too, that no RFC knows. */
void gtm_answer_status(request_rec *r, int status);

/** Answer an error; logs it as its class demands. After a stream's head: cut it off. */
void gtm_answer_error(gtm_request_t *x, const gt_err_t *err);

/** 1 when an error would be answered by an ErrorDocument: another request, which may take its time.
 * @param err NULL: there is none */
int gtm_answer_is_elsewhere(const gtm_request_t *x, const gt_err_t *err);

/** Write the answer. Once, by the side that ends the request. */
void gtm_answer_send(gtm_request_t *x);

/** 1 when a person's browser sends a form from a page, and shows the answer. */
int gtm_answer_is_form(request_rec *r);

/** 1 when a person's browser asks for a page, and not a script. */
int gtm_answer_is_page(request_rec *r);

#endif
