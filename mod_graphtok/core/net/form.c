/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Queries and forms (application/x-www-form-urlencoded): made without leaving a readable copy of a
 * secret behind, read so that no pair can hide another one.
 */

#include "net/url.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

/* Longest name that an error repeats. */
#define NAME_SHOWN 64

struct gt_form_t {
    apr_pool_t *pool;
    char *text; /* NUL-terminated, wiped with the pool */
    apr_size_t len;
    apr_size_t room;
};

/* A buffer that grew is left behind in the pool; each is wiped with it. */
static void make_room(gt_form_t *form, apr_size_t more)
{
    apr_size_t room = form->room;
    char *text;

    if (form->len + more < room)
        return;
    while (room <= form->len + more)
        room *= 2;
    text = apr_palloc(form->pool, room);
    gt_wipe_with_pool(text, room, form->pool);
    memcpy(text, form->text, form->len + 1);
    form->text = text;
    form->room = room;
}

gt_form_t *gt_form_make(apr_pool_t *p)
{
    gt_form_t *form = apr_pcalloc(p, sizeof(*form));

    form->pool = p;
    form->room = 256;
    form->text = apr_pcalloc(p, form->room);
    gt_wipe_with_pool(form->text, form->room, p);
    return form;
}

gt_form_t *gt_form_copy(const gt_form_t *form, apr_pool_t *p)
{
    gt_form_t *copy = gt_form_make(p);

    make_room(copy, form->len);
    memcpy(copy->text, form->text, form->len + 1);
    copy->len = form->len;
    return copy;
}

static int is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

static void append(gt_form_t *form, const char *bytes, apr_size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    apr_size_t i;

    make_room(form, 3 * len + 1);
    for (i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (is_unreserved(bytes[i])) {
            form->text[form->len++] = bytes[i];
            continue;
        }
        form->text[form->len++] = '%';
        form->text[form->len++] = digits[byte >> 4];
        form->text[form->len++] = digits[byte & 0x0F];
    }
    form->text[form->len] = '\0';
}

static void append_pair(gt_form_t *form, const char *name, const char *value, apr_size_t len)
{
    make_room(form, 2);
    if (form->len > 0)
        form->text[form->len++] = '&';
    append(form, name, strlen(name));
    make_room(form, 2);
    form->text[form->len++] = '=';
    append(form, value, len);
}

void gt_form_add(gt_form_t *form, const char *name, const char *value)
{
    if (value != NULL)
        append_pair(form, name, value, strlen(value));
}

void gt_form_add_secret(gt_form_t *form, const char *name, const gt_secret_t *value)
{
    if (value != NULL)
        append_pair(form, name, gt_secret_text(value), gt_secret_len(value));
}

gt_secret_t *gt_form_secret(const gt_form_t *form)
{
    return gt_secret_make(form->text, form->len, form->pool);
}

gt_secret_t *gt_form_basic(const char *user, const gt_secret_t *password, apr_pool_t *p)
{
    gt_form_t *form = gt_form_make(p);

    gt_form_add_secret(form, user, password);
    /* Of "user=password" the first '=' parts the two: in what is encoded there is none. */
    *strchr(form->text, '=') = ':';
    return gt_form_secret(form);
}

const char *gt_form_text(const gt_form_t *form)
{
    return form->text;
}

static gt_err_t *wrong_field(const char *name, const char *message, apr_pool_t *p)
{
    gt_err_t *err = gt_err(p, GT_INVALID, "GT0350", "a query or form is not well-formed");

    gt_err_field(err, name != NULL && strlen(name) <= NAME_SHOWN ? name : "query", message);
    return err;
}

/* One "name=value" of `len` bytes into the table. */
static gt_err_t *add_pair(apr_table_t *pairs, const char *pair, apr_size_t len, apr_pool_t *p)
{
    const char *equals = len == 0 ? NULL : memchr(pair, '=', len);
    apr_size_t name_len = equals == NULL ? len : (apr_size_t)(equals - pair);
    char *name;
    char *value = apr_pstrdup(p, "");

    if (name_len == 0)
        return wrong_field(NULL, "a pair without a name", p);
    if (!gt_unpercent(&name, pair, name_len, p))
        return wrong_field(NULL, "a name that is not well-formed", p);
    if (equals != NULL && !gt_unpercent(&value, equals + 1, len - name_len - 1, p))
        return wrong_field(name, "not well-formed: escapes, UTF-8 or control characters", p);
    /* The table compares names without case; so two spellings of one name are the same twice. */
    if (apr_table_get(pairs, name) != NULL)
        return wrong_field(name, "given more than once", p);
    apr_table_setn(pairs, name, value);
    return GT_OK;
}

gt_err_t *gt_query_parse(apr_table_t **pairs, const char *text, int max, apr_pool_t *p)
{
    int n;

    assert(max > 0);
    *pairs = apr_table_make(p, 8);
    if (text == NULL || *text == '\0')
        return GT_OK;
    for (n = 0;; n++) {
        apr_size_t len = strcspn(text, "&");

        if (n >= max)
            return wrong_field(NULL, apr_psprintf(p, "more than %d pairs", max), p);
        GT_TRY(add_pair(*pairs, text, len, p));
        if (text[len] == '\0')
            return GT_OK;
        text += len + 1;
    }
}

static int is_among(const char *name, const char *const *names)
{
    while (*names != NULL && strcasecmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

/* One pair of another party's query: strict for the names that matter, lenient for all others. */
static gt_err_t *add_anyhow(apr_table_t *pairs, const char *pair, apr_size_t len,
                            const char *const *strict, apr_pool_t *p)
{
    const char *equals = memchr(pair, '=', len);
    apr_size_t name_len = equals == NULL ? len : (apr_size_t)(equals - pair);
    char *name;

    if (name_len == 0 || !gt_unpercent(&name, pair, name_len, p))
        return GT_OK;
    if (is_among(name, strict))
        return add_pair(pairs, pair, len, p);
    apr_table_setn(pairs, name,
                   equals == NULL ? apr_pstrdup(p, "")
                                  : gt_unpercent_front(equals + 1, len - name_len - 1, p));
    return GT_OK;
}

gt_err_t *gt_query_parse_leniently(apr_table_t **pairs, const char *text, int max,
                                   const char *const *strict, apr_pool_t *p)
{
    *pairs = apr_table_make(p, 8);
    for (int n = 0; n < max && *text != '\0'; n++) {
        apr_size_t len = strcspn(text, "&");

        GT_TRY(add_anyhow(*pairs, text, len, strict, p));
        text += len + (text[len] == '&');
    }
    return GT_OK;
}
