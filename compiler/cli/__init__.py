"""The command line; `dwcpc.compiler.commands` does its work."""

from dwcpc.compiler.cli.main import main

__all__ = ["main"]
