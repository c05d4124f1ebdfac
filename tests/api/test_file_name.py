"""Names of files from strangers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appservice_api.api.file_name import file_name, safe_name


@pytest.mark.parametrize(
    "header, name",
    [
        ("", None),
        ("inline", None),
        ("attachment; filename=plain.txt", "plain.txt"),
        ("attachment;filename = plain.txt ; x=y", "plain.txt"),
        ('INLINE; FileName="two words.txt"', "two words.txt"),
        (r'inline; filename="a \"quoted\" name.txt"', "a _quoted_ name.txt"),
        ('inline; x="; filename=no.txt"; filename=yes.txt', "yes.txt"),
        ("inline; filename*=UTF-8''na%C3%AFve%20%F0%9F%98%80.txt", "naïve 😀.txt"),
        ("inline; filename=plain.txt; filename*=utf-8'en'b%2Fest.txt", "est.txt"),
        ("inline; filename*=iso-8859-1''%e9.txt", "é.txt"),
        ("inline; filename*=utf-16''x; filename=plain.txt", "plain.txt"),
        ("inline; filename*=plain.txt", None),
        ("inline; filename*=UTF-8''; filename=plain.txt", "plain.txt"),
        ("inline; filename*=UTF-8''%FF.txt", "\ufffd.txt"),
        ("inline; filename=one.txt; filename=two.txt", "one.txt"),
        ('inline; filename="' + "é.txt".encode().decode("latin-1") + '"', "é.txt"),
        ('inline; filename="é.txt"', "é.txt"),
        ('inline; filename="unended', "_unended"),
        ("inline; filename=", None),
        ("filename=none.txt", None),
    ],
)
def test_what_a_header_says(header: str, name: str | None) -> None:
    assert file_name(header) == name


@pytest.mark.parametrize(
    "name, safe",
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\x.txt", "x.txt"),
        ("C:x.txt", "C_x.txt"),
        ("/etc/passwd", "passwd"),
        ("folder/", None),
        ("", None),
        (".", None),
        ("..", None),
        ("...", None),
        (". . .", None),
        ("   ", None),
        (".bashrc", "bashrc"),
        (" .bashrc ", "bashrc"),
        ("a\x00b\nc\x7f.txt", "abc.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("file.", "file"),
        ("file.txt. .", "file.txt"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("nul .tar.gz", "_nul .tar.gz"),
        ("com1.x", "_com1.x"),
        ("console.txt", "console.txt"),
        ("a:b|c?.txt", "a_b_c_.txt"),
        ("\ud800.txt", "txt"),
        ("x" * 300 + ".jpeg", "x" * 195 + ".jpeg"),
        ("é" * 300, "é" * 100),
        ("x." + "y" * 300, "x." + "y" * 198),
    ],
)
def test_safe_names(name: str, safe: str | None) -> None:
    assert safe_name(name) == safe


def assert_stays_in_its_folder(safe: str | None) -> None:
    """That a name can be that of a file, wherever it is written."""
    if safe is None:
        return
    assert 0 < len(safe.encode()) <= 210
    assert not re.search(r'[/\\\x00-\x1f<>:"|?*]', safe)
    assert safe[0] not in ". "
    assert safe[-1] not in ". "


@given(st.text(st.characters(exclude_categories=()), max_size=300) | st.binary().map(repr))
def test_a_safe_name_stays_in_its_folder(name: str) -> None:
    assert_stays_in_its_folder(safe_name(name))


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_is_too_wrong(header: str) -> None:
    for value in (header, f"inline; filename={header}", f"inline; filename*={header}"):
        assert_stays_in_its_folder(file_name(value))
