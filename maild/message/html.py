"""HTML of mails: made harmless to show, turned into text, freed of what it quotes. All in time linear in its size.

The parsers below this room are quadratic in nesting and attributes, so `tame` bounds both before any of them sees a mail.
"""

from __future__ import annotations

import html as entities
import re

import nh3
from inscriptis import get_text
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig
from selectolax.lexbor import LexborHTMLParser, LexborNode

from maild.message.charset import clean

MAX_HTML = 1_000_000
_LAYOUT_LIMIT = 256 * 1024
_LAYOUT_CELLS = 5000
_LAYOUT_AREA = 20_000_000
_MAX_NESTING = 100
_MAX_ATTRIBUTES = 60
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<raw>script|style|title|noscript|iframe|xml|svg|math|object|template|textarea|xmp|noembed)\b.*?(?:</(?P=raw)\b[^>]*+(?:>|\Z)|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-z][^\s/>]*+)(?P<rest>(?:=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))|[^>])*+)>?"
    r"|<[!?/][^>]*+>?",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"[a-z][a-z0-9:_-]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>]++))?", re.IGNORECASE
)
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
_SCOPES = frozenset({"table", "ul", "ol", "dl", "div", "blockquote"})
_BLOCKS = re.compile(
    r"<(?:/?(?:p|div|tr|table|ul|ol|h[1-6]|blockquote|pre|section|article|header|footer|dl|center|address)|br|hr|li|dt|dd)\b[^>]*>",
    re.IGNORECASE,
)
_CELL = re.compile(r"<t[dh]\b", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^>]*>?")
_MANY_LINES = re.compile(r"\n{3,}")
_TEXT_ATTRIBUTES = {"*": {"style", "class", "id", "type", "dir"}}
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
_CONFIG = ParserConfig(css=STRICT_CSS_PROFILE)
_EMBEDDED_IMAGE = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)


def tame(source: str) -> str:
    """The same page with bounded size, nesting and attributes, without comments, scripts, style sheets and the like."""
    out: list[str] = []
    nesting: list[str] = []
    dropped: dict[str, int] = {}
    position = 0
    source = source[:MAX_HTML]
    for match in _TOKEN.finditer(source):
        out.append(source[position : match.start()])
        position = match.end()
        name = (match["name"] or "").lower()
        if not name or name in ("html", "head", "body"):
            continue
        if match["close"]:
            if dropped.get(name):
                dropped[name] -= 1
            else:
                _pop(nesting, name)
                out.append(f"</{name}>")
            continue
        if name in _IMPLIED_END:
            _pop(nesting, name, _SCOPES)
        if name in _VOID or len(nesting) < _MAX_NESTING:
            if name not in _VOID:
                nesting.append(name)
            out.append(f"<{name}{_attributes(match['rest'])}>")
        else:
            dropped[name] = dropped.get(name, 0) + 1
            if name not in ("span", "font", "b", "i", "a"):
                out.append(" ")
    out.append(source[position:])
    return "".join(out)


def _pop(nesting: list[str], name: str, scopes: frozenset[str] = frozenset()) -> None:
    """Close the innermost `name` and what was left open inside it, but none beyond a scope; a stray end tag closes nothing."""
    for depth in range(len(nesting) - 1, -1, -1):
        if nesting[depth] == name:
            del nesting[depth:]
            return
        if nesting[depth] in scopes:
            return


def _attributes(rest: str) -> str:
    if len(rest) <= 2 * _MAX_ATTRIBUTES:
        return rest
    kept = []
    for number, match in enumerate(_ATTRIBUTE.finditer(rest)):
        if number >= _MAX_ATTRIBUTES:
            break
        kept.append(match[0])
    return " " + " ".join(kept)


def sanitise(source: str) -> str:
    """HTML that is safe to show: no scripts, no forms, nothing that is fetched from elsewhere; `cid:` images are kept."""
    return clean(
        nh3.clean(
            tame(source),
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            attribute_filter=_filter,
            url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
            filter_style_properties=_STYLES,
            link_rel="noopener noreferrer nofollow",
        )
    )


