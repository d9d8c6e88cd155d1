# SPDX-License-Identifier: Apache-2.0
"""Members removed, banned and renamed between events, against a recount that does the same.

Everything goes over one connection and is answered before the next is sent, so the order is known.
Few scores and few times make masses of ties; names are at home in all partitions.
"""

import http.client
import json
import threading
import urllib.parse

import recount

HOUR = 3600 * 1000
BOARDS = {
    "moved_sum": {"strategy": "sum", "order": "desc", "ties": "first", "by": []},
    "moved_last": {"strategy": "last", "order": "asc", "ties": "last", "by": ["region", "level"]},
    "moved_max": {"strategy": "max", "order": "desc", "ties": "member", "by": ["region"]},
    "moved_count": {"strategy": "count", "order": "desc", "ties": "first", "by": []},
}
USERS = {"moved_users": {"strategy": "sum", "order": "asc", "ties": "member", "by": []}}
DIRECT = {"moved_direct": {"type": "int", "order": "desc", "ties": "member", "by": ["league"]}}
STEPS = {"small": 250, "full": 1500}
NAMES = ["Ann", "Bob B", "Çem", "d/e", "東", "a?b&c", *(f"n{i}" for i in range(30))]
REGIONS = ["EU", "US", ""]


class Model:
    """A board of the recount, and who is banned from it."""

    def __init__(self, definition):
        self.definition = definition
        self.board = recount.Board(definition)
        self.banned = set()

    def segments_of(self, member):
        return [segment for segment, members in self.board.segments.items() if member in members]

    def update(self, segment, member, strategy, value, at):
        if member not in self.banned:
            self.board.update(segment, member, strategy, value, at, True)

    def remove(self, member, wanted=None):
        """`wanted`: {position among `by`: label}."""
        removed = 0
        for segment in self.segments_of(member):
            if all(segment[at] == label for at, label in (wanted or {}).items()):
                del self.board.segments[segment][member]
                removed += 1
        return removed

    def ban(self, member):
        self.banned.add(member)
        return self.remove(member)

    def rename(self, member, to):
        """What the server must answer."""
        segments = self.segments_of(member)
        if not segments:
            return 404
        if to in self.banned or self.segments_of(to):
            return 409
        for segment in segments:
            members = self.board.segments[segment]
            members[to] = members.pop(member)
        return 200


def quote(text):
    return urllib.parse.quote(text, safe="")


