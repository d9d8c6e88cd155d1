// SPDX-License-Identifier: Apache-2.0
/*
 * mailbox.h - how workers talk: messages, in the order in which each sender sent them.
 *
 * A message is embedded in whatever it is about, and belongs to the receiver from send until it
 * runs. Any thread sends; the worker that owns the mailbox runs what came, on its loop. No locks:
 * senders push onto a stack, the owner takes all of it and turns it round.
 */
#ifndef TALLYWHEEL_NODE_MAILBOX_H
#define TALLYWHEEL_NODE_MAILBOX_H

#include <stdatomic.h>
#include <uv.h>

struct worker;

struct message {
    struct message *next;
    /* Runs in the receiver's thread. May free the message, or send it on. */
    void (*run)(struct message *message, struct worker *receiver);
};

struct mailbox {
    _Atomic(struct message *) head;
    uv_async_t wake;
    struct worker *owner;
};

/* The owner's thread, before anybody sends. */
int mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, struct worker *owner);

/* Any thread. */
void mailbox_send(struct mailbox *mailbox, struct message *message);

/*
 * The owner's thread: the loop may end although the mailbox is open. Others may still send; what
 * comes after the loop has ended never runs.
 */
void mailbox_leave(struct mailbox *mailbox);

/* When no thread sends any more. The loop has to run once more to close it. */
void mailbox_close(struct mailbox *mailbox);

#endif
