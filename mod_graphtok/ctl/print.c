/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Printing: JSON indented for people, sorted by nothing (the order is the one it was made in).
 */

#include "ctl.h"

#include "base/json.h"

void ctl_print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}
