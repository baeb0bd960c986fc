/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file gateway_batch.c Reading the parts, judging them, and following what depends on what. */

#include "graph/gateway_batch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "net/url.h"

#define LONGEST_ID 200

static const char *const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE", NULL};

/** One part. */
typedef struct part_t {
    const json_t *request;
    const char *id, *method;
    gt_gateway_path_t path;
    const char *query; /* with its "?", or "" */
    gt_err_t *refusal; /* NULL: it goes on */
} part_t;

/** A batch that is being split. */
typedef struct reading_t {
    const gt_batch_wish_t *wish;
    part_t parts[GT_BATCH_MOST];
    int count;
    apr_pool_t *p;
} reading_t;

/* ---- reading ---- */

static gt_err_t *wrong(const reading_t *reading, int at, const char *member, const char *message)
{
    gt_err_t *err = gt_err(reading->p, GT_INVALID, "GT0776", "this is no $batch");
    const char *place = at < 0 ? "requests"
                               : apr_psprintf(reading->p, "requests[%d]%s%s", at,
                                              *member != '\0' ? "." : "", member);

    gt_err_field(err, place, message);
    return err;
}

static part_t *find(reading_t *reading, const char *id)
{
    for (int i = 0; i < reading->count; i++)
        if (strcmp(reading->parts[i].id, id) == 0)
            return &reading->parts[i];
    return NULL;
}

static const char *method_of(const json_t *request)
{
    const char *text = gt_json_text(request, "method");

    for (int i = 0; text != NULL && methods[i]; i++)
        if (strcasecmp(methods[i], text) == 0)
            return methods[i];
    return NULL;
}

static void refuse(part_t *part, gt_err_t *err)
{
    if (part->refusal == GT_OK)
        part->refusal = err;
}

/** The address is below the version; an absolute one, or one of another host, is none. */
static void read_url(part_t *part, const reading_t *reading, const char *url)
{
    apr_pool_t *p = reading->p;
    apr_size_t len = strcspn(url, "?#");

    part->query = "";
    if (url[len] == '?')
        part->query = gt_url_escape_stray(apr_pstrmemdup(p, url + len, strcspn(url + len, "#")), p);
    refuse(part, gt_gateway_path_read_encoded(&part->path, apr_pstrmemdup(p, url, len),
                                              reading->wish->version, p));
    if (part->refusal == GT_OK)
        refuse(part, reading->wish->judge(reading->wish->baton, part->method, &part->path));
}

static gt_err_t *read_part(reading_t *reading, int at, const json_t *request)
{
    const char *id = gt_json_text(request, "id"), *url = gt_json_text(request, "url");
    part_t *part = &reading->parts[at];

    if (!json_is_object(request))
        return wrong(reading, at, "", "must be an object");
    if (id == NULL || *id == '\0' || strlen(id) > LONGEST_ID || find(reading, id) != NULL)
        return wrong(reading, at, "id", "must be a text, and no other part's");
    part->request = request;
    part->id = id;
    part->method = method_of(request);
    if (part->method == NULL)
        return wrong(reading, at, "method", "must be one of GET POST PATCH PUT DELETE");
    if (url == NULL || *url == '\0' || strstr(url, "://") == url + strcspn(url, ":/?"))
        return wrong(reading, at, "url", "must be a path below the version, such as /me/events");
    read_url(part, reading, url);
    reading->count = at + 1;
    return GT_OK;
}

static gt_err_t *read_parts(reading_t *reading)
{
    const json_t *list = json_object_get(reading->wish->body, "requests"), *item;
    size_t i;

    if (!json_is_array(list) || json_array_size(list) == 0)
        return wrong(reading, -1, "", "must be a list of requests");
    if (json_array_size(list) > GT_BATCH_MOST)
        return wrong(reading, -1, "", "must be 20 requests at most");
    json_array_foreach (list, i, item)
        GT_TRY(read_part(reading, (int)i, item));
    return GT_OK;
}

/* ---- dependencies ---- */

static gt_err_t *check_dependencies(reading_t *reading, int at)
{
    const part_t *part = &reading->parts[at];
    const json_t *list = json_object_get(part->request, "dependsOn"), *item;
    size_t i;

    if (list != NULL && !json_is_array(list) && !json_is_null(list))
        return wrong(reading, at, "dependsOn", "must be a list of ids");
    json_array_foreach (list, i, item) {
        const part_t *other = json_is_string(item) ? find(reading, json_string_value(item)) : NULL;

        if (other == NULL || other == part)
            return wrong(reading, at, "dependsOn", "must name other parts by their ids");
    }
    return GT_OK;
}

static int has_refused_dependency(reading_t *reading, const part_t *part)
{
    const json_t *list = json_object_get(part->request, "dependsOn"), *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (find(reading, json_string_value(item))->refusal != GT_OK)
            return 1;
    return 0;
}

