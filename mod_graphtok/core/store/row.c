/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Rows in, grants out, and sealed values back. A value is sealed for (store, column, user,
 * provider, resource), so a value that was moved to another row or column does not open (T2);
 * values of S0 are Fernet and open anywhere. Access, refresh and id token have keys of their own
 * (T3).
 *
 * The store's id may come, or be another one, while we run: a value that does not open with the
 * known ids is tried again when the database has others.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/row.h"

/* Years 1 to 9999: what both engines can write as a date. */
#define FIRST_SECOND INT64_C(-62135596800)
#define LAST_SECOND INT64_C(253402300799)

#define COLUMN(name, text) GT_ROW_##name,
enum { GT_ROW_COLUMNS(COLUMN, COLUMN) GT_ROW_END };

#define CLOCKS_DIFFER 1 /* s; each is cut off to whole seconds */

/* A wrong number sets *is_damaged, which the caller looks at once, at the end: a row has many
 * numbers. */
static apr_int64_t number(const gt_db_row_t *row, int column, apr_int64_t most, int *is_damaged)
{
    apr_int64_t value = 0;

    if (row->column[column] == NULL || !gt_number(&value, row->column[column], 0, most))
        *is_damaged = 1;
    return value;
}

/* NULL is a time that is not known (S0's created_at may be): 0. */
static apr_time_t moment(const gt_db_row_t *row, int column, int *is_damaged)
{
    apr_int64_t seconds = 0;

    if (row->column[column] == NULL)
        return 0;
    if (!gt_number(&seconds, row->column[column], FIRST_SECOND, LAST_SECOND))
        *is_damaged = 1;
    return apr_time_from_sec(seconds);
}

apr_time_t gt_row_offset(apr_time_t clock)
{
    const apr_int64_t offset = apr_time_sec(gt_now()) - apr_time_sec(clock);

    return offset >= -CLOCKS_DIFFER && offset <= CLOCKS_DIFFER ? 0 : apr_time_from_sec(offset);
}

/* The database's clock wrote these times and ours reads them: they are moved from one to the other,
 * so that a token's life is what the database says is left of it. When the row is younger than now,
 * that clock was set back, and the token's age is not known: it counts as over. */
static void move_times(gt_grant_t *grant, apr_time_t clock)
{
    const apr_time_t offset = gt_row_offset(clock);
    apr_time_t *const moved[] = {&grant->expires_at, &grant->created_at, &grant->updated_at,
                                 &grant->lease_until};

    if (grant->updated_at > clock + GT_ROW_STEP && grant->expires_at > clock)
        grant->expires_at = clock;
    for (apr_size_t i = 0; i < sizeof moved / sizeof moved[0]; i++)
        if (*moved[i] != 0)
            *moved[i] += offset;
}

static const char *text(const gt_db_row_t *row, int column)
{
    return row->column[column] != NULL ? row->column[column] : "";
}

static void read_account(gt_grant_t *grant, const gt_db_row_t *row)
{
    grant->account.issuer = text(row, GT_ROW_ISSUER);
    grant->account.tenant = text(row, GT_ROW_TENANT);
    grant->account.subject = text(row, GT_ROW_SUBJECT);
    grant->account.email = row->column[GT_ROW_EMAIL];
}

gt_err_t *gt_row_read(gt_raw_t **raw, const gt_db_row_t *row, const gt_owner_t *owner,
                      apr_pool_t *p)
{
    gt_raw_t *fresh = apr_pcalloc(p, sizeof *fresh);
    gt_grant_t *grant = &fresh->grant;
    int is_damaged = row->columns != GT_ROW_END;

    if (!is_damaged) {
        grant->id = text(row, GT_ROW_ID);
        grant->owner.user = owner != NULL ? apr_pstrdup(p, owner->user) : text(row, GT_ROW_USER);
        grant->owner.provider = text(row, GT_ROW_PROVIDER);
        read_account(grant, row);
        grant->scope = row->column[GT_ROW_SCOPES];
        fresh->access = text(row, GT_ROW_ACCESS);
        fresh->refresh = text(row, GT_ROW_REFRESH);
        grant->expires_at = moment(row, GT_ROW_EXPIRES, &is_damaged);
        grant->created_at = moment(row, GT_ROW_CREATED, &is_damaged);
        grant->updated_at = moment(row, GT_ROW_UPDATED, &is_damaged);
        grant->last_used_at = moment(row, GT_ROW_LAST_USED, &is_damaged);
        grant->use_count = number(row, GT_ROW_USE_COUNT, INT64_MAX, &is_damaged);
        grant->status = (gt_status_t)number(row, GT_ROW_STATUS, GT_NEEDS_USER, &is_damaged);
        grant->error_count = (int)number(row, GT_ROW_ERROR_COUNT, INT16_MAX, &is_damaged);
        grant->error_message = row->column[GT_ROW_ERROR_MESSAGE];
        grant->generation = number(row, GT_ROW_GENERATION, INT64_MAX, &is_damaged);
        grant->lease_owner = row->column[GT_ROW_LEASE_OWNER];
        grant->lease_until = moment(row, GT_ROW_LEASE_UNTIL, &is_damaged);
        grant->key_id = text(row, GT_ROW_KEY_ID);
        grant->intent_owner = row->column[GT_ROW_INTENT_OWNER];
        grant->claims = row->column[GT_ROW_CLAIMS];
        move_times(grant, moment(row, GT_ROW_CLOCK, &is_damaged));
        grant->resource = GT_RESOURCE_GRAPH;
        grant->access_generation = grant->generation;
        /* A row changes with its tokens and with errors, nothing else. After an error its time of
         * change does not tell when the token came. */
        grant->access_since =
            grant->error_count == 0 && grant->error_message == NULL ? grant->updated_at : 0;
    }
    if (is_damaged)
        return gt_err(p, GT_DAMAGED, "GT0422", "a column of the grant's row cannot be read");
    *raw = fresh;
    return GT_OK;
}

