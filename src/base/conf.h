// SPDX-License-Identifier: Apache-2.0
/*
 * conf.h - the settings of a server: one table, and everything that is made from it.
 *
 * A setting is one line of CONF_SETTINGS or CONF_LIMITS below. From these come the members of
 * struct conf, the reading of the YAML file, `--set name=value`, the printed list and the table
 * in docs/reference/config.md. Adding a setting is adding a line, in alphabetical order, and
 * running `tallywheel config --reference`.
 *
 * The definitions that stand in the same file (streams, metrics, boards) are handed on as trees:
 * what they mean is no business of this folder.
 *
 * Order of use: conf_init, conf_load, conf_set for each --set, conf_check. Then it is read only.
 *
 * Thread: one owner until conf_check; then any number of readers.
 */
#ifndef TALLYWHEEL_BASE_CONF_H
#define TALLYWHEEL_BASE_CONF_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct err;
struct json_t;

/* In the order of journal.h's enum journal_durability. */
enum conf_durability { CONF_FSYNC, CONF_WRITTEN, CONF_MEMORY };

#define CONF_CORES_MAX 64
#define CONF_TEXT_BYTES_MAX 4096
#define CONF_STRING_BYTES_MAX 8000 /* base/intern.h holds 65535 bytes: eight labels and more */

/* "127.0.0.1:7411", "[::1]:7411" */
struct conf_address {
    char host[256]; /* without the brackets */
    uint16_t port;  /* 0: any free one */
};

struct conf_list {
    char **items;
    uint32_t count;
};

/* What kinds of value there are, and the members of struct conf that hold them. */
#define CONF_TYPE_ADDRESS struct conf_address
#define CONF_TYPE_CORES uint32_t /* 0: as many as there are cores, see conf_cores() */
#define CONF_TYPE_COUNT int64_t
#define CONF_TYPE_DURABILITY enum conf_durability
#define CONF_TYPE_DURATION int64_t /* milliseconds */
#define CONF_TYPE_HOSTS struct conf_list
#define CONF_TYPE_ORIGINS struct conf_list
#define CONF_TYPE_SAY uint32_t /* an enum say_level */
#define CONF_TYPE_SIZE int64_t /* bytes */
#define CONF_TYPE_TEXT char *

enum conf_kind {
    CONF_KIND_ADDRESS,
    CONF_KIND_CORES,
    CONF_KIND_COUNT,
    CONF_KIND_DURABILITY,
    CONF_KIND_DURATION,
    CONF_KIND_HOSTS,
    CONF_KIND_ORIGINS,
    CONF_KIND_SAY,
    CONF_KIND_SIZE,
    CONF_KIND_TEXT,
};

/* kind, name, default, least, most, help. Least and most matter to numbers only. Sorted. */
#define CONF_SETTINGS(X)                                                                           \
    X(HOSTS, allow_hosts, "", 0, 64,                                                               \
      "Names by which requests over a loopback address may call this server, beside addresses "    \
      "and `localhost`, as in `[\"stats.example\"]`: for a proxy on the same machine. `[\"*\"]` "  \
      "is "                                                                                        \
      "any name.")                                                                                 \
    X(ORIGINS, allow_origins, "", 0, 64,                                                           \
      "Origins of other sites whose pages a browser may let read and write here, as in "           \
      "`[\"https://intranet.example\"]`; `[\"*\"]` is any site. Empty: only the server's own "     \
      "page.")                                                                                     \
    X(SIZE, batch_bytes, "256KiB", 4096, 64 << 20,                                                 \
      "A batch is committed when it has grown to this size, however young it is.")                 \
    X(DURATION, commit_delay, "1ms", 0, 1000,                                                      \
      "A batch waits at most this long for more events before it is committed; `0` commits at "    \
      "once.")                                                                                     \
    X(TEXT, data, "./data", 0, 0,                                                                  \
      "The folder of the journal. A relative path starts where the server was started. It is "     \
      "made if it is missing.")                                                                    \
    X(DURABILITY, durability, "fsync", 0, 0,                                                       \
      "What an acknowledged event has survived: `fsync` a power cut, `written` the end of the "    \
      "process, `memory` nothing.")                                                                \
    X(ADDRESS, http, "127.0.0.1:7411", 0, 65535,                                                   \
      "Address and port of the page and the API; `0.0.0.0:7411` or `[::]:7411` listens to other "  \
      "machines too. Port 0 takes any free one.")                                                  \
    X(CORES, partitions, "cores", 1, CONF_CORES_MAX,                                               \
      "How many partitions the data is split into. Chosen when the data folder is made and fixed " \
      "from then on.")                                                                             \
    X(DURATION, request_timeout, "30s", 100, 3600000,                                              \
      "A request that takes longer than this, to arrive or to be answered, is given up (503).")    \
    X(ADDRESS, resp, "127.0.0.1:7410", 0, 65535,                                                   \
      "Address and port for clients of Redis (RESP2 and RESP3), as `http`.")                       \
    X(SAY, say, "info", 0, 0,                                                                      \
      "The least important line that is written to stderr: `debug`, `info`, `warn` or `error`.")   \
    X(SIZE, segment_bytes, "64MiB", 1 << 20, INT64_C(4) << 30,                                     \
      "The journal goes on in a new file when the current one has grown to this size.")            \
    X(DURATION, shutdown_timeout, "10s", 0, 600000,                                                \
      "How long SIGTERM waits for requests that have begun, before they are cut off.")             \
    X(DURATION, tick, "100ms", 10, 10000,                                                          \
      "How often panes are closed, and changes are computed and pushed to who watches.")           \
    X(CORES, workers, "cores", 1, CONF_CORES_MAX,                                                  \
      "How many threads serve connections and fold partitions.")

