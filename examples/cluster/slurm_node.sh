#!/bin/bash
# One recipe on the four GPUs of a node, trained and scored: sbatch slurm_node.sh RECIPE NAME
#SBATCH --job-name=xstilts
#SBATCH --nodes=1
#SBATCH --gpus=4
#SBATCH --cpus-per-task=32
#SBATCH --mem=128G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

recipe=${1:?"give a recipe: a YAML file, or the name of a shipped one"}
name=${2:?"give a name for its runs and results"}
shared=${SHARED:?"set SHARED to a folder that every node sees"}
processes=${PROCESSES:-${SLURM_GPUS_ON_NODE:-4}}
launch=(python -m torch.distributed.run --standalone --nproc_per_node "$processes" -m xstilts_eval)
export XSTILTS_DATA=${XSTILTS_DATA:-$shared/data}
read -ra train_options <<< "${TRAIN_OPTIONS:-}"
read -ra eval_options <<< "${EVAL_OPTIONS:-}"

# The same call goes on where an earlier one was stopped; a stage that another job trains is waited for.
"${launch[@]}" train "$recipe" --stages "$shared/stages" --output "$shared/runs/$name" --wait "${train_options[@]}"
"${launch[@]}" eval "$shared/runs/$name" --output "$shared/results/$name" --no-languages "${eval_options[@]}"
