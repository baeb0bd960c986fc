/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* jansson tied to pools: what is refused, what a reading finds, what is left behind. */

#include "gt_test.h"

#include <malloc.h>
#include <setjmp.h>

#include "base/json.h"
#include "base/json_writer.h"

Suite *suite_json(void);

static json_t *parsed(const char *text)
{
    json_t *root;

    ck_ok(gt_json_parse(&root, text, strlen(text), pool));
    return root;
}

START_TEST(strange_texts_are_refused_without_quoting_them)
{
    static const char *const rows[] = {
        "",
        "hunter2",
        "\"hunter2\"",
        "42",
        "null",
        "{",
        "{\"hunter2\":}",
        "{\"hunter2\":1,}",
        "[1 hunter2]",
        "{}hunter2",
        "{\"hunter2\":1,\"hunter2\":2}",
        "{\"a\":{\"hunter2\":1,\"hunter2\":2}}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"hunter2\":\"\xff\"}",
        "{\"hunter2\":\"\xed\xa0\x80\"}",
        "{\"hunter2\":\"\\ud800\"}",
        "{\"hunter2\":\"\\u0000\"}",
        "{\"hunter2\\u0000\":1}",
        "{\"hunter2\":1e999}",
        "{\"hunter2\":99999999999999999999}",
        "{\"hunter2\":NaN}",
        "{'hunter2':1}",
        "// hunter2\n{}",
        "\xef\xbb\xbf{}",
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *root = (json_t *)rows;
        const gt_err_t *err = gt_json_parse(&root, rows[i], strlen(rows[i]), pool);

        ck_assert_msg(err != GT_OK, "\"%s\"", rows[i]);
        ck_assert_int_eq(err->cls, GT_INVALID);
        ck_assert_ptr_null(root);
        ck_assert_ptr_null(strstr(err->detail, "hunter2"));
        ck_assert_ptr_nonnull(strstr(err->detail, "line 1, column"));
    }
    ck_fails(gt_json_parse(&(json_t *){NULL}, "{\"a\":\0}", 7, pool), GT_INVALID, "GT0103");
}
END_TEST

/* What a provider wrote, and how it is read: as this text is. */
typedef struct odd_case_t {
    const char *answer;
    const char *read;
} odd_case_t;

