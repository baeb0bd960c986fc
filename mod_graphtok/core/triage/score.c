/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file score.c
 * A mail goes by three readers, of its fields, of its addresses and headers, of its words; each
 * marks the rules that fit. A rule is marked once, however often it fits.
 */

#include "triage/score.h"

#include <stdlib.h>
#include <string.h>

#include <apr_fnmatch.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "triage/fold.h"
#include "triage/own_text.h"
#include "triage/rules_struct.h"

#define REASONS_MAX 12

/** The sorting of one mail. */
typedef struct sorting_t {
    const gt_mail_t *mail;
    const gt_mail_owner_t *owner;
    const gt_triage_rules_t *rules;
    char *fits; /* by rule: 1 */
    apr_pool_t *pool;
} sorting_t;

static void mark(sorting_t *sorting, gt_signal_t signal)
{
    if (sorting->rules->signals[signal] >= 0)
        sorting->fits[sorting->rules->signals[signal]] = 1;
}

/* ---- fields ---- */

static int is_own(const gt_mail_owner_t *owner, const char *address)
{
    for (int i = 0; owner->addresses != NULL && i < owner->addresses->nelts; i++) {
        if (strcasecmp(APR_ARRAY_IDX(owner->addresses, i, const char *), address) == 0)
            return 1;
    }
    return 0;
}

static int has_own(const sorting_t *sorting, const apr_array_header_t *addresses)
{
    for (int i = 0; addresses != NULL && i < addresses->nelts; i++) {
        if (is_own(sorting->owner, APR_ARRAY_IDX(addresses, i, const char *)))
            return 1;
    }
    return 0;
}

static int is_same_domain(const sorting_t *sorting, const char *from)
{
    const char *domain = strrchr(from, '@');

    for (int i = 0; domain != NULL && i < sorting->owner->addresses->nelts; i++) {
        const char *own = strrchr(APR_ARRAY_IDX(sorting->owner->addresses, i, const char *), '@');

        if (own != NULL && strcasecmp(own, domain) == 0)
            return 1;
    }
    return 0;
}

/* Where the owner stands; nothing is said while the addresses of the owner are not known. */
static int mark_addressing(sorting_t *sorting)
{
    const gt_mail_t *mail = sorting->mail;
    int is_alone = 0;

    if (sorting->owner->addresses == NULL || sorting->owner->addresses->nelts == 0)
        return 0;
    if (has_own(sorting, mail->to)) {
        is_alone = mail->to->nelts == 1;
        mark(sorting, is_alone ? GT_SIGNAL_ALONE : GT_SIGNAL_AMONG_OTHERS);
    }
    else
        mark(sorting, has_own(sorting, mail->cc) ? GT_SIGNAL_COPIED : GT_SIGNAL_UNNAMED);
    if (mail->from != NULL && is_same_domain(sorting, mail->from))
        mark(sorting, GT_SIGNAL_SAME_DOMAIN);
    return is_alone;
}

/* "Re:", "AW :" and the like. */
static int is_reply_subject(const char *subject)
{
    static const char *const prefixes[] = {"re", "aw", "antw", "sv", "r", "rif", "rv", "tr"};
    apr_size_t len = 0, rest;

    while (apr_isalpha(subject[len]))
        len++;
    for (rest = len; subject[rest] == ' '; rest++)
        ;
    if (subject[rest] != ':')
        return 0;
    for (apr_size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        if (strlen(prefixes[i]) == len && strncasecmp(subject, prefixes[i], len) == 0)
            return 1;
    }
    return 0;
}

static int is_reply(const gt_mail_t *mail)
{
    return (mail->headers != NULL && apr_table_get(mail->headers, "In-Reply-To") != NULL) ||
           (mail->subject != NULL && is_reply_subject(mail->subject));
}

static void mark_fields(sorting_t *sorting)
{
    static const gt_signal_t of_meetings[] = {
        [GT_MEETING_REQUEST] = GT_SIGNAL_INVITATION,
        [GT_MEETING_CANCELLED] = GT_SIGNAL_CANCELLED,
        [GT_MEETING_ANSWER] = GT_SIGNAL_ANSWERED,
    };
    const gt_mail_t *mail = sorting->mail;

    if (mail->importance != 0)
        mark(sorting, mail->importance > 0 ? GT_SIGNAL_HIGH : GT_SIGNAL_LOW);
    if (mail->meeting != GT_MEETING_NONE)
        mark(sorting, of_meetings[mail->meeting]);
    if (mail->from != NULL && sorting->owner->written_to != NULL &&
        apr_table_get(sorting->owner->written_to, mail->from) != NULL)
        mark(sorting, GT_SIGNAL_WRITTEN_TO);
    if (is_reply(mail))
        mark(sorting, GT_SIGNAL_REPLY);
}

/* ---- senders and headers ---- */

static int fits(const char *glob, const char *text)
{
    return glob == NULL || apr_fnmatch(glob, text, APR_FNM_CASE_BLIND) == APR_SUCCESS;
}

static void mark_senders(sorting_t *sorting)
{
    const apr_array_header_t *patterns = sorting->rules->senders;

    for (int i = 0; sorting->mail->from != NULL && i < patterns->nelts; i++) {
        const gt_pattern_t *pattern = &APR_ARRAY_IDX(patterns, i, gt_pattern_t);

        if (fits(pattern->glob, sorting->mail->from))
            sorting->fits[pattern->rule] = 1;
    }
}

