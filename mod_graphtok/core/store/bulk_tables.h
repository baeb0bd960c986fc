/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BULK_TABLES_H
#define GT_BULK_TABLES_H

/**
 * @file bulk_tables.h
 * The tables of bulk jobs in a store's ladder (store/bulk_rows.h). Times are milliseconds by the
 * database's clock. No value in them is sealed, and none is a secret.
 */

#define GT_BULK_UP                                                                                 \
    "CREATE TABLE {bulk} (id VARCHAR NOT NULL PRIMARY KEY, act VARCHAR NOT NULL, filter TEXT, "    \
    "filled_to VARCHAR, pages BIGINT NOT NULL DEFAULT 0, is_filled SMALLINT NOT NULL DEFAULT 0, "  \
    "is_stopped SMALLINT NOT NULL DEFAULT 0, administrator VARCHAR, address VARCHAR, "             \
    "request_id VARCHAR, detail VARCHAR, total BIGINT NOT NULL DEFAULT 0, "                        \
    "succeeded BIGINT NOT NULL DEFAULT 0, failed BIGINT NOT NULL DEFAULT 0, "                      \
    "created_at BIGINT NOT NULL, begun_at BIGINT NOT NULL DEFAULT 0, "                             \
    "updated_at BIGINT NOT NULL, ended_at BIGINT NOT NULL DEFAULT 0)",                             \
        "CREATE TABLE {bulk_items} (job VARCHAR NOT NULL, n BIGINT NOT NULL, "                     \
        "grant_id VARCHAR NOT NULL, of_user VARCHAR, of_provider VARCHAR, "                        \
        "generation BIGINT NOT NULL DEFAULT 0, outcome SMALLINT NOT NULL DEFAULT 0, "              \
        "tries SMALLINT NOT NULL DEFAULT 0, claim VARCHAR, "                                       \
        "claimed_until BIGINT NOT NULL DEFAULT 0, ended_at BIGINT NOT NULL DEFAULT 0, "            \
        "detail VARCHAR, tag VARCHAR, PRIMARY KEY (job, n), UNIQUE (job, grant_id))",              \
        "CREATE INDEX {index}_bulk_outcome ON {on_bulk_items} (job, outcome, n)",                  \
        "CREATE INDEX {index}_bulk_claimed ON {on_bulk_items} (job) WHERE claim IS NOT NULL"

#define GT_BULK_DOWN                                                                               \
    "DROP TABLE {bulk_items}", "DROP TABLE {bulk}", "DELETE FROM {jobs} WHERE name = 'bulk'"

#endif
