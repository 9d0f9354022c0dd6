"""GetRandomPassword: characters drawn evenly, one of each kind where that is asked for.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
"""

from __future__ import annotations

import string
from typing import Any

from mrak.core.entropy import Draws
from mrak.services.secretsmanager import errors

_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def draw(draws: Draws, req: dict[str, Any]) -> str:
    length = req.get("PasswordLength", 32)
    kinds = _kinds(req)
    if not kinds:
        raise errors.invalid_parameter("The characters to be used in the password are all excluded.")
    everything = "".join(kinds)
    required = kinds if req.get("RequireEachIncludedType", True) else []
    if length < len(required):
        raise errors.invalid_parameter("Password length is too short based on the required types.")
    drawn = [_one(draws, kind) for kind in required]
    drawn += [_one(draws, everything) for _ in range(length - len(drawn))]
    return _shuffled(draws, drawn)


def _kinds(req: dict[str, Any]) -> list[str]:
    kinds = [
        ("ExcludeLowercase", string.ascii_lowercase),
        ("ExcludeUppercase", string.ascii_uppercase),
        ("ExcludeNumbers", string.digits),
        ("ExcludePunctuation", _PUNCTUATION),
    ]
    excluded = set(req.get("ExcludeCharacters", ""))
    chosen = ["".join(c for c in characters if c not in excluded) for flag, characters in kinds if not req.get(flag)]
    if req.get("IncludeSpace") and " " not in excluded:
        chosen.append(" ")
    return [characters for characters in chosen if characters]


def _one(draws: Draws, characters: str) -> str:
    return characters[int.from_bytes(draws.bytes(4), "big") % len(characters)]


def _shuffled(draws: Draws, characters: list[str]) -> str:
    for at in range(len(characters) - 1, 0, -1):
        other = int.from_bytes(draws.bytes(4), "big") % (at + 1)
        characters[at], characters[other] = characters[other], characters[at]
    return "".join(characters)
