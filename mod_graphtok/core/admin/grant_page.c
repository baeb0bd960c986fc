/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A walk that ends with the page: the grant behind it says that there is another. */

#include "admin/grant_page.h"

#include "admin/cursor.h"
#include "admin/grant_view.h"

typedef struct page_t {
    json_t *grants;
    apr_int64_t left; /* room for so many */
    const char *next;
    const char *last; /* the cursor behind the last one */
    const gt_pick_t *pick;
    const gt_config_t *config;
    apr_pool_t *pool;
} page_t;

static gt_err_t *add(int *go_on, void *baton, gt_store_t *store, const gt_grant_t *grant,
                     apr_pool_t *scratch)
{
    page_t *page = baton;

    if (page->left == 0) {
        page->next = page->last;
        *go_on = 0;
        return GT_OK;
    }
    if (--page->left == 0)
        page->last = gt_cursor(page->pick, grant, page->pool);
    json_array_append_new(page->grants, gt_grant_json(store, grant, page->config, scratch));
    return GT_OK;
}

gt_err_t *gt_grant_page(json_t *grants, const char **next, const gt_pick_t *pick, apr_int64_t limit,
                        const gt_vault_parts_t *parts, apr_pool_t *p)
{
    page_t page = {
        .grants = grants, .left = limit, .pick = pick, .config = parts->config, .pool = p};
    gt_pick_t meant = *pick;
    gt_walk_t walk = {
        .pick = &meant, .config = parts->config, .db = parts->db, .fn = add, .baton = &page};

    meant.page = (int)limit + 1;
    GT_TRY(gt_pick_each(&walk, p));
    *next = page.next;
    return GT_OK;
}
