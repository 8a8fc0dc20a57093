"""Contents in an S3-compatible store: an object for each, named like the files of a folder.

An object is put by one request that names its SHA-256, so it is whole and right or not there; putting it twice is harmless.
"""

from __future__ import annotations

import base64
import contextlib
import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

from maild.errors import ConfigError, Problem
from store.blobs import Bucket, FilesAway, Puts

CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 20
_ATTEMPTS: Final = 2
_IN_MEMORY: Final = 1 << 20
_KEY = re.compile(r"([0-9a-f]{2})/([0-9a-f]{62})")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MARK: Final = "desk"
_MISSING: Final = {"NoSuchKey", "NotFound", "404"}
_NEVER: Final = {
    "NoSuchBucket": "there is no such bucket",
    "InvalidBucketName": "this cannot be the name of a bucket",
    "InvalidAccessKeyId": "the access key is not known there",
    "SignatureDoesNotMatch": "the secret is not that of the access key",
    "AccessDenied": "access is refused",
    "403": "access is refused",
    "PermanentRedirect": "the bucket is in another region: set s3_region",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set s3_region",
}


class S3Files:
    """Contents in a bucket; for all threads of the process."""

    far = True

    def __init__(self, place: Bucket) -> None:
        try:
            import botocore.config
            import botocore.exceptions
            import botocore.session
        except ImportError:
            raise _refuse(place, "needs the client for S3: install maild[s3]") from None
        self.place = place
        self.puts = Puts()
        self._faults: tuple[type[Exception], ...] = (botocore.exceptions.BotoCoreError, OSError)
        self._answer: type[Exception] = botocore.exceptions.ClientError
        settings = botocore.config.Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            max_pool_connections=20,
            # Stores other than Amazon's often know neither its newest checksums nor a host name for each bucket.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if place.endpoint else "auto"},
        )
        keys = (
            {"aws_access_key_id": place.access_key, "aws_secret_access_key": place.secret}
            if place.access_key
            else {}
        )
        try:
            self._client: Any = botocore.session.get_session().create_client(
                "s3",
                region_name=place.region or ("us-east-1" if place.endpoint else None),
                endpoint_url=place.endpoint or None,
                config=settings,
                **keys,
            )
        except (*self._faults, ValueError) as error:
            raise _refuse(place, str(error)) from error

    def prepare(self) -> None:
        try:
            self._client.list_objects_v2(Bucket=self.place.name, Prefix=self.place.prefix, MaxKeys=1)
        except self._answer as error:
            why = _NEVER.get(_code(error))
            if why is not None:
                raise _refuse(self.place, why) from error
            raise self._named(error) from error
        except self._faults as error:
            if "credentials" in type(error).__name__.lower():
                raise _refuse(
                    self.place, "there is no access key: set s3_access_key and s3_secret_file"
                ) from error
            raise self._named(error) from error

    def put(self, spool: BinaryIO, size: int, sha256: str) -> None:
        key = self._key(sha256)
        held = spool.seek(0, io.SEEK_END)
        spool.seek(0)
        if held != size:
            raise ValueError(f"{size} octets were announced, {held} came")
        if self._size(key) == size:
            return
        digest = base64.b64encode(bytes.fromhex(sha256)).decode("ascii")
        with self._passing():
            self._client.put_object(
                Bucket=self.place.name, Key=key, Body=_Lent(spool), ContentLength=size, ChecksumSHA256=digest
            )

    def open(self, sha256: str) -> BinaryIO | None:
        return self._fetch(self._key(sha256))

    def holds(self, sha256: str) -> bool:
        return self._size(self._key(sha256)) is not None

    def discard(self, sha256: str) -> None:
        with self._passing():
            self._client.delete_object(Bucket=self.place.name, Key=self._key(sha256))

    def hashes(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2")
        with self._passing():
            for page in pages.paginate(Bucket=self.place.name, Prefix=self.place.prefix):
                for one in page.get("Contents", ()):
                    if name := _KEY.fullmatch(one["Key"].removeprefix(self.place.prefix)):
                        yield name[1] + name[2]

    def mark(self) -> str | None:
        found = self._fetch(self.place.prefix + _MARK)
        if found is None:
            return None
        with found:
            return found.read().decode("ascii", "replace").strip()

    def set_mark(self, mark: str) -> None:
        with self._passing():
            self._client.put_object(
                Bucket=self.place.name, Key=self.place.prefix + _MARK, Body=f"{mark}\n".encode()
            )

    def _key(self, sha256: str) -> str:
        if not _SHA256.fullmatch(sha256):
            raise KeyError(sha256)
        return f"{self.place.prefix}{sha256[:2]}/{sha256[2:]}"

    def _size(self, key: str) -> int | None:
        """Octets of the object; None when it is not there."""
        try:
            with self._passing():
                size: int = self._client.head_object(Bucket=self.place.name, Key=key)["ContentLength"]
        except KeyError:
            return None
        return size

    def _fetch(self, key: str) -> BinaryIO | None:
        # Read to its end here: a connection that breaks later would break whoever reads.
        copy = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  the caller closes it
        try:
            with (
                self._passing(),
                contextlib.closing(self._client.get_object(Bucket=self.place.name, Key=key)["Body"]) as body,
            ):
                shutil.copyfileobj(body, copy)
        except KeyError:
            copy.close()
            return None
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return cast(BinaryIO, copy)

    @contextlib.contextmanager
    def _passing(self) -> Iterator[None]:
        """Names faults FilesAway, and what is not there KeyError."""
        try:
            yield
        except self._answer as error:
            if _code(error) in _MISSING:
                raise KeyError(str(error)) from error
            raise self._named(error) from error
        except self._faults as error:
            raise self._named(error) from error

    def _named(self, error: Exception) -> FilesAway:
        return FilesAway(f"the store of files {self.place} cannot be used now: {error}")


class _Lent(io.RawIOBase):
    """A spool that is read, and not closed by who reads it."""

    def __init__(self, spool: BinaryIO) -> None:
        self._spool = spool

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._spool.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._spool.seek(offset, whence)

    def tell(self) -> int:
        return self._spool.tell()


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _refuse(place: Bucket, why: str) -> ConfigError:
    return ConfigError([Problem(str(place), 0, 0, why)])
