/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * genkey: a new line for the keyring, or with --fernet the bare key as Python's
 * Fernet.generate_key() prints it. To a file only with --out: a shell's redirection would make it
 * readable for all users.
 */

#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "crypt/keyring.h"

typedef struct genkey_t {
    ctl_t *ctl;
    const char *out;
    int fernet;
} genkey_t;

static const struct argp_option options[] = {
    {"out", 'o', "FILE", 0, "make FILE (mode 0600) instead of printing; it must not exist", 0},
    {"fernet", 'f', NULL, 0, "the key alone, as Fernet.generate_key() prints it", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    genkey_t *asked = state->input;

    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = asked->ctl;
    else if (key == 'o')
        asked->out = arg;
    else if (key == 'f')
        asked->fernet = 1;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* For every reason the file is not made, which is EX_CANTCREAT of sysexits.h. */
static gt_err_t *failed(const char *path, apr_pool_t *p)
{
    const char *why = errno == EEXIST    ? "it is there already and stays as it is"
                      : errno == ENOENT  ? "its folder is not there"
                      : errno == ENOTDIR ? "its folder is a file"
                                         : strerror(errno);
    gt_err_t *err = gt_err(p, GT_CONFLICT, "GT0911", "%s is not made: %s", path, why);

    err->exit_code = EX_CANTCREAT;
    return err;
}

static gt_err_t *write_file(const char *path, const char *text, apr_size_t len, apr_pool_t *p)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t written;

    if (fd < 0)
        return failed(path, p);
    written = write(fd, text, len);
    if (written != (ssize_t)len || fsync(fd) != 0) {
        gt_err_t *err = failed(path, p);

        close(fd);
        unlink(path);
        return err;
    }
    return close(fd) == 0 ? GT_OK : failed(path, p);
}

static void print_key(const char *text, const ctl_t *ctl)
{
    json_t *json;

    if (!ctl->json) {
        fputs(text, stdout);
        return;
    }
    json = gt_json_object(ctl->pool);
    json_object_set_new(json, "key", json_stringn(text, strcspn(text, "\n")));
    ctl_print_json(json);
}

gt_err_t *ctl_genkey(ctl_t *ctl, int argc, char **argv)
{
    static const struct argp argp = {
        options, parse, "", "Print a new key, one line for the keyring.", ctl_common, NULL, NULL};
    genkey_t asked = {ctl, NULL, 0};
    gt_secret_t *line;
    const char *text;

    GT_TRY(ctl_options(ctl, &argp, argc, argv, &asked));
    line = gt_keyring_generate(ctl->pool);
    text = gt_secret_text(line);
    if (asked.fernet)
        text = strrchr(text, ' ') + 1;
    if (asked.out != NULL)
        return write_file(asked.out, text, strlen(text), ctl->pool);
    print_key(text, ctl);
    return GT_OK;
}
