/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * keys: the keyring as a file. A key is added to read, made to write, and taken out when nothing
 * needs it; each step replaces the file once, which running servers notice by themselves.
 */

#include "verb_keys.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/source.h"
#include "base/text.h"
#include "crypt/keytext.h"
#include "keyfile.h"
#include "ranges.h"

#define RATE_MOST 1000000

static const struct argp_option options[] = {
    {"keyring", 'k', "FILE", 0, "the keyring's file; default: what GraphTokKeyring names", 0},
    {"id", 'i', "ID", 0, "add, rotate: the new key's id; default: the date and four letters", 0},
    {"purpose", 'p', "LIST", 0,
     "add, rotate: access, refresh, personal, cookie, with commas between; default: any", 0},
    {"from", 'f', "SOURCE", 0, "add: a key that exists, file:PATH or env:NAME", 0},
    {"derived", 'd', NULL, 0,
     "add: the key that is used while there is no GraphTokKeyring, so that a keyring can follow",
     0},
    {"reencrypt", 'r', NULL, 0, "rotate: then seal all rows anew", 0},
    {"store", 's', "NAME", 0, "reencrypt: only this store; default: all", 0},
    {"rate", 'R', "N", 0, "reencrypt: at most N rows a second; default: as fast as it goes", 0},
    {"force", 'F', NULL, 0, "retire: also a key that rows or the journal need; they are lost", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static void parse_rate(keys_ask_t *params, const char *arg, struct argp_state *state)
{
    apr_int64_t rate;

    if (!gt_number(&rate, arg, 1, RATE_MOST))
        argp_error(state, "--rate %s: it must be 1 to %d", arg, RATE_MOST);
    else
        params->rate = (int)rate;
}

static error_t parse_argument(keys_ask_t *params, char *arg, struct argp_state *state)
{
    if (params->action == NULL)
        params->action = arg;
    else if (params->id == NULL)
        params->id = arg;
    else
        argp_error(state, "'%s' is one word too many", arg);
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    keys_ask_t *params = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = params->ctl;
        return 0;
    case ARGP_KEY_ARG:
        return parse_argument(params, arg, state);
    case ARGP_KEY_NO_ARGS:
        argp_usage(state);
        return 0;
    case 'k':
        params->keyring = arg;
        return 0;
    case 'i':
        params->new_id = arg;
        return 0;
    case 'p':
        params->purposes = arg;
        return 0;
    case 'f':
        params->from = arg;
        return 0;
    case 'd':
        return params->derived = 1, 0;
    case 'r':
        return params->reencrypt = 1, 0;
    case 's':
        params->store = arg;
        return 0;
    case 'R':
        return parse_rate(params, arg, state), 0;
    case 'F':
        return params->force = 1, 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

gt_err_t *keys_config(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const char *why;

    if (params->config == NULL)
        GT_TRY(ctl_config(&params->config, params->ctl));
    if (params->keyring != NULL &&
        !gt_source_parse(&params->config->keyring, apr_pstrcat(p, "file:", params->keyring, NULL),
                         NULL, &why, p))
        return gt_err(p, GT_INVALID, "GT0962", "--keyring %s: %s", params->keyring, why);
    return GT_OK;
}

/* The keyring's file, locked. */
static gt_err_t *open_file(ctl_keyfile_t **file, keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const char *path = params->keyring;

    if (path == NULL) {
        GT_TRY(keys_config(params));
        if (params->config->keyring == NULL)
            return gt_err(p, GT_INVALID, "GT0963",
                          "there is no GraphTokKeyring: say which file with --keyring FILE");
        path = gt_source_path(params->config->keyring);
        if (path == NULL)
            return gt_err(p, GT_INVALID, "GT0964",
                          "the keyring is kept in %s: change it there, or name a file with "
                          "--keyring",
                          gt_source_name(params->config->keyring));
    }
    return ctl_keyfile_open(file, path, strcmp(params->action, "add") == 0, p);
}

/* Replace the file, if the new text is a keyring. */
static gt_err_t *replace(ctl_keyfile_t *file, const gt_secret_t *text, keys_ask_t *params)
{
    gt_keyring_t *ring;

    GT_TRY(gt_keyring_parse(&ring, text, params->ctl->pool));
    return ctl_keyfile_write(file, text, params->ctl->pool);
}

static gt_err_t *say(const keys_ask_t *params, const char *what, const gt_secret_t *line)
{
    apr_pool_t *p = params->ctl->pool;
    json_t *json = gt_json_object(p);
    gt_keyring_t *ring;
    const gt_key_t *key;

    GT_TRY(gt_keyring_parse(&ring, line, p));
    key = APR_ARRAY_IDX(gt_keyring_keys(ring), 0, const gt_key_t *);
    gt_json_set(json, "done", what);
    gt_json_set(json, "id", key->id);
    gt_json_set(json, "fingerprint", key->fingerprint);
    if (params->ctl->json && !params->reencrypt)
        ctl_print_json(json);
    else if (!params->ctl->json)
        printf("%s key %s (%s)\n", what, key->id, key->fingerprint);
    return GT_OK;
}

static gt_err_t *given_key(gt_secret_t **given, keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const gt_provider_conf_t *provider;
    gt_source_t *source;
    gt_secret_t *secret;
    const char *why;

    *given = NULL;
    if (params->derived) {
        GT_TRY(ctl_config(&params->config, params->ctl));
        params->config->keyring = NULL;
        provider = gt_keys_derived_from(params->config);
        if (provider == NULL || provider->client_secret == NULL)
            return gt_err(p, GT_INVALID, "GT0940", "there is no %s", "GraphTokClientSecret");
        GT_TRY(gt_source_read(&secret, provider->client_secret, p));
        return gt_keyring_derive(given, secret, p);
    }
    if (params->from == NULL) {
        *given = gt_keyring_generate(p);
        return GT_OK;
    }
    /* A key in the arguments would be in the process list and in the shell's history. */
    if (!gt_source_parse(&source, params->from, NULL, &why, p) ||
        gt_source_kind(source) == GT_LITERAL)
        return ctl_usage(gt_err(p, GT_INVALID, "GT0965", "--from: write file:PATH or env:NAME"));
    return gt_source_read(given, source, p);
}

static gt_err_t *add(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    gt_secret_t *given, *line;
    ctl_keyfile_t *file;

    if (params->id != NULL)
        return ctl_usage(
            gt_err(p, GT_INVALID, "GT0966", "keys add takes no key; --id names the new one"));
    GT_TRY(given_key(&given, params));
    GT_TRY(gt_keytext_line(&line, given, params->new_id, params->purposes, p));
    GT_TRY(open_file(&file, params));
    GT_TRY(replace(file, gt_keytext_append(ctl_keyfile_text(file), line, p), params));
    return say(params, "added", line);
}

static gt_err_t *rotate(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const gt_secret_t *text;
    gt_secret_t *rest, *line;
    ctl_keyfile_t *file;

    GT_TRY(open_file(&file, params));
    text = ctl_keyfile_text(file);
    if (params->id != NULL) {
        if (params->new_id != NULL || params->purposes != NULL)
            return ctl_usage(gt_err(p, GT_INVALID, "GT0966",
                                    "keys rotate %s takes that key as it is: no --id, no --purpose",
                                    params->id));
        GT_TRY(gt_keytext_take(&rest, &line, text, params->id, p));
        text = rest;
    }
    else {
        GT_TRY(gt_keytext_line(&line, gt_keyring_generate(p), params->new_id, params->purposes, p));
    }
    GT_TRY(replace(file, gt_keytext_lead(text, line, gt_now(), p), params));
    GT_TRY(say(params, "writes now:", line));
    return params->reencrypt ? keys_reencrypt(params) : GT_OK;
}

/* Without the key every purpose must have a writer, and it must not be at work. `rest` is NULL when
 * it is the only key. */
static gt_err_t *judge_rest(const gt_keyring_t *ring, const gt_keyring_t *rest, keys_ask_t *params)
{
    for (int i = 0; i < GT_PURPOSES; i++) {
        const gt_purpose_t purpose = (gt_purpose_t)i;
        const gt_key_t *writer = gt_keyring_writer(ring, purpose);

        if (writer == NULL || strcmp(writer->id, params->id) != 0)
            continue;
        if (rest == NULL || gt_keyring_writer(rest, purpose) == NULL || !params->force)
            return gt_err(params->ctl->pool, GT_CONFLICT, "GT0967",
                          "key %s writes for the purpose %s: let another one write first "
                          "(graphtokctl keys rotate)",
                          params->id, gt_purpose_name(purpose));
    }
    return GT_OK;
}

/* Rows that a key opens although they do not name it. */
typedef struct fernet_rows_t {
    const char *id; /* the key's */
    apr_int64_t rows;
} fernet_rows_t;

static gt_err_t *try_range(void *baton, const gt_range_t *range, apr_pool_t *scratch)
{
    fernet_rows_t *fernet = baton;

    return gt_rekey_fernet_rows(&fernet->rows, range, fernet->id, scratch);
}

static gt_err_t *rows_of_store(apr_int64_t *rows, gt_store_t *store, const char *id, apr_pool_t *p)
{
    fernet_rows_t fernet = {.id = id};
    apr_array_header_t *found;

    GT_TRY(keys_rows(&found, store, p));
    for (int i = 0; i < found->nelts; i++) {
        const gt_key_rows_t *one = &APR_ARRAY_IDX(found, i, gt_key_rows_t);

        if (one->id[0] == '\0')
            GT_TRY(ctl_each_range(store, gt_store_conf(store)->name, try_range, &fernet, p));
        if (strcmp(one->id, id) == 0)
            *rows += one->rows;
    }
    *rows += fernet.rows;
    return GT_OK;
}

static gt_err_t *rows_of_key(apr_int64_t *rows, const keys_ask_t *params, const gt_keyring_t *ring)
{
    apr_array_header_t *stores;

    *rows = 0;
    GT_TRY(keys_stores(&stores, params, ring));
    for (int i = 0; i < stores->nelts; i++)
        GT_TRY(rows_of_store(rows, APR_ARRAY_IDX(stores, i, gt_store_t *), params->id,
                             params->ctl->pool));
    return GT_OK;
}

/** Answers in httpd's journal that could be stored with the key, and without it no more: those that
 * one ring opens and the other does not. */
static gt_err_t *entries_of_key(int *entries, const keys_ask_t *params, const gt_keyring_t *ring,
                                const gt_keyring_t *left)
{
    gt_journal_t *with, *without;
    apr_array_header_t *names;
    apr_pool_t *round;

    *entries = 0;
    GT_TRY(ctl_journal(&with, params->config, ring, params->ctl->pool));
    GT_TRY(ctl_journal(&without, params->config, left, params->ctl->pool));
    if (with == NULL || without == NULL)
        return GT_OK;
    names = gt_journal_names(with, NULL, params->ctl->pool);
    apr_pool_create(&round, params->ctl->pool);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        gt_entry_t *entry;

        apr_pool_clear(round);
        if (gt_journal_read(&entry, with, name, round) == GT_OK && entry != NULL &&
            gt_journal_open(entry, with, round) == GT_OK)
            *entries += gt_journal_open(entry, without, round) != GT_OK;
    }
    apr_pool_destroy(round);
    return GT_OK;
}

/** GT_OK when neither rows nor answers that wait for the database need the key. */
static gt_err_t *judge_needs(apr_int64_t *rows, int *entries, const keys_ask_t *params,
                             const gt_keyring_t *ring, const gt_keyring_t *left)
{
    apr_pool_t *p = params->ctl->pool;
    gt_err_t *err = entries_of_key(entries, params, ring, left);

    if (err != GT_OK && !params->force)
        return gt_err_in(err, "answers there may need key %s", params->id);
    GT_TRY(rows_of_key(rows, params, ring));
    if (params->force || *rows + *entries == 0)
        return GT_OK;
    return gt_err(
        p, GT_CONFLICT, "GT0968",
        "%s key %s, and %s in the journal, which httpd stores by itself: graphtokctl keys "
        "reencrypt first, or lose them with --force",
        gt_counted(*rows, "row needs", "rows need", p), params->id,
        gt_counted(*entries, "answer", "answers", p));
}

static gt_err_t *retire(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    gt_keyring_t *ring, *left;
    gt_secret_t *rest, *line;
    ctl_keyfile_t *file;
    apr_int64_t rows = 0;
    int entries = 0;

    if (params->id == NULL)
        return ctl_usage(gt_err(p, GT_INVALID, "GT0966", "keys retire: which key?"));
    GT_TRY(open_file(&file, params));
    GT_TRY(gt_keytext_take(&rest, &line, ctl_keyfile_text(file), params->id, p));
    GT_TRY(gt_keyring_parse(&ring, ctl_keyfile_text(file), p));
    if (gt_keyring_parse(&left, rest, p) != GT_OK)
        left = NULL;
    GT_TRY(judge_rest(ring, left, params));
    GT_TRY(keys_config(params));
    GT_TRY(judge_needs(&rows, &entries, params, ring, left));
    GT_TRY(replace(file, rest, params));
    if (rows + entries > 0)
        fprintf(
            stderr,
            "graphtokctl: %s cannot be opened any more, and %s in the journal: these users must "
            "sign in again\n",
            gt_counted(rows, "row", "rows", p), gt_counted(entries, "answer", "answers", p));
    return say(params, "retired", line);
}

gt_err_t *ctl_keys_verb(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "list|add|rotate [ID]|retire ID|reencrypt",
        "Look after the keys: list them with the rows that need each, add one that reads, make one "
        "write (a new one, or ID), take one out that nothing needs, seal all rows anew.",
        ctl_common,
        NULL,
        NULL};
    static const struct {
        const char *name;
        gt_err_t *(*run)(keys_ask_t *params);
    } actions[] = {{"list", keys_list},
                   {"add", add},
                   {"rotate", rotate},
                   {"retire", retire},
                   {"reencrypt", keys_reencrypt}};
    keys_ask_t params = {.ctl = ctl};

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &params));
    for (apr_size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(actions[i].name, params.action) == 0)
            return actions[i].run(&params);
    return ctl_usage(gt_err(ctl->pool, GT_INVALID, "GT0966",
                            "keys %s: it is list, add, rotate, retire or reencrypt",
                            params.action));
}