/** Once around for each part at most, since each round but the last refuses one. */
static void follow_dependencies(reading_t *reading)
{
    int refused = 1;

    while (refused) {
        refused = 0;
        for (int i = 0; i < reading->count; i++) {
            part_t *part = &reading->parts[i];

            if (part->refusal != GT_OK || !has_refused_dependency(reading, part))
                continue;
            refuse(part, gt_err(reading->p, GT_REFUSED, "GT0778",
                                "a part that this one depends on was refused"));
            part->refusal->status = 424;
            refused = 1;
        }
    }
}

/* ---- what goes on, and what does not ---- */

static json_t *answer_of(const part_t *part)
{
    const gt_err_t *err = part->refusal;
    json_t *error = json_object(), *answer = json_object();

    gt_json_set(error, "code", gt_class_row(err->cls)->name);
    gt_json_set(error, "message", err->detail);
    gt_json_set(answer, "id", part->id);
    gt_json_set_number(answer, "status", gt_err_status(err));
    gt_json_put(answer, "headers", json_pack("{s:s}", "Content-Type", "application/json"));
    gt_json_put(answer, "body", json_pack("{s:o}", "error", error));
    return answer;
}

static int is_field_of(const char *const *fields, const char *name)
{
    for (int i = 0; fields[i]; i++)
        if (strcasecmp(fields[i], name) == 0)
            return 1;
    return 0;
}

static json_t *headers_of(const part_t *part, const char *const *fields)
{
    json_t *given = json_object_get(part->request, "headers"), *kept = json_object(), *value;
    const char *name;

    json_object_foreach (given, name, value) {
        const char *text = json_string_value(value);

        if (text != NULL && is_field_of(fields, name) &&
            !gt_has_control(text, json_string_length(value)))
            json_object_set(kept, name, value);
    }
    return kept;
}

static json_t *request_of(const part_t *part, const reading_t *reading)
{
    /* The version is in front of the address of the whole batch. */
    const char *url = part->path.url + 1 + strlen(part->path.version);
    json_t *request = json_object(), *headers = headers_of(part, reading->wish->fields);
    json_t *body = json_object_get(part->request, "body");
    json_t *depends = json_object_get(part->request, "dependsOn");

    gt_json_set(request, "id", part->id);
    gt_json_set(request, "method", part->method);
    gt_json_set(request, "url",
                apr_pstrcat(reading->p, *url != '\0' ? url : "/", part->query, NULL));
    gt_json_put(request, "headers", headers);
    if (body != NULL)
        json_object_set(request, "body", body);
    if (json_array_size(depends) > 0)
        json_object_set(request, "dependsOn", depends);
    return request;
}

static void add_place(apr_array_header_t *places, const char *mailbox)
{
    gt_batch_place_t *place = (gt_batch_place_t *)places->elts;

    for (int i = 0; i < places->nelts; i++, place++) {
        if (mailbox == NULL ? place->mailbox != NULL
                            : place->mailbox == NULL || strcasecmp(place->mailbox, mailbox) != 0)
            continue;
        place->parts++;
        return;
    }
    APR_ARRAY_PUSH(places, gt_batch_place_t) = (gt_batch_place_t){mailbox, 1};
}

/** The own mailbox first. */
static int by_mailbox(const void *one, const void *other)
{
    const gt_batch_place_t *a = one, *b = other;

    if (a->mailbox == NULL || b->mailbox == NULL)
        return (a->mailbox != NULL) - (b->mailbox != NULL);
    return strcasecmp(a->mailbox, b->mailbox);
}

gt_err_t *gt_batch_split(gt_batch_split_t *split, const gt_batch_wish_t *wish, apr_pool_t *p)
{
    reading_t reading = {.wish = wish, .p = p};
    json_t *requests;

    GT_TRY(read_parts(&reading));
    for (int i = 0; i < reading.count; i++)
        GT_TRY(check_dependencies(&reading, i));
    follow_dependencies(&reading);
    requests = gt_json_own(json_array(), p);
    split->refused = gt_json_own(json_array(), p);
    split->places = apr_array_make(p, 2, sizeof(gt_batch_place_t));
    split->mailboxes = apr_table_make(p, 4);
    for (int i = 0; i < reading.count; i++) {
        const part_t *part = &reading.parts[i];

        if (part->refusal != GT_OK) {
            json_array_append_new(split->refused, answer_of(part));
            continue;
        }
        json_array_append_new(requests, request_of(part, &reading));
        if (!part->path.is_of_mailbox)
            continue;
        add_place(split->places, part->path.mailbox);
        apr_table_set(split->mailboxes, part->id,
                      part->path.mailbox != NULL ? part->path.mailbox : "");
    }
    qsort(split->places->elts, (size_t)split->places->nelts, sizeof(gt_batch_place_t), by_mailbox);
    split->body = NULL;
    if (json_array_size(requests) > 0) {
        split->body = gt_json_object(p);
        json_object_set(split->body, "requests", requests);
    }
    return GT_OK;
}
