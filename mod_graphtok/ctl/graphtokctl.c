/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * graphtokctl: the core without httpd. Usage, --help and the dispatch come from the table of verbs;
 * the exit code of a failure comes from the core's table of classes (gt_class_row).
 */

#include "ctl.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/log.h"
#include "terminal.h"

static gt_err_t *help(ctl_t *ctl, int argc, char **argv);

static const ctl_verb_t verbs[] = {
    {"account", "list and change mail accounts", ctl_account},
    {"acquire", "have tokens of the server's own accounts", ctl_acquire},
    {"audit", "verify audit files", ctl_audit},
    {"check", "go through keys, secrets, database, provider and redirect URI", ctl_check},
    {"cleanup", "deactivate expired grants, remove those long inactive", ctl_cleanup},
    {"deactivate", "serve a user's tokens no more until the user signs in", ctl_deactivate},
    {"genkey", "print a new key for the keyring", ctl_genkey},
    {"help", "say more about a verb", help},
    {"keys", "list, add, rotate and retire keys; seal rows anew", ctl_keys_verb},
    {"list", "list grants, without their tokens", ctl_list},
    {"login", "sign a person in without a browser on this machine", ctl_login},
    {"migrate", "bring the stores' tables up or down to a version", ctl_migrate},
    {"names", "print names of the configuration", ctl_names},
    {"refresh", "refresh tokens, due or not", ctl_refresh},
    {"revoke", "delete a user's grants", ctl_revoke},
    {"sessions", "list or end sessions of browsers", ctl_sessions},
    {"status", "show configuration, database, schema and counts", ctl_status},
    {"sync", "synchronise mail accounts now", ctl_sync},
    {"token", "print a user's valid token", ctl_token},
    {"validate", "ask the providers whether tokens still work", ctl_validate},
    {"work", "do httpd's background work without it", ctl_work},
    {.name = ""}};

#define COLOUR 0x100 /* has no letter */

static const struct argp_option common_options[] = {
    {"httpd", 'H', "COMMAND", 0,
     "ask this httpd for its configuration, e.g. 'apache2 -f /etc/x.conf'; default: apache2ctl, "
     "apachectl or httpd",
     0},
    {"config", 'c', "FILE", 0,
     "read what httpd -t -D DUMP_GRAPHTOK printed from FILE (-: standard input) instead", 0},
    {"json", 'j', NULL, 0, "print JSON", 0},
    {"color", COLOUR, "WHEN", 0, "colours: auto (on a terminal; the default), always or never", 0},
    {NULL, 'h', NULL, 0, "the same as --help", -1},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
    ctl_t *ctl = state->input;

    if (key == 'H')
        ctl->httpd = arg;
    else if (key == 'c')
        ctl->config_file = arg;
    else if (key == 'j')
        ctl->json = 1;
    else if (key == COLOUR && !ctl_colour_read(&ctl->colour, arg))
        argp_error(state, "--color is auto, always or never");
    else if (key == COLOUR)
        return 0;
    else if (key == 'h')
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const struct argp common = {common_options, parse_common, NULL, NULL, NULL, NULL, NULL};

const struct argp_child ctl_common[] = {{&common, 0, "Common options:", 10}, {NULL, 0, NULL, 0}};

gt_err_t *ctl_options(const ctl_t *ctl, const struct argp *argp, int argc, char **argv, void *input)
{
    error_t failed = argp_parse(argp, argc, argv, 0, NULL, input);

    if (failed == 0)
        return GT_OK;
    return ctl_usage(gt_err(ctl->pool, GT_INVALID, "GT0912", "%s: %s", argv[0], strerror(failed)));
}

/** The result of the first parse: the options before the verb, and the verb's place. */
typedef struct start_t {
    ctl_t *ctl;
    int verb_at;
} start_t;

static error_t parse_start(int key, char *arg, struct argp_state *state)
{
    start_t *start = state->input;

    (void)arg;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = start->ctl;
        return 0;
    }
    if (key == ARGP_KEY_ARG) {
        /* The rest is the verb's. */
        start->verb_at = state->next - 1;
        state->next = state->argc;
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS)
        argp_usage(state);
    return ARGP_ERR_UNKNOWN;
}

