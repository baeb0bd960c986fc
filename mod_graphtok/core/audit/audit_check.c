/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file audit_check.c
 * Verifying audit files: the chains by id. A number that is left out opens a gap; a record that
 * turns up later closes its part of it and is then "reordered"; records of a gap that is still open
 * at the end were removed. A changed record still takes its place in its chain when it claims the
 * next number, so that one fault is told once.
 */

#include "audit/audit_check.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <openssl/crypto.h>

#include "audit/audit.h"
#include "base/json.h"
#include "base/text.h"

#define MAC_MEMBER ",\"mac\":\""
#define MAC_TAIL (sizeof(MAC_MEMBER) - 1 + GT_CHAIN_MAC + 2) /* …"} */

/** Numbers that have not been seen. */
typedef struct gap_t {
    apr_uint64_t from, to; /* both missing */
    const char *file;      /* of the record after it */
    apr_int64_t line;
} gap_t;

typedef struct chain_t {
    apr_uint64_t id;
    gt_chain_key_t key;
    gt_head_t head;    /* the last record seen */
    int is_link_known; /* 0: the record before was changed */
    int has_ended;
    apr_array_header_t *gaps; /* of gap_t */
    const char *file;         /* of the last record */
    apr_int64_t line;
} chain_t;

/** A head that a record of another chain names. */
typedef struct witness_t {
    gt_head_t head;
    const char *begun; /* time of the chain's start, when that was noted outside; NULL: not known */
    const char *file;
    apr_int64_t line;
} witness_t;

struct gt_audit_check_t {
    gt_audit_check_conf_t conf;
    apr_pool_t *pool, *scratch;
    apr_hash_t *chains;
    apr_hash_t *witnesses; /* the furthest of each chain */
    gt_audit_counts_t counts;
    const char *begun; /* time of the files' first record */
    const char *file;  /* of the line at hand */
    apr_int64_t line;
};

/** The members of a line. */
typedef struct record_t {
    const json_t *json;
    const char *notice, *time;
    apr_uint64_t chain, seq;
    gt_head_t prev; /* its MAC */
    gt_head_t own;
    const char *bytes;
    apr_size_t signed_len;
} record_t;

static const char *const names[GT_AUDIT_FAULTS] = {
    [GT_AUDIT_DAMAGED] = "damaged",   [GT_AUDIT_CHANGED] = "changed",
    [GT_AUDIT_REMOVED] = "removed",   [GT_AUDIT_REORDERED] = "reordered",
    [GT_AUDIT_REPEATED] = "repeated", [GT_AUDIT_TRUNCATED] = "truncated",
    [GT_AUDIT_UNSIGNED] = "unsigned",
};

const char *gt_audit_fault_name(gt_audit_fault_t fault)
{
    return names[fault];
}

static void tell_at(gt_audit_check_t *check, gt_audit_fault_t fault, const char *file,
                    apr_int64_t line, const char *text)
{
    gt_audit_finding_t finding = {fault, file, line, text};

    check->counts.wrong++;
    check->conf.tell(check->conf.baton, &finding);
}

static void tell(gt_audit_check_t *check, gt_audit_fault_t fault, const char *text)
{
    tell_at(check, fault, check->file, check->line, text);
}

gt_audit_check_t *gt_audit_check_make(const gt_audit_check_conf_t *conf, apr_pool_t *p)
{
    gt_audit_check_t *check = apr_pcalloc(p, sizeof(*check));

    check->conf = *conf;
    check->pool = p;
    apr_pool_create(&check->scratch, p);
    check->chains = apr_hash_make(p);
    check->witnesses = apr_hash_make(p);
    return check;
}

/* ---- a line ---- */

static int same_mac(const gt_head_t *a, const gt_head_t *b)
{
    return a->mac[0] == b->mac[0] && a->mac[1] == b->mac[1];
}

/* A MAC as its record has it, through the one reader of heads. */
static int parse_mac(gt_head_t *head, const char *text, apr_pool_t *p)
{
    return text != NULL && strlen(text) == GT_CHAIN_MAC &&
           gt_head_parse(head, apr_psprintf(p, "%016x:0:%s", 0, text));
}

