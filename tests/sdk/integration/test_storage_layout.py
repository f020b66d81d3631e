"""Where the compiler puts what: as the proofs expect it, and as the sources' marks say."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from anacostia_blockchain.proofs import layout

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
SOURCES = {path: path.read_text() for path in sorted((ROOT / "contracts").rglob("*.sol"))}
DEPLOYED = [path.stem for path in SOURCES if path.parent.name == "contracts"]

STRUCT = re.compile(r"^ *struct (\w+) \{(.*?)^ *\}", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"// slot(s)? (\d+)")
MEMBER = re.compile(r"^\s+[^/]*?\b(\w+);")

Struct = tuple[str, tuple[tuple[str, int], ...]]
"""Its name, and the slot of each member, counted from its first. Two contracts have a `Terms`."""


@cache
def compiled(contract: str) -> dict:
    """The layout of a contract, from the build whose bytecode this package ships."""
    artifact = ROOT / "out" / "ship" / f"{contract}.sol" / f"{contract}.json"
    return json.loads(artifact.read_text())["storageLayout"]


def variables(contract: str) -> dict[str, int]:
    return {entry["label"]: int(entry["slot"]) for entry in compiled(contract)["storage"]}


def stored_structs() -> set[Struct]:
    return {
        (
            described["label"].removeprefix("struct ").rpartition(".")[2],
            tuple((member["label"], int(member["slot"])) for member in described["members"]),
        )
        for contract in DEPLOYED
        for described in compiled(contract)["types"].values()
        if "members" in described
    }


def marked_structs() -> set[Struct]:
    """Those whose members stand below marks: of one slot for all, or of several, one for each."""
    found = set()
    for source in SOURCES.values():
        for name, body in STRUCT.findall(source):
            slot, step, members = None, 0, []
            for line in body.splitlines():
                if mark := MARK.search(line):
                    slot, step = int(mark[2]), int(mark[1] is not None)
                elif (member := MEMBER.match(line)) and slot is not None:
                    members.append((member[1], slot))
                    slot += step
            if members:
                found.add((name, tuple(members)))
    return found


def marked_variables(source: str) -> dict[str, int]:
    """Those with a mark at the end of their line, or of the first of their lines."""
    found, slot = {}, None
    for line in STRUCT.sub("", source).splitlines():
        if (mark := MARK.search(line)) and not line.strip().startswith("//"):
            slot = int(mark[2])
        if slot is not None and (variable := MEMBER.match(line.split("//")[0])):
            found[variable[1]], slot = slot, None
    return found


@pytest.mark.parametrize(
    ("contract", "variable", "slot"),
    [
        ("ModelRegistry", "modelIdOf", layout.MODEL_IDS_SLOT),
        ("ModelRegistry", "_models", layout.MODELS_SLOT),
        ("ModelRegistry", "_aliases", layout.ALIASES_SLOT),
        ("ModelRegistry", "_versions", layout.VERSIONS_SLOT),
        ("RunLedger", "_logs", layout.LOGS_SLOT),
    ],
)
def test_the_proofs_layout_is_the_compilers(contract, variable, slot):
    assert variables(contract)[variable] == slot


@pytest.mark.parametrize("contract", DEPLOYED)
def test_every_variable_of_its_own_is_marked_where_the_compiler_puts_it(contract):
    source = SOURCES[ROOT / "contracts" / f"{contract}.sol"]
    own = {name for name in variables(contract) if re.search(rf"\b{name};", source)}
    assert marked_variables(source) == {name: variables(contract)[name] for name in own}


def test_members_are_marked_where_the_compiler_puts_them():
    assert marked_structs() - stored_structs() == set()


def test_a_struct_without_marks_holds_nothing_but_mappings():
    """Each member of such a one has a slot of its own, in their order."""
    for name, members in stored_structs() - marked_structs():
        assert [slot for _, slot in members] == list(range(len(members))), name
