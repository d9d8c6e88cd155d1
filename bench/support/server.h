// SPDX-License-Identifier: Apache-2.0
/*
 * server.h - a tallywheel of one's own: started, watched, killed, started again.
 *
 * It serves loopback on a port that was free, and keeps its data, its config and what it says in a
 * folder that is removed at the end (unless it was named). It ends with the driver, however that
 * ends.
 *
 * Thread: the main thread.
 */
#ifndef TALLYWHEEL_BENCH_SUPPORT_SERVER_H
#define TALLYWHEEL_BENCH_SUPPORT_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

struct server {
    const char *program;
    char folder[512]; /* holds bench.yaml, said.txt and data/ */
    bool keep_folder;
    uint16_t port;
    pid_t pid; /* 0: none is running */
};

/*
 * `program` NULL: the tallywheel beside the driver. `folder` NULL: a new one in `parent`, removed
 * by server_done. If the folder has a config already, that and its data are used again.
 */
void server_init(struct server *server, const char *program, const char *parent, const char *folder,
                 struct span config);

/* Starts it and waits until it is ready; how long that took. */
uint64_t server_start(struct server *server);

/* As a power cut would, for the process. */
void server_kill(struct server *server);

/* Ends it in peace, and removes the folder. NULL is fine. */
void server_done(struct server *server);

/* Processor time that the running server has used. */
uint64_t server_cpu_ns(const struct server *server);
double server_rss_bytes(const struct server *server);

/* GET, which must succeed. */
void server_get(const struct server *server, const char *path, struct bytes *out_body);

/* What it has said since it was started. */
void server_said(const struct server *server, struct bytes *out);

#endif
