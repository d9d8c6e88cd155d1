# SPDX-License-Identifier: Apache-2.0
"""When two replies count as the same, though they are not the same bytes.

Everything is compared to the letter first. What is let pass after that stands here, each rule as
narrow as it can be, and each with its reason.
"""

import math

DEADLINE_MS_MAX = 2000  # how far apart the two servers may be in time
ABSOLUTE_MS = 4102444800 * 1000

# Commands whose reply may hold a score.
SCORED = {b"ZADD", b"ZINCRBY", b"ZSCORE", b"ZMSCORE", b"ZRANGE", b"ZREVRANGE", b"ZRANGEBYSCORE",
          b"ZREVRANGEBYSCORE", b"ZUNION", b"ZINTER", b"ZDIFF", b"ZPOPMIN", b"ZPOPMAX", b"ZMPOP",
          b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP", b"ZSCAN", b"ZRANDMEMBER"}

# Redis hands out these in the order of its hash tables.
UNORDERED = {b"KEYS", b"PUBSUB"}

DEADLINES = {b"TTL": 1000, b"PTTL": 1, b"EXPIRETIME": 1000, b"PEXPIRETIME": 1}


def shortest_text(value):
    """A double as Redis 7.2 writes it: whole numbers up to 2^62 in full, all else with the fewest
    digits that read back."""
    if value != value or math.isinf(value):
        return repr(value).encode()
    if value == int(value) and abs(value) <= 2.0 ** 62:
        return b"-0" if value == 0 and math.copysign(1, value) < 0 else b"%d" % int(value)
    sign, rest = ("-", repr(value)[1:]) if value < 0 else ("", repr(value))
    mantissa, _, exponent = rest.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    scale = int(exponent or 0) - len(fraction)
    while digits.endswith("0"):
        digits, scale = digits[:-1], scale + 1
    exponent = scale + len(digits) - 1
    if 0 <= scale and exponent < len(digits) + 7:
        text = digits + "0" * scale
    elif scale < 0 and (scale > -7 or abs(exponent) < 4):
        padded = digits.rjust(1 - scale, "0")
        text = padded[:scale] + "." + padded[scale:]
    else:
        text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        text += f"e{'-' if exponent < 0 else '+'}{abs(exponent)}"
    return (sign + text).encode()


def same_score(model, target):
    """Redis 7.0 writes a double with 17 digits, 7.2 and the server under test with as few as read
    back; and what Redis says of -0 depends on how it happens to store the key."""
    try:
        value = float(model)
    except ValueError:
        return False
    if value == 0:
        return model in (b"0", b"-0") and target in (b"0", b"-0")
    return model == b"%.17g" % value and target == shortest_text(value)


def same_with_scores(model, target):
    if model == target:
        return True
    if model[0] != target[0] or model[0] not in ("$", ",", "*"):
        return False
    if isinstance(model[1], list) and isinstance(target[1], list):
        return len(model[1]) == len(target[1]) and all(map(same_with_scores, model[1], target[1]))
    return isinstance(model[1], bytes) and isinstance(target[1], bytes) and \
        same_score(model[1], target[1])


def same_deadline(unit_ms, model, target):
    """The two servers were asked at slightly different times. A deadline that was given as a time
    of day compares exactly."""
    if model[0] != ":" or target[0] != ":" or model[1] < 0 or target[1] < 0:
        return False
    if model[1] * unit_ms >= ABSOLUTE_MS:
        return False
    return abs(model[1] - target[1]) * unit_ms <= DEADLINE_MS_MAX


def is_endless(name, arguments):
    """Whether a blocking command asks for more milliseconds than 63 bits count."""
    if name not in (b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP") or len(arguments) < 3:
        return False
    try:
        return float(arguments[1] if name == b"BZMPOP" else arguments[-1]) > 9.2e15
    except ValueError:
        return False


def is_rank_with_score(reply):
    if reply[0] in ("*", "_") and reply[1] is None:
        return True
    return reply[0] == "*" and len(reply[1]) == 2 and reply[1][0][0] == ":"


def same(arguments, model, target):
    """Whether the target's reply to this command is as good as the model's."""
    if model == target:
        return True
    name = arguments[0].upper()
    if model == ("-", b"ERR timeout is negative") and is_endless(name, arguments):
        # 7.0 lets an endless time overflow; 7.2 says what is wrong with it.
        return target == ("-", b"ERR timeout is out of range")
    if name in SCORED:
        return same_with_scores(model, target)
    if name in UNORDERED and model[0] == target[0] == "*":
        return sorted(model[1]) == sorted(target[1])
    if name in DEADLINES:
        return same_deadline(DEADLINES[name], model, target)
    if name in (b"ZRANK", b"ZREVRANK") and len(arguments) > 3 and model[0] == "-":
        # Redis 7.0 knows no fourth word; 7.2 does, and refuses all but WITHSCORE.
        if len(arguments) == 4 and arguments[3].upper() == b"WITHSCORE":
            return is_rank_with_score(target)
        return target == ("-", b"ERR syntax error")
    if name == b"HELLO":
        # Versions, ids and modules are the servers' own.
        return model[0] == target[0] and model[0] in ("*", "%") and \
            fields(model, (b"proto", b"mode", b"role")) == \
            fields(target, (b"proto", b"mode", b"role"))
    return False


def fields(reply, names):
    pairs = {key[1]: value for key, value in zip(reply[1][::2], reply[1][1::2])}
    return [pairs.get(name) for name in names]


def same_transaction(queued, model, target):
    """EXEC's reply, by the commands that were queued."""
    if model == target:
        return True
    if model[0] != "*" or target[0] != "*" or model[1] is None or target[1] is None:
        return False
    return len(model[1]) == len(target[1]) == len(queued) and \
        all(map(same, queued, model[1], target[1]))


def same_messages(arguments, model, target):
    """What a subscriber got. Redis leaves all channels in the order of its hash table; the counts
    that it sends with them go down all the same."""
    if model == target:
        return True
    if len(model) != len(target):
        return False
    if len(arguments) == 1 and arguments[0].upper() in (b"UNSUBSCRIBE", b"PUNSUBSCRIBE"):
        try:
            names = [sorted(item[1][1] for item in items) for items in (model, target)]
            rests = [[(item[0], item[1][0], item[1][2]) for item in items]
                     for items in (model, target)]
        except (IndexError, TypeError):
            return False
        return names[0] == names[1] and rests[0] == rests[1]
    # One message that matches several patterns: Redis goes through them in the order of its hash
    # table too. What comes before stays before.
    plain = [item for item in model if not is_pattern_message(item)]
    if plain != model:
        return model[:len(plain)] == plain == target[:len(plain)] and \
            sorted(model[len(plain):]) == sorted(target[len(plain):])
    return all(same(arguments, a, b) for a, b in zip(model, target))


def is_pattern_message(item):
    return isinstance(item[1], list) and item[1][:1] == [("$", b"pmessage")]
