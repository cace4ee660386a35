"""Where a study is kept: in any database that Optuna supports, so that many processes and machines work on one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dwcpc.compiler.errors import InputError, first_line

if TYPE_CHECKING:
    import optuna

ABOUT: Final = "about"
TRAIN: Final = "train"
DIRECTIONS: Final = ("maximize", "minimize")
"""Of quality and latency."""

SQLITE: Final = "sqlite:"
LOCK_WAIT_S: Final = 120
"""SQLite lets one process write at a time; the others wait so long before they give up."""

ATTEMPTS: Final = 8
"""Of making the tables of a new database, which two processes may begin at once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A study's database and its name there."""

    url: str
    study: str


def open_study(place: Place, about: Mapping[str, Any], train: list[str]) -> optuna.Study:
    """Return the study, made where it is new; InputError where it is a study of something else.

    `about` is what makes its trials comparable; `train` are the words of a command line to which a trial adds its own.
    """
    import_optuna()
    import optuna

    storage = _storage(place.url)
    study = _tried(
        place.url,
        lambda: optuna.create_study(
            storage=storage, study_name=place.study, directions=DIRECTIONS, load_if_exists=True
        ),
    )
    stated = study.user_attrs.get(ABOUT)
    if stated is None:
        study.set_user_attr(TRAIN, train)
        study.set_user_attr(ABOUT, dict(about))
    elif stated != about:
        raise InputError(
            f"study {place.study!r} was begun with {_differing(stated, about)}; go on with the same options, or name "
            "another --study"
        )
    return study


def known_study(place: Place) -> optuna.Study:
    """Return a study that is there; InputError names those that are."""
    import_optuna()
    import optuna

    storage = _storage(place.url)
    names = _tried(place.url, lambda: optuna.get_all_study_names(storage))
    if place.study not in names:
        known = ", ".join(map(repr, sorted(names))) or "none"
        raise InputError(
            f"study {place.study!r} is not in {hidden(place.url)}, which holds {known}; name one with --study"
        )
    return optuna.load_study(study_name=place.study, storage=storage)


def import_optuna() -> None:
    """Load Optuna, which then says nothing by itself; InputError where it is absent."""
    try:
        import optuna
    except ImportError as error:
        raise InputError("tuning needs optuna, which is not installed; install dwcpc[tune]") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def hidden(url: str) -> str:
    """Return the address without a password, to be shown."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, login = head.partition("://")
    return f"{scheme}{slashes}{login.partition(':')[0]}:…{at}{tail}" if at and ":" in login else url


def _storage(url: str) -> optuna.storages.RDBStorage:
    from optuna.storages import RDBStorage

    waiting = {"connect_args": {"timeout": LOCK_WAIT_S}} if url.startswith(SQLITE) else {}
    return _tried(url, lambda: RDBStorage(url, engine_kwargs=waiting))


def _tried(url: str, act: Callable[[], T]) -> T:
    """Do it, again where another process does the same; InputError where the database cannot be used."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

    for attempt in range(ATTEMPTS):
        try:
            return act()
        except (IntegrityError, OperationalError, ProgrammingError, StorageInternalError) as error:
            if attempt + 1 == ATTEMPTS or not url.startswith(SQLITE) or "unable to open" in str(error):
                raise _refused(url, error) from error
            time.sleep(random.uniform(0.05, 0.3))  # noqa: S311 - so that the two do not meet again
        except (SQLAlchemyError, ImportError, RuntimeError, ValueError) as error:
            raise _refused(url, error) from error
    raise AssertionError("unreachable")


def _refused(url: str, error: Exception) -> InputError:
    return InputError(
        f"{hidden(url)}: cannot be used as a study's storage ({first_line(error)}); give --storage an address such as "
        "sqlite:///study.db or postgresql://user:password@host/database, and install its driver"
    )


def _differing(stated: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Name what differs, down to the single values."""
    for name in sorted({*stated, *wanted}):
        one, other = stated.get(name), wanted.get(name)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            return f"{name}: {_differing(one, other)}"
        return f"{name} {one!r}, expected {other!r}"
    return "the same"
