/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The error value and the one table that says what a class of failure means: to HTTP (RFC 9110,
 * RFC 6585), to the command line (sysexits(3)), to the log and to the grant. Answers, exit codes,
 * log lines and verdicts about grants come from the table; no other code compares numbers.
 */

#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <apr_strings.h>

#include "base/log.h"

/* Longest detail: a log line and a problem document must stay readable. */
#define DETAIL_MAX 2000

/* Longest text of the system for one of its errors. */
#define WORDS_MAX 120

/* Most wrong fields in one answer: enough for any form, a bound for a hostile body. */
#define FIELDS_MAX 100

/* The wait for GT_STORE_AWAY and GT_BUSY: a failover, or a queue that drains, passes as a rule
 * within a second. */
#define A_MOMENT APR_USEC_PER_SEC

/* 499 is not registered; proxies write it when the client went away first. */
static const gt_class_row_t class_rows[GT_CLASSES] = {
    [GT_INVALID] = {"invalid-request", "The request is not valid", 400, EX_DATAERR, GT_LOG_DEBUG, 0,
                    0, GT_EFFECT_NONE},
    [GT_TOO_LARGE] = {"too-large", "The request is too large", 413, EX_DATAERR, GT_LOG_DEBUG, 0, 0,
                      GT_EFFECT_NONE},
    [GT_UNSUPPORTED] = {"unsupported-media-type", "The media type is not supported", 415,
                        EX_DATAERR, GT_LOG_DEBUG, 0, 0, GT_EFFECT_NONE},
    [GT_FORBIDDEN] = {"forbidden", "Not allowed", 403, EX_NOPERM, GT_LOG_INFO, 0, 0,
                      GT_EFFECT_NONE},
    [GT_NOT_FOUND] = {"not-found", "Not found", 404, EX_NOINPUT, GT_LOG_DEBUG, 0, 0,
                      GT_EFFECT_NONE},
    [GT_METHOD] = {"method-not-allowed", "Method not allowed", 405, EX_DATAERR, GT_LOG_DEBUG, 0, 0,
                   GT_EFFECT_NONE},
    [GT_CONFLICT] = {"conflict", "In conflict with what is stored", 409, EX_DATAERR, GT_LOG_INFO, 0,
                     0, GT_EFFECT_NONE},
    [GT_LIMITED] = {"rate-limited", "Too many requests", 429, EX_TEMPFAIL, GT_LOG_DEBUG, 1, 0,
                    GT_EFFECT_NONE},
    [GT_SIGN_IN] = {"sign-in-required", "Sign-in required", 401, EX_NOPERM, GT_LOG_INFO, 0, 0,
                    GT_EFFECT_DEACTIVATE},
    [GT_INTERACTION] = {"interaction-required", "The provider asks for the user", 401, EX_NOPERM,
                        GT_LOG_INFO, 0, 0, GT_EFFECT_INTERACT},
    [GT_OVER] = {"sign-in-over", "This sign-in is over", 400, EX_NOPERM, GT_LOG_INFO, 0, 0,
                 GT_EFFECT_NONE},
    [GT_REFUSED] = {"refused", "Refused by the provider", 502, EX_PROTOCOL, GT_LOG_INFO, 0, 0,
                    GT_EFFECT_COUNT},
    [GT_CLIENT_BROKEN] = {"client-broken", "Our registration at the provider does not work", 502,
                          EX_CONFIG, GT_LOG_ERROR, 0, 0, GT_EFFECT_NONE},
    [GT_THROTTLED] = {"throttled", "The provider asks us to wait", 429, EX_TEMPFAIL, GT_LOG_WARNING,
                      1, 0, GT_EFFECT_NONE},
    [GT_UPSTREAM] = {"upstream-failed", "The provider failed or cannot be reached", 502,
                     EX_TEMPFAIL, GT_LOG_WARNING, 1, 0, GT_EFFECT_NONE},
    [GT_TIMEOUT] = {"upstream-timeout", "The provider did not answer in time", 504, EX_TEMPFAIL,
                    GT_LOG_WARNING, 1, 0, GT_EFFECT_NONE},
    [GT_STORE_AWAY] = {"store-away", "The database cannot be reached", 503, EX_TEMPFAIL,
                       GT_LOG_ERROR, 1, A_MOMENT, GT_EFFECT_NONE},
    [GT_BUSY] = {"busy", "Too busy at the moment", 503, EX_TEMPFAIL, GT_LOG_WARNING, 1, A_MOMENT,
                 GT_EFFECT_NONE},
    [GT_CANCELLED] = {"cancelled", "The caller waits no longer", 499, EX_TEMPFAIL, GT_LOG_DEBUG, 1,
                      0, GT_EFFECT_NONE},
    [GT_DAMAGED] = {"damaged", "A stored value cannot be opened", 500, EX_DATAERR, GT_LOG_ERROR, 0,
                    0, GT_EFFECT_NONE},
    [GT_INTERNAL] = {"internal-error", "Internal error", 500, EX_SOFTWARE, GT_LOG_ERROR, 0, 0,
                     GT_EFFECT_NONE},
};

