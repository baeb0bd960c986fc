/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file ask.c
 * The steps of a request that is translated. A change to an event of Google's may have to know the
 * event as it is (google_write.h): then it is read first, and the change holds for that reading
 * alone. An event that is made with a transactionId has an id by that. Google refuses the id when
 * it is there, and then the event of the first request is the answer, as Graph has it.
 */

#include "translate/ask.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "net/url.h"
#include "store/grant.h"
#include "translate/google_keep.h"
#include "translate/google_write.h"
#include "translate/person.h"

const char *gt_calendar_base(const gt_provider_conf_t *conf)
{
    return conf->kind == GT_KIND_GOOGLE ? conf->calendar_url : conf->graph_url;
}

static const gt_provider_conf_t *conf_of(const gt_ask_t *ask)
{
    gt_provider_t *provider = gt_vault_provider(ask->call.vault, ask->call.key.owner.provider);

    return provider != NULL ? gt_provider_conf(provider) : NULL;
}

static int is_method(const gt_ask_t *ask, const char *method)
{
    return strcmp(ask->wish.method != NULL ? ask->wish.method : "GET", method) == 0;
}

static void take_tag(gt_ask_t *ask, const gt_answer_t *answer)
{
    ask->tag = apr_table_get(answer->headers, "ETag");
}

/* ---- the person ---- */

static gt_err_t *discover(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;

    ask->discover = (gt_discover_t){
        .provider = gt_vault_provider(ask->call.vault, ask->call.key.owner.provider)};
    gt_then(task, &gt_discover, &ask->discover);
    return GT_OK;
}

static gt_err_t *ask_person(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;

    if (ask->discover.endpoints.userinfo == NULL)
        return gt_err(gt_task_pool(task), GT_NOT_FOUND, "GT1318",
                      "provider %s has no userinfo endpoint", ask->call.key.owner.provider);
    ask->call.params = (gt_graph_params_t){.base = ask->discover.endpoints.userinfo,
                                           .path = "",
                                           .error = gt_person_error,
                                           .is_whole = 1};
    gt_then(task, &gt_call, &ask->call);
    return GT_OK;
}

/* OpenID Connect Core 1.0, section 5.3.2: an answer about another person than the ID token's is not
 * used. A grant of before our tables had its person is held against nothing. */
static gt_err_t *check_person(const gt_ask_t *ask, apr_pool_t *p)
{
    const gt_call_t *call = &ask->call;
    const char *known, *told = gt_json_text(ask->value, "id");
    gt_grant_t *grant;

    GT_TRY(
        gt_grant_find(&grant, gt_vault_store(call->vault, call->key.store), &call->key.owner, p));
    known = grant != NULL ? grant->account.subject : NULL;
    if (known == NULL || *known == '\0' || (told != NULL && strcmp(known, told) == 0))
        return GT_OK;
    return gt_err(p, GT_UPSTREAM, "GT1320",
                  "the provider's userinfo endpoint answers about another person than the one who "
                  "signed in");
}

static gt_err_t *take_person(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;
    const gt_answer_t *answer = ask->call.answer;
    apr_pool_t *p = gt_task_pool(task);

    ask->status = 200;
    GT_TRY(gt_person_read(&ask->value, answer->body, answer->body_len, p));
    return check_person(ask, p);
}

static gt_step_fn *const person_steps[] = {discover, ask_person, take_person, NULL};
static const gt_work_t ask_for_person = {"ask for the person", person_steps, NULL};

/* ---- Google's calendars ---- */

static gt_err_t *translate(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_graph_params_t *params = &ask->call.params;

    GT_TRY(gt_google_request(&ask->google, params, conf_of(ask), p));
    params->error = gt_google_error;
    params->is_whole = 1;
    if (is_method(ask, "POST"))
        params->transaction_id = gt_json_text(ask->wish.body, "transactionId");
    return GT_OK;
}

/** Read the event at a path without its query. */
static void look_at(gt_task_t *task, gt_ask_t *ask, const char *path)
{
    ask->look = (gt_call_t){
        .vault = ask->call.vault,
        .mailboxes = ask->call.mailboxes,
        .key = ask->call.key,
        .asker = ask->call.asker,
        .mailbox = ask->call.mailbox,
        .params = {
            .path = path, .base = ask->call.params.base, .error = gt_google_error, .is_whole = 1}};
    gt_then(task, &gt_call, &ask->look);
}

static const char *without_query(const char *path, apr_pool_t *p)
{
    return apr_pstrmemdup(p, path, strcspn(path, "?"));
}

static gt_err_t *look_before(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;

    if (is_method(ask, "PATCH") && gt_google_needs_known(ask->wish.body))
        look_at(task, ask, without_query(ask->call.params.path, gt_task_pool(task)));
    return GT_OK;
}

