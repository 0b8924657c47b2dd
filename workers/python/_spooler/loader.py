"""Imports the modules of the ini, under the names that uWSGI gives them."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import traceback
import types

from .raised import one_line


class LoadFailed(Exception):
    """A module cannot be loaded: `line` says why, `trace` where."""

    def __init__(self, line: str, trace: list) -> None:
        super().__init__(line)
        self.line = line
        self.trace = trace


def load_all(modules: list) -> list:
    """Raises LoadFailed. Whatever a module raises, sys.exit among it, is a failure to load it.

    As under uWSGI a web application that cannot be loaded stops no other module: where there is one,
    the failures of applications are returned.
    """
    failures = []
    for module in modules:
        name = path_of(module) if module["kind"] == "file" else module["name"]
        try:
            _load(module, name)
        except BaseException as error:
            failure = LoadFailed(*_described(name, error))
            if not module.get("isApp"):
                raise failure from None
            failures.append(failure)
    if failures and len(failures) == len(modules):
        raise failures[0]
    return failures


def path_of(module: dict) -> str:
    """Below the working directory, as uWSGI has it after `chdir`, or else as the program says."""
    here = os.path.join(os.getcwd(), module.get("written") or module["name"])
    return here if os.path.isfile(here) else module["name"]


def _load(module: dict, name: str) -> None:
    if module["kind"] == "file":
        loaded = _load_file(name, "uwsgi_file_" if module.get("isApp") else "")
    elif module["kind"] == "code":
        loaded = _run_code(name, module["code"])
    else:
        loaded = importlib.import_module(name)
    if module.get("alias"):
        sys.modules[module["alias"]] = loaded
    factory = module.get("factory")
    if factory:
        getattr(loaded, factory)()


def _run_code(name: str, code: str):
    loaded = sys.modules[name] = types.ModuleType(name)
    try:
        exec(compile(code, name, "exec"), loaded.__dict__)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ImportError) and error.name in _DEPLOYERS:
            hint = "%s; install it, or write spooler-import = MODULE for what has tasks"
            raise ImportError(hint % error) from None
        raise
    return loaded


# Packages that make an application of a file which is no Python.
_DEPLOYERS = ("paste", "paste.deploy", "pecan", "pecan.deploy")


def _described(name: str, error: BaseException) -> tuple:
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


def _load_file(path: str, prefix: str):
    name = prefix + module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    directory = os.path.dirname(os.path.abspath(path))
    if directory not in sys.path:
        # Last, so that files next to it are found and nothing of the installation is hidden.
        sys.path.append(directory)
    # Whatever it is called: a .wsgi file is Python, too.
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def module_name(path: str) -> str:
    """uWSGI's name for a module of a file: `app/tasks.py` is app_tasks. Below the working directory
    the path counts from there."""
    here = os.getcwd() + os.sep
    absolute = os.path.join(here, path)
    relative = absolute[len(here) :] if absolute.startswith(here) else path
    if relative.endswith(".py"):
        relative = relative[: -len(".py")]
    return relative.replace("/", "_").replace(".", "_")


def source_files(modules: list) -> list:
    """Files of loaded code outside of Python's own directories, and of the modules asked for."""
    own = (sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(__file__)))
    files = {os.path.abspath(path_of(each)) for each in modules if each["kind"] == "file"}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and not file.startswith(own):
            files.add(os.path.abspath(file))
    return sorted(files)
