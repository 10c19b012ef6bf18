# SPDX-License-Identifier: GPL-2.0
# What the measurements share. Sourced in dom0 in the place of workloads.sh.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR/../e2e source=workloads.sh
. e2e/workloads.sh
# shellcheck source-path=SCRIPTDIR source=numbers.sh
. bench/numbers.sh

# The lab favours dom0. Here a guest gets its share, as it does by default.
xl sched-credit2 -d 0 -w 256

# quiet COMMAND...: shows what it said only if it fails.
quiet() {
	"$@" >"$state/quiet" 2>&1 && return 0
	cat "$state/quiet"
	return 1
}
