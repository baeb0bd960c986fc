/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The configuration, read from httpd itself: `-t -D DUMP_GRAPHTOK` prints it resolved. So there is
 * one source of truth and no second parser. On Debian it must be apache2ctl, which knows the
 * variables of envvars; plain apache2 does not start without them.
 */

#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/json.h"

#define DUMP_MAX ((apr_size_t)16 * 1024 * 1024)
#define SAID_MAX 1500
#define TIME_LIMIT apr_time_from_sec(60)

/** All of a file or pipe, at most DUMP_MAX bytes. */
static gt_err_t *read_all(char **bytes, apr_size_t *len, apr_file_t *file, const char *name,
                          apr_pool_t *p)
{
    apr_size_t room = 64 * 1024;
    char *buffer = apr_palloc(p, room);
    apr_status_t rv = APR_SUCCESS;

    *len = 0;
    while (rv == APR_SUCCESS) {
        apr_size_t n;

        if (*len == room) {
            char *wider = apr_palloc(p, room * 2);

            memcpy(wider, buffer, room);
            buffer = wider;
            room *= 2;
        }
        if (room > DUMP_MAX)
            return gt_err(p, GT_INVALID, "GT0901", "%s: more than 16 MiB", name);
        rv = apr_file_read_full(file, buffer + *len, room - *len, &n);
        *len += n;
    }
    *bytes = buffer;
    if (APR_STATUS_IS_EOF(rv))
        return GT_OK;
    return gt_err_file(p, GT_INTERNAL, "GT0902", rv, "%s", name);
}

static gt_err_t *open_named(apr_file_t **file, const char *path, apr_pool_t *p)
{
    apr_status_t rv = strcmp(path, "-") == 0
                          ? apr_file_open_stdin(file, p)
                          : apr_file_open(file, path, APR_READ, APR_OS_DEFAULT, p);

    if (rv == APR_SUCCESS)
        return GT_OK;
    return gt_err_file(p, GT_NOT_FOUND, "GT0903", rv, "%s", path);
}

/** Start a command with its output in a pipe and its complaints in `said`. */
static apr_status_t start(apr_proc_t *proc, const char *const *argv, apr_file_t *said,
                          apr_pool_t *p)
{
    apr_procattr_t *attr;
    apr_status_t rv = apr_procattr_create(&attr, p);

    if (rv == APR_SUCCESS)
        rv = apr_procattr_io_set(attr, APR_NO_PIPE, APR_FULL_BLOCK, APR_NO_PIPE);
    if (rv == APR_SUCCESS)
        rv = apr_procattr_child_err_set(attr, said, NULL);
    if (rv == APR_SUCCESS)
        rv = apr_procattr_cmdtype_set(attr, APR_PROGRAM_PATH);
    if (rv == APR_SUCCESS)
        rv = apr_procattr_error_check_set(attr, 1);
    if (rv == APR_SUCCESS)
        rv = apr_proc_create(proc, argv[0], argv, NULL, attr, p);
    if (rv == APR_SUCCESS)
        rv = apr_file_pipe_timeout_set(proc->out, TIME_LIMIT);
    return rv;
}

/** The end of the command's standard error, as one line. */
static char *said_text(apr_file_t *said, apr_pool_t *p)
{
    char *text = apr_pcalloc(p, SAID_MAX + 1);
    apr_size_t len = 0;
    apr_off_t at = 0;

    (void)apr_file_seek(said, APR_END, &at);
    at = at > SAID_MAX ? at - SAID_MAX : 0;
    (void)apr_file_seek(said, APR_SET, &at);
    (void)apr_file_read_full(said, text, SAID_MAX, &len);
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    return text;
}

/** A file in memory: graphtokctl needs no folder to write to. */
static apr_status_t make_said(apr_file_t **said, apr_pool_t *p)
{
    int fd = memfd_create("graphtokctl", MFD_CLOEXEC);

    return fd < 0 ? errno : apr_os_file_put(said, &fd, APR_READ | APR_WRITE, p);
}

