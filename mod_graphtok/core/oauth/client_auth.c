/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file client_auth.c
 * One row a method, which says what a provider's configuration must have for it, and its steps.
 * Sources: RFC 6749 2.3.1; RFC 7591 2 (names of methods); RFC 7523 3 (claims of an assertion);
 * Microsoft, "Microsoft identity platform application authentication certificate credentials".
 */

#include "oauth/client_auth.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/source.h"
#include "base/text.h"
#include "oauth/credentials.h"
#include "oauth/kind.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define ASSERTION_LIFE 600 /* s; Entra wants 5 to 10 minutes */
#define TOKEN_ENDS_SOON 60 /* s */
#define DOUBT_AFTER apr_time_from_sec(5)

/* Of an RSA key RS256 alone is known to be taken where nothing is said (OpenID Connect Core 1.0
 * section 9). */
#define ALGORITHMS_UNSAID "RS256 ES256 ES384 ES512"

static gt_err_t *read_source(gt_task_t *task, gt_client_proof_t *proof, gt_source_t *source)
{
    proof->read = (gt_read_t){.readers = gt_provider_readers(proof->provider), .source = source};
    gt_then(task, &gt_read, &proof->read);
    return GT_OK;
}

/* ---- a secret ---- */

static gt_err_t *read_secret(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;
    const gt_provider_conf_t *conf = proof->conf;

    return read_source(task, proof, proof->is_spare ? conf->spare_secret : conf->client_secret);
}

static gt_err_t *take_secret(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;

    (void)task;
    proof->secret = proof->read.secret;
    return GT_OK;
}

static gt_err_t *take_basic(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;

    proof->basic = gt_form_basic(proof->conf->client_id, proof->read.secret, gt_task_pool(task));
    return GT_OK;
}

/* ---- a certificate ---- */

static gt_err_t *read_certificate(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;

    return read_source(task, proof, proof->conf->certificate);
}

static gt_err_t *read_key(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;

    proof->certificate = proof->read.secret;
    return read_source(task, proof, proof->conf->certificate_key);
}

/** Claims of one request, by the provider's clock. */
static json_t *claims_of(const gt_client_proof_t *proof, apr_pool_t *p)
{
    json_t *claims = gt_json_object(p);
    apr_int64_t now = apr_time_sec(gt_now() - gt_provider_skew(proof->provider));

    gt_json_set(claims, "aud", proof->token_endpoint);
    gt_json_set(claims, "iss", proof->conf->client_id);
    gt_json_set(claims, "sub", proof->conf->client_id);
    gt_json_set(claims, "jti", gt_random_text(16, p));
    gt_json_set_number(claims, "iat", now);
    gt_json_set_number(claims, "nbf", now);
    gt_json_set_number(claims, "exp", now + ASSERTION_LIFE);
    return claims;
}

static const char *algorithms_of(const gt_client_proof_t *proof)
{
    const gt_provider_kind_t *kind = gt_provider_kind(proof->conf);

    if (kind->assertion_algorithms != NULL)
        return kind->assertion_algorithms;
    return proof->endpoints->assertion_algorithms != NULL ? proof->endpoints->assertion_algorithms
                                                          : ALGORITHMS_UNSAID;
}

static gt_err_t *sign(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_client_key_t *key;
    const char *algorithm;

    GT_TRY(gt_credentials_key(&key, gt_provider_credentials(proof->provider), proof->certificate,
                              proof->read.secret, p));
    gt_secret_wipe(proof->read.secret);
    algorithm = gt_client_key_algorithm(key, algorithms_of(proof));
    if (algorithm == NULL)
        return gt_err(
            p, GT_CLIENT_BROKEN, "GT0556",
            "provider %s takes no signatures by the key of GraphTokClientCertificate, but "
            "%s",
            proof->conf->name, algorithms_of(proof));
    return gt_client_key_sign(&proof->assertion, key, algorithm, claims_of(proof, p), p);
}

/* ---- a token of another issuer ---- */

static gt_err_t *read_token(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;

    return read_source(task, proof, proof->conf->client_assertion);
}

static gt_err_t *take_token(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;
    gt_source_t *source = proof->conf->client_assertion;
    apr_pool_t *p = gt_task_pool(task);
    apr_int64_t left;
    gt_err_t *err = gt_credentials_token(
        &proof->assertion, &left, gt_provider_credentials(proof->provider), proof->read.secret, p);

    /* A command is asked again before its token ends. */
    if (err != GT_OK || left < TOKEN_ENDS_SOON)
        gt_source_doubt(source, DOUBT_AFTER);
    return err;
}

/* ---- methods ---- */

static int has_secret_in_header(const gt_client_proof_t *proof)
{
    const gt_provider_conf_t *conf = proof->conf;

    return conf->client_secret != NULL &&
           (conf->client_auth == GT_AUTH_BASIC ||
            (conf->client_auth == GT_AUTH_AUTO && !gt_provider_kind(conf)->takes_body &&
             proof->endpoints->takes_basic_alone));
}

static int has_secret(const gt_client_proof_t *proof)
{
    return proof->conf->client_secret != NULL;
}

static int has_certificate(const gt_client_proof_t *proof)
{
    return proof->conf->certificate != NULL;
}

static int has_assertion(const gt_client_proof_t *proof)
{
    return proof->conf->client_assertion != NULL;
}

static gt_step_fn *const basic_steps[] = {read_secret, take_basic, NULL};
static gt_step_fn *const secret_steps[] = {read_secret, take_secret, NULL};
static gt_step_fn *const certificate_steps[] = {read_certificate, read_key, sign, NULL};
static gt_step_fn *const assertion_steps[] = {read_token, take_token, NULL};

/* The first that fits; a provider without any is asked by its id alone. Works are named as RFC 7591
 * section 2 has it, and as Microsoft calls the last. */
static const struct {
    int (*fits)(const gt_client_proof_t *proof);
    gt_work_t work;
} methods[] = {
    {has_secret_in_header, {"client_secret_basic", basic_steps, NULL}},
    {has_secret, {"client_secret_post", secret_steps, NULL}},
    {has_certificate, {"private_key_jwt", certificate_steps, NULL}},
    {has_assertion, {"federated credential", assertion_steps, NULL}},
};

static gt_err_t *choose(gt_task_t *task, void *state)
{
    gt_client_proof_t *proof = state;

    proof->secret = proof->assertion = proof->basic = NULL;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (methods[i].fits(proof)) {
            gt_instead(task, &methods[i].work, proof);
            return GT_OK;
        }
    }
    return GT_OK;
}

static gt_step_fn *const steps[] = {choose, NULL};
const gt_work_t gt_client_prove = {"client authentication", steps, NULL};

void gt_client_add(gt_form_t *form, const gt_client_proof_t *proof)
{
    if (proof->basic != NULL)
        return;
    gt_form_add(form, "client_id", proof->conf->client_id);
    if (proof->secret != NULL)
        gt_form_add_secret(form, "client_secret", proof->secret);
    if (proof->assertion != NULL) {
        gt_form_add(form, "client_assertion_type", ASSERTION_TYPE);
        gt_form_add_secret(form, "client_assertion", proof->assertion);
    }
}

/** Some providers have another word for it, with the same status. */
int gt_client_is_refused(const gt_answer_t *answer, apr_pool_t *p)
{
    json_t *body;
    const char *error;

    if (answer->status == 401)
        return 1;
    if (answer->status != 400 ||
        gt_json_parse_answer(&body, answer->body, answer->body_len, p) != GT_OK)
        return 0;
    error = gt_json_text(body, "error");
    return error != NULL && strcmp(error, "invalid_client") == 0;
}
