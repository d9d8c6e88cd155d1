// SPDX-License-Identifier: Apache-2.0
/*
 * command_table.c - finding a command by its name; see command_table.h.
 *
 * The index is a table with open addressing over a hash of the name's ends and its size, folded to
 * lower case; it is so sparse that a lookup mostly is one load and one comparison.
 *
 * Thread: command_table_init in one thread before all lookups; then read only.
 */
#include "command/command_table.h"

#include <assert.h>
#include <stddef.h>

#include "command/answer.h"

#define INDEX_SIZE 1024 /* a power of two, several times as many as there are commands */
#define NAME_BYTES_MAX 32

#define KEYS(first, last, step, numkeys_at)                                                        \
    .first_key = (first), .last_key = (last), .key_step = (step), .numkeys = (numkeys_at)
#define GRAMMAR(how, function) .route = SPEC_##how, .grammar = (function)
#define ANSWER(function) .route = SPEC_ANSWER, .answer = (function)
#define BEGIN(function) .route = SPEC_TASK, .begin = (function)
#define ROW(text, words, keys, bits, needs, family, runs, version, says)                           \
    {                                                                                              \
        .name = (text), .name_size = sizeof(text) - 1, .arity = (words), keys, .flags = (bits),    \
        .role = SPEC_ROLE_##needs, .group = SPEC_##family, runs, .since = (version),               \
        .summary = (says)                                                                          \
    }

/*
 * ROW(name, arity, KEYS(first, last, step, numkeys), flags, role, group, how it runs, the version
 * of Redis that brought it, summary), sorted by name. How a command runs: GRAMMAR(route, function)
 * for those on keys, ANSWER(function) for what this worker knows, BEGIN(function) for what takes
 * steps.
 */
