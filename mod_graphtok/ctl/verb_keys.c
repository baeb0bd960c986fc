/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * keys: the keyring as a file. A key is added to read, made to write, and taken out when nothing
 * needs it; each step replaces the file once, which running servers notice by themselves.
 */

#include "verb_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/source.h"
#include "base/text.h"
#include "crypt/keytext.h"

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
    {"store", 's', "NAME", 0,
     "add, rotate, retire: the keyring of this store, when it has its own; list, reencrypt: only "
     "this store; default: the server's keyring, all stores",
     0},
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

/** The keyring that is meant: of --store, else the server's. @return NULL: no such store */
static apr_array_header_t **sources_meant(const keys_ask_t *params)
{
    const apr_array_header_t *stores = params->config->stores;

    if (params->store == NULL)
        return &params->config->keyring;
    for (int i = 0; i < stores->nelts; i++) {
        gt_store_conf_t *store = APR_ARRAY_IDX(stores, i, gt_store_conf_t *);

        if (strcmp(store->name, params->store) == 0)
            return &store->keyring;
    }
    return NULL;
}

static int is_same_file(const char *one, const char *other)
{
    char *first = one != NULL ? realpath(one, NULL) : NULL;
    char *second = realpath(other, NULL);
    int is_same = first != NULL && second != NULL && strcmp(first, second) == 0;

    free(first);
    free(second);
    return is_same;
}

static int have_file(const apr_array_header_t *sources, const char *path)
{
    for (int i = 0; sources != NULL && i < sources->nelts; i++)
        if (is_same_file(gt_source_path(APR_ARRAY_IDX(sources, i, const gt_source_t *)), path))
            return 1;
    return 0;
}

gt_err_t *keys_config(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    apr_array_header_t **sources;
    gt_source_t *source;
    const char *why;

    if (params->config == NULL)
        GT_TRY(ctl_config(&params->config, params->ctl));
    sources = sources_meant(params);
    if (sources == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT0913", "there is no store %s", params->store);
    if (params->keyring == NULL || have_file(*sources, params->keyring))
        return GT_OK;
    if (!gt_source_parse(&source, apr_pstrcat(p, "file:", params->keyring, NULL), NULL, &why, p))
        return gt_err(p, GT_INVALID, "GT0962", "--keyring %s: %s", params->keyring, why);
    *sources = apr_array_make(p, 1, sizeof(gt_source_t *));
    APR_ARRAY_PUSH(*sources, gt_source_t *) = source;
    return GT_OK;
}

/* The first source's file: its keys stand before all others. */
static gt_err_t *path_meant(const char **path, keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const apr_array_header_t *sources;
    const gt_source_t *first;

    GT_TRY(keys_config(params));
    sources = *sources_meant(params);
    if (sources == NULL && params->store != NULL)
        return gt_err(p, GT_INVALID, "GT0963",
                      "store %s has no GraphTokKeyring of its own, the server's seals it: leave "
                      "--store out, or say which file with --keyring FILE",
                      params->store);
    if (sources == NULL)
        return gt_err(p, GT_INVALID, "GT0963",
                      "there is no GraphTokKeyring: say which file with --keyring FILE");
    first = APR_ARRAY_IDX(sources, 0, const gt_source_t *);
    *path = gt_source_path(first);
    if (*path == NULL)
        return gt_err(p, GT_INVALID, "GT0964",
                      "the keyring is kept in %s: change it there, or name a file with "
                      "--keyring",
                      gt_source_name(first));
    return GT_OK;
}

gt_err_t *keys_open(ctl_keyfile_t **file, keys_ask_t *params)
{
    const char *path = params->keyring;

    if (path == NULL)
        GT_TRY(path_meant(&path, params));
    else if (params->store != NULL)
        GT_TRY(keys_config(params));
    return ctl_keyfile_open(file, path, strcmp(params->action, "add") == 0, params->ctl->pool);
}

int keys_use(const gt_keys_t *keys, const ctl_keyfile_t *file)
{
    return have_file(keys->sources, ctl_keyfile_path(file));
}

gt_err_t *keys_with(gt_keyring_t **ring, const gt_keys_t *keys, const ctl_keyfile_t *file,
                    const gt_secret_t *text, apr_pool_t *p)
{
    gt_secret_t *all = NULL;

    *ring = NULL;
    for (int i = 0; i < keys->sources->nelts; i++) {
        gt_source_t *source = APR_ARRAY_IDX(keys->sources, i, gt_source_t *);
        const gt_secret_t *one = text;
        gt_secret_t *read;

        if (!is_same_file(gt_source_path(source), ctl_keyfile_path(file))) {
            if (ctl_demand_readable(source, "", p) != GT_OK)
                continue;
            GT_TRY(gt_source_read(&read, source, p));
            one = read;
        }
        all = gt_keytext_join(all != NULL ? all : gt_secret_from("", p), one, p);
    }
    return all != NULL ? gt_keyring_parse(ring, all, p) : GT_OK;
}

gt_err_t *keys_replace(ctl_keyfile_t *file, const gt_secret_t *text, const keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const apr_array_header_t *all =
        params->config != NULL ? gt_keys_make_all(params->config, p) : NULL;
    gt_keyring_t *ring;

    GT_TRY(gt_keyring_parse(&ring, text, p));
    for (int i = 0; all != NULL && i < all->nelts; i++) {
        const gt_keys_t *keys = APR_ARRAY_IDX(all, i, const gt_keys_t *);

        if (keys_use(keys, file))
            GT_TRY(gt_err_in(keys_with(&ring, keys, file, text, p), "%s", keys->name));
    }
    return ctl_keyfile_write(file, text, p);
}

gt_err_t *keys_say(const keys_ask_t *params, const char *what, const gt_secret_t *line)
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
    GT_TRY(keys_open(&file, params));
    GT_TRY(keys_replace(file, gt_keytext_append(ctl_keyfile_text(file), line, p), params));
    return keys_say(params, "added", line);
}