#define CONF_LIMITS(X)                                                                             \
    X(COUNT, board_members, "50M", 1, 1000000000,                                                  \
      "Entries of one board in one partition: its members, in each segment. Further ones are "     \
      "left out and counted.")                                                                     \
    X(COUNT, board_segments, "100k", 1, 10000000,                                                  \
      "Segments of one board in one partition: distinct values of its `by` fields. Scores in "     \
      "further ones are left out and counted.")                                                    \
    X(SIZE, body_bytes, "64MiB", 1024, INT64_C(4) << 30,                                           \
      "Largest body of a request, after gzip was undone. Beyond: 413.")                            \
    X(COUNT, connections, "10k", 1, 1000000,                                                       \
      "Open connections, watches included. More are turned away (503).")                           \
    X(COUNT, definitions, "10k", 1, 100000,                                                        \
      "Streams, metrics and boards together. More are refused (429).")                             \
    X(SIZE, ingest_bytes, "256MiB", 1 << 20, INT64_C(1) << 40,                                     \
      "Events that were received and are not yet committed, over all connections. Beyond: 429 "    \
      "with Retry-After.")                                                                         \
    X(COUNT, key_members, "50M", 1, 1000000000,                                                    \
      "Members of all plain keys of one partition together. Adding more is an error.")             \
    X(COUNT, keys, "10M", 1, 1000000000,                                                           \
      "Plain keys of one partition: boards that Redis clients make by using them. Making more is " \
      "an error.")                                                                                 \
    X(SIZE, line_bytes, "1MiB", 128, 64 << 20,                                                     \
      "Longest event: one line of NDJSON, one element of an array. A longer one is rejected.")     \
    X(COUNT, metric_panes, "100k", 1, 100000000,                                                   \
      "Panes of one metric in one partition that hold data. Beyond, the oldest are dropped.")      \
    X(COUNT, metric_series, "1M", 1, 1000000000,                                                   \
      "Distinct values of the `by` fields of a metric in one partition (metrics of a stream with " \
      "the same `by` share them). Further ones are counted in the series `__other__`.")            \
    X(SIZE, multi_bytes, "64MiB", 4096, 1 << 30,                                                   \
      "Commands that a Redis client has queued with MULTI. Beyond: an error, and EXEC fails.")     \
    X(COUNT, page_entries, "10k", 1, 1000000, "Largest `n` of a page of a board. Beyond: 400.")    \
    X(COUNT, producer_sequences, "64", 1, 1000000,                                                 \
      "Requests of one producer that a stream remembers in one partition: those with the highest " \
      "sequences. One with a lower sequence is refused (409).")                                    \
    X(COUNT, producers, "10k", 1, 10000000,                                                        \
      "Producers that one stream remembers in one partition. Beyond, the one that has been "       \
      "silent for longest is forgotten.")                                                          \
    X(COUNT, query_points, "1M", 1, 100000000,                                                     \
      "Points in the answer to one query of a metric. Beyond: 400.")                               \
    X(COUNT, rejects_listed, "100", 0, 100000,                                                     \
      "Rejected events that an answer lists one by one; all are counted.")                         \
    X(COUNT, resp_args, "1M", 16, 16 << 20,                                                        \
      "Words of one command of a Redis client. Beyond: a protocol error, and the connection is "   \
      "closed.")                                                                                   \
    X(SIZE, resp_bulk_bytes, "512MiB", 64 << 10, 512 << 20,                                        \
      "Longest word of a command of a Redis client. Beyond: as `resp_args`.")                      \
    X(COUNT, resp_connections, "10k", 1, 1000000,                                                  \
      "Open connections of Redis clients. More are turned away with an error.")                    \
    X(SIZE, resp_input_bytes, "1GiB", 64 << 10, 1 << 30,                                           \
      "Size of one command of a Redis client. Beyond, the connection is closed.")                  \
    X(SIZE, resp_output_bytes, "1GiB", 1 << 20, INT64_C(16) << 30,                                 \
      "Replies that wait for one slow Redis client. Beyond, the connection is closed.")            \
    X(SIZE, resp_push_bytes, "32MiB", 64 << 10, INT64_C(16) << 30,                                 \
      "Messages that wait for one slow subscriber (RESP). Beyond, the connection is closed.")      \
    X(COUNT, resp_subscriptions, "100k", 1, 10000000,                                              \
      "Channels and patterns that one Redis client has subscribed to. More are refused.")          \
    X(COUNT, search_results, "1k", 1, 100000,                                                      \
      "Largest `n` of a search among the members of a board. Beyond: 400.")                        \
    X(COUNT, stream_ids, "50M", 1, 1000000000,                                                     \
      "Event ids that one stream remembers in one partition. Beyond, the oldest are forgotten "    \
      "before `dedupe` has passed.")                                                               \
    X(SIZE, string_bytes, "4KiB", 16, CONF_STRING_BYTES_MAX,                                       \
      "Longest string in a field. An event with a longer one is rejected.")                        \
    X(SIZE, watch_queue_bytes, "1MiB", 4096, INT64_C(1) << 30,                                     \
      "Changes that wait for one slow watcher. Beyond, it is told of a gap and gets a snapshot.")  \
    X(COUNT, watches, "10k", 0, 1000000,                                                           \
      "Live topics that are watched, over all connections. More are refused (429).")

