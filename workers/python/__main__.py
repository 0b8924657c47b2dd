"""Starts a task worker: python3 DIRECTORY [--path DIR]..., with SPOOLER_SOCKET in the environment."""

import sys

from _spooler.worker import main

if __name__ == "__main__":
    main(sys.argv[1:])
