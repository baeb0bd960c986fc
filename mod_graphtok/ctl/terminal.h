/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_TERMINAL_H
#define CTL_TERMINAL_H

/**
 * @file terminal.h
 * Colours and headings for people. A program that reads our output gets neither, and JSON has none
 * in any case. Colours are ANSI's (ECMA-48, SGR), where --color says so: `auto` means a terminal
 * that is not dumb (TERM), unless NO_COLOR is set (no-color.org).
 */

#include "ctl.h"

/** The meaning of a colour. */
typedef enum ctl_hue_t { CTL_GOOD, CTL_WARNS, CTL_BAD, CTL_HEADING } ctl_hue_t;

/** The bytes before a text of this meaning on a stream, and those behind it; "" where there are no
 * colours. */
const char *ctl_hue(const ctl_t *ctl, FILE *stream, ctl_hue_t hue);
const char *ctl_hue_end(const ctl_t *ctl, FILE *stream);

/** The line above a table, where a person looks at standard output. */
void ctl_heading(const ctl_t *ctl, const char *text);

/** --color's word. @return 0: there is no such word */
int ctl_colour_read(ctl_colour_t *colour, const char *word);

#endif