/** Run httpd's test with the dump. */
static gt_err_t *ask(char **bytes, apr_size_t *len, const char *const *argv, apr_pool_t *p)
{
    apr_exit_why_e why;
    apr_file_t *said;
    apr_proc_t proc;
    apr_status_t rv;
    int code = 0;

    rv = make_said(&said, p);
    if (rv == APR_SUCCESS)
        rv = start(&proc, argv, said, p);
    if (rv != APR_SUCCESS)
        return gt_err_file(p, GT_NOT_FOUND, "GT0904", rv, "%s cannot be run", argv[0]);
    apr_pool_note_subprocess(p, &proc, APR_KILL_AFTER_TIMEOUT);
    GT_TRY(read_all(bytes, len, proc.out, argv[0], p));
    apr_proc_wait(&proc, &code, &why, APR_WAIT);
    if (why != APR_PROC_EXIT || code != 0)
        return gt_err(p, GT_INVALID, "GT0905", "%s -t says the configuration is wrong:\n%s",
                      argv[0], said_text(said, p));
    if (*len == 0)
        return gt_err(p, GT_INVALID, "GT0906",
                      "%s -t -D DUMP_GRAPHTOK prints nothing: is mod_graphtok loaded there?",
                      argv[0]);
    return GT_OK;
}

/** The command's words with the test's added. */
static gt_err_t *words_of(const char *const **argv, const char *command, apr_pool_t *p)
{
    static const char *const test[] = {"-t", "-D", "DUMP_GRAPHTOK"};
    apr_array_header_t *list = apr_array_make(p, 8, sizeof(const char *));
    char **words;

    if (apr_tokenize_to_argv(command, &words, p) != APR_SUCCESS || words[0] == NULL)
        return gt_err(p, GT_INVALID, "GT0907", "--httpd '%s' is no command", command);
    for (int i = 0; words[i] != NULL; i++)
        APR_ARRAY_PUSH(list, const char *) = words[i];
    for (apr_size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++)
        APR_ARRAY_PUSH(list, const char *) = test[i];
    APR_ARRAY_PUSH(list, const char *) = NULL;
    *argv = (const char *const *)list->elts;
    return GT_OK;
}

/** The first of these programs that exists: the control programs know their httpd's environment. */
static const char *find_httpd(apr_pool_t *p)
{
    static const char *const names[] = {"apache2ctl", "apachectl", "httpd"};
    static const char *const folders[] = {"/usr/sbin", "/usr/local/sbin", "/usr/local/apache2/bin",
                                          "/usr/bin"};
    apr_finfo_t info;

    for (apr_size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        for (apr_size_t f = 0; f < sizeof(folders) / sizeof(folders[0]); f++) {
            const char *path = apr_pstrcat(p, folders[f], "/", names[n], NULL);

            if (apr_stat(&info, path, APR_FINFO_TYPE, p) == APR_SUCCESS)
                return path;
        }
    }
    return "apachectl";
}

gt_err_t *ctl_config(gt_config_t **config, const ctl_t *ctl)
{
    const json_t *mounts;

    return ctl_config_with_mounts(config, &mounts, ctl);
}

gt_err_t *ctl_config_with_mounts(gt_config_t **config, const json_t **mounts, const ctl_t *ctl)
{
    apr_pool_t *p = ctl->pool;
    const char *name = ctl->config_file;
    const char *const *argv = NULL;
    apr_file_t *file = NULL;
    gt_err_t *err;
    apr_size_t len = 0;
    json_t *root = NULL;
    char *bytes = NULL;

    if (name != NULL) {
        GT_TRY(open_named(&file, name, p));
        GT_TRY(read_all(&bytes, &len, file, name, p));
    }
    else {
        name = ctl->httpd != NULL ? ctl->httpd : find_httpd(p);
        GT_TRY(words_of(&argv, name, p));
        GT_TRY(ask(&bytes, &len, argv, p));
    }
    err = gt_json_parse(&root, bytes, len, p);
    if (err == GT_OK) {
        const json_t *inner = json_object_get(root, "config");

        *mounts = json_object_get(root, "mounts");
        err = gt_config_from_json(config, inner != NULL ? inner : root, p);
    }
    return err == GT_OK ? GT_OK : gt_err_in(err, "configuration from %s", name);
}
