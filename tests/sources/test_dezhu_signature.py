"""The signature, checked by openssl, and the private key in every form."""

import asyncio
import base64
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exporter.errors import ConfigError
from exporter.secret import Secret
from exporter.sources.dezhu.options import DezhuOptions, SignatureOptions
from exporter.sources.dezhu.signature import PrivateKey, load_key, sign
from exporter.sources.dezhu.source import DEZHU
from tests.sources.conftest import PASSPHRASE
from tests.sources.serving import account_of


def accepts(folder, public_pem, digest, text, signature):
    for name, content in (("public.pem", public_pem), ("text", text), ("signature", signature)):
        (folder / name).write_bytes(content)
    verdict = subprocess.run(
        [
            "openssl",
            "dgst",
            f"-{digest}",
            "-verify",
            "public.pem",
            "-signature",
            "signature",
            "text",
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return verdict.stdout == b"Verified OK\n"


@pytest.mark.binary("openssl")
@pytest.mark.parametrize("digest", ["sha256", "sha1"])
@pytest.mark.parametrize("form", ["pkcs8", "pkcs1", "der_pkcs8", "der_pkcs1"])
def test_openssl_accepts_the_signature_for_each_form_of_the_key(keys, tmp_path, form, digest):
    key = load_key(Secret(keys.plain[form]), None)
    options = SignatureOptions(hash=digest)

    signature = sign(key, options, app_id="app-1", timestamp="1600000000000")

    assert len(signature) == 344
    raw = base64.b64decode(signature, validate=True)
    assert accepts(tmp_path, keys.public_pem, digest, b"app-11600000000000", raw)
    assert not accepts(tmp_path, keys.public_pem, digest, b"app-11600000000001", raw)


@pytest.mark.parametrize("form", ["pkcs8", "pkcs1"])
def test_encrypted_key_signs_alike(keys, form):
    plain = load_key(Secret(keys.plain["pkcs8"]), None)
    unlocked = load_key(Secret(keys.encrypted[form]), Secret(PASSPHRASE))

    assert unlocked.private_numbers() == plain.private_numbers()


def test_line_breaks_within_base64_der_are_no_matter(keys):
    text = keys.plain["der_pkcs8"]
    folded = "\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + "\n"

    assert load_key(Secret(folded), None).key_size == 2048


@pytest.mark.binary("openssl")
def test_template_decides_what_is_signed(keys, tmp_path):
    key = load_key(Secret(keys.plain["pkcs8"]), None)
    options = SignatureOptions(text="{timestamp}:{app_id}:号")

    raw = base64.b64decode(sign(key, options, app_id="app-1", timestamp="17"))

    assert accepts(tmp_path, keys.public_pem, "sha256", "17:app-1:号".encode(), raw)


def other_key(kind):
    return base64.b64encode(
        kind.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    ).decode()


def refusals(keys):
    truncated = keys.plain["pkcs8"].replace("\n", "", 3)[:300]
    return [
        ("", None, "expected an RSA private key"),
        ("no key at all", None, "expected an RSA private key"),
        ("Ω", None, "expected an RSA private key"),
        (truncated, None, "expected an RSA private key"),
        (keys.public_pem.decode(), None, "expected an RSA private key"),
        (base64.b64encode(b"0123456789").decode(), None, "expected an RSA private key"),
        (other_key(ec.generate_private_key(ec.SECP256R1())), None, "this is another kind"),
        (keys.encrypted["pkcs8"], None, "set private_key_passphrase"),
        (keys.encrypted["pkcs1"], None, "set private_key_passphrase"),
        (keys.encrypted["pkcs8"], "s3cr3t-wrong", "the passphrase that belongs to it"),
        (keys.encrypted["pkcs1"], "s3cr3t-wrong", "the passphrase that belongs to it"),
        (keys.plain["pkcs8"], "s3cr3t-wrong", "the key is not encrypted"),
        (keys.plain["der_pkcs8"], "s3cr3t-wrong", "the key is not encrypted"),
    ]


@pytest.mark.parametrize("place", range(13))
async def test_useless_key_is_refused_at_its_path_without_a_word_of_it(keys, place):
    text, passphrase, message = refusals(keys)[place]
    options = DezhuOptions(
        base_url="https://tenant.example.com",
        app_id="app-1",
        private_key=Secret(text),
        private_key_passphrase=None if passphrase is None else Secret(passphrase),
    )

    with pytest.raises(ConfigError) as caught:
        await DEZHU.check(account_of(DEZHU, options))

    assert caught.value.path == "accounts[0].private_key"
    assert message in caught.value.message
    assert "s3cr3t" not in str(caught.value)
    assert not text or text[:40] not in str(caught.value)


def test_key_of_1024_bits_is_enough():
    smallest = rsa.generate_private_key(public_exponent=65537, key_size=1024)

    assert load_key(Secret(other_key(smallest)), None).key_size == 1024


@pytest.mark.binary("openssl")
def test_shorter_key_is_refused():
    made = subprocess.run(["openssl", "genrsa", "512"], capture_output=True, check=True)

    with pytest.raises(ValueError, match="expected an RSA"):
        load_key(Secret(made.stdout.decode()), None)


async def test_missing_key_file_is_refused_at_its_path(tmp_path):
    options = DezhuOptions(
        base_url="https://tenant.example.com",
        app_id="app-1",
        private_key_file=str(tmp_path / "absent.pem"),
    )

    with pytest.raises(ConfigError, match="cannot read the secret file") as caught:
        await DEZHU.check(account_of(DEZHU, options))

    assert caught.value.path == "accounts[0].private_key_file"


async def test_key_file_with_a_passphrase_file_is_accepted(keys, tmp_path):
    await asyncio.to_thread((tmp_path / "key.pem").write_text, keys.encrypted["pkcs8"])
    await asyncio.to_thread((tmp_path / "passphrase").write_text, PASSPHRASE + "\n")
    options = DezhuOptions(
        base_url="https://tenant.example.com",
        app_id="app-1",
        private_key_file=str(tmp_path / "key.pem"),
        private_key_passphrase_file=str(tmp_path / "passphrase"),
    )

    await DEZHU.check(account_of(DEZHU, options))


async def test_missing_passphrase_file_is_refused_at_its_path(keys, tmp_path):
    options = DezhuOptions(
        base_url="https://tenant.example.com",
        app_id="app-1",
        private_key=Secret(keys.encrypted["pkcs8"]),
        private_key_passphrase_file=str(tmp_path / "absent"),
    )

    with pytest.raises(ConfigError) as caught:
        await DEZHU.check(account_of(DEZHU, options))

    assert caught.value.path == "accounts[0].private_key_passphrase_file"


async def test_zone_that_does_not_exist_is_refused_at_its_path(keys):
    options = DezhuOptions(
        base_url="https://tenant.example.com",
        app_id="app-1",
        private_key=Secret(keys.plain["pkcs8"]),
    )

    for timezone in ("Asia/Nowhere", "../etc/passwd", ""):
        with pytest.raises(ConfigError) as caught:
            await DEZHU.check(account_of(DEZHU, options, timezone=timezone))
        assert caught.value.path == "accounts[0].timezone"


async def test_loaded_key_is_kept_until_the_file_changes(keys, tmp_path):
    file = tmp_path / "key.pem"
    await asyncio.to_thread(file.write_text, keys.plain["pkcs8"])
    options = DezhuOptions(
        base_url="https://tenant.example.com", app_id="app-1", private_key_file=str(file)
    )
    key = PrivateKey(options, "accounts[0]")
    first = await key.get()

    assert await key.get() is first

    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    await asyncio.to_thread(file.write_text, other_key(other))
    second = await key.get()

    assert second.private_numbers() == other.private_numbers()


def test_options_hide_their_secrets(keys):
    options = DezhuOptions(
        base_url="https://tenant.example.com",
        app_id="app-1",
        private_key=Secret(keys.plain["pkcs8"]),
        private_key_passphrase=Secret("s3cr3t"),
    )

    assert "PRIVATE" not in repr(options)
    assert "s3cr3t" not in repr(options)
    assert "PRIVATE" not in repr(PrivateKey(options, "accounts[0]"))
