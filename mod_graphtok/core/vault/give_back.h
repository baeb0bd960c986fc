/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GIVE_BACK_H
#define GT_GIVE_BACK_H

/**
 * @file give_back.h
 * Leases of this child whose end could not be written, 1,000 at most. Thread-safe.
 */

#include "vault/refresh.h"

typedef struct gt_give_backs_t gt_give_backs_t;

/** Make an empty list. */
gt_give_backs_t *gt_give_backs_make(apr_pool_t *p);

/** Keep the lease of an ended refresh, to end it when the database is back.
 * @param is_resting  as for gt_lease_end
 * @param err         why it could not be ended
 * @return 0 when the failure will not pass or there is no room: the lease runs out by itself */
int gt_give_back_later(const gt_refresh_t *refresh, int is_resting, const gt_err_t *err);

/** A crew's periodic function: try to end the kept leases. @param baton  the vault */
void gt_give_back(void *baton, apr_pool_t *scratch);

#endif