static char *print_detail(apr_pool_t *p, const char *before, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/* APR's own printf has other conversions than C's, so the compiler's checks would not fit it. */
static char *print_detail(apr_pool_t *p, const char *before, const char *fmt, va_list args)
{
    char text[DETAIL_MAX];

    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        text[0] = '\0';
    return before == NULL ? apr_pstrdup(p, text) : apr_pstrcat(p, text, ": ", before, NULL);
}

gt_err_t *gt_err(apr_pool_t *p, gt_class_t cls, const char *tag, const char *fmt, ...)
{
    const gt_err_t made = {.cls = cls, .tag = tag, .pool = p};
    gt_err_t *err = apr_pmemdup(p, &made, sizeof(made));
    va_list args;

    assert(cls < GT_CLASSES);
    assert(tag != NULL && strlen(tag) == 6 && tag[0] == 'G' && tag[1] == 'T');
    va_start(args, fmt);
    err->detail = print_detail(p, NULL, fmt, args);
    va_end(args);
    return err;
}

static int exit_code_of(apr_status_t error)
{
    if (APR_STATUS_IS_ENOENT(error) || APR_STATUS_IS_ENOTDIR(error) || error == EISDIR ||
        error == ELOOP)
        return EX_NOINPUT;
    return APR_STATUS_IS_EACCES(error) || error == EPERM ? EX_NOPERM : EX_IOERR;
}

gt_err_t *gt_err_file(apr_pool_t *p, gt_class_t cls, const char *tag, apr_status_t error,
                      const char *fmt, ...)
{
    char words[WORDS_MAX];
    gt_err_t *err = gt_err(p, cls, tag, "%s", apr_strerror(error, words, sizeof(words)));
    va_list args;

    va_start(args, fmt);
    err->detail = print_detail(p, err->detail, fmt, args);
    va_end(args);
    err->exit_code = exit_code_of(error);
    return err;
}

gt_err_t *gt_err_in(gt_err_t *err, const char *fmt, ...)
{
    va_list args;

    if (err == GT_OK)
        return GT_OK;
    va_start(args, fmt);
    err->detail = print_detail(err->pool, err->detail, fmt, args);
    va_end(args);
    return err;
}

gt_err_t *gt_err_may_be_done(gt_err_t *err, const char *transaction_id)
{
    err->may_be_done = 1;
    err->transaction_id = apr_pstrdup(err->pool, transaction_id);
    err->detail =
        apr_pstrcat(err->pool, err->detail,
                    transaction_id != NULL ? "; it may have been done: a repeat with the same "
                                             "transactionId makes no second event"
                                           : "; it may have been done",
                    NULL);
    return err;
}

gt_err_t *gt_err_dup(const gt_err_t *err, apr_pool_t *p)
{
    gt_err_t *copy;
    int i;

    if (err == GT_OK)
        return GT_OK;
    copy = apr_pmemdup(p, err, sizeof(*err));
    copy->pool = p;
    copy->tag = apr_pstrdup(p, err->tag);
    copy->detail = apr_pstrdup(p, err->detail);
    copy->code = apr_pstrdup(p, err->code);
    copy->request_id = apr_pstrdup(p, err->request_id);
    copy->transaction_id = apr_pstrdup(p, err->transaction_id);
    copy->message_id = apr_pstrdup(p, err->message_id);
    copy->claims = apr_pstrdup(p, err->claims);
    copy->tenant = apr_pstrdup(p, err->tenant);
    copy->prompt = apr_pstrdup(p, err->prompt);
    copy->fields = NULL;
    for (i = 0; err->fields != NULL && i < err->fields->nelts; i++) {
        const gt_field_error_t *wrong = &APR_ARRAY_IDX(err->fields, i, gt_field_error_t);

        gt_err_field(copy, wrong->field, wrong->message);
    }
    return copy;
}

void gt_err_field(gt_err_t *err, const char *field, const char *message)
{
    gt_field_error_t *wrong;

    assert(err != NULL);
    if (err->fields == NULL)
        err->fields = apr_array_make(err->pool, 4, sizeof(gt_field_error_t));
    if (err->fields->nelts >= FIELDS_MAX)
        return;
    wrong = apr_array_push(err->fields);
    wrong->field = apr_pstrdup(err->pool, field);
    wrong->message = apr_pstrdup(err->pool, message);
}

const gt_class_row_t *gt_class_row(gt_class_t cls)
{
    return &class_rows[cls < GT_CLASSES ? cls : GT_INTERNAL];
}

int gt_err_level(const gt_err_t *err)
{
    int level = gt_class_row(err->cls)->log_level;

    return err->is_ours && level > GT_LOG_ERROR ? GT_LOG_ERROR : level;
}

const char *gt_err_told(const gt_err_t *err, apr_pool_t *p)
{
    if (gt_err_level(err) > GT_LOG_ERROR)
        return err->detail;
    return apr_pstrcat(p, "the reason stands in the server's log, with the tag ", err->tag, NULL);
}

int gt_err_status(const gt_err_t *err)
{
    return err->status != 0 ? err->status : gt_class_row(err->cls)->status;
}

int gt_err_exit_code(const gt_err_t *err)
{
    return err->exit_code != 0 ? err->exit_code : gt_class_row(err->cls)->exit_code;
}

apr_interval_time_t gt_err_wait(const gt_err_t *err)
{
    return err->retry_after > 0 ? err->retry_after : gt_class_row(err->cls)->wait;
}
