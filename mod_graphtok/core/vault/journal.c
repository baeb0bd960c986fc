/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file journal.c
 * The files of the journal. An entry is written beside its place, flushed, renamed, and then the
 * folder is flushed: a file that has the name of an entry is whole. The name holds the time, so
 * that sorting gives the order, and a hash of the grant's owner, so that the entries of one grant
 * are found without opening others. The text of an entry is journal_text.c's.
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
#include "vault/journal_text.h"

#define HASH_DIGITS 16
#define SUFFIX ".entry"
#define BESIDE ".new"
#define WRITTEN_WITHIN apr_time_from_sec(60)
#define ENTRY_BYTES_MAX (1024 * 1024)
#define NO_ID "-"

struct gt_journal_t {
    const char *folder;
    const char *database;      /* a hash of DBDParams: no password, no blank */
    apr_array_header_t *rings; /* of const gt_keyring_t * */
};

static const char *path_of(const gt_journal_t *journal, const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, journal->folder, "/", name, NULL);
}

gt_journal_t *gt_journal_make(const char *folder, const char *database, apr_pool_t *p)
{
    gt_journal_t *journal = apr_pcalloc(p, sizeof(*journal));
    unsigned char hash[32];

    gt_sha256(hash, database, strlen(database));
    journal->folder = apr_pstrdup(p, folder);
    journal->database = gt_hex(hash, sizeof(hash), p);
    journal->rings = apr_array_make(p, 2, sizeof(const gt_keyring_t *));
    return journal;
}

void gt_journal_judge_by(gt_journal_t *journal, const gt_keyring_t *ring)
{
    APR_ARRAY_PUSH(journal->rings, const gt_keyring_t *) = ring;
}

static const char *digits_of(const char *text, apr_pool_t *p)
{
    unsigned char hash[32];

    gt_sha256(hash, text, strlen(text));
    return gt_hex(hash, HASH_DIGITS / 2, p);
}

/** The owner, in any store, as a part of a file's name. */
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

gt_entry_t gt_journal_entry(const gt_store_t *store, const gt_token_key_t *key,
                            apr_int64_t generation, const gt_tokens_t *tokens, apr_pool_t *p)
{
    gt_ids_t ids;
    gt_entry_t entry = {.key = *key, .generation = generation, .tokens = *tokens};

    gt_store_ids_known(&ids, store);
    entry.database = apr_pstrdup(p, ids.database);
    entry.store_id = apr_pstrdup(p, ids.store);
    /* The format without ids knows the default resource alone. The refresh token serves all. */
    if (!gt_entry_has_ids(&entry) && strcmp(key->resource, GT_RESOURCE_GRAPH) != 0)
        entry.tokens.access = NULL;
    return entry;
}

gt_err_t *gt_journal_put(gt_journal_t *journal, const gt_entry_t *entry, const gt_keyring_t *ring,
                         apr_pool_t *p)
{
    static volatile apr_uint32_t count;
    gt_entry_t full = *entry;
    const char *hash, *name, *text;

    if (entry->tokens.access == NULL && entry->tokens.refresh == NULL)
        return GT_OK;
    if (gt_journal_length(journal, p) >= GT_JOURNAL_MAX)
        return gt_err(p, GT_STORE_AWAY, "GT0616", "the journal in %s is full", journal->folder);
    if (!gt_entry_has_ids(entry))
        full.database = journal->database;
    else if (entry->database == NULL || entry->database[0] == '\0')
        full.database = NO_ID;
    if (full.key.resource == NULL)
        full.key.resource = GT_RESOURCE_GRAPH;
    GT_TRY(gt_entry_print(&text, &full, ring, p));
    hash = gt_entry_has_ids(entry) ? hash_of(&entry->key.grant.owner, p)
                                   : old_hash_of(journal, &entry->key.grant, p);
    name = apr_psprintf(p, "%016" APR_INT64_T_FMT "-%ld-%u-%s" SUFFIX, gt_now(), (long)getpid(),
                        apr_atomic_inc32(&count), hash);
    return write_file(journal, name, text, p);
}

/* ---- reading ---- */

/** A file's text; NULL when it is gone, cannot be read, is too large or no file. */
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
        if (got < 0)
            text = NULL;
    }
    close(fd);
    return text;
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
    GT_TRY(gt_entry_parse(found, text, p));
    *entry = found;
    return GT_OK;
}

int gt_journal_is_of(const gt_journal_t *journal, const gt_entry_t *entry, const char *store,
                     const gt_ids_t *ids)
{
    if (gt_entry_has_ids(entry))
        return strcmp(entry->store_id, ids->store) == 0;
    return strcmp(entry->database, journal->database) == 0 &&
           strcmp(entry->key.grant.store, store) == 0;
}

/* ---- files that a killed writer left ---- */

/** 1 when the file was begun so long ago that no process writes it any more. */
static int is_given_up(const char *name)
{
    char time[17] = "";
    apr_int64_t began;

    memcpy(time, name, sizeof(time) - 1);
    return gt_number(&began, time, 0, INT64_MAX) && began + WRITTEN_WITHIN < gt_now();
}

typedef enum state_t { TORN, WHOLE, CLOSED } state_t;

/** CLOSED: it may be whole, but cannot be read now (no descriptor is left, say), or its key is in
 * none of our keyrings. */
static state_t state_of(gt_journal_t *journal, const char *name, apr_pool_t *p)
{
    gt_entry_t *entry;
    const char *key_id;
    state_t state = CLOSED;

    if (gt_journal_read(&entry, journal, name, p) != GT_OK)
        return TORN;
    if (entry == NULL)
        return CLOSED;
    key_id = gt_sealed_key_id(entry->sealed, p);
    if (key_id == NULL)
        return TORN;
    for (int i = 0; i < journal->rings->nelts; i++) {
        const gt_keyring_t *ring = APR_ARRAY_IDX(journal->rings, i, const gt_keyring_t *);

        if (gt_entry_open(entry, ring, p) == GT_OK)
            return WHOLE;
        if (gt_keyring_find(ring, key_id, GT_KEY_REFRESH) != NULL)
            state = TORN;
    }
    return state;
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
