"""A study on a real Ray cluster of two workers, one of which is killed while it trains. Run by the Python that has Ray:
`python ray_lab.py STORE KILL SHARED`. Prints what was seen as JSON.
"""

import json
import sys
import threading
import time
from pathlib import Path

import psutil
import study_lab

from cotdistill.store.store import Store
from cotdistill.study.executor import Watch
from cotdistill.study.ray_executor import RayExecutor
from cotdistill.study.run import run_study
from cotdistill.study.tasks import TrainTask

SETTINGS = {"training": {"seeds": [1], "settings": {"max_steps": 40}}}


def main(path: Path, kill: bool, shared: Path | None) -> None:
    import ray
    from ray.cluster_utils import Cluster

    store = study_lab.with_questions(path)
    said: list[str] = []
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    killed: dict[str, float] = {}
    over = threading.Event()

    def watch() -> None:
        """Kill the second worker, hard, as soon as something on it trains."""
        while not over.is_set():
            raylet = nodes[1].all_processes["raylet"][0].process.pid
            for process in psutil.Process(raylet).children(recursive=True):
                try:
                    if "cotdistill.train.worker" in process.cmdline():
                        killed["training"] = process.pid
                        cluster.remove_node(nodes[1], allow_graceful=False)
                        return
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.05)

    killer = threading.Thread(target=watch, daemon=True)
    if kill:
        killer.start()
    executor = RayExecutor(address=cluster.address, shards=2, shared=shared)
    ran = run_study(study_lab.design(**SETTINGS), store, executor, watch=Watch(say=said.append))
    over.set()
    if kill:
        killer.join()
    again = run_study(study_lab.design(**SETTINGS), store, executor)
    a_run = TrainTask("k", "a run", "tiny", {}, "trl", 1, "c")
    lacking = [RayExecutor(cpus=cpus, gpus=gpus)._lacking(a_run) for cpus, gpus in ((1.0, 0.0), (1.0, 2.0))]
    alive = psutil.pid_exists(int(killed["training"])) if killed else False
    print(
        json.dumps(
            {
                "missing": ran.missing,
                "errors": ran.errors,
                "counts": {f"{kind} {status}": n for (kind, status), n in ran.counts.items()},
                "again": {f"{kind} {status}": n for (kind, status), n in again.counts.items()},
                "killed": bool(killed),
                "orphan": alive,
                "said": said,
                "lacking": lacking,
                "left": sorted(p.name for p in shared.iterdir()) if shared else [],
            }
        )
    )
    ray.shutdown()
    cluster.shutdown()


def keys_of(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """What must be the same on one machine and on many."""
    with store.read() as con:
        return {
            table: con.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()
            for table, columns in {
                "cell": "cell_key",
                "cell_member": "cell_key, reply_key",
                "reply": "reply_key, text, status",
                "verdict": "rationale_key, rule_version, gold_key, status",
                "corpus": "corpus_hash, n_rows",
                "corpus_member": "corpus_hash, position, rationale_key",
                "run": "run_key, base_hash, corpus_hash",
                "evaluation": "dataset, split, decoder, run_key",
                "prediction": "question_key, sample_index",
            }.items()
        }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "kill", Path(sys.argv[3]) if len(sys.argv) > 3 else None)