#define CONF_MEMBER(kind, name, ...) CONF_TYPE_##kind name;

struct conf_limits {
    CONF_LIMITS(CONF_MEMBER)
};

#define CONF_ONE(...) +1
enum { CONF_SETTING_COUNT = 0 CONF_SETTINGS(CONF_ONE) CONF_LIMITS(CONF_ONE) };

/* Where the value of a setting comes from. */
enum conf_origin { CONF_FROM_DEFAULT, CONF_FROM_FILE, CONF_FROM_SET };

/* A stream, metric or board of the file. */
struct conf_definition {
    const char *kind; /* "streams", "metrics" or "boards" */
    const char *name;
    const struct json_t *tree;
};

struct conf {
    CONF_SETTINGS(CONF_MEMBER)
    struct conf_limits limits;
    /* All streams, then all metrics, then all boards, each in the order of the file. */
    struct conf_definition *definitions;
    uint32_t definition_count;
    enum conf_origin origins[CONF_SETTING_COUNT]; /* in the order of conf_settings */
    char *source;                                 /* the name of the file, or NULL */
    struct bytes text;   /* what stood in it, so that errors can say where */
    struct json_t *tree; /* what it became; definitions point into it */
};

/* A line of the table. */
struct conf_setting {
    const char *path; /* "tick", "limits.body_bytes" */
    enum conf_kind kind;
    size_t offset; /* into struct conf */
    const char *default_text;
    int64_t min;
    int64_t max;
    const char *help;
};

/* CONF_SETTING_COUNT of them: CONF_SETTINGS, then CONF_LIMITS. */
extern const struct conf_setting conf_settings[];

/* All defaults. */
void conf_init(struct conf *conf);
void conf_done(struct conf *conf);

/*
 * Reads a YAML file, once. Errors begin "file:line:column: " and name the setting; an unknown one
 * comes with the name that was probably meant.
 */
int conf_load(struct conf *conf, const char *path, struct err *err);

/* The same for text at hand; `source` is what errors call it. */
int conf_read(struct conf *conf, const char *source, struct span text, struct err *err);

/* "name=value", as --set takes it; it wins over the file. Origins are separated by commas. */
int conf_set(struct conf *conf, const char *assignment, struct err *err);

/* Whether the settings fit together. */
int conf_check(const struct conf *conf, struct err *err);

/*
 * Puts "file:line:column: " before an error whose text begins with a path into the file, as those
 * of model/definition.h do; leaves it alone if the file has no such place.
 */
void conf_locate(const struct conf *conf, struct err *err);

/* Processor cores that this process may run on, 1 to CONF_CORES_MAX. */
uint32_t conf_cores(void);

/* All settings as YAML that reads back as the same, with the origin of each as a comment. */
void conf_print(const struct conf *conf, struct bytes *out);

/* The tables of docs/reference/config.md, as markdown. */
void conf_reference_print(struct bytes *out);

/* "fsync", "written", "memory". */
const char *conf_durability_text(enum conf_durability durability);

#endif
