"""The package's surface: what it exports, and what importing it costs."""

import subprocess
import sys

import pytest

import anacostia_blockchain

HEAVY = ("web3", "eth_account", "anacostia_pipeline", "sqlalchemy", "rich", "click", "numpy", "ape")


def modules_after(statement):
    """Names of all modules that a fresh interpreter holds after a statement."""
    program = (
        f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return run.stdout.split()


def test_every_exported_name_exists():
    for name in anacostia_blockchain.__all__:
        assert getattr(anacostia_blockchain, name) is not None
    assert set(anacostia_blockchain.__all__) <= set(dir(anacostia_blockchain))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        anacostia_blockchain.nonsense  # noqa: B018 - the access is the test


def test_import_loads_nothing_but_itself():
    """The promise of a quick import, kept by counting modules and not by a clock."""
    loaded = modules_after("import anacostia_blockchain")
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]
    assert len(loaded) < 20


@pytest.mark.parametrize("module", ["errors", "types", "reference", "content.cid", "storage.base"])
def test_light_modules_stay_light(module):
    loaded = modules_after(f"import anacostia_blockchain.{module}")
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]


def test_recording_without_a_pipeline_loads_no_pipeline_engine():
    loaded = modules_after("import anacostia_blockchain.tracking, anacostia_blockchain.metadata")
    assert "anacostia_pipeline.nodes.metadata.sql.models" in loaded  # the tables
    assert not [name for name in loaded if name.partition(".")[0] in ("fastapi", "web3", "httpx")]
    assert "anacostia_pipeline.nodes.node" not in loaded
