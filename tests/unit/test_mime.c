/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Mails of many kinds, well made and broken, as they are read for the synced copy of a folder. */

#include "gt_test.h"

#include <pthread.h>

#include "mail/html_text.h"
#include "mail/mime.h"
#include "mail/mime_bounds.h"

Suite *suite_mime(void);

static gt_mime_t found;

static void read_mail(const char *text)
{
    gt_mime_read(&found, text, strlen(text), pool);
}

/* The text of a mail with this head. */
static const char *text_of(const char *head, const char *body)
{
    read_mail(apr_pstrcat(pool, head, "\r\n\r\n", body, NULL));
    return found.text != NULL ? found.text : "none";
}

static const char *subject_of(const char *value)
{
    read_mail(apr_pstrcat(pool, "Subject: ", value, "\r\n\r\n", NULL));
    return found.subject != NULL ? found.subject : "none";
}

/* "Ann Low <ann@example.org>, bo@example.org" */
static const char *named(const apr_array_header_t *addresses)
{
    const char *text = "";

    for (int i = 0; i < addresses->nelts; i++) {
        const gt_mime_address_t *one = &APR_ARRAY_IDX(addresses, i, gt_mime_address_t);

        text = one->name != NULL
                   ? apr_psprintf(pool, "%s%s%s <%s>", text, i > 0 ? ", " : "", one->name,
                                  one->address)
                   : apr_psprintf(pool, "%s%s%s", text, i > 0 ? ", " : "", one->address);
    }
    return text;
}

static const char *to_of(const char *value)
{
    read_mail(apr_pstrcat(pool, "To: ", value, "\r\n\r\n", NULL));
    return named(found.to);
}

/* ---- fields ---- */

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
    ck_assert_str_eq(named(found.from), "Jürgen Low <j@x.example>");
    ck_assert_str_eq(named(found.to), "Keller, Tom <tom@x.example>, a@x.example, B <b@x.example>");
    ck_assert_str_eq(named(found.cc), "c@x.example");
    ck_assert_str_eq(named(found.reply_to), "r@x.example");
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