static int parse_place(record_t *record, apr_pool_t *p)
{
    const char *chain = gt_json_text(record->json, "chain");
    apr_int64_t seq;
    gt_head_t head;

    if (chain == NULL || strlen(chain) != 16 || !gt_json_number(&seq, record->json, "seq") ||
        seq < 0)
        return 0;
    if (!gt_head_parse(&head, apr_psprintf(p, "%s:0:%032d", chain, 0)))
        return 0;
    record->chain = head.chain;
    record->seq = (apr_uint64_t)seq;
    return 1;
}

static int parse(record_t *record, const char *bytes, apr_size_t len, apr_pool_t *p)
{
    json_t *json;

    memset(record, 0, sizeof(*record));
    if (len <= MAC_TAIL || len >= GT_AUDIT_LINE ||
        memcmp(bytes + len - MAC_TAIL, MAC_MEMBER, sizeof(MAC_MEMBER) - 1) != 0 ||
        gt_json_parse(&json, bytes, len, p) != GT_OK)
        return 0;
    record->json = json;
    record->notice = gt_json_text(json, "event");
    record->time = gt_json_text(json, "time");
    record->bytes = bytes;
    record->signed_len = len - MAC_TAIL;
    if (record->notice == NULL || record->time == NULL || !parse_place(record, p) ||
        !parse_mac(&record->prev, gt_json_text(json, "prev"), p) ||
        !parse_mac(&record->own, gt_json_text(json, "mac"), p))
        return 0;
    record->own.chain = record->chain;
    record->own.seq = record->seq;
    return 1;
}

static int is_right(const record_t *record, const gt_chain_key_t *key)
{
    gt_head_t made = {0, 0, {0, 0}};

    gt_chain_mac(&made, key, record->bytes, record->signed_len);
    return same_mac(&made, &record->own);
}

/* ---- chains ---- */

static witness_t *note_head(gt_audit_check_t *check, const gt_head_t *head)
{
    witness_t *witness = apr_hash_get(check->witnesses, &head->chain, sizeof(head->chain));

    if (witness == NULL) {
        witness = apr_pcalloc(check->pool, sizeof(*witness));
        witness->head = *head;
        apr_hash_set(check->witnesses, &witness->head.chain, sizeof(head->chain), witness);
    }
    if (head->seq >= witness->head.seq) {
        witness->head = *head;
        witness->file = check->file;
        witness->line = check->line;
    }
    return witness;
}

static void note_text(gt_audit_check_t *check, const char *text)
{
    gt_head_t head;

    if (text != NULL && gt_head_parse(&head, text))
        (void)note_head(check, &head);
}

/* A record whose MAC is right names heads of other chains. */
static void note_others(gt_audit_check_t *check, const record_t *record)
{
    const json_t *heads = json_object_get(record->json, "heads");
    apr_size_t i;
    json_t *item;

    note_text(check, gt_json_text(record->json, "after"));
    json_array_foreach (heads, i, item)
        note_text(check, json_string_value(item));
}

static void believe(gt_audit_check_t *check, const record_t *record)
{
    apr_int64_t lost;

    check->counts.records++;
    if (check->begun == NULL)
        check->begun = apr_pstrdup(check->pool, record->time);
    note_others(check, record);
    if (strcmp(record->notice, "lost") == 0 && gt_json_number(&lost, record->json, "count"))
        check->counts.lost += lost;
}

/* The key of a chain is named by its first record; one that begins late is tried with all. */
static int find_key(gt_chain_key_t *key, const gt_audit_check_t *check, const record_t *record)
{
    const apr_array_header_t *keys = gt_keyring_keys(check->conf.ring);
    const char *id = gt_json_text(record->json, "key");

    if (id != NULL)
        return gt_chain_key(key, check->conf.ring, id);
    for (int i = 0; i < keys->nelts && record->seq > 0; i++) {
        id = APR_ARRAY_IDX(keys, i, const gt_key_t *)->id;
        if (gt_chain_key(key, check->conf.ring, id) && is_right(record, key))
            return 1;
    }
    return 0;
}

static apr_status_t wipe_key(void *baton)
{
    OPENSSL_cleanse(((chain_t *)baton)->key.key, GT_KEY_BYTES);
    return APR_SUCCESS;
}

static void add_gap(gt_audit_check_t *check, chain_t *chain, apr_uint64_t from, apr_uint64_t to)
{
    APR_ARRAY_PUSH(chain->gaps, gap_t) = (gap_t){from, to, check->file, check->line};
}

