// SPDX-License-Identifier: Apache-2.0
/*
 * tally.h - a number that one thread raises and another waits for.
 *
 * A wait that has not come true after 20 seconds ends the process with a message.
 *
 * Thread: any.
 */
#ifndef TALLYWHEEL_TESTS_SUPPORT_TALLY_H
#define TALLYWHEEL_TESTS_SUPPORT_TALLY_H

#include <pthread.h>
#include <stdint.h>

struct tally {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t value;
};

#define TALLY_INIT                                                                                 \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                     \
    }

void tally_add(struct tally *tally, uint64_t value);
uint64_t tally_get(struct tally *tally);
void tally_wait(struct tally *tally, uint64_t wanted); /* until it is at least that */

void tally_init(struct tally *tally); /* the same as TALLY_INIT */

#endif
