/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ASK_H
#define GT_ASK_H

/**
 * @file ask.h
 * A request in Graph's words, to whichever provider the grant is of. Microsoft's goes to Graph as
 * it is. Of Google, the requests of calendars are translated both ways (google_calendar.h); of
 * Google and any OpenID provider, `/me` is its userinfo endpoint. All go by gt_call: token, place
 * at the mailbox, one repeat after a 401. Work of one task, whose pool has the results. Source:
 * OpenID Connect Core 1.0, section 5.3.
 */

#include "graph/call.h"
#include "graph/relink.h"
#include "translate/google_calendar.h"

/** Work: ask. */
typedef struct gt_ask_t {
    gt_call_t call;         /* in and out: as for gt_call; its params in Graph's words */
    gt_relink_fn *relink;   /* in: makes the link to a further page ours; NULL: it stays */
    void *baton;            /* in: of relink */
    json_t *value;          /* out: an answer that was translated; NULL: it has none */
    int status;             /* out: of such an answer; 0: the transfer of `call` has the answer */
    const char *tag;        /* out: its entity tag, or NULL */
    gt_graph_params_t wish; /* own: the request as it came */
    gt_google_ask_t google; /* own */
    gt_discover_t discover; /* own */
    gt_call_t look;         /* own: at the event that is changed, or that a repeat has made */
    gt_err_t *failure;      /* own */
} gt_ask_t;
/** Fails as gt_call does, with GT0723 where the provider has no such API, and as gt_google_request
 * does. */
extern const gt_work_t gt_ask;

/** The address that a provider's calendars are below: Graph's, or GraphTokCalendarURL; NULL: it has
 * none. */
const char *gt_calendar_base(const gt_provider_conf_t *conf);

#endif
