/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A call's steps against a provider that is a script: the vault, the transfers and the driver of
 * this file stand in the places of the real ones, so that each answer, in each cut, can be given.
 */

#define gt_await scripted_await
#define gt_await_head scripted_await_head
#define gt_again_on_bytes scripted_again_on_bytes
#define gt_done scripted_done
#define gt_instead scripted_instead
#define gt_cache_forget scripted_cache_forget
#define gt_call call_under_test
#define gt_provider_conf scripted_provider_conf
#define gt_provider_route scripted_provider_route
#define gt_task_loop scripted_task_loop
#define gt_task_pool scripted_task_pool
#define gt_then scripted_then
#define gt_token_for scripted_token_for
#define gt_transfer_answer scripted_transfer_answer
#define gt_transfer_error scripted_transfer_error
#define gt_transfer_is_too_large scripted_transfer_is_too_large
#define gt_transfer_leave scripted_transfer_leave
#define gt_transfer_make scripted_transfer_make
#define gt_transfer_take scripted_transfer_take
#define gt_transfer_was_sent scripted_transfer_was_sent
#define gt_upstream_tell scripted_upstream_tell
#define gt_vault_challenged scripted_vault_challenged
#define gt_vault_parts scripted_vault_parts
#define gt_vault_provider scripted_vault_provider
#define gt_vault_signed_in_lately scripted_vault_signed_in_lately
#define gt_visit_begin scripted_visit_begin
#define gt_visit_end scripted_visit_end
#define gt_visit_hand_over scripted_visit_hand_over

#include "gt_test.h"

#include "graph/call.c"

Suite *suite_call(void);

/** One exchange: what Graph does. */
typedef struct exchange_t {
    int status; /* 0: the transfer fails; -1: too large */
    const char *head_name, *head_value;
    const char *pieces[4]; /* of the body; "!" breaks it off */
} exchange_t;

struct gt_task_t {
    const gt_work_t *then;
    void *then_state;
    int is_again, is_done;
};

struct gt_transfer_t {
    const exchange_t *exchange;
    gt_answer_t answer;
    int next_piece;
};

static const exchange_t *script;
static int asked_tokens, sent, forgotten, told;
static gt_request_t requests[6];
static gt_call_t call;
static gt_class_t token_failure = GT_CLASSES;
static int visits, is_inside, is_full; /* of the mailbox */
static int handed_over, left;
static int challenged, refreshes_allowed, newer_tokens;

/* ---- the stand-ins ---- */

static const char *graph_url = "https://graph.example/v1.0";

const gt_provider_conf_t *scripted_provider_conf(const gt_provider_t *provider)
{
    static gt_provider_conf_t conf = {
        .name = "microsoft", .mailbox_calls = 4, .mailbox_queue = 100, .timeout = 20000000};

    conf.graph_url = graph_url;
    return provider ? &conf : NULL;
}

gt_err_t *scripted_provider_route(gt_request_t *request, gt_provider_t *provider, apr_pool_t *p)
{
    (void)provider, (void)p;
    request->ca_file = "/ca.pem";
    return GT_OK;
}

const gt_vault_parts_t *scripted_vault_parts(const gt_vault_t *vault)
{
    static gt_vault_parts_t parts;

    parts.cache = (gt_cache_t *)(void *)&parts;
    return vault ? &parts : NULL;
}

gt_provider_t *scripted_vault_provider(const gt_vault_t *vault, const char *name)
{
    return vault && strcmp(name, "microsoft") == 0 ? (gt_provider_t *)(void *)&call : NULL;
}

int scripted_vault_signed_in_lately(const gt_vault_t *vault, const gt_grant_key_t *key,
                                    apr_pool_t *p)
{
    ck_assert(vault && p);
    return strcmp(key->owner.user, "just-signed-in") == 0;
}