static const odd_case_t odd_cases[] = {
    {"{\"a\":[1,true,null,-2.5e3,\"x\\n\\u00e4\\/\"]}",
     "{\"a\":[1,true,null,-2500.0,\"x\\n\u00e4/\"]}"},
    {"\xef\xbb\xbf{\"a\":1}", "{\"a\":1}"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
    {"{\"a\":1}\n<!-- served by x -->", "{\"a\":1}"},
    {"{\"a\":\"x\\u0000y\",\"b\":1}", "{\"a\":\"x\ufffdy\",\"b\":1}"},
    {"{\"a\\u0000\":\"x\",\"b\":1}", "{\"a\ufffd\":\"x\",\"b\":1}"},
    {"{\"a\":\"\\ud83d\\ude00\",\"b\":1}", "{\"a\":\"\U0001f600\",\"b\":1}"},
    {"{\"a\":\"\\ud83d\",\"b\":1}", "{\"a\":\"\ufffd\",\"b\":1}"},
    {"{\"a\":\"\\ud83d\\ud83d\\ude00\",\"b\":1}", "{\"a\":\"\ufffd\U0001f600\",\"b\":1}"},
    {"{\"a\":\"\\ude00\\ud83d\",\"b\":1}", "{\"a\":\"\ufffd\ufffd\",\"b\":1}"},
    {"{\"a\":\"\\ud8\",\"b\":1}", "{\"a\":\"\ufffdd8\",\"b\":1}"},
    {"{\"a\":\"\\x41\",\"b\":1}", "{\"a\":\"\ufffd41\",\"b\":1}"},
    {"{\"a\":\"\xff\xc3\xa4\xc3\",\"b\":1}", "{\"a\":\"\ufffd\u00e4\ufffd\",\"b\":1}"},
    {"{\"a\":\"x\ty\r\n\",\"b\":1}", "{\"a\":\"x\ufffdy\ufffd\ufffd\",\"b\":1}"},
    {"{\"a\":1e999,\"b\":1}", "{\"a\":null,\"b\":1}"},
    {"{\"a\":99999999999999999999,\"b\":1}", "{\"a\":null,\"b\":1}"},
    {"{\"a\":[NaN,-Infinity,undefined,007,.5,+1,'x'],\"b\":1}",
     "{\"a\":[null,null,null,null,null,null,null],\"b\":1}"},
    {"{\"a\":\"\\\"\\\\\",\"b\":1}", "{\"a\":\"\\\"\\\\\",\"b\":1}"},
};

START_TEST(an_answer_is_read_in_spite_of_its_oddities)
{
    const odd_case_t *row = &odd_cases[_i];
    json_t *root;

    ck_ok(gt_json_parse_answer(&root, row->answer, strlen(row->answer), pool));
    ck_assert_msg(json_equal(root, parsed(row->read)), "%s is read as %s", row->answer,
                  gt_json_dump(root, pool));
}
END_TEST

START_TEST(what_is_no_json_is_none_as_an_answer_either)
{
    static const char *const rows[] = {
        "",           "hunter2",  "42",          "\"x\"",          "{",
        "{\"a\":\"",  "{\"a\":}", "{\"a\":1,}",  "{'a':1}",        "{a:1}",
        "[1 2]",      "<html>",   "{\"a\":\"\\", "{\"a\":\"\\u00", "\xef\xbb\xbf",
        "\xef\xbb{}", "// x\n{}",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *root = (json_t *)rows;
        gt_err_t *err = gt_json_parse_answer(&root, rows[i], strlen(rows[i]), pool);

        ck_assert_msg(err != GT_OK, "\"%s\"", rows[i]);
        ck_assert_ptr_null(root);
        ck_assert_ptr_null(strstr(err->detail, "hunter2"));
    }
}
END_TEST

/* n brackets, then n closing ones. */
static char *nested(int n, char open, char close)
{
    char *text = apr_palloc(pool, (apr_size_t)(2 * n + 1));

    memset(text, open, (size_t)n);
    memset(text + n, close, (size_t)n);
    text[2 * n] = '\0';
    return text;
}

START_TEST(nesting_is_bounded)
{
    json_t *root;

    ck_ok(gt_json_parse(&root, nested(32, '[', ']'), 64, pool));
    ck_fails(gt_json_parse(&root, nested(33, '[', ']'), 66, pool), GT_INVALID, "GT0102");
    ck_fails(gt_json_parse(&root, nested(100000, '{', '}'), 200000, pool), GT_INVALID, "GT0102");
    /* Brackets in texts are no nesting, nor is what follows an escaped quote. */
    parsed(apr_pstrcat(pool, "{\"a\":\"\\\"", nested(40, '[', '{'), "\"}", NULL));
    parsed(apr_pstrcat(pool, "[\"\\\\\",\"", nested(40, '{', '['), "\"]", NULL));
}
END_TEST

START_TEST(texts_are_read_by_name)
{
    const json_t *root = parsed("{\"a\":\"x\",\"b\":1,\"c\":null,\"d\":[\"x\",2,\"y\"]}");
    const char *text = "unset";

    ck_assert_str_eq(gt_json_text(root, "a"), "x");
    ck_assert_ptr_null(gt_json_text(root, "b"));
    ck_assert_ptr_null(gt_json_text(root, "c"));
    ck_assert_ptr_null(gt_json_text(root, "z"));
    ck_assert_ptr_null(gt_json_text(NULL, "a"));
    ck_assert(gt_json_optional_text(&text, root, "a"));
    ck_assert_str_eq(text, "x");
    ck_assert(gt_json_optional_text(&text, root, "z"));
    ck_assert_ptr_null(text);
    ck_assert(!gt_json_optional_text(&text, root, "b"));
    ck_assert(!gt_json_optional_text(&text, root, "c"));
    ck_assert(gt_json_holds(json_object_get(root, "d"), "y"));
    ck_assert(!gt_json_holds(json_object_get(root, "d"), "z"));
    ck_assert(!gt_json_holds(json_object_get(root, "a"), "x"));
    ck_assert(!gt_json_holds(NULL, "x"));
}
END_TEST

START_TEST(numbers_may_be_texts)
{
    static const struct {
        const char *json;
        apr_int64_t number;
        int is_right;
    } rows[] = {
        {"3599", 3599, 1},
        {"\"3599\"", 3599, 1},
        {"3599.9", 3599, 1},
        {"-1", -1, 1},
        {"9007199254740992", 9007199254740992, 1},
        {"9007199254740993", 0, 0},
        {"-9007199254740993", 0, 0},
        {"1e300", 0, 0},
        {"-1e300", 0, 0},
        {"\"1e3\"", 0, 0},
        {"\"\"", 0, 0},
        {"\"9007199254740993\"", 0, 0},
        {"true", 0, 0},
        {"null", 0, 0},
        {"[1]", 0, 0},
    };
    apr_int64_t number;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const json_t *root = parsed(apr_pstrcat(pool, "{\"n\":", rows[i].json, "}", NULL));

        number = 77;
        ck_assert_msg(gt_json_number(&number, root, "n") == rows[i].is_right, "%s", rows[i].json);
        ck_assert_int_eq(number, rows[i].number);
    }
    ck_assert(!gt_json_number(&number, parsed("{}"), "n"));
    ck_assert(!gt_json_number(&number, NULL, "n"));
}
END_TEST

