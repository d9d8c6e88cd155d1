// SPDX-License-Identifier: Apache-2.0
/*
 * harness.js - what the scripts of the clients share: the server's address (the first argument,
 * HOST:PORT), a count of what passed, and a relay whose connections can be cut.
 *
 * A test is a function; what it throws fails it. Names of keys begin with the name of the test, so
 * tests do not meet.
 */
import assert from "node:assert/strict";
import net from "node:net";

const [host, port] = (process.argv[2] ?? "").split(":");
if (!port) {
    console.error(`usage: ${process.argv[1]} HOST:PORT`);
    process.exit(2);
}
export const address = { host, port: Number(port) };
export { assert };

const TEST_MS_MAX = 20000;
let passed = 0;
let failed = 0;

export async function test(name, body) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done in ${TEST_MS_MAX} ms`)), TEST_MS_MAX);
    });
    try {
        await Promise.race([body(name.replaceAll(" ", "-")), late]);
        passed++;
        console.log(`ok      ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).slice(0, 2000)}`);
    } finally {
        clearTimeout(timer);
    }
}

export function finish() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed ? 1 : 0);
}

/* A promise and its two ends, for what comes by an event. */
export function expected() {
    const result = {};
    result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
    return result;
}

/* Stands between a client and the server; cut() ends all connections, as a bad network does. */
export class Relay {
    constructor() {
        this.sockets = new Set();
        this.server = net.createServer((client) => {
            const server = net.connect(address);
            for (const [from, to] of [
                [client, server],
                [server, client],
            ]) {
                this.sockets.add(from);
                from.pipe(to);
                from.on("error", () => to.destroy());
                from.on("close", () => {
                    this.sockets.delete(from);
                    to.destroy();
                });
            }
        });
    }

    async open() {
        await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        this.port = this.server.address().port;
        return this;
    }

    cut() {
        for (const socket of this.sockets) socket.destroy();
    }

    close() {
        this.cut();
        this.server.close();
    }
}
