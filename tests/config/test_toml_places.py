"""Every key and value of a TOML text is found where it stands."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.reading import Place
from maild.toml_places import locate

TEXT = '''# a comment with [brackets] = and "quotes"
top = "x"   # behind
"quoted key" = 1
[desk]
name = """a
multi "" line = [text]
"""
dotted.inner . deeper = 'single # no comment'
list = [ "one", # comment, with comma
  2, [3, 4], {a = 1, b = {c = "}"}} ]
  after = 1979-05-27 07:32:00
[[listen]]
a = 1
[[listen]]
a = 2
  [listen.more]
  x = true
[[listen.sub]]
y = -1.5
'''

PLACES = [
    (("top",), (2, 1), (2, 7)),
    (("quoted key",), (3, 1), (3, 16)),
    (("desk",), (4, 2), (4, 2)),
    (("desk", "name"), (5, 1), (5, 8)),
    (("desk", "dotted"), (8, 1), (8, 1)),
    (("desk", "dotted", "inner"), (8, 8), (8, 8)),
    (("desk", "dotted", "inner", "deeper"), (8, 16), (8, 25)),
    (("desk", "list"), (9, 1), (9, 8)),
    (("desk", "list", 0), (9, 10), (9, 10)),
    (("desk", "list", 1), (10, 3), (10, 3)),
    (("desk", "list", 2, 1), (10, 10), (10, 10)),
    (("desk", "list", 3, "b", "c"), (10, 27), (10, 31)),
    (("desk", "after"), (11, 3), (11, 11)),
    (("listen",), (12, 3), (12, 3)),
    (("listen", 0), (12, 3), (12, 3)),
    (("listen", 0, "a"), (13, 1), (13, 5)),
    (("listen", 1), (14, 3), (14, 3)),
    (("listen", 1, "a"), (15, 1), (15, 5)),
    (("listen", 1, "more"), (16, 11), (16, 11)),
    (("listen", 1, "more", "x"), (17, 3), (17, 7)),
    (("listen", 1, "sub", 0, "y"), (19, 1), (19, 5)),
]


@pytest.mark.parametrize(("path", "key", "value"), PLACES, ids=lambda part: ".".join(map(str, part)))
def test_places(path, key, value):
    tomllib.loads(TEXT)
    places = locate(TEXT, "f")
    assert places.key(path) == Place("f", *key)
    assert places.value(path) == Place("f", *value)


def test_what_is_not_there_is_where_its_owner_is():
    places = locate(TEXT, "f")
    assert places.key(("desk", "missing")) == Place("f", 4, 2)
    assert places.value(("listen", 1, "missing")) == Place("f", 14, 3)
    assert places.key(("missing",)) == Place("f")


def test_crlf_is_a_line_end():
    assert locate("a = 1\r\n[b]\r\nc = [\r\n 2]\r\n", "f").value(("b", "c", 0)) == Place("f", 4, 2)


names = st.text("abcXYZ019_-", min_size=1, max_size=6) | st.sampled_from(
    ['"a b"', "'c.d'", '"=["', '"\\u00e4"']
)
values = st.recursive(
    st.sampled_from(["1", '"x"', "'y]'", "true", '"""\n]"""', '"\\""', "1.5", "07:32:00"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[ {', '.join(items)} ]"),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, st.dictionaries(names, values, max_size=4), max_size=4))
def test_every_value_is_at_its_place(tables):
    text = "".join(
        f"[ {table} ] # c\n" + "".join(f"  {key}= {value}\n" for key, value in keys.items())
        for table, keys in tables.items()
    )
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # "a b" and another spelling of it are one key
    places, lines = locate(text, "f"), text.split("\n")
    written = [(table, key, value) for table, keys in tables.items() for key, value in keys.items()]
    found = [(name, key) for name, keys in data.items() for key in keys]
    for (_, spelling, value), path in zip(written, found, strict=True):
        at = places.key(path)
        assert lines[at.line - 1][at.column - 1 :].startswith(f"{spelling}= ")
        at = places.value(path)
        assert lines[at.line - 1][at.column - 1 :] == value.split("\n")[0]
