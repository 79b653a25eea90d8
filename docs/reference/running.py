"""Owns the pages of what a run says and reads: errors, environment variables, events."""

import inspect

from docs.reference.markdown import code, page, plain, table
from flows import environment as prefect_variables
from nightsort import clock, errors, logs
from nightsort.config import webhook
from tasks.events import BY_ITSELF, EVENTS, PAYLOAD, STARTED

VARIABLES = {
    "Nightsort's own": {
        webhook.ADDRESS: "address that takes POST and is told of what `notify` names; a secret, shown nowhere",
        logs.FORM: "`json` or `text` logs to standard error, in that form; else there is no log",
        "NO_COLOR": "not empty: no colour, on terminals either (no-color.org)",
        "FORCE_COLOR": "not empty: colour, though what reads it is no terminal",
        "DO_NOT_TRACK": "`1` unless it is set: the libraries tell their makers nothing (consoledonottrack.com)",
        clock.OFFSET: "seconds by which the time that is written down is put forward or back; for rehearsals",
    },
    "Prefect": {
        prefect_variables.API: "server that runs are told to; without it the one of `server:` in pipelines.yaml",
        prefect_variables.CREDENTIALS: "NAME:PASSWORD that such a server asks for",
        prefect_variables.SERVER_CREDENTIALS: "what the server that `nightsort up` starts asks for",
        prefect_variables.CERTIFICATES: "authorities that an https server is checked with",
        prefect_variables.UNCHECKED: "`true` checks no certificate",
        prefect_variables.HEARTBEAT: "seconds between two signs of life of a run; `up` and `deploy` set it",
        "PREFECT_HOME": "folder of Prefect's own database; `nightsort up` keeps it below a local storage root",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "what of it comes to the terminal; nothing, unless it is set",
    },
    "Stores": {
        "AWS_ACCESS_KEY_ID": "with the next: credentials of s3://; a profile or a role works, too",
        "AWS_SECRET_ACCESS_KEY": "see above",
        "AWS_DEFAULT_REGION": "region of the bucket",
        "AWS_REGION": "the same to delta-rs and Arrow, but not to botocore: set the one above",
        "AWS_ENDPOINT_URL_S3": "another store than Amazon's",
        "AWS_ENDPOINT_URL": "the same for all services",
        "FSSPEC_S3_ANON": "`true` reads a public bucket without credentials; FSSPEC_... sets any setting of a store",
    },
    "Models elsewhere": {
        "MLFLOW_TRACKING_URI": "MLflow server that models are mirrored to; needs the extra `mlflow`",
        "MLFLOW_EXPERIMENT_NAME": "experiment that they are put into",
        "TORCH_HOME": "cache of the weights that `weights: imagenet` downloads",
    },
    "Machine": {
        "CUDA_VISIBLE_DEVICES": "GPUs that may be used; `-1` is none",
        "OPENCV_IO_MAX_IMAGE_PIXELS": "pixels that OpenCV decodes; set to 2^30, above every `max_pixels`",
        "OPENCV_LOG_LEVEL": "OFF unless it is set: what is wrong with a picture is in the quarantine",
        "OMP_WAIT_POLICY": "PASSIVE unless it is set: threads that wait for one another leave the processor to others",
        "ARROW_DEFAULT_MEMORY_POOL": "`system` unless it is set: what was freed goes back to the machine",
    },
}
"""Environment variables that are read or set, and what for."""

_CODES = [
    ("0", "done; or skipped, since there was nothing to do or another run is at work"),
    ("1", "the run failed, or `nightsort doctor` found something that does not work; one line says what"),
    ("2", "a mistake in what was asked; one line for each fault"),
    ("130", "interrupted by Ctrl-C"),
    ("143", "told to end by SIGTERM"),
]


def error_tree() -> str:
    """Every error that is raised on purpose, and the exit code that it leads to."""
    found = [
        (code(name), code(kind.__mro__[1].__name__), plain(inspect.getdoc(kind).split("\n\n")[0]), _exit_code(kind))
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.NightsortError)
    ]
    return page(
        "Errors",
        "## Exit codes",
        table(("code", "means"), _CODES),
        "## Errors",
        "Of `nightsort.errors`, for who calls the library. Every message names the place, shows the value, and says "
        "what is allowed or what to do.",
        table(("error", "is a", "means", "exit code"), found),
    )


def _exit_code(kind: type[errors.NightsortError]) -> str:
    if issubclass(kind, errors.PictureError):
        return "none: a row in the quarantine"
    if issubclass(kind, errors.BusyError):
        return "0: the run is skipped"
    return "2" if issubclass(kind, errors.UserError) else "1"


def environment() -> str:
    """Every environment variable that is read."""
    sections = []
    for title, variables in VARIABLES.items():
        rows = [(code(name), meaning) for name, meaning in variables.items()]
        sections += [f"## {title}", table(("variable", "what it does"), rows)]
    return page(
        "Environment",
        "What the commands, the flows and their workers read. Libraries read more: a server's own settings are in "
        "[the server](../server.md), a store's in [storage](../storage.md), secrets in [security](../security.md).",
        *sections,
    )


def events() -> str:
    """The events that a run emits."""
    rows = [(code(name), when, ", ".join(map(code, payload))) for name, (when, payload) in EVENTS.items()]
    return page(
        "Events",
        "A run in Prefect emits them as it ends, and an automation may listen to them. "
        f"Each payload has {', '.join(map(code, PAYLOAD))} besides.",
        table(("event", "when", "payload"), rows),
        "The resource is the storage root, `nightsort.storage.<hash of its path>`. Its label "
        f"{code(STARTED)} is `{BY_ITSELF}`, or `by another flow` where the run is part of one, as the ingest of a "
        "retraining is. [Deploying](../deploying.md) says which automations there are.",
    )
