#!/usr/bin/env bash
# Slices a model with the real slicer, as a person would for the printer of tests/fixtures/coin.ini.
# A simulated printer moves in no time: with --seconds the layers are padded with dwells until the print lasts about that long.
#
#   tests/peers/slice.sh [--seconds N] [--ini FILE] MODEL.stl OUT.gcode
#
# GANTRY_PRUSA_SLICER names the slicer's binary where it is not on the path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ini=$here/../fixtures/coin.ini
seconds=0
while [[ ${1-} == --* ]]; do
    case $1 in
        --seconds) seconds=$2 ;;
        --ini) ini=$2 ;;
        *) echo "slice.sh: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
model=$1 out=$2

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sliced=$scratch/sliced.gcode
# The slicer talks on stdout; its words matter only when it fails.
if ! "${GANTRY_PRUSA_SLICER:-prusa-slicer}" --export-gcode --load "$ini" --center 125,105 --output "$sliced" "$model" \
    >"$scratch/words" 2>&1; then
    cat "$scratch/words" >&2
    exit 1
fi

# Dwells of a tenth of a second: short, so that a pause or a cancel is heard soon.
layers=$(grep -c '^;LAYER_CHANGE' "$sliced")
awk -v dwells=$((seconds * 10)) -v layers="$layers" '
    { print }
    /^;LAYER_CHANGE/ {
        seen += 1
        for (; given < dwells * seen / layers; given++) print "G4 P100"
    }' "$sliced" >"$out"
