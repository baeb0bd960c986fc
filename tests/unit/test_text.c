/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Bytes and their spellings: each decoder takes exactly what its standard says. */

#include "gt_test.h"

#include "base/plain.h"
#include "base/text.h"

Suite *suite_text(void);

/* RFC 4648 section 10, in the url alphabet without padding. */
START_TEST(base64url_is_written_as_the_rfc_says)
{
    static const char *const rows[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char *bytes;
        apr_size_t len;
        const char *text = gt_base64url(rows[i][0], strlen(rows[i][0]), pool);

        ck_assert_str_eq(text, rows[i][1]);
        ck_assert(gt_base64_decode(&bytes, &len, text, strlen(text), 0, pool));
        ck_assert_uint_eq(len, strlen(rows[i][0]));
        ck_assert_str_eq((const char *)bytes, rows[i][0]);
    }
}
END_TEST

START_TEST(base64_is_read_strictly)
{
    static const struct {
        const char *text;
        int alphabet, is_right;
    } rows[] = {
        {"Zg==", 0, 1},     {"Zg", 0, 1},      {"Zm8=", 0, 1},        {"Zm8", 1, 1},
        {"Zm9v", 2, 1},     {"-_-_", 0, 1},    {"-_-_", 1, 0},        {"-_-_", 2, 1},
        {"+/+/", 0, 0},     {"+/+/", 1, 1},    {"+/-_", 2, 1},        {"", 0, 1},
        {"Z", 0, 0},        {"Zg=", 0, 0},     {"Zg===", 0, 0},       {"Zm8==", 0, 0},
        {"Zm9v=", 0, 0},    {"=", 0, 0},       {"==", 0, 0},          {"====", 0, 0},
        {"Z===", 0, 0},     {"Zh==", 0, 0},    {"Zh", 0, 0},          {"Zm9", 0, 0},
        {"Zm 9v", 0, 0},    {" Zm9v", 0, 0},   {"Zm9v\n", 0, 0},      {"Zm9v Zg", 0, 0},
        {"Zg==Zg==", 0, 0}, {"Zm9v.", 0, 0},   {"Zm\xc3\xa4v", 0, 0}, {"Zg=a", 0, 0},
        {"Zm9vYmF", 0, 0},  {"Zm9vYmE", 0, 1},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char *bytes;
        apr_size_t len;

        ck_assert_msg(gt_base64_decode(&bytes, &len, rows[i].text, strlen(rows[i].text),
                                       rows[i].alphabet, pool) == rows[i].is_right,
                      "\"%s\" in alphabet %d", rows[i].text, rows[i].alphabet);
    }
    ck_assert(!gt_base64_decode(&(unsigned char *){NULL}, &(apr_size_t){0}, "Zm\0v", 4, 0, pool));
}
END_TEST

START_TEST(base64_brings_all_bytes_back)
{
    unsigned char all[256];
    unsigned char *bytes;
    apr_size_t len, n;

    for (n = 0; n < sizeof(all); n++)
        all[n] = (unsigned char)(n * 7 + 3);
    for (n = 0; n <= sizeof(all); n++) {
        const char *text = gt_base64url(all, n, pool);

        ck_assert(gt_base64_decode(&bytes, &len, text, strlen(text), 0, pool));
        ck_assert_uint_eq(len, n);
        ck_assert_mem_eq(bytes, all, n);
        ck_assert_int_eq(bytes[n], 0);
    }
}
END_TEST

START_TEST(percent_keeps_the_unreserved_only)
{
    ck_assert_str_eq(gt_percent("AZaz09-._~", pool), "AZaz09-._~");
    ck_assert_str_eq(gt_percent("a b&c=d/e?f#g+h%i", pool), "a%20b%26c%3Dd%2Fe%3Ff%23g%2Bh%25i");
    ck_assert_str_eq(gt_percent("\xc3\xa4\n", pool), "%C3%A4%0A");
    ck_assert_str_eq(gt_percent("", pool), "");
}
END_TEST

START_TEST(unpercent_takes_forms_and_nothing_dangerous)
{
    static const char *const rows[][2] = {
        {"a+b%20c", "a b c"}, {"%c3%A4", "\xc3\xa4"}, {"", ""},       {"%2B", "+"},
        {"%00", NULL},        {"a%0d%0aB", NULL},     {"%7f", NULL},  {"%1F", NULL},
        {"%", NULL},          {"%4", NULL},           {"a%zz", NULL}, {"%c3", NULL},
        {"%ed%a0%80", NULL},  {"%c0%af", NULL},       {"%4g", NULL},  {"\x01", NULL},
        {"\xff", NULL},       {"%-1", NULL},          {"%+1", NULL},  {"% 1", NULL},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text;
        int is_right = gt_unpercent(&text, rows[i][0], strlen(rows[i][0]), pool);

        ck_assert_msg(is_right == (rows[i][1] != NULL), "\"%s\"", rows[i][0]);
        ck_assert_pstr_eq(text, rows[i][1]);
    }
    ck_assert(!gt_unpercent(&(char *){NULL}, "a\0b", 3, pool));
}
END_TEST

