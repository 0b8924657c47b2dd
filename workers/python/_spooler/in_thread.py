"""Blocking calls from asyncio."""

from __future__ import annotations

import functools


async def in_thread(function, *args, **kwargs):
    """The function's result, or what it raises; it runs in a thread of the loop's executor."""
    # Few programs need it, and its import takes long.
    import asyncio

    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, functools.partial(function, *args, **kwargs))
