/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SYNC_RUN_H
#define GT_SYNC_RUN_H

/** @file sync_run.h The inside of a round: for the sync files alone. */

#include <apr_hash.h>

#include "imap/imap_fetched.h"
#include "imap/imap_session.h"
#include "imap/uid_set.h"
#include "mail/mail_session.h"
#include "mail/sync.h"
#include "store/mail_message.h"

/** A folder as the server lists it. */
typedef struct gt_listed_t {
    const char *name; /* UTF-8 */
    const char *wire; /* quoted, as a command's argument */
    const char *use;  /* its special use, "\Sent"; NULL: none */
    int has_status;   /* 1: the members below were told with the list */
    apr_int64_t uidvalidity, uidnext, exists, modseq;
} gt_listed_t;

struct gt_mail_run_t {
    gt_mail_sync_t *sync;
    apr_pool_t *pool; /* the task's */
    gt_mail_session_t open;
    gt_imap_session_t *session; /* that of `open` */
    apr_time_t keep_at;         /* ticks: the claim is to be made longer then */
    apr_time_t must_end_at;     /* ticks: a server that goes on for ever is left then */
    apr_hash_t *by_wire;        /* gt_listed_t, by the name as the server writes it */
    apr_hash_t *by_name;        /* the same, by the name in rows */
    apr_array_header_t *list;   /* of gt_listed_t * */
    apr_array_header_t *kept;   /* of gt_mail_folder_t, by name */
    int has_qresync;            /* 1: it is enabled */
    int has_inbox;              /* the list names it: it is one */
    int unreadable;             /* folders whose name cannot be read, … */
    const char *unread_name;    /* … and the first of these names */
    int names;                  /* in the list, as often as they came */
    int next;                   /* in `list` */
    int gone;                   /* in `kept`: those before it were looked for in the list */
    apr_pool_t *folder_pool;
    struct gt_folder_run_t *folder; /* under way */
    gt_err_t *folder_err;           /* how it ended */
    gt_err_t *write_err;            /* how its last batch did, where it was handed over */
    gt_imap_command_t command;      /* under way */
    gt_imap_take_fn *take;          /* gets its answers, with the baton; NULL: none is wanted */
    void *baton;
    gt_err_t *refused; /* of gt_run_command_try; GT_OK: none */
};

typedef struct gt_folder_run_t gt_folder_run_t;

/** Work: find which UIDs of a range the server has, and put them into an array of
 * gt_imap_range_t, sorted. */
typedef struct gt_folder_find_t {
    gt_folder_run_t *folder;
    apr_int64_t from, to;      /* to 0: to the last */
    apr_array_header_t *found; /* out */
    int has_answer;            /* own: of the search */
    apr_int64_t rest_to;       /* own: what the server has not looked at ends here; 0: nothing */
    int by_fetch;              /* own */
} gt_folder_find_t;
extern const gt_work_t gt_folder_find;

/** A folder under way. */
struct gt_folder_run_t {
    gt_mail_run_t *run;
    const gt_listed_t *listed;
    apr_pool_t *pool;
    gt_mail_folder_t place; /* as it stands in its row, and is to stand there */
    int is_new;             /* 1: it has no row */
    int is_anew;            /* 1: all of it is read */

    /* as EXAMINE says; 0: not told */
    apr_int64_t uidvalidity, uidnext, exists, modseq;
    int by_qresync;         /* 1: EXAMINE tells changes as well */
    int is_limited;         /* 1: not all of these (RFC 9738, MESSAGELIMIT) */
    apr_int64_t changes_to; /* up to which UID changes are asked for; 0: none are, or the last */
    apr_int64_t rest_to;    /* of these, what the server has not looked at ends here; 0: nothing */

    apr_array_header_t *gone;     /* of gt_imap_range_t: messages that the server told gone */
    apr_array_header_t *present;  /* of gt_imap_range_t; NULL: not asked for */
    int is_scanned;               /* 1: `present` came with all flags */
    apr_array_header_t *known;    /* of gt_imap_range_t: rows */
    apr_int64_t known_after;      /* up to which they were read */
    apr_array_header_t *wanted;   /* of gt_imap_range_t: to be fetched, sorted */
    apr_int64_t found;            /* how many new ones */
    apr_int64_t removed;          /* rows */
    apr_array_header_t *new_ones; /* of gt_imap_range_t: messages from place.uidnext on */
    int is_comparing;             /* 1: rows and server are held against each other */
    int is_finishing;             /* 1: what is written next is the last of this round */
    gt_folder_find_t find;        /* under way */

