/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A mail as GMime sees it, taken over into plain values; all of GMime is gone at the end. It is
 * shown the fields that are wanted, one by one, and the body with the fields that describe it. */

#include "mail/mime.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <gmime/gmime.h>

#include "base/pool.h"
#include "mail/html_text.h"
#include "mail/mime_bounds.h"
#include "mail/mime_fields.h"
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

/* @param stream  the parser's from now on */
static GMimeParser *parser_of(GMimeStream *stream)
{
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);

    g_object_unref(stream);
    return parser;
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
    int n = internet_address_list_length(list);

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

/* A field's value with all its lines, as it stands there. */
static const char *raw_value(mail_reader_t *reader, const gt_mime_field_t *field)
{
    return apr_pstrmemdup(reader->scratch, field->value, field->value_len);
}

/* The value as one line, its encoded words decoded. */
static const char *value_of(mail_reader_t *reader, const gt_mime_field_t *field)
{
    char *unfolded = g_mime_utils_header_unfold(raw_value(reader, field));
    char *decoded = g_mime_utils_header_decode_text(options, unfolded);
    const char *value = apr_pstrdup(reader->scratch, decoded);

    g_free(decoded);
    g_free(unfolded);
    return value;
}

/* GMime gives up a list of addresses at the first that makes no sense, unless it is a message's. */
static void add_sensible(mail_reader_t *reader, apr_array_header_t *addresses, const char *value)
{
    const char *mail = apr_pstrcat(reader->scratch, "To:", value, "\n\n", NULL);
    GMimeParser *parser = parser_of(g_mime_stream_mem_new_with_buffer(mail, strlen(mail)));
    GMimeMessage *message = g_mime_parser_construct_message(parser, options);

    if (message != NULL) {
        read_addresses(reader, addresses,
                       g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_TO), 0);
        g_object_unref(message);
    }
    g_object_unref(parser);
}

static void add_addresses(mail_reader_t *reader, apr_array_header_t *addresses,
                          const gt_mime_field_t *field)
{
    const char *value = raw_value(reader, field);
    InternetAddressList *list = internet_address_list_parse(options, value);

    if (list == NULL) {
        add_sensible(reader, addresses, value);
        return;
    }
    read_addresses(reader, addresses, list, 0);
    g_object_unref(list);
}

static apr_time_t date_of(const char *value)
{
    GDateTime *date = g_mime_utils_header_decode_date(value);
    gint64 seconds =
        date != NULL && g_date_time_get_year(date) <= YEAR_MAX ? g_date_time_to_unix(date) : 0;

    g_clear_pointer(&date, g_date_time_unref);
    return seconds > 0 ? apr_time_from_sec(seconds) : 0;
}

static const char *id_of(mail_reader_t *reader, const char *value)
{
    char *id = g_mime_utils_decode_message_id(value);
    const char *kept = whole_line(reader, id, GT_MIME_ID_MAX);

    g_free(id);
    return kept;
}

/* Of several of these, the last one counts. */
static int take_single(mail_reader_t *reader, const gt_mime_field_t *field)
{
    gt_mime_t *found = reader->found;

    if (gt_mime_field_is(field, "Subject"))
        found->subject = line(reader, value_of(reader, field), GT_MIME_SUBJECT_MAX);
    else if (gt_mime_field_is(field, "Date"))
        found->date = date_of(value_of(reader, field));
    else if (gt_mime_field_is(field, "Message-ID"))
        found->message_id = id_of(reader, value_of(reader, field));
    else
        return 0;
    return 1;
}

