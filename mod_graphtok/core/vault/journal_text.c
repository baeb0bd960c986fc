/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file journal_text.c
 * The lines of an entry name the row; then the sealed tokens follow. The seal's associated data
 * hold all of the former lines, so none of them can be changed.
 *
 *     graphtok-journal-2   database's id, store's id, store's name, user, provider, resource,
 *                          generation, tokens
 *     graphtok-journal-1   hash of DBDParams, store's name, user, provider, generation, tokens
 */

#include "vault/journal_text.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/seal.h"

/** The numbers of the lines, by the format; 0: the format has no such line. */
typedef struct format_t {
    const char *name;
    int lines, database, store_id, store, user, provider, resource, generation, sealed;
} format_t;

static const format_t formats[] = {
    {"graphtok-journal-2", 9, 1, 2, 3, 4, 5, 6, 7, 8},
    {"graphtok-journal-1", 7, 1, 0, 2, 3, 4, 0, 5, 6},
};
#define WITH_IDS (&formats[0])
#define WITHOUT_IDS (&formats[1])

int gt_entry_has_ids(const gt_entry_t *entry)
{
    return entry->store_id != NULL && entry->store_id[0] != '\0';
}

static gt_place_t place_of(const gt_entry_t *entry, apr_pool_t *p)
{
    const gt_owner_t *owner = &entry->key.grant.owner;
    gt_place_t place = {.user = owner->user, .provider = owner->provider};

    if (gt_entry_has_ids(entry)) {
        place.table = "journal";
        place.column = apr_psprintf(p, "%s %" APR_INT64_T_FMT " %s %s", WITH_IDS->name,
                                    entry->generation, entry->database, entry->key.grant.store);
        place.store = entry->store_id;
        place.resource = entry->key.resource;
        return place;
    }
    place.table = entry->database;
    place.column = apr_psprintf(p, "%s %" APR_INT64_T_FMT " %s", WITHOUT_IDS->name,
                                entry->generation, entry->key.grant.store);
    return place;
}

/* ---- tokens as one secret: a line each ---- */

static apr_size_t line_len(const gt_secret_t *secret)
{
    return secret != NULL ? gt_secret_len(secret) : 0;
}

static unsigned char *add_line(unsigned char *at, const void *text, apr_size_t len)
{
    if (len > 0)
        memcpy(at, text, len);
    at[len] = '\n';
    return at + len + 1;
}

static unsigned char *add_secret(unsigned char *at, const gt_secret_t *secret)
{
    return add_line(at, secret != NULL ? gt_secret_text(secret) : "", line_len(secret));
}

/** Tokens are visible ASCII and scopes hold no control characters (oauth/token): no line breaks. */
static gt_secret_t *pack(const gt_tokens_t *tokens, apr_pool_t *p)
{
    const char *scope = tokens->scope != NULL ? tokens->scope : "";
    const char *expires = apr_psprintf(p, "%" APR_INT64_T_FMT, apr_time_sec(tokens->expires_at));
    const char *received = apr_psprintf(p, "%" APR_INT64_T_FMT, apr_time_sec(tokens->received));
    apr_size_t len = line_len(tokens->access) + line_len(tokens->refresh) +
                     line_len(tokens->id_token) + strlen(scope) + strlen(expires) +
                     strlen(received) + 6;
    gt_secret_t *clear = gt_secret_blank(len, p);
    unsigned char *at = gt_secret_bytes(clear);

    at = add_secret(at, tokens->access);
    at = add_secret(at, tokens->refresh);
    at = add_secret(at, tokens->id_token);
    at = add_line(at, scope, strlen(scope));
    at = add_line(at, expires, strlen(expires));
    add_line(at, received, strlen(received));
    return clear;
}

/** The line at *at as a secret; NULL when it is empty. *at moves on, to NULL when there is none. */
static gt_secret_t *take_line(const char **at, apr_pool_t *p)
{
    const char *begin = *at;
    const char *end = begin != NULL ? strchr(begin, '\n') : NULL;

    *at = end != NULL ? end + 1 : NULL;
    if (end == NULL || end == begin)
        return NULL;
    return gt_secret_make(begin, (apr_size_t)(end - begin), p);
}

