/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * jansson tied to pools. A text from outside is bounded before it is parsed (nesting), and parsed
 * strictly (UTF-8, no duplicate members, nothing behind the value) unless it is a provider's own
 * answer. Its strings may be tokens, so they are wiped before jansson frees them.
 */

#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json_mend.h"
#include "base/json_place.h"
#include "base/text.h"

#define DEPTH_MAX 32
#define WHOLE_MAX (APR_INT64_C(1) << 53)

/* 1 when no more than DEPTH_MAX objects and arrays are open at once. */
static int is_shallow(const char *bytes, apr_size_t len)
{
    int depth = 0;
    int in_text = 0;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        char c = bytes[i];

        if (in_text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_text = 0;
        }
        else if (c == '"')
            in_text = 1;
        else if ((c == '{' || c == '[') && ++depth > DEPTH_MAX)
            return 0;
        else if (c == '}' || c == ']')
            depth--;
    }
    return 1;
}

/* The meaning of jansson's code; jansson's own text quotes the input. */
static const char *syntax_reason(enum json_error_code code)
{
    switch (code) {
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_duplicate_key:
        return "a member stands there twice";
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows its end";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text holds a NUL";
    default:
        return "wrong syntax";
    }
}

/* A text with another holder as well is left to that holder. */
static void wipe_texts(json_t *value)
{
    const char *key;
    json_t *inner;
    size_t i;

    if (value->refcount != 1)
        return;
    if (json_is_string(value))
        OPENSSL_cleanse((char *)json_string_value(value), json_string_length(value));
    json_array_foreach (value, i, inner)
        wipe_texts(inner);
    json_object_foreach (value, key, inner)
        wipe_texts(inner);
}

static apr_status_t release(void *baton)
{
    json_decref(baton);
    return APR_SUCCESS;
}

static apr_status_t wipe_and_release(void *baton)
{
    wipe_texts(baton);
    return release(baton);
}

/* The place is named as that of a wrong field is; the parser stops right behind what it refuses. */
static gt_err_t *broken(const json_error_t *error, const char *bytes, apr_size_t len, apr_pool_t *p)
{
    const char *reason = syntax_reason(json_error_code(error));
    gt_err_t *err = gt_err(p, GT_INVALID, "GT0103", "not valid JSON: line %d, column %d: %s",
                           error->line, error->column, reason);
    apr_size_t at = error->position > 0 ? (apr_size_t)error->position : 0;
    const char *place = gt_json_place(bytes, at < len ? at : len, p);

    if (*place)
        gt_err_field(err, place, reason);
    return err;
}

static gt_err_t *parse(json_t **root, const char *bytes, apr_size_t len, size_t flags,
                       apr_pool_t *p)
{
    json_error_t error;

    *root = NULL;
    if (!is_shallow(bytes, len))
        return gt_err(p, GT_INVALID, "GT0102", "not the JSON expected: nested too deeply");
    *root = json_loadb(bytes, len, flags, &error);
    if (*root == NULL)
        return broken(&error, bytes, len, p);
    apr_pool_cleanup_register(p, *root, wipe_and_release, apr_pool_cleanup_null);
    return GT_OK;
}

gt_err_t *gt_json_parse(json_t **root, const char *bytes, apr_size_t len, apr_pool_t *p)
{
    return parse(root, bytes, len, JSON_REJECT_DUPLICATES, p);
}

gt_err_t *gt_json_parse_answer(json_t **root, const char *bytes, apr_size_t len, apr_pool_t *p)
{
    apr_size_t mended_len;
    const char *mended = gt_json_mend(&mended_len, bytes, len, p);

    return parse(root, mended, mended_len, JSON_DISABLE_EOF_CHECK, p);
}

json_t *gt_json_own(json_t *fresh, apr_pool_t *p)
{
    if (fresh == NULL) {
        apr_abortfunc_t out_of_memory = apr_pool_abort_get(p);

        if (out_of_memory != NULL)
            out_of_memory(APR_ENOMEM);
        abort();
    }
    apr_pool_cleanup_register(p, fresh, release, apr_pool_cleanup_null);
    return fresh;
}

json_t *gt_json_object(apr_pool_t *p)
{
    return gt_json_own(json_object(), p);
}

void gt_json_put(json_t *object, const char *key, json_t *fresh)
{
    if (json_object_set_new(object, key, fresh) == 0)
        return;
    /* A key of ours that is no UTF-8, a value that is none, or no memory. */
    assert(0 && "a JSON member could not be set");
    abort();
}

void gt_json_set(json_t *object, const char *key, const char *text)
{
    json_t *value = text == NULL ? NULL : json_string(text);

    gt_json_put(object, key, value != NULL ? value : json_null());
}

void gt_json_set_number(json_t *object, const char *key, apr_int64_t number)
{
    gt_json_put(object, key, json_integer(number));
}

void gt_json_set_bool(json_t *object, const char *key, int flag)
{
    gt_json_put(object, key, json_boolean(flag));
}

void gt_json_set_time(json_t *object, const char *key, apr_time_t t, apr_pool_t *p)
{
    gt_json_set(object, key, t == 0 ? NULL : gt_rfc3339(t, p));
}

const char *gt_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int gt_json_optional_text(const char **text, const json_t *object, const char *key)
{
    const json_t *member = json_object_get(object, key);

    *text = json_string_value(member);
    return member == NULL || *text != NULL;
}

int gt_json_holds(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return 1;
    return 0;
}

int gt_json_number(apr_int64_t *number, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    *number = 0;
    if (json_is_string(value))
        return gt_number(number, json_string_value(value), -WHOLE_MAX, WHOLE_MAX);
    if (json_is_real(value)) {
        double real = json_real_value(value);

        if (!(fabs(real) <= (double)WHOLE_MAX))
            return 0;
        *number = (apr_int64_t)real;
        return 1;
    }
    if (!json_is_integer(value) || json_integer_value(value) > WHOLE_MAX ||
        json_integer_value(value) < -WHOLE_MAX)
        return 0;
    *number = json_integer_value(value);
    return 1;
}

char *gt_json_dump(const json_t *value, apr_pool_t *p)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t len = json_dumpb(value, NULL, 0, flags);
    char *text = apr_palloc(p, len + 1);

    json_dumpb(value, text, len, flags);
    text[len] = '\0';
    return text;
}
