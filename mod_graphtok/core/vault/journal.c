/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file journal.c
 * An entry is written beside its place, flushed, renamed, and then the folder is flushed: what has
 * the name of an entry is whole. Its lines are what finds the row, then the sealed tokens; the
 * seal's associated data hold all of the former, so no line can be changed.
 *
 *     graphtok-journal-2   database's id, store's id, store's name, user, provider, resource,
 *                          generation, tokens
 *     graphtok-journal-1   hash of DBDParams, store's name, user, provider, generation, tokens
 *
 * The name holds the time, so that sorting gives the order, and a hash of whose it is, so that one
 * grant's entries are found without opening others.
 */

#include "vault/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/seal.h"

#define HASH_DIGITS 16
#define SUFFIX ".entry"
#define BESIDE ".new"
#define WRITTEN_WITHIN apr_time_from_sec(60)
#define ENTRY_BYTES_MAX (1024 * 1024)
#define NO_ID "-"

/* Where in an entry what stands, by its format; 0: nowhere. */
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

struct gt_journal_t {
    const char *folder;
    const char *database; /* a hash of DBDParams: no password, no blank */
    const gt_keyring_t *ring;
};

static const char *path_of(const gt_journal_t *journal, const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, journal->folder, "/", name, NULL);
}

gt_journal_t *gt_journal_make(const char *folder, const char *database, const gt_keyring_t *ring,
                              apr_pool_t *p)
{
    gt_journal_t *journal = apr_pcalloc(p, sizeof(*journal));
    unsigned char hash[32];

    gt_sha256(hash, database, strlen(database));
    journal->folder = apr_pstrdup(p, folder);
    journal->database = gt_hex(hash, sizeof(hash), p);
    journal->ring = ring;
    return journal;
}

static const char *digits_of(const char *text, apr_pool_t *p)
{
    unsigned char hash[32];

    gt_sha256(hash, text, strlen(text));
    return gt_hex(hash, HASH_DIGITS / 2, p);
}

/** Whose it is, for a file name: an owner of any store. */
static const char *hash_of(const gt_owner_t *owner, apr_pool_t *p)
{
    return digits_of(apr_psprintf(p, "%" APR_SIZE_T_FMT ":%s:%s", strlen(owner->user), owner->user,
                                  owner->provider),
                     p);
}

/** The same in the format without ids: of this store of this database. */
static const char *old_hash_of(const gt_journal_t *journal, const gt_grant_key_t *key,
                               apr_pool_t *p)
{
    const gt_owner_t *owner = &key->owner;

    return digits_of(apr_psprintf(p, "%s:%" APR_SIZE_T_FMT ":%s:%" APR_SIZE_T_FMT ":%s:%s",
                                  journal->database, strlen(key->store), key->store,
                                  strlen(owner->user), owner->user, owner->provider),
                     p);
}

static int has_ids(const gt_entry_t *entry)
{
    return entry->store_id != NULL && entry->store_id[0] != '\0';
}

static gt_place_t place_of(const gt_entry_t *entry, apr_pool_t *p)
{
    const gt_owner_t *owner = &entry->key.grant.owner;
    gt_place_t place = {.user = owner->user, .provider = owner->provider};

    if (has_ids(entry)) {
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

/* ---- writing ---- */

static gt_err_t *failed(const gt_journal_t *journal, const char *what, apr_pool_t *p)
{
    const char *why = strerror(errno);

    return gt_err(p, GT_STORE_AWAY, "GT0615", "the journal in %s: %s: %s", journal->folder, what,
                  why);
}

static int write_all(int fd, const char *bytes, apr_size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return 0;
        bytes += written;
        len -= (apr_size_t)written;
    }
    return 1;
}

static int flush_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int is_flushed = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return is_flushed;
}

/** A file that root wrote (the command line) must be readable for httpd's children, whose folder it
 * is. */
static int give_to_owner(int fd, const char *folder)
{
    struct stat info;

    return geteuid() != 0 ||
           (stat(folder, &info) == 0 && fchown(fd, info.st_uid, info.st_gid) == 0);
}

/** Another process that takes whole entries in may have renamed it first. */
static int has_its_name(const char *beside, const char *path)
{
    return rename(beside, path) == 0 || (errno == ENOENT && access(path, F_OK) == 0);
}

static gt_err_t *write_file(const gt_journal_t *journal, const char *name, const char *text,
                            apr_pool_t *p)
{
    const char *path = path_of(journal, name, p);
    const char *beside = apr_pstrcat(p, path, BESIDE, NULL);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int is_written;

    if (fd < 0)
        return failed(journal, "no file can be made", p);
    is_written = give_to_owner(fd, journal->folder) && write_all(fd, text, strlen(text)) &&
                 !gt_fail("journal.write") && fsync(fd) == 0;
    is_written = close(fd) == 0 && is_written;
    if (!is_written || !has_its_name(beside, path) || !flush_folder(journal->folder)) {
        gt_err_t *err = failed(journal, "an entry cannot be written", p);

        unlink(beside);
        unlink(path);
        return err;
    }
    return GT_OK;
}

