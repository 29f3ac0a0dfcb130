"""Capture in PostgreSQL: one function for all tables, in a schema out of the application's reach.

The functions run with the rights of who installed them (``SECURITY DEFINER``), their search
path pinned. Nobody else may run the trigger function: whoever could, would hang it under a
table of their own and write into the log what never happened. The triggers are ``ALWAYS``:
``session_replication_role`` does not silence them.
"""

# ruff: noqa: S608  (names that this package makes are put together here, never input)

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from audit.capture.schema import (
    APPEND_ONLY,
    LOG_TABLES,
    OPERATIONS,
    PREFIX,
    Columns,
    Found,
    Part,
    folded,
)

SCHEMA = "mlflow_audit"
_TYPES = {
    "key": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "ms": "bigint NOT NULL",
    "word": "text NOT NULL",
    "text": "text",
    "number": "integer NOT NULL",
}
_NOW = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_NOTED = ("actor", "method", "path", "status", "model", "version", "request", "peer")
_REQUEST_TYPES = {name: "integer" if name == "status" else "text" for name in _NOTED}
_CAPTURE = f"""
BEGIN
  INSERT INTO {SCHEMA}.changes
    (at, operation, tbl, old, new, actor, request, account, client, transaction_id)
  VALUES (
    {_NOW}, lower(TG_OP), TG_TABLE_NAME, to_jsonb(OLD)::text, to_jsonb(NEW)::text,
    nullif(current_setting('mlflow_audit.actor', true), ''),
    nullif(current_setting('mlflow_audit.request', true), ''),
    session_user,
    concat_ws(' ', host(inet_client_addr()), nullif(current_setting('application_name'), '')),
    txid_current()::text
  );
  RETURN NULL;
END
"""
_REFUSE = f"""
BEGIN
  RAISE EXCEPTION '{APPEND_ONLY}';
END
"""
_NOTE = f"""
BEGIN
  INSERT INTO {SCHEMA}.requests (at, {", ".join(_NOTED)})
  VALUES ({_NOW}, {", ".join(f"${number}" for number in range(1, len(_NOTED) + 1))});
END
"""
_FUNCTIONS = {
    "capture": ("", "trigger", _CAPTURE),
    "refuse": ("", "trigger", _REFUSE),
    "note_request": (", ".join(_REQUEST_TYPES.values()), "void", _NOTE),
}
_LOG_FUNCTION = "refuse"
_FIND_OWNER = f"""
SELECT pg_get_userbyid(r.relowner), r.relowner = c.relowner FROM pg_class r, pg_class c
WHERE r.oid = to_regclass('registered_models') AND c.oid = to_regclass('{SCHEMA}.changes')
"""
# Default rights of the database reach a new table: nobody reads the log who was not named.
_REVOKE = """
DO $body$
DECLARE account text;
BEGIN
  FOR account IN
    SELECT DISTINCT coalesce(quote_ident(r.rolname), 'PUBLIC')
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.oid = '{table}'::regclass AND a.grantee <> c.relowner
  LOOP
    EXECUTE 'REVOKE ALL ON {table} FROM ' || account;
  END LOOP;
END
$body$
"""
# Who owns a schema may drop what stands in it, whoever owns that.
_FIND_SCHEMA = f"""
SELECT pg_get_userbyid(n.nspowner), n.nspowner <> coalesce(
  (SELECT c.relowner FROM pg_class c WHERE c.oid = to_regclass('{SCHEMA}.changes')),
  (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user))
FROM pg_namespace n WHERE n.nspname = '{SCHEMA}'
"""
_FIND_TABLES = f"""
SELECT c.relname, string_agg(a.attname, ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace('{SCHEMA}') AND c.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped GROUP BY c.relname ORDER BY c.relname
"""
_FIND_FUNCTIONS = f"""
SELECT p.proname, p.oid::regprocedure::text, p.prosrc, p.prosecdef, p.proconfig::text,
  pg_get_userbyid(p.proowner) = pg_get_userbyid(n.nspowner) AS ours
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = '{SCHEMA}' ORDER BY p.proname
"""
_FIND_TRIGGERS = f"""
SELECT t.tgname, n.nspname, c.relname, pg_get_triggerdef(t.oid), t.tgenabled,
  quote_ident(t.tgname) || ' ON ' || t.tgrelid::regclass AS place,
  n.nspname NOT IN (current_schema(), '{SCHEMA}')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND left(t.tgname, {len(PREFIX)}) = '{PREFIX}'
ORDER BY n.nspname = '{SCHEMA}', c.relname, t.tgname
"""
_FIND_RIGHTS = f"""
SELECT thing, coalesce(r.rolname, 'PUBLIC') AS grantee, a.privilege_type, r.rolname IS NULL,
  quote_ident(r.rolname)
FROM (
  SELECT CASE c.relkind WHEN 'r' THEN 'TABLE ' ELSE 'SEQUENCE ' END || c.oid::regclass AS thing,
    c.relacl AS acl, c.relowner AS owner
  FROM pg_class c
  WHERE c.relnamespace = to_regnamespace('{SCHEMA}') AND c.relkind IN ('r', 'S')
  UNION ALL
  SELECT 'FUNCTION ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)),
    p.proowner
  FROM pg_proc p WHERE p.pronamespace = to_regnamespace('{SCHEMA}') AND p.proname <> 'note_request'
  UNION ALL
  SELECT 'SCHEMA ' || n.nspname, n.nspacl, n.nspowner FROM pg_namespace n
  WHERE n.nspname = '{SCHEMA}'
) things CROSS JOIN LATERAL aclexplode(acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE a.grantee <> owner AND NOT (starts_with(thing, 'TABLE ') AND a.privilege_type = 'SELECT')
  AND NOT (starts_with(thing, 'SCHEMA ') AND a.privilege_type = 'USAGE')
ORDER BY thing, grantee, a.privilege_type
"""


