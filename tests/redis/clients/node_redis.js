// SPDX-License-Identifier: Apache-2.0
/* node_redis.js - node-redis in both protocols, as its users write it. */
import { WatchError, createClient } from "redis";
import { Relay, address, assert, expected, finish, test } from "./harness.js";

const url = (port) => `redis://${address.host}:${port ?? address.port}`;

async function open(RESP, port) {
    const client = createClient({ url: url(port), RESP });
    client.on("error", () => {}); // told again by the call that fails
    await client.connect();
    return client;
}

async function testsOf(RESP) {
    const client = await open(RESP);
    await client.flushAll();
    const name = (text) => `RESP${RESP}, ${text}`;

    await test(name("a leaderboard"), async (key) => {
        const rows = [
            { score: 100, value: "ann" },
            { score: 250.5, value: "bob" },
            { score: 175, value: "cid" },
        ];
        assert.equal(await client.zAdd(key, rows), 3);
        assert.equal(await client.zAdd(key, { score: 90, value: "ann" }, { GT: true, CH: true }), 0);
        assert.equal(await client.zIncrBy(key, 100, "ann"), 200);
        assert.equal(await client.zScore(key, "bob"), 250.5);
        assert.equal(await client.zScore(key, "nobody"), null);
        assert.equal(await client.zRank(key, "ann"), 1);
        assert.equal(await client.zRevRank(key, "bob"), 0);
        assert.equal(await client.zRevRank(key, "nobody"), null);
        assert.deepEqual(await client.zRangeWithScores(key, 0, 1, { REV: true }), [
            { value: "bob", score: 250.5 },
            { value: "ann", score: 200 },
        ]);
        assert.deepEqual(await client.zRange(key, 150, "+inf", { BY: "SCORE" }), [
            ...["cid", "ann", "bob"],
        ]);
        assert.deepEqual(await client.zmScore(key, ["ann", "nobody"]), [200, null]);
        assert.equal(await client.zCount(key, "-inf", "(200"), 1);
        assert.deepEqual(await client.zPopMax(key), { value: "bob", score: 250.5 });
        assert.deepEqual(await client.zPopMinCount(key, 5), [
            { value: "cid", score: 175 },
            { value: "ann", score: 200 },
        ]);
        assert.equal(await client.zPopMax(key), null);
        assert.equal(await client.zAdd(key, { score: Infinity, value: "top" }), 1);
        assert.equal(await client.zScore(key, "top"), Infinity);
        await client.del(key);
    });

    await test(name("boards together"), async (key) => {
        const [a, b, to] = ["a", "b", "to"].map((end) => `{${key}}${end}`);
        await client.zAdd(a, [1, 2, 3].map((score) => ({ score, value: `m${score}` })));
        await client.zAdd(b, [20, 30, 40].map((score) => ({ score, value: `m${score / 10}` })));
        assert.equal(await client.zUnionStore(to, [a, b]), 4);
        assert.equal(await client.zInterStore(to, [a, b]), 2);
        assert.deepEqual(await client.zRangeWithScores(to, 0, -1), [
            { value: "m2", score: 22 },
            { value: "m3", score: 33 },
        ]);
        assert.deepEqual(await client.zDiff([a, b]), ["m1"]);
        assert.equal(await client.zInterCard([a, b]), 2);
        assert.equal(await client.zRangeStore(to, b, 0, 0, { REV: true }), 1);
        assert.deepEqual(await client.zRange(to, 0, -1), ["m4"]);
    });

    await test(name("many calls at once are a pipeline"), async (key) => {
        const adds = Array.from({ length: 3000 }, (_, i) =>
            client.zAdd(key, { score: i, value: `m${i}` }),
        );
        const ranks = Array.from({ length: 3000 }, (_, i) => client.zRank(key, `m${i}`));
        assert.ok((await Promise.all(adds)).every((added) => added === 1));
        assert.deepEqual(await Promise.all(ranks), Array.from({ length: 3000 }, (_, i) => i));
        const found = new Set();
        for await (const page of client.zScanIterator(key, { COUNT: 500 }))
            for (const { value } of Array.isArray(page) ? page : [page]) found.add(value);
        assert.equal(found.size, 3000);
        assert.ok(found.has("m2999"));
    });

    await test(name("a transaction, watched"), async (key) => {
        const other = await open(RESP);
        await client.zAdd(key, { score: 1, value: "a" });
        assert.deepEqual(await client.multi().zIncrBy(key, 1, "a").zCard(key).exec(), [2, 1]);
        await client.watch(key);
        await other.zAdd(key, { score: 7, value: "a" });
        await assert.rejects(client.multi().zIncrBy(key, 1, "a").exec(), WatchError);
        assert.equal(await client.zScore(key, "a"), 7);
        other.destroy();
    });

    await test(name("publish and subscribe"), async (key) => {
        const subscriber = await open(RESP);
        const got = [];
        const all = expected();
        const hear = (message, channel) => {
            got.push([channel, message]);
            if (got.length === 3) all.resolve();
        };
        await subscriber.subscribe(key, hear);
        await subscriber.pSubscribe(`${key}*`, hear);
        assert.equal(await client.publish(key, "one"), 2);
        assert.equal(await client.publish(`${key}.more`, "two"), 1);
        await all.promise;
        assert.deepEqual(got, [
            [key, "one"],
            [key, "one"],
            [`${key}.more`, "two"],
        ]);
        await subscriber.unsubscribe(key);
        await subscriber.pUnsubscribe();
        assert.equal(await client.publish(key, "none"), 0);
        subscriber.destroy();
    });

    await test(name("a client that waits"), async (key) => {
        const waiter = await open(RESP);
        const popped = waiter.bzPopMin(key, 0);
        while (!(await client.info("clients")).includes("\r\nblocked_clients:1\r\n"));
        await client.zAdd(key, { score: 4, value: "m" });
        assert.deepEqual(await popped, { key, value: "m", score: 4 });
        assert.equal(await waiter.bzPopMax(key, 0.05), null);
        waiter.destroy();
    });

    await test(name("it comes back by itself"), async (key) => {
        const relay = await new Relay().open();
        const through = await open(RESP, relay.port);
        await through.zAdd(key, { score: 1, value: "a" });
        const ready = expected();
        through.on("ready", () => ready.resolve());
        relay.cut();
        await ready.promise;
        assert.equal(await through.zIncrBy(key, 1, "a"), 2);
        through.destroy();
        relay.close();
    });

    await test(name("errors"), async (key) => {
        await assert.rejects(client.zRange(key, "a", "b"), /not an integer or out of range/);
        await assert.rejects(client.sendCommand(["ZADD", key]), /wrong number of arguments/);
        assert.equal(await client.ping(), "PONG");
    });

    await client.close();
}

await testsOf(2);
await testsOf(3);
finish();
