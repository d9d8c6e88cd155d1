// SPDX-License-Identifier: Apache-2.0
/* test_mailbox.c - messages arrive, once, in the order of their sender. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "node/mailbox.h"
#include "support/tally.h"

#define SENDERS 6
#define MESSAGES 20000

struct note {
    struct message message; /* first */
    uint32_t sender;
    uint32_t number;
};

/* The owner's; only its thread looks at it while it runs. */
static struct {
    uint32_t next[SENDERS]; /* the number that is due from each */
    uint64_t wrong;
    struct tally received;
} seen = {.received = TALLY_INIT};

struct owner {
    uv_loop_t loop;
    struct mailbox mailbox;
    struct message leave;
    pthread_t thread;
};

static void run_note(struct message *message, struct worker *receiver)
{
    struct note *note = (struct note *)message;

    seen.wrong +=
        note->number != seen.next[note->sender] || receiver != NULL || message->next != NULL;
    seen.next[note->sender] = note->number + 1;
    free(note);
    tally_add(&seen.received, 1);
}

static void *run_loop(void *context)
{
    uv_run(context, UV_RUN_DEFAULT);
    return NULL;
}

static struct mailbox *left_mailbox;

static void run_leave(struct message *message, struct worker *receiver)
{
    (void)message;
    (void)receiver;
    mailbox_leave(left_mailbox);
}

static void owner_start(struct owner *owner)
{
    assert_int_equal(uv_loop_init(&owner->loop), 0);
    assert_int_equal(mailbox_init(&owner->mailbox, &owner->loop, NULL), 0);
    assert_int_equal(pthread_create(&owner->thread, NULL, run_loop, &owner->loop), 0);
}

static void owner_end(struct owner *owner)
{
    left_mailbox = &owner->mailbox;
    owner->leave.run = run_leave;
    mailbox_send(&owner->mailbox, &owner->leave);
    pthread_join(owner->thread, NULL);
    mailbox_close(&owner->mailbox);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&owner->loop), 0);
}

struct sender {
    struct mailbox *mailbox;
    uint32_t number;
};

static void send_note(struct mailbox *mailbox, uint32_t sender, uint32_t number)
{
    struct note *note = bytes_alloc_zero(1, sizeof(*note));

    note->message.run = run_note;
    note->sender = sender;
    note->number = number;
    mailbox_send(mailbox, &note->message);
}

static void *run_sender(void *context)
{
    const struct sender *sender = context;

    for (uint32_t i = 0; i < MESSAGES; i++)
        send_note(sender->mailbox, sender->number, i);
    return NULL;
}

static void test_many_senders(void **state)
{
    struct owner owner;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];

    (void)state;
    owner_start(&owner);
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&owner.mailbox, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_sender, &senders[i]), 0);
    }
    for (uint32_t i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    tally_wait(&seen.received, SENDERS * MESSAGES);
    owner_end(&owner);
    assert_int_equal(tally_get(&seen.received), SENDERS * MESSAGES);
    assert_int_equal(seen.wrong, 0);
    for (uint32_t i = 0; i < SENDERS; i++)
        assert_int_equal(seen.next[i], MESSAGES);
}

/* Each message finds the owner asleep: a wake-up that got lost would be waited for. */
static void test_every_message_wakes(void **state)
{
    uint64_t before = tally_get(&seen.received);
    struct owner owner;

    (void)state;
    seen.next[0] = 0;
    owner_start(&owner);
    for (uint32_t i = 0; i < 2000; i++) {
        send_note(&owner.mailbox, 0, i);
        tally_wait(&seen.received, before + i + 1);
    }
    owner_end(&owner);
    assert_int_equal(seen.wrong, 0);
}

/* A message that is sent on from where it runs, in a ring of mailboxes. */
struct token {
    struct message message; /* first */
    struct owner *owners;
    uint32_t at;
    uint32_t hops;
    struct tally done;
};

static void run_token(struct message *message, struct worker *receiver)
{
    struct token *token = (struct token *)message;

    (void)receiver;
    if (--token->hops == 0) {
        tally_add(&token->done, 1);
        return;
    }
    token->at = (token->at + 1) % 3;
    mailbox_send(&token->owners[token->at].mailbox, message);
}

static void test_messages_are_sent_on(void **state)
{
    struct owner owners[3];
    struct token tokens[8];

    (void)state;
    for (int i = 0; i < 3; i++)
        owner_start(&owners[i]);
    for (uint32_t i = 0; i < 8; i++) {
        tokens[i] = (struct token){
            .message.run = run_token, .owners = owners, .hops = 3000 + i, .done = TALLY_INIT};
        mailbox_send(&owners[0].mailbox, &tokens[i].message);
    }
    for (uint32_t i = 0; i < 8; i++)
        tally_wait(&tokens[i].done, 1);
    for (int i = 0; i < 3; i++)
        owner_end(&owners[i]);
}

/* What runs may send to its own mailbox: it runs in a later turn, and after what was there. */
struct chain {
    struct message message; /* first */
    struct mailbox *mailbox;
    uint32_t left;
    uint32_t depth; /* of calls: a message never runs inside another one */
    uint32_t depth_max;
    struct tally done;
};

static void run_chain(struct message *message, struct worker *receiver)
{
    struct chain *chain = (struct chain *)message;

    (void)receiver;
    chain->depth++;
    if (chain->depth > chain->depth_max)
        chain->depth_max = chain->depth;
    if (chain->left-- > 0)
        mailbox_send(chain->mailbox, message);
    else
        tally_add(&chain->done, 1);
    chain->depth--;
}

static void test_to_oneself(void **state)
{
    struct owner owner;
    struct chain chain = {.message.run = run_chain, .left = 1000, .done = TALLY_INIT};

    (void)state;
    owner_start(&owner);
    chain.mailbox = &owner.mailbox;
    mailbox_send(&owner.mailbox, &chain.message);
    tally_wait(&chain.done, 1);
    owner_end(&owner);
    assert_int_equal(chain.depth_max, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_senders),
        cmocka_unit_test(test_every_message_wakes),
        cmocka_unit_test(test_messages_are_sent_on),
        cmocka_unit_test(test_to_oneself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
