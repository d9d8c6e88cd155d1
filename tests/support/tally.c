// SPDX-License-Identifier: Apache-2.0
/* tally.c - see tally.h. */
#include "support/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_S 20

void tally_add(struct tally *tally, uint64_t value)
{
    pthread_mutex_lock(&tally->lock);
    tally->value += value;
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
}

uint64_t tally_get(struct tally *tally)
{
    uint64_t value;

    pthread_mutex_lock(&tally->lock);
    value = tally->value;
    pthread_mutex_unlock(&tally->lock);
    return value;
}

void tally_wait(struct tally *tally, uint64_t wanted)
{
    struct timespec until;
    int rc = 0;
    uint64_t value;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&tally->lock);
    while (tally->value < wanted && rc == 0)
        rc = pthread_cond_timedwait(&tally->changed, &tally->lock, &until);
    value = tally->value;
    pthread_mutex_unlock(&tally->lock);
    if (value >= wanted)
        return;
    fprintf(stderr, "waited %d s for %llu, got to %llu\n", WAIT_S, (unsigned long long)wanted,
            (unsigned long long)value);
    abort();
}

void tally_init(struct tally *tally)
{
    pthread_mutex_init(&tally->lock, NULL);
    pthread_cond_init(&tally->changed, NULL);
    tally->value = 0;
}
