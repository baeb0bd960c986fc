/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The door between clear and stored: what belongs elsewhere does not open (T2). */

#include "gt_test.h"

#include "base/secret.h"
#include "base/text.h"
#include "crypt/seal.h"

Suite *suite_seal(void);

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA="

static const gt_place_t home = {.table = "user_tokens",
                                .column = "encrypted_access_token",
                                .user = "tom",
                                .provider = "microsoft"};

static gt_keyring_t *ring_of(const char *text)
{
    gt_keyring_t *ring;

    ck_ok(gt_keyring_parse(&ring, gt_secret_from(text, pool), pool));
    return ring;
}

static const char *seal(const char *ring, gt_cipher_t cipher, const char *clear)
{
    const char *sealed;

    ck_ok(gt_seal(&sealed, ring_of(ring), GT_KEY_ACCESS, cipher, &home, gt_secret_from(clear, pool),
                  pool));
    return sealed;
}

static gt_err_t *unseal(const char *ring, gt_purpose_t purpose, const gt_place_t *place,
                        const char *sealed)
{
    gt_secret_t *clear;
    gt_err_t *err = gt_unseal(&clear, ring_of(ring), purpose, place, sealed, pool);

    ck_assert_int_eq(err == GT_OK, clear != NULL);
    ck_assert(err == GT_OK || err->cls == GT_DAMAGED);
    return err;
}

static const char *opened(const char *ring, const char *sealed)
{
    gt_secret_t *clear;

    ck_ok(gt_unseal(&clear, ring_of(ring), GT_KEY_ACCESS, &home, sealed, pool));
    return gt_secret_text(clear);
}

START_TEST(both_ciphers_come_back)
{
    const char *gcm = seal("k1 any " KEY_A, GT_AES_256_GCM, "hunter2");
    const char *fernet = seal("k1 any " KEY_A, GT_FERNET, "hunter2");

    ck_assert_int_eq(strncmp(gcm, "gt1.k1.", 7), 0);
    ck_assert_int_eq(strncmp(fernet, "gAAAAA", 6), 0);
    ck_assert_ptr_null(strstr(gcm, "hunter2"));
    ck_assert_str_eq(opened("k1 any " KEY_A, gcm), "hunter2");
    ck_assert_str_eq(opened("k1 any " KEY_A, fernet), "hunter2");
    ck_assert_str_eq(opened("k1 any " KEY_A, apr_pstrcat(pool, " ", gcm, "\n", NULL)), "hunter2");
    ck_assert_str_eq(opened("k1 any " KEY_A, apr_pstrcat(pool, " ", fernet, "\n", NULL)),
                     "hunter2");
    ck_assert_str_eq(opened("k1 any " KEY_A, seal("k1 any " KEY_A, GT_AES_256_GCM, "")), "");
}
END_TEST

/* Made by another implementation of the form, with the nonce abcdefghijkl: what is stored today
 * must open for ever. */
START_TEST(a_stored_value_stays_readable)
{
    ck_assert_str_eq(
        opened("k1 any " KEY_A, "gt1.k1.YWJjZGVmZ2hpamtso8kdFqYhlxb1tiCtu_5L_yaMKUHXADE"),
        "hunter2");
}
END_TEST

/* CVE-2021-32791 of a neighbour: nonce and associated data were constants. */
START_TEST(the_same_value_is_never_sealed_alike)
{
    ck_assert_str_ne(seal("k1 any " KEY_A, GT_AES_256_GCM, "x"),
                     seal("k1 any " KEY_A, GT_AES_256_GCM, "x"));
}
END_TEST