/* The first record seen of a chain. Its key may be unknown: then nothing of the chain is
 * trusted. */
static void begin_chain(gt_audit_check_t *check, const record_t *record)
{
    chain_t *chain = apr_pcalloc(check->pool, sizeof(*chain));
    int known;

    apr_pool_cleanup_register(check->pool, chain, wipe_key, apr_pool_cleanup_null);
    chain->id = record->chain;
    known = find_key(&chain->key, check, record);
    if (!known) {
        tell(check, GT_AUDIT_UNSIGNED,
             record->seq > 0 ? "no key of the keyring made this record, or it was changed"
             : gt_json_text(record->json, "key") != NULL
                 ? "the keyring has no such key as this chain was made with"
                 : "this chain was made without a key, which any program could do");
        return;
    }
    if (!is_right(record, &chain->key)) {
        tell(check, GT_AUDIT_CHANGED, "this record was changed");
        return;
    }
    chain->gaps = apr_array_make(check->pool, 1, sizeof(gap_t));
    chain->head = record->own;
    chain->head.seq = record->seq;
    chain->is_link_known = 1;
    chain->file = check->file;
    chain->line = check->line;
    apr_hash_set(check->chains, &chain->id, sizeof(chain->id), chain);
    check->counts.chains++;
    if (record->seq > 0 && !check->conf.may_begin_late)
        add_gap(check, chain, 0, record->seq - 1);
    chain->has_ended = strcmp(record->notice, "end") == 0;
    believe(check, record);
}

/* A record older than the last one. 1: it fills a part of a gap. */
static int fill_gap(chain_t *chain, apr_uint64_t seq)
{
    for (int i = 0; i < chain->gaps->nelts; i++) {
        gap_t *gap = &APR_ARRAY_IDX(chain->gaps, i, gap_t);
        gap_t rest = *gap;

        if (seq < gap->from || seq > gap->to)
            continue;
        /* Two parts are left; an empty one has its end before its begin. */
        rest.from = seq + 1;
        gap->to = seq - 1;
        if (seq == 0) /* numbers have no -1 */
            *gap = rest;
        else
            APR_ARRAY_PUSH(chain->gaps, gap_t) = rest;
        return 1;
    }
    return 0;
}

static void advance(gt_audit_check_t *check, chain_t *chain, const record_t *record)
{
    if (record->seq > chain->head.seq + 1)
        add_gap(check, chain, chain->head.seq + 1, record->seq - 1);
    else if (chain->is_link_known && !same_mac(&record->prev, &chain->head))
        tell(check, GT_AUDIT_CHANGED, "this record does not follow the one before it");
    if (chain->has_ended)
        tell(check, GT_AUDIT_CHANGED, "this record stands after the end of its chain");
    chain->head = record->own;
    chain->head.seq = record->seq;
    chain->is_link_known = 1;
    chain->file = check->file;
    chain->line = check->line;
    chain->has_ended = strcmp(record->notice, "end") == 0;
}

static void follow(gt_audit_check_t *check, chain_t *chain, const record_t *record)
{
    if (!is_right(record, &chain->key)) {
        tell(check, GT_AUDIT_CHANGED, "this record was changed");
        if (record->seq == chain->head.seq + 1) {
            chain->head.seq++;
            chain->is_link_known = 0;
        }
        return;
    }
    believe(check, record);
    if (record->seq > chain->head.seq)
        advance(check, chain, record);
    else if (fill_gap(chain, record->seq))
        tell(check, GT_AUDIT_REORDERED, "this record was written before those above it");
    else
        tell(check, GT_AUDIT_REPEATED, "this record stands above already");
}

/* ---- lines ---- */

static void come_to(gt_audit_check_t *check, const char *file, apr_int64_t number)
{
    if (check->file == NULL || strcmp(check->file, file) != 0)
        check->file = apr_pstrdup(check->pool, file);
    check->line = number;
}

/* @return 1 when there is a record to look at */
static int read_record(record_t *record, gt_audit_check_t *check, const char *bytes, apr_size_t len,
                       int is_whole)
{
    if (len == 0 && is_whole)
        return 0;
    apr_pool_clear(check->scratch);
    if (is_whole && parse(record, bytes, len, check->scratch))
        return 1;
    tell(check, GT_AUDIT_DAMAGED, is_whole ? "this is no record" : "the last line has no end");
    return 0;
}

