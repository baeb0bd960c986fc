/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Accept-Language as browsers write it, as the RFC allows it, and as strangers may. */

#include "base/language.h"
#include "gt_test.h"

Suite *suite_language(void);

static const char *const offered[] = {"en", "de", NULL};

static const struct {
    const char *accept;
    const char *language;
} rows[] = {
    {NULL, "en"},
    {"", "en"},
    {"de", "de"},
    {"DE-at", "de"},
    {"de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de"},
    {"en-GB,en;q=0.9,de;q=0.8", "en"},
    {"fr,de;q=0.5,en;q=0.4", "de"},
    {"fr", "en"},
    {"en;q=0.2 , de ; q=0.201", "de"},
    {"en;q=0.2,\tde;Q=0.9", "de"},
    /* Of equals the one that stands first. */
    {"de, en", "de"},
    {"en, de", "en"},
    {"fr;q=1, de;q=0.5, en;q=0.5", "de"},
    /* A name counts more than a star, also to forbid. */
    {"*", "en"},
    {"en;q=0, *;q=0.1", "de"},
    {"*;q=0.5, en;q=0.1", "de"},
    {"*;q=0.5, de;q=0.1", "en"},
    {"de;q=0, en;q=0", "en"},
    {"de-CH;q=0, de;q=0.5", "de"},
    /* Other languages that begin alike. */
    {"den", "en"},
    {"d", "en"},
    {"denmark-de", "en"},
    /* Not well-formed: such a range counts for nothing. */
    {"de;q=2", "en"},
    {"de;q=1.001", "en"},
    {"de;q=0.5555, en;q=0.1", "en"},
    {"de;q=", "en"},
    {"de;q", "en"},
    {"de;level=1", "en"},
    {"de;q=0.5x", "en"},
    {"de q=1", "en"},
    {",,;q=1,,de", "de"},
    {";", "en"},
};

START_TEST(test_the_language_that_is_wanted_most)
{
    ck_assert_str_eq(offered[gt_language_choose(rows[_i].accept, offered)], rows[_i].language);
}
END_TEST

Suite *suite_language(void)
{
    Suite *suite = suite_create("language");
    TCase *tcase = tcase_create("language");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, test_the_language_that_is_wanted_most, 0,
                        sizeof(rows) / sizeof(rows[0]));
    return suite;
}
