# SPDX-License-Identifier: BSD-2-Clause
"""The table of proofs: tests/proof/proofs.toml (tests/proof/README.md)."""

import tomllib
from dataclasses import dataclass, field, fields

from portolan.machines import ROOT

TABLE = ROOT / "tests" / "proof" / "proofs.toml"
HAL = "hal_"  # called by contract: tested on every machine, not proved


@dataclass
class Seed:
    """A bug that a proof must notice."""

    name: str
    function: str  # whose clause breaks
    replace: str
    by: str
    file: str  # of the tree
    clause: str = ""  # name of the clause that breaks; all of the function's if empty


@dataclass
class Proof:
    name: str
    source: str  # a .c file of the tree, or a header
    functions: list  # proved, each with its contract
    isa: str = "x86_64"  # whose headers
    inline: list = field(default_factory=list)  # expanded where they are called
    defines: list = field(default_factory=list)
    timeout: int = 60  # seconds for each goal and prover
    split: bool = False  # conjunctions become goals of their own
    probe: bool = False  # must not succeed
    seeds: list = field(default_factory=list)


class _Table:
    def __init__(self):
        self.proofs = []
        self.trusted = {}  # name: reason
        self.proved = set()


_table = _Table()


def _proof(name, entry):
    seeds = [Seed(**({"name": f"seed-{number}", "file": entry["source"]} | seed))
             for number, seed in enumerate(entry.pop("seed", []), start=1)]
    unknown = set(entry) - {item.name for item in fields(Proof)}
    if unknown:
        raise ValueError(f"{TABLE}: {name}: unknown {', '.join(sorted(unknown))}")
    return Proof(name=name, seeds=seeds, **entry)


def read():
    """All proofs, in the order of the table."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    _table.trusted = table.pop("trusted", {})
    _table.proofs = [_proof(name, entry) for name, entry in table.items()]
    _table.proved = {function for proof in _table.proofs if not proof.probe for function in proof.functions}
    return _table.proofs


def unproved_callees(proof, calls, unspecified):
    """Contracts that `proof` relies on and nothing supports.

    calls: {function: functions that it calls}; unspecified: functions without body and contract.
    """
    supported = _table.proved | set(_table.trusted) | set(proof.inline)
    callees = {callee for function in proof.functions for callee in calls.get(function, ())}
    found = {callee for callee in callees if callee not in supported and not callee.startswith((HAL, "proof_"))}
    return [f"relies on {callee}(), which is neither proved nor in [trusted]" for callee in sorted(found)] + [
        f"relies on {callee}(), which has no contract" for callee in sorted(callees & unspecified)]
