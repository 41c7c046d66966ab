"""One text of SQL as the statements in it."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddock.bindings.d1.statements import has_code, split

TRIGGER = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = 'END;'; SELECT 1; END"


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", " SELECT 2"]),
        (";; -- nothing;\n /* ; */ ;", []),
        ("SELECT ';', \";\", `;`, [;]; SELECT 'it''s;'", ["SELECT ';', \";\", `;`, [;]", " SELECT 'it''s;'"]),
        (f"{TRIGGER}; SELECT 3", [TRIGGER, " SELECT 3"]),
        ("CREATE TABLE trigger_log (x); SELECT 1", ["CREATE TABLE trigger_log (x)", " SELECT 1"]),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
    ],
)
def test_statements_end_where_sqlite_ends_them(sql: str, statements: list[str]) -> None:
    assert split(sql) == statements


@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5), max_size=5))
def test_quoted_text_is_never_taken_apart(texts: list[str]) -> None:
    statements = ["SELECT '{}', \"x\"".format(text.replace("'", "''")) for text in texts]
    assert split(";".join(statements)) == statements
    assert all(sqlite3.complete_statement(f"{statement};") for statement in statements)


@pytest.mark.parametrize(
    ("sql", "is_code"), [("", False), (" \n", False), ("\n -- a\n  -- b", False), ("SELECT 1 -- a", True)]
)
def test_comments_to_the_end_of_a_line_are_no_code(sql: str, is_code: bool) -> None:
    assert has_code(sql) is is_code