gt_err_t *scripted_vault_challenged(gt_remedy_t *remedy, gt_vault_t *vault,
                                    const gt_challenge_t *challenge, apr_pool_t *p)
{
    ck_assert(vault && p);
    ck_assert_str_eq(challenge->key->grant.owner.user, "tom");
    ck_assert_int_eq(challenge->refused, 9 + asked_tokens);
    ck_assert_int_eq(challenge->refreshes,
                     challenged > newer_tokens ? challenged - newer_tokens : 0);
    ck_assert_str_eq(challenge->refusal->claims, "{\"a\":{}}");
    if (refreshes_allowed < 0)
        return gt_err(pool, GT_STORE_AWAY, "GT0395", "scripted");
    *remedy = challenged < newer_tokens                       ? GT_REMEDY_NEWER
              : challenged < newer_tokens + refreshes_allowed ? GT_REMEDY_REFRESH
                                                              : GT_REMEDY_SIGN_IN;
    challenged++;
    return GT_OK;
}

void scripted_upstream_tell(gt_transfer_t *transfer, const char *provider, const char *purpose,
                            apr_pool_t *p)
{
    ck_assert(transfer && p);
    ck_assert_str_eq(provider, "microsoft");
    ck_assert_str_eq(purpose, "graph");
    told++;
}

void scripted_cache_forget(gt_cache_t *cache, const gt_token_key_t *key)
{
    ck_assert_ptr_nonnull(cache);
    ck_assert_str_eq(key->grant.store, "main");
    ck_assert_str_eq(key->grant.owner.user, "tom");
    forgotten++;
}

apr_pool_t *scripted_task_pool(const gt_task_t *task)
{
    ck_assert_ptr_nonnull(task);
    return pool;
}

gt_loop_t *scripted_task_loop(const gt_task_t *task)
{
    ck_assert_ptr_nonnull(task);
    return NULL;
}

void scripted_then(gt_task_t *task, const gt_work_t *work, void *state)
{
    task->then = work;
    task->then_state = state;
}

void scripted_done(gt_task_t *task)
{
    task->is_done = 1;
}

void scripted_instead(gt_task_t *task, const gt_work_t *work, void *state)
{
    scripted_then(task, work, state);
    task->is_done = 1;
}

void scripted_await(gt_task_t *task, gt_transfer_t *transfer)
{
    ck_assert(task && transfer);
}

void scripted_await_head(gt_task_t *task, gt_transfer_t *transfer)
{
    ck_assert(task && transfer);
}

void scripted_again_on_bytes(gt_task_t *task, gt_transfer_t *transfer)
{
    ck_assert_ptr_nonnull(transfer);
    task->is_again = 1;
}

gt_err_t *scripted_transfer_make(gt_transfer_t **transfer, const gt_request_t *request,
                                 gt_loop_t *loop, apr_pool_t *p)
{
    apr_table_t *headers = apr_table_make(p, 1);

    ck_assert_ptr_null(loop);
    *transfer = apr_pcalloc(p, sizeof(**transfer));
    (*transfer)->exchange = &script[sent];
    (*transfer)->answer.status = script[sent].status;
    if (script[sent].head_name)
        apr_table_set(headers, script[sent].head_name, script[sent].head_value);
    (*transfer)->answer.headers = headers;
    requests[sent++] = *request;
    return GT_OK;
}

const gt_answer_t *scripted_transfer_answer(gt_transfer_t *transfer)
{
    return transfer->exchange->status > 0 ? &transfer->answer : NULL;
}

int scripted_transfer_was_sent(gt_transfer_t *transfer)
{
    return transfer->exchange->status != 0;
}

void scripted_transfer_leave(gt_transfer_t *transfer)
{
    ck_assert_ptr_nonnull(transfer);
    left++;
}

gt_err_t *scripted_transfer_error(gt_transfer_t *transfer, apr_pool_t *p)
{
    if (transfer->exchange->status < 0)
        return gt_err(p, GT_UPSTREAM, "GT0306", "scripted");
    return transfer->exchange->status ? GT_OK : gt_err(p, GT_TIMEOUT, "GT0399", "scripted");
}