static const struct spec specs[] = {
    ROW("acl", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, NONE, SERVER, ANSWER(answer_no_subcommand),
        "6.0.0", "A container for access control commands."),
    ROW("acl|cat", -2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_acl_cat), "6.0.0",
        "Lists the categories of commands, or the commands of one."),
    ROW("acl|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_help), "6.0.0", "Tells about the subcommands."),
    ROW("acl|whoami", 2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_acl_whoami), "6.0.0", "Returns the user of the connection."),
    ROW("auth", -2, KEYS(0, 0, 0, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_NO_AUTH | SPEC_ALLOW_BUSY,
        NONE, CONNECTION, ANSWER(answer_auth), "1.0.0", "Authenticates the connection."),
    ROW("bzmpop", -5, KEYS(0, 0, 0, 2), SPEC_WRITE | SPEC_BLOCKING | SPEC_MOVABLEKEYS, WRITE,
        SORTED_SET, GRAMMAR(WAIT, grammar_bzmpop), "7.0.0",
        "Removes and returns members of the first sorted set that has some, and waits for them."),
    ROW("bzpopmax", -3, KEYS(1, -2, 1, 0), SPEC_WRITE | SPEC_NOSCRIPT | SPEC_BLOCKING | SPEC_FAST,
        WRITE, SORTED_SET, GRAMMAR(WAIT, grammar_bzpopmax), "5.0.0",
        "Removes and returns the greatest member of the first sorted set that has one, and "
        "waits for it."),
    ROW("bzpopmin", -3, KEYS(1, -2, 1, 0), SPEC_WRITE | SPEC_NOSCRIPT | SPEC_BLOCKING | SPEC_FAST,
        WRITE, SORTED_SET, GRAMMAR(WAIT, grammar_bzpopmin), "5.0.0",
        "Removes and returns the least member of the first sorted set that has one, and "
        "waits for it."),
    ROW("client", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, NONE, CONNECTION,
        ANSWER(answer_no_subcommand), "2.4.0", "A container for commands about connections."),
    ROW("client|caching", 3, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_caching), "6.0.0", "Fails: there is no tracking of keys."),
    ROW("client|getname", 2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_getname), "2.6.9", "Returns the name of the connection."),
    ROW("client|getredir", 2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_getredir), "6.0.0", "Returns -1: there is no tracking of keys."),
    ROW("client|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, CONNECTION,
        ANSWER(answer_help), "5.0.0", "Tells about the subcommands."),
    ROW("client|id", 2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_id), "5.0.0", "Returns the number of the connection."),
    ROW("client|info", 2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_info), "6.2.0", "Describes the connection."),
    ROW("client|kill", -3, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE,
        ADMIN, CONNECTION, BEGIN(client_kill_begin), "2.4.0", "Closes connections."),
    ROW("client|list", -2, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE,
        ADMIN, CONNECTION, BEGIN(client_list_begin), "2.4.0", "Describes all connections."),
    ROW("client|no-evict", 3, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, CONNECTION,
        ANSWER(client_no_evict), "7.0.0", "Accepted; connections are not evicted."),
    ROW("client|no-touch", 3, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_no_touch), "7.2.0",
        "Accepted; keys have no time of their last use."),
    ROW("client|pause", -3, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, CONNECTION,
        BEGIN(client_pause_begin), "3.0.0", "Suspends commands of all connections for a time."),
    ROW("client|reply", 3, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_reply), "3.2.0",
        "Switches the replies to the connection off and on."),
    ROW("client|setinfo", 4, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_setinfo), "7.2.0",
        "Sets the name or the version of the client's library."),
    ROW("client|setname", 3, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_setname), "2.6.9", "Sets the name of the connection."),
    ROW("client|tracking", -3, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_tracking), "6.0.0", "Accepts OFF; keys are not tracked."),
    ROW("client|trackinginfo", 2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, NONE,
        CONNECTION, ANSWER(client_trackinginfo), "6.2.0", "Tells that keys are not tracked."),
    ROW("client|unblock", -3, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, CONNECTION,
        BEGIN(client_unblock_begin), "5.0.0", "Ends the waiting of another connection."),
    ROW("client|unpause", 2, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, CONNECTION,
        BEGIN(client_unpause_begin), "6.2.0", "Ends CLIENT PAUSE."),
    ROW("cluster", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, NONE, CLUSTER,
        ANSWER(answer_no_subcommand), "3.0.0", "A container for commands of Redis Cluster."),
    ROW("cluster|info", 2, KEYS(0, 0, 0, 0), SPEC_STALE, NONE, CLUSTER, ANSWER(answer_no_cluster),
        "3.0.0", "Fails: this is no Redis Cluster."),
    ROW("cluster|keyslot", 3, KEYS(0, 0, 0, 0), SPEC_STALE, NONE, CLUSTER,
        ANSWER(answer_no_cluster), "3.0.0", "Fails: this is no Redis Cluster."),
    ROW("cluster|myid", 2, KEYS(0, 0, 0, 0), SPEC_STALE, NONE, CLUSTER, ANSWER(answer_no_cluster),
        "3.0.0", "Fails: this is no Redis Cluster."),
    ROW("cluster|nodes", 2, KEYS(0, 0, 0, 0), SPEC_STALE, NONE, CLUSTER, ANSWER(answer_no_cluster),
        "3.0.0", "Fails: this is no Redis Cluster."),
    ROW("cluster|shards", 2, KEYS(0, 0, 0, 0), SPEC_STALE, NONE, CLUSTER, ANSWER(answer_no_cluster),
        "7.0.0", "Fails: this is no Redis Cluster."),
    ROW("cluster|slots", 2, KEYS(0, 0, 0, 0), SPEC_STALE, NONE, CLUSTER, ANSWER(answer_no_cluster),
        "3.0.0", "Fails: this is no Redis Cluster."),
    ROW("command", -1, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE | SPEC_CONTAINER, NONE, SERVER,
        ANSWER(command_docs_all), "2.8.13", "Describes all commands."),
    ROW("command|count", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(command_docs_count), "2.8.13", "Returns how many commands there are."),
    ROW("command|docs", -2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(command_docs_docs), "7.0.0", "Documents commands."),
    ROW("command|getkeys", -3, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(command_docs_getkeys), "2.8.13", "Returns the keys among the words of a command."),
    ROW("command|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_help), "5.0.0", "Tells about the subcommands."),
    ROW("command|info", -2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(command_docs_info), "2.8.13", "Describes commands."),
    ROW("command|list", -2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(command_docs_list), "7.0.0", "Lists the names of commands."),
    ROW("config", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, ADMIN, SERVER, ANSWER(answer_no_subcommand),
        "2.0.0", "A container for commands about settings."),
    ROW("config|get", -3, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE,
        ADMIN, SERVER, ANSWER(config_get), "2.0.0", "Returns settings by patterns of their names."),
    ROW("config|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_help), "5.0.0", "Tells about the subcommands."),
    ROW("config|resetstat", 2, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER,
        ANSWER(config_resetstat), "2.0.0", "Accepted."),
    ROW("config|rewrite", 2, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER,
        ANSWER(config_rewrite), "2.8.0", "Fails: settings are in Tallywheel's own file."),
    ROW("config|set", -4, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE,
        ADMIN, SERVER, BEGIN(config_set_begin), "2.0.0", "Sets settings until the server stops."),
    ROW("copy", -3, KEYS(1, 2, 1, 0), SPEC_WRITE | SPEC_DENYOOM, WRITE, GENERIC,
        GRAMMAR(KEYS, grammar_copy), "6.2.0", "Copies a key."),
    ROW("dbsize", 1, KEYS(0, 0, 0, 0), SPEC_READONLY | SPEC_FAST, READ, SERVER,
        GRAMMAR(ALL, grammar_dbsize), "1.0.0", "Returns how many keys there are."),
    ROW("debug", -2, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE,
        ADMIN, SERVER, ANSWER(answer_debug), "1.0.0",
        "Fails: there is nothing to debug from outside."),
    ROW("del", -2, KEYS(1, -1, 1, 0), SPEC_WRITE, WRITE, GENERIC, GRAMMAR(KEYS, grammar_del),
        "1.0.0", "Deletes keys."),
    ROW("discard", 1, KEYS(0, 0, 0, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_ALLOW_BUSY | SPEC_NOT_QUEUED,
        NONE, TRANSACTIONS, ANSWER(transaction_discard), "2.0.0",
        "Forgets what was queued since MULTI."),
    ROW("echo", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE | SPEC_FAST, NONE, CONNECTION,
        ANSWER(answer_echo), "1.0.0", "Returns its argument."),
    ROW("exec", 1, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_NOT_QUEUED,
        NONE, TRANSACTIONS, BEGIN(transaction_exec_begin), "1.2.0",
        "Executes what was queued since MULTI."),
    ROW("exists", -2, KEYS(1, -1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, GENERIC,
        GRAMMAR(KEYS, grammar_exists), "1.0.0", "Counts the keys that exist."),
    ROW("expire", -3, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        GRAMMAR(KEY, grammar_expire), "1.0.0", "Sets the deadline of a key, in seconds from now."),
    ROW("expireat", -3, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        GRAMMAR(KEY, grammar_expireat), "1.2.0",
        "Sets the deadline of a key, in seconds since 1970."),
    ROW("expiretime", 2, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, GENERIC,
        GRAMMAR(KEY, grammar_expiretime), "7.0.0",
        "Returns the deadline of a key, in seconds since 1970."),
    ROW("flushall", -1, KEYS(0, 0, 0, 0), SPEC_WRITE, WRITE, SERVER, GRAMMAR(ALL, grammar_flush),
        "1.0.0", "Deletes all keys."),
    ROW("flushdb", -1, KEYS(0, 0, 0, 0), SPEC_WRITE, WRITE, SERVER, GRAMMAR(ALL, grammar_flush),
        "1.0.0", "Deletes all keys."),
    ROW("function", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, WRITE, SCRIPTING,
        ANSWER(answer_no_subcommand), "7.0.0", "A container for commands about functions."),
    ROW("function|flush", -2, KEYS(0, 0, 0, 0), SPEC_WRITE | SPEC_NOSCRIPT, WRITE, SCRIPTING,
        ANSWER(answer_flush_nothing), "7.0.0", "Accepted; there are no functions."),
    ROW("function|list", -2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT, READ, SCRIPTING,
        ANSWER(answer_function_list), "7.0.0", "Returns nothing: there are no functions."),
    ROW("hello", -1, KEYS(0, 0, 0, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_NO_AUTH | SPEC_ALLOW_BUSY,
        NONE, CONNECTION, ANSWER(answer_hello), "6.0.0",
        "Chooses the protocol and tells about the server."),
    ROW("info", -1, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER, BEGIN(info_begin),
        "1.0.0", "Tells how the server is."),
    ROW("keys", 2, KEYS(0, 0, 0, 0), SPEC_READONLY, READ, GENERIC, GRAMMAR(ALL, grammar_keys),
        "1.0.0", "Returns all keys that match a pattern."),
    ROW("lastsave", 1, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE | SPEC_FAST, NONE, SERVER,
        ANSWER(answer_lastsave), "1.0.0",
        "Returns the time: every write is in the journal at once."),
    ROW("latency", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, ADMIN, SERVER,
        ANSWER(answer_no_subcommand), "2.8.13", "A container for commands about latency."),
    ROW("latency|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_help), "2.8.13", "Tells about the subcommands."),
    ROW("latency|history", 3, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER, ANSWER(answer_empty),
        "2.8.13", "Returns nothing; GET /metrics has a histogram."),
    ROW("latency|latest", 2, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER, ANSWER(answer_empty),
        "2.8.13", "Returns nothing; GET /metrics has a histogram."),
    ROW("latency|reset", -2, KEYS(0, 0, 0, 0),
        SPEC_ADMIN | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER, ANSWER(answer_zero),
        "2.8.13", "Accepted."),
    ROW("lolwut", -1, KEYS(0, 0, 0, 0), SPEC_READONLY | SPEC_FAST, NONE, SERVER,
        ANSWER(answer_lolwut), "5.0.0", "Tells the version."),
    ROW("memory", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, READ, SERVER, ANSWER(answer_no_subcommand),
        "4.0.0", "A container for commands about memory."),
    ROW("memory|doctor", 2, KEYS(0, 0, 0, 0), 0, NONE, SERVER, ANSWER(answer_memory_doctor),
        "4.0.0", "Tells where to look."),
    ROW("memory|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_help), "4.0.0", "Tells about the subcommands."),
    ROW("memory|purge", 2, KEYS(0, 0, 0, 0), 0, NONE, SERVER, ANSWER(answer_ok), "4.0.0",
        "Accepted."),
    ROW("memory|usage", -3, KEYS(2, 2, 1, 0), SPEC_READONLY, READ, SERVER,
        GRAMMAR(KEY, grammar_memory_usage), "4.0.0", "Estimates the bytes of a key."),
    ROW("move", 3, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        ANSWER(answer_one_database), "1.0.0", "Fails: there is one database."),
    ROW("multi", 1, KEYS(0, 0, 0, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_ALLOW_BUSY | SPEC_NOT_QUEUED,
        NONE, TRANSACTIONS, ANSWER(transaction_multi), "1.2.0", "Begins to queue commands."),
    ROW("object", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, READ, GENERIC, ANSWER(answer_no_subcommand),
        "2.2.3", "A container for commands about keys."),
    ROW("object|encoding", 3, KEYS(2, 2, 1, 0), SPEC_READONLY, READ, GENERIC,
        GRAMMAR(KEY, grammar_object_encoding), "2.2.3",
        "Returns the encoding that Redis would choose."),
    ROW("object|freq", 3, KEYS(2, 2, 1, 0), SPEC_READONLY, READ, GENERIC,
        GRAMMAR(KEY, grammar_object_freq), "4.0.0", "Fails: uses of keys are not counted."),
    ROW("object|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, GENERIC,
        ANSWER(answer_help), "6.2.0", "Tells about the subcommands."),
    ROW("object|idletime", 3, KEYS(2, 2, 1, 0), SPEC_READONLY, READ, GENERIC,
        GRAMMAR(KEY, grammar_object_idletime), "2.2.3",
        "Returns 0: keys have no time of their last use."),
    ROW("object|refcount", 3, KEYS(2, 2, 1, 0), SPEC_READONLY, READ, GENERIC,
        GRAMMAR(KEY, grammar_object_refcount), "2.2.3", "Returns 1."),
    ROW("persist", 2, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        GRAMMAR(KEY, grammar_persist), "2.2.0", "Removes the deadline of a key."),
    ROW("pexpire", -3, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        GRAMMAR(KEY, grammar_pexpire), "2.6.0",
        "Sets the deadline of a key, in milliseconds from now."),
    ROW("pexpireat", -3, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        GRAMMAR(KEY, grammar_pexpireat), "2.6.0",
        "Sets the deadline of a key, in milliseconds since 1970."),
    ROW("pexpiretime", 2, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, GENERIC,
        GRAMMAR(KEY, grammar_pexpiretime), "7.0.0",
        "Returns the deadline of a key, in milliseconds since 1970."),
    ROW("ping", -1, KEYS(0, 0, 0, 0), SPEC_FAST | SPEC_SUBSCRIBED, NONE, CONNECTION,
        ANSWER(answer_ping), "1.0.0", "Answers."),
    ROW("psubscribe", -2, KEYS(0, 0, 0, 0),
        SPEC_PUBSUB | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_SUBSCRIBED, READ,
        PUBSUB_GROUP, ANSWER(channels_psubscribe), "2.0.0", "Subscribes to channels by patterns."),
    ROW("pttl", 2, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, GENERIC,
        GRAMMAR(KEY, grammar_pttl), "2.6.0", "Returns how long a key has left, in milliseconds."),
    ROW("publish", 3, KEYS(0, 0, 0, 0), SPEC_PUBSUB | SPEC_LOADING | SPEC_STALE | SPEC_FAST, WRITE,
        PUBSUB_GROUP, ANSWER(channels_publish), "2.0.0", "Sends a message to a channel."),
    ROW("pubsub", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, READ, PUBSUB_GROUP,
        ANSWER(answer_no_subcommand), "2.8.0", "A container for commands about channels."),
    ROW("pubsub|channels", -2, KEYS(0, 0, 0, 0), SPEC_PUBSUB | SPEC_LOADING | SPEC_STALE, READ,
        PUBSUB_GROUP, ANSWER(channels_channels), "2.8.0",
        "Lists the channels that have subscribers."),
    ROW("pubsub|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, PUBSUB_GROUP,
        ANSWER(answer_help), "6.2.0", "Tells about the subcommands."),
    ROW("pubsub|numpat", 2, KEYS(0, 0, 0, 0), SPEC_PUBSUB | SPEC_LOADING | SPEC_STALE, READ,
        PUBSUB_GROUP, ANSWER(channels_numpat), "2.8.0",
        "Returns how many patterns have subscribers."),
    ROW("pubsub|numsub", -2, KEYS(0, 0, 0, 0), SPEC_PUBSUB | SPEC_LOADING | SPEC_STALE, READ,
        PUBSUB_GROUP, ANSWER(channels_numsub), "2.8.0",
        "Returns how many subscribers channels have."),
    ROW("pubsub|shardchannels", -2, KEYS(0, 0, 0, 0), SPEC_PUBSUB | SPEC_LOADING | SPEC_STALE, READ,
        PUBSUB_GROUP, ANSWER(channels_shardchannels), "7.0.0",
        "Lists the shard channels that have subscribers."),
    ROW("pubsub|shardnumsub", -2, KEYS(0, 0, 0, 0), SPEC_PUBSUB | SPEC_LOADING | SPEC_STALE, READ,
        PUBSUB_GROUP, ANSWER(channels_shardnumsub), "7.0.0",
        "Returns how many subscribers shard channels have."),
    ROW("punsubscribe", -1, KEYS(0, 0, 0, 0),
        SPEC_PUBSUB | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_SUBSCRIBED, READ,
        PUBSUB_GROUP, ANSWER(channels_punsubscribe), "2.0.0", "Ends subscriptions by pattern."),
    ROW("quit", -1, KEYS(0, 0, 0, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_NO_AUTH | SPEC_ALLOW_BUSY |
            SPEC_SUBSCRIBED | SPEC_NOT_QUEUED,
        NONE, CONNECTION, ANSWER(answer_quit), "1.0.0", "Closes the connection."),
    ROW("randomkey", 1, KEYS(0, 0, 0, 0), SPEC_READONLY, READ, GENERIC,
        GRAMMAR(ALL, grammar_randomkey), "1.0.0", "Returns some key."),
    ROW("readonly", 1, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE | SPEC_FAST, NONE, CLUSTER,
        ANSWER(answer_no_cluster), "3.0.0", "Fails: this is no Redis Cluster."),
    ROW("readwrite", 1, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE | SPEC_FAST, NONE, CLUSTER,
        ANSWER(answer_no_cluster), "3.0.0", "Fails: this is no Redis Cluster."),
    ROW("rename", 3, KEYS(1, 2, 1, 0), SPEC_WRITE, WRITE, GENERIC, GRAMMAR(KEYS, grammar_rename),
        "1.0.0", "Renames a key, and deletes the one that had the name."),
    ROW("renamenx", 3, KEYS(1, 2, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        GRAMMAR(KEYS, grammar_renamenx), "1.0.0", "Renames a key unless the new name is taken."),
    ROW("reset", 1, KEYS(0, 0, 0, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_NO_AUTH | SPEC_ALLOW_BUSY |
            SPEC_SUBSCRIBED | SPEC_NOT_QUEUED,
        NONE, CONNECTION, ANSWER(answer_reset), "6.2.0",
        "Makes the connection as it was when it was opened."),
    ROW("role", 1, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST, NONE,
        SERVER, ANSWER(answer_role), "2.8.12", "Tells that this is a master without replicas."),
    ROW("scan", -2, KEYS(0, 0, 0, 0), SPEC_READONLY, READ, GENERIC, GRAMMAR(ALL, grammar_scan),
        "2.8.0", "Walks over the keys, some at a time."),
    ROW("script", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, WRITE, SCRIPTING,
        ANSWER(answer_no_subcommand), "2.6.0", "A container for commands about scripts."),
    ROW("script|exists", -3, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT, READ, SCRIPTING,
        ANSWER(answer_script_exists), "2.6.0", "Returns 0 for each: there are no scripts."),
    ROW("script|flush", -2, KEYS(0, 0, 0, 0), SPEC_NOSCRIPT, WRITE, SCRIPTING,
        ANSWER(answer_flush_nothing), "2.6.0", "Accepted; there are no scripts."),
    ROW("select", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE | SPEC_FAST, NONE, CONNECTION,
        ANSWER(answer_select), "1.0.0", "Accepts 0: there is one database."),
    ROW("slowlog", -2, KEYS(0, 0, 0, 0), SPEC_CONTAINER, ADMIN, SERVER,
        ANSWER(answer_no_subcommand), "2.2.12", "A container for commands about slow commands."),
    ROW("slowlog|get", -2, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER,
        ANSWER(answer_empty), "2.2.12", "Returns nothing; GET /metrics has a histogram."),
    ROW("slowlog|help", 2, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE, NONE, SERVER,
        ANSWER(answer_help), "6.2.0", "Tells about the subcommands."),
    ROW("slowlog|len", 2, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER,
        ANSWER(answer_zero), "2.2.12", "Returns 0."),
    ROW("slowlog|reset", 2, KEYS(0, 0, 0, 0), SPEC_ADMIN | SPEC_LOADING | SPEC_STALE, ADMIN, SERVER,
        ANSWER(answer_ok), "2.2.12", "Accepted."),
    ROW("spublish", 3, KEYS(1, 1, 1, 0), SPEC_PUBSUB | SPEC_LOADING | SPEC_STALE | SPEC_FAST, WRITE,
        PUBSUB_GROUP, ANSWER(channels_spublish), "7.0.0", "Sends a message to a shard channel."),
    ROW("ssubscribe", -2, KEYS(1, -1, 1, 0),
        SPEC_PUBSUB | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_SUBSCRIBED, READ,
        PUBSUB_GROUP, ANSWER(channels_ssubscribe), "7.0.0", "Subscribes to shard channels."),
    ROW("subscribe", -2, KEYS(0, 0, 0, 0),
        SPEC_PUBSUB | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_SUBSCRIBED, READ,
        PUBSUB_GROUP, ANSWER(channels_subscribe), "2.0.0", "Subscribes to channels."),
    ROW("sunsubscribe", -1, KEYS(1, -1, 1, 0),
        SPEC_PUBSUB | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_SUBSCRIBED, READ,
        PUBSUB_GROUP, ANSWER(channels_sunsubscribe), "7.0.0",
        "Ends subscriptions to shard channels."),
    ROW("swapdb", 3, KEYS(0, 0, 0, 0), SPEC_WRITE | SPEC_FAST, WRITE, SERVER,
        ANSWER(answer_one_database), "4.0.0", "Fails: there is one database."),
    ROW("time", 1, KEYS(0, 0, 0, 0), SPEC_LOADING | SPEC_STALE | SPEC_FAST, NONE, SERVER,
        ANSWER(answer_time), "2.6.0", "Returns the time: seconds, and microseconds."),
    ROW("touch", -2, KEYS(1, -1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, GENERIC,
        GRAMMAR(KEYS, grammar_exists), "3.2.1", "Counts the keys that exist."),
    ROW("ttl", 2, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, GENERIC,
        GRAMMAR(KEY, grammar_ttl), "1.0.0", "Returns how long a key has left, in seconds."),
    ROW("tw.among", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, BOARD,
        GRAMMAR(KEY, grammar_tw_among), "", "Ranks given members among each other."),
    ROW("tw.around", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, BOARD,
        GRAMMAR(KEY, grammar_tw_around), "",
        "Returns a member with its neighbours above and below."),
    ROW("tw.update", -4, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_DENYOOM | SPEC_FAST, WRITE, BOARD,
        GRAMMAR(KEY, grammar_tw_update), "",
        "Changes one score, and returns old and new score and rank and how many were passed."),
    ROW("type", 2, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, GENERIC,
        GRAMMAR(KEY, grammar_type), "1.0.0", "Returns the type of a key."),
    ROW("unlink", -2, KEYS(1, -1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, GENERIC,
        GRAMMAR(KEYS, grammar_del), "4.0.0", "Deletes keys."),
    ROW("unsubscribe", -1, KEYS(0, 0, 0, 0),
        SPEC_PUBSUB | SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_SUBSCRIBED, READ,
        PUBSUB_GROUP, ANSWER(channels_unsubscribe), "2.0.0", "Ends subscriptions to channels."),
    ROW("unwatch", 1, KEYS(0, 0, 0, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_ALLOW_BUSY, NONE, TRANSACTIONS,
        ANSWER(transaction_unwatch), "2.2.0", "Forgets what WATCH has noted."),
    ROW("wait", 3, KEYS(0, 0, 0, 0), SPEC_BLOCKING, NONE, GENERIC, ANSWER(answer_wait), "3.0.0",
        "Returns 0: there are no replicas."),
    ROW("watch", -2, KEYS(1, -1, 1, 0),
        SPEC_NOSCRIPT | SPEC_LOADING | SPEC_STALE | SPEC_FAST | SPEC_ALLOW_BUSY | SPEC_NOT_QUEUED,
        READ, TRANSACTIONS, BEGIN(transaction_watch_begin), "2.2.0",
        "Makes EXEC fail if one of the keys changes before."),
    ROW("xack", -4, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups), "5.0.0",
        "Fails: a defined stream is the journal."),
    ROW("xadd", -5, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_DENYOOM | SPEC_FAST | SPEC_PIPELINED, WRITE,
        STREAM, BEGIN(answer_xadd_begin), "5.0.0",
        "Adds an event to a defined stream, and returns its id."),
    ROW("xautoclaim", -6, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups),
        "6.2.0", "Fails: a defined stream is the journal."),
    ROW("xclaim", -6, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups),
        "5.0.0", "Fails: a defined stream is the journal."),
    ROW("xdel", -3, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups), "5.0.0",
        "Fails: a defined stream is the journal."),
    ROW("xgroup", -2, KEYS(0, 0, 0, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups),
        "5.0.0", "Fails: a defined stream is the journal."),
    ROW("xinfo", -2, KEYS(0, 0, 0, 0), SPEC_READONLY, READ, STREAM, ANSWER(answer_no_groups),
        "5.0.0", "Fails: a defined stream is the journal."),
    ROW("xlen", 2, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST | SPEC_PIPELINED, READ, STREAM,
        BEGIN(answer_xlen_begin), "5.0.0",
        "Returns how many events a defined stream has accepted."),
    ROW("xpending", -3, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, STREAM, ANSWER(answer_no_groups),
        "5.0.0", "Fails: a defined stream is the journal."),
    ROW("xrange", -4, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_PIPELINED, READ, STREAM,
        BEGIN(answer_xrange_begin), "5.0.0", "Returns events of a defined stream between two ids."),
    ROW("xread", -4, KEYS(0, 0, 0, 0), SPEC_READONLY | SPEC_BLOCKING, READ, STREAM,
        BEGIN(answer_xread_begin), "5.0.0",
        "Returns events of defined streams behind given ids, and waits for them."),
    ROW("xreadgroup", -7, KEYS(0, 0, 0, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups),
        "5.0.0", "Fails: a defined stream is the journal."),
    ROW("xrevrange", -4, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_PIPELINED, READ, STREAM,
        BEGIN(answer_xrevrange_begin), "5.0.0",
        "Returns events of a defined stream between two ids, the newest first."),
    ROW("xsetid", -3, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups),
        "5.0.0", "Fails: a defined stream is the journal."),
    ROW("xtrim", -4, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, STREAM, ANSWER(answer_no_groups), "5.0.0",
        "Fails: a defined stream is the journal."),
    ROW("zadd", -4, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_DENYOOM | SPEC_FAST, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zadd), "1.2.0", "Adds members with scores, or changes their scores."),
    ROW("zcard", 2, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zcard), "1.2.0", "Returns how many members there are."),
    ROW("zcount", 4, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zcount), "2.0.0", "Counts members by score."),
    ROW("zdiff", -3, KEYS(0, 0, 0, 1), SPEC_READONLY | SPEC_MOVABLEKEYS, READ, SORTED_SET,
        GRAMMAR(KEYS, grammar_zdiff), "6.2.0",
        "Returns the members of the first set that no other has."),
    ROW("zdiffstore", -4, KEYS(1, 1, 1, 2), SPEC_WRITE | SPEC_DENYOOM | SPEC_MOVABLEKEYS, WRITE,
        SORTED_SET, GRAMMAR(KEYS, grammar_zdiffstore), "6.2.0",
        "Stores the members of the first set that no other has."),
    ROW("zincrby", 4, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_DENYOOM | SPEC_FAST, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zincrby), "1.2.0", "Adds to the score of a member."),
    ROW("zinter", -3, KEYS(0, 0, 0, 1), SPEC_READONLY | SPEC_MOVABLEKEYS, READ, SORTED_SET,
        GRAMMAR(KEYS, grammar_zinter), "6.2.0", "Returns the members that all sets have."),
    ROW("zintercard", -3, KEYS(0, 0, 0, 1), SPEC_READONLY | SPEC_MOVABLEKEYS, READ, SORTED_SET,
        GRAMMAR(KEYS, grammar_zintercard), "7.0.0", "Counts the members that all sets have."),
    ROW("zinterstore", -4, KEYS(1, 1, 1, 2), SPEC_WRITE | SPEC_DENYOOM | SPEC_MOVABLEKEYS, WRITE,
        SORTED_SET, GRAMMAR(KEYS, grammar_zinterstore), "2.0.0",
        "Stores the members that all sets have."),
    ROW("zlexcount", 4, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zlexcount), "2.8.9", "Counts members by their bytes."),
    ROW("zmpop", -4, KEYS(0, 0, 0, 1), SPEC_WRITE | SPEC_MOVABLEKEYS, WRITE, SORTED_SET,
        GRAMMAR(KEYS, grammar_zmpop), "7.0.0",
        "Removes and returns members of the first sorted set that has some."),
    ROW("zmscore", -3, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zmscore), "6.2.0", "Returns the scores of members."),
    ROW("zpopmax", -2, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zpopmax), "5.0.0", "Removes and returns the greatest members."),
    ROW("zpopmin", -2, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zpopmin), "5.0.0", "Removes and returns the least members."),
    ROW("zrandmember", -2, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrandmember), "6.2.0", "Returns some members."),
    ROW("zrange", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrange), "1.2.0",
        "Returns members by rank, by score or by their bytes."),
    ROW("zrangebylex", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrangebylex), "2.8.9", "Returns members by their bytes."),
    ROW("zrangebyscore", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrangebyscore), "1.0.5", "Returns members by score."),
    ROW("zrangestore", -5, KEYS(1, 2, 1, 0), SPEC_WRITE | SPEC_DENYOOM, WRITE, SORTED_SET,
        GRAMMAR(KEYS, grammar_zrangestore), "6.2.0", "Stores what ZRANGE would return."),
    ROW("zrank", -3, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrank), "2.0.0", "Returns the rank of a member, the least first."),
    ROW("zrem", -3, KEYS(1, 1, 1, 0), SPEC_WRITE | SPEC_FAST, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zrem), "1.2.0", "Removes members."),
    ROW("zremrangebylex", 4, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zremrangebylex), "2.8.9", "Removes members by their bytes."),
    ROW("zremrangebyrank", 4, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zremrangebyrank), "2.0.0", "Removes members by rank."),
    ROW("zremrangebyscore", 4, KEYS(1, 1, 1, 0), SPEC_WRITE, WRITE, SORTED_SET,
        GRAMMAR(KEY, grammar_zremrangebyscore), "1.2.0", "Removes members by score."),
    ROW("zrevrange", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrevrange), "1.2.0", "Returns members by rank, the greatest first."),
    ROW("zrevrangebylex", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrevrangebylex), "2.8.9",
        "Returns members by their bytes, the greatest first."),
    ROW("zrevrangebyscore", -4, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrevrangebyscore), "2.2.0",
        "Returns members by score, the greatest first."),
    ROW("zrevrank", -3, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zrevrank), "2.0.0",
        "Returns the rank of a member, the greatest first."),
    ROW("zscan", -3, KEYS(1, 1, 1, 0), SPEC_READONLY, READ, SORTED_SET, GRAMMAR(KEY, grammar_zscan),
        "2.8.0", "Walks over the members, some at a time."),
    ROW("zscore", 3, KEYS(1, 1, 1, 0), SPEC_READONLY | SPEC_FAST, READ, SORTED_SET,
        GRAMMAR(KEY, grammar_zscore), "1.2.0", "Returns the score of a member."),
    ROW("zunion", -3, KEYS(0, 0, 0, 1), SPEC_READONLY | SPEC_MOVABLEKEYS, READ, SORTED_SET,
        GRAMMAR(KEYS, grammar_zunion), "6.2.0", "Returns the members that any of the sets has."),
    ROW("zunionstore", -4, KEYS(1, 1, 1, 2), SPEC_WRITE | SPEC_DENYOOM | SPEC_MOVABLEKEYS, WRITE,
        SORTED_SET, GRAMMAR(KEYS, grammar_zunionstore), "2.0.0",
        "Stores the members that any of the sets has."),
};
#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))