START_TEST(a_value_opens_in_its_own_place_only)
{
    static const char *const elsewhere[][4] = {
        {"user_tokens", "encrypted_access_token", "eve", "microsoft"},
        {"user_tokens", "encrypted_access_token", "tom", "google"},
        {"user_tokens", "encrypted_refresh_token", "tom", "microsoft"},
        {"beta_tokens", "encrypted_access_token", "tom", "microsoft"},
        {"user_tokens", "encrypted_access_token", "Tom", "microsoft"},
        {"user_tokens", "encrypted_access_token", "tom", ""},
        /* The same bytes in a row, cut at other places. */
        {"user_tokens", "encrypted_access_token", "tomm", "icrosoft"},
        {"user_tokens", "encrypted_access_tokent", "om", "microsoft"},
        {"user_token", "sencrypted_access_token", "tom", "microsoft"},
    };
    const char *sealed = seal("k1 any " KEY_A, GT_AES_256_GCM, "hunter2");
    size_t i;

    for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        const gt_place_t place = {.table = elsewhere[i][0],
                                  .column = elsewhere[i][1],
                                  .user = elsewhere[i][2],
                                  .provider = elsewhere[i][3]};

        ck_fails(unseal("k1 any " KEY_A, GT_KEY_ACCESS, &place, sealed), GT_DAMAGED, "GT0209");
    }
    ck_fails(unseal("k1 any " KEY_A, GT_KEY_REFRESH, &home, sealed), GT_DAMAGED, "GT0209");
    ck_ok(unseal("k1 any " KEY_A, GT_KEY_ACCESS, &home, sealed));
}
END_TEST

/* ---- for a store with an id ---- */

#define STORE "00112233445566778899aabbccddeeff"

static const gt_place_t in_store = {.table = "user_tokens",
                                    .column = "encrypted_access_token",
                                    .user = "tom",
                                    .provider = "microsoft",
                                    .store = STORE,
                                    .resource = "graph"};

static const char *seal_at(const gt_place_t *place)
{
    const char *sealed;

    ck_ok(gt_seal(&sealed, ring_of("k1 any " KEY_A), GT_KEY_ACCESS, GT_AES_256_GCM, place,
                  gt_secret_from("hunter2", pool), pool));
    return sealed;
}

/* As above, with the nonce abcdefghijkl: keys by HKDF and fields by another implementation. */
START_TEST(a_value_stored_for_a_store_stays_readable)
{
    gt_secret_t *clear;

    ck_ok(gt_unseal(&clear, ring_of("k1 any " KEY_A), GT_KEY_ACCESS, &in_store,
                    "gt2.k1.YWJjZGVmZ2hpamtsjZDzns5qhnvs10OAYSDLcIHRLFjotUw", pool));
    ck_assert_str_eq(gt_secret_text(clear), "hunter2");
    ck_assert_int_eq(strncmp(seal_at(&in_store), "gt2.k1.", 7), 0);
    ck_assert_str_eq(gt_sealed_key_id(seal_at(&in_store), pool), "k1");
}
END_TEST

START_TEST(a_value_of_a_store_opens_in_its_own_place_only)
{
    /* Store, column, user, provider, resource. */
    static const char *const elsewhere[][5] = {
        {STORE, "encrypted_access_token", "eve", "microsoft", "graph"},
        {STORE, "encrypted_access_token", "tom", "google", "graph"},
        {STORE, "encrypted_refresh_token", "tom", "microsoft", "graph"},
        {STORE, "encrypted_access_token", "tom", "microsoft", "outlook"},
        {STORE, "encrypted_access_token", "tom", "microsoft", NULL},
        {"00112233445566778899aabbccddeefe", "encrypted_access_token", "tom", "microsoft", "graph"},
        {STORE, "encrypted_access_token", "tomm", "icrosoft", "graph"},
        {STORE, "encrypted_access_token", "tom", "microsoftg", "raph"},
        {STORE, "encrypted_access_tokent", "om", "microsoft", "graph"},
        {STORE "e", "ncrypted_access_token", "tom", "microsoft", "graph"},
    };
    const char *ring = "k1 any " KEY_A;
    const char *sealed = seal_at(&in_store);
    gt_place_t place = in_store;
    size_t i;

    for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        place.store = elsewhere[i][0];
        place.column = elsewhere[i][1];
        place.user = elsewhere[i][2];
        place.provider = elsewhere[i][3];
        place.resource = elsewhere[i][4];
        ck_fails(unseal(ring, GT_KEY_ACCESS, &place, sealed), GT_DAMAGED, "GT0209");
    }
    ck_fails(unseal(ring, GT_KEY_REFRESH, &in_store, sealed), GT_DAMAGED, "GT0209");
    ck_fails(unseal("k1 any " KEY_A "\nk2 any " KEY_A, GT_KEY_ACCESS, &in_store,
                    apr_pstrcat(pool, "gt2.k2.", sealed + 7, NULL)),
             GT_DAMAGED, "GT0209");
    /* Neither form passes for the other. */
    ck_fails(unseal(ring, GT_KEY_ACCESS, &in_store, apr_pstrcat(pool, "gt1.", sealed + 4, NULL)),
             GT_DAMAGED, "GT0209");
    ck_fails(
        unseal(ring, GT_KEY_ACCESS, &in_store, apr_pstrcat(pool, "gt2.", seal_at(&home) + 4, NULL)),
        GT_DAMAGED, "GT0209");
    ck_ok(unseal(ring, GT_KEY_ACCESS, &in_store, sealed));
}
END_TEST