int scripted_transfer_is_too_large(gt_transfer_t *transfer)
{
    return transfer->exchange->status < 0;
}

gt_err_t *scripted_transfer_take(const char **bytes, apr_size_t *len, int *end,
                                 gt_transfer_t *transfer, apr_pool_t *p)
{
    const char *piece = transfer->exchange->pieces[transfer->next_piece++];

    *bytes = piece;
    *len = piece ? strlen(piece) : 0;
    *end = piece == NULL;
    return piece && strcmp(piece, "!") == 0 ? gt_err(p, GT_UPSTREAM, "GT0398", "scripted") : GT_OK;
}

static gt_err_t *give_token(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;

    ck_assert_ptr_nonnull(task);
    ck_assert_str_eq(params->key.grant.owner.user, "tom");
    ck_assert_int_eq(params->use, GT_USE_CALL);
    ck_assert_int_eq(params->refresh_now, asked_tokens > 0);
    ck_assert_int_eq(params->refused, asked_tokens > 0 ? 9 + asked_tokens : 0);
    if (token_failure != GT_CLASSES)
        return gt_err(pool, token_failure, "GT0397", "scripted");
    params->token.access = gt_secret_from(asked_tokens ? "second" : "first", pool);
    params->token.generation = 10 + asked_tokens++;
    return GT_OK;
}

static gt_err_t *let_in(gt_task_t *task, void *state)
{
    const gt_visit_t *visit = state;

    ck_assert_ptr_nonnull(task);
    ck_assert_str_eq(visit->key.store, "main");
    ck_assert_str_eq(visit->key.owner.user, "tom");
    ck_assert_int_eq(visit->most, 4);
    ck_assert_int_eq(visit->patience, 20000000);
    ck_assert_int_eq(is_inside, 0);
    if (is_full)
        return gt_err(pool, GT_BUSY, "GT0396", "scripted");
    visits++;
    is_inside = 1;
    return GT_OK;
}

static gt_step_fn *const visit_steps[] = {let_in, NULL};
const gt_work_t scripted_visit_begin = {"visit", visit_steps, NULL};

void scripted_visit_end(gt_visit_t *visit)
{
    ck_assert_ptr_nonnull(visit);
    is_inside = 0;
}

/* Before it is sent, and only with a place. */
void scripted_visit_hand_over(gt_visit_t *visit, gt_transfer_t *transfer)
{
    ck_assert(visit && transfer && is_inside);
    handed_over++;
    is_inside = 0;
}

static gt_step_fn *const token_steps[] = {give_token, NULL};
const gt_work_t scripted_token_for = {"token", token_steps, NULL};

static gt_err_t *run(const gt_work_t *work, void *state);

static gt_err_t *run_steps(const gt_work_t *work, void *state)
{
    gt_task_t task = {NULL, NULL, 0, 0};

    for (int i = 0; !task.is_done && work->steps[i] != NULL; i++) {
        task = (gt_task_t){NULL, NULL, 0, 0};
        GT_TRY(work->steps[i](&task, state));
        if (task.then)
            GT_TRY(run(task.then, task.then_state));
        i -= task.is_again;
    }
    return GT_OK;
}

/* The driver: nothing here ever has to wait. */
static gt_err_t *run(const gt_work_t *work, void *state)
{
    gt_err_t *err = run_steps(work, state);
    gt_task_t task = {NULL, NULL, 0, 0};

    if (work->finish)
        work->finish(&task, state, err);
    return err;
}

static gt_err_t *run_call(const char *method, const char *path, const exchange_t *exchanges)
{
    memset(&call, 0, sizeof(call));
    asked_tokens = sent = forgotten = told = visits = is_inside = 0;
    handed_over = left = challenged = 0;
    call.mailboxes = (gt_mailboxes_t *)(void *)&script;
    script = exchanges;
    call.vault = (gt_vault_t *)(void *)&script;
    call.key = (gt_grant_key_t){"main", {"tom", "microsoft"}};
    call.params.method = method;
    call.params.link = apr_pstrcat(pool, "https://graph.example", path, NULL);
    if (strcmp(method, "GET") != 0)
        call.params.body = json_pack("{s:s}", "subject", "x");
    return run(&call_under_test, &call);
}

