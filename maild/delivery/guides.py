"""Runbooks as mails to agents show them: whole, or as rows of a list."""

from __future__ import annotations

from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from maild.delivery.notice import Notice
from maild.desk.rulebook import Runbook
from maild.desk.runbookfiles import SIZE_MAX

Values = dict[str, object]
_HEADING = "font-size:16px;font-weight:600;margin:12px 0 4px"
# No HTML of the file's own, and no pictures: a mail loads nothing from elsewhere. `javascript:` and the like are never links.
_MARKDOWN = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")


def shown(notice: Notice) -> list[Values]:
    """The guides that go with this mail. Raises ValueError in a mail to the requester's side: guides are for agents."""
    if notice.role.outside and notice.runbooks:
        raise ValueError("a runbook cannot be shown to the requester's side")
    return [{**about(guide), "text": guide.text} for guide in notice.runbooks]


def about(guide: Runbook) -> Values:
    """What a list of guides says of one."""
    return {
        "name": guide.name,
        "title": guide.title,
        "owner": guide.owner,
        "status": guide.status,
        "reviewed_by": guide.reviewed_by,
        "reviewed_on": guide.reviewed_on.isoformat() if guide.reviewed_on else "",
    }


@lru_cache(maxsize=256)
def markdown(text: str) -> Markup:
    """`{{ guide.text|markdown }}`: Markdown as HTML, of at most as many characters as a guide may have."""
    tokens = _MARKDOWN.parse(text[:SIZE_MAX])
    for token in tokens:
        _styled(token)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704  html is off: every text is escaped


def _styled(token: Token) -> None:
    """Headings of the size of a mail's own; each is a small one, whatever its level in the file."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = "p"
    if token.type == "heading_open":
        token.attrSet("style", _HEADING)
