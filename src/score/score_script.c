// SPDX-License-Identifier: Apache-2.0
/*
 * score_script.c - running the functions of a script; see score_script.h. How one is loaded and
 * caged is in score_script_load.c.
 *
 * The garbage collector is stopped while a script runs, and collects between calls when there is
 * enough; so what a call may allocate hardly depends on the calls before it.
 */
#include "score/score_script.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>

#include "score/score_script_private.h"
#include "score/score_total.h"

#define COLLECT_BYTES (64u << 10) /* garbage that may wait */

void *score_script_allocate(void *context, void *old, size_t old_size, size_t size)
{
    struct score_script *script = context;
    void *block;

    if (size == 0) {
        free(old);
        script->used -= old_size;
        return NULL;
    }
    if (script->limited && size > old_size && script->used + (size - old_size) > SCORE_SCRIPT_BYTES)
        return NULL;
    block = realloc(old, size);
    if (block != NULL)
        script->used += size - old_size;
    return block;
}

static void stop_at_budget(lua_State *lua, lua_Debug *debug)
{
    void *context;

    (void)debug;
    lua_getallocf(lua, &context);
    ((struct score_script *)context)->over_steps = true;
    luaL_error(lua, "took more than %d steps", SCORE_SCRIPT_STEPS);
}

/* Calls what was pushed, within the budgets. 0, or a status of Lua with the message kept. */
int score_script_call(struct score_script *script, int arg_count, int result_count)
{
    lua_State *lua = script->lua;
    const char *message;
    int status;

    script->over_steps = false;
    script->limited = true;
    lua_sethook(lua, stop_at_budget, LUA_MASKCOUNT, SCORE_SCRIPT_STEPS);
    status = lua_pcall(lua, arg_count, result_count, 0);
    script->limited = false;
    lua_sethook(lua, NULL, 0, 0);
    if (status == 0)
        return 0;
    message = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "an error without a text";
    if (status == LUA_ERRMEM)
        message = "took more memory than a script may";
    snprintf(script->message, sizeof(script->message), "%s", message);
    lua_pop(lua, 1);
    return status;
}

static void count_stop(struct score_script *script, int status)
{
    if (status == LUA_ERRMEM)
        script->stat.over_memory++;
    else if (script->over_steps)
        script->stat.over_steps++;
    else
        script->stat.failed++;
}

/* Captured locals get the values that they had after loading. */
static void restore_captured(struct score_script *script)
{
    lua_State *lua = script->lua;

    for (uint32_t i = 0; i < script->captured_count; i++) {
        lua_rawgeti(lua, SCRIPT_CAPTURED, (int)(2 * i + 1)); /* the function */
        lua_rawgeti(lua, SCRIPT_CAPTURED, (int)(2 * i + 2)); /* the value */
        lua_setupvalue(lua, -2, script->captured[i]);
        lua_pop(lua, 1);
    }
}

static void after_call(struct score_script *script)
{
    lua_settop(script->lua, SCRIPT_TOP);
    restore_captured(script);
    if (script->used > script->used_at_rest + COLLECT_BYTES) {
        lua_gc(script->lua, LUA_GCCOLLECT, 0);
        lua_gc(script->lua, LUA_GCSTOP, 0);
        script->used_at_rest = script->used;
    }
}

static void fill_state(lua_State *lua, int table, const double *numbers)
{
    for (int i = 0; i < SCORE_SCRIPT_NUMBERS; i++) {
        lua_pushnumber(lua, numbers[i]);
        lua_rawseti(lua, table, i + 1);
    }
}

static bool read_state(struct score_script *script, double *out_numbers)
{
    lua_State *lua = script->lua;

    for (int i = 0; i < SCORE_SCRIPT_NUMBERS; i++) {
        bool is_number;

        lua_rawgeti(lua, SCRIPT_STATE, i + 1);
        is_number = lua_type(lua, -1) == LUA_TNUMBER && !isnan(lua_tonumber(lua, -1));
        out_numbers[i] = is_number ? lua_tonumber(lua, -1) : 0;
        lua_pop(lua, 1);
        if (!is_number) {
            snprintf(script->message, sizeof(script->message), "s[%d] is not a number", i + 1);
            return false;
        }
    }
    return true;
}

/* The score that stands on top, if there is one. */
static enum score_script_outcome read_score(struct score_script *script, double *out_score)
{
    lua_State *lua = script->lua;

