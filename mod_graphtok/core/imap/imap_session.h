/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IMAP_SESSION_H
#define GT_IMAP_SESSION_H

/**
 * @file imap_session.h
 * A session with an IMAP server: dialled by the loop, signed in, then one command after
 * the other. A session belongs to one task, whose pool it lives in, and ends with it; no thread
 * waits for the server.
 */

#include "base/secret.h"
#include "imap/imap_answer.h"
#include "imap/imap_refusal.h"
#include "task/task.h"

/** Where a session goes. Texts stay the caller's. */
typedef struct gt_imap_server_t {
    const char *url;                     /* imaps://HOST:PORT, or imap://HOST:PORT for STARTTLS */
    const char *ca_file;                 /* PEM; NULL: the system's */
    const char *pins;                    /* net/pins.h; NULL: any key */
    const char *local_end;               /* net/local_end.h; NULL: as the system routes it */
    const char *proxy;                   /* "http://host:port"; NULL: none */
    const gt_secret_t *proxy_login;      /* "user:password"; NULL: none */
    apr_interval_time_t connect_timeout; /* µs; 0: that of a transfer */
} gt_imap_server_t;

typedef struct gt_imap_session_t gt_imap_session_t;

/** Make one; nothing is dialled yet. Between two commands it says LOGOUT when its pool goes.
 * @return GT_INTERNAL for a server that cannot be dialled */
GT_MUST gt_err_t *gt_imap_session_make(gt_imap_session_t **session, const gt_imap_server_t *server,
                                       gt_loop_t *loop, apr_pool_t *p);

/** 1 when the server said that it can do this, such as "CONDSTORE", in any case of letters. */
int gt_imap_can(const gt_imap_session_t *session, const char *capability);

/** The function that an answer is given to, while its command is under way. The answer lives no
 * longer than the call. @return a failure ends the session's use */
typedef gt_err_t *gt_imap_take_fn(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p);

/**
 * Work: dial and sign in by a token (XOAUTH2, or OAUTHBEARER of RFC 7628 where that alone is
 * offered), or by a password (PLAIN of RFC 4616, or LOGIN where that is not offered), over TLS
 * always. Failures: the network's; GT_SIGN_IN: the server refuses the token or the password;
 * GT_FORBIDDEN: the token is good, but not for this mailbox; GT_UPSTREAM: the server cannot judge
 * it now, or offers no such sign-in.
 */
typedef struct gt_imap_sign_in_t {
    gt_imap_session_t *session;
    const char *mailbox;          /* whose: the user's address, or a shared mailbox's */
    const gt_secret_t *token;     /* NULL: by the password */
    const gt_secret_t *password;  /* NULL: by the token */
    apr_interval_time_t patience; /* µs, for the server's answers; 0: 30 s */
} gt_imap_sign_in_t;
extern const gt_work_t gt_imap_sign_in;

/**
 * Work: one command, to its end. Failures: the network's; GT_TIMEOUT when the server's answer is
 * not whole in time; GT_UPSTREAM: no IMAP, BYE, or a passing trouble; GT_NOT_FOUND: no such folder;
 * GT_FORBIDDEN; GT_REFUSED: any other NO, and BAD.
 */
typedef struct gt_imap_command_t {
    gt_imap_session_t *session;
    const char *text;             /* "UID FETCH 1:5 (UID FLAGS)": without tag and line end */
    apr_interval_time_t patience; /* µs, for the whole answer; 0: 60 s */
    int is_long;                  /* 1: the patience is that for each of its answers */
    gt_imap_take_fn *take;        /* gets all answers, the tagged one too; NULL: none is wanted */
    void *baton;
    gt_imap_take_fn *go_on; /* gets the server's "+"; NULL: there is none to be expected */
    const char *literal;    /* is sent at the server's "+" (RFC 3501 section 4.3), to the end of the
                             * command, whose line end it has; NULL: none */
    apr_size_t literal_len; /* its bytes, the line end too */
    apr_size_t given;       /* out: how many of them were sent */
    int is_wanted;          /* own: the server has asked for them */
    gt_imap_by_t sign_in;   /* own: a NO is this secret's */
    const char *own_tag;    /* own */
    apr_time_t ends_at;     /* own: ticks */
} gt_imap_command_t;
extern const gt_work_t gt_imap_command;

/** Send a line within a command, as an answer to the server's "+". @param line  without its end */
GT_MUST gt_err_t *gt_imap_say(gt_imap_session_t *session, const char *line);

/**
 * Work: wait for news of the selected folder (RFC 2177), no longer than until a moment. News is any
 * answer but a status; the answers go to `take`. Failures as those of a command.
 */
typedef struct gt_imap_idle_t {
    gt_imap_session_t *session;
    apr_time_t until; /* ticks: at most 29 minutes ahead, and within the token's life */
    gt_imap_take_fn *take;
    void *baton;
    int has_news;              /* out */
    int is_idling;             /* own: the server waits for news, too */
    gt_imap_command_t command; /* own */
} gt_imap_idle_t;
extern const gt_work_t gt_imap_idle;

#endif