/** The lines before the tokens. */
static const char *head_of(const gt_entry_t *entry, apr_pool_t *p)
{
    const char *user =
        gt_base64url(entry->key.grant.owner.user, strlen(entry->key.grant.owner.user), p);

    if (has_ids(entry))
        return apr_psprintf(p, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%" APR_INT64_T_FMT, WITH_IDS->name,
                            entry->database, entry->store_id, entry->key.grant.store, user,
                            entry->key.grant.owner.provider, entry->key.resource,
                            entry->generation);
    return apr_psprintf(p, "%s\n%s\n%s\n%s\n%s\n%" APR_INT64_T_FMT, WITHOUT_IDS->name,
                        entry->database, entry->key.grant.store, user,
                        entry->key.grant.owner.provider, entry->generation);
}

gt_entry_t gt_journal_entry(const gt_store_t *store, const gt_token_key_t *key,
                            apr_int64_t generation, const gt_tokens_t *tokens, apr_pool_t *p)
{
    gt_ids_t ids;

    gt_store_ids_known(&ids, store);
    return (gt_entry_t){.database = apr_pstrdup(p, ids.database),
                        .store_id = apr_pstrdup(p, ids.store),
                        .key = *key,
                        .generation = generation,
                        .tokens = *tokens};
}

gt_err_t *gt_journal_put(gt_journal_t *journal, const gt_entry_t *entry, apr_pool_t *p)
{
    static volatile apr_uint32_t count;
    gt_entry_t full = *entry;
    const char *hash, *sealed, *name, *text;
    gt_place_t place;

    if (gt_journal_length(journal, p) >= GT_JOURNAL_MAX)
        return gt_err(p, GT_STORE_AWAY, "GT0616", "the journal in %s is full", journal->folder);
    if (!has_ids(entry))
        full.database = journal->database;
    else if (entry->database == NULL || entry->database[0] == '\0')
        full.database = NO_ID;
    if (full.key.resource == NULL)
        full.key.resource = GT_RESOURCE_GRAPH;
    place = place_of(&full, p);
    GT_TRY(gt_seal(&sealed, journal->ring, GT_KEY_REFRESH, GT_AES_256_GCM, &place,
                   pack(&entry->tokens, p), p));
    hash = has_ids(entry) ? hash_of(&entry->key.grant.owner, p)
                          : old_hash_of(journal, &entry->key.grant, p);
    name = apr_psprintf(p, "%016" APR_INT64_T_FMT "-%ld-%u-%s" SUFFIX, gt_now(), (long)getpid(),
                        apr_atomic_inc32(&count), hash);
    text = apr_pstrcat(p, head_of(&full, p), "\n", sealed, "\n", NULL);
    return write_file(journal, name, text, p);
}

/* ---- reading ---- */

/** A file's text; NULL when it is gone, too large or no file. */
static char *read_file(const char *path, apr_pool_t *p)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    char *text = NULL;
    apr_size_t len = 0;
    ssize_t got = 1;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= ENTRY_BYTES_MAX) {
        text = apr_pcalloc(p, (apr_size_t)info.st_size + 1);
        while (got > 0 && len < (apr_size_t)info.st_size) {
            got = read(fd, text + len, (apr_size_t)info.st_size - len);
            len += got > 0 ? (apr_size_t)got : 0;
        }
    }
    close(fd);
    return text;
}

static gt_err_t *damaged(const char *name, apr_pool_t *p)
{
    return gt_err(p, GT_DAMAGED, "GT0617", "the journal's entry %s cannot be read", name);
}

static int read_head(gt_entry_t *entry, const char *text, apr_pool_t *p)
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

gt_err_t *gt_journal_read(gt_entry_t **entry, gt_journal_t *journal, const char *name,
                          apr_pool_t *p)
{
    char *text = read_file(path_of(journal, name, p), p);
    gt_entry_t *found = apr_pcalloc(p, sizeof(*found));

    *entry = NULL;
    if (text == NULL)
        return GT_OK;
    found->name = apr_pstrdup(p, name);
    if (!read_head(found, text, p))
        return damaged(name, p);
    *entry = found;
    return GT_OK;
}

int gt_journal_is_of(const gt_journal_t *journal, const gt_entry_t *entry, const char *store,
                     const gt_ids_t *ids)
{
    if (has_ids(entry))
        return strcmp(entry->store_id, ids->store) == 0 &&
               strcmp(entry->key.resource, GT_RESOURCE_GRAPH) == 0;
    return strcmp(entry->database, journal->database) == 0 &&
           strcmp(entry->key.grant.store, store) == 0;
}

