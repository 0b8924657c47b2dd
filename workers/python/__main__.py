"""Starts a task worker: python3 DIRECTORY [--path DIR]... [--base DIR], with SPOOLER_SOCKET in the
environment. It is written so that a Python that is too old can say so."""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("task code needs Python 3.8 or later, this is %s" % sys.version.split()[0])
    from _spooler.worker import main

    main(sys.argv[1:])
