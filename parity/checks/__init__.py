"""The parity checks. A comparison passes when every result of every check does, and there is at least one."""

from __future__ import annotations

from dwcpc.parity.checks.base import Check
from dwcpc.parity.checks.closeness import closeness
from dwcpc.parity.checks.decisions import decisions
from dwcpc.parity.checks.finiteness import finiteness
from dwcpc.parity.checks.labels import labels
from dwcpc.parity.checks.noise import noise
from dwcpc.parity.checks.noise_level import noise_level
from dwcpc.parity.checks.ranking import ranking

CHECKS: tuple[Check, ...] = (finiteness, closeness, labels, noise, noise_level, decisions, ranking)
