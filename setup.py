"""The one thing that pyproject.toml cannot say: a wheel carries the Go harness for its platform."""

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
HARNESS = Path("dwcpc", "compiler", "bin", "dwcpc-harness")


class BuildWithHarness(build_py):
    """Build the Go harness into the wheel; `DWCPC_WITHOUT_HARNESS=1` leaves it out for a machine without Go."""

    def run(self) -> None:
        """Build the Python part, then the harness unless this is an editable install (which uses the checkout's)."""
        super().run()
        if self.editable_mode or os.environ.get("DWCPC_WITHOUT_HARNESS") == "1":
            return
        if shutil.which("go") is None:
            raise SystemExit("building the wheel needs Go 1.25 or newer; install it or set DWCPC_WITHOUT_HARNESS=1")
        target = Path(self.build_lib).resolve() / HARNESS
        target.parent.mkdir(parents=True, exist_ok=True)
        command = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(target), "./cmd/dwcpc-harness"]
        subprocess.run(command, cwd=ROOT / "go_harness", check=True)


class PlatformWheel(bdist_wheel):
    """Any Python, one platform: the harness is a program, not an extension module."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the wheel's tag with this machine's platform."""
        return "py3", "none", super().get_tag()[2]


class PlatformDistribution(Distribution):
    """Says that the wheel holds a platform's binary."""

    def has_ext_modules(self) -> bool:
        """Return true, which keeps the wheel from being tagged `any`."""
        return True


setup(cmdclass={"build_py": BuildWithHarness, "bdist_wheel": PlatformWheel}, distclass=PlatformDistribution)