static void end(void)
{
    json_decref(call.params.body);
    call.params.body = NULL;
    drop_pool();
}

/* ---- tests ---- */

START_TEST(a_success_is_left_to_be_taken)
{
    static const exchange_t exchanges[] = {{200, NULL, NULL, {"body"}}};

    ck_ok(run_call("GET", "/v1.0/me", exchanges));
    ck_assert_int_eq(call.answer->status, 200);
    ck_assert_int_eq(call.transfer->next_piece, 0);
    ck_assert_int_eq(asked_tokens, 1);
    ck_assert_int_eq(sent, 1);
    ck_assert_str_eq(gt_secret_text(requests[0].bearer), "first");
    ck_assert_str_eq(requests[0].ca_file, "/ca.pem");
    ck_assert(!requests[0].stream && !requests[0].keep_going);
    ck_assert_ptr_null(requests[0].body);
}
END_TEST

/* Its token must not go to Microsoft. */
START_TEST(a_provider_without_graph_is_not_called)
{
    static const exchange_t exchanges[] = {{200, NULL, NULL, {"body"}}};
    const char *before = graph_url;

    graph_url = NULL;
    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_NOT_FOUND, "GT0723");
    graph_url = before;
    ck_assert_int_eq(asked_tokens, 0);
    ck_assert_int_eq(sent, 0);
}
END_TEST

START_TEST(a_large_answer_is_asked_for_again_and_streamed)
{
    static const exchange_t exchanges[] = {{-1, NULL, NULL, {NULL}}, {200, NULL, NULL, {"body"}}};

    ck_ok(run_call("GET", "/v1.0/me/events", exchanges));
    ck_assert_int_eq(sent, 2);
    /* The first exchange has given its place back: the second takes its turn like any other. */
    ck_assert(visits == 2 && handed_over == 2);
    ck_assert_int_eq(requests[0].stream, 0);
    ck_assert_uint_eq(requests[0].answer_max, 1024 * 1024);
    ck_assert_int_eq(requests[1].stream, 1);
    ck_assert_int_eq(asked_tokens, 1);
    ck_assert_int_eq(call.answer->status, 200);
}
END_TEST

START_TEST(the_answer_to_a_change_is_not_asked_for_again)
{
    static const exchange_t exchanges[] = {{-1, NULL, NULL, {NULL}}, {200, NULL, NULL, {"body"}}};

    ck_fails(run_call("POST", "/v1.0/me/events", exchanges), GT_UPSTREAM, "GT0306");
    ck_assert_int_eq(sent, 1);
    ck_assert_uint_eq(requests[0].answer_max, 8 * 1024 * 1024);
}
END_TEST

START_TEST(what_changes_something_goes_on_without_its_client)
{
    static const exchange_t exchanges[] = {{201, NULL, NULL, {NULL}}};

    ck_ok(run_call("POST", "/v1.0/me/events", exchanges));
    ck_assert(requests[0].keep_going);
    ck_assert_str_eq(requests[0].content_type, "application/json");
    ck_assert_str_eq(gt_secret_text(requests[0].body), "{\"subject\":\"x\"}");
}
END_TEST

START_TEST(a_401_is_repeated_once_with_a_new_token)
{
    static const exchange_t exchanges[] = {
        {401, NULL, NULL, {"{\"error\":{\"code\":\"InvalidAuthenticationToken\"}}"}},
        {201, NULL, NULL, {NULL}}};

    ck_ok(run_call("POST", "/v1.0/me/events", exchanges));
    ck_assert_int_eq(asked_tokens, 2);
    ck_assert_int_eq(sent, 2);
    ck_assert_int_eq(told, 2);
    ck_assert_str_eq(gt_secret_text(requests[1].bearer), "second");
    ck_assert_str_eq(gt_secret_text(requests[1].body), "{\"subject\":\"x\"}");
    ck_assert_int_eq(call.answer->status, 201);
    /* The vault forgets the refused generation; ours would hit a newer one. */
    ck_assert_int_eq(forgotten, 0);
}
END_TEST