static uint16_t by_hash[INDEX_SIZE]; /* of specs, from 1 on; 0 is free */

/* Commands of Redis for values that are none of ours, and those that have no meaning here. */
static const struct {
    const char *kind;
    const char *names; /* each between blanks */
} foreign[] = {
    {"strings",
     " append decr decrby get getdel getex getrange getset incr incrby incrbyfloat lcs mget mset "
     "msetnx psetex set setex setnx setrange strlen substr "},
    {"bitmaps", " bitcount bitfield bitfield_ro bitop bitpos getbit setbit "},
    {"lists", " blmove blmpop blpop brpop brpoplpush lindex linsert llen lmove lmpop lpop lpos "
              "lpush lpushx lrange lrem lset ltrim rpop rpoplpush rpush rpushx "},
    {"sets", " sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers "
             "smismember smove spop srandmember srem sscan sunion sunionstore "},
    {"hashes", " hdel hexists hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset "
               "hrandmember hscan hset hsetnx hstrlen hvals "},
    {"HyperLogLogs", " pfadd pfcount pfdebug pfmerge pfselftest "},
    {"geo indexes", " geoadd geodist geohash geopos georadius georadius_ro georadiusbymember "
                    "georadiusbymember_ro geosearch geosearchstore "},
    {"scripts", " eval eval_ro evalsha evalsha_ro fcall fcall_ro "},
    {"modules", " module "},
    {"other copies of its data", " failover psync replconf replicaof slaveof sync "},
    {"snapshots or files to rewrite", " bgrewriteaof bgsave save "},
    {"commands for its operator on this port", " monitor shutdown "},
    {"dumps", " dump migrate restore restore-asking sort sort_ro "},
};

