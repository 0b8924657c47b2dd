"""Tasks that start when others are done, by the rules of src/task/after.ts."""

from __future__ import annotations

import re

from .put_errors import Refused

AFTER = b"spooler_after"
# The time of their files until then: the last second that every file system keeps.
WAITING_SECONDS = 2**31 - 1
_NAME = re.compile(r"(?:\d+/)?[^/\x00-\x1f\x7f]+\Z")


def check_after(text: bytes) -> None:
    """Raises Refused."""
    words = [word for word in re.split(r"[\s,]+", text.decode("utf-8", "replace")) if word]
    if not words:
        raise Refused("spooler_after needs the name of a task")
    for word in words:
        if not _NAME.match(word):
            raise Refused('spooler_after needs names of tasks: "%s"' % word)
