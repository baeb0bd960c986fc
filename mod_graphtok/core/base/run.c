/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Run a command for its first line of output. posix_spawn rather than fork: httpd's children have
 * threads, and between fork and exec such a process may call next to nothing. The command gets its
 * own process group, so that a time-out also ends the processes that it started.
 */

#include "base/run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"

#define TIME_LIMIT apr_time_from_sec(10)

/* How long one look lasts: the clock is asked in between, also when tests move it. */
#define LOOK_MS 50

#define TOO_LONG "it took longer than 10 s"

extern char **environ;

static atomic_int has_ended;

void gt_run_end_all(void)
{
    atomic_store(&has_ended, 1);
}

/* @return why a command must not go on, or NULL */
static const char *must_end(apr_time_t deadline)
{
    if (atomic_load(&has_ended))
        return "this process ends";
    return gt_ticks() < deadline ? NULL : TOO_LONG;
}

static int spawn(pid_t *pid, int output, char *const argv[])
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    error = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&files, output, 1);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    if (error == 0)
        error = posix_spawn(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* Read until the command closes its output. @return why it must be ended, or NULL */
static const char *read_output(char *bytes, apr_size_t room, apr_size_t *len, int fd,
                               apr_time_t deadline)
{
    struct pollfd look = {fd, POLLIN, 0};
    const char *why;

    *len = 0;
    while ((why = must_end(deadline)) == NULL) {
        ssize_t n;

        if (poll(&look, 1, LOOK_MS) <= 0)
            continue;
        n = read(fd, bytes + *len, room - *len);
        if (n == 0)
            return NULL;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return "its output cannot be read";
        *len += n > 0 ? (apr_size_t)n : 0;
        if (*len == room)
            return "it prints more than 64 KiB";
    }
    return why;
}

/* Wait for the end of a command that has closed its output. */
static const char *await_end(int *status, pid_t pid, apr_time_t deadline)
{
    const char *why;

    while ((why = must_end(deadline)) == NULL) {
        pid_t ended = waitpid(pid, status, WNOHANG);

        if (ended == pid)
            return NULL;
        /* Another part of the process ignores SIGCHLD or waited for any child: the status is
         * lost. */
        if (ended < 0 && errno == ECHILD) {
            *status = 0;
            return NULL;
        }
        apr_sleep(1000);
    }
    return why;
}

static void end_now(pid_t pid)
{
    int status;

    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
}

static gt_err_t *failed(const char *command, const char *why, apr_pool_t *p)
{
    return gt_err(p, GT_INTERNAL, "GT0111", "exec:%s failed: %s", command, why);
}

static gt_err_t *judge_status(int status, const char *command, apr_pool_t *p)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return GT_OK;
    return failed(command,
                  WIFEXITED(status) ? apr_psprintf(p, "exit code %d", WEXITSTATUS(status))
                                    : apr_psprintf(p, "ended by signal %d", WTERMSIG(status)),
                  p);
}

gt_err_t *gt_run_first_line(char *line, apr_size_t room, apr_size_t *len, char *const argv[],
                            apr_pool_t *p)
{
    const char *newline;

    GT_TRY(gt_run_output(line, room, len, argv, p));
    newline = memchr(line, '\n', *len);
    if (newline != NULL)
        *len = (apr_size_t)(newline - line);
    return GT_OK;
}

gt_err_t *gt_run_output(char *bytes, apr_size_t room, apr_size_t *len, char *const argv[],
                        apr_pool_t *p)
{
    apr_time_t deadline = gt_ticks() + TIME_LIMIT;
    const char *why;
    int ends[2];
    int status = 0;
    int error;
    pid_t pid;

    assert(room > 0 && argv[0] != NULL);
    *len = 0;
    why = must_end(deadline);
    if (why != NULL)
        return failed(argv[0], why, p);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return failed(argv[0], apr_psprintf(p, "%s", strerror(errno)), p);
    error = spawn(&pid, ends[1], argv);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return failed(argv[0], apr_psprintf(p, "%s", strerror(error)), p);
    }
    why = read_output(bytes, room, len, ends[0], deadline);
    close(ends[0]);
    if (why == NULL)
        why = await_end(&status, pid, deadline);
    if (why != NULL) {
        end_now(pid);
        return failed(argv[0], why, p);
    }
    return judge_status(status, argv[0], p);
}