START_TEST(a_second_401_is_the_end)
{
    static const exchange_t exchanges[] = {{401, NULL, NULL, {NULL}}, {401, NULL, NULL, {NULL}}};

    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_SIGN_IN, "GT0702");
    ck_assert_int_eq(sent, 2);
    ck_assert_int_eq(forgotten, 1);
    ck_assert_ptr_null(call.answer);
}
END_TEST

START_TEST(another_refusal_after_the_401_is_told)
{
    static const exchange_t exchanges[] = {
        {401, NULL, NULL, {"{\"error\":{\"code\":\"First\"}}"}},
        {403, NULL, NULL, {"{\"error\":{\"code\":", "\"Second\"}}"}}};
    gt_err_t *err = run_call("GET", "/v1.0/me", exchanges);

    ck_fails(err, GT_REFUSED, "GT0704");
    ck_assert_str_eq(err->code, "Second");
}
END_TEST

#define DEMANDS                                                                                    \
    "WWW-Authenticate", "Bearer claims=\"eyJhIjp7fX0=\"",                                          \
    {                                                                                              \
        NULL                                                                                       \
    }

START_TEST(a_claims_challenge_is_repeated_as_often_as_the_vault_says)
{
    static const exchange_t exchanges[] = {{401, DEMANDS}, {401, DEMANDS}, {401, DEMANDS}};
    gt_err_t *err;

    for (refreshes_allowed = 0; refreshes_allowed < 3; refreshes_allowed++) {
        err = run_call("POST", "/v1.0/me/events", exchanges);
        ck_fails(err, GT_INTERACTION, "GT0703");
        ck_assert_str_eq(err->claims, "{\"a\":{}}");
        ck_assert_int_eq(sent, refreshes_allowed + 1);
        ck_assert_int_eq(asked_tokens, sent);
        json_decref(call.params.body);
        call.params.body = NULL;
    }
}
END_TEST

/* Another process has replaced the token meanwhile, and that one is challenged in turn: only a
 * refresh of this call's own makes the second challenge one too many. */
START_TEST(tokens_of_others_are_no_circle)
{
    static const exchange_t exchanges[] = {
        {401, DEMANDS}, {401, DEMANDS}, {401, DEMANDS}, {200, NULL, NULL, {NULL}}};

    newer_tokens = 2;
    refreshes_allowed = 1;
    ck_ok(run_call("GET", "/v1.0/me", exchanges));
    ck_assert_int_eq(sent, 4);
    newer_tokens = 0;
}
END_TEST

START_TEST(challenges_without_end_have_one)
{
    static const exchange_t exchanges[] = {{401, DEMANDS}, {401, DEMANDS}, {401, DEMANDS},
                                           {401, DEMANDS}, {401, DEMANDS}, {401, DEMANDS}};

    newer_tokens = 100;
    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_INTERACTION, "GT0703");
    ck_assert_int_eq(sent, 6);
    newer_tokens = 0;
}
END_TEST

START_TEST(a_challenge_that_was_met_is_forgotten)
{
    static const exchange_t exchanges[] = {{401, DEMANDS}, {201, NULL, NULL, {NULL}}};

    refreshes_allowed = 1;
    ck_ok(run_call("POST", "/v1.0/me/events", exchanges));
    ck_assert_str_eq(gt_secret_text(requests[1].bearer), "second");
    ck_assert_str_eq(gt_secret_text(requests[1].body), "{\"subject\":\"x\"}");
}
END_TEST

