# SPDX-License-Identifier: BSD-2-Clause
"""Fuzzing: libFuzzer on the simulated kernel (tests/sim/fuzz.h)."""

import re
import shutil
import subprocess
import time
from pathlib import Path

from portolan import sim, status
from portolan.machines import ROOT

BUILD = sim.directory("fuzz")
CORPUS = ROOT / "build/fuzz"
SEEDS = ROOT / "tests/sim/corpus"
FIRST_INPUTS = "1..200"  # random inputs that an empty corpus begins with
INPUT_MAX = 1600  # bytes
TIMEOUT = 60  # seconds for one input
REPORT_EVERY = 30  # seconds
LIMIT_MB = 3000
STATUS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+)")


def _prepare():
    """The working corpus: what earlier runs found, or random inputs."""
    CORPUS.mkdir(parents=True, exist_ok=True)
    if not any(CORPUS.iterdir()):
        subprocess.run([BUILD / "tests/sim/fuzz_corpus", "--seeds", FIRST_INPUTS, "--write", CORPUS], check=True,
                       stdout=subprocess.DEVNULL)


class _Job:
    """One fuzzing process, its log, and what the log says."""

    def __init__(self, number, seconds, crashes):
        self.log = BUILD / f"fuzz-{number}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [BUILD / "tests/sim/fuzz", f"-max_total_time={seconds}", f"-max_len={INPUT_MAX}", f"-timeout={TIMEOUT}",
                 f"-rss_limit_mb={LIMIT_MB}", "-len_control=0", "-reload=1", "-print_final_stats=1",
                 f"-artifact_prefix={crashes}/", CORPUS, SEEDS],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def figures(self):
        """Runs and edges covered so far."""
        found = STATUS.findall(self.log.read_text(errors="replace"))
        return (int(found[-1][0]), max(int(cover) for _, cover in found)) if found else (0, 0)


def _wait(jobs, progress):
    """Until all have ended; one that crashed ends the others."""
    last = time.monotonic()
    while any(job.process.poll() is None for job in jobs):
        if any(job.process.poll() not in (None, 0) for job in jobs):
            for job in jobs:
                job.process.terminate()
        time.sleep(1)
        if time.monotonic() - last >= REPORT_EVERY:
            last = time.monotonic()
            figures = [job.figures() for job in jobs]
            progress.say(f"{sum(runs for runs, _ in figures)} runs, {max(cover for _, cover in figures)} edges")


def _report(crash, progress):
    """Make the input smaller, and tell how to run it."""
    progress.say(f"{crash.name}: minimising")
    smaller = crash.with_name(f"minimised-{crash.name}")
    subprocess.run([BUILD / "tests/sim/fuzz", "-minimize_crash=1", "-max_total_time=120", f"-timeout={TIMEOUT}",
                    f"-exact_artifact_path={smaller}", crash],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if not smaller.exists():
        shutil.copy(crash, smaller)
    result = subprocess.run([BUILD / "tests/sim/fuzz", smaller], capture_output=True, text=True, errors="replace",
                            check=False)
    print(result.stdout, end="")
    print("\n".join(result.stderr.splitlines()[:40]))
    print(f"to repeat: {(BUILD / 'tests/sim/fuzz').relative_to(ROOT)} {smaller.relative_to(ROOT)}")


def command(options, boards, progress):
    del boards
    if options.minutes <= 0 or options.jobs < 1:
        print("portolan: fuzz takes minutes above 0 and at least one job")
        return status.USAGE
    crashes = BUILD / "crashes"
    sim.build("fuzz", options.verbose)
    _prepare()
    shutil.rmtree(crashes, ignore_errors=True)
    crashes.mkdir()
    start = time.monotonic()
    jobs = [_Job(number, int(options.minutes * 60), crashes) for number in range(options.jobs)]
    try:
        _wait(jobs, progress)
    finally:
        for job in jobs:
            if job.process.poll() is None:
                job.process.terminate()
                job.process.wait()
    minutes = (time.monotonic() - start) / 60
    found = sorted(Path(path) for path in crashes.iterdir())
    for crash in found:
        _report(crash, progress)
    figures = [job.figures() for job in jobs]
    print(f"runs: {sum(runs for runs, _ in figures)} minutes: {minutes:.1f} crashes: {len(found)} "
          f"coverage: {max(cover for _, cover in figures)}")
    return status.OK if not found and all(job.process.returncode == 0 for job in jobs) else status.FAILED