class Members:
    def __init__(self, oracle):
        self.oracle = oracle
        self.random = oracle.random
        self.server = oracle.server
        self.results = oracle.results
        self.models = {name: Model(item) for name, item in {**BOARDS, **USERS, **DIRECT}.items()}
        self.at = 1_700_000_000_000
        self.what = f"{oracle.name}: members"

    # ---- definitions and steps ----

    def define(self):
        for name, fields, key in (
                ("moves", {"player": "string", "n": "int", "region": "string", "level": "int",
                           "at": "time"}, "player"),
                ("user_moves", {"user": "int", "n": "int", "at": "time"}, "user")):
            self._put(f"/v1/streams/{name}", {"fields": fields, "key": key, "time": "at",
                                              "lateness": "1d"})
        for name, item in {**BOARDS, **USERS}.items():
            stream, member = ("user_moves", "user") if name in USERS else ("moves", "player")
            score = "count()" if item["strategy"] == "count" else f"{item['strategy']}(n)"
            self._put(f"/v1/boards/{name}", {"stream": stream, "member": member, "score": score,
                                             "order": item["order"], "ties": item["ties"],
                                             "by": item["by"]})
        for name, item in DIRECT.items():
            self._put(f"/v1/boards/{name}", item)

    def _put(self, path, body):
        answer = self.server.put(path, body)
        self.results.check(f"{self.what}: PUT {path}", answer.status in (200, 201), answer)

    def run(self):
        steps = [self.play, self.play, self.play, self.score, self.remove, self.ban, self.unban,
                 self.rename, self.rename]
        for step in range(STEPS[self.oracle.size]):
            self.random.choice(steps)()
            if step % 60 == 59:
                self.check("on the way", full=False)
        self.race()

    def _member(self, name):
        if name in USERS:
            return str(self.random.randint(-8, 25))
        return self.random.choice(NAMES)

    def _time(self):
        """Seconds, so that there are ties; a few in the past, never late."""
        self.at += self.random.choice([0, 0, 1000])
        return self.at - (self.random.choice([0, 0, 0, 5000, HOUR]))

    def play(self):
        rows = [{"player": self.random.choice(NAMES), "n": self.random.randint(-2, 3),
                 "region": self.random.choice(REGIONS), "level": self.random.randint(1, 2),
                 "at": self._time()} for _ in range(self.random.choice([1, 5, 40]))]
        users = [{"user": int(self._member("moved_users")), "n": self.random.randint(-2, 3),
                  "at": self._time()} for _ in range(3)]
        for stream, sent in (("moves", rows), ("user_moves", users)):
            # A number below 10^14 is milliseconds.
            answer = self.server.send(stream, sent)
            self.results.check(f"{self.what}: POST {stream}",
                               answer.status == 200 and answer.json()["accepted"] == len(sent),
                               answer)
        for row in rows:
            for name, item in BOARDS.items():
                segment = tuple(recount.label(row[field]) for field in item["by"])
                value = 1 if item["strategy"] == "count" else row["n"]
                self.models[name].update(segment, row["player"], item["strategy"], value,
                                         row["at"])
        for row in users:
            self.models["moved_users"].update((), str(row["user"]), "sum", row["n"], row["at"])

    def score(self):
        model = self.models["moved_direct"]
        updates = [{"member": self.random.choice(NAMES), "score": self.random.randint(0, 5),
                    "mode": self.random.choice(["set", "add", "max"]),
                    "by.league": self.random.choice(["a", "b"])} for _ in range(6)]
        answer = self.server.post("/v1/boards/moved_direct/scores", updates).json()
        taken = [update for update in updates if update["member"] not in model.banned]
        self.results.equal(f"{self.what}: scores are taken",
                           [row["member"] for row in answer["results"]],
                           [update["member"] for update in taken])
        self.results.equal(f"{self.what}: scores of banned members", len(answer["rejected"]),
                           len(updates) - len(taken))
        for update in taken:
            model.update((update["by.league"],), update["member"], update["mode"],
                         update["score"], 0)

    # ---- changes ----

    def _pick(self):
        name = self.random.choice(list(self.models))
        member = self._member(name)
        return name, self.models[name], member, f"/v1/boards/{name}/members/{quote(member)}"

    def _answer(self, what, answer, status, **wanted):
        got = answer.json() if answer.status == 200 else {}
        self.results.equal(f"{self.what}: {what}",
                           (answer.status, {key: got.get(key) for key in wanted}),
                           (status, wanted if status == 200 else dict.fromkeys(wanted)))

    def remove(self):
        name, model, member, path = self._pick()
        wanted = {}
        if model.board.by and self.random.random() < 0.6:
            segments = model.segments_of(member) or [("EU",) * len(model.board.by)]
            segment = self.random.choice(segments)
            wanted = {at: segment[at] for at in range(len(segment)) if self.random.random() < 0.8}
        by = {f"by.{model.board.by[at]}": label for at, label in wanted.items()}
        query = "?" + urllib.parse.urlencode(by) if by else ""
        removed = model.remove(member, wanted)
        self._answer(f"remove {member!r} {by} from {name}", self.server.delete(path + query),
                     200 if removed else 404, member=member, removed=removed)

    def ban(self):
        name, model, member, path = self._pick()
        if len(model.banned) > 8:
            return
        self._answer(f"ban {member!r} from {name}", self.server.post(path + "/ban", ""), 200,
                     member=member, banned=True, removed=model.ban(member))

    def unban(self):
        name, model, member, path = self._pick()
        if model.banned and self.random.random() < 0.7:
            member = self.random.choice(sorted(model.banned))
            path = f"/v1/boards/{name}/members/{quote(member)}"
        status = 200 if member in model.banned else 404
        model.banned.discard(member)
        self._answer(f"unban {member!r} from {name}", self.server.delete(path + "/ban"), status,
                     member=member, banned=False)

    def rename(self):
        name, model, member, path = self._pick()
        to = self._member(name)
        if self.random.random() < 0.5:
            to = str(self.random.randint(100, 200)) if name in USERS else f"{member}*"
        if to == member:
            return
        entries = len(model.segments_of(member))
        status = model.rename(member, to)
        self._answer(f"rename {member!r} to {to!r} on {name}",
                     self.server.post(path + "/rename", {"to": to}), status, member=to,
                     renamed_from=member, entries=entries)

    # ---- renames while events come ----

    def race(self):
        """Every point is counted once, under one name or another, whatever is renamed meanwhile."""
        sent = 400 if self.oracle.size == "small" else 3000
        trouble = []

        def play():
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            for _ in range(sent):
                connection.request("POST", "/v1/boards/race/scores",
                                   '{"member":"runner","score":1,"mode":"add"}')
                reply = connection.getresponse()
                if reply.status != 200:
                    trouble.append(reply.read())
                reply.read()
            connection.close()

        self._put("/v1/boards/race", {"type": "int"})
        player = threading.Thread(target=play)
        player.start()
        renamed = 0
        while player.is_alive():
            answer = self.server.post("/v1/boards/race/members/runner/rename",
                                      {"to": f"runner {renamed}"})
            self.results.check(f"{self.what}: rename while events come",
                               answer.status in (200, 404), answer)
            renamed += answer.status == 200
        player.join()
        self.results.equal(f"{self.what}: no event was refused", trouble, [])
        self.results.check(f"{self.what}: renamed while events came", renamed > 5, str(renamed))
        entries = self.server.get_json("/v1/boards/race/top", n=10000)["entries"]
        self.results.equal(f"{self.what}: points after renames",
                           sum(row["score"] for row in entries), sent)
        self.raced = entries

    # ---- what it has come to ----

    def check(self, when, full=True):
        if full:
            self.results.equal(f"{self.what}, {when}: what was renamed while events came",
                               self.server.get_json("/v1/boards/race/top", n=10000)["entries"],
                               self.raced)
        for name, model in self.models.items():
            answer = self.server.get_json(f"/v1/boards/{name}/bans", offset=1, limit=3)
            self.results.equal(f"{self.what}, {when}: bans of {name}",
                               (answer["count"], answer["banned"]),
                               (len(model.banned), sorted(model.banned, key=str.encode)[1:4]))
            for segment in list(model.board.segments):
                self._check_segment(f"{self.what}, {when}: {name} {segment}", name, model, segment,
                                    full)

    def _check_segment(self, what, name, model, segment, full):
        by = {f"by__{field}": text for field, text in zip(model.board.by, segment)}
        ranking = model.board.ranking(segment)
        entries = self.server.get_json(f"/v1/boards/{name}/top", n=1000, **by)["entries"]
        got = [(row["rank"], row["member"], row["score"],
                0 if name in DIRECT else row["reached_at"]) for row in entries]
        self.results.equal(what, got, [(at + 1, *row) for at, row in enumerate(ranking)])
        if not full:
            return
        body = {"members": NAMES, "ranks": "dense",
                **{f"by.{field}": text for field, text in zip(model.board.by, segment)}}
        answer = self.server.post(f"/v1/boards/{name}/members", json.dumps(body)).json()
        ranks = model.board.ranks(ranking, "dense")
        places = {member: rank for (member, _, _), rank in zip(ranking, ranks)}
        self.results.equal(f"{what}: dense ranks", [row["rank"] for row in answer["members"]],
                           [places.get(member) for member in NAMES])