static gt_err_t *read_event(json_t **event, const gt_call_t *call, apr_pool_t *p)
{
    *event = NULL;
    if (gt_json_parse_answer(event, call->answer->body, call->answer->body_len, p) == GT_OK &&
        json_is_object(*event))
        return GT_OK;
    return gt_err(p, GT_UPSTREAM, "GT1303", "the answer of Google is no calendar's");
}

/** Other changes since the event was read must not be undone. A condition of the client's own is
 * stricter. */
static void hold_to(gt_ask_t *ask, const json_t *known, apr_pool_t *p)
{
    apr_array_header_t *headers = ask->call.params.headers;
    const char *tag = gt_json_text(known, "etag");

    if (headers->nelts == 0 && tag != NULL)
        APR_ARRAY_PUSH(headers, const char *) = apr_pstrcat(p, "If-Match: ", tag, NULL);
}

static gt_err_t *write_body(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_graph_params_t *params = &ask->call.params;
    json_t *known = NULL;

    if (ask->wish.body == NULL)
        return GT_OK;
    if (ask->look.answer != NULL) {
        GT_TRY(read_event(&known, &ask->look, p));
        hold_to(ask, known, p);
    }
    GT_TRY(gt_google_write(&params->body, ask->wish.body, known, is_method(ask, "POST"), p));
    if (json_object_get(params->body, "conferenceData") != NULL)
        params->path = gt_url_with_query(params->path, "conferenceDataVersion=1", p);
    return GT_OK;
}

static gt_err_t *call_google(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;

    ask->look.answer = NULL;
    gt_then_try(task, &gt_call, &ask->call, &ask->failure);
    return GT_OK;
}

/** The event of an earlier request with this transactionId may be there. */
static gt_err_t *look_for_first(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *id = ask->call.params.transaction_id;

    if (ask->failure == GT_OK)
        return GT_OK;
    if (id == NULL || ask->failure->status != 409)
        return ask->failure;
    look_at(
        task, ask,
        apr_pstrcat(p, without_query(ask->call.params.path, p), "/", gt_google_id_of(id, p), NULL));
    return GT_OK;
}

/** Another event's id may be the same, and an event that was deleted keeps its id. */
static int is_first(const gt_ask_t *ask, const json_t *event)
{
    const char *id = gt_google_kept(event, GT_KEEP_TRANSACTION);
    const char *status = gt_json_text(event, "status");

    return id != NULL && strcmp(id, ask->call.params.transaction_id) == 0 &&
           (status == NULL || strcmp(status, "cancelled") != 0);
}

static gt_err_t *link_pages(gt_ask_t *ask, apr_pool_t *p)
{
    const char *link = gt_json_text(ask->value, "@odata.nextLink"), *ours;

    if (link == NULL || ask->relink == NULL)
        return GT_OK;
    GT_TRY(ask->relink(&ours, ask->baton, link, p));
    gt_json_set(ask->value, "@odata.nextLink", ours);
    return GT_OK;
}

static gt_err_t *take_answer(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_call_t *call = ask->failure == GT_OK ? &ask->call : &ask->look;
    json_t *event;

    if (ask->failure != GT_OK) {
        GT_TRY(read_event(&event, call, p));
        if (!is_first(ask, event))
            return ask->failure;
    }
    take_tag(ask, call->answer);
    ask->status = is_method(ask, "POST") ? 201 : call->answer->status;
    if (ask->status == 304)
        return GT_OK;
    GT_TRY(gt_google_answer(&ask->value, &ask->google, call->answer->body, call->answer->body_len,
                            conf_of(ask), p));
    return link_pages(ask, p);
}

static gt_step_fn *const google_steps[] = {translate,      look_before, write_body, call_google,
                                           look_for_first, take_answer, NULL};
static const gt_work_t ask_google = {"ask Google", google_steps, NULL};

/* ---- the choice ---- */

static int is_for_person(const gt_ask_t *ask)
{
    const char *path = ask->wish.path;

    return is_method(ask, "GET") && path != NULL && strncmp(path, "/me", 3) == 0 &&
           (path[3] == '\0' || path[3] == '?');
}

static gt_err_t *choose(gt_task_t *task, void *state)
{
    gt_ask_t *ask = state;
    const gt_provider_conf_t *conf = conf_of(ask);

    ask->wish = ask->call.params;
    ask->value = NULL;
    ask->status = 0;
    ask->tag = NULL;
    ask->failure = GT_OK;
    if (conf == NULL || conf->kind == GT_KIND_MICROSOFT)
        gt_instead(task, &gt_call, &ask->call);
    else if (is_for_person(ask))
        gt_instead(task, &ask_for_person, ask);
    else if (conf->kind == GT_KIND_GOOGLE)
        gt_instead(task, &ask_google, ask);
    else
        gt_instead(task, &gt_call, &ask->call);
    return GT_OK;
}

static gt_step_fn *const steps[] = {choose, NULL};
const gt_work_t gt_ask = {"ask", steps, NULL};
