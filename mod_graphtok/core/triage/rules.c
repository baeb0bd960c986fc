/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file rules.c
 * Reads rules line by line. A line that is not indented begins something; indented lines go on with
 * it. Every mistake names its line, and nothing is guessed: a rule that was misread would show as
 * mail that is sorted wrongly, which its reader could not explain.
 */

#include "triage/rules.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "triage/fold.h"
#include "triage/rules_struct.h"

#define RULES_MAX 256
#define PHRASES_MAX 8192 /* of all rules, patterns included */
#define PHRASE_MAX 120   /* bytes */
#define REASON_MAX 200   /* bytes */
#define NAME_MAX_LEN 32
#define CATEGORY_MAX 255 /* bytes, as Outlook has it */
#define POINTS_MAX 1000

const char *const gt_triage_names[GT_TRIAGE_CLASSES] = {"needs-answer", "to-know", "can-wait"};

static const char *const signal_names[GT_SIGNALS] = {"alone",
                                                     "among-others",
                                                     "copied",
                                                     "unnamed",
                                                     "named",
                                                     "mentioned",
                                                     "question",
                                                     "importance-high",
                                                     "importance-low",
                                                     "written-to",
                                                     "same-domain",
                                                     "reply",
                                                     "invitation",
                                                     "invitation-cancelled",
                                                     "invitation-answered"};

struct reader_t;

/** A beginning of a line. @return NULL, or the mistake */
typedef const char *begin_fn(struct reader_t *reader, char *rest);

/** The reading of one text. */
typedef struct reader_t {
    gt_triage_rules_t *rules;
    const char *name;
    int line;
    int phrases;                                         /* so far, of all kinds */
    int rule;                                            /* that indented lines belong to */
    const char *(*go_on)(struct reader_t *, char *rest); /* takes them; NULL: nothing does */
    apr_pool_t *pool;
} reader_t;

/* ---- parts of a line ---- */

static char *next_word(char **rest)
{
    char *word = *rest;

    while (**rest != '\0' && !apr_isspace(**rest))
        ++*rest;
    if (**rest != '\0')
        *(*rest)++ = '\0';
    while (apr_isspace(**rest))
        ++*rest;
    return word;
}

static const char *quoted_word(const char *word, apr_pool_t *p)
{
    return strlen(word) <= 40 && gt_is_utf8(word, strlen(word))
               ? word
               : apr_pstrndup(p, "(a long one)", 12);
}

static int take_points(int *points, const char *text)
{
    apr_int64_t number;

    if (!gt_number(&number, text, -POINTS_MAX, POINTS_MAX))
        return 0;
    *points = (int)number;
    return 1;
}

static const char *const points_wanted = "the points must be a whole number from -1000 to 1000";

/* ---- thresholds and categories ---- */

static const char *take_threshold(int *points, char *rest, const char *joint)
{
    if (strcmp(next_word(&rest), joint) != 0)
        return "write: needs-answer from NUMBER, can-wait below NUMBER";
    return take_points(points, rest) ? NULL : points_wanted;
}

static const char *begin_needs_answer(reader_t *reader, char *rest)
{
    return take_threshold(&reader->rules->needs_answer_from, rest, "from");
}

static const char *begin_can_wait(reader_t *reader, char *rest)
{
    return take_threshold(&reader->rules->can_wait_below, rest, "below");
}

static const char *begin_category(reader_t *reader, char *rest)
{
    const char *cls = next_word(&rest);

    for (int i = 0; i < GT_TRIAGE_CLASSES; i++) {
        if (strcmp(cls, gt_triage_names[i]) != 0)
            continue;
        if (*rest == '\0' || strlen(rest) > CATEGORY_MAX || strpbrk(rest, ",;") != NULL)
            return "the name of a category has 1 to 255 bytes, and no comma or semicolon";
        reader->rules->categories[i] = apr_pstrdup(reader->pool, rest);
        return NULL;
    }
    return "write: category needs-answer|to-know|can-wait NAME";
}

/* ---- rules ---- */

