#!/bin/bash
# Recipes x seeds, a GPU each: RECIPES="none.yaml squad.yaml" SEEDS="1 2 3" sbatch --array=0-5 slurm_array.sh
#SBATCH --job-name=xstilts
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=48G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

read -ra recipes <<< "${RECIPES:?"set RECIPES to YAML files or names of shipped recipes"}"
read -ra seeds <<< "${SEEDS:?"set SEEDS to whole numbers"}"
shared=${SHARED:?"set SHARED to a folder that every node sees"}
number=${SLURM_ARRAY_TASK_ID:?"submit with --array=0-$((${#recipes[@]} * ${#seeds[@]} - 1))"}
recipe=${recipes[number / ${#seeds[@]}]}
seed=${seeds[number % ${#seeds[@]}]}
name=$(basename "$recipe" .yaml)
export XSTILTS_DATA=${XSTILTS_DATA:-$shared/data}
read -ra train_options <<< "${TRAIN_OPTIONS:-}"
read -ra eval_options <<< "${EVAL_OPTIONS:-}"

# Two tasks that share a stage: the first trains it, the second waits for it.
python -m xstilts_eval train "$recipe" --seeds "$seed" --stages "$shared/stages" \
  --output "$shared/runs/$name/seed-$seed" --wait "${train_options[@]}"
python -m xstilts_eval eval "$shared/runs/$name/seed-$seed" --output "$shared/results/$name/seed-$seed/eval" \
  --no-languages "${eval_options[@]}"
