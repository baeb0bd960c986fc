/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_RELAY_H
#define GT_TEST_RELAY_H

/*
 * A network between us and the test's PostgreSQL that can be made to fail: a port on the loopback
 * whose connections are passed on to the server's own socket.
 */

typedef struct relay_t relay_t;

relay_t *relay_open(void);
void relay_close(relay_t *relay);

/* " host=… port=…", to be appended to a conninfo; lives as long as the relay. */
const char *relay_params(const relay_t *relay);

/* The next message from the client with this text in it reaches the server, and the connection ends
 * in place of the server's answer. 1: and no new one is taken until relay_up. */
void relay_swallow(relay_t *relay, const char *text, int goes_down);
void relay_up(relay_t *relay);

/* 1: nothing passes any more, in no direction, nor does anything end; 0: all that was held
 * passes. */
void relay_freeze(relay_t *relay, int is_frozen);

/* Connections taken so far. */
int relay_connections(relay_t *relay);

#endif
