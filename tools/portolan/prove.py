# SPDX-License-Identifier: BSD-2-Clause
"""`portolan prove`: proofs of the kernel's sources by Frama-C's WP (tests/proof/README.md)."""

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from portolan import proof_table, status, wp
from portolan.machines import ROOT

BUILD = ROOT / "build" / "prove"
EXPECTED = ROOT / "tests" / "proof" / "expected.json"
BITS = ROOT / "tests" / "proof" / "bits"
Z3 = "z3"
AT_ONCE = 2  # runs of Frama-C; each has two provers at work
SEED_SECONDS = 2  # of CPU time in which a bug must not be proved away
PROBE_SECONDS = 4  # in which no contradiction may be found


@dataclass
class Result:
    """What became of one proof."""

    name: str
    obligations: set = field(default_factory=set)  # names of properties: unique in the whole tree
    discharged: set = field(default_factory=set)
    probes: int = 0
    probes_unproved: int = 0
    seeds: int = 0
    seeds_unproved: int = 0
    problems: list = field(default_factory=list)


def _main(proof, work):
    """Prove the functions of one proof, with smoke tests."""
    result = Result(proof.name)
    run = wp.run(proof, work, wp.function_options(proof), proof.timeout)
    result.problems += run.problems
    for row in run.properties(proof.functions):
        result.obligations.add(row.key)
        if row.valid:
            result.discharged.add(row.key)
        elif not run.failed:  # else it may only depend on what failed
            result.problems.append(f"not proved: {row.place}: {row.text}")
    result.problems += [f"goal not proved: {goal}" for goal in run.failed]
    result.problems += [f"contradiction: {smoke}" for smoke in run.smoke_failed]
    result.probes += run.smoke_passed + len(run.smoke_failed)
    result.probes_unproved += run.smoke_passed
    return result, run


def _lemmas(proof, work, result, annotated):
    """Prove the lemmas, and fail to prove that they and the axioms are absurd."""
    names = set(re.findall(r"^\s*lemma (\w+)", annotated, re.MULTILINE))
    if not names and not _axiom_names(annotated):
        return
    run = wp.run(proof, work, wp.lemma_options(proof), PROBE_SECONDS, tail="/*@ check lemma absurd: \\false; */\n")
    result.problems += run.problems
    proved = {goal.removeprefix("typed_lemma_") for goal in run.valid}
    for name in names:
        result.obligations.add(f"lemma {name}")
        if name in proved:
            result.discharged.add(f"lemma {name}")
        else:
            result.problems.append(f"lemma not proved: {name}")
    result.probes += 1
    if any("absurd" in goal for goal in run.failed):
        result.probes_unproved += 1
    else:
        result.problems.append("the lemmas and axioms contradict each other: false was proved, or not tried")


def _axiom_names(annotated):
    return set(re.findall(r"^\s*axiom (\w+)", annotated, re.MULTILINE))


def _axioms(result, annotated):
    """Each axiom is a fact about bits that z3 proves by bit-blasting."""
    for name in sorted(_axiom_names(annotated)):
        file = BITS / f"{name}.smt2"
        result.obligations.add(f"axiom {name}")
        if not file.exists():
            result.problems.append(f"axiom without tests/proof/bits/{name}.smt2")
            continue
        answer = subprocess.run([Z3, "-T:60", file], capture_output=True, text=True).stdout.split()
        if answer and set(answer) == {"unsat"}:
            result.discharged.add(f"axiom {name}")
        else:
            result.problems.append(f"axiom {name}: z3 answers {' '.join(answer)}")


def _seed(proof, seed, work):
    """Is a bug, put into a copy of the source, left unproved?"""
    folder = work / seed.name
    text = (ROOT / seed.file).read_text(encoding="utf-8")
    if text.count(seed.replace) != 1:
        return f"seed {seed.name}: its text occurs {text.count(seed.replace)} times in {seed.file}"
    target = folder / "tree" / seed.file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.replace(seed.replace, seed.by), encoding="utf-8")
    run = wp.run(proof, folder, wp.seed_options(proof, seed), SEED_SECONDS, overlay=folder / "tree")
    if run.problems:
        return f"seed {seed.name}: {'; '.join(run.problems)}"
    if not run.failed:
        return f"seed {seed.name}: the bug was not noticed ({len(run.valid)} goals proved)"
    return None


