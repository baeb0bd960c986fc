/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * audit verify: whether audit files are as they were written. Findings go to standard output, a
 * line each, as a compiler prints them; any of them makes the exit code 1.
 */

#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "audit/audit.h"
#include "audit/audit_check.h"
#include "base/source.h"
#include "base/text.h"

/* -H is --httpd of all verbs. */
#define KEY_HEADS 256

typedef struct audit_t {
    ctl_t *ctl;
    const char *keyring; /* --keyring */
    const char *heads;   /* --heads, or the notes beside the files; NULL: none */
    int from_middle;     /* --allow-older */
    apr_array_header_t *words;
    json_t *findings; /* with --json */
} audit_t;

static const struct argp_option options[] = {
    {"keyring", 'k', "SECRET", 0,
     "the keyring (file:PATH, env:NAME, exec:COMMAND); default: what the configuration names", 0},
    {"allow-older", 'o', NULL, 0,
     "older files are gone on purpose: chains may begin before the first file", 0},
    {"heads", KEY_HEADS, "FILE", 0,
     "what was noted outside of the files; default: what goes with the configured file, when that "
     "is "
     "verified; off: nothing",
     0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    audit_t *asked = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = asked->ctl;
    else if (key == 'k')
        asked->keyring = arg;
    else if (key == KEY_HEADS)
        asked->heads = arg;
    else if (key == 'o')
        asked->from_middle = 1;
    else if (key == ARGP_KEY_ARG)
        APR_ARRAY_PUSH(asked->words, const char *) = arg;
    else if (key == ARGP_KEY_NO_ARGS)
        argp_usage(state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static int is_same_file(const char *one, const char *other)
{
    struct stat a, b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino && S_ISREG(a.st_mode);
}

/** Heads that were noted for the configured file do not fit a copy. */
static void find_heads(audit_t *asked, const gt_config_t *config)
{
    const char *notes;

    if (config->audit == NULL || asked->heads != NULL)
        return;
    notes = gt_audit_notes(config->audit, config->audit_heads, 1, asked->ctl->pool);
    for (int i = 1; i < asked->words->nelts; i++)
        if (is_same_file(APR_ARRAY_IDX(asked->words, i, const char *), config->audit) &&
            notes != NULL && notes[0] != '|')
            asked->heads = notes;
}

/** The keyring, and the files when none is named. httpd is asked only for parts that the options do
 * not name. */
static gt_err_t *find_parts(gt_keyring_t **ring, audit_t *asked)
{
    apr_pool_t *p = asked->ctl->pool;
    gt_config_t *config = gt_config_default(p);
    const char *why;

    if (asked->keyring == NULL || asked->words->nelts < 2)
        GT_TRY(ctl_config(&config, asked->ctl));
    if (asked->keyring != NULL) {
        config->keyring = NULL;
        if (!gt_member_set(config, gt_member_find(gt_config_members, "keyring"), asked->keyring,
                           ".", &why, p))
            return gt_err(p, GT_INVALID, "GT0981", "--keyring: %s", why);
    }
    if (asked->words->nelts < 2 && (config->audit == NULL || config->audit[0] == '|'))
        return ctl_usage(gt_err(p, GT_INVALID, "GT0982", "name the files: GraphTokAudit is %s",
                                config->audit == NULL ? "not set" : "a program"));
    if (asked->words->nelts < 2)
        APR_ARRAY_PUSH(asked->words, const char *) = config->audit;
    find_heads(asked, config);
    return ctl_keyring(ring, config, p);
}

static void tell(void *baton, const gt_audit_finding_t *finding)
{
    audit_t *asked = baton;
    json_t *json;

    if (!asked->ctl->json) {
        printf("%s:%" APR_INT64_T_FMT ": %s: %s\n", finding->file, finding->line,
               gt_audit_fault_name(finding->fault), finding->text);
        return;
    }
    json = json_object();
    gt_json_set(json, "file", finding->file);
    gt_json_set_number(json, "line", finding->line);
    gt_json_set(json, "fault", gt_audit_fault_name(finding->fault));
    gt_json_set(json, "text", finding->text);
    json_array_append_new(asked->findings, json);
}

/** One line of at most GT_AUDIT_LINE bytes; of a longer one the beginning, which is no record. */
static int read_line(char line[GT_AUDIT_LINE], apr_size_t *len, int *is_whole, FILE *file)
{
    int c;

    *len = 0;
    while ((c = getc(file)) != EOF && c != '\n')
        if (*len < GT_AUDIT_LINE)
            line[(*len)++] = (char)c;
    *is_whole = c == '\n';
    return *is_whole || *len > 0;
}

typedef void check_fn(gt_audit_check_t *check, const char *file, apr_int64_t number,
                      const char *bytes, apr_size_t len, int is_whole);

static gt_err_t *check_file(gt_audit_check_t *check, check_fn *check_line, const char *name,
                            apr_pool_t *p)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    char line[GT_AUDIT_LINE];
    apr_int64_t number = 0;
    gt_err_t *err = GT_OK;
    apr_size_t len;
    int is_whole;

    if (file == NULL)
        return gt_err_file(p, GT_NOT_FOUND, "GT0983", errno, "%s", name);
    while (read_line(line, &len, &is_whole, file))
        check_line(check, name, ++number, line, len, is_whole);
    if (ferror(file))
        err = gt_err_file(p, GT_INTERNAL, "GT0983", errno, "%s", name);
    if (file != stdin)
        fclose(file);
    return err;
}

static void print_counts(const audit_t *asked, const gt_audit_counts_t *counts)
{
    apr_pool_t *p = asked->ctl->pool;
    json_t *json;

    if (!asked->ctl->json) {
        printf("%s in %s, %" APR_INT64_T_FMT " of them open; %s lost by the writers; %s from "
               "outside; %s\n",
               gt_counted(counts->records, "record", "records", p),
               gt_counted(counts->chains, "chain", "chains", p), counts->open,
               gt_counted(counts->lost, "record", "records", p),
               gt_counted(counts->notes, "note", "notes", p),
               gt_counted(counts->wrong, "fault", "faults", p));
        return;
    }
    json = gt_json_object(asked->ctl->pool);
    gt_json_set_number(json, "records", counts->records);
    gt_json_set_number(json, "chains", counts->chains);
    gt_json_set_number(json, "open", counts->open);
    gt_json_set_number(json, "lost", counts->lost);
    gt_json_set_number(json, "notes", counts->notes);
    gt_json_put(json, "faults", json_incref(asked->findings));
    ctl_print_json(json);
}

static gt_err_t *verify(audit_t *asked)
{
    gt_audit_check_conf_t conf = {NULL, asked->from_middle, asked, tell};
    gt_audit_check_t *check;
    gt_audit_counts_t counts;
    gt_keyring_t *ring;

    GT_TRY(find_parts(&ring, asked));
    conf.ring = ring;
    check = gt_audit_check_make(&conf, asked->ctl->pool);
    /* Notes are read first: a head is noted when it stands in its file, and the file may grow
     * meanwhile. */
    if (asked->heads != NULL && strcmp(asked->heads, "off") != 0)
        GT_TRY(gt_err_in(check_file(check, gt_audit_check_note, asked->heads, asked->ctl->pool),
                         "what was noted outside (--heads off goes without)"));
    for (int i = 1; i < asked->words->nelts; i++)
        GT_TRY(check_file(check, gt_audit_check_line, APR_ARRAY_IDX(asked->words, i, const char *),
                          asked->ctl->pool));
    counts = gt_audit_check_end(check);
    print_counts(asked, &counts);
    asked->ctl->exit_code = counts.wrong > 0;
    return GT_OK;
}

gt_err_t *ctl_audit(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "verify [FILE...]",
        "Verify audit files, oldest first (-: standard input); without FILE the one that is "
        "configured. Exit code 1: something was removed, changed, reordered or cut off.",
        ctl_common,
        NULL,
        NULL};
    audit_t asked = {.ctl = ctl};

    asked.words = apr_array_make(ctl->pool, 4, sizeof(const char *));
    asked.findings = gt_json_own(json_array(), ctl->pool);
    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    if (strcmp(APR_ARRAY_IDX(asked.words, 0, const char *), "verify") != 0)
        return ctl_usage(gt_err(ctl->pool, GT_INVALID, "GT0984", "audit knows one thing: verify"));
    return verify(&asked);
}