START_TEST(a_challenge_that_cannot_be_kept_is_an_error)
{
    static const exchange_t exchanges[] = {{401, DEMANDS}};

    refreshes_allowed = -1;
    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_STORE_AWAY, "GT0395");
    ck_assert_int_eq(sent, 1);
}
END_TEST

/* The token serves for other requests. */
START_TEST(demands_of_a_403_are_the_clients)
{
    static const exchange_t exchanges[] = {{403, DEMANDS}};
    gt_err_t *err = run_call("GET", "/v1.0/me", exchanges);

    ck_fails(err, GT_INTERACTION, "GT0703");
    ck_assert_str_eq(err->claims, "{\"a\":{}}");
    ck_assert_int_eq(sent, 1);
    ck_assert_int_eq(forgotten, 0);
    ck_assert_int_eq(challenged, 0);
}
END_TEST

START_TEST(a_refusal_is_read_in_its_pieces)
{
    static const exchange_t exchanges[] = {
        {404, "request-id", "id-1", {"{\"error\":{\"co", "de\":\"ErrorItem", "NotFound\"}}"}}};
    gt_err_t *err = run_call("GET", "/v1.0/me/events/A", exchanges);

    ck_fails(err, GT_NOT_FOUND, "GT0705");
    ck_assert_str_eq(err->code, "ErrorItemNotFound");
    ck_assert_str_eq(err->request_id, "id-1");
}
END_TEST

START_TEST(a_refusal_that_breaks_off_keeps_its_status)
{
    static const exchange_t exchanges[] = {{503, "Retry-After", "9", {"{\"error\":", "!"}}};
    gt_err_t *err = run_call("GET", "/v1.0/me", exchanges);

    ck_fails(err, GT_THROTTLED, "GT0707");
    ck_assert_int_eq(err->retry_after, apr_time_from_sec(9));
}
END_TEST

START_TEST(of_a_long_refusal_32_KiB_are_read)
{
    char *large = apr_pcalloc(pool, 20001);
    exchange_t exchanges[] = {{400, NULL, NULL, {large, large, large, NULL}}};

    memset(large, 'x', 20000);
    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_REFUSED, "GT0701");
    ck_assert_int_eq(call.transfer->next_piece, 2);
    ck_assert_uint_eq(call.refusal_len, 32 * 1024);
}
END_TEST

START_TEST(failures_of_others_are_handed_on)
{
    static const exchange_t exchanges[] = {{0, NULL, NULL, {NULL}}};

    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_TIMEOUT, "GT0399");
    ck_assert_int_eq(sent, 1);
    token_failure = GT_SIGN_IN;
    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_SIGN_IN, "GT0397");
    token_failure = GT_CLASSES;
    ck_assert_int_eq(sent, 0);
}
END_TEST

START_TEST(the_place_goes_over_to_the_transfer)
{
    static const exchange_t answered[] = {{200, NULL, NULL, {"body"}}};
    static const exchange_t refused[] = {{404, NULL, NULL, {NULL}}};
    static const exchange_t failed[] = {{0, NULL, NULL, {NULL}}};

    ck_ok(run_call("GET", "/v1.0/me", answered));
    ck_assert(visits == 1 && handed_over == 1 && left == 0);
    ck_fails(run_call("GET", "/v1.0/me", refused), GT_NOT_FOUND, "GT0705");
    ck_assert(visits == 1 && handed_over == 1 && left == 1);
    ck_fails(run_call("GET", "/v1.0/me", failed), GT_TIMEOUT, "GT0399");
    ck_assert(visits == 1 && handed_over == 1);
}
END_TEST

START_TEST(a_repeat_is_a_visit_of_its_own)
{
    static const exchange_t exchanges[] = {{401, NULL, NULL, {NULL}}, {200, NULL, NULL, {NULL}}};

    ck_ok(run_call("GET", "/v1.0/me", exchanges));
    ck_assert(visits == 2 && handed_over == 2);
}
END_TEST

