/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file journal.c
 * An entry is written beside its place, flushed, renamed, and then the folder is flushed: what has
 * the name of an entry is whole. Its lines are what finds the row (format, database, store, user,
 * provider, generation), then the sealed tokens; the seal's associated data hold all of the former,
 * so no line can be changed. The name holds the time, so that sorting gives the order, and a hash
 * of whose it is, so that one grant's entries are found without opening others.
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
#include "base/fail.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/seal.h"

#define FORMAT "graphtok-journal-1"
#define LINES 7
#define HASH_DIGITS 16
#define SUFFIX ".entry"
#define BESIDE ".new"
#define WRITTEN_WITHIN apr_time_from_sec(60)
#define ENTRY_BYTES_MAX (1024 * 1024)

struct gt_journal_t {
    const char *folder;
    const char *database; /* a hash: no password, no blank */
    const gt_keyring_t *ring;
};

static const char *path_of(const gt_journal_t *journal, const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, journal->folder, "/", name, NULL);
}

/** A process that was killed while it wrote has left a file that is no entry, and will never be. */
static int is_left(const char *name)
{
    apr_size_t len = strlen(name);
    apr_size_t tail = strlen(SUFFIX BESIDE);
    char time[17] = "";
    apr_int64_t began;

    if (len < tail + sizeof(time) || strcmp(name + len - tail, SUFFIX BESIDE) != 0)
        return 0;
    memcpy(time, name, sizeof(time) - 1);
    return gt_number(&began, time, 0, INT64_MAX) && began + WRITTEN_WITHIN < gt_now();
}

static void sweep(const gt_journal_t *journal, apr_pool_t *p)
{
    DIR *folder = opendir(journal->folder);
    struct dirent *item;

    if (folder == NULL)
        return;
    while ((item = readdir(folder)) != NULL)
        if (is_left(item->d_name))
            (void)unlink(path_of(journal, item->d_name, p));
    closedir(folder);
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
    sweep(journal, p);
    return journal;
}

/** Whose it is, for a file name: of this database alone. */
static const char *hash_of(const gt_journal_t *journal, const char *store, const gt_owner_t *owner,
                           apr_pool_t *p)
{
    const char *text =
        apr_psprintf(p, "%s:%" APR_SIZE_T_FMT ":%s:%" APR_SIZE_T_FMT ":%s:%s", journal->database,
                     strlen(store), store, strlen(owner->user), owner->user, owner->provider);
    unsigned char hash[32];

    gt_sha256(hash, text, strlen(text));
    return gt_hex(hash, HASH_DIGITS / 2, p);
}

static gt_place_t place_of(const gt_journal_t *journal, const gt_entry_t *entry, apr_pool_t *p)
{
    return (gt_place_t){.table = journal->database,
                        .column = apr_psprintf(p, FORMAT " %" APR_INT64_T_FMT " %s",
                                               entry->generation, entry->store),
                        .user = entry->owner.user,
                        .provider = entry->owner.provider};
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
    if (!is_written || rename(beside, path) != 0 || !flush_folder(journal->folder)) {
        gt_err_t *err = failed(journal, "an entry cannot be written", p);

        unlink(beside);
        unlink(path);
        return err;
    }
    return GT_OK;
}

gt_err_t *gt_journal_put(gt_journal_t *journal, const gt_entry_t *entry, apr_pool_t *p)
{
    static volatile apr_uint32_t count;
    const gt_place_t place = place_of(journal, entry, p);
    const char *user = gt_base64url(entry->owner.user, strlen(entry->owner.user), p);
    const char *sealed, *name, *text;

    if (gt_journal_length(journal, p) >= GT_JOURNAL_MAX)
        return gt_err(p, GT_STORE_AWAY, "GT0616", "the journal in %s is full", journal->folder);
    GT_TRY(gt_seal(&sealed, journal->ring, GT_KEY_REFRESH, GT_AES_256_GCM, &place,
                   pack(&entry->tokens, p), p));
    name = apr_psprintf(p, "%016" APR_INT64_T_FMT "-%ld-%u-%s" SUFFIX, gt_now(), (long)getpid(),
                        apr_atomic_inc32(&count), hash_of(journal, entry->store, &entry->owner, p));
    text = apr_psprintf(p, FORMAT "\n%s\n%s\n%s\n%s\n%" APR_INT64_T_FMT "\n%s\n", journal->database,
                        entry->store, user, entry->owner.provider, entry->generation, sealed);
    return write_file(journal, name, text, p);
}

/* ---- reading ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int is_entry(const char *name, const char *hash)
{
    apr_size_t len = strlen(name);
    apr_size_t tail = strlen(SUFFIX);

    if (len < tail + HASH_DIGITS || strcmp(name + len - tail, SUFFIX) != 0)
        return 0;
    return hash == NULL || strncmp(name + len - tail - HASH_DIGITS, hash, HASH_DIGITS) == 0;
}

apr_array_header_t *gt_journal_names(gt_journal_t *journal, const char *store,
                                     const gt_owner_t *owner, apr_pool_t *p)
{
    const char *hash = owner != NULL ? hash_of(journal, store, owner, p) : NULL;
    apr_array_header_t *names = apr_array_make(p, 4, sizeof(const char *));
    DIR *folder = opendir(journal->folder);
    struct dirent *item;

    if (folder == NULL)
        return names;
    while ((item = readdir(folder)) != NULL)
        if (is_entry(item->d_name, hash))
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(p, item->d_name);
    closedir(folder);
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), compare_names);
    return names;
}

int gt_journal_length(gt_journal_t *journal, apr_pool_t *p)
{
    return gt_journal_names(journal, NULL, NULL, p)->nelts;
}

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

gt_err_t *gt_journal_read(gt_entry_t **entry, gt_journal_t *journal, const char *name,
                          apr_pool_t *p)
{
    char *text = read_file(path_of(journal, name, p), p);
    gt_entry_t *found = apr_pcalloc(p, sizeof(*found));
    apr_array_header_t *lines;
    unsigned char *user;
    apr_size_t user_len;
    gt_secret_t *clear;
    gt_place_t place;

    *entry = NULL;
    if (text == NULL)
        return GT_OK;
    lines = gt_split(text, "\n", p);
#define LINE(n) APR_ARRAY_IDX(lines, n, const char *)
    if (lines->nelts != LINES || strcmp(LINE(0), FORMAT) != 0)
        return damaged(name, p);
    if (strcmp(LINE(1), journal->database) != 0)
        return GT_OK;
    if (!gt_base64_decode(&user, &user_len, LINE(3), strlen(LINE(3)), 0, p) ||
        strlen((const char *)user) != user_len ||
        !gt_number(&found->generation, LINE(5), 0, INT64_MAX))
        return damaged(name, p);
    found->name = apr_pstrdup(p, name);
    found->store = LINE(2);
    found->owner.user = (const char *)user;
    found->owner.provider = LINE(4);
    place = place_of(journal, found, p);
    GT_TRY(gt_unseal(&clear, journal->ring, GT_KEY_REFRESH, &place, LINE(6), p));
#undef LINE
    if (!unpack(&found->tokens, clear, p))
        return damaged(name, p);
    *entry = found;
    return GT_OK;
}

void gt_journal_remove(gt_journal_t *journal, const char *name, apr_pool_t *p)
{
    (void)unlink(path_of(journal, name, p));
}
