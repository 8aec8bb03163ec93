#!/bin/bash
# When the array is done: sbatch --dependency=afterok:JOB slurm_gains.sh none squad
#SBATCH --job-name=xstilts-gains
#SBATCH --cpus-per-task=4
#SBATCH --time=00:30:00
set -euo pipefail

shared=${SHARED:?"set SHARED to a folder that every node sees"}
baseline=${1:?"give the baseline's name, then those of the runs"}
runs=()
for name in "$@"; do runs+=("$shared/results/$name"); done
python -m xstilts_eval gains "${runs[@]}" --baseline "$shared/results/$baseline" --markdown "$shared/results/gains.md"
python -m xstilts_eval report "${runs[@]}" --baseline "$shared/results/$baseline" --output "$shared/results/report.html"