START_TEST(a_table_may_be_called_otherwise)
{
    const char *ring = "k1 any " KEY_A;
    gt_place_t renamed = in_store;
    gt_place_t old = home;

    renamed.table = "app.grants";
    ck_ok(unseal(ring, GT_KEY_ACCESS, &renamed, seal_at(&in_store)));
    /* What was written before stores had ids knows its table's name. */
    ck_fails(unseal(ring, GT_KEY_ACCESS, &renamed, seal_at(&home)), GT_DAMAGED, "GT0209");
    renamed.other_table = "user_tokens";
    ck_ok(unseal(ring, GT_KEY_ACCESS, &renamed, seal_at(&home)));
    old.table = "app.user_tokens";
    ck_fails(unseal(ring, GT_KEY_ACCESS, &home, seal_at(&old)), GT_DAMAGED, "GT0209");
    renamed.user = "eve";
    ck_fails(unseal(ring, GT_KEY_ACCESS, &renamed, seal_at(&home)), GT_DAMAGED, "GT0209");
}
END_TEST

START_TEST(a_store_without_an_id_says_so)
{
    gt_place_t place = in_store;

    place.store = "";
    ck_fails(unseal("k1 any " KEY_A, GT_KEY_ACCESS, &place, seal_at(&in_store)), GT_DAMAGED,
             "GT0218");
    ck_assert_int_eq(strncmp(seal_at(&place), "gt1.k1.", 7), 0);
}
END_TEST

START_TEST(the_present_form_is_told_from_the_old)
{
    const gt_keyring_t *ring = ring_of("k1 any " KEY_A);

    ck_assert(gt_seal_is_current(ring, GT_KEY_ACCESS, GT_AES_256_GCM, &home, seal_at(&home), pool));
    ck_assert(gt_seal_is_current(ring, GT_KEY_ACCESS, GT_AES_256_GCM, &in_store, seal_at(&in_store),
                                 pool));
    ck_assert(
        !gt_seal_is_current(ring, GT_KEY_ACCESS, GT_AES_256_GCM, &in_store, seal_at(&home), pool));
    ck_assert(
        !gt_seal_is_current(ring, GT_KEY_ACCESS, GT_AES_256_GCM, &home, seal_at(&in_store), pool));
    ck_assert(gt_sealed_for_store(seal_at(&in_store)));
    ck_assert(!gt_sealed_for_store(seal_at(&home)));
}
END_TEST

/* ---- damage ---- */

