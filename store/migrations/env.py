"""Run by alembic: applies steps on the connection, and in the transaction, that `store.migration` has opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
