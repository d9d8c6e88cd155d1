// SPDX-License-Identifier: Apache-2.0
/*
 * named_key.c - what a key names, and which commands defined boards and streams can answer.
 *
 * Most keys are plain, and every command looks its keys up here. So the first bytes of all defined
 * names are kept in a set of 256 bits, made anew when the catalog has other names.
 *
 * Thread: the worker's.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/catalog.h"
#include "model/reply.h"
#include "named/named_private.h"
#include "node/worker.h"
#include "period/period.h"
#include "query/time_param.h"

static void note_name(struct named *named, const char *name)
{
    uint8_t first = (uint8_t)name[0];

    named->first_bytes[first / 64] |= UINT64_C(1) << (first % 64);
}

static void note_names(struct named *named, const struct catalog *catalog)
{
    memset(named->first_bytes, 0, sizeof(named->first_bytes));
    for (uint32_t i = 0; i < catalog->board_count; i++)
        note_name(named, catalog->boards[i]->def.name);
    for (uint32_t i = 0; i < catalog->stream_count; i++)
        note_name(named, catalog->streams[i]->def.name);
    named->known_id_next = catalog->id_next;
    named->known_count = catalog->board_count + catalog->stream_count;
}

/* False for nearly all plain keys. */
static inline bool may_be_named(struct worker *worker, struct span key)
{
    const struct catalog *catalog = worker->catalog;
    struct named *named = worker->named;
    uint8_t first;

    if (key.size == 0 || catalog->board_count + catalog->stream_count == 0)
        return false;
    if (named->known_id_next != catalog->id_next ||
        named->known_count != catalog->board_count + catalog->stream_count)
        note_names(named, catalog);
    first = (uint8_t)key.data[0];
    return (named->first_bytes[first / 64] >> (first % 64) & 1) != 0;
}

/* ---- boards ---- */

