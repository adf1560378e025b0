#!/usr/bin/env bash
# Builds the micro-benchmarks, counts the instructions of each and compares them with the committed thresholds.
# What can be asked for is printed by --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

exec python3 measure.py "$@"
