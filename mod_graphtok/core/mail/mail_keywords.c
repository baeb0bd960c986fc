/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The server is asked what each message has now, since the kept copy may be behind; then each class
 * adds its keyword and takes those of the other two away, by two commands at the most. The answers
 * to these say what the server made of it. */

#include <string.h>

#include <apr_strings.h>

#include "imap/folder_name.h"
#include "imap/imap_fetched.h"
#include "imap/uid_set.h"
#include "mail/mail_triage.h"

#define CHANGES (2 * GT_TRIAGE_CLASSES) /* for each class: its keyword comes, others go */

static const gt_work_t change_keywords;

const char *gt_mail_keyword(const char *category, apr_pool_t *p)
{
    char *keyword = apr_pstrdup(p, gt_folder_quoted(category, p));
    char *end = keyword + strlen(keyword) - 1;

    /* Without its quotes; then what an atom cannot hold (RFC 3501 section 9). */
    *end = '\0';
    keyword++;
    for (char *c = keyword; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7F || strchr("(){%*\"\\]", *c))
            *c = '_';
    return keyword;
}

/* ---- messages ---- */

static gt_tagged_t *tagged(const gt_mail_triage_t *run, int i)
{
    return &APR_ARRAY_IDX(run->messages, i, gt_tagged_t);
}

static gt_sorted_t *sorted(const gt_mail_triage_t *run, int i)
{
    return &APR_ARRAY_IDX(run->sorted, i, gt_sorted_t);
}

static int wanted(const gt_mail_triage_t *run, int i)
{
    return 1 << sorted(run, i)->triage.cls;
}

static void fail(const gt_mail_triage_t *run, int i, const char *problem)
{
    if (sorted(run, i)->applied != GT_APPLIED_NOT)
        return;
    sorted(run, i)->applied = GT_APPLIED_FAILED;
    sorted(run, i)->problem = problem;
}

static void fail_all(const gt_mail_triage_t *run, const char *problem)
{
    for (int i = 0; i < run->sorted->nelts; i++)
        fail(run, i, problem);
}

/* Messages of a class that lack its keyword still, or have another one. */
static const char *uids_of(const gt_mail_triage_t *run, int cls, int are_without, apr_pool_t *p)
{
    const char *set = "";

    for (int i = 0; i < run->sorted->nelts; i++) {
        const gt_tagged_t *one = tagged(run, i);
        int is_meant = are_without ? !(one->has & wanted(run, i)) : (one->has & ~wanted(run, i));

        if (sorted(run, i)->applied == GT_APPLIED_NOT && (int)sorted(run, i)->triage.cls == cls &&
            is_meant)
            set = apr_psprintf(p, "%s%s%" APR_INT64_T_FMT, set, *set ? "," : "", one->uid);
    }
    return set;
}

/* ---- answers ---- */

static int keyword_class(const gt_mail_triage_t *run, const gt_imap_value_t *flag)
{
    for (int cls = 0; cls < GT_TRIAGE_CLASSES; cls++)
        if (gt_imap_is(flag, run->keywords[cls]))
            return 1 << cls;
    return 0;
}

static gt_err_t *take_folder(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_triage_t *run = baton;

    (void)p;
    if (answer->form != GT_IMAP_STATUS || answer->code == NULL)
        return GT_OK;
    if (strcasecmp(answer->code, "UIDVALIDITY") == 0 &&
        !gt_imap_number(&run->uidvalidity, answer->values))
        run->uidvalidity = 0;
    if (strcasecmp(answer->code, "PERMANENTFLAGS") != 0 || answer->values == NULL)
        return GT_OK;
    for (const gt_imap_value_t *flag = answer->values->first; flag != NULL; flag = flag->next) {
        run->takes_any |= gt_imap_is(flag, "\\*");
        run->takes |= keyword_class(run, flag);
    }
    return GT_OK;
}

static gt_err_t *take_flags(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_triage_t *run = baton;
    gt_imap_fetched_t fetched;

    if (answer->form != GT_IMAP_DATA || !gt_imap_is_named(answer, "FETCH"))
        return GT_OK;
    GT_TRY(gt_imap_fetched(&fetched, answer, p));
    for (int i = 0; fetched.flags != NULL && i < run->messages->nelts; i++) {
        if (tagged(run, i)->uid != fetched.uid)
            continue;
        tagged(run, i)->is_there = 1;
        tagged(run, i)->has = 0;
        for (const gt_imap_value_t *flag = fetched.flags->first; flag != NULL; flag = flag->next)
            tagged(run, i)->has |= keyword_class(run, flag);
    }
    return GT_OK;
}