static int is_plain_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    apr_size_t len = strlen(name);

    return len > 0 && len <= NAME_MAX_LEN && strspn(name, letters) == len;
}

/* NAME POINTS REASON: what all kinds of rules begin with. */
static const char *add_rule(reader_t *reader, char *rest)
{
    apr_array_header_t *rules = reader->rules->rules;
    gt_triage_rule_t rule = {.name = next_word(&rest)};

    if (!is_plain_name(rule.name))
        return "a rule's name has small letters, digits and '-', 32 at most";
    if (!take_points(&rule.points, next_word(&rest)))
        return points_wanted;
    if (*rest == '\0' || strlen(rest) > REASON_MAX)
        return "after the points stands the reason that users read, 200 bytes at most";
    for (int i = 0; i < rules->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(rules, i, gt_triage_rule_t).name, rule.name) == 0)
            return apr_psprintf(reader->pool, "there is a rule called %s already", rule.name);
    }
    if (rules->nelts == RULES_MAX)
        return "there are more than 256 rules";
    rule.name = apr_pstrdup(reader->pool, rule.name);
    rule.reason = apr_pstrdup(reader->pool, rest);
    reader->rule = rules->nelts;
    APR_ARRAY_PUSH(rules, gt_triage_rule_t) = rule;
    return NULL;
}

static const char *all_signals(apr_pool_t *p)
{
    const char *all = signal_names[0];

    for (int i = 1; i < GT_SIGNALS; i++)
        all = apr_pstrcat(p, all, " ", signal_names[i], NULL);
    return all;
}

static const char *begin_signal(reader_t *reader, char *rest)
{
    const char *why = add_rule(reader, rest);

    if (why != NULL)
        return why;
    for (int i = 0; i < GT_SIGNALS; i++) {
        if (strcmp(APR_ARRAY_IDX(reader->rules->rules, reader->rule, gt_triage_rule_t).name,
                   signal_names[i]) == 0) {
            reader->rules->signals[i] = reader->rule;
            return NULL;
        }
    }
    return apr_psprintf(reader->pool, "the signals are: %s", all_signals(reader->pool));
}

/* ---- phrases and patterns ---- */

static const char *count_phrase(reader_t *reader, const char *phrase)
{
    if (*phrase == '\0')
        return "between two commas stands nothing";
    if (strlen(phrase) > PHRASE_MAX)
        return "a phrase has 120 bytes at most; commas stand between phrases";
    return ++reader->phrases > PHRASES_MAX ? "there are more than 8192 phrases" : NULL;
}

/* The folded words without the blanks around them. */
static char *folded(const char *text, apr_pool_t *p)
{
    return gt_trim(gt_fold(text, strlen(text), p), p);
}

static const char *add_phrase(reader_t *reader, char *text)
{
    gt_phrase_t phrase = {.rule = reader->rule};
    apr_size_t len = strlen(text);
    unsigned char first;
    const char *why = count_phrase(reader, text);

    if (why != NULL)
        return why;
    phrase.is_front = text[len - 1] == '*';
    if (phrase.is_front)
        text[len - 1] = '\0';
    if (strchr(text, '*') != NULL)
        return "in a phrase * stands at the end alone";
    phrase.text = folded(text, reader->pool);
    phrase.len = strlen(phrase.text);
    if (phrase.len == 0)
        return "a phrase has a letter or digit";
    first = (unsigned char)phrase.text[0];
    if (reader->rules->phrases[first] == NULL)
        reader->rules->phrases[first] = apr_array_make(reader->pool, 8, sizeof(gt_phrase_t));
    APR_ARRAY_PUSH(reader->rules->phrases[first], gt_phrase_t) = phrase;
    return NULL;
}

/* "on*wrote": the pieces are folded, their asterisks stay. */
static const char *add_quoted(reader_t *reader, char *text)
{
    const char *why = count_phrase(reader, text), *glob = "";
    char *piece = text;

    if (why != NULL)
        return why;
    for (char *star; (star = strchr(piece, '*')) != NULL; piece = star + 1) {
        *star = '\0';
        glob = apr_pstrcat(reader->pool, glob, folded(piece, reader->pool), "*", NULL);
    }
    glob = apr_pstrcat(reader->pool, glob, folded(piece, reader->pool), NULL);
    if (strspn(glob, "*") == strlen(glob))
        return "a phrase has a letter or digit";
    APR_ARRAY_PUSH(reader->rules->quoted, const char *) = glob;
    return NULL;
}

