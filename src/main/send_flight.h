// SPDX-License-Identifier: Apache-2.0
/*
 * send_flight.h - the requests that are on their way: one a connection, several at once, each
 * tried again until it is answered or has failed too often.
 *
 * With one connection the order of the batches is the order of the events. What can be tried
 * again: no connection, a broken one, 429 (after its Retry-After) and 502 to 504. After a
 * connection breaks with the answer outstanding, nobody knows whether the server took the batch:
 * so each connection is a producer with a name of its own and numbers its batches, and the server
 * takes of one that is sent again only what it had not taken.
 *
 * Thread: the main thread; polls curl's sockets.
 */
#ifndef TALLYWHEEL_MAIN_SEND_FLIGHT_H
#define TALLYWHEEL_MAIN_SEND_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;
struct send_batch;
struct send_flight;
struct send_tally;

#define SEND_CONNECTIONS_MAX 64

struct send_flight_options {
    const char *server; /* for messages: "http://127.0.0.1:7411" */
    const char *url;    /* where to POST */
    uint32_t connections;
    uint64_t retries;
};

/* The strings of the options and the tally must outlive the flight. */
int send_flight_open(struct send_flight **out_flight, const struct send_flight_options *options,
                     struct send_tally *tally, struct err *err);
void send_flight_close(struct send_flight *flight);

/* Whether a connection is free, and how many are not. */
bool send_flight_ready(const struct send_flight *flight);
uint32_t send_flight_busy(const struct send_flight *flight);

/* Sends a batch. Its buffers are swapped for used ones: it is empty afterwards. */
void send_flight_start(struct send_flight *flight, struct send_batch *batch);

/*
 * Moves everything on, waiting at most wait_ms or until `input_fd` (-1: none) is readable. What
 * was answered is in the tally. Negative once a batch could not be sent: err says why, no new
 * tries begin, and the others' answers should still be waited for.
 */
int send_flight_poll(struct send_flight *flight, int input_fd, uint32_t wait_ms, struct err *err);

/* No more tries: what waits for one fails now, what is on its way may still be answered. */
void send_flight_give_up(struct send_flight *flight);

/* The first line of the input that could not be sent; 0 if nothing has failed. */
uint64_t send_flight_failed_line(const struct send_flight *flight);

/* What to do after try number `attempt` (from 0) failed: wait, with jitter. */
uint64_t send_flight_backoff_ms(uint64_t attempt, uint32_t random);

/* Adds an answer to the tally; 0, or ERR_INTERNAL if it is not one. */
int send_flight_answer(struct send_tally *tally, const struct send_batch *batch, struct span answer,
                       struct err *err);

#endif