START_TEST(a_place_without_a_call_is_given_back)
{
    static const exchange_t exchanges[] = {{200, NULL, NULL, {NULL}}};

    ck_fails(run_call("GET", "/elsewhere", exchanges), GT_INTERNAL, "GT0710");
    ck_assert(visits == 1 && handed_over == 0 && !is_inside);
}
END_TEST

START_TEST(without_a_place_nothing_is_sent)
{
    static const exchange_t exchanges[] = {{200, NULL, NULL, {NULL}}};

    is_full = 1;
    ck_fails(run_call("GET", "/v1.0/me", exchanges), GT_BUSY, "GT0396");
    is_full = 0;
    ck_assert_int_eq(sent, 0);
}
END_TEST

START_TEST(a_path_is_one_below_the_providers_url)
{
    static const exchange_t exchanges[] = {{200, NULL, NULL, {NULL}}};

    ck_ok(run_call("GET", "/v1.0/me", exchanges));
    asked_tokens = sent = 0;
    call.params = (gt_graph_params_t){.path = "/me/events?$top=1"};
    ck_ok(run(&call_under_test, &call));
    ck_assert_str_eq(requests[0].url, "https://graph.example/v1.0/me/events?$top=1");
    ck_assert_ptr_null(requests[0].method);
    ck_assert(!requests[0].keep_going);
}
END_TEST

START_TEST(the_token_goes_nowhere_else)
{
    static const char *const paths[] = {"/beta/me",      "/v1.01/me",     ".evil/v1.0/me",
                                        "@evil/v1.0/me", ":8443/v1.0/me", "/V1.0/me"};
    static const exchange_t exchanges[] = {{200, NULL, NULL, {NULL}}};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        gt_err_t *err = run_call("GET", paths[i], exchanges);

        ck_fails(err, GT_INTERNAL, "GT0710");
        ck_assert_int_eq(sent, 0);
    }
}
END_TEST

Suite *suite_call(void)
{
    Suite *suite = suite_create("call");
    TCase *tcase = tcase_create("call");

    tcase_add_checked_fixture(tcase, make_pool, end);
    tcase_add_test(tcase, a_success_is_left_to_be_taken);
    tcase_add_test(tcase, a_provider_without_graph_is_not_called);
    tcase_add_test(tcase, a_large_answer_is_asked_for_again_and_streamed);
    tcase_add_test(tcase, the_answer_to_a_change_is_not_asked_for_again);
    tcase_add_test(tcase, what_changes_something_goes_on_without_its_client);
    tcase_add_test(tcase, a_401_is_repeated_once_with_a_new_token);
    tcase_add_test(tcase, a_second_401_is_the_end);
    tcase_add_test(tcase, another_refusal_after_the_401_is_told);
    tcase_add_test(tcase, a_claims_challenge_is_repeated_as_often_as_the_vault_says);
    tcase_add_test(tcase, tokens_of_others_are_no_circle);
    tcase_add_test(tcase, challenges_without_end_have_one);
    tcase_add_test(tcase, a_challenge_that_was_met_is_forgotten);
    tcase_add_test(tcase, a_challenge_that_cannot_be_kept_is_an_error);
    tcase_add_test(tcase, demands_of_a_403_are_the_clients);
    tcase_add_test(tcase, a_refusal_is_read_in_its_pieces);
    tcase_add_test(tcase, a_refusal_that_breaks_off_keeps_its_status);
    tcase_add_test(tcase, of_a_long_refusal_32_KiB_are_read);
    tcase_add_test(tcase, failures_of_others_are_handed_on);
    tcase_add_test(tcase, the_place_goes_over_to_the_transfer);
    tcase_add_test(tcase, a_repeat_is_a_visit_of_its_own);
    tcase_add_test(tcase, a_place_without_a_call_is_given_back);
    tcase_add_test(tcase, without_a_place_nothing_is_sent);
    tcase_add_test(tcase, a_path_is_one_below_the_providers_url);
    tcase_add_test(tcase, the_token_goes_nowhere_else);
    suite_add_tcase(suite, tcase);
    return suite;
}
