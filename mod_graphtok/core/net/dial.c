/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A connection that libcurl dials and hands over (CURLOPT_CONNECT_ONLY), as the loop's thread sees
 * it. libcurl's own IMAP would cut long answers and take a line of a mail for an answer, so that it
 * says no command but CAPABILITY, EHLO and STARTTLS here. TLS may hold bytes that no poll shows:
 * each reading goes on until libcurl has none.
 */

#include <string.h>

#include <apr_tables.h>

#include "base/secret.h"
#include "base/thread.h"
#include "net/transfer_struct.h"

#define READ_SIZE 16384
#define WRITE_SIZE 4096
#define SAID_SIZE 160

struct gt_dialled_t {
    char unsent[WRITE_SIZE]; /* taken from the task, not by the server yet */
    apr_size_t at, len;
    int is_said_whole; /* the task gave its last piece */
    char said[SAID_SIZE];
};

gt_dialled_t *gt_dialled_make(apr_pool_t *p)
{
    gt_dialled_t *dialled = apr_pcalloc(p, sizeof(*dialled));

    /* A sign-in goes through it. */
    gt_wipe_with_pool(dialled->unsent, sizeof(dialled->unsent), p);
    return dialled;
}

const char *gt_dial_said(const gt_transfer_t *transfer)
{
    return transfer->dialled->said;
}

/* The greeting and the lines after it come here. */
static size_t note_line(char *line, size_t size, size_t count, void *baton)
{
    gt_transfer_t *t = baton;
    char *said = t->dialled->said;
    size_t len = size * count, n = 0;

    for (; n < len && n < SAID_SIZE - 1 && line[n] != '\r' && line[n] != '\n'; n++)
        said[n] = line[n] >= ' ' && line[n] < 0x7F ? line[n] : '_';
    if (n > 0)
        said[n] = '\0';
    return len;
}

int gt_dial_prepare_on_loop(CURL *easy, gt_transfer_t *transfer)
{
    int bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "imap,imaps,smtp,smtps") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, note_line) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(transfer->timeout / 1000)) != CURLE_OK;
    return !bad;
}

static const gt_failure_t *fail(gt_transfer_t *t, gt_fault_t fault, const char *text)
{
    gt_failure_set(&t->own, fault, text);
    return &t->own;
}

const gt_failure_t *gt_dial_open_on_loop(curl_socket_t *fd, gt_transfer_t *transfer)
{
    gt_answer_t answer = {0};

    if (curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, fd) != CURLE_OK ||
        *fd == CURL_SOCKET_BAD)
        return fail(transfer, GT_FAULT_UNREACHABLE, "the mail server hung up after its greeting");
    answer.headers = apr_table_make(transfer->pool, 1);
    answer.length = -1;
    answer.took = gt_mono() - transfer->began;
    gt_transfer_head_on_loop(transfer, &answer);
    return NULL;
}

/* The next piece to be sent. @return 0: there is none now */
static int take_piece(gt_transfer_t *t)
{
    gt_dialled_t *dialled = t->dialled;

    if (dialled->at < dialled->len)
        return 1;
    dialled->at = 0;
    dialled->is_said_whole =
        !gt_transfer_feed_on_loop(&dialled->len, t, dialled->unsent, sizeof(dialled->unsent));
    return dialled->len > 0;
}

static void move_out(gt_dial_state_t *state, gt_transfer_t *t)
{
    gt_dialled_t *dialled = t->dialled;
    size_t sent;

    while (take_piece(t)) {
        CURLcode code = curl_easy_send(t->easy, dialled->unsent + dialled->at,
                                       dialled->len - dialled->at, &sent);

        if (code == CURLE_AGAIN) {
            state->wants |= CURL_POLL_OUT;
            return;
        }
        if (code != CURLE_OK) {
            state->failure =
                fail(t, GT_FAULT_UNREACHABLE, "the connection to the mail server ended");
            return;
        }
        dialled->at += sent;
        gt_loop_stirred_on_loop(t->loop, t);
    }
    state->has_ended = dialled->is_said_whole;
}

static void move_in(gt_dial_state_t *state, gt_transfer_t *t)
{
    char bytes[READ_SIZE];
    size_t len;

    for (;;) {
        CURLcode code;

        if (!gt_transfer_make_way_on_loop(t, sizeof(bytes)))
            return;
        code = curl_easy_recv(t->easy, bytes, sizeof(bytes), &len);
        if (code == CURLE_AGAIN) {
            state->wants |= CURL_POLL_IN;
            return;
        }
        if (code != CURLE_OK)
            state->failure =
                fail(t, GT_FAULT_UNREACHABLE, "the connection to the mail server ended");
        state->has_ended = code != CURLE_OK || len == 0;
        if (state->has_ended)
            return;
        if (gt_transfer_bytes_on_loop(t, bytes, len) < 0) {
            state->failure = fail(t, GT_FAULT_MEMORY, "no memory for a call");
            return;
        }
        t->passed += (apr_int64_t)len;
        gt_loop_stirred_on_loop(t->loop, t);
    }
}

void gt_dial_move_on_loop(gt_dial_state_t *state, gt_transfer_t *transfer)
{
    memset(state, 0, sizeof(*state));
    move_out(state, transfer);
    if (!state->has_ended && state->failure == NULL)
        move_in(state, transfer);
    state->has_ended |= state->failure != NULL;
}
