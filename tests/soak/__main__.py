"""`make soak`: kills, a picture that kills its decoder, and a disk that fails at every step. Exits with 1 on any fault.

python -m tests.soak [--kills 50] [--pictures 10000] [--only kills deadly faults]
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.checker import check, survey
from tests.soak.faults import KINDS, Bench, build, every, harm, name_of, table
from tests.soak.kills import LANDED, kill_until_done
from tests.soak.pictures import make_drop
from tests.soak.scene import TOLERANCE, Scene, finish


def main() -> None:
    """Prepare, disturb, check, print."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        scene = Scene(Path(folder), asked.pictures, asked.chunk)
        seconds = scene.prepare()
        print(
            f"{len(scene.expected.good)} pictures, {len(scene.answers)} of them distinct, "
            f"{len(scene.expected.bad)} broken files; undisturbed {seconds:.1f} s; seed {asked.seed}",
            flush=True,
        )
        parts = {"kills": _kills, "deadly": _deadly, "faults": _faults}
        faults = [fault for part in asked.only for fault in parts[part](scene, asked, seconds)]
    for fault in faults:
        print(f"FAULT {fault}")
    print("no fault" if not faults else f"{len(faults)} faults")
    sys.exit(bool(faults))


def _kills(scene: Scene, asked: argparse.Namespace, seconds: float) -> list[str]:
    start = time.perf_counter()
    toll = kill_until_done(scene, asked.kills, asked.seed, seconds, lambda line: print(line, flush=True))
    print("\n| kill -9 of the whole process group | times |\n|---|---|")
    for moment in LANDED:
        print(f"| {moment} | {toll.landed[moment]} |")
    print(f"| all, in {toll.rounds} runs, {time.perf_counter() - start:.0f} s | {toll.kills} |\n")
    return toll.faults


def _deadly(scene: Scene, asked: argparse.Namespace, seconds: float) -> list[str]:
    """One picture kills the process that decodes it."""
    source, root = make_drop(scene.folder / "deadly", asked.pictures, deadly=True), scene.folder / "deadly-root"
    shutil.copytree(scene.trained, root)
    start = time.perf_counter()
    preload = str(Path(__file__).with_name("deadly.py"))
    finish(*scene.words(source, root), DASK_DISTRIBUTED__WORKER__PRELOAD=preload)
    findings = check(root, source, survey(source), {}, TOLERANCE)
    print(f"| one picture kills its decoder | {time.perf_counter() - start:.1f} s | {findings} |", flush=True)
    return [f"a deadly picture: {findings}"] if findings else []


def _faults(scene: Scene, asked: argparse.Namespace, seconds: float) -> list[str]:
    """ENOSPC, EIO and kill -9 at every write, fsync, rename, link of a small run, and at the one after the last."""
    folder = scene.folder / "faults"
    folder.mkdir()
    bench = Bench(build(folder), scene.trained, make_drop(folder / "drop", 12), folder / "work")
    steps, start = bench.steps(), time.perf_counter()
    print(f"\n{steps} steps, {len(KINDS)} kinds of fault at each", flush=True)
    verdicts = []
    for kind in KINDS:
        cases = bench.run(every(range(1, steps + 1), [kind]))
        print(f"{name_of(cases[0])}: {len(cases)} runs, {sum(map(bool, map(harm, cases)))} faults", flush=True)
        verdicts += cases
    print("\n".join(["", *table(verdicts)]))
    print(f"{len(verdicts)} runs in {time.perf_counter() - start:.0f} s\n", flush=True)
    beyond = bench.run(every(range(10 * steps, 10 * steps + 1)))
    faults = [f"a fault after {10 * steps} steps: {case['where']}" for case in beyond if case["where"] or case["end"]]
    return [*faults, *(harm(case) for case in verdicts if harm(case))]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many, at least")
    parser.add_argument("--pictures", type=int, default=10_000, help="files and archive members of the source")
    parser.add_argument("--chunk", type=int, default=100, help="pictures per chunk")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--only", nargs="+", default=["kills", "deadly", "faults"], help="some of the parts")
    return parser.parse_args()


main()
