"""Alembic's entry: runs the steps of one half on the connection that `store.migrate` hands over."""

from alembic import context

half = context.config.attributes["half"]
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=half.metadata,
    version_table=half.version_table,
    render_as_batch=True,
    include_name=lambda name, kind, _parents: kind != "table" or name in half.metadata.tables,
)
context.run_migrations()
