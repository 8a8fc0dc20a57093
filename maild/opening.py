"""The store that maild.toml names, opened."""

from __future__ import annotations

import os

from maild import config
from maild.settings import Settings
from maild.settings.values import S3Address
from store import Bucket, Store
from store.blobs import FilesPlace


def open_store(settings: Settings, node: str = "") -> Store:
    """The store that maild.toml names, whose secrets are read now, on behalf of a node of the desk. Raises ConfigError and Unreachable."""
    return Store.open(settings.store.url, files_place(settings), node=node)


def files_place(settings: Settings) -> FilesPlace:
    """Where maild.toml says that big contents are kept; a bucket with its secret, which is read now. Raises ConfigError."""
    kept = settings.store
    if not isinstance(kept.files, S3Address):
        return kept.files
    secret = config.s3_secret(kept, os.environ)
    return Bucket(
        kept.files.bucket, kept.files.prefix, kept.s3_endpoint, kept.s3_region, kept.s3_access_key, secret
    )
