// SPDX-License-Identifier: Apache-2.0
/*
 * route.js - the address bar holds the whole state: #/page/name?params.
 *
 * A route is {page, name, params: URLSearchParams}. Pages never keep a choice anywhere else, so a
 * copied link shows the same view, and Back undoes a choice.
 */

export function parse(hash) {
    const text = hash.replace(/^#?\/?/, "");
    const cut = text.indexOf("?");
    const path = cut < 0 ? text : text.slice(0, cut);
    const [page, ...rest] = path.split("/");
    let name = rest.join("/");
    try {
        name = decodeURIComponent(name);
    } catch {
        /*
         * A mangled link: the raw text then names something that does not exist, and the page says
         * so.
         */
    }
    return {
        page: page || "overview",
        name,
        params: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)),
    };
}

export function href(page, name = "", params = null) {
    const query = params ? new URLSearchParams(params).toString() : "";
    const path = page === "overview" ? "" : page + (name ? "/" + encodeURIComponent(name) : "");
    return `#/${path}${query ? "?" + query : ""}`;
}

export function current() {
    return parse(location.hash);
}

let listener = () => {};

export function onRoute(fn) {
    listener = fn;
    addEventListener("hashchange", () => fn(current()));
}

/* replace: a refinement of the same view (no new step for Back). */
export function go(page, name, params, { replace = false } = {}) {
    const target = href(page, name, params);
    if (target === (location.hash || "#/")) return;
    history[replace ? "replaceState" : "pushState"](null, "", target);
    listener(current());
}

/* A copy of params with changes laid over it; null or "" takes a name away. */
export function withParams(params, changes) {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(changes)) {
        next.delete(name);
        for (const one of Array.isArray(value) ? value : [value])
            if (one !== null && one !== undefined && one !== "") next.append(name, one);
    }
    return next;
}

/* The {label: value} part of params that begins with a prefix ("by." or "where."). */
export function labelsOf(params, prefix) {
    const labels = {};
    for (const [name, value] of params)
        if (name.startsWith(prefix)) labels[name.slice(prefix.length)] = value;
    return labels;
}
