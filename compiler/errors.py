"""The error tree. Each error is one sentence; only the command line catches, and its exit code is the error's own."""

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 4}  # of a verdict, where there was no error


class DwcpcError(Exception):
    """Anything dwcpc says to its user; the message names what was found, what was expected and the remedy."""

    exit_code = 3


class InputError(DwcpcError):
    """A file, an option or the machine is not what it has to be."""

    exit_code = 2


class VerdictError(DwcpcError):
    """The model was judged and did not pass."""

    exit_code = 1


class PrecisionError(DwcpcError):
    """A source model that cannot be run in the precision asked for; another one may be."""


def first_line(error: Exception) -> str:
    """Return the first line of a library's message, cut to one sentence's length."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
