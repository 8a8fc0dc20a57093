"""HTML of mails made harmless: bounded before anything else reads it, and free of scripts and of what is fetched from elsewhere.

The parsers below this room are quadratic in nesting and attributes, so `tame` bounds both before any of them sees a mail.
"""

from __future__ import annotations

import html as entities
import re

import nh3

from maild.message.charset import clean

MAX_HTML = 1_000_000
_MAX_NESTING = 100
_MAX_ATTRIBUTES = 60
_SHORT_ATTRIBUTES = 2 * _MAX_ATTRIBUTES
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<raw>s(?:cript|tyle|vg)|t(?:itle|emplate|extarea)|no(?:script|embed)|iframe|xm[lp]|math|object)\b.*?(?:</(?P=raw)\b[^>]*+(?:>|\Z)|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-z][^\s/>]*+)(?P<rest>(?:[^=>]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))|=)*+)>?"
    r"|<[!?/][^>]*+>?",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"[a-z][a-z0-9:_-]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>]++))?", re.IGNORECASE
)
_BARE = re.compile(r"&(?!#?[a-zA-Z0-9])")
_VOID = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    }
)
_IMPLIED_END = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "option", "tbody", "thead", "tfoot"})
_FRAME = frozenset({"html", "head", "body"})
_INLINE = frozenset({"span", "font", "b", "i", "a"})
_SCOPES = frozenset({"table", "ul", "ol", "dl", "div", "blockquote"})
_TAGS = (nh3.ALLOWED_TAGS | {"font", "center", "u", "big", "s"}) - {"area", "map"}
_ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title", "align", "valign"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height"},
    "font": {"color", "size", "face"},
    "td": {"colspan", "rowspan", "width", "bgcolor"},
    "th": {"colspan", "rowspan", "width", "bgcolor", "scope"},
    "table": {"width", "border", "cellpadding", "cellspacing", "bgcolor"},
    "ol": {"start", "type"},
    "blockquote": {"type"},
}
_STYLES = {
    "color", "background-color", "font-size", "font-weight", "font-style", "font-family", "text-align", "text-decoration",
    "margin", "margin-left", "margin-right", "margin-top", "margin-bottom", "padding", "padding-left", "padding-right",
    "padding-top", "padding-bottom", "border", "border-left", "border-collapse", "width", "vertical-align", "white-space", "display",
}  # fmt: skip
_HARMLESS = (
    "&nbsp;",
    "&quot;",
    "&amp;",
    "&lt;",
    "&gt;",
    "&#39;",
    "&#8217;",
    "&auml;",
    "&ouml;",
    "&uuml;",
    "&szlig;",
    "&eacute;",
)
_EMBEDDED_IMAGE = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)


def tame(source: str) -> str:
    """The same page with bounded size, nesting and attributes, without comments, scripts, style sheets and the like."""
    out: list[str] = []
    nesting: list[str] = []
    dropped: dict[str, int] = {}
    parts = iter(_TOKEN.split(source[:MAX_HTML]))  # texts, and between them what the groups of a token hold
    out.append(next(parts))
    for _, close, name, rest, text in zip(parts, parts, parts, parts, parts, strict=True):
        if name:
            _add(out, nesting, dropped, close, name.lower(), rest)
        out.append(text)
    # An ampersand that begins nothing costs the sanitiser as much as a page.
    return _BARE.sub("&amp;", "".join(out))[:MAX_HTML]


def _add(
    out: list[str], nesting: list[str], dropped: dict[str, int], close: str, name: str, rest: str
) -> None:
    """One tag: it is written, or `dropped` where it is too deep, and then its end tag too."""
    if close:
        if dropped and dropped.get(name):
            dropped[name] -= 1
        elif name not in _FRAME:
            _pop(nesting, name)
            out.append(f"</{name}>")
        return
    if name in _IMPLIED_END:
        _pop(nesting, name, _SCOPES)
    if name in _FRAME:
        return
    if name in _VOID or len(nesting) < _MAX_NESTING:
        if name not in _VOID:
            nesting.append(name)
        out.append(f"<{name}{rest if len(rest) <= _SHORT_ATTRIBUTES else _attributes(rest)}>")
    else:
        dropped[name] = dropped.get(name, 0) + 1
        if name not in _INLINE:
            out.append(" ")


def _pop(nesting: list[str], name: str, scopes: frozenset[str] = frozenset()) -> None:
    """Close the innermost `name` and what was left open inside it, but none beyond a scope; a stray end tag closes nothing."""
    if nesting and nesting[-1] == name:
        del nesting[-1]
        return
    for depth in range(len(nesting) - 1, -1, -1):
        if nesting[depth] == name:
            del nesting[depth:]
            return
        if nesting[depth] in scopes:
            return


def _attributes(rest: str) -> str:
    kept = []
    for number, match in enumerate(_ATTRIBUTE.finditer(rest)):
        if number >= _MAX_ATTRIBUTES:
            break
        kept.append(match[0])
    return " " + " ".join(kept)


def sanitise(tamed: str) -> str:
    """HTML that is safe to show: no scripts, no forms, nothing that is fetched from elsewhere; `cid:` images are kept.

    `tamed` is what `tame` made of it; anything else is as safe, but may take long.
    """
    if not tamed:
        return ""
    return clean(
        nh3.clean(
            tamed,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            attribute_filter=None if _plain(tamed) else _filter,
            url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
            filter_style_properties=_STYLES,
            link_rel="noopener noreferrer nofollow",
        )
    )


def _plain(tamed: str) -> bool:
    """Whether `_filter`, which is called for every attribute, surely has nothing to say: the words it looks for stand nowhere, neither as
    they are nor as character references, but for images that the mail carries."""
    low = tamed.lower()
    carried = low.count('src="cid:')
    return (
        low.count("src") == low.count("cid:") == carried
        and not any(word in low for word in ("url", "image", "data:", "\\"))
        and low.count("&") == sum(map(low.count, _HARMLESS))
    )


def _filter(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src" and not (value.lower().startswith("cid:") or _EMBEDDED_IMAGE.fullmatch(value)):
        return None
    if attribute == "href" and value.strip().lower().startswith(("cid:", "data:")):
        return None
    if attribute == "style" and ("url" in value.lower() or "\\" in value or "image" in value.lower()):
        return None
    return value


def from_text(text: str) -> str:
    """Plain text as a fragment of HTML."""
    return "<p>" + entities.escape(text, quote=False).replace("\n", "<br>\n") + "</p>"
