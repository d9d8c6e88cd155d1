// SPDX-License-Identifier: Apache-2.0
/*
 * api.js - asking the server once, and naming what the live connection should watch.
 *
 * Only ever this server: paths are relative to the origin. Errors come back as one kind of Error
 * with the code, the status and a sentence that a person can act on.
 */

import { parseJson } from "./json.js";

export class ApiError extends Error {
    constructor(code, status, message) {
        super(message);
        this.code = code;
        this.status = status;
    }
}

export async function errorOf(response) {
    try {
        const { error } = await response.json();
        return new ApiError(error.code, response.status, error.message);
    } catch {
        return new ApiError(
            "internal",
            response.status,
            `the server answered ${response.status} ${response.statusText}`.trim(),
        );
    }
}

/* path: a topic, that is what follows /v1/. */
export async function ask(path, { signal = null, timeout_ms = 10000 } = {}) {
    const limit = AbortSignal.timeout(timeout_ms);
    let response;
    try {
        response = await fetch(`/v1/${path}`, {
            signal: signal ? AbortSignal.any([signal, limit]) : limit,
            headers: { accept: "application/json" },
        });
    } catch (cause) {
        if (signal?.aborted) throw cause;
        const late = cause.name === "TimeoutError";
        throw new ApiError(
            "unreachable",
            0,
            late
                ? `no answer to /v1/${path} within ${timeout_ms / 1000} s`
                : "the server cannot be reached",
        );
    }
    if (!response.ok) throw await errorOf(response);
    return parseJson(await response.text());
}

/*
 * topic(["boards", "world", "top"], [["n", 100]]) is "boards/world/top?n=100". Everything is
 * percent encoded, spaces too: a topic is compared as text with the one that the server sends back.
 */
export function topic(parts, query = []) {
    const path = parts.map(encodeURIComponent).join("/");
    const pairs = query
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    return pairs.length ? `${path}?${pairs.join("&")}` : path;
}
