// SPDX-License-Identifier: Apache-2.0
/*
 * score_script_load.c - loads a script into its cage; see score_script.h.
 *
 * The chunk runs once, with a table of globals of its own that holds the few functions a script
 * may use. Then what it left there is checked and frozen: the globals move to a hidden table that
 * can be read through a metatable and not be written, and every captured local of every function
 * is noted with its value.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>

#include "base/err.h"
#include "score/score_math.h"
#include "score/score_script_private.h"

#define STACK_SLOTS 64
#define DEPTH_MAX 32 /* of functions that capture functions */

static const char *const base_names[] = {"assert",   "error", "ipairs", "select",
                                         "tonumber", "type",  "unpack"};
static const char *const math_names[] = {"abs", "ceil", "floor", "fmod", "huge",
                                         "max", "min",  "modf",  "pi",   "sqrt"};

/* What the chunk is loaded from, for the protected function that does it. */
struct loading {
    struct score_script *script;
    struct span text;
    const char *name;
};

static int call_exp2(lua_State *lua)
{
    lua_pushnumber(lua, score_exp2(luaL_checknumber(lua, 1)));
    return 1;
}

static int call_log2(lua_State *lua)
{
    lua_pushnumber(lua, score_log2(luaL_checknumber(lua, 1)));
    return 1;
}

static int call_pow(lua_State *lua)
{
    lua_pushnumber(lua, score_pow(luaL_checknumber(lua, 1), luaL_checknumber(lua, 2)));
    return 1;
}

static int refuse_write(lua_State *lua)
{
    return luaL_error(lua, "only s may be written: nothing else outlives a call");
}

/* Replaces the table on top by an empty one through which it can be read. */
static void freeze(lua_State *lua)
{
    lua_newtable(lua); /* original, proxy */
    lua_createtable(lua, 0, 2);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_write);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
    lua_remove(lua, -2);
}

static void push_math(lua_State *lua)
{
    lua_pushcfunction(lua, luaopen_math);
    lua_pushliteral(lua, LUA_MATHLIBNAME);
    lua_call(lua, 1, 0);
    lua_newtable(lua);
    lua_getglobal(lua, LUA_MATHLIBNAME);
    for (size_t i = 0; i < sizeof(math_names) / sizeof(math_names[0]); i++) {
        lua_getfield(lua, -1, math_names[i]);
        lua_setfield(lua, -3, math_names[i]);
    }
    lua_pop(lua, 1);
    lua_pushcfunction(lua, call_exp2);
    lua_setfield(lua, -2, "exp2");
    lua_pushcfunction(lua, call_log2);
    lua_setfield(lua, -2, "log2");
    lua_pushcfunction(lua, call_pow);
    lua_setfield(lua, -2, "pow");
    freeze(lua);
}

/* The table of globals. The functions that are not among them can not be reached. */
static void push_globals(lua_State *lua)
{
    lua_pushcfunction(lua, luaopen_base);
    lua_pushliteral(lua, "");
    lua_call(lua, 1, 0);
    lua_newtable(lua);
    for (size_t i = 0; i < sizeof(base_names) / sizeof(base_names[0]); i++) {
        lua_getglobal(lua, base_names[i]);
        lua_setfield(lua, -2, base_names[i]);
    }
    push_math(lua);
    lua_setfield(lua, -2, "math");
}

/* Is the value on top one that can not change? `math` is at index `math`. */
static bool is_constant(lua_State *lua, int math)
{
    int type = lua_type(lua, -1);

    return type == LUA_TNIL || type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN ||
           type == LUA_TFUNCTION || lua_rawequal(lua, -1, math);
}

/*
 * Notes the captured locals of the function on top, and of those that it captured. `math` and
 * `captured` are indexes of that table and of the list.
 */
static void note_captured(struct score_script *script, int math, int captured, uint32_t depth)
{
    lua_State *lua = script->lua;
    const char *name;

    if (lua_iscfunction(lua, -1))
        return;
    if (depth == DEPTH_MAX)
        luaL_error(lua, "functions capture functions more than %d deep", DEPTH_MAX);
    luaL_checkstack(lua, 4, "too deep");
    for (int i = 1; (name = lua_getupvalue(lua, -1, i)) != NULL; i++) {
        bool known = false;

        if (!is_constant(lua, math))
            luaL_error(lua,
                       "local \"%s\" is a table that functions share: nothing but s outlives a "
                       "call, make it inside the function",
                       name);
        for (uint32_t at = 0; at < script->captured_count && !known; at++) {
            lua_rawgeti(lua, captured, (int)(2 * at + 1));
            known = lua_rawequal(lua, -1, -3) && script->captured[at] == i;
            lua_pop(lua, 1);
        }
        if (!known) {
            int at = (int)script->captured_count;

            if (at == SCRIPT_CAPTURED_MAX)
                luaL_error(lua, "functions share more than %d locals", SCRIPT_CAPTURED_MAX);
            lua_pushvalue(lua, -2);
            lua_rawseti(lua, captured, 2 * at + 1);
            lua_pushvalue(lua, -1);
            lua_rawseti(lua, captured, 2 * at + 2);
            script->captured[script->captured_count++] = i;
            if (lua_isfunction(lua, -1))
                note_captured(script, math, captured, depth + 1);
        }
        lua_pop(lua, 1);
    }
}