static void command(gt_task_t *task, gt_mail_triage_t *run, const char *text, gt_imap_take_fn *take)
{
    run->command =
        (gt_imap_command_t){.session = run->open.session, .text = text, .take = take, .baton = run};
    run->refused = GT_OK;
    gt_then_try(task, &gt_imap_command, &run->command, &run->refused);
}

/* ---- steps ---- */

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_mail_triage_t *run = state;

    for (int cls = 0; cls < GT_TRIAGE_CLASSES; cls++)
        run->keywords[cls] = gt_mail_keyword(gt_triage_category(run->rules, (gt_triage_class_t)cls),
                                             gt_task_pool(task));
    if (run->sorted->nelts == 0)
        gt_done(task);
    else
        gt_then(task, &gt_mail_session_open, &run->open);
    return GT_OK;
}

static gt_err_t *select_inbox(gt_task_t *task, void *state)
{
    command(task, state, "Select INBOX", take_folder);
    return GT_OK;
}

static gt_err_t *ask_flags(gt_task_t *task, void *state)
{
    gt_mail_triage_t *run = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *set = "";

    GT_TRY(run->refused);
    for (int i = 0; i < run->sorted->nelts; i++) {
        if (tagged(run, i)->uidvalidity != run->uidvalidity)
            fail(run, i, "the inbox was made anew at the mail server; its copy will follow");
        else if (!run->takes_any && !(run->takes & wanted(run, i)))
            fail(run, i, "the mail server keeps no keywords in this inbox (PERMANENTFLAGS)");
        else
            set =
                apr_psprintf(p, "%s%s%" APR_INT64_T_FMT, set, *set ? "," : "", tagged(run, i)->uid);
    }
    if (*set == '\0')
        gt_done(task);
    else
        command(task, run, apr_pstrcat(p, "UID FETCH ", set, " (UID FLAGS)", NULL), take_flags);
    return GT_OK;
}

static gt_err_t *judge_flags(gt_task_t *task, void *state)
{
    gt_mail_triage_t *run = state;

    GT_TRY(run->refused);
    for (int i = 0; i < run->sorted->nelts; i++) {
        if (!tagged(run, i)->is_there)
            fail(run, i, "the message is no longer in the inbox");
        else if (sorted(run, i)->applied == GT_APPLIED_NOT && tagged(run, i)->has == wanted(run, i))
            sorted(run, i)->applied = GT_APPLIED_UNCHANGED;
    }
    gt_instead(task, &change_keywords, run);
    return GT_OK;
}

static const char *others_of(const gt_mail_triage_t *run, int cls, apr_pool_t *p)
{
    const char *words = "";

    for (int other = 0; other < GT_TRIAGE_CLASSES; other++)
        if (other != cls)
            words = apr_pstrcat(p, words, *words ? " " : "", run->keywords[other], NULL);
    return words;
}

static gt_err_t *change(gt_task_t *task, void *state)
{
    gt_mail_triage_t *run = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *set = "";
    int cls = 0, comes = 0;

    while (run->next < CHANGES && *set == '\0') {
        cls = run->next / 2;
        comes = run->next++ % 2 == 0;
        set = uids_of(run, cls, comes, p);
    }
    if (*set == '\0') {
        run->refused = GT_OK;
        return GT_OK;
    }
    command(task, run,
            apr_pstrcat(p, "UID STORE ", set, comes ? " +FLAGS (" : " -FLAGS (",
                        comes ? run->keywords[cls] : others_of(run, cls, p), ")", NULL),
            take_flags);
    return GT_OK;
}

/* 1: the server refuses this, and goes on with other things. */
static int is_no(const gt_err_t *err)
{
    return err->cls == GT_REFUSED || err->cls == GT_FORBIDDEN || err->cls == GT_NOT_FOUND;
}

static gt_err_t *judge_change(gt_task_t *task, void *state)
{
    gt_mail_triage_t *run = state;

    if (run->refused != GT_OK && is_no(run->refused))
        fail_all(run, apr_pstrdup(gt_task_pool(task), run->refused->detail));
    else
        GT_TRY(run->refused);
    if (run->next < CHANGES) {
        gt_repeat(task);
        return GT_OK;
    }
    for (int i = 0; i < run->sorted->nelts; i++)
        if (sorted(run, i)->applied == GT_APPLIED_NOT && tagged(run, i)->has == wanted(run, i))
            sorted(run, i)->applied = GT_APPLIED_WRITTEN;
    fail_all(run, "the mail server did not keep the keyword");
    return GT_OK;
}

static gt_step_fn *const change_steps[] = {change, judge_change, NULL};
static const gt_work_t change_keywords = {"change keywords", change_steps, NULL};

static gt_step_fn *const steps[] = {begin, select_inbox, ask_flags, judge_flags, NULL};
const gt_work_t gt_mail_keywords = {"write keywords", steps, NULL};