START_TEST(every_changed_character_is_refused)
{
    const char *ring = "k1 any " KEY_A;
    char *sealed = apr_pstrdup(pool, seal(ring, GT_AES_256_GCM, "hunter2"));
    size_t len = strlen(sealed);
    size_t i;

    for (i = 0; i < len; i++) {
        char c = sealed[i];

        sealed[i] = c == 'A' ? 'B' : 'A';
        ck_assert_ptr_nonnull(unseal(ring, GT_KEY_ACCESS, &home, sealed));
        sealed[i] = '.';
        ck_assert(c == '.' || unseal(ring, GT_KEY_ACCESS, &home, sealed) != GT_OK);
        sealed[i] = c;
    }
    for (i = 0; i < len; i++)
        ck_assert_ptr_nonnull(unseal(ring, GT_KEY_ACCESS, &home, apr_pstrmemdup(pool, sealed, i)));
    /* A second spelling of the same bytes is no value of ours. */
    ck_assert_ptr_nonnull(unseal(ring, GT_KEY_ACCESS, &home, apr_pstrcat(pool, sealed, "=", NULL)));
    ck_assert_ptr_nonnull(unseal(ring, GT_KEY_ACCESS, &home, apr_pstrcat(pool, sealed, "A", NULL)));
    ck_ok(unseal(ring, GT_KEY_ACCESS, &home, sealed));
}
END_TEST

START_TEST(a_value_relabelled_with_another_key_id_is_refused)
{
    const char *sealed = seal("k1 any " KEY_A, GT_AES_256_GCM, "hunter2");
    const char *relabelled = apr_pstrcat(pool, "gt1.k2.", sealed + 7, NULL);

    /* The same bytes are known under both ids: the id itself is bound. */
    ck_fails(unseal("k1 any " KEY_A "\nk2 any " KEY_A, GT_KEY_ACCESS, &home, relabelled),
             GT_DAMAGED, "GT0209");
}
END_TEST

START_TEST(what_is_no_sealed_value_is_said)
{
    static const char *const rows[] = {"",
                                       " ",
                                       "hunter2",
                                       "gt1",
                                       "gt1.",
                                       "gt1..x",
                                       "gt1.k1",
                                       "gt3.k1.AAAA",
                                       "gt2.k1",
                                       "gt1.k 1.AAAA",
                                       "gt1.k1/x.AAAA",
                                       "gt1.123456789012345678901234567890123.AAAA"};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_err_t *err = unseal("k1 any " KEY_A, GT_KEY_ACCESS, &home, rows[i]);

        ck_assert_ptr_nonnull(err);
        ck_assert_str_eq(err->tag, "GT0210");
        ck_assert_ptr_null(strstr(err->detail, "hunter2"));
    }
}
END_TEST

START_TEST(old_keys_read_and_the_first_writes)
{
    const char *gcm = seal("old any " KEY_A, GT_AES_256_GCM, "hunter2");
    const char *fernet = seal(KEY_A, GT_FERNET, "hunter2");
    const char *both = "new any " KEY_B "\nold any " KEY_A;

    ck_assert_str_eq(opened(both, gcm), "hunter2");
    ck_assert_str_eq(opened(both, fernet), "hunter2");
    ck_assert_int_eq(strncmp(seal(both, GT_AES_256_GCM, "x"), "gt1.new.", 8), 0);
}
END_TEST

START_TEST(a_missing_key_is_named_with_those_at_hand)
{
    const char *sealed = seal("lost any " KEY_A, GT_AES_256_GCM, "hunter2");
    const char *fernet = seal("lost any " KEY_A, GT_FERNET, "hunter2");
    const char *ring = "k2 any " KEY_B "\nk3 cookie " KEY_A;
    const gt_err_t *err = unseal(ring, GT_KEY_ACCESS, &home, sealed);

    ck_assert_str_eq(err->tag, "GT0211");
    ck_assert_ptr_nonnull(strstr(err->detail, "user_tokens.encrypted_access_token"));
    ck_assert_ptr_nonnull(strstr(err->detail, "the key lost"));
    ck_assert_ptr_nonnull(strstr(err->detail, "k2 ("));
    ck_assert_ptr_null(strstr(err->detail, sealed + 9));
    err = unseal(ring, GT_KEY_ACCESS, &home, fernet);
    ck_assert_str_eq(err->tag, "GT0208");
    ck_assert_ptr_nonnull(strstr(err->detail, "k2 ("));
    ck_assert_ptr_null(strstr(err->detail, "gAAAAA"));
    /* A key that has the bytes but not the purpose opens neither. */
    ck_fails(unseal("lost cookie " KEY_A, GT_KEY_ACCESS, &home, sealed), GT_DAMAGED, "GT0211");
    ck_fails(unseal("lost cookie " KEY_A, GT_KEY_ACCESS, &home, fernet), GT_DAMAGED, "GT0208");
}
END_TEST

