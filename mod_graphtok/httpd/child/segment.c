/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file segment.c
 * Shared memory by mmap rather than apr_shm, whose base address is not aligned to a cache line, and
 * whose named form leaves a file behind after kill -9.
 */

#include "child/segment.h"

#include <apr_strings.h>
#include <http_log.h>
#include <sys/mman.h>

#include "base/text.h"

APLOG_USE_MODULE(graphtok);

static void *map(apr_size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    /* A core file must not hold the sealed tokens of many users. */
    (void)madvise(memory, size, MADV_DONTDUMP);
    return memory;
}

gtm_segment_t *gtm_segment(const char *name, apr_size_t size, server_rec *s)
{
    apr_pool_t *lasting = s->process->pool;
    gtm_segment_t *segment = NULL;

    apr_pool_userdata_get((void **)&segment, name, lasting);
    if (segment == NULL) {
        /* Once in a server's life: nothing is added to the lasting pool at restarts. */
        segment = apr_pcalloc(lasting, sizeof(*segment));
        gt_random(segment->key, sizeof(segment->key));
        apr_pool_userdata_set(segment, apr_pstrdup(lasting, name), NULL, lasting);
    }
    if (segment->memory != NULL && segment->size == size)
        return segment;
    if (segment->memory != NULL)
        munmap(segment->memory, segment->size);
    segment->memory = map(size);
    segment->size = size;
    if (segment->memory == NULL) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                     "GT0801: no %" APR_SIZE_T_FMT " bytes of shared memory for %s: ask for less "
                     "(GraphTokCacheSlots, GraphTokLimitSlots)",
                     size, name);
        return NULL;
    }
    return segment;
}
