"""uWSGI's module `uwsgidecorators`, as whoever provides `uwsgi` in this process has it: this directory, a
worker of spooler, or the real uWSGI."""

import importlib.machinery as _machinery
import importlib.util as _util
import os as _os
import sys as _sys

import uwsgi as _uwsgi


def _load():
    here = _os.path.dirname(_os.path.abspath(__file__))
    provider = getattr(_uwsgi, "__file__", None)
    if provider is None:
        # The real uWSGI has it inside of itself; its decorators are a file somewhere else.
        places = [each for each in _sys.path if _os.path.abspath(each or ".") != here]
        spec = _machinery.PathFinder.find_spec(__name__, places)
        if spec is None:
            text = "this is the real uWSGI, and its own uwsgidecorators.py is not in sys.path"
            raise ImportError(text)
    else:
        directory = _os.path.dirname(_os.path.abspath(provider))
        within = _os.path.join(directory, "_spooler") if directory == here else directory
        spec = _util.spec_from_file_location(__name__, _os.path.join(within, __name__ + ".py"))
    module = _util.module_from_spec(spec)
    _sys.modules[__name__] = module
    spec.loader.exec_module(module)


_load()
