"""How people name a model or a version: on the command line, in code and in documents.

digits                          the newest version of this account's model `digits`
digits@champion                 the version that the alias points to
digits@3                        version 3
0xf39F…2266/digits@3            the same of another creator
42@3                            version 3 of model 42
eip155:31337/erc721:0x…/42@3    the same by CAIP-19 id, checked against the chain and the NFT
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anacostia_blockchain.errors import ConfigError

_CAIP19 = re.compile(r"eip155:(?P<chain>\d+)/erc721:(?P<nft>0x[0-9a-fA-F]{40})/(?P<id>\d+)")
_CREATOR = re.compile(r"(?P<creator>0x[0-9a-fA-F]{40})/(?P<name>.+)")
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed name of a model, and of one of its versions.

    Attributes:
        model_id: set when the model is named by number.
        name: set when it is named by name; `creator` is None for the connected account.
        selector: a version number, an alias, or None for the newest version.
        chain_id, nft: what a CAIP-19 id insists on.
    """

    model_id: int | None = None
    name: str | None = None
    creator: str | None = None
    selector: int | str | None = None
    chain_id: int | None = None
    nft: str | None = None

    @classmethod
    def parse(cls, text: str | int) -> Reference:
        """Read any of the forms above.

        Raises:
            ConfigError: the text is none of them.
        """
        if isinstance(text, int):
            return cls(model_id=text)
        base, separator, after = text.partition("@")
        selector: int | str | None = int(after) if after.isdigit() else after or None
        if separator and selector is None:
            raise ConfigError(f"nothing follows the @ in {text!r}: give a version or an alias")
        if caip := _CAIP19.fullmatch(base):
            return cls(
                model_id=int(caip["id"]),
                selector=selector,
                chain_id=int(caip["chain"]),
                nft=caip["nft"],
            )
        if base.isdigit():
            return cls(model_id=int(base), selector=selector)
        if owned := _CREATOR.fullmatch(base):
            return cls(name=owned["name"], creator=owned["creator"], selector=selector)
        if _NAME.fullmatch(base):
            return cls(name=base, selector=selector)
        raise ConfigError(
            f"{text!r} names no model: use name, name@alias, name@version, id@version, "
            "0xcreator/name or a CAIP-19 id"
        )