static int unpack(gt_tokens_t *tokens, const gt_secret_t *clear, apr_pool_t *p)
{
    const char *at = gt_secret_text(clear);
    gt_secret_t *scope, *expires, *received;
    apr_int64_t seconds = 0, since = 0;

    tokens->access = take_line(&at, p);
    tokens->refresh = take_line(&at, p);
    tokens->id_token = take_line(&at, p);
    scope = take_line(&at, p);
    expires = take_line(&at, p);
    received = take_line(&at, p); /* older entries have none */
    if ((tokens->access == NULL && tokens->refresh == NULL) || expires == NULL ||
        !gt_number(&seconds, gt_secret_text(expires), 1, INT64_MAX / APR_USEC_PER_SEC))
        return 0;
    tokens->scope = scope != NULL ? gt_secret_text(scope) : NULL;
    tokens->expires_at = apr_time_from_sec(seconds);
    tokens->received = gt_now();
    if (received != NULL &&
        gt_number(&since, gt_secret_text(received), 1, INT64_MAX / APR_USEC_PER_SEC))
        tokens->received = apr_time_from_sec(since);
    return 1;
}

/* ---- entries ---- */

/** The lines before the tokens. */
static const char *head_of(const gt_entry_t *entry, apr_pool_t *p)
{
    const char *user =
        gt_base64url(entry->key.grant.owner.user, strlen(entry->key.grant.owner.user), p);

    if (gt_entry_has_ids(entry))
        return apr_psprintf(p, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%" APR_INT64_T_FMT, WITH_IDS->name,
                            entry->database, entry->store_id, entry->key.grant.store, user,
                            entry->key.grant.owner.provider, entry->key.resource,
                            entry->generation);
    return apr_psprintf(p, "%s\n%s\n%s\n%s\n%s\n%" APR_INT64_T_FMT, WITHOUT_IDS->name,
                        entry->database, entry->key.grant.store, user,
                        entry->key.grant.owner.provider, entry->generation);
}

gt_err_t *gt_entry_print(const char **text, const gt_entry_t *entry, const gt_keyring_t *ring,
                         apr_pool_t *p)
{
    const gt_place_t place = place_of(entry, p);
    const char *sealed;

    GT_TRY(
        gt_seal(&sealed, ring, GT_KEY_REFRESH, GT_AES_256_GCM, &place, pack(&entry->tokens, p), p));
    *text = apr_pstrcat(p, head_of(entry, p), "\n", sealed, "\n", NULL);
    return GT_OK;
}

static gt_err_t *damaged(const char *name, apr_pool_t *p)
{
    return gt_err(p, GT_DAMAGED, "GT0617", "the journal's entry %s cannot be read", name);
}

static int parse(gt_entry_t *entry, const char *text, apr_pool_t *p)
{
    const apr_array_header_t *lines = gt_split(text, "\n", p);
    const format_t *format = NULL;
    unsigned char *user;
    apr_size_t len = strlen(text);

    for (apr_size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (lines->nelts == formats[i].lines &&
            strcmp(APR_ARRAY_IDX(lines, 0, const char *), formats[i].name) == 0)
            format = &formats[i];
    if (format == NULL || text[len - 1] != '\n')
        return 0;
#define LINE(which) APR_ARRAY_IDX(lines, format->which, const char *)
    if (!gt_base64_decode(&user, &len, LINE(user), strlen(LINE(user)), 0, p) ||
        strlen((const char *)user) != len ||
        !gt_number(&entry->generation, LINE(generation), 0, INT64_MAX))
        return 0;
    entry->database = LINE(database);
    entry->store_id = format->store_id > 0 ? LINE(store_id) : "";
    entry->key.grant.store = LINE(store);
    entry->key.grant.owner.user = (const char *)user;
    entry->key.grant.owner.provider = LINE(provider);
    entry->key.resource = format->resource > 0 ? LINE(resource) : "";
    entry->sealed = LINE(sealed);
#undef LINE
    return 1;
}

gt_err_t *gt_entry_parse(gt_entry_t *entry, const char *text, apr_pool_t *p)
{
    return parse(entry, text, p) ? GT_OK : damaged(entry->name, p);
}

gt_err_t *gt_entry_open(gt_entry_t *entry, const gt_keyring_t *ring, apr_pool_t *p)
{
    const gt_place_t place = place_of(entry, p);
    gt_secret_t *clear;

    GT_TRY(gt_unseal(&clear, ring, GT_KEY_REFRESH, &place, entry->sealed, p));
    return unpack(&entry->tokens, clear, p) ? GT_OK : damaged(entry->name, p);
}
