/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SESSION_ROWS_H
#define GT_SESSION_ROWS_H

/**
 * @file session_rows.h
 * Rows of browsers' sessions, beside the grants that the sessions stand on. A session is valid by
 * its sealed cookie alone; a row says when it was used, and that it has ended. Rows go with their
 * grant, and a day after their time. A store that is not migrated so far has no such table: its
 * sessions cannot be listed or ended. Functions may block on the database.
 */

#include "store/grant.h"

/** Hexadecimal digits of an id: a hash of what the cookie holds. */
#define GT_SESSION_ID_DIGITS 32

/** A session. Texts live where it does. */
typedef struct gt_session_t {
    const char *id;
    gt_owner_t owner;
    apr_int64_t began_ms; /* Unix ms by the database's clock; 0: not known */
    apr_time_t used_at;   /* as told by the last request that said so; minutes may be missing */
    apr_time_t ends_at;
    const char *sid;     /* a hash of the provider's name for its own session; NULL: none */
    const char *address; /* the network of the client, "192.0.2.0/24"; NULL: not known */
    const char *agent;   /* "Firefox, Linux"; NULL: not known */
} gt_session_t;

/** The sessions of an owner that have ended. */
typedef struct gt_ended_t {
    apr_int64_t until_ms;    /* all that began up to this moment; 0: none */
    apr_array_header_t *ids; /* of const char *: single ones */
    int has_more;            /* 1: there are more single ones than were asked for */
} gt_ended_t;

/**
 * Note that a session began, or is used.
 * @param session  began_ms 0: now; out: as the row has it, unchanged where there is no row
 * @param left     until it ends, µs
 */
GT_MUST gt_err_t *gt_session_note(gt_session_t *session, gt_store_t *store,
                                  apr_interval_time_t left, apr_pool_t *p);

/**
 * End one session of an owner, whether there is a row of it or not.
 * @param ended  1: it was not over before
 * @param left   until it would have ended, µs
 * @return GT_INTERNAL when the store has no table for that
 */
GT_MUST gt_err_t *gt_session_end(int *ended, gt_store_t *store, const gt_session_t *session,
                                 apr_interval_time_t left, apr_pool_t *p);

/** End all sessions of an owner that began until `ago` before now. @param ended  how many had
 * rows */
GT_MUST gt_err_t *gt_sessions_end(int *ended, gt_store_t *store, const gt_owner_t *owner,
                                  apr_interval_time_t ago, apr_pool_t *p);

/** The owners of grants of a person, by the provider's id (gt_identity_t): array of gt_owner_t. */
GT_MUST gt_err_t *gt_sessions_owners(apr_array_header_t **owners, gt_store_t *store,
                                     const char *provider, const char *subject, apr_pool_t *p);

/** Names a session that is to be ended. The members that are not NULL must fit. */
typedef struct gt_session_mark_t {
    const char *id;       /* or */
    const char *sid;      /* with */
    const char *provider; /* whose it is */
} gt_session_mark_t;

/** End sessions whose owners are not known. @param ended array of gt_session_t: id and owner */
GT_MUST gt_err_t *gt_sessions_end_marked(apr_array_header_t **ended, gt_store_t *store,
                                         const gt_session_mark_t *mark, apr_pool_t *p);

/** The sessions of an owner that have ended, at most `most` single ones. */
GT_MUST gt_err_t *gt_sessions_ended(gt_ended_t *ended, gt_store_t *store, const gt_owner_t *owner,
                                    int most, apr_pool_t *p);

/** 1 when this one has ended by itself. */
GT_MUST gt_err_t *gt_session_has_ended(int *has, gt_store_t *store, const gt_owner_t *owner,
                                       const char *id, apr_pool_t *p);

/** A piece of the sessions, by owner and id. */
typedef struct gt_sessions_page_t {
    apr_array_header_t *sessions; /* of gt_session_t: those of the piece that have not ended */
    gt_session_t last;            /* of the piece, ended or not: the next one begins behind it */
    int has_more;                 /* 1: there may be another piece */
} gt_sessions_page_t;

/**
 * Look at a piece of the sessions. It costs the same however many of them have ended.
 * @param page   in `p`
 * @param owner  whose; NULL: all
 * @param after  those behind this one; NULL: from the first
 * @param most   rows to look at, ended ones too
 */
GT_MUST gt_err_t *gt_sessions_list(gt_sessions_page_t *page, gt_store_t *store,
                                   const gt_owner_t *owner, const gt_session_t *after, int most,
                                   apr_pool_t *p);

/** Delete rows whose time has been over for a day. @param dropped how many */
GT_MUST gt_err_t *gt_sessions_purge(int *dropped, gt_store_t *store, int most, apr_pool_t *p);

#endif