START_TEST(test_subjects_in_any_charset)
{
    static const char *const rows[][2] = {
        {"=?GB18030?B?xOO6ww==?=", "你好"},
        {"=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"},
        {"=?koi8-r?Q?=D0=D2=C9?=", "при"},
        {"=?windows-1252?Q?=80_=93x=94?=", "€ “x”"},
        {"=?utf-8*de?Q?=C3=A4?=", "ä"},
        {"=?utf-8?Q?a?= =?utf-8?Q?b?= c", "ab c"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e",
         "Grüße"}, /* raw UTF-8 */
        {"Gr\xFC\xDF"
         "e",
         "Grüße"}, /* raw windows-1252 */
        {"=?x-nothing?Q?=E4?=", "ä"},
        {"=?utf-8?Q?a=C3?=", "a?"},
        {"=?utf-8?B?!!!!?=", "none"},
        {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
        {"=?utf-8?Q?a=00b=0D=0Ac?=", "a?b c"},
        {"a\t\x01"
         "b\x7F\r\n  c",
         "a b c"},
        {"", "none"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(subject_of(rows[i][0]), rows[i][1]);
}
END_TEST

/* Ids go from the middle of a long thread, and none is cut. */
START_TEST(test_threads_of_any_length)
{
    for (int n = 1; n <= 400; n += 57) {
        const char *ids = "<first@x.example>", *kept;

        for (int i = 2; i <= n; i++)
            ids = apr_psprintf(pool, "%s\r\n <%030d@x.example>", ids, i);
        read_mail(apr_pstrcat(pool, "References: ", ids, "\r\n\r\nx\r\n", NULL));
        kept = apr_table_get(found.headers, "References");
        ck_assert_uint_le(strlen(kept), GT_MIME_THREAD_MAX);
        ck_assert_int_eq(strncmp(kept, "<first@x.example>", 17), 0);
        ck_assert_int_eq(found.is_cut, 0);
        if (n == 1)
            continue;
        ck_assert_str_eq(kept + strlen(kept) - 43, apr_psprintf(pool, " <%030d@x.example>", n));
        ck_assert_uint_eq((strlen(kept) - 17) % 43, 0);
        ck_assert_uint_ge(strlen(kept), n < 180 ? 17 + 43 * (size_t)(n - 1) : 7950);
    }
}
END_TEST

START_TEST(test_addresses_of_any_form)
{
    static const char *const rows[][2] = {
        {"a@x.example", "a@x.example"},
        {"<a@x.example>", "a@x.example"},
        {"a@x.example (Ann)", "Ann <a@x.example>"},
        {"\"Low, Ann\" <a@x.example>; b@x.example", "Low, Ann <a@x.example>"},
        {"undisclosed-recipients:;", ""},
        {"Ann <a@x.example", "Ann <a@x.example>"},
        {"=?utf-8?Q?=C3=84nn?= <a@x.example>", "Änn <a@x.example>"},
        {"a@x.example\r\n\t, b@x.example", "a@x.example, b@x.example"},
        {"<>", ""},
        {"", ""},
        {"a@x.example, Bo <b@x.example> (", "a@x.example, Bo <b@x.example>"},
        {"a@x.example\r\nTo: b@x.example\r\nTO : c@x.example",
         "a@x.example, b@x.example, c@x.example"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(to_of(rows[i][0]), rows[i][1]);
}
END_TEST

START_TEST(test_fields_that_make_no_sense)
{
    read_mail("Date: yesterday\r\nMessage-ID: none\r\nFrom: \r\nImportance: very\r\n\r\n");
    ck_assert_int_eq(found.date, 0);
    ck_assert_int_eq(found.from->nelts, 0);
    ck_assert_int_eq(found.importance, 0);
    read_mail("Date: Thu, 01 Jan 1903 00:00:00 +0000\r\n\r\n");
    ck_assert_int_eq(found.date, 0);
    read_mail("no field at all");
    ck_assert_ptr_null(found.subject);
    read_mail("");
    ck_assert_ptr_null(found.text);
    ck_assert_int_eq(found.is_cut, 0);
    read_mail("Priority: non-urgent\nSubject: LF alone\n\ntext");
    ck_assert_int_eq(found.importance, -1);
    ck_assert_str_eq(found.subject, "LF alone");
    ck_assert_str_eq(found.text, "text");
}
END_TEST

/* What GMime makes of each as a whole message, found by running it. A NULL subject: of nothing. */
START_TEST(test_headers_of_any_form)
{
    static const char *const rows[][3] = {
        {"Subject: a\nSubject: b\n\nt", "b", "t"},
        {"Subject : a\n\nt", "a", "t"},
        {"Subject\t: a\n\nt", "a", "t"},
        {"Sub ject: a\nSubject: b\n\nt", NULL, NULL},
        {"X: y\nSub ject: a\n Subject: c\nSubject: b\n\nt", "b", "t"},
        {"X: y\n: a\nSubject: b\n\nt", "b", "t"},
        {": a\nSubject: b\n\nt", NULL, NULL},
        {" : a\nSubject: b\n\nt", "b", "t"},
        {" Subject: b\n\nt", NULL, NULL},
        {"From ann Mon Jun 1\nSubject: b\n\nt", "b", "t"},
        {">From ann\nFrom bo\nSubject: b\n\nt", "b", "t"},
        {"From ann\n Subject: b\n\nt", NULL, NULL},
        {"Subject: b\nFrom ann\n\nt", "b", "t"},
        {"Subject: b\nt", NULL, NULL},
        {"Subject: b\r\n c\r\n\r\nt", "b c", "t"},
        {"Subject: b\r\n\r", "b", NULL},
        {"Subject: b", "b", NULL},
        {"Subject: b\r", "b", NULL},
        {"Subject: b\nContent-Type: text/html", "b", NULL},
        {"\nt", NULL, "t"},
        {"\r\nt", NULL, "t"},
        {"Subject: b\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+eDwvYj4=",
         "b", "x"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_mail(rows[i][0]);
        ck_assert_pstr_eq(found.subject, rows[i][1]);
        ck_assert_pstr_eq(found.text, rows[i][2]);
    }
}
END_TEST

/* ---- texts ---- */

#define PLAIN(charset) "Content-Type: text/plain; charset=" charset

START_TEST(test_texts_in_any_charset)
{
    static const char *const rows[][3] = {
        {PLAIN("gb2312"), "\xC4\xE3\xBA\xC3", "你好"},
        {PLAIN("GB18030"), "\xC4\xE3\x81\x30\x81\x30", "你\xC2\x80"},
        {PLAIN("iso-2022-jp"), "\x1B$B$3$s\x1B(B!", "こん!"},
        {PLAIN("iso-8859-1"), "\x80 \x93x\x94", "€ “x”"}, /* windows-1252 in fact */
        {PLAIN("us-ascii"), "\xE4", "ä"},
        {PLAIN("utf-8"),
         "Gr\xFC\xDF"
         "e",
         "Grüße"}, /* no character of it is UTF-8 */
        {PLAIN("utf-8"), "ä\xFC", "ä\xEF\xBF\xBD"},
        {PLAIN("utf-8"), "\xED\xA0\x80ä", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDä"},
        {PLAIN("\"utf-16//IGNORE\""), "abc", "abc"},
        {PLAIN("x-nothing"), "ä", "ä"},
        {PLAIN("x-nothing"), "\xE4", "ä"},
        {PLAIN("../../x"), "a", "a"},
        {PLAIN("gb18030"),
         "a\xFF"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {PLAIN("iso-2022-jp"), "a\x1B$", "a\xEF\xBF\xBD"},
        {PLAIN("windows-1252"),
         "a\x81"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {PLAIN("euc-kr"), "\xB0\xA1", "가"},
        {PLAIN("shift_jis"), "\x82\xA0", "あ"},
        {PLAIN("koi8-r"), "\xD0", "п"},
        {"X: y", "\xE4", "ä"},
        {"Content-Type: text", "a", "a"},
        {"Content-Type: ;;;", "a", "a"},
        {"Content-Type: text/plain; charset*=utf-8''iso-8859-1", "\xE4", "ä"},
        {"Content-Type: text/plain; charset*0=iso-; charset*1=8859-1", "\xE4", "ä"},
        {"Content-Transfer-Encoding: base64", "w6Q=", "ä"},
        {"Content-Transfer-Encoding: base64", "!w6Q=!x", "ä"},
        {"Content-Transfer-Encoding: quoted-printable", "a=C3=A4=\r\nb=ZZ=", "aäb=ZZ"},
        {"Content-Transfer-Encoding: nonsense", "a", "a"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = text_of(rows[i][0], rows[i][1]);

        ck_assert_msg(strcmp(text, rows[i][2]) == 0, "%s: %s: %s", rows[i][0], rows[i][1], text);
    }
}
END_TEST

START_TEST(test_controls_and_line_ends_of_a_text)
{
    static const char mail[] = "Subject: a\0b\r\n\r\nc\0d\x1B[1m\re\r\nf\ng\th\x7F";

    gt_mime_read(&found, mail, sizeof(mail) - 1, pool);
    ck_assert_str_eq(found.text, "c d[1m\ne\nf\ng\th");
}
END_TEST

#define PART(type, body) "--b\r\nContent-Type: " type "\r\n\r\n" body "\r\n"
#define MANY(subtype) "Content-Type: multipart/" subtype "; boundary=b"

START_TEST(test_the_text_among_parts)
{
    ck_assert_str_eq(text_of(MANY("alternative"), PART("text/html", "<p>html</p>")
                                                      PART("text/plain", "plain") "--b--\r\n"),
                     "plain");
    ck_assert_int_eq(found.is_html, 0);
    ck_assert_str_eq(text_of(MANY("alternative"), PART("text/plain", " \r\n")
                                                      PART("text/html", "<p>html</p>") "--b--\r\n"),
                     "html");
    ck_assert_int_eq(found.is_html, 1);
    ck_assert_str_eq(text_of(MANY("mixed"), PART("text/plain", "one") PART("image/png", "x")
                                                PART("text/plain", "two") "--b--\r\n"),
                     "one\ntwo");
    ck_assert_int_eq(found.n_attachments, 1);
    ck_assert_str_eq(text_of(MANY("mixed"), PART("text/plain\r\nContent-Disposition: attachment",
                                                 "not me") PART("text/plain", "me") "--b--\r\n"),
                     "me");
    ck_assert_int_eq(found.has_attachments, 1);
    ck_assert_str_eq(
        text_of(MANY("mixed"), PART("message/rfc822", "Subject: x\r\n\r\ninner") "--b--\r\n"),
        "none");
    ck_assert_int_eq(found.n_attachments, 1);
    ck_assert_str_eq(text_of(MANY("signed"), PART("text/plain", "me") PART(
                                                 "application/pgp-signature", "x") "--b--\r\n"),
                     "me");
    ck_assert_int_eq(found.has_attachments, 0);
    ck_assert_str_eq(text_of(MANY("related"), PART("text/html", "<b>me</b>") PART(
                                                  "image/png\r\nContent-ID: <p>", "x") "--b--\r\n"),
                     "me");
    ck_assert_int_eq(found.has_attachments, 0);
}
END_TEST

START_TEST(test_parts_that_are_broken)
{
    ck_assert_str_eq(text_of("Content-Type: multipart/mixed", "no boundary"), "none");
    ck_assert_str_eq(text_of(MANY("mixed"), PART("text/plain", "no end")), "no end\n");
    ck_assert_str_eq(text_of(MANY("mixed"), "no part"), "none");
    ck_assert_str_eq(text_of(MANY("mixed"), "--b--\r\n" PART("text/plain", "behind")), "none");
    ck_assert_str_eq(text_of(MANY("mixed"), "--b\r\n--b\r\n--b--"), "none");
    ck_assert_str_eq(text_of("Content-Type: multipart/mixed; boundary=\"\"", "--\r\n\r\nx"), "x");
    ck_assert_str_eq(text_of(MANY("mixed"), "--b\r\nContent-Type: multipart/mixed; boundary=b"
                                            "\r\n\r\n" PART("text/plain", "twice") "--b--\r\n"),
                     "twice");
}
END_TEST

START_TEST(test_invitations_are_noted)
{
    static const struct {
        const char *head, *body;
        gt_meeting_t meeting;
    } rows[] = {
        {"Content-Type: text/calendar; method=REQUEST", "", GT_MEETING_REQUEST},
        {"Content-Type: text/calendar; method=cancel", "", GT_MEETING_CANCELLED},
        {"Content-Type: text/calendar", "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n", GT_MEETING_ANSWER},
        {"Content-Type: application/ics; name=a.ics", "X\nMETHOD:REQUEST", GT_MEETING_REQUEST},
        {"Content-Type: text/calendar; method=PUBLISH", "", GT_MEETING_NONE},
        {"Content-Type: text/calendar", "METHOD:", GT_MEETING_NONE},
        {"Content-Type: text/plain", "\nMETHOD:REQUEST", GT_MEETING_NONE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)text_of(rows[i].head, rows[i].body);
        ck_assert_int_eq(found.meeting, rows[i].meeting);
    }
}
END_TEST

/* ---- HTML ---- */

START_TEST(test_html_as_text)
{
    static const char *const rows[][2] = {
        {"<p>One</p><p>two\r\n three<br>four</p>", "One\n\ntwo three\nfour"},
        {"<html><head><title>no</title><style>p{}</style></head><body>yes", "yes"},
        {"a<script>if (1 < 2) { x = '</p>'; }</script>b", "ab"},
        {"a<!-- <p>no</p> -->b<!-- open", "ab"},
        {"<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter"},
        {"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"},
        {"me<blockquote>old<blockquote>older</blockquote></blockquote>me",
         "me\n> old\n> > older\nme"},
        {"<pre>a\n  b</pre>", "a\n  b"},
        {"&lt;b&gt; &amp;amp; &#228;&#xE4;&auml;&euro;&nbsp;x", "<b> &amp; äää€ x"},
        {"&unknown; & &#0; &#x110000; &#xD800; &;", "&unknown; & &#0; &#x110000; &#xD800; &;"},
        {"1 < 2 <3 <", "1 < 2 <3 <"},
        {"<a href=\"x>y\">link</a>", "link"},
        {"<a href='x", ""},
        {"<style>open", ""},
        {"</p></div></blockquote></pre>x", "x"},
        {"<DIV>A</DIV><DIV>B</DIV>", "A\nB"},
        {"", ""},
    };
    int is_cut = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(gt_html_text(rows[i][0], strlen(rows[i][0]), 999, &is_cut, pool),
                         rows[i][1]);
    ck_assert_int_eq(is_cut, 0);
    ck_assert_str_eq(gt_html_text("abc def ghi", 11, 8, &is_cut, pool), "abc def ");
    ck_assert_int_eq(is_cut, 1);
}
END_TEST

/* ---- bounds ---- */

static char *repeated(const char *head, const char *unit, apr_size_t size, const char *tail)
{
    apr_size_t n = strlen(unit), at = strlen(head);
    char *text = apr_palloc(pool, at + size + n + strlen(tail) + 1);

    memcpy(text, head, at);
    for (; at < size; at += n)
        memcpy(text + at, unit, n);
    memcpy(text + at, tail, strlen(tail) + 1);
    return text;
}

/* Each of these keeps a parser without bounds busy for long, fills memory or overruns a stack. */
START_TEST(test_mails_that_mean_harm)
{
    static const char *const rows[][2] = {
        {"To: ", "a:"},
        {"Cc : ", "a:\r\n\t"},
        {"X: y\nResent-To: ", "a:"},
        {"To: ", "a@b, "},
        {"To: ", "("},
        {"To: <", "@a,"},
        {"To: \"", "\\"},
        {"Subject: ", "=?utf-8?q?a?= "},
        {"Subject: ", "=?"},
        {"Date: ", "1 "},
        {"References: ", "<a@b> "},
        {"Content-Type: text/plain", ";a=b"},
        {"Content-Type: text/plain", ";a*1=b"},
        {"", "a:b\n"},
        {"", "Content-Type: message/rfc822\n\n"},
        {"", "Content-Type: multipart/mixed; boundary=a\n\n--a\n"},
        {"Content-Type: multipart/mixed; boundary=a\n\n", "--a\n\n"},
        {"Content-Type: multipart/digest; boundary=a\n\n", "--a\n\nContent-Type: message/news\n\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_mail(repeated(rows[i][0], rows[i][1], GT_MIME_SIZE_MAX - 100, ""));
        ck_assert_int_eq(found.is_cut, 1);
        ck_assert_int_le(found.to->nelts, GT_MIME_ADDRESSES_MAX);
    }
}
END_TEST

static char *levels(int n)
{
    char *text = apr_pstrdup(pool, "Subject: deep\n"), *parts[1000];

    for (int i = 0; i < n; i++)
        parts[i] =
            apr_psprintf(pool, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    for (int i = 0; i < n; i += 10)
        for (int j = i; j < i + 10 && j < n; j++)
            text = apr_pstrcat(pool, text, parts[j], NULL);
    return apr_pstrcat(pool, text, "\nfound", NULL);
}

START_TEST(test_parts_in_parts)
{
    ck_assert_str_eq((read_mail(levels(20)), found.text), "found");
    ck_assert_int_eq(found.is_cut, 0);
    read_mail(levels(1000));
    ck_assert_str_eq(found.subject, "deep");
    ck_assert_int_eq(found.is_cut, 1);
}
END_TEST

static void *read_deep(void *text)
{
    apr_pool_t *own;
    gt_mime_t mail;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    gt_mime_read(&mail, text, strlen(text), own);
    apr_pool_destroy(own);
    return NULL;
}

/* ThreadStackSize of httpd may be small. */
START_TEST(test_a_small_stack_is_enough)
{
    char *mails[] = {
        levels(GT_MIME_TYPES_MAX),
        repeated("To: ", "a:", 4 + 2 * GT_MIME_COLONS_MAX - 4, "b@x.example"),
        repeated("", "Content-Type: message/rfc822\n\n", 30 * (GT_MIME_TYPES_MAX - 1), "")};
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, (size_t)256 * 1024);
    for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
        ck_assert_int_eq(pthread_create(&thread, &attr, read_deep, mails[i]), 0);
        pthread_join(thread, NULL);
    }
    pthread_attr_destroy(&attr);
}
END_TEST

START_TEST(test_what_is_cut_is_said)
{
    read_mail(repeated("Subject: x\n\n", "word ", GT_MIME_TEXT_MAX + 100, ""));
    ck_assert_int_eq(found.is_cut, 1);
    ck_assert_uint_eq(strlen(found.text), GT_MIME_TEXT_MAX);
    read_mail(repeated("Subject: ", "ä", 5000, "\n\ntext"));
    ck_assert_int_eq(found.is_cut, 1);
    ck_assert_uint_eq(strlen(found.subject), GT_MIME_SUBJECT_MAX);
    ck_assert_str_eq(found.text, "text");
    read_mail(repeated("Message-ID: <", "x", 2000, "@y>\n\n"));
    ck_assert_ptr_null(found.message_id);
    ck_assert_int_eq(found.is_cut, 1);
    read_mail(repeated("Subject: big\nContent-Type: application/octet-stream\n\n", "x",
                       3 * GT_MIME_SIZE_MAX, ""));
    ck_assert_str_eq(found.subject, "big");
    ck_assert_int_eq(found.is_cut, 1);
    ck_assert_int_eq(found.has_attachments, 1);
}
END_TEST

static void *read_often(void *unused)
{
    char mail[] = "From: =?gb2312?B?xOO6ww==?= <a@b>\n"
                  "Content-Type: text/plain; charset=koi8-r\n\n\xD0";

    (void)unused;
    for (int i = 0; i < 200; i++)
        read_deep(mail);
    return NULL;
}

START_TEST(test_many_threads_read_at_once)
{
    pthread_t threads[8];

    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_often, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

Suite *suite_mime(void)
{
    Suite *suite = suite_create("mime");
    TCase *fields = case_with_pool(suite, "fields");
    TCase *texts = case_with_pool(suite, "texts");
    TCase *charsets = case_with_pool(suite, "charsets");
    TCase *bounds = case_with_pool(suite, "bounds");

    tcase_set_tags(charsets, "loads");
    tcase_set_tags(bounds, "size loads");
    tcase_add_test(fields, test_the_fields_of_a_mail);
    tcase_add_test(charsets, test_subjects_in_any_charset);
    tcase_add_test(fields, test_addresses_of_any_form);
    tcase_add_test(fields, test_fields_that_make_no_sense);
    tcase_add_test(fields, test_headers_of_any_form);
    tcase_add_test(charsets, test_texts_in_any_charset);
    tcase_add_test(texts, test_controls_and_line_ends_of_a_text);
    tcase_add_test(texts, test_the_text_among_parts);
    tcase_add_test(texts, test_parts_that_are_broken);
    tcase_add_test(texts, test_invitations_are_noted);
    tcase_add_test(texts, test_html_as_text);
    tcase_add_test(bounds, test_mails_that_mean_harm);
    tcase_add_test(bounds, test_parts_in_parts);
    tcase_add_test(bounds, test_a_small_stack_is_enough);
    tcase_add_test(bounds, test_what_is_cut_is_said);
    tcase_add_test(bounds, test_threads_of_any_length);
    tcase_add_test(bounds, test_many_threads_read_at_once);
    return suite;
}
