/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A mail as GMime sees it, taken over into plain values; all of GMime is gone at the end. */

#include "mail/mime.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <gmime/gmime.h>

#include "base/pool.h"
#include "mail/html_text.h"
#include "mail/mime_bounds.h"
#include "mail/mime_text.h"

#define DEPTH_MAX 32  /* parts within parts whose text is looked for */
#define TEXTS_MAX 100 /* parts whose texts are joined: each of them costs a copy of all */
#define YEAR_MAX 9999

/* One mail on its way. */
typedef struct mail_reader_t {
    gt_mime_t *found;
    apr_pool_t *p;       /* of what is found */
    apr_pool_t *scratch; /* of all else */
    int texts;           /* parts whose text was read */
} mail_reader_t;

/* ---- GMime in a process ---- */

/* 1 while this thread is in GMime. */
static _Thread_local int is_reading;

static GMimeParserOptions *options;

/* GLib writes what it complains of to standard error, which is httpd's log. A mail must not be able
 * to write there; complaints of other users of GLib in this process are theirs. */
static void take_complaint(const gchar *domain, GLogLevelFlags level, const gchar *message,
                           gpointer baton)
{
    if (!is_reading)
        g_log_default_handler(domain, level, message, baton);
}

static void start_gmime(void)
{
    static const char *const domains[] = {"gmime", "GLib", "GLib-GObject", "GLib-GIO"};
    static const char *charsets[] = {"utf-8", "windows-1252", "iso-8859-1", NULL};

    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
        g_log_set_handler(domains[i], G_LOG_LEVEL_MASK | G_LOG_FLAG_FATAL | G_LOG_FLAG_RECURSION,
                          take_complaint, NULL);
    g_mime_init();
    options = g_mime_parser_options_new();
    g_mime_parser_options_set_fallback_charsets(options, charsets);
}

static GMimeMessage *parse(const char *bytes, apr_size_t size)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, size);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, options);

    g_object_unref(parser);
    g_object_unref(stream);
    return message;
}

/* ---- fields ---- */

static const char *line(mail_reader_t *reader, const char *text, apr_size_t most)
{
    const char *clean = text != NULL ? gt_mime_clean_line(text, strlen(text), most,
                                                          &reader->found->is_cut, reader->scratch)
                                     : "";

    return *clean ? apr_pstrdup(reader->p, clean) : NULL;
}

/* A text that means nothing when it is cut. */
static const char *whole_line(mail_reader_t *reader, const char *text, apr_size_t most)
{
    const int was_cut = reader->found->is_cut;
    const char *clean;
    int is_cut;

    reader->found->is_cut = 0;
    clean = line(reader, text, most);
    is_cut = reader->found->is_cut;
    reader->found->is_cut |= was_cut;
    return is_cut ? NULL : clean;
}

static void read_addresses(mail_reader_t *reader, apr_array_header_t *addresses,
                           InternetAddressList *list, int depth)
{
    int n = list != NULL ? internet_address_list_length(list) : 0;

    for (int i = 0; i < n; i++) {
        InternetAddress *one = internet_address_list_get_address(list, i);
        gt_mime_address_t address;

        if (addresses->nelts >= GT_MIME_ADDRESSES_MAX || depth > DEPTH_MAX) {
            reader->found->is_cut = 1;
            return;
        }
        if (INTERNET_ADDRESS_IS_GROUP(one)) {
            read_addresses(reader, addresses,
                           internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one)),
                           depth + 1);
            continue;
        }
        address.name = line(reader, internet_address_get_name(one), GT_MIME_NAME_MAX);
        address.address =
            whole_line(reader, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)),
                       GT_MIME_ADDRESS_MAX);
        if (address.address != NULL)
            APR_ARRAY_PUSH(addresses, gt_mime_address_t) = address;
    }
}

static apr_array_header_t *addresses_of(mail_reader_t *reader, GMimeMessage *message,
                                        GMimeAddressType type)
{
    apr_array_header_t *addresses = apr_array_make(reader->p, 2, sizeof(gt_mime_address_t));

    read_addresses(reader, addresses, g_mime_message_get_addresses(message, type), 0);
    return addresses;
}

static apr_time_t date_of(GMimeMessage *message)
{
    GDateTime *date = g_mime_message_get_date(message);
    gint64 seconds =
        date != NULL && g_date_time_get_year(date) <= YEAR_MAX ? g_date_time_to_unix(date) : 0;

    return seconds > 0 ? apr_time_from_sec(seconds) : 0;
}