START_TEST(an_escape_is_not_read_beyond_the_end)
{
    char *text;

    /* The two digits stand behind the length given. */
    ck_assert(!gt_unpercent(&text, "%41", 1, pool));
    ck_assert(!gt_unpercent(&text, "%41", 2, pool));
    ck_assert(gt_unpercent(&text, "%41", 3, pool));
    ck_assert_str_eq(text, "A");
}
END_TEST

START_TEST(utf8_is_judged_as_rfc_3629_says)
{
    static const struct {
        const char *text;
        int is_right;
    } rows[] = {
        {"", 1},
        {"ascii", 1},
        {"\xc2\x80", 1},         /* first of two bytes */
        {"\xdf\xbf", 1},         /* last of two bytes */
        {"\xe0\xa0\x80", 1},     /* first of three bytes */
        {"\xed\x9f\xbf", 1},     /* last before the surrogates */
        {"\xee\x80\x80", 1},     /* first after them */
        {"\xef\xbf\xbf", 1},     /* last of three bytes */
        {"\xf0\x90\x80\x80", 1}, /* first of four bytes */
        {"\xf4\x8f\xbf\xbf", 1}, /* U+10FFFF */
        {"\x80", 0},             /* lone continuation */
        {"\xc0\x80", 0},         /* overlong NUL */
        {"\xc1\xbf", 0},         /* overlong */
        {"\xe0\x9f\xbf", 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\xed\xbf\xbf", 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
        {"\xc3", 0}, /* ends too early */
        {"\xe2\x82", 0},
        {"\xf0\x90\x80", 0},
        {"\xc3(", 0},
        {"\xe2\x82(", 0},
        {"\xf0\x90\x80(", 0},
        {"a\xc3\xa4z\x80", 0},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(gt_is_utf8(rows[i].text, strlen(rows[i].text)) == rows[i].is_right, "row %lu",
                      (unsigned long)i);
    ck_assert(!gt_is_utf8("\xc3\xa4", 1));
}
END_TEST

/* Each byte in each place of texts of each short length. */
START_TEST(plain_is_printable_ascii)
{
    char text[20];

    for (int byte = 0; byte < 256; byte++)
        for (apr_size_t len = 0; len <= sizeof(text); len++)
            for (apr_size_t at = 0; at < len; at++) {
                memset(text, at % 2 ? ' ' : '~', sizeof(text));
                text[at] = (char)byte;
                ck_assert_uint_eq(gt_plain_len(text, len), byte >= 0x20 && byte < 0x7F ? len : at);
            }
}
END_TEST

START_TEST(equal_in_constant_time)
{
    ck_assert(gt_equal_ct("abc", "abc"));
    ck_assert(gt_equal_ct("", ""));
    ck_assert(!gt_equal_ct("abc", "abd"));
    ck_assert(!gt_equal_ct("abc", "ab"));
    ck_assert(!gt_equal_ct("abc", "abcd"));
    ck_assert(!gt_equal_ct(NULL, "abc"));
    ck_assert(!gt_equal_ct("abc", NULL));
    ck_assert(!gt_equal_ct(NULL, NULL));
}
END_TEST

START_TEST(names_are_alike_as_applications_read_them)
{
    static const struct {
        const char *a, *b;
        int alike;
    } rows[] = {
        {"X-GraphTok-Token", "x-graphtok-token", 1},
        {"X-GraphTok-Token", "X_GRAPHTOK_TOKEN", 1},
        {"X-GraphTok-Token", "x.graphtok~token", 1},
        {"X-GraphTok-Token", "X-GraphTok_Token", 1},
        {"X-GraphTok-Token", "X\xC3GraphTok\xA4Token", 1},
        {"X-GraphTok-Token", "X-GraphTokToken", 0},
        {"X-GraphTok-Token", "X-GraphTok-Token-", 0},
        {"X-GraphTok-Token", "X-GraphTok-Toke", 0},
        {"X-GraphTok-Token", "X-GraphTok-Token-User", 0},
        {"X-GraphTok-Token", "", 0},
        {"", "", 1},
        {"", "_", 0},
        {"a", "b", 0},
        {"z9", "Z9", 1},
        {"_", "@", 1},
        {"[", "{", 1},
        {"k", "\xE2\x84\xAA", 0}, /* the Kelvin sign, a K in Unicode's folding */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(gt_is_alike(rows[i].a, rows[i].b) == rows[i].alike, "row %zu", i);
        ck_assert_msg(gt_is_alike(rows[i].b, rows[i].a) == rows[i].alike, "row %zu turned", i);
    }
}
END_TEST

START_TEST(numbers_are_whole_and_in_range)
{
    static const struct {
        const char *text;
        apr_int64_t min, max, number;
        int is_right;
    } rows[] = {
        {"0", 0, 10, 0, 1},
        {"10", 0, 10, 10, 1},
        {"11", 0, 10, 0, 0},
        {"-1", 0, 10, 0, 0},
        {"-1", -1, 10, -1, 1},
        {"007", 0, 10, 7, 1},
        {"", 0, 10, 0, 0},
        {"-", -5, 10, 0, 0},
        {"+1", 0, 10, 0, 0},
        {" 1", 0, 10, 0, 0},
        {"1 ", 0, 10, 0, 0},
        {"300x", 0, 1000, 0, 0},
        {"1e3", 0, 1000, 0, 0},
        {"0x10", 0, 1000, 0, 0},
        {"1.0", 0, 10, 0, 0},
        {"--1", -5, 10, 0, 0},
        {"9223372036854775807", 0, APR_INT64_MAX, APR_INT64_MAX, 1},
        {"9223372036854775808", APR_INT64_MIN, APR_INT64_MAX, 0, 0},
        {"-9223372036854775808", APR_INT64_MIN, APR_INT64_MAX, APR_INT64_MIN, 1},
        {"-9223372036854775809", APR_INT64_MIN, APR_INT64_MAX, 0, 0},
        {"99999999999999999999999", 0, APR_INT64_MAX, 0, 0},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_int64_t number = 77;

        ck_assert_msg(gt_number(&number, rows[i].text, rows[i].min, rows[i].max) ==
                          rows[i].is_right,
                      "\"%s\"", rows[i].text);
        ck_assert_int_eq(number, rows[i].number);
    }
    ck_assert(!gt_number(&(apr_int64_t){0}, NULL, 0, 1));
}
END_TEST

START_TEST(random_texts_differ_and_are_long_enough)
{
    ck_assert_uint_eq(strlen(gt_random_text(32, pool)), 43);
    ck_assert_str_ne(gt_random_text(16, pool), gt_random_text(16, pool));
}
END_TEST

START_TEST(trim_and_split)
{
    const apr_array_header_t *parts = gt_split(", a b,,c ", ", ", pool);

    ck_assert_str_eq(gt_trim(" \t\r\n a b \v\f", pool), "a b");
    ck_assert_str_eq(gt_trim("  ", pool), "");
    ck_assert_int_eq(parts->nelts, 3);
    ck_assert_str_eq(APR_ARRAY_IDX(parts, 0, char *), "a");
    ck_assert_str_eq(APR_ARRAY_IDX(parts, 1, char *), "b");
    ck_assert_str_eq(APR_ARRAY_IDX(parts, 2, char *), "c");
    ck_assert_int_eq(gt_split("", " ", pool)->nelts, 0);
    ck_assert_int_eq(gt_split(" ", " ", pool)->nelts, 0);
    ck_assert_int_eq(gt_has_word(" aa a  b", "a"), 1);
    ck_assert_int_eq(gt_has_word("aa a b", "b"), 1);
    ck_assert_int_eq(gt_has_word("aa ab", "a"), 0);
    ck_assert_int_eq(gt_has_word("", "a"), 0);
    ck_assert_int_eq(gt_has_scope("openid User.Read", "user.read"), 1);
    ck_assert_int_eq(gt_has_scope(" openid  https://graph.microsoft.com/User.Read ", "User.Read"),
                     1);
    ck_assert_int_eq(gt_has_scope("User.Read.All User.Rea X.User.Read", "User.Read"), 0);
    ck_assert_int_eq(gt_has_scope("", "User.Read"), 0);
    ck_assert_str_eq(gt_lower("aBc-\xc3\x84", pool), "abc-\xc3\x84");
}
END_TEST

/* FIPS 180-2's example, and RFC 7636 appendix B. */
START_TEST(hashes_and_hex)
{
    static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    unsigned char digest[32];

    gt_sha256(digest, "abc", 3);
    ck_assert_str_eq(gt_hex(digest, 32, pool),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    gt_sha256(digest, verifier, strlen(verifier));
    ck_assert_str_eq(gt_base64url(digest, 32, pool), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    ck_assert_str_eq(gt_hex("", 0, pool), "");
}
END_TEST

Suite *suite_text(void)
{
    Suite *suite = suite_create("text");
    TCase *base64 = case_with_pool(suite, "base64");
    TCase *urls = case_with_pool(suite, "percent");
    TCase *rest = case_with_pool(suite, "rest");

    tcase_add_test(base64, base64url_is_written_as_the_rfc_says);
    tcase_add_test(base64, base64_is_read_strictly);
    tcase_add_test(base64, base64_brings_all_bytes_back);
    tcase_add_test(urls, percent_keeps_the_unreserved_only);
    tcase_add_test(urls, unpercent_takes_forms_and_nothing_dangerous);
    tcase_add_test(urls, an_escape_is_not_read_beyond_the_end);
    tcase_add_test(rest, utf8_is_judged_as_rfc_3629_says);
    tcase_add_test(rest, plain_is_printable_ascii);
    tcase_add_test(rest, equal_in_constant_time);
    tcase_add_test(rest, names_are_alike_as_applications_read_them);
    tcase_add_test(rest, numbers_are_whole_and_in_range);
    tcase_add_test(rest, random_texts_differ_and_are_long_enough);
    tcase_add_test(rest, trim_and_split);
    tcase_add_test(rest, hashes_and_hex);
    return suite;
}
