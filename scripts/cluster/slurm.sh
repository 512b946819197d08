#!/usr/bin/env bash
# A search on the machines of a Slurm job: a Ray for the job alone, which ends with it.
#   sbatch --nodes 4 --cpus-per-task 32 --time 04:00:00 scripts/cluster/slurm.sh --task chars --until '2000 candidates'
# What follows the script are options of `cellsearch search`. The same command continues the study in another job.
#SBATCH --job-name=cellsearch
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --output=cellsearch-%j.log
set -euo pipefail

# A token of the job's own, in the environment and so in no command line.
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
RAY_AUTH_TOKEN=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$head:$((20000 + SLURM_JOB_ID % 20000)) # two jobs of one machine do not meet
cpus=${SLURM_CPUS_PER_TASK:-1}

start() { srun --overlap --nodes=1 --ntasks=1 --nodelist="$1" ray start --block --num-cpus="$cpus" "${@:2}"; }

start "$head" --head --port="${address##*:}" --include-dashboard=false &
for _ in $(seq 60); do
    ray health-check --address "$address" >/dev/null 2>&1 && break
    sleep 2
done
for node in "${nodes[@]:1}"; do
    start "$node" --address="$address" &
done

cellsearch search --executor ray --address "$address" "$@"