static char *verbs_help(apr_pool_t *p)
{
    char *text = apr_pstrdup(p, "Administer mod_graphtok.\vVerbs:\n\n");

    for (const ctl_verb_t *verb = verbs; verb->name[0] != '\0'; verb++)
        text = apr_psprintf(p, "%s  %-10s  %s\n", text, verb->name, verb->line);
    return apr_pstrcat(p, text, "\ngraphtokctl VERB --help says more about one.", NULL);
}

static const ctl_verb_t *find_verb(const char *name)
{
    for (const ctl_verb_t *verb = verbs; verb->name[0] != '\0'; verb++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
    }
    return NULL;
}

/** The core's warnings. Its errors come back to the verb and are reported at the end, once. */
static int wants_log(void *baton, int level)
{
    (void)baton;
    return level == GT_LOG_WARNING;
}

static void print_log(void *baton, int level, const char *line)
{
    (void)baton;
    (void)level;
    fprintf(stderr, "graphtokctl: %s\n", line);
}

static int report(const ctl_t *ctl, const gt_err_t *err)
{
    if (err == GT_OK)
        return ctl->exit_code;
    fprintf(stderr, "graphtokctl: %s%s%s: %s\n", ctl_hue(ctl, stderr, CTL_BAD), err->tag,
            ctl_hue_end(ctl, stderr), err->detail);
    return gt_err_exit_code(err);
}

/** Flush standard output: a full disk is a failure, too. */
static int finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("graphtokctl: standard output");
        return code == EX_OK ? EX_IOERR : code;
    }
    return code;
}

static gt_err_t *unknown(const char *name, apr_pool_t *p)
{
    return ctl_usage(gt_err(p, GT_INVALID, "GT0912",
                            "there is no verb '%s'; graphtokctl --help names them", name));
}

static gt_err_t *call(const ctl_verb_t *verb, ctl_t *ctl, int argc, char **argv)
{
    argv[0] = apr_pstrcat(ctl->pool, "graphtokctl ", verb->name, NULL);
    return verb->run(ctl, argc, argv);
}

static struct argp top(apr_pool_t *p)
{
    return (struct argp){NULL, parse_start, "VERB [OPTION...]", verbs_help(p), ctl_common,
                         NULL, NULL};
}

/** The same as --help, of the program or after a verb. */
static gt_err_t *help(ctl_t *ctl, int argc, char **argv)
{
    char name[] = "graphtokctl", option[] = "--help";
    char *words[] = {name, option, NULL};
    const char *asked = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    const ctl_verb_t *verb = asked != NULL ? find_verb(asked) : NULL;
    const struct argp argp = top(ctl->pool);
    start_t start = {ctl, 0};

    if (verb != NULL)
        return call(verb, ctl, 2, words);
    if (asked != NULL)
        return unknown(asked, ctl->pool);
    return ctl_options(ctl, &argp, 2, words, &start);
}

static int run(ctl_t *ctl, int argc, char **argv)
{
    start_t start = {ctl, 0};
    const struct argp argp = top(ctl->pool);
    const ctl_verb_t *verb;

    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &start) != 0)
        return EX_USAGE;
    verb = find_verb(argv[start.verb_at]);
    if (verb == NULL)
        return report(ctl, unknown(argv[start.verb_at], ctl->pool));
    return report(ctl, call(verb, ctl, argc - start.verb_at, argv + start.verb_at));
}

int main(int argc, char **argv)
{
    static const gt_log_sink_t sink = {NULL, wants_log, print_log};
    ctl_t ctl = {.json = 0};
    int code;

    argp_program_version = "graphtokctl " GT_VERSION;
    argp_err_exit_status = EX_USAGE;
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&ctl.pool, NULL) != APR_SUCCESS) {
        fprintf(stderr, "graphtokctl: APR does not start\n");
        return EX_OSERR;
    }
    gt_log_set(&sink);
    code = finish(run(&ctl, argc, argv));
    apr_pool_destroy(ctl.pool);
    apr_terminate();
    return code;
}
