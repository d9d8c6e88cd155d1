// SPDX-License-Identifier: Apache-2.0
/* grammar_private.h - what the files of grammar/ share; never leaves this folder. */
#ifndef TALLYWHEEL_GRAMMAR_GRAMMAR_PRIVATE_H
#define TALLYWHEEL_GRAMMAR_GRAMMAR_PRIVATE_H

#include "grammar/grammar.h"
#include "model/command.h"

/* Each puts its error and returns false, to be returned at once. */
bool grammar_fail(struct grammar *grammar, const char *text);
bool grammar_fail_syntax(struct grammar *grammar);
bool grammar_fail_arity(struct grammar *grammar);

/* Word `at` as a number; otherwise the error: Redis's usual one, or `text`. */
/* A command of the journal counts its keys in 16 bits. */
bool grammar_check_keys(struct grammar *grammar, uint64_t count);

bool grammar_int(struct grammar *grammar, uint32_t at, int64_t *out_value);
bool grammar_int_between(struct grammar *grammar, uint32_t at, int64_t least, int64_t most,
                         const char *text, int64_t *out_value);
bool grammar_score(struct grammar *grammar, uint32_t at, const char *text, double *out_value);

/* A duration in seconds, wider than a double: what is too large for one is still a number. */
bool grammar_seconds_read(struct span text, long double *out_value);

/* Whether word `at` is there and is `word`, in any case. */
static inline bool grammar_at(const struct grammar *grammar, uint32_t at, const char *word)
{
    return at < grammar->count && grammar_is(grammar->args[at], word);
}

/* Words `from` up to `to` as keys (first) or as arguments of the last command. */
void grammar_put_keys(struct grammar *grammar, uint32_t from, uint32_t to);
void grammar_put_args(struct grammar *grammar, uint32_t from, uint32_t to);

/* A command with one key (word 1) and nothing else yet. */
void grammar_put(struct grammar *grammar, enum command_op op, uint32_t flags);

struct grammar_bound {
    enum command_bound kind;
    double score;
    struct span lex;
};

/* False without an error: the caller's text depends on both bounds. */
bool grammar_score_bound(struct span text, struct grammar_bound *out_bound);
bool grammar_lex_bound(struct span text, struct grammar_bound *out_bound);

void grammar_put_score_bound(struct grammar *grammar, const struct grammar_bound *bound);
void grammar_put_lex_bound(struct grammar *grammar, const struct grammar_bound *bound);
void grammar_put_rank_bound(struct grammar *grammar, int64_t rank);

/*
 * The options of SCAN and ZSCAN from word `at` on. `out_type` is NULL where TYPE is no option.
 */
bool grammar_scan_options(struct grammar *grammar, uint32_t at, int64_t *out_count,
                          struct span *out_pattern, struct span *out_type);

#endif
