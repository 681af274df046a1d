#!/usr/bin/env bash
# A real Slurm on this machine: one node, two fake GPUs, no accounting. For tests and for trying the launcher.
#
#   sudo tests/slurm/start.sh            installs what is missing (Debian, Ubuntu), starts it in seconds
#   export SLURM_CONF=/tmp/modrobust-slurm/slurm.conf
#   sudo tests/slurm/start.sh stop       ends it
set -euo pipefail

home=${MODROBUST_SLURM:-/tmp/modrobust-slurm}

stop() {
    pkill -f "$home/slurm.conf" || true
}

if [ "${1:-start}" = stop ]; then
    stop
    exit
fi

if [ "$(id -u)" != 0 ]; then
    echo "tests/slurm/start.sh: Slurm's daemons must be started by root" >&2
    exit 1
fi
if ! command -v slurmctld slurmd munged >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null
fi
stop
sleep 0.5
mkdir -p "$home/state" "$home/spool" /run/munge
chown munge: /run/munge
if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
    runuser -u munge -- munged
fi

cores=$(nproc)
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
host=$(hostname -s)
cat >"$home/slurm.conf" <<CONF
ClusterName=modrobust
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=6827
SlurmdPort=6828
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
ReturnToService=2
JobRequeue=1
KillWait=5
OverTimeLimit=0
MaxArraySize=${MODROBUST_SLURM_ARRAY:-1001}
MaxJobCount=10000
DefMemPerCPU=100
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
PartitionName=preemptible Nodes=$host MaxTime=INFINITE State=UP
CONF
printf 'Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n' >"$home/gres.conf"

export SLURM_CONF=$home/slurm.conf
slurmctld -c -f "$SLURM_CONF"
slurmd -c -f "$SLURM_CONF" -N "$host"
for _ in $(seq 60); do
    if [ "$(sinfo -h -o %T 2>/dev/null | head -1)" = idle ]; then
        echo "Slurm is up: export SLURM_CONF=$SLURM_CONF"
        exit
    fi
    sleep 0.5
done
echo "tests/slurm/start.sh: Slurm did not start; see $home/slurmctld.log and slurmd.log" >&2
tail -5 "$home/slurmctld.log" "$home/slurmd.log" >&2
exit 1
