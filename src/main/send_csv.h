// SPDX-License-Identifier: Apache-2.0
/*
 * send_csv.h - CSV (RFC 4180) into NDJSON, typed by the definition of the stream.
 *
 * The first record is the header: names of fields. Cells may be quoted, quotes inside are
 * doubled, records end in LF or CRLF, quoted cells may hold line ends. The separator is what the
 * header uses: comma, semicolon or tab. An empty unquoted cell is a field that is not there.
 * A cell that does not fit its type is sent as a string, so that the server says why it refuses.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_MAIN_SEND_CSV_H
#define TALLYWHEEL_MAIN_SEND_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/definition.h"

struct err;
struct send_batch;
struct send_tally;
struct send_csv;

/* What to know of the fields of the stream. */
struct send_fields {
    uint32_t count;
    struct field items[STREAM_FIELDS_MAX];
};

/*
 * Reads the header at the start of `data` (`ended`: there is no more). *out_taken is its size; 0
 * with *out_csv NULL if it is not whole yet. Columns that are no field of the stream are not
 * sent, their names go to `out_unknown`, one a line. 0, or ERR_INVALID.
 */
int send_csv_open(struct send_csv **out_csv, struct span data, bool ended,
                  const struct send_fields *fields, size_t *out_taken, uint64_t *io_line,
                  struct bytes *out_unknown, struct err *err);
void send_csv_free(struct send_csv *csv);

/*
 * Turns whole records at the start of `data` into lines of batch->body until it holds body_bytes
 * or lines_max. Returns how much of `data` it took; `data` ends in a line end if `ended`.
 */
size_t send_csv_take(struct send_csv *csv, struct span data, bool ended, size_t body_bytes,
                     uint32_t lines_max, uint64_t *io_line, struct send_batch *batch,
                     struct send_tally *tally);

#endif
