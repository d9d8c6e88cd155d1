// SPDX-License-Identifier: Apache-2.0
/* journal_held.c - see journal_held.h. */
#include "support/journal_held.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

#define WAIT_S 20

struct held_journal {
    struct journal journal;
    struct journal *inner;
};

struct held_visit {
    journal_visit_fn *visit;
    void *context;
};

struct gate {
    bool held;
    uint32_t waiting;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct journal_ops *inner;
    struct gate commits;
    struct gate reads;
    uint32_t fail_partition;
    uint64_t fail_commit;   /* 0: none */
    uint64_t full_refusals; /* 0: it fails for good */
    uint32_t fail_open;     /* UINT32_MAX: none */
    uint32_t open_count;
} control = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void journal_held_reset(const struct journal_ops *inner)
{
    control.inner = inner;
    control.commits = control.reads = (struct gate){0};
    control.fail_commit = control.full_refusals = 0;
    control.fail_open = UINT32_MAX;
}

static void set_held(struct gate *gate, bool held)
{
    pthread_mutex_lock(&control.lock);
    gate->held = held;
    pthread_cond_broadcast(&control.changed);
    pthread_mutex_unlock(&control.lock);
}

void journal_held_commits(bool held)
{
    set_held(&control.commits, held);
}

void journal_held_reads(bool held)
{
    set_held(&control.reads, held);
}

static void pass(struct gate *gate)
{
    pthread_mutex_lock(&control.lock);
    gate->waiting++;
    pthread_cond_broadcast(&control.changed);
    while (gate->held)
        pthread_cond_wait(&control.changed, &control.lock);
    gate->waiting--;
    pthread_mutex_unlock(&control.lock);
}

static bool wait_waiting(const struct gate *gate, uint32_t count)
{
    struct timespec until;
    int rc = 0;
    bool reached;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&control.lock);
    while (gate->waiting < count && rc == 0)
        rc = pthread_cond_timedwait(&control.changed, &control.lock, &until);
    reached = gate->waiting >= count;
    pthread_mutex_unlock(&control.lock);
    return reached;
}

bool journal_held_wait_commits(uint32_t count)
{
    return wait_waiting(&control.commits, count);
}

bool journal_held_wait_reads(uint32_t count)
{
    return wait_waiting(&control.reads, count);
}

void journal_held_fail(uint32_t partition, uint64_t commit)
{
    control.fail_partition = partition;
    control.fail_commit = commit;
}

void journal_held_fill(uint32_t partition, uint64_t commit, uint64_t refusals)
{
    journal_held_fail(partition, commit);
    control.full_refusals = refusals;
}

void journal_held_fail_open(uint32_t partition)
{
    control.fail_open = partition;
}

uint32_t journal_held_open_count(void)
{
    return control.open_count;
}

/* ---- the backend ---- */

static struct journal *inner_of(const struct journal *journal)
{
    return ((const struct held_journal *)journal)->inner;
}

static int held_open(struct journal **out_journal, const struct journal_options *options,
                     struct err *err)
{
    struct held_journal *held;
    struct journal *inner;
    int rc;

    if (options->partition == control.fail_open)
        return err_set(err, ERR_IO, "this journal was told not to open");
    rc = control.inner->open(&inner, options, err);
    if (rc < 0)
        return rc;
    if (control.fail_commit > 0 && options->partition == control.fail_partition)
        inner = control.full_refusals > 0
                    ? journal_faulty_fill(inner, control.fail_commit, control.full_refusals)
                    : journal_faulty_wrap(inner, control.fail_commit);
    held = bytes_alloc_zero(1, sizeof(*held));
    held->journal.ops = &journal_held;
    held->inner = inner;
    control.open_count++;
    *out_journal = &held->journal;
    return 0;
}

static int held_append(struct journal *journal, struct journal_record *record, struct err *err)
{
    return inner_of(journal)->ops->append(inner_of(journal), record, err);
}

static size_t held_staged_bytes(const struct journal *journal)
{
    return inner_of(journal)->ops->staged_bytes(inner_of(journal));
}

static void held_seal(struct journal *journal)
{
    inner_of(journal)->ops->seal(inner_of(journal));
}

static int held_commit(struct journal *journal, struct err *err)
{
    pass(&control.commits);
    return inner_of(journal)->ops->commit(inner_of(journal), err);
}

static int held_resume(struct journal *journal, struct err *err)
{
    return inner_of(journal)->ops->resume(inner_of(journal), err);
}

static int held_visit(void *context, const struct journal_record *record, struct err *err)
{
    const struct held_visit *visit = context;

    pass(&control.reads);
    return visit->visit(visit->context, record, err);
}

static int held_read(struct journal *journal, uint64_t from_offset, journal_visit_fn *visit,
                     void *context, struct err *err)
{
    struct held_visit held = {visit, context};

    return inner_of(journal)->ops->read(inner_of(journal), from_offset, held_visit, &held, err);
}

static int held_find(struct journal *journal, int64_t wall_ms, uint64_t *out_offset,
                     struct err *err)
{
    return inner_of(journal)->ops->find(inner_of(journal), wall_ms, out_offset, err);
}

static void held_stat(struct journal *journal, struct journal_stat *out_stat)
{
    inner_of(journal)->ops->stat(inner_of(journal), out_stat);
}

static void held_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    inner_of(journal)->ops->close(inner_of(journal));
    free(journal);
    control.open_count--;
}

const struct journal_ops journal_held = {
    .name = "held",
    .open = held_open,
    .append = held_append,
    .staged_bytes = held_staged_bytes,
    .seal = held_seal,
    .commit = held_commit,
    .resume = held_resume,
    .read = held_read,
    .find = held_find,
    .stat = held_stat,
    .close = held_close,
};