static void mark_headers(sorting_t *sorting)
{
    const apr_array_header_t *patterns = sorting->rules->headers;

    for (int i = 0; sorting->mail->headers != NULL && i < patterns->nelts; i++) {
        const gt_pattern_t *pattern = &APR_ARRAY_IDX(patterns, i, gt_pattern_t);
        const char *value = apr_table_get(sorting->mail->headers, pattern->field);

        if (value != NULL && fits(pattern->glob, value))
            sorting->fits[pattern->rule] = 1;
    }
}

/* ---- words ---- */

/* 1 when the words at `at` are the phrase. */
static int begins_with(const char *at, const gt_phrase_t *phrase)
{
    return strncmp(at, phrase->text, phrase->len) == 0 &&
           (phrase->is_front || at[phrase->len] == ' ');
}

static const char *behind_word(const char *at)
{
    const char *blank = strchr(at, ' ');

    return blank != NULL ? blank + 1 : at + strlen(at);
}

/* The longest phrase to be overlooked that begins here: its length, 0: none. */
static apr_size_t overlooked_at(const apr_array_header_t *phrases, const char *at)
{
    apr_size_t longest = 0;

    for (int i = 0; phrases != NULL && i < phrases->nelts; i++) {
        const gt_phrase_t *phrase = &APR_ARRAY_IDX(phrases, i, gt_phrase_t);

        if (phrase->rule < 0 && phrase->len > longest && begins_with(at, phrase))
            longest = phrase->len;
    }
    return longest;
}

static void mark_phrases(sorting_t *sorting, const apr_array_header_t *phrases, const char *at)
{
    for (int i = 0; phrases != NULL && i < phrases->nelts; i++) {
        const gt_phrase_t *phrase = &APR_ARRAY_IDX(phrases, i, gt_phrase_t);

        if (phrase->rule >= 0 && begins_with(at, phrase))
            sorting->fits[phrase->rule] = 1;
    }
}

static void mark_words(sorting_t *sorting, const char *text)
{
    for (const char *at = text + 1; *at != '\0';) {
        const apr_array_header_t *phrases = sorting->rules->phrases[(unsigned char)*at];
        apr_size_t overlooked = overlooked_at(phrases, at);

        if (overlooked > 0) {
            at = behind_word(at + overlooked - 1);
            if (*at == '?')
                at = behind_word(at);
            continue;
        }
        mark_phrases(sorting, phrases, at);
        if (*at == '?')
            mark(sorting, GT_SIGNAL_QUESTION);
        at = behind_word(at);
    }
}

/* A name in a mail to its owner alone is a greeting. */
static void mark_name(sorting_t *sorting, const char *text, const char *name, int is_alone)
{
    const char *folded = name != NULL ? gt_fold(name, strlen(name), sorting->pool) : " ";

    if (folded[1] == '\0')
        return;
    if (strstr(text, apr_pstrcat(sorting->pool, " @", folded, NULL)) != NULL)
        mark(sorting, GT_SIGNAL_MENTIONED);
    if (!is_alone && strstr(text, folded) != NULL)
        mark(sorting, GT_SIGNAL_NAMED);
}

/* ---- the sum ---- */

static int weight(const gt_triage_rules_t *rules, int rule)
{
    return abs(APR_ARRAY_IDX(rules->rules, rule, gt_triage_rule_t).points);
}

/* The rules that fit, the weightiest first, equal ones in the order of the file. */
static void add_reasons(gt_triage_t *verdict, const sorting_t *sorting)
{
    char *left =
        apr_pmemdup(sorting->pool, sorting->fits, (apr_size_t)sorting->rules->rules->nelts);

    verdict->reasons = apr_array_make(sorting->pool, 4, sizeof(const char *));
    while (verdict->reasons->nelts < REASONS_MAX) {
        int best = -1;

        for (int i = 0; i < sorting->rules->rules->nelts; i++) {
            if (left[i] && weight(sorting->rules, i) > 0 &&
                (best < 0 || weight(sorting->rules, i) > weight(sorting->rules, best)))
                best = i;
        }
        if (best < 0)
            return;
        left[best] = 0;
        APR_ARRAY_PUSH(verdict->reasons, const char *) =
            APR_ARRAY_IDX(sorting->rules->rules, best, gt_triage_rule_t).reason;
    }
}

static void add_up(gt_triage_t *verdict, const sorting_t *sorting)
{
    const gt_triage_rules_t *rules = sorting->rules;

    verdict->sum = 0;
    for (int i = 0; i < rules->rules->nelts; i++) {
        if (sorting->fits[i])
            verdict->sum += APR_ARRAY_IDX(rules->rules, i, gt_triage_rule_t).points;
    }
    verdict->cls = verdict->sum >= rules->needs_answer_from ? GT_NEEDS_ANSWER
                   : verdict->sum < rules->can_wait_below   ? GT_CAN_WAIT
                                                            : GT_TO_KNOW;
}

void gt_triage_score(gt_triage_t *verdict, const gt_mail_t *mail, const gt_mail_owner_t *owner,
                     const gt_triage_rules_t *rules, apr_pool_t *p)
{
    sorting_t sorting = {mail, owner, rules, apr_pcalloc(p, (apr_size_t)rules->rules->nelts + 1),
                         p};
    const char *text = gt_own_text(mail->subject, mail->text, rules, p);
    int is_alone = mark_addressing(&sorting);

    mark_fields(&sorting);
    mark_senders(&sorting);
    mark_headers(&sorting);
    mark_words(&sorting, text);
    mark_name(&sorting, text, owner->given_name, is_alone);
    mark_name(&sorting, text, owner->name, is_alone);
    add_up(verdict, &sorting);
    add_reasons(verdict, &sorting);
}