/* Each part of a list, without the white space around it. */
static const char *each(reader_t *reader, char *list, begin_fn *add)
{
    const char *why = NULL;

    for (char *comma; why == NULL; list = comma + 1) {
        comma = strchr(list, ',');
        if (comma != NULL)
            *comma = '\0';
        why = add(reader, gt_trim(list, reader->pool));
        if (comma == NULL)
            break;
    }
    return why;
}

/* "en: please, could you" */
static const char *each_after_language(reader_t *reader, char *rest, begin_fn *add)
{
    if (!apr_islower(rest[0]) || !apr_islower(rest[1]) || rest[2] != ':')
        return "a line of phrases begins with their language: en: please, could you";
    return each(reader, rest + 3, add);
}

static const char *go_on_words(reader_t *reader, char *rest)
{
    return each_after_language(reader, rest, add_phrase);
}

static const char *go_on_quoted(reader_t *reader, char *rest)
{
    return each_after_language(reader, rest, add_quoted);
}

static const char *add_sender(reader_t *reader, char *text)
{
    const char *why = count_phrase(reader, text);

    if (why != NULL)
        return why;
    if (strpbrk(text, " \t[]\\") != NULL || strchr(text, '@') == NULL)
        return "a sender is an address, in which * stands for any text: noreply@*";
    APR_ARRAY_PUSH(reader->rules->senders, gt_pattern_t) =
        (gt_pattern_t){NULL, apr_pstrdup(reader->pool, text), reader->rule};
    return NULL;
}

static const char *go_on_senders(reader_t *reader, char *rest)
{
    return each(reader, rest, add_sender);
}

/* "Precedence: bulk", or the field alone. */
static const char *go_on_headers(reader_t *reader, char *rest)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const char *why = count_phrase(reader, rest);
    gt_pattern_t pattern = {.rule = reader->rule};
    apr_size_t len = strspn(rest, letters);

    if (why != NULL)
        return why;
    if (len == 0 || (rest[len] != '\0' && rest[len] != ':'))
        return "a header is a field's name, alone or with a value: Precedence: bulk";
    pattern.field = apr_pstrmemdup(reader->pool, rest, len);
    if (rest[len] == ':')
        pattern.glob = gt_trim(rest + len + 1, reader->pool);
    if (pattern.glob != NULL && (*pattern.glob == '\0' || strpbrk(pattern.glob, "[]\\") != NULL))
        return "after the colon stands a value, in which * stands for any text, without [ ] \\";
    APR_ARRAY_PUSH(reader->rules->headers, gt_pattern_t) = pattern;
    return NULL;
}

static const char *begin_words(reader_t *reader, char *rest)
{
    reader->go_on = go_on_words;
    return add_rule(reader, rest);
}

static const char *begin_senders(reader_t *reader, char *rest)
{
    reader->go_on = go_on_senders;
    return add_rule(reader, rest);
}

static const char *begin_headers(reader_t *reader, char *rest)
{
    reader->go_on = go_on_headers;
    return add_rule(reader, rest);
}

static const char *begin_ignored(reader_t *reader, char *rest)
{
    reader->go_on = go_on_words;
    reader->rule = -1;
    return *rest == '\0' ? NULL : "ignored stands alone; its phrases follow in indented lines";
}

static const char *begin_quoted(reader_t *reader, char *rest)
{
    reader->go_on = go_on_quoted;
    return *rest == '\0' ? NULL : "quoted stands alone; its lines follow, indented";
}

/* ---- lines ---- */

