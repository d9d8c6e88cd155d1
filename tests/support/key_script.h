// SPDX-License-Identifier: Apache-2.0
/*
 * key_script.h - commands on plain keys (model/command.h) and their replies as text, for tests.
 *
 *     OP.FLAG.FLAG key... | argument...
 *
 * Words are parted by single spaces; '' is the empty one. Arguments are read as the operation
 * wants them: a score, a member, a bound ([x, (x, - or +), or a number; #5 is a number anywhere.
 *
 * Replies: an int or double as it is, nil, nil-array, +status, -error, true, text as it is ('' if
 * empty), [...] for an array, <...> for pairs, {...} for a map.
 */
#ifndef TALLYWHEEL_TESTS_KEY_SCRIPT_H
#define TALLYWHEEL_TESTS_KEY_SCRIPT_H

#include "base/bytes.h"

struct command_list;

/* Appends one command. A script that cannot be read is a bug of the test, and asserted. */
void key_script_add(struct command_list *list, const char *text);

/* Appends all replies that stand in `replies`, a space between them. */
void key_script_print(struct span replies, struct bytes *out);

#endif
