/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file memory.c The sums that the segments are mapped with, for `httpd -D DUMP_GRAPHTOK` and the
 * log. */

#include "child/memory.h"

#include "audit/audit.h"
#include "base/json.h"
#include "child/bearers.h"
#include "child/status.h"
#include "metrics/figures.h"
#include "shm/limit.h"
#include "shm/slots.h"

gtm_memory_t gtm_memory(const gt_config_t *config)
{
    return (gtm_memory_t){gt_slots_size(config->cache_slots, config->cache_slot_bytes),
                          gt_limits_size(config->limit_slots), gtm_status_size(),
                          gt_figures_size() + gt_heads_size(), gtm_bearers_bytes(config)};
}

json_t *gtm_memory_json(const gt_config_t *config, apr_pool_t *p)
{
    const gtm_memory_t memory = gtm_memory(config);
    json_t *json = gt_json_object(p);

    gt_json_set_number(json, "cache_bytes", (apr_int64_t)memory.cache);
    gt_json_set_number(json, "limit_bytes", (apr_int64_t)memory.limits);
    gt_json_set_number(json, "status_bytes", (apr_int64_t)memory.status);
    gt_json_set_number(json, "figure_bytes", (apr_int64_t)memory.figures);
    gt_json_set_number(json, "bearer_bytes", (apr_int64_t)memory.bearers);
    gt_json_set_number(json, "total_bytes",
                       (apr_int64_t)(memory.cache + memory.limits + memory.status + memory.figures +
                                     memory.bearers));
    return json;
}