static int take_addresses(mail_reader_t *reader, const gt_mime_field_t *field)
{
    const gt_mime_t *found = reader->found;
    const struct {
        const char *name;
        apr_array_header_t *addresses;
    } rows[] = {
        {"From", found->from}, {"To", found->to}, {"Cc", found->cc}, {"Reply-To", found->reply_to}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (gt_mime_field_is(field, rows[i].name)) {
            add_addresses(reader, rows[i].addresses, field);
            return 1;
        }
    return 0;
}

static const char *kept_value(mail_reader_t *reader, const gt_mime_field_t *field)
{
    const char *value = value_of(reader, field);

    return gt_mime_field_is(field, "References")
               ? gt_mime_thread(line(reader, value, GT_MIME_FIELD_BYTES_MAX), reader->p)
               : line(reader, value, GT_MIME_FIELD_MAX);
}

static void keep(mail_reader_t *reader, const gt_mime_field_t *field)
{
    apr_table_t *headers = reader->found->headers;
    const char *name = whole_line(
        reader, apr_pstrmemdup(reader->scratch, field->name, field->name_len), GT_MIME_NAME_MAX);
    const char *value;

    if (name == NULL)
        return;
    if (apr_table_elts(headers)->nelts >= GT_MIME_FIELDS_MAX) {
        reader->found->is_cut = 1;
        return;
    }
    value = kept_value(reader, field);
    apr_table_addn(headers, name, value != NULL ? value : "");
}

static void read_fields(mail_reader_t *reader, const apr_array_header_t *fields)
{
    gt_mime_t *found = reader->found;
    const char *answered;

    for (int i = 0; i < fields->nelts; i++) {
        const gt_mime_field_t *field = &APR_ARRAY_IDX(fields, i, gt_mime_field_t);

        if (!take_single(reader, field) && !take_addresses(reader, field) &&
            gt_mime_field_is_kept(field))
            keep(reader, field);
    }
    answered = apr_table_get(found->headers, "In-Reply-To");
    if (answered != NULL)
        found->in_reply_to = id_of(reader, answered);
    found->importance = gt_mime_importance(found->headers);
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
    gt_meeting_t *meeting = &reader->found->meeting;
    const char *method = g_mime_content_type_get_parameter(type, "method");

    if (method == NULL) {
        apr_size_t size;

        method = strcasestr(content_of(reader, part, &size), "\nMETHOD:");
        method = method != NULL ? method + strlen("\nMETHOD:") : "";
    }
    *meeting = gt_mime_meeting(method, *meeting);
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

/* The body and the fields that describe it are a mail of their own. */
static GMimeObject *parse(const apr_array_header_t *fields, const char *body, apr_size_t size)
{
    GByteArray *bytes = g_byte_array_sized_new((guint)size + 1024);
    GMimeParser *parser;
    GMimeObject *object;

    for (int i = 0; i < fields->nelts; i++) {
        const gt_mime_field_t *field = &APR_ARRAY_IDX(fields, i, gt_mime_field_t);

        if (gt_mime_field_begins(field, "Content-"))
            g_byte_array_append(bytes, (const guint8 *)field->name,
                                (guint)(field->value + field->value_len - field->name));
    }
    if (bytes->len > 0 && bytes->data[bytes->len - 1] != '\n')
        g_byte_array_append(bytes, (const guint8 *)"\n", 1);
    g_byte_array_append(bytes, (const guint8 *)"\n", 1);
    g_byte_array_append(bytes, (const guint8 *)body, (guint)size);
    parser = parser_of(g_mime_stream_mem_new_with_byte_array(bytes));
    object = g_mime_parser_construct_part(parser, options);
    g_object_unref(parser);
    return object;
}

static void read_body(mail_reader_t *reader, const apr_array_header_t *fields, const char *bytes,
                      apr_size_t size)
{
    gt_mime_t *found = reader->found;
    GMimeObject *object = parse(fields, bytes, size);
    part_text_t body = read_part(reader, object, (place_t){0, 1, 0});

    g_clear_object(&object);
    /* Its pieces are clean, but together they may be too long. */
    if (body.text != NULL && strlen(body.text) > GT_MIME_TEXT_MAX)
        body.text = gt_mime_clean_text(body.text, strlen(body.text), GT_MIME_TEXT_MAX,
                                       &found->is_cut, reader->scratch);
    found->text = apr_pstrdup(reader->p, body.text);
    found->is_html = body.is_html;
    found->has_attachments = found->n_attachments > 0;
}

static void read_mail(mail_reader_t *reader, const char *bytes, apr_size_t size)
{
    apr_array_header_t *fields;
    const char *body = gt_mime_fields(&fields, bytes, size, reader->scratch);

    if (body == NULL)
        return;
    read_fields(reader, fields);
    read_body(reader, fields, body, (apr_size_t)(bytes + size - body));
}

static void begin(gt_mime_t *found, apr_pool_t *p)
{
    *found = (gt_mime_t){.from = apr_array_make(p, 1, sizeof(gt_mime_address_t)),
                         .to = apr_array_make(p, 2, sizeof(gt_mime_address_t)),
                         .cc = apr_array_make(p, 1, sizeof(gt_mime_address_t)),
                         .reply_to = apr_array_make(p, 1, sizeof(gt_mime_address_t)),
                         .headers = apr_table_make(p, 8)};
}

void gt_mime_read(gt_mime_t *found, const char *bytes, apr_size_t size, apr_pool_t *p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    mail_reader_t reader = {found, p, gt_pool_make(p, "gt_mime"), 0};
    apr_size_t front = gt_mime_front(bytes, size < GT_MIME_SIZE_MAX ? size : GT_MIME_SIZE_MAX);

    begin(found, p);
    found->is_cut = front < size;
    is_reading++;
    pthread_once(&once, start_gmime);
    read_mail(&reader, bytes, front);
    is_reading--;
    apr_pool_destroy(reader.scratch);
}
