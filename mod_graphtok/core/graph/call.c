/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file call.c
 * The steps of a call: token, place at the mailbox, request, look at the head of the answer.
 * Answers are collected, many at a time on one HTTP/2 connection. An answer that turns out large is
 * asked for again and streamed, on a connection of its own, since a paused HTTP/2 stream would
 * stall its neighbours. The body of a success is left to the caller. The body of a refusal is read
 * for Graph's code and message, and the refusal becomes an error. After a 401 the same steps run
 * once more inside the last one, with a token that the vault fetched anew; if that was challenged,
 * as often as the vault lets them.
 */

#include "graph/call.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "base/secret.h"
#include "graph/condition.h"
#include "graph/group_denied.h"
#include "net/upstream.h"
#include "net/url.h"
#include "oauth/provider.h"
#include "vault/account_token.h"
#include "vault/challenge.h"

#define REFUSAL_MAX (32 * 1024)
#define REPEATS_MAX 5             /* of a call whose tokens are challenged as fast as they come */
#define COLLECT_MAX (1024 * 1024) /* bytes; a larger answer is asked for again, as a stream */
#define CHANGED_MAX (8 * 1024 * 1024) /* the answer to a change, which cannot be asked for again */

static const gt_work_t call_again, send_again;

static const gt_provider_conf_t *conf_of(gt_provider_t **provider, const gt_call_t *call)
{
    *provider = gt_vault_provider(call->vault, call->key.owner.provider);
    return *provider ? gt_provider_conf(*provider) : NULL;
}

/** The address that all of a call's addresses are below; NULL: the provider has no such API. */
static const char *base_of(const gt_call_t *call, const gt_provider_conf_t *conf)
{
    return call->params.base != NULL ? call->params.base : conf->graph_url;
}

static gt_err_t *get_token(gt_task_t *task, void *state)
{
    gt_call_t *call = state;
    gt_provider_t *provider;
    const gt_provider_conf_t *conf = conf_of(&provider, call);

    if (conf != NULL && base_of(call, conf) == NULL)
        return gt_err(gt_task_pool(task), GT_NOT_FOUND, "GT0723",
                      "provider %s has no Microsoft Graph (GraphTokKind)", conf->name);
    call->token.vault = call->vault;
    call->token.key.grant = call->key;
    call->token.asker = call->asker;
    call->token.use = GT_USE_CALL;
    gt_then(task, &gt_token_for, &call->token);
    return GT_OK;
}

/* After the token: a call that waits for a refresh must not keep a place from one that has its
 * token. */
static void begin_visit(gt_task_t *task, gt_visit_t *visit, const gt_call_t *call)
{
    gt_provider_t *provider;
    const gt_provider_conf_t *conf = conf_of(&provider, call);

    visit->mailboxes = call->mailboxes;
    visit->key = call->key;
    visit->most = (int)conf->mailbox_calls;
    visit->queue = (int)conf->mailbox_queue;
    visit->patience = conf->timeout;
    gt_then(task, &gt_visit_begin, visit);
}

/* The mailboxes of a batch, one after another: all batches in one order. */
static gt_err_t *take_next_turn(gt_task_t *task, void *state)
{
    gt_call_t *call = state;
    const gt_batch_place_t *place;
    gt_visit_t *visit;

    if (call->visited == call->places->nelts) {
        gt_done(task);
        return GT_OK;
    }
    place = &APR_ARRAY_IDX(call->places, call->visited, gt_batch_place_t);
    visit = apr_pcalloc(gt_task_pool(task), sizeof(*visit));
    visit->shared = place->mailbox;
    visit->places = place->parts;
    call->visits[call->visited++] = visit;
    begin_visit(task, visit, call);
    return GT_OK;
}

static gt_err_t *go_around(gt_task_t *task, void *state)
{
    (void)state;
    gt_repeat(task);
    return GT_OK;
}

static gt_step_fn *const turn_steps[] = {take_next_turn, go_around, NULL};
static const gt_work_t take_turns = {"wait for places at mailboxes", turn_steps, NULL};

static gt_err_t *take_turn(gt_task_t *task, void *state)
{
    gt_call_t *call = state;
    gt_provider_t *provider;

    if (call->mailboxes == NULL || conf_of(&provider, call) == NULL)
        return GT_OK;
    if (call->places != NULL) {
        call->visited = 0;
        call->visits =
            apr_pcalloc(gt_task_pool(task), (apr_size_t)(call->places->nelts + 1) * sizeof(void *));
        gt_then(task, &take_turns, call);
        return GT_OK;
    }
    call->visit.shared = call->group != NULL ? call->group : call->mailbox;
    begin_visit(task, &call->visit, call);
    return GT_OK;
}

static void hand_over(gt_call_t *call)
{
    if (call->mailboxes == NULL)
        return;
    if (call->places != NULL)
        gt_visits_hand_over(call->visits, call->visited, call->transfer);
    else
        gt_visit_hand_over(&call->visit, call->transfer);
}