START_TEST(objects_are_built_and_written)
{
    json_t *object = gt_json_object(pool);

    gt_json_set(object, "text", "x\"y");
    gt_json_set(object, "none", NULL);
    gt_json_set(object, "bad", "\xff");
    gt_json_set_number(object, "number", APR_INT64_C(9007199254740993));
    gt_json_set_bool(object, "yes", 2);
    gt_json_set_bool(object, "no", 0);
    gt_json_set_time(object, "at", apr_time_from_sec(1795244400), pool);
    gt_json_set_time(object, "never", 0, pool);
    gt_json_put(object, "list", json_pack("[i]", 1));
    gt_json_set(object, "text", "replaced");
    ck_assert_str_eq(
        gt_json_dump(object, pool),
        "{\"text\":\"replaced\",\"none\":null,\"bad\":null,\"number\":9007199254740993,"
        "\"yes\":true,\"no\":false,\"at\":\"2026-11-21T07:00:00Z\",\"never\":null,"
        "\"list\":[1]}");
    ck_assert_str_eq(gt_json_dump(json_object_get(object, "list"), pool), "[1]");
    ck_assert_str_eq(gt_json_dump(json_object_get(object, "yes"), pool), "true");
}
END_TEST

/* The same value by a tree and from left to right: each byte in a text and in a key, from a buffer
 * that has no room at first. */
START_TEST(what_is_written_is_what_a_tree_says)
{
    json_t *tree = gt_json_object(pool), *list = json_array();
    gt_json_writer_t *writer = gt_json_writer_make(0, pool);

    gt_json_open(writer, '{');
    for (int byte = 1; byte < 256; byte++) {
        const char *text = apr_psprintf(pool, "a%cb\xc3\xa4", byte);

        gt_json_set(tree, byte < 128 ? text : "key", text);
        if (byte >= 128 && byte < 255)
            continue;
        gt_json_key(writer, byte < 128 ? text : "key");
        gt_json_write(writer, text);
    }
    gt_json_put(tree, "list", list);
    json_array_append_new(list, json_object());
    json_array_append_new(list, json_integer(INT64_MIN));
    json_array_append_new(list, json_null());
    json_array_append_new(list, json_string(""));
    gt_json_key(writer, "list");
    gt_json_open(writer, '[');
    gt_json_open(writer, '{');
    gt_json_close(writer, '}');
    gt_json_write_number(writer, INT64_MIN);
    gt_json_write(writer, NULL);
    gt_json_write_plain(writer, "");
    gt_json_close(writer, ']');
    gt_json_close(writer, '}');
    ck_assert_str_eq(gt_json_written(writer), gt_json_dump(tree, pool));
}
END_TEST

