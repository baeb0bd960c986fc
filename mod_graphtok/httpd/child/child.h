/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CHILD_H
#define GTM_CHILD_H

/**
 * @file child.h
 * The parts that live as long as the server (shared memory, keyring) and those that live as long as
 * a child (transfer loop, crew, database access, vault). The parent maps the memory and reads the
 * keyring as root; threads start in the child, after the fork, and are joined before its pool goes:
 * first the crew, whose threads may hold database connections, then the loop.
 */

#include <httpd.h>

#include <apr_hash.h>

#include "audit/audit.h"
#include "bearer/bearer.h"
#include "db/db.h"
#include "graph/mailbox.h"
#include "hooks/arrival.h"
#include "jobs/jobs.h"
#include "metrics/figures.h"
#include "shm/limit.h"
#include "task/finisher.h"
#include "vault/vault.h"

/** One child at work. Immutable after child_init. */
typedef struct gtm_child_t {
    server_rec *server; /* the main server */
    const gt_config_t *config;
    gt_limits_t *limits;
    gt_slots_t *slots; /* for figures */
    gt_figures_t *figures;
    gt_audit_t *audit;         /* NULL: none */
    struct gtm_entry_t *entry; /* of mod_status */
    gt_loop_t *loop;
    gt_crew_t *crew;
    gt_crew_t *readers;        /* threads that may wait for secrets: task/reader.h */
    gt_loop_t *mail_loop;      /* of mail_crew */
    gt_crew_t *mail_crew;      /* sends mail; NULL: no store keeps mail */
    gt_mailboxes_t *mailboxes; /* calls that wait for a place at a mailbox */
    gt_arrivals_t *arrivals;   /* notifications that wait to be stored */
    apr_hash_t *bearers;       /* of gt_bearer_t by the name of its <GraphTokJWT> */
    gt_jobs_t *jobs;           /* background work */
    gt_vault_t *vault;
    gt_finishers_t *finishers; /* NULL: requests cannot park */
    int is_graceful;           /* 1: it ends, and its parent waits for it */
    int ends_at_once;          /* atomic; 1: it ends, and does not answer its clients any more */
    int single;                /* 1: one thread serves (prefork): signals end it anywhere */
} gtm_child_t;

/** 1 when the MPM polls connections for us, so that requests can park. */
int gtm_mpm_can_park(void);

/** This process's child; NULL in the parent and where nothing of ours is configured. */
gtm_child_t *gtm_child(void);

/** 1 when the child ends and does not answer its clients any more: their connections are closed, or
 * a signal that is held back is about to end it. Any thread. */
int gtm_child_ends_at_once(const gtm_child_t *child);

/** post_config hook: maps the memory, reads the keyring, logs warnings. Fails only when
 * memory cannot be had. */
int gtm_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/** child_init hook. */
void gtm_child_init(apr_pool_t *pchild, server_rec *s);

/** child_stopping hook: no new background work from here on. */
void gtm_child_stopping(apr_pool_t *pchild, int graceful);

#endif