static int is_reading(const gt_call_t *call)
{
    return call->params.method == NULL || strcmp(call->params.method, "GET") == 0;
}

static void describe(gt_request_t *request, const gt_call_t *call, const char *url, apr_pool_t *p)
{
    memset(request, 0, sizeof(*request));
    request->method = call->params.method;
    request->url = url;
    request->headers = call->params.headers;
    request->bearer = call->token.token.access;
    request->answer_max = is_reading(call) && !call->params.is_whole ? COLLECT_MAX : CHANGED_MAX;
    if (call->streams)
        request->answer_max = call->answer_max;
    request->stream = call->streams;
    /* A change goes on when the client hangs up: its outcome would not be known otherwise. */
    request->keep_going = !is_reading(call);
    request->purpose = "graph";
    request->trace = gt_asker_trace(call->asker);
    if (call->params.body != NULL) {
        request->content_type = "application/json";
        request->body = gt_secret_from(gt_json_dump(call->params.body, p), p);
        return;
    }
    request->content_type = call->params.content_type;
    request->body = call->params.bytes;
    request->uploads = call->feed != NULL;
    request->upload_length = call->feed_length;
}

static const char *url_of(const gt_graph_params_t *params, const char *base, apr_pool_t *p)
{
    return params->link != NULL ? params->link : apr_pstrcat(p, base, params->path, NULL);
}

static gt_err_t *send_request(gt_task_t *task, void *state)
{
    gt_call_t *call = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_provider_t *provider;
    const gt_provider_conf_t *conf = conf_of(&provider, call);
    const char *base = conf != NULL ? base_of(call, conf) : NULL;
    const char *url = base != NULL ? url_of(&call->params, base, p) : NULL;
    gt_request_t request;

    /* The token goes to the configured host only, wherever the path or the link came from. */
    if (url == NULL || !gt_url_is_below(url, base, p))
        return gt_err(p, GT_INTERNAL, "GT0710", "the address asked for is not one of the API");
    describe(&request, call, url, p);
    GT_TRY(gt_provider_route(&request, provider, p));
    GT_TRY(gt_transfer_make(&call->transfer, &request, gt_task_loop(task), p));
    hand_over(call);
    if (call->feed != NULL)
        gt_then(task, call->feed, call->feed_state);
    else if (call->streams)
        gt_await_head(task, call->transfer);
    else
        gt_await(task, call->transfer);
    return GT_OK;
}

/* A change whose answer was lost, or that failed within Graph, may have been carried out. */
static gt_err_t *add_doubt(gt_err_t *err, const gt_call_t *call)
{
    if (is_reading(call) || !gt_transfer_was_sent(call->transfer) ||
        (err->cls != GT_UPSTREAM && err->cls != GT_TIMEOUT))
        return err;
    if (call->params.transaction_id != NULL)
        return gt_err_may_be_done(err, call->params.transaction_id);
    return gt_err_may_be_done(err, gt_json_text(call->params.body, "transactionId"));
}

/* A refusal is the caller's to read, unless it is one of the token: 401, and 403 with demands. */
static int is_passed(const gt_call_t *call, const gt_answer_t *answer)
{
    return call->params.is_passed && answer->status != 401 &&
           !(answer->status == 403 && apr_table_get(answer->headers, "WWW-Authenticate") != NULL);
}

static int is_success(const gt_call_t *call, const gt_answer_t *answer)
{
    int status = answer->status;

    return is_passed(call, answer) || (status >= 200 && status < 300) ||
           (status == 304 && gt_condition_allows_304(call->params.headers));
}

static gt_err_t *look_at_head(gt_task_t *task, void *state)
{
    gt_call_t *call = state;
    gt_err_t *err = gt_transfer_error(call->transfer, gt_task_pool(task));
    const gt_answer_t *answer;

    if (err != GT_OK && is_reading(call) && !call->streams && !call->params.is_whole &&
        gt_transfer_is_too_large(call->transfer)) {
        call->streams = 1;
        gt_instead(task, &send_again, call);
        return GT_OK;
    }
    gt_upstream_tell(call->transfer, call->key.owner.provider, "graph", gt_task_pool(task));
    if (err != GT_OK)
        return add_doubt(err, call);
    answer = gt_transfer_answer(call->transfer);
    assert(answer != NULL);
    call->refusal_len = 0;
    if (is_success(call, answer)) {
        call->answer = answer;
        gt_done(task);
    }
    return GT_OK;
}

/* Runs again and again until the refusal's body has ended or is long enough. */
static gt_err_t *read_refusal(gt_task_t *task, void *state)
{
    gt_call_t *call = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *bytes;
    apr_size_t len;
    int end = 0;

    if (call->refusal == NULL)
        call->refusal = apr_palloc(p, REFUSAL_MAX);
    /* A body that breaks off still leaves us the status. */
    if (gt_transfer_take(&bytes, &len, &end, call->transfer, p) != GT_OK)
        return GT_OK;
    if (len > REFUSAL_MAX - call->refusal_len)
        len = REFUSAL_MAX - call->refusal_len;
    if (len)
        memcpy(call->refusal + call->refusal_len, bytes, len);
    call->refusal_len += len;
    if (!end && call->refusal_len < REFUSAL_MAX)
        gt_again_on_bytes(task, call->transfer);
    return GT_OK;
}

