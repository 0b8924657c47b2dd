"""Values that are no texts: each is JSON under its own name, and `spooler_json` lists these names
(docs/spool-format.md, "Values that are JSON")."""

from __future__ import annotations

import json

NAMES = "spooler_json"
# What is to be done with a task is no part of its work.
_INSTRUCTIONS = ("ud_spool_func", "ud_spool_ret", "at", "priority", "spooler", "body")


class TaskValues(dict):
    """What a task's function gets: texts, as under uWSGI."""

    @property
    def json(self) -> dict:
        """The task's own values, those that were put as JSON as what they say. (Not in uWSGI.)"""
        names = _load(self.get(NAMES, "[]"))
        listed = names if isinstance(names, list) else []
        return {
            name: _load(value) if name in listed else value
            for name, value in self.items()
            if name not in _INSTRUCTIONS and not str(name).startswith("spooler_")
        }


def dump(value) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _load(text):
    """What is no JSON stays a text."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text