static int writes(const gt_keyring_t *ring, const char *id)
{
    for (int i = 0; i < GT_PURPOSES; i++) {
        const gt_key_t *writer = gt_keyring_writer(ring, (gt_purpose_t)i);

        if (writer != NULL && strcmp(writer->id, id) == 0)
            return 1;
    }
    return 0;
}

/* The first key of a file does not write where another source stands before that file. */
static gt_err_t *judge_writer(const ctl_keyfile_t *file, const gt_secret_t *text,
                              const gt_secret_t *line, const keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const apr_array_header_t *all =
        params->config != NULL ? gt_keys_make_all(params->config, p) : NULL;
    gt_keyring_t *ring;
    const char *id;

    GT_TRY(gt_keyring_parse(&ring, line, p));
    id = APR_ARRAY_IDX(gt_keyring_keys(ring), 0, const gt_key_t *)->id;
    for (int i = 0; all != NULL && i < all->nelts; i++) {
        const gt_keys_t *keys = APR_ARRAY_IDX(all, i, const gt_keys_t *);

        if (!keys_use(keys, file))
            continue;
        GT_TRY(gt_err_in(keys_with(&ring, keys, file, text, p), "%s", keys->name));
        if (writes(ring, id))
            return GT_OK;
        return gt_err(p, GT_CONFLICT, "GT0966",
                      "%s: key %s would not write, since other keys of %s stand before those of "
                      "%s: rotate in the first source",
                      keys->name, id, gt_keys_shown(keys, p), ctl_keyfile_path(file));
    }
    return GT_OK;
}

static gt_err_t *rotate(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    const gt_secret_t *text;
    gt_secret_t *rest, *line, *lead;
    ctl_keyfile_t *file;

    GT_TRY(keys_open(&file, params));
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
    lead = gt_keytext_lead(text, line, gt_now(), p);
    GT_TRY(judge_writer(file, lead, line, params));
    GT_TRY(keys_replace(file, lead, params));
    GT_TRY(keys_say(params, "writes now:", line));
    return params->reencrypt ? keys_reencrypt(params) : GT_OK;
}

static gt_err_t *retire(keys_ask_t *params)
{
    if (params->id == NULL)
        return ctl_usage(
            gt_err(params->ctl->pool, GT_INVALID, "GT0966", "keys retire: which key?"));
    return keys_retire(params);
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
