// SPDX-License-Identifier: Apache-2.0
/*
 * define.h - definitions, one after the other: checked, journaled in every partition, then used.
 *
 * Worker 0 is the definer. A definition is prepared against its catalog, committed and folded by
 * all partitions, then applied to the catalogs that the workers decode and answer with, and only
 * then is the asker told. So whoever was told can use it on any worker.
 *
 * A crash in between leaves it in some journals and not in others. As definitions come one after
 * the other, each journal holds a prefix of the longest list; at start the others are brought up
 * to it.
 */
#ifndef TALLYWHEEL_NODE_DEFINE_H
#define TALLYWHEEL_NODE_DEFINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/definition.h"
#include "node/mailbox.h"

struct json_t;
struct node;
struct worker;

struct define_request {
    struct message message;
    struct define_request *next;
    struct worker *origin;
    enum definition_kind kind;
    char name[NAME_BYTES_MAX];
    struct json_t *tree; /* NULL: drop; a reference of the request's */
    const char *author;  /* a literal */
    uint32_t version;    /* what the asker has seen; 0: whatever. Another one is ERR_CONFLICT */
    int rc;
    struct err err;
    bool unchanged;
    void *context;
    /* The origin's thread; frees the request with define_request_free. */
    void (*done)(struct define_request *request);
};

/* The step that is under way. */
struct definer {
    struct define_request *queue_first;
    struct define_request *queue_last;
    struct define_request *current;
    struct bytes record;
    uint32_t pending;               /* partitions, then workers */
    _Atomic uint32_t catalogs_left; /* workers whose catalog is not a fold of the journals yet */
    int rc;
    struct err err;
    uint32_t config_next; /* the next definition of the config to make */
    bool open;            /* caught up: requests are taken */
    bool closed;          /* the node stops: requests are refused */
    bool uneven; /* a definition reached some journals and not others: none more until a restart */
};

/* A name longer than NAME_BYTES_MAX - 1 is ERR_INVALID. `tree` is borrowed from the caller. */
int define_request_new(struct define_request **out_request, struct worker *origin,
                       enum definition_kind kind, struct span name, const struct json_t *tree,
                       struct err *err);
void define_request_free(struct define_request *request);

/* The origin's thread. */
void define(struct define_request *request);

/* Worker 0: refuses what has not begun yet, and all that comes. */
void define_stop(struct node *node);

/* Worker 0, when all partitions are replayed: catches up, then defines what the config says. */
void define_start(struct node *node);

/* After all threads have ended. */
void define_done(struct node *node);

#endif
