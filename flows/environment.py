"""Owns the environment variables of Prefect's that Nightsort reads or sets. Does not know what they lead to."""

API = "PREFECT_API_URL"
"""Where the server is."""

CREDENTIALS = "PREFECT_API_AUTH_STRING"
"""What the clients of a server with SERVER_CREDENTIALS must send."""

SERVER_CREDENTIALS = "PREFECT_SERVER_API_AUTH_STRING"
"""What a server asks its clients for."""

CERTIFICATES = "PREFECT_API_SSL_CERT_FILE"
"""Authorities that a server is checked with."""

UNCHECKED = "PREFECT_API_TLS_INSECURE_SKIP_VERIFY"
"""Whether none is."""

HEARTBEAT = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
"""How often, in seconds, a run says that it is alive."""
