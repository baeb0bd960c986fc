/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The road of a caller's token: its first line is the token, the second one says which algorithms
 * are configured, and the rest is the text of the keys, as a file of an administrator has it. With
 * any bytes the answer is a refusal, or claims with the user that was asked for; the second time it
 * is the same, from memory.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/source.h"
#include "bearer/bearer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOTS 8

static apr_time_t read_time(void)
{
    return apr_time_from_sec(1795244400);
}

static char *take_line(const char **at, const char *end, apr_pool_t *p)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    char *line = apr_pstrmemdup(p, *at, (size_t)((newline != NULL ? newline : end) - *at));

    *at = newline != NULL ? newline + 1 : end;
    return line;
}

/* What an issuer with such keys is configured with, or NULL. */
static gt_jwt_conf_t *make_conf(const char *algorithms, const char *keys, apr_pool_t *p)
{
    gt_jwt_conf_t *conf = gt_jwt_conf_default("fuzz", p);
    gt_secret_t *text;
    const char *why;

    conf->issuer = conf->audience = GT_JWT_NONE;
    /* A literal is neither a file to be read nor a command to be run. */
    if (!gt_member_set(conf, gt_member_find(gt_jwt_members, "algorithms"), algorithms, "/", &why,
                       p) ||
        !gt_source_parse(&conf->keys, keys, "/", &why, p) ||
        gt_source_kind(conf->keys) != GT_LITERAL || gt_source_read(&text, conf->keys, p) != GT_OK)
        return NULL;
    return conf;
}

static gt_remembered_t *make_memory(apr_pool_t *p)
{
    static const unsigned char key[32];
    apr_size_t size = gt_slots_size(SLOTS, GT_REMEMBERED_BYTES);

    return gt_remembered_make(
        gt_slots_open(apr_pcalloc(p, size), size, SLOTS, GT_REMEMBERED_BYTES, p), key, p);
}

/* @return the user of a token that passed, or NULL */
static const char *judge(gt_bearer_t *bearer, const char *token, apr_pool_t *p)
{
    gt_bearer_check_t check = {.bearer = bearer, .token = gt_secret_from(token, p)};
    gt_err_t *err;

    if (!gt_bearer_check_now(&err, &check, p))
        return NULL;
    if (err == GT_OK ? check.claims == NULL || check.user == NULL || *check.user == '\0'
                     : err->cls != GT_SIGN_IN && err->cls != GT_TOO_LARGE)
        abort();
    return check.user;
}

static void try_twice(const gt_jwt_conf_t *conf, const char *token, apr_pool_t *p)
{
    gt_bearer_t *bearer = gt_bearer_make(conf, NULL, NULL, p);
    const char *user, *again;

    gt_bearer_remember(bearer, make_memory(p));
    user = judge(bearer, token, p);
    again = judge(bearer, token, p);
    if ((user == NULL) != (again == NULL) || (user != NULL && strcmp(user, again) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size, *token, *algorithms;
    gt_jwt_conf_t *conf;
    apr_pool_t *pool;

    gt_clock_set(read_time, read_time);
    apr_pool_create(&pool, NULL);
    token = take_line(&at, end, pool);
    algorithms = take_line(&at, end, pool);
    conf = make_conf(algorithms, apr_pstrmemdup(pool, at, (size_t)(end - at)), pool);
    if (conf != NULL)
        try_twice(conf, token, pool);
    apr_pool_destroy(pool);
    return 0;
}
