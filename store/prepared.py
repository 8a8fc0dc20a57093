"""Statements of every mail, compiled once: to build and to look up one costs SQLAlchemy several times what the database needs for it.

A `Prepared` is made of a constant statement and executed on a connection of SQLAlchemy, in its transaction, with its events and its
errors; only the way there is shorter. What is executed seldom stays an ordinary statement.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, KeysView, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler

_MOST_PLANS: Final = 64
"""Lists of values longer than this go the long way: a plan is for one length."""

_Process = Callable[[Any], Any]


class _Plan(NamedTuple):
    """A statement's text for one dialect and shape of parameters, and where what the driver gets comes from, by position or name: a
    `constant`; a parameter as it `is`, or `made` by its type; the same `of` a list, at this place of it. `row` makes a row of what the driver
    gives."""

    text: str
    constant: list[Any] | dict[str, Any]
    as_is: tuple[tuple[Any, str], ...]
    made: tuple[tuple[Any, str, _Process], ...]
    of_list: tuple[tuple[Any, str, int, _Process | None], ...]
    row: Callable[[Sequence[Any]], Any] | None


class Prepared:
    """A statement whose parameters come by name; a list for each `any_of`. Rows are named tuples."""

    def __init__(self, statement: Any) -> None:
        self.statement = statement
        self._plans: dict[tuple[Any, ...], _Plan] = {}
        self._latest: tuple[Dialect, KeysView[str], _Plan] | None = None
        found = visitors.iterate(statement)
        binds = (one for one in found if isinstance(one, sa.BindParameter))
        self._lists = tuple(dict.fromkeys(one.key for one in binds if one.expanding and one.required))

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """All of them."""
        wide = self._wide(parameters)
        if wide is None:
            return connection.execute(self.statement, dict(parameters)).all()
        plan, cursor = self._executed(connection, wide)
        try:
            found = cursor.fetchall()
        except BaseException as fault:  # noqa: BLE001  handed to SQLAlchemy, which raises it by its name
            _raise(connection, fault, plan.text, cursor)
        finally:
            cursor.close()
        assert plan.row is not None, "a statement that gives no rows"
        return [plan.row(row) for row in found]

    def one(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """The only row. LookupError when there is none, or another."""
        found = self.rows(connection, parameters)
        if len(found) != 1:
            raise LookupError(f"{len(found)} rows where there is one")
        return found[0]

    def value(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """The first column of the first row; None when there is none."""
        found = self.rows(connection, parameters)
        return found[0][0] if found else None

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> int:
        """How many rows it changed."""
        wide = self._wide(parameters)
        if wide is None:
            return connection.execute(self.statement, dict(parameters)).rowcount
        _, cursor = self._executed(connection, wide)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def run_all(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once for each, in one go; all with the same names."""
        plan = self._plan(connection.dialect, rows[0])
        _execute(connection, plan.text, [_bound(plan, row) for row in rows], many=True).close()

    def _wide(self, parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The parameters with each list filled up to a power of two by its last value, so that few lengths occur; None: too long."""
        if not self._lists:
            return parameters
        wide = dict(parameters)
        for name in self._lists:
            values = list(wide[name])
            if not 0 < len(values) <= _MOST_PLANS:
                return None
            values += values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values))
            wide[name] = values
        return wide

    def _executed(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[_Plan, Any]:
        plan = self._plan(connection.dialect, parameters)
        return plan, _execute(connection, plan.text, _bound(plan, parameters))

    def _plan(self, dialect: Dialect, parameters: Mapping[str, Any]) -> _Plan:
        latest = self._latest
        if latest is not None and latest[0] is dialect and latest[1] == parameters.keys():
            return latest[2]
        key = (dialect.name, *parameters, *(len(parameters[name]) for name in self._lists))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = _compiled(self.statement, dialect, parameters, self._lists)
        if not self._lists:
            self._latest = dialect, dict.fromkeys(parameters).keys(), plan
        return plan


def _compiled(statement: Any, dialect: Dialect, parameters: Mapping[str, Any], lists: Sequence[str]) -> _Plan:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(parameters))
    assert isinstance(compiled, SQLCompiler)
    assert not compiled.insert_prefetch, "defaults of columns are the database's"
    shape: dict[str, Any] = {name: list(parameters[name]) for name in lists}
    given = compiled.construct_params(dict.fromkeys(parameters) | shape, _check=False)
    state = compiled.construct_expanded_state(dict.fromkeys(parameters) | shape)
    spread = {
        name: (source, at)
        for source, names in state.parameter_expansion.items()
        for at, name in enumerate(names)
    }
    processors: dict[str, Any] = {**compiled._bind_processors, **state.processors}
    names = [*state.parameters] if state.positiontup is None else state.positiontup
    constant: Any = {} if state.positiontup is None else [None] * len(names)
    as_is, made, of_list = [], [], []
    for place, name in enumerate(names):
        key = name if state.positiontup is None else place
        source, at = spread.get(name, (name, None))
        process = processors.get(name)
        if source not in parameters:
            value = state.parameters.get(name, given.get(name))
            constant[key] = process(value) if process else value
        elif at is not None:
            of_list.append((key, source, at, process))
        elif process is not None:
            made.append((key, source, process))
        else:
            as_is.append((key, source))
    row = _row_maker(compiled, dialect)
    return _Plan(state.statement, constant, tuple(as_is), tuple(made), tuple(of_list), row)


def _row_maker(compiled: SQLCompiler, dialect: Dialect) -> Callable[[Sequence[Any]], Any] | None:
    columns = compiled._result_columns
    if not columns:
        return None
    kind: Any = namedtuple("Row", [one.keyname for one in columns], rename=True)  # type: ignore[misc]
    processors = [one.type._cached_result_processor(dialect, None) for one in columns]
    wanted = [(at, process) for at, process in enumerate(processors) if process is not None]
    if not wanted:
        return kind._make

    def row(found: Sequence[Any]) -> Any:
        made = list(found)
        for at, process in wanted:
            made[at] = process(made[at])
        return kind._make(made)

    return row


def _bound(plan: _Plan, parameters: Mapping[str, Any]) -> Any:
    """What the driver gets. StatementError for a value that its type does not take, as SQLAlchemy has it."""
    bound: Any = plan.constant.copy()
    for key, name in plan.as_is:
        bound[key] = parameters[name]
    try:
        for key, name, make in plan.made:
            bound[key] = make(parameters[name])
        for key, name, at, process in plan.of_list:
            value = parameters[name][at]
            bound[key] = value if process is None else process(value)
    except Exception as fault:
        raise sa.exc.StatementError(f"{type(fault).__name__}: {fault}", plan.text, None, fault) from fault
    return tuple(bound) if isinstance(bound, list) else bound


def _execute(connection: Connection, text: str, parameters: Any, *, many: bool = False) -> Any:
    """The driver's cursor, after SQLAlchemy's events; its errors are SQLAlchemy's."""
    if not connection.in_transaction():
        connection.begin()
    cursor = None
    driver, hooks = connection.connection, connection.dialect.dispatch
    do_execute = hooks.do_executemany if many else hooks.do_execute
    listeners = connection.engine.dispatch  # nobody listens to a single connection
    try:
        cursor = driver.cursor()
        if listeners.before_cursor_execute:
            for fn in listeners.before_cursor_execute:
                text, parameters = fn(connection, cursor, text, parameters, None, many)
        if not (do_execute and any(fn(cursor, text, parameters, None) for fn in do_execute)):
            cursor.executemany(text, parameters) if many else cursor.execute(text, parameters)
        for after in listeners.after_cursor_execute:
            after(connection, cursor, text, parameters, None, many)
    except BaseException as fault:  # noqa: BLE001  handed to SQLAlchemy, which raises it by its name
        _raise(connection, fault, text, cursor)
    return cursor


def _raise(connection: Connection, fault: BaseException, text: str, cursor: Any) -> NoReturn:
    """As SQLAlchemy does it: the fault gets its name, and a connection that is lost is thrown away with its transaction."""
    connection._handle_dbapi_exception(fault, text, None, cursor, None)
