#!/usr/bin/env bash
# Formats every Swift file in place: the twin of the format check in scripts/check.sh.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cd "$project_root"
swift format format --in-place --recursive --parallel Package.swift Sources Tests
