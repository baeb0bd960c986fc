/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file person.c Members that OpenID Connect does not have are null, as Graph's are that are not
 * set. */

#include "translate/person.h"

#include "base/clock.h"
#include "base/err.h"

gt_err_t *gt_person_error(int status, const char *body, apr_size_t len, const apr_table_t *headers,
                          apr_pool_t *p)
{
    apr_interval_time_t wait = gt_retry_after(apr_table_get(headers, "Retry-After"));
    gt_err_t *err;

    (void)body, (void)len;
    if (status == 401)
        err = gt_err(p, GT_SIGN_IN, "GT1313", "the provider's userinfo endpoint answered 401");
    else if (status == 429 || (status == 503 && wait > 0))
        err = gt_err(p, GT_THROTTLED, "GT1316", "the provider's userinfo endpoint asks to wait");
    else if (status >= 400 && status <= 499) {
        err =
            gt_err(p, GT_REFUSED, "GT1314", "the provider's userinfo endpoint answered %d", status);
        err->status = status;
    }
    else
        err = gt_err(p, GT_UPSTREAM, "GT1317", "the provider's userinfo endpoint answered %d",
                     status);
    err->extent = GT_EXTENT_CALL;
    err->retry_after = wait;
    return err;
}

static const char *first_of(const json_t *claims, const char *name, const char *other)
{
    const char *text = gt_json_text(claims, name);

    return text != NULL ? text : gt_json_text(claims, other);
}

gt_err_t *gt_person_read(json_t **person, const char *body, apr_size_t len, apr_pool_t *p)
{
    json_t *ours = gt_json_object(p), *claims;

    if (gt_json_parse_answer(&claims, body, len, p) != GT_OK || gt_json_text(claims, "sub") == NULL)
        return gt_err(p, GT_UPSTREAM, "GT1315",
                      "the answer of the provider's userinfo endpoint names no one");
    gt_json_put(ours, "businessPhones", json_array());
    gt_json_set(ours, "displayName", first_of(claims, "name", "email"));
    gt_json_set(ours, "givenName", gt_json_text(claims, "given_name"));
    gt_json_set(ours, "jobTitle", NULL);
    gt_json_set(ours, "mail", gt_json_text(claims, "email"));
    gt_json_set(ours, "mobilePhone", gt_json_text(claims, "phone_number"));
    gt_json_set(ours, "officeLocation", NULL);
    gt_json_set(ours, "preferredLanguage", gt_json_text(claims, "locale"));
    gt_json_set(ours, "surname", gt_json_text(claims, "family_name"));
    gt_json_set(ours, "userPrincipalName", first_of(claims, "email", "preferred_username"));
    gt_json_set(ours, "id", gt_json_text(claims, "sub"));
    *person = ours;
    return GT_OK;
}
