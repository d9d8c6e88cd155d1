// SPDX-License-Identifier: Apache-2.0
/*
 * resp_print.h - replies (model/reply.h) as a client wants them written: RESP2 or RESP3.
 *
 *     kind          RESP2                       RESP3
 *     null          $-1                         _
 *     null array    *-1                         _
 *     int           :7                          :7
 *     double        a bulk string               ,1.5
 *     bool          :1                          #t
 *     status        +OK                         +OK
 *     error         -ERR text                   -ERR text
 *     bulk          $3 key                      $3 key
 *     text          a bulk string               =7 txt:abc
 *     array         *2                          *2
 *     pairs of n    *2n                         *n of *2 each
 *     map of n      *2n                         %n
 *     table of n    *n of *2 each               %n
 *     set           *n                          ~n
 *     push          *n                          >n
 *
 * CR and LF in a status or an error become spaces, so that nobody can write replies of his own
 * through them.
 *
 * Thread: plain functions; any.
 */
#ifndef TALLYWHEEL_RESP_RESP_PRINT_H
#define TALLYWHEEL_RESP_RESP_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum resp_protocol { RESP_PROTOCOL_2 = 2, RESP_PROTOCOL_3 = 3 };

/* Appends all values of `tokens`. */
void resp_print(struct bytes *out, struct span tokens, enum resp_protocol protocol);

/*
 * Appends the value that begins at `*at`, with its elements, and moves `*at` behind it. False at
 * the end. So the replies of several commands that came in one piece can be told apart.
 */
bool resp_print_next(struct bytes *out, struct span tokens, size_t *at,
                     enum resp_protocol protocol);

#define RESP_DOUBLE_BYTES_MAX 32

/*
 * A double as text, as Redis 7.2 writes scores: the fewest digits that read back as the same
 * number, "3", "0.1", "1e+20", "1.5e-7", "inf", "-inf", "nan", "-0". Integers within 2^62 have no
 * exponent. Returns the size; not zero-terminated.
 */
size_t resp_double_print(char to[RESP_DOUBLE_BYTES_MAX], double value);

#define RESP_INT_BYTES_MAX 20

/* An integer in decimal. Returns the size; not zero-terminated. */
size_t resp_int_print(char to[RESP_INT_BYTES_MAX], int64_t value);

/* The same two, appended. */
void resp_double_put(struct bytes *out, double value);
void resp_int_put(struct bytes *out, int64_t value);

#endif
