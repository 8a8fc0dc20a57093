"""The manual pages maild(8), maild.toml(5), maild-rules(5) and maild-templates(5), generated from the program, and `maild man`."""

from maild.manuals.command import man
from maild.manuals.pages import PAGES, page

__all__ = ["PAGES", "man", "page"]
