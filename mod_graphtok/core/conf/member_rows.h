/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MEMBER_ROWS_H
#define GT_MEMBER_ROWS_H

/**
 * @file member_rows.h
 * The rows of a .def file as rows of a table of members. OWNER is the struct whose members they
 * are. Directive and help of a row go into the command table (httpd/config/directives.c).
 *
 *     TEXT    a text: longest (0: 1,023), rule and what it demands (or NULL), default (or NULL)
 *     LIST    the same, written as several words
 *     ADDED   a text that each directive adds words to: longest, rule and what it demands
 *     SINK    a file, "|program", or off
 *     PROXY   an address, and a login whose member is a part
 *     COLUMN  a column's name, and its type and reference, which are parts
 *     URL     default or NULL
 *     PATH    a file, made absolute: longest
 *     SOURCE  where a secret is
 *     SOURCES the same; each directive adds one
 *     KEYS    the same, or an address, whose member is a part
 *     SECRETS the same for one secret or two, the second of which is a part
 *     PAIR    where a certificate and its key are; the key is a part
 *     CHOICE  words in the order of their numbers, default
 *     RANGE   kind, then smallest, largest, default, as the administrator would write them
 *     PART    a member that no directive of its own sets; PART_RANGE the same with bounds
 */

#include "conf/member.h"

#define TEXT(member, directive, longest_, rule, demands, default_, help)                           \
    {.name = #member,                                                                              \
     .kind = GT_MEMBER_TEXT,                                                                       \
     .offset = offsetof(OWNER, member),                                                            \
     .longest = longest_,                                                                          \
     .is_good = rule,                                                                              \
     .expects = demands,                                                                           \
     .initial = default_},
#define LIST(member, directive, longest, rule, demands, default_, help)                            \
    TEXT(member, directive, longest, rule, demands, default_, help)
#define ADDED(member, directive, longest, rule, demands, help)                                     \
    TEXT(member, directive, longest, rule, demands, NULL, help)
#define COLUMN(member, directive, longest, rule, demands, default_, help)                          \
    TEXT(member, directive, longest, rule, demands, default_, help)
#define PROXY(member, directive, longest, rule, demands, help)                                     \
    TEXT(member, directive, longest, rule, demands, NULL, help)
#define SINK(member, directive, help) TEXT(member, directive, 0, NULL, NULL, NULL, help)
#define URL(member, directive, default_, help)                                                     \
    {.name = #member,                                                                              \
     .kind = GT_MEMBER_URL,                                                                        \
     .offset = offsetof(OWNER, member),                                                            \
     .initial = default_},
#define PATH(member, directive, longest_, help)                                                    \
    {.name = #member,                                                                              \
     .kind = GT_MEMBER_FILE,                                                                       \
     .offset = offsetof(OWNER, member),                                                            \
     .longest = longest_},
#define SOURCE(member, directive, help)                                                            \
    {.name = #member, .kind = GT_MEMBER_SOURCE, .offset = offsetof(OWNER, member)},
#define SOURCES(member, directive, help)                                                           \
    {.name = #member, .kind = GT_MEMBER_SOURCES, .offset = offsetof(OWNER, member)},
#define KEYS(member, directive, help) SOURCE(member, directive, help)
#define SECRETS(member, directive, help) SOURCE(member, directive, help)
#define PAIR(member, directive, help) SOURCE(member, directive, help)
#define CHOICE(member, directive, words_, default_, help)                                          \
    {.name = #member,                                                                              \
     .kind = GT_MEMBER_WORD,                                                                       \
     .offset = offsetof(OWNER, member),                                                            \
     .words = words_,                                                                              \
     .initial = default_},
#define RANGE(kind_, member, directive, least_, most_, default_, help)                             \
    PART_RANGE(kind_, member, least_, most_, default_)
#define PART_RANGE(kind_, member, least_, most_, default_)                                         \
    {.name = #member,                                                                              \
     .kind = kind_,                                                                                \
     .offset = offsetof(OWNER, member),                                                            \
     .least = least_,                                                                              \
     .most = most_,                                                                                \
     .initial = default_},
#define PART(kind_, member, longest_, rule, demands, default_)                                     \
    {.name = #member,                                                                              \
     .kind = kind_,                                                                                \
     .offset = offsetof(OWNER, member),                                                            \
     .longest = longest_,                                                                          \
     .is_good = rule,                                                                              \
     .expects = demands,                                                                           \
     .initial = default_},

#endif
