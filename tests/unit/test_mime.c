/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Mails of many kinds, well made and broken, as they are read for the synced copy of a folder. */

#include "gt_test.h"

#include "mail/mime.h"

Suite *suite_mime(void);

static gt_mime_t found;

static void read_bytes(const char *bytes, apr_size_t size)
{
    gt_mime_read(&found, bytes, size, pool);
}

static void read_mail(const char *text)
{
    read_bytes(text, strlen(text));
}

START_TEST(test_the_fields_of_a_mail)
{
    read_mail("From: =?UTF-8?Q?J=C3=BCrgen_?= =?UTF-8?Q?Low?= <j@x.example>\r\n"
              "To: \"Keller, Tom\" <tom@x.example>, team: a@x.example, B <b@x.example>;\r\n"
              "Cc: c@x.example\r\nReply-To: r@x.example\r\n"
              "Subject: Gr=?ISO-8859-1?Q?=FC=DFe?=\r\n =?utf-8?B?w6TDtsO8?=\r\n"
              "Date: Mon, 01 Jun 2026 10:00:00 +0200\r\n"
              "Message-ID: <1@x.example>\r\nIn-Reply-To: <0@x.example>\r\n"
              "Received: from a by b\r\nDKIM-Signature: v=1\r\n"
              "List-Id: <l.x.example>\r\nX-Priority: 1 (Highest)\r\n\r\nHello\r\nTom\r\n");
    ck_assert_str_eq(gt_mime_addresses(found.from, 9, pool), "Jürgen Low <j@x.example>");
    ck_assert_str_eq(gt_mime_addresses(found.to, 9, pool),
                     "Keller, Tom <tom@x.example>, a@x.example, B <b@x.example>");
    ck_assert_str_eq(gt_mime_addresses(found.to, 1, pool), "Keller, Tom <tom@x.example>");
    ck_assert_str_eq(gt_mime_addresses(found.cc, 9, pool), "c@x.example");
    ck_assert_str_eq(gt_mime_addresses(found.reply_to, 9, pool), "r@x.example");
    ck_assert_str_eq(found.subject, "Grüßeäöü");
    ck_assert_int_eq(found.date, apr_time_from_sec(1780300800));
    ck_assert_str_eq(found.message_id, "1@x.example");
    ck_assert_str_eq(found.in_reply_to, "0@x.example");
    ck_assert_str_eq(apr_table_get(found.headers, "list-id"), "<l.x.example>");
    ck_assert_ptr_null(apr_table_get(found.headers, "Received"));
    ck_assert_ptr_null(apr_table_get(found.headers, "DKIM-Signature"));
    ck_assert_int_eq(found.importance, 1);
    ck_assert_str_eq(found.text, "Hello\nTom\n");
    ck_assert_int_eq(found.is_cut, 0);
    ck_assert_int_eq(found.has_attachments, 0);
}
END_TEST

Suite *suite_mime(void)
{
    Suite *suite = suite_create("mime");
    TCase *tcase = case_with_pool(suite, "mime");

    tcase_add_test(tcase, test_the_fields_of_a_mail);
    return suite;
}
