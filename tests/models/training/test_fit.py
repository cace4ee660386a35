from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboardX.proto import event_pb2
from torch import nn

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.fit import Order, fit
from dwcpc.models.training.history import Epoch, best_of

Network = Callable[[], nn.Module]
MakeOrder = Callable[..., Order]


def silent(_step: str) -> None:
    pass


def same(one: nn.Module, other: nn.Module) -> bool:
    states = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(first, second) for first, second in states)


def test_training_lowers_the_loss_and_ends_with_the_best_epochs_weights(
    network: Network, objective: nn.Module, order: MakeOrder
) -> None:
    module, given = network(), order("run")
    history = fit(module, objective, given, silent)
    assert history[-1].train_loss < 0.6 * history[0].train_loss
    assert not module.training
    loss = objective(module, given.validation.x, given.validation.y).item()
    assert loss == pytest.approx(best_of(history).validation_loss)


def test_the_seed_decides_the_weights(network: Network, objective: nn.Module, order: MakeOrder) -> None:
    one, again, other = network(), network(), network()
    fit(one, objective, order("one"), silent)
    fit(again, objective, order("again"), silent)
    fit(other, objective, order("other", seed=4), silent)
    assert same(one, again)
    assert not same(one, other)


def written_out(module: nn.Module, objective: nn.Module, given: Order) -> None:
    """Train as `fit` does with a cosine schedule, in the plainest way; the last epoch has to be the best."""
    options, (x, y) = given.options, (given.train.x, given.train.y)
    optimiser = torch.optim.AdamW(module.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    rate, steps = options.learning_rate, options.epochs * (len(x) // options.batch_rows)
    shape = {"pct_start": options.warm_up_share, "div_factor": 25.0, "cycle_momentum": False}
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, **shape)  # type: ignore[arg-type]
    for epoch in range(1, options.epochs + 1):
        torch.manual_seed(options.seed * 100_003 + epoch)
        for rows in torch.randperm(len(x)).view(-1, options.batch_rows):
            optimiser.zero_grad()
            objective(module.train(), x[rows], y[rows]).backward()
            nn.utils.clip_grad_norm_(module.parameters(), options.gradient_norm)
            optimiser.step()
            schedule.step()


def test_one_process_gives_the_bits_of_the_loop_written_out(
    network: Network, objective: nn.Module, order: MakeOrder
) -> None:
    one, plain, given = network(), network(), order("run")
    history = fit(one, objective, given, silent)
    assert best_of(history) is history[-1]
    written_out(plain, objective, given)
    assert same(one, plain)


def test_whoever_watches_sees_each_epoch_and_may_end_the_training(
    network: Network, objective: nn.Module, order: MakeOrder
) -> None:
    seen: list[Epoch] = []

    def watch(epoch: Epoch) -> None:
        seen.append(epoch)
        if epoch.number == 3:
            raise StopIteration

    given = dataclasses.replace(order("run"), watch=watch)
    with pytest.raises(StopIteration):
        fit(network(), objective, given, silent)
    kept = json.loads((given.folder / "training_history.json").read_text(encoding="utf-8"))
    assert kept == [dataclasses.asdict(epoch) for epoch in seen]
    assert len(seen) == 3


def test_a_checkpoint_from_before_an_option_came_is_resumed(
    network: Network, objective: nn.Module, order: MakeOrder
) -> None:
    given = order("run")
    fit(network(), objective, given, silent)
    last = given.folder / "checkpoints" / "last.pt"
    content = torch.load(last, weights_only=True)
    del content["options"]["processes"]
    torch.save(content, last)
    assert len(fit(network(), objective, order("other", resume=last), silent)) == 6


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(
    network: Network, objective: nn.Module, order: MakeOrder, schedule: str
) -> None:
    whole = network()
    wanted = fit(whole, objective, order("whole", schedule=schedule), silent)

    class PulledThePlugError(Exception):
        pass

    def interrupt(step: str) -> None:
        if step.startswith("epoch 3"):
            raise PulledThePlugError

    with pytest.raises(PulledThePlugError):
        fit(network(), objective, order("broken", schedule=schedule), interrupt)
    resumed = network()
    broken = order("broken", schedule=schedule)
    last = broken.folder / "checkpoints" / "last.pt"
    history = fit(resumed, objective, order("broken", resume=last, schedule=schedule), silent)
    assert same(whole, resumed)
    assert [epoch.validation_loss for epoch in history] == [epoch.validation_loss for epoch in wanted]


def test_a_run_that_was_finished_is_resumed_to_the_same_weights(
    network: Network, objective: nn.Module, order: MakeOrder
) -> None:
    module, again = network(), network()
    fit(module, objective, order("done"), silent)
    fit(again, objective, order("elsewhere", resume=order("done").folder / "checkpoints" / "last.pt"), silent)
    assert same(module, again)


def test_it_stops_when_validation_gets_no_better(network: Network, objective: nn.Module, order: MakeOrder) -> None:
    given = order("run", epochs=50, learning_rate=1e-9, patience=2)
    given.validation.y.add_(torch.randn(given.validation.y.shape, generator=torch.Generator().manual_seed(1)))
    history = fit(network(), objective, given, silent)
    assert len(history) == best_of(history).number + 2 < 50


def test_a_plateau_lowers_the_learning_rate_and_a_cosine_ends_near_zero(
    network: Network, objective: nn.Module, order: MakeOrder
) -> None:
    flat = fit(network(), objective, order("p", schedule="plateau", learning_rate=1e-6, epochs=8), silent)
    assert flat[0].learning_rate == 1e-6 > flat[-1].learning_rate
    cosine = fit(network(), objective, order("c"), silent)
    assert cosine[-1].learning_rate < 1e-2 * max(epoch.learning_rate for epoch in cosine)


def test_gradients_are_clipped(network: Network, objective: nn.Module, order: MakeOrder) -> None:
    free, clipped = network(), network()
    fit(free, objective, order("free", epochs=1, gradient_norm=1e9), silent)
    fit(clipped, objective, order("clipped", epochs=1, gradient_norm=1e-3), silent)
    assert not same(free, clipped)


def test_history_and_logs_have_every_epoch(network: Network, objective: nn.Module, order: MakeOrder) -> None:
    given = order("run")
    fit(network(), objective, given, silent)
    written = json.loads((given.folder / "training_history.json").read_text(encoding="utf-8"))
    assert [epoch["number"] for epoch in written] == [1, 2, 3, 4, 5, 6]
    (log,) = (given.folder / "tensorboard").iterdir()
    assert sum("loss/validation" in event for event in events(log)) == 6


def events(log: Path) -> list[list[str]]:
    """Return the tags of each event of a TensorBoard file: length, its checksum, the event, its checksum."""
    data, at, found = log.read_bytes(), 0, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        event = event_pb2.Event.FromString(data[at + 12 : at + 12 + length])
        found.append([value.tag for value in event.summary.value])
        at += 16 + length
    return found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 9}, "was made with options seed 3, expected 9"),
        ({"task": "product"}, "was made with task 'sum', expected 'product'"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    network: Network, objective: nn.Module, order: MakeOrder, changed: dict[str, Any], message: str
) -> None:
    given = order("run", epochs=1)
    fit(network(), objective, given, silent)
    last = given.folder / "checkpoints" / "last.pt"
    with pytest.raises(InputError, match=message):
        fit(network(), objective, order("other", resume=last, epochs=1, **changed), silent)


def test_what_is_no_checkpoint_is_refused(
    network: Network, objective: nn.Module, order: MakeOrder, tmp_path: Path
) -> None:
    (tmp_path / "text.pt").write_text("no", encoding="utf-8")
    torch.save([1, 2], tmp_path / "list.pt")
    for name, message in (("text.pt", "cannot be read"), ("list.pt", "holds a list"), ("absent.pt", "cannot be read")):
        with pytest.raises(InputError, match=message):
            fit(network(), objective, order("run", resume=tmp_path / name), silent)


def test_a_loss_that_is_no_number_and_too_few_rows_are_refused(
    network: Network, objective: nn.Module, order: MakeOrder
) -> None:
    given = order("run")
    given.train.x[0] = float("inf")
    with pytest.raises(InputError, match="loss is not finite"):
        fit(network(), objective, given, silent)
    with pytest.raises(InputError, match="training has 96 rows, expected at least a batch of 97"):
        fit(network(), objective, order("few", batch_rows=97), silent)
