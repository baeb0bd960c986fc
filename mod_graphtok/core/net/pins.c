/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Pins of public keys. The chain is OpenSSL's: libcurl lends the connection's SSL before it sends a
 * request. Names in certificates are a server's own words, and are shown as visible ASCII alone.
 */

#include "net/pins.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define PREFIX "sha256//"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define DIGEST_LEN 32
#define PIN_LEN (PREFIX_LEN + 44)
#define PINS_MAX 32
#define NAME_MAX_SHOWN 64

/* ---- the configured pins ---- */

static int is_pin(const char *pin)
{
    unsigned char bytes[DIGEST_LEN + 1];
    char again[64];

    if (strncmp(pin, PREFIX, PREFIX_LEN) != 0 ||
        EVP_DecodeBlock(bytes, (const unsigned char *)pin + PREFIX_LEN, 44) != DIGEST_LEN + 1)
        return 0;
    /* Each digest has one spelling: the bits that are left over are 0. */
    EVP_EncodeBlock((unsigned char *)again, bytes, DIGEST_LEN);
    return strncmp(again, pin + PREFIX_LEN, 44) == 0;
}

int gt_pins_are_good(const char *text)
{
    const char *pin = text;

    for (int n = 1; n <= PINS_MAX; n++, pin += PIN_LEN + 1) {
        if (strcspn(pin, " ") != PIN_LEN || !is_pin(pin))
            return 0;
        for (const char *before = text; before < pin; before += PIN_LEN + 1)
            if (strncmp(before, pin, PIN_LEN) == 0)
                return 0;
        if (pin[PIN_LEN] == '\0')
            return 1;
    }
    return 0;
}

int gt_pins_count(const char *pins)
{
    return pins == NULL ? 0 : (int)((strlen(pins) + 1) / (PIN_LEN + 1));
}

const char *gt_pins_fault(void)
{
    const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;

    if (tls == NULL || strncmp(tls, "OpenSSL/", 8) != 0 ||
        strtol(tls + 8, NULL, 10) != (long)OPENSSL_version_major())
        return "libcurl must use the same OpenSSL as this module";
    return NULL;
}

/* ---- a server's keys ---- */

int gt_pins_are_in(const char *pins, const char *keys)
{
    char pin[PIN_LEN + 1];

    for (int i = 0; i < gt_pins_count(pins); i++) {
        apr_cpystrn(pin, pins + (size_t)i * (PIN_LEN + 1), sizeof(pin));
        if (strstr(keys, pin) != NULL)
            return 1;
    }
    return 0;
}

static const char *pin_of(const X509 *certificate, apr_pool_t *p)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char *key = NULL;
    char *pin = apr_palloc(p, PIN_LEN + 1);
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);

    if (len <= 0 || EVP_Digest(key, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    OPENSSL_free(key);
    memcpy(pin, PREFIX, PREFIX_LEN);
    EVP_EncodeBlock((unsigned char *)pin + PREFIX_LEN, digest, DIGEST_LEN);
    return pin;
}

/* Bytes that could end the name, or look like a pin, are left out. */
static const char *name_of(X509 *certificate, apr_pool_t *p)
{
    char *name = apr_pcalloc(p, NAME_MAX_SHOWN + 1);
    char *to = name;

    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              NAME_MAX_SHOWN);
    for (const char *from = name; *from != '\0'; from++)
        if (*from >= ' ' && *from <= '~' && strchr("/(),\"<>", *from) == NULL)
            *to++ = *from;
    *to = '\0';
    return name;
}

static STACK_OF(X509) * chain_of(CURL *easy)
{
    const struct curl_tlssessioninfo *tls = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || tls == NULL ||
        tls->backend != CURLSSLBACKEND_OPENSSL || tls->internals == NULL ||
        SSL_get_verify_result(tls->internals) != X509_V_OK)
        return NULL;
    return SSL_get0_verified_chain(tls->internals);
}

char *gt_pins_of(CURL *easy, apr_pool_t *p)
{
    STACK_OF(X509) *chain = gt_pins_fault() == NULL ? chain_of(easy) : NULL;
    char *keys = NULL;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *certificate = sk_X509_value(chain, i);

        keys = apr_pstrcat(p, keys != NULL ? keys : "", keys != NULL ? ", " : "",
                           pin_of(certificate, p), " (", name_of(certificate, p), ")", NULL);
    }
    return keys;
}
