// SPDX-License-Identifier: Apache-2.0
/* mailbox.c - see mailbox.h. */
#include "node/mailbox.h"

#include <stddef.h>

static void run_all(uv_async_t *wake)
{
    struct mailbox *mailbox = wake->data;
    struct message *stack = atomic_exchange(&mailbox->head, NULL);
    struct message *queue = NULL;

    while (stack != NULL) {
        struct message *next = stack->next;

        stack->next = queue;
        queue = stack;
        stack = next;
    }
    while (queue != NULL) {
        struct message *message = queue;

        queue = message->next;
        message->next = NULL;
        message->run(message, mailbox->owner);
    }
}

int mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, struct worker *owner)
{
    atomic_init(&mailbox->head, NULL);
    mailbox->owner = owner;
    mailbox->wake.data = mailbox;
    return uv_async_init(loop, &mailbox->wake, run_all);
}

void mailbox_send(struct mailbox *mailbox, struct message *message)
{
    struct message *head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);

    do {
        message->next = head;
    } while (!atomic_compare_exchange_weak(&mailbox->head, &head, message));
    if (head == NULL)
        uv_async_send(&mailbox->wake); /* whoever finds it empty wakes the owner */
}

void mailbox_leave(struct mailbox *mailbox)
{
    uv_unref((uv_handle_t *)&mailbox->wake);
}

void mailbox_close(struct mailbox *mailbox)
{
    uv_close((uv_handle_t *)&mailbox->wake, NULL);
}