/* Fields with members of their own; and those that mail servers add, longer than most mails. A name
 * that ends in "-" stands for all that begin so. */
static const char *const left_out[] = {
    "From",         "To",         "Cc",         "Bcc",          "Reply-To",
    "Subject",      "Date",       "Message-ID", "Received",     "X-Received",
    "MIME-Version", "Content-",   "DKIM-",      "ARC-",         "Authentication-Results",
    "Received-SPF", "DomainKey-", "X-MS-",      "X-Microsoft-", "X-Exchange-",
    "X-Forefront-", "X-Google-",  "X-Gm-",      "Autocrypt",
};

static int is_left_out(const char *name)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        size_t n = strlen(left_out[i]);

        if (strncasecmp(name, left_out[i], n) == 0 &&
            (left_out[i][n - 1] == '-' || name[n] == '\0'))
            return 1;
    }
    return 0;
}

/* A cut id would be another one, and the last ones say where an answer belongs. So a longer thread
 * keeps its first id, and of the others as many of the last ones as there is room for, as RFC 5537
 * section 3.4.4 has it. */
static const char *thread_of(mail_reader_t *reader, const char *value)
{
    const char *whole = line(reader, value, GT_MIME_FIELD_BYTES_MAX), *tail, *next;
    apr_size_t len, first;

    if (whole == NULL || (len = strlen(whole)) <= GT_MIME_THREAD_MAX)
        return whole;
    first = strcspn(whole, " ");
    if (first > GT_MIME_ID_MAX)
        first = 0;
    tail = whole + len - (GT_MIME_THREAD_MAX - first - 1);
    next = strchr(tail, ' ');
    return apr_pstrcat(reader->p, apr_pstrmemdup(reader->p, whole, first), next != NULL ? next : "",
                       NULL);
}

static const char *value_of(mail_reader_t *reader, const char *name, const char *value)
{
    return strcasecmp(name, "References") == 0 ? thread_of(reader, value)
                                               : line(reader, value, GT_MIME_FIELD_MAX);
}

static apr_table_t *headers_of(mail_reader_t *reader, GMimeMessage *message)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    apr_table_t *headers = apr_table_make(reader->p, 8);
    int n = g_mime_header_list_get_count(list);

    for (int i = 0; i < n; i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
        const char *name = whole_line(reader, g_mime_header_get_name(header), GT_MIME_NAME_MAX);
        const char *value;

        if (name == NULL || is_left_out(name))
            continue;
        if (apr_table_elts(headers)->nelts >= GT_MIME_FIELDS_MAX) {
            reader->found->is_cut = 1;
            break;
        }
        value = value_of(reader, name, g_mime_header_get_value(header));
        apr_table_addn(headers, name, value != NULL ? value : "");
    }
    return headers;
}

static int importance_of(const apr_table_t *headers)
{
    static const struct {
        const char *field, *value;
        int importance;
    } rows[] = {
        {"Importance", "high", 1}, {"Importance", "low", -1},      {"X-Priority", "1", 1},
        {"X-Priority", "2", 1},    {"X-Priority", "4", -1},        {"X-Priority", "5", -1},
        {"Priority", "urgent", 1}, {"Priority", "non-urgent", -1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *value = apr_table_get(headers, rows[i].field);
        size_t n = strlen(rows[i].value);

        if (value != NULL && strncasecmp(value, rows[i].value, n) == 0 && !apr_isalnum(value[n]))
            return rows[i].importance;
    }
    return 0;
}

static void read_fields(mail_reader_t *reader, GMimeMessage *message)
{
    gt_mime_t *found = reader->found;
    const char *answered;

    found->subject = line(reader, g_mime_message_get_subject(message), GT_MIME_SUBJECT_MAX);
    found->from = addresses_of(reader, message, GMIME_ADDRESS_TYPE_FROM);
    found->to = addresses_of(reader, message, GMIME_ADDRESS_TYPE_TO);
    found->cc = addresses_of(reader, message, GMIME_ADDRESS_TYPE_CC);
    found->reply_to = addresses_of(reader, message, GMIME_ADDRESS_TYPE_REPLY_TO);
    found->date = date_of(message);
    found->message_id = whole_line(reader, g_mime_message_get_message_id(message), GT_MIME_ID_MAX);
    found->headers = headers_of(reader, message);
    answered = apr_table_get(found->headers, "In-Reply-To");
    if (answered != NULL) {
        char *id = g_mime_utils_decode_message_id(answered);

        found->in_reply_to = whole_line(reader, id, GT_MIME_ID_MAX);
        g_free(id);
    }
    found->importance = importance_of(found->headers);
}

/* ---- parts ---- */

typedef struct part_text_t {
    const char *text; /* NULL: none, or nothing but white space */
    int is_html;
} part_text_t;

/* The place of a part within the one around it. */
typedef struct place_t {
    int depth;
    int wants_text;
    int is_related; /* the part around it is multipart/related: pictures stand in the text */
} place_t;

static part_text_t read_part(mail_reader_t *reader, GMimeObject *object, place_t place);

/* Decoded bytes, with a NUL behind them. */
static char *content_of(mail_reader_t *reader, GMimePart *part, apr_size_t *size)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *stream = g_mime_stream_mem_new();
    GByteArray *bytes;
    char *copy;

    if (content != NULL)
        (void)!g_mime_data_wrapper_write_to_stream(content, stream);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    *size = bytes->len;
    copy = apr_pstrmemdup(reader->scratch, bytes->data != NULL ? (const char *)bytes->data : "",
                          *size);
    g_object_unref(stream);
    return copy;
}

