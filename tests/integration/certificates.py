"""Certificates for servers of a test: an authority of its own, and what it has signed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

STORE_PASSWORD = "store-5ecret"  # noqa: S105 - of a test


@dataclass(frozen=True)
class Certificates:
    """An authority in a folder."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> Certificates:
        """Make an authority."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder)
        _openssl("req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=Authority of a test",
                 "-keyout", made._file("ca.key"), "-out", made.ca)  # fmt: skip
        return made

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self._file("ca.pem")

    def sign(self, name: str, address: str = "IP:127.0.0.1") -> tuple[Path, Path]:
        """Make a key and a certificate for an address; return both files."""
        key, asked, signed = (self._file(f"{name}.{end}") for end in ("key", "csr", "pem"))
        _openssl("req", "-nodes", "-newkey", "rsa:2048", "-subj", f"/CN={name}", "-keyout", key, "-out", asked)
        extensions = self._file(f"{name}.ext")
        extensions.write_text(f"subjectAltName={address}\n")
        _openssl("x509", "-req", "-days", "2", "-in", asked, "-CA", self.ca, "-CAkey", self._file("ca.key"),
                 "-CAcreateserial", "-extfile", extensions, "-out", signed)  # fmt: skip
        key.chmod(0o600)
        return key, signed

    def key_store(self, name: str, address: str = "IP:127.0.0.1") -> Path:
        """Make a PKCS12 store of a key and its certificate."""
        key, signed = self.sign(name, address)
        store = self._file(f"{name}.p12")
        _openssl("pkcs12", "-export", "-inkey", key, "-in", signed, "-certfile", self.ca, "-name", name,
                 "-passout", f"pass:{STORE_PASSWORD}", "-out", store)  # fmt: skip
        return store

    def trust_store(self) -> Path:
        """Make a PKCS12 store of the authority's certificate, as Java reads one."""
        store = self._file("trust.p12")
        imported = ("-importcert", "-noprompt", "-alias", "ca", "-file", str(self.ca))
        kept = ("-keystore", str(store), "-storetype", "PKCS12", "-storepass", STORE_PASSWORD)
        subprocess.run(["keytool", *imported, *kept], check=True, capture_output=True)
        return store

    def _file(self, name: str) -> Path:
        return self.folder / name


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
