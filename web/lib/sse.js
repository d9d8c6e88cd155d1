// SPDX-License-Identifier: Apache-2.0
/*
 * sse.js - reads a text/event-stream body and hands on each message's data as JSON.
 *
 * The data holds the kind of event as well, so only its lines matter, and those of the id: a
 * message without one must not be named on coming back. Comments (keep-alives) only prove that the
 * other side is there.
 */

import { parseJson } from "./json.js";

/* Feeds text in pieces of any size; calls on_data with each complete data text and its id. */
export class EventParser {
    constructor(on_data) {
        this.on_data = on_data;
        this.rest = "";
        this.data = [];
        this.id = null;
    }

    push(text) {
        const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
        this.rest = lines.pop();
        for (const line of lines) this.line(line);
    }

    line(line) {
        if (line === "") {
            if (this.data.length) this.on_data(this.data.join("\n"), this.id);
            this.data = [];
            this.id = null;
        } else if (line.startsWith("data:")) {
            this.data.push(line.slice(line[5] === " " ? 6 : 5));
        } else if (line.startsWith("id:")) {
            this.id = line.slice(3).trim();
        }
    }
}

export async function readEvents(body, on_message, on_bytes) {
    const parser = new EventParser((text, id) => on_message(parseJson(text), id));
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        on_bytes();
        parser.push(value);
    }
}
