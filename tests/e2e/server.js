// SPDX-License-Identifier: Apache-2.0
/* server.js - a Tallywheel server for the browser to look at, on a port that it keeps. */
import { spawn } from "node:child_process";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BINARY = process.env.TALLYWHEEL ?? join(ROOT, "build/release/tallywheel");
const READY_MS = 60000;
const STOP_MS = 20000;

const running = new Set();
process.on("exit", () => {
    for (const server of running) server.child?.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Server {
    constructor(config) {
        this.config = config;
        this.port = 0;
        this.output = "";
    }

    async open() {
        await access(BINARY).catch(() => {
            throw new Error(`${BINARY} is missing: build it, or say where it is in $TALLYWHEEL`);
        });
        this.folder = await mkdtemp(join(tmpdir(), "tallywheel-e2e-"));
        await writeFile(join(this.folder, "tallywheel.yaml"), JSON.stringify(this.config));
        await this.start();
        return this;
    }

    /* The first start takes any free port, the others the same one. */
    async start() {
        const child = spawn(
            BINARY,
            [
                "serve",
                ...["--config", join(this.folder, "tallywheel.yaml")],
                ...["--data", join(this.folder, "data")],
                ...["--http", `127.0.0.1:${this.port}`],
            ],
            { stdio: ["ignore", "pipe", "pipe"] },
        );
        this.child = child;
        running.add(this);
        this.ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
        let said = "";
        const hear = (chunk) => {
            said += chunk;
            this.output += chunk;
        };
        child.stdout.on("data", hear);
        child.stderr.on("data", hear);
        const end_ms = Date.now() + READY_MS;
        for (;;) {
            const address = /page and API +http:\/\/\S+?:(\d+)\//.exec(said);
            if (address) {
                this.port = Number(address[1]);
                this.url = `http://127.0.0.1:${this.port}`;
                return;
            }
            if (child.exitCode !== null || Date.now() > end_ms)
                throw new Error(`the server did not start:\n${said}`);
            await sleep(10);
        }
    }

    async kill() {
        this.child.kill("SIGKILL");
        await this.ended;
    }

    async stop() {
        this.child.kill("SIGTERM");
        const code = await Promise.race([this.ended, sleep(STOP_MS).then(() => "no end")]);
        if (code !== 0) throw new Error(`SIGTERM gave ${code}:\n${this.output}`);
    }

    async close() {
        if (this.child && this.child.exitCode === null && this.child.signalCode === null)
            await this.kill();
        running.delete(this);
        if (this.folder) await rm(this.folder, { recursive: true, force: true });
    }

    async send(stream, rows) {
        const response = await fetch(`${this.url}/v1/streams/${stream}/events`, {
            method: "POST",
            headers: { "content-type": "application/x-ndjson" },
            body: rows.map((row) => JSON.stringify(row) + "\n").join(""),
        });
        const report = await response.json();
        if (response.status !== 200 || report.accepted !== rows.length)
            throw new Error(`events were refused: ${response.status} ${JSON.stringify(report)}`);
    }

    async get(path) {
        const response = await fetch(this.url + path);
        return response.json();
    }
}