gt_err_t *gt_journal_open(gt_entry_t *entry, gt_journal_t *journal, apr_pool_t *p)
{
    const gt_place_t place = place_of(entry, p);
    gt_secret_t *clear;

    GT_TRY(gt_unseal(&clear, journal->ring, GT_KEY_REFRESH, &place, entry->sealed, p));
    return unpack(&entry->tokens, clear, p) ? GT_OK : damaged(entry->name, p);
}

/* ---- what a killed writer left ---- */

/** 1 when the file was begun so long ago that nobody writes it any more. */
static int is_given_up(const char *name)
{
    char time[17] = "";
    apr_int64_t began;

    memcpy(time, name, sizeof(time) - 1);
    return gt_number(&began, time, 0, INT64_MAX) && began + WRITTEN_WITHIN < gt_now();
}

typedef enum state_t { TORN, WHOLE, CLOSED } state_t;

/** CLOSED: it may be whole, but its key is not in our keyring. */
static state_t state_of(gt_journal_t *journal, const char *name, apr_pool_t *p)
{
    gt_entry_t *entry;
    const char *key_id;

    if (gt_journal_read(&entry, journal, name, p) != GT_OK || entry == NULL)
        return TORN;
    if (gt_journal_open(entry, journal, p) == GT_OK)
        return WHOLE;
    key_id = gt_sealed_key_id(entry->sealed, p);
    return key_id != NULL && gt_keyring_find(journal->ring, key_id, GT_KEY_REFRESH) == NULL ? CLOSED
                                                                                            : TORN;
}

static int flush_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int is_flushed = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return is_flushed;
}

/** A file beside the entries: its writer was killed, or is about to rename it. */
static void take_in(gt_journal_t *journal, const char *beside, apr_pool_t *p)
{
    const char *name = apr_pstrndup(p, beside, strlen(beside) - strlen(BESIDE));
    const char *path = path_of(journal, name, p);

    switch (state_of(journal, beside, p)) {
    case WHOLE:
        if (flush_file(path_of(journal, beside, p)) &&
            rename(path_of(journal, beside, p), path) == 0 && flush_folder(journal->folder))
            gt_log(GT_LOG_NOTICE, NULL, "journal: %s was whole, though its writer did not end it",
                   name);
        return;
    case TORN:
        if (is_given_up(beside))
            (void)unlink(path_of(journal, beside, p));
        return;
    case CLOSED:
        return;
    }
}

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** 1 for TIME-PID-NUMBER-HASH and the suffix, when the hash is one of those that are looked for. */
static int is_entry(const char *name, const char *suffix, const char *const hashes[2])
{
    apr_size_t len = strlen(name);
    apr_size_t tail = strlen(suffix);
    const char *hash;

    if (len < tail + HASH_DIGITS || strcmp(name + len - tail, suffix) != 0)
        return 0;
    hash = name + len - tail - HASH_DIGITS;
    return hashes == NULL || strncmp(hash, hashes[0], HASH_DIGITS) == 0 ||
           strncmp(hash, hashes[1], HASH_DIGITS) == 0;
}

static apr_array_header_t *list(gt_journal_t *journal, const char *suffix,
                                const char *const hashes[2], apr_pool_t *p)
{
    apr_array_header_t *names = apr_array_make(p, 4, sizeof(const char *));
    DIR *folder = opendir(journal->folder);
    struct dirent *item;

    if (folder == NULL)
        return names;
    while ((item = readdir(folder)) != NULL)
        if (is_entry(item->d_name, suffix, hashes))
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(p, item->d_name);
    closedir(folder);
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), compare_names);
    return names;
}

apr_array_header_t *gt_journal_names(gt_journal_t *journal, const gt_grant_key_t *key,
                                     apr_pool_t *p)
{
    const char *hashes[2] = {NULL, NULL};
    apr_array_header_t *left;

    if (key != NULL) {
        hashes[0] = hash_of(&key->owner, p);
        hashes[1] = old_hash_of(journal, key, p);
    }
    left = list(journal, SUFFIX BESIDE, key != NULL ? hashes : NULL, p);
    for (int i = 0; i < left->nelts; i++)
        take_in(journal, APR_ARRAY_IDX(left, i, const char *), p);
    return list(journal, SUFFIX, key != NULL ? hashes : NULL, p);
}

int gt_journal_length(gt_journal_t *journal, apr_pool_t *p)
{
    return list(journal, SUFFIX, NULL, p)->nelts;
}

void gt_journal_remove(gt_journal_t *journal, const char *name, apr_pool_t *p)
{
    (void)unlink(path_of(journal, name, p));
}
