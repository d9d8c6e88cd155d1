// SPDX-License-Identifier: Apache-2.0
/* read_params.c - see read_params.h. */
#include "query/read_params.h"

#include "base/err.h"
#include "query/read_request.h"

static int shown(struct span span)
{
    return (int)(span.size < 100 ? span.size : 100);
}

int32_t read_params_field(const struct read_request *request, uint32_t i,
                          const struct read_params_known *known)
{
    struct span name = request->params[i].name;
    size_t prefix_size = known->prefix != NULL ? strlen(known->prefix) : 0;

    if (prefix_size == 0 || name.size <= prefix_size ||
        memcmp(name.data, known->prefix, prefix_size) != 0)
        return -1;
    name = (struct span){name.data + prefix_size, name.size - prefix_size};
    for (uint32_t field = 0; field < known->field_count; field++)
        if (span_equal(span_of(known->fields[field]), name))
            return (int32_t)field;
    return -1;
}

static bool is_name(const struct read_params_known *known, struct span name, bool *out_repeats)
{
    for (size_t i = 0; known->names[i] != NULL; i++) {
        *out_repeats = known->names[i][0] == '*';
        if (span_equal(span_of(known->names[i] + *out_repeats), name))
            return true;
    }
    return false;
}

static int unknown(const struct read_params_known *known, struct span name, struct err *err)
{
    struct bytes list = {0};
    int rc;

    for (size_t i = 0; known->names[i] != NULL; i++)
        bytes_format(&list, "%s%s", list.size > 0 ? ", " : "",
                     known->names[i] + (known->names[i][0] == '*'));
    for (uint32_t i = 0; known->prefix != NULL && i < known->field_count; i++)
        bytes_format(&list, "%s%s%s", list.size > 0 ? ", " : "", known->prefix, known->fields[i]);
    if (list.size == 0)
        rc = err_set(err, ERR_INVALID, "unknown parameter \"%.*s\"; this read takes none",
                     shown(name), name.data);
    else
        rc = err_set(err, ERR_INVALID, "unknown parameter \"%.*s\", expected one of %s",
                     shown(name), name.data, bytes_text(&list));
    bytes_done(&list);
    return rc;
}

int read_params_check(const struct read_request *request, const struct read_params_known *known,
                      struct err *err)
{
    for (uint32_t i = 0; i < request->param_count; i++) {
        struct span name = request->params[i].name;
        bool is_field = read_params_field(request, i, known) >= 0;
        bool repeats = known->prefix_repeats;

        if (!is_field && !is_name(known, name, &repeats))
            return unknown(known, name, err);
        if (repeats)
            continue;
        for (uint32_t j = 0; j < i; j++)
            if (span_equal(request->params[j].name, name))
                return err_set(err, ERR_INVALID, "parameter \"%.*s\" is given twice", shown(name),
                               name.data);
    }
    return 0;
}

bool read_params_find(const struct read_request *request, const char *name, struct span *out_value)
{
    for (uint32_t i = 0; i < request->param_count; i++)
        if (span_equal(request->params[i].name, span_of(name))) {
            *out_value = request->params[i].value;
            return true;
        }
    return false;
}

int read_params_bool(const struct read_request *request, const char *name, bool *out_value,
                     struct err *err)
{
    struct span text = SPAN_LITERAL("false");

    read_params_find(request, name, &text);
    *out_value = span_equal(text, SPAN_LITERAL("true"));
    if (!*out_value && !span_equal(text, SPAN_LITERAL("false")))
        return err_set(err, ERR_INVALID, "%s=%.*s: expected true or false", name, shown(text),
                       text.data);
    return 0;
}

int read_params_uint(const struct read_request *request, const char *name, uint64_t otherwise,
                     uint64_t min, uint64_t max, const char *limit_name, uint64_t *out_value,
                     struct err *err)
{
    struct span text;
    uint64_t value = 0;
    bool valid;

    *out_value = otherwise < max ? otherwise : max;
    if (!read_params_find(request, name, &text))
        return 0;
    valid = text.size > 0;
    for (size_t i = 0; valid && i < text.size; i++) {
        valid = text.data[i] >= '0' && text.data[i] <= '9';
        if (value <= max) /* beyond, how far does not matter */
            value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (!valid)
        return err_set(err, ERR_INVALID, "%s=%.*s: expected a whole number", name, shown(text),
                       text.data);
    if (value < min)
        return err_set(err, ERR_INVALID, "%s=%.*s: must be %llu or more", name, shown(text),
                       text.data, (unsigned long long)min);
    if (value > max)
        return err_set(err, ERR_INVALID, "%s=%.*s: must be %llu or less%s%s", name, shown(text),
                       text.data, (unsigned long long)max,
                       limit_name != NULL ? ", the setting limits." : "",
                       limit_name != NULL ? limit_name : "");
    *out_value = value;
    return 0;
}
