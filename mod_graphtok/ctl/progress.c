/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A bar for people, nothing for pipes: a program that reads our output finds no carriage returns
 * in it.
 */

#include "progress.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define WIDTH 30
#define DRAW_EVERY apr_time_from_msec(100)

static volatile sig_atomic_t was_asked;

static void note(int number)
{
    (void)number;
    was_asked = 1;
}

void ctl_stop_begin(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = note;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int ctl_stop_asked(void)
{
    return was_asked != 0;
}

int ctl_progress_is_wanted(void)
{
    return isatty(STDERR_FILENO);
}

void ctl_progress_begin(ctl_progress_t *progress, const char *verb, apr_int64_t total)
{
    *progress = (ctl_progress_t){verb, total, gt_ticks(), 0, 0, 0};
}

static void draw(const ctl_progress_t *progress, apr_int64_t done)
{
    apr_int64_t span = (gt_ticks() - progress->began) / APR_USEC_PER_SEC;
    apr_int64_t speed = span > 0 ? done / span : done;
    int filled = (int)(done >= progress->total ? WIDTH : WIDTH * done / progress->total);
    char bar[WIDTH + 1];

    if (progress->total < 0) {
        fprintf(stderr, "\r%s %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT "/s ", progress->verb, done,
                speed);
        return;
    }
    memset(bar, '.', WIDTH);
    memset(bar, '#', (apr_size_t)filled);
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %" APR_INT64_T_FMT "/%" APR_INT64_T_FMT ", %" APR_INT64_T_FMT "/s ",
            progress->verb, bar, done, progress->total, speed);
}

void ctl_progress_show(ctl_progress_t *progress, apr_int64_t done)
{
    apr_time_t now = gt_ticks();

    progress->done = done;
    if (progress->total == 0 || now - progress->drawn < DRAW_EVERY || !ctl_progress_is_wanted())
        return;
    progress->drawn = now;
    progress->is_shown = 1;
    draw(progress, done);
}

void ctl_progress_end(ctl_progress_t *progress)
{
    if (progress->is_shown) {
        /* A recording of the terminal has the last figure, however soon it came after another. */
        draw(progress, progress->done);
        fprintf(stderr, "\r%*s\r", WIDTH + 50, "");
    }
    progress->is_shown = 0;
}