static uint64_t fold(uint64_t word)
{
    return word | UINT64_C(0x2020202020202020);
}

/* The first and the last eight bytes, overlapping where the name is short. */
static uint32_t hash_name(struct span name)
{
    uint64_t head = 0;
    uint64_t tail = 0;

    if (name.size >= 8) {
        memcpy(&head, name.data, 8);
        memcpy(&tail, name.data + name.size - 8, 8);
    } else if (name.size >= 4) {
        uint32_t low;
        uint32_t high;

        memcpy(&low, name.data, 4);
        memcpy(&high, name.data + name.size - 4, 4);
        head = low;
        tail = high;
    } else {
        for (size_t i = 0; i < name.size; i++)
            head = head << 8 | (unsigned char)name.data[i];
    }
    head = (fold(head) ^ fold(tail) * 31) * UINT64_C(0x9e3779b97f4a7c15) + name.size;
    head *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(head >> 32) & (INDEX_SIZE - 1);
}

void command_table_init(void)
{
    static_assert(SPEC_COUNT * 4 < INDEX_SIZE, "the index is too small");
    memset(by_hash, 0, sizeof(by_hash));
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        uint32_t at = hash_name((struct span){specs[i].name, specs[i].name_size});

        while (by_hash[at] != 0)
            at = (at + 1) % INDEX_SIZE;
        by_hash[at] = (uint16_t)(i + 1);
    }
}

