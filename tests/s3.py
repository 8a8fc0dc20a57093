"""moto's server, where it is installed."""

from __future__ import annotations

import os
import warnings
from typing import Any

import pytest


def moto_server() -> Any:
    """The class of a server that runs in a thread. Without it the test is skipped, and fails in CI."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its libraries
            from moto.server import ThreadedMotoServer
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("moto is not installed, and CI must test S3")
        pytest.skip("moto is not installed")
    return ThreadedMotoServer