def _probe(proof, work):
    """A proof that must not succeed: every clause of its functions stays unproved."""
    result = Result(proof.name)
    run = wp.run(proof, work, wp.probe_options(proof), PROBE_SECONDS)
    result.problems += run.problems
    result.probes = len(run.failed) + len(run.valid)
    result.probes_unproved = len(run.failed)
    result.problems += [f"contradiction: {goal} was proved" for goal in run.valid]
    if not run.failed:
        result.problems.append("nothing was tried")
    return result


def _prove(proof, progress):
    work = BUILD / proof.name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    if proof.probe:
        result = _probe(proof, work)
    else:
        result, run = _main(proof, work / "main")
        if not run.problems:
            annotated = run.annotated()
            _axioms(result, annotated)
            _lemmas(proof, work / "lemmas", result, annotated)
            result.problems += proof_table.unproved_callees(proof, run.calls(), run.unspecified())
            for seed in proof.seeds:
                problem = _seed(proof, seed, work)
                result.seeds += 1
                result.seeds_unproved += problem is None
                result.problems += [problem] if problem else []
    state = "FAILED" if result.problems else "ok"
    progress.say(f"{proof.name}: {len(result.discharged)} of {len(result.obligations)} obligations, "
                 f"{result.seeds_unproved} of {result.seeds} seeded bugs left, {state}")
    return result


def _cached(proof, progress):
    """The result of a proof, from an earlier run if nothing that it depends on has changed."""
    file = BUILD / "cache" / f"{wp.fingerprint(proof)}.json"
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        stored["obligations"] = stored["discharged"] = set(stored["obligations"])
        progress.say(f"{proof.name}: unchanged, {len(stored['obligations'])} obligations")
        return Result(**stored)
    result = _prove(proof, progress)
    if not result.problems:
        file.parent.mkdir(parents=True, exist_ok=True)
        stored = vars(result) | {"obligations": sorted(result.obligations), "discharged": []}
        file.write_text(json.dumps(stored), encoding="utf-8")
    return result


def _expected():
    """{proof: the number of its obligations}, as recorded."""
    return json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}


def _compare(results, record):
    """No proof may have fewer obligations than it had. Returns problems."""
    expected = _expected()
    counts = {result.name: len(result.obligations) for result in results if result.obligations}
    if record:
        EXPECTED.write_text(json.dumps(dict(sorted((expected | counts).items())), indent=4) + "\n", encoding="utf-8")
        return []
    return [f"{name}: {count} obligations, {expected.get(name, 'none')} expected (./portolan prove --record)"
            for name, count in counts.items() if count < expected.get(name, count + 1)]


def summary(results):
    """The last line."""
    obligations = set().union(*(result.obligations for result in results))
    discharged = set().union(*(result.discharged for result in results))
    return (f"obligations: {len(obligations)} discharged: {len(discharged)} "
            f"seeded_bugs: {sum(result.seeds for result in results)} "
            f"left_unproved: {sum(result.seeds_unproved for result in results)} "
            f"probes: {sum(result.probes for result in results)} "
            f"unproved: {sum(result.probes_unproved for result in results)}")


def command(options, boards, progress):
    proofs = proof_table.read()
    unknown = set(options.name) - {proof.name for proof in proofs}
    if unknown:
        print(f"portolan: no proof named {', '.join(sorted(unknown))}; there are "
              f"{', '.join(proof.name for proof in proofs)}")
        return status.USAGE
    if options.name:
        proofs = [proof for proof in proofs if proof.name in options.name]
    for proof in proofs:
        proof.timeout = options.timeout or proof.timeout
    proofs.sort(key=lambda proof: -_expected().get(proof.name, 0))  # the long ones first: none is left alone at the end
    wp.configure(BUILD)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as executor:
        results = list(executor.map(lambda proof: _cached(proof, progress), proofs))
    problems = [f"{result.name}: {problem}" for result in results for problem in result.problems]
    problems += _compare(results, options.record)
    print("\n".join(problems + [summary(results)]), flush=True)
    return status.FAILED if problems else status.OK