const struct spec *command_table_find(struct span name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX)
        return NULL;
    for (uint32_t at = hash_name(name); by_hash[at] != 0; at = (at + 1) % INDEX_SIZE) {
        const struct spec *spec = &specs[by_hash[at] - 1];

        if (spec->name_size == name.size && grammar_is(name, spec->name))
            return spec;
    }
    return NULL;
}

const struct spec *command_table_inside(const struct spec *container, struct span name)
{
    char whole[NAME_BYTES_MAX];
    size_t size = container->name_size + 1u + name.size;

    if (size > sizeof(whole))
        return NULL;
    memcpy(whole, container->name, container->name_size);
    whole[container->name_size] = '|';
    memcpy(whole + container->name_size + 1, name.data, name.size);
    return command_table_find((struct span){whole, size});
}

const struct spec *command_table_all(uint32_t *out_count)
{
    *out_count = SPEC_COUNT;
    return specs;
}

const char *command_table_foreign(struct span name)
{
    char word[NAME_BYTES_MAX + 3];

    if (name.size == 0 || name.size > NAME_BYTES_MAX || memchr(name.data, ' ', name.size) != NULL ||
        memchr(name.data, '\0', name.size) != NULL)
        return NULL;
    word[0] = ' ';
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        word[i + 1] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    word[name.size + 1] = ' ';
    word[name.size + 2] = '\0';
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (strstr(foreign[i].names, word) != NULL)
            return foreign[i].kind;
    return NULL;
}

