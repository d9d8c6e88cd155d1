// SPDX-License-Identifier: Apache-2.0
/* transcript.c - see transcript.h. */
#include "support/transcript.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "model/batch.h"
#include "model/definition.h"
#include "wire/row_sink.h"

#define STOPPED (-7)

struct stream_def transcript_stream(void)
{
    struct stream_def def = {
        .name = "plays",
        .version = 1,
        .field_count = 5,
        .fields = {{"player", FIELD_STRING},
                   {"points", FIELD_INT},
                   {"score", FIELD_FLOAT},
                   {"ok", FIELD_BOOL},
                   {"at", FIELD_TIME}},
        .key_field = 0,
        .time_field = -1,
        .id_field = -1,
    };

    return def;
}

void transcript_done(struct transcript *transcript)
{
    bytes_done(&transcript->text);
}

static int on_row(void *ctx, const struct cell *cells, uint64_t line)
{
    struct transcript *transcript = ctx;
    struct bytes *text = &transcript->text;

    bytes_format(text, "%" PRIu64, line);
    for (uint32_t i = 0; i < transcript->def->field_count; i++) {
        const struct field *field = &transcript->def->fields[i];

        if (!cells[i].present)
            continue;
        bytes_format(text, " %s=", field->name);
        switch (field->type) {
        case FIELD_INT:
        case FIELD_TIME:
            bytes_format(text, "%" PRId64, cells[i].i);
            break;
        case FIELD_FLOAT:
            bytes_format(text, "%.17g", cells[i].f);
            break;
        case FIELD_BOOL:
            bytes_put_text(text, cells[i].i ? "true" : "false");
            break;
        case FIELD_STRING:
            bytes_put_char(text, '"');
            bytes_put(text, cells[i].text.data, cells[i].text.size);
            bytes_put_char(text, '"');
            break;
        }
    }
    bytes_put_char(text, '\n');
    return ++transcript->row_count == transcript->stop_after ? STOPPED : 0;
}

static void on_reject(void *ctx, uint64_t line, const char *reason)
{
    struct transcript *transcript = ctx;

    transcript->reject_count++;
    bytes_format(&transcript->text, "%" PRIu64 "! ", line);
    bytes_put_text(&transcript->text, reason);
    bytes_put_char(&transcript->text, '\n');
}

int transcript_take(struct transcript *transcript, struct ndjson *ndjson, enum ndjson_form form,
                    struct span body, size_t (*next_piece)(void *ctx, size_t left), void *ctx)
{
    struct row_sink sink = {transcript, on_row, on_reject};
    int rc;

    ndjson_reset(ndjson, transcript->def, form, &sink);
    while (body.size > 0) {
        size_t size = next_piece != NULL ? next_piece(ctx, body.size) : body.size;
        char *piece;

        assert(size > 0 && size <= body.size);
        piece = bytes_alloc(size);
        memcpy(piece, body.data, size);
        rc = ndjson_feed(ndjson, piece, size);
        free(piece);
        if (rc < 0)
            break;
        body.data += size;
        body.size -= size;
    }
    rc = ndjson_finish(ndjson);
    bytes_text(&transcript->text);
    return rc;
}