static gt_purpose_t purpose_of(const char *column)
{
    if (strcmp(column, GT_ID_TOKEN_COLUMN) == 0)
        return GT_KEY_PERSONAL;
    return strcmp(column, GT_ACCESS_COLUMN) == 0 ? GT_KEY_ACCESS : GT_KEY_REFRESH;
}

static gt_place_t place_of(const gt_sealed_value_t *value, const gt_store_t *store,
                           const gt_ids_t *ids)
{
    gt_place_t place = gt_store_place(store, ids, value->column, value->owner);

    place.resource = value->resource;
    return place;
}

gt_err_t *gt_row_unseal(gt_secret_t **clear, const gt_sealed_value_t *value, gt_ids_t *ids,
                        gt_store_t *store, apr_pool_t *p)
{
    gt_purpose_t purpose = purpose_of(value->column);
    gt_place_t place = place_of(value, store, ids);
    gt_err_t *err;
    int is_new;

    *clear = NULL;
    if (value->sealed[0] == '\0')
        return GT_OK;
    GT_TRY(gt_store_has_keys(store, p));
    err = gt_unseal(clear, store->ring, purpose, &place, value->sealed, p);
    if (err == GT_OK)
        return GT_OK;
    /* Without the ids as they are now, no value can be said to be damaged. */
    GT_TRY(gt_store_ids_now(&is_new, ids, store, p));
    if (is_new) {
        place = place_of(value, store, ids);
        err = gt_unseal(clear, store->ring, purpose, &place, value->sealed, p);
    }
    return err;
}

static gt_sealed_value_t access_of(const gt_raw_t *raw)
{
    return (gt_sealed_value_t){raw->access, GT_ACCESS_COLUMN, GT_RESOURCE_GRAPH, &raw->grant.owner};
}

static gt_sealed_value_t refresh_of(const gt_raw_t *raw)
{
    return (gt_sealed_value_t){raw->refresh, GT_REFRESH_COLUMN, NULL, &raw->grant.owner};
}

gt_err_t *gt_row_open(gt_grant_t **grant, gt_raw_t *raw, gt_store_t *store, apr_pool_t *p)
{
    const gt_sealed_value_t access = access_of(raw), refresh = refresh_of(raw);
    gt_ids_t ids;

    gt_store_ids(&ids, store, p);
    GT_TRY(gt_row_unseal(&raw->grant.access, &access, &ids, store, p));
    GT_TRY(gt_row_unseal(&raw->grant.refresh, &refresh, &ids, store, p));
    *grant = &raw->grant;
    return GT_OK;
}

gt_err_t *gt_row_can_refresh(int *can, const gt_raw_t *raw, gt_store_t *store, apr_pool_t *p)
{
    const gt_sealed_value_t refresh = refresh_of(raw);
    gt_secret_t *clear = NULL;
    gt_err_t *err;
    gt_ids_t ids;

    gt_store_ids(&ids, store, p);
    err = gt_row_unseal(&clear, &refresh, &ids, store, p);
    *can = err == GT_OK && clear != NULL;
    return err == GT_OK || err->cls == GT_DAMAGED ? GT_OK : err;
}

gt_err_t *gt_row_open_id_token(gt_secret_t **clear, const char *sealed, gt_store_t *store,
                               const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_sealed_value_t value = {sealed, GT_ID_TOKEN_COLUMN, NULL, owner};
    gt_ids_t ids;

    gt_store_ids(&ids, store, p);
    return gt_row_unseal(clear, &value, &ids, store, p);
}

static gt_err_t *seal_column(const char **sealed, gt_purpose_t purpose, const gt_place_t *place,
                             const gt_store_t *store, const gt_secret_t *clear, apr_pool_t *p)
{
    *sealed = NULL;
    if (clear == NULL)
        return GT_OK;
    GT_TRY(gt_store_has_keys(store, p));
    return gt_seal(sealed, store->ring, purpose, store->conf->cipher, place, clear, p);
}

gt_err_t *gt_row_seal(gt_sealed_t *sealed, gt_store_t *store, const gt_owner_t *owner,
                      const char *resource, const gt_tokens_t *tokens, apr_pool_t *p)
{
    gt_place_t place;
    gt_ids_t ids;

    gt_store_ids(&ids, store, p);
    place = gt_store_place(store, &ids, GT_ACCESS_COLUMN, owner);
    place.resource = resource;
    GT_TRY(seal_column(&sealed->access, GT_KEY_ACCESS, &place, store, tokens->access, p));
    place = gt_store_place(store, &ids, GT_REFRESH_COLUMN, owner);
    GT_TRY(seal_column(&sealed->refresh, GT_KEY_REFRESH, &place, store, tokens->refresh, p));
    place = gt_store_place(store, &ids, GT_ID_TOKEN_COLUMN, owner);
    GT_TRY(seal_column(&sealed->id_token, GT_KEY_PERSONAL, &place, store, tokens->id_token, p));
    sealed->key_id = sealed->refresh != NULL ? gt_sealed_key_id(sealed->refresh, p) : NULL;
    return GT_OK;
}