class PostgreSQL:
    """See ``audit.capture.schema.Dialect``."""

    transactional = True

    def tables(self) -> dict[str, str]:
        """Return the log's tables."""
        return {name: f"{SCHEMA}.{name}" for name in LOG_TABLES}

    def now(self) -> str:
        """Return the clock."""
        return _NOW

    def parts(self, columns: Columns, schema: str) -> tuple[Part, ...]:
        """Return schema, tables, functions, then triggers."""
        return (*_schema(), *_tables(), *_functions(), *_guards(), *_captures(columns, schema))

    def found(self, connection: sa.Connection) -> dict[str, Found]:
        """Return triggers, rights that nobody should have, functions, tables, the schema."""
        found = {}
        for name, space, table, definition, enabled, place, elsewhere in connection.exec_driver_sql(
            _FIND_TRIGGERS
        ):
            found[f"trigger {name} on {space}.{table}"] = Found(
                f"{folded(definition)} {enabled}",
                f"DROP TRIGGER {place}",
                space == SCHEMA,
                elsewhere,
            )
        for thing, grantee, right, public, quoted in connection.exec_driver_sql(_FIND_RIGHTS):
            found[f"right {right} on {thing} of {grantee}"] = Found(
                "", f"REVOKE {right} ON {thing} FROM {'PUBLIC' if public else quoted}"
            )
        for name, signature, body, definer, settings, ours in connection.exec_driver_sql(
            _FIND_FUNCTIONS
        ):
            found[f"function {SCHEMA}.{name}"] = Found(
                _function_definition(body, definer, settings, ours),
                f"DROP FUNCTION {signature}",
                name == _LOG_FUNCTION,
            )
        for table, columns in connection.exec_driver_sql(_FIND_TABLES):
            drop = f'DROP TABLE {SCHEMA}."{table}"'
            found[f"table {SCHEMA}.{table}"] = Found(columns, drop, log=True)
        for owner, foreign in connection.exec_driver_sql(_FIND_SCHEMA):
            found[f"schema {SCHEMA}"] = Found(
                f"owned by {owner}" if foreign else "", f"DROP SCHEMA {SCHEMA}", log=True
            )
        return found

    def notes(self, connection: sa.Connection) -> tuple[str, ...]:
        """Return what the owner of MLflow's tables can do."""
        owner, same = connection.exec_driver_sql(_FIND_OWNER).one()
        if same:
            note = "owns MLflow's tables and the log: install with another role than the server's"
        else:
            note = "owns MLflow's tables and can disable their triggers: check finds it"
        return (f"role {owner} {note}",)

    def grants(self, reader: str) -> tuple[str, ...]:
        """Return the grants of reading the log's tables."""
        role = '"{}"'.format(reader.replace('"', '""'))
        return (
            f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}",
            *(f"GRANT SELECT ON {table} TO {role}" for table in self.tables().values()),
        )