START_TEST(other_bytes_under_the_same_id_are_told_apart)
{
    const char *sealed = seal("k1 any " KEY_A, GT_AES_256_GCM, "hunter2");

    ck_fails(unseal("k1 any " KEY_B, GT_KEY_ACCESS, &home, sealed), GT_DAMAGED, "GT0209");
}
END_TEST

START_TEST(no_key_for_a_purpose_cannot_seal)
{
    const char *sealed;

    ck_fails(gt_seal(&sealed, ring_of("a cookie " KEY_A), GT_KEY_ACCESS, GT_AES_256_GCM, &home,
                     gt_secret_from("x", pool), pool),
             GT_INTERNAL, "GT0207");
    ck_assert_ptr_null(sealed);
}
END_TEST

START_TEST(a_key_id_can_be_read)
{
    ck_assert_str_eq(gt_sealed_key_id("gt1.k1.AAAA", pool), "k1");
    ck_assert_str_eq(gt_sealed_key_id("gAAAAAx", pool), "");
    ck_assert_ptr_null(gt_sealed_key_id("hunter2", pool));
    ck_assert_ptr_null(gt_sealed_key_id("gt1.k%s.AAAA", pool));
    ck_assert_ptr_null(gt_sealed_key_id(NULL, pool));
}
END_TEST

START_TEST(too_much_is_refused)
{
    char *longer = apr_palloc(pool, (8 << 20) + 100);

    memset(longer, 'A', (8 << 20) + 99);
    memcpy(longer, "gt1.k1.", 7);
    longer[(8 << 20) + 99] = '\0';
    ck_fails(unseal("k1 any " KEY_A, GT_KEY_ACCESS, &home, longer), GT_DAMAGED, "GT0210");
}
END_TEST

Suite *suite_seal(void)
{
    Suite *suite = suite_create("seal");
    TCase *tcase = case_with_pool(suite, "seal");

    tcase_add_test(tcase, both_ciphers_come_back);
    tcase_add_test(tcase, a_stored_value_stays_readable);
    tcase_add_test(tcase, the_same_value_is_never_sealed_alike);
    tcase_add_test(tcase, a_value_opens_in_its_own_place_only);
    tcase_add_test(tcase, a_value_stored_for_a_store_stays_readable);
    tcase_add_test(tcase, a_value_of_a_store_opens_in_its_own_place_only);
    tcase_add_test(tcase, a_table_may_be_called_otherwise);
    tcase_add_test(tcase, a_store_without_an_id_says_so);
    tcase_add_test(tcase, the_present_form_is_told_from_the_old);
    tcase_add_test(tcase, every_changed_character_is_refused);
    tcase_add_test(tcase, a_value_relabelled_with_another_key_id_is_refused);
    tcase_add_test(tcase, what_is_no_sealed_value_is_said);
    tcase_add_test(tcase, old_keys_read_and_the_first_writes);
    tcase_add_test(tcase, a_missing_key_is_named_with_those_at_hand);
    tcase_add_test(tcase, other_bytes_under_the_same_id_are_told_apart);
    tcase_add_test(tcase, no_key_for_a_purpose_cannot_seal);
    tcase_add_test(tcase, a_key_id_can_be_read);
    tcase_add_test(tcase, too_much_is_refused);
    return suite;
}