static part_text_t read_text(mail_reader_t *reader, GMimePart *part, GMimeContentType *type)
{
    part_text_t read = {NULL, g_mime_content_type_is_type(type, "text", "html")};
    int *is_cut = &reader->found->is_cut;
    apr_size_t size;
    char *text = content_of(reader, part, &size);

    text = gt_mime_utf8(g_mime_content_type_get_parameter(type, "charset"), text, size,
                        GT_MIME_SIZE_MAX, is_cut, reader->scratch);
    if (read.is_html)
        text = gt_html_text(text, strlen(text), GT_MIME_TEXT_MAX, is_cut, reader->scratch);
    text = gt_mime_clean_text(text, strlen(text), GT_MIME_TEXT_MAX, is_cut, reader->scratch);
    if (text[strspn(text, " \t\n")] != '\0')
        read.text = text;
    return read;
}

static void read_calendar(mail_reader_t *reader, GMimePart *part, GMimeContentType *type)
{
    static const struct {
        const char *method;
        gt_meeting_t meeting;
    } rows[] = {{"REQUEST", GT_MEETING_REQUEST},
                {"CANCEL", GT_MEETING_CANCELLED},
                {"REPLY", GT_MEETING_ANSWER},
                {"COUNTER", GT_MEETING_ANSWER}};
    const char *method = g_mime_content_type_get_parameter(type, "method");

    if (method == NULL) {
        apr_size_t size;

        method = strcasestr(content_of(reader, part, &size), "\nMETHOD:");
        method = method != NULL ? method + strlen("\nMETHOD:") : "";
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = strlen(rows[i].method);

        if (strncasecmp(method, rows[i].method, n) == 0 && !apr_isalnum(method[n]))
            reader->found->meeting = rows[i].meeting;
    }
}

static int is_attachment(GMimePart *part, GMimeContentType *type, const place_t *place)
{
    /* Parts for mail programs. */
    static const char *const others[][2] = {{"application", "pgp-signature"},
                                            {"application", "pkcs7-signature"},
                                            {"application", "x-pkcs7-signature"},
                                            {"message", "delivery-status"},
                                            {"message", "disposition-notification"}};

    if (g_mime_part_is_attachment(part))
        return 1;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (g_mime_content_type_is_type(type, others[i][0], others[i][1]))
            return 0;
    return !place->is_related && g_mime_object_get_content_id(GMIME_OBJECT(part)) == NULL;
}

/* A type that is none means plain text (RFC 2045 section 5.2). */
static int is_text(GMimePart *part, GMimeContentType *type)
{
    const char *given = g_mime_object_get_header(GMIME_OBJECT(part), "Content-Type");

    return g_mime_content_type_is_type(type, "text", "plain") ||
           g_mime_content_type_is_type(type, "text", "html") ||
           (given != NULL && strchr(given, '/') == NULL);
}

static int count_text(mail_reader_t *reader)
{
    if (reader->texts < TEXTS_MAX)
        return ++reader->texts;
    reader->found->is_cut = 1;
    return 0;
}

