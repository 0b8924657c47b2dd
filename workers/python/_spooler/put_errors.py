"""Why a task could not be put."""


class SpoolError(Exception):
    """A task was not put, or its state cannot be read."""


class Refused(SpoolError, ValueError):
    """The task itself was refused. With `is_temporary` the same task may be accepted later."""

    def __init__(self, reason: str, is_temporary: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_temporary = is_temporary


class Unreachable(SpoolError):
    """The directory cannot be written, or the server cannot be reached: nothing is known to be put."""


class PutManyError(SpoolError):
    """Some of many tasks were not put: `results` has for each its name, or its exception."""

    def __init__(self, results: list) -> None:
        failures = [each for each in results if isinstance(each, Exception)]
        what = "%d of %d tasks were not put, the first because: %s"
        super().__init__(what % (len(failures), len(results), failures[0]))
        self.results = results