    if (lua_isnil(lua, -1))
        return SCORE_SCRIPT_NOTHING;
    if (lua_type(lua, -1) == LUA_TNUMBER && !isnan(lua_tonumber(lua, -1))) {
        *out_score = score_tidy_double(lua_tonumber(lua, -1));
        return SCORE_SCRIPT_SCORE;
    }
    snprintf(script->message, sizeof(script->message), "returned no number");
    return SCORE_SCRIPT_STOPPED;
}

/* The table of the state has been pushed over and over: it must hold no more than the state. */
static void renew_state(struct score_script *script, int table)
{
    lua_State *lua = script->lua;

    lua_pushnil(lua);
    while (lua_next(lua, table) != 0) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) != LUA_TNUMBER || lua_tonumber(lua, -1) < 1 ||
            lua_tonumber(lua, -1) > SCORE_SCRIPT_NUMBERS ||
            lua_tonumber(lua, -1) != floor(lua_tonumber(lua, -1))) {
            lua_pushvalue(lua, -1);
            lua_pushnil(lua);
            lua_rawset(lua, table); /* to clear a field while walking is allowed */
        }
    }
}

/* Function and arguments, SCRIPT_STATE among them, have been pushed. */
static enum score_script_outcome run(struct score_script *script, int arg_count, double *numbers,
                                     double *out_score)
{
    enum score_script_outcome outcome = SCORE_SCRIPT_STOPPED;
    double changed[SCORE_SCRIPT_NUMBERS];
    double score = 0;
    int status = score_script_call(script, arg_count, 1);

    if (status != 0) {
        count_stop(script, status);
    } else {
        outcome = read_score(script, &score);
        if (outcome != SCORE_SCRIPT_STOPPED && !read_state(script, changed))
            outcome = SCORE_SCRIPT_STOPPED;
        if (outcome == SCORE_SCRIPT_STOPPED)
            script->stat.failed++;
    }
    after_call(script);
    renew_state(script, SCRIPT_STATE);
    if (outcome != SCORE_SCRIPT_STOPPED)
        memcpy(numbers, changed, sizeof(changed));
    if (outcome == SCORE_SCRIPT_SCORE)
        *out_score = score;
    return outcome;
}

enum score_script_outcome score_script_init(struct score_script *script, double *numbers)
{
    double ignored;

    if (!script->has_init)
        return SCORE_SCRIPT_NOTHING;
    fill_state(script->lua, SCRIPT_STATE, numbers);
    lua_pushvalue(script->lua, SCRIPT_INIT);
    lua_pushvalue(script->lua, SCRIPT_STATE);
    return run(script, 1, numbers, &ignored);
}

enum score_script_outcome score_script_fold(struct score_script *script, double *numbers,
                                            int64_t event_ms, const double *values,
                                            uint32_t value_count, double *out_score)
{
    lua_State *lua = script->lua;

    fill_state(lua, SCRIPT_STATE, numbers);
    lua_pushvalue(lua, SCRIPT_FOLD);
    lua_pushvalue(lua, SCRIPT_STATE);
    lua_pushnumber(lua, (double)event_ms);
    for (uint32_t i = 0; i < value_count; i++)
        lua_pushnumber(lua, values[i]);
    return run(script, 2 + (int)value_count, numbers, out_score);
}

enum score_script_outcome score_script_merge(struct score_script *script, double *numbers,
                                             const double *others, double *out_score)
{
    lua_State *lua = script->lua;
    enum score_script_outcome outcome;

    assert(script->has_merge);
    fill_state(lua, SCRIPT_STATE, numbers);
    fill_state(lua, SCRIPT_OTHER, others);
    lua_pushvalue(lua, SCRIPT_MERGE);
    lua_pushvalue(lua, SCRIPT_STATE);
    lua_pushvalue(lua, SCRIPT_OTHER);
    outcome = run(script, 2, numbers, out_score);
    renew_state(script, SCRIPT_OTHER);
    return outcome;
}

bool score_script_can_merge(const struct score_script *script)
{
    return script->has_merge;
}

struct score_script_stat score_script_stat(const struct score_script *script)
{
    struct score_script_stat stat = script->stat;

    stat.message = script->message;
    return stat;
}

uint64_t score_script_bytes(const struct score_script *script)
{
    return sizeof(*script) + script->used;
}