static part_text_t read_leaf(mail_reader_t *reader, GMimePart *part, place_t place)
{
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    int is_calendar = g_mime_content_type_is_type(type, "text", "calendar");

    if (is_calendar || g_mime_content_type_is_type(type, "application", "ics"))
        read_calendar(reader, part, type);
    if (!g_mime_part_is_attachment(part)) {
        if (is_text(part, type))
            return place.wants_text && count_text(reader) ? read_text(reader, part, type)
                                                          : (part_text_t){NULL, 0};
        if (is_calendar)
            return (part_text_t){NULL, 0};
    }
    reader->found->n_attachments += is_attachment(part, type, &place);
    return (part_text_t){NULL, 0};
}

/* Of alternatives the plain one; of others all that is text, one below the other. */
static part_text_t read_parts(mail_reader_t *reader, GMimeMultipart *parts, place_t place)
{
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(parts));
    int is_alternative = g_mime_content_type_is_type(type, "multipart", "alternative");
    int n = g_mime_multipart_get_count(parts);
    part_text_t all = {NULL, 0};

    place.depth++;
    place.is_related = g_mime_content_type_is_type(type, "multipart", "related");
    for (int i = 0; i < n; i++) {
        part_text_t one = read_part(reader, g_mime_multipart_get_part(parts, i), place);

        if (one.text == NULL)
            continue;
        if (all.text == NULL || is_alternative)
            all = one;
        else
            all.text = apr_pstrcat(reader->scratch, all.text, "\n", one.text, NULL);
        if (is_alternative ? !all.is_html : strlen(all.text) > GT_MIME_TEXT_MAX)
            place.wants_text = 0;
    }
    return all;
}

static part_text_t read_part(mail_reader_t *reader, GMimeObject *object, place_t place)
{
    if (place.depth > DEPTH_MAX)
        reader->found->is_cut = 1;
    else if (GMIME_IS_MULTIPART(object))
        return read_parts(reader, GMIME_MULTIPART(object), place);
    else if (GMIME_IS_PART(object))
        return read_leaf(reader, GMIME_PART(object), place);
    else if (object != NULL)
        reader->found->n_attachments++; /* a mail within the mail */
    return (part_text_t){NULL, 0};
}

static void read_body(mail_reader_t *reader, GMimeMessage *message)
{
    gt_mime_t *found = reader->found;
    part_text_t body = read_part(reader, g_mime_message_get_mime_part(message), (place_t){0, 1, 0});

    /* Its pieces are clean, but together they may be too long. */
    if (body.text != NULL && strlen(body.text) > GT_MIME_TEXT_MAX)
        body.text = gt_mime_clean_text(body.text, strlen(body.text), GT_MIME_TEXT_MAX,
                                       &found->is_cut, reader->scratch);
    found->text = apr_pstrdup(reader->p, body.text);
    found->is_html = body.is_html;
    found->has_attachments = found->n_attachments > 0;
}

void gt_mime_read(gt_mime_t *found, const char *bytes, apr_size_t size, apr_pool_t *p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    mail_reader_t reader = {found, p, gt_pool_make(p, "gt_mime"), 0};
    apr_size_t front = gt_mime_front(bytes, size < GT_MIME_SIZE_MAX ? size : GT_MIME_SIZE_MAX);
    GMimeMessage *message;

    memset(found, 0, sizeof(*found));
    found->from = found->to = found->cc = found->reply_to =
        apr_array_make(p, 1, sizeof(gt_mime_address_t));
    found->headers = apr_table_make(p, 1);
    found->is_cut = front < size;
    is_reading++;
    pthread_once(&once, start_gmime);
    message = parse(bytes, front);
    if (message != NULL) {
        read_fields(&reader, message);
        read_body(&reader, message);
        g_object_unref(message);
    }
    is_reading--;
    apr_pool_destroy(reader.scratch);
}

const char *gt_mime_addresses(const apr_array_header_t *addresses, int most, apr_pool_t *p)
{
    const char *text = "";

    for (int i = 0; i < addresses->nelts && i < most; i++) {
        const gt_mime_address_t *one = &APR_ARRAY_IDX(addresses, i, gt_mime_address_t);

        text = one->name != NULL ? apr_pstrcat(p, text, i > 0 ? ", " : "", one->name, " <",
                                               one->address, ">", NULL)
                                 : apr_pstrcat(p, text, i > 0 ? ", " : "", one->address, NULL);
    }
    return text;
}