static const struct {
    const char *word;
    begin_fn *begin;
} beginnings[] = {{"needs-answer", begin_needs_answer},
                  {"can-wait", begin_can_wait},
                  {"category", begin_category},
                  {"signal", begin_signal},
                  {"words", begin_words},
                  {"senders", begin_senders},
                  {"headers", begin_headers},
                  {"ignored", begin_ignored},
                  {"quoted", begin_quoted}};

static const char *begin(reader_t *reader, char *line)
{
    const char *word = next_word(&line);

    reader->go_on = NULL;
    for (apr_size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
        if (strcmp(word, beginnings[i].word) == 0)
            return beginnings[i].begin(reader, line);
    }
    return apr_psprintf(reader->pool,
                        "'%s' is none of: needs-answer can-wait category signal words senders "
                        "headers ignored quoted",
                        quoted_word(word, reader->pool));
}

static const char *read_line(reader_t *reader, const char *from, apr_size_t len)
{
    char *line;

    if (!gt_is_utf8(from, len))
        return "this line is not UTF-8";
    for (apr_size_t i = 0; i < len; i++) {
        if ((unsigned char)from[i] < ' ' && from[i] != '\t' && from[i] != '\r')
            return "this line holds a control character";
    }
    line = gt_trim(apr_pstrmemdup(reader->pool, from, len), reader->pool);
    if (*line == '\0' || *line == '#')
        return NULL;
    if (*from != ' ' && *from != '\t')
        return begin(reader, line);
    return reader->go_on != NULL
               ? reader->go_on(reader, line)
               : "an indented line belongs to words, senders, headers, ignored or quoted before it";
}

static gt_err_t *complain(const reader_t *reader, const char *why)
{
    return gt_err(reader->pool, GT_INVALID, "GT1402", "%s:%d: %s", reader->name, reader->line, why);
}

static gt_triage_rules_t *blank(apr_pool_t *p)
{
    gt_triage_rules_t *rules = apr_pcalloc(p, sizeof(*rules));

    rules->needs_answer_from = 30;
    rules->can_wait_below = -30;
    rules->categories[GT_NEEDS_ANSWER] = "Needs answer";
    rules->categories[GT_TO_KNOW] = "To know";
    rules->categories[GT_CAN_WAIT] = "Can wait";
    for (int i = 0; i < GT_SIGNALS; i++)
        rules->signals[i] = -1;
    rules->rules = apr_array_make(p, 32, sizeof(gt_triage_rule_t));
    rules->senders = apr_array_make(p, 16, sizeof(gt_pattern_t));
    rules->headers = apr_array_make(p, 16, sizeof(gt_pattern_t));
    rules->quoted = apr_array_make(p, 16, sizeof(const char *));
    return rules;
}

/* Faults that no line shows alone. */
static const char *judge_whole(const gt_triage_rules_t *rules)
{
    if (rules->can_wait_below > rules->needs_answer_from)
        return "can-wait below must not be more than needs-answer from";
    for (int i = 0; i < GT_TRIAGE_CLASSES; i++) {
        if (strcasecmp(rules->categories[i], rules->categories[(i + 1) % GT_TRIAGE_CLASSES]) == 0)
            return "two classes have the same category";
    }
    return rules->rules->nelts == 0 ? "there is no rule" : NULL;
}

gt_err_t *gt_triage_parse(gt_triage_rules_t **rules, const char *name, const char *text,
                          apr_size_t len, apr_pool_t *p)
{
    reader_t reader = {.rules = blank(p), .name = name, .pool = p};
    const char *end = text + len, *why = NULL;

    if (len > GT_TRIAGE_FILE_MAX)
        return complain(&reader, "the file is larger than 256 KiB");
    while (text < end && why == NULL) {
        const char *newline = memchr(text, '\n', (apr_size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;

        reader.line++;
        why = read_line(&reader, text, (apr_size_t)(stop - text));
        text = newline != NULL ? newline + 1 : end;
    }
    if (why == NULL)
        why = judge_whole(reader.rules);
    if (why != NULL)
        return complain(&reader, why);
    *rules = reader.rules;
    return GT_OK;
}

const char *gt_triage_category(const gt_triage_rules_t *rules, gt_triage_class_t cls)
{
    return rules->categories[cls];
}