const char *command_table_group_text(enum spec_group group)
{
    static const char *const texts[] = {
        [SPEC_SORTED_SET] = "sorted-set",
        [SPEC_GENERIC] = "generic",
        [SPEC_BOARD] = "board",
        [SPEC_STREAM] = "stream",
        [SPEC_TRANSACTIONS] = "transactions",
        [SPEC_PUBSUB_GROUP] = "pubsub",
        [SPEC_CONNECTION] = "connection",
        [SPEC_SERVER] = "server",
        [SPEC_CLUSTER] = "cluster",
        [SPEC_SCRIPTING] = "scripting",
    };

    return texts[group];
}

const char *command_table_role_text(enum spec_role role)
{
    static const char *const texts[] = {
        [SPEC_ROLE_NONE] = "none",
        [SPEC_ROLE_READ] = "read",
        [SPEC_ROLE_WRITE] = "write",
        [SPEC_ROLE_ADMIN] = "admin",
    };

    return texts[role];
}

const char *command_table_flag_text(uint32_t bit)
{
#define TEXT(name, number, text) [number] = (text),
    static const char *const texts[SPEC_FLAG_COUNT] = {SPEC_FLAGS(TEXT)};
#undef TEXT

    return texts[bit];
}

bool command_table_keys(const struct spec *spec, const struct span *args, uint32_t count,
                        void (*found)(void *context, struct span key), void *context)
{
    int64_t last = spec->last_key < 0 ? (int64_t)count + spec->last_key : spec->last_key;
    int64_t number = 0;

    if (spec->numkeys > 0 &&
        (spec->numkeys >= count || !grammar_int_read(args[spec->numkeys], &number) || number < 1 ||
         number > count - spec->numkeys - 1))
        return false;
    if (spec->first_key > 0 && last >= (int64_t)count)
        return false;
    for (int64_t i = spec->first_key; spec->first_key > 0 && i <= last; i += spec->key_step)
        found(context, args[i]);
    for (int64_t i = 0; i < number; i++)
        found(context, args[spec->numkeys + 1 + i]);
    return true;
}
