"""`anacostia gated`: content that only licence holders can open."""

from __future__ import annotations

from pathlib import Path

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.encryption.envelopes import parse_public
from anacostia_blockchain.storage.gated import (
    EnvelopeFolder,
    RecipientKey,
    grant,
    in_folder,
    in_store,
    open_sealed,
    seal,
)
from anacostia_blockchain.storage.gated.opening import Opener

_KEY = click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path),
    help="File with your secret key.",
)
_ENVELOPES = click.option(
    "--envelopes",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of envelopes.  [default: envelopes in the home folder]",
)
_CONTEXT = click.option("--context", default="", help="Bind envelopes to this, e.g. a licence id.")
_FILE = click.Path(path_type=Path)


@click.group()
def gated() -> None:
    """Encrypt content for licence holders, and open it. None of this asks the chain."""


@gated.command()
@click.argument("key_file", type=_FILE)
@session
def keygen(session: Session, key_file: Path) -> None:
    """Make a key in KEY_FILE, and print its public part."""
    key = RecipientKey.generate()
    key.save(key_file)
    session.output.result({"public": "0x" + key.public.hex()}, "0x" + key.public.hex())


@gated.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", type=_FILE)
@_KEY
@click.option("--to", "others", multiple=True, help="Public key of another recipient; repeatable.")
@_CONTEXT
@_ENVELOPES
@session
def encrypt(
    session: Session,
    source: Path,
    target: Path,
    key_file: Path,
    others: tuple[str, ...],
    context: str,
    envelopes: Path | None,
) -> None:
    """Encrypt a file or folder into TARGET, for you and those you name; publish TARGET."""
    recipients = [RecipientKey.from_file(key_file).public, *map(parse_public, others)]
    with session.output.progress("encrypting") as progress:
        made = seal(source, target, recipients, context=context, progress=progress)
    folder = _folder(session, envelopes)
    paths = [str(folder.add(envelope)) for envelope in made.envelopes]
    data = {
        "path": str(made.path),
        "content": "0x" + made.header.digest.hex(),
        "ciphertext": str(made.header.ciphertext),
        "envelopes": paths,
    }
    said = f"encrypted into {made.path}, for {len(recipients)} recipients; envelopes in "
    session.output.result(data, said + str(folder.folder))


@gated.command("grant")
@click.argument("content")
@click.argument("public")
@_KEY
@_CONTEXT
@_ENVELOPES
@session
def let_in(
    session: Session,
    content: str,
    public: str,
    key_file: Path,
    context: str,
    envelopes: Path | None,
) -> None:
    """Make an envelope of CONTENT, a folder or a CID, for another PUBLIC key."""
    folder, key = _folder(session, envelopes), RecipientKey.from_file(key_file)
    made = grant(_opener(session, content), folder, key, parse_public(public), context=context)
    path = str(folder.add(made))
    session.output.result({"envelope": path}, path)


@gated.command()
@click.argument("content")
@click.argument("target", type=_FILE)
@_KEY
@_ENVELOPES
@session
def decrypt(
    session: Session, content: str, target: Path, key_file: Path, envelopes: Path | None
) -> None:
    """Open CONTENT, a folder or a CID of the store, and write it to TARGET once it is verified."""
    key = RecipientKey.from_file(key_file)
    opened = open_sealed(_opener(session, content), _folder(session, envelopes), key)
    with session.output.progress("decrypting") as progress:
        path = opened.decrypt(target, progress=progress)
    data = {"path": str(path), "plaintext": str(opened.index.root)}
    session.output.result(data, f"decrypted, compared with the commitment, written to {path}")


def _folder(session: Session, envelopes: Path | None) -> EnvelopeFolder:
    return EnvelopeFolder(envelopes or session.home / "envelopes")


def _opener(session: Session, content: str) -> Opener:
    """A folder of that name, else a CID."""
    if Path(content).is_dir():
        return in_folder(Path(content))
    return in_store(session.storage(), CID.parse(content))
