// SPDX-License-Identifier: Apache-2.0
/*
 * answer.h - the commands that are no questions to a partition, as the table of commands names
 * them.
 *
 * Thread: the worker's.
 */
#ifndef TALLYWHEEL_COMMAND_ANSWER_H
#define TALLYWHEEL_COMMAND_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "command/command_table.h"

struct resp_block;
struct session;
struct subscriber;
struct task;
struct transaction;

/* answer.c: the connection, and small ones */
spec_answer_fn answer_acl_cat;
spec_answer_fn answer_acl_whoami;
spec_answer_fn answer_auth;
spec_answer_fn answer_debug;
spec_answer_fn answer_echo;
spec_answer_fn answer_empty;
spec_answer_fn answer_flush_nothing;
spec_answer_fn answer_function_list;
spec_answer_fn answer_hello;
spec_answer_fn answer_help;
spec_answer_fn answer_lastsave;
spec_answer_fn answer_lolwut;
spec_answer_fn answer_memory_doctor;
spec_answer_fn answer_no_cluster;
spec_answer_fn answer_no_groups;
spec_answer_fn answer_no_subcommand;
spec_answer_fn answer_ok;
spec_answer_fn answer_one_database;
spec_answer_fn answer_ping;
spec_answer_fn answer_quit;
spec_answer_fn answer_reset;
spec_answer_fn answer_role;
spec_answer_fn answer_script_exists;
spec_answer_fn answer_select;
spec_answer_fn answer_time;
spec_answer_fn answer_wait;
spec_answer_fn answer_zero;
spec_begin_fn answer_xadd_begin;
spec_begin_fn answer_xlen_begin;
spec_begin_fn answer_xrange_begin;
spec_begin_fn answer_xread_begin;
spec_begin_fn answer_xrevrange_begin;

/* channels.c: pub/sub */
spec_answer_fn channels_channels;
spec_answer_fn channels_numpat;
spec_answer_fn channels_numsub;
spec_answer_fn channels_psubscribe;
spec_answer_fn channels_publish;
spec_answer_fn channels_punsubscribe;
spec_answer_fn channels_shardchannels;
spec_answer_fn channels_shardnumsub;
spec_answer_fn channels_spublish;
spec_answer_fn channels_ssubscribe;
spec_answer_fn channels_subscribe;
spec_answer_fn channels_sunsubscribe;
spec_answer_fn channels_unsubscribe;

/*
 * PUBLISH or SPUBLISH, once the workers that have subscribers have read what came to them before
 * it. False, and nothing was done: there are none, so it may be published at once.
 */
bool channels_publish_behind(struct invocation *invocation);

/* The session's subscriptions over all kinds, and the end of all. */
bool channels_subscribed(const struct session *session);
void channels_leave(struct session *session);
void channels_deliver(struct subscriber *subscriber, struct resp_block *resp2,
                      struct resp_block *resp3);

/* client.c: CLIENT */
spec_answer_fn client_caching;
spec_answer_fn client_getname;
spec_answer_fn client_getredir;
spec_answer_fn client_id;
spec_answer_fn client_info;
spec_answer_fn client_no_evict;
spec_answer_fn client_no_touch;
spec_answer_fn client_reply;
spec_answer_fn client_setinfo;
spec_answer_fn client_setname;
spec_answer_fn client_tracking;
spec_answer_fn client_trackinginfo;
spec_begin_fn client_kill_begin;
spec_begin_fn client_list_begin;
spec_begin_fn client_pause_begin;
spec_begin_fn client_unblock_begin;
spec_begin_fn client_unpause_begin;

/* False, and an error in `out`: a name with blanks or control characters. */
bool client_rename(struct session *session, struct span name, struct bytes *out);

/* config.c: CONFIG */
spec_answer_fn config_get;
spec_answer_fn config_resetstat;
spec_answer_fn config_rewrite;
spec_begin_fn config_set_begin;

/* command_docs.c: COMMAND */
spec_answer_fn command_docs_all;
spec_answer_fn command_docs_count;
spec_answer_fn command_docs_docs;
spec_answer_fn command_docs_getkeys;
spec_answer_fn command_docs_info;
spec_answer_fn command_docs_list;

/* info.c: INFO */
spec_begin_fn info_begin;

/* transaction.c: MULTI and its companions */
spec_answer_fn transaction_discard;
spec_answer_fn transaction_multi;
spec_answer_fn transaction_unwatch;
spec_begin_fn transaction_exec_begin;
spec_begin_fn transaction_watch_begin;

/* Whether commands are to be queued. */
bool transaction_is_open(const struct session *session);

/* How many commands are queued; -1 outside of MULTI. */
int transaction_size(const struct session *session);

/* How many keys it watches. */
uint32_t transaction_watched(const struct session *session);

/* Queues a copy; false, and the error is in invocation->out: it is too much. */
bool transaction_queue(struct session *session, const struct invocation *invocation);

/* A command was refused: EXEC will be, too. */
void transaction_spoil(struct session *session);

/* EXEC itself was refused, with the error in `out`: nothing is queued any more. */
void transaction_abort(struct session *session, struct bytes *out);

void transaction_free(struct transaction *transaction);

/* blocking.c: commands that wait; the task's command is a ZPOP */
void blocking_begin(struct task *task, int64_t timeout_ms);

/* Ends the waiting: as if the time were up, or with an error. False if it is being served. */
bool blocking_end(struct session *session, bool with_error);

/* The connection is gone. */
void blocking_leave(struct session *session);

#endif
