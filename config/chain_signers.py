"""Where the chain's signing keys are: one source a role, or none in a process that does not sign."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from config.key_service import KeyService
from config.variables import Variables

ROLES = ("AGENT", "DEPLOYER", "MANAGEMENT", "MINTER", "OPERATOR")
# An alias may be pointed at another key: it is no name of one.
ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/(?P<id>[A-Za-z0-9-]+)", re.ASCII)
KEY_ID = re.compile(r"(?:mrk-)?[0-9a-f-]{32,36}", re.ASCII)
PRIVATE_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}", re.ASCII)


class SourceKind(StrEnum):
    """Kinds of sources, as their variables end."""

    KMS_KEY = "KMS_KEY"
    KEYFILE = "KEYFILE"
    KEY = "KEY"


@dataclass(frozen=True, slots=True)
class SignerSource:
    """`name` is KMS's name of the key or the keyfile's path, else empty. What is secret has no text form."""

    kind: SourceKind
    variable: str
    name: str = ""
    passphrase_file: str = ""
    secret: str = field(default="", repr=False)  # the keyfile's passphrase, or the key in hexadecimal digits

    def __reduce__(self) -> NoReturn:
        """It holds a secret."""
        raise TypeError("a signer's source is not pickled")


def read(env: Variables, service: KeyService, *, has_kms: bool) -> Mapping[str, SignerSource]:
    """The source of each role that has one. `has_kms` says whether a key of KMS wraps the vault's."""
    found = {role: source for role in ROLES if (source := _source(env, role))}
    for role, source in found.items():
        if source.kind is SourceKind.KMS_KEY:
            _check_kms_key(env, source, service, has_kms=has_kms)
        same = [other for other, its in found.items() if other < role and source.name and its.name == source.name]
        if same:
            env.wrong(source.variable, f"another key than {found[same[0]].variable}: each role has its own")
    return found


def _source(env: Variables, role: str) -> SignerSource | None:
    """What the role's variables say. Two sources are none."""
    prefix = f"CHAIN_SIGNER_{role}"
    kms_key, keyfile = env.text(f"{prefix}_KMS_KEY"), env.text(f"{prefix}_KEYFILE")
    key = env.vendor_secret(f"{prefix}_KEY")
    passphrase, passphrase_file = env.passphrase(f"{prefix}_PASSPHRASE"), env.text(f"{prefix}_PASSPHRASE_FILE")
    given = [name for name, value in (("KMS_KEY", kms_key), ("KEYFILE", keyfile), ("KEY", key)) if value]
    if len(given) > 1:
        env.wrong(f"{prefix}_{given[1]}", f"unset where {prefix}_{given[0]} is set: a role has one key")
        return None
    if (passphrase or passphrase_file) and not keyfile:
        named = f"{prefix}_PASSPHRASE" if passphrase else f"{prefix}_PASSPHRASE_FILE"
        env.wrong(named, f"unset where {prefix}_KEYFILE is: it opens that file")
    if kms_key:
        return SignerSource(SourceKind.KMS_KEY, f"{prefix}_KMS_KEY", kms_key)
    if keyfile:
        return _keyfile(env, prefix, keyfile, passphrase, passphrase_file)
    return _plain_key(env, f"{prefix}_KEY", key) if key else None


def _keyfile(env: Variables, prefix: str, path: str, passphrase: str, passphrase_file: str) -> SignerSource:
    if bool(passphrase) == bool(passphrase_file):
        env.wrong(f"{prefix}_PASSPHRASE", f"set where {prefix}_KEYFILE is, or {prefix}_PASSPHRASE_FILE: one of the two")
    for name, file in ((f"{prefix}_KEYFILE", path), (f"{prefix}_PASSPHRASE_FILE", passphrase_file)):
        if file and not (os.access(file, os.R_OK) and Path(file).is_file()):
            env.wrong(name, "a file that this process may read")
    return SignerSource(SourceKind.KEYFILE, f"{prefix}_KEYFILE", path, passphrase_file, passphrase)


def _plain_key(env: Variables, variable: str, key: str) -> SignerSource:
    if env.production:
        env.wrong(variable, "unset in production: a key lies in KMS or in an encrypted keyfile")
    elif not PRIVATE_KEY.fullmatch(key):
        env.wrong(variable, "a private key: 64 hexadecimal digits")
    return SignerSource(SourceKind.KEY, variable, secret=key)


def _check_kms_key(env: Variables, source: SignerSource, service: KeyService, *, has_kms: bool) -> None:
    arn = ARN.fullmatch(source.name)
    if not arn and not KEY_ID.fullmatch(source.name):
        env.wrong(source.variable, "the ARN or the id of a key in KMS, not an alias, which may be pointed elsewhere")
    elif not has_kms or not service.region:
        env.wrong(source.variable, "unset where no KMS is known: AWS_KMS_KEY_ID and its region")
    elif arn and arn["region"] != service.region:
        env.wrong(source.variable, "a key of the region that AWS_KMS_KEY_ID is in")
