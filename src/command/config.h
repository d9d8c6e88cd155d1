// SPDX-License-Identifier: Apache-2.0
/*
 * config.h - the settings that clients of Redis ask for and set: CONFIG.
 *
 * Tallywheel's own settings are in base/conf.h. These here are what clients, tools and test suites
 * expect to find; most are only remembered. What has a meaning: zset-max-listpack-entries and
 * zset-max-listpack-value (what OBJECT ENCODING says).
 *
 * Thread: any; one lock.
 */
#ifndef TALLYWHEEL_COMMAND_CONFIG_H
#define TALLYWHEEL_COMMAND_CONFIG_H

#include <stdint.h>

struct conf;
struct config;

struct config *config_new(const struct conf *conf);
void config_free(struct config *config);

/* The value of a setting that is a number. */
int64_t config_number(struct config *config, const char *name);

#endif
