"""Imports the modules of the ini, under the names that uWSGI gives them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback

from .raised import one_line


class LoadFailed(Exception):
    """A module cannot be loaded: `line` says why, `trace` where."""

    def __init__(self, line: str, trace: list) -> None:
        super().__init__(line)
        self.line = line
        self.trace = trace


def load_all(modules: list) -> None:
    """Raises LoadFailed. Whatever a module raises, sys.exit among it, is a failure to load it."""
    for module in modules:
        name = module["name"]
        try:
            if name.endswith(".py"):
                _load_file(name)
            else:
                importlib.import_module(name)
        except BaseException as error:
            raise LoadFailed(*_told(name, error)) from None


def _told(name: str, error: BaseException) -> tuple:
    if isinstance(error, SystemExit):
        what = "it called sys.exit(%s)" % _exit_code(error)
    else:
        what = one_line(error)
    try:
        text = "".join(traceback.format_exception(type(error), error, _own_frames(error)))
    except BaseException:
        # The exception cannot be printed: its __str__ raises, for one.
        text = what
    return "import %s: %s" % (name, what), text.splitlines()


def _exit_code(error: SystemExit) -> str:
    try:
        return "" if error.code is None else repr(error.code)
    except BaseException:
        return "…"


def _own_frames(error: BaseException):
    """The traceback without the frames of this file and of importlib above the module's own."""
    frames = error.__traceback__
    while frames is not None and _is_machinery(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames


def _is_machinery(file: str) -> bool:
    return file == __file__ or file.startswith("<frozen importlib") or "importlib" in file


def _load_file(path: str) -> None:
    name = module_name(path)
    if name in sys.modules:
        return
    directory = os.path.dirname(os.path.abspath(path))
    if directory not in sys.path:
        # Last, so that files next to it are found and nothing of the installation is hidden.
        sys.path.append(directory)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("%s is no Python file" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def module_name(path: str) -> str:
    """uWSGI's name for a module of a file: `app/tasks.py` is app_tasks. Below the working directory
    the path counts from there."""
    here = os.getcwd() + os.sep
    absolute = os.path.join(here, path)
    relative = absolute[len(here) :] if absolute.startswith(here) else path
    return relative[: -len(".py")].replace("/", "_").replace(".", "_")


def source_files(modules: list) -> list:
    """Files of loaded code outside of Python's own directories, and of the modules asked for."""
    own = (sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(__file__)))
    files = {os.path.abspath(each["name"]) for each in modules if each["name"].endswith(".py")}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and not file.startswith(own):
            files.add(os.path.abspath(file))
    return sorted(files)
