/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The database's parameters. The dump masks a password in them, so it is read where DBDParams
 * stands: the dump names file and line. The line is read as httpd does (continuations, variables,
 * quotes) and must, masked, be what httpd resolved; else the configuration uses a form that this
 * file cannot follow.
 */

#include "ctl.h"

#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "base/secret.h"
#include "base/text.h"
#include "db/handle.h"

#define LINE_ROOM 8192
#define WAIT apr_time_from_sec(5)
#define ANSWER apr_time_from_sec(60)

static const char *skip_blanks(const char *c)
{
    while (apr_isspace(*c))
        c++;
    return c;
}

/** One physical line without its newline; 0 at the end of the file or when it is too long. */
static int read_line(char *line, apr_file_t *file)
{
    apr_size_t len;

    if (apr_file_gets(line, LINE_ROOM, file) != APR_SUCCESS)
        return 0;
    len = strlen(line);
    if (len == LINE_ROOM - 1)
        return 0;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        line[--len] = '\0';
    return 1;
}

/** The logical line that ends at a line number: httpd counts a continued one by its last. */
static char *logical_line(apr_file_t *file, apr_int64_t number, apr_pool_t *p)
{
    char *line = apr_palloc(p, LINE_ROOM);
    char *whole = apr_pstrdup(p, "");

    gt_wipe_with_pool(line, LINE_ROOM, p);
    for (apr_int64_t at = 1; read_line(line, file); at++) {
        apr_size_t len = strlen(line);
        int goes_on = len > 0 && line[len - 1] == '\\';

        if (goes_on)
            line[len - 1] = '\0';
        whole = apr_pstrcat(p, whole, line, NULL);
        gt_wipe_with_pool(whole, strlen(whole), p);
        if (at == number)
            return goes_on ? NULL : whole;
        if (!goes_on)
            whole = apr_pstrdup(p, "");
    }
    return NULL;
}

/** ${NAME} from the environment; one that is not there stays as it is. */
static char *with_variables(const char *text, apr_pool_t *p)
{
    char *result = apr_pstrdup(p, "");
    const char *open;

    while ((open = strstr(text, "${")) != NULL) {
        const char *close = strchr(open, '}');
        const char *value;

        if (close == NULL)
            break;
        value = getenv(apr_pstrmemdup(p, open + 2, (apr_size_t)(close - open - 2)));
        result = apr_pstrcat(
            p, result, apr_pstrmemdup(p, text, (apr_size_t)(open - text)),
            value != NULL ? value : apr_pstrmemdup(p, open, (apr_size_t)(close + 1 - open)), NULL);
        gt_wipe_with_pool(result, strlen(result), p);
        text = close + 1;
    }
    result = apr_pstrcat(p, result, text, NULL);
    gt_wipe_with_pool(result, strlen(result), p);
    return result;
}

/** The first word of a directive's arguments, by httpd's rules for quotes. */
static char *first_word(const char *text, apr_pool_t *p)
{
    char quote = *text == '"' || *text == '\'' ? *text : '\0';
    char *word = apr_palloc(p, strlen(text) + 1);
    char *to = word;

    if (quote != '\0')
        text++;
    for (; *text != '\0' && (quote != '\0' ? *text != quote : !apr_isspace(*text)); text++) {
        if (*text == '\\' && (text[1] == '\\' || (quote != '\0' && text[1] == quote)))
            text++;
        *to++ = *text;
    }
    *to = '\0';
    gt_wipe_with_pool(word, strlen(word), p);
    return word;
}

/** The DBDParams at "FILE:LINE". @param found  NULL: no DBDParams. @return why it cannot be read */
static apr_status_t params_at(const char **found, const char *where, apr_pool_t *p)
{
    static const char directive[] = "DBDParams";
    const char *colon = strrchr(where, ':');
    apr_int64_t number;
    apr_file_t *file;
    apr_status_t rv;
    const char *line;

    *found = NULL;
    if (colon == NULL || !gt_number(&number, colon + 1, 1, INT32_MAX))
        return APR_SUCCESS;
    rv = apr_file_open(&file, apr_pstrmemdup(p, where, (apr_size_t)(colon - where)),
                       APR_READ | APR_BUFFERED, APR_OS_DEFAULT, p);
    if (rv != APR_SUCCESS)
        return rv;
    line = logical_line(file, number, p);
    apr_file_close(file);
    line = line != NULL ? skip_blanks(line) : "";
    if (strncasecmp(line, directive, strlen(directive)) != 0 ||
        !apr_isspace(line[strlen(directive)]))
        return APR_SUCCESS;
    line += strlen(directive);
    *found = first_word(with_variables(skip_blanks(line), p), p);
    return APR_SUCCESS;
}

gt_err_t *ctl_db_params(const char **params, const gt_config_t *config, apr_pool_t *p)
{
    const char *where = config->db_params_where;
    const char *found = NULL;
    apr_status_t rv = APR_SUCCESS;

    *params = config->db_params;
    if (strstr(config->db_params, "***") == NULL)
        return GT_OK;
    if (where != NULL)
        rv = params_at(&found, where, p);
    if (rv != APR_SUCCESS)
        return gt_err_file(p, GT_FORBIDDEN, "GT0908", rv,
                           "the database's password, which stands in DBDParams at %s, cannot be "
                           "read (run graphtokctl as root, or keep the password in a pgpass file, "
                           "~/.pgpass)",
                           where);
    if (found == NULL)
        return gt_err(p, GT_INVALID, "GT0909",
                      "the database's password should stand in DBDParams at %s, and there is none: "
                      "keep the password in a pgpass file (~/.pgpass)",
                      where != NULL ? where : "an unknown place");
    if (strcmp(gt_db_params_shown(config->db_driver, found, p), config->db_params) != 0)
        return gt_err(p, GT_INVALID, "GT0909",
                      "DBDParams at %s is not what httpd made of it (a variable or a macro?): set "
                      "the variable for graphtokctl too, or keep the password in a pgpass file",
                      where);
    *params = found;
    return GT_OK;
}

gt_err_t *ctl_db(gt_db_t **db, const gt_config_t *config, apr_pool_t *p)
{
    const gt_db_limits_t limits = {1, WAIT, ANSWER};
    gt_db_source_t source;
    const char *params;

    gt_db_bound_connecting();
    if (config->db_driver[0] == '\0')
        return gt_err(p, GT_INVALID, "GT0910",
                      "there is no database: write DBDriver and DBDParams in the main server");
    GT_TRY(ctl_db_params(&params, config, p));
    GT_TRY(gt_handle_source(&source, config->db_driver, params, p));
    ctl_connect_as_httpd(&source, config, p);
    *db = gt_db_make(&source, &limits, p);
    return GT_OK;
}