static enum named_kind wrong(struct named_key *key, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum named_kind wrong(struct named_key *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(key->reason, sizeof(key->reason), format, args);
    va_end(args);
    key->kind = NAMED_WRONG;
    return NAMED_WRONG;
}

static enum named_kind needs_labels(struct named_key *key)
{
    const struct board_def *def = &key->board->def;
    struct bytes form = {0};

    for (uint32_t i = 0; i < def->by_count; i++)
        bytes_format(&form, ":<%s>", def->by[i]);
    wrong(key, "ERR board \"%s\" is split by other fields: its keys are %s%s", def->name, def->name,
          bytes_text(&form));
    bytes_done(&form);
    return NAMED_WRONG;
}

/* Takes a season from the end of `rest`, if one stands there. */
static enum named_kind take_season(const struct worker *worker, struct span *rest,
                                   struct named_key *key)
{
    const char *at = memrchr(rest->data, '@', rest->size);
    struct time_param time;
    struct err err = {0};
    struct span text;

    if (at == NULL || !period_has_seasons(&key->board->def.period))
        return NAMED_BOARD;
    text = (struct span){at + 1, rest->size - (size_t)(at + 1 - rest->data)};
    if (time_param_parse(text, "season", &time, &err) < 0) {
        if (key->board->def.by_count > 0)
            return NAMED_BOARD; /* a label may have an @ */
        return wrong(key, "ERR %s", err.text);
    }
    key->season_given = true;
    key->season_ms = time_param_ms(time, worker->now_ms);
    rest->size = (size_t)(at - rest->data);
    return NAMED_BOARD;
}

/* `rest` begins with the colon of the first label. */
static enum named_kind take_labels(struct span rest, struct named_key *key)
{
    uint32_t by_count = key->board->def.by_count;

    for (uint32_t i = 0; i < by_count; i++) {
        const char *end;

        if (rest.size == 0 || rest.data[0] != ':')
            return needs_labels(key);
        rest = (struct span){rest.data + 1, rest.size - 1};
        end = i + 1 < by_count ? memchr(rest.data, ':', rest.size) : NULL;
        key->labels[i] =
            (struct span){rest.data, end != NULL ? (size_t)(end - rest.data) : rest.size};
        rest = (struct span){rest.data + key->labels[i].size, rest.size - key->labels[i].size};
    }
    return NAMED_BOARD;
}

static enum named_kind find_board(const struct worker *worker, struct span key,
                                  struct named_key *out_key)
{
    size_t size = 0;
    struct span rest;

    while (size < key.size && key.data[size] != ':' && key.data[size] != '@')
        size++;
    out_key->board = catalog_find_board(worker->catalog, (struct span){key.data, size});
    if (out_key->board == NULL)
        return NAMED_NOTHING;
    rest = (struct span){key.data + size, key.size - size};
    /* What a board has no meaning for is not its name. */
    if (rest.size > 0 && rest.data[0] == ':' && out_key->board->def.by_count == 0)
        return NAMED_NOTHING;
    if (rest.size > 0 && rest.data[0] == '@' && !period_has_seasons(&out_key->board->def.period))
        return NAMED_NOTHING;
    out_key->kind = NAMED_BOARD;
    if (rest.size > 0 && take_season(worker, &rest, out_key) == NAMED_WRONG)
        return NAMED_WRONG;
    return take_labels(rest, out_key);
}

enum named_kind named_find(struct worker *worker, struct span key, struct named_key *out_key)
{
    out_key->kind = NAMED_NOTHING;
    out_key->board = NULL;
    out_key->stream = NULL;
    out_key->season_given = false;
    out_key->season_ms = 0;
    if (!may_be_named(worker, key))
        return NAMED_NOTHING;
    out_key->kind = find_board(worker, key, out_key);
    if (out_key->kind != NAMED_NOTHING)
        return out_key->kind;
    out_key->board = NULL;
    out_key->stream = catalog_find_stream(worker->catalog, key);
    if (out_key->stream != NULL && !out_key->stream->of_board)
        out_key->kind = NAMED_STREAM;
    return out_key->kind;
}

bool named_is(struct worker *worker, struct span key)
{
    struct named_key found;

    return may_be_named(worker, key) && named_find(worker, key, &found) != NAMED_NOTHING;
}

/* ---- which commands ---- */

#define ON_STREAM "WRONGTYPE Operation against a key holding the wrong kind of value"

/* NULL, or why a command can not have a defined board or stream as key `index`. */
static const char *why_not(const struct command *command, uint32_t index,
                           const struct named_key *key)
{
    switch ((enum command_op)command->op) {
    case COMMAND_EXISTS:
    case COMMAND_TYPE:
    case COMMAND_EXPIRY:
        return NULL;
    case COMMAND_DEL:
    case COMMAND_EXPIREAT:
    case COMMAND_PERSIST:
    case COMMAND_RENAME:
        return "is defined, and no plain key: see DELETE /v1/boards and /v1/streams";
    case COMMAND_VERSION:
    case COMMAND_IF_WATCHED:
        return "is defined, and can not be watched by WATCH; see SUBSCRIBE";
    case COMMAND_ENCODING:
        return NULL;
    default:
        break;
    }
    if (key->kind == NAMED_STREAM)
        return ON_STREAM;
    switch ((enum command_op)command->op) {
    case COMMAND_ZREMRANGE:
    case COMMAND_ZPOP:
        return "is a defined board: members leave it by ZREM, one by one";
    case COMMAND_ZSTORE:
        return "is a defined board: nothing can be stored into it as a whole";
    case COMMAND_ZRANGESTORE:
    case COMMAND_ZALGEBRASTORE:
    case COMMAND_COPY:
        if (command->op == COMMAND_COPY ? index == 1 : index == 0)
            return "is a defined board: nothing can be stored into it as a whole";
        break;
    default:
        break;
    }
    if ((command->flags & COMMAND_BY_LEX) != 0)
        return "is a defined board: equal scores are not in the order of their members there, so "
               "ranges by member do not apply";
    return NULL;
}

bool named_concerns(struct worker *worker, const struct command_list *list, struct bytes *error)
{
    const struct command *command = &list->commands[0];
    bool concerns = false;

    for (uint32_t i = 0; i < command->key_count; i++) {
        struct span name = command_arg(list, command, i);
        struct named_key key;
        const char *reason;

        if (!may_be_named(worker, name) || named_find(worker, name, &key) == NAMED_NOTHING)
            continue;
        concerns = true;
        reason = key.kind == NAMED_WRONG ? key.reason : why_not(command, i, &key);
        if (reason == NULL)
            continue;
        if (key.kind == NAMED_WRONG || strcmp(reason, ON_STREAM) == 0)
            reply_error(error, "%s", reason);
        else
            reply_error(error, "ERR \"%.*s\" %s", (int)(name.size < 100 ? name.size : 100),
                        name.data, reason);
        return true;
    }
    return concerns;
}

/* ---- exact scores ---- */

static bool read_exact(struct span word, int64_t *out_value)
{
    char digits[40];
    char *end;
    double value;

    if (word.size == 0 || word.size >= sizeof(digits))
        return false;
    memcpy(digits, word.data, word.size);
    digits[word.size] = '\0';
    errno = 0;
    *out_value = strtoll(digits, &end, 10);
    if (*end == '\0')
        return errno == 0 && *out_value != INT64_MIN;
    value = strtod(digits, &end); /* "1e3" and "2.0" are whole too */
    if (*end != '\0' || !(fabs(value) < 9007199254740992.0) || value != floor(value))
        return false;
    *out_value = (int64_t)value;
    return true;
}

bool named_exact(struct worker *worker, struct command_list *list, const struct span *words,
                 uint32_t word_count, struct bytes *error)
{
    const struct command *command = &list->commands[0];
    uint32_t pair_count = (command->arg_count - 1) / 2;
    struct named_key key;

    if (command->op != COMMAND_ZADD && command->op != COMMAND_TW_UPDATE)
        return true;
    if (named_find(worker, command_arg(list, command, 0), &key) != NAMED_BOARD ||
        key.board->mode_column < 0)
        return true;
    for (uint32_t i = 0; i < pair_count; i++) {
        struct span word = words[word_count - 2 * (pair_count - i)];
        struct command_arg arg = list->args[command->arg_begin + 1 + 2 * i];
        int64_t value;

        if (!key.board->score_is_int) {
            if (isfinite(command_arg_score(list, command, 1 + 2 * i)))
                continue;
            reply_error(error, "ERR scores of the defined board \"%s\" are finite",
                        key.board->def.name);
            return false;
        }
        if (!read_exact(word, &value)) {
            reply_error(error, "ERR score '%.*s' is no whole number; board \"%s\" has `type: int`",
                        (int)(word.size < 40 ? word.size : 40), word.data, key.board->def.name);
            return false;
        }
        memcpy(list->data.data + arg.at, &value, sizeof(value));
    }
    return true;
}
