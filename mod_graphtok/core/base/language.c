/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file language.c Choosing a language by the Accept-Language field. The field is read once for
 * each language offered: both lists are short. */

#include "base/language.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* One range of the field. */
typedef struct range_t {
    const char *text;
    size_t len;
    int weight; /* q in thousandths; 0: not acceptable, or not well-formed */
} range_t;

/* How much a language is wanted. */
typedef struct rank_t {
    int weight;
    int place; /* of the range that said so */
} rank_t;

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && strchr(BLANKS, *text))
        text++;
    return text;
}

/* "0", "0.5", "1.000": at most three digits after the point, and not more than 1. */
static int weight_of(const char *text, const char *end)
{
    int weight, unit = 100;

    if (text == end || (*text != '0' && *text != '1'))
        return 0;
    weight = (*text++ - '0') * 1000;
    if (text < end && *text == '.')
        for (text++; text < end && *text >= '0' && *text <= '9' && unit > 0; unit /= 10)
            weight += (*text++ - '0') * unit;
    return skip_blanks(text, end) == end && weight <= 1000 ? weight : 0;
}

/* Read the weight behind a tag; none is 1. */
static int weight_after(const char *text, const char *end)
{
    text = skip_blanks(text, end);
    if (text == end)
        return 1000;
    if (*text != ';')
        return 0;
    text = skip_blanks(text + 1, end);
    if (end - text < 2 || (*text != 'q' && *text != 'Q') || text[1] != '=')
        return 0;
    return weight_of(text + 2, end);
}

/* Take one range off the field. 0: there is none left. */
static int next_range(range_t *range, const char **field)
{
    const char *end = *field + strcspn(*field, ",");

    if (!**field)
        return 0;
    range->text = skip_blanks(*field, end);
    range->len = strcspn(range->text, ",;" BLANKS);
    range->weight = range->len > 0 ? weight_after(range->text + range->len, end) : 0;
    *field = *end ? end + 1 : end;
    return 1;
}

static int is_for(const range_t *range, const char *language)
{
    size_t len = strlen(language);

    return range->len >= len && strncasecmp(range->text, language, len) == 0 &&
           (range->len == len || range->text[len] == '-');
}

/* A range that names the language counts more than "*", even to forbid it. */
static rank_t rank_of(const char *language, const char *field)
{
    rank_t named = {-1, 0}, any = {0, 0};
    range_t range;

    for (int place = 0; next_range(&range, &field); place++) {
        if (is_for(&range, language) && range.weight > named.weight)
            named = (rank_t){range.weight, place};
        else if (range.len == 1 && *range.text == '*' && range.weight > any.weight)
            any = (rank_t){range.weight, place};
    }
    return named.weight >= 0 ? named : any;
}

int gt_language_choose(const char *accept, const char *const *offered)
{
    rank_t best = {0, 0};
    int chosen = 0;

    for (int i = 0; accept && offered[i]; i++) {
        rank_t rank = rank_of(offered[i], accept);

        if (rank.weight > best.weight ||
            (rank.weight > 0 && rank.weight == best.weight && rank.place < best.place)) {
            best = rank;
            chosen = i;
        }
    }
    return chosen;
}