def _filter(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src" and not (value.lower().startswith("cid:") or _EMBEDDED_IMAGE.fullmatch(value)):
        return None
    if attribute == "href" and value.strip().lower().startswith(("cid:", "data:")):
        return None
    if attribute == "style" and ("url" in value.lower() or "\\" in value or "image" in value.lower()):
        return None
    return value


def to_text(source: str) -> str:
    """The readable text, laid out as a page where that is affordable; what is styled away stays away. Never fails."""
    page = prepared(source)
    if len(page) <= _LAYOUT_LIMIT and _affordable(page):
        try:
            text = get_text(page, _CONFIG)
        except Exception:  # noqa: BLE001 - any fault of the layout engine, the plain reading below always works
            text = ""
        if text.strip():
            return tidy(text)
    return tidy(_plain(page))


def prepared(source: str) -> str:
    """The page reduced to what matters for its text: structure, and the attributes that hide or mark quotes."""
    return clean(
        nh3.clean(
            tame(source),
            tags=_TAGS | {"o:p"},
            attributes=_TEXT_ATTRIBUTES,
            filter_style_properties={"display", "white-space", "visibility", "border-top", "border"},
            link_rel=None,
        )
    )


def _affordable(page: str) -> bool:
    """Layout pads every line of a table to its widest cell: lines times width must stay reasonable."""
    cells = page.count("<td") + page.count("<th")
    if not cells:
        return True
    longest = max(len(run) for run in re.split(r"<t[dh]\b", page))
    return cells <= _LAYOUT_CELLS and page.count("<") * longest <= _LAYOUT_AREA


def _plain(page: str) -> str:
    """Text without layout, for pages that are too large or too strange for it."""
    page = _CELL.sub(lambda match: " " + match[0], _BLOCKS.sub(lambda match: "\n" + match[0], page))
    tree = LexborHTMLParser(page)
    text = tree.body.text(separator="") if tree.body else ""
    return text if text.strip() else entities.unescape(_ANY_TAG.sub("", page))


def tidy(text: str) -> str:
    """Lines without trailing blanks, at most one empty line in a row, no-break spaces as spaces."""
    lines = (line.rstrip() for line in clean(text).replace("\xa0", " ").replace("\u200b", "").split("\n"))
    return _MANY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def from_text(text: str) -> str:
    """Plain text as a fragment of HTML."""
    return "<p>" + entities.escape(text, quote=False).replace("\n", "<br>\n") + "</p>"


_QUOTE_NODES = (
    "blockquote[type=cite]",
    "div.gmail_quote",
    "div.gmail_quote_container",
    "blockquote.gmail_quote",
    "div.yahoo_quoted",
    "div.moz-cite-prefix",
    "div.protonmail_quote",
    "div.zmail_extra",
    "div.tutanota_quote",
    "blockquote.tutanota_quote",
    "div.OutlookMessageHeader",
)
_QUOTE_STARTS = (
    "#divRplyFwdMsg",
    "#appendonsend",
    "#OLK_SRC_BODY_SECTION",
    "#mail-editor-reference-message-container",
    "#stopSpelling",
)
_SIGNATURES = (
    "div.gmail_signature",
    "div.moz-signature",
    "pre.moz-signature",
    "div#Signature",
    "div#ms-outlook-mobile-signature",
)
_FORWARD = re.compile(r"\s*(?:-{3,}|Begin forwarded|Anfang der weitergeleiteten|Début du message)")


def without_quotes(source: str) -> tuple[str, str] | None:
    """(page, signature text) of an answer whose quotes its mail program marked; None when nothing was marked."""
    if "<" not in source:
        return None
    tree = LexborHTMLParser(prepared(source))
    body = tree.body
    if body is None:
        return None
    signature = ""
    marked = False
    for selector in _QUOTE_STARTS:
        node = tree.css_first(selector)
        if node is not None and _text_before(body, node):
            _remove_from(body, node)
            marked = True
    for node in tree.css(", ".join(_QUOTE_NODES)):
        text = node.text(separator=" ")
        if not _FORWARD.match(text) and text.strip():
            node.decompose()
            marked = True
    for node in tree.css(", ".join(_SIGNATURES)):
        signature = signature or node.text(separator="\n")
        node.decompose()
        marked = True
    return (body.html or "", tidy(signature).strip()) if marked else None


def _text_before(body: LexborNode, node: LexborNode) -> bool:
    """Whether words stand before `node`: without any the mail is a forwarded one, and the "quote" its content."""
    before = (body.html or "").partition(node.html or "\0")[0]
    return bool(entities.unescape(_ANY_TAG.sub("", before)).strip())


def _remove_from(body: LexborNode, node: LexborNode) -> None:
    """Remove `node` and everything that follows it in the page."""
    current: LexborNode | None = node
    first = True
    while current is not None and current.tag not in ("body", "html"):
        parent = current.parent
        following = current.next
        while following is not None:
            after = following.next
            following.decompose()
            following = after
        if first:
            current.decompose()
            first = False
        current = parent
