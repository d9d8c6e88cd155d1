// SPDX-License-Identifier: Apache-2.0
/*
 * conf_value.h - reads and prints the value of one setting, by its kind.
 *
 * Thread: the owner of the conf.
 */
#ifndef TALLYWHEEL_BASE_CONF_VALUE_H
#define TALLYWHEEL_BASE_CONF_VALUE_H

#include "base/bytes.h"

struct conf;
struct conf_setting;
struct err;
struct json_t;

/* Text as --set and defaults have it. Errors begin with the path of the setting. */
int conf_value_parse(struct conf *conf, const struct conf_setting *setting, struct span text,
                     struct err *err);

/* A node of the file. */
int conf_value_read(struct conf *conf, const struct conf_setting *setting,
                    const struct json_t *value, struct err *err);

/* As YAML that reads back. */
void conf_value_print(const struct conf *conf, const struct conf_setting *setting,
                      struct bytes *out);

void conf_value_done(struct conf *conf, const struct conf_setting *setting);

#endif
