/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ERR_H
#define GT_ERR_H

/**
 * @file err.h
 * One error value. A function that can fail returns gt_err_t *; NULL is success; GT_TRY hands a
 * failure to our own caller. One table (gt_class_row) says, by class, an error's meaning for HTTP,
 * the command line, the log and the grant; no other code maps errors.
 *
 * Detail texts are for people: no token, code, verifier, secret, key or SQL may stand in one.
 * An error lives in the pool it was made with. Not shared between threads.
 */

#include "gt.h"

typedef enum gt_class_t {
    GT_INVALID,     /* the request is wrong; `fields` may say where */
    GT_TOO_LARGE,   /* the request is larger than the administrator allows */
    GT_UNSUPPORTED, /* the request's media type is not JSON */
    GT_FORBIDDEN,   /* the caller may not do this */
    GT_NOT_FOUND,   /* no such route or object */
    GT_METHOD,      /* the route exists, but not for this method */
    GT_CONFLICT,    /* e.g. the grant belongs to another person */
    GT_LIMITED,     /* our own limit: retry_after is set */
    GT_SIGN_IN,     /* the user must sign in (again): the grant is missing or dead */
    GT_INTERACTION, /* the provider wants the user (MFA, consent); grant kept, claims may be set */
    GT_OVER,        /* a sign-in that is not under way (any more): begin another */
    GT_REFUSED,     /* the provider or its API said no to this call; `status` has its own status */
    GT_CLIENT_BROKEN, /* our registration or secret at the provider: alarm, no user touched */
    GT_THROTTLED,     /* the provider asks us to wait: retry_after */
    GT_UPSTREAM,      /* the provider is down, unreachable or answers rubbish */
    GT_TIMEOUT,       /* the provider did not answer in time */
    GT_STORE_AWAY,    /* the database is away */
    GT_BUSY,          /* a bounded queue of ours is full: retry_after */
    GT_CANCELLED,     /* the client has gone, or the child ends */
    GT_DAMAGED,       /* a stored value cannot be opened: wrong key, tampered, moved */
    GT_INTERNAL,      /* ours */
    GT_CLASSES
} gt_class_t;

/** How far the cause of a failure reaches: it decides how much else stops besides the call that met
 * it. */
typedef enum gt_extent_t {
    GT_EXTENT_CALL,         /* this call's; another one may pass at once */
    GT_EXTENT_USER,         /* of one user's account or grant */
    GT_EXTENT_MAILBOX,      /* of all calls at one mailbox */
    GT_EXTENT_TENANT,       /* of all users of one tenant of the provider */
    GT_EXTENT_REGISTRATION, /* of all users of our registration at the provider */
    GT_EXTENT_PROVIDER      /* of all calls to the provider */
} gt_extent_t;

/** The effect of a failure on its grant. */
typedef enum gt_effect_t {
    GT_EFFECT_NONE,       /* nothing */
    GT_EFFECT_COUNT,      /* counts towards the three errors */
    GT_EFFECT_DEACTIVATE, /* refused by the provider: inactive, sign in again */
    GT_EFFECT_INTERACT    /* a state of its own; the refresh token is kept */
} gt_effect_t;

/** Words for a person instead of those for the class, where these would mislead. */
typedef enum gt_hint_t {
    GT_HINT_NONE,
    GT_HINT_CANCELLED, /* the user ended the sign-in */
    GT_HINT_ACCOUNT,   /* this account may not sign in here; another one may */
    GT_HINTS
} gt_hint_t;

/** One row of the table of classes. */
typedef struct gt_class_row_t {
    const char *name;  /* last part of the problem type, e.g. "sign-in-required" */
    const char *title; /* problem title, the same for each occurrence */
    int status;        /* HTTP status */
    int exit_code;     /* graphtokctl's exit code, sysexits(3) */
    int log_level;     /* APLOG_* number: 3 error, 4 warning, 6 info, 7 debug */
    int may_retry;     /* 1: the same call may pass later */
    apr_interval_time_t
        wait; /* µs after which that makes sense, unless the error says; 0: unknown */
    gt_effect_t effect;
} gt_class_row_t;

/** One wrong field of a request. */
typedef struct gt_field_error_t {
    const char *field;   /* its name as the client wrote it, e.g. "start.dateTime" */
    const char *message; /* what is expected */
} gt_field_error_t;

