"""What features in the graph cost: a bundle that embeds them against one of the same model that does not, in Go.

    python -m dwcpc.bench.embedded_features BUNDLE EMBEDDED [--limit-us 100]

The first gets the features that Python's executor computes of the raw windows that the second gets.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.paired import PAIRS, Paired, pair_model
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.bundled import feature_use

if TYPE_CHECKING:
    from dwcpc.compiler.bundle import Bundle

US_PER_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the features add to a prediction's median, with bounds that hold with 99 % each."""

    paired: Paired
    us: float
    low_us: float
    high_us: float

    def __str__(self) -> str:
        p50 = f"{self.paired.a_p50_ms * US_PER_MS:.1f} µs without, {self.paired.b_p50_ms * US_PER_MS:.1f} µs with"
        return f"features in the graph cost {self.us:.1f} µs [{self.low_us:.1f}, {self.high_us:.1f}] at p50 ({p50})"


def cost_of_embedding(plain: Bundle, embedded: Bundle, pairs: int = PAIRS) -> Cost:
    """Measure both in one process on the embedded bundle's golden windows; InputError where the models differ."""
    use = feature_use(embedded.metadata)
    if use is None or not use.embedded or plain.metadata.source.sha256 != embedded.metadata.source.sha256:
        raise InputError(f"{embedded.path}: expected the model of {plain.path} with its features in the graph")
    name = embedded.metadata.inputs[0].name
    windows = embedded.golden("input")[name].astype("float32")
    paired = pair_model(plain, embedded.model_path, use.rows(windows), feeds={name: windows}, pairs=pairs)
    us = [(ratio - 1) * paired.a_p50_ms * US_PER_MS for ratio in (paired.ratio, paired.low, paired.high)]
    return Cost(paired, *us)


def main(arguments: list[str] | None = None) -> None:
    """Print the cost; exit code 1 where it is not within `--limit-us`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("embedded", type=Path)
    parser.add_argument("--limit-us", type=float)
    given = parser.parse_args(arguments)
    cost = cost_of_embedding(open_bundle(given.bundle), open_bundle(given.embedded))
    sys.stdout.write(f"{cost}\n")
    if given.limit_us is not None and cost.us > given.limit_us:
        sys.exit(1)


if __name__ == "__main__":
    main()
