/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REFUSED_COLUMNS_H
#define GT_REFUSED_COLUMNS_H

/** @file refused_columns.h The columns of step 14 of a store's ladder (store/grant_account.h). */

#define GT_ADD_COLUMN(column) "ALTER TABLE {table} ADD COLUMN " column
#define GT_DROP_COLUMN(column) "ALTER TABLE {table} DROP COLUMN " column

#define GT_REFUSED_UP                                                                              \
    GT_ADD_COLUMN("token_type VARCHAR"), GT_ADD_COLUMN("refused_until BIGINT NOT NULL DEFAULT 0"), \
        GT_ADD_COLUMN("refused_generation BIGINT NOT NULL DEFAULT 0"),                             \
        GT_ADD_COLUMN("refused_passwords TEXT")
#define GT_REFUSED_DOWN                                                                            \
    GT_DROP_COLUMN("token_type"), GT_DROP_COLUMN("refused_until"),                                 \
        GT_DROP_COLUMN("refused_generation"), GT_DROP_COLUMN("refused_passwords")

#endif