struct gt_err_t {
    const gt_class_t cls;       /* decided where the error is made, and never rewritten */
    const char *tag;            /* permanent, e.g. "GT0301"; explained in docs/operating.md */
    const char *detail;         /* for people, free of secrets */
    const char *code;           /* the provider's own code ("AADSTS700082"), or NULL */
    const char *request_id;     /* the provider's request or trace id, or NULL */
    const char *transaction_id; /* of the create that may be done, or NULL */
    const char *outcome; /* of a mail: "refused", "temporary" or "unknown", static; NULL: of none */
    const char *message_id;  /* of that mail, or NULL */
    const char *oauth_error; /* as RFC 6749 5.2 calls it to a client of ours; NULL: by class */
    const char *claims;      /* claims challenge (JSON) for the next sign-in, or NULL */
    const char *tenant;      /* that the next sign-in is to be asked for at, or NULL */
    const char *prompt;      /* of the next sign-in ("consent"), or NULL */
    gt_extent_t extent;      /* whose trouble it is */
    gt_hint_t hint;          /* what a person should know */
    int status;              /* HTTP status instead of the class's own; 0: the class's */
    int exit_code;           /* graphtokctl's, the same */
    apr_interval_time_t retry_after; /* µs until a retry makes sense; 0: not said (gt_err_wait) */
    int may_be_done;                 /* 1: the change was sent and may have been carried out */
    int is_ours;                     /* 1: the administrator's to mend, in any class */
    int is_after_sign_in;            /* 1: the user signed in a moment ago, and it did not help */
    apr_array_header_t *fields;      /* of gt_field_error_t, or NULL */
    apr_pool_t *pool;                /* where this error lives */
};

/** Success. */
#define GT_OK ((gt_err_t *)NULL)

/** Hand a failure of EXPR to our own caller. Everything acquired is tied to a pool, so the hidden
 * return is always right. */
#define GT_TRY(expr)                                                                               \
    do {                                                                                           \
        gt_err_t *gt_try_err_ = (expr);                                                            \
        if (gt_try_err_ != GT_OK)                                                                  \
            return gt_try_err_;                                                                    \
    } while (0)

/**
 * Make an error.
 * @param p    where it lives
 * @param cls  its class
 * @param tag  a permanent tag "GTnnnn", unique per meaning (see docs/operating.md)
 * @param fmt  the detail, printf-like (C's printf, not APR's)
 */
GT_MUST GT_NEVER_NULL gt_err_t *gt_err(apr_pool_t *p, gt_class_t cls, const char *tag,
                                       const char *fmt, ...) GT_PRINTF(4, 5);

/**
 * Make an error of the system about a file that is read or a program that is run. Its words end the
 * detail ("/etc/x: Permission denied"), and graphtokctl's exit code follows from it: EX_NOINPUT for
 * a missing file or program, EX_NOPERM for a right that is missing, EX_IOERR for all else.
 * @param error  an errno or what APR returned
 * @param fmt    the detail before the system's words, printf-like
 */
GT_MUST GT_NEVER_NULL gt_err_t *gt_err_file(apr_pool_t *p, gt_class_t cls, const char *tag,
                                            apr_status_t error, const char *fmt, ...)
    GT_PRINTF(5, 6);

/**
 * Put context before an error's detail ("refresh for store main: …"). Cheap; call it once, where
 * the context is known.
 * @return err, for `return gt_err_in(err, …)`
 */
GT_MUST gt_err_t *gt_err_in(gt_err_t *err, const char *fmt, ...) GT_PRINTF(2, 3);

/**
 * The change that failed was sent, and whether it was carried out is not known. Says so in the
 * detail, too; with the transactionId of a create, which makes a repeat harmless.
 * @param transaction_id  copied; NULL: there is none
 * @return err, for `return gt_err_may_be_done(err, …)`
 */
GT_MUST gt_err_t *gt_err_may_be_done(gt_err_t *err, const char *transaction_id);

/** Copy an error, deep, into another pool (from a job's to a request's, say). NULL gives NULL. */
GT_MUST gt_err_t *gt_err_dup(const gt_err_t *err, apr_pool_t *p);

/** Add a wrong field to an error of class GT_INVALID. Both texts are copied. */
void gt_err_field(gt_err_t *err, const char *field, const char *message);

/** The row of a class; never NULL. */
const gt_class_row_t *gt_class_row(gt_class_t cls);

/** The HTTP status an error is answered with: its own, else its class's. */
int gt_err_status(const gt_err_t *err);

/** The level it is logged with: its class's, and at least as an error when the administrator must
 * mend it. */
int gt_err_level(const gt_err_t *err);

/** The exit code graphtokctl ends with: the error's own, else its class's. */
int gt_err_exit_code(const gt_err_t *err);

/**
 * The text that a client gets of an error: its detail, unless the error is the administrator's to
 * mend (it is logged as an error). The words of such an error name files, hosts and keys and stay
 * in the log; the client gets the tag to look for.
 * @return the error's own text, or one in p
 */
const char *gt_err_told(const gt_err_t *err, apr_pool_t *p);

/** µs until a retry makes sense: the error's own, else its class's; 0: not known. */
apr_interval_time_t gt_err_wait(const gt_err_t *err);

#endif
