/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Lines of an audit file that may have been edited by hand. Lines are cut at newlines, as
 * graphtokctl does; what is found is counted and must agree with what is told.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "audit/audit_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static apr_int64_t told;

static void tell(void *baton, const gt_audit_finding_t *finding)
{
    (void)baton;
    assert(finding->file != NULL && finding->line > 0 && finding->text != NULL);
    assert(gt_audit_fault_name(finding->fault) != NULL);
    told++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char keys[] = "k1 any VOoMX9FEJrDoJr71Rdc9wJNTxMMOu9emH1fiMWSMTRw=\n";
    const char *at = (const char *)data, *end = at + size;
    gt_audit_check_conf_t conf = {NULL, 0, NULL, tell};
    gt_audit_check_t *check;
    gt_audit_counts_t counts;
    gt_keyring_t *ring;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    if (gt_keyring_parse(&ring, gt_secret_from(keys, p), p) != GT_OK)
        abort();
    conf.ring = ring;
    check = gt_audit_check_make(&conf, p);
    told = 0;
    for (apr_int64_t line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;

        gt_head_t head;

        /* As the end of a file that a chain begins after, and as what was noted outside. */
        (void)!gt_head_of_line(&head, apr_pstrmemdup(p, at, (apr_size_t)(stop - at)));
        if (size % 2 == 1)
            gt_audit_check_note(check, "notes", line, at, (apr_size_t)(stop - at), newline != NULL);
        gt_audit_check_line(check, "file", line, at, (apr_size_t)(stop - at), newline != NULL);
        at = stop + 1;
    }
    counts = gt_audit_check_end(check);
    assert(counts.wrong == told);
    assert(counts.records >= counts.chains && counts.chains >= counts.open);
    apr_pool_destroy(p);
    return 0;
}
