// SPDX-License-Identifier: Apache-2.0
/*
 * journal_faulty.c - wraps another journal and makes one commit fail; see journal.h.
 *
 * Everything else goes through to the inner journal. Its sealed group is never committed after the
 * failure, so it counts as lost, as with a disk that failed; after one that was full, the inner
 * journal is told to forget it.
 */
#include "journal/journal.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"

struct journal_faulty {
    struct journal journal;
    struct journal *inner;
    uint64_t commits_left; /* the commit that takes it from 1 to 0 fails; the committing thread */
    uint64_t full_at;      /* 0: it fails for good */
    uint64_t refusals;     /* of resume, each time */
    uint64_t refusals_left;
    atomic_int failed; /* 0, or the code */
};

static const struct journal_ops journal_faulty;

static struct journal *inner_of(const struct journal *journal)
{
    return ((const struct journal_faulty *)journal)->inner;
}

static int refuse(int code, struct err *err)
{
    return err_set(err, code, "the journal has stopped: this failure was asked for");
}

/* There is nothing to open by name: a faulty journal is made around another one. */
static int journal_faulty_open(struct journal **out_journal, const struct journal_options *options,
                               struct err *err)
{
    (void)out_journal;
    (void)options;
    return err_set(err, ERR_UNSUPPORTED, "a faulty journal wraps one that is open already");
}

static int journal_faulty_append(struct journal *journal, struct journal_record *record,
                                 struct err *err)
{
    struct journal_faulty *faulty = (struct journal_faulty *)journal;
    int failed = atomic_load(&faulty->failed);

    if (failed != 0)
        return refuse(failed, err);
    return faulty->inner->ops->append(faulty->inner, record, err);
}

static size_t journal_faulty_staged_bytes(const struct journal *journal)
{
    return inner_of(journal)->ops->staged_bytes(inner_of(journal));
}

static void journal_faulty_seal(struct journal *journal)
{
    struct journal_faulty *faulty = (struct journal_faulty *)journal;

    /* The inner one still holds the group that failed, and takes no second one. */
    if (atomic_load(&faulty->failed) == 0)
        faulty->inner->ops->seal(faulty->inner);
}

static int journal_faulty_commit(struct journal *journal, struct err *err)
{
    struct journal_faulty *faulty = (struct journal_faulty *)journal;
    int failed = atomic_load(&faulty->failed);

    if (failed == 0 && faulty->commits_left > 0 && --faulty->commits_left == 0) {
        failed = faulty->full_at > 0 ? ERR_FULL : ERR_IO;
        faulty->refusals_left = faulty->refusals;
        atomic_store(&faulty->failed, failed);
    }
    return failed != 0 ? refuse(failed, err) : faulty->inner->ops->commit(faulty->inner, err);
}

static int journal_faulty_resume(struct journal *journal, struct err *err)
{
    struct journal_faulty *faulty = (struct journal_faulty *)journal;
    int failed = atomic_load(&faulty->failed);
    int rc;

    if (failed == ERR_IO)
        return refuse(failed, err);
    rc = faulty->inner->ops->resume(faulty->inner, err);
    if (rc < 0 || failed == 0)
        return rc;
    if (faulty->refusals_left > 0) {
        faulty->refusals_left--;
        return refuse(failed, err);
    }
    faulty->commits_left = faulty->full_at;
    atomic_store(&faulty->failed, 0);
    return 0;
}

static int journal_faulty_read(struct journal *journal, uint64_t from_offset,
                               journal_visit_fn *visit, void *context, struct err *err)
{
    return inner_of(journal)->ops->read(inner_of(journal), from_offset, visit, context, err);
}

static int journal_faulty_find(struct journal *journal, int64_t wall_ms, uint64_t *out_offset,
                               struct err *err)
{
    return inner_of(journal)->ops->find(inner_of(journal), wall_ms, out_offset, err);
}

static void journal_faulty_stat(struct journal *journal, struct journal_stat *out_stat)
{
    inner_of(journal)->ops->stat(inner_of(journal), out_stat);
}

static void journal_faulty_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    inner_of(journal)->ops->close(inner_of(journal));
    free(journal);
}

static const struct journal_ops journal_faulty = {
    .name = "faulty",
    .open = journal_faulty_open,
    .append = journal_faulty_append,
    .staged_bytes = journal_faulty_staged_bytes,
    .seal = journal_faulty_seal,
    .commit = journal_faulty_commit,
    .resume = journal_faulty_resume,
    .read = journal_faulty_read,
    .find = journal_faulty_find,
    .stat = journal_faulty_stat,
    .close = journal_faulty_close,
};

struct journal *journal_faulty_wrap(struct journal *inner, uint64_t fail_at)
{
    struct journal_faulty *faulty = bytes_alloc_zero(1, sizeof(*faulty));

    faulty->journal.ops = &journal_faulty;
    faulty->inner = inner;
    faulty->commits_left = fail_at;
    return &faulty->journal;
}

struct journal *journal_faulty_fill(struct journal *inner, uint64_t full_at, uint64_t refusals)
{
    struct journal *journal = journal_faulty_wrap(inner, full_at);
    struct journal_faulty *faulty = (struct journal_faulty *)journal;

    faulty->full_at = full_at;
    faulty->refusals = refusals;
    return journal;
}
