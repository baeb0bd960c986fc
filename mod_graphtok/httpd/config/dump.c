/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * `httpd -t -D DUMP_GRAPHTOK`: the resolved configuration on standard output as one JSON object,
 * the memory of the slots, every mount with the settings that hold there, and the names of
 * fields that no client can send (given_names.h). graphtokctl reads "config". Secrets appear as
 * references only.
 */

#include "config/settings.h"

#include <apr_file_io.h>
#include <http_core.h>

#include "config/mounts.h"
#include "config/setters.h"
#include "shm/limit.h"
#include "shm/slots.h"

static json_t *mount_json(const gtm_mount_t *mount, const server_rec *s, apr_pool_t *p)
{
    json_t *json = json_object();
    json_t *settings = gtm_dir_to_json(gtm_mount_settings(mount, s, p), p);

    gt_json_set(json, "handler", mount->handler);
    gt_json_set(json, "path", mount->path);
    gt_json_set(json, "host", mount->server != NULL ? mount->server->server_hostname : NULL);
    gt_json_set(json, "where", mount->where);
    gt_json_set_bool(json, "has_require", mount->has_require);
    gt_json_put(json, "settings", json_incref(settings));
    return json;
}

static json_t *list(const apr_array_header_t *texts)
{
    json_t *json = json_array();

    for (int i = 0; i < texts->nelts; i++)
        json_array_append_new(json, json_string(APR_ARRAY_IDX(texts, i, const char *)));
    return json;
}

void gtm_dump(apr_pool_t *pconf, server_rec *s, json_t *memory)
{
    const gtm_server_t *server = gtm_server(s);
    json_t *root, *mounts;
    apr_file_t *out;

    if (!ap_exists_config_define("DUMP_GRAPHTOK") ||
        apr_file_open_stdout(&out, pconf) != APR_SUCCESS)
        return;
    root = gt_json_object(pconf);
    mounts = json_array();
    for (int i = 0; i < server->mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(server->mounts, i, gtm_mount_t);

        json_array_append_new(mounts, mount_json(mount, s, pconf));
    }
    gt_json_put(root, "config", json_incref(gt_config_to_json(server->config, pconf)));
    gt_json_put(root, "memory", json_incref(memory));
    gt_json_put(root, "mounts", mounts);
    gt_json_put(root, "stripped", list(server->passed));
    apr_file_puts(gt_json_dump(root, pconf), out);
    apr_file_puts("\n", out);
}
