#!/usr/bin/env bash
# Runs `dwcpc gate` as a CI job wants it: three reports in GATE_OUT, the verdict as an output, the summary on the job's
# page, the gate's own exit code. Settings come in the environment, so that no value is read as shell code.
set -uo pipefail

out=${GATE_OUT:-gate}
mkdir -p "$out" || exit 2
arguments=(--summary "$out/gate.md" --json-file "$out/gate.json" --junit "$out/junit.xml")
[[ -n ${GATE_BASELINE:-} ]] && arguments+=(--baseline "$GATE_BASELINE")
[[ ${GATE_QUICK:-false} == true ]] && arguments+=(--quick)
read -ra budgets <<<"${GATE_BUDGETS:-}"
for budget in "${budgets[@]}"; do
    arguments+=(--budget "$budget")
done
read -ra paths <<<"${GATE_PATHS:-}"

rm -f "$out"/{gate.md,gate.json,junit.xml} # a verdict of an earlier run is not this one's
dwcpc gate "${arguments[@]}" -- "${paths[@]}"
code=$?

case $code in
0) verdict=pass ;;
1) verdict=fail ;;
4) verdict=inconclusive ;;
*) verdict=error ;;
esac
if [[ -n ${GITHUB_OUTPUT:-} ]]; then
    printf 'verdict=%s\nsummary=%s\n' "$verdict" "$out/gate.md" >>"$GITHUB_OUTPUT"
fi
if [[ -n ${GITHUB_STEP_SUMMARY:-} && -s $out/gate.md ]]; then
    cat "$out/gate.md" >>"$GITHUB_STEP_SUMMARY"
fi
exit $code
