/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_FUNCTIONS_H
#define GTM_FUNCTIONS_H

/** @file functions.h The functions that other modules may call (mod_graphtok.h). */

/** Make the functions known; while hooks are registered. */
void gtm_functions_register(void);

#endif
