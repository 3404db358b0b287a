"""Building an encoder whose ImageNet weights may have to be fetched: one sentence when that fails, and soon."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

HUB = "https://huggingface.co"
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@contextmanager
def fetching(name: str, is_pretrained: bool, *, is_cached: bool, source: str = "") -> Iterator[None]:
    """Within it an encoder is built; *source* is the address its weights come from ("" = timm's hub).

    Raises
    ------
    UserError
        When *is_pretrained* weights cannot be had: at once where the source has no address here, as the hub's own client tries
        for three quarters of a minute.
    """
    if not is_pretrained:
        yield
        return
    try:
        if not is_cached and not any(os.environ.get(proxy) for proxy in _PROXIES):
            socket.getaddrinfo(urlsplit(source or os.environ.get("HF_ENDPOINT") or HUB).hostname, 443)
        yield
    except (OSError, RuntimeError) as error:
        reason = "no connection" if isinstance(error, socket.gaierror) else type(error).__name__
        raise UserError(
            f"the ImageNet weights of {name} cannot be fetched ({reason})",
            remedy="connect once, choose the encoder efficientnet_lite0 whose weights are installed, "
            "or start from scratch (--no-pretrained)",
        ) from error