START_TEST(a_pool_releases_its_values)
{
    apr_pool_t *inner;
    json_t *kept = json_string("kept");
    json_t *object;

    apr_pool_create(&inner, pool);
    object = gt_json_own(json_object(), inner);
    json_object_set(object, "a", kept);
    ck_assert_uint_eq(kept->refcount, 2);
    apr_pool_destroy(inner);
    ck_assert_uint_eq(kept->refcount, 1);
    json_decref(kept);
}
END_TEST

/* Blocks that were freed with a token in them. */
static int leaks;

/* Zeroed: the look reads whole blocks. */
static void *take_zeroed(size_t size)
{
    return calloc(1, size);
}

static void look_and_free(void *block)
{
    if (block != NULL && memmem(block, malloc_usable_size(block), "hunter", 6) != NULL)
        leaks++;
    free(block);
}

START_TEST(parsed_texts_are_wiped_before_they_are_freed)
{
    static const char body[] = "{\"access_token\":\"hunter2\",\"l\":[1,{\"t\":\"hunter3\"}]}";
    apr_pool_t *inner;
    json_t *root;

    json_set_alloc_funcs(take_zeroed, look_and_free);
    apr_pool_create(&inner, pool);
    ck_ok(gt_json_parse(&root, body, strlen(body), inner));
    leaks = 0;
    apr_pool_destroy(inner);
    ck_assert_int_eq(leaks, 0);
    json_decref(json_string("hunter4"));
    json_set_alloc_funcs(malloc, free);
    /* The look finds what is not wiped. */
    ck_assert_int_eq(leaks, 1);
}
END_TEST

START_TEST(a_text_that_somebody_holds_is_not_wiped)
{
    static const char body[] = "{\"a\":{\"held\":\"text\"}}";
    apr_pool_t *inner;
    json_t *root, *held;

    apr_pool_create(&inner, pool);
    ck_ok(gt_json_parse(&root, body, strlen(body), inner));
    held = json_incref(json_object_get(root, "a"));
    apr_pool_destroy(inner);
    ck_assert_str_eq(gt_json_text(held, "held"), "text");
    json_decref(held);
}
END_TEST

static jmp_buf without_memory;

static int jump_away(int status)
{
    longjmp(without_memory, status);
}

START_TEST(no_memory_aborts_as_apr_does)
{
    int status = setjmp(without_memory);

    if (status == 0) {
        apr_pool_abort_set(jump_away, pool);
        gt_json_own(NULL, pool);
        ck_abort_msg("went on without memory");
    }
    ck_assert_int_eq(status, APR_ENOMEM);
}
END_TEST

Suite *suite_json(void)
{
    Suite *suite = suite_create("json");
    TCase *parse = case_with_pool(suite, "parse");
    TCase *values = case_with_pool(suite, "values");

    tcase_add_test(parse, strange_texts_are_refused_without_quoting_them);
    tcase_add_loop_test(parse, an_answer_is_read_in_spite_of_its_oddities, 0,
                        (int)(sizeof(odd_cases) / sizeof(odd_cases[0])));
    tcase_add_test(parse, what_is_no_json_is_none_as_an_answer_either);
    tcase_add_test(parse, nesting_is_bounded);
    tcase_add_test(values, texts_are_read_by_name);
    tcase_add_test(values, numbers_may_be_texts);
    tcase_add_test(values, objects_are_built_and_written);
    tcase_add_test(values, what_is_written_is_what_a_tree_says);
    tcase_add_test(values, a_pool_releases_its_values);
    tcase_add_test(values, parsed_texts_are_wiped_before_they_are_freed);
    tcase_add_test(values, a_text_that_somebody_holds_is_not_wiped);
    tcase_add_test(values, no_memory_aborts_as_apr_does);
    return suite;
}
