# SPDX-License-Identifier: Apache-2.0
"""Boards that take scores directly: POST /v1/boards/B/scores, against a recount.

Their events have no time of their own, so when a score was reached is only known to lie between
the sending of a request and its answer; the server's word is checked for that, then taken.
"""

import time

import recount

BOARDS = {
    "direct_int": {"type": "int", "order": "desc", "ties": "member"},
    "direct_float": {"type": "float", "order": "asc", "ties": "first"},
    "direct_by": {"type": "int", "order": "desc", "ties": "last", "by": ["season", "league"]},
    "direct_default": {},
}
MODES = ["set", "add", "max", "min"]
MEMBERS = ["Ann", "Bob B", "Çem", "d/e", "東", *(f"m{i}" for i in range(40))]
REQUESTS = {"small": 60, "full": 600}
CLOCK_MS = 50  # the server's clock of a batch may be this much older than the request


def is_int(definition):
    return definition.get("type") == "int"


def now_ms():
    return int(time.time() * 1000)


def define_direct_boards(oracle):
    """Defines them, and sends all scores at once: they have nothing to do with the streams."""
    oracle.direct = {}
    for name, definition in BOARDS.items():
        answer = oracle.server.put(f"/v1/boards/{name}", definition)
        oracle.results.check(f"PUT boards/{name}", answer.status in (200, 201), answer)
        oracle.direct[name] = recount.Board(definition)
        oracle.direct[name].bounds = {}
    for _ in range(REQUESTS[oracle.size]):
        _send(oracle, oracle.random.choice(list(BOARDS)))


def _update(oracle, name):
    definition = BOARDS[name]
    choice = oracle.random.random()
    score = oracle.random.randint(-30, 30)
    if choice < 0.05:
        score = oracle.random.choice([2**63 - 1, -(2**63) + 1, 2**53 + 1])
    if not is_int(definition) and choice > 0.1:
        score = oracle.random.choice([score / 4, score * 1e10, 0.1 * score])
    update = {"member": oracle.random.choice(MEMBERS), "score": score}
    if oracle.random.random() < 0.8:
        update["mode"] = oracle.random.choice(MODES)
    for field in definition.get("by", []):
        update[f"by.{field}"] = oracle.random.choice(["one", "two", ""])
    return update


def _send(oracle, name):
    board = oracle.direct[name]
    count = oracle.random.choice([1, 1, 1, 2, 10])
    updates = [_update(oracle, name) for _ in range(count)]
    body = updates[0] if count == 1 and oracle.random.random() < 0.7 else updates
    ranks = oracle.random.choice(["ordinal", "competition"])
    began = now_ms() - CLOCK_MS
    answer = oracle.server.post(f"/v1/boards/{name}/scores?ranks={ranks}", body)
    ended = now_ms()
    what = f"{oracle.name}: scores of {name}"
    if not oracle.results.check(what, answer.status == 200, answer):
        return
    results = answer.json()["results"]
    oracle.results.equal(f"{what}: how many", len(results), count)
    olds = [_apply(board, BOARDS[name], update, began, ended) for update in updates]
    for update, old, result in zip(updates, olds, results):
        _check_result(oracle, f"{what}: {update}, {ranks}", board, update, old, result, ranks)


def _segment(board, update):
    return tuple(update[f"by.{field}"] for field in board.by)


def _apply(board, definition, update, began, ended):
    """Returns (old score, new score) of that very update."""
    segment = _segment(board, update)
    member = update["member"]
    before = board.segments[segment].get(member)
    old = before.score if before else None
    old_reached = before.reached if before else None
    score = update["score"] if is_int(definition) else float(update["score"])
    entry = board.update(segment, member, update.get("mode", "set"), score, ended,
                         is_int(definition))
    if old_reached != entry.reached:
        board.bounds[segment, member] = (began, ended)
    return old, entry.score


def _better(board, others, member, score, ranks):
    """(at least, at most) how many of the others stand above."""
    better = sum(board.score_key(entry.score) < board.score_key(score)
                 for entry in others.values())
    if ranks == "competition":
        return better, better
    equal = [name for name, entry in others.items() if entry.score == score]
    if board.ties == "member":
        better += sum(name.encode() < member.encode() for name in equal)
        return better, better
    # Among equal scores the times decide, which are not known exactly: a range.
    return better, better + len(equal)


def _check_result(oracle, what, board, update, old, result, ranks):
    old_score, score = old
    oracle.results.equal(what, [result["member"], result["old_score"], result["score"]],
                         [update["member"], old_score, score])
    others = {name: entry for name, entry in board.segments[_segment(board, update)].items()
              if name != update["member"]}
    least, most = _better(board, others, update["member"], score, ranks)
    oracle.results.check(f"{what}: rank", least < result["rank"] <= most + 1,
                         f"got {result['rank']}, wanted {least + 1} to {most + 1}")
    if old_score is None:
        oracle.results.equal(f"{what}: nothing is told of before",
                             [result[key] for key in ("old_rank", "passed", "passed_by")],
                             [None] * 3)
        return
    old_least, old_most = _better(board, others, update["member"], old_score, ranks)
    oracle.results.check(f"{what}: old rank", old_least < result["old_rank"] <= old_most + 1,
                         f"got {result['old_rank']}, wanted {old_least + 1} to {old_most + 1}")
    gained = result["old_rank"] - result["rank"]
    oracle.results.equal(f"{what}: passed", (result["passed"], result["passed_by"]),
                         (max(0, gained), max(0, -gained)))


def check_direct_boards(oracle, when):
    for name, board in oracle.direct.items():
        for segment in list(board.segments):
            _check_segment(oracle, f"{oracle.name}, {when}: board {name} {segment}", name, board,
                           segment)


def _check_segment(oracle, what, name, board, segment):
    by = {f"by__{field}": text for field, text in zip(board.by, segment)}
    entries = oracle.server.get_json(f"/v1/boards/{name}/top", n=1000, **by)["entries"]
    members = board.segments[segment]
    oracle.results.equal(f"{what}: members", sorted(entry["member"] for entry in entries),
                         sorted(members))
    for entry in entries:
        known = members.get(entry["member"])
        if known is None:
            continue
        began, ended = board.bounds[segment, entry["member"]]
        oracle.results.check(f"{what}: {entry} was reached {began}..{ended}",
                             began <= entry["reached_at"] <= ended)
        known.reached = entry["reached_at"]
    oracle.results.equal(f"{what}: order", [(entry["member"], entry["score"]) for entry in entries],
                         [row[:2] for row in board.ranking(segment)])
    oracle.results.equal(f"{what}: ranks", [entry["rank"] for entry in entries],
                         list(range(1, len(members) + 1)))
    for style in ("competition", "dense"):
        page = oracle.server.get_json(f"/v1/boards/{name}/top", n=1000, ranks=style, **by)
        oracle.results.equal(f"{what}: {style}", [entry["rank"] for entry in page["entries"]],
                             board.ranks(board.ranking(segment), style))
