"""The file of the OIDC token, where the environment names it and not the configuration."""

from collections.abc import Mapping

from exporter.sources.aliyun.credential_options import CredentialOptions
from exporter.sources.aliyun.credentials.configured import KEY_ID, KEY_SECRET
from exporter.sources.aliyun.credentials.factory import PROVIDER_ARN, ROLE_ARN, TOKEN_FILE


def token_file(options: CredentialOptions, environ: Mapping[str, str]) -> str:
    """The file that an account reads because ``environ`` names it; empty where it reads none."""
    if options.type == "oidc":
        used = options.oidc_token_file is None
    else:
        # The first of the four that ``default`` stands for is a key, and wins.
        key = all(environ.get(name) for name in (KEY_ID, KEY_SECRET))
        whole = all(environ.get(name) for name in (ROLE_ARN, PROVIDER_ARN, TOKEN_FILE))
        used = options.type == "default" and whole and not key
    return environ.get(TOKEN_FILE, "").strip() if used else ""
