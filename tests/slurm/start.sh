#!/usr/bin/env bash
# A real Slurm on this machine: a node with two fake GPUs, and a second node. For tests and for trying the launcher.
#
#   sudo tests/slurm/start.sh              installs what is missing (Debian, Ubuntu), starts it in seconds
#   sudo tests/slurm/start.sh accounting   with accounting (sacct): slurmdbd and a MariaDB of its own
#   export SLURM_CONF=/tmp/modrobust-slurm/slurm.conf
#   sudo tests/slurm/start.sh stop         ends it
#
# Partitions: main (the default) and preemptible have the first node, both has both and begins with the second.
#
# From the environment: MODROBUST_SLURM, its folder; MODROBUST_SLURM_PORT, the first of five ports; two such Slurms
# can run at once. MODROBUST_SLURM_ARRAY, the size of the largest array plus one.
set -euo pipefail

home=${MODROBUST_SLURM:-/tmp/modrobust-slurm}
port=${MODROBUST_SLURM_PORT:-6827}

stop() { # jobs, then the daemons of this folder only, by their ids; waits until they have ended
    if [ "$(ps -o comm= -p "$(cat "$home/slurmctld.pid" 2>/dev/null || echo 0)" 2>/dev/null)" = slurmctld ]; then
        SLURM_CONF=$home/slurm.conf timeout 5 scancel --user="$(id -un)" || true
        for _ in $(seq 50); do
            [ -n "$(SLURM_CONF=$home/slurm.conf timeout 5 squeue -h || true)" ] || break
            sleep 0.2
        done
    fi
    for daemon in slurmctld "slurmd.$(hostname -s)" slurmd.second slurmdbd mariadbd; do
        pid=$(cat "$home/$daemon.pid" 2>/dev/null || true)
        [ "$(ps -o comm= -p "${pid:-0}" 2>/dev/null)" = "${daemon%%.*}" ] || continue
        kill "$pid"
        for _ in $(seq 100); do
            [ -e "/proc/$pid" ] || break
            sleep 0.1
        done
    done
}

if [ "${1:-start}" = stop ]; then
    stop
    exit
fi

if [ "$(id -u)" != 0 ]; then
    echo "tests/slurm/start.sh: Slurm's daemons must be started by root" >&2
    exit 1
fi
needed=(slurm-wlm munge)
commands=(slurmctld slurmd munged)
if [ "${1:-start}" = accounting ]; then
    needed+=(slurmdbd mariadb-server)
    commands+=(slurmdbd mariadbd)
fi
if ! command -v "${commands[@]}" >/dev/null || [ "$(command -v "${commands[@]}" | wc -l)" -lt ${#commands[@]} ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${needed[@]}" >/dev/null
fi
stop
rm -rf "$home/state" "$home/spool"
mkdir -p "$home/state" "$home/spool" /run/munge
chown munge: /run/munge
if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
    runuser -u munge -- munged
fi

wait_for() { # until a command succeeds
    for _ in $(seq 60); do
        if "$@" >/dev/null 2>&1; then
            return
        fi
        sleep 0.5
    done
    echo "tests/slurm/start.sh: Slurm did not start; see the logs in $home" >&2
    tail -n 5 "$home"/*.log >&2
    exit 1
}

export SLURM_CONF=$home/slurm.conf
accounting="AccountingStorageType=accounting_storage/none"
if [ "${1:-start}" = accounting ]; then
    accounting="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((port + 2))"
fi
cores=$(getconf _NPROCESSORS_ONLN) # nproc minds OMP_NUM_THREADS
cores=$((cores > 2 ? cores : 2))   # two jobs at once on any machine
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
host=$(hostname -s)
# cred_expire: a requeued job waits so long, 120 s by default. OverMemoryKill: a job over its memory is killed here, as
# by control groups on a cluster.
cat >"$home/slurm.conf" <<CONF
ClusterName=modrobust
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=cred_expire=10
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool/%n
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd.%n.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
$accounting
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=task=1
SlurmdParameters=config_overrides
GresTypes=gpu
ReturnToService=2
JobRequeue=1
KillWait=5
OverTimeLimit=0
MaxArraySize=${MODROBUST_SLURM_ARRAY:-1001}
MaxJobCount=10000
DefMemPerCPU=100
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory Gres=gpu:2 Weight=2 State=UNKNOWN
NodeName=second NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 4)) CPUs=2 RealMemory=$memory State=UNKNOWN
PartitionName=both Nodes=$host,second MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=off
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=off
PartitionName=preemptible Nodes=$host MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=requeue GraceTime=30
CONF
printf 'NodeName=%s Name=gpu File=/dev/%s\n' "$host" null "$host" zero >"$home/gres.conf"

if [ "${1:-start}" = accounting ]; then
    rm -rf "$home/database"
    mariadb-install-db --no-defaults --user=root --datadir="$home/database" --skip-test-db \
        --auth-root-authentication-method=normal >/dev/null
    mariadbd --no-defaults --user=root --datadir="$home/database" --socket="$home/mariadbd.sock" \
        --bind-address=127.0.0.1 --port=$((port + 3)) --pid-file="$home/mariadbd.pid" \
        --log-error="$home/mariadbd.log" >/dev/null 2>&1 &
    wait_for mariadb --no-defaults --socket="$home/mariadbd.sock" -e "select 1"
    mariadb --no-defaults --socket="$home/mariadbd.sock" \
        -e "create user slurm@'127.0.0.1' identified by 'slurm'; grant all on slurm.* to slurm@'127.0.0.1';"
    cat >"$home/slurmdbd.conf" <<CONF
AuthType=auth/munge
DbdHost=$host
DbdAddr=127.0.0.1
DbdPort=$((port + 2))
SlurmUser=root
PidFile=$home/slurmdbd.pid
LogFile=$home/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((port + 3))
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
CONF
    chmod 600 "$home/slurmdbd.conf"
    slurmdbd
    wait_for sacctmgr -n list cluster
    sacctmgr -i add cluster modrobust >/dev/null || true
fi
slurmctld -c -f "$SLURM_CONF"
for node in "$host" second; do
    mkdir -p "$home/spool/$node"
    slurmd -c -f "$SLURM_CONF" -N "$node"
done
idle() { [ "$(sinfo -h -N -p both -o %T | sort -u)" = idle ]; }
wait_for idle
echo "Slurm is up: export SLURM_CONF=$SLURM_CONF"
