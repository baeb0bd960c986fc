/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_LADDER_H
#define GT_MAIL_LADDER_H

/**
 * @file mail_ladder.h
 * The ladder of the tables of mail: mail_accounts and those beside it, in the schema of the store's
 * own table, for stores with GraphTokMailSync on. It has a version of its own (db/ladder.h) under
 * the name mail_accounts. Going down drops copies of mail and passwords; the mail itself stays with
 * its server.
 *
 * Steps: 1 accounts; 2 the view user_email_tokens; 3 folders and messages;
 * 4 mails sent with a key.
 */

#include "store/store_ladder.h"

extern const gt_side_ladder_t gt_mail_ladder;

#endif
