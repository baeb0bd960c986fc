/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* See fake_provider.h. One connection at a time is enough: what is tested is who asks. */

#include "fake_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_proc.h>
#include <check.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/text.h"

#define REQUEST_MAX (64 * 1024)

struct fake_t {
    apr_pool_t *pool;
    apr_thread_t *thread;
    int listener;
    int port;
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *moved;
    fake_reply_t reply[FAKE_WHATS];
    int is_replaced[FAKE_WHATS];
    int calls[FAKE_WHATS];
    int is_held;
    int is_stopped;
    int serial; /* of the newest refresh token */
    int is_dead;
    char *form;
    char *head;
    char *id_token;
};

/* ---- keys ---- */

static EVP_PKEY *key;

void fake_key(void)
{
    if (key == NULL)
        key = EVP_RSA_gen(2048);
    ck_assert_ptr_nonnull(key);
}

char *fake_sign(const char *kid, const json_t *claims, apr_pool_t *p)
{
    char *payload = json_dumps(claims, JSON_COMPACT);
    const char *head = apr_psprintf(p, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", kid);
    char *text = apr_pstrcat(p, gt_base64url(head, strlen(head), p), ".",
                             gt_base64url(payload, strlen(payload), p), NULL);
    unsigned char signature[512];
    size_t len = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    fake_key();
    ck_assert_int_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(
        EVP_DigestSign(context, signature, &len, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    free(payload);
    return apr_pstrcat(p, text, ".", gt_base64url(signature, len, p), NULL);
}

char *fake_jwks(const char *kid, const char *issuer, apr_pool_t *p)
{
    unsigned char modulus[512];
    BIGNUM *n = NULL;
    int len;

    fake_key();
    ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    len = BN_bn2bin(n, modulus);
    BN_free(n);
    return apr_psprintf(p,
                        "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"kid\":\"%s\",\"n\":\"%s\","
                        "\"e\":\"AQAB\"%s%s%s}]}",
                        kid, gt_base64url(modulus, (apr_size_t)len, p),
                        issuer != NULL ? ",\"issuer\":\"" : "", issuer != NULL ? issuer : "",
                        issuer != NULL ? "\"" : "");
}

/* ---- answers; called with the lock held ---- */

static const char *default_discovery(fake_t *fake, apr_pool_t *p)
{
    const char *base = apr_psprintf(p, "http://127.0.0.1:%d/" FAKE_TENANT, fake->port);

    return apr_psprintf(p,
                        "{\"issuer\":\"%s/v2.0\",\"authorization_endpoint\":\"%s/authorize\","
                        "\"token_endpoint\":\"%s/token\",\"jwks_uri\":\"%s/keys\","
                        "\"userinfo_endpoint\":\"https://graph.example/oidc/userinfo\"}",
                        base, base, base, base);
}

static const char *give_tokens(fake_t *fake, apr_pool_t *p)
{
    fake->serial++;
    return apr_psprintf(p,
                        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"scope\":\"User.Read\","
                        "\"access_token\":\"at-%d\",\"refresh_token\":\"rt-%d\"%s%s%s}",
                        fake->serial, fake->serial, fake->id_token ? ",\"id_token\":\"" : "",
                        fake->id_token ? fake->id_token : "", fake->id_token ? "\"" : "");
}

static const char *default_token(int *status, fake_t *fake, apr_pool_t *p)
{
    const char *sent = strstr(fake->form, "refresh_token=rt-");

    if (strstr(fake->form, "grant_type=authorization_code") != NULL)
        return give_tokens(fake, p);
    if (strstr(fake->form, "grant_type=client_credentials") != NULL)
        return apr_psprintf(p,
                            "{\"token_type\":\"Bearer\",\"expires_in\":3599,"
                            "\"access_token\":\"app-%d\"}",
                            fake->calls[FAKE_TOKEN]);
    if (sent == NULL || fake->is_dead || atoi(sent + 17) != fake->serial) {
        fake->is_dead = 1;
        *status = 400;
        return "{\"error\":\"invalid_grant\",\"error_codes\":[50173],\"suberror\":\"bad_token\"}";
    }
    return give_tokens(fake, p);
}

static fake_reply_t default_reply(fake_t *fake, fake_what_t what, apr_pool_t *p)
{
    fake_reply_t reply = {200, NULL, NULL};

    if (what == FAKE_DISCOVERY)
        reply.body = default_discovery(fake, p);
    else if (what == FAKE_KEYS)
        reply.body = fake_jwks("key-1", NULL, p);
    else if (what == FAKE_REVOKE)
        reply.body = "";
    else
        reply.body = default_token(&reply.status, fake, p);
    return reply;
}

/* ---- the wire ---- */

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

/* The whole request, or NULL when the client left. */
static char *read_request(int fd, apr_pool_t *p)
{
    char *request = apr_pcalloc(p, REQUEST_MAX + 1);
    size_t len = 0, wanted = REQUEST_MAX;

    while (len < wanted && len < REQUEST_MAX) {
        ssize_t n = recv(fd, request + len, REQUEST_MAX - len, 0);
        const char *end, *length;

        if (n <= 0)
            return NULL;
        len += (size_t)n;
        end = strstr(request, "\r\n\r\n");
        length = end != NULL ? strstr(request, "Content-Length:") : NULL;
        if (end != NULL)
            wanted = (size_t)(end + 4 - request) +
                     (length != NULL && length < end ? (size_t)atoi(length + 15) : 0);
    }
    return request;
}

static fake_what_t what_of(const char *request)
{
    if (strstr(request, "openid-configuration HTTP") != NULL)
        return FAKE_DISCOVERY;
    if (strstr(request, "/revoke HTTP") != NULL)
        return FAKE_REVOKE;
    return strstr(request, "/keys HTTP") != NULL ? FAKE_KEYS : FAKE_TOKEN;
}

static void keep_request(fake_t *fake, const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");

    free(fake->form);
    free(fake->head);
    fake->form = strdup(end + 4);
    fake->head = strdup(request);
    fake->head[end - request] = '\0';
}

static fake_reply_t choose(fake_t *fake, const char *request, apr_pool_t *p)
{
    fake_what_t what = what_of(request);
    fake_reply_t reply;

    apr_thread_mutex_lock(fake->lock);
    if (what == FAKE_TOKEN || what == FAKE_REVOKE)
        keep_request(fake, request);
    fake->calls[what]++;
    apr_thread_cond_broadcast(fake->moved);
    while (what == FAKE_TOKEN && fake->is_held && !fake->is_stopped)
        apr_thread_cond_wait(fake->moved, fake->lock);
    reply = fake->is_replaced[what] ? fake->reply[what] : default_reply(fake, what, p);
    apr_thread_mutex_unlock(fake->lock);
    return reply;
}

static void serve(fake_t *fake, int fd, apr_pool_t *p)
{
    char *request = read_request(fd, p);
    fake_reply_t reply;
    char *answer;

    if (request == NULL)
        return;
    reply = choose(fake, request, p);
    if (reply.status == 0)
        return;
    answer = apr_psprintf(p,
                          "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%s"
                          "Content-Length: %lu\r\nConnection: close\r\n\r\n%s",
                          reply.status, reply.headers != NULL ? reply.headers : "",
                          (unsigned long)strlen(reply.body), reply.body);
    write_all(fd, answer, strlen(answer));
}

static void *APR_THREAD_FUNC listen_on(apr_thread_t *thread, void *baton)
{
    fake_t *fake = baton;
    apr_pool_t *p;
    int fd;

    (void)thread;
    apr_pool_create(&p, NULL);
    while ((fd = accept(fake->listener, NULL, NULL)) >= 0) {
        serve(fake, fd, p);
        close(fd);
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return NULL; /* apr_thread_exit would leave AddressSanitizer's marks on the stack */
}

static apr_status_t stop(void *baton)
{
    fake_t *fake = baton;
    apr_status_t status;

    apr_thread_mutex_lock(fake->lock);
    fake->is_stopped = 1;
    apr_thread_cond_broadcast(fake->moved);
    apr_thread_mutex_unlock(fake->lock);
    shutdown(fake->listener, SHUT_RDWR);
    apr_thread_join(&status, fake->thread);
    close(fake->listener);
    free(fake->form);
    free(fake->head);
    free(fake->id_token);
    return APR_SUCCESS;
}

fake_t *fake_start(apr_pool_t *p)
{
    fake_t *fake = apr_pcalloc(p, sizeof(*fake));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    fake_key();
    fake->pool = p;
    fake->form = strdup("");
    fake->head = strdup("");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fake->listener, 0);
    ck_assert_int_eq(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fake->listener, 64), 0);
    ck_assert_int_eq(getsockname(fake->listener, (struct sockaddr *)&address, &len), 0);
    fake->port = ntohs(address.sin_port);
    apr_thread_mutex_create(&fake->lock, APR_THREAD_MUTEX_DEFAULT, p);
    apr_thread_cond_create(&fake->moved, p);
    ck_assert_int_eq(apr_thread_create(&fake->thread, NULL, listen_on, fake, p), APR_SUCCESS);
    apr_pool_pre_cleanup_register(p, fake, stop);
    return fake;
}

/* ---- what tests say ---- */

gt_provider_conf_t *fake_conf(fake_t *fake, const char *name, apr_pool_t *p)
{
    gt_provider_conf_t *conf = gt_provider_conf_default(name, p);
    const char *why;

    conf->tenant = FAKE_TENANT;
    conf->client_id = FAKE_CLIENT;
    ck_assert(gt_source_parse(&conf->client_secret, "s3cret&=", "/", &why, p));
    conf->scope = "openid offline_access User.Read";
    conf->authority = apr_psprintf(p, "http://127.0.0.1:%d", fake->port);
    conf->connect_timeout = apr_time_from_sec(2);
    conf->timeout = apr_time_from_sec(5);
    return conf;
}

void fake_answer(fake_t *fake, fake_what_t what, const fake_reply_t *reply)
{
    apr_thread_mutex_lock(fake->lock);
    fake->is_replaced[what] = reply != NULL;
    if (reply != NULL)
        fake->reply[what] = *reply;
    apr_thread_mutex_unlock(fake->lock);
}

static void set_held(fake_t *fake, int is_held)
{
    apr_thread_mutex_lock(fake->lock);
    fake->is_held = is_held;
    apr_thread_cond_broadcast(fake->moved);
    apr_thread_mutex_unlock(fake->lock);
}

void fake_hold(fake_t *fake)
{
    set_held(fake, 1);
}

void fake_release(fake_t *fake)
{
    set_held(fake, 0);
}

int fake_calls(fake_t *fake, fake_what_t what)
{
    int calls;

    apr_thread_mutex_lock(fake->lock);
    calls = fake->calls[what];
    apr_thread_mutex_unlock(fake->lock);
    return calls;
}

void fake_wait(fake_t *fake, fake_what_t what, int n)
{
    apr_status_t status = APR_SUCCESS;

    apr_thread_mutex_lock(fake->lock);
    while (fake->calls[what] < n && status == APR_SUCCESS)
        status = apr_thread_cond_timedwait(fake->moved, fake->lock, apr_time_from_sec(10));
    apr_thread_mutex_unlock(fake->lock);
    ck_assert_int_eq(status, APR_SUCCESS);
}

char *fake_form(fake_t *fake, apr_pool_t *p)
{
    char *form;

    apr_thread_mutex_lock(fake->lock);
    form = apr_pstrdup(p, fake->form);
    apr_thread_mutex_unlock(fake->lock);
    return form;
}

char *fake_head(fake_t *fake, apr_pool_t *p)
{
    char *head;

    apr_thread_mutex_lock(fake->lock);
    head = apr_pstrdup(p, fake->head);
    apr_thread_mutex_unlock(fake->lock);
    return head;
}

int fake_was_reused(fake_t *fake)
{
    int is_dead;

    apr_thread_mutex_lock(fake->lock);
    is_dead = fake->is_dead;
    apr_thread_mutex_unlock(fake->lock);
    return is_dead;
}

void fake_give_id_token(fake_t *fake, const char *token)
{
    apr_thread_mutex_lock(fake->lock);
    free(fake->id_token);
    fake->id_token = token != NULL ? strdup(token) : NULL;
    apr_thread_mutex_unlock(fake->lock);
}