static void believe_note(gt_audit_check_t *check, const record_t *record)
{
    witness_t *witness = note_head(check, &record->own);

    check->counts.notes++;
    if (strcmp(record->notice, "start") == 0)
        witness->begun = apr_pstrdup(check->pool, record->time);
    note_others(check, record);
}

void gt_audit_check_note(gt_audit_check_t *check, const char *file, apr_int64_t number,
                         const char *bytes, apr_size_t len, int is_whole)
{
    gt_chain_key_t key;
    record_t record;

    come_to(check, file, number);
    if (!read_record(&record, check, bytes, len, is_whole))
        return;
    if (!find_key(&key, check, &record))
        tell(check, GT_AUDIT_UNSIGNED, "no key of the keyring made this note");
    else if (!is_right(&record, &key))
        tell(check, GT_AUDIT_CHANGED, "this note was changed");
    else
        believe_note(check, &record);
    OPENSSL_cleanse(&key, sizeof(key));
}

void gt_audit_check_line(gt_audit_check_t *check, const char *file, apr_int64_t number,
                         const char *bytes, apr_size_t len, int is_whole)
{
    record_t record;
    chain_t *chain;

    come_to(check, file, number);
    if (!read_record(&record, check, bytes, len, is_whole))
        return;
    chain = apr_hash_get(check->chains, &record.chain, sizeof(record.chain));
    if (chain == NULL)
        begin_chain(check, &record);
    else
        follow(check, chain, &record);
}

/* ---- the end ---- */

static void tell_gaps(gt_audit_check_t *check, const chain_t *chain)
{
    for (int i = 0; i < chain->gaps->nelts; i++) {
        const gap_t *gap = &APR_ARRAY_IDX(chain->gaps, i, gap_t);

        if (gap->from <= gap->to)
            tell_at(check, GT_AUDIT_REMOVED, gap->file, gap->line,
                    apr_psprintf(check->pool,
                                 "records %" APR_UINT64_T_FMT " to %" APR_UINT64_T_FMT
                                 " of this chain are missing",
                                 gap->from, gap->to));
    }
}

/* 1 when a chain that the files lack was begun while they were written: it is in none that is
 * gone. */
static int began_within(const gt_audit_check_t *check, const witness_t *witness)
{
    return witness->begun != NULL && check->begun != NULL &&
           strcmp(witness->begun, check->begun) > 0;
}

static void tell_witness(gt_audit_check_t *check, const witness_t *witness)
{
    const chain_t *chain =
        apr_hash_get(check->chains, &witness->head.chain, sizeof(witness->head.chain));
    apr_uint64_t last = chain != NULL ? chain->head.seq : 0;

    if (chain == NULL && check->conf.may_begin_late && !began_within(check, witness))
        return;
    if (chain == NULL)
        tell_at(check, GT_AUDIT_TRUNCATED, witness->file, witness->line,
                apr_psprintf(check->pool,
                             "chain %016" APR_UINT64_T_HEX_FMT " is missing as a whole",
                             witness->head.chain));
    else if (last < witness->head.seq)
        tell_at(check, GT_AUDIT_TRUNCATED, witness->file, witness->line,
                apr_psprintf(check->pool,
                             "chain %016" APR_UINT64_T_HEX_FMT " ends at %" APR_UINT64_T_FMT
                             " (%s:%" APR_INT64_T_FMT ") and went on to %" APR_UINT64_T_FMT,
                             chain->id, last, chain->file, chain->line, witness->head.seq));
    else if (last == witness->head.seq && chain->is_link_known &&
             !same_mac(&witness->head, &chain->head))
        tell_at(check, GT_AUDIT_CHANGED, witness->file, witness->line,
                "this record names another end of a chain than there is");
}

gt_audit_counts_t gt_audit_check_end(gt_audit_check_t *check)
{
    apr_pool_t *p = check->pool;

    for (apr_hash_index_t *i = apr_hash_first(p, check->chains); i != NULL; i = apr_hash_next(i)) {
        const chain_t *chain = apr_hash_this_val(i);

        tell_gaps(check, chain);
        check->counts.open += !chain->has_ended;
    }
    for (apr_hash_index_t *i = apr_hash_first(p, check->witnesses); i != NULL; i = apr_hash_next(i))
        tell_witness(check, apr_hash_this_val(i));
    return check->counts;
}
