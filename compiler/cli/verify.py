"""`dwcpc verify`: options in, one result out."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import click

from dwcpc.compiler.cli.options import FILE, SEED
from dwcpc.compiler.cli.output import EXIT_CODES, Output
from dwcpc.parity.defaults import DEFAULT_ROWS, DEFAULT_SEED


@click.command("verify", short_help="Is it still the same model?")
@click.argument("bundles", type=FILE, nargs=-1, required=True, metavar="BUNDLE...")
@click.option("--runtime", default="python,go", show_default=True, help="Runtimes, separated by commas.")
@click.option(
    "--source", type=FILE, help="The artifact of the bundle, for a full comparison; golden vectors otherwise."
)
@click.option("--replay", type=FILE, help="A failure folder, to see that failure again.")
@click.option(
    "--cases", type=click.IntRange(min=64), default=DEFAULT_ROWS, show_default=True, help="Rows, with --source."
)
@click.option("--seed", type=SEED, default=DEFAULT_SEED, show_default=True, help="Seed, with --source.")
@click.option("--arch", help="package.module:factory, with --source, as for compile.")
@click.option("--trust-pickle", is_flag=True, help="DANGEROUS: with --source, as for compile.")
@click.pass_obj
def verify(output: Output, /, **options: Any) -> None:
    """Prove that each BUNDLE still is the model it was compiled from, in each runtime."""
    from dwcpc.bench.reports.terminal import render_parity
    from dwcpc.compiler.commands.verify import VerifyOptions, verify_bundle
    from dwcpc.compiler.sources.base import LoadOptions

    chosen = VerifyOptions(
        tuple(options["runtime"].split(",")),
        options["source"],
        options["replay"],
        options["cases"],
        options["seed"],
        LoadOptions(arch=options["arch"], trust_pickle=options["trust_pickle"]),
    )
    texts, data = [], []
    for path in options["bundles"]:
        bundle, verification = verify_bundle(path, chosen, output.progress)
        parity = verification.parity
        head = f"{bundle.metadata.name} v{bundle.metadata.version}   {parity.verdict}"
        texts.append("\n".join([head, *render_parity(parity)]))
        data.append(
            {
                "path": str(bundle.path),
                "verdict": parity.verdict,
                "onnxruntime": verification.versions,
                "parity": dataclasses.asdict(parity),
            }
        )
    verdict = "fail" if any(entry["verdict"] != "pass" for entry in data) else "pass"
    output.result("\n".join(texts), {"verdict": verdict, "bundles": data})
    sys.exit(EXIT_CODES[verdict])