    /* a chunk of messages that is being fetched */
    apr_pool_t *chunk_pool;
    apr_array_header_t *chunk; /* of gt_imap_range_t; empty: none */
    apr_array_header_t *taken; /* of apr_uint32_t: those of it that came */
    int single_left;           /* so many are asked for one at a time, since the server refused
                                * them together */

    /* rows that are not written so far */
    apr_pool_t *batch_pool;      /* goes to the job that writes them; NULL: none */
    apr_array_header_t *fresh;   /* of gt_mail_message_t */
    apr_array_header_t *flagged; /* of gt_mail_flags_t */
    apr_size_t batch_size;       /* bytes of texts in it */

    gt_flight_t *writing;     /* the batch before, which a job writes; NULL: none */
    apr_pool_t *writing_pool; /* keeps it */
};

/** A folder's run, to be begun. @param kept  its row, or NULL */
gt_folder_run_t *gt_folder_make(gt_mail_run_t *run, const gt_listed_t *listed,
                                const gt_mail_folder_t *kept, apr_pool_t *p);

/** Work: one folder (state: a gt_folder_run_t). */
extern const gt_work_t gt_folder_sync;

/** Work: the rest of a folder: read what `wanted` names. */
extern const gt_work_t gt_folder_fetch;

/** 1 when the server refuses one thing, and goes on with others. */
int gt_run_is_no(const gt_err_t *err);

/** The command that is next: it runs before the next step. @param baton  of `take` */
void gt_run_command(gt_task_t *task, gt_mail_run_t *run, const char *text, gt_imap_take_fn *take,
                    void *baton);

/** The same; a failure of it goes to the run's `refused`. */
void gt_run_command_try(gt_task_t *task, gt_mail_run_t *run, const char *text,
                        gt_imap_take_fn *take, void *baton);

/** Make the claim longer where that is due. @return GT_CANCELLED: stop */
GT_MUST gt_err_t *gt_run_keep(gt_mail_run_t *run, apr_pool_t *p);

/** Names of the list's answers. gt_imap_take_fn; the baton is a run. */
gt_err_t *gt_run_take_list(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p);

/** The command that lists all folders, with what it may tell of each. */
const char *gt_run_list_command(const gt_imap_session_t *session, apr_pool_t *p);

/** 1 when an account's choice has a folder. */
int gt_run_is_chosen(const gt_mail_account_t *account, const gt_listed_t *listed);

/* ---- batches ---- */

/** A message that was fetched: read it, and put its row into the batch. */
GT_MUST gt_err_t *gt_batch_message(gt_folder_run_t *folder, const gt_imap_fetched_t *fetched,
                                   const gt_imap_value_t *body);

/** A row for a message that its server does not give. */
void gt_batch_blank(gt_folder_run_t *folder, apr_int64_t uid);

/** Flags of a message. Writes the batch when it is full. */
GT_MUST gt_err_t *gt_batch_flags(gt_folder_run_t *folder, const gt_imap_fetched_t *fetched);

/** Hand the batch over, with the folder's place, to a job which writes it while the next one is
 * read. The one before was settled. */
GT_MUST gt_err_t *gt_batch_hand_over(gt_folder_run_t *folder);

/** Work: wait until the batch that was handed over is written (state: a gt_folder_run_t). Its
 * failure is the job's; GT_CANCELLED: the claim was lost. */
extern const gt_work_t gt_batch_settle;

/** Write the batch now, with the folder's place and up to GT_MAIL_BATCH ranges of messages that are
 * gone, which may be NULL. @param removed  out: rows that went; may be NULL */
GT_MUST gt_err_t *gt_batch_write(gt_folder_run_t *folder, const apr_array_header_t *gone,
                                 int *removed);

/* ---- sets ---- */

/** The UIDs of a that are not in b; both are sorted, and so is the result, in `p`. */
apr_array_header_t *gt_uids_without(const apr_array_header_t *a, const apr_array_header_t *b,
                                    apr_pool_t *p);

/** Take the first `most` UIDs out of a sorted set. @return them, in `p` */
apr_array_header_t *gt_uids_cut(apr_array_header_t *set, int most, apr_pool_t *p);

/** Add a UID to a set that is made in any order, and sorted at its end. @return GT_UPSTREAM: it has
 * too many ranges */
GT_MUST gt_err_t *gt_uids_add(apr_array_header_t *set, apr_uint32_t uid, apr_pool_t *p);

/** A server may look at so many messages of a command only, the last ones, and say at which it
 * ended (RFC 9738, MESSAGELIMIT).
 * @param to  0: to the last. @return where the rest of from:to ends; 0: nothing was left out */
apr_int64_t gt_uids_rest(const gt_imap_answer_t *answer, apr_int64_t from, apr_int64_t to);

#endif
