/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_list.c
 * The list of an account's folders. Folders that show messages of others once more, as Gmail's All
 * Mail does, are left out unless an account names them. Sources: RFC 3501 section 7.2.2, RFC 5258
 * (LIST-EXTENDED), RFC 5819 (LIST-STATUS), RFC 6154 (SPECIAL-USE).
 */

#include "mail/sync_run.h"

#include <string.h>

#include <apr_strings.h>

#include "imap/folder_name.h"
#include "imap/imap_refusal.h"

#define FOLDERS_MOST 10000
#define NAME_MOST 1000 /* bytes, on the wire */

static int has_word(const gt_imap_value_t *list, const char *word)
{
    for (const gt_imap_value_t *value = list->first; value != NULL; value = value->next)
        if (gt_imap_is(value, word))
            return 1;
    return 0;
}

/* The attributes of a folder that say what it is for, and the views among them. */
static const struct {
    const char *word;
    int is_view;
} uses[] = {{"\\All", 1},    {"\\Flagged", 1}, {"\\Important", 1}, {"\\Archive", 0},
            {"\\Drafts", 0}, {"\\Junk", 0},    {"\\Sent", 0},      {"\\Trash", 0}};

static const char *use_of(const gt_imap_value_t *attributes)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        if (has_word(attributes, uses[i].word))
            return uses[i].word;
    return NULL;
}

static int is_view(const char *use)
{
    for (size_t i = 0; use != NULL && i < sizeof(uses) / sizeof(uses[0]); i++)
        if (strcmp(use, uses[i].word) == 0)
            return uses[i].is_view;
    return 0;
}

/* 1 when a line of a text is the name. The inbox has one name in any case of letters. */
static int names(const char *lines, const char *name)
{
    const apr_size_t len = strlen(name);

    while (lines != NULL && *lines != '\0') {
        const char *end = strchr(lines, '\n');
        apr_size_t size = end != NULL ? (apr_size_t)(end - lines) : strlen(lines);

        if (size > 0 && lines[size - 1] == '\r')
            size--;
        if (size == len && (memcmp(lines, name, len) == 0 ||
                            (strcmp(name, "INBOX") == 0 && strncasecmp(lines, name, len) == 0)))
            return 1;
        lines = end != NULL ? end + 1 : NULL;
    }
    return 0;
}

int gt_run_is_chosen(const gt_mail_account_t *account, const gt_listed_t *listed)
{
    return account->folders != NULL ? names(account->folders, listed->name) : !is_view(listed->use);
}

/* The inbox has one name in any case of letters. */
static const char *wire_of(const gt_imap_value_t *name)
{
    const char *wire = name != NULL ? gt_imap_astring(name) : NULL;

    return wire != NULL && strcasecmp(wire, "INBOX") == 0 ? "INBOX" : wire;
}

static void note_unreadable(gt_mail_run_t *run, const char *wire)
{
    if (run->unreadable++ == 0)
        run->unread_name = gt_imap_words(wire, run->pool);
}

/* @param p  of the answer */
static gt_err_t *add(gt_mail_run_t *run, const char *wire, const gt_imap_value_t *attributes,
                     apr_pool_t *p)
{
    const char *name, *quoted;
    gt_listed_t *listed;

    if (apr_hash_get(run->by_wire, wire, APR_HASH_KEY_STRING) != NULL)
        return GT_OK;
    if (!gt_folder_listed(&name, &quoted, wire, p) ||
        apr_hash_get(run->by_name, name, APR_HASH_KEY_STRING) != NULL) {
        note_unreadable(run, wire);
        return GT_OK;
    }
    run->has_inbox |= strcmp(name, "INBOX") == 0;
    listed = apr_pcalloc(run->pool, sizeof(*listed));
    listed->name = apr_pstrdup(run->pool, name);
    listed->wire = apr_pstrdup(run->pool, quoted);
    listed->use = use_of(attributes);
    apr_hash_set(run->by_wire, apr_pstrdup(run->pool, wire), APR_HASH_KEY_STRING, listed);
    apr_hash_set(run->by_name, listed->name, APR_HASH_KEY_STRING, listed);
    if (gt_run_is_chosen(run->sync->account, listed))
        APR_ARRAY_PUSH(run->list, gt_listed_t *) = listed;
    return GT_OK;
}

static gt_err_t *take_list(gt_mail_run_t *run, const gt_imap_value_t *attributes, apr_pool_t *p)
{
    const gt_imap_value_t *delimiter = attributes != NULL ? attributes->next : NULL;
    const gt_imap_value_t *name = delimiter != NULL ? delimiter->next : NULL;
    const char *wire = wire_of(name);

    if (attributes == NULL || attributes->kind != GT_IMAP_LIST || name == NULL)
        return gt_imap_broken("a LIST without a name", run->pool);
    if (++run->names > FOLDERS_MOST)
        return gt_err(run->pool, GT_UPSTREAM, "GT1603", "a mailbox has more than %d folders",
                      FOLDERS_MOST);
    if (has_word(attributes, "\\Noselect") || has_word(attributes, "\\NonExistent"))
        return GT_OK;
    if (wire == NULL || *wire == '\0' || strlen(wire) > NAME_MOST) {
        note_unreadable(run, wire);
        return GT_OK;
    }
    return add(run, wire, attributes, p);
}

static apr_int64_t told(const gt_imap_value_t *words, const char *word)
{
    apr_int64_t number = 0;

    return gt_imap_number(&number, gt_imap_after(words, word)) ? number : 0;
}

/* A status that is not whole is none: the folder is looked at. */
static void take_status(gt_mail_run_t *run, const gt_imap_value_t *name)
{
    const char *wire = wire_of(name);
    gt_listed_t *listed =
        wire != NULL ? apr_hash_get(run->by_wire, wire, APR_HASH_KEY_STRING) : NULL;
    const gt_imap_value_t *words = name != NULL ? name->next : NULL;

    if (listed == NULL || words == NULL || words->kind != GT_IMAP_LIST)
        return;
    listed->uidvalidity = told(words->first, "UIDVALIDITY");
    listed->uidnext = told(words->first, "UIDNEXT");
    listed->modseq = told(words->first, "HIGHESTMODSEQ");
    listed->exists = told(words->first, "MESSAGES");
    listed->has_status = listed->uidvalidity > 0 && listed->uidnext > 0 && listed->modseq > 0 &&
                         gt_imap_after(words->first, "MESSAGES") != NULL;
}

gt_err_t *gt_run_take_list(void *baton, const gt_imap_answer_t *answer, apr_pool_t *p)
{
    gt_mail_run_t *run = baton;

    if (answer->form != GT_IMAP_DATA)
        return GT_OK;
    if (gt_imap_is_named(answer, "LIST"))
        return take_list(run, answer->values, p);
    if (gt_imap_is_named(answer, "STATUS"))
        take_status(run, answer->values);
    return GT_OK;
}

const char *gt_run_list_command(const gt_imap_session_t *session, apr_pool_t *p)
{
    const char *use = gt_imap_can(session, "SPECIAL-USE") ? "SPECIAL-USE" : "";
    int has_status = gt_imap_can(session, "LIST-STATUS") && gt_imap_can(session, "CONDSTORE");
    const char *status = "STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)";

    if (has_status)
        return apr_pstrcat(p, "LIST \"\" \"*\" RETURN (", use, *use != '\0' ? " " : "", status, ")",
                           NULL);
    return *use != '\0' && gt_imap_can(session, "LIST-EXTENDED")
               ? "LIST \"\" \"*\" RETURN (SPECIAL-USE)"
               : "LIST \"\" \"*\"";
}
