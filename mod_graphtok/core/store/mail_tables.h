/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_TABLES_H
#define GT_MAIL_TABLES_H

/**
 * @file mail_tables.h
 * The tables of folders and messages in mail's ladder (store/mail_message.h). Times are Unix
 * seconds: those of folders by the database's clock, those of messages as their server and their
 * sender say. No foreign key goes to mail_accounts, since one that takes all of a mailbox along
 * would be a long statement; a tidying drops what is kept of accounts that are gone, in batches.
 */

#define GT_MAIL_MESSAGE_COLUMNS(id)                                                                \
    id ", account_id BIGINT NOT NULL, folder VARCHAR NOT NULL, uidvalidity BIGINT NOT NULL, "      \
       "uid BIGINT NOT NULL, flags TEXT NOT NULL DEFAULT '', "                                     \
       "is_seen SMALLINT NOT NULL DEFAULT 0, internal_date BIGINT NOT NULL DEFAULT 0, "            \
       "size BIGINT NOT NULL DEFAULT -1, sent_at BIGINT NOT NULL DEFAULT 0, message_id TEXT, "     \
       "has_attachments SMALLINT NOT NULL DEFAULT 0, is_cut SMALLINT NOT NULL DEFAULT 0, "         \
       "is_sealed SMALLINT NOT NULL DEFAULT 0, subject TEXT, addresses TEXT, text TEXT, "          \
       "fields TEXT, UNIQUE (account_id, folder, uidvalidity, uid)"

#define GT_MAIL_MESSAGES_UP(id)                                                                    \
    "CREATE TABLE {mail_folders} (account_id BIGINT NOT NULL, name VARCHAR NOT NULL, "             \
    "special_use VARCHAR, uidvalidity BIGINT NOT NULL DEFAULT 0, "                                 \
    "uidnext BIGINT NOT NULL DEFAULT 1, highestmodseq BIGINT NOT NULL DEFAULT 0, "                 \
    "messages BIGINT NOT NULL DEFAULT -1, scanned_at BIGINT NOT NULL DEFAULT 0, "                  \
    "synced_at BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (account_id, name))",                        \
        "CREATE TABLE {mail_messages} (" GT_MAIL_MESSAGE_COLUMNS(id) ")",                          \
        "CREATE INDEX {index}_messages_newest ON {on_mail_messages} "                              \
        "(account_id, internal_date, id)",                                                         \
        "CREATE INDEX {index}_messages_folder ON {on_mail_messages} "                              \
        "(account_id, folder, internal_date, id)",                                                 \
        "CREATE INDEX {index}_messages_unread ON {on_mail_messages} "                              \
        "(account_id, folder, internal_date, id) WHERE is_seen = 0",                               \
        "CREATE INDEX {index}_messages_old ON {on_mail_messages} (internal_date)"

/* PostgreSQL would try in vain to compress what is sealed. */
#define GT_MAIL_MESSAGES_STORAGE                                                                   \
    "ALTER TABLE {mail_messages} ALTER COLUMN subject SET STORAGE EXTERNAL, "                      \
    "ALTER COLUMN addresses SET STORAGE EXTERNAL, ALTER COLUMN text SET STORAGE EXTERNAL, "        \
    "ALTER COLUMN fields SET STORAGE EXTERNAL"

#define GT_MAIL_MESSAGES_DOWN "DROP TABLE {mail_messages}", "DROP TABLE {mail_folders}"

#endif