/* Checks what the chunk left among the globals (an index), and notes what they capture. */
static void check_globals(struct score_script *script, int globals, int captured)
{
    lua_State *lua = script->lua;
    int math;

    lua_getfield(lua, globals, "math");
    math = lua_gettop(lua);
    lua_pushnil(lua);
    while (lua_next(lua, globals) != 0) {
        if (!is_constant(lua, math))
            luaL_error(lua,
                       "global \"%s\" is a table: nothing but s outlives a call, make it inside "
                       "the function",
                       lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "?");
        if (lua_isfunction(lua, -1))
            note_captured(script, math, captured, 0);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

/* Takes a function out of the globals to a place of its own on the stack. */
static bool take_function(lua_State *lua, int globals, const char *name, int slot)
{
    lua_getfield(lua, globals, name);
    if (!lua_isfunction(lua, -1) && !lua_isnil(lua, -1))
        luaL_error(lua, "\"%s\" is not a function", name);
    lua_replace(lua, slot);
    return lua_isfunction(lua, slot);
}

/* The globals move to a table of their own, and what they were becomes a way to read it. */
static void freeze_globals(lua_State *lua, int globals)
{
    lua_newtable(lua);
    lua_pushnil(lua);
    while (lua_next(lua, globals) != 0) {
        lua_pushvalue(lua, -2);
        lua_insert(lua, -2);
        lua_rawset(lua, -4);
        lua_pushvalue(lua, -1);
        lua_pushnil(lua);
        lua_rawset(lua, globals); /* to clear a field while walking is allowed */
    }
    lua_createtable(lua, 0, 2);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_write);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, globals);
}

/* Runs protected: any error of Lua, memory included, ends up with the caller. */
static int load(lua_State *lua)
{
    struct loading *loading = lua_touserdata(lua, 1);
    struct score_script *script = loading->script;
    char chunk_name[SCRIPT_MESSAGE_BYTES];
    int globals;
    int status;

    luaL_checkstack(lua, STACK_SLOTS, "no room");
    lua_settop(lua, 0);
    for (int slot = 1; slot <= SCRIPT_MERGE; slot++)
        lua_pushnil(lua);
    lua_createtable(lua, SCORE_SCRIPT_NUMBERS, 0);
    lua_createtable(lua, SCORE_SCRIPT_NUMBERS, 0);
    lua_newtable(lua);
    assert(lua_gettop(lua) == SCRIPT_TOP);
    push_globals(lua);
    globals = lua_gettop(lua);

    snprintf(chunk_name, sizeof(chunk_name), "@%s", loading->name);
    if (luaL_loadbufferx(lua, loading->text.data, loading->text.size, chunk_name, "t") != 0)
        return lua_error(lua);
    lua_pushvalue(lua, globals);
    lua_setfenv(lua, -2);
    status = score_script_call(script, 0, 0);
    if (status != 0)
        return luaL_error(lua, "%s", script->message);

    check_globals(script, globals, SCRIPT_CAPTURED);
    script->has_init = take_function(lua, globals, "init", SCRIPT_INIT);
    script->has_merge = take_function(lua, globals, "merge", SCRIPT_MERGE);
    if (!take_function(lua, globals, "fold", SCRIPT_FOLD))
        return luaL_error(lua, "there is no function \"fold\"");
    freeze_globals(lua, globals);
    lua_settop(lua, SCRIPT_TOP);
    return SCRIPT_TOP;
}

/* The line of a "^", or 0. */
static uint32_t line_of_power(struct span text)
{
    uint32_t line = 1;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '^')
            return line;
        line += text.data[i] == '\n';
    }
    return 0;
}

static int refuse(struct err *err, const char *name, const char *text)
{
    /* Lua's own messages begin with the name of the chunk. */
    if (strncmp(text, name, strlen(name)) == 0)
        return err_set(err, ERR_INVALID, "%s", text);
    return err_set(err, ERR_INVALID, "%s: %s", name, text);
}

int score_script_new(struct score_script **out_script, struct span text, const char *name,
                     struct err *err)
{
    struct score_script *script;
    struct loading loading;
    uint32_t line = line_of_power(text);
    int status;

    if (text.size > SCORE_SCRIPT_TEXT_BYTES_MAX)
        return err_set(err, ERR_INVALID, "%s: %zu bytes, at most %u", name, text.size,
                       SCORE_SCRIPT_TEXT_BYTES_MAX);
    if (line > 0)
        return err_set(err, ERR_INVALID,
                       "%s:%u: \"^\" is not the same on all machines; write math.pow (and none in "
                       "comments or texts)",
                       name, line);
    script = bytes_alloc_zero(1, sizeof(*script));
    script->lua = lua_newstate(score_script_allocate, script);
    if (script->lua == NULL) {
        free(script);
        return err_set(err, ERR_MEMORY, "%s: no memory for a script", name);
    }
    luaJIT_setmode(script->lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_gc(script->lua, LUA_GCSTOP, 0);
    loading = (struct loading){script, text, name};
    /* Pushing a C function and a pointer takes some memory, which is surely there at the start. */
    lua_pushcfunction(script->lua, load);
    lua_pushlightuserdata(script->lua, &loading);
    status = lua_pcall(script->lua, 1, LUA_MULTRET, 0);
    if (status != 0) {
        const char *message = lua_type(script->lua, -1) == LUA_TSTRING
                                  ? lua_tostring(script->lua, -1)
                                  : "an error without a text";
        int rc = refuse(err, name,
                        status == LUA_ERRMEM ? "takes more memory than a script may" : message);

        score_script_free(script);
        return rc;
    }
    assert(lua_gettop(script->lua) == SCRIPT_TOP);
    lua_gc(script->lua, LUA_GCCOLLECT, 0);
    lua_gc(script->lua, LUA_GCSTOP, 0);
    script->used_at_rest = script->used;
    script->message[0] = '\0';
    *out_script = script;
    return 0;
}

void score_script_free(struct score_script *script)
{
    if (script == NULL)
        return;
    if (script->lua != NULL)
        lua_close(script->lua);
    free(script);
}
