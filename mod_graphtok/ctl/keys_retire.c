/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * keys retire: a key is taken out of a file when no keyring that uses the file needs it: not for
 * writing, and neither for rows of its stores nor for answers that wait in httpd's journal.
 */

#include "verb_keys.h"

#include <string.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "base/text.h"
#include "crypt/keytext.h"
#include "ranges.h"
#include "vault/journal_text.h"

/** A keyring that uses the file, with the key and without it. */
typedef struct change_t {
    const gt_keys_t *keys;
    const gt_keyring_t *ring;
    const gt_keyring_t *left; /* NULL: it was the only key */
} change_t;

/** Rows and entries that would be lost. */
typedef struct needs_t {
    apr_int64_t rows;
    int entries; /* of the journal */
} needs_t;

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
            GT_TRY(ctl_each_sealed(store, gt_store_conf(store)->name, try_range, &fernet, p));
        if (strcmp(one->id, id) == 0)
            *rows += one->rows;
    }
    *rows += fernet.rows;
    return GT_OK;
}

/** The change of a store's keyring, or NULL: it does not use the file. */
static const change_t *change_of(const apr_array_header_t *changes, const apr_array_header_t *all,
                                 const char *store)
{
    const gt_keys_t *keys = gt_keys_of(all, store);

    for (int i = 0; i < changes->nelts; i++)
        if (APR_ARRAY_IDX(changes, i, change_t).keys == keys)
            return &APR_ARRAY_IDX(changes, i, change_t);
    return NULL;
}

/** The file may be in several keyrings; the rows of each count. */
static gt_err_t *rows_of_key(apr_int64_t *rows, keys_ask_t *params,
                             const apr_array_header_t *changes, const apr_array_header_t *all)
{
    keys_ask_t of_all = *params;
    apr_array_header_t *stores;

    of_all.store = NULL;
    GT_TRY(keys_stores(&stores, &of_all, all));
    for (int i = 0; i < stores->nelts; i++) {
        gt_store_t *store = APR_ARRAY_IDX(stores, i, gt_store_t *);

        if (change_of(changes, all, gt_store_name(store)) != NULL)
            GT_TRY(rows_of_store(rows, store, params->id, params->ctl->pool));
    }
    return GT_OK;
}

/** Answers in httpd's journal that could be stored with the key, and without it no more. */
static gt_err_t *entries_of_key(int *entries, const keys_ask_t *params,
                                const apr_array_header_t *changes, const apr_array_header_t *all)
{
    apr_array_header_t *names;
    gt_journal_t *journal;
    apr_pool_t *round;

    GT_TRY(ctl_journal(&journal, params->config, all, params->ctl->pool));
    if (journal == NULL)
        return GT_OK;
    names = gt_journal_names(journal, NULL, params->ctl->pool);
    apr_pool_create(&round, params->ctl->pool);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const change_t *change;
        gt_entry_t *entry;

        apr_pool_clear(round);
        if (gt_journal_read(&entry, journal, name, round) != GT_OK || entry == NULL)
            continue;
        change = change_of(changes, all, entry->key.grant.store);
        if (change != NULL && gt_entry_open(entry, change->ring, round) == GT_OK)
            *entries += change->left == NULL || gt_entry_open(entry, change->left, round) != GT_OK;
    }
    apr_pool_destroy(round);
    return GT_OK;
}

/** GT_OK when neither rows nor answers that wait for the database need the key. */
static gt_err_t *judge_needs(needs_t *needs, keys_ask_t *params, const apr_array_header_t *changes,
                             const apr_array_header_t *all)
{
    apr_pool_t *p = params->ctl->pool;
    gt_err_t *err = entries_of_key(&needs->entries, params, changes, all);

    if (err != GT_OK && !params->force)
        return gt_err_in(err, "answers there may need key %s", params->id);
    GT_TRY(rows_of_key(&needs->rows, params, changes, all));
    if (params->force || needs->rows + needs->entries == 0)
        return GT_OK;
    return gt_err(
        p, GT_CONFLICT, "GT0968",
        "%s key %s, and %s in the journal, which httpd stores by itself: graphtokctl keys "
        "reencrypt first, or lose them with --force",
        gt_counted(needs->rows, "row needs", "rows need", p), params->id,
        gt_counted(needs->entries, "answer", "answers", p));
}

static gt_err_t *find_changes(apr_array_header_t **changes, const apr_array_header_t *all,
                              const ctl_keyfile_t *file, const gt_secret_t *rest, apr_pool_t *p)
{
    *changes = apr_array_make(p, 2, sizeof(change_t));
    for (int i = 0; i < all->nelts; i++) {
        gt_keys_t *keys = APR_ARRAY_IDX(all, i, gt_keys_t *);
        gt_keyring_t *ring, *left;

        if (!keys_use(keys, file))
            continue;
        GT_TRY(ctl_keys_read(keys, p));
        GT_TRY(keys_with(&ring, keys, file, ctl_keyfile_text(file), p));
        if (keys_with(&left, keys, file, rest, p) != GT_OK)
            left = NULL;
        APR_ARRAY_PUSH(*changes, change_t) = (change_t){keys, ring, left};
    }
    return GT_OK;
}

gt_err_t *keys_retire(keys_ask_t *params)
{
    apr_pool_t *p = params->ctl->pool;
    apr_array_header_t *all, *changes;
    gt_secret_t *rest, *line;
    ctl_keyfile_t *file;
    needs_t needs = {0, 0};

    GT_TRY(keys_open(&file, params));
    GT_TRY(gt_keytext_take(&rest, &line, ctl_keyfile_text(file), params->id, p));
    GT_TRY(keys_config(params));
    all = gt_keys_make_all(params->config, p);
    GT_TRY(find_changes(&changes, all, file, rest, p));
    for (int i = 0; i < changes->nelts; i++) {
        const change_t *change = &APR_ARRAY_IDX(changes, i, change_t);

        GT_TRY(gt_err_in(judge_rest(change->ring, change->left, params), "%s", change->keys->name));
    }
    GT_TRY(judge_needs(&needs, params, changes, all));
    GT_TRY(keys_replace(file, rest, params));
    if (needs.rows + needs.entries > 0)
        fprintf(
            stderr,
            "graphtokctl: %s cannot be opened any more, and %s in the journal: these users must "
            "sign in again\n",
            gt_counted(needs.rows, "row", "rows", p),
            gt_counted(needs.entries, "answer", "answers", p));
    return keys_say(params, "retired", line);
}
