"""Owns the settings of a Prefect server that lasts, and those of whoever asks it; docs/server.md explains them.

Invariant: who does not know the password is told nothing, what is older than the retention is removed, and a client
waits for a server or a database that is being started again. Does not know where the server runs.
"""

DAY = 24 * 3600

SERVER = {
    "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * DAY),  # of flow runs, with their logs and task runs
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",  # this one takes no seconds
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}
"""Of the server, besides its database's address and its password."""

CLIENT = {
    "PREFECT_CLIENT_MAX_RETRIES": "8",  # with pauses that double from 2 s: some minutes
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,504",  # what a server says whose database is away
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "10",
}
"""Of workers and of flow runs, besides the server's address and its password."""


def served(database: str, password: str, api: str) -> dict[str, str]:
    """The environment of the server.

    :param database: address of the database, with user and password
    :param password: user:password of everybody
    :param api: where browsers and workers find it
    """
    own = {"SERVER_DATABASE_CONNECTION_URL": database, "SERVER_API_AUTH_STRING": password, "SERVER_UI_API_URL": api}
    return SERVER | {f"PREFECT_{name}": value for name, value in own.items()}


def asking(password: str, api: str) -> dict[str, str]:
    """The environment of whoever asks it."""
    return CLIENT | {"PREFECT_API_URL": api, "PREFECT_API_AUTH_STRING": password}
