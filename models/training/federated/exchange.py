"""Questions out, answers in, and an account of both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from flwr.app import Message
from flwr.serverapp import Grid

from dwcpc.compiler.errors import InputError, first_line
from dwcpc.models.training.federated.messages import request_problems, size_bytes

POLL_S: Final = 0.05
WAIT_S: Final = 3600.0
"""For the answers to one question; a client that is silent for longer is gone."""

Inspect = Callable[[Message], None]


class InterruptedTraining(Exception):  # noqa: N818  # nothing went wrong
    """The federation was told to stop."""


@dataclass(slots=True)
class Traffic:
    """Messages of one type, both ways; sizes are those of the largest."""

    messages: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    largest_sent_bytes: int = 0
    largest_received_bytes: int = 0

    def add(self, question: Message, answer: Message) -> None:
        """Count a question and its answer."""
        sent, received = size_bytes(question.content), size_bytes(answer.content)
        self.messages += 1
        self.sent_bytes += sent
        self.received_bytes += received
        self.largest_sent_bytes = max(self.largest_sent_bytes, sent)
        self.largest_received_bytes = max(self.largest_received_bytes, received)


@dataclass(slots=True)
class Exchange:
    """Asks over `grid`; `stop` ends the waiting, and `names` has the client's number for each address once known."""

    grid: Grid
    stop: threading.Event
    names: dict[int, int] = field(default_factory=dict)
    traffic: dict[str, Traffic] = field(default_factory=dict)

    def ask(self, questions: Iterable[Message]) -> list[Message]:
        """Return the answers, in any order; InputError where a client failed or is silent."""
        asked = {question.metadata.dst_node_id: question for question in questions}
        for question in asked.values():
            problems = request_problems(question.metadata.message_type, question.content)
            if problems:
                raise ValueError(f"a question holds {', '.join(problems)}")
        pending = set(self.grid.push_messages(asked.values()))
        answers: list[Message] = []
        until = time.monotonic() + WAIT_S
        while pending:
            if self.stop.is_set():
                raise InterruptedTraining
            if time.monotonic() > until:
                raise InputError(
                    f"{len(pending)} clients did not answer within {WAIT_S:g} s; train with fewer --local-epochs"
                )
            arrived = list(self.grid.pull_messages(pending))
            for answer in arrived:
                self._check(answer)
                pending.discard(answer.metadata.reply_to_message_id)
                question = asked[answer.metadata.src_node_id]
                self.traffic.setdefault(question.metadata.message_type, Traffic()).add(question, answer)
            answers += arrived
            if pending and not arrived:
                time.sleep(POLL_S)
        return answers

    def _check(self, answer: Message) -> None:
        if answer.has_error():
            number = self.names.get(answer.metadata.src_node_id)
            who = "a client" if number is None else f"client {number}"
            raise InputError(
                f"{who} failed at {answer.metadata.message_type!r} ({_reason(answer.error.reason)}), and its answer is "
                "missing from every sum; see to it and train again"
            )


def _reason(stated: str | None) -> str:
    """Return what the client itself said, without the classes that it was wrapped in."""
    text = (stated or "no reason was given").split("Message: ")[-1].removesuffix("'>")
    return first_line(ValueError(text))
