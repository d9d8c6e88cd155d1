// SPDX-License-Identifier: Apache-2.0
/*
 * query.h - `tallywheel query`, `status` and `get`: ask once, print, end.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_QUERY_H
#define TALLYWHEEL_MAIN_QUERY_H

#include <stdbool.h>

struct bytes;
struct cli_command;
struct json_t;

extern const struct cli_command query_command;
extern const struct cli_command query_status_command;
extern const struct cli_command query_get_command;

/* The answer of GET /v1/metrics/M as an aligned table, and as CSV. Labels are in the order of
 * their first series. */
void query_put_table(const struct json_t *answer, bool colour, struct bytes *out);
void query_put_csv(const struct json_t *answer, struct bytes *out);

/* The answer of GET /v1/status for a person. */
void query_put_status(const struct json_t *status, bool colour, struct bytes *out);

#endif
