/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Signatures of messages to applications, by the example of the reference libraries of Standard
 * Webhooks. */

#include <check.h>

#include "base/secret.h"
#include "bench.h"
#include "hooks/sign.h"

Suite *suite_sign(void);

static const gt_signed_t message = {"msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                    "{\"test\": 2432232314}"};

START_TEST(a_message_is_signed_as_the_standard_has_it)
{
    apr_pool_t *p;
    const char *signature;

    apr_pool_create(&p, NULL);
    bench_ok(gt_webhook_sign(&signature, &message,
                             gt_secret_from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", p), p));
    ck_assert_str_eq(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    apr_pool_destroy(p);
}
END_TEST

START_TEST(a_secret_that_is_none_signs_nothing)
{
    static const char *const wrong[] = {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                        "whsec_c2hvcnQ=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS%"};
    const char *signature;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        bench_tag(gt_webhook_sign(&signature, &message, gt_secret_from(wrong[i], p), p), "GT1113");
    apr_pool_destroy(p);
}
END_TEST

Suite *suite_sign(void)
{
    Suite *suite = suite_create("sign");
    TCase *tcase = tcase_create("sign");

    tcase_add_test(tcase, a_message_is_signed_as_the_standard_has_it);
    tcase_add_test(tcase, a_secret_that_is_none_signs_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