/* A token that Graph will not take again must not be served again. */
static void forget(const gt_call_t *call)
{
    gt_cache_forget(gt_vault_parts(call->vault)->cache, &call->token.key);
}

/* A request that got a 401 was not carried out: any method may be sent again. The vault forgets the
 * refused generation, and only that one. */
static void repeat(gt_task_t *task, gt_call_t *call)
{
    call->repeats++;
    call->token.refresh_now = 1;
    call->token.refused = call->token.token.generation;
    gt_then(task, &call_again, call);
}

/* With a 403 Graph makes demands for this one request: it takes the token for others. */
static int is_challenge(const gt_err_t *err, int status)
{
    return err->cls == GT_INTERACTION && status == 401;
}

static gt_err_t *meet_demands(gt_task_t *task, gt_call_t *call, gt_err_t *refusal)
{
    const gt_challenge_t challenge = {&call->token.key, call->token.token.generation, refusal,
                                      call->refreshes, call->asker};
    gt_remedy_t remedy;
    gt_err_t *err = gt_vault_challenged(&remedy, call->vault, &challenge, gt_task_pool(task));

    if (err != GT_OK)
        return gt_err_in(err, "store %s", call->key.store);
    if (remedy == GT_REMEDY_SIGN_IN || call->repeats >= REPEATS_MAX)
        return refusal;
    call->refreshes += remedy == GT_REMEDY_REFRESH;
    repeat(task, call);
    return GT_OK;
}

static void explain(gt_err_t *err, const gt_call_t *call)
{
    const gt_group_call_t at = {call->group, call->token.token.scope, is_reading(call),
                                gt_account_is_application(&call->token)};

    if (call->group != NULL)
        gt_group_denied(err, &at);
}

/* Graph's status and head say whether it asks to wait, and that was heard when its answer came
 * (gt_visit_hand_over). Another API may say so in the body. */
static gt_err_t *error_of(const gt_call_t *call, const gt_answer_t *answer, apr_pool_t *p)
{
    gt_api_error_fn *judge_answer =
        call->params.error != NULL ? call->params.error : gt_graph_error;
    gt_err_t *err =
        judge_answer(answer->status, call->refusal, call->refusal_len, answer->headers, p);

    if (call->params.error != NULL && call->mailboxes != NULL)
        gt_visit_failed(&call->visit, err);
    return err;
}

/* ---- the body is gone ---- */

static gt_err_t *renew(gt_task_t *task, void *state)
{
    gt_call_t *call = state;

    call->token.refresh_now = 1;
    call->token.refused = call->token.token.generation;
    gt_then(task, &gt_token_for, &call->token);
    return GT_OK;
}

static gt_err_t *ask_again(gt_task_t *task, void *state)
{
    gt_err_t *err = gt_err(gt_task_pool(task), GT_BUSY, "GT0775",
                           "Graph did not take the token, and a streamed body cannot be sent a "
                           "second time; there is a new token: send the request again");

    (void)state;
    err->retry_after = APR_USEC_PER_SEC;
    return err;
}

static gt_step_fn *const renew_steps[] = {renew, ask_again, NULL};
static const gt_work_t renew_only = {"renew the token", renew_steps, NULL};

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_call_t *call = state;
    const gt_answer_t *answer = gt_transfer_answer(call->transfer);
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err;

    err = error_of(call, answer, p);
    /* The rest of a streamed refusal is not waited for. */
    gt_transfer_leave(call->transfer);
    explain(err, call);
    err->is_after_sign_in = gt_vault_signed_in_lately(call->vault, &call->token.key.grant, p);
    if (is_challenge(err, answer->status))
        return meet_demands(task, call, err);
    if (err->cls != GT_SIGN_IN)
        return add_doubt(err, call);
    if (call->repeats > 0) {
        forget(call);
        return err;
    }
    if (call->feed != NULL)
        gt_then(task, &renew_only, call);
    else
        repeat(task, call);
    return GT_OK;
}

/* A place that was not handed over to a transfer. */
static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_call_t *call = state;

    (void)task, (void)err;
    gt_visit_end(&call->visit);
    for (int i = 0; i < call->visited; i++)
        gt_visit_end(call->visits[i]);
}

static gt_step_fn *const call_steps[] = {get_token,    take_turn, send_request, look_at_head,
                                         read_refusal, judge,     NULL};

static gt_step_fn *const send_steps[] = {take_turn,    send_request, look_at_head,
                                         read_refusal, judge,        NULL};

static const gt_work_t send_again = {"graph call, streamed", send_steps, NULL};
static const gt_work_t call_again = {"graph call, again", call_steps, NULL};
const gt_work_t gt_call = {"graph call", call_steps, finish};
