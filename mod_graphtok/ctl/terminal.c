/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Colours and headings, where a person sees them. */

#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const sequences[] = {
    [CTL_GOOD] = "\033[32m",
    [CTL_WARNS] = "\033[33m",
    [CTL_BAD] = "\033[31m",
    [CTL_HEADING] = "\033[1m",
};

static int has_colours(const ctl_t *ctl, FILE *stream)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    if (ctl->colour != CTL_COLOUR_AUTO)
        return ctl->colour == CTL_COLOUR_ALWAYS;
    return isatty(fileno(stream)) && (no == NULL || *no == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

const char *ctl_hue(const ctl_t *ctl, FILE *stream, ctl_hue_t hue)
{
    return has_colours(ctl, stream) ? sequences[hue] : "";
}

const char *ctl_hue_end(const ctl_t *ctl, FILE *stream)
{
    return has_colours(ctl, stream) ? "\033[0m" : "";
}

void ctl_heading(const ctl_t *ctl, const char *text)
{
    if (!ctl->json && isatty(STDOUT_FILENO))
        printf("%s%s%s\n", ctl_hue(ctl, stdout, CTL_HEADING), text, ctl_hue_end(ctl, stdout));
}

int ctl_colour_read(ctl_colour_t *colour, const char *word)
{
    static const char *const words[] = {
        [CTL_COLOUR_AUTO] = "auto", [CTL_COLOUR_ALWAYS] = "always", [CTL_COLOUR_NEVER] = "never"};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0) {
            *colour = (ctl_colour_t)i;
            return 1;
        }
    }
    return 0;
}
