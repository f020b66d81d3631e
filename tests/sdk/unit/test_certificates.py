"""Certificates of one's own: one authority, keys that only their owner reads."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.remote.certificates import issue


def test_one_authority_issues_them_all(tmp_path: Path) -> None:
    first, second = (issue(tmp_path, [name, "10.0.0.1"]) for name in ("trainer", "signer.example"))
    assert first.ca == second.ca
    for files in (first, second):
        context = ssl.create_default_context(cafile=files.ca)
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does by itself
        context.load_cert_chain(files.cert, files.key)
        assert files.key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600
    assert issue(tmp_path, ["trainer"]).cert.read_bytes(), "renewed"


@pytest.mark.parametrize("hosts", [[], [""], ["ca"], ["../x"], [".x"], ["a", "bücher.example"]])
def test_names_that_cannot_be(hosts: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"host name"):
        issue(tmp_path, hosts)
    assert not list(tmp_path.iterdir())


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ca.key").write_text("nonsense")
    with pytest.raises(ConfigError, match="cannot be read"):
        issue(tmp_path, ["trainer"])
    assert (tmp_path / "ca.key").read_text() == "nonsense", "it is not overwritten"


def test_the_command(tmp_path: Path) -> None:
    said = CliRunner().invoke(cli, ["certificate", "trainer", "--folder", str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert "trainer.pem, valid for trainer" in said.output
