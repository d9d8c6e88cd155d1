// SPDX-License-Identifier: Apache-2.0
/* ioredis.js - ioredis as the makers of leaderboards use it, with its defaults. */
import { Redis } from "ioredis";
import { Relay, address, assert, expected, finish, test } from "./harness.js";

const redis = new Redis(address);
const open = () => new Redis(address);
await redis.flushall();

await test("a leaderboard", async (key) => {
    await redis.del(key);
    assert.equal(await redis.zadd(key, 100, "ann", 250, "bob", 175, "cid"), 3);
    assert.equal(await redis.zadd(key, "XX", "CH", 300, "ann", 1, "nobody"), 1);
    assert.equal(await redis.zadd(key, "GT", "CH", 200, "bob", 180, "cid"), 1);
    assert.equal(await redis.zincrby(key, 0.5, "cid"), "180.5");
    assert.equal(await redis.zadd(key, "INCR", 5, "cid"), "185.5");
    assert.deepEqual(await redis.zrevrange(key, 0, -1, "WITHSCORES"), [
        ...["ann", "300", "bob", "250", "cid", "185.5"],
    ]);
    assert.deepEqual(await redis.zrange(key, 0, 1, "REV"), ["ann", "bob"]);
    assert.equal(await redis.zrevrank(key, "bob"), 1);
    assert.equal(await redis.zrank(key, "bob"), 1);
    assert.equal(await redis.zrevrank(key, "nobody"), null);
    assert.equal(await redis.zscore(key, "nobody"), null);
    assert.deepEqual(await redis.zmscore(key, "ann", "nobody", "cid"), ["300", null, "185.5"]);
    assert.equal(await redis.zcount(key, "(185.5", "+inf"), 2);
    assert.deepEqual(await redis.zrangebyscore(key, 200, "+inf", "LIMIT", 0, 1), ["bob"]);
    assert.deepEqual(await redis.zpopmin(key), ["cid", "185.5"]);
    assert.equal(await redis.zremrangebyrank(key, 0, 0), 1);
    assert.equal(await redis.zrem(key, "ann", "nobody"), 1);
    assert.equal(await redis.exists(key), 0);
    assert.equal(await redis.type(key), "none");
});

await test("a pipeline of thousands", async (key) => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 5000; i++) pipeline.zadd(key, i % 100, `member-${i}`);
    for (let i = 0; i < 1000; i++) pipeline.zrank(key, `member-${i}`);
    const replies = await pipeline.exec();
    assert.equal(replies.length, 6000);
    assert.ok(replies.every(([error]) => error === null));
    assert.ok(replies.slice(0, 5000).every(([, value]) => value === 1));
    // Scores 0 to 99, fifty members each; member-0 is the first of all.
    assert.equal(replies[5000][1], 0);
    assert.equal(Math.floor(replies[5000 + 99][1] / 50), 99);
    assert.equal(await redis.zcard(key), 5000);
    const found = new Map();
    for await (const page of redis.zscanStream(key, { match: "member-1*", count: 100 }))
        for (let i = 0; i < page.length; i += 2) found.set(page[i], page[i + 1]);
    assert.equal(found.size, 1111);
    assert.equal(found.get("member-1234"), "34");
    await redis.unlink(key);
});

await test("errors are errors of one command", async (key) => {
    await assert.rejects(redis.zadd(key, "one", "a"), /ERR value is not a valid float/);
    await assert.rejects(redis.call("ZADD", key), /wrong number of arguments for 'zadd' command/);
    await assert.rejects(redis.call("ZNOSUCH", key), /unknown command/);
    const replies = await redis.pipeline().zadd(key, 1, "a").call("zadd", key, "x", "b").exec();
    assert.equal(replies[0][1], 1);
    assert.match(replies[1][0].message, /not a valid float/);
    assert.equal(await redis.zcard(key), 1);
});

await test("a transaction", async (key) => {
    const replies = await redis
        .multi()
        .zadd(key, 1, "a", 2, "b")
        .zincrby(key, 5, "a")
        .zrange(key, 0, -1, "WITHSCORES")
        .exec();
    assert.deepEqual(
        replies.map(([, value]) => value),
        [2, "6", ["b", "2", "a", "6"]],
    );
});

await test("a transaction that was interfered with", async (key) => {
    const other = open();
    await redis.zadd(key, 1, "a");
    await redis.watch(key);
    await other.zadd(key, 2, "a");
    assert.equal(await redis.multi().zincrby(key, 10, "a").exec(), null);
    assert.equal(await redis.zscore(key, "a"), "2");
    await redis.watch(key);
    await other.zadd(key, 2, "a"); // nothing changes, so nothing is disturbed
    assert.deepEqual(await redis.multi().zincrby(key, 10, "a").exec(), [[null, "12"]]);
    other.disconnect();
});

