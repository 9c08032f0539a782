"""The RSA signature of a request, and the private key in every form in which customers keep it."""

import asyncio
import base64
import binascii
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
)

from exporter.errors import ConfigError
from exporter.secret import Secret, SecretReader
from exporter.sources.dezhu.options import DezhuOptions, SignatureOptions

_HASHES: Final = {
    "sha256": hashes.SHA256(),
    "sha1": hashes.SHA1(),  # noqa: S303 - what the vendor checks decides
}
_SMALLEST_KEY_BITS: Final = 1024
_FORMS: Final = "expected an RSA private key: PEM (PKCS#8 or PKCS#1) or one line of Base64 DER"


class PrivateKey:
    """The account's private key as it is now; loaded off the event loop, again when it changes."""

    def __init__(self, options: DezhuOptions, path: str) -> None:
        """``path`` is the key path of the account, such as ``accounts[0]``."""
        file, passphrase_file = options.private_key_file, options.private_key_passphrase_file
        self._path = f"{path}.private_key{'' if file is None else '_file'}"
        passphrase_path = f"{path}.private_key_passphrase"
        self._key = SecretReader(
            text=options.private_key, file=None if file is None else Path(file), path=self._path
        )
        self._passphrase = (
            SecretReader(
                text=options.private_key_passphrase,
                file=None if passphrase_file is None else Path(passphrase_file),
                path=passphrase_path if passphrase_file is None else f"{passphrase_path}_file",
            )
            if options.private_key_passphrase is not None or passphrase_file is not None
            else None
        )
        self._loaded: tuple[Secret, Secret | None, RSAPrivateKey] | None = None

    async def get(self) -> RSAPrivateKey:
        """The key.

        Raises:
            ConfigError: A file cannot be read, or what it holds is of no use.
        """
        text = await self._key.read()
        passphrase = None if self._passphrase is None else await self._passphrase.read()
        loaded = self._loaded
        if loaded is not None and loaded[:2] == (text, passphrase):
            return loaded[2]
        try:
            key = await asyncio.to_thread(load_key, text, passphrase)
        except ValueError as error:
            raise ConfigError(str(error), path=self._path) from None
        self._loaded = (text, passphrase, key)
        return key


def load_key(text: Secret, passphrase: Secret | None) -> RSAPrivateKey:
    """Load a key; takes milliseconds, or seconds where a passphrase is stretched.

    Raises:
        ValueError: With a message that says what to do and holds nothing of the key.
    """
    password = None if passphrase is None else passphrase.reveal().encode()
    plain = text.reveal().strip()
    try:
        if plain.startswith("-----BEGIN"):
            key = load_pem_private_key(plain.encode(), password)
        else:
            der = base64.b64decode("".join(plain.split()), validate=True)
            key = load_der_private_key(der, password)
    except TypeError:
        # The only two reasons: a passphrase is missing, or there is one too many.
        raise ValueError(
            "the key is encrypted; set private_key_passphrase or private_key_passphrase_file"
            if password is None
            else "the key is not encrypted; remove the passphrase"
        ) from None
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        hint = "" if password is None else ", and the passphrase that belongs to it"
        raise ValueError(f"{_FORMS}{hint}") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError(f"{_FORMS}; this is another kind")  # noqa: TRY004 - a wrong value
    if key.key_size < _SMALLEST_KEY_BITS:
        raise ValueError(f"expected an RSA key of {_SMALLEST_KEY_BITS} bits or more")
    return key


def sign(key: RSAPrivateKey, options: SignatureOptions, *, app_id: str, timestamp: str) -> str:
    """The header ``sign``: Base64 of the RSASSA-PKCS1-v1_5 signature of the filled-in template."""
    text = options.text.replace("{timestamp}", timestamp).replace("{app_id}", app_id)
    signature = key.sign(text.encode(), padding.PKCS1v15(), _HASHES[options.hash])
    return base64.b64encode(signature).decode()
