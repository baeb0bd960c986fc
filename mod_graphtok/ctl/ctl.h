/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_H
#define CTL_H

/**
 * @file ctl.h
 * The verbs of graphtokctl and their common functions. The core does the work: a verb reads its
 * options, asks for the configuration and the database if it needs them, and prints. Results go to
 * standard output, as text or with --json as one JSON object; everything else to standard error.
 */

#include <argp.h>
#include <stdio.h>

#include "base/err.h"
#include "conf/config.h"
#include "conf/expiry.h"
#include "conf/keys.h"
#include "db/db.h"
#include "vault/vault.h"

/** Whether there are colours (terminal.h). */
typedef enum ctl_colour_t { CTL_COLOUR_AUTO, CTL_COLOUR_ALWAYS, CTL_COLOUR_NEVER } ctl_colour_t;

/** One run of the program. */
typedef struct ctl_t {
    apr_pool_t *pool;
    const char *httpd;       /* --httpd: command whose configuration is asked for; NULL: find one */
    const char *config_file; /* --config: its dump, "-" for standard input; NULL: ask httpd */
    int json;                /* --json */
    ctl_colour_t colour;     /* --color */
    int exit_code;           /* out: of a verb that did its work and found something wrong */
} ctl_t;

/** One verb. A table of them ends with an empty name. */
typedef struct ctl_verb_t {
    const char *name;
    const char *line; /* its purpose, for --help */
    /** argv[0] is "graphtokctl VERB". */
    gt_err_t *(*run)(ctl_t *ctl, int argc, char **argv);
} ctl_verb_t;

/** The options all verbs share, for the `children` of a verb's argp; its parser hands the ctl_t on
 * (child_inputs[0]) at ARGP_KEY_INIT. */
extern const struct argp_child ctl_common[];

/** Read a verb's options into `input`. Wrong ones end the program with usage on standard error. */
GT_MUST gt_err_t *ctl_options(const ctl_t *ctl, const struct argp *argp, int argc, char **argv,
                              void *input);

/** The configuration: from --config, else asked of httpd. */
GT_MUST gt_err_t *ctl_config(gt_config_t **config, const ctl_t *ctl);

/** The same, with the dump's mounts (an array of objects; NULL: it has none). */
GT_MUST gt_err_t *ctl_config_with_mounts(gt_config_t **config, const json_t **mounts,
                                         const ctl_t *ctl);

/** GT_INVALID (GT0941) when only httpd can have a secret; GT0940 when there is none. */
GT_MUST gt_err_t *ctl_demand_readable(const gt_source_t *source, const char *directive,
                                      apr_pool_t *p);

/** The same for each credential of a provider, of which there must be one. */
GT_MUST gt_err_t *ctl_demand_credentials(const gt_provider_conf_t *provider, apr_pool_t *p);

/** When the credentials of a provider end, as far as that is known here: its files are read when
 * this process may. @return how many */
int ctl_expiries(gt_expiry_t expiries[GT_EXPIRIES_MAX], const gt_provider_conf_t *provider,
                 apr_pool_t *p);

/** The database that the configuration names. */
GT_MUST gt_err_t *ctl_db(gt_db_t **db, const gt_config_t *config, apr_pool_t *p);

/** As root: have connections made by the user of httpd's children. @param source in and out */
void ctl_connect_as_httpd(gt_db_source_t *source, const gt_config_t *config, apr_pool_t *p);

/** As root: give a file of root's to the user of httpd's children, who write it, too. */
void ctl_give_to_httpd(int fd, const gt_config_t *config);

/** Its parameters with the password, which is read where DBDParams stands. */
GT_MUST gt_err_t *ctl_db_params(const char **params, const gt_config_t *config, apr_pool_t *p);

/** 0 when only httpd can read a source of a keyring. */
int ctl_keys_are_ours(const gt_keys_t *keys, apr_pool_t *p);

/** Read a keyring; GT_INVALID when only httpd can read it. */
GT_MUST gt_err_t *ctl_keys_read(gt_keys_t *keys, apr_pool_t *p);

/** The keyrings that the configuration names, read: array of gt_keys_t *. One of a store that
 * cannot be read has no key, and standard error says why. @return the failure of the server's */
GT_MUST gt_err_t *ctl_keys_all(apr_array_header_t **all, const gt_config_t *config, apr_pool_t *p);

/** A vault of our own, beside httpd's: keyring, database, threads. */
GT_MUST gt_err_t *ctl_vault_open(gt_vault_t **vault, const gt_config_t *config, apr_pool_t *p);

/** Run one of the vault's works to its end. */
GT_MUST gt_err_t *ctl_vault_wait(const gt_vault_t *vault, const gt_work_t *work, void *state,
                                 apr_pool_t *p);

/** End its threads; jobs under way are waited for. */
void ctl_vault_close(gt_vault_t *vault, apr_pool_t *p);

/** The server's keyring, read. */
GT_MUST gt_err_t *ctl_keyring(gt_keyring_t **ring, const gt_config_t *config, apr_pool_t *p);

/**
 * httpd's journal.
 * @param all  of gt_keys_t *: the keyrings that its entries may be sealed by
 * @param journal  NULL when there is none: it is off, or no httpd has started yet
 * @return GT_FORBIDDEN when it is there and this user may not use it
 */
GT_MUST gt_err_t *ctl_journal(gt_journal_t **journal, const gt_config_t *config,
                              const apr_array_header_t *all, apr_pool_t *p);

/** Record operations from now on, where an audit is configured. @param ring NULL: it is read */
GT_MUST gt_err_t *ctl_audit_start(const gt_config_t *config, gt_keyring_t *ring, apr_pool_t *p);

/** Whether a store's tables, those of its mail among them, are there, at the newest version, and
 * open to us. @param version  out, of its own */
GT_MUST gt_err_t *ctl_store_version(int *version, const gt_store_conf_t *store, gt_db_t *db,
                                    apr_pool_t *p);

/** The command line itself is wrong: graphtokctl ends with EX_USAGE. @return err */
GT_MUST GT_NEVER_NULL gt_err_t *ctl_usage(gt_err_t *err);

/** A JSON object on standard output. */
void ctl_print_json(const json_t *json);

/** The verbs, each in its file. */
gt_err_t *ctl_account(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_sync(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_acquire(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_audit(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_check(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_deactivate(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_genkey(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_keys_verb(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_cleanup(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_list(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_login(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_migrate(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_names(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_refresh(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_revoke(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_sessions(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_status(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_token(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_validate(ctl_t *ctl, int argc, char **argv);
gt_err_t *ctl_work(ctl_t *ctl, int argc, char **argv);

#endif