def _schema() -> Iterator[Part]:
    # USAGE lets a name be found, no more: the server calls note_request by its name.
    usage = f"GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC"
    yield Part(f"schema {SCHEMA}", "", (f"CREATE SCHEMA {SCHEMA}", usage))


def _tables() -> Iterator[Part]:
    for name, columns in LOG_TABLES.items():
        table = f"{SCHEMA}.{name}"
        fields = ", ".join(f'"{column}" {_TYPES[kind]}' for column, kind in columns.items())
        create = (f"CREATE TABLE {table} ({fields})", _REVOKE.format(table=table))
        yield Part(f"table {table}", ", ".join(columns), create)


def _functions() -> Iterator[Part]:
    for name, (arguments, returns, body) in _FUNCTIONS.items():
        signature = f"{SCHEMA}.{name}({arguments})"
        make = (
            f"CREATE OR REPLACE FUNCTION {signature} RETURNS {returns} LANGUAGE plpgsql"
            f" SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body${body}$body$"
        )
        revoke = f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC"
        create = (make, revoke) if returns == "trigger" else (make,)
        settings = '{"search_path=pg_catalog, pg_temp"}'
        definition = _function_definition(body, definer=True, settings=settings, ours=True)
        yield Part(f"function {SCHEMA}.{name}", definition, create)


def _function_definition(body: str, definer: bool, settings: str | None, ours: bool) -> str:
    return f"{folded(body)} definer={definer} {folded(settings or '')} same owner={ours}"


def _guards() -> Iterator[Part]:
    for name in LOG_TABLES:
        yield _trigger(
            f"{PREFIX}append_only",
            SCHEMA,
            name,
            "BEFORE DELETE OR UPDATE OR TRUNCATE",
            f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse()",
        )


def _captures(columns: Columns, schema: str) -> Iterator[Part]:
    call = f"EXECUTE FUNCTION {SCHEMA}.capture()"
    for table in columns:
        for operation in OPERATIONS:
            when = "WHEN ((old.* *<> new.*)) " if operation == "update" else ""
            yield _trigger(
                f"{PREFIX}{operation}",
                schema,
                table,
                f"AFTER {operation.upper()}",
                f"FOR EACH ROW {when}{call}",
            )
        yield _trigger(
            f"{PREFIX}truncate", schema, table, "AFTER TRUNCATE", f"FOR EACH STATEMENT {call}"
        )


def _trigger(name: str, schema: str, table: str, event: str, rest: str) -> Part:
    """Return a trigger, written as the database writes it back."""
    place = f'"{schema}"."{table}"'
    create = f"CREATE TRIGGER {name} {event} ON {place} {rest}"
    return Part(
        f"trigger {name} on {schema}.{table}",
        f"{folded(create)} A",
        (
            f"DROP TRIGGER IF EXISTS {name} ON {place}",
            create,
            f"ALTER TABLE {place} ENABLE ALWAYS TRIGGER {name}",
        ),
    )