await test("publish and subscribe", async (key) => {
    const subscriber = open();
    const got = [];
    const all = expected();
    const hear = (...message) => {
        got.push(message);
        if (got.length === 3) all.resolve();
    };
    subscriber.on("message", hear);
    subscriber.on("pmessage", hear);
    assert.equal(await subscriber.subscribe(`${key}.a`, `${key}.b`), 2);
    assert.equal(await subscriber.psubscribe(`${key}.[bc]`), 3);
    assert.equal(await redis.publish(`${key}.a`, "one"), 1);
    assert.equal(await redis.publish(`${key}.b`, "two"), 2);
    assert.equal(await redis.publish(`${key}.d`, "none"), 0);
    await all.promise;
    assert.deepEqual(got, [
        [`${key}.a`, "one"],
        [`${key}.b`, "two"],
        [`${key}.[bc]`, `${key}.b`, "two"],
    ]);
    assert.deepEqual((await redis.pubsub("CHANNELS", `${key}*`)).sort(), [`${key}.a`, `${key}.b`]);
    assert.deepEqual(await redis.pubsub("NUMSUB", `${key}.a`, "x"), [`${key}.a`, 1, "x", 0]);
    // In this order: ioredis waits for a count of 0, in which the server counts patterns too.
    await subscriber.punsubscribe(`${key}.[bc]`);
    assert.equal(await subscriber.unsubscribe(), 0);
    assert.equal(await subscriber.ping(), "PONG");
    subscriber.disconnect();
});

await test("clients that wait for members", async (key) => {
    const waiters = [open(), open()];
    const first = waiters[0].bzpopmin(`${key}-x`, `${key}-y`, 0);
    await untilBlocked(1);
    const second = waiters[1].bzpopmax(`${key}-y`, 0);
    await untilBlocked(2);
    await redis.zadd(`${key}-y`, 1, "a", 2, "b", 3, "c");
    assert.deepEqual(await first, [`${key}-y`, "a", "1"]);
    assert.deepEqual(await second, [`${key}-y`, "c", "3"]);
    assert.equal(await waiters[0].bzpopmin(`${key}-x`, 0.05), null);
    assert.deepEqual(await redis.zrange(`${key}-y`, 0, -1), ["b"]);
    for (const waiter of waiters) waiter.disconnect();
});

async function untilBlocked(count) {
    for (;;) {
        const info = await redis.info("clients");
        if (info.includes(`\r\nblocked_clients:${count}\r\n`)) return;
    }
}

await test("keys and deadlines", async (key) => {
    await redis.zadd(key, 1, "a");
    assert.equal(await redis.expire(key, 100), 1);
    assert.ok([99, 100].includes(await redis.ttl(key)));
    assert.equal(await redis.rename(key, `${key}-2`), "OK");
    assert.equal(await redis.persist(`${key}-2`), 1);
    assert.equal(await redis.ttl(`${key}-2`), -1);
    const found = [];
    for await (const page of redis.scanStream({ match: `${key}*` })) found.push(...page);
    assert.deepEqual([...new Set(found)], [`${key}-2`]);
    assert.equal(await redis.pexpire(`${key}-2`, 5), 1);
    while ((await redis.exists(`${key}-2`)) === 1);
});

await test("members are bytes", async (key) => {
    const member = Buffer.from([0, 255, 13, 10, 36, 42]);
    assert.equal(await redis.zadd(key, -0.25, member), 1);
    assert.deepEqual(await redis.zrangeBuffer(key, 0, -1), [member]);
    assert.equal(await redis.zscore(key, member), "-0.25");
});

await test("it comes back by itself", async (key) => {
    const relay = await new Relay().open();
    const client = new Redis({ host: "127.0.0.1", port: relay.port });
    const subscriber = new Redis({ host: "127.0.0.1", port: relay.port });
    const heard = expected();
    subscriber.on("message", (_, text) => heard.resolve(text));
    await subscriber.subscribe(key);
    await client.zadd(key, 1, "a");
    relay.cut();
    assert.equal(await client.zincrby(key, 1, "a"), "2");
    // The subscription is renewed by the client; until then nobody is counted.
    while ((await redis.publish(key, "back")) === 0);
    assert.equal(await heard.promise, "back");
    client.disconnect();
    subscriber.disconnect();
    relay.close();
});

await redis.quit();
finish();
