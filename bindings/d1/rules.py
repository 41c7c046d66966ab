"""What SQL of a handler may do: workerd's authorizer, allow-lists and limits. Source: workerd, util/sqlite.c++.

They also keep a database in its file: no other file can be attached, and no code loaded.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Final

__all__ = ["NO_TRANSACTIONS", "Rules"]

#: Source: workerd, api/sql.c++.
NO_TRANSACTIONS: Final = (
    "To execute a transaction, please use the state.storage.transaction() or state.storage.transactionSync() APIs "
    "instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript API is safer because it will "
    "automatically roll back on exceptions, and because it interacts correctly with Durable Objects' automatic atomic "
    "write coalescing."
)
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: 4 * 1024 * 1024,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 5,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 25_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 127,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 10,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_FUNCTION_NAMES: Final = """
abs changes char coalesce concat concat_ws format glob hex ifnull iif instr last_insert_rowid length like likelihood
likely lower ltrim max_scalar min_scalar nullif octet_length printf quote random randomblob replace round rtrim sign
soundex substr substring total_changes trim typeof unhex unicode unlikely upper zeroblob

date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp

avg count group_concat max min string_agg sum total
row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value

acos acosh asin asinh atan atan2 atanh ceil cos cosh degrees exp floor ln log log2 mod pi pow radians sin sinh sqrt
tan tanh trunc

json jsonb json_array jsonb_array json_array_length json_extract jsonb_extract -> ->> json_insert jsonb_insert
json_object jsonb_object json_patch jsonb_patch json_remove jsonb_remove json_replace jsonb_replace json_set jsonb_set
json_type json_valid json_quote json_group_array jsonb_group_array json_group_object jsonb_group_object json_each
json_tree

match highlight bm25 snippet rtreecheck
sqlite_rename_column sqlite_rename_table sqlite_rename_test sqlite_drop_column sqlite_rename_quotefix
"""
_FUNCTIONS: Final = frozenset(_FUNCTION_NAMES.split())
_BOOLEAN: Final = re.compile(r"""['"]?(?:true|false|yes|no|on|off|1|0)""", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d+")
_FREE_NAME: Final = re.compile(r"(?!_cf_)", re.IGNORECASE)
#: Pragma -> what its argument must look like, and whether there must be one; without a pattern there is none.
_PRAGMAS: Final[dict[str, tuple[re.Pattern[str] | None, bool]]] = {
    "data_version": (None, False),
    "page_size": (None, False),
    "table_list": (re.compile(""), False),
    "table_info": (_FREE_NAME, True),
    "table_xinfo": (_FREE_NAME, True),
    "case_sensitive_like": (_BOOLEAN, False),
    "foreign_keys": (_BOOLEAN, False),
    "defer_foreign_keys": (_BOOLEAN, False),
    "ignore_check_constraints": (_BOOLEAN, False),
    "legacy_alter_table": (_BOOLEAN, False),
    "recursive_triggers": (_BOOLEAN, False),
    "reverse_unordered_selects": (_BOOLEAN, False),
    "foreign_key_check": (_FREE_NAME, False),
    "foreign_key_list": (_FREE_NAME, True),
    "index_info": (_FREE_NAME, True),
    "index_list": (_FREE_NAME, True),
    "index_xinfo": (_FREE_NAME, True),
    "quick_check": (_FREE_NAME, False),
    "optimize": (_NUMBER, False),
}
_MODULES: Final = frozenset({"fts5", "fts5vocab", "rtree", "rtree_i32"})
#: Actions whose one or two arguments are names.
_NAMING: Final = frozenset({
    sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_DROP_VIEW, sqlite3.SQLITE_REINDEX, sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_DROP_TRIGGER,
})  # fmt: skip
_FREE: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_ANALYZE, sqlite3.SQLITE_RECURSIVE})
_TRANSACTION: Final = frozenset({sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT})
_TEMPORARY: Final = frozenset({sqlite3.SQLITE_READ, sqlite3.SQLITE_UPDATE})


class Rules:
    """The authorizer of one connection. `trusted` is true while our own SQL runs."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.trusted = True
        #: Whether what was refused last is a transaction, which has a text of its own.
        self.refused_transaction = False
        for category, limit in _LIMITS.items():
            database.setlimit(category, limit)
        database.set_authorizer(self._authorize)

    def _authorize(self, action: int, first: str | None, second: str | None, name: str | None, _: str | None) -> int:
        if self.trusted:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_ALTER_TABLE:  # its first argument is the database, its second the table
            first, second, name = second, None, first
        if action in _TRANSACTION:
            self.refused_transaction = True
        is_allowed = _is_allowed(action, first, second) and (name != "temp" or action in _TEMPORARY)
        return sqlite3.SQLITE_OK if is_allowed and name in ("main", "temp", None) else sqlite3.SQLITE_DENY


def _is_allowed(action: int, first: str | None, second: str | None) -> bool:
    if action in _FREE:
        return True
    if action in _NAMING:
        return all(_FREE_NAME.match(given) for given in (first, second) if given)
    if action in (sqlite3.SQLITE_READ, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_ALTER_TABLE):
        return bool(_FREE_NAME.match(first or ""))
    if action == sqlite3.SQLITE_FUNCTION:
        return second in _FUNCTIONS
    if action == sqlite3.SQLITE_PRAGMA:
        pattern, is_needed = _PRAGMAS.get(first or "", (None, True))
        return not is_needed if second is None else pattern is not None and bool(pattern.match(second))
    if action in (sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_DROP_VTABLE):
        return (second or "").lower() in _MODULES and bool(_FREE_NAME.match(first or ""))
    return False
